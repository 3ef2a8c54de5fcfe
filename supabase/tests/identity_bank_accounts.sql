-- Identity: bank accounts. Whose they are, what of them can be read, and how long they wait.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_user('host') as host, tests.make_user('other') as other, tests.make_admin('admin') as admin \gset
update private.rate_limits set capacity = 1000, per_minute = 1000 where action = 'set_bank_account';

create function tests.set_account(p_bin text default '970436', p_number text default '0123 456-789', p_holder text default 'Đặng  Thị Ánh', p_key uuid default gen_random_uuid())
returns text
language sql volatile
as $$ select format('select public.set_bank_account(%L, %L, %L, %L)', p_bin, p_number, p_holder, p_key) $$;

-- visitor, service ---------------------------------------------------------------------------------------------
select tests.as_visitor();
select is(tests.outcome(tests.set_account()), '42501', 'a visitor has no bank account');
select is(tests.outcome('select * from public.bank_accounts'), '42501', 'nor reads one');
select tests.as_service();
select is(tests.outcome(tests.set_account()), '42501', 'the service sets none for anybody');

-- owner --------------------------------------------------------------------------------------------------------
select tests.as_user(:'host');
select is(tests.outcome(tests.set_account(p_bin => '97043')), 'invalid_input', 'a bank has six digits');
select is(tests.outcome(tests.set_account(p_bin => null)), 'invalid_input', 'and is needed');
select is(tests.outcome(tests.set_account(p_number => '12345')), 'invalid_input', 'a number has at least six digits');
select is(tests.outcome(tests.set_account(p_number => repeat('1', 20))), 'invalid_input', 'and at most nineteen');
select is(tests.outcome(tests.set_account(p_number => '0123456789; drop')), 'invalid_input', 'and nothing else in it');
select is(tests.outcome(tests.set_account(p_holder => '東京')), 'invalid_input', 'a name has letters that banks know');
select is(tests.outcome(tests.set_account(p_holder => repeat('x', 71))), 'invalid_input', 'and an end');
select is(tests.outcome(tests.set_account(p_key => null)), 'invalid_input', 'a command needs its key');
select is(tests.outcome('select public.remove_bank_account()'), 'bank_account_not_found', 'what is not there is not removed');
select is(tests.outcome(tests.set_account(p_key => '00000000-0000-4000-8000-000000000001')), 'ok', 'the owner sets it');
select is(tests.outcome(tests.set_account(p_key => '00000000-0000-4000-8000-000000000001')), 'ok', 'repeatably');
select is(tests.outcome(tests.set_account(p_number => '9876543210', p_key => '00000000-0000-4000-8000-000000000001')), 'idempotency_conflict', 'but not to another with the same key');
select results_eq(
  'select bank_bin, account_last4, holder_name, usable_from = now() + interval ''24 hours'', removed_at from public.bank_accounts',
  $$ values ('970436', '6789', 'DANG THI ANH', true, null::timestamptz) $$,
  'once: four digits of the number, the name as banks write it, and 24 hours of waiting');
select is(tests.outcome($$ update public.bank_accounts set usable_from = now() - interval '1 day' $$), '42501', 'nobody shortens the wait');
select is(tests.outcome($$ delete from public.bank_accounts $$), '42501', 'nor deletes');
select is(tests.outcome('select * from private.bank_account_numbers'), '42501', 'nor reads the number');
select is(tests.outcome('select private.bank_account_number(id) from public.bank_accounts'), '42501', 'not even the own');
select id as first from public.bank_accounts \gset

-- others -------------------------------------------------------------------------------------------------------
select tests.as_user(:'other');
select is((select count(*)::int from public.bank_accounts), 0, 'others do not see it');
select is(tests.outcome(tests.set_account(p_number => '5555 6666')), 'ok', 'and have their own');
select is((select count(*)::int from public.bank_accounts), 1, 'alone');
select tests.as_user(:'admin');
select is((select count(*)::int from public.bank_accounts where user_id in (:'host', :'other')), 2, 'an admin sees both');
select is(tests.outcome(format('select private.bank_account_number(%L)', :'first')), '42501', 'but no number');
select tests.as_service();
select is(tests.outcome(format('select private.bank_account_number(%L)', :'first')), '42501', 'nor does the service by itself');

-- at rest ------------------------------------------------------------------------------------------------------
select tests.as_owner();
select is(private.bank_account_number(:'first'), '0123456789', 'what a transfer needs comes back whole');
select is(private.transfer_account(:'first'), '{"bank_bin": "970436", "account_number": "0123456789", "account_name": "DANG THI ANH"}'::jsonb, 'with bank and name');
select is((select count(*)::int from private.bank_account_numbers where position(convert_to('0123456789', 'utf8') in encrypted) > 0), 0, 'it is stored encrypted');
select is((select count(*)::int from private.idempotency_keys where response::text like '%0123456789%'), 0, 'no command keeps it');
select is((select count(*)::int from private.domain_events where data::text like '%456789%'), 0, 'nor does the log');
select is((select count(*)::int from private.outbox where payload::text like '%456789%'), 0, 'nor does a mail');
select is((select count(*)::int from public.notifications where data::text || body like '%456789%'), 0, 'nor a notification');
select is(tests.outcome($$ update private.bank_account_numbers set encrypted = '\x00' $$), '42501', 'it is never changed');
select is(tests.outcome(format($$ update public.bank_accounts set holder_name = 'X Y' where id = %L $$, :'first')), '42501', 'nor is a name, by any path');
select is(tests.outcome(format($$ insert into public.bank_accounts (user_id, bank_bin, account_last4, holder_name, usable_from) values (%L, '970436', '1111', 'X Y', now() + interval '1 day') $$, :'host')), '23505', 'two live accounts of one person cannot be stored');
select is(tests.outcome(format($$ insert into public.bank_accounts (user_id, bank_bin, account_last4, holder_name, usable_from) values (%L, '970436', '1111', 'X Y', now()) $$, :'admin')), '23514', 'nor one that does not wait');

-- change -------------------------------------------------------------------------------------------------------
select is((select array_agg(template) from public.notifications where user_id = :'host'), array['bank_account_changed'], 'the owner was told');
select is((select count(*)::int from tests.mails() where user_id = :'host' and text like '%6789%'), 1, 'by mail too');
select is((private.usable_bank_account(:'host')).id, null, 'it cannot be used yet');
update public.bank_accounts set created_at = created_at - interval '25 hours', usable_from = usable_from - interval '25 hours' where id = :'first';
select is((private.usable_bank_account(:'host')).id, :'first'::uuid, 'a day later it can');
select tests.as_user(:'host');
select is((select account_last4 from public.set_bank_account('970436', '0123456789', 'Dang Thi Anh', gen_random_uuid())), '6789', 'even the same, set again,');
select tests.as_owner();
select is((private.usable_bank_account(:'host')).id, null, 'waits again');
select is((select array_agg(removed_at is not null order by usable_from) from public.bank_accounts where user_id = :'host'), array[true, false], 'the old one is kept, removed');
select is(tests.outcome(format('update public.bank_accounts set removed_at = null where id = %L', :'first')), '42501', 'and does not come back');
select tests.as_user(:'host');
select ok((public.remove_bank_account()).removed_at is not null, 'the owner takes it away');
select is(tests.outcome('select public.remove_bank_account()'), 'bank_account_not_found', 'once');
select tests.as_owner();
select is((select array_agg(template order by created_at, id) from public.notifications where user_id = :'host'),
  array['bank_account_changed', 'bank_account_changed', 'bank_account_removed'], 'and is told of each change');
update private.rate_limits set capacity = 1, per_minute = 0.001 where action = 'set_bank_account';
delete from private.rate_buckets;
select tests.as_user(:'host');
select is(tests.outcome(tests.set_account()), 'ok', 'some changes are many enough');
select is(tests.outcome(tests.set_account()), 'rate_limited', 'then it waits');
select tests.as_owner();
select tests.settle();
select is(tests.broken_promises(), null, 'no promise is broken');

select * from finish();
rollback;

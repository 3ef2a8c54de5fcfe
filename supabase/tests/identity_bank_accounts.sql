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

create function tests.refused_field(p_sql text)
returns text
language plpgsql volatile
as $$
declare
  v_details text;
begin
  execute p_sql;
  return null;
exception
  when others then
    get stacked diagnostics v_details = pg_exception_detail;
    return v_details::jsonb ->> 'field';
end
$$;

-- visitor, service ---------------------------------------------------------------------------------------------
select tests.as_visitor();
select is(tests.outcome(tests.set_account()), '42501', 'a visitor cannot set a bank account');
select is(tests.outcome('select * from public.bank_accounts'), '42501', 'a visitor cannot read bank accounts');
select tests.as_service();
select is(tests.outcome(tests.set_account()), '42501', 'the service cannot set a bank account for anybody');

-- step-up ------------------------------------------------------------------------------------------------------
select tests.as_user(:'host');
select is(tests.outcome(tests.set_account()), 'step_up_required', 'a session without a step-up cannot set a bank account');
select is(tests.outcome('select public.remove_bank_account()'), 'step_up_required', 'a session without a step-up cannot remove a bank account');
select is(tests.outcome(tests.set_account(p_bin => '000000')), 'invalid_input', 'a form that is refused asks for no step-up');
select tests.as_owner();
insert into private.step_ups (user_id, session_id, valid_until) values (:'host', gen_random_uuid(), now() + interval '5 minutes'), (:'other', :'host', now() + interval '5 minutes');
select tests.as_user(:'host');
select is(tests.outcome(tests.set_account()), 'step_up_required', 'a step-up of another session or another person does not count');
select is((select count(*)::int from public.bank_accounts), 0, 'a refused change stores nothing');
select tests.step_up(:'host'), tests.step_up(:'other');

-- owner --------------------------------------------------------------------------------------------------------
select tests.as_user(:'host');
select is(tests.outcome(tests.set_account(p_bin => '97043')), 'invalid_input', 'a bank code of five digits is refused');
select is(tests.outcome(tests.set_account(p_bin => null)), 'invalid_input', 'an account without a bank is refused');
select is(tests.outcome(tests.set_account(p_bin => '000000')), 'invalid_input', 'an account at a bank that NAPAS does not know is refused');
select is(tests.refused_field(tests.set_account(p_bin => '970499')), 'bank_bin', 'the refusal of an unknown bank names the field');
select is(tests.outcome(tests.set_account(p_number => '12345')), 'invalid_input', 'an account number of five digits is refused');
select is(tests.outcome(tests.set_account(p_number => repeat('1', 20))), 'invalid_input', 'an account number of twenty digits is refused');
select is(tests.outcome(tests.set_account(p_number => '0123456789; drop')), 'invalid_input', 'an account number with other characters is refused');
select is(tests.outcome(tests.set_account(p_holder => '東京')), 'invalid_input', 'a holder name in letters that banks do not know is refused');
select is(tests.outcome(tests.set_account(p_holder => repeat('x', 71))), 'invalid_input', 'a holder name of more than 70 characters is refused');
select is(tests.outcome(tests.set_account(p_holder => '0123456789')), 'invalid_input', 'a holder name without a letter is refused');
select is(tests.outcome(tests.set_account(p_key => null)), 'invalid_input', 'an account cannot be set without an idempotency key');
select is(tests.outcome('select public.remove_bank_account()'), 'bank_account_not_found', 'an account that is not there cannot be removed');
select is((select array_agg(bin order by bin) from public.banks() where short_name in ('Vietcombank', 'MB Bank', 'Techcombank')), '{970407,970422,970436}', 'a person can list the banks');
select is(tests.outcome(tests.set_account(p_key => '00000000-0000-4000-8000-000000000001')), 'ok', 'the owner can set a bank account');
select is(tests.outcome(tests.set_account(p_key => '00000000-0000-4000-8000-000000000001')), 'ok', 'setting an account is safe to repeat with the same key');
select tests.as_owner();
update private.step_ups set valid_until = now();
select tests.as_user(:'host');
select is(tests.outcome(tests.set_account(p_key => '00000000-0000-4000-8000-000000000001')), 'ok', 'a repeat of what was done is answered when the step-up is over');
select is(tests.outcome(tests.set_account()), 'step_up_required', 'another change needs another step-up then');
select tests.step_up(:'host'), tests.step_up(:'other');
select is(tests.outcome(tests.set_account(p_number => '9876543210', p_key => '00000000-0000-4000-8000-000000000001')), 'idempotency_conflict', 'the same key with another number is refused');
select results_eq(
  'select bank_bin, account_last4, holder_name, usable_from = now() + interval ''24 hours'', removed_at from public.bank_accounts',
  $$ values ('970436', '6789', 'DANG THI ANH', true, null::timestamptz) $$,
  'an account is stored once, with four digits, the name as banks write it, and 24 hours of waiting');
select is(tests.outcome($$ update public.bank_accounts set usable_from = now() - interval '1 day' $$), '42501', 'the owner cannot shorten the wait of an account');
select is(tests.outcome($$ delete from public.bank_accounts $$), '42501', 'the owner cannot delete an account');
select is(tests.outcome('select * from private.bank_account_numbers'), '42501', 'the owner cannot read the stored numbers');
select is(tests.outcome('select private.bank_account_number(id) from public.bank_accounts'), '42501', 'the owner cannot decrypt the own number');
select id as first from public.bank_accounts \gset

-- others -------------------------------------------------------------------------------------------------------
select tests.as_user(:'other');
select is((select count(*)::int from public.bank_accounts), 0, 'others do not see the account');
select is(tests.outcome(tests.set_account(p_number => '5555 6666')), 'ok', 'another person can set an own account');
select is((select count(*)::int from public.bank_accounts), 1, 'another person sees the own account only');
select tests.as_user(:'admin');
select is((select count(*)::int from public.bank_accounts where user_id in (:'host', :'other')), 2, 'an admin sees the accounts of both');
select is(tests.outcome(format('select private.bank_account_number(%L)', :'first')), '42501', 'an admin cannot decrypt a number');
select tests.as_service();
select is(tests.outcome(format('select private.bank_account_number(%L)', :'first')), '42501', 'the service cannot decrypt a number by itself');

-- at rest ------------------------------------------------------------------------------------------------------
select tests.as_owner();
select is(private.bank_account_number(:'first'), '0123456789', 'the stored number decrypts to what was given');
select is(private.transfer_account(:'first'), '{"bank_bin": "970436", "account_number": "0123456789", "account_name": "DANG THI ANH"}'::jsonb, 'a transfer gets bank, number and name');
select is((select count(*)::int from private.bank_account_numbers where position(convert_to('0123456789', 'utf8') in encrypted) > 0), 0, 'the number is not stored in plain text');
select is((select count(*)::int from private.idempotency_keys where response::text like '%0123456789%'), 0, 'no stored answer of a command holds the number');
select is((select count(*)::int from private.domain_events where data::text like '%456789%'), 0, 'no event of the log holds the number');
select is((select count(*)::int from private.outbox where payload::text like '%456789%'), 0, 'no message in the outbox holds the number');
select is((select count(*)::int from public.notifications where data::text || body like '%456789%'), 0, 'no notification holds the number');
select is(tests.outcome($$ update private.bank_account_numbers set encrypted = '\x00' $$), '42501', 'a stored number cannot be changed');
select is(tests.outcome(format($$ update public.bank_accounts set holder_name = 'X Y' where id = %L $$, :'first')), '42501', 'the holder name of an account cannot be changed by any role');
select is(tests.outcome(format($$ insert into public.bank_accounts (user_id, bank_bin, account_last4, holder_name, usable_from) values (%L, '970436', '1111', 'X Y', now() + interval '1 day') $$, :'host')), '23505', 'two live accounts of one person cannot be stored');
select is(tests.outcome(format($$ insert into public.bank_accounts (user_id, bank_bin, account_last4, holder_name, usable_from) values (%L, '970436', '1111', 'X Y', now()) $$, :'admin')), '23514', 'an account that can be used at once cannot be stored');

-- change -------------------------------------------------------------------------------------------------------
select is((select array_agg(template) from public.notifications where user_id = :'host'), array['bank_account_changed'], 'the owner is told that the account changed');
select is((select count(*)::int from tests.mails() where user_id = :'host' and text like '%6789%'), 1, 'the owner is told of the new account by mail too');
select is((private.usable_bank_account(:'host')).id, null, 'a new account cannot be used on its first day');
update public.bank_accounts set created_at = created_at - interval '25 hours', usable_from = usable_from - interval '25 hours' where id = :'first';
select is((private.usable_bank_account(:'host')).id, :'first'::uuid, 'an account can be used a day after it was set');
select tests.as_user(:'host');
select is((select account_last4 from private.set_bank_account('970436', '0123456789', 'Dang Thi Anh', gen_random_uuid())), '6789', 'the owner can set the same account again');
select tests.as_owner();
select is((private.usable_bank_account(:'host')).id, null, 'an account that is set again waits again');
select is((select array_agg(removed_at is not null order by usable_from) from public.bank_accounts where user_id = :'host'), array[true, false], 'the former account is kept and marked as removed');
select is(tests.outcome(format('update public.bank_accounts set removed_at = null where id = %L', :'first')), '42501', 'a removed account cannot be brought back');
select tests.as_user(:'host');
select ok((public.remove_bank_account()).removed_at is not null, 'the owner can remove the account');
select is(tests.outcome('select public.remove_bank_account()'), 'bank_account_not_found', 'an account cannot be removed twice');
select tests.as_owner();
select is((select array_agg(template order by created_at, id) from public.notifications where user_id = :'host'),
  array['bank_account_changed', 'bank_account_changed', 'bank_account_removed'], 'the owner is told of each change of the account');
update private.rate_limits set capacity = 1, per_minute = 0.001 where action = 'set_bank_account';
delete from private.rate_buckets;
select tests.as_user(:'host');
select is(tests.outcome(tests.set_account()), 'ok', 'a change of the account within the limit is accepted');
select is(tests.outcome(tests.set_account()), 'rate_limited', 'a change of the account above the limit is refused');
select tests.as_owner();
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after all that');

select is(tests.outcome($$ insert into public.bank_accounts (user_id, bank_bin, account_last4, holder_name, usable_from) select id, '000000', '1234', 'A B', now() + interval '1 hour' from public.profiles p where not exists (select from public.bank_accounts b where b.user_id = p.id) limit 1 $$), '23503', 'no account at an unknown bank can be stored');
select is(tests.outcome($$ delete from private.banks where bin = '970436' $$), '23503', 'a bank that accounts name cannot be removed');

select * from finish();
rollback;

-- What an admin goes through day by day: refunds that wait for somebody, tries whose money is kept back, batches and
-- payouts. Who may is said first.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_user('rival') as rival,
  tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
select tests.make_vehicle(:'host') as vehicle, tests.make_vehicle(:'rival') as rival_vehicle \gset
update private.rate_limits set capacity = 1000, per_minute = 1000;

-- who may --------------------------------------------------------------------------------------------------------
create temporary table lists (name text, statement text);
insert into lists values
  ('list_refunds', 'select * from public.list_refunds()'),
  ('payment_attempts_needing_review', 'select * from public.payment_attempts_needing_review()'),
  ('list_payout_batches', 'select * from public.list_payout_batches()'),
  ('list_payouts', 'select * from public.list_payouts()');
grant select on lists to public;
select tests.as_visitor();
select is(tests.outcome(statement), '42501', 'a visitor cannot list ' || name) from lists;
select tests.as_service();
select is(tests.outcome(statement), '42501', 'the service cannot list ' || name) from lists;
select tests.as_user(:'renter');
select is(tests.outcome(statement), 'forbidden', 'a renter cannot list ' || name) from lists;
select tests.as_user(:'host');
select is(tests.outcome(statement), 'forbidden', 'a host cannot list ' || name) from lists;
select is(tests.outcome(format('select * from public.list_payouts(host_id => %L)', :'host')), 'forbidden', 'a host cannot list payouts as an admin does, not even the own');
select tests.as_user(:'admin');
select is(tests.outcome(statement), 'ok', 'an admin can list ' || name) from lists;
select is(tests.outcome(replace(statement, '()', $$(page_size => 0)$$)), 'invalid_input', 'a page of no row is refused: ' || name) from lists;
select is(tests.outcome(replace(statement, '()', $$(page_size => 101)$$)), 'invalid_input', 'a page of more than a hundred rows is refused: ' || name) from lists;
select is(tests.outcome(replace(statement, '()', $$(after => '{"id": 1}')$$)), 'invalid_input', 'a wrong cursor is refused: ' || name) from lists;
select is(tests.outcome($$ select * from public.list_refunds('lost') $$), 'invalid_input', 'refunds of an unknown state cannot be listed');
select is(tests.outcome($$ select * from public.list_refunds(needs => 'luck') $$), 'invalid_input', 'refunds that need something unknown cannot be listed');
select is(tests.outcome($$ select * from public.list_payout_batches('sent') $$), 'invalid_input', 'batches of an unknown state cannot be listed');
select is(tests.outcome($$ select * from public.list_payouts(status => 'sent') $$), 'invalid_input', 'payouts of an unknown state cannot be listed');
select tests.as_owner();

-- refunds ----------------------------------------------------------------------------------------------------------
-- A booking paid by this rail and called off, p_from hours from now: its refund, ordered p_ago ago.
create function tests.make_refund(p_from numeric, p_provider text, p_ago interval default '0')
returns uuid
language plpgsql volatile
as $$
declare
  v_renter uuid := (select id from public.profiles where display_name = 'renter');
  v_host uuid := (select id from public.profiles where display_name = 'host');
  v_booking_id uuid := tests.make_booking(v_renter, (select id from public.vehicles where host_id = v_host), tests.hours(p_from), tests.hours(p_from + 5));
  v_id uuid;
begin
  perform tests.provider_says(tests.start_payment(v_booking_id, p_provider));
  perform set_config('request.jwt.claims', json_build_object('sub', v_renter, 'role', 'authenticated')::text, true);
  perform tests.cancel_booking(v_booking_id);
  perform set_config('request.jwt.claims', '', true);
  select id into v_id from public.refunds where payable_id = v_booking_id;
  update public.refunds set ordered_at = now() - p_ago where id = v_id;
  return v_id;
end
$$;
create function tests.needs_of(p_refund_id uuid)
returns text
language plpgsql volatile
as $$
declare
  v_said text;
begin
  perform set_config('request.jwt.claims', json_build_object('sub', (select id from public.profiles where display_name = 'admin'), 'role', 'authenticated')::text, true);
  select coalesce(l.needs, 'nothing') into v_said from public.list_refunds(null) l where l.id = p_refund_id;
  perform set_config('request.jwt.claims', '', true);
  return v_said;
end
$$;

select tests.make_refund(200, 'vietqr') as fresh, tests.make_refund(206, 'vietqr', '4 days') as silent \gset
select is(tests.needs_of(:'fresh'), 'nothing', 'a refund needs nothing while its payer has three days to name an account');
select is(tests.needs_of(:'silent'), 'account', 'a refund without an account needs somebody to write after three days');
select is(tests.provider_says('J00000000000001', p_amount => 900000, p_transaction_id => 'lost'), 'unknown_reference', 'money under an unknown reference is kept');
select tests.as_user(:'admin');
select (public.settle_unmatched_money((select id from public.unmatched_money()), 'refund', gen_random_uuid()) ->> 'refund_id') as nobody \gset
select tests.as_owner();
select is(tests.needs_of(:'nobody'), 'account', 'a refund to nobody we know needs an account at once');

select tests.make_refund(212, 'vnpay', '6 days') as slow, tests.make_refund(218, 'vnpay', '8 days') as stuck \gset
select is(tests.needs_of(:'slow'), 'nothing', 'a refund at a provider needs nothing in its first days');
select is(tests.needs_of(:'stuck'), 'question', 'a refund at a provider needs a question after a week');
select public.record_refund_result(:'stuck', 'processing', 'v-8');
select is(tests.needs_of(:'stuck'), 'nothing', 'a refund that was accepted needs nothing for a week from then');
-- one transaction is one moment, and what happened is never changed: told as if it had been begun earlier
alter table private.domain_events disable trigger append_only;
update private.domain_events set occurred_at = now() - interval '8 days' where subject_id = :'stuck' and to_state = 'processing';
alter table private.domain_events enable trigger append_only;
select is(tests.needs_of(:'stuck'), 'question', 'a refund that was accepted needs a question a week later');

update private.outbox set status = 'dead', attempts = 12, finished_at = now() where topic = 'refund' and payload ->> 'refund_id' = :'slow';
select is(tests.needs_of(:'slow'), 'retry', 'a refund that the outbox gave up needs a retry');
insert into private.outbox (topic, payload, dedupe_key) values ('refund', jsonb_build_object('refund_id', :'slow', 'provider', 'vnpay'), 'another order');
select is(tests.needs_of(:'slow'), 'nothing', 'a refund that was ordered anew needs nothing');
select tests.make_refund(224, 'momo') as refused \gset
select public.record_refund_result(:'refused', 'failed', null, '1006');
select is(tests.needs_of(:'refused'), 'retry', 'a refund that failed needs a retry');

-- the payer names an account, and both that waited are on their way
select tests.as_user(:'renter');
select tests.step_up(:'renter');
select (private.set_bank_account('970436', '0011223344', 'NGUYEN VAN A', gen_random_uuid())).id as account \gset
select tests.as_owner();
select is(tests.needs_of(:'silent'), 'nothing', 'a transfer needs nothing in the first day of its account');
update public.bank_accounts set created_at = now() - interval '3 days', usable_from = now() - interval '2 days' where id = :'account';
update public.refunds set ordered_at = now() where id = :'fresh';
select is(tests.needs_of(:'fresh'), 'nothing', 'a transfer that is being sent needs nothing');
select is(tests.needs_of(:'silent'), 'question', 'a transfer that is not sent within a day needs a question');
update public.refunds set provider = 'manual' where id = :'fresh';
select is(tests.needs_of(:'fresh'), 'transfer', 'a transfer that no provider sends needs to be made by hand');
update public.bank_accounts set usable_from = now() + interval '1 hour', created_at = now() where id = :'account';
select is(tests.needs_of(:'fresh'), 'nothing', 'a transfer by hand needs nothing before its account may be used');
update public.bank_accounts set created_at = now() - interval '3 days', usable_from = now() - interval '2 days' where id = :'account';

select tests.make_refund(230, 'zalopay') as paid \gset
select public.record_refund_result(:'paid', 'succeeded', 'z-1');
select is(tests.needs_of(:'paid'), 'nothing', 'a refund that is paid needs nothing');

select tests.as_user(:'admin');
select is((select count(*)::int from public.list_refunds()), 6, 'an admin lists the refunds that are not paid');
select is((select count(*)::int from public.list_refunds(null)), 7, 'an admin can list all refunds');
select is((select array_agg(id) from public.list_refunds('succeeded')), array[:'paid'::uuid], 'an admin can list refunds that succeeded');
select is((select array_agg(id) from public.list_refunds('failed')), array[:'refused'::uuid], 'an admin can list refunds that failed');
select is((select array_agg(id) from public.list_refunds(needs => 'transfer')), array[:'fresh'::uuid], 'an admin can list refunds that need one thing');
select is((select array_agg(needs order by needs) from public.list_refunds(needs => 'any')), '{account,question,question,retry,transfer}', 'an admin can list refunds that need anything');
select is((select count(*)::int from public.list_refunds('pending', 'retry')), 0, 'an admin can list refunds by state and need at once');
select is((select count(*)::int from public.list_refunds(null, 'any')), 5, 'a paid refund is in no list of needs');
select is((select payer_id from public.list_refunds() where id = :'nobody'), null, 'a refund to nobody we know has no payer');
select is((select count(claimed_by)::int from public.list_refunds()), 0, 'no refund is claimed by itself');
select is((select payer_id || ' ' || (attempt_id is not null) || ' ' || coalesce(reason, 'none') from public.list_refunds() where id = :'stuck'), :'renter' || ' true none', 'a listed refund says whose it is and which try it gives back');

-- tries that a provider keeps back -----------------------------------------------------------------------------------
select tests.as_owner();
select tests.make_booking(:'renter', :'vehicle', tests.hours(300), tests.hours(305)) as kept \gset
select tests.start_payment(:'kept') as reference \gset
select tests.make_booking(:'renter', :'vehicle', tests.hours(310), tests.hours(315)) as plain \gset
select tests.start_payment(:'plain') as other_reference \gset
-- as function payment-webhooks tells of code 07
create function tests.suspects(p_reference text, p_provider text default 'vnpay')
returns bigint
language plpgsql volatile
as $$
declare
  v_event_id bigint := (public.record_payment_event(p_provider, p_reference || ':needs_review', true, p_reference, 'raw') ->> 'event_id')::bigint;
begin
  perform public.settle_payment_event(v_event_id, 'needs_review', 'VNPay suspects fraud');
  return v_event_id;
end
$$;
select tests.suspects(:'reference') as event, tests.suspects(:'other_reference', 'momo') \gset
select tests.as_user(:'admin');
select is(
  (select array_agg(format('%s %s %s %s %s', payable_id, payer_id, reference, note, event_id)) from public.payment_attempts_needing_review()),
  array[format('%s %s %s VNPay suspects fraud %s', :'kept', :'renter', :'reference', :'event')],
  'a try whose money is kept back is shown, and no other that has its reference by chance'
);
select public.acknowledge_payment_event(:event, 'called VNPay');
select is((select acknowledged_at is not null from public.payment_attempts_needing_review()), true, 'a try that needs review is still shown when somebody has looked');
select tests.as_owner();
select is(tests.provider_says(:'reference'), 'applied', 'a decision of the provider is applied to a try that was kept back');
select tests.as_user(:'admin');
select is((select count(*)::int from public.payment_attempts_needing_review()), 0, 'a try that was decided no longer needs review');
select tests.as_owner();

-- batches and payouts --------------------------------------------------------------------------------------------------
create function tests.earn(p_host_id uuid, p_vehicle_id uuid)
returns void
language plpgsql volatile
as $$
declare
  v_renter uuid := (select id from public.profiles where display_name = 'renter');
  v_booking uuid := tests.make_paid_booking(v_renter, p_vehicle_id, tests.hours(30), tests.hours(31));
begin
  perform tests.drive(v_booking, -3);
  delete from public.calendar_entries where booking_id = v_booking;
  update public.bookings set claim_until = now() - interval '1 second' where id = v_booking;
  if not exists (select from public.bank_accounts where user_id = p_host_id) then
    perform tests.step_up(p_host_id);
    perform set_config('request.jwt.claims', tests.claims(p_host_id), true);
    perform public.set_bank_account('970436', '0000001111', 'Nguyen Van A', gen_random_uuid());
    perform set_config('request.jwt.claims', '', true);
    update public.bank_accounts set created_at = now() - interval '3 days', usable_from = now() - interval '2 days' where user_id = p_host_id;
  end if;
end
$$;
select tests.earn(:'host', :'vehicle'), tests.earn(:'rival', :'rival_vehicle');
select private.schedule_payouts() as first \gset
update public.payout_batches set created_at = created_at - interval '1 day' where id = :'first';
update public.payouts set created_at = created_at - interval '1 day' where batch_id = :'first';
select tests.earn(:'host', :'vehicle');
select private.schedule_payouts() as second \gset
select id as last from public.payouts where batch_id = :'second' \gset
select tests.as_user(:'admin');
select public.approve_payout_batch(:'first'), public.freeze_payout(:'last', 'looks odd');
select is((select array_agg(id) from public.list_payout_batches()), array[:'second', :'first']::uuid[], 'an admin sees the batches, newest first');
select is((select approved_by from public.list_payout_batches('approved')), :'admin'::uuid, 'an admin lists the approved batches, and who approved them');
select is((select count(*)::int from public.list_payout_batches('proposed')), 0, 'a batch of held payouts is not in the list of proposed ones');
select public.unfreeze_payout(:'last');
select is((select array_agg(id) from public.list_payout_batches('proposed')), array[:'second'::uuid], 'a batch is proposed again once its payout is released');
select public.approve_payout_batch(:'second'), public.freeze_payout(:'last', 'looks odd again'), public.unfreeze_payout(:'last');
select is((select array_agg(id || ' ' || status) from public.list_payout_batches('proposed')), array[:'second' || ' approved'], 'a batch is proposed again also when it was approved before');
select tests.as_owner();
savepoint empty;
select tests.as_user(:'admin');
select public.cancel_payout(:'last');
select is((select count(*)::int from public.list_payout_batches('proposed')), 0, 'a batch of which nothing is left is no longer proposed');
select is((select count(*)::int from public.list_payout_batches()), 2, 'a batch of which nothing is left stays on record');
select tests.as_owner();
rollback to savepoint empty;
select tests.as_user(:'admin');
select public.freeze_payout(:'last', 'looks odd');
select is((select array_agg(id) from public.list_payout_batches(after => (select jsonb_build_object('created_at', b.created_at, 'id', b.id) from public.list_payout_batches(page_size => 1) b))), array[:'first'::uuid], 'an admin lists batches page by page');
select is((select count(*)::int from public.list_payouts()), 3, 'an admin can list all payouts');
select is((select array_agg(user_id order by user_id) from public.list_payouts(:'first')), array(select unnest(array[:'host', :'rival']::uuid[]) order by 1), 'an admin can list the payouts of a batch');
select is((select array_agg(freeze_reason) from public.list_payouts(status => 'frozen')), array['looks odd'], 'an admin can list the payouts of a state');
select is((select count(*)::int from public.list_payouts(host_id => :'host')), 2, 'an admin can list the payouts of a host');
select is((select array_agg(id) from public.list_payouts(:'second', 'frozen', :'host')), array[:'last'::uuid], 'an admin can list payouts by batch, state and host at once');
select is((select count(*)::int from public.list_payouts(:'second', 'frozen', :'rival')), 0, 'a batch holds no payout of a host who has none in it');
select is((select count(*)::int from public.list_payouts(gen_random_uuid())), 0, 'an invented batch holds no payout');

-- page by page, each once, also where two are of one moment -------------------------------------------------------------
select tests.as_owner();
create function tests.pages_of(p_list text, p_size int)
returns uuid[]
language plpgsql volatile
as $$
declare
  v_seen uuid[] := '{}';
  v_page jsonb;
  v_after jsonb;
begin
  loop
    execute format('select jsonb_agg(to_jsonb(r)) from public.%s r', p_list) into v_page using v_after, p_size;
    exit when v_page is null;
    v_seen := v_seen || array(select (x.one ->> 'id')::uuid from jsonb_array_elements(v_page) with ordinality x (one, place) order by x.place);
    v_after := jsonb_build_object('created_at', v_page -> -1 ->> 'created_at', 'id', v_page -> -1 ->> 'id');
  end loop;
  return v_seen;
end
$$;
select set_config('request.jwt.claims', json_build_object('sub', :'admin', 'role', 'authenticated')::text, true);
select is(tests.pages_of('list_refunds(after => $1, page_size => $2)', 2), array(select id from public.list_refunds()), 'pages of two list each refund once');
select is(tests.pages_of($$list_refunds(needs => 'any', after => $1, page_size => $2)$$, 1), array(select id from public.list_refunds(needs => 'any')), 'pages of one list each refund that needs somebody once');
select is(tests.pages_of('list_payouts(after => $1, page_size => $2)', 1), array(select id from public.list_payouts()), 'pages of one list each payout once');
select is(tests.pages_of('list_payout_batches(after => $1, page_size => $2)', 1), array(select id from public.list_payout_batches()), 'pages of one list each batch once');

select * from finish();
rollback;

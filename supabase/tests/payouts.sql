-- Payouts: what hosts earn, when it is theirs, and how it gets to them, once.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_user('rival') as rival,
  tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
select tests.make_vehicle(:'host') as vehicle, tests.make_vehicle(:'rival') as rival_vehicle \gset
update private.rate_limits set capacity = 1000, per_minute = 1000;

-- A trip from booking to check-out; p_closed: nothing can be claimed any more.
create function tests.make_trip(p_renter uuid, p_vehicle uuid, p_closed boolean default true)
returns uuid
language plpgsql volatile
as $$
declare
  v_booking uuid := tests.make_paid_booking(p_renter, p_vehicle, tests.hours(30), tests.hours(31));
begin
  perform tests.drive(v_booking, -3);
  -- out of the way of the next one
  delete from public.calendar_entries where booking_id = v_booking;
  if p_closed then
    update public.bookings set claim_until = now() - interval '1 second' where id = v_booking;
  end if;
  return v_booking;
end
$$;
create function tests.set_account(p_user uuid, p_number text, p_usable boolean default true)
returns uuid
language plpgsql volatile
as $$
declare
  v_id uuid;
begin
  perform tests.step_up(p_user);
  perform set_config('request.jwt.claims', tests.claims(p_user), true);
  v_id := (private.set_bank_account('970436', p_number, 'Nguyen Van A', gen_random_uuid())).id;
  perform set_config('request.jwt.claims', '', true);
  if p_usable then
    update public.bank_accounts set created_at = now() - interval '3 days', usable_from = now() - interval '2 days' where id = v_id;
  end if;
  return v_id;
end
$$;
create function tests.balance_of(p_user uuid)
returns text
language plpgsql volatile
as $$
declare
  v_said text;
begin
  perform set_config('request.jwt.claims', json_build_object('sub', p_user, 'role', 'authenticated')::text, true);
  select concat_ws(' ', currency, available, pending, on_the_way) into v_said from public.my_balance();
  perform set_config('request.jwt.claims', '', true);
  return v_said;
end
$$;

-- who may --------------------------------------------------------------------------------------------------------
create temporary table commands (name text, statement text);
insert into commands values
  ('propose_payouts', 'select public.propose_payouts()'),
  ('approve_payout_batch', 'select public.approve_payout_batch(gen_random_uuid())'),
  ('freeze_payout', $$ select public.freeze_payout(gen_random_uuid(), 'why') $$),
  ('unfreeze_payout', 'select public.unfreeze_payout(gen_random_uuid())'),
  ('retry_payout', 'select public.retry_payout(gen_random_uuid())'),
  ('cancel_payout', 'select public.cancel_payout(gen_random_uuid())'),
  ('record_manual_payout', $$ select public.record_manual_payout(gen_random_uuid(), 'FT123') $$),
  ('claim_manual_payout', 'select public.claim_manual_payout(gen_random_uuid())'),
  ('release_manual_payout', 'select public.release_manual_payout(gen_random_uuid())'),
  ('settle_payout', $$ select public.settle_payout(gen_random_uuid(), 'failed', null, 'seen there') $$),
  ('freeze_payable', $$ select public.freeze_payable(gen_random_uuid(), 'why') $$),
  ('unfreeze_payable', 'select public.unfreeze_payable(gen_random_uuid())');
grant select on commands to public;
select tests.as_visitor();
select is(tests.outcome(statement), '42501', 'a visitor cannot call ' || name) from commands;
select is(tests.outcome('select * from public.payouts'), '42501', 'a visitor cannot read payouts');
select tests.as_service();
select is(tests.outcome(statement), '42501', 'the service cannot call ' || name) from commands;
select tests.as_user(:'host');
select is(tests.outcome(statement), 'forbidden', 'a host cannot call ' || name) from commands;
select is(tests.outcome('select public.payout_to_send(gen_random_uuid())'), '42501', 'a host cannot send a payout');
select is(tests.outcome($$ select public.record_payout_result(gen_random_uuid(), 'succeeded') $$), '42501', 'a host cannot report the result of a payout');
select is(tests.outcome('select public.payout_statement(gen_random_uuid())'), 'payout_not_found', 'a payout that does not exist has no statement');
select is(tests.outcome($$ insert into public.payouts (user_id) values (auth.uid()) $$), '42501', 'a host cannot write a payout by hand');
select is(tests.outcome('select * from private.payout_items'), '42501', 'a host cannot read the entries of a payout');
select tests.as_user(:'admin');
select is(tests.outcome(statement), case when name = 'propose_payouts' then 'ok' when name like '%payable%' then 'payable_not_found' when name like '%batch%' then 'payout_batch_not_found' else 'payout_not_found' end,
  'an admin who names nothing that exists is told so: ' || name) from commands;
select tests.as_service();
select is(tests.outcome('select public.payout_to_send(gen_random_uuid())'), 'payout_not_found', 'the service cannot send a payout that does not exist');
select is(tests.outcome($$ select public.record_payout_result(gen_random_uuid(), 'succeeded') $$), 'payout_not_found', 'the service cannot report a payout that does not exist');

-- when it is theirs ------------------------------------------------------------------------------------------------
select tests.as_owner();
select tests.make_trip(:'renter', :'vehicle', false) as b1 \gset
select is(tests.balance_of(:'host'), 'VND 0 1360001 0', 'the money of a finished trip is pending');
select tests.as_user(:'admin');
select is((select count(*)::int from public.propose_payouts()), 0, 'money is not paid out while something may be claimed');
select tests.as_owner();
update public.bookings set claim_until = now() where id = :'b1';
select is(tests.balance_of(:'host'), 'VND 1360001 0 0', 'money is available when the claim window is over');
select is(private.schedule_payouts(), null, 'money waits while its host has no bank account');
select is(private.schedule_payouts(), null, 'money goes on waiting without a bank account');
select is((select count(*)::int from public.notifications where user_id = :'host' and template = 'bank_account_required'), 1, 'the host is told once that an account is needed');
select is((select count(*)::int from public.payout_batches), 0, 'no batch is made of nothing');
select tests.set_account(:'host', '0000001111', false) as a1 \gset
select is(private.schedule_payouts(), null, 'an account that was set today is not used today');
select is((select count(*)::int from public.notifications where user_id = :'host' and template = 'bank_account_required'), 1, 'the host is not told again that an account is needed');
update public.bank_accounts set created_at = now() - interval '3 days', usable_from = now() - interval '2 days' where id = :'a1';
select is(private.schedule_payouts(1360002), null, 'less than the minimum waits for more');
update private.settings set value = '1360002' where key = 'payout_minimum';
select is(private.schedule_payouts(), null, 'the minimum of the settings holds too');
update private.settings set value = '50000' where key = 'payout_minimum';
select tests.as_user(:'admin');
select id as batch, payouts, total, status from public.propose_payouts() \gset
select is(format('%s %s %s', :'payouts', :'total', :'status'), '1 1360001 proposed', 'what is due is proposed in a batch');
select is((select count(*)::int from public.propose_payouts()), 0, 'what was proposed is not proposed again');
select is((select count(*)::int from public.payout_batches), 1, 'one batch is made, which admins read');
select tests.as_owner();
select tests.settle();
select is(tests.balance_of(:'host'), 'VND 0 0 1360001', 'proposed money is on the way');
select is(private.balance('host_payable', :'host'), 0::bigint, 'proposed money is no longer owed to the host');
select id as p1 from public.payouts where user_id = :'host' \gset
select is(private.balance('payout_payable', :'p1'), 1360001::bigint, 'proposed money is set aside for the payout');

-- what cannot be stored ----------------------------------------------------------------------------------------------
create function tests.store(p_user uuid, p_batch uuid, p_account uuid, p_usable_from text, p_amount bigint)
returns text
language sql
as $$ select format('insert into public.payouts (user_id, batch_id, bank_account_id, bank_account_usable_from, amount, currency) values (%L, %L, %L, %s, %s, ''VND''); set constraints all immediate',
  p_user, p_batch, p_account, p_usable_from, p_amount) $$;
select tests.set_account(:'rival', '0000002222', false) as fresh \gset
select is(tests.outcome(tests.store(:'rival', :'batch', :'fresh', $$now() + interval '24 hours'$$, 5)), '23514', 'a payout to an account that cannot be used yet cannot be stored');
select is(tests.outcome(tests.store(:'rival', :'batch', :'fresh', $$now() - interval '1 hour'$$, 5)), '23503', 'a payout with a wrong time of its account cannot be stored');
select is(tests.outcome(tests.store(:'rival', :'batch', :'a1', $$now() - interval '2 days'$$, 5)), '23503', 'a payout to the account of somebody else cannot be stored');
select is(tests.outcome(tests.store(:'host', :'batch', :'a1', $$now() - interval '2 days'$$, 5)), '23514', 'a payout of no entries cannot be stored');
set constraints all deferred;
select is(tests.outcome(format('insert into private.payout_items (entry_id, payout_id) select entry_id, payout_id from private.payout_items where payout_id = %L', :'p1')), '23505', 'an entry cannot be paid twice');
select is(tests.outcome(format('update public.payouts set amount = 1360002 where id = %L', :'p1')), '42501', 'the sum of a payout cannot be changed');
select is(tests.outcome(format('update public.payouts set user_id = %L where id = %L', :'rival', :'p1')), '42501', 'the owner of a payout cannot be changed');
select is(tests.outcome(format('delete from public.payouts where id = %L', :'p1')), '42501', 'a payout cannot be deleted');
select is(tests.outcome(format('update private.ledger_accounts set owner = %L where owner = %L', :'rival', :'host')), '42501', 'a ledger account cannot be given to somebody else');
set constraints all deferred;
select is(tests.outcome(format('delete from private.payout_items where payout_id = %L; set constraints all immediate', :'p1')), '23514', 'an entry cannot be taken out of a payout');
set constraints all deferred;
select is(tests.outcome(format($$ insert into private.payout_items (entry_id, payout_id) select min(e.id), %L from private.ledger_entries e join private.ledger_accounts a on a.id = e.account_id and a.kind = 'escrow'; set constraints all immediate $$, :'p1')), '23514', 'an entry of another account cannot be in a payout');
set constraints all deferred;
select is(tests.outcome(format($$ select private.post_ledger('payout_reserved', 'x', 'VND', null, array[('host_payable', %L, 1), ('payout_payable', 'x', -1)]::private.ledger_line[]); set constraints all immediate $$, :'host')), '23514', 'more than is owed cannot be set aside');
set constraints all deferred;
select is(tests.outcome(format($$ select private.post_ledger('payout_paid', 'y', 'VND', null, array[('payout_payable', %L, 1360002), ('clearing', 'payos', -1360002)]::private.ledger_line[]); set constraints all immediate $$, :'p1')), '23514', 'more than is set aside cannot be paid');
set constraints all deferred;
select is(tests.outcome(format($$ update public.payouts set status = 'failed', provider = 'payos' where id = %L $$, :'p1')), 'illegal_transition', 'a payout that was not sent cannot fail');

-- what others see ----------------------------------------------------------------------------------------------------
select tests.as_user(:'host');
select is((select count(*)::int from public.my_payouts()), 1, 'a host sees the own payout');
select is((select count(*)::int from public.my_payouts(jsonb_build_object('created_at', now(), 'id', :'p1'))), 0, 'a host lists payouts page by page');
select is(tests.outcome($$ select public.my_payouts('{"created_at": "x"}') $$), 'invalid_input', 'payouts cannot be listed from a wrong cursor');
select is(public.payout_statement(:'p1') -> 'lines' -> 0 -> 'payable' ->> 'code', (select code from public.bookings where id = :'b1'), 'the statement of a payout names the trip');
select is((select sum((l ->> 'amount')::bigint) from jsonb_array_elements(public.payout_statement(:'p1') -> 'lines') l), 1360001::numeric, 'the lines of a statement add up to its payout');
select is(public.payout_statement(:'p1') -> 'account' ->> 'account_last4', '1111', 'a statement says to which account it goes');
select is((select count(*)::int from public.payout_batches), 0, 'a host does not see batches');
select tests.as_user(:'stranger');
select is((select count(*)::int from public.payouts), 0, 'a stranger sees no payout of others');
select is((select count(*)::int from public.my_payouts()), 0, 'a stranger has an empty list of payouts');
select is(tests.outcome(format('select public.payout_statement(%L)', :'p1')), 'payout_not_found', 'a stranger cannot read the statement of others');
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.payout_statement(%L)', :'p1')), 'ok', 'an admin can read a statement');

-- sending --------------------------------------------------------------------------------------------------------------
select tests.as_service();
select is(public.payout_to_send(:'p1'), null, 'what is not approved is not sent');
select is(tests.outcome(format($$ select public.record_payout_result(%L, 'succeeded') $$, :'p1')), 'illegal_transition', 'a payout that is not approved cannot be reported as sent');
select tests.as_owner();
delete from private.step_ups where user_id = :'admin';
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.approve_payout_batch(%L)', :'batch')), 'step_up_required', 'an admin''s session without a step-up cannot approve a batch');
select tests.step_up(:'admin');
select is((public.approve_payout_batch(:'batch')).status, 'approved', 'an admin can approve a batch');
select is((public.approve_payout_batch(:'batch')).approved_by, :'admin'::uuid, 'approving a batch is safe to repeat');
select tests.as_owner();
select is((select array_agg(payload) from private.outbox where topic = 'payout'), array[jsonb_build_object('payout_id', :'p1', 'provider', 'payos')], 'an approved payout is queued once');
select tests.as_service();
select public.payout_to_send(:'p1') as sent \gset
select is(:'sent'::jsonb -> 'account', '{"bank_bin": "970436", "account_number": "0000001111", "account_name": "NGUYEN VAN A"}'::jsonb, 'the service learns the account when it sends');
select is(:'sent'::jsonb -> 'payout' ->> 'status', 'processing', 'a payout that is sent is under way');
select is(public.payout_to_send(:'p1'), :'sent'::jsonb, 'asking again gives the same sending');
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.freeze_payout(%L, 'why') $$, :'p1')), 'illegal_transition', 'a payout that is under way cannot be frozen');
select is(tests.outcome(format('select public.cancel_payout(%L)', :'p1')), 'illegal_transition', 'a payout that is under way cannot be cancelled');
select is(tests.outcome(format($$ select public.record_manual_payout(%L, 'FT123') $$, :'p1')), 'illegal_transition', 'a payout that is under way cannot be paid by hand');
select is(tests.outcome(format('select public.retry_payout(%L)', :'p1')), 'illegal_transition', 'a payout that is under way cannot be sent again');
select tests.as_service();
select is(tests.outcome(format($$ select public.record_payout_result(%L, 'maybe') $$, :'p1')), 'invalid_input', 'a result other than processing, succeeded or failed is refused');
select is((public.record_payout_result(:'p1', 'processing', 'px')).provider_payout_id, 'px', 'the provider has an id for it');
savepoint settled;
select tests.as_owner();
update private.outbox set status = 'leased', lease_token = gen_random_uuid(), leased_until = now() + interval '1 minute' where topic = 'payout' and payload ->> 'payout_id' = :'p1';
select tests.as_user(:'admin');
select is(tests.outcome_details(format($$ select public.settle_payout(%L, 'failed', null, 'not in the portal') $$, :'p1')) ->> 'sending', 'true', 'a payout that is being sent cannot be settled');
rollback to settled;
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.settle_payout(%L, 'perhaps', 'py', 'the portal says so') $$, :'p1')), 'invalid_input', 'a settlement other than succeeded or failed is refused');
select is(tests.outcome(format($$ select public.settle_payout(%L, 'succeeded', ' ', 'the portal says so') $$, :'p1')), 'invalid_input', 'a settlement as succeeded needs the number of the provider');
select is(tests.outcome(format($$ select public.settle_payout(%L, 'failed', null, '') $$, :'p1')), 'invalid_input', 'a settlement needs a note');
select is((public.settle_payout(:'p1', 'failed', null, 'the portal does not know it')).failure_code, 'settled_by_admin', 'an admin can settle a payout as failed');
select is((public.retry_payout(:'p1')).status, 'approved', 'a payout that was settled as failed can be sent again');
select tests.as_service();
select is((public.record_payout_result(:'p1', 'processing', 'px', null, false, 1)).provider_payout_id, null, 'an answer to a former sending does not change the payout');
select is((public.record_payout_result(:'p1', 'succeeded', 'px', null, false, 1)).status, 'approved', 'a success of a former sending does not pay the payout');
select tests.as_owner();
select is((select string_agg(note, '; ') from private.payment_events where outcome = 'needs_review' and note like '%' || :'p1' || '%'), format('payout %s was paid by a sending that was given up, as px', :'p1'), 'a success of a former sending needs review');
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.settle_payout(%L, 'succeeded', 'py', 'the portal says so') $$, :'p1')), 'illegal_transition', 'a payout that was not sent cannot be settled');
rollback to settled;
select tests.as_user(:'admin');
select is((public.settle_payout(:'p1', 'succeeded', 'py', 'the portal says so')).provider_payout_id, 'py', 'an admin can settle a payout as succeeded');
select is(tests.outcome(format($$ select public.settle_payout(%L, 'failed', null, 'it came back') $$, :'p1')), 'illegal_transition', 'a payout that was settled as succeeded is final');
select tests.as_owner();
select is((select array_agg((data ->> 'outcome') || ' ' || (data ->> 'note')) from private.domain_events where type = 'payout.settled_by_admin' and actor_id = :'admin' and subject_id = :'p1'), array['succeeded the portal says so'], 'each settlement is on record with its admin');
select is((select count(*)::int from private.reconcile_ledger()), 0, 'the ledger agrees with the rows after the settlement');
rollback to settled;
savepoint ours;
select public.record_payout_result(:'p1', 'failed', null, 'BALANCE_NOT_ENOUGH', true) is null as fails \gset
select tests.as_owner();
select count(*) = 0 as untold from public.notifications where user_id = :'host' and template = 'payout_failed' \gset
rollback to ours;
select ok(:'untold'::boolean, 'a host is not told of our own account''s want of money');
select is((public.record_payout_result(:'p1', 'failed', null, 'ACCOUNT_CLOSED')).failure_code, 'ACCOUNT_CLOSED', 'a payout can be reported as failed');
select is((public.record_payout_result(:'p1', 'failed', null, 'ACCOUNT_CLOSED')).status, 'failed', 'the same report of a payout says the same');
select is((public.record_payout_result(:'p1', 'processing')).status, 'failed', 'a failed payout does not go on by itself');
select is(public.payout_to_send(:'p1'), null, 'a failed payout is not sent');
select tests.as_owner();
select is((select count(*)::int from public.notifications where user_id = :'host' and template = 'payout_failed'), 1, 'the host is told once that the payout failed');
select is(tests.balance_of(:'host'), 'VND 0 0 1360001', 'the money of a failed payout stays on the way');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after the failure');

-- a freeze of a booking's money -----------------------------------------------------------------------------------------------------
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.freeze_payable(%L, ' ') $$, :'b1')), 'invalid_input', 'a freeze needs a reason');
select is(public.freeze_payable(:'b1', 'damage') ->> 'frozen', 'true', 'an admin can freeze the money of a booking');
select is(jsonb_array_length(public.freeze_payable(:'b1', 'damage') -> 'freezes'), 1, 'holding money for the same reason is safe to repeat');
select is(jsonb_array_length(public.freeze_payable(:'b1', 'speeding') -> 'freezes'), 2, 'money can be frozen for another reason too');
select is(tests.outcome(format('select public.retry_payout(%L)', :'p1')), 'money_frozen', 'a payout that carries frozen money cannot be sent again');
select tests.as_owner();
select is(private.return_due_deposits(), 0, 'the deposit of frozen money is not returned by the job');
select is((select deposit_status from public.bookings where id = :'b1'), 'held', 'the deposit of frozen money is kept');
select tests.as_user(:'host');
select is(tests.outcome(format('select public.release_deposit(%L, gen_random_uuid())', :'b1')), 'money_frozen', 'the host cannot release the deposit of frozen money');
select tests.as_user(:'admin');
select is(public.unfreeze_payable(:'b1', 'damage') ->> 'frozen', 'true', 'money stays frozen while one reason is left');
select is(public.unfreeze_payable(:'b1') ->> 'frozen', 'false', 'money is free when all reasons are released');
select is(public.unfreeze_payable(:'b1') ->> 'frozen', 'false', 'releasing money is safe to repeat');
select tests.as_owner();
select is(private.return_due_deposits(), 1, 'the deposit returns when the money is free');
select tests.as_user(:'admin');
select is((public.retry_payout(:'p1')).status, 'approved', 'a payout can be sent again when the money is free');
select is(tests.outcome(format('select public.retry_payout(%L)', :'p1')), 'illegal_transition', 'a payout that is sent again cannot be sent once more');
select tests.as_owner();
select is((select count(*)::int from private.outbox where topic = 'payout'), 2, 'sending a payout again queues a second sending');
select tests.as_service();
select isnt(public.payout_to_send(:'p1') ->> 'request_key', :'sent'::jsonb ->> 'request_key', 'a second sending has a key of its own');
select is((public.record_payout_result(:'p1', 'succeeded', 'py')).status, 'paid', 'a payout can be reported as paid');
select is((public.record_payout_result(:'p1', 'succeeded', 'py')).status, 'paid', 'the same report of a paid payout says the same');
select is((public.record_payout_result(:'p1', 'failed')).status, 'paid', 'a failure after the success of a payout changes nothing');
select tests.as_owner();
select tests.settle();
select is(tests.balance_of(:'host'), 'VND 0 0 0', 'nothing is on the way after the payout');
select is(private.balance('payout_payable', :'p1'), 0::bigint, 'nothing is set aside after the payout');
select is((select count(*)::int from public.notifications where user_id = :'host' and template = 'payout_paid'), 1, 'the host is told that the payout was paid');
select is(tests.broken_promises(), null, 'no invariant is violated after the payout');

-- freezes and payouts that are scheduled ---------------------------------------------------------------------------------
select tests.make_trip(:'renter', :'vehicle') as b2 \gset
select tests.make_trip(:'renter', :'vehicle') as b3 \gset
select tests.as_user(:'admin');
select public.freeze_payable(:'b2', 'before');
select tests.as_owner();
select is(tests.balance_of(:'host'), 'VND 1360001 1360001 0', 'frozen money is not paid out');
select private.schedule_payouts() as batch2 \gset
select id as p2 from public.payouts where batch_id = :'batch2' \gset
select is((select amount from public.payouts where id = :'p2'), 1360001::bigint, 'money that is not frozen is paid out');
select tests.as_user(:'admin');
select public.approve_payout_batch(:'batch2');
select public.freeze_payable(:'b3', 'after');
select is((select status || ' ' || freeze_reason from public.payouts where id = :'p2'), 'frozen money_frozen', 'a freeze that comes later freezes the payout');
select is(tests.outcome(format('select public.unfreeze_payout(%L)', :'p2')), 'money_frozen', 'a payout of frozen money cannot be unfrozen');
select tests.as_service();
select is(public.payout_to_send(:'p2'), null, 'a frozen payout is not sent, though it was queued');
select tests.as_user(:'admin');
select public.unfreeze_payable(:'b3');
select is((select status from public.payouts where id = :'p2'), 'scheduled', 'a payout is scheduled again when its last freeze ends');
select is((select count(*)::int from public.payouts where id = :'p2' and freeze_reason is null), 1, 'a payout that is scheduled again has no reason for a freeze');
select is((public.freeze_payout(:'p2', 'looks odd')).freeze_reason, 'looks odd', 'an admin can freeze a payout for a reason of its own');
select public.freeze_payable(:'b3', 'again'), public.unfreeze_payable(:'b3');
select is((select status from public.payouts where id = :'p2'), 'frozen', 'releasing the money of a booking does not release the payout');
select is((public.unfreeze_payout(:'p2')).status, 'scheduled', 'an admin can release a payout');
select is(tests.outcome(format('select public.unfreeze_payout(%L)', :'p2')), 'illegal_transition', 'a released payout cannot be released again');
select tests.as_owner();
select is((select count(*)::int from public.notifications where user_id = :'host' and template = 'payout_frozen'), 2, 'the host is told when it is frozen, each time');

-- a change of account --------------------------------------------------------------------------------------------------
select tests.as_user(:'admin');
select public.approve_payout_batch(:'batch2');
select tests.as_owner();
select tests.set_account(:'host', '0000003333', false) as a2 \gset
select is((select status from public.payouts where id = :'p2'), 'cancelled', 'a payout that is not sent can be cancelled');
select is(tests.balance_of(:'host'), 'VND 1360001 1360001 0', 'the money of a cancelled payout is available again');
select tests.as_service();
select is(public.payout_to_send(:'p2'), null, 'the queued sending finds nothing to send');
select tests.as_user(:'host');
select is(public.payout_statement(:'p2') -> 'lines', '[]'::jsonb, 'a cancelled payout is made of nothing');
select tests.as_owner();
select is(private.schedule_payouts(), null, 'a new account waits before it is used');
update public.bank_accounts set created_at = now() - interval '3 days', usable_from = now() - interval '2 days' where id = :'a2';
select private.schedule_payouts() as batch3 \gset
select id as p3 from public.payouts where batch_id = :'batch3' \gset
select is((select bank_account_id from public.payouts where id = :'p3'), :'a2'::uuid, 'a payout is scheduled to the new account after its wait');
select tests.as_user(:'admin');
select public.freeze_payout(:'p3', 'looks odd');
select tests.as_owner();
select tests.set_account(:'host', '0000004444', false) as a3 \gset
select is((select status from public.payouts where id = :'p3'), 'frozen', 'a change of account ends no freeze');
select tests.as_user(:'admin');
select is(tests.outcome_details(format('select public.unfreeze_payout(%L)', :'p3')) - 'usable_from', '{"code": "bank_account_required"}'::jsonb, 'releasing a payout needs an account that can be used');
select tests.as_owner();
update public.bank_accounts set created_at = now() - interval '3 days', usable_from = now() - interval '2 days' where id = :'a3';
select tests.as_user(:'admin');
select is((public.unfreeze_payout(:'p3')).bank_account_id, :'a3'::uuid, 'a released payout goes to the present account');
select public.freeze_payable(:'b3', 'last');
select tests.as_user(:'host');
select tests.step_up(:'host');
select public.remove_bank_account();
select tests.as_user(:'admin');
select public.unfreeze_payable(:'b3'), public.unfreeze_payable(:'b2');
select is((select status from public.payouts where id = :'p3'), 'cancelled', 'a release without any account gives the entries back');
select tests.as_owner();
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after the changes of accounts');

-- by hand, late, and too late ------------------------------------------------------------------------------------------
select is(tests.balance_of(:'host'), 'VND 2720002 0 0', 'the money of two trips is available');
select tests.set_account(:'host', '0000005555') as a4 \gset
update private.settings set value = '"manual"' where key = 'payout_provider';
delete from private.outbox where topic = 'payout';
select private.schedule_payouts() as batch4 \gset
select id as p4 from public.payouts where batch_id = :'batch4' \gset
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.record_manual_payout(%L, 'FT123') $$, :'p4')), 'illegal_transition', 'without approval nobody pays by hand');
select public.approve_payout_batch(:'batch4');
select is(tests.outcome(format($$ select public.record_manual_payout(%L, ' x ') $$, :'p4')), 'invalid_input', 'a transfer by hand has a reference');
select tests.as_service();
select is(public.payout_to_send(:'p4'), null, 'what is paid by hand is not sent');
select is(tests.outcome(format($$ select public.record_payout_result(%L, 'succeeded') $$, :'p4')), 'illegal_transition', 'a payout by hand cannot be reported by the service');
select tests.as_user(:'admin');
select is((public.record_manual_payout(:'p4', ' FT123 ')).bank_reference, 'FT123', 'an admin can record a payout by hand');
select is((public.record_manual_payout(:'p4', 'FT123')).status, 'paid', 'the same record of a payout is the same');
select is(tests.outcome(format($$ select public.record_manual_payout(%L, 'FT124') $$, :'p4')), 'already_paid', 'another transfer for a paid payout is refused');
select is(
  tests.outcome_details(format($$ select public.record_manual_payout(%L, 'FT124') $$, :'p4')),
  jsonb_build_object('code', 'already_paid', 'provider', 'manual', 'reference', 'FT123', 'paid_at', now(), 'recorded_by', :'admin', 'recorded_by_name', 'admin'),
  'an admin who records a second transfer hears by which it was paid, when, and who said so');
select is(tests.outcome(format('select public.claim_manual_payout(%L)', :'p4')), 'already_paid', 'an admin cannot claim a payout that was paid');
select tests.as_owner();
select is((select count(*)::int from private.outbox where topic = 'payout'), 0, 'a payout by hand is not queued');
select is(private.balance('clearing', 'manual'), 2720002::bigint, 'the money has left by our own bank');
update private.settings set value = '"payos"' where key = 'payout_provider';

select tests.make_trip(:'renter', :'vehicle') as b5 \gset
select private.schedule_payouts() as batch5 \gset
select id as p5 from public.payouts where batch_id = :'batch5' \gset
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.claim_manual_payout(%L)', :'p5')), 'illegal_transition', 'what waits for approval is not paid by hand');
select public.approve_payout_batch(:'batch5');

-- claimed by an admin who goes to the bank
select tests.as_owner();
savepoint claimed;
select tests.make_admin('second') as second \gset
create function tests.sent_in(p_payout_id uuid) returns interval language sql stable
as $$ select max(available_at) - now() from private.outbox where topic = 'payout' and payload ->> 'payout_id' = p_payout_id::text $$;
create function tests.refused(p_payout_id uuid) returns text language sql volatile
as $$ select string_agg(c || ' ' || tests.outcome(format(statement, p_payout_id)), ', ') from (values
  ('record', $q$ select public.record_manual_payout(%L, 'FT125') $q$), ('claim', 'select public.claim_manual_payout(%L)'), ('release', 'select public.release_manual_payout(%L)')) v (c, statement) $$;
select tests.as_user(:'admin');
select public.claim_manual_payout(:'p5') as claim \gset
select is(:'claim'::jsonb, jsonb_build_object('claimed_by', :'admin', 'claimed_by_name', 'admin', 'claimed_at', now(), 'expires_at', now() + interval '1 day'), 'an admin can claim a payout for a day');
select is(public.claim_manual_payout(:'p5'), :'claim'::jsonb, 'claiming a payout again gives the same claim');
select is((select claimed_by || ' ' || (claimed_at = now()) from public.list_payouts(:'batch5')), :'admin' || ' true', 'the list says who claims a payout');
select is(tests.outcome(format('select public.cancel_payout(%L)', :'p5')), 'transfer_claimed', 'the admin who claimed cannot cancel the payout, as the money may have left');
select tests.as_user(:'second');
select is(tests.refused(:'p5'), 'record transfer_claimed, claim transfer_claimed, release transfer_claimed', 'another admin can neither record, claim nor release a claimed payout');
select tests.as_owner();
savepoint gone;
delete from public.user_roles where user_id = :'admin';
select tests.as_user(:'second');
select is(public.claim_manual_payout(:'p5') ->> 'claimed_by_name', 'second', 'another admin can claim a payout whose claimer is no admin any more');
rollback to gone;
select tests.as_user(:'second');
select is(tests.outcome_details(format('select public.claim_manual_payout(%L)', :'p5')), :'claim'::jsonb || '{"code": "transfer_claimed"}', 'another admin hears who claims the payout');
select tests.as_user(:'host');
select is((select string_agg(k, ',') from public.payouts o, jsonb_object_keys(to_jsonb(o)) k where k like 'claim%'), null, 'the host does not see who claims the payout');
select tests.as_owner();
select is(tests.sent_in(:'p5'), interval '1 day', 'a claimed payout is not sent for a day');
select tests.as_service();
select is(tests.outcome(format('select public.payout_to_send(%L)', :'p5')), 'transfer_claimed', 'a worker cannot send a claimed payout');
select tests.as_user(:'second');
select public.freeze_payout(:'p5', 'looks odd');
select is(tests.outcome(format('select public.unfreeze_payout(%L)', :'p5')), 'transfer_claimed', 'a claimed payout can be frozen, and cannot be unfrozen from there');
select public.freeze_payable(:'b5', 'damage'), public.unfreeze_payable(:'b5');
select tests.as_owner();
select is((select status from public.payouts where id = :'p5'), 'frozen', 'a claimed payout stays frozen when the money of its booking is free again');
update private.manual_claims set expires_at = expires_at + interval '1 hour' where subject_id = :'p5';
-- as when the last freeze of a booking ends
update public.payouts set status = 'scheduled', freeze_reason = null where id = :'p5';
delete from private.outbox where topic = 'payout';
select tests.as_user(:'second');
select public.approve_payout_batch(:'batch5');
select tests.as_owner();
select is(tests.sent_in(:'p5'), interval '25 hours', 'an approval waits for the end of the claim');
savepoint released;
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.release_manual_payout(%L)', :'p5')), 'ok', 'the admin who claimed can release the claim of a payout');
select is(tests.outcome(format('select public.release_manual_payout(%L)', :'p5')), 'ok', 'releasing the claim of a payout is safe to repeat');
select tests.as_owner();
select is(tests.sent_in(:'p5'), interval '0', 'a payout whose claim was released is sent at once');
update private.outbox set status = 'leased', lease_token = gen_random_uuid(), leased_until = now() + interval '1 minute' where topic = 'payout';
select tests.as_user(:'admin');
select is(tests.outcome_details(format('select public.claim_manual_payout(%L)', :'p5')) ->> 'sending', 'true', 'a payout that is being sent cannot be claimed');
select tests.as_owner();
rollback to savepoint released;
update private.manual_claims set claimed_at = now() - interval '25 hours', expires_at = now() where subject_id = :'p5';
select tests.as_user(:'second');
select is((select claimed_by from public.list_payouts(:'batch5')), null, 'the claim of a payout is over after its time');
select is(public.claim_manual_payout(:'p5') ->> 'claimed_by_name', 'second', 'another admin can claim the payout after that');
select is((public.record_manual_payout(:'p5', 'FT125')).status, 'paid', 'the admin who claimed can record the payout');
select tests.as_owner();
select is((select count(*)::int from private.manual_claims), 0, 'recording the payout ends the claim');
select is((select array_agg(type order by id) from private.domain_events where subject_id = :'p5' and type like '%claim%'), '{payout.claimed_by_hand,payout.claimed_by_hand}', 'each claim of the payout is on record');
rollback to savepoint claimed;
savepoint failed;
select tests.as_service();
select public.payout_to_send(:'p5');
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.claim_manual_payout(%L)', :'p5')), 'illegal_transition', 'what a provider works on is not paid by hand');
select tests.as_service();
select public.record_payout_result(:'p5', 'failed', null, 'TIMEOUT');
select tests.as_user(:'admin');
select public.claim_manual_payout(:'p5');
select is(tests.outcome(format('select public.retry_payout(%L)', :'p5')), 'transfer_claimed', 'a claimed payout cannot be sent again by a provider');
select tests.as_service();
select is((public.record_payout_result(:'p5', 'succeeded', 'pz')).status, 'paid', 'a claimed payout that had gone through is paid');
select tests.as_user(:'admin');
select is(
  tests.outcome_details(format($$ select public.record_manual_payout(%L, 'FT126') $$, :'p5')) - 'paid_at',
  '{"code": "already_paid", "provider": "payos", "reference": "pz", "recorded_by": null, "recorded_by_name": null}', 'an admin who records it hears that a provider has paid');
select tests.as_owner();
select is((select count(*)::int from private.manual_claims), 0, 'a payout that a provider has paid is claimed no more');
rollback to savepoint failed;
select tests.as_service();
select public.payout_to_send(:'p5'), public.record_payout_result(:'p5', 'failed', null, 'TIMEOUT');
select is((public.record_payout_result(:'p5', 'succeeded', 'pz')).status, 'paid', 'a failure that was none is paid');
select tests.as_owner();
select tests.make_trip(:'renter', :'vehicle') as b6 \gset
select private.schedule_payouts() as batch6 \gset
select id as p6 from public.payouts where batch_id = :'batch6' \gset
select tests.as_user(:'admin');
select public.approve_payout_batch(:'batch6');
select tests.as_service();
select public.payout_to_send(:'p6'), public.record_payout_result(:'p6', 'failed', null, 'TIMEOUT');
select tests.as_user(:'admin');
select is((public.cancel_payout(:'p6')).status, 'cancelled', 'a failed payout is dissolved');
select tests.as_owner();
select private.schedule_payouts() as batch7 \gset
select tests.settle();
select tests.as_service();
select is((public.record_payout_result(:'p6', 'succeeded', 'pq')).status, 'paid', 'a cancelled payout that had gone through is paid');
select is((public.record_payout_result(:'p6', 'succeeded', 'pq')).status, 'paid', 'the same report of a cancelled payout says the same');
select tests.as_owner();
select tests.settle();
select is(tests.balance_of(:'host'), 'VND -1360001 0 1360001', 'the host owes what came twice');
select is(private.schedule_payouts(), null, 'a host who owes gets no payout');
select tests.make_trip(:'renter', :'vehicle') as b7 \gset
select tests.make_trip(:'renter', :'vehicle') as b8 \gset
select private.schedule_payouts() as batch8 \gset
select is((select total from public.payout_batches where id = :'batch8'), 1360001::bigint, 'the next payout is less by it');
select is((select jsonb_array_length(public.payout_statement(id) -> 'lines') from (select tests.as_user(:'host')) s, public.payouts where batch_id = :'batch8'), 3, 'the statement of the next payout shows what was owed');
select tests.as_owner();
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after a payout that came twice');

-- the other host ---------------------------------------------------------------------------------------------------------
update public.bank_accounts set created_at = now() - interval '3 days', usable_from = now() - interval '2 days' where id = :'fresh';
select tests.make_trip(:'renter', :'rival_vehicle') as r1 \gset
select tests.make_paid_booking(:'renter', :'rival_vehicle', tests.hours(10), tests.hours(12)) as r2 \gset
select tests.as_user(:'renter');
select tests.cancel_booking(:'r2');
select tests.as_owner();
select private.schedule_payouts() as batch9 \gset
select is((select total from public.payout_batches where id = :'batch9'), (select 1360001 + a.host_keeps from public.bookings b, private.cancellation_amounts(b, b.refund_bps) a where b.id = :'r2'),
  'what a late cancellation leaves is payable at once, with the trip');
select is((select array_agg(user_id) from public.payouts where batch_id = :'batch9'), array[:'rival'::uuid], 'what a late cancellation leaves goes to its host');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after a late cancellation');
select is((select sum(amount) from private.ledger_entries), 0::numeric, 'all entries of the ledger add up to zero');

-- given up on its way, and paid twice ------------------------------------------------------------------------------------
select id as p9 from public.payouts where batch_id = :'batch9' \gset
select tests.as_user(:'admin');
select public.approve_payout_batch(:'batch9');
select tests.as_service();
select public.payout_to_send(:'p9');
select tests.as_owner();
update private.outbox set status = 'dead', attempts = 12, finished_at = now() where topic = 'payout' and payload ->> 'payout_id' = :'p9';
select tests.as_user(:'stranger');
select is(tests.outcome(format('select public.retry_payout(%L)', :'p9')), 'forbidden', 'a stranger cannot send a payout again');
select tests.as_user(:'admin');
select is((public.retry_payout(:'p9')).sending, 1, 'an admin lets the same sending go on');
select is(tests.outcome(format('select public.retry_payout(%L)', :'p9')), 'illegal_transition', 'a payout that goes on cannot be let go on again');
select tests.as_owner();
select is((select string_agg(status || ' ' || attempts, ', ') from private.outbox where topic = 'payout' and payload ->> 'payout_id' = :'p9'), 'pending 1', 'a payout that goes on counts as tried');
select is((public.record_payout_result(:'p9', 'failed', null, 'TIMEOUT')).status, 'failed', 'a payout that went on can fail');
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.record_manual_payout(%L, ' FT123 ') $$, :'p9')), 'invalid_input', 'a transfer that paid another payout cannot pay this one');
select is((public.record_manual_payout(:'p9', 'FT777')).status, 'paid', 'an admin can pay a failed payout by hand');
select tests.as_owner();
select is((public.record_payout_result(:'p9', 'succeeded', 'late')).bank_reference, 'FT777', 'a provider that has paid it too changes nothing');
select is((public.record_payout_result(:'p9', 'succeeded', 'late')).status, 'paid', 'a provider that says so twice changes nothing');
select is(
  (select string_agg(provider || ' ' || reference || ': ' || note, '; ') from private.payment_events where outcome = 'needs_review' and note like '%' || :'p9' || '%'),
  format('payos late: payout %s was paid already, by manual FT777', :'p9'), 'somebody must look, once');
select is(tests.outcome(format($$ update public.payouts set provider = 'payos', provider_payout_id = 'py' where id = %L $$, :'p9')), '23505', 'one transfer of a provider pays one payout');

-- one whose books are wrong keeps nobody else from being paid -----------------------------------------------------------------
select tests.make_trip(:'renter', :'vehicle'), tests.make_trip(:'renter', :'rival_vehicle');
select tests.settle();
select private.post_ledger('payout_mended', 'by hand', 'VND', null, array[('host_payable', :'rival', 100000), ('platform_revenue', '', -100000)]::private.ledger_line[]);
select private.schedule_payouts() as batch10 \gset
select is((select array_agg(user_id) from public.payouts where batch_id = :'batch10'), array[:'host'::uuid], 'the other host is paid');
select is((select count(*)::int from private.payout_items i join public.payouts o on o.id = i.payout_id where o.user_id = :'rival' and o.batch_id = :'batch10'), 0, 'nothing is left of a payout that failed with its batch');
select tests.settle();

-- what a host has ------------------------------------------------------------------------------------------------
select tests.make_user('earner') as earner \gset
select tests.make_paid_booking(:'renter', tests.make_vehicle(:'earner'), tests.hours(100), tests.hours(110)) as b3 \gset
select tests.as_user(:'earner');
select results_eq('select available, pending from public.my_balance()', 'values (0::bigint, 0::bigint)', 'a host has no balance before the trip');
select tests.as_owner();
select tests.drive(:'b3', -12);
select tests.as_user(:'earner');
select results_eq('select available, pending from public.my_balance()', 'values (0::bigint, 1360001::bigint)', 'the rent waits for the claim window after the trip');
select public.release_deposit(:'b3', gen_random_uuid());
select results_eq('select available, pending from public.my_balance()', 'values (1360001::bigint, 0::bigint)', 'the rent is available after the claim window');
select results_eq('select payout_minimum, below_minimum from public.my_balance()', 'values (50000::bigint, false)', 'a balance above the minimum of a payout says so');
select tests.as_owner();
update private.settings set value = '1360002' where key = 'payout_minimum';
select tests.as_user(:'earner');
select results_eq('select available, payout_minimum, below_minimum from public.my_balance()', 'values (1360001::bigint, 1360002::bigint, true)', 'a balance below the minimum of a payout says so');
select tests.as_user(:'stranger');
select results_eq('select available, pending from public.my_balance()', 'values (0::bigint, 0::bigint)', 'others have nothing of the rent');

select * from finish();
rollback;

-- Payouts that a bank gives back: the money is the host's again, once, and goes to no account that returned it.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_user('rival') as rival, tests.make_admin('admin') as admin \gset
select tests.make_vehicle(:'host') as vehicle, tests.make_vehicle(:'rival') as rival_vehicle \gset
update private.rate_limits set capacity = 1000, per_minute = 1000;

-- A payout that is paid, of a trip that is over.
create function tests.make_paid_payout(p_host uuid, p_vehicle uuid, p_renter uuid, p_account text, p_hours numeric)
returns uuid
language plpgsql volatile
as $$
declare
  v_booking uuid := tests.make_paid_booking(p_renter, p_vehicle, tests.hours(p_hours), tests.hours(p_hours + 1));
  v_account uuid;
  v_payout uuid;
begin
  perform tests.drive(v_booking, -3);
  delete from public.calendar_entries where booking_id = v_booking;
  update public.bookings set claim_until = now() - interval '1 second' where id = v_booking;
  perform tests.step_up(p_host);
  perform set_config('request.jwt.claims', tests.claims(p_host), true);
  v_account := (private.set_bank_account('970436', p_account, 'Nguyen Van A', gen_random_uuid())).id;
  perform set_config('request.jwt.claims', '', true);
  update public.bank_accounts set created_at = now() - interval '3 days', usable_from = now() - interval '2 days' where id = v_account;
  perform private.schedule_payouts();
  select id into v_payout from public.payouts where user_id = p_host and status = 'scheduled';
  perform private.set_audit_context('test');
  update public.payouts set status = 'approved', provider = 'payos' where id = v_payout;
  perform private.record_payout_result(v_payout, 'succeeded', 'po_' || p_account, null, false);
  return v_payout;
end
$$;

select tests.make_paid_payout(:'host', :'vehicle', :'renter', '0000001111', 30) as payout \gset
select amount as paid from public.payouts where id = :'payout' \gset
select is(private.balance('host_payable', :'host'), 0::bigint, 'what was paid is owed no more');

-- who may --------------------------------------------------------------------------------------------------------
select tests.as_user(:'host');
select is(tests.outcome(format($$ select public.record_returned_payout(%L, 'closed account') $$, :'payout')), 'forbidden', 'a host cannot say that a payout came back');
select tests.as_owner();
delete from private.step_ups where user_id = :'admin';
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.record_returned_payout(%L, 'closed account') $$, :'payout')), 'step_up_required', 'an admin needs a step-up code to give money back to a host');
select tests.as_owner();
select tests.step_up(:'admin');
select tests.as_user(:'admin');
select is(tests.outcome($$ select public.record_returned_payout(gen_random_uuid(), 'closed account') $$), 'payout_not_found', 'a payout that does not exist cannot come back');
select is(tests.outcome(format($$ select public.record_returned_payout(%L, ' ') $$, :'payout')), 'invalid_input', 'a return without a note is refused');
select is(tests.outcome(format($$ select public.record_returned_payout(%L, 'closed account', gen_random_uuid()) $$, :'payout')), 'unmatched_not_found', 'a return by money that does not exist is refused');

-- the provider has it back ---------------------------------------------------------------------------------------
select status as returned from public.record_returned_payout(:'payout', 'The account is closed') \gset
select is(:'returned'::text, 'returned', 'an admin records that a bank gave a payout back');
select is((public.record_returned_payout(:'payout', 'The account is closed')).status, 'returned', 'the same return again changes nothing');
select tests.as_owner();
select is(private.balance('host_payable', :'host'), :'paid'::bigint, 'its amount is the host''s again, once');
select is((select removed_at is not null from public.bank_accounts b join public.payouts p on p.bank_account_id = b.id where p.id = :'payout'), true, 'the account that returned it is removed');
select is((select available from private.unpaid_entries(:'host', 'VND') u, lateral (select u.amount as available) a where not u.waits), :'paid'::bigint, 'the amount is available for the next payout at once');
select is(private.schedule_payouts(), null, 'nothing is sent before the host adds another account');
select ok(exists (select from tests.mails() where user_id = :'host' and subject like 'Your bank returned%'), 'the host is told by mail');
select is((private.record_payout_result(:'payout', 'failed', 'po_0000001111', 'closed', false)).status, 'returned', 'a late report of the provider changes nothing');
select tests.settle();
select is(tests.broken_promises(), null, 'every promise holds after a return');
select is_empty($$ select * from private.reconcile_ledger() $$, 'the books are proven after a return');
select is(tests.outcome(format($$ update public.payouts set status = 'paid' where id = %L $$, :'payout')), 'illegal_transition', 'a payout that came back is not paid again');
select is(tests.outcome($$ delete from private.payout_returns $$), '42501', 'what was recorded of a return stays');

-- a bank account of ours has it back -----------------------------------------------------------------------------
select tests.make_paid_payout(:'rival', :'rival_vehicle', :'renter', '0000002222', 60) as second \gset
select amount as second_paid from public.payouts where id = :'second' \gset
select tests.provider_says('J00000000000008', 'succeeded', (:second_paid - 1)::bigint, p_transaction_id => 'FT-BACK-1');
select tests.provider_says('J00000000000009', 'succeeded', :second_paid::bigint, p_transaction_id => 'FT-BACK-2');
select id as less from private.unmatched_money where transaction_id = 'FT-BACK-1' \gset
select id as money from private.unmatched_money where transaction_id = 'FT-BACK-2' \gset
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.record_returned_payout(%L, 'came back', %L) $$, :'second', :'less')), 'invalid_input', 'money of another amount is not that payout');
select (public.record_returned_payout(:'second', 'Came back by mistake', :'money', true)).status as returned \gset
select tests.as_owner();
select results_eq(format('select status, settlement from private.unmatched_money where id = %L', :'money'), $$ values ('settled', 'returned') $$, 'money that came into our account is settled by the return');
select is(private.balance('unmatched', :'money'), 0::bigint, 'what came back waits no more');
select is(private.balance('host_payable', :'rival'), :'second_paid'::bigint, 'it is the host''s again');
select is((select removed_at from public.bank_accounts b join public.payouts p on p.bank_account_id = b.id where p.id = :'second'), null, 'an account that is right is kept');
select isnt(private.schedule_payouts(), null, 'the next payout takes it');
select is((select amount from public.payouts where user_id = :'rival' and status = 'scheduled'), :'second_paid'::bigint, 'the next payout is of the amount that came back');
select tests.settle();
select is(tests.broken_promises(), null, 'every promise holds after the next payout');
select is_empty($$ select * from private.reconcile_ledger() $$, 'the books are proven after the next payout');

select * from finish();
rollback;

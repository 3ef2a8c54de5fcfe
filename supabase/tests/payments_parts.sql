-- Payments in parts: several transfers, tries and rails that pay one booking together, and parts that are not needed.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
select tests.make_vehicle(:'host') as vehicle \gset
-- every booking costs 4,814,405
create function tests.new_booking(p_from numeric)
returns uuid
language sql volatile
as $$ select tests.make_booking((select id from public.profiles where display_name = 'renter'), (select id from public.vehicles order by created_at desc limit 1), tests.hours(p_from), tests.hours(p_from + 5)) $$;
create function tests.state_of(p_booking_id uuid)
returns text
language sql stable
as $$ select b.status || ', ' || p.status from public.bookings b join public.payments p on p.payable_id = b.id where b.id = p_booking_id $$;
create function tests.attempt(p_reference text)
returns public.payment_attempts
language sql stable
as $$ select * from public.payment_attempts where reference = p_reference $$;
-- what the payer reads: received, missing, and what goes back
create function tests.status_of(p_booking_id uuid)
returns text
language plpgsql volatile
as $$
declare
  v_payment public.payments;
  v_status jsonb;
begin
  select * into strict v_payment from public.payments where payable_id = p_booking_id;
  perform tests.as_user(v_payment.payer_id);
  v_status := public.payment_status(v_payment.id);
  perform tests.as_owner();
  return concat_ws(', ', v_status ->> 'received_amount', v_status ->> 'missing_amount',
    (select string_agg((r ->> 'kind') || ' ' || (r ->> 'amount') || ' ' || (r ->> 'method'), ', ' order by (r ->> 'amount')::bigint) from jsonb_array_elements(v_status -> 'refunds') r));
end
$$;
create function tests.books()
returns text
language plpgsql volatile
as $$
begin
  perform tests.settle();
  return concat_ws('; ', tests.broken_promises(), (select string_agg(problem || ' ' || subject, '; ') from private.reconcile_ledger()));
end
$$;
create function tests.part_texts(p_booking_id uuid)
returns setof public.notifications
language sql stable
as $$ select * from public.notifications where template like 'payment_part_%' and data ->> 'booking_id' = p_booking_id::text order by created_at, seq $$;

-- by several tries and rails -----------------------------------------------------------------------------------------
select tests.new_booking(30) as b1 \gset
select tests.start_payment(:'b1', 'vietqr') as r1 \gset
select is(tests.status_of(:'b1'), '0, 4814405', 'the payer reads that all is missing');
select is(tests.provider_says(:'r1', 'succeeded', 1000000, p_transaction_id => 'a1'), 'part_received', 'a part by one try is received');
select is(tests.status_of(:'b1'), '1000000, 3814405', 'the payer reads what came and what is missing');
select tests.start_payment(:'b1', 'payos') as r2 \gset
select is((tests.attempt(:'r2')).amount, 3814405::bigint, 'the next try asks for what is missing');
select is(tests.provider_says(:'r2', 'succeeded', 814405, p_transaction_id => 'a2'), 'part_received', 'a part by another rail is received');
select is(tests.provider_says(:'r1', 'succeeded', 1000000, p_transaction_id => 'a1', p_event_id => 'a1 again'), 'duplicate', 'a part that is reported again is not counted again');
select is(tests.status_of(:'b1'), '1814405, 3000000', 'parts of both rails are added up');
select tests.start_payment(:'b1', 'momo') as r3 \gset
select is((tests.attempt(:'r3')).amount, 3000000::bigint, 'a rail that takes no parts asks for what is missing');
select is(tests.provider_says(:'r3', p_transaction_id => 'a3'), 'applied', 'three rails pay one booking together');
select is(tests.state_of(:'b1'), 'confirmed, succeeded', 'the booking is confirmed when the parts are complete');
select is(tests.status_of(:'b1'), '4814405, 0', 'nothing is missing once it is paid');
select is((select count(*)::int from public.payment_attempts a join public.payments p on p.id = a.payment_id where p.payable_id = :'b1' and a.status = 'succeeded'), 1, 'one try completes a payment');
select is(private.balance('escrow', :'b1') + private.balance('deposit', :'b1'), 4814405::bigint, 'what came by three rails is held once');
select is(tests.books(), '', 'the books are right after a payment by three rails');
select is(tests.provider_says(:'r1', 'succeeded', 500000, p_transaction_id => 'a4'), 'unmatched', 'a part that comes after success waits for an admin');
select is((select status || ' ' || reason from private.unmatched_money where transaction_id = 'a4'), 'open paid_twice', 'a part that comes after success is the money of its payer');
select is((select count(*)::int from public.notifications where template = 'payment_unmatched' and user_id = :'renter'), 1, 'the payer is told of a part that came after success');
select tests.as_user(:'host');
select tests.cancel_booking(:'b1');
select tests.as_owner();
select is((select method || ' ' || amount from public.refunds r where r.payable_id = :'b1'), 'bank_transfer 4814405', 'a payment by several rails goes back by one transfer, because no rail can give back what it did not bring');
select tests.as_user(:'admin');
select id as whole from public.refunds where payable_id = :'b1' \gset
select is(tests.outcome(format($$ select public.retry_refund(%L, 'provider') $$, :'whole')), 'invalid_input', 'no admin can send it to a rail that brought only a part');
select tests.as_owner();
select is(tests.books(), '', 'the books are right after its refund was ordered');

-- what the payer is told -------------------------------------------------------------------------------------------------
select is((select count(*)::int from tests.part_texts(:'b1')), 2, 'the payer is told of each part that leaves something missing');
select is((select template from tests.part_texts(:'b1') limit 1), 'payment_part_received', 'a try without an account points to the app');
select tests.new_booking(40) as b2 \gset
select tests.start_payment(:'b2', 'vietqr') as r4 \gset
update public.payment_attempts set details = jsonb_build_object('transfer', jsonb_build_object(
  'bank_bin', '970436', 'account_number', '0011223344', 'account_name', 'JOURNEY', 'amount', 4814405, 'message', reference)) where reference = :'r4';
select is(tests.provider_says(:'r4', 'succeeded', 600000, p_transaction_id => 'b1'), 'part_received', 'the first of two transfers is received');
select is(tests.provider_says(:'r4', 'succeeded', 400000, p_transaction_id => 'b2'), 'part_received', 'the second of two transfers is received');
select ok(bool_and(body like '%' || private.format_time(p.expires_at, 'Asia/Ho_Chi_Minh', 'en') || '%' and body like '%0011223344%' and body like '%' || :'r4' || '%'), 'the message names the deadline, the account and the message of the transfer')
from tests.part_texts(:'b2'), public.payments p where p.payable_id = :'b2';
select ok(body like '%₫400,000%' and body like '%₫3,814,405%', 'the message names the part and what is missing of the whole') from (select body from tests.part_texts(:'b2') offset 1) s;
select ok(bool_or(m.subject like '%₫3,814,405%' and m.text like '%₫1,000,000%' and m.text like '%0011223344%'), 'the mail names what came in all, what is missing and the account')
from tests.mails() m;

-- enough by itself ---------------------------------------------------------------------------------------------------------
select tests.start_payment(:'b2', 'vietqr') as r5 \gset
select is(tests.provider_says(:'r5', 'succeeded', 4814405, p_transaction_id => 'b3'), 'applied', 'the whole sum pays although parts have come before');
select is(tests.status_of(:'b2'), '4814405, 0, part 400000 bank_transfer, part 600000 bank_transfer', 'parts that were not needed go back at once');
select is((select string_agg(body, ' ') from tests.part_texts(:'b2') where template = 'payment_part_not_needed') ~ '₫400,000.*₫600,000|₫600,000.*₫400,000', true, 'the payer is told of each part that goes back');
select is(tests.books(), '', 'the books are right when parts were not needed');
select tests.new_booking(50) as b3 \gset
select tests.start_payment(:'b3', 'vietqr') as r6, tests.start_payment(:'b3', 'payos') as r7 \gset
select tests.provider_says(:'r6', 'succeeded', 4000000, p_transaction_id => 'c1');
select is(tests.provider_says(:'r7', 'succeeded', 1000000, p_transaction_id => 'c2'), 'applied', 'two parts that are too much together pay');
select is((select reason || ' ' || amount || ' ' || status from private.unmatched_money where transaction_id = 'c2'), 'overpaid 185595 open', 'what two parts are over is a surplus');
select ok((select body like '%₫185,595%' from public.notifications where template = 'payment_surplus' and data ->> 'booking_id' = :'b3'), 'the payer is told of the surplus');
select is(tests.books(), '', 'the books are right when parts are over');

-- a try that began before another part came ----------------------------------------------------------------------------------
select tests.new_booking(60) as b4 \gset
select tests.start_payment(:'b4', 'vietqr') as r8 \gset
select tests.provider_says(:'r8', 'succeeded', 1000000, p_transaction_id => 'd1');
select tests.start_payment(:'b4', 'vnpay') as r9 \gset
select tests.as_user(:'admin');
select public.settle_unmatched_money((select id from public.unmatched_money() where transaction_id = 'd1'), 'refund', gen_random_uuid()) ->> 'result' as result \gset
select tests.as_owner();
select is(tests.status_of(:'b4'), '0, 4814405, part 1000000 bank_transfer', 'a part that an admin gives back is missing again');
select is(tests.provider_says(:'r9', p_transaction_id => 'd2'), 'part_received', 'a try for what was missing before is a part by then');
select is(tests.status_of(:'b4'), '3814405, 1000000, part 1000000 bank_transfer', 'a part by card counts');
select tests.run_out(:'b4');

-- parts and the deadline -------------------------------------------------------------------------------------------------
select is(private.expire_overdue_payments(), 1, 'a payment that is not complete expires');
select is(tests.state_of(:'b4'), 'expired, expired', 'a booking that is not fully paid expires at its deadline');
select is(tests.status_of(:'b4'), '0, 0, part 1000000 bank_transfer, part 3814405 provider', 'its parts are ordered back at once, each by its own way');
select is((select (public.refund_to_send(r.id) -> 'refund' ->> 'provider_transaction_id') || ' of ' || (public.refund_to_send(r.id) -> 'refund' ->> 'paid_amount') from public.refunds r where r.kind = 'part' and r.amount = 3814405), 'd2 of 3814405', 'a card gives back its own part in full');
select is(tests.books(), '', 'the books are right after parts were ordered back');
select is((select count(*)::int from public.notifications where template = 'payment_part_returned' and data ->> 'booking_id' = :'b4'), 2, 'the payer is told what goes back of an expired booking');

select tests.new_booking(70) as b5 \gset
select tests.start_payment(:'b5', 'payos') as r10 \gset
select is(tests.provider_says(:'r10', 'succeeded', 4000000, p_transaction_id => 'e1'), 'part_received', 'a part that is not enough is received');
select tests.run_out(:'b5');
select is(tests.provider_says(:'r10', 'succeeded', 814405, p_transaction_id => 'e2'), 'part_received', 'the rest that comes after the deadline does not pay, although no job has run');
select is(tests.state_of(:'b5'), 'expired, expired', 'a part that comes after the deadline ends the payment');
select is((select count(*)::int from private.outbox where topic = 'cancel_attempt' and payload ->> 'attempt_id' = (tests.attempt(:'r10')).id::text), 1, 'the link is ended at the provider');
select is(tests.status_of(:'b5'), '0, 0, part 814405 bank_transfer, part 4000000 bank_transfer', 'all parts of an expired payment go back');
select is((select count(*)::int from tests.part_texts(:'b5') where template = 'payment_part_received'), 1, 'nobody is asked for the rest after the deadline');
select is(tests.provider_says(:'r10', 'succeeded', 4814405, p_transaction_id => 'e3'), 'applied', 'the whole sum that comes late takes the slot again');
select is(tests.books(), '', 'the books are right after late parts');

-- a slot that is gone, cancelling --------------------------------------------------------------------------------------------
select tests.new_booking(80) as b6 \gset
select tests.start_payment(:'b6', 'vietqr') as r11 \gset
select tests.provider_says(:'r11', 'succeeded', 1500000, p_transaction_id => 'f1');
select tests.as_user(:'renter');
select is(public.cancel_booking_preview(:'b6') ->> 'refund_amount', '1500000', 'the preview of an unpaid booking shows the parts that go back');
select is(tests.outcome(format($$ select public.cancel_booking(%L, 0, null, gen_random_uuid()) $$, :'b6')), 'refund_changed', 'a part that came after the preview is shown before the booking is cancelled');
select is((tests.cancel_booking(:'b6')).status, 'cancelled', 'a booking that is paid in part can be cancelled');
select tests.as_owner();
select is(tests.status_of(:'b6'), '0, 0, part 1500000 bank_transfer', 'what the preview showed is ordered back');
select is((select body from public.notifications where template = 'payment_part_returned' and data ->> 'booking_id' = :'b6') ~ '₫1,500,000', true, 'the payer is told the true sum that goes back');
select is(tests.provider_says(:'r11', 'succeeded', 700000, p_transaction_id => 'f2'), 'part_received', 'a part for a cancelled booking is kept');
select is(tests.status_of(:'b6'), '0, 0, part 700000 bank_transfer, part 1500000 bank_transfer', 'a part for a cancelled booking is ordered back when it comes');
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.settle_unmatched_money(%L, 'refund', gen_random_uuid()) $$, (select id from public.unmatched_money('settled') where transaction_id = 'f2'))), 'unmatched_not_found', 'what was ordered back cannot be given back again');
select tests.as_owner();
select is(tests.books(), '', 'the books are right after a booking paid in part was cancelled');

-- what cannot be confirmed any more ------------------------------------------------------------------------------------------
select tests.make_booking(:'renter', tests.make_vehicle(:'host'), tests.hours(100), tests.hours(105)) as b8 \gset
select tests.start_payment(:'b8', 'vietqr') as r14 \gset
select is((public.health_facts() ->> 'unmatched_open')::int, (select count(*)::int from private.unmatched_money where status = 'open'), 'what waits for an admin is counted');
select tests.provider_says(:'r14', 'succeeded', 1200000, p_transaction_id => 'h1');
select is((public.health_facts() ->> 'unmatched_open')::int, (select count(*)::int from private.unmatched_money where status = 'open') - 1, 'a part that waits for its payer is not counted for admins');
update public.vehicles set status = 'suspended' where id = (select vehicle_id from public.bookings where id = :'b8');
select is(tests.provider_says(:'r14', 'succeeded', 800000, p_transaction_id => 'h2'), 'part_received', 'a part for a suspended vehicle is received');
select is(tests.state_of(:'b8'), 'expired, expired', 'a part for what cannot be confirmed any more ends the payment');
select is(tests.status_of(:'b8'), '0, 0, part 800000 bank_transfer, part 1200000 bank_transfer', 'all parts of what cannot be confirmed go back at once');
select is((select count(*)::int from tests.part_texts(:'b8') where template = 'payment_part_received'), 1, 'nobody is asked for the rest of what cannot be confirmed');
select is((select count(*)::int from public.notifications where template = 'booking_refused_suspended_renter' and data ->> 'booking_id' = :'b8'), 1, 'the payer reads why the booking is over');
select is(tests.books(), '', 'the books are right after parts for a suspended vehicle');

-- a card's part whose refund the provider reports by itself ------------------------------------------------------------------
select tests.new_booking(90) as b7 \gset
select tests.start_payment(:'b7', 'vietqr') as r12 \gset
select tests.provider_says(:'r12', 'succeeded', 1000000, p_transaction_id => 'g1');
select tests.start_payment(:'b7', 'stripe') as r13 \gset
select tests.as_user(:'renter');
select tests.cancel_booking(:'b7');
select tests.as_owner();
select is(tests.provider_says(:'r13', p_transaction_id => 'pi_part'), 'part_received', 'a card that pays what was missing of a cancelled booking has paid a part');
create function tests.refund_news(p_event text, p_refund text, p_amount bigint) returns text language sql volatile
as $$ select public.apply_refund_event((public.record_payment_event('stripe', p_event, true, null, 'raw') ->> 'event_id')::bigint, p_refund, 'pi_part', 'succeeded', p_amount, 'VND') $$;
select is(tests.refund_news('n1', 're_part', 100000), 'needs_review', 'a refund of some of a part that the provider made by itself needs review');
select is(tests.refund_news('n2', 're_whole', 3814405), 'recorded', 'the refund of a part is found by its transaction');
select is((select status from public.refunds where kind = 'part' and amount = 3814405 and provider = 'stripe'), 'succeeded', 'the part has gone back');
select is((select count(*)::int from public.notifications where template = 'refund_paid' and data ->> 'booking_id' = :'b7'), 1, 'the payer is told that the part has gone back');
select is(tests.books(), '', 'the books are right after a part has gone back');

-- who may read it ----------------------------------------------------------------------------------------------------------
select id as p7 from public.payments where payable_id = :'b7' \gset
select tests.as_user(:'stranger');
select is(public.payment_status(:'p7'), null, 'a stranger reads neither parts nor refunds of a payment');
select tests.as_user(:'renter');
select is((select count(*)::int from public.my_refunds() where kind = 'part'), 12, 'the payer finds the parts that go back among the own refunds');

select * from finish();
rollback;

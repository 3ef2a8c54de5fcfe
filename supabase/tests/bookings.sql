-- Bookings: taking a slot, letting it go, the trip, and who sees what of it.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_renter('rival') as rival, tests.make_user('host') as host,
  tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
select tests.make_vehicle(:'host', '{"lat": 10.5, "lng": 104.5, "buffer_minutes": 60, "min_hours": 2, "max_days": 20, "notice_hours": 3}') as vehicle \gset
select tests.make_vehicle(:'host', '{"instant_book": false}') as asking \gset

-- What cannot be stored ------------------------------------------------------------------------------------
select is(
  (select pg_get_constraintdef(oid) from pg_constraint where conname = 'calendar_entries_no_overlap' and conrelid = 'public.calendar_entries'::regclass),
  'EXCLUDE USING gist (vehicle_id WITH =, blocked WITH &&)', 'the database itself excludes overlaps in the calendar'
);
insert into public.calendar_entries (vehicle_id, kind, blocked) values (:'vehicle', 'host_block', tstzrange(tests.hours(1000), tests.hours(1010)));
select is(tests.outcome(format($$ insert into public.calendar_entries (vehicle_id, kind, blocked) values (%L, 'external', tstzrange(tests.hours(990), tests.hours(1000) + interval '1 second')) $$, :'vehicle')), '23P01', 'an overlap by one second is refused to everybody');
select is(tests.outcome(format($$ insert into public.calendar_entries (vehicle_id, kind, blocked) values (%L, 'external', tstzrange(tests.hours(990), tests.hours(1000))) $$, :'vehicle')), 'ok', 'entries back to back do not overlap');
select is(tests.outcome(format($$ insert into public.calendar_entries (vehicle_id, kind, blocked) values (%L, 'external', tstzrange(tests.hours(1010), tests.hours(1020), '[]')) $$, :'vehicle')), '23514', 'a closed range is refused');
select is(tests.outcome(format($$ insert into public.calendar_entries (vehicle_id, kind, blocked) values (%L, 'external', 'empty') $$, :'vehicle')), '23514', 'an empty range is refused');
select is(tests.outcome(format($$ insert into public.calendar_entries (vehicle_id, kind, blocked) values (%L, 'external', tstzrange(tests.hours(2000), null)) $$, :'vehicle')), '23514', 'a range without end is refused');
select is(tests.outcome(format($$ insert into public.calendar_entries (vehicle_id, kind, blocked) values (%L, 'external', tstzrange(tests.hours(2000), 'infinity')) $$, :'vehicle')), '23514', 'a range that ends at infinity is refused');
select is(tests.outcome(format($$ insert into public.calendar_entries (vehicle_id, kind, blocked) values (%L, 'booking', tstzrange(tests.hours(2000), tests.hours(2001))) $$, :'vehicle')), '23514', 'a calendar entry of a booking must name its booking');
select is(tests.outcome(format($$ insert into public.calendar_entries (vehicle_id, kind, blocked, expires_at) values (%L, 'host_block', tstzrange(tests.hours(2000), tests.hours(2001)), now()) $$, :'vehicle')), '23514', 'only a hold can expire');

-- visitor --------------------------------------------------------------------------------------------------
select tests.as_visitor();
select is(tests.outcome('select * from public.bookings'), '42501', 'a visitor cannot read bookings');
select is(tests.outcome('select public.my_bookings()'), '42501', 'a visitor cannot list own bookings');

-- Refusals before a booking exists ---------------------------------------------------------------------------
select tests.as_owner();
select tests.make_quote(:'renter', :'vehicle', tests.hours(30), tests.hours(40)) as quote \gset
select tests.as_user(:'rival');
select is(tests.outcome(format('select public.create_booking(%L, gen_random_uuid())', :'quote')), 'quote_not_found', 'somebody else''s quote is not found');
select is((select count(*)::int from public.quotes), 0, 'a quote of somebody else is not seen');
select tests.as_user(:'renter');
select is(tests.outcome('select public.create_booking(gen_random_uuid(), gen_random_uuid())'), 'quote_not_found', 'an invented quote is not found');
select is(tests.outcome(format('select public.create_booking(%L, null)', :'quote')), 'invalid_input', 'a booking needs an idempotency key');
select is(tests.outcome($$ insert into public.bookings (quote_id) values (gen_random_uuid()) $$), '42501', 'nobody can write a booking by hand');
select is(tests.outcome($$ delete from public.bookings $$), '42501', 'nobody can delete a booking by hand');
select tests.as_owner();
alter table public.quotes disable trigger immutable;
update public.quotes set expires_at = now() where id = :'quote';
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.create_booking(%L, gen_random_uuid())', :'quote')), 'quote_expired', 'an expired quote books nothing, at the very moment it expires');
select tests.as_owner();
update public.quotes set expires_at = now() + interval '5 minutes', period = tstzrange(tests.hours(-1), tests.hours(9)) where id = :'quote';
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.create_booking(%L, gen_random_uuid())', :'quote')), 'period_in_past', 'a quote whose start has passed cannot be booked');
select tests.as_owner();
update public.quotes set period = tstzrange(tests.hours(2), tests.hours(9)) where id = :'quote';
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.create_booking(%L, gen_random_uuid())', :'quote')), 'notice_too_short', 'a quote whose start is now inside the notice of the host cannot be booked');
select tests.as_owner();
update public.quotes set period = tstzrange(tests.hours(30), tests.hours(40)) where id = :'quote';
alter table public.quotes enable trigger immutable;
update public.vehicles set status = 'suspended' where id = :'vehicle';
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.create_booking(%L, gen_random_uuid())', :'quote')), 'vehicle_not_published', 'a listing suspended since the quote is not booked');
select tests.as_owner();
update public.vehicles set status = 'published' where id = :'vehicle';
update public.driver_licences set status = 'rejected', reason = 'forged' where user_id = :'renter';
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.create_booking(%L, gen_random_uuid())', :'quote')), 'licence_required', 'a licence revoked since the quote is not enough');
select tests.as_owner();
select tests.make_licence(:'renter', '{A1}') as l1 \gset
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.create_booking(%L, gen_random_uuid())', :'quote')), 'licence_class_mismatch', 'a licence for motorbikes is not enough for a car');
select tests.as_owner();
select tests.make_licence(:'renter', '{B}', current_date) as l2 \gset
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.create_booking(%L, gen_random_uuid())', :'quote')), 'licence_expires_early', 'a licence that ends before the trip is not enough');
select tests.as_owner();
select tests.make_licence(:'renter') as l3 \gset

-- The slot ---------------------------------------------------------------------------------------------------
select tests.as_user(:'renter');
select id as booking, status from private.create_booking(:'quote', 'aaaaaaaa-0000-4000-8000-000000000001') \gset
select is(:'status'::text, 'pending_payment', 'an instant listing is held');
select is((select id from private.create_booking(:'quote', 'aaaaaaaa-0000-4000-8000-000000000001')), :'booking'::uuid, 'the same request again is the same booking');
select is(tests.outcome(format('select public.create_booking(%L, gen_random_uuid())', :'quote')), 'quote_used', 'a quote books once');
select tests.as_owner();
select is((select blocked from public.calendar_entries where booking_id = :'booking'), tstzrange(tests.hours(30), tests.hours(41)), 'the buffer is inside what is blocked');
select is((select amount from public.payments where payable_id = :'booking'), (select total_amount from public.quotes where id = :'quote'), 'the payment asks for what was quoted');
select is((select p.expires_at from public.payments p where payable_id = :'booking'), (select hold_expires_at from public.bookings where id = :'booking'), 'one clock ends both the hold and the payment');
select ok((select b.total_amount = q.total_amount and b.deposit_amount = q.deposit_amount and b.cancellation_policy = q.cancellation_policy and b.period = q.period from public.bookings b join public.quotes q on q.id = b.quote_id where b.id = :'booking'), 'what was quoted is what was agreed');
select is(tests.outcome(format('select tests.make_booking(%L, %L, tests.hours(41) - interval ''1 second'', tests.hours(50))', :'rival', :'vehicle')), 'vehicle_unavailable', 'nobody starts inside the buffer, not by a second');
select is(tests.outcome(format('select tests.make_booking(%L, %L, tests.hours(20), tests.hours(29) + interval ''1 second'')', :'rival', :'vehicle')), 'vehicle_unavailable', 'nobody''s own buffer reaches into it');
select is(tests.outcome(format('select tests.make_booking(%L, %L, tests.hours(41), tests.hours(50))', :'rival', :'vehicle')), 'ok', 'right after the buffer is free');
select is(tests.outcome(format('select tests.make_booking(%L, %L, tests.hours(20), tests.hours(29))', :'rival', :'vehicle')), 'ok', 'right before is free');

-- Who sees it --------------------------------------------------------------------------------------------------
select tests.as_user(:'stranger');
select is((select count(*)::int from public.bookings), 0, 'a stranger sees no booking of others');
select is((select count(*)::int from public.payments), 0, 'a stranger sees no payment of others');
select is((select count(*)::int from public.calendar_entries), 0, 'a stranger sees no calendar entry of others');
select is(tests.outcome(format('select public.booking_detail(%L)', :'booking')), 'booking_not_found', 'a stranger cannot open a booking of others');
select is(tests.outcome(format('select public.cancel_booking_preview(%L)', :'booking')), 'booking_not_found', 'a stranger cannot preview the cancellation of a booking');
select is(tests.outcome(format('select tests.cancel_booking(%L)', :'booking')), 'booking_not_found', 'a stranger cannot cancel a booking');
select is(tests.outcome(format($$ select public.check_in(%L, 1, 1, '[]', gen_random_uuid()) $$, :'booking')), 'booking_not_found', 'a stranger cannot hand over a vehicle');
select is(tests.outcome(format('select public.release_deposit(%L, gen_random_uuid())', :'booking')), 'booking_not_found', 'a stranger cannot release a deposit');
select tests.as_user(:'rival');
select is((select count(*)::int from public.bookings where id = :'booking'), 0, 'another renter does not see it');
select tests.as_user(:'renter');
select is((select count(*)::int from public.bookings), 1, 'the renter sees the own booking');
select is((select count(*)::int from public.vehicle_locations), 0, 'the renter does not see where the vehicle is before paying');
select is(public.booking_detail(:'booking') -> 'location', 'null'::jsonb, 'the renter finds no location in the detail before paying');
select is(public.booking_detail(:'booking') ->> 'side', 'renter', 'the detail tells the renter that they are the renter');
select is(public.payment_status((select id from public.payments)) -> 'payment' ->> 'status', 'pending', 'the renter sees the payment');
select tests.as_user(:'host');
select is((select count(*)::int from public.bookings where id = :'booking'), 1, 'the host sees the booking of the own vehicle');
select is((select count(*)::int from public.payments), 0, 'the host does not see the payment');
select is((select count(*)::int from public.quotes), 0, 'the host does not see the quote');
select is(public.booking_detail(:'booking') -> 'payment', 'null'::jsonb, 'the host finds no payment in the detail');
select is(tests.outcome(format('select public.release_deposit(%L, gen_random_uuid())', :'booking')), 'illegal_transition', 'the host cannot release a deposit before the trip');
select tests.as_user(:'admin');
select ok((select count(*) >= 3 from public.bookings), 'an admin sees the booking');
select is(public.booking_detail(:'booking') ->> 'side', 'admin', 'the detail tells an admin that they are an admin');

-- The hold ends without a job ------------------------------------------------------------------------------------
select tests.as_owner();
select tests.make_quote(:'renter', :'vehicle', tests.hours(100), tests.hours(110)) as q1 \gset
select tests.book(:'renter', :'q1') as late \gset
select is(tests.outcome(format('select tests.make_quote(%L, %L, tests.hours(100), tests.hours(110))', :'rival', :'vehicle')), 'vehicle_unavailable', 'while it is held nobody gets a quote');
select tests.run_out(:'late');
select tests.as_visitor();
select is((select count(*)::int from public.search_vehicles(10.5, 104.5, 5000, tests.hours(100), tests.hours(110)) s where s ->> 'vehicle_id' = :'vehicle'), 1, 'search finds it again the moment the hold is over');
select is((select count(*)::int from public.vehicle_calendar(:'vehicle', tests.hours(99), tests.hours(112))), 0, 'the calendar shows it free');
select is((select array_agg(code) from public.booking_eligibility(:'vehicle', tests.hours(100), tests.hours(110))), '{unauthenticated}', 'nothing but signing in stands in the way');
select tests.as_user(:'renter');
select is(public.booking_detail(:'late') -> 'booking' ->> 'status', 'expired', 'its renter reads that it is over');
select is(tests.outcome(format('select public.start_payment((select id from public.payments where payable_id = %L), %L, gen_random_uuid())', :'late', 'vnpay')), 'payment_expired', 'a renter cannot begin to pay once the hold is over');
select tests.as_owner();
select tests.make_booking(:'rival', :'vehicle', tests.hours(100), tests.hours(110)) as taken \gset
select is((select status from public.bookings where id = :'taken'), 'pending_payment', 'another renter books an overdue slot before any job has run');
select is((select status from public.bookings where id = :'late'), 'expired', 'booking an overdue slot ends the first booking');
select is((select status from public.payments where payable_id = :'late'), 'expired', 'booking an overdue slot ends the payment of the first booking');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after an overdue slot is taken');
select tests.run_out(:'taken');
select is(private.expire_overdue_payments(), 1, 'the job expires an overdue booking');
select is(private.expire_overdue_payments(), 0, 'the job expires a booking once');

-- Requests -----------------------------------------------------------------------------------------------------
select tests.make_booking(:'renter', :'asking', tests.hours(30), tests.hours(40)) as r1 \gset
select tests.make_booking(:'rival', :'asking', tests.hours(35), tests.hours(45)) as r2 \gset
select tests.make_booking(:'rival', :'asking', tests.hours(40), tests.hours(45)) as r3 \gset
select is((select status from public.bookings where id = :'r1'), 'requested', 'a listing that wants to be asked is asked');
select is((select count(*)::int from public.calendar_entries where vehicle_id = :'asking'), 0, 'a request blocks nothing');
select is((select count(*)::int from public.payments where payable_id = :'r1'), 0, 'a request has no payment yet');
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.answer_booking(%L, true, gen_random_uuid())', :'r1')), 'booking_not_found', 'the renter does not answer the own request');
select tests.as_user(:'stranger');
select is(tests.outcome(format('select public.answer_booking(%L, true, gen_random_uuid())', :'r1')), 'booking_not_found', 'a stranger cannot answer a request');
select tests.as_user(:'host');
select is(tests.outcome(format('select public.answer_booking(%L, null, gen_random_uuid())', :'r1')), 'invalid_input', 'an answer is yes or no');
select is((public.answer_booking(:'r1', true, 'bbbbbbbb-0000-4000-8000-000000000001')).status, 'pending_payment', 'yes holds the slot');
select is((public.answer_booking(:'r1', true, 'bbbbbbbb-0000-4000-8000-000000000001')).id, :'r1'::uuid, 'the same answer again is the same');
select is(tests.outcome(format('select public.answer_booking(%L, false, gen_random_uuid())', :'r1')), 'illegal_transition', 'a second answer is refused');
select tests.as_owner();
select is((select status from public.bookings where id = :'r2'), 'requested', 'a request that overlaps an accepted one is not declined before the money is there');
select is((select hold_expires_at from public.bookings where id = :'r1'), (select expires_at from public.payments where payable_id = :'r1'), 'one clock ends both the hold of an accepted request and its payment');
select is((select hold_expires_at from public.bookings where id = :'r1'), now() + interval '4 hours', 'a request accepted a day before the start can be paid for four hours');
select ok((select body like '% by ' || private.format_time(now() + interval '4 hours', 'Asia/Ho_Chi_Minh', 'en') || '%' from public.notifications where template = 'booking_accepted_renter' and data ->> 'booking_id' = :'r1'), 'the renter reads until when an accepted request can be paid');
select is(private.pay_deadline(now() + lead) - now(), expected, 'an accepted request can be paid the longer, the later it starts: ' || lead)
from (values (interval '10 minutes', interval '10 minutes'), ('1 hour', '15 minutes'), ('6 hours', '1 hour'), ('23 hours', '1 hour'), ('3 days', '12 hours'), ('20 days', '1 day')) t (lead, expected);
select is(tests.outcome(format($$ update private.settings set value = %L where key = 'pay_steps' $$, wrong)), '23514', 'a setting pay_steps without a step for every lead time is refused: ' || wrong)
from (values ('[]'), ('{}'), ('[{"lead_hours": 1, "minutes": 15}]'), ('[{"lead_hours": 0, "minutes": 0}]'), ('[{"lead_hours": 0}]')) t (wrong);
select tests.as_user(:'host');
select is(tests.outcome(format('select public.answer_booking(%L, true, gen_random_uuid())', :'r2')), 'vehicle_unavailable', 'the host cannot accept a second request for the same time');
select tests.as_owner();
select tests.run_out(:'r1');
select tests.as_user(:'host');
select is((public.answer_booking(:'r2', true, gen_random_uuid())).status, 'pending_payment', 'the host can accept the other request when the first was not paid');
select tests.as_owner();
select is((select status from public.bookings where id = :'r1'), 'expired', 'an accepted request that was not paid has ended');
select tests.make_booking(:'renter', :'asking', tests.hours(60), tests.hours(70)) as waits, tests.make_booking(:'rival', :'asking', tests.hours(65), tests.hours(75)) as wins \gset
select tests.as_user(:'host');
select (public.answer_booking(:'wins', true, gen_random_uuid())).status as answered \gset
select tests.as_owner();
select is(tests.pay(:'wins'), 'applied', 'an accepted request is paid');
select is((select status from public.bookings where id = :'waits'), 'declined', 'a request that overlaps is declined when the money is there');
select is((select cause from private.domain_events where subject_id = :'waits' and event = 'decline'), 'overlap', 'a request declined because of another says so in the log');
select is((select cause from private.domain_events where type = 'payment.succeed' and subject_id = (select id from public.payments where payable_id = :'wins')), 'provider:vnpay', 'what follows in the log keeps its own cause');
select is((select status from public.bookings where id = :'r3'), 'requested', 'the one back to back is not');
update public.bookings set answer_by = now() where id = :'r3';
select tests.as_user(:'host');
select is(tests.outcome(format('select public.answer_booking(%L, true, gen_random_uuid())', :'r3')), 'hold_expired', 'an answer that comes too late is refused');
select tests.as_owner();
select is(private.expire_overdue_requests(), 1, 'an unanswered request expires');
select tests.make_booking(:'rival', :'asking', tests.hours(130), tests.hours(145)) as r4 \gset
select tests.as_user(:'host');
select is((public.answer_booking(:'r4', false, gen_random_uuid(), 'in repair')).status, 'declined', 'the host may say no');
select tests.as_owner();
select is((select reason from private.domain_events where subject_id = :'r4' and event = 'decline'), 'in repair', 'the reason of a refusal is on record');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after the answers');

-- Cancelling: what the preview says is what happens, in every tier ------------------------------------------------
create function tests.cancel_as_previewed(p_by uuid, p_policy text, p_hours numeric)
returns text
language plpgsql volatile
as $$
declare
  v_vehicle uuid := (select id from public.vehicles where title = 'policy ' || p_policy);
  v_renter uuid := tests.make_renter('payer');
  v_booking uuid := tests.make_paid_booking(v_renter, v_vehicle, tests.hours(400), tests.hours(410));
  v_by uuid := coalesce(p_by, v_renter);
  v_preview jsonb;
  v_refunded bigint;
begin
  perform tests.move_trip(v_booking, p_hours);
  perform set_config('request.jwt.claims', json_build_object('sub', v_by, 'role', 'authenticated')::text, true);
  v_preview := public.cancel_booking_preview(v_booking);
  perform public.cancel_booking(v_booking, (v_preview ->> 'refund_amount')::bigint, 'changed plans', gen_random_uuid());
  perform set_config('request.jwt.claims', '', true);
  perform tests.settle();
  select coalesce(sum(amount), 0) into v_refunded from public.refunds where payable_id = v_booking;
  if v_refunded <> (v_preview ->> 'refund_amount')::bigint then
    return 'previewed ' || v_preview || ', refunded ' || v_refunded;
  end if;
  if (v_preview ->> 'refund_amount')::bigint + (v_preview ->> 'kept_amount')::bigint <> 4814405 then
    return 'does not add up: ' || v_preview;
  end if;
  if (v_preview ->> 'deposit_refund')::bigint <> 3000000 then
    return 'keeps of the deposit: ' || v_preview;
  end if;
  if exists (select from public.calendar_entries where booking_id = v_booking) then
    return 'still blocks the vehicle';
  end if;
  return coalesce(tests.broken_promises(), v_preview ->> 'refund_bps');
end
$$;
select tests.make_vehicle(:'host', jsonb_build_object('title', 'policy ' || p, 'cancellation_policy', p)) from unnest(array['flexible', 'moderate', 'strict']) p;
select is(tests.cancel_as_previewed(null, p, h), e::text, format('%s, %s hours before: %s basis points', p, h, e))
from (values
  ('flexible', 24.0, 10000), ('flexible', 23.99, 5000), ('flexible', 0.0, 5000), ('flexible', -0.01, 0),
  ('moderate', 72.0, 10000), ('moderate', 71.99, 5000), ('moderate', 24.0, 5000), ('moderate', 23.99, 0),
  ('strict', 168.0, 10000), ('strict', 167.99, 5000), ('strict', 71.99, 0)
) t (p, h, e);
select is(tests.cancel_as_previewed(:'host', 'strict', 1), '10000', 'the host who cancels gives everything back');
select is(tests.cancel_as_previewed(:'admin', 'strict', 1), '10000', 'an admin who cancels gives everything back');

-- what was shown may have changed
select tests.make_booking(:'renter', id, tests.hours(400), tests.hours(410)) as shown from public.vehicles where title = 'policy strict' \gset
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.cancel_booking(%L, null, %L, gen_random_uuid())', :'shown', 'x')), 'invalid_input', 'a cancellation must say which refund was shown');
select tests.as_owner();
select tests.pay(:'shown');
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.cancel_booking(%L, 0, %L, gen_random_uuid())', :'shown', 'x')), 'refund_changed', 'a cancellation is refused when the money has come since the preview');
select tests.as_owner();
select tests.move_trip(:'shown', 168);
select tests.as_user(:'renter');
select public.cancel_booking_preview(:'shown') ->> 'refund_amount' as shown_amount \gset
select tests.as_owner();
select tests.move_trip(:'shown', 167.99);
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.cancel_booking(%L, %L, %L, gen_random_uuid())', :'shown', :'shown_amount', 'x')), 'refund_changed', 'a cancellation is refused when a tier has passed since the preview');
select is(tests.outcome_details(format('select public.cancel_booking(%L, %L, %L, gen_random_uuid())', :'shown', :'shown_amount', 'x')) -> 'preview', public.cancel_booking_preview(:'shown'), 'the refusal brings the preview of now');
select is((select status from public.bookings where id = :'shown'), 'confirmed', 'a refused cancellation changes nothing');
select is((tests.cancel_booking(:'shown')).status, 'cancelled', 'with the new amount it is cancelled');
select tests.as_owner();
select tests.make_booking(:'renter', :'vehicle', tests.hours(200), tests.hours(210)) as unpaid \gset
select tests.as_user(:'renter');
select is(public.cancel_booking_preview(:'unpaid') ->> 'refund_amount', '0', 'cancelling an unpaid booking gives nothing back');
select tests.as_owner();
insert into private.payable_freezes (payable_id, reason) values (:'unpaid', 'complaint');
select tests.as_user((select renter_id from public.bookings where id = :'unpaid'));
select is(tests.outcome(format('select public.cancel_booking_preview(%L)', :'unpaid')), 'money_frozen', 'a booking whose money is frozen has no preview of its cancellation');
select is(tests.outcome(format('select tests.cancel_booking(%L)', :'unpaid')), 'money_frozen', 'a booking whose money is frozen cannot be cancelled');
select tests.as_owner();
update private.payable_freezes set ended_at = now() where payable_id = :'unpaid';
select tests.as_user((select renter_id from public.bookings where id = :'unpaid'));
select is((tests.cancel_booking(:'unpaid')).status, 'cancelled', 'an unpaid booking is cancelled');
select is(tests.outcome(format('select tests.cancel_booking(%L)', :'unpaid')), 'booking_not_cancellable', 'a booking cannot be cancelled twice');
select is(tests.outcome(format('select public.cancel_booking_preview(%L)', :'unpaid')), 'booking_not_cancellable', 'a cancelled booking has no preview of its cancellation');
select is(tests.outcome(format('select public.cancel_booking(%L, 0, repeat(%L, 501), gen_random_uuid())', :'booking', 'x')), 'invalid_input', 'a reason of more than 500 characters is refused');
select is(tests.outcome(format('select public.cancel_booking(%L, 0, %L, gen_random_uuid())', :'booking', '  ')), 'invalid_input', 'a reason of blanks is refused');

-- The trip -------------------------------------------------------------------------------------------------------
select tests.as_owner();
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(300), tests.hours(303)) as trip \gset
select tests.as_user(:'renter');
select is((select address from public.vehicle_locations), '1 Tràng Tiền, Hà Nội', 'who has paid sees where the vehicle is');
select ok(public.booking_detail(:'trip') -> 'location' ->> 'plate' ~ '^30A-', 'who has paid sees the plate of the vehicle');
select tests.as_owner();
select tests.photos(:'renter') as photos, tests.photos(:'renter') as more_photos, tests.photos(:'stranger') as other_photos \gset
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.check_in(%L, 1000, 80, %L, gen_random_uuid())', :'trip', :'photos')), 'too_early', 'nobody drives off days before');
select is(tests.outcome(format('select public.check_out(%L, 1000, 80, %L, gen_random_uuid())', :'trip', :'photos')), 'illegal_transition', 'nobody returns what was not handed over');
select tests.as_owner();
select tests.move_trip(:'trip', 1);
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.check_in(%L, -1, 80, %L, gen_random_uuid())', :'trip', :'photos')), 'invalid_input', 'the odometer is not negative');
select is(tests.outcome(format('select public.check_in(%L, 1, 101, %L, gen_random_uuid())', :'trip', :'photos')), 'invalid_input', 'fuel is a percentage');
select is(tests.outcome_details(format('select public.check_in(%L, 1, 1, %L, gen_random_uuid())', :'trip', (:'photos'::jsonb) - 2)) -> 'missing', '["left"]'::jsonb, 'every angle is needed, and the missing one named');
select is(tests.outcome(format('select public.check_in(%L, 1, 1, %L, gen_random_uuid())', :'trip', :'photos'::jsonb || (:'more_photos'::jsonb -> 0))), 'invalid_input', 'two photos of one angle are refused');
select is(tests.outcome(format('select public.check_in(%L, 1, 1, %L, gen_random_uuid())', :'trip', :'other_photos')), 'media_not_found', 'the photos are the caller''s own');
select is(tests.outcome(format('select public.check_in(%L, 1, 1, %L, gen_random_uuid())', :'trip',
  (select jsonb_agg(jsonb_set(f, '{media_id}', :'photos'::jsonb -> 0 -> 'media_id')) from jsonb_array_elements(:'photos'::jsonb) f))), 'invalid_input', 'one photo cannot serve for all');
select is((public.check_in(:'trip', 1000, 80, :'photos', 'cccccccc-0000-4000-8000-000000000001', 'a scratch')).status, 'confirmed', 'an hour before the start the hand-over is recorded');
select is((public.check_in(:'trip', 1000, 80, :'photos', 'cccccccc-0000-4000-8000-000000000001', 'a scratch')).id, :'trip'::uuid, 'the same again changes nothing');
select is(tests.outcome(format('select public.check_in(%L, 1000, 80, %L, gen_random_uuid())', :'trip', :'more_photos')), 'inspection_open', 'a second hand-over is refused while the first waits for an answer');
select is(tests.outcome(format('select public.check_out(%L, 1100, 80, %L, gen_random_uuid())', :'trip', :'more_photos')), 'inspection_open', 'nobody returns a vehicle whose hand-over waits for an answer');
select is(public.cancel_booking_preview(:'trip') ->> 'cancelled_by', 'renter', 'the renter can cancel until the check-in counts');
select id as inspection from public.booking_inspections where booking_id = :'trip' \gset
select is((select counts_at from public.booking_inspections where id = :'inspection'), (select starts_at + interval '2 hours' from public.bookings where id = :'trip'), 'a check-in counts by itself no earlier than two hours after the booked start');
select is(tests.outcome(format('select public.acknowledge_inspection(%L)', :'inspection')), 'not_found', 'a person cannot acknowledge the own inspection');
select is(tests.outcome(format('select public.object_to_inspection(%L, %L)', :'inspection', 'no')), 'not_found', 'a person cannot object to the own inspection');
select tests.as_user(:'stranger');
select is((select count(*)::int from public.booking_inspections) + (select count(*)::int from public.inspection_photos), 0, 'a stranger sees no inspection');
select is((select count(*)::int from public.media where purpose = 'inspection' and owner_id <> :'stranger'), 0, 'a stranger sees no photo of an inspection');
select is(tests.outcome(format('select public.acknowledge_inspection(%L)', :'inspection')), 'not_found', 'a stranger cannot acknowledge an inspection');
select is(tests.outcome(format('select public.object_to_inspection(%L, %L)', :'inspection', 'no')), 'not_found', 'a stranger cannot object to an inspection');
select is(tests.outcome(format('select public.decide_inspection(%L, true, %L)', :'inspection', 'no')), 'forbidden', 'a stranger cannot decide on an inspection');
select is(tests.outcome(format('select public.inspection_evidence(%L)', :'trip')), 'forbidden', 'a stranger does not learn where photos were taken');
select tests.as_owner();
insert into private.media_facts (media_id, captured_at, captured_local, location)
select p.media_id,
  case p.angle when 'front' then now() - interval '10 minutes' when 'rear' then now() - interval '2 hours' end,
  case p.angle when 'left' then (now() - interval '20 minutes') at time zone 'Asia/Ho_Chi_Minh' end,
  case p.angle when 'front' then extensions.st_translate(l.location::extensions.geometry, 0.002, 0)::extensions.geography
    when 'rear' then extensions.st_translate(l.location::extensions.geometry, 0.1, 0)::extensions.geography end
from public.inspection_photos p, public.bookings b join public.vehicle_locations l on l.vehicle_id = b.vehicle_id
where p.inspection_id = :'inspection' and b.id = :'trip' and p.angle in ('front', 'rear', 'left');
select tests.make_admin('evidence') as evidence_admin \gset
select tests.as_user(:'evidence_admin');
select results_eq(format('select angle, minutes_before, in_time, nearby from public.inspection_evidence(%L)', :'trip'), $$
  values ('dashboard', null::int, null::boolean, null::boolean), ('front', 10, true, true), ('left', 20, true, null), ('rear', 120, false, false), ('right', null, null, null)
$$, 'an admin learns which photos were taken in time and nearby, also of a camera without a time zone');
select is(tests.outcome('select public.inspection_evidence(gen_random_uuid())'), 'booking_not_found', 'there is no evidence of a trip that does not exist');
select tests.as_user(:'host');
select is(tests.outcome(format('select public.inspection_evidence(%L)', :'trip')), 'forbidden', 'the other party does not learn where photos were taken');
select is((select count(*)::int from public.inspection_photos), 5, 'the other party sees the photos');
select is((select count(*)::int from public.media where purpose = 'inspection'), 5, 'the other party may open the photos of an inspection');
select tests.as_owner();
select alike((select body from public.notifications where template = 'check_in_recorded_other' and user_id = :'host'), (
  select '%by ' || private.format_time(counts_at, 'Asia/Ho_Chi_Minh', 'en') || '%' from public.booking_inspections where id = :'inspection'), 'the other party is told until when to answer');
select tests.as_user(:'host');
select is((public.acknowledge_inspection(:'inspection')).acknowledged_by, :'host'::uuid, 'the other party can acknowledge an inspection');
select is((public.acknowledge_inspection(:'inspection')).acknowledged_by, :'host'::uuid, 'acknowledging an inspection is safe to repeat');
select is((select status from public.bookings where id = :'trip'), 'in_progress', 'a check-in that is acknowledged begins the trip');
select is(tests.outcome(format('select public.object_to_inspection(%L, %L)', :'inspection', 'too late')), 'illegal_transition', 'nobody objects to what counts');
select tests.as_user(:'renter');
select is(tests.outcome(format('select tests.cancel_booking(%L)', :'trip')), 'booking_not_cancellable', 'a trip that has begun is not cancelled');
select is(tests.outcome(format('select public.check_in(%L, 1000, 80, %L, gen_random_uuid())', :'trip', :'more_photos')), 'illegal_transition', 'a trip under way is not handed over again');
select is(tests.outcome(format('select public.check_out(%L, 999, 80, %L, gen_random_uuid())', :'trip', :'more_photos')), 'invalid_input', 'the odometer does not run backwards');
select is(tests.outcome(format('select public.check_out(%L, 1100, 80, %L, gen_random_uuid())', :'trip', :'photos')), 'invalid_input', 'the photos of the hand-over do not serve twice');
select is((public.check_out(:'trip', 1100, 50, :'more_photos', gen_random_uuid())).status, 'in_progress', 'the renter alone does not end the trip');
select is((select counts_at from public.booking_inspections where booking_id = :'trip' and kind = 'check_out'), (select ends_at + interval '24 hours' from public.bookings where id = :'trip'), 'silence ends a trip no earlier than a day after its booked end');
select tests.as_owner();
select is((select blocked from public.calendar_entries where booking_id = :'trip'), (select tstzrange(starts_at, ends_at + interval '60 minutes') from public.bookings where id = :'trip'), 'the slot is not free because the renter alone says so');
select is(tests.acknowledge('check_out', :'trip'), 'completed', 'a check-out that is acknowledged completes the trip');
select tests.as_user(:'renter');
select is((select count(*)::int from public.vehicle_locations), 0, 'its place is no longer the renter''s to know');
select tests.as_owner();
select is((select count(*)::int from public.calendar_entries where booking_id = :'trip'), 0, 'returned before it began, it blocks nothing');
select is((select deposit_status from public.bookings where id = :'trip'), 'held', 'the deposit waits for the claim window');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after the trip');

-- One side alone --------------------------------------------------------------------------------------------------------
select tests.make_vehicle(:'host', '{"buffer_minutes": 30, "cancellation_policy": "flexible"}') as lonely \gset
-- the host of a trip of ten days, who does all that a host can do
select tests.make_paid_booking(:'renter', :'lonely', tests.hours(1), tests.hours(241)) as long \gset
select tests.move_trip(:'long', 0.75);
select tests.record_inspection('check_in', :'host', :'long', 10) as said \gset
select is(:'said'::text, 'confirmed', 'the host alone does not begin a trip');
select tests.as_user(:'host');
select is(tests.outcome(format('select public.release_deposit(%L, gen_random_uuid())', :'long')), 'illegal_transition', 'the host alone cannot take the rent');
select tests.as_user(:'renter');
select is(public.cancel_booking_preview(:'long') ->> 'refund_bps', '5000', 'what the host alone recorded takes nothing from the renter''s right to cancel');
select tests.as_owner();
select is(private.count_due_inspections(), 0, 'nothing counts before its time');
-- its time passes, and no job runs
select tests.let_answer_pass('check_in', :'long');
select tests.as_user(:'renter');
select is(public.booking_detail(:'long') -> 'booking' ->> 'status', 'in_progress', 'the renter reads that the trip has begun at the moment the time to answer is over');
select is(public.booking_detail(:'long') -> 'inspections' -> 0 ->> 'status', 'presumed', 'an inspection reads as counting at the moment the time to answer is over');
select is((select b ->> 'status' from public.my_bookings(statuses => '{in_progress}') b where b ->> 'id' = :'long'), 'in_progress', 'a list finds the trip by its state of now');
select is(tests.outcome(format('select public.cancel_booking_preview(%L)', :'long')), 'booking_not_cancellable', 'at the moment the time to answer is over a trip is not cancelled any more');
select is(tests.outcome(format('select tests.cancel_booking(%L)', :'long')), 'booking_not_cancellable', 'a cancellation looks at the time and not at the job');
select is(tests.outcome(format('select public.object_to_inspection((select id from public.booking_inspections where booking_id = %L), %L)', :'long', 'late')), 'illegal_transition', 'an objection after the time to answer is refused');
select tests.as_owner();
select is((select status from public.bookings where id = :'long'), 'confirmed', 'a read writes nothing down');
select is(private.count_due_inspections(), 1, 'the job writes down what counts');
select is((select status from public.bookings where id = :'long'), 'in_progress', 'the job begins the trip');
select is((select string_agg(cause, ',') from private.domain_events where subject_id = :'long' and event = 'check_in'), 'deadline', 'the history says that a deadline began the trip');
-- the host ends it at once; the renter is silent
select tests.record_inspection('check_out', :'host', :'long', 20);
select is((select status || ' ' || (checked_out_at is not null) from public.bookings where id = :'long'), 'in_progress true', 'the host alone does not end a trip, and can say that the vehicle is back');
select is((select upper(blocked) from public.calendar_entries where booking_id = :'long'), (select ends_at + interval '30 minutes' from public.bookings where id = :'long'), 'a return that the host alone recorded frees nothing');
select is((select counts_at > ends_at from public.booking_inspections i join public.bookings b on b.id = i.booking_id where b.id = :'long' and i.kind = 'check_out'), true, 'silence never ends a trip before its booked end');
select is((select count(*)::int from private.ledger_transactions where event = 'booking_completed' and payable_id = :'long'), 0, 'the host alone moves no money');
select tests.as_user(:'host');
select is(tests.outcome(format('select public.release_deposit(%L, gen_random_uuid())', :'long')), 'illegal_transition', 'the host cannot make the rent payable while the renter has not agreed');
select tests.as_owner();
select is(tests.acknowledge('check_out', :'long'), 'completed', 'the renter can agree that the trip ended early');
select is((select claim_until from public.bookings where id = :'long'), (select ends_at + interval '24 hours' from public.bookings where id = :'long'), 'after an early return the claim window begins at the booked end');
select tests.as_user(:'host');
select is((public.release_deposit(:'long', gen_random_uuid())).deposit_status, 'returned', 'the host can give the deposit back before the booked end');
select tests.as_owner();
select is((select earnings_wait_until from public.payables where id = :'long'), (select ends_at from public.bookings where id = :'long'), 'the rent is never payable before the booked end');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after what one side did alone');

-- the renter of a trip, who ends it in its first minute
select tests.make_paid_booking(:'renter', :'lonely', tests.hours(400), tests.hours(410)) as short \gset
select tests.move_trip(:'short', 0);
select tests.inspect('check_in', :'renter', :'short', 10), tests.record_inspection('check_out', :'renter', :'short', 11);
select is((select status || ' ' || coalesce(checked_out_at::text, 'not back') || ' ' || coalesce(claim_until::text, 'no claims yet') from public.bookings where id = :'short'), 'in_progress not back no claims yet', 'the renter alone begins no claim window and does not say that the vehicle is back');
select is((select upper(blocked) from public.calendar_entries where booking_id = :'short'), (select ends_at + interval '30 minutes' from public.bookings where id = :'short'), 'the slot is not free while the renter has the vehicle');
-- the host is silent until the time is over
select tests.move_trip(:'short', -34.1);
select tests.as_user(:'renter');
select is(public.booking_detail(:'short') -> 'booking' ->> 'status', 'completed', 'silence completes a trip a day after its booked end');
select tests.as_user(:'host');
select is((public.release_deposit(:'short', gen_random_uuid())).status, 'completed', 'a command finds the trip completed before any job has run');
select tests.as_owner();
select is((select count(*)::int from private.ledger_transactions where event = 'booking_completed' and payable_id = :'short'), 1, 'a command writes down what counted before');

-- objections
select tests.make_paid_booking(:'renter', :'lonely', tests.hours(400), tests.hours(410)) as disputed \gset
select tests.move_trip(:'disputed', 0);
select tests.record_inspection('check_in', :'host', :'disputed', 10);
select id as claim from public.booking_inspections where booking_id = :'disputed' \gset
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.object_to_inspection(%L, %L)', :'claim', ' ')), 'invalid_input', 'an objection needs a reason');
select is((public.object_to_inspection(:'claim', 'I never got the car')).status, 'contested', 'the other side can object to an inspection');
select is((public.object_to_inspection(:'claim', 'I never got the car')).objection, 'I never got the car', 'objecting to an inspection is safe to repeat');
select is(tests.outcome(format('select tests.cancel_booking(%L)', :'disputed')), 'money_frozen', 'money that is in dispute goes nowhere');
select tests.as_owner();
select tests.move_trip(:'disputed', -2);
update public.booking_inspections set counts_at = now() - interval '1 second' where id = :'claim';
select is(private.count_due_inspections(), 0, 'what is contested never counts by time');
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.unfreeze_payable(%L)', :'disputed')), 'inspection_open', 'an admin cannot end the freeze of an objection by ending all freezes');
select tests.as_owner();
select is((select count(*)::int from public.notifications where template = 'inspection_contested_recorder' and user_id = :'host'), 1, 'who recorded it is told of the objection');
select tests.as_user(:'host');
select is(tests.outcome(format('select public.acknowledge_inspection(%L)', :'claim')), 'not_found', 'the side that recorded it cannot settle the objection');
select is(tests.outcome(format('select public.decide_inspection(%L, true, %L)', :'claim', 'mine')), 'forbidden', 'a host does not decide on an objection');
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.decide_inspection(%L, null, %L)', :'claim', 'because')), 'invalid_input', 'a decision is yes or no');
select is(tests.outcome(format('select public.decide_inspection(%L, true, null)', :'claim')), 'invalid_input', 'a decision has a reason');
select is(tests.outcome('select public.decide_inspection(gen_random_uuid(), true, ''because'')'), 'not_found', 'an inspection that does not exist is not decided on');
select is((public.decide_inspection(:'claim', false, 'the photos show another car')).status, 'rejected', 'an admin can decide that an inspection does not count');
select is((public.decide_inspection(:'claim', false, 'the photos show another car')).status, 'rejected', 'deciding on an inspection is safe to repeat');
select is(tests.outcome(format('select public.decide_inspection(%L, true, %L)', :'claim', 'after all')), 'illegal_transition', 'a decision on an inspection stays');
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.acknowledge_inspection(%L)', :'claim')), 'illegal_transition', 'what was rejected cannot be acknowledged');
select tests.as_owner();
select is((select status || ' ' || private.is_frozen(id) from public.bookings where id = :'disputed'), 'confirmed false', 'a check-in that was rejected leaves the booking as it was and its money free');
select is((select count(*)::int from public.notifications where template = 'inspection_rejected' and body like '%another car%' and user_id in (:'host', :'renter')), 2, 'both sides are told the decision and its reason');
select is(tests.inspect('check_in', :'renter', :'disputed', 10), 'in_progress', 'what was rejected can be recorded anew');
select tests.record_inspection('check_out', :'host', :'disputed', 20);
select id as claim2 from public.booking_inspections where booking_id = :'disputed' and kind = 'check_out' \gset
select tests.as_user(:'renter');
select public.object_to_inspection(:'claim2', 'I still drive it');
select tests.as_user(:'admin');
select public.decide_inspection(:'claim2', false, 'the renter has it');
select tests.as_owner();
select is((select status || ' ' || coalesce(checked_out_at::text, 'out') from public.bookings where id = :'disputed'), 'in_progress out', 'a return that was rejected leaves the vehicle with the renter');
select tests.record_inspection('check_out', :'renter', :'disputed', 30);
select id as claim3 from public.booking_inspections where booking_id = :'disputed' and kind = 'check_out' and status = 'recorded' \gset
select tests.as_user(:'host');
select public.object_to_inspection(:'claim3', 'there is a dent');
select is((public.acknowledge_inspection(:'claim3')).status, 'acknowledged', 'who objected can agree after all');
select tests.as_owner();
select is((select status || ' ' || private.is_frozen(id) from public.bookings where id = :'disputed'), 'completed false', 'agreeing after an objection ends the freeze and completes the trip');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after objections');

-- The deposit ------------------------------------------------------------------------------------------------------
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.release_deposit(%L, gen_random_uuid())', :'trip')), 'forbidden', 'the renter does not release the own deposit');
select tests.as_owner();
select is(private.return_due_deposits(), 0, 'inside the window nothing returns by itself');
select tests.move_trip(:'trip', -27);
update public.bookings set claim_until = now() where id = :'trip';
select is(private.return_due_deposits(), 1, 'the deposit returns when the claim window ends');
select is(private.return_due_deposits(), 0, 'a deposit returns once');
select is((select sum(amount) from public.refunds where payable_id = :'trip'), 3000000::numeric, 'a deposit returns in full');
select tests.as_user(:'host');
select is((public.release_deposit(:'trip', gen_random_uuid())).deposit_status, 'returned', 'releasing after that changes nothing');
select tests.as_owner();
select is((select count(*)::int from public.refunds where payable_id = :'trip'), 1, 'a released deposit is not paid twice');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after the deposit');

-- Lists ------------------------------------------------------------------------------------------------------------
select tests.as_user(:'renter');
select is(tests.outcome($$ select public.my_bookings('admin') $$), 'invalid_input', 'one is renter or host');
select ok((select count(*) > 3 and bool_and(b ->> 'renter_id' = :'renter') from public.my_bookings() b), 'a renter lists the own trips');
select is((select count(*)::int from public.my_bookings('host')), 0, 'a renter has no bookings as a host');
select is((select count(*)::int from public.my_bookings('renter', '{completed}')), 4, 'a renter can list the own trips by status');
select tests.as_user(:'host');
select ok((select count(*) > 3 and bool_and(b ->> 'host_id' = :'host') from public.my_bookings('host', page_size => 100) b), 'a host lists those of the own vehicles');
create temporary table pages as
with recursive page as (
  select b ->> 'id' as id, b ->> 'created_at' as created_at, 1 as n from public.my_bookings('host', page_size => 1) b
  union all
  select b ->> 'id', b ->> 'created_at', p.n + 1 from page p
  cross join lateral public.my_bookings('host', null, jsonb_build_object('created_at', p.created_at, 'id', p.id), 1) b
)
select * from page;
select tests.as_owner();
select is((select count(distinct id)::int from pages), (select count(*)::int from public.bookings where host_id = :'host'), 'pages of one reach every booking once');

select * from finish();
rollback;

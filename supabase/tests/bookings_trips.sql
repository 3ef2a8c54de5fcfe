-- Bookings: one vehicle with one renter, vehicles that are not back, and trips that nobody checked in or returned.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_renter('rival') as rival, tests.make_user('host') as host,
  tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
update private.rate_limits set capacity = 1000, per_minute = 1000;

-- The slot ends with the return and its buffer ----------------------------------------------------------------------
create function tests.blocked_until(p_booking_id uuid)
returns interval
language sql stable
as $$ select upper(blocked) - now() from public.calendar_entries where booking_id = p_booking_id $$;
-- A trip of ten hours that began so many hours ago, under way.
create function tests.under_way(p_renter uuid, p_vehicle uuid, p_hours_ago numeric)
returns uuid
language plpgsql volatile
as $$
declare
  v_id uuid := tests.make_paid_booking(p_renter, p_vehicle, tests.hours(300), tests.hours(310));
begin
  perform tests.move_trip(v_id, 0);
  perform tests.inspect('check_in', p_renter, v_id, 10);
  perform tests.move_trip(v_id, -p_hours_ago);
  return v_id;
end
$$;
select tests.make_vehicle(:'host', '{"buffer_minutes": 60}') as buffered \gset
select tests.under_way(:'renter', :'buffered', 4) as early \gset
select tests.inspect('check_out', :'renter', :'early', 20);
select is(tests.blocked_until(:'early'), interval '60 minutes', 'after an early return the vehicle is blocked for its buffer');
select is(tests.outcome(format('select tests.make_booking(%L, %L, now() + interval ''59 minutes'', tests.hours(8))', :'rival', :'buffered')), 'vehicle_unavailable', 'nobody starts within the buffer after an early return');
select is(tests.outcome(format('select tests.make_booking(%L, %L, now() + interval ''60 minutes'', tests.hours(8))', :'rival', :'buffered')), 'ok', 'the time after the buffer of an early return is free');
select tests.make_vehicle(:'host', '{"buffer_minutes": 60}') as late_one \gset
select tests.under_way(:'renter', :'late_one', 10.5) as late \gset
select tests.inspect('check_out', :'host', :'late', 20);
select is(tests.blocked_until(:'late'), interval '60 minutes', 'after a late return the vehicle is blocked for its buffer, too');
select tests.make_vehicle(:'host', '{"buffer_minutes": 60}') as busy \gset
select tests.under_way(:'renter', :'busy', 10.5) as late2 \gset
select tests.make_paid_booking(:'rival', :'busy', tests.hours(400), tests.hours(410)) as next \gset
select tests.move_trip(:'next', 0.75);
select tests.inspect('check_out', :'host', :'late2', 20);
select is(tests.blocked_until(:'late2'), interval '45 minutes', 'the buffer after a late return never takes time from the next trip');

-- One vehicle, one renter --------------------------------------------------------------------------------------------
select tests.make_vehicle(:'host', '{"lat": 10.5, "lng": 104.5}') as car \gset
select tests.under_way(:'renter', :'car', 12) as first \gset
select tests.make_paid_booking(:'rival', :'car', tests.hours(400), tests.hours(410)) as second \gset
select tests.move_trip(:'second', 0);
select is(tests.outcome(format('update public.bookings set status = %L, checked_in_at = now() where id = %L', 'in_progress', :'second')), '23505', 'the database itself keeps a vehicle with one renter');
select is(tests.outcome(format('select tests.record_inspection(%L, %L, %L, 20)', 'check_in', :'host', :'second')), 'vehicle_not_returned', 'the next hand-over is refused while another renter has the vehicle');
select is(tests.record_inspection('check_out', :'renter', :'first', 20), 'in_progress', 'the renter can record the return');
select is(tests.outcome(format('select tests.record_inspection(%L, %L, %L, 20)', 'check_in', :'rival', :'second')), 'vehicle_not_returned', 'a return that the renter alone recorded does not hand the vehicle to the next');
select is(tests.acknowledge('check_out', :'first'), 'completed', 'the host can confirm the return');
select is(tests.record_inspection('check_in', :'host', :'second', 20), 'confirmed', 'the next hand-over is recorded once the host has confirmed the return');
-- two hand-overs that wait for an answer
select tests.make_paid_booking(:'renter', :'car', tests.hours(400), tests.hours(410)) as third \gset
delete from public.calendar_entries where booking_id = :'second';
select tests.move_trip(:'third', 0);
select is(tests.outcome(format('select tests.record_inspection(%L, %L, %L, 20)', 'check_in', :'host', :'third')), 'vehicle_not_returned', 'a hand-over that waits for an answer keeps the vehicle from others');
-- time runs: the second is under way, then the host alone says that it is back
select tests.let_answer_pass('check_in', :'second');
select is(tests.outcome(format('select tests.record_inspection(%L, %L, %L, 20)', 'check_in', :'host', :'third')), 'vehicle_not_returned', 'a trip that began by its deadline keeps the vehicle from others');
select private.count_due_inspections();
select tests.record_inspection('check_out', :'host', :'second', 30);
select is(tests.inspect('check_in', :'host', :'third', 30), 'in_progress', 'a host who has the vehicle back can hand it over before the last renter has answered');
select is((select status from public.bookings where id = :'second'), 'in_progress', 'the last trip waits for its renter meanwhile');
select tests.as_user(:'rival');
select public.object_to_inspection(id, 'there was no dent') from public.booking_inspections where booking_id = :'second' and kind = 'check_out';
select tests.as_user(:'admin');
select public.decide_inspection(id, false, 'record it anew') from public.booking_inspections where booking_id = :'second' and kind = 'check_out';
select tests.as_owner();
select isnt((select checked_out_at from public.bookings where id = :'second'), null, 'a rejected return does not bring the vehicle back from the renter who has it now');
select is(tests.inspect('check_out', :'host', :'second', 30), 'completed', 'the return can be recorded anew');
select is(tests.inspect('check_out', :'host', :'third', 40), 'completed', 'the trip after it can be returned');

-- A vehicle that is not back -------------------------------------------------------------------------------------------
select tests.make_vehicle(:'host', '{"lat": 10.6, "lng": 104.6}') as gone \gset
create function tests.offered(p_hours numeric)
returns boolean
language sql stable
as $$
  select exists (select from public.search_vehicles(10.6, 104.6, 1000, tests.hours(p_hours), tests.hours(p_hours + 5)) s
    where s ->> 'vehicle_id' = (select id::text from public.vehicles where status = 'published' and private.fold_text(title) like '%vios%' and id = current_setting('tests.gone')::uuid))
$$;
select set_config('tests.gone', :'gone', true);
select tests.make_quote(:'rival', :'gone', tests.hours(2), tests.hours(7)) as old_quote \gset
select tests.under_way(:'renter', :'gone', 9) as out \gset
select is(tests.offered(2), true, 'a vehicle under way is offered for the time after its booked end');
select tests.move_trip(:'out', -12);
select is(tests.offered(2), false, 'a vehicle that is not back is not offered for now');
select is(tests.offered(23.9), false, 'a vehicle that is not back is not offered for a trip that begins within a day');
select is(tests.offered(24.1), true, 'a vehicle that is not back is offered for a trip that begins after a day');
select is(tests.outcome(format('select tests.make_quote(%L, %L, tests.hours(2), tests.hours(7))', :'rival', :'gone')), 'vehicle_unavailable', 'a vehicle that is not back is not quoted for now');
select is(tests.outcome(format('select tests.book(%L, %L)', :'rival', :'old_quote')), 'vehicle_unavailable', 'a quote from before does not book a vehicle that is not back');
select is((select array_agg(details) from public.booking_eligibility(:'gone', tests.hours(2), tests.hours(7)) where code = 'vehicle_unavailable'), array['{"kinds": ["booked"]}'::jsonb], 'the reason says that the vehicle is taken, and not by whom');
select is((select array_agg(kind) from public.vehicle_calendar(:'gone', tests.hours(1), tests.hours(30))), '{booked}', 'the calendar shows a vehicle that is not back as taken');
select tests.record_inspection('check_out', :'renter', :'out', 20);
select is(tests.offered(2), false, 'a return that the renter alone recorded does not offer the vehicle again');
select is(tests.acknowledge('check_out', :'out'), 'completed', 'the host confirms that the vehicle is back');
select is(tests.offered(2), true, 'a vehicle is offered again when it is back');
-- the same, before any job has written down that the trip began
delete from public.calendar_entries where booking_id = :'out';
select tests.make_paid_booking(:'renter', :'gone', tests.hours(300), tests.hours(310)) as unwritten \gset
select tests.move_trip(:'unwritten', 0);
select tests.record_inspection('check_in', :'host', :'unwritten', 30);
select is(tests.offered(11), true, 'a vehicle whose hand-over waits for an answer is offered for the time after its booked end');
select tests.move_trip(:'unwritten', -11);
select is((select status from public.bookings where id = :'unwritten'), 'confirmed', 'no job has run');
select is(tests.offered(2), false, 'a vehicle is not back, whether or not a job has written down that its trip began');
select private.count_due_inspections();
select tests.inspect('check_out', :'host', :'unwritten', 40);

-- A trip that nobody checked in -------------------------------------------------------------------------------------------
select tests.make_vehicle(:'host') as forgotten \gset
select tests.make_paid_booking(:'renter', :'forgotten', tests.hours(300), tests.hours(324)) as unattended \gset
select tests.move_trip(:'unattended', -30);
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.cancel_booking_preview(%L)', :'unattended')), 'booking_not_cancellable', 'after the booked end the renter cannot cancel');
select tests.as_user(:'host');
select is(tests.outcome(format('select public.cancel_booking(%L, 4814405, null, gen_random_uuid())', :'unattended')), 'booking_not_cancellable', 'after the booked end the host cannot give everything back for a trip that was perhaps driven');
select tests.as_owner();
select is(tests.outcome(format('select tests.record_inspection(%L, %L, %L, 20)', 'check_in', :'host', :'unattended')), 'trip_over', 'no vehicle is handed over after the booked end');
select is(private.tell_of_unattended_trips(), 1, 'both sides are told of a trip that ended without a check-in');
select is(private.tell_of_unattended_trips(), 0, 'both sides are told of it once');
select is((select array_agg(user_id order by user_id) from public.notifications where template in ('booking_unattended_renter', 'booking_unattended_host')), (select array_agg(p order by p) from unnest(array[:'renter', :'host']::uuid[]) p), 'the renter and the host are told of it');
select is(private.settle_unattended_trips(), 0, 'before its deadline such a trip is not settled');
select tests.move_trip(:'unattended', -73);
insert into private.payable_freezes (payable_id, reason) values (:'unattended', 'complaint');
select is(private.settle_unattended_trips(), 0, 'a trip whose money is frozen is not settled by itself');
update private.payable_freezes set ended_at = now() where payable_id = :'unattended';
select is((select string_agg(invariant, ',') from private.check_invariants() where subject_id = :'unattended'), 'unattended_trip', 'a trip that should be settled by now is shown');
select is(private.settle_unattended_trips(), 1, 'at its deadline a trip that nobody checked in is completed');
select is(private.settle_unattended_trips(), 0, 'it is completed once');
select is((select status || ' ' || (checked_in_at is null) || ' ' || (checked_out_at is null) || ' ' || deposit_status from public.bookings where id = :'unattended'), 'completed true true held', 'it is completed without inspections, and its deposit waits for the claim window');
select is((select claim_until from public.bookings where id = :'unattended'), now() + interval '24 hours', 'the claim window of a trip that nobody checked in begins when it is settled');
select is((select string_agg(cause || ' ' || reason, ',') from private.domain_events where subject_id = :'unattended' and event = 'settle'), 'deadline nobody checked in', 'the history says why it was completed');
select is(private.balance('host_payable', :'host') > 0, true, 'the host has earned the rent of a trip that nobody checked in');
update public.bookings set claim_until = now() where id = :'unattended';
select is(private.return_due_deposits(), 1, 'the deposit of a trip that nobody checked in returns after the claim window');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after a trip that nobody checked in');
select is(tests.outcome(format('update public.bookings set checked_out_at = now() where id = %L', :'unattended')), '23514', 'a completed trip has both times or neither');
select is(tests.outcome(format('update public.bookings set claim_until = ends_at - interval ''1 second'' where id = %L', :'unattended')), '23514', 'a claim window never ends before the booked end');

-- what must not be settled by itself
create function tests.forgotten(p_renter uuid, p_vehicle uuid, p_hours numeric)
returns uuid
language plpgsql volatile
as $$
declare
  v_id uuid := tests.make_paid_booking(p_renter, p_vehicle, tests.hours(300), tests.hours(310));
begin
  perform tests.move_trip(v_id, p_hours);
  return v_id;
end
$$;
select tests.make_vehicle(:'host') as kept \gset
select tests.forgotten(:'rival', :'kept', -60) as pushed_out \gset
delete from public.calendar_entries where booking_id = :'pushed_out';
select tests.under_way(:'renter', :'kept', 65) as keeper \gset
select is(private.settle_unattended_trips() + private.tell_of_unattended_trips(), 0, 'nobody pays for a trip during which another renter had the vehicle');
select is((select string_agg(invariant || ': ' || detail, ',' order by detail) from private.check_invariants() where subject_id in (:'pushed_out', :'keeper') and invariant <> 'booking_without_slot'), 'trip_undecided: another renter had the vehicle', 'an admin is shown a trip during which another renter had the vehicle');
select is((select array_agg(name) from private.invariants where name in ('trip_undecided', 'unattended_trip') and severity = 'warning'), '{trip_undecided,unattended_trip}', 'trips that wait for a person are warnings');
select tests.move_trip(:'keeper', -90);
select is((select string_agg(detail, ',') from private.check_invariants() where subject_id = :'keeper' and invariant = 'trip_undecided'), 'nobody recorded the return', 'an admin is shown a trip whose return nobody recorded');
select is((private.health_facts() ->> 'trips_undecided')::int, 2, 'health counts the trips that an admin must decide');
select private.count_due_inspections(), private.settle_unattended_trips();
select is((select status from public.bookings where id = :'keeper'), 'in_progress', 'a trip is never completed by itself while the vehicle may be out');
select tests.make_vehicle(:'host') as banned \gset
select tests.forgotten(:'renter', :'banned', -60) as suspended \gset
update public.vehicles set status = 'suspended' where id = :'banned';
select is(private.settle_unattended_trips(), 0, 'nobody pays by itself for a trip whose vehicle was suspended');
select tests.make_vehicle(:'host') as quarrelled \gset
select tests.forgotten(:'renter', :'quarrelled', 0) as quarrel \gset
select tests.record_inspection('check_in', :'host', :'quarrel', 10);
select tests.as_user(:'renter');
select public.object_to_inspection(id, 'I never got it') from public.booking_inspections where booking_id = :'quarrel';
select tests.as_user(:'admin');
select public.decide_inspection(id, false, 'no car in the photos') from public.booking_inspections where booking_id = :'quarrel';
select tests.as_owner();
select tests.move_trip(:'quarrel', -60);
select is(private.settle_unattended_trips(), 0, 'a trip whose check-in was rejected is not settled by itself');

-- an admin settles
select tests.as_user(:'stranger');
select is(tests.outcome(format('select public.settle_trip(%L, %L, gen_random_uuid())', :'keeper', 'it is back')), 'forbidden', 'a stranger cannot settle a trip');
select tests.as_user(:'host');
select is(tests.outcome(format('select public.settle_trip(%L, %L, gen_random_uuid())', :'keeper', 'it is back')), 'forbidden', 'a host cannot settle a trip');
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.settle_trip(%L, %L, gen_random_uuid())', :'keeper', ' ')), 'invalid_input', 'settling a trip needs a reason');
select is(tests.outcome('select public.settle_trip(gen_random_uuid(), ''why'', gen_random_uuid())'), 'booking_not_found', 'a booking that does not exist is not settled');
select is((public.settle_trip(:'keeper', 'the host has it', 'dddddddd-0000-4000-8000-000000000001')).status, 'completed', 'an admin can settle a trip whose return nobody recorded');
select is((public.settle_trip(:'keeper', 'the host has it', 'dddddddd-0000-4000-8000-000000000001')).status, 'completed', 'settling a trip is safe to repeat');
select is(tests.outcome(format('select public.settle_trip(%L, %L, gen_random_uuid())', :'keeper', 'again')), 'illegal_transition', 'a trip is settled once');
select is((public.settle_trip(:'suspended', 'both say so', gen_random_uuid())).status, 'completed', 'an admin can settle a trip that nobody checked in');
select is((public.cancel_payable(:'quarrel', 'it did not take place', gen_random_uuid())) ->> 'kind', 'booking', 'an admin can call off a trip that did not take place after its booked end');
select is((select status || ' ' || cancelled_by || ' ' || refund_bps from public.bookings where id = :'quarrel'), 'cancelled admin 10000', 'a trip that did not take place gives everything back');
select tests.as_owner();
select tests.make_paid_booking(:'renter', :'forgotten', tests.hours(300), tests.hours(310)) as future \gset
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.settle_trip(%L, %L, gen_random_uuid())', :'future', 'early')), 'too_early', 'a trip is not settled before its booked end');
select tests.as_owner();
select tests.forgotten(:'renter', :'quarrelled', -2) as open \gset
select tests.inspect('check_in', :'renter', :'open', 10), tests.record_inspection('check_out', :'renter', :'open', 20);
select tests.move_trip(:'open', -20);
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.settle_trip(%L, %L, gen_random_uuid())', :'open', 'now')), 'inspection_open', 'a return that waits for an answer is not settled over it');
select tests.as_owner();
insert into private.payable_freezes (payable_id, reason) values (:'open', 'complaint');
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.settle_trip(%L, %L, gen_random_uuid())', :'open', 'now')), 'money_frozen', 'a trip whose money is frozen is not settled');

select * from finish();
rollback;

-- Bookings: what one person may hold unpaid, and how often one person may write to a host.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_renter('rival') as rival, tests.make_user('host') as host \gset
select tests.make_vehicle(:'host', '{"max_days": 60, "buffer_minutes": 60}') as vehicle, tests.make_vehicle(:'host') as second,
  tests.make_vehicle(:'host', '{"instant_book": false}') as asking \gset

-- the own hold -----------------------------------------------------------------------------------------------------------
select tests.make_quote(:'renter', :'vehicle', tests.hours(35), tests.hours(45)) as older \gset
select tests.make_quote(:'rival', :'vehicle', tests.hours(35), tests.hours(45)) as rivals \gset
select tests.make_booking(:'renter', :'vehicle', tests.hours(30), tests.hours(40)) as held \gset
select is(tests.outcome_details(format('select tests.make_quote(%L, %L, tests.hours(30), tests.hours(40))', :'renter', :'vehicle')),
  jsonb_build_object('code', 'already_held', 'booking_id', :'held'), 'a quote for what I hold unpaid names my booking');
select is(tests.outcome_details(format('select tests.make_quote(%L, %L, tests.hours(40), tests.hours(41))', :'renter', :'vehicle')) ->> 'booking_id', :'held', 'the buffer after my unpaid hold is mine too');
select is(tests.outcome_details(format('select tests.book(%L, %L)', :'renter', :'older')),
  jsonb_build_object('code', 'already_held', 'booking_id', :'held'), 'a booking from an older quote names the booking by which I hold the vehicle');
select is(tests.outcome_details(format('select tests.book(%L, %L)', :'rival', :'rivals')), '{"code": "vehicle_unavailable", "kinds": ["booked"]}', 'others do not learn by whom a vehicle is held');
select tests.as_user(:'renter');
select is((select jsonb_agg(jsonb_build_array(code, details)) from public.booking_eligibility(:'vehicle', tests.hours(30), tests.hours(40))), jsonb_build_array(jsonb_build_array('already_held', jsonb_build_object('booking_id', :'held'))), 'the explanation tells my own hold apart');
select tests.as_user(:'rival');
select is((select jsonb_agg(jsonb_build_array(code, details)) from public.booking_eligibility(:'vehicle', tests.hours(30), tests.hours(40))), '[["vehicle_unavailable", {"kinds": ["booked"]}]]', 'for others it is booked');
select tests.as_owner();
select tests.pay(:'held');
select is(tests.outcome(format('select tests.make_quote(%L, %L, tests.hours(30), tests.hours(40))', :'renter', :'vehicle')), 'vehicle_unavailable', 'what I have paid is no hold to resume');
select is(tests.outcome(format($$ insert into public.calendar_entries (vehicle_id, kind, blocked, booking_id, expires_at) values (%L, 'hold', tstzrange(tests.hours(900), tests.hours(901)), gen_random_uuid(), now()) $$, :'vehicle')), '23514', 'a hold of nobody cannot be stored');

-- open bookings of one person ------------------------------------------------------------------------------------------------
select tests.make_booking(:'rival', :'second', tests.hours(24 * n), tests.hours(24 * n + 5)) from generate_series(1, 4) n;
select tests.make_booking(:'rival', :'asking', tests.hours(24), tests.hours(30)) as asked \gset
select is(tests.outcome_details(format('select tests.make_booking(%L, %L, tests.hours(240), tests.hours(245))', :'rival', :'second')), '{"code": "too_many_open_bookings", "limit": 5}', 'a renter has five bookings that wait for payment or an answer, and no sixth');
select is(tests.outcome(format('select tests.make_booking(%L, %L, tests.hours(240), tests.hours(245))', :'renter', :'second')), 'ok', 'the limit is each renter''s own');
select tests.run_out(:'asked');
select is(tests.outcome(format('select tests.make_booking(%L, %L, tests.hours(250), tests.hours(255))', :'rival', :'second')), 'ok', 'a request whose time is over does not count, though no job has run');
select id as one_of_five from public.bookings where renter_id = :'rival' and status = 'pending_payment' order by starts_at limit 1 \gset
select tests.as_user(:'rival');
select (tests.cancel_booking(:'one_of_five')).status as cancelled \gset
select tests.as_owner();
select is(tests.outcome(format('select tests.make_booking(%L, %L, tests.hours(260), tests.hours(265))', :'rival', :'second')), 'ok', 'a cancelled booking does not count');
select is(tests.outcome(format('select tests.make_booking(%L, %L, tests.hours(270), tests.hours(275))', :'rival', :'second')), 'too_many_open_bookings', 'a renter who has filled up again is refused again');
select is(tests.outcome(format($$ update public.bookings set open_number = (select min(open_number) from public.bookings b where b.renter_id = %L and b.status = 'pending_payment') where renter_id = %L and status = 'pending_payment' $$, :'rival', :'rival')), '23505', 'two open bookings of one renter cannot have one number');
select is(tests.outcome('update public.bookings set open_number = 21'), '23514', 'nobody has a twenty-first open booking');
select is(tests.outcome($$ update private.settings set value = '21' where key = 'max_open_bookings' $$), '23514', 'the setting allows no more open bookings than there are numbers');

-- days of one vehicle ------------------------------------------------------------------------------------------------------------
select tests.make_renter('long') as long \gset
select is(tests.outcome(format('select tests.make_booking(%L, %L, tests.hours(24 * 10), tests.hours(24 * 50))', :'long', :'vehicle')), 'ok', 'one booking may be as long as the listing allows');
select is(tests.outcome_details(format('select tests.make_booking(%L, %L, tests.hours(24 * 60), tests.hours(24 * 61))', :'long', :'vehicle')), '{"code": "too_many_days_held", "max_days": 30}', 'several unpaid bookings of one vehicle take thirty days at most');
select is(tests.outcome(format('select tests.make_booking(%L, %L, tests.hours(24 * 60), tests.hours(24 * 61))', :'long', :'second')), 'ok', 'the days are counted for each vehicle');
select tests.pay(id) from public.bookings where renter_id = :'long' and vehicle_id = :'vehicle';
select is(tests.outcome(format('select tests.make_booking(%L, %L, tests.hours(24 * 60), tests.hours(24 * 61))', :'long', :'vehicle')), 'ok', 'days that are paid do not count');

-- what reaches the host ------------------------------------------------------------------------------------------------------------
create function tests.ask_and_cancel(p_renter uuid, p_vehicle uuid)
returns text
language plpgsql volatile
as $$
declare
  v_booking uuid := tests.make_booking(p_renter, p_vehicle, tests.hours(500), tests.hours(510));
begin
  perform set_config('request.jwt.claims', json_build_object('sub', p_renter, 'role', 'authenticated')::text, true);
  perform tests.cancel_booking(v_booking);
  perform set_config('request.jwt.claims', '', true);
  return 'ok';
end
$$;
select tests.make_renter('pest') as pest, tests.make_renter('guest') as guest, tests.make_user('quiet') as quiet \gset
select tests.make_vehicle(:'quiet', '{"instant_book": false}') as quiet_asking, tests.make_vehicle(:'quiet') as quiet_instant \gset
select results_eq(
  format('select tests.outcome(format(%L, %L, %L)), count(*)::int from generate_series(1, 15) group by 1 order by 1', 'select tests.ask_and_cancel(%L, %L)', :'pest', :'quiet_asking'),
  $$ values ('ok', 5), ('rate_limited', 10) $$, 'of 15 requests to one host within an hour, five are sent');
select is((select count(*)::int from public.notifications where user_id = :'quiet' and category = 'booking'), 10, 'a host hears of each request and of its end, and of nothing that was refused');
select is((select count(*)::int from tests.mails() where user_id = :'quiet'), 10, 'the mails to the host end with the limit');
select ok((tests.outcome_details(format('select tests.ask_and_cancel(%L, %L)', :'pest', :'quiet_asking')) ->> 'retry_after')::int between 60 and 3600, 'a renter who asks too often is told when to ask again');
select is(tests.ask_and_cancel(:'guest', :'quiet_asking'), 'ok', 'another renter still reaches the host');
select is(tests.ask_and_cancel(:'pest', :'asking'), 'ok', 'the renter still reaches another host');
select count(*) as before from public.notifications where user_id = :'quiet' \gset
select is(tests.ask_and_cancel(:'pest', :'quiet_instant'), 'ok', 'a hold of an instant listing is cancelled');
select is((select count(*) from public.notifications where user_id = :'quiet'), :before::bigint, 'a host does not hear of a hold that was never paid');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated at the limits');

select * from finish();
rollback;

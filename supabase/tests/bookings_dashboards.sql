-- Bookings: the home screens of a host and of a renter.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_renter('rival') as rival, tests.make_user('host') as host, tests.make_user('other') as other \gset
update private.rate_limits set capacity = 1000, per_minute = 1000;
select tests.make_vehicle(:'host') as car, tests.make_vehicle(:'host', '{"instant_book": false}') as asking \gset
-- one that is over, one under way that is due back, one that begins now, one later, and a request
select tests.make_paid_booking(:'renter', :'car', tests.hours(300), tests.hours(310)) as done \gset
select tests.drive(:'done', -40);
select tests.make_paid_booking(:'renter', :'car', tests.hours(300), tests.hours(310)) as out \gset
select tests.move_trip(:'out', 0);
select tests.inspect('check_in', :'renter', :'out', 30);
select tests.move_trip(:'out', -11);
select tests.make_paid_booking(:'renter', tests.make_vehicle(:'host'), tests.hours(300), tests.hours(310)) as due \gset
select tests.move_trip(:'due', -0.5);
select tests.make_paid_booking(:'rival', tests.make_vehicle(:'host'), tests.hours(200), tests.hours(210)) as later \gset
select tests.make_booking(:'rival', :'asking', tests.hours(100), tests.hours(110)) as request \gset

select tests.as_visitor();
select is(tests.outcome('select public.host_dashboard()'), '42501', 'a visitor has no dashboard');
select tests.as_user(:'host');
select public.host_dashboard(7) as board \gset
select is((:'board')::jsonb #>> '{requests,0,id}', :'request', 'the dashboard shows the requests that wait for an answer');
select is((:'board')::jsonb #>> '{requests,0,renter}', 'rival', 'the dashboard names who asks');
select is((:'board')::jsonb #>> '{hand_overs,0,id}', :'due', 'the dashboard shows the hand-overs of today');
select is(jsonb_array_length((:'board')::jsonb -> 'hand_overs'), 1, 'a trip that begins another day is no hand-over of today');
select is((:'board')::jsonb #>> '{returns,0,id}', :'out', 'the dashboard shows a vehicle that is due back');
select is(((:'board')::jsonb ->> 'under_way')::int, 1, 'the dashboard counts trips under way');
select is(((:'board')::jsonb ->> 'upcoming')::int, 1, 'the dashboard counts trips that are booked');
select is(((:'board')::jsonb ->> 'earned_amount')::bigint, 1360001::bigint, 'the dashboard sums what was earned');
select is(((:'board')::jsonb ->> 'unpaid_amount')::bigint, 1360001::bigint, 'the dashboard sums what is in no payout yet');
select is(((:'board')::jsonb ->> 'expected_amount')::bigint, (3 * 1360001)::bigint, 'the dashboard sums what paid trips will earn');
select ok(((:'board')::jsonb ->> 'occupancy_bps')::int between 0 and 10000, 'the occupancy is a share');
select is(tests.outcome('select public.host_dashboard(0)'), 'invalid_input', 'a dashboard counts at least one day');
select tests.as_user(:'other');
select is(public.host_dashboard() -> 'requests', '[]', 'a host sees nothing of other hosts');
select is((public.host_dashboard() ->> 'earned_amount')::bigint, 0::bigint, 'a host without trips has earned nothing');

select tests.as_user(:'renter');
select is((select count(*)::int from public.renter_history()), 3, 'a renter sees the own trips and no others');
select is((select r #>> '{vehicle,title}' from public.renter_history() r where r ->> 'id' = :'out'), 'Toyota Vios Hà Nội', 'each trip comes with its vehicle');
select is((select r #>> '{payment,status}' from public.renter_history() r where r ->> 'id' = :'out'), 'succeeded', 'each trip comes with its payment');
select is((select count(*)::int from public.renter_history(page_size => 2)), 2, 'the history comes in pages');
select tests.as_owner();
select finish();
rollback;

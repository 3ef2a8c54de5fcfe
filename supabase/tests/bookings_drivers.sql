-- Bookings: additional drivers, from the invitation to the hand-over.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_renter('friend') as friend, tests.make_renter('cousin') as cousin, tests.make_user('walker') as walker,
  tests.make_user('host') as host, tests.make_user('stranger') as stranger, tests.make_user('away') as away \gset
update private.rate_limits set capacity = 1000, per_minute = 1000;
select tests.make_vehicle(:'host') as car \gset
select tests.make_paid_booking(:'renter', :'car', tests.hours(300), tests.hours(310)) as trip \gset
create function tests.invite(p_user uuid, p_booking uuid, p_person uuid)
returns uuid
language plpgsql volatile
as $$
declare
  v_id uuid;
begin
  perform set_config('request.jwt.claims', tests.claims(p_user), true);
  v_id := (private.invite_driver(p_booking, p_person, gen_random_uuid())).id;
  perform set_config('request.jwt.claims', '', true);
  return v_id;
end
$$;
create function tests.driver_status(p_id uuid)
returns text language sql stable
as $$ select status from public.booking_drivers where id = p_id $$;

select is(tests.outcome(format('select tests.invite(%L, %L, %L)', :'host', :'trip', :'friend')), 'booking_not_found', 'only the renter invites drivers');
select is(tests.outcome(format('select tests.invite(%L, %L, %L)', :'renter', :'trip', :'host')), 'invalid_input', 'the host is not invited');
select is(tests.outcome(format('select tests.invite(%L, %L, gen_random_uuid())', :'renter', :'trip')), 'not_found', 'nobody invites somebody who is not here');
insert into public.user_blocks (user_id, blocked_id) values (:'away', :'renter');
select is(tests.outcome(format('select tests.invite(%L, %L, %L)', :'renter', :'trip', :'away')), 'not_found', 'who has blocked the renter is invited no more than who is not here');
select tests.invite(:'renter', :'trip', :'friend') as asked \gset
select is(tests.invite(:'renter', :'trip', :'friend'), :'asked', 'a second invitation of one person is the first one');
select tests.as_user(:'friend');
select is((select count(*)::int from public.my_driving()), 1, 'the invited person sees the trip');
select is((select r #>> '{renter,display_name}' from public.my_driving() r), 'renter', 'the invited person sees who asks');
select tests.as_user(:'stranger');
select is((select count(*)::int from public.booking_drivers), 0, 'a stranger sees no drivers');
select is(tests.outcome(format('select public.answer_driver_invitation(%L, true)', :'asked')), 'driver_not_found', 'nobody answers for somebody else');
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.answer_driver_invitation(%L, true)', :'asked')), 'driver_not_found', 'the renter does not accept for the driver');
select tests.as_user(:'friend');
select is((public.answer_driver_invitation(:'asked', true)).status, 'accepted', 'the invited person can accept');
select tests.as_owner();
select set_eq(format($$ select template from public.notifications where data ->> 'driver_id' = %L $$, :'asked'), '{driver_invited,driver_accepted_renter,driver_accepted_host}'::text[], 'renter and host are told of a new driver');
-- without a licence
select tests.invite(:'renter', :'trip', :'walker') as walks \gset
select tests.as_user(:'walker');
select is(tests.outcome(format('select public.answer_driver_invitation(%L, true)', :'walks')), 'licence_required', 'nobody drives without a verified licence');
select is((public.answer_driver_invitation(:'walks', false)).status, 'declined', 'the person can decline');
select tests.as_user(:'host');
select is((public.booking_detail(:'trip') -> 'drivers') @> jsonb_build_array(jsonb_build_object('user_id', :'friend', 'status', 'accepted', 'may_drive', true)), true, 'the host sees who may drive');
select is(jsonb_array_length(public.booking_detail(:'trip') -> 'drivers'), 1, 'the host does not see who declined');
select tests.as_owner();
-- as many as there are places
select tests.invite(:'renter', :'trip', :'cousin') as cousins \gset
select tests.invite(:'renter', :'trip', :'walker') as again \gset
select is(tests.outcome(format('select tests.invite(%L, %L, %L)', :'renter', :'trip', :'stranger')), 'too_many_drivers', 'a booking has three additional drivers at most');
select is(tests.outcome(format('insert into public.booking_drivers (booking_id, user_id, place) values (%L, %L, 1)', :'trip', :'stranger')), '23505', 'the database itself keeps two drivers from one place');
select tests.as_user(:'renter');
select is((public.remove_driver(:'again')).status, 'removed', 'the renter removes a driver before the start');
select is((public.remove_driver(:'again')).status, 'removed', 'a removal can be repeated');
select tests.as_user(:'walker');
select is(tests.outcome(format('select public.answer_driver_invitation(%L, false)', :'again')), 'illegal_transition', 'who was removed answers nothing');
select tests.as_user(:'cousin');
select public.answer_driver_invitation(:'cousins', true) is not null;
select tests.as_owner();
select is(tests.outcome(format('select tests.invite(%L, %L, %L)', :'renter', :'trip', :'walker')), 'ok', 'a place that is free can be given again');
-- a licence that no longer covers it, and the hand-over
update public.driver_licences set status = 'rejected', reason = 'not readable' where user_id = :'cousin';
select tests.as_user(:'renter');
select is((select d -> 'may_drive' from jsonb_array_elements(public.booking_detail(:'trip') -> 'drivers') d where d ->> 'id' = :'cousins'), 'false', 'who lost the licence may not drive, and both sides read it');
select tests.as_owner();
select tests.move_trip(:'trip', 0);
select tests.record_inspection('check_in', :'host', :'trip', 10);
select is(tests.driver_status(:'asked'), 'accepted', 'the hand-over keeps who may drive');
select is(tests.driver_status(:'cousins'), 'lapsed', 'the hand-over drops who may not drive any more');
select is((select count(*)::int from public.booking_drivers where booking_id = :'trip' and status = 'invited'), 0, 'the hand-over drops who never answered');
select is((select count(*)::int from public.notifications where template = 'driver_lapsed' and data ->> 'driver_id' = :'cousins'), 3, 'driver, renter and host hear that somebody may not drive');
select is(tests.outcome(format('select tests.invite(%L, %L, %L)', :'renter', :'trip', :'stranger')), 'drivers_fixed', 'nobody is invited after the hand-over');
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.remove_driver(%L)', :'asked')), 'drivers_fixed', 'nobody is removed after the hand-over');
select tests.as_owner();
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated at the end');
select finish();
rollback;

-- Bookings: what money does that comes in time or late, while something has happened to the vehicle, the licence or the trip.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_user('host') as host \gset
select tests.make_vehicle(:'host', '{"instant_book": false, "notice_hours": 0}') as asking \gset

-- p_when: in time, overdue (no job has run) or tidied (the job has). p_how: what has happened before the money came.
create function tests.money_after(p_when text, p_how text)
returns text
language plpgsql volatile
as $$
declare
  v_renter uuid := tests.make_renter('renter');
  v_vehicle uuid := tests.make_vehicle(tests.make_user('host'));
  v_booking uuid := tests.make_booking(v_renter, v_vehicle, tests.hours(200), tests.hours(210));
  v_reference text := tests.start_payment(v_booking);
  v_said text;
begin
  if p_how = 'suspended' then
    update public.vehicles set status = 'suspended' where id = v_vehicle;
  elsif p_how = 'edited' then
    update public.vehicles set status = 'pending_review' where id = v_vehicle;
  elsif p_how = 'archived' then
    update public.vehicles set status = 'archived' where id = v_vehicle;
  elsif p_how = 'begun' then
    perform tests.move_trip(v_booking, -0.01);
  elsif p_how = 'over' then
    perform tests.move_trip(v_booking, -10);
  elsif p_how = 'licence revoked' then
    update public.driver_licences set status = 'rejected', reason = 'forged' where user_id = v_renter;
  elsif p_how = 'licence too short' then
    update public.driver_licences set valid_until = (tests.hours(209) at time zone 'Asia/Ho_Chi_Minh')::date - 1 where user_id = v_renter;
  end if;
  if p_when <> 'in time' then
    perform tests.run_out(v_booking);
  end if;
  if p_when = 'tidied' then
    perform private.expire_overdue_payments();
  end if;
  v_said := tests.provider_says(v_reference);
  perform tests.settle();
  return v_said || ', ' || (select b.status || ', ' || coalesce((select sum(r.amount)::text from public.refunds r where r.payable_id = b.id), 'kept')
      from public.bookings b where b.id = v_booking)
    || case when exists (select from public.calendar_entries where booking_id = v_booking and kind = 'booking') then ', slot' else '' end
    || coalesce(', BROKEN: ' || tests.broken_promises(), '');
end
$$;
select is(tests.money_after('in time', how), case when kept then 'applied, confirmed, kept, slot' else 'refunded_late, expired, 4814405' end, name)
from (values
  ('untouched', true, 'money in time confirms a booking'),
  ('suspended', false, 'money in time for a suspended vehicle goes back'),
  ('edited', true, 'money in time confirms the booking of a listing that was edited meanwhile'),
  ('archived', true, 'money in time confirms the booking of a listing that was archived meanwhile'),
  ('begun', true, 'money in time confirms a trip whose start has passed'),
  ('over', false, 'money in time for a trip that is over goes back'),
  ('licence revoked', false, 'money in time of a renter whose licence was revoked goes back'),
  ('licence too short', false, 'money in time of a renter whose licence ends before the trip goes back')
) t (how, kept, name);
select is(tests.money_after(w, how), case when kept then 'applied, confirmed, kept, slot' else 'refunded_late, expired, 4814405' end, name || ' (' || w || ')')
from unnest(array['overdue', 'tidied']) w
cross join (values
  ('untouched', true, 'late money confirms a booking that nothing stands in the way of'),
  ('suspended', false, 'late money for a suspended vehicle goes back'),
  ('edited', false, 'late money for a listing that waits for a review goes back'),
  ('archived', false, 'late money for an archived listing goes back'),
  ('begun', false, 'late money for a trip that has begun goes back'),
  ('over', false, 'late money for a trip that is over goes back'),
  ('licence revoked', false, 'late money of a renter whose licence was revoked goes back'),
  ('licence too short', false, 'late money of a renter whose licence ends before the trip goes back')
) t (how, kept, name);
select is((select array_agg(distinct template order by template) from public.notifications where template like 'booking_refused_%'),
  '{booking_refused_licence_renter,booking_refused_suspended_renter}'::text[], 'a renter whose money came in time and goes back reads why');

-- beginning to pay -------------------------------------------------------------------------------------------------
select tests.make_renter('renter') as renter, tests.make_vehicle(:'host') as vehicle \gset
select tests.make_booking(:'renter', :'vehicle', tests.hours(30), tests.hours(40)) as held \gset
select id as payment from public.payments where payable_id = :'held' \gset
update public.vehicles set status = 'suspended' where id = :'vehicle';
select tests.as_user(:'renter');
select is(tests.outcome(format($$ select public.start_payment(%L, 'vnpay', gen_random_uuid()) $$, :'payment')), 'vehicle_suspended', 'nobody begins to pay for a suspended vehicle');
select tests.as_owner();
update public.vehicles set status = 'published' where id = :'vehicle';
update public.driver_licences set status = 'rejected', reason = 'forged' where user_id = :'renter';
select tests.as_user(:'renter');
select is(tests.outcome(format($$ select public.start_payment(%L, 'vnpay', gen_random_uuid()) $$, :'payment')), 'licence_required', 'nobody begins to pay without a licence for the trip');
select tests.as_owner();
select tests.make_licence(:'renter') as licence \gset
select tests.as_user(:'renter');
select (private.start_payment(:'payment', 'vnpay', 'dddddddd-0000-4000-8000-000000000001')).id as attempt \gset
select is((private.start_payment(:'payment', 'vnpay', 'dddddddd-0000-4000-8000-000000000001')).id, :'attempt'::uuid, 'with a licence again, a renter begins to pay');
select tests.as_owner();
update public.payment_attempts set expires_at = now() where id = :'attempt';
select tests.as_user(:'renter');
select is(tests.outcome(format($$ select public.start_payment(%L, 'vnpay', 'dddddddd-0000-4000-8000-000000000001') $$, :'payment')), 'payment_expired', 'a repeat whose attempt has no link yet is refused once its time is over, by the clock of the database');

-- accepting and handing over ----------------------------------------------------------------------------------------
select tests.as_owner();
select tests.make_booking(:'renter', :'asking', tests.hours(30), tests.hours(40)) as request \gset
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(100), tests.hours(110)) as trip \gset
select tests.move_trip(:'trip', 0.5);
update public.driver_licences set status = 'rejected', reason = 'forged' where id = :'licence';
select is((select array_agg(distinct data ->> 'code' order by data ->> 'code') from public.notifications where template = 'booking_licence_renter' and user_id = :'renter'),
  (select array_agg(code order by code) from public.bookings where id in (:'held', :'request', :'trip')), 'a renter whose licence is revoked is told of each booking that needs one');
select tests.photos(:'host') as photos \gset
select tests.as_user(:'host');
select is(tests.outcome(format('select public.answer_booking(%L, true, gen_random_uuid())', :'request')), 'renter_licence_invalid', 'a request of a renter without a licence is not accepted');
select is(tests.outcome(format('select public.check_in(%L, 1, 1, %L, gen_random_uuid())', :'trip', :'photos')), 'renter_licence_invalid', 'no vehicle is handed over to a renter without a licence');
select tests.as_owner();
select tests.make_licence(:'renter') as licence \gset
select count(*) as told from public.notifications where template = 'booking_licence_renter' and user_id = :'renter' \gset
update public.driver_licences set valid_until = private.licence_day() - 1 where id = :'licence';
update public.driver_licences set valid_until = private.licence_day() + 900 where id = :'licence';
select is((select count(*)::int - :told from public.notifications where template = 'booking_licence_renter' and user_id = :'renter'), 3, 'a renter whose licence an admin shortens in a table editor is told of each booking that it no longer covers');
update public.vehicles set status = 'suspended' where id = :'vehicle';
select tests.as_user(:'host');
select is(tests.outcome(format('select public.check_in(%L, 1, 1, %L, gen_random_uuid())', :'trip', :'photos')), 'vehicle_suspended', 'a suspended vehicle is not handed over');
select is(tests.outcome(format('select public.archive_vehicle(%L)', :'vehicle')), 'illegal_transition', 'a host cannot archive a suspended listing and hand it over then');
select tests.as_owner();
update public.vehicles set status = 'published' where id = :'vehicle';
select tests.as_user(:'host');
select is((public.check_in(:'trip', 1, 1, :'photos', gen_random_uuid())).status, 'confirmed', 'with the vehicle offered and a licence, its hand-over is recorded');

select * from finish();
rollback;

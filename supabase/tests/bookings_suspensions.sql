-- Bookings: what a suspended vehicle means for the people who booked it.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('payer') as payer, tests.make_renter('holder') as holder, tests.make_renter('past') as past,
  tests.make_user('host') as host, tests.make_admin('admin') as admin \gset
select tests.make_vehicle(:'host', '{"cancellation_policy": "strict"}') as vehicle, tests.make_vehicle(:'host') as other \gset
select tests.make_paid_booking(:'past', :'vehicle', tests.hours(10), tests.hours(20)) as gone \gset
select tests.move_trip(:'gone', -48);
select tests.make_paid_booking(:'payer', :'vehicle', tests.hours(30), tests.hours(40)) as paid \gset
select tests.make_booking(:'holder', :'vehicle', tests.hours(50), tests.hours(60)) as held \gset
select tests.make_paid_booking(:'payer', :'other', tests.hours(50), tests.hours(60)) as elsewhere \gset
select revision from public.vehicles where id = :'vehicle' \gset

-- told ---------------------------------------------------------------------------------------------------------------
select tests.as_user(:'payer');
select is(public.cancel_booking_preview(:'paid') ->> 'refund_bps', '0', 'the strict policy gives nothing back so late');
select tests.as_user(:'admin');
select is((public.review_vehicle(:'vehicle', 'suspend', 'the brakes fail')).status, 'suspended', 'an admin can suspend a vehicle that is booked');
select tests.as_owner();
select results_eq(
  $$ select user_id, template, data ->> 'code' from public.notifications where template like 'booking_suspended%' or template = 'booking_reinstated_renter' order by template $$,
  format($$ values (%L::uuid, 'booking_suspended_renter', %L), (%L::uuid, 'booking_suspended_unpaid_renter', %L) $$,
    :'payer', (select code from public.bookings where id = :'paid'), :'holder', (select code from public.bookings where id = :'held')),
  'those who have booked a vehicle are told that it was suspended, with what each may do');
select is((select count(*)::int from public.notifications where user_id in (:'payer', :'holder') and data::text like '%brakes%'), 0, 'renters do not read the reason of a suspension');
select is((select count(*)::int from tests.mails() where user_id in (:'payer', :'holder') and subject like 'The vehicle of booking%'), 2, 'they are told by mail too');

-- the way out ----------------------------------------------------------------------------------------------------------
select tests.as_user(:'payer');
select is(public.cancel_booking_preview(:'paid') ->> 'refund_amount', '4814405', 'while the vehicle is suspended its renter would get everything back');
select is(public.cancel_booking_preview(:'elsewhere') ->> 'refund_bps', '5000', 'a booking of another vehicle keeps its policy');
select is((tests.cancel_booking(:'paid')).refund_bps, 10000, 'a renter of a suspended vehicle cancels and gets everything back');
select tests.as_owner();
select is((select sum(amount) from public.refunds where payable_id = :'paid'), 4814405::numeric, 'the whole refund is ordered');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after a whole refund against the policy');

-- the list for admins ----------------------------------------------------------------------------------------------------
select tests.as_user(:'payer');
select is(tests.outcome('select public.bookings_on_suspended_vehicles()'), 'forbidden', 'nobody but an admin lists bookings of suspended vehicles');
select tests.as_user(:'admin');
select is((select array_agg(code) from public.bookings_on_suspended_vehicles()), (select array_agg(code order by starts_at) from public.bookings where id in (:'gone', :'held')), 'an admin lists the bookings that a suspension is in the way of');
select is((select code from public.bookings_on_suspended_vehicles(page_size => 1)), (select code from public.bookings where id = :'gone'), 'the list of bookings on suspended vehicles has pages');
select is((select code from public.bookings_on_suspended_vehicles((select jsonb_build_object('starts_at', starts_at, 'id', id) from public.bookings where id = :'gone'))), (select code from public.bookings where id = :'held'), 'the list of bookings on suspended vehicles goes on after a row');

-- and back ------------------------------------------------------------------------------------------------------------------
select is(tests.outcome(format($$ select public.review_vehicle(%L, 'reinstate') $$, :'vehicle')), 'invalid_input', 'a reinstatement names the revision that the admin saw');
select is((public.review_vehicle(:'vehicle', 'reinstate', null, :revision)).status, 'published', 'an admin can reinstate a vehicle');
select is((select count(*)::int from public.bookings_on_suspended_vehicles()), 0, 'a vehicle that is offered again has no bookings in that list');
select tests.as_owner();
select is((select array_agg(user_id) from public.notifications where template = 'booking_reinstated_renter'), array[:'holder'::uuid], 'those whose booking still stands are told that it can go ahead');
update public.vehicles set status = 'pending_review' where id = :'vehicle';
select tests.as_user(:'admin');
select is((public.review_vehicle(:'vehicle', 'suspend', 'seen again')).status, 'suspended', 'an edit does not keep a vehicle from being suspended');
select tests.as_owner();
select is((select count(*)::int from public.notifications where template = 'booking_suspended_unpaid_renter'), 2, 'who is told twice has two notifications');

select * from finish();
rollback;

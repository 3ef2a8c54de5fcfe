-- Notifications: who is told what of a booking, from its request to the refund, and by which channels.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_admin('admin') as admin, tests.make_user('host') as host, tests.make_renter('renter') as renter \gset
insert into public.user_roles (user_id, role) select tests.make_user('support'), 'support';
select tests.make_vehicle(:'host') as vehicle, tests.make_vehicle(:'host', '{"instant_book": false, "lat": -44.5, "lng": 170.5}') as asked \gset
select tests.settle();

-- who was told of a booking by a text, and whether a mail was ordered: renter+mail, host
create function tests.told(p_booking uuid, p_template text)
returns text
language sql stable
as $$
  select string_agg(p.display_name || case when exists (
      select from public.deliveries d where d.notification_id = n.id and d.channel = 'email'
    ) then '+mail' else '' end, ', ' order by p.display_name)
  from public.notifications n join public.profiles p on p.id = n.user_id
  where n.data ->> 'booking_id' = p_booking::text and n.template = p_template
    and p.display_name in ('admin', 'host', 'renter', 'support')
$$;

select tests.make_booking(:'renter', :'asked', tests.hours(30), tests.hours(40)) as request \gset
select is(tests.told(:'request', 'booking_requested_host'), 'host+mail', 'a request is told to the host, by mail too');
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(30), tests.hours(40)) as booking \gset
select is(tests.told(:'booking', 'booking_confirmed_host') || '; ' || tests.told(:'booking', 'booking_confirmed_renter'), 'host+mail; renter+mail', 'a booking that needs no answer is told to both sides when it is paid, by mail too');
select tests.drive(:'booking', -3);
select is(tests.told(:'booking', 'booking_checked_in_host') || '; ' || tests.told(:'booking', 'booking_checked_in_renter'), 'host; renter', 'a trip that begins is told to both sides');
select is(tests.told(:'booking', 'booking_checked_in_admin'), 'admin', 'a trip that begins is told to admins, and to no other staff');
select is(tests.told(:'booking', 'booking_completed_host') || '; ' || tests.told(:'booking', 'booking_completed_renter'), 'host; renter', 'a trip that is complete is told to both sides');
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(130), tests.hours(140)) as cancelled \gset
select tests.as_user(:'renter');
select (tests.cancel_booking(:'cancelled')).status \gset
select tests.as_owner();
select is(tests.told(:'cancelled', 'booking_cancelled_host') || '; ' || tests.told(:'cancelled', 'booking_cancelled_renter'), 'host+mail; renter+mail', 'a cancellation is told to both sides by mail');
select tests.as_service();
select public.record_refund_result(id, 'succeeded', 'back-1') is not null as paid from public.refunds where payable_id = :'cancelled' limit 1 \gset
select tests.as_owner();
select is(tests.told(:'cancelled', 'refund_paid'), 'renter+mail', 'a refund that was paid is told to the payer, by mail too');

select * from finish();
rollback;

-- Bookings: when what a person is told about a booking is no longer so.
-- Rule kept here: somebody who has answered, or paid, is not asked to.
-- Left out on purpose: what has happened and stays true, such as a confirmation.

create function private.void_booking_request(p_note public.notifications)
returns text
language sql stable set search_path = ''
as $$
  select case when (select b.status from public.bookings b where b.id = (p_note.data ->> 'booking_id')::uuid) <> 'requested' then 'cause_over' end
$$;
create function private.void_booking_to_pay(p_note public.notifications)
returns text
language sql stable set search_path = ''
as $$
  select case when (select b.status from public.bookings b where b.id = (p_note.data ->> 'booking_id')::uuid) <> 'pending_payment' then 'cause_over' end
$$;
create function private.void_extension_request(p_note public.notifications)
returns text
language sql stable set search_path = ''
as $$
  select case when (select c.status from public.booking_changes c where c.id = (p_note.data ->> 'change_id')::uuid) <> 'requested' then 'cause_over' end
$$;
create function private.void_extension_to_pay(p_note public.notifications)
returns text
language sql stable set search_path = ''
as $$
  select case when (select c.status from public.booking_changes c where c.id = (p_note.data ->> 'change_id')::uuid) <> 'pending_payment' then 'cause_over' end
$$;
insert into private.notification_causes (template, function_name) values
  ('booking_requested_host', 'void_booking_request'),
  ('booking_accepted_renter', 'void_booking_to_pay'),
  ('extension_requested_host', 'void_extension_request'),
  ('extension_accepted_renter', 'void_extension_to_pay');

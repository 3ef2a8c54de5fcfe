-- Bookings: vehicles that are not back at the booked end.
-- Rule kept here: a vehicle is with one renter at a time (bookings_one_trip_per_vehicle), and one that is not back is
-- not offered for a trip that begins soon.
-- Left out on purpose: the trips that are booked already. Their hand-over waits (vehicle_not_returned), and a host who
-- cannot keep one cancels it.

create or replace view private.overdue_vehicles with (security_invoker = true) as
select b.vehicle_id, tstzrange(b.ends_at, now() + make_interval(hours => (select value::int from private.settings where key = 'overdue_hours'))) as blocked
from public.bookings b
-- as the index bookings_not_back_idx says; the state of now is asked of the few that are left
where b.status in ('confirmed', 'in_progress') and b.checked_out_at is null and b.ends_at <= now()
  and private.booking_state(b) = 'in_progress';
comment on view private.overdue_vehicles is 'Vehicles that are with a renter after the booked end, and the period in which they are not offered. It moves on with the time until the vehicle is back.';

-- Raises when another renter has the vehicle, or a hand-over to another waits for an answer. The caller has locked the
-- vehicle.
create function private.check_vehicle_back(p_booking public.bookings)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.lock_trip(d.booking_id)
  from private.due_inspections d
  join public.bookings b on b.id = d.booking_id
  where b.vehicle_id = p_booking.vehicle_id and b.id <> p_booking.id
  order by d.booking_id;
  if exists (
    select from public.bookings b
    where b.vehicle_id = p_booking.vehicle_id and b.id <> p_booking.id and b.checked_out_at is null
      and (b.status = 'in_progress' or (b.status = 'confirmed' and exists (
        select from public.booking_inspections i where i.booking_id = b.id and i.status = 'recorded')))
  ) then
    perform private.fail('vehicle_not_returned');
  end if;
end
$$;

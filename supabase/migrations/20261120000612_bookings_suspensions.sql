-- Bookings: when a vehicle is suspended, or a renter loses the licence, after the booking was made.
-- Rule kept here: the renter gets a message about each booking that cannot go ahead, also when an admin changes a row in Studio.
-- The reason of a suspension is for the host, so renters do not read it.
-- Left out on purpose: what is refused and refunded then, which the commands ask of private.trip_problem().

-- A rule in notification_rules would write one text with one set of facts for all. Here each booking has its own, and
-- each move is told: the random cause is never met twice.
create function private.tell_renters_of_suspension()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_booking public.bookings;
begin
  for v_booking in
    select * from public.bookings b
    where b.vehicle_id = new.id
      and ((b.status = 'confirmed' and b.ends_at > now()) or (b.status = 'pending_payment' and b.hold_expires_at > now()))
    order by b.id
  loop
    perform private.notify(v_booking.renter_id, case
        when old.status = 'suspended' then 'booking_reinstated_renter'
        when v_booking.status = 'confirmed' then 'booking_suspended_renter'
        else 'booking_suspended_unpaid_renter' end,
      private.notification_data(v_booking), gen_random_uuid()::text);
  end loop;
  return null;
end
$$;
create trigger tell_renters_of_suspension after update of status on public.vehicles
  for each row when (old.status <> new.status and 'suspended' in (old.status, new.status))
  execute function private.tell_renters_of_suspension();

create function private.tell_renter_of_licence()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_booking public.bookings;
begin
  for v_booking in
    select * from public.bookings b
    where b.renter_id = new.user_id and b.ends_at > now()
      and (b.status = 'confirmed' or (b.status in ('requested', 'pending_payment') and coalesce(b.hold_expires_at, b.answer_by) > now()))
      -- another licence may cover it
      and private.trip_problem(b) like 'licence\_%'
    order by b.id
  loop
    perform private.notify(v_booking.renter_id, 'booking_licence_renter', private.notification_data(v_booking),
      gen_random_uuid()::text);
  end loop;
  return null;
end
$$;
-- also when an admin corrects a verified licence in a table editor, so that it no longer covers them
create trigger tell_renter_of_licence after update on public.driver_licences
  for each row when (old.status = 'verified' and (
    new.status <> 'verified' or (old.classes, old.automatic_only, old.issued_on, old.valid_until, old.date_of_birth)
      is distinct from (new.classes, new.automatic_only, new.issued_on, new.valid_until, new.date_of_birth)
  ))
  execute function private.tell_renter_of_licence();

create view private.suspended_bookings with (security_invoker = true) as
select b.id, b.code, b.status, b.starts_at, b.ends_at, b.renter_id, b.host_id, b.vehicle_id, v.title as vehicle
from public.bookings b
join public.vehicles v on v.id = b.vehicle_id
where v.status = 'suspended'
  and (b.status in ('confirmed', 'in_progress') or (b.status = 'pending_payment' and b.hold_expires_at > now()));
comment on view private.suspended_bookings is 'Unpaid holds that still run, paid bookings and trips under way, of vehicles that are suspended now.';

create function private.bookings_on_suspended_vehicles(p_after jsonb, p_page_size int)
returns setof private.suspended_bookings
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_start private.page_start := private.read_page(p_after, 'starts_at', p_page_size);
begin
  perform private.require_staff();
  return query
    select * from private.suspended_bookings s
    where v_start.id is null or (s.starts_at, s.id) > (v_start.at, v_start.id)
    order by s.starts_at, s.id
    limit p_page_size;
end
$$;
create function public.bookings_on_suspended_vehicles(after jsonb default null, page_size int default 20)
returns table (id uuid, code text, status text, starts_at timestamptz, ends_at timestamptz, renter_id uuid, host_id uuid, vehicle_id uuid, vehicle text)
language sql stable set search_path = ''
as $$ select * from private.bookings_on_suspended_vehicles(after, page_size) $$;
comment on function public.bookings_on_suspended_vehicles is 'Support: lists bookings whose vehicle is suspended, the next start first: unpaid holds that still run, paid bookings and trips under way. `after` takes {starts_at, id} of the last row. Errors: forbidden, invalid_input.';
select private.expose('bookings_on_suspended_vehicles(jsonb, int)', 'authenticated');

create function private.count_bookings_on_suspended_vehicles()
returns bigint
language sql stable set search_path = ''
as $$ select count(*) from private.suspended_bookings $$;
insert into private.health_counts (name, description) values
  ('bookings_on_suspended_vehicles', 'Bookings that cannot go ahead while their vehicle is suspended.');

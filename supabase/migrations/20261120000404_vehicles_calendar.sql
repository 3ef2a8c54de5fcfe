-- Vehicles: what may be booked when.
-- Rule kept here: search, quote, calendar and booking ask the same functions, so that what one shows
-- the other accepts. A hold whose time is over blocks nothing, whether or not a job has removed it.
-- Left out on purpose: who has booked; others learn that a time is taken, never by whom.

create function private.blocked_range(p_starts_at timestamptz, p_ends_at timestamptz, p_buffer_minutes int)
returns tstzrange
language plpgsql stable set search_path = ''
as $$
begin
  return tstzrange(p_starts_at, p_ends_at + make_interval(mins => p_buffer_minutes));
end
$$;

-- What blocks a vehicle now. It is a view, because the planner expands a view but would call a function for each row.
create view private.blocking_entries with (security_invoker = true) as
select vehicle_id, blocked, kind, holder_id
from public.calendar_entries
where kind <> 'hold' or expires_at > now();
comment on view private.blocking_entries is 'Calendar entries that are in the way now: everything but holds whose time is over.';

-- Vehicles that are still with a renter after the booked end, and the period which that blocks. Bookings says which: it
-- replaces this view (bookings_overdue). They are few, so search reads them once and not for each candidate.
create view private.overdue_vehicles with (security_invoker = true) as
select v.id as vehicle_id, tstzrange(null, null) as blocked
from public.vehicles v
where false;

create function private.is_free(p_vehicle_id uuid, p_blocked tstzrange)
returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select not exists (select from private.blocking_entries c where c.vehicle_id = p_vehicle_id and c.blocked && p_blocked)
      and not exists (select from private.overdue_vehicles o where o.vehicle_id = p_vehicle_id and o.blocked && p_blocked)
  );
end
$$;

-- The booking by which a person holds a vehicle unpaid, in a range; null when there is none.
create function private.own_hold(p_vehicle_id uuid, p_person_id uuid, p_blocked tstzrange)
returns uuid
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select c.booking_id
    from public.calendar_entries c
    where c.vehicle_id = p_vehicle_id and c.blocked && p_blocked
      and c.kind = 'hold' and c.expires_at > now() and c.holder_id = p_person_id
    order by c.expires_at desc
    limit 1
  );
end
$$;

-- One reason why a person cannot book: an error code, and the details that the error carries.
create type private.eligibility_reason as (code text, details jsonb);

-- Why a range is taken, or null when it is free. A person whose own hold is in the way learns which, so that the app
-- resumes it. Nobody learns who has booked.
create function private.calendar_reason(p_vehicle_id uuid, p_person_id uuid, p_blocked tstzrange)
returns private.eligibility_reason
language plpgsql stable set search_path = ''
as $$
declare
  v_booking_id uuid;
begin
  -- the usual answer, and the cheaper look
  if private.is_free(p_vehicle_id, p_blocked) then
    return null;
  end if;
  v_booking_id := private.own_hold(p_vehicle_id, p_person_id, p_blocked);
  if v_booking_id is not null then
    return row('already_held', jsonb_build_object('booking_id', v_booking_id))::private.eligibility_reason;
  end if;
  return (
    select row('vehicle_unavailable', jsonb_build_object('kinds', jsonb_agg(distinct case
      when c.kind in ('booking', 'hold') then 'booked' when c.kind = 'maintenance' then 'maintenance' else 'blocked' end)))::private.eligibility_reason
    from (
      select e.vehicle_id, e.blocked, e.kind from private.blocking_entries e
      union all
      select vehicle_id, blocked, 'booking' from private.overdue_vehicles
    ) c
    where c.vehicle_id = p_vehicle_id and c.blocked && p_blocked
  );
end
$$;

-- A listing that the caller can see: one that is offered, or the caller's own.
create function private.seen_vehicle(p_vehicle_id uuid)
returns public.vehicles
language plpgsql stable set search_path = ''
as $$
declare
  v_vehicle public.vehicles;
begin
  select * into v_vehicle from public.vehicles v
  where v.id = p_vehicle_id and (v.status = 'published' or v.host_id = auth.uid() or private.is_staff());
  if not found then
    perform private.fail('vehicle_not_found');
  end if;
  return v_vehicle;
end
$$;

-- What takes a vehicle between two times, and when it is closed then.
create function private.calendar_periods(p_vehicle public.vehicles, p_from timestamptz, p_to timestamptz)
returns table (starts_at timestamptz, ends_at timestamptz, kind text)
language plpgsql stable set search_path = ''
as $$
begin
  return query
    select lower(c.blocked), upper(c.blocked),
      case when c.kind in ('booking', 'hold') then 'booked' when c.kind = 'maintenance' then 'maintenance' else 'blocked' end
    from private.blocking_entries c
    where c.vehicle_id = p_vehicle.id and c.blocked && tstzrange(p_from, p_to)
    order by lower(c.blocked);
  return query
    select lower(o.blocked), upper(o.blocked), 'booked'
    from private.overdue_vehicles o
    where o.vehicle_id = p_vehicle.id and o.blocked && tstzrange(p_from, p_to);
  if p_vehicle.has_hours then
    return query
      select lower(r), upper(r), 'closed'
      from unnest(tstzmultirange(tstzrange(p_from, p_to)) - private.open_ranges(p_vehicle.id, p_vehicle.time_zone, p_from, p_to)) r
      order by r;
  end if;
end
$$;

create function private.vehicle_calendar(p_vehicle_id uuid, p_from timestamptz, p_to timestamptz)
returns table (starts_at timestamptz, ends_at timestamptz, kind text)
language plpgsql stable security definer set search_path = ''
as $$
begin
  if p_from is null or p_to is null or not isfinite(p_from) or not isfinite(p_to)
     or p_to <= p_from or p_to > p_from + interval '400 days' then
    perform private.fail_input('to_at', 'must be after from_at, by at most 400 days');
  end if;
  return query select * from private.calendar_periods(private.seen_vehicle(p_vehicle_id), p_from, p_to);
end
$$;
create function public.vehicle_calendar(vehicle_id uuid, from_at timestamptz, to_at timestamptz)
returns table (starts_at timestamptz, ends_at timestamptz, kind text)
language sql stable set search_path = ''
as $$ select * from private.vehicle_calendar(vehicle_id, from_at, to_at) $$;
comment on function public.vehicle_calendar is 'Lists the periods between two times (at most 400 days apart) in which a vehicle cannot be had: booked, blocked or maintenance in their order, buffers included, and then those in which it is closed (vehicle_hours). Errors: vehicle_not_found, invalid_input.';
select private.expose('vehicle_calendar(uuid, timestamptz, timestamptz)', 'anon', 'authenticated');

-- A transaction that takes a slot of a vehicle holds this lock until its end.
create function private.lock_vehicle(p_vehicle_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('vehicle:' || p_vehicle_id, 0));
end
$$;

create function private.block_period(p_vehicle_id uuid, p_starts_at timestamptz, p_ends_at timestamptz, p_kind text)
returns public.calendar_entries
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_vehicle public.vehicles := private.own_vehicle(p_vehicle_id);
  v_entry public.calendar_entries;
begin
  if p_kind is null or p_kind not in ('host_block', 'maintenance') then
    perform private.fail_input('kind', 'must be host_block or maintenance');
  end if;
  if p_starts_at is null or p_ends_at is null or not isfinite(p_starts_at) or not isfinite(p_ends_at) or p_ends_at <= p_starts_at then
    perform private.fail('period_invalid');
  end if;
  if p_ends_at < now() or p_starts_at < now() - interval '400 days' then
    perform private.fail('period_in_past');
  end if;
  if p_ends_at > p_starts_at + interval '400 days' then
    perform private.fail('period_too_long', '{"max_days": 400}');
  end if;
  perform private.lock_vehicle(p_vehicle_id);
  -- Holds that are over block nothing. Their bookings end by themselves (payments_attempts).
  delete from public.calendar_entries
  where vehicle_id = p_vehicle_id and kind = 'hold' and expires_at <= now() and blocked && tstzrange(p_starts_at, p_ends_at);
  insert into public.calendar_entries (vehicle_id, kind, blocked)
  values (v_vehicle.id, p_kind, tstzrange(p_starts_at, p_ends_at))
  returning * into v_entry;
  return v_entry;
exception
  when exclusion_violation then
    perform private.fail('vehicle_unavailable');
    return null;
end
$$;
create function public.block_period(vehicle_id uuid, starts_at timestamptz, ends_at timestamptz, kind text default 'host_block')
returns public.calendar_entries
language sql volatile set search_path = ''
as $$ select private.block_period(vehicle_id, starts_at, ends_at, kind) $$;
comment on function public.block_period is 'Host: keeps a period free of bookings. `kind` is host_block or maintenance. Errors: vehicle_not_found, vehicle_unavailable, period_invalid, period_in_past, period_too_long, invalid_input.';
select private.expose('block_period(uuid, timestamptz, timestamptz, text)', 'authenticated');

create function private.unblock_period(p_entry_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_host_id uuid := private.require_user();
  v_vehicle_id uuid := (
    select c.vehicle_id
    from public.calendar_entries c
    join public.vehicles v on v.id = c.vehicle_id
    where c.id = p_entry_id and v.host_id = v_host_id and c.kind in ('host_block', 'maintenance')
  );
begin
  if v_vehicle_id is not null then
    perform private.lock_vehicle(v_vehicle_id);
  end if;
  delete from public.calendar_entries where id = p_entry_id and vehicle_id = v_vehicle_id;
  if not found then
    perform private.fail('not_found');
  end if;
end
$$;
create function public.unblock_period(entry_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.unblock_period(entry_id) $$;
comment on function public.unblock_period is 'Host: ends a block, so that its period can be booked again. Errors: not_found.';
select private.expose('unblock_period(uuid)', 'authenticated');

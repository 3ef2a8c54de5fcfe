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

-- Raises when the period itself cannot be rented, by anybody and whatever is booked.
create function private.check_period(p_vehicle public.vehicles, p_starts_at timestamptz, p_ends_at timestamptz)
returns void
language plpgsql stable set search_path = ''
as $$
begin
  if p_starts_at is null or p_ends_at is null or not isfinite(p_starts_at) or not isfinite(p_ends_at) then
    perform private.fail_input('starts_at', 'must be given together with ends_at');
  end if;
  if p_ends_at <= p_starts_at then
    perform private.fail('period_invalid');
  end if;
  if p_starts_at < now() then
    perform private.fail('period_in_past');
  end if;
  if p_starts_at > now() + make_interval(days => (private.setting('booking_horizon_days'))::int) then
    perform private.fail('period_too_long', jsonb_build_object('problem', 'starts too far ahead'));
  end if;
  if p_ends_at < p_starts_at + make_interval(hours => p_vehicle.min_hours) then
    perform private.fail('period_too_short', jsonb_build_object('min_hours', p_vehicle.min_hours));
  end if;
  if p_ends_at > p_starts_at + make_interval(days => p_vehicle.max_days) then
    perform private.fail('period_too_long', jsonb_build_object('max_days', p_vehicle.max_days));
  end if;
  if p_starts_at < now() + make_interval(hours => p_vehicle.notice_hours) then
    perform private.fail('notice_too_short', jsonb_build_object('notice_hours', p_vehicle.notice_hours));
  end if;
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

-- Refuses a range that is taken. A person whose own hold is in the way is told which, so that the app resumes it.
create function private.fail_unavailable(p_vehicle_id uuid, p_person_id uuid, p_blocked tstzrange)
returns void
language plpgsql stable set search_path = ''
as $$
declare
  v_booking_id uuid := private.own_hold(p_vehicle_id, p_person_id, p_blocked);
begin
  if v_booking_id is not null then
    perform private.fail('already_held', jsonb_build_object('booking_id', v_booking_id));
  end if;
  perform private.fail('vehicle_unavailable');
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
  if not exists (
    select from public.vehicles v
    where v.id = p_vehicle_id and (v.status = 'published' or v.host_id = auth.uid() or private.is_admin())
  ) then
    perform private.fail('vehicle_not_found');
  end if;
  return query
    select lower(c.blocked), upper(c.blocked), case when c.kind in ('booking', 'hold') then 'booked' else 'blocked' end
    from (
      select e.vehicle_id, e.blocked, e.kind from private.blocking_entries e
      union all
      select vehicle_id, blocked, 'booking' from private.overdue_vehicles
    ) c
    where c.vehicle_id = p_vehicle_id and c.blocked && tstzrange(p_from, p_to)
    order by lower(c.blocked);
end
$$;
create function public.vehicle_calendar(vehicle_id uuid, from_at timestamptz, to_at timestamptz)
returns table (starts_at timestamptz, ends_at timestamptz, kind text)
language sql stable set search_path = ''
as $$ select * from private.vehicle_calendar(vehicle_id, from_at, to_at) $$;
comment on function public.vehicle_calendar is 'Lists the periods between two times (at most 400 days apart) in which a vehicle is taken, as booked or blocked. Buffers are included. Errors: vehicle_not_found, invalid_input.';
select private.expose('vehicle_calendar(uuid, timestamptz, timestamptz)', 'anon', 'authenticated');

create function private.explain_unavailable(p_vehicle_id uuid, p_starts_at timestamptz, p_ends_at timestamptz)
returns table (reason text)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_vehicle public.vehicles;
  v_problem jsonb;
begin
  select * into v_vehicle from public.vehicles v where v.id = p_vehicle_id and v.status not in ('draft', 'archived');
  if not found then
    perform private.fail('vehicle_not_found');
  end if;
  if v_vehicle.status <> 'published' then
    return query select 'vehicle_not_published';
  end if;
  if v_vehicle.host_id = auth.uid() then
    return query select 'own_vehicle';
  end if;
  begin
    perform private.check_period(v_vehicle, p_starts_at, p_ends_at);
  exception
    -- the period's own refusals, as reasons
    when sqlstate 'PT400' then
      get stacked diagnostics reason = pg_exception_detail;
      v_problem := reason::jsonb;
      return query select v_problem ->> 'code';
      return;
  end;
  return query
    select distinct case
      when c.kind = 'hold' and c.holder_id = auth.uid() then 'already_held'
      when c.kind in ('booking', 'hold') then 'booked'
      when c.kind = 'maintenance' then 'maintenance'
      else 'blocked' end
    from (
      select e.vehicle_id, e.blocked, e.kind, e.holder_id from private.blocking_entries e
      union all
      select vehicle_id, blocked, 'booking', null from private.overdue_vehicles
    ) c
    where c.vehicle_id = p_vehicle_id and c.blocked && private.blocked_range(p_starts_at, p_ends_at, v_vehicle.buffer_minutes);
  if auth.uid() is not null then
    return query
      select p from private.licence_problem(auth.uid(), p_vehicle_id, tstzrange(p_starts_at, p_ends_at)) p where p is not null;
  end if;
end
$$;
create function public.explain_unavailable(vehicle_id uuid, starts_at timestamptz, ends_at timestamptz)
returns table (reason text)
language sql stable set search_path = ''
as $$ select * from private.explain_unavailable(vehicle_id, starts_at, ends_at) $$;
comment on function public.explain_unavailable is 'Answers why the caller cannot book this vehicle for a period: booked, blocked, maintenance, already_held (by an unpaid booking of the caller), or an error code such as notice_too_short or licence_required. There is no row when it can be booked. The answer never says who has booked it. Errors: vehicle_not_found.';
select private.expose('explain_unavailable(uuid, timestamptz, timestamptz)', 'anon', 'authenticated');

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
begin
  delete from public.calendar_entries c
  using public.vehicles v
  where c.id = p_entry_id and v.id = c.vehicle_id and v.host_id = v_host_id
    and c.kind in ('host_block', 'maintenance');
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

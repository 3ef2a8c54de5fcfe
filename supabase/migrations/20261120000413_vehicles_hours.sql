-- Vehicles: when a host offers a vehicle at all: a weekly plan, and days that differ from it.
-- Rule kept here: hours are those of the listing's own clocks, also where clocks change. Search, quote, booking and
-- calendar ask private.open_ranges(), so that what one shows the other accepts. Without a plan a vehicle is always open.
-- Left out on purpose: hours of hand-over within an open period, which the two agree on.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('vehicle_closed', 409, false, 'The host does not offer the vehicle during all of this period. Choose a time within its hours.', 'Chủ xe không cho thuê xe trong toàn bộ khoảng thời gian này. Vui lòng chọn thời gian trong khung giờ cho thuê.');

-- Minutes of a local day: {[480,1200)} is from 8:00 to 20:00.
create table private.vehicle_hours (
  vehicle_id uuid not null references public.vehicles on delete cascade,
  weekday int not null,
  open int4multirange not null,
  primary key (vehicle_id, weekday),
  constraint vehicle_hours_weekday_known check (weekday between 1 and 7),
  constraint vehicle_hours_within_day check (open <@ '{[0,1440)}' and not isempty(open))
);
comment on table private.vehicle_hours is 'The weekly plan of a vehicle. A weekday without a row is closed. A vehicle without rows is open all the time.';
comment on column private.vehicle_hours.weekday is '1 is Monday, 7 is Sunday.';
comment on column private.vehicle_hours.open is 'Minutes since the local midnight.';
create table private.vehicle_days (
  vehicle_id uuid not null references public.vehicles on delete cascade,
  day date not null,
  open int4multirange not null,
  primary key (vehicle_id, day),
  constraint vehicle_days_within_day check (open <@ '{[0,1440)}'),
  constraint vehicle_days_day_range check (day between '2020-01-01' and '2100-01-01')
);
comment on table private.vehicle_days is 'Days on which other hours hold than those of the weekly plan. {} is closed.';
alter table private.vehicle_hours enable row level security;
alter table private.vehicle_days enable row level security;
select private.hold_no_persons('private.vehicle_hours', 'private.vehicle_days');

-- Writes vehicles.has_hours, by which a search asks for the hours only of those that have some.
create function private.mark_hours()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_id uuid := coalesce(new.vehicle_id, old.vehicle_id);
begin
  update public.vehicles v
  set has_hours = not v.has_hours
  where v.id = v_id and v.has_hours <> (
    exists (select from private.vehicle_hours h where h.vehicle_id = v_id)
    or exists (select from private.vehicle_days d where d.vehicle_id = v_id));
  return null;
end
$$;
create trigger mark_hours after insert or delete on private.vehicle_hours for each row execute function private.mark_hours();
create trigger mark_hours after insert or delete on private.vehicle_days for each row execute function private.mark_hours();

-- When a vehicle is open on the local days that a period touches.
create function private.open_ranges(p_vehicle_id uuid, p_time_zone text, p_from timestamptz, p_to timestamptz)
returns tstzmultirange
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(range_agg(tstzrange(o.opens, o.closes)), '{}')
    from generate_series((p_from at time zone p_time_zone)::date, (p_to at time zone p_time_zone)::date, interval '1 day') d (midnight)
    left join private.vehicle_hours h on h.vehicle_id = p_vehicle_id and h.weekday = extract(isodow from d.midnight)
    left join private.vehicle_days x on x.vehicle_id = p_vehicle_id and x.day = d.midnight::date
    cross join lateral unnest(coalesce(x.open, h.open,
      case when exists (select from private.vehicle_hours a where a.vehicle_id = p_vehicle_id) then '{}' else '{[0,1440)}' end::int4multirange)) m (minutes)
    cross join lateral (
      -- the wall clock first, then the zone: a day with a change of clocks has 23 or 25 hours
      select (d.midnight::timestamp + make_interval(mins => lower(m.minutes))) at time zone p_time_zone as opens,
        (d.midnight::timestamp + make_interval(mins => upper(m.minutes))) at time zone p_time_zone as closes
    ) o
    -- hours that the clocks skip
    where o.opens < o.closes
  );
end
$$;

create function private.is_open(p_vehicle_id uuid, p_time_zone text, p_starts_at timestamptz, p_ends_at timestamptz)
returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return private.open_ranges(p_vehicle_id, p_time_zone, p_starts_at, p_ends_at) @> tstzrange(p_starts_at, p_ends_at);
end
$$;

-- The hours of one day: [{opens: "08:00", closes: "20:00"}, …], closes up to "24:00". p_field is named in a refusal.
create function private.read_hours(p_hours jsonb, p_field text)
returns int4multirange
language plpgsql immutable set search_path = ''
as $$
declare
  v_hour jsonb;
  v_open int4multirange := int4multirange();
  v_range int4range;
begin
  if jsonb_typeof(p_hours) is distinct from 'array' or jsonb_array_length(p_hours) > 10 then
    perform private.fail_input(p_field, 'must be a list of at most 10 {opens, closes}');
  end if;
  for v_hour in select e from jsonb_array_elements(p_hours) e loop
    if coalesce(v_hour ->> 'opens', '') !~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'
       or coalesce(v_hour ->> 'closes', '') !~ '^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$'
       or (v_hour ->> 'opens') collate "C" >= (v_hour ->> 'closes') collate "C" then
      perform private.fail_input(p_field, 'must have opens and closes as 08:00, closes later and at most 24:00');
    end if;
    v_range := int4range(
      split_part(v_hour ->> 'opens', ':', 1)::int * 60 + split_part(v_hour ->> 'opens', ':', 2)::int,
      split_part(v_hour ->> 'closes', ':', 1)::int * 60 + split_part(v_hour ->> 'closes', ':', 2)::int);
    if v_open && v_range then
      perform private.fail_input(p_field, 'must not overlap');
    end if;
    v_open := v_open + int4multirange(v_range);
  end loop;
  return v_open;
end
$$;

create function private.hours_value(p_open int4multirange)
returns jsonb
language sql immutable set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'opens', to_char(lower(m) / 60, 'FM00') || ':' || to_char(lower(m) % 60, 'FM00'),
    'closes', to_char(upper(m) / 60, 'FM00') || ':' || to_char(upper(m) % 60, 'FM00')) order by m), '[]')
  from unnest(p_open) m
$$;

create function private.vehicle_hours_value(p_vehicle public.vehicles)
returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'time_zone', p_vehicle.time_zone,
    'weekly', (select jsonb_agg(jsonb_build_object('weekday', h.weekday, 'hours', private.hours_value(h.open)) order by h.weekday)
      from private.vehicle_hours h where h.vehicle_id = p_vehicle.id),
    'days', (select coalesce(jsonb_agg(jsonb_build_object('day', d.day, 'hours', private.hours_value(d.open)) order by d.day), '[]')
      from private.vehicle_days d where d.vehicle_id = p_vehicle.id and d.day >= (now() at time zone p_vehicle.time_zone)::date - 1))
$$;

create function private.set_vehicle_hours(p_vehicle_id uuid, p_weekly jsonb)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_vehicle public.vehicles := private.own_vehicle(p_vehicle_id);
  v_day jsonb;
begin
  if p_weekly is not null and jsonb_typeof(p_weekly) <> 'null' and (jsonb_typeof(p_weekly) <> 'array' or jsonb_array_length(p_weekly) not between 1 and 7) then
    perform private.fail_input('weekly', 'must be a list of 1 to 7 {weekday, hours}, or null');
  end if;
  perform private.lock_vehicle(p_vehicle_id);
  delete from private.vehicle_hours where vehicle_id = p_vehicle_id;
  if jsonb_typeof(p_weekly) = 'array' then
    for v_day in select e from jsonb_array_elements(p_weekly) e loop
      if not private.is_whole(v_day -> 'weekday', 1, 7) then
        perform private.fail_input('weekly', 'must have a weekday from 1 (Monday) to 7 (Sunday)');
      end if;
      if jsonb_typeof(v_day -> 'hours') = 'array' and jsonb_array_length(v_day -> 'hours') = 0 then
        perform private.fail_input('weekly', 'must leave out a weekday that is closed');
      end if;
      insert into private.vehicle_hours (vehicle_id, weekday, open)
      values (p_vehicle_id, (v_day -> 'weekday')::int, private.read_hours(v_day -> 'hours', 'weekly'));
    end loop;
  end if;
  perform private.slot_freed(p_vehicle_id, tstzrange(now(), null), 'hours');
  return private.vehicle_hours_value(v_vehicle);
exception
  when unique_violation then
    perform private.fail_input('weekly', 'must name each weekday once');
    return null;
end
$$;
create function public.set_vehicle_hours(vehicle_id uuid, weekly jsonb)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.set_vehicle_hours(vehicle_id, weekly) $$;
comment on function public.set_vehicle_hours is 'Host: says at which hours of the week a vehicle of the caller can be rented, in the listing''s time zone; a rental must lie within them as a whole. `weekly` is [{weekday: 1 (Monday) to 7, hours: [{opens: "08:00", closes: "24:00"}]}]; a weekday that is left out is closed, hours up to 24:00 go on at 00:00 of the next day, and null is open all the time. It replaces the plan. Bookings already made stay. Answers {time_zone, weekly, days}. Repeatable. Errors: vehicle_not_found, invalid_input.';
select private.expose('set_vehicle_hours(uuid, jsonb)', 'authenticated');

create function private.set_vehicle_day(p_vehicle_id uuid, p_day date, p_hours jsonb)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_vehicle public.vehicles := private.own_vehicle(p_vehicle_id);
  v_today date := (now() at time zone v_vehicle.time_zone)::date;
begin
  if p_day is null or p_day not between v_today - 1 and v_today + 800 then
    perform private.fail_input('day', 'must be a day from yesterday to 800 days ahead');
  end if;
  perform private.lock_vehicle(p_vehicle_id);
  -- days that are over mean nothing any more
  delete from private.vehicle_days where vehicle_id = p_vehicle_id and (day = p_day or day < v_today - 1);
  if p_hours is not null and jsonb_typeof(p_hours) <> 'null' then
    if (select count(*) from private.vehicle_days where vehicle_id = p_vehicle_id) >= 400 then
      perform private.fail_input('day', 'must be one of at most 400 days that differ from the plan');
    end if;
    insert into private.vehicle_days (vehicle_id, day, open) values (p_vehicle_id, p_day, private.read_hours(p_hours, 'hours'));
  end if;
  perform private.slot_freed(p_vehicle_id, tstzrange(now(), null), 'hours');
  return private.vehicle_hours_value(v_vehicle);
end
$$;
create function public.set_vehicle_day(vehicle_id uuid, day date, hours jsonb)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.set_vehicle_day(vehicle_id, day, hours) $$;
comment on function public.set_vehicle_day is 'Host: says at which hours of one day a vehicle of the caller can be rented, in place of the weekly plan. `hours` is [{opens: "08:00", closes: "20:00"}], [] is closed, and null follows the plan again. Answers {time_zone, weekly, days}. Repeatable. Errors: vehicle_not_found, invalid_input.';
select private.expose('set_vehicle_day(uuid, date, jsonb)', 'authenticated');

create function private.vehicle_hours(p_vehicle_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_vehicle public.vehicles := private.seen_vehicle(p_vehicle_id);
begin
  return private.vehicle_hours_value(v_vehicle);
end
$$;
create function public.vehicle_hours(vehicle_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$ select private.vehicle_hours(vehicle_id) $$;
comment on function public.vehicle_hours is 'Answers when a vehicle can be rented at all, {time_zone, weekly, days}: `weekly` is [{weekday, hours: [{opens, closes}]}], or null when it is open all the time, and `days` lists days from yesterday on with other hours, [{day, hours}]. Errors: vehicle_not_found.';
select private.expose('vehicle_hours(uuid)', 'anon', 'authenticated');

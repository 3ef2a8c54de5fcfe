-- Vehicles: calendars elsewhere that say when a vehicle is taken.
-- Rule kept here: a time that another calendar takes is an entry of the one calendar, under its one constraint. Where a
-- booking is there already, the booking stands and the clash is a row that the host sees, never lost.
-- Left out on purpose: fetching and reading the files, which the function `outbox` does.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('external_calendar_not_found', 404, false, 'We could not find this calendar. Reload and try again.', 'Không tìm thấy lịch này. Vui lòng tải lại rồi thử lại.'),
  ('too_many_calendars', 409, false, 'This vehicle has as many external calendars as it may have. Remove one first.', 'Xe này đã liên kết tối đa số lịch bên ngoài. Vui lòng gỡ bớt một lịch trước.');
insert into private.rate_limits (action, capacity, per_minute) values
  ('add_external_calendar', 20, 1);
alter table private.settings
  add constraint settings_external_calendars check (key <> 'external_calendars' or (
    private.is_whole(value -> 'per_vehicle', 1, 20) and private.is_whole(value -> 'minutes', 5, 1440)));
insert into private.settings (key, value, description) values
  ('external_calendars', '{"per_vehicle": 5, "minutes": 30}', 'How many external calendars a vehicle may have, and minutes between two looks at one.');

create table public.external_calendars (
  id uuid primary key default gen_random_uuid(),
  vehicle_id uuid not null,
  host_id uuid not null,
  name text not null,
  url text not null,
  busy tstzmultirange not null default '{}',
  etag text,
  last_modified text,
  read_at timestamptz,
  next_at timestamptz not null default now(),
  failures int not null default 0,
  problem text,
  created_at timestamptz not null default now(),
  constraint external_calendars_own_vehicle foreign key (vehicle_id, host_id) references public.vehicles (id, host_id) on delete restrict,
  constraint external_calendars_once unique (vehicle_id, url),
  constraint external_calendars_name_form check (private.is_tidy(name) and char_length(name) between 1 and 80),
  constraint external_calendars_url_form check (url ~ '^https://[^\s/?#@]+[^\s]*$' and char_length(url) <= 1000),
  constraint external_calendars_etag_tidy check (private.is_tidy(etag) and char_length(etag) <= 300),
  constraint external_calendars_last_modified_tidy check (private.is_tidy(last_modified) and char_length(last_modified) <= 100),
  constraint external_calendars_problem_tidy check (private.is_tidy(problem) and char_length(problem) <= 200),
  constraint external_calendars_failures_range check (failures >= 0)
);
create index external_calendars_vehicle_idx on public.external_calendars (vehicle_id, host_id);
create index external_calendars_due_idx on public.external_calendars (next_at);
comment on table public.external_calendars is 'Calendars elsewhere (RFC 5545) that say when a vehicle is taken. Its host alone sees them.';
comment on column public.external_calendars.url is 'Where it is read. Who knows it can often read who has booked there.';
comment on column public.external_calendars.busy is 'When it says that the vehicle is taken, as read last.';
comment on column public.external_calendars.read_at is 'When it was last read, also when it had not changed. Null before the first time.';
comment on column public.external_calendars.next_at is 'When it is read next.';
comment on column public.external_calendars.failures is 'How often in a row it could not be read. What was read before stays.';
comment on column public.external_calendars.problem is 'Why it could not be read the last time. Null when it could.';

alter table public.calendar_entries
  add column calendar_id uuid references public.external_calendars on delete restrict,
  add constraint calendar_entries_calendar_external check (calendar_id is null or kind = 'external');
create index calendar_entries_calendar_idx on public.calendar_entries (calendar_id) where calendar_id is not null;
comment on column public.calendar_entries.calendar_id is 'The external calendar that an entry of kind external came from. Null otherwise.';

create table public.calendar_conflicts (
  id uuid primary key default gen_random_uuid(),
  calendar_id uuid not null references public.external_calendars on delete cascade,
  vehicle_id uuid not null references public.vehicles on delete cascade,
  period tstzrange not null,
  found_at timestamptz not null default now(),
  gone_at timestamptz
);
create unique index calendar_conflicts_once on public.calendar_conflicts (calendar_id, period) where gone_at is null;
create index calendar_conflicts_vehicle_idx on public.calendar_conflicts (vehicle_id);
comment on table public.calendar_conflicts is 'Times that an external calendar takes and a booking here has already. The booking stands; the host settles it with one of the two.';
comment on column public.calendar_conflicts.gone_at is 'When one of the two was gone. Null while it lasts.';

alter table public.external_calendars enable row level security;
alter table public.calendar_conflicts enable row level security;
revoke all on public.external_calendars, public.calendar_conflicts from anon, authenticated, service_role;
grant select on public.external_calendars, public.calendar_conflicts to authenticated, service_role;
create policy select_host on public.external_calendars for select to authenticated using (host_id = (select auth.uid()));
create policy select_host on public.calendar_conflicts for select to authenticated
  using (vehicle_id in (select private.my_vehicle_ids()) or (select private.is_staff()));
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.external_calendars', 'r.host_id = $1', 'anonymise', null, 'Its entries stay in the calendar of the vehicle; address and name go.');
insert into private.personal_data (relation, column_name, treatment, becomes, why) values
  ('public.external_calendars', 'name', 'anonymise', '''-''', 'Text of the host.'),
  ('public.external_calendars', 'url', 'anonymise', '''https://removed.invalid/'' || r.id', 'It often lets its reader see who has booked elsewhere.'),
  ('public.external_calendars', 'etag', 'anonymise', 'null', 'Of the address.'),
  ('public.external_calendars', 'last_modified', 'anonymise', 'null', 'Of the address.'),
  ('public.external_calendars', 'problem', 'anonymise', 'null', 'It may name the address.');
select private.hold_no_persons('public.calendar_conflicts');

-- Makes the entries of one external calendar what it says, as far as nothing else is there.
create function private.sync_external_calendar(p_calendar_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_calendar public.external_calendars;
  v_others tstzmultirange;
  v_booked tstzmultirange;
  v_wanted tstzmultirange;
  v_clashes tstzmultirange;
  v_clash record;
begin
  select * into v_calendar from public.external_calendars where id = p_calendar_id;
  perform private.lock_vehicle(v_calendar.vehicle_id);
  -- read again under the lock
  select * into v_calendar from public.external_calendars where id = p_calendar_id;
  -- the caller has the lock too: holds that are over block nothing, and end by themselves (payments_attempts)
  select coalesce(range_agg(e.blocked), '{}'), coalesce(range_agg(e.blocked) filter (where e.kind in ('booking', 'hold') and (e.kind = 'booking' or e.expires_at > now())), '{}')
  into v_others, v_booked
  from public.calendar_entries e
  where e.vehicle_id = v_calendar.vehicle_id and e.calendar_id is distinct from p_calendar_id;
  v_wanted := v_calendar.busy - v_others;
  -- what is over stays as it is
  delete from public.calendar_entries e
  where e.calendar_id = p_calendar_id and upper(e.blocked) > now() and not exists (select from unnest(v_wanted) w where w = e.blocked);
  insert into public.calendar_entries (vehicle_id, kind, blocked, calendar_id)
  select v_calendar.vehicle_id, 'external', w, p_calendar_id
  from unnest(v_wanted) w
  where upper(w) > now() and not exists (select from public.calendar_entries e where e.calendar_id = p_calendar_id and e.blocked = w);

  v_clashes := v_calendar.busy * v_booked * tstzmultirange(tstzrange(now(), null));
  update public.calendar_conflicts c set gone_at = now()
  where c.calendar_id = p_calendar_id and c.gone_at is null and not exists (
    -- a clash that has begun is shorter with every look, and the same one
    select from unnest(v_clashes) u where u && c.period);
  for v_clash in
    select u as period from unnest(v_clashes) u
    where not exists (select from public.calendar_conflicts c where c.calendar_id = p_calendar_id and c.gone_at is null and c.period && u)
  loop
    insert into public.calendar_conflicts (calendar_id, vehicle_id, period) values (p_calendar_id, v_calendar.vehicle_id, v_clash.period);
    perform private.notify(v_calendar.host_id, 'calendar_conflict', (
      select jsonb_build_object('vehicle_id', v.id, 'title', v.title, 'calendar', v_calendar.name, 'period', private.period_value(lower(v_clash.period), upper(v_clash.period), v.time_zone))
      from public.vehicles v where v.id = v_calendar.vehicle_id), p_calendar_id || ' ' || v_clash.period);
  end loop;
end
$$;

-- What a booking or block leaves is taken at once by the calendars that say so: they need not be read again.
create function private.fill_from_calendars()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_id uuid;
begin
  for v_id in
    select c.id from public.external_calendars c where c.vehicle_id = old.vehicle_id and c.busy && old.blocked order by c.id
  loop
    perform private.sync_external_calendar(v_id);
  end loop;
  return null;
end
$$;
create trigger fill_deleted_slot after delete on public.calendar_entries
  for each row when (old.kind <> 'external') execute function private.fill_from_calendars();
create trigger fill_shortened_slot after update of blocked on public.calendar_entries
  for each row when (old.kind <> 'external' and not new.blocked @> old.blocked) execute function private.fill_from_calendars();

create function private.add_external_calendar(p_vehicle_id uuid, p_name text, p_url text)
returns public.external_calendars
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_vehicle public.vehicles := private.own_vehicle(p_vehicle_id);
  v_name text := private.tidy_text(p_name);
  -- webcal is the same address for a calendar program
  v_url text := regexp_replace(btrim(p_url), '^webcals?://', 'https://', 'i');
  v_calendar public.external_calendars;
begin
  perform private.take_token('add_external_calendar', v_vehicle.host_id::text);
  if v_name is null or char_length(v_name) not between 1 and 80 then
    perform private.fail_input('name', 'must have 1 to 80 characters');
  end if;
  if v_url is null or v_url !~ '^https://[^\s/?#@:]+\.[^\s/?#@:]+([/?][^\s]*)?$' or char_length(v_url) > 1000 or v_url ~ '[^\x21-\x7e]' then
    perform private.fail_input('url', 'must be an address that begins with https:// and has a name of a host, and at most 1000 characters');
  end if;
  insert into public.external_calendars (vehicle_id, host_id, name, url) values (p_vehicle_id, v_vehicle.host_id, v_name, v_url)
  on conflict (vehicle_id, url) do update set name = excluded.name
  returning * into v_calendar;
  if (select count(*) from public.external_calendars where vehicle_id = p_vehicle_id) > (private.setting('external_calendars') ->> 'per_vehicle')::int then
    perform private.fail('too_many_calendars', jsonb_build_object('limit', private.setting('external_calendars') -> 'per_vehicle'));
  end if;
  perform private.queue_calendar(v_calendar);
  return v_calendar;
end
$$;
create function public.add_external_calendar(vehicle_id uuid, name text, url text)
returns public.external_calendars
language sql volatile set search_path = ''
as $$ select private.add_external_calendar(vehicle_id, name, url) $$;
comment on function public.add_external_calendar is 'Host: lets a calendar elsewhere (iCal, RFC 5545) block a vehicle of the caller. `url` begins with https:// or webcal://. It is read at once and then every 30 minutes. A vehicle has at most 5. Repeatable. Errors: vehicle_not_found, too_many_calendars (details.limit), invalid_input, rate_limited.';
select private.expose_limited('add_external_calendar(uuid, text, text)', 'add_external_calendar', 'auth.uid()', 'authenticated');

create function private.remove_external_calendar(p_calendar_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_host_id uuid := private.require_user();
  v_vehicle_id uuid := (select c.vehicle_id from public.external_calendars c where c.id = p_calendar_id and c.host_id = v_host_id);
begin
  if v_vehicle_id is null then
    perform private.fail('external_calendar_not_found');
  end if;
  perform private.lock_vehicle(v_vehicle_id);
  delete from public.calendar_entries where calendar_id = p_calendar_id;
  delete from public.external_calendars where id = p_calendar_id;
end
$$;
create function public.remove_external_calendar(calendar_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.remove_external_calendar(calendar_id) $$;
comment on function public.remove_external_calendar is 'Host: removes an external calendar, and what it took in the calendar of the vehicle. Errors: external_calendar_not_found.';
select private.expose('remove_external_calendar(uuid)', 'authenticated');

create function private.my_external_calendars(p_vehicle_id uuid)
returns table (id uuid, name text, url text, read_at timestamptz, next_at timestamptz, failures int, problem text, conflicts jsonb)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_host_id uuid := private.require_user();
begin
  return query
    select c.id, c.name, c.url, c.read_at, c.next_at, c.failures, c.problem, (
      select coalesce(jsonb_agg(jsonb_build_object('starts_at', lower(k.period), 'ends_at', upper(k.period), 'found_at', k.found_at) order by lower(k.period)), '[]')
      from public.calendar_conflicts k where k.calendar_id = c.id and k.gone_at is null and upper(k.period) > now())
    from public.external_calendars c
    where c.vehicle_id = p_vehicle_id and c.host_id = v_host_id
    order by c.created_at, c.id;
end
$$;
create function public.my_external_calendars(of_vehicle_id uuid)
returns table (id uuid, name text, url text, read_at timestamptz, next_at timestamptz, failures int, problem text, conflicts jsonb)
language sql stable set search_path = ''
as $$ select * from private.my_external_calendars($1) $$;
comment on function public.my_external_calendars is 'Host: lists the external calendars of a vehicle of the caller: when each was read, why it could not be read the last time (`problem`, after `failures` tries), and `conflicts`: times that it takes and a booking here has already, [{starts_at, ends_at, found_at}].';
select private.expose('my_external_calendars(uuid)', 'authenticated');


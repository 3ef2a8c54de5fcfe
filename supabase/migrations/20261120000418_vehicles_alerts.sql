-- Vehicles: alerts of saved searches, when a vehicle becomes free.
-- Rule kept here: the transaction that makes a vehicle free writes that down, or fails with it. It pays for one look at an
-- index and one row; a job compares the row with the searches, by the conditions of the search itself.
-- Left out on purpose: alerts about what was free all the time.

alter table private.settings
  add constraint settings_search_alerts check (key <> 'search_alerts' or (
    private.is_whole(value -> 'per_day', 1, 100) and private.is_whole(value -> 'same_vehicle_hours', 1, 720)));
insert into private.settings (key, value, description) values
  ('search_alerts', '{"per_day": 5, "same_vehicle_hours": 24}', 'Alerts of one saved search in 24 hours at most, and hours until it may name the same vehicle again.');

create table private.freed_slots (
  id bigint generated always as identity primary key,
  vehicle_id uuid not null references public.vehicles on delete cascade,
  freed tstzrange not null,
  cause text not null,
  created_at timestamptz not null default now(),
  constraint freed_slots_cause_known check (cause in ('calendar', 'listing', 'price', 'hours', 'papers'))
);
create index freed_slots_vehicle_idx on private.freed_slots (vehicle_id);
comment on table private.freed_slots is 'Times at which a vehicle came free, until the job has looked for saved searches that want them.';
comment on column private.freed_slots.cause is 'calendar: an entry went or became shorter. listing: it is offered. price: it costs less. hours: its hours changed. papers: they are good for longer.';
create table private.search_alerts (
  search_id uuid not null references public.saved_searches on delete cascade,
  vehicle_id uuid not null references public.vehicles on delete cascade,
  alerted_at timestamptz not null default now(),
  primary key (search_id, vehicle_id)
);
create index search_alerts_vehicle_idx on private.search_alerts (vehicle_id);
comment on table private.search_alerts is 'The last alert of each saved search about each vehicle.';
alter table private.freed_slots enable row level security;
alter table private.search_alerts enable row level security;
select private.hold_no_persons('private.freed_slots');
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.search_alerts', 'r.search_id in (select s.id from public.saved_searches s where s.user_id = $1)', 'erase', '{vehicle_id,alerted_at}', 'Goes with its search.');

-- Writes down that a vehicle came free, when a saved search could want it.
create function private.slot_freed(p_vehicle_id uuid, p_freed tstzrange, p_cause text)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into private.freed_slots (vehicle_id, freed, cause)
  select v.id, p_freed, p_cause
  from public.vehicles v
  where v.id = p_vehicle_id and v.status = 'published' and exists (
    select from public.saved_searches s
    where s.alerts and s.period && p_freed and s.period && tstzrange(now(), null)
      and s.reach operator(extensions.&&) v.public_location::extensions.geometry
  );
end
$$;

create function private.free_calendar_slot()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if upper(old.blocked) > now() then
    perform private.slot_freed(old.vehicle_id, old.blocked, 'calendar');
  end if;
  return null;
end
$$;
create trigger free_deleted_slot after delete on public.calendar_entries
  for each row execute function private.free_calendar_slot();
create trigger free_shortened_slot after update of blocked on public.calendar_entries
  for each row when (not new.blocked @> old.blocked) execute function private.free_calendar_slot();

create function private.free_listing()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.slot_freed(new.id, tstzrange(now(), null), tg_argv[0]);
  return null;
end
$$;
create trigger free_offered_listing after update of status on public.vehicles
  for each row when (new.status = 'published' and old.status <> 'published') execute function private.free_listing('listing');
create trigger free_cheaper_listing after update of price_per_day on public.vehicles
  for each row when (new.price_per_day < old.price_per_day) execute function private.free_listing('price');
create trigger free_renewed_listing after update of papers_until on public.vehicles
  for each row when (coalesce(new.papers_until, 'infinity') > coalesce(old.papers_until, 'infinity')) execute function private.free_listing('papers');

-- Whether a saved search lists a vehicle now.
create function private.search_finds(p_search private.vehicle_search, p_vehicle_id uuid)
returns boolean
language plpgsql stable set search_path = ''
as $$
declare
  v_found boolean;
begin
  execute 'select exists (select from public.vehicles v where v.id = $2 and ' || private.vehicle_search_conditions(p_search)
    || coalesce((select string_agg(' and ' || c.condition, '') from private.vehicle_facet_conditions(p_search) c), '') || ')'
  into v_found using p_search, p_vehicle_id;
  return v_found;
end
$$;

create function private.send_search_alerts(p_limit int default 200)
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_limits jsonb := private.setting('search_alerts');
  v_slot private.freed_slots;
  v_vehicle public.vehicles;
  v_saved public.saved_searches;
  v_at timestamptz;
  v_count int := 0;
begin
  for v_slot in select * from private.freed_slots order by id limit p_limit for update skip locked loop
    delete from private.freed_slots where id = v_slot.id;
    select * into v_vehicle from public.vehicles where id = v_slot.vehicle_id;
    for v_saved in
      select s.*
      from public.saved_searches s
      where s.alerts and s.reach operator(extensions.&&) v_vehicle.public_location::extensions.geometry
        and s.period && v_slot.freed and lower(s.period) > now()
        and not exists (select from private.search_alerts a where a.search_id = s.id and a.vehicle_id = v_vehicle.id
          and a.alerted_at > now() - make_interval(hours => (v_limits ->> 'same_vehicle_hours')::int))
        and (select count(*) from private.search_alerts a where a.search_id = s.id and a.alerted_at > now() - interval '24 hours') < (v_limits ->> 'per_day')::int
        and not exists (select from private.suspended_people p where p.user_id = s.user_id)
      order by s.created_at, s.id
      limit 1000
    loop
      -- a search that can be asked no more, such as one too far ahead since a setting changed, stops nobody else's
      begin
        continue when not private.search_finds(private.read_vehicle_search(private.saved_criteria(v_saved.criteria), v_saved.user_id), v_vehicle.id);
      exception
        when raise_exception or data_exception then
          raise warning 'saved search % could not be asked: %', v_saved.id, sqlerrm;
          continue;
      end;
      -- its owner may have deleted it meanwhile
      perform from public.saved_searches s where s.id = v_saved.id for key share;
      continue when not found;
      insert into private.search_alerts as a (search_id, vehicle_id) values (v_saved.id, v_vehicle.id)
      on conflict (search_id, vehicle_id) do update set alerted_at = now()
      returning a.alerted_at into v_at;
      perform private.notify(v_saved.user_id, 'vehicle_came_free', jsonb_build_object(
        'vehicle_id', v_vehicle.id, 'search_id', v_saved.id, 'title', v_vehicle.title, 'search', v_saved.name), v_saved.id || ' ' || v_vehicle.id || ' ' || v_at);
      v_count := v_count + 1;
    end loop;
  end loop;
  return v_count;
end
$$;
select private.schedule_job('journey_search_alerts', 'Sends the alerts of saved searches whose vehicles became free.',
  '* * * * *', '15 minutes', 'select private.send_search_alerts()');

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('vehicle_came_free', 'en', 'saved_search', 'A vehicle for your search', '{{title}} is free for your saved search {{search}}. Others may have been told too.', null, null),
  ('vehicle_came_free', 'vi', 'saved_search', 'Có xe phù hợp với tìm kiếm của bạn', '{{title}} vừa trống lịch cho tìm kiếm đã lưu {{search}}. Người khác cũng có thể đã nhận được thông báo này.', null, null);

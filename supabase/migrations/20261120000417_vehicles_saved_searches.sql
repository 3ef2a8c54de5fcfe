-- Vehicles: searches that a person saves, to run them again and to get alerts.
-- Rule kept here: a saved search holds the arguments of search_vehicles, checked as a search checks them.
-- Left out on purpose: the alerts, which are the next file.

alter table private.settings
  add constraint settings_max_saved_searches check (key <> 'max_saved_searches' or private.is_whole(value, 1, 100));
insert into private.settings (key, value, description) values
  ('max_saved_searches', '20', 'How many searches one person may save.');
insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('too_many_saved_searches', 409, false, 'You have as many saved searches as one person may have. Delete one first.', 'Bạn đã lưu tối đa số lượt tìm kiếm. Vui lòng xóa bớt một mục trước.'),
  ('saved_search_not_found', 404, false, 'We could not find this saved search. Reload and try again.', 'Không tìm thấy tìm kiếm đã lưu này. Vui lòng tải lại rồi thử lại.');

create table public.saved_searches (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.profiles on delete cascade,
  name text not null,
  criteria jsonb not null,
  alerts boolean not null,
  period tstzrange not null,
  -- a rectangle of degrees that holds the area, for the index
  reach extensions.geometry(polygon, 4326) not null,
  created_at timestamptz not null default now(),
  constraint saved_searches_name_form check (private.is_tidy(name) and char_length(name) between 1 and 80)
);
create index saved_searches_user_idx on public.saved_searches (user_id, created_at desc, id desc);
create index saved_searches_period_idx on public.saved_searches using gist (period) where alerts;
create index saved_searches_reach_idx on public.saved_searches using gist (reach) where alerts;
comment on table public.saved_searches is 'Saved searches. Only the person who saved one sees it.';
comment on column public.saved_searches.criteria is 'Arguments of search_vehicles: place, period and filters.';
comment on column public.saved_searches.alerts is 'Whether the person gets a notification when a matching vehicle becomes free.';
comment on column public.saved_searches.period is 'From starts_at to ends_at of the criteria.';
alter table public.saved_searches enable row level security;
revoke all on public.saved_searches from anon, authenticated, service_role;
grant select (id, user_id, name, criteria, alerts, period, created_at) on public.saved_searches to authenticated;
grant select on public.saved_searches to service_role;
create policy select_own on public.saved_searches for select to authenticated using (user_id = (select auth.uid()));
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.saved_searches', 'r.user_id = $1', 'erase', '{name,criteria,alerts,created_at}', 'What the person looks for is of use to nobody else.');

-- The criteria as a search.
create function private.saved_criteria(p_criteria jsonb)
returns private.vehicle_search
language plpgsql stable set search_path = ''
as $$
declare
  v_known constant text[] := array['lat', 'lng', 'radius_m', 'min_lat', 'min_lng', 'max_lat', 'max_lng', 'starts_at', 'ends_at', 'kind', 'min_seats',
    'brand', 'transmission', 'fuel', 'min_price', 'max_price', 'features', 'instant_only', 'delivery_only', 'min_rating', 'query'];
  v_unknown text;
begin
  if jsonb_typeof(p_criteria) is distinct from 'object' then
    perform private.fail_input('criteria', 'must be an object of arguments of search_vehicles');
  end if;
  select k into v_unknown from jsonb_object_keys(p_criteria) k where k <> all (v_known) limit 1;
  if found then
    perform private.fail('unknown_field', jsonb_build_object('field', v_unknown));
  end if;
  return jsonb_populate_record(null::private.vehicle_search, p_criteria);
exception
  when data_exception then
    perform private.fail_input('criteria', 'must hold what search_vehicles takes');
    return null;
end
$$;

create function private.save_search(p_name text, p_criteria jsonb, p_alerts boolean, p_idempotency_key uuid)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := auth.uid();
  v_id uuid := gen_random_uuid();
  v_stored jsonb;
  v_name text := private.tidy_text(p_name);
  v_search private.vehicle_search;
  v_lat float8;
  v_lng float8;
  v_high float8;
  v_wide float8;
begin
  v_stored := private.begin_command('save_search', p_idempotency_key, jsonb_build_object('name', p_name, 'criteria', p_criteria, 'alerts', p_alerts),
    jsonb_build_object('id', v_id));
  if v_stored is not null then
    return v_stored;
  end if;
  if v_name is null or char_length(v_name) not between 1 and 80 then
    perform private.fail_input('name', 'must have 1 to 80 characters');
  end if;
  if p_alerts is null then
    perform private.fail_input('alerts', 'must be true or false');
  end if;
  v_search := private.read_vehicle_search(private.saved_criteria(p_criteria), v_user_id);
  v_lat := extensions.st_y(v_search.area::extensions.geometry);
  v_lng := extensions.st_x(v_search.area::extensions.geometry);
  -- a degree of latitude has 110.5 km or more, and one of longitude less, the farther from the equator
  v_high := v_search.area_m / 110500 + 0.01;
  v_wide := v_high / cos(radians(least(abs(v_lat) + v_high, 88)));
  perform pg_advisory_xact_lock(hashtextextended('saved_searches:' || v_user_id, 0));
  insert into public.saved_searches (id, user_id, name, criteria, alerts, period, reach)
  values (v_id, v_user_id, v_name, p_criteria, p_alerts, tstzrange(v_search.starts_at, v_search.ends_at), extensions.st_makeenvelope(
    case when abs(v_lng) + v_wide > 180 then -180 else v_lng - v_wide end, v_lat - v_high,
    case when abs(v_lng) + v_wide > 180 then 180 else v_lng + v_wide end, v_lat + v_high, 4326));
  if (select count(*) from public.saved_searches where user_id = v_user_id) > (private.setting('max_saved_searches'))::int then
    perform private.fail('too_many_saved_searches', jsonb_build_object('limit', private.setting('max_saved_searches')));
  end if;
  return jsonb_build_object('id', v_id);
end
$$;
create function public.save_search(name text, criteria jsonb, idempotency_key uuid, alerts boolean default true)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.save_search(name, criteria, alerts, idempotency_key) $$;
comment on function public.save_search is 'Saves a search of the caller with a name of 1 to 80 characters. `criteria` holds arguments of search_vehicles: place, period and filters. With `alerts`, the caller gets a notification when a matching vehicle becomes free. Answers {id}. Errors: invalid_input, unknown_field, too_many_saved_searches (details.limit), period_invalid, period_in_past, period_too_long.';
revoke all on function public.save_search(text, jsonb, uuid, boolean), private.save_search(text, jsonb, boolean, uuid) from public, anon, authenticated, service_role;
grant execute on function public.save_search(text, jsonb, uuid, boolean), private.save_search(text, jsonb, boolean, uuid) to authenticated;

create function private.set_search_alerts(p_search_id uuid, p_alerts boolean)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
begin
  if p_alerts is null then
    perform private.fail_input('alerts', 'must be true or false');
  end if;
  update public.saved_searches set alerts = p_alerts where id = p_search_id and user_id = v_user_id;
  if not found then
    perform private.fail('saved_search_not_found');
  end if;
end
$$;
create function public.set_search_alerts(search_id uuid, alerts boolean)
returns void
language sql volatile set search_path = ''
as $$ select private.set_search_alerts(search_id, alerts) $$;
comment on function public.set_search_alerts is 'Turns the alerts of a saved search of the caller on or off. Repeatable. Errors: saved_search_not_found, invalid_input.';
select private.expose('set_search_alerts(uuid, boolean)', 'authenticated');

create function private.delete_saved_search(p_search_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
begin
  delete from public.saved_searches where id = p_search_id and user_id = v_user_id;
end
$$;
create function public.delete_saved_search(search_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.delete_saved_search(search_id) $$;
comment on function public.delete_saved_search is 'Deletes a saved search of the caller. Repeatable.';
select private.expose('delete_saved_search(uuid)', 'authenticated');

create function public.my_saved_searches(after jsonb default null, page_size int default 20)
returns table (id uuid, name text, criteria jsonb, alerts boolean, is_over boolean, created_at timestamptz)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
declare
  v_user_id uuid := private.require_user();
  v_start private.page_start := private.read_page(after, 'created_at', page_size);
begin
  return query
    select s.id, s.name, s.criteria, s.alerts, lower(s.period) <= now(), s.created_at
    from public.saved_searches s
    where s.user_id = v_user_id and (v_start.id is null or (s.created_at, s.id) < (v_start.at, v_start.id))
    order by s.created_at desc, s.id desc
    limit page_size;
end
$$;
comment on function public.my_saved_searches is 'Lists the caller''s saved searches, the newest first. `criteria` are the arguments of search_vehicles, and is_over says that their period has begun, so that nothing is found any more. `after` takes {created_at, id} of the last row. Errors: invalid_input.';
select private.expose('my_saved_searches(jsonb, int)', 'authenticated');

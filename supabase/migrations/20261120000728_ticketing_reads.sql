-- Ticketing: finding events, and reading one with what is left of its tickets.
-- Rule kept here: a hidden kind of ticket is shown to its organizer, and to anybody who gives its code; an unlisted event to
-- anybody who has its id.
-- Left out on purpose: orders and sales (ticketing_order_reads).

-- How many tickets of a class can be bought now: what is left in every pool it counts in. A hold whose time is over
-- counts as left.
create function private.tickets_left(p_class_id uuid)
returns bigint
language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select min(p.left_over)
    from private.class_pools c
    cross join lateral (
      select coalesce(sum(s.capacity - s.held - s.sold), 0) + coalesce((
        select sum(h.held) from private.ticket_holds h where h.pool_id = c.pool_id and h.held > 0 and h.held_until <= now()), 0) as left_over
      from private.stock_shards s where s.pool_id = c.pool_id
    ) p
    where c.class_id = p_class_id
  );
end
$$;

-- When a class is sold: from, until, and whether it is on sale at this moment.
create type private.sale_window as (starts_at timestamptz, ends_at timestamptz, state text);
create function private.sale_window(p_event public.events, p_config public.event_configs, p_class public.ticket_classes)
returns private.sale_window
language plpgsql stable set search_path = ''
as $$
declare
  v_window private.sale_window;
begin
  v_window.starts_at := greatest(p_config.sale_starts_at, p_class.sale_starts_at, p_event.published_at);
  v_window.ends_at := least(p_config.sale_ends_at, p_class.sale_ends_at, p_event.starts_at);
  v_window.state := case
    when p_event.status <> 'published' or p_event.hidden_at is not null or p_class.is_closed then 'closed'
    when v_window.ends_at <= now() then 'over'
    when v_window.starts_at > now() then 'not_started'
    else 'on_sale'
  end;
  return v_window;
end
$$;

-- How many tickets are left, as an answer may say it: null where the organizer keeps the number to its team. Every answer and
-- every refusal that has such a number asks this.
create function private.shown_left(p_config public.event_configs, p_left bigint, p_team boolean default false)
returns bigint
language plpgsql immutable set search_path = ''
as $$
begin
  return case when p_team or p_config.shows_left then p_left end;
end
$$;

create function private.event_detail(p_event_id uuid, p_unlock_code text)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_event public.events;
  v_config public.event_configs;
  v_team boolean;
begin
  select * into v_event from public.events where id = p_event_id;
  v_team := found and (private.is_staff() or v_event.organizer_id in (select private.my_organizer_ids()));
  if not found or not (v_team or private.may_see_event(v_event, auth.uid())) then
    perform private.fail('event_not_found');
  end if;
  select * into strict v_config from public.event_configs where event_id = p_event_id;
  return (to_jsonb(v_event) - 'location' - 'search_text' - 'created_by') || jsonb_build_object(
    'status', private.event_state(v_event),
    'lat', extensions.st_y(v_event.location::extensions.geometry), 'lng', extensions.st_x(v_event.location::extensions.geometry),
    'config', to_jsonb(v_config),
    'organizer', (select jsonb_build_object('id', o.id, 'name', o.name, 'description', o.description, 'is_verified', o.is_verified) from public.organizers o where o.id = v_event.organizer_id),
    'classes', coalesce((
      select jsonb_agg(to_jsonb(c) - 'unlock_code' || jsonb_build_object('left', private.shown_left(v_config, k.free, v_team),
        'availability', private.availability_of(c.total, k.free), 'sale', to_jsonb(private.sale_window(v_event, v_config, c)),
        'unlock_code', case when v_team then c.unlock_code end) order by c.position, c.name)
      from public.ticket_classes c cross join lateral (select private.tickets_on_sale(c) as free) k
      where c.event_id = p_event_id and (v_team or not c.is_hidden or c.unlock_code = upper(btrim(p_unlock_code)))), '[]'),
    'pools', case when v_team then coalesce((
      select jsonb_agg(jsonb_build_object('id', p.id, 'name', p.name, 'capacity', p.capacity,
        'class_ids', (select jsonb_agg(c.class_id order by c.class_id) from private.class_pools c where c.pool_id = p.id)) order by p.name)
      from private.capacity_pools p where p.event_id = p_event_id and p.class_id is null), '[]') end
  );
end
$$;
create function public.event_detail(event_id uuid, unlock_code text default null)
returns jsonb
language sql stable set search_path = ''
as $$ select private.event_detail(event_id, unlock_code) $$;
comment on function public.event_detail is 'Answers an event with all that its screen needs: its columns, lat, lng, config, organizer {id, name, description, is_verified}, classes (each with `left`, the tickets that anybody can buy now: none while somebody waits on its waiting list, null where the organizer does not show it; `availability`: available, few_left or sold_out; and `sale` {starts_at, ends_at, state: not_started, on_sale, over or closed}). `unlock_code` shows hidden classes. Members of the organizer also see drafts, all classes with their codes, and pools. Errors: event_not_found.';
select private.expose('event_detail(uuid, text)', 'anon', 'authenticated');

-- An event as a row of a list.
create function private.event_hit(p_event public.events, p_point extensions.geography)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'id', p_event.id, 'organizer_id', p_event.organizer_id, 'organizer_name', o.name, 'category', p_event.category, 'title', p_event.title,
      'venue', p_event.venue, 'address', p_event.address, 'city', p_event.city,
      'time_zone', p_event.time_zone, 'starts_at', p_event.starts_at, 'ends_at', p_event.ends_at,
      'lat', extensions.st_y(p_event.location::extensions.geometry), 'lng', extensions.st_x(p_event.location::extensions.geometry),
      'distance_m', round(extensions.st_distance(p_event.location, p_point)::numeric), 'min_price', k.min_price, 'max_price', k.max_price, 'currency', 'VND',
      'is_sold_out', coalesce(k.sold_out, true))
    from public.organizers o
    cross join lateral (
      select min(c.price) as min_price, max(c.price) as max_price, bool_and(private.tickets_on_sale(c) = 0) as sold_out
      from public.ticket_classes c where c.event_id = p_event.id and not c.is_hidden
    ) k
    where o.id = p_event.organizer_id
  );
end
$$;

create function private.search_events(
  p_query text, p_city text, p_category text, p_from_at timestamptz, p_to_at timestamptz, p_lat float8, p_lng float8, p_radius_m int,
  p_after jsonb, p_page_size int
)
returns setof jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_point extensions.geography;
  -- every word must occur; signs of patterns stand for themselves
  v_words text[] := array(
    select '%' || regexp_replace(w, '([\\%_])', '\\\1', 'g') || '%'
    from regexp_split_to_table(private.fold_text(p_query), '[-\s_./,]+') w where w <> ''
  );
  v_city text := private.squeeze_text(p_city);
  v_start private.page_start := private.read_page(p_after, 'starts_at', p_page_size);
  v_from timestamptz := greatest(coalesce(p_from_at, now()), now());
begin
  if char_length(p_query) > 100 or char_length(p_city) > 100 then
    perform private.fail_input('query', 'must have at most 100 characters, and so must city');
  end if;
  if (p_lat is null) <> (p_lng is null) or not coalesce(p_lat between -85 and 85 and p_lng between -180 and 180, true) then
    perform private.fail_input('lat', 'must be -85 to 85, and lng -180 to 180');
  end if;
  if p_lat is not null then
    if p_radius_m is null or p_radius_m not between 100 and 200000 then
      perform private.fail_input('radius_m', 'must be 100 to 200000');
    end if;
    v_point := extensions.st_setsrid(extensions.st_makepoint(p_lng, p_lat), 4326)::extensions.geography;
  end if;
  return query
    with page as (
      select e from public.events e
      join public.event_configs c on c.event_id = e.id and c.visibility = 'public'
      where e.status = 'published' and e.hidden_at is null and e.ends_at > v_from
        and (p_to_at is null or e.starts_at < p_to_at)
        and (p_category is null or e.category = p_category)
        and (v_city is null or private.squeeze_text(e.city) = v_city)
        and (cardinality(v_words) = 0 or e.search_text like all (v_words))
        and (v_point is null or extensions.st_dwithin(e.location, v_point, p_radius_m))
        and (v_start.id is null or (e.starts_at, e.id) > (v_start.at, v_start.id))
      order by e.starts_at, e.id
      limit p_page_size
    )
    select private.event_hit(p.e, v_point) from page p
    order by (p.e).starts_at, (p.e).id;
end
$$;
create function public.search_events(
  query text default null, city text default null, category text default null, from_at timestamptz default null, to_at timestamptz default null,
  lat float8 default null, lng float8 default null, radius_m int default 20000, after jsonb default null, page_size int default 20
)
returns setof jsonb
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.spend_read_token('search_events');
  return query select private.search_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);
end
$$;
comment on function public.search_events is 'Lists published public events that are not over, soonest first: by words of title, venue and city with or without diacritics, city, category, time (those that overlap from_at to to_at), and radius_m (100–200000) metres around a point. Rows are {id, organizer_id, organizer_name, category, title, venue, address, city, time_zone, starts_at, ends_at, lat, lng, distance_m, min_price, max_price, currency, is_sold_out}; prices in minor units. `after` takes {starts_at, id} of the last row. Reads only. Errors: invalid_input, rate_limited.';
select private.expose('search_events(text, text, text, timestamptz, timestamptz, float8, float8, int, jsonb, int)', 'anon', 'authenticated');

create function private.organizer_events(p_organizer_id uuid, p_statuses text[], p_after jsonb, p_page_size int)
returns setof jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  perform private.require_organizer_role(p_organizer_id, 'admin', 'editor', 'viewer');
  return query
    select to_jsonb(e) - 'location' - 'search_text' - 'created_by' || jsonb_build_object('status', private.event_state(e))
    from public.events e
    where e.organizer_id = p_organizer_id and (p_statuses is null or private.event_state(e) = any (p_statuses))
      and (v_start.id is null or (e.created_at, e.id) < (v_start.at, v_start.id))
    order by e.created_at desc, e.id desc
    limit p_page_size;
end
$$;
create function public.organizer_events(organizer_id uuid, statuses text[] default null, after jsonb default null, page_size int default 20)
returns setof jsonb
language sql stable set search_path = ''
as $$ select private.organizer_events(organizer_id, statuses, after, page_size) $$;
comment on function public.organizer_events is 'Lists the events of an organizer for its admins, editors and viewers, newest first, in their state of now. `after` takes {created_at, id} of the last row. Errors: organizer_not_found, forbidden, invalid_input.';
select private.expose('organizer_events(uuid, text[], jsonb, int)', 'authenticated');

create function private.events_to_review(p_after jsonb, p_page_size int)
returns setof jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  perform private.require_staff();
  return query
    select to_jsonb(e) - 'location' - 'search_text' || jsonb_build_object('organizer_name', o.name)
    from public.events e join public.organizers o on o.id = e.organizer_id
    where e.status = 'configured' and (v_start.id is null or (e.created_at, e.id) > (v_start.at, v_start.id))
    order by e.created_at, e.id
    limit p_page_size;
end
$$;
create function public.events_to_review(after jsonb default null, page_size int default 20)
returns setof jsonb
language sql stable set search_path = ''
as $$ select private.events_to_review(after, page_size) $$;
comment on function public.events_to_review is 'Staff: lists configured events, which wait for approval, oldest first. `after` takes {created_at, id} of the last row. Errors: forbidden, invalid_input.';
select private.expose('events_to_review(jsonb, int)', 'authenticated');

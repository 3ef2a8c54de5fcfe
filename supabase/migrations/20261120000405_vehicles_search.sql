-- Vehicles: finding those in an area that are free for a whole period.
-- Rule kept here: one statement, one snapshot: what it returns could be booked at that moment.
-- Pages and counts ask the same conditions; filters not asked for are not in the query.
-- Circle and distance are both measured on the sphere, so that nothing is shown from beyond the radius.
-- Left out on purpose: the true location; distances are to the fuzzed point, so they reveal nothing.

-- A visitor counts with all of the same network, which may be that of a mobile operator.
insert into private.rate_limits (action, capacity, per_minute) values
  ('search_vehicles', 60, 60),
  ('search_vehicles_network', 300, 600);

-- What is searched. read_vehicle_search() writes the fields from `caller_id` on.
create type private.vehicle_search as (
  lat float8, lng float8, radius_m int, min_lat float8, min_lng float8, max_lat float8, max_lng float8,
  starts_at timestamptz, ends_at timestamptz, kind text, min_seats int, brand text, transmission text, fuel text,
  min_price bigint, max_price bigint, features text[], instant_only boolean, delivery_only boolean, min_rating numeric, query text,
  caller_id uuid,
  -- distances are from the point; the area is a circle, which holds the box if there is one
  point extensions.geography, area extensions.geography, area_m float8,
  -- every word must occur somewhere
  words text[],
  -- asked once: in the query, the planner would no longer ask the calendar of each candidate by its index
  overdue uuid[],
  -- hosts who are left out: of a block with the caller, and suspended
  blocked uuid[]
);

create function private.read_vehicle_search(p_search private.vehicle_search, p_caller_id uuid)
returns private.vehicle_search
language plpgsql stable set search_path = ''
as $$
declare
  v_search private.vehicle_search := p_search;
  v_has_box boolean := num_nonnulls(p_search.min_lat, p_search.min_lng, p_search.max_lat, p_search.max_lng) > 0;
  v_width float8;
begin
  if v_has_box then
    if not coalesce(p_search.min_lat between -85 and 85 and p_search.max_lat between -85 and 85 and p_search.min_lat < p_search.max_lat, false) then
      perform private.fail_input('min_lat', 'must be -85 to 85, and below max_lat');
    end if;
    if not coalesce(p_search.min_lng between -180 and 180 and p_search.max_lng between -180 and 180 and p_search.min_lng <> p_search.max_lng, false) then
      perform private.fail_input('min_lng', 'must be -180 to 180, and so must max_lng');
    end if;
    -- a box may cross the 180th meridian
    v_width := p_search.max_lng - p_search.min_lng + case when p_search.min_lng > p_search.max_lng then 360 else 0 end;
    if v_width > 10 or p_search.max_lat - p_search.min_lat > 10 then
      perform private.fail_input('max_lat', 'must be at most 10 degrees from min_lat, and max_lng from min_lng');
    end if;
    v_search.area := extensions.st_setsrid(extensions.st_makepoint(
      p_search.min_lng + v_width / 2 - case when p_search.min_lng + v_width / 2 > 180 then 360 else 0 end,
      (p_search.min_lat + p_search.max_lat) / 2), 4326)::extensions.geography;
    -- the farthest point of such a box is a corner
    v_search.area_m := 1.001 * greatest(
      extensions.st_distance(v_search.area, extensions.st_setsrid(extensions.st_makepoint(p_search.min_lng, p_search.min_lat), 4326)::extensions.geography, false),
      extensions.st_distance(v_search.area, extensions.st_setsrid(extensions.st_makepoint(p_search.min_lng, p_search.max_lat), 4326)::extensions.geography, false));
    if v_search.area_m > 150000 then
      perform private.fail_input('max_lat', 'must not make a box whose corners are more than 150 km from its middle');
    end if;
  end if;
  if v_has_box and num_nonnulls(p_search.lat, p_search.lng) = 0 then
    v_search.point := v_search.area;
  elsif not coalesce(p_search.lat between -85 and 85 and p_search.lng between -180 and 180, false) then
    perform private.fail_input('lat', 'must be -85 to 85, and lng -180 to 180');
  else
    v_search.point := extensions.st_setsrid(extensions.st_makepoint(p_search.lng, p_search.lat), 4326)::extensions.geography;
  end if;
  if p_search.radius_m is null and not v_has_box then
    v_search.radius_m := 5000;
  elsif p_search.radius_m not between 100 and 100000 then
    perform private.fail_input('radius_m', 'must be 100 to 100000');
  end if;
  if not v_has_box then
    v_search.area := v_search.point;
    v_search.area_m := v_search.radius_m;
  end if;

  if p_search.starts_at is null or p_search.ends_at is null or not isfinite(p_search.starts_at) or not isfinite(p_search.ends_at) then
    perform private.fail_input('starts_at', 'must be given together with ends_at');
  end if;
  if p_search.ends_at <= p_search.starts_at then
    perform private.fail('period_invalid');
  end if;
  if p_search.starts_at < now() then
    perform private.fail('period_in_past');
  end if;
  if p_search.starts_at > now() + make_interval(days => (private.setting('booking_horizon_days'))::int)
     or p_search.ends_at > p_search.starts_at + interval '90 days' then
    perform private.fail('period_too_long', '{"max_days": 90}');
  end if;
  if char_length(p_search.query) > 100 or char_length(p_search.brand) > 60 or cardinality(p_search.features) > 10 then
    perform private.fail_input('query', 'must have at most 100 characters, brand at most 60, and features at most 10 words');
  end if;
  v_search.features := array(select distinct f from unnest(p_search.features) f where f is not null);
  -- signs of patterns stand for themselves
  v_search.words := array(
    select '%' || regexp_replace(w, '([\\%_])', '\\\1', 'g') || '%'
    from regexp_split_to_table(private.fold_text(p_search.query), '[-\s_./]+') w where w <> ''
  );
  v_search.caller_id := p_caller_id;
  v_search.overdue := array(select o.vehicle_id from private.overdue_vehicles o where o.blocked && tstzrange(p_search.starts_at, p_search.ends_at));
  v_search.blocked := private.blocked_with(p_caller_id) || array(select user_id from private.suspended_people);
  return v_search;
end
$$;

-- Filters whose values a search screen offers with their counts, each a condition on a vehicle `v` and the search `$1`.
create function private.vehicle_facet_conditions(s private.vehicle_search)
returns table (facet text, condition text)
language sql immutable set search_path = ''
as $$
  select f.facet, f.condition
  from (values
    ('kind', s.kind is not null, 'v.kind = ($1).kind'),
    ('seats', s.min_seats is not null, 'v.seats >= ($1).min_seats'),
    ('brand', s.brand is not null, 'private.squeeze_text(v.brand) = private.squeeze_text(($1).brand)'),
    ('transmission', s.transmission is not null, 'v.transmission = ($1).transmission'),
    ('fuel', s.fuel is not null, 'v.fuel = ($1).fuel'),
    ('instant', coalesce(s.instant_only, false), 'v.instant_book'),
    ('delivery', coalesce(s.delivery_only, false), 'v.delivery_fee is not null'),
    ('rating', s.min_rating is not null, 'coalesce(v.rating_average >= ($1).min_rating, false)'),
    ('feature', cardinality(s.features) > 0,
      '(select count(*) from public.vehicle_features f where f.vehicle_id = v.id and f.feature = any (($1).features)) = cardinality(($1).features)')
  ) f (facet, is_asked, condition)
  where f.is_asked
$$;

-- All other conditions of a search: the listing, the place, the period, the price and the words.
create function private.vehicle_search_conditions(s private.vehicle_search)
returns text
language sql immutable set search_path = ''
as $$
  select $sql$v.status = 'published'
        and extensions.st_dwithin(v.public_location, ($1).area, ($1).area_m, false)
        and v.host_id is distinct from ($1).caller_id
        and ($1).ends_at >= ($1).starts_at + make_interval(hours => v.min_hours)
        and ($1).ends_at <= ($1).starts_at + make_interval(days => v.max_days)
        and ($1).starts_at >= now() + make_interval(hours => v.notice_hours)
        and (v.papers_until is null or ($1).ends_at <= (v.papers_until + 1)::timestamp at time zone v.time_zone)
        and (not v.has_hours or private.is_open(v.id, v.time_zone, ($1).starts_at, ($1).ends_at))
        -- private.is_free, written out: it is asked of every candidate
        and not exists (
          select from private.blocking_entries c
          where c.vehicle_id = v.id and c.blocked && tstzrange(($1).starts_at, ($1).ends_at + make_interval(mins => v.buffer_minutes))
        )$sql$
    || case when cardinality(s.overdue) > 0 then ' and v.id <> all (($1).overdue)' else '' end
    || case when cardinality(s.blocked) > 0 then ' and v.host_id <> all (($1).blocked)' else '' end
    || case when s.min_lat is not null then ' and extensions.st_y(v.public_location::extensions.geometry) between ($1).min_lat and ($1).max_lat' else '' end
    || case when s.min_lng < s.max_lng then ' and extensions.st_x(v.public_location::extensions.geometry) between ($1).min_lng and ($1).max_lng'
            when s.min_lng > s.max_lng then ' and extensions.st_x(v.public_location::extensions.geometry) not between ($1).max_lng and ($1).min_lng'
            else '' end
    || case when s.min_lat is not null and s.radius_m is not null then ' and extensions.st_dwithin(v.public_location, ($1).point, ($1).radius_m, false)' else '' end
    || case when s.min_price is not null then ' and v.price_per_day >= ($1).min_price' else '' end
    || case when s.max_price is not null then ' and v.price_per_day <= ($1).max_price' else '' end
    || case when cardinality(s.words) > 0 then ' and v.search_text like all (($1).words)' else '' end
$$;

-- What the period costs, without options and codes: the total of a quote, and the deposit in it. Pricing, which computes it,
-- replaces this function (pricing_totals).
create type private.rental_total as (vehicle_id uuid, total_amount bigint, deposit_amount bigint);
create function private.rental_totals(p_vehicle_ids uuid[], p_starts_at timestamptz, p_ends_at timestamptz)
returns setof private.rental_total
language plpgsql stable set search_path = ''
as $$
begin
  return;
end
$$;
revoke all on function private.rental_totals(uuid[], timestamptz, timestamptz) from public, anon, authenticated, service_role;

create function private.search_vehicles(p_search private.vehicle_search, p_sort text, p_after jsonb, p_page_size int, p_with_reasons boolean)
returns setof jsonb
language plpgsql stable security definer set search_path = ''
-- The planner expects that almost nothing passes the filters, and would sort the whole circle instead of scanning from
-- the nearest. Without sorting, the plan looks so expensive that PostgreSQL would compile it, so JIT is off too.
set enable_sort = off
set jit = off
as $$
declare
  v_search private.vehicle_search := private.read_vehicle_search(p_search, auth.uid());
  v_key text;
  v_order text;
  v_where text;
  v_after text := 'true';
  v_from text := 'public.vehicles v';
begin
  if p_page_size is null or p_page_size not between 1 and 50 then
    perform private.fail_input('page_size', 'must be 1 to 50');
  end if;
  case p_sort
    when 'distance' then
      v_key := 'v.public_location operator(extensions.<->) ($1).point';
      -- ties are settled below: no index orders by distance and then by id before PostgreSQL 17
      v_order := v_key;
    when 'price' then
      v_key := 'v.price_per_day';
      v_order := v_key || ', v.id';
    when 'rating' then
      v_key := '-v.rating_rank';
      v_order := v_key || ', v.id';
    when 'total' then
      v_key := 'total_amount';
      v_order := v_key || ', v.id';
    else
      perform private.fail_input('sort', 'must be distance, price, rating or total');
  end case;
  v_where := private.vehicle_search_conditions(v_search)
    || coalesce((select string_agg(' and ' || c.condition, '') from private.vehicle_facet_conditions(v_search) c), '');
  if p_after is not null then
    if p_after ->> 'sort' is distinct from p_sort
       or (case jsonb_typeof(p_after -> 'key') when 'number' then abs((p_after -> 'key')::numeric) > 1e15 else true end)
       or coalesce(p_after ->> 'id', '') !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
      perform private.fail_input('after', 'must be a cursor of this search');
    end if;
    v_after := format('(%s, v.id) > (($3 ->> ''key'')::%s, ($3 ->> ''id'')::uuid)', v_key, case p_sort when 'distance' then 'float8' else 'numeric' end);
  end if;

  if p_sort = 'total' then
    -- a total depends on the period and stands nowhere, so all that pass are priced, by one call
    v_from := format('(
        select v.id, v.total_amount
        from (select r.vehicle_id as id, r.total_amount from private.rental_totals(array(select v.id from public.vehicles v where %s), ($1).starts_at, ($1).ends_at) r) v
        where %s
        order by v.total_amount, v.id
        limit $2
      ) t join public.vehicles v on v.id = t.id', v_where, v_after);
    v_where := 'true';
    v_after := 'true';
  end if;

  return query execute format($query$
    with page as materialized (
      select v.*, %1$s as sort_key, v.public_location operator(extensions.<->) ($1).point as distance
      from %5$s
      where %2$s
      order by %3$s
      fetch first ($2) rows with ties
    )
    select jsonb_build_object(
      'vehicle_id', p.id, 'title', p.title, 'kind', p.kind, 'brand', p.brand, 'model', p.model, 'year', p.year,
      'seats', p.seats, 'transmission', p.transmission, 'fuel', p.fuel, 'price_per_hour', p.price_per_hour,
      'price_per_day', p.price_per_day, 'currency', p.currency, 'instant_book', p.instant_book, 'delivery_fee', p.delivery_fee, 'city', p.city,
      'lat', extensions.st_y(p.public_location::extensions.geometry), 'lng', extensions.st_x(p.public_location::extensions.geometry),
      'total_amount', t.total_amount, 'deposit_amount', t.deposit_amount,
      'distance_m', round(p.distance::numeric, 1), 'rating_average', p.rating_average, 'rating_count', p.rating_count,
      'cover_bucket', m.bucket, 'cover_path', m.path,
      'cursor', jsonb_build_object('sort', $4, 'key', p.sort_key, 'id', p.id)
    )%4$s
    from page p
    left join private.rental_totals(array(select id from page), ($1).starts_at, ($1).ends_at) t on t.vehicle_id = p.id
    left join public.vehicle_images i on i.vehicle_id = p.id and i.position = (select min(position) from public.vehicle_images where vehicle_id = p.id)
    left join public.media m on m.id = i.media_id and m.status = 'ready'
    order by p.sort_key, p.id
    limit $2
  $query$, v_key, v_where || ' and ' || v_after, v_order,
    case when p_with_reasons then $reasons$ || jsonb_build_object('reasons', array(
      select r.code from public.vehicles v, unnest(private.all_rental_reasons(($1).caller_id, v, ($1).starts_at, ($1).ends_at)) r where v.id = p.id)) $reasons$ end, v_from)
  using v_search, p_page_size, p_after, p_sort;
end
$$;

create function public.search_vehicles(
  lat float8 default null, lng float8 default null, radius_m int default null, starts_at timestamptz default null, ends_at timestamptz default null,
  kind text default null, min_seats int default null, brand text default null, transmission text default null,
  fuel text default null, min_price bigint default null, max_price bigint default null, features text[] default null,
  instant_only boolean default false, min_rating numeric default null, query text default null,
  sort text default 'distance', after jsonb default null, page_size int default 20, with_reasons boolean default false,
  delivery_only boolean default false, min_lat float8 default null, min_lng float8 default null, max_lat float8 default null, max_lng float8 default null
)
returns setof jsonb
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.spend_read_token('search_vehicles');
  return query select private.search_vehicles(row($1, $2, $3, min_lat, min_lng, max_lat, max_lng, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
    $14, delivery_only, $15, $16, null, null, null, null, null, null, null)::private.vehicle_search, sort, after, page_size, with_reasons);
end
$$;
comment on function public.search_vehicles is 'Lists published vehicles of an area that are free for the whole period. The area is a circle of radius_m (100–100000, else 5000) metres around lat and lng, or a box from min_lat, min_lng to max_lat, max_lng, whose corners are at most 150 km from its middle; min_lng above max_lng crosses the 180th meridian. With a box, lat and lng only say from where distances are measured (else from its middle), and radius_m, if given, holds too. min_price and max_price are of a day. total_amount is what a quote for the period would show without options and without a code, fees, tax and deposit_amount included. `query` finds words of brand, model, title and city, with or without diacritics, blanks and hyphens. Vehicles of people with whom the caller has a block are left out. Rows are {vehicle_id, title, kind, brand, model, year, seats, transmission, fuel, price_per_hour, price_per_day, currency, instant_book, delivery_fee, city, lat, lng, total_amount, deposit_amount, distance_m, rating_average, rating_count, cover_bucket, cover_path, cursor}, and with `with_reasons` also `reasons`: the codes of what is in the way of the caller, such as licence_required (what booking_eligibility says, but for the number of the caller''s bookings). They are sorted by distance, price (per day), rating (the average, in which few reviews count less) or total (total_amount). `after` takes the cursor of the last row. Reads only. Errors: invalid_input, period_invalid, period_in_past, period_too_long, rate_limited.';
select private.expose('search_vehicles(float8, float8, int, timestamptz, timestamptz, text, int, text, text, text, bigint, bigint, text[], boolean, numeric, text, text, jsonb, int, boolean, boolean, float8, float8, float8, float8)', 'anon', 'authenticated');
revoke all on function private.search_vehicles(private.vehicle_search, text, jsonb, int, boolean) from public, anon, authenticated, service_role;
grant execute on function private.search_vehicles(private.vehicle_search, text, jsonb, int, boolean) to anon, authenticated;

-- The newest public reviews of a vehicle. Reviews, which has them, replaces this function (reviews_reads).
create function private.shown_reviews(p_vehicle_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
  return '[]'::jsonb;
end
$$;
revoke all on function private.shown_reviews(uuid) from public, anon, authenticated, service_role;
grant execute on function private.shown_reviews(uuid) to anon, authenticated;

-- Where a listing stands, for its host, who edits it, and for staff. A renter who has it booked reads it in the booking.
create function private.place_to_edit(p_vehicle_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('address', l.address, 'plate', l.plate,
      'lat', extensions.st_y(l.location::extensions.geometry), 'lng', extensions.st_x(l.location::extensions.geometry))
    from public.vehicle_locations l
    join public.vehicles v on v.id = l.vehicle_id
    where l.vehicle_id = p_vehicle_id and (v.host_id = auth.uid() or private.is_staff())
  );
end
$$;
revoke all on function private.place_to_edit(uuid) from public, anon, authenticated, service_role;
grant execute on function private.place_to_edit(uuid) to anon, authenticated;

-- Everything a listing's screen needs, under the reader's own rights.
create function public.vehicle_detail(vehicle_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$
  select to_jsonb(v) - 'public_location' - 'search_text' - 'is_listed' || jsonb_build_object(
    'lat', extensions.st_y(v.public_location::extensions.geometry),
    'lng', extensions.st_x(v.public_location::extensions.geometry),
    'features', coalesce((select jsonb_agg(f.feature order by f.feature) from public.vehicle_features f where f.vehicle_id = v.id), '[]'),
    'images', coalesce((
      select jsonb_agg(jsonb_build_object('media_id', m.id, 'bucket', m.bucket, 'path', m.path, 'status', m.status, 'position', i.position) order by i.position)
      from public.vehicle_images i join public.media m on m.id = i.media_id
      where i.vehicle_id = v.id
    ), '[]'),
    'host', (select to_jsonb(h) from public.public_profile(v.host_id) h),
    'reviews', private.shown_reviews(v.id),
    'place', private.place_to_edit(v.id)
  )
  from public.vehicles v
  where v.id = $1
$$;
comment on function public.vehicle_detail is 'Answers a listing with its photos, features, host and newest five reviews (as list_reviews has them), or null when there is none that the caller may see. lat and lng are those of the blurred public point. `place` is {address, plate, lat, lng} of the true one for its host and staff, and null for others.';
select private.expose('vehicle_detail(uuid)', 'anon', 'authenticated');

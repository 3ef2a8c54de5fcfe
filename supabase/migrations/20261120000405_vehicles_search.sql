-- Vehicles: finding one near a point that is free for a whole period.
-- Rule kept here: one statement, one snapshot: what it returns could be booked at that moment.
-- The nearest-first scan of the GiST index stops at the page; filters not asked for are not in the query.
-- The circle and the distance are both measured on the sphere, so that nothing is shown from beyond the radius.
-- Left out on purpose: the true location; distances are to the fuzzed point, so they reveal nothing.

-- A visitor counts with all of the same network, which may be that of a mobile operator.
insert into private.rate_limits (action, capacity, per_minute) values
  ('search_vehicles', 60, 60),
  ('search_vehicles_network', 300, 600);

create function private.search_vehicles(
  p_lat float8, p_lng float8, p_radius_m int, p_starts_at timestamptz, p_ends_at timestamptz, p_kind text, p_min_seats int,
  p_brand text, p_transmission text, p_fuel text, p_min_price bigint, p_max_price bigint, p_features text[],
  p_instant_only boolean, p_min_rating numeric, p_query text, p_sort text, p_after jsonb, p_page_size int, p_with_reasons boolean
)
returns setof jsonb
language plpgsql stable security definer set search_path = ''
-- The planner expects that almost nothing passes the filters, and would sort the whole circle instead of scanning from
-- the nearest. Without sorting, the plan looks so expensive that PostgreSQL would compile it, so JIT is off too.
set enable_sort = off
set jit = off
as $$
declare
  v_point extensions.geography;
  v_key text;
  v_order text;
  v_where text := '';
  -- every word must occur somewhere; signs of patterns stand for themselves
  v_words text[] := array(
    select '%' || regexp_replace(w, '([\\%_])', '\\\1', 'g') || '%'
    from regexp_split_to_table(private.fold_text(p_query), '[-\s_./]+') w where w <> ''
  );
  -- asked once: in the query, the planner would no longer ask the calendar of each candidate by its index
  v_overdue uuid[];
  -- hosts who are left out: of a block with the caller, and suspended. A visitor has blocked nobody
  v_blocked uuid[] := private.blocked_with(auth.uid()) || array(select user_id from private.suspended_people);
  v_features text[] := array(select distinct f from unnest(p_features) f where f is not null);
begin
  if p_lat is null or p_lng is null or not (p_lat between -85 and 85) or not (p_lng between -180 and 180) then
    perform private.fail_input('lat', 'must be -85 to 85, and lng -180 to 180');
  end if;
  if p_radius_m is null or p_radius_m not between 100 and 100000 then
    perform private.fail_input('radius_m', 'must be 100 to 100000');
  end if;
  if p_page_size is null or p_page_size not between 1 and 50 then
    perform private.fail_input('page_size', 'must be 1 to 50');
  end if;
  if p_starts_at is null or p_ends_at is null or not isfinite(p_starts_at) or not isfinite(p_ends_at) then
    perform private.fail_input('starts_at', 'must be given together with ends_at');
  end if;
  if p_ends_at <= p_starts_at then
    perform private.fail('period_invalid');
  end if;
  if p_starts_at < now() then
    perform private.fail('period_in_past');
  end if;
  if p_starts_at > now() + make_interval(days => (private.setting('booking_horizon_days'))::int) or p_ends_at > p_starts_at + interval '90 days' then
    perform private.fail('period_too_long', '{"max_days": 90}');
  end if;
  if char_length(p_query) > 100 or char_length(p_brand) > 60 or cardinality(p_features) > 10 then
    perform private.fail_input('query', 'must have at most 100 characters, brand at most 60, and features at most 10 words');
  end if;
  v_point := extensions.st_setsrid(extensions.st_makepoint(p_lng, p_lat), 4326)::extensions.geography;

  case p_sort
    when 'distance' then
      v_key := 'v.public_location operator(extensions.<->) $1';
      -- ties are settled below: no index orders by distance and then by id before PostgreSQL 17
      v_order := v_key;
    when 'price' then
      v_key := 'v.price_per_day';
      v_order := v_key || ', v.id';
    when 'rating' then
      v_key := '-v.rating_rank';
      v_order := v_key || ', v.id';
    else
      perform private.fail_input('sort', 'must be distance, price or rating');
  end case;
  if p_after is not null then
    if p_after ->> 'sort' is distinct from p_sort
       or (case jsonb_typeof(p_after -> 'key') when 'number' then abs((p_after -> 'key')::numeric) > 1e15 else true end)
       or coalesce(p_after ->> 'id', '') !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
      perform private.fail_input('after', 'must be a cursor of this search');
    end if;
    v_where := v_where || format(' and (%s, v.id) > (($11 ->> ''key'')::%s, ($11 ->> ''id'')::uuid)', v_key, case p_sort when 'distance' then 'float8' else 'numeric' end);
  end if;
  v_overdue := array(select o.vehicle_id from private.overdue_vehicles o where o.blocked && tstzrange(p_starts_at, p_ends_at));
  v_where := v_where
    || case when cardinality(v_overdue) > 0 then ' and v.id <> all ($19)' else '' end
    || case when cardinality(v_blocked) > 0 then ' and v.host_id <> all ($20)' else '' end
    || case when p_kind is not null then ' and v.kind = $5' else '' end
    || case when p_min_seats is not null then ' and v.seats >= $6' else '' end
    || case when p_brand is not null then ' and private.squeeze_text(v.brand) = private.squeeze_text($7)' else '' end
    || case when p_transmission is not null then ' and v.transmission = $8' else '' end
    || case when p_fuel is not null then ' and v.fuel = $9' else '' end
    || case when p_min_price is not null then ' and v.price_per_day >= $12' else '' end
    || case when p_max_price is not null then ' and v.price_per_day <= $13' else '' end
    || case when p_instant_only then ' and v.instant_book' else '' end
    || case when p_min_rating is not null then ' and v.rating_average >= $14' else '' end
    || case when cardinality(v_words) > 0 then ' and v.search_text like all ($15)' else '' end
    || case when cardinality(v_features) > 0 then
         ' and (select count(*) from public.vehicle_features f where f.vehicle_id = v.id and f.feature = any ($16)) = cardinality($16)' else '' end;

  return query execute format($query$
    with page as (
      select v.*, %1$s as sort_key, v.public_location operator(extensions.<->) $1 as distance
      from public.vehicles v
      where v.status = 'published'
        and extensions.st_dwithin(v.public_location, $1, $2, false)
        and v.host_id is distinct from $17
        and $4 >= $3 + make_interval(hours => v.min_hours)
        and $4 <= $3 + make_interval(days => v.max_days)
        and $3 >= now() + make_interval(hours => v.notice_hours)
        -- private.is_free, written out: it is asked of every candidate
        and not exists (
          select from private.blocking_entries c
          where c.vehicle_id = v.id and c.blocked && tstzrange($3, $4 + make_interval(mins => v.buffer_minutes))
        )
        %2$s
      order by %3$s
      fetch first ($10) rows with ties
    )
    select jsonb_build_object(
      'vehicle_id', p.id, 'title', p.title, 'kind', p.kind, 'brand', p.brand, 'model', p.model, 'year', p.year,
      'seats', p.seats, 'transmission', p.transmission, 'fuel', p.fuel, 'price_per_hour', p.price_per_hour,
      'price_per_day', p.price_per_day, 'currency', p.currency, 'instant_book', p.instant_book, 'city', p.city,
      'lat', extensions.st_y(p.public_location::extensions.geometry), 'lng', extensions.st_x(p.public_location::extensions.geometry),
      'distance_m', round(p.distance::numeric, 1), 'rating_average', p.rating_average, 'rating_count', p.rating_count,
      'cover_bucket', m.bucket, 'cover_path', m.path,
      'cursor', jsonb_build_object('sort', $18, 'key', p.sort_key, 'id', p.id)
    )%4$s
    from page p
    left join public.vehicle_images i on i.vehicle_id = p.id and i.position = (select min(position) from public.vehicle_images where vehicle_id = p.id)
    left join public.media m on m.id = i.media_id and m.status = 'ready'
    order by p.sort_key, p.id
    limit $10
  $query$, v_key, v_where, v_order,
    case when p_with_reasons then $reasons$ || jsonb_build_object('reasons', array(
      select r.code from public.vehicles v, unnest(private.all_rental_reasons($17, v, $3, $4)) r where v.id = p.id)) $reasons$ end)
  using v_point, p_radius_m, p_starts_at, p_ends_at, p_kind, p_min_seats, p_brand, p_transmission, p_fuel, p_page_size,
        p_after, p_min_price, p_max_price, p_min_rating,
        v_words, v_features, auth.uid(), p_sort, v_overdue, v_blocked;
end
$$;

create function public.search_vehicles(
  lat float8, lng float8, radius_m int default 5000, starts_at timestamptz default null, ends_at timestamptz default null,
  kind text default null, min_seats int default null, brand text default null, transmission text default null,
  fuel text default null, min_price bigint default null, max_price bigint default null, features text[] default null,
  instant_only boolean default false, min_rating numeric default null, query text default null,
  sort text default 'distance', after jsonb default null, page_size int default 20, with_reasons boolean default false
)
returns setof jsonb
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.spend_read_token('search_vehicles');
  return query select private.search_vehicles($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20);
end
$$;
comment on function public.search_vehicles is 'Lists published vehicles within radius_m (100–100000) metres of a point that are free for the whole period. Vehicles of people with whom the caller has a block are left out. Rows are {vehicle_id, title, kind, brand, model, year, seats, transmission, fuel, price_per_hour, price_per_day, currency, instant_book, city, lat, lng, distance_m, rating_average, rating_count, cover_bucket, cover_path, cursor}, and with `with_reasons` also `reasons`: the codes of what is in the way of the caller, such as licence_required (what booking_eligibility says, but for the number of the caller''s bookings). They are sorted by distance, price (per day) or rating (the average, in which few reviews count less). `after` takes the cursor of the last row. Reads only. Errors: invalid_input, period_invalid, period_in_past, period_too_long, rate_limited.';
select private.expose('search_vehicles(float8, float8, int, timestamptz, timestamptz, text, int, text, text, text, bigint, bigint, text[], boolean, numeric, text, text, jsonb, int, boolean)', 'anon', 'authenticated');

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
    'host', (select to_jsonb(h) from public.public_profile(v.host_id) h)
  )
  from public.vehicles v
  where v.id = $1
$$;
comment on function public.vehicle_detail is 'Answers a listing with its photos, features and host, or null when there is none that the caller may see. lat and lng are those of the blurred public point.';
select private.expose('vehicle_detail(uuid)', 'anon', 'authenticated');

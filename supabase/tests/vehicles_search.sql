-- Vehicles: what a search finds, in which order, and what its counts say.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();
update private.rate_limits set capacity = 1000000, per_minute = 1000000;

select tests.make_renter('renter') as renter, tests.make_user('host') as host \gset
-- 60 listings that differ in everything a filter asks for, on a grid of about a kilometre
select tests.make_vehicle(:'host', jsonb_build_object('title', 'Grid ' || n, 'lat', 5.5 + (n / 8) * 0.01, 'lng', 100.5 + (n % 8) * 0.01,
  'kind', case when n % 5 = 0 then 'motorbike' else 'car' end, 'engine_cc', case when n % 5 = 0 then 110 end, 'seats', case when n % 5 = 0 then 2 else 4 + n % 4 end,
  'brand', (array['Toyota', 'Honda', 'VinFast', 'Vin Fast'])[1 + n % 4], 'transmission', case when n % 3 = 0 then 'manual' else 'automatic' end,
  'fuel', case when n % 7 = 0 and n % 5 <> 0 then 'diesel' else 'petrol' end, 'price_per_day', 300000 + (n * 7919 % 40) * 10000, 'instant_book', n % 4 <> 1,
  'features', case n % 3 when 0 then '["gps"]' when 1 then '["gps", "bluetooth"]' else '[]' end::jsonb) || case when n % 6 = 0 then '{"delivery_fee": 50000}' else '{}' end::jsonb)
from generate_series(0, 59) n;
update public.vehicles set rating_average = 2.6 + (right(title, 2)::int % 24) * 0.1, rating_count = 3 where title ~ '^Grid \d*[02468]$';

create function tests.search(p_more text default '', p_area text default 'lat => 5.53, lng => 100.53, radius_m => 20000')
returns text[]
language plpgsql stable
as $$
declare
  v_titles text[];
begin
  execute format('select coalesce(array_agg(s ->> ''title'' order by n), ''{}'') from public.search_vehicles(%s, starts_at => tests.hours(50), ends_at => tests.hours(60), page_size => 50%s) with ordinality r (s, n)',
    p_area, p_more) into v_titles;
  return v_titles;
end
$$;
-- all pages of a search
create function tests.walk(p_more text, p_sort text, p_size int)
returns text[]
language plpgsql stable
as $$
declare
  v_titles text[] := '{}';
  v_page jsonb[];
begin
  loop
    execute format('select array_agg(s order by n) from public.search_vehicles(lat => 5.53, lng => 100.53, radius_m => 20000, starts_at => tests.hours(50), ends_at => tests.hours(60), sort => %L, page_size => %s, after => %L%s) with ordinality r (s, n)',
      p_sort, p_size, v_page[cardinality(v_page)] -> 'cursor', p_more) into v_page;
    exit when v_page is null;
    v_titles := v_titles || array(select p ->> 'title' from unnest(v_page) with ordinality u (p, n) order by n);
  end loop;
  return v_titles;
end
$$;
create function tests.titles_where(p_condition text)
returns text[]
language plpgsql stable
as $$
declare
  v_titles text[];
begin
  execute format('select array_agg(v.title order by v.title) from public.vehicles v where v.title like ''Grid%%'' and %s', p_condition) into v_titles;
  return v_titles;
end
$$;
create function tests.sorted_by(p_expression text)
returns text[]
language plpgsql stable security definer
as $$
declare
  v_titles text[];
begin
  execute format('select array_agg(v.title order by %s, v.id) from public.vehicles v where v.title like ''Grid%%''', p_expression) into v_titles;
  return v_titles;
end
$$;
create function tests.with_value(p_more text, p_facet text, p_value text)
returns text
language sql stable
as $$
  select regexp_replace(p_more, ', ' || a.name || ' => [^,]*', '') || format(', %s => %L', a.name, p_value)
  from (select case p_facet when 'seats' then 'min_seats' when 'instant' then 'instant_only' when 'delivery' then 'delivery_only' when 'rating' then 'min_rating' else p_facet end as name) a
$$;
create function tests.points(p_id uuid)
returns table (point jsonb)
language sql volatile
as $$
  select jsonb_build_array(s -> 'lat', s -> 'lng')
  from generate_series(1, 20) n
  cross join lateral public.search_vehicles(lat => 5.5 + n * 0.0001, lng => 100.51, starts_at => tests.hours(50 + n), ends_at => tests.hours(60 + n), page_size => 50) s
  where s ->> 'vehicle_id' = p_id::text
$$;
create function tests.facet(p_facet text, p_more text default '')
returns jsonb
language plpgsql volatile
as $$
declare
  v_counts jsonb;
begin
  execute format('select coalesce(jsonb_object_agg(value, vehicles), ''{}'') from public.vehicle_facets(lat => 5.53, lng => 100.53, radius_m => 20000, starts_at => tests.hours(50), ends_at => tests.hours(60)%s) where facet = %L and value is not null',
    p_more, p_facet) into v_counts;
  return v_counts;
end
$$;

select tests.as_visitor();

-- boxes ------------------------------------------------------------------------------------------------------------
select is((select array_agg(t order by t) from unnest(tests.search(p_area => 'min_lat => 5.48, max_lat => 5.52, min_lng => 100.48, max_lng => 100.62')) t),
  (select array_agg(title order by title) from public.vehicles v where extensions.st_y(public_location::extensions.geometry) between 5.48 and 5.52
     and extensions.st_x(public_location::extensions.geometry) between 100.48 and 100.62), 'a search in a box finds exactly what has its public point in the box');
select cmp_ok(cardinality(tests.search(p_area => 'min_lat => 5.48, max_lat => 5.52, min_lng => 100.48, max_lng => 100.62')), '>', 5, 'the box is not empty');
select is((tests.search(p_area => 'min_lat => 5.4, max_lat => 5.7, min_lng => 100.4, max_lng => 100.7, lat => 5.53, lng => 100.53'))[1:20], (tests.search())[1:20],
  'a box with a point is sorted from the point');
select is((select array_agg(t order by t) from unnest(tests.search(p_area => 'min_lat => 5.4, max_lat => 5.53, min_lng => 100.4, max_lng => 100.7, lat => 5.53, lng => 100.53, radius_m => 2000')) t),
  (select array_agg(title order by title) from public.vehicles v where extensions.st_y(public_location::extensions.geometry) <= 5.53
     and extensions.st_dwithin(public_location, extensions.st_point(100.53, 5.53)::extensions.geography, 2000, false)), 'a box with a radius holds both');
select tests.as_owner();
select tests.make_vehicle(:'host', jsonb_build_object('title', 'Date line ' || s, 'lat', -17, 'lng', s * 179.98)) from unnest(array[-1, 1]) s;
select tests.as_visitor();
select is((select array_agg(t order by t) from unnest(tests.search(p_area => 'min_lat => -17.1, max_lat => -16.9, min_lng => 179.9, max_lng => -179.9')) t),
  array['Date line -1', 'Date line 1'], 'a box may cross the 180th meridian');
select is(tests.outcome(format('select public.search_vehicles(%s, starts_at => tests.hours(50), ends_at => tests.hours(60))', a)), 'invalid_input', 'a search is refused with ' || coalesce(nullif(a, ''), 'no area'))
from (values ('lat => null'), ('min_lat => 5'), ('min_lat => 6, max_lat => 5, min_lng => 100, max_lng => 101'), ('min_lat => 5, max_lat => 16, min_lng => 100, max_lng => 101'),
  ('min_lat => 5, max_lat => 8, min_lng => 100, max_lng => 103'), ('min_lat => ''NaN'', max_lat => 6, min_lng => 100, max_lng => 101'), ('min_lat => 5, max_lat => 6, min_lng => 100, max_lng => 100'),
  ('min_lat => 5, max_lat => 5.5, min_lng => 100, max_lng => 100.5, lat => 5')) t (a);

-- filters and counts -------------------------------------------------------------------------------------------------
select is(cardinality(tests.walk('', 'price', 7)), 60, 'the search finds all 60');
select is((select array_agg(t order by t) from unnest(tests.walk(f, 'price', 50)) t), tests.titles_where(c), 'the filter ' || f || ' finds exactly what it says')
from (values (', delivery_only => true', 'v.delivery_fee is not null'), (', min_rating => 4', 'v.rating_average >= 4'), (', instant_only => true', 'v.instant_book'),
  (', transmission => ''manual'', fuel => ''petrol''', $$v.transmission = 'manual' and v.fuel = 'petrol'$$), (', min_price => 400000, max_price => 500000', 'v.price_per_day between 400000 and 500000'),
  (', brand => ''vinfast''', $$v.brand in ('VinFast', 'Vin Fast')$$), (', features => ''{gps,bluetooth}''', $$exists (select from public.vehicle_features f where f.vehicle_id = v.id and f.feature = 'bluetooth')$$),
  (', min_seats => 6', 'v.seats >= 6')) t (f, c);
-- each count is what the same search with that value finds
create temporary table counted as
select f.more, k.facet, e.key as value, e.value::int as vehicles, cardinality(tests.walk(tests.with_value(f.more, k.facet, e.key), 'price', 50)) as listed
from (values (''), (', kind => ''car'', transmission => ''manual'''), (', features => ''{gps}'', min_seats => 5'), (', min_rating => 3.5, instant_only => true, brand => ''Honda''')) f (more)
cross join unnest(array['kind', 'seats', 'brand', 'transmission', 'fuel', 'instant', 'delivery', 'rating']) k (facet)
cross join lateral jsonb_each(tests.facet(k.facet, f.more)) e;
select is((select array_agg(c.more || ' ' || c.facet || ' ' || c.value || ': ' || c.vehicles || ' for ' || c.listed) from counted c where c.vehicles <> c.listed), null, 'each count of a facet is what the search with that value lists');
select cmp_ok(count(*), '>', 40::bigint, 'dozens of counts were compared') from counted;
select is((select array_agg(distinct facet order by facet) from counted), array['brand', 'delivery', 'fuel', 'instant', 'kind', 'rating', 'seats', 'transmission'], 'counts of every facet were compared');
select is((tests.facet('feature', f) ->> v)::int, cardinality(tests.walk(f || format(', features => %L', '{' || v || '}'), 'price', 50)), 'the count of the feature ' || v || ' with' || f || ' is what the search lists')
from unnest(array['', ', kind => ''car''']) f, unnest(array['gps', 'bluetooth']) v;
select is((select vehicles from public.vehicle_facets(lat => 5.53, lng => 100.53, radius_m => 20000, starts_at => tests.hours(50), ends_at => tests.hours(60)) limit 1), 60::bigint, 'the total comes first');
select is((select array_agg(v.facet || v.vehicles) from public.vehicle_facets(lat => 50, lng => 100.53, starts_at => tests.hours(50), ends_at => tests.hours(60)) v), array['total0'], 'where nothing is found, only the total is counted, as 0');

-- words ------------------------------------------------------------------------------------------------------------
select tests.as_owner();
select tests.make_vehicle(:'host', '{"title": "Xe tải nhỏ Đà Nẵng", "brand": "Kia", "model": "K-200 S", "lat": 6.5, "lng": 101.5}');
select tests.as_visitor();
select is(tests.search(format(', query => %L', q), 'lat => 6.5, lng => 101.5'), e, 'the words ' || q || ' find what they name')
from (values ('k200s', array['Xe tải nhỏ Đà Nẵng']), ('K 200', array['Xe tải nhỏ Đà Nẵng']), ('xe tai nho', array['Xe tải nhỏ Đà Nẵng']), ('DA NANG kia', array['Xe tải nhỏ Đà Nẵng']),
  ('Đà-Nẵng', array['Xe tải nhỏ Đà Nẵng']), ('k201', '{}'), ('kia%', '{}')) t (q, e);

-- pages ------------------------------------------------------------------------------------------------------------
select is(tests.walk('', s, n), tests.walk('', s, 50), 'pages of ' || n || ' by ' || s || ' have the order of longer ones')
from unnest(array['distance', 'price', 'rating', 'total']) s, unnest(array[1, 7]) n;
select is(cardinality(array(select distinct t from unnest(tests.walk('', s, 7)) t)), 60, 'pages by ' || s || ' show everything once') from unnest(array['distance', 'price', 'rating', 'total']) s;

select is(tests.walk('', s, 50), tests.sorted_by(e), 'a search by ' || s || ' has the order of what it sorts by')
from (values ('price', 'v.price_per_day'), ('rating', '-v.rating_rank'),
  ('total', $$(select t.total_amount from private.rental_totals(array[v.id], tests.hours(50), tests.hours(60)) t)$$),
  ('distance', 'extensions.st_distance(v.public_location, extensions.st_point(100.53, 5.53)::extensions.geography, false)')) t (s, e);

-- the point that others see ----------------------------------------------------------------------------------------
select tests.as_owner();
select id as spot, extensions.st_astext(public_location, 15) as shown from public.vehicles where title = 'Grid 1' \gset
select tests.as_user(:'host');
select is((select extensions.st_astext((public.update_vehicle(:'spot', jsonb_build_object('lat', 5.5, 'lng', 100.51, 'address', '1 Tràng Tiền, Hà Nội', 'plate', '30A-' || (10000 + n)))).public_location, 15)), :'shown', 'the public point is the same after edit ' || n || ' of its listing')
from generate_series(1, 3) n;
select tests.as_visitor();
select is((select count(*)::int from tests.points(:'spot')), 0, 'a listing that waits for a review is not found');
select tests.as_owner();
update public.vehicles set status = 'published' where id = :'spot';
select tests.as_visitor();
select is((select count(distinct point) || ' of ' || count(*) from tests.points(:'spot')), '1 of 20', 'the public point stays the same however often it is asked for');
select is((select jsonb_build_array(d -> 'lat', d -> 'lng') from public.vehicle_detail(:'spot') d), (select point from tests.points(:'spot') limit 1), 'a search shows the point that the page of the listing shows');

-- what it returns could be booked --------------------------------------------------------------------------------------
select tests.as_owner();
select is((
  select array_agg(distinct tests.outcome(format('select public.quote_facts(%L, %L, %L, %L)', :'renter', s ->> 'vehicle_id', tests.hours(50), tests.hours(60))))
  from public.search_vehicles(lat => 5.53, lng => 100.53, radius_m => 20000, starts_at => tests.hours(50), ends_at => tests.hours(60), page_size => 50) s
), array['ok'], 'everything that a search returns gets a quote at that moment');

select * from finish();
rollback;

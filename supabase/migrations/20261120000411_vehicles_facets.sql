-- Vehicles: how many vehicles each value of a filter would leave.
-- Rule kept here: a count is the number of vehicles that the same search with that value would list, in one statement. A
-- filter does not narrow its own values, so that another value can be chosen.
-- Left out on purpose: counts of prices and words, which have too many values.

create type private.vehicle_facet as (facet text, value text, vehicles bigint);
create function private.vehicle_facets(p_search private.vehicle_search)
returns setof private.vehicle_facet
language plpgsql stable security definer set search_path = ''
set jit = off
as $$
declare
  v_search private.vehicle_search := private.read_vehicle_search(p_search, auth.uid());
  v_missed text;
  v_where text;
begin
  -- The name of the one filter that a vehicle misses. One that misses two counts for nothing.
  select string_agg(format('case when %s then null else %L end', c.condition, c.facet), ', ') into v_missed
  from private.vehicle_facet_conditions(v_search) c;
  v_where := private.vehicle_search_conditions(v_search)
    || case when v_missed is null then '' else format(' and num_nonnulls(%s) < 2', v_missed) end;
  return query execute format($query$
    with found as materialized (
      select v.id, v.kind, v.seats, v.brand, v.transmission, v.fuel, v.instant_book, v.delivery_fee is not null as delivers,
        v.rating_average, %1$s as missed
      from public.vehicles v
      where %2$s
    ),
    -- vehicles that agree in all of this are counted once, with their number
    groups as materialized (
      select f.kind, f.seats, f.brand, f.transmission, f.fuel, f.instant_book, f.delivers,
        floor(f.rating_average * 2) / 2 as rating, f.missed, count(*) as vehicles
      from found f
      group by f.kind, f.seats, f.brand, f.transmission, f.fuel, f.instant_book, f.delivers, floor(f.rating_average * 2) / 2, f.missed
    ),
    counts as (
      select 'total' as facet, null as value, coalesce(sum(g.vehicles), 0) as vehicles from groups g where g.missed is null
      union all
      select 'kind', g.kind, sum(g.vehicles) from groups g where g.missed is null or g.missed = 'kind' group by 2
      union all
      select 'seats', n.seats::text, sum(g.vehicles)
      from groups g join (select distinct x.seats from groups x) n on g.seats >= n.seats
      where g.missed is null or g.missed = 'seats' group by 2
      union all
      -- one brand may be written in several ways; each way is squeezed once
      select 'brand', min(b.brand), sum(b.vehicles)
      from (select g.brand, sum(g.vehicles) as vehicles from groups g where g.missed is null or g.missed = 'brand' group by g.brand) b
      group by private.squeeze_text(b.brand)
      union all
      select 'transmission', g.transmission, sum(g.vehicles) from groups g where g.missed is null or g.missed = 'transmission' group by 2
      union all
      select 'fuel', g.fuel, sum(g.vehicles) from groups g where g.missed is null or g.missed = 'fuel' group by 2
      union all
      select 'instant', 'true', sum(g.vehicles) from groups g where g.instant_book and (g.missed is null or g.missed = 'instant') having count(*) > 0
      union all
      select 'delivery', 'true', sum(g.vehicles) from groups g where g.delivers and (g.missed is null or g.missed = 'delivery') having count(*) > 0
      union all
      select 'rating', r.least::text, sum(g.vehicles)
      from groups g join (values (3::numeric), (3.5), (4), (4.5)) r (least) on g.rating >= r.least
      where g.missed is null or g.missed = 'rating' group by 2
      union all
      select 'feature', x.feature, count(*)
      from found f join public.vehicle_features x on x.vehicle_id = f.id
      where f.missed is null group by 2
    )
    select c.facet, c.value, c.vehicles::bigint from counts c order by c.facet <> 'total', c.facet, c.vehicles desc, c.value
  $query$, format('coalesce(%s)', coalesce(v_missed, 'null::text')), v_where)
  using v_search;
end
$$;

create function public.vehicle_facets(
  lat float8 default null, lng float8 default null, radius_m int default null, starts_at timestamptz default null, ends_at timestamptz default null,
  kind text default null, min_seats int default null, brand text default null, transmission text default null,
  fuel text default null, min_price bigint default null, max_price bigint default null, features text[] default null,
  instant_only boolean default false, min_rating numeric default null, query text default null,
  delivery_only boolean default false, min_lat float8 default null, min_lng float8 default null, max_lat float8 default null, max_lng float8 default null
)
returns table (facet text, value text, vehicles bigint)
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.spend_read_token('search_vehicles');
  return query select * from private.vehicle_facets(row($1, $2, $3, min_lat, min_lng, max_lat, max_lng, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
    $14, delivery_only, $15, $16, null, null, null, null, null, null, null)::private.vehicle_search);
end
$$;
comment on function public.vehicle_facets is 'Counts the vehicles that search_vehicles with the same arguments lists (facet total), and for each value of a filter those that it would list with that value: kind, seats and rating (at least so many), brand, transmission, fuel, instant, delivery and feature (beside the features asked for). A filter does not narrow its own values. Values without a vehicle are left out. The largest count of a facet comes first. Reads only. Errors: invalid_input, period_invalid, period_in_past, period_too_long, rate_limited.';
select private.expose('vehicle_facets(float8, float8, int, timestamptz, timestamptz, text, int, text, text, text, bigint, bigint, text[], boolean, numeric, text, boolean, float8, float8, float8, float8)', 'anon', 'authenticated');
revoke all on function private.vehicle_facets(private.vehicle_search) from public, anon, authenticated, service_role;
grant execute on function private.vehicle_facets(private.vehicle_search) to anon, authenticated;

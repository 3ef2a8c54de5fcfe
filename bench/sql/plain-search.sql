-- The search as one would first write it: the same rows and columns as public.search_vehicles, for the
-- filters measured, from the same tables and indexes. Distances are on the sphere, as there, so that the
-- order is comparable; that is the cheaper of the two and favours this side.
create or replace function bench.plain_search(
  p_lat float8, p_lng float8, p_radius_m int, p_starts_at timestamptz, p_ends_at timestamptz, p_kind text, p_max_price bigint
)
returns setof jsonb
language plpgsql stable security definer set search_path = public, extensions
as $$
declare
  v_point geography := st_setsrid(st_makepoint(p_lng, p_lat), 4326)::geography;
begin
  return query
    select to_jsonb(r)
    from (
      select v.id as vehicle_id, v.title, v.kind, v.brand, v.model, v.year, v.seats, v.transmission, v.fuel,
             v.price_per_hour, v.price_per_day, v.currency, v.instant_book, v.city,
             st_y(v.public_location::geometry) as lat, st_x(v.public_location::geometry) as lng,
             st_distance(v.public_location, v_point, false) as distance_m, v.rating_average, v.rating_count,
             (select m.path from vehicle_images i join media m on m.id = i.media_id
              where i.vehicle_id = v.id order by i.position limit 1) as cover_path
      from vehicles v
      where v.status = 'published'
        and st_dwithin(v.public_location, v_point, p_radius_m, false)
        and v.kind = p_kind
        and v.price_per_day <= p_max_price
        and v.host_id <> auth.uid()
        and p_ends_at - p_starts_at between make_interval(hours => v.min_hours) and make_interval(days => v.max_days)
        and p_starts_at >= now() + make_interval(hours => v.notice_hours)
        and not exists (
          select from calendar_entries c
          where c.vehicle_id = v.id
            and c.blocked && tstzrange(p_starts_at, p_ends_at + make_interval(mins => v.buffer_minutes))
            and (c.kind <> 'hold' or c.expires_at > now())
        )
      order by st_distance(v.public_location, v_point, false), v.id
      limit 20
    ) r;
end
$$;
grant execute on function bench.plain_search to authenticated;

-- The calendar of a vehicle as a bare read of its index, without holds that are over, hours, and the question who may see it.
create or replace function bench.plain_calendar(p_vehicle_id uuid, p_from timestamptz, p_to timestamptz)
returns table (starts_at timestamptz, ends_at timestamptz, kind text)
language plpgsql stable security definer set search_path = public, extensions
as $$
begin
  return query
    select lower(c.blocked), upper(c.blocked), c.kind
    from calendar_entries c
    where c.vehicle_id = p_vehicle_id and c.blocked && tstzrange(p_from, p_to);
end
$$;
grant execute on function bench.plain_calendar to authenticated;

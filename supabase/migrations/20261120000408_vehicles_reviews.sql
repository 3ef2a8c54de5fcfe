-- Vehicles: listings that wait for a review.
-- Rule kept here: an admin sees everything that a review looks at in one row, with the revision that is decided on, also
-- which other listings have the plate.
-- Left out on purpose: the decision, which is review_vehicle.

-- Since when a listing waits: its last move into the review.
create function private.waiting_since(p_vehicle_id uuid)
returns timestamptz
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select e.occurred_at from private.domain_events e
    where e.subject_id = p_vehicle_id and e.machine = 'vehicle' and e.to_state = 'pending_review'
    order by e.id desc
    limit 1
  );
end
$$;

create function private.vehicles_to_review(p_after jsonb, p_page_size int)
returns table (
  id uuid, host_id uuid, host_name text, revision int, waiting_since timestamptz, published_at timestamptz, kind text, brand text,
  model text, year int, seats int, transmission text, fuel text, engine_cc int, power_kw numeric, top_speed_kmh int, gross_mass_kg int, title text,
  description text, city text, address text, plate text, lat float8, lng float8, price_per_hour bigint, price_per_day bigint,
  security_deposit bigint, daily_km_allowance int, excess_km_fee bigint, features text[], images jsonb, same_plate jsonb, claim jsonb
)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_start private.page_start := private.read_page(p_after, 'waiting_since', p_page_size);
begin
  perform private.require_staff();
  return query
    select v.id, v.host_id, h.display_name, v.revision, w.since, v.published_at, v.kind, v.brand,
      v.model, v.year, v.seats, v.transmission, v.fuel, v.engine_cc, v.power_kw, v.top_speed_kmh, v.gross_mass_kg, v.title,
      v.description, v.city, l.address, l.plate, extensions.st_y(l.location::extensions.geometry), extensions.st_x(l.location::extensions.geometry),
      v.price_per_hour, v.price_per_day, v.security_deposit, v.daily_km_allowance, v.excess_km_fee,
      array(select f.feature from public.vehicle_features f where f.vehicle_id = v.id order by f.feature),
      (
        select coalesce(jsonb_agg(jsonb_build_object('media_id', i.media_id, 'bucket', m.bucket, 'path', m.path, 'status', m.status, 'position', i.position) order by i.position), '[]')
        from public.vehicle_images i
        join public.media m on m.id = i.media_id
        where i.vehicle_id = v.id
      ),
      (
        select coalesce(jsonb_agg(jsonb_build_object(
          'vehicle_id', o.id, 'host_id', o.host_id, 'title', o.title, 'status', o.status) order by o.created_at), '[]')
        from public.vehicle_locations ol
        join public.vehicles o on o.id = ol.vehicle_id and o.status not in ('draft', 'archived')
        where ol.plate_key = l.plate_key and ol.vehicle_id <> v.id
      ),
      private.review_claim('vehicle', v.id)
    from public.vehicles v
    join public.profiles h on h.id = v.host_id
    join public.vehicle_locations l on l.vehicle_id = v.id
    cross join lateral (select private.waiting_since(v.id) as since) w
    where v.status = 'pending_review' and (v_start.id is null or (w.since, v.id) > (v_start.at, v_start.id))
    order by w.since, v.id
    limit p_page_size;
end
$$;
create function public.vehicles_to_review(after jsonb default null, page_size int default 20)
returns table (
  id uuid, host_id uuid, host_name text, revision int, waiting_since timestamptz, published_at timestamptz, kind text, brand text,
  model text, year int, seats int, transmission text, fuel text, engine_cc int, power_kw numeric, top_speed_kmh int, gross_mass_kg int, title text,
  description text, city text, address text, plate text, lat float8, lng float8, price_per_hour bigint, price_per_day bigint,
  security_deposit bigint, daily_km_allowance int, excess_km_fee bigint, features text[], images jsonb, same_plate jsonb, claim jsonb
)
language sql stable set search_path = ''
as $$ select * from private.vehicles_to_review($1, $2) $$;
comment on function public.vehicles_to_review is 'Support: lists listings that wait for a review, the longest waiting first, with what a review looks at. `images` are {media_id, bucket, path, position}. `same_plate` names other listings with this plate that are offered, suspended or wait too: [{vehicle_id, host_id, title, status}]. `published_at` is null for a listing that was never offered. `claim` says who works on it, {claimed_by, claimed_by_name, claimed_at, expires_at}, or is null. `after` takes {waiting_since, id} of the last row. Errors: forbidden, invalid_input.';
select private.expose('vehicles_to_review(jsonb, int)', 'authenticated');

insert into private.review_kinds (kind, relation, waits_as) values ('vehicle', 'public.vehicles', 'pending_review');
create trigger drop_review_claim after update of status on public.vehicles
  for each row when (old.status = 'pending_review' and new.status <> old.status) execute function private.drop_review_claim('vehicle');

create function private.count_vehicles_to_review()
returns bigint
language sql stable set search_path = ''
as $$ select count(*) from public.vehicles where status = 'pending_review' $$;

create function private.count_vehicles_to_review_hours()
returns bigint
language sql stable set search_path = ''
as $$
  select coalesce(floor(extract(epoch from now() - min(private.waiting_since(v.id))) / 3600), 0)::bigint
  from public.vehicles v where v.status = 'pending_review'
$$;

insert into private.health_counts (name, description) values
  ('vehicles_to_review', 'Listings that wait for a review.'),
  ('vehicles_to_review_hours', 'Whole hours that the oldest listing has waited for a review.');

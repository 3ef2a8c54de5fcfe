-- Vehicles: hosts write their listings.
-- Rule kept here: only the host edits a listing; unknown fields are refused, not ignored; an edit of what
-- was reviewed goes back to review.
-- Left out on purpose: the rules for a period, which search, quotes and bookings share (vehicles_calendar).

create function private.fuzz_point(p_host_id uuid, p_location extensions.geography)
returns extensions.geography
language sql stable set search_path = ''
as $$
  select extensions.st_project(
    c.cell,
    (f.value ->> 'min')::float8 + ((f.value ->> 'max')::float8 - (f.value ->> 'min')::float8) * (get_byte(h.value, 0) * 256 + get_byte(h.value, 1)) / 65535.0,
    2 * pi() * (get_byte(h.value, 2) * 256 + get_byte(h.value, 3)) / 65536.0
  )
  from (select private.setting('fuzz_metres') as value) f,
       -- squares of about 110 metres
       (select extensions.st_snaptogrid(p_location::extensions.geometry, 0.001)::extensions.geography as cell) c,
       lateral (select private.keyed_hash('fuzz:' || p_host_id || ':' || extensions.st_astext(c.cell, 3)) as value) h
$$;
comment on function private.fuzz_point is 'The public point of a host''s listing: the middle of the square its true point lies in, moved by a distance and angle that depend on host, square and this database''s key. Listings of one host at one place share it, so their average reveals nothing, and a move gives another one.';

create function private.point_from(p_details jsonb)
returns extensions.geography
language plpgsql immutable set search_path = ''
as $$
declare
  v_lat float8;
  v_lng float8;
begin
  if jsonb_typeof(p_details -> 'lat') is distinct from 'number' or jsonb_typeof(p_details -> 'lng') is distinct from 'number' then
    perform private.fail_input('lat', 'must be a number, and so must lng');
  end if;
  v_lat := (p_details ->> 'lat')::float8;
  v_lng := (p_details ->> 'lng')::float8;
  if v_lat not between -85 and 85 or v_lng not between -180 and 180 then
    perform private.fail_input('lat', 'must be on the map');
  end if;
  return extensions.st_setsrid(extensions.st_makepoint(v_lng, v_lat), 4326)::extensions.geography;
end
$$;

-- Lays the client's details over a vehicle row. Knows every field a host may set.
create function private.apply_vehicle_details(p_vehicle public.vehicles, p_details jsonb)
returns public.vehicles
language plpgsql stable set search_path = ''
as $$
declare
  v_allowed constant text[] := array[
    'kind', 'brand', 'model', 'year', 'seats', 'transmission', 'fuel', 'engine_cc',
    'power_kw', 'top_speed_kmh', 'gross_mass_kg', 'title', 'description', 'city', 'price_per_hour', 'price_per_day', 'weekend_bps', 'long_stay_days', 'long_stay_discount_bps', 'delivery_fee',
    'security_deposit', 'daily_km_allowance', 'excess_km_fee', 'instant_book', 'cancellation_policy',
    'min_hours', 'max_days', 'notice_hours', 'buffer_minutes', 'time_zone',
    'lat', 'lng', 'address', 'plate', 'features'
  ];
  v_texts constant text[] := array[
    'kind', 'brand', 'model', 'transmission', 'fuel', 'title', 'description', 'city', 'cancellation_policy', 'time_zone', 'address', 'plate'
  ];
  v_unknown text;
  v_wrong text;
  v_vehicle public.vehicles;
begin
  if jsonb_typeof(p_details) is distinct from 'object' then
    perform private.fail_input('details', 'must be an object');
  end if;
  select k into v_unknown from jsonb_object_keys(p_details) k where k <> all (v_allowed) limit 1;
  if found then
    perform private.fail('unknown_field', jsonb_build_object('field', v_unknown));
  end if;
  -- jsonb_populate_record would write an object or a number into a text column as its source
  select k.key into v_wrong
  from jsonb_each(p_details) k
  where jsonb_typeof(k.value) <> 'null' and jsonb_typeof(k.value) <> case
    when k.key = any (v_texts) then 'string'
    when k.key = 'instant_book' then 'boolean'
    when k.key = 'features' then 'array'
    else 'number'
  end
  limit 1;
  if found then
    perform private.fail_input(v_wrong, 'wrong type');
  end if;
  select k.key into v_wrong
  from jsonb_each(p_details) k
  where jsonb_typeof(k.value) = 'number' and k.key not in ('lat', 'lng', 'power_kw')
    and (abs(k.value::numeric) > 2147483647 or k.value::numeric <> trunc(k.value::numeric))
  limit 1;
  if found then
    perform private.fail_input(v_wrong, 'must be a whole number in range');
  end if;
  v_vehicle := jsonb_populate_record(p_vehicle, p_details);
  v_vehicle.brand := private.tidy_text(v_vehicle.brand);
  v_vehicle.model := private.tidy_text(v_vehicle.model);
  v_vehicle.title := private.tidy_text(v_vehicle.title);
  v_vehicle.city := private.tidy_text(v_vehicle.city);
  v_vehicle.description := private.tidy_lines(v_vehicle.description);
  return v_vehicle;
end
$$;

-- Place and plate as they are stored.
create function private.location_from(p_vehicle_id uuid, p_details jsonb)
returns public.vehicle_locations
language plpgsql immutable set search_path = ''
as $$
declare
  v_location public.vehicle_locations;
begin
  v_location.vehicle_id := p_vehicle_id;
  v_location.location := private.point_from(p_details);
  v_location.address := private.tidy_text(p_details ->> 'address');
  v_location.plate := upper(regexp_replace(normalize(p_details ->> 'plate', nfc), '\s', '', 'g'));
  return v_location;
end
$$;

-- Answers whether place or plate become others. A suspended listing keeps its plate: it may be offered again without a
-- review, and a refusal of one plate would tell that it is here.
create function private.is_moved(p_vehicle public.vehicles, p_to public.vehicle_locations)
returns boolean
language plpgsql stable set search_path = ''
as $$
declare
  v_from public.vehicle_locations;
begin
  select * into v_from from public.vehicle_locations where vehicle_id = p_vehicle.id;
  if p_vehicle.status = 'suspended' and p_to.plate is distinct from v_from.plate then
    perform private.fail_input('plate', 'must stay while the listing is suspended');
  end if;
  return (v_from.location::text, v_from.address, v_from.plate) is distinct from (p_to.location::text, p_to.address, p_to.plate);
end
$$;

-- Answers whether the features changed.
create function private.set_vehicle_features(p_vehicle_id uuid, p_features jsonb)
returns boolean
language plpgsql volatile set search_path = ''
as $$
declare
  v_features text[];
begin
  if jsonb_typeof(p_features) is distinct from 'array' or jsonb_array_length(p_features) > 30 then
    perform private.fail_input('features', 'must be an array of at most 30 words');
  end if;
  if exists (select from jsonb_array_elements_text(p_features) f where f is null or f !~ '^[a-z][a-z0-9_]{1,39}$') then
    perform private.fail_input('features', 'must be words in lower case, like child_seat');
  end if;
  v_features := array(select distinct f from jsonb_array_elements_text(p_features) f order by f);
  if exists (select from unnest(v_features) u (feature) where u.feature not in (select k.feature from private.features k)) then
    perform private.fail_input('features', 'must be words of feature_catalogue');
  end if;
  if v_features = array(select f.feature from public.vehicle_features f where f.vehicle_id = p_vehicle_id order by f.feature) then
    return false;
  end if;
  delete from public.vehicle_features where vehicle_id = p_vehicle_id;
  insert into public.vehicle_features (vehicle_id, feature) select p_vehicle_id, f from unnest(v_features) f;
  return true;
end
$$;

-- The field that a failed constraint or cast is about, for the client.
create function private.fail_vehicle_field(p_constraint text, p_column text, p_message text)
returns void
language sql stable set search_path = ''
as $$
  select private.fail_input(
    coalesce(
      substring(p_constraint from '^vehicle(?:s|_locations|_features)_(.*)_(?:range|length|known|form|tidy|fit)$'),
      nullif(p_column, ''), 'details'
    ),
    case when p_constraint like '%\_fit' then 'does not fit kind and fuel' when p_constraint <> '' then 'out of range' when p_column <> '' then 'required' else left(p_message, 200) end
  )
$$;

create function private.create_vehicle(p_details jsonb, p_idempotency_key uuid)
returns public.vehicles
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_host_id uuid := private.require_user();
  v_stored jsonb;
  v_vehicle public.vehicles;
  v_location public.vehicle_locations;
  v_constraint text;
  v_column text;
  v_message text;
begin
  v_stored := private.begin_command('create_vehicle', p_idempotency_key, jsonb_build_object('details', p_details));
  if v_stored is not null then
    return jsonb_populate_record(null::public.vehicles, v_stored);
  end if;
  perform private.require_not_suspended(v_host_id);
  perform private.take_token('create_vehicle', v_host_id::text);
  v_vehicle.id := gen_random_uuid();
  v_vehicle := private.apply_vehicle_details(v_vehicle, jsonb_build_object(
    'description', '', 'weekend_bps', 0, 'long_stay_days', 7, 'long_stay_discount_bps', 0, 'security_deposit', 0,
    'instant_book', true, 'cancellation_policy', 'moderate', 'min_hours', 1, 'max_days', 30, 'notice_hours', 0,
    'buffer_minutes', 0, 'time_zone', 'Asia/Ho_Chi_Minh'
  ) || p_details);
  insert into public.vehicles (
    id, host_id, kind, brand, model, year, seats, transmission, fuel, engine_cc, power_kw, top_speed_kmh, gross_mass_kg, title,
    description, city, price_per_hour, price_per_day, weekend_bps, long_stay_days, long_stay_discount_bps, delivery_fee, security_deposit,
    daily_km_allowance, excess_km_fee, instant_book, cancellation_policy, min_hours, max_days, notice_hours,
    buffer_minutes, time_zone, public_location
  ) values (
    v_vehicle.id, v_host_id, v_vehicle.kind, v_vehicle.brand, v_vehicle.model, v_vehicle.year, v_vehicle.seats,
    v_vehicle.transmission, v_vehicle.fuel, v_vehicle.engine_cc, v_vehicle.power_kw, v_vehicle.top_speed_kmh,
    v_vehicle.gross_mass_kg, v_vehicle.title, v_vehicle.description, v_vehicle.city,
    v_vehicle.price_per_hour, v_vehicle.price_per_day, v_vehicle.weekend_bps, v_vehicle.long_stay_days,
    v_vehicle.long_stay_discount_bps, v_vehicle.delivery_fee, v_vehicle.security_deposit, v_vehicle.daily_km_allowance,
    v_vehicle.excess_km_fee, v_vehicle.instant_book, v_vehicle.cancellation_policy, v_vehicle.min_hours,
    v_vehicle.max_days, v_vehicle.notice_hours, v_vehicle.buffer_minutes,
    v_vehicle.time_zone, private.fuzz_point(v_host_id, private.point_from(p_details))
  )
  returning * into v_vehicle;
  v_location := private.location_from(v_vehicle.id, p_details);
  insert into public.vehicle_locations (vehicle_id, is_listed, location, address, plate)
  values (v_location.vehicle_id, v_vehicle.is_listed, v_location.location, v_location.address, v_location.plate);
  perform private.set_vehicle_features(v_vehicle.id, coalesce(p_details -> 'features', '[]'));
  perform private.finish_command(p_idempotency_key, to_jsonb(v_vehicle));
  return v_vehicle;
exception
  when check_violation or not_null_violation or invalid_text_representation or numeric_value_out_of_range
    or invalid_parameter_value or datetime_field_overflow then
    get stacked diagnostics v_constraint = constraint_name, v_column = column_name, v_message = message_text;
    perform private.fail_vehicle_field(v_constraint, v_column, v_message);
    return null;
end
$$;

create function public.create_vehicle(details jsonb, idempotency_key uuid)
returns public.vehicles
language sql volatile set search_path = ''
as $$ select private.create_vehicle(details, idempotency_key) $$;
comment on function public.create_vehicle is 'Creates a draft listing of the caller. `details` must have kind, brand, model, year, seats, transmission, fuel, title, city, price_per_hour, price_per_day (VND), lat, lng, address, plate. A motorbike must have engine_cc, or power_kw when it is electric. It may have top_speed_kmh (a motorbike), gross_mass_kg (a car registered for goods), description, weekend_bps, long_stay_days, long_stay_discount_bps, delivery_fee, security_deposit, daily_km_allowance, excess_km_fee, instant_book, cancellation_policy, min_hours, max_days, notice_hours, buffer_minutes, time_zone, features[]. Errors: invalid_input, unknown_field, account_suspended, rate_limited.';
select private.expose_limited('create_vehicle(jsonb, uuid)', 'create_vehicle', 'auth.uid()', 'authenticated');

-- The listing, locked, if it is the actor's.
create function private.own_vehicle(p_vehicle_id uuid)
returns public.vehicles
language plpgsql volatile set search_path = ''
as $$
declare
  v_host_id uuid := private.require_user();
  v_vehicle public.vehicles;
begin
  select * into v_vehicle from public.vehicles where id = p_vehicle_id and host_id = v_host_id for no key update;
  if not found then
    perform private.fail('vehicle_not_found');
  end if;
  return v_vehicle;
end
$$;

create function private.update_vehicle(p_vehicle_id uuid, p_details jsonb)
returns public.vehicles
language plpgsql volatile security definer set search_path = ''
as $$
declare
  -- what a review looks at: what the vehicle is, what decides safety and licence, and what is charged beyond the price
  v_reviewed constant text[] := array['kind', 'brand', 'model', 'year', 'seats', 'transmission', 'fuel', 'engine_cc', 'power_kw', 'top_speed_kmh',
    'gross_mass_kg', 'title', 'description', 'city', 'security_deposit', 'daily_km_allowance', 'excess_km_fee', 'public_location'];
  v_location constant text[] := array['lat', 'lng', 'address', 'plate'];
  v_old public.vehicles := private.own_vehicle(p_vehicle_id);
  v_new public.vehicles;
  v_place public.vehicle_locations;
  v_is_edited boolean := false;
  v_constraint text;
  v_column text;
  v_message text;
begin
  if v_old.status = 'archived' then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'vehicle', 'from', 'archived', 'to', 'archived'));
  end if;
  v_new := private.apply_vehicle_details(v_old, p_details);
  if p_details ?| v_location then
    if not p_details ?& v_location then
      perform private.fail_input('lat', 'must be changed together with lng, address and plate');
    end if;
    v_new.public_location := private.fuzz_point(v_new.host_id, private.point_from(p_details));
    v_place := private.location_from(v_new.id, p_details);
    v_is_edited := private.is_moved(v_old, v_place);
  end if;
  if p_details ? 'features' then
    v_is_edited := private.set_vehicle_features(v_new.id, p_details -> 'features') or v_is_edited;
  end if;
  v_is_edited := v_is_edited or exists (
    select from unnest(v_reviewed) r where to_jsonb(v_old) -> r is distinct from to_jsonb(v_new) -> r
  );
  update public.vehicles
  set kind = v_new.kind, brand = v_new.brand, model = v_new.model, year = v_new.year, seats = v_new.seats,
      transmission = v_new.transmission, fuel = v_new.fuel, engine_cc = v_new.engine_cc, power_kw = v_new.power_kw,
      top_speed_kmh = v_new.top_speed_kmh, gross_mass_kg = v_new.gross_mass_kg, title = v_new.title,
      description = v_new.description, city = v_new.city, price_per_hour = v_new.price_per_hour,
      price_per_day = v_new.price_per_day, weekend_bps = v_new.weekend_bps, long_stay_days = v_new.long_stay_days,
      long_stay_discount_bps = v_new.long_stay_discount_bps, delivery_fee = v_new.delivery_fee,
      security_deposit = v_new.security_deposit, daily_km_allowance = v_new.daily_km_allowance,
      excess_km_fee = v_new.excess_km_fee, instant_book = v_new.instant_book,
      cancellation_policy = v_new.cancellation_policy, min_hours = v_new.min_hours, max_days = v_new.max_days,
      notice_hours = v_new.notice_hours, buffer_minutes = v_new.buffer_minutes, time_zone = v_new.time_zone,
      public_location = v_new.public_location,
      revision = revision + v_is_edited::int,
      status = case when status = 'published' and v_is_edited then 'pending_review' else status end
  where id = p_vehicle_id
  returning * into v_new;
  -- after the status: a listing with a new plate is not offered, so the plate of another one does not refuse it
  if v_place.vehicle_id is not null then
    update public.vehicle_locations
    set location = v_place.location, address = v_place.address, plate = v_place.plate
    where vehicle_id = p_vehicle_id;
  end if;
  return v_new;
exception
  when check_violation or not_null_violation or invalid_text_representation or numeric_value_out_of_range
    or invalid_parameter_value or datetime_field_overflow then
    get stacked diagnostics v_constraint = constraint_name, v_column = column_name, v_message = message_text;
    perform private.fail_vehicle_field(v_constraint, v_column, v_message);
    return null;
end
$$;

create function public.update_vehicle(vehicle_id uuid, details jsonb)
returns public.vehicles
language sql volatile set search_path = ''
as $$ select private.update_vehicle(vehicle_id, details) $$;
comment on function public.update_vehicle is 'Changes the given fields of the caller''s listing. A published listing goes back to review when a field changes that a review looks at: what the vehicle is, what decides safety and the licence, place, plate, features, deposit and kilometres. Changes of prices and times do not need a review. Repeatable. Errors: vehicle_not_found, invalid_input, unknown_field, illegal_transition.';
select private.expose('update_vehicle(uuid, jsonb)', 'authenticated');

-- Demo data for local work: one admin, three hosts, a renter with a verified licence, and 36 published
-- vehicles around Hanoi, Da Nang and Ho Chi Minh City. Deterministic; never for production.
-- Everybody's password is `journey-demo`.

with people (id, email, display_name) as (
  values
    ('a0000000-0000-4000-8000-000000000001'::uuid, 'admin@journey.example', 'Demo Admin'),
    ('a0000000-0000-4000-8000-000000000011', 'host.hanoi@journey.example', 'Demo Host Hà Nội'),
    ('a0000000-0000-4000-8000-000000000012', 'host.danang@journey.example', 'Demo Host Đà Nẵng'),
    ('a0000000-0000-4000-8000-000000000013', 'host.saigon@journey.example', 'Demo Host Sài Gòn'),
    ('a0000000-0000-4000-8000-000000000021', 'renter@journey.example', 'Demo Renter')
),
users as (
  -- the empty tokens are what Supabase Auth expects of accounts it did not make itself
  insert into auth.users (
    id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data, raw_user_meta_data,
    confirmation_token, recovery_token, email_change, email_change_token_new, email_change_token_current,
    reauthentication_token, created_at, updated_at
  )
  select
    id, 'authenticated', 'authenticated', email, extensions.crypt('journey-demo', extensions.gen_salt('bf', 8)), now(),
    '{"provider": "email", "providers": ["email"]}', jsonb_build_object('display_name', display_name, 'locale', 'en'),
    '', '', '', '', '', '', now(), now()
  from people
  returning id, email
)
insert into auth.identities (id, provider, provider_id, user_id, identity_data, last_sign_in_at, created_at, updated_at)
select id, 'email', id::text, id, jsonb_build_object('sub', id, 'email', email, 'email_verified', true), now(), now(), now()
from users;

do $$
begin
  -- a column of Supabase Auth that not every stack has
  if exists (select from information_schema.columns where table_schema = 'auth' and table_name = 'users' and column_name = 'instance_id') then
    update auth.users set instance_id = '00000000-0000-0000-0000-000000000000' where email like '%@journey.example';
  end if;
end
$$;

insert into public.user_roles (user_id, role) values ('a0000000-0000-4000-8000-000000000001', 'admin');

-- Twelve listings per city, from a short list of makes; every third asks the host first.
with cities (n, host_id, city, street, plate, lat, lng) as (
  values
    (0, 'a0000000-0000-4000-8000-000000000011'::uuid, 'Hà Nội', 'Phố Huế', '30A', 21.0285, 105.8542),
    (1, 'a0000000-0000-4000-8000-000000000012', 'Đà Nẵng', 'Nguyễn Văn Linh', '43A', 16.0544, 108.2022),
    (2, 'a0000000-0000-4000-8000-000000000013', 'Hồ Chí Minh', 'Lê Lợi', '51A', 10.7769, 106.7009)
),
makes (m, kind, brand, model, year, seats, transmission, fuel, engine_cc, price_per_hour, price_per_day, security_deposit) as (
  values
    (0, 'car', 'Toyota', 'Vios', 2022, 5, 'automatic', 'petrol', 1496, 90000, 800000, 3000000),
    (1, 'car', 'VinFast', 'VF 5', 2024, 5, 'automatic', 'electric', null, 95000, 850000, 3000000),
    (2, 'car', 'Mitsubishi', 'Xpander', 2023, 7, 'automatic', 'petrol', 1499, 110000, 1000000, 5000000),
    (3, 'car', 'Kia', 'Morning', 2021, 4, 'manual', 'petrol', 1248, 70000, 600000, 2000000),
    (4, 'motorbike', 'Honda', 'Wave Alpha', 2023, 2, 'manual', 'petrol', 110, 15000, 120000, 500000),
    (5, 'motorbike', 'Yamaha', 'Exciter', 2022, 2, 'manual', 'petrol', 155, 25000, 200000, 1000000)
),
listings as (
  select
    ('b0000000-0000-4000-8000-0000000' || lpad((c.n * 1000 + m.m * 10 + k.k)::text, 5, '0'))::uuid as id, c.*, m.*, k.k,
    extensions.st_setsrid(extensions.st_makepoint(
      c.lng + sin(m.m * 2 + k.k * 7 + c.n) * 0.03, c.lat + cos(m.m * 3 + k.k * 5 + c.n) * 0.03), 4326)::extensions.geography as location
  from cities c cross join makes m cross join generate_series(0, 1) as k (k)
),
vehicles as (
  insert into public.vehicles (
    id, host_id, kind, brand, model, year, seats, transmission, fuel, engine_cc, title, description, city, price_per_hour,
    price_per_day, weekend_bps, long_stay_discount_bps, delivery_fee, security_deposit, daily_km_allowance, excess_km_fee,
    instant_book, cancellation_policy, min_hours, buffer_minutes, public_location, status
  )
  select
    id, host_id, kind, brand, model, year, seats, transmission, fuel, engine_cc, brand || ' ' || model || ' ' || city,
    'Xe sạch, bảo dưỡng định kỳ.', city, price_per_hour, price_per_day, 1000, 1000, case when k = 0 then 100000 end,
    security_deposit, 300, 3000, (m + k) % 3 <> 2, (array['flexible', 'moderate', 'strict'])[1 + (m + k) % 3], 4, 30,
    private.fuzz_point(host_id, location), 'draft'
  from listings
  returning id
),
locations as (
  insert into public.vehicle_locations (vehicle_id, is_listed, location, address, plate)
  select id, false, location, (10 + m * 2 + k) || ' ' || street || ', ' || city, plate || '-' || lpad((n * 100 + m * 10 + k)::text, 3, '0') || '.' || lpad((m * 7 + k)::text, 2, '0')
  from listings
)
insert into public.vehicle_features (vehicle_id, feature)
select l.id, f.feature
from listings l
cross join lateral unnest(case l.kind when 'car' then array['air_conditioning', 'bluetooth', 'reverse_camera'] else array['helmet', 'phone_holder'] end) f (feature);

-- a seed brings no files, so these listings have no photos
alter table public.vehicles disable trigger require_photo;
update public.vehicles set status = 'pending_review' where id::text like 'b0000000-%';
update public.vehicles set status = 'published', published_at = now() where id::text like 'b0000000-%';
alter table public.vehicles enable trigger require_photo;

-- The demo renter's licence: its photos are not stored, so the upload tickets stay what they are: reserved.
with photos as (
  insert into public.media (owner_id, purpose, bucket, path, mime_type, byte_size, sha256)
  select 'a0000000-0000-4000-8000-000000000021', 'licence', 'licences',
         'a0000000-0000-4000-8000-000000000021/demo-' || side || '.jpeg', 'image/jpeg', 1, repeat('0', 64)
  from unnest(array['front', 'back']) side
  returning id, path
)
insert into public.driver_licences (
  user_id, number_hash, number_last4, full_name, date_of_birth, classes, issued_on, valid_until, front_media_id, back_media_id, status
)
select 'a0000000-0000-4000-8000-000000000021', private.keyed_hash('licence:DEMO790123'), '0123', 'Demo Renter', date '1990-05-20', '{A,B}',
       date '2025-03-01', date '2045-12-31', (select id from photos where path like '%front%'), (select id from photos where path like '%back%'), 'pending';
update public.driver_licences
set status = 'verified', reviewed_by = 'a0000000-0000-4000-8000-000000000001', reviewed_at = now()
where user_id = 'a0000000-0000-4000-8000-000000000021';

-- the push service of the local stack; the top-level domain test is reserved, so no such host exists elsewhere
update private.settings set value = value || '["push.journey.test"]' where key = 'web_push_hosts';

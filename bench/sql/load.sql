-- Listings of nine cities and their calendars. Sizes come from the settings bench.vehicles and bench.renters.
-- Triggers and foreign keys are off while loading; every constraint of the tables still holds.

set session_replication_role = replica;
set synchronous_commit = off;
set maintenance_work_mem = '512MB';
set work_mem = '256MB';
-- The same data in every run: one worker, one sequence of random numbers.
set max_parallel_workers_per_gather = 0;
select setseed(0.42);

create table bench.cities (name text primary key, lat float8, lng float8, share float8, spread_km float8, districts int);
-- Hanoi holds 60,000 of 200,000.
insert into bench.cities values
  ('Hanoi', 21.0285, 105.8342, 0.300, 6.0, 24),
  ('Ho Chi Minh City', 10.7769, 106.7009, 0.275, 7.0, 24),
  ('Da Nang', 16.0544, 108.2022, 0.125, 4.0, 10),
  ('Hai Phong', 20.8449, 106.6881, 0.075, 4.0, 8),
  ('Nha Trang', 12.2388, 109.1967, 0.060, 3.0, 6),
  ('Can Tho', 10.0452, 105.7469, 0.050, 4.0, 6),
  ('Da Lat', 11.9404, 108.4583, 0.045, 2.5, 5),
  ('Hue', 16.4637, 107.5909, 0.040, 3.0, 5),
  ('Ha Long', 20.9517, 107.0849, 0.030, 3.0, 4);

-- A bell curve around zero, one unit wide.
create function bench.normal()
returns float8
language sql volatile
as $$ select sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) $$;

create table bench.districts as
select c.name as city, d as district,
       c.lat + bench.normal() * c.spread_km / 111 as lat,
       c.lng + bench.normal() * c.spread_km / 111 / cos(radians(c.lat)) as lng,
       0.6 + random() * 1.4 as spread_km
from bench.cities c, generate_series(1, c.districts) d;
create unique index on bench.districts (city, district);

-- A renter of this load books more often than people do.
update private.settings set value = '20' where key = 'max_open_bookings';

-- People: one host for five listings, and renters with a licence.
create table bench.people as
select bench.id('host', n) as id, 'host' as part, n
from generate_series(0, current_setting('bench.vehicles')::int / 5 - 1) n
union all
select bench.id('renter', n), 'renter', n
from generate_series(0, current_setting('bench.renters')::int - 1) n;

insert into auth.users (id, aud, role, email, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
select id, 'authenticated', 'authenticated', part || n || '@example.com', '{}', '{}', now(), now()
from bench.people;
insert into public.profiles (id, display_name, locale)
select id, part || ' ' || n, case when n % 3 = 0 then 'en' else 'vi' end
from bench.people;
insert into private.inboxes (user_id)
select id from bench.people;
insert into public.driver_licences (
  user_id, number_hash, number_last4, full_name, date_of_birth, classes, issued_on, valid_until, front_media_id, back_media_id, status, reviewed_at
)
select id, sha256(id::text::bytea), right(n::text, 4), 'Renter ' || n, '1990-05-20', '{A1,B}', '2025-03-01', current_date + 1500, id, id, 'verified', now()
from bench.people
where part = 'renter';

-- Listings, in an order that has nothing to do with where they are.
create table bench.places as
select row_number() over (order by random()) - 1 as n, city, district
from (
  select c.name as city, 1 + floor(c.districts * power(random(), 1.6))::int as district
  from bench.cities c, generate_series(1, round(c.share * current_setting('bench.vehicles')::int)::int)
) p;

insert into public.vehicles (
  id, host_id, kind, brand, model, year, seats, transmission, fuel, engine_cc, power_kw, title, city, price_per_hour, price_per_day,
  instant_book, min_hours, max_days, notice_hours, buffer_minutes, public_location, status,
  rating_average, rating_count, published_at
)
select
  bench.id('vehicle', p.n), bench.id('host', p.n / 5), k.kind,
  case k.kind when 'car' then (array['Toyota', 'Kia', 'VinFast', 'Mazda', 'Hyundai'])[1 + p.n % 5]
    else (array['Honda', 'Yamaha', 'Piaggio', 'SYM', 'VinFast'])[1 + p.n % 5] end,
  'Model ' || p.n % 23, 2012 + p.n % 14, case k.kind when 'car' then (array[4, 5, 5, 7])[1 + p.n % 4] else 2 end,
  case when p.n % 3 = 0 then 'manual' else 'automatic' end, case when p.n % 7 = 0 then 'electric' else 'petrol' end,
  case when p.n % 7 > 0 then case k.kind when 'car' then 1496 else 110 end end, case when p.n % 7 = 0 and k.kind = 'motorbike' then 7 end,
  'A vehicle for rent, number ' || p.n, p.city,
  greatest(k.price / 8, 1000) / 1000 * 1000, k.price / 1000 * 1000,
  true, (array[1, 4, 4, 8])[1 + p.n % 4], (array[14, 30, 30, 60])[1 + p.n % 4], (array[0, 1, 2, 12])[1 + p.n % 4],
  (array[0, 30, 60, 60])[1 + p.n % 4],
  extensions.st_setsrid(extensions.st_makepoint(
    d.lng + bench.normal() * d.spread_km / 111 / cos(radians(d.lat)),
    d.lat + bench.normal() * d.spread_km / 111), 4326)::extensions.geography,
  'published', case when p.n % 5 > 0 then 3.5 + (p.n % 16) / 10.0 end, case when p.n % 5 > 0 then 1 + p.n % 40 else 0 end, now()
from bench.places p
join bench.districts d using (city, district)
cross join lateral (
  select kind, case kind when 'car' then 500000 * exp(0.45 * bench.normal()) else 130000 * exp(0.35 * bench.normal()) end::bigint as price
  from (select case when (p.n / 7) % 2 = 0 then 'car' else 'motorbike' end as kind) c
) k
order by p.n;

insert into public.media (id, owner_id, purpose, bucket, path, mime_type, byte_size, sha256, status)
select bench.id('cover', n), bench.id('host', n / 5), 'vehicle_image', 'vehicle-images', bench.id('host', n / 5) || '/' || n || '.jpg', 'image/jpeg',
       200000, encode(sha256(n::text::bytea), 'hex'), 'ready'
from bench.places;
insert into public.vehicle_images (vehicle_id, media_id, host_id, position)
select bench.id('vehicle', n), bench.id('cover', n), bench.id('host', n / 5), 0
from bench.places;

-- Calendars: none to six entries in the next sixty days, three on average, one in each ten days at most,
-- so that none overlap. Bookings, blocks, external calendars, live holds, and holds whose time is over.
insert into public.calendar_entries (vehicle_id, kind, blocked, booking_id, expires_at, holder_id)
select bench.id('vehicle', e.n), e.kind, e.blocked,
       case when e.kind in ('booking', 'hold') then gen_random_uuid() end,
       case when e.kind = 'hold' then now() + case when e.dice < 0.98 then interval '-1 hour' else interval '1 day' end end,
       case when e.kind = 'hold' then bench.id('renter', 0) end
from (
  select t.n, t.dice, tstzrange(t.starts_at, t.starts_at + interval '1 hour' * ceil(12 + random() * 108)) as blocked,
         case when t.dice < 0.60 then 'booking' when t.dice < 0.80 then 'host_block' when t.dice < 0.84 then 'maintenance'
              when t.dice < 0.88 then 'external' else 'hold' end as kind
  from (
    select p.n, random() as dice,
           date_trunc('hour', now()) + interval '10 days' * ((s + p.n) % 6) + interval '1 hour' * floor(random() * 108) as starts_at
    from bench.places p, generate_series(1, p.n % 7) s
  ) t
) e;

-- Where people search: near listings of Hanoi, within the sixty days, for one to five days, at a price
-- that a third to two thirds of the listings of the kind keep.
insert into bench.queries
select row_number() over (), extensions.st_y(g.point) + bench.normal() * 0.004, extensions.st_x(g.point) + bench.normal() * 0.004,
       g.starts_at, g.starts_at + interval '1 hour' * (24 + floor(random() * 97)),
       g.kind, (case g.kind when 'car' then 420000 + random() * 180000 else 110000 + random() * 40000 end)::bigint
from (
  select v.public_location::extensions.geometry as point,
         date_trunc('hour', now()) + interval '1 day' + interval '1 hour' * floor(random() * 24 * 50) as starts_at,
         case when random() < 0.5 then 'car' else 'motorbike' end as kind
  from public.vehicles v
  where v.city = 'Hanoi'
  order by random()
  limit 1000
) g;

reset session_replication_role;

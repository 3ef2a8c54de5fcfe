-- Vehicles: listings and their calendar.
-- Rule kept here: two blocked periods of one vehicle cannot overlap, whatever writes them: one table,
-- one exclusion constraint, half-open ranges, the buffer inside the blocked range.
-- Left out on purpose: prices of a trip, which are a quote's.

insert into private.transitions (machine, from_state, event, to_state) values
  ('vehicle', 'initial', 'create', 'draft'),
  ('vehicle', 'draft', 'submit', 'pending_review'),
  ('vehicle', 'pending_review', 'publish', 'published'),
  ('vehicle', 'pending_review', 'reject', 'draft'),
  ('vehicle', 'published', 'edit', 'pending_review'),
  ('vehicle', 'published', 'suspend', 'suspended'),
  ('vehicle', 'pending_review', 'suspend', 'suspended'),
  ('vehicle', 'suspended', 'reinstate', 'published'),
  ('vehicle', 'suspended', 'return', 'pending_review'),
  ('vehicle', 'draft', 'archive', 'archived'),
  ('vehicle', 'pending_review', 'archive', 'archived'),
  -- DO NOT let a host archive a suspended listing: it would no longer be suspended, and could be handed over
  ('vehicle', 'published', 'archive', 'archived');

create table public.vehicles (
  id uuid primary key default gen_random_uuid(),
  host_id uuid not null references public.profiles on delete restrict,
  kind text not null,
  brand text not null,
  model text not null,
  year int not null,
  seats int not null,
  transmission text not null,
  fuel text not null,
  engine_cc int,
  power_kw numeric,
  top_speed_kmh int,
  gross_mass_kg int,
  title text not null,
  description text not null default '',
  city text not null,
  currency text not null default 'VND',
  price_per_hour bigint not null,
  price_per_day bigint not null,
  weekend_bps int not null default 0,
  long_stay_days int not null default 7,
  long_stay_discount_bps int not null default 0,
  delivery_fee bigint,
  security_deposit bigint not null default 0,
  daily_km_allowance int,
  excess_km_fee bigint,
  instant_book boolean not null default true,
  cancellation_policy text not null default 'moderate',
  min_hours int not null default 1,
  max_days int not null default 30,
  notice_hours int not null default 0,
  buffer_minutes int not null default 0,
  time_zone text not null default 'Asia/Ho_Chi_Minh',
  has_hours boolean not null default false,
  papers_until date,
  public_location extensions.geography(point, 4326) not null,
  status text not null default 'draft',
  rating_average numeric(3, 2),
  rating_count int not null default 0,
  rating_rank numeric(6, 4) not null generated always as (private.rating_rank(rating_average, rating_count)) stored,
  search_text text generated always as (
    private.fold_text(brand || ' ' || model || ' ' || title || ' ' || city)
    || ' ' || private.squeeze_text(brand || model) || ' ' || private.squeeze_text(title)
  ) stored,
  -- counts changes of what a review looks at: a decision names the revision it saw
  revision int not null default 1,
  -- while a listing is offered no other offered one has its plate; a suspended one may be offered again. DO NOT add
  -- pending_review: a refusal to submit would tell which plates are here, and a stranger could keep the owner out.
  is_listed boolean not null generated always as (status in ('published', 'suspended')) stored,
  published_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint vehicles_host unique (id, host_id),
  constraint vehicles_listed unique (id, is_listed),
  constraint vehicles_kind_known check (kind in ('car', 'motorbike')),
  constraint vehicles_brand_length check (char_length(brand) between 1 and 60),
  constraint vehicles_brand_tidy check (private.is_tidy(brand)),
  constraint vehicles_model_length check (char_length(model) between 1 and 60),
  constraint vehicles_model_tidy check (private.is_tidy(model)),
  constraint vehicles_title_length check (char_length(title) between 5 and 120),
  constraint vehicles_title_tidy check (private.is_tidy(title)),
  constraint vehicles_description_length check (char_length(description) <= 5000),
  constraint vehicles_description_tidy check (private.is_tidy_lines(description)),
  constraint vehicles_city_length check (char_length(city) between 1 and 80),
  constraint vehicles_city_tidy check (private.is_tidy(city)),
  constraint vehicles_year_range check (year between 1980 and 2100),
  constraint vehicles_seats_range check (seats between 1 and 60),
  constraint vehicles_transmission_known check (transmission in ('manual', 'automatic')),
  constraint vehicles_fuel_known check (fuel in ('petrol', 'diesel', 'electric', 'hybrid')),
  constraint vehicles_engine_cc_range check (engine_cc between 1 and 20000),
  constraint vehicles_engine_cc_fit check (case when fuel = 'electric' then engine_cc is null when kind = 'motorbike' then engine_cc is not null else true end),
  -- two decimals at most: a limit of the law must not be met by rounding
  constraint vehicles_power_kw_range check (power_kw between 0.1 and 1000 and power_kw = round(power_kw, 2)),
  constraint vehicles_power_kw_fit check (case when fuel in ('petrol', 'diesel') then power_kw is null when kind = 'motorbike' and fuel = 'electric' then power_kw is not null else true end),
  constraint vehicles_top_speed_kmh_range check (top_speed_kmh between 5 and 500),
  constraint vehicles_top_speed_kmh_fit check (kind = 'motorbike' or top_speed_kmh is null),
  constraint vehicles_gross_mass_kg_range check (gross_mass_kg between 500 and 40000),
  constraint vehicles_gross_mass_kg_fit check (kind = 'car' or gross_mass_kg is null),
  constraint vehicles_currency_known check (currency = 'VND'),
  constraint vehicles_price_per_hour_range check (price_per_hour between 1000 and 100000000),
  constraint vehicles_price_per_day_range check (price_per_day between 1000 and 100000000),
  constraint vehicles_weekend_bps_range check (weekend_bps between 0 and 10000),
  constraint vehicles_long_stay_days_range check (long_stay_days between 2 and 90),
  constraint vehicles_long_stay_discount_bps_range check (long_stay_discount_bps between 0 and 9000),
  constraint vehicles_delivery_fee_range check (delivery_fee between 0 and 10000000),
  constraint vehicles_security_deposit_range check (security_deposit between 0 and 200000000),
  constraint vehicles_daily_km_allowance_range check (daily_km_allowance between 1 and 5000),
  constraint vehicles_excess_km_fee_range check (excess_km_fee between 0 and 1000000),
  constraint vehicles_cancellation_policy_known check (cancellation_policy in ('flexible', 'moderate', 'strict')),
  constraint vehicles_min_hours_range check (min_hours between 1 and 720),
  constraint vehicles_max_days_range check (max_days between 1 and 90),
  constraint vehicles_notice_hours_range check (notice_hours between 0 and 720),
  constraint vehicles_buffer_minutes_range check (buffer_minutes between 0 and 1440),
  constraint vehicles_time_zone_known foreign key (time_zone) references private.time_zones (name),
  constraint vehicles_rating_range check (rating_average between 1 and 5 and rating_count >= 0),
  constraint vehicles_rating_counted check ((rating_count = 0) = (rating_average is null)),
  constraint vehicles_published_dated check (status <> 'published' or published_at is not null)
);
comment on table public.vehicles is 'Listings. Amounts are in minor units of `currency` (VND has none), and shares are in basis points. There is one price for an hour and one for a day.';
comment on column public.vehicles.kind is 'car or motorbike.';
comment on column public.vehicles.seats is 'Seats, the one of the driver included.';
comment on column public.vehicles.engine_cc is 'Cubic centimetres. Every motorbike with an engine has it, an electric vehicle has none.';
comment on column public.vehicles.power_kw is 'Greatest power of the electric motor in kilowatts, with two decimals at most. Every electric motorbike has it; null for petrol and diesel.';
comment on column public.vehicles.top_speed_kmh is 'Design speed of a motorbike in km/h. Only one that states 50 or less is a moped, which needs no licence. Null when not stated, and for cars.';
comment on column public.vehicles.gross_mass_kg is 'Design gross mass in kg of a car that is registered for goods, such as a pickup. Null for all others.';
comment on column public.vehicles.price_per_hour is 'Minor units of `currency`, before weekend, discount, fees and tax.';
comment on column public.vehicles.price_per_day is 'Minor units of `currency` for 24 hours, before weekend, discount, fees and tax.';
comment on column public.vehicles.weekend_bps is 'Added to the rental for weekend days, in basis points (100 = 1 %).';
comment on column public.vehicles.long_stay_days is 'From how many days on the discount is given.';
comment on column public.vehicles.long_stay_discount_bps is 'Taken off the rental from long_stay_days on, in basis points.';
comment on column public.vehicles.delivery_fee is 'Minor units of `currency`, once per trip. Null when the host does not deliver.';
comment on column public.vehicles.security_deposit is 'Minor units of `currency`, paid with the trip and given back after it. 0 for none.';
comment on column public.vehicles.daily_km_allowance is 'Kilometres a day that the price includes. Null for no limit.';
comment on column public.vehicles.excess_km_fee is 'Minor units of `currency` for each kilometre beyond the allowance; shown, nothing charges it yet. Null for none.';
comment on column public.vehicles.has_hours is 'Whether it can be rented at certain hours only; vehicle_hours() has them. Otherwise it is open all the time.';
comment on column public.vehicles.papers_until is 'The last day on which its inspection and its insurance are good, in time_zone; no rental goes beyond it. Null while none was verified.';
comment on column public.vehicles.instant_book is 'Whether a booking is the renter''s at once; otherwise the host answers a request first.';
comment on column public.vehicles.cancellation_policy is 'A key of the setting cancellation_policies; its tiers are copied into each quote.';
comment on column public.vehicles.notice_hours is 'How long before its start a trip must be booked.';
comment on column public.vehicles.buffer_minutes is 'Kept free after each trip; part of what calendar_entries block.';
comment on column public.vehicles.time_zone is 'Of the place: in it weekends and days are counted and messages write times.';
comment on column public.vehicles.public_location is 'Fuzzed by the setting fuzz_metres and stable; the true point is in vehicle_locations.';
comment on column public.vehicles.status is 'Machine vehicle. draft, pending_review by submit_vehicle, published or draft by review_vehicle, suspended and back by an admin, archived for good. An edit that needs a new look leads from published to pending_review. Only published ones are found and booked.';
comment on column public.vehicles.rating_average is '1.00 to 5.00: the average of the released reviews by renters. Null without one.';
comment on column public.vehicles.rating_rank is 'What a search by rating sorts by: the average with five ratings of 4.2 added, so that few reviews count less.';
comment on column public.vehicles.search_text is 'What text search looks in: folded to lower case without diacritics, the names also without blanks and hyphens, so that vf6 finds VF 6.';
comment on column public.vehicles.published_at is 'When it was published first. Null until then.';
create index vehicles_host_idx on public.vehicles (host_id, created_at desc);
create index vehicles_nearby_idx on public.vehicles using gist (public_location) where status = 'published';
create index vehicles_text_idx on public.vehicles using gin (search_text extensions.gin_trgm_ops) where status = 'published';
select private.attach_state_machine('public.vehicles', 'vehicle');
create trigger touch before update on public.vehicles for each row execute function private.touch();
create trigger canonical_time_zone before insert or update of time_zone on public.vehicles
  for each row execute function private.set_canonical_time_zone();

-- Also when an admin changes the status in a table editor.
create function private.date_publication()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  new.published_at := coalesce(new.published_at, now());
  return new;
end
$$;
create trigger date_publication before insert or update of status on public.vehicles
  for each row when (new.status = 'published') execute function private.date_publication();

create table public.vehicle_locations (
  vehicle_id uuid primary key,
  is_listed boolean not null,
  location extensions.geography(point, 4326) not null,
  address text not null,
  plate text not null,
  -- the plate without differences of spelling
  plate_key text not null generated always as (translate(plate, '.-', '')) stored,
  constraint vehicle_locations_vehicle foreign key (vehicle_id, is_listed) references public.vehicles (id, is_listed)
    on update cascade on delete cascade,
  constraint vehicle_locations_address_length check (char_length(address) between 5 and 300),
  constraint vehicle_locations_address_tidy check (private.is_tidy(address)),
  constraint vehicle_locations_plate_form check (plate ~ '^[0-9A-ZĐ.-]{5,15}$' and plate ~ '[0-9]')
);
-- of two listings of one vehicle, only one is offered
create unique index vehicle_locations_plate_listed_once on public.vehicle_locations (plate_key) where is_listed;
comment on table public.vehicle_locations is 'The true place and the plate of a vehicle. Its host, admins and a renter with a paid booking of it may read them.';
comment on column public.vehicle_locations.location is 'The true point; public_location of the vehicle is what others see.';

create table public.vehicle_images (
  vehicle_id uuid not null,
  media_id uuid not null unique,
  host_id uuid not null,
  position int not null,
  created_at timestamptz not null default now(),
  primary key (vehicle_id, media_id),
  constraint vehicle_images_position_once unique (vehicle_id, position) deferrable initially deferred,
  constraint vehicle_images_position_range check (position between 0 and 19),
  constraint vehicle_images_own_vehicle foreign key (vehicle_id, host_id) references public.vehicles (id, host_id) on delete cascade,
  constraint vehicle_images_own_media foreign key (media_id, host_id) references public.media (id, owner_id)
);
comment on table public.vehicle_images is 'Photos of a listing. Position 0 is the cover.';
comment on column public.vehicle_images.host_id is 'Repeated here so that foreign keys hold vehicle and picture to one owner.';

create table public.vehicle_features (
  vehicle_id uuid not null references public.vehicles on delete cascade,
  feature text not null,
  primary key (vehicle_id, feature),
  constraint vehicle_features_form check (feature ~ '^[a-z][a-z0-9_]{1,39}$')
);
comment on table public.vehicle_features is 'What a listing offers, as words such as bluetooth or child_seat.';
create index vehicle_features_feature_idx on public.vehicle_features (feature, vehicle_id);

create table public.calendar_entries (
  id uuid primary key default gen_random_uuid(),
  vehicle_id uuid not null references public.vehicles on delete restrict,
  kind text not null,
  blocked tstzrange not null,
  booking_id uuid,
  change_id uuid,
  expires_at timestamptz,
  holder_id uuid,
  note text,
  created_at timestamptz not null default now(),
  constraint calendar_entries_no_overlap exclude using gist (vehicle_id with =, blocked with &&),
  constraint calendar_entries_kind_known check (kind in ('booking', 'hold', 'host_block', 'maintenance', 'external')),
  constraint calendar_entries_bounded check (
    not isempty(blocked) and not lower_inf(blocked) and not upper_inf(blocked)
    and lower_inc(blocked) and not upper_inc(blocked)
    and lower(blocked) > '-infinity' and upper(blocked) < 'infinity'
  ),
  constraint calendar_entries_booking_named check (
    num_nonnulls(booking_id, change_id) = (kind in ('booking', 'hold'))::int and (change_id is null or kind = 'hold')
  ),
  constraint calendar_entries_hold_expires check ((kind = 'hold') = (expires_at is not null)),
  constraint calendar_entries_hold_is_of_somebody check ((kind = 'hold') = (holder_id is not null)),
  constraint calendar_entries_one_per_booking unique (booking_id),
  constraint calendar_entries_one_per_change unique (change_id),
  constraint calendar_entries_note_tidy check (private.is_tidy_lines(note))
);
comment on table public.calendar_entries is 'When a vehicle is taken: bookings, unpaid holds until expires_at, blocks by the host, maintenance and external calendars. Two periods that overlap cannot be stored.';
comment on column public.calendar_entries.kind is 'booking and hold by the booking commands, host_block and maintenance by block_period; nothing writes external yet.';
comment on column public.calendar_entries.change_id is 'The extension that holds the time, until it is paid and the slot of its booking reaches so far. Null for all others.';
comment on column public.calendar_entries.blocked is 'Half-open, with the buffer of the vehicle after the end.';
comment on column public.calendar_entries.expires_at is 'A hold blocks nothing from then on, whether or not the job has removed it. Null for all other kinds.';
comment on column public.calendar_entries.holder_id is 'Who may pay for a hold: the renter of its booking, repeated here so that a quote can name that person''s own hold. Null for all other kinds.';
comment on column public.calendar_entries.note is 'What the host wrote to a block. Null otherwise.';

alter table public.vehicles enable row level security;
alter table public.vehicle_locations enable row level security;
alter table public.vehicle_images enable row level security;
alter table public.vehicle_features enable row level security;
alter table public.calendar_entries enable row level security;
revoke all on public.vehicles, public.vehicle_locations, public.vehicle_images, public.vehicle_features, public.calendar_entries
  from anon, authenticated, service_role;
grant select on public.vehicles, public.vehicle_images, public.vehicle_features to anon, authenticated, service_role;
grant select on public.vehicle_locations, public.calendar_entries to authenticated, service_role;

create function private.my_vehicle_ids()
returns setof uuid
language plpgsql stable security definer set search_path = ''
as $$
begin
  return query select id from public.vehicles where host_id = auth.uid();
end
$$;
grant execute on function private.my_vehicle_ids() to authenticated;

create policy select_published on public.vehicles for select to anon
  using (status = 'published');
create policy select_published_or_own on public.vehicles for select to authenticated
  using (status = 'published' or host_id = (select auth.uid()) or (select private.is_staff()));
-- `exists` and not `in`: a query asks for few of the many visible rows, and `in` would hash all of them.
create policy select_with_vehicle on public.vehicle_images for select to anon, authenticated
  using (exists (select from public.vehicles v where v.id = vehicle_id));
select private.show_media('vehicle_image', 'exists (select from public.vehicle_images i where i.media_id = media.id)', 'anon', 'authenticated');
create policy select_with_vehicle on public.vehicle_features for select to anon, authenticated
  using (exists (select from public.vehicles v where v.id = vehicle_id));
create policy select_host on public.calendar_entries for select to authenticated
  using (vehicle_id in (select private.my_vehicle_ids()) or (select private.is_staff()));
-- vehicle_locations: policy in bookings, which knows who has it booked.
-- media: its policies are in bookings, the last module that adds a kind of picture.

select private.only_live_persons('public.vehicles', 'host_id');
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.vehicles', 'r.host_id = $1', 'anonymise', null, 'Past trips refer to it. It is archived, and the texts of its host go.'),
  ('public.vehicle_locations', 'r.vehicle_id in (select v.id from public.vehicles v where v.host_id = $1)', 'anonymise', null,
    'The address goes. The plate stays: a traffic offence of a past trip is reported by it.'),
  ('public.vehicle_images', 'r.host_id = $1', 'erase', null, 'Photos of the host; nobody needs them without the listing.'),
  ('public.calendar_entries', 'r.vehicle_id in (select v.id from public.vehicles v where v.host_id = $1) or r.holder_id = $1', 'anonymise', null,
    'Says when the vehicle was taken, as past trips do.');
insert into private.personal_data (relation, column_name, treatment, becomes, why) values
  ('public.vehicles', 'status', 'anonymise', $$case when r.status = 'suspended' then r.status else 'archived' end$$, 'Nobody answers for it. One that is suspended is offered to nobody either.'),
  ('public.vehicles', 'title', 'anonymise', $$left(r.brand || ' ' || r.model, 115) || ' ' || r.year$$, 'Text of the host. Brand, model and year say what was rented.'),
  ('public.vehicles', 'description', 'anonymise', $$''$$, 'Text of the host.'),
  ('public.vehicle_locations', 'address', 'anonymise', $$'Removed / Đã xóa'$$, 'Often where the host lives.'),
  ('public.vehicle_locations', 'location', 'anonymise', '(select v.public_location from public.vehicles v where v.id = r.vehicle_id)', 'Often where the host lives. What others saw before stays.'),
  ('public.calendar_entries', 'note', 'anonymise', 'null', 'Text of the host.');
select private.retain_columns('public.vehicles', 'Says what was rented, and where roughly.', 'brand', 'model', 'city', 'public_location');
select private.retain_columns('public.vehicle_locations', 'A traffic offence of a past trip is reported by it.', 'plate');
select private.hold_no_persons('public.vehicle_features');

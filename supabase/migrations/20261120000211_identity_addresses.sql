-- Identity: the addresses that people keep, such as where a vehicle is to be brought.
-- Rule kept here: a person with addresses has exactly one default. The first one becomes it; when the default is deleted,
-- the one added last takes its place. Nobody but its owner (and an admin) reads an address, not even a part of it.
-- Left out on purpose: asking a geocoder whether the place exists, and a list of provinces and wards: Vietnam has merged
-- both in 2025, and people may write theirs as they know it.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('address_not_found', 404, false, 'This address is not among yours. Reload the list.', 'Không tìm thấy địa chỉ này trong danh sách của bạn. Vui lòng tải lại danh sách.'),
  ('too_many_addresses', 409, false, 'You have as many addresses as one account can keep; details.limit has the number. Delete one first.', 'Bạn đã lưu tối đa số địa chỉ cho phép. Vui lòng xóa bớt một địa chỉ trước.');
alter table private.settings add constraint settings_max_addresses check (key <> 'max_addresses' or private.is_whole(value, 1, 100));
insert into private.settings (key, value, description) values
  ('max_addresses', '20', 'How many addresses one person can keep.');
insert into private.rate_limits (action, capacity, per_minute) values
  ('save_address', 30, 6);

create table private.countries (
  code text primary key,
  constraint countries_code_form check (code ~ '^[A-Z]{2}$')
);
comment on table private.countries is 'The countries of ISO 3166-1, by their two letters.';
insert into private.countries (code)
select unnest(string_to_array(
  'AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG '
  'CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM '
  'GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC '
  'LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ '
  'OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC '
  'TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW', ' '));
alter table private.countries enable row level security;

create table public.addresses (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.profiles on delete cascade,
  label text,
  recipient text not null,
  phone text,
  line1 text not null,
  line2 text,
  ward text,
  district text,
  province text,
  country text not null default 'VN' references private.countries,
  location extensions.geography(point, 4326),
  lat float8 generated always as (extensions.st_y(location::extensions.geometry)) stored,
  lng float8 generated always as (extensions.st_x(location::extensions.geometry)) stored,
  is_default boolean not null default false,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default now(),
  constraint addresses_label_form check (char_length(label) between 1 and 40 and private.is_tidy(label)),
  constraint addresses_recipient_form check (char_length(recipient) between 1 and 80 and private.is_tidy(recipient)),
  constraint addresses_phone_form check (phone ~ '^\+[1-9][0-9]{6,14}$'),
  constraint addresses_line1_form check (char_length(line1) between 1 and 200 and private.is_tidy(line1)),
  constraint addresses_line2_form check (char_length(line2) between 1 and 200 and private.is_tidy(line2)),
  constraint addresses_ward_form check (char_length(ward) between 1 and 100 and private.is_tidy(ward)),
  constraint addresses_district_form check (char_length(district) between 1 and 100 and private.is_tidy(district)),
  constraint addresses_province_form check (char_length(province) between 1 and 100 and private.is_tidy(province)),
  constraint addresses_province_in_vietnam check (country <> 'VN' or province is not null)
);
create unique index addresses_one_default on public.addresses (user_id) where is_default;
create index addresses_user_idx on public.addresses (user_id, created_at desc);
comment on table public.addresses is 'The addresses that people keep. Written by commands of their owner. When the account is deleted, they are erased.';
comment on column public.addresses.label is 'What its owner calls it, such as Home. Null without one.';
comment on column public.addresses.recipient is 'Who is asked for there.';
comment on column public.addresses.phone is 'E.164, such as +84912345678, or null. Nobody has verified it.';
comment on column public.addresses.line1 is 'House number and street.';
comment on column public.addresses.line2 is 'Building, floor, room; null without them.';
comment on column public.addresses.ward is 'Ward or commune, as its owner writes it.';
comment on column public.addresses.district is 'Null for addresses of Vietnam as they are since July 2025, which have no district.';
comment on column public.addresses.province is 'Province or city. In Vietnam it is never null.';
comment on column public.addresses.country is 'Two letters of ISO 3166-1, such as VN.';
comment on column public.addresses.location is 'Where it is, when its owner has set a point on the map. Clients read lat and lng.';
comment on column public.addresses.is_default is 'True for exactly one address of each person who has any.';
create trigger touch before update on public.addresses for each row execute function private.touch();

alter table public.addresses enable row level security;
revoke all on public.addresses from anon, authenticated, service_role;
grant select (
  id, user_id, label, recipient, phone, line1, line2, ward, district, province, country, lat, lng, is_default, created_at, updated_at
) on public.addresses to authenticated;
create policy select_own on public.addresses for select to authenticated
  using (user_id = (select auth.uid()) or (select private.is_admin()));

-- On every path, so that a person with addresses always has a default.
create function private.default_first_address()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  new.is_default := new.is_default or not exists (select from public.addresses where user_id = new.user_id and is_default);
  return new;
end
$$;
create trigger default_first before insert on public.addresses
  for each row execute function private.default_first_address();

create function private.move_default_address()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  update public.addresses set is_default = true
  where id = (select id from public.addresses where user_id = old.user_id order by created_at desc, id limit 1);
  return null;
end
$$;
create trigger move_default after delete on public.addresses
  for each row when (old.is_default) execute function private.move_default_address();

-- A phone number in E.164 form. A leading 0 is read as a number of Vietnam.
create function private.phone_from(p_text text)
returns text
language plpgsql immutable strict set search_path = ''
as $$
declare
  v_phone text := regexp_replace(p_text, '[\s.()-]', '', 'g');
begin
  v_phone := case
    when v_phone like '00%' then '+' || substr(v_phone, 3)
    when v_phone like '0%' then '+84' || substr(v_phone, 2)
    else v_phone
  end;
  if v_phone !~ '^\+[1-9][0-9]{6,14}$' then
    perform private.fail_input('phone', 'must be a phone number, such as +84912345678 or 0912345678');
  end if;
  return v_phone;
end
$$;

-- Lays a client's details over an address. A field that is not given stays, and null or blank empties it.
create function private.apply_address_details(p_address public.addresses, p_details jsonb)
returns public.addresses
language plpgsql stable set search_path = ''
as $$
declare
  v_limits constant jsonb := '{"label": 40, "recipient": 80, "line1": 200, "line2": 200, "ward": 100, "district": 100, "province": 100}'::jsonb;
  v_field text;
  v_value jsonb;
  v_tidy jsonb := '{}'::jsonb;
  v_text text;
  v_address public.addresses;
begin
  if jsonb_typeof(p_details) is distinct from 'object' then
    perform private.fail_input('details', 'must be an object');
  end if;
  for v_field, v_value in select * from jsonb_each(p_details) loop
    if v_field in ('lat', 'lng') then
      continue;
    end if;
    if not v_limits ? v_field and v_field not in ('phone', 'country') then
      perform private.fail('unknown_field', jsonb_build_object('field', v_field));
    end if;
    if jsonb_typeof(v_value) not in ('string', 'null') then
      perform private.fail_input(v_field, 'must be a text');
    end if;
    v_text := nullif(private.tidy_text(v_value #>> '{}'), '');
    if char_length(v_text) > (v_limits ->> v_field)::int then
      perform private.fail_input(v_field, format('must have at most %s characters', v_limits ->> v_field));
    end if;
    v_tidy := v_tidy || jsonb_build_object(v_field, case v_field when 'phone' then private.phone_from(v_text) when 'country' then upper(v_text) else v_text end);
  end loop;
  v_address := jsonb_populate_record(p_address, v_tidy);
  if v_address.recipient is null then
    perform private.fail_input('recipient', 'must have 1 to 80 characters');
  end if;
  if v_address.line1 is null then
    perform private.fail_input('line1', 'must have 1 to 200 characters');
  end if;
  if v_address.country is null or not exists (select from private.countries where code = v_address.country) then
    perform private.fail_input('country', 'must be the two letters of a country, such as VN');
  end if;
  if v_address.country = 'VN' and v_address.province is null then
    perform private.fail_input('province', 'must be given in Vietnam');
  end if;
  if p_details ?| array['lat', 'lng'] then
    v_address.location := case
      when jsonb_typeof(p_details -> 'lat') = 'null' and jsonb_typeof(p_details -> 'lng') = 'null' then null
      else private.address_point(p_details -> 'lat', p_details -> 'lng')
    end;
  end if;
  return v_address;
end
$$;

create function private.address_point(p_lat jsonb, p_lng jsonb)
returns extensions.geography
language plpgsql immutable set search_path = ''
as $$
begin
  if jsonb_typeof(p_lat) is distinct from 'number' or abs((p_lat #>> '{}')::numeric) > 90 then
    perform private.fail_input('lat', 'must be -90 to 90, and lng must be given with it');
  end if;
  if jsonb_typeof(p_lng) is distinct from 'number' or abs((p_lng #>> '{}')::numeric) > 180 then
    perform private.fail_input('lng', 'must be -180 to 180, and lat must be given with it');
  end if;
  return extensions.st_setsrid(extensions.st_makepoint((p_lng #>> '{}')::float8, (p_lat #>> '{}')::float8), 4326)::extensions.geography;
end
$$;

-- The own address, while the profile is locked: changes of one person's addresses run one after the other.
create function private.lock_address(p_user_id uuid, p_address_id uuid)
returns public.addresses
language plpgsql volatile set search_path = ''
as $$
declare
  v_address public.addresses;
begin
  perform 1 from public.profiles where id = p_user_id for no key update;
  select * into v_address from public.addresses where id = p_address_id and user_id = p_user_id for no key update;
  if not found then
    perform private.fail('address_not_found');
  end if;
  return v_address;
end
$$;

create function private.add_address(p_details jsonb, p_idempotency_key uuid)
returns public.addresses
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := auth.uid();
  v_id uuid := gen_random_uuid();
  v_limit int := (private.setting('max_addresses'))::int;
  v_stored jsonb;
  v_new public.addresses;
  v_address public.addresses;
begin
  v_stored := private.begin_command('add_address', p_idempotency_key, jsonb_build_object('details', p_details), jsonb_build_object('id', v_id));
  if v_stored is not null then
    select * into v_address from public.addresses where id = (v_stored ->> 'id')::uuid;
    if not found then
      -- it was deleted since
      perform private.fail('address_not_found');
    end if;
    v_address.location := null;
    return v_address;
  end if;
  perform private.take_token('save_address', v_user_id::text);
  v_new.country := 'VN';
  v_new := private.apply_address_details(v_new, p_details);
  -- two calls at once run one after the other
  perform 1 from public.profiles where id = v_user_id for no key update;
  if (select count(*) from public.addresses where user_id = v_user_id) >= v_limit then
    perform private.fail('too_many_addresses', jsonb_build_object('limit', v_limit));
  end if;
  insert into public.addresses (id, user_id, label, recipient, phone, line1, line2, ward, district, province, country, location)
  values (v_id, v_user_id, v_new.label, v_new.recipient, v_new.phone, v_new.line1, v_new.line2, v_new.ward, v_new.district, v_new.province, v_new.country, v_new.location)
  returning * into v_address;
  -- clients read lat and lng
  v_address.location := null;
  return v_address;
end
$$;
create function public.add_address(details jsonb, idempotency_key uuid)
returns public.addresses
language sql volatile set search_path = ''
as $$ select private.add_address(details, idempotency_key) $$;
comment on function public.add_address is 'Adds an address of the caller. `details` is {label, recipient, phone, line1, line2, ward, district, province, country, lat, lng}: `recipient` and `line1` are needed, and `province` in Vietnam. `country` is VN without another. `phone` may be written as in Vietnam. The first address becomes the default. A person can keep 20 (setting max_addresses). Errors: unknown_field, too_many_addresses, address_not_found (the key is of an address that was deleted), invalid_input, rate_limited.';
select private.expose_limited('add_address(jsonb, uuid)', 'save_address', 'auth.uid()', 'authenticated');

create function private.update_address(p_address_id uuid, p_details jsonb)
returns public.addresses
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_new public.addresses;
  v_address public.addresses;
begin
  perform private.take_token('save_address', v_user_id::text);
  v_new := private.apply_address_details(private.lock_address(v_user_id, p_address_id), p_details);
  update public.addresses
  set (label, recipient, phone, line1, line2, ward, district, province, country, location) = (
    v_new.label, v_new.recipient, v_new.phone, v_new.line1, v_new.line2, v_new.ward, v_new.district, v_new.province, v_new.country, v_new.location)
  where id = p_address_id
  returning * into v_address;
  v_address.location := null;
  return v_address;
end
$$;
create function public.update_address(address_id uuid, details jsonb)
returns public.addresses
language sql volatile set search_path = ''
as $$ select private.update_address(address_id, details) $$;
comment on function public.update_address is 'Changes an address of the caller. `details` is as in add_address: a field that is not given stays, and null empties it. A point needs lat and lng together. Repeatable. Errors: address_not_found, unknown_field, invalid_input, rate_limited.';
select private.expose_limited('update_address(uuid, jsonb)', 'save_address', 'auth.uid()', 'authenticated');

create function private.set_default_address(p_address_id uuid)
returns public.addresses
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_address public.addresses := private.lock_address(v_user_id, p_address_id);
begin
  if not v_address.is_default then
    update public.addresses set is_default = false where user_id = v_user_id and is_default;
    update public.addresses set is_default = true where id = p_address_id returning * into v_address;
  end if;
  v_address.location := null;
  return v_address;
end
$$;
create function public.set_default_address(address_id uuid)
returns public.addresses
language sql volatile set search_path = ''
as $$ select private.set_default_address(address_id) $$;
comment on function public.set_default_address is 'Makes an address of the caller the default, in place of the former one. Repeatable. Errors: address_not_found.';
select private.expose('set_default_address(uuid)', 'authenticated');

create function private.delete_address(p_address_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
begin
  perform 1 from public.profiles where id = v_user_id for no key update;
  delete from public.addresses where id = p_address_id and user_id = v_user_id;
end
$$;
create function public.delete_address(address_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.delete_address(address_id) $$;
comment on function public.delete_address is 'Deletes an address of the caller. When it was the default, the one of the others that was added last becomes it. Nothing happens when the caller has no such address. Repeatable.';
select private.expose('delete_address(uuid)', 'authenticated');

create function private.invariant_address_default()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select a.user_id::text, count(*) || ' addresses, ' || count(*) filter (where a.is_default) || ' defaults'
  from public.addresses a
  group by a.user_id
  having count(*) filter (where a.is_default) <> 1
$$;
insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('address_default', 'warning', 'A person has addresses, and none of them is the default.',
    'Somebody has changed is_default by hand. Set it on one address of this person, the one added last.');

insert into private.personal_tables (relation, whose, treatment, why) values
  ('public.addresses', 'r.user_id = $1', 'erase', 'Kept for the convenience of its person alone.');
select private.hold_no_persons('private.countries');

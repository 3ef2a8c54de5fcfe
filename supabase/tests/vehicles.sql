-- Vehicles: listings, their review, their calendar, and finding them.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

-- The status a change of a listing would lead to.
create function tests.status_after(p_vehicle_id uuid, p_details jsonb)
returns text
language plpgsql volatile
as $$
declare
  v_status text;
begin
  begin
    v_status := (public.update_vehicle(p_vehicle_id, p_details)).status;
    raise exception using errcode = 'ZZ001';
  exception
    when sqlstate 'ZZ001' then
      return v_status;
  end;
end
$$;

-- The status that a change of photos leads to, and by how much it moves the revision.
create function tests.after_photos(p_vehicle_id uuid, p_call text)
returns text
language plpgsql volatile
as $$
declare
  v_revision int := (select revision from public.vehicles where id = p_vehicle_id);
  v_after text;
begin
  execute p_call;
  v_after := (select status || ' ' || revision - v_revision from public.vehicles where id = p_vehicle_id);
  raise exception using errcode = 'ZZ001';
exception
  when sqlstate 'ZZ001' then
    return v_after;
end
$$;

select tests.make_user('host') as host, tests.make_renter('renter') as renter, tests.make_admin('admin') as admin \gset
update private.rate_limits set capacity = 1000, per_minute = 1000;
select tests.make_vehicle(:'host', '{"lat": 9.5, "lng": 103.5, "notice_hours": 2, "min_hours": 2, "max_days": 5}') as vehicle, tests.make_draft(:'host') as draft \gset

-- visitor ------------------------------------------------------------------------------------------------------
select tests.as_visitor();
select is(tests.outcome('select public.create_vehicle(tests.listing(), gen_random_uuid())'), '42501', 'a visitor cannot list a vehicle');
select is(tests.outcome('select * from public.vehicle_locations'), '42501', 'a visitor cannot read where vehicles are');
select is((select count(*)::int from public.vehicles where id = :'draft'), 0, 'a visitor does not see drafts');
select is(public.vehicle_detail(:'draft'), null, 'a visitor cannot open a draft');
select is(tests.outcome(format('select public.vehicle_calendar(%L, now(), now() + interval ''1 day'')', :'draft')), 'vehicle_not_found', 'a visitor cannot read the calendar of a draft');
select is(public.vehicle_detail(:'vehicle') ->> 'title', 'Toyota Vios Hà Nội', 'a visitor can open a published listing');
select ok(not public.vehicle_detail(:'vehicle') ?| array['plate', 'address', 'location', 'public_location'], 'a visitor sees neither plate nor address of a listing');
select is(public.vehicle_detail(:'vehicle') -> 'place', 'null', 'a visitor reads no place in the page of a listing');
select tests.as_user(:'renter');
select is(public.vehicle_detail(:'vehicle') -> 'place', 'null', 'a renter reads no place in the page of a listing');
select tests.as_user(:'host');
select is(public.vehicle_detail(:'vehicle') -> 'place' ->> 'address', '1 Tràng Tiền, Hà Nội', 'a host reads the place of the own listing in its page');
select tests.as_owner();
select ok(extensions.st_distance(v.public_location, l.location) between 70 and 480, 'the public point of a vehicle lies 70 to 480 metres off the true one')
from public.vehicles v join public.vehicle_locations l on l.vehicle_id = v.id where v.id = :'vehicle';

-- host ---------------------------------------------------------------------------------------------------------
select tests.as_user(:'host');
select is(tests.outcome($$ update public.vehicles set status = 'published' $$), '42501', 'a host cannot publish by editing the status');
select is(tests.outcome_details(format('select public.create_vehicle(tests.listing(%L), gen_random_uuid())', d)) ->> 'field', f, 'a listing with this is refused: ' || d)
from (values
  ('{"host_id": "x"}', 'host_id'), ('{"status": "published"}', 'status'), ('{"rating_average": 5}', 'rating_average'), ('{"id": "x"}', 'id'),
  ('{"currency": "USD"}', 'currency'), ('{"required_licence_class": "A1"}', 'required_licence_class'),
  ('{"year": 1979}', 'year'), ('{"seats": 0}', 'seats'), ('{"price_per_day": 999}', 'price_per_day'), ('{"price_per_hour": 0}', 'price_per_hour'),
  ('{"kind": "boat"}', 'kind'), ('{"fuel": "wood"}', 'fuel'), ('{"title": "four"}', 'title'), ('{"plate": "no plate!"}', 'plate'),
  ('{"time_zone": "Mars/Olympus"}', 'time_zone'), ('{"brand": {"a": 1}}', 'brand'), ('{"instant_book": "yes"}', 'instant_book'),
  ('{"lat": 99}', 'lat'), ('{"lat": null}', 'lat'), ('{"features": ["Bad Word"]}', 'features'), ('{"max_days": 91}', 'max_days'), ('{"buffer_minutes": 1441}', 'buffer_minutes')
) t (d, f);
select is(tests.outcome(format('select public.submit_vehicle(%L)', :'draft')), 'vehicle_incomplete', 'a listing without a photo cannot be submitted');
select tests.as_owner();
select tests.make_media(:'host', 'vehicle_image') as photo, tests.make_media(:'renter', 'vehicle_image') as foreign_photo, tests.make_media(:'host', 'licence') as licence_photo \gset
select tests.as_user(:'host');
select is(tests.outcome(format('select public.add_vehicle_image(%L, %L, 0)', :'draft', :'foreign_photo')), 'media_not_found', 'a photo of somebody else cannot be added to a listing');
select is(tests.outcome(format('select public.add_vehicle_image(%L, %L, 0)', :'draft', :'licence_photo')), 'media_not_found', 'a licence photo cannot be added to a listing');
select is(tests.outcome(format('select public.add_vehicle_image(%L, %L, 20)', :'draft', :'photo')), 'invalid_input', 'a photo cannot be added beyond the last place');
select is((public.add_vehicle_image(:'draft', :'photo', 3)).position, 3, 'a host can add an own photo to a listing');
select is(tests.outcome(format('select public.add_vehicle_image(%L, %L, 0)', :'vehicle', :'photo')), 'invalid_input', 'one photo cannot be on two listings');
select is((public.submit_vehicle(:'draft')).status, 'pending_review', 'a listing with a photo can be submitted');
select revision from public.vehicles where id = :'draft' \gset
select is(tests.outcome(format($$ select public.review_vehicle(%L, 'publish') $$, :'draft')), 'forbidden', 'a host cannot review the own listing');
select tests.as_user(:'renter');
select is(tests.outcome(format($$ select public.update_vehicle(%L, '{"title": "Stolen car"}') $$, :'vehicle')), 'vehicle_not_found', 'others cannot edit a listing');
select is(tests.outcome(format('select public.archive_vehicle(%L)', :'vehicle')), 'vehicle_not_found', 'others cannot archive a listing');
select is(tests.outcome(format($$ select public.block_period(%L, now(), now() + interval '1 day') $$, :'vehicle')), 'vehicle_not_found', 'others cannot block the calendar of a listing');

-- admin --------------------------------------------------------------------------------------------------------
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.review_vehicle(%L, 'reject') $$, :'draft')), 'invalid_input', 'a rejection of a listing needs a reason');
select is(tests.outcome(format($$ select public.review_vehicle(%L, 'reinstate', null, %s) $$, :'draft', :revision)), 'illegal_transition', 'a listing that is not suspended cannot be reinstated');
select is(tests.outcome(format($$ select public.review_vehicle(%L, 'publish') $$, :'draft')), 'invalid_input', 'an admin publishes only a named revision');
select is(tests.outcome_details(format($$ select public.review_vehicle(%L, 'publish', null, %s) $$, :'draft', :revision - 1)), jsonb_build_object('code', 'vehicle_changed', 'revision', :revision), 'an admin does not publish what the host changed since');
select is((public.review_vehicle(:'draft', 'publish', null, :revision)).status, 'published', 'an admin publishes the revision that was looked at');
select tests.as_user(:'host');
select is((public.update_vehicle(:'draft', '{"price_per_day": 900000}')).status, 'published', 'a new price of a listing needs no review');
select is((public.update_vehicle(:'draft', tests.listing() - array['lat', 'lng', 'address', 'plate'])).status, 'published', 'writing what is there already needs no review');
-- what decides safety, licence, place or money beyond the price; undone afterwards
select is(tests.status_after(:'draft', d::jsonb), 'pending_review', 'after the change ' || d || ' a published listing goes back to review')
from (values
  ('{"engine_cc": 110}'), ('{"gross_mass_kg": 3500}'), ('{"transmission": "manual"}'), ('{"fuel": "diesel"}'), ('{"features": ["gps"]}'), ('{"seats": 4}'),
  ('{"security_deposit": 1}'), ('{"excess_km_fee": 9000}'), ('{"daily_km_allowance": 10}'), ('{"kind": "motorbike", "engine_cc": 125}')
) t (d);
select tests.as_owner();
select tests.make_media(:'host', 'vehicle_image') as photo2, tests.make_media(:'host', 'vehicle_image') as photo3 \gset
insert into public.vehicle_images (vehicle_id, media_id, host_id, position) values (:'draft', :'photo2', :'host', 4);
select tests.as_user(:'host');
select is((public.add_vehicle_image(:'draft', :'photo', 3)).position, 3, 'a photo can be put where it is again');
select is((select status || ' ' || revision from public.vehicles where id = :'draft'), 'published ' || :revision, 'putting a photo where it is already needs no review');
select is(tests.after_photos(:'draft', format(c, :'draft', p)), 'pending_review 1', 'when ' || l || ' a published listing goes back to review')
from (values
  ('select public.add_vehicle_image(%L, %L, 5)', :'photo3', 'a photo is added'),
  ('select public.add_vehicle_image(%L, %L, 3)', :'photo3', 'a photo is replaced'),
  ('select public.add_vehicle_image(%L, %L, 0)', :'photo2', 'another photo becomes the cover'),
  ('select public.remove_vehicle_image(%L, %L)', :'photo2', 'a photo is removed')
) t (c, p, l);
select is((public.update_vehicle(:'draft', '{"title": "Another car altogether"}')).status, 'pending_review', 'a new title of a listing needs a review');
-- a suspended listing can be edited, so it is not offered again without a look at it
select tests.as_owner();
select tests.make_vehicle(:'host') as paused \gset
select tests.as_user(:'admin');
select (public.review_vehicle(:'paused', 'suspend', 'complaints')).revision as seen \gset
select tests.as_user(:'host');
select is((public.update_vehicle(:'paused', '{"title": "Something else now"}')).status, 'suspended', 'a host can edit a suspended listing, and it stays suspended');
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.review_vehicle(%L, 'reinstate') $$, :'paused')), 'invalid_input', 'an admin reinstates only a named revision');
select is(tests.outcome(format($$ select public.review_vehicle(%L, 'reinstate', null, %s) $$, :'paused', :seen)), 'vehicle_changed', 'an admin does not reinstate what the host changed since');
select is((public.review_vehicle(:'paused', 'reinstate', null, :seen + 1)).status, 'published', 'an admin reinstates the revision that was looked at');
select tests.as_user(:'host');
select is((public.archive_vehicle(:'draft')).status, 'archived', 'a host can archive a listing');
select is((public.archive_vehicle(:'draft')).status, 'archived', 'archiving a listing is safe to repeat');
select is(tests.outcome(format($$ select public.update_vehicle(%L, '{"title": "Back again"}') $$, :'draft')), 'illegal_transition', 'an archived listing cannot be edited');

-- the calendar -------------------------------------------------------------------------------------------------
select id as block from public.block_period(:'vehicle', tests.hours(100), tests.hours(110), 'maintenance') \gset
select is(tests.outcome(format($$ select public.block_period(%L, tests.hours(109), tests.hours(111)) $$, :'vehicle')), 'vehicle_unavailable', 'two blocks of a host cannot overlap');
select is(tests.outcome(format($$ select public.block_period(%L, tests.hours(110), tests.hours(111)) $$, :'vehicle')), 'ok', 'two blocks of a host may touch');
select is(tests.outcome(format('select public.block_period(%L, %s, %s, %L)', :'vehicle', f, t, k)), e, l)
from (values
  ('tests.hours(5)', 'tests.hours(5)', 'host_block', 'period_invalid', 'a block of no length is refused'),
  ('tests.hours(6)', 'tests.hours(5)', 'host_block', 'period_invalid', 'a block that runs backwards is refused'),
  ('tests.hours(-9)', 'tests.hours(-5)', 'host_block', 'period_in_past', 'a block in the past is refused'),
  ('tests.hours(5)', 'tests.hours(87600)', 'host_block', 'period_too_long', 'a block of ten years is refused'),
  ('tests.hours(5)', $$'infinity'$$, 'host_block', 'period_invalid', 'a block without an end is refused'),
  ('tests.hours(5)', 'tests.hours(6)', 'booking', 'invalid_input', 'a block that claims to be a booking is refused')
) v (f, t, k, e, l);
-- Every kind of entry is in the way, on every path to the vehicle.
select tests.as_owner();
create function tests.ways_in(p_renter uuid, p_vehicle uuid, p_starts_at timestamptz, p_ends_at timestamptz)
returns text
language sql volatile
as $$
  select concat_ws(' ',
    (select count(*) from public.search_vehicles(9.5, 103.5, 5000, p_starts_at, p_ends_at) s where s ->> 'vehicle_id' = p_vehicle::text),
    tests.outcome(format('select public.quote_facts(%L, %L, %L, %L)', p_renter, p_vehicle, p_starts_at, p_ends_at)),
    (select count(*) from public.vehicle_calendar(p_vehicle, p_starts_at, p_ends_at)),
    (select count(*) from public.booking_eligibility(p_vehicle, p_starts_at, p_ends_at) r where r.code = 'vehicle_unavailable'))
$$;
select tests.as_owner();
insert into public.calendar_entries (vehicle_id, kind, blocked)
select :'vehicle', k, tstzrange(tests.hours(200 + 20 * n), tests.hours(210 + 20 * n))
from unnest(array['host_block', 'maintenance', 'external']) with ordinality u (k, n);
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(280), tests.hours(290)), tests.make_booking(tests.make_renter('rival'), :'vehicle', tests.hours(300), tests.hours(310));
select is(tests.ways_in(:'renter', :'vehicle', tests.hours(a), tests.hours(b)), e, l)
from (values
  (225, 228, '0 vehicle_unavailable 1 1', 'a host block is in the way'),
  (245, 248, '0 vehicle_unavailable 1 1', 'maintenance is in the way'),
  (265, 268, '0 vehicle_unavailable 1 1', 'an external calendar is in the way'),
  (285, 288, '0 vehicle_unavailable 1 1', 'a booking is in the way'),
  (305, 308, '0 vehicle_unavailable 1 1', 'a hold is in the way'),
  (230, 240, '1 ok 0 0', 'nothing is in the way between two entries')
) t (a, b, e, l);
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.unblock_period(%L)', :'block')), 'not_found', 'others cannot remove the block of a host');
select is((select array_agg(coalesce(r.details -> 'kinds' ->> 0, r.code)) from public.booking_eligibility(:'vehicle', a, b) r), e, l)
from (values
  (tests.hours(101), tests.hours(105), array['maintenance'], 'maintenance is named as the reason why a vehicle is not free'),
  (tests.hours(1), tests.hours(5), array['notice_too_short'], 'a start before the notice of the host is named as the reason'),
  (tests.hours(50), tests.hours(51), array['period_too_short'], 'a period below the shortest rental is named as the reason'),
  (tests.hours(50), tests.hours(50 + 121), array['period_too_long', 'blocked'], 'a period above the longest rental is named as the reason, beside a block in it'),
  (tests.hours(-5), tests.hours(5), array['period_in_past'], 'a period in the past is named as the reason'),
  (tests.hours(9000), tests.hours(9005), array['period_too_long'], 'a period too far ahead is named as the reason'),
  (tests.hours(50), tests.hours(60), null, 'no reason is given when nothing is in the way')
) t (a, b, e, l);
select tests.as_user(:'host');
select is((select array_agg(code) from public.booking_eligibility(:'vehicle', tests.hours(50), tests.hours(60))), array['own_vehicle', 'licence_required'], 'a host is told that the own vehicle cannot be rented');
select is(tests.outcome(format('select public.unblock_period(%L)', :'block')), 'ok', 'a host can remove the own block');
select is(tests.outcome(format('select public.unblock_period(%L)', :'block')), 'not_found', 'a removed block cannot be removed again');

-- search -------------------------------------------------------------------------------------------------------
select tests.as_owner();
create function tests.found(p_more text default '')
returns text[]
language plpgsql stable
as $$
declare
  v_titles text[];
begin
  execute format('select array_agg(s ->> ''title'' order by n) from public.search_vehicles(lat => 8.5, lng => 102.5, starts_at => tests.hours(50), ends_at => tests.hours(60)%s) with ordinality r (s, n)', p_more) into v_titles;
  return v_titles;
end
$$;
select tests.make_vehicle(:'host', jsonb_build_object('lat', 8.5, 'lng', 102.5 + n * 0.01, 'title', 'Car ' || n, 'price_per_day', 1000000 - n * 100000, 'seats', n + 3, 'brand', case n when 2 then 'Honda' else 'Toyota' end))
from generate_series(0, 3) n;
select tests.make_vehicle(:'host', '{"lat": 8.5, "lng": 102.5, "title": "Đường phố", "kind": "motorbike", "engine_cc": 110, "instant_book": false, "features": ["helmet"], "price_per_day": 150000}');
select tests.make_vehicle(:'host', '{"lat": 8.5, "lng": 102.5, "title": "100% off_road", "min_hours": 100}');
select tests.as_visitor();
select is(cardinality(tests.found()), 5, 'a search finds what is free, near and open to that length');
select is(tests.found(e), t, e)
from (values
  (', kind => ''motorbike''', array['Đường phố']), (', query => ''duong''', array['Đường phố']), (', query => ''PHO đường''', array['Đường phố']),
  (', query => ''%''', null), (', brand => ''honda''', array['Car 2']), (', features => ''{helmet,helmet}''', array['Đường phố']), (', features => ''{helmet,gps}''', null),
  (', min_seats => 6', array['Car 3']), (', max_price => 150000', array['Đường phố']),
  (', kind => ''car'', sort => ''price''', array['Car 3', 'Car 2', 'Car 1', 'Car 0']), (', kind => ''car'', instant_only => true, min_price => 900000, sort => ''price''', array['Car 1', 'Car 0'])
) v (e, t);
select is(tests.outcome(format('select public.search_vehicles(%s, starts_at => tests.hours(50), ends_at => tests.hours(60)%s)', p, m)), e, p || m)
from (values ('91, 0', '', 'invalid_input'), ('0, 181', '', 'invalid_input'), ('0, 0', ', radius_m => 99', 'invalid_input'), ('0, 0', ', radius_m => 100001', 'invalid_input'),
  ('0, 0', ', page_size => 51', 'invalid_input'), ('0, 0', ', sort => ''cheap''', 'invalid_input'), ('0, 0', ', after => ''{"sort": "price"}''', 'invalid_input')) v (p, m, e);
select is((
  with recursive page as (
    select s, 1 as n from public.search_vehicles(8.5, 102.5, 50000, tests.hours(50), tests.hours(60), sort => o, page_size => 1) s
    union all
    select t.s, n + 1 from page p cross join lateral public.search_vehicles(8.5, 102.5, 50000, tests.hours(50), tests.hours(60), sort => o, page_size => 1, after => p.s -> 'cursor') t (s)
    where n < 20
  ) select count(*) || ' ' || count(distinct s ->> 'vehicle_id') from page), '5 5', 'pages of one by ' || o || ' show everything once')
from unnest(array['distance', 'price', 'rating']) o;

-- Circle and distance are measured alike: 24 listings in every direction, up to 92 km away, each asked for with the
-- radius one metre short of it, and with the one that just reaches it.
select tests.as_owner();
select tests.make_vehicle(:'host', jsonb_build_object('lat', -10 + n * 0.035 * cos(n * 0.8), 'lng', 60 + n * 0.035 * sin(n * 0.8), 'title', 'Direction ' || n))
from generate_series(1, 24) n;
create temporary table reached as
select r ->> 'vehicle_id' as id, v.public_location operator(extensions.<->) extensions.st_setsrid(extensions.st_makepoint(60, -10), 4326)::extensions.geography as metres
from public.search_vehicles(-10, 60, 100000, tests.hours(48), tests.hours(72), page_size => 50) r
join public.vehicles v on v.id = (r ->> 'vehicle_id')::uuid;
select is((select count(*)::int from reached), 24, 'a search reaches 100 km in every direction');
create function tests.is_within(p_id text, p_radius_m int)
returns boolean
language sql stable
as $$
  select coalesce(bool_or(r ->> 'vehicle_id' = p_id), false)
  from public.search_vehicles(-10, 60, p_radius_m, tests.hours(48), tests.hours(72), page_size => 50) r
$$;
select is((select count(*)::int from reached where tests.is_within(id, ceil(metres)::int)), 24, 'a search finds every listing that is within the radius by the distance it shows');
select is((select count(*)::int from reached where tests.is_within(id, floor(metres)::int)), 0, 'a search shows no listing that is beyond the radius by the distance it shows');

-- plates, names, places --------------------------------------------------------------------------------------------
select tests.as_owner();
select tests.make_user('host2') as host2 \gset
select tests.make_vehicle(:'host', '{"plate": "29mđ1-123.45"}') as first, tests.make_draft(:'host2', '{"plate": "29 MĐ1 12345"}') as second \gset
select is((select plate from public.vehicle_locations where vehicle_id = :'first'), '29MĐ1-123.45', 'a plate is stored in capitals, and Đ is one of its letters');
insert into public.vehicle_images (vehicle_id, media_id, host_id, position) values (:'second', tests.make_media(:'host2', 'vehicle_image'), :'host2', 0);
select tests.as_user(:'host2');
select is(tests.outcome('select * from public.vehicles_to_review()'), 'forbidden', 'a host does not see which listings wait');
select is((public.submit_vehicle(:'second')).status, 'pending_review', 'a host who submits a listing does not learn that its plate is offered already');
select tests.as_user(:'admin');
select is((select jsonb_agg(p -> 'vehicle_id') from public.vehicles_to_review(page_size => 100) v, jsonb_array_elements(v.same_plate) p where v.id = :'second'), jsonb_build_array(:'first'::text), 'an admin sees which other listings have the plate of one that waits');
select is((select v.plate || ' ' || jsonb_array_length(v.images) || ' ' || v.features[1] from public.vehicles_to_review(page_size => 100) v where v.id = :'second'), '29MĐ112345 1 bluetooth', 'an admin sees plate, photos and features of a listing that waits');
select is(tests.outcome(format($$ select public.review_vehicle(%L, 'publish', null, 1) $$, :'second')), 'plate_taken', 'two listings of one plate are not offered at once, however it is written');
select is(tests.outcome_details(format($$ select public.review_vehicle(%L, 'publish', null, 1) $$, :'second')) ->> 'vehicle_id', :'first', 'an admin is told which listing has the plate');
select is((public.review_vehicle(:'first', 'suspend', 'to see')).status, 'suspended', 'an admin can suspend a listing');
select is(tests.outcome(format($$ select public.review_vehicle(%L, 'publish', null, 1) $$, :'second')), 'plate_taken', 'the plate of a suspended listing is not free');
select tests.as_owner();
select is(tests.outcome(format($$ update public.vehicles set status = 'published' where id = %L $$, :'second')), '23505', 'an admin cannot store two offered listings of one plate either');
select tests.as_user(:'host');
select is(tests.outcome_details(format('select public.update_vehicle(%L, %L)', :'first', tests.listing('{"plate": "29MĐ1-123.46"}') - 'features')) ->> 'field', 'plate', 'a suspended listing keeps its plate');
select is(tests.outcome(format('select public.archive_vehicle(%L)', :'first')), 'illegal_transition', 'a host cannot archive a suspended listing');
select tests.as_user(:'admin');
select is((public.review_vehicle(:'first', 'reinstate', null, 1)).status, 'published', 'an admin can reinstate a listing');
select tests.as_user(:'host');
select is((public.archive_vehicle(:'first')).status, 'archived', 'the first host archives the listing');
select tests.as_user(:'admin');
select is((public.review_vehicle(:'second', 'publish', null, 1)).status, 'published', 'the plate of an archived listing is free');
select tests.as_owner();
select plate from public.vehicle_locations where vehicle_id = :'vehicle' \gset offered_
select tests.as_user(:'host2');
select is((public.update_vehicle(:'second', jsonb_build_object('lat', 21.03, 'lng', 105.85, 'address', '1 Tràng Tiền, Hà Nội', 'plate', :'offered_plate'))).status, 'pending_review', 'a host who changes the plate of an offered listing does not learn that another one has it');
select is((private.create_vehicle(tests.listing('{"brand": " Vin\u200bFast ", "model": "VF  6\n", "title": "VF 6 như\r\nBcc: x"}'), gen_random_uuid())).title, 'VF 6 như Bcc: x', 'a title is one line');
select is((select brand || '/' || model from public.vehicles where host_id = :'host2' and brand like 'Vin%'), 'VinFast/VF 6', 'a name is stored without blanks around it and without invisible characters');
select is(tests.outcome(format('select public.create_vehicle(tests.listing(%L), gen_random_uuid())', '{"brand": "\u200b\u3164 "}')), 'invalid_input', 'a name that shows nothing is refused');
select tests.as_owner();
select tests.make_vehicle(:'host2', '{"brand": "VinFast", "model": "VF 6", "title": "Xe điện mới", "lat": 8.5, "lng": 104.5}') as vf \gset
select is((select string_agg(r ->> 'vehicle_id', ',') from public.search_vehicles(8.5, 104.5, starts_at => tests.hours(48), ends_at => tests.hours(72), query => q) r), :'vf', 'a search for ' || q || ' finds VF 6')
from (values ('vf6'), ('VF-6'), ('vf 6'), ('vinfast vf6'), ('xe dien'), ('xedien')) t (q);
select is((select count(*)::int from public.search_vehicles(8.5, 104.5, starts_at => tests.hours(48), ends_at => tests.hours(72), brand => b)), 1, 'the brand ' || b || ' finds its listing')
from (values ('VinFast'), ('vinfast '), ('Vin Fast')) t (b);
-- two listings of one host at one place share their public point, and a move gives an unrelated one
select ok(private.fuzz_point(:'host', p.a)::text = private.fuzz_point(:'host', p.b)::text, 'listings of one host within one square share their public point')
from (select extensions.st_point(105.85010, 21.03010)::extensions.geography as a, extensions.st_point(105.85030, 21.02990)::extensions.geography as b) p;
select ok(count(distinct round(offsets::numeric)) > 5, 'the way from the true point to the public one differs from place to place')
from (
  select extensions.st_distance(private.fuzz_point(:'host', p), p) as offsets
  from generate_series(1, 10) i, lateral (select extensions.st_point(105.85 + i * 0.01, 21.03)::extensions.geography as p) x
) y;
select ok(private.fuzz_point(:'host', p)::text <> private.fuzz_point(:'host2', p)::text, 'two hosts at one place have different public points')
from (select extensions.st_point(105.85, 21.03)::extensions.geography as p) x;
-- the table editor
update public.vehicle_locations set plate = tests.plate() where vehicle_id = :'second';
update public.vehicles set status = 'published' where id = :'second';
select isnt((select published_at from public.vehicles where id = :'second'), null, 'a listing that an admin publishes in a table editor is dated');
select is(private.health_facts() ->> 'vehicles_to_review', (select count(*)::text from public.vehicles where status = 'pending_review'), 'the health counts listings that wait for a review');
select tests.make_draft(:'host2') as bare \gset
select is(tests.outcome(format($$ update public.vehicles set status = 'pending_review' where id = %L $$, :'bare')), 'vehicle_incomplete', 'a listing without a photo is not submitted in a table editor either');
select is(tests.outcome(format($$ do $x$ begin delete from public.vehicle_images where vehicle_id = %L; set constraints all immediate; end $x$ $$, :'second')), 'vehicle_incomplete', 'an offered listing keeps a photo, also in a table editor');
select is(tests.outcome(format($$ update public.vehicles set rating_average = 4 where id = %L $$, :'second')), '23514', 'an average without ratings is refused');
-- time zones
update public.vehicles set time_zone = 'Asia/Saigon' where id = :'second';
select is((select time_zone from public.vehicles where id = :'second'), 'Asia/Ho_Chi_Minh', 'a zone by its older name is stored by its present one');
select is(tests.outcome(format($$ update public.vehicles set time_zone = %L where id = %L $$, z, :'second')), 'invalid_input', 'the time zone ' || z || ' is refused')
from (values ('Foo/Bar+5'), ('posix/Asia/Tokyo'), ('right/Asia/Tokyo'), ('+07'), ('EST5EDT'), ('')) t (z);

select * from finish();
rollback;

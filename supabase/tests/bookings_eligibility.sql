-- Bookings: all reasons against a booking at once, and that quote, booking and search judge by the same ones.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('walker') as walker, tests.make_user('host') as host \gset
select tests.make_vehicle(:'host', '{"lat": 9.7, "lng": 103.7, "min_hours": 4, "max_days": 5, "notice_hours": 3}') as vehicle,
  tests.make_vehicle(:'host', '{"instant_book": false}') as asking, tests.make_draft(:'host') as draft \gset

create function tests.reasons(p_person uuid, p_vehicle uuid, p_from numeric, p_to numeric)
returns text
language plpgsql volatile
as $$
declare
  v_reasons text;
begin
  perform set_config('request.jwt.claims', coalesce(json_build_object('sub', p_person, 'role', 'authenticated')::text, ''), true);
  select string_agg(code, ' ') into v_reasons from public.booking_eligibility(p_vehicle, tests.hours(p_from), tests.hours(p_to));
  perform set_config('request.jwt.claims', '', true);
  return coalesce(v_reasons, '');
end
$$;

-- what stands in the way ------------------------------------------------------------------------------------------------
select is(tests.reasons(:'renter', :'vehicle', 24, 34), '', 'nothing is in the way of a renter with a licence');
select is(tests.reasons(:'walker', :'vehicle', 1, 2), 'period_too_short notice_too_short licence_required', 'a person without a licence learns at once that the start is too soon and the time too short as well');
select is(tests.reasons(:'renter', :'vehicle', -3, 200), 'period_in_past period_too_long', 'a start in the past is not also called too soon');
select is(tests.reasons(:'renter', :'vehicle', 30, 20), 'period_invalid', 'a period that ends before it begins has no other reason');
select is(tests.reasons(:'renter', :'vehicle', 24 * 400, 24 * 400 + 10), 'period_too_long', 'a start too far ahead is named');
select is(tests.reasons(:'host', :'vehicle', 24, 34), 'own_vehicle licence_required', 'a host learns that the own vehicle cannot be rented');
select tests.as_visitor();
select is((select array_agg(code) from public.booking_eligibility(:'vehicle', tests.hours(1), tests.hours(2))), '{unauthenticated,period_too_short,notice_too_short}', 'a visitor learns what is known without a person');
select is(tests.outcome(format('select * from public.booking_eligibility(%L, tests.hours(24), tests.hours(34))', :'draft')), 'vehicle_not_found', 'a draft is not found');
select is(tests.outcome(format($$ select * from public.booking_eligibility(%L, tests.hours(24), 'infinity') $$, :'vehicle')), 'invalid_input', 'a period without an end is refused');
select is(tests.outcome(format($$ select * from public.booking_eligibility(%L, '4000-01-01', '290000-01-01') $$, :'vehicle')), 'ok', 'a period in another age is answered');
select is(tests.outcome(format($$ select * from public.booking_eligibility(%L, tests.hours(24), '294276-12-31') $$, :'vehicle')), 'ok', 'an end in another age is answered');
select tests.as_owner();

select tests.make_booking(:'renter', :'vehicle', tests.hours(48), tests.hours(58)) as held \gset
select is(tests.reasons(:'walker', :'vehicle', 50, 60), 'licence_required vehicle_unavailable', 'a taken time and a missing licence are named together');
select is(tests.reasons(:'renter', :'vehicle', 50, 60), 'already_held', 'the own unpaid hold is told apart');
insert into public.calendar_entries (vehicle_id, kind, blocked) values (:'vehicle', 'maintenance', tstzrange(tests.hours(70), tests.hours(72))), (:'vehicle', 'host_block', tstzrange(tests.hours(72), tests.hours(74)));
select is((select details from public.booking_eligibility(:'vehicle', tests.hours(40), tests.hours(80)) where code = 'vehicle_unavailable'), '{"kinds": ["blocked", "booked", "maintenance"]}', 'the kinds of what takes the time are named, each once');

update public.vehicles set status = 'suspended' where id = :'vehicle';
select is(tests.reasons(:'renter', :'vehicle', 24, 34), 'vehicle_not_published', 'a suspended vehicle is named');
select is((select message_vi from public.booking_eligibility(:'vehicle', tests.hours(24), tests.hours(34)) where code = 'vehicle_not_published'), (select message_vi from private.error_codes where code = 'vehicle_not_published'), 'a reason says in Vietnamese what to do');
update public.vehicles set status = 'published' where id = :'vehicle';

update private.settings set value = '["email", "phone"]' where key = 'verified_to_rent';
select is(tests.reasons(:'renter', :'vehicle', 24, 34), 'email_unverified phone_unverified', 'what must be verified is named, when a setting asks for it');
select is(tests.outcome(format('select tests.make_quote(%L, %L, tests.hours(24), tests.hours(34))', :'renter', :'vehicle')), 'email_unverified', 'a quote is refused for the same');
update public.profiles set email_verified_at = now(), phone = '+84912345678', phone_verified_at = now() where id = :'renter';
select is(tests.reasons(:'renter', :'vehicle', 24, 34), '', 'a person who has verified both can book');
update private.settings set value = '[]' where key = 'verified_to_rent';
select is(tests.outcome($$ update private.settings set value = '["passport"]' where key = 'verified_to_rent' $$), '23514', 'the setting names only what can be verified');

-- how much one person may hold
update private.settings set value = '1' where key = 'max_open_bookings';
select is(tests.reasons(:'renter', :'vehicle', 24, 34), 'too_many_open_bookings', 'a renter with as many open bookings as are allowed is told so');
update private.settings set value = '5' where key = 'max_open_bookings';
update private.settings set value = '1' where key = 'max_days_held';
select is(tests.reasons(:'renter', :'vehicle', 80, 100), 'too_many_days_held', 'a renter who would hold the vehicle for too many days is told so');
select is(tests.reasons(:'renter', :'asking', 80, 100), '', 'a request holds no days');
update private.settings set value = '30' where key = 'max_days_held';

-- one judgement ---------------------------------------------------------------------------------------------------------
-- For many periods and people: the quote is refused with the first reason, and search offers what has none but the licence.
create function tests.quote_outcome(p_person uuid, p_vehicle uuid, p_from numeric, p_to numeric)
returns text
language sql volatile
as $$
  select nullif(tests.outcome(format('select private.quote_facts(%L, %L, %L, %L, ''{}'', null)', p_person, p_vehicle, tests.hours(p_from), tests.hours(p_to))), 'ok')
$$;
create function tests.search_offers(p_person uuid, p_vehicle uuid, p_from numeric, p_to numeric)
returns text[]
language plpgsql volatile
as $$
declare
  v_found text[];
begin
  perform set_config('request.jwt.claims', json_build_object('sub', p_person, 'role', 'authenticated')::text, true);
  select array(select jsonb_array_elements_text(s -> 'reasons')) into v_found
  from public.search_vehicles(9.7, 103.7, 2000, tests.hours(p_from), tests.hours(p_to), with_reasons => true) s
  where s ->> 'vehicle_id' = p_vehicle::text;
  perform set_config('request.jwt.claims', '', true);
  return v_found;
end
$$;
create temporary table cases as
select person, start, start + length as finish
from (values (:'renter'::uuid), (:'walker'::uuid), (:'host'::uuid)) p (person),
  generate_series(1, 76, 2.5) start, (values (2), (9), (30), (130)) l (length);
update private.rate_limits set capacity = 100000, per_minute = 100000 where action = 'quote';
select is_empty($$
  select * from (
    select c.*, tests.quote_outcome(person, current_setting('tests.vehicle')::uuid, start, finish) as refused,
      nullif(split_part(tests.reasons(person, current_setting('tests.vehicle')::uuid, start, finish), ' ', 1), '') as first
    from cases c
  ) x where refused is distinct from first
$$, 'a quote is refused with the first reason, and made when there is none') from (select set_config('tests.vehicle', :'vehicle', true)) s;
select is_empty($$
  select * from (
    select c.*, tests.search_offers(person, current_setting('tests.vehicle')::uuid, start, finish) as found,
      tests.reasons(person, current_setting('tests.vehicle')::uuid, start, finish) as reasons
    from cases c
  ) x
  -- of a hit, search says what the eligibility says; what is no hit has a reason that is not the licence
  where case when found is null then regexp_replace(reasons, '\mlicence_\w+', '') = '' else array_to_string(found, ' ') <> reasons end
$$, 'search offers exactly what only a licence can be in the way of, and marks that');
select is(tests.search_offers(:'walker', :'vehicle', 24, 34), '{licence_required}', 'a hit is marked with what is in the way of the one who searches');

select * from finish();
rollback;

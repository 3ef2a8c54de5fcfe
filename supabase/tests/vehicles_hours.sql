-- Vehicles: hours, features, papers, and why a vehicle cannot be had.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();
update private.rate_limits set capacity = 1000000, per_minute = 1000000;

select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
select tests.make_vehicle(:'host', '{"lat": 11.5, "lng": 107.5, "title": "By hours", "min_hours": 1, "max_days": 60}') as vehicle \gset

-- Whether a quote, a search, a booking and the calendar take a period alike: one word when they agree.
create function tests.takes(p_vehicle uuid, p_renter uuid, p_starts_at timestamptz, p_ends_at timestamptz)
returns text
language plpgsql volatile
as $$
declare
  v_quote text := tests.outcome(format('select public.quote_facts(%L, %L, %L, %L)', p_renter, p_vehicle, p_starts_at, p_ends_at));
  v_found boolean;
  v_eligible boolean;
  v_calendar boolean;
begin
  perform set_config('request.jwt.claims', tests.claims(p_renter), true);
  select exists (select from public.search_vehicles(lat => 11.5, lng => 107.5, radius_m => 50000, starts_at => p_starts_at, ends_at => p_ends_at, page_size => 50) s where s ->> 'vehicle_id' = p_vehicle::text) into v_found;
  select not exists (select from public.booking_eligibility(p_vehicle, p_starts_at, p_ends_at)) into v_eligible;
  select not exists (select from public.vehicle_calendar(p_vehicle, p_starts_at, p_ends_at) c where c.starts_at < p_ends_at and c.ends_at > p_starts_at) into v_calendar;
  perform set_config('request.jwt.claims', '', true);
  return case when v_found = v_eligible and v_eligible = (v_quote = 'ok') and (v_calendar or v_quote <> 'ok') then v_quote else format('%s, found %s, eligible %s, calendar %s', v_quote, v_found, v_eligible, v_calendar) end;
end
$$;
-- a time on the clocks of Vietnam, on a weekday at least four weeks ahead
create function tests.on_weekday(p_weekday int, p_time text)
returns timestamptz
language sql stable
as $$ select (date_trunc('week', now() at time zone 'Asia/Ho_Chi_Minh') + interval '28 days' + make_interval(days => p_weekday - 1) + p_time::interval) at time zone 'Asia/Ho_Chi_Minh' $$;

-- the week ----------------------------------------------------------------------------------------------------------
select is(tests.takes(:'vehicle', :'renter', tests.on_weekday(1, '03:00'), tests.on_weekday(5, '03:00')), 'ok', 'a vehicle without a plan is open all the time');
select tests.as_user(:'host');
select is(public.set_vehicle_hours(:'vehicle', '[{"weekday": 1, "hours": [{"opens": "08:00", "closes": "12:00"}, {"opens": "13:30", "closes": "20:00"}]}, {"weekday": 6, "hours": [{"opens": "07:00", "closes": "24:00"}]}, {"weekday": 7, "hours": [{"opens": "00:00", "closes": "18:00"}]}]')
  - 'days', '{"time_zone": "Asia/Ho_Chi_Minh", "weekly": [{"weekday": 1, "hours": [{"opens": "08:00", "closes": "12:00"}, {"opens": "13:30", "closes": "20:00"}]}, {"weekday": 6, "hours": [{"opens": "07:00", "closes": "24:00"}]}, {"weekday": 7, "hours": [{"opens": "00:00", "closes": "18:00"}]}]}', 'a host says at which hours of the week a vehicle can be rented');
select tests.as_owner();
select is(tests.takes(:'vehicle', :'renter', tests.on_weekday(d, f), tests.on_weekday(e, t)), o, 'a rental from ' || f || ' on day ' || d || ' to ' || t || ' on day ' || e || ' is answered with ' || o || ' by search, quote and calendar')
from (values
  (1, '08:00', 1, '12:00', 'ok'), (1, '07:59', 1, '12:00', 'vehicle_closed'), (1, '08:00', 1, '12:01', 'vehicle_closed'), (1, '09:00', 1, '14:00', 'vehicle_closed'),
  (1, '13:30', 1, '20:00', 'ok'), (2, '09:00', 2, '11:00', 'vehicle_closed'), (6, '07:00', 7, '18:00', 'ok'), (6, '07:00', 7, '18:01', 'vehicle_closed'),
  (6, '23:00', 7, '01:00', 'ok'), (7, '17:00', 8, '09:00', 'vehicle_closed')) t (d, f, e, t, o);
select is(tests.outcome(format('select public.quote_facts(%L, %L, %L, %L)', :'renter', :'vehicle', tests.on_weekday(1, '05:00'), tests.on_weekday(1, '06:00'))), 'vehicle_closed', 'a quote outside of the hours is refused');
select is((select array_agg(starts_at || ' ' || ends_at order by starts_at) from public.vehicle_calendar(:'vehicle', tests.on_weekday(6, '00:00'), tests.on_weekday(8, '00:00')) where kind = 'closed'),
  array[tests.on_weekday(6, '00:00') || ' ' || tests.on_weekday(6, '07:00'), tests.on_weekday(7, '18:00') || ' ' || tests.on_weekday(8, '00:00')], 'the calendar shows when the vehicle is closed');
-- a booking whose quote is older than the plan
select tests.as_owner();
select (private.store_quote(:'renter', :'vehicle', tests.on_weekday(3, '09:00'), tests.on_weekday(3, '10:00'), tests.priced(), private.quote_facts(:'renter', :'vehicle', tests.on_weekday(6, '09:00'), tests.on_weekday(6, '10:00'), '{}', null))).id as quote \gset
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.create_booking(%L, gen_random_uuid())', :'quote')), 'vehicle_closed', 'a booking outside of the hours is refused, also with a quote from before');

-- single days -------------------------------------------------------------------------------------------------------
select tests.as_user(:'host');
select (tests.on_weekday(3, '12:00') at time zone 'Asia/Ho_Chi_Minh')::date as wednesday, (tests.on_weekday(6, '12:00') at time zone 'Asia/Ho_Chi_Minh')::date as saturday \gset
select is(public.set_vehicle_day(:'vehicle', :'wednesday', '[{"opens": "10:00", "closes": "11:00"}]') -> 'days', jsonb_build_array(jsonb_build_object('day', :'wednesday', 'hours', '[{"opens": "10:00", "closes": "11:00"}]'::jsonb)), 'a host gives one day other hours');
select is(jsonb_array_length(public.set_vehicle_day(:'vehicle', :'saturday', '[]') -> 'days'), 2, 'a host closes one day');
select tests.as_owner();
select is(tests.takes(:'vehicle', :'renter', tests.on_weekday(3, '10:00'), tests.on_weekday(3, '11:00')), 'ok', 'on a day with other hours those hold');
select is(tests.takes(:'vehicle', :'renter', tests.on_weekday(6, '09:00'), tests.on_weekday(6, '11:00')), 'vehicle_closed', 'on a closed day nothing is rented');
select is(tests.takes(:'vehicle', :'renter', tests.on_weekday(13, '09:00'), tests.on_weekday(13, '11:00')), 'ok', 'the same weekday a week later is open');
select tests.as_user(:'host');
select is(jsonb_array_length(public.set_vehicle_day(:'vehicle', :'saturday', null) -> 'days'), 1, 'a day follows the week again');
select is(tests.outcome(format('select public.set_vehicle_hours(%L, %L)', :'vehicle', w)), 'invalid_input', 'hours like ' || w || ' are refused')
from (values ('[]'), ('{}'), ('[{"weekday": 8, "hours": []}]'), ('[{"weekday": 1, "hours": []}]'), ('[{"weekday": 1, "hours": [{"opens": "9:00", "closes": "10:00"}]}]'),
  ('[{"weekday": 1, "hours": [{"opens": "10:00", "closes": "10:00"}]}]'), ('[{"weekday": 1, "hours": [{"opens": "24:00", "closes": "24:00"}]}]'), ('[{"weekday": 1, "hours": [{"opens": "09:00", "closes": "11:00"}, {"opens": "10:00", "closes": "12:00"}]}]'),
  ('[{"weekday": 1, "hours": [{"opens": "09:00", "closes": "11:00"}]}, {"weekday": 1, "hours": [{"opens": "09:00", "closes": "11:00"}]}]'), ('[{"weekday": 1, "hours": "09:00"}]')) t (w);
select tests.as_user(:'stranger');
select is(tests.outcome(format('select public.set_vehicle_hours(%L, null)', :'vehicle')), 'vehicle_not_found', 'others cannot change the hours of a vehicle');
select tests.as_visitor();
select is(public.vehicle_hours(:'vehicle') -> 'weekly' -> 2 -> 'hours', '[{"opens": "00:00", "closes": "18:00"}]', 'a visitor reads the hours of a vehicle');

-- where clocks change ------------------------------------------------------------------------------------------------
select tests.as_owner();
insert into private.vehicle_hours (vehicle_id, weekday, open) select :'vehicle', 2, '{[120,240)}' on conflict do nothing;
delete from private.vehicle_hours where vehicle_id = :'vehicle' and weekday <> 7;
update private.vehicle_hours set open = '{[90,240)}' where vehicle_id = :'vehicle' and weekday = 7;
select is(private.open_ranges(:'vehicle', 'Europe/Berlin', a::timestamptz, b::timestamptz)::text, (tstzmultirange(tstzrange(f::timestamptz, t::timestamptz)))::text, l)
from (values
  ('2027-03-28 00:00+01', '2027-03-28 12:00+02', '2027-03-28 01:30+01', '2027-03-28 04:00+02', 'hours across the spring change last an hour less'),
  ('2027-10-31 00:00+02', '2027-10-31 12:00+01', '2027-10-31 01:30+02', '2027-10-31 04:00+01', 'hours across the autumn change last an hour more'),
  ('2027-06-06 00:00+02', '2027-06-06 12:00+02', '2027-06-06 01:30+02', '2027-06-06 04:00+02', 'hours of a usual day are as the clocks say')) t (a, b, f, t, l);
update private.vehicle_hours set open = '{[120,180)}' where vehicle_id = :'vehicle' and weekday = 7;
select is(private.open_ranges(:'vehicle', 'Europe/Berlin', '2027-03-28 00:00+01', '2027-03-28 12:00+02')::text, '{}', 'hours that the clocks skip are none');
delete from private.vehicle_hours where vehicle_id = :'vehicle';
delete from private.vehicle_days where vehicle_id = :'vehicle';
select is((select has_hours from public.vehicles where id = :'vehicle'), false, 'a vehicle without a plan says so');
-- random weeks: what is open is what its minutes say
insert into private.vehicle_hours (vehicle_id, weekday, open)
select :'vehicle', w, range_agg(int4range(f, f + 60 + (w * 37 + f) % 240)) * '{[0,1440)}' from generate_series(1, 7, 2) w, unnest(array[100, 500, 1000, 1380]) f group by w;
select is((
  select count(*)::int
  from generate_series(0, 1500) n
  cross join lateral (select tests.on_weekday(1, '00:00') + n * interval '13 minutes' as at) a
  cross join lateral (select a.at at time zone 'Asia/Ho_Chi_Minh' as wall) w
  where private.is_open(:'vehicle', 'Asia/Ho_Chi_Minh', a.at, a.at + interval '1 minute')
    <> exists (select from private.vehicle_hours h where h.vehicle_id = :'vehicle' and h.weekday = extract(isodow from w.wall)
      and h.open @> int4range((extract(hour from w.wall) * 60 + extract(minute from w.wall))::int, (extract(hour from w.wall) * 60 + extract(minute from w.wall))::int + 1))
), 0, 'each of 1,500 minutes is open when its weekday says so');
delete from private.vehicle_hours where vehicle_id = :'vehicle';

-- features ------------------------------------------------------------------------------------------------------------
select tests.as_user(:'host');
select is(tests.outcome_details(format('select public.update_vehicle(%L, %L)', :'vehicle', '{"features": ["gps", "flying"]}')) ->> 'field', 'features', 'a feature that is not in the catalogue is refused');
select tests.as_owner();
select is(tests.outcome(format('insert into public.vehicle_features values (%L, %L)', :'vehicle', 'flying')), '23503', 'a feature that is not in the catalogue cannot be stored');
select tests.as_visitor();
select is((select name_vi from public.feature_catalogue() where feature = 'child_seat'), 'Ghế trẻ em', 'a visitor reads the catalogue of features');

-- papers --------------------------------------------------------------------------------------------------------------
select tests.as_owner();
select tests.make_media(:'host', 'vehicle_document') as scan, tests.make_media(:'host', 'vehicle_image') as picture, tests.make_media(:'stranger', 'vehicle_document') as foreign_scan \gset
select (tests.on_weekday(3, '12:00') at time zone 'Asia/Ho_Chi_Minh')::date as last_day \gset
select tests.as_user(:'host');
select is(tests.outcome(format('select public.submit_vehicle_document(%L, %L, %L, %L)', :'vehicle', k, u, m)), o, l)
from (values ('passport', :'last_day', :'scan', 'invalid_input', 'papers of another kind are refused'), ('insurance', '2025-01-01', :'scan', 'invalid_input', 'papers that are over are refused'),
  ('insurance', :'last_day', :'picture', 'media_not_found', 'papers need an upload that is meant as papers'), ('insurance', :'last_day', :'foreign_scan', 'media_not_found', 'the papers of somebody else cannot be submitted')) t (k, u, m, o, l);
select (public.submit_vehicle_document(:'vehicle', 'insurance', :'last_day', :'scan')).id as paper \gset
select is((public.submit_vehicle_document(:'vehicle', 'insurance', :'last_day', :'scan')).id, :'paper', 'submitting the same papers again is safe to repeat');
select is(tests.outcome(format('select public.review_vehicle_document(%L, true)', :'paper')), 'forbidden', 'a host cannot verify the own papers');
select tests.as_owner();
select is(tests.takes(:'vehicle', :'renter', tests.on_weekday(3, '20:00'), tests.on_weekday(4, '10:00')), 'ok', 'papers that wait for a review do not count');
select tests.as_user(:'stranger');
select is((select count(*)::int from public.vehicle_documents), 0, 'others do not see the papers of a vehicle');
select tests.as_user(:'admin');
select is((select plate is not null and photo ? 'path' from public.vehicle_documents_to_review() where id = :'paper'), true, 'an admin sees the papers that wait, with plate and photo');
select is(tests.outcome(format('select public.review_vehicle_document(%L, false)', :'paper')), 'invalid_input', 'a rejection of papers needs a reason');
select is((public.review_vehicle_document(:'paper', true)).status, 'verified', 'an admin verifies papers');
select is(tests.outcome(format('select public.review_vehicle_document(%L, true)', :'paper')), 'illegal_transition', 'papers are reviewed once');
select tests.as_owner();
select is(tests.takes(:'vehicle', :'renter', tests.on_weekday(3, '08:00'), tests.on_weekday(3, '24:00')), 'ok', 'a trip on the last day of the papers is possible');
select is(tests.takes(:'vehicle', :'renter', tests.on_weekday(3, '20:00'), tests.on_weekday(4, '00:01')), 'vehicle_papers_end', 'a trip beyond the last day of the papers is refused');
-- the day comes: nothing has to run
update public.vehicle_documents set valid_until = current_date - 2 where id = :'paper';
select is(tests.takes(:'vehicle', :'renter', tests.hours(5), tests.hours(9)), 'vehicle_papers_end', 'a vehicle whose papers are over is found by nobody');
select tests.as_user(:'host');
select (public.submit_vehicle_document(:'vehicle', 'insurance', (current_date + 300), :'scan')).id as renewed \gset
select (public.submit_vehicle_document(:'vehicle', 'inspection', (current_date + 200), :'scan')).id as inspected \gset
select tests.as_user(:'admin');
select is((public.review_vehicle_document(:'renewed', true)).status, 'verified', 'new papers are reviewed again');
select tests.as_owner();
select is(tests.takes(:'vehicle', :'renter', tests.hours(5), tests.hours(9)), 'ok', 'a vehicle is found again when its new papers are verified');
select tests.as_user(:'admin');
select is((public.review_vehicle_document(:'inspected', true)).valid_until, current_date + 200, 'an inspection is verified too');
select tests.as_owner();
select is((select papers_until from public.vehicles where id = :'vehicle'), current_date + 200, 'the papers that end first count');
-- reminders
update public.vehicle_documents set valid_until = current_date + 6 where id = :'inspected';
delete from public.notifications where user_id = :'host';
select private.remind_of_documents(), private.remind_of_documents();
select is((select array_agg(template) from public.notifications where user_id = :'host'), array['vehicle_inspection_ending'], 'a host is reminded once before papers end, and of none that others outlast');
update public.vehicle_documents set valid_until = current_date - 3 where id = :'inspected';
select private.remind_of_documents(), private.remind_of_documents();
select is((select array_agg(template order by template desc) from public.notifications where user_id = :'host'), array['vehicle_inspection_ending', 'vehicle_inspection_ended'], 'a host is told once when papers are over');
update public.vehicle_documents set valid_until = current_date + 200 where id = :'inspected';

-- why not -------------------------------------------------------------------------------------------------------------
select tests.make_vehicle(:'host', '{"lat": 11.5, "lng": 107.6, "title": "Why not", "min_hours": 2, "notice_hours": 3, "max_days": 20, "buffer_minutes": 60}') as why \gset
select tests.make_paid_booking(:'renter', :'why', tests.hours(100), tests.hours(110)) as booked \gset
select tests.as_user(:'host');
select public.block_period(:'why', tests.hours(120), tests.hours(130)), public.block_period(:'why', tests.hours(140), tests.hours(150), 'maintenance');
select tests.as_visitor();
select is((select array_agg(format('%s %s %s', reason, extract(epoch from starts_at - tests.hours(0)) / 3600, extract(epoch from ends_at - tests.hours(0)) / 3600)) from public.explain_unavailable(:'why', tests.hours(105), tests.hours(145)) where reason <> 'eligibility'),
  array['booked 100.0000000000000000 111.0000000000000000', 'blocked 120.0000000000000000 130.0000000000000000', 'maintenance 140.0000000000000000 150.0000000000000000'], 'each thing in the way is named with its time');
select is((select jsonb_agg(e) from public.explain_unavailable(:'why', tests.hours(105), tests.hours(145)) e)::text ~ :'renter', false, 'it is not said who has booked');
select tests.as_user(:'stranger');
select is((select array_agg(reason || ' ' || code) from public.explain_unavailable(:'why', tests.hours(2), tests.hours(3))), array['period period_too_short', 'notice notice_too_short', 'eligibility licence_required'], 'length, notice and what the caller lacks are told apart');
select tests.as_user(:'renter');
select is((select count(*)::int from public.explain_unavailable(:'why', tests.hours(40), tests.hours(60))), 0, 'no reason is given where nothing is in the way');
select is((select array_agg(distinct reason) from public.explain_unavailable(:'why', tests.hours(105), tests.hours(108))), array['booked'], 'a renter is told of a booking as everybody is');

select * from finish();
rollback;

-- Identity: what each licence opens, at the limits of the law; what a card may say; reviews; reminders.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_user('rider') as rider, tests.make_user('person') as person, tests.make_admin('admin') as admin \gset
update private.rate_limits set capacity = 1000, per_minute = 1000;

-- What a vehicle is, with the least that every class allows; p_more says the rest.
create function tests.traits(p_kind text, p_more jsonb default '{}')
returns private.drive_traits
language sql immutable
as $$
  select jsonb_populate_record(null::private.drive_traits, jsonb_build_object('kind', p_kind, 'passenger_seats', 1, 'is_automatic', true)
    || case p_kind when 'motorbike' then '{"engine_cc": 100, "top_speed_kmh": 90}' else '{}' end::jsonb || p_more)
$$;
-- What a person with one licence of this class hears; the licence is gone afterwards.
create function tests.drives(p_scheme text, p_class text, p_traits private.drive_traits, p_more jsonb default '{}', p_on timestamptz default now())
returns text
language plpgsql volatile
as $$
declare
  v_user uuid := tests.make_user('driver');
begin
  perform tests.make_licence(v_user, array[p_class], current_date + 3000,
    jsonb_build_object('issued_on', case p_scheme when 'before_2025' then '2024-12-31' else '2025-01-01' end) || p_more);
  return coalesce(private.licence_problem(v_user, p_traits, p_on, p_on + interval '1 hour'), 'ok');
end
$$;

-- each limit of each rule -----------------------------------------------------------------------------------------
-- the last value inside a range, and the first beyond it; whole numbers, or hundredths of a kilowatt
create temporary table limits as
select r.scheme, r.class, r.kind, m.measure,
  case when m.measure = 'power_kw' then case when m.is_in then m.top else m.top - 0.01 end else m.top - 1 end as inside,
  case when m.measure = 'power_kw' then case when m.is_in then m.top + 0.01 else m.top end else m.top end as beyond
from private.licence_rules r
cross join lateral (values
  ('engine_cc', upper(r.engine_cc)::numeric, false), ('power_kw', upper(r.power_kw), upper_inc(r.power_kw)),
  ('passenger_seats', upper(r.passenger_seats), false), ('gross_mass_kg', upper(r.gross_mass_kg), false)
) m (measure, top, is_in)
where r.class is not null and m.top is not null;
select is((select count(*)::int from limits), 8 + 2 * 7 + 10, 'each limit of the law is tried: two for a motorbike, one or two for a car');
-- an electric motorbike has no capacity
create function tests.at_limit(p_kind text, p_measure text, p_value numeric)
returns private.drive_traits
language sql immutable
as $$
  select tests.traits(p_kind, jsonb_build_object(p_measure, p_value) || case p_measure when 'power_kw' then '{"engine_cc": null}' else '{}' end::jsonb)
$$;
select is(tests.drives(scheme, class, tests.at_limit(kind, measure, inside)), 'ok', format('%s of %s may drive a %s of %s %s', class, scheme, kind, measure, inside))
from limits;
select is(tests.drives(scheme, class, tests.at_limit(kind, measure, beyond)), 'licence_class_mismatch', format('%s of %s may not drive a %s of %s %s', class, scheme, kind, measure, beyond))
from limits;
select is(tests.drives(c.scheme, c.class, tests.traits(k)), 'licence_class_mismatch', format('%s of %s may not drive a %s', c.class, c.scheme, k))
from private.licence_classes c
cross join unnest(array['car', 'motorbike']) k
where not exists (select from private.licence_rules r where r.scheme = c.scheme and r.class = c.class and r.kind = k);
select is(tests.drives(scheme, class, tests.traits(kind), jsonb_build_object('date_of_birth', b.birth, 'issued_on', case scheme when 'before_2025' then '2024-12-31' else '2025-01-01' end),
    b.at at time zone 'Asia/Ho_Chi_Minh'), b.expected, format('%s of %s: %s', class, scheme, b.label))
from private.licence_rules
join private.licence_classes c using (scheme, class)
cross join lateral (values
  ((timestamp '2026-06-15' - make_interval(years => c.min_age))::date, timestamp '2026-06-15 00:00', 'ok', 'of age on the birthday itself'),
  ((timestamp '2026-06-15' - make_interval(years => c.min_age))::date, timestamp '2026-06-14 23:59', 'licence_holder_too_young', 'too young on the day before the birthday')
) b (birth, at, expected, label)
-- a licence cannot be stored as issued before the age of 16
where c.min_age >= 18;

-- the letters that mean two things, as a court would put the question ------------------------------------------------
select is(tests.drives(scheme, class, tests.traits(kind, more::jsonb), licence::jsonb), expected, label)
from (values
  ('before_2025', 'A1', 'motorbike', '{"engine_cc": 150}', '{}', 'ok', 'an A1 of before 2025 opens a motorbike of 150 cc'),
  ('from_2025', 'A1', 'motorbike', '{"engine_cc": 150}', '{}', 'licence_class_mismatch', 'an A1 of today does not open a motorbike of 150 cc'),
  ('before_2025', 'B1', 'car', '{}', '{}', 'ok', 'a B1 of before 2025 opens a car'),
  ('from_2025', 'B1', 'car', '{}', '{}', 'licence_class_mismatch', 'a B1 of today opens no car'),
  ('from_2025', 'B1', 'motorbike', '{}', '{}', 'ok', 'a B1 of today opens a motorbike of 100 cc'),
  ('before_2025', 'B1', 'motorbike', '{}', '{}', 'licence_class_mismatch', 'a B1 of before 2025 opens no motorbike'),
  ('before_2025', 'B1', 'car', '{"is_automatic": false}', '{"automatic_only": true}', 'licence_class_mismatch', 'a B1 for automatic cars opens no manual car'),
  ('before_2025', 'B1', 'car', '{}', '{"automatic_only": true}', 'ok', 'a B1 for automatic cars opens an automatic car'),
  ('from_2025', 'B', 'car', '{"is_automatic": false}', '{"automatic_only": true}', 'licence_class_mismatch', 'a B for automatic cars opens no manual car'),
  ('from_2025', 'B', 'car', '{"is_automatic": false}', '{}', 'ok', 'a B without the restriction opens a manual car'),
  ('from_2025', 'D1', 'car', '{"passenger_seats": 16}', '{}', 'ok', 'a D1 opens a bus with 16 seats for passengers'),
  ('from_2025', 'A', 'motorbike', '{"engine_cc": 1000}', '{}', 'ok', 'an A opens a motorbike of 1,000 cc')
) t (scheme, class, kind, more, licence, expected, label);

-- mopeds -------------------------------------------------------------------------------------------------------------
select is(tests.drives('from_2025', 'B', tests.traits('motorbike', more::jsonb)), expected, label)
from (values
  ('{"engine_cc": 49, "top_speed_kmh": 50}', 'ok', 'a moped of 49 cc needs no licence for motorbikes'),
  ('{"engine_cc": 50, "top_speed_kmh": 50}', 'licence_class_mismatch', 'a motorbike of 50 cc is no moped'),
  ('{"engine_cc": 49, "top_speed_kmh": 51}', 'licence_class_mismatch', 'a motorbike faster than 50 km/h is no moped'),
  ('{"engine_cc": 49, "top_speed_kmh": null}', 'licence_class_mismatch', 'a motorbike whose speed is not stated is no moped'),
  ('{"engine_cc": null, "power_kw": 4, "top_speed_kmh": 50}', 'ok', 'an electric moped of 4 kW needs no licence for motorbikes'),
  ('{"engine_cc": null, "power_kw": 4.01, "top_speed_kmh": 50}', 'licence_class_mismatch', 'an electric motorbike of more than 4 kW is no moped')
) t (more, expected, label);
select tests.traits('motorbike', '{"engine_cc": 49, "top_speed_kmh": 50}')::text as moped, tests.traits('car')::text as car, tests.traits('motorbike')::text as motorbike \gset
select is(private.licence_problem(:'rider', :'moped'::private.drive_traits, now(), now() + interval '1 hour'), 'licence_required', 'the age for a moped is not proven without any licence');

-- several licences, several classes on one card, and their ends --------------------------------------------------------
create function tests.problem(p_user_id uuid, p_traits text, p_until timestamptz default now() + interval '1 hour')
returns text
language sql volatile
as $$ select coalesce(private.licence_problem(p_user_id, p_traits::private.drive_traits, now(), p_until), 'ok') $$;
select is(tests.problem(:'rider', :'car'), 'licence_required', 'a person without a licence may not drive');
select tests.make_licence(:'rider', '{A1,B2}', private.licence_day() + 10, '{"issued_on": "2024-05-01"}') as card \gset
select is(tests.problem(:'rider', :'car'), 'ok', 'a card with two classes opens cars');
select is(tests.problem(:'rider', :'motorbike', now() + interval '20 days'), 'ok', 'the class without an end on a card stays valid after the end of the other');
select is(tests.problem(:'rider', :'car', now() + interval '20 days'), 'licence_expires_early', 'a licence must be valid until the trip ends');
select is(tests.problem(:'rider', :'car', (private.licence_day() + 10 + time '23:59') at time zone 'Asia/Ho_Chi_Minh'), 'ok', 'a licence is valid until the end of its last day in Vietnam');
update public.driver_licences set valid_until = private.licence_day() - 1 where id = :'card';
select private.tidy_identity();
select is((select status from public.driver_licences where id = :'card'), 'verified', 'a card with a class without an end does not expire');
select is(tests.problem(:'rider', :'car'), 'licence_expires_early', 'the class that ended opens nothing');
select tests.make_licence(:'rider', '{B}') as renewed \gset
select is(tests.problem(:'rider', :'car'), 'ok', 'a second licence of the person counts too');
update private.settings set value = '50' where key = 'hire_min_age';
select is(tests.problem(:'rider', :'car'), 'licence_holder_too_young', 'the platform may ask for a higher age than the law');
update private.settings set value = '16' where key = 'hire_min_age';
select is(tests.drives('from_2025', 'A1', tests.traits('motorbike'), format('{"date_of_birth": "%s"}', (now() - interval '17 years')::date)::jsonb || jsonb_build_object('issued_on', private.licence_day() - 1)), 'licence_holder_too_young', 'the platform cannot ask for a lower age than the law');
select is(tests.drives('from_2025', 'A1', tests.traits('motorbike', '{"engine_cc": 49, "top_speed_kmh": 50}'), format('{"date_of_birth": "%s"}', (now() - interval '17 years')::date)::jsonb || jsonb_build_object('issued_on', private.licence_day() - 1)), 'ok', 'a person of 17 may drive a moped where the platform allows it');
select is(tests.outcome($$ update private.settings set value = '15' where key = 'hire_min_age' $$), '23514', 'no setting lets a child drive');
update private.settings set value = '18' where key = 'hire_min_age';

-- what a card may say --------------------------------------------------------------------------------------------------
select is(tests.outcome_details(format('select tests.make_licence(%L, %L, %L, %L)', :'person', classes, until, more)) ->> 'field', field, label)
from (values
  ('{B2}', '2040-01-01', '{}', 'classes', 'a class of the old law on a card of today is refused'),
  ('{A}', '2040-01-01', '{"issued_on": "2024-12-31"}', 'classes', 'a class of the new law on a card of before 2025 is refused'),
  ('{B,B}', '2040-01-01', '{}', 'classes', 'one class twice on a card is refused'),
  ('{A1}', '2040-01-01', '{"automatic_only": true}', 'automatic_only', 'a card for motorbikes cannot be for automatic cars only'),
  ('{B2}', '2040-01-01', '{"automatic_only": true, "issued_on": "2024-12-31"}', 'automatic_only', 'a B2 cannot be for automatic cars only'),
  ('{A1}', '2040-01-01', '{"issued_on": "2999-01-01"}', 'issued_on', 'a day of issue in the future is refused'),
  ('{B}', null, '{}', 'valid_until', 'a class with an end needs a last day')
) t (classes, until, more, field, label);
select tests.make_licence(:'person', '{A1}') as endless \gset
select is(tests.outcome_details(format($$ update public.driver_licences set valid_until = '2040-01-01' where id = %L $$, :'endless')) ->> 'field', 'valid_until', 'a last day of a class that has none is refused, also in a table editor');
select is(tests.outcome(format($$ update public.driver_licences set date_of_birth = issued_on - 5800 where id = %L $$, :'endless')), '23514', 'a licence issued to a child cannot be stored');
select is(tests.outcome(format($$ update public.driver_licences set date_of_birth = '2090-01-01' where id = %L $$, :'endless')), '23514', 'a date of birth in the future cannot be stored');

-- submitting ---------------------------------------------------------------------------------------------------------
select tests.make_media(:'person', 'licence') as front, tests.make_media(:'person', 'licence') as back \gset
create function tests.submit(p_front uuid, p_back uuid, p_more jsonb default '{}')
returns text
language sql
as $$
  select format('select public.submit_licence(%L, %L, %L, %L, %L, %L, %L, %L, %L)', '123456789', 'A Person', c ->> 'birth', c ->> 'classes',
    c ->> 'issued_on', p_front, p_back, c ->> 'until', c ->> 'automatic')
  from (select '{"birth": "1990-05-20", "classes": "{b, A1}", "issued_on": "2025-03-01", "until": "2040-03-01", "automatic": false}'::jsonb || p_more as c) x
$$;
select tests.as_user(:'person');
select is(tests.outcome_details(tests.submit(:'front', :'back', more::jsonb)) ->> 'field', field, 'a licence with this is refused: ' || more)
from (values
  ('{"birth": null}', 'date_of_birth'), ('{"birth": "2999-01-01"}', 'date_of_birth'), ('{"birth": "2009-03-02"}', 'date_of_birth'), ('{"birth": "1890-01-01"}', 'date_of_birth'),
  ('{"birth": "-infinity"}', 'date_of_birth'), ('{"issued_on": null}', 'issued_on'), ('{"issued_on": "2999-01-01"}', 'issued_on'), ('{"issued_on": "infinity"}', 'issued_on'),
  ('{"until": null}', 'valid_until'), ('{"until": "2025-03-02"}', 'valid_until'), ('{"until": "infinity"}', 'valid_until'), ('{"until": "2085-03-01"}', 'valid_until'),
  ('{"classes": "{A1}"}', 'valid_until'), ('{"classes": "{B2}"}', 'classes'), ('{"classes": "{}"}', 'classes'), ('{"classes": "{A1}", "until": null, "automatic": true}', 'automatic_only')
) t (more, field);
select is(tests.outcome(tests.submit(:'front', :'back')), 'ok', 'a card with two classes can be submitted');
select is((select classes::text || scheme || valid_until from public.driver_licences where status = 'pending'), '{A1,B}from_20252040-03-01', 'classes are stored as they are printed, and the day of issue says of which law');
select id as pending from public.driver_licences where status = 'pending' \gset
select is((select count(*)::int from public.licence_classes()), 28, 'a person can list the 13 old and 15 new classes');
select tests.as_user(:'rider');
select is((select count(*)::int from public.driver_licences where user_id = :'person'), 0, 'others do not read a date of birth');

-- reviewing ----------------------------------------------------------------------------------------------------------
select tests.as_user(:'admin');
select is((select date_of_birth || scheme || issued_on from public.licences_to_review() where id = :'pending'), '1990-05-20from_20252025-03-01', 'a reviewer sees what is to be compared with the photos');
select is(tests.outcome(format('select public.review_licence(%L, %L, %L, %L)', :'pending', decision, reason, corrections)), expected, 'these corrections are refused: ' || corrections)
from (values
  ('verify', null, '{"number_hash": "x"}', 'unknown_field'), ('verify', null, '{"status": "verified"}', 'unknown_field'), ('verify', null, '[]', 'invalid_input'),
  ('verify', null, '{"classes": "B"}', 'invalid_input'), ('verify', null, '{"classes": ["B2"]}', 'invalid_input'), ('verify', null, '{"issued_on": "yesterday-ish"}', 'invalid_input'),
  ('verify', null, '{"issued_on": null}', 'invalid_input'), ('verify', null, '{"valid_until": null}', 'invalid_input'), ('verify', null, '{"full_name": ""}', 'invalid_input'),
  ('reject', 'blurred', '{"full_name": "Somebody"}', 'invalid_input')
) t (decision, reason, corrections, expected);
select is((public.review_licence(:'pending', 'verify', null, '{"issued_on": "2024-03-01", "classes": ["A1", "B1"], "automatic_only": true, "full_name": "A Person"}')).corrected_fields,
  '{classes,automatic_only,issued_on}'::text[], 'a reviewer can correct what is on the photos otherwise, and the fields are named');
select is((select classes::text || scheme || status from public.driver_licences where id = :'pending'), '{A1,B1}before_2025verified', 'the corrected licence is verified, by the law of its day of issue');
select tests.as_owner();
select is((select body from public.notifications where user_id = :'person' and template = 'licence_corrected' order by created_at desc limit 1) like '%A1, B1%', true, 'the person is told that the licence was corrected, and of which class it is');
select is((select count(*)::int from public.notifications where user_id = :'person' and template = 'licence_verified'), 1, 'a person is told once of a licence that was verified as it was');

-- reminders ------------------------------------------------------------------------------------------------------------
create function tests.reminders(p_user_id uuid)
returns text[]
language sql stable
as $$ select coalesce(array_agg(template || ' ' || (data ->> 'classes') order by created_at, seq), '{}') from public.notifications where user_id = p_user_id and template in ('licence_expiring', 'licence_ended') $$;
-- The job as it runs on the day that is so many days before the end.
create function tests.remind(p_licence_id uuid, p_days int)
returns void
language plpgsql volatile
as $$
begin
  -- the end comes nearer, and what is done of it moves along
  with moved as (
    update public.driver_licences set valid_until = private.licence_day() + p_days where id = p_licence_id returning valid_until
  )
  update private.licence_reminders set valid_until = moved.valid_until from moved where licence_id = p_licence_id;
  perform private.remind_of_licences();
end
$$;
select tests.make_user('ending') as ending \gset
select tests.make_licence(:'ending', '{A1,B}') as card \gset
select tests.remind(:'card', 31);
select is(tests.reminders(:'ending'), '{}', '31 days before the end nobody is reminded');
select tests.remind(:'card', d) from unnest(array[30, 29, 8]) with ordinality o (d, i) order by i;
select is(tests.reminders(:'ending'), '{licence_expiring B}', '30 days before the end a person is reminded once, of the class that ends');
select tests.remind(:'card', d) from unnest(array[7, 6, 2]) with ordinality o (d, i) order by i;
select is(cardinality(tests.reminders(:'ending')), 2, '7 days before the end a person is reminded once more');
select tests.remind(:'card', 1);
select tests.remind(:'card', 1);
select is(cardinality(tests.reminders(:'ending')), 3, 'one day before the end a person is reminded once more');
select tests.remind(:'card', 0);
select tests.remind(:'card', -1);
select is((tests.reminders(:'ending'))[4:], '{licence_ended B}', 'on the last day the person is told that the class ends, once');
select is((select count(*)::int from public.notifications n join public.deliveries d on d.notification_id = n.id and d.channel = 'email' where n.user_id = :'ending' and n.template in ('licence_expiring', 'licence_ended')), 4, 'each reminder goes by mail too');
-- after a pause
select tests.make_user('paused') as paused \gset
select tests.make_licence(:'paused', '{B}') as card \gset
select tests.remind(:'card', 5);
select is(cardinality(tests.reminders(:'paused')), 1, 'after a pause of the job only the nearest reminder is sent');
select is((select array_agg(days_before || ' ' || is_sent order by days_before) from private.licence_reminders where licence_id = :'card'), '{"7 true","30 false"}', 'the reminder that was overtaken is done and not sent');
select tests.remind(:'card', -3);
select private.tidy_identity();
select private.remind_of_licences();
select is((tests.reminders(:'paused'))[2:], '{licence_ended B}', 'an end that fell into the pause is told once');
select is((select status from public.driver_licences where id = :'card'), 'expired', 'a licence whose classes have all ended expires');
-- none
select tests.make_user('settled') as settled \gset
select tests.make_licence(:'settled', '{A1}') as endless, tests.make_licence(:'settled', '{B2}', private.licence_day() + 6, '{"issued_on": "2016-12-06"}') as former, tests.make_licence(:'settled', '{B}') as present \gset
select private.remind_of_licences();
select is(tests.reminders(:'settled'), '{}', 'neither a licence without an end nor one that a newer one replaces is reminded of');
update public.driver_licences set automatic_only = true where id = :'present';
select private.remind_of_licences();
select is(cardinality(tests.reminders(:'settled')), 1, 'a licence for automatic cars does not replace one for all cars');
update public.driver_licences set status = 'rejected', reason = 'forged', valid_until = private.licence_day() + 1 where id = :'former';
select private.remind_of_licences();
select is(cardinality(tests.reminders(:'settled')), 1, 'a revoked licence is not reminded of');

select * from finish();
rollback;

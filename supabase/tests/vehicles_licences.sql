-- Vehicles: which licence a listing needs, and what it must state for that.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_user('host') as host, tests.make_user('renter') as renter \gset
update private.rate_limits set capacity = 1000, per_minute = 1000;

-- what a listing must state
select tests.as_user(:'host');
select is(tests.outcome_details(format('select public.create_vehicle(tests.listing(%L), gen_random_uuid())', d)) ->> 'field', f, 'a listing with this is refused: ' || d)
from (values
  ('{"kind": "motorbike"}', 'engine_cc'), ('{"kind": "motorbike", "fuel": "hybrid"}', 'engine_cc'), ('{"kind": "motorbike", "fuel": "electric"}', 'power_kw'),
  ('{"fuel": "electric", "engine_cc": 1496}', 'engine_cc'), ('{"power_kw": 80}', 'power_kw'), ('{"fuel": "electric", "power_kw": 0}', 'power_kw'),
  ('{"fuel": "electric", "power_kw": 4.001}', 'power_kw'), ('{"fuel": "electric", "power_kw": "4"}', 'power_kw'), ('{"fuel": "electric", "power_kw": 1e300}', 'power_kw'),
  ('{"top_speed_kmh": 50}', 'top_speed_kmh'), ('{"kind": "motorbike", "engine_cc": 49, "top_speed_kmh": 4}', 'top_speed_kmh'),
  ('{"kind": "motorbike", "engine_cc": 110, "gross_mass_kg": 900}', 'gross_mass_kg'), ('{"gross_mass_kg": 499}', 'gross_mass_kg')
) t (d, f);
select tests.as_owner();
select tests.make_vehicle(:'host') as car, tests.make_vehicle(:'host', '{"transmission": "manual", "plate": "30A-111.11"}') as manual,
  tests.make_vehicle(:'host', '{"gross_mass_kg": 3501, "plate": "30A-222.22"}') as pickup, tests.make_vehicle(:'host', '{"seats": 17, "plate": "30A-333.33"}') as bus,
  tests.make_vehicle(:'host', '{"kind": "motorbike", "seats": 2, "engine_cc": 150, "plate": "30A-444.44"}') as bike,
  tests.make_vehicle(:'host', '{"kind": "motorbike", "seats": 2, "fuel": "electric", "power_kw": 1.2, "top_speed_kmh": 49, "plate": "30A-555.55"}') as moped \gset
select tests.as_user(:'host');
select is((public.update_vehicle(:'moped', '{"top_speed_kmh": 50}')).status, 'pending_review', 'a listing whose design speed changes goes back to review');
select tests.as_owner();
update public.vehicles set status = 'published' where id = :'moped';

-- which classes a page shows
create function tests.classes_for(p_vehicle_id uuid)
returns text
language sql stable
as $$ select string_agg(case scheme when 'before_2025' then 'old ' when 'from_2025' then 'new ' else 'none' end || coalesce(class, '') || case when automatic_only then ' automatic' else '' end, ', ' order by class nulls first, scheme desc) from public.required_licences(p_vehicle_id) $$;
select tests.as_visitor();
select is(tests.classes_for(:'bike'), 'new A, old A1, old A2, old A3', 'a visitor sees which licences open a motorbike of 150 cc');
select is(tests.classes_for(:'car') like '%new B automatic, old B1 automatic%', true, 'a visitor sees that a licence for automatic cars opens an automatic car');
select is(tests.classes_for(:'manual') like '%automatic%', false, 'a visitor sees no licence for automatic cars at a manual car');
select is(tests.classes_for(:'bus'), 'new D, old D, new D1, new D1E, new D2, new D2E, new DE, old E, old FD, old FE', 'a visitor sees which licences open a bus of 17 seats, the one of the driver included');
select is(tests.classes_for(:'pickup') like '%new C1%' and tests.classes_for(:'pickup') not like '%new B%', true, 'a visitor sees that a B does not open a pickup of more than 3,500 kg');
select is((select scheme is null and class is null and min_age = 18 from public.required_licences(:'moped') limit 1), true, 'a visitor sees that a moped needs no licence, and from which age it is rented');
select is((select count(*)::int from public.required_licences(:'car') where source not like 'Luật %, Điều %'), 0, 'each class names its article of the law');
select is(tests.outcome('select * from public.required_licences(gen_random_uuid())'), 'vehicle_not_found', 'a listing that does not exist needs no licence');
select tests.as_owner();
update public.vehicles set status = 'suspended' where id = :'pickup';
select tests.as_visitor();
select is(tests.outcome(format('select * from public.required_licences(%L)', :'pickup')), 'vehicle_not_found', 'a visitor does not see what a listing needs that is not offered');
select tests.as_user(:'host');
select is(tests.outcome(format('select * from public.required_licences(%L)', :'pickup')), 'ok', 'a host sees which licences the own listing needs');

-- what each command asks: the page and the answer agree
select tests.as_owner();
create function tests.may_drive(p_vehicle_id uuid, p_scheme text, p_class text, p_automatic_only boolean)
returns boolean
language plpgsql volatile
as $$
declare
  v_user uuid := tests.make_user('driver');
begin
  perform tests.make_licence(v_user, array[p_class], current_date + 3000, jsonb_build_object(
    'issued_on', case p_scheme when 'before_2025' then '2024-12-31' else '2025-01-01' end, 'automatic_only', p_automatic_only));
  return private.licence_problem(v_user, p_vehicle_id, tstzrange(now(), now() + interval '1 hour')) is null;
end
$$;
update public.vehicles set status = 'published' where id = :'pickup';
select is(
  (select count(*)::int
   from unnest(array[:'car', :'manual', :'pickup', :'bus', :'bike']::uuid[]) v
   cross join private.licence_classes c
   cross join unnest(array[false, true]) a
   where (not a or c.may_be_automatic_only)
     and tests.may_drive(v, c.scheme, c.class, a) is distinct from exists (
       select from public.required_licences(v) r where r.scheme = c.scheme and r.class = c.class and (r.automatic_only or not a))),
  0, 'of each class, what the page of a vehicle says is what a quote answers');
select is(private.licence_problem(:'renter', :'moped', tstzrange(now(), now() + interval '1 hour')), 'licence_required', 'a person without any licence cannot prove the age for a moped');

select * from finish();
rollback;

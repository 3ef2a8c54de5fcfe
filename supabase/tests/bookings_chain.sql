-- Bookings: the chain of hashes over the inspections of a trip.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_user('stranger') as stranger,
  tests.make_admin('admin') as admin, tests.make_user('support') as support \gset
insert into public.user_roles (user_id, role) values (:'support', 'support');
select tests.make_vehicle(:'host') as vehicle \gset
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(30), tests.hours(40)) as trip,
  tests.make_paid_booking(:'renter', :'vehicle', tests.hours(60), tests.hours(70)) as ahead \gset
select tests.move_trip(:'trip', 0);

-- What a text of the chain of the trip says at a path.
create function tests.said(p_booking_id uuid, p_number int, p_path text[])
returns text
language sql stable
as $$ select (l.record::jsonb) #>> p_path from private.inspection_links l where l.booking_id = p_booking_id and l.number = p_number $$;
create function tests.problems(p_booking_id uuid)
returns text
language sql stable
as $$ select string_agg(concat_ws(' ', p.number, p.problem), ', ' order by p.number, p.problem) from private.inspection_chain_problems(p_booking_id) p $$;

-- links --------------------------------------------------------------------------------------------------------------
select is((private.inspections_sha256(:'trip')), null, 'a trip without inspections has no chain');
select tests.record_inspection('check_in', :'renter', :'trip', 1000);
select is(tests.said(:'trip', 1, '{inspection,status}'), 'recorded', 'recording a hand-over is the first link');
select is(tests.said(:'trip', 1, '{previous}'), null, 'the first link has none before');
select is(tests.said(:'trip', 1, '{inspection,odometer_km}') || ' ' || tests.said(:'trip', 1, '{inspection,fuel_percent}'), '1000 80', 'a link has odometer and fuel');
select is((select string_agg(f ->> 'angle', ' ' order by n) from jsonb_array_elements(tests.said(:'trip', 1, '{inspection,photos}')::jsonb) with ordinality a (f, n)), 'dashboard front left rear right', 'a link has every angle');
select is((select array_agg(distinct f ->> 'sha256') from jsonb_array_elements(tests.said(:'trip', 1, '{inspection,photos}')::jsonb) f), array[repeat('a', 64)], 'a link has the hash of the bytes of each photo');
select is(tests.said(:'trip', 1, '{inspection,recorded_at}'), private.record_time(now()), 'a link has the time of the record');
select tests.as_user(:'host');
select public.object_to_inspection(id, 'The dent was there before') from public.booking_inspections where booking_id = :'trip';
select is((public.acknowledge_inspection(id)).status, 'acknowledged', 'an objection can be taken back') from public.booking_inspections where booking_id = :'trip';
select tests.as_owner();
select is(tests.said(:'trip', 2, '{inspection,objection}'), 'The dent was there before', 'an objection is a link');
select is(tests.said(:'trip', 3, '{inspection,acknowledged_by}'), :'host', 'an acknowledgement is a link');
select is(tests.said(:'trip', 3, '{inspection,acknowledged_at}'), private.record_time(now()), 'a link has the time of the acknowledgement');
select tests.record_inspection('check_out', :'renter', :'trip', 1100);
select tests.move_trip(:'trip', -40);
select tests.let_answer_pass('check_out', :'trip');
select private.count_due_inspections();
select is((select array_agg(tests.said(:'trip', n, '{inspection,kind}') || ' ' || tests.said(:'trip', n, '{inspection,status}') order by n) from generate_series(1, 5) n),
  array['check_in recorded', 'check_in contested', 'check_in acknowledged', 'check_out recorded', 'check_out presumed'], 'both inspections of a trip are in one chain');
select is((select bool_and(tests.said(:'trip', n, '{previous}') = (select l.sha256 from private.inspection_links l where l.booking_id = :'trip' and l.number = n - 1)) from generate_series(2, 5) n), true, 'each link has the hash of the one before');
select is((select count(*)::int from private.domain_events e join private.inspection_links l on l.booking_id = e.subject_id and e.data ->> 'sha256' = l.sha256 where e.type = 'inspection.linked' and l.booking_id = :'trip'), 5, 'the log has the hash of each link');
select is(tests.problems(:'trip'), null, 'a chain that nobody touched is whole, wherever its trip lies');

-- who reads ------------------------------------------------------------------------------------------------------------
select tests.as_visitor();
select is(tests.outcome(format('select public.inspection_chain(%L)', :'trip')), '42501', 'a visitor reads no chain');
select tests.as_user(:'stranger');
select is(tests.outcome(format('select public.inspection_chain(%L)', :'trip')), 'booking_not_found', 'a stranger reads no chain');
select is(tests.outcome('select * from private.inspection_links'), '42501', 'nobody reads the links past the function');
select tests.as_user(:'host');
select public.inspection_chain(:'trip') as chain \gset
select is((select bool_and(l ->> 'sha256' = encode(sha256(convert_to(l ->> 'record', 'UTF8')), 'hex')) from jsonb_array_elements(:'chain'::jsonb -> 'links') l), true, 'both sides compute the hashes themselves');
select is((:'chain'::jsonb ->> 'is_intact')::boolean, true, 'the server finds the chain whole');
select is(:'chain'::jsonb ->> 'sha256', public.booking_detail(:'trip') ->> 'inspections_sha256', 'the detail of a booking has the hash of the last link');
select is(public.inspection_chain(:'ahead') - 'booking_id', '{"links": [], "sha256": null, "is_intact": true, "problems": []}', 'a trip without inspections has an empty chain');
select tests.as_user(:'support');
select is(public.inspection_chain(:'trip') ->> 'sha256', :'chain'::jsonb ->> 'sha256', 'support reads the same chain');
select is(tests.outcome('select public.inspection_chain(gen_random_uuid())'), 'booking_not_found', 'a booking that does not exist has no chain');
select tests.as_owner();

-- what cannot be stored, and what is seen --------------------------------------------------------------------------
select is(tests.outcome('update private.inspection_links set record = ''{}'''), '42501', 'nobody changes a link');
select is(tests.outcome('delete from private.inspection_links'), '42501', 'nobody deletes a link');
select is(tests.outcome('truncate private.inspection_links'), '42501', 'nobody empties the chain');
alter table private.inspection_links disable trigger immutable;
select is(tests.outcome($$ update private.inspection_links set record = '{}' $$), '23514', 'a link that does not fit its hash cannot be stored');
-- A statement in place of which nothing was done, and what is then found.
create function tests.problems_after(p_booking_id uuid, p_statement text)
returns text
language plpgsql volatile
as $$
declare
  v_found text;
begin
  begin
    execute format(p_statement, p_booking_id);
    v_found := tests.problems(p_booking_id);
    raise exception 'undo' using errcode = 'JJ000';
  exception
    when sqlstate 'JJ000' then
      return v_found;
  end;
end
$$;
select is(tests.problems_after(:'trip', $$ update public.booking_inspections set fuel_percent = 100 where booking_id = %L and kind = 'check_in' $$), '3 inspection', 'fuel that was changed later is seen');
select is(tests.problems_after(:'trip', $$ update public.booking_inspections set note = 'scratched' where booking_id = %L and kind = 'check_out' $$), '5 inspection', 'a note that was written later is seen');
select is(tests.problems_after(:'trip', $$ update public.booking_inspections set recorded_at = recorded_at - interval '1 second' where booking_id = %L and kind = 'check_out' $$), '5 inspection', 'a time that was changed by a second is seen');
select is(tests.problems_after(:'trip', $$ update private.inspection_links set record = replace(record, '"odometer_km":1000', '"odometer_km":900'), sha256 = private.sha256_hex(replace(record, '"odometer_km":1000', '"odometer_km":900')) where booking_id = %L and number = 2 $$), '2 log, 3 order', 'a link that was written anew fits neither the log nor the next');
select is(tests.problems_after(:'trip', $$ delete from private.inspection_links where booking_id = %L and number = 5 $$), '4 inspection, 5 missing', 'a last link that is gone is seen');
alter table private.inspection_links enable trigger immutable;
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated');

select * from finish();
rollback;

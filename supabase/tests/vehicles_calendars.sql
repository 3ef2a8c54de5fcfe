-- Vehicles: the address of a calendar, and calendars elsewhere.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();
update private.rate_limits set capacity = 1000000, per_minute = 1000000;

select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
select tests.make_vehicle(:'host', '{"lat": 13.5, "lng": 109.5, "title": "Everywhere", "buffer_minutes": 0}') as vehicle \gset

-- the address ---------------------------------------------------------------------------------------------------------
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(100), tests.hours(110)) as booking \gset
select tests.as_user(:'host');
select id as block from public.block_period(:'vehicle', tests.hours(200), tests.hours(210)) \gset
select public.create_calendar_link(:'vehicle') ->> 'token' as first \gset
select public.create_calendar_link(:'vehicle') as link \gset
select tests.as_user(:'stranger');
select is(tests.outcome(format('select public.create_calendar_link(%L)', :'vehicle')), 'vehicle_not_found', 'others get no address for the calendar of a vehicle');
select tests.as_service();
select is(public.calendar_feed(:'first'), null, 'a new address ends the earlier one');
select is((select array_agg(p - 'id' - 'created_at') from jsonb_array_elements(public.calendar_feed(:'link'::jsonb ->> 'token') -> 'periods') p),
  array[jsonb_build_object('starts_at', tests.hours(100), 'ends_at', tests.hours(110)), jsonb_build_object('starts_at', tests.hours(200), 'ends_at', tests.hours(210))], 'who has the address sees times');
select is(public.calendar_feed(:'link'::jsonb ->> 'token')::text ~ (:'renter' || '|' || :'booking' || '|block|booking'), false, 'who has the address sees neither people nor reasons');
select is(public.calendar_feed('x'), null, 'a wrong address shows nothing');
select tests.as_owner();
select is((select count(*)::int from private.calendar_links where encode(token_hash, 'escape') like '%' || (:'link'::jsonb ->> 'token') || '%'), 0, 'the token is not stored');

-- calendars elsewhere ---------------------------------------------------------------------------------------------------
select tests.as_user(:'host');
select is(tests.outcome_details(format('select private.add_external_calendar(%L, %L, %L)', :'vehicle', 'x', u)) ->> 'field', 'url', 'the address ' || u || ' is refused')
from (values ('http://calendars.example/1.ics'), ('ftp://calendars.example/1.ics'), ('https://localhost/1.ics'), ('https://10.0.0.1:8080/1.ics'), ('https://a@b.example/1.ics'), ('https://calendars.example/a b'), (''), ('javascript:alert(1)')) t (u);
select (private.add_external_calendar(:'vehicle', 'Elsewhere', 'webcal://calendars.example/1.ics')).id as calendar \gset
select is((private.add_external_calendar(:'vehicle', 'Elsewhere too', 'https://calendars.example/1.ics')).id, :'calendar', 'the same address is one calendar');
select is(tests.outcome(format('select private.add_external_calendar(%L, %L, %L)', :'vehicle', '', 'https://calendars.example/2.ics')), 'invalid_input', 'a calendar needs a name');
select tests.as_user(:'stranger');
select is((select count(*)::int from public.external_calendars), 0, 'others do not see the calendars of a host');
select is(tests.outcome(format('select public.remove_external_calendar(%L)', :'calendar')), 'external_calendar_not_found', 'others cannot remove a calendar of a host');
select tests.as_user(:'admin');
select is((select count(*)::int from public.external_calendars), 0, 'an admin does not see the addresses of calendars either');
select tests.as_owner();
select is((select count(distinct dedupe_key)::int from private.outbox where topic = 'calendar_import' and payload ->> 'calendar_id' = :'calendar'), 2, 'a calendar is read as soon as it is added');
update public.external_calendars set next_at = now() - interval '1 minute' where id = :'calendar';
select private.queue_calendars(), private.queue_calendars();
select is((select count(*)::int from private.outbox where topic = 'calendar_import' and payload ->> 'calendar_id' = :'calendar'), 3, 'a calendar that is due is read once');

-- what it takes, as hours from now
create function tests.busy(variadic p_hours int[])
returns jsonb
language sql stable
as $$
  select jsonb_build_object('kind', 'busy', 'etag', 'v1', 'periods', coalesce((
    select jsonb_agg(jsonb_build_object('starts_at', tests.hours(p_hours[n]), 'ends_at', tests.hours(p_hours[n + 1]))) from generate_series(1, cardinality(p_hours) - 1, 2) n), '[]'))
$$;
create function tests.entries(p_calendar uuid)
returns text[]
language sql stable
as $$
  select array_agg(format('%s-%s', round(extract(epoch from lower(blocked) - tests.hours(0)) / 3600), round(extract(epoch from upper(blocked) - tests.hours(0)) / 3600)) order by blocked)
  from public.calendar_entries where calendar_id = p_calendar
$$;
create function tests.conflicts(p_calendar uuid)
returns text[]
language sql stable
as $$
  select array_agg(format('%s-%s', round(extract(epoch from lower(period) - tests.hours(0)) / 3600), round(extract(epoch from upper(period) - tests.hours(0)) / 3600)) order by period)
  from public.calendar_conflicts where calendar_id = p_calendar and gone_at is null
$$;
select tests.as_service();
select public.store_calendar(:'calendar', tests.busy(50, 60, 70, 80));
select tests.as_owner();
select is(tests.entries(:'calendar'), array['50-60', '70-80'], 'what an external calendar takes is an entry of the calendar');
select is(tests.outcome(format('select public.quote_facts(%L, %L, %L, %L)', :'renter', :'vehicle', tests.hours(55), tests.hours(57))), 'vehicle_unavailable', 'what an external calendar takes cannot be booked');
select tests.as_service();
select public.store_calendar(:'calendar', tests.busy(50, 60, 72, 85));
select tests.as_owner();
select is(tests.entries(:'calendar'), array['50-60', '72-85'], 'what an external calendar no longer takes is free again');
select tests.as_service();
select public.store_calendar(:'calendar', '{"kind": "failed", "problem": "its server answered 500"}'), public.store_calendar(:'calendar', '{"kind": "failed", "problem": "its server answered 500"}');
select tests.as_owner();
select is(tests.entries(:'calendar'), array['50-60', '72-85'], 'a server that fails frees nothing');
select is((select failures || ' ' || problem from public.external_calendars where id = :'calendar'), '2 its server answered 500', 'a host learns what is wrong with a calendar');
select is((select count(*)::int from public.notifications where user_id = :'host' and template = 'calendar_unreadable'), 0, 'two failures are told to nobody');
select private.store_calendar(:'calendar', '{"kind": "failed", "problem": "x"}'), private.store_calendar(:'calendar', '{"kind": "failed", "problem": "x"}');
select is((select count(*)::int from public.notifications where user_id = :'host' and template = 'calendar_unreadable'), 1, 'a host is told once of a calendar that cannot be read');
select private.store_calendar(:'calendar', '{"kind": "unchanged"}');
select is((select failures || coalesce(problem, ' fine') from public.external_calendars where id = :'calendar'), '0 fine', 'a calendar that can be read again has no problem');

-- clashes -----------------------------------------------------------------------------------------------------------------
select tests.as_service();
select public.store_calendar(:'calendar', tests.busy(95, 120, 205, 215));
select tests.as_owner();
select is(tests.entries(:'calendar'), array['95-100', '110-120', '210-215'], 'where something is taken already, an external calendar takes the rest');
select is(tests.conflicts(:'calendar'), array['100-110'], 'a clash with a booking is stored; one with a block of the host is none');
select is((select status from public.bookings where id = :'booking'), 'confirmed', 'the booking stands where a calendar clashes with it');
select private.store_calendar(:'calendar', tests.busy(95, 120, 205, 215));
select is((select count(*)::int from public.notifications where user_id = :'host' and template = 'calendar_conflict'), 1, 'a host is told of a clash once');
select tests.as_user(:'host');
select is((select jsonb_array_length(conflicts) from public.my_external_calendars(:'vehicle')), 1, 'a host sees the clashes of a calendar');
select public.unblock_period(:'block');
select tests.as_owner();
select is(tests.entries(:'calendar'), array['95-100', '110-120', '205-215'], 'what a block leaves is taken at once by the calendar that says so');
select tests.as_user(:'renter');
select tests.cancel_booking(:'booking');
select tests.as_owner();
select is((select range_agg(blocked) from public.calendar_entries where calendar_id = :'calendar'), tstzmultirange(tstzrange(tests.hours(95), tests.hours(120)), tstzrange(tests.hours(205), tests.hours(215))),
  'what a cancelled booking leaves is taken at once by the calendar that says so');
select is(tests.conflicts(:'calendar'), null, 'a clash whose booking is cancelled is gone');
select is((select count(*)::int from public.calendar_conflicts where calendar_id = :'calendar' and gone_at is not null), 1, 'a clash that is gone is not forgotten');

-- two calendars, and the constraint
select tests.as_user(:'host');
select (private.add_external_calendar(:'vehicle', 'Third', 'https://calendars.example/3.ics')).id as third \gset
select tests.as_owner();
select private.store_calendar(:'third', tests.busy(90, 100, 300, 310));
select is(tests.entries(:'third'), array['90-95', '300-310'], 'two calendars share what both take');
select private.store_calendar(:'calendar', tests.busy(variadic '{}'));
select is(tests.entries(:'third'), array['90-95', '300-310'], 'what the other calendar leaves is taken when the calendar is read next');
select private.store_calendar(:'third', '{"kind": "unchanged"}');
select is(tests.entries(:'third'), array['90-100', '300-310'], 'a calendar that has not changed takes what came free');
select is(tests.outcome(format('insert into public.calendar_entries (vehicle_id, kind, blocked) values (%L, %L, %L)', :'vehicle', 'external', tstzrange(tests.hours(95), tests.hours(96)))), '23P01', 'entries of external calendars are under the one constraint');
select tests.as_user(:'host');
select is(tests.outcome(format('select public.remove_external_calendar(%L)', :'third')), 'ok', 'a host removes a calendar');
select tests.as_owner();
select is((select count(*)::int from public.calendar_entries where vehicle_id = :'vehicle' and kind = 'external'), 0, 'what a removed calendar took is free again');
select is(private.calendar_to_read(:'third'), null, 'a removed calendar is not read');
select is(tests.outcome(format('select private.store_calendar(%L, %L)', :'calendar', o)), 'invalid_input', 'the outcome ' || o || ' is refused')
from (values ('{}'), ('{"kind": "busy", "periods": [{"starts_at": "x", "ends_at": "y"}]}'), ('{"kind": "busy", "periods": "x"}')) t (o);
-- random calendars beside random blocks: what is blocked is the union, and nothing overlaps
select setseed(0.4);
create temporary table tries as
select n, (select range_agg(tstzrange(tests.hours(f), tests.hours(f + l))) from (select 400 + floor(random() * 200)::int as f, 1 + floor(random() * 20)::int as l from generate_series(1, 6 + n * 0)) x) as busy,
  (select range_agg(tstzrange(tests.hours(f), tests.hours(f + l))) from (select 400 + floor(random() * 200)::int as f, 1 + floor(random() * 20)::int as l from generate_series(1, 4 + n * 0)) x) as blocks
from generate_series(1, 30) n;
create function tests.union_holds(p_vehicle uuid, p_calendar uuid, p_busy tstzmultirange, p_blocks tstzmultirange)
returns boolean
language plpgsql volatile
as $$
begin
  delete from public.calendar_entries where vehicle_id = p_vehicle and kind = 'host_block';
  insert into public.calendar_entries (vehicle_id, kind, blocked)
  select p_vehicle, 'host_block', b from unnest(p_blocks - coalesce((select range_agg(e.blocked) from public.calendar_entries e where e.vehicle_id = p_vehicle), '{}')) b;
  perform private.store_calendar(p_calendar, jsonb_build_object('kind', 'busy', 'periods', (select jsonb_agg(jsonb_build_object('starts_at', lower(r), 'ends_at', upper(r))) from unnest(p_busy) r)));
  return (select range_agg(e.blocked) filter (where e.kind = 'host_block') + p_busy = range_agg(e.blocked) from public.calendar_entries e where e.vehicle_id = p_vehicle);
end
$$;
select is((select array_agg(n) from tries where not tests.union_holds(:'vehicle', :'calendar', busy, blocks)), null, 'in each of 30 random calendars, what is blocked is what the host and the calendar say');

select * from finish();
rollback;

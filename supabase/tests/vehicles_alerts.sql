-- Vehicles: favourites, saved searches and their alerts.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();
update private.rate_limits set capacity = 1000000, per_minute = 1000000;

select tests.make_renter('renter') as renter, tests.make_renter('seeker') as seeker, tests.make_user('host') as host, tests.make_user('other') as other \gset
select tests.make_vehicle(:'host', '{"lat": 12.5, "lng": 108.5, "title": "Wanted", "price_per_day": 800000}') as vehicle, tests.make_draft(:'host') as draft \gset

-- favourites ----------------------------------------------------------------------------------------------------------
select tests.as_user(:'seeker');
select is(tests.outcome(format('select public.set_favourite(%L, true)', v)), o, l)
from (values (:'vehicle', 'ok', 'a person likes a vehicle'), (:'vehicle', 'ok', 'liking twice changes nothing'), (:'draft', 'vehicle_not_found', 'a draft of somebody else cannot be liked')) t (v, o, l);
select is((select array_agg(title || ' ' || is_offered) from public.my_favourites()), array['Wanted true'], 'a person reads the own favourites');
select tests.as_user(:'other');
select is((select count(*)::int from public.favourites), 0, 'others do not see what a person likes');
select tests.as_owner();
update private.settings set value = '1' where key = 'max_favourites';
select tests.make_vehicle(:'host') as second \gset
select tests.as_user(:'seeker');
select is(tests.outcome(format('select public.set_favourite(%L, true)', :'second')), 'too_many_favourites', 'a person has only so many favourites');
select is(tests.outcome(format('select public.set_favourite(%L, false)', :'vehicle')), 'ok', 'a person no longer likes a vehicle');
select is((select count(*)::int from public.my_favourites()), 0, 'what is no longer liked is gone');

-- saved searches --------------------------------------------------------------------------------------------------------
select tests.as_owner();
create function tests.criteria(p_more jsonb default '{}')
returns jsonb
language sql stable
as $$ select jsonb_build_object('lat', 12.5, 'lng', 108.5, 'radius_m', 10000, 'starts_at', tests.hours(100), 'ends_at', tests.hours(110)) || p_more $$;
select tests.as_user(:'seeker');
select is(tests.outcome(format('select public.save_search(%L, %L, gen_random_uuid())', n, c)), o, l)
from (values ('', tests.criteria(), 'invalid_input', 'a search needs a name'), ('x', '[]', 'invalid_input', 'a search must be an object'), ('x', tests.criteria('{"page_size": 5}'), 'unknown_field', 'an argument that says not what is searched is refused'),
  ('x', tests.criteria('{"caller_id": "00000000-0000-0000-0000-000000000000"}'), 'unknown_field', 'nobody searches in the name of somebody else'), ('x', tests.criteria('{"lat": "north"}'), 'invalid_input', 'a place must be a number'),
  ('x', tests.criteria('{"starts_at": "2020-01-01T00:00:00Z"}'), 'period_in_past', 'a search of the past is not saved'), ('x', tests.criteria('{"radius_m": 5}'), 'invalid_input', 'a search is checked when it is saved')) t (n, c, o, l);
select '11111111-2222-4333-8444-555555555555' as key \gset
select public.save_search('Hè ở Ban Mê', tests.criteria('{"kind": "car", "max_price": 900000}'), :'key') ->> 'id' as search \gset
select is(public.save_search('Hè ở Ban Mê', tests.criteria('{"kind": "car", "max_price": 900000}'), :'key') ->> 'id', :'search', 'saving with the same key saves once');
select is((select array_agg(name || ' ' || alerts || ' ' || is_over) from public.my_saved_searches()), array['Hè ở Ban Mê true false'], 'a person reads the own saved searches');
select tests.as_user(:'other');
select is((select count(*)::int from public.saved_searches), 0, 'others do not see what a person has saved');
select is(tests.outcome(format('select public.set_search_alerts(%L, false)', :'search')), 'saved_search_not_found', 'others cannot change a saved search');
select is(tests.outcome(format('select public.delete_saved_search(%L)', :'search')), 'ok', 'deleting what is not the own changes nothing');
select tests.as_owner();
update private.settings set value = '1' where key = 'max_saved_searches';
select tests.as_user(:'seeker');
select is(tests.outcome(format('select public.save_search(%L, %L, gen_random_uuid())', 'x', tests.criteria())), 'too_many_saved_searches', 'a person has only so many saved searches');

-- alerts ------------------------------------------------------------------------------------------------------------------
select tests.as_owner();
update private.settings set value = '20' where key = 'max_saved_searches';
delete from private.freed_slots;
-- what the job tells since the last time
create function tests.alerts()
returns text[]
language plpgsql volatile
as $$
declare
  v_told text[];
begin
  perform private.send_search_alerts();
  select array_agg(p.display_name || ': ' || (n.data ->> 'title') order by p.display_name) into v_told
  from public.notifications n join public.profiles p on p.id = n.user_id where n.template = 'vehicle_came_free';
  delete from public.notifications where template = 'vehicle_came_free';
  return v_told;
end
$$;
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(90), tests.hours(120)) as booking \gset
select is(tests.alerts(), null, 'nobody is told of a vehicle that is booked');
select tests.as_user(:'renter');
select tests.cancel_booking(:'booking');
select tests.as_owner();
select is((select array_agg(cause) from private.freed_slots where vehicle_id = :'vehicle'), array['calendar'], 'the transaction that cancels records the freed slot');
select is(tests.alerts(), array['seeker: Wanted'], 'a cancelled booking alerts the people who search for its time');
select is(tests.alerts(), null, 'an alert is sent once');
-- the same vehicle again within a day
select tests.as_user(:'host');
select (public.block_period(:'vehicle', tests.hours(99), tests.hours(112))).id as block \gset
select public.unblock_period(:'block');
select tests.as_owner();
select is(tests.alerts(), null, 'the same vehicle is not named twice within a day');
update private.search_alerts set alerted_at = now() - interval '25 hours';
select tests.as_user(:'host');
select (public.block_period(:'vehicle', tests.hours(99), tests.hours(112))).id as block \gset
select public.unblock_period(:'block');
select tests.as_owner();
select is(tests.alerts(), array['seeker: Wanted'], 'a removed block alerts the people who search for its time');
-- a hold that ends
delete from private.search_alerts;
select tests.make_booking(:'renter', :'vehicle', tests.hours(95), tests.hours(115)) as held \gset
update public.bookings set hold_expires_at = now() - interval '1 second' where id = :'held';
update public.calendar_entries set expires_at = now() - interval '1 second' where booking_id = :'held';
update public.payments set expires_at = now() - interval '1 second' where payable_id = :'held';
select private.release_expired_holds(:'vehicle', tstzrange(tests.hours(90), tests.hours(120)));
select is(tests.alerts(), array['seeker: Wanted'], 'an expired hold alerts the people who search for its time');
-- other ways to come free
delete from private.search_alerts;
update public.vehicles set price_per_day = 950000 where id = :'vehicle';
select is(tests.alerts(), null, 'a price that rises is told to nobody');
update public.vehicles set price_per_day = 850000 where id = :'vehicle';
select is(tests.alerts(), array['seeker: Wanted'], 'a lower price alerts the people whose limit it meets');
delete from private.search_alerts;
update public.vehicles set status = 'suspended' where id = :'vehicle';
update public.vehicles set status = 'published' where id = :'vehicle';
select is(tests.alerts(), array['seeker: Wanted'], 'a listing that is offered again alerts the people who search for it');
delete from private.search_alerts;
select tests.as_user(:'host');
select public.set_vehicle_hours(:'vehicle', '[{"weekday": 1, "hours": [{"opens": "00:00", "closes": "00:01"}]}]');
select tests.as_owner();
select is(tests.alerts(), null, 'a vehicle that is closed then is told to nobody');
select tests.as_user(:'host');
select public.set_vehicle_hours(:'vehicle', null);
select tests.as_owner();
select is(tests.alerts(), array['seeker: Wanted'], 'opened hours alert the people who search for the time');
-- who is not told
delete from private.search_alerts;
select tests.as_user(:'seeker');
select public.set_search_alerts(:'search', false);
select tests.as_owner();
select private.slot_freed(:'vehicle', tstzrange(tests.hours(90), tests.hours(120)), 'calendar');
select is((select count(*)::int from private.freed_slots), 0, 'nothing is written down when nobody waits');
select tests.as_user(:'seeker');
select public.set_search_alerts(:'search', true);
select tests.as_owner();
select private.slot_freed(:'vehicle', tstzrange(tests.hours(190), tests.hours(220)), 'calendar');
select is((select count(*)::int from private.freed_slots), 0, 'nothing is written down of another time');
insert into public.user_blocks (user_id, blocked_id) values (:'host', :'seeker');
select private.slot_freed(:'vehicle', tstzrange(tests.hours(90), tests.hours(120)), 'calendar');
select is(tests.alerts(), null, 'nobody is told of the vehicle of one with whom there is a block');
delete from public.user_blocks;
update private.settings set value = '{"per_day": 1, "same_vehicle_hours": 24}' where key = 'search_alerts';
select tests.make_vehicle(:'host', jsonb_build_object('lat', 12.5, 'lng', 108.5, 'title', 'New ' || n)) from generate_series(1, 3) n;
select is(cardinality(tests.alerts()), 1, 'one search is told of so many vehicles a day and no more');
select is((select count(*)::int from private.freed_slots), 0, 'what was looked at is removed');

select * from finish();
rollback;

-- Ticketing: what can be had of an event, and who hears of it. Its races and what crosses the wire are in tests/ticketing.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

update private.rate_limits set capacity = 1000, per_minute = 1000;
select tests.make_user('owner') as owner, tests.make_user('buyer') as buyer, tests.make_user('other') as other, tests.make_user('stranger') as stranger \gset
select tests.make_event(:'owner', '{"total": 10}') as event, tests.make_event(:'owner', '{"total": 5}') as unlisted \gset
select tests.class_of(:'event') as standard \gset
update public.event_configs set visibility = 'unlisted' where event_id = :'unlisted';
select tests.as_user(:'owner');
select (private.create_event((select organizer_id from public.events where id = :'event'), jsonb_build_object('title', 'A draft', 'category', 'music', 'venue', 'Opera',
  'address', '1 Tràng Tiền', 'city', 'Hà Nội', 'starts_at', tests.hours(240), 'ends_at', tests.hours(243)), gen_random_uuid())).id as draft \gset
select (private.add_ticket_class(:'event', '{"name": "Friends", "price": 0, "total": 3, "is_hidden": true, "unlock_code": "FRIENDS-1"}', gen_random_uuid())).id as friends \gset
select tests.as_owner();
update public.ticket_classes set position = 1 where id = :'friends';

-- what was broadcast of an event; its second is over at once
create function pg_temp.commits() returns void language plpgsql as $$
begin
  set constraints all immediate;
  set constraints all deferred;
end $$;
create function pg_temp.second_passes() returns void language sql as $$ update private.told_availability set again_at = '-infinity', looks_until = '-infinity' $$;
create function pg_temp.told(p_event uuid) returns setof jsonb language sql as $$
  select m.payload from realtime.messages m
  where m.topic = 'event:' || p_event and (m.payload ->> 'seq')::int > coalesce(current_setting('tests.before', true)::int, 0) order by (m.payload ->> 'seq')::int $$;
create function pg_temp.last_told(p_event uuid, p_class uuid) returns jsonb language sql as $$
  select c from pg_temp.told(p_event) t, jsonb_array_elements(t -> 'classes') c where c ->> 'id' = p_class::text order by (t ->> 'seq')::int desc limit 1 $$;
create function pg_temp.may_join(p_topic text) returns boolean language plpgsql as $$
declare
  v_id uuid := gen_random_uuid();
  v_role text := current_setting('role');
  v_seen boolean;
begin
  perform tests.as_owner();
  insert into realtime.messages (id, topic, extension) values (v_id, p_topic, 'broadcast');
  perform set_config('realtime.topic', p_topic, true), set_config('role', v_role, true);
  select exists (select from realtime.messages m where m.id = v_id) into v_seen;
  return v_seen;
end $$;
grant execute on function pg_temp.may_join to public;

-- who may hear it
select tests.as_visitor();
select ok(pg_temp.may_join('event:' || :'event'), 'a visitor may hear of a published event');
select ok(pg_temp.may_join('event:' || :'unlisted'), 'a person who has the id of an unlisted event may hear of it');
select ok(not pg_temp.may_join('event:' || :'draft'), 'nobody hears of a draft');
select ok(not pg_temp.may_join('event:' || gen_random_uuid()), 'nobody hears of an event that does not exist');
select ok(not pg_temp.may_join('event:everything'), 'a topic that is no event is not readable');
select is(tests.outcome(format('select public.event_availability(%L)', :'draft')), 'event_not_found', 'a visitor does not ask for a draft');
select is(tests.outcome(format('select public.tell_availability(%L)', :'event')), '42501', 'a visitor tells nobody');
select is(public.event_availability(:'unlisted') ->> 'status', 'published', 'an unlisted event is read by its id');
select tests.as_user(:'owner');
select is(public.event_availability(:'draft') ->> 'seq', '0', 'its team reads a draft');

-- what is told
select tests.as_owner();
select pg_temp.commits();
select pg_temp.second_passes();
-- from here on
select set_config('tests.before', seq::text, true), seq + 1 as next from private.told_availability where event_id = :'event' \gset
select tests.make_order(:'buyer', :'event', 3) as first \gset
select pg_temp.commits();
select is(pg_temp.last_told(:'event', :'standard') - '{sale}'::text[], jsonb_build_object('id', :'standard', 'price', 500000, 'availability', 'available', 'left', 7), 'an order is told with price and what is left');
select is((select count(*)::int from pg_temp.told(:'event') t, jsonb_array_elements(t -> 'classes') c where c ->> 'id' = :'friends'), 0, 'a hidden kind of ticket is in no broadcast');
select is((select count(*)::int from pg_temp.told(:'event')), 1, 'one order is told once');
select is((select count(*)::int from private.outbox where topic = 'availability' and dedupe_key = :'event' || ':' || :next and available_at > clock_timestamp()), 1, 'somebody looks again when the second is over');
select tests.make_order(:'buyer', :'event', 1) \gset
select tests.make_order(:'other', :'event', 5) \gset
select pg_temp.commits();
select is((select count(*)::int from pg_temp.told(:'event')), 1, 'nothing is told twice in one second');
select is(private.tell_availability(:'event'), null, 'a look before the end of the second tells nothing');
select pg_temp.second_passes();
select is(private.tell_availability(:'event'), true, 'the look after the second tells what came since');
select is(pg_temp.last_told(:'event', :'standard') -> 'availability', '"few_left"', 'a tenth of the tickets are few');
select pg_temp.second_passes();
select is(private.tell_availability(:'event'), false, 'what was told is not told again');
select tests.make_order(:'other', :'event', 1) as last \gset
select pg_temp.commits();
select is(pg_temp.last_told(:'event', :'standard') -> 'availability', '"sold_out"', 'the last ticket is told');
select results_eq(format('select (t ->> %L)::int from pg_temp.told(%L) t', 'seq', :'event'), format('select * from generate_series(%s, %s)', :next, :next + 2), 'broadcasts are numbered without gaps');

-- time alone
select pg_temp.second_passes();
select tests.order_runs_out(:'last');
select tests.as_visitor();
select is(public.event_availability(:'event') #>> '{classes,0,left}', '1', 'a hold is over when it is over');
select tests.as_owner();
select is(pg_temp.last_told(:'event', :'standard') -> 'left', '1', 'a read that finds what time has changed broadcasts it');

-- hidden kinds
select pg_temp.second_passes();
select tests.as_user(:'stranger');
select is(jsonb_array_length(public.event_availability(:'event') -> 'classes'), 1, 'a hidden kind is not read without its code');
select is(public.event_availability(:'event', 'friends-1') #>> '{classes,1,id}', :'friends', 'its code shows it');
select tests.as_owner();
select count(*)::int as before from pg_temp.told(:'event') \gset
update private.stock_shards set sold = sold + 1 where pool_id = :'friends' and shard = 0;
select pg_temp.commits();
select is((select count(*)::int from pg_temp.told(:'event')), :before, 'what happens to a hidden kind is not told');
select is((select count(*)::int from private.outbox where topic = 'availability' and dedupe_key like :'event' || ':until%' and available_at > clock_timestamp() + interval '1 second'), 1,
  'somebody looks again for those who come meanwhile');
update private.stock_shards set sold = sold - 1 where pool_id = :'friends' and shard = 0;
select pg_temp.commits();
select is((select count(*)::int from private.outbox where topic = 'availability' and dedupe_key like :'event' || ':until%' and available_at > clock_timestamp() + interval '1 second'), 1,
  'one look serves all of them');
select pg_temp.second_passes();

-- prices, sales and the event itself
select tests.as_user(:'owner');
select private.update_ticket_class(:'standard', '{"price": 450000}') \gset
select tests.as_owner();
select pg_temp.commits();
select is(pg_temp.last_told(:'event', :'standard') -> 'price', '450000', 'a new price is told');
select pg_temp.second_passes();
select tests.as_user(:'owner');
select private.configure_event(:'event', '{"shows_left": false}') \gset
select tests.as_owner();
select pg_temp.commits();
select is(pg_temp.last_told(:'event', :'standard') -> 'left', 'null', 'an organizer may keep the number to itself');
select tests.as_visitor();
select is(public.event_detail(:'event') #> '{classes,0,left}', 'null', 'the page of an event that keeps its number shows none');
select is(public.event_detail(:'event') #>> '{classes,0,availability}', 'few_left', 'a page that shows no number says whether there are few');
select is(public.event_availability(:'event') #> '{classes,0,left}', 'null', 'a read of what can be had shows none either');
select tests.as_user(:'stranger');
select is(tests.outcome_details(format($$ select private.create_order(%L, '[{"class_id": "%s", "quantity": 2}]', gen_random_uuid(), null, null, null) $$, :'event', :'standard')) - 'code',
  jsonb_build_object('class_id', :'standard', 'left', null), 'an order that is refused as sold out tells no number that the organizer keeps');
select is(tests.outcome_details(format('select private.join_waiting_list(%L, 1, null)', :'standard')) - 'code', '{"left": null}', 'a waiting list that nobody needs tells no number that the organizer keeps');
select tests.as_user(:'owner');
select is(public.event_detail(:'event') #>> '{classes,0,left}', '1', 'its team sees the number');
select tests.as_owner();
select pg_temp.second_passes();
select tests.as_user(:'owner');
select private.postpone_event(:'event', 'The singer is ill') \gset
select tests.as_owner();
select pg_temp.commits();
select is((select t ->> 'status' from pg_temp.told(:'event') t order by (t ->> 'seq')::int desc limit 1), 'postponed', 'a postponed event is told');
select is(pg_temp.last_told(:'event', :'standard') #>> '{sale,state}', 'closed', 'its tickets are not sold');

-- what cannot be stored
select is(tests.outcome(format('update private.told_availability set told = null where event_id = %L', :'event')), '23514', 'a broadcast without what it said cannot be stored');
select is(tests.outcome($$ update private.settings set value = '0' where key = 'few_left_percent' $$), '23514', 'a share of nothing cannot be set');

select * from finish();
rollback;

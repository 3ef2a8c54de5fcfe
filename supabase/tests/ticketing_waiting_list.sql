-- Ticketing: waiting lists, from joining to the order, and what comes back to whom.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

update private.rate_limits set capacity = 10000, per_minute = 10000;
select tests.make_user('owner') as owner, tests.make_user('buyer') as buyer, tests.make_user('first') as first, tests.make_user('second') as second, tests.make_user('third') as third,
  tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
select tests.make_event(:'owner', '{"total": 6}', '{"returns_hours": 1, "max_per_order": 4, "max_per_user": 4}') as event \gset
select tests.class_of(:'event') as standard \gset
create function pg_temp.order_of(p_event uuid, p_class uuid, p_quantity int) returns uuid language sql as $$
  select (private.create_order(p_event, jsonb_build_array(jsonb_build_object('class_id', p_class, 'quantity', p_quantity)), gen_random_uuid(), null, null, null)).id $$;
create function pg_temp.ordering(p_event uuid, p_class uuid, p_quantity int) returns text language sql as $$
  select format('select pg_temp.order_of(%L, %L, %s)', p_event, p_class, p_quantity) $$;
create function pg_temp.place(p_user uuid) returns text language sql security definer as $$
  select status from public.waiting_list_entries where user_id = p_user order by number desc limit 1 $$;
create function pg_temp.counted(p_class uuid) returns text language sql security definer as $$
  select format('%s held, %s sold', sum(held), sum(sold)) from private.stock_shards where pool_id = p_class $$;
create function pg_temp.told(p_user uuid, p_template text) returns int language sql security definer as $$
  select count(*)::int from public.notifications where user_id = p_user and template = p_template $$;
-- the time of an offer is over
create function pg_temp.offer_runs_out(p_user uuid) returns void language sql security definer as $$
  update private.ticket_holds h set held_until = now() - interval '1 second' from public.waiting_list_entries w where w.user_id = p_user and w.status = 'offered' and h.order_id = w.id and h.held > 0;
  update public.waiting_list_entries set offer_expires_at = now() - interval '1 second' where user_id = p_user and status = 'offered' $$;
grant execute on all functions in schema pg_temp to public;
select tests.make_paid_order(:'buyer', :'event', 4) as bought \gset
select array_agg(id order by number) as tickets from public.tickets where order_id = :'bought' \gset

-- joining
select tests.as_visitor();
select is(tests.outcome(format('select public.join_waiting_list(%L)', :'standard')), '42501', 'a visitor joins no list');
select tests.as_user(:'first');
select is(tests.outcome(format('select private.join_waiting_list(%L, 1, null)', :'standard')), 'not_sold_out', 'nobody waits for what is there');
select is(tests.outcome(format('select private.join_waiting_list(%L, 1, null)', gen_random_uuid())), 'ticket_class_not_found', 'nobody waits for what does not exist');
select tests.as_owner();
select tests.make_paid_order(:'admin', :'event', 2) as rest \gset
select tests.as_user(:'first');
select is(tests.outcome(format('select private.join_waiting_list(%L, 0, null)', :'standard')), 'invalid_input', 'nobody waits for no ticket');
select is(tests.outcome(format('select private.join_waiting_list(%L, 5, null)', :'standard')), 'ticket_limit_reached', 'nobody waits for more than one order may have');
select is(private.join_waiting_list(:'standard', 2, null) ->> 'position', '1', 'the first one has position 1');
select is(private.join_waiting_list(:'standard', 2, null) ->> 'position', '1', 'joining again keeps the place');
select is(tests.outcome(format('select private.join_waiting_list(%L, 3, null)', :'standard')), 'already_waiting', 'a place is for the number it was made for');
select tests.as_user(:'second');
select is(private.join_waiting_list(:'standard', 1, null) ->> 'position', '2', 'the next one is behind');
select tests.as_user(:'third');
select is(private.join_waiting_list(:'standard', 1, null) ->> 'status', 'waiting', 'there is nothing to offer');
select tests.as_user(:'buyer');
select is(tests.outcome(format('select private.join_waiting_list(%L, 1, null)', :'standard')), 'ticket_limit_reached', 'nobody waits for more than one person may have');
select tests.as_user(:'stranger');
select is((select count(*)::int from public.waiting_list_entries), 0, 'a stranger sees no place of others');
select is(tests.outcome(format('select public.leave_waiting_list(%L)', :'standard')), 'not_on_waiting_list', 'who is on no list leaves none');
select is(tests.outcome(format('select * from public.event_waiting_lists(%L)', :'event')), 'event_not_found', 'a stranger reads no figures');
select tests.as_user(:'owner');
select results_eq(format('select people, tickets, offered from public.event_waiting_lists(%L)', :'event'), $$ values (3::bigint, 4::bigint, 0::bigint) $$, 'the team reads how many wait');
select tests.as_owner();
select is((select count(*)::int from private.account_blocker_waiting_place(:'first')), 1, 'a place on a waiting list keeps the account');

-- one ticket comes back: the first wants two, so the second gets it, and nobody else
select tests.as_user(:'buyer');
select public.cancel_order(:'bought', 500000, gen_random_uuid(), (:'tickets'::uuid[])[1:1]) ->> 'status' as still \gset
select is(array[pg_temp.place(:'first'), pg_temp.place(:'second'), pg_temp.place(:'third')], '{waiting,offered,waiting}', 'what comes back is offered to the first whom it is enough for');
select is(pg_temp.counted(:'standard'), '1 held, 5 sold', 'an offer is counted as held');
select tests.as_user(:'stranger');
select is(tests.outcome(pg_temp.ordering(:'event', :'standard', 1)), 'sold_out', 'nobody else buys what is offered');
select is((public.event_detail(:'event') #>> '{classes,0,left}')::int, 0, 'nothing is left for others');
-- two come back while the first still waits
select tests.as_user(:'buyer');
select public.cancel_order(:'bought', 1000000, gen_random_uuid(), (:'tickets'::uuid[])[2:3]) ->> 'status' as still \gset
select is(array[pg_temp.place(:'first'), pg_temp.place(:'third')], '{offered,waiting}', 'the lowest number comes first');
select tests.as_owner();
select tests.settle();
select is(pg_temp.told(:'first', 'waiting_list_offered'), 1, 'who is offered tickets is told');
select is(tests.broken_promises(), null, 'no invariant is violated while tickets are offered');

-- accepting: more than is offered, other kinds, fewer
select tests.as_user(:'first');
select is(tests.outcome_details(pg_temp.ordering(:'event', :'standard', 3)) ->> 'left', '2', 'an order takes no more than is offered');
select is((select p ->> 'status' from private.my_waiting_places() p), 'offered', 'an offer is shown');
select pg_temp.order_of(:'event', :'standard', 1) as fewer \gset
select is(pg_temp.place(:'first'), 'accepted', 'an order takes the offer');
select is((select order_id from public.waiting_list_entries where user_id = :'first'), :'fewer'::uuid, 'a place knows its order');
select is(pg_temp.place(:'third'), 'offered', 'what an order leaves of its offer goes to the next');
select is(tests.outcome(pg_temp.ordering(:'event', :'standard', 1)), 'sold_out', 'an offer is good for one order');
select tests.as_owner();
select is(pg_temp.counted(:'standard'), '3 held, 3 sold', 'the tickets of an offer are those of its order');
select is(tests.pay(:'fewer'), 'applied', 'the order of an offer is paid like any other');
select is(pg_temp.counted(:'standard'), '2 held, 4 sold', 'the paid tickets of an offer are sold');

-- declining, lapsing, passing on
select tests.as_user(:'stranger');
select is(private.join_waiting_list(:'standard', 1, null) ->> 'position', '1', 'who joins later waits');
select tests.as_user(:'second');
select is(public.leave_waiting_list(:'standard') ->> 'status', 'declined', 'an offer is declined');
select is(public.leave_waiting_list(:'standard') ->> 'status', 'declined', 'declining an offer again changes nothing');
select is(pg_temp.place(:'stranger'), 'offered', 'a declined offer goes to the next at once');
select is(private.join_waiting_list(:'standard', 1, null) ->> 'position', '1', 'who declined may join again, behind the others');
select pg_temp.offer_runs_out(:'third');
select tests.as_user(:'third');
select is((select p ->> 'status' from private.my_waiting_places() p), 'lapsed', 'an offer is over when it is over');
select is(tests.outcome(pg_temp.ordering(:'event', :'standard', 1)), 'sold_out', 'an offer that is over is not taken');
select is(pg_temp.place(:'second'), 'offered', 'the next look at the list passes it on, before a job has run');
select tests.as_owner();
select tests.settle();
select is(pg_temp.told(:'third', 'waiting_list_lapsed'), 1, 'who lost an offer is told');
select pg_temp.offer_runs_out(:'second');
select tests.as_user(:'third');
select is(tests.outcome(format('select private.join_waiting_list(%L, 1, null)', :'standard')), 'not_sold_out', 'an offer that is over and that nobody waits for is on sale');
select tests.as_owner();
select pg_temp.offer_runs_out(:'stranger');
select ok(private.release_stock() = 2, 'a job takes back offers that are over');
select private.tidy_waiting_lists();
select is(pg_temp.counted(:'standard'), '0 held, 4 sold', 'nothing is held for nobody');
select is(array[pg_temp.place(:'second'), pg_temp.place(:'stranger')], '{lapsed,lapsed}', 'a job writes down that offers are over');
select tests.as_user(:'buyer');
select is((public.event_detail(:'event') #>> '{classes,0,left}')::int, 2, 'what nobody waits for is on sale again');
select is(tests.outcome(pg_temp.ordering(:'event', :'standard', 1)), 'ok', 'anybody buys what nobody waits for');

-- an order that runs out, a raise, and a room
select tests.as_user(:'stranger');
select pg_temp.order_of(:'event', :'standard', 1) as lapsing \gset
select tests.as_user(:'third');
select is(private.join_waiting_list(:'standard', 1, null) ->> 'status', 'waiting', 'it is sold out again');
select tests.as_user(:'second');
select private.join_waiting_list(:'standard', 2, null) ->> 'status' as waits \gset
select tests.as_owner();
select tests.order_runs_out(:'lapsing');
select tests.as_user(:'first');
select is(tests.outcome(pg_temp.ordering(:'event', :'standard', 1)), 'sold_out', 'a hold that is over is not sold past those who wait');
select tests.as_owner();
select private.release_stock();
select is(pg_temp.place(:'third'), 'offered', 'the job that takes back a hold offers it');
select tests.as_user(:'owner');
select (public.set_ticket_total(:'standard', 8)).total as total \gset
select is(pg_temp.place(:'second'), 'offered', 'a raise is offered in the transaction that makes it');
select is(tests.outcome(format('select public.set_ticket_total(%L, 5)', :'standard')), 'capacity_below_sold', 'a total is never below what is offered');
select tests.as_owner();
update public.event_configs set waiting_room = true where event_id = :'event';
select tests.as_user(:'second');
select is(tests.outcome(pg_temp.ordering(:'event', :'standard', 2)), 'ok', 'an offer needs no admission');
select tests.as_owner();
update public.event_configs set waiting_room = false where event_id = :'event';
select is((select available from private.queue_stock(:'event')), 0::bigint, 'a room admits nobody for what is offered');

-- free tickets, the sale is over, and the event
select tests.as_user(:'owner');
select (private.add_ticket_class(:'event', '{"name": "Free", "price": 0, "total": 1}', gen_random_uuid())).id as free \gset
select tests.as_user(:'stranger');
select pg_temp.order_of(:'event', :'free', 1) as gratis \gset
select tests.as_user(:'first');
select private.join_waiting_list(:'free', 1, null) ->> 'status' as waits \gset
select tests.as_user(:'stranger');
select public.cancel_order(:'gratis', 0, gen_random_uuid()) ->> 'status' as ended \gset
select tests.as_user(:'first');
select pg_temp.order_of(:'event', :'free', 1) as offered_free \gset
select is((select status from public.orders where id = :'offered_free'), 'completed', 'a free offer is complete at once');
select tests.as_owner();
select is(pg_temp.counted(:'free'), '0 held, 1 sold', 'a free ticket of an offer is sold');
select tests.as_user(:'stranger');
select private.join_waiting_list(:'free', 1, null) ->> 'status' as waits \gset
select tests.as_owner();
select is(tests.broken_promises(), null, 'no invariant is violated by offers');
select tests.as_user(:'owner');
select public.cancel_event(:'event', 'A storm') -> 'orders' ->> 'waiting' as waiting \gset
select tests.as_user(:'stranger');
select is((select p ->> 'status' from private.my_waiting_places() p where p ->> 'class_id' = :'free'), 'closed', 'a list is over with its event');
select tests.as_owner();
select private.tidy_waiting_lists();
select tests.settle();
select is(pg_temp.told(:'stranger', 'waiting_list_closed'), 1, 'who waited in vain is told');
select is((select count(*)::int from public.waiting_list_entries where status in ('waiting', 'offered') and event_id = :'event'), 0, 'nobody waits for a cancelled event');
select is(tests.outcome(format('insert into private.ticket_holds (order_id, pool_id, shard, held, held_until) values (gen_random_uuid(), %L, 0, 1, now())', :'free')), '23503', 'a hold is of an order or of a place');
select is(tests.outcome(format('insert into public.waiting_list_entries (event_id, class_id, user_id, quantity) values (%L, %L, %L, 1), (%1$L, %2$L, %3$L, 2)', :'event', :'free', :'owner')), '23505', 'no path gives a person two places');
select * from finish();
rollback;

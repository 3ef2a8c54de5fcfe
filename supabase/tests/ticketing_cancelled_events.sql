-- Ticketing: an event is cancelled for everybody, in parts that may be killed and repeated; and what its team reads of it.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

update private.rate_limits set capacity = 10000, per_minute = 10000;
select tests.make_user('owner') as owner, tests.make_user('editor') as editor, tests.make_user('buyer') as buyer, tests.make_user('other') as other, tests.make_user('third') as third,
  tests.make_user('friend') as friend, tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
select tests.make_event(:'owner', '{"total": 20}', '{"returns_hours": 48}') as event \gset
select tests.class_of(:'event') as standard \gset
insert into public.organizer_members (organizer_id, user_id, role) select organizer_id, :'editor', 'admin' from public.events where id = :'event';
select tests.as_user(:'owner');
select (private.add_ticket_class(:'event', '{"name": "Free", "price": 0, "total": 10}', gen_random_uuid())).id as free \gset
select (public.save_check_in_list(:'event', 'Door')).id as list \gset
select tests.as_owner();
create function pg_temp.told(p_user uuid, p_template text) returns int language sql security definer as $$
  select count(*)::int from public.notifications where user_id = p_user and template = p_template $$;
create function pg_temp.code_of(p_ticket uuid) returns text language sql security definer as $$
  select 'e30.' || private.base64url_from(replace(encode(convert_to(jsonb_build_object('t', t.id, 'e', t.event_id, 'n', t.custody, 's', t.secret, 'exp', 1)::text, 'UTF8'), 'base64'), E'\n', '')) || '.c2ln'
  from public.tickets t where t.id = p_ticket $$;
grant execute on all functions in schema pg_temp to public;

-- three tickets of one order: one is returned before, one is given away; a free order; one that is being paid, one that is over
select tests.make_paid_order(:'buyer', :'event', 3) as paid \gset
select tests.make_paid_order(:'other', :'event', 2) as second, tests.make_order(:'third', :'event', 1, 'Free') as gratis, tests.make_order(:'third', :'event', 4) as unpaid,
  tests.make_order(:'stranger', :'event', 1) as lapsed \gset
select tests.start_payment(:'unpaid') as unpaid_reference, tests.start_payment(:'lapsed') as lapsed_reference \gset
select tests.order_runs_out(:'lapsed');
select id as first_ticket from public.tickets where order_id = :'paid' and number = 1 \gset
select id as given from public.tickets where order_id = :'paid' and number = 2 \gset
select id as kept from public.tickets where order_id = :'paid' and number = 3 \gset
select tests.as_user(:'buyer');
select public.cancel_order(:'paid', 500000, gen_random_uuid(), array[:'first_ticket']::uuid[]) ->> 'status' as still \gset
select tests.as_owner();
update public.tickets set holder_id = :'friend' where id = :'given';
insert into public.ticket_transfers (ticket_id, from_id, to_id, expires_at) values (:'kept', :'buyer', :'stranger', now() + interval '1 day');
select tests.settle();

-- who may
select tests.as_user(:'stranger');
select is(tests.outcome(format('select public.cancel_event(%L, %L)', :'event', 'The singer is ill')), 'event_not_found', 'a stranger cancels no event');
select tests.as_user(:'editor');
select is(tests.outcome(format('select public.cancel_event(%L, %L)', :'event', 'The singer is ill')), 'forbidden', 'a member who is not the owner cancels no event');
select tests.as_user(:'owner');
select is(tests.outcome(format('select public.cancel_event(%L, %L)', :'event', '  ')), 'invalid_input', 'an event is cancelled with a reason');
select is(tests.outcome(format('select public.event_cancellation(%L)', :'event')), 'event_not_cancelled', 'there is no report on an event that takes place');

-- the first part is killed after one order: a setting makes parts of one
select tests.as_owner();
select private.freeze_money(:'second', 'under review');
update private.settings set value = '1' where key = 'event_cancellation_chunk';
select tests.as_user(:'owner');
select public.cancel_event(:'event', 'The singer is ill') as report \gset
select is(:'report'::jsonb #> '{orders}', '{"total": 5, "ended": 1, "waiting": 4, "held_back": 0}', 'a part is done at once, and the report says how much waits');
select tests.as_owner();
select tests.settle();
select is((select status from public.orders where id in (:'unpaid', :'lapsed') and status = 'cancelled'), 'cancelled', 'orders that wait for payment end first');

-- all of it is over at once, whatever waits
select tests.as_user(:'friend');
select is((select status from public.my_tickets(upcoming => false)), 'cancelled', 'a ticket whose order waits is shown as cancelled');
select is((select count(*)::int from public.my_tickets()), 0, 'a cancelled event is not coming up');
select is(tests.outcome(format('select public.rename_ticket(%L, %L)', :'given', 'Lan')), 'ticket_cancelled', 'a ticket of a cancelled event has no use');
select tests.as_user(:'buyer');
select is(tests.outcome(format('select private.create_order(%L, %L, gen_random_uuid(), null, null, null)', :'event', jsonb_build_array(jsonb_build_object('class_id', :'standard', 'quantity', 1)))), 'event_not_on_sale', 'nothing is sold any more');
select tests.as_user(:'owner');
select is(public.scan_ticket(:'list', pg_temp.code_of(:'given'), gen_random_uuid()) ->> 'result', 'cancelled', 'a scan says cancelled');
select is((select count(distinct t ->> 'status')::int from jsonb_array_elements(public.door_tickets(:'list', '999999999999999999') -> 'tickets') t), 1, 'a device that asks what is new gets every ticket as cancelled');
select tests.as_owner();
select is(tests.provider_says(:'unpaid_reference'), 'refunded_late', 'money that comes late is taken in, to go back');
select tests.settle();
select is((select settlement from public.payments where payable_id = :'unpaid'), 'gone', 'late money of a cancelled event goes back');
select is((select count(*)::int from public.refunds where payable_id = :'unpaid' and kind = 'late_payment'), 1, 'late money goes back once');

-- the job goes on, twice over
update private.settings set value = '2' where key = 'event_cancellation_chunk';
select private.work_cancelled_events() + private.work_cancelled_events() + private.work_cancelled_events();
select tests.settle();
select results_eq(format('select kind, amount from public.refunds where payable_id = %L order by created_at, amount', :'paid'), $$ values ('tickets', 500000::bigint), ('tickets', 1000000) $$, 'what was really paid and not given back before is refunded, once');
select is((select status from public.orders where id = :'gratis'), 'cancelled', 'a free order just ends');
select is((select count(*)::int from public.refunds where payable_id = :'gratis'), 0, 'a free order gives back nothing');
select is((select status from public.orders where id = :'second'), 'completed', 'frozen money stays where it is');
select is((select status from public.ticket_transfers where ticket_id = :'kept'), 'withdrawn', 'a ticket on offer is no longer');
select is(pg_temp.told(:'buyer', 'order_cancelled_with_event'), 1, 'a buyer is told, once');
select is(pg_temp.told(:'friend', 'event_cancelled_holder'), 1, 'who holds a ticket of somebody else is told, and not of money');
select is(pg_temp.told(:'third', 'order_voided_with_event'), 1, 'who has a free ticket is told nothing of money');
select is(pg_temp.told(:'third', 'order_ended_with_event'), 1, 'who was paying is told');
select is(pg_temp.told(:'owner', 'event_cancelled_owner'), 1, 'the owner is told');
select is((select sum(held + sold)::int from private.stock_shards where pool_id = :'standard'), 2, 'only what is frozen is counted in the stock');
select tests.as_user(:'editor');
select public.event_cancellation(:'event') as report \gset
select is(:'report'::jsonb -> 'orders', '{"total": 5, "ended": 4, "waiting": 0, "held_back": 1}', 'the report names how many orders are held back');
select is(:'report'::jsonb -> 'tickets', '{"total": 5, "ended": 3, "waiting": 2}', 'the report counts tickets');
select is(:'report'::jsonb #>> '{held_back,0,error}', 'money_frozen', 'the report says why an order is held back');
select is(:'report'::jsonb #> '{money,waiting}', '1000000', 'the report says what is not refunded yet');
select is((:'report'::jsonb #> '{money,on_the_way}')::bigint + (:'report'::jsonb #> '{money,needs_account}')::bigint, 1000000::bigint, 'the report says what is on its way');
select is(:'report'::jsonb -> 'finished_at', 'null', 'it is not finished while something waits');
select tests.as_user(:'stranger');
select is(tests.outcome(format('select public.event_cancellation(%L)', :'event')), 'event_not_found', 'a stranger reads no report');
select tests.as_owner();
select is(tests.broken_promises(), null, 'no invariant is violated in the middle of it');

-- the freeze ends
select private.unfreeze_money(:'second');
select is(private.work_cancelled_events(), 0, 'an order that failed is not tried at once again');
update private.cancelled_event_orders set retry_at = now() where retry_at is not null;
select is(private.work_cancelled_events(), 1, 'it is tried again when its time has come');
select tests.settle();
select is((select status from public.orders where id = :'second'), 'cancelled', 'what was frozen goes back');
select isnt((select finished_at from private.event_cancellations where event_id = :'event'), null, 'a run that finds nothing more says that it is finished');
select is(private.work_cancelled_events(), 0, 'there is nothing more to do');
select tests.as_user(:'admin');
select is((public.cancel_event(:'event', 'Once more') ->> 'cancelled_by'), 'organizer', 'cancelling it again answers the report');
select tests.as_owner();
update public.refunds set status = 'failed', failure_code = 'x' where payable_id = :'second' and status in ('pending', 'awaiting_account');
select tests.as_user(:'admin');
select is((public.event_cancellation(:'event') #> '{money,failed}')::bigint, (select sum(amount)::bigint from public.refunds where payable_id = :'second' and status = 'failed'), 'the report says what failed');
select tests.as_owner();
select is((select sum(held + sold)::int from private.stock_shards where pool_id = :'standard'), 0, 'nothing is held or sold of a cancelled event');
select is((select coalesce(sum(-e.amount), 0)::int from private.ledger_entries e join private.ledger_accounts a on a.id = e.account_id where a.kind = 'escrow' and a.owner in (:'paid', :'second')), 0, 'nothing is left in escrow');
select is_empty('select * from private.reconcile_ledger()', 'the books prove it');

-- other states
select tests.make_event(:'owner') as over \gset
update public.events set starts_at = now() - interval '3 hours', ends_at = now() - interval '1 hour' where id = :'over';
select tests.as_user(:'owner');
select is(tests.outcome(format('select public.cancel_event(%L, %L)', :'over', 'Too late')), 'illegal_transition', 'an event that is over is not cancelled');
select tests.as_owner();
select tests.make_event(:'owner', '{}', '{"waiting_room": true}') as queued \gset
select tests.as_user(:'owner');
select (private.set_waiting_room(:'queued', 5, null, null)).id as room \gset
select (private.open_waiting_room(:'queued')).id as room \gset
select tests.as_user(:'buyer');
select status as queue_state from public.join_queue(:'queued') \gset
select tests.as_user(:'admin');
select is(public.cancel_event(:'queued', 'The hall has burnt down') #>> '{orders,total}', '0', 'an admin cancels an event');
select tests.as_owner();
select tests.settle();
select is((select status from public.waiting_rooms where event_id = :'queued'), 'off', 'a cancelled event has no queue');
select is((select count(*)::int from public.queue_entries where event_id = :'queued' and status = 'admitted'), 0, 'nobody is admitted to a cancelled event');
select tests.as_user(:'owner');
select (private.open_waiting_room(:'queued')).id as room \gset
select tests.as_user(:'other');
select is((select status from public.join_queue(:'queued')), 'waiting', 'a room that is opened again admits nobody to a cancelled event');
select tests.as_owner();
select * from finish();
rollback;

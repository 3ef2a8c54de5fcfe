-- Waiting rooms: who is admitted when, what keeps a place, what an admission is worth, and what nobody can do.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_user('organizer') as organizer, tests.make_user('an') as an, tests.make_user('binh') as binh, tests.make_user('chi') as chi,
       tests.make_user('dung') as dung, tests.make_user('em') as em, tests.make_user('stranger') as stranger, tests.make_user('viewer') as viewer \gset
select tests.make_event(:'organizer') as event \gset
insert into public.organizer_members (organizer_id, user_id, role) select e.organizer_id, :'viewer', 'viewer' from public.events e where e.id = :'event';

-- a person joins or looks, and the answer is short: status, number and position
create function pg_temp.looks(p_user uuid, p_event uuid) returns text language plpgsql volatile security definer as $$
declare v_answer text;
begin
  perform set_config('request.jwt.claims', tests.claims(p_user), true);
  select concat_ws(' ', s.status, s.number, case when s.position is not null then 'at ' || s.position end, s.end_reason) into v_answer from private.queue_status(p_event) s;
  return v_answer;
end $$;
create function pg_temp.joins(p_user uuid, p_event uuid) returns text language plpgsql volatile security definer as $$
begin
  perform set_config('request.jwt.claims', tests.claims(p_user), true);
  perform private.join_queue(p_event);
  return pg_temp.looks(p_user, p_event);
end $$;
create function pg_temp.leaves(p_user uuid, p_event uuid) returns void language plpgsql volatile security definer as $$
begin
  perform set_config('request.jwt.claims', tests.claims(p_user), true);
  perform private.leave_queue(p_event);
  perform tests.settle();
end $$;
create function pg_temp.admission(p_user uuid, p_event uuid) returns uuid language sql stable as
  $$ select e.admission_id from public.queue_entries e where e.user_id = p_user and e.event_id = p_event $$;
create function pg_temp.tunes(p_event uuid, p_capacity int default 100, p_per_minute int default null, p_opens_at timestamptz default null) returns void language plpgsql volatile as $$
begin
  perform set_config('request.jwt.claims', tests.claims((select o.owner_id from public.events e join public.organizers o on o.id = e.organizer_id where e.id = p_event)), true);
  perform private.set_waiting_room(p_event, p_capacity, p_per_minute, p_opens_at);
end $$;
create function pg_temp.room(p_event uuid, p_command text) returns text language plpgsql volatile as $$
begin
  perform set_config('request.jwt.claims', tests.claims((select o.owner_id from public.events e join public.organizers o on o.id = e.organizer_id where e.id = p_event)), true);
  execute format('select private.%s_waiting_room(%L)', p_command, p_event);
  perform tests.settle();
  return (select r.status from public.waiting_rooms r where r.event_id = p_event);
end $$;
create function pg_temp.silent(p_user uuid, p_event uuid, p_for interval default '6 minutes') returns void language sql volatile as
  $$ update public.queue_entries set seen_at = clock_timestamp() - p_for where user_id = p_user and event_id = p_event;
     update public.waiting_rooms set due_at = least(due_at, clock_timestamp()) where event_id = p_event $$;

-- an order as a buyer makes it, and how it ends
create function pg_temp.buys(p_user uuid, p_event uuid, p_admission uuid, p_quantity int default 1) returns uuid language plpgsql volatile as $$
declare v_order uuid := gen_random_uuid(); v_class uuid := tests.class_of(p_event); v_shard record;
begin
  insert into public.orders (id, event_id, buyer_id, status, currency, total_amount, tax_amount, quantity, hold_expires_at)
  values (v_order, p_event, p_user, 'pending_payment', 'VND', 500000 * p_quantity, 0, p_quantity, now() + interval '15 minutes');
  insert into public.order_items (order_id, event_id, class_id, quantity, unit_price, amount, tax_amount) values (v_order, p_event, v_class, p_quantity, 500000, 500000 * p_quantity, 0);
  update private.stock_shards s set held = held + p_quantity
  where s.pool_id = v_class and s.shard = (select min(f.shard) from private.stock_shards f where f.pool_id = v_class and f.held + f.sold + p_quantity <= f.capacity)
  returning * into v_shard;
  insert into private.ticket_holds (order_id, pool_id, shard, held, held_until) values (v_order, v_shard.pool_id, v_shard.shard, p_quantity, now() + interval '15 minutes');
  perform private.spend_admission(p_event, p_user, p_admission, v_order);
  return v_order;
end $$;
create function pg_temp.ends(p_order uuid, p_status text) returns void language plpgsql volatile as $$
begin
  update private.stock_shards s set held = s.held - h.held, sold = s.sold + case when p_status = 'completed' then h.held else 0 end from private.ticket_holds h where h.order_id = p_order and s.pool_id = h.pool_id and s.shard = h.shard;
  update private.ticket_holds set sold = case when p_status = 'completed' then held else 0 end, held = 0, held_until = null where order_id = p_order;
  update public.orders set status = p_status, completed_at = case when p_status = 'completed' then now() end where id = p_order;
  perform tests.settle();
end $$;
create function pg_temp.pays(p_order uuid) returns void language sql volatile as $$ select pg_temp.ends(p_order, 'completed') $$;

-- a try at paying an order, as it is stored while the buyer is at the page of the provider
create function pg_temp.starts_paying(p_order uuid) returns uuid language plpgsql volatile as $$
declare v_id uuid;
begin
  insert into public.payables (id, kind, payer_id, code, title, amount, currency, sold_amount, tax_amount, split)
  select o.id, 'booking', o.buyer_id, o.code, 'Tickets', o.total_amount, o.currency, o.total_amount, 0, array[row('escrow', o.id, -o.total_amount)::private.ledger_line] from public.orders o where o.id = p_order;
  insert into public.payments (payable_id, payer_id, amount, currency, expires_at) select o.id, o.buyer_id, o.total_amount, o.currency, o.hold_expires_at from public.orders o where o.id = p_order;
  insert into public.payment_attempts (payment_id, provider, amount, currency, expires_at)
  select p.id, 'vnpay', p.amount, p.currency, p.expires_at from public.payments p where p.payable_id = p_order returning id into v_id;
  return v_id;
end $$;
-- without those of payables and orders, most of which are written as rows here
create function pg_temp.broken_promises() returns text language sql stable as
  $$ select string_agg(invariant || ' ' || subject_id || ' ' || detail, '; ') from private.check_invariants() where invariant !~ '^(booking|order|ticket)' $$;

-- a visitor
select tests.as_visitor();
select is((select count(*)::int from public.waiting_rooms), 0, 'a visitor may look for waiting rooms');
select is(tests.outcome('select id from public.queue_entries'), '42501', 'a visitor cannot read places');
select is(tests.outcome(format('select public.join_queue(%L)', :'event')), '42501', 'a visitor cannot join');

-- without a room
select tests.as_user(:'an');
select is(tests.outcome(format('select public.join_queue(%L)', :'event')), 'waiting_room_off', 'an event without a waiting room has no queue');
select is(tests.outcome(format('select public.queue_status(%L)', :'event')), 'waiting_room_off', 'an event without a waiting room has no status of a queue');
select is(tests.outcome(format('select public.leave_queue(%L)', :'event')), 'no_queue_place', 'nobody leaves a queue without a place in it');
select is(tests.outcome(format('select public.set_waiting_room(%L)', :'event')), 'organizer_not_found', 'a stranger cannot set up a waiting room');
select tests.as_user(:'viewer');
select is(tests.outcome(format('select public.set_waiting_room(%L)', :'event')), 'forbidden', 'a viewer cannot set up a waiting room');
select is(tests.outcome(format('select public.waiting_room_analytics(%L)', :'event')), 'waiting_room_off', 'there is nothing to analyse without a waiting room');
select tests.as_user(:'organizer');
select is(tests.outcome(format('select public.open_waiting_room(%L)', :'event')), 'waiting_room_off', 'a room is set up before it is opened');
select is(tests.outcome(format('select public.set_waiting_room(%L, 0)', :'event')), 'invalid_input', 'a room has at least one slot');
select is(tests.outcome(format('select public.set_waiting_room(%L, 10, 0)', :'event')), 'invalid_input', 'a room admits somebody each minute, or is paused');
select is(tests.outcome(format('select public.set_waiting_room(%L, 10, null, %L)', :'event', 'infinity')), 'invalid_input', 'a room opens at some time');
select is((public.set_waiting_room(:'event')) ->> 'capacity', '100', 'a room has a hundred slots when nothing else is said');
select is((public.set_waiting_room(:'event')) ->> 'status', 'off', 'a room is off until it is opened');
select tests.as_owner();
select is(tests.outcome(format('select private.spend_admission(%L, %L, null, gen_random_uuid())', :'event', :'an')), 'ok', 'a room that is off asks for no admission');

-- the queue
select pg_temp.tunes(:'event', 2);
select is(pg_temp.room(:'event', 'open'), 'open', 'an organizer opens the room');
select is(pg_temp.joins(:'an', :'event'), 'admitted 1', 'the first is admitted at once');
select is(pg_temp.joins(:'binh', :'event'), 'admitted 2', 'everybody is admitted at once while there are slots');
select is(pg_temp.joins(:'chi', :'event'), 'waiting 3 at 1', 'who finds no slot waits');
select is(pg_temp.joins(:'dung', :'event'), 'waiting 4 at 2', 'the next one waits behind');
select is(pg_temp.joins(:'chi', :'event'), 'waiting 3 at 1', 'who joins again on another device keeps the place');
select is((select count(*)::int from public.queue_entries where event_id = :'event'), 4, 'a person has one place');
select is((select count(entry_id)::int from private.checkout_slots where event_id = :'event'), 2, 'as many people buy as there are slots');
select is((select format('%s %s', n.title, n.body) from public.notifications n where n.user_id = :'an' and n.template = 'queue_admitted'),
  'It is your turn You can buy tickets for Đêm nhạc mùa đông now. Begin your order within 15 minutes.', 'who is admitted is told');
select is((select count(*)::int from realtime.messages m where m.topic = 'queue:' || :'event' and m.payload ->> 'status' = 'open'), 1, 'one topic tells everybody how far the queue is');

-- what each sees
select tests.as_user(:'chi');
select is((select count(*)::int from public.queue_entries), 1, 'a person sees the own place alone');
select is(tests.outcome('select shuffle_key from public.queue_entries'), '42501', 'a person does not read what the pre-queue is sorted by');
select is(tests.outcome('select gone from public.waiting_rooms'), '42501', 'a person does not read how the room counts');
select is(tests.outcome('update public.queue_entries set number = 1'), '42501', 'a person does not change a number');
select is(tests.outcome('insert into public.queue_entries (event_id, user_id) values (gen_random_uuid(), auth.uid())'), '42501', 'a person does not write a place');
select is((select serving_number from public.waiting_rooms where event_id = :'event'), 2::bigint, 'a person reads which number is served');
select tests.as_owner();

-- an admission is for one order of one person for one event
select pg_temp.admission(:'an', :'event') as an_right, pg_temp.admission(:'binh', :'event') as binh_right \gset
select is(tests.outcome(format('select pg_temp.buys(%L, %L, null)', :'an', :'event')), 'admission_required', 'an order needs an admission');
select is(tests.outcome(format('select pg_temp.buys(%L, %L, %L)', :'an', :'event', :'binh_right')), 'admission_over', 'the admission of another person is worth nothing');
select is(tests.outcome(format('select pg_temp.buys(%L, %L, %L)', :'chi', :'event', gen_random_uuid())), 'admission_over', 'an admission cannot be guessed');
select pg_temp.buys(:'an', :'event', :'an_right') as an_order \gset
select is(tests.outcome(format('select pg_temp.buys(%L, %L, %L)', :'an', :'event', :'an_right')), 'admission_over', 'an admission is good for one order');
select is(pg_temp.looks(:'chi', :'event'), 'waiting 3 at 1', 'who orders keeps the slot');

-- a slot goes to the next in the transaction that frees it
select pg_temp.pays(:'an_order');
select is((select status from public.queue_entries where user_id = :'an'), 'completed', 'a paid order ends its place');
select is((select status from public.queue_entries where user_id = :'chi'), 'admitted', 'when an order is paid the next is admitted');
select pg_temp.leaves(:'binh', :'event');
select is((select status from public.queue_entries where user_id = :'dung'), 'admitted', 'when somebody leaves the next is admitted');
select is(tests.outcome(format('select pg_temp.buys(%L, %L, %L)', :'binh', :'event', :'binh_right')), 'admission_over', 'who left has no admission');
select is(pg_temp.joins(:'em', :'event'), 'waiting 5 at 1', 'the next person waits again for a slot');
select is(pg_temp.joins(:'binh', :'event'), 'waiting 6 at 2', 'who left joins again at the end');
select pg_temp.buys(:'chi', :'event', pg_temp.admission(:'chi', :'event')) as chi_order \gset
select pg_temp.ends(:'chi_order', 'failed');
select is((select concat_ws(' ', status, end_reason) from public.queue_entries where user_id = :'chi'), 'expired failed', 'an order that failed ends its place');
select is((select status from public.queue_entries where user_id = :'em'), 'admitted', 'when an order fails the next is admitted');
select is(pg_temp.looks(:'binh', :'event'), 'waiting 6 at 1', 'everybody moves on by one');
select is(pg_temp.broken_promises(), null, 'no invariant is violated');

-- signs of life
select pg_temp.joins(:'stranger', :'event');
select pg_temp.silent(:'binh', :'event', '4 minutes 10 seconds');
select is(pg_temp.looks(:'stranger', :'event'), 'waiting 7 at 2', 'a phone that was locked for four minutes keeps its place');
select pg_temp.silent(:'dung', :'event', '4 minutes 10 seconds');
select pg_temp.silent(:'dung', :'event', '6 minutes');
select is(pg_temp.looks(:'stranger', :'event'), 'waiting 7 at 1', 'when somebody who was admitted is silent, anybody who looks admits the next');
select is((select concat_ws(' ', status, end_reason) from public.queue_entries where user_id = :'dung'), 'expired silent', 'who is silent for too long loses the admission');
select is((select status from public.queue_entries where user_id = :'binh'), 'admitted', 'the next has it');
select pg_temp.silent(:'stranger', :'event');
select is(pg_temp.looks(:'stranger', :'event'), 'waiting 7 at 1', 'who comes back before anybody needed the place has it still');
select pg_temp.joins(:'an', :'event');
select pg_temp.silent(:'stranger', :'event');
update public.queue_entries set admission_expires_at = clock_timestamp() where user_id = :'em';
select is(pg_temp.looks(:'an', :'event'), 'admitted 8', 'a silent place is passed over');
select is((select concat_ws(' ', status, end_reason) from public.queue_entries where user_id = :'stranger'), 'expired silent', 'a place that was passed over is lost');
select is((select concat_ws(' ', status, end_reason) from public.queue_entries where user_id = :'em'), 'expired late', 'an admission ends after its time');
select is((select count(*)::int from public.notifications where user_id = :'em' and template = 'queue_lapsed'), 1, 'a person whose time is over is told');

-- somebody at the page of a provider
select pg_temp.buys(:'an', :'event', pg_temp.admission(:'an', :'event')) as away_order \gset
select pg_temp.starts_paying(:'away_order') as attempt \gset
select is(pg_temp.joins(:'chi', :'event'), 'waiting 9 at 1', 'the next waits again');
select pg_temp.silent(:'an', :'event', '14 minutes');
update public.queue_entries set checkout_expires_at = clock_timestamp() where user_id = :'an' and event_id = :'event';
select is(pg_temp.looks(:'chi', :'event'), 'waiting 9 at 1', 'who is away paying keeps the admission while a payment attempt is open');
update public.payment_attempts set status = 'failed' where id = :'attempt';
update public.waiting_rooms set due_at = clock_timestamp() where event_id = :'event';
select is(pg_temp.looks(:'chi', :'event'), 'admitted 9', 'when the attempt has failed and nobody comes back the slot is free');
select pg_temp.pays(:'away_order');
select is((select status from public.queue_entries where user_id = :'an'), 'completed', 'who pays after that has bought all the same');
select is(pg_temp.broken_promises(), null, 'no invariant is violated by silence');

-- an organizer changes the room while people wait
select is(pg_temp.room(:'event', 'pause'), 'paused', 'an organizer pauses the room');
select pg_temp.leaves(:'chi', :'event');
select is(pg_temp.joins(:'dung', :'event'), 'waiting 10 at 1', 'nobody is admitted while the room is paused');
select is(tests.outcome(format('select pg_temp.buys(%L, %L, null)', :'dung', :'event')), 'admission_required', 'a paused room asks for admissions');
select is(pg_temp.room(:'event', 'open'), 'open', 'an organizer resumes the room');
select is(pg_temp.looks(:'dung', :'event'), 'admitted 10', 'who waited is admitted when the room goes on');
select pg_temp.tunes(:'event', 1);
select is((select count(entry_id)::int from private.checkout_slots where event_id = :'event'), 2, 'nobody loses a slot when there are to be fewer');
select pg_temp.leaves(:'binh', :'event');
select is(pg_temp.joins(:'em', :'event'), 'waiting 11 at 1', 'there is one slot less then');
select pg_temp.tunes(:'event', 5);
select is(pg_temp.looks(:'em', :'event'), 'admitted 11', 'more slots admit at once');
select pg_temp.tunes(:'event', 50, 1);
update public.waiting_rooms set tokens = 0, refilled_at = clock_timestamp() where event_id = :'event';
select is(pg_temp.joins(:'chi', :'event'), 'waiting 12 at 1', 'no more are admitted than the rate allows');
update public.waiting_rooms set refilled_at = clock_timestamp() - interval '61 seconds', due_at = clock_timestamp() where event_id = :'event';
select is(pg_temp.looks(:'chi', :'event'), 'admitted 12', 'a minute later there is one more');
select tests.as_user(:'viewer');
select results_eq(format('select joined, waiting, admitted, buying, abandoned, converted from public.waiting_room_analytics(%L)', :'event'),
  'values (12::bigint, 0::bigint, 11::bigint, 3::bigint, 1::bigint, 2::bigint)', 'a viewer reads how many joined, were admitted, left and bought');
select tests.as_user(:'stranger');
select is(tests.outcome(format('select public.waiting_room_analytics(%L)', :'event')), 'organizer_not_found', 'a stranger does not');
select tests.as_owner();
select is(pg_temp.room(:'event', 'turn_off'), 'off', 'an organizer turns the room off');
select is((select count(*)::int from public.queue_entries where event_id = :'event' and status in ('waiting', 'admitted')), 0, 'a room that is off has nobody');
select is(tests.outcome(format('select pg_temp.joins(%L, %L)', :'an', :'event')), 'waiting_room_off', 'nobody joins a room that is off');
select is(pg_temp.room(:'event', 'open'), 'open', 'it can be opened again');
select pg_temp.tunes(:'event', 1);
select pg_temp.joins(:'an', :'event');
select is(pg_temp.joins(:'binh', :'event'), 'waiting 14 at 1', 'positions begin at one again');
select is(pg_temp.broken_promises(), null, 'no invariant is violated by retuning');

-- stock
select tests.make_event(:'organizer', '{"total": 3}') as small \gset
select pg_temp.tunes(:'small', 50);
select pg_temp.room(:'small', 'open');
select is(pg_temp.joins(:'an', :'small') || pg_temp.joins(:'binh', :'small') || pg_temp.joins(:'chi', :'small'), 'admitted 1admitted 2admitted 3', 'as many are admitted as there are tickets');
select is(pg_temp.joins(:'dung', :'small'), 'waiting 4 at 1', 'no more are admitted than there are tickets, though slots are free');
select pg_temp.joins(:'em', :'small');
select pg_temp.buys(:'an', :'small', pg_temp.admission(:'an', :'small')) as an_small, pg_temp.buys(:'binh', :'small', pg_temp.admission(:'binh', :'small')) as binh_small \gset
select pg_temp.ends(:'binh_small', 'expired');
select is((select status from public.queue_entries where user_id = :'dung' and event_id = :'small'), 'admitted', 'when a hold is over its ticket admits the next');
select pg_temp.pays(:'an_small');
select is((select status from public.queue_entries where user_id = :'em' and event_id = :'small'), 'waiting', 'a ticket that is sold admits nobody');
select pg_temp.pays(pg_temp.buys(:'chi', :'small', pg_temp.admission(:'chi', :'small')));
select is((select status from public.waiting_rooms where event_id = :'small'), 'open', 'while somebody may still give a ticket back the room stays open');
select pg_temp.pays(pg_temp.buys(:'dung', :'small', pg_temp.admission(:'dung', :'small')));
select is((select status from public.waiting_rooms where event_id = :'small'), 'closed', 'the last ticket closes the room in its own transaction');
select is(pg_temp.looks(:'em', :'small'), 'expired 5 sold_out', 'who waited sees that it is sold out');
select is((select body from public.notifications where user_id = :'em' and template = 'queue_sold_out'), 'Đêm nhạc mùa đông is sold out. Thank you for waiting.', 'who waited is told');
select is((select count(*)::int from realtime.messages m where m.topic = 'queue:' || :'small' and m.payload ->> 'status' = 'closed'), 1, 'everybody hears that the room is closed');
select is(tests.outcome(format('select pg_temp.joins(%L, %L)', :'stranger', :'small')), 'waiting_room_closed', 'nobody joins a room that is sold out');

-- orders as buyers make them
select tests.make_event(:'organizer', '{"total": 40}') as real \gset
select pg_temp.tunes(:'real', 1);
select pg_temp.room(:'real', 'open');
select pg_temp.joins(:'an', :'real'), pg_temp.joins(:'binh', :'real');
create function pg_temp.orders(p_user uuid, p_event uuid, p_admission uuid) returns uuid language plpgsql volatile as $$
begin
  perform set_config('request.jwt.claims', tests.claims(p_user), true);
  return (private.create_order(p_event, jsonb_build_array(jsonb_build_object('class_id', tests.class_of(p_event), 'quantity', 1)), gen_random_uuid(), null, null, p_admission)).id;
end $$;
select is(tests.outcome(format('select pg_temp.orders(%L, %L, null)', :'an', :'real')), 'admission_required', 'create_order needs an admission where there is a waiting room');
select is(tests.outcome(format('select pg_temp.orders(%L, %L, %L)', :'binh', :'real', pg_temp.admission(:'an', :'real'))), 'admission_over', 'create_order refuses the admission of another person');
select pg_temp.orders(:'an', :'real', pg_temp.admission(:'an', :'real')) as real_order \gset
select is((select order_id from public.queue_entries where user_id = :'an' and event_id = :'real'), :'real_order'::uuid, 'create_order spends the admission');
select tests.pay(:'real_order');
select tests.settle();
select is((select array_agg(status order by number) from public.queue_entries where event_id = :'real'), '{completed,admitted}', 'when a provider says that an order is paid the next is admitted');
select tests.make_event(:'organizer', '{"price": 0}') as free \gset
select pg_temp.tunes(:'free', 1);
select pg_temp.room(:'free', 'open');
select pg_temp.joins(:'an', :'free'), pg_temp.joins(:'binh', :'free');
select pg_temp.orders(:'an', :'free', pg_temp.admission(:'an', :'free'));
select tests.settle();
select is((select array_agg(status order by number) from public.queue_entries where event_id = :'free'), '{completed,admitted}', 'an order with nothing to pay gives its slot on at once');

-- an event that staff hides, and shows again
select tests.make_event(tests.make_user('promoter'), '{"total": 40}') as hidden \gset
select pg_temp.tunes(:'hidden', 1);
select pg_temp.room(:'hidden', 'open');
select pg_temp.joins(:'an', :'hidden'), pg_temp.joins(:'binh', :'hidden');
select pg_temp.admission(:'an', :'hidden') as an_hidden \gset
select private.hide_event(:'hidden'); select tests.settle();
select is((select s.room_status from private.queue_status(:'hidden') s), 'paused', 'the room of an event is paused while staff hides it');
select is((select count(*)::int from realtime.messages m where m.topic = 'queue:' || :'hidden' and m.payload ->> 'status' = 'paused'), 1, 'everybody who waits hears that the room is paused');
select is(tests.outcome(format('select pg_temp.joins(%L, %L)', :'chi', :'hidden')), 'event_not_on_sale', 'nobody joins the queue of a hidden event');
select is(tests.outcome(format('select pg_temp.room(%L, %L)', :'hidden', 'open')), 'event_not_on_sale', 'an organizer does not open the room of a hidden event');
select is(tests.outcome(format('select pg_temp.orders(%L, %L, %L)', :'an', :'hidden', :'an_hidden')), 'event_not_on_sale', 'an admission buys nothing of a hidden event');
-- twenty minutes pass
update public.events set hidden_at = clock_timestamp() - interval '20 minutes' where id = :'hidden';
update public.queue_entries set admission_expires_at = clock_timestamp() - interval '10 minutes', seen_at = clock_timestamp() - interval '21 minutes' where user_id = :'an' and event_id = :'hidden';
update public.waiting_rooms set due_at = clock_timestamp() where event_id = :'hidden';
select pg_temp.tunes(:'hidden', 2);
select is(pg_temp.looks(:'binh', :'hidden'), 'waiting 2 at 1', 'who waits for a hidden event keeps the place, and is not admitted to a free slot');
select is(pg_temp.looks(:'an', :'hidden'), 'admitted 1', 'an admission does not run out while the event is hidden');
update public.queue_entries set seen_at = clock_timestamp() - interval '21 minutes' where user_id = :'an' and event_id = :'hidden';
select private.show_event(:'hidden'); select tests.settle();
select is((select status from public.waiting_rooms where event_id = :'hidden'), 'open', 'the room goes on when the event is shown again');
select is(pg_temp.looks(:'an', :'hidden') || ', ' || pg_temp.looks(:'binh', :'hidden'), 'admitted 1, admitted 2', 'who was admitted before stays so, and the next is admitted');
select is((select e.admission_expires_at between clock_timestamp() + interval '9 minutes' and clock_timestamp() + interval '11 minutes' from public.queue_entries e where e.user_id = :'an' and e.event_id = :'hidden'), true,
  'an admission has as much time as was left when the event was hidden');
select is(tests.outcome(format('select pg_temp.orders(%L, %L, %L)', :'an', :'hidden', :'an_hidden')), 'ok', 'an admission of an event that is shown again buys');
select pg_temp.room(:'hidden', 'pause');
select private.hide_event(:'hidden'); select tests.settle();
select private.show_event(:'hidden'); select tests.settle();
select is((select status from public.waiting_rooms where event_id = :'hidden'), 'paused', 'a room that its organizer had paused stays paused');
select pg_temp.room(:'hidden', 'open');
select private.hide_event(:'hidden'); select tests.settle();
select is(pg_temp.room(:'hidden', 'pause'), 'paused', 'an organizer may pause the room of a hidden event');
select private.show_event(:'hidden'); select tests.settle();
select is((select status from public.waiting_rooms where event_id = :'hidden'), 'paused', 'it stays paused then');
select is(tests.outcome(format('update public.waiting_rooms set resumes = true, status = %L where event_id = %L', 'open', :'hidden')), '23514', 'only a paused room can be one that resumes');
select is(pg_temp.broken_promises(), null, 'no invariant is violated by hiding an event');

-- a pre-queue
select tests.make_event(:'organizer', '{"total": 50}') as rush \gset
select pg_temp.tunes(:'rush', 2, null, clock_timestamp() + interval '1 hour');
select pg_temp.room(:'rush', 'open');
select is(pg_temp.joins(:'an', :'rush'), 'waiting', 'in the pre-queue nobody has a number');
select pg_temp.joins(:'binh', :'rush'), pg_temp.joins(:'chi', :'rush'), pg_temp.joins(:'dung', :'rush');
select pg_temp.leaves(:'dung', :'rush');
select is(pg_temp.joins(:'dung', :'rush'), 'waiting', 'who left the pre-queue may join it again');
select pg_temp.leaves(:'dung', :'rush');
select tests.as_user(:'an');
select is((select seed from public.waiting_rooms where event_id = :'rush'), null, 'the seed is a secret before the opening');
select is((select count(*)::int from public.queue_shuffle(:'rush')), 0, 'there is no order before the opening');
select is((select seed_hash ~ '^[0-9a-f]{64}$' from public.waiting_rooms where event_id = :'rush'), true, 'the hash of the seed is promised');
select is(tests.outcome(format('select public.queue_shuffle(%L, -1)', :'rush')), 'invalid_input', 'a page begins somewhere');
select tests.as_owner();
select is(tests.outcome(format('update public.waiting_rooms set seed = %L, opened_at = now(), shuffle_count = 0 where event_id = %L', repeat('0', 64), :'rush')), '23514', 'another seed than the promised one cannot be stored');
update public.waiting_rooms set opens_at = clock_timestamp() - interval '1 second', due_at = clock_timestamp() where event_id = :'rush';
select is(pg_temp.joins(:'em', :'rush') like 'waiting 4 at %', true, 'who joins after the opening comes after the pre-queue, though they are the first to act');
select results_eq(format($$ select number, entry_id from public.queue_shuffle(%L) $$, :'rush'),
  format($$ select row_number() over (order by extensions.hmac(convert_to(e.id::text, 'utf8'), decode(r.seed, 'hex'), 'sha256')), e.id
     from public.queue_entries e join public.waiting_rooms r using (event_id)
     where r.event_id = %L and e.user_id in (%L, %L, %L) order by 1 $$, :'rush', :'an', :'binh', :'chi'), 'the order is the one that the revealed seed gives');
select is((select encode(sha256(decode(seed, 'hex')), 'hex') = seed_hash from public.waiting_rooms where event_id = :'rush'), true, 'the revealed seed is the promised one');
select is((select array_agg(status order by number) from public.queue_entries where event_id = :'rush' and number is not null), '{admitted,admitted,waiting,waiting}', 'the first of the shuffle are admitted');
select is(tests.outcome(format('select pg_temp.tunes(%L, 2, null, %L)', :'rush', now() + interval '2 hours')), 'waiting_room_opened', 'an opening that has been cannot be moved');
select is(pg_temp.broken_promises(), null, 'no invariant is violated by the shuffle');

-- what cannot be stored
select is(tests.outcome(format('insert into public.queue_entries (event_id, user_id, number) values (%L, %L, 99)', :'rush', :'an')), '23505', 'a second place of a person cannot be stored');
select is(tests.outcome(format('update public.queue_entries set number = 3 where event_id = %L and number = 4', :'rush')), '23505', 'two who wait cannot have one number');
select is(tests.outcome(format('update private.checkout_slots set entry_id = (select entry_id from private.checkout_slots where event_id = %1$L and slot = 1) where event_id = %1$L and slot = 2', :'rush')), '23505', 'nobody can hold two slots');
select is(tests.outcome(format('update public.queue_entries set status = %L where event_id = %L and status = %L', 'completed', :'rush', 'waiting')), '23514', 'nobody can have bought without an admission');
select is(tests.outcome('delete from public.queue_entries'), '42501', 'a place cannot be deleted');
select is(tests.outcome('update private.queue_seeds set seed = extensions.gen_random_bytes(32)'), '42501', 'a seed cannot be replaced');
select is(tests.outcome('delete from private.admission_rounds'), '42501', 'the proof of the order cannot be deleted');

select * from finish();
rollback;

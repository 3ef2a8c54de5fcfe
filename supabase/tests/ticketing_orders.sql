-- Ticketing: orders, from the hold to tickets, late money and cancelling; what is held and sold; and seats.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

update private.rate_limits set capacity = 10000, per_minute = 10000;
select tests.make_user('owner') as owner, tests.make_user('buyer') as buyer, tests.make_user('other') as other, tests.make_user('third') as third,
  tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
select tests.make_event(:'owner', '{"total": 10}', '{"returns_hours": 48, "max_per_order": 8}') as event \gset
select tests.class_of(:'event') as standard \gset
create function pg_temp.item(p_class uuid, p_quantity int, p_more jsonb default '{}') returns jsonb language sql as $$
  select jsonb_build_array(jsonb_build_object('class_id', p_class, 'quantity', p_quantity) || p_more) $$;
create function pg_temp.buy(p_event uuid, p_items jsonb, p_seats uuid[] default null, p_code text default null) returns uuid language sql as $$
  select (private.create_order(p_event, p_items, gen_random_uuid(), p_seats, p_code, null)).id $$;
create function pg_temp.buying(p_event uuid, p_class uuid, p_quantity int) returns text language sql as $$
  select format('select pg_temp.buy(%L, pg_temp.item(%L, %s))', p_event, p_class, p_quantity) $$;
create function pg_temp.counted(p_class uuid) returns text language sql security definer as $$
  select format('%s held, %s sold', sum(held), sum(sold)) from private.stock_shards where pool_id = p_class $$;
grant execute on all functions in schema pg_temp to public;

-- who may order
select tests.as_visitor();
select is(tests.outcome(format('select public.create_order(%L, pg_temp.item(%L, 1), gen_random_uuid())', :'event', :'standard')), '42501', 'a visitor orders nothing');

-- an order that is paid
select tests.as_user(:'buyer');
select gen_random_uuid() as key \gset
select (private.create_order(:'event', pg_temp.item(:'standard', 3), :'key', null, null, null)).id as paid \gset
select is((private.create_order(:'event', pg_temp.item(:'standard', 3), :'key', null, null, null)).id, :'paid'::uuid, 'the same call makes one order');
select is(tests.outcome(format('select private.create_order(%L, pg_temp.item(%L, 2), %L, null, null, null)', :'event', :'standard', :'key')), 'idempotency_conflict', 'another order with the same key is refused');
select results_eq(format('select status, total_amount, tax_amount, quantity from public.orders where id = %L', :'paid'), $$ values ('pending_payment', 1500000::bigint, 111111::bigint, 3) $$, 'an order costs what its tickets cost');
select is((select count(*)::int from public.tickets), 0, 'an unpaid order has no tickets');
select is((public.event_detail(:'event') #>> '{classes,0,left}')::int, 7, 'what is held is not left');
select is(pg_temp.counted(:'standard'), '3 held, 0 sold', 'what is held is counted');
select tests.as_user(:'stranger');
select is((select count(*)::int from public.orders), 0, 'a stranger sees no order');
select is(tests.outcome(format('select public.order_detail(%L)', :'paid')), 'order_not_found', 'a stranger asks for no order');
select is(tests.outcome(format('select public.cancel_order_preview(%L)', :'paid')), 'order_not_found', 'a stranger cancels no order');
select tests.as_owner();
select is(tests.pay(:'paid'), 'applied', 'the money of an order comes');
select tests.as_user(:'buyer');
select is((select status from public.orders where id = :'paid'), 'completed', 'a paid order is complete');
select results_eq('select number, paid_amount, tax_amount from public.tickets order by number', $$ values (1, 500000::bigint, 37037::bigint), (2, 500000, 37037), (3, 500000, 37037) $$, 'each ticket says what was paid for it');
select is(pg_temp.counted(:'standard'), '0 held, 3 sold', 'what is paid is sold');
select is((select count(*)::int from public.my_orders()), 1, 'a buyer lists the orders');
select is(jsonb_array_length(public.order_detail(:'paid') -> 'tickets'), 3, 'a buyer reads all of an order');
select tests.as_user(:'owner');
select is((select count(*)::int from public.event_orders(:'event')), 1, 'the organizer lists the orders of an event');
select is(public.order_detail(:'paid') -> 'payment', 'null'::jsonb, 'the organizer does not see the payment');
select tests.as_owner();
select is((private.issue_receipt('receipt', p.id)).total, 1500000::bigint, 'an order has a receipt') from public.payments p where p.payable_id = :'paid';

-- limits
select tests.as_user(:'other');
select is(tests.outcome_details(pg_temp.buying(:'event', :'standard', 9)) ->> 'limit', '8', 'one order has at most as many tickets as the event allows');
select is(tests.outcome(format('select pg_temp.buy(%L, pg_temp.item(%L, 5) || pg_temp.item(%L, 4))', :'event', :'standard', :'standard')), 'ticket_limit_reached', 'limits count tickets and not lines');
select is(tests.outcome_details(pg_temp.buying(:'event', :'standard', 8)) ->> 'left', '7', 'a refusal says what is left');
select is(tests.outcome_details(pg_temp.buying(:'event', :'standard', 8)) ->> 'class_id', :'standard', 'a refused order names the failing item');
select is(tests.outcome(pg_temp.buying(:'event', gen_random_uuid(), 1)), 'ticket_class_not_found', 'a kind of ticket must be of the event');
select is(tests.outcome(format('select pg_temp.buy(%L, %L)', :'event', '[]')), 'invalid_input', 'an order has a ticket');
select is(tests.outcome(pg_temp.buying(:'event', :'standard', 0)), 'invalid_input', 'nobody orders no ticket');
select tests.as_user(:'owner');
select private.configure_event(:'event', '{"max_per_user": 4}') \gset
select tests.as_user(:'buyer');
select is(tests.outcome_details(pg_temp.buying(:'event', :'standard', 2)) ->> 'has', '3', 'one person has at most as many as the event allows, over all orders');
select is(tests.outcome(pg_temp.buying(:'event', :'standard', 1)), 'ok', 'one person may have as many as the limit says');
select tests.as_owner();
select id as unpaid from public.orders where status = 'pending_payment' \gset
select tests.as_user(:'buyer');
select is(tests.outcome(pg_temp.buying(:'event', :'standard', 1)), 'ticket_limit_reached', 'what is held counts for the limit');
select is((public.cancel_order(:'unpaid', 0, gen_random_uuid()) ->> 'status'), 'cancelled', 'an unpaid order is cancelled');
select is(pg_temp.counted(:'standard'), '0 held, 3 sold', 'a cancelled order holds nothing');
select is(tests.outcome(format('select public.cancel_order(%L, 0, gen_random_uuid())', :'unpaid')), 'order_not_cancellable', 'a cancelled order is not cancelled again');

-- a hold that is over
select pg_temp.buy(:'event', pg_temp.item(:'standard', 1)) as lapsed \gset
select tests.as_owner();
select tests.order_runs_out(:'lapsed');
select tests.as_user(:'buyer');
select is(public.order_detail(:'lapsed') ->> 'status', 'expired', 'a hold is over when it is over, before a job has run');
select is((public.event_detail(:'event') #>> '{classes,0,left}')::int, 7, 'what was held is left again');
select is(tests.outcome(pg_temp.buying(:'event', :'standard', 1)), 'ok', 'a hold that is over does not count for the limit');
select tests.as_user(:'owner');
select private.configure_event(:'event', '{"max_per_user": null}') \gset
select tests.as_user(:'other');
select is(tests.outcome(pg_temp.buying(:'event', :'standard', 6)), 'ok', 'anybody who needs a ticket takes back what is over');
select is((public.event_detail(:'event') #>> '{classes,0,left}')::int, 0, 'all tickets are held or sold');
select is(tests.outcome(pg_temp.buying(:'event', :'standard', 1)), 'sold_out', 'nobody orders what is not there');
select tests.as_owner();
select is((select count(*)::int from private.ticket_holds where order_id = :'lapsed' and held > 0), 0, 'a lapsed order holds nothing');
select tests.settle();
select private.expire_overdue_payments();
select is((select status from public.orders where id = :'lapsed'), 'expired', 'a job writes down that an order expired');
select is(tests.broken_promises(), null, 'no invariant is violated while orders are held, sold and over');

-- late money
select is(tests.outcome(format('select tests.provider_says(tests.start_payment(%L))', :'lapsed')), 'payment_not_payable', 'an expired order is not paid');
select tests.make_order(:'third', tests.make_event(:'owner', '{"total": 2}'), 2) as late \gset
select tests.start_payment(:'late') as late_reference \gset
select tests.order_runs_out(:'late');
select private.expire_overdue_payments(), private.release_stock();
select is((select status from public.orders where id = :'late'), 'expired', 'an order whose time is over expires');
select is(tests.provider_says(:'late_reference'), 'applied', 'late money completes an order whose tickets are there');
select is((select status from public.orders where id = :'late'), 'completed', 'the late order is complete');
select tests.make_event(:'owner', '{"total": 2}') as small \gset
select tests.make_order(:'third', :'small', 2) as gone \gset
select tests.start_payment(:'gone') as gone_reference \gset
select tests.order_runs_out(:'gone');
select tests.make_paid_order(:'other', :'small', 1) as first;
select is(tests.provider_says(:'gone_reference'), 'refunded_late', 'late money goes back when a ticket is gone');
select is((select count(*)::int from public.tickets where order_id = :'gone'), 0, 'an order that came too late has no tickets');
select is((select amount from public.refunds where payable_id = :'gone'), 1000000::bigint, 'all of the late money goes back');
select tests.make_order(:'third', tests.make_event(:'owner'), 1) as refused \gset
select tests.provider_says(tests.start_payment(:'refused'), 'failed');
select tests.order_runs_out(:'refused');
select private.expire_overdue_payments();
select is((select status from public.orders where id = :'refused'), 'failed', 'an order whose payment failed has failed');
select is(tests.broken_promises(), null, 'no invariant is violated after late money');

-- tickets that are cancelled
select tests.as_user(:'buyer');
select id as first_ticket from public.tickets where order_id = :'paid' and number = 1 \gset
select is((public.cancel_order_preview(:'paid', array[:'first_ticket']::uuid[]) ->> 'refund_amount')::int, 500000, 'a ticket gives back what was paid for it');
select is(tests.outcome(format('select public.cancel_order(%L, 1, gen_random_uuid(), array[%L]::uuid[])', :'paid', :'first_ticket')), 'order_refund_changed', 'nobody cancels for another amount than was shown');
select tests.as_owner();
update public.ticket_classes set price = 900000 where id = :'standard';
select tests.as_user(:'buyer');
select public.cancel_order(:'paid', 500000, gen_random_uuid(), array[:'first_ticket']::uuid[]) ->> 'status' as after_part \gset
select is(:'after_part'::text, 'completed', 'an order with valid tickets stays complete');
select is((public.event_detail(:'event') #>> '{classes,0,left}')::int, 1, 'a cancelled ticket can be sold again');
select is(tests.outcome(format('select public.cancel_order(%L, 500000, gen_random_uuid(), array[%L]::uuid[])', :'paid', :'first_ticket')), 'invalid_input', 'a ticket is cancelled once');
select is(public.cancel_order(:'paid', 1000000, gen_random_uuid(), p.ids) ->> 'status', 'cancelled', 'an order without a valid ticket is cancelled') from (select array_agg(id) as ids from public.tickets where order_id = :'paid' and status = 'valid') p;
select tests.as_owner();
select results_eq(format('select sum(amount)::bigint, sum(credit_amount)::bigint, count(*) from public.refunds where payable_id = %L', :'paid'), $$ values (1500000::bigint, 1500000::bigint, 2::bigint) $$, 'what was paid went back, in two refunds, and no list price');
update public.events set starts_at = now() + interval '47 hours', ends_at = now() + interval '50 hours' where id = :'event';
select tests.make_paid_order(:'third', :'event', 1) as near \gset
select tests.as_user(:'third');
select is(tests.outcome(format('select public.cancel_order_preview(%L)', :'near')), 'order_not_cancellable', 'a buyer does not cancel too near to the start');
select tests.as_user(:'owner');
select is((public.cancel_order_preview(:'near') ->> 'cancelled_by'), 'organizer', 'the organizer cancels until the end');
select tests.as_user(:'admin');
select public.cancel_payable(:'near', 'a mistake', gen_random_uuid()) ->> 'id' as called_off \gset
select tests.as_owner();
select is((select cancelled_by from public.orders where id = :'near'), 'admin', 'an admin cancels an order like any payable');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after cancelling');
select is_empty('select * from private.reconcile_ledger()', 'the books prove every cancellation');

-- free events, hidden kinds, shared stock, windows
select tests.as_owner();
select tests.make_event(:'owner', '{"name": "Free", "price": 0, "total": 3}') as free_event \gset
select tests.as_user(:'buyer');
select pg_temp.buy(:'free_event', pg_temp.item(tests.class_of(:'free_event', 'Free'), 2)) as free_order \gset
select is((select status from public.orders where id = :'free_order'), 'completed', 'an order with nothing to pay is complete at once');
select is((select count(*)::int from public.tickets where order_id = :'free_order'), 2, 'free tickets are issued at once');
select is((select count(*)::int from public.payments where payable_id = :'free_order'), 0, 'nothing is asked for them');
select is(tests.outcome(pg_temp.buying(:'free_event', tests.class_of(:'free_event', 'Free'), 2)), 'sold_out', 'free tickets are counted too');
select tests.as_owner();
select tests.make_event(:'owner') as pooled \gset
select tests.as_user(:'owner');
select (private.add_ticket_class(:'pooled', '{"name": "Student", "price": 100000, "total": 100, "is_hidden": true, "unlock_code": "STUDENT-26", "max_per_user": 1}', gen_random_uuid())).id as student \gset
select tests.class_of(:'pooled') as pooled_class \gset
select public.set_capacity_pool(:'pooled', 'Hall', 3, array[:'student', :'pooled_class']::uuid[]) ->> 'capacity' as hall \gset
select tests.as_user(:'buyer');
select is(tests.outcome(pg_temp.buying(:'pooled', :'student', 1)), 'ticket_class_not_found', 'a hidden kind of ticket is not sold without its code');
select is(tests.outcome(format('select pg_temp.buy(%L, pg_temp.item(%L, 2), null, %L)', :'pooled', :'student', 'student-26')), 'ticket_limit_reached', 'a kind of ticket has a limit of its own');
select is(tests.outcome(format('select pg_temp.buy(%L, pg_temp.item(%L, 1) || pg_temp.item(%L, 1), null, %L)', :'pooled', :'student', :'pooled_class', 'student-26')), 'ok', 'its code sells it');
select is(tests.outcome_details(pg_temp.buying(:'pooled', :'pooled_class', 2)) ->> 'left', '1', 'kinds of tickets that share stock use it up together');
select tests.as_user(:'owner');
select private.configure_event(:'pooled', '{"shows_left": false}') \gset
select tests.as_user(:'buyer');
select is(tests.outcome_details(pg_temp.buying(:'pooled', :'pooled_class', 2)) - 'code', jsonb_build_object('class_id', :'pooled_class', 'left', null), 'shared stock that is used up tells no number that the organizer keeps');
select tests.as_user(:'owner');
select is(tests.outcome(format('select public.set_capacity_pool(%L, %L, 3, array[%L]::uuid[])', :'pooled', 'Hall', :'student')), 'ticket_class_has_sales', 'a kind of ticket that is sold stays in its pool');
select is(tests.outcome_details(format('select public.set_capacity_pool(%L, %L, 1, array[%L, %L]::uuid[])', :'pooled', 'Hall', :'student', :'pooled_class')) ->> 'least', '2', 'shared stock is never below what is held');
select private.configure_event(:'pooled', jsonb_build_object('sale_starts_at', tests.hours(1))) \gset
select tests.as_user(:'buyer');
select is(tests.outcome_details(pg_temp.buying(:'pooled', :'pooled_class', 1)) ->> 'state', 'not_started', 'nothing is sold before the sale');
select tests.as_user(:'owner');
select private.configure_event(:'pooled', jsonb_build_object('sale_starts_at', null, 'sale_ends_at', now())) \gset
select tests.as_user(:'buyer');
select is(tests.outcome_details(pg_temp.buying(:'pooled', :'pooled_class', 1)) ->> 'state', 'over', 'nothing is sold after the sale');
select tests.as_user(:'owner');
select private.configure_event(:'pooled', '{"sale_ends_at": null, "waiting_room": true}') \gset
select tests.as_user(:'buyer');
select is(tests.outcome(pg_temp.buying(:'pooled', :'pooled_class', 1)), 'admission_required', 'an event with a waiting room sells to nobody whom it did not admit');
select tests.as_user(:'owner');
select private.configure_event(:'pooled', '{"waiting_room": false}'), private.update_ticket_class(:'pooled_class', '{"is_closed": true}') \gset
select tests.as_user(:'buyer');
select is(tests.outcome_details(pg_temp.buying(:'pooled', :'pooled_class', 1)) ->> 'state', 'closed', 'a closed kind of ticket is not sold');

-- seats
select tests.as_owner();
select tests.make_event(:'owner') as hall \gset
select tests.as_user(:'owner');
select (private.add_ticket_class(:'hall', '{"name": "Stalls", "price": 200000, "has_seats": true}', gen_random_uuid())).id as stalls \gset
create function pg_temp.seats(p_count int) returns jsonb language sql as $$ select jsonb_agg(jsonb_build_object('number', n::text)) from generate_series(1, p_count) n $$;
grant execute on function pg_temp.seats to public;
select public.add_seat_row(:'stalls', 'Stalls', 'A', 1, pg_temp.seats(6)) ->> 'id' as row_a \gset
select public.add_seat_row(:'stalls', 'Stalls', 'B', 2, pg_temp.seats(4) || '[{"number": "5", "kind": "accessible"}, {"number": "6", "kind": "companion"}]') ->> 'id' as row_b \gset
select is((select total from public.ticket_classes where id = :'stalls'), 12, 'the total of a kind with seats is the number of its seats');
select is(tests.outcome(format('select private.set_ticket_total(%L, 5)', :'stalls')), 'invalid_input', 'it changes with the seats alone');
select is(tests.outcome(format('select public.add_seat_row(%L, %L, %L, 3, pg_temp.seats(1))', :'stalls', 'Stalls', 'A')), 'invalid_input', 'a section has a row once');
create function pg_temp.seat(p_row uuid, p_number text) returns uuid language sql security definer as $$ select id from public.seats where row_id = p_row and number = p_number $$;
grant execute on function pg_temp.seat to public;
select is(public.set_seats(array[pg_temp.seat(:'row_a', '1')], 'killed'), 1, 'the organizer takes a seat out of the sale');
select is((select total from public.ticket_classes where id = :'stalls'), 11, 'the total follows the seats on sale');
select public.set_seats(array[pg_temp.seat(:'row_a', '1')], 'open') \gset
select tests.as_user(:'buyer');
select pg_temp.buy(:'hall', pg_temp.item(:'stalls', 2)) as pair \gset
select is((select string_agg(s ->> 'row_label' || (s ->> 'number'), ' ') from jsonb_array_elements(public.order_detail(:'pair') -> 'seats') s), 'A3 A4', 'the best available seats are side by side, in the middle of the best row, and leave nobody alone');
select is(tests.outcome_details(format('select pg_temp.buy(%L, null, array[pg_temp.seat(%L, %L)])', :'hall', :'row_a', '3')) -> 'seat_ids' ->> 0, pg_temp.seat(:'row_a', '3')::text, 'a refusal names the seat that is taken');
select is(tests.outcome(format('select pg_temp.buy(%L, null, array[pg_temp.seat(%L, %L)])', :'hall', :'row_b', '2')), 'seat_left_alone', 'a choice that leaves a single seat is refused');
select is(tests.outcome(format('select pg_temp.buy(%L, null, array[pg_temp.seat(%L, %L)])', :'hall', :'row_a', '1')), 'ok', 'a choice that leaves a single seat is allowed where no other would leave none');
select is(tests.outcome(format('select pg_temp.buy(%L, pg_temp.item(%L, 5))', :'hall', :'stalls')), 'seats_not_together', 'more seats side by side than there are are refused');
select tests.as_owner();
select is((select count(*)::int from public.seat_allocations a join public.seats s on s.id = a.seat_id where s.kind <> 'standard'), 0, 'seats for wheelchairs are chosen for nobody who did not ask');
select tests.as_user(:'other');
select pg_temp.buy(:'hall', pg_temp.item(:'stalls', 4)) as four \gset
select is((select string_agg(distinct s ->> 'row_label', ' ') from jsonb_array_elements(public.order_detail(:'four') -> 'seats') s), 'B', 'another row is taken when the best has too few side by side');
select is(tests.outcome(format('select pg_temp.buy(%L, null, array[pg_temp.seat(%L, %L), pg_temp.seat(%L, %L)])', :'hall', :'row_b', '5', :'row_b', '6')), 'ok', 'anybody who asks for the seats of a wheelchair and its companion gets them');
select is(tests.outcome(format('select pg_temp.buy(%L, pg_temp.item(%L, 2, %L))', :'hall', :'stalls', '{"together": false}')), 'ok', 'who accepts seats apart gets them');
select tests.as_user(:'owner');
select is(tests.outcome(format('select public.set_seats(array[pg_temp.seat(%L, %L)], %L)', :'row_a', '3', 'held')), 'seat_taken', 'the organizer does not take a seat that somebody has');
select tests.as_owner();
select is(tests.outcome(format('insert into public.seat_allocations (seat_id, event_id, class_id, order_id) select pg_temp.seat(%L, %L), event_id, %L, id from public.orders where id = %L', :'row_a', '3', :'stalls', :'four')), '23505', 'no path gives a seat twice');
select is(tests.pay(:'pair'), 'applied', 'an order of seats is paid');
select is((select count(distinct seat_id)::int from public.tickets where order_id = :'pair'), 2, 'each ticket has a seat of its own');
select tests.order_runs_out(:'four');
select tests.as_user(:'third');
select pg_temp.buy(:'hall', pg_temp.item(:'stalls', 3)) as after_lapse \gset
select is((select string_agg(distinct s ->> 'row_label', ' ') from jsonb_array_elements(public.order_detail(:'after_lapse') -> 'seats') s), 'B', 'seats whose hold is over are taken back by anybody who needs them');
select tests.as_owner();
select tests.start_payment(:'after_lapse') as seat_reference \gset
select tests.order_runs_out(:'after_lapse');
select private.expire_overdue_payments(), private.release_stock();
select is(tests.provider_says(:'seat_reference'), 'applied', 'late money has its seats again while they are free');
select tests.settle();
select tests.as_owner();
select is(tests.broken_promises(), null, 'no invariant is violated by hidden kinds and shared stock');
select * from finish();
rollback;

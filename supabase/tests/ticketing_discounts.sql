-- Ticketing: codes for tickets: who makes them, what they take off, who pays, and what goes back.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

update private.rate_limits set capacity = 10000, per_minute = 10000;
select tests.make_user('owner') as owner, tests.make_user('rival') as rival, tests.make_user('buyer') as buyer, tests.make_user('other') as other, tests.make_admin('admin') as admin \gset
select tests.make_event(:'owner', '{"total": 100}', '{"returns_hours": 48, "max_per_order": 10}') as event, tests.make_event(:'rival') as elsewhere \gset
select tests.class_of(:'event') as standard, (select organizer_id from public.events where id = :'event') as organizer, (select organizer_id from public.events where id = :'elsewhere') as rivals \gset
create function pg_temp.buy(p_event uuid, p_items jsonb, p_code text) returns uuid language sql as $$
  select (private.create_order(p_event, p_items, gen_random_uuid(), null, null, null, p_code)).id $$;
create function pg_temp.of(p_class uuid, p_quantity int) returns jsonb language sql as $$ select jsonb_build_array(jsonb_build_object('class_id', p_class, 'quantity', p_quantity)) $$;
create function pg_temp.redemption(p_order uuid) returns text language sql security definer as $$ select status from public.discount_redemptions where id = p_order $$;
grant execute on all functions in schema pg_temp to public;

select tests.as_user(:'owner');
select (private.add_ticket_class(:'event', '{"name": "Odd", "price": 333333, "tax_bps": 800, "total": 50}', gen_random_uuid())).id as odd \gset
-- who makes codes ------------------------------------------------------------------------------------------------
select public.create_organizer_discount(:'organizer', '{"code": "early", "title": "Early birds", "percent_bps": 2500, "total_limit": 2, "min_amount": 400000}', gen_random_uuid()) ->> 'id' as early \gset
select is(tests.outcome(format($$ select public.create_organizer_discount(%L, '{"code": "MINE", "title": "Mine", "percent_bps": 100}', gen_random_uuid()) $$, :'rivals')), 'organizer_not_found', 'a team makes no code for another organizer');
select is(tests.outcome(format($$ select public.create_organizer_discount(%L, '{"code": "MINE", "title": "Mine", "percent_bps": 100, "scope": "rental"}', gen_random_uuid()) $$, :'organizer')), 'invalid_input', 'an organizer makes no code for rentals');
select is(tests.outcome(format($$ select public.create_organizer_discount(%L, jsonb_build_object('code', 'MINE', 'title', 'Mine', 'percent_bps', 100, 'event_id', %L), gen_random_uuid()) $$, :'organizer', :'elsewhere')), 'invalid_input', 'an organizer makes no code for an event of another');
select tests.as_user(:'rival');
select is(public.create_organizer_discount(:'rivals', '{"code": "EARLY", "title": "Ours", "percent_bps": 100}', gen_random_uuid()) ->> 'code', 'EARLY', 'two organizers may have the same code');
select is(tests.outcome(format($$ select public.update_organizer_discount(%L, '{"is_paused": true}') $$, :'early')), 'discount_not_found', 'a team does not pause the code of another organizer');
select is(tests.outcome(format('select public.organizer_discounts(%L)', :'organizer')), 'organizer_not_found', 'a team does not list the codes of another organizer');
select tests.as_user(:'owner');
select public.create_organizer_discount(:'organizer', '{"code": "GIFT", "title": "A gift", "percent_bps": 10000, "per_user_limit": null}', gen_random_uuid()) is not null;
select tests.as_user(:'admin');
select is(tests.outcome($$ select public.create_discount('{"code": "OURS", "title": "From us", "scope": "tickets", "percent_bps": 1000}', gen_random_uuid()) $$), 'invalid_input', 'the platform makes no code for tickets');
select public.create_discount('{"code": "DRIVE", "title": "For cars", "scope": "rental", "percent_bps": 1000}', gen_random_uuid()) is not null;

-- orders ---------------------------------------------------------------------------------------------------------
select tests.as_user(:'buyer');
select is(tests.outcome(format('select pg_temp.buy(%L, pg_temp.of(%L, 1), %L)', e, c, k)), 'discount_not_found', l)
from (values (:'event', :'standard', 'NOTHING', 'an unknown code takes nothing off tickets'), (:'event', :'standard', 'DRIVE', 'a code for rentals takes nothing off tickets')) t (e, c, k, l);
select is(tests.outcome(format('select pg_temp.buy(%L, pg_temp.of(%L, 1), %L)', :'event', :'odd', 'EARLY')), 'discount_below_minimum', 'a code is refused below its minimum');
select pg_temp.buy(:'event', jsonb_build_array(jsonb_build_object('class_id', :'odd', 'quantity', 3), jsonb_build_object('class_id', :'standard', 'quantity', 2)), 'Early') as order \gset
select is((select sum(discount_amount) from public.order_items where order_id = :'order'), 500000::numeric, 'a share of the whole order is taken off, to the last đồng');
select is((select total_amount from public.orders where id = :'order'), 1499999::bigint, 'an order with a code costs what its items cost');
select is(public.order_detail(:'order') ->> 'discount_code', 'EARLY', 'a buyer reads which code it was');
select is((select sum(tax_amount) from public.order_items where order_id = :'order'), (select tax_amount::numeric from public.orders where id = :'order'), 'the tax of an order is that of what is paid');
select tests.as_owner();
select is((select uses from public.discounts where id = :'early'), 1, 'an order takes a use of the code');
select tests.pay(:'order');
select is(pg_temp.redemption(:'order'), 'redeemed', 'the money of an order redeems its code');
select is((select sum(paid_amount) from public.tickets where order_id = :'order'), 1499999::numeric, 'the tickets say what was paid for them');
select is(private.balance('escrow', :'order'), 1499999::bigint, 'of its own code an organizer gets what buyers paid');
select is((select sum((l ->> 'amount')::bigint) from jsonb_array_elements(private.order_lines(:'order')) l), 1499999::numeric, 'the lines of the receipt add up to what was paid');
select is((select (l ->> 'amount')::bigint from jsonb_array_elements(private.order_lines(:'order')) l where l ->> 'code' = 'discount'), -500000::bigint, 'the receipt shows what was taken off');
-- all but one ticket go back, so that the rest is below the minimum of the code
select array_agg(id)::text as most, sum(paid_amount) as back from (select id, paid_amount from public.tickets where order_id = :'order' order by number limit 4) t \gset
select tests.as_user(:'buyer');
select is((public.cancel_order_preview(:'order', :'most'::uuid[]) ->> 'refund_amount')::bigint, :back::bigint, 'a cancelled ticket gives back what was paid, never the list price');
select public.cancel_order(:'order', :back, gen_random_uuid(), :'most'::uuid[]) is not null;
select tests.as_owner();
select is(private.balance('escrow', :'order'), 1499999 - :back::bigint, 'the rest keeps its price below the minimum of the code');
select is(pg_temp.redemption(:'order'), 'redeemed', 'an order that has a ticket left has used its code');
select tests.as_user(:'buyer');
select (public.cancel_order_preview(:'order') ->> 'refund_amount')::bigint as rest \gset
select public.cancel_order(:'order', :rest, gen_random_uuid()) is not null;
select tests.as_owner();
select is(:back::bigint + :rest::bigint, 1499999::bigint, 'all that goes back is all that was paid');
select is(pg_temp.redemption(:'order'), 'released', 'an order without a ticket gives the use back');

-- limits and deadlines -------------------------------------------------------------------------------------------
select tests.as_user(:'buyer');
select pg_temp.buy(:'event', pg_temp.of(:'standard', 1), 'EARLY') as first \gset
select is(tests.outcome(format('select pg_temp.buy(%L, pg_temp.of(%L, 1), %L)', :'event', :'standard', 'EARLY')), 'discount_already_used', 'one person orders with a code once');
select tests.as_user(:'other');
select pg_temp.buy(:'event', pg_temp.of(:'standard', 1), 'EARLY') as second \gset
select tests.as_user(:'rival');
select is(tests.outcome(format('select pg_temp.buy(%L, pg_temp.of(%L, 1), %L)', :'event', :'standard', 'EARLY')), 'discount_used_up', 'a code for tickets is used up at its limit');
select tests.as_owner();
select tests.start_payment(:'first', 'vietqr') as late \gset
select tests.order_runs_out(:'first');
select tests.as_user(:'rival');
select pg_temp.buy(:'event', pg_temp.of(:'standard', 1), 'EARLY') as third \gset
select tests.as_owner();
select tests.provider_says(:'late', 'succeeded', null, 'VND', 'tx-late', 'late');
select is((select status from public.orders where id = :'first'), 'expired', 'late money of an order whose code was taken goes back');
select is((select count(*)::int from public.tickets where order_id = :'first'), 0, 'money that goes back issues no ticket');
select tests.order_runs_out(:'second');
select private.expire_overdue_payments();
select is(pg_temp.redemption(:'second'), 'released', 'an order that expires gives the use back');

-- nothing to pay -------------------------------------------------------------------------------------------------
select tests.as_user(:'other');
select pg_temp.buy(:'event', pg_temp.of(:'standard', 2), 'gift') as gift \gset
select is((select (status, total_amount)::text from public.orders where id = :'gift'), '(completed,0)', 'an order with nothing to pay is completed at once');
select is((select count(*)::int from public.tickets where order_id = :'gift'), 2, 'nothing to pay issues the tickets');
select tests.as_owner();
select is((select count(*)::int from public.payments where payable_id = :'gift'), 0, 'an order with nothing to pay has no payment');
select is(private.balance('escrow', :'gift'), 0::bigint, 'an organizer earns nothing by a gift');
select is(pg_temp.redemption(:'gift'), 'redeemed', 'a gift has used its code');
select tests.as_user(:'other');
select is(public.cancel_order(:'gift', 0, gen_random_uuid()) ->> 'status', 'cancelled', 'tickets that cost nothing are cancelled');
select tests.as_owner();
select is(pg_temp.redemption(:'gift'), 'released', 'a cancelled gift gives the use back');
select tests.as_user(:'owner');
select is((select d ->> 'reserved' from public.organizer_discounts(:'organizer') d where d ->> 'code' = 'EARLY'), '1', 'a team sees how often its code is used');
select is(public.update_organizer_discount(:'early', '{"is_paused": true}') ->> 'status', 'paused', 'a team pauses its code');
select tests.as_user(:'admin');
select is(tests.outcome(format('select pg_temp.buy(%L, pg_temp.of(%L, 1), %L)', :'event', :'standard', 'EARLY')), 'discount_not_found', 'a paused code takes nothing off');
select tests.as_owner();

select is_empty($$ select * from private.check_invariants() where invariant <> 'trust_score_stale' $$, 'no invariant is violated by codes for tickets');
select is_empty('select * from private.reconcile_ledger()', 'the books prove what codes took off tickets');
select * from finish();
rollback;

-- Ticketing: what an organizer earns, from escrow to the payout, with refunds before and after.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

update private.rate_limits set capacity = 10000, per_minute = 10000;
select tests.make_user('owner') as owner, tests.make_user('editor') as editor, tests.make_user('buyer') as buyer, tests.make_user('other') as other, tests.make_user('third') as third,
  tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
-- odd amounts, so that rounding shows: 100,001 holds 7,407 of tax, and the third of three tickets 7,408; 5 % of the rest are
-- 4,629, so 87,965 or 87,964 are the owner's
select tests.make_event(:'owner', '{"price": 100001, "total": 20}', '{"returns_hours": 1}') as event \gset
select organizer_id as organizer from public.events where id = :'event' \gset
insert into public.organizer_members (organizer_id, user_id, role) values (:'organizer', :'editor', 'editor');
select tests.make_paid_order(:'buyer', :'event', 3) as bought, tests.make_paid_order(:'other', :'event', 1) as frozen, tests.make_paid_order(:'third', :'event', 2) as returned,
  tests.make_order(:'stranger', :'event', 2) as unpaid \gset
select array_agg(id order by number) as tickets from public.tickets where order_id = :'bought' \gset
select tests.as_user(:'third');
select public.cancel_order(:'returned', 100001, gen_random_uuid(), array[(select id from public.tickets where order_id = :'returned' and number = 1)]) ->> 'status' as still \gset
select tests.as_owner();
select private.freeze_money(:'frozen', 'under review');
select tests.settle();

-- who reads what
select tests.as_user(:'editor');
select is(tests.outcome(format('select * from public.organizer_earnings(%L)', :'organizer')), 'forbidden', 'an editor reads no earnings');
select tests.as_user(:'stranger');
select is(tests.outcome(format('select * from public.organizer_earnings(%L)', :'organizer')), 'organizer_not_found', 'a stranger reads no earnings');
select tests.as_user(:'owner');
select is((select e - '{id,title,ends_at,status,due_at,currency}'::text[] from public.organizer_earnings(:'organizer') e),
  '{"tickets": 5, "gross": 500005, "tax": 37036, "fee": 23145, "net": 439824, "earned": 0, "waiting": 439824, "frozen": 100001, "refunded": 100001}', 'the owner reads what an event will earn');

-- before, and some days after
select tests.as_owner();
select is((select array_agg(b) from private.account_blocker_unearned_tickets(:'owner') b), array[:'event'::uuid], 'money in escrow keeps the account of the owner');
select is(private.earn_orders(), 0, 'nothing leaves escrow before the event');
update public.events set starts_at = now() - interval '5 hours', ends_at = now() - interval '2 hours' where id = :'event';
select is(private.earn_orders(), 0, 'nothing leaves escrow on the day of the event');
select tests.order_runs_out(:'unpaid');
update public.events set starts_at = now() - interval '3 days 3 hours', ends_at = now() - interval '3 days' where id = :'event';
select is(private.earn_orders(1), 1, 'a part of the orders leaves escrow');
select is(private.earn_orders(), 1, 'the next part goes on');
select is(private.earn_orders(), 0, 'each order leaves escrow once');
select tests.settle();
select is(private.balance('host_payable', :'owner'), 351859::bigint, 'the owner is owed what was paid less tax and fee');
select is(private.balance('escrow', :'bought'), 0::bigint, 'an order that has left escrow has nothing there');
select is(private.balance('escrow', :'frozen'), 100001::bigint, 'frozen money stays in escrow');
select is((select count(*)::int from private.earned_events), 0, 'an event with frozen money is not done');
select is_empty('select * from private.reconcile_ledger()', 'the books prove what was earned');
select is(tests.broken_promises(), null, 'no invariant is violated by earnings');
select private.unfreeze_money(:'frozen');
select is(private.earn_orders(), 1, 'the end of a freeze lets it go');
select tests.settle();
select is((select count(*)::int from public.notifications where user_id = :'owner' and template = 'event_earned'), 1, 'the owner is told once, when all has left');
select is((select body from public.notifications where user_id = :'owner' and template = 'event_earned') like '%439,824%', true, 'the owner is told how much was earned');
select is(private.earn_orders(), 0, 'an event that is done is not looked at again');
select is_empty(format('select private.account_blocker_unearned_tickets(%L)', :'owner'), 'an event whose money has left escrow keeps no account');

-- a ticket is cancelled after that: everybody gives their part back
select tests.as_user(:'owner');
select is(tests.outcome(format('select public.cancel_order(%L, 100001, gen_random_uuid(), array[%L]::uuid[])', :'bought', (:'tickets'::uuid[])[1])), 'order_not_cancellable', 'an organizer gives nothing back of an event that is over');
select tests.as_user(:'admin');
select is((public.cancel_order(:'bought', 200002, gen_random_uuid(), (:'tickets'::uuid[])[1:2]) ->> 'refund_amount')::int, 200002, 'an admin gives tickets back after the event');
select tests.as_owner();
select tests.settle();
select is(private.balance('host_payable', :'owner'), (439824 - 2 * 87965)::bigint, 'the owner gives back what came from these tickets');
select is(private.balance('escrow', :'bought'), 0::bigint, 'escrow has no part in it');
select is_empty('select * from private.reconcile_ledger()', 'the books prove what was given back');
select is(tests.broken_promises(), null, 'no invariant is violated by a refund of what was earned');
update private.settings set value = '2000' where key = 'ticket_fee_bps';
select is_empty('select * from private.reconcile_ledger()', 'another fee changes nothing that was earned');
select tests.as_user(:'owner');
select is((select e - '{id,title,ends_at,status,due_at,currency}'::text[] from public.organizer_earnings(:'organizer') e),
  '{"tickets": 3, "gross": 300003, "tax": 22222, "fee": 13887, "net": 263894, "earned": 263894, "waiting": 0, "frozen": 0, "refunded": 300003}', 'the statement adds up');

-- the payout
select tests.step_up(:'owner');
select public.set_bank_account('970436', '0123456789', 'NGUYEN VAN A', gen_random_uuid()) is not null as has_account \gset
select tests.as_owner();
update public.bank_accounts set created_at = now() - interval '3 days', usable_from = now() - interval '2 days' where user_id = :'owner';
select private.freeze_money(:'returned', 'a complaint');
select private.schedule_payouts() as batch \gset
select tests.settle();
select is((select amount from public.payouts where user_id = :'owner'), 175929::bigint, 'a payout takes what is earned, less what was given back, without what is frozen');
select tests.as_user(:'owner');
select is((select count(*)::int from jsonb_array_elements(public.payout_statement((select id from public.my_payouts())) -> 'lines') l where l ->> 'event' in ('tickets_earned', 'tickets_cancelled')), 3, 'its statement names the orders');
select tests.as_owner();
select is(tests.broken_promises(), null, 'no invariant is violated by the payout');

-- tickets that cost nothing
select tests.make_event(:'owner', '{"name": "Free", "price": 0}') as gratis \gset
select tests.make_order(:'buyer', :'gratis', 2, 'Free');
update public.events set starts_at = now() - interval '10 days 3 hours', ends_at = now() - interval '10 days' where id = :'gratis';
select is(private.earn_orders(), 0, 'a free order earns nothing');
select is((select count(*)::int from private.earned_events where event_id = :'gratis'), 1, 'an event with free tickets is done at once');
select * from finish();
rollback;

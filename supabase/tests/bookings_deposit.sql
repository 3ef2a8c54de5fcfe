-- Bookings: what becomes of the deposit after a trip.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
select tests.make_vehicle(:'host') as vehicle \gset
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(30), tests.hours(40)) as trip \gset
insert into private.capture_causes (cause, description) values ('test', 'A decision');
create function pg_temp.take(p_booking uuid, p_amount bigint, p_cause_id uuid default gen_random_uuid(), p_tax bigint default 0)
returns text
language sql
as $$ select tests.outcome(format('select private.capture_deposit(%L, %L, %L, %L, %L, %L)', p_booking, p_amount, 'test', p_cause_id, 'charge_fuel', p_tax)) $$;
create function pg_temp.deposit(p_booking uuid)
returns text
language sql stable
as $$ select concat_ws(' ', deposit_status, deposit_captured, deposit_returned, private.balance('deposit', id::text)) from public.bookings where id = p_booking $$;

select is(pg_temp.take(:'trip', 1), 'deposit_not_enough', 'nothing is taken of a deposit before the trip is over');
select is(tests.outcome(format('update public.bookings set deposit_captured = 1 where id = %L', :'trip')), '23514', 'a deposit of which something was taken before the trip is over cannot be stored');
select tests.drive(:'trip', -20);
select private.balance('host_payable', :'host') as rent \gset
select is(pg_temp.take(:'trip', 3000001), 'deposit_not_enough', 'more than the deposit is not taken');
select is(pg_temp.take(:'trip', 0), '23514', 'nothing at all is not taken');
select is(pg_temp.take(:'trip', -5), '23514', 'a negative amount is not taken');
select is(pg_temp.take(:'trip', 5, p_tax => 6), '23514', 'more tax than what is taken is refused');
select is(pg_temp.take(:'trip', 108000, 'cccccccc-0000-4000-8000-000000000001', 8000), 'ok', 'part of the deposit is taken');
select is(pg_temp.take(:'trip', 108000, 'cccccccc-0000-4000-8000-000000000001'), '23505', 'one decision takes once');
select is(pg_temp.deposit(:'trip'), 'held 108000 0 2892000', 'what is left of the deposit stays held');
select is(private.balance('host_payable', :'host') - :'rent', 100000::bigint, 'the host has what was taken, less the tax in it');
select is(tests.outcome_details(format($$ select private.capture_deposit(%L, 2892001, 'test', gen_random_uuid(), 'charge_fuel') $$, :'trip')) ->> 'left', '2892000', 'a refusal says how much is left');
select is((select bool_and(waits) from private.unpaid_entries(:'host', 'VND')), true, 'what was taken waits for the claim window, as the rent does');
select is(tests.outcome('update public.deposit_captures set amount = 1'), '42501', 'what was taken cannot be changed');
select is(tests.outcome(format('update public.bookings set deposit_captured = deposit_amount where id = %L', :'trip')), '23514', 'a deposit that is held in name and gone in truth cannot be stored');
select is(tests.outcome(format($$ update public.bookings set deposit_status = 'returned' where id = %L $$, :'trip')), '23514', 'a deposit that is returned in name alone cannot be stored');
select is(tests.outcome(format($$ update public.bookings set deposit_status = 'captured' where id = %L $$, :'trip')), '23514', 'a deposit that is captured in name alone cannot be stored');
select tests.as_user(:'renter');
select is((select amount from public.deposit_captures where booking_id = :'trip'), 108000::bigint, 'the renter reads what was taken of the deposit');
select is(tests.outcome($$ insert into public.deposit_captures (amount) values (1) $$), '42501', 'nobody writes by hand what was taken');
select tests.as_user(:'stranger');
select is_empty('select * from public.deposit_captures', 'a stranger does not read what was taken of a deposit');
select tests.as_owner();
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated while part of a deposit is taken');

update public.bookings set claim_until = greatest(now() - interval '1 second', ends_at) where id = :'trip';
select is(private.return_due_deposits(), 1, 'the rest of the deposit returns when the claim window ends');
select is((select amount || ' ' || kind from public.refunds where payable_id = :'trip'), '2892000 deposit', 'the renter gets what was not taken');
select is(pg_temp.deposit(:'trip'), 'returned 108000 2892000 0', 'a deposit that went back says what was taken of it');
select is(pg_temp.take(:'trip', 1), 'deposit_not_enough', 'nothing is taken of a deposit that went back');

select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(50), tests.hours(60)) as wreck \gset
select tests.drive(:'wreck', -20);
select private.freeze_money(:'wreck', 'a complaint');
select is(pg_temp.take(:'wreck', 3000000), 'ok', 'a decision takes the whole deposit, also while the money is frozen');
select is(pg_temp.deposit(:'wreck'), 'captured 3000000 0 0', 'a deposit of which all was taken is captured');
update public.bookings set claim_until = greatest(now() - interval '1 second', ends_at) where id = :'wreck';
select is((select sum(amount)::bigint from private.unpaid_entries(:'host', 'VND') where waits), 4360001::bigint, 'what was taken waits for the same freeze as the rent');
select private.unfreeze_money(:'wreck');
select is(private.return_due_deposits(), 0, 'nothing returns of a deposit of which all was taken');
select tests.as_user(:'host');
select is((public.release_deposit(:'wreck', gen_random_uuid())).deposit_status, 'captured', 'a host who releases what is not there changes nothing');
select tests.as_owner();
select is((select count(*)::int from public.refunds where payable_id = :'wreck'), 0, 'nobody is refunded what was taken');
-- goodwill gives back no more than was sold as something sold
select tests.as_user(:'admin');
select is((public.refund_payment((select id from public.payments where payable_id = :'wreck'), 2000000, 'the damage was ours', gen_random_uuid())).credit_amount, 1814405::bigint,
  'goodwill that gives back part of a captured deposit credits what was sold and no more');
select tests.as_owner();
select tests.settle();
select is((select jsonb_agg(r) from private.reconcile_ledger() r), null, 'the proof of the books holds with parts of deposits taken');
select is(tests.broken_promises(), null, 'no invariant is violated after deposits were taken and returned');

select * from finish();
rollback;

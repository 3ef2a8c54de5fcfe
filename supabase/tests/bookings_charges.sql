-- Bookings: charges after the trip: asking, answering, deciding, and where the money comes from.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
update private.rate_limits set capacity = 1000, per_minute = 1000;
select tests.make_vehicle(:'host', '{"daily_km_allowance": 100, "excess_km_fee": 5000}') as vehicle \gset

-- A trip of ten hours that was driven so many km, came back so many minutes late, and is over.
create function pg_temp.trip(p_renter uuid, p_vehicle uuid, p_km int, p_late_minutes numeric)
returns uuid
language plpgsql
as $$
declare
  v_id uuid := tests.make_paid_booking(p_renter, p_vehicle, tests.hours(300), tests.hours(310));
begin
  perform tests.move_trip(v_id, 0);
  perform tests.inspect('check_in', p_renter, v_id, 1000);
  perform tests.move_trip(v_id, -10 - p_late_minutes / 60);
  perform tests.inspect('check_out', p_renter, v_id, 1000 + p_km);
  -- the next one lies at the same time
  delete from public.calendar_entries where booking_id = v_id;
  return v_id;
end
$$;
create function pg_temp.propose(p_who uuid, p_trip uuid, p_kind text, p_amount bigint, p_media uuid[] default '{}', p_key uuid default gen_random_uuid())
returns text
language plpgsql
as $$
declare
  v_said text;
begin
  perform tests.as_user(p_who);
  v_said := tests.outcome(format('select public.propose_charge(%L, %L, %L, %L, %L, %L)', p_trip, p_kind, p_key, p_amount, 'as seen', p_media));
  perform tests.as_owner();
  return v_said;
end
$$;
create function pg_temp.charge(p_trip uuid, p_kind text)
returns uuid
language sql stable
as $$ select id from public.booking_charges where booking_id = p_trip and kind = p_kind order by created_at desc, id limit 1 $$;
create function pg_temp.told(p_charge uuid)
returns text
language sql stable
as $$ select string_agg(template, ' ' order by template) from public.notifications where data ->> 'charge_id' = p_charge::text $$;

-- what the records say ------------------------------------------------------------------------------------------------
select pg_temp.trip(:'renter', :'vehicle', 150, 20) as trip \gset
select tests.as_user(:'stranger');
select is(tests.outcome(format('select public.trip_costs(%L)', :'trip')), 'booking_not_found', 'a stranger does not read what a trip cost');
select tests.as_user(:'renter');
select is(public.trip_costs(:'trip') -> 'km', '{"driven_km": 150, "allowed_km": 100, "excess_km": 50, "fee_per_km": 5000, "amount": 270000, "tax_amount": 20000}'::jsonb,
  'kilometres beyond the allowance cost what the listing said, with tax');
select is((public.trip_costs(:'trip') #>> '{late,amount}')::int, 0, 'a return within the grace costs nothing');
select is(public.trip_costs(:'trip') -> 'fuel', '{"check_in_percent": 80, "check_out_percent": 80}'::jsonb, 'both sides read the fuel at hand-over and return');
select is(public.trip_costs(:'trip') -> 'deposit_left', '3000000'::jsonb, 'both sides read what is left of the deposit');
select tests.as_owner();
select pg_temp.trip(:'renter', tests.make_vehicle(:'host'), 150, 20) as free_trip \gset
select is(private.costs_of_trip(b) -> 'km', 'null'::jsonb, 'kilometres cost nothing where they are free') from public.bookings b where b.id = :'free_trip';
select is((select count(*)::int from public.booking_charges where booking_id = :'trip'), 0, 'a return within the grace asks for nothing');
update public.vehicles set excess_km_fee = 9000, price_per_hour = 1000000 where id = :'vehicle';
select is(private.costs_of_trip(b) #>> '{km,amount}', '270000', 'a later edit of the listing changes nothing of what was agreed') from public.bookings b where id = :'trip';
update public.vehicles set excess_km_fee = 5000, price_per_hour = 80000 where id = :'vehicle';
select is(private.late_fee(m, '{"late_grace_minutes": 30, "late_hour_fee": 120000, "late_day_fee": 1200000}'), f, l)
from (values
  (0, 0::bigint, 'a return in time costs nothing'), (30, 0, 'the last minute of the grace costs nothing'),
  (31, 120000, 'the first minute after the grace costs an hour'), (60, 120000, 'a full hour costs one'), (61, 240000, 'an hour that has begun costs one'),
  (600, 1200000, 'ten hours cost a day at most'), (1440, 1200000, 'a day costs a day'), (1441, 1320000, 'a day and a minute cost a day and an hour')
) t (m, f, l);

-- asking ---------------------------------------------------------------------------------------------------------------
select is(pg_temp.propose(:'stranger', :'trip', 'fuel', 1000), 'booking_not_found', 'a stranger asks for nothing');
select is(pg_temp.propose(:'renter', :'trip', 'fuel', 1000), 'forbidden', 'a renter asks for nothing');
select is(pg_temp.propose(:'host', :'trip', 'tyres', 1000), 'invalid_input', 'a kind that is not known is refused');
select is(pg_temp.propose(:'host', :'trip', 'fuel', null), 'invalid_input', 'what no record computes needs an amount');
select is(pg_temp.propose(:'host', :'trip', 'fuel', 3000001), 'invalid_input', 'more than the kind allows is refused');
select is(pg_temp.propose(:'host', :'trip', 'fuel', 1000), 'charge_not_possible', 'fuel is not charged when the tank is as full as before');
select is(pg_temp.propose(:'host', :'trip', 'late', null), 'charge_not_possible', 'a return within the grace is not charged');
select is(pg_temp.propose(:'host', :'trip', 'km', 270001), 'charge_not_possible', 'more than the kilometres cost is refused');
select is(pg_temp.propose(:'host', :'trip', 'damage', 1000), 'evidence_required', 'damage needs a photo');
select is(pg_temp.propose(:'host', :'trip', 'damage', 1000, array[tests.make_media(:'renter', 'charge')]), 'media_not_found', 'a photo of somebody else is refused');
select is(pg_temp.propose(:'host', :'trip', 'damage', 1000, array[tests.make_media(:'host', 'inspection')]), 'media_not_found', 'a photo for another purpose is refused');
select is(pg_temp.propose(:'host', :'trip', 'km', null, '{}', 'cccccccc-0000-4000-8000-000000000010'), 'ok', 'the host asks for the kilometres that the records show');
select is(pg_temp.propose(:'host', :'trip', 'km', null, '{}', 'cccccccc-0000-4000-8000-000000000010'), 'ok', 'asking is safe to repeat');
select is((select count(*)::int from public.booking_charges where booking_id = :'trip'), 1, 'a repeat asks once');
select is(pg_temp.propose(:'host', :'trip', 'km', 1000), 'charge_repeated', 'kilometres are asked for once');
select tests.make_media(:'host', 'charge') as dent \gset
select is(pg_temp.propose(:'host', :'trip', 'damage', 800000, array[:'dent'::uuid]), 'ok', 'the host asks for damage with a photo');
select is(pg_temp.propose(:'host', :'trip', 'damage', 1000, array[:'dent'::uuid]), 'invalid_input', 'one photo does not serve twice');
select pg_temp.charge(:'trip', 'km') as km, pg_temp.charge(:'trip', 'damage') as damage \gset
select is((select concat_ws(' ', amount, tax_amount, status, basis ->> 'excess_km') from public.booking_charges where id = :'km'), '270000 20000 proposed 50', 'a charge says what it is made of');
select is(pg_temp.told(:'km'), 'charge_proposed_renter', 'the renter is told what the host asks for');
select is((select count(*)::int from tests.mails() where user_id = :'renter' and subject like '%₫270,000%' and text like '%Kilometres beyond the allowance%'), 1, 'the renter is told by mail, in words');
select is(tests.outcome(format('update public.booking_charges set amount = 1 where id = %L', :'km')), '42501', 'what was asked cannot be changed');
select is(tests.outcome('delete from public.booking_charges'), '42501', 'a charge cannot be deleted');
select is(tests.outcome('delete from public.charge_evidence'), '42501', 'evidence of a charge cannot be deleted');
select tests.as_user(:'renter');
select is((select count(*)::int from public.booking_charges), 2, 'the renter reads the charges');
select is((select count(*)::int from public.media where id = :'dent'), 1, 'the renter sees the evidence');
select is((select array_agg(c ->> 'status' order by c ->> 'kind') from public.charges_of_booking(:'trip') c), array['proposed', 'proposed'], 'the renter lists the charges of a trip');
select tests.as_owner();
select is((select count(*)::int from private.account_blocker_open_charge(:'host') b), 2, 'an account is kept until the charges of its trips have ended');
select tests.as_user(:'renter');
select tests.as_user(:'stranger');
select is_empty('select * from public.booking_charges', 'a stranger does not read charges');
select is_empty('select * from public.charge_evidence', 'a stranger does not read evidence');
select is(tests.outcome(format('select public.charges_of_booking(%L)', :'trip')), 'booking_not_found', 'a stranger does not list charges');
select is(tests.outcome(format('select public.answer_charge(%L, true)', :'km')), 'charge_not_found', 'a stranger does not answer');
select is(tests.outcome(format('select public.withdraw_charge(%L)', :'km')), 'charge_not_found', 'a stranger does not withdraw');
select tests.as_user(:'host');
select is(tests.outcome(format('select public.answer_charge(%L, true)', :'km')), 'forbidden', 'a host does not accept the own charge');
select is(tests.outcome(format('select public.decide_charge(%L, 1, %L)', :'km', 'why')), 'forbidden', 'a host does not decide');
select is(tests.outcome('select public.list_charges()'), 'forbidden', 'a host does not list what admins decide');

-- the deposit waits for what is claimed of it ----------------------------------------------------------------------------
select is((public.release_deposit(:'trip', gen_random_uuid())).deposit_status, 'held', 'a host who releases the deposit keeps what is claimed of it');
select tests.as_owner();
select is((select deposit_returned from public.bookings where id = :'trip'), 1930000::bigint, 'what nobody claims of the deposit returns');
select is(pg_temp.propose(:'host', :'trip', 'fuel', 1000), 'claim_window_closed', 'a host who gave up further claims asks for nothing more');
select is(private.return_due_deposits(), 0, 'the claimed part of the deposit does not return by the job');

-- answering --------------------------------------------------------------------------------------------------------------
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.answer_charge(%L, null)', :'km')), 'invalid_input', 'an answer says yes or no');
select is(tests.outcome(format('select public.answer_charge(%L, false)', :'km')), 'invalid_input', 'a refusal needs a reason');
select is(concat_ws(' ', c.status, c.owed_amount, c.captured_amount), 'settled 270000 270000', 'what the renter accepts is taken from the deposit')
from public.answer_charge(:'km', true) c;
select is((public.answer_charge(:'km', true)).status, 'settled', 'accepting is safe to repeat');
select is(tests.outcome(format('select public.answer_charge(%L, false, %L)', :'km', 'no')), 'illegal_transition', 'what was accepted is not refused later');
select is((public.answer_charge(:'damage', false, 'it was there before')).status, 'disputed', 'the renter refuses with a reason');
select is((public.answer_charge(:'damage', false, 'it was there before')).status, 'disputed', 'refusing is safe to repeat');
select tests.as_owner();
select is((select concat_ws(' ', cause, amount, tax_amount, code) from public.deposit_captures where booking_id = :'trip'), 'charge 270000 20000 charge_km', 'the capture says what for, and the tax in it');
select is(pg_temp.told(:'damage'), 'charge_disputed_host charge_proposed_renter', 'the host is told of a refusal');
select is(private.return_due_deposits(), 0, 'the disputed part of the deposit waits');
select is((private.health_facts() ->> 'charges_disputed')::int, 1, 'health counts what an admin must decide');

-- deciding ---------------------------------------------------------------------------------------------------------------
select tests.as_user(:'admin');
select is((select (c ->> 'id') || ' ' || (c ->> 'deposit_left') from public.list_charges() c), concat(:'damage', ' 800000'), 'an admin lists what is disputed, with what is left of the deposit');
select is(tests.outcome(format('select public.decide_charge(%L, 800001, %L)', :'damage', 'why')), 'invalid_input', 'nobody decides for more than was asked');
select is(tests.outcome(format('select public.decide_charge(%L, 1, %L)', :'damage', ' ')), 'invalid_input', 'a decision needs a reason');
select is(concat_ws(' ', c.status, c.owed_amount, c.captured_amount, c.decision), 'settled 500000 500000 half of it is new', 'an admin decides how much counts')
from public.decide_charge(:'damage', 500000, 'half of it is new') c;
select is(tests.outcome(format('select public.decide_charge(%L, 1, %L)', :'damage', 'why')), 'illegal_transition', 'a charge is decided once');
select tests.as_owner();
select is(private.return_due_deposits(), 1, 'what was claimed and does not count returns');
select is((select concat_ws(' ', deposit_status, deposit_captured, deposit_returned) from public.bookings where id = :'trip'), 'returned 770000 2230000', 'a deposit goes back in parts and adds up');
select is((select count(*)::int from public.notifications where data ->> 'charge_id' = :'damage' and template in ('charge_counts_renter', 'charge_counts_host')), 2, 'both sides are told of the decision');

-- more than the deposit, paid by a rail ------------------------------------------------------------------------------------
select pg_temp.trip(:'renter', :'vehicle', 50, 0) as wreck \gset
select is(pg_temp.propose(:'host', :'wreck', 'damage', 5000000, array[tests.make_media(:'host', 'charge')]), 'ok', 'the host may ask for more than the deposit');
select pg_temp.charge(:'wreck', 'damage') as big \gset
select private.balance('host_payable', :'host') as before \gset
select tests.as_user(:'renter');
select is(concat_ws(' ', c.status, c.owed_amount, c.captured_amount, c.pay_by - now()), 'accepted 5000000 3000000 7 days', 'the deposit pays first, and the rest has a deadline')
from public.answer_charge(:'big', true) c;
select is((select concat_ws(' ', kind, amount, sold_amount, tax_amount) from public.payables where id = :'big'), 'charge 2000000 2000000 0', 'the rest is a payable of the renter');
select is((select count(*)::int from public.charges_of_booking(:'wreck') c where c ->> 'payment_id' is not null), 1, 'the list names the payment of the rest');
select tests.as_owner();
select is(tests.pay(:'big'), 'applied', 'the renter pays the rest by a rail');
select is((select status from public.booking_charges where id = :'big'), 'settled', 'a charge is settled when the rest is paid');
select is(private.balance('host_payable', :'host') - :'before', 5000000::bigint, 'all of it is the host''s');
select is(pg_temp.told(:'big'), 'charge_counts_host charge_counts_renter charge_paid_host charge_proposed_renter', 'the host is told that the rest was paid');
select is((public.issue_receipt('receipt', p.id)).content -> 'lines', '[{"label": "Damage", "amount": 2000000}]'::jsonb, 'the receipt of the rest says what it was for')
from public.payments p where p.payable_id = :'big';
select tests.as_user(:'host');
select is(tests.outcome(format('select public.withdraw_charge(%L)', :'big')), 'illegal_transition', 'what is settled is not withdrawn');
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.cancel_payable(%L, %L, gen_random_uuid())', :'big', 'why')), 'illegal_transition', 'an admin does not call off what is settled');
select tests.as_owner();

-- silence ------------------------------------------------------------------------------------------------------------------
create function pg_temp.let_answer_pass(p_charge uuid)
returns void
language sql
as $$ update public.booking_charges set created_at = created_at - interval '30 hours', answer_by = now() where id = p_charge $$;
select pg_temp.trip(:'renter', :'vehicle', 300, 0) as quiet \gset
select pg_temp.propose(:'host', :'quiet', 'km', null), pg_temp.propose(:'host', :'quiet', 'damage', 100000, array[tests.make_media(:'host', 'charge')]),
  pg_temp.propose(:'host', :'quiet', 'other', 50000, array[tests.make_media(:'host', 'charge')]);
select pg_temp.charge(:'quiet', 'km') as quiet_km, pg_temp.charge(:'quiet', 'damage') as quiet_damage, pg_temp.charge(:'quiet', 'other') as quiet_other \gset
select pg_temp.let_answer_pass(:'quiet_km'), pg_temp.let_answer_pass(:'quiet_damage'), pg_temp.let_answer_pass(:'quiet_other');
select tests.as_user(:'renter');
select is((select string_agg((c ->> 'kind') || ' ' || (c ->> 'status'), ', ' order by c ->> 'kind') from public.charges_of_booking(:'quiet') c), 'damage disputed, km accepted, other disputed',
  'a deadline is over at its time, before any job has run');
select is(tests.outcome(format('select public.answer_charge(%L, false, %L)', :'quiet_km', 'too late')), 'illegal_transition', 'a renter does not refuse after the time is over');
select is((public.answer_charge(:'quiet_other', true)).status, 'settled', 'a renter may accept a disputed charge after the time is over');
select tests.as_owner();
select is(private.lapse_due_charges(), 2, 'the job writes down what silence says');
select is(private.lapse_due_charges(), 0, 'silence is written down once');
select is((select string_agg(kind || ' ' || status, ', ' order by kind) from public.booking_charges where booking_id = :'quiet'), 'damage disputed, km settled, other settled',
  'silence accepts what the records show, and leaves the word of the host to an admin');
select ok(pg_temp.told(:'quiet_damage') like '%charge_referred_renter%', 'a renter who did not answer is told that support decides');
select tests.as_user(:'host');
select is((public.withdraw_charge(:'quiet_damage')).status, 'withdrawn', 'the host takes a disputed charge back');
select is((public.withdraw_charge(:'quiet_damage')).status, 'withdrawn', 'taking back is safe to repeat');
select tests.as_owner();
update public.bookings set claim_until = greatest(now() - interval '1 second', ends_at) where id = :'quiet';
select is(private.return_due_deposits(), 1, 'what a withdrawn charge claimed returns');

-- the rest that nobody pays ----------------------------------------------------------------------------------------------------
select pg_temp.trip(:'renter', :'vehicle', 50, 0) as broke \gset
select pg_temp.propose(:'host', :'broke', 'damage', 4000000, array[tests.make_media(:'host', 'charge')]), pg_temp.propose(:'host', :'broke', 'other', 700000, array[tests.make_media(:'host', 'charge')]);
select pg_temp.charge(:'broke', 'damage') as lost, pg_temp.charge(:'broke', 'other') as more \gset
select tests.as_user(:'renter');
select public.answer_charge(:'lost', true), public.answer_charge(:'more', true);
select tests.as_owner();
select is((select captured_amount from public.booking_charges where id = :'more'), 0::bigint, 'a deposit that is used up pays nothing more');
select tests.start_payment(:'lost') as lost_reference \gset
update public.payments set expires_at = now() - interval '1 second' where payable_id in (:'lost', :'more');
select private.expire_overdue_payments();
select is((select string_agg(distinct status, ',') from public.booking_charges where id in (:'lost', :'more')), 'unpaid', 'what is not paid in time is unpaid');
select tests.as_user(:'admin');
select is((select count(*)::int from public.list_charges('unpaid')), 2, 'an admin lists what is unpaid');
select is((public.cancel_payable(:'more', 'the renter has nothing', gen_random_uuid())) ->> 'kind', 'charge', 'an admin lets the rest of a charge go');
select tests.as_owner();
select is((select status from public.booking_charges where id = :'more'), 'waived', 'what is let go is waived');
select is(tests.provider_says(:'lost_reference'), 'applied', 'money that comes late still pays a charge');
select is((select status from public.booking_charges where id = :'lost'), 'settled', 'a charge that is paid late is settled');

-- coming back late -------------------------------------------------------------------------------------------------------------
select pg_temp.trip(:'renter', :'vehicle', 50, 90) as late_trip \gset
select pg_temp.charge(:'late_trip', 'late') as late \gset
select is((select concat_ws(' ', status, amount, tax_amount, is_automatic, basis ->> 'late_minutes', basis ->> 'hour_fee') from public.booking_charges where id = :'late'),
  'proposed 259200 19200 t 90 120000', 'a late return asks for the fee of the terms by itself');
select is(pg_temp.told(:'late'), 'charge_late_host charge_proposed_renter', 'both sides are told of the fee for a late return');
select is(pg_temp.propose(:'host', :'late_trip', 'late', 1000), 'charge_repeated', 'a late return is charged once');
select tests.as_user(:'host');
select is((public.withdraw_charge(:'late')).status, 'withdrawn', 'the host may let a late return pass');
select tests.as_owner();
select is(pg_temp.propose(:'host', :'late_trip', 'late', 100000), 'ok', 'the host may ask for less than the terms say');
select is((select tax_amount from public.booking_charges where booking_id = :'late_trip' and kind = 'late' and status = 'proposed'), 7407::bigint, 'the tax in a part of a fee is a part of its tax');

-- limits
select pg_temp.trip(:'renter', :'vehicle', 50, 0) as full \gset
select is((select string_agg(pg_temp.propose(:'host', :'full', 'other', 1000, array[tests.make_media(:'host', 'charge')]), ',') from generate_series(1, 9)),
  'ok,ok,ok,ok,ok,ok,ok,ok,too_many_charges', 'a trip has eight open charges at most');
select is(pg_temp.propose(:'host', tests.make_paid_booking(:'renter', :'vehicle', tests.hours(400), tests.hours(410)), 'fuel', 1), 'claim_window_closed', 'nothing is charged before the trip is over');
select is(tests.outcome(format($$ update public.booking_charges set status = 'accepted', owed_amount = 2000, captured_amount = 0, pay_by = now() where id = %L $$, pg_temp.charge(:'full', 'other'))), '23514', 'more than was asked cannot count');
select is(tests.outcome(format($$ update public.booking_charges set status = 'settled', owed_amount = amount, captured_amount = amount, ended_at = now() where id = %L $$, pg_temp.charge(:'full', 'other'))), 'illegal_transition', 'a charge is not settled before it counts');

select tests.settle();
select is((select jsonb_agg(r) from private.reconcile_ledger() r), null, 'the proof of the books holds after all charges');
select is(tests.broken_promises(), null, 'no invariant is violated after all charges');

select * from finish();
rollback;

-- Payments: money in, money back, the ledger, and money nobody expected.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_renter('rival') as rival, tests.make_user('host') as host,
  tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
select tests.make_vehicle(:'host') as vehicle \gset
select tests.make_booking(:'renter', :'vehicle', tests.hours(30), tests.hours(40)) as booking \gset
select id as payment from public.payments where booking_id = :'booking' \gset

-- visitor, stranger, host ------------------------------------------------------------------------------------
select tests.as_visitor();
select is(tests.outcome(format($$ select public.start_payment(%L, 'vnpay', gen_random_uuid()) $$, :'payment')), '42501', 'a visitor pays nothing');
select is(tests.outcome($$ select public.record_payment_event('vnpay', 'x', true, 'x', 'x') $$), '42501', 'nor speaks for a provider');
select tests.as_user(:'stranger');
select is((select count(*)::int from public.payments), 0, 'a stranger sees no payment');
select is(public.payment_status(:'payment'), null, 'nor its status');
select is(tests.outcome(format($$ select public.start_payment(%L, 'vnpay', gen_random_uuid()) $$, :'payment')), 'payment_not_found', 'nor pays it');
select is(tests.outcome($$ select public.apply_payment_event(1, 'x', 'succeeded', 1, 'VND', 'x') $$), '42501', 'a user does not speak for a provider');
select is(tests.outcome($$ select public.retry_refund(gen_random_uuid()) $$), 'forbidden', 'nor sends refunds');
select is(tests.outcome($$ select * from private.ledger_entries $$), '42501', 'nor reads the ledger');
select is(tests.outcome($$ select private.balance('escrow', 'x') $$), '42501', 'nor a balance of others');
select tests.as_user(:'host');
select is((select count(*)::int from public.payments), 0, 'a host does not see how the renter pays');
select is(tests.outcome(format($$ select public.start_payment(%L, 'vnpay', gen_random_uuid()) $$, :'payment')), 'payment_not_found', 'nor pays for them');

-- renter -------------------------------------------------------------------------------------------------------
select tests.as_user(:'renter');
select is(tests.outcome(format($$ update public.payments set amount = 1 where id = %L $$, :'payment')), '42501', 'the payer does not set the amount');
select is(tests.outcome(format($$ select public.start_payment(%L, 'paypal', gen_random_uuid()) $$, :'payment')), 'invalid_input', 'an unknown provider is refused');
select is(tests.outcome(format($$ select public.start_payment(%L, null, gen_random_uuid()) $$, :'payment')), 'invalid_input', 'so is none');
select is(tests.outcome(format($$ select public.start_payment(%L, 'vnpay', null) $$, :'payment')), 'invalid_input', 'a try needs a key');
select id as a1, reference as ref1, amount as amount1 from public.start_payment(:'payment', 'vnpay', 'dddddddd-0000-4000-8000-000000000001') \gset
select is((select id from public.start_payment(:'payment', 'vnpay', 'dddddddd-0000-4000-8000-000000000001')), :'a1'::uuid, 'the same try again is the same');
select is(:amount1::bigint, 4814405::bigint, 'a try is for the whole amount');
select ok(:'ref1' ~ '^[A-Z0-9]{10,34}$', 'its reference is short and ASCII');
select is(tests.outcome('select provider_data from public.payment_attempts'), '42501', 'what the provider keeps is not the payer''s to see');
select is(public.payment_status(:'payment') -> 'payment' ->> 'status', 'processing', 'the payment is under way');
select isnt((select reference from public.start_payment(:'payment', 'vnpay', gen_random_uuid())), :'ref1', 'another try has another reference');

-- messages -----------------------------------------------------------------------------------------------------
select tests.as_service();
select public.record_payment_event('vnpay', 'unverified:1', false, :'ref1', 'raw') ->> 'event_id' as unsigned \gset
select is(tests.outcome(format($$ select public.apply_payment_event(%s, %L, 'succeeded', 4814405, 'VND', 't1') $$, :unsigned, :'ref1')), 'not_found', 'an unverified message moves nothing');
select is(tests.outcome($$ select public.apply_payment_event(-1, 'x', 'succeeded', 1, 'VND', 't1') $$), 'not_found', 'nor one that was never stored');
select public.record_payment_event('vnpay', 'e0', true, :'ref1', 'raw') ->> 'event_id' as e0 \gset
select is(tests.outcome(format($$ select public.apply_payment_event(%s, %L, 'maybe', 1, 'VND', 't1') $$, :e0, :'ref1')), 'invalid_input', 'an outcome is succeeded, failed or pending');
select is(tests.outcome(format($$ select public.apply_payment_event(%s, %L, 'succeeded', null, null, null) $$, :e0, :'ref1')), 'invalid_input', 'money without an amount is no money');
select is(public.apply_payment_event(:e0, :'ref1', 'pending', 4814405, 'VND', null), 'ignored', 'pending says nothing yet');
select is(public.record_payment_event('vnpay', 'e0', true, :'ref1', 'raw') ->> 'is_new', 'false', 'a message is stored once');
select tests.as_owner();

-- what nobody signed
select tests.as_service();
select is(tests.outcome($$ select public.record_payment_event('vnpay', 'e1', false, null, 'raw') $$), '23514', 'an unverified message does not take the id of a genuine one');
select tests.as_owner();
create function tests.unverified(p_id text, p_provider text default 'momo')
returns text
language sql volatile
as $$ select case when public.record_payment_event(p_provider, 'unverified:' || p_id, false, null, 'raw') ->> 'event_id' is null then 'counted' else 'stored' end $$;
create function tests.counted(p_provider text default 'momo')
returns text
language sql stable
as $$
  select concat_ws(' of ',
    (select count(*) from private.payment_events where provider = p_provider and not verified),
    (select sum(received) from private.unverified_counts where provider = p_provider))
$$;
delete from private.payment_events where not verified;
delete from private.unverified_counts;
update private.settings set value = '2' where key = 'unverified_events_per_hour';
select is((select array_agg(tests.unverified(n::text) order by n) from generate_series(1, 4) n), '{stored,stored,counted,counted}', 'of unverified messages so many an hour are stored');
select is(tests.counted(), '2 of 4', 'the others are counted');
select is(tests.unverified('1'), 'stored', 'one that is there');
select is(tests.counted(), '2 of 4', 'takes no room a second time');
select is(tests.unverified('1', 'zalopay'), 'stored', 'each provider has its own room');
select is(public.record_payment_event('momo', 'genuine', true, 'x', 'raw') ->> 'is_new', 'true', 'a verified message is stored however many were not');
select is(tests.counted(), '2 of 4', 'and not counted with them');
update private.unverified_counts set hour = hour - interval '1 hour' where provider = 'momo';
select is(tests.unverified('5'), 'stored', 'the next hour has room again');
update private.settings set value = '0' where key = 'unverified_events_per_hour';
select is(tests.unverified('6'), 'counted', 'an operator may have none stored');
update private.unverified_counts set hour = hour - interval '31 days' where provider = 'momo' and hour < date_trunc('hour', now());
select private.run_daily_jobs();
select is(tests.counted(), '3 of 2', 'after 30 days the counts go too');

select is(tests.outcome($$ select public.record_payment_event('vnpay', 'big', true, 'x', repeat('x', 70000)) $$), '23514', 'a message of 70 kB is refused');

select is(tests.provider_says(:'ref1', 'succeeded', 4814404), 'amount_mismatch', 'one dong short is not paid');
select is(tests.provider_says(:'ref1', 'succeeded', 4814404), 'amount_mismatch', 'the same message has the same answer');
select is(tests.provider_says(:'ref1', 'succeeded', 4814406, p_transaction_id => 'over'), 'amount_mismatch', 'one dong over neither');
select is(tests.provider_says(:'ref1', 'succeeded', 4814405, 'USD', 'dollars'), 'amount_mismatch', 'nor dollars');
select is(tests.provider_says('J00000000000001', 'succeeded', 500, p_transaction_id => 'lost'), 'unknown_reference', 'money for nothing we know');
select results_eq(
  $$ select reason::text, amount, status::text from private.unmatched_money order by amount, created_at $$,
  $$ values ('unknown_reference', 500::bigint, 'open'), ('amount_mismatch', 4814404, 'open'), ('currency_mismatch', 4814405, 'open'), ('amount_mismatch', 4814406, 'open') $$,
  'each is a row with its reason, once'
);
select is((select status from public.bookings where id = :'booking'), 'pending_payment', 'and the booking waits on');
select is(tests.provider_says(:'ref1', 'failed', 0, p_transaction_id => 'no money'), 'applied', 'a failure is noted, whatever amount it names');
select is((select status from public.payment_attempts where id = :'a1'), 'failed', 'of its try');
select is((select status from public.payments where id = :'payment'), 'processing', 'not of the payment');
select is(tests.provider_says(:'ref1', 'failed', 0, p_event_id => 'failed again'), 'duplicate', 'a second failure says nothing new');
select is(tests.provider_says(:'ref1', 'succeeded', p_transaction_id => 't1'), 'applied', 'success after a failure counts');
select is((select status || ' ' || deposit_status from public.bookings where id = :'booking'), 'confirmed held', 'and confirms the booking');
select is((select kind from public.calendar_entries where booking_id = :'booking'), 'booking', 'the hold is a booking now');
select is((select array_agg(status order by created_at, status) from public.payment_attempts where payment_id = :'payment'), array['created', 'succeeded'], 'how the other try ends is for its provider to say');
select is(tests.provider_says(:'ref1', 'succeeded', p_transaction_id => 't1'), 'duplicate', 'the same message again');
select is(tests.provider_says(:'ref1', 'succeeded', p_transaction_id => 't1', p_event_id => 'other id'), 'duplicate', 'the same transaction under another id');
select is(tests.provider_says(:'ref1', 'failed', p_transaction_id => 't1'), 'duplicate', 'a failure after success takes nothing back');
select is(tests.provider_says(:'ref1', 'succeeded', p_transaction_id => 't2'), 'unmatched', 'paid twice by the same try');
select is((select tests.provider_says(reference, 'succeeded', p_transaction_id => 't3') from public.payment_attempts where payment_id = :'payment' and id <> :'a1'), 'unmatched', 'and by the other try');
select is((select count(*)::int from private.unmatched_money where reason = 'paid_twice' and payer_id = :'renter'), 2, 'both are kept for the payer');
select is(private.balance('escrow', :'booking'), 1814405::bigint, 'the rent is in escrow');
select is(private.balance('deposit', :'booking'), 3000000::bigint, 'the deposit apart from it');
select tests.settle();
select is(tests.broken_promises(), null, 'no promise is broken');
select tests.as_user(:'renter');
select is(tests.outcome(format($$ select public.start_payment(%L, 'vnpay', gen_random_uuid()) $$, :'payment')), 'payment_not_payable', 'what is paid is not paid again');
select tests.as_owner();
select tests.make_booking(:'rival', :'vehicle', tests.hours(50), tests.hours(60)) as other \gset
select tests.start_payment(:'other') as other_ref \gset
select is(tests.provider_says(:'other_ref', 'succeeded', p_transaction_id => 't1', p_event_id => 'reused'), 'unmatched', 'one transaction of the provider does not pay two bookings');

-- late -----------------------------------------------------------------------------------------------------------
create function tests.pay_late(p_renter uuid, p_vehicle uuid, p_how text)
returns text
language plpgsql volatile
as $$
declare
  v_booking uuid := tests.make_booking(p_renter, p_vehicle, tests.hours(200), tests.hours(210));
  v_reference text := tests.start_payment(v_booking);
  v_rival uuid;
  v_said text;
begin
  perform tests.run_out(v_booking);
  if p_how in ('expired, free', 'expired, taken', 'expired, blocked', 'expired, suspended', 'expired, begun') then
    perform private.expire_overdue_bookings();
  end if;
  if p_how in ('overdue, taken', 'expired, taken') then
    v_rival := tests.make_booking(tests.make_renter('rival'), p_vehicle, tests.hours(205), tests.hours(215));
  elsif p_how = 'expired, overdue rival' then
    v_rival := tests.make_booking(tests.make_renter('rival'), p_vehicle, tests.hours(205), tests.hours(215));
    perform tests.run_out(v_rival);
  elsif p_how = 'expired, blocked' then
    insert into public.calendar_entries (vehicle_id, kind, blocked) values (p_vehicle, 'maintenance', tstzrange(tests.hours(209), tests.hours(211)));
  elsif p_how = 'expired, suspended' then
    update public.vehicles set status = 'suspended' where id = p_vehicle;
  elsif p_how = 'expired, begun' then
    perform tests.move_trip(v_booking, -0.01);
  elsif p_how = 'cancelled' then
    perform set_config('request.jwt.claims', json_build_object('sub', p_renter)::text, true);
    perform public.cancel_booking(v_booking, null, gen_random_uuid());
    perform set_config('request.jwt.claims', '', true);
  end if;
  v_said := tests.provider_says(v_reference);
  perform tests.settle();
  v_said := v_said || ', ' || (select b.status || ', ' || p.status || ', ' || coalesce((select sum(r.amount) from public.refunds r where r.booking_id = b.id), 0)
    from public.bookings b join public.payments p on p.booking_id = b.id where b.id = v_booking);
  v_said := v_said || coalesce(', BROKEN: ' || tests.broken_promises(), '');
  return v_said;
end
$$;
select is(tests.pay_late(:'renter', tests.make_vehicle(:'host'), how), expected, 'late payment, ' || how)
from (values
  ('overdue, untouched', 'applied, confirmed, succeeded, 0'),
  ('expired, free', 'applied, confirmed, succeeded, 0'),
  ('overdue, taken', 'refunded_late, expired, succeeded, 4814405'),
  ('expired, taken', 'refunded_late, expired, succeeded, 4814405'),
  ('expired, overdue rival', 'applied, confirmed, succeeded, 0'),
  ('expired, blocked', 'refunded_late, expired, succeeded, 4814405'),
  ('expired, suspended', 'refunded_late, expired, succeeded, 4814405'),
  ('expired, begun', 'refunded_late, expired, succeeded, 4814405'),
  ('cancelled', 'refunded_late, cancelled, succeeded, 4814405')
) t (how, expected);

-- refunds ----------------------------------------------------------------------------------------------------------
select tests.make_vehicle(:'host') as v2 \gset
select tests.make_paid_booking(:'renter', :'v2', tests.hours(400), tests.hours(410)) as b2 \gset
select tests.as_user(:'renter');
select public.cancel_booking(:'b2', null, gen_random_uuid());
select id as refund from public.refunds where booking_id = :'b2' \gset
select tests.as_user(:'stranger');
select is((select count(*)::int from public.refunds), 0, 'a stranger sees no refund');
select tests.as_user(:'host');
select is((select count(*)::int from public.refunds), (select count(*)::int from public.refunds r join public.bookings b on b.id = r.booking_id), 'the host sees those of own bookings');
select is((select array_agg(kind || ' ' || amount) from public.refunds where booking_id = :'b2'), array['cancellation 4814405'], 'what goes back, and why');
select is(tests.outcome('select bank_account_id from public.refunds'), '42501', 'not where to');
select tests.as_service();
select is(tests.outcome($$ select public.record_refund_result(gen_random_uuid(), 'succeeded') $$), 'refund_not_found', 'an invented refund is not found');
select is(tests.outcome(format($$ select public.record_refund_result(%L, 'maybe') $$, :'refund')), 'invalid_input', 'a result is one of three');
select is(public.refund_to_send(:'refund') -> 'attempt' ->> 'status', 'succeeded', 'a refund knows the try it reverses');
select is((public.record_refund_result(:'refund', 'processing', 'p1')).status, 'processing', 'under way');
select is((public.record_refund_result(:'refund', 'processing', 'p1')).status, 'processing', 'still');
select is((public.record_refund_result(:'refund', 'failed', null, 'closed account')).status, 'failed', 'refused');
select is((public.record_refund_result(:'refund', 'failed', null, 'closed account')).status, 'failed', 'the same again says the same');
select is((public.record_refund_result(:'refund', 'processing')).status, 'failed', 'a failed one does not go on by itself');
select tests.as_user(:'admin');
select is((public.retry_refund(:'refund', 'bank_transfer')).status, 'awaiting_account', 'an admin may send it another way');
select is(tests.outcome(format('select public.retry_refund(%L)', :'refund')), 'illegal_transition', 'once');
select tests.as_owner();
select ok((select bool_and(private.new_payment_reference() ~ ('^J' || to_char(now() at time zone 'Asia/Ho_Chi_Minh', 'YYMMDD') || '[0-9]{8}$')) from generate_series(1, 100)), 'a reference is J, Vietnam''s day and eight digits');
select ok((select count(distinct private.new_payment_reference()) >= 999 from generate_series(1, 1000)), 'drawn, so that a restored database does not give those of this morning to others');
-- as if it had not been
update public.refunds set status = 'pending', method = 'provider', provider = 'vnpay' where id = :'refund';
update public.refunds set status = 'failed' where id = :'refund';
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.record_manual_refund(%L, %L); select private.fail(%L)', :'refund', 'FT0001', 'forbidden')), 'forbidden', 'or pay it by hand');
select is((public.retry_refund(:'refund')).status, 'pending', 'an admin sends it again');
select is(tests.outcome(format('select public.retry_refund(%L)', :'refund')), 'illegal_transition', 'once');
select tests.as_service();
select is((public.record_refund_result(:'refund', 'failed', null, 'again')).status, 'failed', 'refused again');
select is((public.record_refund_result(:'refund', 'succeeded', 'p2')).provider_refund_id, 'p2', 'but the money did go, as we hear late');
select is((public.record_refund_result(:'refund', 'failed')).status, 'succeeded', 'success is final');
select tests.as_owner();
select is((select status || ' ' || refunded_amount from public.payments where booking_id = :'b2'), 'refunded 4814405', 'the payment is refunded, once');
select is(private.balance('refund_payable', :'b2'), 0::bigint, 'nothing is owed any more');
select tests.settle();
select is(tests.broken_promises(), null, 'no promise is broken');

-- what a host has ------------------------------------------------------------------------------------------------
select tests.make_user('earner') as earner \gset
select tests.make_paid_booking(:'renter', tests.make_vehicle(:'earner'), tests.hours(100), tests.hours(110)) as b3 \gset
select tests.as_user(:'earner');
select results_eq('select available, pending from public.my_balance()', 'values (0::bigint, 0::bigint)', 'nothing before the trip');
select tests.as_owner();
select tests.move_trip(:'b3', -1);
select tests.inspect('check_in', :'renter', :'b3', 10), tests.inspect('check_out', :'renter', :'b3', 20);
select tests.as_user(:'earner');
select results_eq('select available, pending from public.my_balance()', 'values (0::bigint, 1360001::bigint)', 'after it the rent waits for the claim window');
select public.release_deposit(:'b3', gen_random_uuid());
select results_eq('select available, pending from public.my_balance()', 'values (1360001::bigint, 0::bigint)', 'then it is available');
select tests.as_user(:'stranger');
select results_eq('select available, pending from public.my_balance()', 'values (0::bigint, 0::bigint)', 'others have nothing of it');

-- the ledger -------------------------------------------------------------------------------------------------------
select tests.as_owner();
select tests.settle();
select is(tests.outcome($$ select private.post_ledger('test', 'one leg', 'VND', null, array[('clearing', 'vnpay', 5)::private.ledger_line]); set constraints all immediate $$), '23514', 'one leg cannot stand');
set constraints all deferred;
select is(tests.outcome($$ select private.post_ledger('test', 'uneven', 'VND', null, array[('clearing', 'vnpay', 5), ('unmatched', '', -4)]::private.ledger_line[]); set constraints all immediate $$), '23514', 'uneven legs neither');
select is(tests.outcome($$ select private.post_ledger('test', 'nothing', 'VND', null, array[('clearing', 'vnpay', null), ('unmatched', '', null)]::private.ledger_line[]) $$), '23502', 'a movement of nobody knows how much is none');
set constraints all deferred;
select is(tests.outcome(format($$ select private.post_ledger('test', 'too much', 'VND', null, array[('escrow', %L, 9000000), ('clearing', 'vnpay', -9000000)]::private.ledger_line[]); set constraints all immediate $$, :'booking')), '23514', 'nobody takes more out of escrow than is in it');
set constraints all deferred;
select is(tests.outcome($$ select private.post_ledger('test', 'fine', 'VND', null, array[('clearing', 'vnpay', 5), ('unmatched', '', -5)]::private.ledger_line[]); set constraints all immediate $$), 'ok', 'even legs stand');
set constraints all deferred;
select is(tests.outcome($$ select private.post_ledger('test', 'fine', 'VND', null, array[('clearing', 'vnpay', 5), ('unmatched', '', -5)]::private.ledger_line[]) $$), '23505', 'once');
select is(tests.outcome($$ insert into private.ledger_entries (transaction_id, account_id, currency, amount) select min(t.id), min(a.id), 'VND', 0 from private.ledger_transactions t, private.ledger_accounts a $$), '23514', 'a leg of nothing is no leg');
-- an even pair of legs, of which the second is of another account
create function tests.two_legs(p_transaction text, p_account text, p_leg text)
returns text
language sql volatile
as $$
  insert into private.ledger_accounts (kind, owner, currency)
  select 'clearing', 'vnpay', c from unnest(array['VND', 'USD']) c on conflict do nothing;
  with posted as (
    insert into private.ledger_transactions (event, reference, currency) values ('test', gen_random_uuid()::text, p_transaction) returning id
  )
  select tests.outcome(format('insert into private.ledger_entries (transaction_id, account_id, currency, amount) values (%1$s, %2$s, %4$L, 5), (%1$s, %3$s, %4$L, -5)',
    posted.id, vnd.id, other.id, p_leg))
  from posted, private.ledger_accounts vnd, private.ledger_accounts other
  where (vnd.kind, vnd.owner, vnd.currency) = ('clearing', 'vnpay', p_leg) and (other.kind, other.owner, other.currency) = ('clearing', 'vnpay', p_account)
$$;
select is(tests.two_legs('VND', 'VND', 'VND'), 'ok', 'legs of one currency stand');
select is(tests.two_legs('VND', 'USD', 'VND'), '23503', 'dong on an account of dollars do not, even by the owner of the table');
select is(tests.two_legs('USD', 'VND', 'VND'), '23503', 'nor in a transaction of dollars');
select is((select sum(amount) from private.ledger_entries), 0::numeric, 'everything adds up to nothing');

-- putting right what was posted wrongly ----------------------------------------------------------------------------------
-- What the proof says of a movement.
create function tests.proof(p_reference text)
returns text
language sql stable
as $$
  select string_agg(concat_ws(' ', r.problem, case when r.provider in ('', 'vnpay') then r.provider else 'of somebody' end, coalesce(r.expected::text, '-'), coalesce(r.found::text, '-')), ', ' order by r.problem)
  from private.reconcile_ledger() r where r.subject = p_reference
$$;
create function tests.movement(p_event text, p_reference text)
returns bigint
language sql stable
as $$ select id from private.ledger_transactions where event = p_event and reference = p_reference $$;
select private.post_ledger('bonus', 'slip', 'VND', null, array[('platform_revenue', '', 100), ('host_payable', :'earner', -100)]::private.ledger_line[]);
select is(tests.proof('slip'), 'bonus on host_payable of somebody - -100, bonus on platform_revenue  - 100', 'what no command posts is seen, though no provider has seen it');
select tests.movement('bonus', 'slip') as slip \gset
select is(tests.outcome($$ select private.reverse_movement(-1, 'INC-7') $$), '22023', 'what is not there is not taken back');
select is(tests.outcome(format('select private.reverse_movement(%s, %L)', :slip, ' ')), '22023', 'nor is anything without a reason');
select is(tests.outcome($$ select private.post_ledger('correction', 'INC-7', 'VND', null, array[('platform_revenue', '', -100), ('unmatched', 'x', 100)]::private.ledger_line[]) $$), '23514', 'a correction names what it corrects');
select private.correct_movement(:slip, 'INC-7: by mistake', array[('platform_revenue', '', -60), ('host_payable', :'earner', 60)]::private.ledger_line[]) as half \gset
select is(tests.proof('slip'), 'bonus on host_payable of somebody - -40, bonus on platform_revenue  - 40', 'one that puts half of it right leaves the other half');
savepoint wrong;
select private.correct_movement(:slip, 'INC-7: wrongly', array[('platform_revenue', '', 7), ('host_payable', :'earner', -7)]::private.ledger_line[]) as wrong \gset
select private.reverse_movement(:wrong, 'INC-7: that was wrong');
select is(tests.proof('slip'), 'bonus on host_payable of somebody - -40, bonus on platform_revenue  - 40', 'a wrong correction is taken back alone');
rollback to wrong;
select private.reverse_movement(:slip, 'INC-7: by mistake') as rest \gset
select is(tests.proof('slip'), null, 'what a movement and its corrections have come to is taken back as one');
select is(tests.outcome(format('select private.reverse_movement(%s, %L)', :slip, 'INC-7')), '22023', 'once');
select is((select array_agg(reference order by id) from private.ledger_transactions where corrects = :slip), array[:slip || '.1', :slip || '.2'], 'each correction is a movement of its own');
select is((select array_agg(data ->> 'reference' order by id) from private.domain_events where type = 'ledger.correction' and reason = 'INC-7: by mistake'), array[:slip || '.1', :slip || '.2'], 'and in the log with its reason');
select is(private.balance('host_payable', :'earner'), 1360001::bigint, 'the host has what was earned');
select tests.movement('booking_completed', :'b3') as right_one \gset
select private.reverse_movement(:right_one, 'taken for a mistake');
select is(tests.proof(:'b3'), 'booking_completed on escrow of somebody 1814405 -, booking_completed on host_payable of somebody -1360001 -, booking_completed on platform_revenue  -320003 -, booking_completed on tax_payable  -134401 -', 'who takes back what was right is told');
select private.correct_movement(:right_one, 'was right after all', array_agg((a.kind, a.owner, e.amount)::private.ledger_line))
from private.ledger_entries e join private.ledger_accounts a on a.id = e.account_id where e.transaction_id = :right_one;
select is(tests.proof(:'b3'), null, 'until it is as the booking says');
select private.post_ledger('payout_reserved', 'nobody', 'VND', null, array[('host_payable', :'earner', 5), ('payout_payable', 'nobody', -5)]::private.ledger_line[]);
select private.reverse_movement(tests.movement('payout_reserved', 'nobody'), 'no such payout');
select tests.as_user(:'earner');
select results_eq('select available, pending from public.my_balance()', 'values (1360001::bigint, 0::bigint)', 'what puts a payout right is not earned');
select tests.as_owner();
select tests.settle();
select is((select count(*)::int from private.check_invariants() where invariant = 'host_balance_disagrees'), 0, 'and leaves no trace in what payouts took');
select private.post_ledger('bonus', 'XTS', 'XTS', null, array[('platform_revenue', '', 100), ('host_payable', :'earner', -100)]::private.ledger_line[]);
select is(tests.proof('XTS'), null, 'the currency of tests is not proven');

-- what a rail cannot do -------------------------------------------------------------------------------------------------
select is(tests.outcome(format('update private.payment_providers set %s where provider = %L', claim, rail)), '23514', rail || ' cannot: ' || claim)
from (values ('momo', 'has_feed = true'), ('payos', $$refunds_by = 'provider'$$), ('vnpay', 'can_cancel = true'), ('stripe', 'in_parts = true')) v (rail, claim);
select is(tests.outcome($$ update private.payment_providers set has_feed = false, refunds_by = 'transfer', can_cancel = false, in_parts = false $$), 'ok', 'but anything a rail can do may be left');

select * from finish();
rollback;

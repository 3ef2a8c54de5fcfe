-- Payments: money in, money back, the ledger, and money nobody expected.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_renter('rival') as rival, tests.make_user('host') as host,
  tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
select tests.make_vehicle(:'host') as vehicle \gset
select tests.make_booking(:'renter', :'vehicle', tests.hours(30), tests.hours(40)) as booking \gset
select id as payment from public.payments where payable_id = :'booking' \gset

-- visitor, stranger, host ------------------------------------------------------------------------------------
select tests.as_visitor();
select is(tests.outcome(format($$ select public.start_payment(%L, 'vnpay', gen_random_uuid()) $$, :'payment')), '42501', 'a visitor cannot start a payment');
select is(tests.outcome($$ select public.record_payment_event('vnpay', 'x', true, 'x', 'x') $$), '42501', 'a visitor cannot report a payment in the name of a provider');
select tests.as_user(:'stranger');
select is((select count(*)::int from public.payments), 0, 'a stranger sees no payment of others');
select is(public.payment_status(:'payment'), null, 'a stranger cannot ask for the status of a payment');
select is(tests.outcome(format($$ select public.start_payment(%L, 'vnpay', gen_random_uuid()) $$, :'payment')), 'payment_not_found', 'a stranger cannot pay the payment of others');
select is(tests.outcome($$ select public.apply_payment_event(1, 'x', 'succeeded', 1, 'VND', 'x') $$), '42501', 'a person cannot report a payment in the name of a provider');
select is(tests.outcome($$ select public.retry_refund(gen_random_uuid()) $$), 'forbidden', 'a person cannot order a refund again');
select is(tests.outcome($$ select * from private.ledger_entries $$), '42501', 'a person cannot read the ledger');
select is(tests.outcome($$ select private.balance('escrow', 'x') $$), '42501', 'a person cannot ask for the balance of an account');
select tests.as_user(:'host');
select is((select count(*)::int from public.payments), 0, 'a host does not see how the renter pays');
select is(tests.outcome(format($$ select public.start_payment(%L, 'vnpay', gen_random_uuid()) $$, :'payment')), 'payment_not_found', 'a host cannot pay for the renter');

-- renter -------------------------------------------------------------------------------------------------------
select tests.as_user(:'renter');
select is(tests.outcome(format($$ update public.payments set amount = 1 where id = %L $$, :'payment')), '42501', 'the payer cannot set the amount');
select is(tests.outcome(format($$ select public.start_payment(%L, 'paypal', gen_random_uuid()) $$, :'payment')), 'invalid_input', 'an unknown provider is refused');
select is(tests.outcome(format($$ select public.start_payment(%L, null, gen_random_uuid()) $$, :'payment')), 'invalid_input', 'a payment without a provider is refused');
select is(tests.outcome(format($$ select public.start_payment(%L, 'vnpay', null) $$, :'payment')), 'invalid_input', 'a try at paying needs an idempotency key');
select id as a1, reference as ref1, amount as amount1 from public.start_payment(:'payment', 'vnpay', 'dddddddd-0000-4000-8000-000000000001') \gset
select is((select id from public.start_payment(:'payment', 'vnpay', 'dddddddd-0000-4000-8000-000000000001')), :'a1'::uuid, 'the same try with the same key is the same');
select is(:amount1::bigint, 4814405::bigint, 'a try is for the whole amount');
select ok(:'ref1' ~ '^[A-Z0-9]{10,34}$', 'the reference of a try is short and ASCII');
select is(tests.outcome('select provider_data from public.payment_attempts'), '42501', 'the payer cannot read what the provider keeps of a try');
select is(public.payment_status(:'payment') -> 'payment' ->> 'status', 'processing', 'the payment is under way');
select isnt((select reference from public.start_payment(:'payment', 'vnpay', gen_random_uuid())), :'ref1', 'another try at paying has another reference');

-- messages -----------------------------------------------------------------------------------------------------
select tests.as_service();
select public.record_payment_event('vnpay', 'unverified:1', false, :'ref1', 'raw') ->> 'event_id' as unsigned \gset
select is(tests.outcome(format($$ select public.apply_payment_event(%s, %L, 'succeeded', 4814405, 'VND', 't1') $$, :unsigned, :'ref1')), 'not_found', 'an unverified message moves nothing');
select is(tests.outcome($$ select public.apply_payment_event(-1, 'x', 'succeeded', 1, 'VND', 't1') $$), 'not_found', 'a message that was never stored moves nothing');
select public.record_payment_event('vnpay', 'e0', true, :'ref1', 'raw') ->> 'event_id' as e0 \gset
select is(tests.outcome(format($$ select public.apply_payment_event(%s, %L, 'maybe', 1, 'VND', 't1') $$, :e0, :'ref1')), 'invalid_input', 'an outcome other than succeeded, failed or pending is refused');
select is(tests.outcome(format($$ select public.apply_payment_event(%s, %L, 'succeeded', null, null, null) $$, :e0, :'ref1')), 'invalid_input', 'a success without an amount is refused');
select is(public.apply_payment_event(:e0, :'ref1', 'pending', 4814405, 'VND', null), 'ignored', 'a pending outcome changes nothing');
select is(public.record_payment_event('vnpay', 'e0', true, :'ref1', 'raw') ->> 'is_new', 'false', 'a message is stored only once');
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
select is((select array_agg(tests.unverified(n::text) order by n) from generate_series(1, 4) n), '{stored,stored,counted,counted}', 'unverified messages are stored up to the hourly limit');
select is(tests.counted(), '2 of 4', 'unverified messages above the limit are counted');
select is(tests.unverified('1'), 'stored', 'an unverified message that is already there counts as stored');
select is(tests.counted(), '2 of 4', 'an unverified message that is repeated takes no more room');
select is(tests.unverified('1', 'zalopay'), 'stored', 'each provider has its own room');
select is(public.record_payment_event('momo', 'genuine', true, 'x', 'raw') ->> 'is_new', 'true', 'a verified message is stored however many were not');
select is(tests.counted(), '2 of 4', 'a verified message is not counted with the unverified ones');
update private.unverified_counts set hour = hour - interval '1 hour' where provider = 'momo';
select is(tests.unverified('5'), 'stored', 'the next hour has room for unverified messages again');
update private.settings set value = '0' where key = 'unverified_events_per_hour';
select is(tests.unverified('6'), 'counted', 'an operator may switch off storing unverified messages');
update private.unverified_counts set hour = hour - interval '31 days' where provider = 'momo' and hour < date_trunc('hour', now());
select private.tidy_payments();
select is(tests.counted(), '3 of 2', 'the counts of unverified messages are deleted after 30 days');

select is(tests.outcome($$ select public.record_payment_event('vnpay', 'big', true, 'x', repeat('x', 70000)) $$), '23514', 'a message of 70 kB is refused');

select is(tests.provider_says(:'ref1', 'succeeded', 4814404), 'amount_mismatch', 'a sum that is one dong short does not pay');
select is(tests.provider_says(:'ref1', 'succeeded', 4814404), 'amount_mismatch', 'the same message has the same answer');
select is(tests.provider_says(:'ref1', 'succeeded', 4814406, p_transaction_id => 'over'), 'amount_mismatch', 'a sum that is one dong over does not pay');
select is(tests.provider_says(:'ref1', 'succeeded', 4814405, 'USD', 'dollars'), 'amount_mismatch', 'the right sum in dollars does not pay');
select is(tests.provider_says('J00000000000001', 'succeeded', 500, p_transaction_id => 'lost'), 'unknown_reference', 'money under an unknown reference is kept');
select results_eq(
  $$ select reason::text, amount, status::text from private.unmatched_money order by amount, created_at $$,
  $$ values ('unknown_reference', 500::bigint, 'open'), ('amount_mismatch', 4814404, 'open'), ('currency_mismatch', 4814405, 'open'), ('amount_mismatch', 4814406, 'open') $$,
  'each sum that does not fit is one row with its reason'
);
select is((select status from public.bookings where id = :'booking'), 'pending_payment', 'the booking waits while sums do not fit');
select is(tests.provider_says(:'ref1', 'failed', 0, p_transaction_id => 'no money'), 'applied', 'a failure is applied, whatever amount it names');
select is((select status from public.payment_attempts where id = :'a1'), 'failed', 'a failure ends its try');
select is((select status from public.payments where id = :'payment'), 'processing', 'a failure of one try does not end the payment');
select is(tests.provider_says(:'ref1', 'failed', 0, p_event_id => 'failed again'), 'duplicate', 'a second failure says nothing new');
select is(tests.provider_says(:'ref1', 'succeeded', p_transaction_id => 't1'), 'applied', 'success after a failure counts');
select is((select status || ' ' || deposit_status from public.bookings where id = :'booking'), 'confirmed held', 'a payment confirms its booking');
select is((select kind from public.calendar_entries where booking_id = :'booking'), 'booking', 'a payment turns the hold into a booking in the calendar');
select is((select array_agg(status order by created_at, status) from public.payment_attempts where payment_id = :'payment'), array['created', 'succeeded'], 'a payment leaves the other try as it was');
select is(tests.provider_says(:'ref1', 'succeeded', p_transaction_id => 't1'), 'duplicate', 'the same message again is a duplicate');
select is(tests.provider_says(:'ref1', 'succeeded', p_transaction_id => 't1', p_event_id => 'other id'), 'duplicate', 'the same transaction under another event id is a duplicate');
select is(tests.provider_says(:'ref1', 'failed', p_transaction_id => 't1'), 'duplicate', 'a failure after success takes nothing back');
select is(tests.provider_says(:'ref1', 'succeeded', p_transaction_id => 't2'), 'unmatched', 'a second payment by the same try is kept apart');
select is((select tests.provider_says(reference, 'succeeded', p_transaction_id => 't3') from public.payment_attempts where payment_id = :'payment' and id <> :'a1'), 'unmatched', 'a second payment by another try is kept apart');
select is((select count(*)::int from private.unmatched_money where reason = 'paid_twice' and payer_id = :'renter'), 2, 'both second payments are kept for the payer');
select is(private.balance('escrow', :'booking'), 1814405::bigint, 'the rent is in escrow');
select is(private.balance('deposit', :'booking'), 3000000::bigint, 'the deposit is kept apart from the rent');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after a double payment');
select tests.as_user(:'renter');
select is(tests.outcome(format($$ select public.start_payment(%L, 'vnpay', gen_random_uuid()) $$, :'payment')), 'payment_not_payable', 'a payment that is paid cannot be started again');
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
    perform private.expire_overdue_payments();
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
  v_said := v_said || ', ' || (select b.status || ', ' || p.status || ', ' || coalesce((select sum(r.amount) from public.refunds r where r.payable_id = b.id), 0)
    from public.bookings b join public.payments p on p.payable_id = b.id where b.id = v_booking);
  v_said := v_said || coalesce(', BROKEN: ' || tests.broken_promises(), '');
  return v_said;
end
$$;
select is(tests.pay_late(:'renter', tests.make_vehicle(:'host'), how), expected, 'a late payment is refunded or takes the slot again: ' || how)
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
select id as refund from public.refunds where payable_id = :'b2' \gset
select tests.as_user(:'stranger');
select is((select count(*)::int from public.refunds), 0, 'a stranger sees no refund of others');
select tests.as_user(:'host');
select is((select count(*)::int from public.refunds), 0, 'a host reads no row of a refund');
select is((select array_agg((r ->> 'kind') || ' ' || (r ->> 'amount')) from jsonb_array_elements(public.booking_detail(:'b2') -> 'refunds') r), array['cancellation 4814405'], 'a host sees how much goes back, and why');
select is(tests.outcome('select bank_account_id from public.refunds'), '42501', 'a host does not see to which account a refund goes');
select tests.as_service();
select is(tests.outcome($$ select public.record_refund_result(gen_random_uuid(), 'succeeded') $$), 'refund_not_found', 'an invented refund is not found');
select is(tests.outcome(format($$ select public.record_refund_result(%L, 'maybe') $$, :'refund')), 'invalid_input', 'a result other than processing, succeeded or failed is refused');
select is(public.refund_to_send(:'refund') -> 'attempt' ->> 'status', 'succeeded', 'a refund knows the try it reverses');
select is((public.record_refund_result(:'refund', 'processing', 'p1')).status, 'processing', 'a refund can be reported as under way');
select is((public.record_refund_result(:'refund', 'processing', 'p1')).status, 'processing', 'a refund can be reported as under way again');
select is((public.record_refund_result(:'refund', 'failed', null, 'closed account')).status, 'failed', 'a refund can be reported as refused');
select is((public.record_refund_result(:'refund', 'failed', null, 'closed account')).status, 'failed', 'the same report of a refund says the same');
select is((public.record_refund_result(:'refund', 'processing')).status, 'failed', 'a failed refund does not go on by itself');
select tests.as_user(:'admin');
select is((public.retry_refund(:'refund', 'bank_transfer')).status, 'awaiting_account', 'an admin can turn a failed refund into a bank transfer');
select is(tests.outcome(format('select public.retry_refund(%L)', :'refund')), 'illegal_transition', 'a refund that waits for an account cannot be turned again');
select tests.as_owner();
select ok((select bool_and(private.new_payment_reference() ~ ('^J' || to_char(now() at time zone 'Asia/Ho_Chi_Minh', 'YYMMDD') || '[0-9]{8}$')) from generate_series(1, 100)), 'a reference is J, Vietnam''s day and eight digits');
select ok((select count(distinct private.new_payment_reference()) >= 999 from generate_series(1, 1000)), 'references are drawn at random, so that a restored database does not repeat those of this morning');
-- as if it had not been
update public.refunds set status = 'pending', method = 'provider', provider = 'vnpay' where id = :'refund';
update public.refunds set status = 'failed' where id = :'refund';
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.record_manual_refund(%L, %L); select private.fail(%L)', :'refund', 'FT0001', 'forbidden')), 'forbidden', 'an admin can pay a failed refund by hand');
select is((public.retry_refund(:'refund')).status, 'pending', 'an admin can send a failed refund again');
select is(tests.outcome(format('select public.retry_refund(%L)', :'refund')), 'illegal_transition', 'a refund that is on its way cannot be sent again');
select tests.as_service();
select is((public.record_refund_result(:'refund', 'failed', null, 'again')).status, 'failed', 'a refund that was sent again can fail again');
select is((public.record_refund_result(:'refund', 'succeeded', 'p2')).provider_refund_id, 'p2', 'a success that is reported late overrides a failure');
select is((public.record_refund_result(:'refund', 'failed')).status, 'succeeded', 'a failure after success changes nothing');
select tests.as_owner();
select is((select status || ' ' || refunded_amount from public.payments where payable_id = :'b2'), 'refunded 4814405', 'the payment is refunded once');
select is(private.balance('refund_payable', :'b2'), 0::bigint, 'nothing is owed after the refund');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after the refund');

-- what a host has ------------------------------------------------------------------------------------------------
select tests.make_user('earner') as earner \gset
select tests.make_paid_booking(:'renter', tests.make_vehicle(:'earner'), tests.hours(100), tests.hours(110)) as b3 \gset
select tests.as_user(:'earner');
select results_eq('select available, pending from public.my_balance()', 'values (0::bigint, 0::bigint)', 'a host has no balance before the trip');
select tests.as_owner();
select tests.move_trip(:'b3', -1);
select tests.inspect('check_in', :'renter', :'b3', 10), tests.inspect('check_out', :'renter', :'b3', 20);
select tests.as_user(:'earner');
select results_eq('select available, pending from public.my_balance()', 'values (0::bigint, 1360001::bigint)', 'the rent waits for the claim window after the trip');
select public.release_deposit(:'b3', gen_random_uuid());
select results_eq('select available, pending from public.my_balance()', 'values (1360001::bigint, 0::bigint)', 'the rent is available after the claim window');
select tests.as_user(:'stranger');
select results_eq('select available, pending from public.my_balance()', 'values (0::bigint, 0::bigint)', 'others have nothing of the rent');

-- the ledger -------------------------------------------------------------------------------------------------------
select tests.as_owner();
select tests.settle();
select is(tests.outcome($$ select private.post_ledger('test', 'one leg', 'VND', null, array[('clearing', 'vnpay', 5)::private.ledger_line]); set constraints all immediate $$), '23514', 'a movement of one leg cannot be stored');
set constraints all deferred;
select is(tests.outcome($$ select private.post_ledger('test', 'uneven', 'VND', null, array[('clearing', 'vnpay', 5), ('unmatched', '', -4)]::private.ledger_line[]); set constraints all immediate $$), '23514', 'a movement of uneven legs cannot be stored');
select is(tests.outcome($$ select private.post_ledger('test', 'nothing', 'VND', null, array[('clearing', 'vnpay', null), ('unmatched', '', null)]::private.ledger_line[]) $$), '23502', 'a movement without amounts cannot be stored');
set constraints all deferred;
select is(tests.outcome(format($$ select private.post_ledger('test', 'too much', 'VND', null, array[('escrow', %L, 9000000), ('clearing', 'vnpay', -9000000)]::private.ledger_line[]); set constraints all immediate $$, :'booking')), '23514', 'more than is in escrow cannot be taken out');
set constraints all deferred;
select is(tests.outcome($$ select private.post_ledger('test', 'fine', 'VND', null, array[('clearing', 'vnpay', 5), ('unmatched', '', -5)]::private.ledger_line[]); set constraints all immediate $$), 'ok', 'a movement of even legs can be stored');
set constraints all deferred;
select is(tests.outcome($$ select private.post_ledger('test', 'fine', 'VND', null, array[('clearing', 'vnpay', 5), ('unmatched', '', -5)]::private.ledger_line[]) $$), '23505', 'the same movement cannot be stored twice');
select is(tests.outcome($$ insert into private.ledger_entries (transaction_id, account_id, currency, amount) select min(t.id), min(a.id), 'VND', 0 from private.ledger_transactions t, private.ledger_accounts a $$), '23514', 'a leg of zero cannot be stored');
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
select is(tests.two_legs('VND', 'VND', 'VND'), 'ok', 'legs of one currency can be stored');
select is(tests.two_legs('VND', 'USD', 'VND'), '23503', 'dong on an account of dollars cannot be stored, even by the owner of the table');
select is(tests.two_legs('USD', 'VND', 'VND'), '23503', 'dong in a transaction of dollars cannot be stored');
select is((select sum(amount) from private.ledger_entries), 0::numeric, 'all entries of the ledger add up to zero');

-- putting right what was posted wrongly ----------------------------------------------------------------------------------
-- What the proof says of a movement.
create function tests.proof(p_reference text)
returns text
language sql stable
as $$
  select string_agg(concat_ws(' ', r.problem, case when r.provider in ('', 'vnpay') then r.provider else 'of somebody' end, coalesce(r.expected_amount::text, '-'), coalesce(r.found_amount::text, '-')), ', ' order by r.problem)
  from private.reconcile_ledger() r where r.subject = p_reference
$$;
create function tests.movement(p_event text, p_reference text)
returns bigint
language sql stable
as $$ select id from private.ledger_transactions where event = p_event and reference = p_reference $$;
select private.post_ledger('bonus', 'slip', 'VND', null, array[('platform_revenue', '', 100), ('host_payable', :'earner', -100)]::private.ledger_line[]);
select is(tests.proof('slip'), 'bonus on host_payable of somebody - -100, bonus on platform_revenue  - 100', 'the proof finds a movement that no command posts');
select tests.movement('bonus', 'slip') as slip \gset
select is(tests.outcome($$ select private.reverse_movement(-1, 'INC-7') $$), '22023', 'a movement that does not exist cannot be taken back');
select is(tests.outcome(format('select private.reverse_movement(%s, %L)', :slip, ' ')), '22023', 'a movement cannot be taken back without a reason');
select is(tests.outcome($$ select private.post_ledger('correction', 'INC-7', 'VND', null, array[('platform_revenue', '', -100), ('unmatched', 'x', 100)]::private.ledger_line[]) $$), '23514', 'a correction must name what it corrects');
select private.correct_movement(:slip, 'INC-7: by mistake', array[('platform_revenue', '', -60), ('host_payable', :'earner', 60)]::private.ledger_line[]) as half \gset
select is(tests.proof('slip'), 'bonus on host_payable of somebody - -40, bonus on platform_revenue  - 40', 'a correction of half a movement leaves the other half in the proof');
savepoint wrong;
select private.correct_movement(:slip, 'INC-7: wrongly', array[('platform_revenue', '', 7), ('host_payable', :'earner', -7)]::private.ledger_line[]) as wrong \gset
select private.reverse_movement(:wrong, 'INC-7: that was wrong');
select is(tests.proof('slip'), 'bonus on host_payable of somebody - -40, bonus on platform_revenue  - 40', 'a wrong correction can be taken back alone');
rollback to wrong;
select private.reverse_movement(:slip, 'INC-7: by mistake') as rest \gset
select is(tests.proof('slip'), null, 'a movement and its corrections can be taken back as one');
select is(tests.outcome(format('select private.reverse_movement(%s, %L)', :slip, 'INC-7')), '22023', 'a movement that was taken back cannot be taken back again');
select is((select array_agg(reference order by id) from private.ledger_transactions where corrects = :slip), array[:slip || '.1', :slip || '.2'], 'each correction is a movement of its own');
select is((select array_agg(data ->> 'reference' order by id) from private.domain_events where type = 'ledger.correction' and reason = 'INC-7: by mistake'), array[:slip || '.1', :slip || '.2'], 'each correction is in the log with its reason');
select is(private.balance('host_payable', :'earner'), 1360001::bigint, 'corrections leave the host what was earned');
select tests.movement('booking_completed', :'b3') as right_one \gset
select private.reverse_movement(:right_one, 'taken for a mistake');
select is(tests.proof(:'b3'), 'booking_completed on escrow of somebody 1814405 -, booking_completed on host_payable of somebody -1360001 -, booking_completed on platform_revenue  -320003 -, booking_completed on tax_payable  -134401 -', 'the proof finds a right movement that was taken back');
select private.correct_movement(:right_one, 'was right after all', array_agg((a.kind, a.owner, e.amount)::private.ledger_line))
from private.ledger_entries e join private.ledger_accounts a on a.id = e.account_id where e.transaction_id = :right_one;
select is(tests.proof(:'b3'), null, 'the proof is quiet once the ledger is as the booking says');
select private.post_ledger('payout_reserved', 'nobody', 'VND', null, array[('host_payable', :'earner', 5), ('payout_payable', 'nobody', -5)]::private.ledger_line[]);
select private.reverse_movement(tests.movement('payout_reserved', 'nobody'), 'no such payout');
select tests.as_user(:'earner');
select results_eq('select available, pending from public.my_balance()', 'values (1360001::bigint, 0::bigint)', 'a correction of a payout does not count as earned');
select tests.as_owner();
select tests.settle();
select is((select count(*)::int from private.check_invariants() where invariant = 'host_balance_disagrees'), 0, 'a correction of a payout leaves the balance of the host as it was');
select private.post_ledger('bonus', 'XTS', 'XTS', null, array[('platform_revenue', '', 100), ('host_payable', :'earner', -100)]::private.ledger_line[]);
select is(tests.proof('XTS'), null, 'the currency of tests is not proven');

-- what a rail cannot do -------------------------------------------------------------------------------------------------
select is(tests.outcome(format('update private.payment_providers set %s where provider = %L', claim, rail)), '23514', rail || ' cannot: ' || claim)
from (values ('momo', 'has_feed = true'), ('payos', $$refunds_by = 'provider'$$), ('vnpay', 'can_cancel = true'), ('stripe', 'in_parts = true')) v (rail, claim);
select is(tests.outcome($$ update private.payment_providers set has_feed = false, refunds_by = 'transfer', can_cancel = false, in_parts = false $$), 'ok', 'any ability of a rail can be switched off');

select * from finish();
rollback;

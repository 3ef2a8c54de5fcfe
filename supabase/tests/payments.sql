-- Payments: who pays, what providers report, and money that comes late or twice.
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
select tests.as_user(:'host');
select is((select count(*)::int from public.payments), 0, 'a host does not see how the renter pays');
select is(tests.outcome(format($$ select public.start_payment(%L, 'vnpay', gen_random_uuid()) $$, :'payment')), 'payment_not_found', 'a host cannot pay for the renter');

-- renter -------------------------------------------------------------------------------------------------------
select tests.as_user(:'renter');
select is(tests.outcome(format($$ update public.payments set amount = 1 where id = %L $$, :'payment')), '42501', 'the payer cannot set the amount');
select is(tests.outcome(format($$ select public.start_payment(%L, 'paypal', gen_random_uuid()) $$, :'payment')), 'invalid_input', 'an unknown provider is refused');
select is(tests.outcome(format($$ select public.start_payment(%L, null, gen_random_uuid()) $$, :'payment')), 'invalid_input', 'a payment without a provider is refused');
select is(tests.outcome(format($$ select public.start_payment(%L, 'vnpay', null) $$, :'payment')), 'invalid_input', 'a try at paying needs an idempotency key');
select id as a1, reference as ref1, amount as amount1 from private.start_payment(:'payment', 'vnpay', 'dddddddd-0000-4000-8000-000000000001') \gset
select is((select id from private.start_payment(:'payment', 'vnpay', 'dddddddd-0000-4000-8000-000000000001')), :'a1'::uuid, 'the same try with the same key is the same');
select is(:amount1::bigint, 4814405::bigint, 'a try is for the whole amount');
select ok(:'ref1' ~ '^[A-Z0-9]{10,34}$', 'the reference of a try is short and ASCII');
select is(tests.outcome('select provider_data from public.payment_attempts'), '42501', 'the payer cannot read what the provider keeps of a try');
select is(public.payment_status(:'payment') -> 'payment' ->> 'status', 'processing', 'the payment is under way');
select isnt((select reference from private.start_payment(:'payment', 'vnpay', gen_random_uuid())), :'ref1', 'another try at paying has another reference');

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

-- a message that came before its attempt: the database was restored, or the message was faster
select tests.make_booking(:'rival', tests.make_vehicle(:'host'), tests.hours(70), tests.hours(80)) as early \gset
select id as early_payment, amount as early_amount from public.payments where payable_id = :'early' \gset
update public.payments set status = 'processing' where id = :'early_payment';
create function tests.make_attempt(p_payment_id uuid, p_reference text)
returns void
language sql volatile
as $$
  insert into public.payment_attempts (payment_id, provider, reference, amount, currency, expires_at)
  select id, 'vnpay', p_reference, amount, currency, expires_at from public.payments where id = p_payment_id
$$;
select is(tests.provider_says('J00000000000007', 'failed', :early_amount, p_transaction_id => '0'), 'unknown_reference', 'a failure of an attempt that is not there is of an unknown reference');
select is(tests.provider_says('J00000000000008', 'succeeded', :early_amount, p_transaction_id => 'early'), 'unknown_reference', 'money for an attempt that is not there is kept');
select tests.make_attempt(:'early_payment', 'J00000000000007'), tests.make_attempt(:'early_payment', 'J00000000000008');
select is(tests.provider_says('J00000000000007', 'failed', :early_amount, p_transaction_id => '0'), 'applied', 'a failure that comes again is judged again');
select is(tests.provider_says('J00000000000008', 'succeeded', :early_amount, p_transaction_id => 'early'), 'applied', 'money that is reported again pays the attempt that is there now');
select is((select status from public.bookings where id = :'early'), 'confirmed', 'money that was reported again confirms its booking');
select is((select array_agg(settlement || ' ' || status) from private.unmatched_money where transaction_id = 'early'), array['void settled'], 'money that was reported again is no longer unmatched');
select is(tests.provider_says('J00000000000008', 'succeeded', :early_amount, p_transaction_id => 'early'), 'duplicate', 'the third report of that money is a duplicate');
select is(tests.provider_says('J00000000000009', 'succeeded', :early_amount, p_transaction_id => 'early twice'), 'unknown_reference', 'more money for an attempt that is not there is kept');
select tests.make_attempt(:'early_payment', 'J00000000000009');
select is(tests.provider_says('J00000000000009', 'succeeded', :early_amount, p_transaction_id => 'early twice'), 'unmatched', 'money that was reported again for a paid booking is a second payment');
select is((select array_agg(reason || ' ' || coalesce(payer_id = :'rival', false) order by reason desc) from private.unmatched_money where transaction_id = 'early twice'), array['unknown_reference false', 'paid_twice true'], 'a second payment that was reported again belongs to its payer');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after messages that came too early');

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
    perform tests.cancel_booking(v_booking);
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

-- references ---------------------------------------------------------------------------------------------------------
select tests.as_owner();
select ok((select bool_and(private.new_payment_reference() ~ ('^J' || to_char(now() at time zone 'Asia/Ho_Chi_Minh', 'YYMMDD') || '[0-9]{8}$')) from generate_series(1, 100)), 'a reference is J, Vietnam''s day and eight digits');
select ok((select count(distinct private.new_payment_reference()) >= 999 from generate_series(1, 1000)), 'references are drawn at random, so that a restored database does not repeat those of this morning');

-- what a rail cannot do -------------------------------------------------------------------------------------------------
select is(tests.outcome(format('update private.payment_providers set %s where provider = %L', claim, rail)), '23514', rail || ' cannot: ' || claim)
from (values ('momo', 'has_feed = true'), ('payos', $$refunds_by = 'provider'$$), ('vnpay', 'can_cancel = true'), ('stripe', 'in_parts = true')) v (rail, claim);
select is(tests.outcome($$ update private.payment_providers set has_feed = false, refunds_by = 'transfer', can_cancel = false, in_parts = false $$), 'ok', 'any ability of a rail can be switched off');

select * from finish();
rollback;

-- Bookings: charges, captures and receipts, as the screen of a trip shows them.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_admin('admin') as admin \gset
update private.rate_limits set capacity = 1000, per_minute = 1000;
select tests.make_vehicle(:'host') as vehicle \gset
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(100), tests.hours(110)) as trip \gset
select tests.request_extension(:'trip', 5) as change \gset
select tests.pay(:'change');
select tests.drive(:'trip', -20);

-- Asks for a charge as the host, and accepts it as the renter.
create function pg_temp.accepted(p_kind text, p_amount bigint)
returns uuid
language plpgsql
as $$
declare
  v_trip uuid := current_setting('tests.trip')::uuid;
  v_booking public.bookings;
  v_photo uuid;
  v_id uuid;
begin
  select * into v_booking from public.bookings where id = v_trip;
  v_photo := tests.make_media(v_booking.host_id, 'charge');
  perform tests.as_user(v_booking.host_id);
  v_id := (public.propose_charge(v_trip, p_kind, gen_random_uuid(), p_amount, 'as seen', array[v_photo])).id;
  perform tests.as_user(v_booking.renter_id);
  perform public.answer_charge(v_id, true);
  perform tests.as_owner();
  return v_id;
end
$$;
select set_config('tests.trip', :'trip', true);
select pg_temp.accepted('cleaning', 200000) as cleaning \gset
select pg_temp.accepted('damage', 3000000) as damage \gset
select id as cleaning_capture from public.deposit_captures where cause_id = :'cleaning' \gset
select id as damage_capture from public.deposit_captures where cause_id = :'damage' \gset

-- the screen -----------------------------------------------------------------------------------------------------------
select tests.as_user(:'host');
select public.booking_detail(:'trip') as shown \gset
select is((select array_agg((c ->> 'kind') || ' ' || (c ->> 'status') || ' ' || (c ->> 'owed_amount') || ' ' || (c ->> 'captured_amount') order by c ->> 'kind') from jsonb_array_elements(:'shown'::jsonb -> 'charges') c),
  array['cleaning settled 200000 200000', 'damage accepted 3000000 2800000'], 'the detail of a booking has its charges with their states and amounts');
select is((select array_agg((k ->> 'code') || ' ' || (k ->> 'amount') || ' ' || (k ->> 'cause_id') order by n) from jsonb_array_elements(:'shown'::jsonb -> 'captures') with ordinality a (k, n) where k ->> 'amount' = '200000'),
  array['charge_cleaning 200000 ' || :'cleaning'], 'the detail of a booking has what was taken of the deposit, and for what');
select is(:'shown'::jsonb -> 'receipts', 'null'::jsonb, 'the host does not see the receipts of the renter');
select tests.as_owner();

-- receipts -------------------------------------------------------------------------------------------------------------
select is((select count(*)::int from private.outbox where topic = 'receipt' and payload ->> 'kind' = 'deposit_capture'), 2, 'each capture of a deposit orders a receipt');
select tests.as_service();
select is(tests.outcome($$ select public.issue_receipt('deposit_capture', gen_random_uuid()) $$), 'receipt_not_found', 'a capture that does not exist has no receipt');
select number, total, source_id from public.issue_receipt('deposit_capture', :'cleaning_capture') \gset
select is(:'total' || ' ' || :'source_id', '200000 ' || :'cleaning_capture', 'a capture of a deposit has a receipt over it');
select is((public.issue_receipt('deposit_capture', :'cleaning_capture')).number, :'number', 'a receipt of a capture is issued once');
select isnt((public.issue_receipt('deposit_capture', :'damage_capture')).number, :'number', 'each capture has a number of its own');
select is((public.issue_receipt('receipt', (select id from public.payments where payable_id = :'trip'))).total, 1814405::bigint, 'the receipt of the booking still leaves the deposit out');
select is((public.issue_receipt('receipt', (select id from public.payments where payable_id = :'change'))).total, 1000001::bigint, 'an extension that is paid has a receipt');
select tests.as_owner();
select tests.pay(:'damage');
select is((select payload ->> 'kind' from private.outbox where dedupe_key = 'receipt:' || (select id from public.payments where payable_id = :'damage')), 'receipt', 'the rest of a charge that is paid orders a receipt');
select is((private.issue_receipt('receipt', (select id from public.payments where payable_id = :'damage'))).total, 200000::bigint, 'the rest of a charge has a receipt over the rest');
select is(content -> 'lines', '[{"label": "Cleaning", "amount": 200000}]', 'a receipt of a capture says what it is for') from public.receipts where source_id = :'cleaning_capture';
select is((select count(*)::int from public.notifications where template = 'deposit_receipt_issued' and user_id = :'renter'), 2, 'the renter is told of the receipts of a capture');
select is((select count(*)::int from public.receipts r join private.receipt_series s on s.series = r.series and r.seq <= s.last_seq), 5, 'receipts of captures are numbered with all others');
select tests.as_user(:'renter');
select is(jsonb_array_length(public.booking_detail(:'trip') -> 'receipts'), 5, 'the renter finds every receipt of a trip in its detail');
select is((select array_agg(distinct data ->> 'booking_id') from public.notifications where data ->> 'payable_kind' in ('extension', 'charge')), array[:'trip'], 'notifications about the money of an extension or charge name the booking');
select tests.as_owner();
select is(tests.outcome(format($$ insert into public.receipts (series, seq, kind, user_id, payment_id, payable_id, source, source_id, issued_at, currency, total, content)
  select series, 900000, kind, user_id, payment_id, payable_id, source, source_id, issued_at, currency, total, content || jsonb_build_object('number', private.receipt_number(series, 900000)) from public.receipts where source_id = %L $$, :'cleaning_capture')), '23505', 'two receipts of one capture cannot be stored');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated');

select * from finish();
rollback;

-- What the schema allows at most: the rows of a command, written by plain statements that know everything
-- beforehand. Constraints, foreign keys and indexes are those of the tables; triggers are off (bench/rows.ts), and
-- what they would have written is written here.
-- Left out on purpose: every rule of a command.

create or replace function bench.write_booking(p_quote_id uuid, p_renter_id uuid, p_key uuid)
returns public.bookings
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_quote record;
  v_booking public.bookings;
  v_payment_id uuid;
begin
  insert into private.idempotency_keys (actor_id, key, command, request_hash, response)
  values (p_renter_id, p_key, 'create_booking', sha256(convert_to(p_quote_id::text, 'utf8')), '{}');
  insert into private.rate_buckets as b (action, subject, tokens, refilled_at)
  values ('create_booking', p_renter_id::text, 20, now())
  on conflict (action, subject) do update set tokens = 20, refilled_at = now();
  select q.*, v.host_id, v.buffer_minutes, v.title into v_quote
  from public.quotes q join public.vehicles v on v.id = q.vehicle_id
  where q.id = p_quote_id;
  insert into public.bookings (
    quote_id, vehicle_id, renter_id, host_id, period, status, currency, total_amount, deposit_amount,
    tax_amount, cancellation_policy, hold_expires_at
  ) values (
    v_quote.id, v_quote.vehicle_id, v_quote.renter_id, v_quote.host_id, v_quote.period, 'pending_payment', v_quote.currency,
    v_quote.total_amount, v_quote.deposit_amount, v_quote.tax_amount,
    v_quote.cancellation_policy, now() + interval '15 minutes'
  )
  returning * into v_booking;
  insert into private.domain_events (type, subject_id, machine, from_state, event, to_state)
  values ('booking.hold', v_booking.id, 'booking', 'initial', 'hold', 'pending_payment');
  insert into public.calendar_entries (vehicle_id, kind, blocked, booking_id, expires_at, holder_id)
  values (v_booking.vehicle_id, 'hold', tstzrange(v_booking.starts_at, v_booking.ends_at + make_interval(mins => v_quote.buffer_minutes)),
    v_booking.id, v_booking.hold_expires_at, v_booking.renter_id);
  insert into public.payables (id, kind, payer_id, code, title, starts_at, ends_at, amount, currency, split, sold_amount, tax_amount)
  values (
    v_booking.id, 'booking', v_booking.renter_id, v_booking.code, v_quote.title, v_booking.starts_at, v_booking.ends_at,
    v_booking.total_amount, v_booking.currency, array[
      ('escrow', v_booking.id::text, v_booking.deposit_amount - v_booking.total_amount)::private.ledger_line,
      ('deposit', v_booking.id::text, -v_booking.deposit_amount)::private.ledger_line
    ], v_booking.total_amount - v_booking.deposit_amount, v_booking.tax_amount
  );
  insert into public.payments (payable_id, payer_id, amount, currency, expires_at)
  values (v_booking.id, v_booking.renter_id, v_booking.total_amount, v_booking.currency, v_booking.hold_expires_at)
  returning id into v_payment_id;
  insert into private.domain_events (type, subject_id, machine, from_state, event, to_state)
  values ('payment.create', v_payment_id, 'payment', 'initial', 'create', 'pending');
  return v_booking;
end
$$;
grant execute on function bench.write_booking to authenticated;

create or replace function bench.write_event(p_reference text, p_raw text)
returns bigint
language sql volatile security definer set search_path = ''
as $$
  insert into private.payment_events (provider, provider_event_id, verified, reference, raw, headers)
  values ('vnpay', p_reference || '-1', true, p_reference, p_raw, '{"content-type":"application/x-www-form-urlencoded","user-agent":"VNPay"}')
  returning id
$$;

-- One person is told: the row with its number, the inbox, the broadcast, the order for a mail.
create or replace function bench.write_notification(p_user_id uuid, p_template text, p_booking public.bookings)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_seq bigint;
  v_notification public.notifications;
  v_delivery_id uuid;
begin
  update private.inboxes set last_seq = last_seq + 1 where user_id = p_user_id returning last_seq into v_seq;
  insert into public.notifications (user_id, seq, category, template, template_version, locale, title, body, data, dedupe_key)
  values (
    p_user_id, v_seq, 'booking', p_template, 1, 'en', 'Booking confirmed', 'Your trip is confirmed and paid. See you there on time.',
    jsonb_build_object('booking_id', p_booking.id, 'code', p_booking.code, 'vehicle_id', p_booking.vehicle_id,
      'vehicle', 'A vehicle for rent, number 123456', 'starts', '10:00 20/11/2026', 'ends', '10:00 22/11/2026', 'total', '1.630.000 VND'),
    'booking_confirmed:' || p_booking.id
  )
  returning * into v_notification;
  insert into realtime.messages (topic, extension, payload, event, private)
  values ('user:' || p_user_id, 'broadcast', to_jsonb(v_notification), 'notification', true);
  insert into public.deliveries (user_id, notification_id, category, channel) values (p_user_id, v_notification.id, 'booking', 'email')
  returning id into v_delivery_id;
  insert into public.deliveries (user_id, notification_id, category, channel, status, reason, decided_at)
  values (p_user_id, v_notification.id, 'booking', 'push', 'suppressed', 'no_device', now());
  insert into private.outbox (topic, payload, dedupe_key)
  values ('email', jsonb_build_object('delivery_id', v_delivery_id), v_delivery_id::text);
end
$$;

create or replace function bench.write_success(p_event_id bigint, p_reference text)
returns text
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_attempt public.payment_attempts;
  v_payment public.payments;
  v_booking public.bookings;
  v_clearing bigint;
  v_escrow bigint;
  v_deposit bigint;
  v_transaction bigint;
begin
  update public.payment_attempts
  set status = 'succeeded', provider_transaction_id = 'T' || p_reference, transaction_amount = amount, checked_at = now()
  where reference = p_reference
  returning * into v_attempt;
  insert into private.domain_events (type, subject_id, machine, from_state, event, to_state, data)
  values ('payment_attempt.succeed', v_attempt.id, 'payment_attempt', 'pending', 'succeed', 'succeeded',
    jsonb_build_object('provider_transaction_id', v_attempt.provider_transaction_id, 'transaction_amount', v_attempt.transaction_amount));
  update public.payments set status = 'succeeded', succeeded_at = now(), settlement = 'kept', updated_at = now() where id = v_attempt.payment_id returning * into v_payment;
  insert into private.domain_events (type, subject_id, machine, from_state, event, to_state)
  values ('payment.succeed', v_payment.id, 'payment', 'processing', 'succeed', 'succeeded');
  update public.bookings
  set status = 'confirmed', confirmed_at = now(), hold_expires_at = null, deposit_status = 'held', updated_at = now()
  where id = v_payment.payable_id
  returning * into v_booking;
  insert into private.domain_events (type, subject_id, machine, from_state, event, to_state)
  values ('booking.confirm', v_booking.id, 'booking', 'pending_payment', 'confirm', 'confirmed');
  update public.calendar_entries set kind = 'booking', expires_at = null, holder_id = null where booking_id = v_booking.id;

  select id into v_clearing from private.ledger_accounts where kind = 'clearing' and owner = 'vnpay' and currency = 'VND';
  insert into private.ledger_accounts (kind, owner, currency) values ('escrow', v_booking.id::text, 'VND') returning id into v_escrow;
  insert into private.ledger_accounts (kind, owner, currency) values ('deposit', v_booking.id::text, 'VND') returning id into v_deposit;
  insert into private.ledger_transactions (event, reference, currency, payable_id)
  values ('payment_received', v_payment.id::text, 'VND', v_booking.id)
  returning id into v_transaction;
  insert into private.ledger_entries (transaction_id, account_id, currency, amount) values
    (v_transaction, v_clearing, 'VND', v_payment.amount),
    (v_transaction, v_escrow, 'VND', v_booking.deposit_amount - v_payment.amount),
    (v_transaction, v_deposit, 'VND', -v_booking.deposit_amount);
  insert into private.domain_events (type, subject_id, data)
  values ('ledger.payment_received', v_booking.id, jsonb_build_object('reference', v_payment.id, 'currency', 'VND', 'lines', jsonb_build_array(
    jsonb_build_object('kind', 'clearing', 'owner', 'vnpay', 'amount', v_payment.amount),
    jsonb_build_object('kind', 'escrow', 'owner', v_booking.id, 'amount', v_booking.deposit_amount - v_payment.amount),
    jsonb_build_object('kind', 'deposit', 'owner', v_booking.id, 'amount', -v_booking.deposit_amount))));

  perform bench.write_notification(v_booking.renter_id, 'booking_confirmed_renter', v_booking);
  perform bench.write_notification(v_booking.host_id, 'booking_confirmed_host', v_booking);
  insert into private.outbox (topic, payload, dedupe_key)
  values ('receipt', jsonb_build_object('kind', 'receipt', 'subject_id', v_payment.id), 'receipt:' || v_payment.id);
  update private.payment_events set outcome = 'applied', applied_at = now(), reference = p_reference where id = p_event_id;
  return 'applied';
end
$$;
grant execute on function bench.write_event, bench.write_success to service_role;

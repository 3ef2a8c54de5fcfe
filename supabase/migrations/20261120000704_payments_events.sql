-- Payments: what a provider's message does.
-- Rule kept here: locks are taken in one order, vehicle → booking → payment → attempt; a verified message
-- changes the state once, however often, late or out of order it comes; money is never dropped.
-- Left out on purpose: verifying it, which function `payment-webhooks` has done before.

create function private.record_payment_event(p_provider text, p_provider_event_id text, p_verified boolean, p_reference text, p_raw text, p_headers jsonb)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_event private.payment_events;
begin
  insert into private.payment_events (provider, provider_event_id, verified, reference, raw, headers)
  values (p_provider, p_provider_event_id, p_verified, p_reference, p_raw, coalesce(p_headers, '{}'))
  on conflict (provider, provider_event_id) do nothing
  returning * into v_event;
  if found then
    return jsonb_build_object('event_id', v_event.id, 'is_new', true, 'outcome', null);
  end if;
  select * into v_event from private.payment_events where provider = p_provider and provider_event_id = p_provider_event_id;
  return jsonb_build_object('event_id', v_event.id, 'is_new', false, 'outcome', v_event.outcome);
end
$$;
create function public.record_payment_event(provider text, provider_event_id text, verified boolean, reference text, raw text, headers jsonb default '{}')
returns jsonb
language sql volatile set search_path = ''
as $$ select private.record_payment_event(provider, provider_event_id, verified, reference, raw, headers) $$;
comment on function public.record_payment_event is 'Stores a provider''s message as received: {event_id, is_new, outcome}. Service only.';
select private.expose('record_payment_event(text, text, boolean, text, text, jsonb)', 'service_role');

-- Confirms a booking whose money has come; false when its slot is gone.
create function private.take_slot(p_booking public.bookings)
returns boolean
language plpgsql volatile set search_path = ''
as $$
declare
  v_blocked tstzrange;
begin
  update public.calendar_entries set kind = 'booking', expires_at = null where booking_id = p_booking.id;
  if found then
    return true;
  end if;
  select private.blocked_range(p_booking.starts_at, p_booking.ends_at, v.buffer_minutes) into v_blocked
  from public.vehicles v where v.id = p_booking.vehicle_id and v.status = 'published';
  if not found or p_booking.starts_at < now() then
    return false;
  end if;
  perform private.release_expired_holds(p_booking.vehicle_id, v_blocked);
  if not private.is_free(p_booking.vehicle_id, v_blocked) then
    return false;
  end if;
  begin
    insert into public.calendar_entries (vehicle_id, kind, blocked, booking_id)
    values (p_booking.vehicle_id, 'booking', v_blocked, p_booking.id);
  exception
    when exclusion_violation then
      return false;
  end;
  return true;
end
$$;

create function private.apply_payment_event(
  p_event_id bigint, p_reference text, p_outcome text, p_amount bigint, p_currency text, p_transaction_id text, p_failure_code text
)
returns text
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_event private.payment_events;
  v_attempt public.payment_attempts;
  v_payment public.payments;
  v_booking public.bookings;
  v_result text;
begin
  -- two deliveries of one event wait for each other here
  select * into v_event from private.payment_events where id = p_event_id and verified for update;
  if not found then
    perform private.fail('not_found');
  end if;
  if v_event.outcome is not null then
    -- the provider must hear the same answer again, except that done is done
    return case v_event.outcome when 'applied' then 'duplicate' when 'refunded_late' then 'duplicate' else v_event.outcome end;
  end if;
  if p_outcome is null or p_outcome not in ('succeeded', 'failed', 'pending') then
    perform private.fail_input('outcome', 'must be succeeded, failed or pending');
  end if;
  if p_outcome = 'succeeded' and (p_amount is null or p_amount < 0 or p_currency is null or p_transaction_id is null) then
    perform private.fail_input('amount', 'money that came has an amount, a currency and a transaction');
  end if;
  perform private.because('provider:' || v_event.provider);

  select b.* into v_booking
  from public.payment_attempts a
  join public.payments p on p.id = a.payment_id
  join public.bookings b on b.id = p.booking_id
  where a.provider = v_event.provider and a.reference = p_reference;
  if found then
    perform private.lock_vehicle(v_booking.vehicle_id);
    select * into v_booking from public.bookings where id = v_booking.id for no key update;
    select * into v_payment from public.payments where booking_id = v_booking.id for no key update;
    select * into v_attempt from public.payment_attempts
    where provider = v_event.provider and reference = p_reference for no key update;
  end if;

  v_result := case
    when v_attempt.id is null then 'unknown_reference'
    when p_outcome = 'pending' then 'ignored'
    when p_outcome = 'failed' and v_attempt.status in ('succeeded', 'failed') then 'duplicate'
    when p_outcome = 'failed' then 'applied'
    when p_amount is distinct from v_attempt.amount or p_currency is distinct from v_attempt.currency then 'amount_mismatch'
    when v_attempt.status = 'succeeded' and v_attempt.provider_transaction_id is not distinct from p_transaction_id then 'duplicate'
    -- one transaction of the provider cannot have paid two of ours
    when exists (
      select from public.payment_attempts o
      where o.provider = v_event.provider and o.provider_transaction_id = p_transaction_id and o.id <> v_attempt.id
    ) then 'unmatched'
    when v_attempt.status = 'succeeded' or v_payment.status not in ('pending', 'processing', 'expired', 'cancelled') then 'unmatched'
    else 'applied'
  end;

  if p_outcome = 'failed' and v_result = 'applied' then
    update public.payment_attempts
    set status = 'failed', failure_code = p_failure_code, checked_at = now()
    where id = v_attempt.id and status in ('created', 'pending');
  elsif p_outcome = 'succeeded' and v_result = 'applied' then
    v_result := private.apply_success(v_booking, v_payment, v_attempt, p_transaction_id);
  elsif p_outcome = 'succeeded' and v_result in ('unknown_reference', 'amount_mismatch', 'unmatched') then
    perform private.keep_unmatched(v_event, p_reference, p_transaction_id, p_amount, p_currency,
      case v_result when 'unmatched' then 'paid_twice' when 'unknown_reference' then 'unknown_reference'
        else case when p_currency is distinct from v_attempt.currency then 'currency_mismatch' else 'amount_mismatch' end end,
      v_payment.payer_id);
  end if;

  -- a pending message says nothing yet and may come again
  update private.payment_events
  set outcome = nullif(v_result, 'ignored'), applied_at = now(), reference = p_reference
  where id = p_event_id;
  return v_result;
end
$$;
comment on function private.apply_payment_event is 'Lock order: vehicle, booking, payment, attempt.';

create function private.keep_unmatched(
  p_event private.payment_events, p_reference text, p_transaction_id text, p_amount bigint, p_currency text, p_reason text, p_payer_id uuid
)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into private.unmatched_money (event_id, provider, reference, transaction_id, amount, currency, reason, payer_id)
  values (p_event.id, p_event.provider, p_reference, p_transaction_id, p_amount, p_currency, p_reason, p_payer_id);
  if p_amount > 0 then
    perform private.post_ledger('unmatched_received', p_event.id::text, p_currency, null, array[
      ('clearing', p_event.provider, p_amount)::private.ledger_line,
      ('unmatched', '', -p_amount)::private.ledger_line
    ]);
  end if;
  if p_payer_id is not null then
    perform private.notify(p_payer_id, 'payment_unmatched',
      jsonb_build_object('amount', private.format_money(p_amount, p_currency)), 'unmatched:' || p_event.id);
  end if;
end
$$;

-- The money is ours. The rows are locked and the amount is right.
create function private.apply_success(
  p_booking public.bookings, p_payment public.payments, p_attempt public.payment_attempts, p_transaction_id text
)
returns text
language plpgsql volatile set search_path = ''
as $$
declare
  v_confirmed boolean := p_booking.status in ('pending_payment', 'expired') and private.take_slot(p_booking);
begin
  update public.payment_attempts
  set status = 'succeeded', provider_transaction_id = p_transaction_id, failure_code = null, checked_at = now()
  where id = p_attempt.id;
  update public.payments set status = 'succeeded', succeeded_at = now() where id = p_payment.id;
  -- other tries of this payment are over; money that still comes through one is unmatched
  update public.payment_attempts set status = 'expired'
  where payment_id = p_payment.id and id <> p_attempt.id and status in ('created', 'pending');

  if v_confirmed then
    perform private.post_ledger('payment_received', p_payment.id::text, p_payment.currency, p_booking.id, array[
      ('clearing', p_attempt.provider, p_payment.amount)::private.ledger_line,
      ('escrow', p_booking.id::text, -(p_booking.total_amount - p_booking.deposit_amount))::private.ledger_line,
      ('deposit', p_booking.id::text, -p_booking.deposit_amount)::private.ledger_line
    ]);
    update public.bookings
    set status = 'confirmed', confirmed_at = now(), hold_expires_at = null,
        deposit_status = case when deposit_amount > 0 then 'held' else 'none' end
    where id = p_booking.id;
    perform private.notify_booking(p_booking.id, 'booking_confirmed');
    return 'applied';
  end if;

  -- too late and the slot is gone, or the booking was cancelled: everything goes back
  perform private.post_ledger('late_payment_received', p_payment.id::text, p_payment.currency, p_booking.id, array[
    ('clearing', p_attempt.provider, p_payment.amount)::private.ledger_line,
    ('refund_payable', p_booking.id::text, -p_payment.amount)::private.ledger_line
  ]);
  if p_booking.status = 'pending_payment' then
    update public.bookings set status = 'expired' where id = p_booking.id;
  end if;
  perform private.order_refund(p_booking, 'late_payment', p_payment.amount);
  perform private.notify_renter(p_booking.id, 'payment_late_refunded');
  return 'refunded_late';
end
$$;

create function public.apply_payment_event(
  event_id bigint, reference text, outcome text, amount bigint, currency text, transaction_id text, failure_code text default null
)
returns text
language sql volatile set search_path = ''
as $$ select private.apply_payment_event(event_id, reference, outcome, amount, currency, transaction_id, failure_code) $$;
comment on function public.apply_payment_event is 'Applies a stored, verified message; outcome succeeded, failed or pending, amount in minor units. Answers applied, duplicate, unknown_reference, amount_mismatch, unmatched, refunded_late or ignored. Service only.';
select private.expose('apply_payment_event(bigint, text, text, bigint, text, text, text)', 'service_role');

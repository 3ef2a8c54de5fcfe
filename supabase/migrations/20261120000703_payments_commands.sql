-- Payments: how money moves a booking.
-- Rule kept here: locks are taken in one order, vehicle → booking → payment → attempt; a verified message
-- changes the state once, however often, late or out of order it comes.
-- Left out on purpose: asking providers, which the functions do; they report here.

create function private.lock_vehicle(p_vehicle_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select pg_advisory_xact_lock(hashtextextended('vehicle:' || p_vehicle_id, 0)) $$;

create function private.open_payment(p_booking public.bookings)
returns uuid
language sql volatile set search_path = ''
as $$
  insert into public.payments (booking_id, payer_id, amount, currency, expires_at)
  values (p_booking.id, p_booking.renter_id, p_booking.total_amount, p_booking.currency, p_booking.hold_expires_at)
  returning id
$$;

-- Ends whatever has not been paid of a booking.
create function private.close_payment(p_booking_id uuid, p_status text)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.payments set status = p_status where booking_id = p_booking_id and status in ('pending', 'processing');
end
$$;

create function private.start_payment(p_payment_id uuid, p_provider text, p_idempotency_key uuid)
returns public.payment_attempts
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_stored jsonb;
  v_booking public.bookings;
  v_payment public.payments;
  v_attempt public.payment_attempts;
begin
  v_stored := private.begin_command('start_payment', p_idempotency_key, jsonb_build_object('payment_id', p_payment_id, 'provider', p_provider));
  if v_stored is not null then
    -- its state may have moved on since
    select * into v_attempt from public.payment_attempts where id = (v_stored ->> 'id')::uuid;
    return v_attempt;
  end if;
  perform private.take_token('start_payment', v_user_id::text);
  if p_provider is null or p_provider not in ('vnpay') then
    perform private.fail_input('provider', 'unknown');
  end if;
  select b.* into v_booking
  from public.bookings b join public.payments p on p.booking_id = b.id
  where p.id = p_payment_id and p.payer_id = v_user_id
  for no key update of b;
  if not found then
    perform private.fail('payment_not_found');
  end if;
  select * into v_payment from public.payments where id = p_payment_id for no key update;
  if v_payment.status not in ('pending', 'processing') then
    perform private.fail('payment_not_payable', jsonb_build_object('status', v_payment.status));
  end if;
  if v_booking.status <> 'pending_payment' or v_booking.hold_expires_at <= now() then
    perform private.fail('hold_expired');
  end if;
  update public.payments set status = 'processing' where id = p_payment_id and status = 'pending';
  insert into public.payment_attempts (payment_id, provider, amount, currency, expires_at)
  values (p_payment_id, p_provider, v_payment.amount, v_payment.currency, v_payment.expires_at)
  returning * into v_attempt;
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', v_attempt.id));
  return v_attempt;
end
$$;
create function public.start_payment(payment_id uuid, provider text, idempotency_key uuid)
returns public.payment_attempts
language sql volatile set search_path = ''
as $$ select private.start_payment(payment_id, provider, idempotency_key) $$;
comment on function public.start_payment is 'Opens a try at paying with a provider; called by function payments, which makes the redirect URL and QR. Errors: payment_not_found, payment_not_payable, hold_expired, invalid_input, rate_limited.';
select private.expose('start_payment(uuid, text, uuid)', 'authenticated');

create function private.attach_checkout(p_attempt_id uuid, p_redirect_url text, p_qr_payload text, p_provider_data jsonb)
returns public.payment_attempts
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_attempt public.payment_attempts;
begin
  update public.payment_attempts
  set redirect_url = p_redirect_url, qr_payload = p_qr_payload, provider_data = coalesce(p_provider_data, '{}'), status = 'pending'
  where id = p_attempt_id and status = 'created'
  returning * into v_attempt;
  if not found then
    select * into v_attempt from public.payment_attempts where id = p_attempt_id;
    if not found then
      perform private.fail('payment_not_found');
    end if;
  end if;
  return v_attempt;
end
$$;
create function public.attach_checkout(attempt_id uuid, redirect_url text, qr_payload text, provider_data jsonb)
returns public.payment_attempts
language sql volatile set search_path = ''
as $$ select private.attach_checkout(attempt_id, redirect_url, qr_payload, provider_data) $$;
comment on function public.attach_checkout is 'Stores where the payer goes for an attempt; the first answer stays. Service only. Errors: payment_not_found.';
select private.expose('attach_checkout(uuid, text, text, jsonb)', 'service_role');

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

create function private.order_refund(p_booking public.bookings, p_kind text, p_amount bigint)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_refund public.refunds;
begin
  if p_amount <= 0 then
    return;
  end if;
  insert into public.refunds (payment_id, attempt_id, booking_id, kind, amount, currency)
  select p.id, a.id, p_booking.id, p_kind, p_amount, p.currency
  from public.payments p
  join public.payment_attempts a on a.payment_id = p.id and a.status = 'succeeded'
  where p.booking_id = p_booking.id
  order by a.created_at
  limit 1
  returning * into strict v_refund;
  perform private.enqueue('refund', jsonb_build_object('refund_id', v_refund.id), v_refund.id::text);
end
$$;

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

create function private.refund_to_send(p_refund_id uuid)
returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object('refund', to_jsonb(r), 'attempt', to_jsonb(a), 'payment', to_jsonb(p))
  from public.refunds r
  join public.payment_attempts a on a.id = r.attempt_id
  join public.payments p on p.id = r.payment_id
  where r.id = p_refund_id
$$;
create function public.refund_to_send(refund_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$ select private.refund_to_send(refund_id) $$;
comment on function public.refund_to_send is 'A refund with the attempt it reverses, {refund, attempt, payment}. Service only.';
select private.expose('refund_to_send(uuid)', 'service_role');

create function private.record_refund_result(p_refund_id uuid, p_outcome text, p_provider_refund_id text, p_failure_code text)
returns public.refunds
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_refund public.refunds;
  v_payment public.payments;
  v_provider text;
begin
  select * into v_refund from public.refunds where id = p_refund_id;
  if not found then
    perform private.fail('refund_not_found');
  end if;
  perform 1 from public.bookings where id = v_refund.booking_id for no key update;
  select * into v_payment from public.payments where id = v_refund.payment_id for no key update;
  select * into v_refund from public.refunds where id = p_refund_id for no key update;
  if v_refund.status = 'succeeded' then
    return v_refund;
  end if;
  select provider into v_provider from public.payment_attempts where id = v_refund.attempt_id;
  perform private.because('provider:' || v_provider);
  case p_outcome
    when 'succeeded' then
      update public.refunds
      set status = 'succeeded', provider_refund_id = coalesce(p_provider_refund_id, provider_refund_id), failure_code = null, completed_at = now()
      where id = p_refund_id;
      update public.payments
      set refunded_amount = refunded_amount + v_refund.amount,
          status = case when refunded_amount + v_refund.amount = amount then 'refunded' else 'partially_refunded' end
      where id = v_payment.id;
      perform private.post_ledger('refund_paid', v_refund.id::text, v_refund.currency, v_refund.booking_id, array[
        ('refund_payable', v_refund.booking_id::text, v_refund.amount)::private.ledger_line,
        ('clearing', v_provider, -v_refund.amount)::private.ledger_line
      ]);
      perform private.notify_renter(v_refund.booking_id, 'refund_paid',
        jsonb_build_object('amount', private.format_money(v_refund.amount, v_refund.currency), 'kind', v_refund.kind), v_refund.id::text);
    when 'processing' then
      update public.refunds
      set status = 'processing', provider_refund_id = coalesce(p_provider_refund_id, provider_refund_id)
      where id = p_refund_id and status in ('pending', 'processing');
    when 'failed' then
      update public.refunds set status = 'failed', failure_code = p_failure_code where id = p_refund_id and status <> 'failed';
    else
      perform private.fail_input('outcome', 'must be succeeded, processing or failed');
  end case;
  select * into v_refund from public.refunds where id = p_refund_id;
  return v_refund;
end
$$;
create function public.record_refund_result(refund_id uuid, outcome text, provider_refund_id text default null, failure_code text default null)
returns public.refunds
language sql volatile set search_path = ''
as $$ select private.record_refund_result(refund_id, outcome, provider_refund_id, failure_code) $$;
comment on function public.record_refund_result is 'What the provider said of a refund: succeeded, processing or failed. Succeeded is final. Service only. Errors: refund_not_found.';
select private.expose('record_refund_result(uuid, text, text, text)', 'service_role');

create function private.retry_refund(p_refund_id uuid)
returns public.refunds
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_refund public.refunds;
begin
  perform private.require_admin();
  perform private.because('admin');
  update public.refunds set status = 'pending', failure_code = null where id = p_refund_id and status = 'failed'
  returning * into v_refund;
  if not found then
    perform private.fail('refund_not_found');
  end if;
  perform private.enqueue('refund', jsonb_build_object('refund_id', v_refund.id), v_refund.id || ':' || extract(epoch from now()));
  return v_refund;
end
$$;
create function public.retry_refund(refund_id uuid)
returns public.refunds
language sql volatile set search_path = ''
as $$ select private.retry_refund(refund_id) $$;
comment on function public.retry_refund is 'Admin: sends a failed refund again. Errors: forbidden, refund_not_found.';
select private.expose('retry_refund(uuid)', 'authenticated');

create function private.attempt_to_reconcile(p_attempt_id uuid)
returns public.payment_attempts
language sql stable security definer set search_path = ''
as $$ select * from public.payment_attempts where id = p_attempt_id $$;
create function public.attempt_to_reconcile(attempt_id uuid)
returns public.payment_attempts
language sql stable set search_path = ''
as $$ select private.attempt_to_reconcile(attempt_id) $$;
comment on function public.attempt_to_reconcile is 'An attempt with its provider_data, for asking the provider about it. Service only.';
select private.expose('attempt_to_reconcile(uuid)', 'service_role');

-- What asking the provider brought: no_answer is asked again later, not_found ends the attempt once its time is over.
create function private.note_reconciliation(p_attempt_id uuid, p_outcome text)
returns public.payment_attempts
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_attempt public.payment_attempts;
begin
  if p_outcome is null or p_outcome not in ('final', 'pending', 'no_answer', 'not_found') then
    perform private.fail_input('outcome', 'must be final, pending, no_answer or not_found');
  end if;
  perform private.because('reconciliation');
  update public.payment_attempts
  set checked_at = now(), checks = checks + 1,
      status = case when p_outcome = 'not_found' and expires_at <= now() and status in ('created', 'pending') then 'expired' else status end
  where id = p_attempt_id
  returning * into v_attempt;
  if not found then
    perform private.fail('payment_not_found');
  end if;
  return v_attempt;
end
$$;
create function public.note_reconciliation(attempt_id uuid, outcome text)
returns public.payment_attempts
language sql volatile set search_path = ''
as $$ select private.note_reconciliation(attempt_id, outcome) $$;
comment on function public.note_reconciliation is 'Notes that a provider was asked: final, pending, no_answer or not_found. Service only. Errors: payment_not_found, invalid_input.';
select private.expose('note_reconciliation(uuid, text)', 'service_role');

create function public.payment_status(payment_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'payment', to_jsonb(p),
    'attempts', coalesce((
      select jsonb_agg(jsonb_build_object(
        'id', a.id, 'provider', a.provider, 'reference', a.reference, 'amount', a.amount, 'currency', a.currency, 'status', a.status,
        'redirect_url', a.redirect_url, 'qr_payload', a.qr_payload, 'failure_code', a.failure_code, 'expires_at', a.expires_at, 'created_at', a.created_at
      ) order by a.created_at)
      from public.payment_attempts a where a.payment_id = p.id
    ), '[]'),
    'refunds', coalesce((select jsonb_agg(to_jsonb(r) order by r.created_at) from public.refunds r where r.payment_id = p.id), '[]')
  )
  from public.payments p
  where p.id = $1
$$;
comment on function public.payment_status is 'A payment of the caller with its attempts and refunds; null when there is none.';
select private.expose('payment_status(uuid)', 'authenticated');

create function private.my_balance()
returns table (currency text, available bigint, pending bigint)
language sql stable security definer set search_path = ''
as $$
  select 'VND',
         private.balance('host_payable', auth.uid()::text) - w.waiting,
         w.waiting
  from (
    select coalesce(sum(b.host_amount), 0)::bigint as waiting
    from public.bookings b
    where b.host_id = auth.uid() and b.status = 'completed' and b.claim_until > now()
  ) w
$$;
create function public.my_balance()
returns table (currency text, available bigint, pending bigint)
language sql stable set search_path = ''
as $$ select * from private.my_balance() $$;
comment on function public.my_balance is 'What the caller has earned as a host, in minor units: available now, and pending until the claim windows of finished trips close.';
select private.expose('my_balance()', 'authenticated');

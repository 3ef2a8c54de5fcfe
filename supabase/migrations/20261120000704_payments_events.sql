-- Payments: what a provider's message does.
-- Rule kept here: locks are taken in one order, vehicle → booking → payment → attempt; a verified message
-- changes the state once, however often, late or out of order it comes; money is never dropped. Whoever cannot
-- sign can neither fill the database nor make a genuine message wait.
-- Left out on purpose: verifying it, which function `payment-webhooks` has done before.

-- Whether there is room left in this hour for one more message that nobody signed. It locks the count for the rest
-- of the transaction: these wait for each other, and a verified one never comes here.
create function private.has_room_for_unverified(p_provider text)
returns boolean
language plpgsql volatile set search_path = ''
as $$
declare
  v_received bigint;
begin
  -- A flood of them must not queue for the disk and keep the connections that genuine ones need; one that a crash
  -- takes is no loss.
  perform set_config('synchronous_commit', 'off', true);
  insert into private.unverified_counts as c (provider, hour)
  values (p_provider, date_trunc('hour', now(), 'UTC'))
  on conflict (provider, hour) do update set received = c.received + 1
  returning received into v_received;
  return v_received <= (private.setting('unverified_events_per_hour') #>> '{}')::bigint;
end
$$;

create function private.record_payment_event(p_provider text, p_provider_event_id text, p_verified boolean, p_reference text, p_raw text, p_headers jsonb)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_event private.payment_events;
begin
  if not p_verified
     and not exists (select from private.payment_events where provider = p_provider and provider_event_id = p_provider_event_id)
     and not private.has_room_for_unverified(p_provider) then
    return jsonb_build_object('event_id', null, 'is_new', false, 'outcome', null);
  end if;
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
comment on function public.record_payment_event is 'Stores a provider''s message as received: {event_id, is_new, outcome}. One that is not verified is only counted when as many were stored in this hour as setting unverified_events_per_hour allows: event_id is null then. Service only.';
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
  perform private.set_audit_context('provider:' || v_event.provider);

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

  if p_outcome = 'succeeded' then
    v_result := private.apply_money(v_event, v_booking, v_payment, v_attempt, p_reference, p_amount, p_currency, p_transaction_id);
  elsif v_attempt.id is null then
    v_result := 'unknown_reference';
  elsif p_outcome = 'pending' then
    v_result := 'ignored';
  elsif v_attempt.status in ('succeeded', 'failed') then
    v_result := 'duplicate';
  else
    v_result := 'applied';
    update public.payment_attempts
    set status = 'failed', failure_code = p_failure_code, checked_at = now(), recheck_at = greatest(expires_at, now())
    where id = v_attempt.id and status in ('created', 'pending');
  end if;

  -- a pending message says nothing yet and may come again
  update private.payment_events
  set outcome = coalesce(outcome, nullif(v_result, 'ignored')), applied_at = now(), reference = p_reference
  where id = p_event_id;
  return v_result;
end
$$;
comment on function private.apply_payment_event is 'Lock order: vehicle, booking, payment, attempt.';

-- Money has come. The rows are locked; those of booking, payment and attempt are null when the reference is not ours.
create function private.apply_money(
  p_event private.payment_events, p_booking public.bookings, p_payment public.payments, p_attempt public.payment_attempts,
  p_reference text, p_amount bigint, p_currency text, p_transaction_id text
)
returns text
language plpgsql volatile set search_path = ''
as $$
declare
  v_told private.unmatched_money;
  v_booked public.payment_attempts;
  v_payable boolean := coalesce(p_attempt.status <> 'succeeded' and p_payment.status in ('pending', 'processing', 'expired', 'cancelled'), false);
  v_fits boolean := coalesce(p_currency = p_attempt.currency and p_amount = p_attempt.amount, false);
  v_reason text;
  v_parts uuid[];
  v_received bigint := p_amount;
begin
  if p_amount = 0 then
    return case when p_attempt.id is null then 'unknown_reference' else 'amount_mismatch' end;
  end if;
  -- Messages of one movement, whatever their ids and references: one after the other. The last lock but for those
  -- of the rows of unmatched money.
  perform pg_advisory_xact_lock(hashtextextended('transaction:' || p_event.provider || ':' || p_transaction_id, 0));
  -- the provider has told of this very movement before
  select * into v_told from private.unmatched_money
  where provider = p_event.provider and transaction_id = p_transaction_id
    and settlement is distinct from 'void' and reason <> 'overpaid'
  for no key update;
  if found then
    if v_told.amount = p_amount and v_told.currency = p_currency then
      return 'duplicate';
    elsif v_told.status <> 'open' or not v_payable or not v_fits then
      return private.flag_for_review(p_event.id, 'another sum was reported for this transaction', 'amount_mismatch');
    end if;
    -- it corrects itself
    perform private.post_ledger('unmatched_voided', v_told.id::text, v_told.currency, null, array[
      ('unmatched', v_told.id::text, v_told.amount)::private.ledger_line,
      ('clearing', v_told.provider, -v_told.amount)::private.ledger_line
    ]);
    update private.unmatched_money set status = 'settled', settlement = 'void', settled_at = now() where id = v_told.id;
  end if;
  select * into v_booked from public.payment_attempts
  where provider = p_event.provider and provider_transaction_id = p_transaction_id;
  if found then
    if v_booked.id = p_attempt.id and v_booked.transaction_amount = p_amount and p_currency = v_booked.currency then
      return 'duplicate';
    elsif v_booked.id = p_attempt.id then
      return private.flag_for_review(p_event.id, 'another sum was reported for this transaction', 'amount_mismatch');
    end if;
    -- one transaction of the provider cannot have paid two of ours
    return private.flag_for_review(p_event.id, 'this transaction has paid ' || v_booked.reference, 'unmatched');
  end if;

  if v_payable and v_fits then
    v_parts := private.parts_of(p_attempt);
    return private.apply_success(p_booking, p_payment, p_attempt, p_event, p_transaction_id, p_amount, v_parts);
  end if;
  if v_payable and p_currency = p_attempt.currency
     and exists (select from private.payment_providers r where r.provider = p_event.provider and r.in_parts) then
    v_parts := private.parts_of(p_attempt);
    select v_received + coalesce(sum(u.amount), 0) into v_received from private.unmatched_money u where u.id = any (v_parts);
    if v_received >= p_attempt.amount then
      return private.apply_success(p_booking, p_payment, p_attempt, p_event, p_transaction_id, p_amount, v_parts);
    end if;
    perform private.keep_unmatched(p_event, p_attempt, p_payment.payer_id, p_reference, p_transaction_id, p_amount, p_currency, 'underpaid');
    -- nobody is asked for the rest of what was called off
    if p_payment.status <> 'cancelled' then
      perform private.notify_renter(p_booking.id, 'payment_part_received', jsonb_build_object(
        'amount', private.format_money(p_amount, p_currency),
        'missing', private.format_money(p_attempt.amount - v_received, p_currency)), 'event:' || p_event.id);
    end if;
    return 'part_received';
  end if;
  v_reason := case
    when p_attempt.id is null then 'unknown_reference'
    when p_currency <> p_attempt.currency then 'currency_mismatch'
    when not v_payable then 'paid_twice'
    else 'amount_mismatch'
  end;
  perform private.keep_unmatched(p_event, p_attempt, p_payment.payer_id, p_reference, p_transaction_id, p_amount, p_currency, v_reason);
  return case v_reason when 'unknown_reference' then 'unknown_reference' when 'paid_twice' then 'unmatched' else 'amount_mismatch' end;
end
$$;

-- What came of an attempt so far and was less than all of it, locked: an admin may be settling it.
create function private.parts_of(p_attempt public.payment_attempts)
returns uuid[]
language plpgsql volatile set search_path = ''
as $$
begin
  return (
    select coalesce(array_agg(s.id), '{}')
    from (
      select u.id
      from private.unmatched_money u
      where u.attempt_id = p_attempt.id and u.status = 'open' and u.reason = 'underpaid'
      order by u.id
      for no key update
    ) s
  );
end
$$;

-- A message that cannot be true together with an earlier one moves no money: somebody must look.
create function private.flag_for_review(p_event_id bigint, p_reason text, p_answer text)
returns text
language plpgsql volatile set search_path = ''
as $$
begin
  update private.payment_events set outcome = 'needs_review', note = p_reason where id = p_event_id;
  return p_answer;
end
$$;

-- The same for what is learnt on another way than by a message: it becomes one, so that an admin finds all of it in
-- one place. p_provider is who said so, or, where an admin's hand took over, who sends our transfers.
create function private.flag_for_review(p_provider text, p_key text, p_reference text, p_reason text)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into private.payment_events (provider, provider_event_id, verified, reference, raw, outcome, applied_at, note)
  select r.provider, p_key, true, p_reference, '', 'needs_review', now(), p_reason
  from private.payment_providers r
  order by r.provider = p_provider desc, r.provider = private.transfer_provider() desc, r.provider
  limit 1
  on conflict (provider, provider_event_id) do nothing;
end
$$;

create function private.keep_unmatched(
  p_event private.payment_events, p_attempt public.payment_attempts, p_payer_id uuid, p_reference text,
  p_transaction_id text, p_amount bigint, p_currency text, p_reason text
)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_id uuid;
begin
  insert into private.unmatched_money (event_id, provider, reference, transaction_id, amount, currency, reason, attempt_id, payer_id)
  values (p_event.id, p_event.provider, p_reference, p_transaction_id, p_amount, p_currency, p_reason, p_attempt.id, p_payer_id)
  returning id into v_id;
  perform private.post_ledger('unmatched_received', v_id::text, p_currency, null, array[
    ('clearing', p_event.provider, p_amount)::private.ledger_line,
    ('unmatched', v_id::text, -p_amount)::private.ledger_line
  ]);
  if p_payer_id is not null
     and (p_reason <> 'underpaid' or exists (select from public.payments where id = p_attempt.payment_id and status = 'cancelled')) then
    perform private.notify(p_payer_id, 'payment_unmatched',
      jsonb_build_object('amount', private.format_money(p_amount, p_currency)), 'unmatched:' || v_id);
  end if;
end
$$;

-- The money is ours and enough: p_received by the transaction of p_event, the rest by rows of unmatched money
-- (p_parts). What is over becomes such a row. The rows are locked.
create function private.apply_success(
  p_booking public.bookings, p_payment public.payments, p_attempt public.payment_attempts, p_event private.payment_events,
  p_transaction_id text, p_received bigint, p_parts uuid[]
)
returns text
language plpgsql volatile set search_path = ''
as $$
declare
  v_confirmed boolean := p_booking.status in ('pending_payment', 'expired') and private.take_slot(p_booking);
  v_lines private.ledger_line[] := array[('clearing', p_attempt.provider, p_received)::private.ledger_line];
  v_over bigint := p_received - p_payment.amount;
  v_over_id uuid;
begin
  if cardinality(p_parts) > 0 then
    select v_lines || array_agg(('unmatched', u.id::text, u.amount)::private.ledger_line), v_over + sum(u.amount)
    into v_lines, v_over
    from private.unmatched_money u where u.id = any (p_parts);
    update private.unmatched_money
    set status = 'settled', settlement = 'applied', payment_id = p_payment.id, settled_at = now(), settled_by = auth.uid()
    where id = any (p_parts);
  end if;
  if v_over > 0 then
    insert into private.unmatched_money (event_id, provider, reference, transaction_id, amount, currency, reason, attempt_id, payer_id)
    values (p_event.id, p_event.provider, p_attempt.reference, p_transaction_id, v_over, p_payment.currency, 'overpaid', p_attempt.id, p_payment.payer_id)
    returning id into v_over_id;
    v_lines := v_lines || ('unmatched', v_over_id::text, -v_over)::private.ledger_line;
    perform private.notify(p_payment.payer_id, 'payment_unmatched',
      jsonb_build_object('amount', private.format_money(v_over, p_payment.currency)), 'unmatched:' || v_over_id);
  end if;
  update public.payment_attempts
  set status = 'succeeded', provider_transaction_id = p_transaction_id, transaction_amount = p_received, failure_code = null, checked_at = now(),
      recheck_at = case when exists (select from private.payment_providers r where r.provider = p_attempt.provider and r.in_parts)
        then greatest(expires_at, now()) end
  where id = p_attempt.id;
  update public.payments set status = 'succeeded', succeeded_at = now() where id = p_payment.id;
  -- money that still comes through another try is unmatched; where it can be stopped, it is
  perform private.cancel_attempts(p_payment.id, p_attempt.id);

  if v_confirmed then
    perform private.post_ledger('payment_received', p_payment.id::text, p_payment.currency, p_booking.id, v_lines || array[
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
  perform private.post_ledger('late_payment_received', p_payment.id::text, p_payment.currency, p_booking.id, v_lines ||
    ('refund_payable', p_booking.id::text, -p_payment.amount)::private.ledger_line
  );
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
comment on function public.apply_payment_event is 'Applies a stored, verified message; outcome succeeded, failed or pending, amount in minor units. Answers applied, part_received (less than all, on a rail that takes parts), duplicate, unknown_reference, amount_mismatch, unmatched, refunded_late or ignored. Service only.';
select private.expose('apply_payment_event(bigint, text, text, bigint, text, text, text)', 'service_role');

-- Ends a message that moves no money: one of no interest, or one somebody must look at.
create function private.settle_payment_event(p_event_id bigint, p_outcome text, p_reason text)
returns text
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_outcome text;
begin
  if p_outcome is null or p_outcome not in ('ignored', 'needs_review') then
    perform private.fail_input('outcome', 'must be ignored or needs_review');
  end if;
  update private.payment_events
  set outcome = coalesce(outcome, p_outcome), note = coalesce(note, left(p_reason, 500)), applied_at = coalesce(applied_at, now())
  where id = p_event_id and verified
  returning outcome into v_outcome;
  if not found then
    perform private.fail('not_found');
  end if;
  return v_outcome;
end
$$;
create function public.settle_payment_event(event_id bigint, outcome text, reason text)
returns text
language sql volatile set search_path = ''
as $$ select private.settle_payment_event(event_id, outcome, reason) $$;
comment on function public.settle_payment_event is 'Ends a stored, verified message that moves no money: ignored, or needs_review for an admin to look at. Service only. Errors: not_found.';
select private.expose('settle_payment_event(bigint, text, text)', 'service_role');

-- Where the next look into a provider's feed begins.
create function private.save_feed_cursor(p_provider text, p_cursor text)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if p_cursor is null then
    perform private.fail_input('cursor', 'must be where the feed was read to');
  end if;
  update private.payment_providers set feed_cursor = p_cursor, feed_read_at = now() where provider = p_provider and has_feed;
  if not found then
    perform private.fail('not_found');
  end if;
end
$$;
create function public.save_feed_cursor(provider text, cursor text)
returns void
language sql volatile set search_path = ''
as $$ select private.save_feed_cursor(provider, cursor) $$;
comment on function public.save_feed_cursor is 'Notes up to where the feed of a provider was read and applied. Service only. Errors: not_found.';
select private.expose('save_feed_cursor(text, text)', 'service_role');

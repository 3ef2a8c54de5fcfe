-- Payments: what a verified message does.
-- Rule kept here: locks are taken in one order: those of the payable, the payment, the attempt; a message changes the state
-- once, however often, late or out of order it comes; money is never dropped.
-- Left out on purpose: where money goes that fits no payment, which an admin decides (unmatched).

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
  v_payable public.payables;
  v_payable_id uuid;
  v_result text;
begin
  -- two deliveries of one event wait for each other here
  select * into v_event from private.payment_events where id = p_event_id and verified for update;
  if not found then
    perform private.fail('not_found');
  end if;
  -- it came before its attempt was there: it is judged as if it came now for the first time
  if v_event.outcome = 'unknown_reference'
     and exists (select from public.payment_attempts where provider = v_event.provider and reference = p_reference) then
    update private.payment_events set outcome = null where id = p_event_id returning * into v_event;
  end if;
  if v_event.outcome is not null then
    -- a repeat gets the same answer, except that a message already applied is a duplicate
    return case v_event.outcome when 'applied' then 'duplicate' when 'refunded_late' then 'duplicate' else v_event.outcome end;
  end if;
  if p_outcome is null or p_outcome not in ('succeeded', 'failed', 'pending') then
    perform private.fail_input('outcome', 'must be succeeded, failed or pending');
  end if;
  if p_outcome = 'succeeded' and (p_amount is null or p_amount < 0 or p_currency is null or p_transaction_id is null) then
    perform private.fail_input('amount', 'must be given for money that came, with currency and transaction');
  end if;
  perform private.set_audit_context('provider:' || v_event.provider);

  select p.payable_id into v_payable_id
  from public.payment_attempts a
  join public.payments p on p.id = a.payment_id
  where a.provider = v_event.provider and a.reference = p_reference;
  if found then
    v_payable := private.lock_payable(v_payable_id);
    select * into v_payment from public.payments where payable_id = v_payable_id for no key update;
    select * into v_attempt from public.payment_attempts
    where provider = v_event.provider and reference = p_reference for no key update;
  end if;

  if p_outcome = 'succeeded' then
    v_result := private.apply_money(v_event, v_payable, v_payment, v_attempt, p_reference, p_amount, p_currency, p_transaction_id);
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
comment on function private.apply_payment_event is 'Lock order: those of the payable, payment, attempt.';

-- Money has come. The rows are locked; those of payable, payment and attempt are null when the reference is not ours.
create function private.apply_money(
  p_event private.payment_events, p_payable public.payables, p_payment public.payments, p_attempt public.payment_attempts,
  p_reference text, p_amount bigint, p_currency text, p_transaction_id text
)
returns text
language plpgsql volatile set search_path = ''
as $$
declare
  v_told private.unmatched_money;
  v_booked public.payment_attempts;
  v_open boolean := coalesce(p_attempt.status <> 'succeeded' and p_payment.status in ('pending', 'processing', 'expired', 'cancelled'), false);
  v_fits boolean := coalesce(p_currency = p_attempt.currency and p_amount = p_attempt.amount, false);
  v_reason text;
begin
  if p_amount = 0 then
    return case when p_attempt.id is null then 'unknown_reference' else 'amount_mismatch' end;
  end if;
  -- Messages about one transaction run one after the other, whatever their ids and references. Only the locks of rows of
  -- unmatched money come after this one.
  perform pg_advisory_xact_lock(hashtextextended('transaction:' || p_event.provider || ':' || p_transaction_id, 0));
  -- the provider has reported this transaction before
  select * into v_told from private.unmatched_money
  where provider = p_event.provider and transaction_id = p_transaction_id
    and settlement is distinct from 'void' and reason <> 'overpaid'
  for no key update;
  if found then
    if v_told.reason = 'unknown_reference' and v_told.status = 'open' and p_attempt.id is not null
       and v_told.amount = p_amount and v_told.currency = p_currency then
      -- nobody knew whose it is, and now its attempt does
      null;
    elsif v_told.amount = p_amount and v_told.currency = p_currency then
      return 'duplicate';
    elsif v_told.status <> 'open' or not v_open or not v_fits then
      return private.flag_for_review(p_event.id, 'another sum was reported for this transaction', 'amount_mismatch');
    end if;
    -- otherwise the provider corrects itself
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

  if v_open and p_currency = p_attempt.currency
     and (v_fits or exists (select from private.payment_providers r where r.provider = p_event.provider and r.in_parts)) then
    -- what is enough by itself takes no parts, so that its rail can give back all of it
    if p_amount >= p_payment.amount then
      return private.apply_success(p_payable, p_payment, p_attempt, p_event, p_transaction_id, p_amount, '{}');
    end if;
    return private.apply_part(p_payable, p_payment, p_attempt, p_event, p_transaction_id, p_amount);
  end if;
  v_reason := case
    when p_attempt.id is null then 'unknown_reference'
    when p_currency <> p_attempt.currency then 'currency_mismatch'
    when not v_open then 'paid_twice'
    else 'amount_mismatch'
  end;
  perform private.keep_unmatched(p_event, p_attempt, p_payment.payer_id, p_reference, p_transaction_id, p_amount, p_currency, v_reason);
  return case v_reason when 'unknown_reference' then 'unknown_reference' when 'paid_twice' then 'unmatched' else 'amount_mismatch' end;
end
$$;

-- Less than the payment has come. With the parts before, of whatever attempts and rails, it may be the whole amount.
create function private.apply_part(
  p_payable public.payables, p_payment public.payments, p_attempt public.payment_attempts, p_event private.payment_events,
  p_transaction_id text, p_amount bigint
)
returns text
language plpgsql volatile set search_path = ''
as $$
declare
  v_open boolean := p_payment.status in ('pending', 'processing');
  v_end text;
  v_parts uuid[];
  v_received bigint;
begin
  -- parts must be complete in time, whether or not the job has run; and nobody is asked for the rest of what the whole
  -- sum would not buy
  if v_open then
    v_end := case when p_payment.expires_at <= now() then 'deadline' else private.payable_problem(p_payable.id) end;
  end if;
  if v_end is not null then
    -- the notification of the end says why by this cause
    perform private.set_audit_context(v_end);
    perform private.close_payment(p_payable.id, 'expired');
    perform private.expire_payable(p_payable);
    perform private.set_audit_context('provider:' || p_event.provider);
    v_open := false;
  end if;
  if v_open then
    -- locked, because an admin may be settling them
    select coalesce(array_agg(s.id), '{}'), coalesce(sum(s.amount), 0) + p_amount into v_parts, v_received
    from (
      select u.id, u.amount
      from public.payment_attempts a
      join private.unmatched_money u on u.attempt_id = a.id and u.status = 'open' and u.reason = 'underpaid'
      where a.payment_id = p_payment.id
      order by u.id
      for no key update of u
    ) s;
    if v_received >= p_payment.amount then
      return private.apply_success(p_payable, p_payment, p_attempt, p_event, p_transaction_id, p_amount, v_parts);
    end if;
  end if;
  perform private.keep_unmatched(p_event, p_attempt, p_payment.payer_id, p_attempt.reference, p_transaction_id, p_amount, p_payment.currency, 'underpaid');
  -- nobody is asked for the rest of what is over
  if v_open then
    perform private.notify(p_payment.payer_id,
      case when p_attempt.details ? 'transfer' then 'payment_part_by_transfer' else 'payment_part_received' end,
      private.payable_data(p_payable) || jsonb_build_object(
        'payment_id', p_payment.id,
        'amount', private.money_value(p_amount, p_payment.currency),
        'received', private.money_value(v_received, p_payment.currency),
        'missing', private.money_value(p_payment.amount - v_received, p_payment.currency),
        'deadline', private.time_value(p_payment.expires_at, (select p.time_zone from public.profiles p where p.id = p_payment.payer_id)),
        'account_number', p_attempt.details #>> '{transfer,account_number}',
        'account_name', p_attempt.details #>> '{transfer,account_name}',
        'message', p_attempt.details #>> '{transfer,message}'),
      p_event.id::text);
  end if;
  return 'part_received';
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
  v_id uuid := gen_random_uuid();
begin
  -- first, because a part may be ordered back as soon as its row is there
  perform private.post_ledger('unmatched_received', v_id::text, p_currency, null, array[
    ('clearing', p_event.provider, p_amount)::private.ledger_line,
    ('unmatched', v_id::text, -p_amount)::private.ledger_line
  ]);
  insert into private.unmatched_money (id, event_id, provider, reference, transaction_id, amount, currency, reason, attempt_id, payer_id)
  values (v_id, p_event.id, p_event.provider, p_reference, p_transaction_id, p_amount, p_currency, p_reason, p_attempt.id, p_payer_id);
  -- the payer of a part is told what is missing, or that it goes back
  if p_payer_id is not null and p_reason <> 'underpaid' then
    perform private.notify(p_payer_id, 'payment_unmatched',
      jsonb_build_object('amount', private.money_value(p_amount, p_currency)), v_id::text);
  end if;
end
$$;

-- The whole amount has come: p_received by the transaction of p_event, the rest before, as rows of unmatched money (p_parts).
-- The owner of the payable says whether it can still be had. What is overpaid becomes such a row. All rows are locked.
create function private.apply_success(
  p_payable public.payables, p_payment public.payments, p_attempt public.payment_attempts, p_event private.payment_events,
  p_transaction_id text, p_received bigint, p_parts uuid[]
)
returns text
language plpgsql volatile set search_path = ''
as $$
declare
  v_kept boolean := private.settle_payable(p_payable);
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
    perform private.notify(p_payment.payer_id, 'payment_surplus',
      private.payable_data(p_payable) || jsonb_build_object('amount', private.money_value(v_over, p_payment.currency)), v_over_id::text);
  end if;
  update public.payment_attempts
  set status = 'succeeded', provider_transaction_id = p_transaction_id, transaction_amount = p_received, failure_code = null, checked_at = now(),
      recheck_at = case when exists (select from private.payment_providers r where r.provider = p_attempt.provider and r.in_parts)
        then greatest(expires_at, now()) end
  where id = p_attempt.id;
  update public.payments
  set status = 'succeeded', succeeded_at = now(), settlement = case when v_kept then 'kept' else 'gone' end
  where id = p_payment.id;
  -- other attempts are ended where the provider allows it; money that still comes through them is unmatched
  perform private.cancel_attempts(p_payment.id, p_attempt.id);
  if v_kept then
    perform private.post_ledger('payment_received', p_payment.id::text, p_payment.currency, p_payable.id, v_lines || p_payable.split);
    return 'applied';
  end if;
  -- too late, or cancelled: everything goes back, and the refund notifies the payer
  perform private.post_ledger('late_payment_received', p_payment.id::text, p_payment.currency, p_payable.id, v_lines ||
    ('refund_payable', p_payable.id::text, -p_payment.amount)::private.ledger_line);
  return 'refunded_late';
end
$$;

create function public.apply_payment_event(
  event_id bigint, reference text, outcome text, amount bigint, currency text, transaction_id text, failure_code text default null
)
returns text
language sql volatile set search_path = ''
as $$ select private.apply_payment_event(event_id, reference, outcome, amount, currency, transaction_id, failure_code) $$;
comment on function public.apply_payment_event is 'Applies a stored, verified message of a provider to its payment. `outcome` is succeeded, failed or pending, and the amount is in minor units. Answers applied, part_received (a part: the rest is missing, or the payment is over and the part goes back), duplicate, unknown_reference, amount_mismatch, unmatched, refunded_late or ignored. Service only. Errors: not_found, invalid_input.';
select private.expose('apply_payment_event(bigint, text, text, bigint, text, text, text)', 'service_role');

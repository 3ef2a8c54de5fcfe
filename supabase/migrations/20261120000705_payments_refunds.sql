-- Payments: money on its way back.
-- Rule kept here: a refund is ordered in the transaction that decides it and leaves through the outbox; what is
-- owed stays in the ledger until it has been paid; rails that cannot give back are replaced by a bank transfer.
-- Left out on purpose: asking providers, which function `outbox` does; it reports here.

-- Sends a refund on its way, or lets it wait for an account to send it to, or for the end of an admin's claim of it
-- (payments_by_hand).
create function private.send_refund(p_refund_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_refund public.refunds;
  v_account public.bank_accounts;
begin
  select * into strict v_refund from public.refunds where id = p_refund_id;
  if v_refund.method = 'bank_transfer' then
    -- before or after a change of account, never during one (as set_bank_account locks)
    perform 1 from public.profiles where id = v_refund.payer_id for share;
    select * into v_account from public.bank_accounts where user_id = v_refund.payer_id and removed_at is null;
    if not found then
      if v_refund.payer_id is not null then
        perform private.notify(v_refund.payer_id, 'refund_needs_account',
          jsonb_build_object('amount', private.format_money(v_refund.amount, v_refund.currency)), 'refund_needs_account:' || p_refund_id);
      end if;
      return;
    end if;
    update public.refunds set bank_account_id = v_account.id, status = 'pending' where id = p_refund_id;
    if v_refund.provider = 'manual' then
      return;
    end if;
  end if;
  perform private.enqueue('refund', jsonb_build_object('refund_id', p_refund_id, 'provider', v_refund.provider),
    p_refund_id || ':' || extract(epoch from v_refund.ordered_at), greatest(now(), v_account.usable_from, (private.manual_claim(p_refund_id)).expires_at));
end
$$;

-- Who sends our bank transfers: a provider, or an admin by hand.
create function private.transfer_provider()
returns text
language sql stable set search_path = ''
as $$ select private.setting('payout_provider') #>> '{}' $$;

-- The rail that can give back what came by an attempt, or as unmatched money; null when only a transfer can. A rail
-- reverses a transaction it knows under a reference of ours: neither what was over, which is part of one, nor what an
-- admin put together of unmatched money.
create function private.rail_to_refund(p_attempt_id uuid, p_unmatched_id uuid)
returns text
language sql stable set search_path = ''
as $$
  select r.provider
  from public.payment_attempts a
  join public.payments p on p.id = a.payment_id
  left join private.unmatched_money u on u.id = p_unmatched_id
  join private.payment_providers r on r.provider = a.provider and r.refunds_by = 'provider'
  where a.id = p_attempt_id
    and case when u.id is null then a.transaction_amount >= p.amount else u.attempt_id = a.id and u.reason <> 'overpaid' end
$$;

create function private.order_refund(p_booking public.bookings, p_kind text, p_amount bigint, p_reason text default null)
returns public.refunds
language plpgsql volatile set search_path = ''
as $$
declare
  v_attempt public.payment_attempts;
  v_payment public.payments;
  v_rail text;
  v_refund public.refunds;
begin
  if p_amount <= 0 then
    return null;
  end if;
  select * into strict v_payment from public.payments where booking_id = p_booking.id;
  select * into strict v_attempt from public.payment_attempts where payment_id = v_payment.id and status = 'succeeded';
  v_rail := private.rail_to_refund(v_attempt.id, null);
  insert into public.refunds (payer_id, payment_id, attempt_id, booking_id, kind, amount, currency, method, provider, reason, status)
  values (v_payment.payer_id, v_payment.id, v_attempt.id, p_booking.id, p_kind, p_amount, v_payment.currency,
    case when v_rail is null then 'bank_transfer' else 'provider' end, coalesce(v_rail, private.transfer_provider()), left(p_reason, 500),
    case when v_rail is null then 'awaiting_account' else 'pending' end)
  returning * into v_refund;
  perform private.send_refund(v_refund.id);
  return v_refund;
end
$$;

-- The payer has named an account: what waited for one goes there.
create function private.resume_refunds(p_user_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_refund_id uuid;
begin
  -- locked: an admin may be sending it another way
  for v_refund_id in
    select id from public.refunds where payer_id = p_user_id and status = 'awaiting_account' order by created_at, id for no key update
  loop
    perform private.send_refund(v_refund_id);
  end loop;
end
$$;

-- The payer's account was changed or removed: what has not left yet waits for the new one, and for its first day.
create function private.recall_refunds(p_user_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.refunds
  set status = 'awaiting_account', bank_account_id = null, ordered_at = clock_timestamp()
  where payer_id = p_user_id and method = 'bank_transfer' and status = 'pending';
end
$$;

create index refunds_payer_idx on public.refunds (payer_id, created_at desc, id desc);

-- A refund as both sides may see it; why an admin gave it is for admins.
create function private.refund_view(p_refund_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'id', r.id, 'payment_id', r.payment_id, 'booking_id', r.booking_id, 'kind', r.kind, 'amount', r.amount, 'currency', r.currency,
    'status', r.status, 'method', r.method, 'provider', r.provider, 'provider_refund_id', r.provider_refund_id,
    'failure_code', r.failure_code, 'created_at', r.created_at, 'completed_at', r.completed_at)
  from public.refunds r
  where r.id = p_refund_id
$$;
grant execute on function private.refund_view(uuid) to authenticated;

create function private.refund_to_send(p_refund_id uuid)
returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object(
    'refund', to_jsonb(r) || jsonb_build_object(
      'reference', coalesce(a.reference, u.reference), 'paid_amount', coalesce(u.amount, a.transaction_amount, p.amount),
      'provider_transaction_id', coalesce(u.transaction_id, a.provider_transaction_id),
      -- an older row of the outbox must not send to an account in its first day
      'status', case when r.status = 'pending' and b.usable_from > now() then 'awaiting_account' else r.status end),
    'attempt', to_jsonb(a), 'payment', to_jsonb(p),
    -- A provider that is asked about one may answer with another of the same payment (VNPay tells of the latest): so
    -- they go one after the other, and what was given to others is known.
    'waits', exists (
      select from public.refunds o
      where o.attempt_id = r.attempt_id and o.id <> r.id and o.method = 'provider' and o.status in ('pending', 'processing')
        and (o.ordered_at, o.id) < (r.ordered_at, r.id)
    ),
    'other_refund_ids', (
      select coalesce(jsonb_agg(o.provider_refund_id), '[]') from public.refunds o
      where o.attempt_id = r.attempt_id and o.id <> r.id and o.provider_refund_id is not null
    ),
    'account', case when r.method = 'bank_transfer' and b.id is not null then jsonb_build_object(
      'bank_bin', b.bank_bin, 'account_number', private.bank_account_number(b.id), 'account_name', b.holder_name) end)
  from public.refunds r
  left join public.payment_attempts a on a.id = r.attempt_id
  left join public.payments p on p.id = r.payment_id
  left join private.unmatched_money u on u.id = r.unmatched_id
  left join public.bank_accounts b on b.id = r.bank_account_id
  where r.id = p_refund_id
$$;
create function public.refund_to_send(refund_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$ select private.refund_to_send(refund_id) $$;
comment on function public.refund_to_send is 'A refund with what it gives back, {refund, attempt, payment, waits, other_refund_ids, account}: waits while an earlier refund of the same payment is with its provider; account is where a bank transfer goes. Service only.';
select private.expose('refund_to_send(uuid)', 'service_role');

-- Reserves a transfer for being sent now, as it was when it was read: from then on no other worker sends it, no
-- change of account moves it, and no admin records one made by hand.
create function private.claim_refund(p_refund_id uuid, p_ordered_at timestamptz)
returns boolean
language plpgsql volatile security definer set search_path = ''
as $$
begin
  update public.refunds r set status = 'processing'
  from public.bank_accounts a
  where r.id = p_refund_id and r.ordered_at = p_ordered_at and r.status = 'pending' and r.method = 'bank_transfer'
    and a.id = r.bank_account_id and a.usable_from <= now() and a.removed_at is null;
  if not found then
    return false;
  end if;
  -- undoes it: it stays in the outbox, for when the claim is over
  perform private.require_unclaimed(p_refund_id);
  return true;
end
$$;
create function public.claim_refund(refund_id uuid, ordered_at timestamptz)
returns boolean
language sql volatile set search_path = ''
as $$ select private.claim_refund(refund_id, ordered_at) $$;
comment on function public.claim_refund is 'Reserves a refund by bank transfer for being sent now; false when it is no longer as refund_to_send said. Service only. Errors: transfer_claimed.';
select private.expose('claim_refund(uuid, timestamptz)', 'service_role');

-- The refund, or nothing, and all it moves: the order of all locks here is booking, payment, refund.
create function private.lock_refund(p_refund_id uuid)
returns public.refunds
language plpgsql volatile set search_path = ''
as $$
declare
  v_refund public.refunds;
begin
  select * into v_refund from public.refunds where id = p_refund_id;
  perform 1 from public.bookings where id = v_refund.booking_id for no key update;
  perform 1 from public.payments where id = v_refund.payment_id for no key update;
  select * into v_refund from public.refunds where id = p_refund_id for no key update;
  return v_refund;
end
$$;

create function private.record_refund_result(
  p_refund_id uuid, p_outcome text, p_provider_refund_id text, p_failure_code text, p_ordered_at timestamptz default null
)
returns public.refunds
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_refund public.refunds;
begin
  v_refund := private.lock_refund(p_refund_id);
  if v_refund.id is null then
    perform private.fail('refund_not_found');
  end if;
  -- an earlier order, given up since: its answer says nothing of this one
  if p_ordered_at < v_refund.ordered_at then
    if p_outcome = 'succeeded' then
      perform private.flag_for_review(v_refund.provider, 'refund_paid_before:' || v_refund.id || ':' || p_ordered_at, coalesce(p_provider_refund_id, v_refund.id::text),
        'refund ' || v_refund.id || ' was paid by an order that was given up, as ' || coalesce(p_provider_refund_id, 'nobody knows'));
    end if;
    return v_refund;
  end if;
  if v_refund.status = 'succeeded' then
    -- under way or paid under another name is a second payment
    if p_outcome in ('succeeded', 'processing') and (v_refund.provider = 'manual' or p_provider_refund_id <> v_refund.provider_refund_id) then
      perform private.flag_for_review(v_refund.provider, 'refund_paid_twice:' || v_refund.id, coalesce(p_provider_refund_id, v_refund.id::text),
        'refund ' || v_refund.id || ' was paid already, by ' || v_refund.provider || ' ' || coalesce(v_refund.provider_refund_id, ''));
    end if;
    return v_refund;
  end if;
  perform private.set_audit_context('provider:' || v_refund.provider);
  case p_outcome
    when 'succeeded' then
      update public.refunds
      set status = 'succeeded', provider_refund_id = coalesce(p_provider_refund_id, provider_refund_id), failure_code = null, completed_at = now()
      where id = p_refund_id;
      delete from private.manual_claims where subject_id = p_refund_id;
      update public.payments
      set refunded_amount = refunded_amount + v_refund.amount,
          status = case when refunded_amount + v_refund.amount = amount then 'refunded' else 'partially_refunded' end
      where id = v_refund.payment_id;
      perform private.post_ledger('refund_paid', v_refund.id::text, v_refund.currency, v_refund.booking_id, array[
        ('refund_payable', coalesce(v_refund.booking_id, v_refund.unmatched_id)::text, v_refund.amount)::private.ledger_line,
        ('clearing', v_refund.provider, -v_refund.amount)::private.ledger_line
      ]);
      if v_refund.booking_id is not null then
        perform private.notify_renter(v_refund.booking_id, 'refund_paid',
          jsonb_build_object('amount', private.format_money(v_refund.amount, v_refund.currency), 'kind', v_refund.kind), v_refund.id::text);
      elsif v_refund.payer_id is not null then
        perform private.notify(v_refund.payer_id, 'unmatched_returned',
          jsonb_build_object('amount', private.format_money(v_refund.amount, v_refund.currency)), 'unmatched_returned:' || v_refund.id);
      end if;
    when 'processing' then
      update public.refunds
      set status = 'processing', provider_refund_id = coalesce(p_provider_refund_id, provider_refund_id)
      where id = p_refund_id and status in ('pending', 'processing');
    when 'failed' then
      update public.refunds set status = 'failed', failure_code = p_failure_code
      where id = p_refund_id and status in ('pending', 'processing');
    else
      perform private.fail_input('outcome', 'must be succeeded, processing or failed');
  end case;
  select * into v_refund from public.refunds where id = p_refund_id;
  return v_refund;
end
$$;
create function public.record_refund_result(
  refund_id uuid, outcome text, provider_refund_id text default null, failure_code text default null, ordered_at timestamptz default null
)
returns public.refunds
language sql volatile set search_path = ''
as $$ select private.record_refund_result(refund_id, outcome, provider_refund_id, failure_code, ordered_at) $$;
comment on function public.record_refund_result is 'What the provider said of a refund: succeeded, processing or failed. Succeeded is final. The answer to an earlier order, by its `ordered_at`, changes nothing; a payment by it is shown to an admin. Service only. Errors: refund_not_found.';
select private.expose('record_refund_result(uuid, text, text, text, timestamptz)', 'service_role');

-- News of a refund that the provider sends by itself.
create function private.apply_refund_event(
  p_event_id bigint, p_provider_refund_id text, p_transaction_id text, p_outcome text, p_amount bigint, p_currency text, p_failure_code text
)
returns text
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_event private.payment_events;
  v_found uuid[];
  v_before text;
  v_after text;
  v_result text;
begin
  select * into v_event from private.payment_events where id = p_event_id and verified for update;
  if not found then
    perform private.fail('not_found');
  end if;
  if v_event.outcome is not null then
    return case v_event.outcome when 'recorded' then 'duplicate' else v_event.outcome end;
  end if;
  -- by its id there, or, when the news is faster than the answer that gives the id, by what it must be
  select array_agg(r.id) into v_found
  from public.refunds r
  where r.provider = v_event.provider and r.provider_refund_id = p_provider_refund_id
    and r.amount = p_amount and r.currency = p_currency;
  if v_found is null then
    select array_agg(r.id) into v_found
    from public.refunds r
    join public.payment_attempts a on a.id = r.attempt_id
    left join private.unmatched_money u on u.id = r.unmatched_id
    where r.provider = v_event.provider and r.provider_refund_id is null and r.status in ('pending', 'processing')
      and coalesce(u.transaction_id, a.provider_transaction_id) = p_transaction_id and r.amount = p_amount and r.currency = p_currency;
  end if;
  if cardinality(v_found) = 1 then
    select status into v_before from public.refunds where id = v_found[1];
    select status into v_after from private.record_refund_result(v_found[1], p_outcome, p_provider_refund_id, p_failure_code);
    if v_before = 'succeeded' and p_outcome = 'failed' then
      v_result := private.flag_for_review(p_event_id, 'refund ' || v_found[1] || ' was paid, and has come back', 'needs_review');
    else
      v_result := case when v_before = v_after then 'duplicate' else 'recorded' end;
    end if;
  else
    v_result := private.flag_for_review(p_event_id, 'a refund we did not order', 'needs_review');
  end if;
  update private.payment_events set outcome = coalesce(outcome, 'recorded'), applied_at = now() where id = p_event_id;
  return v_result;
end
$$;
create function public.apply_refund_event(
  event_id bigint, provider_refund_id text, transaction_id text, outcome text, amount bigint, currency text, failure_code text default null
)
returns text
language sql volatile set search_path = ''
as $$ select private.apply_refund_event(event_id, provider_refund_id, transaction_id, outcome, amount, currency, failure_code) $$;
comment on function public.apply_refund_event is 'Applies a stored, verified message about a refund: recorded, duplicate, or needs_review when it is none of ours. Service only.';
select private.expose('apply_refund_event(bigint, text, text, text, bigint, text, text)', 'service_role');

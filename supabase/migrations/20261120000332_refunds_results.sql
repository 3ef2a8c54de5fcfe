-- Refunds: what providers said about them.
-- Rule kept here: what was paid is final, and a second payment of one refund is shown to an admin.
-- Left out on purpose: asking providers, which function `outbox` does; it reports here.

-- Locks the refund and all that it changes, in the order payable, payment, refund. Answers the refund, or nothing.
create function private.lock_refund(p_refund_id uuid)
returns public.refunds
language plpgsql volatile set search_path = ''
as $$
declare
  v_refund public.refunds;
begin
  select * into v_refund from public.refunds where id = p_refund_id;
  if v_refund.payable_id is not null then
    perform private.lock_payable(v_refund.payable_id);
  end if;
  perform 1 from public.payments where id = v_refund.payment_id for no key update;
  select * into v_refund from public.refunds where id = p_refund_id for no key update;
  return v_refund;
end
$$;

-- Where the money of a refund comes from: its rail, or money that the payer has taken back already (module reversals).
create function private.refund_source(p_refund public.refunds)
returns private.ledger_line
language plpgsql immutable set search_path = ''
as $$
begin
  if p_refund.provider = 'reversal' then
    return ('reversal', p_refund.payment_id::text, -p_refund.amount)::private.ledger_line;
  end if;
  return ('clearing', p_refund.provider, -p_refund.amount)::private.ledger_line;
end
$$;

-- The payer has the money. The caller holds the locks of private.lock_refund().
create function private.complete_refund(p_refund public.refunds, p_provider_refund_id text)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.refunds
  set status = 'succeeded', provider_refund_id = coalesce(p_provider_refund_id, provider_refund_id), failure_code = null, completed_at = now()
  where id = p_refund.id;
  delete from private.manual_claims where subject_id = p_refund.id;
  update public.payments
  set refunded_amount = refunded_amount + p_refund.amount,
      status = case when refunded_amount + p_refund.amount = amount then 'refunded' else 'partially_refunded' end
  where id = p_refund.payment_id;
  perform private.post_ledger('refund_paid', p_refund.id::text, p_refund.currency, p_refund.payable_id, array[
    ('refund_payable', coalesce(p_refund.payable_id, p_refund.unmatched_id)::text, p_refund.amount)::private.ledger_line,
    private.refund_source(p_refund)
  ]);
  if p_refund.payable_id is not null then
    perform private.tell_refunded(p_refund.payable_id, p_refund.id);
  end if;
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
  -- an earlier order that was given up: its answer says nothing about this one
  if p_ordered_at < v_refund.ordered_at then
    if p_outcome = 'succeeded' then
      perform private.flag_for_review(v_refund.provider, 'refund_paid_before:' || v_refund.id || ':' || p_ordered_at, coalesce(p_provider_refund_id, v_refund.id::text),
        'refund ' || v_refund.id || ' was paid by an order that was given up, as ' || coalesce(p_provider_refund_id, 'nobody knows'));
    end if;
    return v_refund;
  end if;
  if v_refund.status = 'succeeded' then
    -- a success with another id is a second payment
    if p_outcome in ('succeeded', 'processing') and (v_refund.provider = 'manual' or p_provider_refund_id <> v_refund.provider_refund_id) then
      perform private.flag_for_review(v_refund.provider, 'refund_paid_twice:' || v_refund.id, coalesce(p_provider_refund_id, v_refund.id::text),
        'refund ' || v_refund.id || ' was paid already, by ' || v_refund.provider || ' ' || coalesce(v_refund.provider_refund_id, ''));
    end if;
    return v_refund;
  end if;
  perform private.set_audit_context('provider:' || v_refund.provider);
  case p_outcome
    when 'succeeded' then
      perform private.complete_refund(v_refund, p_provider_refund_id);
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
comment on function public.record_refund_result is 'Records what the provider said about a refund: succeeded, processing or failed. Succeeded is final. `ordered_at` says which order the answer is for: an answer to an earlier order changes nothing, but when it reports a payment, an admin is shown it. Service only. Errors: refund_not_found, invalid_input.';
select private.expose('record_refund_result(uuid, text, text, text, timestamptz)', 'service_role');

-- A message about a refund that the provider sends without being asked.
create function private.apply_refund_event(
  p_event_id bigint, p_provider_refund_id text, p_transaction_id text, p_outcome text, p_amount bigint, p_currency text, p_failure_code text,
  p_request_key text
)
returns text
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_event private.payment_events;
  v_found uuid[];
  v_order text;
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
  -- Found by the key of our order, where the provider repeats it: only that tells one order of a refund from the next.
  -- Otherwise by the provider's id; when the message comes before the answer that gives that id, by what else is known.
  select array_agg(r.id), min(r.id || ':' || (to_jsonb(r.ordered_at) #>> '{}')) into v_found, v_order
  from public.refunds r
  where r.provider = v_event.provider and r.id::text = split_part(p_request_key, ':', 1)
    and r.amount = p_amount and r.currency = p_currency;
  if v_found is null then
    select array_agg(r.id) into v_found
    from public.refunds r
    where r.provider = v_event.provider and r.provider_refund_id = p_provider_refund_id
      and r.amount = p_amount and r.currency = p_currency;
  end if;
  if v_found is null then
    select array_agg(r.id) into v_found
    from public.refunds r
    join public.payment_attempts a on a.id = r.attempt_id
    left join private.unmatched_money u on u.id = r.unmatched_id
    where r.provider = v_event.provider and r.provider_refund_id is null and r.status in ('pending', 'processing')
      and coalesce(u.transaction_id, a.provider_transaction_id) = p_transaction_id and r.amount = p_amount and r.currency = p_currency;
  end if;
  if p_request_key <> v_order and p_outcome <> 'succeeded' then
    -- how an earlier order stands says nothing about the one of now; only its success does
    v_result := 'duplicate';
  elsif cardinality(v_found) = 1 then
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
  event_id bigint, provider_refund_id text, transaction_id text, outcome text, amount bigint, currency text,
  failure_code text default null, request_key text default null
)
returns text
language sql volatile set search_path = ''
as $$ select private.apply_refund_event(event_id, provider_refund_id, transaction_id, outcome, amount, currency, failure_code, request_key) $$;
comment on function public.apply_refund_event is 'Applies a stored, verified message about a refund. `request_key` is the key of our order, when the provider repeats it. Answers recorded, duplicate, or needs_review when the refund is not ours. Service only. Errors: not_found, refund_not_found, invalid_input.';
select private.expose('apply_refund_event(bigint, text, text, text, bigint, text, text, text)', 'service_role');

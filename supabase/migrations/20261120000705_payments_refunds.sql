-- Payments: money on its way back.
-- Rule kept here: a refund is ordered in the transaction that decides it and leaves through the outbox; what is
-- owed stays in the ledger until it has been paid; rails that cannot give back are replaced by a bank transfer.
-- Left out on purpose: asking providers, which function `outbox` does; it reports here.

-- Sends a refund on its way, or lets it wait for an account to send it to.
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
    p_refund_id || ':' || extract(epoch from v_refund.ordered_at), greatest(now(), coalesce(v_account.usable_from, now())));
end
$$;

-- Who sends our bank transfers: a provider, or an admin by hand.
create function private.transfer_provider()
returns text
language sql stable set search_path = ''
as $$ select private.setting('payout_provider') #>> '{}' $$;

-- Who gives back what came in by a rail: the rail itself, or a transfer.
create function private.refund_method(p_provider text)
returns text
language sql stable set search_path = ''
as $$
  select case refunds_by when 'provider' then 'provider' else 'bank_transfer' end
  from private.payment_providers where provider = p_provider
$$;

create function private.order_refund(p_booking public.bookings, p_kind text, p_amount bigint, p_reason text default null)
returns public.refunds
language plpgsql volatile set search_path = ''
as $$
declare
  v_attempt public.payment_attempts;
  v_payment public.payments;
  v_method text;
  v_refund public.refunds;
begin
  if p_amount <= 0 then
    return null;
  end if;
  select * into strict v_payment from public.payments where booking_id = p_booking.id;
  select * into strict v_attempt from public.payment_attempts where payment_id = v_payment.id and status = 'succeeded';
  -- what an admin put together of unmatched money was no transaction of this attempt that a rail could reverse
  v_method := case when v_attempt.transaction_amount >= v_payment.amount then private.refund_method(v_attempt.provider) else 'bank_transfer' end;
  insert into public.refunds (payer_id, payment_id, attempt_id, booking_id, kind, amount, currency, method, provider, reason, status)
  values (v_payment.payer_id, v_payment.id, v_attempt.id, p_booking.id, p_kind, p_amount, v_payment.currency, v_method,
    case v_method when 'provider' then v_attempt.provider else private.transfer_provider() end, left(p_reason, 500),
    case v_method when 'provider' then 'pending' else 'awaiting_account' end)
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
begin
  perform private.send_refund(r.id) from public.refunds r
  where r.payer_id = p_user_id and r.status = 'awaiting_account'
  order by r.created_at;
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
  return found;
end
$$;
create function public.claim_refund(refund_id uuid, ordered_at timestamptz)
returns boolean
language sql volatile set search_path = ''
as $$ select private.claim_refund(refund_id, ordered_at) $$;
comment on function public.claim_refund is 'Reserves a refund by bank transfer for being sent now; false when it is no longer as refund_to_send said. Service only.';
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

create function private.record_refund_result(p_refund_id uuid, p_outcome text, p_provider_refund_id text, p_failure_code text)
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
  if v_refund.status = 'succeeded' then
    -- a second success under another name is a second payment
    if p_outcome = 'succeeded' and (v_refund.provider = 'manual' or p_provider_refund_id <> v_refund.provider_refund_id) then
      perform private.raise_attention(v_refund.provider, 'refund_paid_twice:' || v_refund.id, coalesce(p_provider_refund_id, v_refund.id::text),
        'refund ' || v_refund.id || ' was paid already, by ' || v_refund.provider || ' ' || coalesce(v_refund.provider_refund_id, ''));
    end if;
    return v_refund;
  end if;
  perform private.because('provider:' || v_refund.provider);
  case p_outcome
    when 'succeeded' then
      update public.refunds
      set status = 'succeeded', provider_refund_id = coalesce(p_provider_refund_id, provider_refund_id), failure_code = null, completed_at = now()
      where id = p_refund_id;
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
create function public.record_refund_result(refund_id uuid, outcome text, provider_refund_id text default null, failure_code text default null)
returns public.refunds
language sql volatile set search_path = ''
as $$ select private.record_refund_result(refund_id, outcome, provider_refund_id, failure_code) $$;
comment on function public.record_refund_result is 'What the provider said of a refund: succeeded, processing or failed. Succeeded is final. Service only. Errors: refund_not_found.';
select private.expose('record_refund_result(uuid, text, text, text)', 'service_role');

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
      v_result := private.contradict(p_event_id, 'refund ' || v_found[1] || ' was paid, and has come back', 'attention');
    else
      v_result := case when v_before = v_after then 'duplicate' else 'recorded' end;
    end if;
  else
    v_result := private.contradict(p_event_id, 'a refund we did not order', 'attention');
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
comment on function public.apply_refund_event is 'Applies a stored, verified message about a refund: recorded, duplicate, or attention when it is none of ours. Service only.';
select private.expose('apply_refund_event(bigint, text, text, text, bigint, text, text)', 'service_role');

-- A row of the outbox that was given up is performed again: the same order, which is asked about before it is sent.
create function private.wake_dead(p_topic text, p_order text)
returns boolean
language plpgsql volatile set search_path = ''
as $$
begin
  update private.outbox set status = 'pending', attempts = 1, available_at = now(), finished_at = null
  where status = 'dead' and topic = p_topic and starts_with(dedupe_key, p_order || ':');
  return found;
end
$$;

-- A refund that is not there, or not where a command finds it.
create function private.require_refund_status(p_refund public.refunds, p_to text, variadic p_from text[])
returns void
language plpgsql stable set search_path = ''
as $$
begin
  if p_refund.id is null then
    perform private.fail('refund_not_found');
  elsif p_refund.status <> all (p_from) then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'refund', 'from', p_refund.status, 'to', p_to));
  end if;
end
$$;

create function private.retry_refund(p_refund_id uuid, p_method text)
returns public.refunds
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_refund public.refunds;
begin
  perform private.require_admin();
  perform private.because('admin');
  if p_method is not null and p_method not in ('provider', 'bank_transfer') then
    perform private.fail_input('method', 'must be provider or bank_transfer');
  end if;
  select * into v_refund from public.refunds where id = p_refund_id for no key update;
  if v_refund.status in ('pending', 'processing') and p_method is null and private.wake_dead('refund', p_refund_id::text) then
    return v_refund;
  end if;
  perform private.require_refund_status(v_refund, 'pending', 'failed');
  if p_method = 'provider' and v_refund.method <> 'provider' then
    perform private.fail_input('method', 'the rail of this payment cannot give money back');
  end if;
  if v_refund.method = 'provider' and p_method = 'bank_transfer' then
    update public.refunds set method = 'bank_transfer', provider = private.transfer_provider() where id = p_refund_id;
  end if;
  update public.refunds
  set failure_code = null, ordered_at = clock_timestamp(), bank_account_id = null, provider_refund_id = null,
      status = case method when 'provider' then 'pending' else 'awaiting_account' end
  where id = p_refund_id;
  perform private.send_refund(p_refund_id);
  select * into v_refund from public.refunds where id = p_refund_id;
  return v_refund;
end
$$;
create function public.retry_refund(refund_id uuid, method text default null)
returns public.refunds
language sql volatile set search_path = ''
as $$ select private.retry_refund(refund_id, method) $$;
comment on function public.retry_refund is 'Admin: sends a failed refund again, as before or, with method bank_transfer, to the payer''s bank account; one that was given up on its way goes on. Errors: forbidden, refund_not_found, illegal_transition, invalid_input.';
select private.expose('retry_refund(uuid, text)', 'authenticated');

create function private.record_manual_refund(p_refund_id uuid, p_bank_reference text)
returns public.refunds
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_refund public.refunds;
begin
  perform private.require_admin();
  if char_length(btrim(coalesce(p_bank_reference, ''))) not between 4 and 100 then
    perform private.fail_input('bank_reference', '4 to 100 characters');
  end if;
  v_refund := private.lock_refund(p_refund_id);
  if v_refund.status = 'succeeded' and v_refund.provider = 'manual' and v_refund.provider_refund_id = btrim(p_bank_reference) then
    return v_refund;
  end if;
  -- one that a provider works on would be paid twice
  if v_refund.method = 'provider' then
    perform private.require_refund_status(v_refund, 'succeeded', 'failed');
  else
    perform private.require_refund_status(v_refund, 'succeeded', 'awaiting_account', 'pending', 'failed');
  end if;
  perform private.because('admin');
  update public.refunds set provider = 'manual', method = 'bank_transfer', provider_refund_id = null where id = p_refund_id;
  return private.record_refund_result(p_refund_id, 'succeeded', btrim(p_bank_reference), null);
exception
  -- refunds_provider_id_once
  when unique_violation then
    perform private.fail_input('bank_reference', 'another refund was paid by this transfer');
    return null;
end
$$;
create function public.record_manual_refund(refund_id uuid, bank_reference text)
returns public.refunds
language sql volatile set search_path = ''
as $$ select private.record_manual_refund(refund_id, bank_reference) $$;
comment on function public.record_manual_refund is 'Admin: a refund has been paid by a transfer made by hand, with the bank''s reference (4–100 characters). Refused while a provider works on it. Errors: forbidden, refund_not_found, illegal_transition, invalid_input.';
select private.expose('record_manual_refund(uuid, text)', 'authenticated');

-- A provider, or whoever sends our transfers, has a refund and does not say how it ended: an admin does, from what its
-- own pages show.
create function private.settle_refund(p_refund_id uuid, p_outcome text, p_provider_refund_id text, p_note text)
returns public.refunds
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_refund public.refunds;
begin
  perform private.require_admin();
  if p_outcome is null or p_outcome not in ('succeeded', 'failed') then
    perform private.fail_input('outcome', 'must be succeeded or failed');
  end if;
  if char_length(btrim(coalesce(p_note, ''))) not between 3 and 500 then
    perform private.fail_input('note', '3 to 500 characters');
  end if;
  if p_outcome = 'succeeded' and char_length(btrim(coalesce(p_provider_refund_id, ''))) not between 1 and 100 then
    perform private.fail_input('provider_refund_id', '1 to 100 characters');
  end if;
  v_refund := private.lock_refund(p_refund_id);
  perform private.require_refund_status(v_refund, p_outcome, 'processing');
  perform private.record_event('refund.settled_by_admin', p_refund_id, jsonb_build_object('outcome', p_outcome, 'note', btrim(p_note)));
  return private.record_refund_result(p_refund_id, p_outcome, btrim(p_provider_refund_id), 'settled_by_admin');
exception
  -- refunds_provider_id_once
  when unique_violation then
    perform private.fail_input('provider_refund_id', 'another refund was paid under this number');
    return null;
end
$$;
create function public.settle_refund(refund_id uuid, outcome text, provider_refund_id text, note text)
returns public.refunds
language sql volatile set search_path = ''
as $$ select private.settle_refund(refund_id, outcome, provider_refund_id, note) $$;
comment on function public.settle_refund is 'Admin: how a refund ended that is under way (processing) and of which its provider does not speak: succeeded, with the provider''s number of it, or failed, after which it can be retried; note of 3–500 characters says how that is known. Errors: forbidden, refund_not_found, illegal_transition, invalid_input.';
select private.expose('settle_refund(uuid, text, text, text)', 'authenticated');

-- Goodwill: part of what was paid goes back out of the platform's own pocket, once the booking is over.
create function private.refund_payment(p_payment_id uuid, p_amount bigint, p_reason text, p_idempotency_key uuid)
returns public.refunds
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_stored jsonb;
  v_booking public.bookings;
  v_payment public.payments;
  v_refund public.refunds;
  v_refundable bigint;
begin
  perform private.require_admin();
  v_stored := private.begin_command('refund_payment', p_idempotency_key, jsonb_build_object('payment_id', p_payment_id, 'amount', p_amount, 'reason', p_reason));
  if v_stored is not null then
    select * into v_refund from public.refunds where id = (v_stored ->> 'id')::uuid;
    return v_refund;
  end if;
  if char_length(btrim(coalesce(p_reason, ''))) not between 3 and 500 then
    perform private.fail_input('reason', '3 to 500 characters');
  end if;
  if coalesce(p_amount, 0) < 1 then
    perform private.fail_input('amount', 'must be positive');
  end if;
  select b.* into v_booking from public.bookings b join public.payments p on p.booking_id = b.id
  where p.id = p_payment_id for no key update of b;
  if not found then
    perform private.fail('payment_not_found');
  end if;
  select * into v_payment from public.payments where id = p_payment_id for no key update;
  select case when v_booking.status in ('completed', 'cancelled', 'no_show') and v_payment.succeeded_at is not null
    then v_payment.amount - coalesce(sum(r.amount), 0) - case when v_booking.deposit_status = 'held' then v_booking.deposit_amount else 0 end
    else 0 end
  into v_refundable
  from public.refunds r where r.payment_id = p_payment_id;
  if p_amount > v_refundable then
    perform private.fail('payment_not_refundable', jsonb_build_object('refundable', greatest(v_refundable, 0), 'booking_status', v_booking.status));
  end if;
  perform private.because('admin', p_reason);
  v_refund := private.order_refund(v_booking, 'goodwill', p_amount, p_reason);
  perform private.post_ledger('goodwill_granted', v_refund.id::text, v_payment.currency, v_booking.id, array[
    ('platform_revenue', '', p_amount)::private.ledger_line,
    ('refund_payable', v_booking.id::text, -p_amount)::private.ledger_line
  ]);
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', v_refund.id));
  return v_refund;
end
$$;
create function public.refund_payment(payment_id uuid, amount bigint, reason text, idempotency_key uuid)
returns public.refunds
language sql volatile set search_path = ''
as $$ select private.refund_payment(payment_id, amount, reason, idempotency_key) $$;
comment on function public.refund_payment is 'Admin: gives back part of a payment out of the platform''s revenue, once its booking is over; at most what was paid less all refunds ordered and a deposit still held. Before that, cancel the booking. Errors: forbidden, payment_not_found, payment_not_refundable, invalid_input.';
select private.expose('refund_payment(uuid, bigint, text, uuid)', 'authenticated');

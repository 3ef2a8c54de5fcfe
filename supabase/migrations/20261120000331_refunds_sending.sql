-- Refunds: ordering them and sending them off.
-- Rule kept here: a refund is ordered in the transaction that decides it and leaves through the outbox; what is owed
-- stays in the ledger until it has been paid; rails that cannot give back are replaced by a bank transfer.
-- Left out on purpose: asking providers, which function `outbox` does.

-- Puts a refund into the outbox, or lets it wait for the payer's bank account or for the end of an admin's claim
-- (transfers_claims).
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
    -- the same lock as set_bank_account takes, so that the account does not change meanwhile
    perform 1 from public.profiles where id = v_refund.payer_id for share;
    select * into v_account from public.bank_accounts where user_id = v_refund.payer_id and removed_at is null;
    if not found then
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

-- The rail that can give back what came by an attempt, or as unmatched money; null when only a transfer can. A rail
-- reverses whole transactions with a reference of ours. It can reverse neither an overpaid part nor a payment that an
-- admin made up of unmatched money.
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

-- p_credit and p_credit_tax are the part of the amount, and its tax, that gives back something sold.
create function private.order_refund(
  p_payable_id uuid, p_kind text, p_amount bigint, p_credit bigint default 0, p_credit_tax bigint default 0, p_reason text default null
)
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
  select * into strict v_payment from public.payments where payable_id = p_payable_id;
  select * into strict v_attempt from public.payment_attempts where payment_id = v_payment.id and status = 'succeeded';
  v_rail := private.rail_to_refund(v_attempt.id, null);
  insert into public.refunds (
    payer_id, payment_id, attempt_id, payable_id, kind, amount, credit_amount, credit_tax_amount, currency, method, provider, reason, status
  ) values (
    v_payment.payer_id, v_payment.id, v_attempt.id, p_payable_id, p_kind, p_amount, p_credit, p_credit_tax, v_payment.currency,
    case when v_rail is null then 'bank_transfer' else 'provider' end, coalesce(v_rail, private.transfer_provider()), private.tidy_lines(left(p_reason, 500)),
    case when v_rail is null then 'awaiting_account' else 'pending' end
  )
  returning * into v_refund;
  perform private.send_refund(v_refund.id);
  return v_refund;
end
$$;

-- Gives back a whole payment, because what it was for is gone.
create function private.refund_late_payment()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.order_refund(new.payable_id, 'late_payment', new.amount);
  return null;
end
$$;
create trigger refund_late_payment after update of settlement on public.payments
  for each row when (new.settlement = 'gone' and old.settlement is null)
  execute function private.refund_late_payment();

-- The payer has named an account: refunds that waited for one go there.
create function private.resume_refunds()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_refund_id uuid;
begin
  -- locked: an admin may be sending it another way
  for v_refund_id in
    select id from public.refunds where payer_id = new.user_id and status = 'awaiting_account' order by created_at, id for no key update
  loop
    perform private.send_refund(v_refund_id);
  end loop;
  return null;
end
$$;
create trigger resume_refunds after insert on public.bank_accounts
  for each row execute function private.resume_refunds();

-- The payer's account was changed or removed: refunds not sent yet wait until the new one can be used.
create function private.recall_refunds()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  update public.refunds
  set status = 'awaiting_account', bank_account_id = null, ordered_at = clock_timestamp()
  where payer_id = new.user_id and method = 'bank_transfer' and status = 'pending';
  return null;
end
$$;
create trigger recall_refunds after update of removed_at on public.bank_accounts
  for each row when (old.removed_at is null and new.removed_at is not null)
  execute function private.recall_refunds();

create index refunds_payer_idx on public.refunds (payer_id, created_at desc, id desc);

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
    -- A provider that is asked about one refund may answer with another of the same payment (VNPay answers the latest).
    -- So they are sent one after the other, and the ids of the others are known.
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
comment on function public.refund_to_send is 'Answers a refund with what it gives back: {refund, attempt, payment, waits, other_refund_ids, account}. `waits` is true while an earlier refund of the same payment is with its provider. `account` is where a bank transfer goes. Service only.';
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
  -- undoes the reservation: the refund stays in the outbox until the claim ends
  perform private.require_unclaimed(p_refund_id);
  return true;
end
$$;
create function public.claim_refund(refund_id uuid, ordered_at timestamptz)
returns boolean
language sql volatile set search_path = ''
as $$ select private.claim_refund(refund_id, ordered_at) $$;
comment on function public.claim_refund is 'Reserves a bank-transfer refund that is about to be sent. Answers false when the refund has changed since refund_to_send answered it. Service only. Errors: transfer_claimed.';
select private.expose('claim_refund(uuid, timestamptz)', 'service_role');

select private.register_topic('refund', 'refund_id', 'provider');

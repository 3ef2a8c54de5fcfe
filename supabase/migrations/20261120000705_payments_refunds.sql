-- Payments: money on its way back.
-- Rule kept here: a refund is ordered in the transaction that decides it and leaves through the outbox;
-- what is owed stays in the ledger until the provider has paid it.
-- Left out on purpose: asking providers, which function `outbox` does; it reports here.

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

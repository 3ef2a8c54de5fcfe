-- Refunds: what admins do about refunds.
-- Rule kept here: money that may be on its way is not sent another way until its provider, or an admin who has looked,
-- has said that it is not; what was paid is final.
-- Left out on purpose: transfers by hand, which are in refunds_by_hand; a second admin's approval: every admin
-- may do all of this, and the log has who did.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('refund_repeated', 409, false, 'The same refund was ordered a moment ago. To refund again, give another reason.', 'Khoản hoàn tiền giống hệt vừa được tạo. Nếu muốn hoàn thêm, vui lòng ghi lý do khác.');

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
  v_rail text;
begin
  perform private.require_admin();
  perform private.set_audit_context('admin');
  if p_method is not null and p_method not in ('provider', 'bank_transfer') then
    perform private.fail_input('method', 'must be provider or bank_transfer');
  end if;
  -- before the refund, as set_bank_account locks
  perform 1 from public.profiles p join public.refunds r on r.payer_id = p.id where r.id = p_refund_id for share of p;
  select * into v_refund from public.refunds where id = p_refund_id for no key update;
  perform private.require_unclaimed(p_refund_id);
  if v_refund.status in ('pending', 'processing') and p_method is null and private.requeue_dead_letters_of('refund', p_refund_id::text) then
    return v_refund;
  end if;
  if p_method = 'provider' then
    -- a refund that waits for an account has not been sent
    perform private.require_refund_status(v_refund, 'pending', 'failed', 'awaiting_account');
    v_rail := private.rail_to_refund(v_refund.attempt_id, v_refund.unmatched_id);
    if v_rail is null then
      perform private.fail_input('method', 'must be bank_transfer, because the provider of this payment cannot refund');
    end if;
  else
    perform private.require_refund_status(v_refund, 'pending', 'failed');
  end if;
  update public.refunds
  set method = p_method, provider = coalesce(v_rail, private.transfer_provider()), bank_account_id = null
  where id = p_refund_id and p_method <> method;
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
comment on function public.retry_refund is 'Admin: sends a failed refund again, or goes on with one whose sending was given up. Without `method` it goes the same way as before. bank_transfer sends it to the payer''s account. provider sends it back by the provider that took the money, even when the refund waits for an account. Errors: forbidden, refund_not_found, transfer_claimed, illegal_transition, invalid_input.';
select private.expose('retry_refund(uuid, text)', 'authenticated');

-- The provider has a refund and does not say how it ended, or cannot be reached any more. An admin looks at the
-- provider's own pages and says it.
create function private.settle_refund(p_refund_id uuid, p_outcome text, p_provider_refund_id text, p_note text)
returns public.refunds
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_refund public.refunds;
begin
  perform private.require_admin();
  perform private.require_settlement(p_outcome, 'provider_refund_id', p_provider_refund_id, p_note);
  v_refund := private.lock_refund(p_refund_id);
  perform private.require_refund_status(v_refund, p_outcome, 'processing', 'pending');
  perform private.require_idle('refund', p_refund_id, v_refund.status, p_outcome);
  if v_refund.method <> 'provider' or private.is_queued('refund', p_refund_id) then
    perform private.require_refund_status(v_refund, p_outcome, 'processing');
  end if;
  perform private.record_event('refund.settled_by_admin', p_refund_id, jsonb_build_object('outcome', p_outcome, 'note', private.tidy_lines(p_note)));
  return private.record_refund_result(p_refund_id, p_outcome, btrim(p_provider_refund_id), 'settled_by_admin');
exception
  -- refunds_provider_id_once
  when unique_violation then
    perform private.fail_input('provider_refund_id', 'must not be the number of another refund');
    return null;
end
$$;
create function public.settle_refund(refund_id uuid, outcome text, provider_refund_id text, note text)
returns public.refunds
language sql volatile set search_path = ''
as $$ select private.settle_refund(refund_id, outcome, provider_refund_id, note) $$;
comment on function public.settle_refund is 'Admin: records how a refund ended when its provider does not say. The refund is processing, or it is pending with a provider that refuses it or is no longer set up. `outcome` is succeeded, with the provider''s id of the refund, or failed, after which the refund can be retried. `note` (3–500 characters) says how the admin knows. Errors: forbidden, refund_not_found, illegal_transition, invalid_input.';
select private.expose('settle_refund(uuid, text, text, text)', 'authenticated');

-- Goodwill: part of a payment goes back out of the platform's revenue, after the payable is over.
create function private.refund_payment(p_payment_id uuid, p_amount bigint, p_reason text, p_idempotency_key uuid)
returns public.refunds
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_stored jsonb;
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
  perform private.require_reason(p_reason, 3);
  if coalesce(p_amount, 0) < 1 then
    perform private.fail_input('amount', 'must be positive');
  end if;
  select * into v_payment from public.payments where id = p_payment_id;
  if not found then
    perform private.fail('payment_not_found');
  end if;
  perform private.require_step_up();
  perform private.lock_payable(v_payment.payable_id);
  select * into v_payment from public.payments where id = p_payment_id for no key update;
  -- a second click in an app that makes a new key for each click
  select * into v_refund from public.refunds
  where payment_id = p_payment_id and kind = 'goodwill' and amount = p_amount and reason = private.tidy_lines(p_reason)
    and created_at > now() - interval '10 minutes'
  order by created_at desc, id
  limit 1;
  if found then
    perform private.fail('refund_repeated', jsonb_build_object('refund_id', v_refund.id, 'created_at', v_refund.created_at));
  end if;
  -- the owner of the payable decides where money goes that is still held for it
  v_refundable := case when v_payment.succeeded_at is null then 0 else v_payment.amount
    - (select coalesce(sum(r.amount), 0) from public.refunds r where r.payment_id = p_payment_id)
    - (select coalesce(sum(private.balance(l.kind, l.owner, v_payment.currency)), 0)
       from public.payables y, unnest(y.split) l join private.ledger_account_kinds k on k.kind = l.kind and k.has_floor
       where y.id = v_payment.payable_id) end;
  if p_amount > v_refundable then
    perform private.fail('payment_not_refundable', jsonb_build_object('refundable', greatest(v_refundable, 0)));
  end if;
  perform private.set_audit_context('admin', p_reason);
  v_refund := private.order_refund(v_payment.payable_id, 'goodwill', p_amount,
    -- a credit note gives back what was sold, and not a deposit that was captured
    p_credit => case v_payment.settlement when 'kept' then least(p_amount, (select y.sold_amount from public.payables y where y.id = v_payment.payable_id)
      - (select coalesce(sum(r.credit_amount), 0)::bigint from public.refunds r where r.payment_id = p_payment_id)) else 0 end, p_reason => p_reason);
  perform private.post_ledger('goodwill_granted', v_refund.id::text, v_payment.currency, v_payment.payable_id, array[
    ('platform_revenue', '', p_amount)::private.ledger_line,
    ('refund_payable', v_payment.payable_id::text, -p_amount)::private.ledger_line
  ]);
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', v_refund.id));
  return v_refund;
end
$$;
create function public.refund_payment(payment_id uuid, amount bigint, reason text, idempotency_key uuid)
returns public.refunds
language sql volatile set search_path = ''
as $$ select private.refund_payment(payment_id, amount, reason, idempotency_key) $$;
comment on function public.refund_payment is 'Admin: gives back part of a payment out of the platform''s revenue, after the booking or other payable is over. Before that, use cancel_payable. The limit is the amount paid, less all refunds ordered and less the money still held for the payable. For 10 minutes the same amount with the same reason is refused, whatever the key; details then hold {refund_id, created_at} of the first refund. Give a second refund that is meant its own reason. The session needs a passed step-up. Errors: forbidden, payment_not_found, step_up_required, payment_not_refundable, refund_repeated, invalid_input.';
select private.expose('refund_payment(uuid, bigint, text, uuid)', 'authenticated');

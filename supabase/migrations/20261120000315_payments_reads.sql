-- Payments: asking providers about attempts, and attempts that admins look at.
-- Rule kept here: a provider's "not found" ends an attempt only when its time is over.
-- Left out on purpose: a payment with what came back of it, which is in refunds_reads.

create function private.attempt_to_reconcile(p_attempt_id uuid)
returns public.payment_attempts
language sql stable security definer set search_path = ''
as $$ select * from public.payment_attempts where id = p_attempt_id $$;
create function public.attempt_to_reconcile(attempt_id uuid)
returns public.payment_attempts
language sql stable set search_path = ''
as $$ select private.attempt_to_reconcile(attempt_id) $$;
comment on function public.attempt_to_reconcile is 'Answers an attempt with its provider_data, so that the provider can be asked about it. Service only.';
select private.expose('attempt_to_reconcile(uuid)', 'service_role');

-- What asking the provider brought: no_answer is asked again later; not_found and final end the attempt once its
-- time is over. Money that comes after that is still found by its webhook.
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
  perform private.set_audit_context('reconciliation');
  update public.payment_attempts
  set checked_at = now(), checks = checks + 1,
      recheck_at = case
        when recheck_at > now() or (p_outcome = 'no_answer' and recheck_at > now() - interval '3 days') then recheck_at
      end,
      status = case
        when status not in ('created', 'pending') then status
        -- final and still open: its money was booked as unmatched money
        when p_outcome in ('not_found', 'final') and expires_at <= now() then 'expired'
        -- a provider that has not answered for days will not answer any more
        when p_outcome in ('pending', 'no_answer') and expires_at <= now() - interval '3 days' then 'expired'
        else status
      end
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
comment on function public.note_reconciliation is 'Records what a provider answered when it was asked about an attempt: final, pending, no_answer or not_found. Service only. Errors: payment_not_found, invalid_input.';
select private.expose('note_reconciliation(uuid, text)', 'service_role');

-- For a payer whose app was closed during the payment. The answer names the attempts that the provider should be
-- asked about.
create function private.check_payment(p_payment_id uuid)
returns uuid[]
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
begin
  perform private.take_token('check_payment', v_user_id::text);
  if not exists (select from public.payments where id = p_payment_id and payer_id = v_user_id) then
    perform private.fail('payment_not_found');
  end if;
  return (
    select coalesce(array_agg(a.id order by a.created_at), '{}')
    from public.payment_attempts a
    where a.payment_id = p_payment_id and a.status = 'pending'
  );
end
$$;
create function public.check_payment(payment_id uuid)
returns uuid[]
language sql volatile set search_path = ''
as $$ select private.check_payment(payment_id) $$;
comment on function public.check_payment is 'Answers the ids of the open attempts of the caller''s payment. The function payments calls it and then asks the providers about them. Repeatable. Errors: payment_not_found, rate_limited.';
select private.expose_limited('check_payment(uuid)', 'check_payment', 'auth.uid()', 'authenticated');

-- Open attempts with a message that needs review. Mostly a provider has taken the money and holds it under suspicion.
-- Acknowledging the message does not end the attempt, so it stays here until the provider has decided.
create function private.payment_attempts_needing_review(p_after jsonb, p_page_size int)
returns table (
  id uuid, payment_id uuid, payable_id uuid, payer_id uuid, provider text, reference text, amount bigint, currency text,
  status text, expires_at timestamptz, created_at timestamptz,
  event_id bigint, note text, received_at timestamptz, acknowledged_at timestamptz
)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  perform private.require_admin();
  return query
    select a.id, a.payment_id, p.payable_id, p.payer_id, a.provider, a.reference, a.amount, a.currency,
      a.status, a.expires_at, a.created_at, m.id, m.note, m.received_at, m.acknowledged_at
    from public.payment_attempts a
    join public.payments p on p.id = a.payment_id
    cross join lateral (
      select e.id, e.note, e.received_at, e.acknowledged_at
      from private.payment_events e
      where e.provider = a.provider and e.reference = a.reference and e.outcome = 'needs_review'
      order by e.id desc
      limit 1
    ) m
    where a.status in ('created', 'pending')
      and (v_start.id is null or (a.created_at, a.id) < (v_start.at, v_start.id))
    order by a.created_at desc, a.id desc
    limit p_page_size;
end
$$;
create function public.payment_attempts_needing_review(after jsonb default null, page_size int default 20)
returns table (
  id uuid, payment_id uuid, payable_id uuid, payer_id uuid, provider text, reference text, amount bigint, currency text,
  status text, expires_at timestamptz, created_at timestamptz,
  event_id bigint, note text, received_at timestamptz, acknowledged_at timestamptz
)
language sql stable set search_path = ''
as $$ select * from private.payment_attempts_needing_review($1, $2) $$;
comment on function public.payment_attempts_needing_review is 'Admin: lists open attempts for which a provider sent a message that needs review, newest first. An example is money that a provider holds under suspicion. event_id, note, received_at and acknowledged_at are those of the latest message. `after` takes {created_at, id} of the last row. Errors: forbidden, invalid_input.';
select private.expose('payment_attempts_needing_review(jsonb, int)', 'authenticated');

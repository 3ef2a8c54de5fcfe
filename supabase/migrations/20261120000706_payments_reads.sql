-- Payments: asking about tries that stayed silent, and what screens ask for.
-- Rule kept here: a provider's "not found" ends a try only when its time is over.
-- Left out on purpose: payouts to hosts: a later file of this module.

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

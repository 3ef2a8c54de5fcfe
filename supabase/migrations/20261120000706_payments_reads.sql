-- Payments: asking about tries that stayed silent, and what screens ask for.
-- Rule kept here: a provider's "not found" ends a try only when its time is over.
-- Left out on purpose: what a host has earned, which is in payments_payouts.

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
  perform private.because('reconciliation');
  update public.payment_attempts
  set checked_at = now(), checks = checks + 1,
      recheck_at = case
        when recheck_at > now() or (p_outcome = 'no_answer' and recheck_at > now() - interval '3 days') then recheck_at
      end,
      status = case
        when status not in ('created', 'pending') then status
        -- final and still open: what came by it was booked elsewhere, as unmatched money
        when p_outcome in ('not_found', 'final') and expires_at <= now() then 'expired'
        -- a provider that still says nothing days later will not
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
comment on function public.note_reconciliation is 'Notes that a provider was asked: final, pending, no_answer or not_found. Service only. Errors: payment_not_found, invalid_input.';
select private.expose('note_reconciliation(uuid, text)', 'service_role');

-- A person whose app was away while they paid asks at once what became of it; the answer names the tries that
-- the provider should be asked about.
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
comment on function public.check_payment is 'The open attempts of the caller''s payment, by id; called by function payments, which asks the providers about them. Errors: payment_not_found, rate_limited.';
select private.expose('check_payment(uuid)', 'authenticated');

create function public.payment_status(payment_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'payment', to_jsonb(p),
    'attempts', coalesce((
      select jsonb_agg(jsonb_build_object(
        'id', a.id, 'provider', a.provider, 'reference', a.reference, 'amount', a.amount, 'currency', a.currency, 'status', a.status,
        'redirect_url', a.redirect_url, 'qr_payload', a.qr_payload, 'details', a.details, 'failure_code', a.failure_code, 'expires_at', a.expires_at, 'created_at', a.created_at
      ) order by a.created_at)
      from public.payment_attempts a where a.payment_id = p.id
    ), '[]'),
    'refunds', coalesce((select jsonb_agg(private.refund_view(r.id) order by r.created_at) from public.refunds r where r.payment_id = p.id), '[]')
  )
  from public.payments p
  where p.id = $1
$$;
comment on function public.payment_status is 'A payment of the caller with its attempts and refunds; null when there is none.';
select private.expose('payment_status(uuid)', 'authenticated');


-- What comes back to a payer, also of money that fitted no payment and is therefore inside none. The owner's rights
-- are for payer_id, which clients may not read; the columns are those of refund_view.
create function private.my_refunds(p_after jsonb, p_page_size int)
returns table (
  id uuid, payment_id uuid, booking_id uuid, kind text, amount bigint, currency text, status text, method text,
  provider text, provider_refund_id text, failure_code text, created_at timestamptz, completed_at timestamptz
)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  return query
    select r.id, r.payment_id, r.booking_id, r.kind, r.amount, r.currency, r.status, r.method,
      r.provider, r.provider_refund_id, r.failure_code, r.created_at, r.completed_at
    from public.refunds r
    where r.payer_id = v_user_id
      and (v_start.id is null or (r.created_at, r.id) < (v_start.at, v_start.id))
    order by r.created_at desc, r.id desc
    limit p_page_size;
end
$$;
create function public.my_refunds(after jsonb default null, page_size int default 20)
returns table (
  id uuid, payment_id uuid, booking_id uuid, kind text, amount bigint, currency text, status text, method text,
  provider text, provider_refund_id text, failure_code text, created_at timestamptz, completed_at timestamptz
)
language sql stable set search_path = ''
as $$ select * from private.my_refunds(after, page_size) $$;
comment on function public.my_refunds is 'The caller''s refunds as payer, newest first, also those of money that fitted no payment (payment_id and booking_id are null then); `after` takes {created_at, id} of the last row. Errors: invalid_input.';
select private.expose('my_refunds(jsonb, int)', 'authenticated');

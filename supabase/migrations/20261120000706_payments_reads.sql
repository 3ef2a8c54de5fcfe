-- Payments: asking about tries that stayed silent, and what screens ask for, of payers and of admins.
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
  perform private.set_audit_context('reconciliation');
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

-- What goes back, and what of it waits for a person. `needs` is worked out when it is read: a week for a provider and
-- a day for a transfer are what they take at most, long before check_invariants speaks of them. The plan is made for
-- each call, so that those that are open are found among all that were ever paid.
create function private.list_refunds(p_status text, p_needs text, p_after jsonb, p_page_size int)
returns table (
  id uuid, payment_id uuid, booking_id uuid, kind text, amount bigint, currency text, status text, method text,
  provider text, provider_refund_id text, failure_code text, created_at timestamptz, completed_at timestamptz,
  payer_id uuid, attempt_id uuid, unmatched_id uuid, reason text, ordered_at timestamptz, needs text,
  claimed_by uuid, claimed_at timestamptz
)
language plpgsql stable security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  perform private.require_admin();
  if p_status is not null and p_status <> 'open' and not exists (select from private.transitions t where t.machine = 'refund' and t.to_state = p_status) then
    perform private.fail_input('status', 'must be open, or a state of refunds');
  end if;
  if p_needs is not null and p_needs not in ('any', 'account', 'transfer', 'retry', 'question') then
    perform private.fail_input('needs', 'must be any, account, transfer, retry or question');
  end if;
  return query
    select r.id, r.payment_id, r.booking_id, r.kind, r.amount, r.currency, r.status, r.method,
      r.provider, r.provider_refund_id, r.failure_code, r.created_at, r.completed_at,
      r.payer_id, r.attempt_id, r.unmatched_id, r.reason, r.ordered_at, n.needs, c.claimed_by, c.claimed_at
    from public.refunds r
    left join private.manual_claims c on c.subject_id = r.id and c.expires_at > now()
    left join public.bank_accounts b on b.id = r.bank_account_id
    cross join lateral (
      select case
        when r.status = 'succeeded' then null
        when r.status = 'failed' then 'retry'
        when r.status = 'awaiting_account' then
          -- nobody can be asked for the account of a payer we do not know
          case when r.payer_id is null or r.ordered_at < now() - interval '3 days' then 'account' end
        when r.provider = 'manual' then case when b.usable_from <= now() then 'transfer' end
        when exists (
          select from private.outbox o where o.status = 'dead' and o.topic = 'refund' and o.payload ->> 'refund_id' = r.id::text
        ) and not exists (
          select from private.outbox o where o.status in ('pending', 'leased') and o.topic = 'refund' and o.payload ->> 'refund_id' = r.id::text
        ) then 'retry'
        when exists (
          select from private.outbox o
          where o.status = 'pending' and o.topic = 'refund' and o.payload ->> 'refund_id' = r.id::text and o.last_error like 'not set up: %'
        ) then 'question'
        when coalesce(
          (select max(e.occurred_at) from private.domain_events e where e.subject_id = r.id and e.machine = 'refund' and e.to_state = 'processing'),
          greatest(r.ordered_at, b.usable_from)
        ) < now() - case r.method when 'provider' then interval '7 days' else interval '1 day' end then 'question'
      end
    ) n (needs)
    where (p_status is null or case p_status when 'open' then r.status <> 'succeeded' else r.status = p_status end)
      and (p_needs is null or (r.status <> 'succeeded' and case p_needs when 'any' then n.needs is not null else n.needs = p_needs end))
      and (v_start.id is null or (r.created_at, r.id) < (v_start.at, v_start.id))
    order by r.created_at desc, r.id desc
    limit p_page_size;
end
$$;
create function public.list_refunds(status text default 'open', needs text default null, after jsonb default null, page_size int default 20)
returns table (
  id uuid, payment_id uuid, booking_id uuid, kind text, amount bigint, currency text, status text, method text,
  provider text, provider_refund_id text, failure_code text, created_at timestamptz, completed_at timestamptz,
  payer_id uuid, attempt_id uuid, unmatched_id uuid, reason text, ordered_at timestamptz, needs text,
  claimed_by uuid, claimed_at timestamptz
)
language sql stable set search_path = ''
as $$ select * from private.list_refunds($1, $2, $3, $4) $$;
comment on function public.list_refunds is 'Admin: refunds, newest first; status open (all that are not paid yet), a state, or null for all. `needs` says what an admin must do: account (its payer is unknown, or has named none for 3 days), transfer (by hand, to an account that may be used), retry (failed, or given up on its way), question (a provider has had it for a week, a transfer for a day, or has no settings any more: ask), or null; given as argument, only those, any for all four. claimed_by and claimed_at say who is transferring it by hand now. `after` takes {created_at, id} of the last row. Errors: forbidden, invalid_input.';
select private.expose('list_refunds(text, text, jsonb, int)', 'authenticated');
create index refunds_created_idx on public.refunds (created_at desc, id desc);
create index refunds_unpaid_idx on public.refunds (created_at desc, id desc) where status <> 'succeeded';

-- Tries that go on and of which a message that needs review speaks: mostly money that a provider took and keeps under
-- suspicion. Acknowledging the message does not end the try, so it stays here until the provider has decided.
create function private.payment_attempts_needing_review(p_after jsonb, p_page_size int)
returns table (
  id uuid, payment_id uuid, booking_id uuid, payer_id uuid, provider text, reference text, amount bigint, currency text,
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
    select a.id, a.payment_id, p.booking_id, p.payer_id, a.provider, a.reference, a.amount, a.currency,
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
  id uuid, payment_id uuid, booking_id uuid, payer_id uuid, provider text, reference text, amount bigint, currency text,
  status text, expires_at timestamptz, created_at timestamptz,
  event_id bigint, note text, received_at timestamptz, acknowledged_at timestamptz
)
language sql stable set search_path = ''
as $$ select * from private.payment_attempts_needing_review($1, $2) $$;
comment on function public.payment_attempts_needing_review is 'Admin: tries that are still open and of which a message that needs review speaks (event_id, note, received_at, acknowledged_at of the latest), such as money that a provider keeps under suspicion; newest first; `after` takes {created_at, id} of the last row. Errors: forbidden, invalid_input.';
select private.expose('payment_attempts_needing_review(jsonb, int)', 'authenticated');

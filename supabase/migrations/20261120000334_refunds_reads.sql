-- Refunds: the reads for screens of payers and of admins.
-- Rule kept here: a payer reads the refund, and not the admin's reason for it.
-- Left out on purpose: lists of payments; row security lets a payer read them.

-- A refund as both sides may see it; why an admin gave it is for admins.
create function private.refund_view(p_refund_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'id', r.id, 'payment_id', r.payment_id, 'payable_id', r.payable_id, 'kind', r.kind, 'amount', r.amount, 'currency', r.currency,
    'status', r.status, 'method', r.method, 'provider', r.provider, 'provider_refund_id', r.provider_refund_id,
    'failure_code', r.failure_code, 'created_at', r.created_at, 'completed_at', r.completed_at)
  from public.refunds r
  where r.id = p_refund_id
$$;
grant execute on function private.refund_view(uuid) to authenticated;

-- What goes back of a payment, parts of it included. The owner's rights are for attempt_id, which clients may not read.
create function private.refunds_of(p_payment_id uuid)
returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(private.refund_view(r.id) order by r.created_at, r.id), '[]')
  from public.refunds r
  where r.payment_id = p_payment_id or r.attempt_id in (select a.id from public.payment_attempts a where a.payment_id = p_payment_id)
$$;
grant execute on function private.refunds_of(uuid) to authenticated;

create function public.payment_status(payment_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'payment', to_jsonb(p),
    'received_amount', v.received,
    'missing_amount', case when p.status in ('pending', 'processing') then p.amount - v.received else 0 end,
    'payable', private.payable_view(p.payable_id),
    'attempts', coalesce((
      select jsonb_agg(jsonb_build_object(
        'id', a.id, 'provider', a.provider, 'reference', a.reference, 'amount', a.amount, 'currency', a.currency, 'status', a.status,
        'redirect_url', a.redirect_url, 'qr_payload', a.qr_payload, 'details', a.details, 'failure_code', a.failure_code, 'expires_at', a.expires_at, 'created_at', a.created_at
      ) order by a.created_at)
      from public.payment_attempts a where a.payment_id = p.id
    ), '[]'),
    'refunds', private.refunds_of(p.id)
  )
  from public.payments p
  cross join lateral (select case when p.succeeded_at is null then private.received_in_parts(p.id) else p.amount end) v (received)
  where p.id = $1
$$;
comment on function public.payment_status is 'Answers a payment of the caller: {payment, received_amount, missing_amount, payable {id, kind, code, title, starts_at, ends_at, amount, currency}, attempts, refunds}. received_amount is what has come of the amount, also in parts; missing_amount is what is still to be paid. Refunds include parts that go back. Answers null when there is none.';
select private.expose('payment_status(uuid)', 'authenticated');

-- What comes back to a payer, also of money that fitted no payment and is therefore inside none. The owner's rights
-- are for payer_id, which clients may not read; the columns are those of refund_view.
create function private.my_refunds(p_after jsonb, p_page_size int)
returns table (
  id uuid, payment_id uuid, payable_id uuid, kind text, amount bigint, currency text, status text, method text,
  provider text, provider_refund_id text, failure_code text, created_at timestamptz, completed_at timestamptz
)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  return query
    select r.id, r.payment_id, r.payable_id, r.kind, r.amount, r.currency, r.status, r.method,
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
  id uuid, payment_id uuid, payable_id uuid, kind text, amount bigint, currency text, status text, method text,
  provider text, provider_refund_id text, failure_code text, created_at timestamptz, completed_at timestamptz
)
language sql stable set search_path = ''
as $$ select * from private.my_refunds(after, page_size) $$;
comment on function public.my_refunds is 'Lists the refunds to the caller, newest first. Refunds of money that fitted no payment are included; their payment_id and payable_id are null. `after` takes {created_at, id} of the last row. Errors: invalid_input.';
select private.expose('my_refunds(jsonb, int)', 'authenticated');

-- What goes back, and what of it waits for a person. `needs` is worked out when it is read: a week for a provider and
-- a day for a transfer are what they take at most, long before check_invariants speaks of them. The plan is made for
-- each call, so that those that are open are found among all that were ever paid.
create function private.list_refunds(p_status text, p_needs text, p_after jsonb, p_page_size int)
returns table (
  id uuid, payment_id uuid, payable_id uuid, kind text, amount bigint, currency text, status text, method text,
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
    select r.id, r.payment_id, r.payable_id, r.kind, r.amount, r.currency, r.status, r.method,
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
          -- an unknown payer cannot be asked for an account
          case when r.payer_id is null or r.ordered_at < now() - interval '3 days' then 'account' end
        when r.provider = 'manual' then case when b.usable_from <= now() then 'transfer' end
        when exists (
          select from private.outbox o where o.status = 'dead' and o.topic = 'refund' and o.payload ->> 'refund_id' = r.id::text
        ) and not exists (
          select from private.outbox o where o.status in ('pending', 'leased') and o.topic = 'refund' and o.payload ->> 'refund_id' = r.id::text
        ) then 'retry'
        when exists (
          select from private.outbox o
          where o.status = 'pending' and o.topic = 'refund' and o.payload ->> 'refund_id' = r.id::text and o.deferred_reason = 'not_configured'
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
  id uuid, payment_id uuid, payable_id uuid, kind text, amount bigint, currency text, status text, method text,
  provider text, provider_refund_id text, failure_code text, created_at timestamptz, completed_at timestamptz,
  payer_id uuid, attempt_id uuid, unmatched_id uuid, reason text, ordered_at timestamptz, needs text,
  claimed_by uuid, claimed_at timestamptz
)
language sql stable set search_path = ''
as $$ select * from private.list_refunds($1, $2, $3, $4) $$;
comment on function public.list_refunds is 'Admin: lists refunds, newest first. `status` is open (all that are not paid yet), a state, or null for all. `needs` says what an admin must do, or is null: account (the payer is unknown, or has not named an account for 3 days), transfer (make it by hand; the account may be used), retry (it failed, or its sending was given up), question (ask the provider: it has had a refund for a week or a transfer for a day, or its settings are missing). The argument `needs` filters by one of these; any means all four. claimed_by and claimed_at say which admin is transferring it by hand now. `after` takes {created_at, id} of the last row. Errors: forbidden, invalid_input.';
select private.expose('list_refunds(text, text, jsonb, int)', 'authenticated');
create index refunds_created_idx on public.refunds (created_at desc, id desc);
create index refunds_unpaid_idx on public.refunds (created_at desc, id desc) where status <> 'succeeded';

-- Refunds: what must hold of refunds at any time.
-- Rule kept here: a refund belongs to its payment, and one that is to leave is on its way to an account that is in use.
-- Left out on purpose: what the ledger holds for it, which the modules that order refunds check.

create function private.invariant_refund_disagrees()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select r.id::text, 'not of its payment ' || p.id
  from public.refunds r
  join public.payments p on p.id = r.payment_id
  left join public.payment_attempts a on a.id = r.attempt_id
  where (r.payable_id, r.payer_id, r.currency, a.payment_id, a.status) is distinct from (p.payable_id, p.payer_id, p.currency, p.id, 'succeeded')
  union all
  select p.id::text, 'refunds of ' || sum(r.amount)
  from public.payments p
  join public.refunds r on r.payment_id = p.id
  group by p.id
  having sum(r.amount) > p.amount
  union all
  -- a rail can give back what one transaction brought
  select a.id::text, a.provider || ' gives back ' || sum(r.amount) || ' of ' || a.transaction_amount
  from public.refunds r
  join public.payment_attempts a on a.id = r.attempt_id
  where r.method = 'provider' and r.payment_id is not null
  group by a.id
  having sum(r.amount) > a.transaction_amount
$$;

create function private.invariant_refunded_amount_drift()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select p.id::text, p.refunded_amount::text
  from public.payments p
  left join (
    select payment_id, sum(amount) as amount from public.refunds where status = 'succeeded' group by payment_id
  ) r on r.payment_id = p.id
  where p.refunded_amount <> coalesce(r.amount, 0)
$$;

create function private.invariant_refund_not_on_its_way()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  -- a refund to be sent is in the outbox, or an admin sends it by hand
  select r.id::text, r.status
  from public.refunds r
  where r.status in ('pending', 'processing') and r.provider <> 'manual'
    and not exists (
      select from private.outbox o
      where o.status in ('pending', 'leased', 'dead') and o.topic = 'refund' and o.payload ->> 'refund_id' = r.id::text
    )
$$;

-- A refund that a provider accepted may take days and counts no attempts, so the outbox never gives it up. The time
-- counts from the acceptance, because before that it may have waited weeks for an account.
create function private.invariant_refund_long_under_way()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select r.id::text, coalesce((
    select max(o.last_error) from private.outbox o
    where o.status in ('pending', 'leased') and o.topic = 'refund' and o.payload ->> 'refund_id' = r.id::text
  ), '')
  from public.refunds r
  where r.status = 'processing' and r.provider <> 'manual'
    and (
      select max(e.occurred_at) from private.domain_events e
      where e.subject_id = r.id and e.machine = 'refund' and e.to_state = 'processing'
    ) < now() - interval '14 days'
$$;

create function private.invariant_refund_to_removed_account()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select r.id::text, r.status
  from public.refunds r join public.bank_accounts a on a.id = r.bank_account_id
  where r.status = 'pending' and a.removed_at is not null
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('refund_disagrees', 'critical', 'A refund does not belong to its payment, or more goes back than was paid.',
    'A defect, or somebody changed rows by SQL. See that it is not sent before you know which.'),
  ('refunded_amount_drift', 'critical', 'The refunded amount of a payment is not the sum of its refunds.',
    'A defect in a command. Keep the history of the payment (private.domain_events where subject_id is its id) for the report.'),
  ('refund_not_on_its_way', 'critical', 'A refund is to be sent and has no row in the outbox: it was removed or marked done.',
    'Keep the refund, find out at its provider whether it was sent before you do anything else, and say it with settle_refund.'),
  ('refund_long_under_way', 'warning', 'A provider accepted a refund two weeks ago and has not said how it ended.',
    'Ask the provider, look at its pages, and say what is there with settle_refund.'),
  ('refund_to_removed_account', 'critical', 'A refund that is to be sent goes to a bank account that was removed.',
    'See that nobody sends it, then find out how it came about.');

create function private.count_refunds_open()
returns bigint
language sql stable set search_path = ''
as $$
  select count(*) from public.refunds where status <> 'succeeded'
$$;

create function private.count_refunds_to_send()
returns bigint
language sql stable set search_path = ''
as $$
  select count(*)
  from public.refunds r
  join public.bank_accounts b on b.id = r.bank_account_id and b.usable_from <= now() and b.removed_at is null
  where r.status = 'pending' and r.provider = 'manual'
$$;

insert into private.health_counts (name, description) values
  ('refunds_open', 'Refunds that have not succeeded yet.'),
  ('refunds_to_send', 'Refunds that an admin has to transfer by hand.');

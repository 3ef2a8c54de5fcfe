-- Payments: what must hold of payments and attempts at any time.
-- Rule kept here: a payment is what its payable says and what its attempt paid, and no message or attempt is forgotten.
-- Left out on purpose: refunds and the lines of the ledger, which their modules check.

create function private.invariant_payment_not_in_ledger()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select p.id::text, p.status
  from public.payments p
  where p.status in ('succeeded', 'partially_refunded', 'refunded')
    and not exists (
      select from private.ledger_transactions t
      where t.reference = p.id::text and t.event = case p.settlement when 'kept' then 'payment_received' else 'late_payment_received' end
    )
$$;

create function private.invariant_payment_disagrees()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select p.id::text, 'not what its payable says'
  from public.payments p
  join public.payables y on y.id = p.payable_id
  where (p.amount, p.currency, p.payer_id) is distinct from (y.amount, y.currency, y.payer_id)
  union all
  select p.id::text, 'attempt ' || a.id || ' asks for more, or in another currency'
  from public.payments p
  join public.payment_attempts a on a.payment_id = p.id
  where a.amount > p.amount or a.currency <> p.currency
$$;

create function private.invariant_parts_not_applied()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select p.id::text, 'parts of ' || sum(u.amount) || ' for ' || p.amount
  from private.unmatched_money u
  join public.payment_attempts a on a.id = u.attempt_id
  join public.payments p on p.id = a.payment_id and p.status in ('pending', 'processing')
  where u.status = 'open' and u.reason = 'underpaid'
  group by p.id
  having sum(u.amount) >= p.amount
$$;

create function private.invariant_paid_by_another_transaction()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  -- the transaction that paid it, from the log, or the unmatched money that an admin applied to it
  select a.id::text, a.provider || ' ' || coalesce(a.provider_transaction_id, 'nothing') || ', paid by ' || coalesce(e.data ->> 'provider_transaction_id', 'nothing')
  from public.payment_attempts a
  left join private.domain_events e on e.subject_id = a.id and e.machine = 'payment_attempt' and e.to_state = 'succeeded'
  where a.status = 'succeeded'
    and (e.data ->> 'provider_transaction_id', (e.data ->> 'transaction_amount')::bigint)
      is distinct from (a.provider_transaction_id, a.transaction_amount)
  union all
  select a.id::text, a.provider || ' ' || coalesce(a.provider_transaction_id, 'nothing') || ', which no applied money has'
  from public.payment_attempts a
  where a.status = 'succeeded' and a.transaction_amount = 0
    and not exists (
      select from private.unmatched_money u
      where u.payment_id = a.payment_id and u.provider = a.provider
        and a.provider_transaction_id = u.transaction_id || case u.reason when 'overpaid' then ':' || u.id else '' end
    )
$$;

create function private.invariant_payment_event_not_applied()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select e.id::text, e.provider || ' ' || e.provider_event_id
  from private.payment_events e
  where e.verified and e.outcome is null and e.applied_at is null and e.received_at < now() - interval '15 minutes'
$$;

create function private.invariant_attempt_without_end()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select a.id::text, a.provider || ' ' || a.status
  from public.payment_attempts a
  where a.status in ('created', 'pending') and a.expires_at < now() - interval '4 days'
$$;

create function private.invariant_feed_not_read()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select r.provider, 'last read: ' || coalesce(r.feed_read_at::text, 'never')
  from private.payment_providers r
  where r.has_feed
    and coalesce(r.feed_read_at, (select min(a.created_at) from public.payment_attempts a where a.provider = r.provider)) < now() - interval '1 day'
$$;

create function private.invariant_payment_not_expired()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select p.id::text, p.status || ' since ' || p.expires_at
  from public.payments p
  where p.status in ('pending', 'processing') and p.expires_at < now() - interval '15 minutes'
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('payment_not_in_ledger', 'critical', 'A payment succeeded and the ledger has no posting of it.',
    'A defect in a command. Keep the history of the payment (private.domain_events where subject_id is its id) for the report.'),
  ('payment_disagrees', 'critical', 'A payment is not what its payable or one of its attempts says.',
    'A defect, or somebody changed rows by SQL. Refund nothing of it before you know which.'),
  ('parts_not_applied', 'critical', 'The parts of an open payment add up to its amount, and it has not succeeded.',
    'A defect in apply_payment_event. Apply one of the parts to the payment by settle_unmatched_money: it takes the others with it.'),
  ('payment_not_expired', 'warning', 'The time to pay a payment is over for 15 minutes and no job has recorded it.',
    'The job journey_expire does not run, or cannot handle this payment: the database log says why.'),
  ('paid_by_another_transaction', 'critical', 'The transaction that a paid attempt names is not the one that paid it.',
    'Somebody changed it by SQL; the log has the right one (`data` of the move to `succeeded`). Refund nothing of it before it is put right: refunds go by this number.'),
  ('payment_event_not_applied', 'warning', 'A verified message of a provider was stored over 15 minutes ago and its effect failed.',
    'The provider was answered so that it sends again, and the attempt is asked about. If the row stays, the log of the function payment-webhooks says why.'),
  ('attempt_without_end', 'warning', 'An attempt to pay is over for 4 days and its provider has not said how it ended.',
    'Nobody asks the provider: look at the job journey_reconcile, at dead letters of topic reconcile, and for keys that were taken away too early.'),
  ('feed_not_read', 'warning', 'The bank feed of a rail has not been read for a day.',
    'Look at the keys, at the address, and for a dead letter of topic feed. If the rail is no longer in use, set its `has_feed` in private.payment_providers to false.');

create function private.count_needs_review_open()
returns bigint
language sql stable set search_path = ''
as $$
  select count(*) from private.payment_events where outcome = 'needs_review' and acknowledged_at is null
$$;

insert into private.health_counts (name, description) values
  ('needs_review_open', 'Messages of providers that an admin has to look at.');

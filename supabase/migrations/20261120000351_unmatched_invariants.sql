-- Unmatched money: what must hold of it at any time.
-- Rule kept here: money that is to go back has a refund to its payer, of the same amount.
-- Left out on purpose: that all of it is in the ledger, which reconcile_ledger proves.

create function private.invariant_unmatched_refund_disagrees()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select u.id::text, 'refund ' || coalesce(r.id::text, 'missing')
  from private.unmatched_money u
  left join public.refunds r on r.unmatched_id = u.id
  where (u.settlement is not distinct from 'refunded') <> (r.id is not null)
     or (r.payer_id, r.attempt_id, r.amount, r.currency) is distinct from (u.payer_id, u.attempt_id, u.amount, u.currency) and r.id is not null
$$;

create function private.invariant_part_not_returned()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select u.id::text, u.amount || ' for payment ' || p.id || ', ' || p.status
  from private.unmatched_money u
  join public.payment_attempts a on a.id = u.attempt_id
  join public.payments p on p.id = a.payment_id and p.status not in ('pending', 'processing')
  where u.status = 'open' and u.reason = 'underpaid'
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('part_not_returned', 'critical', 'A part of a payment that has ended still waits for the rest, and was not ordered back.',
    'A defect, or somebody changed rows by SQL. Order it back: settle_unmatched_money with refund.'),
  ('unmatched_refund_disagrees', 'critical', 'A refund of unmatched money is missing, or goes to another payer or over another sum than its row says.',
    'Somebody changed it by SQL. Look at what was ordered, and at its provider, before it is sent (again).');

create function private.count_unmatched_open()
returns bigint
language sql stable set search_path = ''
as $$
  -- a part waits for its payer
  select count(*) from private.unmatched_money where status = 'open' and reason <> 'underpaid'
$$;

insert into private.health_counts (name, description) values
  ('unmatched_open', 'Amounts that came and belong to no payment. Parts that wait for the rest are not counted.');

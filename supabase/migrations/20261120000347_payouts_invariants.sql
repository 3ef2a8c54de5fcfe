-- Payouts: what must hold of payouts at any time.
-- Rule kept here: a payout is the entries it is made of, and one that is to leave is on its way to an account that is in use.
-- Left out on purpose: which entries may be paid out, which scheduling decides.

create function private.invariant_payout_items_disagree()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select o.id::text, o.status || ': amount ' || o.amount || ', entries ' || coalesce(s.total, 0)
  from public.payouts o
  left join (
    select i.payout_id, -sum(e.amount)::bigint as total
    from private.payout_items i join private.ledger_entries e on e.id = i.entry_id
    group by i.payout_id
  ) s on s.payout_id = o.id
  where coalesce(s.total, 0) <> case when o.status = 'cancelled' then 0 else o.amount end
$$;

create function private.invariant_payout_ledger_disagrees()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select o.id::text, o.status || ': set aside ' || coalesce(s.amount, 0)
  from public.payouts o
  left join (
    select a.owner, a.currency, -sum(e.amount) as amount
    from private.ledger_accounts a join private.ledger_entries e on e.account_id = a.id
    where a.kind = 'payout_payable'
    group by 1, 2
  ) s on s.owner = o.id::text and s.currency = o.currency
  where coalesce(s.amount, 0) <> case when o.status in ('paid', 'returned', 'cancelled') then 0 else o.amount end
$$;

-- The amount that payouts took from a host's account is the sum of their entries.
create function private.invariant_host_balance_disagrees()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select a.owner, 'taken less made of: ' || sum(e.amount)
  from private.ledger_accounts a
  join private.ledger_entries e on e.account_id = a.id
  join private.ledger_transactions t on t.id = e.transaction_id
  left join private.payout_items i on i.entry_id = e.id
  where a.kind = 'host_payable' and (starts_with(t.event, 'payout_') or i.entry_id is not null)
  group by a.id
  having sum(e.amount) <> 0
$$;

create function private.invariant_payout_despite_freeze()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select o.id::text, o.status
  from public.payouts o
  where o.status in ('scheduled', 'approved')
    and exists (
      select from private.payout_items i
      join private.ledger_entries e on e.id = i.entry_id
      join private.ledger_transactions t on t.id = e.transaction_id
      join private.payable_freezes f on f.payable_id = t.payable_id and f.ended_at is null
      where i.payout_id = o.id
    )
$$;

create function private.invariant_payout_to_removed_account()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select o.id::text, o.status
  from public.payouts o join public.bank_accounts b on b.id = o.bank_account_id
  where o.status in ('scheduled', 'approved') and b.removed_at is not null
$$;

create function private.invariant_payout_not_on_its_way()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  -- a payout to be sent is in the outbox, or an admin sends it by hand
  select o.id::text, o.status
  from public.payouts o
  where o.status in ('approved', 'processing') and o.provider <> 'manual'
    and not exists (
      select from private.outbox x
      where x.status in ('pending', 'leased', 'dead') and x.topic = 'payout' and x.payload ->> 'payout_id' = o.id::text
    )
$$;

create function private.invariant_payout_long_under_way()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select o.id::text, coalesce((
    select max(x.last_error) from private.outbox x
    where x.status in ('pending', 'leased') and x.topic = 'payout' and x.payload ->> 'payout_id' = o.id::text
  ), '')
  from public.payouts o
  where o.status = 'processing' and o.provider <> 'manual'
    and (
      select max(e.occurred_at) from private.domain_events e
      where e.subject_id = o.id and e.machine = 'payout' and e.to_state = 'processing'
    ) < now() - interval '3 days'
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('payout_items_disagree', 'critical', 'A payout is not the sum of the ledger entries it is made of.',
    'Approve nothing until it is understood.'),
  ('payout_ledger_disagrees', 'critical', 'The ledger set aside another sum for a payout than the payout says.',
    'Approve nothing until it is understood.'),
  ('host_balance_disagrees', 'critical', 'Payouts took another sum from the account of a host than they are made of.',
    'Approve nothing until it is understood.'),
  ('payout_despite_freeze', 'critical', 'A payout is on its way with money that is frozen.',
    'Freeze this payout at once with freeze_payout, then find out how it came about.'),
  ('payout_to_removed_account', 'critical', 'A payout goes to a bank account that was removed.',
    'Freeze this payout at once with freeze_payout, then find out how it came about.'),
  ('payout_not_on_its_way', 'critical', 'A payout is to be sent and has no row in the outbox: it was removed or marked done.',
    'Keep the payout, find out at the bank whether it was sent before you do anything else, and say it with settle_payout.'),
  ('payout_long_under_way', 'warning', 'A bank accepted a payout three days ago and has not said how it ended.',
    'Ask the provider, look at its pages, and say what is there with settle_payout.');

create function private.count_batches_proposed()
returns bigint
language sql stable set search_path = ''
as $$
  select count(*)
  from public.payout_batches b
  where exists (select from public.payouts o where o.batch_id = b.id and o.status = 'scheduled')
$$;

create function private.count_payouts_to_send()
returns bigint
language sql stable set search_path = ''
as $$
  select count(*) from public.payouts where status = 'approved' and provider = 'manual'
$$;

create function private.count_payouts_frozen()
returns bigint
language sql stable set search_path = ''
as $$
  select count(*) from public.payouts where status = 'frozen'
$$;

create function private.count_payouts_failed()
returns bigint
language sql stable set search_path = ''
as $$
  select count(*) from public.payouts where status = 'failed'
$$;

insert into private.health_counts (name, description) values
  ('batches_proposed', 'Batches with a payout that waits for approval.'),
  ('payouts_to_send', 'Payouts that an admin has to transfer by hand.'),
  ('payouts_frozen', 'Payouts that an admin has stopped.'),
  ('payouts_failed', 'Payouts that failed and need a decision.');

-- Payments: what the ledger must hold because of payments and unmatched money.
-- Rule kept here: what came in is where its row says: with the parts of the payable, owed back, or waiting for a decision.
-- Left out on purpose: the comparison, which is reconcile_ledger.

create function private.payments_expected_lines()
returns setof private.expected_line
language sql stable set search_path = ''
as $$
  select p.movement, p.key, p.payable_id, p.currency, l.kind, l.owner, l.amount
  from (
    select case p.settlement when 'gone' then 'late_payment_received' else 'payment_received' end as movement, p.id::text as key, p.payable_id,
           p.currency, p.amount, p.settlement, y.id::text as payable, y.split, a.provider, a.transaction_amount
    from public.payments p
    join public.payables y on y.id = p.payable_id
    join public.payment_attempts a on a.payment_id = p.id and a.status = 'succeeded'
    -- each id is written out once, and not for every line
    offset 0
  ) p
  cross join lateral (
    select 'clearing', p.provider, p.transaction_amount
    union all
    select s.kind, s.owner, s.amount from unnest(p.split) s where p.settlement = 'kept'
    union all
    select 'refund_payable', p.payable, -p.amount where p.settlement = 'gone'
  ) l (kind, owner, amount)
  union all
  -- what it was put together of, and what was over
  select case p.settlement when 'gone' then 'late_payment_received' else 'payment_received' end, p.id::text, p.payable_id, p.currency, 'unmatched', u.id::text, u.amount
  from private.unmatched_money u
  join public.payments p on p.id = u.payment_id
  union all
  select case p.settlement when 'gone' then 'late_payment_received' else 'payment_received' end, p.id::text, p.payable_id, p.currency, 'unmatched', u.id::text, -u.amount
  from private.unmatched_money u
  join public.payment_attempts a on a.id = u.attempt_id
  join public.payments p on p.id = a.payment_id
  where u.reason = 'overpaid'
  union all
  select l.movement, u.id::text, null, u.currency, l.kind, l.owner, l.amount
  from private.unmatched_money u
  cross join lateral (
    values
      ('unmatched_received', u.reason <> 'overpaid', 'clearing', u.provider, u.amount),
      ('unmatched_received', u.reason <> 'overpaid', 'unmatched', u.id::text, -u.amount),
      ('unmatched_voided', u.settlement = 'void', 'unmatched', u.id::text, u.amount),
      ('unmatched_voided', u.settlement = 'void', 'clearing', u.provider, -u.amount),
      ('unmatched_kept', u.settlement = 'kept', 'unmatched', u.id::text, u.amount),
      ('unmatched_kept', u.settlement = 'kept', 'platform_revenue', '', -u.amount),
      ('unmatched_refund_ordered', u.settlement = 'refunded', 'unmatched', u.id::text, u.amount),
      ('unmatched_refund_ordered', u.settlement = 'refunded', 'refund_payable', u.id::text, -u.amount)
  ) l (movement, happened, kind, owner, amount)
  where l.happened
$$;

create function private.payments_ledger_problems()
returns setof private.ledger_problem
language sql stable set search_path = ''
as $$
  -- what has been paid was paid by one attempt, and the other way round
  select 'payment_without_attempt', '', p.id::text, p.amount, null::bigint
  from public.payments p
  where p.succeeded_at is not null
    and not exists (select from public.payment_attempts a where a.payment_id = p.id and a.status = 'succeeded')
  union all
  select 'attempt_without_payment', a.provider, a.id::text, 0, a.amount
  from public.payment_attempts a
  join public.payments p on p.id = a.payment_id and p.succeeded_at is null
  where a.status = 'succeeded'
  union all
  -- money that waits for a decision is all there
  select 'unmatched_held', u.provider, u.id::text,
         case u.status when 'open' then u.amount else 0 end, private.balance('unmatched', u.id::text, u.currency)
  from private.unmatched_money u
  where private.balance('unmatched', u.id::text, u.currency) <> case u.status when 'open' then u.amount else 0 end
  union all
  -- one transaction of a provider is booked once
  select 'transaction_booked_twice', u.provider, u.id::text, 0, u.amount
  from private.unmatched_money u
  join public.payment_attempts a on a.provider = u.provider and a.provider_transaction_id = u.transaction_id and a.transaction_amount <> 0
  where u.reason <> 'overpaid' and u.settlement is distinct from 'void'
$$;

insert into private.ledger_proofs (function_name, answers) values
  ('payments_expected_lines', 'expected_line'),
  ('payments_ledger_problems', 'ledger_problem');

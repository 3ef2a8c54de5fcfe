-- Refunds: what the ledger must hold because of refunds.
-- Rule kept here: what is owed to a payer is what has been ordered and not paid yet.
-- Left out on purpose: where an ordered refund comes from, which its orderer says; the comparison, which is
-- reconcile_ledger.

create function private.refunds_expected_lines()
returns setof private.expected_line
language sql stable set search_path = ''
as $$
  select l.movement, r.key, r.payable_id, r.currency, l.kind, l.owner, l.amount
  from (
    select r.id::text as key, r.payable_id, coalesce(r.payable_id, r.unmatched_id)::text as owner, r.kind, r.status, r.amount, r.currency, private.refund_source(r) as source
    from public.refunds r
    where r.kind = 'goodwill' or r.status = 'succeeded'
    offset 0
  ) r
  cross join lateral (
    values
      ('goodwill_granted', r.kind = 'goodwill', 'platform_revenue', '', r.amount),
      ('goodwill_granted', r.kind = 'goodwill', 'refund_payable', r.owner, -r.amount),
      ('refund_paid', r.status = 'succeeded', 'refund_payable', r.owner, r.amount),
      ('refund_paid', r.status = 'succeeded', (r.source).kind, (r.source).owner, (r.source).amount)
  ) l (movement, happened, kind, owner, amount)
  where l.happened
$$;

create function private.refunds_ledger_problems()
returns setof private.ledger_problem
language sql stable set search_path = ''
as $$
  select 'refund_owed', r.provider, r.id::text,
         case r.status when 'succeeded' then 0 else r.amount end, private.balance('refund_payable', r.unmatched_id::text, r.currency)
  from public.refunds r
  where r.unmatched_id is not null
    and private.balance('refund_payable', r.unmatched_id::text, r.currency) <> case r.status when 'succeeded' then 0 else r.amount end
$$;

insert into private.ledger_proofs (function_name, answers) values
  ('refunds_expected_lines', 'expected_line'),
  ('refunds_ledger_problems', 'ledger_problem');

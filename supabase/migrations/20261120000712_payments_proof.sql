-- Payments: the proof that the books and the rows say the same.
-- Rule kept here: every entry on a clearing account is explained by exactly one row (a payment, unmatched money,
-- a refund, a payout), and every such row by its entries.
-- Left out on purpose: a provider's own statements, which differ per contract.

create function private.reconcile_ledger()
returns table (problem text, provider text, subject text, expected bigint, found bigint)
language sql stable security definer set search_path = ''
as $$
  with expected as (
    select 'payment_received' as movement, a.provider, p.id::text as subject, a.transaction_amount as amount
    from public.payments p
    join public.payment_attempts a on a.payment_id = p.id and a.status = 'succeeded'
    where a.transaction_amount <> 0
    union all
    select 'unmatched_received', u.provider, u.id::text, u.amount
    from private.unmatched_money u where u.reason <> 'overpaid'
    union all
    select 'unmatched_voided', u.provider, u.id::text, -u.amount
    from private.unmatched_money u where u.settlement = 'void'
    union all
    select 'refund_paid', r.provider, r.id::text, -r.amount
    from public.refunds r where r.status = 'succeeded'
    union all
    select 'payout_paid', o.provider, o.id::text, -o.amount
    from public.payouts o where o.status = 'paid'
  ),
  found as (
    select case t.event when 'late_payment_received' then 'payment_received' else t.event end as movement,
           a.owner as provider, t.reference as subject, sum(e.amount)::bigint as amount
    from private.ledger_accounts a
    join private.ledger_entries e on e.account_id = a.id
    join private.ledger_transactions t on t.id = e.transaction_id
    where a.kind = 'clearing'
    group by 1, 2, 3
  )
  select movement, provider, subject, e.amount, f.amount
  from expected e
  full join found f using (movement, provider, subject)
  where e.amount is distinct from f.amount
  union all
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
  select 'refund_owed', r.provider, r.id::text,
         case r.status when 'succeeded' then 0 else r.amount end, private.balance('refund_payable', r.unmatched_id::text, r.currency)
  from public.refunds r
  where r.unmatched_id is not null
    and private.balance('refund_payable', r.unmatched_id::text, r.currency) <> case r.status when 'succeeded' then 0 else r.amount end
  union all
  -- one transaction of a provider is booked once
  select 'transaction_booked_twice', u.provider, u.id::text, 0, u.amount
  from private.unmatched_money u
  join public.payment_attempts a on a.provider = u.provider and a.provider_transaction_id = u.transaction_id and a.transaction_amount <> 0
  where u.reason <> 'overpaid' and u.settlement is distinct from 'void'
$$;
comment on function private.reconcile_ledger is 'One row per movement where the clearing accounts and the rows disagree, with what the rows say (expected) and what the ledger says (found), in minor units. None means proven.';

create function private.reconcile_ledger_as_admin()
returns table (problem text, provider text, subject text, expected bigint, found bigint)
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform private.require_admin();
  return query select * from private.reconcile_ledger();
end
$$;
create function public.reconcile_ledger()
returns table (problem text, provider text, subject text, expected bigint, found bigint)
language sql stable set search_path = ''
as $$ select * from private.reconcile_ledger_as_admin() $$;
comment on function public.reconcile_ledger is 'Admin: one row per movement where the ledger and the rows disagree; none means proven. Errors: unauthenticated, forbidden.';
revoke all on function private.reconcile_ledger_as_admin(), public.reconcile_ledger() from public, anon, authenticated, service_role;
grant execute on function private.reconcile_ledger_as_admin(), public.reconcile_ledger() to authenticated;

-- Ledger: the proof that the books and the rows say the same.
-- Rule kept here: every movement of the ledger is one that a row tells of (a payment, a booking, unmatched money, a
-- refund, a payout), to the accounts and by the sums that this row says; and every such row has its movement.
-- Left out on purpose: a provider's own statements, which differ per contract.

-- The lines of the ledger as the rows have them; debit positive. How commands post is written a second time here, so
-- that a slip in one place is seen by the other.
create function private.expected_ledger()
returns table (movement text, subject text, booking_id uuid, currency text, kind text, owner text, amount bigint)
language sql stable set search_path = ''
as $$
  -- in time or late: the lines tell which
  select 'payment_received', p.id::text, p.booking_id, p.currency, l.kind, l.owner, l.amount
  from public.payments p
  join public.bookings b on b.id = p.booking_id
  join public.payment_attempts a on a.payment_id = p.id and a.status = 'succeeded'
  cross join lateral (
    values
      ('clearing', a.provider, a.transaction_amount, true),
      ('escrow', b.id::text, b.deposit_amount - b.total_amount, b.confirmed_at is not null),
      ('deposit', b.id::text, -b.deposit_amount, b.confirmed_at is not null),
      ('refund_payable', b.id::text, -p.amount, b.confirmed_at is null)
  ) l (kind, owner, amount, happened)
  where l.happened
  union all
  -- what it was put together of, and what was over
  select 'payment_received', p.id::text, p.booking_id, p.currency, 'unmatched', u.id::text, u.amount
  from private.unmatched_money u
  join public.payments p on p.id = u.payment_id
  union all
  select 'payment_received', p.id::text, p.booking_id, p.currency, 'unmatched', u.id::text, -u.amount
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
  union all
  select l.movement, b.id::text, b.id, b.currency, l.kind, l.owner, l.amount
  from public.bookings b
  cross join lateral (
    values
      ('booking_completed', b.status = 'completed', 'escrow', b.id::text, b.total_amount - b.deposit_amount),
      ('booking_completed', b.status = 'completed', 'host_payable', b.host_id::text, -b.host_amount),
      ('booking_completed', b.status = 'completed', 'platform_revenue', '', -b.platform_amount),
      ('booking_completed', b.status = 'completed', 'tax_payable', '', -b.tax_amount),
      ('deposit_returned', b.status = 'completed' and b.deposit_status = 'returned', 'deposit', b.id::text, b.deposit_amount),
      ('deposit_returned', b.status = 'completed' and b.deposit_status = 'returned', 'refund_payable', b.id::text, -b.deposit_amount)
  ) l (movement, happened, kind, owner, amount)
  where l.happened
  union all
  select 'booking_cancelled', b.id::text, b.id, b.currency, l.kind, l.owner, l.amount
  from public.bookings b
  -- from the policy it was booked under, as it was cancelled
  cross join lateral private.cancellation_amounts(b, b.cancelled_by, b.cancelled_at) k
  cross join lateral (
    values
      ('escrow', b.id::text, b.total_amount - b.deposit_amount),
      ('deposit', b.id::text, b.deposit_amount),
      ('refund_payable', b.id::text, -(k.refund_amount + k.deposit_refund)),
      ('host_payable', b.host_id::text, -k.host_keeps),
      ('platform_revenue', '', -k.platform_keeps),
      ('tax_payable', '', -k.tax_keeps)
  ) l (kind, owner, amount)
  where b.status = 'cancelled' and b.confirmed_at is not null
  union all
  select l.movement, r.id::text, r.booking_id, r.currency, l.kind, l.owner, l.amount
  from public.refunds r
  cross join lateral (
    values
      ('goodwill_granted', r.kind = 'goodwill', 'platform_revenue', '', r.amount),
      ('goodwill_granted', r.kind = 'goodwill', 'refund_payable', r.booking_id::text, -r.amount),
      ('refund_paid', r.status = 'succeeded', 'refund_payable', coalesce(r.booking_id, r.unmatched_id)::text, r.amount),
      ('refund_paid', r.status = 'succeeded', 'clearing', r.provider, -r.amount)
  ) l (movement, happened, kind, owner, amount)
  where l.happened
  union all
  select l.movement, o.id::text, null, o.currency, l.kind, l.owner, l.amount
  from public.payouts o
  -- one that was called back may have been paid all the same
  cross join lateral (
    select exists (
      select from private.domain_events e where e.subject_id = o.id and e.machine = 'payout' and e.to_state = 'cancelled'
    )
  ) c (called_back)
  cross join lateral (
    values
      ('payout_reserved', true, 'host_payable', o.user_id::text, o.amount),
      ('payout_reserved', true, 'payout_payable', o.id::text, -o.amount),
      ('payout_cancelled', c.called_back, 'payout_payable', o.id::text, o.amount),
      ('payout_cancelled', c.called_back, 'host_payable', o.user_id::text, -o.amount),
      ('payout_paid', o.status = 'paid' and c.called_back, 'host_payable', o.user_id::text, o.amount),
      ('payout_paid', o.status = 'paid' and not c.called_back, 'payout_payable', o.id::text, o.amount),
      ('payout_paid', o.status = 'paid', 'clearing', o.provider, -o.amount)
  ) l (movement, happened, kind, owner, amount)
  where l.happened
$$;

create function private.reconcile_ledger()
returns table (problem text, provider text, subject text, expected bigint, found bigint)
language sql stable security definer set search_path = ''
as $$
  with expected as (
    select movement, subject, coalesce(booking_id::text, '') as booking, currency, kind, owner, sum(amount)::bigint as amount
    from private.expected_ledger()
    group by 1, 2, 3, 4, 5, 6
    having sum(amount) <> 0
  ),
  found as (
    select case m.event when 'late_payment_received' then 'payment_received' else m.event end as movement,
           m.reference as subject, coalesce(t.booking_id::text, '') as booking, m.currency, a.kind, a.owner, sum(e.amount)::bigint as amount
    from private.ledger_transactions t
    -- a movement counts together with its corrections
    join private.ledger_transactions m on m.id = coalesce(t.corrects, t.id)
    join private.ledger_entries e on e.transaction_id = t.id
    join private.ledger_accounts a on a.id = e.account_id
    -- ISO 4217 keeps this code for tests; nothing is paid out in it
    where t.currency <> 'XTS'
    group by 1, 2, 3, 4, 5, 6
    having sum(e.amount) <> 0
  ),
  lines as (
    select movement, subject, kind, owner, e.amount as expected, f.amount as found,
           -- what has passed a provider says the most of a movement; the other lines follow from it
           rank() over (partition by movement, subject order by kind <> 'clearing') as place
    from expected e
    full join found f using (movement, subject, booking, currency, kind, owner)
    where e.amount is distinct from f.amount
  )
  select movement || case kind when 'clearing' then '' else ' on ' || kind end, owner, subject, expected, found
  from lines
  where place = 1
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
comment on function private.reconcile_ledger is 'One row per line of a movement where the ledger and the rows disagree, with what the rows say (expected) and what the ledger says, corrections included (found), in minor units. `provider` is the owner of the account: a provider where the problem names no other kind. None means proven.';

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
comment on function public.reconcile_ledger is 'Admin: one row per line of a movement where the ledger and the rows disagree; none means proven. Errors: forbidden.';
revoke all on function private.reconcile_ledger_as_admin(), public.reconcile_ledger() from public, anon, authenticated, service_role;
grant execute on function private.reconcile_ledger_as_admin(), public.reconcile_ledger() to authenticated;

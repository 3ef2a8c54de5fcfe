-- Payouts: what the ledger must hold because of payouts.
-- Rule kept here: what a payout set aside has been paid out or given back; what a bank returned is its host's again.
-- Left out on purpose: where hosts earn it, which the module that owns a payable says; the comparison, which is
-- reconcile_ledger.

create function private.payouts_expected_lines()
returns setof private.expected_line
language sql stable set search_path = ''
as $$
  select l.movement, o.id::text, null::uuid, o.currency, l.kind, l.owner, l.amount
  from public.payouts o
  left join private.payout_returns r on r.payout_id = o.id
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
      ('payout_paid', o.status in ('paid', 'returned') and c.called_back, 'host_payable', o.user_id::text, o.amount),
      ('payout_paid', o.status in ('paid', 'returned') and not c.called_back, 'payout_payable', o.id::text, o.amount),
      ('payout_paid', o.status in ('paid', 'returned'), 'clearing', o.provider, -o.amount),
      ('transfer_returned', o.status = 'returned', 'host_payable', o.user_id::text, -o.amount),
      ('transfer_returned', o.status = 'returned' and r.unmatched_id is null, 'clearing', o.provider, o.amount),
      ('transfer_returned', o.status = 'returned' and r.unmatched_id is not null, 'unmatched', r.unmatched_id::text, o.amount)
  ) l (movement, happened, kind, owner, amount)
  where l.happened
$$;

insert into private.ledger_proofs (function_name, answers) values ('payouts_expected_lines', 'expected_line');

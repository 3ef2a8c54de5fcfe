-- Ledger: what must hold of the books at any time.
-- Rule kept here: every transaction adds up to zero, no account gives more than it has, and each line is what a row says.
-- Left out on purpose: the proof line by line, which is reconcile_ledger.

create function private.invariant_ledger_unbalanced()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select e.transaction_id::text, sum(e.amount)::text
  from private.ledger_entries e
  group by e.transaction_id
  having sum(e.amount) <> 0
$$;

create function private.invariant_ledger_floor()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select a.id::text, a.kind || ' ' || a.owner || ' ' || b.amount
  -- filtered before the join, because most accounts are above their floor
  from (select e.account_id, sum(e.amount) as amount from private.ledger_entries e group by 1 having sum(e.amount) > 0) b
  join private.ledger_accounts a on a.id = b.account_id
  join private.ledger_account_kinds k on k.kind = a.kind and k.has_floor
$$;

create function private.invariant_ledger_disagrees()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select r.subject, r.problem || ' of ' || r.provider || ': expected ' || coalesce(r.expected_amount::text, 'nothing') || ', found ' || coalesce(r.found_amount::text, 'nothing')
  from private.reconcile_ledger() r
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('ledger_unbalanced', 'critical', 'The lines of a ledger transaction do not add up to zero.',
    'A trigger keeps this, so somebody switched it off. Find out who, before anything is paid out.'),
  ('ledger_floor', 'critical', 'More left a ledger account than came to it.',
    'A trigger keeps this, so somebody switched it off. Find out who, before anything is paid out.'),
  ('ledger_disagrees', 'critical', 'A line of the ledger is not what the rows say, or a row has no line.',
    'See the proof of the books in docs/money.md, which goes through it line by line.');

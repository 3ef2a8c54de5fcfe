-- Receipts: what must hold of receipts at any time.
-- Rule kept here: numbers have no gap without a reason, and each payment and refund has its receipt or credit note.
-- Left out on purpose: what a receipt says, which is fixed when it is issued.

create function private.invariant_receipt_gap()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select s.series, 'last ' || s.last_seq || ', issued ' || i.count || ', skipped ' || k.count || ', highest ' || greatest(i.highest, k.highest)
  from private.receipt_series s
  cross join lateral (select count(*) as count, coalesce(max(r.seq), 0) as highest from public.receipts r where r.series = s.series) i
  cross join lateral (
    select coalesce(sum(n.last_seq - n.first_seq + 1), 0) as count, coalesce(max(n.last_seq), 0) as highest
    from private.skipped_receipts n where n.series = s.series
  ) k
  where s.last_seq <> i.count + k.count or s.last_seq <> greatest(i.highest, k.highest)
$$;

create function private.invariant_receipt_missing()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select p.id::text, 'paid at ' || p.succeeded_at
  from public.payments p
  join public.payables y on y.id = p.payable_id and y.sold_amount > 0
  where p.settlement = 'kept' and not exists (select from public.receipts r where r.payment_id = p.id and r.kind = 'receipt')
    and not exists (select from private.outbox o where o.topic = 'receipt' and o.dedupe_key = 'receipt:' || p.id and o.status in ('pending', 'leased', 'dead'))
$$;

create function private.invariant_credit_note_missing()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select r.id::text, r.kind
  from public.refunds r
  where r.status = 'succeeded' and r.credit_amount > 0
    and not exists (select from public.receipts c where c.refund_id = r.id)
    and not exists (select from private.outbox o where o.topic = 'receipt' and o.dedupe_key = 'credit_note:' || r.id and o.status in ('pending', 'leased', 'dead'))
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('receipt_gap', 'critical', 'Receipt numbers and receipts disagree, and no reason is kept for the missing numbers.',
    'After a restored backup, do what docs/recovery.md says step by step. Otherwise somebody used SQL: tell the accountant.'),
  ('receipt_missing', 'warning', 'A payment has no receipt, and the outbox has no row that would issue it.',
    'As postgres, run: select public.issue_receipt(''receipt'', ''<payment>'').'),
  ('credit_note_missing', 'warning', 'A refund has no credit note, and the outbox has no row that would issue it.',
    'As postgres, run: select public.issue_receipt(''credit_note'', ''<refund>'').');

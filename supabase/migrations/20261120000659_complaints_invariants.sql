-- Complaints: what must always hold.
-- Rule kept here: each invariant names the row that breaks it.

create function private.invariant_complaint_freeze_disagrees()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select c.id::text, case when f.id is null then 'live, and its money is not frozen' else 'over, and its money is still frozen' end
  from public.complaints c
  left join private.payable_freezes f on f.payable_id = c.payable_id and f.reason = private.complaint_freeze(c.code) and f.ended_at is null
  where (c.status in ('open', 'in_review')) <> (f.id is not null)
$$;

create function private.invariant_complaint_record_changed()
returns table (subject_id text, detail text)
language plpgsql stable set search_path = ''
as $$
begin
  return query
    select c.id::text, case when r.complaint_id is null then 'has no record' else 'the record or its hash is not what the log has' end
    from public.complaints c
    left join public.complaint_records r on r.complaint_id = c.id
    left join private.domain_events e on e.subject_id = c.id and e.type = 'complaint.recorded'
    where r.complaint_id is null or e.data ->> 'sha256' is distinct from r.sha256 or private.sha256_hex(r.record) <> r.sha256;
end
$$;

create function private.invariant_complaint_refund_disagrees()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select c.id::text, format('decided %s, refund %s of kind %s', c.refund_amount, coalesce(r.amount, 0), coalesce(r.kind, 'none'))
  from public.complaints c
  left join public.refunds r on r.id = c.refund_id
  where not c.cancels and (r.amount, r.kind, r.payable_id, r.credit_tax_amount) is distinct from (
    nullif(c.refund_amount, 0), case when c.refund_amount > 0 then 'complaint' end, case when c.refund_amount > 0 then c.payable_id end, case when c.refund_amount > 0 then c.tax_gives end)
  union all
  select r.id::text, 'a refund of a complaint that does not know it'
  from public.refunds r
  where r.kind = 'complaint' and not exists (select from public.complaints c where c.refund_id = r.id)
$$;

create function private.invariant_complaint_capture_disagrees()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select coalesce(c.id, k.cause_id)::text, format('decided %s, captured %s', coalesce(c.deposit_to_host, 0), coalesce(k.amount, 0))
  from (select * from public.deposit_captures where cause = 'complaint') k
  full join (select * from public.complaints where deposit_to_host > 0) c on c.id = k.cause_id
  where (c.deposit_to_host, c.payable_id) is distinct from (k.amount, k.booking_id)
$$;

create function private.invariant_complaint_without_parties()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select c.id::text, format('%s on its side, %s on the other', count(*) filter (where p.side = c.side), count(*) filter (where p.side <> c.side))
  from public.complaints c left join public.complaint_parties p on p.complaint_id = c.id
  group by c.id
  having count(*) filter (where p.side = c.side) = 0 or count(*) filter (where p.side <> c.side) = 0
$$;

create function private.invariant_complaint_undecided()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select c.id::text, c.status || ' since ' || c.created_at from public.complaints c
  where c.status in ('open', 'in_review') and c.created_at < now() - interval '30 days'
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('complaint_freeze_disagrees', 'critical', 'The money of a live complaint is not frozen, or that of one that is over still is.',
    'Somebody changed rows by SQL. Insert the freeze, or end it (unfreeze_payable with the reason ''complaint '' and its code).'),
  ('complaint_record_changed', 'critical', 'The frozen record of a complaint is not what it was when the complaint was opened.',
    'Somebody changed it with triggers switched off. A backup and the first message of the conversation have the hash; decide nothing by this record.'),
  ('complaint_refund_disagrees', 'critical', 'A decided complaint and its refund are not of one amount.',
    'Somebody changed rows by SQL. Send nothing before you know which is right; reconcile_ledger shows what was posted.'),
  ('complaint_capture_disagrees', 'critical', 'A decided complaint and what was captured of the deposit are not of one amount.',
    'Somebody changed rows by SQL. reconcile_ledger shows what was posted; put the other row right.'),
  ('complaint_without_parties', 'critical', 'A complaint lacks the people of one side, who then cannot read it.',
    'Somebody changed rows by SQL. Insert the row of complaint_parties.'),
  ('complaint_undecided', 'warning', 'A complaint has frozen money for 30 days.', 'Decide it: complaints_to_decide lists it first.');

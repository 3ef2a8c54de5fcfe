-- Ticketing: what must hold of tickets, their holders and scans.
-- Rule kept here: each invariant names the row that breaks it.

create function private.invariant_custody_broken()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select t.id::text, format('custody %s, and %s earlier holders', t.custody, count(k.custody))
  from public.tickets t
  left join private.ticket_custody k on k.ticket_id = t.id
  group by t.id, t.custody
  having t.custody <> count(k.custody) + 1 or coalesce(max(k.custody), 0) <> t.custody - 1
$$;

create function private.invariant_offer_of_dead_ticket()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select f.id::text, 'ticket ' || t.id || ' is ' || t.status
  from public.ticket_transfers f
  join public.tickets t on t.id = f.ticket_id
  where f.status = 'offered' and (t.status <> 'valid' or t.admitted_at is not null or t.holder_id <> f.from_id)
$$;

create function private.invariant_admission_disagrees()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select t.id::text, format('admitted_at %s, %s admissions', coalesce(t.admitted_at::text, 'null'), count(s.id))
  from public.tickets t
  left join public.ticket_scans s on s.ticket_id = t.id and s.is_admitted
  group by t.id, t.admitted_at
  having (t.admitted_at is null) <> (count(s.id) = 0)
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('custody_broken', 'critical', 'A ticket does not know all its earlier holders, so an old code may open the door or a good one may not.',
    'A trigger writes them, so somebody switched it off. Give the ticket back to its holder by setting holder_id to another person and back: that makes new codes.'),
  ('offer_of_dead_ticket', 'warning', 'A ticket is on offer that can no longer change hands.', 'Set the offer to withdrawn.'),
  ('admission_disagrees', 'warning', 'A ticket and its scans disagree about whether it was used.',
    'Scans are facts: set admitted_at to the first scan that admitted it, or to null when there is none.');

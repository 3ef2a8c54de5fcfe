-- Vehicles: what must hold of the calendar at any time.
-- Rule kept here: two blocked periods of one vehicle never overlap.
-- Left out on purpose: whose periods they are, which bookings checks.

create function private.invariant_calendar_overlap()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select a.id::text, 'overlaps ' || b.id
  from public.calendar_entries a
  join public.calendar_entries b on b.vehicle_id = a.vehicle_id and b.id > a.id and b.blocked && a.blocked
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('calendar_overlap', 'critical', 'Two blocked periods of one vehicle overlap.',
    'A constraint keeps this, so somebody removed it. Decide which of the two stands, cancel the other, and put the constraint back.');

-- Bookings: what must hold of charges after a trip.
-- Rule kept here: what counts of a charge is what the deposit paid and what is asked as a payment; deadlines are written down.
-- Left out on purpose: the ledger lines, which captures and payments prove.

create function private.invariant_charge_money_disagrees()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select c.id::text, c.status || ': captured ' || coalesce(k.amount, 0) || ', asked ' || coalesce(y.amount, 0) || ', should be ' || coalesce(c.owed_amount, 0)
  from public.booking_charges c
  left join public.deposit_captures k on k.cause = 'charge' and k.cause_id = c.id
  left join public.payables y on y.id = c.id and y.kind = 'charge'
  left join public.payments p on p.payable_id = y.id
  where coalesce(k.amount, 0) <> coalesce(c.captured_amount, 0)
    or coalesce(k.amount, 0) + coalesce(y.amount, 0) <> coalesce(c.owed_amount, 0)
    or (c.status = 'settled' and y.id is not null and p.settlement is distinct from 'kept')
    or (c.status in ('accepted', 'unpaid', 'waived') and p.settlement = 'kept')
  union all
  select k.id::text, 'captured for a charge that is not there'
  from public.deposit_captures k
  where k.cause = 'charge' and not exists (select from public.booking_charges c where c.id = k.cause_id and c.booking_id = k.booking_id)
$$;

create function private.invariant_charge_not_tidied()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select c.id::text, c.status
  from public.booking_charges c
  where (c.status = 'proposed' and c.answer_by < now() - interval '15 minutes')
    or (c.status = 'accepted' and c.pay_by < now() - interval '15 minutes')
$$;

create function private.invariant_charge_undecided()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select c.id::text, c.kind || ' of booking ' || c.booking_id
  from public.booking_charges c
  where c.status = 'disputed' and c.answer_by < now() - interval '72 hours'
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('charge_money_disagrees', 'critical', 'What counts of a charge is not what the deposit paid of it and what is asked for the rest.',
    'A defect in a command. Pay nothing out of this booking, and keep its history (private.domain_events where subject_id is the id) for the report.'),
  ('charge_not_tidied', 'warning', 'The time to answer or to pay a charge passed over 15 minutes ago and no job has recorded it.',
    'The job journey_charges or journey_expiry does not run, or cannot handle this charge: the database log says why.'),
  ('charge_undecided', 'warning', 'A charge has been disputed for over 72 hours, and no admin has decided. The claimed part of the deposit waits.',
    'Look at the evidence and ask both sides; then call `decide_charge` (`admin.charges.decide`).');

create function private.count_charges_disputed()
returns bigint
language sql stable set search_path = ''
as $$
  select count(*) from public.booking_charges where status = 'disputed'
$$;
create function private.count_charges_unpaid()
returns bigint
language sql stable set search_path = ''
as $$
  select count(*) from public.booking_charges where status = 'unpaid'
$$;
insert into private.health_counts (name, description) values
  ('charges_disputed', 'Charges after a trip that an admin must decide.'),
  ('charges_unpaid', 'Charges after a trip of which the renter has not paid the rest in time.');

-- Bookings: what must hold between a booking, its slot, its payment and its money at any time.
-- Rule kept here: what a booking says of itself, the calendar, the payment and the ledger say too.
-- Left out on purpose: what the ledger says beyond bookings, which its own module checks.

create function private.invariant_booking_without_slot()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select b.id::text, b.status
  from public.bookings b
  where (b.status = 'confirmed' or (b.status = 'in_progress' and b.ends_at > now()))
    and not exists (select from public.calendar_entries c where c.booking_id = b.id and c.kind = 'booking')
$$;

create function private.invariant_slot_not_released()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select c.id::text, b.status
  from public.calendar_entries c
  join public.bookings b on b.id = c.booking_id
  where b.status in ('requested', 'declined', 'expired', 'cancelled', 'no_show')
     or (c.kind = 'hold') <> (b.status = 'pending_payment')
     or (c.kind = 'hold' and c.holder_id <> b.renter_id)
$$;

create function private.invariant_deadline_not_tidied()
returns table (subject_id text, detail text)
language plpgsql stable set search_path = ''
as $$
begin
  return query
  select b.id::text, b.status
  from public.bookings b
  where (b.status = 'requested' and least(b.answer_by, b.starts_at) < now() - interval '15 minutes')
     or (b.status = 'completed' and b.deposit_status = 'held' and b.claim_until < now() - interval '15 minutes'
       and not exists (select from private.payable_freezes f where f.payable_id = b.id and f.ended_at is null)
       and private.deposit_to_return(b) > 0)
  union all
  select d.booking_id::text, d.kind || ' without an answer'
  from private.due_inspections d
  where d.counts_at < now() - interval '15 minutes';
end
$$;

-- Nothing goes on by itself before an admin has decided.
create function private.invariant_objection_undecided()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select i.id::text, i.kind || ' of booking ' || i.booking_id
  from public.booking_inspections i
  where i.status = 'contested' and i.contested_at < now() - interval '48 hours'
$$;

create function private.invariant_payment_state_disagrees()
returns table (subject_id text, detail text)
language plpgsql stable set search_path = ''
as $$
begin
  return query
    select b.id::text, b.status || ' with payment ' || coalesce(p.status, 'none')
    from public.bookings b
    left join public.payments p on p.payable_id = b.id
    where case when b.total_amount = 0 then p.id is not null else case b.status
      when 'requested' then p.id is not null
      when 'declined' then p.id is not null
      when 'pending_payment' then p.id is null or p.status not in ('pending', 'processing')
      when 'expired' then p.status not in ('expired', 'succeeded', 'refunded')
      when 'cancelled' then p.status in ('pending', 'processing', 'expired')
      else p.id is null or p.status not in ('succeeded', 'partially_refunded', 'refunded')
    end end
    union all
    select b.id::text, b.status || ' with money that was ' || p.settlement
    from public.bookings b
    join public.payments p on p.payable_id = b.id
    where p.settlement is not null and (p.settlement = 'kept') <> (b.confirmed_at is not null);
end
$$;

create function private.invariant_held_money_disagrees()
returns table (subject_id text, detail text)
language plpgsql stable set search_path = ''
as $$
begin
  return query
    with owed as (
      select r.payable_id, sum(r.amount)::bigint as amount from public.refunds r where r.status <> 'succeeded' group by 1
    ),
    -- all balances in one query: private.balance() for each took most of the time of all invariants
    held as (
      select a.kind, a.owner, a.currency, b.amount
      from (select e.account_id, -sum(e.amount) as amount from private.ledger_entries e group by 1 having sum(e.amount) <> 0) b
      join private.ledger_accounts a on a.id = b.account_id
      where a.kind in ('escrow', 'deposit', 'refund_payable')
    )
    select b.id::text, m.kind || ' is ' || coalesce(h.amount, 0) || ', should be ' || m.expected
    from public.bookings b
    left join owed o on o.payable_id = b.id
    cross join lateral (
      values
        ('escrow', case when b.status in ('confirmed', 'in_progress') then b.total_amount - b.deposit_amount else 0 end),
        ('deposit', case when b.deposit_status = 'held' then b.deposit_amount - b.deposit_captured - b.deposit_returned else 0 end),
        ('refund_payable', coalesce(o.amount, 0))
    ) m (kind, expected)
    left join held h on h.kind = m.kind and h.owner = b.id::text and h.currency = b.currency
    where coalesce(h.amount, 0) <> m.expected;
end
$$;

create function private.invariant_booking_payable_disagrees()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select b.id::text, 'not what its booking says'
  from public.bookings b
  join public.payables y on y.id = b.id
  where (y.kind, y.payer_id, y.code, y.amount, y.currency, y.sold_amount, y.tax_amount)
      is distinct from ('booking', b.renter_id, b.code, b.total_amount, b.currency, b.total_amount - b.deposit_amount, b.tax_amount)
    or y.split is distinct from array[
      ('escrow', b.id::text, b.deposit_amount - b.total_amount)::private.ledger_line,
      ('deposit', b.id::text, -b.deposit_amount)::private.ledger_line]
    or (b.status = 'completed' and y.earnings_wait_until is distinct from b.claim_until)
  union all
  select y.id::text, 'of a booking that is not there'
  from public.payables y
  where y.kind = 'booking' and not exists (select from public.bookings b where b.id = y.id)
$$;

-- A renter gets what the policy gives, or everything while the vehicle was suspended, as the log says.
create function private.invariant_cancellation_disagrees()
returns table (subject_id text, detail text)
language plpgsql stable set search_path = ''
as $$
begin
  return query
  select b.id::text, b.refund_bps || ' basis points, should be ' || e.expected
  from public.bookings b
  cross join lateral (
    select case when b.confirmed_at is null or b.cancelled_by <> 'renter' then 10000 else private.policy_bps(b, b.cancelled_at) end as expected
  ) e
  where b.status = 'cancelled' and b.refund_bps <> e.expected
    and not (b.refund_bps = 10000 and 'suspended' = (
      select v.to_state from private.domain_events v
      where v.machine = 'vehicle' and v.subject_id = b.vehicle_id and v.occurred_at <= b.cancelled_at
      order by v.id desc limit 1
    ))
  union all
  select b.id::text, b.refund_bps || ' basis points, should be ' || e.expected
  from public.bookings b
  join public.booking_no_shows n on n.booking_id = b.id and n.status in ('accepted', 'presumed', 'upheld')
  cross join lateral (select case b.no_show_by when 'host' then 10000 else private.policy_bps(b, n.reported_at) end as expected) e
  where b.status = 'no_show' and b.refund_bps <> e.expected;
end
$$;

create function private.invariant_request_not_declined()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select r.id::text, 'overlaps booking ' || b.id
  from public.bookings r
  join public.bookings b on b.vehicle_id = r.vehicle_id and b.status = 'confirmed' and b.period && r.period
  where r.status = 'requested' and least(r.answer_by, r.starts_at) > now()
$$;

create function private.invariant_open_booking_not_counted()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select b.id::text, b.status
  from public.bookings b
  where b.status in ('requested', 'pending_payment') and b.open_number is null
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('open_booking_not_counted', 'warning', 'A booking waits for payment or an answer and has no number, so its renter can have one more than the setting max_open_bookings.',
    'A defect in a command, or somebody changed rows by SQL. Nothing is lost; keep the history of the booking for the report.'),
  ('request_not_declined', 'warning', 'A request waits for an answer, but a paid booking has its time.',
    'A defect in a command. Keep the history of both (private.domain_events where subject_id is the id) for the report; the host can decline the request.'),
  ('cancellation_disagrees', 'critical', 'A cancellation or a no-show gave back another share than the policy of the booking grants, and the vehicle was not suspended.',
    'A defect, or somebody changed rows by SQL. Compare cancelled_at with the tiers in cancellation_policy, and give the renter what is missing by refund_payment.'),
  ('booking_without_slot', 'critical', 'A booking that is confirmed or under way has no slot in the calendar.',
    'A defect in a command. Keep the history of the booking (private.domain_events where subject_id is its id) for the report, and see that nobody else takes the slot.'),
  ('slot_not_released', 'critical', 'The calendar still blocks a slot for a booking that ended, or blocks it as a hold when it is not one.',
    'A defect in a command. Keep the history of the booking (private.domain_events where subject_id is its id) for the report.'),
  ('deadline_not_tidied', 'warning', 'The deadline of a booking passed over 15 minutes ago and no job has recorded it.',
    'The job journey_requests, journey_trips or journey_deposits does not run, or cannot handle this booking: the database log says why.'),
  ('objection_undecided', 'warning', 'One side objected to a check-in or check-out over 48 hours ago, and no admin has decided. The money of the booking waits.',
    'Look at the photos and ask both sides; then call `decide_inspection` (`admin.bookings.decideInspection`).'),
  ('payment_state_disagrees', 'critical', 'The states of a booking and of its payment do not fit together.',
    'A defect in a command. Keep the history of both (private.domain_events where subject_id is the id) for the report.'),
  ('booking_payable_disagrees', 'critical', 'What is asked for a booking is not what was agreed.',
    'A defect, or somebody changed rows by SQL. Pay nothing out of this booking before you know which.'),
  ('held_money_disagrees', 'critical', 'The ledger holds another sum for a booking than the booking and its refunds say.',
    'A defect in a command. Pay nothing out of this booking, and keep its history (private.domain_events where subject_id is its id) for the report.');

create function private.count_objections_open()
returns bigint
language sql stable set search_path = ''
as $$
  select count(*) from public.booking_inspections where status = 'contested'
$$;

insert into private.health_counts (name, description) values
  ('objections_open', 'Check-ins and check-outs that one side objected to; an admin decides.');

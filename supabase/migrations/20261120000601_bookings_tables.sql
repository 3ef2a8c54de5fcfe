-- Bookings: trips and their evidence.
-- Rule kept here: what was agreed is copied from the quote and never changes; a status moves only along
-- the machine `booking`; money and legal rows are never deleted with a listing or a person.
-- Left out on purpose: extensions (bookings_changes), no-shows (bookings_no_shows) and additional drivers (bookings_drivers).

insert into private.transitions (machine, from_state, event, to_state) values
  ('booking', 'initial', 'request', 'requested'),
  ('booking', 'initial', 'hold', 'pending_payment'),
  ('booking', 'requested', 'accept', 'pending_payment'),
  ('booking', 'requested', 'decline', 'declined'),
  ('booking', 'requested', 'expire', 'expired'),
  ('booking', 'requested', 'cancel', 'cancelled'),
  ('booking', 'pending_payment', 'confirm', 'confirmed'),
  ('booking', 'pending_payment', 'expire', 'expired'),
  ('booking', 'pending_payment', 'cancel', 'cancelled'),
  ('booking', 'expired', 'confirm_late', 'confirmed'),
  ('booking', 'confirmed', 'check_in', 'in_progress'),
  ('booking', 'confirmed', 'cancel', 'cancelled'),
  ('booking', 'confirmed', 'no_show', 'no_show'),
  ('booking', 'confirmed', 'settle', 'completed'),
  ('booking', 'in_progress', 'complete', 'completed'),
  ('inspection', 'initial', 'record', 'recorded'),
  ('inspection', 'recorded', 'acknowledge', 'acknowledged'),
  ('inspection', 'recorded', 'presume', 'presumed'),
  ('inspection', 'recorded', 'object', 'contested'),
  ('inspection', 'contested', 'acknowledge', 'acknowledged'),
  ('inspection', 'contested', 'uphold', 'upheld'),
  ('inspection', 'contested', 'reject', 'rejected');

create table public.bookings (
  id uuid primary key default gen_random_uuid(),
  code text not null unique default private.new_code('J'),
  quote_id uuid not null references public.quotes on delete restrict,
  vehicle_id uuid not null references public.vehicles on delete restrict,
  renter_id uuid not null references public.profiles on delete restrict,
  host_id uuid not null references public.profiles on delete restrict,
  period tstzrange not null,
  starts_at timestamptz not null generated always as (lower(period)) stored,
  ends_at timestamptz not null generated always as (upper(period)) stored,
  status text not null,
  currency text not null,
  total_amount bigint not null,
  deposit_amount bigint not null,
  tax_amount bigint not null,
  cancellation_policy jsonb not null,
  open_number int,
  answer_by timestamptz,
  hold_expires_at timestamptz,
  confirmed_at timestamptz,
  checked_in_at timestamptz,
  checked_out_at timestamptz,
  cancelled_at timestamptz,
  cancelled_by text,
  no_show_by text,
  refund_bps int,
  claim_until timestamptz,
  deposit_status text not null default 'none',
  deposit_captured bigint not null default 0,
  deposit_returned bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint bookings_one_per_quote unique (quote_id),
  constraint bookings_two_parties check (renter_id <> host_id),
  constraint bookings_parts_within_total check (least(deposit_amount, tax_amount, total_amount - deposit_amount - tax_amount) >= 0),
  constraint bookings_request_has_deadline check (status <> 'requested' or answer_by is not null),
  constraint bookings_hold_has_deadline check (status <> 'pending_payment' or hold_expires_at is not null),
  constraint bookings_open_number_range check (open_number between 1 and 20),
  constraint bookings_cancelled_by_known check (cancelled_by in ('renter', 'host', 'admin')),
  constraint bookings_cancelled_complete check ((status = 'cancelled') = (cancelled_at is not null and cancelled_by is not null and refund_bps is not null)),
  constraint bookings_no_show_by_known check (no_show_by in ('renter', 'host')),
  constraint bookings_no_show_complete check ((status = 'no_show') = (no_show_by is not null) and (status <> 'no_show' or refund_bps is not null)),
  constraint bookings_refund_bps_range check (refund_bps between 0 and 10000),
  -- A trip under way has checked_out_at when the host has said that the vehicle is back. One that nobody checked in is
  -- completed without either.
  constraint bookings_trip_dates check (case status
    when 'in_progress' then checked_in_at is not null and claim_until is null
    when 'completed' then (checked_in_at is null) = (checked_out_at is null) and claim_until is not null
    else checked_in_at is null and checked_out_at is null and claim_until is null
  end),
  constraint bookings_claim_after_end check (claim_until >= upper(period)),
  constraint bookings_deposit_status_known check (deposit_status in ('none', 'held', 'captured', 'returned')),
  constraint bookings_deposit_parts check (least(deposit_captured, deposit_returned) >= 0 and case deposit_status
    when 'none' then deposit_captured + deposit_returned = 0
    when 'held' then deposit_captured + deposit_returned < deposit_amount
    when 'captured' then deposit_captured + deposit_returned = deposit_amount and deposit_captured > 0
    else deposit_captured + deposit_returned = deposit_amount and deposit_returned > 0
  end),
  -- nothing is taken of it before anybody can have caused anything
  constraint bookings_deposit_captured_after_trip check (deposit_captured = 0 or status in ('completed', 'no_show'))
);
comment on table public.bookings is 'Trips. Amounts are in minor units, as agreed in the quote. A hold ends at hold_expires_at and a request at answer_by, whether or not a job has run.';
comment on column public.bookings.status is 'Machine booking. requested (the host answers until answer_by), pending_payment (held until hold_expires_at), confirmed when the money is there, in_progress when a check-in counts, completed when a check-out counts, or when nobody checked it in and its deadline has passed; or declined, expired, cancelled, no_show. A deadline is over at its time, whether or not the move was written; booking_detail and my_bookings answer the state of now.';
comment on column public.bookings.total_amount is 'What the renter pays, the deposit included. Minor units of `currency`, copied from the quote like deposit_amount and tax_amount. What the rest is to host and platform, the quote says.';
comment on column public.bookings.deposit_amount is 'The part that is given back after the trip, less what was captured of it.';
comment on column public.bookings.tax_amount is 'VAT, which is owed to the state.';
comment on column public.bookings.cancellation_policy is '{code, tiers: [{hours_before, refund_bps}]} as agreed in the quote; a refund is counted from it and from starts_at.';
comment on column public.bookings.cancelled_by is 'renter, host or admin. Null unless cancelled.';
comment on column public.bookings.no_show_by is 'Who did not come: renter or host. Null unless no_show.';
comment on column public.bookings.refund_bps is 'The share of everything but the deposit that a cancellation or a no-show gave back, in basis points (of an unpaid booking 10000). Null for all others.';
comment on column public.bookings.deposit_status is 'none (no deposit, or not paid yet), held while any of it is there, returned when the refund of the last of it is ordered, captured when the host got the last of it. No state machine: written with the booking.';
comment on column public.bookings.deposit_captured is 'What of the deposit went to the host, for charges or by a decision of support (deposit_captures).';
comment on column public.bookings.deposit_returned is 'What of the deposit was ordered back to the renter: in parts when a charge kept some of it longer.';
comment on column public.bookings.code is 'For people, such as JB7K2M9Q.';
comment on column public.bookings.open_number is 'Which of its renter''s open bookings it is, as a constraint counts them. It means something only while the booking is requested or unpaid.';
comment on column public.bookings.answer_by is 'Until when the host may answer a request; over at that moment.';
comment on column public.bookings.hold_expires_at is 'Until when the slot is held unpaid; over at that moment.';
comment on column public.bookings.checked_in_at is 'When the vehicle was handed over: when the check-in that counts was recorded. Null for a completed trip that nobody checked in.';
comment on column public.bookings.checked_out_at is 'When the vehicle was back: when the host recorded it, or when the renter recorded it and it counts. While in_progress, the renter has not agreed yet. Null for a completed trip that nobody checked in.';
comment on column public.bookings.claim_until is 'Until when the host may claim on the deposit. Null before the trip is completed.';
create index bookings_renter_idx on public.bookings (renter_id, created_at desc, id);
create index bookings_host_idx on public.bookings (host_id, created_at desc, id);
create index bookings_vehicle_idx on public.bookings (vehicle_id);
-- a renter has at most as many open bookings as there are numbers, and two that are made at once want the same one
create unique index bookings_open_number_once on public.bookings (renter_id, open_number) where status in ('requested', 'pending_payment');
create index bookings_holds_idx on public.bookings (hold_expires_at) where status = 'pending_payment';
create index bookings_requests_idx on public.bookings (answer_by) where status = 'requested';
-- a vehicle is with one renter at a time
create unique index bookings_one_trip_per_vehicle on public.bookings (vehicle_id) where status = 'in_progress' and checked_out_at is null;
create index bookings_not_back_idx on public.bookings (ends_at) where status in ('confirmed', 'in_progress') and checked_out_at is null;
create index bookings_deposits_idx on public.bookings (claim_until) where status = 'completed' and deposit_status = 'held';
select private.attach_state_machine('public.bookings', 'booking');
create trigger touch before update on public.bookings for each row execute function private.touch();

alter table public.calendar_entries
  add constraint calendar_entries_booking foreign key (booking_id) references public.bookings on delete restrict;

create table public.booking_inspections (
  id uuid primary key default gen_random_uuid(),
  booking_id uuid not null references public.bookings on delete restrict,
  kind text not null,
  status text not null default 'recorded',
  odometer_km int not null,
  fuel_percent int not null,
  note text not null default '',
  recorded_by uuid not null references public.profiles on delete restrict,
  recorded_at timestamptz not null default now(),
  counts_at timestamptz not null,
  acknowledged_by uuid references public.profiles on delete restrict,
  acknowledged_at timestamptz,
  contested_at timestamptz,
  objection text,
  constraint booking_inspections_kind_known check (kind in ('check_in', 'check_out')),
  constraint booking_inspections_odometer_range check (odometer_km between 0 and 5000000),
  constraint booking_inspections_fuel_range check (fuel_percent between 0 and 100),
  constraint booking_inspections_note_length check (char_length(note) <= 2000),
  constraint booking_inspections_note_tidy check (private.is_tidy_lines(note)),
  constraint booking_inspections_objection_tidy check (private.is_tidy_lines(objection)),
  constraint booking_inspections_time_to_answer check (counts_at > recorded_at),
  constraint booking_inspections_other_party check (acknowledged_by <> recorded_by),
  constraint booking_inspections_acknowledged check (
    (acknowledged_by is null) = (acknowledged_at is null) and (status = 'acknowledged') = (acknowledged_by is not null)
  ),
  constraint booking_inspections_objection_given check (
    (objection is null or private.says_something(objection, p_at_most => 1000))
    and (objection is null) = (contested_at is null)
    and (status not in ('recorded', 'presumed') or objection is null)
    and (status not in ('contested', 'upheld', 'rejected') or objection is not null)
  )
);
comment on table public.booking_inspections is 'The state of the vehicle at check-in and check-out, as one side recorded it; the time is the server''s. It counts, and moves the booking, when the other side acknowledged it, when counts_at has passed without an answer, or when an admin upheld it.';
comment on column public.booking_inspections.status is 'Machine inspection. recorded (the other side answers until counts_at), acknowledged, presumed (the time passed without an answer), contested (the other side objected, an admin decides), upheld or rejected by an admin. It counts when acknowledged, presumed or upheld.';
comment on column public.booking_inspections.counts_at is 'When it counts by itself unless the other side answers before. A check-in: check_in_answer_hours after it was recorded and after the booked start, at the latest at the booked end. A check-out: check_out_answer_hours after it was recorded and after the booked end. Over at that moment, whether or not presumed was written.';
comment on column public.booking_inspections.acknowledged_by is 'The other party, which agrees with it. Null until then.';
comment on column public.booking_inspections.objection is 'Why the other party objected. Null when it did not.';
comment on column public.booking_inspections.fuel_percent is '0 to 100.';
-- one that was rejected makes room for another
create unique index booking_inspections_once on public.booking_inspections (booking_id, kind) where status <> 'rejected';
create index booking_inspections_booking_idx on public.booking_inspections (booking_id);
create index booking_inspections_due_idx on public.booking_inspections (counts_at) where status = 'recorded';
create index booking_inspections_contested_idx on public.booking_inspections (booking_id) where status = 'contested';
select private.attach_state_machine('public.booking_inspections', 'inspection');

create table public.inspection_photos (
  inspection_id uuid not null references public.booking_inspections on delete restrict,
  angle text not null,
  media_id uuid not null unique,
  owner_id uuid not null,
  primary key (inspection_id, angle),
  constraint inspection_photos_angle_known check (angle in ('front', 'rear', 'left', 'right', 'dashboard')),
  constraint inspection_photos_own_media foreign key (media_id, owner_id) references public.media (id, owner_id) on delete restrict
);
comment on table public.inspection_photos is 'The photos of an inspection, one per angle. They never change.';
comment on column public.inspection_photos.owner_id is 'Who uploaded it; repeated so that a foreign key holds the picture to its owner.';
create trigger immutable before update or delete on public.inspection_photos for each statement execute function private.forbid_change();

create function private.my_booking_ids()
returns setof uuid
language plpgsql stable security definer set search_path = ''
as $$
begin
  return query select id from public.bookings where renter_id = auth.uid() or host_id = auth.uid();
end
$$;

-- Vehicles whose true place the caller may read: booked by the caller, paid for, and not returned yet.
create function private.my_booked_vehicle_ids()
returns setof uuid
language plpgsql stable security definer set search_path = ''
as $$
begin
  return query select vehicle_id from public.bookings where renter_id = auth.uid() and status in ('confirmed', 'in_progress');
end
$$;

grant execute on function private.my_booking_ids(), private.my_booked_vehicle_ids() to authenticated;

alter table public.bookings enable row level security;
alter table public.booking_inspections enable row level security;
alter table public.inspection_photos enable row level security;
revoke all on public.bookings, public.booking_inspections, public.inspection_photos from anon, authenticated, service_role;
grant select on public.bookings, public.booking_inspections, public.inspection_photos to authenticated, service_role;
create policy select_party on public.bookings for select to authenticated
  using (renter_id = (select auth.uid()) or host_id = (select auth.uid()) or (select private.is_staff()));
create policy select_party on public.booking_inspections for select to authenticated
  using (booking_id in (select private.my_booking_ids()) or (select private.is_staff()));
create policy select_party on public.inspection_photos for select to authenticated
  using (exists (select from public.booking_inspections i where i.id = inspection_id));
select private.show_media('inspection', 'exists (select from public.inspection_photos p where p.media_id = media.id)', 'authenticated');
create policy select_known on public.vehicle_locations for select to authenticated
  using (
    vehicle_id in (select private.my_vehicle_ids())
    or vehicle_id in (select private.my_booked_vehicle_ids())
    or (select private.is_staff())
  );

select private.only_live_persons('public.bookings', 'renter_id', 'host_id');
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.bookings', '$1 in (r.renter_id, r.host_id)', 'retain', null, 'A contract with another person, who keeps it too.'),
  ('public.booking_inspections', 'r.booking_id in (select b.id from public.bookings b where $1 in (b.renter_id, b.host_id))', 'retain', null,
    'Evidence of the state of the vehicle, for both parties.'),
  ('public.inspection_photos', 'r.owner_id = $1', 'retain', null, 'Evidence of the state of the vehicle, for both parties.');
select private.retain_columns('public.bookings', 'What was agreed.', 'code', 'currency', 'cancellation_policy');
select private.retain_columns('public.booking_inspections', 'Who of the two parties recorded or answered it, and what they wrote: evidence.',
  'recorded_by', 'acknowledged_by', 'note', 'objection');

-- A deadline is over at its time, whether or not a job has written the move.
create function private.account_blocker_live_booking(p_user_id uuid)
returns setof uuid
language sql stable set search_path = ''
as $$
  select b.id from public.bookings b
  where p_user_id in (b.renter_id, b.host_id) and (
    (b.status = 'requested' and b.answer_by > now())
    or (b.status = 'pending_payment' and b.hold_expires_at > now())
    or b.status in ('confirmed', 'in_progress')
    or b.deposit_status = 'held'
    or b.claim_until > now()
  )
$$;
insert into private.account_blockers (name, message_en, message_vi) values
  ('live_booking', 'A trip is not over, or its deposit is not returned yet. Finish or cancel it first.', 'Bạn còn chuyến đi chưa kết thúc hoặc tiền cọc chưa được hoàn. Vui lòng hoàn tất hoặc hủy chuyến trước.');

-- Bookings: charges after the trip, what the host asks for beyond the price.
-- Rule kept here: a charge is asked for once, in the claim window, with what it is made of; what counts of it never
-- exceeds what was asked; where its money came from (deposit, payment) adds up to what counts.
-- Left out on purpose: complaints, which may decide the same question another way and capture the deposit themselves.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('charge_not_found', 404, false, 'We could not find this charge. Reload the booking.', 'Không tìm thấy khoản phụ thu này. Vui lòng tải lại đơn đặt xe.'),
  ('claim_window_closed', 409, false, 'The time to ask for charges of this trip is over, or has not begun. Contact support if you need help.', 'Đã hết hoặc chưa đến thời hạn yêu cầu phụ thu cho chuyến đi này. Vui lòng liên hệ hỗ trợ nếu bạn cần giúp đỡ.'),
  ('charge_not_possible', 409, false, 'The records of this trip do not support this charge. Look at details and correct it.', 'Biên bản của chuyến đi không cho thấy khoản phụ thu này. Vui lòng kiểm tra lại số liệu.'),
  ('charge_repeated', 409, false, 'This was asked for already. Withdraw the other charge first.', 'Khoản này đã được yêu cầu rồi. Vui lòng rút khoản cũ trước.'),
  ('too_many_charges', 409, false, 'This trip has as many open charges as it may have. Withdraw one, or ask for all of it in one.', 'Chuyến đi này đã có quá nhiều khoản phụ thu đang chờ. Vui lòng rút bớt hoặc gộp lại thành một khoản.'),
  ('evidence_required', 409, false, 'This charge needs a photo or a receipt. Add one.', 'Khoản phụ thu này cần ảnh hoặc hóa đơn. Vui lòng bổ sung.');

alter table private.settings
  add constraint settings_charge_answer_hours check (key <> 'charge_answer_hours' or private.is_whole(value, 1, 168)),
  add constraint settings_charge_pay_days check (key <> 'charge_pay_days' or private.is_whole(value, 1, 60)),
  add constraint settings_max_open_charges check (key <> 'max_open_charges' or private.is_whole(value, 1, 30));
insert into private.settings (key, value, description) values
  ('charge_answer_hours', '24', 'Hours in which the renter answers a charge after the trip.'),
  ('charge_pay_days', '7', 'Days in which the renter pays what the deposit does not cover of a charge.'),
  ('max_open_charges', '8', 'Charges of one trip that wait for an answer or a decision at one time.');

insert into private.media_purposes (purpose, bucket, max_bytes, mime_types, per_day, is_evidence) values
  ('charge', 'charges', 20971520, '{image/jpeg,image/png,image/webp,image/heic}', 60, true);

create table private.charge_kinds (
  kind text primary key,
  silence text not null,
  max_amount bigint not null,
  is_computed boolean not null default false,
  needs_evidence boolean not null default false,
  constraint charge_kinds_silence_known check (silence in ('accepts', 'disputes')),
  constraint charge_kinds_max_positive check (max_amount > 0)
);
comment on table private.charge_kinds is 'What may be charged after a trip.';
comment on column private.charge_kinds.silence is 'What a renter who does not answer says: accepts, where the records or a receipt show the sum; disputes, where it is the host''s word alone, so that an admin decides.';
comment on column private.charge_kinds.max_amount is 'The most that one charge asks for; minor units.';
comment on column private.charge_kinds.is_computed is 'Its amount follows from the records of the trip. It is the price of something that was used, so it bears VAT; all else makes a loss good, which is no sale.';
insert into private.charge_kinds (kind, silence, max_amount, is_computed, needs_evidence) values
  ('fuel', 'accepts', 3000000, false, false),
  ('km', 'accepts', 50000000, true, false),
  ('late', 'accepts', 50000000, true, false),
  ('toll', 'accepts', 2000000, false, true),
  ('cleaning', 'accepts', 1000000, false, true),
  ('damage', 'disputes', 300000000, false, true),
  ('other', 'disputes', 5000000, false, true);
alter table private.charge_kinds enable row level security;

insert into private.transitions (machine, from_state, event, to_state) values
  ('charge', 'initial', 'propose', 'proposed'),
  ('charge', 'proposed', 'accept', 'accepted'),
  ('charge', 'proposed', 'dispute', 'disputed'),
  ('charge', 'proposed', 'withdraw', 'withdrawn'),
  ('charge', 'disputed', 'withdraw', 'withdrawn'),
  ('charge', 'disputed', 'uphold', 'accepted'),
  ('charge', 'disputed', 'dismiss', 'dismissed'),
  ('charge', 'accepted', 'settle', 'settled'),
  ('charge', 'accepted', 'lapse', 'unpaid'),
  ('charge', 'accepted', 'waive', 'waived'),
  ('charge', 'unpaid', 'settle_late', 'settled'),
  ('charge', 'unpaid', 'waive', 'waived');

create table public.booking_charges (
  id uuid primary key default gen_random_uuid(),
  booking_id uuid not null references public.bookings on delete restrict,
  kind text not null references private.charge_kinds,
  status text not null default 'proposed',
  amount bigint not null,
  tax_amount bigint not null default 0,
  currency text not null,
  note text not null default '',
  basis jsonb not null default '{}',
  is_automatic boolean not null default false,
  answer_by timestamptz not null,
  objection text,
  decision text,
  owed_amount bigint,
  captured_amount bigint,
  pay_by timestamptz,
  ended_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint booking_charges_amount_positive check (amount > 0),
  constraint booking_charges_tax_within check (tax_amount between 0 and amount),
  constraint booking_charges_time_to_answer check (answer_by > created_at),
  constraint booking_charges_note_tidy check (private.is_tidy_lines(note) and char_length(note) <= 1000),
  constraint booking_charges_objection_tidy check (objection is null or private.says_something(objection, p_at_most => 1000) and private.is_tidy_lines(objection)),
  constraint booking_charges_decision_tidy check (decision is null or private.says_something(decision, p_at_most => 1000) and private.is_tidy_lines(decision)),
  -- what counts of it is part of what was asked, and the deposit pays part of what counts
  constraint booking_charges_owed_within check (owed_amount between 1 and amount),
  constraint booking_charges_captured_within check (captured_amount between 0 and owed_amount),
  constraint booking_charges_owed_when_it_counts check ((status in ('accepted', 'settled', 'unpaid', 'waived')) = (owed_amount is not null) and (owed_amount is null) = (captured_amount is null)),
  -- what the deposit did not cover has a deadline
  constraint booking_charges_rest_has_deadline check ((coalesce(owed_amount > captured_amount, false)) = (pay_by is not null)),
  constraint booking_charges_dismissed_with_reason check (status <> 'dismissed' or decision is not null),
  constraint booking_charges_ended_dated check ((status in ('settled', 'withdrawn', 'dismissed', 'waived')) = (ended_at is not null))
);
comment on table public.booking_charges is 'What the host asks for after a trip, beyond its price. Amounts are minor units of `currency`, the tax in them included. What is accepted is taken from the deposit first; the rest is a payable of kind charge, with the id of the charge.';
comment on column public.booking_charges.status is 'Machine charge. proposed (the renter answers until answer_by), disputed (the renter refused, or did not answer one that is the host''s word alone: an admin decides), accepted (it counts; what the deposit does not cover is to be paid until pay_by), settled (all of it is there), unpaid (pay_by has passed), waived (the host or an admin lets the rest go), withdrawn by the host, dismissed by an admin. answer_by is over at its time, whether or not the move was written; booking_charges answers the state of now.';
comment on column public.booking_charges.amount is 'What is asked for, the tax in it included; minor units of `currency`.';
comment on column public.booking_charges.tax_amount is 'VAT within amount. 0 unless something was used, as with kilometres and hours.';
comment on column public.booking_charges.answer_by is 'Until when the renter answers; at that moment silence says what its kind says: fuel, km, late, toll and cleaning are accepted, damage and other are disputed.';
comment on column public.booking_charges.basis is 'What the amount follows from, as trip_costs gave it: of kind km {driven_km, allowed_km, excess_km, fee_per_km}, of kind late {due_at, returned_at, late_minutes, grace_minutes, hour_fee, day_fee}, of kind fuel {check_in_percent, check_out_percent}.';
comment on column public.booking_charges.is_automatic is 'Asked for by the terms when the return counted, not by the host, who may withdraw it.';
comment on column public.booking_charges.objection is 'Why the renter refused. Null when the renter did not.';
comment on column public.booking_charges.decision is 'Why an admin decided so; both sides read it.';
comment on column public.booking_charges.owed_amount is 'What counts of amount. Null until it counts.';
comment on column public.booking_charges.captured_amount is 'What of owed_amount the deposit paid.';
comment on column public.booking_charges.pay_by is 'Until when the rest can be paid without being late. Null when there is no rest.';
create index booking_charges_booking_idx on public.booking_charges (booking_id);
create index booking_charges_due_idx on public.booking_charges (answer_by) where status = 'proposed';
create index booking_charges_staff_idx on public.booking_charges (created_at, id) where status in ('disputed', 'unpaid');
-- of a trip there is one of each of these
create unique index booking_charges_once on public.booking_charges (booking_id, kind)
  where kind in ('fuel', 'km', 'late', 'cleaning') and status not in ('withdrawn', 'dismissed');
select private.attach_state_machine('public.booking_charges', 'charge');
create trigger touch before update on public.booking_charges for each row execute function private.touch();
create trigger never_deleted before delete or truncate on public.booking_charges
  for each statement execute function private.forbid_change();
create trigger immutable before update on public.booking_charges for each row
  when ((old.id, old.booking_id, old.kind, old.amount, old.tax_amount, old.currency, old.note, old.basis, old.is_automatic)
    is distinct from (new.id, new.booking_id, new.kind, new.amount, new.tax_amount, new.currency, new.note, new.basis, new.is_automatic))
  execute function private.forbid_change();

create table public.charge_evidence (
  charge_id uuid not null references public.booking_charges on delete restrict,
  media_id uuid not null unique,
  owner_id uuid not null,
  primary key (charge_id, media_id),
  constraint charge_evidence_own_media foreign key (media_id, owner_id) references public.media (id, owner_id) on delete restrict
);
comment on table public.charge_evidence is 'Photos and receipts of a charge. They never change, and one serves one charge.';
comment on column public.charge_evidence.owner_id is 'Who uploaded it; repeated so that a foreign key holds the picture to its owner.';
create trigger immutable before update or delete or truncate on public.charge_evidence for each statement execute function private.forbid_change();

alter table public.booking_charges enable row level security;
alter table public.charge_evidence enable row level security;
revoke all on public.booking_charges, public.charge_evidence from anon, authenticated, service_role;
grant select on public.booking_charges, public.charge_evidence to authenticated, service_role;
create policy select_party on public.booking_charges for select to authenticated
  using (booking_id in (select private.my_booking_ids()) or (select private.is_staff()));
create policy select_party on public.charge_evidence for select to authenticated
  using (exists (select from public.booking_charges c where c.id = charge_id));
select private.show_media('charge', 'exists (select from public.charge_evidence e where e.media_id = media.id)', 'authenticated');

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.booking_charges', 'r.booking_id in (select b.id from public.bookings b where $1 in (b.renter_id, b.host_id))', 'retain', null,
    'What one party owes the other after a trip; the books refer to it.'),
  ('public.charge_evidence', 'r.owner_id = $1', 'retain', null, 'Evidence for both parties.');
select private.retain_columns('public.booking_charges', 'What one party asked of the other, and what was answered: evidence.', 'kind', 'currency', 'note', 'basis', 'objection', 'decision');
select private.hold_no_persons('private.charge_kinds');

create function private.account_blocker_open_charge(p_user_id uuid)
returns setof uuid
language sql stable set search_path = ''
as $$
  select c.id from public.booking_charges c join public.bookings b on b.id = c.booking_id
  where p_user_id in (b.renter_id, b.host_id) and c.ended_at is null
$$;
insert into private.account_blockers (name, message_en, message_vi) values
  ('open_charge', 'A charge of a trip is not answered, decided or paid yet. Settle it first.', 'Bạn còn khoản phụ thu của chuyến đi chưa được trả lời, quyết định hoặc thanh toán. Vui lòng xử lý trước.');

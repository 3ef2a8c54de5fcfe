-- Bookings: capturing part of the deposit, which then is the host's.
-- Rule kept here: a charge or a complaint that decides that a deposit owes something takes it by one
-- function, once per decision, and never more than is left; what is left goes back by return_deposit.
-- Left out on purpose: why something is owed, which the module that decides says; and a share of the platform: a deposit
-- pays for what the host lost, and who takes part of that has a reason to let more of it happen.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('deposit_not_enough', 409, false, 'Less is left of the deposit than this takes. details.left says how much; ask for that, or for less.', 'Tiền cọc còn lại không đủ cho khoản này. Vui lòng nhập số tiền không vượt quá phần còn lại.');

create table private.capture_causes (
  cause text primary key,
  description text not null
);
comment on table private.capture_causes is 'Why part of a deposit may be captured; the module that decides adds its own.';
alter table private.capture_causes enable row level security;
insert into private.capture_causes (cause, description) values
  ('charge', 'A charge after the trip that the renter accepted, or that an admin decided');

create table public.deposit_captures (
  id uuid primary key default gen_random_uuid(),
  booking_id uuid not null references public.bookings on delete restrict,
  amount bigint not null,
  tax_amount bigint not null default 0,
  currency text not null,
  cause text not null references private.capture_causes,
  cause_id uuid not null,
  code text not null,
  captured_at timestamptz not null default now(),
  constraint deposit_captures_once_per_cause unique (cause, cause_id),
  constraint deposit_captures_amount_positive check (amount > 0),
  constraint deposit_captures_tax_within check (tax_amount between 0 and amount),
  constraint deposit_captures_code_form check (code ~ '^[a-z_]{1,60}$')
);
create index deposit_captures_booking_idx on public.deposit_captures (booking_id);
comment on table public.deposit_captures is 'What was taken of a deposit for the host. A row never changes.';
comment on column public.deposit_captures.amount is 'Minor units of `currency`, the tax in it included.';
comment on column public.deposit_captures.tax_amount is 'VAT within amount, where something was sold; 0 where a loss is made good, which is no sale.';
comment on column public.deposit_captures.cause_id is 'The row that decided it: of cause `charge` a booking charge.';
comment on column public.deposit_captures.code is 'What it is for, as a line of a receipt names it.';
create trigger append_only before update or delete or truncate on public.deposit_captures
  for each statement execute function private.forbid_change();

alter table public.deposit_captures enable row level security;
revoke all on public.deposit_captures from anon, authenticated, service_role;
grant select on public.deposit_captures to authenticated, service_role;
create policy select_party on public.deposit_captures for select to authenticated
  using (booking_id in (select private.my_booking_ids()) or (select private.is_staff()));

-- Takes an amount of what is left of the deposit for the host. The caller has locked the trip, and knows that so much is
-- left; a check of the booking refuses the rest. A freeze does not stop it: what is captured waits for the same freeze, and
-- for the end of the claim window, before it is paid out.
create function private.post_capture(p_booking public.bookings, p_amount bigint, p_cause text, p_cause_id uuid, p_code text, p_tax_amount bigint)
returns public.deposit_captures
language plpgsql volatile set search_path = ''
as $$
declare
  v_capture public.deposit_captures;
begin
  insert into public.deposit_captures (booking_id, amount, tax_amount, currency, cause, cause_id, code)
  values (p_booking.id, p_amount, p_tax_amount, p_booking.currency, p_cause, p_cause_id, p_code)
  returning * into v_capture;
  perform private.post_ledger('deposit_captured', v_capture.id::text, p_booking.currency, p_booking.id, array[
    ('deposit', p_booking.id::text, p_amount)::private.ledger_line,
    ('host_payable', p_booking.host_id::text, p_tax_amount - p_amount)::private.ledger_line,
    ('tax_payable', '', -p_tax_amount)::private.ledger_line
  ]);
  update public.bookings
  set deposit_captured = deposit_captured + p_amount,
      deposit_status = case when deposit_captured + deposit_returned + p_amount = deposit_amount then 'captured' else 'held' end
  where id = p_booking.id;
  return v_capture;
end
$$;

-- For a decision that stands already, such as a complaint: the same, refused with what is left. The caller has locked the trip
-- (lock_trip or lock_payable).
create function private.capture_deposit(
  p_booking_id uuid, p_amount bigint, p_cause text, p_cause_id uuid, p_code text, p_tax_amount bigint default 0
)
returns public.deposit_captures
language plpgsql volatile set search_path = ''
as $$
declare
  v_booking public.bookings;
  v_left bigint;
begin
  select * into strict v_booking from public.bookings where id = p_booking_id;
  v_left := case when v_booking.status in ('completed', 'no_show') then private.deposit_left(v_booking) else 0 end;
  if p_amount > v_left then
    perform private.fail('deposit_not_enough', jsonb_build_object('left', v_left, 'currency', v_booking.currency));
  end if;
  return private.post_capture(v_booking, p_amount, p_cause, p_cause_id, p_code, p_tax_amount);
end
$$;

create function private.captures_expected_lines()
returns setof private.expected_line
language sql stable set search_path = ''
as $$
  select 'deposit_captured', c.id::text, c.booking_id, c.currency, l.kind, l.owner, l.amount
  from public.deposit_captures c
  join public.bookings b on b.id = c.booking_id
  cross join lateral (
    values
      ('deposit', c.booking_id::text, c.amount),
      ('host_payable', b.host_id::text, c.tax_amount - c.amount),
      ('tax_payable', '', -c.tax_amount)
  ) l (kind, owner, amount)
$$;
insert into private.ledger_proofs (function_name, answers) values ('captures_expected_lines', 'expected_line');

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.deposit_captures', 'r.booking_id in (select b.id from public.bookings b where $1 in (b.renter_id, b.host_id))', 'retain', null,
    'What was paid out of a deposit; the books refer to it.');
select private.retain_columns('public.deposit_captures', 'What it was for, by ids and codes.', 'currency', 'cause', 'cause_id', 'code');
select private.hold_no_persons('private.capture_causes');

-- Bookings: extensions, which give a trip a later end for a price of its own.
-- Rule kept here: what was agreed first never changes; an extension has its own quote, payable and money, and the end of
-- the booking moves when it is paid. A booking has one extension at a time that waits for an answer or for money.
-- Left out on purpose: an earlier end, which is an early return (bookings_trip), and another start, which is another booking.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('change_not_found', 404, false, 'We could not find this extension. Reload the booking.', 'Không tìm thấy yêu cầu gia hạn này. Vui lòng tải lại đơn đặt xe.'),
  ('booking_not_extendable', 409, false, 'This booking can no longer be extended. Book the vehicle again, or contact support.', 'Đơn đặt xe này không thể gia hạn được nữa. Vui lòng đặt lại xe hoặc liên hệ hỗ trợ.'),
  ('extension_open', 409, false, 'Another extension of this booking waits for an answer or for payment. Finish or cancel that one first.', 'Đơn này đang có một yêu cầu gia hạn chờ phản hồi hoặc chờ thanh toán. Vui lòng hoàn tất hoặc hủy yêu cầu đó trước.');
insert into private.rate_limits (action, capacity, per_minute) values
  -- of one renter: each is a mail to the host
  ('request_extension', 10, 0.5);

insert into private.transitions (machine, from_state, event, to_state) values
  ('booking_change', 'initial', 'request', 'requested'),
  ('booking_change', 'initial', 'hold', 'pending_payment'),
  ('booking_change', 'requested', 'accept', 'pending_payment'),
  ('booking_change', 'requested', 'decline', 'declined'),
  ('booking_change', 'requested', 'expire', 'expired'),
  ('booking_change', 'requested', 'cancel', 'cancelled'),
  ('booking_change', 'pending_payment', 'confirm', 'confirmed'),
  ('booking_change', 'pending_payment', 'expire', 'expired'),
  ('booking_change', 'pending_payment', 'cancel', 'cancelled'),
  ('booking_change', 'expired', 'confirm_late', 'confirmed');

alter table public.quotes add column extends_booking_id uuid references public.bookings on delete restrict;
create index quotes_extends_idx on public.quotes (extends_booking_id) where extends_booking_id is not null;
comment on column public.quotes.extends_booking_id is 'The booking that it prices a later end for; the period is what is added, and the lines are what is paid more. Null for a quote of a trip.';
grant select (extends_booking_id) on public.quotes to authenticated;

create table public.booking_changes (
  id uuid primary key default gen_random_uuid(),
  booking_id uuid not null references public.bookings on delete restrict,
  quote_id uuid not null references public.quotes on delete restrict,
  status text not null,
  previous_ends_at timestamptz not null,
  ends_at timestamptz not null,
  currency text not null,
  total_amount bigint not null,
  tax_amount bigint not null,
  answer_by timestamptz,
  hold_expires_at timestamptz,
  confirmed_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint booking_changes_one_per_quote unique (quote_id),
  constraint booking_changes_later check (ends_at > previous_ends_at),
  constraint booking_changes_never_cheaper check (total_amount >= tax_amount and tax_amount >= 0),
  constraint booking_changes_request_has_deadline check (status <> 'requested' or answer_by is not null),
  constraint booking_changes_hold_has_deadline check (status <> 'pending_payment' or hold_expires_at is not null),
  constraint booking_changes_in_time check (least(answer_by, hold_expires_at) <= previous_ends_at),
  constraint booking_changes_confirmed_dated check ((status = 'confirmed') = (confirmed_at is not null))
);
create unique index booking_changes_one_live on public.booking_changes (booking_id) where status in ('requested', 'pending_payment');
create index booking_changes_booking_idx on public.booking_changes (booking_id, created_at);
create index booking_changes_requests_idx on public.booking_changes (answer_by) where status = 'requested';
comment on table public.booking_changes is 'Extensions of bookings. The time that is added is held from the acceptance until hold_expires_at; once paid, it is the end of the booking. Amounts are in minor units.';
comment on column public.booking_changes.status is 'Machine booking_change. requested (the host answers until answer_by), pending_payment (held until hold_expires_at), confirmed when the money is there; or declined, expired, cancelled. A deadline is over at its time, whether or not the move was written.';
comment on column public.booking_changes.previous_ends_at is 'The end of the booking that it moves.';
comment on column public.booking_changes.ends_at is 'The end that is asked for.';
comment on column public.booking_changes.total_amount is 'What the renter pays more, in minor units of `currency`; 0 when the price already covers the time, such as the rest of a charged day.';
comment on column public.booking_changes.tax_amount is 'VAT within total_amount.';
comment on column public.booking_changes.answer_by is 'Until when the host may answer, never after the booked end. Null where the host is not asked.';
comment on column public.booking_changes.hold_expires_at is 'Until when it can be paid, never after the booked end. Null before the host accepted.';
select private.attach_state_machine('public.booking_changes', 'booking_change');
create trigger touch before update on public.booking_changes for each row execute function private.touch();
create trigger immutable before update on public.booking_changes for each row
  when ((old.id, old.booking_id, old.quote_id, old.previous_ends_at, old.ends_at, old.currency, old.total_amount, old.tax_amount)
    is distinct from (new.id, new.booking_id, new.quote_id, new.previous_ends_at, new.ends_at, new.currency, new.total_amount, new.tax_amount))
  execute function private.forbid_change();

alter table public.calendar_entries
  add constraint calendar_entries_change foreign key (change_id) references public.booking_changes on delete restrict;

alter table public.booking_changes enable row level security;
revoke all on public.booking_changes from anon, authenticated, service_role;
grant select on public.booking_changes to authenticated, service_role;
create policy select_party on public.booking_changes for select to authenticated
  using (booking_id in (select private.my_booking_ids()) or (select private.is_staff()));

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.booking_changes', 'r.booking_id in (select b.id from public.bookings b where $1 in (b.renter_id, b.host_id))', 'retain', null,
    'Part of a contract with another person, who keeps it too.');
select private.retain_columns('public.booking_changes', 'What was agreed.', 'currency');

-- The state of now.
create function private.change_state(p_change public.booking_changes)
returns text
language plpgsql stable set search_path = ''
as $$
begin
  return case
    when p_change.status = 'requested' and p_change.answer_by <= now() then 'expired'
    when p_change.status = 'pending_payment' and p_change.hold_expires_at <= now() then 'expired'
    else p_change.status
  end;
end
$$;

-- The extensions of a booking as a side sees them, with the money of that side.
create function private.changes_of(p_booking public.bookings, p_side text)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return coalesce((
    select jsonb_agg(to_jsonb(c) || jsonb_build_object(
      'status', private.change_state(c), 'lines', q.lines,
      'payment', case when p_side <> 'host' then (select to_jsonb(p) from public.payments p where p.payable_id = c.id) end,
      'host_amount', case when p_side <> 'renter' then q.host_amount end) order by c.created_at, c.id)
    from public.booking_changes c
    join public.quotes q on q.id = c.quote_id
    where c.booking_id = p_booking.id
  ), '[]');
end
$$;

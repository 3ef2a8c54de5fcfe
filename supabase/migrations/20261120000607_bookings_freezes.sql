-- Bookings: holding a booking's money back while something is unclear.
-- Rule kept here: while one hold lives, the deposit is not returned and the host's share is not paid out; a
-- payout that carries it and is not sent yet is held too, and goes on when the last hold is released.
-- Left out on purpose: who may complain and what is decided; complaints will place and release holds here.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('booking_money_held', 409, false, 'The money of this booking is frozen while we look into it. Wait until it is released.', 'Tiền của đơn đặt xe này đang tạm giữ để xem xét. Vui lòng chờ đến khi được giải tỏa.');

create table private.booking_holds (
  id uuid primary key default gen_random_uuid(),
  booking_id uuid not null references public.bookings on delete restrict,
  reason text not null,
  placed_by uuid references public.profiles on delete restrict,
  placed_at timestamptz not null default now(),
  released_by uuid references public.profiles on delete restrict,
  released_at timestamptz,
  constraint booking_holds_reason_length check (char_length(reason) between 1 and 500)
);
create unique index booking_holds_once_per_reason on private.booking_holds (booking_id, reason) where released_at is null;
comment on table private.booking_holds is 'Why the money of a booking waits; several may hold it, each by a reason of its own.';
alter table private.booking_holds enable row level security;

create function private.booking_money_held(p_booking_id uuid)
returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (select from private.booking_holds where booking_id = p_booking_id and released_at is null);
end
$$;

-- For commands of other modules too. Lock order: booking, the host's ledger account, payouts.
create function private.place_booking_hold(p_booking_id uuid, p_reason text)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform 1 from public.bookings where id = p_booking_id for no key update;
  if not found then
    perform private.fail('booking_not_found');
  end if;
  insert into private.booking_holds (booking_id, reason, placed_by) values (p_booking_id, p_reason, auth.uid())
  on conflict do nothing;
  if found then
    perform private.record_event('booking.money_held', p_booking_id, jsonb_build_object('reason', p_reason));
    perform private.hold_payouts_of(p_booking_id);
  end if;
end
$$;

-- Releases one reason, or all of them.
create function private.release_booking_holds(p_booking_id uuid, p_reason text default null)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform 1 from public.bookings where id = p_booking_id for no key update;
  if not found then
    perform private.fail('booking_not_found');
  end if;
  update private.booking_holds set released_at = now(), released_by = auth.uid()
  where booking_id = p_booking_id and released_at is null and (p_reason is null or reason = p_reason);
  if found and not private.booking_money_held(p_booking_id) then
    perform private.record_event('booking.money_released', p_booking_id);
    perform private.release_payouts_of(p_booking_id);
  end if;
end
$$;

create function private.booking_holds_of(p_booking_id uuid)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return jsonb_build_object('booking_id', p_booking_id, 'held', private.booking_money_held(p_booking_id), 'holds', coalesce((
    select jsonb_agg(jsonb_build_object('reason', h.reason, 'placed_by', h.placed_by, 'placed_at', h.placed_at,
      'released_by', h.released_by, 'released_at', h.released_at) order by h.placed_at, h.id)
    from private.booking_holds h where h.booking_id = p_booking_id
  ), '[]'));
end
$$;

create function private.hold_booking_money(p_booking_id uuid, p_reason text)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.require_admin();
  if coalesce(char_length(btrim(p_reason)), 0) not between 1 and 500 then
    perform private.fail_input('reason', 'must have 1 to 500 characters');
  end if;
  perform private.set_audit_context('admin', p_reason);
  perform private.place_booking_hold(p_booking_id, btrim(p_reason));
  return private.booking_holds_of(p_booking_id);
end
$$;
create function public.hold_booking_money(booking_id uuid, reason text)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.hold_booking_money(booking_id, reason) $$;
comment on function public.hold_booking_money is 'Admin: keeps the deposit and the host''s share of a booking until released. Answers {booking_id, held, holds}. Repeatable. Errors: forbidden, booking_not_found, invalid_input.';
select private.expose('hold_booking_money(uuid, text)', 'authenticated');

create function private.release_booking_money(p_booking_id uuid, p_reason text)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.require_admin();
  perform private.set_audit_context('admin');
  perform private.release_booking_holds(p_booking_id, p_reason);
  return private.booking_holds_of(p_booking_id);
end
$$;
create function public.release_booking_money(booking_id uuid, reason text default null)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.release_booking_money(booking_id, reason) $$;
comment on function public.release_booking_money is 'Admin: releases the hold of this reason, or every hold, of a booking. Deposit and payout go on when none is left. Answers {booking_id, held, holds}. Repeatable. Errors: forbidden, booking_not_found.';
select private.expose('release_booking_money(uuid, text)', 'authenticated');

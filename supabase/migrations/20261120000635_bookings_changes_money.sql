-- Bookings: the money of extensions.
-- Rule kept here: what an extension costs is held in its own escrow and moves when that of its booking does: earned with
-- the trip, given back by the same share. What is earned waits and freezes with the booking.
-- Left out on purpose: a deposit; that of the booking covers the whole trip.

create function private.open_extension_payment(p_change public.booking_changes, p_booking public.bookings)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.open_payment(
    p_change.id, 'extension', p_booking.renter_id, p_booking.code, (select title from public.vehicles where id = p_booking.vehicle_id),
    p_change.previous_ends_at, p_change.ends_at, p_change.total_amount, p_change.currency,
    array[('escrow', p_change.id::text, -p_change.total_amount)::private.ledger_line],
    p_change.total_amount, p_change.tax_amount, p_change.hold_expires_at, p_booking.id
  );
end
$$;

create function private.extension_lines(p_payable_id uuid)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (select q.lines from public.booking_changes c join public.quotes q on q.id = c.quote_id where c.id = p_payable_id);
end
$$;

create function private.lock_extension_payable(p_payable_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.lock_booking_payable((select booking_id from public.booking_changes where id = p_payable_id));
end
$$;

create function private.check_extension_payable(p_payable_id uuid)
returns text
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select case when private.extension_stands(c, b) then (private.extension_problem(b, c.ends_at)).code else 'booking_not_extendable' end
    from public.booking_changes c join public.bookings b on b.id = c.booking_id
    where c.id = p_payable_id
  );
end
$$;

-- Whether the trip is still one that can get this end: it goes on, it ends where it did, and nobody recorded its return.
create function private.extension_stands(p_change public.booking_changes, p_booking public.bookings)
returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return private.booking_state(p_booking) in ('confirmed', 'in_progress') and p_booking.ends_at = p_change.previous_ends_at
    and p_booking.ends_at > now() and p_booking.checked_out_at is null
    and not exists (
      select from public.booking_inspections i
      where i.booking_id = p_booking.id and i.kind = 'check_out' and i.status in ('recorded', 'contested'));
end
$$;

-- Moves the end of the booking's slot to the new end and its buffer. It answers null, or why not: deadline, or what
-- private.extension_problem() says. The caller holds the vehicle's lock.
create function private.take_extension(p_change public.booking_changes, p_booking public.bookings)
returns text
language plpgsql volatile set search_path = ''
as $$
declare
  v_range tstzrange := private.extension_range(p_booking, p_change.ends_at);
  v_problem text := (private.extension_problem(p_booking, p_change.ends_at)).code;
begin
  if not private.extension_stands(p_change, p_booking) then
    return 'deadline';
  elsif p_change.status = 'pending_payment' and p_change.hold_expires_at > now() then
    -- in time: the hold is a promise
    if v_problem is not null then
      return v_problem;
    end if;
  elsif v_problem is not null
    or exists (select from public.booking_changes c where c.booking_id = p_booking.id and c.id <> p_change.id and c.status in ('requested', 'pending_payment'))
    or not exists (select from public.vehicles v where v.id = p_booking.vehicle_id and v.status = 'published') then
    return 'deadline';
  end if;
  begin
    delete from public.calendar_entries where change_id = p_change.id;
    if not isempty(v_range) then
      perform private.release_expired_holds(p_booking.vehicle_id, v_range);
      update public.calendar_entries set blocked = tstzrange(lower(blocked), upper(v_range))
      where booking_id = p_booking.id and kind = 'booking';
    end if;
  exception
    when exclusion_violation then
      return 'deadline';
  end;
  return null;
end
$$;

-- Confirms it, in time or late, when the time is still free.
create function private.settle_extension_payable(p_payable_id uuid)
returns boolean
language plpgsql volatile set search_path = ''
as $$
declare
  v_change public.booking_changes;
  v_booking public.bookings;
  v_problem text;
  v_cause text := private.audit_cause();
begin
  select * into v_change from public.booking_changes where id = p_payable_id;
  if v_change.status not in ('pending_payment', 'expired') then
    return false;
  end if;
  select * into strict v_booking from public.bookings where id = v_change.booking_id;
  v_problem := private.take_extension(v_change, v_booking);
  if v_problem is not null then
    if v_change.status = 'pending_payment' then
      -- the notification says why by this cause
      perform private.set_audit_context(v_problem);
      perform private.expire_change(v_change);
      perform private.set_audit_context(v_cause);
    end if;
    return false;
  end if;
  update public.booking_changes set status = 'confirmed', confirmed_at = now() where id = v_change.id;
  update public.bookings set period = tstzrange(starts_at, v_change.ends_at) where id = v_booking.id returning * into v_booking;
  -- a check-in that waits for an answer may have been due at the end that was
  update public.booking_inspections i
  set counts_at = least(greatest(i.recorded_at, v_booking.starts_at) + make_interval(hours => private.setting('check_in_answer_hours')::int), v_booking.ends_at)
  where i.booking_id = v_booking.id and i.kind = 'check_in' and i.status = 'recorded';
  perform private.decline_overlapping(v_booking);
  return true;
end
$$;

create function private.expire_extension_payable(p_payable_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.expire_change(c) from public.booking_changes c where c.id = p_payable_id and c.status = 'pending_payment';
end
$$;

-- One that is paid is part of its booking, and goes back with it.
create function private.cancel_extension_payable(p_payable_id uuid, p_reason text)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_change public.booking_changes;
begin
  select * into strict v_change from public.booking_changes where id = p_payable_id;
  if v_change.status <> 'pending_payment' then
    perform private.fail('booking_not_cancellable', jsonb_build_object('status', v_change.status));
  end if;
  perform private.set_audit_context('admin', p_reason);
  perform private.call_off_change(v_change);
end
$$;

insert into private.payable_kinds (kind, lock_function, check_function, settle_function, expire_function, cancel_function, lines_function, moves_with_whole) values
  ('extension', 'lock_extension_payable', 'check_extension_payable', 'settle_extension_payable', 'expire_extension_payable', 'cancel_extension_payable', 'extension_lines', true);

-- What a booking does with an extension that is not paid when it ends or is called off.
create function private.end_live_change(p_booking_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.call_off_change(c) from public.booking_changes c
  where c.booking_id = p_booking_id and c.status in ('requested', 'pending_payment');
end
$$;

-- The parts of the paid extensions of a booking, when so many basis points go back.
create function private.extension_amounts(p_booking_id uuid, p_refund_bps int)
returns table (change_id uuid, total_amount bigint, refund_amount bigint, host_keeps bigint, platform_keeps bigint, tax_keeps bigint)
language sql stable set search_path = ''
as $$
  select k.id, k.total_amount, k.total_amount - k.host - k.platform - k.tax, k.host, k.platform, k.tax
  from (
    -- what is kept rounds down, as in private.cancellation_amounts
    select c.id, c.total_amount, q.host_amount * (10000 - p_refund_bps) / 10000 as host,
      q.platform_amount * (10000 - p_refund_bps) / 10000 as platform, q.tax_amount * (10000 - p_refund_bps) / 10000 as tax
    from public.booking_changes c
    join public.quotes q on q.id = c.quote_id
    where c.booking_id = p_booking_id and c.status = 'confirmed' and c.total_amount > 0
  ) k
$$;

create function private.extensions_given_back(p_booking_id uuid, p_refund_bps int, out refund_amount bigint, out kept_amount bigint)
language sql stable set search_path = ''
as $$
  select coalesce(sum(a.refund_amount), 0)::bigint, coalesce(sum(a.total_amount - a.refund_amount), 0)::bigint
  from private.extension_amounts(p_booking_id, p_refund_bps) a
$$;

-- Gives back the same share of each as of the booking. The caller holds the locks of the booking, which is paid.
create function private.give_back_extensions(p_booking public.bookings, p_refund_bps int, p_kind text)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_part record;
begin
  for v_part in select * from private.extension_amounts(p_booking.id, p_refund_bps) order by change_id loop
    perform private.post_ledger('extension_given_back', v_part.change_id::text, p_booking.currency, p_booking.id, array[
      ('escrow', v_part.change_id::text, v_part.total_amount)::private.ledger_line,
      ('refund_payable', v_part.change_id::text, -v_part.refund_amount)::private.ledger_line,
      ('host_payable', p_booking.host_id::text, -v_part.host_keeps)::private.ledger_line,
      ('platform_revenue', '', -v_part.platform_keeps)::private.ledger_line,
      ('tax_payable', '', -v_part.tax_keeps)::private.ledger_line
    ]);
    perform private.order_refund(v_part.change_id, p_kind, v_part.refund_amount, v_part.refund_amount,
      (select tax_amount from public.booking_changes where id = v_part.change_id) - v_part.tax_keeps);
  end loop;
end
$$;

-- The host has earned them with the trip.
create function private.complete_extensions(p_booking public.bookings)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_part record;
begin
  perform private.end_live_change(p_booking.id);
  for v_part in select * from private.extension_amounts(p_booking.id, 0) order by change_id loop
    perform private.post_ledger('extension_completed', v_part.change_id::text, p_booking.currency, p_booking.id, array[
      ('escrow', v_part.change_id::text, v_part.total_amount)::private.ledger_line,
      ('host_payable', p_booking.host_id::text, -v_part.host_keeps)::private.ledger_line,
      ('platform_revenue', '', -v_part.platform_keeps)::private.ledger_line,
      ('tax_payable', '', -v_part.tax_keeps)::private.ledger_line
    ]);
  end loop;
end
$$;

-- What the ledger must hold because of extensions, for reconcile_ledger.
create function private.extensions_expected_lines()
returns setof private.expected_line
language sql stable set search_path = ''
as $$
  select case b.status when 'completed' then 'extension_completed' else 'extension_given_back' end,
    a.change_id::text, b.id, b.currency, l.kind, l.owner, l.amount
  from public.bookings b
  cross join lateral private.extension_amounts(b.id, case b.status when 'completed' then 0 else b.refund_bps end) a
  cross join lateral (
    values
      ('escrow', a.change_id::text, a.total_amount),
      ('refund_payable', a.change_id::text, -a.refund_amount),
      ('host_payable', b.host_id::text, -a.host_keeps),
      ('platform_revenue', '', -a.platform_keeps),
      ('tax_payable', '', -a.tax_keeps)
  ) l (kind, owner, amount)
  where b.status in ('completed', 'cancelled', 'no_show')
    and b.id in (select c.booking_id from public.booking_changes c where c.status = 'confirmed')
$$;
insert into private.ledger_proofs (function_name, answers) values ('extensions_expected_lines', 'expected_line');

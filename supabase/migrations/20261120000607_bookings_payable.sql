-- Bookings: the payable of a booking, and what happens when its money comes, is late, or goes back.
-- Rule kept here: money held for a trip is in the accounts escrow and deposit of its booking, and what leaves them
-- is what the booking says.
-- Left out on purpose: payments themselves, which know nothing of trips.

insert into private.ledger_account_kinds (kind, description, has_floor, has_payout_floor) values
  ('deposit', 'Security deposit held (per booking)', true, false);
insert into private.refund_kinds (kind, description) values
  ('cancellation', 'What the policy gives back when the renter cancels, and the deposit'),
  ('host_cancellation', 'Everything, when the host or an admin cancels'),
  ('deposit', 'The security deposit, after the trip');

-- Asks for the money of a booking whose slot is held, and answers the booking. With nothing to pay it is confirmed.
create function private.open_booking_payment(p_booking public.bookings, p_title text)
returns public.bookings
language plpgsql volatile set search_path = ''
as $$
declare
  v_booking public.bookings := p_booking;
begin
  perform private.open_payment(
    p_booking.id, 'booking', p_booking.renter_id, p_booking.code, p_title, p_booking.starts_at, p_booking.ends_at,
    p_booking.total_amount, p_booking.currency, array[
      ('escrow', p_booking.id::text, p_booking.deposit_amount - p_booking.total_amount)::private.ledger_line,
      ('deposit', p_booking.id::text, -p_booking.deposit_amount)::private.ledger_line
    ], p_booking.total_amount - p_booking.deposit_amount, p_booking.tax_amount, p_booking.hold_expires_at
  );
  if p_booking.total_amount = 0 then
    -- booking it is what confirms it, unless the host has just accepted it
    perform private.set_audit_context(coalesce(private.audit_cause(), 'renter'), private.audit_reason());
    if not private.settle_booking_payable(p_booking.id) then
      perform private.fail('vehicle_unavailable');
    end if;
    select * into v_booking from public.bookings where id = p_booking.id;
  end if;
  return v_booking;
end
$$;

-- The price lines without the deposit, which is held and not sold.
create function private.booking_lines(p_payable_id uuid)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_path_query_array(q.lines, '$[*] ? (@.code != "security_deposit")')
    from public.bookings b join public.quotes q on q.id = b.quote_id where b.id = p_payable_id
  );
end
$$;

create function private.lock_booking_payable(p_payable_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.lock_vehicle((select vehicle_id from public.bookings where id = p_payable_id));
  perform 1 from public.bookings where id = p_payable_id for no key update;
end
$$;

create function private.check_booking_payable(p_payable_id uuid)
returns text
language plpgsql stable set search_path = ''
as $$
begin
  return (select private.trip_problem(b) from public.bookings b where b.id = p_payable_id);
end
$$;

-- Confirms it, in time or late, when nothing is in the way of the trip.
create function private.settle_booking_payable(p_payable_id uuid)
returns boolean
language plpgsql volatile set search_path = ''
as $$
declare
  v_booking public.bookings;
  v_problem text;
  v_cause text := private.audit_cause();
begin
  select * into v_booking from public.bookings where id = p_payable_id;
  if v_booking.status not in ('pending_payment', 'expired') then
    return false;
  end if;
  v_problem := private.take_slot_at_price(v_booking);
  if v_problem is null then
    update public.bookings
    set status = 'confirmed', confirmed_at = now(), hold_expires_at = null,
        deposit_status = case when deposit_amount > 0 then 'held' else 'none' end
    where id = p_payable_id;
    perform private.decline_overlapping(v_booking);
    return true;
  end if;
  if v_booking.status = 'pending_payment' then
    -- the notification says why by this cause
    perform private.set_audit_context(v_problem);
    perform private.expire_booking(v_booking);
    perform private.set_audit_context(v_cause);
  end if;
  return false;
end
$$;

create function private.expire_booking_payable(p_payable_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.expire_booking(b) from public.bookings b where b.id = p_payable_id and b.status = 'pending_payment';
end
$$;

create function private.cancel_booking_payable(p_payable_id uuid, p_reason text)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.call_off_booking(b, 'admin', p_reason) from public.bookings b where b.id = p_payable_id;
end
$$;

-- Earnings wait for the end of the claim window, also when the window is changed.
create function private.pass_on_claim_window()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  update public.payables set earnings_wait_until = new.claim_until where id = new.id;
  return null;
end
$$;
create trigger pass_on_claim_window after update of claim_until on public.bookings
  for each row when (old.claim_until is distinct from new.claim_until)
  execute function private.pass_on_claim_window();

insert into private.payable_kinds (kind, lock_function, check_function, settle_function, expire_function, cancel_function, lines_function) values
  ('booking', 'lock_booking_payable', 'check_booking_payable', 'settle_booking_payable', 'expire_booking_payable', 'cancel_booking_payable', 'booking_lines');

-- What the ledger must hold because of bookings, for reconcile_ledger; their deposits are in bookings_deposit.
create function private.bookings_expected_lines()
returns setof private.expected_line
language sql stable set search_path = ''
as $$
  select 'booking_completed', b.key, b.id, b.currency, l.kind, l.owner, l.amount
  from (
    select b.id, b.id::text as key, b.host_id::text as host, b.currency, b.total_amount - b.deposit_amount as sold_amount,
           b.tax_amount, q.host_amount, q.platform_amount
    from public.bookings b
    join public.quotes q on q.id = b.quote_id
    where b.status = 'completed'
    -- DO NOT remove: without it each id is written out for every line
    offset 0
  ) b
  cross join lateral (
    values
      ('escrow', b.key, b.sold_amount),
      ('host_payable', b.host, -b.host_amount),
      ('platform_revenue', '', -b.platform_amount),
      ('tax_payable', '', -b.tax_amount)
  ) l (kind, owner, amount)
  union all
  select 'booking_' || b.status, b.id::text, b.id, b.currency, l.kind, l.owner, l.amount
  from public.bookings b
  -- by the share that it says was given back; invariant_cancellation_disagrees compares that with the policy
  cross join lateral private.cancellation_amounts(b, b.refund_bps) k
  cross join lateral (
    values
      ('escrow', b.id::text, b.total_amount - b.deposit_amount),
      ('deposit', b.id::text, b.deposit_amount),
      ('refund_payable', b.id::text, -(k.refund_amount + k.deposit_refund)),
      ('host_payable', b.host_id::text, -k.host_keeps),
      ('platform_revenue', '', -k.platform_keeps),
      ('tax_payable', '', -k.tax_keeps)
  ) l (kind, owner, amount)
  where b.status in ('cancelled', 'no_show') and b.confirmed_at is not null
$$;
insert into private.ledger_proofs (function_name, answers) values ('bookings_expected_lines', 'expected_line');

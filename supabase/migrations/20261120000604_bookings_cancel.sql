-- Bookings: cancelling a trip.
-- Rule kept here: the preview and the cancellation compute with the same function, from the policy
-- stored with the booking, and what was applied is stored; nobody cancels for another amount than was shown; the deposit always returns in full.
-- Left out on purpose: what a host's cancellation costs the host beyond the refund.

-- What the policy of a booking gives its renter back at a moment, in basis points of everything but the deposit.
create function private.policy_bps(p_booking public.bookings, p_at timestamptz)
returns int
language sql stable set search_path = ''
as $$
  select coalesce(max((t ->> 'refund_bps')::int), 0)
  from jsonb_array_elements(p_booking.cancellation_policy -> 'tiers') t
  where p_booking.starts_at - p_at >= make_interval(hours => (t ->> 'hours_before')::int)
$$;

-- What cancelling now would give back. A renter whose vehicle or host is suspended gets everything, whatever the policy says.
create function private.cancellation_bps(p_booking public.bookings, p_by text)
returns int
language sql stable set search_path = ''
as $$
  select case
    when p_booking.confirmed_at is null or p_by <> 'renter' then 10000
    when exists (select from public.vehicles v where v.id = p_booking.vehicle_id and v.status = 'suspended') then 10000
    when private.is_suspended(p_booking.host_id) then 10000
    else private.policy_bps(p_booking, now())
  end
$$;

create function private.cancellation_amounts(p_booking public.bookings, p_refund_bps int)
returns table (refund_amount bigint, deposit_refund bigint, host_keeps bigint, platform_keeps bigint, tax_keeps bigint)
language sql stable set search_path = ''
as $$
  with kept as (
    -- what is kept rounds down, so that rounding favours the renter; the platform has the rest of it, or pays it: its part is
    -- negative when a discount was more than that
    select (p_booking.total_amount - p_booking.deposit_amount) * (10000 - p_refund_bps) / 10000 as sold,
           q.host_amount * (10000 - p_refund_bps) / 10000 as host,
           q.tax_amount * (10000 - p_refund_bps) / 10000 as tax
    from public.quotes q where q.id = p_booking.quote_id
  )
  select p_booking.total_amount - p_booking.deposit_amount - k.sold,
         p_booking.deposit_amount, k.host, k.sold - k.host - k.tax, k.tax
  from kept k
$$;

-- Who the actor is to this booking, or an error.
create function private.booking_side(p_booking public.bookings)
returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
begin
  if p_booking.renter_id = v_user_id then
    return 'renter';
  elsif p_booking.host_id = v_user_id then
    return 'host';
  elsif p_booking.id is not null and private.is_admin() then
    return 'admin';
  end if;
  perform private.fail('booking_not_found');
  return null;
end
$$;

create function private.check_cancellable(p_booking public.bookings, p_side text)
returns void
language plpgsql stable set search_path = ''
as $$
begin
  -- a trip also begins by a deadline, and after its booked end neither side says alone that it did not take place
  if p_booking.status not in ('requested', 'pending_payment', 'confirmed')
     or private.booking_state(p_booking) in ('in_progress', 'completed')
     or (p_booking.status = 'confirmed' and p_booking.ends_at <= now() and p_side <> 'admin') then
    perform private.fail('booking_not_cancellable', jsonb_build_object('status', private.booking_state(p_booking)));
  end if;
  -- an admin must decide first where the frozen money goes
  if private.is_frozen(p_booking.id) then
    perform private.fail('money_frozen');
  end if;
end
$$;

create function private.preview_cancellation(p_booking public.bookings, p_side text)
returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_paid boolean := p_booking.status = 'confirmed';
  v_refund_bps int := private.cancellation_bps(p_booking, p_side);
  -- what came in parts goes back whole
  v_parts bigint := private.received_in_parts((select id from public.payments where payable_id = p_booking.id));
begin
  perform private.check_cancellable(p_booking, p_side);
  return (
    select jsonb_build_object(
      'currency', p_booking.currency,
      'refund_amount', case when v_paid then a.refund_amount + a.deposit_refund + x.refund_amount else v_parts end,
      'deposit_refund', case when v_paid then a.deposit_refund else 0 end,
      'kept_amount', case when v_paid then a.host_keeps + a.platform_keeps + a.tax_keeps + x.kept_amount else 0 end,
      'refund_bps', v_refund_bps,
      'policy', p_booking.cancellation_policy,
      'cancelled_by', p_side
    )
    from private.cancellation_amounts(p_booking, v_refund_bps) a
    cross join private.extensions_given_back(p_booking.id, v_refund_bps) x
  );
end
$$;

create function private.cancel_booking_preview(p_booking_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_booking public.bookings;
begin
  select * into v_booking from public.bookings where id = p_booking_id;
  return private.preview_cancellation(v_booking, private.booking_side(v_booking));
end
$$;
create function public.cancel_booking_preview(booking_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$ select private.cancel_booking_preview(booking_id) $$;
comment on function public.cancel_booking_preview is 'Answers what cancelling now would give back and keep, in minor units: {currency, refund_amount, deposit_refund, kept_amount, refund_bps, policy, cancelled_by}. refund_amount includes the deposit and the share of paid extensions; of a booking that is not paid in full it is what came in parts. While the vehicle or its host is suspended, the renter gets everything back. Errors: booking_not_found, booking_not_cancellable, money_frozen.';
select private.expose('cancel_booking_preview(uuid)', 'authenticated');

-- Cancels a booking. The caller has locked its row and all that comes before it in the order of locks.
create function private.call_off_booking(p_booking public.bookings, p_side text, p_reason text)
returns public.bookings
language plpgsql volatile set search_path = ''
as $$
declare
  v_booking public.bookings;
  v_amounts record;
  v_paid boolean := p_booking.status = 'confirmed';
  v_refund_bps int := private.cancellation_bps(p_booking, p_side);
begin
  perform private.check_cancellable(p_booking, p_side);
  select * into v_amounts from private.cancellation_amounts(p_booking, v_refund_bps);
  perform private.set_audit_context(p_side, p_reason);
  perform private.end_live_change(p_booking.id);
  delete from public.calendar_entries where booking_id = p_booking.id;
  perform private.close_payment(p_booking.id, 'cancelled');
  update public.bookings
  set status = 'cancelled', cancelled_at = now(), cancelled_by = p_side, refund_bps = v_refund_bps, hold_expires_at = null,
      deposit_status = case when deposit_status = 'held' then 'returned' else deposit_status end,
      deposit_returned = case when deposit_status = 'held' then deposit_amount else 0 end
  where id = p_booking.id
  returning * into v_booking;
  if v_paid then
    perform private.post_ledger('booking_cancelled', v_booking.id::text, v_booking.currency, v_booking.id, array[
      ('escrow', v_booking.id::text, v_booking.total_amount - v_booking.deposit_amount)::private.ledger_line,
      ('deposit', v_booking.id::text, v_booking.deposit_amount)::private.ledger_line,
      ('refund_payable', v_booking.id::text, -(v_amounts.refund_amount + v_amounts.deposit_refund))::private.ledger_line,
      ('host_payable', v_booking.host_id::text, -v_amounts.host_keeps)::private.ledger_line,
      ('platform_revenue', '', -v_amounts.platform_keeps)::private.ledger_line,
      ('tax_payable', '', -v_amounts.tax_keeps)::private.ledger_line
    ]);
    perform private.order_refund(v_booking.id, case when p_side = 'renter' then 'cancellation' else 'host_cancellation' end,
      v_amounts.refund_amount + v_amounts.deposit_refund, v_amounts.refund_amount, v_booking.tax_amount - v_amounts.tax_keeps);
    perform private.give_back_extensions(v_booking, v_refund_bps, case when p_side = 'renter' then 'cancellation' else 'host_cancellation' end);
  end if;
  return v_booking;
end
$$;

create function private.cancel_booking(p_booking_id uuid, p_expected_refund_amount bigint, p_reason text, p_idempotency_key uuid)
returns public.bookings
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_stored jsonb;
  v_booking public.bookings;
  v_side text;
  v_preview jsonb;
begin
  v_stored := private.begin_command('cancel_booking', p_idempotency_key, jsonb_build_object(
    'booking_id', p_booking_id, 'expected_refund_amount', p_expected_refund_amount, 'reason', p_reason));
  if v_stored is not null then
    select * into v_booking from public.bookings where id = p_booking_id;
    return v_booking;
  end if;
  if p_reason is not null then
    perform private.require_reason(p_reason);
  end if;
  if p_expected_refund_amount is null then
    perform private.fail_input('expected_refund_amount', 'must be the refund_amount of the preview that was shown');
  end if;
  select * into v_booking from public.bookings where id = p_booking_id for no key update;
  v_side := private.booking_side(v_booking);
  v_preview := private.preview_cancellation(v_booking, v_side);
  -- a tier of the policy may have passed, or the money may have come, since it was shown
  if (v_preview ->> 'refund_amount')::bigint <> p_expected_refund_amount then
    perform private.fail('refund_changed', jsonb_build_object('preview', v_preview));
  end if;
  v_booking := private.call_off_booking(v_booking, v_side, p_reason);
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', p_booking_id));
  return v_booking;
end
$$;
create function public.cancel_booking(booking_id uuid, expected_refund_amount bigint, reason text, idempotency_key uuid)
returns public.bookings
language sql volatile set search_path = ''
as $$ select private.cancel_booking(booking_id, expected_refund_amount, reason, idempotency_key) $$;
comment on function public.cancel_booking is 'Cancels a booking that has not started, as renter, host or admin. `expected_refund_amount` is the refund_amount of cancel_booking_preview that the caller saw, in minor units (0 for an unpaid booking); the command is refused when it has changed. Errors: booking_not_found, booking_not_cancellable, refund_changed (details.preview is the new one), money_frozen, invalid_input.';
select private.expose('cancel_booking(uuid, bigint, text, uuid)', 'authenticated');

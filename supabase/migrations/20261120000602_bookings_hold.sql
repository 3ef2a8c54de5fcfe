-- Bookings: taking a slot and letting it go.
-- Rule kept here: a slot is held and its payment created in one transaction, or neither is; what is
-- overdue is released by whoever needs the slot, so correctness never waits for a job.
-- Left out on purpose: prices; they come from an unexpired quote and nowhere else.

-- Ends one unpaid hold or unanswered request. The caller holds the row's lock.
create function private.expire_booking(p_booking public.bookings)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  delete from public.calendar_entries where booking_id = p_booking.id and kind = 'hold';
  perform private.close_payment(p_booking.id, 'expired');
  update public.bookings set status = 'expired' where id = p_booking.id;
  perform private.notify_renter(p_booking.id, 'booking_expired');
end
$$;

-- Frees what overdue holds keep of a range. A hold that somebody is settling right now is left to them.
create function private.release_expired_holds(p_vehicle_id uuid, p_range tstzrange)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_booking public.bookings;
begin
  for v_booking in
    select b.*
    from public.calendar_entries c
    join public.bookings b on b.id = c.booking_id
    where c.vehicle_id = p_vehicle_id and c.kind = 'hold' and c.expires_at <= now() and c.blocked && p_range
      and b.status = 'pending_payment'
    order by b.id
    for no key update of b skip locked
  loop
    perform private.set_audit_context('deadline');
    perform private.expire_booking(v_booking);
  end loop;
end
$$;

-- Blocks the slot of a booking as a hold until its payment's time is over.
create function private.hold_slot(p_booking public.bookings, p_buffer_minutes int)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_blocked tstzrange := private.blocked_range(p_booking.starts_at, p_booking.ends_at, p_buffer_minutes);
  v_is_cleared boolean := false;
begin
  -- Without it, two inserts that exclude each other would wait for one another.
  perform private.lock_vehicle(p_booking.vehicle_id);
  loop
    -- The constraint is asked first, as it has to be asked anyway and nearly always agrees.
    begin
      insert into public.calendar_entries (vehicle_id, kind, blocked, booking_id, expires_at)
      values (p_booking.vehicle_id, 'hold', v_blocked, p_booking.id, p_booking.hold_expires_at);
      return;
    exception
      when exclusion_violation then
        if v_is_cleared or not private.is_free(p_booking.vehicle_id, v_blocked) then
          perform private.fail('vehicle_unavailable');
        end if;
    end;
    -- Only holds whose time is over are in the way.
    perform private.release_expired_holds(p_booking.vehicle_id, v_blocked);
    v_is_cleared := true;
  end loop;
end
$$;

-- When the host must answer: 8 hours, or half of what is left before a start that is nearer.
create function private.answer_deadline(p_starts_at timestamptz)
returns timestamptz
language sql stable set search_path = ''
as $$ select now() + least(interval '8 hours', greatest((p_starts_at - now()) / 2, interval '15 minutes')) $$;

create function private.create_booking(p_quote_id uuid, p_idempotency_key uuid)
returns public.bookings
language plpgsql volatile security definer set search_path = ''
as $$
declare
  -- begin_command refuses whoever is not signed in
  v_renter_id uuid := auth.uid();
  -- known beforehand, so that the answer is stored together with the key
  v_booking_id uuid := gen_random_uuid();
  v_stored jsonb;
  v_quote public.quotes;
  v_vehicle public.vehicles;
  v_booking public.bookings;
begin
  v_stored := private.begin_command('create_booking', p_idempotency_key, jsonb_build_object('quote_id', p_quote_id),
    jsonb_build_object('id', v_booking_id));
  if v_stored is not null then
    select * into v_booking from public.bookings where id = (v_stored ->> 'id')::uuid;
    return v_booking;
  end if;
  perform private.take_token('create_booking', v_renter_id::text);
  select * into v_quote from public.quotes where id = p_quote_id and renter_id = v_renter_id;
  if not found then
    perform private.fail('quote_not_found');
  end if;
  if v_quote.expires_at <= now() then
    perform private.fail(case when exists (select from public.bookings where quote_id = p_quote_id) then 'quote_used' else 'quote_expired' end);
  end if;
  v_vehicle := private.bookable_vehicle(v_renter_id, v_quote.vehicle_id, v_quote.starts_at, v_quote.ends_at);

  insert into public.bookings (
    id, quote_id, vehicle_id, renter_id, host_id, period, status, currency, total_amount, deposit_amount, host_amount,
    platform_amount, tax_amount, cancellation_policy, hold_expires_at, answer_by
  ) values (
    v_booking_id, v_quote.id, v_quote.vehicle_id, v_renter_id, v_vehicle.host_id, v_quote.period,
    case when v_vehicle.instant_book then 'pending_payment' else 'requested' end,
    v_quote.currency, v_quote.total_amount, v_quote.deposit_amount, v_quote.host_amount, v_quote.platform_amount,
    v_quote.tax_amount, v_quote.cancellation_policy,
    case when v_vehicle.instant_book then now() + make_interval(mins => (private.setting('hold_minutes'))::int) end,
    case when not v_vehicle.instant_book then private.answer_deadline(v_quote.starts_at) end
  )
  -- a quote makes one booking; of two requests at once the second waits here, and is told
  on conflict (quote_id) do nothing
  returning * into v_booking;
  if not found then
    perform private.fail('quote_used');
  end if;

  if v_vehicle.instant_book then
    perform private.hold_slot(v_booking, v_vehicle.buffer_minutes);
    perform private.open_payment(v_booking);
  else
    if not private.is_free(v_booking.vehicle_id, private.blocked_range(v_booking.starts_at, v_booking.ends_at, v_vehicle.buffer_minutes)) then
      perform private.fail('vehicle_unavailable');
    end if;
    perform private.notify_host(v_booking.id, 'booking_requested');
  end if;
  return v_booking;
end
$$;

create function public.create_booking(quote_id uuid, idempotency_key uuid)
returns public.bookings
language sql volatile set search_path = ''
as $$ select private.create_booking(quote_id, idempotency_key) $$;
comment on function public.create_booking is 'Turns the caller''s quote into a booking: holds the slot for 15 minutes and creates its payment, or, where the host wants to answer first, asks the host. Errors: quote_not_found, quote_used, quote_expired, vehicle_unavailable, vehicle_not_published, period_in_past, notice_too_short, licence_*, idempotency_conflict, rate_limited.';
select private.expose('create_booking(uuid, uuid)', 'authenticated');

create function private.answer_booking(p_booking_id uuid, p_accept boolean, p_reason text, p_idempotency_key uuid)
returns public.bookings
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_host_id uuid := private.require_user();
  v_stored jsonb;
  v_booking public.bookings;
  v_other public.bookings;
  v_buffer int;
begin
  v_stored := private.begin_command('answer_booking', p_idempotency_key,
    jsonb_build_object('booking_id', p_booking_id, 'accept', p_accept, 'reason', p_reason));
  if v_stored is not null then
    select * into v_booking from public.bookings where id = p_booking_id;
    return v_booking;
  end if;
  if p_accept is null or char_length(p_reason) > 500 then
    perform private.fail_input('accept', 'accept is required; reason at most 500 characters');
  end if;
  select * into v_booking from public.bookings where id = p_booking_id and host_id = v_host_id;
  if not found then
    perform private.fail('booking_not_found');
  end if;
  perform private.lock_vehicle(v_booking.vehicle_id);
  select * into v_booking from public.bookings where id = p_booking_id for no key update;
  if v_booking.status <> 'requested' then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'booking', 'from', v_booking.status, 'to', case when p_accept then 'pending_payment' else 'declined' end));
  end if;
  if v_booking.answer_by <= now() or v_booking.starts_at <= now() then
    perform private.fail('hold_expired');
  end if;
  perform private.set_audit_context('host', p_reason);
  if not p_accept then
    update public.bookings set status = 'declined' where id = p_booking_id returning * into v_booking;
    perform private.notify_renter(p_booking_id, 'booking_declined');
  else
    select buffer_minutes into v_buffer from public.vehicles where id = v_booking.vehicle_id and status = 'published';
    if not found then
      perform private.fail('vehicle_not_published');
    end if;
    update public.bookings
    set status = 'pending_payment', hold_expires_at = now() + make_interval(mins => (private.setting('hold_minutes'))::int)
    where id = p_booking_id
    returning * into v_booking;
    perform private.hold_slot(v_booking, v_buffer);
    perform private.open_payment(v_booking);
    perform private.notify_renter(p_booking_id, 'booking_accepted');
    -- the requests that can no longer be met are answered too
    perform private.set_audit_context('overlap');
    for v_other in
      select * from public.bookings
      where vehicle_id = v_booking.vehicle_id and status = 'requested' and id <> p_booking_id
        and private.blocked_range(starts_at, ends_at, v_buffer) && private.blocked_range(v_booking.starts_at, v_booking.ends_at, v_buffer)
      order by id
      for no key update
    loop
      update public.bookings set status = 'declined' where id = v_other.id;
      perform private.notify_renter(v_other.id, 'booking_declined');
    end loop;
  end if;
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', p_booking_id));
  return v_booking;
end
$$;
create function public.answer_booking(booking_id uuid, accept boolean, idempotency_key uuid, reason text default null)
returns public.bookings
language sql volatile set search_path = ''
as $$ select private.answer_booking(booking_id, accept, reason, idempotency_key) $$;
comment on function public.answer_booking is 'Host: accepts a request (its slot is held and its payment opened; overlapping requests are declined) or declines it. Errors: booking_not_found, vehicle_not_published, illegal_transition, hold_expired (the time to answer is over), vehicle_unavailable, idempotency_conflict.';
revoke all on function public.answer_booking(uuid, boolean, uuid, text), private.answer_booking(uuid, boolean, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.answer_booking(uuid, boolean, uuid, text), private.answer_booking(uuid, boolean, text, uuid) to authenticated;

-- The tidier: nothing depends on it having run.
create function private.expire_overdue_bookings(p_limit int default 500)
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_booking public.bookings;
  v_count int := 0;
begin
  perform private.set_audit_context('deadline');
  for v_booking in
    select * from public.bookings
    where (status = 'pending_payment' and hold_expires_at <= now())
       or (status = 'requested' and least(answer_by, starts_at) <= now())
    order by id
    limit p_limit
    for no key update skip locked
  loop
    -- one that cannot be tidied must not keep the others; check_invariants shows it
    begin
      perform private.expire_booking(v_booking);
      v_count := v_count + 1;
    exception
      when data_exception or integrity_constraint_violation or raise_exception then
        raise warning 'booking % could not be expired: %', v_booking.id, sqlerrm;
    end;
  end loop;
  return v_count;
end
$$;

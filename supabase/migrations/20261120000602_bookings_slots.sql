-- Bookings: taking a slot and letting it go.
-- Rule kept here: a transaction that takes a slot holds the vehicle's lock, and releases overdue holds that are in its
-- way, so that correctness never waits for a job.
-- Left out on purpose: what stands in the way besides other bookings, which private.rental_reasons says.

-- Ends one unpaid hold or unanswered request, whose payment, if any, is closed. The caller holds the row's lock.
create function private.expire_booking(p_booking public.bookings)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  delete from public.calendar_entries where booking_id = p_booking.id and kind = 'hold';
  update public.bookings set status = 'expired' where id = p_booking.id;
end
$$;

-- Ends overdue holds that overlap a range. It skips a hold that another transaction is settling now.
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
    perform private.close_payment(v_booking.id, 'expired');
    perform private.expire_booking(v_booking);
  end loop;
  perform private.release_expired_extensions(p_vehicle_id, p_range);
end
$$;

-- Blocks a range, the slot of a booking, as a hold until its payment's time is over; false when something is in the way.
create function private.hold_slot(p_booking public.bookings, p_blocked tstzrange)
returns boolean
language plpgsql volatile set search_path = ''
as $$
begin
  -- Without the lock, two inserts that exclude each other could deadlock.
  perform private.lock_vehicle(p_booking.vehicle_id);
  -- no entry of the calendar says that a vehicle is not back
  if exists (select from private.overdue_vehicles o where o.vehicle_id = p_booking.vehicle_id and o.blocked && p_blocked) then
    return false;
  end if;
  for v_try in 1 .. 2 loop
    -- The insert comes first: the constraint must check it anyway, and nearly always allows it.
    begin
      insert into public.calendar_entries (vehicle_id, kind, blocked, booking_id, expires_at, holder_id)
      values (p_booking.vehicle_id, 'hold', p_blocked, p_booking.id, p_booking.hold_expires_at, p_booking.renter_id);
      return true;
    exception
      when exclusion_violation then
        exit when v_try = 2 or not private.is_free(p_booking.vehicle_id, p_blocked);
    end;
    -- Only holds whose time is over are in the way.
    perform private.release_expired_holds(p_booking.vehicle_id, p_blocked);
  end loop;
  return false;
end
$$;

-- Why a booked trip may not go ahead now, or null: the vehicle or one of the two is suspended, or the renter may no longer
-- drive it.
create function private.trip_problem(p_booking public.bookings)
returns text
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select case when v.status = 'suspended' then 'vehicle_suspended'
      when exists (select from private.suspended_people s where s.user_id in (p_booking.renter_id, p_booking.host_id)) then 'party_suspended'
      else private.licence_problem(p_booking.renter_id, p_booking.vehicle_id, p_booking.period) end
    from public.vehicles v where v.id = p_booking.vehicle_id
  );
end
$$;

-- The vehicle is not handed over then, whichever of the two asks.
create function private.check_hand_over(p_booking public.bookings)
returns void
language plpgsql stable set search_path = ''
as $$
declare
  v_problem text := private.trip_problem(p_booking);
begin
  if v_problem = 'vehicle_suspended' then
    perform private.fail('vehicle_suspended');
  elsif v_problem = 'party_suspended' then
    perform private.fail('party_suspended');
  elsif v_problem is not null then
    perform private.fail('renter_licence_invalid');
  end if;
end
$$;

-- Takes the slot of a booking whose money has come. The caller holds the vehicle's lock. It answers null, or why the
-- booking cannot be confirmed: deadline, or what private.trip_problem() says. Deadlines and states are compared here,
-- so money is judged the same before and after a job has recorded that a hold is over.
create function private.take_slot(p_booking public.bookings)
returns text
language plpgsql volatile set search_path = ''
as $$
declare
  v_blocked tstzrange;
  v_problem text := private.trip_problem(p_booking);
begin
  if p_booking.ends_at <= now() then
    return 'deadline';
  elsif p_booking.status = 'pending_payment' and p_booking.hold_expires_at > now() then
    -- In time. The hold is a promise: it stands when the host meanwhile edits or archives the listing.
    if v_problem is null then
      update public.calendar_entries set kind = 'booking', expires_at = null, holder_id = null where booking_id = p_booking.id;
    end if;
    return v_problem;
  elsif v_problem is not null or p_booking.starts_at <= now() then
    return 'deadline';
  end if;
  -- Late. It is a new booking, so the listing must be offered and the slot free.
  select private.blocked_range(p_booking.starts_at, p_booking.ends_at, v.buffer_minutes) into v_blocked
  from public.vehicles v where v.id = p_booking.vehicle_id and v.status = 'published';
  if not found then
    return 'deadline';
  end if;
  delete from public.calendar_entries where booking_id = p_booking.id;
  perform private.release_expired_holds(p_booking.vehicle_id, v_blocked);
  if not private.is_free(p_booking.vehicle_id, v_blocked) then
    return 'deadline';
  end if;
  begin
    insert into public.calendar_entries (vehicle_id, kind, blocked, booking_id)
    values (p_booking.vehicle_id, 'booking', v_blocked, p_booking.id);
  exception
    when exclusion_violation then
      return 'deadline';
  end;
  return null;
end
$$;

-- A cleanup job for requests without an answer. Nothing depends on it. Holds end with their payment
-- (payments_attempts).
create function private.expire_overdue_requests(p_limit int default 500)
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
    where status = 'requested' and least(answer_by, starts_at) <= now()
    order by id
    limit p_limit
    for no key update skip locked
  loop
    -- one that fails must not stop the others; check_invariants shows it
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

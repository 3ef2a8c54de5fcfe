-- Bookings: handing the vehicle over and taking it back.
-- Rule kept here: an inspection is recorded by one side, with photos from every required angle and by the server's
-- clock; it moves the booking only when it counts: when the other side acknowledged it, when its time has passed
-- without an answer, or when an admin upheld it. A time that has passed counts whether or not a job has run. Silence
-- never ends a trip before its booked end.
-- Left out on purpose: the answers of the other side (bookings_answers) and the deposit (bookings_deposit).

-- Until when the other side can answer an inspection that is recorded now.
create function private.answer_until(p_booking public.bookings, p_kind text)
returns timestamptz
language plpgsql stable set search_path = ''
as $$
begin
  return case p_kind
    when 'check_in' then
      least(greatest(now(), p_booking.starts_at) + make_interval(hours => (private.setting('check_in_answer_hours'))::int), p_booking.ends_at)
    else
      greatest(now(), p_booking.ends_at) + make_interval(hours => (private.setting('check_out_answer_hours'))::int)
  end;
end
$$;

create function private.record_inspection(p_booking public.bookings, p_kind text, p_odometer_km int, p_fuel_percent int, p_photos jsonb, p_note text)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_required constant text[] := array['front', 'rear', 'left', 'right', 'dashboard'];
  v_user_id uuid := auth.uid();
  v_missing text[];
  v_inspection_id uuid;
  v_photo jsonb;
begin
  if coalesce(p_odometer_km, -1) not between 0 and 5000000 then
    perform private.fail_input('odometer_km', 'must be 0 to 5000000');
  end if;
  if coalesce(p_fuel_percent, -1) not between 0 and 100 then
    perform private.fail_input('fuel_percent', 'must be 0 to 100');
  end if;
  if char_length(p_note) > 2000 then
    perform private.fail_input('note', 'must have at most 2000 characters');
  end if;
  if jsonb_typeof(p_photos) is distinct from 'array' then
    perform private.fail_input('photos', 'must be an array of {media_id, angle}');
  end if;
  if jsonb_array_length(p_photos) > cardinality(v_required)
     or exists (
       select from jsonb_array_elements(p_photos) f
       where coalesce(f ->> 'angle', '') <> all (v_required)
          or coalesce(f ->> 'media_id', '') !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
     ) then
    perform private.fail_input('photos', 'must each have a media_id and an angle: front, rear, left, right or dashboard, each once');
  end if;
  select array_agg(r) into v_missing from unnest(v_required) r
  where r not in (select f ->> 'angle' from jsonb_array_elements(p_photos) f);
  if v_missing is not null then
    perform private.fail('inspection_incomplete', jsonb_build_object('missing', v_missing));
  end if;
  insert into public.booking_inspections (booking_id, kind, odometer_km, fuel_percent, note, recorded_by, counts_at)
  values (p_booking.id, p_kind, p_odometer_km, p_fuel_percent, coalesce(private.tidy_lines(p_note), ''), v_user_id, private.answer_until(p_booking, p_kind))
  returning id into v_inspection_id;
  for v_photo in select * from jsonb_array_elements(p_photos) loop
    perform private.require_media((v_photo ->> 'media_id')::uuid, v_user_id, 'inspection');
    begin
      insert into public.inspection_photos (inspection_id, angle, media_id, owner_id)
      values (v_inspection_id, v_photo ->> 'angle', (v_photo ->> 'media_id')::uuid, v_user_id);
    exception
      when unique_violation then
        perform private.fail_input('photos', 'must not repeat a photo or reuse one of another inspection');
    end;
  end loop;
  perform private.link_inspection(i) from public.booking_inspections i where i.id = v_inspection_id;
end
$$;

-- The inspection of a kind that was not rejected, or nulls.
create function private.live_inspection(p_booking_id uuid, p_kind text)
returns public.booking_inspections
language plpgsql stable set search_path = ''
as $$
declare
  v_inspection public.booking_inspections;
begin
  select * into v_inspection from public.booking_inspections
  where booking_id = p_booking_id and kind = p_kind and status <> 'rejected';
  return v_inspection;
end
$$;

-- Inspections whose time has passed without an answer, of bookings that wait for them.
create view private.due_inspections with (security_invoker = true) as
select i.id, i.booking_id, i.kind, i.counts_at
from public.booking_inspections i
join public.bookings b on b.id = i.booking_id
where i.status = 'recorded' and i.counts_at <= now()
  and b.status = case i.kind when 'check_in' then 'confirmed' else 'in_progress' end;
comment on view private.due_inspections is 'Inspections that count by now and are not written down as presumed yet.';

-- The state of now: a deadline that has passed is over, whether or not a job has said so.
create function private.booking_state(p_booking public.bookings)
returns text
language plpgsql stable security definer set search_path = ''
as $$
begin
  return case
    when p_booking.status = 'pending_payment' and p_booking.hold_expires_at <= now() then 'expired'
    when p_booking.status = 'requested' and least(p_booking.answer_by, p_booking.starts_at) <= now() then 'expired'
    when p_booking.status in ('confirmed', 'in_progress') then coalesce(
      (select case kind when 'check_in' then 'in_progress' else 'completed' end from private.due_inspections where booking_id = p_booking.id),
      (select 'no_show' from private.due_no_shows where booking_id = p_booking.id),
      p_booking.status)
    else p_booking.status
  end;
end
$$;
grant execute on function private.booking_state(public.bookings) to authenticated;

-- Keeps the vehicle blocked until its buffer after the return has passed. The caller has locked the vehicle.
create function private.end_slot(p_booking public.bookings)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_until timestamptz;
  v_next timestamptz;
begin
  select p_booking.checked_out_at + make_interval(mins => v.buffer_minutes) into v_until
  from public.vehicles v where v.id = p_booking.vehicle_id;
  -- after a late return the next trip is not moved
  select min(lower(c.blocked)) into v_next
  from public.calendar_entries c
  where c.vehicle_id = p_booking.vehicle_id and c.booking_id is distinct from p_booking.id and lower(c.blocked) > p_booking.starts_at;
  v_until := least(v_until, v_next);
  update public.calendar_entries set blocked = tstzrange(lower(blocked), v_until)
  where booking_id = p_booking.id and lower(blocked) < v_until;
  delete from public.calendar_entries where booking_id = p_booking.id and lower(blocked) >= v_until;
end
$$;

-- Ends a trip: the host has earned the rent, payable after the claim window. Null for p_returned_at means that nobody
-- recorded that the trip took place. The caller has locked vehicle and booking.
create function private.complete_trip(p_booking public.bookings, p_returned_at timestamptz, p_agreed_at timestamptz)
returns public.bookings
language plpgsql volatile set search_path = ''
as $$
declare
  v_booking public.bookings;
  v_quote public.quotes;
begin
  update public.bookings
  set status = 'completed', checked_out_at = coalesce(checked_out_at, p_returned_at),
      claim_until = greatest(p_agreed_at, ends_at) + make_interval(hours => (private.setting('claim_window_hours'))::int)
  where id = p_booking.id
  returning * into v_booking;
  if v_booking.checked_out_at is not null then
    perform private.end_slot(v_booking);
  end if;
  select * into strict v_quote from public.quotes where id = v_booking.quote_id;
  perform private.post_ledger('booking_completed', v_booking.id::text, v_booking.currency, v_booking.id, array[
    ('escrow', v_booking.id::text, v_booking.total_amount - v_booking.deposit_amount)::private.ledger_line,
    ('host_payable', v_booking.host_id::text, -v_quote.host_amount)::private.ledger_line,
    ('platform_revenue', '', -v_quote.platform_amount)::private.ledger_line,
    ('tax_payable', '', -v_booking.tax_amount)::private.ledger_line
  ]);
  perform private.complete_extensions(v_booking);
  return v_booking;
end
$$;

-- Moves the booking that an inspection counts for, from p_at on. The caller has locked vehicle and booking.
create function private.count_inspection(p_booking public.bookings, p_inspection public.booking_inspections, p_at timestamptz)
returns public.bookings
language plpgsql volatile set search_path = ''
as $$
declare
  v_booking public.bookings;
begin
  if p_inspection.kind = 'check_out' then
    return private.complete_trip(p_booking, p_inspection.recorded_at, p_at);
  end if;
  update public.bookings set status = 'in_progress', checked_in_at = p_inspection.recorded_at
  where id = p_booking.id
  returning * into v_booking;
  return v_booking;
end
$$;

-- Locks a vehicle and one of its bookings, and writes down what counts by now.
create function private.lock_trip(p_booking_id uuid)
returns public.bookings
language plpgsql volatile set search_path = ''
as $$
declare
  v_booking public.bookings;
  v_inspection public.booking_inspections;
begin
  perform private.lock_booking_payable(p_booking_id);
  select * into v_booking from public.bookings where id = p_booking_id;
  -- at most two: a check-out is recorded once the check-in counts
  for v_inspection in
    select i.* from public.booking_inspections i join private.due_inspections d on d.id = i.id where i.booking_id = p_booking_id
  loop
    perform private.set_audit_context('deadline');
    update public.booking_inspections set status = 'presumed' where id = v_inspection.id;
    v_booking := private.count_inspection(v_booking, v_inspection, v_inspection.counts_at);
  end loop;
  if v_booking.status = 'confirmed' then
    v_booking := private.count_due_no_show(v_booking);
  end if;
  return v_booking;
end
$$;

-- The same for one of the two parties.
create function private.party_trip(p_booking_id uuid)
returns public.bookings
language plpgsql volatile set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
begin
  if not exists (select from public.bookings where id = p_booking_id and v_user_id in (renter_id, host_id)) then
    perform private.fail('booking_not_found');
  end if;
  return private.lock_trip(p_booking_id);
end
$$;

-- Raises when an inspection of a booking waits for an answer.
create function private.check_none_open(p_booking_id uuid)
returns void
language plpgsql stable set search_path = ''
as $$
declare
  v_open public.booking_inspections;
begin
  select * into v_open from public.booking_inspections where booking_id = p_booking_id and status in ('recorded', 'contested');
  if found then
    perform private.fail('inspection_open', jsonb_build_object('inspection_id', v_open.id, 'kind', v_open.kind, 'status', v_open.status,
      -- an objection has no deadline
      'counts_at', case when v_open.status = 'recorded' then v_open.counts_at end));
  end if;
end
$$;

create function private.check_in(p_booking_id uuid, p_odometer_km int, p_fuel_percent int, p_photos jsonb, p_note text, p_idempotency_key uuid)
returns public.bookings
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_stored jsonb;
  v_booking public.bookings;
begin
  v_stored := private.begin_command('check_in', p_idempotency_key, jsonb_build_object(
    'booking_id', p_booking_id, 'odometer_km', p_odometer_km, 'fuel_percent', p_fuel_percent, 'photos', p_photos, 'note', p_note));
  v_booking := private.party_trip(p_booking_id);
  if v_stored is not null then
    return v_booking;
  end if;
  if v_booking.status <> 'confirmed' then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'booking', 'from', v_booking.status, 'to', 'in_progress'));
  end if;
  if now() < v_booking.starts_at - interval '1 hour' then
    perform private.fail('too_early', jsonb_build_object('from', v_booking.starts_at - interval '1 hour'));
  end if;
  if now() >= v_booking.ends_at then
    perform private.fail('trip_over');
  end if;
  perform private.check_hand_over(v_booking);
  perform private.check_none_open(p_booking_id);
  perform private.check_no_report(p_booking_id);
  perform private.check_vehicle_back(v_booking);
  perform private.set_audit_context(private.booking_side(v_booking));
  perform private.record_inspection(v_booking, 'check_in', p_odometer_km, p_fuel_percent, p_photos, p_note);
  perform private.fix_drivers(v_booking);
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', p_booking_id));
  return v_booking;
end
$$;
create function public.check_in(booking_id uuid, odometer_km int, fuel_percent int, photos jsonb, idempotency_key uuid, note text default '')
returns public.bookings
language sql volatile set search_path = ''
as $$ select private.check_in(booking_id, odometer_km, fuel_percent, photos, note, idempotency_key) $$;
comment on function public.check_in is 'Records the hand-over of the vehicle, from an hour before the booked start until the booked end. The booking stays confirmed until the other side acknowledges the inspection or its counts_at has passed; until then the renter can still cancel. The odometer is in km and the fuel in percent. `photos` is [{media_id, angle}] with the angles front, rear, left, right and dashboard; each is an upload of the caller with purpose inspection. Errors: booking_not_found, illegal_transition, too_early, trip_over, vehicle_suspended, party_suspended, renter_licence_invalid, inspection_open (one waits for an answer), no_show_open (a report says that one side did not come), vehicle_not_returned (from the trip before), inspection_incomplete, media_not_found, media_not_ready, invalid_input.';
revoke all on function public.check_in(uuid, int, int, jsonb, uuid, text), private.check_in(uuid, int, int, jsonb, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.check_in(uuid, int, int, jsonb, uuid, text), private.check_in(uuid, int, int, jsonb, text, uuid) to authenticated;

create function private.check_out(p_booking_id uuid, p_odometer_km int, p_fuel_percent int, p_photos jsonb, p_note text, p_idempotency_key uuid)
returns public.bookings
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_stored jsonb;
  v_booking public.bookings;
begin
  v_stored := private.begin_command('check_out', p_idempotency_key, jsonb_build_object(
    'booking_id', p_booking_id, 'odometer_km', p_odometer_km, 'fuel_percent', p_fuel_percent, 'photos', p_photos, 'note', p_note));
  v_booking := private.party_trip(p_booking_id);
  if v_stored is not null then
    return v_booking;
  end if;
  if v_booking.status <> 'in_progress' then
    -- it may wait for an answer to its check-in
    if v_booking.status = 'confirmed' then
      perform private.check_none_open(p_booking_id);
    end if;
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'booking', 'from', v_booking.status, 'to', 'completed'));
  end if;
  perform private.check_none_open(p_booking_id);
  if p_odometer_km < (private.live_inspection(p_booking_id, 'check_in')).odometer_km then
    perform private.fail_input('odometer_km', 'must not be less than at check-in');
  end if;
  perform private.set_audit_context(private.booking_side(v_booking));
  perform private.record_inspection(v_booking, 'check_out', p_odometer_km, p_fuel_percent, p_photos, p_note);
  if v_booking.host_id = auth.uid() then
    -- the host says that the vehicle is back, and can hand it to the next renter
    update public.bookings set checked_out_at = now() where id = p_booking_id returning * into v_booking;
  end if;
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', p_booking_id));
  return v_booking;
end
$$;
create function public.check_out(booking_id uuid, odometer_km int, fuel_percent int, photos jsonb, idempotency_key uuid, note text default '')
returns public.bookings
language sql volatile set search_path = ''
as $$ select private.check_out(booking_id, odometer_km, fuel_percent, photos, note, idempotency_key) $$;
comment on function public.check_out is 'Records the return of the vehicle. Arguments are as in check_in. The trip is completed when the other side acknowledges the inspection or its counts_at, which is never before the booked end, has passed; from then on the host has earned the rent, which can be paid out when the claim window closes. Errors: booking_not_found, illegal_transition, inspection_open (one waits for an answer), inspection_incomplete, media_not_found, media_not_ready, invalid_input.';
revoke all on function public.check_out(uuid, int, int, jsonb, uuid, text), private.check_out(uuid, int, int, jsonb, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.check_out(uuid, int, int, jsonb, uuid, text), private.check_out(uuid, int, int, jsonb, text, uuid) to authenticated;

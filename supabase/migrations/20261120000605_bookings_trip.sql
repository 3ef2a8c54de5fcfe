-- Bookings: the trip itself, from handing over the keys to returning the deposit.
-- Rule kept here: both hand-overs leave photos from every required angle, by the server's clock; the rent
-- becomes the host's at check-out, payable after the claim window; the deposit returns after it. Neither
-- moves while the booking's money is frozen (payables_freezes).
-- Left out on purpose: charges after the trip and complaints, which will freeze it.

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
  insert into public.booking_inspections (booking_id, kind, odometer_km, fuel_percent, note, recorded_by)
  values (p_booking.id, p_kind, p_odometer_km, p_fuel_percent, coalesce(p_note, ''), v_user_id)
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
end
$$;

-- The booking, locked, for one of its two parties.
create function private.party_booking(p_booking_id uuid)
returns public.bookings
language plpgsql volatile set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_booking public.bookings;
begin
  select * into v_booking from public.bookings
  where id = p_booking_id and v_user_id in (renter_id, host_id) for no key update;
  if not found then
    perform private.fail('booking_not_found');
  end if;
  return v_booking;
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
  v_booking := private.party_booking(p_booking_id);
  if v_stored is not null then
    return v_booking;
  end if;
  if v_booking.status <> 'confirmed' then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'booking', 'from', v_booking.status, 'to', 'in_progress'));
  end if;
  if now() < v_booking.starts_at - interval '1 hour' then
    perform private.fail('too_early', jsonb_build_object('from', v_booking.starts_at - interval '1 hour'));
  end if;
  perform private.check_hand_over(v_booking);
  perform private.set_audit_context(private.booking_side(v_booking));
  perform private.record_inspection(v_booking, 'check_in', p_odometer_km, p_fuel_percent, p_photos, p_note);
  update public.bookings set status = 'in_progress', checked_in_at = now() where id = p_booking_id returning * into v_booking;
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', p_booking_id));
  return v_booking;
end
$$;
create function public.check_in(booking_id uuid, odometer_km int, fuel_percent int, photos jsonb, idempotency_key uuid, note text default '')
returns public.bookings
language sql volatile set search_path = ''
as $$ select private.check_in(booking_id, odometer_km, fuel_percent, photos, note, idempotency_key) $$;
comment on function public.check_in is 'Hands the vehicle over, at the earliest an hour before the start. The odometer is in km and the fuel in percent. `photos` is [{media_id, angle}] with the angles front, rear, left, right and dashboard; each is an upload of the caller with purpose inspection. Errors: booking_not_found, illegal_transition, too_early, vehicle_suspended, renter_licence_invalid, inspection_incomplete, media_not_found, media_not_ready, invalid_input.';
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
  v_booking := private.party_booking(p_booking_id);
  if v_stored is not null then
    return v_booking;
  end if;
  if v_booking.status <> 'in_progress' then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'booking', 'from', v_booking.status, 'to', 'completed'));
  end if;
  if p_odometer_km < (select odometer_km from public.booking_inspections where booking_id = p_booking_id and kind = 'check_in') then
    perform private.fail_input('odometer_km', 'must not be less than at check-in');
  end if;
  perform private.set_audit_context(private.booking_side(v_booking));
  perform private.record_inspection(v_booking, 'check_out', p_odometer_km, p_fuel_percent, p_photos, p_note);
  update public.bookings
  set status = 'completed', checked_out_at = now(),
      claim_until = now() + make_interval(hours => (private.setting('claim_window_hours'))::int)
  where id = p_booking_id
  returning * into v_booking;
  -- an early return frees the rest of the time; a late one was already in the way
  update public.calendar_entries
  set blocked = tstzrange(lower(blocked), now())
  where booking_id = p_booking_id and lower(blocked) < now() and upper(blocked) > now();
  delete from public.calendar_entries where booking_id = p_booking_id and lower(blocked) >= now();
  perform private.post_ledger('booking_completed', p_booking_id::text, v_booking.currency, p_booking_id, array[
    ('escrow', p_booking_id::text, v_booking.total_amount - v_booking.deposit_amount)::private.ledger_line,
    ('host_payable', v_booking.host_id::text, -v_booking.host_amount)::private.ledger_line,
    ('platform_revenue', '', -v_booking.platform_amount)::private.ledger_line,
    ('tax_payable', '', -v_booking.tax_amount)::private.ledger_line
  ]);
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', p_booking_id));
  return v_booking;
end
$$;
create function public.check_out(booking_id uuid, odometer_km int, fuel_percent int, photos jsonb, idempotency_key uuid, note text default '')
returns public.bookings
language sql volatile set search_path = ''
as $$ select private.check_out(booking_id, odometer_km, fuel_percent, photos, note, idempotency_key) $$;
comment on function public.check_out is 'Takes the vehicle back and completes the trip. Arguments are as in check_in. The host has earned the rent from now on; it can be paid out when the claim window closes. Errors: booking_not_found, illegal_transition, inspection_incomplete, media_not_found, media_not_ready, invalid_input.';
revoke all on function public.check_out(uuid, int, int, jsonb, uuid, text), private.check_out(uuid, int, int, jsonb, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.check_out(uuid, int, int, jsonb, uuid, text), private.check_out(uuid, int, int, jsonb, text, uuid) to authenticated;

create function private.acknowledge_inspection(p_inspection_id uuid)
returns public.booking_inspections
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_inspection public.booking_inspections;
begin
  select i.* into v_inspection
  from public.booking_inspections i
  join public.bookings b on b.id = i.booking_id and v_user_id in (b.renter_id, b.host_id)
  where i.id = p_inspection_id and i.recorded_by <> v_user_id
  for no key update of i;
  if not found then
    perform private.fail('not_found');
  end if;
  if v_inspection.acknowledged_at is null then
    update public.booking_inspections set acknowledged_by = v_user_id, acknowledged_at = now()
    where id = p_inspection_id
    returning * into v_inspection;
  end if;
  return v_inspection;
end
$$;
create function public.acknowledge_inspection(inspection_id uuid)
returns public.booking_inspections
language sql volatile set search_path = ''
as $$ select private.acknowledge_inspection(inspection_id) $$;
comment on function public.acknowledge_inspection is 'Records that the other party agrees with the state of the vehicle at check-in or check-out. Repeatable. Errors: not_found.';
select private.expose('acknowledge_inspection(uuid)', 'authenticated');

-- The caller holds the booking's lock.
create function private.return_deposit(p_booking public.bookings)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.post_ledger('deposit_returned', p_booking.id::text, p_booking.currency, p_booking.id, array[
    ('deposit', p_booking.id::text, p_booking.deposit_amount)::private.ledger_line,
    ('refund_payable', p_booking.id::text, -p_booking.deposit_amount)::private.ledger_line
  ]);
  perform private.order_refund(p_booking.id, 'deposit', p_booking.deposit_amount);
  update public.bookings set deposit_status = 'returned' where id = p_booking.id;
end
$$;

create function private.release_deposit(p_booking_id uuid, p_idempotency_key uuid)
returns public.bookings
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_stored jsonb;
  v_booking public.bookings;
begin
  v_stored := private.begin_command('release_deposit', p_idempotency_key, jsonb_build_object('booking_id', p_booking_id));
  v_booking := private.party_booking(p_booking_id);
  if v_booking.host_id <> auth.uid() then
    perform private.fail('forbidden');
  end if;
  if v_stored is not null then
    return v_booking;
  end if;
  if v_booking.status <> 'completed' then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'booking', 'from', v_booking.status, 'to', 'completed'));
  end if;
  if private.is_frozen(p_booking_id) then
    perform private.fail('money_frozen');
  end if;
  perform private.set_audit_context('host');
  if v_booking.deposit_status = 'held' then
    perform private.return_deposit(v_booking);
  end if;
  -- the host gives up further claims, so the rent is payable too
  update public.bookings set claim_until = least(claim_until, now()) where id = p_booking_id returning * into v_booking;
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', p_booking_id));
  return v_booking;
end
$$;
create function public.release_deposit(booking_id uuid, idempotency_key uuid)
returns public.bookings
language sql volatile set search_path = ''
as $$ select private.release_deposit(booking_id, idempotency_key) $$;
comment on function public.release_deposit is 'Host: returns the deposit now and closes the claim window, because there is nothing to claim. Errors: booking_not_found, forbidden, illegal_transition, money_frozen.';
select private.expose('release_deposit(uuid, uuid)', 'authenticated');

create function private.return_due_deposits(p_limit int default 200)
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_booking public.bookings;
  v_count int := 0;
begin
  perform private.set_audit_context('deadline');
  for v_booking in
    select * from public.bookings b
    where b.status = 'completed' and b.deposit_status = 'held' and b.claim_until <= now()
      and not exists (select from private.payable_freezes f where f.payable_id = b.id and f.ended_at is null)
    order by b.id
    limit p_limit
    for no key update skip locked
  loop
    -- a freeze may have been placed between finding the row and locking it
    continue when private.is_frozen(v_booking.id);
    -- one that fails must not stop the others; check_invariants shows it
    begin
      perform private.return_deposit(v_booking);
      v_count := v_count + 1;
    exception
      when data_exception or integrity_constraint_violation or raise_exception then
        raise warning 'the deposit of booking % could not be returned: %', v_booking.id, sqlerrm;
    end;
  end loop;
  return v_count;
end
$$;

select private.schedule_job('journey_deposits', 'Orders the return of deposits whose claim window is over.',
  '* * * * *', '15 minutes', 'select private.return_due_deposits()');

-- Bookings: asking for a later end of a trip, and the host's answer.
-- Rule kept here: the price is the difference that the price rules of the booking give, which it keeps as they were when
-- it was quoted; the time that is added is held by the calendar's constraint from the acceptance until it is paid.
-- Left out on purpose: the arithmetic, which is the pricing library, and the money (bookings_changes_money).

-- Raises why a booking cannot have this end. The order is the one in which commands refuse.
create function private.check_extension(p_booking public.bookings, p_ends_at timestamptz)
returns void
language plpgsql stable set search_path = ''
as $$
declare
  v_vehicle public.vehicles;
begin
  if p_ends_at is null or not isfinite(p_ends_at) then
    perform private.fail_input('ends_at', 'must be given');
  end if;
  -- by the state of now: a return that counts by its deadline is a return
  if private.booking_state(p_booking) not in ('confirmed', 'in_progress') or p_booking.ends_at <= now() or p_booking.checked_out_at is not null
     or exists (select from public.booking_inspections i where i.booking_id = p_booking.id and i.kind = 'check_out' and i.status in ('recorded', 'contested')) then
    perform private.fail('booking_not_extendable', jsonb_build_object('status', private.booking_state(p_booking)));
  end if;
  if private.is_frozen(p_booking.id) then
    perform private.fail('money_frozen');
  end if;
  if p_ends_at <= p_booking.ends_at then
    perform private.fail('period_invalid');
  end if;
  select * into strict v_vehicle from public.vehicles where id = p_booking.vehicle_id;
  if p_ends_at > p_booking.starts_at + make_interval(days => v_vehicle.max_days) then
    perform private.fail('period_too_long', jsonb_build_object('max_days', v_vehicle.max_days));
  end if;
  -- it is agreed anew, so the listing must be offered
  if v_vehicle.status <> 'published' then
    perform private.fail('vehicle_not_published');
  end if;
  if private.is_blocked(p_booking.renter_id, p_booking.host_id) then
    perform private.fail('booking_not_possible');
  end if;
end
$$;

-- Why a trip may not go on until then, or null.
create function private.extension_problem(p_booking public.bookings, p_ends_at timestamptz)
returns private.eligibility_reason
language plpgsql stable set search_path = ''
as $$
declare
  v_code text;
begin
  p_booking.period := tstzrange(p_booking.starts_at, p_ends_at);
  v_code := coalesce(private.trip_problem(p_booking), private.licence_problem(p_booking.renter_id, p_booking.vehicle_id, p_booking.period));
  return case when v_code is not null then row(v_code, '{}')::private.eligibility_reason end;
end
$$;

-- What an extension takes of the calendar: from the end of the booking's slot to the new end and its buffer.
create function private.extension_range(p_booking public.bookings, p_ends_at timestamptz)
returns tstzrange
language plpgsql stable set search_path = ''
as $$
declare
  v_from timestamptz;
  v_until timestamptz;
begin
  select upper(c.blocked), p_ends_at + make_interval(mins => v.buffer_minutes) into v_from, v_until
  from public.vehicles v
  left join public.calendar_entries c on c.booking_id = p_booking.id
  where v.id = p_booking.vehicle_id;
  -- a host who has shortened the buffer since may leave nothing to take
  return case when v_from >= v_until then 'empty'::tstzrange else tstzrange(coalesce(v_from, p_booking.ends_at), v_until) end;
end
$$;

-- The price rules of a booking, with the end that it has and with the end that is asked for.
create function private.extension_facts(p_renter_id uuid, p_booking_id uuid, p_ends_at timestamptz)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_booking public.bookings;
  v_quote public.quotes;
  v_facts jsonb;
  v_range tstzrange;
  v_reason private.eligibility_reason;
begin
  perform private.take_token('quote', p_renter_id::text);
  select * into v_booking from public.bookings where id = p_booking_id and renter_id = p_renter_id;
  if not found then
    perform private.fail('booking_not_found');
  end if;
  perform private.check_extension(v_booking, p_ends_at);
  v_reason := private.extension_problem(v_booking, p_ends_at);
  if v_reason.code is not null then
    perform private.fail(v_reason.code);
  end if;
  v_range := private.extension_range(v_booking, p_ends_at);
  if not isempty(v_range) then
    v_reason := private.calendar_reason(v_booking.vehicle_id, p_renter_id, v_range);
    if v_reason.code is not null then
      perform private.fail(v_reason.code, v_reason.details);
    end if;
  end if;
  select * into strict v_quote from public.quotes where id = v_booking.quote_id;
  v_facts := jsonb_set(v_quote.facts, '{rates,commission_bps}', to_jsonb(v_quote.commission_bps)) || jsonb_build_object(
    -- a code is used once, by the trip
    'discount', null, 'starts_at', v_booking.starts_at, 'quote_minutes', private.setting('quote_minutes'));
  return jsonb_build_object(
    'vehicle_id', v_booking.vehicle_id,
    'agreed', v_facts || jsonb_build_object('ends_at', v_booking.ends_at),
    'extended', v_facts || jsonb_build_object('ends_at', p_ends_at));
end
$$;
create function public.extension_facts(renter_id uuid, booking_id uuid, ends_at timestamptz)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.extension_facts(renter_id, booking_id, ends_at) $$;
comment on function public.extension_facts is 'Answers what the pricing library needs to price a later end of a trip: {vehicle_id, agreed, extended}, the facts of the booking''s own quote with its end and with the end that is asked for. Service only. Errors: booking_not_found, booking_not_extendable, money_frozen, period_invalid, period_too_long, vehicle_suspended, party_suspended, licence_required, licence_class_mismatch, licence_expires_early, licence_holder_too_young, vehicle_not_published, booking_not_possible, vehicle_unavailable, already_held (details.booking_id), invalid_input, rate_limited.';
select private.expose_limited('extension_facts(uuid, uuid, timestamptz)', 'quote', 'renter_id', 'service_role');

create function private.store_extension_quote(p_renter_id uuid, p_booking_id uuid, p_priced jsonb, p_agreed jsonb, p_extended jsonb)
returns public.quotes
language sql volatile security definer set search_path = ''
as $$
  insert into public.quotes (
    renter_id, vehicle_id, extends_booking_id, period, currency, lines, total_amount, deposit_amount, host_amount, platform_amount,
    tax_amount, commission_bps, cancellation_policy, trip_terms, facts, pricing_version, expires_at
  )
  select p_renter_id, b.vehicle_id, b.id, tstzrange((p_agreed ->> 'ends_at')::timestamptz, (p_extended ->> 'ends_at')::timestamptz),
    b.currency, p_priced -> 'lines', (p_priced ->> 'total_amount')::bigint, 0, (p_priced ->> 'host_amount')::bigint,
    (p_priced ->> 'platform_amount')::bigint, (p_priced ->> 'tax_amount')::bigint,
    (p_extended -> 'rates' ->> 'commission_bps')::int, b.cancellation_policy, q.trip_terms,
    p_extended #- '{rates,commission_bps}', p_priced ->> 'version', now() + make_interval(mins => (p_extended ->> 'quote_minutes')::int)
  from public.bookings b
  join public.quotes q on q.id = b.quote_id
  where b.id = p_booking_id and b.renter_id = p_renter_id
  returning *
$$;
create function public.store_extension_quote(renter_id uuid, booking_id uuid, priced jsonb, agreed jsonb, extended jsonb)
returns jsonb
language sql volatile set search_path = ''
as $$
  select to_jsonb(q) - array['host_amount', 'platform_amount', 'commission_bps']
  from private.store_extension_quote($1, $2, $3, $4, $5) q
$$;
comment on function public.store_extension_quote is 'Stores the price of a later end that the pricing library computed, and answers it as its renter may read it. Constraints refuse parts that do not add up or are negative. Service only.';
select private.expose('store_extension_quote(uuid, uuid, jsonb, jsonb, jsonb)', 'service_role');

-- Holds the time of an extension; false when something is in the way. The caller holds the vehicle's lock.
create function private.hold_extension(p_change public.booking_changes, p_booking public.bookings)
returns boolean
language plpgsql volatile set search_path = ''
as $$
declare
  v_range tstzrange := private.extension_range(p_booking, p_change.ends_at);
begin
  if isempty(v_range) then
    return true;
  end if;
  perform private.release_expired_holds(p_booking.vehicle_id, v_range);
  insert into public.calendar_entries (vehicle_id, kind, blocked, change_id, expires_at, holder_id)
  values (p_booking.vehicle_id, 'hold', v_range, p_change.id, p_change.hold_expires_at, p_booking.renter_id);
  return true;
exception
  when exclusion_violation then
    return false;
end
$$;

-- Ends one that was not answered or not paid. The caller holds the locks of its booking.
create function private.expire_change(p_change public.booking_changes)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  delete from public.calendar_entries where change_id = p_change.id;
  update public.booking_changes set status = 'expired' where id = p_change.id;
end
$$;

-- Ends those of a vehicle whose holds are over and in the way of a range; one that is being settled now is skipped.
create function private.release_expired_extensions(p_vehicle_id uuid, p_range tstzrange)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_change public.booking_changes;
begin
  for v_change in
    select ch.*
    from public.calendar_entries c
    join public.booking_changes ch on ch.id = c.change_id
    join public.bookings b on b.id = ch.booking_id
    where c.vehicle_id = p_vehicle_id and c.expires_at <= now() and c.blocked && p_range and ch.status = 'pending_payment'
    order by b.id
    for no key update of b skip locked
  loop
    perform private.set_audit_context('deadline');
    perform private.close_payment(v_change.id, 'expired');
    perform private.expire_change(v_change);
  end loop;
end
$$;

-- Locks the trip of an extension and answers it, by now: what is over is over. Nulls when there is none.
create function private.lock_change(p_change_id uuid)
returns public.booking_changes
language plpgsql volatile set search_path = ''
as $$
declare
  v_change public.booking_changes;
begin
  select * into v_change from public.booking_changes where id = p_change_id;
  if found then
    perform private.lock_trip(v_change.booking_id);
    select * into v_change from public.booking_changes where id = p_change_id;
  end if;
  return v_change;
end
$$;

-- Accepted: the time is held while it is paid. One that costs nothing is confirmed at once.
create function private.open_extension(p_change public.booking_changes, p_booking public.bookings)
returns public.booking_changes
language plpgsql volatile set search_path = ''
as $$
declare
  v_change public.booking_changes;
  v_reason private.eligibility_reason;
begin
  if not private.hold_extension(p_change, p_booking) then
    v_reason := private.calendar_reason(p_booking.vehicle_id, p_booking.renter_id, private.extension_range(p_booking, p_change.ends_at));
    perform private.fail('vehicle_unavailable', coalesce(v_reason.details, '{}') - 'booking_id');
  end if;
  if p_change.total_amount > 0 then
    perform private.open_extension_payment(p_change, p_booking);
  else
    perform private.settle_extension_payable(p_change.id);
  end if;
  select * into strict v_change from public.booking_changes where id = p_change.id;
  return v_change;
end
$$;

create function private.request_extension(p_quote_id uuid, p_idempotency_key uuid)
returns public.booking_changes
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_renter_id uuid := auth.uid();
  v_change_id uuid := gen_random_uuid();
  v_stored jsonb;
  v_quote public.quotes;
  v_booking public.bookings;
  v_vehicle public.vehicles;
  v_change public.booking_changes;
  v_live public.booking_changes;
  v_range tstzrange;
  v_reason private.eligibility_reason;
begin
  v_stored := private.begin_command('request_extension', p_idempotency_key, jsonb_build_object('quote_id', p_quote_id),
    jsonb_build_object('id', v_change_id));
  if v_stored is not null then
    select * into v_change from public.booking_changes where id = (v_stored ->> 'id')::uuid;
    return v_change;
  end if;
  perform private.take_token('request_extension', v_renter_id::text);
  select * into v_quote from public.quotes where id = p_quote_id and renter_id = v_renter_id and extends_booking_id is not null;
  if not found then
    perform private.fail('quote_not_found');
  end if;
  v_booking := private.lock_trip(v_quote.extends_booking_id);
  if exists (select from public.booking_changes where quote_id = p_quote_id) then
    perform private.fail('quote_used');
  end if;
  -- another extension may have moved the end that it was priced from
  if v_quote.expires_at <= now() or v_quote.starts_at <> v_booking.ends_at then
    perform private.fail('quote_expired');
  end if;
  perform private.check_extension(v_booking, v_quote.ends_at);
  v_reason := private.extension_problem(v_booking, v_quote.ends_at);
  if v_reason.code is not null then
    perform private.fail(v_reason.code);
  end if;
  perform private.end_overdue_change(v_booking.id);
  select * into v_live from public.booking_changes where booking_id = v_booking.id and status in ('requested', 'pending_payment');
  if found then
    perform private.fail('extension_open', jsonb_build_object('change_id', v_live.id, 'status', v_live.status));
  end if;
  select * into strict v_vehicle from public.vehicles where id = v_booking.vehicle_id;
  insert into public.booking_changes (
    id, booking_id, quote_id, status, previous_ends_at, ends_at, currency, total_amount, tax_amount, hold_expires_at, answer_by
  ) values (
    v_change_id, v_booking.id, v_quote.id, case when v_vehicle.instant_book then 'pending_payment' else 'requested' end,
    v_booking.ends_at, v_quote.ends_at, v_quote.currency, v_quote.total_amount, v_quote.tax_amount,
    case when v_vehicle.instant_book then least(v_booking.ends_at, now() + make_interval(mins => private.setting('hold_minutes')::int)) end,
    case when not v_vehicle.instant_book then least(v_booking.ends_at, private.answer_deadline(v_booking.ends_at)) end
  )
  returning * into v_change;
  if v_vehicle.instant_book then
    return private.open_extension(v_change, v_booking);
  end if;
  v_range := private.extension_range(v_booking, v_change.ends_at);
  if not isempty(v_range) then
    v_reason := private.calendar_reason(v_booking.vehicle_id, v_renter_id, v_range);
    if v_reason.code is not null then
      perform private.fail(v_reason.code, v_reason.details);
    end if;
  end if;
  return v_change;
end
$$;
create function public.request_extension(quote_id uuid, idempotency_key uuid)
returns public.booking_changes
language sql volatile set search_path = ''
as $$ select private.request_extension(quote_id, idempotency_key) $$;
comment on function public.request_extension is 'Renter: asks for the later end that a quote of an extension prices, before the booked end. With instant booking the time is held at once and waits for its payment; otherwise the host answers first. One that costs nothing more is confirmed at once when it is accepted. Errors: quote_not_found, quote_used, quote_expired (also when the end has moved since), booking_not_extendable, money_frozen, extension_open (details.change_id), period_invalid, period_too_long, vehicle_suspended, party_suspended, licence_required, licence_class_mismatch, licence_expires_early, licence_holder_too_young, vehicle_not_published, booking_not_possible, vehicle_unavailable, already_held (details.booking_id), invalid_input, rate_limited.';
select private.expose_limited('request_extension(uuid, uuid)', 'request_extension', 'auth.uid()', 'authenticated');

create function private.answer_extension(p_change_id uuid, p_accept boolean, p_reason text, p_idempotency_key uuid)
returns public.booking_changes
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_host_id uuid := private.require_user();
  v_stored jsonb;
  v_change public.booking_changes;
  v_booking public.bookings;
begin
  v_stored := private.begin_command('answer_extension', p_idempotency_key,
    jsonb_build_object('change_id', p_change_id, 'accept', p_accept, 'reason', p_reason));
  if v_stored is not null then
    select * into v_change from public.booking_changes where id = p_change_id;
    return v_change;
  end if;
  if p_accept is null then
    perform private.fail_input('accept', 'must be true or false');
  end if;
  if p_reason is not null then
    perform private.require_reason(p_reason);
  end if;
  if not exists (select from public.booking_changes c join public.bookings b on b.id = c.booking_id where c.id = p_change_id and b.host_id = v_host_id) then
    perform private.fail('change_not_found');
  end if;
  v_change := private.lock_change(p_change_id);
  if v_change.status <> 'requested' then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'booking_change', 'from', v_change.status, 'to', case when p_accept then 'pending_payment' else 'declined' end));
  end if;
  if v_change.answer_by <= now() then
    perform private.fail('hold_expired');
  end if;
  perform private.set_audit_context('host', p_reason);
  if not p_accept then
    update public.booking_changes set status = 'declined' where id = p_change_id returning * into v_change;
  else
    select * into strict v_booking from public.bookings where id = v_change.booking_id;
    perform private.check_extension(v_booking, v_change.ends_at);
    -- the renter must be able to drive until then
    v_booking.period := tstzrange(v_booking.starts_at, v_change.ends_at);
    perform private.check_hand_over(v_booking);
    update public.booking_changes set status = 'pending_payment', hold_expires_at = private.pay_deadline(previous_ends_at)
    where id = p_change_id
    returning * into v_change;
    v_change := private.open_extension(v_change, v_booking);
  end if;
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', p_change_id));
  return v_change;
end
$$;
create function public.answer_extension(change_id uuid, accept boolean, idempotency_key uuid, reason text default null)
returns public.booking_changes
language sql volatile set search_path = ''
as $$ select private.answer_extension(change_id, accept, reason, idempotency_key) $$;
comment on function public.answer_extension is 'Host: accepts or declines an extension. Accepting holds the time that is added, and the renter has until hold_expires_at to pay: by the setting pay_steps for the time left, and never after the booked end. Errors: change_not_found, illegal_transition, hold_expired (the time to answer is over), booking_not_extendable, money_frozen, period_invalid, period_too_long, vehicle_suspended, party_suspended, renter_licence_invalid, vehicle_not_published, booking_not_possible, vehicle_unavailable, invalid_input.';
revoke all on function public.answer_extension(uuid, boolean, uuid, text), private.answer_extension(uuid, boolean, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.answer_extension(uuid, boolean, uuid, text), private.answer_extension(uuid, boolean, text, uuid) to authenticated;

-- Calls one off that is not paid. The caller holds the locks of its booking.
create function private.call_off_change(p_change public.booking_changes)
returns public.booking_changes
language plpgsql volatile set search_path = ''
as $$
declare
  v_change public.booking_changes;
begin
  delete from public.calendar_entries where change_id = p_change.id;
  perform private.close_payment(p_change.id, 'cancelled');
  update public.booking_changes set status = 'cancelled' where id = p_change.id returning * into v_change;
  return v_change;
end
$$;

create function private.cancel_extension(p_change_id uuid, p_idempotency_key uuid)
returns public.booking_changes
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_renter_id uuid := private.require_user();
  v_stored jsonb;
  v_change public.booking_changes;
begin
  v_stored := private.begin_command('cancel_extension', p_idempotency_key, jsonb_build_object('change_id', p_change_id));
  if not exists (select from public.booking_changes c join public.bookings b on b.id = c.booking_id where c.id = p_change_id and b.renter_id = v_renter_id) then
    perform private.fail('change_not_found');
  end if;
  v_change := private.lock_change(p_change_id);
  if v_stored is not null then
    return v_change;
  end if;
  if v_change.status not in ('requested', 'pending_payment') then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'booking_change', 'from', v_change.status, 'to', 'cancelled'));
  end if;
  perform private.set_audit_context('renter');
  v_change := private.call_off_change(v_change);
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', p_change_id));
  return v_change;
end
$$;
create function public.cancel_extension(change_id uuid, idempotency_key uuid)
returns public.booking_changes
language sql volatile set search_path = ''
as $$ select private.cancel_extension(change_id, idempotency_key) $$;
comment on function public.cancel_extension is 'Renter: withdraws an extension that is not paid, and frees the time at once. What came in parts goes back. A paid one is part of the booking. Errors: change_not_found, illegal_transition.';
select private.expose('cancel_extension(uuid, uuid)', 'authenticated');

-- The live one of a booking, when its time is over. The caller holds the locks of the booking.
create function private.end_overdue_change(p_booking_id uuid)
returns boolean
language plpgsql volatile set search_path = ''
as $$
declare
  v_change public.booking_changes;
  v_cause text := private.audit_cause();
begin
  select * into v_change from public.booking_changes c
  where c.booking_id = p_booking_id and c.status in ('requested', 'pending_payment') and private.change_state(c) = 'expired';
  if not found then
    return false;
  end if;
  perform private.set_audit_context('deadline');
  perform private.close_payment(v_change.id, 'expired');
  perform private.expire_change(v_change);
  perform private.set_audit_context(v_cause);
  return true;
end
$$;

-- A cleanup job for requests without an answer. Nothing depends on it. Holds end with their payment (payments_attempts).
create function private.expire_overdue_changes(p_limit int default 500)
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_booking_id uuid;
  v_count int := 0;
begin
  for v_booking_id in
    select booking_id from public.booking_changes where status = 'requested' and answer_by <= now() order by booking_id limit p_limit
  loop
    -- one that fails must not stop the others; check_invariants shows it
    begin
      perform private.lock_trip(v_booking_id);
      v_count := v_count + private.end_overdue_change(v_booking_id)::int;
    exception
      when data_exception or integrity_constraint_violation or raise_exception or sqlstate 'PT409' then
        raise warning 'the extension of booking % could not be ended: %', v_booking_id, sqlerrm;
    end;
  end loop;
  return v_count;
end
$$;
select private.schedule_job('journey_extensions', 'Ends requests for an extension that no host has answered in time, and notifies people.',
  '* * * * *', '15 minutes', 'select private.expire_overdue_changes()');

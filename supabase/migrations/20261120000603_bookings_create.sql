-- Bookings: making one, and the host's answer to a request.
-- Rule kept here: a slot is held and its payment created in one transaction, or neither is.
-- Left out on purpose: prices; they come from an unexpired quote and nowhere else.

-- When the host must answer: 8 hours, or half of what is left before a start that is nearer.
create function private.answer_deadline(p_starts_at timestamptz)
returns timestamptz
language sql stable set search_path = ''
as $$ select now() + least(interval '8 hours', greatest((p_starts_at - now()) / 2, interval '15 minutes')) $$;

-- Until when an accepted request can be paid: by the setting pay_steps, and never past the start.
create function private.pay_deadline(p_starts_at timestamptz)
returns timestamptz
language sql stable set search_path = ''
as $$
  select least(p_starts_at, now() + make_interval(mins => (s ->> 'minutes')::int))
  from jsonb_array_elements(private.setting('pay_steps')) s
  where p_starts_at >= now() + make_interval(hours => (s ->> 'lead_hours')::int)
  order by (s ->> 'lead_hours')::int desc
  limit 1
$$;

-- Requests that can no longer be accepted, because this booking has the time. The caller holds the vehicle's lock.
create function private.decline_overlapping(p_booking public.bookings)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_other public.bookings;
  v_cause text := private.audit_cause();
begin
  for v_other in
    select b.*
    from public.bookings b
    join public.vehicles v on v.id = b.vehicle_id
    where b.vehicle_id = p_booking.vehicle_id and b.status = 'requested' and b.id <> p_booking.id
      and private.blocked_range(b.starts_at, b.ends_at, v.buffer_minutes) && private.blocked_range(p_booking.starts_at, p_booking.ends_at, v.buffer_minutes)
    order by b.id
    for no key update of b
  loop
    perform private.set_audit_context('overlap');
    update public.bookings set status = 'declined' where id = v_other.id;
  end loop;
  perform private.set_audit_context(v_cause);
end
$$;

-- The number of a renter's next open booking, or null when there are as many as one renter may have: the smallest that is
-- free, so that two commands at once want the same one, and the second waits and asks again (bookings_open_number_once).
-- Bookings whose time is over do not count, though they keep their numbers until a job has ended them.
-- DO NOT take their numbers away here: that locks them before the vehicle, and late money locks the vehicle first.
create function private.next_open_number(p_renter_id uuid)
returns int
language plpgsql stable set search_path = ''
as $$
declare
  v_taken int[];
  v_open int;
  v_limit int;
begin
  select coalesce(array_agg(b.open_number) filter (where b.open_number is not null), '{}'),
    count(*) filter (where coalesce(b.hold_expires_at, least(b.answer_by, b.starts_at)) > now()),
    (select value::int from private.settings where key = 'max_open_bookings')
  into v_taken, v_open, v_limit
  from public.bookings b
  where b.renter_id = p_renter_id and b.status in ('requested', 'pending_payment');
  if v_open < v_limit then
    -- a loop: a query costs more than the few rounds
    for v_number in 1 .. 20 loop
      if v_number <> all (v_taken) then
        return v_number;
      end if;
    end loop;
  end if;
  return null;
end
$$;

-- The refusal of one who has no number left.
create function private.open_bookings_reason()
returns private.eligibility_reason
language sql stable set search_path = ''
as $$ select 'too_many_open_bookings', jsonb_build_object('limit', private.setting('max_open_bookings')) $$;

-- Null when a renter may hold a vehicle unpaid for so long, beside the other bookings by which the same renter holds it.
-- A command asks under the vehicle's lock, so that no other hold of the vehicle is made meanwhile.
create function private.days_held_reason(p_renter_id uuid, p_vehicle_id uuid, p_more interval, p_except uuid)
returns private.eligibility_reason
language plpgsql stable set search_path = ''
as $$
declare
  v_limit int;
  v_held interval;
begin
  select sum(b.ends_at - b.starts_at) into v_held
  from public.bookings b
  where b.renter_id = p_renter_id and b.vehicle_id = p_vehicle_id and b.id is distinct from p_except
    and b.status = 'pending_payment' and b.hold_expires_at > now();
  -- one booking alone may be as long as the listing allows
  if v_held is null then
    return null;
  end if;
  select value::int into v_limit from private.settings where key = 'max_days_held';
  if v_held + p_more > make_interval(days => v_limit) then
    return row('too_many_days_held', jsonb_build_object('max_days', v_limit))::private.eligibility_reason;
  end if;
  return null;
end
$$;

create function private.create_booking(p_quote_id uuid, p_idempotency_key uuid)
returns public.bookings
language plpgsql volatile security definer set search_path = ''
as $$
declare
  -- begin_command refuses a caller who is not signed in
  v_renter_id uuid := auth.uid();
  -- the id is chosen in advance, so that the answer is stored together with the key
  v_booking_id uuid := gen_random_uuid();
  v_stored jsonb;
  v_quote public.quotes;
  v_vehicle public.vehicles;
  v_booking public.bookings;
  v_blocked tstzrange;
  v_number int;
  v_reason private.eligibility_reason;
  v_reasons private.eligibility_reason[];
begin
  v_stored := private.begin_command('create_booking', p_idempotency_key, jsonb_build_object('quote_id', p_quote_id),
    jsonb_build_object('id', v_booking_id));
  if v_stored is not null then
    select * into v_booking from public.bookings where id = (v_stored ->> 'id')::uuid;
    return v_booking;
  end if;
  perform private.take_token('create_booking', v_renter_id::text);
  select * into v_quote from public.quotes where id = p_quote_id and renter_id = v_renter_id and extends_booking_id is null;
  if not found then
    perform private.fail('quote_not_found');
  end if;
  if v_quote.expires_at <= now() then
    perform private.fail(case when exists (select from public.bookings where quote_id = p_quote_id) then 'quote_used' else 'quote_expired' end);
  end if;
  v_vehicle := private.listing_to_rent(v_quote.vehicle_id);
  v_reasons := private.rental_reasons(v_renter_id, v_vehicle, v_quote.starts_at, v_quote.ends_at);
  if cardinality(v_reasons) > 0 then
    perform private.fail(v_reasons[1].code, v_reasons[1].details);
  end if;

  if not v_vehicle.instant_book then
    perform private.take_token('request_to_host', v_renter_id || ':' || v_vehicle.host_id);
  end if;

  loop
    v_number := private.next_open_number(v_renter_id);
    if v_number is null then
      v_reason := private.open_bookings_reason();
      perform private.fail(v_reason.code, v_reason.details);
    end if;
    insert into public.bookings (
      id, quote_id, vehicle_id, renter_id, host_id, period, status, currency, total_amount, deposit_amount,
      tax_amount, cancellation_policy, open_number, hold_expires_at, answer_by
    ) values (
      v_booking_id, v_quote.id, v_quote.vehicle_id, v_renter_id, v_vehicle.host_id, v_quote.period,
      case when v_vehicle.instant_book then 'pending_payment' else 'requested' end,
      v_quote.currency, v_quote.total_amount, v_quote.deposit_amount,
      v_quote.tax_amount, v_quote.cancellation_policy, v_number,
      -- read here: private.setting() costs three times the look
      case when v_vehicle.instant_book then now() + make_interval(mins => (select value::int from private.settings where key = 'hold_minutes')) end,
      case when not v_vehicle.instant_book then private.answer_deadline(v_quote.starts_at) end
    )
    -- two calls at once may want one quote or one number; the second waits here
    on conflict do nothing
    returning * into v_booking;
    exit when found;
    if exists (select from public.bookings where quote_id = p_quote_id) then
      perform private.fail('quote_used');
    end if;
  end loop;

  v_blocked := private.blocked_range(v_booking.starts_at, v_booking.ends_at, v_vehicle.buffer_minutes);
  if v_vehicle.instant_book then
    if private.hold_slot(v_booking, v_blocked) then
      v_reason := private.days_held_reason(v_renter_id, v_vehicle.id, v_booking.ends_at - v_booking.starts_at, v_booking_id);
    else
      v_reason := private.calendar_reason(v_vehicle.id, v_renter_id, v_blocked);
      -- a hold may have ended just now
      if v_reason.code is null then
        v_reason.code := 'vehicle_unavailable';
        v_reason.details := '{}';
      end if;
    end if;
  else
    -- money that comes late may take the slot at this moment
    perform private.lock_vehicle(v_booking.vehicle_id);
    v_reason := private.calendar_reason(v_vehicle.id, v_renter_id, v_blocked);
  end if;
  if v_reason.code is not null then
    perform private.fail(v_reason.code, v_reason.details);
  end if;
  if v_quote.discount_id is not null then
    v_reason.code := private.take_discount(v_quote.discount_id, v_booking_id, v_renter_id, v_quote.discount_amount,
      coalesce(v_booking.hold_expires_at, least(v_booking.answer_by, v_booking.starts_at)));
    if v_reason.code is not null then
      perform private.fail(v_reason.code);
    end if;
  end if;
  if v_vehicle.instant_book then
    v_booking := private.open_booking_payment(v_booking, v_vehicle.title);
  end if;
  return v_booking;
end
$$;

create function public.create_booking(quote_id uuid, idempotency_key uuid)
returns public.bookings
language sql volatile set search_path = ''
as $$ select private.create_booking(quote_id, idempotency_key) $$;
comment on function public.create_booking is 'Turns the caller''s quote into a booking. It holds the slot for 15 minutes and creates the payment. Where the host answers requests first, it sends the host a request instead. It takes a use of the code in the quote. With nothing to pay it is confirmed at once, or when the host accepts. A renter has at most 5 bookings that wait for payment or an answer (setting max_open_bookings). Errors: quote_not_found, quote_used, quote_expired, vehicle_unavailable, already_held (details.booking_id), too_many_open_bookings, too_many_days_held, vehicle_not_found, vehicle_not_published, own_vehicle, booking_not_possible, account_suspended, score_too_low, email_unverified, phone_unverified, period_invalid, period_in_past, period_too_short, period_too_long, notice_too_short, vehicle_papers_end, vehicle_closed, licence_required, licence_class_mismatch, licence_expires_early, licence_holder_too_young, discount_not_found, discount_used_up, discount_already_used, discount_first_only, invalid_input, rate_limited.';
select private.expose_limited('create_booking(uuid, uuid)', 'create_booking', 'auth.uid()', 'authenticated');

create function private.answer_booking(p_booking_id uuid, p_accept boolean, p_reason text, p_idempotency_key uuid)
returns public.bookings
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_host_id uuid := private.require_user();
  v_stored jsonb;
  v_booking public.bookings;
  v_vehicle public.vehicles;
begin
  v_stored := private.begin_command('answer_booking', p_idempotency_key,
    jsonb_build_object('booking_id', p_booking_id, 'accept', p_accept, 'reason', p_reason));
  if v_stored is not null then
    select * into v_booking from public.bookings where id = p_booking_id;
    return v_booking;
  end if;
  if p_accept is null then
    perform private.fail_input('accept', 'must be true or false');
  end if;
  if p_reason is not null then
    perform private.require_reason(p_reason);
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
  else
    select * into v_vehicle from public.vehicles where id = v_booking.vehicle_id and status = 'published';
    if not found then
      perform private.fail('vehicle_not_published');
    end if;
    perform private.check_hand_over(v_booking);
    update public.bookings
    set status = 'pending_payment', hold_expires_at = private.pay_deadline(starts_at)
    where id = p_booking_id
    returning * into v_booking;
    if not private.hold_slot(v_booking, private.blocked_range(v_booking.starts_at, v_booking.ends_at, v_vehicle.buffer_minutes)) then
      perform private.fail('vehicle_unavailable');
    end if;
    v_booking := private.open_booking_payment(v_booking, v_vehicle.title);
  end if;
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', p_booking_id));
  return v_booking;
end
$$;
create function public.answer_booking(booking_id uuid, accept boolean, idempotency_key uuid, reason text default null)
returns public.bookings
language sql volatile set search_path = ''
as $$ select private.answer_booking(booking_id, accept, reason, idempotency_key) $$;
comment on function public.answer_booking is 'Host: accepts or declines a request. Accepting holds the slot and creates the payment. The renter has until hold_expires_at to pay: the longer, the farther away the start is (setting pay_steps). With nothing to pay it is confirmed at once. Meanwhile a request that overlaps cannot be accepted; it is declined when the money is there, and can be accepted if the hold ends unpaid. Errors: booking_not_found, vehicle_not_published, vehicle_suspended, party_suspended, renter_licence_invalid, illegal_transition, hold_expired (the time to answer is over), vehicle_unavailable, invalid_input.';
revoke all on function public.answer_booking(uuid, boolean, uuid, text), private.answer_booking(uuid, boolean, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.answer_booking(uuid, boolean, uuid, text), private.answer_booking(uuid, boolean, text, uuid) to authenticated;

select private.schedule_job('journey_requests', 'Ends requests that no host has answered in time, and notifies people.',
  '* * * * *', '15 minutes', 'select private.expire_overdue_requests()');

create function private.tidy_bookings()
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  delete from public.quotes q
  where q.expires_at < now() - interval '7 days' and not exists (select from public.bookings b where b.quote_id = q.id)
    and not exists (select from public.booking_changes c where c.quote_id = q.id);
end
$$;
select private.schedule_job('journey_tidy_bookings', 'Removes quotes that made no booking and no extension, 7 days after they expired.',
  '20 20 * * *', '26 hours', 'select private.tidy_bookings()');

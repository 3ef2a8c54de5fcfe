-- Vehicles: may this person rent this vehicle in this period?
-- Rule kept here: each reason against a rental is written once, here. Quotes, bookings and the marks of a search ask
-- this function, and apps read all its reasons at once by booking_eligibility.
-- Left out on purpose: what depends on the bookings a person has already, which bookings adds (bookings_eligibility).

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('score_too_low', 403, false, 'Your credit score is too low to book this vehicle at once. Choose a vehicle whose host answers requests.', 'Điểm tín nhiệm của bạn chưa đủ để đặt ngay xe này. Vui lòng chọn xe có chủ xe duyệt yêu cầu.'),
  ('email_unverified', 403, false, 'Your mail address is not verified. Verify it first.', 'Địa chỉ email của bạn chưa được xác minh. Vui lòng xác minh trước.'),
  ('phone_unverified', 403, false, 'Your phone number is not verified. Verify it first.', 'Số điện thoại của bạn chưa được xác minh. Vui lòng xác minh trước.');

alter table private.settings
  add constraint settings_instant_min_score check (key <> 'instant_min_score' or private.is_whole(value, 0, 1000)),
  add constraint settings_verified_to_rent check (key <> 'verified_to_rent' or (jsonb_typeof(value) = 'array' and value <@ '["email", "phone"]'));
insert into private.settings (key, value, description) values
  ('instant_min_score', '0', 'Credit score, 0 to 1000: what a person needs to book a vehicle whose host is not asked. 0 asks for none.'),
  ('verified_to_rent', '[]', 'List of "email" and "phone": what a person must have verified to rent. [] asks for neither.');

-- Why a person cannot rent a vehicle then, calendar aside; null when nothing is in the way. The order is the one in which
-- a command refuses. It runs with every booking, so what it reads of settings and person is one statement.
create function private.rental_reasons(p_person_id uuid, p_vehicle public.vehicles, p_starts_at timestamptz, p_ends_at timestamptz)
returns private.eligibility_reason[]
language plpgsql stable set search_path = ''
as $$
declare
  v_reasons private.eligibility_reason[];
  v_horizon_days int;
  v_verified_to_rent jsonb;
  v_email_verified_at timestamptz;
  v_phone_verified_at timestamptz;
  v_min_score int;
  v_score int;
  v_suspended uuid[];
  v_problem text;
begin
  if p_starts_at is null or p_ends_at is null or not isfinite(p_starts_at) or not isfinite(p_ends_at) then
    perform private.fail_input('starts_at', 'must be given together with ends_at');
  end if;
  select
    (select value::int from private.settings where key = 'booking_horizon_days'),
    (select value from private.settings where key = 'verified_to_rent'),
    (select value::int from private.settings where key = 'instant_min_score'),
    array(select s.user_id from private.suspended_people s where s.user_id in (p_person_id, p_vehicle.host_id)),
    p.email_verified_at, p.phone_verified_at, p.credit_score
  into v_horizon_days, v_verified_to_rent, v_min_score, v_suspended, v_email_verified_at, v_phone_verified_at, v_score
  from (select) nobody left join public.profiles p on p.id = p_person_id;

  if p_person_id is null then
    v_reasons := v_reasons || ('unauthenticated', '{}')::private.eligibility_reason;
  else
    if p_person_id = any (v_suspended) then
      v_reasons := v_reasons || ('account_suspended', '{}')::private.eligibility_reason;
    end if;
    if p_vehicle.host_id = p_person_id then
      v_reasons := v_reasons || ('own_vehicle', '{}')::private.eligibility_reason;
    end if;
    if v_verified_to_rent ? 'email' and v_email_verified_at is null then
      v_reasons := v_reasons || ('email_unverified', '{}')::private.eligibility_reason;
    end if;
    if v_verified_to_rent ? 'phone' and v_phone_verified_at is null then
      v_reasons := v_reasons || ('phone_unverified', '{}')::private.eligibility_reason;
    end if;
  end if;
  -- a suspended host is nobody's business
  if p_vehicle.status <> 'published' or p_vehicle.host_id = any (v_suspended) then
    v_reasons := v_reasons || ('vehicle_not_published', '{}')::private.eligibility_reason;
  end if;
  -- it does not say who has blocked whom
  if private.is_blocked(p_person_id, p_vehicle.host_id) then
    v_reasons := v_reasons || ('booking_not_possible', '{}')::private.eligibility_reason;
  end if;

  -- of a period that is none, or whose sums a timestamp cannot hold, nothing more is asked
  if p_ends_at <= p_starts_at then
    return v_reasons || ('period_invalid', '{}')::private.eligibility_reason;
  elsif p_starts_at > now() + make_interval(days => v_horizon_days) then
    return v_reasons || ('period_too_long', '{"problem": "starts too far ahead"}')::private.eligibility_reason;
  end if;
  if p_starts_at < now() then
    v_reasons := v_reasons || ('period_in_past', '{}')::private.eligibility_reason;
  end if;
  if p_ends_at < p_starts_at + make_interval(hours => p_vehicle.min_hours) then
    v_reasons := v_reasons || ('period_too_short', jsonb_build_object('min_hours', p_vehicle.min_hours))::private.eligibility_reason;
  elsif p_ends_at > p_starts_at + make_interval(days => p_vehicle.max_days) then
    v_reasons := v_reasons || ('period_too_long', jsonb_build_object('max_days', p_vehicle.max_days))::private.eligibility_reason;
  end if;
  -- a start in the past is not also called too soon
  if p_starts_at >= now() and p_starts_at < now() + make_interval(hours => p_vehicle.notice_hours) then
    v_reasons := v_reasons || ('notice_too_short', jsonb_build_object('notice_hours', p_vehicle.notice_hours))::private.eligibility_reason;
  end if;
  if p_ends_at > (p_vehicle.papers_until + 1)::timestamp at time zone p_vehicle.time_zone then
    v_reasons := v_reasons || ('vehicle_papers_end', jsonb_build_object('papers_until', p_vehicle.papers_until))::private.eligibility_reason;
  end if;
  -- a period of more days than anybody may rent has no hours
  if p_vehicle.has_hours and p_ends_at <= p_starts_at + interval '100 days'
     and not private.is_open(p_vehicle.id, p_vehicle.time_zone, p_starts_at, p_ends_at) then
    v_reasons := v_reasons || ('vehicle_closed', '{}')::private.eligibility_reason;
  end if;
  if p_vehicle.instant_book and v_score < v_min_score then
    v_reasons := v_reasons || ('score_too_low', jsonb_build_object('min_score', v_min_score))::private.eligibility_reason;
  end if;
  if p_person_id is not null then
    v_problem := private.licence_problem(p_person_id, private.drive_traits(p_vehicle), p_starts_at, p_ends_at);
    if v_problem is not null then
      v_reasons := v_reasons || (v_problem, '{}')::private.eligibility_reason;
    end if;
  end if;
  return v_reasons;
end
$$;

-- The same with the calendar, which a command that takes the slot asks by taking it.
create function private.all_rental_reasons(p_person_id uuid, p_vehicle public.vehicles, p_starts_at timestamptz, p_ends_at timestamptz)
returns private.eligibility_reason[]
language plpgsql stable set search_path = ''
as $$
declare
  v_reasons private.eligibility_reason[] := private.rental_reasons(p_person_id, p_vehicle, p_starts_at, p_ends_at);
  v_taken private.eligibility_reason;
begin
  -- a period that ends before it begins, or in another age, has no calendar
  if p_ends_at > p_starts_at and p_ends_at < now() + interval '100 years' then
    v_taken := private.calendar_reason(p_vehicle.id, p_person_id, private.blocked_range(p_starts_at, p_ends_at, p_vehicle.buffer_minutes));
    if v_taken.code is not null then
      v_reasons := v_reasons || v_taken;
    end if;
  end if;
  return v_reasons;
end
$$;

-- The listing that a person asks to rent: one that exists for others than its host.
create function private.listing_to_rent(p_vehicle_id uuid)
returns public.vehicles
language plpgsql stable set search_path = ''
as $$
declare
  v_vehicle public.vehicles;
begin
  select * into v_vehicle from public.vehicles where id = p_vehicle_id and status not in ('draft', 'archived');
  if not found then
    perform private.fail('vehicle_not_found');
  end if;
  return v_vehicle;
end
$$;

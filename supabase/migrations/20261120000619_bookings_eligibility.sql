-- Bookings: all reasons why a person cannot book, in one call.
-- Rule kept here: an empty answer means that a booking made at this moment is not refused for what the person, the
-- vehicle, the period or the calendar is. The commands ask the same functions (vehicles_eligibility, bookings_create).
-- Left out on purpose: rate limits. They say when to come back, and a look must not use them up.

create function private.booking_reasons(p_person_id uuid, p_vehicle public.vehicles, p_starts_at timestamptz, p_ends_at timestamptz)
returns private.eligibility_reason[]
language plpgsql stable set search_path = ''
as $$
declare
  v_reasons private.eligibility_reason[] := private.all_rental_reasons(p_person_id, p_vehicle, p_starts_at, p_ends_at);
  v_held private.eligibility_reason;
begin
  if p_person_id is not null then
    if private.next_open_number(p_person_id) is null then
      v_reasons := v_reasons || private.open_bookings_reason();
    end if;
    -- a request holds nothing
    if p_vehicle.instant_book and p_ends_at > p_starts_at then
      v_held := private.days_held_reason(p_person_id, p_vehicle.id, p_ends_at - p_starts_at, null);
      if v_held.code is not null then
        v_reasons := v_reasons || v_held;
      end if;
    end if;
  end if;
  return v_reasons;
end
$$;

create function private.booking_eligibility(p_vehicle_id uuid, p_starts_at timestamptz, p_ends_at timestamptz)
returns table (code text, message_en text, message_vi text, details jsonb)
language plpgsql stable security definer set search_path = ''
as $$
begin
  return query
    select r.code, e.message_en, e.message_vi, r.details
    from unnest(private.booking_reasons(auth.uid(), private.listing_to_rent(p_vehicle_id), p_starts_at, p_ends_at))
      with ordinality r (code, details, position)
    join private.error_codes e on e.code = r.code
    order by r.position;
end
$$;
create function public.booking_eligibility(vehicle_id uuid, starts_at timestamptz, ends_at timestamptz)
returns table (code text, message_en text, message_vi text, details jsonb)
language sql stable set search_path = ''
as $$ select * from private.booking_eligibility($1, $2, $3) $$;
comment on function public.booking_eligibility is 'Answers all reasons why the caller cannot book this vehicle for a period, and no row when nothing is in the way. `code` is the error code with which quote and booking refuse (the first row is the one they name), the messages say what to do, and `details` holds what the error holds: min_hours, max_days, notice_hours, limit, papers_until, booking_id of the caller''s own hold, and for vehicle_unavailable `kinds`: booked, blocked, maintenance. It never says who has booked. A visitor gets unauthenticated with what is known of the vehicle. Errors: vehicle_not_found, invalid_input.';
select private.expose('booking_eligibility(uuid, timestamptz, timestamptz)', 'anon', 'authenticated');

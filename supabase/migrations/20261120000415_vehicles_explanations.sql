-- Vehicles: why a vehicle cannot be had for a period.
-- Rule kept here: the reasons are those of quote and booking, and the times are those of the calendar. Nobody learns who
-- has booked.
-- Left out on purpose: how many bookings the caller has already, which booking_eligibility says.

-- What kind of reason a code is.
create function private.reason_kind(p_code text)
returns text
language sql immutable set search_path = ''
as $$
  select case
    when p_code in ('vehicle_not_published', 'vehicle_papers_end') then 'listing'
    when p_code = 'notice_too_short' then 'notice'
    when p_code like 'period\_%' then 'period'
    else 'eligibility'
  end
$$;

create function private.explain_unavailable(p_vehicle_id uuid, p_starts_at timestamptz, p_ends_at timestamptz)
returns table (reason text, code text, starts_at timestamptz, ends_at timestamptz, message_en text, message_vi text)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_vehicle public.vehicles := private.listing_to_rent(p_vehicle_id);
  v_reasons private.eligibility_reason[] := private.all_rental_reasons(auth.uid(), v_vehicle, p_starts_at, p_ends_at);
  v_until timestamptz := p_ends_at;
begin
  -- as private.all_rental_reasons() has it: of other periods nothing is asked of the calendar
  if p_ends_at > p_starts_at and p_ends_at < now() + interval '100 years' then
    v_until := upper(private.blocked_range(p_starts_at, p_ends_at, v_vehicle.buffer_minutes));
  end if;
  return query
    with found as (
      -- what the calendar says, by its times
      select c.kind as reason, case c.kind when 'closed' then 'vehicle_closed' else r.code end as code, c.starts_at, c.ends_at, r.position
      from (
        select u.code, u.position from unnest(v_reasons) with ordinality u (code, details, position)
        where u.code in ('vehicle_closed', 'vehicle_unavailable', 'already_held')
        -- without these there may be no period to ask for
        offset 0
      ) r
      cross join lateral private.calendar_periods(v_vehicle, p_starts_at, case r.code when 'vehicle_closed' then p_ends_at else v_until end) c
      where r.code = 'vehicle_closed' and c.kind = 'closed'
        or r.code in ('vehicle_unavailable', 'already_held') and c.kind <> 'closed'
      union all
      select private.reason_kind(r.code), r.code, null, null, r.position
      from unnest(v_reasons) with ordinality r (code, details, position)
      where r.code not in ('vehicle_closed', 'vehicle_unavailable', 'already_held')
    )
    select f.reason, f.code, f.starts_at, f.ends_at, e.message_en, e.message_vi
    from found f
    join private.error_codes e on e.code = f.code
    order by f.position, f.starts_at;
end
$$;
create function public.explain_unavailable(vehicle_id uuid, starts_at timestamptz, ends_at timestamptz)
returns table (reason text, code text, starts_at timestamptz, ends_at timestamptz, message_en text, message_vi text)
language sql stable set search_path = ''
as $$ select * from private.explain_unavailable($1, $2, $3) $$;
comment on function public.explain_unavailable is 'Answers each reason why the caller cannot have a vehicle for a period, and no row when it can be had. `reason` is booked, blocked, maintenance or closed, with the time that is in the way (starts_at, ends_at, buffers included); or listing, notice, period (its length or place in time) or eligibility (of the caller), with null for both. `code` is what a quote is refused with. It never says who has booked. Errors: vehicle_not_found, invalid_input.';
select private.expose('explain_unavailable(uuid, timestamptz, timestamptz)', 'anon', 'authenticated');

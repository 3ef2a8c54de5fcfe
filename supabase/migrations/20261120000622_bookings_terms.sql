-- Bookings: what a trip costs beyond its price, as it was stated when the quote was made.
-- Rule kept here: a later edit of the listing or of a setting changes nothing of what was agreed; what arithmetic gives
-- (kilometres, hours) is computed here and nowhere else.
-- Left out on purpose: who asks for it (bookings_charges); and what only an eye can judge, such as damage.

alter table private.settings
  add constraint settings_late_grace_minutes check (key <> 'late_grace_minutes' or private.is_whole(value, 0, 720)),
  add constraint settings_late_fee_bps check (key <> 'late_fee_bps' or private.is_whole(value, 0, 50000));
insert into private.settings (key, value, description) values
  ('late_grace_minutes', '30', 'Minutes after the booked end within which a return costs nothing. Traffic is nobody''s fault.'),
  ('late_fee_bps', '15000', 'What a late return costs for each hour that has begun, and at most for a day, in basis points of the price of an hour and of a day. Quotes keep what held when they were made.');

alter table public.quotes add column trip_terms jsonb not null;
comment on column public.quotes.trip_terms is 'What the trip costs beyond its price, as stated then: {daily_km_allowance, excess_km_fee, late_grace_minutes, late_hour_fee, late_day_fee, vat_bps}. Amounts are in minor units without tax; daily_km_allowance is null for no limit.';
grant select (trip_terms) on public.quotes to authenticated;

create function private.keep_trip_terms()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  select jsonb_build_object(
    'daily_km_allowance', v.daily_km_allowance, 'excess_km_fee', coalesce(v.excess_km_fee, 0),
    'late_grace_minutes', private.setting('late_grace_minutes')::int,
    'late_hour_fee', v.price_per_hour * private.setting('late_fee_bps')::int / 10000,
    'late_day_fee', v.price_per_day * private.setting('late_fee_bps')::int / 10000,
    'vat_bps', (new.facts #>> '{rates,vat_bps}')::int)
  into new.trip_terms
  from public.vehicles v where v.id = new.vehicle_id;
  new.trip_terms := new.trip_terms || jsonb_build_object('vat_bps', coalesce(new.trip_terms ->> 'vat_bps', private.setting('rates') ->> 'vat_bps')::int);
  return new;
end
$$;
-- the quote of a later end brings the terms of its trip
create trigger keep_trip_terms before insert on public.quotes
  for each row when (new.trip_terms is null)
  execute function private.keep_trip_terms();

-- The inspection of a kind that counts, or nulls.
create function private.counted_inspection(p_booking_id uuid, p_kind text)
returns public.booking_inspections
language plpgsql stable set search_path = ''
as $$
declare
  v_inspection public.booking_inspections;
begin
  select * into v_inspection from public.booking_inspections
  where booking_id = p_booking_id and kind = p_kind and status in ('acknowledged', 'presumed', 'upheld');
  return v_inspection;
end
$$;

-- What a number of minutes after the booked end costs, without tax: nothing within the grace, and otherwise each hour that
-- has begun since the booked end, a day at most for its price.
create function private.late_fee(p_minutes int, p_terms jsonb)
returns bigint
language sql immutable set search_path = ''
as $$
  select case when p_minutes <= (p_terms ->> 'late_grace_minutes')::int then 0
    else h.hours / 24 * t.day_fee + least(h.hours % 24 * (p_terms ->> 'late_hour_fee')::bigint, t.day_fee) end
  from (select (p_minutes + 59) / 60 as hours) h, (select (p_terms ->> 'late_day_fee')::bigint as day_fee) t
$$;

-- Adds amount and tax to what a fee was computed from.
create function private.with_tax(p_basis jsonb, p_net bigint, p_terms jsonb)
returns jsonb
language sql immutable set search_path = ''
as $$
  select p_basis || jsonb_build_object('amount', p_net + t.tax, 'tax_amount', t.tax)
  from (select p_net * (p_terms ->> 'vat_bps')::int / 10000 as tax) t
$$;

-- What both sides' records say a completed trip cost beyond its price. A part is null where nothing was recorded, and
-- `km` also where the kilometres are free.
create function private.costs_of_trip(p_booking public.bookings)
returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_terms jsonb := (select q.trip_terms from public.quotes q where q.id = p_booking.quote_id);
  v_in public.booking_inspections := private.counted_inspection(p_booking.id, 'check_in');
  v_out public.booking_inspections := private.counted_inspection(p_booking.id, 'check_out');
  v_days int := ceil(extract(epoch from p_booking.ends_at - p_booking.starts_at) / 86400)::int;
  v_allowed int := v_days * (v_terms ->> 'daily_km_allowance')::int;
  v_excess int;
  v_minutes int;
begin
  -- greatest() passes over nulls: without an allowance, or a record, there is no excess to speak of
  v_excess := case when v_out.odometer_km - v_in.odometer_km - v_allowed is not null then greatest(v_out.odometer_km - v_in.odometer_km - v_allowed, 0) end;
  -- a return that only an admin settled has no hour that both sides know
  v_minutes := case when v_out.id is not null and p_booking.checked_out_at is not null then greatest(ceil(extract(epoch from p_booking.checked_out_at - p_booking.ends_at) / 60), 0)::int end;
  return jsonb_build_object(
    'currency', p_booking.currency,
    'fuel', case when v_in.id is not null and v_out.id is not null then
      jsonb_build_object('check_in_percent', v_in.fuel_percent, 'check_out_percent', v_out.fuel_percent) end,
    'km', case when v_excess is not null then private.with_tax(
      jsonb_build_object('driven_km', v_out.odometer_km - v_in.odometer_km, 'allowed_km', v_allowed, 'excess_km', v_excess,
        'fee_per_km', (v_terms ->> 'excess_km_fee')::bigint),
      v_excess * (v_terms ->> 'excess_km_fee')::bigint, v_terms) end,
    'late', case when v_minutes is not null then private.with_tax(
      jsonb_build_object('due_at', p_booking.ends_at, 'returned_at', p_booking.checked_out_at, 'late_minutes', v_minutes,
        'grace_minutes', (v_terms ->> 'late_grace_minutes')::int, 'hour_fee', (v_terms ->> 'late_hour_fee')::bigint,
        'day_fee', (v_terms ->> 'late_day_fee')::bigint),
      private.late_fee(v_minutes, v_terms), v_terms) end);
end
$$;

select private.retain_columns('public.quotes', 'What was agreed.', 'trip_terms');

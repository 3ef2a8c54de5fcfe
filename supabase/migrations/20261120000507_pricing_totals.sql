-- Pricing: what a period costs, for many vehicles at once, as a search shows it and sorts by it.
-- Rule kept here: a total is, to the unit, what priceRental() of functions/_shared/pricing answers for the same facts without
-- options and without a code. DO NOT change one without the other; tests/pricing/totals.test.ts compares them.
-- Left out on purpose: the lines of a price, which only a quote has.

-- The first instant of a day in a zone. The clock shows its midnight twice where clocks go back an hour just then.
create function private.day_begins(p_day date, p_time_zone text)
returns timestamptz
language plpgsql immutable set search_path = ''
as $$
declare
  v_midnight timestamptz := p_day::timestamp at time zone p_time_zone;
begin
  return case when ((v_midnight - interval '1 hour') at time zone p_time_zone)::date = p_day then v_midnight - interval '1 hour' else v_midnight end;
end
$$;

-- A stay, cut at each midnight of a zone, as dayParts() cuts it. Elapsed time counts, so a day in which clocks change is as long as it is.
create function private.day_parts(p_time_zone text, p_starts_at timestamptz, p_ends_at timestamptz)
returns table (day date, weekday int, ms bigint)
language plpgsql immutable set search_path = ''
as $$
begin
  return query
    select c.day, extract(isodow from c.day)::int, (extract(epoch from c.ends_at - c.starts_at) * 1000)::bigint
    from (
      select d.midnight::date as day, greatest(private.day_begins(d.midnight::date, p_time_zone), p_starts_at) as starts_at,
        least(private.day_begins(d.midnight::date + 1, p_time_zone), p_ends_at) as ends_at
      from generate_series((p_starts_at at time zone p_time_zone)::date, (p_ends_at at time zone p_time_zone)::date, interval '1 day') d (midnight)
    ) c
    where c.starts_at < c.ends_at;
end
$$;

create or replace function private.rental_totals(p_vehicle_ids uuid[], p_starts_at timestamptz, p_ends_at timestamptz)
returns setof private.rental_total
language plpgsql stable set search_path = ''
as $$
declare
  -- the library counts in milliseconds
  v_starts_at timestamptz := date_trunc('milliseconds', p_starts_at);
  v_ends_at timestamptz := date_trunc('milliseconds', p_ends_at);
  v_hours int := ceil(extract(epoch from v_ends_at - v_starts_at) / 3600);
  v_rates jsonb := private.setting('rates');
  v_fee_bps bigint := (v_rates -> 'service_fee_bps')::bigint;
  v_vat_bps bigint := (v_rates -> 'vat_bps')::bigint;
begin
  return query
    with listed as materialized (
      select v.id, v.time_zone, v.price_per_hour as hour, v.price_per_day as day, v.weekend_bps, v.security_deposit as deposit,
        v.long_stay_days, v.long_stay_discount_bps, 24 * v.price_per_hour < v.price_per_day as by_hour,
        case when v.long_stay_discount_bps > 0 then greatest(v_hours, 24 * v.long_stay_days) else v_hours end as target,
        exists (select from private.weekday_prices w where w.vehicle_id = v.id)
        or exists (select from private.day_prices d where d.vehicle_id = v.id and d.day between v_starts_at::date - 1 and v_ends_at::date + 1) as has_own
      from unnest(p_vehicle_ids) i (id)
      join public.vehicles v on v.id = i.id
    ),
    -- once for each zone
    parts as materialized (
      select z.time_zone, p.day, p.weekday, p.ms
      from (select distinct l.time_zone from listed l) z
      cross join lateral private.day_parts(z.time_zone, v_starts_at, v_ends_at) p
    ),
    weekends as (
      select p.time_zone, coalesce(sum(p.ms) filter (where p.weekday >= 6), 0)::bigint as ms from parts p group by p.time_zone
    ),
    -- where hosts set prices of their own: specialTime() of the library
    own as (
      select l.id, coalesce(sum(p.ms) filter (where d.day is not null or w.weekday is not null or (p.weekday >= 6 and l.weekend_bps > 0)), 0)::bigint as ms,
        coalesce(sum(p.ms) filter (where d.day is null and w.weekday is null and p.weekday >= 6 and l.weekend_bps > 0), 0)::bigint as weekend_ms,
        coalesce(sum((w.price_per_day - l.day) * p.ms) filter (where d.day is null), 0) as weekdays,
        coalesce(sum((d.price_per_day - l.day) * p.ms), 0) as days
      from listed l
      join parts p on p.time_zone = l.time_zone
      left join private.day_prices d on d.vehicle_id = l.id and d.day = p.day
      left join private.weekday_prices w on w.vehicle_id = l.id and w.weekday = p.weekday
      where l.has_own
      group by l.id
    ),
    priced as (
      select l.id, l.deposit, r.net
      from listed l
      join weekends e on e.time_zone = l.time_zone
      left join own o on o.id = l.id
      cross join lateral (
        select coalesce(o.ms, x.ms) as ms, coalesce(o.weekend_ms, x.ms) as weekend_ms, coalesce(o.weekdays, 0) as weekdays, coalesce(o.days, 0) as days,
          -- of the shares below: they are exact, and rounded once, half away from zero
          greatest(1, coalesce(o.ms, x.ms)) * 86400000::numeric as divisor
        from (select case when l.weekend_bps > 0 then e.ms else 0 end as ms) x
      ) s
      -- the combinations of days and hours that can be the cheapest: cheapestRental() and charge() of the library
      cross join lateral (
        select min(g.gross - case when c.hours + 24 * c.days >= 24 * l.long_stay_days then (g.gross * l.long_stay_discount_bps + 5000) / 10000 else 0 end) as net
        from (
          select b.days, greatest(0, b.target - 24 * b.days) as hours, least(s.ms, b.days * 86400000::bigint) as in_days
          from (values
            (v_hours, case when l.by_hour then 0 else (v_hours + 23) / 24 end),
            (v_hours, case when l.by_hour then 0 else v_hours / 24 end),
            (l.target, case when l.by_hour then 0 else l.target / 24 end)
          ) b (target, days)
        ) c
        cross join lateral (
          select case when s.ms = 0 then 0 else l.day::numeric * c.in_days + 24 * l.hour::numeric * (s.ms - c.in_days) end as usual
        ) u
        cross join lateral (
          select c.days * l.day + c.hours * l.hour
            + case when s.weekend_ms = 0 then 0 else div(2 * u.usual * s.weekend_ms * l.weekend_bps + s.divisor * 10000, s.divisor * 20000)::bigint end
            + case when s.weekdays = 0 then 0 else (sign(s.weekdays) * div(2 * u.usual * abs(s.weekdays) + s.divisor * l.day, 2 * s.divisor * l.day))::bigint end
            + case when s.days = 0 then 0 else (sign(s.days) * div(2 * u.usual * abs(s.days) + s.divisor * l.day, 2 * s.divisor * l.day))::bigint end as gross
        ) g
      ) r
    )
    select p.id, p.net + f.fee + ((p.net + f.fee) * v_vat_bps + 5000) / 10000 + p.deposit, p.deposit
    from priced p
    cross join lateral (select (p.net * v_fee_bps + 5000) / 10000 as fee) f;
end
$$;

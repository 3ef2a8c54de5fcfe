-- Pricing: the prices that a host sets for single days, such as holidays, and for days of the week.
-- Rule kept here: a price of a day comes before one of its weekday, and that before the price of the listing with its weekend
-- extra. A change is about quotes that come after; a quote has the prices that it was made with in its facts.
-- Left out on purpose: prices of single hours. The hour's rate of a day changes in proportion.

create table private.day_prices (
  vehicle_id uuid not null references public.vehicles on delete cascade,
  day date not null,
  price_per_day bigint not null,
  primary key (vehicle_id, day),
  constraint day_prices_day_range check (day between '2020-01-01' and '2200-01-01'),
  constraint day_prices_price_per_day_range check (price_per_day between 1000 and 100000000)
);
comment on table private.day_prices is 'What 24 hours cost on one day of the listing''s own calendar, in minor units of the listing''s currency.';

create table private.weekday_prices (
  vehicle_id uuid not null references public.vehicles on delete cascade,
  weekday smallint not null,
  price_per_day bigint not null,
  primary key (vehicle_id, weekday),
  constraint weekday_prices_weekday_range check (weekday between 1 and 7),
  constraint weekday_prices_price_per_day_range check (price_per_day between 1000 and 100000000)
);
comment on table private.weekday_prices is 'What 24 hours cost on a day of the week, 1 for Monday to 7 for Sunday, in minor units of the listing''s currency.';
comment on column private.day_prices.price_per_day is 'Minor units of the listing''s currency for 24 hours.';
comment on column private.weekday_prices.price_per_day is 'Minor units of the listing''s currency for 24 hours.';
alter table private.day_prices enable row level security;
alter table private.weekday_prices enable row level security;
select private.hold_no_persons('private.day_prices', 'private.weekday_prices');

create function private.check_day_price(p_price_per_day bigint)
returns void
language plpgsql stable set search_path = ''
as $$
begin
  if p_price_per_day is not null and p_price_per_day not between 1000 and 100000000 then
    perform private.fail_input('price_per_day', 'must be 1000 to 100000000, or null to remove the price');
  end if;
end
$$;

create function private.set_day_prices(p_vehicle_id uuid, p_from_day date, p_to_day date, p_price_per_day bigint)
returns int
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_vehicle public.vehicles := private.own_vehicle(p_vehicle_id);
  v_count int;
begin
  perform private.check_day_price(p_price_per_day);
  if (p_from_day between '2020-01-01' and '2200-01-01' and p_to_day between '2020-01-01' and '2200-01-01') is not true then
    perform private.fail_input('from_day', 'must be a day, and to_day too');
  elsif p_to_day < p_from_day or p_to_day - p_from_day >= 400 then
    perform private.fail_input('to_day', 'must be within 400 days from from_day on');
  end if;
  if p_price_per_day is null then
    delete from private.day_prices d where d.vehicle_id = v_vehicle.id and d.day between p_from_day and p_to_day;
  else
    insert into private.day_prices as d (vehicle_id, day, price_per_day)
    select v_vehicle.id, p_from_day + n, p_price_per_day from generate_series(0, p_to_day - p_from_day) n
    on conflict (vehicle_id, day) do update set price_per_day = excluded.price_per_day;
  end if;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
create function public.set_day_prices(vehicle_id uuid, from_day date, to_day date, price_per_day bigint default null)
returns int
language sql volatile set search_path = ''
as $$ select private.set_day_prices(vehicle_id, from_day, to_day, price_per_day) $$;
comment on function public.set_day_prices is 'Host: sets what 24 hours cost on each of these days of the listing''s own calendar, both included and at most 400, in minor units; null gives them their usual price again. Answers how many days changed. Quotes that were made keep their prices. Errors: vehicle_not_found, invalid_input.';
select private.expose('set_day_prices(uuid, date, date, bigint)', 'authenticated');

create function private.set_weekday_price(p_vehicle_id uuid, p_weekday int, p_price_per_day bigint)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_vehicle public.vehicles := private.own_vehicle(p_vehicle_id);
begin
  perform private.check_day_price(p_price_per_day);
  if (p_weekday between 1 and 7) is not true then
    perform private.fail_input('weekday', 'must be 1 for Monday to 7 for Sunday');
  end if;
  if p_price_per_day is null then
    delete from private.weekday_prices w where w.vehicle_id = v_vehicle.id and w.weekday = p_weekday;
  else
    insert into private.weekday_prices as w (vehicle_id, weekday, price_per_day) values (v_vehicle.id, p_weekday, p_price_per_day)
    on conflict (vehicle_id, weekday) do update set price_per_day = excluded.price_per_day;
  end if;
end
$$;
create function public.set_weekday_price(vehicle_id uuid, weekday int, price_per_day bigint default null)
returns void
language sql volatile set search_path = ''
as $$ select private.set_weekday_price(vehicle_id, weekday, price_per_day) $$;
comment on function public.set_weekday_price is 'Host: sets what 24 hours cost on a day of the week, 1 for Monday to 7 for Sunday, in minor units, in place of the listing''s price and its weekend extra; null gives it the usual price again. Errors: vehicle_not_found, invalid_input.';
select private.expose('set_weekday_price(uuid, int, bigint)', 'authenticated');

-- The prices of their own that a quote needs: of its days, and of a month more, in case the trip is extended.
create function private.special_prices(p_vehicle public.vehicles, p_starts_at timestamptz, p_ends_at timestamptz)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return jsonb_build_object(
    'day_prices', coalesce((
      select jsonb_agg(jsonb_build_object('day', d.day, 'price_per_day', d.price_per_day) order by d.day) from private.day_prices d
      where d.vehicle_id = p_vehicle.id
        and d.day between (p_starts_at at time zone p_vehicle.time_zone)::date and (p_ends_at at time zone p_vehicle.time_zone)::date + 31), '[]'),
    'weekday_prices', coalesce((
      select jsonb_agg(jsonb_build_object('weekday', w.weekday, 'price_per_day', w.price_per_day) order by w.weekday)
      from private.weekday_prices w where w.vehicle_id = p_vehicle.id), '[]'));
end
$$;

create function private.price_calendar(p_vehicle_id uuid, p_from_day date, p_to_day date)
returns table (day date, price_per_day bigint, reason text)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_vehicle public.vehicles := private.listing_to_rent(p_vehicle_id);
begin
  if (p_from_day between '2020-01-01' and '2200-01-01' and p_to_day between '2020-01-01' and '2200-01-01') is not true then
    perform private.fail_input('from_day', 'must be a day, and to_day too');
  elsif p_to_day < p_from_day or p_to_day - p_from_day >= 400 then
    perform private.fail_input('to_day', 'must be within 400 days from from_day on');
  end if;
  return query
    select k.day, coalesce(d.price_per_day, w.price_per_day,
        case when extract(isodow from k.day) >= 6 then v_vehicle.price_per_day + (v_vehicle.price_per_day * v_vehicle.weekend_bps + 5000) / 10000 else v_vehicle.price_per_day end),
      case when d.vehicle_id is not null then 'day' when w.vehicle_id is not null then 'weekday'
        when extract(isodow from k.day) >= 6 and v_vehicle.weekend_bps > 0 then 'weekend' else 'listing' end
    from (select p_from_day + n as day from generate_series(0, p_to_day - p_from_day) n) k
    left join private.day_prices d on d.vehicle_id = v_vehicle.id and d.day = k.day
    left join private.weekday_prices w on w.vehicle_id = v_vehicle.id and w.weekday = extract(isodow from k.day)
    order by k.day;
end
$$;
create function public.price_calendar(vehicle_id uuid, from_day date, to_day date)
returns table (day date, price_per_day bigint, reason text)
language sql stable set search_path = ''
as $$ select * from private.price_calendar(vehicle_id, from_day, to_day) $$;
comment on function public.price_calendar is 'Lists what 24 hours of a vehicle cost on each of these days of its own calendar, both included and at most 400, in minor units, and why: day or weekday (a price of its own), weekend, or listing. Errors: vehicle_not_found, invalid_input.';
select private.expose('price_calendar(uuid, date, date)', 'anon', 'authenticated');

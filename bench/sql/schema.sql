-- What the measurements need and the product does not: ids that can be computed, a plain table to insert
-- into, the plain search, the queries, and a call that answers a refusal instead of raising it.

create schema bench;
grant usage on schema bench to authenticator, authenticated;

-- The id of the n-th thing of a kind: as scattered as gen_random_uuid(), but known to the scripts.
create function bench.id(p_kind text, p_n bigint)
returns uuid
language sql immutable parallel safe
-- p_n::text, as `text || bigint` is not immutable and would keep the function from being inlined.
as $$ select md5(p_kind || ':' || p_n::text)::uuid $$;

-- What a row costs at least: one key, four columns, no trigger, no policy.
create table bench.plain_bookings (
  id uuid primary key default gen_random_uuid(),
  quote_id uuid not null,
  renter_id uuid not null,
  total_amount bigint not null,
  created_at timestamptz not null default now()
);
grant insert on bench.plain_bookings to authenticated;

create table bench.queries (
  id int primary key,
  lat float8 not null,
  lng float8 not null,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  kind text not null,
  max_price bigint not null
);
grant select on bench.queries to authenticator;

-- create_booking, with its refusal as an answer: pgbench would give up a connection at the first error.
-- The script then rolls back, as the Data API does.
create function bench.try_booking(p_quote_id uuid, out refused int)
language plpgsql volatile set search_path = ''
as $$
begin
  perform public.create_booking(p_quote_id, gen_random_uuid());
  refused := 0;
exception
  when sqlstate 'PT409' then
    if sqlerrm <> 'The vehicle is taken for all or part of this period.' then
      raise;
    end if;
    refused := 1;
end
$$;
grant execute on function bench.try_booking(uuid) to authenticated;


create sequence bench.quote_numbers minvalue 0;

-- Stores p_count quotes and returns the number of the first. Each is for a vehicle and two days of its own;
-- with p_group, every other group of that many quotes is for one and the same vehicle and period.
create function bench.make_quotes(p_count int, p_group int default null)
returns bigint
language plpgsql volatile set search_path = ''
as $$
declare
  v_first bigint := nextval('bench.quote_numbers');
  v_vehicles bigint := (select count(*) from public.vehicles);
begin
  perform setval('bench.quote_numbers', v_first + p_count);
  insert into public.quotes (
    id, renter_id, vehicle_id, period, currency, lines, total_amount, deposit_amount, host_amount, platform_amount,
    tax_amount, commission_bps, cancellation_policy, trip_terms, facts, pricing_version, expires_at
  )
  select
    -- with each round over all vehicles, every vehicle meets somebody new: two people who have met have a conversation already
    bench.id('quote', q.n), bench.id('renter', (q.n + q.n / v_vehicles * 7) % (select count(*) from bench.people where part = 'renter')),
    bench.id('vehicle', q.slot % v_vehicles), tstzrange(q.starts_at, q.starts_at + interval '2 days'), 'VND',
    '[{"code": "rental_days", "quantity": 2, "unit_amount": 500000, "amount": 1000000},
      {"code": "service_fee", "quantity": 1, "unit_amount": 50000, "amount": 50000},
      {"code": "vat", "quantity": 1, "unit_amount": 80000, "amount": 80000},
      {"code": "security_deposit", "quantity": 1, "unit_amount": 500000, "amount": 500000}]',
    1630000, 500000, 850000, 200000, 80000, 1500,
    '{"code": "moderate", "tiers": [{"hours_before": 72, "refund_bps": 10000}, {"hours_before": 24, "refund_bps": 5000}]}',
    -- the trigger that fills it is off where quotes are made for bookings that are there already
    '{"daily_km_allowance": null, "excess_km_fee": 0, "late_grace_minutes": 30, "late_hour_fee": 93000, "late_day_fee": 750000, "vat_bps": 800}',
    '{"currency": "VND", "time_zone": "Asia/Ho_Chi_Minh", "price_per_hour": 62000, "price_per_day": 500000}', 'bench', now() + interval '1 day'
  from (
    -- after the sixty days that calendars fill, and again three days later once every vehicle has had its turn
    select n, slot, date_trunc('day', now()) + interval '70 days' + interval '3 days' * (slot / v_vehicles) as starts_at
    from generate_series(v_first, v_first + p_count - 1) n,
    lateral (select case when (n - v_first) / p_group % 2 = 0 then v_first + (n - v_first) / p_group * p_group else n end as slot) s
  ) q;
  analyze public.quotes;
  return v_first;
end
$$;

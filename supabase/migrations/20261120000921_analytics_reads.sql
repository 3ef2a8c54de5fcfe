-- Analytics: what staff read of the figures.
-- Rule kept here: one call answers one snapshot. Figures of days are up to ten minutes old; what is said of now is of now.
-- Left out on purpose: what a person did; staff have the pages of people, bookings and orders for that.

create function private.require_days(p_from date, p_to date)
returns void
language plpgsql stable set search_path = ''
as $$
begin
  if p_from is null or p_from not between '2000-01-01' and '2999-12-31' then
    perform private.fail_input('from_day', 'must be a day from 2000 to 2999');
  elsif p_to is null or p_to not between p_from and '2999-12-31' then
    perform private.fail_input('to_day', 'must be a day up to 2999, and not before from_day');
  elsif p_to - p_from > 366 then
    perform private.fail_input('to_day', 'must be at most 366 days after from_day');
  end if;
end
$$;

create function private.list_daily_metrics(p_from date, p_to date, p_metrics text[])
returns table (day date, metric text, dimension text, unit text, value bigint)
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform private.require_staff();
  perform private.require_days(p_from, p_to);
  if exists (select from unnest(p_metrics) m where m is null or not exists (select from private.daily_metric_kinds k where k.name = m)) then
    perform private.fail_input('metrics', 'must be names of figures; list_metric_kinds has them');
  end if;
  return query
    select d.day, d.metric, d.dimension, k.unit, d.value
    from private.daily_metrics d join private.daily_metric_kinds k on k.name = d.metric
    where d.day between p_from and p_to and (p_metrics is null or d.metric = any (p_metrics))
    order by d.day, d.metric, d.dimension;
end
$$;
create function public.list_daily_metrics(from_day date, to_day date, metrics text[] default null)
returns table (day date, metric text, dimension text, unit text, value bigint)
language sql stable set search_path = ''
as $$ select * from private.list_daily_metrics($1, $2, $3) $$;
comment on function public.list_daily_metrics is 'Support and admins: the figures of at most 367 days, all or those named by `metrics`, by day. A day without a row of a figure has zero. `unit` is count, or money in minor units; then `dimension` is the currency. Days are those of the setting report_time_zone. Errors: forbidden, invalid_input.';
select private.expose('list_daily_metrics(date, date, text[])', 'authenticated');

create function private.list_metric_kinds()
returns table (name text, unit text, description text)
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform private.require_staff();
  return query select k.name, k.unit, k.description from private.daily_metric_kinds k order by k.name;
end
$$;
create function public.list_metric_kinds()
returns table (name text, unit text, description text)
language sql stable set search_path = ''
as $$ select * from private.list_metric_kinds() $$;
comment on function public.list_metric_kinds is 'Support and admins: the figures that are made for each day, with what each counts. Errors: forbidden.';
select private.expose('list_metric_kinds()', 'authenticated');

create function private.rebuild_metrics(p_from date, p_to date)
returns int
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.require_admin();
  perform private.require_days(p_from, p_to);
  return private.make_metrics(p_from, p_to);
end
$$;
create function public.rebuild_metrics(from_day date, to_day date)
returns int
language sql volatile set search_path = ''
as $$ select private.rebuild_metrics(from_day, to_day) $$;
comment on function public.rebuild_metrics is 'Admin: makes the figures of at most 367 days again from the log of events, and answers how many rows they are. The same log gives the same figures. Repeatable. Errors: forbidden, invalid_input.';
select private.expose('rebuild_metrics(date, date)', 'authenticated');

-- How far those came who began a machine in these days: how many were in each state by now.
create function private.funnel(p_machine text, p_from timestamptz, p_until timestamptz, variadic p_states text[])
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    with begun as (
      select e.subject_id from private.domain_events e
      where e.occurred_at >= p_from and e.occurred_at < p_until and e.machine = p_machine and e.from_state = 'initial'
    ),
    reached as (
      select b.subject_id, array_agg(e.to_state) as states
      from begun b join private.domain_events e on e.subject_id = b.subject_id and e.machine = p_machine
      group by b.subject_id
    )
    select jsonb_object_agg(s.state, (select count(*) from reached r where s.state = 'made' or r.states @> array[s.state]))
    from unnest(array['made'] || p_states) s (state)
  );
end
$$;

create function private.marketplace_report(p_from date, p_to date)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_zone text := private.report_zone();
  v_from timestamptz;
  v_until timestamptz;
begin
  perform private.require_staff();
  perform private.require_days(p_from, p_to);
  v_from := p_from::timestamp at time zone v_zone;
  v_until := (p_to + 1)::timestamp at time zone v_zone;
  return jsonb_build_object(
    'from_day', p_from, 'to_day', p_to, 'time_zone', v_zone,
    'totals', (
      select coalesce(jsonb_object_agg(t.metric, t.parts), '{}')
      from (
        select d.metric, jsonb_object_agg(d.dimension, d.value) as parts
        from (
          select m.metric, m.dimension, sum(m.value) as value
          from private.daily_metrics m where m.day between p_from and p_to group by m.metric, m.dimension
        ) d
        group by d.metric
      ) t
    ),
    'bookings', private.funnel('booking', v_from, v_until, 'confirmed', 'in_progress', 'completed', 'cancelled', 'expired', 'declined', 'no_show'),
    'orders', private.funnel('order', v_from, v_until, 'completed', 'cancelled', 'expired', 'failed'),
    -- hours of trips among the hours in which listings were bookable, of the days that are past
    'utilisation_bps', (
      select case when o.offered > 0 then least(10000, round(10000 * coalesce(o.driven, 0) / o.offered))::int else 0 end
      from (
        select
          (select sum(24 * 3600 * (select coalesce(sum(m.value), 0) from private.daily_metrics m where m.metric = 'listings_change' and m.day <= g.day::date))
           from generate_series(p_from, least(p_to, private.report_day() - 1), interval '1 day') g (day)) as offered,
          (select sum(extract(epoch from least(b.ends_at, v_until, now()) - greatest(b.starts_at, v_from)))
           from public.bookings b
           where b.status in ('confirmed', 'in_progress', 'completed') and b.period && tstzrange(v_from, greatest(v_from, least(v_until, now())))) as driven
      ) o
    ),
    'top_hosts', (
      select coalesce(jsonb_agg(h order by h.earned_amount desc, h.user_id), '[]')
      from (
        select a.owner::uuid as user_id, (select p.display_name from public.profiles p where p.id = a.owner::uuid) as display_name, a.currency,
          -sum(e.amount)::bigint as earned_amount, count(distinct t.payable_id) as paid_for
        from private.ledger_transactions t
        join private.ledger_entries e on e.transaction_id = t.id
        join private.ledger_accounts a on a.id = e.account_id
        where t.posted_at >= v_from and t.posted_at < v_until and t.payable_id is not null and a.kind = 'host_payable'
        group by a.owner, a.currency
        order by 4 desc, 1 limit 10
      ) h
    ),
    'now', private.counts_of_health() || jsonb_build_object(
      'listings', (select count(*) from public.vehicles v where v.status = 'published'),
      'trips_under_way', (select count(*) from public.bookings b where b.status = 'in_progress'),
      'owed_to_hosts', (
        select coalesce(jsonb_object_agg(o.currency, o.amount), '{}')
        from (
          select a.currency, -sum(e.amount)::bigint as amount
          from private.ledger_accounts a join private.ledger_entries e on e.account_id = a.id where a.kind = 'host_payable' group by a.currency
        ) o)
    )
  );
end
$$;
create function public.marketplace_report(from_day date, to_day date)
returns jsonb
language sql stable set search_path = ''
as $$ select private.marketplace_report(from_day, to_day) $$;
comment on function public.marketplace_report is 'Support and admins: how the marketplace did in at most 367 days: {from_day, to_day, time_zone, totals {figure: {dimension: value}} (list_metric_kinds says what each counts), bookings and orders {made, and of those how many were ever in each state}, utilisation_bps (hours of trips among the hours of bookable listings, of days that are past), top_hosts [{user_id, display_name, currency, earned_amount, paid_for}], now {each count of the health, listings, trips_under_way, owed_to_hosts {currency: amount}}}. Money is in minor units. Errors: forbidden, invalid_input.';
select private.expose('marketplace_report(date, date)', 'authenticated');

-- The figures of today for monitoring.
create function private.metrics_of_today()
returns setof private.metric_sample
language sql stable set search_path = ''
as $$
  select 'journey_today_' || k.name, 'gauge', k.description, case when d.dimension = '' then '{}' else jsonb_build_object(case k.unit when 'money' then 'currency' else 'part' end, d.dimension) end, d.value::numeric
  from private.daily_metrics d join private.daily_metric_kinds k on k.name = d.metric
  where d.day = private.report_day()
$$;
insert into private.metric_sources (name) values ('today');

-- Analytics: figures of days are a fold over the log, and what staff read of them.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_admin('admin') as admin, tests.make_user('support') as support \gset
insert into public.user_roles (user_id, role) values (:'support', 'support');
select tests.make_vehicle(:'host') as vehicle \gset
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(30), tests.hours(40)) as paid \gset
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(70), tests.hours(80)) as cancelled \gset
select tests.make_booking(:'renter', :'vehicle', tests.hours(90), tests.hours(95)) as unpaid \gset
select tests.as_user(:'renter');
select tests.cancel_booking(:'cancelled');
select tests.as_owner();
select tests.run_out(:'unpaid');
select private.expire_overdue_payments();

-- which events there are ------------------------------------------------------------------------------------------
select is(
  array(
    select k.name || ' ' || e from private.daily_metric_kinds k, unnest(k.events) e
    where not exists (select from private.transitions t where e in (t.machine || '.' || t.event, t.machine || '.*'))
      and not exists (select from pg_proc p where p.pronamespace = 'private'::regnamespace and position(quote_literal(e) in p.prosrc) > 0)
      and not (e like 'ledger.%' and (e = 'ledger.*' or exists (select from private.ledger_transactions t where 'ledger.' || t.event = e)
        or exists (select from pg_proc p where p.pronamespace = 'private'::regnamespace and position('post_ledger(' || quote_literal(substring(e from 8)) in p.prosrc) > 0)))
    order by 1),
  '{}', 'every figure names events that happen');

-- a fold -----------------------------------------------------------------------------------------------------------
create function tests.figure(p_metric text, p_dimension text default '')
returns bigint
language sql stable
as $$ select coalesce(sum(value), 0)::bigint from private.daily_metrics where metric = p_metric and dimension = p_dimension $$;
select private.refresh_metrics();
select is(tests.figure('bookings_made', 'hold'), 3::bigint, 'three bookings were made');
select is(tests.figure('bookings_confirmed'), 2::bigint, 'two of them were paid');
select is(tests.figure('bookings_cancelled', 'renter'), 1::bigint, 'one was cancelled by its renter');
select is(tests.figure('bookings_expired'), 1::bigint, 'a booking that nobody paid is counted as expired');
select is(tests.figure('listings_change'), (select count(*) from public.vehicles where status = 'published'), 'the sum of changes is the number of bookable listings');
select is(tests.figure('gmv', 'VND'), (select sum(total_amount - deposit_amount)::bigint from public.bookings where id in (:'paid', :'cancelled')),
  'the gross merchandise value is what was paid, without deposits');
select is(tests.figure('revenue', 'VND'), (
  select coalesce(-sum(e.amount), 0)::bigint from private.ledger_entries e join private.ledger_accounts a on a.id = e.account_id where a.kind = 'platform_revenue'),
  'the revenue of all days is the balance of the platform''s account');
select is(tests.figure('earnings', 'VND'), (
  select coalesce(-sum(e.amount), 0)::bigint from private.ledger_entries e join private.ledger_accounts a on a.id = e.account_id where a.kind = 'host_payable'),
  'what hosts earned is the balance of their accounts as long as nothing was paid out');

-- made again -------------------------------------------------------------------------------------------------------
create temporary table before as table private.daily_metrics;
select private.refresh_metrics();
select set_eq('table private.daily_metrics', 'table before', 'doing it again gives the same figures');
-- events of other days: everything that the log has so far moves by 100 days for one part of it
set constraints all immediate;
alter table private.domain_events disable trigger user;
update private.domain_events set occurred_at = occurred_at - interval '100 days' where id <= (select min(id) + (max(id) - min(id)) / 3 from private.domain_events);
select private.make_metrics(private.report_day() - 101, private.report_day());
create temporary table at_once as table private.daily_metrics;
grant select on at_once to public;
delete from private.daily_metrics;
select private.make_metrics(d::date, d::date) from generate_series(private.report_day() - 101, private.report_day(), interval '1 day') d;
select set_eq('table private.daily_metrics', 'table at_once', 'days made one by one are the days made at once');
select is((select count(distinct day) from private.daily_metrics), 2::bigint, 'an event counts for the day on which it happened');
select is(
  (select sum(value) from private.daily_metrics where metric not in ('gmv', 'revenue', 'tax', 'earnings', 'money_returned')),
  (select sum(value) from before where metric not in ('gmv', 'revenue', 'tax', 'earnings', 'money_returned')), 'no event is counted twice or lost');
delete from private.daily_metrics;
select private.refresh_metrics();
select set_eq('table private.daily_metrics', 'table at_once', 'the first run of the job begins with the first day of the log');
update private.daily_metrics set value = value + 1 where metric = 'signups';
select private.make_metrics(private.report_day() - 101, private.report_day());
select set_eq('table private.daily_metrics', 'table at_once', 'a figure that somebody changed is made right');
-- 17:30 UTC is the next day in Vietnam
select is(private.report_day('2026-11-30T17:30:00Z'), '2026-12-01'::date, 'days are those of the zone of reports');
select is(tests.outcome($$ update private.settings set value = '"Mars/Base"' where key = 'report_time_zone' $$), 'invalid_input', 'the zone of reports must exist');

-- who reads --------------------------------------------------------------------------------------------------------
select private.report_day() - 101 as first, private.report_day() as today \gset
select tests.as_user(:'renter');
select is(tests.outcome(format('select * from public.list_daily_metrics(%L, %L)', :'first', :'today')), 'forbidden', 'a person reads no figures');
select is(tests.outcome(format('select public.marketplace_report(%L, %L)', :'first', :'today')), 'forbidden', 'a person reads no report');
select tests.as_user(:'support');
select is((select count(*) from public.list_daily_metrics(:'first', :'today')), (select count(*) from at_once), 'support reads the figures');
select is((select array_agg(distinct metric) from public.list_daily_metrics(:'first', :'today', array['gmv'])), array['gmv'], 'figures can be chosen');
select is(tests.outcome(format('select * from public.list_daily_metrics(%L, %L, %L)', :'first', :'today', '{nothing}')), 'invalid_input', 'a figure that is not known is refused');
select is(tests.outcome(format('select * from public.list_daily_metrics(%L, %L)', :'today', :'first')), 'invalid_input', 'days in the wrong order are refused');
select is(tests.outcome(format('select * from public.list_daily_metrics(%L::date - 400, %L)', :'today', :'today')), 'invalid_input', 'more than 367 days are refused');
select is(tests.outcome(format('select public.rebuild_metrics(%L, %L)', :'today', :'today')), 'forbidden', 'support does not make figures again');
select tests.as_user(:'admin');
select is(public.rebuild_metrics(:'first', :'today')::bigint, (select count(*) from at_once), 'an admin makes figures again');

select tests.as_owner();
select count(*) as listings from public.vehicles where status = 'published' \gset
select private.balance('host_payable', :'host') as earned \gset
select tests.as_user(:'admin');
-- the report -------------------------------------------------------------------------------------------------------
select public.marketplace_report(:'first', :'today') as report \gset
select is(:'report'::jsonb -> 'bookings', '{"made": 3, "confirmed": 2, "in_progress": 0, "completed": 0, "cancelled": 1, "expired": 1, "declined": 0, "no_show": 0}'::jsonb,
  'the funnel says how far bookings came');
select is(:'report'::jsonb #> '{totals,bookings_made}', '{"hold": 3}'::jsonb, 'totals add up the days');
select is((:'report'::jsonb #>> '{now,listings}')::int, :listings, 'the report says how many listings are bookable now');
select ok(:earned > 0 and :'report'::jsonb -> 'top_hosts' @> jsonb_build_array(jsonb_build_object('user_id', :'host', 'currency', 'VND', 'earned_amount', :earned::bigint)),
  'the report names the hosts that earned most');
select is(public.marketplace_report(:'today'::date + 10, :'today'::date + 20) ->> 'utilisation_bps', '0', 'days to come have no utilisation');
-- ten hours of trips in the past, in the two days in which all listings were bookable
select tests.as_owner();
alter table public.bookings disable trigger user;
update private.domain_events set occurred_at = private.report_day()::timestamp at time zone private.report_zone() - interval '36 hours' where type = 'vehicle.publish';
update public.bookings set period = tstzrange(now() - interval '25 hours', now() - interval '15 hours') where id = :'paid';
select private.make_metrics(:'first', :'today');
select tests.as_user(:'admin');
select is(
  (public.marketplace_report(:'today'::date - 3, :'today') ->> 'utilisation_bps')::int,
  (select round(10000 * 10 / (48.0 * :listings))::int), 'utilisation is hours of trips among hours of bookable listings');

select * from finish();
rollback;

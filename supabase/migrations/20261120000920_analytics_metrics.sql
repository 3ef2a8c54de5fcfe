-- Analytics: figures of each day, computed from the log of events.
-- Rule kept here: a figure is a fold over the log and nothing else. Doing it again, for any days, gives the same figures; what is
-- cancelled today changes today and no day before.
-- Left out on purpose: figures of one person. Those of hosts and organizers are in bookings and ticketing.

alter table private.settings add constraint settings_report_time_zone check (key <> 'report_time_zone' or jsonb_typeof(value) = 'string');
insert into private.settings (key, value, description) values
  ('report_time_zone', '"Asia/Ho_Chi_Minh"', 'The zone whose midnight divides the days of figures. After a change, have them made again: rebuild_metrics.');
create function private.check_report_time_zone()
returns trigger
language plpgsql stable set search_path = ''
as $$
begin
  if not exists (select from private.time_zones z where z.name = new.value #>> '{}') then
    perform private.fail_input('report_time_zone', 'must be a name of the IANA time zone database, like Asia/Ho_Chi_Minh');
  end if;
  return new;
end
$$;
create trigger check_report_time_zone before insert or update on private.settings
  for each row when (new.key = 'report_time_zone') execute function private.check_report_time_zone();

-- Days are found without an index entry for each event.
create index domain_events_occurred_idx on private.domain_events using brin (occurred_at) with (pages_per_range = 32);

create table private.daily_metric_kinds (
  name text primary key,
  unit text not null,
  description text not null,
  events text[] not null,
  value text not null default '1',
  dimension text not null default '''''',
  constraint daily_metric_kinds_form check (name ~ '^[a-z][a-z_]{2,40}$'),
  constraint daily_metric_kinds_unit_known check (unit in ('count', 'money')),
  constraint daily_metric_kinds_sentence check (description ~ '^[A-Z].*\.$'),
  constraint daily_metric_kinds_events check (cardinality(events) > 0)
);
comment on table private.daily_metric_kinds is 'What is counted for each day. A row here and a rebuild is all that a new figure needs.';
comment on column private.daily_metric_kinds.unit is 'count, or money in minor units; the dimension of money is its currency.';
comment on column private.daily_metric_kinds.events is 'Types of events, as private.domain_events.type has them; `name.*` is every type that begins with name.';
comment on column private.daily_metric_kinds.value is 'SQL over the event e: what it adds.';
comment on column private.daily_metric_kinds.dimension is 'SQL over the event e: which part of the figure it adds to. Empty for a figure without parts.';

create table private.daily_metrics (
  day date not null,
  metric text not null references private.daily_metric_kinds,
  dimension text not null,
  value bigint not null,
  primary key (day, metric, dimension)
);
comment on table private.daily_metrics is 'The figures of each day, in the zone of the setting report_time_zone. A day without a row of a figure has zero. Made from private.domain_events alone; rebuild_metrics makes them again.';
select private.hold_no_persons('private.daily_metric_kinds', 'private.daily_metrics');
alter table private.daily_metric_kinds enable row level security;
alter table private.daily_metrics enable row level security;

-- What a movement of the ledger puts on accounts of some kinds, debit positive.
create function private.lines_sum(p_data jsonb, variadic p_kinds text[])
returns bigint
language plpgsql immutable set search_path = ''
as $$
begin
  return (select coalesce(sum((l ->> 'amount')::bigint), 0) from jsonb_array_elements(p_data -> 'lines') l where l ->> 'kind' = any (p_kinds));
end
$$;

insert into private.daily_metric_kinds (name, unit, description, events, dimension) values
  ('signups', 'count', 'Accounts that were made.', '{profile.created}', ''''''),
  ('accounts_deleted', 'count', 'Accounts that were deleted.', '{profile.deleted}', ''''''),
  ('bookings_made', 'count', 'Bookings that were made: hold is one at once, request one that a host answers.', '{booking.hold,booking.request}', 'e.event'),
  ('bookings_confirmed', 'count', 'Bookings that were paid.', '{booking.confirm,booking.confirm_late}', ''''''),
  ('bookings_started', 'count', 'Trips that began.', '{booking.check_in}', ''''''),
  ('bookings_completed', 'count', 'Trips that ended.', '{booking.complete,booking.settle}', ''''''),
  ('bookings_cancelled', 'count', 'Bookings that were cancelled, by whom: renter, host, admin or another cause.', '{booking.cancel}', 'coalesce(e.cause, '''')'),
  ('bookings_expired', 'count', 'Bookings that nobody paid or answered in time.', '{booking.expire}', ''''''),
  ('bookings_declined', 'count', 'Requests that a host declined.', '{booking.decline}', ''''''),
  ('bookings_no_show', 'count', 'Trips to which the renter did not come.', '{booking.no_show}', ''''''),
  ('orders_made', 'count', 'Orders of tickets.', '{order.hold,order.issue}', ''''''),
  ('orders_completed', 'count', 'Orders of tickets that were paid, or cost nothing.', '{order.complete,order.complete_late,order.issue}', ''''''),
  ('orders_cancelled', 'count', 'Orders of tickets that were cancelled.', '{order.cancel}', ''''''),
  ('orders_expired', 'count', 'Orders of tickets that nobody paid in time, or whose payment failed.', '{order.expire,order.fail}', ''''''),
  ('tickets_issued', 'count', 'Tickets that were issued.', '{ticket.issue}', ''''''),
  ('tickets_cancelled', 'count', 'Tickets that were cancelled.', '{ticket.cancel}', ''''''),
  ('queue_admitted', 'count', 'People whom waiting rooms let in.', '{queue_entry.admit}', ''''''),
  ('queue_completed', 'count', 'People who bought with their admission.', '{queue_entry.complete,queue_entry.complete_late}', ''''''),
  ('queue_lapsed', 'count', 'Admissions that nobody used in time.', '{queue_entry.lapse}', ''''''),
  ('payments_succeeded', 'count', 'Payments whose money came.', '{payment.succeed,payment.succeed_late}', ''''''),
  ('attempts_succeeded', 'count', 'Attempts to pay whose money came, by provider.', '{payment_attempt.succeed,payment_attempt.succeed_late}', 'e.data ->> ''provider'''),
  ('attempts_failed', 'count', 'Attempts to pay that failed, by provider.', '{payment_attempt.fail}', 'e.data ->> ''provider'''),
  ('refunds_succeeded', 'count', 'Refunds and returned deposits that were paid.', '{refund.succeed,refund.succeed_late}', ''''''),
  ('complaints_opened', 'count', 'Complaints about bookings and orders.', '{complaint.open}', ''''''),
  ('reviews_released', 'count', 'Reviews that became visible.', '{review.release}', ''''''),
  ('reports_made', 'count', 'Reports of content or people.', '{report.create}', '''''');
insert into private.daily_metric_kinds (name, unit, description, events, value, dimension) values
  ('listings_change', 'count', 'Listings that became bookable, less those that ceased to be. The sum of all days is how many are bookable.',
    '{vehicle.*}', '(e.to_state = ''published'')::int - (e.from_state = ''published'')::int', ''''''),
  ('gmv', 'money', 'Gross merchandise value: what was paid for trips, tickets and charges, without deposits and without money that came too late and went back.',
    '{ledger.payment_received,ledger.late_payment_received}',
    'private.lines_sum(e.data, ''clearing'', ''deposit'', ''refund_payable'')', 'e.data ->> ''currency'''),
  ('money_returned', 'money', 'What was paid back to payers, deposits included.', '{ledger.refund_paid}', 'private.lines_sum(e.data, ''refund_payable'')', 'e.data ->> ''currency'''),
  ('revenue', 'money', 'Revenue of the platform: commission and fees, less what was given back.', '{ledger.*}', '-private.lines_sum(e.data, ''platform_revenue'')', 'e.data ->> ''currency'''),
  ('tax', 'money', 'Tax to be handed on.', '{ledger.*}', '-private.lines_sum(e.data, ''tax_payable'')', 'e.data ->> ''currency'''),
  ('earnings', 'money', 'What hosts and organizers earned, less what they gave back.', '{ledger.*}',
    'case when e.type ~ ''^ledger[.](payout|transfer)_'' then 0 else -private.lines_sum(e.data, ''host_payable'') end', 'e.data ->> ''currency'''),
  ('payouts_paid', 'money', 'What was paid out to hosts and organizers.', '{ledger.payout_paid}', 'private.lines_sum(e.data, ''payout_payable'')', 'e.data ->> ''currency''');

create function private.report_zone()
returns text
language plpgsql stable set search_path = ''
as $$
begin
  return private.setting('report_time_zone') #>> '{}';
end
$$;
create function private.report_day(p_at timestamptz default now())
returns date
language plpgsql stable set search_path = ''
as $$
begin
  return (p_at at time zone private.report_zone())::date;
end
$$;

-- The figures of some days, from the log.
create function private.fold_events(p_from date, p_to date)
returns setof private.daily_metrics
language plpgsql stable set search_path = ''
as $$
declare
  v_zone text := private.report_zone();
  v_values text;
  v_dimensions text;
begin
  select string_agg(format('when %L then %s', k.name, k.value), ' '), string_agg(format('when %L then %s', k.name, k.dimension), ' ')
  into v_values, v_dimensions
  from private.daily_metric_kinds k;
  return query execute format(
    $q$
      select (f.at at time zone $1)::date, f.name, f.dimension, sum(f.value)::bigint
      from (
        select k.name, e.occurred_at as at, coalesce(case k.name %s end, '') as dimension, (case k.name %s end)::bigint as value
        from private.domain_events e
        cross join lateral (values (e.type), (split_part(e.type, '.', 1) || '.*')) t (type)
        join (select m.name, unnest(m.events) as type from private.daily_metric_kinds m) k on k.type = t.type
        where e.occurred_at >= $2::timestamp at time zone $1 and e.occurred_at < ($3 + 1)::timestamp at time zone $1
      ) f
      group by 1, 2, 3 having sum(f.value) <> 0
    $q$, v_dimensions, v_values)
  using v_zone, p_from, p_to;
end
$$;

-- Makes the figures of some days again. Two at a time wait for each other.
create function private.make_metrics(p_from date, p_to date)
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_count int;
begin
  perform pg_advisory_xact_lock(hashtextextended('daily_metrics', 0));
  delete from private.daily_metrics m where m.day between p_from and p_to;
  insert into private.daily_metrics (day, metric, dimension, value) select f.day, f.metric, f.dimension, f.value from private.fold_events(p_from, p_to) f;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

-- From the last day that has figures, or the first of the log, and the day before: a transaction that was open at the last run
-- has committed since. The log's first row has no figure only in a database without people.
create function private.refresh_metrics()
returns void
language sql volatile set search_path = ''
as $$
  select private.make_metrics(
    coalesce((select max(m.day) from private.daily_metrics m), (select private.report_day(e.occurred_at) from private.domain_events e order by e.id limit 1)) - 1,
    private.report_day())
$$;
select private.schedule_job('journey_metrics', 'Brings the figures of each day up to date.', '*/10 * * * *', '2 hours', 'select private.refresh_metrics()');

-- The figures of the week before, without the days that are still being made.
create function private.invariant_metrics_disagree()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  with days as (select private.report_day() - 8 as first, private.report_day() - 2 as last),
  again as (select f.* from days d cross join lateral private.fold_events(d.first, d.last) f),
  kept as (select m.* from days d join private.daily_metrics m on m.day between d.first and d.last)
  select coalesce(k.metric, a.metric), coalesce(k.day, a.day) || ' ' || coalesce(k.dimension, a.dimension) || ': '
    || coalesce(k.value, 0) || ' is kept, the log says ' || coalesce(a.value, 0)
  from kept k full join again a on (a.day, a.metric, a.dimension) = (k.day, k.metric, k.dimension)
  where k.value is distinct from a.value
    -- the days before the first run of the job
    and exists (select from private.daily_metrics m)
$$;
insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('metrics_disagree', 'warning', 'A figure of one of the last days is not what the log of events gives.',
    'Run rebuild_metrics for those days. If it comes back, a job did not run, the setting report_time_zone was changed, or a row of private.daily_metrics was.');

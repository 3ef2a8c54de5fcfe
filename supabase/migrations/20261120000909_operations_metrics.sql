-- Operations: what monitoring reads, in the terms of Prometheus.
-- Rule kept here: numbers, and names of topics, jobs and rails, so that nothing of a person is in it; what a scrape costs does
-- not grow with the history.
-- Left out on purpose: the text format, which is the function metrics; and a history, which is kept by what scrapes.

create type private.metric_sample as (name text, kind text, help text, labels jsonb, value numeric);

create table private.metric_sources (
  name text primary key,
  constraint metric_sources_name_form check (name ~ '^[a-z][a-z_]{2,40}$')
);
comment on table private.metric_sources is 'Where metrics come from: each has a function private.metrics_of_<name>() that answers samples (private.metric_sample).';
create function private.check_metric_source()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.require_function('metrics_of_' || new.name, '', 'SETOF private.metric_sample');
  return new;
end
$$;
create trigger function_exists before insert or update on private.metric_sources
  for each row execute function private.check_metric_source();
select private.hold_no_persons('private.metric_sources');
alter table private.metric_sources enable row level security;

create function private.metrics_of_health()
returns setof private.metric_sample
language sql stable set search_path = ''
as $$
  select 'journey_' || h.name, 'gauge', h.description, '{}'::jsonb, (c.counts ->> h.name)::numeric
  from private.health_counts h, (select private.counts_of_health() as counts) c
$$;

create function private.metrics_of_outbox()
returns setof private.metric_sample
language sql stable set search_path = ''
as $$
  with open as (
    select o.topic, o.status, count(*) as rows, max(extract(epoch from now() - o.available_at)) filter (where o.status = 'pending') as waited
    from private.outbox o where o.status in ('pending', 'leased', 'dead') group by o.topic, o.status
  )
  select 'journey_outbox_rows', 'gauge', 'Rows of the outbox that are not done.', jsonb_build_object('topic', o.topic, 'status', o.status), o.rows::numeric from open o
  union all
  select 'journey_outbox_oldest_due_seconds', 'gauge', 'How long the oldest pending row of a topic has been due.', jsonb_build_object('topic', o.topic), greatest(o.waited, 0)
  from open o where o.status = 'pending'
$$;

create function private.metrics_of_jobs()
returns setof private.metric_sample
language sql stable set search_path = ''
as $$
  select s.name, 'gauge', s.help, jsonb_build_object('job', r.job), s.value
  from private.job_runs() r
  cross join lateral (values
    ('journey_job_seconds_since_success', 'How long ago a job last succeeded, within 7 days.', extract(epoch from now() - r.last_succeeded_at)),
    ('journey_job_last_run_seconds', 'How long the last run of a job took.', r.last_ms / 1000.0),
    ('journey_job_failures_in_a_day', 'Failed runs of a job within 24 hours.', r.failures_in_a_day::numeric)
  ) s (name, help, value)
  where s.value is not null
$$;

create function private.metrics_of_invariants()
returns setof private.metric_sample
language sql stable set search_path = ''
as $$
  select s.name, 'gauge', s.help, s.labels, s.value
  from (select * from private.invariant_runs r order by r.id desc limit 1) r
  cross join lateral (values
    ('journey_invariant_violations', 'Violations of invariants that the last daily run found.', '{"severity": "critical"}'::jsonb, r.critical::numeric),
    ('journey_invariant_violations', 'Violations of invariants that the last daily run found.', '{"severity": "warning"}', r.warnings),
    ('journey_invariant_run_timestamp_seconds', 'When the last daily check of invariants ended, in seconds since 1970.', '{}', extract(epoch from r.ended_at))
  ) s (name, help, labels, value)
$$;

create function private.metrics_of_webhooks()
returns setof private.metric_sample
language sql stable set search_path = ''
as $$
  select 'journey_unverified_webhooks', 'gauge', 'Messages of providers that were not genuine, in this hour and the one before.', jsonb_build_object('provider', p.provider),
    coalesce((select sum(c.received) from private.unverified_counts c where c.provider = p.provider and c.hour >= date_trunc('hour', now()) - interval '1 hour'), 0)
  from private.payment_providers p
$$;

create function private.metrics_of_events()
returns setof private.metric_sample
language sql stable set search_path = ''
as $$
  select 'journey_webhook_events', 'gauge', 'Webhook events that were not accepted: pending (a try is to come), failed (given up) or held (the endpoint is off).',
    jsonb_build_object('status', s.status), (select count(*) from private.webhook_deliveries d where d.status = s.status and d.status in ('pending', 'failed', 'held'))::numeric
  from (values ('pending'), ('failed'), ('held')) s (status)
  union all
  select 'journey_webhook_endpoints', 'gauge', 'Webhook endpoints: on, failing (the last try failed) or off.', jsonb_build_object('state', s.state), count(e.id)::numeric
  from (values ('on'), ('failing'), ('off')) s (state)
  left join private.webhook_endpoints e on s.state = case when e.disabled_at is not null then 'off' when e.failures > 0 then 'failing' else 'on' end
  group by s.state
$$;

create function private.metrics_of_database()
returns setof private.metric_sample
language sql volatile set search_path = ''
as $$
  select 'journey_database_bytes', 'gauge', 'Size of the database.', '{}'::jsonb, pg_catalog.pg_database_size(current_database())::numeric
  union all
  select 'journey_connections', 'gauge', 'Connections of clients to the database.', jsonb_build_object('state', coalesce(a.state, 'unknown')), count(*)::numeric
  from pg_catalog.pg_stat_activity a where a.datname = current_database() and a.backend_type = 'client backend' group by a.state
  union all
  select 'journey_oldest_transaction_seconds', 'gauge', 'Age of the oldest open transaction.', '{}',
    coalesce(max(extract(epoch from clock_timestamp() - a.xact_start)), 0)
  from pg_catalog.pg_stat_activity a where a.datname = current_database() and a.backend_type = 'client backend' and a.pid <> pg_backend_pid()
  union all
  select 'journey_lock_waits', 'gauge', 'Connections that wait for a lock.', '{}', count(*)::numeric
  from pg_catalog.pg_stat_activity a where a.datname = current_database() and a.wait_event_type = 'Lock'
  union all
  select s.name, 'counter', s.help, s.labels, s.value::numeric
  from pg_catalog.pg_stat_database d
  cross join lateral (values
    ('journey_transactions_total', 'Transactions since the statistics began.', '{"result": "committed"}'::jsonb, d.xact_commit),
    ('journey_transactions_total', 'Transactions since the statistics began.', '{"result": "rolled_back"}', d.xact_rollback),
    ('journey_deadlocks_total', 'Deadlocks since the statistics began.', '{}', d.deadlocks)
  ) s (name, help, labels, value)
  where d.datname = current_database()
$$;
insert into private.metric_sources (name) values ('health'), ('outbox'), ('jobs'), ('invariants'), ('webhooks'), ('events'), ('database');

create function private.metrics()
returns setof private.metric_sample
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_source text;
begin
  for v_source in select s.name from private.metric_sources s order by s.name loop
    return query execute format('select * from private.metrics_of_%s()', v_source);
  end loop;
end
$$;
create function public.metrics()
returns table (name text, kind text, help text, labels jsonb, value numeric)
language sql volatile set search_path = ''
as $$ select m.name, m.kind, m.help, m.labels, m.value from private.metrics() m $$;
comment on function public.metrics is 'Answers what the function metrics shows, in the terms of Prometheus: `kind` is gauge or counter, `labels` an object of texts. Service only.';
select private.expose('metrics()', 'service_role');

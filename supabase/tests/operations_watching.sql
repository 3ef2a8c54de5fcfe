-- Operations: dead letters, the jobs, the daily check of invariants, and metrics.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_user('person') as person, tests.make_admin('admin') as admin, tests.make_user('support') as support \gset
insert into public.user_roles (user_id, role) values (:'support', 'support');
select private.register_topic('test');

-- dead letters -----------------------------------------------------------------------------------------------------
insert into private.outbox (topic, payload, dedupe_key, status, attempts, last_error, finished_at)
select 'test', '{}', 'letter ' || n, 'dead', 12, 'no such host', now() from generate_series(1, 3) n;
insert into private.outbox (topic, payload, dedupe_key, status, finished_at) values ('test', '{}', 'well', 'done', now());
select max(id) filter (where dedupe_key = 'letter 1') as first, max(id) filter (where dedupe_key = 'letter 3') as last, max(id) filter (where dedupe_key = 'well') as well
from private.outbox where topic = 'test' \gset
select tests.as_user(:'person');
select is(tests.outcome('select * from public.list_dead_letters()'), 'forbidden', 'a person sees no dead letters');
select is(tests.outcome(format('select public.requeue_dead_letter(%s)', :'first')), 'forbidden', 'a person requeues no dead letter');
select tests.as_user(:'support');
select is(array(select dedupe_key from public.list_dead_letters('test')), array['letter 3', 'letter 2', 'letter 1'], 'support sees the dead letters of a topic, newest first');
select is((select last_error from public.list_dead_letters('test') limit 1), 'no such host', 'a dead letter says why its last try failed');
select is(array(select dedupe_key from public.list_dead_letters('test', jsonb_build_object('id', :last::bigint), 1)), array['letter 2'], 'a page begins after the last row of the one before');
select is(tests.outcome($$ select * from public.list_dead_letters('no such topic') $$), 'invalid_input', 'a topic that is not known is refused');
select is(tests.outcome($$ select * from public.list_dead_letters('test', '{"id": "x"}') $$), 'invalid_input', 'a page that begins nowhere is refused');
select is(tests.outcome(format('select public.requeue_dead_letter(%s)', :'first')), 'forbidden', 'support requeues no dead letter');
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.requeue_dead_letter(%s)', :'first')), 'ok', 'an admin has a dead letter tried again');
select is(tests.outcome(format('select public.requeue_dead_letter(%s)', :'first')), 'ok', 'a dead letter that waits again can be requeued again');
select is(tests.outcome('select public.requeue_dead_letter(0)'), 'not_found', 'what is not there cannot be requeued');
select is(tests.outcome(format('select public.requeue_dead_letter(%s)', :'well')), 'illegal_transition', 'what is done cannot be requeued');
select tests.as_owner();
select is((select (status, attempts, finished_at is null)::text from private.outbox where id = :first), '(pending,1,t)', 'it goes back as after a first try');
select is((select (actor_id, cause, data ->> 'topic')::text from private.domain_events where type = 'outbox.requeued'), format('(%s,admin,test)', :'admin'), 'the log says who had it tried again');

-- a delivery that was given up
insert into public.deliveries (user_id, source, subject_id, category, channel) select :'person', 'chat', gen_random_uuid(), 'chat', 'push' returning id as delivery \gset
insert into private.outbox (topic, payload, dedupe_key, status, attempts, finished_at)
values ('push', jsonb_build_object('delivery_id', :'delivery'), :'delivery', 'dead', 12, now()) returning id as pushed \gset
update public.deliveries set status = 'failed', decided_at = now(), ended_at = now() where id = :'delivery';
select tests.as_user(:'admin');
select public.requeue_dead_letter(:pushed);
select tests.as_owner();
select is((select (d.status, o.status)::text from public.deliveries d join private.outbox o on o.dedupe_key = d.id::text where d.id = :'delivery'), '(queued,pending)',
  'a delivery that was given up waits again with its row');

-- a newer one that tells the same waits already
update public.deliveries set status = 'failed', ended_at = now() where id = :'delivery';
update private.outbox set status = 'dead', finished_at = now() where id = :pushed;
insert into public.deliveries (user_id, source, subject_id, category, channel) select user_id, source, subject_id, category, channel from public.deliveries where id = :'delivery';
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.requeue_delivery(%L)', :'delivery')), 'ok', 'a delivery whose successor waits is not sent beside it');
select is(tests.outcome(format('select public.requeue_dead_letter(%s)', :pushed)), 'ok', 'the dead letter of such a delivery can be requeued');
select tests.as_owner();
select is((select (d.status, o.status)::text from public.deliveries d join private.outbox o on o.dedupe_key = d.id::text where d.id = :'delivery'), '(failed,pending)',
  'its worker will see that there is nothing to do');

-- jobs ---------------------------------------------------------------------------------------------------------------
select private.schedule_job('journey_watched', 'Fails.', '* * * * *', '15 minutes', 'select 1 / 0'), private.schedule_job('journey_unwatched', 'Never ran.', '* * * * *', '15 minutes', 'select 1');
select jobid from cron.job where jobname = 'journey_watched' \gset
insert into cron.job_run_details (jobid, runid, status, return_message, start_time, end_time) values
  (:jobid, 2000000001, 'succeeded', '1 row', now() - interval '2 hours', now() - interval '2 hours' + interval '40 milliseconds'),
  (:jobid, 2000000002, 'failed', 'ERROR: division by zero', now() - interval '1 minute', now() - interval '1 minute' + interval '5 milliseconds');
create or replace function private.server_started() returns timestamptz language sql stable as 'select now() - interval ''1 day''';
alter table private.domain_events disable trigger user;
update private.domain_events set occurred_at = now() - interval '30 days' where id = (select min(id) from private.domain_events);
alter table private.domain_events enable trigger user;
select tests.as_user(:'person');
select is(tests.outcome('select * from public.list_jobs()'), 'forbidden', 'a person sees no jobs');
select tests.as_user(:'support');
select is((select (last_status, last_message, failures_in_a_day, runs_in_a_day, last_ms)::text from public.list_jobs() where name = 'journey_watched'),
  '(failed,"ERROR: division by zero",1,2,5)', 'a job that failed shows it, with what it said');
select is((select (is_late, last_succeeded_at < now() - interval '1 hour')::text from public.list_jobs() where name = 'journey_watched'), '(t,t)',
  'a job without a success for too long is late');
select is((select (is_late, is_active, last_started_at, runs_in_a_day)::text from public.list_jobs() where name = 'journey_unwatched'), '(t,t,,0)', 'a job that never ran is late');
select count(*) as listed from public.list_jobs() \gset
select tests.as_owner();
select is(:listed::bigint, (select count(*) from cron.job where jobname like 'journey\_%'), 'every job is listed once');
select cron.unschedule('journey_watched'), cron.unschedule('journey_unwatched');
delete from private.jobs where name in ('journey_watched', 'journey_unwatched');

-- the daily check of invariants ----------------------------------------------------------------------------------------
delete from private.outbox where topic = 'test' or id = :pushed;
delete from public.deliveries where user_id = :'person';
create or replace function private.server_started() returns timestamptz language sql stable as 'select now()';
select private.run_invariants();
select is((select (critical, warnings)::text from private.invariant_runs order by id desc limit 1), '(0,0)', 'the daily check of a healthy database finds nothing');
create function private.invariant_lamp_broken() returns table (subject_id text, detail text) language sql stable as $$ select 'lamp ' || n, 'burnt out' from generate_series(1, 1200) n $$;
insert into private.invariants (name, severity, what_is_wrong, what_to_do) values ('lamp_broken', 'critical', 'A lamp is broken.', 'Change the lamp.');
select private.run_invariants();
select is((select (r.critical, r.warnings, count(f), min(f.invariant))::text from private.invariant_runs r join private.invariant_findings f on f.run_id = r.id group by r.id order by r.id desc limit 1),
  '(1200,0,1000,lamp_broken)', 'the daily check keeps what it found');
select tests.as_service();
select is(public.health_facts() ->> 'invariants_violated', '1200', 'the health counts what the daily check found');
select is((select value from public.metrics() where name = 'journey_invariant_violations' and labels ->> 'severity' = 'critical'), 1200::numeric, 'the metrics say how severe it is');
select tests.as_owner();
update private.invariant_runs set started_at = now() - interval '91 days', ended_at = now() - interval '91 days';
select private.run_invariants();
select is((select count(*) from private.invariant_runs), 1::bigint, 'what was found is removed after 90 days');

-- metrics ------------------------------------------------------------------------------------------------------------
select tests.as_user(:'admin');
select is(tests.outcome('select * from public.metrics()'), '42501', 'metrics are for the service');
select tests.as_service();
select is(array(select m.name from public.metrics() m where m.value is null or m.kind not in ('gauge', 'counter') or m.name !~ '^journey_[a-z_]+$'), '{}', 'every metric has a value and a name that Prometheus reads');
select is((select count(*) from (select name, labels from public.metrics() group by 1, 2 having count(*) > 1) twice), 0::bigint, 'no sample comes twice');
select is((select count(*) from (select name from public.metrics() group by 1 having count(distinct help) > 1 or count(distinct kind) > 1) two), 0::bigint, 'a metric has one help and one kind');
select ok((select value from public.metrics() where name = 'journey_database_bytes') > 1000000, 'the size of the database is a metric');
select tests.as_owner();
select is(tests.outcome($$ insert into private.metric_sources values ('nowhere') $$), '42883', 'a source of metrics without its function is refused');

select * from finish();
rollback;

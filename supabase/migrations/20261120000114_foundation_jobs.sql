-- Foundation: the clock, a registry of jobs that modules add to.
-- Rule kept here: nothing is right only because a job has run; jobs tell people, free space and ask providers about
-- payments they have not reported. Each job is one of its own, so that one that fails stops no other.
-- A run a minute is enough for each of them, because pg_cron before 1.5 has no schedules in seconds.

create table private.jobs (
  name text primary key,
  description text not null,
  schedule text not null,
  fine_schedule text,
  command text not null,
  -- how long it may go without a successful run
  longest interval not null
);
comment on table private.jobs is 'The jobs that pg_cron is given, and how long each may go without a successful run before check_invariants names it.';
comment on column private.jobs.schedule is 'As pg_cron reads it, in UTC.';
comment on column private.jobs.fine_schedule is 'Instead of schedule where pg_cron knows seconds (1.5 or newer). Null when schedule is good enough.';

-- The schedule for a version of pg_cron as pg_extension names it: '1.4-1', '1.6'.
create function private.schedule_for(p_job private.jobs, p_pg_cron_version text)
returns text
language sql immutable set search_path = ''
as $$
  select case
    when string_to_array(substring(p_pg_cron_version from '^[0-9]+(?:[.][0-9]+)*'), '.')::int[] >= array[1, 5]
      then coalesce((p_job).fine_schedule, (p_job).schedule)
    else (p_job).schedule
  end
$$;

do $do$
begin
  if exists (select from pg_available_extensions where name = 'pg_cron') then
    create extension if not exists pg_cron with schema pg_catalog;
  else
    raise notice 'pg_cron is not available: let another clock run the commands of private.jobs';
  end if;
end
$do$;

-- Used by migrations only: registers a job, and gives it to pg_cron where that is.
create function private.schedule_job(
  p_name text, p_description text, p_schedule text, p_longest interval, p_command text, p_fine_schedule text default null
)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_job private.jobs;
begin
  insert into private.jobs (name, description, schedule, fine_schedule, command, longest)
  values (p_name, p_description, p_schedule, p_fine_schedule, p_command, p_longest)
  returning * into v_job;
  if to_regnamespace('cron') is not null then
    execute 'select cron.schedule($1, private.schedule_for($2, (select extversion from pg_catalog.pg_extension where extname = ''pg_cron'')), $3)'
    using v_job.name, v_job, v_job.command;
  end if;
end
$$;

-- Rows that only commands need are removed once no command can need them.
create function private.tidy_foundation()
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  delete from private.idempotency_keys where created_at < now() - interval '30 days';
  delete from private.rate_buckets where refilled_at < now() - interval '1 day';
  delete from private.outbox where status = 'done' and finished_at < now() - interval '30 days';
end
$$;
select private.schedule_job('journey_tidy_foundation', 'Removes idempotency keys and finished outbox rows after 30 days, and rate limits that nobody used for a day.',
  '17 20 * * *', '26 hours', 'select private.tidy_foundation()');

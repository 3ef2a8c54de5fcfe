-- Operations: how the jobs of pg_cron are doing.
-- Rule kept here: a job is late when it has had no success for longer than its module said it may, as job_not_run says it.
-- Left out on purpose: starting and stopping jobs, which is the operator's by SQL.

-- What pg_cron knows of the jobs. Its log goes back 7 days. Without pg_cron there is no row.
create function private.job_runs()
returns table (
  job text, schedule text, is_active boolean, last_started_at timestamptz, last_succeeded_at timestamptz, last_status text, last_message text,
  last_ms bigint, runs_in_a_day bigint, failures_in_a_day bigint
)
language plpgsql stable security definer set search_path = ''
as $$
begin
  if to_regclass('cron.job_run_details') is null then
    return;
  end if;
  -- who scheduled them owns this function: its policies show no others
  return query
    with seen as (
      select d.jobid, max(d.end_time) filter (where d.status = 'succeeded') as last_succeeded_at, max(d.runid) as last_run,
        count(*) filter (where d.start_time > now() - interval '1 day') as runs,
        count(*) filter (where d.start_time > now() - interval '1 day' and d.status = 'failed') as failures
      from cron.job_run_details d
      group by d.jobid
    )
    select j.name, c.schedule, c.active, l.start_time, s.last_succeeded_at, l.status, case when l.status = 'failed' then l.return_message end,
      (extract(epoch from l.end_time - l.start_time) * 1000)::bigint, coalesce(s.runs, 0), coalesce(s.failures, 0)
    from private.jobs j
    join cron.job c on c.jobname = j.name
    left join seen s on s.jobid = c.jobid
    left join cron.job_run_details l on l.runid = s.last_run;
end
$$;

create function private.list_jobs()
returns table (
  name text, description text, schedule text, longest_seconds int, is_active boolean, is_late boolean, last_started_at timestamptz,
  last_succeeded_at timestamptz, last_status text, last_message text, last_ms bigint, runs_in_a_day bigint, failures_in_a_day bigint
)
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform private.require_staff();
  return query
    select j.name, j.description, coalesce(r.schedule, j.schedule), extract(epoch from j.longest)::int, coalesce(r.is_active, false), l.job is not null,
      r.last_started_at, r.last_succeeded_at, r.last_status, r.last_message, r.last_ms, coalesce(r.runs_in_a_day, 0), coalesce(r.failures_in_a_day, 0)
    from private.jobs j
    left join private.job_runs() r on r.job = j.name
    left join private.jobs_not_run(private.server_started()) l on l.job = j.name
    order by j.name;
end
$$;
create function public.list_jobs()
returns table (
  name text, description text, schedule text, longest_seconds int, is_active boolean, is_late boolean, last_started_at timestamptz,
  last_succeeded_at timestamptz, last_status text, last_message text, last_ms bigint, runs_in_a_day bigint, failures_in_a_day bigint
)
language sql stable set search_path = ''
as $$ select * from private.list_jobs() $$;
comment on function public.list_jobs is 'Support and admins: lists the jobs with their last run and those of a day. `schedule` is that of pg_cron, in UTC; `longest_seconds` is how long a job may go without a success, and `is_late` says that it has. `last_status` is starting, running, sending, connecting, succeeded or failed, `last_message` is set when it failed. Everything about runs is null or 0 where pg_cron is not installed. Errors: forbidden.';
select private.expose('list_jobs()', 'authenticated');

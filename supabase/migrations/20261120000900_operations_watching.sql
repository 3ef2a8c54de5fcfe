-- Operations: checks of pg_cron's jobs for the invariants.
-- Rule kept here: looking changes nothing, and says nothing where nothing can be known.
-- Left out on purpose: repairs; private.invariants says what an operator does.

-- Jobs without a success for longer than each may go without one. Without pg_cron nothing is known of them. A server or
-- a database that is younger than that time is not checked.
create function private.jobs_not_run(p_server_started timestamptz)
returns table (job text, last_success timestamptz)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_since timestamptz := greatest(p_server_started, (select e.occurred_at from private.domain_events e order by e.id limit 1));
begin
  if to_regclass('cron.job_run_details') is null or not exists (select from private.domain_events) then
    return;
  end if;
  -- who scheduled them owns this function: its policies show no others
  return query
    select j.name, max(d.end_time)
    from private.jobs j
    left join cron.job c on c.jobname = j.name and c.active
    left join cron.job_run_details d on d.jobid = c.jobid and d.status = 'succeeded'
    where v_since < now() - j.longest
    group by j.name, j.longest
    having coalesce(max(d.end_time), '-infinity') < now() - j.longest;
end
$$;

-- A function of its own, so that a test can replace it with a time long ago.
create function private.server_started()
returns timestamptz
language sql stable set search_path = ''
as $$ select pg_postmaster_start_time() $$;

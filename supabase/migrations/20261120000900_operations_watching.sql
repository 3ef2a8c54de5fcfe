-- Operations: what can be seen only by trying, for the invariants.
-- Rule kept here: looking changes nothing, and says nothing where nothing can be known.
-- Left out on purpose: mending; what an operator does is in private.invariants.

-- Jobs without a success for longer than each may go without one. Nobody knows of them where pg_cron is not; and none
-- is asked of a server, or of a database in use, that is younger than that.
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

-- Apart, so that a test can say that it was long ago.
create function private.server_started()
returns timestamptz
language sql stable set search_path = ''
as $$ select pg_postmaster_start_time() $$;

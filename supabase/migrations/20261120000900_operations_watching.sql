-- Operations: what can be seen only by trying, for the invariants.
-- Rule kept here: looking changes nothing, and says nothing where nothing can be known.
-- Left out on purpose: mending; each invariant's line in docs/operations.md says what to do.

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

-- Whether the number of an account can be read with the key that is here, and is the one it was.
create function private.is_readable(p_account public.bank_accounts)
returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return coalesce(right(private.bank_account_number(p_account.id), 4) = p_account.account_last4, false);
exception
  -- as pgcrypto says "wrong key"
  when external_routine_invocation_exception then
    return false;
end
$$;

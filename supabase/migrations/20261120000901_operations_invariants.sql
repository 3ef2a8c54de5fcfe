-- Operations: runs what the modules registered as invariants, and the invariants of outbox, jobs and log.
-- Rule kept here: a row is a violation; none means healthy. It is a test after every stress run, and an alert.
-- Left out on purpose: what a constraint makes impossible, except where two tables must agree.

create function private.check_invariants()
returns table (invariant text, severity text, subject_id text, detail text)
-- whole tables are grouped and joined: in memory, and without compiling what runs once
language plpgsql stable security definer set search_path = '' set work_mem = '64MB' set jit = off
as $$
declare
  v_invariant private.invariants;
begin
  for v_invariant in select * from private.invariants i order by i.name loop
    -- one whose check fails must not hide the others
    begin
      return query execute format(
        'select %L, %L, v.subject_id, v.detail from private.invariant_%s() v', v_invariant.name, v_invariant.severity, v_invariant.name
      );
    exception
      when data_exception or cardinality_violation or feature_not_supported or syntax_error_or_access_rule_violation
        or external_routine_exception or external_routine_invocation_exception or plpgsql_error or internal_error then
        return query select v_invariant.name, v_invariant.severity, null::text, 'could not be checked: ' || sqlerrm;
    end;
  end loop;
end
$$;
comment on function private.check_invariants is 'One row per violation of an invariant: its name and severity, the row it is about, and what was found. An invariant whose function fails has a row that says so.';

create function private.check_invariants_as_admin()
returns table (invariant text, severity text, subject_id text, detail text)
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform private.require_admin();
  return query select * from private.check_invariants();
end
$$;
create function public.check_invariants()
returns table (invariant text, severity text, subject_id text, detail text)
language sql stable set search_path = ''
as $$ select * from private.check_invariants_as_admin() $$;
comment on function public.check_invariants is 'Admin: checks every invariant. Answers one row per violation, and no row when all is well. `severity` is critical or warning. docs/invariants.md says what to do about each. Errors: forbidden.';
revoke all on function private.check_invariants_as_admin(), public.check_invariants() from public, anon, authenticated, service_role;
grant execute on function private.check_invariants_as_admin(), public.check_invariants() to authenticated;

create function private.invariant_outbox_stuck()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select o.id::text, o.topic || ': ' || coalesce(o.last_error, 'not taken')
  from private.outbox o
  where o.status in ('pending', 'leased') and o.available_at < now() - interval '15 minutes'
    and coalesce(o.leased_until, o.available_at) < now() - interval '15 minutes'
     -- put off again and again; that counts no attempt, so it would never end as dead
     or (o.status = 'pending' and o.deferred_since < now() - interval '1 day')
$$;

create function private.invariant_outbox_dead()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select o.id::text, o.topic || ': ' || coalesce(o.last_error, '')
  from private.outbox o
  where o.status = 'dead'
$$;

create function private.invariant_job_not_run()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select j.job, 'last success: ' || coalesce(j.last_success::text, 'none')
  from private.jobs_not_run(private.server_started()) j
$$;

-- Of every table under a state machine, of any module.
create function private.invariant_state_without_history()
returns table (subject_id text, detail text)
language plpgsql stable set search_path = ''
as $$
declare
  v_governed record;
begin
  for v_governed in
    select t.tgrelid::regclass as owner, m.machine,
      -- a trigger with a condition does not log the ordinary beginning
      case when t.tgqual is not null then (select b.to_state from private.transitions b where b.machine = m.machine and b.from_state = 'initial') end as begins
    from pg_trigger t
    cross join lateral (select split_part(encode(t.tgargs, 'escape'), '\000', 1) as machine) m
    where t.tgname = 'transition_on_insert'
  loop
    for subject_id, detail in execute format(
      'select s.id::text, %1$L || '' '' || s.status
       from %2$s s
       where s.status is distinct from coalesce((
         select e.to_state from private.domain_events e where e.subject_id = s.id and e.machine = %1$L order by e.id desc limit 1
       ), %3$L)', v_governed.machine, v_governed.owner, v_governed.begins
    ) loop
      return next;
    end loop;
  end loop;
end
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('outbox_stuck', 'warning', 'An outbox row has not been taken for 15 minutes, or has been put off for over a day.',
    'Nobody calls the function outbox: look at the vault secrets, pg_net and the log of the function. If `deferred_reason` of the row is `rate_limited`, ask the provider less or have its limit raised; if it is `not_configured`, give the rail its settings.'),
  ('outbox_dead', 'warning', 'An outbox row was given up.',
    'Read its `last_error`, put right what it names, and requeue it as docs/operations.md says of dead letters.'),
  ('job_not_run', 'warning', 'A job has not succeeded for longer than `longest` in private.jobs allows.',
    'Look for it in `cron.job` and for its last `return_message` in `cron.job_run_details`. If nothing runs at all, pg_cron is dead or keeps no log (`cron.log_run`): restart the database.'),
  ('state_without_history', 'critical', 'The status of a row is not the last move that the log has of it.',
    'A trigger keeps this, so somebody switched it off. Find out who changed the row before you trust its status.');

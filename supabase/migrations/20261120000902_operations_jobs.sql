-- Operations: the jobs that tidy up.
-- Rule kept here: nothing is right only because a job has run; jobs tell people, free space and ask
-- providers about what stayed silent. None needs more than a run a minute, as pg_cron knows seconds from 1.5 on only.
-- Left out on purpose: performing outside effects, which is the outbox function's.

-- Asks about attempts without a final answer: after p_quiet, then ever more slowly; and once more about those that
-- want it (recheck_at). The attempt is the key of its question, so there is one at a time however long it waits; one
-- that was answered makes room for the next, and one the outbox has given up does so after a day.
create function private.enqueue_reconciliations(p_quiet interval default '2 minutes')
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_attempt public.payment_attempts;
  v_count int := 0;
begin
  for v_attempt in
    select * from public.payment_attempts a
    where ((a.status in ('created', 'pending') and a.created_at < now() - p_quiet) or a.recheck_at < now() - p_quiet)
      and coalesce(a.checked_at, a.created_at) < now() - least(interval '1 hour', p_quiet * 2 ^ least(a.checks, 6))
      -- those that wait in the outbox must not keep the others from it
      and not exists (
        select from private.outbox o
        where o.topic = 'reconcile' and o.dedupe_key = a.id::text
          and (o.status in ('pending', 'leased') or (o.status = 'dead' and o.finished_at > now() - interval '1 day'))
      )
    order by a.created_at
    limit 500
  loop
    delete from private.outbox
    where topic = 'reconcile' and dedupe_key = v_attempt.id::text and status in ('done', 'dead');
    perform private.enqueue('reconcile', jsonb_build_object('attempt_id', v_attempt.id, 'provider', v_attempt.provider),
      v_attempt.id::text);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;

-- Reads what came in to an account of ours that anybody may send money to: one look at a time, where such a rail is
-- in use. One that was given up is ordered anew.
create function private.enqueue_feeds()
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  delete from private.outbox where topic = 'feed' and status in ('done', 'dead');
  perform private.enqueue('feed', jsonb_build_object('provider', r.provider, 'cursor', r.feed_cursor), r.provider)
  from private.payment_providers r
  where r.has_feed and exists (select from public.payment_attempts a where a.provider = r.provider);
end
$$;

create function private.run_daily_jobs()
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.set_audit_context('deadline');
  update public.driver_licences set status = 'expired' where status = 'verified' and valid_until < current_date;
  delete from private.idempotency_keys where created_at < now() - interval '30 days';
  delete from private.rate_buckets where refilled_at < now() - interval '1 day';
  delete from private.outbox where status = 'done' and finished_at < now() - interval '30 days';
  -- what nobody signed is kept only as long as somebody may ask who sent it
  delete from private.payment_events where not verified and received_at < now() - interval '30 days';
  delete from private.unverified_counts where hour < now() - interval '30 days';
  update public.media set status = 'deleted' where status = 'reserved' and expires_at < now() - interval '1 day';
  delete from public.quotes q
  where q.expires_at < now() - interval '7 days' and not exists (select from public.bookings b where b.quote_id = q.id);
end
$$;

-- Calls the outbox function through pg_net, where that extension exists; the call leaves after the commit.
-- Elsewhere the stack's runner asks outbox_due() itself. This function is the only seam between the two.
create function private.call_outbox()
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_secrets regclass := to_regclass('vault.decrypted_secrets');
  v_url text;
  v_key text;
begin
  if to_regnamespace('net') is null or v_secrets is null then
    return;
  end if;
  execute format('select max(decrypted_secret) filter (where name = %L), max(decrypted_secret) filter (where name = %L) from %s', 'project_url', 'secret_key', v_secrets)
  into v_url, v_key;
  if v_url is null or v_key is null then
    raise warning 'the secrets project_url and secret_key are not in the vault, so the outbox is not called';
    return;
  end if;
  execute format('select %I.http_post(url := $1, headers := $2, body := $3, timeout_milliseconds := 30000)', 'net')
  using v_url || '/functions/v1/outbox', jsonb_build_object('Content-Type', 'application/json', 'apikey', v_key), '{}'::jsonb;
end
$$;

-- The backstop: a bell that was not heard delays, it never loses.
create function private.ring_outbox()
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  if private.outbox_due() then
    perform private.call_outbox();
  end if;
end
$$;

create table private.doorbell (
  id boolean primary key default true,
  rung_at timestamptz not null,
  constraint doorbell_one_row check (id)
);
comment on table private.doorbell is 'When the outbox function was last called by a new row.';
insert into private.doorbell (rung_at) values ('-infinity');

-- At most once a second, and nobody waits for anybody: who finds the bell in another's hand leaves it.
create function private.ring_on_insert()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if to_regnamespace('net') is null then
    return null;
  end if;
  perform 1 from private.doorbell where rung_at < clock_timestamp() - interval '1 second' for update skip locked;
  if found then
    update private.doorbell set rung_at = clock_timestamp() where id;
    perform private.call_outbox();
  end if;
  return null;
end
$$;
create trigger ring after insert on private.outbox
  for each statement execute function private.ring_on_insert();

-- Each is a job of its own, so that one that fails stops no other.
create table private.jobs (
  name text primary key,
  schedule text not null,
  -- instead of schedule, where pg_cron knows seconds
  fine_schedule text,
  command text not null,
  -- without a success; the schedule and patience beside it
  longest interval not null
);
comment on table private.jobs is 'The jobs that pg_cron is given, and how long each may go without a successful run before check_invariants names it.';
comment on column private.jobs.schedule is 'As pg_cron reads it, in UTC.';
comment on column private.jobs.fine_schedule is 'Instead of schedule where pg_cron knows seconds (1.5 or newer). Null when schedule is good enough.';
insert into private.jobs (name, schedule, longest, command) values
  ('journey_expire', '* * * * *', '15 minutes', 'select private.expire_overdue_bookings()'),
  ('journey_deposits', '* * * * *', '15 minutes', 'select private.return_due_deposits()'),
  ('journey_reconcile', '* * * * *', '15 minutes', 'select private.enqueue_reconciliations()'),
  ('journey_feeds', '11 * * * *', '3 hours', 'select private.enqueue_feeds()'),
  ('journey_outbox', '* * * * *', '15 minutes', 'select private.ring_outbox()'),
  ('journey_payouts', '7 1 * * *', '26 hours', 'select private.schedule_payouts()'),
  ('journey_daily', '17 20 * * *', '26 hours', 'select private.run_daily_jobs()'),
  -- far more than the longest of the above; a run that a crash cut short has no end
  ('journey_cron_log', '37 20 * * *', '26 hours', $job$delete from cron.job_run_details where coalesce(end_time, start_time) < now() - interval '7 days'$job$);

-- an effect whose try failed is due again after seconds, and nobody rings for it
update private.jobs set fine_schedule = '10 seconds' where name = 'journey_outbox';

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
  if exists (select from pg_available_extensions where name = 'pg_net') then
    create extension if not exists pg_net with schema extensions;
  end if;
  if exists (select from pg_available_extensions where name = 'pg_cron') then
    create extension if not exists pg_cron with schema pg_catalog;
    perform cron.schedule(j.name, private.schedule_for(j, e.extversion), j.command)
    from private.jobs j, pg_extension e
    where e.extname = 'pg_cron'
    order by j.name;
  else
    raise notice 'pg_cron is not available: run expire_overdue_bookings, return_due_deposits, enqueue_reconciliations, enqueue_feeds, schedule_payouts and run_daily_jobs of schema private by another clock';
  end if;
end
$do$;

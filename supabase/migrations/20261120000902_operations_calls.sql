-- Operations: calling the function outbox.
-- Rule kept here: a call that was not made, or did not arrive, delays an effect and never loses it.
-- Left out on purpose: performing the effects, which is the function's.

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

-- The backstop for calls that did not arrive: a job calls the function as well.
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

-- At most one call a second. A transaction that finds the row locked by another one skips the call and does not wait.
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

do $do$
begin
  if exists (select from pg_available_extensions where name = 'pg_net') then
    create extension if not exists pg_net with schema extensions;
  end if;
end
$do$;

-- an effect that failed is due again after some seconds, and no new row calls the function then
select private.schedule_job('journey_outbox', 'Calls the function outbox when something is due. It is the fallback for the call that each new row makes.',
  '* * * * *', '15 minutes', 'select private.ring_outbox()', '10 seconds');
-- far longer than any job takes; a run that a crash cut short never gets an end time
select private.schedule_job('journey_cron_log', 'Removes the log of jobs after 7 days.', '37 20 * * *', '26 hours',
  $job$delete from cron.job_run_details where coalesce(end_time, start_time) < now() - interval '7 days'$job$);

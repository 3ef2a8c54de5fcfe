-- Foundation: how effects leave the database.
-- Rule kept here: a row is written in the transaction that causes it, leased with a deadline, and ends
-- as done or dead; at least once, with a dedupe key for the one that performs it.
-- Left out on purpose: the effects themselves (function `outbox`) and NOTIFY, which serializes commits.

create table private.outbox (
  id bigint generated always as identity primary key,
  topic text not null,
  worker text not null default 'outbox',
  payload jsonb not null,
  dedupe_key text not null,
  status text not null default 'pending',
  attempts int not null default 0,
  max_attempts int not null default 12,
  available_at timestamptz not null default now(),
  lease_token uuid,
  leased_until timestamptz,
  provider_id text,
  result jsonb,
  last_error text,
  -- why the row waits although nothing failed, and since when it has not been performed for such reasons
  deferred_reason text,
  deferred_since timestamptz,
  correlation_id text default private.correlation_id(),
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  constraint outbox_status_known check (status in ('pending', 'leased', 'done', 'dead')),
  constraint outbox_worker_known check (worker in ('outbox', 'webhooks', 'media')),
  constraint outbox_deferred_reason_known check (deferred_reason in ('rate_limited', 'not_configured', 'waiting', 'no_turn')),
  constraint outbox_dedupe_key unique (topic, dedupe_key),
  constraint outbox_lease_complete check ((status = 'leased') = (lease_token is not null and leased_until is not null))
);
comment on table private.outbox is 'Effects outside the database that are to be performed: mails, questions to providers, refunds, payouts, pictures. Written by the transaction that causes them, performed by the worker of their topic, removed 30 days after they are done.';
comment on column private.outbox.worker is 'Who performs it, as private.outbox_topics says of its topic: the function `outbox`, which leases `outbox` and `webhooks` apart, so that a rush of events delays nothing else; or the program `worker` for `media`.';
comment on column private.outbox.payload is 'What the topic needs, mostly ids; the worker reads the rest when it performs the effect.';
comment on column private.outbox.dedupe_key is 'One effect has one key within its topic.';
comment on column private.outbox.status is 'pending (due from available_at on), leased (a worker has it until leased_until), done, or dead (given up; needs a person). Written by the commands of the worker; no state machine.';
comment on column private.outbox.available_at is 'Not before this moment; each failed try moves it.';
comment on column private.outbox.leased_until is 'When the worker that has it is taken for dead and another may take it. Null unless leased.';
comment on column private.outbox.provider_id is 'What the outside calls the effect, such as the id of the mail. Null until it is done, and where the outside gives none.';
comment on column private.outbox.result is 'What the outside answered. Null until it is done.';
comment on column private.outbox.deferred_reason is 'Why it waits although nothing failed: waiting (for an answer or a person), rate_limited, not_configured, no_turn. Null otherwise.';
comment on column private.outbox.deferred_since is 'Since when it has not been performed for such reasons. Null when the last try was one.';
comment on column private.outbox.last_error is 'Why the last try failed. Null when none has.';
-- by worker first: what one of them leaves undone must not stand in the way of the other
create index outbox_due_idx on private.outbox (worker, available_at, id) where status = 'pending';
create index outbox_leased_idx on private.outbox (worker, leased_until) where status = 'leased';
create index outbox_dead_idx on private.outbox (finished_at) where status = 'dead';

create table private.outbox_topics (
  topic text primary key,
  needs text[] not null,
  worker text not null default 'outbox',
  constraint outbox_topics_worker_known check (worker in ('outbox', 'webhooks', 'media')),
  constraint outbox_topics_form check (topic ~ '^[a-z][a-z_]{2,40}$')
);
comment on table private.outbox_topics is 'The topics of the outbox, the keys that the payload of each must carry, and who performs it.';

-- Used by migrations only. One constraint holds what all topics need: that costs an insert nothing, and a row that no
-- worker can perform cannot be stored.
create function private.register_topic_of(p_worker text, p_topic text, variadic p_needs text[] default '{}')
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into private.outbox_topics (topic, needs, worker) values (p_topic, p_needs, p_worker);
  alter table private.outbox drop constraint if exists outbox_topic_known;
  execute (
    select format(
      'alter table private.outbox add constraint outbox_topic_known check (case topic %s else false end)',
      string_agg(format('when %L then worker = %L and payload ?& %L', t.topic, t.worker, t.needs), ' ' order by t.topic)
    )
    from private.outbox_topics t
  );
end
$$;

create function private.register_topic(p_topic text, variadic p_needs text[] default '{}')
returns void
language sql volatile set search_path = ''
as $$ select private.register_topic_of('outbox', p_topic, variadic p_needs) $$;

create function private.enqueue(p_topic text, p_payload jsonb, p_dedupe_key text, p_available_at timestamptz default now())
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into private.outbox (topic, worker, payload, dedupe_key, available_at)
  values (
    p_topic, coalesce((select worker from private.outbox_topics where topic = p_topic), 'outbox'), p_payload, p_dedupe_key, p_available_at
  )
  on conflict (topic, dedupe_key) do nothing;
end
$$;

create function private.outbox_due()
returns boolean
language sql stable security definer set search_path = ''
as $$
  select exists (
    select from (values ('outbox'), ('webhooks')) w (worker)
    where exists (select from private.outbox o where o.worker = w.worker and o.status = 'pending' and o.available_at <= now())
       or exists (select from private.outbox o where o.worker = w.worker and o.status = 'leased' and o.leased_until <= now())
  )
$$;
comment on function private.outbox_due is 'Whether the outbox function has work. Asked before the function is called.';

create function private.lease_outbox(p_batch int, p_lease_seconds int, p_worker text)
returns setof private.outbox
language sql volatile security definer set search_path = ''
as $$
  -- a row whose workers died too often must not kill the next one
  update private.outbox
  set status = 'dead', lease_token = null, leased_until = null, finished_at = now(),
      last_error = coalesce(last_error, 'the lease ran out every time')
  where worker = p_worker and status = 'leased' and leased_until <= now() and attempts >= max_attempts;

  update private.outbox o
  set status = 'leased',
      attempts = o.attempts + 1,
      lease_token = gen_random_uuid(),
      leased_until = now() + make_interval(secs => least(greatest(p_lease_seconds, 5), 600))
  -- an array is made once: a subquery of `in` may run again for each row, and then leases them all
  where o.id = any (array(
    select d.id
    from private.outbox d
    where (d.worker = p_worker and d.status = 'pending' and d.available_at <= now())
       or (d.worker = p_worker and d.status = 'leased' and d.leased_until <= now())
    order by d.available_at, d.id
    limit least(greatest(p_batch, 1), 100)
    for update skip locked
  ))
  returning o.*
$$;

create function public.lease_outbox(batch int default 20, lease_seconds int default 60, worker text default 'outbox')
returns table (id bigint, topic text, payload jsonb, attempts int, lease_token uuid, dedupe_key text, correlation_id text)
language sql volatile set search_path = ''
as $$
  select l.id, l.topic, l.payload, l.attempts, l.lease_token, l.dedupe_key, l.correlation_id
  from private.lease_outbox(batch, lease_seconds, worker) l
  -- an update returns rows in no order, and what has waited longest must be performed first
  order by l.available_at, l.id
$$;
comment on function public.lease_outbox is 'Leases up to `batch` (1–100) due rows for `lease_seconds` (5–600). No other worker gets them until the lease ends. `worker` is outbox or webhooks (the function `outbox`) or media (the program `worker`). Service only.';

create function private.complete_outbox(p_id bigint, p_lease_token uuid, p_provider_id text, p_result jsonb)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  update private.outbox
  set status = 'done', lease_token = null, leased_until = null, provider_id = p_provider_id,
      result = p_result, last_error = null, deferred_reason = null, deferred_since = null, finished_at = now()
  where id = p_id and status = 'leased' and lease_token = p_lease_token;
  if not found then
    perform private.fail('outbox_lease_lost');
  end if;
end
$$;

create function public.complete_outbox(id bigint, lease_token uuid, provider_id text default null, result jsonb default null)
returns void
language sql volatile set search_path = ''
as $$ select private.complete_outbox(id, lease_token, provider_id, result) $$;
comment on function public.complete_outbox is 'Marks a leased row as done. Service only. Errors: outbox_lease_lost.';

-- Backoff doubles from 5 seconds to at most an hour, with jitter, so that many rows do not return at once.
create function private.fail_outbox(p_id bigint, p_lease_token uuid, p_error text, p_permanent boolean)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  update private.outbox
  set status = case when p_permanent or attempts >= max_attempts then 'dead' else 'pending' end,
      finished_at = case when p_permanent or attempts >= max_attempts then now() end,
      available_at = now() + make_interval(secs => least(3600, 5 * 2 ^ (attempts - 1)) * (0.8 + random() * 0.4)),
      lease_token = null, leased_until = null, last_error = left(p_error, 2000), deferred_reason = null, deferred_since = null
  where id = p_id and status = 'leased' and lease_token = p_lease_token;
  if not found then
    perform private.fail('outbox_lease_lost');
  end if;
end
$$;

create function public.fail_outbox(id bigint, lease_token uuid, error text, permanent boolean default false)
returns void
language sql volatile set search_path = ''
as $$ select private.fail_outbox(id, lease_token, error, permanent) $$;
comment on function public.fail_outbox is 'Puts a leased row back to be tried again later. When `permanent` is true, or no attempts are left, the row becomes a dead letter. Service only. Errors: outbox_lease_lost.';

-- Nothing failed, so no attempt is counted. The row waits for an answer or a person (waiting), its provider was asked
-- too often (rate_limited), its settings are missing (not_configured), or the worker had no time left (no_turn).
-- check_invariants names a row that has not been performed for a day.
create function private.defer_outbox(p_id bigint, p_lease_token uuid, p_seconds int, p_reason text, p_detail text)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  update private.outbox
  set status = 'pending', attempts = attempts - 1, lease_token = null, leased_until = null,
      available_at = now() + make_interval(secs => least(greatest(p_seconds, 1), 86400)),
      deferred_reason = p_reason,
      deferred_since = case when p_reason <> 'waiting' then coalesce(deferred_since, now()) end,
      last_error = left(p_detail, 2000)
  where id = p_id and status = 'leased' and lease_token = p_lease_token;
  if not found then
    perform private.fail('outbox_lease_lost');
  end if;
exception
  when check_violation then
    perform private.fail_input('reason', 'must be rate_limited, not_configured, waiting or no_turn');
end
$$;

create function public.defer_outbox(id bigint, lease_token uuid, seconds int, reason text, detail text)
returns void
language sql volatile set search_path = ''
as $$ select private.defer_outbox(id, lease_token, seconds, reason, detail) $$;
comment on function public.defer_outbox is 'Puts a leased row back for `seconds` (1–86400) and does not count the attempt, because nothing failed. `reason` is waiting, rate_limited, not_configured or no_turn. `detail` explains it to an operator. Service only. Errors: outbox_lease_lost, invalid_input.';

-- Performs a dead row of the outbox again. It is the same order, so the provider is asked about it before it is sent.
create function private.requeue_dead_letters_of(p_topic text, p_order text)
returns boolean
language plpgsql volatile set search_path = ''
as $$
begin
  update private.outbox
  set status = 'pending', attempts = 1, available_at = now(), finished_at = null, deferred_reason = null, deferred_since = null
  where status = 'dead' and topic = p_topic and starts_with(dedupe_key, p_order || ':');
  return found;
end
$$;

-- Refuses to go on while a worker performs an order. It locks the order's rows of the outbox, so no worker begins before
-- the end of the transaction. The topic is the name of the machine.
create function private.require_idle(p_topic text, p_order uuid, p_from text, p_to text)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform 1 from private.outbox
  where status in ('pending', 'leased') and topic = p_topic and starts_with(dedupe_key, p_order || ':')
  order by id
  for update;
  if exists (
    select from private.outbox
    where status = 'leased' and leased_until > now() and topic = p_topic and starts_with(dedupe_key, p_order || ':')
  ) then
    perform private.fail('illegal_transition', jsonb_build_object('machine', p_topic, 'from', p_from, 'to', p_to, 'sending', true));
  end if;
end
$$;

-- Whether an order only waits for its turn. If not, it was refused, given up or lost.
create function private.is_queued(p_topic text, p_order uuid)
returns boolean
language sql stable set search_path = ''
as $$
  select exists (
    select from private.outbox
    where status = 'pending' and last_error is null and topic = p_topic and starts_with(dedupe_key, p_order || ':')
  )
$$;

select private.expose('defer_outbox(bigint, uuid, int, text, text)', 'service_role');
select private.expose('lease_outbox(int, int, text)', 'service_role');
select private.expose('complete_outbox(bigint, uuid, text, jsonb)', 'service_role');
select private.expose('fail_outbox(bigint, uuid, text, boolean)', 'service_role');

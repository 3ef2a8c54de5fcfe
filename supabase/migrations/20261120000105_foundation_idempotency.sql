-- Foundation: every command is safe to repeat.
-- Rule kept here: the same key with the same payload returns the stored answer; with another payload
-- or command it is a conflict. The row is written in the command's own transaction: a command
-- that failed leaves no key behind, so a repeat simply runs.
-- Left out on purpose: keys for reads.

create table private.idempotency_keys (
  actor_id uuid not null,
  key uuid not null,
  command text not null,
  request_hash bytea not null,
  response jsonb,
  created_at timestamptz not null default now(),
  primary key (actor_id, key)
);
comment on table private.idempotency_keys is 'The commands that were done, by the key of their caller; removed after 30 days by the daily job.';
comment on column private.idempotency_keys.request_hash is 'SHA-256 of the arguments: the same key with others is idempotency_conflict.';
comment on column private.idempotency_keys.response is 'The answer of the first run, given again to a repeat. Null only until that run has finished.';
create index idempotency_keys_created_idx on private.idempotency_keys using brin (created_at);

-- Returns null when the command must run, or the answer of its first run; refuses a caller who is not signed in.
-- A second call with the same key waits here until the first has committed or failed.
-- A command that knows its answer in advance gives it here and needs no finish_command.
create function private.begin_command(p_command text, p_key uuid, p_request jsonb, p_response jsonb default null)
returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_actor_id uuid := auth.uid();
  v_hash bytea := sha256(convert_to(p_request::text, 'utf8'));
  v_stored private.idempotency_keys;
begin
  if v_actor_id is null then
    perform private.fail('unauthenticated');
  end if;
  if p_key is null then
    perform private.fail_input('idempotency_key', 'must be given');
  end if;
  insert into private.idempotency_keys (actor_id, key, command, request_hash, response)
  values (v_actor_id, p_key, p_command, v_hash, p_response)
  on conflict do nothing;
  if found then
    return null;
  end if;
  select * into v_stored from private.idempotency_keys where actor_id = v_actor_id and key = p_key;
  if v_stored.command <> p_command or v_stored.request_hash <> v_hash then
    perform private.fail('idempotency_conflict');
  end if;
  return v_stored.response;
end
$$;

create function private.finish_command(p_key uuid, p_response jsonb)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update private.idempotency_keys
  set response = p_response
  where actor_id = auth.uid() and key = p_key;
end
$$;

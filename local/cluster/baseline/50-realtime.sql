-- Realtime: the messages table, and the functions that put messages into it.
-- Kept here: what a migration may rely on (realtime.messages and its policies, realtime.topic(),
-- realtime.send(), realtime.broadcast_changes()) has the platform's names, grants and behaviour.
-- Left out on purpose: postgres_changes (realtime.subscription and friends). It does not scale as
-- broadcasts from the database do, and the local server refuses it with a message that says so.

create table realtime.messages (
  topic text not null,
  extension text not null,
  payload jsonb,
  event text,
  private boolean default false,
  updated_at timestamp without time zone not null default now(),
  inserted_at timestamp without time zone not null default now(),
  id uuid not null default gen_random_uuid(),
  binary_payload bytea,
  constraint messages_pkey primary key (id, inserted_at),
  constraint messages_one_payload check (payload is null or binary_payload is null)
)
partition by range (inserted_at);

create index messages_inserted_at_topic_index
  on realtime.messages (inserted_at desc, topic)
  where extension = 'broadcast' and private is true;

alter table realtime.messages owner to supabase_realtime_admin;
-- No policy: nobody reads or writes a private topic until a migration says who may.
alter table realtime.messages enable row level security;

grant select, insert, update on realtime.messages to anon, authenticated, service_role;
grant select, insert on realtime.messages to postgres with grant option;

-- The Realtime server calls this when it starts and every hour, as the platform's does: a row whose
-- day has no partition cannot be stored, and send() turns that failure into a mere warning.
create function realtime.maintain_message_partitions()
returns void
language plpgsql
volatile
set search_path = ''
-- A new partition locks the table against writers: rather try again in an hour than queue them up.
set lock_timeout = '2s'
as $$
declare
  v_today date := (now() at time zone 'utc')::date;
  v_day date;
  v_name text;
begin
  -- Two servers may start at once; "if not exists" alone does not survive that race.
  perform pg_advisory_xact_lock(hashtext('realtime.maintain_message_partitions'));

  for v_day in
    select v_today + n
    from generate_series(-1, 3) as n
  loop
    v_name := 'messages_' || to_char(v_day, 'YYYY_MM_DD');
    if to_regclass(format('realtime.%I', v_name)) is null then
      execute format(
        'create table realtime.%I partition of realtime.messages for values from (%L) to (%L)',
        v_name, v_day::timestamp, (v_day + 1)::timestamp
      );
      execute format('alter table realtime.%I owner to supabase_realtime_admin', v_name);
    end if;
  end loop;

  for v_name in
    select child.relname
    from pg_catalog.pg_inherits
    join pg_catalog.pg_class child on child.oid = pg_inherits.inhrelid
    where pg_inherits.inhparent = 'realtime.messages'::regclass
      and child.relname ~ '^messages_\d{4}_\d{2}_\d{2}$'
      and to_date(substr(child.relname, 10), 'YYYY_MM_DD') < v_today - 3
  loop
    execute format('drop table realtime.%I', v_name);
  end loop;
end
$$;
revoke execute on function realtime.maintain_message_partitions() from public;

select realtime.maintain_message_partitions();

create function realtime.topic()
returns text
language sql
stable
as $$ select nullif(current_setting('realtime.topic', true), '') $$;
comment on function realtime.topic is 'The topic being authorized; for policies on realtime.messages.';

create function realtime.send(payload jsonb, event text, topic text, private boolean default true)
returns void
language plpgsql
volatile
as $$
declare
  v_id uuid := gen_random_uuid();
begin
  perform set_config('realtime.topic', topic, true);
  insert into realtime.messages (id, topic, event, payload, private, extension)
  values (
    v_id,
    topic,
    event,
    case
      when payload ? 'id' then payload
      else jsonb_set(payload, '{id}', to_jsonb(v_id))
    end,
    private,
    'broadcast'
  );
exception
  -- A broadcast must never fail the write it tells about; the platform swallows everything here.
  when others then
    raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end
$$;
comment on function realtime.send is
  'Broadcasts a payload to a topic when the transaction commits. Runs as the caller: row policies on realtime.messages apply, and a refusal is only a warning.';

create function realtime.send_binary(payload bytea, event text, topic text, private boolean default true)
returns void
language plpgsql
volatile
as $$
begin
  perform set_config('realtime.topic', topic, true);
  insert into realtime.messages (topic, event, binary_payload, private, extension)
  values (topic, event, payload, private, 'broadcast');
exception
  when others then
    raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end
$$;
comment on function realtime.send_binary is 'As realtime.send, for bytes.';

create function realtime.broadcast_changes(
  topic_name text,
  event_name text,
  operation text,
  table_name text,
  table_schema text,
  new record,
  old record,
  level text default 'ROW'
)
returns void
language plpgsql
volatile
as $$
begin
  if level = 'STATEMENT' then
    raise exception 'function can only be triggered for each row, not for each statement';
  end if;
  if operation is null or operation not in ('INSERT', 'UPDATE', 'DELETE') then
    raise exception 'Unexpected operation type: %', operation;
  end if;
  perform realtime.send(
    jsonb_build_object(
      'old_record', old,
      'record', new,
      'operation', operation,
      'table', table_name,
      'schema', table_schema
    ),
    event_name,
    topic_name
  );
exception
  when others then
    raise exception 'Failed to process the row: %', sqlerrm;
end
$$;
comment on function realtime.broadcast_changes is
  'Broadcasts one row change to a private topic; call it in a row trigger that is security definer.';

alter function realtime.topic() owner to supabase_realtime_admin;
alter function realtime.send(jsonb, text, text, boolean) owner to supabase_realtime_admin;
alter function realtime.send_binary(bytea, text, text, boolean) owner to supabase_realtime_admin;
alter function realtime.broadcast_changes(text, text, text, text, text, record, record, text)
  owner to supabase_realtime_admin;

create publication supabase_realtime_messages_publication for table realtime.messages;

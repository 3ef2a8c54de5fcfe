-- Webhooks: which moves of which state machines are events, and for whom.
-- Rule kept here: an event is written by the trigger on the status, whatever made the move, Studio included. Where nobody has an
-- endpoint, a move costs one look at an empty table.
-- Left out on purpose: moves of machines that no module has attached.

create table private.webhook_machines (
  machine text primary key,
  owners text[] not null,
  columns text[] not null
);
comment on table private.webhook_machines is 'State machines whose moves are webhook events, of type <machine>.<event>.';
comment on column private.webhook_machines.owners is 'Who gets them besides the platform, which gets all.';
comment on column private.webhook_machines.columns is 'What of the row is in `data`, beside id and status.';
alter table private.webhook_machines enable row level security;
select private.hold_no_persons('private.webhook_machines');

-- Called only when a machine lacks its own. Each machine with events has one for the row type of its table.
create function private.webhook_owner_ids(p_row anyelement)
returns uuid[]
language plpgsql stable set search_path = ''
as $$
begin
  raise exception 'private.webhook_owner_ids(%) does not exist', pg_typeof(p_row);
end
$$;
comment on function private.webhook_owner_ids(anyelement) is 'Whose endpoints may have events about a row.';

-- One queue for each endpoint: a server that is slow delays no other.
create function private.webhook_queue(p_endpoint_id uuid)
returns text
language sql immutable set search_path = ''
as $$ select 'webhooks of ' || p_endpoint_id $$;

-- Gives an event to the worker, not before p_at.
create function private.queue_webhook(p_delivery_id uuid, p_at timestamptz default now())
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_delivery private.webhook_deliveries;
begin
  update private.webhook_deliveries set status = 'pending', next_at = p_at, queued = queued + 1
  where id = p_delivery_id
  returning * into v_delivery;
  perform private.enqueue('webhook', jsonb_build_object('delivery_id', p_delivery_id, 'queue', private.webhook_queue(v_delivery.endpoint_id)),
    p_delivery_id || ':' || v_delivery.queued, p_at);
end
$$;
select private.register_topic_of('webhooks', 'webhook', 'delivery_id', 'queue');

create function private.write_webhook(p_endpoint private.webhook_endpoints, p_type text, p_subject_id uuid, p_data jsonb)
returns uuid
language plpgsql volatile set search_path = ''
as $$
declare
  v_id uuid;
begin
  insert into private.webhook_deliveries (endpoint_id, type, subject_id, data, status)
  values (p_endpoint.id, p_type, p_subject_id, p_data, 'held')
  returning id into v_id;
  if p_endpoint.disabled_at is null then
    perform private.queue_webhook(v_id);
  end if;
  return v_id;
end
$$;

-- Trigger on a status column. Its arguments are the machine, and the columns that `data` has.
create function private.record_webhooks()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_machine text := tg_argv[0];
  v_from text := case when tg_op = 'INSERT' then 'initial' else old.status end;
  v_owner_ids uuid[];
  v_type text;
  v_endpoint private.webhook_endpoints;
  v_row jsonb;
  v_data jsonb;
begin
  if not exists (select from private.webhook_endpoints) then
    return null;
  end if;
  v_owner_ids := private.webhook_owner_ids(new) || '00000000-0000-0000-0000-000000000000'::uuid;
  select t.machine || '.' || t.event into v_type from private.transitions t
  where t.machine = v_machine and t.from_state = v_from and t.to_state = new.status;
  for v_endpoint in
    select e.* from private.webhook_endpoints e
    where e.owner_id = any (v_owner_ids) and (v_type = any (e.event_types) or '*' = any (e.event_types))
    order by e.id
  loop
    if v_data is null then
      v_row := to_jsonb(new);
      select jsonb_object_agg(c, v_row -> c) || jsonb_build_object('id', new.id, 'status', new.status) into v_data
      from unnest(tg_argv[1:]) c;
    end if;
    perform private.write_webhook(v_endpoint, v_type, new.id, v_data);
  end loop;
  return null;
end
$$;

-- Used by migrations only: makes the moves of a table's machine events, with these columns in `data`.
create function private.attach_webhooks(p_table regclass, p_machine text, p_owners text[], variadic p_columns text[])
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_arguments text := (select string_agg(quote_literal(one), ', ') from unnest(p_machine || p_columns) one);
  v_unknown text;
begin
  perform private.require_function('webhook_owner_ids', p_table::text, 'uuid[]');
  select c into v_unknown from unnest(p_columns) c
  where not exists (select from pg_catalog.pg_attribute a where a.attrelid = p_table and a.attname = c and a.attnum > 0 and not a.attisdropped);
  if found then
    raise exception '% has no column %', p_table, v_unknown using errcode = 'undefined_column';
  end if;
  insert into private.webhook_machines (machine, owners, columns) values (p_machine, p_owners, p_columns);
  execute format('create trigger webhooks_on_insert after insert on %s for each row execute function private.record_webhooks(%s)', p_table, v_arguments);
  execute format('create trigger webhooks_on_update after update of status on %s for each row when (old.status is distinct from new.status) execute function private.record_webhooks(%s)', p_table, v_arguments);
end
$$;

create function private.webhook_event_types(p_owner text)
returns table (type text, status text)
language sql stable security definer set search_path = ''
as $$
  select distinct t.machine || '.' || t.event, t.to_state
  from private.webhook_machines m
  join private.transitions t on t.machine = m.machine
  where p_owner = 'platform' or p_owner = any (m.owners)
  order by 1, 2
$$;
create function public.webhook_event_types(owner text default 'user')
returns table (type text, status text)
language sql stable set search_path = ''
as $$ select * from private.webhook_event_types(owner) $$;
comment on function public.webhook_event_types is 'Lists the types of webhook events that an endpoint of such an owner (user, organizer or platform) can have, with the status that the row has after each. Empty for another owner.';
select private.expose('webhook_event_types(text)', 'authenticated');

-- Foundation: state machines as data, and the log of everything that happened.
-- Rule kept here: a status column moves only along a row of `transitions`, by any path, Studio included;
-- each move leaves one row with actor, cause, reason and time, tied to its transition by foreign key.
-- Left out on purpose: deadlines; a deadline is a column and is true at read time.

create table private.transitions (
  machine text not null,
  from_state text not null,
  event text not null,
  to_state text not null,
  has_rules boolean not null default false,
  has_trust_rules boolean not null default false,
  primary key (machine, from_state, event, to_state),
  -- so that the log shows which move an event stands for
  constraint transitions_one_event_per_move unique (machine, from_state, to_state)
);
comment on table private.transitions is 'The legal moves of every state machine; `initial` is the state before the row exists. Diagrams and SDK unions are generated from it.';
comment on column private.transitions.has_rules is 'Whether people are told of the move. Written by triggers from private.notification_rules alone: looking there at each move costs more than the rest of it.';
comment on column private.transitions.has_trust_rules is 'Whether the move changes a credit score. Written by triggers from private.trust_rules alone.';

-- The id that travels SDK → REST → SQL → function → provider; from the request's headers.
create function private.correlation_id()
returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_headers jsonb := nullif(current_setting('request.headers', true), '')::jsonb;
begin
  return left(coalesce(v_headers ->> 'x-correlation-id', v_headers ->> 'traceparent'), 100);
end
$$;

create table private.domain_events (
  id bigint generated always as identity primary key,
  type text not null,
  subject_id uuid not null,
  machine text,
  from_state text,
  event text,
  to_state text,
  actor_id uuid default auth.uid(),
  cause text default nullif(current_setting('journey.cause', true), ''),
  reason text default nullif(current_setting('journey.reason', true), ''),
  data jsonb not null default '{}',
  correlation_id text default private.correlation_id(),
  occurred_at timestamptz not null default now(),
  constraint domain_events_legal_transition
    foreign key (machine, from_state, event, to_state)
    references private.transitions (machine, from_state, event, to_state) match full
);
create index domain_events_subject_idx on private.domain_events (subject_id, id);
comment on table private.domain_events is 'Append-only: one row per transition and per money movement, in order, with who and why.';
comment on column private.domain_events.machine is 'Null for an event that is no transition; then from_state, event and to_state are null as well.';
comment on column private.domain_events.actor_id is 'Who was signed in; null when a job, a provider or SQL by hand did it. `cause` tells these apart.';
comment on column private.domain_events.cause is 'What made it happen besides an actor, as private.set_audit_context() said; null when nothing was said.';
comment on column private.domain_events.data is 'Facts that the row itself no longer shows later: columns that its machine keeps, or what the event is about.';

create function private.forbid_change()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  raise exception '%.% is append-only: its rows are never changed or deleted', tg_table_schema, tg_table_name using errcode = '42501';
end
$$;
create trigger append_only before update or delete or truncate on private.domain_events
  for each statement execute function private.forbid_change();

-- Trigger: the number of the transaction that changed a row last. A time would miss a change of a transaction that was
-- open when somebody asked what is new.
create function private.stamp_change()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  new.changed_in := pg_current_xact_id();
  return new;
end
$$;

create function private.record_event(p_type text, p_subject_id uuid, p_data jsonb default '{}')
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into private.domain_events (type, subject_id, data) values (p_type, p_subject_id, p_data);
end
$$;

-- Sets why the moves of this transaction happen. A reason is for admins, unless a notification shows it.
create function private.set_audit_context(p_cause text, p_reason text default null)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform set_config('journey.cause', coalesce(p_cause, ''), true);
  perform set_config('journey.reason', coalesce(private.tidy_lines(left(p_reason, 500)), ''), true);
end
$$;

create function private.audit_cause()
returns text
language sql stable set search_path = ''
as $$ select nullif(current_setting('journey.cause', true), '') $$;

create function private.audit_reason()
returns text
language sql stable set search_path = ''
as $$ select nullif(current_setting('journey.reason', true), '') $$;

-- Trigger on a status column. Its arguments are the machine, and the columns whose values the log keeps. It also
-- notifies people of the move where a rule says so (foundation_notification_rules).
create function private.record_transition()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  -- read once: in a query, the trigger's argument would be read from its array for every row
  v_machine text := tg_argv[0];
  v_from text := case when tg_op = 'INSERT' then 'initial' else old.status end;
  v_event text;
  v_has_rules boolean;
  v_has_trust_rules boolean;
  v_row jsonb;
  v_data jsonb := '{}';
  v_id bigint;
begin
  select t.event, t.has_rules, t.has_trust_rules into v_event, v_has_rules, v_has_trust_rules
  from private.transitions t
  where t.machine = v_machine and t.from_state = v_from and t.to_state = new.status;
  if not found then
    perform private.fail('illegal_transition', jsonb_build_object('machine', v_machine, 'from', v_from, 'to', new.status));
  end if;
  if tg_nargs > 1 then
    v_row := to_jsonb(new);
    select jsonb_object_agg(kept, v_row -> kept) into v_data from unnest(tg_argv[1:]) kept;
  end if;
  insert into private.domain_events (type, subject_id, machine, from_state, event, to_state, data)
  values (v_machine || '.' || v_event, new.id, v_machine, v_from, v_event, new.status, v_data)
  returning id into v_id;
  if v_has_rules then
    -- both are the overloads for this row's type: PostgreSQL compiles a trigger function for each table
    perform private.notify_of_transition(
      v_id, v_machine, v_from, v_event, private.addressees(new), private.notification_data(new));
  end if;
  if v_has_trust_rules then
    perform private.trust_of_transition(v_machine, v_from, v_event, new.id, private.addressees(new), private.trust_facts(new));
  end if;
  return null;
end
$$;

-- Puts a table's status under a machine: one trigger for creation, one for moves. Each move keeps the values of p_kept.
create function private.attach_state_machine(p_table regclass, p_machine text, variadic p_kept text[] default '{}')
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_arguments text := (select string_agg(quote_literal(one), ', ') from unnest(p_machine || p_kept) one);
begin
  execute format('create trigger transition_on_insert after insert on %s for each row execute function private.record_transition(%s)', p_table, v_arguments);
  execute format('create trigger transition_on_update after update of status on %s for each row when (old.status is distinct from new.status) execute function private.record_transition(%s)', p_table, v_arguments);
end
$$;

create function private.transition_catalog()
returns table (machine text, from_state text, event text, to_state text)
language sql stable security definer set search_path = ''
as $$
  select t.machine, t.from_state, t.event, t.to_state from private.transitions t order by t.machine, t.from_state, t.to_state
$$;

create function public.transition_catalog()
returns table (machine text, from_state text, event text, to_state text)
language sql stable set search_path = ''
as $$ select * from private.transition_catalog() $$;
comment on function public.transition_catalog is 'Lists the legal moves of every state machine.';

select private.expose('transition_catalog()', 'anon', 'authenticated', 'service_role');

-- Sets updated_at on every change.
create function private.touch()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end
$$;

-- Foundation: the registry of what waits, for a worker or for a person.
-- Rule kept here: a count is one function of its module, private.count_<name>(), and says nothing of a person.
-- Left out on purpose: what is broken, which private.invariants names; and showing it, which is health_facts of operations.

create table private.health_counts (
  name text primary key,
  description text not null,
  constraint health_counts_name_form check (name ~ '^[a-z][a-z_]{2,40}$'),
  constraint health_counts_sentence check (description ~ '^[A-Z].*\.$')
);
comment on table private.health_counts is 'What the function health counts. docs/registries.md lists it.';

create function private.check_health_count()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.require_function('count_' || new.name, '', 'bigint');
  return new;
end
$$;
create trigger function_exists before insert or update on private.health_counts
  for each row execute function private.check_health_count();

-- All of them: {name: count}.
create function private.counts_of_health()
returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_name text;
  v_count bigint;
  v_counts jsonb := jsonb_build_object();
begin
  for v_name in select name from private.health_counts order by name loop
    execute format('select private.%I()', 'count_' || v_name) into v_count;
    v_counts := v_counts || jsonb_build_object(v_name, v_count);
  end loop;
  return v_counts;
end
$$;

create function private.count_outbox_due()
returns bigint
language sql stable set search_path = ''
as $$ select count(*) from private.outbox where status = 'pending' and available_at <= now() $$;

create function private.count_outbox_dead()
returns bigint
language sql stable set search_path = ''
as $$ select count(*) from private.outbox where status = 'dead' $$;

insert into private.health_counts (name, description) values
  ('outbox_due', 'Rows of the outbox that may be sent now.'),
  ('outbox_dead', 'Rows of the outbox that were given up.');

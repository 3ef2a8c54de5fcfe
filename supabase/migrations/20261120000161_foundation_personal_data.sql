-- Foundation: the registry of personal data, what is done with it when a person deletes the account, and what an export shows.
-- Rule kept here: each table says whose its rows are, and each column that points to a person or holds a text says what
-- becomes of it. What is not said is found by private.unclassified_columns(), and a test fails.
-- Left out on purpose: erasing and exporting, which are of identity and read these rows. They name no other module.

create table private.personal_tables (
  relation text primary key,
  position int not null generated always as identity,
  whose text,
  treatment text not null,
  export_columns text[],
  why text not null,
  constraint personal_tables_treatment_known check (treatment in ('none', 'erase', 'anonymise', 'retain')),
  constraint personal_tables_whose check ((whose is null) = (treatment = 'none')),
  constraint personal_tables_sentence check (why ~ '^[A-Z].*\.$'),
  -- a person reads nothing of schema private, so what an export shows of it is said column by column
  constraint personal_tables_export_said check (treatment = 'none' or relation like 'public.%' or export_columns is not null)
);
comment on table private.personal_tables is 'Every table of public and private: whose its rows are, and what becomes of them when that person deletes the account. Rows are erased from the table that was registered last to the first, so that what refers to a row goes before it.';
comment on column private.personal_tables.whose is 'SQL condition on the row r that is true for a row about the person $1. Null for a table that holds nothing about persons.';
comment on column private.personal_tables.treatment is 'none (nothing about persons), erase (the rows are deleted), anonymise (they stay, and columns of private.personal_data change), or retain (they stay as they are).';
comment on column private.personal_tables.export_columns is 'What an export shows of a row; {} for nothing, and then why says so. Null for all columns that the person may read.';
comment on column private.personal_tables.why is 'Why the rows go or stay.';

create table private.personal_data (
  relation text not null references private.personal_tables,
  column_name text not null,
  treatment text not null,
  becomes text,
  why text not null,
  primary key (relation, column_name),
  constraint personal_data_treatment_known check (treatment in ('anonymise', 'retain')),
  constraint personal_data_becomes check ((becomes is null) = (treatment = 'retain')),
  constraint personal_data_sentence check (why ~ '^[A-Z].*\.$')
);
comment on table private.personal_data is 'Columns that point to a person or hold a text, in rows that stay when the account is deleted.';
comment on column private.personal_data.becomes is 'SQL expression on the row r whose value replaces the column. Null when it is retained.';

-- A mistake in a condition or an expression is found when it is registered, and not when somebody deletes an account.
create function private.check_personal_table()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  execute format('select %s from %s r where %s limit 0', coalesce((
    select string_agg(quote_ident(c), ', ') from unnest(new.export_columns) c), '1'), new.relation::regclass,
    replace(coalesce(new.whose, 'true'), '$1', 'gen_random_uuid()'));
  return new;
end
$$;
create trigger makes_sense before insert or update on private.personal_tables
  for each row execute function private.check_personal_table();

create function private.check_personal_column()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  if not exists (select from private.personal_tables where relation = new.relation and (treatment = 'anonymise' or new.treatment = 'retain')) then
    raise exception '% does not change rows of %', new.column_name, new.relation using errcode = 'check_violation';
  end if;
  -- plans it, and runs nothing
  execute format('explain update %s r set %I = %s', new.relation::regclass, new.column_name, coalesce(new.becomes, 'r.' || quote_ident(new.column_name)));
  return new;
end
$$;
create trigger makes_sense before insert or update on private.personal_data
  for each row execute function private.check_personal_column();

-- Used by migrations only: columns that stay, for one reason.
create function private.retain_columns(p_relation text, p_why text, variadic p_columns text[])
returns void
language sql volatile set search_path = ''
as $$
  insert into private.personal_data (relation, column_name, treatment, why)
  select p_relation, c, 'retain', p_why from unnest(p_columns) c
$$;

-- Used by migrations only: tables that hold nothing about persons.
create function private.hold_no_persons(variadic p_relations text[])
returns void
language sql volatile set search_path = ''
as $$
  insert into private.personal_tables (relation, treatment, why)
  select t, 'none', 'Holds nothing about persons.' from unnest(p_relations) t
$$;

-- What nobody has classified: tables without a row, and columns that may point to a person or say something about one.
-- Not asked about are columns that a foreign key holds to another table, that a check holds to listed words, that are
-- generated from others, and the states of a machine.
create function private.unclassified_columns()
returns table (relation text, column_name text, problem text)
language sql stable set search_path = ''
as $$
  with columns as (
    select n.nspname || '.' || c.relname as relation, a.attname::text as name, t.treatment, t.whose,
      exists (
        select from pg_catalog.pg_constraint f
        where f.contype = 'f' and f.conrelid = c.oid and f.confrelid in (to_regclass('public.profiles'), 'auth.users'::regclass)
          and a.attnum = any (f.conkey)
      ) as refers_to_person,
      a.atttypid = 'uuid'::regtype as is_id,
      exists (
        select from pg_catalog.pg_constraint k
        where k.conrelid = c.oid and a.attnum = any (k.conkey) and (
          (k.contype = 'f' and k.confrelid not in (to_regclass('public.profiles'), 'auth.users'::regclass))
          or (k.contype = 'p' and cardinality(k.conkey) = 1 and a.atttypid = 'uuid'::regtype)
          or (k.contype = 'c' and cardinality(k.conkey) = 1 and pg_get_constraintdef(k.oid) ~ ' = (ANY|ALL)|<@ |= ''')
        )
      ) or a.attgenerated <> '' or a.attname = 'status' as is_known
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join private.personal_tables t on t.relation = n.nspname || '.' || c.relname
    where n.nspname in ('public', 'private') and c.relkind in ('r', 'p') and not c.relispartition
      and (a.atttypid in ('uuid'::regtype, 'text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'name'::regtype, 'json'::regtype,
          'jsonb'::regtype, 'bytea'::regtype, 'inet'::regtype, 'cidr'::regtype, 'macaddr'::regtype, 'date'::regtype)
        -- arrays, and types of extensions, such as points on the earth
        or exists (select from pg_catalog.pg_type y where y.oid = a.atttypid and (y.typcategory in ('A', 'U') and y.typnamespace <> 'pg_catalog'::regnamespace or y.typcategory = 'A')))
  )
  select c.relation, null, 'private.personal_tables has no row for it' from columns c where c.treatment is null group by c.relation
  union all
  select c.relation, c.name, 'points to a person, in a table that holds nothing about persons'
  from columns c where c.treatment = 'none' and c.refers_to_person
  union all
  select c.relation, c.name, 'private.personal_data has no row for it'
  from columns c
  where c.treatment <> 'none'
    -- what says whose a row is has the treatment of the row
    and c.whose !~ format('\m%s\M', c.name)
    and (c.refers_to_person or (not c.is_known and (c.is_id or c.treatment <> 'erase')))
    and not exists (select from private.personal_data d where d.relation = c.relation and d.column_name = c.name)
  order by 1, 2
$$;

select private.hold_no_persons('private.error_codes', 'private.settings', 'private.secrets', 'private.transitions', 'private.outbox_topics',
  'private.rate_limits', 'private.invariants', 'private.media_purposes', 'private.time_zones', 'private.jobs', 'private.notification_audiences',
  'private.notification_rules', 'private.health_counts', 'public.notification_templates', 'private.personal_tables', 'private.personal_data',
  'private.broadcasts');

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.domain_events', 'r.actor_id = $1 or r.subject_id = $1', 'retain', '{type,occurred_at}',
    'Says who did what and when, for disputes and audits. It is append-only, and names people by id.'),
  ('private.idempotency_keys', 'r.actor_id = $1', 'erase', '{}',
    'Answers of commands, kept 30 days for repeats. They show rows that the export has anyway.'),
  ('private.outbox', 'r.payload ->> ''user_id'' = $1::text', 'retain', '{}',
    'Effects that are to be performed, those of the deletion among them. They are removed 30 days after they are done, and hold ids.');
select private.retain_columns('private.domain_events', 'Part of the log of what happened.', 'machine', 'from_state', 'event', 'to_state', 'type', 'cause', 'correlation_id');
select private.retain_columns('private.domain_events', 'Why it happened, as a person in charge or a party wrote it: evidence in disputes.', 'reason', 'data');
select private.retain_columns('private.idempotency_keys', 'Made by the client for one call; the row goes.', 'key');
select private.retain_columns('private.outbox', 'What a worker needs to perform the effect.', 'topic', 'payload', 'dedupe_key', 'lease_token', 'provider_id', 'result', 'last_error', 'correlation_id');

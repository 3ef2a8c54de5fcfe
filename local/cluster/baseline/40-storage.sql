-- Storage: the tables, helpers and guards that the platform's Storage service brings along.
-- Run once as the superuser, after the roles, before any migration.
-- Rule kept here: who may see or touch a file is decided by row policies on storage.objects alone, and a row
-- never disappears behind the back of the service that holds its bytes.
-- Left out on purpose: S3 and resumable uploads, analytics and vector buckets, object versioning.
create schema if not exists storage;

grant usage on schema storage to anon, authenticated, service_role, postgres;
grant all on schema storage to supabase_storage_admin;

set role supabase_storage_admin;

create type storage.buckettype as enum ('STANDARD', 'ANALYTICS', 'VECTOR');

create table storage.buckets (
  id text primary key,
  name text not null,
  owner uuid,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  public boolean default false,
  avif_autodetection boolean default false,
  file_size_limit bigint,
  allowed_mime_types text[],
  owner_id text,
  type storage.buckettype not null default 'STANDARD'
);
comment on column storage.buckets.owner is 'Deprecated: use owner_id.';

create unique index bname on storage.buckets (name);

create table storage.objects (
  id uuid primary key default gen_random_uuid(),
  bucket_id text,
  name text,
  owner uuid,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  last_accessed_at timestamptz default now(),
  metadata jsonb,
  path_tokens text[] generated always as (string_to_array(name, '/')) stored,
  version text,
  owner_id text,
  user_metadata jsonb,
  constraint "objects_bucketId_fkey" foreign key (bucket_id) references storage.buckets (id)
);
comment on column storage.objects.owner is 'Deprecated: use owner_id.';

create unique index bucketid_objname on storage.objects (bucket_id, name);
create index idx_objects_bucket_id_name on storage.objects (bucket_id, name collate "C");
create index idx_objects_bucket_id_name_lower on storage.objects (bucket_id, lower(name) collate "C");

alter table storage.buckets enable row level security;
alter table storage.objects enable row level security;

grant all on storage.buckets, storage.objects to anon, authenticated, service_role;
grant all on storage.buckets, storage.objects to postgres with grant option;

-- Helpers for policies -------------------------------------------------------------------------------------

create function storage.foldername(name text)
returns text[]
language sql immutable
as $$
  select (string_to_array(name, '/'))[1 : cardinality(string_to_array(name, '/')) - 1]
$$;

create function storage.filename(name text)
returns text
language sql immutable
as $$
  select (string_to_array(name, '/'))[cardinality(string_to_array(name, '/'))]
$$;

-- A file name without a dot is its own extension: so it is on the platform.
create function storage.extension(name text)
returns text
language sql immutable
as $$
  select reverse(split_part(reverse(storage.filename(name)), '.', 1))
$$;

create function storage.operation()
returns text
language sql stable
as $$
  select current_setting('storage.operation', true)
$$;

create function storage.allow_any_operation(expected_operations text[])
returns boolean
language sql stable
as $$
  select exists (
    select
    from unnest(expected_operations) as expected (operation)
    where expected.operation <> ''
      and regexp_replace(expected.operation, '^storage\.', '')
        = regexp_replace(storage.operation(), '^storage\.', '')
  )
$$;

create function storage.allow_only_operation(expected_operation text)
returns boolean
language sql stable
as $$
  select storage.allow_any_operation(array[expected_operation])
$$;

-- Listing --------------------------------------------------------------------------------------------------
-- Both run as the caller, so a listing shows what the SELECT policies show and a folder exists only when a file
-- in it is visible. They read every file under the prefix: right for a workstation's worth of files.

create function storage.search(
  prefix text,
  bucketname text,
  limits int default 100,
  levels int default 1,
  offsets int default 0,
  search text default '',
  sortcolumn text default 'name',
  sortorder text default 'asc'
)
returns table (
  name text,
  id uuid,
  updated_at timestamptz,
  created_at timestamptz,
  last_accessed_at timestamptz,
  metadata jsonb
)
language plpgsql stable
as $$
#variable_conflict use_column
declare
  v_prefix text := coalesce(prefix, '');
  v_start text := v_prefix || coalesce(search, '');
  v_column text := lower(coalesce(sortcolumn, 'name'));
  v_direction text := case when lower(sortorder) = 'desc' then 'desc' else 'asc' end;
  v_order text;
begin
  -- By name, folders and files mix; by time, folders (which have none) come first.
  if v_column in ('updated_at', 'created_at', 'last_accessed_at') then
    v_order := format('(e.id is not null), e.%1$I %2$s, lower(e.name) collate "C" %2$s', v_column, v_direction);
  else
    v_order := format('lower(e.name) collate "C" %s', v_direction);
  end if;

  return query execute format(
    $sql$
      with files as (
        select
          o.*,
          substr(o.name, length($1) + 1) as shown,
          position('/' in substr(o.name, length($2) + 1)) as slash
        from storage.objects o
        where o.bucket_id = $3
          and starts_with(lower(o.name), lower($2))
      ), entries as (
        select f.shown as name, f.id, f.updated_at, f.created_at, f.last_accessed_at, f.metadata
        from files f
        where f.slash = 0
        union all
        select
          min(left(f.shown, length($2) - length($1) + f.slash - 1) collate "C"),
          null, null, null, null, null
        from files f
        where f.slash > 0
        group by lower(left(f.shown, length($2) - length($1) + f.slash - 1))
      )
      select e.name, e.id, e.updated_at, e.created_at, e.last_accessed_at, e.metadata
      from entries e
      order by %s
      limit $4
      offset $5
    $sql$,
    v_order
  )
  using v_prefix, v_start, bucketname, least(coalesce(limits, 100), 1500), coalesce(offsets, 0);
end;
$$;

-- Pages by key: `start_after` is the last key of the page before and, when sorted by a time,
-- `sort_column_after` that key's time. `levels` 0 means no folders: every file, however deep.
create function storage.search_v2(
  prefix text,
  bucket_name text,
  limits int default 100,
  levels int default 1,
  start_after text default '',
  sort_order text default 'asc',
  sort_column text default 'name',
  sort_column_after text default ''
)
returns table (
  key text,
  name text,
  id uuid,
  updated_at timestamptz,
  created_at timestamptz,
  last_accessed_at timestamptz,
  metadata jsonb
)
language plpgsql stable
as $$
#variable_conflict use_column
declare
  v_prefix text := coalesce(prefix, '');
  v_after text := coalesce(start_after, '');
  v_column text := lower(coalesce(sort_column, 'name'));
  v_descends boolean := lower(coalesce(sort_order, 'asc')) = 'desc';
  v_direction text := case when v_descends then 'desc' else 'asc' end;
  v_beyond text := case when v_descends then '<' else '>' end;
  v_at text;
  v_seek text;
begin
  if v_column in ('updated_at', 'created_at') then
    -- Folders have no time; the epoch puts them before every file when ascending.
    v_at := format('coalesce(date_trunc(''milliseconds'', e.%I), ''epoch''::timestamptz)', v_column);
    v_seek := format(
      '(%1$s, e.key collate "C") %2$s (coalesce(nullif($5, '''')::timestamptz, ''epoch''), $4 collate "C")',
      v_at, v_beyond
    );
  else
    v_at := '1';
    v_seek := format('e.key collate "C" %s $4', v_beyond);
  end if;

  return query execute format(
    $sql$
      with files as (
        select
          o.*,
          case when $3 > 0 then position('/' in substr(o.name, length($1) + 1)) else 0 end as slash
        from storage.objects o
        where o.bucket_id = $2
          and starts_with(o.name, $1)
      ), entries as (
        select f.name as key, f.name, f.id, f.updated_at, f.created_at, f.last_accessed_at, f.metadata
        from files f
        where f.slash = 0
        union all
        select distinct
          left(f.name, length($1) + f.slash),
          left(f.name, length($1) + f.slash),
          null::uuid, null::timestamptz, null::timestamptz, null::timestamptz, null::jsonb
        from files f
        where f.slash > 0
      )
      select e.key, e.name, e.id, e.updated_at, e.created_at, e.last_accessed_at, e.metadata
      from entries e
      where $4 = '' or %1$s
      order by %2$s %3$s, e.key collate "C" %3$s
      limit $6
    $sql$,
    v_seek, v_at, v_direction
  )
  using v_prefix, bucket_name, coalesce(levels, 1), v_after, coalesce(sort_column_after, ''), coalesce(limits, 100);
end;
$$;

-- Guards ---------------------------------------------------------------------------------------------------

create function storage.protect_delete()
returns trigger
language plpgsql
as $$
begin
  if coalesce(current_setting('storage.allow_delete_query', true), 'false') <> 'true' then
    raise exception 'Direct deletion from storage tables is not allowed. Use the Storage API instead.'
      using
        errcode = '42501',
        hint = 'A row deleted here would leave its bytes behind with nobody knowing of them.';
  end if;
  return null;
end;
$$;

create trigger protect_buckets_delete
before delete on storage.buckets
for each statement execute function storage.protect_delete();

create trigger protect_objects_delete
before delete on storage.objects
for each statement execute function storage.protect_delete();

create function storage.update_updated_at_column()
returns trigger
language plpgsql
as $$
begin
  new.updated_at := now();
  return new;
end;
$$;

create trigger update_objects_updated_at
before update on storage.objects
for each row execute function storage.update_updated_at_column();

create function storage.enforce_bucket_name_length()
returns trigger
language plpgsql
as $$
begin
  if length(new.name) > 100 then
    raise exception 'bucket name "%" is too long (% characters). Max is 100.', new.name, length(new.name);
  end if;
  return new;
end;
$$;

create trigger enforce_bucket_name_length_trigger
before insert or update of name on storage.buckets
for each row execute function storage.enforce_bucket_name_length();

reset role;

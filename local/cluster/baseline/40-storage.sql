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
language sql stable
as $$
  with asked as (
    select
      coalesce(search.prefix, '') as folder,
      coalesce(search.prefix, '') || coalesce(search.search, '') as start,
      lower(coalesce(search.sortcolumn, 'name')) as sort,
      lower(coalesce(search.sortorder, 'asc')) = 'desc' as descends
  ), files as (
    select
      o.*,
      a.sort,
      a.descends,
      substr(o.name, length(a.folder) + 1) as shown,
      position('/' in substr(o.name, length(a.start) + 1)) as slash,
      length(a.start) - length(a.folder) as searched
    from storage.objects o
    cross join asked a
    where o.bucket_id = search.bucketname
      and starts_with(lower(o.name), lower(a.start))
  ), entries as (
    select f.shown as name, f.id, f.updated_at, f.created_at, f.last_accessed_at, f.metadata, f.sort, f.descends
    from files f
    where f.slash = 0
    union all
    select
      min(left(f.shown, f.searched + f.slash - 1) collate "C"),
      null, null, null, null, null, f.sort, f.descends
    from files f
    where f.slash > 0
    group by lower(left(f.shown, f.searched + f.slash - 1)), f.sort, f.descends
  ), timed as (
    select
      e.*,
      case e.sort
        when 'updated_at' then e.updated_at
        when 'created_at' then e.created_at
        when 'last_accessed_at' then e.last_accessed_at
      end as at
    from entries e
  )
  select t.name, t.id, t.updated_at, t.created_at, t.last_accessed_at, t.metadata
  from timed t
  order by
    -- By name, folders and files mix; by time, folders (which have none) come first.
    t.at is not null,
    case when not t.descends then t.at end,
    case when t.descends then t.at end desc,
    case when not t.descends then lower(t.name) collate "C" end,
    case when t.descends then lower(t.name) collate "C" end desc
  limit least(coalesce(search.limits, 100), 1500)
  offset coalesce(search.offsets, 0)
$$;

-- Pages by name: `start_after` is the last name of the page before and, when sorted by a time,
-- `sort_column_after` that name's time. The key is the last part of a name. A folder is as old as its oldest file.
-- `levels` 0 means no folders and no keys: every file, however deep.
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
language sql stable
as $$
  with asked as (
    select
      coalesce(search_v2.prefix, '') as folder,
      coalesce(search_v2.start_after, '') as after_name,
      coalesce(nullif(search_v2.sort_column_after, '')::timestamptz, 'epoch') as after_at,
      lower(coalesce(search_v2.sort_column, 'name')) as sort,
      lower(coalesce(search_v2.sort_order, 'asc')) = 'desc' as descends
  ), files as (
    select
      o.*,
      case
        when coalesce(search_v2.levels, 1) > 0 then position('/' in substr(o.name, length(a.folder) + 1))
        else 0
      end as slash,
      length(a.folder) as skipped
    from storage.objects o
    cross join asked a
    where o.bucket_id = search_v2.bucket_name
      and starts_with(o.name, a.folder)
  ), entries as (
    select f.name, f.id, f.updated_at, f.created_at, f.last_accessed_at, f.metadata
    from files f
    where f.slash = 0
    union all
    select left(f.name, f.skipped + f.slash), null, min(f.created_at), min(f.created_at), null, null
    from files f
    where f.slash > 0
    group by 1
  ), timed as (
    select
      e.*,
      a.after_name,
      a.after_at,
      a.descends,
      -- By name no time counts: the epoch stands in. Milliseconds are all that a client can hand back.
      coalesce(
        date_trunc('milliseconds', case a.sort when 'updated_at' then e.updated_at when 'created_at' then e.created_at end),
        'epoch'
      ) as at
    from entries e
    cross join asked a
  )
  select
    case when coalesce(search_v2.levels, 1) > 0 then storage.filename(rtrim(t.name, '/')) end,
    t.name, t.id, t.updated_at, t.created_at, t.last_accessed_at, t.metadata
  from timed t
  where t.after_name = ''
    or (not t.descends and (t.at, t.name collate "C") > (t.after_at, t.after_name))
    or (t.descends and (t.at, t.name collate "C") < (t.after_at, t.after_name))
  order by
    case when not t.descends then t.at end,
    case when t.descends then t.at end desc,
    case when not t.descends then t.name collate "C" end,
    case when t.descends then t.name collate "C" end desc
  limit coalesce(search_v2.limits, 100)
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

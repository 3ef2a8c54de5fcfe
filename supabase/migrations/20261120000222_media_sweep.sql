-- Media: what is left over is removed, and what is lost is noticed.
-- Rule kept here: every file in Storage has a row that names it, and every such row has its file. The worker removes files
-- through the Storage API, never by SQL: a row that is deleted here would leave its bytes behind.
-- Left out on purpose: files in buckets that no purpose names; somebody else put them there.

-- Files that no row names. A job that is under way has stored files whose rows are written last, and bytes are checked
-- before their row says where they are; so only what has lain for p_older is meant.
create function private.orphan_objects(p_older interval)
returns table (bucket text, path text)
language sql stable set search_path = ''
as $$
  select o.bucket_id, o.name
  from storage.objects o
  where (o.bucket_id = 'originals' or o.bucket_id in (select bucket from private.media_purposes))
    and greatest(o.created_at, o.updated_at) < now() - p_older
    and not exists (
      select from public.media m
      where m.bucket = o.bucket_id and m.path = o.name
        and (m.status in ('processing', 'ready') or (m.status = 'reserved' and m.expires_at > now()))
    )
    and not exists (
      select from public.media_derivatives d join public.media m on m.id = d.media_id
      where d.bucket = o.bucket_id and d.path = o.name and m.status in ('processing', 'ready')
    )
    and not exists (
      select from private.media_originals g join public.media m on m.id = g.media_id
      where o.bucket_id = 'originals' and g.path = o.name and m.status in ('processing', 'ready')
    )
$$;

create function private.media_orphans()
returns table (bucket text, path text)
language sql stable security definer set search_path = ''
as $$ select * from private.orphan_objects('1 hour') limit 1000 $$;
create function public.media_orphans()
returns table (bucket text, path text)
language sql stable set search_path = ''
as $$ select * from private.media_orphans() $$;
comment on function public.media_orphans is 'Lists up to 1000 files that have lain in Storage for an hour and that no upload names. Service only.';
select private.expose('media_orphans()', 'service_role');

-- Pictures that are shown and whose files are gone, while the original is there: they can be made again.
create function private.lost_pictures()
returns setof uuid
language sql stable set search_path = ''
as $$
  select distinct d.media_id
  from public.media_derivatives d
  join public.media m on m.id = d.media_id and m.status = 'ready'
  join private.media_originals g on g.media_id = d.media_id
  where not exists (select from storage.objects o where o.bucket_id = d.bucket and o.name = d.path)
    and exists (select from storage.objects o where o.bucket_id = 'originals' and o.name = g.path)
  union
  select m.id
  from public.media m
  join private.media_purposes p on p.purpose = m.purpose and not p.makes_pictures
  join private.media_originals g on g.media_id = m.id
  where m.status = 'ready'
    and not exists (select from storage.objects o where o.bucket_id = m.bucket and o.name = m.path)
    and exists (select from storage.objects o where o.bucket_id = 'originals' and o.name = g.path)
$$;

create function private.tidy_media()
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.media set status = 'deleted' where status = 'reserved' and expires_at < now() - interval '1 day';
  perform private.enqueue_picture(l) from private.lost_pictures() l;
  perform private.enqueue('sweep_media', '{}', to_char(now(), 'YYYY-MM-DD'));
end
$$;
select private.schedule_job('journey_tidy_media', 'Withdraws upload tickets that were not used within a day after they expired, has lost pictures made again, and has the files removed that no upload names.',
  '19 20 * * *', '26 hours', 'select private.tidy_media()');

create function private.invariant_media_without_object()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select m.id::text, m.bucket || '/' || m.path
  from public.media m
  where m.status = 'ready'
    and not exists (select from storage.objects o where o.bucket_id = m.bucket and o.name = m.path)
  union all
  select d.media_id::text, d.bucket || '/' || d.path
  from public.media_derivatives d
  join public.media m on m.id = d.media_id and m.status = 'ready' and m.path <> d.path
  where not exists (select from storage.objects o where o.bucket_id = d.bucket and o.name = d.path)
$$;

create function private.invariant_original_without_object()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select m.id::text, 'originals/' || g.path
  from public.media m
  join private.media_originals g on g.media_id = m.id
  where m.status in ('processing', 'ready')
    and not exists (select from storage.objects o where o.bucket_id = 'originals' and o.name = g.path)
$$;

create function private.invariant_object_without_media()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$ select o.path, 'in bucket ' || o.bucket from private.orphan_objects('2 days') o $$;

create function private.invariant_media_not_processed()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select m.id::text, 'nothing makes its pictures'
  from public.media m
  where m.status = 'processing'
    and not exists (
      select from private.outbox o
      where o.topic = 'derive_media' and o.dedupe_key = m.id::text and o.status in ('pending', 'leased', 'dead')
    )
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('media_without_object', 'warning', 'A picture that is shown has no file in Storage.',
    'Somebody removed the file behind the row. The daily job `journey_tidy_media` has it made again when the original is there. Otherwise restore it from a backup of Storage, or ask its owner to upload it again.'),
  ('original_without_object', 'warning', 'The original of an upload has no file in Storage.',
    'Somebody removed the file behind the row. What is shown of it stays. Restore the original from a backup of Storage.'),
  ('object_without_media', 'warning', 'A file has lain in Storage for two days and no upload names it.',
    'The program `worker` removes such files once a day: see whether it runs, and read `last_error` of the topic sweep_media in private.outbox.'),
  ('media_not_processed', 'warning', 'An upload waits for its pictures, and no job makes them.',
    'Somebody removed the job. Begin it again: `select private.enqueue_picture(''<id>'')`.');

-- Media: the pictures that are shown, made of the originals by the program `worker`.
-- Rule kept here: nobody but the service opens an original. A picture is shown once all its sizes are stored; the row that
-- says so is written last, so a worker that dies leaves no half set. What is deleted leaves no bytes.
-- Left out on purpose: decoding, which is the worker's; deleting bytes, which goes through the Storage API.

insert into private.settings (key, value, description) values
  ('media_derivatives_by', '"worker"', 'Who makes the sizes of a picture: worker (it stores thumbnail, medium and large) or storage (the worker stores one picture without what the camera wrote, and Storage''s image transformation makes the sizes when they are asked for). It applies to pictures processed from then on.');
alter table private.settings add constraint settings_media_derivatives_by check (key <> 'media_derivatives_by' or value in ('"worker"', '"storage"'));

create table public.media_derivatives (
  media_id uuid not null references public.media on delete restrict,
  size text not null,
  format text not null,
  bucket text not null,
  path text not null,
  width int not null,
  height int not null,
  byte_size int not null,
  primary key (media_id, size, format),
  constraint media_derivatives_path_unique unique (bucket, path),
  constraint media_derivatives_size_known check (size in ('thumbnail', 'medium', 'large', 'whole')),
  constraint media_derivatives_format_known check (format in ('webp', 'jpeg')),
  constraint media_derivatives_not_empty check (width > 0 and height > 0 and byte_size > 0)
);
comment on table public.media_derivatives is 'The files that are shown of an upload, without anything that the camera wrote. Anybody who may read the upload may open them.';
comment on column public.media_derivatives.size is 'thumbnail, medium and large fit into 320, 960 and 2048 pixels and are never larger than the original. whole has the size of the original; it is stored when Storage makes the sizes.';
comment on column public.media_derivatives.byte_size is 'Size of the file in bytes.';
alter table public.media_derivatives enable row level security;
revoke all on public.media_derivatives from anon, authenticated, service_role;
grant select on public.media_derivatives to anon, authenticated, service_role;
create policy select_with_media on public.media_derivatives for select to anon, authenticated
  using (exists (select from public.media m where m.id = media_id and m.status = 'ready'));

create policy select_by_media on storage.objects for select to anon, authenticated
  using (
    exists (
      select from public.media m
      where m.bucket = bucket_id and m.path = name
        and (m.status = 'ready' or (m.status = 'reserved' and m.owner_id = (select auth.uid())))
    )
    or exists (select from public.media_derivatives d where d.bucket = bucket_id and d.path = name)
  );

create table private.media_facts (
  media_id uuid primary key references public.media on delete restrict,
  captured_at timestamptz,
  captured_local timestamp,
  location extensions.geography(point, 4326),
  constraint media_facts_say_something check (num_nonnulls(captured_at, captured_local, location) > 0)
);
comment on table private.media_facts is 'When and where a picture was taken, as the camera wrote it. Only of purposes that keep facts; never shown with the picture.';
comment on column private.media_facts.captured_at is 'When it was taken. Null when the camera did not write its time zone.';
comment on column private.media_facts.captured_local is 'The clock of the camera when it was taken, in a time zone that it may not have written.';
alter table private.media_facts enable row level security;

select private.register_topic_of('media', 'derive_media', 'media_id');
select private.register_topic_of('media', 'erase_media', 'media_id');
select private.register_topic_of('media', 'sweep_media');

-- The same picture again begins anew, whatever became of its row before.
create function private.enqueue_picture(p_media_id uuid, p_topic text default 'derive_media')
returns void
language sql volatile set search_path = ''
as $$
  insert into private.outbox as o (topic, worker, payload, dedupe_key)
  values (p_topic, 'media', jsonb_build_object('media_id', p_media_id), p_media_id::text)
  on conflict (topic, dedupe_key) do update
  set status = 'pending', attempts = 0, available_at = now(), finished_at = null, last_error = null
  where o.status in ('done', 'dead')
$$;

create function private.picture_to_derive(p_media_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'media_id', m.id, 'bucket', m.bucket, 'stem', regexp_replace(m.path, '/[a-z]+\.[a-z0-9]+$', ''), 'path', m.path, 'original', o.path,
      'makes_pictures', p.makes_pictures,
      'mime_type', m.mime_type, 'max_megapixels', p.max_megapixels, 'is_evidence', p.is_evidence,
      'by', private.setting('media_derivatives_by'))
    from public.media m
    join private.media_originals o on o.media_id = m.id
    join private.media_purposes p on p.purpose = m.purpose
    where m.id = p_media_id and m.status in ('processing', 'ready')
  );
end
$$;
create function public.picture_to_derive(media_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$ select private.picture_to_derive(media_id) $$;
comment on function public.picture_to_derive is 'Answers what the worker needs to make what is shown of an upload: {media_id, bucket, stem, path, original, makes_pictures, mime_type, max_megapixels, is_evidence, by}, or null when there is nothing to be made. `stem` begins the paths of the pictures; what makes no pictures is stored at `path`. Service only.';

-- All rows in one statement, and the upload is ready with them.
create function private.record_derivatives(p_media_id uuid, p_derivatives jsonb, p_facts jsonb)
returns public.media
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_media public.media;
  v_shown text;
begin
  select * into v_media from public.media where id = p_media_id and status in ('processing', 'ready') for update;
  if not found then
    perform private.fail('media_not_found');
  end if;
  if jsonb_typeof(p_derivatives) is distinct from 'array' then
    perform private.fail_input('derivatives', 'must be an array of {size, format, path, width, height, byte_size}');
  end if;
  v_shown := (
    select d ->> 'path' from jsonb_array_elements(p_derivatives) d
    where d ->> 'format' = 'jpeg' and d ->> 'size' in ('large', 'whole')
  );
  if v_shown is null then
    perform private.fail_input('derivatives', 'must have one large or whole jpeg');
  end if;
  delete from public.media_derivatives where media_id = p_media_id;
  insert into public.media_derivatives (media_id, size, format, bucket, path, width, height, byte_size)
  select p_media_id, d.size, d.format, v_media.bucket, d.path, d.width, d.height, d.byte_size
  from jsonb_to_recordset(p_derivatives) d (size text, format text, path text, width int, height int, byte_size int);
  if p_facts is not null and (select is_evidence from private.media_purposes where purpose = v_media.purpose) then
    insert into private.media_facts (media_id, captured_at, captured_local, location)
    values (
      p_media_id, (p_facts ->> 'captured_at')::timestamptz, (p_facts ->> 'captured_local')::timestamp,
      extensions.st_setsrid(extensions.st_makepoint((p_facts ->> 'lng')::float8, (p_facts ->> 'lat')::float8), 4326)::extensions.geography
    )
    on conflict (media_id) do nothing;
  end if;
  update public.media
  set status = 'ready', path = v_shown, (width, height) = (select d.width, d.height from public.media_derivatives d where d.media_id = p_media_id and d.path = v_shown)
  where id = p_media_id
  returning * into v_media;
  return v_media;
end
$$;
create function public.record_derivatives(media_id uuid, derivatives jsonb, facts jsonb default null)
returns public.media
language sql volatile set search_path = ''
as $$ select private.record_derivatives(media_id, derivatives, facts) $$;
comment on function public.record_derivatives is 'Makes an upload ready with the files that were stored of it: [{size, format, path, width, height, byte_size}]. `facts` is {captured_at, captured_local, lat, lng} as the camera wrote them, each optional; they are kept when the purpose says so. Repeatable. Service only. Errors: media_not_found, invalid_input.';

-- What makes no pictures is ready when it is stored where it is served.
create function private.record_file(p_media_id uuid)
returns public.media
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_media public.media;
begin
  update public.media m set status = 'ready'
  where m.id = p_media_id and m.status in ('processing', 'ready')
    and not (select p.makes_pictures from private.media_purposes p where p.purpose = m.purpose)
  returning * into v_media;
  if not found then
    perform private.fail('media_not_found');
  end if;
  return v_media;
end
$$;
create function public.record_file(media_id uuid)
returns public.media
language sql volatile set search_path = ''
as $$ select private.record_file(media_id) $$;
comment on function public.record_file is 'Makes a film or a document ready that was stored where picture_to_derive says. Repeatable. Service only. Errors: media_not_found.';

create function private.refuse_picture(p_media_id uuid, p_code text)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if p_code is null or p_code not in ('media_unreadable', 'media_too_many_pixels', 'media_not_found') then
    perform private.fail_input('code', 'must be media_unreadable, media_too_many_pixels or media_not_found');
  end if;
  -- what is shown already stays
  update public.media set status = 'refused', refused_code = p_code where id = p_media_id and status = 'processing';
end
$$;
create function public.refuse_picture(media_id uuid, code text)
returns void
language sql volatile set search_path = ''
as $$ select private.refuse_picture(media_id, code) $$;
comment on function public.refuse_picture is 'Refuses an upload of which no picture can be made. `code` is media_unreadable, media_too_many_pixels or media_not_found (its bytes are gone). Repeatable. Service only. Errors: invalid_input.';

-- Nothing shows it any more: its bytes are erased, and then the rows that name them.
create function private.delete_media(p_media_id uuid)
returns void
language sql volatile set search_path = ''
as $$ update public.media set status = 'deleted' where id = p_media_id and status <> 'deleted' $$;

create function private.erase_with_media()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.enqueue_picture(new.id, 'erase_media');
  return null;
end
$$;
create trigger erase_with_media after update of status on public.media
  for each row when (new.status in ('refused', 'deleted') and old.status is distinct from new.status)
  execute function private.erase_with_media();

-- The paths of everything that is made of an upload begin with those of its owner and its id.
create function private.media_objects(p_media_id uuid)
returns table (bucket text, path text)
language plpgsql stable security definer set search_path = ''
as $$
begin
  return query
    select o.bucket_id, o.name
    from public.media m
    join storage.objects o on o.bucket_id in (m.bucket, 'originals')
      and (o.name = m.path or o.name = (select g.path from private.media_originals g where g.media_id = m.id) or (o.name collate "C" >= m.owner_id || '/' || m.id and o.name collate "C" < m.owner_id || '/' || m.id || '~'))
    where m.id = p_media_id and m.status in ('refused', 'deleted');
end
$$;
create function public.media_objects(media_id uuid)
returns table (bucket text, path text)
language sql stable set search_path = ''
as $$ select * from private.media_objects(media_id) $$;
comment on function public.media_objects is 'Lists the files that are left of an upload that was deleted or refused. Service only.';

create function private.forget_media(p_media_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if exists (select from private.media_objects(p_media_id)) then
    perform private.fail('media_not_ready', jsonb_build_object('media_id', p_media_id, 'problem', 'files are left'));
  end if;
  if exists (select from public.media where id = p_media_id and status in ('refused', 'deleted')) then
    delete from public.media_derivatives where media_id = p_media_id;
    delete from private.media_facts where media_id = p_media_id;
    delete from private.media_originals where media_id = p_media_id;
  end if;
end
$$;
create function public.forget_media(media_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.forget_media(media_id) $$;
comment on function public.forget_media is 'Removes the rows that named the files of a deleted or refused upload, and what the camera wrote, once the files are gone. Service only. Errors: media_not_ready (files are left).';

select private.expose('picture_to_derive(uuid)', 'service_role');
select private.expose('record_derivatives(uuid, jsonb, jsonb)', 'service_role');
select private.expose('record_file(uuid)', 'service_role');
select private.expose('refuse_picture(uuid, text)', 'service_role');
select private.expose('media_objects(uuid)', 'service_role');
select private.expose('forget_media(uuid)', 'service_role');

create function private.count_media_processing()
returns bigint
language sql stable set search_path = ''
as $$ select count(*) from public.media where status = 'processing' $$;
insert into private.health_counts (name, description) values
  ('media_processing', 'Uploads whose pictures are not made yet.');

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.media_derivatives', 'exists (select from public.media m where m.id = r.media_id and m.owner_id = $1)', 'retain', null,
    'They name files: the job that erases a deleted upload removes them, and those of evidence stay with it.'),
  ('private.media_originals', 'exists (select from public.media m where m.id = r.media_id and m.owner_id = $1)', 'retain', '{}',
    'They name files: the job that erases a deleted upload removes them, and those of evidence stay with it.'),
  ('private.media_facts', 'exists (select from public.media m where m.id = r.media_id and m.owner_id = $1)', 'retain', '{location,captured_at}',
    'Where and when a photo was taken is evidence as long as the photo is; it goes with the upload.');
select private.retain_columns('public.media_derivatives', 'Where the file is; it holds ids only.', 'bucket', 'path');
select private.retain_columns('private.media_originals', 'Where the file is; it holds ids only.', 'path');
select private.retain_columns('private.media_facts', 'Evidence as long as the photo is.', 'location');

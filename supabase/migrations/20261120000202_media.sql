-- Media: uploads begin with a ticket, and access follows the row.
-- Rule kept here: an object without a ready media row is unreadable; its path is ours and ASCII; a file counts only after
-- the `media` function has checked size, kind and hash against the ticket. From then on it lies among the originals,
-- where no ticket leads and which only the service reads.
-- Left out on purpose: what is made of the originals and shown, which is the next file of this module; deleting bytes
-- goes through the Storage API.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('media_not_found', 404, false, 'We could not find this file. Upload it again.', 'Không tìm thấy tệp này. Vui lòng tải lên lại.'),
  ('media_not_ready', 409, false, 'The file is not ready. Finish the upload and wait until it is checked.', 'Tệp chưa sẵn sàng. Vui lòng tải lên xong và chờ hệ thống kiểm tra.'),
  ('media_type_refused', 415, false, 'This type of file is not accepted here. Choose another file.', 'Loại tệp này không được hỗ trợ. Vui lòng chọn tệp khác.'),
  ('media_too_large', 413, false, 'The file is too large. Choose a smaller one.', 'Tệp quá lớn. Vui lòng chọn tệp nhỏ hơn.'),
  ('media_unreadable', 422, false, 'This file is damaged or incomplete. Choose another one, or take the picture again.', 'Tệp bị lỗi hoặc không đầy đủ. Vui lòng chọn tệp khác hoặc chụp lại ảnh.'),
  ('media_extra_data', 422, false, 'This file holds more than it should: something behind its end, or programs. Save it as a new file without them and upload that.', 'Tệp này chứa dữ liệu thừa ở cuối hoặc có chương trình bên trong. Vui lòng lưu thành tệp mới không có phần đó rồi tải lên.'),
  ('media_too_many_pixels', 413, false, 'This picture is too large. Make it smaller and upload it again.', 'Ảnh có kích thước quá lớn. Vui lòng thu nhỏ ảnh rồi tải lên lại.'),
  ('media_mismatch', 409, false, 'The uploaded file differs from the announced one. Start the upload again.', 'Tệp đã tải lên không đúng với tệp đăng ký. Vui lòng tải lên lại từ đầu.'),
  ('media_quota_exceeded', 429, true, 'You have reached the upload limit of today. Try again tomorrow.', 'Bạn đã dùng hết lượt tải lên của hôm nay. Vui lòng thử lại vào ngày mai.');

insert into private.rate_limits (action, capacity, per_minute) values
  ('request_upload', 60, 60);

-- pictures that modules to come attach
insert into private.media_purposes (purpose, bucket, max_bytes, mime_types, per_day, is_evidence) values
  ('evidence_image', 'evidence', 20971520, '{image/jpeg,image/png,image/webp,image/heic}', 100, true);
insert into storage.buckets (id, name, public) values ('originals', 'originals', false);

create table public.media (
  id uuid primary key default gen_random_uuid(),
  owner_id uuid not null references public.profiles on delete restrict,
  purpose text not null references private.media_purposes,
  bucket text not null,
  path text not null,
  mime_type text not null,
  byte_size bigint not null,
  sha256 text not null,
  status text not null default 'reserved',
  refused_code text references private.error_codes,
  width int,
  height int,
  expires_at timestamptz not null default now() + interval '2 hours',
  created_at timestamptz not null default now(),
  constraint media_path_unique unique (bucket, path),
  constraint media_owner unique (id, owner_id),
  constraint media_status_known check (status in ('reserved', 'processing', 'ready', 'refused', 'deleted')),
  constraint media_refused_with_code check (status <> 'refused' or refused_code is not null),
  constraint media_sha256_form check (sha256 ~ '^[0-9a-f]{64}$'),
  constraint media_size_positive check (byte_size > 0),
  constraint media_measures_positive check (width > 0 and height > 0),
  constraint media_path_of_owner check (starts_with(path, owner_id || '/'))
);
create index media_owner_idx on public.media (owner_id, created_at);
create index media_reserved_idx on public.media (expires_at) where status = 'reserved';
create index media_processing_idx on public.media (created_at) where status = 'processing';
create index media_refused_code_idx on public.media (refused_code) where refused_code is not null;
comment on table public.media is 'One row per upload. request_upload reserves it, and complete_media makes it ready once the bytes were checked. A file in Storage can be read only by those who may read its row.';
comment on column public.media.path is 'Within the bucket, beginning with the owner''s id; ours, never the client''s file name. While reserved: where the bytes are to be uploaded. From then on: where the picture is that is shown, once it is ready.';
comment on column public.media.byte_size is 'As announced for the ticket; the bytes count only when they are the same.';
comment on column public.media.sha256 is 'Lower-case hex, as announced; compared with the stored bytes.';
comment on column public.media.status is 'reserved by request_upload; processing from complete_media on, once the bytes were checked; ready when the pictures that are shown were made; refused when they could not be made; deleted when nothing shows it any more, or by the daily job when a ticket was not used. No state machine.';
comment on column public.media.refused_code is 'The error code that says why the picture was refused. Null otherwise.';
comment on column public.media.width is 'In pixels, of the picture or film that is shown. Null while that is not known, and for documents.';
comment on column public.media.expires_at is 'When the ticket ends. It means nothing once the file is ready.';

alter table public.profiles
  add constraint profiles_own_avatar foreign key (avatar_media_id, id) references public.media (id, owner_id);
alter table public.driver_licences
  add constraint driver_licences_own_front foreign key (front_media_id, user_id) references public.media (id, owner_id),
  add constraint driver_licences_own_back foreign key (back_media_id, user_id) references public.media (id, owner_id);

alter table public.media enable row level security;
revoke all on public.media from anon, authenticated, service_role;
grant select on public.media to anon, authenticated, service_role;
-- The read policies, one per role, are in media_readers.

create policy insert_with_ticket on storage.objects for insert to authenticated
  with check (exists (
    select from public.media m
    where m.bucket = bucket_id and m.path = name
      and m.owner_id = (select auth.uid()) and m.status = 'reserved' and m.expires_at > now()
      -- an upload that does not announce its size could go on for ever
      and m.byte_size = (metadata ->> 'contentLength')::bigint
  ));
-- Whether Storage is asked for files that the caller names, and not for a list. Not so in the Data API.
create function private.asks_for_named_files()
returns boolean
language sql stable set search_path = ''
as $$
  select storage.allow_any_operation(array[
    'object.get_authenticated', 'object.get_authenticated_info', 'object.head_authenticated_info', 'object.sign', 'object.sign_many'
  ])
$$;
grant execute on function private.asks_for_named_files() to anon, authenticated;

-- Where the checked bytes are, in the bucket `originals`. They hold what the camera wrote, so only the service reads them.
create table private.media_originals (
  media_id uuid primary key references public.media on delete restrict,
  path text not null unique
);
comment on table private.media_originals is 'Where the uploaded bytes of a picture are, in the bucket originals.';
alter table private.media_originals enable row level security;

-- The end of the names that we give to files of a type.
create function private.file_extension(p_mime_type text)
returns text
language sql immutable strict set search_path = ''
as $$
  select case p_mime_type
    when 'video/quicktime' then 'mov'
    when 'application/vnd.openxmlformats-officedocument.wordprocessingml.document' then 'docx'
    when 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet' then 'xlsx'
    when 'application/vnd.openxmlformats-officedocument.presentationml.presentation' then 'pptx'
    else split_part(p_mime_type, '/', 2)
  end
$$;

create function private.request_upload(p_purpose text, p_mime_type text, p_byte_size bigint, p_sha256 text)
returns public.media
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_purpose private.media_purposes;
  v_id uuid := gen_random_uuid();
  -- other names of the same types, as browsers and phones announce them
  v_mime_type text := case p_mime_type when 'image/jpg' then 'image/jpeg' when 'image/heif' then 'image/heic' else p_mime_type end;
  v_media public.media;
begin
  perform private.take_token('request_upload', v_user_id::text);
  select * into v_purpose from private.media_purposes where purpose = p_purpose;
  if not found then
    perform private.fail_input('purpose', 'must be a known purpose');
  end if;
  if v_mime_type is null or v_mime_type <> all (v_purpose.mime_types) then
    perform private.fail('media_type_refused', jsonb_build_object('accepted', v_purpose.mime_types));
  end if;
  if coalesce(p_byte_size, 0) < 1 then
    perform private.fail_input('byte_size', 'must be positive');
  end if;
  if p_byte_size > v_purpose.max_bytes then
    perform private.fail('media_too_large', jsonb_build_object('max_bytes', v_purpose.max_bytes));
  end if;
  if p_sha256 is null or p_sha256 !~ '^[0-9a-f]{64}$' then
    perform private.fail_input('sha256', 'must be 64 lower-case hex digits');
  end if;
  if (
    select count(*) from public.media
    where owner_id = v_user_id and purpose = p_purpose and created_at > now() - interval '1 day'
  ) >= v_purpose.per_day then
    perform private.fail('media_quota_exceeded', jsonb_build_object('per_day', v_purpose.per_day, 'retry_after', 3600));
  end if;
  insert into public.media (id, owner_id, purpose, bucket, path, mime_type, byte_size, sha256)
  values (v_id, v_user_id, p_purpose, v_purpose.bucket, v_user_id || '/' || v_id || '.' || private.file_extension(v_mime_type), v_mime_type, p_byte_size, p_sha256)
  returning * into v_media;
  return v_media;
end
$$;

create function public.request_upload(purpose text, mime_type text, byte_size bigint, sha256 text)
returns public.media
language sql volatile set search_path = ''
as $$ select private.request_upload(purpose, mime_type, byte_size, sha256) $$;
comment on function public.request_upload is 'Reserves an upload for two hours. `purpose` and what each takes are listed in docs/registries.md: pictures are image/jpeg, image/png, image/webp or image/heic. `byte_size` is in bytes, and `sha256` is lower-case hex. Upload the bytes to the bucket and path of the answer with its `mime_type`, then call the function media/complete. Repeatable. Errors: invalid_input, media_type_refused, media_too_large, media_quota_exceeded, rate_limited.';
select private.expose_limited('request_upload(text, text, bigint, text)', 'request_upload', 'auth.uid()', 'authenticated');

-- For commands that attach a file: it must belong to the actor, be checked, and have the right purpose. A hand-over at the
-- roadside does not wait for the worker: what is attached is shown as soon as it is ready.
create function private.require_media(p_media_id uuid, p_owner_id uuid, p_purpose text)
returns void
language plpgsql stable set search_path = ''
as $$
declare
  v_status text := (
    select status from public.media
    where id = p_media_id and owner_id = p_owner_id and purpose = p_purpose and status not in ('refused', 'deleted')
  );
begin
  if v_status is null then
    perform private.fail('media_not_found', jsonb_build_object('media_id', p_media_id, 'purpose', p_purpose));
  elsif v_status = 'reserved' then
    perform private.fail('media_not_ready', jsonb_build_object('media_id', p_media_id));
  end if;
end
$$;

-- An avatar is an upload meant as one; a licence photo must not become public as an avatar.
create function private.check_avatar()
returns trigger
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform private.require_media(new.avatar_media_id, new.id, 'avatar');
  return new;
end
$$;
create trigger own_avatar before update of avatar_media_id on public.profiles
  for each row when (new.avatar_media_id is not null) execute function private.check_avatar();

-- Nobody opens an earlier avatar.
create function private.delete_former_avatar()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  update public.media set status = 'deleted' where id = old.avatar_media_id;
  return null;
end
$$;
create trigger delete_former_avatar after update of avatar_media_id on public.profiles
  for each row when (old.avatar_media_id <> new.avatar_media_id or (old.avatar_media_id is not null and new.avatar_media_id is null))
  execute function private.delete_former_avatar();

create function private.media_to_check(p_media_id uuid, p_owner_id uuid)
returns public.media
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_media public.media;
begin
  select * into v_media from public.media where id = p_media_id and owner_id = p_owner_id and status <> 'deleted';
  if not found then
    perform private.fail('media_not_found');
  end if;
  if v_media.status = 'refused' and v_media.refused_code = 'media_too_many_pixels' then
    perform private.fail('media_too_many_pixels', jsonb_build_object('media_id', p_media_id));
  elsif v_media.status = 'refused' then
    perform private.fail('media_unreadable', jsonb_build_object('media_id', p_media_id));
  end if;
  return v_media;
end
$$;
create function public.media_to_check(media_id uuid, owner_id uuid)
returns public.media
language sql stable set search_path = ''
as $$ select private.media_to_check(media_id, owner_id) $$;
comment on function public.media_to_check is 'Answers the upload row if it belongs to this owner. Service only. Errors: media_not_found, media_unreadable, media_too_many_pixels.';

-- The arguments are what the media function found in the bytes. It has moved them from the path of the ticket to p_path
-- among the originals.
create function private.complete_media(
  p_media_id uuid, p_path text, p_mime_type text, p_byte_size bigint, p_sha256 text, p_width int, p_height int
)
returns public.media
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_media public.media;
  v_purpose private.media_purposes;
begin
  select * into v_media from public.media where id = p_media_id and status not in ('refused', 'deleted') for update;
  if not found then
    perform private.fail('media_not_found');
  end if;
  if v_media.status in ('processing', 'ready') then
    return v_media;
  end if;
  if v_media.expires_at <= now() then
    perform private.fail('media_not_found', jsonb_build_object('problem', 'the ticket has expired'));
  end if;
  if (p_mime_type, p_byte_size, p_sha256) is distinct from (v_media.mime_type, v_media.byte_size, v_media.sha256) then
    perform private.fail('media_mismatch', jsonb_build_object('found', jsonb_build_object('mime_type', p_mime_type, 'byte_size', p_byte_size)));
  end if;
  select * into strict v_purpose from private.media_purposes where purpose = v_media.purpose;
  -- a document has no pixels
  if not coalesce(p_width::bigint * p_height <= v_purpose.max_megapixels * 1000000::bigint, not v_purpose.makes_pictures) then
    perform private.fail('media_too_many_pixels', jsonb_build_object('max_megapixels', v_purpose.max_megapixels, 'found', jsonb_build_object('width', p_width, 'height', p_height)));
  end if;
  update public.media
  set status = 'processing',
      path = regexp_replace(p_path, '\.[a-z0-9]+$', '') || case when v_purpose.makes_pictures then '/large.jpeg' else '/file.' || private.file_extension(mime_type) end,
      -- a picture is measured when it stands upright
      width = case when not v_purpose.makes_pictures then p_width end,
      height = case when not v_purpose.makes_pictures then p_height end
  where id = p_media_id
  returning * into v_media;
  insert into private.media_originals (media_id, path) values (p_media_id, p_path);
  perform private.enqueue_picture(p_media_id);
  return v_media;
end
$$;
create function public.complete_media(media_id uuid, path text, mime_type text, byte_size bigint, sha256 text, width int, height int)
returns public.media
language sql volatile set search_path = ''
as $$ select private.complete_media(media_id, path, mime_type, byte_size, sha256, width, height) $$;
comment on function public.complete_media is 'Takes an upload if type, size and hash of the bytes now at `path` of the bucket originals are those announced, and has made of it what is shown. `width` and `height` are in pixels, null for a document. Service only. Errors: media_not_found, media_mismatch, media_too_many_pixels.';
select private.expose('media_to_check(uuid, uuid)', 'service_role');
select private.expose('complete_media(uuid, text, text, bigint, text, int, int)', 'service_role');

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.media', 'r.owner_id = $1', 'anonymise', null,
    'Files are erased, but for photos that are evidence of a trip for the other party. The rows stay, because listings and trips refer to them.');
insert into private.personal_data (relation, column_name, treatment, becomes, why) values
  ('public.media', 'status', 'anonymise',
    $$case when r.status not in ('reserved', 'deleted') and r.purpose in (select p.purpose from private.media_purposes p where p.is_evidence) then r.status else 'deleted' end$$,
    'What is deleted is read by nobody, and its bytes are removed.'),
  ('public.media', 'sha256', 'anonymise',
    $$case when r.status not in ('reserved', 'deleted') and r.purpose in (select p.purpose from private.media_purposes p where p.is_evidence) then r.sha256 else repeat('0', 64) end$$,
    'It would tell whether somebody has the same file.');
select private.retain_columns('public.media', 'Where the file was; it holds ids only.', 'bucket', 'path', 'mime_type');

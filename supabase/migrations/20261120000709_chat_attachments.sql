-- Chat: files of messages.
-- Rule kept here: a file belongs to one message. It is opened by who takes part and may read that message; who has left, was
-- removed or has not accepted opens none. It goes for good with its message or alone: row, bytes and sizes. Uploads are
-- locked before conversations, in every transaction that locks both.
-- Left out on purpose: uploading and checking, which is media; voice messages.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('media_in_use', 409, false, 'This file was sent already. Upload it again to send it once more.', 'Tệp này đã được gửi. Vui lòng tải lên lại để gửi thêm lần nữa.');

alter table private.settings
  add constraint settings_chat_message_files check (key <> 'chat_message_files' or private.is_whole(value, 1, 20));
insert into private.settings (key, value, description) values
  ('chat_message_files', '10', 'Files in one message, at most 20.');

insert into private.media_purposes (purpose, bucket, max_bytes, mime_types, per_day, makes_pictures, hidden_from_staff) values
  ('chat_image', 'chat', 10485760, '{image/jpeg,image/png,image/webp,image/heic}', 200, true, true),
  ('chat_video', 'chat_videos', 52428800, '{video/mp4,video/quicktime}', 30, false, true),
  ('chat_document', 'chat_documents', 20971520,
    '{application/pdf,application/vnd.openxmlformats-officedocument.wordprocessingml.document,application/vnd.openxmlformats-officedocument.spreadsheetml.sheet,application/vnd.openxmlformats-officedocument.presentationml.presentation}',
    50, false, true);

create table public.message_attachments (
  media_id uuid primary key,
  conversation_id uuid not null,
  seq bigint not null,
  position smallint not null,
  sender_id uuid not null,
  file_name text,
  is_hidden boolean not null default false,
  constraint message_attachments_of_message foreign key (conversation_id, seq) references public.messages (conversation_id, seq) on delete restrict,
  constraint message_attachments_own_upload foreign key (sender_id, media_id) references public.media (owner_id, id) on delete restrict,
  constraint message_attachments_position_once unique (conversation_id, seq, position),
  constraint message_attachments_position_known check (position between 0 and 19),
  constraint message_attachments_file_name_form check (private.is_tidy(file_name) and char_length(file_name) <= 120 and file_name !~ '[/\\]')
);
create index message_attachments_sender_idx on public.message_attachments (sender_id, media_id);
comment on table public.message_attachments is 'The files of messages. Each upload is in one message at most. Who may not open the files of a message sees no row. Written by commands.';
comment on column public.message_attachments.position is 'The order in which the sender chose them, from 0.';
comment on column public.message_attachments.file_name is 'What the sender''s device calls it, for people to read. It names no path.';
comment on column public.message_attachments.is_hidden is 'Whether staff has hidden its message. Nobody opens the file then.';
alter table public.message_attachments enable row level security;
revoke all on public.message_attachments from anon, authenticated, service_role;
grant select on public.message_attachments to authenticated;
-- As messages, but only for who takes part now. The files in Storage and their sizes follow this policy.
create policy select_taking_part on public.message_attachments for select to authenticated
  using (not is_hidden and exists (
    select from public.conversation_members m
    where m.conversation_id = message_attachments.conversation_id and m.user_id = (select auth.uid())
      and m.status = 'active' and m.readable @> message_attachments.seq
  ));
select private.show_media(p, 'exists (select from public.message_attachments a where a.media_id = media.id)', 'authenticated')
from unnest('{chat_image,chat_video,chat_document}'::text[]) p;

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.message_attachments', 'r.sender_id = $1', 'anonymise', null, 'Says which message the file was in; the file itself is erased with the uploads.');
insert into private.personal_data (relation, column_name, treatment, becomes, why) values
  ('public.message_attachments', 'file_name', 'anonymise', 'null', 'The person''s own words.');

-- The files that a message asks for, checked for their form: [{media_id, file_name}].
create function private.read_attachments(p_attachments jsonb)
returns table (media_id uuid, file_name text, "position" int)
language plpgsql stable set search_path = ''
as $$
declare
  v_most int := private.setting('chat_message_files')::int;
begin
  if jsonb_typeof(p_attachments) is distinct from 'array' then
    perform private.fail_input('attachments', 'must be an array of {media_id, file_name}');
  elsif jsonb_array_length(p_attachments) > v_most then
    perform private.fail_input('attachments', format('must be at most %s files', v_most));
  elsif exists (
    select from jsonb_array_elements(p_attachments) a
    where jsonb_typeof(a) <> 'object' or coalesce(a ->> 'media_id', '') !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' or coalesce(jsonb_typeof(a -> 'file_name'), 'null') not in ('string', 'null')
  ) then
    perform private.fail_input('attachments', 'must each have a media_id, and a file_name or none');
  elsif (select count(distinct (a ->> 'media_id')::uuid) from jsonb_array_elements(p_attachments) a) < jsonb_array_length(p_attachments) then
    perform private.fail_input('attachments', 'must be different files');
  end if;
  return query
    select (a.value ->> 'media_id')::uuid,
           -- a name is for people: a path, and what shows nothing, is none
           (select left(n, 120) from private.tidy_text(regexp_replace(a.value ->> 'file_name', '^.*[/\\]', '')) n where private.is_tidy(left(n, 120))),
           a.ordinality::int - 1
    from jsonb_array_elements(p_attachments) with ordinality a;
end
$$;

-- Puts uploads into a message. Their rows are locked.
create function private.attach_files(p_message public.messages, p_attachments jsonb)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_file record;
  v_media public.media;
begin
  for v_file in select * from private.read_attachments(p_attachments) loop
    select * into v_media from public.media where id = v_file.media_id and owner_id = p_message.sender_id;
    if v_media.id is null or v_media.purpose not in ('chat_image', 'chat_video', 'chat_document') then
      perform private.fail('media_not_found', jsonb_build_object('media_id', v_file.media_id));
    end if;
    -- the same check as for every upload that is attached
    perform private.require_media(v_media.id, p_message.sender_id, v_media.purpose);
    insert into public.message_attachments (media_id, conversation_id, seq, position, sender_id, file_name)
    values (v_media.id, p_message.conversation_id, p_message.seq, v_file.position, p_message.sender_id, v_file.file_name)
    on conflict (media_id) do nothing;
    if not found then
      perform private.fail('media_in_use', jsonb_build_object('media_id', v_media.id));
    end if;
  end loop;
end
$$;

-- The files of a message for a reader who may read it; where they are only for who may open them.
create function private.attachments_of(p_message public.messages, p_openable int8multirange)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  if p_message.attachment_count = 0 or p_message.hidden_at is not null then
    return '[]'::jsonb;
  end if;
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'media_id', m.id, 'kind', replace(m.purpose, 'chat_', ''), 'mime_type', m.mime_type, 'byte_size', m.byte_size,
      'width', m.width, 'height', m.height, 'file_name', a.file_name, 'status', m.status,
      'bucket', case when o then m.bucket end, 'path', case when o then m.path end
    ) order by a.position), '[]')
    from public.message_attachments a
    join public.media m on m.id = a.media_id
    cross join lateral (select coalesce(p_openable @> p_message.seq, false) and m.status in ('processing', 'ready') as o) x
    where a.conversation_id = p_message.conversation_id and a.seq = p_message.seq
  );
end
$$;

-- Whether a message that is sent again asks for other files. One that was deleted since is missing, and that is no difference.
create function private.sent_other_files(p_message public.messages, p_media_ids uuid[])
returns boolean
language sql stable set search_path = ''
as $$
  select exists (
    select from public.message_attachments a
    where a.conversation_id = p_message.conversation_id and a.seq = p_message.seq and a.media_id <> all (coalesce(p_media_ids, '{}'))
  ) or exists (
    select from unnest(p_media_ids) u
    where not exists (
        select from public.message_attachments a where a.conversation_id = p_message.conversation_id and a.seq = p_message.seq and a.media_id = u)
      and not exists (select from public.media d where d.id = u and d.owner_id = p_message.sender_id and d.status = 'deleted')
  )
$$;

-- Uploads before conversations: the worker has an upload locked when it tells its conversation that the file is ready.
create function private.lock_uploads(p_media_ids uuid[])
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform from public.media where id = any (p_media_ids) order by id for no key update;
end
$$;

create function private.erase_attachments(p_conversation_id uuid, p_seq bigint)
returns void
language sql volatile set search_path = ''
as $$
  with gone as (
    delete from public.message_attachments where conversation_id = p_conversation_id and seq = p_seq returning media_id
  )
  select private.delete_media(g.media_id) from gone g
$$;

create function private.delete_attachment(p_media_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_attachment public.message_attachments;
  v_message public.messages;
begin
  perform private.take_token('change_message', v_user_id::text);
  perform private.lock_uploads(array[p_media_id]);
  if not exists (
    select from public.media where id = p_media_id and owner_id = v_user_id and purpose in ('chat_image', 'chat_video', 'chat_document')
  ) then
    perform private.fail('media_not_found');
  end if;
  select * into v_attachment from public.message_attachments where media_id = p_media_id;
  if found then
    v_message := private.begin_change(v_attachment.conversation_id, v_attachment.seq, v_user_id);
    if v_message.attachment_count = 1 and v_message.body is null and not exists (
      select from private.hidden_messages h where h.conversation_id = v_message.conversation_id and h.seq = v_message.seq and h.body is not null
    ) then
      perform private.erase_message(v_message);
    else
      delete from public.message_attachments where media_id = p_media_id;
      update public.messages set attachment_count = attachment_count - 1
      where conversation_id = v_message.conversation_id and seq = v_message.seq;
    end if;
    perform private.finish_change(v_message.conversation_id, v_message.seq);
  end if;
  -- also one that was never sent
  perform private.delete_media(p_media_id);
end
$$;
create function public.delete_attachment(media_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.delete_attachment(media_id) $$;
comment on function public.delete_attachment is 'Deletes one of the caller''s own files for chat, with its bytes and sizes: out of its message, or before it was sent. A message that showed nothing else is deleted with it. Repeatable. Errors: media_not_found, conversation_not_found (left or removed), conversation_closed, message_not_found, rate_limited.';
select private.expose_limited('delete_attachment(uuid)', 'change_message', 'auth.uid()', 'authenticated');

-- A file that was sent while it was processed can be opened now, or never: members read its message anew.
create function private.tell_of_upload()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.finish_change(a.conversation_id, a.seq) from public.message_attachments a where a.media_id = new.id;
  return null;
end
$$;
create trigger tell_of_upload after update of status on public.media
  for each row when (old.status = 'processing' and new.status in ('ready', 'refused'))
  execute function private.tell_of_upload();

create function private.tidy_unsent_files()
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_old uuid[];
begin
  -- locked first and looked at then: one that is being sent at this moment stays
  select coalesce(array_agg(o.id), '{}') into v_old
  from (
    select m.id from public.media m
    where m.purpose in ('chat_image', 'chat_video', 'chat_document', 'group_avatar') and m.status in ('processing', 'ready')
      and m.created_at < now() - interval '2 days'
      and not exists (select from public.message_attachments a where a.media_id = m.id)
      and not exists (select from public.conversations c where c.avatar_media_id = m.id)
    limit 10000
    for no key update skip locked
  ) o;
  perform private.delete_media(o) from unnest(v_old) o
  where not exists (select from public.message_attachments a where a.media_id = o)
    and not exists (select from public.conversations c where c.avatar_media_id = o);
end
$$;
select private.schedule_job('journey_tidy_unsent_files', 'Deletes files for chat that were uploaded two days ago and never sent, and pictures of groups that were never set.',
  '23 20 * * *', '26 hours', 'select private.tidy_unsent_files()');

create function private.invariant_message_files()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select conversation_id::text, format('message %s counts %s files and has %s', seq, coalesce(m.attachment_count, 0), coalesce(a.files, 0))
  from (select conversation_id, seq, attachment_count from public.messages where attachment_count > 0) m
  full join (select conversation_id, seq, count(*) as files from public.message_attachments group by conversation_id, seq) a using (conversation_id, seq)
  where m.attachment_count is distinct from a.files
$$;
insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('message_files', 'critical', 'A message counts other files than it has, or a deleted message still has one.',
    'Commands keep this, so somebody wrote or removed rows by SQL. Remove the rows of message_attachments that belong to a deleted message, and set their uploads to deleted; otherwise set attachment_count to the number of rows.');

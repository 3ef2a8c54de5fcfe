-- Chat: reading.
-- Rule kept here: unread is a subtraction and cannot drift; a page is cut by number, which neither repeats nor skips;
-- what a client lacks is asked for by the number of the last change that it holds.
-- Left out on purpose: search, and what changed since a device looked last.

-- A system message in the reader's language; other messages as they are.
create function private.message_text(p_message public.messages, p_locale text)
returns text
language plpgsql stable set search_path = ''
as $$
begin
  if p_message.kind <> 'system' then
    return p_message.body;
  end if;
  return (
    select private.render(t.text, p_message.data || jsonb_build_object('name', coalesce(p.display_name, '')), t.locale)
    from public.conversation_texts t
    left join public.profiles p on p.id = (p_message.data ->> 'user_id')::uuid
    where t.code = p_message.data ->> 'code' and t.locale = p_locale
  );
end
$$;

-- Those of p_ids, wherever they are, or a page of the list.
create function private.my_conversations(p_archived boolean, p_after jsonb, p_page_size int, p_ids uuid[] default null)
returns table (
  conversation_id uuid, kind text, status text, role text, title text, other_user_id uuid, other_name text, other_avatar_path text,
  group_avatar_path text, invited_by uuid, unread bigint, last_seq bigint, last_change bigint, last_message_at timestamptz, last_text text, last_sender_id uuid,
  read_seq bigint, muted_until timestamptz, archived_at timestamptz, pinned_at timestamptz
)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_start private.page_start := private.read_page(p_after, 'last_message_at', p_page_size);
  v_locale text := (select p.locale from public.profiles p where p.id = v_user_id);
begin
  return query
    with mine as (
      -- who has left sees the conversation as it was then
      select c.*, m.status as my_status, m.role as my_role, m.invited_by as asked_by, k.read_seq as my_read_seq, k.muted_until as muted, k.archived_at as archived, k.pinned_at as pinned,
             coalesce(upper(m.readable) - 1, case m.status when 'active' then c.last_seq else 0 end) as seen_seq,
             case when c.kind = 'direct' then case when c.first_user_id = v_user_id then c.second_user_id else c.first_user_id end
               when m.status = 'invited' then m.invited_by end as shown_id
      from public.conversation_markers k
      join public.conversation_members m on m.user_id = k.user_id and m.conversation_id = k.conversation_id
      join public.conversations c on c.id = k.conversation_id
      where k.user_id = v_user_id and m.status <> 'declined'
        -- an invitation that was withdrawn
        and not (m.status = 'removed' and isempty(m.readable))
        and (k.conversation_id = any (p_ids) or (p_ids is null and (k.archived_at is not null) = coalesce(p_archived, false)))
        and (v_start.id is null or (c.last_message_at, c.id) < (v_start.at, v_start.id))
        -- a direct conversation shows when somebody has written
        and (c.last_seq > 0 or c.owner_id = v_user_id)
      order by c.last_message_at desc, c.id desc
      limit p_page_size
    )
    select c.id, c.kind, c.my_status, c.my_role,
           case when c.my_status <> 'invited' then c.title end,
           o.user_id, o.display_name, o.avatar_path,
           case when c.my_status = 'active' then (select i.path from public.media i where i.id = c.avatar_media_id and i.status = 'ready') end,
           c.asked_by,
           case when c.my_status = 'active' then greatest(c.last_seq - c.my_read_seq, 0) else 0 end,
           c.seen_seq, case when c.my_status = 'active' then c.last_change else 0 end, c.last_message_at,
           l.text, l.sender_id, c.my_read_seq, c.muted, c.archived, c.pinned
    from mine c
    -- everybody's at once: one call for each row took most of the time
    left join private.public_profiles((select array_agg(s.shown_id) from mine s where s.shown_id is not null)) o on o.user_id = c.shown_id
    left join lateral (
      select coalesce(private.message_text(x, v_locale), (
               select private.render(t.text, jsonb_build_object('count', x.attachment_count), v_locale)
               from public.conversation_texts t
               where t.code = 'files_sent' and t.locale = v_locale and x.attachment_count > 0 and x.hidden_at is null
             )) as text, x.sender_id
      from public.messages x
      where x.conversation_id = c.id and x.seq = c.seen_seq
    ) l on true
    order by c.last_message_at desc, c.id desc;
end
$$;
create function public.my_conversations(archived boolean default false, after jsonb default null, page_size int default 20)
returns table (
  conversation_id uuid, kind text, status text, role text, title text, other_user_id uuid, other_name text, other_avatar_path text,
  group_avatar_path text, invited_by uuid, unread bigint, last_seq bigint, last_change bigint, last_message_at timestamptz, last_text text, last_sender_id uuid,
  read_seq bigint, muted_until timestamptz, archived_at timestamptz, pinned_at timestamptz
)
language sql stable set search_path = ''
as $$ select * from private.my_conversations($1, $2, $3) $$;
comment on function public.my_conversations is 'Lists the caller''s conversations, the one with the newest message first, also requests that wait (`status` invited) and groups that were left. A request shows who asks and nothing that was written. `unread` is last_seq − read_seq. `last_text` is null after a deletion and for a message that staff has hidden, and says how many files were sent without a text. `group_avatar_path` is in the bucket group_avatars. `archived` lists the archive. `after` takes {last_message_at, id} of the last row, where id is its conversation_id. Errors: invalid_input.';
select private.expose('my_conversations(boolean, jsonb, int)', 'authenticated');
grant execute on function private.my_conversations(boolean, jsonb, int, uuid[]) to authenticated;

-- What a person has not seen, without what is muted or archived.
create function private.chat_badge(p_user_id uuid, out conversations int, out messages bigint, out requests int)
language sql stable set search_path = ''
as $$
  select count(*) filter (where m.status = 'active' and c.last_seq > k.read_seq and k.archived_at is null and coalesce(k.muted_until <= now(), true))::int,
         coalesce(sum(c.last_seq - k.read_seq) filter (where m.status = 'active' and c.last_seq > k.read_seq and k.archived_at is null and coalesce(k.muted_until <= now(), true)), 0)::bigint,
         count(*) filter (where m.status = 'invited' and c.last_seq > 0)::int
  from public.conversation_markers k
  join public.conversation_members m on m.user_id = k.user_id and m.conversation_id = k.conversation_id and m.status in ('active', 'invited')
  join public.conversations c on c.id = k.conversation_id
  where k.user_id = p_user_id
$$;
create function private.unread_conversations()
returns int
language sql stable security definer set search_path = ''
as $$ select b.conversations from private.chat_badge(auth.uid()) b $$;
create function public.unread_conversations()
returns int
language sql stable set search_path = ''
as $$ select private.unread_conversations() $$;
comment on function public.unread_conversations is 'Answers how many conversations of the caller have something unread, without those that are muted or archived.';
select private.expose('unread_conversations()', 'authenticated');

-- {emoji: [user ids]} of one message.
create function private.reactions_of(p_conversation_id uuid, p_seq bigint)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_object_agg(e.emoji, e.users), '{}')
    from (
      select r.emoji, jsonb_agg(r.user_id order by r.created_at, r.user_id) as users
      from public.message_reactions r
      where r.conversation_id = p_conversation_id and r.seq = p_seq
      group by r.emoji
    ) e
  );
end
$$;

-- What the caller may read of a conversation, which messages' files the caller may open, and in which language.
create function private.require_reader(p_conversation_id uuid, out readable int8multirange, out openable int8multirange, out locale text)
language plpgsql stable set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
begin
  readable := private.my_readable(p_conversation_id);
  if readable is null then
    perform private.fail('conversation_not_found');
  end if;
  -- as the policy of message_attachments
  openable := (select m.readable from public.conversation_members m where m.conversation_id = p_conversation_id and m.user_id = v_user_id and m.status = 'active');
  locale := (select p.locale from public.profiles p where p.id = v_user_id);
end
$$;

create function private.list_messages(p_conversation_id uuid, p_before_seq bigint, p_page_size int)
returns table (
  seq bigint, change bigint, kind text, sender_id uuid, client_message_id uuid, body text, data jsonb, reply_to_seq bigint,
  mentions uuid[], attachments jsonb, reactions jsonb, created_at timestamptz, edited_at timestamptz, deleted_at timestamptz, hidden_at timestamptz
)
-- a generic plan: otherwise PostgreSQL plans it anew for each call, because one of 64 partitions looks cheaper than any
language plpgsql stable security definer set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_reader record := private.require_reader(p_conversation_id);
  v_page_size int := private.require_page_size(p_page_size);
begin
  return query
    select m.seq, m.change, m.kind, m.sender_id, m.client_message_id, case m.kind when 'system' then private.message_text(m, v_reader.locale) else m.body end, m.data, m.reply_to_seq,
           m.mentions, case when m.attachment_count > 0 then private.attachments_of(m, v_reader.openable) else '[]' end,
           -- most have none, and a look is cheaper than the call
           case when exists (select from public.message_reactions r where r.conversation_id = m.conversation_id and r.seq = m.seq)
             then private.reactions_of(m.conversation_id, m.seq) else '{}' end,
           m.created_at, m.edited_at, m.deleted_at, m.hidden_at
    from public.messages m
    where m.conversation_id = p_conversation_id and v_reader.readable @> m.seq and m.seq < coalesce(p_before_seq, 9223372036854775807)
    order by m.seq desc
    limit v_page_size;
end
$$;
create function public.list_messages(conversation_id uuid, before_seq bigint default null, page_size int default 50)
returns table (
  seq bigint, change bigint, kind text, sender_id uuid, client_message_id uuid, body text, data jsonb, reply_to_seq bigint,
  mentions uuid[], attachments jsonb, reactions jsonb, created_at timestamptz, edited_at timestamptz, deleted_at timestamptz, hidden_at timestamptz
)
language sql stable set search_path = ''
as $$ select * from private.list_messages($1, $2, $3) $$;
comment on function public.list_messages is 'Lists messages of a conversation, newest first, 1–100 a page. `before_seq` takes the seq of the last row. `body` of a system message is in the caller''s language, and `data` has its values. `attachments` are its files, [{media_id, kind, mime_type, byte_size, width, height, file_name, status, bucket, path}]: kind is image, video or document, type and size in bytes are those of the upload, width and height in pixels are null where they are not known, and bucket and path are null when the file is gone or the caller may not open it (left or removed). `reactions` is {emoji: [user ids]}. A deleted message has deleted_at, and one that staff has hidden has hidden_at; neither has a body or files. Errors: conversation_not_found, invalid_input.';
select private.expose('list_messages(uuid, bigint, int)', 'authenticated');

create function private.list_message_changes(p_conversation_id uuid, p_after_change bigint)
returns table (
  seq bigint, change bigint, kind text, sender_id uuid, client_message_id uuid, body text, data jsonb, reply_to_seq bigint,
  mentions uuid[], attachments jsonb, reactions jsonb, created_at timestamptz, edited_at timestamptz, deleted_at timestamptz, hidden_at timestamptz
)
-- a generic plan: otherwise PostgreSQL plans it anew for each call, because one of 64 partitions looks cheaper than any
language plpgsql stable security definer set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_reader record := private.require_reader(p_conversation_id);
begin
  if p_after_change is null or p_after_change < 0 then
    perform private.fail_input('after_change', 'must be 0 or the change of a message');
  end if;
  return query
    select m.seq, m.change, m.kind, m.sender_id, m.client_message_id, case m.kind when 'system' then private.message_text(m, v_reader.locale) else m.body end, m.data, m.reply_to_seq,
           m.mentions, case when m.attachment_count > 0 then private.attachments_of(m, v_reader.openable) else '[]' end,
           -- most have none, and a look is cheaper than the call
           case when exists (select from public.message_reactions r where r.conversation_id = m.conversation_id and r.seq = m.seq)
             then private.reactions_of(m.conversation_id, m.seq) else '{}' end,
           m.created_at, m.edited_at, m.deleted_at, m.hidden_at
    from public.messages m
    where m.conversation_id = p_conversation_id and v_reader.readable @> m.seq and m.change > p_after_change
    order by m.change
    limit 100;
end
$$;
create function public.list_message_changes(conversation_id uuid, after_change bigint)
returns table (
  seq bigint, change bigint, kind text, sender_id uuid, client_message_id uuid, body text, data jsonb, reply_to_seq bigint,
  mentions uuid[], attachments jsonb, reactions jsonb, created_at timestamptz, edited_at timestamptz, deleted_at timestamptz, hidden_at timestamptz
)
language sql stable set search_path = ''
as $$ select * from private.list_message_changes($1, $2) $$;
comment on function public.list_message_changes is 'Lists messages that were sent, changed, deleted or reacted to after a change, in the order of the changes, at most 100. A client gives the highest `change` that it holds, and has everything when the highest answer is last_change of its conversation. Rows as list_messages answers them. Errors: conversation_not_found, invalid_input.';
select private.expose('list_message_changes(uuid, bigint)', 'authenticated');

-- Who declined looks like somebody who has not answered, so that a decline stays silent.
create function private.list_members(p_conversation_id uuid)
returns table (id uuid, conversation_id uuid, user_id uuid, role text, status text, read_seq bigint, created_at timestamptz, display_name text, avatar_path text)
language plpgsql stable security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  v_user_id uuid := private.require_user();
begin
  return query
    select m.id, m.conversation_id, m.user_id, m.role, case when m.status = 'declined' and m.user_id <> v_user_id then 'invited' else m.status end,
      m.read_seq, m.created_at, p.display_name, a.path
    from public.conversation_members m
    left join public.profiles p on p.id = m.user_id and p.deleted_at is null
    left join public.media a on a.id = p.avatar_media_id and a.status = 'ready'
    where m.conversation_id = p_conversation_id
      and (m.user_id = v_user_id or m.conversation_id in (select private.my_conversation_ids()))
    order by m.created_at, m.id;
end
$$;
create function public.list_members(in_conversation_id uuid)
returns table (id uuid, conversation_id uuid, user_id uuid, role text, status text, read_seq bigint, created_at timestamptz, display_name text, avatar_path text)
language sql stable set search_path = ''
as $$ select * from private.list_members(in_conversation_id) $$;
comment on function public.list_members is 'Lists the people of a conversation of the caller, also those who were invited and those who left, the first one first, with name and the path of the picture in the avatars bucket; both are null of an account that was deleted. Who declined is shown as invited. A person who was invited or has left sees their own row alone.';
select private.expose('list_members(uuid)', 'authenticated');

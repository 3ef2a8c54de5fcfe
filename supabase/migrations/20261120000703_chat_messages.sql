-- Chat: writing, changing and deleting messages, reactions, and how far people have read.
-- Rule kept here: one lock of the conversation gives both numbers, so that they have no gaps; a message that is sent
-- again is there once; after a deletion nothing of its text is left. A broadcast carries numbers and no text: anybody who
-- was removed may still listen until the token is renewed, and reads nothing.
-- Left out on purpose: files, which are chat_attachments, and telling people who are away.

-- Writes a system message. The conversation is locked; answers it with its new numbers.
create function private.say(p_conversation public.conversations, p_data jsonb)
returns public.conversations
language plpgsql volatile set search_path = ''
as $$
declare
  v_conversation public.conversations;
begin
  update public.conversations set last_seq = last_seq + 1, last_change = last_change + 1, last_message_at = clock_timestamp()
  where id = p_conversation.id
  returning * into v_conversation;
  insert into public.messages (conversation_id, seq, change, kind, data)
  values (v_conversation.id, v_conversation.last_seq, v_conversation.last_change, 'system', p_data);
  return v_conversation;
end
$$;

-- Why this person cannot write in a direct conversation now, or null.
create function private.direct_problem(p_conversation public.conversations, p_user_id uuid)
returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_other_id uuid := case when p_conversation.first_user_id = p_user_id then p_conversation.second_user_id else p_conversation.first_user_id end;
  v_status text := (select status from public.conversation_members where conversation_id = p_conversation.id and user_id = v_other_id);
begin
  -- a trip that goes on needs its two people to talk
  if (private.is_blocked(p_user_id, v_other_id) or private.is_suspended(p_user_id)) and not private.are_acquainted(p_user_id, v_other_id, true) then
    return case when private.is_suspended(p_user_id) then 'account_suspended' else 'conversation_closed' end;
  end if;
  -- a refusal looks like silence
  if v_status in ('invited', 'declined') and (
    select count(*) from public.messages where conversation_id = p_conversation.id and sender_id = p_user_id
  ) >= private.setting('chat_request_messages')::int then
    return 'request_unanswered';
  end if;
  if exists (select from public.profiles where id = v_other_id and deleted_at is not null) then
    return 'conversation_closed';
  end if;
  return null;
end
$$;

-- A change of a message, or a reaction, is read like a new message, so a block and a suspension hold for it as well.
create function private.require_unhindered(p_conversation_id uuid, p_user_id uuid)
returns void
language plpgsql stable set search_path = ''
as $$
begin
  if exists (
    select from public.conversations c where c.id = p_conversation_id and (
      (c.kind = 'direct' and private.direct_problem(c, p_user_id) in ('conversation_closed', 'account_suspended'))
      or (c.kind = 'group' and private.is_suspended(p_user_id)))
  ) then
    perform private.fail('forbidden');
  end if;
end
$$;

create function private.send_message(
  p_conversation_id uuid, p_body text, p_client_message_id uuid, p_reply_to_seq bigint default null, p_mentions uuid[] default '{}',
  p_attachments jsonb default '[]'
)
returns public.messages
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  -- files need no text
  v_body text := case when p_attachments = '[]' then private.tidy_lines(p_body) else nullif(private.tidy_lines(p_body), '') end;
  v_media_ids uuid[];
  v_conversation public.conversations;
  v_message public.messages;
  v_problem text;
begin
  perform private.take_token('send_message', v_user_id::text);
  if p_client_message_id is null then
    perform private.fail_input('client_message_id', 'must be given');
  end if;
  if not private.says_something(v_body, 1, 4000) and (p_attachments = '[]' or v_body is not null) then
    perform private.fail_input('body', 'must have 1 to 4000 characters, some of them visible');
  end if;
  if p_mentions is null or cardinality(p_mentions) > 50 or array_position(p_mentions, null) is not null then
    perform private.fail_input('mentions', 'must be at most 50 ids');
  end if;
  if p_attachments is distinct from '[]' then
    v_media_ids := array(select a.media_id from private.read_attachments(p_attachments) a);
    perform private.lock_uploads(v_media_ids);
  end if;
  -- the lock comes first: a second try waits for the first and then finds its message
  update public.conversations c
  set last_seq = last_seq + 1, last_change = last_change + 1, last_message_at = clock_timestamp()
  where id = p_conversation_id and exists (
    select from public.conversation_members m where m.conversation_id = p_conversation_id and m.user_id = v_user_id and m.status = 'active')
  returning * into v_conversation;
  if not found then
    -- who could write here before is told so; anybody else learns nothing
    perform private.fail(case when exists (
      select from public.conversation_members where conversation_id = p_conversation_id and user_id = v_user_id and status in ('left', 'removed') and not isempty(readable)
    ) then 'conversation_closed' else 'conversation_not_found' end);
  end if;
  v_problem := case v_conversation.kind
    when 'direct' then private.direct_problem(v_conversation, v_user_id)
    when 'group' then case when private.is_suspended(v_user_id) then 'account_suspended' end
    when 'complaint' then case when private.is_closed_to(p_conversation_id) then 'conversation_closed' end
  end;
  if v_problem is null and p_reply_to_seq is not null and not exists (
    select from public.messages m
    where m.conversation_id = p_conversation_id and m.seq = p_reply_to_seq and private.my_readable(p_conversation_id) @> m.seq
  ) then
    v_problem := 'reply_to_seq';
  end if;
  if v_problem is null and exists (
    select from unnest(p_mentions) u
    where not exists (
      select from public.conversation_members m where m.conversation_id = p_conversation_id and m.user_id = u and m.status in ('active', 'invited'))
  ) then
    v_problem := 'mentions';
  end if;
  if v_problem is null then
    -- looking for an earlier try first would be planned over all partitions for each message
    insert into public.messages (conversation_id, seq, change, sender_id, client_message_id, body, attachment_count, reply_to_seq, mentions)
    values (p_conversation_id, v_conversation.last_seq, v_conversation.last_change, v_user_id, p_client_message_id, v_body,
      coalesce(cardinality(v_media_ids), 0), p_reply_to_seq, p_mentions)
    on conflict (conversation_id, sender_id, client_message_id) do nothing
    returning * into v_message;
  end if;
  if v_message.seq is null then
    -- a message that is there is answered, whatever would refuse it today
    select * into v_message from public.messages
    where conversation_id = p_conversation_id and sender_id = v_user_id and client_message_id = p_client_message_id;
    if not found then
      if v_problem in ('reply_to_seq', 'mentions') then
        perform private.fail_input(v_problem, case v_problem when 'mentions' then 'must be members of this conversation' else 'must be a message of this conversation' end);
      end if;
      perform private.fail(v_problem);
    end if;
    update public.conversations set last_seq = last_seq - 1, last_change = last_change - 1, last_message_at = least(last_message_at, (
      select created_at from public.messages where conversation_id = p_conversation_id and seq = v_conversation.last_seq - 1))
    where id = p_conversation_id;
    if v_message.deleted_at is null and v_message.edited_at is null and v_message.hidden_at is null
       and ((v_message.body, v_message.reply_to_seq) is distinct from (v_body, p_reply_to_seq) or private.sent_other_files(v_message, v_media_ids)) then
      perform private.fail('idempotency_conflict');
    end if;
    return v_message;
  end if;
  if v_media_ids is not null then
    perform private.attach_files(v_message, p_attachments);
  end if;
  -- who writes has read what was there, and brings the conversation back from the archive
  update public.conversation_markers set read_seq = v_message.seq, archived_at = null
  where user_id = v_user_id and conversation_id = p_conversation_id;
  perform private.tell_of_messages(v_conversation);
  return v_message;
end
$$;
create function public.send_message(conversation_id uuid, body text, client_message_id uuid, reply_to_seq bigint default null, mentions uuid[] default '{}', attachments jsonb default '[]')
returns public.messages
language sql volatile set search_path = ''
as $$ select private.send_message(conversation_id, body, client_message_id, reply_to_seq, mentions, attachments) $$;
comment on function public.send_message is 'Writes in a conversation. `body` is plain text of 1–4,000 characters. `client_message_id` is made by the app before its first try: the same id again answers the message that is there. `mentions` are ids of members. `attachments` are up to 10 files (unless the operator changed it) in their order, [{media_id, file_name}], the caller''s own uploads of purpose chat_image, chat_video or chat_document, also while they are processed; with them `body` may be null. Repeatable with its client_message_id. Errors: conversation_not_found, conversation_closed (left, removed, a block, or a complaint that was closed), request_unanswered, account_suspended, media_not_found, media_not_ready, media_in_use, invalid_input, rate_limited.';
select private.expose_limited('send_message(uuid, text, uuid, bigint, uuid[], jsonb)', 'send_message', 'auth.uid()', 'authenticated');

-- A message that the person may read, with its conversation locked and counting one more change.
create function private.begin_change(p_conversation_id uuid, p_seq bigint, p_user_id uuid)
returns public.messages
language plpgsql volatile set search_path = ''
as $$
declare
  v_message public.messages;
begin
  perform private.lock_conversation(p_conversation_id, p_user_id);
  if private.is_closed_to(p_conversation_id) then
    perform private.fail('conversation_closed');
  end if;
  select * into v_message from public.messages
  where conversation_id = p_conversation_id and seq = p_seq and kind = 'text' and private.my_readable(p_conversation_id) @> seq;
  if not found then
    perform private.fail('message_not_found');
  end if;
  return v_message;
end
$$;

-- Gives the message the next number of its conversation's changes and tells the members.
create function private.finish_change(p_conversation_id uuid, p_seq bigint)
returns public.messages
language plpgsql volatile set search_path = ''
as $$
declare
  v_conversation public.conversations;
  v_message public.messages;
begin
  update public.conversations set last_change = last_change + 1 where id = p_conversation_id returning * into v_conversation;
  update public.messages set change = v_conversation.last_change
  where conversation_id = p_conversation_id and seq = p_seq
  returning * into v_message;
  perform private.tell_of_messages(v_conversation);
  return v_message;
end
$$;

create function private.edit_message(p_conversation_id uuid, p_seq bigint, p_body text)
returns public.messages
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_body text := private.tidy_lines(p_body);
  v_message public.messages;
begin
  perform private.take_token('change_message', v_user_id::text);
  if not private.says_something(v_body, 1, 4000) then
    perform private.fail_input('body', 'must have 1 to 4000 characters, some of them visible');
  end if;
  v_message := private.begin_change(p_conversation_id, p_seq, v_user_id);
  if v_message.deleted_at is not null then
    perform private.fail('message_not_found');
  elsif v_message.sender_id <> v_user_id then
    perform private.fail('forbidden');
  elsif v_message.hidden_at is not null then
    perform private.fail('message_hidden');
  elsif v_message.body = v_body then
    return v_message;
  end if;
  perform private.require_unhindered(p_conversation_id, v_user_id);
  if v_message.created_at < now() - make_interval(mins => private.setting('chat_edit_minutes')::int) then
    perform private.fail('edit_window_over');
  end if;
  -- a text under files that had none has no earlier one
  insert into private.message_edits (conversation_id, seq, change, body)
  select p_conversation_id, p_seq, v_message.change, v_message.body where v_message.body is not null;
  update public.messages set body = v_body, edited_at = now() where conversation_id = p_conversation_id and seq = p_seq;
  return private.finish_change(p_conversation_id, p_seq);
end
$$;
create function public.edit_message(conversation_id uuid, seq bigint, body text)
returns public.messages
language sql volatile set search_path = ''
as $$ select private.edit_message(conversation_id, seq, body) $$;
comment on function public.edit_message is 'Changes the caller''s own message while it is new (15 minutes unless the operator changed it). Earlier texts are kept for admins. Repeatable. Errors: conversation_not_found, conversation_closed, message_not_found, message_hidden, forbidden, edit_window_over, invalid_input, rate_limited.';
select private.expose_limited('edit_message(uuid, bigint, text)', 'change_message', 'auth.uid()', 'authenticated');

-- Leaves the number of a message and nothing else. The conversation is locked, and the uploads before it.
create function private.erase_message(p_message public.messages)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  delete from public.message_reactions where conversation_id = p_message.conversation_id and seq = p_message.seq;
  delete from private.message_edits where conversation_id = p_message.conversation_id and seq = p_message.seq;
  delete from private.hidden_messages where conversation_id = p_message.conversation_id and seq = p_message.seq;
  perform private.erase_attachments(p_message.conversation_id, p_message.seq);
  update public.messages set body = null, attachment_count = 0, mentions = '{}', edited_at = null, deleted_at = now()
  where conversation_id = p_message.conversation_id and seq = p_message.seq;
  perform private.record_event('message.deleted', p_message.conversation_id, jsonb_build_object('seq', p_message.seq, 'sender_id', p_message.sender_id));
end
$$;

create function private.delete_message(p_conversation_id uuid, p_seq bigint)
returns public.messages
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_message public.messages;
begin
  perform private.take_token('change_message', v_user_id::text);
  perform private.lock_uploads(array(select a.media_id from public.message_attachments a where a.conversation_id = p_conversation_id and a.seq = p_seq));
  v_message := private.begin_change(p_conversation_id, p_seq, v_user_id);
  if v_message.deleted_at is not null then
    return v_message;
  elsif v_message.sender_id <> v_user_id and not exists (
    select from public.conversation_members
    where conversation_id = p_conversation_id and user_id = v_user_id and role in ('admin', 'moderator')
  ) then
    perform private.fail('forbidden');
  end if;
  perform private.erase_message(v_message);
  return private.finish_change(p_conversation_id, p_seq);
end
$$;
create function public.delete_message(conversation_id uuid, seq bigint)
returns public.messages
language sql volatile set search_path = ''
as $$ select private.delete_message(conversation_id, seq) $$;
comment on function public.delete_message is 'Deletes the caller''s own message, or as an admin or moderator of a group anybody''s. Its number stays; text, earlier texts, files, mentions and reactions are gone. Repeatable. Errors: conversation_not_found, conversation_closed, message_not_found, forbidden, rate_limited.';
select private.expose_limited('delete_message(uuid, bigint)', 'change_message', 'auth.uid()', 'authenticated');

create function private.react(p_conversation_id uuid, p_seq bigint, p_emoji text, p_there boolean)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_message public.messages;
begin
  perform private.take_token('change_message', v_user_id::text);
  if p_there is null then
    perform private.fail_input('there', 'must be given');
  end if;
  v_message := private.begin_change(p_conversation_id, p_seq, v_user_id);
  if v_message.deleted_at is not null or v_message.hidden_at is not null then
    perform private.fail('message_not_found');
  end if;
  if p_there then
    perform private.require_unhindered(p_conversation_id, v_user_id);
    if not exists (select from public.message_reactions r where r.conversation_id = p_conversation_id and r.seq = p_seq and r.emoji = p_emoji)
       and (select count(distinct r.emoji) from public.message_reactions r where r.conversation_id = p_conversation_id and r.seq = p_seq) >= 20 then
      perform private.fail('too_many_reactions');
    end if;
    insert into public.message_reactions (conversation_id, seq, user_id, emoji) values (p_conversation_id, p_seq, v_user_id, p_emoji)
    on conflict do nothing;
  else
    delete from public.message_reactions
    where conversation_id = p_conversation_id and seq = p_seq and user_id = v_user_id and emoji = p_emoji;
  end if;
  if found then
    perform private.finish_change(p_conversation_id, p_seq);
  end if;
exception
  when check_violation or not_null_violation then
    perform private.fail_input('emoji', 'must be one emoji');
end
$$;
create function public.react(conversation_id uuid, seq bigint, emoji text, there boolean default true)
returns void
language sql volatile set search_path = ''
as $$ select private.react(conversation_id, seq, emoji, there) $$;
comment on function public.react is 'Adds the caller''s reaction to a message, or takes it back when `there` is false. `emoji` is one emoji; a message has at most 20 different ones. Repeatable. Errors: conversation_not_found, conversation_closed, message_not_found, forbidden (a block or a suspension), too_many_reactions, invalid_input, rate_limited.';
select private.expose_limited('react(uuid, bigint, text, boolean)', 'change_message', 'auth.uid()', 'authenticated');

create function private.mark_conversation_read(p_conversation_id uuid, p_seq bigint, p_shared boolean)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_last_seq bigint;
begin
  if p_seq is null or p_seq < 0 then
    perform private.fail_input('seq', 'must be the seq of a message');
  end if;
  if p_shared is null then
    perform private.fail_input('shared', 'must be given');
  end if;
  select least(c.last_seq, p_seq) into v_last_seq
  from public.conversation_members m join public.conversations c on c.id = m.conversation_id
  where m.conversation_id = p_conversation_id and m.user_id = v_user_id and m.status = 'active';
  if not found then
    perform private.fail('conversation_not_found');
  end if;
  update public.conversation_markers set read_seq = v_last_seq
  where user_id = v_user_id and conversation_id = p_conversation_id and read_seq < v_last_seq;
  if found then
    perform private.tell_person(v_user_id, p_conversation_id);
  end if;
  if p_shared and (select p.shares_read_marks from public.profiles p where p.id = v_user_id) then
    update public.conversation_members set read_seq = v_last_seq
    where conversation_id = p_conversation_id and user_id = v_user_id and read_seq < v_last_seq;
    if found then
      perform private.broadcast('conversation:' || p_conversation_id, 'read', jsonb_build_object('user_id', v_user_id, 'read_seq', v_last_seq));
    end if;
  end if;
end
$$;
create function public.mark_conversation_read(conversation_id uuid, seq bigint, shared boolean default true)
returns void
language sql volatile set search_path = ''
as $$ select private.mark_conversation_read(conversation_id, seq, shared) $$;
comment on function public.mark_conversation_read is 'Marks a conversation as read up to a message, on all devices of the caller. With `shared` the other members see it as well, unless the caller''s profile does not share read marks. A marker never goes back. Repeatable. Errors: conversation_not_found, invalid_input.';
select private.expose('mark_conversation_read(uuid, bigint, boolean)', 'authenticated');

create function private.set_conversation(p_conversation_id uuid, p_muted_until timestamptz, p_archived boolean, p_pinned boolean)
returns public.conversation_markers
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_marker public.conversation_markers;
begin
  if p_archived is null or p_pinned is null then
    perform private.fail_input(case when p_archived is null then 'archived' else 'pinned' end, 'must be given');
  end if;
  update public.conversation_markers
  set muted_until = case when p_muted_until > now() then p_muted_until end,
      archived_at = case when p_archived then coalesce(archived_at, now()) end,
      pinned_at = case when p_pinned then coalesce(pinned_at, now()) end
  where user_id = v_user_id and conversation_id = p_conversation_id
  returning * into v_marker;
  if not found then
    perform private.fail('conversation_not_found');
  end if;
  perform private.tell_person(v_user_id, p_conversation_id);
  return v_marker;
end
$$;
create function public.set_conversation(conversation_id uuid, muted_until timestamptz, archived boolean, pinned boolean)
returns public.conversation_markers
language sql volatile set search_path = ''
as $$ select private.set_conversation(conversation_id, muted_until, archived, pinned) $$;
comment on function public.set_conversation is 'Mutes, archives or pins a conversation for the caller alone. `muted_until` is a time, infinity, or null for not muted. A conversation leaves the archive when its person writes in it. Repeatable. Errors: conversation_not_found, invalid_input.';
select private.expose('set_conversation(uuid, timestamptz, boolean, boolean)', 'authenticated');

create function private.list_message_edits(p_conversation_id uuid, p_seq bigint)
returns table (body text, replaced_at timestamptz)
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform private.require_staff();
  return query
    select e.body, e.replaced_at from private.message_edits e
    where e.conversation_id = p_conversation_id and e.seq = p_seq
    order by e.change;
end
$$;
create function public.message_edits(conversation_id uuid, seq bigint)
returns table (body text, replaced_at timestamptz)
language sql stable set search_path = ''
as $$ select * from private.list_message_edits(conversation_id, seq) $$;
comment on function public.message_edits is 'Support and admins: lists the earlier texts of a message that was changed, the oldest first. Errors: forbidden.';
revoke all on function private.list_message_edits(uuid, bigint), public.message_edits(uuid, bigint) from public, anon, authenticated, service_role;
grant execute on function private.list_message_edits(uuid, bigint), public.message_edits(uuid, bigint) to authenticated;

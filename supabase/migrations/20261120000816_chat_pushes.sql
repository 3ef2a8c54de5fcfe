-- Chat: telling people who are away that they were written to.
-- Rule kept here: a message costs the sender one look into an index; after the grace, one row of the outbox decides for all
-- members. What is shown is read when it is sent, so a text that was deleted or changed meanwhile is never shown.
-- Left out on purpose: the inbox of notifications, which messages would fill; and presence: an app that shows a conversation
-- marks it as read, and that is what the database knows.

alter table private.settings
  add constraint settings_chat_push_seconds check (key <> 'chat_push_seconds' or private.is_whole(value, 0, 3600));
insert into private.settings (key, value, description) values
  ('chat_push_seconds', '15', 'Seconds after a message in which anybody who reads it gets no push; 0 to 3,600.');

-- Not logged: after a crash it is empty, and the rows of the outbox are still there.
create unlogged table private.chat_push_windows (
  conversation_id uuid primary key,
  opened_at timestamptz not null default now()
);
comment on table private.chat_push_windows is 'Conversations in which somebody wrote, and whose members are told at the end of the grace. Further messages add nothing.';
select private.hold_no_persons('private.chat_push_windows');

select private.register_topic('chat_push', 'conversation_id');

create function private.open_push_window()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  insert into private.chat_push_windows (conversation_id) values (new.conversation_id) on conflict do nothing;
  if found then
    insert into private.outbox (topic, payload, dedupe_key, available_at)
    values ('chat_push', jsonb_build_object('conversation_id', new.conversation_id), new.conversation_id || ':' || new.seq,
      now() + make_interval(secs => private.setting('chat_push_seconds')::int));
  end if;
  return null;
end
$$;
create trigger open_push_window after insert on public.messages
  for each row when (new.kind = 'text') execute function private.open_push_window();

insert into public.notification_templates (code, locale, category, title, body) values
  ('chat_message', 'en', 'chat', '{{sender}}', '{{text}}'),
  ('chat_message', 'vi', 'chat', '{{sender}}', '{{text}}'),
  ('chat_message_group', 'en', 'chat', '{{group}}', '{{sender}}: {{text}}'),
  ('chat_message_group', 'vi', 'chat', '{{group}}', '{{sender}}: {{text}}'),
  ('chat_attachment', 'en', 'chat', 'Attachment', 'Sent an attachment.'),
  ('chat_attachment', 'vi', 'chat', 'Tệp đính kèm', 'Đã gửi một tệp đính kèm.'),
  ('message_request', 'en', 'chat', 'Message request', '{{sender}} would like to write to you. Accept or decline in the app.'),
  ('message_request', 'vi', 'chat', 'Yêu cầu nhắn tin', '{{sender}} muốn nhắn tin cho bạn. Vui lòng chấp nhận hoặc từ chối trong ứng dụng.'),
  ('group_invitation', 'en', 'chat', 'Invitation to a group', '{{sender}} invites you to a group. Accept or decline in the app.'),
  ('group_invitation', 'vi', 'chat', 'Lời mời vào nhóm', '{{sender}} mời bạn vào một nhóm. Vui lòng chấp nhận hoặc từ chối trong ứng dụng.');

-- An invitation to a group is a move; a request shows only with its first message (announce_messages). Neither says what was
-- written, and the title of a group is written too.
create function private.addressees(p_member public.conversation_members)
returns private.addressee[]
language plpgsql stable set search_path = ''
as $$
begin
  return array[('invited', p_member.user_id)]::private.addressee[];
end
$$;
create function private.notification_data(p_member public.conversation_members)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('conversation_id', c.id, 'kind', c.kind, 'sender', coalesce(nullif(p.display_name, ''), '—'))
    from public.conversations c left join public.profiles p on p.id = p_member.invited_by
    where c.id = p_member.conversation_id
  );
end
$$;
insert into private.notification_audiences (machine, audience) values ('conversation_member', 'invited');
insert into private.notification_rules (machine, event, audience, template, channels, only_if) values
  ('conversation_member', 'invite', 'invited', 'group_invitation', '{in_app}', '{"kind": "group"}'),
  ('conversation_member', 'invite_back', 'invited', 'group_invitation', '{in_app}', '{"kind": "group"}'),
  ('conversation_member', 'invite_again', 'invited', 'group_invitation', '{in_app}', '{"kind": "group"}');

insert into private.delivery_reasons (code, status, message_en, message_vi) values
  ('request_answered', 'void', 'You had answered it before it was sent.', 'Bạn đã phản hồi trước khi thông báo được gửi.'),
  ('chat_read', 'void', 'You had read the messages, or they were deleted, before it was sent.', 'Bạn đã đọc tin nhắn, hoặc tin nhắn đã bị xóa, trước khi thông báo được gửi.'),
  ('chat_left', 'void', 'You no longer take part in this conversation.', 'Bạn không còn tham gia cuộc trò chuyện này.'),
  ('chat_muted', 'suppressed', 'You have muted this conversation.', 'Bạn đã tắt thông báo cuộc trò chuyện này.');
create function private.void_chat_request(p_note public.notifications)
returns text
language sql stable set search_path = ''
as $$
  select case when not exists (
    select from public.conversation_members m
    where m.conversation_id = (p_note.data ->> 'conversation_id')::uuid and m.user_id = p_note.user_id and m.status = 'invited'
  ) then 'request_answered' end
$$;
insert into private.notification_causes (template, function_name) values
  ('message_request', 'void_chat_request'), ('group_invitation', 'void_chat_request');

-- The newest message of others that a person may read, has not read, and would be told of: not one of somebody with whom there
-- is a block, unless the two have a trip that goes on and write in spite of it. A null row when there is none. The plan is kept,
-- and reads one of the partitions.
create function private.unread_message(p_conversation_id uuid, p_user_id uuid, p_mentioned boolean default false)
returns public.messages
language plpgsql stable set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_readable int8multirange;
  v_read_seq bigint;
  v_kind text;
  v_message public.messages;
begin
  select m.readable, k.read_seq, c.kind into v_readable, v_read_seq, v_kind
  from public.conversation_members m
  join public.conversation_markers k on k.user_id = m.user_id and k.conversation_id = m.conversation_id
  join public.conversations c on c.id = m.conversation_id
  where m.conversation_id = p_conversation_id and m.user_id = p_user_id and m.status = 'active';
  for v_message in
    select * from public.messages x
    where x.conversation_id = p_conversation_id and x.seq > v_read_seq and v_readable @> x.seq
      and x.kind = 'text' and x.deleted_at is null and x.hidden_at is null and x.sender_id <> p_user_id and (not p_mentioned or p_user_id = any (x.mentions))
    order by x.seq desc
  loop
    if not private.is_blocked(p_user_id, v_message.sender_id)
       or (v_kind = 'direct' and private.are_acquainted(p_user_id, v_message.sender_id, true)) then
      return v_message;
    end if;
  end loop;
  return null;
end
$$;

-- Why a person is not told of a conversation now, or null. Anybody who is mentioned is told although the conversation is muted.
create function private.chat_push_problem(p_conversation_id uuid, p_user_id uuid)
returns text
language plpgsql stable set search_path = ''
as $$
begin
  if not exists (select from public.conversation_members where conversation_id = p_conversation_id and user_id = p_user_id and status = 'active') then
    return 'chat_left';
  elsif (private.unread_message(p_conversation_id, p_user_id)).seq is null then
    return 'chat_read';
  elsif exists (select from public.conversation_markers where user_id = p_user_id and conversation_id = p_conversation_id and muted_until > now())
    and (private.unread_message(p_conversation_id, p_user_id, true)).seq is null then
    return 'chat_muted';
  end if;
  return null;
end
$$;
create function private.delivery_void_chat(p_delivery public.deliveries)
returns text
language sql stable set search_path = ''
as $$ select private.chat_push_problem(p_delivery.subject_id, p_delivery.user_id) $$;

-- The newest message that is unread, as the screen of a phone shows it.
create function private.delivery_message_chat(p_delivery public.deliveries)
returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_message public.messages;
  v_group text := (select title from public.conversations where id = p_delivery.subject_id);
  v_locale text := (select locale from public.profiles where id = p_delivery.user_id);
  v_text public.notification_templates;
  v_code text := case when v_group is null then 'chat_message' else 'chat_message_group' end;
  v_data jsonb;
begin
  v_message := private.unread_message(p_delivery.subject_id, p_delivery.user_id);
  if v_message.seq is null then
    return null;
  end if;
  select jsonb_build_object('group', v_group, 'sender', coalesce(nullif(p.display_name, ''), '—'), 'text', coalesce(
    left(regexp_replace(v_message.body, '\s+', ' ', 'g'), 150) || case when char_length(v_message.body) > 150 then '…' else '' end,
    (select t.body from public.notification_templates t where t.code = 'chat_attachment' and t.locale = v_locale order by t.version desc limit 1)
  )) into v_data
  from public.profiles p where p.id = v_message.sender_id;
  select * into strict v_text from public.notification_templates where code = v_code and locale = v_locale order by version desc limit 1;
  return jsonb_build_object('locale', v_locale, 'template', v_code, 'title', private.render(v_text.title, v_data, v_locale), 'body', private.render(v_text.body, v_data, v_locale),
    'badge', private.unread_count(p_delivery.user_id), 'collapse_key', 'chat:' || p_delivery.subject_id,
    'data', jsonb_build_object('conversation_id', p_delivery.subject_id, 'seq', v_message.seq, 'category', 'chat', 'template', v_code));
end
$$;
insert into private.delivery_sources (name, name_en, name_vi) values ('chat', 'messages', 'tin nhắn');

-- At the end of the grace, in a transaction of its own: who writes holds the conversation until the commit, so a message is
-- either there when announce_messages looks, or opens the next window. Looking takes long in a big group, and holds no lock.
create function private.close_push_window(p_conversation_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform from public.conversations where id = p_conversation_id for no key update;
  delete from private.chat_push_windows where conversation_id = p_conversation_id;
end
$$;
create function public.close_push_window(conversation_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.close_push_window(conversation_id) $$;
comment on function public.close_push_window is 'Ends the time in which messages of a conversation are told together; the next one begins another. Call it before announce_messages, and not in one transaction with it. Repeatable. Service only.';
select private.expose('close_push_window(uuid)', 'service_role');

create function private.announce_messages(p_conversation_id uuid)
returns int
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_count int;
begin
  perform private.notify(m.user_id, 'message_request', private.notification_data(m), 'request ' || m.id)
  from public.conversation_members m
  join public.conversations c on c.id = m.conversation_id and c.kind = 'direct'
  where m.conversation_id = p_conversation_id and m.status = 'invited' and not private.is_blocked(m.user_id, m.invited_by)
    and exists (
      select from public.messages x
      where x.conversation_id = m.conversation_id and x.seq >= m.reads_from and x.sender_id = m.invited_by and x.deleted_at is null and x.hidden_at is null)
  order by m.user_id;
  -- only where there is a device to send to: a row for everybody else, for every burst, would say nothing new
  with queued as (
    insert into public.deliveries (user_id, source, subject_id, category, channel)
    select m.user_id, 'chat', p_conversation_id, 'chat', 'push'
    from public.conversation_members m
    where m.conversation_id = p_conversation_id and m.status = 'active'
      and exists (select from private.devices d where d.user_id = m.user_id)
      and private.chat_push_problem(p_conversation_id, m.user_id) is null
    on conflict do nothing
    returning id
  )
  insert into private.outbox (topic, payload, dedupe_key) select 'push', jsonb_build_object('delivery_id', id), id::text from queued;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
create function public.announce_messages(conversation_id uuid)
returns int
language sql volatile set search_path = ''
as $$ select private.announce_messages(conversation_id) $$;
comment on function public.announce_messages is 'After close_push_window: tells the members of a conversation who are away what was written: queues one push for each who has something unread and a device, and tells a message request to whom it is for, without its text. Answers how many pushes were queued. Repeatable. Service only.';
select private.expose('announce_messages(uuid)', 'service_role');

-- A window whose row of the outbox was lost would keep its conversation silent.
create function private.reopen_push_windows()
returns void
language sql volatile set search_path = ''
as $$
  with late as (
    update private.chat_push_windows w set opened_at = now()
    where w.opened_at < now() - interval '10 minutes' - make_interval(secs => private.setting('chat_push_seconds')::int)
    returning conversation_id
  )
  insert into private.outbox (topic, payload, dedupe_key)
  select 'chat_push', jsonb_build_object('conversation_id', conversation_id), conversation_id || ':again:' || extract(epoch from now())::bigint from late
$$;
select private.schedule_job('journey_chat_push_windows', 'Tells people of messages whose announcement was lost.',
  '*/10 * * * *', '1 hour', 'select private.reopen_push_windows()');

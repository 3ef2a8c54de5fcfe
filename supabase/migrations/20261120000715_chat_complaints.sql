-- Chat: the conversation of a complaint.
-- Rule kept here: its parties are in it without being asked, whatever was blocked or declined, and stay in it: only staff
-- bring people in or take them out. When it is closed only staff write, and nobody changes what was written.
-- Left out on purpose: the complaint itself, which opens and closes it.

alter table public.conversations
  add column closed_at timestamptz,
  drop constraint conversations_kind_known,
  add constraint conversations_kind_known check (kind in ('direct', 'group', 'support', 'complaint')),
  add constraint conversations_only_complaints_close check (closed_at is null or kind = 'complaint');
comment on column public.conversations.closed_at is 'Of a complaint: since then only staff write in it. Null while it is open.';

insert into public.conversation_texts (code, locale, text) values
  ('complaint_opened', 'en', '{{name}} opened a complaint. Support reads and writes here as well.'),
  ('complaint_opened', 'vi', '{{name}} đã mở khiếu nại. Bộ phận hỗ trợ cũng đọc và trả lời tại đây.'),
  ('complaint_closed', 'en', 'The complaint is closed.'),
  ('complaint_closed', 'vi', 'Khiếu nại đã được đóng.'),
  ('complaint_reopened', 'en', 'The complaint is open again.'),
  ('complaint_reopened', 'vi', 'Khiếu nại đã được mở lại.'),
  ('complaint_member_added', 'en', 'Support brought {{name}} into the conversation.'),
  ('complaint_member_added', 'vi', 'Bộ phận hỗ trợ đã thêm {{name}} vào cuộc trò chuyện.'),
  ('complaint_member_removed', 'en', '{{name}} is no longer in the conversation.'),
  ('complaint_member_removed', 'vi', '{{name}} không còn trong cuộc trò chuyện.');

-- The parties are in it at once. p_data goes into the first message, such as {booking_id}. p_id: the id that the complaint
-- has written down already.
create function private.open_complaint_conversation(p_complainant_id uuid, p_party_ids uuid[], p_data jsonb default '{}', p_id uuid default gen_random_uuid())
returns public.conversations
language plpgsql volatile set search_path = ''
as $$
declare
  v_conversation public.conversations;
begin
  insert into public.conversations (id, kind, owner_id) values (p_id, 'complaint', p_complainant_id) returning * into v_conversation;
  perform private.put_member(v_conversation, u, 'member', 'active', null)
  from (select distinct u from unnest(p_complainant_id || p_party_ids) u order by u) p;
  perform private.speak(v_conversation.id, p_data || jsonb_build_object('code', 'complaint_opened', 'user_id', p_complainant_id));
  select * into strict v_conversation from public.conversations where id = v_conversation.id;
  return v_conversation;
end
$$;
comment on function private.open_complaint_conversation is 'For the module of complaints, in the transaction that opens one: makes its conversation. Nobody is asked, and a block changes nothing. Staff join by join_support_conversation.';

-- Closes it or opens it again, as the complaint says.
create function private.close_complaint_conversation(p_conversation_id uuid, p_closed boolean default true)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.number_notifications();
  update public.conversations set closed_at = case when p_closed then clock_timestamp() end
  where id = p_conversation_id and kind = 'complaint' and (closed_at is null) = p_closed;
  if found then
    perform private.speak(p_conversation_id, jsonb_build_object('code', case when p_closed then 'complaint_closed' else 'complaint_reopened' end));
  end if;
end
$$;
comment on function private.close_complaint_conversation is 'For the module of complaints: closes a conversation, or with false opens it again. Repeatable.';

-- Whether this person only reads in a conversation.
create function private.is_closed_to(p_conversation_id uuid)
returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (select from public.conversations where id = p_conversation_id and closed_at is not null) and not private.is_staff();
end
$$;

-- Staff: who is in it.
create function private.lock_complaint(p_conversation_id uuid)
returns public.conversations
language plpgsql volatile set search_path = ''
as $$
declare
  v_conversation public.conversations;
begin
  perform private.require_staff();
  select * into v_conversation from public.conversations where id = p_conversation_id and kind = 'complaint' for no key update;
  if not found then
    perform private.fail('conversation_not_found');
  end if;
  return v_conversation;
end
$$;

create function private.add_complaint_member(p_conversation_id uuid, p_user_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_conversation public.conversations := private.lock_complaint(p_conversation_id);
begin
  if not exists (select from public.profiles where id = p_user_id and deleted_at is null) then
    perform private.fail('not_found');
  end if;
  if not exists (select from public.conversation_members where conversation_id = p_conversation_id and user_id = p_user_id and status = 'active') then
    v_conversation := private.say(v_conversation, jsonb_build_object('code', 'complaint_member_added', 'user_id', p_user_id));
    -- who is brought in needs what was said before
    v_conversation.last_seq := 0;
    perform private.put_member(v_conversation, p_user_id, 'member', 'active', auth.uid());
    select * into strict v_conversation from public.conversations where id = p_conversation_id;
    perform private.tell_of_messages(v_conversation);
    perform private.tell_of_members(v_conversation);
  end if;
end
$$;
create function public.add_complaint_member(conversation_id uuid, user_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.add_complaint_member(conversation_id, user_id) $$;
comment on function public.add_complaint_member is 'Support and admins: brings a person into the conversation of a complaint, who reads all of it. Repeatable. Errors: forbidden, conversation_not_found, not_found.';
select private.expose('add_complaint_member(uuid, uuid)', 'authenticated');

create function private.remove_complaint_member(p_conversation_id uuid, p_user_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_conversation public.conversations := private.lock_complaint(p_conversation_id);
begin
  if p_user_id = v_conversation.owner_id then
    -- whose complaint it is
    perform private.fail('forbidden');
  end if;
  if exists (select from public.conversation_members where conversation_id = p_conversation_id and user_id = p_user_id and status = 'active') then
    v_conversation := private.say(v_conversation, jsonb_build_object('code', 'complaint_member_removed', 'user_id', p_user_id));
    perform private.end_membership(v_conversation, p_user_id, 'removed');
    perform private.tell_person(p_user_id, p_conversation_id);
    perform private.tell_of_messages(v_conversation);
    perform private.tell_of_members(v_conversation);
  elsif not exists (select from public.conversation_members where conversation_id = p_conversation_id and user_id = p_user_id) then
    perform private.fail('not_found');
  end if;
end
$$;
create function public.remove_complaint_member(conversation_id uuid, user_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.remove_complaint_member(conversation_id, user_id) $$;
comment on function public.remove_complaint_member is 'Support and admins: takes a person, also themselves, out of the conversation of a complaint. What was written until then stays readable. The one who complains stays. Repeatable. Errors: forbidden, conversation_not_found, not_found.';
select private.expose('remove_complaint_member(uuid, uuid)', 'authenticated');

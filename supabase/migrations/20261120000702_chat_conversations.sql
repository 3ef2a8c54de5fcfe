-- Chat: opening conversations, and the people in them.
-- Rule kept here: a stranger is asked and not added; who declined is not asked again; a block ends what waits. A group
-- with members has an admin. Commands lock the conversation first, so that its numbers and its people change in one order.
-- Left out on purpose: writing, which is chat_messages.

-- Who knows whom, by what modules know of people: their functions (a, b) answer whether the two have had to do with each
-- other, and whether they have now.
create table private.chat_acquaintances (
  function_name text primary key,
  live_function_name text not null
);
comment on table private.chat_acquaintances is 'Functions (uuid, uuid) returns boolean of modules: function_name says whether two people have agreed on something, so that they write to each other without a request; live_function_name says whether it goes on now, so that they may write in spite of a block.';
create function private.check_acquaintance()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.require_function(new.function_name, 'uuid, uuid', 'boolean');
  perform private.require_function(new.live_function_name, 'uuid, uuid', 'boolean');
  return new;
end
$$;
create trigger functions_exist before insert or update on private.chat_acquaintances
  for each row execute function private.check_acquaintance();

create function private.are_acquainted(p_a uuid, p_b uuid, p_live boolean default false)
returns boolean
language plpgsql stable set search_path = ''
as $$
declare
  v_function text;
  v_answer boolean;
begin
  for v_function in select case when p_live then a.live_function_name else a.function_name end from private.chat_acquaintances a loop
    execute format('select private.%I($1, $2)', v_function) into v_answer using p_a, p_b;
    if v_answer then
      return true;
    end if;
  end loop;
  return false;
end
$$;

-- Locks the conversation and answers it; for everybody who does not take part it does not exist.
create function private.lock_conversation(p_conversation_id uuid, p_user_id uuid)
returns public.conversations
language plpgsql volatile set search_path = ''
as $$
declare
  v_conversation public.conversations;
begin
  select c.* into v_conversation from public.conversations c
  where c.id = p_conversation_id and exists (
    select from public.conversation_members m where m.conversation_id = c.id and m.user_id = p_user_id and m.status = 'active')
  for no key update;
  if not found then
    perform private.fail('conversation_not_found');
  end if;
  return v_conversation;
end
$$;

-- Puts a person into a conversation, or asks. The conversation is locked.
create function private.put_member(p_conversation public.conversations, p_user_id uuid, p_role text, p_status text, p_invited_by uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  -- a direct conversation has no time before its two people
  v_from bigint := case p_conversation.kind when 'direct' then 1 else p_conversation.last_seq + 1 end;
begin
  insert into public.conversation_members as m (conversation_id, user_id, role, status, invited_by, reads_from, readable)
  values (p_conversation.id, p_user_id, p_role, p_status, p_invited_by, v_from,
    case p_status when 'active' then int8multirange(int8range(v_from, null)) else '{}' end)
  on conflict (conversation_id, user_id) do update
  set role = p_role, status = p_status, invited_by = p_invited_by, reads_from = excluded.reads_from,
      readable = m.readable + excluded.readable;
  insert into public.conversation_markers as k (conversation_id, user_id, read_seq)
  values (p_conversation.id, p_user_id, v_from - 1)
  on conflict (user_id, conversation_id) do update set read_seq = greatest(k.read_seq, excluded.read_seq);
end
$$;

-- Ends somebody's part: what was readable stays so, what comes is not.
create function private.end_membership(p_conversation public.conversations, p_user_id uuid, p_status text)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.conversation_members
  set status = p_status, role = 'member', readable = readable * int8multirange(int8range(1, p_conversation.last_seq, '[]'))
  where conversation_id = p_conversation.id and user_id = p_user_id;
end
$$;

-- Everybody who takes part hears on their own topic that there is something new.
create function private.ring_members(p_conversation_id uuid, p_last_seq bigint, p_last_change bigint)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.broadcast_to_users('conversation',
    jsonb_build_object('conversation_id', p_conversation_id, 'last_seq', p_last_seq, 'last_change', p_last_change),
    array(select m.user_id from public.conversation_members m where m.conversation_id = p_conversation_id and m.status = 'active'));
end
$$;

-- After a message or a change of one; who has the conversation open hears it there as well.
create function private.tell_of_messages(p_conversation public.conversations)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.broadcast('conversation:' || p_conversation.id, 'changed',
    jsonb_build_object('last_seq', p_conversation.last_seq, 'last_change', p_conversation.last_change));
  perform private.ring_members(p_conversation.id, p_conversation.last_seq, p_conversation.last_change);
end
$$;

-- After a change of its people or its title, which a system message may have told as well.
create function private.tell_of_members(p_conversation public.conversations)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.broadcast('conversation:' || p_conversation.id, 'members', '{}');
  perform private.ring_members(p_conversation.id, p_conversation.last_seq, p_conversation.last_change);
end
$$;

create function private.tell_person(p_user_id uuid, p_conversation_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.broadcast('user:' || p_user_id, 'conversation',
    jsonb_build_object('conversation_id', c.id, 'last_seq', c.last_seq, 'last_change', c.last_change))
  from public.conversations c where c.id = p_conversation_id;
end
$$;

-- The one conversation of two people, locked. Made when there is none.
create function private.lock_direct(p_a uuid, p_b uuid)
returns public.conversations
language plpgsql volatile set search_path = ''
as $$
declare
  v_conversation public.conversations;
begin
  insert into public.conversations (kind, first_user_id, second_user_id)
  values ('direct', least(p_a, p_b), greatest(p_a, p_b))
  on conflict on constraint conversations_one_per_pair do nothing;
  select * into strict v_conversation from public.conversations
  where first_user_id = least(p_a, p_b) and second_user_id = greatest(p_a, p_b)
  for no key update;
  return v_conversation;
end
$$;

-- Makes two people who have to talk take part, whatever was asked or declined before.
create function private.connect_direct(p_conversation public.conversations, p_user_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_status text := (
    select status from public.conversation_members where conversation_id = p_conversation.id and user_id = p_user_id
  );
begin
  if v_status is distinct from 'active' then
    perform private.put_member(p_conversation, p_user_id, 'member', 'active', null);
  end if;
end
$$;

create function private.open_direct_conversation(p_user_id uuid)
returns public.conversations
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_conversation public.conversations;
  v_acquainted boolean;
  v_live boolean;
begin
  perform private.take_token('change_conversation', v_user_id::text);
  if p_user_id is null or p_user_id = v_user_id then
    perform private.fail_input('user_id', 'must be the id of somebody else');
  end if;
  if not exists (select from public.profiles where id = p_user_id and deleted_at is null) then
    perform private.fail('not_found');
  end if;
  v_acquainted := private.are_acquainted(v_user_id, p_user_id);
  -- a block and a suspension leave people a trip that goes on
  v_live := v_acquainted and private.are_acquainted(v_user_id, p_user_id, true);
  if not v_live then
    if private.is_blocked(v_user_id, p_user_id) then
      perform private.fail('conversation_closed');
    end if;
    perform private.require_not_suspended(v_user_id);
  end if;
  v_conversation := private.lock_direct(v_user_id, p_user_id);
  perform private.connect_direct(v_conversation, v_user_id);
  if v_acquainted then
    perform private.connect_direct(v_conversation, p_user_id);
  elsif not exists (select from public.conversation_members where conversation_id = v_conversation.id and user_id = p_user_id) then
    perform private.take_token('request_conversation', v_user_id::text);
    perform private.put_member(v_conversation, p_user_id, 'member', 'invited', v_user_id);
  end if;
  return v_conversation;
end
$$;
create function public.open_direct_conversation(user_id uuid)
returns public.conversations
language sql volatile set search_path = ''
as $$ select private.open_direct_conversation(user_id) $$;
comment on function public.open_direct_conversation is 'Answers the one conversation of the caller with another person, and makes it when there is none. People who have a booking with each other write at once. Anybody else is asked: it is a message request until it is accepted, and the first message shows that it waits. Opening a request that one got accepts it. Repeatable. Errors: not_found, conversation_closed, account_suspended, invalid_input, rate_limited.';
select private.expose_limited('open_direct_conversation(uuid)', 'change_conversation', 'auth.uid()', 'authenticated');

-- A group fits, or the error says so. The conversation is locked.
create function private.require_room(p_conversation_id uuid, p_more int)
returns void
language plpgsql stable set search_path = ''
as $$
declare
  v_most int := private.setting('chat_group_members')::int;
begin
  if p_more + (
    select count(*) from public.conversation_members where conversation_id = p_conversation_id and status in ('active', 'invited')
  ) > v_most then
    perform private.fail('group_full', jsonb_build_object('max_members', v_most));
  end if;
end
$$;

-- Adds who knows the actor, asks anybody else, and leaves out silently who has declined or has a block with the actor:
-- the actor must not learn which of the two it is. Answers how many were asked.
create function private.bring_in(p_conversation public.conversations, p_actor_id uuid, p_user_ids uuid[])
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_other uuid;
  v_status text;
  v_asked int := 0;
begin
  for v_other in select distinct u from unnest(p_user_ids) u where u <> p_actor_id order by u loop
    v_status := (select status from public.conversation_members where conversation_id = p_conversation.id and user_id = v_other);
    continue when v_status in ('active', 'invited', 'declined') or private.is_blocked(p_actor_id, v_other);
    if v_status is distinct from 'left' and private.are_acquainted(p_actor_id, v_other) then
      perform private.put_member(p_conversation, v_other, 'member', 'active', p_actor_id);
    else
      v_asked := v_asked + 1;
      perform private.put_member(p_conversation, v_other, 'member', 'invited', p_actor_id);
    end if;
    perform private.tell_person(v_other, p_conversation.id);
  end loop;
  return v_asked;
end
$$;

create function private.require_people(p_user_ids uuid[])
returns void
language plpgsql stable set search_path = ''
as $$
begin
  if coalesce(cardinality(p_user_ids), 0) not between 1 and 50 or array_position(p_user_ids, null) is not null then
    perform private.fail_input('user_ids', 'must be 1 to 50 ids');
  end if;
  if exists (select from unnest(p_user_ids) u where not exists (select from public.profiles p where p.id = u and p.deleted_at is null)) then
    perform private.fail('not_found');
  end if;
end
$$;

create function private.require_title(p_title text)
returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_title text := private.tidy_text(p_title);
begin
  if coalesce(char_length(v_title), 0) not between 1 and 80 then
    perform private.fail_input('title', 'must have 1 to 80 characters');
  end if;
  return v_title;
end
$$;

create function private.create_group(p_title text, p_user_ids uuid[], p_idempotency_key uuid)
returns public.conversations
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_answer jsonb;
  v_title text;
  v_conversation public.conversations;
begin
  perform private.take_token('change_conversation', v_user_id::text);
  perform private.require_not_suspended(v_user_id);
  v_title := private.require_title(p_title);
  perform private.require_people(p_user_ids);
  v_answer := private.begin_command('create_group', p_idempotency_key, jsonb_build_object('title', v_title, 'user_ids', p_user_ids));
  if v_answer is not null then
    return jsonb_populate_record(null::public.conversations, v_answer);
  end if;
  insert into public.conversations (kind, title, owner_id) values ('group', v_title, v_user_id) returning * into v_conversation;
  perform private.put_member(v_conversation, v_user_id, 'admin', 'active', null);
  perform private.require_room(v_conversation.id, cardinality(p_user_ids));
  v_conversation := private.say(v_conversation, jsonb_build_object('code', 'group_created', 'user_id', v_user_id, 'title', v_title));
  perform private.take_token('request_conversation', v_user_id::text)
  from generate_series(1, private.bring_in(v_conversation, v_user_id, p_user_ids));
  perform private.finish_command(p_idempotency_key, to_jsonb(v_conversation));
  return v_conversation;
end
$$;
create function public.create_group(title text, user_ids uuid[], idempotency_key uuid)
returns public.conversations
language sql volatile set search_path = ''
as $$ select private.create_group(title, user_ids, idempotency_key) $$;
comment on function public.create_group is 'Starts a group with the caller as its admin. `title` has 1–80 characters, `user_ids` 1–50 people. Those who have a booking with the caller are in it at once; anybody else gets an invitation. Who has declined before, or has a block with the caller, is left out without a word. Repeatable with its key. Errors: invalid_input, not_found, group_full, account_suspended, rate_limited.';
select private.expose_limited('create_group(text, uuid[], uuid)', 'change_conversation', 'auth.uid()', 'authenticated');

-- The conversation, locked, for a group's member with one of these roles.
create function private.lock_group(p_conversation_id uuid, p_user_id uuid, variadic p_roles text[])
returns public.conversations
language plpgsql volatile set search_path = ''
as $$
declare
  v_conversation public.conversations := private.lock_conversation(p_conversation_id, p_user_id);
begin
  if v_conversation.kind <> 'group' then
    perform private.fail('conversation_not_found');
  end if;
  if (select role from public.conversation_members where conversation_id = p_conversation_id and user_id = p_user_id) <> all (p_roles) then
    perform private.fail('forbidden');
  end if;
  return v_conversation;
end
$$;

create function private.add_members(p_conversation_id uuid, p_user_ids uuid[])
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_conversation public.conversations;
begin
  perform private.take_token('change_conversation', v_user_id::text);
  perform private.require_not_suspended(v_user_id);
  perform private.require_people(p_user_ids);
  v_conversation := private.lock_group(p_conversation_id, v_user_id, 'admin', 'moderator');
  perform private.require_room(p_conversation_id, (
    select count(distinct u)::int from unnest(p_user_ids) u
    where not exists (select from public.conversation_members m where m.conversation_id = p_conversation_id and m.user_id = u and m.status in ('active', 'invited'))
  ));
  perform private.take_token('request_conversation', v_user_id::text)
  from generate_series(1, private.bring_in(v_conversation, v_user_id, p_user_ids));
  perform private.tell_of_members(v_conversation);
end
$$;
create function public.add_members(conversation_id uuid, user_ids uuid[])
returns void
language sql volatile set search_path = ''
as $$ select private.add_members(conversation_id, user_ids) $$;
comment on function public.add_members is 'Admin or moderator of a group: adds people who have a booking with the caller, and invites anybody else, also those who have left. They read what is written from then on. Who has declined, or has a block with the caller, is left out without a word. Repeatable. Errors: conversation_not_found, forbidden, not_found, group_full, account_suspended, invalid_input, rate_limited.';
select private.expose_limited('add_members(uuid, uuid[])', 'change_conversation', 'auth.uid()', 'authenticated');

-- A group with members needs an admin, by whatever path its people change.
create function private.keep_group_admin()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  -- the lock makes two admins who leave at once come one after the other
  perform from public.conversations where id = old.conversation_id and kind = 'group' for no key update;
  if found
     and exists (select from public.conversation_members where conversation_id = old.conversation_id and status = 'active')
     and not exists (select from public.conversation_members where conversation_id = old.conversation_id and status = 'active' and role = 'admin') then
    perform private.fail('last_group_admin');
  end if;
  return null;
end
$$;
create trigger keep_group_admin after update of role, status on public.conversation_members
  for each row when (old.role = 'admin' and old.status = 'active' and (new.role <> 'admin' or new.status <> 'active'))
  execute function private.keep_group_admin();

create function private.remove_member(p_conversation_id uuid, p_user_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_conversation public.conversations;
  v_mine text;
  v_member public.conversation_members;
begin
  perform private.take_token('change_conversation', v_user_id::text);
  v_conversation := private.lock_group(p_conversation_id, v_user_id, 'admin', 'moderator');
  select * into v_member from public.conversation_members where conversation_id = p_conversation_id and user_id = p_user_id;
  if p_user_id is null or v_member.status is null then
    perform private.fail('not_found');
  end if;
  v_mine := (select role from public.conversation_members where conversation_id = p_conversation_id and user_id = v_user_id);
  if p_user_id = v_user_id or (v_mine = 'moderator' and v_member.role <> 'member') then
    perform private.fail('forbidden');
  end if;
  if v_member.status = 'active' then
    v_conversation := private.say(v_conversation, jsonb_build_object('code', 'member_removed', 'user_id', p_user_id));
    perform private.end_membership(v_conversation, p_user_id, 'removed');
    perform private.tell_person(p_user_id, v_conversation.id);
    perform private.tell_of_members(v_conversation);
  elsif v_member.status = 'invited' then
    -- withdrawn without a word: the request is gone from the list of who was asked
    update public.conversation_members set status = 'removed' where id = v_member.id;
    perform private.tell_person(p_user_id, v_conversation.id);
    perform private.tell_of_members(v_conversation);
  end if;
end
$$;
create function public.remove_member(conversation_id uuid, user_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.remove_member(conversation_id, user_id) $$;
comment on function public.remove_member is 'Admin or moderator of a group: removes a member, who keeps what was written until then and reads nothing after, or withdraws an invitation, of which nothing is said. A moderator removes members only. Repeatable. Errors: conversation_not_found, forbidden, not_found, last_group_admin, rate_limited.';
select private.expose_limited('remove_member(uuid, uuid)', 'change_conversation', 'auth.uid()', 'authenticated');

create function private.leave_conversation(p_conversation_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_conversation public.conversations;
begin
  perform private.take_token('change_conversation', v_user_id::text);
  if exists (
    select from public.conversation_members m join public.conversations c on c.id = m.conversation_id
    where m.conversation_id = p_conversation_id and m.user_id = v_user_id and m.status = 'left' and c.kind = 'group'
  ) then
    return;
  end if;
  v_conversation := private.lock_group(p_conversation_id, v_user_id, 'admin', 'moderator', 'member');
  v_conversation := private.say(v_conversation, jsonb_build_object('code', 'member_left', 'user_id', v_user_id));
  perform private.end_membership(v_conversation, v_user_id, 'left');
  perform private.tell_person(v_user_id, v_conversation.id);
  perform private.tell_of_members(v_conversation);
end
$$;
create function public.leave_conversation(conversation_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.leave_conversation(conversation_id) $$;
comment on function public.leave_conversation is 'Leaves a group. What was written until then stays readable. The last admin makes somebody else an admin first, unless nobody else is left. A direct conversation is archived and not left. Repeatable. Errors: conversation_not_found, forbidden, last_group_admin, rate_limited.';
select private.expose_limited('leave_conversation(uuid)', 'change_conversation', 'auth.uid()', 'authenticated');

create function private.set_member_role(p_conversation_id uuid, p_user_id uuid, p_role text)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_conversation public.conversations;
begin
  perform private.take_token('change_conversation', v_user_id::text);
  if p_role is null or p_role not in ('admin', 'moderator', 'member') then
    perform private.fail_input('role', 'must be admin, moderator or member');
  end if;
  v_conversation := private.lock_group(p_conversation_id, v_user_id, 'admin');
  update public.conversation_members set role = p_role
  where conversation_id = p_conversation_id and user_id = p_user_id and status = 'active';
  if not found then
    perform private.fail('not_found');
  end if;
  perform private.tell_of_members(v_conversation);
end
$$;
create function public.set_member_role(conversation_id uuid, user_id uuid, role text)
returns void
language sql volatile set search_path = ''
as $$ select private.set_member_role(conversation_id, user_id, role) $$;
comment on function public.set_member_role is 'Admin of a group: makes a member an admin, a moderator or a member. The last admin stays one. Repeatable. Errors: conversation_not_found, forbidden, not_found, last_group_admin, invalid_input, rate_limited.';
select private.expose_limited('set_member_role(uuid, uuid, text)', 'change_conversation', 'auth.uid()', 'authenticated');

create function private.rename_group(p_conversation_id uuid, p_title text)
returns public.conversations
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_title text;
  v_conversation public.conversations;
begin
  perform private.take_token('change_conversation', v_user_id::text);
  perform private.require_not_suspended(v_user_id);
  v_title := private.require_title(p_title);
  v_conversation := private.lock_group(p_conversation_id, v_user_id, 'admin');
  if v_conversation.title <> v_title then
    update public.conversations set title = v_title where id = p_conversation_id;
    v_conversation.title := v_title;
    v_conversation := private.say(v_conversation, jsonb_build_object('code', 'group_renamed', 'user_id', v_user_id, 'title', v_title));
    perform private.tell_of_members(v_conversation);
  end if;
  return v_conversation;
end
$$;
create function public.rename_group(conversation_id uuid, title text)
returns public.conversations
language sql volatile set search_path = ''
as $$ select private.rename_group(conversation_id, title) $$;
comment on function public.rename_group is 'Admin of a group: changes its title, 1–80 characters. Repeatable. Errors: conversation_not_found, forbidden, account_suspended, invalid_input, rate_limited.';
select private.expose_limited('rename_group(uuid, text)', 'change_conversation', 'auth.uid()', 'authenticated');

create function private.answer_request(p_conversation_id uuid, p_accept boolean)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_conversation public.conversations;
  v_status text;
begin
  perform private.take_token('change_conversation', v_user_id::text);
  if p_accept is null then
    perform private.fail_input('accept', 'must be given');
  end if;
  select c.* into v_conversation from public.conversations c
  where c.id = p_conversation_id and exists (
    select from public.conversation_members m where m.conversation_id = c.id and m.user_id = v_user_id)
  for no key update;
  select status into v_status from public.conversation_members where conversation_id = p_conversation_id and user_id = v_user_id;
  if v_status = (case when p_accept then 'active' else 'declined' end) then
    return;
  elsif v_status is distinct from 'invited' then
    perform private.fail('conversation_not_found');
  end if;
  update public.conversation_members
  set status = case when p_accept then 'active' else 'declined' end,
      -- everybody may have left since the invitation
      role = case when p_accept and v_conversation.kind = 'group' and not exists (
        select from public.conversation_members a where a.conversation_id = p_conversation_id and a.status = 'active' and a.role = 'admin'
      ) then 'admin' else role end,
      readable = readable + case when p_accept then int8multirange(int8range(reads_from, null)) else '{}' end
  where conversation_id = p_conversation_id and user_id = v_user_id;
  perform private.tell_person(v_user_id, p_conversation_id);
  if p_accept then
    if v_conversation.kind = 'group' then
      v_conversation := private.say(v_conversation, jsonb_build_object('code', 'member_joined', 'user_id', v_user_id));
    end if;
    perform private.tell_of_members(v_conversation);
  end if;
end
$$;
create function public.answer_request(conversation_id uuid, accept boolean)
returns void
language sql volatile set search_path = ''
as $$ select private.answer_request(conversation_id, accept) $$;
comment on function public.answer_request is 'Accepts or declines a message request or an invitation to a group. Nobody is told of a refusal, and nobody is asked again after one. Repeatable. Errors: conversation_not_found, invalid_input, rate_limited.';
select private.expose_limited('answer_request(uuid, boolean)', 'change_conversation', 'auth.uid()', 'authenticated');

-- A block ends requests that wait between the two, in both directions.
create function private.decline_requests_of_blocked()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  update public.conversation_members set status = 'declined'
  where status = 'invited' and (user_id, invited_by) in ((new.user_id, new.blocked_id), (new.blocked_id, new.user_id));
  return null;
end
$$;
create trigger decline_requests after insert on public.user_blocks
  for each row execute function private.decline_requests_of_blocked();

create function private.open_support_conversation()
returns public.conversations
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_conversation public.conversations;
begin
  perform private.take_token('change_conversation', v_user_id::text);
  insert into public.conversations (kind, owner_id) values ('support', v_user_id)
  on conflict (owner_id) where kind = 'support' do nothing;
  select * into strict v_conversation from public.conversations where kind = 'support' and owner_id = v_user_id for no key update;
  if not exists (select from public.conversation_members where conversation_id = v_conversation.id and user_id = v_user_id) then
    perform private.put_member(v_conversation, v_user_id, 'member', 'active', null);
  end if;
  return v_conversation;
end
$$;
create function public.open_support_conversation()
returns public.conversations
language sql volatile set search_path = ''
as $$ select private.open_support_conversation() $$;
comment on function public.open_support_conversation is 'Answers the caller''s conversation with support, and makes it when there is none. Repeatable. Errors: rate_limited.';
select private.expose_limited('open_support_conversation()', 'change_conversation', 'auth.uid()', 'authenticated');

create function private.join_support_conversation(p_conversation_id uuid)
returns public.conversations
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_conversation public.conversations;
begin
  perform private.require_staff();
  select * into v_conversation from public.conversations where id = p_conversation_id and kind in ('support', 'complaint') for no key update;
  if not found then
    perform private.fail('conversation_not_found');
  end if;
  if not exists (select from public.conversation_members where conversation_id = p_conversation_id and user_id = v_user_id and status = 'active') then
    -- who helps needs what was said before
    v_conversation.last_seq := 0;
    perform private.put_member(v_conversation, v_user_id, 'moderator', 'active', null);
    select * into strict v_conversation from public.conversations where id = p_conversation_id;
    perform private.tell_of_members(v_conversation);
  end if;
  return v_conversation;
end
$$;
create function public.join_support_conversation(conversation_id uuid)
returns public.conversations
language sql volatile set search_path = ''
as $$ select private.join_support_conversation(conversation_id) $$;
comment on function public.join_support_conversation is 'Support and admins: takes part in a person''s conversation with support, or in that of a complaint, and reads all of it. Repeatable. Errors: forbidden, conversation_not_found.';
select private.expose('join_support_conversation(uuid)', 'authenticated');

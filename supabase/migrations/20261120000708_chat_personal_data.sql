-- Chat: what becomes of conversations when a person deletes the account.
-- Rule kept here: what others were sent stays with them, under the name of a deleted user; what only the person saw goes. A
-- group is not left without somebody in charge.
-- Left out on purpose: deleting messages, which the person can do before.

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.conversations', '$1 in (r.owner_id, r.first_user_id, r.second_user_id)', 'retain', null, 'Belongs to the other people as well.'),
  ('public.conversation_members', 'r.user_id = $1', 'retain', null, 'Says who wrote what others keep.'),
  ('public.conversation_markers', 'r.user_id = $1', 'erase', null, 'Only its person saw it.'),
  ('public.messages', 'r.sender_id = $1', 'retain', null, 'Was sent to others, who keep it. A message that is to go is deleted before.'),
  ('private.message_edits', 'exists (select from public.messages m where m.conversation_id = r.conversation_id and m.seq = r.seq and m.sender_id = $1)',
    'erase', '{body,replaced_at}', 'A text that its sender had replaced.'),
  ('public.message_reactions', 'r.user_id = $1', 'erase', null, 'Says what the person thought.');
select private.retain_columns('public.conversations', 'Belongs to the group.', 'title');
select private.retain_columns('public.conversation_members', 'Who brought the person in.', 'invited_by');
select private.retain_columns('public.conversation_members', 'Which numbers may be read, and the part in the group.', 'readable');
select private.retain_columns('public.messages', 'Was sent to others.', 'body', 'data', 'mentions', 'client_message_id');
select private.hold_no_persons('private.chat_acquaintances', 'public.conversation_texts');

create function private.account_blocker_group_admin(p_user_id uuid)
returns setof uuid
language sql stable set search_path = ''
as $$
  select m.conversation_id
  from public.conversation_members m
  join public.conversations c on c.id = m.conversation_id and c.kind = 'group'
  where m.user_id = p_user_id and m.status = 'active' and m.role = 'admin'
    and exists (select from public.conversation_members o where o.conversation_id = c.id and o.user_id <> p_user_id and o.status = 'active')
    and not exists (
      select from public.conversation_members o
      where o.conversation_id = c.id and o.user_id <> p_user_id and o.status = 'active' and o.role = 'admin'
    )
$$;
insert into private.account_blockers (name, message_en, message_vi) values
  ('group_admin', 'You are the only admin of a group. Make somebody else an admin first.', 'Bạn là quản trị viên duy nhất của một nhóm. Vui lòng chỉ định quản trị viên khác trước.');

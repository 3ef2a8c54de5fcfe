-- Chat: the picture of a group.
-- Rule kept here: an admin of the group sets it, and its members see it. An earlier picture is erased.
-- Left out on purpose: its columns and constraints, which are in chat_tables.

insert into private.media_purposes (purpose, bucket, max_bytes, mime_types, per_day, hidden_from_staff) values
  ('group_avatar', 'group_avatars', 5242880, '{image/jpeg,image/png,image/webp,image/heic}', 20, true);
select private.show_media('group_avatar', 'exists (select from public.conversations c where c.avatar_media_id = media.id)', 'authenticated');

insert into public.conversation_texts (code, locale, text) values
  ('group_avatar_set', 'en', '{{name}} changed the picture of the group.'),
  ('group_avatar_set', 'vi', '{{name}} đã đổi ảnh nhóm.'),
  ('group_avatar_removed', 'en', '{{name}} removed the picture of the group.'),
  ('group_avatar_removed', 'vi', '{{name}} đã xóa ảnh nhóm.');

create function private.set_group_avatar(p_conversation_id uuid, p_media_id uuid)
returns public.conversations
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_former uuid;
  v_conversation public.conversations;
begin
  perform private.take_token('change_conversation', v_user_id::text);
  perform private.require_not_suspended(v_user_id);
  perform private.lock_uploads(array[p_media_id]);
  v_conversation := private.lock_group(p_conversation_id, v_user_id, 'admin');
  if v_conversation.avatar_media_id is not distinct from p_media_id then
    return v_conversation;
  end if;
  if p_media_id is not null then
    perform private.require_media(p_media_id, v_user_id, 'group_avatar');
    -- nobody learns later that it became ready
    if (select status from public.media where id = p_media_id) <> 'ready' then
      perform private.fail('media_not_ready', jsonb_build_object('media_id', p_media_id));
    elsif exists (select from public.conversations where avatar_media_id = p_media_id) then
      perform private.fail('media_in_use', jsonb_build_object('media_id', p_media_id));
    end if;
  end if;
  v_former := v_conversation.avatar_media_id;
  update public.conversations set avatar_media_id = p_media_id where id = p_conversation_id returning * into v_conversation;
  -- it is ready, so that the worker has no lock on it
  perform private.delete_media(v_former);
  v_conversation := private.say(v_conversation, jsonb_build_object(
    'code', case when p_media_id is null then 'group_avatar_removed' else 'group_avatar_set' end, 'user_id', v_user_id));
  perform private.tell_of_members(v_conversation);
  return v_conversation;
end
$$;
create function public.set_group_avatar(conversation_id uuid, media_id uuid)
returns public.conversations
language sql volatile set search_path = ''
as $$ select private.set_group_avatar(conversation_id, media_id) $$;
comment on function public.set_group_avatar is 'Admin of a group: sets its picture, an upload of purpose group_avatar that is ready, or removes it when `media_id` is null. Members see it. Repeatable. Errors: conversation_not_found, forbidden, account_suspended, media_not_found, media_not_ready, media_in_use, rate_limited.';
select private.expose_limited('set_group_avatar(uuid, uuid)', 'change_conversation', 'auth.uid()', 'authenticated');

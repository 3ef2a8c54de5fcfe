-- Chat: how other modules speak in conversations.
-- Rule kept here: what is said is a code with a text in every language, in the transaction of what it is about; inboxes are
-- locked before conversations, as everywhere.
-- Left out on purpose: what is said, which each module knows.

-- Says something in a conversation that exists, and tells its people.
create function private.speak(p_conversation_id uuid, p_data jsonb)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_conversation public.conversations;
begin
  if not exists (select from public.conversation_texts where code = p_data ->> 'code') then
    raise exception 'no text for the system message %', p_data ->> 'code';
  end if;
  perform private.number_notifications();
  select * into strict v_conversation from public.conversations where id = p_conversation_id for no key update;
  perform private.tell_of_messages(private.say(v_conversation, p_data));
end
$$;
comment on function private.speak is 'For modules: writes a system message {code, …}, whose code is in conversation_texts, into a conversation. Call it late in the transaction: it locks the inboxes of whom it has notified, and then the conversation.';

-- Says something to two people in the one conversation that they have, and with p_open also when they have none yet.
create function private.speak_between(p_a uuid, p_b uuid, p_data jsonb, p_open boolean default false)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_conversation public.conversations;
begin
  if not p_open and not exists (
    select from public.conversations where first_user_id = least(p_a, p_b) and second_user_id = greatest(p_a, p_b)
  ) then
    return;
  end if;
  perform private.number_notifications();
  v_conversation := private.lock_direct(p_a, p_b);
  if p_open then
    perform private.connect_direct(v_conversation, p_a);
    perform private.connect_direct(v_conversation, p_b);
  end if;
  perform private.speak(v_conversation.id, p_data);
end
$$;
comment on function private.speak_between is 'For modules, as private.speak: into the direct conversation of two people if there is one. With p_open it is made, and both take part whatever was asked or declined before: for people who have to talk.';

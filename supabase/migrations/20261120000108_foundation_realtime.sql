-- Foundation: broadcast from the database on private topics.
-- Rule kept here: `user:{id}` is read by that user alone and written by the database alone.
-- Left out on purpose: anything that depends on delivery; rows carry a sequence and clients repair gaps.

create policy select_own_inbox on realtime.messages
  for select to authenticated
  using (extension = 'broadcast' and topic = 'user:' || (select auth.uid())::text);

-- realtime.send is SECURITY INVOKER and swallows errors: called as the user it would be refused in silence.
create function private.broadcast(p_topic text, p_event text, p_payload jsonb)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform realtime.send(p_payload, p_event, p_topic, true);
end
$$;

-- One event for many people, as one statement: realtime.send has a subtransaction for each row, and a crowd waits for it. As
-- there, a day without a partition loses the event and not the write that it tells about.
create function private.broadcast_to_users(p_event text, p_payload jsonb, p_user_ids uuid[])
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  insert into realtime.messages (id, topic, event, payload, private, extension)
  select m.id, 'user:' || m.user_id, p_event, p_payload || jsonb_build_object('id', m.id), true, 'broadcast'
  from (select gen_random_uuid() as id, u as user_id from unnest(p_user_ids) u) m;
exception
  when check_violation or insufficient_privilege or undefined_table or undefined_column then
    raise warning 'An event % was not broadcast: %', p_event, sqlerrm;
end
$$;

-- What is broadcast, for the reference: npm run check compares it with the calls of the functions above.
create table private.broadcasts (
  topic text not null,
  event text not null,
  payload text not null,
  primary key (topic, event)
);
comment on table private.broadcasts is 'Every event that is broadcast: the form of its topic, and what its payload holds. docs/api.md is generated from it.';

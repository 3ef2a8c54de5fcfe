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

-- What is broadcast, for the reference: npm run check compares it with the calls of private.broadcast.
create table private.broadcasts (
  topic text not null,
  event text not null,
  payload text not null,
  primary key (topic, event)
);
comment on table private.broadcasts is 'Every event that is broadcast: the form of its topic, and what its payload holds. docs/api.md is generated from it.';

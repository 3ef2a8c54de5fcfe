-- Chat: who is online, and when somebody was last.
-- Rule kept here: being online is never a row: an app shows itself on the topic of its person while it is open, if the
-- profile allows it. It is seen by those who talk with the person in a direct conversation, and not across a block. When
-- somebody was last is written with a look of the app (sync_chat) and at most every five minutes, never with a heartbeat.
-- Left out on purpose: who has one conversation open, which is told on its own topic.

create table private.last_seen (
  user_id uuid primary key references public.profiles on delete cascade,
  seen_at timestamptz not null
) with (fillfactor = 50);
comment on table private.last_seen is 'When an app of a person looked last, to five minutes.';
comment on column private.last_seen.seen_at is 'Shown to others as long as the profile shows presence.';
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.last_seen', 'r.user_id = $1', 'erase', '{seen_at}', 'Says when the person used the app.');

create function private.mark_seen(p_user_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  -- looks first: an update that changes nothing would lock the row as well
  if not exists (select from private.last_seen where user_id = p_user_id and seen_at > now() - interval '5 minutes') then
    insert into private.last_seen (user_id, seen_at) values (p_user_id, now())
    on conflict (user_id) do update set seen_at = excluded.seen_at;
  end if;
end
$$;

-- The other people of the caller's direct conversations who show that they are there.
create function private.people_who_show_presence()
returns setof uuid
language plpgsql stable security definer set search_path = ''
as $$
begin
  return query
    select o.user_id
    from public.conversation_members m
    join public.conversations c on c.id = m.conversation_id and c.kind = 'direct'
    join public.conversation_members o on o.conversation_id = m.conversation_id and o.user_id <> m.user_id and o.status = 'active'
    join public.profiles p on p.id = o.user_id and p.shows_presence and p.deleted_at is null
    where m.user_id = auth.uid() and m.status = 'active' and not private.is_blocked(m.user_id, o.user_id);
end
$$;
create function private.my_presence_topics()
returns setof text
language plpgsql stable security definer set search_path = ''
as $$
begin
  return query select 'presence:' || u from (select auth.uid() as u union all select * from private.people_who_show_presence()) p;
end
$$;
grant execute on function private.my_presence_topics() to authenticated;
create policy select_presence on realtime.messages for select to authenticated
  using (extension in ('broadcast', 'presence') and topic in (select private.my_presence_topics()));
create policy insert_own_presence on realtime.messages for insert to authenticated
  with check (extension = 'presence' and topic = 'presence:' || (select auth.uid()) and (select private.shows_presence()));

create function private.last_seen(p_user_ids uuid[])
returns table (user_id uuid, last_seen_at timestamptz)
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform private.require_user();
  if p_user_ids is null or cardinality(p_user_ids) > 100 then
    perform private.fail_input('user_ids', 'must be at most 100 ids');
  end if;
  return query
    select l.user_id, l.seen_at from private.last_seen l
    where l.user_id = any (p_user_ids) and l.user_id in (select private.people_who_show_presence())
    order by l.user_id;
end
$$;
create function public.last_seen(user_ids uuid[])
returns table (user_id uuid, last_seen_at timestamptz)
language sql stable set search_path = ''
as $$ select * from private.last_seen($1) $$;
comment on function public.last_seen is 'Answers when an app of these people looked last, to five minutes: of at most 100 who talk with the caller in a direct conversation and whose profile shows presence. There is no row for anybody else. Whether somebody is online now is told on the topic presence:{user_id}. Errors: invalid_input.';
select private.expose('last_seen(uuid[])', 'authenticated');

-- Chat: what changed for a person since a device looked last, of conversations and notifications, in one snapshot.
-- Rule kept here: the cursor is the snapshot of the last look. What that snapshot could not see comes now, whole, so that
-- coming twice does no harm; nothing is passed over. What is too much to send is cut: `limited` says that a device begins
-- anew with what it gets.
-- Left out on purpose: names and pictures of people, which change without their conversations.

insert into private.rate_limits (action, capacity, per_minute) values
  ('sync_chat', 120, 120);
alter table private.settings
  add constraint settings_chat_sync_epoch check (key <> 'chat_sync_epoch' or private.is_whole(value, 1, 1000000));
insert into private.settings (key, value, description) values
  ('chat_sync_epoch', '1', 'Raise it after the database was restored from a backup: every device then begins anew, because what it has seen is another history.');

-- Reads and deletions of notifications, which have no number of their own.
create table private.notification_changes (
  notification_id uuid primary key references public.notifications on delete cascade,
  user_id uuid not null references public.profiles on delete cascade,
  changed_in xid8 not null
);
create index notification_changes_user_idx on private.notification_changes (user_id, changed_in);
comment on table private.notification_changes is 'The transaction in which a notification was read or deleted last.';
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.notification_changes', 'r.user_id = $1', 'erase', '{}', 'Goes with the notifications.');

create function private.mark_notification_changed()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  insert into private.notification_changes (notification_id, user_id, changed_in)
  values (new.id, new.user_id, pg_current_xact_id())
  on conflict (notification_id) do update set changed_in = excluded.changed_in;
  return null;
end
$$;
create trigger mark_changed after update of read_at, deleted_at on public.notifications
  for each row when ((old.read_at, old.deleted_at) is distinct from (new.read_at, new.deleted_at))
  execute function private.mark_notification_changed();

-- The badge ------------------------------------------------------------------------------------------------------

create function private.badges()
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('unread_conversations', c.conversations, 'unread_messages', c.messages, 'requests', c.requests,
      'unread_notifications', private.unread_count(auth.uid()))
    from private.chat_badge(auth.uid()) c
  );
end
$$;
create function public.badges()
returns jsonb
language sql stable set search_path = ''
as $$ select private.badges() $$;
comment on function public.badges is 'Answers what the caller has not seen, {unread_conversations, unread_messages, requests, unread_notifications}: conversations with something unread and their messages, without those that are muted or archived; message requests that wait; and notifications. sync_chat answers the same.';
select private.expose('badges()', 'authenticated');

-- What a device lacks --------------------------------------------------------------------------------------------

-- {epoch, seen, until, after, notification}: the snapshot that was seen, 1:1: for none; while the pages of one look are read,
-- the snapshot of the first of them and the conversation after which to go on; and the last notification.
create type private.sync_cursor as (epoch int, seen pg_snapshot, until pg_snapshot, after uuid, notification bigint);
create function private.read_sync_cursor(p_cursor jsonb)
returns private.sync_cursor
language plpgsql stable set search_path = ''
as $$
declare
  v_cursor private.sync_cursor;
  v_epoch int := private.setting('chat_sync_epoch')::int;
begin
  if p_cursor is not null then
    begin
      v_cursor := jsonb_populate_record(null::private.sync_cursor, case jsonb_typeof(p_cursor) when 'object' then p_cursor else '{}' end);
    exception
      when data_exception then
        null;
    end;
    if v_cursor.epoch is null or v_cursor.seen is null or v_cursor.notification is null or (v_cursor.until is null) <> (v_cursor.after is null) then
      perform private.fail_input('cursor', 'must be one that sync_chat answered');
    end if;
  end if;
  -- a snapshot of the future was taken before a restore
  if v_cursor.epoch is distinct from v_epoch
     or pg_snapshot_xmax(v_cursor.seen) > pg_snapshot_xmax(pg_current_snapshot())
     or pg_snapshot_xmax(v_cursor.until) > pg_snapshot_xmax(pg_current_snapshot()) then
    v_cursor := row (v_epoch, '1:1:', null, null, 0);
  end if;
  return v_cursor;
end
$$;

-- The news of one conversation for one of its people.
create function private.conversation_news(p_mine public.conversation_members, p_seen pg_snapshot)
returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_is_active boolean := p_mine.status = 'active';
  -- somebody who left reads few of the changes that others go on to make
  v_look int := case when v_is_active then 100 else 1000 end;
  v_news int;
  v_known bigint;
  -- what became readable is older than its change
  v_limited boolean := not pg_visible_in_snapshot(p_mine.window_changed_in, p_seen);
  v_messages jsonb := jsonb_build_array();
  v_members jsonb := jsonb_build_array();
begin
  if not v_limited then
    -- numbers of changes are given in the order of the commits, so the news are the last of them
    select count(*) filter (where news), coalesce(max(change) filter (where not news), 0) into v_news, v_known
    from (
      select m.change, not pg_visible_in_snapshot(m.changed_in, p_seen) as news
      from public.messages m where m.conversation_id = p_mine.conversation_id order by m.change desc limit v_look + 1
    ) s;
    v_limited := v_news > v_look;
    if v_news > 0 and not v_limited then
      v_messages := (select coalesce(jsonb_agg(to_jsonb(l) order by l.change), '[]') from private.list_message_changes(p_mine.conversation_id, v_known) l);
      -- list_message_changes cuts at 100
      v_limited := jsonb_array_length(v_messages) >= 100 and not v_is_active;
    end if;
  end if;
  if v_limited then
    v_messages := (select coalesce(jsonb_agg(to_jsonb(l) order by l.change), '[]') from private.list_messages(p_mine.conversation_id, null, 30) l);
  end if;
  if v_is_active then
    -- a refusal looks like silence
    v_members := (
      select coalesce(jsonb_agg(to_jsonb(o)), '[]')
      from (
        select m.id, m.conversation_id, m.user_id, m.role, case when m.status = 'declined' and m.user_id <> p_mine.user_id then 'invited' else m.status end as status,
               m.read_seq, m.created_at
        from public.conversation_members m
        where m.conversation_id = p_mine.conversation_id
          and (v_limited or (m.status <> 'declined' and not pg_visible_in_snapshot(m.changed_in, p_seen)))
        order by m.created_at, m.id
        limit 201
      ) o
    );
  end if;
  return jsonb_build_object(
    'conversation_id', p_mine.conversation_id, 'limited', v_limited, 'messages', v_messages,
    'members', case when jsonb_array_length(v_members) <= 200 then v_members end
  );
end
$$;

-- One statement reads all of it, and so one snapshot. DO NOT make it volatile.
create function private.read_sync(p_user_id uuid, p_cursor private.sync_cursor)
returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_page constant int := 20;
  v_seen pg_snapshot := p_cursor.seen;
  v_until pg_snapshot := coalesce(p_cursor.until, pg_current_snapshot());
  v_ids uuid[];
  v_news jsonb;
  v_notification bigint := p_cursor.notification;
  v_notifications jsonb;
  v_more boolean;
begin
  -- by id, which never changes: an order by time would lose a conversation that moves while its pages are read
  v_ids := array(
    select m.conversation_id
    from public.conversation_members m
    join public.conversations c on c.id = m.conversation_id
    join public.conversation_markers k on k.conversation_id = m.conversation_id and k.user_id = m.user_id
    where m.user_id = p_user_id and (p_cursor.after is null or m.conversation_id > p_cursor.after)
      and (
        not pg_visible_in_snapshot(c.changed_in, v_seen) or not pg_visible_in_snapshot(m.changed_in, v_seen) or not pg_visible_in_snapshot(k.changed_in, v_seen)
        or (m.status = 'active' and exists (
          select from public.conversation_members o
          where o.conversation_id = m.conversation_id and o.status <> 'declined' and not pg_visible_in_snapshot(o.changed_in, v_seen)))
      )
    order by m.conversation_id
    limit v_page + 1
  );
  v_more := cardinality(v_ids) > v_page;
  v_ids := v_ids[1:v_page];
  v_news := (
    select coalesce(jsonb_agg(private.conversation_news(m, v_seen) || jsonb_build_object('summary', to_jsonb(s)) order by m.conversation_id), '[]')
    from public.conversation_members m
    -- no summary: it was declined, or nobody has written yet
    left join private.my_conversations(null, null, v_page, v_ids) s on s.conversation_id = m.conversation_id
    where m.user_id = p_user_id and m.conversation_id = any (v_ids)
  );
  if p_cursor.after is null then
    v_notifications := private.notification_news(p_user_id, p_cursor);
    v_notification := (select i.last_seq from private.inboxes i where i.user_id = p_user_id);
  end if;
  return jsonb_build_object(
    'cursor', case when v_more
      then jsonb_build_object('epoch', p_cursor.epoch, 'seen', v_seen, 'until', v_until, 'after', v_ids[v_page], 'notification', coalesce(v_notification, 0))
      else jsonb_build_object('epoch', p_cursor.epoch, 'seen', v_until, 'notification', coalesce(v_notification, 0)) end,
    'more', v_more,
    'anew', v_seen::text = '1:1:' and p_cursor.after is null,
    'conversations', v_news,
    'notifications', v_notifications,
    'badges', private.badges()
  );
end
$$;

create function private.notification_news(p_user_id uuid, p_cursor private.sync_cursor)
returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_most constant int := 100;
  v_rows jsonb;
  v_changes jsonb := jsonb_build_array();
  v_limited boolean := p_cursor.seen::text = '1:1:';
begin
  if not v_limited then
    v_rows := (
      select coalesce(jsonb_agg(to_jsonb(n) - '{template_version,locale,dedupe_key,deleted_at}'::text[] order by n.seq), '[]')
      from (select * from public.notifications where user_id = p_user_id and deleted_at is null and seq > p_cursor.notification order by seq limit v_most + 1) n
    );
    v_changes := (
      select coalesce(jsonb_agg(to_jsonb(n)), '[]')
      from (
        select n.seq, n.read_at, n.deleted_at
        from private.notification_changes x
        join public.notifications n on n.id = x.notification_id
        where x.user_id = p_user_id and x.changed_in >= pg_snapshot_xmin(p_cursor.seen) and not pg_visible_in_snapshot(x.changed_in, p_cursor.seen)
          and n.seq <= p_cursor.notification
        limit v_most + 1
      ) n
    );
    v_limited := jsonb_array_length(v_rows) > v_most or jsonb_array_length(v_changes) > v_most;
  end if;
  if v_limited then
    v_changes := '[]';
    v_rows := (
      select coalesce(jsonb_agg(to_jsonb(n) - '{template_version,locale,dedupe_key,deleted_at}'::text[] order by n.seq), '[]')
      from (select * from public.notifications where user_id = p_user_id and deleted_at is null and seq is not null order by seq desc limit 50) n
    );
  end if;
  return jsonb_build_object('limited', v_limited, 'rows', v_rows, 'changes', v_changes);
end
$$;

create function private.sync_chat(p_cursor jsonb)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
begin
  perform private.take_token('sync_chat', v_user_id::text);
  perform private.mark_seen(v_user_id);
  return private.read_sync(v_user_id, private.read_sync_cursor(p_cursor));
end
$$;
create function public.sync_chat(cursor jsonb default null)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.sync_chat(cursor) $$;
comment on function public.sync_chat is 'Answers what changed for the caller since `cursor`, in one snapshot: {cursor, more, anew, conversations, notifications, badges}. Store the cursor with what it brought, and give it next time; without one, and after a restore of the database, `anew` is true and everything begins from nothing. `more` says that further conversations changed: call again at once with the new cursor. Each of at most 20 conversations is {conversation_id, summary, limited, messages, members}: `summary` as my_conversations answers it, null when the conversation is no longer in any list; `messages` that were sent or changed, as list_message_changes answers them, at most 100. `limited` says that more has changed, or that other messages became readable: forget what you hold of this conversation and begin with these newest 30; older ones are read by list_messages. `members` are those who changed, all with `limited`, and null when they are more than 200. `notifications` is {limited, rows, changes}: rows that came, and changes {seq, read_at, deleted_at} of earlier ones; `limited` as above, with the newest 50 rows. It is null while more pages of one look are read. `badges` as badges answers them. Repeatable. Errors: conversation_not_found, invalid_input, rate_limited.';
select private.expose_limited('sync_chat(jsonb)', 'sync_chat', 'auth.uid()', 'authenticated');

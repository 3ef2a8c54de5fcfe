-- Notifications: the inbox as a client sees it.
-- Rule kept here: the badge is the count of visible unread rows, from one function; every device of a
-- person sees reads and deletes at once, and the badge it hears last is right.
-- Left out on purpose: filters by category.

create function public.list_notifications(before_seq bigint default null, page_size int default 20)
returns setof public.notifications
language sql stable set search_path = ''
as $$
  select n.* from public.notifications n
  where n.user_id = (select auth.uid()) and n.deleted_at is null and (before_seq is null or n.seq < before_seq)
  order by n.seq desc
  limit private.require_page_size(page_size)
$$;
comment on function public.list_notifications is 'Lists the caller''s notifications, newest first, 1–100 a page. `before_seq` takes the seq of the last row. Errors: invalid_input.';

create function public.notifications_since(after_seq bigint)
returns setof public.notifications
language sql stable set search_path = ''
as $$
  select n.* from public.notifications n
  where n.user_id = (select auth.uid()) and n.deleted_at is null and n.seq > after_seq
  order by n.seq
  limit 500
$$;
comment on function public.notifications_since is 'Lists the caller''s notifications after a seq, oldest first, at most 500. A client uses it to fetch what it missed.';

create function private.my_unread_count()
returns int
language sql stable security definer set search_path = ''
as $$ select private.unread_count(auth.uid()) $$;
create function public.unread_count()
returns int
language sql stable set search_path = ''
as $$ select private.my_unread_count() $$;
comment on function public.unread_count is 'Answers how many visible notifications the caller has not read.';
revoke all on function private.my_unread_count(), public.unread_count() from public, anon, authenticated, service_role;
grant execute on function private.my_unread_count(), public.unread_count() to authenticated;

-- All devices of a person see reads and deletes at once. The inbox is the last lock, as for a new notification,
-- and is kept until the commit. A transaction that counts later sees this change, and its event is sent later.
create function private.tell_inbox(p_user_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_last_seq bigint;
begin
  select last_seq into strict v_last_seq from private.inboxes where user_id = p_user_id for no key update;
  -- a statement of its own: one that waited for the lock would count what there was before it waited
  perform private.broadcast('user:' || p_user_id, 'inbox', jsonb_build_object('last_seq', v_last_seq, 'unread', private.unread_count(p_user_id)));
end
$$;

create function private.mark_notification_read(p_notification_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
begin
  update public.notifications set read_at = coalesce(read_at, now())
  where id = p_notification_id and user_id = v_user_id and deleted_at is null;
  if not found then
    perform private.fail('not_found');
  end if;
  perform private.tell_inbox(v_user_id);
end
$$;
create function public.mark_notification_read(notification_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.mark_notification_read(notification_id) $$;
comment on function public.mark_notification_read is 'Marks one notification of the caller as read. Repeatable. Errors: not_found.';

create function private.mark_all_notifications_read()
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
begin
  update public.notifications set read_at = now() where user_id = v_user_id and read_at is null and deleted_at is null;
  perform private.tell_inbox(v_user_id);
end
$$;
create function public.mark_all_notifications_read()
returns void
language sql volatile set search_path = ''
as $$ select private.mark_all_notifications_read() $$;
comment on function public.mark_all_notifications_read is 'Marks all notifications of the caller as read. Repeatable.';

create function private.delete_notification(p_notification_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
begin
  update public.notifications set deleted_at = coalesce(deleted_at, now())
  where id = p_notification_id and user_id = v_user_id;
  if not found then
    perform private.fail('not_found');
  end if;
  perform private.tell_inbox(v_user_id);
end
$$;
create function public.delete_notification(notification_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.delete_notification(notification_id) $$;
comment on function public.delete_notification is 'Removes a notification from the caller''s list. Repeatable. Errors: not_found.';

select private.expose('list_notifications(bigint, int)', 'authenticated');
select private.expose('notifications_since(bigint)', 'authenticated');
select private.expose('mark_notification_read(uuid)', 'authenticated');
select private.expose('mark_all_notifications_read()', 'authenticated');
select private.expose('delete_notification(uuid)', 'authenticated');

insert into private.broadcasts (topic, event, payload) values
  ('user:{user_id}', 'notification', 'The new notification as list_notifications answers it, and unread: how many are. One after the other by seq; a gap is read by notifications_since.'),
  ('user:{user_id}', 'inbox', '{last_seq, unread} after something was read or deleted, on whatever device.');

-- Notifications: who is told what, in the transaction that caused it.
-- Rule kept here: one row per person and cause (dedupe key), numbered without gaps per person, so that a
-- client sees at once when one is missing; texts are rendered from versioned templates and stored.
-- Left out on purpose: preferences, push, SMS and quiet hours: later files of this module.

create table private.inboxes (
  user_id uuid primary key references public.profiles on delete cascade,
  last_seq bigint not null default 0
) with (fillfactor = 50);

create table public.notification_templates (
  code text not null,
  locale text not null,
  version int not null default 1,
  category text not null,
  title text not null,
  body text not null,
  -- null: not worth a mail
  email_subject text,
  email_body text,
  primary key (code, locale, version),
  constraint notification_templates_locale_known check (locale in ('vi', 'en')),
  constraint notification_templates_category_known check (category in ('account', 'listing', 'booking', 'payment')),
  constraint notification_templates_email_complete check ((email_subject is null) = (email_body is null))
);
comment on table public.notification_templates is 'Texts with {{variables}}, per locale; the highest version is used. A variable without a value is an error.';

create table public.notifications (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.profiles on delete cascade,
  -- null only until the transaction commits
  seq bigint,
  category text not null,
  template text not null,
  template_version int not null,
  title text not null,
  body text not null,
  data jsonb not null,
  dedupe_key text not null,
  read_at timestamptz,
  deleted_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  constraint notifications_seq_once unique (user_id, seq),
  constraint notifications_one_per_cause unique (user_id, dedupe_key)
);
create index notifications_unnumbered_idx on public.notifications (user_id) where seq is null;
create index notifications_unread_idx on public.notifications (user_id) where read_at is null and deleted_at is null;
comment on table public.notifications is 'What a person was told; seq counts without gaps per person.';

alter table public.notification_templates enable row level security;
alter table public.notifications enable row level security;
revoke all on public.notifications, public.notification_templates from anon, authenticated, service_role;
grant select on public.notifications to authenticated, service_role;
grant select on public.notification_templates to service_role;
create policy select_own on public.notifications for select to authenticated
  using (user_id = (select auth.uid()) and deleted_at is null);

create function private.render(p_text text, p_data jsonb)
returns text
language plpgsql immutable set search_path = ''
as $$
declare
  -- text, name, text, name, …: one pass, so that a value is never read as a template
  v_parts text[] := regexp_split_to_array(p_text, '\{\{|\}\}');
  v_out text := '';
begin
  for i in 1 .. cardinality(v_parts) loop
    if i % 2 = 0 and p_data ->> v_parts[i] is null then
      raise exception 'template variable % has no value', v_parts[i];
    end if;
    v_out := v_out || case when i % 2 = 0 then p_data ->> v_parts[i] else v_parts[i] end;
  end loop;
  return v_out;
end
$$;

create function private.html_from(p_text text)
returns text
language sql immutable set search_path = ''
as $$
  select '<p>' || replace(replace(replace(replace(replace(replace(p_text, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), E'\n\n', '</p><p>'), E'\n', '<br>') || '</p>'
$$;

create function private.format_money(p_amount bigint, p_currency text)
returns text
language sql immutable set search_path = ''
as $$ select replace(to_char(p_amount, 'FM999,999,999,999,990'), ',', '.') || ' ' || p_currency $$;

create function private.format_time(p_at timestamptz, p_time_zone text)
returns text
language sql stable set search_path = ''
as $$ select to_char(p_at at time zone p_time_zone, 'HH24:MI DD/MM/YYYY') $$;

create function private.unread_count(p_user_id uuid)
returns int
language sql stable set search_path = ''
as $$ select count(*)::int from public.notifications where user_id = p_user_id and read_at is null and deleted_at is null $$;

-- Tells one person. The same cause a second time says nothing.
create function private.notify(p_user_id uuid, p_template text, p_data jsonb, p_dedupe_key text)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_template public.notification_templates;
  v_notification_id uuid;
begin
  select t.* into strict v_template
  from public.notification_templates t
  join public.profiles p on p.id = p_user_id and p.locale = t.locale
  where t.code = p_template
  order by t.version desc
  limit 1;
  insert into public.notifications (user_id, category, template, template_version, title, body, data, dedupe_key)
  values (
    p_user_id, v_template.category, p_template, v_template.version,
    private.render(v_template.title, p_data), private.render(v_template.body, p_data), p_data, p_dedupe_key
  )
  on conflict (user_id, dedupe_key) do nothing
  returning id into v_notification_id;
  if not found then
    return;
  end if;
  if v_template.email_subject is not null then
    perform private.enqueue('email', jsonb_build_object(
      'user_id', p_user_id, 'template', p_template,
      'subject', private.render(v_template.email_subject, p_data),
      'text', private.render(v_template.email_body, p_data),
      'html', private.html_from(private.render(v_template.email_body, p_data))
    ), v_notification_id::text);
  end if;
end
$$;

-- Numbers and sends what this transaction wrote, as its last act: the inboxes of several people are
-- locked for a moment only, in one order, after every other lock. Nobody else sees an unnumbered row.
create function private.number_notifications()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid;
  v_seq bigint;
  v_notification public.notifications;
begin
  for v_user_id in select distinct user_id from public.notifications where seq is null order by user_id loop
    select last_seq into strict v_seq from private.inboxes where user_id = v_user_id for update;
    for v_notification in
      select * from public.notifications where user_id = v_user_id and seq is null order by created_at, id
    loop
      v_seq := v_seq + 1;
      update public.notifications set seq = v_seq where id = v_notification.id returning * into v_notification;
      perform private.broadcast('user:' || v_user_id, 'notification',
        to_jsonb(v_notification) - 'dedupe_key' - 'deleted_at' || jsonb_build_object('unread', private.unread_count(v_user_id)));
    end loop;
    update private.inboxes set last_seq = v_seq where user_id = v_user_id;
  end loop;
  return null;
end
$$;
create constraint trigger number_at_commit
  after insert on public.notifications
  deferrable initially deferred
  for each row execute function private.number_notifications();

create function private.booking_data(p_booking public.bookings)
returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'booking_id', p_booking.id, 'code', p_booking.code, 'vehicle_id', p_booking.vehicle_id, 'vehicle', v.title,
    'starts', private.format_time(p_booking.starts_at, v.time_zone), 'ends', private.format_time(p_booking.ends_at, v.time_zone),
    'total', private.format_money(p_booking.total_amount, p_booking.currency)
  )
  from public.vehicles v where v.id = p_booking.vehicle_id
$$;

create function private.notify_renter(p_booking_id uuid, p_event text, p_data jsonb default '{}', p_once text default '')
returns void
language sql volatile set search_path = ''
as $$
  select private.notify(b.renter_id, p_event || '_renter', private.booking_data(b) || p_data, p_event || ':' || b.id || p_once)
  from public.bookings b where b.id = p_booking_id
$$;

create function private.notify_host(p_booking_id uuid, p_event text, p_data jsonb default '{}', p_once text default '')
returns void
language sql volatile set search_path = ''
as $$
  select private.notify(b.host_id, p_event || '_host', private.booking_data(b) || p_data, p_event || ':' || b.id || p_once)
  from public.bookings b where b.id = p_booking_id
$$;

create function private.notify_booking(p_booking_id uuid, p_event text, p_data jsonb default '{}')
returns void
language sql volatile set search_path = ''
as $$
  select private.notify_renter(p_booking_id, p_event, p_data);
  select private.notify_host(p_booking_id, p_event, p_data);

$$;

create function public.list_notifications(before_seq bigint default null, page_size int default 20)
returns setof public.notifications
language sql stable set search_path = ''
as $$
  select n.* from public.notifications n
  where n.user_id = (select auth.uid()) and n.deleted_at is null and (before_seq is null or n.seq < before_seq)
  order by n.seq desc
  limit least(greatest(page_size, 1), 100)
$$;
comment on function public.list_notifications is 'The caller''s notifications, newest first, below before_seq; 1–100 a page.';

create function public.notifications_since(after_seq bigint)
returns setof public.notifications
language sql stable set search_path = ''
as $$
  select n.* from public.notifications n
  where n.user_id = (select auth.uid()) and n.deleted_at is null and n.seq > after_seq
  order by n.seq
  limit 500
$$;
comment on function public.notifications_since is 'What the caller was told after a seq, oldest first, at most 500: how a client repairs a gap.';

create function private.my_unread_count()
returns int
language sql stable security definer set search_path = ''
as $$ select private.unread_count(auth.uid()) $$;
create function public.unread_count()
returns int
language sql stable set search_path = ''
as $$ select private.my_unread_count() $$;
comment on function public.unread_count is 'The badge: the caller''s visible notifications that are unread.';
revoke all on function private.my_unread_count(), public.unread_count() from public, anon, authenticated, service_role;
grant execute on function private.my_unread_count(), public.unread_count() to authenticated;

-- All devices of a person see reads and deletes at once.
create function private.tell_inbox(p_user_id uuid)
returns void
language sql volatile set search_path = ''
as $$
  select private.broadcast('user:' || p_user_id, 'inbox', jsonb_build_object('last_seq', i.last_seq, 'unread', private.unread_count(p_user_id)))
  from private.inboxes i where i.user_id = p_user_id
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
comment on function public.mark_notification_read is 'Marks one notification of the caller as read; repeatable. Errors: not_found.';

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
comment on function public.mark_all_notifications_read is 'Marks everything the caller was told as read.';

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
comment on function public.delete_notification is 'Takes a notification off the caller''s list; repeatable. Errors: not_found.';

select private.expose('list_notifications(bigint, int)', 'authenticated');
select private.expose('notifications_since(bigint)', 'authenticated');
select private.expose('mark_notification_read(uuid)', 'authenticated');
select private.expose('mark_all_notifications_read()', 'authenticated');
select private.expose('delete_notification(uuid)', 'authenticated');

create function private.mail_recipient(p_user_id uuid)
returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object('email', u.email, 'locale', p.locale, 'display_name', p.display_name)
  from public.profiles p join auth.users u on u.id = p.id
  where p.id = p_user_id and p.deleted_at is null
$$;
create function public.mail_recipient(user_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$ select private.mail_recipient(user_id) $$;
comment on function public.mail_recipient is 'Where to write to a person now: {email, locale, display_name}, or null. Service only.';
select private.expose('mail_recipient(uuid)', 'service_role');

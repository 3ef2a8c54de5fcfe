-- Notifications: what must hold of inboxes and mails at any time.
-- Rule kept here: an inbox is numbered without gaps, and a mail that waits can be rendered.
-- Left out on purpose: mails that were given up, which are rows of the outbox like any other.

create function private.invariant_notification_gap()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select i.user_id::text, 'last_seq ' || i.last_seq
  from private.inboxes i
  left join (
    select user_id, count(seq) as numbered, max(seq) as highest from public.notifications group by user_id
  ) n on n.user_id = i.user_id
  -- the notifications of a deleted account are erased
  join public.profiles p on p.id = i.user_id and p.deleted_at is null
  where i.last_seq <> coalesce(n.numbered, 0) or i.last_seq <> coalesce(n.highest, 0)
$$;

create function private.invariant_mail_without_value()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select n.id::text, n.template || ' ' || n.template_version || ' ' || n.locale || ': ' || v.name[1]
  from private.outbox o
  join public.notifications n
    on n.id = case when o.payload ->> 'notification_id' ~ '^[0-9a-f-]{36}$' then (o.payload ->> 'notification_id')::uuid end
  join public.notification_templates t on t.code = n.template and t.locale = n.locale and t.version = n.template_version
  -- it is rendered when it is sent, which fails for hours before the outbox gives it up
  cross join lateral regexp_matches(t.email_subject || t.email_body, '{{(.*?)}}', 'g') v (name)
  where o.topic = 'email' and o.status in ('pending', 'leased') and n.data ->> v.name[1] is null
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('notification_gap', 'critical', 'The numbers of an inbox have a gap, or its count is not its last number.',
    'A constraint and a trigger keep this, so somebody switched one off or deleted a notification. The app of this person asks for the missing number again and again until it is there.'),
  ('mail_without_value', 'warning', 'A mail that waits uses a variable that nobody filled, so it cannot be rendered and is given up after two hours.',
    'Write a new version of the text without this variable, and send this mail by hand.');

-- Notifications: what must hold of inboxes at any time.
-- Rule kept here: an inbox is numbered without gaps.
-- Left out on purpose: deliveries (notifications_sending).

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

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('notification_gap', 'critical', 'The numbers of an inbox have a gap, or its count is not its last number.',
    'A constraint and a trigger keep this, so somebody switched one off or deleted a notification. The app of this person asks for the missing number again and again until it is there.');

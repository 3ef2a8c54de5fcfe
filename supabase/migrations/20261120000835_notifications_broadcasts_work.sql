-- Notifications: the work of a broadcast, chunk by chunk.
-- Rule kept here: a chunk is one transaction: the notifications, the counts and the person it came to are written
-- together. It locks the broadcast first and the inboxes last, in the order of their ids. It waits while the outbox is
-- full, so that a broadcast delays no other mail for long.
-- Left out on purpose: the clock. The function `outbox` works on it, and goes on after a pause or a failure.

insert into private.settings (key, value, description) values
  ('broadcast_backlog', '500', 'How many rows of the outbox may be due before a broadcast waits with its next chunk.');
alter table private.settings add constraint settings_broadcast_backlog check (key <> 'broadcast_backlog' or private.is_whole(value, 1, 100000));
select private.register_topic('broadcast', 'broadcast_id');


-- One chunk. Answers more, wait (what is written has to leave first) or done.
create function private.work_broadcast(p_broadcast_id uuid, p_chunk int)
returns text
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_broadcast public.notification_broadcasts;
  v_people uuid[];
  v_skips text[];
  v_told uuid[];
  v_skipped jsonb;
  v_backlog int := private.setting('broadcast_backlog')::int;
begin
  select * into v_broadcast from public.notification_broadcasts where id = p_broadcast_id for update;
  if v_broadcast.status is distinct from 'running' then
    return 'done';
  end if;
  -- mails of this broadcast must not stand before the mail of somebody who has just booked
  if (select count(*) from (
    select from private.outbox o where o.worker = 'outbox' and o.status = 'pending' and o.available_at <= now() limit v_backlog
  ) waiting) >= v_backlog then
    return 'wait';
  end if;
  select array_agg(w.user_id order by w.user_id), array_agg(w.skip order by w.user_id) into v_people, v_skips
  from private.broadcast_people(v_broadcast, least(greatest(p_chunk, 1), 1000)) w;
  if v_people is null then
    update public.notification_broadcasts set status = 'completed', ended_at = now() where id = p_broadcast_id;
    return 'done';
  end if;
  v_told := array(select w.user_id from unnest(v_people, v_skips) as w (user_id, skip) where w.skip is null);
  if v_told <> '{}' then
    perform private.notify_each(v_told, array_fill(v_broadcast.template, array[cardinality(v_told)]), '{}', 'broadcast');
  end if;
  select coalesce(jsonb_object_agg(s.skip, s.people), '{}') into v_skipped
  from (
    select w.skip, count(*) + coalesce((v_broadcast.skipped ->> w.skip)::int, 0) as people
    from unnest(v_skips) as w (skip) where w.skip is not null group by w.skip
  ) s;
  update public.notification_broadcasts b
  set written = b.written + cardinality(v_told), skipped = b.skipped || v_skipped,
      last_user_id = v_people[cardinality(v_people)]
  where b.id = p_broadcast_id;
  return 'more';
end
$$;
create function public.work_broadcast(broadcast_id uuid, chunk int default 250)
returns text
language sql volatile set search_path = ''
as $$ select private.work_broadcast(broadcast_id, chunk) $$;
comment on function public.work_broadcast is 'Tells the next `chunk` people (1–1000) of a broadcast that runs. Answers more, wait (the outbox is full: ask again in some seconds) or done. Service only.';
select private.expose('work_broadcast(uuid, int)', 'service_role');

create function private.invariant_broadcast_stuck()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select b.id::text, format('%s of %s people', b.written, b.total)
  from public.notification_broadcasts b
  where b.status = 'running' and not exists (
    select from private.outbox o where o.topic = 'broadcast' and o.status in ('pending', 'leased') and o.payload ->> 'broadcast_id' = b.id::text
  )
$$;
insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('broadcast_stuck', 'warning', 'A broadcast runs, and no worker has it.',
    'Its row in the outbox was given up: `last_error` says why. Then pause the broadcast and start it again; it goes on where it was.');

-- Waiting rooms: what must hold of queues at any time.
-- Rule kept here: nobody was admitted before a lower number that was there; slots and admissions agree; the shuffle is the
-- promised one; a queue with room moves on.
-- Left out on purpose: what constraints keep.

-- Anybody who has a lower number than somebody admitted, and was admitted in a later round or waits still, must have joined by a
-- transaction that this round could not see.
create function private.invariant_queue_order()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  with served as (
    select e.id, e.event_id, e.number, e.joined_xid, coalesce(e.admission_round, 9223372036854775807) as round,
      min(coalesce(e.admission_round, 9223372036854775807)) over (
        partition by e.event_id order by e.number rows between 1 following and unbounded following) as earliest_after
    from public.queue_entries e
    join public.waiting_rooms r on r.event_id = e.event_id and r.status in ('open', 'paused') and r.admitted_count > 0
    where e.number is not null and (e.status = 'waiting' or e.admission_round is not null)
      -- who waits far behind cannot have been passed over
      and e.number <= r.serving_number
  )
  select s.id::text, format('number %s of event %s was there when number %s was admitted', s.number, s.event_id, a.last_number)
  from served s
  cross join lateral (
    select o.last_number from private.admission_rounds o
    where o.event_id = s.event_id and o.id < s.round and o.last_number > s.number and pg_visible_in_snapshot(s.joined_xid, o.snapshot)
    limit 1
  ) a
  where s.earliest_after < s.round
$$;

create function private.invariant_queue_slots()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select s.event_id::text, format('slot %s is held by a place that is %s', s.slot, e.status)
  from private.checkout_slots s join public.queue_entries e on e.id = s.entry_id
  where e.status <> 'admitted' or e.event_id <> s.event_id
  union all
  select e.event_id::text, 'place ' || e.id || ' is admitted without a slot'
  from public.queue_entries e
  where e.status = 'admitted' and not exists (select from private.checkout_slots s where s.entry_id = e.id)
  union all
  select r.event_id::text, format('%s slots for a capacity of %s', s.slots, r.capacity)
  from public.waiting_rooms r
  join lateral (select count(*) as slots, count(*) filter (where c.entry_id is null) as free from private.checkout_slots c where c.event_id = r.event_id) s on true
  -- a slot that is still held outlives a lower capacity
  where s.slots < r.capacity or (s.slots > r.capacity and s.free > 0)
$$;

create function private.invariant_queue_shuffle()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select x.event_id::text, format('place %s of the shuffle is not where the seed puts it', x.shuffle_number)
  from (
    select e.event_id, e.id, e.shuffle_number, e.shuffle_key, s.seed, lag(e.shuffle_key) over (partition by e.event_id order by e.shuffle_number) as before
    from public.queue_entries e
    join public.waiting_rooms r on r.event_id = e.event_id and r.status in ('open', 'paused')
    join private.queue_seeds s on s.event_id = e.event_id
    where e.shuffle_number is not null
  ) x
  where x.before > x.shuffle_key or x.shuffle_key <> extensions.hmac(convert_to(x.id::text, 'utf8'), x.seed, 'sha256')
$$;

create function private.invariant_queue_stuck()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select r.event_id::text, format('due since %s, and number %s waits', r.due_at, (
    select min(e.number) from public.queue_entries e where e.event_id = r.event_id and e.status = 'waiting'))
  from public.waiting_rooms r
  where r.status = 'open' and r.due_at < now() - interval '5 minutes'
    and exists (select from public.queue_entries e where e.event_id = r.event_id and e.status = 'waiting' and e.number is not null and e.seen_at > now() - interval '5 minutes')
$$;

create function private.invariant_queue_without_room()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select e.id::text, 'event ' || e.event_id
  from public.queue_entries e
  where e.status in ('waiting', 'admitted') and not exists (select from public.waiting_rooms r where r.event_id = e.event_id)
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('queue_order', 'critical', 'Somebody was admitted before a lower number that was there and alive.',
    'Rounds keep this, so rows were changed by SQL. Pause the room, admit the person by hand, and find out who changed what in the log.'),
  ('queue_slots', 'critical', 'Slots of a waiting room and the people who hold them disagree.',
    'Rows were changed by SQL. A round repairs slots of people who are done: select private.run_queue(event_id, true). For the rest set entry_id by hand.'),
  ('queue_shuffle', 'critical', 'The order of a pre-queue is not the one that its seed gives.',
    'Rows were changed by SQL. Everybody can see this. Pause the room and tell the organizer.'),
  ('queue_stuck', 'warning', 'Somebody waits who could have been admitted minutes ago.',
    'Look whether the job journey_queues runs, and whether a transaction holds the row of the room for long. select private.run_queue(event_id, true) admits.'),
  ('queue_without_room', 'critical', 'A place in a queue belongs to no waiting room.',
    'A row was written by SQL. Set its status to left, with ended_at and end_reason.');

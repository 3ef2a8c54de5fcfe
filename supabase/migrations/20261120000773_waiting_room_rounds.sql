-- Waiting rooms: the rounds that move a queue on.
-- Rule kept here: a round runs under the lock of the room. It frees the slots whose people are done, and gives them to the
-- lowest numbers that are there and alive: never more than there are slots, tickets and admissions of the minute.
-- What is guaranteed of the order: a round sees every place that was committed before it began choosing. A join that had
-- drawn its number and had not committed was not there yet; it is first in the next round. So nobody is admitted before a
-- lower number that was there and alive at that time; invariant_queue_order() proves it of what is stored.
-- Left out on purpose: a clock. A round runs when a slot is freed, and when somebody who waits looks and something is due.

-- The room with more numbers gone. gone[k] counts those in the buckets before k.
create function private.count_gone(p_room public.waiting_rooms, p_numbers bigint[])
returns public.waiting_rooms
language plpgsql immutable set search_path = ''
as $$
declare
  v_highest bigint := (select max(n) from unnest(p_numbers) n);
begin
  while v_highest > 64 * p_room.gone_width loop
    p_room.gone := (select array_agg(coalesce(p_room.gone[2 * k - 1], p_room.gone_count) order by k) from generate_series(1, 64) k);
    p_room.gone_width := 2 * p_room.gone_width;
  end loop;
  if v_highest is not null then
    p_room.gone := (
      select array_agg(p_room.gone[k] + (select count(*) from unnest(p_numbers) n where n <= (k - 1) * p_room.gone_width) order by k)
      from generate_series(1, 64) k
    );
    p_room.gone_count := p_room.gone_count + cardinality(p_numbers);
  end if;
  return p_room;
end
$$;

-- The key of the advisory lock that those who join a pre-queue share, and that its opening takes alone, once.
create function private.prequeue_lock(p_event_id uuid)
returns bigint
language sql immutable set search_path = ''
as $$ select hashtextextended('pre-queue ' || p_event_id, 0) $$;

-- How many numbers have been given.
create function private.last_number(p_room public.waiting_rooms)
returns bigint
language plpgsql volatile set search_path = ''
as $$
begin
  return coalesce(pg_sequence_last_value(p_room.numbers), p_room.shuffle_count, 0);
end
$$;

-- Ends the pre-queue: anybody who joins from now on comes after it. Waits for those who are just joining it.
create function private.open_prequeue(p_room public.waiting_rooms)
returns public.waiting_rooms
language plpgsql volatile set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(private.prequeue_lock(p_room.event_id));
  p_room.opened_at := clock_timestamp();
  select encode(s.seed, 'hex') into strict p_room.seed from private.queue_seeds s where s.event_id = p_room.event_id;
  select count(*) into p_room.shuffle_count from public.queue_entries e
  where e.event_id = p_room.event_id and e.status = 'waiting' and e.number is null;
  if p_room.shuffle_count > 0 then
    perform setval(p_room.numbers, p_room.shuffle_count);
  end if;
  p_room.is_shuffled := p_room.shuffle_count = 0;
  return p_room;
end
$$;

-- Gives the next numbers to the pre-queue, in the order of the shuffle: some thousands a round, so that a large one keeps
-- nobody waiting. Who left before gets none.
create function private.number_prequeue(p_room public.waiting_rooms)
returns public.waiting_rooms
language plpgsql volatile set search_path = ''
as $$
declare
  v_step constant int := 5000;
  v_numbered int;
begin
  with next as (
    select x.id, p_room.shuffled_count + row_number() over (order by x.shuffle_key, x.id) as number
    from (
      select e.id, e.shuffle_key from public.queue_entries e
      where e.event_id = p_room.event_id and e.status = 'waiting' and e.number is null
      order by e.shuffle_key, e.id limit v_step
    ) x
  )
  update public.queue_entries e set number = n.number, shuffle_number = n.number from next n where e.id = n.id;
  get diagnostics v_numbered = row_count;
  p_room.shuffled_count := p_room.shuffled_count + v_numbered;
  if v_numbered < v_step then
    p_room.is_shuffled := true;
    p_room := private.count_gone(p_room, array(select generate_series(p_room.shuffled_count + 1, p_room.shuffle_count)));
  end if;
  return p_room;
end
$$;

-- Ends places that wait in a room that is closed or off. What it leaves is over all the same: private.place_of() says so.
create function private.empty_room(p_event_id uuid, p_reason text, p_limit int default null)
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_emptied int;
begin
  update public.queue_entries e
  set status = 'expired', ended_at = clock_timestamp(), end_reason = p_reason
  where e.id = any (
    array(select w.id from public.queue_entries w where w.event_id = p_event_id and w.status = 'waiting' and w.number is not null order by w.number limit p_limit for no key update skip locked)
    || array(select w.id from public.queue_entries w where w.event_id = p_event_id and w.status = 'waiting' and w.number is null limit p_limit for no key update skip locked)
  );
  get diagnostics v_emptied = row_count;
  return v_emptied;
end
$$;

-- Tells everybody at once how far the queue is.
create function private.tell_queue(p_room public.waiting_rooms)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.broadcast('queue:' || p_room.event_id, 'progress', jsonb_build_object(
    'status', p_room.status, 'serving_number', p_room.serving_number, 'admitted_count', p_room.admitted_count,
    'waiting', private.last_number(p_room) - p_room.admitted_count - p_room.gone_count,
    'per_minute', p_room.per_minute, 'at', clock_timestamp()));
end
$$;

-- Frees the slots whose people are done, silent or late. Only a slot of somebody who pays at this moment outlives them, or of
-- somebody who cannot order because the event is hidden.
create function private.free_slots(p_room public.waiting_rooms)
returns public.waiting_rooms
language plpgsql volatile set search_path = ''
as $$
declare
  v_now constant timestamptz := clock_timestamp();
  v_grace constant interval := private.setting('queue_grace_seconds')::int * interval '1 second';
  v_is_over constant boolean := p_room.status in ('off', 'closed');
  v_is_hidden constant boolean := private.is_event_hidden(p_room.event_id);
  v_lapsed int;
begin
  -- skip locked: who holds a place of somebody admitted may be waiting for the lock that is held here
  update public.queue_entries e
  set status = 'expired', ended_at = v_now,
      end_reason = case
        when v_is_over then case p_room.status when 'off' then 'closed' else 'sold_out' end
        when e.seen_at <= v_now - v_grace then 'silent' else 'late' end
  where e.id in (
    select h.id from private.checkout_slots s join public.queue_entries h on h.id = s.entry_id
    where s.event_id = p_room.event_id and h.status = 'admitted' and case
      when h.order_id is null then v_is_over or (not v_is_hidden and (h.admission_expires_at <= v_now or h.seen_at <= v_now - v_grace))
      else (h.checkout_expires_at <= v_now or h.seen_at <= v_now - v_grace) and not private.has_open_attempt(h.order_id) end
    for no key update of h skip locked
  );
  with freed as (
    update private.checkout_slots s set entry_id = null
    from public.queue_entries e
    where s.event_id = p_room.event_id and e.id = s.entry_id and e.status <> 'admitted'
    returning e.status
  )
  select count(*) filter (where f.status <> 'completed') into v_lapsed from freed f;
  p_room.lapsed_count := p_room.lapsed_count + v_lapsed;
  delete from private.checkout_slots s where s.event_id = p_room.event_id and s.slot > p_room.capacity and s.entry_id is null;
  return p_room;
end
$$;

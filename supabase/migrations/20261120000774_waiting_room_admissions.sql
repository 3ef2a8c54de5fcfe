-- Waiting rooms: one round of admissions, and what sets it off.
-- Rule kept here: see waiting_room_rounds. Locks are taken in this order: rows of orders and stock, one's own place, the
-- room, places of others that wait. Anybody who holds a place that is admitted may wait for the room; so a round never waits for one.
-- Left out on purpose: who may set it off; the commands say that.

-- The room after something was done to it, and whether nobody waits any more who could be admitted.
create type private.queue_round as (room public.waiting_rooms, is_exhausted boolean);

-- Admits up to p_budget people, and passes over those who are silent.
create function private.admit_next(p_room public.waiting_rooms, p_budget int)
returns private.queue_round
language plpgsql volatile set search_path = ''
as $$
declare
  v_now constant timestamptz := clock_timestamp();
  v_grace constant interval := private.setting('queue_grace_seconds')::int * interval '1 second';
  -- a long row of silent places is passed over in several rounds
  v_most_gone constant int := 500;
  v_last constant bigint := case when p_room.is_shuffled then 9223372036854775807 else p_room.shuffled_count end;
  v_entry record;
  v_snapshot pg_snapshot;
  v_chosen uuid[] := array[]::uuid[];
  v_highest bigint := 0;
  v_silent uuid[] := array[]::uuid[];
  v_gone bigint[] := array[]::bigint[];
  v_is_exhausted boolean := true;
  v_round bigint;
  v_taken int;
begin
  for v_entry in
    select e.id, e.number, e.seen_at, pg_current_snapshot() as snapshot
    from public.queue_entries e
    where e.event_id = p_room.event_id and e.status = 'waiting' and e.number <= v_last
    order by e.number
    limit p_budget + v_most_gone
    for no key update
  loop
    if v_entry.seen_at <= v_now - v_grace then
      v_silent := v_silent || v_entry.id;
      v_gone := v_gone || v_entry.number;
    else
      v_chosen := v_chosen || v_entry.id;
      v_highest := greatest(v_highest, v_entry.number);
      v_snapshot := coalesce(v_snapshot, v_entry.snapshot);
    end if;
    if cardinality(v_chosen) = p_budget or cardinality(v_gone) = v_most_gone then
      v_is_exhausted := false;
      exit;
    end if;
  end loop;

  if cardinality(v_gone) > 0 then
    update public.queue_entries set status = 'expired', ended_at = v_now, end_reason = 'silent' where id = any (v_silent);
    p_room := private.count_gone(p_room, v_gone);
    p_room.expired_waiting_count := p_room.expired_waiting_count + cardinality(v_gone);
  end if;
  if cardinality(v_chosen) > 0 then
    insert into private.admission_rounds (event_id, at, snapshot, admitted, last_number)
    values (p_room.event_id, v_now, v_snapshot, cardinality(v_chosen), v_highest)
    returning id into v_round;
    update public.queue_entries
    set status = 'admitted', admission_id = gen_random_uuid(), admitted_at = v_now, admission_round = v_round,
        admission_expires_at = v_now + private.setting('admission_minutes')::int * interval '1 minute'
    where id = any (v_chosen);
    with free as (
      select f.slot, row_number() over (order by f.slot) as place
      from (
        select s.slot from private.checkout_slots s
        where s.event_id = p_room.event_id and s.entry_id is null
        order by s.slot limit cardinality(v_chosen) for update skip locked
      ) f
    )
    update private.checkout_slots s
    set entry_id = c.id
    from free f join unnest(v_chosen) with ordinality c (id, place) on c.place = f.place
    where s.event_id = p_room.event_id and s.slot = f.slot;
    get diagnostics v_taken = row_count;
    if v_taken <> cardinality(v_chosen) then
      raise exception 'room % has % free slots for % people', p_room.event_id, v_taken, cardinality(v_chosen);
    end if;
    p_room.serving_number := greatest(p_room.serving_number, v_highest);
    p_room.admitted_count := p_room.admitted_count + v_taken;
    p_room.tokens := p_room.tokens - v_taken;
  end if;
  return (p_room, v_is_exhausted)::private.queue_round;
end
$$;

-- When time alone will change something: a holder of a slot turns silent or late.
create function private.next_lapse(p_event_id uuid)
returns timestamptz
language plpgsql stable set search_path = ''
as $$
declare
  v_grace constant interval := private.setting('queue_grace_seconds')::int * interval '1 second';
begin
  return (
    select min(case
      when e.order_id is null then least(e.admission_expires_at, e.seen_at + v_grace)
      when private.has_open_attempt(e.order_id) then greatest(least(e.checkout_expires_at, e.seen_at + v_grace), clock_timestamp() + interval '1 minute')
      else least(e.checkout_expires_at, e.seen_at + v_grace) end)
    from private.checkout_slots s join public.queue_entries e on e.id = s.entry_id
    where s.event_id = p_event_id and (e.order_id is not null or not private.is_event_hidden(p_event_id))
  );
end
$$;

-- One round. p_wait: whether to wait for a round that is running, which the one who frees a slot must, or leave it to that one.
create function private.run_queue(p_event_id uuid, p_wait boolean, p_completed int default 0)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_room public.waiting_rooms;
  v_before public.waiting_rooms;
  v_now timestamptz;
  v_step private.queue_round;
  v_free int;
  v_budget bigint := 0;
  v_is_limited_by_rate boolean := false;
  v_is_exhausted boolean := true;
  v_is_changed boolean;
begin
  if p_wait then
    select * into v_room from public.waiting_rooms r where r.event_id = p_event_id for no key update;
  else
    select * into v_room from public.waiting_rooms r where r.event_id = p_event_id for no key update skip locked;
  end if;
  if not found then
    return;
  end if;
  v_before := v_room;
  v_now := clock_timestamp();
  v_room.completed_count := v_room.completed_count + p_completed;
  if v_room.status in ('open', 'paused') then
    if v_room.opened_at is null and coalesce(v_room.opens_at, v_now) <= v_now then
      v_room := private.open_prequeue(v_room);
    end if;
    if v_room.opened_at is not null and not v_room.is_shuffled then
      v_room := private.number_prequeue(v_room);
    end if;
    if v_room.opened_at is not null and (select s.sold_out from private.queue_stock(p_event_id) s) then
      v_room.status := 'closed';
    end if;
  end if;
  v_room := private.free_slots(v_room);

  if v_room.status = 'open' and v_room.opened_at is not null then
    select count(*) into v_free from private.checkout_slots s where s.event_id = p_event_id and s.entry_id is null;
    if v_free > 0 then
      -- one statement, so that an order that is just made counts in one of the two
      select least(v_free, s.available - (
          select count(*) from private.checkout_slots c join public.queue_entries e on e.id = c.entry_id
          where c.event_id = p_event_id and e.status = 'admitted' and e.order_id is null))
      into v_budget
      from private.queue_stock(p_event_id) s;
      v_budget := greatest(v_budget, 0);
    end if;
    if v_room.admissions_per_minute is not null then
      -- ten seconds' worth may be saved up
      v_room.tokens := least(greatest(v_room.admissions_per_minute / 6.0, 1),
        v_room.tokens + v_room.admissions_per_minute * greatest(extract(epoch from v_now - v_room.refilled_at), 0) / 60);
      v_room.refilled_at := greatest(v_now, v_room.refilled_at);
      v_is_limited_by_rate := floor(v_room.tokens) < v_budget;
      v_budget := least(v_budget, floor(v_room.tokens));
    end if;
    if v_budget > 0 then
      v_step := private.admit_next(v_room, v_budget::int);
      v_room := v_step.room;
      v_is_exhausted := v_step.is_exhausted;
    end if;
  end if;

  v_room.due_at := least(
    coalesce(private.next_lapse(p_event_id), 'infinity'),
    case when v_room.status in ('open', 'paused') and v_room.opened_at is null then v_room.opens_at end,
    case when v_room.status in ('open', 'paused') and v_room.opened_at is not null and not v_room.is_shuffled then v_now end);
  if v_room.status = 'open' and v_room.opened_at is not null then
    select count(*) into v_free from private.checkout_slots s where s.event_id = p_event_id and s.entry_id is null;
    v_room.due_at := least(v_room.due_at, case
      when v_free = 0 then 'infinity'
      -- somebody may be waiting still
      when v_is_limited_by_rate then v_now + greatest(1 - v_room.tokens, 0) / v_room.admissions_per_minute * interval '1 minute'
      when v_budget > 0 and v_is_exhausted then '-infinity'
      when v_budget > 0 then v_now
      -- tickets come back with an order that ends, which runs a round itself; only what an organizer adds is found this way
      else v_now + interval '5 seconds' end::timestamptz);
  end if;

  v_is_changed := (v_room.status, v_room.admitted_count, v_room.opened_at) is distinct from (v_before.status, v_before.admitted_count, v_before.opened_at) or not v_room.is_told;
  if v_is_changed and (v_room.status <> v_before.status or v_room.told_at <= v_now - interval '1 second') then
    select round(60 * sum(a.admitted) / greatest(extract(epoch from least(v_now - v_room.opened_at, interval '5 minutes')), 60), 1) into v_room.per_minute
    from private.admission_rounds a where a.event_id = p_event_id and a.at > v_now - interval '5 minutes';
    v_room.told_at := v_now;
    v_room.is_told := true;
    perform private.tell_queue(v_room);
  elsif v_is_changed then
    v_room.is_told := false;
    v_room.due_at := least(v_room.due_at, v_room.told_at + interval '1 second');
  end if;

  update public.waiting_rooms r
  set status = v_room.status, opened_at = v_room.opened_at, seed = v_room.seed, serving_number = v_room.serving_number,
      admitted_count = v_room.admitted_count, per_minute = v_room.per_minute, shuffle_count = v_room.shuffle_count,
      shuffled_count = v_room.shuffled_count, is_shuffled = v_room.is_shuffled, gone = v_room.gone, gone_width = v_room.gone_width,
      gone_count = v_room.gone_count, tokens = v_room.tokens, refilled_at = v_room.refilled_at, due_at = v_room.due_at,
      told_at = v_room.told_at, is_told = v_room.is_told, expired_waiting_count = v_room.expired_waiting_count,
      lapsed_count = v_room.lapsed_count, completed_count = v_room.completed_count
  where r.id = v_room.id;
  if v_room.status = 'closed' and v_before.status <> 'closed' then
    perform private.empty_room(p_event_id, 'sold_out', 100);
  end if;
end
$$;

-- At commit, after every other lock of the transaction but those of inboxes: anybody who lost an admission gives the slot back,
-- and the next is admitted.
create function private.free_slot()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if new.status = 'completed' or exists (select from private.checkout_slots s where s.entry_id = new.id) then
    perform private.run_queue(new.event_id, true, case when new.status = 'completed' then 1 else 0 end);
  end if;
  return null;
end
$$;
create constraint trigger free_slot after update of status on public.queue_entries
  deferrable initially deferred for each row
  when (old.status is distinct from new.status and (old.status = 'admitted' or new.status = 'completed'))
  execute function private.free_slot();

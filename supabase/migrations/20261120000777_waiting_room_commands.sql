-- Waiting rooms: what organizers do with them, also while people wait.
-- Rule kept here: each command changes the room under its lock and runs a round in the same transaction; what is read of a
-- room, such as its capacity, counts from then on.
-- Left out on purpose: moving the opening once it has been.

create function private.set_waiting_room(p_event_id uuid, p_capacity int, p_admissions_per_minute int, p_opens_at timestamptz)
returns public.waiting_rooms
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_room public.waiting_rooms;
  v_seed bytea := extensions.gen_random_bytes(32);
  v_sequence text := 'queue_numbers_' || replace(p_event_id::text, '-', '');
begin
  perform private.require_queue_role(p_event_id, 'admin', 'editor');
  perform private.take_token('manage_waiting_room', auth.uid()::text);
  if p_capacity is null or p_capacity not between 1 and 10000 then
    perform private.fail_input('capacity', 'must be 1 to 10000');
  end if;
  if p_admissions_per_minute not between 1 and 100000 then
    perform private.fail_input('admissions_per_minute', 'must be 1 to 100000, or null for no limit');
  end if;
  if not isfinite(p_opens_at) then
    perform private.fail_input('opens_at', 'must be a moment, or null');
  end if;
  -- two who set up a room at once
  perform pg_advisory_xact_lock(hashtextextended('waiting room ' || p_event_id, 0));
  select * into v_room from public.waiting_rooms r where r.event_id = p_event_id for no key update;
  if not found then
    execute format('create sequence private.%I as bigint', v_sequence);
    insert into public.waiting_rooms (event_id, capacity, admissions_per_minute, opens_at, seed_hash, numbers)
    values (p_event_id, p_capacity, p_admissions_per_minute, p_opens_at, encode(sha256(v_seed), 'hex'), format('private.%I', v_sequence)::regclass);
    insert into private.queue_seeds (event_id, seed) values (p_event_id, v_seed);
  else
    if v_room.opened_at is not null and p_opens_at is distinct from v_room.opens_at then
      perform private.fail('waiting_room_opened', jsonb_build_object('opened_at', v_room.opened_at));
    end if;
    update public.waiting_rooms r
    set capacity = p_capacity, admissions_per_minute = p_admissions_per_minute, opens_at = p_opens_at, is_told = false, told_at = '-infinity'
    where r.event_id = p_event_id;
  end if;
  insert into private.checkout_slots (event_id, slot)
  select p_event_id, n from generate_series(1, p_capacity) n
  on conflict do nothing;
  perform private.run_queue(p_event_id, true);
  select * into v_room from public.waiting_rooms r where r.event_id = p_event_id;
  return v_room;
end
$$;
create function public.set_waiting_room(event_id uuid, capacity int default 100, admissions_per_minute int default null, opens_at timestamptz default null)
returns public.waiting_rooms
language sql volatile set search_path = ''
as $$ select private.set_waiting_room(event_id, capacity, admissions_per_minute, opens_at) $$;
comment on function public.set_waiting_room is 'Admin or editor of the organizer: makes the waiting room of an event, which is off at first, or changes it while people wait. capacity is how many may buy at the same time (1 to 10,000; when it is lowered, nobody loses a slot), admissions_per_minute how many are admitted each minute at most (null: no limit), opens_at when the pre-queue is shuffled (null: no pre-queue). Repeatable. Errors: event_not_found, organizer_not_found, forbidden, invalid_input, waiting_room_opened, rate_limited.';
select private.expose_limited('set_waiting_room(uuid, int, int, timestamptz)', 'manage_waiting_room', 'auth.uid()', 'authenticated');

-- What an organizer does with the room: open, paused or off.
create function private.change_waiting_room(p_event_id uuid, p_status text)
returns public.waiting_rooms
language plpgsql volatile set search_path = ''
as $$
declare
  v_room public.waiting_rooms;
begin
  perform private.require_queue_role(p_event_id, 'admin', 'editor');
  select * into v_room from public.waiting_rooms r where r.event_id = p_event_id for no key update;
  if not found then
    perform private.fail('waiting_room_off');
  end if;
  if p_status = 'open' and v_room.status in ('off', 'closed') then
    -- who waited until it was closed was told so, and joins anew
    perform private.empty_room(p_event_id, case v_room.status when 'off' then 'closed' else 'sold_out' end);
    -- every number so far was admitted or is gone
    v_room.gone_count := private.last_number(v_room) - v_room.admitted_count;
    v_room.gone := array_fill(v_room.gone_count, array[64]);
  end if;
  if p_status = 'open' and v_room.status <> 'open' then
    -- what was saved up meanwhile does not count, and the first may come at once
    v_room.tokens := 1;
    v_room.refilled_at := clock_timestamp();
  end if;
  update public.waiting_rooms r
  set status = p_status, resumes = false, gone = v_room.gone, gone_count = v_room.gone_count, tokens = v_room.tokens, refilled_at = v_room.refilled_at,
      is_told = false, told_at = '-infinity'
  where r.id = v_room.id;
  perform private.run_queue(p_event_id, true);
  select * into v_room from public.waiting_rooms r where r.id = v_room.id;
  return v_room;
end
$$;

create function private.open_waiting_room(p_event_id uuid)
returns public.waiting_rooms
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_room public.waiting_rooms;
begin
  perform private.take_token('manage_waiting_room', auth.uid()::text);
  v_room := private.change_waiting_room(p_event_id, 'open');
  -- looked at under the lock of the room, for which one who hides the event waits too
  if private.is_event_hidden(p_event_id) then
    perform private.fail('event_not_on_sale', '{"state": "closed"}');
  end if;
  return v_room;
end
$$;
create function public.open_waiting_room(event_id uuid)
returns public.waiting_rooms
language sql volatile set search_path = ''
as $$ select private.open_waiting_room(event_id) $$;
comment on function public.open_waiting_room is 'Admin or editor of the organizer: opens the waiting room of an event, or resumes a paused one, or opens a closed one again when there are tickets. From now on orders need an admission. Before opens_at anybody who joins is in the pre-queue. Repeatable. Errors: event_not_found, organizer_not_found, forbidden, waiting_room_off (set_waiting_room first), event_not_on_sale (details.state; staff has hidden the event), rate_limited.';
select private.expose_limited('open_waiting_room(uuid)', 'manage_waiting_room', 'auth.uid()', 'authenticated');

create function private.pause_waiting_room(p_event_id uuid)
returns public.waiting_rooms
language sql volatile security definer set search_path = ''
as $$
  select private.take_token('manage_waiting_room', auth.uid()::text);
  select private.change_waiting_room(p_event_id, 'paused');
$$;
create function public.pause_waiting_room(event_id uuid)
returns public.waiting_rooms
language sql volatile set search_path = ''
as $$ select private.pause_waiting_room(event_id) $$;
comment on function public.pause_waiting_room is 'Admin or editor of the organizer: admits nobody until the room is opened again. People join and keep their places; who was admitted goes on. Of an event that staff has hidden, the room then stays paused when it is shown again. Repeatable. Errors: event_not_found, organizer_not_found, forbidden, waiting_room_off, illegal_transition (the room is off or closed), rate_limited.';
select private.expose_limited('pause_waiting_room(uuid)', 'manage_waiting_room', 'auth.uid()', 'authenticated');

create function private.turn_off_waiting_room(p_event_id uuid)
returns public.waiting_rooms
language sql volatile security definer set search_path = ''
as $$
  select private.take_token('manage_waiting_room', auth.uid()::text);
  select private.change_waiting_room(p_event_id, 'off');
$$;
create function public.turn_off_waiting_room(event_id uuid)
returns public.waiting_rooms
language sql volatile set search_path = ''
as $$ select private.turn_off_waiting_room(event_id) $$;
comment on function public.turn_off_waiting_room is 'Admin or editor of the organizer: orders need no admission any more, and everybody loses their place. Repeatable. Errors: event_not_found, organizer_not_found, forbidden, waiting_room_off (it never had one), rate_limited.';
select private.expose_limited('turn_off_waiting_room(uuid)', 'manage_waiting_room', 'auth.uid()', 'authenticated');

create function private.waiting_room_analytics(p_event_id uuid)
returns table (joined bigint, waiting bigint, admitted bigint, buying bigint, abandoned bigint, lapsed bigint, converted bigint, per_minute numeric, average_wait_seconds int)
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_room public.waiting_rooms;
begin
  perform private.require_queue_role(p_event_id, 'admin', 'editor', 'viewer');
  perform private.spend_token('waiting_room_analytics', auth.uid()::text);
  select * into v_room from public.waiting_rooms r where r.event_id = p_event_id;
  if not found then
    perform private.fail('waiting_room_off');
  end if;
  if v_room.opened_at is null then
    select count(*) into waiting from public.queue_entries e where e.event_id = p_event_id and e.status = 'waiting' and e.number is null;
    joined := waiting + v_room.left_waiting_count;
  else
    joined := private.last_number(v_room);
    waiting := case when v_room.status in ('open', 'paused') then greatest(joined - v_room.admitted_count - v_room.gone_count, 0) else 0 end;
  end if;
  admitted := v_room.admitted_count;
  select count(s.entry_id), ceil(avg(extract(epoch from e.admitted_at - greatest(e.joined_at, v_room.opened_at)))) into buying, average_wait_seconds
  from private.checkout_slots s join public.queue_entries e on e.id = s.entry_id
  where s.event_id = p_event_id;
  converted := v_room.completed_count;
  lapsed := v_room.lapsed_count;
  abandoned := joined - waiting - admitted;
  per_minute := v_room.per_minute;
  return next;
end
$$;
create function public.waiting_room_analytics(event_id uuid)
returns table (joined bigint, waiting bigint, admitted bigint, buying bigint, abandoned bigint, lapsed bigint, converted bigint, per_minute numeric, average_wait_seconds int)
language sql volatile set search_path = ''
as $$ select * from private.waiting_room_analytics($1) $$;
comment on function public.waiting_room_analytics is 'Admin, editor or viewer of the organizer: how many joined (each new number counts), wait now, were admitted, buy now, abandoned the queue (left, silent, or there when it was closed), lost an admission without an order that was paid (lapsed) and bought (converted); admissions a minute lately, and how long those who buy now had waited. Reads only. Errors: event_not_found, organizer_not_found, forbidden, waiting_room_off, rate_limited.';
select private.expose('waiting_room_analytics(uuid)', 'authenticated');

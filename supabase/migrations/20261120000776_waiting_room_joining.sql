-- Waiting rooms: joining a queue, and the proof of its shuffle.
-- Rule kept here: joining locks nothing that two people share. Its number comes from the sequence of the room; a number that
-- is drawn by a join that fails is missing, and counts as gone when the queue is past it.
-- Left out on purpose: a limit for the first join, which is one row for a person and an event.

create function private.join_queue(p_event_id uuid)
returns setof public.queue_entries
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id constant uuid := private.require_user();
  v_room public.waiting_rooms;
  v_entry public.queue_entries;
  v_id uuid := gen_random_uuid();
  v_number bigint;
  v_key bytea;
begin
  select * into v_room from public.waiting_rooms r where r.event_id = p_event_id;
  if not found or v_room.status = 'off' then
    perform private.fail('waiting_room_off');
  elsif v_room.status = 'closed' then
    perform private.fail('waiting_room_closed');
  end if;
  select * into v_entry from public.queue_entries e where e.user_id = v_user_id and e.event_id = p_event_id;
  if v_entry.status in ('waiting', 'admitted') then
    -- a second tab or device
    perform private.keep_place(p_event_id, v_user_id);
    return query select * from public.queue_entries e where e.id = v_entry.id;
    return;
  end if;
  if private.is_event_hidden(p_event_id) then
    perform private.fail('event_not_on_sale', '{"state": "closed"}');
  end if;
  perform private.require_not_suspended(v_user_id);
  if v_entry.id is not null then
    perform private.spend_token('rejoin_queue', v_user_id::text);
    v_id := v_entry.id;
  end if;

  if v_room.opened_at is null then
    if coalesce(v_room.opens_at, '-infinity') <= clock_timestamp() then
      perform private.run_queue(p_event_id, true);
    else
      -- shared by all who join the pre-queue; its opening takes it alone
      perform pg_advisory_xact_lock_shared(private.prequeue_lock(p_event_id));
    end if;
    select * into v_room from public.waiting_rooms r where r.event_id = p_event_id;
  end if;
  if v_room.opened_at is null then
    select extensions.hmac(convert_to(v_id::text, 'utf8'), s.seed, 'sha256') into strict v_key from private.queue_seeds s where s.event_id = p_event_id;
  else
    -- the transaction has its id before the number, so that a snapshot in which it has ended shows every lower number of its own
    perform pg_current_xact_id();
    v_number := nextval(v_room.numbers);
  end if;
  insert into public.queue_entries as e (id, event_id, user_id, number, shuffle_key)
  values (v_id, p_event_id, v_user_id, v_number, v_key)
  on conflict on constraint queue_entries_one_place do update
  set status = 'waiting', number = excluded.number, shuffle_key = coalesce(e.shuffle_key, excluded.shuffle_key), joined_at = excluded.joined_at,
      joined_xid = excluded.joined_xid, seen_at = excluded.seen_at, admission_id = null, admitted_at = null, admission_round = null,
      admission_expires_at = null, order_id = null, checkout_expires_at = null, ended_at = null, end_reason = null
  where e.status not in ('waiting', 'admitted')
  returning * into v_entry;
  if not found then
    -- two devices at once: the first has joined
    return query select * from public.queue_entries e where e.user_id = v_user_id and e.event_id = p_event_id;
    return;
  end if;
  if v_room.due_at <= clock_timestamp() then
    perform private.run_queue(p_event_id, false);
    return query select * from public.queue_entries e where e.id = v_entry.id;
  else
    return next v_entry;
  end if;
end
$$;

create function public.join_queue(event_id uuid)
returns table (id uuid, status text, number bigint, joined_at timestamptz, admission_id uuid, admission_expires_at timestamptz)
-- plpgsql keeps its plan: a crowd joins at one moment
language plpgsql volatile set search_path = ''
as $$
begin
  return query select j.id, j.status, j.number, j.joined_at, j.admission_id, j.admission_expires_at from private.join_queue($1) j;
end
$$;
comment on function public.join_queue is 'Takes the caller''s one place in the queue of an event, on whatever device; who has one keeps it. number is null in the pre-queue, which is shuffled at opens_at. Who lost or left a place gets a new number at the end. Repeatable. Errors: waiting_room_off, waiting_room_closed, event_not_on_sale (details.state; staff has hidden the event), account_suspended, rate_limited.';
select private.expose('join_queue(uuid)', 'authenticated');

create function private.queue_shuffle(p_event_id uuid, p_after bigint, p_page_size int)
returns table (number bigint, entry_id uuid)
language plpgsql stable security definer set search_path = ''
as $$
begin
  if p_page_size is null or p_page_size not between 1 and 1000 then
    perform private.fail_input('page_size', 'must be 1 to 1000');
  end if;
  if p_after is null or p_after < 0 then
    perform private.fail_input('after', 'must be 0, or the last number of the page before');
  end if;
  return query
    select e.shuffle_number, e.id from public.queue_entries e
    where e.event_id = p_event_id and e.shuffle_number > p_after
    order by e.shuffle_number
    limit p_page_size;
end
$$;
create function public.queue_shuffle(event_id uuid, after bigint default 0, page_size int default 1000)
returns table (number bigint, entry_id uuid)
language sql stable set search_path = ''
as $$ select * from private.queue_shuffle($1, $2, $3) $$;
comment on function public.queue_shuffle is 'The places of a pre-queue in the order of its shuffle, without who has them: with seed and seed_hash of the waiting room anybody can sort them again by hmac-sha256(seed, entry_id) and must get the same numbers. Empty before the opening. Errors: invalid_input.';
select private.expose('queue_shuffle(uuid, bigint, int)', 'anon', 'authenticated');

-- Waiting rooms: one's own place: what it is, the signs of life that keep it, and leaving.
-- Rule kept here: looking costs what reading two rows by their keys costs, however many wait. Who looks also keeps the place,
-- and sets off a round when something is due: no clock is needed.
-- Left out on purpose: joining (waiting_room_joining).

create function private.queue_status(p_event_id uuid)
returns table (
  room_status text, opens_at timestamptz, status text, number bigint, "position" bigint, wait_seconds int,
  waiting bigint, serving_number bigint, admitted_count bigint, per_minute numeric, admission_id uuid, admission_expires_at timestamptz,
  order_id uuid, checkout_expires_at timestamptz, end_reason text, server_time timestamptz
)
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id constant uuid := private.require_user();
  -- near the front, where it matters, those before are counted
  v_near constant int := 50;
  v_due_at timestamptz;
  v_entry_id uuid;
  v_seen_at timestamptz;
begin
  server_time := clock_timestamp();
  for i in 1 .. 2 loop
    -- One statement with few calls, because everybody who waits asks this. The position is the number of the place, less those admitted,
    -- less those gone before it: exact but for the number's own bucket.
    select r.status, r.opens_at, r.serving_number, r.admitted_count, r.per_minute, r.due_at,
      case when r.opened_at is not null then
        greatest(coalesce(pg_sequence_last_value(r.numbers), r.shuffle_count) - r.admitted_count - r.gone_count, 0) end,
      e.id, e.status, e.number, e.seen_at, e.order_id, e.end_reason, e.admission_id, e.admission_expires_at, e.checkout_expires_at,
      e.number - r.admitted_count - coalesce(r.gone[(e.number - 1) / r.gone_width + 1], r.gone_count)
        - (coalesce(r.gone[(e.number - 1) / r.gone_width + 2], r.gone_count) - coalesce(r.gone[(e.number - 1) / r.gone_width + 1], r.gone_count))
          * ((e.number - 1) % r.gone_width) / r.gone_width
    into room_status, opens_at, serving_number, admitted_count, per_minute, v_due_at,
      waiting, v_entry_id, status, number, v_seen_at, order_id, end_reason, admission_id, admission_expires_at, checkout_expires_at, "position"
    from public.waiting_rooms r
    left join public.queue_entries e on e.event_id = r.event_id and e.user_id = v_user_id
    where r.event_id = p_event_id;
    if not found then
      perform private.fail('waiting_room_off');
    end if;
    exit when i = 2;
    if v_seen_at < server_time - interval '30 seconds' and status in ('waiting', 'admitted') then
      update public.queue_entries e set seen_at = clock_timestamp() where e.id = v_entry_id and e.status in ('waiting', 'admitted');
    end if;
    exit when v_due_at > server_time or (v_due_at = '-infinity' and status is distinct from 'waiting');
    perform private.run_queue(p_event_id, false);
  end loop;

  if status is distinct from 'waiting' then
    "position" := null;
    if status is distinct from 'admitted' then
      admission_id := null;
      admission_expires_at := null;
      checkout_expires_at := null;
    elsif order_id is null and admission_expires_at <= server_time and not private.is_event_hidden(p_event_id) then
      status := 'expired';
      end_reason := 'late';
    end if;
  elsif room_status in ('off', 'closed') then
    -- over already, though its row is emptied later
    status := 'expired';
    end_reason := case room_status when 'off' then 'closed' else 'sold_out' end;
    "position" := null;
  elsif "position" is not null then
    if "position" <= v_near then
      "position" := 1 + (
        select count(*) from (
          select from public.queue_entries e
          where e.event_id = p_event_id and e.status = 'waiting' and e.number < queue_status.number
          order by e.number limit 4 * v_near
        ) before
      );
    end if;
    if room_status = 'open' and per_minute > 0 then
      wait_seconds := least(ceil("position" * 60 / per_minute), 1000000);
    end if;
  end if;
  return next;
end
$$;

create function public.queue_status(event_id uuid)
returns table (
  room_status text, opens_at timestamptz, status text, number bigint, "position" bigint, wait_seconds int,
  waiting bigint, serving_number bigint, admitted_count bigint, per_minute numeric, admission_id uuid, admission_expires_at timestamptz,
  order_id uuid, checkout_expires_at timestamptz, end_reason text, server_time timestamptz
)
-- plpgsql, because everybody who waits asks this: an SQL function with a SET clause is planned anew at each call
language plpgsql volatile set search_path = ''
as $$
begin
  return query select * from private.queue_status($1);
end
$$;
comment on function public.queue_status is 'The caller''s place in the queue of an event, and how far the queue is; asking keeps the place. status is null for who never joined. position counts from 1, and is null in the pre-queue; wait_seconds is null when unknown; per_minute is how many were admitted each minute lately. With admission_id an order can be made until admission_expires_at; while the event is hidden by staff the room is paused, and what is left of that time begins again when it is shown. Repeatable. Errors: waiting_room_off.';
select private.expose('queue_status(uuid)', 'authenticated');

-- A sign of life. Answers the status of the place, or null when there is none.
create function private.keep_place(p_event_id uuid, p_user_id uuid)
returns text
language plpgsql volatile set search_path = ''
as $$
declare
  v_now constant timestamptz := clock_timestamp();
  v_status text;
  v_due_at timestamptz;
begin
  update public.queue_entries e
  set seen_at = v_now
  where e.user_id = p_user_id and e.event_id = p_event_id and e.status in ('waiting', 'admitted') and e.seen_at < v_now - interval '30 seconds';
  select e.status, r.due_at into v_status, v_due_at
  from public.queue_entries e join public.waiting_rooms r on r.event_id = e.event_id
  where e.user_id = p_user_id and e.event_id = p_event_id;
  if v_due_at <= v_now and (v_status = 'waiting' or v_due_at > '-infinity') then
    perform private.run_queue(p_event_id, false);
    select e.status into v_status from public.queue_entries e where e.user_id = p_user_id and e.event_id = p_event_id;
  end if;
  return v_status;
end
$$;

create function private.send_queue_heartbeat(p_event_id uuid)
returns text
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_status text := private.keep_place(p_event_id, private.require_user());
begin
  if v_status is null then
    perform private.fail('no_queue_place');
  end if;
  return v_status;
end
$$;
create function public.send_queue_heartbeat(event_id uuid)
returns text
language sql volatile set search_path = ''
as $$ select private.send_queue_heartbeat(event_id) $$;
comment on function public.send_queue_heartbeat is 'Keeps the caller''s place in the queue of an event: a place without a sign of life for five minutes (setting queue_grace_seconds) is lost. Answers the status of the place. Once a minute is enough. Repeatable. Errors: no_queue_place.';
select private.expose('send_queue_heartbeat(uuid)', 'authenticated');

create function private.leave_queue(p_event_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id constant uuid := private.require_user();
  v_entry public.queue_entries;
  v_room public.waiting_rooms;
  v_number bigint;
begin
  select * into v_entry from public.queue_entries e where e.user_id = v_user_id and e.event_id = p_event_id;
  if not found then
    perform private.fail('no_queue_place');
  end if;
  if v_entry.status = 'waiting' then
    -- before the place, so that it cannot be admitted meanwhile
    select * into v_room from public.waiting_rooms r where r.event_id = p_event_id for no key update;
    update public.queue_entries e set status = 'left', ended_at = clock_timestamp(), end_reason = 'left'
    where e.id = v_entry.id and e.status = 'waiting'
    returning e.number into v_number;
    if found then
      if v_number is not null then
        v_room := private.count_gone(v_room, array[v_number]);
      end if;
      update public.waiting_rooms r
      set gone = v_room.gone, gone_width = v_room.gone_width, gone_count = v_room.gone_count, left_waiting_count = r.left_waiting_count + 1
      where r.id = v_room.id;
      return;
    end if;
  end if;
  -- somebody admitted; the slot goes to the next at commit (free_slot). Skip locked: a payment that is written at this
  -- moment ends the place itself.
  update public.queue_entries e set status = 'left', ended_at = clock_timestamp(), end_reason = 'left'
  where e.id = (select a.id from public.queue_entries a where a.id = v_entry.id and a.status = 'admitted' for no key update skip locked);
end
$$;
create function public.leave_queue(event_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.leave_queue(event_id) $$;
comment on function public.leave_queue is 'Gives up the caller''s place in the queue of an event, or the admission; an order that was made stays. Joining again takes a new number at the end. Repeatable. Errors: no_queue_place.';
select private.expose('leave_queue(uuid)', 'authenticated');

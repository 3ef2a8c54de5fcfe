-- Waiting rooms: what they know of the event behind them: who manages it, what is left of it, and which payments are open.
-- Rule kept here: this is the one file of the module that reads tables of ticketing and payments.
-- Left out on purpose: changing anything there.

-- The stock for which people can be admitted. p_available: tickets that an order could take now; a hold that is over counts as
-- free. p_sold_out: every ticket on sale is sold, and no order is open that might give some back.
create function private.queue_stock(p_event_id uuid, out available bigint, out sold_out boolean)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_capacity bigint;
  v_overdue bigint;
  v_is_open boolean;
begin
  with pools as (
    select p.id, p.class_id, sum(s.capacity - s.held - s.sold) as free, sum(s.capacity) as capacity
    from private.capacity_pools p join private.stock_shards s on s.pool_id = p.id
    where p.event_id = p_event_id
    group by p.id, p.class_id
  ), classes as (
    -- a class that shares pools counts in one of them
    select o.id, o.capacity,
      -- what comes back goes to those on its waiting list
      case when t.has_waiting_list and private.is_waited_for(t.id) then 0 else o.free end as free, (
      select min(c.pool_id::text)::uuid from private.class_pools c where c.class_id = o.id and c.pool_id <> o.id) as shared_id
    from pools o join public.ticket_classes t on t.id = o.class_id
    where not t.is_closed
  ), sums as (
    select c.shared_id, case when c.shared_id is null then sum(c.free) else least(sum(c.free), min(p.free)) end as free, sum(c.capacity) as capacity
    from classes c left join pools p on p.id = c.shared_id
    group by c.shared_id
  )
  select coalesce(sum(s.free), 0), coalesce(sum(s.capacity), 0) into available, v_capacity from sums s;
  -- what is held of the classes themselves; a hold that is over and was not taken back yet is as good as free
  select coalesce(sum(h.held) filter (where h.held_until <= now() and not (t.has_waiting_list and private.is_waited_for(t.id))), 0), count(*) > 0 into v_overdue, v_is_open
  from private.ticket_holds h
  join private.capacity_pools p on p.id = h.pool_id and p.class_id is not null
  join public.ticket_classes t on t.id = p.class_id
  where p.event_id = p_event_id and h.held > 0;
  sold_out := available <= 0 and not v_is_open and v_capacity > 0;
  available := greatest(available, 0) + v_overdue;
  -- whatever its room says, there is nothing to buy of an event that does not take place, has no date, or is hidden
  if exists (select from public.events e where e.id = p_event_id and (e.status in ('cancelled', 'postponed', 'ended') or e.hidden_at is not null)) then
    available := 0;
    sold_out := false;
  end if;
end
$$;

-- Whether staff has hidden the event. Nothing of it is sold then, so nobody joins or is admitted, and an admission does not run out.
create function private.is_event_hidden(p_event_id uuid)
returns boolean
language plpgsql stable security definer set search_path = ''
as $$
begin
  return exists (select from public.events e where e.id = p_event_id and e.hidden_at is not null);
end
$$;

create function private.has_open_attempt(p_order_id uuid)
returns boolean
language plpgsql stable security definer set search_path = ''
as $$
begin
  return exists (
    select from public.payments p join public.payment_attempts a on a.payment_id = p.id
    where p.payable_id = p_order_id and a.status in ('created', 'pending') and a.expires_at > now()
  );
end
$$;

create function private.require_queue_role(p_event_id uuid, variadic p_roles text[])
returns void
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_organizer_id uuid;
begin
  perform private.require_user();
  select e.organizer_id into v_organizer_id from public.events e where e.id = p_event_id;
  if not found then
    perform private.fail('event_not_found');
  end if;
  perform private.require_organizer_role(v_organizer_id, variadic p_roles);
end
$$;

-- Spends the admission of a new order, in the transaction that makes it. A room that is open or paused asks for one. An
-- event that sells through a room alone sells nothing while the room is off.
create or replace function private.spend_admission(p_event_id uuid, p_user_id uuid, p_admission uuid, p_order_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_status text;
begin
  select r.status into v_status from public.waiting_rooms r where r.event_id = p_event_id;
  if v_status = 'closed' or (coalesce(v_status, 'off') = 'off' and not (select c.waiting_room from public.event_configs c where c.event_id = p_event_id)) then
    return;
  end if;
  if p_admission is null or v_status is null or v_status = 'off' then
    perform private.fail('admission_required');
  end if;
  update public.queue_entries e
  set order_id = p_order_id, seen_at = clock_timestamp(),
      checkout_expires_at = now() + (private.setting('admission_minutes')::int * interval '1 minute')
  where e.admission_id = p_admission and e.event_id = p_event_id and e.user_id = p_user_id
    and e.status = 'admitted' and e.order_id is null and e.admission_expires_at > now();
  if not found then
    perform private.fail('admission_over');
  end if;
end
$$;

-- An order has ended. Its place ends with it, and at commit the slot goes to the next (free_slot). A place that was lost
-- meanwhile counts as completed all the same when the order is paid.
create function private.checkout_ended(p_order_id uuid, p_is_completed boolean)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  update public.queue_entries e
  set status = case when p_is_completed then 'completed' else 'expired' end, ended_at = clock_timestamp(),
      end_reason = case when p_is_completed then 'completed' else 'failed' end
  where e.order_id = p_order_id and (e.status = 'admitted' or (p_is_completed and e.status in ('left', 'expired')));
end
$$;

create function private.end_checkout()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.checkout_ended(new.id, new.status = 'completed');
  return null;
end
$$;
-- Whatever ends an order, a row edited in Studio included. An order with nothing to pay is completed when it is made, after
-- its admission was spent.
create trigger end_checkout after update of status on public.orders
  for each row when (old.status is distinct from new.status and new.status <> 'pending_payment') execute function private.end_checkout();
create trigger end_free_checkout after insert on public.orders
  for each row when (new.status = 'completed') execute function private.end_checkout();

-- An event that is cancelled has no queue any more; one that is postponed admits nobody until the organizer opens it again.
-- At commit, because a round comes after rows of orders and stock.
create function private.stop_queue_of_event()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  update public.waiting_rooms r
  set status = case when new.status = 'cancelled' then 'off' else 'paused' end, resumes = false, is_told = false, told_at = '-infinity'
  where r.event_id = new.id and (r.status = 'open' or r.resumes or (new.status = 'cancelled' and r.status <> 'off'));
  if found then
    perform private.run_queue(new.id, true);
  end if;
  return null;
end
$$;
create constraint trigger stop_queue after update of status on public.events
  deferrable initially deferred for each row
  when (old.status is distinct from new.status and new.status in ('cancelled', 'postponed'))
  execute function private.stop_queue_of_event();

-- While staff hides an event its room is paused. Showing it again opens the room, if that was open, and gives everybody admitted
-- the time back that they could not order in. At commit, as above.
create function private.stop_queue_of_hidden_event()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_now constant timestamptz := clock_timestamp();
begin
  if new.hidden_at is not null then
    update public.waiting_rooms r set status = 'paused', resumes = true, is_told = false, told_at = '-infinity'
    where r.event_id = new.id and r.status = 'open';
  else
    -- before the room: an order that holds such a place may be waiting for the room
    update public.queue_entries e
    set admission_expires_at = e.admission_expires_at + (v_now - old.hidden_at), seen_at = least(e.seen_at + (v_now - old.hidden_at), v_now)
    from private.checkout_slots s
    where s.event_id = new.id and e.id = s.entry_id and e.status = 'admitted' and e.order_id is null;
    update public.waiting_rooms r set status = 'open', resumes = false, tokens = 1, refilled_at = v_now, is_told = false, told_at = '-infinity'
    where r.event_id = new.id and r.resumes;
  end if;
  perform private.run_queue(new.id, true);
  return null;
end
$$;
create constraint trigger stop_queue_of_hidden after update of hidden_at on public.events
  deferrable initially deferred for each row
  when ((old.hidden_at is null) <> (new.hidden_at is null))
  execute function private.stop_queue_of_hidden_event();

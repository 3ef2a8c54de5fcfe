-- Ticketing: who on a waiting list is offered what comes back, and when.
-- Rule kept here: the transaction that frees tickets offers them, before anybody else could see them. While somebody waits
-- for a kind of ticket, nobody else buys it.
-- Locks: an advisory lock of the lists of an event is taken after rows of orders, holds and shards, and before the room and
-- inboxes. DO NOT wait for a shard or a place under it: who holds one may be waiting for it.
-- Left out on purpose: a clock. Holds that are over are found by those who wait and look, and by a job.

-- Whether somebody waits for this kind of ticket.
create function private.is_waited_for(p_class_id uuid)
returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (select from public.waiting_list_entries w where w.class_id = p_class_id and w.status = 'waiting');
end
$$;

-- How many tickets anybody may order now.
create function private.tickets_on_sale(p_class public.ticket_classes)
returns bigint
language plpgsql stable set search_path = ''
as $$
begin
  return case when p_class.has_waiting_list and private.is_waited_for(p_class.id) then 0 else private.tickets_left(p_class.id) end;
end
$$;

-- The keys of the two advisory locks of an event: its lists, and the moment when a kind of ticket gets its first place.
create function private.waiting_list_lock(p_event_id uuid, p_purpose text)
returns bigint
language sql immutable set search_path = ''
as $$ select hashtextextended('waiting list ' || p_purpose || ' ' || p_event_id, 0) $$;

-- Takes tickets for a place in every pool of their kind, from whatever shards nobody else has locked; or nothing. Who has
-- locked one gives tickets back, and offers them after this.
create function private.take_free(p_entry_id uuid, p_class_id uuid, p_quantity int, p_held_until timestamptz)
returns boolean
language plpgsql volatile set search_path = ''
as $$
declare
  v_pool_id uuid;
  v_shard record;
  v_rest int;
  v_step int;
begin
  for v_pool_id in select c.pool_id from private.class_pools c where c.class_id = p_class_id order by c.pool_id loop
    v_rest := p_quantity;
    for v_shard in
      select s.shard, s.capacity - s.held - s.sold as free from private.stock_shards s
      where s.pool_id = v_pool_id and s.capacity - s.held - s.sold > 0
      order by 2 desc, 1
      for no key update skip locked
    loop
      exit when v_rest = 0;
      v_step := least(v_rest, v_shard.free);
      update private.stock_shards s set held = s.held + v_step where s.pool_id = v_pool_id and s.shard = v_shard.shard;
      perform private.count_hold(p_entry_id, v_pool_id, v_shard.shard, v_step, p_held_until);
      v_rest := v_rest - v_step;
    end loop;
    if v_rest > 0 then
      raise exception 'too few' using errcode = 'JT003';
    end if;
  end loop;
  return true;
exception
  when sqlstate 'JT003' then
    return false;
end
$$;

-- Offers what is free to those who wait, the lowest numbers first. Answers how many offers it made.
create function private.offer_tickets(p_event_id uuid, p_limit int default 200)
returns int
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_event public.events;
  v_config public.event_configs;
  v_classes uuid[];
  v_holds private.ticket_holds[];
  v_tried uuid[] := array[]::uuid[];
  v_entry public.waiting_list_entries;
  v_id uuid;
  v_until timestamptz;
  v_count int := 0;
begin
  select * into v_event from public.events where id = p_event_id;
  select * into v_config from public.event_configs where event_id = p_event_id;
  v_classes := array(
    select c.id from public.ticket_classes c
    where c.event_id = p_event_id and c.has_waiting_list and (private.sale_window(v_event, v_config, c)).state = 'on_sale');
  if cardinality(v_classes) = 0 then
    return 0;
  end if;
  -- in this order: see join_waiting_list
  perform pg_advisory_xact_lock_shared(private.waiting_list_lock(p_event_id, 'first'));
  perform pg_advisory_xact_lock(private.waiting_list_lock(p_event_id, 'offers'));
  -- offers that are over, and whatever else is held over its time
  update public.waiting_list_entries w set status = 'lapsed', ended_at = now()
  where w.id in (
    select o.id from public.waiting_list_entries o
    where o.event_id = p_event_id and o.status = 'offered' and o.offer_expires_at <= now()
    for no key update skip locked);
  v_holds := array(
    select h from private.ticket_holds h join private.stock_shards s on s.pool_id = h.pool_id and s.shard = h.shard
    where h.pool_id in (select p.pool_id from private.class_pools p where p.class_id = any (v_classes)) and h.held > 0 and h.held_until <= now()
    order by h.pool_id, h.shard, h.order_id
    limit 1000
    for no key update skip locked);
  if cardinality(v_holds) > 0 then
    perform private.give_back(v_holds);
  end if;
  while v_count + cardinality(v_tried) < p_limit loop
    select w.id into v_id
    from unnest(v_classes) k (id)
    cross join lateral (
      select min(f.free) as free from (
        select sum(s.capacity - s.held - s.sold) as free
        from private.class_pools p join private.stock_shards s on s.pool_id = p.pool_id where p.class_id = k.id group by p.pool_id
      ) f
    ) l
    cross join lateral (
      select e.id, e.number from public.waiting_list_entries e
      where e.class_id = k.id and e.status = 'waiting' and e.quantity <= l.free and e.id <> all (v_tried)
      order by e.number limit 1
    ) w
    where l.free > 0
    order by w.number
    limit 1;
    exit when not found;
    -- one that its person is just leaving is passed over
    select * into v_entry from public.waiting_list_entries e where e.id = v_id and e.status = 'waiting' for no key update skip locked;
    if not found then
      v_tried := v_tried || v_id;
      continue;
    end if;
    select least(now() + private.setting('waiting_list_offer_minutes')::int * interval '1 minute', (private.sale_window(v_event, v_config, c)).ends_at) into v_until
    from public.ticket_classes c where c.id = v_entry.class_id;
    if not private.take_free(v_id, v_entry.class_id, v_entry.quantity, v_until) then
      v_tried := v_tried || v_id;
      continue;
    end if;
    update public.waiting_list_entries set status = 'offered', offer_expires_at = v_until where id = v_id;
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;

-- Tickets were given back. The transaction that gives them back offers them, while their shards are locked.
create function private.offer_freed()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_event_id uuid := (select p.event_id from private.capacity_pools p where p.id = new.pool_id);
begin
  -- the first place of a kind of ticket waits for those who are here, and looks after them
  perform pg_advisory_xact_lock_shared(private.waiting_list_lock(v_event_id, 'first'));
  if exists (select from public.ticket_classes c where c.event_id = v_event_id and c.has_waiting_list) then
    perform private.offer_tickets(v_event_id);
  end if;
  return null;
end
$$;
-- not when capacity moves between shards, which an order does for itself
create trigger offer_freed after update on private.stock_shards
  for each row when (new.held + new.sold < old.held + old.sold)
  execute function private.offer_freed();

-- Spends the offer that a buyer has for what is ordered, and answers the id of the place; null when there is none. Refuses
-- what somebody else waits for. Called only for kinds of tickets that have had a waiting list.
create function private.spend_offer(p_event_id uuid, p_buyer_id uuid, p_lines private.order_line[], p_order_id uuid)
returns uuid
language plpgsql volatile set search_path = ''
as $$
declare
  v_entry public.waiting_list_entries;
  v_class_id uuid;
begin
  select * into v_entry from public.waiting_list_entries w
  where w.user_id = p_buyer_id and w.event_id = p_event_id and w.status = 'offered' and w.offer_expires_at > now()
    and w.class_id in (select l.class_id from unnest(p_lines) l)
  order by w.number limit 1
  for no key update;
  if found and cardinality(p_lines) = 1 and p_lines[1].quantity <= v_entry.quantity then
    update public.waiting_list_entries set status = 'accepted', order_id = p_order_id, ended_at = now() where id = v_entry.id;
    return v_entry.id;
  end if;
  select l.class_id into v_class_id from unnest(p_lines) l where private.is_waited_for(l.class_id) order by l.class_id limit 1;
  if found then
    perform private.fail('sold_out', jsonb_build_object('class_id', v_class_id, 'left', case
      -- what is offered to somebody is theirs to know
      when v_entry.class_id = v_class_id then v_entry.quantity
      else (select private.shown_left(c, 0) from public.event_configs c where c.event_id = p_event_id) end));
  end if;
  return null;
end
$$;

-- Gives an order what its offer holds; what it does not need goes back. Answers null, or what is lacking when the offer was
-- over in this moment.
create function private.take_offered(p_entry_id uuid, p_order public.orders)
returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_hold private.ticket_holds;
  v_pool_id uuid;
  v_rest int := 0;
  v_keep int;
  v_pools int := 0;
  v_class_id uuid := (select i.class_id from public.order_items i where i.order_id = p_order.id);
begin
  perform 1 from private.ticket_holds h where h.order_id = p_entry_id order by h.pool_id, h.shard for update;
  perform 1 from private.stock_shards s join private.ticket_holds h on h.pool_id = s.pool_id and h.shard = s.shard
  where h.order_id = p_entry_id order by s.pool_id, s.shard for no key update of s;
  for v_hold in select * from private.ticket_holds h where h.order_id = p_entry_id and h.held > 0 order by h.pool_id, h.shard loop
    if v_hold.pool_id is distinct from v_pool_id then
      v_pool_id := v_hold.pool_id;
      v_rest := p_order.quantity;
    end if;
    v_keep := least(v_hold.held, v_rest);
    v_rest := v_rest - v_keep;
    v_pools := v_pools + case when v_keep > 0 and v_rest = 0 then 1 else 0 end;
    update private.ticket_holds h set held = 0, held_until = null where h.order_id = p_entry_id and h.pool_id = v_pool_id and h.shard = v_hold.shard;
    if v_keep > 0 then
      perform private.count_hold(p_order.id, v_pool_id, v_hold.shard, v_keep, p_order.hold_expires_at);
    end if;
    update private.stock_shards s
    set held = s.held - v_hold.held + case when p_order.hold_expires_at is null then 0 else v_keep end,
        sold = s.sold + case when p_order.hold_expires_at is null then v_keep else 0 end
    where s.pool_id = v_pool_id and s.shard = v_hold.shard;
  end loop;
  return case when v_pools < (select count(*) from private.class_pools c where c.class_id = v_class_id)
    then jsonb_build_object('class_id', v_class_id, 'left', 0) end;
end
$$;

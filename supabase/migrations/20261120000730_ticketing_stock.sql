-- Ticketing: taking stock, and giving it back.
-- Rule kept here: a buyer is refused only when nothing is left; a hold that is over is taken back by anybody who needs it.
-- Locks that are waited for are taken in one order: the rows of holds, then shards by pool and number.
-- Callers take stock as the last thing they do, so that the hot rows are locked as shortly as possible.
-- Left out on purpose: what an order is; this counts tickets.

-- Adds what an order takes of one shard. It is held until a moment, or sold.
create function private.count_hold(p_order_id uuid, p_pool_id uuid, p_shard smallint, p_quantity int, p_held_until timestamptz)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into private.ticket_holds as h (order_id, pool_id, shard, held, sold, held_until)
  values (p_order_id, p_pool_id, p_shard, case when p_held_until is null then 0 else p_quantity end, case when p_held_until is null then p_quantity else 0 end, p_held_until)
  on conflict (order_id, pool_id, shard) do update
  set held = excluded.held, sold = h.sold + excluded.sold, held_until = excluded.held_until;
end
$$;

-- The quick way: one shard that nobody has locked and that has enough. Orders begin to look at different shards. With p_wait, one
-- that others have locked: it waits for shards in their order, from a random one on, and never for one below it.
create function private.take_from_one_shard(p_order_id uuid, p_pool_id uuid, p_quantity int, p_held_until timestamptz, p_wait boolean)
returns boolean
language plpgsql volatile set search_path = ''
as $$
declare
  v_start int := floor(random() * 64);
  v_shard smallint;
begin
  if p_wait then
    select s.shard into v_shard
    from private.stock_shards s
    where s.pool_id = p_pool_id and s.capacity - s.held - s.sold >= p_quantity and s.shard >= (
      select o.shard from private.stock_shards o where o.pool_id = p_pool_id and o.capacity - o.held - o.sold >= p_quantity
      order by (o.shard + v_start) % 64 limit 1)
    order by s.shard
    limit 1
    for no key update of s;
  else
    select s.shard into v_shard
    from private.stock_shards s
    where s.pool_id = p_pool_id and s.capacity - s.held - s.sold >= p_quantity
    order by (s.shard + v_start) % 64
    limit 1
    for no key update skip locked;
  end if;
  if v_shard is null then
    return false;
  end if;
  if p_held_until is null then
    update private.stock_shards s set sold = s.sold + p_quantity where s.pool_id = p_pool_id and s.shard = v_shard;
  else
    update private.stock_shards s set held = s.held + p_quantity where s.pool_id = p_pool_id and s.shard = v_shard;
  end if;
  perform private.count_hold(p_order_id, p_pool_id, v_shard, p_quantity, p_held_until);
  return true;
end
$$;

-- Gives back what these holds hold. Callers hold the locks of them and of their shards. The holds are written first: what comes
-- back may be offered to somebody in the statement that frees it.
create function private.give_back(p_holds private.ticket_holds[])
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update private.ticket_holds t set held = 0, held_until = null
  from unnest(p_holds) h
  where t.order_id = h.order_id and t.pool_id = h.pool_id and t.shard = h.shard;
  update private.stock_shards s set held = s.held - k.held
  from (select h.pool_id, h.shard, sum(h.held)::int as held from unnest(p_holds) h group by 1, 2) k
  where s.pool_id = k.pool_id and s.shard = k.shard;
end
$$;

-- Takes back holds that are over in these pools. Rows that another transaction has are skipped: it pays for them, or takes
-- them back itself. With p_all, it then locks every shard of the pools.
create function private.release_over_holds(p_pool_ids uuid[], p_all boolean, p_limit int default 1000)
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_holds private.ticket_holds[];
begin
  v_holds := array(
    select h from private.ticket_holds h
    where h.pool_id = any (p_pool_ids) and h.held > 0 and h.held_until <= now()
    order by h.pool_id, h.shard, h.order_id
    limit p_limit
    for update skip locked
  );
  perform 1 from private.stock_shards s
  where s.pool_id = any (p_pool_ids) and (p_all or exists (select from unnest(v_holds) h where h.pool_id = s.pool_id and h.shard = s.shard))
  order by s.pool_id, s.shard
  for no key update;
  perform private.give_back(v_holds);
  return cardinality(v_holds);
end
$$;

-- The slow way: takes back what is over, then locks all shards, and moves capacity into one where none has enough.
-- Answers the pool that has too little and what is left in it, or null.
create function private.take_from_all_shards(p_order_id uuid, p_pool_ids uuid[], p_quantities int[], p_held_until timestamptz)
returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_quantity int;
  v_left bigint;
  v_most record;
begin
  perform private.release_over_holds(p_pool_ids, true);
  for i in 1 .. cardinality(p_pool_ids) loop
    v_quantity := p_quantities[i];
    select sum(s.capacity - s.held - s.sold) into v_left from private.stock_shards s where s.pool_id = p_pool_ids[i];
    if v_left < v_quantity then
      return jsonb_build_object('pool_id', p_pool_ids[i], 'left', v_left);
    end if;
    select s.shard, s.capacity - s.held - s.sold as free into v_most from private.stock_shards s where s.pool_id = p_pool_ids[i] order by 2 desc, 1 limit 1;
    if v_most.free < v_quantity then
      -- one statement, so that the sum is right after it
      update private.stock_shards s
      set capacity = s.capacity + case when s.shard = v_most.shard then v_quantity - v_most.free else -least(f.free, v_quantity - v_most.free - f.before) end
      from (
        select o.shard, o.free, sum(case when o.shard = v_most.shard then 0 else o.free end) over (order by o.free desc, o.shard)
          - case when o.shard = v_most.shard then 0 else o.free end as before
        from (select t.shard, t.capacity - t.held - t.sold as free from private.stock_shards t where t.pool_id = p_pool_ids[i]) o
      ) f
      where s.pool_id = p_pool_ids[i] and s.shard = f.shard and (s.shard = v_most.shard or (f.free > 0 and f.before < v_quantity - v_most.free));
    end if;
    if p_held_until is null then
      update private.stock_shards s set sold = s.sold + v_quantity where s.pool_id = p_pool_ids[i] and s.shard = v_most.shard;
    else
      update private.stock_shards s set held = s.held + v_quantity where s.pool_id = p_pool_ids[i] and s.shard = v_most.shard;
    end if;
    perform private.count_hold(p_order_id, p_pool_ids[i], v_most.shard, v_quantity, p_held_until);
  end loop;
  return null;
end
$$;

-- Takes the stock of an order in every pool in which its tickets count, or nothing. Answers null, or the item that
-- cannot be had: {class_id, left}. What is left may be for the team alone (private.shown_left).
create function private.take_stock(p_order_id uuid, p_held_until timestamptz)
returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_pool_ids uuid[];
  v_quantities int[];
  v_lacking jsonb;
  v_class_id uuid;
  v_wait boolean;
begin
  select array_agg(n.pool_id order by n.pool_id), array_agg(n.quantity order by n.pool_id) into v_pool_ids, v_quantities
  from (
    select c.pool_id, sum(i.quantity)::int as quantity
    from public.order_items i join private.class_pools c on c.class_id = i.class_id
    where i.order_id = p_order_id group by c.pool_id
  ) n;
  -- first without waiting; then for one shard that others have locked, because who takes all of them lets nobody else through
  foreach v_wait in array array[false, true] loop
    begin
      for i in 1 .. cardinality(v_pool_ids) loop
        if not private.take_from_one_shard(p_order_id, v_pool_ids[i], v_quantities[i], p_held_until, v_wait) then
          -- DO NOT go on without undoing it: the lock stays of a row that changed and no longer has enough, and a way that
          -- takes locks in order would deadlock
          raise exception 'slow' using errcode = 'JT001';
        end if;
      end loop;
      return null;
    exception
      when sqlstate 'JT001' then
        null;
    end;
  end loop;
  v_lacking := private.take_from_all_shards(p_order_id, v_pool_ids, v_quantities, p_held_until);
  if v_lacking is null then
    return null;
  end if;
  -- the item that the buyer asked most of, when several need what is lacking
  select i.class_id into v_class_id
  from public.order_items i join private.class_pools c on c.class_id = i.class_id and c.pool_id = (v_lacking ->> 'pool_id')::uuid
  where i.order_id = p_order_id
  order by (c.pool_id = i.class_id) desc, i.quantity desc, i.class_id limit 1;
  return jsonb_build_object('class_id', v_class_id, 'left', v_lacking -> 'left');
end
$$;

-- The order is paid: what it holds is sold. False when its holds were taken back meanwhile. Callers have issued its
-- tickets before, which locks rows of the class.
create function private.sell_held(p_order_id uuid)
returns boolean
language plpgsql volatile set search_path = ''
as $$
declare
  v_held int;
begin
  -- anybody who takes them back has these rows first
  perform 1 from private.ticket_holds h where h.order_id = p_order_id order by h.pool_id, h.shard for update;
  select coalesce(min(h.held), 0) into v_held from private.ticket_holds h where h.order_id = p_order_id;
  if v_held = 0 then
    return false;
  end if;
  perform 1 from private.stock_shards s join private.ticket_holds h on h.pool_id = s.pool_id and h.shard = s.shard
  where h.order_id = p_order_id order by s.pool_id, s.shard for no key update of s;
  update private.stock_shards s set held = s.held - h.held, sold = s.sold + h.held
  from private.ticket_holds h where h.order_id = p_order_id and s.pool_id = h.pool_id and s.shard = h.shard;
  update private.ticket_holds h set sold = h.sold + h.held, held = 0, held_until = null where h.order_id = p_order_id;
  return true;
end
$$;

-- Gives back all that an order holds unpaid.
create function private.release_held(p_order_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_holds private.ticket_holds[];
begin
  v_holds := array(select h from private.ticket_holds h where h.order_id = p_order_id order by h.pool_id, h.shard for update);
  perform 1 from private.stock_shards s join unnest(v_holds) h on h.pool_id = s.pool_id and h.shard = s.shard
  where h.held > 0 order by s.pool_id, s.shard for no key update of s;
  perform private.give_back(array(select h from unnest(v_holds) h where h.held > 0));
end
$$;

-- Gives back so many sold tickets of each of these classes.
create function private.release_sold(p_order_id uuid, p_class_ids uuid[], p_quantities int[])
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_hold private.ticket_holds;
  v_pool_id uuid;
  v_rest int;
  v_step int;
begin
  -- all at once, in order
  perform 1 from private.ticket_holds h where h.order_id = p_order_id order by h.pool_id, h.shard for update;
  perform 1 from private.stock_shards s join private.ticket_holds h on h.pool_id = s.pool_id and h.shard = s.shard
  where h.order_id = p_order_id order by s.pool_id, s.shard for no key update of s;
  for i in 1 .. coalesce(cardinality(p_class_ids), 0) loop
    for v_pool_id in select c.pool_id from private.class_pools c where c.class_id = p_class_ids[i] loop
      v_rest := p_quantities[i];
      for v_hold in select * from private.ticket_holds h where h.order_id = p_order_id and h.pool_id = v_pool_id and h.sold > 0 order by h.shard loop
        v_step := least(v_rest, v_hold.sold);
        update private.stock_shards s set sold = s.sold - v_step where s.pool_id = v_pool_id and s.shard = v_hold.shard;
        update private.ticket_holds h set sold = h.sold - v_step where h.order_id = p_order_id and h.pool_id = v_pool_id and h.shard = v_hold.shard;
        v_rest := v_rest - v_step;
      end loop;
    end loop;
  end loop;
end
$$;

-- A cleanup job: anybody who needs stock takes it back without it.
create function private.release_stock()
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_pools uuid[];
  v_count int := 0;
begin
  -- by event: what comes back may be offered to those who wait, under a lock of their event
  for v_pools in
    select array_agg(distinct h.pool_id) from private.ticket_holds h join private.capacity_pools p on p.id = h.pool_id
    where h.held > 0 and h.held_until <= now() group by p.event_id order by p.event_id
  loop
    v_count := v_count + private.release_over_holds(v_pools, false);
  end loop;
  return v_count + private.release_over_seats(null);
end
$$;
select private.schedule_job('journey_ticket_stock', 'Takes back tickets and seats that were held and not paid in time.', '* * * * *', '15 minutes', 'select private.release_stock()');

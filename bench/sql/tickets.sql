-- A hot kind of ticket, a hall and queues, for the measurements of ticketing, in a database of their own. The helpers of the
-- tests make the events. Sizes come from the settings bench.people, bench.seat_rows, bench.rooms, bench.many and bench.few.

update private.rate_limits set capacity = 100000, per_minute = 100000;
update private.settings set value = '100' where key = 'max_open_orders';
grant usage on schema bench to service_role;

-- What a row costs at least: one key, four columns, no trigger, no policy.
create table bench.plain_orders (
  id uuid primary key default gen_random_uuid(),
  event_id uuid not null,
  buyer_id uuid not null,
  quantity int not null,
  created_at timestamptz not null default now()
);
grant select, insert on bench.plain_orders to authenticated;
create table bench.plain_places (
  id uuid primary key default gen_random_uuid(),
  event_id uuid not null,
  user_id uuid not null,
  number bigint not null,
  joined_at timestamptz not null default now()
);
grant select, insert on bench.plain_places to authenticated;

create function bench.load_people(p_count int)
returns void
language plpgsql volatile set search_path = '' set session_replication_role = 'replica' set synchronous_commit = 'off'
as $$
begin
  insert into auth.users (id, aud, role, email, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
  select bench.id('renter', n), 'authenticated', 'authenticated', 'person' || n || '@example.com', '{}', '{}', now(), now() from generate_series(0, p_count - 1) n;
  insert into public.profiles (id, display_name, locale) select bench.id('renter', n), 'Person ' || n, 'en' from generate_series(0, p_count - 1) n;
  insert into private.inboxes (user_id) select bench.id('renter', n) from generate_series(0, p_count - 1) n;
end
$$;
select bench.load_people(current_setting('bench.people')::int);

-- Known to the scripts by number: event 0 sells the hot kind, 1 and 4 are halls, 2 and 3 have queues, and so have all from 10 on.
create table bench.events (n int primary key, event_id uuid not null, class_id uuid not null, owner_id uuid not null);
grant select on bench.events to authenticated, service_role;
create function bench.make_event(p_n int, p_class jsonb)
returns uuid
language plpgsql volatile
as $$
declare
  v_owner uuid := tests.make_user('organizer');
  v_event uuid := tests.make_event(v_owner, p_class, '{"max_per_order": 10}');
begin
  insert into bench.events values (p_n, v_event, tests.class_of(v_event), v_owner);
  return v_event;
end
$$;
select bench.make_event(0, '{"total": 1000000}');

-- The other two ways to keep stock, with everything else as it is: the functions are those of the product, and only what takes
-- the stock is another one. What a design needs besides, it has: a counter and its holds; a row per ticket, which is its own hold.
create table bench.counters (class_id uuid primary key, capacity int not null, held int not null check (held <= capacity)) with (fillfactor = 20);
create table bench.counted_holds (order_id uuid primary key references public.orders, class_id uuid not null, held int not null, held_until timestamptz not null);
create table bench.ticket_rows (class_id uuid not null, n int not null, order_id uuid, held_until timestamptz, primary key (class_id, n)) with (fillfactor = 70);
create index ticket_rows_free on bench.ticket_rows (class_id, n) where order_id is null;
insert into bench.counters select class_id, 1000000, 0 from bench.events where n = 0;
insert into bench.ticket_rows (class_id, n) select class_id, k from bench.events, generate_series(1, current_setting('bench.ticket_rows')::int) k where bench.events.n = 0;

create schema counter_first; create schema counter_last; create schema ticket_rows;
create function counter_last.take_stock(p_order_id uuid, p_held_until timestamptz)
returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_item public.order_items;
  v_counter bench.counters;
begin
  for v_item in select * from public.order_items i where i.order_id = p_order_id order by i.class_id loop
    select * into v_counter from bench.counters c where c.class_id = v_item.class_id for update;
    if v_counter.capacity - v_counter.held < v_item.quantity then
      return jsonb_build_object('class_id', v_item.class_id, 'left', v_counter.capacity - v_counter.held);
    end if;
    update bench.counters set held = held + v_item.quantity where class_id = v_item.class_id;
    insert into bench.counted_holds values (p_order_id, v_item.class_id, v_item.quantity, p_held_until);
  end loop;
  return null;
end
$$;
create function counter_first.take_stock(p_order_id uuid, p_held_until timestamptz)
returns jsonb
language plpgsql volatile set search_path = ''
as $$ begin return counter_last.take_stock(p_order_id, p_held_until); end $$;
create function ticket_rows.take_stock(p_order_id uuid, p_held_until timestamptz)
returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_item public.order_items;
  v_taken int;
begin
  for v_item in select * from public.order_items i where i.order_id = p_order_id order by i.class_id loop
    with free as (
      select t.n from bench.ticket_rows t where t.class_id = v_item.class_id and t.order_id is null
      order by t.n limit v_item.quantity for update skip locked
    )
    update bench.ticket_rows t set order_id = p_order_id, held_until = p_held_until from free f where t.class_id = v_item.class_id and t.n = f.n;
    get diagnostics v_taken = row_count;
    if v_taken < v_item.quantity then
      return jsonb_build_object('class_id', v_item.class_id, 'left', v_taken);
    end if;
  end loop;
  return null;
end
$$;
do $$
declare
  v_schema text;
  v_text text;
begin
  foreach v_schema in array array['counter_first', 'counter_last', 'ticket_rows'] loop
    execute format('grant usage on schema %I to authenticated', v_schema);
    v_text := pg_get_functiondef((select oid from pg_proc where proname = 'place_order' and pronamespace = 'private'::regnamespace));
    if v_text not like '%private.take_stock(%' then raise exception 'place_order does not take stock any more'; end if;
    execute replace(replace(v_text, 'FUNCTION private.place_order', format('FUNCTION %I.place_order', v_schema)), 'private.take_stock(', v_schema || '.take_stock(');
    v_text := pg_get_functiondef((select oid from pg_proc where proname = 'create_order' and pronamespace = 'private'::regnamespace));
    if v_text not like '%private.place_order(%' or v_text not like '%perform private.check_buyer_limits(%' then raise exception 'create_order does not place the order any more'; end if;
    v_text := replace(replace(v_text, 'FUNCTION private.create_order', format('FUNCTION %I.work', v_schema)), 'private.place_order(', v_schema || '.place_order(');
    if v_schema = 'counter_first' then
      -- as one writes it first: lock the counter, look at it, and go on
      v_text := replace(v_text, 'perform private.check_buyer_limits(', 'perform 1 from bench.counters c where c.class_id = v_lines[1].class_id for update; perform private.check_buyer_limits(');
    end if;
    execute v_text;
    v_text := pg_get_functiondef((select oid from pg_proc where proname = 'create_order' and pronamespace = 'public'::regnamespace));
    execute replace(replace(v_text, 'FUNCTION public.create_order', format('FUNCTION %I.create_order', v_schema)), 'private.create_order(', v_schema || '.work(');
    execute format('grant execute on all functions in schema %I to authenticated', v_schema);
  end loop;
end
$$;

-- The designs alone, each with the row of the order in one transaction: what they cost without the rest of an order.
create table bench.bare_orders (like bench.plain_orders including all);
create table bench.bare_holds (order_id uuid primary key, pool_id uuid not null, shard smallint not null, held int not null, held_until timestamptz not null);
create function bench.bare_order(p_design text, p_buyer_id uuid)
returns uuid
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_event bench.events;
  v_id uuid := gen_random_uuid();
  v_shard smallint;
  v_n int;
begin
  select * into v_event from bench.events where n = 0;
  insert into bench.bare_orders (id, event_id, buyer_id, quantity) values (v_id, v_event.event_id, p_buyer_id, 1);
  if p_design = 'shards' then
    select s.shard into v_shard from private.stock_shards s
    where s.pool_id = v_event.class_id and s.capacity - s.held - s.sold >= 1
    order by (s.shard + floor(random() * 64)::int) % 64 limit 1 for no key update skip locked;
    if not found then
      -- with as many connections as shards all may be locked at a moment: wait for one
      v_shard := floor(random() * 64);
      perform 1 from private.stock_shards s where s.pool_id = v_event.class_id and s.shard = v_shard for no key update;
    end if;
    update private.stock_shards set held = held + 1 where pool_id = v_event.class_id and shard = v_shard;
    insert into bench.bare_holds values (v_id, v_event.class_id, v_shard, 1, now());
  elsif p_design = 'counter' then
    perform 1 from bench.counters c where c.class_id = v_event.class_id for update;
    update bench.counters set held = held + 1 where class_id = v_event.class_id and held < capacity;
    insert into bench.bare_holds values (v_id, v_event.class_id, 0, 1, now());
  elsif p_design = 'rows' then
    select t.n into v_n from bench.ticket_rows t where t.class_id = v_event.class_id and t.order_id is null order by t.n limit 1 for update skip locked;
    update bench.ticket_rows set order_id = v_id, held_until = now() where class_id = v_event.class_id and n = v_n;
  end if;
  return v_id;
end
$$;
grant execute on function bench.bare_order(text, uuid) to authenticated;

-- Halls, with rows of a hundred seats: one is sold, and in the other connections become warm.
create function bench.make_hall(p_n int, p_rows int)
returns void
language plpgsql volatile
as $$
declare
  v_event uuid := bench.make_event(p_n, '{"total": 1}');
  v_class uuid;
begin
  perform set_config('request.jwt.claims', tests.claims((select owner_id from bench.events where n = p_n)), true);
  v_class := (private.add_ticket_class(v_event, '{"name": "Stalls", "price": 100000, "has_seats": true}', gen_random_uuid())).id;
  for i in 1 .. p_rows loop
    perform private.add_seat_row(v_class, 'Stalls', i::text, i, (select jsonb_agg(jsonb_build_object('number', k::text) order by k) from generate_series(1, 100) k));
  end loop;
  update bench.events set class_id = v_class where n = p_n;
end
$$;
select bench.make_hall(1, current_setting('bench.seat_rows')::int);
select bench.make_hall(4, 10);

-- Queues to join, one for each round: open, with nobody in them but one who buys.
create function bench.make_room(p_n int, p_waiting int default 0)
returns void
language plpgsql volatile
as $$
declare
  v_event uuid := bench.make_event(p_n, '{"total": 1000}');
  v_room public.waiting_rooms;
begin
  perform set_config('request.jwt.claims', tests.claims((select owner_id from bench.events where n = p_n)), true);
  perform private.set_waiting_room(v_event, 1, null, null);
  perform private.open_waiting_room(v_event);
  perform set_config('request.jwt.claims', tests.claims(bench.id('renter', 0)), true);
  perform public.join_queue(v_event);
  -- the one who has the slot pays for an hour
  update public.queue_entries set seen_at = now() + interval '1 hour', admission_expires_at = now() + interval '1 hour' where event_id = v_event;
  update public.waiting_rooms set due_at = now() + interval '1 hour', is_told = true where event_id = v_event;
  if p_waiting > 0 then
    perform set_config('session_replication_role', 'replica', true);
    insert into public.queue_entries (id, event_id, user_id, number, joined_at, seen_at)
    -- nobody is asked for a sign of life meanwhile
    select bench.id('place ' || p_n, k), v_event, bench.id('renter', k), k + 1, now(), now() + interval '1 hour' from generate_series(1, p_waiting) k;
    perform set_config('session_replication_role', 'origin', true);
    select * into v_room from public.waiting_rooms where event_id = v_event;
    perform setval(v_room.numbers, p_waiting + 1);
  end if;
end
$$;
select bench.make_room(n) from generate_series(10, 9 + current_setting('bench.rooms')::int) n;
select bench.make_room(2, current_setting('bench.few')::int);
select bench.make_room(3, current_setting('bench.many')::int);
grant select on public.queue_entries to service_role;

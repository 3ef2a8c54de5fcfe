-- Ticketing: the kinds of tickets of an event, and how many there are.
-- Rule kept here: no path can oversell. What is held and sold of a pool is counted in shards, each with its own CHECK;
-- the shards of a pool add up to its capacity, and the pool of a class to its total, by constraints.
-- Left out on purpose: how shards are chosen and rebalanced (ticketing_stock).

create table public.ticket_classes (
  id uuid primary key default gen_random_uuid(),
  event_id uuid not null references public.events on delete restrict,
  name text not null,
  description text not null default '',
  price bigint not null,
  currency text not null default 'VND',
  tax_bps int not null default 0,
  total int not null,
  sale_starts_at timestamptz,
  sale_ends_at timestamptz,
  max_per_order int,
  max_per_user int,
  is_hidden boolean not null default false,
  unlock_code text,
  is_closed boolean not null default false,
  has_seats boolean not null default false,
  has_waiting_list boolean not null default false,
  position int not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint ticket_classes_of_event unique (id, event_id),
  constraint ticket_classes_known_total unique (id, total),
  constraint ticket_classes_name_once unique (event_id, name),
  constraint ticket_classes_name_tidy check (private.is_tidy(name)),
  constraint ticket_classes_name_length check (char_length(name) between 1 and 120),
  constraint ticket_classes_description_tidy check (private.is_tidy_lines(description)),
  constraint ticket_classes_description_length check (char_length(description) <= 2000),
  constraint ticket_classes_price_range check (price between 0 and 1000000000),
  constraint ticket_classes_currency_known check (currency in ('VND')),
  constraint ticket_classes_tax_bps_range check (tax_bps between 0 and 5000),
  constraint ticket_classes_total_range check (total between 0 and 1000000),
  constraint ticket_classes_sale_ends_at_order check (sale_starts_at < sale_ends_at),
  constraint ticket_classes_max_per_order_range check (max_per_order between 1 and 100),
  constraint ticket_classes_max_per_user_range check (max_per_user between 1 and 1000),
  constraint ticket_classes_position_range check (position between 0 and 1000),
  constraint ticket_classes_unlock_code_form check (unlock_code ~ '^[A-Z0-9-]{4,40}$'),
  -- what anybody sees needs no code
  constraint ticket_classes_unlock_code_fit check (is_hidden or unlock_code is null)
);
comment on table public.ticket_classes is 'The kinds of tickets of an event. A hidden one is seen and bought only with its code, and without a code only by nobody.';
comment on column public.ticket_classes.price is 'Minor units of `currency` for one ticket, tax included; 0 is free.';
comment on column public.ticket_classes.tax_bps is 'The rate of the tax within the price, in basis points: at 800 a price of 108 holds 8.';
comment on column public.ticket_classes.total is 'How many tickets there are. Changed by set_ticket_total alone, never below what is sold or held.';
comment on column public.ticket_classes.sale_starts_at is 'Null: when the sale of the event starts.';
comment on column public.ticket_classes.sale_ends_at is 'Null: when the sale of the event ends.';
comment on column public.ticket_classes.max_per_order is 'Null: what the event allows.';
comment on column public.ticket_classes.max_per_user is 'Tickets of this kind that one person may have or hold, over all orders. Null: what the event allows.';
comment on column public.ticket_classes.unlock_code is 'Capital letters, digits and hyphens. Null: no code unlocks it.';
comment on column public.ticket_classes.is_closed is 'The organizer stopped its sale.';
comment on column public.ticket_classes.has_seats is 'Each ticket has a seat of the event''s map; the total is then the number of its seats on sale.';
comment on column public.ticket_classes.has_waiting_list is 'Somebody has joined its waiting list at some time. Orders look at the list only then; it is never unset.';
comment on column public.ticket_classes.position is 'Smaller is listed first.';
create trigger touch before update on public.ticket_classes for each row execute function private.touch();

create table private.capacity_pools (
  id uuid primary key default gen_random_uuid(),
  event_id uuid not null references public.events on delete restrict,
  class_id uuid unique,
  name text,
  capacity int not null,
  constraint capacity_pools_of_event unique (id, event_id),
  -- the pool of a class has its id, and by this key its total
  constraint capacity_pools_class_id check (class_id = id),
  constraint capacity_pools_class_total foreign key (class_id, capacity) references public.ticket_classes (id, total) on update cascade on delete restrict,
  constraint capacity_pools_class_event foreign key (class_id, event_id) references public.ticket_classes (id, event_id) on delete restrict,
  constraint capacity_pools_named check ((class_id is null) = (name is not null)),
  constraint capacity_pools_name_tidy check (private.is_tidy(name)),
  constraint capacity_pools_name_length check (char_length(name) <= 120),
  constraint capacity_pools_capacity_range check (capacity between 0 and 1000000),
  constraint capacity_pools_name_once unique (event_id, name)
);
comment on table private.capacity_pools is 'Stock. Each class has a pool of its own, with the id of the class; further pools are shared by classes, such as the places of a hall that two kinds of tickets use.';
comment on column private.capacity_pools.capacity is 'Tickets in all; its shards add up to it.';

create table private.class_pools (
  class_id uuid not null,
  pool_id uuid not null,
  event_id uuid not null,
  primary key (class_id, pool_id),
  constraint class_pools_class foreign key (class_id, event_id) references public.ticket_classes (id, event_id) on delete restrict,
  constraint class_pools_pool foreign key (pool_id, event_id) references private.capacity_pools (id, event_id) on delete restrict
);
create index class_pools_pool_idx on private.class_pools (pool_id);
comment on table private.class_pools is 'In which pools a ticket of a class counts: always its own, and the shared ones. All of one event.';

create table private.stock_shards (
  pool_id uuid not null references private.capacity_pools on delete restrict,
  shard smallint not null,
  capacity int not null,
  held int not null default 0,
  sold int not null default 0,
  primary key (pool_id, shard),
  constraint stock_shards_never_oversold check (held >= 0 and sold >= 0 and held + sold <= capacity),
  constraint stock_shards_shard_range check (shard between 0 and 63)
  -- room in each page for the next version of each row, so that the hot rows are updated in place
) with (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
comment on table private.stock_shards is 'The counters of a pool, in parts, so that many orders at once do not wait for one row. available = capacity − held − sold.';
comment on column private.stock_shards.capacity is 'What of the pool''s capacity is here; moved between shards when one is empty and another is not.';
comment on column private.stock_shards.held is 'Held by orders that are not paid. A hold that is over counts until somebody needs it, or a job has run.';
comment on column private.stock_shards.sold is 'Sold.';

-- At the end of each transaction that moves capacity. Each such transaction leaves the sum as it was or right, so a
-- snapshot that holds others' committed work and its own holds the right sum.
create function private.check_shards_sum()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_pool_id uuid := coalesce(to_jsonb(new) ->> 'pool_id', to_jsonb(new) ->> 'id', to_jsonb(old) ->> 'pool_id')::uuid;
  v_capacity int;
  v_sum bigint;
begin
  select p.capacity, (select coalesce(sum(s.capacity), 0) from private.stock_shards s where s.pool_id = p.id) into v_capacity, v_sum
  from private.capacity_pools p where p.id = v_pool_id;
  if v_capacity <> v_sum then
    raise exception 'the shards of pool % add up to %, not to its capacity %', v_pool_id, v_sum, v_capacity
      using errcode = '23514', constraint = 'stock_shards_add_up';
  end if;
  return null;
end
$$;
create constraint trigger stock_shards_add_up after insert or delete or update of capacity on private.stock_shards
  deferrable initially deferred for each row execute function private.check_shards_sum();
create constraint trigger stock_shards_add_up after insert or update of capacity on private.capacity_pools
  deferrable initially deferred for each row execute function private.check_shards_sum();

-- A class counts in a pool from its first ticket on, or never: what was sold before would be missing there.
create function private.keep_class_pools()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_class_id uuid := case when tg_op = 'DELETE' then old.class_id else new.class_id end;
begin
  if exists (select from private.stock_shards s where s.pool_id = v_class_id and s.held + s.sold > 0) then
    perform private.fail('ticket_class_has_sales', jsonb_build_object('class_id', v_class_id));
  end if;
  return null;
end
$$;
create trigger no_sales_yet after insert or update or delete on private.class_pools
  for each row execute function private.keep_class_pools();

alter table public.ticket_classes enable row level security;
alter table private.capacity_pools enable row level security;
alter table private.class_pools enable row level security;
alter table private.stock_shards enable row level security;
revoke all on public.ticket_classes from anon, authenticated, service_role;
grant select (id, event_id, name, description, price, currency, tax_bps, total, sale_starts_at, sale_ends_at, max_per_order, max_per_user, is_hidden, is_closed, has_seats, has_waiting_list, position, created_at, updated_at)
  on public.ticket_classes to anon, authenticated;
grant select on public.ticket_classes to service_role;
create policy select_public on public.ticket_classes for select to anon
  using (not is_hidden and event_id in (select private.public_event_ids()));
create policy select_public_or_team on public.ticket_classes for select to authenticated
  using ((not is_hidden and event_id in (select private.public_event_ids())) or event_id in (select private.my_event_ids()) or (select private.is_staff()));

select private.hold_no_persons('public.ticket_classes', 'private.capacity_pools', 'private.class_pools', 'private.stock_shards');

-- How many shards a pool gets: as many as orders that may come at once, but some tickets in each.
create function private.shards_for(p_capacity int)
returns int
language sql stable set search_path = ''
as $$ select least(greatest(p_capacity / 4, 1), (select value::int from private.settings where key = 'stock_shards')) $$;

alter table private.settings add constraint settings_stock_shards check (key <> 'stock_shards' or private.is_whole(value, 1, 64));
insert into private.settings (key, value, description) values
  ('stock_shards', '32', 'Into how many counters the stock of a new kind of ticket is split, at most 64: about as many as orders that are written at one moment.');

-- A new pool, its capacity spread evenly.
create function private.open_pool(p_id uuid, p_event_id uuid, p_class_id uuid, p_name text, p_capacity int)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_shards int := private.shards_for(p_capacity);
begin
  insert into private.capacity_pools (id, event_id, class_id, name, capacity) values (p_id, p_event_id, p_class_id, p_name, p_capacity);
  insert into private.stock_shards (pool_id, shard, capacity)
  select p_id, i, p_capacity / v_shards + case when i < p_capacity % v_shards then 1 else 0 end
  from generate_series(0, v_shards - 1) i;
end
$$;

-- Changes the capacity of a pool while it is sold.
-- DO NOT lock a shard before the class: an order locks the class by its foreign key, and then a shard.
create function private.resize_pool(p_pool_id uuid, p_capacity int)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_pool private.capacity_pools;
  v_taken bigint;
  v_more int;
  v_shards int;
begin
  perform 1 from public.ticket_classes where id = p_pool_id for update;
  -- others that resize wait here
  select * into strict v_pool from private.capacity_pools where id = p_pool_id for no key update;
  -- what is over is free; this also locks every shard
  perform private.release_over_holds(array[p_pool_id], true);
  select coalesce(sum(s.held + s.sold), 0), count(*) into v_taken, v_shards from private.stock_shards s where s.pool_id = p_pool_id;
  if p_capacity < v_taken then
    perform private.fail('capacity_below_sold', jsonb_build_object('pool_id', p_pool_id, 'least', v_taken));
  end if;
  v_more := p_capacity - v_pool.capacity;
  if v_more > 0 then
    -- a pool that was small has few shards
    insert into private.stock_shards (pool_id, shard, capacity)
    select p_pool_id, i, 0 from generate_series(v_shards, private.shards_for(p_capacity) - 1) i;
    select count(*) into v_shards from private.stock_shards s where s.pool_id = p_pool_id;
    update private.stock_shards s set capacity = s.capacity + v_more / v_shards + case when s.shard < v_more % v_shards then 1 else 0 end
    where s.pool_id = p_pool_id;
  else
    -- from where most is left
    update private.stock_shards s set capacity = s.capacity - least(f.free, greatest(-v_more - f.before, 0))
    from (
      select o.shard, o.free, sum(o.free) over (order by o.free desc, o.shard) - o.free as before
      from (select t.shard, t.capacity - t.held - t.sold as free from private.stock_shards t where t.pool_id = p_pool_id) o
    ) f
    where s.pool_id = p_pool_id and s.shard = f.shard and f.before < -v_more;
  end if;
  if v_pool.class_id is null then
    update private.capacity_pools set capacity = p_capacity where id = p_pool_id;
  else
    -- the pool follows by its key
    update public.ticket_classes set total = p_capacity where id = p_pool_id;
  end if;
  if v_more > 0 then
    perform private.offer_tickets(v_pool.event_id);
  end if;
end
$$;

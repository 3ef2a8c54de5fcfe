-- Ticketing: orders, what is in them, and the stock that they hold.
-- Rule kept here: what was agreed never changes; the items of an order add up to its total; an order moves along the
-- machine `order`; orders are never deleted with an event or a person.
-- Left out on purpose: tickets, which are issued when an order is completed (ticketing_tickets).

insert into private.transitions (machine, from_state, event, to_state) values
  ('order', 'initial', 'hold', 'pending_payment'),
  ('order', 'initial', 'issue', 'completed'),
  ('order', 'pending_payment', 'complete', 'completed'),
  ('order', 'pending_payment', 'expire', 'expired'),
  ('order', 'pending_payment', 'fail', 'failed'),
  ('order', 'pending_payment', 'cancel', 'cancelled'),
  ('order', 'expired', 'complete_late', 'completed'),
  ('order', 'failed', 'complete_late', 'completed'),
  ('order', 'completed', 'cancel', 'cancelled');

create table public.orders (
  id uuid primary key default gen_random_uuid(),
  code text not null unique default private.new_code('T'),
  event_id uuid not null references public.events on delete restrict,
  buyer_id uuid not null references public.profiles on delete restrict,
  status text not null,
  currency text not null,
  total_amount bigint not null,
  tax_amount bigint not null,
  quantity int not null,
  hold_expires_at timestamptz,
  completed_at timestamptz,
  cancelled_at timestamptz,
  cancelled_by text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint orders_of_event unique (id, event_id),
  constraint orders_amounts_range check (total_amount >= tax_amount and tax_amount >= 0),
  constraint orders_quantity_range check (quantity between 1 and 100),
  constraint orders_hold_has_deadline check (status <> 'pending_payment' or (hold_expires_at is not null and total_amount > 0)),
  constraint orders_completed_dated check (status <> 'completed' or completed_at is not null),
  constraint orders_cancelled_by_known check (cancelled_by in ('buyer', 'organizer', 'admin')),
  constraint orders_cancelled_complete check ((status = 'cancelled') = (cancelled_at is not null and cancelled_by is not null))
);
create index orders_buyer_idx on public.orders (buyer_id, created_at desc, id desc);
create index orders_event_idx on public.orders (event_id, created_at desc, id desc);
create index orders_open_idx on public.orders (event_id, hold_expires_at) where status = 'pending_payment';
comment on table public.orders is 'Orders of tickets. A hold is over at hold_expires_at, whether or not a job has run.';
comment on column public.orders.code is 'For people, such as TB7K2M9Q.';
comment on column public.orders.status is 'Machine order. pending_payment (its tickets are held until hold_expires_at), completed (paid or free; its tickets are issued), expired (nobody paid in time), failed (its time ended after a payment that failed), cancelled. One that expired or failed is completed by late money if all its tickets are still there.';
comment on column public.orders.total_amount is 'What the buyer pays, tax included; minor units of `currency`, as all amounts here. The sum of its items. It does not change when tickets are cancelled.';
comment on column public.orders.tax_amount is 'The tax within total_amount.';
comment on column public.orders.quantity is 'How many tickets were ordered.';
comment on column public.orders.hold_expires_at is 'Until when its tickets are held unpaid; over at that moment. Null for an order with nothing to pay.';
comment on column public.orders.cancelled_by is 'buyer, organizer or admin. Null unless cancelled.';
select private.attach_state_machine('public.orders', 'order');
create trigger touch before update on public.orders for each row execute function private.touch();
create trigger immutable before update on public.orders for each row
  when ((old.id, old.code, old.event_id, old.buyer_id, old.currency, old.total_amount, old.tax_amount, old.quantity)
    is distinct from (new.id, new.code, new.event_id, new.buyer_id, new.currency, new.total_amount, new.tax_amount, new.quantity))
  execute function private.forbid_change();
create trigger never_deleted before delete or truncate on public.orders
  for each statement execute function private.forbid_change();

create table public.order_items (
  id uuid primary key default gen_random_uuid(),
  order_id uuid not null,
  event_id uuid not null,
  class_id uuid not null,
  quantity int not null,
  unit_price bigint not null,
  discount_amount bigint not null default 0,
  amount bigint not null,
  tax_amount bigint not null,
  constraint order_items_order foreign key (order_id, event_id) references public.orders (id, event_id) on delete restrict,
  constraint order_items_class foreign key (class_id, event_id) references public.ticket_classes (id, event_id) on delete restrict,
  constraint order_items_once unique (order_id, class_id),
  constraint order_items_quantity_range check (quantity between 1 and 100),
  constraint order_items_adds_up check (amount = unit_price * quantity - discount_amount and discount_amount >= 0 and amount >= 0),
  constraint order_items_tax_within_amount check (tax_amount between 0 and amount)
);
create index order_items_class_idx on public.order_items (class_id);
comment on table public.order_items is 'What was ordered of each kind of ticket, at the price of that moment. They never change.';
comment on column public.order_items.unit_price is 'Minor units of the order''s currency for one ticket, as all amounts here.';
comment on column public.order_items.discount_amount is 'What was taken off for all tickets of this line. 0 without a discount.';
comment on column public.order_items.amount is 'What is paid for this line, tax included.';
comment on column public.order_items.tax_amount is 'The tax within amount.';
create trigger immutable before update or delete or truncate on public.order_items
  for each statement execute function private.forbid_change();

-- The items of an order add up to it, when the transaction that wrote it ends.
create function private.check_order_sum()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if exists (
    select from (select sum(i.quantity) as quantity, sum(i.amount) as amount, sum(i.tax_amount) as tax from public.order_items i where i.order_id = new.id) k
    where (k.quantity, k.amount, k.tax) is distinct from (new.quantity, new.total_amount, new.tax_amount)
  ) then
    raise exception 'the items of order % do not add up to it', new.id using errcode = '23514', constraint = 'orders_add_up';
  end if;
  return null;
end
$$;
create constraint trigger orders_add_up after insert on public.orders
  deferrable initially deferred for each row execute function private.check_order_sum();

create table private.ticket_holds (
  order_id uuid not null,
  pool_id uuid not null,
  shard smallint not null,
  held int not null default 0,
  sold int not null default 0,
  held_until timestamptz,
  primary key (order_id, pool_id, shard),
  constraint ticket_holds_shard foreign key (pool_id, shard) references private.stock_shards on delete restrict,
  constraint ticket_holds_counted check (held >= 0 and sold >= 0 and (held = 0 or sold = 0) and (held > 0) = (held_until is not null))
);
create index ticket_holds_pool_idx on private.ticket_holds (pool_id, held_until) where held > 0;
comment on table private.ticket_holds is 'Where the tickets of an order are counted: in which shards of which pools, held until it is paid and sold from then on. Zero in both once they were given back.';
comment on column private.ticket_holds.order_id is 'The order, or the place on a waiting list that has an offer. A trigger of ticketing_waiting_list_tables keeps it.';
comment on column private.ticket_holds.held is 'What the order holds in held of the shard.';
comment on column private.ticket_holds.held_until is 'Until when it is held, as its order says: over at that moment, and then anybody may take it back. Null when nothing is held.';
comment on column private.ticket_holds.sold is 'What the order has in sold of the shard.';

create function private.my_order_ids()
returns setof uuid
language plpgsql stable security definer set search_path = ''
as $$
begin
  return query select o.id from public.orders o where o.buyer_id = auth.uid();
end
$$;
grant execute on function private.my_order_ids() to authenticated;

alter table public.orders enable row level security;
alter table public.order_items enable row level security;
alter table private.ticket_holds enable row level security;
revoke all on public.orders, public.order_items from anon, authenticated, service_role;
grant select on public.orders, public.order_items to authenticated, service_role;
create policy select_buyer_or_team on public.orders for select to authenticated
  using (buyer_id = (select auth.uid()) or event_id in (select private.my_event_ids()) or (select private.is_staff()));
create policy select_buyer_or_team on public.order_items for select to authenticated
  using (order_id in (select private.my_order_ids()) or event_id in (select private.my_event_ids()) or (select private.is_staff()));

select private.only_live_persons('public.orders', 'buyer_id');
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.orders', 'r.buyer_id = $1', 'retain', null, 'A contract with the organizer, which is in its books too.'),
  ('public.order_items', 'r.order_id in (select o.id from public.orders o where o.buyer_id = $1)', 'retain', null, 'What was bought, for the books.'),
  ('private.ticket_holds', 'r.order_id in (select o.id from public.orders o where o.buyer_id = $1)', 'retain', '{}', 'Where an order is counted in the stock; the order itself is exported.');
select private.retain_columns('public.orders', 'What was agreed.', 'code', 'currency');

create function private.account_blocker_live_order(p_user_id uuid)
returns setof uuid
language sql stable set search_path = ''
as $$
  select o.id from public.orders o
  where o.buyer_id = p_user_id and o.status = 'pending_payment' and o.hold_expires_at > now()
$$;
insert into private.account_blockers (name, message_en, message_vi) values
  ('live_order', 'An order of tickets waits for your payment. Pay it, cancel it, or wait until its time is over.', 'Bạn có đơn mua vé đang chờ thanh toán. Vui lòng thanh toán, hủy đơn hoặc chờ đơn hết hạn.');

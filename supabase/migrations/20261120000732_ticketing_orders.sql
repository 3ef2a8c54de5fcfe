-- Ticketing: making an order.
-- Rule kept here: an order, its items, seats, stock, admission and payment are written in one transaction, or nothing is;
-- limits count tickets and not lines; a refusal names the item that it is about.
-- DO NOT take the stock earlier: its rows are those that everybody wants.
-- Left out on purpose: what a code takes off (ticketing_discounts).

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('event_not_on_sale', 409, false, 'Tickets are not on sale now. Details say why, and from when they are.', 'Vé hiện chưa mở bán hoặc đã ngừng bán. Vui lòng xem chi tiết.'),
  ('sold_out', 409, false, 'So many tickets of this kind are no longer there. Order fewer; details.left says how many are left, where the organizer shows it.', 'Hạng vé này không còn đủ số lượng. Vui lòng đặt ít vé hơn; chi tiết nêu số vé còn lại nếu ban tổ chức công bố.'),
  ('ticket_limit_reached', 409, false, 'This is more than one order or one person may have. Details name the limit.', 'Số vé vượt quá giới hạn cho mỗi đơn hoặc mỗi người. Vui lòng xem giới hạn trong chi tiết.'),
  ('too_many_open_orders', 409, false, 'You have too many unpaid orders for this event. Pay or cancel one of them first.', 'Bạn có quá nhiều đơn chưa thanh toán cho sự kiện này. Vui lòng thanh toán hoặc hủy bớt.'),
  ('admission_required', 409, false, 'Tickets of this event are sold through its waiting room. Join the queue, and order when it lets you in.', 'Sự kiện này bán vé qua phòng chờ. Vui lòng vào phòng chờ và đặt vé khi đến lượt.'),
  ('order_not_found', 404, false, 'We could not find this order. Reload your orders.', 'Không tìm thấy đơn này. Vui lòng tải lại danh sách đơn.');
insert into private.rate_limits (action, capacity, per_minute) values ('create_order', 30, 30);
alter table private.settings
  add constraint settings_ticket_hold_minutes check (key <> 'ticket_hold_minutes' or private.is_whole(value, 1, 1440)),
  add constraint settings_max_open_orders check (key <> 'max_open_orders' or private.is_whole(value, 1, 100));
insert into private.settings (key, value, description) values
  ('ticket_hold_minutes', '15', 'Minutes: how long an order keeps its tickets while the buyer pays.'),
  ('max_open_orders', '3', 'Unpaid orders that one person may have for one event at one time.');

-- Spends the admission to the waiting room of an event in the transaction of the order, or raises. Module waiting_room
-- replaces it; without that module an event that sells through a waiting room sells nothing.
create function private.spend_admission(p_event_id uuid, p_user_id uuid, p_admission uuid, p_order_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if (select waiting_room from public.event_configs where event_id = p_event_id) then
    perform private.fail('admission_required');
  end if;
end
$$;

-- What an order asks for: of each class how many, and whether side by side. Chosen seats count as tickets of their class.
create type private.order_line as (class_id uuid, quantity int, together boolean, chosen uuid[]);
create function private.read_order_lines(p_event_id uuid, p_items jsonb, p_seats uuid[])
returns private.order_line[]
language plpgsql stable set search_path = ''
as $$
declare
  v_lines private.order_line[] := array[]::private.order_line[];
  v_item jsonb;
begin
  if p_items is not null and (case jsonb_typeof(p_items) when 'array' then jsonb_array_length(p_items) > 20 else true end) then
    perform private.fail_input('items', 'must be at most 20 objects {class_id, quantity, together}');
  end if;
  -- a loop: one query that reads, checks and adds up costs five times as much, and a crowd asks
  for v_item in select * from jsonb_array_elements(coalesce(p_items, '[]')) loop
    if (case when jsonb_typeof(v_item) <> 'object' then true else
      not private.is_whole(v_item -> 'quantity', 1, 100)
      or coalesce(v_item ->> 'class_id', '') !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
      or jsonb_typeof(coalesce(v_item -> 'together', 'true')) <> 'boolean'
      or v_item - '{class_id,quantity,together}'::text[] <> '{}' end)
    then
      perform private.fail_input('items', 'must be objects {class_id, quantity (1 to 100), together (true or false)}');
    end if;
    v_lines := v_lines || row((v_item ->> 'class_id')::uuid, (v_item ->> 'quantity')::int, coalesce((v_item ->> 'together')::boolean, true), null)::private.order_line;
  end loop;
  if cardinality(p_seats) > 0 then
    if cardinality(p_seats) > 100 or (select count(distinct s) <> count(*) from unnest(p_seats) s) then
      perform private.fail_input('seats', 'must be at most 100 different seats');
    end if;
    if exists (select from unnest(p_seats) s where not exists (select from public.seats t where t.id = s and t.event_id = p_event_id)) then
      perform private.fail_input('seats', 'must be seats of this event');
    end if;
    v_lines := v_lines || array(select row(t.class_id, 1, true, array[t.id])::private.order_line from unnest(p_seats) s join public.seats t on t.id = s);
  end if;
  if cardinality(v_lines) > 1 then
    v_lines := array(
      select row(l.class_id, sum(l.quantity)::int, bool_and(l.together), array_agg(l.chosen[1]) filter (where l.chosen is not null))::private.order_line
      from unnest(v_lines) l
      group by l.class_id order by l.class_id
    );
  end if;
  -- chosen rows are locked in order, and a search for the best would begin anew
  if exists (select from unnest(v_lines) l where cardinality(l.chosen) > 0 and l.quantity > cardinality(l.chosen)) then
    perform private.fail_input('items', 'must not name a kind of ticket of which seats are chosen');
  end if;
  if cardinality(v_lines) = 0 then
    perform private.fail_input('items', 'must have a ticket, or seats must');
  end if;
  return v_lines;
end
$$;

-- Refuses what cannot be bought now: by the event, its sale, a code, and limits of one order. Answers whether any of it has had a
-- waiting list.
create function private.check_order_lines(p_event public.events, p_config public.event_configs, p_lines private.order_line[], p_unlock_code text)
returns boolean
language plpgsql stable set search_path = ''
as $$
declare
  v_line private.order_line;
  v_class public.ticket_classes;
  v_window private.sale_window;
  v_total bigint := 0;
  v_has_list boolean := false;
begin
  foreach v_line in array p_lines loop
    select * into v_class from public.ticket_classes where id = v_line.class_id and event_id = p_event.id;
    if not found or (v_class.is_hidden and (v_class.unlock_code = upper(btrim(p_unlock_code))) is not true) then
      perform private.fail('ticket_class_not_found', jsonb_build_object('class_id', v_line.class_id));
    end if;
    v_window := private.sale_window(p_event, p_config, v_class);
    if v_window.state <> 'on_sale' then
      perform private.fail('event_not_on_sale', jsonb_build_object('class_id', v_line.class_id, 'state', v_window.state,
        'starts_at', v_window.starts_at, 'ends_at', v_window.ends_at));
    end if;
    if v_line.quantity > v_class.max_per_order then
      perform private.fail('ticket_limit_reached', jsonb_build_object('class_id', v_line.class_id, 'per', 'order', 'limit', v_class.max_per_order));
    end if;
    v_total := v_total + v_line.quantity;
    v_has_list := v_has_list or v_class.has_waiting_list;
  end loop;
  if v_total > p_config.max_per_order then
    perform private.fail('ticket_limit_reached', jsonb_build_object('per', 'order', 'limit', p_config.max_per_order));
  end if;
  return v_has_list;
end
$$;

-- How many tickets of a class, or of all, a buyer has or holds for an event.
create function private.tickets_of_buyer(p_event_id uuid, p_buyer_id uuid, p_class_id uuid default null)
returns bigint
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(sum(case when o.status = 'completed'
      then (select count(*) from public.tickets t where t.order_item_id = i.id and t.status <> 'cancelled') else i.quantity end), 0)
    from public.orders o join public.order_items i on i.order_id = o.id
    where o.event_id = p_event_id and o.buyer_id = p_buyer_id and (p_class_id is null or i.class_id = p_class_id)
      and (o.status = 'completed' or (o.status = 'pending_payment' and o.hold_expires_at > now()))
  );
end
$$;

-- Refuses more than one person may have. Orders of one person for one event wait for each other here.
create function private.check_buyer_limits(p_event_id uuid, p_config public.event_configs, p_buyer_id uuid, p_lines private.order_line[])
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_line private.order_line;
  v_limit int;
  v_has bigint;
begin
  perform pg_advisory_xact_lock(hashtextextended('buyer:' || p_event_id || ':' || p_buyer_id, 0));
  if (select count(*) from public.orders o where o.event_id = p_event_id and o.buyer_id = p_buyer_id and o.status = 'pending_payment' and o.hold_expires_at > now())
     >= (select value::int from private.settings where key = 'max_open_orders') then
    perform private.fail('too_many_open_orders', jsonb_build_object('limit', private.setting('max_open_orders')));
  end if;
  if p_config.max_per_user is not null then
    v_has := private.tickets_of_buyer(p_event_id, p_buyer_id);
    if v_has + (select sum(l.quantity) from unnest(p_lines) l) > p_config.max_per_user then
      perform private.fail('ticket_limit_reached', jsonb_build_object('per', 'person', 'limit', p_config.max_per_user, 'has', v_has));
    end if;
  end if;
  foreach v_line in array p_lines loop
    select c.max_per_user into v_limit from public.ticket_classes c where c.id = v_line.class_id;
    continue when v_limit is null;
    v_has := private.tickets_of_buyer(p_event_id, p_buyer_id, v_line.class_id);
    if v_has + v_line.quantity > v_limit then
      perform private.fail('ticket_limit_reached', jsonb_build_object('class_id', v_line.class_id, 'per', 'person', 'limit', v_limit, 'has', v_has));
    end if;
  end loop;
end
$$;

-- Writes the tickets of an order, one for each that was bought. What was paid is spread over them to the last đồng.
create function private.issue_tickets(p_order public.orders)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into public.tickets (order_id, order_item_id, event_id, class_id, seat_id, holder_id, number, paid_amount, tax_amount)
  select p_order.id, i.id, p_order.event_id, i.class_id, s.seat_id, p_order.buyer_id, row_number() over (order by i.class_id, u.n),
    i.amount * u.n / i.quantity - i.amount * (u.n - 1) / i.quantity, i.tax_amount * u.n / i.quantity - i.tax_amount * (u.n - 1) / i.quantity
  from public.order_items i
  cross join lateral generate_series(1, i.quantity) u (n)
  left join (
    select a.class_id, a.seat_id, row_number() over (partition by a.class_id order by r.rank, r.id, t.position) as n
    from public.seat_allocations a join public.seats t on t.id = a.seat_id join public.seat_rows r on r.id = t.row_id
    where a.order_id = p_order.id and a.is_live
  ) s on s.class_id = i.class_id and s.n = u.n
  where i.order_id = p_order.id;
end
$$;

-- Writes an order whose lines were checked, takes its seats and stock, and opens its payment. p_offer_id: the place on a
-- waiting list whose tickets it takes.
create function private.place_order(
  p_id uuid, p_event public.events, p_buyer_id uuid, p_lines private.order_line[], p_hold_until timestamptz, p_offer_id uuid default null,
  p_discount private.order_discount default null
)
returns public.orders
language plpgsql volatile set search_path = ''
as $$
declare
  v_order public.orders;
  v_line private.order_line;
  v_lacking jsonb;
  v_prices private.order_price[];
  v_total bigint;
  v_tax bigint;
  v_quantity int;
begin
  v_prices := array(select k from private.price_order(p_lines, coalesce(p_discount.amount, 0)) k);
  select sum(k.amount), sum(k.tax_amount), sum(k.quantity) into v_total, v_tax, v_quantity from unnest(v_prices) k;
  insert into public.orders (id, event_id, buyer_id, status, currency, total_amount, tax_amount, quantity, hold_expires_at, completed_at)
  values (p_id, p_event.id, p_buyer_id, case when v_total = 0 then 'completed' else 'pending_payment' end, 'VND', v_total, v_tax, v_quantity,
    case when v_total > 0 then p_hold_until end, case when v_total = 0 then now() end)
  returning * into v_order;
  -- its foreign key has waited for a cancellation of the event that was under way
  if (select e.status from public.events e where e.id = p_event.id) <> 'published' then
    perform private.fail('event_not_on_sale', '{"state": "closed"}');
  end if;
  insert into public.order_items (order_id, event_id, class_id, quantity, unit_price, discount_amount, amount, tax_amount)
  select p_id, p_event.id, k.class_id, k.quantity, k.unit_price, k.discount_amount, k.amount, k.tax_amount
  from unnest(v_prices) k;
  perform private.take_order_discount(v_order, p_discount);
  foreach v_line in array p_lines loop
    continue when not (select c.has_seats from public.ticket_classes c where c.id = v_line.class_id);
    if cardinality(v_line.chosen) > 0 then
      perform private.take_chosen_seats(v_order, v_line.chosen);
    elsif not private.take_best_seats(v_order, v_line.class_id, v_line.quantity, v_line.together) then
      if v_line.together and (p_offer_id is not null or private.tickets_left(v_line.class_id) >= v_line.quantity) then
        perform private.fail('seats_not_together', jsonb_build_object('class_id', v_line.class_id));
      end if;
      perform private.fail('sold_out', jsonb_build_object('class_id', v_line.class_id,
        'left', (select private.shown_left(c, private.tickets_left(v_line.class_id)) from public.event_configs c where c.event_id = p_event.id)));
    end if;
  end loop;
  if v_total > 0 then
    perform private.open_payment(p_id, 'order', p_buyer_id, v_order.code, p_event.title, p_event.starts_at, p_event.ends_at, v_total, 'VND',
      array[('escrow', p_id::text, -v_total)::private.ledger_line], v_total, v_tax, p_hold_until);
  else
    perform private.issue_tickets(v_order);
  end if;
  v_lacking := case when p_offer_id is null then private.take_stock(p_id, v_order.hold_expires_at) else private.take_offered(p_offer_id, v_order) end;
  if v_lacking is not null then
    perform private.fail('sold_out', jsonb_build_object('class_id', v_lacking -> 'class_id',
      'left', (select private.shown_left(c, (v_lacking ->> 'left')::bigint) from public.event_configs c where c.event_id = p_event.id)));
  end if;
  return v_order;
end
$$;

create function private.create_order(p_event_id uuid, p_items jsonb, p_idempotency_key uuid, p_seats uuid[], p_unlock_code text, p_admission uuid, p_discount_code text default null)
returns public.orders
language plpgsql volatile security definer set search_path = ''
as $$
declare
  -- begin_command refuses a caller who is not signed in
  v_buyer_id uuid := auth.uid();
  -- the id is chosen in advance, so that the answer is stored together with the key
  v_id uuid := gen_random_uuid();
  v_stored jsonb;
  v_order public.orders;
  v_event public.events;
  v_config public.event_configs;
  v_lines private.order_line[];
  v_line private.order_line;
  v_offer_id uuid;
  v_discount private.order_discount;
begin
  v_stored := private.begin_command('create_order', p_idempotency_key, jsonb_build_object('event_id', p_event_id, 'items', p_items, 'seats', p_seats,
    'unlock_code', p_unlock_code, 'admission', p_admission, 'discount_code', p_discount_code), jsonb_build_object('id', v_id));
  if v_stored is not null then
    select * into v_order from public.orders where id = (v_stored ->> 'id')::uuid;
    return v_order;
  end if;
  perform private.take_token('create_order', v_buyer_id::text);
  select * into v_event from public.events where id = p_event_id;
  if not found or v_event.published_at is null then
    perform private.fail('event_not_found');
  end if;
  select * into strict v_config from public.event_configs where event_id = p_event_id;
  perform private.require_not_suspended(v_buyer_id);
  v_lines := private.read_order_lines(p_event_id, p_items, p_seats);
  if private.check_order_lines(v_event, v_config, v_lines, p_unlock_code) then
    v_offer_id := private.spend_offer(p_event_id, v_buyer_id, v_lines, v_id);
  end if;
  -- a look without locks, so that a crowd before an empty counter costs little
  foreach v_line in array v_lines loop
    exit when v_offer_id is not null;
    if not exists (select from private.stock_shards s where s.pool_id = v_line.class_id and s.capacity - s.held - s.sold >= v_line.quantity)
       and private.tickets_left(v_line.class_id) < v_line.quantity then
      perform private.fail('sold_out', jsonb_build_object('class_id', v_line.class_id, 'left', private.shown_left(v_config, private.tickets_left(v_line.class_id))));
    end if;
  end loop;
  perform private.check_buyer_limits(p_event_id, v_config, v_buyer_id, v_lines);
  v_discount := private.discount_of_order(p_discount_code, v_event, v_buyer_id, v_lines);
  -- an offer is a turn of its own
  if v_offer_id is null then
    perform private.spend_admission(p_event_id, v_buyer_id, p_admission, v_id);
  end if;
  return private.place_order(v_id, v_event, v_buyer_id, v_lines,
    -- read here: private.setting() costs three times the look
    now() + make_interval(mins => (select value::int from private.settings where key = 'ticket_hold_minutes')), v_offer_id, v_discount);
end
$$;
create function public.create_order(event_id uuid, items jsonb, idempotency_key uuid, seats uuid[] default null, unlock_code text default null, admission uuid default null, discount_code text default null)
returns public.orders
language sql volatile set search_path = ''
as $$ select private.create_order(event_id, items, idempotency_key, seats, unlock_code, admission, discount_code) $$;
comment on function public.create_order is 'Orders tickets: holds them for 15 minutes and creates the payment, or with nothing to pay completes the order and issues them at once. items [{class_id, quantity, together}]: of a kind with seats the best available, side by side unless together is false; `seats` are seats that the buyer chose, each a ticket of its kind. `unlock_code` is for hidden kinds, `admission` for an event with a waiting room. `discount_code` takes something off, spread over the tickets. Who has an offer of a waiting list takes it by ordering that kind alone, up to as many. Limits count tickets. Errors: event_not_found, ticket_class_not_found (details.class_id), event_not_on_sale (details {class_id, state, starts_at, ends_at}), sold_out (details {class_id, left}; left is null where the organizer does not show it), ticket_limit_reached (details {class_id, per: order or person, limit, has}), too_many_open_orders, seat_taken (details.seat_ids), seats_not_together (details.class_id), seat_left_alone (details.seat_ids), admission_required, admission_over, account_suspended, discount_not_found, discount_used_up, discount_already_used, discount_first_only, discount_below_minimum (details.min_amount), invalid_input, rate_limited.';
select private.expose_limited('create_order(uuid, jsonb, uuid, uuid[], text, uuid, text)', 'create_order', 'auth.uid()', 'authenticated');

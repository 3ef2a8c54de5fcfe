-- Ticketing: orders for screens.
-- Rule kept here: one call shows all of an order; a hold that is over shows as expired, whether or not a job has run.
-- Left out on purpose: sales figures of an organizer.

create function private.order_state(p_order public.orders)
returns text
language plpgsql stable set search_path = ''
as $$
begin
  return case when p_order.status = 'pending_payment' and p_order.hold_expires_at <= now() then 'expired' else p_order.status end;
end
$$;

create function private.order_view(p_order public.orders)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return to_jsonb(p_order) || jsonb_build_object(
    'status', private.order_state(p_order),
    'discount_code', (select d.code from public.discount_redemptions r join public.discounts d on d.id = r.discount_id where r.id = p_order.id),
    'event', (
      select jsonb_build_object('id', e.id, 'title', e.title, 'venue', e.venue, 'address', e.address, 'city', e.city, 'time_zone', e.time_zone,
        'starts_at', e.starts_at, 'ends_at', e.ends_at, 'status', private.event_state(e))
      from public.events e where e.id = p_order.event_id),
    'items', (
      select jsonb_agg(jsonb_build_object('id', i.id, 'class_id', i.class_id, 'name', c.name, 'quantity', i.quantity, 'unit_price', i.unit_price,
        'discount_amount', i.discount_amount, 'amount', i.amount, 'tax_amount', i.tax_amount) order by c.position, c.name)
      from public.order_items i join public.ticket_classes c on c.id = i.class_id where i.order_id = p_order.id));
end
$$;

create function private.order_detail(p_order_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_order public.orders;
  v_event public.events;
  v_user_id uuid := private.require_user();
begin
  select * into v_order from public.orders where id = p_order_id;
  if not found or not (v_order.buyer_id = v_user_id or v_order.event_id in (select private.my_event_ids()) or private.is_staff()) then
    perform private.fail('order_not_found');
  end if;
  select * into v_event from public.events where id = v_order.event_id;
  return private.order_view(v_order) || jsonb_build_object(
    'may_cancel', (v_order.status = 'pending_payment' and v_order.hold_expires_at > now()) or (v_order.status = 'completed' and private.may_return(v_event)),
    'payment', case when v_order.buyer_id = v_user_id or private.is_admin() then (select to_jsonb(p) from public.payments p where p.payable_id = p_order_id) end,
    'refunds', coalesce((select jsonb_agg(private.refund_view(r.id) order by r.created_at) from public.refunds r where r.payable_id = p_order_id), '[]'),
    'seats', coalesce((
      select jsonb_agg(jsonb_build_object('id', s.id, 'class_id', s.class_id, 'section', r.section, 'row_label', r.row_label, 'number', s.number) order by r.rank, r.id, s.position)
      from public.seat_allocations a join public.seats s on s.id = a.seat_id join public.seat_rows r on r.id = s.row_id
      where a.order_id = p_order_id and a.is_live), '[]'),
    'tickets', coalesce((
      select jsonb_agg(jsonb_build_object('id', t.id, 'class_id', t.class_id, 'number', t.number, 'status', t.status, 'seat_id', t.seat_id,
        'holder_id', t.holder_id, 'paid_amount', t.paid_amount, 'cancelled_at', t.cancelled_at) order by t.number)
      from public.tickets t where t.order_id = p_order_id), '[]'));
end
$$;
create function public.order_detail(order_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$ select private.order_detail(order_id) $$;
comment on function public.order_detail is 'Answers all of an order for its buyer, the organizer and staff: its columns in the state of now, discount_code (null without one), event, items [{id, class_id, name, quantity, unit_price, discount_amount, amount, tax_amount}], may_cancel (as its buyer), payment (null for the organizer), refunds, seats [{id, class_id, section, row_label, number}] and tickets [{id, class_id, number, status, seat_id, holder_id, paid_amount, cancelled_at}]. Amounts in minor units. Errors: order_not_found.';
select private.expose('order_detail(uuid)', 'authenticated');

create function private.my_orders(p_statuses text[], p_after jsonb, p_page_size int)
returns setof jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  return query
    select private.order_view(o) from (
      select * from public.orders o
      where o.buyer_id = v_user_id and (p_statuses is null or private.order_state(o) = any (p_statuses))
        and (v_start.id is null or (o.created_at, o.id) < (v_start.at, v_start.id))
      order by o.created_at desc, o.id desc
      limit p_page_size
    ) o
    order by o.created_at desc, o.id desc;
end
$$;
create function public.my_orders(statuses text[] default null, after jsonb default null, page_size int default 20)
returns setof jsonb
language sql stable set search_path = ''
as $$ select private.my_orders(statuses, after, page_size) $$;
comment on function public.my_orders is 'Lists the caller''s orders, newest first, in their state of now, with event and items as order_detail has them. `after` takes {created_at, id} of the last row. Errors: invalid_input.';
select private.expose('my_orders(text[], jsonb, int)', 'authenticated');

create function private.event_orders(p_event_id uuid, p_statuses text[], p_after jsonb, p_page_size int)
returns setof jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
  v_organizer_id uuid := (select e.organizer_id from public.events e where e.id = p_event_id);
begin
  if v_organizer_id is null or not (p_event_id in (select private.my_event_ids()) or private.is_staff()) then
    perform private.fail('event_not_found');
  end if;
  return query
    select to_jsonb(o) || jsonb_build_object('status', private.order_state(o), 'buyer_name', p.display_name)
    from public.orders o left join public.profiles p on p.id = o.buyer_id
    where o.event_id = p_event_id and (p_statuses is null or private.order_state(o) = any (p_statuses))
      and (v_start.id is null or (o.created_at, o.id) < (v_start.at, v_start.id))
    order by o.created_at desc, o.id desc
    limit p_page_size;
end
$$;
create function public.event_orders(event_id uuid, statuses text[] default null, after jsonb default null, page_size int default 20)
returns setof jsonb
language sql stable set search_path = ''
as $$ select private.event_orders(event_id, statuses, after, page_size) $$;
comment on function public.event_orders is 'Lists the orders of an event for its organizer''s admins, editors and viewers and for staff, newest first, in their state of now, with buyer_name. `after` takes {created_at, id} of the last row. Errors: event_not_found, invalid_input.';
select private.expose('event_orders(uuid, text[], jsonb, int)', 'authenticated');

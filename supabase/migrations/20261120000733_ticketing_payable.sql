-- Ticketing: the payable of an order, and what happens when its money comes, is late, or does not come.
-- Rule kept here: money in time keeps what is held; late money completes the order when all of it is still there, as if it
-- were ordered now, and goes back otherwise.
-- Left out on purpose: what the organizer is paid, and when (ticketing_earnings): the money of a completed order waits in escrow.

insert into private.refund_kinds (kind, description) values
  ('tickets', 'What was paid for tickets that were cancelled');
insert into private.receipt_labels (code, locale, label) values
  ('tickets', 'en', 'Tickets'), ('tickets', 'vi', 'Vé');

create function private.lock_order_payable(p_payable_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform 1 from public.orders where id = p_payable_id for no key update;
end
$$;

create function private.check_order_payable(p_payable_id uuid)
returns text
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select case when e.status not in ('published', 'postponed') then 'event_not_on_sale' end
    from public.orders o join public.events e on e.id = o.event_id where o.id = p_payable_id
  );
end
$$;

-- Only the state: what it holds is over by its time, and anybody who needs it takes it back.
create function private.expire_order_payable(p_payable_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.orders o
  set status = case when exists (
      select from public.payment_attempts a join public.payments p on p.id = a.payment_id where p.payable_id = o.id and a.status = 'failed')
    then 'failed' else 'expired' end
  where o.id = p_payable_id and o.status = 'pending_payment';
end
$$;

-- Completes an order, or answers that it cannot be had.
create function private.complete_order(p_payable_id uuid)
returns boolean
language plpgsql volatile set search_path = ''
as $$
declare
  v_order public.orders;
  v_event public.events;
  v_seats uuid[];
begin
  select * into v_order from public.orders where id = p_payable_id;
  -- who cancels the event waits for this order, or this one sees it cancelled
  select * into v_event from public.events where id = v_order.event_id for key share;
  if v_order.status not in ('pending_payment', 'expired', 'failed') or v_event.status not in ('published', 'postponed') then
    return false;
  end if;
  if v_order.hold_expires_at <= now() and (v_event.status <> 'published' or v_event.starts_at <= now()) then
    return false;
  end if;
  begin
    if not private.redeem_discount(p_payable_id) then
      raise exception 'gone' using errcode = 'JT002';
    end if;
    -- its seats: held still, or free again
    v_seats := array(select a.seat_id from public.seat_allocations a where a.order_id = p_payable_id);
    perform 1 from public.seat_rows r where r.id in (select s.row_id from public.seats s where s.id = any (v_seats)) order by r.class_id, r.id for no key update;
    update public.seat_allocations a set is_live = false
    where a.seat_id = any (v_seats) and a.order_id <> p_payable_id and a.is_live and a.held_until <= now();
    update public.seat_allocations a set is_live = true, held_until = null where a.order_id = p_payable_id;
    perform private.count_seat_row(r.row_id) from (select distinct s.row_id from public.seats s where s.id = any (v_seats)) r;
    perform private.issue_tickets(v_order);
    if not private.sell_held(p_payable_id) and private.take_stock(p_payable_id, null) is not null then
      raise exception 'gone' using errcode = 'JT002';
    end if;
  exception
    when sqlstate 'JT002' or unique_violation then
      return false;
  end;
  update public.orders set status = 'completed', completed_at = now() where id = p_payable_id;
  return true;
end
$$;

create function private.settle_order_payable(p_payable_id uuid)
returns boolean
language plpgsql volatile set search_path = ''
as $$
declare
  v_order public.orders;
begin
  if private.complete_order(p_payable_id) then
    return true;
  end if;
  select * into v_order from public.orders where id = p_payable_id and status = 'pending_payment';
  if not found then
    return false;
  elsif exists (select from private.event_cancellations c where c.event_id = v_order.event_id) then
    perform private.end_with_event(v_order);
  else
    -- money that came before a job wrote down that the time was over
    perform private.expire_order_payable(p_payable_id);
  end if;
  if v_order.hold_expires_at > now() then
    perform private.release_seats(p_payable_id);
    perform private.release_held(p_payable_id);
  end if;
  return false;
end
$$;

create function private.order_lines(p_payable_id uuid)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_agg(l.line order by l.last, l.position, l.name, l.line ->> 'code' desc)
    from (
      select false as last, c.position, c.name, jsonb_build_object('code', 'tickets', 'quantity', i.quantity, 'unit_amount', i.unit_price, 'amount', i.quantity * i.unit_price) as line
      from public.order_items i join public.ticket_classes c on c.id = i.class_id where i.order_id = p_payable_id and i.unit_price > 0
      union all
      select true, 0, '', jsonb_build_object('code', 'discount', 'quantity', 1, 'unit_amount', -sum(i.discount_amount), 'amount', -sum(i.discount_amount))
      from public.order_items i where i.order_id = p_payable_id having sum(i.discount_amount) > 0
    ) l
  );
end
$$;

-- Ticketing: what must hold between orders, stock, seats, tickets and money at any time.
-- Rule kept here: the stock is what orders say of themselves, counted a second time.

create function private.invariant_stock_miscounted()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select s.pool_id || ':' || s.shard, format('held %s and sold %s, orders say %s and %s', s.held, s.sold, coalesce(h.held, 0), coalesce(h.sold, 0))
  from private.stock_shards s
  left join (
    select h.pool_id, h.shard, sum(h.held) as held, sum(h.sold) as sold from private.ticket_holds h group by 1, 2
  ) h on h.pool_id = s.pool_id and h.shard = s.shard
  where s.held <> coalesce(h.held, 0) or s.sold <> coalesce(h.sold, 0)
$$;

create function private.invariant_stock_does_not_add_up()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select p.id::text, format('capacity %s, shards %s', p.capacity, coalesce(s.capacity, 0))
  from private.capacity_pools p
  left join (select s.pool_id, sum(s.capacity) as capacity from private.stock_shards s group by 1) s on s.pool_id = p.id
  where p.capacity <> coalesce(s.capacity, 0)
$$;

-- An order counts its tickets in every pool of their class: held while it waits, sold as long as they are valid.
create function private.invariant_order_not_counted()
returns table (subject_id text, detail text)
language plpgsql stable set search_path = ''
as $$
begin
  return query
    with due as (
      select i.order_id, c.pool_id, sum(case o.status
        when 'completed' then (select count(*) from public.tickets t where t.order_item_id = i.id and t.status <> 'cancelled')
        when 'pending_payment' then i.quantity else 0 end) as quantity,
        bool_or(o.status = 'completed') as is_sold, bool_or(o.hold_expires_at <= now()) as is_over
      from public.order_items i join public.orders o on o.id = i.order_id join private.class_pools c on c.class_id = i.class_id
      group by 1, 2
    ), counted as (
      select h.order_id, h.pool_id, sum(h.held) as held, sum(h.sold) as sold from private.ticket_holds h group by 1, 2
    )
    select d.order_id::text, format('%s tickets in pool %s, counted are %s held and %s sold', d.quantity, d.pool_id, coalesce(k.held, 0), coalesce(k.sold, 0))
    from due d left join counted k on k.order_id = d.order_id and k.pool_id = d.pool_id
    where case when d.is_sold then coalesce(k.sold, 0) <> d.quantity or coalesce(k.held, 0) <> 0
      else coalesce(k.sold, 0) <> 0 or (coalesce(k.held, 0) <> d.quantity and d.is_over is not true) end;
end
$$;

create function private.invariant_tickets_disagree()
returns table (subject_id text, detail text)
language plpgsql stable set search_path = ''
as $$
begin
  return query
    select i.id::text, format('%s tickets for %s, of %s bought for %s', coalesce(t.n, 0), coalesce(t.paid, 0), i.quantity, i.amount)
    from public.order_items i
    join public.orders o on o.id = i.order_id
    left join (select t.order_item_id, count(*) as n, sum(t.paid_amount) as paid, sum(t.tax_amount) as tax from public.tickets t group by 1) t on t.order_item_id = i.id
    where case when o.completed_at is not null then (t.n, t.paid, t.tax) is distinct from (i.quantity::bigint, i.amount::numeric, i.tax_amount::numeric) else t.n > 0 end;
end
$$;

create function private.invariant_order_payment_disagrees()
returns table (subject_id text, detail text)
language plpgsql stable set search_path = ''
as $$
begin
  return query
    select o.id::text, o.status || ' with payment ' || coalesce(p.status, 'none')
    from public.orders o left join public.payments p on p.payable_id = o.id
    where case
      when o.total_amount = 0 then p.id is not null
      when o.status = 'pending_payment' then p.id is null or p.status not in ('pending', 'processing')
      when o.status in ('expired', 'failed') then p.id is null or p.status not in ('expired', 'succeeded', 'refunded')
      when o.status = 'cancelled' then p.id is null or p.status in ('pending', 'processing', 'expired')
      else p.id is null or p.status not in ('succeeded', 'partially_refunded', 'refunded') end
    union all
    select o.id::text, o.status || ' with money that was ' || p.settlement
    from public.orders o join public.payments p on p.payable_id = o.id
    where p.settlement is not null and (p.settlement = 'kept') <> (o.completed_at is not null);
end
$$;

-- The money of a completed order waits in escrow, less what went back for cancelled tickets, until its organizer has earned it.
create function private.invariant_order_money_disagrees()
returns table (subject_id text, detail text)
language plpgsql stable set search_path = ''
as $$
begin
  return query
    with held as (
      select a.owner, -sum(e.amount) as amount
      from private.ledger_entries e join private.ledger_accounts a on a.id = e.account_id
      where a.kind = 'escrow' group by 1
    ), due as (
      select t.order_id, sum(t.paid_amount) as amount from public.tickets t
      where t.status <> 'cancelled' and not exists (select from private.order_earnings k where k.order_id = t.order_id) group by 1
    )
    select o.id::text, format('%s in escrow, should be %s', coalesce(h.amount, 0), coalesce(d.amount, 0))
    from public.orders o
    left join held h on h.owner = o.id::text
    left join due d on d.order_id = o.id
    where coalesce(h.amount, 0) <> coalesce(d.amount, 0);
end
$$;

create function private.invariant_seats_disagree()
returns table (subject_id text, detail text)
language plpgsql stable set search_path = ''
as $$
begin
  return query
    select o.id::text, format('%s tickets of a kind with seats, %s seats', k.n, coalesce(a.n, 0))
    from public.orders o
    join (
      select i.order_id, sum(case when o2.status = 'completed' then (select count(*) from public.tickets t where t.order_item_id = i.id and t.status <> 'cancelled') else i.quantity end) as n
      from public.order_items i join public.ticket_classes c on c.id = i.class_id and c.has_seats join public.orders o2 on o2.id = i.order_id group by 1
    ) k on k.order_id = o.id
    left join (select s.order_id, count(*) as n from public.seat_allocations s where s.is_live group by 1) a on a.order_id = o.id
    where (o.status = 'completed' or (o.status = 'pending_payment' and o.hold_expires_at > now())) and k.n <> coalesce(a.n, 0)
    union all
    select t.id::text, 'a ticket whose seat is not its order''s'
    from public.tickets t
    where t.status <> 'cancelled' and t.seat_id is not null
      and not exists (select from public.seat_allocations s where s.seat_id = t.seat_id and s.order_id = t.order_id and s.is_live)
    union all
    select r.id::text, format('a row with %s free seats, says %s', k.n, r.free)
    from public.seat_rows r
    cross join lateral (
      select count(*) as n from public.seats s where s.row_id = r.id and s.status = 'open' and s.kind = 'standard'
        and not exists (select from public.seat_allocations a where a.seat_id = s.id and a.is_live)
    ) k
    where k.n <> r.free
    union all
    select c.id::text, format('%s seats on sale, total %s', k.n, c.total)
    from public.ticket_classes c
    cross join lateral (select count(*) as n from public.seats s where s.class_id = c.id and s.status = 'open') k
    where c.has_seats and k.n <> c.total;
end
$$;

create function private.invariant_stock_not_released()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select h.order_id::text, 'held until ' || h.held_until
  from private.ticket_holds h where h.held > 0 and h.held_until < now() - interval '15 minutes'
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('stock_miscounted', 'critical', 'A shard of the stock of tickets counts another number than its orders.',
    'A defect in a command, or somebody changed rows by SQL. Close the kind of ticket (update_ticket_class, is_closed) and keep the rows of private.ticket_holds for the report.'),
  ('stock_does_not_add_up', 'critical', 'The shards of a pool of tickets do not add up to its capacity.',
    'Somebody changed rows by SQL with constraints switched off. Close the kind of ticket before you mend the shards.'),
  ('order_not_counted', 'critical', 'An order is not counted in the stock with as many tickets as it has.',
    'A defect in a command. Keep the history of the order (private.domain_events where subject_id is its id) for the report.'),
  ('tickets_disagree', 'critical', 'The tickets of an order are not those that were bought, or not for that price.',
    'A defect in a command. Cancel nothing of this order before you know which; its cancellation gives back what its tickets say.'),
  ('order_payment_disagrees', 'critical', 'The states of an order and of its payment do not fit together.',
    'A defect in a command. Keep the history of both (private.domain_events where subject_id is the id) for the report.'),
  ('order_money_disagrees', 'critical', 'The ledger holds another sum for an order than its valid tickets were paid for.',
    'A defect in a command. Pay nothing out of this order, and keep its history for the report.'),
  ('seats_disagree', 'critical', 'An order has another number of seats than tickets, or a row or a kind of ticket counts its seats wrong.',
    'A defect in a command, or somebody changed rows by SQL. Stop the sale of the kind of ticket, and keep the rows of public.seat_allocations for the report.'),
  ('stock_not_released', 'warning', 'Tickets are still counted as held over 15 minutes after their time. They can be bought all the same.',
    'The job journey_ticket_stock does not run, or cannot handle them: the database log says why.');

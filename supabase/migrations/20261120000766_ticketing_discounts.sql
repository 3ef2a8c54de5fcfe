-- Ticketing: what a code takes off an order.
-- Rule kept here: a code for tickets is the organizer's to pay: it gets what buyers paid.
-- What was taken off is spread over the tickets and stays so: a cancelled ticket gives back what was paid for it, and the rest
-- keeps its price when it falls below the minimum of the code.

-- What an order of these lines costs, with so much taken off, spread over them in proportion to their prices and to the last
-- đồng. Prices have their tax within.
create function private.price_order(p_lines private.order_line[], p_discount_amount bigint)
returns setof private.order_price
language plpgsql stable set search_path = ''
as $$
begin
  return query
    select k.class_id, k.quantity, k.price, k.off, k.list - k.off, ((k.list - k.off) * k.tax_bps / (10000 + k.tax_bps))::bigint
    from (
      select l.class_id, l.quantity, l.price, l.tax_bps, l.list,
        case when p_discount_amount = 0 then 0
          else (div(p_discount_amount * l.upto, l.total) - div(p_discount_amount * (l.upto - l.list), l.total))::bigint end as off
      from (
        select u.class_id, u.quantity, c.price, c.tax_bps, u.quantity * c.price as list,
          sum(u.quantity * c.price) over (order by u.class_id) as upto, sum(u.quantity * c.price) over () as total
        from unnest(p_lines) u join public.ticket_classes c on c.id = u.class_id
      ) l
    ) k;
end
$$;

-- The code for an order and what it takes off, or a refusal.
create function private.discount_of_order(p_code text, p_event public.events, p_buyer_id uuid, p_lines private.order_line[])
returns private.order_discount
language plpgsql volatile set search_path = ''
as $$
declare
  v_discount public.discounts;
  v_list bigint;
begin
  if p_code is null then
    return (null, 0)::private.order_discount;
  end if;
  v_discount := private.find_discount(p_code, 'tickets', p_buyer_id, p_event.organizer_id, p_event.id);
  select sum(l.quantity * c.price) into v_list from unnest(p_lines) l join public.ticket_classes c on c.id = l.class_id;
  if v_list < v_discount.min_amount then
    perform private.fail('discount_below_minimum', jsonb_build_object('min_amount', v_discount.min_amount));
  end if;
  return (v_discount.id, private.discount_amount(v_discount, v_list))::private.order_discount;
end
$$;

-- Takes the use of the code for an order that is being written, or refuses it. It comes before seats and stock.
create function private.take_order_discount(p_order public.orders, p_discount private.order_discount)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_problem text;
begin
  if p_discount.amount > 0 then
    v_problem := private.take_discount(p_discount.discount_id, p_order.id, p_order.buyer_id, p_discount.amount, p_order.hold_expires_at);
    if v_problem is not null then
      perform private.fail(v_problem);
    end if;
  end if;
end
$$;

-- Whatever ends an order gives the use of its code back; an order that is kept longer keeps it longer.
create function private.pass_on_order_discount()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if new.status in ('expired', 'failed', 'cancelled') then
    perform private.release_discount(new.id);
  elsif new.status = 'pending_payment' then
    perform private.hold_discount(new.id, new.hold_expires_at);
  end if;
  return null;
end
$$;

create function private.invariant_order_discount_disagrees()
returns table (subject_id text, detail text)
language plpgsql stable set search_path = ''
as $$
begin
  return query
    select o.id::text, format('%s with %s taken off, its redemption is %s of %s', o.status, k.off, coalesce(r.status, 'none'), coalesce(r.amount, 0))
    from public.orders o
    cross join lateral (select sum(i.discount_amount)::bigint as off from public.order_items i where i.order_id = o.id) k
    left join public.discount_redemptions r on r.id = o.id
    where (k.off > 0 or r.id is not null) and ((r.amount, r.user_id) is distinct from (k.off, o.buyer_id) or case
      when o.status = 'completed' then r.status <> 'redeemed'
      when o.status = 'pending_payment' then r.status = 'redeemed' or (r.status = 'released' and o.hold_expires_at > now())
      else r.status = 'redeemed' end);
end
$$;
insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('order_discount_disagrees', 'critical', 'An order and the use of its discount code do not fit together.',
    'A defect in a command, or somebody changed rows by SQL. The price of the order stands; keep the history of both (private.domain_events where subject_id is the id) for the report.');

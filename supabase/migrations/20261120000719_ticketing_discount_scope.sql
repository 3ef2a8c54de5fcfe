-- Ticketing: codes for tickets.
-- Rule kept here: a first order is the first that was not given up.
-- Left out on purpose: what a code takes off (ticketing_discounts, which needs the tables of orders).

-- Whether a person has another order than that one, which was completed or waits for payment.
create function private.has_earlier_order(p_user_id uuid, p_order_id uuid)
returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (
    select from public.orders o
    where o.buyer_id = p_user_id and o.id is distinct from p_order_id
      and (o.status = 'completed' or (o.status = 'pending_payment' and o.hold_expires_at > now()))
  );
end
$$;
insert into private.discount_scopes (scope, earlier_function) values ('tickets', 'has_earlier_order');

-- The code of an order, and what it takes off.
create type private.order_discount as (discount_id uuid, amount bigint);
-- What one line of an order costs with it.
create type private.order_price as (class_id uuid, quantity int, unit_price bigint, discount_amount bigint, amount bigint, tax_amount bigint);

-- Discounts: finding a code, taking a use of it, and giving it back.
-- Rule kept here: a use is taken in the transaction that makes the booking or order. The row of the code is locked from
-- there to the commit, so it is taken after the slot and before seats and stock. Who gives a use back locks no code:
-- the next who needs one takes it back, as is done with stock.
-- Left out on purpose: what a discount does to a price.

-- What a code takes off a price; at most all of it. Shares are rounded half up, as in the pricing library.
create function private.discount_amount(p_discount public.discounts, p_price bigint)
returns bigint
language plpgsql immutable set search_path = ''
as $$
begin
  return least(p_price, coalesce(p_discount.fixed_amount, least(coalesce(p_discount.max_amount, p_price),
    div(2 * p_price::numeric * p_discount.percent_bps + 10000, 20000)::bigint)));
end
$$;

-- Ends reservations whose time is over, of one person for one code or for a first time. It skips what is being settled.
create function private.end_overdue_redemptions(p_discount public.discounts, p_user_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.discount_redemptions r set status = 'released', held_until = null
  from (
    select o.id from public.discount_redemptions o
    where o.user_id = p_user_id and o.status = 'reserved' and o.held_until <= now()
      and (o.discount_id = p_discount.id or (p_discount.first_only and o.first_only and o.scope = p_discount.scope))
    order by o.id
    for no key update skip locked
  ) o
  where r.id = o.id;
end
$$;

-- Why a person cannot use a code once more, or null. A look without locks.
create function private.discount_problem(p_discount public.discounts, p_user_id uuid, p_id uuid default null)
returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_function text;
  v_earlier boolean;
begin
  if p_discount.uses >= p_discount.total_limit and not exists (
    select from public.discount_redemptions r
    where r.discount_id = p_discount.id and r.is_counted and (r.status = 'released' or (r.status = 'reserved' and r.held_until <= now()))
  ) then
    return 'discount_used_up';
  end if;
  if (
    select count(*) from public.discount_redemptions r
    where r.discount_id = p_discount.id and r.user_id = p_user_id and (r.status = 'redeemed' or (r.status = 'reserved' and r.held_until > now()))
  ) >= p_discount.per_user_limit then
    return 'discount_already_used';
  end if;
  if p_discount.first_only then
    select s.earlier_function into strict v_function from private.discount_scopes s where s.scope = p_discount.scope;
    execute 'select private.' || quote_ident(v_function) || '($1, $2)' into v_earlier using p_user_id, p_id;
    if v_earlier then
      return 'discount_first_only';
    end if;
  end if;
  return null;
end
$$;

-- The code that a person types for something, or a refusal.
create function private.find_discount(p_code text, p_scope text, p_user_id uuid, p_organizer_id uuid default null, p_event_id uuid default null)
returns public.discounts
language plpgsql volatile set search_path = ''
as $$
declare
  v_discount public.discounts;
  v_problem text;
begin
  -- without a token left, a right code is refused too
  perform private.take_token('discount_not_found', p_user_id::text);
  select * into v_discount from public.discounts d
  where d.code = upper(btrim(p_code)) and d.scope = p_scope and d.status = 'active'
    and d.valid_from <= now() and (d.valid_until > now() or d.valid_until is null)
    and d.organizer_id is not distinct from p_organizer_id and (d.event_id is null or d.event_id = p_event_id);
  if not found then
    perform private.fail('discount_not_found');
  end if;
  -- only a wrong one costs
  perform private.give_token_back('discount_not_found', p_user_id::text);
  v_problem := private.discount_problem(v_discount, p_user_id);
  if v_problem is not null then
    perform private.fail(v_problem);
  end if;
  return v_discount;
end
$$;

-- A code as its price is computed from it, and as people see it.
create function private.discount_terms(p_discount public.discounts)
returns jsonb
language plpgsql immutable set search_path = ''
as $$
begin
  return jsonb_build_object('id', p_discount.id, 'code', p_discount.code, 'title', p_discount.title, 'percent_bps', p_discount.percent_bps,
    'fixed_amount', p_discount.fixed_amount, 'min_amount', p_discount.min_amount, 'max_amount', p_discount.max_amount);
end
$$;

-- Takes a use of a code for a booking or order, until p_held_until or, when that is null, for good. It answers null, or
-- the code of the error why it cannot be had. The window of the code was judged when its price was agreed.
create function private.take_discount(p_discount_id uuid, p_id uuid, p_user_id uuid, p_amount bigint, p_held_until timestamptz)
returns text
language plpgsql volatile set search_path = ''
as $$
declare
  v_discount public.discounts;
  v_problem text;
  v_freed int;
  v_number int;
begin
  -- a code without a limit has no counter, and nobody waits for another
  select * into v_discount from public.discounts where id = p_discount_id;
  if v_discount.total_limit is not null then
    select * into v_discount from public.discounts where id = p_discount_id for no key update;
  end if;
  if v_discount.status is distinct from 'active' then
    return 'discount_not_found';
  end if;
  perform private.end_overdue_redemptions(v_discount, p_user_id);
  v_problem := private.discount_problem(v_discount, p_user_id, p_id);
  if v_problem is not null then
    return v_problem;
  end if;
  if v_discount.total_limit is not null then
    if v_discount.uses >= v_discount.total_limit then
      with gone as (
        select r.id from public.discount_redemptions r
        where r.discount_id = p_discount_id and r.is_counted and (r.status = 'released' or (r.status = 'reserved' and r.held_until <= now()))
        order by r.id
        limit 1000
        for no key update skip locked
      ), freed as (
        update public.discount_redemptions r set is_counted = false, status = 'released', held_until = null
        from gone where r.id = gone.id returning 1
      )
      select count(*) into v_freed from freed;
      update public.discounts set uses = uses - v_freed where id = p_discount_id returning * into v_discount;
      if v_discount.uses >= v_discount.total_limit then
        return 'discount_used_up';
      end if;
    end if;
  end if;
  loop
    if v_discount.per_user_limit is not null then
      select min(n) into v_number from generate_series(1, v_discount.per_user_limit) n
      where not exists (
        select from public.discount_redemptions r
        where r.discount_id = p_discount_id and r.user_id = p_user_id and r.user_number = n and r.status <> 'released');
      if v_number is null then
        return 'discount_already_used';
      end if;
    end if;
    if exists (select from public.discount_redemptions r where r.id = p_id) then
      begin
        -- late money: what was released is redeemed again
        update public.discount_redemptions
        set status = 'redeemed', user_number = v_number, user_limit = v_discount.per_user_limit, first_only = v_discount.first_only,
            is_counted = v_discount.total_limit is not null
        where id = p_id;
        exit;
      exception
        when unique_violation then
          return 'discount_already_used';
      end;
    end if;
    insert into public.discount_redemptions (id, discount_id, scope, user_id, status, amount, held_until, user_number, user_limit, first_only, is_counted)
    values (p_id, p_discount_id, v_discount.scope, p_user_id, 'reserved', p_amount, coalesce(p_held_until, now()), v_number, v_discount.per_user_limit,
      v_discount.first_only, v_discount.total_limit is not null)
    -- two calls at once may want one number, or one first time; the second waits here
    on conflict do nothing;
    exit when found;
    if v_discount.first_only and exists (
      select from public.discount_redemptions r where r.user_id = p_user_id and r.scope = v_discount.scope and r.first_only and r.status <> 'released'
    ) then
      return 'discount_first_only';
    end if;
  end loop;
  if p_held_until is null then
    update public.discount_redemptions set status = 'redeemed', held_until = null where id = p_id and status = 'reserved';
  end if;
  -- counted last: a refusal above leaves the counter as it was
  update public.discounts set uses = uses + 1 where id = p_discount_id and total_limit is not null;
  return null;
end
$$;

-- The booking or order is confirmed. False when its use was given back meanwhile and cannot be had again. Callers hold
-- the lock of the booking or order, and have locked no seats and no stock yet.
create function private.redeem_discount(p_id uuid)
returns boolean
language plpgsql volatile set search_path = ''
as $$
declare
  v_redemption public.discount_redemptions;
begin
  select * into v_redemption from public.discount_redemptions where id = p_id for no key update;
  if not found or v_redemption.status = 'redeemed' then
    return true;
  elsif v_redemption.status = 'reserved' then
    update public.discount_redemptions set status = 'redeemed', held_until = null where id = p_id;
    return true;
  end if;
  if v_redemption.is_counted then
    -- its use was not needed by anybody: it is still counted, and is the one that is taken again
    update public.discounts set uses = uses - 1 where id = v_redemption.discount_id;
    update public.discount_redemptions set is_counted = false where id = p_id;
  end if;
  return private.take_discount(v_redemption.discount_id, p_id, v_redemption.user_id, v_redemption.amount, null) is null;
end
$$;

-- The booking or order is over without being had. One that is locked is being given back already.
create function private.release_discount(p_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.discount_redemptions r set status = 'released', held_until = null
  from (
    select o.id from public.discount_redemptions o where o.id = p_id and o.status <> 'released'
    for no key update skip locked
  ) o
  where r.id = o.id;
end
$$;

-- The time to pay or to answer has changed.
create function private.hold_discount(p_id uuid, p_until timestamptz)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.discount_redemptions set held_until = p_until where id = p_id and status = 'reserved' and held_until <> p_until;
end
$$;

-- A cleanup job. Nothing depends on it: a reservation is over by its time.
create function private.release_overdue_discounts()
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.set_audit_context('deadline');
  update public.discount_redemptions r set status = 'released', held_until = null
  from (
    select o.id from public.discount_redemptions o
    where o.status = 'reserved' and o.held_until <= now() order by o.held_until limit 1000
    for no key update skip locked
  ) o
  where r.id = o.id;
end
$$;
select private.schedule_job('journey_discounts', 'Records that reservations of discounts are over, and nothing more: they are over by the clock.',
  '*/5 * * * *', '30 minutes', 'select private.release_overdue_discounts()');

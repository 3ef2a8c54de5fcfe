-- Ticketing: joining and leaving a waiting list, and seeing one's place.
-- Rule kept here: nobody waits for what is there; a place keeps its number, so asking for more is a new place.
-- Left out on purpose: accepting an offer, which create_order does in the transaction of the order.

-- The state of now: an offer is over at its time, and a place with the sale.
create function private.waiting_state(p_entry public.waiting_list_entries)
returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_event public.events;
begin
  if p_entry.status not in ('waiting', 'offered') then
    return p_entry.status;
  end if;
  select * into v_event from public.events where id = p_entry.event_id;
  return case
    when v_event.status not in ('published', 'postponed') or (v_event.status = 'published' and v_event.starts_at <= now()) then 'closed'
    when p_entry.status = 'offered' and p_entry.offer_expires_at <= now() then 'lapsed'
    else p_entry.status end;
end
$$;

create function private.waiting_place(p_entry public.waiting_list_entries)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('id', p_entry.id, 'event_id', e.id, 'event_title', e.title, 'event_status', private.event_state(e), 'starts_at', e.starts_at, 'time_zone', e.time_zone,
      'class_id', c.id, 'class_name', c.name, 'price', c.price, 'currency', c.currency, 'quantity', p_entry.quantity, 'status', private.waiting_state(p_entry),
      'position', case when p_entry.status = 'waiting' then (
        select count(*) + 1 from public.waiting_list_entries w where w.class_id = p_entry.class_id and w.status = 'waiting' and w.number < p_entry.number) end,
      'offer_expires_at', p_entry.offer_expires_at, 'order_id', p_entry.order_id, 'created_at', p_entry.created_at)
    from public.events e join public.ticket_classes c on c.event_id = e.id
    where c.id = p_entry.class_id
  );
end
$$;

create function private.join_waiting_list(p_class_id uuid, p_quantity int, p_unlock_code text)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_class public.ticket_classes;
  v_event public.events;
  v_config public.event_configs;
  v_window private.sale_window;
  v_entry public.waiting_list_entries;
  v_limit int;
  v_has bigint;
begin
  perform private.take_token('join_waiting_list', v_user_id::text);
  perform private.require_not_suspended(v_user_id);
  select * into v_class from public.ticket_classes where id = p_class_id;
  select * into v_event from public.events where id = v_class.event_id;
  if v_event.published_at is null or (v_class.is_hidden and (v_class.unlock_code = upper(btrim(p_unlock_code))) is not true) then
    perform private.fail('ticket_class_not_found');
  end if;
  select * into strict v_config from public.event_configs where event_id = v_event.id;
  v_window := private.sale_window(v_event, v_config, v_class);
  if v_window.state <> 'on_sale' then
    perform private.fail('event_not_on_sale', jsonb_build_object('class_id', p_class_id, 'state', v_window.state, 'starts_at', v_window.starts_at, 'ends_at', v_window.ends_at));
  end if;
  v_limit := least(v_config.max_per_order, v_class.max_per_order);
  if p_quantity is null or p_quantity < 1 then
    perform private.fail_input('quantity', 'must be at least 1');
  elsif p_quantity > v_limit then
    perform private.fail('ticket_limit_reached', jsonb_build_object('class_id', p_class_id, 'per', 'order', 'limit', v_limit));
  end if;
  -- orders and places of one person for one event wait for each other here
  perform pg_advisory_xact_lock(hashtextextended('buyer:' || v_event.id || ':' || v_user_id, 0));
  select * into v_entry from public.waiting_list_entries w where w.user_id = v_user_id and w.class_id = p_class_id and w.status in ('waiting', 'offered') for no key update;
  if found and private.waiting_state(v_entry) in ('waiting', 'offered') then
    if v_entry.quantity <> p_quantity then
      perform private.fail('already_waiting', jsonb_build_object('quantity', v_entry.quantity));
    end if;
    return private.waiting_place(v_entry);
  elsif v_entry.id is not null then
    -- an offer that was over
    update public.waiting_list_entries set status = 'lapsed', ended_at = now() where id = v_entry.id;
  end if;
  v_has := private.tickets_of_buyer(v_event.id, v_user_id, p_class_id);
  if v_has + p_quantity > v_class.max_per_user then
    perform private.fail('ticket_limit_reached', jsonb_build_object('class_id', p_class_id, 'per', 'person', 'limit', v_class.max_per_user, 'has', v_has));
  end if;
  v_has := private.tickets_of_buyer(v_event.id, v_user_id);
  if v_has + p_quantity > v_config.max_per_user then
    perform private.fail('ticket_limit_reached', jsonb_build_object('per', 'person', 'limit', v_config.max_per_user, 'has', v_has));
  end if;
  if private.tickets_on_sale(v_class) > 0 then
    perform private.fail('not_sold_out', jsonb_build_object('left', private.shown_left(v_config, private.tickets_on_sale(v_class))));
  end if;
  insert into public.waiting_list_entries (event_id, class_id, user_id, quantity) values (v_event.id, p_class_id, v_user_id, p_quantity) returning * into v_entry;
  if not v_class.has_waiting_list then
    -- waits for those who are giving tickets back and have seen no list; who gives some back from now on waits for this
    perform pg_advisory_xact_lock(private.waiting_list_lock(v_event.id, 'first'));
    update public.ticket_classes set has_waiting_list = true where id = p_class_id and not has_waiting_list;
  end if;
  perform private.offer_tickets(v_event.id);
  select * into v_entry from public.waiting_list_entries where id = v_entry.id;
  return private.waiting_place(v_entry);
end
$$;
create function public.join_waiting_list(class_id uuid, quantity int default 1, unlock_code text default null)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.join_waiting_list(class_id, quantity, unlock_code) $$;
comment on function public.join_waiting_list is 'Joins the waiting list of a kind of ticket that is sold out, for `quantity` tickets; one place for each kind. What comes back is offered in the order of joining, all that a place asks for or nothing, and kept for two hours; create_order takes it. `unlock_code` is for a hidden kind. Answers the place as my_waiting_places does. Repeatable. Errors: ticket_class_not_found, event_not_on_sale (details {class_id, state, starts_at, ends_at}), not_sold_out (details.left, null where the organizer does not show it), already_waiting (details.quantity), ticket_limit_reached (details {class_id, per: order or person, limit, has}), account_suspended, invalid_input, rate_limited.';
select private.expose_limited('join_waiting_list(uuid, int, text)', 'join_waiting_list', 'auth.uid()', 'authenticated');

create function private.leave_waiting_list(p_class_id uuid)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_entry public.waiting_list_entries;
begin
  select * into v_entry from public.waiting_list_entries w
  where w.user_id = v_user_id and w.class_id = p_class_id
  order by w.status in ('waiting', 'offered') desc, w.number desc limit 1
  for no key update;
  if not found then
    perform private.fail('not_on_waiting_list');
  end if;
  if v_entry.status = 'waiting' then
    update public.waiting_list_entries set status = 'left', ended_at = now() where id = v_entry.id returning * into v_entry;
    -- who wants fewer may be next
    perform private.offer_tickets(v_entry.event_id);
  elsif v_entry.status = 'offered' then
    update public.waiting_list_entries set status = 'declined', ended_at = now() where id = v_entry.id returning * into v_entry;
    perform private.release_held(v_entry.id);
  end if;
  return private.waiting_place(v_entry);
end
$$;
create function public.leave_waiting_list(class_id uuid)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.leave_waiting_list(class_id) $$;
comment on function public.leave_waiting_list is 'Leaves the waiting list of a kind of ticket, or declines its offer, which goes to the next at once. Answers the place as my_waiting_places does. Repeatable. Errors: not_on_waiting_list.';
select private.expose('leave_waiting_list(uuid)', 'authenticated');

-- Serves the lists of an event when there is something that time alone has freed.
create function private.tend_waiting_lists(p_event_id uuid)
returns int
language plpgsql volatile set search_path = ''
as $$
begin
  if exists (select from public.waiting_list_entries w where w.event_id = p_event_id and w.status = 'offered' and w.offer_expires_at <= now())
     or exists (
       select from public.ticket_classes c
       where c.event_id = p_event_id and c.has_waiting_list and private.is_waited_for(c.id)
         and private.tickets_left(c.id) >= (select min(w.quantity) from public.waiting_list_entries w where w.class_id = c.id and w.status = 'waiting')) then
    return private.offer_tickets(p_event_id);
  end if;
  return 0;
end
$$;

create function private.my_waiting_places()
returns setof jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_event_id uuid;
begin
  perform private.spend_token('my_waiting_places', v_user_id::text);
  for v_event_id in
    select distinct w.event_id from public.waiting_list_entries w where w.user_id = v_user_id and w.status in ('waiting', 'offered') order by w.event_id limit 20
  loop
    perform private.tend_waiting_lists(v_event_id);
  end loop;
  return query
    select private.waiting_place(w)
    from public.waiting_list_entries w
    where w.user_id = v_user_id and (w.status in ('waiting', 'offered') or w.ended_at > now() - interval '7 days')
    order by w.created_at desc, w.id
    limit 100;
end
$$;
create function public.my_waiting_places()
returns setof jsonb
language sql volatile set search_path = ''
as $$ select private.my_waiting_places() $$;
comment on function public.my_waiting_places is 'Lists the caller''s places on waiting lists, newest first, those that ended in the last seven days included: {id, event_id, event_title, event_status, starts_at, time_zone, class_id, class_name, price, currency, quantity, status (waiting, offered, accepted, declined, lapsed, left or closed, in the state of now), position (from 1 on; null when it does not wait), offer_expires_at, order_id, created_at}. Errors: rate_limited.';
select private.expose('my_waiting_places()', 'authenticated');

create function private.event_waiting_lists(p_event_id uuid)
returns table (class_id uuid, name text, people bigint, tickets bigint, offered bigint)
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform private.require_event_team(p_event_id);
  return query
    select c.id, c.name, count(w.id) filter (where w.status = 'waiting'), coalesce(sum(w.quantity) filter (where w.status = 'waiting'), 0),
      coalesce(sum(w.quantity) filter (where w.status = 'offered' and w.offer_expires_at > now()), 0)
    from public.ticket_classes c
    left join public.waiting_list_entries w on w.class_id = c.id and w.status in ('waiting', 'offered')
    where c.event_id = p_event_id
    group by c.id
    order by c.position, c.name;
end
$$;
create function public.event_waiting_lists(event_id uuid)
returns table (class_id uuid, name text, people bigint, tickets bigint, offered bigint)
language sql stable set search_path = ''
as $$ select * from private.event_waiting_lists($1) $$;
comment on function public.event_waiting_lists is 'Team of the organizer and staff: for each kind of ticket of an event how many people wait, for how many tickets, and how many tickets are offered now. Errors: event_not_found.';
select private.expose('event_waiting_lists(uuid)', 'authenticated');

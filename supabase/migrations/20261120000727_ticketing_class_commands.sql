-- Ticketing: adding and changing kinds of tickets and shared stock.
-- Rule kept here: a price is changed only for orders to come; what is held or sold stays within every capacity.
-- Left out on purpose: seats, whose number is the total of their class (ticketing_seats).

create function private.apply_class_details(p_class public.ticket_classes, p_details jsonb)
returns public.ticket_classes
language plpgsql stable set search_path = ''
as $$
declare
  v_class public.ticket_classes := jsonb_populate_record(p_class, p_details);
begin
  v_class.name := private.tidy_text(v_class.name);
  v_class.description := coalesce(private.tidy_lines(v_class.description), '');
  v_class.unlock_code := upper(btrim(v_class.unlock_code));
  return v_class;
end
$$;

create function private.add_ticket_class(p_event_id uuid, p_details jsonb, p_idempotency_key uuid)
returns public.ticket_classes
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_stored jsonb;
  v_event public.events;
  v_class public.ticket_classes;
  v_constraint text;
  v_column text;
begin
  v_stored := private.begin_command('add_ticket_class', p_idempotency_key, jsonb_build_object('event_id', p_event_id, 'details', p_details));
  if v_stored is not null then
    select * into v_class from public.ticket_classes where id = (v_stored ->> 'id')::uuid;
    return v_class;
  end if;
  v_event := private.lock_event(p_event_id, 'admin', 'editor');
  if private.event_state(v_event) in ('ended', 'cancelled') then
    perform private.fail('event_not_editable', jsonb_build_object('status', private.event_state(v_event)));
  end if;
  if (select count(*) from public.ticket_classes where event_id = p_event_id) >= 50 then
    perform private.fail_input('details', 'an event has at most 50 kinds of tickets');
  end if;
  perform private.check_details(p_details, '{"name": "string", "description": "string", "price": "integer", "tax_bps": "integer", "total": "integer", "sale_starts_at": "time",
    "sale_ends_at": "time", "max_per_order": "integer", "max_per_user": "integer", "is_hidden": "boolean", "unlock_code": "string", "has_seats": "boolean", "position": "integer"}');
  if coalesce((p_details ->> 'has_seats')::boolean, false) and coalesce((p_details ->> 'total')::bigint, 0) <> 0 then
    perform private.fail_input('total', 'must be absent: it is the number of the seats');
  end if;
  begin
    v_class := private.apply_class_details(v_class, '{"tax_bps": 0, "is_hidden": false, "has_seats": false, "position": 0}'::jsonb
      || case when p_details -> 'has_seats' = 'true' then '{"total": 0}' else '{}' end::jsonb || p_details);
    insert into public.ticket_classes (event_id, name, description, price, tax_bps, total, sale_starts_at, sale_ends_at, max_per_order, max_per_user,
      is_hidden, unlock_code, has_seats, position)
    values (p_event_id, v_class.name, v_class.description, v_class.price, v_class.tax_bps, v_class.total, v_class.sale_starts_at, v_class.sale_ends_at,
      v_class.max_per_order, v_class.max_per_user, v_class.is_hidden, v_class.unlock_code, v_class.has_seats, v_class.position)
    returning * into v_class;
  exception
    when check_violation or not_null_violation or unique_violation or numeric_value_out_of_range then
      get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
      perform private.fail_field('ticket_classes', v_constraint, v_column, 'out of range');
  end;
  perform private.open_pool(v_class.id, p_event_id, v_class.id, null, v_class.total);
  insert into private.class_pools (class_id, pool_id, event_id) values (v_class.id, v_class.id, p_event_id);
  -- another kind of ticket is something to approve
  update public.events set status = 'configured' where id = p_event_id and status = 'approved';
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', v_class.id));
  v_class.unlock_code := null;
  return v_class;
end
$$;
create function public.add_ticket_class(event_id uuid, details jsonb, idempotency_key uuid)
returns public.ticket_classes
language sql volatile set search_path = ''
as $$ select private.add_ticket_class(event_id, details, idempotency_key) $$;
comment on function public.add_ticket_class is 'Admin or editor of the organizer: adds a kind of ticket; at most 50. details {name, description, price (minor units, tax included; 0 is free), tax_bps (rate of that tax, default 0), total (tickets; absent with seats), sale_starts_at, sale_ends_at, max_per_order, max_per_user (null: as the event says), is_hidden, unlock_code (4–40 letters, digits, hyphens; only of a hidden one), has_seats, position}. The answer does not repeat unlock_code. An approved event goes back to configured. Errors: event_not_found, forbidden, event_not_editable, invalid_input, unknown_field.';
select private.expose('add_ticket_class(uuid, jsonb, uuid)', 'authenticated');

-- The class of an event of the caller's, and its event locked before it.
create function private.lock_class(p_class_id uuid)
returns public.ticket_classes
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_class public.ticket_classes;
begin
  perform private.require_user();
  select * into v_class from public.ticket_classes where id = p_class_id;
  if not found or not (v_class.event_id in (select private.my_event_ids()) or private.is_admin()) then
    perform private.fail('ticket_class_not_found');
  end if;
  if private.event_state(private.lock_event(v_class.event_id, 'admin', 'editor')) in ('ended', 'cancelled') then
    perform private.fail('event_not_editable');
  end if;
  return v_class;
end
$$;

create function private.update_ticket_class(p_class_id uuid, p_details jsonb)
returns public.ticket_classes
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_class public.ticket_classes := private.lock_class(p_class_id);
  v_constraint text;
  v_column text;
begin
  perform private.check_details(p_details, '{"name": "string", "description": "string", "price": "integer", "tax_bps": "integer", "sale_starts_at": "time",
    "sale_ends_at": "time", "max_per_order": "integer", "max_per_user": "integer", "is_hidden": "boolean", "unlock_code": "string", "is_closed": "boolean", "position": "integer"}');
  begin
    v_class := private.apply_class_details(v_class, p_details);
    update public.ticket_classes c
    set name = v_class.name, description = v_class.description, price = v_class.price, tax_bps = v_class.tax_bps, sale_starts_at = v_class.sale_starts_at,
        sale_ends_at = v_class.sale_ends_at, max_per_order = v_class.max_per_order, max_per_user = v_class.max_per_user, is_hidden = v_class.is_hidden,
        unlock_code = v_class.unlock_code, is_closed = v_class.is_closed, position = v_class.position
    where c.id = p_class_id
    returning * into v_class;
  exception
    when check_violation or not_null_violation or unique_violation or numeric_value_out_of_range then
      get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
      perform private.fail_field('ticket_classes', v_constraint, v_column, 'out of range');
  end;
  v_class.unlock_code := null;
  return v_class;
end
$$;
create function public.update_ticket_class(class_id uuid, details jsonb)
returns public.ticket_classes
language sql volatile set search_path = ''
as $$ select private.update_ticket_class(class_id, details) $$;
comment on function public.update_ticket_class is 'Admin or editor of the organizer: changes a kind of ticket, also during the sale; what is absent stays. Orders keep the price at which they were made. details as of add_ticket_class, with is_closed, and without total (set_ticket_total) and has_seats. The answer does not repeat unlock_code. Errors: ticket_class_not_found, event_not_found, forbidden, event_not_editable, invalid_input, unknown_field.';
select private.expose('update_ticket_class(uuid, jsonb)', 'authenticated');

create function private.set_ticket_total(p_class_id uuid, p_total int)
returns public.ticket_classes
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_class public.ticket_classes := private.lock_class(p_class_id);
begin
  if p_total is null or p_total not between 0 and 1000000 then
    perform private.fail_input('total', 'must be 0 to 1000000');
  elsif v_class.has_seats then
    perform private.fail_input('total', 'is the number of the seats: add or remove seats');
  end if;
  perform private.resize_pool(p_class_id, p_total);
  select * into v_class from public.ticket_classes where id = p_class_id;
  v_class.unlock_code := null;
  return v_class;
end
$$;
create function public.set_ticket_total(class_id uuid, total int)
returns public.ticket_classes
language sql volatile set search_path = ''
as $$ select private.set_ticket_total(class_id, total) $$;
comment on function public.set_ticket_total is 'Admin or editor of the organizer: raises or lowers how many tickets of a kind there are (0–1000000), also during the sale. It is never below what is sold or held. Repeatable. Errors: ticket_class_not_found, event_not_found, forbidden, event_not_editable, capacity_below_sold (details.least), invalid_input.';
select private.expose('set_ticket_total(uuid, int)', 'authenticated');

create function private.set_capacity_pool(p_event_id uuid, p_name text, p_capacity int, p_class_ids uuid[])
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_event public.events := private.lock_event(p_event_id, 'admin', 'editor');
  v_class_ids uuid[] := array(select distinct c from unnest(p_class_ids) c order by c);
  v_name text := private.tidy_text(p_name);
  v_pool private.capacity_pools;
begin
  if private.event_state(v_event) in ('ended', 'cancelled') then
    perform private.fail('event_not_editable', jsonb_build_object('status', private.event_state(v_event)));
  end if;
  if v_name is null or not private.is_tidy(v_name) or char_length(v_name) > 120 then
    perform private.fail_input('name', 'must have 1 to 120 characters');
  end if;
  if p_capacity is null or p_capacity not between 0 and 1000000 then
    perform private.fail_input('capacity', 'must be 0 to 1000000');
  end if;
  if cardinality(v_class_ids) = 0 or (select count(*) from public.ticket_classes where event_id = p_event_id and id = any (v_class_ids)) <> cardinality(v_class_ids) then
    perform private.fail_input('class_ids', 'must be kinds of tickets of this event');
  end if;
  -- orders under way end first, so that none is counted in one pool and not in the other
  perform 1 from public.ticket_classes where event_id = p_event_id order by id for update;
  select * into v_pool from private.capacity_pools where event_id = p_event_id and name = v_name;
  if found then
    perform private.resize_pool(v_pool.id, p_capacity);
  else
    v_pool.id := gen_random_uuid();
    perform private.open_pool(v_pool.id, p_event_id, null, v_name, p_capacity);
  end if;
  delete from private.class_pools where pool_id = v_pool.id and class_id <> all (v_class_ids);
  insert into private.class_pools (class_id, pool_id, event_id) select c, v_pool.id, p_event_id from unnest(v_class_ids) c
  on conflict do nothing;
  return jsonb_build_object('id', v_pool.id, 'name', v_name, 'capacity', p_capacity, 'class_ids', to_jsonb(v_class_ids));
end
$$;
create function public.set_capacity_pool(event_id uuid, name text, capacity int, class_ids uuid[])
returns jsonb
language sql volatile set search_path = ''
as $$ select private.set_capacity_pool(event_id, name, capacity, class_ids) $$;
comment on function public.set_capacity_pool is 'Admin or editor of the organizer: makes or changes stock that several kinds of tickets share, by its name. Each ticket of these kinds then counts in it too. A kind joins or leaves only before its first sale; the capacity changes at any time, never below what is sold or held. Answers {id, name, capacity, class_ids}. Repeatable. Errors: event_not_found, forbidden, event_not_editable, ticket_class_has_sales (details.class_id), capacity_below_sold (details.least), invalid_input.';
select private.expose('set_capacity_pool(uuid, text, int, uuid[])', 'authenticated');

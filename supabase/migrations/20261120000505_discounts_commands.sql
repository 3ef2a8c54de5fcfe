-- Discounts: making and changing codes.
-- Rule kept here: a change is about what comes after it: quotes, bookings and orders keep what was agreed.
-- Left out on purpose: who may act for an organizer (ticketing_discounts).

-- Stores a new code. p_owner has the organizer, or is null for the platform. Callers have checked who asks.
create function private.add_discount(p_owner public.discounts, p_details jsonb)
returns public.discounts
language plpgsql volatile set search_path = ''
as $$
declare
  v_new public.discounts;
  v_constraint text;
  v_column text;
begin
  perform private.check_details(p_details, '{"code": "string", "title": "string", "scope": "string", "event_id": "string", "percent_bps": "integer", "fixed_amount": "integer",
    "min_amount": "integer", "max_amount": "integer", "valid_from": "time", "valid_until": "time", "total_limit": "integer", "per_user_limit": "integer",
    "first_only": "boolean", "is_listed": "boolean"}');
  begin
    v_new := jsonb_populate_record(p_owner, p_details);
    insert into public.discounts (code, title, scope, organizer_id, event_id, percent_bps, fixed_amount, min_amount, max_amount, valid_from, valid_until,
      total_limit, per_user_limit, first_only, is_listed, created_by)
    values (upper(btrim(v_new.code)), private.tidy_text(v_new.title), v_new.scope, v_new.organizer_id, v_new.event_id, v_new.percent_bps, v_new.fixed_amount,
      coalesce(v_new.min_amount, 0), v_new.max_amount, coalesce(v_new.valid_from, now()), v_new.valid_until, v_new.total_limit,
      case when p_details ? 'per_user_limit' then v_new.per_user_limit else 1 end, coalesce(v_new.first_only, false), coalesce(v_new.is_listed, false), auth.uid())
    returning * into v_new;
  exception
    when unique_violation then
      perform private.fail('discount_code_taken');
    when foreign_key_violation then
      get stacked diagnostics v_constraint = constraint_name;
      perform private.fail_input(case v_constraint when 'discounts_scope_fkey' then 'scope' else 'event_id' end, 'must be one that there is');
    when check_violation or not_null_violation or data_exception then
      get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
      perform private.fail_field('discounts', v_constraint, v_column, 'out of range');
  end;
  return v_new;
end
$$;

-- Changes a code. Callers have checked who asks, and hold its row.
create function private.change_discount(p_discount public.discounts, p_details jsonb)
returns public.discounts
language plpgsql volatile set search_path = ''
as $$
declare
  v_new public.discounts;
  v_constraint text;
  v_column text;
begin
  perform private.check_details(p_details, '{"title": "string", "percent_bps": "integer", "fixed_amount": "integer", "min_amount": "integer", "max_amount": "integer",
    "valid_until": "time", "total_limit": "integer", "per_user_limit": "integer", "is_listed": "boolean", "is_paused": "boolean"}');
  begin
    v_new := jsonb_populate_record(p_discount, p_details - 'is_paused');
    if (p_discount.total_limit is null) <> (v_new.total_limit is null) then
      perform private.fail_input('total_limit', 'a code without a limit keeps none, and one with a limit keeps one; make another code');
    end if;
    update public.discounts d
    set title = private.tidy_text(v_new.title), percent_bps = v_new.percent_bps, fixed_amount = v_new.fixed_amount, min_amount = v_new.min_amount,
        max_amount = v_new.max_amount, valid_until = v_new.valid_until, total_limit = v_new.total_limit, per_user_limit = v_new.per_user_limit,
        is_listed = v_new.is_listed, status = case (p_details ->> 'is_paused')::boolean when true then 'paused' when false then 'active' else d.status end
    where d.id = p_discount.id
    returning * into v_new;
  exception
    when check_violation or not_null_violation or data_exception then
      get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
      perform private.fail_field('discounts', v_constraint, v_column, 'out of range');
  end;
  return v_new;
end
$$;

-- A code as those who manage it see it: with how often it is used now.
create function private.discount_view(p_discount public.discounts)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return to_jsonb(p_discount) - '{uses,created_by}'::text[] || (
    select jsonb_build_object('redeemed', count(*) filter (where r.status = 'redeemed'), 'reserved', count(*) filter (where r.status = 'reserved'),
      'amount_redeemed', coalesce(sum(r.amount) filter (where r.status = 'redeemed'), 0))
    from public.discount_redemptions r
    where r.discount_id = p_discount.id and (r.status = 'redeemed' or (r.status = 'reserved' and r.held_until > now()))
  );
end
$$;

create function private.create_discount(p_details jsonb, p_idempotency_key uuid)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_stored jsonb;
begin
  perform private.require_admin();
  v_stored := private.begin_command('create_discount', p_idempotency_key, jsonb_build_object('details', p_details));
  if v_stored is null then
    v_stored := private.discount_view(private.add_discount(null, p_details));
    perform private.finish_command(p_idempotency_key, v_stored);
  end if;
  return v_stored;
end
$$;
create function public.create_discount(details jsonb, idempotency_key uuid)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.create_discount(details, idempotency_key) $$;
comment on function public.create_discount is 'Admin: makes a code of the platform, which pays for it. details {code (4 to 30 letters, digits, - and _; compared without regard to case), title, scope (rental), percent_bps or fixed_amount, min_amount, max_amount (of a share), valid_from, valid_until, total_limit, per_user_limit (1 when absent; null for no limit), first_only, is_listed}. Amounts in minor units. Answers the code as list_discounts does. Errors: forbidden, discount_code_taken, invalid_input, unknown_field.';
select private.expose('create_discount(jsonb, uuid)', 'authenticated');

create function private.update_discount(p_discount_id uuid, p_details jsonb)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_discount public.discounts;
begin
  perform private.require_admin();
  select * into v_discount from public.discounts where id = p_discount_id for no key update;
  if not found then
    perform private.fail('discount_not_found');
  end if;
  return private.discount_view(private.change_discount(v_discount, p_details));
end
$$;
create function public.update_discount(discount_id uuid, details jsonb)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.update_discount(discount_id, details) $$;
comment on function public.update_discount is 'Admin: changes any code, for what comes after; what is absent stays. details {title, percent_bps, fixed_amount, min_amount, max_amount, valid_until, total_limit (not below its uses), per_user_limit, is_listed, is_paused}. Quotes, bookings and orders keep what was agreed. Answers the code as list_discounts does. Errors: forbidden, discount_not_found, invalid_input, unknown_field.';
select private.expose('update_discount(uuid, jsonb)', 'authenticated');

create function private.list_discounts(p_scope text, p_after jsonb, p_page_size int)
returns setof jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  perform private.require_staff();
  return query
    select private.discount_view(d) from (
      select * from public.discounts d
      where (p_scope is null or d.scope = p_scope) and (v_start.id is null or (d.created_at, d.id) < (v_start.at, v_start.id))
      order by d.created_at desc, d.id desc
      limit p_page_size
    ) d
    order by d.created_at desc, d.id desc;
end
$$;
create function public.list_discounts(scope text default null, after jsonb default null, page_size int default 20)
returns setof jsonb
language sql stable set search_path = ''
as $$ select private.list_discounts(scope, after, page_size) $$;
comment on function public.list_discounts is 'Staff: lists all codes, newest first: {id, code, title, scope, organizer_id, event_id, status, percent_bps, fixed_amount, min_amount, max_amount, currency, valid_from, valid_until, total_limit, per_user_limit, first_only, is_listed, created_at, updated_at, redeemed, reserved, amount_redeemed}. `after` takes {created_at, id} of the last row. Errors: forbidden, invalid_input.';
select private.expose('list_discounts(text, jsonb, int)', 'authenticated');

create function private.available_discounts(p_scope text, p_organizer_id uuid, p_event_id uuid, p_after jsonb, p_page_size int)
returns setof jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  return query
    select private.discount_terms(d) || jsonb_build_object('scope', d.scope, 'organizer_id', d.organizer_id, 'event_id', d.event_id, 'currency', d.currency,
      'valid_until', d.valid_until, 'first_only', d.first_only, 'created_at', d.created_at)
    from public.discounts d
    where d.is_listed and d.status = 'active' and d.valid_from <= now() and (d.valid_until > now() or d.valid_until is null)
      and (p_scope is null or d.scope = p_scope)
      and (p_organizer_id is null or d.organizer_id is null or d.organizer_id = p_organizer_id)
      and (p_event_id is null or d.event_id is null or d.event_id = p_event_id)
      and (v_start.id is null or (d.created_at, d.id) < (v_start.at, v_start.id))
      and private.discount_problem(d, v_user_id) is null
    order by d.created_at desc, d.id desc
    limit p_page_size;
end
$$;
create function public.available_discounts(scope text default null, organizer_id uuid default null, event_id uuid default null, after jsonb default null, page_size int default 20)
returns setof jsonb
language sql stable set search_path = ''
as $$ select private.available_discounts(scope, organizer_id, event_id, after, page_size) $$;
comment on function public.available_discounts is 'Lists the codes that are shown to everybody and that the caller can use now, newest first: {id, code, title, scope, organizer_id, event_id, currency, percent_bps, fixed_amount, min_amount, max_amount, valid_until, first_only, created_at}, amounts in minor units. Whether the price is high enough is seen in a quote. `organizer_id` and `event_id` leave out codes for other organizers and events. `after` takes {created_at, id} of the last row. Errors: invalid_input.';
select private.expose('available_discounts(text, uuid, uuid, jsonb, int)', 'authenticated');

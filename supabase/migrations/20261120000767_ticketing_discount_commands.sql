-- Ticketing: the codes of organizers.
-- Rule kept here: admins and editors of an organizer make codes for its own events, and nobody else reads them.
-- Left out on purpose: codes of the platform, which are for rentals (discounts_commands).

alter table public.events add constraint events_of_organizer unique (id, organizer_id);
alter table public.discounts
  add constraint discounts_organizer foreign key (organizer_id) references public.organizers on delete restrict,
  add constraint discounts_event foreign key (event_id, organizer_id) references public.events (id, organizer_id) on delete restrict;

create trigger pass_on_discount after update of status, hold_expires_at on public.orders
  for each row when ((old.status, old.hold_expires_at) is distinct from (new.status, new.hold_expires_at))
  execute function private.pass_on_order_discount();

create function private.create_organizer_discount(p_organizer_id uuid, p_details jsonb, p_idempotency_key uuid)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_stored jsonb;
  v_owner public.discounts;
begin
  perform private.require_organizer_role(p_organizer_id, 'admin', 'editor');
  v_stored := private.begin_command('create_organizer_discount', p_idempotency_key, jsonb_build_object('organizer_id', p_organizer_id, 'details', p_details));
  if v_stored is null then
    v_owner.organizer_id := p_organizer_id;
    v_owner.scope := 'tickets';
    v_stored := private.discount_view(private.add_discount(v_owner, p_details));
    perform private.finish_command(p_idempotency_key, v_stored);
  end if;
  return v_stored;
end
$$;
create function public.create_organizer_discount(organizer_id uuid, details jsonb, idempotency_key uuid)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.create_organizer_discount(organizer_id, details, idempotency_key) $$;
comment on function public.create_organizer_discount is 'Admin or editor of the organizer: makes a code for its events, which the organizer pays for. details as for create_discount, without scope, and with event_id for one event alone. A code with the same letters at another organizer does not matter. Answers the code as list_discounts does. Errors: organizer_not_found, forbidden, discount_code_taken, invalid_input, unknown_field.';
select private.expose('create_organizer_discount(uuid, jsonb, uuid)', 'authenticated');

create function private.update_organizer_discount(p_discount_id uuid, p_details jsonb)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_discount public.discounts;
begin
  perform private.require_user();
  select * into v_discount from public.discounts d
  where d.id = p_discount_id and d.organizer_id in (select private.my_organizer_ids())
  for no key update;
  if not found then
    perform private.fail('discount_not_found');
  end if;
  perform private.require_organizer_role(v_discount.organizer_id, 'admin', 'editor');
  return private.discount_view(private.change_discount(v_discount, p_details));
end
$$;
create function public.update_organizer_discount(discount_id uuid, details jsonb)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.update_organizer_discount(discount_id, details) $$;
comment on function public.update_organizer_discount is 'Admin or editor of the organizer: changes one of its codes for what comes after, or pauses it (is_paused); details as for update_discount. Orders keep what was agreed. Answers the code as list_discounts does. Errors: discount_not_found, organizer_not_found, forbidden, invalid_input, unknown_field.';
select private.expose('update_organizer_discount(uuid, jsonb)', 'authenticated');

create function private.organizer_discounts(p_organizer_id uuid, p_after jsonb, p_page_size int)
returns setof jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  perform private.require_organizer_role(p_organizer_id, 'admin', 'editor', 'viewer');
  return query
    select private.discount_view(d) from (
      select * from public.discounts d
      where d.organizer_id = p_organizer_id and (v_start.id is null or (d.created_at, d.id) < (v_start.at, v_start.id))
      order by d.created_at desc, d.id desc
      limit p_page_size
    ) d
    order by d.created_at desc, d.id desc;
end
$$;
create function public.organizer_discounts(organizer_id uuid, after jsonb default null, page_size int default 20)
returns setof jsonb
language sql stable set search_path = ''
as $$ select private.organizer_discounts(organizer_id, after, page_size) $$;
comment on function public.organizer_discounts is 'Admins, editors and viewers of an organizer: lists its codes, newest first, as list_discounts does. `after` takes {created_at, id} of the last row. Errors: organizer_not_found, forbidden, invalid_input.';
select private.expose('organizer_discounts(uuid, jsonb, int)', 'authenticated');

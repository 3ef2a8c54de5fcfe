-- Ticketing: making an event and moving it until it is published.
-- Rule kept here: what was approved is what is published: an edit in between goes back to be approved; who holds tickets
-- does not find another event, time or place in them, except by postpone_event and reschedule_event, which tell everybody.
-- Left out on purpose: postponing and cancelling (ticketing_postponed_events, ticketing_cancelled_events).

-- The event, locked, for a member with one of these roles; or an error.
create function private.lock_event(p_event_id uuid, variadic p_roles text[])
returns public.events
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_event public.events;
  v_role text;
begin
  select * into v_event from public.events where id = p_event_id for no key update;
  select m.role into v_role from public.organizer_members m where m.organizer_id = v_event.organizer_id and m.user_id = v_user_id;
  if v_event.id is null or (v_role is null and not private.is_admin()) then
    perform private.fail('event_not_found');
  elsif v_role <> all (p_roles) and not private.is_admin() then
    perform private.fail('forbidden', jsonb_build_object('role', v_role));
  end if;
  return v_event;
end
$$;

create function private.event_move_refused(p_event public.events, p_to text)
returns void
language plpgsql stable set search_path = ''
as $$
begin
  perform private.fail('illegal_transition', jsonb_build_object('machine', 'event', 'from', private.event_state(p_event), 'to', p_to));
end
$$;

-- Lays the details over an event, tidy.
create function private.apply_event_details(p_event public.events, p_details jsonb)
returns public.events
language plpgsql stable set search_path = ''
as $$
declare
  v_event public.events;
begin
  perform private.check_details(p_details, '{"title": "string", "description": "string", "category": "string", "venue": "string", "address": "string",
    "city": "string", "lat": "number", "lng": "number", "time_zone": "string", "starts_at": "time", "ends_at": "time"}');
  v_event := jsonb_populate_record(p_event, p_details);
  v_event.title := private.tidy_text(v_event.title);
  v_event.venue := private.tidy_text(v_event.venue);
  v_event.address := private.tidy_text(v_event.address);
  v_event.city := private.tidy_text(v_event.city);
  v_event.description := coalesce(private.tidy_lines(v_event.description), '');
  if p_details ? 'lat' or p_details ? 'lng' then
    if (p_details ->> 'lat' is null) <> (p_details ->> 'lng' is null)
       or not coalesce((p_details ->> 'lat')::numeric between -85 and 85 and (p_details ->> 'lng')::numeric between -180 and 180, true) then
      perform private.fail_input('lat', 'must be -85 to 85, and lng -180 to 180; or both null');
    end if;
    v_event.location := extensions.st_setsrid(extensions.st_makepoint((p_details ->> 'lng')::float8, (p_details ->> 'lat')::float8), 4326)::extensions.geography;
  end if;
  return v_event;
end
$$;

create function private.create_event(p_organizer_id uuid, p_details jsonb, p_idempotency_key uuid)
returns public.events
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_stored jsonb;
  v_event public.events;
  v_constraint text;
  v_column text;
begin
  v_stored := private.begin_command('create_event', p_idempotency_key, jsonb_build_object('organizer_id', p_organizer_id, 'details', p_details));
  if v_stored is not null then
    select * into v_event from public.events where id = (v_stored ->> 'id')::uuid;
    return v_event;
  end if;
  perform private.require_organizer_role(p_organizer_id, 'admin', 'editor');
  perform private.require_not_suspended(auth.uid());
  perform private.take_token('create_event', auth.uid()::text);
  v_event := private.apply_event_details(v_event, '{"time_zone": "Asia/Ho_Chi_Minh", "category": "other"}'::jsonb || p_details);
  begin
    insert into public.events (organizer_id, category, title, description, venue, address, city, location, time_zone, starts_at, ends_at, created_by)
    values (p_organizer_id, v_event.category, v_event.title, v_event.description, v_event.venue, v_event.address, v_event.city, v_event.location,
      v_event.time_zone, v_event.starts_at, v_event.ends_at, auth.uid())
    returning * into v_event;
  exception
    when check_violation or not_null_violation or foreign_key_violation then
      get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
      perform private.fail_field('events', v_constraint, v_column, '');
  end;
  insert into public.event_configs (event_id, requires_approval)
  select v_event.id, not o.is_verified from public.organizers o where o.id = p_organizer_id;
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', v_event.id));
  return v_event;
end
$$;
create function public.create_event(organizer_id uuid, details jsonb, idempotency_key uuid)
returns public.events
language sql volatile set search_path = ''
as $$ select private.create_event(organizer_id, details, idempotency_key) $$;
comment on function public.create_event is 'Admin or editor of the organizer: makes a draft. details {title (3–200 characters), description, category (of event_categories), venue, address, city, lat, lng (both or neither), time_zone (default Asia/Ho_Chi_Minh), starts_at, ends_at (at most 90 days later)}. Errors: organizer_not_found, forbidden, account_suspended, invalid_input, unknown_field, rate_limited.';
select private.expose_limited('create_event(uuid, jsonb, uuid)', 'create_event', 'auth.uid()', 'authenticated');

create function private.update_event(p_event_id uuid, p_details jsonb)
returns public.events
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_event public.events := private.lock_event(p_event_id, 'admin', 'editor');
  v_new public.events;
  v_fixed text;
  v_constraint text;
  v_column text;
begin
  v_new := private.apply_event_details(v_event, p_details);
  if private.event_state(v_event) in ('ended', 'cancelled') then
    perform private.fail('event_not_editable', jsonb_build_object('status', private.event_state(v_event)));
  elsif v_event.published_at is not null then
    -- what its holders bought
    select k into v_fixed from jsonb_object_keys(p_details) k where k <> 'description' order by k limit 1;
    if found then
      perform private.fail('event_not_editable', jsonb_build_object('field', v_fixed, 'status', v_event.status));
    end if;
  end if;
  begin
    update public.events e
    set category = v_new.category, title = v_new.title, description = v_new.description, venue = v_new.venue, address = v_new.address,
        city = v_new.city, location = v_new.location, time_zone = v_new.time_zone, starts_at = v_new.starts_at, ends_at = v_new.ends_at,
        status = case e.status when 'approved' then 'configured' else e.status end
    where e.id = p_event_id
    returning * into v_event;
  exception
    when check_violation or not_null_violation or foreign_key_violation then
      get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
      perform private.fail_field('events', v_constraint, v_column, '');
  end;
  return v_event;
end
$$;
create function public.update_event(event_id uuid, details jsonb)
returns public.events
language sql volatile set search_path = ''
as $$ select private.update_event(event_id, details) $$;
comment on function public.update_event is 'Admin or editor of the organizer: changes details; what is absent stays. An approved event goes back to configured. Once published, only description changes; time and place change by reschedule_event. Errors: event_not_found, forbidden, event_not_editable (details.field), invalid_input, unknown_field.';
select private.expose('update_event(uuid, jsonb)', 'authenticated');

create function private.configure_event(p_event_id uuid, p_details jsonb)
returns public.event_configs
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_event public.events := private.lock_event(p_event_id, 'admin', 'editor');
  v_config public.event_configs;
  v_constraint text;
  v_column text;
begin
  if private.event_state(v_event) in ('ended', 'cancelled') then
    perform private.fail('event_not_editable', jsonb_build_object('status', private.event_state(v_event)));
  end if;
  perform private.check_details(p_details, '{"sale_starts_at": "time", "sale_ends_at": "time", "max_per_order": "integer", "max_per_user": "integer",
    "visibility": "string", "waiting_room": "boolean", "returns_hours": "integer", "transfers_allowed": "boolean", "changes_until_hours": "integer",
    "shows_left": "boolean"}');
  select * into strict v_config from public.event_configs where event_id = p_event_id;
  begin
    v_config := jsonb_populate_record(v_config, p_details);
    update public.event_configs c
    set sale_starts_at = v_config.sale_starts_at, sale_ends_at = v_config.sale_ends_at, max_per_order = v_config.max_per_order,
        max_per_user = v_config.max_per_user, visibility = v_config.visibility, waiting_room = v_config.waiting_room, returns_hours = v_config.returns_hours,
        transfers_allowed = v_config.transfers_allowed, changes_until_hours = v_config.changes_until_hours, shows_left = v_config.shows_left
    where c.event_id = p_event_id
    returning * into v_config;
  exception
    when check_violation or not_null_violation or numeric_value_out_of_range then
      get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
      perform private.fail_field('event_configs', v_constraint, v_column, 'out of range');
  end;
  update public.events set status = 'configured' where id = p_event_id and status = 'draft';
  return v_config;
end
$$;
create function public.configure_event(event_id uuid, details jsonb)
returns public.event_configs
language sql volatile set search_path = ''
as $$ select private.configure_event(event_id, details) $$;
comment on function public.configure_event is 'Admin or editor of the organizer: says how an event is sold; what is absent stays. A draft becomes configured and waits for approval. Also changes an event that is on sale. details {sale_starts_at, sale_ends_at (null: from publishing, until the start), max_per_order (1–100), max_per_user (null: no limit), visibility (public, unlisted), waiting_room, returns_hours (until how many hours before the start buyers may cancel; null: not), transfers_allowed, changes_until_hours (until how many hours before the start tickets can be given to others and renamed), shows_left (whether anybody sees how many tickets are left)}. Errors: event_not_found, forbidden, event_not_editable, invalid_input, unknown_field.';
select private.expose('configure_event(uuid, jsonb)', 'authenticated');

create function private.review_event(p_event_id uuid, p_approve boolean, p_reason text)
returns public.events
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_event public.events;
begin
  if p_approve is null then
    perform private.fail_input('approve', 'must be true or false');
  end if;
  if not p_approve then
    perform private.require_reason(p_reason, 3);
  end if;
  if private.is_staff() then
    select * into v_event from public.events where id = p_event_id for no key update;
    if not found then
      perform private.fail('event_not_found');
    end if;
  else
    v_event := private.lock_event(p_event_id, 'admin');
    if (select c.requires_approval from public.event_configs c where c.event_id = p_event_id) then
      perform private.fail('forbidden');
    end if;
  end if;
  if v_event.status = (case when p_approve then 'approved' else 'draft' end) then
    return v_event;
  elsif v_event.status <> 'configured' then
    perform private.event_move_refused(v_event, case when p_approve then 'approved' else 'draft' end);
  end if;
  perform private.set_audit_context('review', p_reason);
  update public.events set status = case when p_approve then 'approved' else 'draft' end where id = p_event_id returning * into v_event;
  return v_event;
end
$$;
create function public.review_event(event_id uuid, approve boolean, reason text default null)
returns public.events
language sql volatile set search_path = ''
as $$ select private.review_event(event_id, approve, reason) $$;
comment on function public.review_event is 'Staff: approves a configured event, or sends it back to draft with a reason (3–500 characters). An admin of the organizer does it where the event needs no approval of the platform (a verified organizer). Repeatable. Errors: event_not_found, forbidden, illegal_transition, invalid_input.';
select private.expose('review_event(uuid, boolean, text)', 'authenticated');

create function private.publish_event(p_event_id uuid)
returns public.events
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_event public.events := private.lock_event(p_event_id, 'admin', 'editor');
begin
  if v_event.status = 'published' then
    return v_event;
  elsif v_event.status <> 'approved' then
    perform private.event_move_refused(v_event, 'published');
  end if;
  perform private.require_not_suspended((select o.owner_id from public.organizers o where o.id = v_event.organizer_id));
  if not exists (select from public.ticket_classes c where c.event_id = p_event_id and c.total > 0) then
    perform private.fail('event_incomplete', '{"missing": "ticket_classes"}');
  elsif v_event.starts_at <= now() then
    perform private.fail('event_incomplete', '{"missing": "starts_at"}');
  end if;
  update public.events set status = 'published', published_at = now() where id = p_event_id returning * into v_event;
  return v_event;
end
$$;
create function public.publish_event(event_id uuid)
returns public.events
language sql volatile set search_path = ''
as $$ select private.publish_event(event_id) $$;
comment on function public.publish_event is 'Admin or editor of the organizer: publishes an approved event, which needs a kind of ticket and a start to come. It is sold as its configuration says. Repeatable. Errors: event_not_found, forbidden, account_suspended, illegal_transition, event_incomplete (details.missing).';
select private.expose('publish_event(uuid)', 'authenticated');

-- A cleanup job: everything asks private.event_state(), which knows the clock.
create function private.end_events(p_limit int default 200)
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_count int;
begin
  perform private.set_audit_context('deadline');
  with due as (
    select id from public.events where status = 'published' and ends_at <= now() order by id limit p_limit for no key update skip locked
  )
  update public.events e set status = 'ended' from due where e.id = due.id;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
select private.schedule_job('journey_end_events', 'Writes down that events have ended.', '*/5 * * * *', '30 minutes', 'select private.end_events()');

-- Webhooks: the commands of owners.
-- Rule kept here: a person manages the own endpoints, an admin of the platform those of the platform, and a module that registers
-- another owner says who manages those. A secret is shown by the call that makes it, and never again.
-- Left out on purpose: managing endpoints by an API key, which a thief of the key could use to listen for ever.

create function private.manages_own_webhooks(p_owner_id uuid)
returns boolean
language sql stable set search_path = ''
as $$ select p_owner_id = auth.uid() $$;

create function private.manages_platform_webhooks(p_owner_id uuid)
returns boolean
language sql stable set search_path = ''
as $$ select private.is_admin() $$;
insert into private.webhook_owners (owner, check_function) values
  ('user', 'manages_own_webhooks'),
  ('platform', 'manages_platform_webhooks');

create function private.manages_webhooks(p_owner text, p_owner_id uuid)
returns boolean
language plpgsql stable set search_path = ''
as $$
declare
  v_answer boolean;
begin
  execute format('select private.%I($1)', (select check_function from private.webhook_owners where owner = p_owner)) into v_answer using p_owner_id;
  return coalesce(v_answer, false);
end
$$;

-- The id of an owner that a command names, whose endpoints the caller manages.
create function private.require_webhook_owner(p_owner text, p_owner_id uuid)
returns uuid
language plpgsql stable set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_id uuid := case p_owner when 'user' then coalesce(p_owner_id, v_user_id) when 'platform' then '00000000-0000-0000-0000-000000000000' else p_owner_id end;
begin
  if p_owner is null or not exists (select from private.webhook_owners where owner = p_owner) then
    perform private.fail_input('owner', 'must be user, organizer or platform');
  end if;
  if not private.manages_webhooks(p_owner, v_id) then
    perform private.fail('forbidden');
  end if;
  return v_id;
end
$$;

-- An endpoint that the caller manages. Anybody else learns nothing of it.
create function private.own_webhook_endpoint(p_endpoint_id uuid)
returns private.webhook_endpoints
language plpgsql stable set search_path = ''
as $$
declare
  v_endpoint private.webhook_endpoints;
begin
  perform private.require_user();
  select * into v_endpoint from private.webhook_endpoints where id = p_endpoint_id;
  if not found or not private.manages_webhooks(v_endpoint.owner, v_endpoint.owner_id) then
    perform private.fail('webhook_endpoint_not_found');
  end if;
  return v_endpoint;
end
$$;

create function private.webhook_endpoint_view(p_endpoint private.webhook_endpoints)
returns jsonb
language sql stable set search_path = ''
as $$
  select to_jsonb(p_endpoint) - 'created_by' - 'organizer_id' - 'failures' - 'retry_at'
    || jsonb_build_object('owner_id', nullif(p_endpoint.owner_id, '00000000-0000-0000-0000-000000000000'))
$$;

-- Refuses types that the owner cannot have. * stands for all of them, also those of later versions.
create function private.check_webhook_types(p_owner text, p_event_types text[])
returns text[]
language plpgsql stable set search_path = ''
as $$
declare
  v_types text[] := array(select distinct t from unnest(p_event_types) t order by t);
begin
  if cardinality(v_types) not between 1 and 200 or exists (
    select from unnest(v_types) t
    where t is null or (t <> '*' and not exists (select from private.webhook_event_types(p_owner) e where e.type = t))
  ) then
    perform private.fail_input('event_types', 'must be * or some of those that webhook_event_types() lists');
  end if;
  return v_types;
end
$$;

create function private.make_webhook_secret(p_endpoint_id uuid)
returns text
language plpgsql volatile set search_path = ''
as $$
declare
  v_secret text := 'whsec_' || encode(extensions.gen_random_bytes(32), 'base64');
begin
  insert into private.webhook_secrets (endpoint_id, encrypted)
  select p_endpoint_id, extensions.pgp_sym_encrypt(v_secret, encode(s.value, 'hex'), 'cipher-algo=aes256')
  from private.secrets s where s.name = 'webhooks';
  return v_secret;
end
$$;

create function private.create_webhook_endpoint(
  p_name text, p_url text, p_event_types text[], p_owner text, p_owner_id uuid, p_idempotency_key uuid
)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_done jsonb;
  v_owner_id uuid;
  v_types text[];
  v_most int := (private.setting('webhook_endpoints'))::int;
  v_endpoint private.webhook_endpoints;
  v_constraint text;
begin
  perform private.take_token('create_webhook_endpoint', v_user_id::text);
  perform private.require_step_up();
  v_done := private.begin_command('create_webhook_endpoint', p_idempotency_key, jsonb_build_array(p_name, p_url, p_event_types, p_owner, p_owner_id));
  if v_done is not null then
    return v_done;
  end if;
  v_owner_id := private.require_webhook_owner(p_owner, p_owner_id);
  v_types := private.check_webhook_types(p_owner, p_event_types);
  -- two calls at once must not both see the last free place
  perform pg_advisory_xact_lock(hashtextextended('webhook_endpoints ' || v_owner_id, 0));
  if exists (select from private.webhook_endpoints where owner_id = v_owner_id and url = btrim(p_url)) then
    perform private.fail_input('url', 'is that of another endpoint already');
  end if;
  if (select count(*) from private.webhook_endpoints where owner_id = v_owner_id) >= v_most then
    perform private.fail('too_many_webhook_endpoints', jsonb_build_object('most', v_most));
  end if;
  begin
    insert into private.webhook_endpoints (owner, owner_id, created_by, name, url, event_types)
    values (p_owner, v_owner_id, v_user_id, private.tidy_text(p_name), btrim(p_url), v_types)
    returning * into v_endpoint;
  exception
    when check_violation or not_null_violation then
      get stacked diagnostics v_constraint = constraint_name;
      perform private.fail_input(
        case when p_url is null or v_constraint = 'webhook_endpoints_url_form' then 'url' else 'name' end,
        case when p_url is null or v_constraint = 'webhook_endpoints_url_form' then 'must be an https address of at most 500 characters, without a port or a user' else 'must have 1 to 80 characters' end);
  end;
  perform private.record_event('webhook_endpoint.created', v_endpoint.id, jsonb_build_object('owner', p_owner, 'owner_id', v_owner_id, 'event_types', v_types));
  -- DO NOT store the secret with the answer: it could be read there for 30 days.
  perform private.finish_command(p_idempotency_key, private.webhook_endpoint_view(v_endpoint) || '{"secret": null}');
  return private.webhook_endpoint_view(v_endpoint) || jsonb_build_object('secret', private.make_webhook_secret(v_endpoint.id));
end
$$;
create function public.create_webhook_endpoint(name text, url text, event_types text[], owner text default 'user', owner_id uuid default null, idempotency_key uuid default null)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.create_webhook_endpoint(name, url, event_types, owner, owner_id, idempotency_key) $$;
comment on function public.create_webhook_endpoint is 'Has events sent to a server, signed as Standard Webhooks says. `url` is an https address without a port; `event_types` are of those that webhook_event_types() lists, or * for all. `owner` is user (the caller; events of the own vehicles and bookings), organizer with `owner_id` (its admin; events of its events and orders), or platform (admins; every event). Answers {id, owner, owner_id, name, url, event_types, failing_since, disabled_at, disabled_reason, created_at, secret}. `secret` is shown this once; a repeat with the same idempotency key answers null for it. Needs a step-up code in the same session. Errors: step_up_required, forbidden, too_many_webhook_endpoints, invalid_input, rate_limited.';
select private.expose_limited('create_webhook_endpoint(text, text, text[], text, uuid, uuid)', 'create_webhook_endpoint', 'auth.uid()', 'authenticated');

create function private.rotate_webhook_secret(p_endpoint_id uuid, p_idempotency_key uuid)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_done jsonb;
  v_endpoint private.webhook_endpoints;
begin
  perform private.take_token('create_webhook_endpoint', private.require_user()::text);
  perform private.require_step_up();
  v_done := private.begin_command('rotate_webhook_secret', p_idempotency_key, jsonb_build_array(p_endpoint_id));
  if v_done is not null then
    return v_done;
  end if;
  v_endpoint := private.own_webhook_endpoint(p_endpoint_id);
  update private.webhook_secrets set expires_at = now() + interval '1 day' where endpoint_id = p_endpoint_id and expires_at is null;
  perform private.record_event('webhook_endpoint.secret_rotated', p_endpoint_id);
  perform private.finish_command(p_idempotency_key, private.webhook_endpoint_view(v_endpoint) || '{"secret": null}');
  return private.webhook_endpoint_view(v_endpoint) || jsonb_build_object('secret', private.make_webhook_secret(p_endpoint_id));
end
$$;
create function public.rotate_webhook_secret(endpoint_id uuid, idempotency_key uuid)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.rotate_webhook_secret(endpoint_id, idempotency_key) $$;
comment on function public.rotate_webhook_secret is 'Makes a new secret for a webhook endpoint of the caller, and answers the endpoint with it, this once. For a day, events are signed with both. Needs a step-up code in the same session. Errors: step_up_required, webhook_endpoint_not_found, rate_limited.';
select private.expose_limited('rotate_webhook_secret(uuid, uuid)', 'create_webhook_endpoint', 'auth.uid()', 'authenticated');

create function private.update_webhook_endpoint(p_endpoint_id uuid, p_details jsonb)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_endpoint private.webhook_endpoints := private.own_webhook_endpoint(p_endpoint_id);
  v_types text[];
  v_enabled boolean;
begin
  perform private.take_token('create_webhook_endpoint', auth.uid()::text);
  perform private.check_details(p_details, '{"name": "string", "event_types": "array", "enabled": "boolean"}');
  if p_details ? 'event_types' then
    v_types := private.check_webhook_types(v_endpoint.owner, array(select jsonb_array_elements_text(p_details -> 'event_types')));
  end if;
  v_enabled := (p_details ->> 'enabled')::boolean;
  begin
    update private.webhook_endpoints e
    set name = case when p_details ? 'name' then private.tidy_text(p_details ->> 'name') else e.name end,
        event_types = coalesce(v_types, e.event_types),
        disabled_at = case when v_enabled then null when not v_enabled then coalesce(e.disabled_at, now()) else e.disabled_at end,
        disabled_reason = case when v_enabled then null when not v_enabled then coalesce(e.disabled_reason, 'owner') else e.disabled_reason end,
        failures = case when v_enabled then 0 else e.failures end,
        failing_since = case when v_enabled then null else e.failing_since end,
        retry_at = case when v_enabled then null else e.retry_at end
    where e.id = p_endpoint_id
    returning * into v_endpoint;
  exception
    when check_violation or not_null_violation then
      perform private.fail_input('name', 'must have 1 to 80 characters');
  end;
  if v_endpoint.disabled_at is not null then
    perform private.hold_webhooks(p_endpoint_id);
  end if;
  perform private.record_event('webhook_endpoint.changed', p_endpoint_id, p_details - 'name');
  return private.webhook_endpoint_view(v_endpoint);
end
$$;

-- What waits for an endpoint that was switched off is sent no more, until somebody asks for it.
create function private.hold_webhooks(p_endpoint_id uuid)
returns void
language sql volatile set search_path = ''
as $$ update private.webhook_deliveries set status = 'held', next_at = null where endpoint_id = p_endpoint_id and status = 'pending' $$;

create function public.update_webhook_endpoint(endpoint_id uuid, details jsonb)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.update_webhook_endpoint(endpoint_id, details) $$;
comment on function public.update_webhook_endpoint is 'Changes a webhook endpoint of the caller. details {name, event_types (array), enabled (boolean)}; what is absent stays. While it is off, events are held, and sent no sooner than resend_webhooks asks for them. For another address, create another endpoint. Answers the endpoint. Errors: webhook_endpoint_not_found, invalid_input, unknown_field, rate_limited.';
select private.expose_limited('update_webhook_endpoint(uuid, jsonb)', 'create_webhook_endpoint', 'auth.uid()', 'authenticated');

create function private.delete_webhook_endpoint(p_endpoint_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_endpoint private.webhook_endpoints := private.own_webhook_endpoint(p_endpoint_id);
begin
  delete from private.webhook_endpoints where id = p_endpoint_id;
  perform private.record_event('webhook_endpoint.deleted', p_endpoint_id, jsonb_build_object('owner', v_endpoint.owner, 'owner_id', v_endpoint.owner_id));
end
$$;
create function public.delete_webhook_endpoint(endpoint_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.delete_webhook_endpoint(endpoint_id) $$;
comment on function public.delete_webhook_endpoint is 'Deletes a webhook endpoint of the caller, with its secrets and its events. Errors: webhook_endpoint_not_found.';
select private.expose('delete_webhook_endpoint(uuid)', 'authenticated');

create function private.list_webhook_endpoints(p_owner text, p_owner_id uuid)
returns table (id uuid, owner text, owner_id uuid, name text, url text, event_types text[], failing_since timestamptz, disabled_at timestamptz, disabled_reason text, created_at timestamptz)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_owner_id uuid := private.require_webhook_owner(p_owner, p_owner_id);
begin
  return query
    select e.id, e.owner, nullif(e.owner_id, '00000000-0000-0000-0000-000000000000'), e.name, e.url, e.event_types, e.failing_since, e.disabled_at, e.disabled_reason, e.created_at
    from private.webhook_endpoints e
    where e.owner_id = v_owner_id
    order by e.created_at, e.id;
end
$$;
create function public.list_webhook_endpoints(owner text default 'user', owner_id uuid default null)
returns table (id uuid, owner text, owner_id uuid, name text, url text, event_types text[], failing_since timestamptz, disabled_at timestamptz, disabled_reason text, created_at timestamptz)
language sql stable set search_path = ''
as $$ select * from private.list_webhook_endpoints($1, $2) $$;
comment on function public.list_webhook_endpoints is 'Lists the webhook endpoints of the caller, of an organizer (its admins) or of the platform (admins), oldest first, at most 50. `failing_since`: nothing was accepted since then. Errors: forbidden, invalid_input.';
select private.expose('list_webhook_endpoints(text, uuid)', 'authenticated');

create function private.list_webhook_deliveries(p_endpoint_id uuid, p_statuses text[], p_after jsonb, p_page_size int)
returns table (id uuid, type text, subject_id uuid, data jsonb, status text, attempts int, http_status int, problem text, next_at timestamptz, delivered_at timestamptz, created_at timestamptz)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_endpoint private.webhook_endpoints := private.own_webhook_endpoint(p_endpoint_id);
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  if exists (select from unnest(p_statuses) s where s is null or s not in ('pending', 'delivered', 'failed', 'held')) then
    perform private.fail_input('statuses', 'must be of pending, delivered, failed and held');
  end if;
  return query
    select d.id, d.type, d.subject_id, d.data, d.status, d.attempts, d.http_status, d.problem, d.next_at, d.delivered_at, d.created_at
    from private.webhook_deliveries d
    where d.endpoint_id = v_endpoint.id and (p_statuses is null or d.status = any (p_statuses))
      and (v_start.id is null or (d.created_at, d.id) < (v_start.at, v_start.id))
    order by d.created_at desc, d.id desc
    limit p_page_size;
end
$$;
create function public.list_webhook_deliveries(endpoint_id uuid, statuses text[] default null, after jsonb default null, page_size int default 20)
returns table (id uuid, type text, subject_id uuid, data jsonb, status text, attempts int, http_status int, problem text, next_at timestamptz, delivered_at timestamptz, created_at timestamptz)
language sql stable set search_path = ''
as $$ select * from private.list_webhook_deliveries($1, $2, $3, $4) $$;
comment on function public.list_webhook_deliveries is 'Lists the events of a webhook endpoint of the caller, newest first, all or those of `statuses` (pending, delivered, failed, held), with what the server answered last. They are kept for 30 days unless the operator changed it. `after` takes {created_at, id} of the last row. Errors: webhook_endpoint_not_found, invalid_input.';
select private.expose('list_webhook_deliveries(uuid, text[], jsonb, int)', 'authenticated');

create function private.send_test_webhook(p_endpoint_id uuid)
returns uuid
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_endpoint private.webhook_endpoints;
begin
  perform private.take_token('send_test_webhook', private.require_user()::text);
  v_endpoint := private.own_webhook_endpoint(p_endpoint_id);
  if v_endpoint.disabled_at is not null then
    perform private.fail('webhook_endpoint_disabled');
  end if;
  return private.write_webhook(v_endpoint, 'test', p_endpoint_id, jsonb_build_object('endpoint_id', p_endpoint_id));
end
$$;
create function public.send_test_webhook(endpoint_id uuid)
returns uuid
language sql volatile set search_path = ''
as $$ select private.send_test_webhook(endpoint_id) $$;
comment on function public.send_test_webhook is 'Sends an event of type test to a webhook endpoint of the caller, and answers its id in list_webhook_deliveries. Errors: webhook_endpoint_not_found, webhook_endpoint_disabled, rate_limited.';
select private.expose_limited('send_test_webhook(uuid)', 'send_test_webhook', 'auth.uid()', 'authenticated');

-- Sends an event once more, with its id and all its tries.
create function private.requeue_webhook(p_delivery_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update private.webhook_deliveries set attempts = 0 where id = p_delivery_id;
  perform private.queue_webhook(p_delivery_id);
end
$$;

create function private.resend_webhook(p_delivery_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_delivery private.webhook_deliveries;
  v_endpoint private.webhook_endpoints;
begin
  perform private.take_token('resend_webhooks', private.require_user()::text);
  select e.* into v_endpoint from private.webhook_deliveries d join private.webhook_endpoints e on e.id = d.endpoint_id where d.id = p_delivery_id;
  if not found or not private.manages_webhooks(v_endpoint.owner, v_endpoint.owner_id) then
    perform private.fail('webhook_delivery_not_found');
  end if;
  if v_endpoint.disabled_at is not null then
    perform private.fail('webhook_endpoint_disabled');
  end if;
  select * into v_delivery from private.webhook_deliveries where id = p_delivery_id for no key update;
  if v_delivery.status <> 'pending' then
    perform private.requeue_webhook(p_delivery_id);
  end if;
end
$$;
create function public.resend_webhook(delivery_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.resend_webhook(delivery_id) $$;
comment on function public.resend_webhook is 'Sends an event of a webhook endpoint of the caller once more, also one that was delivered, with the same id and the current secret. One that is on its way stays so. Errors: webhook_delivery_not_found, webhook_endpoint_disabled, rate_limited.';
select private.expose_limited('resend_webhook(uuid)', 'resend_webhooks', 'auth.uid()', 'authenticated');

create function private.resend_webhooks(p_endpoint_id uuid, p_since timestamptz)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_endpoint private.webhook_endpoints;
  v_id uuid;
  v_count int := 0;
begin
  perform private.take_token('resend_webhooks', private.require_user()::text);
  if p_since is null or not isfinite(p_since) then
    perform private.fail_input('since', 'must be given');
  end if;
  v_endpoint := private.own_webhook_endpoint(p_endpoint_id);
  if v_endpoint.disabled_at is not null then
    perform private.fail('webhook_endpoint_disabled');
  end if;
  for v_id in
    select d.id from private.webhook_deliveries d
    where d.endpoint_id = p_endpoint_id and d.status in ('failed', 'held') and d.created_at >= p_since
    order by d.created_at, d.id
    limit 1000
    for no key update
  loop
    perform private.requeue_webhook(v_id);
    v_count := v_count + 1;
  end loop;
  return jsonb_build_object('queued', v_count, 'more', exists (
    select from private.webhook_deliveries d
    where d.endpoint_id = p_endpoint_id and d.status in ('failed', 'held') and d.created_at >= p_since));
end
$$;
create function public.resend_webhooks(endpoint_id uuid, since timestamptz)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.resend_webhooks(endpoint_id, since) $$;
comment on function public.resend_webhooks is 'Sends the events of a webhook endpoint of the caller that failed or were held since a time, oldest first, at most 1,000 in one call. Answers {queued, more}: when `more` is true, call again. Errors: webhook_endpoint_not_found, webhook_endpoint_disabled, invalid_input, rate_limited.';
select private.expose_limited('resend_webhooks(uuid, timestamptz)', 'resend_webhooks', 'auth.uid()', 'authenticated');

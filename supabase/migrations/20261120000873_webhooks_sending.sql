-- Webhooks: what the worker asks and reports, and what follows from it.
-- Rule kept here: a server that fails is no failure of ours: the outbox row is done, and the event is queued again for its next
-- try. An endpoint that fails is left alone for a while, whatever waits for it, and is switched off after days.
-- Left out on purpose: what a server answers beside its status: it could be something inside the network.

-- The order of an event, or null when it is not to be sent. The body is the same in every try.
create function private.webhook_to_send(p_delivery_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_delivery private.webhook_deliveries;
  v_endpoint private.webhook_endpoints;
begin
  select * into v_delivery from private.webhook_deliveries where id = p_delivery_id and status = 'pending';
  if not found then
    return null;
  end if;
  select * into v_endpoint from private.webhook_endpoints where id = v_delivery.endpoint_id;
  if v_endpoint.retry_at > now() then
    return jsonb_build_object('kind', 'wait', 'seconds', ceil(extract(epoch from v_endpoint.retry_at - now()))::int);
  end if;
  return jsonb_build_object('kind', 'send', 'url', v_endpoint.url, 'id', v_delivery.id,
    'body', jsonb_build_object('id', v_delivery.id, 'type', v_delivery.type, 'timestamp', v_delivery.created_at, 'data', v_delivery.data)::text,
    'secrets', (
      select jsonb_agg(extensions.pgp_sym_decrypt(s.encrypted, encode(k.value, 'hex')) order by s.expires_at nulls first)
      from private.webhook_secrets s, private.secrets k
      where s.endpoint_id = v_endpoint.id and k.name = 'webhooks' and (s.expires_at is null or s.expires_at > now())));
end
$$;
create function public.webhook_to_send(delivery_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$ select private.webhook_to_send(delivery_id) $$;
comment on function public.webhook_to_send is 'Answers how a webhook event is sent: {kind: send, url, id, body, secrets}, {kind: wait, seconds} while its endpoint is left alone, or null when it is not to be sent. Service only.';
select private.expose('webhook_to_send(uuid)', 'service_role');

create function private.disable_webhook_endpoint(p_endpoint private.webhook_endpoints, p_reason text)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update private.webhook_endpoints set disabled_at = now(), disabled_reason = p_reason where id = p_endpoint.id;
  perform private.hold_webhooks(p_endpoint.id);
  perform private.record_event('webhook_endpoint.disabled', p_endpoint.id, jsonb_build_object('reason', p_reason));
  perform private.notify(p_endpoint.created_by, 'webhook_disabled', jsonb_build_object('name', p_endpoint.name, 'endpoint_id', p_endpoint.id), p_endpoint.id || ' ' || now());
end
$$;

create function private.store_webhook_try(p_delivery_id uuid, p_outcome jsonb)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_endpoint private.webhook_endpoints;
  v_delivery private.webhook_deliveries;
  v_seconds jsonb := private.setting('webhook_retry_seconds');
  v_kind text := p_outcome ->> 'kind';
begin
  if v_kind is null or v_kind not in ('delivered', 'failed') then
    perform private.fail_input('outcome', 'must be of kind delivered or failed');
  end if;
  -- lock the endpoint first: the command that switches it off does so too
  select e.* into v_endpoint from private.webhook_endpoints e
  join private.webhook_deliveries d on d.endpoint_id = e.id where d.id = p_delivery_id for no key update of e;
  update private.webhook_deliveries
  set attempts = attempts + 1, http_status = (p_outcome ->> 'http_status')::int,
      problem = case when v_kind = 'failed' then coalesce(private.tidy_text(left(p_outcome ->> 'problem', 200)), '?') end,
      status = case when v_kind = 'delivered' then 'delivered' else status end,
      delivered_at = case when v_kind = 'delivered' then now() else delivered_at end,
      next_at = case when v_kind = 'failed' then next_at end
  where id = p_delivery_id and status = 'pending'
  returning * into v_delivery;
  if not found then
    -- deleted, or held meanwhile
    return;
  end if;
  if v_kind = 'delivered' then
    update private.webhook_endpoints set failures = 0, failing_since = null, retry_at = null where id = v_endpoint.id and failures > 0;
    return;
  end if;
  update private.webhook_endpoints
  set failures = failures + 1, failing_since = coalesce(failing_since, now()),
      retry_at = now() + make_interval(secs => least(300, 5 * 2 ^ least(failures, 10)))
  where id = v_endpoint.id
  returning * into v_endpoint;
  -- what waits for it is not even looked at meanwhile: it may be thousands of events
  update private.outbox o set available_at = v_endpoint.retry_at
  where o.worker = 'webhooks' and o.status = 'pending' and o.available_at < v_endpoint.retry_at
    and o.payload ->> 'queue' = private.webhook_queue(v_endpoint.id);
  if v_delivery.attempts <= jsonb_array_length(v_seconds) then
    perform private.queue_webhook(p_delivery_id, now() + make_interval(secs => (v_seconds ->> (v_delivery.attempts - 1))::int));
  else
    update private.webhook_deliveries set status = 'failed', next_at = null where id = p_delivery_id;
  end if;
  if v_delivery.http_status = 410 then
    perform private.disable_webhook_endpoint(v_endpoint, 'gone');
  elsif v_delivery.attempts > jsonb_array_length(v_seconds)
        and v_endpoint.failing_since < now() - make_interval(days => (private.setting('webhook_failing_days'))::int) then
    perform private.disable_webhook_endpoint(v_endpoint, 'failing');
  end if;
exception
  when invalid_text_representation or numeric_value_out_of_range then
    perform private.fail_input('outcome', 'must have a number or null as http_status');
end
$$;
create function public.store_webhook_try(delivery_id uuid, outcome jsonb)
returns void
language sql volatile set search_path = ''
as $$ select private.store_webhook_try(delivery_id, outcome) $$;
comment on function public.store_webhook_try is 'Records what became of sending a webhook event: {kind: delivered, http_status} or {kind: failed, http_status (null without an answer), problem}. Queues the next try, or gives the event up after the last; switches an endpoint off whose server answered 410, or that has accepted nothing for days. Service only. Errors: invalid_input.';
select private.expose('store_webhook_try(uuid, jsonb)', 'service_role');

create function private.tidy_webhooks()
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  delete from private.webhook_deliveries where created_at < now() - make_interval(days => (private.setting('webhook_keep_days'))::int);
  delete from private.webhook_secrets where expires_at < now();
end
$$;
select private.schedule_job('journey_tidy_webhooks', 'Removes webhook events after 30 days (setting webhook_keep_days), and secrets that sign no more.',
  '27 20 * * *', '26 hours', 'select private.tidy_webhooks()');

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('webhook_disabled', 'en', 'account', 'Webhook switched off', 'Your server accepts no events, so we switched the webhook endpoint “{{name}}” off. Events are kept for a while: switch it on again and have them resent.', 'A webhook endpoint was switched off',
    E'Your server accepts no events, so we switched this webhook endpoint off:\n\n{{name}}\n\nEvents are kept for a while. When your server works again, switch the endpoint on and have the missed events resent.'),
  ('webhook_disabled', 'vi', 'account', 'Đã tắt webhook', 'Máy chủ của bạn không nhận sự kiện nên địa chỉ webhook “{{name}}” đã bị tắt. Các sự kiện vẫn được lưu một thời gian: hãy bật lại và yêu cầu gửi lại.', 'Một địa chỉ webhook đã bị tắt',
    E'Máy chủ của bạn không nhận sự kiện nên địa chỉ webhook sau đã bị tắt:\n\n{{name}}\n\nCác sự kiện vẫn được lưu một thời gian. Khi máy chủ hoạt động trở lại, hãy bật địa chỉ này và yêu cầu gửi lại các sự kiện đã lỡ.');

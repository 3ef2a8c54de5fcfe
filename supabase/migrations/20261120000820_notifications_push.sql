-- Notifications: pushes to phones and browsers.
-- Rule kept here: a push that Expo took has not arrived yet; Expo is asked what became of it, and a device that is no longer
-- known ends, unless it was registered again meanwhile.
-- Left out on purpose: which pushes are sent, and to which devices (notifications_sending, identity_devices).

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('web_push_unavailable', 503, false, 'Push notifications in browsers are switched off here. Use the app, or read your notifications on the website.', 'Thông báo đẩy trên trình duyệt hiện chưa được bật. Vui lòng dùng ứng dụng hoặc xem thông báo trên trang web.');

alter table private.settings
  add constraint settings_push_receipt_minutes check (key <> 'push_receipt_minutes' or private.is_whole(value, 1, 240));
insert into private.settings (key, value, description) values
  ('push_receipt_minutes', '15', 'Minutes after a push until Expo is asked whether it arrived. Expo knows for about a day.');

select private.register_topic('push_receipts', 'until');

create index deliveries_ticket_idx on public.deliveries (sent_at, id) where provider = 'expo' and status = 'sent';

-- The pushes whose receipts may be there: old enough, and not older than Expo remembers.
create function private.push_tickets(p_until timestamptz)
returns setof public.deliveries
language sql stable set search_path = ''
as $$
  select * from public.deliveries
  where provider = 'expo' and status = 'sent' and provider_id is not null and sent_at <= p_until and sent_at > now() - interval '1 day'
$$;

-- One question at a time: it asks about all of them, page by page.
create function private.queue_push_receipts()
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_until timestamptz := now() - make_interval(mins => (private.setting('push_receipt_minutes'))::int);
begin
  if exists (select from private.push_tickets(v_until))
    and not exists (select from private.outbox where topic = 'push_receipts' and status in ('pending', 'leased')) then
    perform private.enqueue('push_receipts', jsonb_build_object('until', v_until), v_until::text);
  end if;
end
$$;
select private.schedule_job('journey_push_receipts', 'Asks Expo what became of the pushes that it took.',
  '*/5 * * * *', interval '30 minutes', 'select private.queue_push_receipts()');

create function private.push_tickets_to_ask(p_until timestamptz, p_after jsonb)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_start private.page_start := private.read_page(p_after, 'sent_at', 100);
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('ticket', t.provider_id, 'sent_at', t.sent_at, 'id', t.id) order by t.sent_at, t.id), '[]')
    from (
      select * from private.push_tickets(p_until) t
      where p_after is null or (t.sent_at, t.id) > (v_start.at, v_start.id)
      order by t.sent_at, t.id
      limit 100
    ) t
  );
end
$$;
create function public.push_tickets_to_ask(until timestamptz, after jsonb default null)
returns jsonb
language sql stable set search_path = ''
as $$ select private.push_tickets_to_ask(until, after) $$;
comment on function public.push_tickets_to_ask is 'Answers the tickets of Expo for pushes sent by `until` of which nothing more is known, oldest first, at most 100: [{ticket, sent_at, id}]. `after` takes {sent_at, id} of the last one. Service only. Errors: invalid_input.';
select private.expose('push_tickets_to_ask(timestamptz, jsonb)', 'service_role');

-- Sends a push again that Expo could not pass on, while its outbox row has tries left. The collapse id keeps the phone from
-- showing it twice.
create function private.push_again(p_delivery_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_found boolean;
begin
  update private.outbox
  set status = 'pending', available_at = now() + make_interval(mins => 5 * attempts), finished_at = null, provider_id = null, result = null,
      last_error = 'Expo could not pass it on'
  where topic = 'push' and dedupe_key = p_delivery_id::text and status = 'done' and attempts < max_attempts
  returning true into v_found;
  if v_found then
    update public.deliveries set status = 'queued', provider = null, provider_id = null, sent_at = null, ended_at = null where id = p_delivery_id;
  end if;
end
$$;

create function private.record_push_receipts(p_receipts jsonb)
returns int
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_receipt record;
  v_delivery public.deliveries;
  v_recorded int := 0;
begin
  if p_receipts is null or jsonb_typeof(p_receipts) <> 'array' or jsonb_path_exists(p_receipts, 'strict $[*] ? (@.type() <> "object")') then
    perform private.fail_input('receipts', 'must be a list of {ticket, outcome, reason}');
  end if;
  for v_receipt in
    -- in one order, for two workers that ask at the same time
    select * from jsonb_to_recordset(p_receipts) as r (ticket text, outcome text, reason text) order by ticket
  loop
    if v_receipt.outcome is null or v_receipt.outcome not in ('delivered', 'gone', 'refused', 'retry') then
      perform private.fail_input('outcome', 'must be delivered, gone, refused or retry');
    end if;
    select d.* into v_delivery from public.deliveries d where d.provider = 'expo' and d.provider_id = v_receipt.ticket and d.status = 'sent' for update;
    continue when not found;
    v_recorded := v_recorded + 1;
    perform private.delivery_reported('expo', v_receipt.ticket,
      case v_receipt.outcome when 'delivered' then 'delivered' else 'failed' end, now(), v_receipt.reason);
    if v_receipt.outcome = 'gone' then
      -- it was decided before it was sent: a device that registered since has a token that works
      perform private.device_is_gone(v_delivery.device_id, v_delivery.decided_at);
    elsif v_receipt.outcome = 'retry' then
      perform private.push_again(v_delivery.id);
    end if;
  end loop;
  return v_recorded;
end
$$;
create function public.record_push_receipts(receipts jsonb)
returns int
language sql volatile set search_path = ''
as $$ select private.record_push_receipts(receipts) $$;
comment on function public.record_push_receipts is 'Records what became of pushes that Expo took: [{ticket, outcome, reason}], where `outcome` is delivered, gone (the device ends), refused, or retry (it is sent again). Answers how many were news. Repeatable. Service only. Errors: invalid_input.';
select private.expose('record_push_receipts(jsonb)', 'service_role');

create function private.invariant_push_credentials_refused()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select d.id::text, d.detail from public.deliveries d
  where d.status = 'failed' and d.ended_at > now() - interval '1 hour' and d.provider = 'expo' and d.detail like '%InvalidCredentials%'
  order by d.ended_at desc
  limit 1
$$;
insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('push_credentials_refused', 'warning', 'Apple or Google refused a push within the last hour, because the credentials that Expo has are wrong. Phones of that kind get no pushes.',
    'Renew the credentials of the app at expo.dev (the key of APNs, or the service account of FCM). People find what they missed in their inbox.');

-- Notifications: what the function `outbox` asks before it sends, and what it and the providers report.
-- Rule kept here: whether something is sent is decided when it is sent, by what holds then, and the decision is stored. A
-- report never moves a delivery back, and one that comes too early is kept.
-- Left out on purpose: the transports.

select private.register_topic('email', 'delivery_id');
select private.register_topic('push', 'delivery_id');
select private.register_topic('sms', 'delivery_id');

create function private.is_critical(p_delivery public.deliveries)
returns boolean
language sql stable set search_path = ''
as $$
  select exists (
    select from public.notifications n join private.critical_templates c on c.template = n.template where n.id = p_delivery.notification_id
  )
$$;

-- Where a delivery goes, or null: the address of the person, or the device that was chosen for it.
create function private.delivery_target(p_delivery public.deliveries)
returns jsonb
language sql stable set search_path = ''
as $$
  select case p_delivery.channel
    when 'email' then (select jsonb_build_object('email', u.email) from auth.users u where u.id = p_delivery.user_id and u.email <> '')
    when 'sms' then (select jsonb_build_object('phone', p.phone) from public.profiles p where p.id = p_delivery.user_id and p.phone is not null)
    else (
      select jsonb_build_object(
        'device_id', d.id, 'platform', d.platform, 'token', d.token, 'p256dh', d.p256dh, 'auth_secret', d.auth_secret, 'last_seen_at', d.last_seen_at)
      from private.devices d where d.id = p_delivery.device_id and d.user_id = p_delivery.user_id
    )
  end
$$;

create function private.delivery_stop_no_target(p_delivery public.deliveries)
returns text
language sql stable set search_path = ''
as $$
  select case
    when p_delivery.channel = 'push' and p_delivery.device_id is null then
      case when not exists (select from private.devices d where d.user_id = p_delivery.user_id) then 'no_device' end
    when private.delivery_target(p_delivery) is null then
      case p_delivery.channel when 'email' then 'no_email' when 'sms' then 'no_phone' else 'device_gone' end
  end
$$;
insert into private.delivery_reasons (code, status, message_en, message_vi) values
  ('no_device', 'suppressed', 'None of your devices was registered for push notifications.', 'Bạn chưa có thiết bị nào đăng ký nhận thông báo đẩy.'),
  ('device_gone', 'suppressed', 'This device was signed out before the notification was sent.', 'Thiết bị này đã đăng xuất trước khi thông báo được gửi.'),
  ('already_waiting', 'void', 'An earlier push about the same waits for your devices and tells this as well.', 'Một thông báo đẩy trước đó về cùng nội dung đang chờ gửi đến thiết bị của bạn.'),
  ('no_email', 'suppressed', 'Your account has no mail address.', 'Tài khoản của bạn chưa có địa chỉ email.'),
  ('no_phone', 'suppressed', 'Your account has no verified phone number.', 'Tài khoản của bạn chưa có số điện thoại đã xác minh.');
insert into private.delivery_checks (name, rank) values ('no_target', 400);

-- What is sent, rendered now: from the version of the text that the notification has.
create function private.delivery_message_notification(p_delivery public.deliveries)
returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_note public.notifications;
  v_text public.notification_templates;
  v_mail text;
begin
  select * into strict v_note from public.notifications where id = p_delivery.notification_id;
  select * into strict v_text from public.notification_templates
  where code = v_note.template and locale = v_note.locale and version = v_note.template_version;
  case p_delivery.channel
    when 'email' then
      v_mail := private.render(v_text.email_body, v_note.data, v_note.locale);
      return jsonb_build_object('locale', v_note.locale, 'template', v_note.template,
        'subject', private.render(v_text.email_subject, v_note.data, v_note.locale), 'text', v_mail, 'html', private.html_from(v_mail));
    when 'sms' then
      return jsonb_build_object('locale', v_note.locale, 'template', v_note.template, 'text', private.render(v_text.sms_body, v_note.data, v_note.locale));
    else
      return jsonb_build_object('locale', v_note.locale, 'template', v_note.template, 'title', v_note.title, 'body', v_note.body,
        'badge', private.unread_count(v_note.user_id), 'collapse_key', null,
        'data', jsonb_build_object('notification_id', v_note.id, 'category', v_note.category, 'template', v_note.template));
  end case;
end
$$;

-- Ends a delivery without sending it.
create function private.drop_delivery(p_delivery public.deliveries, p_reason text)
returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_status text := (select status from private.delivery_reasons where code = p_reason);
begin
  update public.deliveries set status = v_status, reason = p_reason, decided_at = clock_timestamp() where id = p_delivery.id;
  return jsonb_build_object('action', 'drop', 'status', v_status, 'reason', p_reason);
end
$$;

-- The first objection to sending it now, or null.
create function private.delivery_objection(p_delivery public.deliveries)
returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_critical boolean := private.is_critical(p_delivery);
  v_name text;
  v_reason text;
begin
  for v_name in
    select c.name from private.delivery_checks c
    where p_delivery.channel = any (c.channels) and (c.holds_for_critical or not v_critical)
    order by c.rank
  loop
    execute format('select private.%I($1)', 'delivery_stop_' || v_name) into v_reason using p_delivery;
    if v_reason is not null then
      return v_reason;
    end if;
  end loop;
  return null;
end
$$;

-- Gives a push a device, and each further device of its person a delivery and an outbox row of its own.
create function private.fan_out_push(p_delivery public.deliveries)
returns public.deliveries
language plpgsql volatile set search_path = ''
as $$
declare
  v_devices uuid[] := array(
    select v.id from private.devices v
    where v.user_id = p_delivery.user_id and not exists (
      -- what is in no inbox is rendered when it is sent, so what waits for a device tells this as well
      select from public.deliveries w
      where w.status = 'queued' and w.subject_id = p_delivery.subject_id and w.user_id = v.user_id and w.source = p_delivery.source and w.device_id = v.id
    )
    order by v.last_seen_at desc, v.id
  );
  v_delivery public.deliveries;
begin
  with others as (
    insert into public.deliveries (user_id, notification_id, source, subject_id, category, channel, device_id, created_at)
    select p_delivery.user_id, p_delivery.notification_id, p_delivery.source, p_delivery.subject_id, p_delivery.category, 'push', d, p_delivery.created_at
    from unnest(v_devices[2:]) d
    on conflict do nothing
    returning id
  )
  insert into private.outbox (topic, payload, dedupe_key) select 'push', jsonb_build_object('delivery_id', id), id::text from others;
  update public.deliveries set device_id = v_devices[1] where id = p_delivery.id returning * into v_delivery;
  return v_delivery;
end
$$;

create function private.delivery_to_send(p_delivery_id uuid)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_delivery public.deliveries;
  v_reason text;
  v_waits_until timestamptz;
  v_message jsonb;
begin
  -- the person may be gone, and the row with them
  select d.* into v_delivery from public.deliveries d
  join public.profiles p on p.id = d.user_id and p.deleted_at is null
  where d.id = p_delivery_id
  for update of d;
  if not found then
    return null;
  end if;
  if v_delivery.status <> 'queued' then
    return jsonb_build_object('action', 'drop', 'status', v_delivery.status, 'reason', v_delivery.reason);
  end if;
  v_reason := private.delivery_objection(v_delivery);
  if v_reason is not null then
    return private.drop_delivery(v_delivery, v_reason);
  end if;
  v_waits_until := private.delivery_waits_until(v_delivery);
  if v_waits_until is not null then
    update public.deliveries set waits_until = v_waits_until, decided_at = clock_timestamp() where id = p_delivery_id;
    return jsonb_build_object('action', 'wait', 'until', v_waits_until, 'reason', 'quiet hours');
  end if;
  if v_delivery.channel = 'push' and v_delivery.device_id is null then
    v_delivery := private.fan_out_push(v_delivery);
    if v_delivery.device_id is null then
      return private.drop_delivery(v_delivery, 'already_waiting');
    end if;
  end if;
  execute format('select private.%I($1)', 'delivery_message_' || v_delivery.source) into v_message using v_delivery;
  if v_message is null then
    return private.drop_delivery(v_delivery, 'nothing_left');
  end if;
  update public.deliveries set decided_at = clock_timestamp(), attempts = attempts + 1, waits_until = null where id = p_delivery_id
  returning * into v_delivery;
  return jsonb_build_object(
    'action', 'send', 'delivery_id', v_delivery.id, 'user_id', v_delivery.user_id, 'channel', v_delivery.channel, 'category', v_delivery.category,
    'attempts', v_delivery.attempts, 'target', private.delivery_target(v_delivery),
    'message', v_message || case v_delivery.channel when 'email' then jsonb_build_object('unsubscribe_token', private.unsubscribe_token(v_delivery)) else '{}' end);
end
$$;
create function public.delivery_to_send(delivery_id uuid)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.delivery_to_send(delivery_id) $$;
comment on function public.delivery_to_send is 'Decides whether a delivery is sent now, and stores the decision. Answers null when its person is gone; {action: drop, status, reason} when it is not sent, or was already; {action: wait, until, reason} when its time has not come; otherwise {action: send, delivery_id, user_id, channel, category, attempts, target, message}. `target` is {email}, {phone}, or {device_id, platform, token, p256dh, auth_secret, last_seen_at}. `message` is {locale, template} with {subject, text, html}, {text}, or {title, body, data, badge, collapse_key}. A push that has no device yet gets one, and each further device a delivery of its own. Service only.';
select private.expose('delivery_to_send(uuid)', 'service_role');

-- Moves a delivery by what its provider said, where that is a step forward.
create function private.apply_delivery_report(p_delivery_id uuid, p_report private.delivery_reports)
returns void
language sql volatile set search_path = ''
as $$
  update public.deliveries d
  set status = p_report.status, detail = coalesce(p_report.detail, d.detail),
      delivered_at = case when p_report.status = 'delivered' then p_report.occurred_at else d.delivered_at end,
      ended_at = case when p_report.status <> 'delivered' then p_report.occurred_at end
  where d.id = p_delivery_id and exists (
    select from private.transitions t where t.machine = 'delivery' and t.from_state = d.status and t.to_state = p_report.status
  )
$$;

create function private.delivery_sent(p_delivery_id uuid, p_provider text, p_provider_id text)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_report private.delivery_reports;
begin
  -- a report that comes at this moment waits, and finds the id; one that was quicker is found below
  perform pg_advisory_xact_lock(hashtextextended('delivery ' || p_provider || ' ' || coalesce(p_provider_id, ''), 0));
  update public.deliveries
  set status = 'sent', provider = p_provider, provider_id = p_provider_id, sent_at = clock_timestamp(), decided_at = coalesce(decided_at, clock_timestamp()), ended_at = null
  where id = p_delivery_id and status in ('queued', 'failed');
  for v_report in
    select * from private.delivery_reports where provider = p_provider and provider_id = p_provider_id order by occurred_at, status
  loop
    perform private.apply_delivery_report(p_delivery_id, v_report);
  end loop;
end
$$;
create function public.delivery_sent(delivery_id uuid, provider text, provider_id text default null)
returns void
language sql volatile set search_path = ''
as $$ select private.delivery_sent(delivery_id, provider, provider_id) $$;
comment on function public.delivery_sent is 'Records that a provider took a delivery, and what it calls it (`provider_id`). Repeatable. Service only.';
select private.expose('delivery_sent(uuid, text, text)', 'service_role');

create function private.delivery_failed(p_delivery_id uuid, p_provider text, p_detail text)
returns void
language sql volatile security definer set search_path = ''
as $$
  update public.deliveries
  set status = 'failed', provider = coalesce(p_provider, provider), detail = left(p_detail, 500), ended_at = clock_timestamp(),
      decided_at = coalesce(decided_at, clock_timestamp())
  where id = p_delivery_id and status = 'queued'
$$;
create function public.delivery_failed(delivery_id uuid, provider text, detail text)
returns void
language sql volatile set search_path = ''
as $$ select private.delivery_failed(delivery_id, provider, detail) $$;
comment on function public.delivery_failed is 'Records that a delivery cannot be sent, whatever is tried, and what the provider said. A try that may succeed later needs no record, and a dead letter of the outbox makes its own. Repeatable. Service only.';
select private.expose('delivery_failed(uuid, text, text)', 'service_role');

create function private.delivery_reported(p_provider text, p_provider_id text, p_status text, p_occurred_at timestamptz, p_detail text)
returns uuid
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_report private.delivery_reports;
  v_id uuid;
begin
  if p_status is null or p_status not in ('delivered', 'failed', 'bounced', 'complained') then
    perform private.fail_input('status', 'must be delivered, failed, bounced or complained');
  end if;
  if p_provider is null or char_length(p_provider) not between 2 and 40 then
    perform private.fail_input('provider', 'must be the name of a provider');
  end if;
  if p_provider_id is null or char_length(p_provider_id) not between 1 and 200 then
    perform private.fail_input('provider_id', 'must have 1 to 200 characters');
  end if;
  perform pg_advisory_xact_lock(hashtextextended('delivery ' || p_provider || ' ' || p_provider_id, 0));
  insert into private.delivery_reports (provider, provider_id, status, occurred_at, detail)
  values (p_provider, p_provider_id, p_status, coalesce(p_occurred_at, now()), left(p_detail, 500))
  on conflict do nothing
  returning * into v_report;
  select id into v_id from public.deliveries where provider = p_provider and provider_id = p_provider_id for update;
  if v_id is not null and v_report.provider is not null then
    perform private.apply_delivery_report(v_id, v_report);
  end if;
  return v_id;
end
$$;
create function public.delivery_reported(provider text, provider_id text, status text, occurred_at timestamptz default null, detail text default null)
returns uuid
language sql volatile set search_path = ''
as $$ select private.delivery_reported(provider, provider_id, status, occurred_at, detail) $$;
comment on function public.delivery_reported is 'Records what a provider says of a message: delivered, failed, bounced or complained. A report that comes twice, late, or before delivery_sent does no harm: a delivery never moves back, and an early report is kept. Answers the id of the delivery, or null while it is not known. Service only. Errors: invalid_input.';
select private.expose('delivery_reported(text, text, text, timestamptz, text)', 'service_role');

-- A dead letter of the outbox is a delivery that failed, and one that is performed again is queued again.
create function private.follow_outbox()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if new.status = 'dead' then
    perform private.delivery_failed((new.payload ->> 'delivery_id')::uuid, null, new.last_error);
  else
    begin
      update public.deliveries set status = 'queued', ended_at = null where id = (new.payload ->> 'delivery_id')::uuid and status = 'failed';
    exception
      when unique_violation then
        -- a newer one that tells the same waits; the worker finds nothing to do
        null;
    end;
  end if;
  return null;
end
$$;
create trigger deliveries_follow after update of status on private.outbox
  for each row when (
    new.topic in ('email', 'push', 'sms') and new.payload ->> 'delivery_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    and ((new.status = 'dead') <> (old.status = 'dead'))
  )
  execute function private.follow_outbox();

create function private.invariant_delivery_without_value()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select d.id::text, n.template || ' ' || n.template_version || ' ' || n.locale || ': ' || v.name[1]
  from public.deliveries d
  join public.notifications n on n.id = d.notification_id
  join public.notification_templates t on t.code = n.template and t.locale = n.locale and t.version = n.template_version
  -- it is rendered when it is sent, which fails for hours before the outbox gives it up
  cross join lateral regexp_matches(case d.channel when 'email' then t.email_subject || t.email_body when 'sms' then t.sms_body end, '{{(.*?)}}', 'g') v (name)
  where d.status = 'queued' and n.data ->> v.name[1] is null
$$;
insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('delivery_without_value', 'warning', 'A mail or an SMS that waits uses a variable that nobody filled, so it cannot be rendered and is given up after hours.',
    'Write a new version of the text without this variable, and send this message by hand.');

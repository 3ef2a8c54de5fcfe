-- Notifications: messages by SMS.
-- Rule kept here: an SMS costs money and is believed, so one person gets a few a day, and no text of ours has a link. What a
-- person typed may look like one; the sender breaks it.
-- Left out on purpose: codes, which have limits of their own (identity_otp).

alter table public.notification_templates
  add constraint notification_templates_sms_without_link check (sms_body !~* 'https?:|www[.]|[[:alnum:]][.][a-z]{2,}');

alter table private.settings
  add constraint settings_sms_per_day check (key <> 'sms_per_day' or private.is_whole(value, 0, 100));
insert into private.settings (key, value, description) values
  ('sms_per_day', '5', 'How many notifications one person gets by SMS within 24 hours. Codes and critical notifications do not count. 0 sends none.');

insert into private.delivery_reasons (code, status, message_en, message_vi) values
  ('sms_budget', 'suppressed', 'You had several messages by SMS within a day. Further ones are in the app only.', 'Bạn đã nhận nhiều tin nhắn SMS trong một ngày. Các thông báo khác chỉ có trong ứng dụng.');

-- Volatile, because it waits for other messages to the same person: each of two at once would count without the other.
create function private.delivery_stop_sms_budget(p_delivery public.deliveries)
returns text
language plpgsql volatile set search_path = ''
as $$
declare
  v_sent int;
begin
  perform pg_advisory_xact_lock(hashtextextended('sms ' || p_delivery.user_id, 0));
  select count(*) into v_sent
  from public.deliveries d
  where d.user_id = p_delivery.user_id and d.channel = 'sms' and d.id <> p_delivery.id and d.attempts > 0
    and d.status in ('queued', 'sent', 'delivered') and d.decided_at > now() - interval '24 hours'
    and not private.is_critical(d);
  return case when v_sent >= (private.setting('sms_per_day'))::int then 'sms_budget' end;
end
$$;
-- critical ones pass: a budget that somebody else can use up must not hide the message that warns of them
insert into private.delivery_checks (name, rank, channels, holds_for_critical) values ('sms_budget', 600, '{sms}', false);

-- eSMS names a message when it takes it. When that answer was lost, the report brings the name.
create function private.sms_reported(p_delivery_id uuid, p_sms_id text, p_status text, p_detail text)
returns uuid
language plpgsql volatile security definer set search_path = ''
as $$
begin
  update public.deliveries set provider_id = p_sms_id
  where id = p_delivery_id and channel = 'sms' and provider = 'esms' and provider_id is null;
  return private.delivery_reported('esms', p_sms_id, p_status, now(), p_detail);
end
$$;
create function public.sms_reported(delivery_id uuid, sms_id text, status text, detail text default null)
returns uuid
language sql volatile set search_path = ''
as $$ select private.sms_reported(delivery_id, sms_id, status, detail) $$;
comment on function public.sms_reported is 'Records what eSMS says of a message: `status` is delivered or failed. Answers the id of the delivery, or null while it is not known. Repeatable. Service only. Errors: invalid_input.';
select private.expose('sms_reported(uuid, text, text, text)', 'service_role');

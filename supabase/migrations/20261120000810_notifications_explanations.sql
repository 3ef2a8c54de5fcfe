-- Notifications: why a person got, or did not get, a notification, in plain sentences.
-- Rule kept here: an explanation is read from the rows that the decisions left, and never computed again.
-- Left out on purpose: what a provider said, which is for staff (list_deliveries).

create table private.delivery_texts (
  code text primary key,
  message_en text not null,
  message_vi text not null,
  constraint delivery_texts_sentences check (message_en ~ '^[A-Z].*\.$' and message_vi ~ '\.$')
);
comment on table private.delivery_texts is 'The sentences of an explanation, for what happened to a delivery. {{time}} is a time in the zone of its person. Why one was not sent is in delivery_reasons.';
select private.hold_no_persons('private.delivery_texts');
insert into private.delivery_texts (code, message_en, message_vi) values
  ('in_app', 'It is in your list of notifications since {{time}}.', 'Thông báo có trong danh sách của bạn từ {{time}}.'),
  ('in_app_read', 'It is in your list of notifications, and you read it at {{time}}.', 'Thông báo có trong danh sách của bạn và bạn đã đọc lúc {{time}}.'),
  ('in_app_deleted', 'You took it off your list at {{time}}.', 'Bạn đã xóa thông báo khỏi danh sách lúc {{time}}.'),
  ('not_planned', 'This notification is not sent on this channel.', 'Thông báo này không được gửi qua kênh này.'),
  ('queued', 'It is about to be sent.', 'Thông báo sắp được gửi.'),
  ('queued_retry', 'It could not be sent yet, and we go on trying.', 'Thông báo chưa gửi được và chúng tôi đang thử lại.'),
  ('queued_quiet', 'It waits until {{time}} because of your quiet hours.', 'Thông báo được hoãn đến {{time}} vì đang trong giờ yên tĩnh của bạn.'),
  ('sent', 'It was handed to the provider at {{time}}. Whether it arrived is not known.', 'Thông báo đã được chuyển cho nhà cung cấp lúc {{time}}. Chưa rõ đã đến nơi hay chưa.'),
  ('delivered', 'It arrived at {{time}}.', 'Thông báo đã đến nơi lúc {{time}}.'),
  ('failed', 'It could not be sent. We gave up at {{time}}.', 'Không gửi được thông báo. Chúng tôi đã dừng lúc {{time}}.'),
  ('bounced', 'Your address refused it at {{time}}.', 'Địa chỉ của bạn đã từ chối nhận lúc {{time}}.'),
  ('complained', 'It arrived, and was reported as spam at {{time}}.', 'Thông báo đã đến nơi và bị báo là thư rác lúc {{time}}.');

-- One sentence in both languages.
create function private.delivery_sentence(p_code text, p_at timestamptz, p_time_zone text)
returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'en', private.render(t.message_en, jsonb_build_object('time', private.time_value(p_at, p_time_zone)), 'en'),
    'vi', private.render(t.message_vi, jsonb_build_object('time', private.time_value(p_at, p_time_zone)), 'vi'))
  from private.delivery_texts t
  where t.code = p_code
$$;

create function private.explain_delivery(p_delivery public.deliveries, p_time_zone text)
returns jsonb
language sql stable set search_path = ''
as $$
  select coalesce(
    (select jsonb_build_object('en', r.message_en, 'vi', r.message_vi) from private.delivery_reasons r where r.code = p_delivery.reason),
    case
      when p_delivery.status <> 'queued' then
        private.delivery_sentence(p_delivery.status, case p_delivery.status when 'sent' then p_delivery.sent_at when 'delivered' then p_delivery.delivered_at else p_delivery.ended_at end, p_time_zone)
      when p_delivery.waits_until is not null then private.delivery_sentence('queued_quiet', p_delivery.waits_until, p_time_zone)
      else private.delivery_sentence(case when p_delivery.attempts > 0 then 'queued_retry' else 'queued' end, now(), p_time_zone)
    end)
$$;

create function private.explain_notification(p_notification_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_note public.notifications;
  v_zone text;
begin
  select * into v_note from public.notifications where id = p_notification_id;
  if v_note.user_id is distinct from v_user_id then
    if not private.is_staff() or v_note.id is null then
      perform private.fail('not_found');
    end if;
  end if;
  select time_zone into v_zone from public.profiles where id = v_note.user_id;
  return jsonb_build_object(
    'notification_id', v_note.id, 'user_id', v_note.user_id, 'template', v_note.template, 'title', v_note.title, 'created_at', v_note.created_at,
    'is_critical', exists (select from private.critical_templates c where c.template = v_note.template),
    'channels', (
      select jsonb_agg(jsonb_build_object(
        'channel', e.channel, 'delivery_id', e.id, 'device_id', e.device_id, 'status', e.status, 'reason', e.reason,
        'decided_at', e.decided_at, 'sent_at', e.sent_at, 'explanation_en', e.sentence ->> 'en', 'explanation_vi', e.sentence ->> 'vi')
        order by e.position, e.created_at, e.id)
      from (
        select 0 as position, 'in_app' as channel, null::uuid as id, null::uuid as device_id, 'delivered' as status, null as reason,
               v_note.created_at, v_note.created_at as decided_at, v_note.created_at as sent_at,
               private.delivery_sentence(
                 case when v_note.deleted_at is not null then 'in_app_deleted' when v_note.read_at is not null then 'in_app_read' else 'in_app' end,
                 coalesce(v_note.deleted_at, v_note.read_at, v_note.created_at), v_zone) as sentence
        union all
        select h.position::int, h.channel, d.id, d.device_id, coalesce(d.status, 'not_planned'), d.reason, d.created_at, d.decided_at, d.sent_at,
               case when d.id is null then private.delivery_sentence('not_planned', v_note.created_at, v_zone) else private.explain_delivery(d, v_zone) end
        from unnest('{email,push,sms}'::text[]) with ordinality h (channel, position)
        left join public.deliveries d on d.notification_id = v_note.id and d.channel = h.channel
      ) e
    ));
end
$$;
create function public.explain_notification(notification_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$ select private.explain_notification(notification_id) $$;
comment on function public.explain_notification is 'Says why a notification was or was not sent, for its person, support and admins: {notification_id, user_id, template, title, created_at, is_critical, channels: [{channel, delivery_id, device_id, status, reason, decided_at, sent_at, explanation_en, explanation_vi}]}. `channel` is in_app, email, push or sms; a push has an entry for each device. `status` is that of the delivery, or not_planned where the notification is not sent on this channel. Errors: not_found.';
select private.expose('explain_notification(uuid)', 'authenticated');

create function public.get_notification(notification_id uuid)
returns setof public.notifications
language sql stable set search_path = ''
as $$
  select n.* from public.notifications n
  where n.id = get_notification.notification_id and n.user_id = (select auth.uid()) and n.deleted_at is null
$$;
comment on function public.get_notification is 'Answers one notification of the caller, or no row when there is none or it was deleted. A push carries its id.';
select private.expose('get_notification(uuid)', 'authenticated');

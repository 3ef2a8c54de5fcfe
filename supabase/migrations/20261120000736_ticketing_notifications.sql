-- Ticketing: the notifications, in Vietnamese and English.
-- Rule kept here: every code exists in every locale; a change of wording is a new version.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('order_completed', 'en', 'tickets', 'Your tickets are here', '{{quantity}} ticket(s) for {{event}} on {{starts}}. Order {{code}}.', 'Your tickets for {{event}}', E'Your order {{code}} is complete: {{quantity}} ticket(s) for {{event}}.\n\nWhen: {{starts}}\nWhere: {{venue}}\n\nYou find the tickets in the app.'),
  ('order_completed', 'vi', 'tickets', 'Vé của bạn đã sẵn sàng', '{{quantity}} vé {{event}}, {{starts}}. Đơn {{code}}.', 'Vé {{event}} của bạn', E'Đơn {{code}} đã hoàn tất: {{quantity}} vé {{event}}.\n\nThời gian: {{starts}}\nĐịa điểm: {{venue}}\n\nBạn xem vé trong ứng dụng.'),
  ('order_expired', 'en', 'tickets', 'Your order has expired', 'Order {{code}} for {{event}} was not paid in time, so its tickets are free again.', null, null),
  ('order_expired', 'vi', 'tickets', 'Đơn của bạn đã hết hạn', 'Đơn {{code}} mua vé {{event}} chưa được thanh toán kịp nên vé đã được mở bán lại.', null, null),
  ('order_failed', 'en', 'tickets', 'Your payment did not work', 'Order {{code}} for {{event}} ended because its payment failed. Its tickets are free again; you can order anew.', null, null),
  ('order_failed', 'vi', 'tickets', 'Thanh toán không thành công', 'Đơn {{code}} mua vé {{event}} đã kết thúc vì thanh toán không thành công. Bạn có thể đặt lại.', null, null),
  ('order_cancelled', 'en', 'tickets', 'Your order is cancelled', 'Order {{code}} for {{event}} is cancelled. What you paid for the tickets is given back.', 'Your order {{code}} is cancelled', E'Your order {{code}} for {{event}} is cancelled.\n\nWhat you paid for the tickets is given back.'),
  ('order_cancelled', 'vi', 'tickets', 'Đơn của bạn đã bị hủy', 'Đơn {{code}} mua vé {{event}} đã bị hủy. Số tiền bạn đã trả cho vé sẽ được hoàn lại.', 'Đơn {{code}} đã bị hủy', E'Đơn {{code}} mua vé {{event}} đã bị hủy.\n\nSố tiền bạn đã trả cho vé sẽ được hoàn lại.'),
  ('order_cancelled_with_event', 'en', 'tickets', '{{event}} is cancelled', '{{event}} does not take place. What you paid for your tickets is given back. Order {{code}}.', '{{event}} is cancelled', E'{{event}} does not take place.\n\nWhat you paid for your tickets is given back to you. Order {{code}}.'),
  ('order_cancelled_with_event', 'vi', 'tickets', '{{event}} đã bị hủy', '{{event}} sẽ không diễn ra. Số tiền bạn đã trả cho vé sẽ được hoàn lại. Đơn {{code}}.', '{{event}} đã bị hủy', E'{{event}} sẽ không diễn ra.\n\nSố tiền bạn đã trả cho vé sẽ được hoàn lại. Đơn {{code}}.'),
  ('order_voided_with_event', 'en', 'tickets', '{{event}} is cancelled', '{{event}} does not take place. Your tickets of order {{code}} are no longer valid.', '{{event}} is cancelled', E'{{event}} does not take place.\n\nYour tickets of order {{code}} are no longer valid.'),
  ('order_voided_with_event', 'vi', 'tickets', '{{event}} đã bị hủy', '{{event}} sẽ không diễn ra. Vé trong đơn {{code}} của bạn không còn hiệu lực.', '{{event}} đã bị hủy', E'{{event}} sẽ không diễn ra.\n\nVé trong đơn {{code}} của bạn không còn hiệu lực.'),
  ('order_ended_with_event', 'en', 'tickets', '{{event}} is cancelled', '{{event}} does not take place, so order {{code}} has ended. If you are just paying it, your money is given back.', null, null),
  ('order_ended_with_event', 'vi', 'tickets', '{{event}} đã bị hủy', '{{event}} sẽ không diễn ra nên đơn {{code}} đã kết thúc. Nếu bạn vừa thanh toán, số tiền sẽ được hoàn lại.', null, null),
  ('event_cancelled_holder', 'en', 'tickets', '{{event}} is cancelled', '{{event}} on {{starts}} does not take place. Your ticket is no longer valid. Its price goes back to the person who bought it.', '{{event}} is cancelled', E'{{event}} on {{starts}} does not take place.\n\nYour ticket is no longer valid. Its price goes back to the person who bought it.'),
  ('event_cancelled_holder', 'vi', 'tickets', '{{event}} đã bị hủy', '{{event}} lúc {{starts}} sẽ không diễn ra. Vé của bạn không còn hiệu lực. Tiền vé được hoàn cho người đã mua.', '{{event}} đã bị hủy', E'{{event}} lúc {{starts}} sẽ không diễn ra.\n\nVé của bạn không còn hiệu lực. Tiền vé được hoàn cho người đã mua.'),
  ('event_cancelled_owner', 'en', 'tickets', '{{event}} is cancelled', '{{event}} was cancelled: {{reason}}. Every paid order is refunded; the report shows how far this is.', '{{event}} is cancelled', E'{{event}} was cancelled.\n\nReason: {{reason}}\n\nEvery paid order is refunded. The report in the app shows how far this is.'),
  ('event_cancelled_owner', 'vi', 'tickets', '{{event}} đã bị hủy', '{{event}} đã bị hủy: {{reason}}. Mọi đơn đã thanh toán đều được hoàn tiền; bạn xem tiến độ trong báo cáo.', '{{event}} đã bị hủy', E'{{event}} đã bị hủy.\n\nLý do: {{reason}}\n\nMọi đơn đã thanh toán đều được hoàn tiền. Bạn xem tiến độ trong báo cáo trên ứng dụng.'),
  ('event_approved', 'en', 'tickets', 'Your event is approved', '{{event}} can be published now.', null, null),
  ('event_approved', 'vi', 'tickets', 'Sự kiện đã được duyệt', 'Bạn có thể đăng {{event}} ngay bây giờ.', null, null),
  ('event_rejected', 'en', 'tickets', 'Your event needs changes', '{{event}} was not approved: {{reason}}', 'Your event {{event}} needs changes', E'{{event}} was not approved.\n\nReason: {{reason}}\n\nChange it and send it again.'),
  ('event_rejected', 'vi', 'tickets', 'Sự kiện cần chỉnh sửa', '{{event}} chưa được duyệt: {{reason}}', 'Sự kiện {{event}} cần chỉnh sửa', E'{{event}} chưa được duyệt.\n\nLý do: {{reason}}\n\nVui lòng chỉnh sửa và gửi lại.');

create function private.addressees(p_order public.orders)
returns private.addressee[]
language plpgsql stable set search_path = ''
as $$
begin
  return array[('buyer', p_order.buyer_id)]::private.addressee[];
end
$$;

create function private.notification_data(p_order public.orders)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'order_id', p_order.id, 'event_id', e.id, 'code', p_order.code, 'event', e.title, 'venue', e.venue, 'quantity', p_order.quantity::text,
      'starts', private.time_value(e.starts_at, e.time_zone), 'total', private.money_value(p_order.total_amount, p_order.currency),
      'with_event', e.status = 'cancelled', 'is_free', p_order.total_amount = 0)
    from public.events e where e.id = p_order.event_id
  );
end
$$;

create function private.addressees(p_event public.events)
returns private.addressee[]
language plpgsql stable set search_path = ''
as $$
begin
  return array[('author', p_event.created_by), ('owner', (select o.owner_id from public.organizers o where o.id = p_event.organizer_id))]::private.addressee[];
end
$$;

create function private.notification_data(p_event public.events)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return jsonb_build_object('event_id', p_event.id, 'event', p_event.title, 'reason', private.audit_reason());
end
$$;

insert into private.notification_audiences (machine, audience) values
  ('order', 'buyer'),
  ('event', 'author'),
  ('event', 'owner');
insert into private.notification_rules (machine, event, from_state, audience, template, channels) values
  ('order', 'issue', null, 'buyer', 'order_completed', '{in_app,email}'),
  ('order', 'complete', null, 'buyer', 'order_completed', '{in_app,email}'),
  ('order', 'complete_late', null, 'buyer', 'order_completed', '{in_app,email}'),
  ('order', 'expire', null, 'buyer', 'order_expired', '{in_app}'),
  ('order', 'fail', null, 'buyer', 'order_failed', '{in_app}'),
  ('event', 'approve', null, 'author', 'event_approved', '{in_app}'),
  ('event', 'reject', null, 'author', 'event_rejected', '{in_app,email}'),
  ('event', 'cancel', null, 'owner', 'event_cancelled_owner', '{in_app,email}');
insert into private.notification_rules (machine, event, from_state, audience, template, channels, only_if) values
  ('order', 'cancel', null, 'buyer', 'order_cancelled', '{in_app,email}', '{"with_event": false}'),
  ('order', 'cancel', 'completed', 'buyer', 'order_cancelled_with_event', '{in_app,email}', '{"with_event": true, "is_free": false}'),
  ('order', 'cancel', 'completed', 'buyer', 'order_voided_with_event', '{in_app,email}', '{"with_event": true, "is_free": true}'),
  ('order', 'cancel', 'pending_payment', 'buyer', 'order_ended_with_event', '{in_app}', '{"with_event": true}');

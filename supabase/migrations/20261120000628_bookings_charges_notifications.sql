-- Bookings: who is told of charges after a trip, in Vietnamese and English.
-- Rule kept here: each side is told what was asked, until when to answer, what came of it, and where the money comes from.
-- Left out on purpose: receipts, which have a message of their own.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('charge_proposed_renter', 'en', 'booking', 'The host asks for a charge', 'The host of {{vehicle}} asks for {{amount}} ({{charge}}) after booking {{code}}. Accept it, or say why not, by {{deadline}}.', 'Booking {{code}}: the host asks for {{amount}}', E'The host of {{vehicle}} asks for {{amount}} after booking {{code}}.\n\nWhat for: {{charge}}\n{{note}}\n\nOpen the trip in the app, look at what it is made of, and accept it or say why not by {{deadline}}. Without an answer it counts when the records or a receipt show it; otherwise support decides.'),
  ('charge_proposed_renter', 'vi', 'booking', 'Chủ xe yêu cầu phụ thu', 'Chủ xe {{vehicle}} yêu cầu {{amount}} ({{charge}}) sau đơn {{code}}. Vui lòng đồng ý hoặc cho biết lý do từ chối trước {{deadline}}.', 'Đơn {{code}}: chủ xe yêu cầu {{amount}}', E'Chủ xe {{vehicle}} yêu cầu {{amount}} sau đơn {{code}}.\n\nLý do: {{charge}}\n{{note}}\n\nVui lòng mở chuyến đi trong ứng dụng, xem chi tiết rồi đồng ý hoặc cho biết lý do từ chối trước {{deadline}}. Nếu bạn không trả lời, khoản có biên bản hoặc hóa đơn sẽ được tính; các khoản khác do bộ phận hỗ trợ quyết định.'),
  ('charge_disputed_host', 'en', 'booking', 'The renter did not accept', 'The renter did not accept {{amount}} ({{charge}}) of booking {{code}}. Support decides; you can withdraw it until then.', 'Booking {{code}}: {{amount}} was not accepted', E'The renter did not accept {{amount}} ({{charge}}) of booking {{code}}.\n{{objection}}\n\nThis part of the deposit is kept until support has decided. You can withdraw the charge until then. Keep your photos and messages.'),
  ('charge_disputed_host', 'vi', 'booking', 'Khách không đồng ý', 'Khách không đồng ý khoản {{amount}} ({{charge}}) của đơn {{code}}. Bộ phận hỗ trợ sẽ quyết định; bạn có thể rút yêu cầu trước đó.', 'Đơn {{code}}: khoản {{amount}} chưa được chấp nhận', E'Khách không đồng ý khoản {{amount}} ({{charge}}) của đơn {{code}}.\n{{objection}}\n\nPhần tiền cọc này được giữ lại cho đến khi bộ phận hỗ trợ quyết định. Bạn có thể rút yêu cầu trước đó. Vui lòng giữ lại ảnh và tin nhắn.'),
  ('charge_counts_renter', 'en', 'booking', 'A charge counts', '{{owed}} ({{charge}}) of booking {{code}} counts: {{captured}} was taken from the deposit, {{rest}} is left to pay.', 'Booking {{code}}: {{owed}} for {{charge}}', E'{{owed}} ({{charge}}) of booking {{code}} counts.\n\nTaken from the deposit: {{captured}}\nLeft to pay: {{rest}}\n{{decision}}\n\nWhat is left to pay is in the trip in the app, with its deadline.'),
  ('charge_counts_renter', 'vi', 'booking', 'Khoản phụ thu được tính', 'Khoản {{owed}} ({{charge}}) của đơn {{code}} được tính: đã trừ {{captured}} từ tiền cọc, còn phải trả {{rest}}.', 'Đơn {{code}}: {{owed}} cho {{charge}}', E'Khoản {{owed}} ({{charge}}) của đơn {{code}} được tính.\n\nĐã trừ từ tiền cọc: {{captured}}\nCòn phải trả: {{rest}}\n{{decision}}\n\nBạn có thể xem và thanh toán phần còn lại trong chuyến đi trên ứng dụng, trước hạn.');
insert into public.notification_templates (code, locale, category, title, body) values
  ('charge_counts_host', 'en', 'booking', 'Your charge counts', '{{owed}} ({{charge}}) of booking {{code}} counts: {{captured}} comes from the deposit, {{rest}} is to be paid by the renter.'),
  ('charge_counts_host', 'vi', 'booking', 'Khoản phụ thu được tính', 'Khoản {{owed}} ({{charge}}) của đơn {{code}} được tính: {{captured}} lấy từ tiền cọc, {{rest}} do khách thanh toán.'),
  ('charge_referred_renter', 'en', 'booking', 'Support decides on a charge', 'You did not answer {{amount}} ({{charge}}) of booking {{code}} in time. Support decides; you can still accept it.'),
  ('charge_referred_renter', 'vi', 'booking', 'Bộ phận hỗ trợ sẽ quyết định', 'Bạn chưa trả lời khoản {{amount}} ({{charge}}) của đơn {{code}} trong thời hạn. Bộ phận hỗ trợ sẽ quyết định; bạn vẫn có thể đồng ý.'),
  ('charge_late_host', 'en', 'booking', 'A late return', '{{vehicle}} came back late from booking {{code}}. {{amount}} was asked of the renter by the terms; withdraw it if you do not want it.'),
  ('charge_late_host', 'vi', 'booking', 'Khách trả xe trễ', '{{vehicle}} của đơn {{code}} được trả trễ. Hệ thống đã yêu cầu khách trả {{amount}} theo điều khoản; bạn có thể rút nếu không muốn thu.'),
  ('charge_withdrawn_renter', 'en', 'booking', 'A charge was withdrawn', 'The host withdrew {{amount}} ({{charge}}) of booking {{code}}. You owe nothing for it.'),
  ('charge_withdrawn_renter', 'vi', 'booking', 'Khoản phụ thu đã được rút', 'Chủ xe đã rút khoản {{amount}} ({{charge}}) của đơn {{code}}. Bạn không phải trả khoản này.'),
  ('charge_waived_renter', 'en', 'booking', 'The rest was let go', 'You need not pay the {{rest}} that was left of {{charge}} of booking {{code}}.'),
  ('charge_waived_renter', 'vi', 'booking', 'Phần còn lại được miễn', 'Bạn không phải trả {{rest}} còn lại của khoản {{charge}}, đơn {{code}}.'),
  ('charge_dismissed', 'en', 'booking', 'Support has decided', 'Support has decided that {{amount}} ({{charge}}) of booking {{code}} does not count: {{decision}}'),
  ('charge_dismissed', 'vi', 'booking', 'Bộ phận hỗ trợ đã quyết định', 'Bộ phận hỗ trợ quyết định không tính khoản {{amount}} ({{charge}}) của đơn {{code}}: {{decision}}'),
  ('charge_paid_host', 'en', 'booking', 'A charge was paid', 'The renter paid the {{rest}} that was left of {{charge}} of booking {{code}}.'),
  ('charge_paid_host', 'vi', 'booking', 'Khoản phụ thu đã được thanh toán', 'Khách đã thanh toán {{rest}} còn lại của khoản {{charge}}, đơn {{code}}.'),
  ('charge_unpaid_renter', 'en', 'booking', 'A charge is overdue', 'The {{rest}} left of {{charge}} of booking {{code}} was not paid in time. Contact support to settle it.'),
  ('charge_unpaid_renter', 'vi', 'booking', 'Khoản phụ thu quá hạn', 'Phần {{rest}} còn lại của khoản {{charge}}, đơn {{code}} chưa được thanh toán đúng hạn. Vui lòng liên hệ hỗ trợ để giải quyết.'),
  ('charge_unpaid_host', 'en', 'booking', 'A charge was not paid', 'The renter has not paid the {{rest}} left of {{charge}} of booking {{code}} in time. Support asks them.'),
  ('charge_unpaid_host', 'vi', 'booking', 'Khoản phụ thu chưa được thanh toán', 'Khách chưa thanh toán đúng hạn {{rest}} còn lại của khoản {{charge}}, đơn {{code}}. Bộ phận hỗ trợ sẽ liên hệ với khách.');

create function private.addressees(p_charge public.booking_charges)
returns private.addressee[]
language plpgsql stable set search_path = ''
as $$
begin
  return (select array[('renter', b.renter_id), ('host', b.host_id)]::private.addressee[] from public.bookings b where b.id = p_charge.booking_id);
end
$$;

create function private.notification_data(p_charge public.booking_charges)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_strip_nulls(jsonb_build_object(
      'booking_id', b.id, 'charge_id', p_charge.id, 'code', b.code, 'vehicle', v.title, 'charge_kind', p_charge.kind,
      'is_automatic', p_charge.is_automatic, 'by_silence', coalesce(private.audit_cause() = 'deadline', false),
      'has_rest', coalesce(p_charge.owed_amount > p_charge.captured_amount, false),
      'amount', private.money_value(p_charge.amount, p_charge.currency),
      'owed', private.money_value(p_charge.owed_amount, p_charge.currency),
      'captured', private.money_value(p_charge.captured_amount, p_charge.currency),
      'rest', private.money_value(p_charge.owed_amount - p_charge.captured_amount, p_charge.currency),
      'deadline', private.time_value(p_charge.answer_by, v.time_zone)))
      || jsonb_build_object('note', p_charge.note, 'objection', coalesce(p_charge.objection, ''), 'decision', coalesce(p_charge.decision, ''),
        'charge', (select jsonb_object_agg(l.locale, l.label) from private.receipt_labels l where l.code = 'charge_' || p_charge.kind))
    from public.bookings b join public.vehicles v on v.id = b.vehicle_id where b.id = p_charge.booking_id
  );
end
$$;

insert into private.notification_audiences (machine, audience) values ('charge', 'renter'), ('charge', 'host');
insert into private.notification_rules (machine, event, from_state, audience, template, channels, only_if) values
  ('charge', 'propose', null, 'renter', 'charge_proposed_renter', '{in_app,email}', '{}'),
  ('charge', 'propose', null, 'host', 'charge_late_host', '{in_app}', '{"is_automatic": true}'),
  ('charge', 'accept', null, 'renter', 'charge_counts_renter', '{in_app,email}', '{}'),
  ('charge', 'accept', null, 'host', 'charge_counts_host', '{in_app}', '{}'),
  ('charge', 'dispute', null, 'host', 'charge_disputed_host', '{in_app,email}', '{}'),
  ('charge', 'dispute', null, 'renter', 'charge_referred_renter', '{in_app}', '{"by_silence": true}'),
  ('charge', 'uphold', null, 'renter', 'charge_counts_renter', '{in_app,email}', '{}'),
  ('charge', 'uphold', null, 'host', 'charge_counts_host', '{in_app}', '{}'),
  ('charge', 'dismiss', null, 'renter', 'charge_dismissed', '{in_app}', '{}'),
  ('charge', 'dismiss', null, 'host', 'charge_dismissed', '{in_app}', '{}'),
  ('charge', 'withdraw', null, 'renter', 'charge_withdrawn_renter', '{in_app}', '{}'),
  ('charge', 'waive', null, 'renter', 'charge_waived_renter', '{in_app}', '{}'),
  ('charge', 'settle', null, 'host', 'charge_paid_host', '{in_app}', '{"has_rest": true}'),
  ('charge', 'settle_late', null, 'host', 'charge_paid_host', '{in_app}', '{}'),
  ('charge', 'lapse', null, 'renter', 'charge_unpaid_renter', '{in_app}', '{}'),
  ('charge', 'lapse', null, 'host', 'charge_unpaid_host', '{in_app}', '{}');

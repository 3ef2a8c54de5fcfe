-- Reports: who is told of what, in Vietnamese and English.
-- Rule kept here: a reporter hears how the own report ended, and not what was done; no text says who reported, or names whom it was about.
-- Left out on purpose: owners of vehicles, reviews and events and suspended people, whom the modules of these tell.

insert into public.notification_templates (code, locale, category, title, body) values
  ('report_upheld', 'en', 'report', 'You were right', 'We have looked into a report of yours and acted on it. Thank you.'),
  ('report_upheld', 'vi', 'report', 'Báo cáo của bạn đã được xử lý', 'Chúng tôi đã xem xét báo cáo của bạn và đã có biện pháp xử lý. Cảm ơn bạn.'),
  ('report_dismissed', 'en', 'report', 'Your report was looked into', 'We have looked into a report of yours, and found nothing against our rules. Write to support if we overlooked something.'),
  ('report_dismissed', 'vi', 'report', 'Báo cáo của bạn đã được xem xét', 'Chúng tôi đã xem xét báo cáo của bạn và không thấy vi phạm. Vui lòng nhắn cho bộ phận hỗ trợ nếu còn điều gì bị bỏ sót.'),
  ('message_hidden_sender', 'en', 'report', 'Your message was hidden', 'A message of yours was hidden from the conversation. Reason: {{reason}}. Write to support if you disagree.'),
  ('message_hidden_sender', 'vi', 'report', 'Tin nhắn của bạn bị ẩn', 'Một tin nhắn của bạn đã bị ẩn khỏi cuộc trò chuyện. Lý do: {{reason}}. Vui lòng nhắn cho bộ phận hỗ trợ nếu bạn không đồng ý.'),
  ('message_shown_sender', 'en', 'report', 'Your message is shown again', 'A message of yours that was hidden is shown again.'),
  ('message_shown_sender', 'vi', 'report', 'Tin nhắn của bạn đã hiển thị lại', 'Tin nhắn từng bị ẩn của bạn đã được hiển thị lại trong cuộc trò chuyện.');

create function private.addressees(p_report public.reports)
returns private.addressee[]
language plpgsql stable set search_path = ''
as $$
begin
  return array[('reporter', p_report.reporter_id)]::private.addressee[];
end
$$;
create function private.notification_data(p_report public.reports)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return jsonb_build_object('report_id', p_report.id, 'kind', p_report.kind);
end
$$;
insert into private.notification_audiences (machine, audience) values ('report', 'reporter');
insert into private.notification_rules (machine, event, from_state, audience, template, channels) values
  ('report', 'uphold', null, 'reporter', 'report_upheld', '{in_app}'),
  ('report', 'dismiss', null, 'reporter', 'report_dismissed', '{in_app}');

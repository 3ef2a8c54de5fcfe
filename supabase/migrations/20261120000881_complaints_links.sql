-- Complaints: what they have in modules whose files come later.
-- Rule kept here: a complaint has a conversation, which the transaction that opens it makes last.
-- Left out on purpose: what people write there.

alter table public.complaints
  add constraint complaints_conversation foreign key (conversation_id) references public.conversations on delete restrict deferrable initially deferred;

insert into public.conversation_texts (code, locale, text) values
  ('complaint_statement', 'en', '{{name}} has answered the complaint.'),
  ('complaint_statement', 'vi', '{{name}} đã phản hồi khiếu nại.'),
  ('complaint_in_review', 'en', '{{name}} of support looks into the complaint.'),
  ('complaint_in_review', 'vi', '{{name}} thuộc bộ phận hỗ trợ đang xem xét khiếu nại.'),
  ('complaint_resolved', 'en', 'Support has decided for the complaint. The reason is shown with it.'),
  ('complaint_resolved', 'vi', 'Bộ phận hỗ trợ đã chấp nhận khiếu nại. Lý do được ghi trong khiếu nại.'),
  ('complaint_rejected', 'en', 'Support has rejected the complaint. The reason is shown with it.'),
  ('complaint_rejected', 'vi', 'Bộ phận hỗ trợ đã từ chối khiếu nại. Lý do được ghi trong khiếu nại.'),
  ('complaint_withdrawn', 'en', '{{name}} has withdrawn the complaint.'),
  ('complaint_withdrawn', 'vi', '{{name}} đã rút khiếu nại.'),
  ('complaint_looked_at_again', 'en', 'Support looks into the complaint again.'),
  ('complaint_looked_at_again', 'vi', 'Bộ phận hỗ trợ đang xem xét lại khiếu nại.');

insert into private.notification_categories (code, position, name_en, name_vi, description_en, description_vi) values
  ('complaint', 57, 'Complaints', 'Khiếu nại', 'Complaints that you are a party of, and what is decided.', 'Khiếu nại mà bạn là một bên và kết quả giải quyết.');

-- Refunds: the texts of its notifications, in Vietnamese and English.
-- Rule kept here: every code exists in every locale; a change of wording is a new version.
-- Left out on purpose: when they are written, which the commands say.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('refund_paid_renter', 'en', 'payment', 'Money returned', '{{amount}} of {{code}} was returned to you.', 'Refund for {{code}}', E'{{amount}} of booking {{code}} was returned to you.'),
  ('refund_paid_renter', 'vi', 'payment', 'Đã hoàn tiền', '{{amount}} của đơn {{code}} đã được hoàn lại cho bạn.', 'Hoàn tiền đơn {{code}}', E'{{amount}} của đơn {{code}} đã được hoàn lại cho bạn.'),
  ('refund_needs_account', 'en', 'payment', 'Where shall we return your money?', '{{amount}} is yours to get back. Set your bank account to receive it.', 'Set your bank account to get your money back', E'{{amount}} is to be returned to you, and the way you paid cannot take it back.\n\nPlease set your bank account in the app; the money is sent there after its waiting time.'),
  ('refund_needs_account', 'vi', 'payment', 'Cần tài khoản để hoàn tiền', 'Bạn được hoàn {{amount}}. Vui lòng thêm tài khoản ngân hàng để nhận tiền.', 'Vui lòng thêm tài khoản ngân hàng để nhận hoàn tiền', E'Bạn được hoàn {{amount}}, nhưng phương thức đã thanh toán không hỗ trợ hoàn tiền.\n\nVui lòng thêm tài khoản ngân hàng trong ứng dụng; tiền sẽ được chuyển sau thời gian chờ.'),
  ('unmatched_returned', 'en', 'payment', 'Money returned', '{{amount}} that matched no payment was returned to you.', 'Your money was returned', E'{{amount}} that matched no payment of yours was returned to you.'),
  ('unmatched_returned', 'vi', 'payment', 'Đã hoàn tiền', '{{amount}} không khớp với khoản thanh toán nào đã được hoàn lại cho bạn.', 'Đã hoàn lại tiền cho bạn', E'{{amount}} không khớp với khoản thanh toán nào của bạn đã được hoàn lại.');

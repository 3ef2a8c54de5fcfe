-- Payments: who is notified of what, and the texts in Vietnamese and English.
-- Rule kept here: every code exists in every locale; a change of wording is a new version.
-- Left out on purpose: a part of the amount, which moves no state; the command that applies it notifies the payer.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('payment_unmatched', 'en', 'payment', 'We are checking your payment', 'We received {{amount}}, which is not the amount due. Our staff will check it.', null, null),
  ('payment_unmatched', 'vi', 'payment', 'Đang kiểm tra khoản tiền', 'Chúng tôi nhận được {{amount}}, không khớp với số tiền cần thanh toán. Nhân viên sẽ kiểm tra và xử lý.', null, null),
  ('payment_part_received', 'en', 'payment', 'Part of your payment received', 'We received {{amount}} for {{code}}. Please transfer the missing {{missing}}.', '{{code}}: {{missing}} is missing', E'We received {{amount}} for {{title}}, {{code}}.\n\nPlease transfer the missing {{missing}} with the same message before the time limit. Otherwise you get your money back.'),
  ('payment_part_received', 'vi', 'payment', 'Đã nhận một phần tiền', 'Chúng tôi đã nhận {{amount}} cho đơn {{code}}. Vui lòng chuyển thêm {{missing}}.', 'Đơn {{code}} còn thiếu {{missing}}', E'Chúng tôi đã nhận {{amount}} cho đơn {{code}}.\n\nVui lòng chuyển thêm {{missing}} với đúng nội dung chuyển khoản cũ trước khi hết hạn. Nếu không, đơn sẽ không được xác nhận và bạn được hoàn tiền.');

-- Payments: who is told of what, and the texts in Vietnamese and English.
-- Rule kept here: every code exists in every locale; a change of wording is a new version.
-- Left out on purpose: money that came moves no state of a payment until it is enough; the commands tell of it.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('payment_unmatched', 'en', 'payment', 'We received money we could not match', 'We received {{amount}} that does not match what was due. Our staff will settle it.', null, null),
  ('payment_unmatched', 'vi', 'payment', 'Khoản tiền chưa khớp', 'Chúng tôi nhận được {{amount}} không khớp với số phải trả. Nhân viên sẽ xử lý.', null, null),
  ('payment_part_received_renter', 'en', 'payment', 'Part of the payment has come', 'We received {{amount}} for {{code}}. {{missing}} is missing.', 'Booking {{code}}: {{missing}} is missing', E'We received {{amount}} for booking {{code}}.\n\n{{missing}} is missing. Please transfer it with the same content in time, or the booking is not confirmed and you get your money back.'),
  ('payment_part_received_renter', 'vi', 'payment', 'Đã nhận một phần thanh toán', 'Đã nhận {{amount}} cho đơn {{code}}. Còn thiếu {{missing}}.', 'Đơn {{code}}: còn thiếu {{missing}}', E'Chúng tôi đã nhận {{amount}} cho đơn {{code}}.\n\nCòn thiếu {{missing}}. Vui lòng chuyển khoản với cùng nội dung đúng hạn, nếu không đơn sẽ không được xác nhận và bạn được hoàn tiền.');

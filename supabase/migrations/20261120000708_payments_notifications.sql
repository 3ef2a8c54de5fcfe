-- Payments: the texts of its notifications, in Vietnamese and English.
-- Rule kept here: every code exists in every locale; a change of wording is a new version.
-- Left out on purpose: when they are written, which the commands say.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('payment_late_refunded_renter', 'en', 'payment', 'Payment came too late', 'The slot of {{code}} was gone when your payment came. {{total}} is on its way back.', 'Your payment for {{code}} is being returned', E'Your payment for {{vehicle}} came after the hold had ended, and the slot was gone.\n\n{{total}} is on its way back to you.'),
  ('payment_late_refunded_renter', 'vi', 'payment', 'Thanh toán quá hạn', 'Đơn {{code}} không còn chỗ khi nhận được thanh toán. {{total}} đang được hoàn lại.', 'Đang hoàn tiền đơn {{code}}', E'Thanh toán cho {{vehicle}} đến sau khi hết thời gian giữ chỗ và xe đã có người đặt.\n\n{{total}} đang được hoàn lại cho bạn.'),
  ('payment_unmatched', 'en', 'payment', 'We received money we could not match', 'We received {{amount}} that does not match what was due. Our staff will settle it.', null, null),
  ('payment_unmatched', 'vi', 'payment', 'Khoản tiền chưa khớp', 'Chúng tôi nhận được {{amount}} không khớp với số phải trả. Nhân viên sẽ xử lý.', null, null),
  ('payment_part_received_renter', 'en', 'payment', 'Part of the payment has come', 'We received {{amount}} for {{code}}. {{missing}} is missing.', 'Booking {{code}}: {{missing}} is missing', E'We received {{amount}} for booking {{code}}.\n\n{{missing}} is missing. Please transfer it with the same content in time, or the booking is not confirmed and you get your money back.'),
  ('payment_part_received_renter', 'vi', 'payment', 'Đã nhận một phần thanh toán', 'Đã nhận {{amount}} cho đơn {{code}}. Còn thiếu {{missing}}.', 'Đơn {{code}}: còn thiếu {{missing}}', E'Chúng tôi đã nhận {{amount}} cho đơn {{code}}.\n\nCòn thiếu {{missing}}. Vui lòng chuyển khoản với cùng nội dung đúng hạn, nếu không đơn sẽ không được xác nhận và bạn được hoàn tiền.');

-- Receipts: who is notified of what, and the texts in Vietnamese and English.
-- Rule kept here: every code exists in every locale; a change of wording is a new version.
-- Left out on purpose: receipts have no states; the command that issues one notifies the payer.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('receipt_issued', 'en', 'payment', 'Receipt {{number}}', 'Your receipt for {{code}} over {{total}} is ready.', 'Receipt {{number}} for {{code}}', E'Receipt {{number}}\n{{title}}, {{code}}\nCustomer: {{buyer}}\n\n{{summary}}\n\nTotal: {{total}}\n\nWhat we only keep for you, such as a deposit, is not included. You can print the receipt in the app.'),
  ('receipt_issued', 'vi', 'payment', 'Biên nhận {{number}}', 'Đã có biên nhận {{total}} cho đơn {{code}}.', 'Biên nhận {{number}} cho đơn {{code}}', E'Biên nhận {{number}}\n{{title}}, đơn {{code}}\nKhách hàng: {{buyer}}\n\n{{summary}}\n\nTổng cộng: {{total}}\n\nBiên nhận không gồm các khoản chúng tôi chỉ giữ hộ, như tiền cọc. Bạn có thể in biên nhận trong ứng dụng.'),
  ('credit_note_issued', 'en', 'payment', 'Credit note {{number}}', 'Your credit note for {{code}} over {{total}} is ready.', 'Credit note {{number}} for {{code}}', E'Credit note {{number}}\n{{title}}, {{code}}\nCustomer: {{buyer}}\n\n{{summary}}\n\nTotal: {{total}}\n\nYou can print it in the app.'),
  ('credit_note_issued', 'vi', 'payment', 'Biên nhận điều chỉnh {{number}}', 'Đã có biên nhận điều chỉnh {{total}} cho đơn {{code}}.', 'Biên nhận điều chỉnh {{number}} cho đơn {{code}}', E'Biên nhận điều chỉnh {{number}}\n{{title}}, đơn {{code}}\nKhách hàng: {{buyer}}\n\n{{summary}}\n\nTổng cộng: {{total}}\n\nBạn có thể in trong ứng dụng.');

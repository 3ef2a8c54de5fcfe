-- Receipts: who is told of what, and the texts in Vietnamese and English.
-- Rule kept here: every code exists in every locale; a change of wording is a new version.
-- Left out on purpose: receipts have no states; whoever issues one tells of it.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('receipt_issued', 'en', 'payment', 'Receipt {{number}}', 'Your receipt for {{code}}: {{total}}.', 'Receipt {{number}} for booking {{code}}', E'Receipt {{number}}\nBooking {{code}}\n\n{{summary}}\n\nTotal: {{total}}\n\nA security deposit is held, not sold, and is not part of it. You can print the receipt in the app.'),
  ('receipt_issued', 'vi', 'payment', 'Biên nhận {{number}}', 'Biên nhận cho đơn {{code}}: {{total}}.', 'Biên nhận {{number}} cho đơn {{code}}', E'Biên nhận {{number}}\nĐơn {{code}}\n\n{{summary}}\n\nTổng cộng: {{total}}\n\nTiền cọc chỉ được giữ hộ nên không nằm trong biên nhận. Bạn có thể in biên nhận trong ứng dụng.'),
  ('credit_note_issued', 'en', 'payment', 'Credit note {{number}}', 'Your credit note for {{code}}: {{total}}.', 'Credit note {{number}} for booking {{code}}', E'Credit note {{number}}\nBooking {{code}}\n\n{{summary}}\n\nTotal: {{total}}\n\nYou can print it in the app.'),
  ('credit_note_issued', 'vi', 'payment', 'Biên nhận điều chỉnh {{number}}', 'Biên nhận điều chỉnh cho đơn {{code}}: {{total}}.', 'Biên nhận điều chỉnh {{number}} cho đơn {{code}}', E'Biên nhận điều chỉnh {{number}}\nĐơn {{code}}\n\n{{summary}}\n\nTổng cộng: {{total}}\n\nBạn có thể in trong ứng dụng.');

-- Vehicles: the texts of its notifications, in Vietnamese and English.
-- Rule kept here: every code exists in every locale; a change of wording is a new version.
-- Left out on purpose: when they are written, which the commands say.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('vehicle_published', 'en', 'listing', 'Listing published', '{{title}} is open for booking.', null, null),
  ('vehicle_published', 'vi', 'listing', 'Tin đăng đã được duyệt', '{{title}} đã nhận đặt.', null, null),
  ('vehicle_rejected', 'en', 'listing', 'Listing needs changes', '{{title}}: {{reason}}', null, null),
  ('vehicle_rejected', 'vi', 'listing', 'Tin đăng cần chỉnh sửa', '{{title}}: {{reason}}', null, null),
  ('vehicle_suspended', 'en', 'listing', 'Listing suspended', '{{title}}: {{reason}}', 'Your listing was suspended', E'{{title}} was suspended: {{reason}}'),
  ('vehicle_suspended', 'vi', 'listing', 'Tin đăng bị tạm ngưng', '{{title}}: {{reason}}', 'Tin đăng của bạn bị tạm ngưng', E'{{title}} bị tạm ngưng: {{reason}}');

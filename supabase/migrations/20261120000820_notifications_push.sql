-- Notifications: pushes to phones and browsers.
-- Rule kept here: a push that a push service took has not arrived yet; where the service tells later what became of it, it is
-- asked, and a device that it no longer knows ends.
-- Left out on purpose: which pushes are sent, and to which devices (notifications_sending, identity_devices).

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('web_push_unavailable', 503, false, 'Push notifications in browsers are switched off here. Use the app, or read your notifications on the website.', 'Thông báo đẩy trên trình duyệt hiện chưa được bật. Vui lòng dùng ứng dụng hoặc xem thông báo trên trang web.');

-- Waiting rooms: their errors, limits and settings, in the registries of foundation.
-- Rule kept here: what waiting rooms add to a shared registry is in files of their own name.
-- Left out on purpose: states, which are beside the tables that have them.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('waiting_room_off', 409, false, 'This event has no waiting room now. Order tickets directly.', 'Sự kiện này hiện không có phòng chờ. Bạn có thể đặt vé trực tiếp.'),
  ('waiting_room_closed', 409, false, 'This event is sold out, and its waiting room is closed.', 'Sự kiện đã bán hết vé và phòng chờ đã đóng.'),
  ('waiting_room_opened', 409, false, 'This waiting room has opened already, so its opening cannot be moved.', 'Phòng chờ đã mở nên không thể dời thời điểm mở.'),
  ('no_queue_place', 404, false, 'You have no place in this queue. Join it first.', 'Bạn chưa có chỗ trong hàng chờ này. Vui lòng vào hàng chờ trước.'),
  ('admission_over', 409, false, 'Your turn is over or was used already. Join the queue again.', 'Lượt mua của bạn đã hết hạn hoặc đã được dùng. Vui lòng vào lại hàng chờ.');

insert into private.rate_limits (action, capacity, per_minute) values
  -- joining is free, because a person has one place in each queue; joining again takes a new number
  ('rejoin_queue', 10, 2),
  ('manage_waiting_room', 60, 60),
  ('waiting_room_analytics', 60, 60);

alter table private.settings
  add constraint settings_queue_grace_seconds check (key <> 'queue_grace_seconds' or private.is_whole(value, 270, 3600)),
  add constraint settings_admission_minutes check (key <> 'admission_minutes' or private.is_whole(value, 1, 60));
insert into private.settings (key, value, description) values
  ('queue_grace_seconds', '300', 'Seconds without a sign of life after which a place in a queue is lost, at least 270: a locked phone may be silent for four minutes.'),
  ('admission_minutes', '15', 'Minutes in which somebody who was admitted must begin the order, and then complete it.');

-- Bookings: its codes, in the registries of foundation.
-- Rule kept here: what bookings adds to a shared registry stands in files of its own name.
-- Left out on purpose: states, which stand beside the table that has them.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('booking_not_found', 404, false, 'There is no such booking.', 'Không tìm thấy đơn đặt xe.'),
  ('booking_not_cancellable', 409, false, 'The booking can no longer be cancelled.', 'Đơn không thể hủy nữa.'),
  ('inspection_incomplete', 409, false, 'The inspection lacks what is named in details.missing.', 'Biên bản kiểm tra xe chưa đủ.'),
  ('too_early', 409, false, 'It is too early for this.', 'Chưa đến thời điểm thực hiện.'),
  ('hold_expired', 409, false, 'The hold on this slot has expired.', 'Thời gian giữ chỗ đã hết.');

-- Vehicles: its errors, limits, settings and upload purposes, in the registries of foundation.
-- Rule kept here: what vehicles adds to a shared registry stands in files of its own name.
-- Left out on purpose: states, which stand beside the table that has them.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('period_invalid', 400, false, 'The end must come after the start.', 'Thời gian kết thúc phải sau thời gian bắt đầu.'),
  ('period_in_past', 400, false, 'The period starts in the past.', 'Thời gian bắt đầu đã qua.'),
  ('period_too_short', 400, false, 'The period is shorter than the listing allows.', 'Thời gian thuê quá ngắn.'),
  ('period_too_long', 400, false, 'The period is longer than the listing allows.', 'Thời gian thuê quá dài.'),
  ('notice_too_short', 400, false, 'The host needs more notice before the start.', 'Cần đặt trước sớm hơn.'),
  ('vehicle_not_found', 404, false, 'There is no such vehicle.', 'Không tìm thấy xe.'),
  ('vehicle_not_published', 409, false, 'This vehicle is not open for booking.', 'Xe hiện không nhận đặt.'),
  ('vehicle_unavailable', 409, false, 'The vehicle is taken for all or part of this period.', 'Xe đã có người đặt trong thời gian này.'),
  ('vehicle_incomplete', 409, false, 'The listing lacks what is named in details.missing.', 'Tin đăng xe chưa đủ thông tin.'),
  ('vehicle_changed', 409, false, 'The host changed this listing after you opened it. Look at it again and decide.', 'Chủ xe đã sửa tin đăng sau khi bạn mở. Vui lòng xem lại rồi quyết định.'),
  ('plate_taken', 409, false, 'Another listing already uses this number plate. Check the plate; if it is right, contact support.', 'Biển số này đã có ở một tin đăng khác. Vui lòng kiểm tra lại biển số hoặc liên hệ hỗ trợ.'),
  ('own_vehicle', 403, false, 'You cannot rent your own vehicle.', 'Bạn không thể thuê xe của chính mình.');

insert into private.rate_limits (action, capacity, per_minute) values
  ('create_vehicle', 20, 10);

alter table private.settings
  add constraint settings_booking_horizon_days check (key <> 'booking_horizon_days' or private.is_whole(value, 1, 1095)),
  add constraint settings_fuzz_metres check (key <> 'fuzz_metres' or (
    private.is_whole(value -> 'min', 1, 10000) and private.is_whole(value -> 'max', 1, 10000) and value -> 'min' <= value -> 'max'
  ));
insert into private.settings (key, value, description) values
  ('booking_horizon_days', '365', 'Days: how far ahead a booking may start.'),
  ('fuzz_metres', '{"min": 150, "max": 400}', 'Metres: how far the public point of a listing is from its true place. It changes when the listing moves.');

insert into private.media_purposes (purpose, bucket, max_bytes, mime_types, per_day) values
  ('vehicle_image', 'vehicle-images', 10485760, '{image/jpeg,image/png,image/webp}', 200);

-- Vehicles: its errors, limits, settings and upload purposes, in the registries of foundation.
-- Rule kept here: what vehicles adds to a shared registry is in files of its own name.
-- Left out on purpose: states, which are beside the table that has them.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('period_invalid', 400, false, 'The end is not after the start. Choose a later end.', 'Giờ trả xe phải sau giờ nhận xe. Vui lòng chọn lại.'),
  ('period_in_past', 400, false, 'The start is in the past. Choose a later start.', 'Giờ nhận xe đã qua. Vui lòng chọn giờ khác.'),
  ('period_too_short', 400, false, 'This vehicle cannot be rented for such a short time. Choose a longer period.', 'Thời gian thuê ngắn hơn mức tối thiểu của xe này. Vui lòng chọn thời gian dài hơn.'),
  ('period_too_long', 400, false, 'This vehicle cannot be rented for such a long time. Choose a shorter period.', 'Thời gian thuê vượt quá mức tối đa của xe này. Vui lòng chọn thời gian ngắn hơn.'),
  ('notice_too_short', 400, false, 'The host needs more time before the start. Choose a later start.', 'Chủ xe cần thêm thời gian chuẩn bị. Vui lòng chọn giờ nhận xe muộn hơn.'),
  ('vehicle_not_found', 404, false, 'We could not find this vehicle. Choose another one.', 'Không tìm thấy xe này. Vui lòng chọn xe khác.'),
  ('vehicle_not_published', 409, false, 'This vehicle cannot be booked now. Choose another one.', 'Xe này hiện không nhận đặt. Vui lòng chọn xe khác.'),
  ('vehicle_unavailable', 409, false, 'The vehicle is not free for this whole period. Choose another time or vehicle.', 'Xe đã có lịch trong khoảng thời gian này. Vui lòng chọn thời gian hoặc xe khác.'),
  ('already_held', 409, false, 'You already hold this vehicle for this time. Open that booking to pay or cancel it; details.booking_id names it.', 'Bạn đang giữ chỗ xe này trong khoảng thời gian đó. Vui lòng mở đơn đó để thanh toán hoặc hủy.'),
  ('vehicle_incomplete', 409, false, 'The listing is not complete. Add what details.missing names.', 'Tin đăng còn thiếu thông tin. Vui lòng bổ sung các mục được nêu trong chi tiết.'),
  ('vehicle_changed', 409, false, 'The host changed this listing after you opened it. Look at it again and decide.', 'Chủ xe đã sửa tin đăng sau khi bạn mở. Vui lòng xem lại rồi quyết định.'),
  -- only an admin meets it: a person must not learn which plates are offered here
  ('plate_taken', 409, false, 'Another listing with this number plate is offered; details.vehicle_id names it. Archive it or reject this one.', 'Một tin đăng khác đang có biển số này; details.vehicle_id cho biết tin đăng đó. Vui lòng gỡ tin đăng đó hoặc từ chối tin đăng này.'),
  ('own_vehicle', 403, false, 'You cannot rent your own vehicle. Choose another one.', 'Bạn không thể thuê xe của chính mình. Vui lòng chọn xe khác.');

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
  ('vehicle_image', 'vehicle-images', 10485760, '{image/jpeg,image/png,image/webp,image/heic}', 200);

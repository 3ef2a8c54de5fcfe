-- Identity: its errors, limits and upload purposes, in the registries of foundation.
-- Rule kept here: what identity adds to a shared registry is in files of its own name.
-- Left out on purpose: bank accounts, which register theirs beside their tables.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('licence_required', 403, false, 'You need a verified driver licence to book. Submit your licence first.', 'Bạn cần có giấy phép lái xe đã xác minh để đặt xe. Vui lòng gửi giấy phép trước.'),
  ('licence_class_mismatch', 403, false, 'Your driver licence does not cover this vehicle. Choose another vehicle or submit a licence that covers it.', 'Hạng giấy phép lái xe của bạn không phù hợp với xe này. Vui lòng chọn xe khác hoặc gửi giấy phép có hạng phù hợp.'),
  ('licence_holder_too_young', 403, false, 'You are not old enough on the first day of this trip. Choose another vehicle or a later trip.', 'Bạn chưa đủ tuổi lái xe này vào ngày nhận xe. Vui lòng chọn xe khác hoặc thời gian muộn hơn.'),
  ('licence_expires_early', 403, false, 'Your driver licence expires before the trip ends. Submit a renewed licence or choose an earlier trip.', 'Giấy phép lái xe của bạn hết hạn trước khi chuyến đi kết thúc. Vui lòng gửi giấy phép mới hoặc chọn thời gian sớm hơn.'),
  -- only an admin meets it: a person must not learn whether somebody else has a number
  ('licence_taken', 409, false, 'Another account has a verified licence with this number; details.licence_id names it. Reject one of the two.', 'Một tài khoản khác đã có giấy phép được xác minh với số này; details.licence_id cho biết giấy phép đó. Vui lòng từ chối một trong hai.');

insert into private.rate_limits (action, capacity, per_minute) values
  ('submit_licence', 5, 1);

insert into private.media_purposes (purpose, bucket, max_bytes, mime_types, per_day) values
  ('avatar', 'avatars', 5242880, '{image/jpeg,image/png,image/webp,image/heic}', 20),
  ('licence', 'licences', 10485760, '{image/jpeg,image/png,image/webp,image/heic}', 20);

-- Identity: its errors, limits and upload purposes, in the registries of foundation.
-- Rule kept here: what identity adds to a shared registry stands in files of its own name.
-- Left out on purpose: bank accounts, which register theirs beside their tables.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('licence_required', 403, false, 'A verified driver licence is needed.', 'Cần giấy phép lái xe đã được xác minh.'),
  ('licence_class_mismatch', 403, false, 'Your licence does not cover this vehicle class.', 'Hạng bằng lái không phù hợp với xe.'),
  ('licence_expires_early', 403, false, 'Your licence must be valid through the end of the trip.', 'Bằng lái hết hạn trước khi kết thúc chuyến đi.'),
  ('licence_taken', 409, false, 'This licence number is registered to another account.', 'Số giấy phép lái xe đã được đăng ký.');

insert into private.rate_limits (action, capacity, per_minute) values
  ('submit_licence', 5, 1);

insert into private.media_purposes (purpose, bucket, max_bytes, mime_types, per_day) values
  ('avatar', 'avatars', 5242880, '{image/jpeg,image/png,image/webp}', 20),
  ('licence', 'licences', 10485760, '{image/jpeg,image/png,image/webp}', 20);

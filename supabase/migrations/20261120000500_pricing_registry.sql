-- Pricing: its codes, in the registries of foundation.
-- Rule kept here: what pricing adds to a shared registry stands in files of its own name.
-- Left out on purpose: what a quote refuses of a vehicle or a driver, which their modules register.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('quote_not_found', 404, false, 'There is no such quote.', 'Không tìm thấy báo giá.'),
  ('quote_expired', 409, false, 'The quote has expired; ask for a new one.', 'Báo giá đã hết hạn.'),
  ('quote_used', 409, false, 'This quote already made a booking.', 'Báo giá đã được sử dụng.');

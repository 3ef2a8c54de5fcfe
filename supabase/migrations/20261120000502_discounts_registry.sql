-- Discounts: its errors, limits and states, in the registries of foundation.
-- Rule kept here: a person who does not know a code learns nothing of it. A code that is unknown, paused, over, or for something
-- else has one answer, and each such answer costs a token of guessing.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('discount_not_found', 404, false, 'This code cannot be used here. Check how it is written, and what it is for.', 'Không dùng được mã này ở đây. Vui lòng kiểm tra lại mã và điều kiện áp dụng.'),
  ('discount_used_up', 409, false, 'This code has been used as often as it can be. Go on without it, or try another.', 'Mã này đã hết lượt sử dụng. Vui lòng tiếp tục không dùng mã hoặc thử mã khác.'),
  ('discount_already_used', 409, false, 'You have used this code as often as one person may. Go on without it, or try another.', 'Bạn đã dùng hết số lượt của mã này. Vui lòng tiếp tục không dùng mã hoặc thử mã khác.'),
  ('discount_first_only', 409, false, 'This code is for a first booking or order, and you have one. Go on without it, or try another.', 'Mã này chỉ dành cho đơn đầu tiên và bạn đã có đơn trước đó. Vui lòng tiếp tục không dùng mã hoặc thử mã khác.'),
  ('discount_below_minimum', 409, false, 'This code needs a higher price. Details name the least amount.', 'Đơn chưa đạt giá trị tối thiểu để dùng mã này. Vui lòng xem mức tối thiểu trong chi tiết.'),
  ('discount_code_taken', 409, false, 'There is a discount with this code. Choose another code.', 'Đã có ưu đãi dùng mã này. Vui lòng chọn mã khác.');

-- the first has the name of its refusal, so each refusal costs a token of it (private.refuse)
insert into private.rate_limits (action, capacity, per_minute) values
  ('discount_not_found', 10, 2);

insert into private.transitions (machine, from_state, event, to_state) values
  ('discount', 'initial', 'create', 'active'),
  ('discount', 'active', 'pause', 'paused'),
  ('discount', 'paused', 'resume', 'active'),
  ('discount_redemption', 'initial', 'reserve', 'reserved'),
  ('discount_redemption', 'reserved', 'redeem', 'redeemed'),
  ('discount_redemption', 'reserved', 'release', 'released'),
  ('discount_redemption', 'redeemed', 'release', 'released'),
  ('discount_redemption', 'released', 'redeem_late', 'redeemed');

insert into private.receipt_labels (code, locale, label) values
  ('discount', 'en', 'Discount'), ('discount', 'vi', 'Mã giảm giá');

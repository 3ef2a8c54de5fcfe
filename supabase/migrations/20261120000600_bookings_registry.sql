-- Bookings: its errors, limits, settings and upload purposes, in the registries of foundation.
-- Rule kept here: what bookings adds to a shared registry is in files of its own name.
-- Left out on purpose: states, which are beside the table that has them.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('booking_not_found', 404, false, 'We could not find this booking. Reload your bookings.', 'Không tìm thấy đơn đặt xe này. Vui lòng tải lại danh sách đơn.'),
  ('booking_not_cancellable', 409, false, 'This booking can no longer be cancelled. Contact support if you need help.', 'Đơn đặt xe này không thể hủy được nữa. Vui lòng liên hệ hỗ trợ nếu bạn cần giúp đỡ.'),
  ('too_many_open_bookings', 409, false, 'You have too many bookings that wait for payment or for an answer. Pay or cancel one of them first.', 'Bạn đang có quá nhiều đơn chờ thanh toán hoặc chờ phản hồi. Vui lòng thanh toán hoặc hủy bớt một đơn trước.'),
  ('too_many_days_held', 409, false, 'You hold this vehicle for too many days without paying. Pay or cancel one of those bookings first.', 'Bạn đang giữ xe này quá nhiều ngày mà chưa thanh toán. Vui lòng thanh toán hoặc hủy bớt một đơn trước.'),
  ('vehicle_suspended', 409, false, 'This vehicle was suspended, so the trip cannot go ahead for now. Cancel the booking, or wait until the vehicle is offered again.', 'Xe này đang bị tạm ngưng nên chuyến đi chưa thể thực hiện. Vui lòng hủy đơn hoặc chờ đến khi xe được hoạt động trở lại.'),
  ('party_suspended', 409, false, 'The account of one side of this booking is suspended, so the trip cannot go ahead for now. Cancel the booking or contact support.', 'Tài khoản của một bên trong đơn này đang bị tạm khóa nên chuyến đi chưa thể thực hiện. Vui lòng hủy đơn hoặc liên hệ hỗ trợ.'),
  ('renter_licence_invalid', 409, false, 'The renter has no verified driver licence for this trip. The renter must submit one first.', 'Khách thuê không có giấy phép lái xe đã xác minh phù hợp với chuyến đi này. Khách cần gửi giấy phép trước.'),
  ('refund_changed', 409, false, 'The refund for this booking has changed. Look at the new amount in details.preview and decide again.', 'Số tiền hoàn của đơn này đã thay đổi. Vui lòng xem số tiền mới rồi quyết định lại.'),
  ('inspection_incomplete', 409, false, 'The inspection is not complete. Add the photos that details.missing names.', 'Biên bản kiểm tra xe còn thiếu ảnh. Vui lòng chụp thêm các góc được nêu trong chi tiết.'),
  ('inspection_open', 409, false, 'The last check-in or check-out waits for an answer. Let the other side confirm it, or try again after details.counts_at.', 'Biên bản giao nhận xe đang chờ xác nhận. Vui lòng đợi bên kia xác nhận hoặc thử lại khi hết hạn.'),
  ('trip_over', 409, false, 'The booked time is over, so the vehicle can no longer be handed over. Book it again or contact support.', 'Đã hết thời gian thuê nên không thể giao xe nữa. Vui lòng đặt lại hoặc liên hệ hỗ trợ.'),
  ('vehicle_not_returned', 409, false, 'This vehicle has not come back from its last trip yet. The host must record or confirm that return first.', 'Xe này chưa được trả từ chuyến trước. Chủ xe cần ghi nhận hoặc xác nhận việc trả xe trước.'),
  ('too_early', 409, false, 'It is too early for this. Try again from the time in details.from.', 'Chưa đến giờ thực hiện thao tác này. Vui lòng thử lại sau.'),
  ('hold_expired', 409, false, 'The time limit of this booking has passed. A new booking is needed.', 'Đơn này đã quá thời hạn. Cần đặt xe lại.');

insert into private.rate_limits (action, capacity, per_minute) values
  ('create_booking', 20, 20),
  -- of one renter to one host: each request, and its cancellation, is a mail to the host
  ('request_to_host', 5, 0.0833);

-- Steps [{lead_hours, minutes}], the first of them for every lead time.
create function private.are_pay_steps(p_value jsonb)
returns boolean
language sql immutable set search_path = ''
as $$
  select coalesce(bool_and(private.is_whole(s -> 'lead_hours', 0, 8760) and private.is_whole(s -> 'minutes', 5, 2880))
    and bool_or(s -> 'lead_hours' = '0'), false)
  from jsonb_array_elements(case when jsonb_typeof(p_value) = 'array' then p_value else '[]' end) s
$$;

alter table private.settings
  -- not more than bookings_open_number_range allows
  add constraint settings_max_open_bookings check (key <> 'max_open_bookings' or private.is_whole(value, 1, 20)),
  add constraint settings_max_days_held check (key <> 'max_days_held' or private.is_whole(value, 1, 365)),
  add constraint settings_pay_steps check (key <> 'pay_steps' or private.are_pay_steps(value)),
  add constraint settings_hold_minutes check (key <> 'hold_minutes' or private.is_whole(value, 1, 1440)),
  add constraint settings_check_in_answer_hours check (key <> 'check_in_answer_hours' or private.is_whole(value, 1, 24)),
  add constraint settings_check_out_answer_hours check (key <> 'check_out_answer_hours' or private.is_whole(value, 1, 168)),
  add constraint settings_overdue_hours check (key <> 'overdue_hours' or private.is_whole(value, 1, 168)),
  add constraint settings_unattended_hours check (key <> 'unattended_hours' or private.is_whole(value, 1, 720)),
  add constraint settings_evidence_minutes check (key <> 'evidence_minutes' or private.is_whole(value, 1, 1440)),
  add constraint settings_evidence_metres check (key <> 'evidence_metres' or private.is_whole(value, 10, 10000)),
  add constraint settings_claim_window_hours check (key <> 'claim_window_hours' or private.is_whole(value, 1, 720));
insert into private.settings (key, value, description) values
  ('hold_minutes', '15', 'Minutes: how long a booking keeps its slot while the renter pays.'),
  ('max_open_bookings', '5', 'Bookings of one renter that wait for payment or for the host''s answer at one time, at most 20.'),
  ('max_days_held', '30', 'Days: for how long in all one renter may hold one vehicle unpaid by several bookings. One booking alone may be as long as the listing allows.'),
  ('pay_steps', '[{"lead_hours": 0, "minutes": 15}, {"lead_hours": 6, "minutes": 60}, {"lead_hours": 24, "minutes": 240}, {"lead_hours": 72, "minutes": 720}, {"lead_hours": 168, "minutes": 1440}]',
    'Steps: a renter whose request is accepted at least lead_hours before the start has this many minutes to pay, and never longer than until the start. The renter may be asleep when the host accepts.'),
  ('check_in_answer_hours', '2', 'Hours that the other side has to answer a check-in, from the booked start on. Without an answer it counts then, and at the latest at the booked end.'),
  ('check_out_answer_hours', '24', 'Hours that the other side has to answer a check-out, from the booked end on. Without an answer it counts then.'),
  ('overdue_hours', '24', 'Hours: while a vehicle is not back after its booked end, trips that begin within so many hours from now are not offered.'),
  ('unattended_hours', '48', 'Hours after the booked end at which a paid trip that nobody checked in is completed as driven.'),
  ('evidence_minutes', '30', 'Minutes: a photo that was taken so long before its inspection was recorded at most is said to be taken in time.'),
  ('evidence_metres', '300', 'Metres: a photo that was taken so far from where the vehicle is at most is said to be taken nearby.'),
  ('claim_window_hours', '24', 'Hours in which the host may claim, from the return on which both sides agree and from the booked end at the earliest; then the deposit is returned and the rent becomes payable.');

insert into private.media_purposes (purpose, bucket, max_bytes, mime_types, per_day, is_evidence) values
  ('inspection', 'inspections', 10485760, '{image/jpeg,image/png,image/webp,image/heic}', 200, true);

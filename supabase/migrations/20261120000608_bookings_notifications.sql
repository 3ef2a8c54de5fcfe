-- Bookings: who is notified of what, and the texts in Vietnamese and English.
-- Rule kept here: every code exists in every locale; a change of wording is a new version.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('booking_requested_host', 'en', 'booking', 'New booking request', 'Someone wants to rent {{vehicle}} from {{period}}. Please accept or decline.', 'New booking request {{code}}', E'Someone wants to rent {{vehicle}} from {{period}}.\n\nPlease accept or decline booking {{code}} in the app.'),
  ('booking_requested_host', 'vi', 'booking', 'Có yêu cầu đặt xe mới', 'Có khách muốn thuê {{vehicle}} từ {{period}}. Vui lòng chấp nhận hoặc từ chối.', 'Yêu cầu đặt xe mới {{code}}', E'Có khách muốn thuê {{vehicle}} từ {{period}}.\n\nVui lòng chấp nhận hoặc từ chối đơn {{code}} trong ứng dụng.'),
  ('booking_declined_renter', 'en', 'booking', 'Request declined', 'The host cannot accept your booking {{code}}. Please choose another vehicle or time.', null, null),
  ('booking_declined_renter', 'vi', 'booking', 'Yêu cầu bị từ chối', 'Chủ xe không thể nhận đơn {{code}}. Vui lòng chọn xe hoặc thời gian khác.', null, null),
  ('booking_confirmed_renter', 'en', 'booking', 'Booking confirmed', '{{vehicle}} is booked for you from {{period}}.', 'Booking {{code}} confirmed', E'Your booking {{code}} is confirmed.\n\n{{vehicle}}\n{{period}}\nPaid: {{total}}'),
  ('booking_confirmed_renter', 'vi', 'booking', 'Đặt xe thành công', 'Bạn đã đặt {{vehicle}} từ {{period}}.', 'Đơn đặt xe {{code}} đã được xác nhận', E'Đơn đặt xe {{code}} của bạn đã được xác nhận.\n\n{{vehicle}}\nTừ {{period}}\nĐã thanh toán: {{total}}'),
  ('booking_confirmed_host', 'en', 'booking', 'New booking', '{{vehicle}} is booked from {{period}}.', 'New booking {{code}}', E'{{vehicle}} is booked and paid.\n\n{{period}}\nBooking {{code}}'),
  ('booking_confirmed_host', 'vi', 'booking', 'Có đơn đặt xe mới', '{{vehicle}} đã được đặt từ {{period}}.', 'Đơn đặt xe mới {{code}}', E'{{vehicle}} đã được đặt và thanh toán.\n\nTừ {{period}}\nMã đơn: {{code}}'),
  ('booking_unanswered_renter', 'en', 'booking', 'Request expired', 'The host did not answer your booking request {{code}} in time. You were not charged. Please choose another vehicle or time.', null, null),
  ('booking_unanswered_renter', 'vi', 'booking', 'Yêu cầu đặt xe đã hết hạn', 'Chủ xe chưa phản hồi yêu cầu {{code}} trong thời hạn. Bạn không bị trừ tiền. Vui lòng chọn xe hoặc thời gian khác.', null, null),
  ('booking_unpaid_renter', 'en', 'booking', 'Booking expired', 'The payment for booking {{code}} was not completed in time. Please book again if you still want the vehicle.', null, null),
  ('booking_unpaid_renter', 'vi', 'booking', 'Đơn đặt xe đã hết hạn', 'Đơn {{code}} chưa được thanh toán đủ trong thời hạn. Nếu vẫn muốn thuê xe, vui lòng đặt lại.', null, null),
  ('booking_refused_suspended_renter', 'en', 'booking', 'Booking not confirmed', 'Your payment came, but {{vehicle}} was suspended. Booking {{code}} has ended, and your money goes back to you. Please choose another vehicle.', null, null),
  ('booking_refused_suspended_renter', 'vi', 'booking', 'Đơn đặt xe không thành công', 'Chúng tôi đã nhận thanh toán, nhưng {{vehicle}} đang bị tạm ngưng. Đơn {{code}} đã kết thúc và chúng tôi đang hoàn lại tiền cho bạn. Vui lòng chọn xe khác.', null, null),
  ('booking_refused_party_renter', 'en', 'booking', 'Booking not confirmed', 'Your payment came, but an account of this booking is suspended. Booking {{code}} has ended, and your money goes back to you.', null, null),
  ('booking_refused_party_renter', 'vi', 'booking', 'Đơn đặt xe không thành công', 'Chúng tôi đã nhận thanh toán, nhưng tài khoản của một bên trong đơn đang bị tạm khóa. Đơn {{code}} đã kết thúc và chúng tôi đang hoàn lại tiền cho bạn.', null, null),
  ('booking_refused_licence_renter', 'en', 'booking', 'Booking not confirmed', 'Your payment came, but you have no verified driver licence for this trip. Booking {{code}} has ended, and your money goes back to you. Please submit a licence and book again.', null, null),
  ('booking_refused_licence_renter', 'vi', 'booking', 'Đơn đặt xe không thành công', 'Chúng tôi đã nhận thanh toán, nhưng bạn không có giấy phép lái xe đã xác minh phù hợp với chuyến đi. Đơn {{code}} đã kết thúc và chúng tôi đang hoàn lại tiền cho bạn. Vui lòng gửi giấy phép rồi đặt lại.', null, null),
  ('booking_suspended_renter', 'en', 'booking', 'Your vehicle was suspended', '{{vehicle}} was suspended and cannot be handed over for now. You may cancel booking {{code}} and get everything back, or wait until the vehicle is offered again.', 'The vehicle of booking {{code}} was suspended', E'{{vehicle}}, which you booked from {{period}}, was suspended. It cannot be handed over for now.\n\nYou may cancel booking {{code}} in the app and get everything back, whatever its cancellation policy says. Or wait: we write to you when the vehicle is offered again.'),
  ('booking_suspended_renter', 'vi', 'booking', 'Xe bạn đặt bị tạm ngưng', '{{vehicle}} đang bị tạm ngưng nên chưa thể giao xe. Bạn có thể hủy đơn {{code}} và được hoàn toàn bộ số tiền, hoặc chờ đến khi xe hoạt động trở lại.', 'Xe của đơn {{code}} bị tạm ngưng', E'{{vehicle}} mà bạn đặt từ {{period}} đang bị tạm ngưng nên chưa thể giao xe.\n\nBạn có thể hủy đơn {{code}} trong ứng dụng và được hoàn toàn bộ số tiền, không phụ thuộc chính sách hủy. Hoặc bạn có thể chờ: chúng tôi sẽ thông báo khi xe hoạt động trở lại.'),
  ('booking_suspended_unpaid_renter', 'en', 'booking', 'Your vehicle was suspended', '{{vehicle}} was suspended. Do not pay booking {{code}} now: we would send the money back. Please choose another vehicle.', 'The vehicle of booking {{code}} was suspended', E'{{vehicle}}, which you want to rent from {{period}}, was suspended.\n\nDo not pay booking {{code}} now: we would send the money back. Please choose another vehicle.'),
  ('booking_suspended_unpaid_renter', 'vi', 'booking', 'Xe bạn đặt bị tạm ngưng', '{{vehicle}} đang bị tạm ngưng. Vui lòng không thanh toán đơn {{code}} lúc này: chúng tôi sẽ phải hoàn tiền lại. Bạn hãy chọn xe khác.', 'Xe của đơn {{code}} bị tạm ngưng', E'{{vehicle}} mà bạn muốn thuê từ {{period}} đang bị tạm ngưng.\n\nVui lòng không thanh toán đơn {{code}} lúc này: chúng tôi sẽ phải hoàn tiền lại. Bạn hãy chọn xe khác.'),
  ('booking_reinstated_renter', 'en', 'booking', 'Your vehicle is offered again', '{{vehicle}} is offered again. Booking {{code}} from {{period}} can go ahead.', 'The vehicle of booking {{code}} is offered again', E'{{vehicle}} is offered again.\n\nBooking {{code}} from {{period}} can go ahead. If you cancel it, its cancellation policy applies again.'),
  ('booking_reinstated_renter', 'vi', 'booking', 'Xe đã hoạt động trở lại', '{{vehicle}} đã hoạt động trở lại. Đơn {{code}} từ {{period}} có thể tiếp tục.', 'Xe của đơn {{code}} đã hoạt động trở lại', E'{{vehicle}} đã hoạt động trở lại.\n\nĐơn {{code}} từ {{period}} có thể tiếp tục. Nếu bạn hủy đơn, chính sách hủy sẽ được áp dụng như cũ.'),
  ('booking_licence_renter', 'en', 'booking', 'Licence needed for your booking', 'You have no verified driver licence for booking {{code}} of {{vehicle}} on {{starts}}. Submit a licence in the app, or cancel the booking.', 'Booking {{code}} needs a driver licence', E'You have no verified driver licence for booking {{code}}:\n\n{{vehicle}}\n{{period}}\n\nWithout one, the booking cannot be paid and the vehicle cannot be handed over. Please submit a licence in the app, or cancel the booking.'),
  ('booking_licence_renter', 'vi', 'booking', 'Đơn đặt xe cần giấy phép lái xe', 'Bạn không có giấy phép lái xe đã xác minh cho đơn {{code}} thuê {{vehicle}} lúc {{starts}}. Vui lòng gửi giấy phép trong ứng dụng hoặc hủy đơn.', 'Đơn {{code}} cần giấy phép lái xe', E'Bạn không có giấy phép lái xe đã xác minh cho đơn {{code}}:\n\n{{vehicle}}\nTừ {{period}}\n\nKhi chưa có giấy phép, đơn không thể thanh toán và xe không thể được giao. Vui lòng gửi giấy phép trong ứng dụng hoặc hủy đơn.'),
  ('booking_cancelled_unpaid_renter', 'en', 'booking', 'Booking cancelled', 'Booking {{code}} was cancelled before payment was completed. You do not need to pay.', 'Booking {{code}} cancelled', E'Booking {{code}} of {{vehicle}} was cancelled before payment was completed.\n\nYou do not need to pay.'),
  ('booking_cancelled_unpaid_renter', 'vi', 'booking', 'Đơn đặt xe đã hủy', 'Đơn {{code}} đã được hủy trước khi hoàn tất thanh toán. Bạn không cần thanh toán nữa.', 'Đơn đặt xe {{code}} đã hủy', E'Đơn {{code}} thuê {{vehicle}} đã được hủy trước khi hoàn tất thanh toán.\n\nBạn không cần thanh toán nữa.'),
  ('booking_cancelled_renter', 'en', 'booking', 'Booking cancelled', 'Booking {{code}} was cancelled. Refund: {{refund}}.', 'Booking {{code}} cancelled', E'Booking {{code}} of {{vehicle}} was cancelled.\n\nRefund: {{refund}}'),
  ('booking_cancelled_renter', 'vi', 'booking', 'Đơn đặt xe đã hủy', 'Đơn {{code}} đã hủy. Số tiền hoàn: {{refund}}.', 'Đơn đặt xe {{code}} đã hủy', E'Đơn {{code}} thuê {{vehicle}} đã hủy.\n\nSố tiền hoàn: {{refund}}'),
  ('booking_cancelled_host', 'en', 'booking', 'Booking cancelled', 'Booking {{code}} of {{vehicle}} was cancelled. The time is free again.', 'Booking {{code}} cancelled', 'Booking {{code}} of {{vehicle}} from {{period}} was cancelled. The time is free again.'),
  ('booking_cancelled_host', 'vi', 'booking', 'Đơn đặt xe đã hủy', 'Đơn {{code}} thuê {{vehicle}} đã hủy. Lịch xe đã trống trở lại.', 'Đơn đặt xe {{code}} đã hủy', 'Đơn {{code}} thuê {{vehicle}} từ {{period}} đã hủy. Lịch xe đã trống trở lại.'),
  ('booking_request_cancelled_host', 'en', 'booking', 'Request cancelled', 'Booking request {{code}} for {{vehicle}} was cancelled. You do not need to answer it.', 'Booking request {{code}} cancelled', 'Booking request {{code}} for {{vehicle}} from {{period}} was cancelled. You do not need to answer it.'),
  ('booking_request_cancelled_host', 'vi', 'booking', 'Yêu cầu đặt xe đã hủy', 'Yêu cầu {{code}} thuê {{vehicle}} đã được hủy. Bạn không cần phản hồi nữa.', 'Yêu cầu đặt xe {{code}} đã hủy', 'Yêu cầu {{code}} thuê {{vehicle}} từ {{period}} đã được hủy. Bạn không cần phản hồi nữa.'),
  ('booking_checked_in_renter', 'en', 'booking', 'Trip started', 'Have a good trip with {{vehicle}}. Please return it by {{ends}}.', null, null),
  ('booking_checked_in_renter', 'vi', 'booking', 'Chuyến đi bắt đầu', 'Chúc bạn đi đường an toàn cùng {{vehicle}}. Vui lòng trả xe trước {{ends}}.', null, null),
  ('booking_checked_in_host', 'en', 'booking', 'Vehicle handed over', '{{vehicle}} was handed over for booking {{code}}.', null, null),
  ('booking_checked_in_host', 'vi', 'booking', 'Đã giao xe', '{{vehicle}} đã được giao cho khách theo đơn {{code}}.', null, null),
  ('booking_checked_in_admin', 'en', 'booking', 'Trip started', 'Booking {{code}} has begun: {{vehicle}} was handed over for {{period}}.', null, null),
  ('booking_checked_in_admin', 'vi', 'booking', 'Chuyến đi bắt đầu', 'Đơn {{code}} đã bắt đầu: {{vehicle}} đã được giao cho chuyến đi từ {{period}}.', null, null),
  ('check_in_recorded_other', 'en', 'booking', 'Please confirm the hand-over', 'The hand-over of {{vehicle}} was recorded for booking {{code}}. Look at the photos and confirm it, or say what is wrong, by {{deadline}}. Without an answer it counts then.', 'Confirm the hand-over of booking {{code}}', E'The hand-over of {{vehicle}} was recorded for booking {{code}}.\n\nOpen the trip in the app, look at the photos, and confirm it or say what is wrong by {{deadline}}. Without an answer it counts then.'),
  ('check_in_recorded_other', 'vi', 'booking', 'Vui lòng xác nhận giao xe', 'Biên bản giao {{vehicle}} của đơn {{code}} đã được lập. Vui lòng xem ảnh và xác nhận, hoặc báo điểm chưa đúng, trước {{deadline}}. Nếu bạn không phản hồi, biên bản sẽ có hiệu lực.', 'Xác nhận giao xe cho đơn {{code}}', E'Biên bản giao {{vehicle}} của đơn {{code}} đã được lập.\n\nVui lòng mở chuyến đi trong ứng dụng, xem ảnh rồi xác nhận hoặc báo điểm chưa đúng trước {{deadline}}. Nếu bạn không phản hồi, biên bản sẽ có hiệu lực.'),
  ('check_out_recorded_other', 'en', 'booking', 'Please confirm the return', 'The return of {{vehicle}} was recorded for booking {{code}}. Look at the photos and confirm it, or say what is wrong, by {{deadline}}. Without an answer it counts then.', 'Confirm the return of booking {{code}}', E'The return of {{vehicle}} was recorded for booking {{code}}.\n\nOpen the trip in the app, look at the photos, and confirm it or say what is wrong by {{deadline}}. Without an answer it counts then.'),
  ('check_out_recorded_other', 'vi', 'booking', 'Vui lòng xác nhận trả xe', 'Biên bản trả {{vehicle}} của đơn {{code}} đã được lập. Vui lòng xem ảnh và xác nhận, hoặc báo điểm chưa đúng, trước {{deadline}}. Nếu bạn không phản hồi, biên bản sẽ có hiệu lực.', 'Xác nhận trả xe cho đơn {{code}}', E'Biên bản trả {{vehicle}} của đơn {{code}} đã được lập.\n\nVui lòng mở chuyến đi trong ứng dụng, xem ảnh rồi xác nhận hoặc báo điểm chưa đúng trước {{deadline}}. Nếu bạn không phản hồi, biên bản sẽ có hiệu lực.'),
  ('inspection_contested_recorder', 'en', 'booking', 'The other side objects', 'The other side does not agree with what you recorded about {{vehicle}} for booking {{code}}. The money of this booking is kept until support has decided. Their words: {{objection}}', 'Objection to booking {{code}}', E'The other side does not agree with what you recorded about {{vehicle}} for booking {{code}}:\n\n{{objection}}\n\nThe money of this booking is kept until support has decided. Keep your photos and messages.'),
  ('inspection_contested_recorder', 'vi', 'booking', 'Bên kia không đồng ý', 'Bên kia không đồng ý với biên bản về {{vehicle}} của đơn {{code}}. Tiền của đơn này được tạm giữ cho đến khi bộ phận hỗ trợ quyết định. Ý kiến của họ: {{objection}}', 'Có ý kiến phản đối ở đơn {{code}}', E'Bên kia không đồng ý với biên bản về {{vehicle}} của đơn {{code}}:\n\n{{objection}}\n\nTiền của đơn này được tạm giữ cho đến khi bộ phận hỗ trợ quyết định. Vui lòng giữ lại ảnh và tin nhắn.'),
  ('inspection_upheld', 'en', 'booking', 'Support has decided', 'Support has decided that what was recorded about {{vehicle}} for booking {{code}} counts: {{reason}}', 'Decision on booking {{code}}', E'Support has decided that what was recorded about {{vehicle}} for booking {{code}} counts:\n\n{{reason}}'),
  ('inspection_upheld', 'vi', 'booking', 'Bộ phận hỗ trợ đã quyết định', 'Bộ phận hỗ trợ quyết định rằng biên bản về {{vehicle}} của đơn {{code}} có hiệu lực: {{reason}}', 'Quyết định về đơn {{code}}', E'Bộ phận hỗ trợ quyết định rằng biên bản về {{vehicle}} của đơn {{code}} có hiệu lực:\n\n{{reason}}'),
  ('inspection_rejected', 'en', 'booking', 'Support has decided', 'Support has decided that what was recorded about {{vehicle}} for booking {{code}} does not count: {{reason}}', 'Decision on booking {{code}}', E'Support has decided that what was recorded about {{vehicle}} for booking {{code}} does not count:\n\n{{reason}}'),
  ('inspection_rejected', 'vi', 'booking', 'Bộ phận hỗ trợ đã quyết định', 'Bộ phận hỗ trợ quyết định rằng biên bản về {{vehicle}} của đơn {{code}} không có hiệu lực: {{reason}}', 'Quyết định về đơn {{code}}', E'Bộ phận hỗ trợ quyết định rằng biên bản về {{vehicle}} của đơn {{code}} không có hiệu lực:\n\n{{reason}}'),
  ('booking_unattended_renter', 'en', 'booking', 'Did this trip take place?', 'Booking {{code}} of {{vehicle}} is over, and nobody recorded the hand-over. If you did not get the vehicle, contact support before {{deadline}}. After that the trip is completed as driven.', 'Booking {{code}}: did the trip take place?', E'Booking {{code}} of {{vehicle}} from {{period}} is over, and nobody recorded the hand-over.\n\nIf you did not get the vehicle, contact support before {{deadline}}. After that the trip is completed as driven.'),
  ('booking_unattended_renter', 'vi', 'booking', 'Chuyến đi này có diễn ra không?', 'Đơn {{code}} thuê {{vehicle}} đã hết thời gian nhưng chưa ai lập biên bản giao xe. Nếu bạn không nhận được xe, vui lòng liên hệ hỗ trợ trước {{deadline}}. Sau đó chuyến đi được coi là đã diễn ra.', 'Đơn {{code}}: chuyến đi có diễn ra không?', E'Đơn {{code}} thuê {{vehicle}} từ {{period}} đã hết thời gian nhưng chưa ai lập biên bản giao xe.\n\nNếu bạn không nhận được xe, vui lòng liên hệ hỗ trợ trước {{deadline}}. Sau đó chuyến đi được coi là đã diễn ra.'),
  ('booking_unattended_host', 'en', 'booking', 'Did this trip take place?', 'Booking {{code}} of {{vehicle}} is over, and nobody recorded the hand-over. If it did not take place, contact support before {{deadline}}. After that the trip is completed as driven.', null, null),
  ('booking_unattended_host', 'vi', 'booking', 'Chuyến đi này có diễn ra không?', 'Đơn {{code}} thuê {{vehicle}} đã hết thời gian nhưng chưa ai lập biên bản giao xe. Nếu chuyến đi không diễn ra, vui lòng liên hệ hỗ trợ trước {{deadline}}. Sau đó chuyến đi được coi là đã diễn ra.', null, null),
  ('booking_settled_renter', 'en', 'booking', 'Trip completed', 'Booking {{code}} of {{vehicle}} was completed as driven. Your deposit is returned when the time for claims ends. Contact support if you did not get the vehicle.', null, null),
  ('booking_settled_renter', 'vi', 'booking', 'Chuyến đi hoàn tất', 'Đơn {{code}} thuê {{vehicle}} đã được coi là đã diễn ra. Tiền cọc được hoàn khi hết thời hạn khiếu nại. Vui lòng liên hệ hỗ trợ nếu bạn không nhận được xe.', null, null),
  ('booking_settled_host', 'en', 'booking', 'Trip completed', 'Booking {{code}} of {{vehicle}} was completed as driven. Your earnings can be paid out when the time for claims ends.', null, null),
  ('booking_settled_host', 'vi', 'booking', 'Chuyến đi hoàn tất', 'Đơn {{code}} thuê {{vehicle}} đã được coi là đã diễn ra. Tiền thuê sẽ được chi trả khi hết thời hạn khiếu nại.', null, null),
  ('booking_completed_renter', 'en', 'booking', 'Trip completed', 'Booking {{code}} is completed. Thank you for renting with us.', null, null),
  ('booking_completed_renter', 'vi', 'booking', 'Chuyến đi hoàn tất', 'Đơn {{code}} đã hoàn tất. Cảm ơn bạn đã thuê xe.', null, null),
  ('booking_completed_host', 'en', 'booking', 'Vehicle returned', '{{vehicle}} was returned. Your earnings from booking {{code}} can be paid out when the time for claims ends.', null, null),
  ('booking_completed_host', 'vi', 'booking', 'Xe đã được trả', 'Khách đã trả {{vehicle}}. Tiền thuê của đơn {{code}} sẽ được chi trả khi hết thời hạn khiếu nại.', null, null);

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body, sms_body) values
  ('booking_accepted_renter', 'en', 'booking', 'Request accepted', 'The host accepted your booking {{code}}. Pay {{total}} by {{pay_by}} to confirm it.', 'Your booking request {{code}} was accepted: pay by {{pay_by}}', E'The host accepted your request for {{vehicle}} from {{period}}.\n\nPay {{total}} in the app by {{pay_by}} to confirm the booking. Until then we keep the vehicle for you.', 'Journey: the host accepted booking {{code}}. Pay {{total}} in the app by {{pay_by}}.'),
  ('booking_accepted_renter', 'vi', 'booking', 'Chủ xe đã chấp nhận', 'Chủ xe đã chấp nhận đơn {{code}}. Hãy thanh toán {{total}} trước {{pay_by}} để xác nhận đặt xe.', 'Yêu cầu đặt xe {{code}} đã được chấp nhận: thanh toán trước {{pay_by}}', E'Chủ xe đã chấp nhận cho bạn thuê {{vehicle}} từ {{period}}.\n\nHãy thanh toán {{total}} trong ứng dụng trước {{pay_by}} để xác nhận đặt xe. Chúng tôi giữ xe cho bạn đến lúc đó.', 'Journey: Chu xe da nhan don {{code}}. Vui long thanh toan {{total}} trong ung dung truoc {{pay_by}}.');

create function private.addressees(p_booking public.bookings)
returns private.addressee[]
language plpgsql stable set search_path = ''
as $$
begin
  return array[('renter', p_booking.renter_id), ('host', p_booking.host_id)]::private.addressee[]
    -- only a trip that begins has a rule for them
    || array(select ('admin', r.user_id)::private.addressee from public.user_roles r where p_booking.status = 'in_progress' and r.role = 'admin' order by r.user_id);
end
$$;

create function private.notification_data(p_booking public.bookings)
returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_data jsonb;
begin
  select jsonb_build_object(
    'booking_id', p_booking.id, 'code', p_booking.code, 'vehicle_id', p_booking.vehicle_id, 'vehicle', v.title,
    'starts', private.time_value(p_booking.starts_at, v.time_zone), 'ends', private.time_value(p_booking.ends_at, v.time_zone),
    'period', private.period_value(p_booking.starts_at, p_booking.ends_at, v.time_zone),
    'total', private.money_value(p_booking.total_amount, p_booking.currency)
  ) into v_data
  from public.vehicles v where v.id = p_booking.vehicle_id;
  if p_booking.status in ('cancelled', 'no_show') then
    -- a host who was not asked has not heard of an unpaid booking
    v_data := v_data || jsonb_build_object('host_was_asked', p_booking.answer_by is not null, 'no_show_by', p_booking.no_show_by) || (
      -- a booking that was never confirmed was never paid in full
      select jsonb_build_object('refund', private.money_value(
        case when p_booking.confirmed_at is null then 0 else c.refund_amount + c.deposit_refund + x.refund_amount end, p_booking.currency))
      from private.cancellation_amounts(p_booking, p_booking.refund_bps) c
      cross join private.extensions_given_back(p_booking.id, p_booking.refund_bps) x
    );
  elsif p_booking.status = 'pending_payment' then
    v_data := v_data || jsonb_build_object('to_pay', p_booking.total_amount > 0, 'pay_by', private.time_value(p_booking.hold_expires_at, (select time_zone from public.vehicles where id = p_booking.vehicle_id)));
  elsif p_booking.status = 'expired' then
    -- take_slot said why money that came in time could not confirm it
    v_data := v_data || jsonb_build_object('ended_by', case
      when private.audit_cause() = 'vehicle_suspended' then 'suspension'
      when private.audit_cause() = 'party_suspended' then 'party'
      when private.audit_cause() like 'licence\_%' then 'licence'
      else 'deadline' end);
  end if;
  return v_data;
end
$$;

-- `recorder` made the inspection and `other` answers it.
create function private.addressees(p_inspection public.booking_inspections)
returns private.addressee[]
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select array[
      ('recorder', p_inspection.recorded_by),
      ('other', case when p_inspection.recorded_by = b.host_id then b.renter_id else b.host_id end)]::private.addressee[]
    from public.bookings b where b.id = p_inspection.booking_id
  );
end
$$;

create function private.notification_data(p_inspection public.booking_inspections)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'booking_id', b.id, 'inspection_id', p_inspection.id, 'kind', p_inspection.kind, 'code', b.code, 'vehicle', v.title,
      'deadline', private.time_value(p_inspection.counts_at, v.time_zone), 'objection', p_inspection.objection,
      -- of an admin's decision, which both sides are told
      'reason', case when p_inspection.status in ('upheld', 'rejected') then private.audit_reason() end)
    from public.bookings b join public.vehicles v on v.id = b.vehicle_id where b.id = p_inspection.booking_id
  );
end
$$;

insert into private.notification_audiences (machine, audience) values
  ('booking', 'renter'),
  ('booking', 'host'),
  ('booking', 'admin'),
  ('inspection', 'recorder'),
  ('inspection', 'other');
insert into private.notification_rules (machine, event, from_state, audience, template, channels) values
  ('booking', 'request', null, 'host', 'booking_requested_host', '{in_app,email}'),
  ('booking', 'decline', null, 'renter', 'booking_declined_renter', '{in_app}'),
  ('booking', 'expire', 'requested', 'renter', 'booking_unanswered_renter', '{in_app}'),
  ('booking', 'confirm', null, 'renter', 'booking_confirmed_renter', '{in_app,email}'),
  ('booking', 'confirm', null, 'host', 'booking_confirmed_host', '{in_app,email}'),
  ('booking', 'confirm_late', null, 'renter', 'booking_confirmed_renter', '{in_app,email}'),
  ('booking', 'confirm_late', null, 'host', 'booking_confirmed_host', '{in_app,email}'),
  ('booking', 'cancel', 'requested', 'renter', 'booking_cancelled_unpaid_renter', '{in_app,email}'),
  ('booking', 'cancel', 'pending_payment', 'renter', 'booking_cancelled_unpaid_renter', '{in_app,email}'),
  ('booking', 'cancel', 'confirmed', 'renter', 'booking_cancelled_renter', '{in_app,email}'),
  ('booking', 'cancel', 'requested', 'host', 'booking_request_cancelled_host', '{in_app,email}'),
  ('booking', 'cancel', 'confirmed', 'host', 'booking_cancelled_host', '{in_app,email}'),
  ('booking', 'check_in', null, 'renter', 'booking_checked_in_renter', '{in_app}'),
  ('booking', 'check_in', null, 'host', 'booking_checked_in_host', '{in_app}'),
  ('booking', 'check_in', null, 'admin', 'booking_checked_in_admin', '{in_app}'),
  ('booking', 'settle', null, 'renter', 'booking_settled_renter', '{in_app}'),
  ('booking', 'settle', null, 'host', 'booking_settled_host', '{in_app}'),
  ('booking', 'complete', null, 'renter', 'booking_completed_renter', '{in_app}'),
  ('booking', 'complete', null, 'host', 'booking_completed_host', '{in_app}');
insert into private.notification_rules (machine, event, from_state, audience, template, channels, only_if) values
  -- with nothing to pay, it is confirmed in the same moment
  ('booking', 'accept', null, 'renter', 'booking_accepted_renter', '{in_app,email,sms}', '{"to_pay": true}'),
  ('booking', 'expire', 'pending_payment', 'renter', 'booking_unpaid_renter', '{in_app}', '{"ended_by": "deadline"}'),
  ('booking', 'expire', 'pending_payment', 'renter', 'booking_refused_suspended_renter', '{in_app}', '{"ended_by": "suspension"}'),
  ('booking', 'expire', 'pending_payment', 'renter', 'booking_refused_party_renter', '{in_app}', '{"ended_by": "party"}'),
  ('booking', 'expire', 'pending_payment', 'renter', 'booking_refused_licence_renter', '{in_app}', '{"ended_by": "licence"}'),
  ('booking', 'cancel', 'pending_payment', 'host', 'booking_cancelled_host', '{in_app,email}', '{"host_was_asked": true}'),
  ('inspection', 'record', null, 'other', 'check_in_recorded_other', '{in_app,email}', '{"kind": "check_in"}'),
  ('inspection', 'record', null, 'other', 'check_out_recorded_other', '{in_app,email}', '{"kind": "check_out"}'),
  ('inspection', 'object', null, 'recorder', 'inspection_contested_recorder', '{in_app,email}', '{}'),
  ('inspection', 'uphold', null, 'recorder', 'inspection_upheld', '{in_app,email}', '{}'),
  ('inspection', 'uphold', null, 'other', 'inspection_upheld', '{in_app,email}', '{}'),
  ('inspection', 'reject', null, 'recorder', 'inspection_rejected', '{in_app,email}', '{}'),
  ('inspection', 'reject', null, 'other', 'inspection_rejected', '{in_app,email}', '{}');

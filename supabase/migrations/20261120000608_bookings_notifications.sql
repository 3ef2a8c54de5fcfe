-- Bookings: who is told of what, and the texts in Vietnamese and English.
-- Rule kept here: every code exists in every locale; a change of wording is a new version.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('booking_requested_host', 'en', 'booking', 'New booking request', '{{vehicle}}, {{starts}} to {{ends}}. Please answer.', 'New booking request {{code}}', E'Somebody would like to rent {{vehicle}} from {{starts}} to {{ends}}.\n\nPlease accept or decline booking {{code}}.'),
  ('booking_requested_host', 'vi', 'booking', 'Yêu cầu đặt xe mới', '{{vehicle}}, {{starts}} đến {{ends}}. Vui lòng trả lời.', 'Yêu cầu đặt xe {{code}}', E'Có khách muốn thuê {{vehicle}} từ {{starts}} đến {{ends}}.\n\nVui lòng chấp nhận hoặc từ chối đơn {{code}}.'),
  ('booking_accepted_renter', 'en', 'booking', 'Request accepted', 'The host accepted {{code}}. Pay {{total}} to confirm it.', 'Your request {{code}} was accepted', E'The host accepted your request for {{vehicle}}, {{starts}} to {{ends}}.\n\nPay {{total}} in time to confirm it.'),
  ('booking_accepted_renter', 'vi', 'booking', 'Yêu cầu được chấp nhận', 'Chủ xe đã chấp nhận {{code}}. Thanh toán {{total}} để xác nhận.', 'Yêu cầu {{code}} được chấp nhận', E'Chủ xe đã chấp nhận yêu cầu thuê {{vehicle}}, {{starts}} đến {{ends}}.\n\nVui lòng thanh toán {{total}} đúng hạn để xác nhận.'),
  ('booking_declined_renter', 'en', 'booking', 'Request declined', 'The host could not take {{code}}.', null, null),
  ('booking_declined_renter', 'vi', 'booking', 'Yêu cầu bị từ chối', 'Chủ xe không thể nhận đơn {{code}}.', null, null),
  ('booking_confirmed_renter', 'en', 'booking', 'Booking confirmed', '{{vehicle}} is yours from {{starts}} to {{ends}}.', 'Booking {{code}} confirmed', E'Your booking {{code}} is confirmed.\n\n{{vehicle}}\n{{starts}} to {{ends}}\nPaid: {{total}}'),
  ('booking_confirmed_renter', 'vi', 'booking', 'Đặt xe thành công', '{{vehicle}} đã được giữ cho bạn từ {{starts}} đến {{ends}}.', 'Đơn {{code}} đã được xác nhận', E'Đơn đặt xe {{code}} của bạn đã được xác nhận.\n\n{{vehicle}}\n{{starts}} đến {{ends}}\nĐã thanh toán: {{total}}'),
  ('booking_confirmed_host', 'en', 'booking', 'New confirmed booking', '{{vehicle}} is booked from {{starts}} to {{ends}}.', 'New booking {{code}}', E'{{vehicle}} is booked and paid for.\n\n{{starts}} to {{ends}}\nBooking {{code}}'),
  ('booking_confirmed_host', 'vi', 'booking', 'Có đơn đặt xe mới', '{{vehicle}} được đặt từ {{starts}} đến {{ends}}.', 'Đơn đặt xe mới {{code}}', E'{{vehicle}} đã được đặt và thanh toán.\n\n{{starts}} đến {{ends}}\nMã đơn {{code}}'),
  ('booking_expired_renter', 'en', 'booking', 'Booking expired', '{{code}} was not completed in time.', null, null),
  ('booking_expired_renter', 'vi', 'booking', 'Đơn đã hết hạn', 'Đơn {{code}} không được hoàn tất đúng hạn.', null, null),
  ('booking_cancelled_renter', 'en', 'booking', 'Booking cancelled', '{{code}} was cancelled. Refund: {{refund}}.', 'Booking {{code}} cancelled', E'Booking {{code}} of {{vehicle}} was cancelled.\n\nRefund: {{refund}}'),
  ('booking_cancelled_renter', 'vi', 'booking', 'Đơn đã hủy', 'Đơn {{code}} đã bị hủy. Hoàn tiền: {{refund}}.', 'Đơn {{code}} đã bị hủy', E'Đơn {{code}} thuê {{vehicle}} đã bị hủy.\n\nHoàn tiền: {{refund}}'),
  ('booking_cancelled_host', 'en', 'booking', 'Booking cancelled', '{{code}} of {{vehicle}} was cancelled.', 'Booking {{code}} cancelled', E'Booking {{code}} of {{vehicle}}, {{starts}} to {{ends}}, was cancelled.'),
  ('booking_cancelled_host', 'vi', 'booking', 'Đơn đã hủy', 'Đơn {{code}} của {{vehicle}} đã bị hủy.', 'Đơn {{code}} đã bị hủy', E'Đơn {{code}} của {{vehicle}}, {{starts}} đến {{ends}}, đã bị hủy.'),
  ('booking_checked_in_renter', 'en', 'booking', 'Trip started', 'Have a good trip with {{vehicle}}. Return it by {{ends}}.', null, null),
  ('booking_checked_in_renter', 'vi', 'booking', 'Bắt đầu chuyến đi', 'Chúc bạn có chuyến đi vui vẻ với {{vehicle}}. Trả xe trước {{ends}}.', null, null),
  ('booking_checked_in_host', 'en', 'booking', 'Vehicle handed over', '{{vehicle}} was handed over for {{code}}.', null, null),
  ('booking_checked_in_host', 'vi', 'booking', 'Đã giao xe', '{{vehicle}} đã được giao cho đơn {{code}}.', null, null),
  ('booking_completed_renter', 'en', 'booking', 'Trip finished', '{{code}} is finished. Tell others how it was.', null, null),
  ('booking_completed_renter', 'vi', 'booking', 'Hoàn tất chuyến đi', 'Đơn {{code}} đã hoàn tất. Vui lòng để lại đánh giá.', null, null),
  ('booking_completed_host', 'en', 'booking', 'Vehicle returned', '{{vehicle}} is back. Your earnings of {{code}} are payable when the claim window closes.', null, null),
  ('booking_completed_host', 'vi', 'booking', 'Đã nhận lại xe', '{{vehicle}} đã được trả. Tiền thuê đơn {{code}} sẽ được chi trả khi hết thời hạn khiếu nại.', null, null);

create function private.addressees(p_booking public.bookings)
returns private.addressee[]
language plpgsql stable set search_path = ''
as $$
begin
  return array[('renter', p_booking.renter_id), ('host', p_booking.host_id)]::private.addressee[];
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
    'starts', private.format_time(p_booking.starts_at, v.time_zone), 'ends', private.format_time(p_booking.ends_at, v.time_zone),
    'total', private.format_money(p_booking.total_amount, p_booking.currency)
  ) into v_data
  from public.vehicles v where v.id = p_booking.vehicle_id;
  if p_booking.status = 'cancelled' then
    v_data := v_data || (
      -- what was never confirmed was never paid
      select jsonb_build_object('refund', private.format_money(
        case when p_booking.confirmed_at is null then 0 else c.refund_amount + c.deposit_refund end, p_booking.currency))
      from private.cancellation_amounts(p_booking, p_booking.cancelled_by, p_booking.cancelled_at) c
    );
  end if;
  return v_data;
end
$$;

insert into private.notification_audiences (machine, audience) values
  ('booking', 'renter'),
  ('booking', 'host');
insert into private.notification_rules (machine, event, audience, template, channels) values
  ('booking', 'request', 'host', 'booking_requested_host', '{in_app,email}'),
  ('booking', 'accept', 'renter', 'booking_accepted_renter', '{in_app,email}'),
  ('booking', 'decline', 'renter', 'booking_declined_renter', '{in_app}'),
  ('booking', 'expire', 'renter', 'booking_expired_renter', '{in_app}'),
  ('booking', 'confirm', 'renter', 'booking_confirmed_renter', '{in_app,email}'),
  ('booking', 'confirm', 'host', 'booking_confirmed_host', '{in_app,email}'),
  ('booking', 'confirm_late', 'renter', 'booking_confirmed_renter', '{in_app,email}'),
  ('booking', 'confirm_late', 'host', 'booking_confirmed_host', '{in_app,email}'),
  ('booking', 'cancel', 'renter', 'booking_cancelled_renter', '{in_app,email}'),
  ('booking', 'cancel', 'host', 'booking_cancelled_host', '{in_app,email}'),
  ('booking', 'check_in', 'renter', 'booking_checked_in_renter', '{in_app}'),
  ('booking', 'check_in', 'host', 'booking_checked_in_host', '{in_app}'),
  ('booking', 'complete', 'renter', 'booking_completed_renter', '{in_app}'),
  ('booking', 'complete', 'host', 'booking_completed_host', '{in_app}');

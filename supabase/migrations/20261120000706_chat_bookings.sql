-- Chat: bookings in the conversation of their two people.
-- Rule kept here: what happens to a booking is said in the conversation of renter and host in the transaction in which
-- it happens, also when an admin edits the row; a move is said when it has a text. Two people with a booking write without a
-- request, and while the booking is live in spite of a block: they have to hand a vehicle over.
-- Left out on purpose: telling people of it by other channels, which rules of notifications do.

create function private.bookings_acquaintance(p_a uuid, p_b uuid)
returns boolean
language sql stable set search_path = ''
as $$
  select exists (
    select from public.bookings b
    where (b.renter_id, b.host_id) in ((p_a, p_b), (p_b, p_a))
      -- a hold that nobody paid or answered would be a way round a request
      and (b.confirmed_at is not null or b.status = 'requested')
  )
$$;
create function private.bookings_live_between(p_a uuid, p_b uuid)
returns boolean
language sql stable set search_path = ''
as $$
  select exists (
    select from public.bookings b
    where (b.renter_id, b.host_id) in ((p_a, p_b), (p_b, p_a)) and b.status in ('confirmed', 'in_progress')
  )
$$;
insert into private.chat_acquaintances (function_name, live_function_name) values ('bookings_acquaintance', 'bookings_live_between');

-- The code is booking_ and the event of the move.
insert into public.conversation_texts (code, locale, text) values
  ('booking_request', 'en', 'Booking {{booking}} was requested.'),
  ('booking_request', 'vi', 'Đã gửi yêu cầu đặt xe {{booking}}.'),
  ('booking_accept', 'en', 'The request {{booking}} was accepted and waits for payment.'),
  ('booking_accept', 'vi', 'Yêu cầu {{booking}} đã được chấp nhận và đang chờ thanh toán.'),
  ('booking_decline', 'en', 'The request {{booking}} was declined.'),
  ('booking_decline', 'vi', 'Yêu cầu {{booking}} đã bị từ chối.'),
  ('booking_confirm', 'en', 'Booking {{booking}} is confirmed and paid.'),
  ('booking_confirm', 'vi', 'Đơn {{booking}} đã được xác nhận và thanh toán.'),
  ('booking_confirm_late', 'en', 'Booking {{booking}} is confirmed and paid.'),
  ('booking_confirm_late', 'vi', 'Đơn {{booking}} đã được xác nhận và thanh toán.'),
  ('booking_check_in', 'en', 'The trip of booking {{booking}} has begun.'),
  ('booking_check_in', 'vi', 'Chuyến đi của đơn {{booking}} đã bắt đầu.'),
  ('booking_complete', 'en', 'The trip of booking {{booking}} is complete.'),
  ('booking_complete', 'vi', 'Chuyến đi của đơn {{booking}} đã hoàn tất.'),
  ('booking_no_show', 'en', 'Nobody came for booking {{booking}}.'),
  ('booking_no_show', 'vi', 'Không có ai đến nhận xe của đơn {{booking}}.'),
  ('booking_settle', 'en', 'The trip of booking {{booking}} is complete.'),
  ('booking_settle', 'vi', 'Chuyến đi của đơn {{booking}} đã hoàn tất.'),
  ('booking_cancel', 'en', 'Booking {{booking}} was cancelled.'),
  ('booking_cancel', 'vi', 'Đơn {{booking}} đã bị hủy.');

create function private.say_booking()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_from text := case tg_op when 'INSERT' then 'initial' else old.status end;
  v_code text := 'booking_' || (
    select t.event from private.transitions t where t.machine = 'booking' and t.from_state = v_from and t.to_state = new.status
  );
begin
  if not exists (select from public.conversation_texts where code = v_code)
     or not private.bookings_acquaintance(new.renter_id, new.host_id) then
    return null;
  end if;
  perform private.speak_between(new.renter_id, new.host_id, jsonb_build_object('code', v_code, 'booking_id', new.id, 'booking', new.code), true);
  return null;
end
$$;
-- as late as possible: the conversation is locked for a moment only, after everything of the booking
create constraint trigger say_new after insert on public.bookings
  deferrable initially deferred
  -- a hold is said when it is paid
  for each row when (new.status <> 'pending_payment') execute function private.say_booking();
create constraint trigger say_move after update of status on public.bookings
  deferrable initially deferred
  for each row when (old.status is distinct from new.status) execute function private.say_booking();

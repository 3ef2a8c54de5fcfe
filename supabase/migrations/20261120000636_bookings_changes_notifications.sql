-- Bookings: who is notified of extensions, and what must hold between them, the calendar and their money.
-- Rule kept here: what an extension says of itself, the calendar, the payment and the ledger say too.
-- Left out on purpose: reminders to pay; the message of the acceptance says until when.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('extension_requested_host', 'en', 'booking', 'Longer trip requested', 'The renter of {{vehicle}} asks to keep it until {{until}} (booking {{code}}). Please accept or decline by {{answer_by}}.', 'Booking {{code}}: a longer trip is requested', E'The renter of {{vehicle}} asks to keep it until {{until}}.\n\nPlease accept or decline in the app by {{answer_by}}. Booking {{code}}.'),
  ('extension_requested_host', 'vi', 'booking', 'Khách muốn thuê thêm', 'Khách thuê {{vehicle}} muốn giữ xe đến {{until}} (đơn {{code}}). Vui lòng chấp nhận hoặc từ chối trước {{answer_by}}.', 'Đơn {{code}}: khách muốn gia hạn', E'Khách thuê {{vehicle}} muốn giữ xe đến {{until}}.\n\nVui lòng chấp nhận hoặc từ chối trong ứng dụng trước {{answer_by}}. Mã đơn: {{code}}.'),
  ('extension_accepted_renter', 'en', 'booking', 'Longer trip accepted', 'You can keep {{vehicle}} until {{until}}. Pay {{total}} by {{pay_by}} to confirm it; otherwise booking {{code}} ends as agreed before.', 'Booking {{code}}: pay the extension by {{pay_by}}', E'The host accepted: you can keep {{vehicle}} until {{until}}.\n\nPay {{total}} in the app by {{pay_by}} to confirm it. Otherwise booking {{code}} ends as agreed before.'),
  ('extension_accepted_renter', 'vi', 'booking', 'Chủ xe đồng ý gia hạn', 'Bạn có thể giữ {{vehicle}} đến {{until}}. Hãy thanh toán {{total}} trước {{pay_by}} để xác nhận; nếu không, đơn {{code}} kết thúc như đã hẹn.', 'Đơn {{code}}: thanh toán gia hạn trước {{pay_by}}', E'Chủ xe đã đồng ý cho bạn giữ {{vehicle}} đến {{until}}.\n\nHãy thanh toán {{total}} trong ứng dụng trước {{pay_by}} để xác nhận. Nếu không, đơn {{code}} kết thúc như đã hẹn.'),
  ('extension_declined_renter', 'en', 'booking', 'Longer trip declined', 'The host cannot give you {{vehicle}} for longer. Booking {{code}} ends as agreed before.', null, null),
  ('extension_declined_renter', 'vi', 'booking', 'Chủ xe không thể gia hạn', 'Chủ xe không thể cho bạn thuê {{vehicle}} lâu hơn. Đơn {{code}} kết thúc như đã hẹn.', null, null),
  ('extension_unanswered_renter', 'en', 'booking', 'No answer to your request', 'The host did not answer your request to keep {{vehicle}} for longer. Booking {{code}} ends as agreed before.', null, null),
  ('extension_unanswered_renter', 'vi', 'booking', 'Yêu cầu gia hạn chưa được trả lời', 'Chủ xe chưa phản hồi yêu cầu gia hạn {{vehicle}}. Đơn {{code}} kết thúc như đã hẹn.', null, null),
  ('extension_unpaid_renter', 'en', 'booking', 'Extension expired', 'The extension of booking {{code}} was not paid in time, so the trip ends as agreed before. Ask again if you still need the vehicle.', null, null),
  ('extension_unpaid_renter', 'vi', 'booking', 'Gia hạn đã hết hạn', 'Phần gia hạn của đơn {{code}} chưa được thanh toán đúng hạn nên chuyến đi kết thúc như đã hẹn. Nếu vẫn cần xe, vui lòng gửi yêu cầu lại.', null, null),
  ('extension_refused_renter', 'en', 'booking', 'Extension not possible', 'Your payment came, but booking {{code}} cannot be extended any more. It ends as agreed before, and this money goes back to you.', null, null),
  ('extension_refused_renter', 'vi', 'booking', 'Không thể gia hạn', 'Chúng tôi đã nhận thanh toán, nhưng đơn {{code}} không thể gia hạn được nữa. Chuyến đi kết thúc như đã hẹn và chúng tôi đang hoàn lại khoản này cho bạn.', null, null),
  ('extension_confirmed_renter', 'en', 'booking', 'Trip extended', 'You keep {{vehicle}} until {{until}}. Please return it by then (booking {{code}}).', 'Booking {{code}} extended', E'Your trip with {{vehicle}} was extended.\n\nPlease return it by {{until}}. Booking {{code}}.'),
  ('extension_confirmed_renter', 'vi', 'booking', 'Đã gia hạn chuyến đi', 'Bạn được giữ {{vehicle}} đến {{until}}. Vui lòng trả xe trước thời điểm đó (đơn {{code}}).', 'Đơn {{code}} đã được gia hạn', E'Chuyến đi với {{vehicle}} đã được gia hạn.\n\nVui lòng trả xe trước {{until}}. Mã đơn: {{code}}.'),
  ('extension_confirmed_host', 'en', 'booking', 'Trip extended', 'Booking {{code}} of {{vehicle}} was extended and paid. It now ends {{until}}.', 'Booking {{code}} extended', E'Booking {{code}} of {{vehicle}} was extended and paid.\n\nThe vehicle now comes back by {{until}}.'),
  ('extension_confirmed_host', 'vi', 'booking', 'Chuyến đi được gia hạn', 'Đơn {{code}} thuê {{vehicle}} đã được gia hạn và thanh toán. Thời điểm trả xe mới: {{until}}.', 'Đơn {{code}} đã được gia hạn', E'Đơn {{code}} thuê {{vehicle}} đã được gia hạn và thanh toán.\n\nThời điểm trả xe mới: {{until}}.'),
  ('extension_cancelled_host', 'en', 'booking', 'Extension withdrawn', 'The extension of booking {{code}} of {{vehicle}} is off. The trip ends as agreed before.', null, null),
  ('extension_cancelled_host', 'vi', 'booking', 'Đã hủy gia hạn', 'Phần gia hạn của đơn {{code}} thuê {{vehicle}} đã được hủy. Chuyến đi kết thúc như đã hẹn.', null, null);

create function private.addressees(p_change public.booking_changes)
returns private.addressee[]
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select array[('renter', b.renter_id), ('host', b.host_id)]::private.addressee[]
    from public.bookings b where b.id = p_change.booking_id
  );
end
$$;

create function private.notification_data(p_change public.booking_changes)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'booking_id', b.id, 'change_id', p_change.id, 'code', b.code, 'vehicle_id', b.vehicle_id, 'vehicle', v.title,
      'until', private.time_value(p_change.ends_at, v.time_zone), 'total', private.money_value(p_change.total_amount, p_change.currency),
      'answer_by', private.time_value(p_change.answer_by, v.time_zone), 'pay_by', private.time_value(p_change.hold_expires_at, v.time_zone),
      -- a host who was not asked, and one whose renter cancels the whole trip, hears nothing of what was never paid
      'host_was_asked', p_change.answer_by is not null and private.audit_cause() = 'renter' and b.status <> 'cancelled',
      'costs', p_change.total_amount > 0,
      -- private.take_extension() said why money that came could not confirm it
      'ended_by', case when private.audit_cause() = 'deadline' then 'deadline' else 'refusal' end)
    from public.bookings b join public.vehicles v on v.id = b.vehicle_id where b.id = p_change.booking_id
  );
end
$$;

insert into private.notification_audiences (machine, audience) values
  ('booking_change', 'renter'),
  ('booking_change', 'host');
insert into private.notification_rules (machine, event, from_state, audience, template, channels, only_if) values
  ('booking_change', 'request', null, 'host', 'extension_requested_host', '{in_app,email}', '{}'),
  ('booking_change', 'accept', null, 'renter', 'extension_accepted_renter', '{in_app,email}', '{"costs": true}'),
  ('booking_change', 'decline', null, 'renter', 'extension_declined_renter', '{in_app}', '{}'),
  ('booking_change', 'expire', 'requested', 'renter', 'extension_unanswered_renter', '{in_app}', '{}'),
  ('booking_change', 'expire', 'pending_payment', 'renter', 'extension_unpaid_renter', '{in_app}', '{"ended_by": "deadline"}'),
  ('booking_change', 'expire', 'pending_payment', 'renter', 'extension_refused_renter', '{in_app}', '{"ended_by": "refusal"}'),
  ('booking_change', 'confirm', null, 'renter', 'extension_confirmed_renter', '{in_app,email}', '{}'),
  ('booking_change', 'confirm', null, 'host', 'extension_confirmed_host', '{in_app,email}', '{}'),
  ('booking_change', 'confirm_late', null, 'renter', 'extension_confirmed_renter', '{in_app,email}', '{}'),
  ('booking_change', 'confirm_late', null, 'host', 'extension_confirmed_host', '{in_app,email}', '{}'),
  ('booking_change', 'cancel', null, 'host', 'extension_cancelled_host', '{in_app}', '{"host_was_asked": true}');

create function private.invariant_extension_disagrees()
returns table (subject_id text, detail text)
language plpgsql stable set search_path = ''
as $$
begin
  return query
    select c.id::text, c.status || ' with payment ' || coalesce(p.status, 'none')
    from public.booking_changes c
    left join public.payments p on p.payable_id = c.id
    where case
        when c.total_amount = 0 or c.status in ('requested', 'declined') then p.id is not null
        when c.status = 'pending_payment' then p.id is null or p.status not in ('pending', 'processing')
        when c.status = 'confirmed' then p.id is null or p.status not in ('succeeded', 'partially_refunded', 'refunded')
        else p.status in ('pending', 'processing') end
      or (p.settlement is not null and (p.settlement = 'kept') <> (c.confirmed_at is not null))
    union all
    select c.id::text, c.status || ' and its hold is ' || coalesce(e.blocked::text, 'gone')
    from public.booking_changes c
    left join public.calendar_entries e on e.change_id = c.id
    where (e.id is not null and c.status <> 'pending_payment')
      or (e.id is not null and e.expires_at <> c.hold_expires_at)
    union all
    select c.id::text, 'escrow is ' || private.balance('escrow', c.id::text) || ' while its booking is ' || b.status
    from public.booking_changes c
    join public.bookings b on b.id = c.booking_id
    where private.balance('escrow', c.id::text)
      <> case when c.status = 'confirmed' and b.status in ('confirmed', 'in_progress') then c.total_amount else 0 end
    union all
    select b.id::text, 'ends ' || b.ends_at || ', agreed was ' || a.until
    from public.bookings b
    join lateral (
      select max(c.ends_at) as until from public.booking_changes c where c.booking_id = b.id and c.status = 'confirmed'
    ) a on a.until is not null
    where b.status in ('confirmed', 'in_progress') and b.ends_at <> a.until
    union all
    select c.id::text, 'another sum is asked than was agreed'
    from public.booking_changes c
    join public.payables y on y.id = c.id
    where (y.kind, y.amount, y.currency, y.sold_amount, y.tax_amount) is distinct from ('extension', c.total_amount, c.currency, c.total_amount, c.tax_amount);
end
$$;

create function private.invariant_extension_not_tidied()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select c.id::text, c.status from public.booking_changes c
  where c.status = 'requested' and c.answer_by < now() - interval '15 minutes'
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('extension_disagrees', 'critical', 'An extension, its hold in the calendar, its payment, its money in the ledger and the end of its booking do not fit together.',
    'A defect, or somebody changed rows by SQL. Pay nothing out of this booking, and keep its history (private.domain_events where subject_id is its id) for the report.'),
  ('extension_not_tidied', 'warning', 'The host had to answer an extension over 15 minutes ago, and no job has ended it.',
    'The job journey_extensions does not run, or cannot handle this one: the database log says why.');

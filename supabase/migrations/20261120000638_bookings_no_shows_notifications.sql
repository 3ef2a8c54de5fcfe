-- Bookings: who is notified of no-shows, and what must hold between a report, its booking and the frozen money.
-- Rule kept here: the side that is said not to have come always hears of it, and until when it can object.
-- Left out on purpose: texts of refunds and payouts, which tell of the money itself.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('no_show_reported_other', 'en', 'booking', 'Did you come?', 'The other side says that you did not come to the hand-over of {{vehicle}} (booking {{code}}). Object by {{deadline}} if that is wrong. Without an answer it counts then.', 'Booking {{code}}: the other side says that you did not come', E'The other side says that you did not come to the hand-over of {{vehicle}} for booking {{code}}:\n\n{{note}}\n\nIf that is wrong, object in the app by {{deadline}}. Without an answer it counts then. The money of this booking is kept until then.'),
  ('no_show_reported_other', 'vi', 'booking', 'Bạn có đến giao nhận xe không?', 'Bên kia báo rằng bạn không đến giao nhận {{vehicle}} (đơn {{code}}). Nếu không đúng, vui lòng phản đối trước {{deadline}}. Nếu bạn không phản hồi, báo cáo sẽ có hiệu lực.', 'Đơn {{code}}: bên kia báo bạn không đến', E'Bên kia báo rằng bạn không đến giao nhận {{vehicle}} của đơn {{code}}:\n\n{{note}}\n\nNếu không đúng, vui lòng phản đối trong ứng dụng trước {{deadline}}. Nếu bạn không phản hồi, báo cáo sẽ có hiệu lực. Tiền của đơn này được tạm giữ cho đến lúc đó.'),
  ('no_show_contested_reporter', 'en', 'booking', 'The other side objects', 'The other side says that it came to the hand-over of {{vehicle}} (booking {{code}}). The money is kept until support has decided. Their words: {{objection}}', 'Objection to booking {{code}}', E'The other side says that it came to the hand-over of {{vehicle}} for booking {{code}}:\n\n{{objection}}\n\nThe money of this booking is kept until support has decided. Keep your photos and messages.'),
  ('no_show_contested_reporter', 'vi', 'booking', 'Bên kia không đồng ý', 'Bên kia cho biết họ có đến giao nhận {{vehicle}} (đơn {{code}}). Tiền được tạm giữ cho đến khi bộ phận hỗ trợ quyết định. Ý kiến của họ: {{objection}}', 'Có ý kiến phản đối ở đơn {{code}}', E'Bên kia cho biết họ có đến giao nhận {{vehicle}} của đơn {{code}}:\n\n{{objection}}\n\nTiền của đơn này được tạm giữ cho đến khi bộ phận hỗ trợ quyết định. Vui lòng giữ lại ảnh và tin nhắn.'),
  ('no_show_withdrawn_other', 'en', 'booking', 'Report withdrawn', 'The report that you did not come for booking {{code}} was withdrawn. {{vehicle}} can be handed over.', null, null),
  ('no_show_withdrawn_other', 'vi', 'booking', 'Báo cáo đã được rút lại', 'Báo cáo bạn không đến ở đơn {{code}} đã được rút lại. Có thể giao nhận {{vehicle}}.', null, null),
  ('no_show_upheld', 'en', 'booking', 'Support has decided', 'Support has decided that the report on booking {{code}} of {{vehicle}} counts: {{reason}}', 'Decision on booking {{code}}', E'Support has decided that the report on booking {{code}} of {{vehicle}} counts:\n\n{{reason}}'),
  ('no_show_upheld', 'vi', 'booking', 'Bộ phận hỗ trợ đã quyết định', 'Bộ phận hỗ trợ quyết định rằng báo cáo về đơn {{code}} thuê {{vehicle}} có hiệu lực: {{reason}}', 'Quyết định về đơn {{code}}', E'Bộ phận hỗ trợ quyết định rằng báo cáo về đơn {{code}} thuê {{vehicle}} có hiệu lực:\n\n{{reason}}'),
  ('no_show_rejected', 'en', 'booking', 'Support has decided', 'Support has decided that the report on booking {{code}} of {{vehicle}} does not count: {{reason}}', 'Decision on booking {{code}}', E'Support has decided that the report on booking {{code}} of {{vehicle}} does not count:\n\n{{reason}}'),
  ('no_show_rejected', 'vi', 'booking', 'Bộ phận hỗ trợ đã quyết định', 'Bộ phận hỗ trợ quyết định rằng báo cáo về đơn {{code}} thuê {{vehicle}} không có hiệu lực: {{reason}}', 'Quyết định về đơn {{code}}', E'Bộ phận hỗ trợ quyết định rằng báo cáo về đơn {{code}} thuê {{vehicle}} không có hiệu lực:\n\n{{reason}}'),
  ('booking_renter_absent_renter', 'en', 'booking', 'Booking ended', 'Booking {{code}} of {{vehicle}} ended because you did not come. Refund: {{refund}}.', 'Booking {{code}} ended', E'Booking {{code}} of {{vehicle}} ended because you did not come to the hand-over.\n\nRefund by the cancellation policy, deposit included: {{refund}}'),
  ('booking_renter_absent_renter', 'vi', 'booking', 'Đơn đặt xe đã kết thúc', 'Đơn {{code}} thuê {{vehicle}} đã kết thúc vì bạn không đến nhận xe. Số tiền hoàn: {{refund}}.', 'Đơn {{code}} đã kết thúc', E'Đơn {{code}} thuê {{vehicle}} đã kết thúc vì bạn không đến nhận xe.\n\nSố tiền hoàn theo chính sách hủy, gồm cả tiền cọc: {{refund}}'),
  ('booking_renter_absent_host', 'en', 'booking', 'Booking ended', 'Booking {{code}} of {{vehicle}} ended because the renter did not come. The time is free again, and you earn what the cancellation policy keeps.', null, null),
  ('booking_renter_absent_host', 'vi', 'booking', 'Đơn đặt xe đã kết thúc', 'Đơn {{code}} thuê {{vehicle}} đã kết thúc vì khách không đến. Lịch xe đã trống trở lại, và bạn nhận phần tiền theo chính sách hủy.', null, null),
  ('booking_host_absent_renter', 'en', 'booking', 'You get everything back', 'The host did not hand over {{vehicle}}, so booking {{code}} has ended. Refund: {{refund}}.', 'Booking {{code}}: you get everything back', E'The host did not hand over {{vehicle}}, so booking {{code}} has ended.\n\nYou get everything back: {{refund}}'),
  ('booking_host_absent_renter', 'vi', 'booking', 'Bạn được hoàn toàn bộ số tiền', 'Chủ xe không giao {{vehicle}} nên đơn {{code}} đã kết thúc. Số tiền hoàn: {{refund}}.', 'Đơn {{code}}: bạn được hoàn toàn bộ số tiền', E'Chủ xe không giao {{vehicle}} nên đơn {{code}} đã kết thúc.\n\nBạn được hoàn toàn bộ số tiền: {{refund}}'),
  ('booking_host_absent_host', 'en', 'booking', 'Booking ended', 'Booking {{code}} ended because {{vehicle}} was not handed over. The renter gets everything back, and your score goes down.', 'Booking {{code}} ended', E'Booking {{code}} ended because {{vehicle}} was not handed over.\n\nThe renter gets everything back, and your score goes down.'),
  ('booking_host_absent_host', 'vi', 'booking', 'Đơn đặt xe đã kết thúc', 'Đơn {{code}} đã kết thúc vì {{vehicle}} không được giao. Khách được hoàn toàn bộ số tiền và điểm tín nhiệm của bạn giảm.', 'Đơn {{code}} đã kết thúc', E'Đơn {{code}} đã kết thúc vì {{vehicle}} không được giao.\n\nKhách được hoàn toàn bộ số tiền và điểm tín nhiệm của bạn giảm.');

create function private.addressees(p_report public.booking_no_shows)
returns private.addressee[]
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select array[('reporter', p_report.reporter_id), ('other', case p_report.absent when 'renter' then b.renter_id else b.host_id end)]::private.addressee[]
    from public.bookings b where b.id = p_report.booking_id
  );
end
$$;

create function private.notification_data(p_report public.booking_no_shows)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'booking_id', b.id, 'no_show_id', p_report.id, 'absent', p_report.absent, 'code', b.code, 'vehicle', v.title,
      'deadline', private.time_value(p_report.counts_at, v.time_zone), 'note', p_report.note, 'objection', p_report.objection,
      -- of an admin's decision, which both sides are told
      'reason', case when p_report.status in ('upheld', 'rejected') then private.audit_reason() end)
    from public.bookings b join public.vehicles v on v.id = b.vehicle_id where b.id = p_report.booking_id
  );
end
$$;

insert into private.notification_audiences (machine, audience) values
  ('no_show', 'reporter'),
  ('no_show', 'other');
insert into private.notification_rules (machine, event, from_state, audience, template, channels, only_if) values
  ('no_show', 'report', null, 'other', 'no_show_reported_other', '{in_app,email}', '{}'),
  ('no_show', 'object', null, 'reporter', 'no_show_contested_reporter', '{in_app,email}', '{}'),
  ('no_show', 'withdraw', null, 'other', 'no_show_withdrawn_other', '{in_app}', '{}'),
  ('no_show', 'uphold', null, 'reporter', 'no_show_upheld', '{in_app,email}', '{}'),
  ('no_show', 'uphold', null, 'other', 'no_show_upheld', '{in_app,email}', '{}'),
  ('no_show', 'reject', null, 'reporter', 'no_show_rejected', '{in_app,email}', '{}'),
  ('no_show', 'reject', null, 'other', 'no_show_rejected', '{in_app,email}', '{}'),
  ('booking', 'no_show', null, 'renter', 'booking_renter_absent_renter', '{in_app,email}', '{"no_show_by": "renter"}'),
  ('booking', 'no_show', null, 'host', 'booking_renter_absent_host', '{in_app}', '{"no_show_by": "renter"}'),
  ('booking', 'no_show', null, 'renter', 'booking_host_absent_renter', '{in_app,email}', '{"no_show_by": "host"}'),
  ('booking', 'no_show', null, 'host', 'booking_host_absent_host', '{in_app,email}', '{"no_show_by": "host"}');

create function private.invariant_no_show_disagrees()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select b.id::text, 'not handed over by ' || b.no_show_by || ', and no report counts that says so'
  from public.bookings b
  where b.status = 'no_show' and not exists (
    select from public.booking_no_shows n
    where n.booking_id = b.id and n.absent = b.no_show_by and n.status in ('accepted', 'presumed', 'upheld'))
  union all
  select n.id::text, n.status || ' while the booking is ' || b.status
  from public.booking_no_shows n
  join public.bookings b on b.id = n.booking_id
  where (n.status in ('accepted', 'presumed', 'upheld') and b.status <> 'no_show')
    or (n.status in ('reported', 'contested') and (b.status <> 'confirmed' or not exists (
      select from private.payable_freezes f
      where f.payable_id = b.id and f.reason = private.no_show_freeze() and f.ended_at is null)))
$$;

create function private.invariant_no_show_undecided()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select n.id::text, 'booking ' || n.booking_id
  from public.booking_no_shows n
  where n.status = 'contested' and n.contested_at < now() - interval '48 hours'
  union all
  select d.id::text, 'counts since ' || d.counts_at
  from private.due_no_shows d
  where d.counts_at < now() - interval '15 minutes'
$$;

insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('no_show_disagrees', 'critical', 'A report of a no-show, the state of its booking and the freeze of its money do not fit together.',
    'A defect, or somebody changed rows by SQL. Pay nothing out of this booking, and keep its history (private.domain_events where subject_id is its id) for the report.'),
  ('no_show_undecided', 'warning', 'One side objected to a no-show over 48 hours ago and no admin has decided, or one counts since 15 minutes and no job has written it down. The money of the booking waits.',
    'Ask both sides; then call `decide_no_show` (`admin.bookings.decideNoShow`). For one that counts, the job journey_no_shows does not run, or the database log says why it failed.');

create function private.count_no_shows_contested()
returns bigint
language sql stable set search_path = ''
as $$ select count(*) from public.booking_no_shows where status = 'contested' $$;
insert into private.health_counts (name, description) values
  ('no_shows_contested', 'Reports of a no-show that the other side objected to; an admin decides.');

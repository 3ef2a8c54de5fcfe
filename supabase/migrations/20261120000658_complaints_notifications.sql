-- Complaints: the notifications, in Vietnamese and English.
-- Rule kept here: both sides and support hear of each move; what support finds is in the text, so that nobody has to ask.
-- Left out on purpose: messages of the conversation, which chat tells.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('complaint_opened_other', 'en', 'complaint', 'A complaint about {{payable}}', 'The other side has opened complaint {{complaint}} about {{title}} ({{payable}}). Answer it by {{answer_by}}. The money is frozen until it is decided.', 'Complaint {{complaint}} about {{payable}}: answer by {{answer_by}}', E'The other side has opened complaint {{complaint}} about {{title}} ({{payable}}).\n\nPlease read it in the app and say what you have to say by {{answer_by}}. After that support can decide without you.\n\nThe money is frozen until it is decided.'),
  ('complaint_opened_other', 'vi', 'complaint', 'Khiếu nại về {{payable}}', 'Bên kia đã gửi khiếu nại {{complaint}} về {{title}} ({{payable}}). Vui lòng phản hồi trước {{answer_by}}. Khoản tiền được tạm giữ cho đến khi có kết quả.', 'Khiếu nại {{complaint}} về {{payable}}: vui lòng phản hồi trước {{answer_by}}', E'Bên kia đã gửi khiếu nại {{complaint}} về {{title}} ({{payable}}).\n\nVui lòng xem trong ứng dụng và phản hồi trước {{answer_by}}. Sau thời hạn này, bộ phận hỗ trợ có thể quyết định mà không cần phản hồi của bạn.\n\nKhoản tiền được tạm giữ cho đến khi có kết quả.'),
  ('complaint_opened_staff', 'en', 'complaint', 'New complaint', 'Complaint {{complaint}} about {{title}} ({{payable}}) waits for somebody of support.', null, null),
  ('complaint_opened_staff', 'vi', 'complaint', 'Khiếu nại mới', 'Khiếu nại {{complaint}} về {{title}} ({{payable}}) đang chờ bộ phận hỗ trợ tiếp nhận.', null, null),
  ('complaint_assigned', 'en', 'complaint', 'A complaint for you', 'Complaint {{complaint}} about {{title}} ({{payable}}) was given to you.', null, null),
  ('complaint_assigned', 'vi', 'complaint', 'Bạn được giao khiếu nại', 'Khiếu nại {{complaint}} về {{title}} ({{payable}}) đã được giao cho bạn.', null, null),
  ('complaint_answered', 'en', 'complaint', 'Complaint answered', 'The other side has answered complaint {{complaint}} about {{title}} ({{payable}}).', null, null),
  ('complaint_answered', 'vi', 'complaint', 'Khiếu nại đã có phản hồi', 'Khiếu nại {{complaint}} về {{title}} ({{payable}}) đã có phản hồi.', null, null),
  ('complaint_in_review', 'en', 'complaint', 'Support looks into it', 'Support looks into complaint {{complaint}} about {{title}} ({{payable}}).', null, null),
  ('complaint_in_review', 'vi', 'complaint', 'Khiếu nại đang được xem xét', 'Bộ phận hỗ trợ đang xem xét khiếu nại {{complaint}} về {{title}} ({{payable}}).', null, null),
  ('complaint_resolved', 'en', 'complaint', 'Complaint decided', 'Support has decided for complaint {{complaint}} about {{title}} ({{payable}}). Refund: {{refunded}}. To the host from the deposit: {{captured}}. Reason: {{finding}}', 'Complaint {{complaint}} was decided', E'Support has decided for complaint {{complaint}} about {{title}} ({{payable}}).\n\nRefund to the payer: {{refunded}}\nTo the host from the deposit: {{captured}}\n\nReason: {{finding}}'),
  ('complaint_resolved', 'vi', 'complaint', 'Khiếu nại đã được giải quyết', 'Bộ phận hỗ trợ đã chấp nhận khiếu nại {{complaint}} về {{title}} ({{payable}}). Hoàn tiền: {{refunded}}. Trích từ tiền cọc cho chủ xe: {{captured}}. Lý do: {{finding}}', 'Khiếu nại {{complaint}} đã được giải quyết', E'Bộ phận hỗ trợ đã chấp nhận khiếu nại {{complaint}} về {{title}} ({{payable}}).\n\nHoàn cho người thanh toán: {{refunded}}\nTrích từ tiền cọc cho chủ xe: {{captured}}\n\nLý do: {{finding}}'),
  ('complaint_rejected', 'en', 'complaint', 'Complaint rejected', 'Support has rejected complaint {{complaint}} about {{title}} ({{payable}}). Reason: {{finding}}', 'Complaint {{complaint}} was rejected', E'Support has rejected complaint {{complaint}} about {{title}} ({{payable}}).\n\nReason: {{finding}}\n\nYou can write to support in the conversation of the complaint if something was overlooked.'),
  ('complaint_rejected', 'vi', 'complaint', 'Khiếu nại bị từ chối', 'Bộ phận hỗ trợ đã từ chối khiếu nại {{complaint}} về {{title}} ({{payable}}). Lý do: {{finding}}', 'Khiếu nại {{complaint}} bị từ chối', E'Bộ phận hỗ trợ đã từ chối khiếu nại {{complaint}} về {{title}} ({{payable}}).\n\nLý do: {{finding}}\n\nNếu có điều gì bị bỏ sót, bạn có thể nhắn cho bộ phận hỗ trợ trong cuộc trò chuyện của khiếu nại.'),
  ('complaint_withdrawn_other', 'en', 'complaint', 'Complaint withdrawn', 'Complaint {{complaint}} about {{title}} ({{payable}}) was withdrawn. The money is no longer frozen because of it.', null, null),
  ('complaint_withdrawn_other', 'vi', 'complaint', 'Khiếu nại đã được rút', 'Khiếu nại {{complaint}} về {{title}} ({{payable}}) đã được rút. Khoản tiền không còn bị tạm giữ vì khiếu nại này.', null, null),
  ('complaint_reopened', 'en', 'complaint', 'Complaint taken up again', 'Support looks into complaint {{complaint}} about {{title}} ({{payable}}) again. The money that is left is frozen until it is decided.', null, null),
  ('complaint_reopened', 'vi', 'complaint', 'Khiếu nại được xem xét lại', 'Bộ phận hỗ trợ đang xem xét lại khiếu nại {{complaint}} về {{title}} ({{payable}}). Khoản tiền còn lại được tạm giữ cho đến khi có kết quả.', null, null);

create function private.addressees(p_complaint public.complaints)
returns private.addressee[]
language plpgsql stable set search_path = ''
as $$
declare
  v_parties private.complaint_party[] := array(
    select (p.user_id, p.side)::private.complaint_party from public.complaint_parties p where p.complaint_id = p_complaint.id order by p.user_id);
  v_function text;
begin
  -- when it is opened they are written after it
  if cardinality(v_parties) = 0 then
    select k.parties_function into strict v_function from private.complaint_kinds k where k.kind = p_complaint.kind;
    execute format('select array_agg(p order by p.user_id) from private.%I($1) p', v_function) into v_parties using p_complaint.payable_id;
  end if;
  return array(
    select (case when p.side = p_complaint.side then 'complainant' else 'other_side' end, p.user_id)::private.addressee from unnest(v_parties) p)
    || array(
    select ('staff', r.user_id)::private.addressee from (select distinct u.user_id from public.user_roles u where p_complaint.status = 'open' order by 1) r)
    || ('assignee', p_complaint.assignee_id)::private.addressee;
end
$$;
create function private.notification_data(p_complaint public.complaints)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'complaint_id', p_complaint.id, 'complaint', p_complaint.code, 'conversation_id', p_complaint.conversation_id, 'payable_id', y.id, y.kind || '_id', y.id,
      'payable', y.code, 'title', y.title, 'answer_by', private.time_value(p_complaint.statement_until, 'Asia/Ho_Chi_Minh'))
    || case when p_complaint.finding is null then '{}' else jsonb_build_object('finding', p_complaint.finding,
      'refunded', private.money_value(p_complaint.refund_amount, y.currency), 'captured', private.money_value(p_complaint.deposit_to_host, y.currency)) end
    from public.payables y where y.id = p_complaint.payable_id
  );
end
$$;

-- No move, so no rule can tell it.
create function private.tell_of_statement(p_complaint public.complaints)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.notify(a.user_id, 'complaint_answered', private.notification_data(p_complaint), p_complaint.id::text)
  from (
    select distinct a.user_id from unnest(private.addressees(p_complaint)) a where a.audience in ('complainant', 'assignee') and a.user_id is not null order by 1
  ) a;
end
$$;

insert into private.notification_audiences (machine, audience) values
  ('complaint', 'complainant'), ('complaint', 'other_side'), ('complaint', 'staff'), ('complaint', 'assignee');
insert into private.notification_rules (machine, event, from_state, audience, template, channels) values
  ('complaint', 'open', null, 'other_side', 'complaint_opened_other', '{in_app,email}'),
  ('complaint', 'open', null, 'staff', 'complaint_opened_staff', '{in_app}'),
  ('complaint', 'review', null, 'complainant', 'complaint_in_review', '{in_app}'),
  ('complaint', 'review', null, 'other_side', 'complaint_in_review', '{in_app}'),
  ('complaint', 'resolve', null, 'complainant', 'complaint_resolved', '{in_app,email}'),
  ('complaint', 'resolve', null, 'other_side', 'complaint_resolved', '{in_app,email}'),
  ('complaint', 'reject', null, 'complainant', 'complaint_rejected', '{in_app,email}'),
  ('complaint', 'reject', null, 'other_side', 'complaint_rejected', '{in_app,email}'),
  ('complaint', 'withdraw', null, 'other_side', 'complaint_withdrawn_other', '{in_app}'),
  ('complaint', 'withdraw_in_review', null, 'other_side', 'complaint_withdrawn_other', '{in_app}'),
  ('complaint', 'withdraw_in_review', null, 'assignee', 'complaint_withdrawn_other', '{in_app}'),
  ('complaint', 'reopen', null, 'complainant', 'complaint_reopened', '{in_app}'),
  ('complaint', 'reopen', null, 'other_side', 'complaint_reopened', '{in_app}');

-- Refunds: who is told of what, and the texts in Vietnamese and English.
-- Rule kept here: every code exists in every locale; a change of wording is a new version.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('payment_late_refunded_renter', 'en', 'payment', 'Payment came too late', 'The slot of {{code}} was gone when your payment came. {{total}} is on its way back.', 'Your payment for {{code}} is being returned', E'Your payment for {{vehicle}} came after the hold had ended, and the slot was gone.\n\n{{total}} is on its way back to you.'),
  ('payment_late_refunded_renter', 'vi', 'payment', 'Thanh toán quá hạn', 'Đơn {{code}} không còn chỗ khi nhận được thanh toán. {{total}} đang được hoàn lại.', 'Đang hoàn tiền đơn {{code}}', E'Thanh toán cho {{vehicle}} đến sau khi hết thời gian giữ chỗ và xe đã có người đặt.\n\n{{total}} đang được hoàn lại cho bạn.'),
  ('refund_paid_renter', 'en', 'payment', 'Money returned', '{{amount}} of {{code}} was returned to you.', 'Refund for {{code}}', E'{{amount}} of booking {{code}} was returned to you.'),
  ('refund_paid_renter', 'vi', 'payment', 'Đã hoàn tiền', '{{amount}} của đơn {{code}} đã được hoàn lại cho bạn.', 'Hoàn tiền đơn {{code}}', E'{{amount}} của đơn {{code}} đã được hoàn lại cho bạn.'),
  ('refund_needs_account', 'en', 'payment', 'Where shall we return your money?', '{{amount}} is yours to get back. Set your bank account to receive it.', 'Set your bank account to get your money back', E'{{amount}} is to be returned to you, and the way you paid cannot take it back.\n\nPlease set your bank account in the app; the money is sent there after its waiting time.'),
  ('refund_needs_account', 'vi', 'payment', 'Cần tài khoản để hoàn tiền', 'Bạn được hoàn {{amount}}. Vui lòng thêm tài khoản ngân hàng để nhận tiền.', 'Vui lòng thêm tài khoản ngân hàng để nhận hoàn tiền', E'Bạn được hoàn {{amount}}, nhưng phương thức đã thanh toán không hỗ trợ hoàn tiền.\n\nVui lòng thêm tài khoản ngân hàng trong ứng dụng; tiền sẽ được chuyển sau thời gian chờ.'),
  ('unmatched_returned', 'en', 'payment', 'Money returned', '{{amount}} that matched no payment was returned to you.', 'Your money was returned', E'{{amount}} that matched no payment of yours was returned to you.'),
  ('unmatched_returned', 'vi', 'payment', 'Đã hoàn tiền', '{{amount}} không khớp với khoản thanh toán nào đã được hoàn lại cho bạn.', 'Đã hoàn lại tiền cho bạn', E'{{amount}} không khớp với khoản thanh toán nào của bạn đã được hoàn lại.');

create function private.addressees(p_refund public.refunds)
returns private.addressee[]
language plpgsql stable set search_path = ''
as $$
begin
  return array[('payer', p_refund.payer_id)]::private.addressee[];
end
$$;

create function private.notification_data(p_refund public.refunds)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return jsonb_build_object(
    'refund_id', p_refund.id, 'kind', p_refund.kind, 'of_payment', p_refund.payment_id is not null,
    'amount', private.format_money(p_refund.amount, p_refund.currency),
    -- while an account is being replaced by another there is none for a moment, and its removal has a text of its own
    'needs_account', p_refund.status = 'awaiting_account' and private.audit_cause() is distinct from 'bank_account_changed'
      and not exists (select from public.bank_accounts a where a.user_id = p_refund.payer_id and a.removed_at is null)
  ) || coalesce((select private.notification_data(b) from public.bookings b where b.id = p_refund.booking_id), '{}');
end
$$;

insert into private.notification_audiences (machine, audience) values ('refund', 'payer');
insert into private.notification_rules (machine, from_state, event, audience, template, channels, only_if) values
  ('refund', null, 'order', 'payer', 'payment_late_refunded_renter', '{in_app,email}', '{"kind": "late_payment"}'),
  ('refund', 'initial', 'await_account', 'payer', 'payment_late_refunded_renter', '{in_app,email}', '{"kind": "late_payment"}'),
  ('refund', null, 'await_account', 'payer', 'refund_needs_account', '{in_app,email}', '{"needs_account": true}'),
  ('refund', null, 'recall', 'payer', 'refund_needs_account', '{in_app,email}', '{"needs_account": true}'),
  ('refund', null, 'succeed', 'payer', 'refund_paid_renter', '{in_app,email}', '{"of_payment": true}'),
  ('refund', null, 'succeed_late', 'payer', 'refund_paid_renter', '{in_app,email}', '{"of_payment": true}'),
  ('refund', null, 'succeed', 'payer', 'unmatched_returned', '{in_app,email}', '{"kind": "unmatched"}'),
  ('refund', null, 'succeed_late', 'payer', 'unmatched_returned', '{in_app,email}', '{"kind": "unmatched"}');

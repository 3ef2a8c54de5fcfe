-- Refunds: who is notified of what, and the texts in Vietnamese and English.
-- Rule kept here: every code exists in every locale; a change of wording is a new version.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('payment_late_refunded', 'en', 'payment', 'Payment is refunded', 'Your payment came, but {{code}} cannot be confirmed any more. We are refunding {{total}}.', 'We are refunding your payment for {{code}}', E'Your payment for {{title}} came, but {{code}} cannot be confirmed any more.\n\nWe are refunding {{total}} to you.'),
  ('payment_late_refunded', 'vi', 'payment', 'Đang hoàn tiền thanh toán', 'Chúng tôi đã nhận thanh toán nhưng đơn {{code}} không thể xác nhận được nữa. Chúng tôi đang hoàn {{total}} cho bạn.', 'Đang hoàn tiền đơn {{code}}', E'Chúng tôi đã nhận thanh toán cho {{title}}, nhưng đơn {{code}} không thể xác nhận được nữa.\n\nChúng tôi đang hoàn {{total}} cho bạn.'),
  ('payment_part_returned', 'en', 'payment', 'We are returning your money', 'The payment for {{code}} was not completed. We are refunding the {{amount}} that you paid.', 'We are refunding {{amount}} of {{code}}', E'We received {{amount}} for {{title}}, {{code}}, but the payment was not completed.\n\nWe are refunding {{amount}} to you.'),
  ('payment_part_returned', 'vi', 'payment', 'Chúng tôi đang hoàn tiền', 'Đơn {{code}} chưa được thanh toán đủ. Chúng tôi đang hoàn {{amount}} mà bạn đã trả.', 'Đang hoàn {{amount}} của đơn {{code}}', E'Chúng tôi đã nhận {{amount}} cho {{title}}, đơn {{code}}, nhưng đơn chưa được thanh toán đủ.\n\nChúng tôi đang hoàn {{amount}} cho bạn.'),
  ('payment_part_not_needed', 'en', 'payment', 'We are returning your money', '{{code}} is paid without the {{amount}} that you had paid in part. We are refunding it to you.', 'We are refunding {{amount}} of {{code}}', E'{{title}}, {{code}}, is paid without the {{amount}} that you had paid in part.\n\nWe are refunding {{amount}} to you.'),
  ('payment_part_not_needed', 'vi', 'payment', 'Chúng tôi đang hoàn tiền', 'Đơn {{code}} đã được thanh toán đủ, không cần {{amount}} bạn đã trả trước đó. Chúng tôi đang hoàn lại cho bạn.', 'Đang hoàn {{amount}} của đơn {{code}}', E'{{title}}, đơn {{code}}, đã được thanh toán đủ, không cần {{amount}} bạn đã trả trước đó.\n\nChúng tôi đang hoàn {{amount}} cho bạn.'),
  ('refund_paid', 'en', 'payment', 'Refund paid', 'We refunded {{amount}} of {{code}} to you.', 'Refund for {{code}}', 'We refunded {{amount}} for {{title}}, {{code}}, to you.'),
  ('refund_paid', 'vi', 'payment', 'Đã hoàn tiền', 'Chúng tôi đã hoàn {{amount}} của đơn {{code}} cho bạn.', 'Đã hoàn tiền đơn {{code}}', 'Chúng tôi đã hoàn {{amount}} của đơn {{code}} cho bạn.'),
  ('refund_needs_account', 'en', 'payment', 'Add a bank account for your refund', 'We owe you a refund of {{amount}}. Add your bank account to receive it.', 'Add a bank account for your refund', E'We owe you a refund of {{amount}}. It cannot go back the way you paid.\n\nPlease add your bank account in the app. We send the money there after the waiting time of a new account.'),
  ('refund_needs_account', 'vi', 'payment', 'Cần tài khoản để hoàn tiền', 'Bạn được hoàn {{amount}}. Vui lòng thêm tài khoản ngân hàng để nhận tiền.', 'Vui lòng thêm tài khoản ngân hàng để nhận tiền hoàn', E'Bạn được hoàn {{amount}}, nhưng không thể hoàn qua phương thức bạn đã thanh toán.\n\nVui lòng thêm tài khoản ngân hàng trong ứng dụng. Chúng tôi sẽ chuyển tiền khi hết thời gian chờ của tài khoản mới.'),
  ('unmatched_returned', 'en', 'payment', 'Money returned', 'We returned {{amount}} that we could not match to a payment.', 'Your money was returned', 'We returned {{amount}} to you that we could not match to a payment of yours.'),
  ('unmatched_returned', 'vi', 'payment', 'Đã hoàn tiền', 'Chúng tôi đã hoàn {{amount}} không khớp với khoản thanh toán nào của bạn.', 'Đã hoàn tiền cho bạn', 'Chúng tôi đã hoàn cho bạn {{amount}} vì khoản này không khớp với khoản thanh toán nào của bạn.');

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
declare
  -- the refund of a part belongs to no payment, but its attempt does
  v_payment public.payments := (
    select p from public.payments p
    where p.id = coalesce(p_refund.payment_id, (select a.payment_id from public.payment_attempts a where a.id = p_refund.attempt_id))
  );
begin
  return coalesce((select private.payable_data(y) from public.payables y where y.id = v_payment.payable_id), '{}') || jsonb_build_object(
    -- who has taken the money back knows it
    'refund_id', p_refund.id, 'kind', p_refund.kind, 'of_payment', p_refund.kind <> 'unmatched' and p_refund.provider <> 'reversal',
    'paid', v_payment.settlement is not distinct from 'kept',
    'amount', private.money_value(p_refund.amount, p_refund.currency),
    -- not while an account is replaced, when there is none for a moment; removing one has a text of its own
    'needs_account', p_refund.status = 'awaiting_account' and private.audit_cause() is distinct from 'bank_account_changed'
      and not exists (select from public.bank_accounts a where a.user_id = p_refund.payer_id and a.removed_at is null)
  );
end
$$;

insert into private.notification_audiences (machine, audience) values ('refund', 'payer');
insert into private.notification_rules (machine, from_state, event, audience, template, channels, only_if) values
  ('refund', null, 'order', 'payer', 'payment_late_refunded', '{in_app,email}', '{"kind": "late_payment"}'),
  ('refund', 'initial', 'await_account', 'payer', 'payment_late_refunded', '{in_app,email}', '{"kind": "late_payment"}'),
  ('refund', 'initial', 'order', 'payer', 'payment_part_returned', '{in_app,email}', '{"kind": "part", "paid": false}'),
  ('refund', 'initial', 'await_account', 'payer', 'payment_part_returned', '{in_app,email}', '{"kind": "part", "paid": false}'),
  ('refund', 'initial', 'order', 'payer', 'payment_part_not_needed', '{in_app,email}', '{"kind": "part", "paid": true}'),
  ('refund', 'initial', 'await_account', 'payer', 'payment_part_not_needed', '{in_app,email}', '{"kind": "part", "paid": true}'),
  ('refund', null, 'await_account', 'payer', 'refund_needs_account', '{in_app,email}', '{"needs_account": true}'),
  ('refund', null, 'recall', 'payer', 'refund_needs_account', '{in_app,email}', '{"needs_account": true}'),
  ('refund', null, 'succeed', 'payer', 'refund_paid', '{in_app,email}', '{"of_payment": true}'),
  ('refund', null, 'succeed_late', 'payer', 'refund_paid', '{in_app,email}', '{"of_payment": true}'),
  ('refund', null, 'succeed', 'payer', 'unmatched_returned', '{in_app,email}', '{"kind": "unmatched"}'),
  ('refund', null, 'succeed_late', 'payer', 'unmatched_returned', '{in_app,email}', '{"kind": "unmatched"}');

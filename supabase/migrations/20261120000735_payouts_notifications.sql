-- Payouts: who is told of what, and the texts in Vietnamese and English.
-- Rule kept here: every code exists in every locale; a change of wording is a new version.
-- Left out on purpose: the account that a payout would need, which has no states; scheduling asks for it.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('bank_account_required', 'en', 'payment', 'Where shall we pay you?', '{{amount}} is ready for you. Set your bank account to receive it.', 'Set your bank account to be paid', E'{{amount}} of your earnings is ready.\n\nPlease set your bank account; the next payout after its waiting time goes there.'),
  ('bank_account_required', 'vi', 'payment', 'Cần tài khoản ngân hàng', 'Bạn có {{amount}} sẵn sàng chi trả. Vui lòng thêm tài khoản ngân hàng để nhận tiền.', 'Vui lòng thêm tài khoản ngân hàng để nhận tiền', E'Bạn có {{amount}} sẵn sàng chi trả.\n\nVui lòng thêm tài khoản ngân hàng; đợt chi trả kế tiếp sau thời gian chờ sẽ được chuyển đến đó.'),
  ('payout_paid', 'en', 'payment', 'You were paid', '{{amount}} was sent to your account ending {{last_four}}.', 'Your payout of {{amount}}', E'{{amount}} was sent to your bank account ending {{last_four}}.\n\nThe statement in the app shows what it is made of.'),
  ('payout_paid', 'vi', 'payment', 'Đã chi trả', '{{amount}} đã được chuyển đến tài khoản có số cuối {{last_four}}.', 'Chi trả {{amount}}', E'{{amount}} đã được chuyển đến tài khoản ngân hàng có số cuối {{last_four}}.\n\nBảng kê trong ứng dụng cho biết chi tiết khoản chi trả.'),
  ('payout_failed', 'en', 'payment', 'Payout not possible', '{{amount}} could not be sent to your account ending {{last_four}}. Please check it.', 'Your payout of {{amount}} could not be made', E'{{amount}} could not be sent to your bank account ending {{last_four}}.\n\nPlease check the account in the app. Nothing is lost: it will be sent again.'),
  ('payout_failed', 'vi', 'payment', 'Chi trả không thành công', 'Không thể chuyển {{amount}} đến tài khoản có số cuối {{last_four}}. Vui lòng kiểm tra.', 'Không thể chi trả {{amount}}', E'Không thể chuyển {{amount}} đến tài khoản ngân hàng có số cuối {{last_four}}.\n\nVui lòng kiểm tra tài khoản trong ứng dụng. Số tiền vẫn được bảo toàn và sẽ được chuyển lại.'),
  ('payout_held', 'en', 'payment', 'Payout on hold', 'Your payout of {{amount}} is on hold: {{reason}}', 'Your payout of {{amount}} is on hold', E'Your payout of {{amount}} is on hold: {{reason}}\n\nOur staff will look into it.'),
  ('payout_held', 'vi', 'payment', 'Tạm giữ khoản chi trả', 'Khoản chi trả {{amount}} đang được tạm giữ: {{reason}}', 'Khoản chi trả {{amount}} đang được tạm giữ', E'Khoản chi trả {{amount}} đang được tạm giữ: {{reason}}\n\nNhân viên của chúng tôi sẽ xem xét.');

create function private.addressees(p_payout public.payouts)
returns private.addressee[]
language plpgsql stable set search_path = ''
as $$
begin
  return array[('owner', p_payout.user_id)]::private.addressee[];
end
$$;

create function private.notification_data(p_payout public.payouts)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return jsonb_build_object(
    'payout_id', p_payout.id, 'amount', private.format_money(p_payout.amount, p_payout.currency),
    'last_four', (select a.account_last4 from public.bank_accounts a where a.id = p_payout.bank_account_id),
    'is_ours_to_mend', coalesce(starts_with(private.audit_cause(), 'platform:'), false),
    'reason', case when p_payout.hold_reason = 'booking_money_held' then (
      select string_agg(distinct b.code, ', ')
      from private.payout_items i
      join private.ledger_entries e on e.id = i.entry_id
      join private.ledger_transactions t on t.id = e.transaction_id
      join private.booking_holds h on h.booking_id = t.booking_id and h.released_at is null
      join public.bookings b on b.id = t.booking_id
      where i.payout_id = p_payout.id
    ) else p_payout.hold_reason end
  );
end
$$;

insert into private.notification_audiences (machine, audience) values ('payout', 'owner');
insert into private.notification_rules (machine, event, audience, template, channels, only_if) values
  ('payout', 'pay', 'owner', 'payout_paid', '{in_app,email}', '{}'),
  ('payout', 'pay_late', 'owner', 'payout_paid', '{in_app,email}', '{}'),
  ('payout', 'fail', 'owner', 'payout_failed', '{in_app,email}', '{"is_ours_to_mend": false}'),
  ('payout', 'hold', 'owner', 'payout_held', '{in_app,email}', '{}');

-- Payouts: who is notified of what, and the texts in Vietnamese and English.
-- Rule kept here: every code exists in every locale; a change of wording is a new version.
-- Left out on purpose: the account that a payout would need, which has no states; scheduling asks for it.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('bank_account_required', 'en', 'payment', 'Add a bank account to be paid', 'You have {{amount}} to be paid out. Add your bank account to receive it.', 'Add a bank account to be paid', E'You have earned {{amount}}.\n\nPlease add your bank account in the app. The next payout after the waiting time of a new account goes there.'),
  ('bank_account_required', 'vi', 'payment', 'Cần tài khoản ngân hàng', 'Bạn có {{amount}} chờ chi trả. Vui lòng thêm tài khoản ngân hàng để nhận tiền.', 'Vui lòng thêm tài khoản ngân hàng để nhận tiền', E'Bạn có {{amount}} chờ chi trả.\n\nVui lòng thêm tài khoản ngân hàng trong ứng dụng. Chúng tôi sẽ chuyển tiền trong đợt chi trả đầu tiên sau thời gian chờ của tài khoản mới.'),
  ('payout_paid', 'en', 'payment', 'Payout sent', 'We sent {{amount}} to your account ending in {{last_four}}.', 'Your payout of {{amount}}', E'We sent {{amount}} to your bank account ending in {{last_four}}.\n\nThe statement in the app shows the bookings that it is for.'),
  ('payout_paid', 'vi', 'payment', 'Đã chi trả', 'Chúng tôi đã chuyển {{amount}} vào tài khoản có bốn số cuối {{last_four}} của bạn.', 'Đã chi trả {{amount}}', E'Chúng tôi đã chuyển {{amount}} vào tài khoản ngân hàng có bốn số cuối {{last_four}} của bạn.\n\nBảng đối soát trong ứng dụng cho biết khoản này gồm những đơn nào.'),
  ('payout_failed', 'en', 'payment', 'Payout failed', 'We could not send {{amount}} to your account ending in {{last_four}}. Please check the account.', 'Your payout of {{amount}} failed', E'We could not send {{amount}} to your bank account ending in {{last_four}}.\n\nPlease check the account in the app. The money stays yours, and we will send it again.'),
  ('payout_failed', 'vi', 'payment', 'Chi trả không thành công', 'Không thể chuyển {{amount}} vào tài khoản có bốn số cuối {{last_four}}. Vui lòng kiểm tra tài khoản.', 'Không thể chi trả {{amount}}', E'Không thể chuyển {{amount}} vào tài khoản ngân hàng có bốn số cuối {{last_four}}.\n\nVui lòng kiểm tra tài khoản trong ứng dụng. Số tiền này vẫn là của bạn và sẽ được chuyển lại.'),
  ('payout_frozen', 'en', 'payment', 'Payout paused', 'Your payout of {{amount}} is paused: {{reason}}. Our staff will check it.', 'Your payout of {{amount}} is paused', E'Your payout of {{amount}} is paused: {{reason}}\n\nOur staff will check it and contact you if they need anything.'),
  ('payout_frozen', 'vi', 'payment', 'Tạm dừng chi trả', 'Khoản chi trả {{amount}} đang tạm dừng: {{reason}}. Nhân viên sẽ kiểm tra.', 'Tạm dừng chi trả {{amount}}', E'Khoản chi trả {{amount}} đang tạm dừng: {{reason}}\n\nNhân viên sẽ kiểm tra và liên hệ với bạn nếu cần.');

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
    'payout_id', p_payout.id, 'amount', private.money_value(p_payout.amount, p_payout.currency),
    'last_four', (select a.account_last4 from public.bank_accounts a where a.id = p_payout.bank_account_id),
    'is_ours_to_mend', coalesce(starts_with(private.audit_cause(), 'platform:'), false),
    'reason', coalesce(case when p_payout.freeze_reason = 'money_frozen' then (
      select string_agg(distinct y.code, ', ')
      from private.payout_items i
      join private.ledger_entries e on e.id = i.entry_id
      join private.ledger_transactions t on t.id = e.transaction_id
      join private.payable_freezes f on f.payable_id = t.payable_id and f.ended_at is null
      join public.payables y on y.id = t.payable_id
      where i.payout_id = p_payout.id
    ) else p_payout.freeze_reason end, '—')
  );
end
$$;

insert into private.notification_audiences (machine, audience) values ('payout', 'owner');
insert into private.notification_rules (machine, event, audience, template, channels, only_if) values
  ('payout', 'pay', 'owner', 'payout_paid', '{in_app,email}', '{}'),
  ('payout', 'pay_late', 'owner', 'payout_paid', '{in_app,email}', '{}'),
  ('payout', 'fail', 'owner', 'payout_failed', '{in_app,email}', '{"is_ours_to_mend": false}'),
  ('payout', 'freeze', 'owner', 'payout_frozen', '{in_app,email}', '{}');

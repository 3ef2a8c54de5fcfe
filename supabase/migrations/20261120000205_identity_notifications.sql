-- Identity: who is told of what, and the texts in Vietnamese and English.
-- Rule kept here: every code exists in every locale; a change of wording is a new version.
-- Left out on purpose: bank accounts have no states, so their commands tell of them.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('licence_verified', 'en', 'account', 'Licence verified', 'Your driver licence has been verified. You can book now.', null, null),
  ('licence_verified', 'vi', 'account', 'Đã xác minh bằng lái', 'Giấy phép lái xe của bạn đã được xác minh. Bạn có thể đặt xe.', null, null),
  ('licence_rejected', 'en', 'account', 'Licence not accepted', 'Your driver licence was not accepted: {{reason}}', 'Your driver licence was not accepted', E'Your driver licence was not accepted: {{reason}}\n\nPlease submit it again.'),
  ('licence_rejected', 'vi', 'account', 'Bằng lái chưa được chấp nhận', 'Giấy phép lái xe chưa được chấp nhận: {{reason}}', 'Giấy phép lái xe chưa được chấp nhận', E'Giấy phép lái xe của bạn chưa được chấp nhận: {{reason}}\n\nVui lòng gửi lại.'),
  ('bank_account_changed', 'en', 'account', 'Bank account set', 'Your payouts go to the account ending {{last_four}}. It can be used from {{usable_from}}.', 'Your bank account was set', E'You will be paid to this bank account from {{usable_from}}:\n\nBank {{bank}}\nAccount ending {{last_four}}\n{{holder}}\n\nDid you not do this? Change your password, set your own bank account again and write to us at once. Nothing is sent there before that time.'),
  ('bank_account_changed', 'vi', 'account', 'Đã cập nhật tài khoản ngân hàng', 'Tiền sẽ được chuyển đến tài khoản có số cuối {{last_four}}, dùng được từ {{usable_from}}.', 'Tài khoản ngân hàng của bạn đã được cập nhật', E'Bạn sẽ nhận tiền qua tài khoản ngân hàng này từ {{usable_from}}:\n\nNgân hàng {{bank}}\nSố tài khoản kết thúc bằng {{last_four}}\n{{holder}}\n\nNếu không phải bạn thực hiện, vui lòng đổi mật khẩu, cập nhật lại tài khoản của bạn và liên hệ với chúng tôi ngay. Trước thời điểm trên sẽ không có khoản tiền nào được chuyển đi.'),
  ('bank_account_removed', 'en', 'account', 'Bank account removed', 'The account ending {{last_four}} was removed. Payouts wait until you set another.', 'Your bank account was removed', E'The bank account ending {{last_four}} was removed from your profile. Payouts wait until you set another.\n\nDid you not do this? Change your password and write to us at once.'),
  ('bank_account_removed', 'vi', 'account', 'Đã gỡ tài khoản ngân hàng', 'Tài khoản có số cuối {{last_four}} đã được gỡ. Các khoản chi trả sẽ chờ tài khoản mới.', 'Tài khoản ngân hàng của bạn đã được gỡ', E'Tài khoản ngân hàng có số cuối {{last_four}} đã được gỡ khỏi hồ sơ của bạn. Các khoản chi trả sẽ chờ đến khi bạn thêm tài khoản mới.\n\nNếu không phải bạn thực hiện, vui lòng đổi mật khẩu và liên hệ với chúng tôi ngay.');

create function private.addressees(p_licence public.driver_licences)
returns private.addressee[]
language plpgsql stable set search_path = ''
as $$
begin
  return array[('owner', p_licence.user_id)]::private.addressee[];
end
$$;

create function private.notification_data(p_licence public.driver_licences)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  -- a change made in Studio may give no reason
  return jsonb_build_object('licence_id', p_licence.id, 'reason', coalesce(p_licence.reason, private.audit_reason(), '—'));
end
$$;

insert into private.notification_audiences (machine, audience) values ('driver_licence', 'owner');
insert into private.notification_rules (machine, event, audience, template, channels) values
  ('driver_licence', 'verify', 'owner', 'licence_verified', '{in_app}'),
  ('driver_licence', 'reject', 'owner', 'licence_rejected', '{in_app,email}'),
  ('driver_licence', 'revoke', 'owner', 'licence_rejected', '{in_app,email}');

-- Identity: who is notified of what, and the texts in Vietnamese and English.
-- Rule kept here: every code exists in every locale; a change of wording is a new version.
-- Left out on purpose: bank accounts have no states, so their commands notify people themselves.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('licence_verified', 'en', 'account', 'Licence verified', 'Your driver licence is verified. You can book now.', null, null),
  ('licence_verified', 'vi', 'account', 'Đã xác minh giấy phép lái xe', 'Giấy phép lái xe của bạn đã được xác minh. Bạn có thể đặt xe ngay.', null, null),
  ('licence_corrected', 'en', 'account', 'Licence verified, with corrections', 'Your driver licence of class {{classes}} is verified. We corrected what you had entered, as it is on the photos: see your licence in the app. You can book now.', null, null),
  ('licence_corrected', 'vi', 'account', 'Đã xác minh giấy phép lái xe, có chỉnh sửa', 'Giấy phép lái xe hạng {{classes}} của bạn đã được xác minh. Chúng tôi đã sửa thông tin bạn nhập cho khớp với ảnh, vui lòng xem lại trong ứng dụng. Bạn có thể đặt xe ngay.', null, null),
  ('licence_rejected', 'en', 'account', 'Licence not accepted', 'We could not accept your driver licence: {{reason}}. Please submit it again.', 'Your driver licence was not accepted', E'We could not accept your driver licence.\n\nReason: {{reason}}\n\nPlease submit it again in the app.'),
  ('licence_rejected', 'vi', 'account', 'Giấy phép lái xe chưa được chấp nhận', 'Giấy phép lái xe của bạn chưa được chấp nhận. Lý do: {{reason}}. Vui lòng gửi lại.', 'Giấy phép lái xe của bạn chưa được chấp nhận', E'Giấy phép lái xe của bạn chưa được chấp nhận.\n\nLý do: {{reason}}\n\nVui lòng gửi lại trong ứng dụng.'),
  ('bank_account_changed', 'en', 'account', 'Bank account added', 'We will pay to your account ending in {{last_four}} from {{usable_from}}.', 'Your bank account was added', E'We will pay to this bank account from {{usable_from}}:\n\nBank {{bank}}\nAccount ending in {{last_four}}\n{{holder}}\n\nIf you did not do this, change your password, add your own bank account again and contact us at once. We send nothing to this account before that time.'),
  ('bank_account_changed', 'vi', 'account', 'Đã thêm tài khoản ngân hàng', 'Từ {{usable_from}}, chúng tôi sẽ chuyển tiền vào tài khoản có bốn số cuối {{last_four}} của bạn.', 'Đã thêm tài khoản ngân hàng của bạn', E'Từ {{usable_from}}, chúng tôi sẽ chuyển tiền vào tài khoản ngân hàng này:\n\nNgân hàng {{bank}}\nBốn số cuối: {{last_four}}\n{{holder}}\n\nNếu không phải bạn thực hiện, hãy đổi mật khẩu, thêm lại tài khoản của bạn và liên hệ với chúng tôi ngay. Trước thời điểm trên, chúng tôi không chuyển khoản nào vào tài khoản này.'),
  ('bank_account_removed', 'en', 'account', 'Bank account removed', 'Your account ending in {{last_four}} was removed. Add another one to be paid.', 'Your bank account was removed', E'Your bank account ending in {{last_four}} was removed. Add another one to be paid.\n\nIf you did not do this, change your password and contact us at once.'),
  ('bank_account_removed', 'vi', 'account', 'Đã xóa tài khoản ngân hàng', 'Tài khoản có bốn số cuối {{last_four}} đã được xóa. Hãy thêm tài khoản khác để nhận tiền.', 'Đã xóa tài khoản ngân hàng của bạn', E'Tài khoản ngân hàng có bốn số cuối {{last_four}} đã được xóa. Hãy thêm tài khoản khác để nhận tiền.\n\nNếu không phải bạn thực hiện, hãy đổi mật khẩu và liên hệ với chúng tôi ngay.');

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
  return jsonb_build_object('licence_id', p_licence.id, 'classes', array_to_string(p_licence.classes, ', '),
    'is_corrected', p_licence.corrected_fields <> '{}', 'reason', coalesce(p_licence.reason, private.audit_reason(), '—'));
end
$$;

insert into private.notification_audiences (machine, audience) values ('driver_licence', 'owner');
insert into private.notification_rules (machine, event, audience, template, channels, only_if) values
  ('driver_licence', 'verify', 'owner', 'licence_verified', '{in_app}', '{"is_corrected": false}'),
  ('driver_licence', 'verify', 'owner', 'licence_corrected', '{in_app}', '{"is_corrected": true}'),
  ('driver_licence', 'reject', 'owner', 'licence_rejected', '{in_app,email}', '{}'),
  ('driver_licence', 'revoke', 'owner', 'licence_rejected', '{in_app,email}', '{}');

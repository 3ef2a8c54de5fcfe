-- Identity: the mails and messages of Supabase Auth itself, which its hooks hand to us.
-- Rule kept here: a hook answers after the message is stored, and the outbox sends it with our texts. What opens an
-- account (code, link) is encrypted until the sender took it, and then removed.
-- Left out on purpose: reading what Auth sends, which the function auth-hooks does.

create table private.auth_messages (
  id uuid primary key default gen_random_uuid(),
  -- Auth calls again when an answer is lost, with another id of the call
  cause_hash bytea not null unique,
  template text not null,
  channel text not null,
  address text not null,
  locale text not null,
  encrypted_data bytea,
  expires_at timestamptz not null,
  handed_over_at timestamptz,
  created_at timestamptz not null default now(),
  constraint auth_messages_template_form check (template ~ '^(auth|account)_[a-z_]{2,40}$'),
  constraint auth_messages_channel_known check (channel in ('email', 'sms')),
  constraint auth_messages_address_form check (case channel when 'sms' then address ~ '^\+[1-9][0-9]{6,14}$' else address like '%_@_%' end),
  constraint auth_messages_locale_known check (locale in ('vi', 'en')),
  constraint auth_messages_not_kept check (handed_over_at is null or encrypted_data is null)
);
create index auth_messages_created_idx on private.auth_messages (created_at);
alter table private.auth_messages enable row level security;
comment on table private.auth_messages is 'Mails and SMS that Supabase Auth asked for, and mails to an address that an account no longer has. A day later they are removed. No column names the account: at sign-up it is not committed yet.';
comment on column private.auth_messages.cause_hash is 'private.keyed_hash() of what is sent to whom: the same message is sent once.';
comment on column private.auth_messages.encrypted_data is 'The values of the text, by pgp_sym_encrypt under the secret `otp`. Removed when the message was handed to the sender.';
comment on column private.auth_messages.expires_at is 'After it the message is not sent any more.';
comment on column private.auth_messages.handed_over_at is 'When the sender (mail or SMS) took it. Null until then.';

create function private.queue_auth_message(p_template text, p_channel text, p_address text, p_locale text, p_country_code text, p_data jsonb)
returns uuid
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_locale text := case when p_locale in ('vi', 'en') then p_locale else 'vi' end;
  v_cause bytea := private.keyed_hash(concat_ws(':', 'auth_message', p_template, p_channel, p_address, p_data));
  v_id uuid;
begin
  if p_channel = 'sms' then
    if not private.setting('otp_country_codes') ? coalesce(p_country_code, '') then
      perform private.fail('country_not_supported');
    end if;
    perform private.take_token('otp_country', p_country_code);
  end if;
  perform private.take_token('otp_address', 'auth:' || p_address);
  if not exists (select from public.notification_templates t where t.code = p_template and t.locale = v_locale and t.email_subject is not null) then
    perform private.fail_input('template', 'must be a text that Auth sends');
  end if;
  insert into private.auth_messages (cause_hash, template, channel, address, locale, encrypted_data, expires_at)
  select v_cause, p_template, p_channel, p_address, v_locale,
         extensions.pgp_sym_encrypt(p_data::text, encode(s.value, 'hex'), 'cipher-algo=aes256'), now() + interval '1 hour'
  from private.secrets s where s.name = 'otp'
  on conflict (cause_hash) do nothing
  returning id into v_id;
  if found then
    perform private.enqueue('auth_message', jsonb_build_object('auth_message_id', v_id), v_id::text);
  end if;
  return coalesce(v_id, (select m.id from private.auth_messages m where m.cause_hash = v_cause));
end
$$;
create function public.queue_auth_message(template text, channel text, address text, locale text, country_code text, data jsonb)
returns uuid
language sql volatile set search_path = ''
as $$ select private.queue_auth_message(template, channel, address, locale, country_code, data) $$;
comment on function public.queue_auth_message is 'Queues a mail or SMS that Supabase Auth asked for, and answers its id. `template` is a code of notification_templates that begins with auth_, `data` has its variables. The same message a second time is queued once. Service only. Errors: rate_limited, country_not_supported, invalid_input.';
select private.expose_limited('queue_auth_message(text, text, text, text, text, jsonb)', 'otp_address', $$'auth:' || address$$, 'service_role');

-- One mail of ours to an address, whether or not an account has it now. The text is one of notification_templates.
create function private.mail_to_address(p_template text, p_address text, p_locale text)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_id uuid;
begin
  insert into private.auth_messages (cause_hash, template, channel, address, locale, encrypted_data, expires_at)
  select private.keyed_hash(gen_random_uuid()::text), p_template, 'email', p_address, p_locale,
         extensions.pgp_sym_encrypt('{}', encode(s.value, 'hex'), 'cipher-algo=aes256'), now() + interval '1 day'
  from private.secrets s where s.name = 'otp'
  returning id into v_id;
  perform private.enqueue('auth_message', jsonb_build_object('auth_message_id', v_id), v_id::text);
end
$$;

-- Null when it was sent or is too late.
create function private.auth_message_to_send(p_auth_message_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_message private.auth_messages;
begin
  select * into v_message from private.auth_messages
  where id = p_auth_message_id and encrypted_data is not null and expires_at > now();
  if not found then
    return null;
  end if;
  return private.secret_message(v_message.template, v_message.locale, v_message.channel, v_message.address,
    (select extensions.pgp_sym_decrypt(v_message.encrypted_data, encode(s.value, 'hex')) from private.secrets s where s.name = 'otp')::jsonb);
end
$$;
create function public.auth_message_to_send(auth_message_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$ select private.auth_message_to_send(auth_message_id) $$;
comment on function public.auth_message_to_send is 'Answers the message: {channel, to, subject, text, html}, or null when nothing is to be sent. Service only.';
select private.expose('auth_message_to_send(uuid)', 'service_role');

create function private.auth_message_handed_over(p_auth_message_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  update private.auth_messages set handed_over_at = now(), encrypted_data = null
  where id = p_auth_message_id and handed_over_at is null;
end
$$;
create function public.auth_message_handed_over(auth_message_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.auth_message_handed_over(auth_message_id) $$;
comment on function public.auth_message_handed_over is 'Records that the sender took the message, and removes what it said. Repeatable. Service only.';
select private.expose('auth_message_handed_over(uuid)', 'service_role');

select private.register_topic('auth_message', 'auth_message_id');

create function private.tidy_auth_messages()
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  delete from private.auth_messages where created_at < now() - interval '1 day';
end
$$;
select private.schedule_job('journey_tidy_auth_messages', 'Removes the messages of Auth after a day.',
  '23 20 * * *', '26 hours', 'select private.tidy_auth_messages()');

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('auth_signup', 'en', 'account', 'Confirm your address', 'Journey: {{code}} confirms your address. Do not share it.', 'Welcome to Journey: confirm your address', E'Welcome to Journey.\n\nOpen this link to confirm your address:\n{{link}}\n\nOr enter this code in the app: {{code}}\n\nIf you did not sign up, you can ignore this mail.'),
  ('auth_signup', 'vi', 'account', 'Xác nhận địa chỉ', 'Journey: {{code}} la ma xac nhan dia chi cua ban. Khong chia se ma nay.', 'Chào mừng bạn đến với Journey: xác nhận địa chỉ', E'Chào mừng bạn đến với Journey.\n\nMở liên kết này để xác nhận địa chỉ của bạn:\n{{link}}\n\nHoặc nhập mã này trong ứng dụng: {{code}}\n\nNếu bạn không đăng ký, hãy bỏ qua email này.'),
  ('auth_invite', 'en', 'account', 'Invitation', 'Journey: {{code}} accepts your invitation. Do not share it.', 'You are invited to Journey', E'You are invited to Journey. Open this link to accept:\n{{link}}\n\nOr enter this code in the app: {{code}}'),
  ('auth_invite', 'vi', 'account', 'Lời mời', 'Journey: {{code}} la ma nhan loi moi cua ban. Khong chia se ma nay.', 'Bạn được mời tham gia Journey', E'Bạn được mời tham gia Journey. Mở liên kết này để chấp nhận:\n{{link}}\n\nHoặc nhập mã này trong ứng dụng: {{code}}'),
  ('auth_magiclink', 'en', 'account', 'Sign in', 'Journey: {{code}} is your code to sign in. Do not share it.', '{{code}} is your code to sign in', E'Open this link to sign in:\n{{link}}\n\nOr enter this code in the app: {{code}}\n\nWe never ask for it: share it with nobody. If you did not request it, you can ignore this mail.'),
  ('auth_magiclink', 'vi', 'account', 'Đăng nhập', 'Journey: {{code}} la ma dang nhap cua ban. Khong chia se ma nay.', '{{code}} là mã đăng nhập của bạn', E'Mở liên kết này để đăng nhập:\n{{link}}\n\nHoặc nhập mã này trong ứng dụng: {{code}}\n\nChúng tôi không bao giờ hỏi mã này, vui lòng không chia sẻ với bất kỳ ai. Nếu bạn không yêu cầu, hãy bỏ qua email này.'),
  ('auth_recovery', 'en', 'account', 'New password', 'Journey: {{code}} is your code for a new password. Do not share it.', 'Set a new password', E'Open this link to set a new password:\n{{link}}\n\nOr enter this code in the app: {{code}}\n\nIf you did not request it, somebody else entered your address. Your password has not changed.'),
  ('auth_recovery', 'vi', 'account', 'Đặt lại mật khẩu', 'Journey: {{code}} la ma dat lai mat khau. Khong chia se ma nay.', 'Đặt lại mật khẩu của bạn', E'Mở liên kết này để đặt mật khẩu mới:\n{{link}}\n\nHoặc nhập mã này trong ứng dụng: {{code}}\n\nNếu bạn không yêu cầu, có người khác đã nhập địa chỉ của bạn. Mật khẩu của bạn vẫn như cũ.'),
  ('auth_email_change', 'en', 'account', 'Confirm the change', 'Journey: {{code}} confirms the change of your address. Do not share it.', 'Confirm the change of your mail address', E'Your account is to use the address {{new_email}}. Open this link to confirm:\n{{link}}\n\nOr enter this code in the app: {{code}}\n\nIf you did not request it, do not open the link, and change your password.'),
  ('auth_email_change', 'vi', 'account', 'Xác nhận thay đổi', 'Journey: {{code}} la ma xac nhan doi dia chi email. Khong chia se ma nay.', 'Xác nhận thay đổi địa chỉ email', E'Tài khoản của bạn sẽ dùng địa chỉ {{new_email}}. Mở liên kết này để xác nhận:\n{{link}}\n\nHoặc nhập mã này trong ứng dụng: {{code}}\n\nNếu bạn không yêu cầu, đừng mở liên kết và hãy đổi mật khẩu.'),
  ('auth_email', 'en', 'account', 'Your code', 'Journey: {{code}} is your code. Do not share it.', '{{code}} is your code', E'Enter this code in the app: {{code}}\n\nOr open this link:\n{{link}}\n\nWe never ask for it: share it with nobody.'),
  ('auth_email', 'vi', 'account', 'Mã của bạn', 'Journey: {{code}} la ma cua ban. Khong chia se ma nay.', '{{code}} là mã của bạn', E'Nhập mã này trong ứng dụng: {{code}}\n\nHoặc mở liên kết này:\n{{link}}\n\nChúng tôi không bao giờ hỏi mã này, vui lòng không chia sẻ với bất kỳ ai.'),
  ('auth_reauthentication', 'en', 'account', 'Your code', 'Journey: {{code}} confirms that it is you. Do not share it.', '{{code}} confirms that it is you', E'Enter this code in the app to confirm that it is you: {{code}}\n\nIf you did not request it, change your password: somebody is signed in to your account.'),
  ('auth_reauthentication', 'vi', 'account', 'Mã xác nhận', 'Journey: {{code}} la ma xac nhan. Khong chia se ma nay.', '{{code}} là mã xác nhận', E'Nhập mã này trong ứng dụng để xác nhận chính bạn đang thực hiện: {{code}}\n\nNếu bạn không yêu cầu, hãy đổi mật khẩu ngay: có người đang đăng nhập tài khoản của bạn.'),
  ('auth_sms', 'en', 'account', 'Your code', 'Journey: {{code}} is your code. Do not share it.', '{{code}} is your code', 'Your code: {{code}}'),
  ('auth_sms', 'vi', 'account', 'Mã của bạn', 'Journey: {{code}} la ma cua ban. Khong chia se ma nay.', '{{code}} là mã của bạn', 'Mã của bạn: {{code}}'),
  ('auth_phone_changed_notification', 'en', 'account', 'Phone changed', 'The phone number of your account was changed.', 'Your phone number was changed', E'The phone number that your account signs in with was changed.\n\nIf you did not do this, change your password and contact us at once.'),
  ('auth_phone_changed_notification', 'vi', 'account', 'Đã đổi số điện thoại', 'So dien thoai dang nhap cua tai khoan vua duoc thay doi.', 'Số điện thoại của bạn vừa được thay đổi', E'Số điện thoại đăng nhập của tài khoản vừa được thay đổi.\n\nNếu không phải bạn thực hiện, hãy đổi mật khẩu và liên hệ với chúng tôi ngay.'),
  ('auth_sign_in_changed_notification', 'en', 'account', 'Ways to sign in changed', 'A way to sign in to your account was added or removed.', 'A way to sign in was added or removed', E'A way to sign in to your account was added or removed: another account of yours, or a second factor.\n\nIf you did not do this, change your password and contact us at once.'),
  ('auth_sign_in_changed_notification', 'vi', 'account', 'Đã thay đổi cách đăng nhập', 'Mot cach dang nhap vao tai khoan vua duoc them hoac go bo.', 'Cách đăng nhập vừa được thêm hoặc gỡ bỏ', E'Một cách đăng nhập vào tài khoản của bạn (tài khoản liên kết hoặc xác thực hai bước) vừa được thêm hoặc gỡ bỏ.\n\nNếu không phải bạn thực hiện, hãy đổi mật khẩu và liên hệ với chúng tôi ngay.');

-- What changes at an account -----------------------------------------------------------------------------------
insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('account_welcome', 'en', 'account', 'Welcome', 'Your account is ready.', 'Welcome to Journey', E'Your mail address is confirmed, and your account is ready.\n\nTo rent, submit your driver licence in the app: once it is verified, you can book. To earn, list your own vehicle.\n\nWe never ask for your password or for a code, by mail, phone or chat.\n\nIf you did not sign up, contact us, and we will remove the account.'),
  ('account_welcome', 'vi', 'account', 'Chào mừng', 'Tài khoản của bạn đã sẵn sàng.', 'Chào mừng bạn đến với Journey', E'Địa chỉ email của bạn đã được xác nhận và tài khoản đã sẵn sàng.\n\nĐể thuê xe, hãy gửi giấy phép lái xe trong ứng dụng: bạn có thể đặt xe ngay khi giấy phép được xác minh. Để có thêm thu nhập, hãy đăng xe của bạn.\n\nChúng tôi không bao giờ hỏi mật khẩu hoặc mã xác minh qua email, điện thoại hay tin nhắn.\n\nNếu bạn không đăng ký, hãy liên hệ để chúng tôi xóa tài khoản này.'),
  ('account_email_changed', 'en', 'account', 'Address changed', 'The mail address of your account was changed.', 'Your account has another mail address now', E'The mail address of your account was changed. From now on we write to the new one, and no longer to this one.\n\nIf you did not do this, contact us at once: somebody else has access to your account.'),
  ('account_email_changed', 'vi', 'account', 'Đã đổi địa chỉ email', 'Địa chỉ email của tài khoản vừa được thay đổi.', 'Tài khoản của bạn đã đổi địa chỉ email', E'Địa chỉ email của tài khoản vừa được thay đổi. Từ nay chúng tôi gửi thư đến địa chỉ mới, không gửi đến địa chỉ này nữa.\n\nNếu không phải bạn thực hiện, hãy liên hệ với chúng tôi ngay: có người khác đang truy cập tài khoản của bạn.'),
  ('email_changed', 'en', 'account', 'Mail address changed', 'Your account has another mail address now.', 'This is the mail address of your account now', E'The mail address of your account was changed to this one. Codes, receipts and messages come here from now on.\n\nIf you did not do this, set a new password at once and contact us.'),
  ('email_changed', 'vi', 'account', 'Đã đổi địa chỉ email', 'Tài khoản của bạn đã dùng địa chỉ email mới.', 'Đây là địa chỉ email mới của tài khoản bạn', E'Địa chỉ email của tài khoản vừa được đổi thành địa chỉ này. Từ nay mã xác minh, biên nhận và thông báo sẽ được gửi đến đây.\n\nNếu không phải bạn thực hiện, hãy đặt lại mật khẩu ngay và liên hệ với chúng tôi.'),
  ('phone_changed', 'en', 'account', 'Phone number changed', 'The phone number of your account ends in {{last_four}} now.', 'Your phone number was changed', E'The phone number of your account ends in {{last_four}} now. Codes can be sent to it.\n\nIf you did not do this, set a new password at once and contact us.'),
  ('phone_changed', 'vi', 'account', 'Đã đổi số điện thoại', 'Số điện thoại của tài khoản hiện có bốn số cuối {{last_four}}.', 'Số điện thoại của bạn vừa được thay đổi', E'Số điện thoại của tài khoản hiện có bốn số cuối {{last_four}} và có thể nhận mã xác minh.\n\nNếu không phải bạn thực hiện, hãy đặt lại mật khẩu ngay và liên hệ với chúng tôi.');

-- Whichever way it was changed: in the app, through Auth, in Studio. Both addresses are told, since the old one may be
-- all that its owner still has. The mark belongs to the address that was verified.
create function private.on_email_changed()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_profile public.profiles;
begin
  update public.profiles set email_verified_at = null where id = new.id and email_verified_at is not null;
  select * into v_profile from public.profiles where id = new.id;
  -- a deletion by Auth changes it too
  if v_profile.deleted_at is null and old.email <> '' then
    perform private.mail_to_address('account_email_changed', lower(old.email), v_profile.locale);
    perform private.notify(new.id, 'email_changed', jsonb_build_object(), gen_random_uuid()::text);
  end if;
  return null;
end
$$;
create trigger email_changed after update of email on auth.users
  for each row when (old.email is distinct from new.email)
  execute function private.on_email_changed();

create function private.on_phone_changed()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.notify(new.id, 'phone_changed', jsonb_build_object('last_four', right(new.phone, 4)), gen_random_uuid()::text);
  return null;
end
$$;
create trigger phone_changed after update of phone on public.profiles
  for each row when (old.phone is distinct from new.phone and new.phone is not null and new.deleted_at is null)
  execute function private.on_phone_changed();

-- Once, when the address is proved: before, it may be that of somebody who never signed up.
create function private.welcome(p_user_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  -- two proofs at once welcome once
  perform 1 from public.profiles where id = p_user_id for no key update;
  if not exists (select from private.domain_events where subject_id = p_user_id and type = 'profile.welcomed') then
    perform private.record_event('profile.welcomed', p_user_id);
    perform private.mail_to_address('account_welcome', lower(u.email), p.locale)
    from auth.users u join public.profiles p on p.id = u.id
    where u.id = p_user_id and u.email <> '' and p.deleted_at is null;
  end if;
end
$$;
create function private.on_address_proved()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.welcome(new.id);
  return null;
end
$$;
-- by the link or code of Auth; an account that is made with a confirmed address has proved nothing
create trigger address_proved after update of email_confirmed_at on auth.users
  for each row when (old.email_confirmed_at is null and new.email_confirmed_at is not null)
  execute function private.on_address_proved();
-- by a code of ours
create trigger address_proved after update of email_verified_at on public.profiles
  for each row when (old.email_verified_at is null and new.email_verified_at is not null)
  execute function private.on_address_proved();

-- Identity: one-time codes, which prove that a person reads a mail address or a phone.
-- Rule kept here: a code is six digits and lives for minutes. All codes sent for one purpose to one address share a
-- challenge and its tries, so that a resend gives nobody more tries. A wrong try is counted, because no error is raised
-- for it. The same happens, and the same is answered, whether or not the account exists.
-- Left out on purpose: drawing a code and setting a password, which the function otp does.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('code_wrong', 422, false, 'This code is not right. Check it and enter it again; details say how many tries are left.', 'Mã không đúng. Vui lòng kiểm tra và nhập lại; xem số lần thử còn lại trong chi tiết.'),
  ('code_expired', 410, false, 'This code is no longer valid. Request a new code.', 'Mã không còn hiệu lực. Vui lòng yêu cầu mã mới.'),
  ('phone_taken', 409, false, 'Another account has verified this phone number. Use another number, or contact support.', 'Số điện thoại này đã được xác minh ở tài khoản khác. Vui lòng dùng số khác hoặc liên hệ hỗ trợ.'),
  ('country_not_supported', 422, false, 'We cannot send codes to phone numbers of this country. Use another number or your mail address.', 'Chúng tôi chưa gửi được mã đến số điện thoại của quốc gia này. Vui lòng dùng số khác hoặc địa chỉ email.'),
  ('no_verified_contact', 409, false, 'Your account has no mail address or verified phone number to send a code to. Verify one first.', 'Tài khoản của bạn chưa có email hoặc số điện thoại đã xác minh để nhận mã. Vui lòng xác minh trước.'),
  ('sms_unavailable', 503, true, 'Codes cannot be sent by SMS now. Use your mail address, or try again later.', 'Hiện chưa thể gửi mã qua SMS. Vui lòng dùng email hoặc thử lại sau.'),
  ('password_refused', 422, false, 'This password was refused. Choose a longer one that is not used elsewhere.', 'Mật khẩu không được chấp nhận. Vui lòng chọn mật khẩu dài hơn và chưa dùng ở nơi khác.'),
  ('step_up_required', 403, false, 'Confirm that it is you: request a code and enter it, then try again.', 'Vui lòng xác nhận chính bạn đang thực hiện: yêu cầu mã, nhập mã rồi thử lại.');

insert into private.rate_limits (action, capacity, per_minute) values
  ('otp_user', 10, 0.5),
  ('otp_address', 5, 0.1),
  ('otp_ip', 20, 1),
  ('otp_country', 200, 20),
  ('otp_try', 30, 5);

alter table private.settings
  add constraint settings_otp_valid_minutes check (key <> 'otp_valid_minutes' or private.is_whole(value, 1, 30)),
  add constraint settings_otp_tries check (key <> 'otp_tries' or private.is_whole(value, 3, 10)),
  add constraint settings_otp_resend_seconds check (key <> 'otp_resend_seconds' or private.is_whole(value, 30, 600)),
  add constraint settings_otp_country_codes check (key <> 'otp_country_codes' or (
    jsonb_typeof(value) = 'array' and not jsonb_path_exists(value, '$[*] ? (!(@ like_regex "^[1-9][0-9]{0,2}$"))'))),
  add constraint settings_step_up_minutes check (key <> 'step_up_minutes' or private.is_whole(value, 1, 60));
insert into private.settings (key, value, description) values
  ('otp_valid_minutes', '5', 'Minutes: how long a one-time code is valid.'),
  ('otp_tries', '5', 'How many codes may be entered for one challenge.'),
  ('otp_resend_seconds', '60', 'Seconds between two codes to one address.'),
  ('otp_country_codes', '["84"]', 'Calling codes, without +, of the countries that codes are sent to by SMS. Messages to other countries can cost much more.'),
  ('step_up_minutes', '10', 'Minutes: how long a session may use sensitive commands after a step-up code.');

insert into private.secrets (name, value) values ('otp', extensions.gen_random_bytes(32));

create table private.otp_challenges (
  id uuid primary key default gen_random_uuid(),
  purpose text not null,
  channel text not null,
  address text not null,
  -- null when a password is to be reset and no account has this address
  user_id uuid references public.profiles on delete cascade,
  locale text not null,
  tries int not null default 0,
  passed_at timestamptz,
  ended_at timestamptz,
  outcome text,
  created_at timestamptz not null default now(),
  constraint otp_challenges_purpose_known check (purpose in ('verify_email', 'verify_phone', 'reset_password', 'step_up')),
  constraint otp_challenges_channel_known check (channel in ('email', 'sms')),
  constraint otp_challenges_address_form check (case channel when 'sms' then address ~ '^\+[1-9][0-9]{6,14}$' else address = lower(address) and address like '%_@_%' end),
  constraint otp_challenges_channel_of_purpose check (case purpose when 'verify_email' then channel = 'email' when 'verify_phone' then channel = 'sms' else true end),
  constraint otp_challenges_has_user check (purpose = 'reset_password' or user_id is not null),
  constraint otp_challenges_locale_known check (locale in ('vi', 'en')),
  constraint otp_challenges_tries_range check (tries between 0 and 10),
  constraint otp_challenges_ended check ((ended_at is null) = (outcome is null)),
  constraint otp_challenges_outcome_known check (outcome in ('passed', 'exhausted', 'expired')),
  constraint otp_challenges_passed check (outcome <> 'passed' or passed_at is not null)
);
-- one live challenge, so that the tries of all codes for one purpose add up; null is one person like any other here
create unique index otp_challenges_one_live on private.otp_challenges
  (purpose, address, coalesce(user_id, '00000000-0000-0000-0000-000000000000')) where ended_at is null;
create index otp_challenges_created_idx on private.otp_challenges (created_at);
create index otp_challenges_user_idx on private.otp_challenges (user_id);
comment on table private.otp_challenges is 'What one-time codes are to prove. A challenge collects the codes that were sent for it and counts the tries. A day later it is removed.';
comment on column private.otp_challenges.address is 'A mail address in lower case, or a phone number in E.164 form.';
comment on column private.otp_challenges.user_id is 'Whose account it is. Null when a password is to be reset and no account has this address; then nothing is sent and no code is right.';
comment on column private.otp_challenges.tries is 'Codes entered so far, right or wrong.';
comment on column private.otp_challenges.passed_at is 'When the right code was entered. A reset ends only once Auth has taken the new password.';
comment on column private.otp_challenges.outcome is 'passed, exhausted (too many tries) or expired. Null while it is live.';

create table private.otp_codes (
  id uuid primary key default gen_random_uuid(),
  challenge_id uuid not null references private.otp_challenges on delete cascade,
  code_hash bytea not null,
  encrypted_code bytea,
  expires_at timestamptz not null,
  handed_over_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  constraint otp_codes_not_kept check (handed_over_at is null or encrypted_code is null)
);
create index otp_codes_challenge_idx on private.otp_codes (challenge_id, created_at);
comment on table private.otp_codes is 'The codes of a challenge. One works until it expires or until a later one was handed to the sender.';
comment on column private.otp_codes.code_hash is 'HMAC-SHA256 of challenge and code, under the secret `otp` of this database.';
comment on column private.otp_codes.encrypted_code is 'The code for the worker that sends it, by pgp_sym_encrypt under the secret `otp`. Removed when it was handed to the sender.';
comment on column private.otp_codes.expires_at is 'The code works until then.';
comment on column private.otp_codes.handed_over_at is 'When the sender (mail or SMS) took it. Null until then.';

create table private.step_ups (
  user_id uuid not null references public.profiles on delete cascade,
  session_id uuid not null,
  valid_until timestamptz not null,
  primary key (user_id, session_id)
);
comment on table private.step_ups is 'Until when a session may use sensitive commands, because its user entered a step-up code in it.';

comment on column private.step_ups.valid_until is 'The commands are refused from then on.';

alter table private.otp_challenges enable row level security;
alter table private.otp_codes enable row level security;
alter table private.step_ups enable row level security;

create function private.otp_hash(p_challenge_id uuid, p_code text)
returns bytea
language sql stable set search_path = ''
as $$
  select extensions.hmac(convert_to(p_challenge_id || ':' || p_code, 'utf8'), s.value, 'sha256')
  from private.secrets s where s.name = 'otp'
$$;

-- The live challenge, locked. A missing person is one like any other, as in the index.
create function private.lock_challenge(p_purpose text, p_address text, p_user_id uuid)
returns private.otp_challenges
language sql volatile set search_path = ''
as $$
  select * from private.otp_challenges
  where purpose = p_purpose and address = p_address and ended_at is null
    and coalesce(user_id, '00000000-0000-0000-0000-000000000000') = coalesce(p_user_id, '00000000-0000-0000-0000-000000000000')
  for no key update
$$;

-- Whose account an address proves. A phone number that nobody verified proves nothing.
create function private.account_of(p_channel text, p_address text)
returns uuid
language plpgsql stable security definer set search_path = ''
as $$
begin
  return case p_channel
    when 'email' then (select u.id from auth.users u where lower(u.email) = p_address and not u.is_sso_user)
    else (select p.id from public.profiles p where p.phone = p_address)
  end;
end
$$;

-- Where a signed-in person gets a code: a new number for verify_phone, otherwise what the account has.
create function private.otp_address(p_purpose text, p_channel text, p_phone text, p_user_id uuid)
returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_address text := case
    when p_purpose = 'verify_phone' then p_phone
    when p_channel = 'sms' then (select p.phone from public.profiles p where p.id = p_user_id)
    else (select lower(u.email) from auth.users u where u.id = p_user_id)
  end;
begin
  if v_address is null then
    perform private.fail('no_verified_contact', jsonb_build_object('channel', p_channel));
  end if;
  return v_address;
end
$$;

create function private.is_stepped_up(p_user_id uuid, p_session_id text)
returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (
    select from private.step_ups where user_id = p_user_id and session_id::text = p_session_id and valid_until > now()
      -- a token outlives the session that was signed out
      and exists (select from auth.sessions s where s.id = session_id)
  );
end
$$;

-- A verified phone receives later codes, for a new password and for step-ups. So a stolen session must not add one to an
-- account that a code can be sent to already.
create function private.check_otp_purpose(p_purpose text, p_user_id uuid, p_session_id uuid)
returns void
language plpgsql stable set search_path = ''
as $$
begin
  if p_purpose = 'verify_phone' and not private.is_stepped_up(p_user_id, p_session_id::text) and (
    exists (select from auth.users where id = p_user_id and email <> '') or exists (select from public.profiles where id = p_user_id and phone is not null)
  ) then
    perform private.fail('step_up_required');
  end if;
end
$$;

-- p_address is what was asked for: the mail address or phone of a reset, or the phone to be verified.
create function private.start_otp(
  p_purpose text, p_channel text, p_address text, p_user_id uuid, p_locale text, p_country_code text, p_code text, p_is_sent boolean, p_ip text,
  p_session_id uuid
)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := case when p_purpose = 'reset_password' then private.account_of(p_channel, p_address) else p_user_id end;
  v_address text := case when p_purpose = 'reset_password' then p_address else private.otp_address(p_purpose, p_channel, p_address, p_user_id) end;
  v_wait interval := make_interval(secs => (private.setting('otp_resend_seconds'))::int);
  v_last timestamptz;
  v_challenge private.otp_challenges;
  v_code private.otp_codes;
begin
  if p_channel = 'sms' and not private.setting('otp_country_codes') ? coalesce(p_country_code, '') then
    perform private.fail('country_not_supported');
  end if;
  perform private.check_otp_purpose(p_purpose, p_user_id, p_session_id);
  -- What strangers ask for must not use up what the account's own user may ask for. This row is also the lock that
  -- makes two sends to one address run one after the other.
  perform private.take_token('otp_address', case when p_user_id is null then 'anybody:' else 'own:' end || v_address);
  perform private.take_token('otp_ip', p_ip);
  if p_user_id is not null then
    perform private.take_token('otp_user', p_user_id::text);
  end if;
  if p_channel = 'sms' then
    perform private.take_token('otp_country', p_country_code);
  end if;
  select max(o.created_at) into v_last
  from private.otp_codes o
  join private.otp_challenges c on c.id = o.challenge_id
  where c.purpose = p_purpose and c.address = v_address and c.user_id is not distinct from v_user_id
    and c.created_at > now() - interval '1 day';
  if v_last > clock_timestamp() - v_wait then
    perform private.fail('rate_limited', jsonb_build_object('retry_after', ceil(extract(epoch from v_last + v_wait - clock_timestamp()))));
  end if;

  v_challenge := private.lock_challenge(p_purpose, v_address, v_user_id);
  if v_challenge.id is not null and not exists (
    select from private.otp_codes where challenge_id = v_challenge.id and expires_at > now()
  ) then
    update private.otp_challenges set ended_at = now(), outcome = 'expired' where id = v_challenge.id;
    v_challenge := null;
  end if;
  if v_challenge.id is null then
    insert into private.otp_challenges (purpose, channel, address, user_id, locale)
    values (p_purpose, p_channel, v_address, v_user_id,
      coalesce((select p.locale from public.profiles p where p.id = v_user_id), p_locale, 'vi'))
    returning * into v_challenge;
  end if;
  insert into private.otp_codes (challenge_id, code_hash, encrypted_code, expires_at, handed_over_at)
  select v_challenge.id, private.otp_hash(v_challenge.id, p_code),
         case when p_is_sent then extensions.pgp_sym_encrypt(p_code, encode(s.value, 'hex'), 'cipher-algo=aes256') end,
         now() + make_interval(mins => (private.setting('otp_valid_minutes'))::int),
         case when not p_is_sent then now() end
  from private.secrets s where s.name = 'otp'
  returning * into v_code;
  -- also where there is no account: the worker skips it, and nobody sees a difference before
  if p_is_sent then
    perform private.enqueue('otp', jsonb_build_object('otp_code_id', v_code.id), v_code.id::text);
  end if;
  return jsonb_build_object(
    'channel', p_channel, 'expires_at', v_code.expires_at, 'resend_at', v_code.created_at + v_wait);
end
$$;
create function public.start_otp(
  purpose text, channel text, address text, user_id uuid, locale text, country_code text, code text, is_sent boolean, ip text, session_id uuid default null
)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.start_otp(purpose, channel, address, user_id, locale, country_code, code, is_sent, ip, session_id) $$;
comment on function public.start_otp is 'Starts or goes on with a challenge and queues its code. `address` is the mail address or E.164 number of a reset, or the number to be verified; for other purposes the account''s own is used. `country_code` is the calling code of the number. A code that is not sent (`is_sent` false) is one that the caller knows. `session_id` is that of the caller''s token: verify_phone needs a passed step-up in it, unless the account has nothing to send one to. Answers {channel, expires_at, resend_at}, the same whether or not the account exists. Service only. Errors: rate_limited, country_not_supported, no_verified_contact, step_up_required.';
select private.expose_limited('start_otp(text, text, text, uuid, text, text, text, boolean, text, uuid)', 'otp_ip', 'ip', 'service_role');

-- What passing proves. False when another account has the number.
create function private.pass_otp(p_challenge private.otp_challenges, p_session_id uuid)
returns boolean
language plpgsql volatile set search_path = ''
as $$
begin
  if p_challenge.purpose = 'verify_email' then
    update public.profiles p set email_verified_at = now()
    from auth.users u
    where p.id = p_challenge.user_id and u.id = p.id and lower(u.email) = p_challenge.address;
    perform private.record_event('profile.email_verified', p_challenge.user_id);
  elsif p_challenge.purpose = 'verify_phone' then
    begin
      update public.profiles set phone = p_challenge.address, phone_verified_at = now() where id = p_challenge.user_id;
    exception
      -- profiles_phone_one_person
      when unique_violation then
        return false;
    end;
    perform private.record_event('profile.phone_verified', p_challenge.user_id);
  elsif p_challenge.purpose = 'step_up' then
    insert into private.step_ups (user_id, session_id, valid_until)
    values (p_challenge.user_id, p_session_id, now() + make_interval(mins => (private.setting('step_up_minutes'))::int))
    on conflict (user_id, session_id) do update set valid_until = excluded.valid_until;
    perform private.record_event('profile.stepped_up', p_challenge.user_id);
  end if;
  return true;
end
$$;

-- Raises nothing for a wrong code: the try must be counted.
create function private.verify_otp(
  p_purpose text, p_channel text, p_address text, p_user_id uuid, p_session_id uuid, p_code text, p_ip text
)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := case when p_purpose = 'reset_password' then private.account_of(p_channel, p_address) else p_user_id end;
  v_address text := case when p_purpose = 'reset_password' then p_address else private.otp_address(p_purpose, p_channel, p_address, p_user_id) end;
  v_challenge private.otp_challenges;
  v_is_right boolean;
  v_is_taken boolean := false;
begin
  perform private.take_token('otp_try', p_ip);
  perform private.check_otp_purpose(p_purpose, p_user_id, p_session_id);
  v_challenge := private.lock_challenge(p_purpose, v_address, v_user_id);
  -- also what a job has not ended yet
  if v_challenge.id is null or v_challenge.tries >= (private.setting('otp_tries'))::int or not exists (
    select from private.otp_codes where challenge_id = v_challenge.id and expires_at > now()
  ) then
    return jsonb_build_object('outcome', 'expired');
  end if;
  select v_challenge.user_id is not null and coalesce(bool_or(o.code_hash = private.otp_hash(v_challenge.id, p_code)), false)
  into v_is_right
  from private.otp_codes o
  where o.challenge_id = v_challenge.id and o.expires_at > now()
    and not exists (
      select from private.otp_codes later
      where later.challenge_id = o.challenge_id and later.created_at > o.created_at and later.handed_over_at is not null
    );
  update private.otp_challenges set tries = tries + 1 where id = v_challenge.id returning * into v_challenge;
  if v_is_right then
    v_is_taken := not private.pass_otp(v_challenge, p_session_id);
    update private.otp_challenges
    set passed_at = now(),
        ended_at = case when p_purpose <> 'reset_password' then now() end,
        outcome = case when p_purpose <> 'reset_password' then 'passed' end
    where id = v_challenge.id;
    if v_is_taken then
      return jsonb_build_object('outcome', 'phone_taken');
    end if;
    return jsonb_build_object('outcome', 'passed', 'challenge_id', v_challenge.id, 'user_id', v_challenge.user_id);
  end if;
  if v_challenge.tries >= (private.setting('otp_tries'))::int then
    update private.otp_challenges set ended_at = now(), outcome = 'exhausted' where id = v_challenge.id;
    return jsonb_build_object('outcome', 'expired');
  end if;
  return jsonb_build_object('outcome', 'wrong', 'tries_left', (private.setting('otp_tries'))::int - v_challenge.tries);
end
$$;
create function public.verify_otp(
  purpose text, channel text, address text, user_id uuid, session_id uuid, code text, ip text
)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.verify_otp(purpose, channel, address, user_id, session_id, code, ip) $$;
comment on function public.verify_otp is 'Counts a try and compares the code. Arguments are as in start_otp. Answers {outcome}: passed, with challenge_id and user_id; wrong, with tries_left; expired, when no code can be right any more; phone_taken, when the code was right and another account has verified the number. A passed reset_password stays open for end_password_reset. Service only. Errors: rate_limited, no_verified_contact, step_up_required (verify_phone, as in start_otp).';
select private.expose_limited('verify_otp(text, text, text, uuid, uuid, text, text)', 'otp_try', 'ip', 'service_role');

create function private.end_password_reset(p_challenge_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_challenge private.otp_challenges;
begin
  update private.otp_challenges set ended_at = now(), outcome = 'passed'
  where id = p_challenge_id and purpose = 'reset_password' and passed_at is not null and ended_at is null
  returning * into v_challenge;
  if found then
    -- who knew the old password must not stay signed in
    delete from auth.sessions where user_id = v_challenge.user_id;
    perform private.record_event('profile.password_reset', v_challenge.user_id);
  end if;
end
$$;
create function public.end_password_reset(challenge_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.end_password_reset(challenge_id) $$;
comment on function public.end_password_reset is 'Ends a passed challenge of purpose reset_password, after Auth has taken the new password, and all sessions of the account. Repeatable. Service only.';
select private.expose('end_password_reset(uuid)', 'service_role');

-- A message that holds a code, as the worker sends it.
create function private.secret_message(p_template text, p_locale text, p_channel text, p_address text, p_data jsonb)
returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_text public.notification_templates;
begin
  select * into strict v_text from public.notification_templates
  where code = p_template and locale = p_locale
  order by version desc limit 1;
  return jsonb_build_object(
    'channel', p_channel, 'to', p_address,
    'subject', private.render(v_text.email_subject, p_data, p_locale),
    'text', private.render(case p_channel when 'sms' then v_text.body else v_text.email_body end, p_data, p_locale),
    'html', private.html_from(private.render(v_text.email_body, p_data, p_locale))
  );
end
$$;

-- The message for one code, or null when nothing is to be sent: it expired, or there is no account.
create function private.otp_to_send(p_otp_code_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_code private.otp_codes;
  v_challenge private.otp_challenges;
begin
  select * into v_code from private.otp_codes where id = p_otp_code_id and encrypted_code is not null and expires_at > now();
  select * into v_challenge from private.otp_challenges where id = v_code.challenge_id and ended_at is null and user_id is not null;
  if v_challenge.id is null then
    return null;
  end if;
  return private.secret_message('otp_' || v_challenge.purpose, v_challenge.locale, v_challenge.channel, v_challenge.address, jsonb_build_object(
    'code', (select extensions.pgp_sym_decrypt(v_code.encrypted_code, encode(s.value, 'hex')) from private.secrets s where s.name = 'otp'),
    'minutes', ceil(extract(epoch from v_code.expires_at - now()) / 60)::int
  ));
end
$$;
create function public.otp_to_send(otp_code_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$ select private.otp_to_send(otp_code_id) $$;
comment on function public.otp_to_send is 'Answers the message of one code: {channel, to, subject, text, html}, or null when nothing is to be sent. Service only.';
select private.expose('otp_to_send(uuid)', 'service_role');

create function private.otp_handed_over(p_otp_code_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  update private.otp_codes set handed_over_at = now(), encrypted_code = null where id = p_otp_code_id and handed_over_at is null;
end
$$;
create function public.otp_handed_over(otp_code_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.otp_handed_over(otp_code_id) $$;
comment on function public.otp_handed_over is 'Records that the sender took a code. The earlier codes of its challenge stop working. Repeatable. Service only.';
select private.expose('otp_handed_over(uuid)', 'service_role');

-- For commands that a stolen session must not use. The session is that of the caller's token.
create function private.require_step_up()
returns void
language plpgsql stable set search_path = ''
as $$
begin
  if not private.is_stepped_up(auth.uid(), auth.jwt() ->> 'session_id') then
    perform private.fail('step_up_required');
  end if;
end
$$;

select private.register_topic('otp', 'otp_code_id');

create function private.tidy_otp()
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  delete from private.otp_challenges where created_at < now() - interval '1 day';
  delete from private.step_ups where valid_until < now();
end
$$;
select private.schedule_job('journey_tidy_otp', 'Removes one-time codes and step-ups that are over.',
  '22 20 * * *', '26 hours', 'select private.tidy_otp()');

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('otp_verify_email', 'en', 'account', 'Your code', 'Journey: {{code}} is your code to confirm your mail address. Valid for {{minutes}} minutes. Do not share it.', '{{code}} is your code', E'{{code}}\n\nThis is your code to confirm your mail address. It is valid for {{minutes}} minutes. We never ask for it: share it with nobody.\n\nIf you did not request it, you can ignore this mail.'),
  ('otp_verify_email', 'vi', 'account', 'Mã xác minh', 'Journey: {{code}} la ma xac minh email cua ban, co hieu luc {{minutes}} phut. Khong chia se ma nay.', '{{code}} là mã xác minh của bạn', E'{{code}}\n\nĐây là mã xác minh địa chỉ email của bạn, có hiệu lực trong {{minutes}} phút. Chúng tôi không bao giờ hỏi mã này, vui lòng không chia sẻ với bất kỳ ai.\n\nNếu bạn không yêu cầu mã, hãy bỏ qua email này.'),
  ('otp_verify_phone', 'en', 'account', 'Your code', 'Journey: {{code}} is your code to confirm this phone number. Valid for {{minutes}} minutes. Do not share it.', '{{code}} is your code', E'{{code}}\n\nThis is your code to confirm your phone number. It is valid for {{minutes}} minutes.'),
  ('otp_verify_phone', 'vi', 'account', 'Mã xác minh', 'Journey: {{code}} la ma xac minh so dien thoai, co hieu luc {{minutes}} phut. Khong chia se ma nay.', '{{code}} là mã xác minh của bạn', E'{{code}}\n\nĐây là mã xác minh số điện thoại của bạn, có hiệu lực trong {{minutes}} phút.'),
  ('otp_reset_password', 'en', 'account', 'Your code', 'Journey: {{code}} is your code to set a new password. Valid for {{minutes}} minutes. Do not share it.', '{{code}} is your code for a new password', E'{{code}}\n\nEnter this code in the app to set a new password. It is valid for {{minutes}} minutes. We never ask for it: share it with nobody.\n\nIf you did not request it, somebody else entered your address. Your password has not changed.'),
  ('otp_reset_password', 'vi', 'account', 'Mã đặt lại mật khẩu', 'Journey: {{code}} la ma dat lai mat khau, co hieu luc {{minutes}} phut. Khong chia se ma nay.', '{{code}} là mã đặt lại mật khẩu của bạn', E'{{code}}\n\nNhập mã này trong ứng dụng để đặt mật khẩu mới. Mã có hiệu lực trong {{minutes}} phút. Chúng tôi không bao giờ hỏi mã này, vui lòng không chia sẻ với bất kỳ ai.\n\nNếu bạn không yêu cầu mã, có người khác đã nhập địa chỉ của bạn. Mật khẩu của bạn vẫn như cũ.'),
  ('otp_step_up', 'en', 'account', 'Your code', 'Journey: {{code}} confirms a change of your account. Valid for {{minutes}} minutes. Do not share it.', '{{code}} confirms a change of your account', E'{{code}}\n\nEnter this code in the app to confirm that it is you. It is valid for {{minutes}} minutes. We never ask for it: share it with nobody.\n\nIf you did not request it, change your password: somebody is signed in to your account.'),
  ('otp_step_up', 'vi', 'account', 'Mã xác nhận', 'Journey: {{code}} la ma xac nhan thay doi tai khoan, co hieu luc {{minutes}} phut. Khong chia se ma nay.', '{{code}} là mã xác nhận thay đổi tài khoản', E'{{code}}\n\nNhập mã này trong ứng dụng để xác nhận chính bạn đang thực hiện. Mã có hiệu lực trong {{minutes}} phút. Chúng tôi không bao giờ hỏi mã này, vui lòng không chia sẻ với bất kỳ ai.\n\nNếu bạn không yêu cầu mã, hãy đổi mật khẩu ngay: có người đang đăng nhập tài khoản của bạn.'),
  ('password_changed', 'en', 'account', 'Password changed', 'The password of your account was changed.', 'Your password was changed', E'The password of your account was changed.\n\nIf you did not do this, set a new password at once (\u201cForgot password\u201d in the app) and contact us.'),
  ('password_changed', 'vi', 'account', 'Đã đổi mật khẩu', 'Mật khẩu tài khoản của bạn vừa được thay đổi.', 'Mật khẩu của bạn vừa được thay đổi', E'Mật khẩu tài khoản của bạn vừa được thay đổi.\n\nNếu không phải bạn thực hiện, hãy đặt lại mật khẩu ngay (“Quên mật khẩu” trong ứng dụng) và liên hệ với chúng tôi.');

-- Whichever way it was changed: in the app, by a reset, in Studio.
create function private.on_password_changed()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.notify(new.id, 'password_changed', jsonb_build_object(), gen_random_uuid()::text);
  return null;
end
$$;
create trigger password_changed after update of encrypted_password on auth.users
  for each row when (old.encrypted_password is not null and old.encrypted_password <> '' and old.encrypted_password is distinct from new.encrypted_password)
  execute function private.on_password_changed();

-- Identity: one-time codes. How long one works, how many tries there are, and what a code proves.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_user('lan') as lan, tests.make_user('minh') as minh \gset
select lower(email) as lan_email from auth.users where id = :'lan' \gset
update private.rate_limits set capacity = 1000, per_minute = 1000 where action like 'otp%';
update public.profiles set locale = 'vi' where id = :'lan';

-- Codes to one address have to wait for each other; here time passes between them.
create function tests.later(p_seconds int) returns void language sql volatile as $$
  update private.otp_codes set created_at = created_at - make_interval(secs => p_seconds), expires_at = expires_at - make_interval(secs => p_seconds)
$$;
create function tests.send(p_purpose text, p_user uuid, p_code text, p_address text default null, p_channel text default 'email', p_sent boolean default true, p_session uuid default null)
returns text language sql volatile
as $$ select tests.outcome(format('select public.start_otp(%L, %L, %L, %L, %L, %L, %L, %L, %L, %L)', p_purpose, p_channel, p_address, p_user, null, case p_channel when 'sms' then '84' end, p_code, p_sent, '198.51.100.7', p_session)) $$;
create function tests.enter(p_purpose text, p_user uuid, p_code text, p_address text default null, p_channel text default 'email', p_session uuid default null)
returns text language plpgsql volatile
as $$
declare
  v_problem text;
  v_answer jsonb;
begin
  begin
    v_answer := public.verify_otp(p_purpose, p_channel, p_address, p_user, p_session, p_code, '198.51.100.7');
  exception
    when sqlstate 'PT403' then
      get stacked diagnostics v_problem = pg_exception_detail;
      return v_problem::jsonb ->> 'code';
  end;
  return concat_ws(' ', v_answer ->> 'outcome', v_answer ->> 'tries_left');
end
$$;
-- The worker hands the newest code to the sender.
create function tests.hand_over() returns jsonb language plpgsql volatile as $$
declare
  v_id uuid := (select id from private.otp_codes where handed_over_at is null order by created_at desc limit 1);
  v_message jsonb := public.otp_to_send(v_id);
begin
  perform public.otp_handed_over(v_id);
  return v_message;
end
$$;

-- sending and entering -------------------------------------------------------------------------------------------
select is(tests.send('verify_email', :'lan', '012345'), 'ok', 'a code can be sent to the own mail address');
select is((select count(*)::int from private.otp_codes where encode(code_hash, 'escape') like '%012345%' or encode(encrypted_code, 'escape') like '%012345%'), 0, 'no code is stored in clear');
select is((select count(*)::int from private.outbox where topic = 'otp'), 1, 'a code goes out by the outbox');
select is((select count(*)::int from private.outbox where payload::text like '%012345%'), 0, 'the outbox does not have the code');
select ok(m ->> 'to' = :'lan_email' and m ->> 'text' like '012345%' and m ->> 'subject' like '012345%', 'the worker gets the code, its leading zero and the address') from tests.hand_over() m;
select is((select encrypted_code from private.otp_codes), null, 'a code that was handed over can be read no more');
select is(tests.send('verify_email', :'lan', '222222'), 'rate_limited', 'the next code to the address has to wait');
select is(tests.enter('verify_email', :'lan', '12345'), 'wrong 4', 'a code without its leading zero is wrong');
select is(tests.enter('verify_email', :'minh', '012345'), 'expired', 'the code of another person opens nothing');
select is(tests.enter('step_up', :'lan', '012345', p_session => gen_random_uuid()), 'expired', 'a code opens no other purpose');
select is((select email_verified_at from public.profiles where id = :'lan'), null, 'a wrong code proves nothing');
select is(tests.enter('verify_email', :'lan', '012345'), 'passed', 'the right code passes');
select isnt((select email_verified_at from public.profiles where id = :'lan'), null, 'the mail address is verified then');
select is(tests.enter('verify_email', :'lan', '012345'), 'expired', 'a code works once');
update auth.users set email = 'lan.new@example.test' where id = :'lan';
select is((select email_verified_at from public.profiles where id = :'lan'), null, 'another mail address is not verified');
update auth.users set email = :'lan_email' where id = :'lan';

-- a resend -------------------------------------------------------------------------------------------------------
select tests.later(61);
select is(tests.send('verify_email', :'lan', '111111'), 'ok', 'a minute later a code can be sent again');
select tests.hand_over();
select tests.later(61);
select is(tests.send('verify_email', :'lan', '222222'), 'ok', 'a second code can be requested while the first is in hand');
select is(tests.enter('verify_email', :'lan', '999999'), 'wrong 4', 'a wrong try is counted');
select is((select count(*)::int from private.otp_challenges where ended_at is null), 1, 'both codes belong to one challenge');
savepoint before_hand_over;
select is(tests.enter('verify_email', :'lan', '111111'), 'passed', 'the code in hand works until the next one was handed to the sender');
rollback to before_hand_over;
select tests.hand_over();
select is(tests.enter('verify_email', :'lan', '111111'), 'wrong 3', 'the older code stops working when the newer one was handed over');
select is(tests.enter('verify_email', :'lan', '222222'), 'passed', 'the newer code works');

-- too many tries, too late ---------------------------------------------------------------------------------------
select tests.later(61);
select tests.send('step_up', :'lan', '333333');
select tests.hand_over();
select is(array(select tests.enter('step_up', :'lan', '00000' || n) from generate_series(1, 5) n), array['wrong 4', 'wrong 3', 'wrong 2', 'wrong 1', 'expired'], 'the fifth wrong try ends the challenge');
select is(tests.enter('step_up', :'lan', '333333', p_session => gen_random_uuid()), 'expired', 'after five wrong tries the right code does not work');
select tests.later(61);
select tests.send('step_up', :'lan', '444444');
select tests.hand_over();
select tests.later(300);
select is(tests.enter('step_up', :'lan', '444444', p_session => gen_random_uuid()), 'expired', 'a code does not work after five minutes');
select is(tests.send('step_up', :'lan', '555555'), 'ok', 'after a challenge that expired there can be another');
select is((select count(*)::int from private.otp_challenges where purpose = 'step_up' and outcome = 'expired'), 1, 'the challenge that expired is ended');

-- step-up --------------------------------------------------------------------------------------------------------
select tests.hand_over();
select is(tests.enter('step_up', :'lan', '555555', p_session => '00000000-0000-4000-8000-0000000000a1'), 'passed', 'a step-up code passes');
create function tests.stepped_up(p_user uuid, p_session text) returns text language plpgsql volatile as $$
begin
  perform set_config('request.jwt.claims', json_build_object('sub', p_user, 'role', 'authenticated', 'session_id', p_session)::text, true);
  return tests.outcome('select private.require_step_up()');
end
$$;
insert into auth.sessions (id, user_id) values ('00000000-0000-4000-8000-0000000000a1', :'lan'), ('00000000-0000-4000-8000-0000000000a2', :'lan');
select is(tests.stepped_up(:'lan', '00000000-0000-4000-8000-0000000000a1'), 'ok', 'a step-up opens sensitive commands to its session');
select is(tests.stepped_up(:'lan', '00000000-0000-4000-8000-0000000000a2'), 'step_up_required', 'a step-up opens nothing to another session of the same person');
savepoint signed_out;
delete from auth.sessions where id = '00000000-0000-4000-8000-0000000000a1';
select is(tests.stepped_up(:'lan', '00000000-0000-4000-8000-0000000000a1'), 'step_up_required', 'a step-up ends with its session, although the token lives on');
rollback to signed_out;
update private.step_ups set valid_until = now();
select is(tests.stepped_up(:'lan', '00000000-0000-4000-8000-0000000000a1'), 'step_up_required', 'a step-up is over after its time');
select set_config('request.jwt.claims', '', true);

-- phones ---------------------------------------------------------------------------------------------------------
select is(tests.send('verify_phone', :'lan', '666666', '+84912345678', 'sms', p_session => :'lan'), 'step_up_required', 'a session without a step-up cannot add a phone, which would receive later codes');
select is(tests.enter('verify_phone', :'lan', '666666', '+84912345678', 'sms', :'lan'), 'step_up_required', 'the code of a phone needs a step-up too');
select tests.step_up(:'lan'), tests.step_up(:'minh');
select is(tests.send('verify_phone', :'lan', '666666', '+84912345678', 'sms', p_session => :'lan'), 'ok', 'a code can be sent to a phone');
select is(tests.outcome(format('select public.start_otp(%L, %L, %L, %L, null, %L, %L, true, %L)', 'verify_phone', 'sms', '+79123456789', :'lan', '7', '666666', '198.51.100.7')), 'country_not_supported', 'no code is sent to a country that is not on the list');
select is(m ->> 'text', 'Journey: 666666 la ma xac minh so dien thoai, co hieu luc 5 phut. Khong chia se ma nay.', 'a Vietnamese SMS has no diacritics, which would split it in two') from tests.hand_over() m;
select is(tests.enter('verify_phone', :'lan', '666666', '+84912345678', 'sms', :'lan'), 'passed', 'the code on the phone passes');
select is((select phone from public.profiles where id = :'lan'), '+84912345678', 'the phone is on the profile then');
select is(tests.send('verify_phone', :'minh', '777777', '+84912345678', 'sms', p_session => :'minh'), 'ok', 'a number of somebody else is told by no refusal to send');
select tests.hand_over();
select is(tests.enter('verify_phone', :'minh', '777777', '+84912345678', 'sms', :'minh'), 'phone_taken', 'who proves a number of another account is told so');
select is((select phone from public.profiles where id = :'minh'), null, 'one number is one person');
insert into auth.users (id, email) values ('00000000-0000-4000-8000-0000000000f0', null);
select is(tests.send('verify_phone', '00000000-0000-4000-8000-0000000000f0', '787878', '+84987654321', 'sms'), 'ok', 'an account to which no code can be sent adds its first phone without a step-up');
select tests.hand_over();
select is(tests.enter('verify_phone', '00000000-0000-4000-8000-0000000000f0', '787878', '+84987654321', 'sms'), 'passed', 'the first phone of such an account is verified');
select is(tests.send('verify_phone', '00000000-0000-4000-8000-0000000000f0', '797979', '+84987654322', 'sms'), 'step_up_required', 'its second phone needs a step-up');
select is(tests.send('step_up', :'minh', '888888', null, 'sms'), 'no_verified_contact', 'a step-up by SMS needs a verified phone');
select tests.as_user(:'lan');
select is(tests.outcome($$ update public.profiles set phone = '+84900000000' $$), '42501', 'nobody writes the own phone without a code');
select is(tests.outcome('select * from private.otp_codes'), '42501', 'a person cannot read codes');
select is(tests.outcome($$ select public.verify_otp('step_up', 'email', null, null, null, '000000', 'x') $$), '42501', 'a person cannot call what counts tries');
select tests.as_owner();

-- a forgotten password -------------------------------------------------------------------------------------------
select is(tests.send('reset_password', null, '101010', :'lan_email'), 'ok', 'a reset can be requested without signing in');
select is(tests.send('reset_password', null, '202020', 'nobody@example.test'), 'ok', 'a reset for an address without an account is answered the same');
select is(
  (select jsonb_agg(k order by k) from jsonb_object_keys(public.start_otp('reset_password', 'email', 'nobody2@example.test', null, null, null, '202020', true, 'x')) k),
  '["channel", "expires_at", "resend_at"]', 'the answer says nothing of the account');
select is((select count(*)::int from private.outbox o where topic = 'otp' and public.otp_to_send((o.payload ->> 'otp_code_id')::uuid) ->> 'to' like 'nobody%'), 0, 'nothing is sent to an address without an account');
select is(tests.enter('reset_password', null, '202020', 'nobody@example.test'), 'wrong 4', 'no code is right for an address without an account');
select is(tests.send('reset_password', null, '303030', 'nobody@example.test'), 'rate_limited', 'the wait is the same without an account');
insert into auth.sessions (id, user_id) values (gen_random_uuid(), :'lan');
select public.verify_otp('reset_password', 'email', :'lan_email', null, null, '101010', 'x') as passed \gset
select is(:'passed'::jsonb ->> 'user_id', :'lan', 'the right code names the account');
select is(tests.enter('reset_password', null, '101010', :'lan_email'), 'passed', 'the code still works while the password is refused');
select public.end_password_reset((:'passed'::jsonb ->> 'challenge_id')::uuid);
select is(tests.enter('reset_password', null, '101010', :'lan_email'), 'expired', 'the code is used up when the password was taken');
select is((select count(*)::int from auth.sessions where user_id = :'lan'), 0, 'a reset ends all sessions');
select is(tests.send('reset_password', null, '404040', '+84912345678', 'sms'), 'ok', 'a verified phone can reset a password too');
update auth.users set encrypted_password = 'x' where id = :'lan';
update auth.users set encrypted_password = 'y' where id = :'lan';
select is((select count(*)::int from public.notifications where user_id = :'lan' and template = 'password_changed'), 1, 'a person is told when the password was changed');

-- what cannot be stored ------------------------------------------------------------------------------------------
select throws_ok(format($$ insert into private.otp_challenges (purpose, channel, address, user_id, locale) values ('step_up', 'email', 'A@b.example', %L, 'vi') $$, :'lan'), '23514', null, 'an address in another form cannot be stored');
select throws_ok(format($$ insert into private.otp_challenges (purpose, channel, address, locale) values ('step_up', 'email', 'a@b.example', 'vi') $$), '23514', null, 'only a reset can be without an account');
select throws_ok(format($$ update public.profiles set phone = '0912345679' where id = %L $$, :'minh'), '23514', null, 'a number without its country cannot be stored');
select throws_ok(format($$ update public.profiles set phone = '+84912345679' where id = %L $$, :'minh'), '23514', null, 'a number that nobody verified cannot be stored');
select throws_ok($$ update private.settings set value = '["+84"]' where key = 'otp_country_codes' $$, '23514', null, 'a calling code with a plus is refused');

-- limits ---------------------------------------------------------------------------------------------------------
update private.rate_limits set capacity = 1, per_minute = 0.1 where action = 'otp_address';
delete from private.rate_buckets;
select tests.later(61);
select tests.send('reset_password', null, '505050', :'lan_email');
select tests.later(61);
select is(tests.send('reset_password', null, '505050', :'lan_email'), 'rate_limited', 'an address gets a few codes only');
select is(tests.send('step_up', :'lan', '606060'), 'ok', 'what strangers request does not use up what the account itself may request');
update private.rate_limits set capacity = 1, per_minute = 0.1 where action = 'otp_ip';
delete from private.rate_buckets;
select tests.send('reset_password', null, '505050', 'another1@example.test');
select is(tests.send('reset_password', null, '505050', 'another2@example.test'), 'rate_limited', 'one network requests a few codes only');
select tests.later(86401);
update private.otp_challenges set created_at = created_at - interval '2 days';
select private.tidy_otp();
select is((select count(*)::int from private.otp_challenges), 0, 'codes are removed after a day');

select * from finish();
rollback;

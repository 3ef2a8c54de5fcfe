-- Identity: devices. Whose a push token is, when it ends, and where a web push may go.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

update private.rate_limits set capacity = 1000, per_minute = 1000;
select tests.make_user('lan') as lan, tests.make_user('minh') as minh \gset
-- the session of each is the one that tests.as_user names
insert into auth.sessions (id, user_id) values (:'lan', :'lan'), (:'minh', :'minh');

create function tests.expo(p_name text)
returns text
language sql immutable
as $$ select 'ExponentPushToken[' || rpad(p_name, 22, '0') || ']' $$;
create function tests.register(p_token text, p_platform text default 'ios')
returns text
language sql volatile
as $$ select format('select public.register_device(%L, %L)', p_platform, p_token) $$;
create function tests.web(p_endpoint text, p_p256dh text default 'B' || repeat('a', 86), p_auth text default repeat('b', 22))
returns text
language sql volatile
as $$ select format('select public.register_device(%L, %L, %L, %L)', 'web', p_endpoint, p_p256dh, p_auth) $$;
-- What a refusal says: the field, or 'ok'.
create function tests.refused(p_sql text)
returns text
language sql volatile
as $$ select coalesce((select d ->> 'field' from tests.outcome_details(p_sql) d where d is not null), 'ok') $$;
-- Whose a token is.
create function tests.owner_of(p_token text)
returns uuid
language sql stable security definer
as $$ select user_id from private.devices where token = p_token $$;

-- visitor, service ---------------------------------------------------------------------------------------------
select tests.as_visitor();
select is(tests.outcome(tests.register(tests.expo('a'))), '42501', 'a visitor cannot register a device');
select tests.as_service();
select is(tests.outcome('select * from private.devices'), '42501', 'the service cannot read tokens by itself');

-- registering --------------------------------------------------------------------------------------------------
select tests.as_user(:'lan');
select is(tests.refused(tests.register(tests.expo('a'), 'windows')), 'platform', 'an unknown platform is refused');
select is(tests.refused(tests.register('hello')), 'token', 'a text that is no push token is refused');
select is(tests.refused(tests.register(null)), 'token', 'a device without a token is refused');
select is(tests.refused(format($$ select public.register_device('ios', %L, app_version => 'a b') $$, tests.expo('a'))), 'app_version', 'a version with a blank is refused');
select is(tests.refused(format($$ select public.register_device('ios', %L, locale => 'Tiếng Việt') $$, tests.expo('a'))), 'locale', 'a locale that is no language tag is refused');
select is(tests.refused(format($$ select public.register_device('ios', %L, 'x', 'y') $$, tests.expo('a'))), 'p256dh', 'keys of a web push are refused for a phone');
select public.register_device('ios', tests.expo('a'), app_version => '1.4.0', locale => 'vi-VN') #>> '{}' as first \gset
select is((public.register_device('ios', tests.expo('a'), app_version => '1.4.1')) #>> '{}', :'first', 'registering a device again keeps its id');
select results_eq('select id, platform, app_version, locale, is_current from public.my_devices()', format($$ values (%L::uuid, 'ios', '1.4.1', null, true) $$, :'first'), 'the owner lists a device as it was registered last');
select is((select array_agg(k order by k) from public.my_devices() d, jsonb_object_keys(to_jsonb(d)) k), '{app_version,created_at,id,is_current,last_seen_at,locale,platform}', 'the list of devices shows no token');
select is(tests.outcome('select * from private.devices'), '42501', 'the owner cannot read the own token');

-- where a web push may go --------------------------------------------------------------------------------------
select is(tests.refused(tests.web(endpoint)), 'token', 'a web push to ' || endpoint || ' is refused')
from unnest(array[
  'http://fcm.googleapis.com/fcm/send/x', 'https://127.0.0.1/x', 'https://[::1]/x', 'https://localhost/x', 'https://10.0.0.8/x', 'https://169.254.169.254/latest',
  'https://2130706433/x', 'https://0x7f.1/x', 'https://fcm.googleapis.com:8443/x', 'https://fcm.googleapis.com@10.0.0.8/x', 'https://fcm.googleapis.com.evil.example/x',
  'https://evilfcm.googleapis.com.example/x', 'https://evil-fcm.googleapis.com/x', 'https://metadata.google.internal/x', 'https://example.com/x', 'https://fcm.googleapis.com/', 'https://fcm.googleapis.com/a b',
  'https://fcm.googleapis.com\@10.0.0.8/x', 'file:///etc/passwd', 'https://fcm.googleapis.com/' || repeat('x', 1024)
]) endpoint;
select is(tests.refused(tests.web('https://fcm.googleapis.com/fcm/send/abc', 'B' || repeat('a', 85))), 'p256dh', 'a public key of another length is refused');
select is(tests.refused(tests.web('https://fcm.googleapis.com/fcm/send/abc', p_auth => 'short')), 'auth_secret', 'a secret of another length is refused');
select is(tests.refused(tests.web('https://fcm.googleapis.com/fcm/send/abc', null, null)), 'p256dh', 'a web push without keys is refused');
select is(tests.refused(tests.web(endpoint)), 'ok', 'a web push to ' || endpoint || ' is accepted')
from unnest(array['https://fcm.googleapis.com/fcm/send/abc:def', 'https://updates.push.services.mozilla.com/wpush/v2/abc', 'https://wns2-by3p.notify.windows.com/w/?token=abc', 'https://web.push.apple.com/abc']) endpoint;
select is(tests.refused(tests.web('https://web.push.apple.com/padded', 'B' || repeat('a', 85) || '+=', repeat('b', 21) || '/==')), 'ok', 'keys in plain base64 are accepted');
select tests.as_owner();
select is((select p256dh || ' ' || auth_secret from private.devices where token like '%padded'), 'B' || repeat('a', 85) || '- ' || repeat('b', 21) || '_', 'keys are stored in base64url');
select is(tests.outcome(format($$ insert into private.devices (user_id, platform, token, p256dh, auth_secret) values (%L, 'web', 'https://10.0.0.8/x', 'B' || repeat('a', 86), repeat('b', 22)) $$, :'lan')), '23514', 'a web push to an IP address cannot be stored');
select is(tests.outcome(format($$ insert into private.devices (user_id, platform, token) values (%L, 'web', 'https://fcm.googleapis.com/x') $$, :'lan')), '23514', 'a web push without keys cannot be stored');

-- one person at a time -----------------------------------------------------------------------------------------
select tests.as_user(:'minh');
select is(tests.outcome(tests.register(tests.expo('a'))), 'ok', 'another person can register the same phone');
select is(tests.owner_of(tests.expo('a')), :'minh'::uuid, 'a token belongs to who registered it last');
select is((select count(*)::int from public.my_devices()), 1, 'the phone is in the list of its present user');
select is(tests.outcome(format('insert into private.devices (user_id, platform, token) values (%L, %L, %L)', :'lan', 'ios', tests.expo('a'))), '42501', 'nobody stores a device beside the command');
select tests.as_user(:'lan');
select is((select count(*)::int from public.my_devices() where id = :'first'), 0, 'the phone is no longer in the list of its former user');
select is(tests.outcome(format('select public.unregister_device(%L)', :'first')), 'ok', 'ending a device that is not there changes nothing');
select is(tests.owner_of(tests.expo('a')), :'minh'::uuid, 'the former user cannot end the phone of the present one');
select tests.as_owner();
select is(tests.outcome(format('insert into private.devices (user_id, platform, token) values (%L, %L, %L)', :'lan', 'ios', tests.expo('a'))), '23505', 'one token of two persons cannot be stored');

-- ends ---------------------------------------------------------------------------------------------------------
select tests.as_user(:'minh');
select is(tests.outcome(format('select public.unregister_device(%L)', :'first')), 'ok', 'a person can end a device');
select is(tests.owner_of(tests.expo('a')), null, 'an ended device is removed, its token with it');
select public.register_device('android', tests.expo('b')) #>> '{}' as b \gset
select is(tests.outcome(format('select public.device_is_gone(%L, now())', :'b')), '42501', 'a person cannot say that a token is unknown');
select tests.as_service();
select public.device_is_gone(:'b', now() - interval '1 minute');
select is(tests.owner_of(tests.expo('b')), :'minh'::uuid, 'a device that was registered again after the push stays');
select public.device_is_gone(:'b', clock_timestamp() + interval '1 second');
select is(tests.owner_of(tests.expo('b')), null, 'a device whose token the push service does not know is removed');
select is(tests.outcome(format('select public.device_is_gone(%L, now())', :'b')), 'ok', 'saying so is safe to repeat');
select tests.as_user(:'minh');
select public.register_device('android', tests.expo('c')) \g /dev/null
select tests.as_owner();
delete from auth.sessions where id = :'minh';
select is(tests.owner_of(tests.expo('c')), null, 'a device ends with the session that registered it');
select isnt_empty(format('select from private.devices where user_id = %L', :'lan'), 'the devices of other sessions stay');
select is((select array_agg(data ->> 'reason' order by id) from private.domain_events where type = 'device.ended'), '{unregistered_by_user,unregistered,signed_out}', 'the log says why each device ended');
select is((select count(*)::int from private.domain_events where type = 'device.ended' and data::text like '%Push%'), 0, 'the log holds no token');

-- how many -----------------------------------------------------------------------------------------------------
update private.settings set value = '3' where key = 'max_devices';
delete from private.devices;
select tests.as_user(:'lan');
select public.register_device('ios', tests.expo(n::text)) from generate_series(1, 3) n \g /dev/null
select public.register_device('ios', tests.expo('1')) \g /dev/null
select public.register_device('ios', tests.expo('4')) \g /dev/null
select tests.as_owner();
select is((select array_agg(substr(token, 19, 1) order by token) from private.devices), '{1,3,4}', 'one device too many takes the place of the one that was seen longest ago');
update private.rate_limits set capacity = 1, per_minute = 0.001 where action = 'register_device';
delete from private.rate_buckets;
select tests.as_user(:'lan');
select is(tests.outcome(tests.register(tests.expo('5'))), 'ok', 'a registration within the limit is accepted');
select is(tests.outcome(tests.register(tests.expo('6'))), 'rate_limited', 'a registration above the limit is refused');

select * from finish();
rollback;

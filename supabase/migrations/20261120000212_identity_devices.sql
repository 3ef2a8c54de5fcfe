-- Identity: the devices that a person gets push notifications on.
-- Rule kept here: a push token belongs to one person at a time, the one who registered it last, so that nobody gets the
-- notifications of somebody who used the phone before. It ends with the session that registered it. No client reads it.
-- Left out on purpose: sending.

alter table private.settings
  add constraint settings_max_devices check (key <> 'max_devices' or private.is_whole(value, 1, 100)),
  add constraint settings_web_push_hosts check (key <> 'web_push_hosts' or (
    jsonb_typeof(value) = 'array' and not jsonb_path_exists(value, '$[*] ? (!(@ like_regex "^[a-z0-9-]+([.][a-z0-9-]+)+$"))')));
insert into private.settings (key, value, description) values
  ('max_devices', '20', 'How many devices of one person get push notifications. A new one takes the place of the one that was seen longest ago.'),
  ('web_push_hosts', '["fcm.googleapis.com", "push.services.mozilla.com", "notify.windows.com", "push.apple.com"]', 'The push services of browsers: a web push goes to one of these hosts or to a host below one.');
insert into private.rate_limits (action, capacity, per_minute) values
  ('register_device', 30, 2);

create table private.devices (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.profiles on delete cascade,
  platform text not null,
  token text not null,
  p256dh text,
  auth_secret text,
  app_version text,
  locale text,
  session_id uuid,
  created_at timestamptz not null default now(),
  last_seen_at timestamptz not null default clock_timestamp(),
  constraint devices_token_one_person unique (token),
  constraint devices_platform_known check (platform in ('ios', 'android', 'web')),
  -- the worker sends to it: no host of ours, no IP address, no port, no user (register_device asks for a known host too)
  constraint devices_token_form check (case platform
    when 'web' then token ~ '^https://([a-z0-9-]+[.])+[a-z]{2,}/[!-~]+$' and char_length(token) <= 1024
    else token ~ '^Expo(nent)?PushToken\[[A-Za-z0-9_-]{10,100}\]$'
  end),
  -- 65 and 16 bytes in base64url
  constraint devices_keys_of_web check (case platform
    when 'web' then p256dh is not null and p256dh ~ '^B[A-Za-z0-9_-]{86}$' and auth_secret is not null and auth_secret ~ '^[A-Za-z0-9_-]{22}$'
    else p256dh is null and auth_secret is null
  end),
  constraint devices_app_version_form check (app_version ~ '^[!-~]{1,40}$'),
  constraint devices_locale_form check (locale ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$')
);
create index devices_user_idx on private.devices (user_id, last_seen_at desc);
create index devices_session_idx on private.devices (session_id);
comment on table private.devices is 'Where push notifications of people go. A row that ends is removed. When the account is deleted, they are erased.';
comment on column private.devices.platform is 'ios and android get pushes through Expo, web by Web Push.';
comment on column private.devices.token is 'The push token of Expo, or the endpoint of a web push subscription. Whoever knows it can send to the device.';
comment on column private.devices.p256dh is 'Public key of a web push subscription. Null for Expo.';
comment on column private.devices.auth_secret is 'Secret of a web push subscription. Null for Expo.';
comment on column private.devices.locale is 'The language of the device, as it says. Null when it does not say.';
comment on column private.devices.session_id is 'The session of Auth that registered it last; when that ends, the device ends. Null for a token without one.';
comment on column private.devices.last_seen_at is 'When it was registered last. An app registers at each start.';
alter table private.devices enable row level security;

-- Ends devices and leaves in the log why, without what they were reached by.
create function private.end_devices(p_ids uuid[], p_reason text)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  with ended as (
    delete from private.devices where id = any (p_ids) returning id, user_id
  )
  insert into private.domain_events (type, subject_id, data)
  select 'device.ended', id, jsonb_build_object('user_id', user_id, 'reason', p_reason) from ended order by id;
end
$$;

-- A web push leaves our network, so it may go to the push services of browsers alone. This is where that is enforced,
-- together with devices_token_form. The services do not redirect, and the sender must not follow if one does.
create function private.is_push_service(p_endpoint text)
returns boolean
language plpgsql stable set search_path = ''
as $$
declare
  v_host text := substring(p_endpoint from '^https://([a-z0-9.-]+)/');
begin
  return exists (
    select from jsonb_array_elements_text(private.setting('web_push_hosts')) h
    where v_host = h or right(v_host, char_length(h) + 1) = '.' || h
  );
end
$$;

-- base64url, without what some libraries put at its end
create function private.base64url_from(p_text text)
returns text
language sql immutable strict set search_path = ''
as $$ select rtrim(translate(p_text, '+/', '-_'), '=') $$;

create function private.register_device(p_platform text, p_token text, p_p256dh text, p_auth_secret text, p_app_version text, p_locale text)
returns uuid
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_session_id uuid := case when auth.jwt() ->> 'session_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then (auth.jwt() ->> 'session_id')::uuid end;
  v_p256dh text := private.base64url_from(p_p256dh);
  v_auth_secret text := private.base64url_from(p_auth_secret);
  v_id uuid;
begin
  perform private.take_token('register_device', v_user_id::text);
  if p_platform is null or p_platform not in ('ios', 'android', 'web') then
    perform private.fail_input('platform', 'must be ios, android or web');
  end if;
  if p_platform = 'web' then
    if p_token is null or char_length(p_token) > 1024 or p_token !~ '^https://([a-z0-9-]+[.])+[a-z]{2,}/[!-~]+$' or not private.is_push_service(p_token) then
      perform private.fail_input('token', 'must be the endpoint of a web push subscription, at a push service that we know');
    end if;
    if v_p256dh is null or v_p256dh !~ '^B[A-Za-z0-9_-]{86}$' then
      perform private.fail_input('p256dh', 'must be the key p256dh of the subscription');
    end if;
    if v_auth_secret is null or v_auth_secret !~ '^[A-Za-z0-9_-]{22}$' then
      perform private.fail_input('auth_secret', 'must be the key auth of the subscription');
    end if;
  else
    if p_token is null or p_token !~ '^Expo(nent)?PushToken\[[A-Za-z0-9_-]{10,100}\]$' then
      perform private.fail_input('token', 'must be a push token of Expo, such as ExponentPushToken[…]');
    end if;
    if v_p256dh is not null or v_auth_secret is not null then
      perform private.fail_input('p256dh', 'is only for the platform web, and so is auth_secret');
    end if;
  end if;
  if p_app_version !~ '^[!-~]{1,40}$' then
    perform private.fail_input('app_version', 'must have 1 to 40 characters without blanks');
  end if;
  if p_locale !~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$' then
    perform private.fail_input('locale', 'must be a language tag, such as vi or en-US');
  end if;
  -- two devices of one person at once are counted one after the other
  perform 1 from public.profiles where id = v_user_id for no key update;
  insert into private.devices as d (user_id, platform, token, p256dh, auth_secret, app_version, locale, session_id)
  values (v_user_id, p_platform, p_token, v_p256dh, v_auth_secret, p_app_version, p_locale, v_session_id)
  -- a phone that somebody else used before: it changes hands, also when both register at once
  on conflict (token) do update
  set user_id = excluded.user_id, platform = excluded.platform, p256dh = excluded.p256dh, auth_secret = excluded.auth_secret,
      app_version = excluded.app_version, locale = excluded.locale, session_id = excluded.session_id,
      last_seen_at = excluded.last_seen_at, created_at = case when d.user_id = excluded.user_id then d.created_at else excluded.created_at end
  returning id into v_id;
  perform private.end_devices(array(
    select id from private.devices where user_id = v_user_id and id <> v_id
    order by last_seen_at desc, id
    offset (private.setting('max_devices'))::int - 1
  ), 'too_many');
  return v_id;
end
$$;
create function public.register_device(platform text, token text, p256dh text default null, auth_secret text default null, app_version text default null, locale text default null)
returns uuid
language sql volatile set search_path = ''
as $$ select private.register_device(platform, token, p256dh, auth_secret, app_version, locale) $$;
comment on function public.register_device is 'Has push notifications of the caller sent to this device, until the session of the call ends; answers the id of the device. An app calls it at each start. `platform` is ios, android or web. `token` is the push token of Expo, or for web the endpoint of the subscription, with its keys `p256dh` and `auth_secret`. A token that another person has registered changes hands. `locale` is a language tag. A person has at most 20 devices (setting max_devices): a further one takes the place of the one that was seen longest ago. Repeatable. Errors: invalid_input, rate_limited.';
select private.expose_limited('register_device(text, text, text, text, text, text)', 'register_device', 'auth.uid()', 'authenticated');

create function private.unregister_device(p_device_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
begin
  perform private.end_devices(array(select id from private.devices where id = p_device_id and user_id = v_user_id), 'unregistered_by_user');
end
$$;
create function public.unregister_device(device_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.unregister_device(device_id) $$;
comment on function public.unregister_device is 'Sends no more push notifications to a device of the caller. Nothing happens when the caller has no such device. Repeatable.';
select private.expose('unregister_device(uuid)', 'authenticated');

create function private.my_devices()
returns table (id uuid, platform text, app_version text, locale text, created_at timestamptz, last_seen_at timestamptz, is_current boolean)
language sql stable security definer set search_path = ''
as $$
  select d.id, d.platform, d.app_version, d.locale, d.created_at, d.last_seen_at, coalesce(d.session_id::text = auth.jwt() ->> 'session_id', false)
  from private.devices d
  where d.user_id = auth.uid()
  order by d.last_seen_at desc, d.id
$$;
create function public.my_devices()
returns table (id uuid, platform text, app_version text, locale text, created_at timestamptz, last_seen_at timestamptz, is_current boolean)
language sql stable set search_path = ''
as $$ select * from private.my_devices() $$;
comment on function public.my_devices is 'Lists the devices that the caller gets push notifications on, the one seen last first. `is_current` is true for the device of this session. Tokens are not shown.';
select private.expose('my_devices()', 'authenticated');

create function private.device_is_gone(p_device_id uuid, p_sent_at timestamptz)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.end_devices(array(select id from private.devices where id = p_device_id and last_seen_at <= p_sent_at), 'unregistered');
end
$$;
create function public.device_is_gone(device_id uuid, sent_at timestamptz)
returns void
language sql volatile set search_path = ''
as $$ select private.device_is_gone(device_id, sent_at) $$;
comment on function public.device_is_gone is 'Ends a device because the push service no longer knows its token. `sent_at` is when the push was sent: a device that was registered again since stays. Service only. Repeatable.';
select private.expose('device_is_gone(uuid, timestamptz)', 'service_role');

create function private.end_devices_of_session(p_session_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.end_devices(array(select id from private.devices where session_id = p_session_id), 'signed_out');
end
$$;
comment on function private.end_devices_of_session is 'Ends the devices that a session has registered.';

-- Auth removes the session at a sign-out, and so does whatever else ends one: a new password, an admin.
create function private.on_session_ended()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.end_devices_of_session(old.id);
  return null;
end
$$;
create trigger session_ended after delete on auth.sessions
  for each row execute function private.on_session_ended();

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.devices', 'r.user_id = $1', 'erase', '{platform,app_version,locale,created_at,last_seen_at}', 'Nothing is sent to somebody who is gone.');
select private.retain_columns('private.devices', 'A session of the person; the row goes.', 'session_id');

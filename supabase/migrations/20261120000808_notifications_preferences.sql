-- Notifications: what a person wants to get, on which channel, and when not to be disturbed.
-- Rule kept here: a wish is asked for when something is sent, and holds for all but the short list critical_templates. Quiet
-- hours put off and never drop.
-- Left out on purpose: the inbox of the app, which has everything.

create table private.notification_categories (
  code text primary key,
  position int not null,
  name_en text not null,
  name_vi text not null,
  description_en text not null,
  description_vi text not null,
  on_by_default text[] not null default '{email,push,sms}',
  needs_consent boolean not null default false,
  constraint notification_categories_position_once unique (position),
  constraint notification_categories_code_form check (code ~ '^[a-z][a-z_]{2,30}$'),
  constraint notification_categories_channels_known check (on_by_default <@ '{email,push,sms}'),
  constraint notification_categories_sentences check (description_en ~ '^[A-Z].*\.$' and description_vi ~ '\.$')
);
comment on table private.notification_categories is 'The kinds of notifications that a person can switch on and off. A template whose category is not here cannot be switched off, and is not critical for that.';
comment on column private.notification_categories.on_by_default is 'The channels on which it is sent to somebody who has chosen nothing.';
comment on column private.notification_categories.needs_consent is 'Advertising: sent only while profiles.allows_marketing is true, whatever else was chosen.';
insert into private.notification_categories (code, position, name_en, name_vi, description_en, description_vi, on_by_default, needs_consent) values
  ('booking', 10, 'Bookings', 'Đặt xe', 'Requests, confirmations, changes and handovers of your bookings.', 'Yêu cầu, xác nhận, thay đổi và giao nhận xe của bạn.', default, default),
  ('payment', 20, 'Payments', 'Thanh toán', 'Payments, refunds, payouts and receipts.', 'Thanh toán, hoàn tiền, chi trả và biên lai.', default, default),
  ('chat', 30, 'Messages', 'Tin nhắn', 'Messages from other people while you are away.', 'Tin nhắn từ người khác khi bạn không trực tuyến.', '{push}', default),
  ('listing', 40, 'Listings', 'Tin đăng', 'Reviews of your listings.', 'Kết quả duyệt tin đăng của bạn.', default, default),
  ('account', 50, 'Account', 'Tài khoản', 'Your licence, your contacts and your account.', 'Giấy phép lái xe, thông tin liên hệ và tài khoản của bạn.', default, default),
  ('review', 55, 'Reviews', 'Đánh giá', 'Reviews of your trips, and answers to yours.', 'Đánh giá về chuyến đi của bạn và phản hồi cho đánh giá của bạn.', default, default),
  ('tickets', 60, 'Tickets', 'Vé', 'Your tickets, and changes of the events they are for.', 'Vé của bạn và thay đổi của sự kiện.', default, default),
  ('digest', 70, 'Summary', 'Bản tổng hợp', 'A mail about what you have not read, as often as you choose.', 'Email tổng hợp những gì bạn chưa đọc, theo tần suất bạn chọn.', '{email}', default),
  ('marketing', 90, 'Offers', 'Ưu đãi', 'Offers and news, only while you agree to them.', 'Ưu đãi và tin tức, chỉ khi bạn đồng ý nhận.', default, true);

create table private.notification_preferences (
  user_id uuid not null references public.profiles on delete cascade,
  category text not null references private.notification_categories on update cascade,
  channel text not null,
  is_on boolean not null,
  updated_at timestamptz not null default now(),
  primary key (user_id, category, channel),
  constraint notification_preferences_channel_known check (channel in ('email', 'push', 'sms'))
);
comment on table private.notification_preferences is 'What people chose to get and not to get. What they have not chosen is as their category says.';

create table private.notification_schedules (
  user_id uuid primary key references public.profiles on delete cascade,
  quiet_from time,
  quiet_until time,
  digest text not null default 'off',
  digest_hour int not null default 8,
  digest_weekday int not null default 1,
  digest_sent_at timestamptz not null default now(),
  constraint notification_schedules_quiet check ((quiet_from is null) = (quiet_until is null) and quiet_from is distinct from quiet_until or quiet_from is null and quiet_until is null),
  constraint notification_schedules_digest_known check (digest in ('off', 'daily', 'weekly')),
  constraint notification_schedules_digest_time check (digest_hour between 0 and 23 and digest_weekday between 1 and 7)
);
create index notification_schedules_digest_idx on private.notification_schedules (digest_sent_at) where digest <> 'off';
comment on table private.notification_schedules is 'When people are not to be disturbed, and when they get a summary, in the time zone of their profile.';
comment on column private.notification_schedules.quiet_from is 'Local time at which quiet hours begin. Those that begin after they end go over midnight. Null without quiet hours.';
comment on column private.notification_schedules.digest_weekday is 'Of a weekly summary: 1 (Monday) to 7 (Sunday).';
comment on column private.notification_schedules.digest_sent_at is 'Up to when a summary told what was missed; when the person chose one, before the first.';

insert into private.rate_limits (action, capacity, per_minute) values
  ('set_notifications', 60, 30);

insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.notification_preferences', 'r.user_id = $1', 'erase', '{category,channel,is_on,updated_at}', 'Wishes of somebody who is gone.'),
  ('private.notification_schedules', 'r.user_id = $1', 'erase', '{quiet_from,quiet_until,digest,digest_hour,digest_weekday}', 'Wishes of somebody who is gone.');
select private.hold_no_persons('private.notification_categories');

-- Why a person does not want this on that channel, or null.
create function private.preference_problem(p_user_id uuid, p_category text, p_channel text)
returns text
language sql stable set search_path = ''
as $$
  select case
    when c.needs_consent and not (select p.allows_marketing from public.profiles p where p.id = p_user_id) then 'no_consent'
    when not coalesce(
      (select f.is_on from private.notification_preferences f where f.user_id = p_user_id and f.category = p_category and f.channel = p_channel),
      p_channel = any (c.on_by_default)) then 'switched_off'
  end
  from private.notification_categories c
  where c.code = p_category
$$;
create function private.delivery_stop_preference(p_delivery public.deliveries)
returns text
language sql stable set search_path = ''
as $$ select private.preference_problem(p_delivery.user_id, p_delivery.category, p_delivery.channel) $$;
insert into private.delivery_reasons (code, status, message_en, message_vi) values
  ('switched_off', 'suppressed', 'You have switched this kind of notification off on this channel.', 'Bạn đã tắt loại thông báo này trên kênh này.'),
  ('no_consent', 'suppressed', 'You have not agreed to get offers.', 'Bạn chưa đồng ý nhận ưu đãi.');
insert into private.delivery_checks (name, rank, holds_for_critical) values ('preference', 200, false);

-- When the quiet hours end that a person has at a moment, or null outside of them. Local times are put into the zone at the
-- very end, so a night in which clocks change is as long as its person sees it.
create function private.quiet_until(p_user_id uuid, p_at timestamptz)
returns timestamptz
language plpgsql stable set search_path = ''
as $$
declare
  v_from time;
  v_until time;
  v_zone text;
  v_local timestamp;
  v_end timestamptz;
begin
  select s.quiet_from, s.quiet_until, p.time_zone into v_from, v_until, v_zone
  from private.notification_schedules s join public.profiles p on p.id = s.user_id
  where s.user_id = p_user_id and s.quiet_from is not null;
  if not found then
    return null;
  end if;
  v_local := p_at at time zone v_zone;
  if v_from < v_until then
    if v_local::time < v_from or v_local::time >= v_until then
      return null;
    end if;
    v_end := (v_local::date + v_until) at time zone v_zone;
  elsif v_local::time >= v_from then
    v_end := (v_local::date + 1 + v_until) at time zone v_zone;
  elsif v_local::time < v_until then
    v_end := (v_local::date + v_until) at time zone v_zone;
  else
    return null;
  end if;
  -- an hour that comes twice
  return greatest(v_end, p_at + interval '1 minute');
end
$$;

-- Until when a delivery is put off, or null. A mail disturbs nobody's sleep.
create function private.delivery_waits_until(p_delivery public.deliveries)
returns timestamptz
language sql stable set search_path = ''
as $$
  select private.quiet_until(p_delivery.user_id, now())
  where p_delivery.channel <> 'email' and not private.is_critical(p_delivery)
$$;

create function private.notification_settings()
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_profile public.profiles;
  v_schedule private.notification_schedules;
begin
  select * into v_profile from public.profiles where id = v_user_id;
  select * into v_schedule from private.notification_schedules where user_id = v_user_id;
  return jsonb_build_object(
    'time_zone', v_profile.time_zone,
    'quiet_hours', case when v_schedule.quiet_from is not null then jsonb_build_object(
      'from', to_char(v_schedule.quiet_from, 'HH24:MI'), 'until', to_char(v_schedule.quiet_until, 'HH24:MI')) end,
    'digest', jsonb_build_object('frequency', coalesce(v_schedule.digest, 'off'), 'hour', coalesce(v_schedule.digest_hour, 8),
      'weekday', coalesce(v_schedule.digest_weekday, 1)),
    'categories', (
      select jsonb_agg(jsonb_build_object(
        'category', c.code, 'name', case v_profile.locale when 'vi' then c.name_vi else c.name_en end,
        'description', case v_profile.locale when 'vi' then c.description_vi else c.description_en end,
        'needs_consent', c.needs_consent, 'has_consent', not c.needs_consent or v_profile.allows_marketing,
        'channels', (
          select jsonb_agg(jsonb_build_object('channel', h.channel, 'is_on', private.preference_problem(v_user_id, c.code, h.channel) is null) order by h.i)
          from unnest('{email,push,sms}'::text[]) with ordinality h (channel, i)
        )) order by c.position)
      from private.notification_categories c
    ));
end
$$;
create function public.notification_settings()
returns jsonb
language sql stable set search_path = ''
as $$ select private.notification_settings() $$;
comment on function public.notification_settings is 'Answers what a settings screen shows: {time_zone, quiet_hours, digest, categories}. `quiet_hours` is {from, until} as HH:MM in the time zone of the profile, or null. `digest` is {frequency, hour, weekday}; `weekday` is 1 (Monday) to 7. A category is {category, name, description, needs_consent, has_consent, channels: [{channel, is_on}]}, with name and description in the caller''s language. `is_on` says what would be sent now.';
select private.expose('notification_settings()', 'authenticated');

create function private.set_notification_preference(p_category text, p_channel text, p_is_on boolean)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
begin
  perform private.take_token('set_notifications', v_user_id::text);
  if p_category is null or not exists (select from private.notification_categories where code = p_category) then
    perform private.fail_input('category', 'must be one that notification_settings lists');
  end if;
  if p_channel is null or p_channel not in ('email', 'push', 'sms') then
    perform private.fail_input('channel', 'must be email, push or sms');
  end if;
  if p_is_on is null then
    perform private.fail_input('is_on', 'must be given');
  end if;
  perform private.write_notification_preference(v_user_id, p_category, p_channel, p_is_on);
end
$$;
create function private.write_notification_preference(p_user_id uuid, p_category text, p_channel text, p_is_on boolean)
returns void
language sql volatile set search_path = ''
as $$
  insert into private.notification_preferences (user_id, category, channel, is_on) values (p_user_id, p_category, p_channel, p_is_on)
  on conflict (user_id, category, channel) do update set is_on = excluded.is_on, updated_at = now()
$$;
create function public.set_notification_preference(category text, channel text, is_on boolean)
returns void
language sql volatile set search_path = ''
as $$ select private.set_notification_preference(category, channel, is_on) $$;
comment on function public.set_notification_preference is 'Switches a category of notifications on or off on one channel: email, push or sms. It holds for what is sent from now on, and not for the few critical notifications about the account and its money. The inbox of the app has everything. Offers also need allows_marketing of the profile. Repeatable. Errors: invalid_input, rate_limited.';
select private.expose_limited('set_notification_preference(text, text, boolean)', 'set_notifications', 'auth.uid()', 'authenticated');

create function private.read_local_time(p_text text, p_name text)
returns time
language plpgsql stable set search_path = ''
as $$
begin
  if p_text !~ '^([01][0-9]|2[0-3]):[0-5][0-9]$' then
    perform private.fail_input(p_name, 'must be a time of day, such as 22:00');
  end if;
  return p_text::time;
end
$$;

create function private.set_quiet_hours(p_quiet_from text, p_quiet_until text)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_from time;
  v_until time;
begin
  perform private.take_token('set_notifications', v_user_id::text);
  v_from := private.read_local_time(p_quiet_from, 'quiet_from');
  v_until := private.read_local_time(p_quiet_until, 'quiet_until');
  if (v_from is null) <> (v_until is null) or v_from = v_until then
    perform private.fail_input('quiet_until', 'must be another time than quiet_from, or both must be left out');
  end if;
  insert into private.notification_schedules (user_id, quiet_from, quiet_until) values (v_user_id, v_from, v_until)
  on conflict (user_id) do update set quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until;
  -- what waits for the end of the old hours is decided again
  update private.outbox o set available_at = now()
  from public.deliveries d
  where d.user_id = v_user_id and d.status = 'queued' and d.waits_until > now()
    and o.topic = d.channel and o.dedupe_key = d.id::text and o.status = 'pending';
end
$$;
create function public.set_quiet_hours(quiet_from text default null, quiet_until text default null)
returns void
language sql volatile set search_path = ''
as $$ select private.set_quiet_hours(quiet_from, quiet_until) $$;
comment on function public.set_quiet_hours is 'Sets the hours in which no push and no SMS is sent to the caller: `quiet_from` and `quiet_until` as HH:MM in the time zone of the profile, also over midnight. What comes meanwhile is sent when they end, but for the few critical notifications, which are sent at once. Without arguments there are none. Repeatable. Errors: invalid_input, rate_limited.';
select private.expose_limited('set_quiet_hours(text, text)', 'set_notifications', 'auth.uid()', 'authenticated');

create function private.set_notification_digest(p_frequency text, p_hour int, p_weekday int)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
begin
  perform private.take_token('set_notifications', v_user_id::text);
  if p_frequency is null or p_frequency not in ('off', 'daily', 'weekly') then
    perform private.fail_input('frequency', 'must be off, daily or weekly');
  end if;
  if p_hour is null or p_hour not between 0 and 23 then
    perform private.fail_input('hour', 'must be 0 to 23');
  end if;
  if p_weekday is null or p_weekday not between 1 and 7 then
    perform private.fail_input('weekday', 'must be 1 (Monday) to 7 (Sunday)');
  end if;
  insert into private.notification_schedules as s (user_id, digest, digest_hour, digest_weekday) values (v_user_id, p_frequency, p_hour, p_weekday)
  on conflict (user_id) do update
  set digest = excluded.digest, digest_hour = excluded.digest_hour, digest_weekday = excluded.digest_weekday,
      digest_sent_at = case when s.digest = 'off' then now() else s.digest_sent_at end;
end
$$;
create function public.set_notification_digest(frequency text, hour int default 8, weekday int default 1)
returns void
language sql volatile set search_path = ''
as $$ select private.set_notification_digest(frequency, hour, weekday) $$;
comment on function public.set_notification_digest is 'Chooses a mail that sums up what the caller has not read: `frequency` is off, daily or weekly, `hour` the local hour 0–23 in the time zone of the profile, `weekday` 1 (Monday) to 7 for a weekly one. When nothing is unread, none is sent. Repeatable. Errors: invalid_input, rate_limited.';
select private.expose_limited('set_notification_digest(text, int, int)', 'set_notifications', 'auth.uid()', 'authenticated');

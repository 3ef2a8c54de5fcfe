-- Notifications: what a person wants to get, when not to be disturbed, what is void, and why something was not sent.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();
update private.rate_limits set capacity = 1000, per_minute = 1000;

select tests.make_user('lan') as lan, tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
delete from private.outbox;
delete from public.notifications;
update private.inboxes set last_seq = 0;
insert into private.devices (user_id, platform, token) values (:'lan', 'ios', 'ExponentPushToken[phone00000]');
create function tests.tell(p_user uuid, p_template text, p_data jsonb default '{"reason": "x"}') returns uuid language plpgsql as $$
declare v_cause text := gen_random_uuid();
begin
  perform private.notify(p_user, p_template, p_data, v_cause);
  return (select id from public.notifications where user_id = p_user and dedupe_key = p_template || ':' || v_cause);
end $$;
-- what becomes of the delivery of a notification on a channel, asked now
create function tests.decision(p_note uuid, p_channel text) returns text language plpgsql as $$
declare v jsonb;
begin
  v := private.delivery_to_send((select id from public.deliveries where notification_id = p_note and channel = p_channel and status = 'queued' limit 1));
  return coalesce(v ->> 'reason', v ->> 'action', 'no delivery');
end $$;
create function tests.switch(p_category text, p_channel text, p_on boolean) returns void language sql as $$
  select public.set_notification_preference(p_category, p_channel, p_on) $$;

-- preferences ----------------------------------------------------------------------------------------------------
select tests.as_visitor();
select is(tests.outcome('select public.notification_settings()'), '42501', 'a visitor has no settings');
select tests.as_owner();
select array_agg(code order by position) as categories from private.notification_categories \gset
select tests.as_user(:'lan');
select public.notification_settings() as settings \gset
select is((select array_agg(c ->> 'category') from jsonb_array_elements(:'settings'::jsonb -> 'categories') c), :'categories'::text[], 'settings list every category that can be chosen, in one order');
select is((select string_agg(h ->> 'channel', ',') from jsonb_array_elements(:'settings'::jsonb #> '{categories,0,channels}') h where (h ->> 'is_on')::boolean), 'email,push,sms', 'bookings are told on every channel unless the person chose otherwise');
select is((select jsonb_object_agg(h ->> 'channel', h -> 'is_on') from jsonb_array_elements(:'settings'::jsonb -> 'categories') c, jsonb_array_elements(c -> 'channels') h where c ->> 'category' = 'marketing'),
  '{"email": false, "push": false, "sms": false}', 'offers are off unless the person agreed');
select is(:'settings'::jsonb -> 'quiet_hours', 'null'::jsonb, 'nobody has quiet hours who has not set them');
select is(tests.outcome($$ select public.set_notification_preference('nonsense', 'email', true) $$), 'invalid_input', 'an unknown category is refused');
select is(tests.outcome($$ select public.set_notification_preference('booking', 'pigeon', true) $$), 'invalid_input', 'an unknown channel is refused');
select is(tests.outcome($$ select public.set_notification_preference('booking', 'email', null) $$), 'invalid_input', 'a choice is yes or no');
select tests.as_owner();
select tests.tell(:'lan', 'licence_rejected') as note \gset
select tests.as_user(:'lan');
select tests.switch('account', 'email', false);
select is((select (h ->> 'is_on')::boolean from jsonb_array_elements(public.notification_settings() -> 'categories') c, jsonb_array_elements(c -> 'channels') h where c ->> 'category' = 'account' and h ->> 'channel' = 'email'), false, 'settings show what was chosen');
select tests.as_user(:'stranger');
select is((select (h ->> 'is_on')::boolean from jsonb_array_elements(public.notification_settings() -> 'categories') c, jsonb_array_elements(c -> 'channels') h where c ->> 'category' = 'account' and h ->> 'channel' = 'email'), true, 'a choice is that of one person');
select tests.as_owner();
select is(tests.decision(:'note', 'email'), 'switched_off', 'a preference that changed after the notification was written holds when it is sent');
select is(tests.decision(:'note', 'push'), 'send', 'a preference concerns one channel');
select is((select status from public.deliveries where notification_id = :'note' and channel = 'email'), 'suppressed', 'what a person switched off is suppressed');
select is((select count(*)::int from public.notifications where id = :'note'), 1, 'what is switched off is in the inbox all the same');
select tests.as_user(:'lan');
select tests.switch('account', 'email', true);
select tests.as_owner();
select tests.tell(:'lan', 'licence_rejected') as again \gset
select is(tests.decision(:'again', 'email'), 'send', 'a channel can be switched on again');
select tests.as_user(:'lan');
select tests.switch('account', 'email', false), tests.switch('account', 'push', false);
select tests.as_owner();
insert into public.notification_templates (code, locale, category, title, body) select 'an_offer', l, 'marketing', 'Offer', 'Half price' from unnest('{en,vi}'::text[]) l;
insert into public.notification_templates (code, locale, category, title, body) select 'a_new_kind', l, 'brand_new', 'New', 'New' from unnest('{en,vi}'::text[]) l;
select is(tests.decision(tests.tell(:'lan', 'an_offer', '{}'), 'push'), 'no_consent', 'an offer is not sent to somebody who has not agreed to offers');
select tests.as_user(:'lan');
select tests.switch('marketing', 'push', true);
select tests.as_owner();
select is(tests.decision(tests.tell(:'lan', 'an_offer', '{}'), 'push'), 'no_consent', 'a channel that is on is no consent');
update public.profiles set allows_marketing = true where id = :'lan';
select is(tests.decision(tests.tell(:'lan', 'an_offer', '{}'), 'push'), 'send', 'an offer is sent to somebody who agreed');
select is(tests.decision(tests.tell(:'lan', 'password_changed', '{}'), 'email'), 'send', 'a critical notification passes preferences');
select is(tests.decision(tests.tell(:'lan', 'a_new_kind', '{}'), 'push'), 'send', 'a category that nobody can switch off is sent');
update auth.users set email = null where id = :'lan';
select is(tests.decision(tests.tell(:'lan', 'password_changed', '{}'), 'email'), 'no_email', 'a critical notification passes no missing address');
update auth.users set email = 'lan@example.com' where id = :'lan';
select is((select string_agg(distinct t.category, ', ') from public.notification_templates t
  where t.category not in (select code from private.notification_categories) and t.category <> 'brand_new'), null, 'every category of a text is one that the settings list');
select is((select string_agg(template, ', ') from private.critical_templates where template not in (select code from public.notification_templates)), null, 'the critical list names texts that exist');
select ok((select count(*) from private.critical_templates) <= 12, 'the critical list is short');

-- quiet hours ----------------------------------------------------------------------------------------------------
select tests.as_user(:'lan');
select is(tests.outcome($$ select public.set_quiet_hours('25:00', '07:00') $$), 'invalid_input', 'a time that does not exist is refused');
select is(tests.outcome($$ select public.set_quiet_hours('22:00') $$), 'invalid_input', 'quiet hours without an end are refused');
select is(tests.outcome($$ select public.set_quiet_hours('22:00', '22:00') $$), 'invalid_input', 'quiet hours that end when they begin are refused');
select public.set_quiet_hours('22:00', '07:00');
select is(public.notification_settings() -> 'quiet_hours', '{"from": "22:00", "until": "07:00"}'::jsonb, 'settings show the quiet hours');
select tests.as_owner();
create function tests.quiet(p_user uuid, p_zone text, p_from time, p_until time, p_at timestamptz) returns timestamptz language plpgsql as $$
begin
  update public.profiles set time_zone = p_zone where id = p_user;
  insert into private.notification_schedules (user_id, quiet_from, quiet_until) values (p_user, p_from, p_until)
  on conflict (user_id) do update set quiet_from = p_from, quiet_until = p_until;
  return private.quiet_until(p_user, p_at);
end $$;
select is(tests.quiet(:'lan', 'Asia/Ho_Chi_Minh', '22:00', '07:00', '2026-11-20 23:30+07'), '2026-11-21 07:00+07', 'quiet hours before midnight end the next morning');
select is(tests.quiet(:'lan', 'Asia/Ho_Chi_Minh', '22:00', '07:00', '2026-11-20 02:00+07'), '2026-11-20 07:00+07', 'quiet hours after midnight end the same morning');
select is(tests.quiet(:'lan', 'Asia/Ho_Chi_Minh', '22:00', '07:00', '2026-11-20 07:00+07'), null, 'quiet hours are over when they end');
select is(tests.quiet(:'lan', 'Asia/Ho_Chi_Minh', '22:00', '07:00', '2026-11-20 22:00+07'), '2026-11-21 07:00+07', 'quiet hours begin with their first minute');
select is(tests.quiet(:'lan', 'Asia/Ho_Chi_Minh', '12:00', '14:00', '2026-11-20 13:00+07'), '2026-11-20 14:00+07', 'quiet hours can be in the day');
select is(tests.quiet(:'lan', 'Asia/Ho_Chi_Minh', '12:00', '14:00', '2026-11-20 23:00+07'), null, 'quiet hours in the day are none at night');
select is(tests.quiet(:'lan', 'Europe/Berlin', '22:00', '07:00', '2026-11-20 23:30+01'), '2026-11-21 07:00+01', 'quiet hours are those of the zone of the person');
select is(tests.quiet(:'lan', 'America/New_York', '22:00', '02:30', '2026-03-08 01:00-05'), '2026-03-08 03:30-04', 'quiet hours that end in an hour that is skipped end after it');
select is(tests.quiet(:'lan', 'America/New_York', '22:00', '07:00', '2026-10-31 23:00-04'), '2026-11-01 07:00-05', 'a night that is an hour longer has an hour more of quiet');
select is_empty(
  format($$ select z, at from unnest('{America/New_York,Europe/Berlin,Australia/Lord_Howe,Asia/Ho_Chi_Minh}'::text[]) z,
    generate_series('2026-03-01'::timestamptz, '2026-11-10', interval '37 minutes') at
    where at::date in ('2026-03-08', '2026-03-29', '2026-04-04', '2026-04-05', '2026-10-03', '2026-10-04', '2026-10-25', '2026-11-01', '2026-11-02')
      and tests.quiet(%L, z, '22:30', '02:15', at) <= at $$, :'lan'), 'quiet hours always end later than now, also in nights in which clocks change');
-- around now, whatever the time is
update public.profiles set time_zone = 'Asia/Ho_Chi_Minh' where id = :'lan';
update private.notification_schedules set quiet_from = (now() at time zone 'Asia/Ho_Chi_Minh' - interval '1 hour')::time(0), quiet_until = (now() at time zone 'Asia/Ho_Chi_Minh' + interval '2 hours')::time(0) where user_id = :'lan';
delete from private.notification_preferences;
select tests.tell(:'lan', 'licence_rejected') as note \gset
select is(tests.decision(:'note', 'push'), 'quiet hours', 'a push in quiet hours waits');
select results_eq(format($$ select status, waits_until between now() + interval '119 minutes' and now() + interval '121 minutes' from public.deliveries where notification_id = %L and channel = 'push' $$, :'note'), $$ values ('queued', true) $$, 'a push in quiet hours is put off and not dropped');
select is(tests.decision(:'note', 'email'), 'send', 'a mail disturbs nobody');
select is(tests.decision(tests.tell(:'lan', 'password_changed', '{}'), 'push'), 'send', 'a critical notification passes quiet hours');
update private.outbox set available_at = now() + interval '2 hours' where topic = 'push';
select tests.as_user(:'lan');
select public.set_quiet_hours();
select is(public.notification_settings() -> 'quiet_hours', 'null'::jsonb, 'quiet hours can be ended');
select tests.as_owner();
select is((select available_at <= now() from private.outbox o join public.deliveries d on o.dedupe_key = d.id::text where d.notification_id = :'note' and d.channel = 'push'), true, 'what waited for quiet hours is sent when its person ends them');
select is(tests.decision(:'note', 'push'), 'send', 'a push that waited is decided anew');

-- void causes ----------------------------------------------------------------------------------------------------
select tests.tell(:'lan', 'licence_rejected') as read, tests.tell(:'lan', 'licence_rejected') as gone \gset
select tests.settle();
select tests.as_user(:'lan');
select public.mark_notification_read(:'read'), public.delete_notification(:'gone');
select tests.as_owner();
select is(tests.decision(:'read', 'push'), 'already_read', 'no push is sent for what was read in the app');
select is(tests.decision(:'gone', 'push'), 'taken_off', 'no push is sent for what was taken off the list');
select is(tests.decision(:'read', 'email'), 'send', 'a mail is sent for what was read in the app, because people look for it later');
select is((select status from public.deliveries where notification_id = :'read' and channel = 'push'), 'void', 'what has no cause any more is void');
select is(tests.outcome($$ insert into private.notification_causes values ('licence_rejected', 'no_such_function') $$), '42883', 'a cause names a function that exists');
select is(tests.outcome($$ insert into private.notification_causes values ('no_such_text', 'void_booking_request') $$), '23503', 'a cause belongs to a text that exists');
select tests.make_user('host') as host, tests.make_renter('renter') as renter \gset
select tests.make_vehicle(:'host', '{"instant_book": false}') as asking \gset
select tests.make_booking(:'renter', :'asking', tests.hours(30), tests.hours(40)) as booking \gset
select id as asked from public.notifications where user_id = :'host' and template = 'booking_requested_host' \gset
select is(tests.decision(:'asked', 'email'), 'send', 'a host is asked while the request waits');
select tests.as_user(:'host');
select (public.answer_booking(:'booking', true, gen_random_uuid())).status as accepted \gset
select tests.as_owner();
select is(tests.decision(:'asked', 'email'), 'cause_over', 'a host who has answered is not asked any more');
select id as pay from public.notifications where user_id = :'renter' and template = 'booking_accepted_renter' \gset
select is(tests.decision(:'pay', 'email'), 'send', 'a renter is told to pay while the booking waits for it');
select tests.pay(:'booking');
select is(tests.decision(:'pay', 'email'), 'cause_over', 'a renter who has paid is not told to pay');

-- why ------------------------------------------------------------------------------------------------------------
delete from private.devices;
select tests.tell(:'lan', 'licence_rejected') as note \gset
select tests.as_user(:'lan');
select public.set_notification_preference('account', 'email', false);
select tests.as_owner();
select tests.decision(:'note', 'email');
select tests.as_user(:'lan');
select public.explain_notification(:'note') as why \gset
select is((select string_agg(c ->> 'channel' || ' ' || (c ->> 'status'), ', ') from jsonb_array_elements(:'why'::jsonb -> 'channels') c), 'in_app delivered, email suppressed, push suppressed, sms not_planned', 'an explanation has every channel');
select is(:'why'::jsonb #>> '{channels,1,explanation_en}', 'You have switched this kind of notification off on this channel.', 'an explanation says why there was no mail');
select is(:'why'::jsonb #>> '{channels,2,explanation_vi}', 'Bạn chưa có thiết bị nào đăng ký nhận thông báo đẩy.', 'an explanation is in both languages');
select tests.as_user(:'stranger');
select is(tests.outcome(format('select public.explain_notification(%L)', :'note')), 'not_found', 'a stranger learns nothing of notifications of others');
select is(tests.outcome(format('select public.explain_notification(%L)', gen_random_uuid())), 'not_found', 'nobody can explain what is not there');
select tests.as_user(:'admin');
select is(public.explain_notification(:'note') ->> 'user_id', :'lan', 'staff can tell a person why');
select is(tests.outcome(format('select public.explain_notification(%L)', gen_random_uuid())), 'not_found', 'staff cannot explain what is not there');
select tests.as_owner();
create function tests.why(p_status text) returns text language sql stable as $$
  select private.explain_delivery(d, 'Asia/Ho_Chi_Minh') ->> 'en' from public.deliveries d where d.id = (
    select id from public.deliveries where status = p_status order by created_at desc limit 1) $$;
select tests.tell(:'stranger', 'licence_rejected') as s1, tests.tell(:'stranger', 'licence_rejected') as s2 \gset
select private.delivery_sent(d.id, 'resend', 're_' || d.id), private.delivery_reported('resend', 're_' || d.id, 'delivered', '2026-11-20 10:00+07', null) from public.deliveries d where notification_id = :'s1' and channel = 'email';
select private.delivery_sent(d.id, 'resend', 're_' || d.id), private.delivery_reported('resend', 're_' || d.id, 'bounced', '2026-11-20 10:00+07', null) from public.deliveries d where notification_id = :'s2' and channel = 'email';
select ok(tests.why('delivered') like 'It arrived at %10:00%', 'an explanation says when something arrived, in the zone of its person');
select ok(tests.why('bounced') like 'Your address refused it at %', 'an explanation says that an address refused');
select is((select string_agg(s, ', ') from unnest('{queued,sent,delivered,failed,bounced,complained}'::text[]) s where s not in (select code from private.delivery_texts)), null, 'every state of a delivery has a sentence');

-- one notification -----------------------------------------------------------------------------------------------
select tests.settle();
select tests.as_user(:'lan');
select is((select id from public.get_notification(:'note')), :'note', 'a person can ask for one notification by its id');
select public.delete_notification(:'note');
select is((select count(*)::int from public.get_notification(:'note')), 0, 'a notification that was deleted is not there');
select tests.as_user(:'stranger');
select is((select count(*)::int from public.get_notification(:'read')), 0, 'a stranger cannot ask for a notification of others');
select tests.as_owner();

-- summaries ------------------------------------------------------------------------------------------------------
select tests.make_user('reader') as reader \gset
update public.profiles set time_zone = 'Asia/Ho_Chi_Minh', locale = 'en' where id = :'reader';
delete from public.notifications where user_id = :'reader';
select tests.as_user(:'reader');
select is(tests.outcome($$ select public.set_notification_digest('hourly') $$), 'invalid_input', 'a summary is daily, weekly or off');
select is(tests.outcome($$ select public.set_notification_digest('daily', 24) $$), 'invalid_input', 'a day has 24 hours');
select is(tests.outcome($$ select public.set_notification_digest('weekly', 8, 0) $$), 'invalid_input', 'a week has seven days');
select public.set_notification_digest('daily', 8);
select is(public.notification_settings() -> 'digest', '{"frequency": "daily", "hour": 8, "weekday": 1}'::jsonb, 'settings show the summary');
select tests.as_owner();
create function tests.due(p_frequency text, p_hour int, p_weekday int, p_zone text, p_now timestamptz) returns timestamptz language sql as $$
  select private.digest_due(row(gen_random_uuid(), null, null, p_frequency, p_hour, p_weekday, now())::private.notification_schedules, p_zone, p_now) $$;
select is(tests.due('daily', 8, 1, 'Asia/Ho_Chi_Minh', '2026-11-20 08:00+07'), '2026-11-20 08:00+07', 'a daily summary is due at its local hour');
select is(tests.due('daily', 8, 1, 'Asia/Ho_Chi_Minh', '2026-11-20 07:59+07'), '2026-11-19 08:00+07', 'a daily summary is not due before its hour');
select is(tests.due('weekly', 8, 1, 'Europe/Berlin', '2026-11-20 12:00+01'), '2026-11-16 08:00+01', 'a weekly summary is due on its day, in the zone of its person');
select is(tests.due('daily', 2, 1, 'America/New_York', '2026-03-08 12:00-04'), '2026-03-08 03:00-04', 'a summary whose hour is skipped is due after it');
select is(private.queue_digests(), 0, 'a summary is not due at once when it is chosen');
update private.notification_schedules set digest_sent_at = now() - interval '2 days' where user_id = :'reader';
select tests.tell(:'reader', 'licence_rejected', '{"reason": "it is blurred"}') as one, tests.tell(:'reader', 'licence_verified', '{}') as two \gset
select tests.settle();
select is(private.queue_digests(), 1, 'a summary is queued when it is due');
select is(private.queue_digests(), 0, 'a summary is queued once');
select id as digest from public.deliveries where user_id = :'reader' and source = 'digest' \gset
select private.delivery_to_send(:'digest') as answer \gset
select ok((:'answer'::jsonb) #>> '{message,text}' like '%it is blurred%', 'a summary names what was missed');
select is((:'answer'::jsonb) #>> '{message,subject}', 'What you have not read: 2', 'a summary counts what is unread when it is sent');
select tests.as_user(:'reader');
select public.mark_all_notifications_read();
select tests.as_owner();
select is(private.delivery_to_send(:'digest') ->> 'reason', 'nothing_left', 'a summary of nothing is not sent');
select is(tests.broken_promises(), null, 'no invariant is violated');

-- staff ----------------------------------------------------------------------------------------------------------
select tests.as_user(:'lan');
select is(tests.outcome('select * from public.list_deliveries()'), 'forbidden', 'a person cannot list deliveries of others');
select is(tests.outcome(format('select public.requeue_delivery(%L)', :'digest')), 'forbidden', 'a person cannot send a delivery again');
select tests.as_user(:'admin');
select ok((select count(*) from public.list_deliveries(user_id => :'stranger', channel => 'email', status => 'bounced')) = 1, 'staff find what was sent to a person by channel and state');
select is((select template from public.list_deliveries(user_id => :'stranger', status => 'bounced')), 'licence_rejected', 'the list says which text was sent');
select is(tests.outcome($$ select * from public.list_deliveries(status => 'lost') $$), 'invalid_input', 'a state that does not exist is refused');
select is(tests.outcome($$ select * from public.list_deliveries(channel => 'pigeon') $$), 'invalid_input', 'a channel that does not exist is refused in the list');
select is((select count(*)::int from public.list_deliveries(page_size => 3)), 3, 'the list comes in pages');
select is(tests.outcome(format('select public.requeue_delivery(%L)', :'digest')), 'illegal_transition', 'what was decided against is not sent by hand');
select is(tests.outcome(format('select public.requeue_delivery(%L)', gen_random_uuid())), 'not_found', 'what is not there cannot be sent again');
select tests.as_owner();
select private.delivery_failed(d.id, 'resend', 'nonsense') from public.deliveries d where notification_id = :'one' and channel = 'email';
select id as failed from public.deliveries where notification_id = :'one' and channel = 'email' \gset
select is(private.count_deliveries_failed() >= 1, true, 'what was given up is counted for those who watch');
update private.outbox set status = 'dead', finished_at = now() where dedupe_key = :'failed';
select tests.as_user(:'admin');
select public.requeue_delivery(:'failed'), public.requeue_delivery(:'failed');
select tests.as_owner();
select results_eq(format($$ select d.status, o.status, o.attempts from public.deliveries d join private.outbox o on o.dedupe_key = d.id::text where d.id = %L $$, :'failed'), $$ values ('queued', 'pending', 0) $$, 'an admin sends a delivery again that failed');
select private.delivery_failed(:'failed', 'resend', 'nonsense');
delete from private.outbox where dedupe_key = :'failed';
select tests.as_user(:'admin');
select public.requeue_delivery(:'failed');
select tests.as_owner();
select is((select status from private.outbox where dedupe_key = :'failed'), 'pending', 'a delivery whose outbox row is long gone is sent again too');
update public.deliveries set created_at = now() - interval '181 days' where id = :'failed' or notification_id = :'s2';
select private.tidy_deliveries();
select is((select count(*)::int from public.deliveries where notification_id = :'s2'), 0, 'old deliveries are removed');
select is((select count(*)::int from private.delivery_reports r join public.deliveries d using (provider, provider_id) where r.status = 'bounced'), 0, 'what providers said of old deliveries is removed with them');
select is((select count(*)::int from public.deliveries where id = :'failed'), 1, 'what still waits is not removed, however old it is');
select * from finish();
rollback;

-- Notifications by push and SMS: what the service records, what ends a device, and the budget of SMS.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_user('lan') as lan, tests.make_user('stranger') as stranger \gset
delete from private.outbox;
delete from public.notifications;
create function tests.register(p_user uuid, p_token text) returns uuid language sql volatile as $$
  insert into private.devices (user_id, platform, token, last_seen_at) values (p_user, 'ios', 'ExponentPushToken[' || p_token || ']', now() - interval '1 hour') returning id $$;
-- a push that Expo took so many minutes ago, with its outbox row done
create function tests.pushed(p_user uuid, p_ticket text, p_minutes int) returns uuid language plpgsql as $$
declare v_id uuid;
begin
  perform private.notify(p_user, 'licence_verified', '{}', p_ticket);
  select d.id into strict v_id from public.deliveries d join public.notifications n on n.id = d.notification_id
  where n.dedupe_key = 'licence_verified:' || p_ticket and d.channel = 'push';
  perform private.delivery_to_send(v_id);
  perform private.delivery_sent(v_id, 'expo', p_ticket);
  update private.outbox set status = 'done', attempts = 1, finished_at = now() where topic = 'push' and dedupe_key = v_id::text;
  update public.deliveries set sent_at = now() - make_interval(mins => p_minutes), decided_at = now() - make_interval(mins => p_minutes) where id = v_id;
  return v_id;
end $$;
create function tests.status(p_id uuid) returns text language sql stable as $$ select status || coalesce(' ' || detail, '') from public.deliveries where id = p_id $$;
create function tests.tickets() returns text[] language sql volatile as $$
  select coalesce(array_agg(t ->> 'ticket'), '{}') from jsonb_array_elements(private.push_tickets_to_ask(now() - interval '15 minutes', null)) t $$;

-- who may --------------------------------------------------------------------------------------------------------
select tests.as_user(:'lan');
select is(tests.outcome($$ select public.record_push_receipts('[]') $$), '42501', 'a person cannot record receipts');
select is(tests.outcome($$ select public.push_tickets_to_ask(now()) $$), '42501', 'a person cannot read tickets');
select is(tests.outcome(format($$ select public.sms_reported(%L, 'x', 'delivered') $$, gen_random_uuid())), '42501', 'a person cannot report on an SMS');
select tests.as_owner();

-- tickets --------------------------------------------------------------------------------------------------------
select tests.register(:'lan', 'phone00000') as phone \gset
select tests.pushed(:'lan', 'young', 5), tests.pushed(:'lan', 'old', 60), tests.pushed(:'lan', 'older', 120), tests.pushed(:'lan', 'forgotten', 25 * 60);
select is(tests.tickets(), '{older,old}', 'Expo is asked about pushes that are a quarter of an hour old and that it still remembers, the oldest first');
select is(private.push_tickets_to_ask(now() - interval '15 minutes', private.push_tickets_to_ask(now() - interval '15 minutes', null) -> 0) #>> '{0,ticket}', 'old', 'a further page begins after the last ticket');
delete from private.outbox where topic = 'push_receipts';
select private.queue_push_receipts(), private.queue_push_receipts();
select is((select count(*)::int from private.outbox where topic = 'push_receipts'), 1, 'one question waits at a time');
update private.settings set value = '180' where key = 'push_receipt_minutes';
delete from private.outbox where topic = 'push_receipts';
select private.queue_push_receipts();
select is((select count(*)::int from private.outbox where topic = 'push_receipts'), 0, 'nothing is asked while no push is old enough');
update private.settings set value = '15' where key = 'push_receipt_minutes';
select is(tests.outcome($$ update private.settings set value = '0' where key = 'push_receipt_minutes' $$), '23514', 'Expo is not asked at once');

-- receipts -------------------------------------------------------------------------------------------------------
select tests.as_service();
select is(public.record_push_receipts('[{"ticket": "old", "outcome": "delivered"}, {"ticket": "unknown", "outcome": "delivered"}]'), 1, 'a receipt of an unknown ticket is no news');
select is(public.record_push_receipts('[{"ticket": "old", "outcome": "gone", "reason": "late"}]'), 0, 'a receipt that comes again changes nothing');
select is(tests.outcome($$ select public.record_push_receipts('[{"ticket": "older", "outcome": "lost"}]') $$), 'invalid_input', 'an outcome that nobody knows is refused');
select tests.as_owner();
select is((select status from public.deliveries where provider_id = 'old'), 'delivered', 'what arrived is delivered');
select is((select count(*)::int from private.devices where id = :'phone'), 1, 'a receipt that came late ends no device');
select private.record_push_receipts('[{"ticket": "older", "outcome": "refused", "reason": "MessageTooBig"}]');
select is((select status || ' ' || detail from public.deliveries where provider_id = 'older'), 'failed MessageTooBig', 'what was refused failed, and says why');
select is((select count(*)::int from private.devices where id = :'phone'), 1, 'a push that was refused ends no device');

select tests.pushed(:'lan', 'again', 30) as again \gset
select private.record_push_receipts('[{"ticket": "again", "outcome": "retry", "reason": "MessageRateExceeded"}]');
select is((select d.status || ' ' || coalesce(d.provider_id, 'no ticket') || ' ' || o.status from public.deliveries d join private.outbox o on o.topic = 'push' and o.dedupe_key = d.id::text where d.id = :'again'),
  'queued no ticket pending', 'what Expo could not pass on is queued again');
select is((select count(*)::int from private.outbox where topic = 'push' and dedupe_key = :'again' and available_at > now()), 1, 'it is not sent again at once');
update private.outbox set status = 'done', attempts = max_attempts where topic = 'push' and dedupe_key = :'again';
select private.delivery_sent(:'again', 'expo', 'again 2');
select private.record_push_receipts('[{"ticket": "again 2", "outcome": "retry", "reason": "MessageRateExceeded"}]');
select is(tests.status(:'again'), 'failed MessageRateExceeded', 'what was tried often enough is given up');

select tests.pushed(:'lan', 'gone', 30) as gone \gset
update private.devices set last_seen_at = now() - interval '20 minutes' where id = :'phone';
select private.record_push_receipts('[{"ticket": "gone", "outcome": "gone", "reason": "DeviceNotRegistered"}]');
select is(tests.status(:'gone'), 'failed DeviceNotRegistered', 'a push to a device that is gone failed');
select is((select count(*)::int from private.devices where id = :'phone'), 1, 'a device that was registered again after the push stays');
select tests.pushed(:'lan', 'gone 2', 10);
select private.record_push_receipts('[{"ticket": "gone 2", "outcome": "gone", "reason": "DeviceNotRegistered"}]');
select is((select count(*)::int from private.devices where id = :'phone'), 0, 'a device that Expo no longer knows ends');
select is((select data ->> 'reason' from private.domain_events where type = 'device.ended' and subject_id = :'phone'), 'unregistered', 'the log says why a device ended');

-- SMS ------------------------------------------------------------------------------------------------------------
select is(tests.outcome(format($$ insert into public.notification_templates (code, locale, version, category, title, body, sms_body)
  select code, locale, 99, category, title, body, %L from public.notification_templates where code = 'licence_verified' and version = 1 $$, t.body)),
  '23514', 'a text with a link cannot be an SMS: ' || t.body)
from (values ('Open https://x'), ('www.x'), ('Open journey.example now')) t (body);
select lives_ok($$ insert into public.notification_templates (code, locale, version, category, title, body, sms_body)
  select code, locale, 99, category, title, body, 'Journey: v. 1.500.000 VND luc 09.30.' from public.notification_templates where code = 'licence_verified' and version = 1 $$, 'numbers and full stops are no links');

update public.profiles set phone = '+84912345001', phone_verified_at = now() where id = :'lan';
create function tests.sms(p_user uuid, p_cause text) returns uuid language plpgsql as $$
declare v_id uuid;
begin
  perform private.notify_each(array[p_user], '{licence_verified}', '{}', p_cause, '{"{in_app,sms}"}');
  select d.id into strict v_id from public.deliveries d join public.notifications n on n.id = d.notification_id
  where n.dedupe_key = 'licence_verified:' || p_cause and d.channel = 'sms';
  return v_id;
end $$;
create function tests.decided(p_id uuid) returns text language sql volatile as $$
  select coalesce(a ->> 'reason', a ->> 'action') from private.delivery_to_send(p_id) a $$;
update private.settings set value = '2' where key = 'sms_per_day';
select tests.sms(:'lan', 's1') as s1, tests.sms(:'lan', 's2') as s2, tests.sms(:'lan', 's3') as s3 \gset
select is(array[tests.decided(:'s1'), tests.decided(:'s2'), tests.decided(:'s3')], '{send,send,sms_budget}', 'a person gets so many SMS a day, and the row says why there are no more');
select is(tests.decided(:'s1'), 'send', 'a message that is tried again is within the budget that it took');
update public.deliveries set decided_at = decided_at - interval '25 hours' where id = :'s1';
select is(tests.decided(tests.sms(:'lan', 's4')), 'send', 'what was sent a day ago does not count');
select is(tests.decided(tests.sms(:'lan', 's5')), 'sms_budget', 'the budget holds on the next day too');
insert into private.critical_templates (template, why) values ('licence_verified', 'For this test.');
select is(tests.decided(tests.sms(:'lan', 's6')), 'send', 'a critical message passes the budget');
delete from private.critical_templates where template = 'licence_verified';
update private.settings set value = '0' where key = 'sms_per_day';
update public.profiles set phone = '+84912345002', phone_verified_at = now() where id = :'stranger';
select is(tests.decided(tests.sms(:'stranger', 't1')), 'sms_budget', 'a budget of nothing sends nothing');

select private.delivery_sent(:'s1', 'esms', null);
select tests.as_service();
select is(public.sms_reported(:'s1', 'sms-1', 'delivered'), :'s1', 'a report names a message whose name was lost');
select is(public.sms_reported(:'s2', 'sms-2', 'delivered'), null, 'a report that comes before the answer to the sending is kept');
select tests.as_owner();
select is(tests.status(:'s1'), 'delivered', 'a message that arrived is delivered');
select private.delivery_sent(:'s2', 'esms', 'sms-2');
select is(tests.status(:'s2'), 'delivered', 'a report that was kept is applied when the answer comes');
select private.sms_reported(:'s2', 'sms-2', 'failed', 'late');
select is(tests.status(:'s2'), 'delivered', 'a report never moves a message back');

select * from finish();
rollback;

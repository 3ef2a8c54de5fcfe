-- Notifications: what leaves the app, who may see it, and that it never goes back.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_user('lan') as lan, tests.make_user('stranger') as stranger \gset
delete from private.outbox;
delete from public.notifications;
update private.inboxes set last_seq = 0;
create function tests.delivery(p_user uuid, p_channel text) returns public.deliveries language sql stable as $$
  select * from public.deliveries where user_id = p_user and channel = p_channel order by created_at desc, id desc limit 1 $$;
create function tests.register(p_user uuid, p_token text) returns void language sql volatile as $$
  insert into private.devices (user_id, platform, token) values (p_user, 'ios', 'ExponentPushToken[' || p_token || ']') $$;
create function tests.pushes(p_user uuid) returns text[] language sql stable as $$
  select array_agg(d.status || coalesce(' ' || d.reason, '') order by d.status, d.reason) from public.deliveries d where d.user_id = p_user and d.channel = 'push' $$;

-- what is queued -------------------------------------------------------------------------------------------------
select private.notify(:'lan', 'licence_rejected', '{"reason": "it is blurred"}', 'first');
select is((tests.delivery(:'lan', 'email')).status, 'queued', 'a notification whose text has a mail queues one');
select is(tests.pushes(:'lan'), array['suppressed no_device'], 'a push for somebody without a device is decided at once, and the row says why');
select is((tests.delivery(:'lan', 'sms')).id, null, 'no SMS is queued when no rule asks for one');
select is((select count(*)::int from private.outbox o join public.deliveries d on o.payload = jsonb_build_object('delivery_id', d.id) and o.topic = d.channel and o.dedupe_key = d.id::text), 1, 'what is queued is in the outbox, under the topic of its channel');
select private.notify(:'lan', 'licence_rejected', '{"reason": "it is blurred"}', 'first');
select is((select count(*)::int from public.deliveries where user_id = :'lan'), 2, 'one cause is delivered once on each channel');
select private.notify(:'lan', 'licence_verified', '{}', 'second');
select is((select count(*)::int from public.deliveries where user_id = :'lan' and channel = 'email'), 1, 'a text without a mail queues none');
insert into public.notification_templates (code, locale, version, category, title, body, push)
select code, locale, 2, category, title, body, false from public.notification_templates where code = 'licence_verified' and version = 1;
select private.notify(:'lan', 'licence_verified', '{}', 'third');
select is((select count(*)::int from public.deliveries where user_id = :'lan' and channel = 'push'), 2, 'a text without a push queues none');
insert into public.notification_templates (code, locale, version, category, title, body, sms_body)
select code, locale, 3, category, title, body, 'Short: ' || title from public.notification_templates where code = 'licence_verified' and version = 1;
select is(tests.outcome($$ insert into private.notification_rules (machine, event, audience, template, channels) values ('driver_licence', 'submit', 'owner', 'licence_rejected', '{in_app,sms}') $$), '23514', 'a rule with the channel sms names a text that has an SMS');
select private.notify_each(array[:'lan']::uuid[], '{licence_verified}', '{}', 'fourth', '{"{in_app,sms}"}');
select is((tests.delivery(:'lan', 'sms')).status, 'queued', 'an SMS is queued when a rule asks for one and the text has it');

-- who sees it ----------------------------------------------------------------------------------------------------
select tests.as_user(:'stranger');
select is((select count(*)::int from public.deliveries), 0, 'a stranger sees no deliveries of others');
select tests.as_user(:'lan');
select is((select count(*)::int from public.deliveries where channel = 'email'), 1, 'a person sees what was sent to them, and what was not');
select is(tests.outcome('select provider_id from public.deliveries'), '42501', 'a person does not see what providers call their deliveries');
select is(tests.outcome($$ update public.deliveries set status = 'delivered' $$), '42501', 'a person cannot change a delivery');
select is(tests.outcome(format('select public.delivery_to_send(%L)', gen_random_uuid())), '42501', 'a person cannot ask for what is to be sent');
select tests.as_visitor();
select is(tests.outcome('select id from public.deliveries'), '42501', 'a visitor sees no deliveries');
select tests.as_owner();

-- deciding -------------------------------------------------------------------------------------------------------
select (tests.delivery(:'lan', 'email')).id as mail \gset
select tests.as_service();
select public.delivery_to_send(:'mail') as answer \gset
select tests.as_owner();
select is((:'answer'::jsonb) ->> 'action', 'send', 'a mail that nothing speaks against is sent');
select is((:'answer'::jsonb) #>> '{target,email}', (select email::text from auth.users where id = :'lan'), 'a mail goes to the address of its person now');
select ok((:'answer'::jsonb) #>> '{message,text}' like '%it is blurred%', 'a mail is rendered when it is sent');
select is((tests.delivery(:'lan', 'email')).attempts, 1, 'each try is counted');
select is((select d.status from public.deliveries d where d.id = :'mail'), 'queued', 'a mail is sent only when its provider has it');
select is(private.delivery_to_send((tests.delivery(:'lan', 'sms')).id) ->> 'reason', 'no_phone', 'no SMS is sent to somebody without a verified phone');
select results_eq(format($$ select status, reason, decided_at is not null from public.deliveries where user_id = %L and channel = 'sms' $$, :'lan'),
  $$ values ('suppressed', 'no_phone', true) $$, 'a decision not to send is stored with its reason');
select is(private.delivery_to_send((tests.delivery(:'lan', 'sms')).id) ->> 'status', 'suppressed', 'what was decided is not sent later');
update auth.users set email = null where id = :'stranger';
select private.notify(:'stranger', 'licence_rejected', '{"reason": "x"}', 'first');
select is(private.delivery_to_send((tests.delivery(:'stranger', 'email')).id) ->> 'reason', 'no_email', 'no mail is sent to somebody without an address');

-- pushes and devices ---------------------------------------------------------------------------------------------
delete from public.notifications;
update private.inboxes set last_seq = 0;
select tests.register(:'lan', 'phone00000'), tests.register(:'lan', 'tablet0000'), tests.register(:'lan', 'laptop0000');
select private.notify(:'lan', 'licence_verified', '{}', 'push');
select is(tests.pushes(:'lan'), array['queued'], 'a push is one row until it is sent');
select private.delivery_to_send((tests.delivery(:'lan', 'push')).id) as answer \gset
select is((:'answer'::jsonb) #>> '{message,badge}', '1', 'a push carries the badge that the app shows');
select is((:'answer'::jsonb) #>> '{message,title}', (select title from public.notifications where user_id = :'lan'), 'a push says what the inbox says');
select is(tests.pushes(:'lan'), array['queued', 'queued', 'queued'], 'a push that is sent has a row for each device');
select is((select count(distinct private.delivery_to_send((o.payload ->> 'delivery_id')::uuid) #>> '{target,token}')::int from private.outbox o where topic = 'push'), 3, 'each device gets the push once');
select is((select count(*)::int from public.deliveries where user_id = :'lan'), 3, 'asking again makes no further rows');
delete from private.devices where token = 'ExponentPushToken[tablet0000]';
select private.delivery_to_send(d.id) from public.deliveries d where d.user_id = :'lan';
select is(tests.pushes(:'lan'), array['queued', 'queued', 'suppressed device_gone'], 'a device that signed out meanwhile gets nothing');
select private.notify(:'lan', 'licence_verified', '{}', 'push 2');
delete from private.devices;
select private.delivery_to_send(d.id) from public.deliveries d where d.user_id = :'lan' and d.device_id is null and d.channel = 'push';
select is((select d.reason from public.deliveries d where d.user_id = :'lan' and d.device_id is null and d.channel = 'push'), 'no_device', 'a push whose devices are all gone says so');

-- what is reported -----------------------------------------------------------------------------------------------
create function tests.sent(p_cause text, p_user uuid) returns uuid language plpgsql as $$
declare v_id uuid;
begin
  perform private.notify(p_user, 'licence_rejected', '{"reason": "x"}', p_cause);
  select d.id into v_id from public.deliveries d join public.notifications n on n.id = d.notification_id
  where n.user_id = p_user and n.dedupe_key = 'licence_rejected:' || p_cause and d.channel = 'email';
  perform private.delivery_sent(v_id, 'resend', 're_' || p_cause);
  return v_id;
end $$;
create function tests.status(p_id uuid) returns text language sql stable as $$ select status from public.deliveries where id = p_id $$;
select tests.sent('a', :'lan') as a, tests.sent('b', :'lan') as b, tests.sent('c', :'lan') as c \gset
select is(tests.status(:'a'), 'sent', 'a delivery that its provider took is sent');
select tests.as_service();
select is(public.delivery_reported('resend', 're_a', 'delivered', '2026-11-20 10:00+00'), :'a', 'a report finds its delivery');
select tests.as_owner();
select is((select delivered_at from public.deliveries where id = :'a'), '2026-11-20 10:00+00', 'the time of a report is that of the provider');
select private.delivery_reported('resend', 're_a', 'failed', now(), 'late');
select is(tests.status(:'a'), 'delivered', 'what was delivered cannot fail any more');
select private.delivery_reported('resend', 're_a', 'complained', now(), null);
select is(tests.status(:'a'), 'complained', 'what was delivered can be complained about');
select private.delivery_reported('resend', 're_a', 'delivered', now(), null), private.delivery_reported('resend', 're_a', 'bounced', now(), null);
select is(tests.status(:'a'), 'complained', 'a report that comes late moves nothing back');
select private.delivery_reported('resend', 're_b', 'bounced', now(), '550 no such user');
select private.delivery_reported('resend', 're_b', 'bounced', now(), 'again');
select is((select status || ' ' || detail from public.deliveries where id = :'b'), 'bounced 550 no such user', 'a report that comes twice counts once');
select is(private.delivery_reported('resend', 're_early', 'delivered', now(), null), null, 'a report of an unknown message is kept');
select tests.sent('early', :'lan') as early \gset
select is(tests.status(:'early'), 'delivered', 'a report that came before we knew the message is applied when we do');
select is(tests.outcome($$ select private.delivery_reported('resend', 're_c', 'opened', now(), null) $$), 'invalid_input', 'a report that says nothing of delivery is refused');
select private.delivery_sent(:'c', 'resend', 're_other');
select is((select provider_id from public.deliveries where id = :'c'), 're_c', 'a delivery is sent once');
select is(tests.outcome(format($$ update public.deliveries set provider_id = 're_a' where id = %L $$, :'c')), '23505', 'two deliveries of a provider have two ids');
select is(tests.outcome(format($$ update public.deliveries set status = 'queued' where id = %L $$, :'a')), 'illegal_transition', 'nobody can queue again what was sent, Studio included');
select is(tests.outcome(format($$ update public.deliveries set status = 'void' where id = %L $$, :'early')), 'illegal_transition', 'what was sent cannot become void');
select is(tests.outcome(format($$ insert into public.deliveries (user_id, notification_id, category, channel, status, reason, decided_at) select user_id, notification_id, category, 'sms', 'suppressed', null, now() from public.deliveries where id = %L $$, :'a')), '23514', 'what was not sent says why');

-- dead letters ---------------------------------------------------------------------------------------------------
delete from private.outbox;
select private.notify(:'lan', 'licence_rejected', '{"reason": "x"}', 'dead');
select id as dead from public.deliveries where user_id = :'lan' and channel = 'email' and status = 'queued' \gset
create temporary table leased as select * from public.lease_outbox(10, 60);
select private.fail_outbox(id, lease_token, 'the provider is away', false) from leased;
select is(tests.status(:'dead'), 'queued', 'a try that failed leaves a delivery queued');
update private.outbox set available_at = now();
truncate leased;
insert into leased select * from public.lease_outbox(10, 60);
select private.fail_outbox(id, lease_token, 'the address is nonsense', true) from leased;
select is((select status || ': ' || detail from public.deliveries where id = :'dead'), 'failed: the address is nonsense', 'a dead letter is a delivery that failed, with the reason');
update private.outbox set status = 'pending', finished_at = null, available_at = now() where status = 'dead';
select is(tests.status(:'dead'), 'queued', 'a dead letter that is performed again is queued again');
select private.delivery_failed(:'dead', 'expo', 'unknown');
select is(tests.status(:'dead'), 'failed', 'a transport can say that a delivery failed');
select is(tests.broken_promises(), null, 'no invariant is violated');

select * from finish();
rollback;

-- Chat: who is told of messages while away, of which, and who is not.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();
update private.rate_limits set capacity = 10000, per_minute = 10000;

select tests.make_user('An Writer') as an, tests.make_user('Binh Reader') as binh, tests.make_user('Cuc Other') as cuc, tests.make_user('Dung Stranger') as dung \gset
update public.profiles set locale = 'en' where id in (:'an', :'binh', :'cuc', :'dung');
insert into private.devices (user_id, platform, token)
select u, 'ios', 'ExponentPushToken[phone' || right(u::text, 12) || ']' from unnest(array[:'an', :'binh', :'cuc', :'dung']::uuid[]) u;
delete from private.outbox;
delete from public.notifications;
select tests.as_user(:'an');
select id as talk from private.open_direct_conversation(:'binh') \gset
select (private.send_message(:'talk', 'Hello, may I ask?', gen_random_uuid())).seq as first \gset
select tests.as_owner();
create function tests.say(p_user uuid, p_conversation uuid, p_body text, p_mentions uuid[] default '{}') returns bigint language plpgsql as $$
declare v_seq bigint;
begin
  perform tests.as_user(p_user);
  v_seq := (private.send_message(p_conversation, p_body, gen_random_uuid(), null, p_mentions)).seq;
  perform tests.as_owner();
  return v_seq;
end $$;
create function tests.announce(p_conversation uuid) returns int language plpgsql as $$
begin
  perform private.close_push_window(p_conversation);
  return private.announce_messages(p_conversation);
end $$;
-- the push of a person that waits, as it would be shown now, or why it is not sent
create function tests.shown(p_user uuid) returns text language plpgsql as $$
declare
  v_id uuid := (select id from public.deliveries where user_id = p_user and source = 'chat' and status = 'queued' order by created_at desc limit 1);
  v jsonb;
begin
  if v_id is null then return null; end if;
  v := private.delivery_to_send(v_id);
  return coalesce(v ->> 'reason', (v #>> '{message,title}') || ' | ' || (v #>> '{message,body}'));
end $$;
create function tests.waiting(p_user uuid) returns int language sql stable as $$
  select count(*)::int from public.deliveries where user_id = p_user and source = 'chat' and status = 'queued' $$;
create function tests.clear() returns void language sql as $$
  delete from public.deliveries where source = 'chat'; delete from private.outbox; delete from private.chat_push_windows $$;

-- requests -------------------------------------------------------------------------------------------------------
select is((select count(*)::int from private.outbox where topic = 'chat_push'), 1, 'a message opens one window of its conversation');
select ok((select available_at > now() + interval '5 seconds' from private.outbox where topic = 'chat_push'), 'nobody is told before the grace is over');
select is(tests.announce(:'talk'), 0, 'a request that waits gets no push with a text');
select is((select template || ': ' || body from public.notifications where user_id = :'binh'), 'message_request: An Writer would like to write to you. Accept or decline in the app.', 'a message request is told, without what was written');
select is((select count(*)::int from public.deliveries where user_id = :'binh' and channel = 'push' and status = 'queued'), 1, 'a message request is told by push as well');
select tests.say(:'an', :'talk', 'Are you there?');
select tests.announce(:'talk');
select is((select count(*)::int from public.notifications where user_id = :'binh'), 1, 'a message request is told once, however much is written');
select d.id as request from public.deliveries d where d.user_id = :'binh' and d.channel = 'push' and d.source = 'notification' and d.status = 'queued' \gset
select ok(private.delivery_to_send(:'request')::text not like '%may I ask%', 'the push of a request has nothing of its text');
select tests.as_user(:'binh');
select private.answer_request(:'talk', true);
select tests.as_owner();
select is(private.delivery_to_send(:'request') ->> 'reason', 'request_answered', 'a request that was answered is not told any more');

-- one push for a conversation ------------------------------------------------------------------------------------
select tests.clear();
select tests.say(:'an', :'talk', 'One'), tests.say(:'an', :'talk', 'Two'), tests.say(:'an', :'talk', 'Three');
select is((select count(*)::int from private.outbox where topic = 'chat_push'), 1, 'many messages in the grace cost one row of the outbox');
select is(tests.announce(:'talk'), 1, 'anybody who is away gets a push');
select is(tests.waiting(:'an'), 0, 'anybody who wrote gets none');
select is((select count(*)::int from public.notifications where user_id = :'binh' and template like 'chat_message%'), 0, 'messages do not fill the inbox of notifications');
select tests.say(:'an', :'talk', 'Four');
select tests.announce(:'talk');
select is(tests.waiting(:'binh'), 1, 'a push that waits tells the next messages as well');
select is(tests.shown(:'binh'), 'An Writer | Four', 'a push shows the newest message and who wrote it');
select is((select private.delivery_to_send(id) #>> '{message,collapse_key}' from public.deliveries where user_id = :'binh' and source = 'chat'), 'chat:' || :'talk', 'pushes of one conversation take the place of each other');

-- what is shown is what is there ---------------------------------------------------------------------------------
select tests.as_user(:'an');
select private.edit_message(:'talk', (select max(seq) from public.messages where conversation_id = :'talk'), 'Four, changed');
select tests.as_owner();
select is(tests.shown(:'binh'), 'An Writer | Four, changed', 'a message that was changed is shown as it is now');
select tests.as_user(:'an');
select private.delete_message(:'talk', (select max(seq) from public.messages where conversation_id = :'talk'));
select tests.as_owner();
select is(tests.shown(:'binh'), 'An Writer | Three', 'a message that was deleted is not shown');
select tests.as_user(:'an');
select private.delete_message(:'talk', seq) from public.messages where conversation_id = :'talk' and sender_id = :'an' and deleted_at is null;
select tests.as_owner();
select is(tests.shown(:'binh'), 'chat_read', 'when all was deleted, nothing is sent');
select is((select count(*)::int from public.deliveries d where to_jsonb(d)::text ~ 'Four|Three'), 0, 'no delivery keeps a text of a message');
select is((select count(*)::int from private.outbox o where to_jsonb(o)::text ~ 'Four|Three'), 0, 'no row of the outbox keeps a text of a message');
select tests.say(:'an', :'talk', repeat('word ', 100));
select tests.announce(:'talk');
select ok(char_length(tests.shown(:'binh')) < 180, 'a long message is cut for the screen of a phone');

-- who has read ---------------------------------------------------------------------------------------------------
select tests.clear();
select tests.say(:'an', :'talk', 'Read me') as seq \gset
select tests.as_user(:'binh');
select private.mark_conversation_read(:'talk', :seq, false);
select tests.as_owner();
select is(tests.announce(:'talk'), 0, 'anybody who has read on another device gets no push, also when only they know that they have read');
select tests.say(:'an', :'talk', 'Read me later') as seq \gset
select tests.announce(:'talk');
select tests.as_user(:'binh');
select private.mark_conversation_read(:'talk', :seq, true);
select tests.as_owner();
select is(tests.shown(:'binh'), 'chat_read', 'anybody who reads while the push waits does not get it');

-- muted, blocked, gone -------------------------------------------------------------------------------------------
select tests.clear();
update public.conversation_markers set muted_until = 'infinity' where user_id = :'binh' and conversation_id = :'talk';
select tests.say(:'an', :'talk', 'Quiet');
select is(tests.announce(:'talk'), 0, 'a conversation that is muted sends no push');
select tests.say(:'an', :'talk', 'Binh, please', array[:'binh']::uuid[]);
select is(tests.announce(:'talk'), 1, 'anybody who is mentioned is told although the conversation is muted');
update public.conversation_markers set muted_until = null where user_id = :'binh';
select tests.clear();
select tests.say(:'an', :'talk', 'Before the block');
insert into public.user_blocks (user_id, blocked_id) values (:'binh', :'an');
select is(tests.announce(:'talk'), 0, 'anybody who blocked the writer gets no push');
delete from public.user_blocks;
select is(tests.announce(:'talk'), 1, 'without the block there is one');
insert into public.user_blocks (user_id, blocked_id) values (:'binh', :'an');
select is(tests.shown(:'binh'), 'chat_read', 'a block that comes while a push waits stops it');
delete from public.user_blocks;

-- groups ---------------------------------------------------------------------------------------------------------
select tests.clear();
delete from public.notifications;
update private.inboxes set last_seq = 0;
select tests.as_user(:'an');
select id as grp from private.create_group('Trip to Da Lat', array[:'binh', :'cuc']::uuid[], gen_random_uuid()) \gset
select tests.as_owner();
select is((select array_agg(user_id order by user_id) from public.notifications where template = 'group_invitation'), array(select u from unnest(array[:'binh', :'cuc']::uuid[]) u order by u), 'an invitation to a group is told to those who are invited');
select is((select distinct body from public.notifications where template = 'group_invitation'), 'An Writer invites you to a group. Accept or decline in the app.', 'an invitation says who invites, and nothing that was written');
select is((select count(*)::int from public.notifications n where to_jsonb(n)::text like '%Da Lat%'), 0, 'the title of a group is in no invitation');
select tests.as_user(:'binh');
select private.answer_request(:'grp', true);
select tests.as_owner();
select tests.clear();
select tests.say(:'an', :'grp', 'Who drives?');
select is(tests.announce(:'grp'), 1, 'only members are told, not those who are still invited');
select is(tests.shown(:'binh'), 'Trip to Da Lat | An Writer: Who drives?', 'the push of a group names the group and the writer');
select tests.as_user(:'an');
select private.remove_member(:'grp', :'binh');
select tests.as_owner();
select is(tests.shown(:'binh'), 'chat_left', 'anybody who was removed while a push waits does not get it');
select is((select status from public.deliveries where user_id = :'binh' and source = 'chat'), 'void', 'a push that was not sent says so');

-- two devices, and wishes ----------------------------------------------------------------------------------------
select tests.clear();
insert into private.devices (user_id, platform, token) values (:'binh', 'android', 'ExponentPushToken[tablet0000]');
select tests.say(:'an', :'talk', 'On both?');
select tests.announce(:'talk');
select tests.shown(:'binh');
select is(tests.waiting(:'binh'), 2, 'each device has a push of its own');
select tests.say(:'an', :'talk', 'Still there?');
select tests.announce(:'talk');
select d.id as further from public.deliveries d where d.user_id = :'binh' and d.source = 'chat' and d.device_id is null \gset
select is(private.delivery_to_send(:'further') ->> 'reason', 'already_waiting', 'a device whose push waits gets no second one');
insert into private.notification_preferences (user_id, category, channel, is_on) values (:'binh', 'chat', 'push', false);
select is(private.delivery_to_send(d.id) ->> 'reason', 'switched_off', 'anybody who switched pushes of messages off gets none')
from public.deliveries d where d.user_id = :'binh' and d.source = 'chat' and d.status = 'queued' limit 1;

-- nothing gets lost ----------------------------------------------------------------------------------------------
select tests.clear();
select tests.say(:'an', :'talk', 'Lost?');
delete from private.outbox;
select private.reopen_push_windows();
select is((select count(*)::int from private.outbox), 0, 'a window that is young is left alone');
update private.chat_push_windows set opened_at = now() - interval '11 minutes';
select private.reopen_push_windows();
select is((select count(*)::int from private.outbox where topic = 'chat_push'), 1, 'a window whose announcement was lost gets another');
select tests.as_user(:'an');
select is(tests.outcome(format('select public.announce_messages(%L)', :'talk')), '42501', 'a person cannot announce messages');
select is(tests.outcome(format('select public.close_push_window(%L)', :'talk')), '42501', 'a person cannot end the grace');
select tests.as_owner();
select is(tests.announce(gen_random_uuid()), 0, 'a conversation that is not there tells nobody');
select is(tests.broken_promises(), null, 'no invariant is violated');
select * from finish();
rollback;

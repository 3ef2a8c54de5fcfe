-- Chat, sync: what a device is told, what it is not told, and that it misses nothing.
-- One transaction cannot see itself commit: moves between two looks are made by marking rows as changed by a transaction
-- that the cursor has not seen. Races and lost connections are in tests/chat/store.test.ts.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

update private.rate_limits set capacity = 1000, per_minute = 1000 where action in ('sync_chat', 'send_message', 'change_conversation', 'request_conversation');
select tests.make_user('host') as host, tests.make_user('renter') as renter, tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
create function pg_temp.send(p_conversation uuid, p_body text) returns bigint language sql
  return (private.send_message(p_conversation, p_body, gen_random_uuid())).seq;
create function pg_temp.sync(p_cursor jsonb default null) returns jsonb language sql as $$ select public.sync_chat(p_cursor) $$;
-- the one conversation of an answer
create function pg_temp.one(p_answer jsonb, p_conversation uuid) returns jsonb language sql as $$
  select e from jsonb_array_elements(p_answer -> 'conversations') e where e ->> 'conversation_id' = p_conversation::text $$;
create function pg_temp.seqs(p_conversation jsonb) returns text language sql as $$
  select coalesce(string_agg(m ->> 'seq', ',' order by (m ->> 'change')::int), '') from jsonb_array_elements(p_conversation -> 'messages') m $$;
grant execute on function pg_temp.send, pg_temp.sync, pg_temp.one, pg_temp.seqs to authenticated;

select tests.as_visitor();
select is(tests.outcome('select public.sync_chat()'), '42501', 'a visitor has nothing to sync');
select is(tests.outcome('select public.badges()'), '42501', 'a visitor has no badge');

-- a new device
select tests.as_user(:'renter');
select pg_temp.sync() as first \gset
select is((select array_agg(k order by k) from jsonb_object_keys(:'first'::jsonb) k), '{anew,badges,conversations,cursor,more,notifications}', 'an answer has a cursor and what changed');
select is(:'first'::jsonb - '{cursor,notifications}'::text[], '{"anew": true, "more": false, "conversations": [], "badges": {"unread_conversations": 0, "unread_messages": 0, "requests": 0, "unread_notifications": 0}}'::jsonb, 'who has no conversation begins with nothing');
select (private.open_direct_conversation(:'host')).id as pair \gset
select pg_temp.send(:'pair', 'A secret') \gset

-- a request
select tests.as_user(:'host');
select pg_temp.one(pg_temp.sync(), :'pair') as asked \gset
select is(:'asked'::jsonb -> 'summary' ->> 'status', 'invited', 'a request is told');
select is(:'asked'::jsonb -> 'messages', '[]'::jsonb, 'a request brings no message');
select is(:'asked'::jsonb -> 'members', '[]'::jsonb, 'a request brings no members');
select ok(pg_temp.sync()::text not like '%secret%', 'no part of an answer has the text of a request');
select is(pg_temp.sync() -> 'badges', '{"unread_conversations": 0, "unread_messages": 0, "requests": 1, "unread_notifications": 0}'::jsonb, 'a request that waits is counted');
select public.answer_request(:'pair', true);
select pg_temp.one(pg_temp.sync(), :'pair') as accepted \gset
select is(pg_temp.seqs(:'accepted'), '1', 'an accepted request brings what was written');
select is(jsonb_array_length(:'accepted'::jsonb -> 'members'), 2, 'members come with their conversation');
select is(pg_temp.sync() -> 'badges', '{"unread_conversations": 1, "unread_messages": 1, "requests": 0, "unread_notifications": 0}'::jsonb, 'conversations and messages are counted');
select is(public.badges(), pg_temp.sync() -> 'badges', 'the badge is the same by itself');
select is((public.badges() ->> 'unread_conversations')::int, public.unread_conversations(), 'the count of conversations is the same by itself');
select private.set_conversation(:'pair', 'infinity', false, false) \gset
select is(public.badges() -> 'unread_messages', '0'::jsonb, 'a muted conversation is not counted');
select private.set_conversation(:'pair', null, false, false) \gset

-- cursors that make no sense
select is(tests.outcome_details(format('select public.sync_chat(%L)', c)) ->> 'field', 'cursor', 'a cursor is refused that is ' || c)
from (values ('null'), ('[]'), ('5'), ('{}'), ('{"epoch": 1}'), ('{"epoch": 1, "seen": "x", "notification": 0}'), ('{"epoch": 1, "seen": "5:3:", "notification": 0}'),
  ('{"epoch": 1, "seen": "3:5:", "notification": 0, "after": "00000000-0000-0000-0000-000000000000"}'),
  ('{"epoch": 1, "seen": "3:5:", "notification": 0, "until": "3:5:"}')) v (c);
select is(pg_temp.sync('{"epoch": 2, "seen": "3:5:", "notification": 0}') -> 'anew', 'true'::jsonb, 'a cursor of another epoch begins anew');
select is(pg_temp.sync('{"epoch": 1, "seen": "3:999999999999:", "notification": 0}') -> 'anew', 'true'::jsonb, 'a cursor of the future was taken before a restore and begins anew');
select is(pg_temp.sync('{"epoch": 1, "seen": "3:5:", "notification": 0}') -> 'anew', 'false'::jsonb, 'an old cursor goes on');

-- what is cut
select tests.as_user(:'renter');
select pg_temp.send(:'pair', 'm' || i) from generate_series(2, 40) i \g /dev/null
select tests.as_user(:'host');
select is(pg_temp.seqs(pg_temp.one(pg_temp.sync(), :'pair')), (select string_agg(i::text, ',' order by i) from generate_series(11, 40) i), 'a new device begins with the newest messages');
select is(pg_temp.one(pg_temp.sync(), :'pair') ->> 'limited', 'true', 'a new device is told that there are more');
select tests.as_owner();
-- as if the window were old, and the last messages new
update private.rate_limits set capacity = 1000000 where action = 'sync_chat';
alter table public.conversation_members disable trigger stamp_change;
alter table public.conversation_markers disable trigger stamp_change;
alter table public.conversations disable trigger stamp_change;
alter table public.messages disable trigger stamp_change;
update public.conversation_members set changed_in = '3', window_changed_in = '3';
update public.conversation_markers set changed_in = '3';
update public.conversations set changed_in = '3';
update public.messages set changed_in = '3';
create function pg_temp.since() returns jsonb language sql as $$ select '{"epoch": 1, "seen": "5:5:", "notification": 0}'::jsonb $$;
grant execute on function pg_temp.since to authenticated;
select tests.as_user(:'host');
select is(pg_temp.sync(pg_temp.since()) -> 'conversations', '[]'::jsonb, 'what was seen does not come again');
select tests.as_owner();
update public.messages set changed_in = '5' where seq >= 38 and conversation_id = :'pair';
update public.conversations set changed_in = '5' where id = :'pair';
select tests.as_user(:'host');
select is(pg_temp.seqs(pg_temp.one(pg_temp.sync(pg_temp.since()), :'pair')), '38,39,40', 'what came since then comes');
select is(pg_temp.one(pg_temp.sync(pg_temp.since()), :'pair') ->> 'limited', 'false', 'what comes continues what the device has');
select is(pg_temp.one(pg_temp.sync(pg_temp.since()), :'pair') -> 'members', '[]'::jsonb, 'members who did not change do not come');
select tests.as_owner();
update public.conversation_members set changed_in = '5' where conversation_id = :'pair' and user_id = :'renter';
select tests.as_user(:'host');
select is((select array_agg(m ->> 'user_id') from jsonb_array_elements(pg_temp.one(pg_temp.sync(pg_temp.since()), :'pair') -> 'members') m), array[:'renter'::text], 'a member who changed comes');
select tests.as_owner();
-- a transaction that was under way when the cursor was taken, with a smaller number than others that had finished
update public.messages set changed_in = '3' where conversation_id = :'pair';
update public.messages set changed_in = '4' where conversation_id = :'pair' and seq = 40;
update public.conversations set changed_in = '4' where id = :'pair';
select tests.as_user(:'host');
select is(pg_temp.seqs(pg_temp.one(pg_temp.sync('{"epoch": 1, "seen": "4:6:4", "notification": 0}'), :'pair')), '40', 'what was under way at the last look is not passed over');
select is(pg_temp.seqs(pg_temp.one(pg_temp.sync('{"epoch": 1, "seen": "6:6:", "notification": 0}'), :'pair')), '', 'what had finished then does not come again');

-- a refusal looks like silence
select tests.as_user(:'stranger');
select (private.open_direct_conversation(:'renter')).id as refused \gset
select pg_temp.send(:'refused', 'Hi') \gset
select tests.as_user(:'renter');
select public.answer_request(:'refused', false);
select is(pg_temp.one(pg_temp.sync(), :'refused') -> 'summary', 'null'::jsonb, 'a declined request is gone');
select tests.as_owner();
update public.conversation_members set changed_in = '3', window_changed_in = '3' where conversation_id = :'refused';
update public.conversation_markers set changed_in = '3' where conversation_id = :'refused';
update public.conversations set changed_in = '3' where id = :'refused';
update public.conversation_members set changed_in = '5' where conversation_id = :'refused' and user_id = :'renter';
select tests.as_user(:'stranger');
select is(pg_temp.one(pg_temp.sync(pg_temp.since()), :'refused'), null, 'nobody hears of a refusal');
select is((select array_agg(m ->> 'status' order by m ->> 'status') from jsonb_array_elements(pg_temp.one(pg_temp.sync(), :'refused') -> 'members') m), '{active,invited}', 'who was refused is shown a request that waits');

-- windows
select tests.as_user(:'host');
select (private.create_group('Crew', array[:'stranger']::uuid[], gen_random_uuid())).id as crew \gset
select tests.as_user(:'stranger');
select public.answer_request(:'crew', true);
select tests.as_user(:'host');
select private.remove_member(:'crew', :'stranger') \gset
select pg_temp.send(:'crew', 'after') as after \gset
select tests.as_user(:'stranger');
select pg_temp.one(pg_temp.sync(), :'crew') as removed \gset
select is(:'removed'::jsonb -> 'summary' ->> 'status', 'removed', 'who was removed is told');
select ok(:'removed'::text not like '%after%', 'who was removed gets nothing that was written afterwards');
select is(:'removed'::jsonb -> 'members', '[]'::jsonb, 'who was removed does not get the members');

-- pages
select tests.as_user(:'admin');
select (private.create_group('g' || i, array[:'host']::uuid[], gen_random_uuid())).id from generate_series(1, 45) i \g /dev/null
select pg_temp.sync() as one \gset
select pg_temp.sync(:'one'::jsonb -> 'cursor') as two \gset
select pg_temp.sync(:'two'::jsonb -> 'cursor') as three \gset
select is(array[jsonb_array_length(:'one'::jsonb -> 'conversations'), jsonb_array_length(:'two'::jsonb -> 'conversations'), jsonb_array_length(:'three'::jsonb -> 'conversations')], '{20,20,5}', 'many conversations come in pages');
select is(array[:'one'::jsonb -> 'more', :'two'::jsonb -> 'more', :'three'::jsonb -> 'more'], '{true,true,false}', 'an answer says that there are more pages');
select is(array[:'one'::jsonb -> 'anew', :'two'::jsonb -> 'anew'], '{true,false}', 'only the first page begins anew');
select is(:'three'::jsonb -> 'cursor' ->> 'seen', :'one'::jsonb -> 'cursor' ->> 'until', 'the last page leaves the snapshot of the first, so that nothing falls between');
select is((select count(distinct e ->> 'conversation_id')::int from jsonb_array_elements((:'one'::jsonb -> 'conversations') || (:'two'::jsonb -> 'conversations') || (:'three'::jsonb -> 'conversations')) e), 45, 'pages bring each conversation once');

-- notifications
select tests.as_owner();
select tests.make_user('reader') as reader \gset
create function pg_temp.tell(p_user uuid, p_cause text) returns void language sql as $$
  insert into public.notifications (user_id, category, template, template_version, locale, title, body, data, dedupe_key)
  select p_user, t.category, t.code, t.version, 'en', 'title', 'body', '{}', p_cause from public.notification_templates t where t.locale = 'en' order by t.code limit 1 $$;
select pg_temp.tell(:'reader', i::text) from generate_series(1, 3) i \g /dev/null
set constraints all immediate;
set constraints all deferred;
select tests.as_user(:'reader');
select is((select array_agg((n ->> 'seq')::int) from jsonb_array_elements(pg_temp.sync() -> 'notifications' -> 'rows') n), '{1,2,3}', 'a new device gets the newest notifications');
select is((select array_agg((n ->> 'seq')::int) from jsonb_array_elements(pg_temp.sync('{"epoch": 1, "seen": "5:5:", "notification": 2}') -> 'notifications' -> 'rows') n), '{3}', 'a device gets the notifications that it does not have');
select is(pg_temp.sync() -> 'cursor' -> 'notification', '3'::jsonb, 'the cursor has the last notification');
select is(pg_temp.sync() -> 'badges' -> 'unread_notifications', '3'::jsonb, 'unread notifications are counted');
select public.mark_notification_read(id) from public.notifications where seq = 1;
select public.delete_notification(id) from public.notifications where seq = 2;
select results_eq($$ select (c ->> 'seq')::int, c ->> 'read_at' is not null, c ->> 'deleted_at' is not null
    from jsonb_array_elements(pg_temp.sync('{"epoch": 1, "seen": "5:5:", "notification": 3}') -> 'notifications' -> 'changes') c order by 1 $$,
  'values (1, true, false), (2, false, true)', 'what was read or deleted on another device comes');
select is(pg_temp.sync('{"epoch": 1, "seen": "5:5:", "notification": 3}') -> 'notifications' -> 'limited', 'false'::jsonb, 'a few changes are not cut');

-- limits
select tests.as_owner();
update private.rate_limits set capacity = 1, per_minute = 0.001 where action = 'sync_chat';
delete from private.rate_buckets where action = 'sync_chat';
select tests.as_user(:'host');
select is(array[tests.outcome('select public.sync_chat()'), tests.outcome('select public.sync_chat()')], '{ok,rate_limited}', 'a look takes a token');
select tests.as_owner();
select is((select provolatile::text from pg_proc where oid = 'private.read_sync(uuid, private.sync_cursor)'::regprocedure), 's', 'what is read is read in one snapshot');
select * from finish();
rollback;

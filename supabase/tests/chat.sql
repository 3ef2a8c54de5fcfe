-- Chat: who may read what, what is numbered how, and what nobody can do.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_user('host') as host, tests.make_renter('renter') as renter, tests.make_user('stranger') as stranger,
       tests.make_user('friend') as friend, tests.make_admin('admin') as admin \gset
select tests.make_vehicle(:'host') as vehicle \gset
create function pg_temp.send(p_conversation uuid, p_body text, p_reply bigint default null) returns bigint language sql
  return (private.send_message(p_conversation, p_body, gen_random_uuid(), p_reply)).seq;
create function pg_temp.open(p_user uuid) returns uuid language sql return (private.open_direct_conversation(p_user)).id;
grant execute on function pg_temp.send, pg_temp.open to authenticated;

-- a visitor
select tests.as_visitor();
select is(tests.outcome('select * from public.messages'), '42501', 'a visitor cannot read messages');
select is(tests.outcome('select public.send_message(gen_random_uuid(), $$x$$, gen_random_uuid())'), '42501', 'a visitor cannot send');

-- requests
select tests.as_user(:'stranger');
select is(tests.outcome(format('select public.open_direct_conversation(%L)', :'stranger')), 'invalid_input', 'nobody has a conversation with themselves');
select is(tests.outcome('select public.open_direct_conversation(gen_random_uuid())'), 'not_found', 'a conversation needs a person who exists');
select pg_temp.open(:'host') as asked \gset
select is(pg_temp.open(:'host'), :'asked'::uuid, 'two people have one conversation, however often it is opened');
select is(pg_temp.send(:'asked', 'Is it free?'), 1::bigint, 'the first message has number 1');
select is(pg_temp.send(:'asked', 'Hello?'), 2::bigint, 'the next message has the next number');
select pg_temp.send(:'asked', 'Third') \gset
select is(tests.outcome(format('select pg_temp.send(%L, %L)', :'asked', 'Fourth')), 'request_unanswered', 'a stranger writes three messages and then waits');
select tests.as_user(:'host');
select is((select count(*)::int from public.messages), 0, 'who is asked reads no message before accepting');
select is((select count(*)::int from public.list_messages(:'asked')), 0, 'who is asked lists no message before accepting');
select is((select count(*)::int from public.list_message_changes(:'asked', 0)), 0, 'who is asked reads no change before accepting');
select is((select count(*)::int from public.conversations), 0, 'who is asked reads no row of the conversation before accepting');
select results_eq('select status, last_text, unread, other_user_id, last_seq from public.my_conversations()',
  format('values (%L, null::text, 0::bigint, %L::uuid, 0::bigint)', 'invited', :'stranger'), 'a request shows who asks and nothing that was written');
select is(tests.outcome(format('select pg_temp.send(%L, %L)', :'asked', 'x')), 'conversation_not_found', 'who is asked accepts before answering');
select is(tests.outcome(format('select public.answer_request(%L, false)', :'asked')), 'ok', 'a request can be declined');
select is((select count(*)::int from public.my_conversations()), 0, 'a declined request is gone from the list');
select tests.as_user(:'stranger');
select is((private.open_direct_conversation(:'host')).id, :'asked'::uuid, 'who was declined sees no difference');
select is(tests.outcome(format('select pg_temp.send(%L, %L)', :'asked', 'Fourth')), 'request_unanswered', 'who was declined hears the same as one who waits');
select is((select status from public.list_members(:'asked') where user_id = :'host'), 'invited', 'who was declined sees a request that waits');
select is_empty(format('select from public.conversation_members where conversation_id = %L and user_id = %L', :'asked', :'host'), 'the table shows others neither a request that waits nor one that was declined');
select tests.as_user(:'host');
select is((select count(*)::int from public.my_conversations()), 0, 'nobody is asked again after declining');
select pg_temp.open(:'stranger') \gset
select is((select array_agg(body order by seq) from public.messages), '{"Is it free?",Hello?,Third}', 'who declined can open the conversation and reads what was written');

-- numbers, repeats, replies
select tests.as_user(:'stranger');
select gen_random_uuid() as key \gset
select is((private.send_message(:'asked', 'Once', :'key')).seq, 4::bigint, 'a message is sent');
select is((private.send_message(:'asked', ' Once ', :'key')).seq, 4::bigint, 'the same message sent again is the same message');
select is(tests.outcome(format('select private.send_message(%L, %L, %L)', :'asked', 'Twice', :'key')), 'idempotency_conflict', 'another text with the same id is refused');
select is((select last_seq from public.conversations), 4::bigint, 'a repeat takes no number');
select is(tests.outcome(format('select pg_temp.send(%L, %L)', :'asked', E' \u200b\n ')), 'invalid_input', 'a message must show something');
select is(tests.outcome(format('select pg_temp.send(%L, %L)', :'asked', repeat('x', 4001))), 'invalid_input', 'a message has at most 4,000 characters');
select is(tests.outcome(format('select pg_temp.send(%L, %L, 5)', :'asked', 'x')), 'invalid_input', 'a reply is to a message that exists');
select is((private.send_message(:'asked', 'reply', gen_random_uuid(), 4)).reply_to_seq, 4::bigint, 'a message can reply to another');
select is(private.tidy_lines(E'👨‍👩‍👧 \u202e here\n\nnow '), E'👨‍👩‍👧 here\n\nnow', 'a message keeps its lines and pictures and loses what is invisible');
select is(tests.outcome(format('select private.send_message(%L, %L, gen_random_uuid(), null, %L)', :'asked', 'x', array[:'friend'])), 'invalid_input', 'only members can be mentioned');
select is(tests.outcome('insert into public.messages (conversation_id, seq, change, kind, data) select id, 99, 99, $$system$$, $${}$$ from public.conversations'), '42501', 'nobody writes messages by hand');
select is(tests.outcome('select invited_by from public.conversation_members'), '42501', 'who invited somebody is not readable');

-- unread
select tests.as_user(:'host');
select is((select unread from public.my_conversations()), 5::bigint, 'what others wrote is unread');
select is(public.unread_conversations(), 1, 'one conversation has something unread');
select is(tests.outcome(format('select public.mark_conversation_read(%L, 3, false)', :'asked')), 'ok', 'a person can read without letting others know');
select is((select unread from public.my_conversations()), 2::bigint, 'unread is what comes after the marker');
select is((select read_seq from public.conversation_members where user_id = :'host'), 0::bigint, 'a private marker stays private');
select public.mark_conversation_read(:'asked', 1);
select is((select read_seq from public.conversation_markers), 3::bigint, 'a marker never goes back');
select public.mark_conversation_read(:'asked', 999);
select is((select read_seq from public.conversation_markers), 5::bigint, 'a marker ends at the last message');
select tests.as_user(:'stranger');
select is((select read_seq from public.conversation_members where user_id = :'host'), 5::bigint, 'a shared marker is seen by the other');
select is((select count(*)::int from public.conversation_markers), 1, 'nobody sees the markers of others');
select is((select unread from public.my_conversations()), 0::bigint, 'who writes has nothing unread');
select tests.as_owner();
create function pg_temp.appear(p_conversation uuid) returns text language sql as $$
  select tests.outcome(format('insert into realtime.messages (topic, extension, event, payload, private) values (%L, %L, %L, %L, true)', 'conversation:' || p_conversation, 'presence', 'x', '{}')) $$;
grant execute on function pg_temp.appear to authenticated;
select tests.as_user(:'stranger');
select is(pg_temp.appear(:'asked'), 'ok', 'a member shows that they are there');
select tests.as_owner();
update public.profiles set shares_read_marks = false, shows_presence = false where id = :'stranger';
select tests.as_user(:'stranger');
select is(pg_temp.appear(:'asked'), '42501', 'a person whose profile hides presence is not shown');
select public.mark_conversation_read(:'asked', 5);
select is((select read_seq from public.conversation_members where user_id = :'stranger'), 0::bigint, 'a person who does not share read marks shares none');
select tests.as_user(:'friend');
select is((select count(*)::int from public.messages), 0, 'who takes no part reads nothing');
select is(tests.outcome(format('select public.list_messages(%L)', :'asked')), 'conversation_not_found', 'for who takes no part the conversation does not exist');
select is(tests.outcome(format('select public.mark_conversation_read(%L, 1)', :'asked')), 'conversation_not_found', 'who takes no part cannot mark');
select is(tests.outcome(format('select pg_temp.send(%L, %L)', :'asked', 'x')), 'conversation_not_found', 'who takes no part cannot write');

-- edits and deletions
select tests.as_user(:'stranger');
select is((private.edit_message(:'asked', 4, 'Once more')).body, 'Once more', 'the sender can change a new message');
select is((select change from public.messages where seq = 4), 6::bigint, 'a change has a number of its own');
select is((select array_agg(seq) from public.list_message_changes(:'asked', 5)), '{4}', 'a client finds the message that was changed');
select is(public.react(:'asked', 4, '👍', true), null, 'a message takes a reaction');
select is(tests.outcome(format('select private.react(%L, 4, %L, true)', :'asked', 'abc')), 'invalid_input', 'a reaction is an emoji');
select is((select reactions from public.list_messages(:'asked') where seq = 4), jsonb_build_object('👍', jsonb_build_array(:'stranger')), 'a reaction shows who gave it');
select is(tests.outcome(format('select * from public.message_edits(%L, 4)', :'asked')), 'forbidden', 'members do not read earlier texts');
select tests.as_user(:'host');
select is(tests.outcome(format('select private.edit_message(%L, 4, %L)', :'asked', 'x')), 'forbidden', 'nobody changes messages of others');
select is(tests.outcome(format('select private.delete_message(%L, 4)', :'asked')), 'forbidden', 'in a direct conversation nobody deletes messages of others');
select tests.as_user(:'admin');
select is((select array_agg(body) from public.message_edits(:'asked', 4)), '{Once}', 'an admin reads the earlier text');
select tests.as_user(:'stranger');
select private.delete_message(:'asked', 4) \gset
select is((select body from public.list_messages(:'asked') where seq = 4), null, 'a deleted message has no text');
select is((select reactions from public.list_messages(:'asked') where seq = 4), '{}'::jsonb, 'a deleted message has no reaction');
select is(tests.outcome(format('select private.edit_message(%L, 4, %L)', :'asked', 'x')), 'message_not_found', 'a deleted message cannot be changed');
select is(tests.outcome(format('select private.react(%L, 4, %L, true)', :'asked', '👍')), 'message_not_found', 'a deleted message takes no reaction');
select is(tests.outcome(format('select private.delete_message(%L, 4)', :'asked')), 'ok', 'deleting is safe to repeat');
select is((private.send_message(:'asked', 'Once', :'key')).deleted_at is not null, true, 'a late repeat does not bring a deleted message back');
select tests.as_owner();
select is((select count(*)::int from private.message_edits), 0, 'nothing of a deleted text is left');
select is((select count(*)::int from realtime.messages where payload::text like '%Once%'), 0, 'no broadcast carries a text');
update public.messages set created_at = created_at - interval '16 minutes' where seq = 5;
select tests.as_user(:'stranger');
select is(tests.outcome(format('select private.edit_message(%L, 5, %L)', :'asked', 'late')), 'edit_window_over', 'an old message cannot be changed');
select tests.as_owner();
select is(tests.outcome('delete from public.messages'), '42501', 'messages are never removed, so that numbers have no gap');

-- groups
select tests.as_user(:'friend');
select (private.create_group('Trip', array[:'host', :'stranger']::uuid[], gen_random_uuid())).id as crew \gset
select is((select count(*)::int from public.list_members(:'crew') where status = 'invited'), 2, 'strangers are asked into a group');
select is((select array_agg(m.display_name) from public.list_members(:'crew') m join public.get_users(array[m.user_id]) u using (user_id) where m.display_name = u.display_name), (select array_agg(m.display_name) from public.list_members(:'crew') m), 'members are listed with the names that anybody sees');
select is(tests.outcome(format('select public.create_group(%L, %L, gen_random_uuid())', ' ', array[:'host'])), 'invalid_input', 'a group has a title');
select pg_temp.send(:'crew', 'Before anybody came') \gset
select tests.as_user(:'host');
select is((select title from public.my_conversations() where conversation_id = :'crew'), null, 'an invitation does not show the title of the group');
select public.answer_request(:'crew', true);
select is((select min(seq) from public.messages where conversation_id = :'crew'), 2::bigint, 'who was invited reads from the invitation on');
select is((select max(body) from public.list_messages(:'crew') where kind = 'system' and data ->> 'code' = 'member_joined'), 'host joined the group.', 'a system message is in the language of its reader');
select is(tests.outcome(format('select private.rename_group(%L, %L)', :'crew', 'Mine')), 'forbidden', 'a member cannot rename a group');
select is(tests.outcome(format('select private.remove_member(%L, %L)', :'crew', :'friend')), 'forbidden', 'a member cannot remove people');
select is(tests.outcome(format('select private.set_member_role(%L, %L, %L)', :'crew', :'host', 'admin')), 'forbidden', 'a member cannot make themselves an admin');
select tests.as_owner();
select is((select array_agg(b) from private.account_blocker_group_admin(:'friend') b), array[:'crew'::uuid], 'the only admin of a group cannot delete the account');
select tests.as_user(:'friend');
select is(tests.outcome(format('select private.leave_conversation(%L)', :'crew')), 'last_group_admin', 'the last admin cannot leave a group with members');
select is(tests.outcome(format('select private.set_member_role(%L, %L, %L)', :'crew', :'friend', 'member')), 'last_group_admin', 'the last admin stays one');
select is((private.rename_group(:'crew', 'Road trip')).title, 'Road trip', 'an admin renames a group');
select private.remove_member(:'crew', :'host') \gset
select pg_temp.send(:'crew', 'After the host was gone') as later \gset
select tests.as_user(:'host');
select is((select max(seq) from public.messages where conversation_id = :'crew'), :later::bigint - 1, 'who was removed keeps what was written until then and reads nothing after');
select is(tests.outcome(format('select pg_temp.send(%L, %L)', :'crew', 'x')), 'conversation_closed', 'who was removed cannot write');
select is((select array_agg(user_id) from public.conversation_members where conversation_id = :'crew'), array[:'host'::uuid], 'who was removed does not see the members');
select is((select last_text from public.my_conversations() where conversation_id = :'crew'), 'host was removed from the group.', 'who was removed sees the group as it was then');
select tests.as_user(:'friend');
select private.add_members(:'crew', array[:'host']::uuid[]) \gset
select pg_temp.send(:'crew', 'Welcome back') as back \gset
select tests.as_user(:'host');
select is((select status from public.my_conversations() where conversation_id = :'crew'), 'invited', 'a stranger who was removed is asked again and not added');
select public.answer_request(:'crew', true);
select ok(not exists (select from public.messages where conversation_id = :'crew' and seq = :later), 'what was written between removal and return stays unread');
select ok(exists (select from public.messages where conversation_id = :'crew' and seq = :back), 'after the return new messages are read');

-- invitations that are withdrawn
select tests.as_owner();
select tests.make_user('guest') as guest \gset
select tests.as_user(:'friend');
select private.add_members(:'crew', array[:'guest']::uuid[]) \gset
select tests.as_user(:'guest');
select is((select count(*)::int from public.my_conversations()), 1, 'who is invited sees the invitation');
select tests.as_user(:'host');
select is(tests.outcome(format('select private.remove_member(%L, %L)', :'crew', :'guest')), 'forbidden', 'a member cannot withdraw an invitation');
select tests.as_user(:'friend');
select max(seq) as before from public.messages where conversation_id = :'crew' \gset
select is(tests.outcome(format('select public.remove_member(%L, %L)', :'crew', :'guest')), 'ok', 'an admin withdraws an invitation');
select is((select max(seq) from public.messages where conversation_id = :'crew'), :before::bigint, 'nothing is said of an invitation that was withdrawn');
select tests.as_user(:'guest');
select is((select count(*)::int from public.my_conversations()), 0, 'an invitation that was withdrawn is gone from the list');
select is(tests.outcome(format('select private.answer_request(%L, true)', :'crew')), 'conversation_not_found', 'an invitation that was withdrawn cannot be accepted');
select is(tests.outcome(format('select pg_temp.send(%L, %L)', :'crew', 'x')), 'conversation_not_found', 'who never took part learns nothing of the group');
select tests.as_user(:'friend');
select private.add_members(:'crew', array[:'guest']::uuid[]) \gset
select is((select status from public.list_members(:'crew') where user_id = :'guest'), 'invited', 'after a withdrawal somebody can be invited again');

-- blocks
select tests.as_user(:'stranger');
select private.block_user(:'friend') \gset
select is((select count(*)::int from public.my_conversations() where conversation_id = :'crew'), 0, 'a block ends invitations that wait');
select is(tests.outcome(format('select public.open_direct_conversation(%L)', :'friend')), 'conversation_closed', 'who has blocked cannot open a conversation with the other');
select tests.as_user(:'friend');
select is(tests.outcome(format('select private.open_direct_conversation(%L)', :'stranger')), 'conversation_closed', 'who is blocked cannot open a conversation');
select is(tests.outcome(format('select private.add_members(%L, %L)', :'crew', array[:'stranger'])), 'ok', 'adding a person who has blocked one is answered as ever');
select is((select status from public.list_members(:'crew') where user_id = :'stranger'), 'invited', 'a person who has blocked the admin looks as if still asked');
select tests.as_owner();
select is((select status from public.conversation_members where conversation_id = :'crew' and user_id = :'stranger'), 'declined', 'a person who has blocked the admin is not brought into a group');
select tests.as_user(:'host');
select private.block_user(:'stranger') \gset
select is(tests.outcome(format('select pg_temp.send(%L, %L)', :'asked', 'x')), 'conversation_closed', 'a block closes an old conversation for its author');
select tests.as_user(:'stranger');
select is(tests.outcome(format('select pg_temp.send(%L, %L)', :'asked', 'x')), 'conversation_closed', 'a block closes an old conversation for the other');
select max(seq) as own from public.messages where conversation_id = :'asked' and sender_id = :'stranger' and deleted_at is null \gset
select is(tests.outcome(format('select private.edit_message(%L, %s, %L)', :'asked', :own, 'still here')), 'forbidden', 'a block holds for changes of messages too');
select is(tests.outcome(format('select private.react(%L, 1, %L, true)', :'asked', '👍')), 'forbidden', 'a block holds for reactions too');
select is(tests.outcome(format('select private.react(%L, 1, %L, false)', :'asked', '👍')), 'ok', 'who is blocked can still take a reaction back');
select tests.as_owner();
select tests.make_user('late') as late \gset
select tests.as_user(:'friend');
select (private.create_group('Left alone', array[:'late']::uuid[], gen_random_uuid())).id as alone \gset
select private.leave_conversation(:'alone') \gset
select tests.as_user(:'late');
select private.answer_request(:'alone', true) \gset
select is((select role from public.conversation_members where conversation_id = :'alone' and user_id = :'late'), 'admin', 'who accepts an invitation to a group that everybody has left becomes its admin');

-- bookings
select tests.as_owner();
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(30), tests.hours(40)) as booking \gset
select tests.settle();
set constraints all immediate;
set constraints all deferred;
select tests.as_user(:'renter');
select is((select array_agg(data ->> 'code') from public.list_messages((select conversation_id from public.my_conversations()))), '{booking_confirm}', 'a paid booking speaks in the conversation of its two people');
select pg_temp.open(:'host') as thread \gset
select is((select status from public.conversation_members where conversation_id = :'thread' and user_id = :'host'), 'active', 'two people who have a booking write without a request');
select private.block_user(:'host') \gset
select is(tests.outcome(format('select pg_temp.send(%L, %L)', :'thread', 'Where is the key?')), 'ok', 'while a booking is live its two people write in spite of a block');
select tests.cancel_booking(:'booking') \gset
set constraints all immediate;
set constraints all deferred;
select is(tests.outcome(format('select pg_temp.send(%L, %L)', :'thread', 'x')), 'conversation_closed', 'after the booking the block holds');

-- support
select tests.as_user(:'stranger');
select (private.open_support_conversation()).id as help \gset
select is((private.open_support_conversation()).id, :'help'::uuid, 'a person has one conversation with support');
select pg_temp.send(:'help', 'I was charged twice') \gset
select is(tests.outcome(format('select private.join_support_conversation(%L)', :'help')), 'forbidden', 'only an admin joins for support');
select is(tests.outcome('select * from public.support_queue()'), 'forbidden', 'only an admin sees who waits for support');
select tests.as_user(:'admin');
select is((select count(*)::int from public.messages), 0, 'an admin reads no conversation without taking part');
select is((select last_text from public.support_queue()), 'I was charged twice', 'support sees who waits');
select private.join_support_conversation(:'help') \gset
select pg_temp.send(:'help', 'We look into it') \gset
select is((select count(*)::int from public.support_queue()), 0, 'who got an answer waits no more');

-- suspensions
select tests.step_up(:'admin');
select tests.as_user(:'admin');
select private.suspend_user(:'friend', 'Under review', null) \gset
select tests.as_user(:'friend');
select is(tests.outcome(format('select pg_temp.send(%L, %L)', :'crew', 'x')), 'account_suspended', 'who is suspended does not write in groups');
select is(tests.outcome(format('select private.rename_group(%L, %L)', :'crew', 'Mine')), 'account_suspended', 'who is suspended does not rename a group');
select is(tests.outcome(format('select private.add_members(%L, %L)', :'crew', array[:'renter'])), 'account_suspended', 'who is suspended brings nobody into a group');
select is(tests.outcome(format('select private.react(%L, %s, %L, true)', :'crew', :back, '👍')), 'forbidden', 'who is suspended does not react in groups');
select is(tests.outcome(format('select private.open_direct_conversation(%L)', :'host')), 'account_suspended', 'who is suspended does not write to strangers');
select is(tests.outcome('select pg_temp.send((private.open_support_conversation()).id, $$Why?$$)'), 'ok', 'who is suspended writes to support');
select tests.as_user(:'admin');
select private.reinstate_user(:'friend', 'Cleared') \gset

-- limits and lists
select tests.as_user(:'friend');
select is(tests.outcome('select * from public.my_conversations(false, null, 101)'), 'invalid_input', 'a page has at most 100 rows');
select (private.set_conversation(:'crew', 'infinity', true, true)).muted_until as muted \gset
select is((select count(*)::int from public.my_conversations() where conversation_id = :'crew'), 0, 'an archived conversation is not in the list');
select is((select pinned_at is not null and muted_until = 'infinity' from public.my_conversations(true)), true, 'the archive lists it');
select pg_temp.send(:'crew', 'again') \gset
select is((select count(*)::int from public.my_conversations() where conversation_id = :'crew'), 1, 'writing brings a conversation back from the archive');

select tests.as_owner();
select is((select count(distinct tableoid)::int from public.messages) > 1, true, 'conversations lie in different partitions');
select is(tests.broken_promises(), null, 'no invariant is violated');
select * from finish();
rollback;

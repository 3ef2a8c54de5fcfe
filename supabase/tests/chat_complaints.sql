-- Chat, complaints: who is in such a conversation, who writes, and what closing it does. How modules speak.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_user('host') as host, tests.make_user('renter') as renter, tests.make_user('stranger') as stranger, tests.make_user('witness') as witness,
       tests.make_admin('admin') as admin \gset
create function pg_temp.send(p_conversation uuid, p_body text) returns bigint language sql
  return (private.send_message(p_conversation, p_body, gen_random_uuid())).seq;
grant execute on function pg_temp.send to authenticated;

-- opened by the module of complaints, between people who want nothing to do with each other
insert into public.user_blocks (user_id, blocked_id) values (:'host', :'renter');
select (private.open_complaint_conversation(:'renter', array[:'host']::uuid[], '{"booking": "J123"}')).id as thread \gset
select tests.as_user(:'stranger');
select is((select count(*)::int from public.messages), 0, 'a stranger reads nothing of a complaint');
select is(tests.outcome(format('select public.open_complaint_conversation(%L, %L)', :'stranger', '{}')), '42883', 'an app opens no conversation of a complaint');
select is(tests.outcome(format('select private.open_complaint_conversation(%L, %L)', :'stranger', '{}')), '42501', 'an app cannot open one by the function of the module');
select tests.as_user(:'renter');
select results_eq('select kind, status, last_text from public.my_conversations()',
  $$ values ('complaint', 'active', 'renter opened a complaint. Support reads and writes here as well.') $$, 'who complains is in the conversation');
select is(tests.outcome(format('select pg_temp.send(%L, %L)', :'thread', 'The car was dirty')), 'ok', 'who complains writes in spite of a block');
select tests.as_user(:'host');
select is((select status from public.my_conversations()), 'active', 'the other party is in it and was not asked');
select is(tests.outcome(format('select pg_temp.send(%L, %L)', :'thread', 'It was not')), 'ok', 'the other party writes in spite of a block');

-- nobody leaves, nobody brings people
select is(tests.outcome(format('select private.leave_conversation(%L)', :'thread')), 'conversation_not_found', 'nobody leaves a complaint');
select is(tests.outcome(format('select private.add_members(%L, %L)', :'thread', array[:'witness'])), 'conversation_not_found', 'a party brings nobody in');
select is(tests.outcome(format('select private.remove_member(%L, %L)', :'thread', :'renter')), 'conversation_not_found', 'a party takes nobody out');
select is(tests.outcome(format('select private.set_member_role(%L, %L, %L)', :'thread', :'host', 'admin')), 'conversation_not_found', 'a party makes nobody an admin');
select is(tests.outcome(format('select private.rename_group(%L, %L)', :'thread', 'Lies')), 'conversation_not_found', 'a complaint has no title to change');
select is(tests.outcome(format('select private.add_complaint_member(%L, %L)', :'thread', :'witness')), 'forbidden', 'a party brings nobody in');
select is(tests.outcome(format('select private.remove_complaint_member(%L, %L)', :'thread', :'renter')), 'forbidden', 'a party takes nobody out');
select is(tests.outcome(format('select private.join_support_conversation(%L)', :'thread')), 'forbidden', 'only staff join by themselves');
select is(tests.outcome(format('select private.delete_message(%L, 2)', :'thread')), 'forbidden', 'a party deletes no message of the other');

-- staff
select tests.as_user(:'admin');
select is((select count(*)::int from public.messages), 0, 'an agent reads no complaint without taking part');
select private.join_support_conversation(:'thread') \gset
select is((select array_agg(body order by seq) from public.messages where kind = 'text'), '{"The car was dirty","It was not"}', 'staff read what was said before they came');
select pg_temp.send(:'thread', 'We look into it') \gset
select is(tests.outcome(format('select private.add_complaint_member(%L, %L)', :'thread', :'witness')), 'ok', 'an agent brings a person in');
select is(tests.outcome(format('select private.add_complaint_member(%L, %L)', :'thread', :'witness')), 'ok', 'bringing a person in is safe to repeat');
select is(tests.outcome(format('select private.add_complaint_member(%L, gen_random_uuid())', :'thread')), 'not_found', 'only people who exist are brought in');
select is(tests.outcome(format('select private.remove_complaint_member(%L, %L)', :'thread', :'stranger')), 'not_found', 'who is not in it is not taken out');
select is(tests.outcome(format('select private.remove_complaint_member(%L, %L)', :'thread', :'renter')), 'forbidden', 'who complains stays in the conversation');
select tests.as_user(:'witness');
select is((select count(*)::int from public.messages where kind = 'text'), 3, 'who was brought in reads all of it');
select is((select max(body) from public.list_messages(:'thread') where data ->> 'code' = 'complaint_member_added'), 'Support brought witness into the conversation.', 'everybody sees who came');
select tests.as_user(:'admin');
select private.remove_complaint_member(:'thread', :'witness') \gset
select pg_temp.send(:'thread', 'Between us') as later \gset
select tests.as_user(:'witness');
select ok(not exists (select from public.messages where seq = :later), 'who was taken out reads nothing after');
select is(tests.outcome(format('select pg_temp.send(%L, %L)', :'thread', 'x')), 'conversation_closed', 'who was taken out does not write');
select tests.as_user(:'admin');
select is(tests.outcome(format('select private.remove_complaint_member(%L, %L)', :'thread', :'admin')), 'ok', 'an agent leaves a complaint');
select is(tests.outcome(format('select private.join_support_conversation(%L)', :'thread')), 'ok', 'an agent comes back to it');

-- suspended people answer for themselves
select tests.step_up(:'admin');
select tests.as_user(:'admin');
select private.suspend_user(:'host', 'Under review', null) \gset
select tests.as_user(:'host');
select is(tests.outcome(format('select pg_temp.send(%L, %L)', :'thread', 'I can explain')), 'ok', 'who is suspended writes in the complaint');

-- closed
select tests.as_owner();
select private.close_complaint_conversation(:'thread');
select private.close_complaint_conversation(:'thread');
select is((select count(*)::int from public.messages where data ->> 'code' = 'complaint_closed'), 1, 'closing is safe to repeat, and said once');
select tests.as_user(:'renter');
select is(tests.outcome(format('select pg_temp.send(%L, %L)', :'thread', 'x')), 'conversation_closed', 'in a closed complaint a party does not write');
select is(tests.outcome(format('select private.edit_message(%L, 2, %L)', :'thread', 'x')), 'conversation_closed', 'in a closed complaint a party changes nothing');
select is(tests.outcome(format('select private.delete_message(%L, 2)', :'thread')), 'conversation_closed', 'in a closed complaint a party deletes nothing');
select is(tests.outcome(format('select private.react(%L, 2, %L, true)', :'thread', '👍')), 'conversation_closed', 'in a closed complaint a party does not react');
select ok((select count(*) from public.list_messages(:'thread')) > 5, 'a closed complaint stays readable');
select is(tests.outcome(format('select public.mark_conversation_read(%L, 5)', :'thread')), 'ok', 'a closed complaint can be marked as read');
select is((select closed_at is not null from public.conversations), true, 'a party sees that it is closed');
select tests.as_user(:'admin');
select is(tests.outcome(format('select pg_temp.send(%L, %L)', :'thread', 'The deposit was returned')), 'ok', 'an agent writes in a closed complaint');
select tests.as_owner();
select private.close_complaint_conversation(:'thread', false);
select tests.as_user(:'renter');
select is(tests.outcome(format('select pg_temp.send(%L, %L)', :'thread', 'Thank you')), 'ok', 'in a complaint that was opened again parties write');
select tests.as_owner();
select is(tests.outcome($$ update public.conversations set kind = 'support', closed_at = now() where kind = 'complaint' $$), '23514', 'no other conversation closes');

-- how modules speak
select is(tests.outcome(format($$ select private.speak(%L, '{"code": "no_such_text"}') $$, :'thread')), 'P0001', 'nothing is said that has no text');
select private.speak_between(:'stranger', :'witness', '{"code": "booking_confirm", "booking": "J1"}');
select is((select count(*)::int from public.conversations where :'stranger' in (first_user_id, second_user_id)), 0, 'a module that only joins in opens no conversation');
select tests.as_user(:'stranger');
select (private.open_direct_conversation(:'witness')).id as pair \gset
select pg_temp.send(:'pair', 'Hello') \gset
select tests.as_owner();
select private.speak_between(:'witness', :'stranger', '{"code": "booking_confirm", "booking": "J1"}');
select tests.as_user(:'stranger');
select is((select body from public.list_messages(:'pair', null, 1)), 'Booking J1 is confirmed and paid.', 'a module speaks in a conversation that is there');
select tests.as_user(:'witness');
select is((select last_text from public.my_conversations() where conversation_id = :'pair'), null, 'what a module says does not answer a request');
select tests.as_owner();
select private.speak_between(:'witness', :'stranger', '{"code": "booking_confirm", "booking": "J2"}', true);
select tests.as_user(:'witness');
select is((select last_text from public.my_conversations() where conversation_id = :'pair'), 'Booking J2 is confirmed and paid.', 'a module that needs two people to talk brings both in');
select tests.as_owner();
select is(tests.broken_promises(), null, 'no invariant is violated');
select * from finish();
rollback;

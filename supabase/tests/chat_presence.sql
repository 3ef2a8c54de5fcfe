-- Chat, presence: who shows that they are there, who sees it, and when somebody was last.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_user('host') as host, tests.make_user('renter') as renter, tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
create function pg_temp.appear(p_user uuid, p_extension text default 'presence') returns text language sql as $$
  select tests.outcome(format('insert into realtime.messages (topic, extension, event, payload, private) values (%L, %L, %L, %L, true)', 'presence:' || p_user, p_extension, 'x', '{}')) $$;
-- whether the caller may listen there
create function pg_temp.sees(p_user uuid) returns boolean language sql as $$ select 'presence:' || p_user in (select private.my_presence_topics()) $$;
grant execute on function pg_temp.appear, pg_temp.sees to authenticated, anon;

select tests.as_visitor();
select is(tests.outcome(format('select public.last_seen(%L)', array[:'host'])), '42501', 'a visitor learns of nobody when they were last');
select is(pg_temp.appear(:'host'), '42501', 'a visitor shows nobody');

select tests.as_user(:'renter');
select is(pg_temp.appear(:'renter'), 'ok', 'a person shows that an app is open');
select is(pg_temp.appear(:'host'), '42501', 'nobody shows somebody else');
select is(pg_temp.appear(:'renter', 'broadcast'), '42501', 'nothing is said on the topic of presence');
select is(pg_temp.sees(:'host'), false, 'a stranger is not seen');
select (private.open_direct_conversation(:'host')).id as pair \gset
select (private.send_message(:'pair', 'Hello', gen_random_uuid())).seq \gset
select private.sync_chat(null) \gset
select is(pg_temp.sees(:'host'), false, 'who was asked is not seen before accepting');
select tests.as_user(:'host');
select private.sync_chat(null) as looked \gset
select is(pg_temp.sees(:'renter'), false, 'who asks is not seen before it is accepted');
select is((select count(*)::int from public.last_seen(array[:'renter']::uuid[])), 0, 'when somebody was last is not seen before they talk');
select public.answer_request(:'pair', true);
select is(pg_temp.sees(:'renter'), true, 'a person is seen by who talks with them');
select is((select last_seen_at from public.last_seen(array[:'renter', :'stranger']::uuid[])), now(), 'people who talk see when the other was last');
select is(tests.outcome_details('select public.last_seen(null)') ->> 'field', 'user_ids', 'a look needs the ids of people');
select is(tests.outcome_details('select public.last_seen(array_fill(gen_random_uuid(), array[101]))') ->> 'field', 'user_ids', 'at most 100 people are asked for');
select tests.as_user(:'admin');
select is((select count(*)::int from public.last_seen(array[:'renter']::uuid[])), 0, 'an admin sees no more than others');

-- no write with every look
select tests.as_owner();
update private.last_seen set seen_at = now() - interval '4 minutes' where user_id = :'renter';
select tests.as_user(:'renter');
select private.sync_chat(null) \gset
select tests.as_owner();
select is((select seen_at from private.last_seen where user_id = :'renter'), now() - interval '4 minutes', 'a look within five minutes writes nothing');
update private.last_seen set seen_at = now() - interval '6 minutes' where user_id = :'renter';
select tests.as_user(:'renter');
select private.sync_chat(null) \gset
select tests.as_owner();
select is((select seen_at from private.last_seen where user_id = :'renter'), now(), 'a later look is noted');

-- the switch, and blocks
update public.profiles set shows_presence = false where id = :'renter';
select tests.as_user(:'renter');
select is(pg_temp.appear(:'renter'), '42501', 'a person whose profile hides presence is not shown as online');
select tests.as_user(:'host');
select is(pg_temp.sees(:'renter'), false, 'nobody listens for a person whose profile hides presence');
select is((select count(*)::int from public.last_seen(array[:'renter']::uuid[])), 0, 'nobody sees when a person was last whose profile hides presence');
select tests.as_owner();
update public.profiles set shows_presence = true where id = :'renter';
insert into public.user_blocks (user_id, blocked_id) values (:'renter', :'host');
select tests.as_user(:'host');
select is(pg_temp.sees(:'renter'), false, 'a block hides presence');
select is((select count(*)::int from public.last_seen(array[:'renter']::uuid[])), 0, 'a block hides when somebody was last');
select * from finish();
rollback;

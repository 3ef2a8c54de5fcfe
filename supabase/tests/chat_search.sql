-- Chat, search: who finds which words, and what nobody finds.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

update private.rate_limits set capacity = 1000, per_minute = 1000 where action = 'search_messages';
select tests.make_user('host') as host, tests.make_user('renter') as renter, tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
create function pg_temp.send(p_conversation uuid, p_body text) returns bigint language sql
  return (private.send_message(p_conversation, p_body, gen_random_uuid())).seq;
create function pg_temp.open(p_user uuid) returns uuid language sql return (private.open_direct_conversation(p_user)).id;
-- the numbers of what is found, newest first
create function pg_temp.found(p_q text, p_conversation uuid default null, p_after jsonb default null, p_size int default 20) returns text language sql
as $$ select coalesce(string_agg(m ->> 'seq', ',' order by i), '') from jsonb_array_elements(public.search_messages(p_q, p_conversation, p_after, p_size)) with ordinality e (m, i) $$;
grant execute on function pg_temp.send, pg_temp.open, pg_temp.found to authenticated;

select tests.as_visitor();
select is(tests.outcome($$ select public.search_messages('xe') $$), '42501', 'a visitor cannot search messages');

select tests.as_user(:'renter');
select pg_temp.open(:'host') as pair \gset
select pg_temp.send(:'pair', 'Đón mình ở phố Hàng Ngang, Hà Nội nhé!') \gset
select pg_temp.send(:'pair', 'Biển số [30A-123.45] đúng không?') \gset
select pg_temp.send(:'pair', 'Mail me: an@journey.example') \gset
select tests.as_user(:'host');
select is(pg_temp.found('ha noi'), '', 'a request that waits is not found');
select is(pg_temp.found('ha noi', :'pair'), '', 'a request that waits is not found in its own conversation');
select public.answer_request(:'pair', true);
select is(pg_temp.found('ha noi'), '1', 'an accepted request is found');

-- words
select is(pg_temp.found(q, :'pair'), f, l) from (values
  ('ha noi', '1', 'words are found without diacritics'),
  ('Hà Nội', '1', 'words are found with diacritics'),
  ('HÀ NỘI', '1', 'words are found in capitals'),
  (normalize('Hà Nội', nfd), '1', 'words are found when their marks are characters of their own'),
  ('don', '1', 'd finds Đ'),
  ('đon', '1', 'đ finds Đ'),
  ('noi ha', '1', 'the order of words does not matter'),
  ('hang ng', '1', 'the beginning of a word is enough'),
  ('ang', '', 'the middle of a word is not'),
  ('ha noi bien', '', 'every word must be there'),
  ('30a', '2', 'a sign in front of a word does not hide it'),
  ('30A-123.45', '2', 'a number plate is found as it is written'),
  ('123', '2', 'a part of a number plate is found'),
  ('journey', '3', 'a part of an address is found'),
  ('an@journey.example', '3', 'a whole address is found'),
  ('an:* | ha', '', 'signs of a query are no operators')
) v (q, f, l);

-- absurd questions
select is(tests.outcome_details(format('select public.search_messages(%L, null, %L, %L)', q, a, s)) ->> 'field', f, l)
from (values
  ('x', null, 20, 'q', 'one letter is too few'),
  ('?! %', null, 20, 'q', 'signs alone are nothing to search for'),
  (repeat('x', 81), null, 20, 'q', 'a query has at most 80 characters'),
  ('a b c d e f g h i', null, 20, 'q', 'a query has at most 8 words'),
  (null, null, 20, 'q', 'a query is needed'),
  ('ab', '{"seq": 1}', 20, 'after', 'a page begins after a whole row'),
  ('ab', '{"seq": 1, "created_at": "x", "conversation_id": "y"}', 20, 'after', 'a page begins after a row that makes sense'),
  ('ab', null, 101, 'page_size', 'a page has at most 100 rows'),
  ('ab', null, null, 'page_size', 'a page has a size')
) v (q, a, s, f, l);

-- what is found is what is there
select tests.as_user(:'renter');
select is((select array_agg(k order by k) from jsonb_object_keys(public.search_messages('ha noi') -> 0) k),
  '{body,conversation_id,created_at,edited_at,sender_id,seq}', 'a message that is found has its place and its text');
select private.edit_message(:'pair', 1, 'Đón mình ở Đà Nẵng') \gset
select is(pg_temp.found('ha noi'), '', 'an earlier text is not found');
select is(pg_temp.found('da nang'), '1', 'the text of now is found');
select tests.as_user(:'admin');
select is(pg_temp.found('ha noi'), '', 'an admin finds no earlier text');
select is(pg_temp.found('da nang'), '', 'an admin finds nothing in conversations of others');
select is(tests.outcome(format('select public.search_messages($$da nang$$, %L)', :'pair')), 'conversation_not_found', 'an admin cannot search in a conversation of others');
select tests.as_user(:'renter');
select private.delete_message(:'pair', 1) \gset
select is(pg_temp.found('da nang'), '', 'a deleted message is not found');
select tests.as_user(:'stranger');
select is(pg_temp.found('journey'), '', 'who takes no part finds nothing');
select is(tests.outcome(format('select public.search_messages($$journey$$, %L)', :'pair')), 'conversation_not_found', 'who takes no part cannot search in a conversation');

-- the windows of a membership
select tests.as_user(:'host');
select (private.create_group('Crew', array[:'stranger']::uuid[], gen_random_uuid())).id as crew \gset
select pg_temp.send(:'crew', 'window early') as early \gset
select tests.as_user(:'stranger');
select is(pg_temp.found('window'), '', 'an invitation shows nothing of a group');
select public.answer_request(:'crew', true);
select tests.as_user(:'host');
select pg_temp.send(:'crew', 'window one') as one \gset
select private.remove_member(:'crew', :'stranger') \gset
select pg_temp.send(:'crew', 'window gone') as gone \gset
select tests.as_user(:'stranger');
select is(pg_temp.found('window'), :'one' || ',' || :'early', 'who was removed finds what was there until then');
select tests.as_user(:'host');
select private.add_members(:'crew', array[:'stranger']::uuid[]) \gset
select tests.as_user(:'stranger');
select public.answer_request(:'crew', true);
select tests.as_user(:'host');
select pg_temp.send(:'crew', 'window back') as back \gset
select tests.as_user(:'stranger');
select is(pg_temp.found('window'), :'back' || ',' || :'one' || ',' || :'early', 'who came back does not find what was written meanwhile');
select tests.as_user(:'host');
select private.set_conversation(:'crew', null, true, false) \gset
select is(pg_temp.found('window', null, null, 1), :'back', 'an archived conversation is searched');

-- pages
select pg_temp.send(:'pair', 'window in another conversation') as other \gset
select is(pg_temp.found('window', :'crew'), :'back' || ',' || :'gone' || ',' || :'one' || ',' || :'early', 'a search in one conversation finds nothing of others');
create temporary table pages (seqs text, last jsonb);
select tests.as_owner();
do $$
declare
  v_page jsonb := null;
  v_last jsonb := null;
  v_seen text := '';
begin
  perform tests.as_user((select user_id from public.conversation_members m join public.conversations c on c.id = m.conversation_id where c.title = 'Crew' and m.role = 'admin'));
  loop
    v_page := public.search_messages('window', null, v_last, 2);
    exit when v_page = '[]';
    v_seen := v_seen || (select string_agg(e ->> 'seq', ',' order by i) from jsonb_array_elements(v_page) with ordinality x (e, i)) || ';';
    v_last := v_page -> -1;
  end loop;
  perform tests.as_owner();
  insert into pages values (v_seen, v_last);
end
$$;
select is((select seqs from pages), format('%s,%s;%s,%s;%s;', :'other', :'back', :'gone', :'one', :'early'), 'pages repeat nothing and skip nothing');

select tests.as_owner();
-- speed: the index knows the words of one conversation, anybody who else uses them
create function pg_temp.plan(p_sql text) returns text language plpgsql as $$
declare
  v_line text;
  v_plan text := '';
begin
  for v_line in execute 'explain (costs off) ' || p_sql loop
    v_plan := v_plan || v_line || E'\n';
  end loop;
  return v_plan;
end
$$;
insert into public.messages (conversation_id, seq, change, sender_id, client_message_id, body)
select :'crew', s, s, :'host', gen_random_uuid(), 'x' || s from generate_series(1001, 2500) s;
analyze public.messages;
select matches(pg_temp.plan(format($$ select from public.messages where conversation_id = %L and private.message_words(body) @@ '''window'':*'::tsquery $$, :'crew')),
  'Index Scan on messages_[0-9]+_conversation_id_message_words_idx\s+Index Cond: \(\(conversation_id = .+ AND \(private.message_words\(body\) @@', 'one index knows the words of one conversation');
update private.rate_limits set capacity = 2, per_minute = 0.001 where action = 'search_messages';
delete from private.rate_buckets where action = 'search_messages';
select tests.as_user(:'host');
select is(array[tests.outcome($$ select public.search_messages('ab') $$), tests.outcome($$ select public.search_messages('ab') $$), tests.outcome($$ select public.search_messages('ab') $$)], '{ok,ok,rate_limited}', 'a search takes a token');
select * from finish();
rollback;

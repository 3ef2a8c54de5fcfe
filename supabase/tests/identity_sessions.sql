-- Identity: where a person is signed in, and signing out elsewhere.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();
select tests.make_user('lan') as lan, tests.make_user('minh') as minh \gset
insert into auth.sessions (id, user_id, created_at, refreshed_at, user_agent, ip) values
  (:'lan', :'lan', now() - interval '2 hours', null, 'Firefox', '203.0.113.7'),
  ('00000000-0000-4000-8000-0000000000b1', :'lan', now() - interval '3 days', (now() - interval '1 minute') at time zone 'UTC', null, null),
  ('00000000-0000-4000-8000-0000000000b2', :'minh', now(), null, 'Safari', '2001:db8::1');
insert into auth.sessions (id, user_id, not_after) values ('00000000-0000-4000-8000-0000000000b3', :'lan', now() - interval '1 second');
select tests.step_up(:'lan');

select tests.as_visitor();
select is(tests.outcome('select * from public.my_sessions()'), '42501', 'a visitor cannot list sessions');
select tests.as_user(:'lan');
select results_eq(
  'select id::text, user_agent, ip, is_current from public.my_sessions()',
  format($$ values ('00000000-0000-4000-8000-0000000000b1', null, null, false), (%L, 'Firefox', '203.0.113.7', true) $$, :'lan'),
  'a person sees the own sessions that live, the latest active first, with the current one marked');
select is((select last_active_at from public.my_sessions() limit 1), now() - interval '1 minute', 'a session that was refreshed was active then');
select lives_ok($$ select public.end_session('00000000-0000-4000-8000-0000000000b2') $$, 'ending a session of somebody else is no error, which would tell that it is there');
select lives_ok($$ select public.end_session('00000000-0000-4000-8000-0000000000b1') $$, 'a person can end a session elsewhere');
select lives_ok($$ select public.end_session('00000000-0000-4000-8000-0000000000b1') $$, 'ending a session can be repeated');
select is((select array_agg(is_current) from public.my_sessions()), array[true], 'a session that was ended is listed no more');
select public.end_session(:'lan');
select set_config('role', 'none', true);
select is(tests.outcome('select private.require_step_up()'), 'step_up_required', 'a session that was ended opens no sensitive command, although its token lives on');
select is((select count(*) from private.step_ups where user_id = :'lan'), 0::bigint, 'the step-up of a session goes with it');
select tests.as_owner();
select is((select count(*) from auth.sessions where user_id = :'minh'), 1::bigint, 'nobody ends the session of somebody else');
select is((select count(*) from private.domain_events where type = 'profile.session_ended' and subject_id = :'lan'), 2::bigint, 'the log shows which sessions were ended');

select * from finish();
rollback;

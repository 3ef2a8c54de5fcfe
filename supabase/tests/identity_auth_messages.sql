-- Identity: what Supabase Auth has us send.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

create function tests.queue(p_address text, p_template text default 'auth_magiclink', p_channel text default 'email', p_country text default null)
returns text language sql volatile
as $$ select tests.outcome(format('select public.queue_auth_message(%L, %L, %L, %L, %L, %L)', p_template, p_channel, p_address, 'xx', p_country, '{"code": "012345", "link": "https://a.example/?token=secret"}')) $$;

select is(tests.queue('a@example.test'), 'ok', 'a mail of Auth can be queued');
select is(tests.queue('a@example.test'), 'ok', 'the same mail can be queued again');
select is((select count(*)::int from private.auth_messages), 1, 'the same mail is queued once');
select is((select count(*)::int from private.outbox where topic = 'auth_message'), 1, 'the same mail is sent once');
select is((select count(*)::int from private.outbox where payload::text ~ '012345|secret'), 0, 'the outbox has neither code nor link');
select is((select count(*)::int from private.auth_messages where encode(encrypted_data, 'escape') ~ '012345|secret'), 0, 'code and link are encrypted');
select id from private.auth_messages \gset
select ok(m ->> 'subject' like '012345%' and m ->> 'text' like '%token=secret%' and m ->> 'html' not like '%<a%', 'the worker gets the mail, in Vietnamese for an unknown language') from public.auth_message_to_send(:'id') m;
select public.auth_message_handed_over(:'id');
select is(public.auth_message_to_send(:'id'), null, 'what was handed over can be read no more');
select is((select encrypted_data from private.auth_messages), null, 'what was handed over is removed');
select is(tests.queue('b@example.test', 'licence_verified'), 'invalid_input', 'a text that is not one of Auth is refused');
select is(tests.queue('+79123456789', 'auth_sms', 'sms', '7'), 'country_not_supported', 'no SMS goes to a country that is not on the list');
update private.rate_limits set capacity = 1, per_minute = 0.1 where action = 'otp_address';
select tests.queue('c@example.test');
select is(tests.queue('c@example.test'), 'rate_limited', 'one address gets a few mails only');
select is((select array_agg(distinct t.code order by t.code) from public.notification_templates t where t.code like 'auth_%' and t.email_subject is null), null, 'every text of Auth can go by mail');
select tests.as_user(tests.make_user('lan'));
select is(tests.outcome('select * from private.auth_messages'), '42501', 'a person cannot read what Auth sends');
select tests.as_owner();
update private.auth_messages set created_at = now() - interval '2 days';
select private.tidy_auth_messages();
select is((select count(*)::int from private.auth_messages), 0, 'messages of Auth are removed after a day');

select * from finish();
rollback;

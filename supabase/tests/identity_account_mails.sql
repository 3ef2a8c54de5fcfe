-- Identity: what a person is told when the account changes, and the welcome.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();
select tests.make_user('lan') as lan, tests.make_user('minh') as minh \gset
update auth.users set email = 'old@example.com' where id = :'lan';
update public.profiles set locale = 'vi' where id = :'minh';
select tests.settle();
delete from private.outbox;
delete from public.notifications;
delete from private.auth_messages;

-- mails to an address, as they would be sent now
create function tests.sent() returns table (address text, subject text, text text) language sql volatile as $$
  select m ->> 'to', m ->> 'subject', m ->> 'text'
  from private.outbox o cross join lateral (select private.auth_message_to_send((o.payload ->> 'auth_message_id')::uuid) as m) s
  where o.topic = 'auth_message' order by o.id
$$;

-- another mail address -------------------------------------------------------------------------------------------
update auth.users set email = 'New@example.com' where id = :'lan';
select results_eq('select address, subject from tests.sent()', $$ values ('old@example.com', 'Your account has another mail address now') $$, 'the address that an account no longer has is told');
select is((select template from public.notifications where user_id = :'lan'), 'email_changed', 'the person is told in the app that the mail address changed');
select is((select private.delivery_target(d) ->> 'email' from public.deliveries d where d.user_id = :'lan' and d.channel = 'email'), 'New@example.com', 'the new mail address is told by mail');
update auth.users set email = 'New@example.com' where id = :'lan';
select is((select count(*) from public.notifications where user_id = :'lan'), 1::bigint, 'an address that is written again is no change');

-- another phone --------------------------------------------------------------------------------------------------
delete from public.notifications;
update public.profiles set phone = '+84912345678', phone_verified_at = now() where id = :'lan';
select is((select body from public.notifications where user_id = :'lan'), 'The phone number of your account ends in 5678 now.', 'the person is told which phone the account has, by its end');
select is((select private.delivery_message_notification(d) ->> 'subject' from public.deliveries d where d.user_id = :'lan' and d.channel = 'email'), 'Your phone number was changed', 'the person is told of another phone by mail too');
update public.profiles set phone_verified_at = now() + interval '1 second' where id = :'lan';
select is((select count(*) from public.notifications where user_id = :'lan'), 1::bigint, 'a phone that is verified again is no change');

-- welcome --------------------------------------------------------------------------------------------------------
delete from private.outbox;
delete from private.auth_messages;
select is((select count(*) from tests.sent()), 0::bigint, 'an account whose address nobody has proved is not welcomed');
update auth.users set email_confirmed_at = now() where id = :'minh';
select is((select subject from tests.sent()), 'Chào mừng bạn đến với Journey', 'a person is welcomed in the own language when Auth has confirmed the address');
update public.profiles set email_verified_at = now() where id = :'minh';
delete from private.auth_messages;
update public.profiles set email_verified_at = null where id = :'minh';
update public.profiles set email_verified_at = now() where id = :'minh';
select is((select count(*) from private.auth_messages), 0::bigint, 'a person is welcomed once, however often an address is proved');
update public.profiles set email_verified_at = now() where id = :'lan';
select is((select address from tests.sent() where subject = 'Welcome to Journey'), 'new@example.com', 'a person is welcomed when a code of ours proves the address');

-- deleted --------------------------------------------------------------------------------------------------------
select private.delete_person(:'lan', 'test');
delete from private.auth_messages;
update auth.users set email = 'hash', encrypted_password = null, deleted_at = now() where id = :'lan';
select is((select count(*) from private.auth_messages), 0::bigint, 'nobody is told of an address that a deletion took away');

select * from finish();
rollback;

-- Notifications, mail: addresses that take none, and leaving the mails of one category by a link.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_admin('admin') as admin, tests.make_user('lan') as lan, tests.make_user('minh') as minh \gset
select email from auth.users where id = :'lan' \gset
select tests.settle();
-- one mail of each of these to a person, and the decision about it
create function tests.mail(p_person uuid, p_template text)
returns text
language plpgsql volatile
as $$
declare
  v_id uuid;
  v_answer jsonb;
begin
  perform private.notify(p_person, p_template, '{"reason": "x", "title": "x", "last_four": "1234", "bank": "x", "holder": "x", "code": "x"}', gen_random_uuid()::text);
  select d.id into v_id from public.deliveries d join public.notifications n on n.id = d.notification_id
  where n.user_id = p_person and d.channel = 'email' and d.status = 'queued' order by d.created_at desc limit 1;
  v_answer := private.delivery_to_send(v_id);
  return coalesce(v_answer ->> 'reason', v_answer ->> 'action');
end
$$;
create function tests.last_mail(p_person uuid)
returns uuid
language sql stable
as $$ select d.id from public.deliveries d where d.user_id = p_person and d.channel = 'email' order by d.created_at desc limit 1 $$;
-- a report of Resend on the last mail of a person, as the function passes it on
create function tests.reports(p_event text, p_type text, p_mail text, p_address text, p_permanent boolean default false, p_detail text default null)
returns text
language sql volatile
as $$
  select case when private.record_mail_event(p_event, p_type, p_mail, p_address, now(), p_permanent, p_detail) then private.apply_mail_event(p_event) else 'repeated' end
$$;
create function tests.state_of(p_person uuid) returns text language sql stable as $$ select reason from private.suppression_of(p_person) $$;

-- who may
select tests.as_user(:'lan');
select is(tests.outcome($$ select public.list_suppressions() $$), 'forbidden', 'a person cannot list addresses');
select is(tests.outcome($$ select public.record_mail_event('x', 'email.bounced', 'x', 'x', now()) $$), '42501', 'a person cannot report a bounce');
select is(public.my_mail_state(), jsonb_build_object('email', :'email', 'state', 'ok', 'since', null), 'a person sees that the own address is fine');
select tests.as_owner();

-- an address that refuses for a moment, and one that does not exist
select is(tests.mail(:'lan', 'licence_rejected'), 'send', 'a mail goes to an address that nobody complained about');
select private.delivery_sent(tests.last_mail(:'lan'), 'resend', 'mail-1');
select is(tests.reports('evt-0', 'email.delivery_delayed', 'mail-1', :'email'), 'ignored', 'a delay is stored and changes nothing');
select is(tests.reports('evt-1', 'email.bounced', 'mail-1', :'email', false, 'Mailbox full'), 'bounced', 'a mailbox that is full bounces the mail');
select is((select status from public.deliveries where id = tests.last_mail(:'lan')), 'bounced', 'the delivery says so');
select is(tests.state_of(:'lan'), null, 'a mailbox that is full is tried again with the next mail');
select is(tests.mail(:'lan', 'licence_rejected'), 'send', 'the next mail goes there');
select private.delivery_sent(tests.last_mail(:'lan'), 'resend', 'mail-2');
select is(tests.reports('evt-2', 'email.bounced', 'mail-2', upper(:'email'), true, 'No such user <' || :'email' || '>'), 'bounced', 'an address that does not exist is found, however it is written');
select is(tests.reports('evt-2', 'email.bounced', 'mail-2', :'email', true), 'repeated', 'a report that comes twice takes effect once');
select is((select count(*)::int from private.mail_events where event_id = 'evt-2'), 1, 'a report is stored once');
select is((select detail from private.suppressed_addresses), 'No such user <…>', 'what the server said is kept without the address');
select is((select user_id from private.suppressed_addresses), :'lan'::uuid, 'a suppression knows whose address it was');
select is(tests.mail(:'lan', 'licence_rejected'), 'address_bounced', 'no mail goes to an address that does not exist');
select is(tests.mail(:'lan', 'bank_account_removed'), 'address_bounced', 'what is critical does not go there either');
select is(tests.mail(:'minh', 'licence_rejected'), 'send', 'the address of somebody else is not concerned');
select tests.as_user(:'lan');
select is(public.my_mail_state() ->> 'state', 'bounced', 'the person sees that the own address takes no mail');
select is((select status || ' ' || reason from public.deliveries where channel = 'email' order by created_at desc limit 1), 'suppressed address_bounced', 'the person sees why a mail was not sent');
select tests.as_owner();

-- another address is free, and the old one is not forgotten
update auth.users set email = 'lan.new@example.com' where id = :'lan';
select is(tests.state_of(:'lan'), null, 'another address is free at once');
select is(tests.mail(:'lan', 'licence_rejected'), 'send', 'mail goes to the new address');
update auth.users set email = :'email' where id = :'lan';
select is(tests.state_of(:'lan'), 'bounced', 'the old address takes no mail when it comes back');

-- complaints
select is(tests.mail(:'minh', 'licence_rejected'), 'send', 'before a complaint all mail is sent');
select private.delivery_sent(tests.last_mail(:'minh'), 'resend', 'mail-3');
select is(tests.reports('evt-3', 'email.complained', 'mail-3', (select email from auth.users where id = :'minh')), 'complained', 'a complaint is taken');
select is(tests.reports('evt-4', 'email.delivered', 'mail-3', (select email from auth.users where id = :'minh')), 'delivered', 'the report of its arrival may come later');
select is((select status from public.deliveries where id = tests.last_mail(:'minh')), 'complained', 'a report that comes late moves nothing back');
select is(tests.mail(:'minh', 'licence_rejected'), 'address_complained', 'after a complaint no ordinary mail is sent');
select is(tests.mail(:'minh', 'bank_account_removed'), 'send', 'what is critical is sent in spite of a complaint');
select is(tests.reports('evt-5', 'email.suppressed', 'mail-x', (select email from auth.users where id = :'minh'), true), 'bounced', 'an address that Resend does not write to takes no mail');
select is(tests.state_of(:'minh'), 'bounced', 'that an address does not exist is the stronger reason');
select is(tests.reports('evt-6', 'email.complained', 'mail-y', (select email from auth.users where id = :'minh')), 'complained', 'a complaint about an unknown mail is taken');
select is(tests.state_of(:'minh'), 'bounced', 'a complaint does not weaken it');
select is(tests.reports('evt-7', 'email.bounced', null, 'nobody@example.com', true), 'bounced', 'a report without a mail stops its address');
select is((select user_id from private.suppressed_addresses where address_hash = private.mail_hash('nobody@example.com')), null, 'the address of nobody belongs to nobody');
select is(tests.outcome($$ select private.record_mail_event('', 'email.bounced', 'x', 'x', now(), true, null) $$), 'invalid_input', 'a report needs an id');
select is((select count(*)::int from private.mail_events e where e::text like '%@%') + (select count(*)::int from private.suppressed_addresses s where s::text like '%@%'), 0, 'no address is kept');

-- staff
select tests.as_user(:'admin');
select is((select count(*)::int from public.list_suppressions()), 3, 'staff see the addresses that take no mail');
select is((select email from public.list_suppressions() where user_id = :'lan'), :'email', 'staff see whose address it is');
select is((select count(*)::int from public.list_suppressions(null, 1) a, public.list_suppressions(jsonb_build_object('suppressed_at', a.suppressed_at, 'id', a.id), 10)), 2, 'the list goes on after a row');
select id as s from public.list_suppressions() where user_id = :'lan' \gset
select is(tests.outcome(format($$ select public.lift_suppression(%L, ' ') $$, :'s')), 'invalid_input', 'a reason must say something');
select is(tests.outcome(format($$ select public.lift_suppression(%L, 'The mailbox was mended') $$, :'s')), 'ok', 'staff can lift a suppression');
select is(tests.outcome(format($$ select public.lift_suppression(%L, 'Again') $$, :'s')), 'suppression_not_found', 'a suppression is lifted once');
select tests.as_owner();
select is((select reason from private.domain_events where type = 'mail.suppression_lifted'), 'The mailbox was mended', 'the log says who lifted it and why');
select is(tests.mail(:'lan', 'licence_rejected'), 'send', 'mail goes to an address that was lifted');

-- leaving a category
select tests.mail(:'lan', 'licence_rejected');
select private.unsubscribe_token(d) as token from public.deliveries d where d.id = tests.last_mail(:'lan') \gset
select is(tests.mail(:'lan', 'bank_account_removed'), 'send', 'a critical mail is sent');
select is((select private.unsubscribe_token(d) from public.deliveries d where d.id = tests.last_mail(:'lan')), null, 'a critical mail has no token');
select is((private.unsubscribe_state(:'token'))::text, '{"name": "Account", "locale": "en", "category": "account", "subscribed": true}', 'a token names a category, and nobody');
select is(private.unsubscribe_state(overlay(:'token' placing 'booking' from 38 for 7)), null, 'the category of a token cannot be changed');
select is(private.unsubscribe_state(overlay(:'token' placing :'minh' from 1 for 36)), null, 'the person of a token cannot be changed');
select is(private.set_subscribed('x', false), null, 'what is no token changes nothing');
select is(private.set_subscribed(:'token', false) ->> 'subscribed', 'false', 'a token of a link unsubscribes its person');
select is(private.set_subscribed(:'token', false) ->> 'subscribed', 'false', 'a token may be used again');
select isnt((select count(*)::int from private.domain_events where type = 'mail.unsubscribed'), 0, 'the log holds when a person left');
select tests.as_user(:'lan');
select is((select c -> 'channels' -> 0 ->> 'is_on' from jsonb_array_elements(public.notification_settings() -> 'categories') c where c ->> 'category' = 'account'), 'false', 'the settings of the app show what the link did');
select tests.as_owner();
select is(tests.mail(:'lan', 'licence_rejected'), 'switched_off', 'no mail of this category is sent');
select is(tests.mail(:'lan', 'bank_account_removed'), 'send', 'a critical mail of this category is sent');
select is(tests.mail(:'lan', 'vehicle_suspended'), 'send', 'a mail of another category is sent');
select is(private.set_subscribed(:'token', true) ->> 'subscribed', 'true', 'the same token subscribes again');
select is(tests.mail(:'lan', 'licence_rejected'), 'send', 'mail of this category is sent again');
update public.profiles set deleted_at = now() where id = :'lan';
select is(private.unsubscribe_state(:'token'), null, 'the token of somebody who is gone is none');

select * from finish();
rollback;

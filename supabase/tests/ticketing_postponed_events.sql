-- Ticketing: an event is postponed, gets another date or place, and its holders hear of it; who is invited to a team hears of that.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

update private.rate_limits set capacity = 10000, per_minute = 10000;
select tests.make_user('owner') as owner, tests.make_user('editor') as editor, tests.make_user('buyer') as buyer, tests.make_user('other') as other, tests.make_user('friend') as friend,
  tests.make_user('stranger') as stranger \gset
select tests.make_event(:'owner') as event \gset
insert into public.organizer_members (organizer_id, user_id, role) select organizer_id, :'editor', 'editor' from public.events where id = :'event';
create function pg_temp.told(p_user uuid, p_template text) returns int language sql security definer as $$
  select count(*)::int from public.notifications where user_id = p_user and template = p_template $$;
grant execute on all functions in schema pg_temp to public;
select tests.make_paid_order(:'buyer', :'event', 3) as bought, tests.make_paid_order(:'other', :'event', 1) as second, tests.make_order(:'stranger', :'event', 1) as unpaid \gset
select tests.start_payment(:'unpaid') as reference \gset
select id as given from public.tickets where order_id = :'bought' and number = 1 \gset
select id as second_ticket from public.tickets where order_id = :'bought' and number = 2 \gset
select id as third_ticket from public.tickets where order_id = :'bought' and number = 3 \gset
update public.tickets set holder_id = :'friend' where id = :'given';
select tests.settle();

-- without a date
select tests.as_user(:'editor');
select is(tests.outcome(format('select public.postpone_event(%L, %L)', :'event', 'A storm')), 'forbidden', 'an editor postpones nothing');
select tests.as_user(:'stranger');
select is(tests.outcome(format('select public.postpone_event(%L, %L)', :'event', 'A storm')), 'event_not_found', 'a stranger postpones nothing');
select tests.as_user(:'buyer');
select is(tests.outcome(format('select public.cancel_order_preview(%L)', :'bought')), 'order_not_cancellable', 'this event takes no tickets back');
select tests.as_owner();
update private.settings set value = '2' where key = 'event_notice_chunk';
select tests.as_user(:'owner');
select is(tests.outcome(format('select public.postpone_event(%L, %L)', :'event', '')), 'invalid_input', 'an event is postponed with a reason');
select is((public.postpone_event(:'event', 'A storm')).status, 'postponed', 'an admin of the organizer postpones an event');
select is((public.postpone_event(:'event', 'A storm')).status, 'postponed', 'postponing it again changes nothing');
select tests.as_owner();
select tests.settle();
select is(pg_temp.told(:'buyer', 'event_postponed') + pg_temp.told(:'friend', 'event_postponed') + pg_temp.told(:'other', 'event_postponed'), 2, 'the first part of the holders is told at once');
select private.work_event_notices() + private.work_event_notices();
select tests.settle();
select is(array[pg_temp.told(:'buyer', 'event_postponed'), pg_temp.told(:'friend', 'event_postponed'), pg_temp.told(:'other', 'event_postponed'), pg_temp.told(:'stranger', 'event_postponed')], '{1,1,1,0}', 'every holder is told once, and nobody else');
select isnt((select finished_at from private.event_notices where event_id = :'event'), null, 'a notice knows when it is finished');
select tests.as_user(:'other');
select is(tests.outcome(format('select private.create_order(%L, %L, gen_random_uuid(), null, null, null)', :'event', jsonb_build_array(jsonb_build_object('class_id', tests.class_of(:'event'), 'quantity', 1)))), 'event_not_on_sale', 'nothing is sold without a date');
select is((select event_status from public.my_tickets()), 'postponed', 'a ticket stays, and shows that its event is postponed');
select tests.as_owner();
select is(tests.provider_says(:'reference'), 'applied', 'who was paying has the ticket');
select tests.as_user(:'buyer');
select is((public.cancel_order_preview(:'bought', array[:'second_ticket']::uuid[]) ->> 'refund_amount')::int, 500000, 'a buyer may return a ticket of a postponed event for what was paid');
select is(tests.outcome(format('select public.cancel_order_preview(%L, array[%L]::uuid[])', :'bought', :'given')), 'invalid_input', 'a ticket that somebody else has is not returned');

-- another date
select tests.as_user(:'owner');
select is(tests.outcome(format('select public.reschedule_event(%L, %L)', :'event', '{"venue": "Sân Mỹ Đình"}')), 'invalid_input', 'a postponed event needs a date');
select is(tests.outcome_details(format('select public.reschedule_event(%L, %L)', :'event', jsonb_build_object('starts_at', tests.hours(480), 'ends_at', tests.hours(483), 'title', 'Another one'))) ->> 'field', 'title', 'what people bought stays what it is');
select is(tests.outcome(format('select public.reschedule_event(%L, %L)', :'event', jsonb_build_object('starts_at', tests.hours(-4), 'ends_at', tests.hours(3)))), 'invalid_input', 'a new date is to come');
select is(tests.outcome(format('select public.reschedule_event(%L, %L)', :'event', jsonb_build_object('starts_at', tests.hours(480), 'ends_at', tests.hours(470)))), 'invalid_input', 'an event ends after it starts');
select (public.reschedule_event(:'event', jsonb_build_object('starts_at', tests.hours(480), 'ends_at', tests.hours(483)))).* \gset new_
select is(:'new_status'::text, 'published', 'a postponed event is published again with its date');
select is(:'new_returns_until'::timestamptz, now() + interval '7 days', 'the time for returns is stated');
select tests.as_owner();
select private.work_event_notices();
select tests.settle();
select is(array[pg_temp.told(:'buyer', 'event_rescheduled'), pg_temp.told(:'friend', 'event_rescheduled'), pg_temp.told(:'other', 'event_rescheduled')], '{1,1,1}', 'every holder hears the new date');
select tests.as_user(:'buyer');
select is((public.event_detail(:'event') ->> 'returns_until')::timestamptz, now() + interval '7 days', 'anybody reads until when tickets are taken back');
select is(public.ticket_to_print(:'third_ticket') #>> '{event,starts_at}', to_jsonb(tests.hours(480)) #>> '{}', 'a calendar file has the new date');
select is((public.cancel_order(:'bought', 500000, gen_random_uuid(), array[:'second_ticket']::uuid[]) ->> 'refund_amount')::int, 500000, 'a buyer returns a ticket after the new date is known');
select tests.as_owner();
update public.events set returns_until = now() where id = :'event';
select tests.as_user(:'buyer');
select is(tests.outcome(format('select public.cancel_order_preview(%L, array[%L]::uuid[])', :'bought', :'third_ticket')), 'order_not_cancellable', 'after that the event takes no tickets back, as before');
select tests.as_owner();
select is((private.remind_ticket_holders()), 0, 'nobody is reminded of the old date');

-- a published event gets another place without being postponed; a window never outlives the start
select tests.as_user(:'owner');
select is((public.reschedule_event(:'event', jsonb_build_object('venue', 'Sân Mỹ Đình', 'starts_at', tests.hours(30), 'ends_at', tests.hours(33)))).returns_until, tests.hours(30), 'tickets are taken back at most until the start');
select is((public.reschedule_event(:'event', '{"venue": "Sân Mỹ Đình"}')).venue, 'Sân Mỹ Đình', 'the same place again changes nothing');
select tests.as_owner();
select tests.settle();
select private.work_event_notices();
select is(pg_temp.told(:'other', 'event_rescheduled'), 2, 'each change is told once');
update public.events set starts_at = tests.hours(20), ends_at = tests.hours(23) where id = :'event';
select ok(private.remind_ticket_holders() > 0, 'holders are reminded of the new date');
select is(tests.broken_promises(), null, 'no invariant is violated by another date');

-- one that nobody has seen yet
select tests.make_event(:'owner') as unseen \gset
update public.events set status = 'postponed', published_at = null where id = :'unseen';
select tests.as_user(:'owner');
select is((public.reschedule_event(:'unseen', jsonb_build_object('starts_at', tests.hours(480), 'ends_at', tests.hours(483)))).status, 'configured', 'an event that was never published waits for approval with its new date');
select is(tests.outcome(format('select public.reschedule_event(%L, %L)', :'unseen', jsonb_build_object('venue', 'Elsewhere'))), 'illegal_transition', 'an event that waits for approval is edited, and not rescheduled');

-- invitations
select tests.as_owner();
select tests.make_user('invited') as invited, tests.make_user('unverified') as unverified, tests.make_user('angry') as angry, (select organizer_id from public.events where id = :'event') as organizer \gset
update public.profiles set email_verified_at = now() where id in (:'invited', :'angry');
insert into public.user_blocks (user_id, blocked_id) values (:'angry', :'owner');
select lower(email) as mail from auth.users where id = :'invited' \gset
select lower(email) as unverified_mail from auth.users where id = :'unverified' \gset
select lower(email) as angry_mail from auth.users where id = :'angry' \gset
select tests.as_user(:'owner');
select (private.invite_member(:'organizer', :'mail', 'editor')).id as invitation, (private.invite_member(:'organizer', :'unverified_mail', 'editor')).id as silent,
  (private.invite_member(:'organizer', :'angry_mail', 'viewer')).id as unwelcome, (private.invite_member(:'organizer', 'nobody@example.com', 'viewer')).id as nobody \gset
select tests.as_owner();
select tests.settle();
select is(pg_temp.told(:'invited', 'organizer_invited'), 1, 'who has verified the address hears of the invitation');
select is((select count(*)::int from public.deliveries d join public.notifications n on n.id = d.notification_id where n.user_id = :'invited' and d.channel = 'email'), 1, 'an invitation also comes by mail');
select is(pg_temp.told(:'unverified', 'organizer_invited'), 0, 'who has not verified the address hears nothing');
select is(pg_temp.told(:'angry', 'organizer_invited'), 0, 'who has blocked the inviting person hears nothing');
select tests.as_user(:'invited');
select is((public.answer_invitation(:'invitation', true)).role, 'editor', 'who is invited accepts as before');
select tests.as_owner();
select tests.settle();
select is(pg_temp.told(:'owner', 'organizer_invitation_accepted'), 1, 'who invited hears that the person has joined');
select * from finish();
rollback;

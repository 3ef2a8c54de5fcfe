-- Ticketing: who may do what for an organizer, and what cannot be stored.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

update private.rate_limits set capacity = 1000, per_minute = 1000;
select tests.make_user('owner') as owner, tests.make_user('editor') as editor, tests.make_user('viewer') as viewer, tests.make_user('scanner') as scanner,
  tests.make_user('stranger') as stranger, tests.make_user('buyer') as buyer, tests.make_admin('admin') as admin \gset
update public.profiles set email_verified_at = now() where id in (:'editor', :'viewer', :'scanner');
select lower(email) as editor_email from auth.users where id = :'editor' \gset
select lower(email) as viewer_email from auth.users where id = :'viewer' \gset
select lower(email) as scanner_email from auth.users where id = :'scanner' \gset
select lower(email) as buyer_email from auth.users where id = :'buyer' \gset
create function pg_temp.details(p_more jsonb default '{}') returns jsonb language sql as $$
  select jsonb_build_object('title', 'Đêm nhạc mùa đông', 'category', 'music', 'venue', 'Nhà hát Lớn', 'address', '1 Tràng Tiền', 'city', 'Hà Nội',
    'starts_at', tests.hours(240), 'ends_at', tests.hours(243)) || p_more $$;
grant execute on function pg_temp.details to public;

-- a visitor
select tests.as_visitor();
select is(tests.outcome($$ select public.create_organizer('{"name": "x"}', gen_random_uuid()) $$), '42501', 'a visitor cannot make an organizer');
select is(tests.outcome('select owner_id from public.organizers'), '42501', 'nobody reads who owns an organizer');

-- organizers and their members
select tests.as_user(:'owner');
select (private.create_organizer('{"name": " Sân khấu  Sông Hồng "}', gen_random_uuid())).id as organizer \gset
select is((select name from public.organizers where id = :'organizer'), 'Sân khấu Sông Hồng', 'a name is stored tidy');
select results_eq('select role, is_owner from public.my_organizers()', $$ values ('admin', true) $$, 'who makes an organizer is its admin');
select is(tests.outcome_details($$ select public.create_organizer('{"name": "x"}', gen_random_uuid()) $$) ->> 'field', 'name', 'a refusal names the field');
select is(tests.outcome($$ select public.create_organizer('{"name": "Stage", "owner_id": 1}', gen_random_uuid()) $$), 'unknown_field', 'a field that does not exist is refused');
select (private.invite_member(:'organizer', :'editor_email', 'editor')).id as to_editor, (private.invite_member(:'organizer', upper(:'viewer_email'), 'viewer')).id as to_viewer,
  (private.invite_member(:'organizer', :'scanner_email', 'scanner')).id as to_scanner, (private.invite_member(:'organizer', :'buyer_email', 'admin')).id as to_buyer \gset
select is(tests.outcome(format('select private.invite_member(%L, %L, %L)', :'organizer', 'nobody@example.com', 'viewer')), 'ok', 'an address without an account is invited like any other');
select is(tests.outcome(format('select private.invite_member(%L, %L, %L)', :'organizer', 'nobody@example.com', 'chief')), 'invalid_input', 'a role must be one of the four');
select tests.as_user(:'stranger');
select is(tests.outcome(format('select public.answer_invitation(%L, true)', :'to_editor')), 'invitation_not_found', 'an invitation is answered by its address alone');
select is(tests.outcome(format('select private.invite_member(%L, %L, %L)', :'organizer', 'a@example.com', 'viewer')), 'organizer_not_found', 'a stranger invites nobody');
select tests.as_user(:'buyer');
select is((select count(*)::int from public.my_invitations()), 0, 'an address that is not verified has no invitations');
select is(tests.outcome(format('select public.answer_invitation(%L, true)', :'to_buyer')), 'invitation_not_found', 'an address that is not verified answers none');
select tests.as_user(:'editor');
select results_eq('select role, organizer_name from public.my_invitations()', $$ values ('editor', 'Sân khấu Sông Hồng') $$, 'the invited person sees the invitation');
select is((private.answer_invitation(:'to_editor', true)).role, 'editor', 'an invitation is accepted');
select is((private.answer_invitation(:'to_editor', true)).role, 'editor', 'accepting twice changes nothing');
select is(tests.outcome(format('select private.answer_invitation(%L, false)', :'to_editor')), 'invitation_over', 'what was accepted is not declined');
select is(tests.outcome(format('select private.invite_member(%L, %L, %L)', :'organizer', 'a@example.com', 'viewer')), 'forbidden', 'an editor invites nobody');
select is(tests.outcome(format('select private.set_organizer_role(%L, %L, %L)', :'organizer', :'editor', 'admin')), 'forbidden', 'an editor does not make itself an admin');
select tests.as_user(:'viewer');
select private.answer_invitation(:'to_viewer', true) \gset
select tests.as_user(:'scanner');
select private.answer_invitation(:'to_scanner', true) \gset
select results_eq('select user_id from public.organizer_members', format('values (%L::uuid)', :'scanner'), 'a scanner sees no other member');
select is(tests.outcome(format('select * from public.organizer_team(%L)', :'organizer')), 'forbidden', 'a scanner does not list the team');
select tests.as_user(:'viewer');
select is((select count(*)::int from public.organizer_team(:'organizer')), 4, 'a viewer lists the team');
select is((select count(*)::int from public.organizer_invitations), 0, 'a viewer reads no invitations');
select tests.as_user(:'owner');
select is(tests.outcome(format('select private.invite_member(%L, %L, %L)', :'organizer', :'editor_email', 'admin')), 'already_member', 'a member is not invited');
select is(tests.outcome(format('select private.set_organizer_role(%L, %L, %L)', :'organizer', :'owner', 'viewer')), 'organizer_owner_stays', 'the owner stays an admin');
select is(tests.outcome(format('select private.remove_organizer_member(%L, %L)', :'organizer', :'owner')), 'organizer_owner_stays', 'the owner does not leave');
select is((private.withdraw_invitation(:'to_buyer')).status, 'withdrawn', 'an invitation is withdrawn');
select tests.as_owner();
update public.profiles set email_verified_at = now() where id = :'buyer';
select tests.as_user(:'buyer');
select is(tests.outcome(format('select private.answer_invitation(%L, true)', :'to_buyer')), 'invitation_over', 'a withdrawn invitation is not accepted');
select tests.as_user(:'owner');
select (private.invite_member(:'organizer', :'buyer_email', 'viewer')).id as late \gset
select tests.as_owner();
update public.organizer_invitations set expires_at = now() where id = :'late';
select tests.as_user(:'buyer');
select is(tests.outcome(format('select private.answer_invitation(%L, true)', :'late')), 'invitation_over', 'an invitation is over at its time');
select tests.as_owner();
set constraints all immediate;
select is(tests.outcome(format('update public.organizer_members set role = %L where user_id = %L', 'viewer', :'owner')), '23503', 'no path takes the admin from the owner');
select is(tests.outcome(format('delete from public.organizer_members where user_id = %L', :'owner')), '23503', 'no path removes the owner');
set constraints all deferred;

-- events
select tests.as_user(:'viewer');
select is(tests.outcome(format('select private.create_event(%L, pg_temp.details(), gen_random_uuid())', :'organizer')), 'forbidden', 'a viewer makes no event');
select tests.as_user(:'stranger');
select is(tests.outcome(format('select private.create_event(%L, pg_temp.details(), gen_random_uuid())', :'organizer')), 'organizer_not_found', 'a stranger makes no event of an organizer');
select tests.as_user(:'editor');
select gen_random_uuid() as key \gset
select (private.create_event(:'organizer', pg_temp.details(), :'key')).id as event \gset
select is((private.create_event(:'organizer', pg_temp.details(), :'key')).id, :'event'::uuid, 'the same call makes one event');
select is(tests.outcome_details(format('select private.create_event(%L, pg_temp.details(%L), gen_random_uuid())', :'organizer', '{"category": "none"}')) ->> 'field', 'category', 'a category must be known');
select is(tests.outcome_details(format('select private.create_event(%L, pg_temp.details(%L), gen_random_uuid())', :'organizer', '{"ends_at": "2020-01-01"}')) ->> 'field', 'ends_at', 'an event ends after it starts');
select is(tests.outcome(format('select private.publish_event(%L)', :'event')), 'illegal_transition', 'a draft is not published');
select tests.as_user(:'stranger');
select is((select count(*)::int from public.events), 0, 'a stranger sees no draft');
select is(tests.outcome(format('select public.event_detail(%L)', :'event')), 'event_not_found', 'a stranger asks for no draft');
select is(tests.outcome(format('select private.configure_event(%L, %L)', :'event', '{}')), 'event_not_found', 'a stranger does not find a draft to configure');
select tests.as_user(:'scanner');
select is((select count(*)::int from public.events), 0, 'a scanner sees no draft');
select tests.as_user(:'viewer');
select is((select count(*)::int from public.events), 1, 'a viewer sees the draft');
select is(tests.outcome(format('select private.configure_event(%L, %L)', :'event', '{}')), 'forbidden', 'a viewer configures nothing');
select tests.as_user(:'editor');
select is((private.configure_event(:'event', '{"max_per_order": 4, "returns_hours": 24}')).max_per_order, 4, 'an editor says how an event is sold');
select is((select status from public.events where id = :'event'), 'configured', 'a configured event waits for approval');
select is(tests.outcome(format('select private.configure_event(%L, %L)', :'event', '{"requires_approval": false}')), 'unknown_field', 'an organizer does not exempt itself from approval');
select is(tests.outcome_details(format('select private.configure_event(%L, %L)', :'event', '{"max_per_order": 0}')) ->> 'field', 'max_per_order', 'an order has at least one ticket');
select tests.as_user(:'owner');

select is(tests.outcome(format('select public.review_event(%L, true)', :'event')), 'forbidden', 'an organizer that is not verified does not approve its own event');
select tests.as_user(:'stranger');
select is(tests.outcome(format('select public.review_event(%L, true)', :'event')), 'event_not_found', 'a stranger approves nothing');
select is(tests.outcome('select * from public.events_to_review()'), 'forbidden', 'a stranger does not see what waits for approval');
select tests.as_user(:'admin');
select is((select count(*)::int from public.events_to_review()), 1, 'staff sees what waits for approval');
select is((private.review_event(:'event', false, 'No description')).status, 'draft', 'staff sends an event back');
select tests.as_user(:'editor');
select private.configure_event(:'event', '{}') \gset
select tests.as_user(:'admin');
select is((private.review_event(:'event', true, null)).status, 'approved', 'staff approves an event');
select tests.as_user(:'editor');
select is(tests.outcome_details(format('select private.publish_event(%L)', :'event')) ->> 'missing', 'ticket_classes', 'an event without tickets is not published');
select (private.add_ticket_class(:'event', '{"name": "Standard", "price": 500000, "tax_bps": 800, "total": 10}', gen_random_uuid())).id as standard \gset
select is((select status from public.events where id = :'event'), 'configured', 'a new kind of ticket goes back to be approved');
select tests.as_user(:'admin');
select private.review_event(:'event', true, null) \gset
select tests.as_user(:'editor');
select is((private.update_event(:'event', '{"title": "Another night"}')).status, 'configured', 'an edit of what was approved goes back to be approved');
select tests.as_user(:'admin');
select private.review_event(:'event', true, null) \gset
select tests.as_user(:'editor');
select is((private.publish_event(:'event')).status, 'published', 'an approved event is published');
select is(tests.outcome_details(format('select private.update_event(%L, %L)', :'event', '{"title": "A third night"}')) ->> 'field', 'title', 'holders do not find another event in their tickets');
select is((private.update_event(:'event', '{"description": "Doors open at seven."}')).description, 'Doors open at seven.', 'a published event can be described better');
select tests.as_visitor();
select is((select count(*)::int from public.events), 1, 'a visitor sees a published event');
select is((select count(*)::int from public.search_events('another NIGHT')), 1, 'a visitor finds it by its words');
select is((select count(*)::int from public.search_events('nha hat lon', 'ha noi', 'music')), 1, 'an event is found without diacritics, by place and category');
select is((select count(*)::int from public.search_events('opera')), 0, 'another word does not find it');
select is((select count(*)::int from public.search_events(from_at => tests.hours(250))), 0, 'an event that is over by then is not found');
select is((select count(*)::int from public.search_events(from_at => tests.hours(241), to_at => tests.hours(242))), 1, 'an event under way at that time is found');
select is((select count(*)::int from public.search_events(to_at => tests.hours(239))), 0, 'an event that starts later is not found');
select tests.as_user(:'editor');
select private.configure_event(:'event', '{"visibility": "unlisted"}') \gset
select tests.as_visitor();
select is((select count(*)::int from public.events), 0, 'an unlisted event is in no list');
select is((select count(*)::int from public.search_events('another night')), 0, 'an unlisted event is not found');
select is(public.event_detail(:'event') ->> 'title', 'Another night', 'who has its id reads an unlisted event');
select tests.as_user(:'editor');
select private.configure_event(:'event', '{"visibility": "public"}') \gset

-- kinds of tickets
select is(tests.outcome_details(format('select private.add_ticket_class(%L, %L, gen_random_uuid())', :'event', '{"name": "Standard", "price": 1, "total": 1}')) ->> 'field', 'name', 'two kinds of tickets have two names');
select is(tests.outcome_details(format('select private.add_ticket_class(%L, %L, gen_random_uuid())', :'event', '{"name": "VIP", "price": -1, "total": 1}')) ->> 'field', 'price', 'a price is not negative');
select is(tests.outcome_details(format('select private.add_ticket_class(%L, %L, gen_random_uuid())', :'event', '{"name": "VIP", "price": 1.5, "total": 1}')) ->> 'field', 'price', 'a price is whole');
select is(tests.outcome_details(format('select private.add_ticket_class(%L, %L, gen_random_uuid())', :'event', '{"name": "VIP", "price": 1, "total": 1, "unlock_code": "FRIENDS"}')) ->> 'field', 'unlock_code', 'what anybody sees has no code');
select (private.add_ticket_class(:'event', '{"name": "Friends", "price": 0, "total": 5, "is_hidden": true, "unlock_code": "friends-26"}', gen_random_uuid())).id as friends \gset
select tests.as_visitor();
select is((select count(*)::int from public.ticket_classes), 1, 'a hidden kind of ticket is in no list');
select is(tests.outcome('select unlock_code from public.ticket_classes'), '42501', 'nobody reads a code from the table');
select is(jsonb_array_length(public.event_detail(:'event') -> 'classes'), 1, 'a hidden kind of ticket is not shown');
select is(jsonb_array_length(public.event_detail(:'event', ' friends-26 ') -> 'classes'), 2, 'its code shows it');
select is(public.event_detail(:'event', 'FRIENDS-26') #>> '{classes,0,unlock_code}', null, 'who gives a code is not told codes');
select is((public.event_detail(:'event') #>> '{classes,0,left}')::int, 10, 'a visitor sees how many tickets are left');
select tests.as_user(:'viewer');
select is(tests.outcome(format('select private.set_ticket_total(%L, 5)', :'standard')), 'forbidden', 'a viewer changes no total');
select tests.as_user(:'stranger');
select is(tests.outcome(format('select private.set_ticket_total(%L, 5)', :'standard')), 'ticket_class_not_found', 'a stranger changes no total');
select tests.as_user(:'editor');
select is((private.set_ticket_total(:'standard', 200)).total, 200, 'a total is raised');
select tests.as_owner();
set constraints all immediate;
select is((select sum(capacity)::int from private.stock_shards where pool_id = :'standard'), 200, 'the shards add up to the total');
update private.stock_shards set sold = capacity where pool_id = :'standard' and shard < 5;
select sum(sold) as sold from private.stock_shards where pool_id = :'standard' \gset
select tests.as_user(:'editor');
select is(tests.outcome_details(format('select private.set_ticket_total(%L, %L)', :'standard', :sold - 1)) ->> 'least', :'sold', 'a total is never below what is sold');
set constraints all deferred;
select is((private.set_ticket_total(:'standard', :sold)).total, :sold, 'a total can be what is sold');
select tests.as_owner();
set constraints all immediate;
select is(tests.outcome(format('update private.stock_shards set held = 1 where pool_id = %L and shard = 0', :'standard')), '23514', 'no path holds more than there is');
select is(tests.outcome(format('update private.stock_shards set capacity = capacity + 1 where pool_id = %L and shard = 0', :'standard')), '23514', 'no path makes a shard larger by itself');
select is(tests.outcome(format('update public.ticket_classes set total = total + 1 where id = %L', :'standard')), '23514', 'no path changes a total without its shards');
select is(tests.outcome(format('update private.capacity_pools set capacity = capacity + 1 where id = %L', :'standard')), '23503', 'the pool of a class has its total');
select is(tests.outcome(format('insert into private.class_pools (class_id, pool_id, event_id) select %L, id, event_id from private.capacity_pools where id = %L', :'standard', :'friends')), 'ticket_class_has_sales', 'a class that is sold joins no pool');
update private.stock_shards set sold = 0 where pool_id = :'standard';
set constraints all deferred;
select tests.as_user(:'editor');
select public.set_capacity_pool(:'event', 'Hall', 20, array[:'standard', :'friends']::uuid[]) ->> 'id' as pool \gset
select tests.as_visitor();
select is((public.event_detail(:'event') #>> '{classes,0,left}')::int, 20, 'what is left is what every pool has');
select tests.as_user(:'editor');
select is((public.set_capacity_pool(:'event', 'Hall', 30, array[:'standard']::uuid[]) ->> 'capacity')::int, 30, 'a pool is changed by its name');
select is(tests.outcome(format('select public.set_capacity_pool(%L, %L, 5, %L)', :'event', 'Hall', array[gen_random_uuid()])), 'invalid_input', 'a pool is of kinds of tickets of the event');
select tests.as_owner();
set constraints all immediate;
select is((select count(*)::int from private.class_pools where pool_id = :'pool'), 1, 'a kind of ticket leaves a pool before its first sale');

-- the end
update public.events set starts_at = now() - interval '2 hours', ends_at = now() where id = :'event';
select tests.as_visitor();
select is(public.event_detail(:'event') ->> 'status', 'ended', 'an event is over at its end, before a job has run');
select tests.as_owner();
select is(private.end_events(), 1, 'a job writes it down');
select is(tests.outcome(format('update public.events set status = %L where id = %L', 'published', :'event')), 'illegal_transition', 'no path brings an ended event back');
select * from finish();
rollback;

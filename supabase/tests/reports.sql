-- Reports: who may report what, what staff does about it, and how it is taken back.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_user('stranger') as stranger, tests.make_user('organizer') as organizer,
  tests.make_admin('admin') as admin, tests.make_user('support') as support \gset
insert into public.user_roles (user_id, role) values (:'support', 'support');
update private.rate_limits set capacity = 1000 where action in ('create_report', 'write_review');
select tests.make_vehicle(:'host') as vehicle, tests.make_draft(:'host') as draft \gset
select tests.make_event(:'organizer') as event \gset
select tests.class_of(:'event') as class \gset
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(100), tests.hours(110)) as trip \gset
select tests.drive(:'trip', 10);
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(300), tests.hours(310)) as second_trip \gset
select tests.drive(:'second_trip', 10);
-- a group in which the host writes, and which the stranger joins late
select tests.as_user(:'host');
select (private.create_group('Crew', array[:'renter']::uuid[], gen_random_uuid())).id as chat \gset
select tests.as_user(:'renter');
select private.answer_request(:'chat', true) is not null;
select tests.as_user(:'host');
select private.send_message(:'chat', 'Good morning', gen_random_uuid()) is not null;
select (private.send_message(:'chat', 'Pay me in cash, you fool', gen_random_uuid(), null, array[:'renter']::uuid[])).seq as seq \gset
select public.write_review(:'second_trip', 1, 'A terrible renter', '{}') is not null;
select tests.as_user(:'renter');
select public.write_review(:'trip', 1, 'The host is a thief', '{}') is not null;
select tests.as_user(:'host');
select public.write_review(:'trip', 4, 'Fine', '{}') is not null;
select tests.as_owner();
select id as review from public.reviews where booking_id = :'trip' and side = 'renter' \gset
select id as waiting_review from public.reviews where booking_id = :'second_trip' \gset
create function tests.reported(p_kind text, p_subject_id uuid, p_seq bigint default null)
returns uuid
language sql stable
as $$ select id from private.moderation_cases where kind = p_kind and subject_id = p_subject_id and seq is not distinct from p_seq $$;
create function tests.suspended(p_user_id uuid)
returns boolean
language sql stable security definer
as $$ select private.is_suspended(p_user_id) $$;
create function tests.told(p_user_id uuid, p_template text)
returns int
language sql stable
as $$ select count(*)::int from public.notifications where user_id = p_user_id and template = p_template $$;

-- a person reports what the person can see ----------------------------------------------------------------------------
select tests.as_visitor();
select is(tests.outcome(format($$ select public.create_report('vehicle', %L, 'fraud') $$, :'vehicle')), '42501', 'a visitor reports nothing');
select tests.as_user(:'renter');
select public.create_report('vehicle', :'vehicle', 'fraud', 'The host does not exist') ->> 'id' as report \gset
select is((select status || ' ' || name from public.my_reports() where id = :'report'), 'open ' || (select title from public.vehicles where id = :'vehicle'), 'a person reports a listing');
select is(public.create_report('vehicle', :'vehicle', 'fraud', 'The host does not exist') ->> 'id', :'report', 'the same report again is the same report');
select is(tests.outcome(format($$ select private.create_report('vehicle', %L, 'unsafe', '', null) $$, :'vehicle')), 'report_exists', 'a person has one open report about a subject');
select is(public.create_report('person', :'host', 'harassment') ->> 'status', 'open', 'a person reports another person');
select is(public.create_report('event', :'event', 'fraud') ->> 'status', 'open', 'a person reports an event');
select is(public.create_report('message', :'chat', 'harassment', '', :seq) ->> 'status', 'open', 'a member reports a message');
select is(tests.outcome(format($$ select private.create_report('review', %L, 'untrue', '', null) $$, :'review')), 'invalid_input', 'nobody reports the own review');
select is(tests.outcome(format($$ select private.create_report('person', %L, 'fraud', '', null) $$, :'renter')), 'invalid_input', 'nobody reports the own profile');
select is(tests.outcome(format($$ select private.create_report('vehicle', %L, 'spam', '', null) $$, :'vehicle')), 'invalid_input', 'a category of another kind is refused');
select is(tests.outcome(format($$ select private.create_report('person', %L, 'other', ' ', null) $$, :'stranger')), 'invalid_input', 'a report for another reason says which');
select is(tests.outcome(format($$ select private.create_report('person', %L, 'fraud', repeat('x', 2001), null) $$, :'stranger')), 'invalid_input', 'a report has at most 2000 characters');
select is(tests.outcome(format($$ select private.create_report('booking', %L, 'fraud', '', null) $$, :'trip')), 'invalid_input', 'a kind that cannot be reported is refused');
select is(tests.outcome(format($$ select private.create_report('message', %L, 'spam', '', null) $$, :'chat')), 'invalid_input', 'a message needs its number');
select is(tests.outcome(format($$ select private.create_report('vehicle', %L, 'fraud', '', 1) $$, :'vehicle')), 'invalid_input', 'a listing has no number');
select tests.as_user(:'host');
select is(public.create_report('review', :'review', 'untrue', 'I took nothing') ->> 'status', 'open', 'the subject of a review reports it');
select tests.as_user(:'stranger');
select is(public.create_report('vehicle', :'vehicle', 'misleading') ->> 'status', 'open', 'another person reports the same listing');

-- nobody learns what exists by reporting ------------------------------------------------------------------------------
select is(tests.outcome(format($$ select private.create_report('vehicle', %L, 'fraud', '', null) $$, gen_random_uuid())), 'not_found', 'what does not exist is not found');
select is(tests.outcome(format($$ select private.create_report('vehicle', %L, 'fraud', '', null) $$, :'draft')), 'not_found', 'a draft of somebody else is not found');
select is(tests.outcome(format($$ select private.create_report('message', %L, 'spam', '', %s) $$, :'chat', :seq)), 'not_found', 'a message of others is not found');
select is(tests.outcome(format($$ select private.create_report('message', %L, 'spam', '', %s) $$, gen_random_uuid(), 1)), 'not_found', 'a message that does not exist is not found');
select is(tests.outcome(format($$ select private.create_report('review', %L, 'untrue', '', null) $$, :'waiting_review')), 'not_found', 'a review that is not public is not found');
select is(tests.outcome(format($$ select private.create_report('person', %L, 'fraud', '', null) $$, gen_random_uuid())), 'not_found', 'a person who does not exist is not found');
select is(tests.outcome(format($$ select private.create_report('event', %L, 'fraud', '', null) $$, gen_random_uuid())), 'not_found', 'an event that does not exist is not found');
select tests.as_user(:'renter');
select is(tests.outcome(format($$ select private.create_report('review', %L, 'untrue', '', null) $$, :'waiting_review')), 'not_found', 'whom a review is about learns nothing of it before it is public');

-- who reads reports ---------------------------------------------------------------------------------------------------
select is((select count(*)::int from public.my_reports()), 4, 'a reporter lists the own reports');
select is((select seq from public.my_reports() where kind = 'message'), :seq::bigint, 'a report about a message has its number');
select is(tests.outcome('select public.reports_to_review()'), 'forbidden', 'a person does not see the queue');
select is(tests.outcome(format($$ select public.moderation_case(%L) $$, gen_random_uuid())), 'forbidden', 'a person does not read a case');
select is(tests.outcome(format($$ select public.restrict_subject('vehicle', %L, 'I say so') $$, :'vehicle')), 'forbidden', 'a person takes nothing down');
select tests.as_user(:'host');
select is((select count(*)::int from public.reports), 1, 'whom a report is about does not read it');
select is_empty('select * from public.my_moderation()', 'an owner learns nothing of a report');
select is_empty($$ select from public.notifications where category = 'report' $$, 'nobody is told that something was reported');

-- the queue -----------------------------------------------------------------------------------------------------------
select tests.as_user(:'support');
select is((select count(*)::int from public.reports_to_review()), 5, 'staff sees one row for each subject');
select results_eq(format($$ select reporters, severity, categories from public.reports_to_review() where subject_id = %L $$, :'vehicle'),
  $$ values (2, 3, '{"fraud": 1, "misleading": 1}'::jsonb) $$, 'a row has the number of reporters, the highest severity and the categories');
select is((select array_agg(kind) from public.reports_to_review('event')), '{event}', 'the queue is listed for one kind');
select tests.as_owner();
update private.moderation_cases set waiting_since = now() - interval '3 hours' where id = tests.reported('review', :'review');
select tests.as_user(:'support');
select is((select kind from public.reports_to_review(page_size => 1)), 'review', 'the longest waiting comes first');
select is((select kind from public.reports_to_review(after => (select jsonb_build_object('waiting_since', waiting_since, 'id', id) from public.reports_to_review(page_size => 1)), page_size => 100) limit 1) <> 'review', true, 'the next page begins after it');
select tests.as_owner();
select is(private.count_reports_to_review() || ' ' || private.count_reports_to_review_hours() || ' ' || private.count_reports_to_review_severe(), '5 3 4', 'the health counts what waits, for how long, and what is severe');
select tests.reported('message', :'chat', :seq) as message_case, tests.reported('review', :'review') as review_case, tests.reported('vehicle', :'vehicle') as vehicle_case,
  tests.reported('person', :'host') as host_case, tests.reported('event', :'event') as event_case \gset
select tests.as_user(:'support');
select is(public.moderation_case(:'message_case') -> 'reports' -> 0 -> 'shown' ->> 'body', 'Pay me in cash, you fool', 'staff reads the message as it was reported');
select is(public.moderation_case(:'message_case') -> 'reports' -> 0 -> 'shown' -> 'before' -> -1 ->> 'body', 'Good morning', 'staff reads what the reporter had read before it');
select is(public.moderation_case(:'message_case') -> 'shown' -> 'before', '[]', 'staff reads nothing else of the conversation');

-- a change or deletion of what was reported does not undo the report
select tests.as_user(:'host');
select private.edit_message(:'chat', :seq, 'Pay me in the app, my friend') is not null;
select tests.as_user(:'support');
select is(public.moderation_case(:'message_case') -> 'reports' -> 0 -> 'shown' ->> 'body', 'Pay me in cash, you fool', 'a message that was changed stays reported as it was');
select tests.as_owner();
select is(tests.outcome($$ update private.report_evidence set shown = '{}' $$), '42501', 'nobody changes the evidence');

-- claims, and who may not decide --------------------------------------------------------------------------------------
select tests.as_user(:'admin');
select public.claim_review('report', :'vehicle_case') is not null;
select tests.as_user(:'support');
select is(tests.outcome(format($$ select public.decide_reports(%L, false, 'Fine') $$, :'vehicle_case')), 'review_claimed', 'a case that another reviewer has is left alone');
select is(tests.outcome(format($$ select public.restrict_subject('vehicle', %L, 'A fraud') $$, :'vehicle')), 'review_claimed', 'what another reviewer looks at is not taken down');
select tests.as_user(:'admin');
select public.release_review('report', :'vehicle_case');
select tests.as_user(:'support');
select private.create_report('event', :'event', 'fraud', '', null) is not null;
select is(tests.outcome(format($$ select public.decide_reports(%L, true, 'A fraud') $$, :'event_case')), 'forbidden', 'nobody decides what they have reported');
select is(tests.outcome(format($$ select public.restrict_subject('event', %L, 'A fraud') $$, :'event')), 'forbidden', 'nobody takes down what they have reported');
select is(tests.outcome(format($$ select public.restrict_subject('person', %L, 'A fraud') $$, :'host')), 'forbidden', 'support does not suspend a person');

-- a report that was wrong ---------------------------------------------------------------------------------------------
select is(tests.outcome(format($$ select public.decide_reports(%L, false, 'x') $$, :'host_case')), 'invalid_input', 'a decision needs a reason');
select is(tests.outcome(format($$ select public.decide_reports(%L, false, 'Nothing to see', 0) $$, :'host_case')), 'reports_changed', 'a decision that did not see all reports is refused');
select (public.decide_reports(:'host_case', false, 'Nothing to see', 1)).action as dismissed \gset
select is(:'dismissed'::text, 'dismiss', 'staff dismisses the open reports');
select is(tests.outcome(format($$ select public.decide_reports(%L, false, 'Again') $$, :'host_case')), 'illegal_transition', 'what is decided is not decided again');
select is_empty(format($$ select from public.reports_to_review() where id = %L $$, :'host_case'), 'what is decided leaves the queue');
select tests.as_owner();
select is(tests.told(:'renter', 'report_dismissed'), 1, 'the reporter is told that nothing was found');
select is_empty($$ select from public.notifications where template = 'report_dismissed' and data::text like '%Nothing to see%' $$, 'the reason of a dismissal is not told');
select tests.as_user(:'renter');
select is((select status from public.my_reports() where kind = 'person'), 'dismissed', 'the reporter reads how it ended');
select is((private.create_report('person', :'host', 'fraud', 'It goes on', null)).status, 'open', 'who was wrong may report again');
select tests.as_user(:'support');
select is((select decided_before from public.reports_to_review('person')), 1, 'the queue shows that it was reported before');

-- a listing -----------------------------------------------------------------------------------------------------------
select is(tests.outcome(format($$ select public.restrict_subject('vehicle', %L, 'A fraud', until => now() + interval '1 day') $$, :'vehicle')), 'invalid_input', 'only a suspension of a person ends by itself');
select (public.restrict_subject('vehicle', :'vehicle', 'The plate belongs to another car')).id as suspension \gset
select tests.as_owner();
select is((select status from public.vehicles where id = :'vehicle'), 'suspended', 'a listing that was taken down is suspended');
select is((select array_agg(status order by status) from public.reports where case_id = :'vehicle_case'), '{upheld,upheld}', 'all open reports about it are upheld');
select is(tests.told(:'renter', 'report_upheld') || ' ' || tests.told(:'stranger', 'report_upheld'), '1 1', 'each reporter is told');
select is(tests.told(:'host', 'vehicle_suspended'), 1, 'the host is told');
select is((select before from public.moderation_actions where id = :'suspension'), jsonb_build_object('status', 'published', 'revision', (select revision from public.vehicles where id = :'vehicle')), 'the row says what was before');
select is((select actor_id from public.moderation_actions where id = :'suspension'), :'support'::uuid, 'the row says who did it');
select tests.as_user(:'host');
select results_eq('select kind, action, reason, stands from public.my_moderation()', $$ values ('vehicle', 'suspend', 'The plate belongs to another car', true) $$, 'the host reads what happened, and why');
select is_empty('select id from public.moderation_actions', 'the host reads no log of staff');
select tests.as_user(:'support');
select is(tests.outcome(format($$ select public.restrict_subject('vehicle', %L, 'Again a fraud') $$, :'vehicle')), 'subject_restricted', 'what is down is not taken down again');
select (public.restore_subject(:'suspension', 'The host has shown the papers')).undoes as undone \gset
select is(:'undone'::uuid, :'suspension'::uuid, 'a restoring row says what it takes back');
select is(tests.outcome(format($$ select public.restore_subject(%L, 'Once more') $$, :'suspension')), 'action_over', 'an action is taken back once');
select tests.as_owner();
select is((select status from public.vehicles where id = :'vehicle'), 'published', 'a listing that was published is published again');
select tests.as_user(:'host');
select is((select stands || ' ' || (undone_at is not null) from public.my_moderation()), 'false true', 'the host reads that it was taken back');
-- one that was changed while it was suspended
select tests.as_user(:'support');
select (public.review_vehicle(:'vehicle', 'suspend', 'Wrong photos')).status as suspended \gset
select is((select action || ' ' || reason || ' ' || stands from public.moderation_log(page_size => 1)), 'suspend Wrong photos true', 'a suspension by the command of listings is in the same log');
select id as second_suspension from public.moderation_log(page_size => 1) \gset
select tests.as_user(:'host');
select public.update_vehicle(:'vehicle', '{"title": "Another car by now"}') is not null;
select tests.as_user(:'support');
select is(tests.outcome(format($$ select public.restore_subject(%L, 'Looks fine') $$, :'second_suspension')), 'subject_changed', 'what was changed since is not restored unseen');
select tests.outcome_details(format($$ select public.restore_subject(%L, 'Looks fine') $$, :'second_suspension')) ->> 'version' as version \gset
select is((public.restore_subject(:'second_suspension', 'Looks fine', :'version')).action, 'restore', 'it is restored as it is now when staff has looked at that');
-- one that waited for its review
select tests.as_user(:'host');
select public.update_vehicle(:'vehicle', '{"title": "Yet another car"}') is not null;
select tests.as_user(:'support');
select (public.restrict_subject('vehicle', :'vehicle', 'Stolen')).id as third_suspension \gset
select (public.restore_subject(:'third_suspension', 'Not stolen')).id is not null;
select tests.as_owner();
select is((select status from public.vehicles where id = :'vehicle'), 'pending_review', 'a listing that waited for its review waits for it again');
select is(tests.told(:'host', 'vehicle_returned'), 1, 'the host is told that it waits');
update public.vehicles set status = 'published' where id = :'vehicle';
-- by hand, in Studio
select private.set_audit_context(null);
update public.vehicles set status = 'suspended' where id = :'vehicle';
select is((select action || ' ' || coalesce(reason, 'none') from public.moderation_actions order by number desc limit 1), 'suspend none', 'a suspension by hand leaves a row too');
update public.vehicles set status = 'published' where id = :'vehicle';

-- a review ------------------------------------------------------------------------------------------------------------
select tests.as_user(:'support');
select (public.restrict_subject('review', :'review', 'Calls a person a thief')).id as hiding \gset
select tests.as_owner();
select is((select status || ' ' || hidden_reason from public.reviews where id = :'review'), 'hidden Calls a person a thief', 'a review is hidden');
select is(tests.told(:'renter', 'review_hidden_author') || ' ' || tests.told(:'host', 'report_upheld'), '1 1', 'author and reporter are told');
select tests.as_user(:'stranger');
select is(tests.outcome(format($$ select private.create_report('review', %L, 'untrue', '', null) $$, :'review')), 'not_found', 'what is hidden is not reported');
select tests.as_user(:'support');
select public.restore_review(:'review', 'It was true') is not null;
select is((select action from public.moderation_log(page_size => 1)), 'restore', 'a review that the command of reviews restores is in the same log');
select is(tests.outcome(format($$ select public.restore_subject(%L, 'Once more') $$, :'hiding')), 'action_over', 'what another command took back is not taken back again');
select tests.as_owner();
select is((select status from public.reviews where id = :'review'), 'released', 'a review that was public is public again');
-- one that was not public
select tests.as_user(:'support');
select (public.restrict_subject('review', :'waiting_review', 'Insults')).id as hiding \gset
select (public.restore_subject(:'hiding', 'No insult')).id is not null;
select tests.as_owner();
select is((select status from public.reviews where id = :'waiting_review'), 'written', 'a review that waited for the other side waits again');
select is(tests.told(:'renter', 'review_released_subject'), 1, 'restoring a review that waits makes it public to nobody');
select tests.as_user(:'renter');
select is_empty(format($$ select from public.reviews where id = %L $$, :'waiting_review'), 'whom it is about does not read it');

-- a message -----------------------------------------------------------------------------------------------------------
select tests.as_user(:'renter');
select last_change as change from public.my_conversations() where conversation_id = :'chat' \gset
select tests.as_user(:'support');
select (public.restrict_subject('message', :'chat', 'Payment outside the app', :seq)).id as hiding \gset
select tests.as_user(:'renter');
select results_eq(format($$ select body, hidden_at is not null from public.list_message_changes(%L, %s) $$, :'chat', :change), $$ values (null::text, true) $$, 'members are told of the change, and read nothing of a hidden message');
select is((select body from public.messages where conversation_id = :'chat' and seq = :seq), null, 'the table shows nothing of it');
select is(to_jsonb(public.search_messages('friend')), '[]', 'a search does not find it');
select is((select last_text from public.my_conversations() where conversation_id = :'chat'), null, 'the list of conversations does not show it');
select is(tests.outcome(format($$ select private.react(%L, %s, '👍', true) $$, :'chat', :seq)), 'message_not_found', 'nobody reacts to it');
select is(tests.outcome(format($$ select private.create_report('message', %L, 'spam', '', %s) $$, :'chat', :seq)), 'not_found', 'nobody reports it again');
select tests.as_user(:'host');
select is((select body from public.notifications where template = 'message_hidden_sender') like '%Payment outside the app%', true, 'its sender is told the reason');
select is(tests.outcome(format($$ select private.edit_message(%L, %s, 'Better words') $$, :'chat', :seq)), 'message_hidden', 'its sender does not change it');
select tests.as_user(:'support');
select is(public.moderation_case(:'message_case') -> 'shown' ->> 'body', 'Pay me in the app, my friend', 'staff reads what was hidden');
select (public.restore_subject(:'hiding', 'It says the opposite')).id is not null;
select tests.as_user(:'renter');
select results_eq(format($$ select body, mentions, hidden_at from public.list_messages(%L, page_size => 1) $$, :'chat'), format($$ values ('Pay me in the app, my friend', array[%L]::uuid[], null::timestamptz) $$, :'renter'), 'a restored message is what it was');
select is(jsonb_array_length(to_jsonb(public.search_messages('friend'))), 1, 'a search finds it again');
select tests.as_user(:'support');
select (public.restrict_subject('message', :'chat', 'Payment outside the app', :seq)).id as hiding \gset
select tests.as_user(:'host');
select private.delete_message(:'chat', :seq) is not null;
select tests.as_owner();
select is((select count(*)::int from private.hidden_messages), 0, 'a hidden message that its sender deletes is gone for good');
select tests.as_user(:'support');
select is(tests.outcome(format($$ select public.restore_subject(%L, 'Too late') $$, :'hiding')), 'subject_gone', 'what was deleted is not restored');
select is((public.moderation_case(:'message_case') ->> 'is_gone')::boolean, true, 'staff sees that it is gone');
select is(public.moderation_case(:'message_case') -> 'reports' -> 0 -> 'shown' ->> 'body', 'Pay me in cash, you fool', 'the report still says what it was');
select is(tests.outcome(format($$ select public.restrict_subject('message', %L, 'Gone', %s) $$, :'chat', :seq)), 'subject_gone', 'what was deleted is not hidden');

-- an event ------------------------------------------------------------------------------------------------------------
select tests.as_owner();
select tests.make_paid_order(:'renter', :'event') as tickets \gset
select tests.as_user(:'admin');
select (public.restrict_subject('event', :'event', 'There is no such concert')).id as hiding \gset
select tests.as_visitor();
select is_empty(format($$ select from public.events where id = %L $$, :'event'), 'a visitor does not read a hidden event');
select is(tests.outcome(format($$ select public.event_detail(%L) $$, :'event')), 'event_not_found', 'a hidden event has no page');
select is(tests.outcome(format($$ select public.seat_map(%L) $$, :'event')), 'event_not_found', 'a hidden event has no map');
select is(tests.outcome(format($$ select public.event_availability(%L) $$, :'event')), 'event_not_found', 'a hidden event tells nobody what can be had');
select is_empty($$ select * from public.search_events() $$, 'a search does not find it');
select tests.as_user(:'stranger');
select is(tests.outcome(format($$ select private.create_report('event', %L, 'fraud', '', null) $$, :'event')), 'not_found', 'a hidden event is not reported');
select is(tests.outcome(format($$ select public.set_event_favourite(%L, true) $$, :'event')), 'event_not_found', 'a hidden event becomes no favourite');
select is_empty($$ select * from public.trending_events() $$, 'a hidden event is in no list of what people want');
select is(tests.outcome(format($$ select public.create_order(%L, '[{"class_id": "%s", "quantity": 1}]', gen_random_uuid()) $$, :'event', :'class')), 'event_not_on_sale', 'nobody buys tickets of a hidden event');
select tests.as_user(:'renter');
select is(public.event_detail(:'event') ->> 'status', 'published', 'who has a ticket still sees the event, in its state');
select is((select array_agg(distinct status) from public.tickets), '{valid}', 'tickets of it stay valid');
select tests.as_user(:'organizer');
select is(tests.outcome(format($$ select public.event_detail(%L) $$, :'event')), 'ok', 'its team sees it');
select is((select body from public.notifications where template = 'event_hidden_owner') like '%There is no such concert%', true, 'its owner is told the reason');
select tests.as_user(:'admin');
select (public.restore_subject(:'hiding', 'There is one')).id is not null;
select tests.as_visitor();
select is((select count(*)::int from public.search_events()), 1, 'a restored event is found again');
select tests.as_owner();
select is(tests.told(:'organizer', 'event_shown_owner'), 1, 'its owner is told that it is shown');
select is(tests.outcome(format($$ update public.events set hidden_at = now(), published_at = null, status = 'draft' where id = %L $$, :'event')), '23514', 'an event that was never published is not hidden');

-- a person ------------------------------------------------------------------------------------------------------------
select tests.as_user(:'admin');
select (public.restrict_subject('person', :'host', 'Asks for cash', until => now() + interval '7 days')).id as suspension \gset
select is(tests.suspended(:'host'), true, 'an admin suspends a person for a time');
select is((public.restrict_subject('person', :'host', 'Asks for cash again', until => now() + interval '30 days')).before ->> 'reason', 'Asks for cash', 'a suspension is lengthened by another row');
select is(tests.outcome(format($$ select public.restore_subject(%L, 'First one') $$, :'suspension')), 'action_over', 'a suspension that was replaced is not taken back');
select id as suspension from public.moderation_log(page_size => 1) \gset
select tests.as_user(:'support');
select is(tests.outcome(format($$ select public.restore_subject(%L, 'Kindness') $$, :'suspension')), 'forbidden', 'support does not reinstate a person');
select tests.as_user(:'admin');
select (public.restore_subject(:'suspension', 'Has understood')).id is not null;
select is(tests.suspended(:'host'), false, 'an admin takes a suspension back');
select (public.restrict_subject('person', :'host', 'And again', until => now() + interval '1 day')).id as suspension \gset
select tests.as_owner();
-- its time is over; the row of the log is as old
update public.user_suspensions set until = now(), created_at = now() - interval '1 day' where ended_at is null;
select tests.as_user(:'admin');
select is((select stands from public.moderation_log(page_size => 1)), false, 'a suspension whose time is over stands no more, before any job has run');
select is(tests.outcome(format($$ select public.restrict_subject('person', %L, 'Holidays') $$, :'admin')), 'forbidden', 'an admin does not suspend the own account');
select is((select count(*)::int > 3 from public.moderation_log(:'host')), true, 'staff reads everything that concerns one person');

-- upholding without taking down ---------------------------------------------------------------------------------------
select tests.as_user(:'stranger');
select private.create_report('person', :'renter', 'fraud', 'Talks people out of the app', null) is not null;
select tests.as_owner();
select tests.reported('person', :'renter') as renter_case \gset
select tests.as_user(:'support');
select is((public.decide_reports(:'renter_case', true, 'Was warned in the conversation')).action, 'uphold', 'staff upholds a report without taking anything down');
select tests.as_user(:'stranger');
select is((select status from public.my_reports() where kind = 'person'), 'upheld', 'the reporter reads that it was right');

-- what cannot be stored -----------------------------------------------------------------------------------------------
select tests.as_owner();
select is(tests.outcome($$ update public.moderation_actions set reason = 'Another' $$), '42501', 'nobody changes the log');
select is(tests.outcome($$ delete from public.moderation_actions $$), '42501', 'nobody deletes from the log');
select is(tests.outcome($$ delete from public.reports $$), '42501', 'nobody deletes a report');
select is(tests.outcome(format($$ insert into public.moderation_actions (case_id, action, undoes) values (%L, 'hide', %L) $$, :'event_case', :'suspension')), '23514', 'only a restoring row takes another one back');
select is(tests.outcome(format($$ insert into public.reports (case_id, kind, category, reporter_id) values (%1$L, 'person', 'fraud', %2$L), (%1$L, 'person', 'fraud', %2$L) $$, :'renter_case', :'stranger')), '23505', 'two open reports of one person about one subject cannot be stored');
select is(tests.outcome(format($$ update public.reports set status = 'open', action_id = null, decided_at = null where case_id = %L $$, :'renter_case')), 'illegal_transition', 'a decided report is not opened again');
select is(tests.outcome(format($$ insert into private.moderation_cases (kind, subject_id, owner_id, status) values ('person', %1$L, %1$L, 'decided') $$, :'renter')), '23505', 'a subject has one case');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated');

-- too many ------------------------------------------------------------------------------------------------------------
update private.rate_limits set capacity = 2, per_minute = 0.001 where action = 'create_report';
delete from private.rate_buckets;
select tests.as_user(:'organizer');
select private.create_report('person', :'renter', 'fraud', '', null), private.create_report('person', :'host', 'fraud', '', null);
select is(tests.outcome(format($$ select private.create_report('person', %L, 'fraud', '', null) $$, :'stranger')), 'rate_limited', 'who reports too much is asked to wait');

select * from finish();
rollback;

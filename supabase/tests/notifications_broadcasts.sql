-- Notifications, broadcasts: who may send one, whom it reaches, and that everybody gets it once.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_admin('admin') as admin, tests.make_user('host') as host, tests.make_renter('renter') as renter, tests.make_user('reader') as reader, tests.make_user('gone') as gone \gset
select tests.make_vehicle(:'host', '{"city": "Đà Lạt"}') as vehicle \gset
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(30), tests.hours(40)) as booking \gset
update public.profiles set locale = 'vi' where id = :'reader';
update public.profiles set allows_marketing = true where id in (:'reader', :'gone');
select tests.settle();
\set texts '{"vi": {"title": "Bảo trì", "body": "Ứng dụng tạm dừng.", "email_subject": "Bảo trì", "email_body": "Ứng dụng tạm dừng."}, "en": {"title": " Maintenance ", "body": "The app pauses.", "email_subject": "Maintenance", "email_body": "The app pauses."}}'

create function tests.outcome_of_create(p_category text, p_segment jsonb, p_texts jsonb)
returns text
language sql volatile
as $$ select tests.outcome(format('select public.create_broadcast(%L, %L, %L, gen_random_uuid())', p_category, p_segment, p_texts)) $$;
create function tests.reached(p_category text, p_segment jsonb)
returns text
language plpgsql volatile
as $$
declare
  v_id uuid := (public.create_broadcast(p_category, p_segment, '{"vi": {"title": "a", "body": "b"}, "en": {"title": "a", "body": "b"}}', gen_random_uuid())).id;
  v_preview jsonb := public.preview_broadcast(v_id);
begin
  return v_preview ->> 'total' || ' ' || (v_preview ->> 'skipped');
end
$$;

-- who may
select tests.as_user(:'host');
select is(tests.outcome_of_create('service', '{}', :'texts'), 'forbidden', 'a person cannot create a broadcast');
select is((select count(*)::int from public.notification_broadcasts), 0, 'a person sees no broadcast');
select is(tests.outcome($$ select public.work_broadcast(gen_random_uuid()) $$), '42501', 'a person cannot work on one');

-- what is refused
select tests.as_user(:'admin');
select is(tests.outcome_of_create('weather', '{}', :'texts'), 'invalid_input', 'a broadcast is about the service or marketing');
select is(tests.outcome_of_create('service', '{"id": ["x"]}', :'texts'), 'invalid_input', 'a condition that is not known is refused');
select is(tests.outcome_of_create('service', '{"locales": ["vi''); drop table x; --"]}', :'texts'), 'ok', 'what a client sends is a value, whatever it looks like');
select is(tests.outcome_of_create('service', '{"joined_within_days": 0}', :'texts'), 'invalid_input', 'days are whole and not none');
select is(tests.outcome_of_create('service', '{"hosts": false}', :'texts'), 'invalid_input', 'a condition without a value is true or left out');
select is(tests.outcome_of_create('service', '{"hosts_in": []}', :'texts'), 'invalid_input', 'a list of no cities is refused');
select is(tests.outcome_of_create('service', '{}', jsonb_set(:'texts', '{en}', 'null')), 'invalid_input', 'a broadcast needs both languages');
select is(tests.outcome_of_create('service', '{}', jsonb_set(:'texts', '{en,title}', '"\u200b"')), 'invalid_input', 'a title must show something');
select is(tests.outcome_of_create('service', '{}', jsonb_set(:'texts', '{vi,body}', '"Hello {{name}}"')), 'invalid_input', 'nothing is filled into a text, so braces are refused');
select is(tests.outcome_of_create('service', '{}', jsonb_set(:'texts', '{vi,email_body}', 'null')), 'invalid_input', 'a mail has subject and body, or neither');
select is(tests.outcome_of_create('service', '{}', jsonb_set(:'texts', '{vi}', '{"title": "Tin", "body": "Tin"}')), 'invalid_input', 'a mail is in both languages or in none');
select is(tests.outcome($$ select public.start_broadcast(gen_random_uuid()) $$), 'broadcast_not_found', 'a broadcast that does not exist cannot be started');

-- whom it reaches
select tests.as_owner();
create temporary table everybody as select count(*)::int as n, (count(*) filter (where not allows_marketing))::int as unwilling,
  (select count(*) from public.user_roles where role = 'admin') as admins from public.profiles where deleted_at is null;
grant select on everybody to authenticated;
select tests.as_user(:'admin');
select is(tests.reached('service', '{}'), (select n || ' {}' from everybody), 'no condition is everybody');
select is(tests.reached('marketing', '{}'), (select n || ' {"no_consent": ' || unwilling || '}' from everybody), 'marketing skips those who did not allow it, and the preview says how many');
select is(tests.reached('service', '{"hosts_in": ["da lat"], "joined_within_days": 1}'), '1 {}', 'a host is found by the city, whatever its diacritics');
select is(tests.reached('service', '{"rented_in": ["ĐÀ LẠT"], "joined_within_days": 1}'), '1 {}', 'a renter is found by the city of the trip');
select is(tests.reached('service', '{"hosts": true, "renters": true, "hosts_in": ["Da Lat"]}'), '0 {}', 'all conditions must hold');
select is(tests.reached('service', '{"roles": ["admin"]}'), (select admins || ' {}' from everybody), 'staff are found by their role');
select is(tests.reached('service', '{"inactive_for_days": 3650}'), '0 {}', 'nobody has been away that long');

-- a draft, its preview and a test
select id as b from public.create_broadcast('service', '{"joined_within_days": 1}', :'texts', '10000000-0000-4000-8000-000000000001') \gset
select is((select id from public.create_broadcast('service', '{"joined_within_days": 1}', :'texts', '10000000-0000-4000-8000-000000000001')), :'b'::uuid, 'a repeat creates no second draft');
select is(public.preview_broadcast(:'b') #>> '{texts,en,title}', 'Maintenance', 'the preview shows the texts as they are stored');
select public.send_test_broadcast(:'b');
select tests.as_owner();
select is((select array_agg(user_id) from public.notifications where template = 'broadcast_' || :'b'), array[:'admin'::uuid], 'a test goes to the admin alone');
select is(private.work_broadcast(:'b', 10), 'done', 'a draft is not worked on');

-- the work, chunk by chunk
update private.settings set value = '100000' where key = 'broadcast_backlog';
select tests.as_user(:'admin');
select is((select status || ' ' || total from public.start_broadcast(:'b')), 'running ' || (public.preview_broadcast(:'b') ->> 'total'), 'a start counts the people');
select is((select runs from public.start_broadcast(:'b')), 1, 'a second start changes nothing');
select tests.as_owner();
select is((select count(*)::int from private.outbox where topic = 'broadcast' and payload ->> 'broadcast_id' = :'b'), 1, 'the worker is called once');
select total as total from public.notification_broadcasts where id = :'b' \gset
select is(private.work_broadcast(:'b', 2), 'more', 'a chunk is worked on');
select is((select written from public.notification_broadcasts where id = :'b'), 2, 'a chunk tells as many people');
select tests.make_user('late') as late \gset
update public.profiles set created_at = now() + interval '1 second' where id = :'late';
select is(tests.broken_promises(), null, 'no invariant is violated in the middle');
savepoint chunk;
select private.work_broadcast(:'b', 2);
rollback to chunk;
select is((select written from public.notification_broadcasts where id = :'b'), 2, 'a chunk that is lost has told nobody');
update public.profiles set deleted_at = now() where id = :'gone' and id > (select last_user_id from public.notification_broadcasts where id = :'b');
select tests.as_user(:'admin');
select is((select status from public.pause_broadcast(:'b')), 'paused', 'a broadcast can be paused');
select tests.as_owner();
select is(private.work_broadcast(:'b', 2), 'done', 'a paused broadcast is not worked on');
select tests.as_user(:'admin');
select is((select status || runs from public.start_broadcast(:'b')), 'running2', 'a paused broadcast goes on');
select tests.as_owner();
update private.settings set value = '1' where key = 'broadcast_backlog';
select is(private.work_broadcast(:'b', 2), 'wait', 'a broadcast waits while the outbox is full');
update private.settings set value = '100000' where key = 'broadcast_backlog';
do $$ begin while private.work_broadcast((select id from public.notification_broadcasts where status = 'running'), 3) = 'more' loop null; end loop; end $$;
select is((select status from public.notification_broadcasts where id = :'b'), 'completed', 'a broadcast is complete when nobody is left');
select is((select count(*)::int from (select user_id from public.notifications where template = 'broadcast_' || :'b' and dedupe_key like '%:broadcast' group by user_id having count(*) > 1) twice), 0, 'nobody is told twice');
select is((select count(*)::int from public.notifications where template = 'broadcast_' || :'b' and dedupe_key like '%:broadcast'), (select written from public.notification_broadcasts where id = :'b'), 'as many were told as it says');
select is((select count(*)::int from public.notifications where template = 'broadcast_' || :'b' and user_id = :'late'), 0, 'who joined after the start is not told');
select is((select title || ', ' || body from public.notifications where template = 'broadcast_' || :'b' and user_id = :'reader'), 'Bảo trì, Ứng dụng tạm dừng.', 'a person reads it in their language');
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.start_broadcast(%L)', :'b')), 'illegal_transition', 'a complete broadcast cannot be started again');

-- marketing
select id as m from public.create_broadcast('marketing', '{"joined_within_days": 1}', :'texts', gen_random_uuid()) \gset
select public.start_broadcast(:'m');
select tests.as_owner();
insert into public.user_suspensions (user_id, reason) values (:'reader', 'spam');
do $$ begin while private.work_broadcast((select id from public.notification_broadcasts where status = 'running'), 3) = 'more' loop null; end loop; end $$;
select is((select (written + (skipped ->> 'no_consent')::int + (skipped ->> 'suspended')::int = total)::text || ' ' || (skipped ->> 'suspended') from public.notification_broadcasts where id = :'m'),
  'true 1', 'who was told and who was skipped, by reason, are all of the segment');
select is((select count(*)::int from public.notifications n join public.profiles p on p.id = n.user_id where n.template = 'broadcast_' || :'m' and not p.allows_marketing), 0, 'nobody gets marketing who did not allow it');
select tests.as_user(:'admin');
select id as c from public.create_broadcast('service', '{}', :'texts', gen_random_uuid()) \gset
select public.start_broadcast(:'c');
select is((select status from public.cancel_broadcast(:'c')), 'cancelled', 'a broadcast can be cancelled');
select is(tests.outcome(format('select public.start_broadcast(%L)', :'c')), 'illegal_transition', 'a cancelled broadcast stays so');
select tests.as_owner();
select is(private.work_broadcast(:'c', 10), 'done', 'a cancelled broadcast is not worked on');
select is(tests.outcome($$ insert into private.broadcast_conditions values ('tall', 'true', 'p.no_such_column', 'x') $$), '42703', 'a condition that is nonsense cannot be registered');
select is(tests.broken_promises(), null, 'no invariant is violated at the end');

select * from finish();
rollback;

-- Identity: profiles, roles, licences.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_user('person') as person, tests.make_user('other') as other, tests.make_admin('admin') as admin \gset
update private.rate_limits set capacity = 1000, per_minute = 1000;

-- sign-up ------------------------------------------------------------------------------------------------------
insert into auth.users (id, email, raw_user_meta_data) values
  ('00000000-0000-4000-8000-00000000000a', 'plain@example.com', null),
  ('00000000-0000-4000-8000-00000000000b', null, '{"display_name": "   "}'),
  ('00000000-0000-4000-8000-00000000000c', 'long@example.com', jsonb_build_object('display_name', E'\n' || repeat('ă', 300), 'locale', 'xx', 'role', 'admin', 'is_admin', true)),
  ('00000000-0000-4000-8000-00000000000d', '@', '{"display_name": {"a": 1}, "locale": "en"}');
select is((select display_name || ' ' || locale from public.profiles where id = '00000000-0000-4000-8000-00000000000a'), 'Thành viên mới vi', 'the address of a person without a name is not shown');
select is((select display_name from public.profiles where id = '00000000-0000-4000-8000-00000000000b'), 'Thành viên mới', 'a person whose name is blank is called a new member');
select is((select display_name || locale from public.profiles where id = '00000000-0000-4000-8000-00000000000c'), repeat('ă', 80) || 'vi', 'a long name is cut, and control characters and unknown locales are dropped');
select is((select count(*)::int from public.user_roles where user_id = '00000000-0000-4000-8000-00000000000c'), 0, 'nobody can sign up as an admin');
select is((select count(*)::int from private.inboxes where user_id::text like '00000000-0000-4000-8000-00000000000_'), 4, 'everybody who signs up has an inbox');

-- visitor ------------------------------------------------------------------------------------------------------
select tests.as_visitor();
select is(tests.outcome('select * from public.profiles'), '42501', 'a visitor cannot read profiles');
select is((select display_name from public.public_profile(:'person')), 'person', 'a visitor can read what is public of a profile');
select is((select array_agg(k order by k) from public.public_profile(:'person') p, jsonb_object_keys(to_jsonb(p)) k),
  array['avatar_path', 'display_name', 'is_email_verified', 'is_licence_verified', 'is_phone_verified', 'member_since', 'rating_average', 'rating_count', 'response_minutes', 'user_id'], 'a public profile holds these columns and nothing else');

-- user ---------------------------------------------------------------------------------------------------------
select tests.as_user(:'person');
select is((select array_agg(id) from public.profiles), array[:'person'::uuid], 'a person sees the own profile only');
select is(tests.outcome($$ update public.profiles set rating_average = 5 $$), '42501', 'a person cannot set the own rating');
select is(tests.outcome($$ update public.profiles set rating_count = 5 $$), '42501', 'a person cannot set how many ratings there are');
select is(tests.outcome($$ update public.profiles set id = gen_random_uuid() $$), '42501', 'a person cannot change the id of the own profile');
select is(tests.outcome($$ update public.profiles set deleted_at = now() $$), '42501', 'a person cannot mark the own profile as deleted');
select is(tests.outcome($$ insert into public.user_roles values (auth.uid(), 'admin') $$), '42501', 'a person cannot become an admin');
select is(tests.outcome($$ delete from public.profiles $$), '42501', 'a person cannot delete the own profile');
update public.profiles set display_name = 'New name', bio = 'Hello', locale = 'vi', time_zone = 'Europe/Paris';
select is((select display_name from public.profiles), 'New name', 'a person can edit the plain columns of the own profile');
select is(tests.outcome($$ update public.profiles set display_name = '   ' $$), 'invalid_input', 'a name of spaces is refused');
select is(tests.outcome($$ update public.profiles set bio = repeat('x', 1001) $$), '23514', 'a bio of more than 1,000 characters is refused');
select is(tests.outcome($$ update public.profiles set time_zone = 'Mars/Olympus' $$), 'invalid_input', 'a time zone that does not exist is refused');
update public.profiles set time_zone = 'Asia/Saigon';
select is((select time_zone from public.profiles), 'Asia/Ho_Chi_Minh', 'the zone that a Vietnamese browser sends is taken and stored by its present name');
select is(tests.outcome($$ update public.profiles set time_zone = '+07' $$), 'invalid_input', 'a time zone that is only an offset is refused');
select tests.as_owner();
select is((select display_name from public.profiles where id = :'other'), 'other', 'editing the own profile renames nobody else');
select tests.make_media(:'person', 'avatar') as avatar, tests.make_media(:'person', 'licence') as secret, tests.make_media(:'other', 'avatar') as foreign_avatar \gset
select tests.as_user(:'person');
select is(tests.outcome(format('update public.profiles set avatar_media_id = %L', :'secret')), 'media_not_found', 'a licence photo cannot be an avatar');
select isnt(tests.outcome(format('update public.profiles set avatar_media_id = %L', :'foreign_avatar')), 'ok', 'the avatar of somebody else cannot be the own avatar');
select is(tests.outcome(format('update public.profiles set avatar_media_id = %L', :'avatar')), 'ok', 'the own avatar photo can be the avatar');
select tests.as_owner();
select tests.make_media(:'person', 'avatar') as newer \gset
select tests.as_user(:'person');
update public.profiles set avatar_media_id = :'newer';
select is((select status from public.media where id = :'avatar'), 'deleted', 'a replaced avatar is deleted');
select is(tests.outcome(format('update public.profiles set avatar_media_id = %L', :'avatar')), 'media_not_found', 'a deleted avatar cannot be the avatar again');
update public.profiles set avatar_media_id = :'newer', bio = 'Hello again';
select is((select status from public.media where id = :'newer'), 'ready', 'an avatar that stays is not deleted');
update public.profiles set avatar_media_id = null;
select is((select status from public.media where id = :'newer'), 'deleted', 'a removed avatar is deleted');

-- licences -----------------------------------------------------------------------------------------------------
select tests.as_owner();
select tests.make_media(:'person', 'licence') as front, tests.make_media(:'person', 'licence') as back, tests.make_media(:'other', 'licence') as f2, tests.make_media(:'other', 'licence') as b2 \gset
create function tests.submit(p_number text, p_front uuid, p_back uuid, p_classes text default '{B}', p_name text default 'A Person', p_until text default '2030-01-01')
returns text
language sql
as $$ select format('select public.submit_licence(%L, %L, %L, %L, %L, %L, %L, %L)', p_number, p_name, '1990-05-20', p_classes, '2025-03-01', p_front, p_back, p_until) $$;
select tests.as_user(:'person');
select is(tests.outcome(tests.submit('12', :'front', :'back')), 'invalid_input', 'a licence number of two digits is refused');
select is(tests.outcome(tests.submit('123456789', :'front', :'back', '{}')), 'invalid_input', 'a licence without a class is refused');
select is(tests.outcome(tests.submit('123456789', :'front', :'back', '{B,XYZ}')), 'invalid_input', 'a licence of an unknown class is refused');
select is(tests.outcome(tests.submit('123456789', :'front', :'back', p_name => 'x')), 'invalid_input', 'a licence without a full name is refused');
select is(tests.outcome(tests.submit('123456789', :'front', :'back', p_until => '2020-01-01')), 'invalid_input', 'a licence that has run out is refused');
select is(tests.outcome(tests.submit('123456789', :'f2', :'back')), 'media_not_found', 'a licence with a photo of somebody else is refused');
select is(tests.outcome(tests.submit('123456789', :'avatar', :'back')), 'media_not_found', 'a licence with an avatar as its photo is refused');
select is((select number_hash from private.submit_licence('012-345 678', E'A\u200b\r\n Person ', '1990-05-20', '{B}', '2025-03-01', :'front', :'back', '2030-01-01', false)), null, 'submitting a licence does not show the hash of its number');
select is((select number_last4 || status from public.driver_licences), '5678pending', 'a submitted licence waits for review and shows its last four digits');
select is(tests.outcome(tests.submit('999999999', :'front', :'back')), 'illegal_transition', 'a second licence cannot be submitted while one waits');
select is(tests.outcome($$ update public.driver_licences set status = 'verified' $$), '42501', 'a person cannot verify the own licence');
select is(tests.outcome('select reviewed_by from public.driver_licences'), '42501', 'a person cannot read which admin decided on the own licence');
select is(tests.outcome('select number_hash from public.driver_licences'), '42501', 'a person cannot read the hash of the own licence number');
select id as licence from public.driver_licences \gset
select is((select full_name from public.driver_licences), 'A Person', 'the name on a licence is one line without invisible characters');
select is(tests.outcome(format($$ select public.review_licence(%L, 'verify') $$, :'licence')), 'forbidden', 'a person who is no admin cannot review a licence');
select tests.as_user(:'other');
select is((select count(*)::int from public.driver_licences), 0, 'others do not see a licence');
select is(tests.outcome('select * from public.licences_to_review()'), 'forbidden', 'a person who is no admin does not see which licences wait');
select is((select count(*)::int from public.media where purpose = 'licence' and owner_id <> :'other'), 0, 'others do not see the photos of a licence');
select is((select status from private.submit_licence('01 2345-678', 'Another Person', '1990-05-20', '{B}', '2025-03-01', :'f2', :'b2', '2030-01-01', false)), 'pending', 'a person who submits a licence does not learn that somebody else has its number');
select id as second from public.driver_licences \gset

-- admin --------------------------------------------------------------------------------------------------------
select tests.as_user(:'admin');
select ok((select count(*) > 0 from public.driver_licences), 'an admin sees the licences of others');
select is(tests.outcome(format($$ select public.review_licence(%L, 'maybe') $$, :'licence')), 'invalid_input', 'a review that is neither verify nor reject is refused');
select is(tests.outcome(format($$ select public.review_licence(%L, 'reject', ' ') $$, :'licence')), 'invalid_input', 'a rejection of a licence needs a reason');
select is(tests.outcome($$ select public.review_licence(gen_random_uuid(), 'verify') $$), 'not_found', 'a licence that does not exist cannot be reviewed');
select is((select l.same_number from public.licences_to_review() l where l.id = :'licence'), jsonb_build_array(jsonb_build_object('licence_id', :'second', 'user_id', :'other', 'display_name', 'other', 'status', 'pending')), 'an admin sees who else has the number of a licence that waits');
select is((select l.front ->> 'path' from public.licences_to_review() l where l.id = :'licence'), (select path from public.media where id = :'front'), 'an admin sees where the photos of a licence are');
select is((select count(*)::int from public.licences_to_review(page_size => 1) p, public.licences_to_review(jsonb_build_object('waiting_since', p.waiting_since, 'id', p.id)) n where n.id = p.id), 0, 'a page of licences begins after the last row of the page before');
select tests.as_owner();
update public.driver_licences set created_at = now() - interval '30 hours' where id = :'licence';
select is(private.count_licences_to_review_hours(), 30::bigint, 'the health says how many hours the oldest licence has waited');
select is(private.health_facts() ->> 'licences_to_review', (select count(*)::text from public.driver_licences where status = 'pending'), 'the health counts licences that wait for a review');
select tests.as_user(:'admin');
select is((public.review_licence(:'second', 'verify')).status, 'verified', 'an admin can verify the one of two licences with one number');
select is(tests.outcome(format($$ select public.review_licence(%L, 'verify') $$, :'licence')), 'licence_taken', 'one licence number is verified for one person, however it is written');
select is(tests.outcome_details(format($$ select public.review_licence(%L, 'verify') $$, :'licence')) ->> 'licence_id', :'second', 'an admin is told which licence has the number');
select tests.as_owner();
select is(tests.outcome(format($$ update public.driver_licences set status = 'verified', reviewed_at = now() where id = %L $$, :'licence')), '23P01', 'one number cannot be stored as verified for two persons');
select is(tests.outcome(format($$ update public.driver_licences set status = 'rejected', reviewed_at = now(), reason = E' \n' where id = %L $$, :'licence')), '23514', 'a licence that an admin rejects in a table editor without a reason is refused');
select tests.as_user(:'admin');
select is((public.review_licence(:'licence', 'reject', 'blurred')).status, 'rejected', 'an admin can reject a licence');
select is((public.review_licence(:'second', 'reject', 'forged')).status, 'rejected', 'an admin can revoke a licence');
select is(tests.outcome(format($$ select public.review_licence(%L, 'verify') $$, :'licence')), 'illegal_transition', 'a rejected licence cannot be verified');
select tests.as_user(:'person');
select is(tests.outcome(tests.submit('012345678', :'front', :'back')), 'ok', 'a rejected licence can be submitted again');
-- the table editor
select tests.as_owner();
select id as edited from public.driver_licences where user_id = :'person' and status = 'pending' \gset
select is(tests.outcome(format($$ update public.driver_licences set reviewed_at = now() where id = %L $$, :'edited')), '23514', 'a licence that waits has no time of review');
update public.driver_licences set status = 'verified' where id = :'edited';
select is((select reviewed_at is not null and reviewed_by is null from public.driver_licences where id = :'edited'), true, 'a licence that is verified in a table editor is dated');
select is(tests.outcome(format($$ update public.profiles set rating_count = 5 where id = %L $$, :'person')), '23514', 'a count of ratings without their average is refused');
delete from public.user_roles where user_id = :'admin';
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.review_licence(%L, 'verify') $$, :'licence')), 'forbidden', 'an admin whose role is removed cannot review at the next statement');
select * from finish();
rollback;

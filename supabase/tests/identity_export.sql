-- Identity: an export has everything about the person who asks, and nothing that this person may not read.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();
update private.rate_limits set capacity = 1000, per_minute = 1000;
select tests.make_renter('lan') as lan, tests.make_renter('renter') as renter, tests.make_user('host') as host \gset
select lower(email) as lan_email from auth.users where id = :'lan' \gset
select lower(email) as renter_email from auth.users where id = :'renter' \gset
update public.profiles set phone = '+84977123123', phone_verified_at = now() where id = :'renter';
select tests.make_vehicle(:'lan') as own, tests.make_vehicle(:'host') as vehicle \gset
select tests.make_paid_booking(:'renter', :'own', tests.hours(30), tests.hours(31)) as hosted, tests.make_paid_booking(:'lan', :'vehicle', tests.hours(40), tests.hours(41)) as rented \gset
select tests.settle();

-- who may --------------------------------------------------------------------------------------------------------
select tests.as_visitor();
select is(tests.outcome('select public.export_my_data()'), '42501', 'a visitor cannot export anything');
select tests.as_user(:'lan');
select is(tests.outcome('select public.export_my_data()'), 'step_up_required', 'a person cannot export without a step-up');
select tests.as_owner();
select tests.step_up(:'lan');
select tests.as_user(:'lan');
create temporary table export as select public.export_my_data() as e;
select tests.as_owner();

-- what is in it --------------------------------------------------------------------------------------------------
select is((select array_agg(k order by k) from export, jsonb_object_keys(e -> 'tables') k),
  (select array_agg(split_part(relation, '.', 2) order by split_part(relation, '.', 2)) from private.personal_tables
   where treatment <> 'none' and cardinality(export_columns) is distinct from 0), 'every table that may hold something about a person is in an export, but for those that say why not');
select is_empty($$ select relation from private.personal_tables where cardinality(export_columns) = 0 and relation not like 'private.%' and relation <> 'public.payout_batches' $$,
  'no table that people read is left out of an export');
select is((select e ->> 'format' from export), 'journey-export-1', 'an export names its form');
select is((select e #>> '{account,email}' from export), :'lan_email', 'an export has what Auth knows of the person');
select is((select jsonb_agg(b ->> 'id' order by b ->> 'id') from export, jsonb_array_elements(e #> '{tables,bookings}') b),
  (select jsonb_agg(id::text order by id::text) from public.bookings where id in (:'hosted', :'rented')), 'an export has the trips of a person as renter and as host');
select is((select e #>> '{tables,vehicle_locations,0,location,type}' from export), 'Point', 'an export shows a place as GeoJSON');
select is((select jsonb_array_length(e #> '{tables,media}') from export), (select count(*)::int from public.media where owner_id = :'lan'), 'an export names all files of the person');
select is((select count(*)::int from private.domain_events where type = 'profile.exported' and subject_id = :'lan'), 1, 'the log shows that somebody exported');

-- what is not ----------------------------------------------------------------------------------------------------
select ok((select position(:'renter_email' in e::text) = 0 and position('+84977123123' in e::text) = 0 from export), 'an export does not have the addresses of the other party');
select is_empty(
  $$ select t.key, f.key from export, jsonb_each(e -> 'tables') t, jsonb_array_elements(t.value) r, jsonb_object_keys(r) f (key)
     where to_regclass('public.' || t.key) is not null and not has_column_privilege('authenticated', 'public.' || t.key, f.key, 'select') $$,
  'an export shows no column that people do not read');
select is_empty(
  format($$ select t.key, r from export, jsonb_each(e -> 'tables') t, jsonb_array_elements(t.value) r
     where coalesce(r ->> 'user_id', r ->> 'owner_id', r ->> 'payer_id') <> %L $$, :'lan'),
  'an export has no row of somebody else');

-- its pages ------------------------------------------------------------------------------------------------------
insert into public.notifications (user_id, category, template, template_version, locale, title, body, data, dedupe_key)
select :'lan', 'account', 'x', 1, 'en', 'x', 'x', '{}', n::text from generate_series(1, 1500) n;
select tests.as_user(:'lan');
create temporary table pages as select p, public.export_my_data(p) as e from generate_series(0, 2) p;
select tests.as_owner();
select is((select array_agg(jsonb_array_length(e #> '{tables,notifications}') >= 500 order by p) from pages where p < 2), array[true, true], 'a long table comes in pages');
select is((select sum(jsonb_array_length(e #> '{tables,notifications}')) from pages), (select count(*) from public.notifications where user_id = :'lan')::bigint, 'the pages together have every row once');
select is((select array_agg((e -> 'more')::boolean order by p) from pages), array[true, false, false], 'a page says whether there is another one');
select tests.as_user(:'lan');
select is(tests.outcome('select public.export_my_data(-1)'), 'invalid_input', 'a page before the first is refused');
select is(tests.outcome('select public.export_my_data(null)'), 'invalid_input', 'no page is refused');
select tests.as_owner();
update private.rate_limits set capacity = 2, per_minute = 0.001 where action = 'export_my_data';
delete from private.rate_buckets;
select tests.as_user(:'lan');
select is((select array_agg(tests.outcome('select public.export_my_data()')) from generate_series(1, 3)), array['ok', 'ok', 'rate_limited'], 'a person can export a few times only');

select * from finish();
rollback;

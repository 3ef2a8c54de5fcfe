-- Media: tickets, checked bytes, and who may open what.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_user('owner') as owner, tests.make_user('other') as other \gset
update private.rate_limits set capacity = 1000, per_minute = 1000;

select tests.as_visitor();
select is((select count(*)::int from public.media where purpose <> 'avatar' and owner_id in (:'owner', :'other')), 0, 'a visitor sees no upload');
select is(tests.outcome($$ insert into storage.objects (bucket_id, name) values ('avatars', 'x') $$), '42501', 'nor uploads');

select tests.as_user(:'owner');
select is(tests.outcome($$ insert into public.media (owner_id) values (auth.uid()) $$), '42501', 'a ticket is asked for, not written');
select is(tests.outcome(format('select public.request_upload(%L, %L, %s, %L)', p, m, s, h)), e, l)
from (values
  ('video', 'image/png', 10, repeat('a', 64), 'invalid_input', 'an unknown purpose'),
  ('avatar', 'image/gif', 10, repeat('a', 64), 'media_type_refused', 'a kind not taken here'),
  ('avatar', 'image/PNG', 10, repeat('a', 64), 'media_type_refused', 'kinds are lower case'),
  ('avatar', 'image/png', 0, repeat('a', 64), 'invalid_input', 'an empty file'),
  ('avatar', 'image/png', 5242881, repeat('a', 64), 'media_too_large', 'one byte too many'),
  ('avatar', 'image/png', 5242880, repeat('a', 64), 'ok', 'exactly as many as allowed'),
  ('avatar', 'image/png', 10, repeat('A', 64), 'invalid_input', 'a hash in capitals'),
  ('avatar', 'image/png', 10, repeat('a', 63), 'invalid_input', 'a hash too short')
) t (p, m, s, h, e, l);
select id as media, bucket, path, status from public.request_upload('licence', 'image/png', 10, repeat('b', 64)) \gset
select is(:'status'::text, 'reserved', 'a ticket is a reserved row');
select ok(:'path' ~ '^[0-9a-f-]{36}/[0-9a-f-]{36}\.png$', 'with a path that is ours and ASCII');
select is(tests.outcome(format($$ insert into storage.objects (bucket_id, name, metadata) values (%L, %L, '{"contentLength": 10}') $$, :'bucket', :'path' || 'x')), '42501', 'another path is refused');
select is(tests.outcome(format($$ insert into storage.objects (bucket_id, name, metadata) values (%L, %L, '{"contentLength": 10}') $$, 'avatars', :'path')), '42501', 'another bucket too');
select is(tests.outcome(format('insert into storage.objects (bucket_id, name, metadata) values (%L, %L, %L)', :'bucket', :'path', m)), '42501', 'an upload of another size than announced is refused: ' || coalesce(m, 'unknown'))
from (values ('{"contentLength": 11}'), ('{"size": 10}'), (null)) t (m);
select tests.as_user(:'other');
select is(tests.outcome(format($$ insert into storage.objects (bucket_id, name, metadata) values (%L, %L, '{"contentLength": 10}') $$, :'bucket', :'path')), '42501', 'another person''s ticket too');
select tests.as_user(:'owner');
select is(tests.outcome(format($$ insert into storage.objects (bucket_id, name, metadata) values (%L, %L, '{"contentLength": 10}') $$, :'bucket', :'path')), 'ok', 'the ticket''s own is taken');
with changed as (update storage.objects set metadata = '{}' where name = :'path' returning 1)
select is((select count(*)::int from changed), 0, 'and never replaced');
select is((select count(*)::int from storage.objects where name = :'path'), 1, 'its owner sees it');
select tests.as_user(:'other');
select is((select count(*)::int from storage.objects where name = :'path'), 0, 'others do not');
select is(tests.outcome(format($$ select public.complete_media(%L, 'a/b', 'image/png', 10, %L) $$, :'media', repeat('b', 64))), '42501', 'nobody vouches for the own bytes');

select tests.as_service();
select is(tests.outcome(format('select public.media_to_check(%L, %L)', :'media', :'other')), 'media_not_found', 'a check is for the owner''s ticket');
select is(tests.outcome(format($$ select public.complete_media(%L, 'a/b', 'image/jpeg', 10, %L) $$, :'media', repeat('b', 64))), 'media_mismatch', 'another kind than announced');
select is(tests.outcome(format($$ select public.complete_media(%L, 'a/b', 'image/png', 11, %L) $$, :'media', repeat('b', 64))), 'media_mismatch', 'another size');
select is(tests.outcome(format($$ select public.complete_media(%L, 'a/b', 'image/png', 10, %L) $$, :'media', repeat('c', 64))), 'media_mismatch', 'other bytes');
select is(tests.outcome(format($$ select public.complete_media(%L, null, null, null, null) $$, :'media')), 'media_mismatch', 'nothing found');
select is(tests.outcome(format($$ select public.complete_media(%L, 'a/b', 'image/png', 10, %L) $$, :'media', repeat('b', 64))), '23514', 'the bytes of one person do not become ready among those of another');
select is((public.complete_media(:'media', :'owner' || '/checked.png', 'image/png', 10, repeat('b', 64))).status, 'ready', 'bytes that are what was announced are ready');
select is((public.complete_media(:'media', :'owner' || '/other.png', 'image/png', 10, repeat('b', 64))).path, :'owner' || '/checked.png', 'an upload that is ready stays where it is');
select tests.as_owner();
insert into storage.objects (bucket_id, name) values (:'bucket', :'owner' || '/checked.png');
select tests.as_user(:'other');
select is((select count(*)::int from storage.objects where name = :'owner' || '/checked.png'), 0, 'a ready licence is still its owner''s alone');
select is((select count(*)::int from public.media where id = :'media'), 0, 'row included');
select tests.as_user(:'owner');
select is((select count(*)::int from storage.objects where name = :'owner' || '/checked.png'), 1, 'its owner sees the checked file');
select is((select count(*)::int from storage.objects where name = :'path'), 0, 'nobody sees what lies at the path of a used ticket');
select is(tests.outcome(format($$ insert into storage.objects (bucket_id, name, metadata) values (%L, %L, '{"contentLength": 10}') $$, :'bucket', :'path')), '42501', 'a used ticket takes nothing more');
select id as stale from public.request_upload('avatar', 'image/png', 10, repeat('d', 64)) \gset
select tests.as_owner();
update public.media set expires_at = now() where id = :'stale';
select tests.as_user(:'owner');
select is(tests.outcome((select format($$ insert into storage.objects (bucket_id, name, metadata) values (%L, %L, '{"contentLength": 10}') $$, m.bucket, m.path) from public.media m where id = :'stale')), '42501', 'a stale ticket takes nothing');
select tests.as_service();
select is(tests.outcome(format($$ select public.complete_media(%L, 'a/b', 'image/png', 10, %L) $$, :'stale', repeat('d', 64))), 'media_not_found', 'nor becomes ready');

select tests.as_owner();
select tests.make_media(:'owner', 'avatar') as avatar, tests.make_media(:'owner', 'vehicle_image') as unshown, tests.make_vehicle(:'owner') as vehicle \gset
select tests.as_visitor();
select is((select count(*)::int from storage.objects o join public.media m on m.path = o.name where m.id = :'avatar'), 1, 'a face is for everybody');
select is((select count(*)::int from public.media where id = :'unshown'), 0, 'a photo shown nowhere is not');
select is((select count(*)::int from storage.objects o join public.vehicle_images i on true join public.media m on m.id = i.media_id and m.path = o.name where i.vehicle_id = :'vehicle'), 1, 'one of a published listing is');
select tests.as_owner();
update public.vehicles set status = 'suspended' where id = :'vehicle';
select tests.as_visitor();
select is((select count(*)::int from public.vehicle_images where vehicle_id = :'vehicle'), 0, 'a suspended listing hides its photos');
select is((select count(*)::int from public.media where owner_id = :'owner' and purpose = 'vehicle_image'), 0, 'files included');
select tests.as_owner();
update private.media_purposes set per_day = 3 where purpose = 'inspection';
select tests.as_user(:'owner');
select is(tests.outcome(format('select public.request_upload(%L, %L, 10, %L)', 'inspection', 'image/png', repeat('a', 64))), case when n <= 3 then 'ok' else 'media_quota_exceeded' end, 'upload ' || n || ' of 3 a day')
from generate_series(1, 4) n;

select * from finish();
rollback;

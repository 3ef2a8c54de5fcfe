-- Media: tickets, checked bytes, and who may open what.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

-- How many files of this name Storage finds for an operation.
create function tests.finds(p_operation text, p_name text)
returns int
language plpgsql volatile
as $$
begin
  perform set_config('storage.operation', p_operation, true);
  return (select count(*) from storage.objects where name = p_name);
end
$$;

select tests.make_user('owner') as owner, tests.make_user('other') as other \gset
update private.rate_limits set capacity = 1000, per_minute = 1000;

select tests.as_visitor();
select is((select count(*)::int from public.media where purpose <> 'avatar' and owner_id in (:'owner', :'other')), 0, 'a visitor sees no upload of others');
select is(tests.outcome($$ insert into storage.objects (bucket_id, name) values ('avatars', 'x') $$), '42501', 'a visitor cannot upload');

select tests.as_user(:'owner');
select is(tests.outcome($$ insert into public.media (owner_id) values (auth.uid()) $$), '42501', 'a person cannot write an upload ticket by hand');
select is(tests.outcome(format('select public.request_upload(%L, %L, %s, %L)', p, m, s, h)), e, l)
from (values
  ('video', 'image/png', 10, repeat('a', 64), 'invalid_input', 'an upload for an unknown purpose is refused'),
  ('avatar', 'image/gif', 10, repeat('a', 64), 'media_type_refused', 'an upload of a kind that the purpose does not take is refused'),
  ('avatar', 'image/PNG', 10, repeat('a', 64), 'media_type_refused', 'a kind of file in capitals is refused'),
  ('avatar', 'image/png', 0, repeat('a', 64), 'invalid_input', 'an upload of an empty file is refused'),
  ('avatar', 'image/png', 5242881, repeat('a', 64), 'media_too_large', 'an upload of one byte too many is refused'),
  ('avatar', 'image/png', 5242880, repeat('a', 64), 'ok', 'an upload of exactly the allowed size is accepted'),
  ('avatar', 'image/png', 10, repeat('A', 64), 'invalid_input', 'an upload with a hash in capitals is refused'),
  ('avatar', 'image/png', 10, repeat('a', 63), 'invalid_input', 'an upload with a short hash is refused')
) t (p, m, s, h, e, l);
select id as media, bucket, path, status from private.request_upload('licence', 'image/png', 10, repeat('b', 64)) \gset
select is(:'status'::text, 'reserved', 'a ticket is a row in state reserved');
select ok(:'path' ~ '^[0-9a-f-]{36}/[0-9a-f-]{36}\.png$', 'the path of a ticket is made by the server, in ASCII');
select is(tests.outcome(format($$ insert into storage.objects (bucket_id, name, metadata) values (%L, %L, '{"contentLength": 10}') $$, :'bucket', :'path' || 'x')), '42501', 'bytes at another path than the ticket''s are refused');
select is(tests.outcome(format($$ insert into storage.objects (bucket_id, name, metadata) values (%L, %L, '{"contentLength": 10}') $$, 'avatars', :'path')), '42501', 'bytes in another bucket than the ticket''s are refused');
select is(tests.outcome(format('insert into storage.objects (bucket_id, name, metadata) values (%L, %L, %L)', :'bucket', :'path', m)), '42501', 'an upload of another size than announced is refused: ' || coalesce(m, 'unknown'))
from (values ('{"contentLength": 11}'), ('{"size": 10}'), (null)) t (m);
select tests.as_user(:'other');
select is(tests.outcome(format($$ insert into storage.objects (bucket_id, name, metadata) values (%L, %L, '{"contentLength": 10}') $$, :'bucket', :'path')), '42501', 'bytes for the ticket of another person are refused');
select tests.as_user(:'owner');
select is(tests.outcome(format($$ insert into storage.objects (bucket_id, name, metadata) values (%L, %L, '{"contentLength": 10}') $$, :'bucket', :'path')), 'ok', 'bytes at the path of the ticket are accepted');
select is((select count(*)::int from storage.buckets), 0, 'a person sees no bucket, and so can neither list nor empty one');
with changed as (update storage.objects set metadata = '{}' where name = :'path' returning 1)
select is((select count(*)::int from changed), 0, 'stored bytes cannot be replaced');
select is((select count(*)::int from storage.objects where name = :'path'), 1, 'the owner sees the stored file');
select is_empty($$
  select tablename, policyname from pg_policies
  where schemaname = 'storage' and cmd not in ('SELECT', 'INSERT') or schemaname = 'storage' and tablename = 'buckets'
$$, 'no policy lets a client change or delete a stored file, or reach a bucket');
select tests.as_user(:'other');
select is((select count(*)::int from storage.objects where name = :'path'), 0, 'others do not see the stored file');
select is(tests.outcome(format($$ select public.complete_media(%L, 'a/b', 'image/png', 10, %L) $$, :'media', repeat('b', 64))), '42501', 'the owner cannot complete the own upload');

select tests.as_service();
select is(tests.outcome(format('select public.media_to_check(%L, %L)', :'media', :'other')), 'media_not_found', 'an upload cannot be checked in the name of another person');
select is(tests.outcome(format($$ select public.complete_media(%L, 'a/b', 'image/jpeg', 10, %L) $$, :'media', repeat('b', 64))), 'media_mismatch', 'an upload of another kind than announced is refused');
select is(tests.outcome(format($$ select public.complete_media(%L, 'a/b', 'image/png', 11, %L) $$, :'media', repeat('b', 64))), 'media_mismatch', 'an upload of another size than announced is refused');
select is(tests.outcome(format($$ select public.complete_media(%L, 'a/b', 'image/png', 10, %L) $$, :'media', repeat('c', 64))), 'media_mismatch', 'an upload of other bytes than announced is refused');
select is(tests.outcome(format($$ select public.complete_media(%L, null, null, null, null) $$, :'media')), 'media_mismatch', 'an upload without any bytes is refused');
select is(tests.outcome(format($$ select public.complete_media(%L, 'a/b', 'image/png', 10, %L) $$, :'media', repeat('b', 64))), '23514', 'the bytes of one person do not become ready among those of another');
select is((public.complete_media(:'media', :'owner' || '/checked.png', 'image/png', 10, repeat('b', 64))).status, 'ready', 'bytes that are what was announced are ready');
select is((public.complete_media(:'media', :'owner' || '/other.png', 'image/png', 10, repeat('b', 64))).path, :'owner' || '/checked.png', 'an upload that is ready stays where it is');
select tests.as_owner();
insert into storage.objects (bucket_id, name) values (:'bucket', :'owner' || '/checked.png');
select tests.as_user(:'other');
select is((select count(*)::int from storage.objects where name = :'owner' || '/checked.png'), 0, 'others do not see the file of a ready licence');
select is((select count(*)::int from public.media where id = :'media'), 0, 'others do not see the row of a ready licence');
select tests.as_user(:'owner');
select is((select count(*)::int from storage.objects where name = :'owner' || '/checked.png'), 1, 'its owner sees the checked file');
select is((select count(*)::int from storage.objects where name = :'path'), 0, 'nobody sees what lies at the path of a used ticket');
select is(tests.outcome(format($$ insert into storage.objects (bucket_id, name, metadata) values (%L, %L, '{"contentLength": 10}') $$, :'bucket', :'path')), '42501', 'a used ticket takes no more bytes');
select id as stale from private.request_upload('avatar', 'image/png', 10, repeat('d', 64)) \gset
select tests.as_owner();
update public.media set expires_at = now() where id = :'stale';
select tests.as_user(:'owner');
select is(tests.outcome((select format($$ insert into storage.objects (bucket_id, name, metadata) values (%L, %L, '{"contentLength": 10}') $$, m.bucket, m.path) from public.media m where id = :'stale')), '42501', 'an expired ticket takes no bytes');
select tests.as_service();
select is(tests.outcome(format($$ select public.complete_media(%L, 'a/b', 'image/png', 10, %L) $$, :'stale', repeat('d', 64))), 'media_not_found', 'an expired ticket cannot be completed');

select tests.as_owner();
select tests.make_media(:'owner', 'avatar') as avatar, tests.make_media(:'owner', 'vehicle_image') as unshown, tests.make_vehicle(:'owner') as vehicle \gset
select path as avatar_path from public.media where id = :'avatar' \gset
select tests.as_visitor();
select is((select count(*)::int from public.media where purpose = 'avatar'), 0, 'a visitor cannot list avatars');
select is((select count(*)::int from storage.objects where bucket_id = 'avatars'), 0, 'a visitor cannot list the files of avatars');
select is(tests.finds(o, :'avatar_path'), n, 'the operation ' || o || case n when 1 then ' finds' else ' does not find' end || ' an avatar')
from (values
  ('storage.object.sign', 1), ('storage.object.sign_many', 1), ('storage.object.get_authenticated', 1), ('object.get_authenticated_info', 1), ('object.head_authenticated_info', 1),
  ('storage.object.list', 0), ('storage.object.list_v2', 0), ('storage.s3.object.list', 0), ('storage.object.copy', 0), ('', 0)
) t (o, n);
select is((select count(*)::int from public.media where id = :'unshown'), 0, 'a visitor does not see a photo that no listing shows');
select is((select count(*)::int from storage.objects o join public.vehicle_images i on true join public.media m on m.id = i.media_id and m.path = o.name where i.vehicle_id = :'vehicle'), 1, 'a visitor sees the photos of a published listing');
select tests.as_owner();
update public.vehicles set status = 'suspended' where id = :'vehicle';
select tests.as_visitor();
select is((select count(*)::int from public.vehicle_images where vehicle_id = :'vehicle'), 0, 'a visitor does not see which photos a suspended listing has');
select is((select count(*)::int from public.media where owner_id = :'owner' and purpose = 'vehicle_image'), 0, 'a visitor does not see the photo files of a suspended listing');
select tests.as_owner();
update private.media_purposes set per_day = 3 where purpose = 'inspection';
select tests.as_user(:'owner');
select is(tests.outcome(format('select public.request_upload(%L, %L, 10, %L)', 'inspection', 'image/png', repeat('a', 64))), case when n <= 3 then 'ok' else 'media_quota_exceeded' end, 'upload ' || n || ' is judged by a limit of 3 a day')
from generate_series(1, 4) n;

select * from finish();
rollback;

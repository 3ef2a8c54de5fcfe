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
  ('avatar', 'image/jpg', 10, repeat('a', 64), 'ok', 'a JPEG is announced by its other name, too'),
  ('evidence_image', 'image/heif', 10, repeat('a', 64), 'ok', 'a HEIC picture is announced by its other name, too'),
  ('chat_image', 'video/mp4', 10, repeat('a', 64), 'media_type_refused', 'a film is no picture for a chat'),
  ('evidence_image', 'image/jpeg', 20971521, repeat('a', 64), 'media_too_large', 'evidence has a cap of its own'),
  ('avatar', 'image/PNG', 10, repeat('a', 64), 'media_type_refused', 'a kind of file in capitals is refused'),
  ('avatar', 'image/png', 0, repeat('a', 64), 'invalid_input', 'an upload of an empty file is refused'),
  ('avatar', 'image/png', 5242881, repeat('a', 64), 'media_too_large', 'an upload of one byte too many is refused'),
  ('avatar', 'image/png', 5242880, repeat('a', 64), 'ok', 'an upload of exactly the allowed size is accepted'),
  ('avatar', 'image/png', 10, repeat('A', 64), 'invalid_input', 'an upload with a hash in capitals is refused'),
  ('avatar', 'image/png', 10, repeat('a', 63), 'invalid_input', 'an upload with a short hash is refused')
) t (p, m, s, h, e, l);
select is((private.request_upload('avatar', 'image/jpg', 10, repeat('a', 64))).mime_type, 'image/jpeg', 'a ticket says by which type the bytes are stored');
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
select is(tests.outcome(format($$ select public.complete_media(%L, 'a/b', 'image/png', 10, %L, 40, 30) $$, :'media', repeat('b', 64))), '42501', 'the owner cannot complete the own upload');

select tests.as_service();
select is(tests.outcome(format('select public.media_to_check(%L, %L)', :'media', :'other')), 'media_not_found', 'an upload cannot be checked in the name of another person');
select is(tests.outcome(format($$ select public.complete_media(%L, 'a/b', 'image/jpeg', 10, %L, 40, 30) $$, :'media', repeat('b', 64))), 'media_mismatch', 'an upload of another kind than announced is refused');
select is(tests.outcome(format($$ select public.complete_media(%L, 'a/b', 'image/png', 11, %L, 40, 30) $$, :'media', repeat('b', 64))), 'media_mismatch', 'an upload of another size than announced is refused');
select is(tests.outcome(format($$ select public.complete_media(%L, 'a/b', 'image/png', 10, %L, 40, 30) $$, :'media', repeat('c', 64))), 'media_mismatch', 'an upload of other bytes than announced is refused');
select is(tests.outcome(format($$ select public.complete_media(%L, null, null, null, null, null, null) $$, :'media')), 'media_mismatch', 'an upload without any bytes is refused');
select is(tests.outcome(format($$ select public.complete_media(%L, 'a/b', 'image/png', 10, %L, 40, 30) $$, :'media', repeat('b', 64))), '23514', 'the bytes of one person do not become ready among those of another');
select is(tests.outcome_details(format($$ select public.complete_media(%L, %L, 'image/png', 10, %L, 10000, 5001) $$, :'media', :'owner' || '/checked.png', repeat('b', 64))) - 'found', '{"code": "media_too_many_pixels", "max_megapixels": 50}'::jsonb, 'a picture of more pixels than its purpose takes is refused');
select is(tests.outcome(format($$ select public.complete_media(%L, %L, 'image/png', 10, %L, null, null) $$, :'media', :'owner' || '/checked.png', repeat('b', 64))), 'media_too_many_pixels', 'a picture of unknown size is refused');
select is((public.complete_media(:'media', :'owner' || '/checked.png', 'image/png', 10, repeat('b', 64), 40, 30)).status, 'processing', 'bytes that are what was announced are processed');
select is((public.complete_media(:'media', :'owner' || '/other.png', 'image/png', 10, repeat('b', 64), 40, 30)).path, :'owner' || '/checked/large.jpeg', 'an upload that was taken stays where it is');
select is((select count(*)::int from public.lease_outbox(10, 60)), 0, 'the function outbox gets no job of the media worker');
select is((select payload ->> 'media_id' from public.lease_outbox(10, 60, 'media') where topic = 'derive_media'), :'media', 'the media worker gets the job that makes its pictures');
select tests.as_owner();
insert into storage.objects (bucket_id, name, created_at, updated_at)
select b, :'owner' || n, now() - interval '2 hours', now() - interval '2 hours'
from (values ('originals', '/checked.png'), (:'bucket', '/checked/large.jpeg'), (:'bucket', '/checked/thumbnail.webp')) t (b, n);
select tests.as_user(:'owner');
select is((select count(*)::int from storage.objects where name like :'owner' || '/checked/%'), 0, 'nobody sees a file of a picture that is not ready');
select tests.as_service();
select is(public.picture_to_derive(:'media') ->> 'stem', :'owner' || '/checked', 'the worker stores what it makes beside each other');
select is(tests.outcome(format('select public.record_derivatives(%L, %L)', :'media', '[{"size": "thumbnail", "format": "webp", "path": "x", "width": 1, "height": 1, "byte_size": 1}]')), 'invalid_input', 'a set without a large picture makes nothing ready');
select is((public.record_derivatives(:'media', jsonb_build_array(
  jsonb_build_object('size', 'large', 'format', 'jpeg', 'path', :'owner' || '/checked/large.jpeg', 'width', 40, 'height', 30, 'byte_size', 9),
  jsonb_build_object('size', 'thumbnail', 'format', 'webp', 'path', :'owner' || '/checked/thumbnail.webp', 'width', 40, 'height', 30, 'byte_size', 5)
), '{"captured_local": "2026-11-20T08:00:00"}')).status, 'ready', 'an upload is ready with all its sizes');
select is(tests.outcome(format('select public.refuse_picture(%L, %L)', :'media', 'rate_limited')), 'invalid_input', 'a picture is refused for a reason of its own only');
select public.refuse_picture(:'media', 'media_unreadable');
select tests.as_owner();
select is((select status from public.media where id = :'media'), 'ready', 'a picture that is shown is not refused afterwards');
select is((select count(*)::int from private.media_facts where media_id = :'media'), 0, 'what the camera wrote is kept only where the purpose says so');
select tests.as_user(:'other');
select is((select count(*)::int from storage.objects where name like :'owner' || '/checked%'), 0, 'others do not see the files of a ready licence');
select is((select count(*)::int from public.media_derivatives where media_id = :'media'), 0, 'others do not see which files a licence has');
select is((select count(*)::int from public.media where id = :'media'), 0, 'others do not see the row of a ready licence');
select tests.as_user(:'owner');
select set_eq(format('select name from storage.objects where name like %L', :'owner' || '/checked%'), array[:'owner' || '/checked/large.jpeg', :'owner' || '/checked/thumbnail.webp'], 'its owner sees what is made of the upload, and never the original');
select is((select count(*)::int from storage.objects where name = :'path'), 0, 'nobody sees what lies at the path of a used ticket');
select is(tests.outcome(format($$ insert into storage.objects (bucket_id, name, metadata) values (%L, %L, '{"contentLength": 10}') $$, :'bucket', :'path')), '42501', 'a used ticket takes no more bytes');
select id as broken from private.request_upload('avatar', 'image/png', 10, repeat('e', 64)) \gset
select tests.as_service();
select is((public.complete_media(:'broken', :'owner' || '/' || :'broken' || '.png', 'image/png', 10, repeat('e', 64), 40, 30)).status, 'processing', 'another upload is processed');
select tests.as_owner();
insert into storage.objects (bucket_id, name) values ('originals', :'owner' || '/' || :'broken' || '.png');
select lives_ok(format('select private.require_media(%L, %L, %L)', :'broken', :'owner', 'avatar'), 'an upload can be attached while its pictures are made');
select tests.as_service();
select public.refuse_picture(:'broken', 'media_unreadable');
select is(tests.outcome(format('select public.media_to_check(%L, %L)', :'broken', :'owner')), 'media_unreadable', 'its owner learns why an upload was refused');
select is(public.picture_to_derive(:'broken'), null, 'nothing is made of a refused upload');
select is(tests.outcome(format('select public.forget_media(%L)', :'broken')), 'media_not_ready', 'a refused upload is not forgotten while its bytes are there');
select results_eq(format('select * from public.media_objects(%L)', :'broken'), format('values (%L, %L)', 'originals', :'owner' || '/' || :'broken' || '.png'), 'the worker learns which files of it are to be removed');
select is((select count(*)::int from public.media_objects(:'media')), 0, 'no file of a picture that is shown is to be removed');
select tests.as_owner();
select is(tests.outcome(format('select private.require_media(%L, %L, %L)', :'broken', :'owner', 'avatar')), 'media_not_found', 'a refused upload cannot be attached');
select is((select count(*)::int from private.outbox where topic = 'erase_media' and dedupe_key = :'broken'), 1, 'a refused upload is erased');
set local storage.allow_delete_query = 'true';
delete from storage.objects where name like :'owner' || '/' || :'broken' || '%';
set local storage.allow_delete_query = 'false';
select tests.as_service();
select public.forget_media(:'broken');
select tests.as_owner();
select is((select count(*)::int from private.media_originals where media_id = :'broken'), 0, 'a refused upload without files is forgotten');
select tests.as_user(:'owner');
select id as stale from private.request_upload('avatar', 'image/png', 10, repeat('d', 64)) \gset
select tests.as_owner();
update public.media set expires_at = now() where id = :'stale';
select tests.as_user(:'owner');
select is(tests.outcome((select format($$ insert into storage.objects (bucket_id, name, metadata) values (%L, %L, '{"contentLength": 10}') $$, m.bucket, m.path) from public.media m where id = :'stale')), '42501', 'an expired ticket takes no bytes');
select tests.as_service();
select is(tests.outcome(format($$ select public.complete_media(%L, 'a/b', 'image/png', 10, %L, 40, 30) $$, :'stale', repeat('d', 64))), 'media_not_found', 'an expired ticket cannot be completed');

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


-- what is left over
select tests.as_owner();
insert into storage.objects (bucket_id, name, created_at, updated_at)
select b, n, now() - interval '2 hours', now() - interval '2 hours'
from (values ('originals', 'x/nobody.jpeg'), ('licences', :'owner' || '/checked/nobody.webp')) t (b, n);
select tests.as_service();
select set_eq('select path from public.media_orphans()', array['x/nobody.jpeg', :'owner' || '/checked/nobody.webp'], 'only files that no upload names are left over');
select tests.as_owner();
select set_eq('select private.lost_pictures()', array[]::uuid[], 'no picture is lost while its files are there');
set local storage.allow_delete_query = 'true';
delete from storage.objects where name = :'owner' || '/checked/thumbnail.webp';
set local storage.allow_delete_query = 'false';
select set_eq('select private.lost_pictures()', array[:'media']::uuid[], 'a picture whose file is gone is lost');
update private.outbox set status = 'done', lease_token = null, leased_until = null where topic = 'derive_media' and dedupe_key = :'media';
select private.tidy_media();
select is((select status from private.outbox where topic = 'derive_media' and dedupe_key = :'media'), 'pending', 'a lost picture is made again');
select is((select count(*)::int from private.outbox where topic = 'sweep_media'), 1, 'the daily job has the rest swept');
select private.delete_media(:'media');
select set_eq(format('select path from public.media_objects(%L)', :'media'), array[:'path', :'owner' || '/checked.png', :'owner' || '/checked/large.jpeg'], 'every file of a deleted picture is to be removed: what lies at its ticket, its original and what was made of it');

select * from finish();
rollback;

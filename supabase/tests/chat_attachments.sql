-- Chat: files of messages and pictures of groups: who opens them, and what is left of them.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();
update private.rate_limits set capacity = 1000, per_minute = 1000;

select tests.make_user('sender') as sender, tests.make_user('reader') as reader, tests.make_user('leaver') as leaver, tests.make_user('removed') as removed,
       tests.make_user('invited') as invited, tests.make_user('declined') as declined, tests.make_user('blocked') as blocked, tests.make_user('stranger') as stranger,
       tests.make_admin('admin') as admin \gset
select tests.make_media(:'sender', 'chat_image') as photo, tests.make_media(:'sender', 'chat_video') as film, tests.make_media(:'sender', 'chat_document') as paper,
       tests.make_media(:'sender', 'chat_image') as unsent, tests.make_media(:'sender', 'avatar') as face, tests.make_media(:'reader', 'chat_image') as foreign_photo \gset
insert into public.media_derivatives (media_id, size, format, bucket, path, width, height, byte_size)
select id, 'thumbnail', 'webp', bucket, path || '.thumbnail', 320, 200, 1 from public.media where id = :'photo';
insert into storage.objects (bucket_id, name) select bucket, path || '.thumbnail' from public.media where id = :'photo';

-- [{media_id, file_name}] of these uploads
create function pg_temp.files(variadic p_media uuid[]) returns jsonb language sql
  return (select jsonb_agg(jsonb_build_object('media_id', m, 'file_name', 'C:\Ảnh\tệp ' || n || '.jpg') order by n) from unnest(p_media) with ordinality x (m, n));
create function pg_temp.send(p_conversation uuid, p_body text, p_files jsonb default '[]', p_key uuid default gen_random_uuid()) returns bigint language sql
  return (private.send_message(p_conversation, p_body, p_key, p_attachments => p_files)).seq;
-- how much of an upload the reader opens: rows of it, of its sizes, and files in Storage by the path that the reader names
create function pg_temp.opens(p_media uuid, p_path text) returns text language sql as $$
  select concat_ws(' ', (select count(*) from public.media where id = p_media), (select count(*) from public.media_derivatives where media_id = p_media),
    (select count(*) from storage.objects where starts_with(name, p_path))) $$;
create function pg_temp.path(p_media uuid) returns text language sql security definer as $$ select path from public.media where id = p_media $$;
grant execute on all functions in schema pg_temp to authenticated;
select pg_temp.path(:'photo') as path \gset

-- what may be sent
select tests.as_user(:'sender');
select (private.create_group('Trip', array[:'reader', :'leaver', :'removed', :'invited', :'declined', :'blocked']::uuid[], gen_random_uuid())).id as crew \gset
select pg_temp.send(:'crew', 'Nobody has joined yet') \gset
select tests.as_user(u) is null, public.answer_request(:'crew', true) from unnest(array[:'reader', :'leaver', :'removed', :'blocked']::uuid[]) u;
select tests.as_user(:'declined');
select public.answer_request(:'crew', false);
select tests.as_user(:'sender');
select is(tests.outcome(format('select pg_temp.send(%L, %L, %L)', :'crew', 'x', a)), e, l)
from (values
  (pg_temp.files(:'face'), 'media_not_found', 'an upload meant as something else is not sent'),
  (pg_temp.files(:'foreign_photo'), 'media_not_found', 'an upload of another person is not sent'),
  (pg_temp.files(gen_random_uuid()), 'media_not_found', 'an upload that is not there is not sent'),
  (pg_temp.files(:'photo', :'photo'), 'invalid_input', 'one upload is not twice in a message'),
  ((select jsonb_agg(jsonb_build_object('media_id', gen_random_uuid())) from generate_series(1, 11)), 'invalid_input', 'a message has at most ten files'),
  ('[{"file_name": "x"}]', 'invalid_input', 'a file is an upload'),
  ('[{"media_id": "x"}]', 'invalid_input', 'an upload has an id'),
  ('{}', 'invalid_input', 'files are a list')
) t (a, e, l);
select is(tests.outcome(format('select pg_temp.send(%L, null)', :'crew')), 'invalid_input', 'a message without files has a text');
select is(tests.outcome(format('select pg_temp.send(%L, %L, %L)', :'crew', E'\u200b', pg_temp.files(:'photo'))), 'ok', 'a message with files needs no text');
select max(seq) as only_files from public.messages where conversation_id = :'crew' \gset
select is((select last_text from public.my_conversations()), 'Files: 1', 'the list says that files were sent');
select gen_random_uuid() as key \gset
select pg_temp.send(:'crew', 'Papers', pg_temp.files(:'film', :'paper'), :'key') as papers \gset
select is(pg_temp.send(:'crew', 'Papers', pg_temp.files(:'film', :'paper'), :'key'), :papers::bigint, 'a message with files that is sent again is there once');
select is(tests.outcome(format('select pg_temp.send(%L, %L, %L, %L)', :'crew', 'Papers', pg_temp.files(:'film'), :'key')), 'idempotency_conflict', 'the same id with fewer files is another message');
select is(tests.outcome(format('select pg_temp.send(%L, %L, %L, %L)', :'crew', 'Papers', pg_temp.files(:'film', :'paper', :'unsent'), :'key')), 'idempotency_conflict', 'the same id with more files is another message');
select is(tests.outcome(format('select pg_temp.send(%L, %L, %L)', :'crew', 'x', pg_temp.files(:'photo'))), 'media_in_use', 'an upload is sent once');
select results_eq(format($$ select a ->> 'kind', a ->> 'file_name', a ->> 'status', (a ->> 'byte_size')::int, a ->> 'path' from public.list_messages(%L) m, jsonb_array_elements(m.attachments) a where m.seq = %s $$, :'crew', :papers),
  format($$ values ('video', 'tệp 1.jpg', 'ready', 1000, %L), ('document', 'tệp 2.jpg', 'ready', 1000, %L) $$, pg_temp.path(:'film'), pg_temp.path(:'paper')), 'a message lists its files in their order, by a name without its folder');
select is((private.edit_message(:'crew', :only_files, 'The scratch')).body, 'The scratch', 'a text can be put under files');
select tests.as_owner();
select is(tests.outcome(format('update public.messages set attachment_count = 0, body = null where conversation_id = %L and seq = %s', :'crew', :papers)), '23514', 'a message shows something until it is deleted');
select is(tests.outcome(format('insert into public.message_attachments (media_id, conversation_id, seq, position, sender_id) values (%L, %L, %s, 1, %L)', :'unsent', :'crew', :papers, :'sender')), '23505', 'two files of a message have different places');
select is(tests.outcome(format('insert into public.message_attachments (media_id, conversation_id, seq, position, sender_id) values (%L, %L, %s, 5, %L)', :'foreign_photo', :'crew', :papers, :'sender')), '23503', 'nobody sends uploads of others');
select is(tests.outcome(format('update public.message_attachments set file_name = %L where media_id = %L', '../x', :'photo')), '23514', 'the name of a file is no path');

-- who opens files
select tests.as_user(:'sender');
select private.remove_member(:'crew', :'removed') \gset
select tests.as_user(:'leaver');
select private.leave_conversation(:'crew') \gset
select tests.as_user(:'blocked');
select private.block_user(:'sender') \gset
create temporary table readers (who text, id uuid, opens text, shows text);
insert into readers values
  ('a member', :'reader', '1 1 2', 'ready path'),
  ('who has left', :'leaver', '0 0 0', 'ready'),
  ('who was removed', :'removed', '0 0 0', 'ready'),
  ('who is invited', :'invited', '0 0 0', null),
  ('who has declined', :'declined', '0 0 0', null),
  -- in a group in which both are already, either may leave
  ('a member who has blocked the sender', :'blocked', '1 1 2', 'ready path'),
  ('a stranger', :'stranger', '0 0 0', null),
  ('an admin', :'admin', '0 0 0', null);
grant select on readers to authenticated;
create function pg_temp.shows(p_conversation uuid, p_seq bigint) returns text language plpgsql as $$
begin
  return (select concat_ws(' ', a ->> 'status', case when a ->> 'path' is not null and a ->> 'bucket' is not null then 'path' end)
    from public.list_messages(p_conversation) m, jsonb_array_elements(m.attachments) a where m.seq = p_seq limit 1);
exception when sqlstate 'PT403' or sqlstate 'PT404' then return null;
end $$;
grant execute on function pg_temp.shows to authenticated;
create function pg_temp.as_reader(p_id uuid, p_query text) returns text language plpgsql as $$
declare v_answer text;
begin
  perform tests.as_user(p_id);
  execute p_query into v_answer;
  perform tests.as_owner();
  return v_answer;
end $$;
select tests.as_owner();
select is(pg_temp.as_reader(id, format('select pg_temp.opens(%L, %L)', :'photo', :'path')), opens, who || case when opens = '0 0 0' then ' opens no file, size or row of it' else ' opens the file and its sizes' end) from readers;
select is(pg_temp.as_reader(id, format('select pg_temp.shows(%L, %s)', :'crew', :only_files)), shows, who || case when shows is null then ' learns of no file' when shows = 'ready' then ' still reads that there was a file, and not where' else ' learns where the file is' end) from readers;
select is(pg_temp.as_reader(id, 'select count(*) from public.message_attachments'), case when opens = '0 0 0' then '0' else '3' end, who || ' sees the rows of files that may be opened') from readers;
select tests.as_visitor();
select is((select count(*)::int from storage.objects where starts_with(name, :'path')), 0, 'a visitor opens no file of a message');

-- requests
select tests.as_user(:'stranger');
select (private.open_direct_conversation(:'reader')).id as asked \gset
select tests.as_owner();
select tests.make_media(:'stranger', 'chat_image') as shock \gset
select pg_temp.path(:'shock') as shock_path \gset
select tests.as_user(:'stranger');
select pg_temp.send(:'asked', null, pg_temp.files(:'shock')) \gset
select tests.as_user(:'reader');
select is(pg_temp.opens(:'shock', :'shock_path'), '0 0 0', 'a request that waits shows no file and no thumbnail');
select is((select last_text from public.my_conversations() where conversation_id = :'asked'), null, 'a request that waits does not say that files were sent');
select public.answer_request(:'asked', true);
select is(pg_temp.opens(:'shock', :'shock_path'), '1 0 1', 'a request that is accepted shows its file');
select private.block_user(:'stranger') \gset
select is(pg_temp.opens(:'shock', :'shock_path'), '1 0 1', 'who blocks keeps what was sent before, as evidence');
select tests.as_owner();
select tests.make_media(:'stranger', 'chat_image') as more \gset
select tests.as_user(:'stranger');
select is(tests.outcome(format('select pg_temp.send(%L, null, %L)', :'asked', pg_temp.files(:'more'))), 'conversation_closed', 'who is blocked sends no file');

-- the windows of taking part
select tests.as_user(:'sender');
select pg_temp.send(:'crew', null, pg_temp.files(:'unsent')) as between \gset
select private.add_members(:'crew', array[:'removed']::uuid[]) \gset
select tests.as_user(:'removed');
select public.answer_request(:'crew', true);
select is(pg_temp.opens(:'photo', :'path'), '1 1 2', 'who came back opens the files of the times of taking part');
select is(pg_temp.opens(:'unsent', pg_temp.path(:'unsent')), '0 0 0', 'who came back opens no file that was sent in between');

-- support
select tests.as_owner();
select tests.make_media(:'stranger', 'chat_image') as proof \gset
select tests.as_user(:'stranger');
select (private.open_support_conversation()).id as help \gset
select pg_temp.send(:'help', 'Charged twice', pg_temp.files(:'proof')) \gset
select tests.as_user(:'admin');
select is(pg_temp.opens(:'proof', pg_temp.path(:'proof')), '0 0 0', 'staff opens no file without taking part');
select private.join_support_conversation(:'help') \gset
select is(pg_temp.opens(:'proof', pg_temp.path(:'proof')), '1 0 1', 'who helps opens what the person sent');

-- files that become ready after they were sent
select tests.as_owner();
select tests.make_media(:'sender', 'chat_image') as slow \gset
update public.media set status = 'processing' where id = :'slow';
select tests.as_user(:'sender');
select pg_temp.send(:'crew', null, pg_temp.files(:'slow')) as slow_seq \gset
select last_change as seen from public.conversations where id = :'crew' \gset
select tests.as_owner();
update public.media set status = 'ready' where id = :'slow';
select tests.as_user(:'reader');
select is((select array_agg(seq) from public.list_message_changes(:'crew', :seen)), array[:slow_seq::bigint], 'members learn that a file became ready');

-- deleting
select tests.as_user(:'reader');
select is(tests.outcome(format('select public.delete_attachment(%L)', :'paper')), 'media_not_found', 'nobody deletes files of others');
select tests.as_user(:'sender');
select is(tests.outcome(format('select public.delete_attachment(%L)', :'face')), 'media_not_found', 'what is no file for chat is not deleted here');
select is(public.delete_attachment(:'paper'), null, 'the sender deletes one file of a message');
select is(public.delete_attachment(:'paper'), null, 'deleting a file is safe to repeat');
select is((select jsonb_array_length(attachments) from public.list_messages(:'crew') where seq = :papers), 1, 'the message keeps its other files');
select is(pg_temp.send(:'crew', 'Papers', pg_temp.files(:'film', :'paper'), :'key'), :papers::bigint, 'a late repeat does not bring a deleted file back');
select tests.as_user(:'reader');
select is((select count(*)::int from storage.objects where name = pg_temp.path(:'paper')), 0, 'a deleted file is opened by nobody, while its bytes wait to be erased');
select tests.as_user(:'sender');
select public.delete_attachment(:'slow') \gset
select ok((select deleted_at is not null and attachments = '[]' from public.list_messages(:'crew') where seq = :slow_seq), 'a message that was one file goes with it');
select private.delete_message(:'crew', :papers) \gset
select is((select attachments from public.list_messages(:'crew') where seq = :papers), '[]'::jsonb, 'a deleted message has no file');
select tests.as_user(:'reader');
select is(public.delete_attachment(:'foreign_photo'), null, 'a file that was never sent can be deleted');
select tests.as_owner();
select is((select array_agg(distinct status) from public.media where id in (:'paper', :'film', :'slow', :'foreign_photo')), '{deleted}', 'what was deleted is deleted for good');
select is((select count(*)::int from private.outbox where topic = 'erase_media' and dedupe_key in (:'paper', :'film', :'slow', :'foreign_photo')), 4, 'the worker erases the bytes of what was deleted');
select is((select count(*)::int from public.message_attachments where media_id in (:'paper', :'film', :'slow')), 0, 'no row names a deleted file');
select is((select count(*)::int from realtime.messages where payload::text like '%tệp%'), 0, 'no broadcast names a file');

-- uploads that are never sent
select tests.make_media(:'sender', 'chat_image') as forgotten, tests.make_media(:'sender', 'chat_image') as fresh \gset
update public.media set created_at = now() - interval '3 days' where id in (:'forgotten', :'photo');
select private.tidy_unsent_files();
select results_eq(format('select status from public.media where id in (%L, %L, %L) order by status', :'forgotten', :'photo', :'fresh'), array['deleted', 'ready', 'ready'], 'an upload that was not sent within two days is deleted');

-- deleted accounts
update public.media set status = 'deleted' where id = :'photo';
select tests.as_user(:'reader');
select is(pg_temp.shows(:'crew', :only_files), 'deleted', 'of a file that went with an account, members read that it is gone');

-- pictures of groups
select tests.as_owner();
select tests.make_media(:'sender', 'group_avatar') as picture, tests.make_media(:'sender', 'group_avatar') as later_picture, tests.make_media(:'reader', 'group_avatar') as other_picture \gset
select tests.as_user(:'reader');
select is(tests.outcome(format('select public.set_group_avatar(%L, %L)', :'crew', :'other_picture')), 'forbidden', 'a member cannot set the picture of a group');
select tests.as_user(:'sender');
select is(tests.outcome(format('select public.set_group_avatar(%L, %L)', :'crew', :'other_picture')), 'media_not_found', 'the picture of a group is an upload of its admin');
select is(tests.outcome(format('select public.set_group_avatar(%L, %L)', :'crew', :'unsent')), 'media_not_found', 'a file of a message is no picture of a group');
select is(tests.outcome(format('select public.set_group_avatar(%L, %L)', :'asked', :'picture')), 'conversation_not_found', 'the picture of a conversation that one is not in cannot be set');
select is((private.set_group_avatar(:'crew', :'picture')).avatar_media_id, :'picture'::uuid, 'an admin sets the picture of a group');
select (private.create_group('Other', array[:'reader']::uuid[], gen_random_uuid())).id as other_crew \gset
select is(tests.outcome(format('select private.set_group_avatar(%L, %L)', :'other_crew', :'picture')), 'media_in_use', 'one upload is the picture of one group');
select tests.as_user(:'reader');
select is((select group_avatar_path from public.my_conversations() where conversation_id = :'crew'), pg_temp.path(:'picture'), 'members find the picture of the group in their list');
select is((select body from public.list_messages(:'crew', null, 1)), 'sender changed the picture of the group.', 'a new picture of the group is said');
select tests.as_owner();
update readers set opens = case when id in (:'reader', :'blocked', :'removed') then '1 0 1' else '0 0 0' end;
update readers set who = 'who came back' where id = :'removed';
select is(pg_temp.as_reader(id, format('select pg_temp.opens(%L, %L)', :'picture', pg_temp.path(:'picture'))), opens, who || case when opens = '0 0 0' then ' does not see the picture of the group' else ' sees the picture of the group' end) from readers;
select tests.as_user(:'sender');
select private.set_group_avatar(:'crew', :'later_picture') \gset
select is((private.set_group_avatar(:'crew', null)).avatar_media_id, null, 'an admin removes the picture of a group');
select tests.as_owner();
select is((select array_agg(distinct status) from public.media where id in (:'picture', :'later_picture')), '{deleted}', 'an earlier picture of a group is erased');
select is(tests.outcome(format('update public.conversations set avatar_media_id = %L where id = %L', :'other_picture', :'asked')), '23514', 'a conversation of two people has no picture of its own');

select is(tests.broken_promises(), null, 'no invariant is violated');
select * from finish();
rollback;

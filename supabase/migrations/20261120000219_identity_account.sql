-- Identity: a person deletes the account.
-- Rule kept here: an account goes at once and for good, in one transaction, unless something live is in the way; then all
-- that is in the way is named. What must be kept stays without the person (private.personal_tables says what and why).
-- What only the outside can do, deleting in Auth and the bytes of files, is in the outbox and comes to its end alone.
-- Left out on purpose: a grace period. A step-up proves who asks, a mail tells the owner, and blockers keep what is under
-- way; during a grace period the data would have to be kept after its person asked to have it erased.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('account_in_use', 409, false, 'Your account cannot be deleted yet. Details name everything that is in the way; settle it and try again.', 'Chưa thể xóa tài khoản của bạn. Vui lòng xem chi tiết, hoàn tất các mục đang vướng rồi thử lại.'),
  ('account_deleted', 410, false, 'This account has been deleted.', 'Tài khoản này đã bị xóa.');
insert into private.rate_limits (action, capacity, per_minute) values
  ('delete_account', 5, 0.1);

create table private.account_blockers (
  name text primary key,
  message_en text not null,
  message_vi text not null,
  constraint account_blockers_name_form check (name ~ '^[a-z][a-z_]{2,40}$')
);
comment on table private.account_blockers is 'What keeps an account from being deleted. Each is a function of its module, private.account_blocker_<name>(user id), which answers the ids of what is in the way.';
comment on column private.account_blockers.message_en is 'What the person does about it.';
select private.hold_no_persons('private.account_blockers');

create function private.check_account_blocker()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.require_function('account_blocker_' || new.name, 'uuid', 'SETOF uuid');
  return new;
end
$$;
create trigger function_exists before insert or update on private.account_blockers
  for each row execute function private.check_account_blocker();

-- All that is in the way: [{code, count, ids, message_en, message_vi}]; ids are the first 20. [] when nothing is.
create function private.what_blocks_deletion(p_user_id uuid)
returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_blocker private.account_blockers;
  v_ids uuid[];
  v_found jsonb := jsonb_build_array();
begin
  for v_blocker in select * from private.account_blockers order by name loop
    execute format('select array_agg(b order by b) from private.%I($1) b', 'account_blocker_' || v_blocker.name) into v_ids using p_user_id;
    if v_ids is not null then
      v_found := v_found || jsonb_build_object('code', v_blocker.name, 'count', cardinality(v_ids), 'ids', to_jsonb(v_ids[:20]),
        'message_en', v_blocker.message_en, 'message_vi', v_blocker.message_vi);
    end if;
  end loop;
  return v_found;
end
$$;

-- Who decides about others is no longer in charge first.
create function private.account_blocker_platform_role(p_user_id uuid)
returns setof uuid
language sql stable set search_path = ''
as $$ select r.user_id from public.user_roles r where r.user_id = p_user_id limit 1 $$;
insert into private.account_blockers (name, message_en, message_vi) values
  ('platform_role', 'You have a role on the platform. Ask another admin to remove it first.', 'Bạn đang giữ vai trò quản trị. Vui lòng nhờ quản trị viên khác gỡ vai trò trước.');

-- Trigger after insert. A deletion locks the profile until it ends, so a row that is written meanwhile waits in its foreign
-- key, and then finds its person gone. The arguments are the columns that name persons.
create function private.require_live_person()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_row jsonb := to_jsonb(new);
  v_column text;
begin
  foreach v_column in array tg_argv loop
    if exists (select from public.profiles p where p.id = (v_row ->> v_column)::uuid and p.deleted_at is not null) then
      perform private.fail('account_deleted');
    end if;
  end loop;
  return null;
end
$$;
-- Used by migrations only: nothing new of a table begins for a person whose account is deleted.
create function private.only_live_persons(p_table regclass, variadic p_columns text[])
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  execute format('create trigger person_is_live after insert on %s for each row execute function private.require_live_person(%s)',
    p_table, (select string_agg(quote_literal(c), ', ') from unnest(p_columns) c));
end
$$;
select private.only_live_persons('public.driver_licences', 'user_id'), private.only_live_persons('public.bank_accounts', 'user_id');

-- A number is needed while something can be sent to its account.
create function private.keep_bank_account_number()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  if not exists (
    select from public.bank_accounts a join public.profiles p on p.id = a.user_id
    where a.id = old.bank_account_id and a.removed_at is not null and p.deleted_at is not null
  ) then
    raise exception 'the number of a bank account is erased with its person only' using errcode = '42501';
  end if;
  return old;
end
$$;
create trigger kept_while_needed before delete on private.bank_account_numbers
  for each row execute function private.keep_bank_account_number();

-- Erases and anonymises what the registry says of one person. Repeatable.
create function private.erase_person(p_user_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_table private.personal_tables;
  v_changes text;
begin
  for v_table in select * from private.personal_tables where treatment in ('erase', 'anonymise') order by position desc loop
    if v_table.treatment = 'erase' then
      execute format('delete from %s r where %s', v_table.relation, v_table.whose) using p_user_id;
    else
      select string_agg(format('%I = %s', d.column_name, d.becomes), ', ') into v_changes
      from private.personal_data d where d.relation = v_table.relation and d.treatment = 'anonymise';
      execute format('update %s r set %s where %s', v_table.relation, v_changes, v_table.whose) using p_user_id;
    end if;
  end loop;
end
$$;

-- Locks what the deletion will change, as the foreign keys of a new row do: the listing before its host's profile. Whoever
-- books at the same moment has the booking seen below, or finds the person gone.
create function private.lock_person(p_user_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_table private.personal_tables;
begin
  for v_table in select * from private.personal_tables where treatment = 'anonymise' order by position desc loop
    execute format('select from %s r where %s for update', v_table.relation, v_table.whose) using p_user_id;
  end loop;
end
$$;

-- Deletes an account. Refuses while something is in the way. Repeatable: answers when it was deleted.
create function private.delete_person(p_user_id uuid, p_cause text)
returns timestamptz
language plpgsql volatile set search_path = ''
as $$
declare
  v_profile public.profiles;
  v_email text;
  v_blockers jsonb;
begin
  perform private.lock_person(p_user_id);
  select * into v_profile from public.profiles where id = p_user_id;
  if not found then
    raise exception 'there is no account %', p_user_id;
  end if;
  if v_profile.deleted_at is not null then
    return v_profile.deleted_at;
  end if;
  -- a statement of its own after the locks: it sees what those it waited for have committed
  v_blockers := private.what_blocks_deletion(p_user_id);
  if v_blockers <> '[]' then
    perform private.fail('account_in_use', jsonb_build_object('blockers', v_blockers));
  end if;
  select lower(u.email) into v_email from auth.users u where u.id = p_user_id;
  perform private.end_bank_account(p_user_id);
  perform private.set_audit_context(p_cause);
  update public.profiles set deleted_at = now() where id = p_user_id returning deleted_at into v_profile.deleted_at;
  perform private.erase_person(p_user_id);
  if v_email <> '' then
    perform private.mail_to_address('account_deleted', v_email, v_profile.locale);
  end if;
  -- Nobody signs in from now on; Auth itself deletes the account soon. GoTrue cannot read infinity.
  update auth.users set banned_until = now() + interval '100 years' where id = p_user_id;
  delete from auth.sessions where user_id = p_user_id;
  perform private.enqueue('delete_auth_user', jsonb_build_object('user_id', p_user_id), p_user_id::text);
  perform private.enqueue('erase_leftovers', jsonb_build_object('user_id', p_user_id), p_user_id || ':now');
  -- an access token lives for up to an hour after its session, and may have written something
  perform private.enqueue('erase_leftovers', jsonb_build_object('user_id', p_user_id), p_user_id || ':later', now() + interval '1 day');
  perform private.record_event('profile.deleted', p_user_id);
  return v_profile.deleted_at;
end
$$;

create function private.delete_account()
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_deleted_at timestamptz;
begin
  -- a repeat finds no session and no step-up any more
  select p.deleted_at into v_deleted_at from public.profiles p where p.id = v_user_id;
  if v_deleted_at is null then
    perform private.take_token('delete_account', v_user_id::text);
    perform private.require_step_up();
    v_deleted_at := private.delete_person(v_user_id, 'account_deleted');
  end if;
  return jsonb_build_object('deleted_at', v_deleted_at);
end
$$;
create function public.delete_account()
returns jsonb
language sql volatile set search_path = ''
as $$ select private.delete_account() $$;
comment on function public.delete_account is 'Deletes the account of the caller at once and for good: name, picture, phone, mail address, licences, files and notifications. Trips, payments and receipts stay for the other party and for the law, without the person. All sessions end. Needs a step-up. `details.blockers` of account_in_use lists all that is in the way: [{code, count, ids, message_en, message_vi}]. Answers {deleted_at}. Repeatable. Errors: step_up_required, account_in_use, rate_limited.';
select private.expose_limited('delete_account()', 'delete_account', 'auth.uid()', 'authenticated');

-- Workers ---------------------------------------------------------------------------------------------------
select private.register_topic('delete_auth_user', 'user_id');
select private.register_topic('erase_leftovers', 'user_id');

-- What is left of somebody who is deleted: erases rows that a command under way wrote, and answers up to 100 files whose
-- bytes are to be removed. A file that is evidence stays.
create function private.erase_leftovers(p_user_id uuid)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if not exists (select from public.profiles where id = p_user_id and deleted_at is not null) then
    perform private.fail('not_found');
  end if;
  perform private.erase_person(p_user_id);
  return (
    select coalesce(jsonb_agg(jsonb_build_object('bucket', f.bucket_id, 'path', f.name)), '[]')
    from (
      select o.bucket_id, o.name from storage.objects o
      where o.name like p_user_id || '/%'
        -- all that is made of one upload lies under its id
        and not exists (
          select from public.media m
          where m.owner_id = p_user_id and m.status not in ('reserved', 'deleted')
            and (m.path = o.name or m.id::text = substring(o.name from '^[^/]+/([0-9a-f-]{36})'))
        )
      order by o.bucket_id, o.name
      limit 100
    ) f
  );
end
$$;
create function public.erase_leftovers(user_id uuid)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.erase_leftovers(user_id) $$;
comment on function public.erase_leftovers is 'Erases what is left of a person whose account is deleted, and answers up to 100 files whose bytes the worker removes: [{bucket, path}]. Service only. Errors: not_found.';
select private.expose('erase_leftovers(uuid)', 'service_role');

create function private.invariant_account_deletion_unfinished()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select p.id::text, 'deleted at ' || p.deleted_at || ', and Auth still has the account'
  from public.profiles p
  join auth.users u on u.id = p.id and u.deleted_at is null
  where p.deleted_at < now() - interval '1 hour'
$$;
insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('account_deletion_unfinished', 'warning', 'An account was deleted more than an hour ago, and Auth still has its mail address.',
    'Look at the rows of private.outbox with the topic delete_auth_user: last_error says why Auth refuses. Put a dead row back with status pending, or delete the user softly by the admin API of Auth.');

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('account_deleted', 'en', 'account', 'Account deleted', 'Your account was deleted.', 'Your account was deleted', E'Your account was deleted, and all devices were signed out. Your name, contacts, licence and files are gone. We keep trips, payments and receipts as the law requires, without your profile.\n\nThis cannot be undone. You can sign up again with this address.\n\nIf you did not do this, somebody had access to your mail or phone: change their passwords and contact us.'),
  ('account_deleted', 'vi', 'account', 'Đã xóa tài khoản', 'Tài khoản của bạn đã được xóa.', 'Tài khoản của bạn đã được xóa', E'Tài khoản của bạn đã được xóa và mọi thiết bị đã đăng xuất. Tên, thông tin liên hệ, giấy phép lái xe và các tệp của bạn không còn trong hệ thống. Chúng tôi chỉ giữ lại chuyến đi, thanh toán và biên nhận theo quy định của pháp luật, không kèm hồ sơ của bạn.\n\nThao tác này không thể hoàn tác. Bạn có thể đăng ký lại bằng địa chỉ này.\n\nNếu không phải bạn thực hiện, có người đã truy cập email hoặc điện thoại của bạn: hãy đổi mật khẩu và liên hệ với chúng tôi.');

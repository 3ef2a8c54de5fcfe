-- Identity: who is admin or support, how that is given and taken, and which reviewer has which case.
-- Rule kept here: there is always an admin, nobody gives a role to themselves, and each change is in the log, also one
-- that is made in a table editor. A case that a reviewer has claimed is decided by that reviewer alone, for some minutes.
-- Left out on purpose: what each role may do. A command asks private.require_admin() or private.require_staff().

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('last_admin', 409, false, 'This is the last admin, and there must be one. Make another person an admin first.', 'Đây là quản trị viên cuối cùng nên không thể gỡ. Vui lòng cấp quyền quản trị cho người khác trước.'),
  ('admin_exists', 409, false, 'There is an admin already. Ask that admin for the role.', 'Hệ thống đã có quản trị viên. Vui lòng đề nghị quản trị viên đó cấp quyền.'),
  ('review_claimed', 409, false, 'Another reviewer is working on this case; details name who and until when. Take another case.', 'Người khác đang xử lý hồ sơ này; chi tiết cho biết là ai và đến khi nào. Vui lòng chọn hồ sơ khác.');

alter table private.settings
  add constraint settings_review_claim_minutes check (key <> 'review_claim_minutes' or private.is_whole(value, 1, 480));
insert into private.settings (key, value, description) values
  ('review_claim_minutes', '15', 'Minutes: how long a reviewer who claimed a case has it alone.');

-- Roles ------------------------------------------------------------------------------------------------------------------

-- Changes of roles come one after the other, so that two admins who remove each other at once are not both gone. The lock
-- comes before the rows: the second waits here, and then sees what the first has left.
create function private.lock_roles()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('user_roles', 0));
  return null;
end
$$;
create trigger a_lock before insert or update or delete on public.user_roles
  for each statement execute function private.lock_roles();

create function private.keep_an_admin()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  -- locked: a transaction with an older snapshot must not count an admin who is gone
  perform from public.user_roles where role = 'admin' for key share;
  if not found then
    perform private.fail('last_admin');
  end if;
  return null;
end
$$;
create trigger keep_an_admin after update or delete on public.user_roles
  for each row when (old.role = 'admin') execute function private.keep_an_admin();
create trigger keep_an_admin_truncate before truncate on public.user_roles
  for each statement execute function private.forbid_change();

create function private.record_role_change()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if tg_op <> 'INSERT' then
    perform private.record_event('role.revoked', old.user_id, jsonb_build_object('role', old.role));
  end if;
  if tg_op <> 'DELETE' then
    perform private.record_event('role.granted', new.user_id, jsonb_build_object('role', new.role));
  end if;
  return null;
end
$$;
create trigger record_role_change after insert or update or delete on public.user_roles
  for each row execute function private.record_role_change();

-- Checks what both commands are given, and says why in the log.
create function private.check_role_change(p_user_id uuid, p_role text, p_reason text)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.require_admin();
  if p_role is null or p_role not in ('admin', 'support') then
    perform private.fail_input('role', 'must be admin or support');
  end if;
  if not exists (select from public.profiles where id = p_user_id and deleted_at is null) then
    perform private.fail('not_found');
  end if;
  perform private.set_audit_context('admin', p_reason);
end
$$;

create function private.grant_role(p_user_id uuid, p_role text, p_reason text)
returns public.user_roles
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_role public.user_roles;
begin
  perform private.check_role_change(p_user_id, p_role, p_reason);
  perform private.require_reason(p_reason);
  if p_user_id = auth.uid() then
    perform private.fail_input('user_id', 'must be the id of somebody else');
  end if;
  insert into public.user_roles (user_id, role) values (p_user_id, p_role) on conflict do nothing;
  select * into v_role from public.user_roles where user_id = p_user_id and role = p_role;
  return v_role;
end
$$;
create function public.grant_role(user_id uuid, role text, reason text)
returns public.user_roles
language sql volatile set search_path = ''
as $$ select private.grant_role(user_id, role, reason) $$;
comment on function public.grant_role is 'Admin: makes another person admin or support, with the next statement. Repeatable: who has the role keeps it. The reason is for the log. Errors: forbidden, not_found, invalid_input.';
select private.expose('grant_role(uuid, text, text)', 'authenticated');

create function private.revoke_role(p_user_id uuid, p_role text, p_reason text)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.check_role_change(p_user_id, p_role, p_reason);
  perform private.require_reason(p_reason);
  delete from public.user_roles where user_id = p_user_id and role = p_role;
end
$$;
create function public.revoke_role(user_id uuid, role text, reason text)
returns void
language sql volatile set search_path = ''
as $$ select private.revoke_role(user_id, role, reason) $$;
comment on function public.revoke_role is 'Admin: takes the role admin or support from a person, the caller included, with the next statement. Repeatable. The last admin stays. The reason is for the log. Errors: forbidden, not_found, invalid_input, last_admin.';
select private.expose('revoke_role(uuid, text, text)', 'authenticated');

-- For the SQL editor, which works as the owner. DO NOT grant it: it makes an admin of whoever is named.
create function private.make_first_admin(p_email text)
returns public.user_roles
language plpgsql volatile set search_path = ''
as $$
declare
  v_user_id uuid;
  v_role public.user_roles;
begin
  -- as the trigger does, but before the look
  perform pg_advisory_xact_lock(hashtextextended('user_roles', 0));
  if exists (select from public.user_roles where role = 'admin') then
    perform private.fail('admin_exists');
  end if;
  -- an address that nobody confirmed may be used by somebody who does not own it
  select u.id into v_user_id
  from auth.users u
  join public.profiles p on p.id = u.id and p.deleted_at is null
  where lower(u.email) = lower(btrim(p_email)) and u.email_confirmed_at is not null;
  if not found then
    perform private.fail('not_found');
  end if;
  perform private.set_audit_context('first_admin');
  insert into public.user_roles (user_id, role) values (v_user_id, 'admin') returning * into v_role;
  return v_role;
end
$$;
comment on function private.make_first_admin is 'Run in the SQL editor while there is no admin: makes the account with this confirmed mail address the first one. No role of the API may call it. Errors: admin_exists, not_found.';
revoke all on function private.make_first_admin(text) from public, anon, authenticated, service_role;

-- Reviews ----------------------------------------------------------------------------------------------------------------

create table private.review_kinds (
  kind text primary key,
  relation regclass not null,
  waits_as text not null
);
comment on table private.review_kinds is 'What waits for a reviewer: rows of a table that are in one state. A module adds its own.';
comment on column private.review_kinds.waits_as is 'The value of the column `status` of a row that waits.';
insert into private.review_kinds (kind, relation, waits_as) values ('licence', 'public.driver_licences', 'pending');

create table private.review_claims (
  kind text not null references private.review_kinds on delete cascade,
  subject_id uuid not null,
  claimed_by uuid not null references public.profiles on delete cascade,
  claimed_at timestamptz not null default now(),
  expires_at timestamptz not null,
  primary key (kind, subject_id)
);
create index review_claims_claimed_by_idx on private.review_claims (claimed_by);
comment on column private.review_claims.expires_at is 'From then on another reviewer may claim it. Written from the setting review_claim_minutes.';
comment on table private.review_claims is 'Which reviewer works on which case. A claim is over at expires_at, whether or not its row is gone.';
alter table private.review_kinds enable row level security;
alter table private.review_claims enable row level security;

-- The claim that stands: its time is not over, and its reviewer still is one.
create function private.review_claim(p_kind text, p_subject_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object('claimed_by', c.claimed_by, 'claimed_by_name', p.display_name, 'claimed_at', c.claimed_at, 'expires_at', c.expires_at)
  from private.review_claims c
  join public.profiles p on p.id = c.claimed_by
  where c.kind = p_kind and c.subject_id = p_subject_id and c.expires_at > now()
    and exists (select from public.user_roles r where r.user_id = c.claimed_by)
$$;

-- Refuses a case that another reviewer has.
create function private.check_review_claim(p_kind text, p_subject_id uuid)
returns void
language plpgsql stable set search_path = ''
as $$
declare
  v_claim jsonb := private.review_claim(p_kind, p_subject_id);
begin
  if v_claim ->> 'claimed_by' <> auth.uid()::text then
    perform private.fail('review_claimed', v_claim);
  end if;
end
$$;

create function private.claim_review(p_kind text, p_subject_id uuid)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_staff();
  v_kind private.review_kinds;
  v_waits boolean;
begin
  select * into v_kind from private.review_kinds where kind = p_kind;
  if not found then
    perform private.fail_input('kind', 'must be ' || (select string_agg(k.kind, ' or ' order by k.kind) from private.review_kinds k));
  end if;
  execute format('select status = $2 from %s where id = $1', v_kind.relation) into v_waits using p_subject_id, v_kind.waits_as;
  if v_waits is null then
    perform private.fail('not_found');
  elsif not v_waits then
    perform private.fail('illegal_transition');
  end if;
  -- two who want one case at once meet at its key: the second waits, and then finds the claim of the first
  insert into private.review_claims as c (kind, subject_id, claimed_by, expires_at)
  values (p_kind, p_subject_id, v_user_id, now() + make_interval(mins => private.setting('review_claim_minutes')::int))
  on conflict (kind, subject_id) do update
  set claimed_by = excluded.claimed_by, expires_at = excluded.expires_at,
      claimed_at = case when c.claimed_by = excluded.claimed_by and c.expires_at > now() then c.claimed_at else now() end
  where c.claimed_by = excluded.claimed_by or c.expires_at <= now()
     or not exists (select from public.user_roles r where r.user_id = c.claimed_by);
  perform private.check_review_claim(p_kind, p_subject_id);
  return private.review_claim(p_kind, p_subject_id);
end
$$;
create function public.claim_review(kind text, subject_id uuid)
returns jsonb
language sql volatile set search_path = ''
as $$ select private.claim_review(kind, subject_id) $$;
comment on function public.claim_review is 'Support: takes a case that waits for a review, so that no other reviewer decides it meanwhile. `kind` is licence, vehicle, vehicle_document or report. It ends with the decision, or after 15 minutes (setting review_claim_minutes); claiming again begins the time anew. Answers {claimed_by, claimed_by_name, claimed_at, expires_at}. Errors: forbidden, not_found, invalid_input, illegal_transition (it does not wait), review_claimed (details as the answer).';
select private.expose('claim_review(text, uuid)', 'authenticated');

create function private.release_review(p_kind text, p_subject_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_staff();
begin
  delete from private.review_claims where kind = p_kind and subject_id = p_subject_id and claimed_by = v_user_id;
end
$$;
create function public.release_review(kind text, subject_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.release_review(kind, subject_id) $$;
comment on function public.release_review is 'Support: gives a claimed case back. Repeatable. It leaves the claim of another reviewer. Errors: forbidden.';
select private.expose('release_review(text, uuid)', 'authenticated');

-- A case that left the queue, in whatever way, has no claim.
create function private.drop_review_claim()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  delete from private.review_claims where kind = tg_argv[0] and subject_id = new.id;
  return null;
end
$$;
create trigger drop_review_claim after update of status on public.driver_licences
  for each row when (old.status = 'pending') execute function private.drop_review_claim('licence');

-- What becomes of it when a person deletes the account.
select private.hold_no_persons('private.review_kinds');
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.review_claims', 'r.claimed_by = $1', 'erase', '{kind,claimed_at}', 'Somebody who is gone works on no case.');
select private.retain_columns('private.review_claims', 'The case that is worked on; the row goes.', 'subject_id');

-- Identity: suspending a person.
-- Rule kept here: who is suspended makes, offers and pays nothing new. A suspension with an end is over at that time,
-- whether or not anything was written. The person is told why.
-- Left out on purpose: trips and money that exist. Bookings decides what a suspension means for a trip (trip_problem), and
-- an admin freezes money by its own commands.

insert into private.error_codes (code, status, retryable, message_en, message_vi) values
  ('account_suspended', 403, false, 'Your account is suspended. Read the reason in your account, or contact support.', 'Tài khoản của bạn đang bị tạm khóa. Vui lòng xem lý do trong tài khoản hoặc liên hệ hỗ trợ.');

create table public.user_suspensions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.profiles on delete restrict,
  reason text not null,
  until timestamptz,
  created_at timestamptz not null default now(),
  ended_at timestamptz,
  phone_hash bytea,
  constraint user_suspensions_reason_given check (private.says_something(reason)),
  constraint user_suspensions_reason_tidy check (private.is_tidy_lines(reason)),
  constraint user_suspensions_until_later check (until > created_at),
  constraint user_suspensions_ended_later check (ended_at >= created_at)
);
create unique index user_suspensions_one_live on public.user_suspensions (user_id) where ended_at is null;
create index user_suspensions_user_idx on public.user_suspensions (user_id);
create index user_suspensions_phone_idx on public.user_suspensions (phone_hash) where ended_at is null;
comment on table public.user_suspensions is 'Who was suspended, why and until when. suspend_user and reinstate_user write it; the log has who did it.';
comment on column public.user_suspensions.reason is 'Its person reads it.';
comment on column public.user_suspensions.until is 'Over at that moment. Null: until an admin ends it.';
comment on column public.user_suspensions.ended_at is 'When an admin ended it, or when a later one began after its time was over. Null otherwise.';
comment on column public.user_suspensions.phone_hash is 'private.keyed_hash() of the phone number that the person had: another account that verifies it later is shown to reviewers.';
alter table public.user_suspensions enable row level security;
revoke all on public.user_suspensions from anon, authenticated, service_role;
grant select (id, user_id, reason, until, created_at, ended_at) on public.user_suspensions to authenticated, service_role;
create policy select_self on public.user_suspensions for select to authenticated
  using (user_id = (select auth.uid()) or (select private.is_staff()));

-- It is a view, because the planner expands a view.
create view private.suspended_people with (security_invoker = true) as
select user_id, reason, until, phone_hash
from public.user_suspensions
where ended_at is null and (until is null or until > now());
comment on view private.suspended_people is 'Who is suspended now.';

create function private.is_suspended(p_user_id uuid)
returns boolean
language plpgsql stable security definer set search_path = ''
as $$
begin
  return exists (select from private.suspended_people where user_id = p_user_id);
end
$$;

create function private.require_not_suspended(p_user_id uuid)
returns void
language plpgsql stable set search_path = ''
as $$
begin
  if private.is_suspended(p_user_id) then
    perform private.fail('account_suspended');
  end if;
end
$$;

create function private.suspend_user(p_user_id uuid, p_reason text, p_until timestamptz)
returns public.user_suspensions
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_suspension public.user_suspensions;
  v_phone text;
begin
  perform private.require_admin();
  perform private.require_reason(p_reason);
  if p_until <= now() or p_until > now() + interval '10 years' then
    perform private.fail_input('until', 'must be a time of the next 10 years, or null');
  end if;
  select phone into v_phone from public.profiles where id = p_user_id and deleted_at is null for no key update;
  if not found then
    perform private.fail('not_found');
  end if;
  -- also the caller, who would be locked out together with the last admin
  if exists (select from public.user_roles where user_id = p_user_id) then
    perform private.fail_input('user_id', 'must be a person without a role: take the role away first');
  end if;
  perform private.set_audit_context('admin', p_reason);
  update public.user_suspensions set ended_at = until where user_id = p_user_id and ended_at is null and until <= now();
  insert into public.user_suspensions (user_id, reason, until, phone_hash)
  values (p_user_id, private.tidy_lines(p_reason), p_until, private.keyed_hash('phone:' || v_phone))
  on conflict (user_id) where ended_at is null do update set reason = excluded.reason, until = excluded.until
  returning * into v_suspension;
  perform private.record_event('user.suspended', p_user_id, jsonb_build_object('suspension_id', v_suspension.id, 'until', p_until));
  perform private.notify(p_user_id, 'account_suspended', jsonb_build_object('reason', p_reason), gen_random_uuid()::text);
  v_suspension.phone_hash := null;
  return v_suspension;
end
$$;
create function public.suspend_user(user_id uuid, reason text, until timestamptz default null)
returns public.user_suspensions
language sql volatile set search_path = ''
as $$ select private.suspend_user($1, $2, $3) $$;
comment on function public.suspend_user is 'Admin: suspends a person, until a time or until reinstate_user. The person can no longer book, list or pay, is not found as a host, and is told the reason by mail. A vehicle is not handed over while its host or renter is suspended; trips under way come to their end. For a person who is suspended already it changes reason and end. Errors: forbidden, not_found, invalid_input.';
select private.expose('suspend_user(uuid, text, timestamptz)', 'authenticated');

create function private.reinstate_user(p_user_id uuid, p_reason text)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.require_admin();
  perform private.require_reason(p_reason);
  perform private.set_audit_context('admin', p_reason);
  update public.user_suspensions set ended_at = coalesce(least(until, now()), now())
  where user_id = p_user_id and ended_at is null;
  if not found then
    perform private.fail('not_found');
  end if;
  perform private.record_event('user.reinstated', p_user_id);
  perform private.notify(p_user_id, 'account_reinstated', '{}', gen_random_uuid()::text);
end
$$;
create function public.reinstate_user(user_id uuid, reason text)
returns void
language sql volatile set search_path = ''
as $$ select private.reinstate_user($1, $2) $$;
comment on function public.reinstate_user is 'Admin: ends the suspension of a person, who is told. The reason is for the log. Errors: forbidden, not_found (nobody suspended them), invalid_input.';
select private.expose('reinstate_user(uuid, text)', 'authenticated');

-- Suspended people with the same licence number or the same phone as another account, for a reviewer.
create function private.suspended_matches(p_user_id uuid, p_number_hash bytea)
returns jsonb
language sql stable set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('user_id', s.user_id, 'reason', s.reason, 'same', m.same) order by s.user_id, m.same), '[]')
  from (
    select l.user_id, 'licence' as same from public.driver_licences l where l.number_hash = p_number_hash
    union
    select u.user_id, 'phone'
    from public.profiles p
    join public.user_suspensions u on u.phone_hash = private.keyed_hash('phone:' || p.phone) and u.ended_at is null
    where p.id = p_user_id
  ) m
  join private.suspended_people s on s.user_id = m.user_id and s.user_id <> p_user_id
$$;

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('account_suspended', 'en', 'account', 'Your account is suspended', 'Your account is suspended: {{reason}}. Contact support if you disagree.', 'Your account is suspended', E'Your account is suspended.\n\nReason: {{reason}}\n\nYou cannot book, offer or pay anything for now. Contact support if you disagree.'),
  ('account_suspended', 'vi', 'account', 'Tài khoản của bạn bị tạm khóa', 'Tài khoản của bạn bị tạm khóa. Lý do: {{reason}}. Vui lòng liên hệ hỗ trợ nếu bạn không đồng ý.', 'Tài khoản của bạn bị tạm khóa', E'Tài khoản của bạn bị tạm khóa.\n\nLý do: {{reason}}\n\nHiện bạn không thể đặt xe, cho thuê xe hoặc thanh toán. Vui lòng liên hệ hỗ trợ nếu bạn không đồng ý.'),
  ('account_reinstated', 'en', 'account', 'Your account is open again', 'Your account is no longer suspended.', 'Your account is open again', 'Your account is no longer suspended. You can book and offer vehicles again.'),
  ('account_reinstated', 'vi', 'account', 'Tài khoản của bạn đã được mở lại', 'Tài khoản của bạn không còn bị tạm khóa.', 'Tài khoản của bạn đã được mở lại', 'Tài khoản của bạn không còn bị tạm khóa. Bạn có thể đặt xe và cho thuê xe trở lại.');

-- What becomes of it when a person deletes the account.
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.user_suspensions', 'r.user_id = $1', 'retain', null, 'Says who was suspended, so that the same person is found again with another account.');
select private.retain_columns('public.user_suspensions', 'Why somebody was suspended, as an admin wrote it.', 'reason');
select private.retain_columns('public.user_suspensions', 'Finds the number again; no number can be read back.', 'phone_hash');
create function private.account_blocker_suspension(p_user_id uuid)
returns setof uuid
language sql stable set search_path = ''
as $$ select u.id from public.user_suspensions u where u.user_id = p_user_id and u.ended_at is null and (u.until is null or u.until > now()) $$;
insert into private.account_blockers (name, message_en, message_vi) values
  ('suspension', 'Your account is suspended. Wait until the suspension is over, or contact support.', 'Tài khoản của bạn đang bị tạm khóa. Vui lòng chờ đến khi hết hạn hoặc liên hệ hỗ trợ.');

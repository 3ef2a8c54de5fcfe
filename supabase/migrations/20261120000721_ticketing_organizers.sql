-- Ticketing: organizers, and who may do what for each of them.
-- Rule kept here: a role counts for one organizer only; the owner, to whom the money goes, is always one of its admins, by
-- a foreign key, so an organizer is never without an admin.
-- Left out on purpose: what members do, which is beside what they do it to; payouts.

insert into private.transitions (machine, from_state, event, to_state) values
  ('organizer_invitation', 'initial', 'invite', 'pending'),
  ('organizer_invitation', 'pending', 'accept', 'accepted'),
  ('organizer_invitation', 'pending', 'decline', 'declined'),
  ('organizer_invitation', 'pending', 'withdraw', 'withdrawn');

create table public.organizers (
  id uuid primary key default gen_random_uuid(),
  owner_id uuid not null references public.profiles on delete restrict,
  owner_role text not null generated always as ('admin') stored,
  name text not null,
  description text not null default '',
  is_verified boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint organizers_name_tidy check (private.is_tidy(name)),
  constraint organizers_name_length check (char_length(name) between 2 and 120),
  constraint organizers_description_tidy check (private.is_tidy_lines(description)),
  constraint organizers_description_length check (char_length(description) <= 4000)
);
create index organizers_owner_idx on public.organizers (owner_id);
comment on table public.organizers is 'Who holds events. Anybody may read name, description and whether the platform has verified it.';
comment on column public.organizers.owner_id is 'To whom what it earns is owed. Always one of its admins.';
comment on column public.organizers.owner_role is 'Always admin: with owner_id it points to the owner''s membership.';
comment on column public.organizers.is_verified is 'An admin of the platform has verified it. Its events then need no approval of the platform.';
create trigger touch before update on public.organizers for each row execute function private.touch();

create table public.organizer_members (
  organizer_id uuid not null references public.organizers on delete restrict,
  user_id uuid not null references public.profiles on delete restrict,
  role text not null,
  created_at timestamptz not null default now(),
  primary key (organizer_id, user_id),
  constraint organizer_members_one_role unique (organizer_id, user_id, role),
  constraint organizer_members_role_known check (role in ('admin', 'editor', 'viewer', 'scanner'))
);
create index organizer_members_user_idx on public.organizer_members (user_id);
comment on table public.organizer_members is 'Who acts for an organizer. A scanner scans tickets and sees nothing else.';
comment on column public.organizer_members.role is 'admin (everything, members included), editor (events, tickets and orders), viewer (reads them) or scanner (scans tickets). No state machine.';
-- at the end of the transaction, because each of the two tables points to the other
alter table public.organizers add constraint organizers_owner_is_admin
  foreign key (id, owner_id, owner_role) references public.organizer_members (organizer_id, user_id, role)
  deferrable initially deferred;

create table public.organizer_invitations (
  id uuid primary key default gen_random_uuid(),
  organizer_id uuid not null references public.organizers on delete restrict,
  email text not null,
  role text not null,
  status text not null default 'pending',
  invited_by uuid not null references public.profiles on delete restrict,
  expires_at timestamptz not null default now() + interval '14 days',
  created_at timestamptz not null default now(),
  constraint organizer_invitations_email_tidy check (private.is_tidy(email)),
  constraint organizer_invitations_email_form check (email = lower(email) and email ~ '^[^@]+@[^@\s]+\.[^@\s]+$' and char_length(email) <= 254),
  constraint organizer_invitations_role_known check (role in ('admin', 'editor', 'viewer', 'scanner'))
);
create unique index organizer_invitations_one_open on public.organizer_invitations (organizer_id, email) where status = 'pending';
create index organizer_invitations_email_idx on public.organizer_invitations (email) where status = 'pending';
comment on table public.organizer_invitations is 'Invitations to act for an organizer, to a mail address. Anybody who has verified that address answers it.';
comment on column public.organizer_invitations.status is 'Machine organizer_invitation. pending until expires_at; then accepted, declined or withdrawn.';
comment on column public.organizer_invitations.expires_at is 'Until when it can be accepted; over at that moment.';
comment on column public.organizer_invitations.email is 'In lower case.';
select private.attach_state_machine('public.organizer_invitations', 'organizer_invitation');

-- Organizers that the caller reads everything of. A scanner is none of them.
create function private.my_organizer_ids()
returns setof uuid
language plpgsql stable security definer set search_path = ''
as $$
begin
  return query select m.organizer_id from public.organizer_members m where m.user_id = auth.uid() and m.role <> 'scanner';
end
$$;
create function private.my_admin_organizer_ids()
returns setof uuid
language plpgsql stable security definer set search_path = ''
as $$
begin
  return query select m.organizer_id from public.organizer_members m where m.user_id = auth.uid() and m.role = 'admin';
end
$$;
grant execute on function private.my_organizer_ids(), private.my_admin_organizer_ids() to authenticated;

alter table public.organizers enable row level security;
alter table public.organizer_members enable row level security;
alter table public.organizer_invitations enable row level security;
revoke all on public.organizers, public.organizer_members, public.organizer_invitations from anon, authenticated, service_role;
grant select (id, name, description, is_verified, created_at) on public.organizers to anon, authenticated;
grant select on public.organizer_members to authenticated;
-- not who of the team invited
grant select (id, organizer_id, email, role, status, expires_at, created_at) on public.organizer_invitations to authenticated;
grant select on public.organizers, public.organizer_members, public.organizer_invitations to service_role;
create policy select_anybody on public.organizers for select to anon, authenticated using (true);
create policy select_team on public.organizer_members for select to authenticated
  using (user_id = (select auth.uid()) or organizer_id in (select private.my_organizer_ids()) or (select private.is_staff()));
create policy select_admin on public.organizer_invitations for select to authenticated
  using (organizer_id in (select private.my_admin_organizer_ids()) or (select private.is_staff()));

select private.only_live_persons('public.organizers', 'owner_id'), private.only_live_persons('public.organizer_members', 'user_id');
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('public.organizers', 'r.owner_id = $1', 'retain', '{id,name,description,is_verified,created_at}', 'An organizer has buyers, members and books beside its owner.'),
  ('public.organizer_members', 'r.user_id = $1 and not exists (select from public.organizers o where o.id = r.organizer_id and o.owner_id = $1)', 'erase', null,
    'Who left the platform acts for nobody. An owner stays on the books of the organizer.'),
  ('public.organizer_invitations', 'r.email = (select lower(u.email) from auth.users u where u.id = $1)', 'erase', '{id,organizer_id,email,role,status,expires_at,created_at}',
    'An invitation to an address ends with the account that has it.');
select private.retain_columns('public.organizers', 'The name under which it trades, for its buyers.', 'name', 'description');
select private.retain_columns('public.organizer_invitations', 'Who of the organizer invited; the row goes.', 'invited_by', 'email');

-- What a caller is to an organizer: a role of the member, or an error. An admin of the platform may do what an admin may.
create function private.require_organizer_role(p_organizer_id uuid, variadic p_roles text[])
returns text
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_role text;
begin
  select m.role into v_role from public.organizer_members m where m.organizer_id = p_organizer_id and m.user_id = v_user_id;
  if v_role = any (p_roles) then
    return v_role;
  elsif private.is_admin() and exists (select from public.organizers where id = p_organizer_id) then
    return 'platform';
  elsif v_role is null then
    perform private.fail('organizer_not_found');
  end if;
  perform private.fail('forbidden', jsonb_build_object('role', v_role));
  return null;
end
$$;

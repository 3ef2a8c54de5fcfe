-- Ticketing: commands about organizers and their members.
-- Rule kept here: only an admin of the organizer changes who is a member; nobody becomes one without accepting; the answer
-- to an invitation is the same whether or not the address has an account.
-- Left out on purpose: a mail to an address without an account; its invitation waits for anybody who verifies the address.

create function private.create_organizer(p_details jsonb, p_idempotency_key uuid)
returns public.organizers
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_stored jsonb;
  v_organizer public.organizers;
  v_constraint text;
  v_column text;
begin
  v_stored := private.begin_command('create_organizer', p_idempotency_key, jsonb_build_object('details', p_details));
  if v_stored is not null then
    return jsonb_populate_record(null::public.organizers, v_stored);
  end if;
  perform private.require_not_suspended(v_user_id);
  perform private.take_token('create_organizer', v_user_id::text);
  perform private.check_details(p_details, '{"name": "string", "description": "string"}');
  begin
    insert into public.organizers (owner_id, name, description)
    values (v_user_id, private.tidy_text(p_details ->> 'name'), coalesce(private.tidy_lines(p_details ->> 'description'), ''))
    returning * into v_organizer;
  exception
    when check_violation or not_null_violation then
      get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
      perform private.fail_field('organizers', v_constraint, v_column, '');
  end;
  insert into public.organizer_members (organizer_id, user_id, role) values (v_organizer.id, v_user_id, 'admin');
  perform private.finish_command(p_idempotency_key, to_jsonb(v_organizer));
  return v_organizer;
end
$$;
create function public.create_organizer(details jsonb, idempotency_key uuid)
returns public.organizers
language sql volatile set search_path = ''
as $$ select private.create_organizer(details, idempotency_key) $$;
comment on function public.create_organizer is 'Makes an organizer, of which the caller is owner and admin. details {name (2–120 characters), description (at most 4000)}. Errors: account_suspended, invalid_input, unknown_field, rate_limited.';
select private.expose_limited('create_organizer(jsonb, uuid)', 'create_organizer', 'auth.uid()', 'authenticated');

create function private.update_organizer(p_organizer_id uuid, p_details jsonb)
returns public.organizers
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_organizer public.organizers;
  v_constraint text;
  v_column text;
begin
  perform private.require_organizer_role(p_organizer_id, 'admin');
  perform private.check_details(p_details, '{"name": "string", "description": "string"}');
  begin
    update public.organizers o
    set name = case when p_details ? 'name' then private.tidy_text(p_details ->> 'name') else o.name end,
        description = case when p_details ? 'description' then coalesce(private.tidy_lines(p_details ->> 'description'), '') else o.description end
    where o.id = p_organizer_id
    returning * into v_organizer;
  exception
    when check_violation or not_null_violation then
      get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
      perform private.fail_field('organizers', v_constraint, v_column, '');
  end;
  return v_organizer;
end
$$;
create function public.update_organizer(organizer_id uuid, details jsonb)
returns public.organizers
language sql volatile set search_path = ''
as $$ select private.update_organizer(organizer_id, details) $$;
comment on function public.update_organizer is 'Admin of the organizer: changes its name or description. What is absent stays. Errors: organizer_not_found, forbidden, invalid_input, unknown_field.';
select private.expose('update_organizer(uuid, jsonb)', 'authenticated');

create function private.verify_organizer(p_organizer_id uuid, p_verified boolean)
returns public.organizers
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_organizer public.organizers;
begin
  perform private.require_admin();
  if p_verified is null then
    perform private.fail_input('verified', 'must be true or false');
  end if;
  update public.organizers set is_verified = p_verified where id = p_organizer_id returning * into v_organizer;
  if not found then
    perform private.fail('organizer_not_found');
  end if;
  perform private.record_event(case when p_verified then 'organizer.verified' else 'organizer.unverified' end, p_organizer_id);
  return v_organizer;
end
$$;
create function public.verify_organizer(organizer_id uuid, verified boolean)
returns public.organizers
language sql volatile set search_path = ''
as $$ select private.verify_organizer(organizer_id, verified) $$;
comment on function public.verify_organizer is 'Admin: says whether the platform has verified an organizer. New events of a verified one need no approval of the platform. Repeatable. Errors: forbidden, organizer_not_found, invalid_input.';
select private.expose('verify_organizer(uuid, boolean)', 'authenticated');

create function private.invite_member(p_organizer_id uuid, p_email text, p_role text)
returns public.organizer_invitations
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_email text := lower(private.tidy_text(p_email));
  v_invitation public.organizer_invitations;
begin
  perform private.require_organizer_role(p_organizer_id, 'admin');
  perform private.take_token('invite_member', p_organizer_id::text);
  if p_role is null or p_role not in ('admin', 'editor', 'viewer', 'scanner') then
    perform private.fail_input('role', 'must be admin, editor, viewer or scanner');
  end if;
  if v_email is null or v_email !~ '^[^@]+@[^@\s]+\.[^@\s]+$' or char_length(v_email) > 254 then
    perform private.fail_input('email', 'must be a mail address');
  end if;
  -- the team knows its own members already
  if exists (
    select from public.organizer_members m join auth.users u on u.id = m.user_id
    where m.organizer_id = p_organizer_id and lower(u.email) = v_email
  ) then
    perform private.fail('already_member');
  end if;
  -- a newer invitation takes the place of an older one
  update public.organizer_invitations set status = 'withdrawn' where organizer_id = p_organizer_id and email = v_email and status = 'pending';
  insert into public.organizer_invitations (organizer_id, email, role, invited_by)
  values (p_organizer_id, v_email, p_role, auth.uid())
  returning * into v_invitation;
  return v_invitation;
end
$$;
create function public.invite_member(organizer_id uuid, email text, role text)
returns public.organizer_invitations
language sql volatile set search_path = ''
as $$ select private.invite_member(organizer_id, email, role) $$;
comment on function public.invite_member is 'Admin of the organizer: invites a mail address to a role (admin, editor, viewer, scanner) for 14 days. The answer does not tell whether the address has an account. A new invitation replaces the open one. Errors: organizer_not_found, forbidden, already_member, invalid_input, rate_limited.';
select private.expose_limited('invite_member(uuid, text, text)', 'invite_member', 'auth.uid()', 'authenticated');

create function private.withdraw_invitation(p_invitation_id uuid)
returns public.organizer_invitations
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_invitation public.organizer_invitations;
begin
  perform private.require_user();
  select i.* into v_invitation from public.organizer_invitations i
  where i.id = p_invitation_id and (i.organizer_id in (select private.my_admin_organizer_ids()) or private.is_admin())
  for no key update;
  if not found then
    perform private.fail('invitation_not_found');
  elsif v_invitation.status not in ('pending', 'withdrawn') then
    perform private.fail('invitation_over', jsonb_build_object('status', v_invitation.status));
  end if;
  update public.organizer_invitations set status = 'withdrawn' where id = p_invitation_id returning * into v_invitation;
  return v_invitation;
end
$$;
create function public.withdraw_invitation(invitation_id uuid)
returns public.organizer_invitations
language sql volatile set search_path = ''
as $$ select private.withdraw_invitation(invitation_id) $$;
comment on function public.withdraw_invitation is 'Admin of the organizer: withdraws an open invitation. Repeatable. Errors: invitation_not_found, invitation_over.';
select private.expose('withdraw_invitation(uuid)', 'authenticated');

-- The caller's own address, if it is verified.
create function private.my_verified_email()
returns text
language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select lower(u.email) from auth.users u join public.profiles p on p.id = u.id
    where u.id = auth.uid() and p.email_verified_at is not null
  );
end
$$;

create function private.my_invitations()
returns table (id uuid, organizer_id uuid, organizer_name text, role text, expires_at timestamptz, created_at timestamptz)
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform private.require_user();
  return query
    select i.id, i.organizer_id, o.name, i.role, i.expires_at, i.created_at
    from public.organizer_invitations i join public.organizers o on o.id = i.organizer_id
    where i.email = private.my_verified_email() and i.status = 'pending' and i.expires_at > now()
    order by i.created_at desc, i.id;
end
$$;
create function public.my_invitations()
returns table (id uuid, organizer_id uuid, organizer_name text, role text, expires_at timestamptz, created_at timestamptz)
language sql stable set search_path = ''
as $$ select * from private.my_invitations() $$;
comment on function public.my_invitations is 'Lists the open invitations to the caller''s verified mail address, newest first.';
select private.expose('my_invitations()', 'authenticated');

create function private.answer_invitation(p_invitation_id uuid, p_accept boolean)
returns public.organizer_members
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_invitation public.organizer_invitations;
  v_member public.organizer_members;
begin
  if p_accept is null then
    perform private.fail_input('accept', 'must be true or false');
  end if;
  select * into v_invitation from public.organizer_invitations
  where id = p_invitation_id and email = private.my_verified_email()
  for no key update;
  if not found then
    perform private.fail('invitation_not_found');
  end if;
  if v_invitation.status <> (case when p_accept then 'accepted' else 'declined' end) then
    if v_invitation.status <> 'pending' or v_invitation.expires_at <= now() then
      perform private.fail('invitation_over', jsonb_build_object('status', v_invitation.status));
    end if;
    if p_accept then
      perform private.require_not_suspended(v_user_id);
      -- a member by another way keeps the role
      insert into public.organizer_members (organizer_id, user_id, role)
      values (v_invitation.organizer_id, v_user_id, v_invitation.role)
      on conflict do nothing;
    end if;
    update public.organizer_invitations set status = case when p_accept then 'accepted' else 'declined' end where id = p_invitation_id;
  end if;
  select * into v_member from public.organizer_members where organizer_id = v_invitation.organizer_id and user_id = v_user_id;
  return v_member;
end
$$;
create function public.answer_invitation(invitation_id uuid, accept boolean)
returns public.organizer_members
language sql volatile set search_path = ''
as $$ select private.answer_invitation(invitation_id, accept) $$;
comment on function public.answer_invitation is 'Accepts or declines an invitation to the caller''s verified mail address. Answers the membership, whose fields are null after declining. Repeatable. Errors: invitation_not_found, invitation_over, account_suspended, invalid_input.';
select private.expose('answer_invitation(uuid, boolean)', 'authenticated');

create function private.set_organizer_role(p_organizer_id uuid, p_user_id uuid, p_role text)
returns public.organizer_members
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_member public.organizer_members;
begin
  perform private.require_organizer_role(p_organizer_id, 'admin');
  if p_role is null or p_role not in ('admin', 'editor', 'viewer', 'scanner') then
    perform private.fail_input('role', 'must be admin, editor, viewer or scanner');
  end if;
  if p_role <> 'admin' and exists (select from public.organizers where id = p_organizer_id and owner_id = p_user_id) then
    perform private.fail('organizer_owner_stays');
  end if;
  update public.organizer_members set role = p_role where organizer_id = p_organizer_id and user_id = p_user_id returning * into v_member;
  if not found then
    perform private.fail('not_found');
  end if;
  perform private.record_event('organizer.role_set', p_organizer_id, jsonb_build_object('user_id', p_user_id, 'role', p_role));
  return v_member;
end
$$;
create function public.set_organizer_role(organizer_id uuid, user_id uuid, role text)
returns public.organizer_members
language sql volatile set search_path = ''
as $$ select private.set_organizer_role(organizer_id, user_id, role) $$;
comment on function public.set_organizer_role is 'Admin of the organizer: gives a member another role (admin, editor, viewer, scanner). It counts from the next call on. Errors: organizer_not_found, forbidden, organizer_owner_stays, not_found, invalid_input.';
select private.expose('set_organizer_role(uuid, uuid, text)', 'authenticated');

create function private.remove_organizer_member(p_organizer_id uuid, p_user_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  -- anybody who is a member may leave
  if p_user_id is distinct from private.require_user() then
    perform private.require_organizer_role(p_organizer_id, 'admin');
  else
    perform private.require_organizer_role(p_organizer_id, 'admin', 'editor', 'viewer', 'scanner');
  end if;
  if exists (select from public.organizers where id = p_organizer_id and owner_id = p_user_id) then
    perform private.fail('organizer_owner_stays');
  end if;
  delete from public.organizer_members where organizer_id = p_organizer_id and user_id = p_user_id;
  if not found then
    perform private.fail('not_found');
  end if;
  perform private.record_event('organizer.member_removed', p_organizer_id, jsonb_build_object('user_id', p_user_id));
end
$$;
create function public.remove_organizer_member(organizer_id uuid, user_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.remove_organizer_member(organizer_id, user_id) $$;
comment on function public.remove_organizer_member is 'Removes a member, as an admin of the organizer; or leaves it, with the caller''s own id. The owner stays. Errors: organizer_not_found, forbidden, organizer_owner_stays, not_found.';
select private.expose('remove_organizer_member(uuid, uuid)', 'authenticated');

create function private.my_organizers()
returns table (id uuid, name text, description text, is_verified boolean, role text, is_owner boolean, created_at timestamptz)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
begin
  return query
    select o.id, o.name, o.description, o.is_verified, m.role, o.owner_id = v_user_id, o.created_at
    from public.organizer_members m join public.organizers o on o.id = m.organizer_id
    where m.user_id = v_user_id
    order by o.created_at desc, o.id;
end
$$;
create function public.my_organizers()
returns table (id uuid, name text, description text, is_verified boolean, role text, is_owner boolean, created_at timestamptz)
language sql stable set search_path = ''
as $$ select * from private.my_organizers() $$;
comment on function public.my_organizers is 'Lists the organizers that the caller acts for, newest first, with the role in each.';
select private.expose('my_organizers()', 'authenticated');

create function private.organizer_team(p_organizer_id uuid)
returns table (user_id uuid, display_name text, avatar_path text, role text, is_owner boolean, created_at timestamptz)
language plpgsql stable security definer set search_path = ''
as $$
begin
  perform private.require_organizer_role(p_organizer_id, 'admin', 'editor', 'viewer');
  return query
    select m.user_id, p.display_name, p.avatar_path, m.role, o.owner_id = m.user_id, m.created_at
    from public.organizer_members m
    join public.organizers o on o.id = m.organizer_id
    left join private.public_profiles(array(select t.user_id from public.organizer_members t where t.organizer_id = p_organizer_id)) p on p.user_id = m.user_id
    where m.organizer_id = p_organizer_id
    order by m.created_at, m.user_id;
end
$$;
create function public.organizer_team(organizer_id uuid)
returns table (user_id uuid, display_name text, avatar_path text, role text, is_owner boolean, created_at timestamptz)
language sql stable set search_path = ''
as $$ select * from private.organizer_team(organizer_id) $$;
comment on function public.organizer_team is 'Lists the members of an organizer, oldest first, for its admins, editors and viewers. display_name is null for a deleted account. Errors: organizer_not_found, forbidden.';
select private.expose('organizer_team(uuid)', 'authenticated');

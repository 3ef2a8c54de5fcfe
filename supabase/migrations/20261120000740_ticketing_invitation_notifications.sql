-- Ticketing: an invitation to act for an organizer reaches the person who has the address.
-- Rule kept here: the caller of invite_member learns nothing from it: the answer is the same with and without an account.
-- Left out on purpose: addresses that nobody has verified. An invitation waits until a person verifies it.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('organizer_invited', 'en', 'tickets', 'You are invited to {{organizer}}', '{{organizer}} invites you to join its team. Accept or decline by {{expires}}.', '{{organizer}} invites you to join its team', E'{{organizer}} invites you to join its team and to work on its events with it.\n\nOpen the app and accept or decline by {{expires}}. If you do not know this organizer, decline.'),
  ('organizer_invited', 'vi', 'tickets', 'Lời mời từ {{organizer}}', '{{organizer}} mời bạn tham gia đội ngũ. Vui lòng nhận lời hoặc từ chối trước {{expires}}.', '{{organizer}} mời bạn tham gia đội ngũ', E'{{organizer}} mời bạn tham gia đội ngũ để cùng tổ chức sự kiện.\n\nHãy mở ứng dụng và nhận lời hoặc từ chối trước {{expires}}. Nếu bạn không biết nhà tổ chức này, hãy từ chối.'),
  ('organizer_invitation_accepted', 'en', 'tickets', 'Your invitation was accepted', 'Somebody whom you invited has joined the team of {{organizer}}.', null, null),
  ('organizer_invitation_accepted', 'vi', 'tickets', 'Lời mời đã được nhận', 'Người bạn mời đã tham gia đội ngũ của {{organizer}}.', null, null);

create function private.addressees(p_invitation public.organizer_invitations)
returns private.addressee[]
language plpgsql stable set search_path = ''
as $$
begin
  return array[
    ('invited', (
      select p.id from auth.users u join public.profiles p on p.id = u.id
      where lower(u.email) = p_invitation.email and p.email_verified_at is not null and p.deleted_at is null
        and not private.is_blocked(p.id, p_invitation.invited_by))),
    ('inviter', p_invitation.invited_by)]::private.addressee[];
end
$$;
create function private.notification_data(p_invitation public.organizer_invitations)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return jsonb_build_object('invitation_id', p_invitation.id, 'organizer_id', p_invitation.organizer_id,
    'organizer', (select o.name from public.organizers o where o.id = p_invitation.organizer_id),
    'expires', private.time_value(p_invitation.expires_at, 'Asia/Ho_Chi_Minh'));
end
$$;
insert into private.notification_audiences (machine, audience) values ('organizer_invitation', 'invited'), ('organizer_invitation', 'inviter');
insert into private.notification_rules (machine, event, audience, template, channels) values
  ('organizer_invitation', 'invite', 'invited', 'organizer_invited', '{in_app,email}'),
  ('organizer_invitation', 'accept', 'inviter', 'organizer_invitation_accepted', '{in_app}');

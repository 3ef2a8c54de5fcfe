-- Reports: how each kind of subject is seen, looked at, taken down and put back.
-- Rule kept here: a person can report exactly what the person can read; what takes a subject down is the state or command
-- that its module has.
-- Left out on purpose: organizers, which are reported by their events or their people.

-- Vehicles -----------------------------------------------------------------------------------------------------------------
create function private.sees_vehicle(p_id uuid, p_user_id uuid)
returns boolean
language sql stable set search_path = ''
as $$ select exists (select from public.vehicles v where v.id = p_id and (v.status = 'published' or v.host_id = p_user_id)) $$;

create function private.look_at_vehicle(p_id uuid)
returns private.report_subject
language sql stable set search_path = ''
as $$
  select (v.host_id, v.title, v.revision::text, v.status = 'suspended', jsonb_build_object('status', v.status, 'revision', v.revision),
    jsonb_build_object('title', v.title, 'description', v.description, 'brand', v.brand, 'model', v.model, 'year', v.year, 'city', v.city,
      'price_per_day', v.price_per_day, 'media_ids', (
        select coalesce(jsonb_agg(i.media_id order by i.position), '[]') from public.vehicle_images i where i.vehicle_id = v.id)))::private.report_subject
  from public.vehicles v where v.id = p_id and v.status <> 'archived'
$$;

create function private.restrict_vehicle(p_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_status text := (select v.status from public.vehicles v where v.id = p_id);
begin
  if v_status not in ('published', 'pending_review') then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'vehicle', 'from', v_status, 'to', 'suspended'));
  end if;
  update public.vehicles set status = 'suspended' where id = p_id;
end
$$;

-- One that waited for its review was never looked at, so it waits again.
create function private.unrestrict_vehicle(p_id uuid, p_before jsonb)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.vehicles set status = p_before ->> 'status' where id = p_id;
exception
  when unique_violation then
    perform private.fail('plate_taken');
end
$$;

-- People -------------------------------------------------------------------------------------------------------------------
create function private.sees_person(p_id uuid, p_user_id uuid)
returns boolean
language sql stable set search_path = ''
as $$ select exists (select from public.profiles p where p.id = p_id and p.deleted_at is null) $$;

create function private.look_at_person(p_id uuid)
returns private.report_subject
language sql stable set search_path = ''
as $$
  select (p.id, p.display_name, md5(concat_ws('|', p.display_name, p.bio, p.avatar_media_id)), s.user_id is not null,
    case when s.user_id is null then '{}' else jsonb_build_object('reason', s.reason, 'until', s.until) end,
    jsonb_build_object('display_name', p.display_name, 'bio', p.bio, 'avatar_media_id', p.avatar_media_id))::private.report_subject
  from public.profiles p
  left join private.suspended_people s on s.user_id = p.id
  where p.id = p_id and p.deleted_at is null
$$;

-- Events -------------------------------------------------------------------------------------------------------------------
create function private.sees_event(p_id uuid, p_user_id uuid)
returns boolean
language sql stable set search_path = ''
as $$ select coalesce((select private.may_see_event(e, p_user_id) from public.events e where e.id = p_id), false) $$;

create function private.look_at_event(p_id uuid)
returns private.report_subject
language sql stable set search_path = ''
as $$
  select (o.owner_id, e.title, md5(concat_ws('|', e.title, e.description, e.category, e.venue, e.address, e.city, e.starts_at, e.ends_at)),
    e.hidden_at is not null, jsonb_build_object('status', e.status),
    jsonb_build_object('title', e.title, 'description', e.description, 'category', e.category, 'venue', e.venue, 'address', e.address, 'city', e.city,
      'starts_at', e.starts_at, 'ends_at', e.ends_at, 'organizer', o.name))::private.report_subject
  from public.events e join public.organizers o on o.id = e.organizer_id
  where e.id = p_id and e.published_at is not null
$$;

-- Reviews ------------------------------------------------------------------------------------------------------------------
create function private.sees_review(p_id uuid, p_user_id uuid)
returns boolean
language sql stable set search_path = ''
as $$
  select exists (
    select from public.reviews r
    where r.id = p_id and (r.status = 'released' or (r.status = 'written' and r.write_until <= now()) or r.author_id = p_user_id))
$$;

create function private.look_at_review(p_id uuid)
returns private.report_subject
language sql stable set search_path = ''
as $$
  select (r.author_id, p.display_name, md5(concat_ws('|', r.rating, r.aspects, r.comment, r.reply)), r.status = 'hidden',
    jsonb_build_object('status', r.status, 'released_at', r.released_at),
    jsonb_build_object('rating', r.rating, 'aspects', r.aspects, 'comment', r.comment, 'reply', r.reply, 'subject_id', r.subject_id,
      'vehicle_id', r.vehicle_id))::private.report_subject
  from public.reviews r join public.profiles p on p.id = r.author_id
  where r.id = p_id and r.status <> 'withdrawn'
$$;

-- Messages -----------------------------------------------------------------------------------------------------------------
create function private.sees_message(p_id uuid, p_seq bigint, p_user_id uuid)
returns boolean
language sql stable set search_path = ''
as $$
  select exists (
    select from public.messages m
    join public.conversation_members u on u.conversation_id = m.conversation_id and u.user_id = p_user_id and u.readable @> m.seq
    where m.conversation_id = p_id and m.seq = p_seq and m.kind = 'text' and m.deleted_at is null and m.hidden_at is null)
$$;

-- With what was written before it, as far as the caller may read that: a reporter hands it over with the report.
create function private.look_at_message(p_id uuid, p_seq bigint)
returns private.report_subject
language sql stable set search_path = ''
as $$
  select (m.sender_id, p.display_name, md5(concat_ws('|', coalesce(m.body, h.body), m.attachment_count)), m.hidden_at is not null,
    jsonb_build_object('change', m.change),
    jsonb_build_object('body', coalesce(m.body, h.body), 'files', m.attachment_count, 'created_at', m.created_at, 'edited_at', m.edited_at, 'before', (
      select coalesce(jsonb_agg(jsonb_build_object('seq', b.seq, 'sender_id', b.sender_id, 'body', b.body, 'created_at', b.created_at) order by b.seq), '[]')
      from (
        select * from public.messages x
        where x.conversation_id = p_id and x.seq between p_seq - 5 and p_seq - 1 and x.kind = 'text' and private.my_readable(p_id) @> x.seq
      ) b)))::private.report_subject
  from public.messages m
  join public.profiles p on p.id = m.sender_id
  left join private.hidden_messages h on h.conversation_id = m.conversation_id and h.seq = m.seq
  where m.conversation_id = p_id and m.seq = p_seq and m.kind = 'text' and m.deleted_at is null
$$;

-- Inboxes are locked before conversations, as everywhere: all that tells people comes first.
create function private.restrict_message(p_id uuid, p_seq bigint)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_message private.report_subject := private.look_at_message(p_id, p_seq);
begin
  perform private.record_moderation('message', p_id, p_seq, 'hide', v_message.before);
  perform private.notify(v_message.owner_id, 'message_hidden_sender',
    jsonb_build_object('conversation_id', p_id, 'seq', p_seq, 'reason', private.audit_reason()), gen_random_uuid()::text);
  perform private.number_notifications();
  perform private.hide_message(p_id, p_seq);
end
$$;

create function private.unrestrict_message(p_id uuid, p_seq bigint)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_message private.report_subject := private.look_at_message(p_id, p_seq);
begin
  perform private.record_moderation('message', p_id, p_seq, 'restore', v_message.before);
  perform private.notify(v_message.owner_id, 'message_shown_sender', jsonb_build_object('conversation_id', p_id, 'seq', p_seq), gen_random_uuid()::text);
  perform private.number_notifications();
  perform private.show_message(p_id, p_seq);
end
$$;

-- Of all kinds -------------------------------------------------------------------------------------------------------------
-- The functions are named here and not in rows, because which errors a command has is read from its code.
create function private.sees_subject(p_kind text, p_id uuid, p_seq bigint, p_user_id uuid)
returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return case p_kind
    when 'vehicle' then private.sees_vehicle(p_id, p_user_id)
    when 'person' then private.sees_person(p_id, p_user_id)
    when 'event' then private.sees_event(p_id, p_user_id)
    when 'review' then private.sees_review(p_id, p_user_id)
    when 'message' then private.sees_message(p_id, p_seq, p_user_id)
  end;
end
$$;

create function private.look_at_subject(p_kind text, p_id uuid, p_seq bigint)
returns private.report_subject
language plpgsql stable set search_path = ''
as $$
begin
  return case p_kind
    when 'vehicle' then private.look_at_vehicle(p_id)
    when 'person' then private.look_at_person(p_id)
    when 'event' then private.look_at_event(p_id)
    when 'review' then private.look_at_review(p_id)
    when 'message' then private.look_at_message(p_id, p_seq)
  end;
end
$$;

create function private.lock_subject(p_kind text, p_id uuid, p_seq bigint)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  case p_kind
    when 'vehicle' then
      perform from public.vehicles where id = p_id for no key update;
    when 'person' then
      perform from public.profiles where id = p_id for no key update;
    when 'event' then
      perform from public.events where id = p_id for no key update;
    when 'review' then
      -- as writing a review does: the invitations of its trip first
      perform from public.review_invitations
      where booking_id = (select r.booking_id from public.reviews r where r.id = p_id) order by side for no key update;
      perform from public.reviews where id = p_id for no key update;
    when 'message' then
      perform from private.moderation_cases where kind = 'message' and subject_id = p_id and seq = p_seq for no key update;
  end case;
end
$$;

-- The subject is locked, and the audit context says why.
create function private.take_down(p_kind text, p_id uuid, p_seq bigint, p_reason text, p_until timestamptz)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  case p_kind
    when 'vehicle' then
      perform private.restrict_vehicle(p_id);
    when 'person' then
      perform private.suspend_user(p_id, p_reason, p_until);
    when 'event' then
      perform private.hide_event(p_id);
    when 'review' then
      perform private.hide_review(p_id, p_reason);
    when 'message' then
      perform private.restrict_message(p_id, p_seq);
  end case;
exception
  -- of a message that was hidden or deleted while this waited
  when sqlstate 'PT404' then
    perform private.fail('subject_gone');
end
$$;

create function private.put_back(p_kind text, p_id uuid, p_seq bigint, p_reason text, p_before jsonb)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  case p_kind
    when 'vehicle' then
      perform private.unrestrict_vehicle(p_id, p_before);
    when 'person' then
      perform private.reinstate_user(p_id, p_reason);
    when 'event' then
      perform private.show_event(p_id);
    when 'review' then
      perform private.restore_review(p_id, p_reason);
    when 'message' then
      perform private.unrestrict_message(p_id, p_seq);
  end case;
exception
  when sqlstate 'PT404' then
    perform private.fail('subject_gone');
end
$$;

-- Notifications: writing them, in the transaction that caused them.
-- Rule kept here: a notification exists exactly when what it reports was committed.
-- Left out on purpose: deciding what leaves the app, and when, which is asked when it is sent (notifications_sending).

create function private.unread_count(p_user_id uuid)
returns int
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select count(*)::int from public.notifications where user_id = p_user_id and read_at is null and deleted_at is null
  );
end
$$;

-- Notifies people of one cause, each with a template of their own, and queues what leaves the app: mail and push where the
-- template has them, or, where p_channels gives a list such as '{in_app,sms}', the mail and the SMS that it names. The same
-- template for the same cause a second time does nothing.
create function private.notify_each(p_user_ids uuid[], p_templates text[], p_data jsonb, p_cause text, p_channels text[] default '{}')
returns void
-- a generic plan: otherwise PostgreSQL plans it anew for each call, because the planner looks into arrays
language plpgsql volatile security definer set search_path = '' set plan_cache_mode = force_generic_plan
as $$
begin
  with told as (
    insert into public.notifications (user_id, category, template, template_version, locale, title, body, data, dedupe_key)
    select w.user_id, t.category, w.template, t.version, t.locale, private.render(t.title, p_data, t.locale), private.render(t.body, p_data, t.locale), p_data,
           w.template || ':' || p_cause
    from unnest(p_user_ids, p_templates) as w (user_id, template)
    -- outer joins: a person or a template that does not exist must be an error and must not be skipped
    left join public.profiles p on p.id = w.user_id
    left join lateral (
      select * from public.notification_templates t
      where t.code = w.template and t.locale = p.locale
      order by t.version desc
      limit 1
    ) t on true
    -- somebody whose account is deleted is told nothing
    where p.deleted_at is null
    on conflict (user_id, dedupe_key) do nothing
    returning id, user_id, category, template, locale, template_version
  ), deliveries as (
    insert into public.deliveries (user_id, notification_id, category, channel, status, reason, decided_at)
    select n.user_id, n.id, n.category, c.channel, case when c.decided is null then 'queued' else 'suppressed' end, c.decided,
           case when c.decided is not null then clock_timestamp() end
    from told n
    join public.notification_templates t on t.code = n.template and t.locale = n.locale and t.version = n.template_version
    join unnest(p_user_ids, p_templates, p_channels) as w (user_id, template, channels) on w.user_id = n.user_id and w.template = n.template
    cross join lateral (
      select 'email' as channel, null as decided where t.email_subject is not null and coalesce(w.channels::text[] @> '{email}', true)
      union all
      -- most people have no device, and a row in the outbox to find that out would be work for nothing
      select 'push', case when not exists (select from private.devices d where d.user_id = n.user_id) then 'no_device' end where t.push
      union all
      select 'sms', null where t.sms_body is not null and w.channels::text[] @> '{sms}'
    ) c
    -- two rules may tell a person the same of one move
    on conflict do nothing
    returning id, channel, status
  )
  insert into private.outbox (topic, payload, dedupe_key)
  select d.channel, jsonb_build_object('delivery_id', d.id), d.id::text from deliveries d where d.status = 'queued';
end
$$;

-- Notifies one person of what is not a move of a state machine. Moves have rules (foundation_notification_rules).
create function private.notify(p_user_id uuid, p_template text, p_data jsonb, p_cause text)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.notify_each(array[p_user_id], array[p_template], p_data, p_cause);
end
$$;

-- Notifies people of one move, by the rules of its event. The cause is the move's row in the log, so a host whose
-- listing is suspended twice is notified twice.
create function private.notify_of_transition(
  p_log_id bigint, p_machine text, p_from_state text, p_event text, p_addressees private.addressee[], p_data jsonb
)
returns void
language plpgsql volatile set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_user_ids uuid[];
  v_templates text[];
  v_channels text[];
begin
  select array_agg(a.user_id), array_agg(r.template), array_agg(r.channels::text)
  into v_user_ids, v_templates, v_channels
  from unnest(p_addressees) a
  join private.notification_rules r on r.machine = p_machine and r.event = p_event and r.audience = a.audience
  where a.user_id is not null and coalesce(r.from_state = p_from_state, true) and p_data @> r.only_if;
  if v_user_ids is not null then
    perform private.notify_each(v_user_ids, v_templates, p_data, 'move ' || p_log_id, v_channels);
  end if;
end
$$;

-- Numbers and sends what this transaction wrote, as its last act: the inboxes of several people are
-- locked for a moment only, in one order, after every other lock. Nobody else sees an unnumbered row. The badge is
-- counted under that lock, by a statement that begins after it, so the last badge sent is right (as in tell_inbox).
-- Who locks something after inboxes, such as a conversation, calls it first. SET CONSTRAINTS would not do: inside another
-- trigger of the commit it leaves out what the same commit has yet to run.
create function private.number_notifications()
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_person record;
  v_note record;
  v_seq bigint;
  v_unread int;
begin
  -- DO NOT lock an inbox before: who rates people locks them first, and then their inboxes
  perform private.write_noted_trust_scores();
  for v_person in
    select user_id, count(*) as told from public.notifications where seq is null group by user_id order by user_id
  loop
    update private.inboxes set last_seq = last_seq + v_person.told where user_id = v_person.user_id
    returning last_seq - v_person.told into strict v_seq;
    v_unread := private.unread_count(v_person.user_id);
    for v_note in
      select id from public.notifications where user_id = v_person.user_id and seq is null order by created_at, id
    loop
      v_seq := v_seq + 1;
      update public.notifications n set seq = v_seq where id = v_note.id
      returning to_jsonb(n) - '{locale,dedupe_key,deleted_at}'::text[] as facts into v_note;
      perform private.broadcast('user:' || v_person.user_id, 'notification', v_note.facts || jsonb_build_object('unread', v_unread));
    end loop;
  end loop;
end
$$;

-- Every row calls it; the first call numbers all of them.
create function private.number_at_commit()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.number_notifications();
  return null;
end
$$;
create constraint trigger number_at_commit
  after insert on public.notifications
  deferrable initially deferred
  for each row execute function private.number_at_commit();

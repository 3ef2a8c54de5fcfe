-- Ticketing: another date or place for an event that people hold tickets of, or no date for now.
-- Rule kept here: every ticket holder gets a notification of every such change; tickets stay valid; while the event has no date, and
-- for some days after it has another one, buyers may return what they bought for what they paid (private.may_return).
-- Left out on purpose: notifications of a change before anything is sold.

alter table private.settings
  add constraint settings_event_return_days check (key <> 'event_return_days' or private.is_whole(value, 1, 90)),
  add constraint settings_event_notice_chunk check (key <> 'event_notice_chunk' or private.is_whole(value, 1, 5000));
insert into private.settings (key, value, description) values
  ('event_return_days', '7', 'Days in which buyers may return tickets after an event got another date or place, and at most until it starts.'),
  ('event_notice_chunk', '500', 'Holders of tickets that one run tells of a change of their event. The next run follows within a minute.');

create table private.event_notices (
  id bigint generated always as identity primary key,
  event_id uuid not null references public.events on delete restrict,
  template text not null,
  data jsonb not null,
  last_user_id uuid,
  told int not null default 0,
  created_at timestamptz not null default now(),
  finished_at timestamptz
);
create index event_notices_open_idx on private.event_notices (id) where finished_at is null;
create index event_notices_event_idx on private.event_notices (event_id);
comment on table private.event_notices is 'What the holders of tickets of an event are told, in parts. A later notice about the same event takes the place of one that is not finished.';
comment on column private.event_notices.data is 'The variables of the text, the same for everybody.';
comment on column private.event_notices.last_user_id is 'How far it has come: holders are told in the order of their ids. Null before the first.';
alter table private.event_notices enable row level security;
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.event_notices', 'r.last_user_id = $1', 'retain', '{}', 'How far a notice has come; the id says nothing about its person.');
select private.retain_columns('private.event_notices', 'How far a notice has come, and its words.', 'template', 'last_user_id', 'data');

-- Tells the next part of the holders. A run that is killed has told nobody, and a person is told once.
create function private.work_event_notice(p_id bigint, p_limit int)
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_notice private.event_notices;
  v_people uuid[];
begin
  select * into v_notice from private.event_notices where id = p_id and finished_at is null for no key update skip locked;
  if not found then
    return 0;
  end if;
  v_people := array(
    select distinct t.holder_id from public.tickets t
    where t.event_id = v_notice.event_id and t.status = 'valid' and (v_notice.last_user_id is null or t.holder_id > v_notice.last_user_id)
    order by t.holder_id
    limit p_limit
  );
  if cardinality(v_people) > 0 then
    perform private.notify_each(v_people, array_fill(v_notice.template, array[cardinality(v_people)]), v_notice.data, 'notice ' || p_id);
  end if;
  update private.event_notices
  set last_user_id = coalesce(v_people[cardinality(v_people)], last_user_id), told = told + cardinality(v_people),
      finished_at = case when cardinality(v_people) < p_limit then now() end
  where id = p_id;
  return cardinality(v_people);
end
$$;

create function private.work_event_notices()
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_id bigint;
  v_limit constant int := private.setting('event_notice_chunk')::int;
  v_count int := 0;
begin
  for v_id in select n.id from private.event_notices n where n.finished_at is null order by n.id loop
    v_count := v_count + private.work_event_notice(v_id, v_limit - v_count);
    exit when v_count >= v_limit;
  end loop;
  return v_count;
end
$$;
select private.schedule_job('journey_event_notices', 'Tells holders of tickets that their event was postponed or got another date, a part at a time.',
  '* * * * *', interval '15 minutes', 'select private.work_event_notices()');

create function private.tell_holders(p_event public.events, p_template text)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_id bigint;
begin
  update private.event_notices set finished_at = now() where event_id = p_event.id and finished_at is null;
  insert into private.event_notices (event_id, template, data)
  values (p_event.id, p_template, jsonb_build_object('event_id', p_event.id, 'event', p_event.title, 'venue', p_event.venue, 'reason', coalesce(private.audit_reason(), '—'),
    'starts', private.time_value(p_event.starts_at, p_event.time_zone), 'until', private.time_value(p_event.returns_until, p_event.time_zone)))
  returning id into v_id;
  perform private.work_event_notice(v_id, private.setting('event_notice_chunk')::int);
end
$$;

create function private.postpone_event(p_event_id uuid, p_reason text)
returns public.events
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_event public.events := private.lock_event(p_event_id, 'admin');
begin
  perform private.require_reason(p_reason, 3);
  if v_event.status = 'postponed' then
    return v_event;
  elsif private.event_state(v_event) in ('ended', 'cancelled') then
    perform private.event_move_refused(v_event, 'postponed');
  end if;
  perform private.set_audit_context('postpone', p_reason);
  update public.events set status = 'postponed' where id = p_event_id returning * into v_event;
  perform private.tell_holders(v_event, 'event_postponed');
  return v_event;
end
$$;
create function public.postpone_event(event_id uuid, reason text)
returns public.events
language sql volatile set search_path = ''
as $$ select private.postpone_event(event_id, reason) $$;
comment on function public.postpone_event is 'Admin of the organizer: puts off an event that is not over, without another date for now. Nothing is sold and its waiting room admits nobody; tickets stay valid, every holder is told, and buyers may return theirs for what they paid until it has a date, and some days more. `reason` has 3–500 characters, and holders read it. Repeatable. Errors: event_not_found, forbidden, illegal_transition, invalid_input.';
select private.expose('postpone_event(uuid, text)', 'authenticated');

create function private.reschedule_event(p_event_id uuid, p_details jsonb)
returns public.events
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_event public.events := private.lock_event(p_event_id, 'admin');
  v_new public.events;
  v_field text;
  v_constraint text;
  v_column text;
begin
  if private.event_state(v_event) not in ('published', 'postponed') then
    perform private.event_move_refused(v_event, case when v_event.published_at is null then 'configured' else 'published' end);
  end if;
  v_new := private.apply_event_details(v_event, p_details);
  select k into v_field from jsonb_object_keys(p_details) k where k not in ('starts_at', 'ends_at', 'venue', 'address', 'city', 'lat', 'lng', 'time_zone') order by k limit 1;
  if found then
    perform private.fail('event_not_editable', jsonb_build_object('field', v_field, 'status', v_event.status));
  elsif v_event.status = 'postponed' and not (p_details ? 'starts_at' and p_details ? 'ends_at') then
    perform private.fail_input('starts_at', 'must be given, and ends_at: a postponed event needs a date');
  elsif v_new.starts_at <= now() then
    perform private.fail_input('starts_at', 'must be to come');
  end if;
  if v_event.status = 'published' and (v_new.starts_at, v_new.ends_at, v_new.venue, v_new.address, v_new.city, v_new.location, v_new.time_zone)
     is not distinct from (v_event.starts_at, v_event.ends_at, v_event.venue, v_event.address, v_event.city, v_event.location, v_event.time_zone) then
    return v_event;
  end if;
  perform private.set_audit_context('reschedule');
  begin
    update public.events e
    set starts_at = v_new.starts_at, ends_at = v_new.ends_at, venue = v_new.venue, address = v_new.address, city = v_new.city, location = v_new.location,
        time_zone = v_new.time_zone, status = case when e.published_at is null then 'configured' else 'published' end,
        returns_until = case when e.published_at is not null then
          least(greatest(e.returns_until, now() + private.setting('event_return_days')::int * interval '1 day'), v_new.starts_at) end
    where e.id = p_event_id
    returning * into v_event;
  exception
    when check_violation or not_null_violation or foreign_key_violation then
      get stacked diagnostics v_constraint = constraint_name, v_column = column_name;
      perform private.fail_field('events', v_constraint, v_column, '');
  end;
  perform private.record_event('event.rescheduled', p_event_id, jsonb_build_object('starts_at', v_event.starts_at, 'ends_at', v_event.ends_at, 'venue', v_event.venue));
  perform private.tell_holders(v_event, 'event_rescheduled');
  return v_event;
end
$$;
create function public.reschedule_event(event_id uuid, details jsonb)
returns public.events
language sql volatile set search_path = ''
as $$ select private.reschedule_event(event_id, details) $$;
comment on function public.reschedule_event is 'Admin of the organizer: gives an event that is published or postponed another date or place. details {starts_at, ends_at (both needed of a postponed one), time_zone, venue, address, city, lat, lng}; what is absent stays. A postponed one that was published is published again, another one waits for approval. Tickets stay valid, reminders and calendar files follow, every holder is told, and until returns_until buyers may return tickets for what they paid. Repeatable. Errors: event_not_found, forbidden, illegal_transition, event_not_editable (details.field), invalid_input, unknown_field.';
select private.expose('reschedule_event(uuid, jsonb)', 'authenticated');

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('event_postponed', 'en', 'tickets', '{{event}} is postponed', '{{event}} does not take place on {{starts}}. You hear from us when it has another date. Your tickets stay valid; those that you bought can be returned for what you paid.', '{{event}} is postponed', E'{{event}} does not take place on {{starts}}.\n\nReason: {{reason}}\n\nYou hear from us when it has another date. Your tickets stay valid. Those that you bought can be returned in the app for what you paid.'),
  ('event_postponed', 'vi', 'tickets', '{{event}} bị hoãn', '{{event}} sẽ không diễn ra vào {{starts}}. Chúng tôi sẽ báo khi có ngày mới. Vé của bạn vẫn còn hiệu lực; vé do bạn mua có thể trả lại để nhận đủ số tiền đã trả.', '{{event}} bị hoãn', E'{{event}} sẽ không diễn ra vào {{starts}}.\n\nLý do: {{reason}}\n\nChúng tôi sẽ báo khi có ngày mới. Vé của bạn vẫn còn hiệu lực. Vé do bạn mua có thể trả lại trong ứng dụng để nhận đủ số tiền đã trả.'),
  ('event_rescheduled', 'en', 'tickets', 'New date or place: {{event}}', '{{event}} now begins on {{starts}} at {{venue}}. Your tickets stay valid. If you cannot come, return those that you bought by {{until}} for what you paid.', 'New date or place: {{event}}', E'{{event}} has another date or place.\n\nWhen: {{starts}}\nWhere: {{venue}}\n\nYour tickets stay valid. If you cannot come, return those that you bought in the app by {{until}} for what you paid.'),
  ('event_rescheduled', 'vi', 'tickets', 'Thời gian hoặc địa điểm mới: {{event}}', '{{event}} nay bắt đầu lúc {{starts}} tại {{venue}}. Vé của bạn vẫn còn hiệu lực. Nếu không thể đến, bạn có thể trả vé mình đã mua trước {{until}} để nhận đủ số tiền đã trả.', 'Thời gian hoặc địa điểm mới: {{event}}', E'{{event}} có thời gian hoặc địa điểm mới.\n\nThời gian: {{starts}}\nĐịa điểm: {{venue}}\n\nVé của bạn vẫn còn hiệu lực. Nếu không thể đến, bạn có thể trả vé mình đã mua trong ứng dụng trước {{until}} để nhận đủ số tiền đã trả.');

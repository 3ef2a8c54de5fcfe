-- Ticketing: who is told of transfers, and the reminder before an event.
-- Rule kept here: a reminder is for those who hold a valid ticket at that moment, once for each date of the event.
-- Left out on purpose: who gives a ticket: a name would stay in the notifications of others when its account is deleted.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('ticket_offered_recipient', 'en', 'tickets', 'A ticket for you', 'You are offered a ticket for {{event}} on {{starts}}. Accept it by {{expires}}.', 'A ticket for {{event}} is offered to you', E'You are offered a ticket for {{event}}.\n\n{{starts}}\n{{venue}}\n\nOpen the app and accept it by {{expires}}.'),
  ('ticket_offered_recipient', 'vi', 'tickets', 'Bạn được tặng vé', 'Bạn được chuyển một vé {{event}} lúc {{starts}}. Hãy nhận trước {{expires}}.', 'Bạn được chuyển một vé {{event}}', E'Bạn được chuyển một vé {{event}}.\n\n{{starts}}\n{{venue}}\n\nHãy mở ứng dụng và nhận vé trước {{expires}}.'),
  ('ticket_accepted_giver', 'en', 'tickets', 'Your ticket was accepted', 'Your ticket for {{event}} was accepted. Your earlier code no longer opens the door.', null, null),
  ('ticket_accepted_giver', 'vi', 'tickets', 'Vé của bạn đã được nhận', 'Vé {{event}} của bạn đã được nhận. Mã cũ của bạn không còn hiệu lực.', null, null),
  ('ticket_declined_giver', 'en', 'tickets', 'Your ticket was declined', 'Your ticket for {{event}} was declined. It stays yours.', null, null),
  ('ticket_declined_giver', 'vi', 'tickets', 'Vé của bạn bị từ chối', 'Vé {{event}} của bạn đã bị từ chối. Vé vẫn là của bạn.', null, null),
  ('event_reminder', 'en', 'tickets', 'Coming up: {{event}}', '{{event}} begins on {{starts}} at {{venue}}. Your tickets: {{tickets}}.', 'Coming up: {{event}}', E'{{event}}\n\n{{starts}}\n{{venue}}\n\nYour tickets: {{tickets}}. Open them in the app before you leave; they also work without a connection.'),
  ('event_reminder', 'vi', 'tickets', 'Sắp diễn ra: {{event}}', '{{event}} bắt đầu lúc {{starts}} tại {{venue}}. Số vé của bạn: {{tickets}}.', 'Sắp diễn ra: {{event}}', E'{{event}}\n\n{{starts}}\n{{venue}}\n\nSố vé của bạn: {{tickets}}. Hãy mở vé trong ứng dụng trước khi đi; vé vẫn dùng được khi không có mạng.');

create function private.addressees(p_transfer public.ticket_transfers)
returns private.addressee[]
language plpgsql stable set search_path = ''
as $$
begin
  return array[('giver', p_transfer.from_id), ('recipient', p_transfer.to_id)]::private.addressee[];
end
$$;
create function private.notification_data(p_transfer public.ticket_transfers)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'transfer_id', p_transfer.id, 'ticket_id', t.id, 'event_id', e.id, 'event', e.title, 'venue', e.venue,
      'starts', private.time_value(e.starts_at, e.time_zone), 'expires', private.time_value(p_transfer.expires_at, e.time_zone))
    from public.tickets t join public.events e on e.id = t.event_id
    where t.id = p_transfer.ticket_id
  );
end
$$;
insert into private.notification_audiences (machine, audience) values ('ticket_transfer', 'giver'), ('ticket_transfer', 'recipient');
insert into private.notification_rules (machine, event, from_state, audience, template, channels) values
  ('ticket_transfer', 'offer', null, 'recipient', 'ticket_offered_recipient', '{in_app,email}'),
  ('ticket_transfer', 'accept', null, 'giver', 'ticket_accepted_giver', '{in_app}'),
  ('ticket_transfer', 'decline', null, 'giver', 'ticket_declined_giver', '{in_app}');

create table private.event_reminders (
  event_id uuid not null references public.events on delete restrict,
  starts_at timestamptz not null,
  user_id uuid not null references public.profiles on delete restrict,
  primary key (event_id, starts_at, user_id)
);
create index event_reminders_user_idx on private.event_reminders (user_id);
comment on table private.event_reminders is 'Who was reminded of which date of an event.';
alter table private.event_reminders enable row level security;
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.event_reminders', 'r.user_id = $1', 'erase', '{}', 'Nobody is reminded who is gone.');

-- A part at a time, so that a run holds few inboxes. The next minute goes on.
create function private.remind_ticket_holders()
returns int
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_holder record;
  v_count int := 0;
begin
  for v_holder in
    select e.id as event_id, e.title, e.venue, e.starts_at, e.time_zone, t.holder_id, count(*) as tickets
    from public.events e
    join public.tickets t on t.event_id = e.id and t.status = 'valid'
    where e.status = 'published' and e.starts_at > now() and e.starts_at <= now() + make_interval(hours => (private.setting('event_reminder_hours'))::int)
      and not exists (select from private.event_reminders r where r.event_id = e.id and r.starts_at = e.starts_at and r.user_id = t.holder_id)
    group by e.id, t.holder_id
    order by t.holder_id
    limit 500
  loop
    insert into private.event_reminders (event_id, starts_at, user_id) values (v_holder.event_id, v_holder.starts_at, v_holder.holder_id) on conflict do nothing;
    continue when not found;
    perform private.notify(v_holder.holder_id, 'event_reminder', jsonb_build_object(
      'event_id', v_holder.event_id, 'event', v_holder.title, 'venue', v_holder.venue,
      'starts', private.time_value(v_holder.starts_at, v_holder.time_zone), 'tickets', v_holder.tickets
    ), format('%s at %s', v_holder.event_id, extract(epoch from v_holder.starts_at)));
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
select private.schedule_job('journey_event_reminders', 'Reminds holders of tickets before their event.', '* * * * *', interval '1 hour', 'select private.remind_ticket_holders()');

-- Ticketing: events that staff has hidden.
-- Rule kept here: a hidden event is found and sold nowhere; its state, its orders and its tickets stay as they are, so that
-- showing it again puts back exactly what was there. Its owner is told the reason, whatever hid it.
-- Left out on purpose: cancelling it and giving the money back, which is cancel_event; why it is hidden, which reports know.

-- Anybody sees what was published; what is hidden is seen by its team, and by who bought or holds a ticket of it.
create function private.may_see_event(p_event public.events, p_user_id uuid)
returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return p_event.published_at is not null and (
    p_event.hidden_at is null
    or exists (select from public.organizer_members m where m.organizer_id = p_event.organizer_id and m.user_id = p_user_id)
    or exists (select from public.orders o where o.event_id = p_event.id and o.buyer_id = p_user_id)
    or exists (select from public.tickets t where t.event_id = p_event.id and t.holder_id = p_user_id));
end
$$;

create function private.hide_event(p_event_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.events set hidden_at = now() where id = p_event_id and published_at is not null and hidden_at is null;
  if not found then
    perform private.fail('event_not_found');
  end if;
end
$$;
comment on function private.hide_event is 'For the module of reports: hides a published event. Errors: event_not_found (also one that is hidden or was never published).';

create function private.show_event(p_event_id uuid)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.events set hidden_at = null where id = p_event_id and hidden_at is not null;
  if not found then
    perform private.fail('event_not_found');
  end if;
end
$$;
comment on function private.show_event is 'For the module of reports: shows a hidden event again, in the state that it has. Errors: event_not_found (also one that is not hidden).';

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('event_hidden_owner', 'en', 'tickets', 'Event hidden', 'Your event {{event}} was hidden, and no tickets of it are sold. Reason: {{reason}}. Write to support if you disagree.', 'Your event {{event}} was hidden', E'Your event {{event}} was hidden. It is not found, and no tickets of it are sold. Tickets that were sold stay valid.\n\nReason: {{reason}}\n\nWrite to support in the app if you disagree.'),
  ('event_hidden_owner', 'vi', 'tickets', 'Sự kiện bị ẩn', 'Sự kiện {{event}} của bạn đã bị ẩn và ngừng bán vé. Lý do: {{reason}}. Vui lòng nhắn cho bộ phận hỗ trợ nếu bạn không đồng ý.', 'Sự kiện {{event}} của bạn đã bị ẩn', E'Sự kiện {{event}} của bạn đã bị ẩn: sự kiện không còn hiển thị và ngừng bán vé. Vé đã bán vẫn có hiệu lực.\n\nLý do: {{reason}}\n\nVui lòng nhắn cho bộ phận hỗ trợ trong ứng dụng nếu bạn không đồng ý.'),
  ('event_shown_owner', 'en', 'tickets', 'Event shown again', 'Your event {{event}} is shown again, as it was.', null, null),
  ('event_shown_owner', 'vi', 'tickets', 'Sự kiện đã hiển thị lại', 'Sự kiện {{event}} của bạn đã được hiển thị lại như trước.', null, null);

create function private.tell_owner_of_hiding()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform private.notify(o.owner_id, case when new.hidden_at is null then 'event_shown_owner' else 'event_hidden_owner' end,
    private.notification_data(new) || jsonb_build_object('reason', coalesce(private.audit_reason(), '—')), gen_random_uuid()::text)
  from public.organizers o where o.id = new.organizer_id;
  return null;
end
$$;
create trigger tell_owner_of_hiding after update of hidden_at on public.events
  for each row when ((old.hidden_at is null) <> (new.hidden_at is null))
  execute function private.tell_owner_of_hiding();

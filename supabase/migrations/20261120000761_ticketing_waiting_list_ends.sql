-- Ticketing: notifications of offers, the job that tidies waiting lists, and what must hold of them.
-- Rule kept here: a person who is offered tickets, loses an offer, or waited in vain gets a notification.
-- Left out on purpose: anything that depends on the job. It serves lists that nobody looks at, and ends places of sales that are over.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('waiting_list_offered', 'en', 'tickets', 'Tickets for you: {{event}}', '{{quantity}} ticket(s) {{class}} for {{event}} are kept for you. Order them by {{expires}}.', 'Tickets for {{event}} are kept for you', E'{{quantity}} ticket(s) {{class}} for {{event}} are kept for you.\n\nOpen the app and order them by {{expires}}. After that they go to the next person who waits.'),
  ('waiting_list_offered', 'vi', 'tickets', 'Đã có vé cho bạn: {{event}}', '{{quantity}} vé {{class}} của {{event}} đang được giữ cho bạn. Vui lòng đặt vé trước {{expires}}.', 'Vé {{event}} đang được giữ cho bạn', E'{{quantity}} vé {{class}} của {{event}} đang được giữ cho bạn.\n\nHãy mở ứng dụng và đặt vé trước {{expires}}. Sau đó vé sẽ được chuyển cho người chờ tiếp theo.'),
  ('waiting_list_lapsed', 'en', 'tickets', 'Your offer is over', 'You did not order the tickets for {{event}} in time, so they went to the next person. Join the list again if you still want some.', null, null),
  ('waiting_list_lapsed', 'vi', 'tickets', 'Vé giữ cho bạn đã hết hạn', 'Bạn chưa đặt vé {{event}} kịp thời gian nên vé đã được chuyển cho người tiếp theo. Hãy vào lại danh sách chờ nếu bạn vẫn muốn mua vé.', null, null),
  ('waiting_list_closed', 'en', 'tickets', 'No tickets came back', 'The sale for {{event}} is over, and no tickets {{class}} came back for you. Thank you for waiting.', null, null),
  ('waiting_list_closed', 'vi', 'tickets', 'Không còn vé trống', 'Việc bán vé {{event}} đã kết thúc và không còn vé {{class}} cho bạn. Cảm ơn bạn đã chờ.', null, null);

create function private.addressees(p_entry public.waiting_list_entries)
returns private.addressee[]
language plpgsql stable set search_path = ''
as $$
begin
  return array[('waiting_person', p_entry.user_id)]::private.addressee[];
end
$$;
create function private.notification_data(p_entry public.waiting_list_entries)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('entry_id', p_entry.id, 'event_id', e.id, 'class_id', c.id, 'event', e.title, 'class', c.name, 'quantity', p_entry.quantity::text,
      'expires', private.time_value(p_entry.offer_expires_at, e.time_zone))
    from public.events e join public.ticket_classes c on c.event_id = e.id
    where c.id = p_entry.class_id
  );
end
$$;
insert into private.notification_audiences (machine, audience) values ('waiting_list_entry', 'waiting_person');
insert into private.notification_rules (machine, event, audience, template, channels) values
  ('waiting_list_entry', 'offer', 'waiting_person', 'waiting_list_offered', '{in_app,email}'),
  ('waiting_list_entry', 'lapse', 'waiting_person', 'waiting_list_lapsed', '{in_app}'),
  ('waiting_list_entry', 'close', 'waiting_person', 'waiting_list_closed', '{in_app}');

create function private.tidy_waiting_lists()
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_event_id uuid;
  v_closed int;
  v_count int := 0;
begin
  for v_event_id in
    select distinct w.event_id from public.waiting_list_entries w where w.status in ('waiting', 'offered') order by w.event_id
  loop
    update public.waiting_list_entries w set status = 'closed', ended_at = now()
    where w.id in (
      select e.id from public.waiting_list_entries e
      where e.event_id = v_event_id and e.status in ('waiting', 'offered') and private.waiting_state(e) = 'closed'
      order by e.id limit 1000
      for no key update skip locked);
    get diagnostics v_closed = row_count;
    v_count := v_count + v_closed + private.tend_waiting_lists(v_event_id);
  end loop;
  return v_count;
end
$$;
select private.schedule_job('journey_waiting_lists', 'Offers tickets that time alone has freed to those who wait, and ends waiting lists of sales that are over.',
  '* * * * *', interval '15 minutes', 'select private.tidy_waiting_lists()');

create function private.invariant_offer_not_held()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select w.id::text, format('%s tickets offered, %s held in pool %s', w.quantity, coalesce(sum(h.held), 0), c.pool_id)
  from public.waiting_list_entries w
  join private.class_pools c on c.class_id = w.class_id
  left join private.ticket_holds h on h.order_id = w.id and h.pool_id = c.pool_id
  where w.status = 'offered' and w.offer_expires_at > now()
  group by w.id, c.pool_id
  having coalesce(sum(h.held), 0) <> w.quantity
  union all
  select w.id::text, format('%s, and holds %s tickets', w.status, sum(h.held))
  from public.waiting_list_entries w join private.ticket_holds h on h.order_id = w.id and h.held > 0 and h.held_until > now()
  where w.status in ('waiting', 'accepted', 'declined', 'left')
  group by w.id
$$;

create function private.invariant_waiting_list_stuck()
returns table (subject_id text, detail text)
language sql stable set search_path = ''
as $$
  select w.id::text, format('%s tickets wanted, %s free', w.quantity, f.free)
  from public.ticket_classes c
  join public.events e on e.id = c.event_id and e.status = 'published' and e.starts_at > now()
  join public.event_configs k on k.event_id = e.id
  cross join lateral (
    select min(p.free) as free from (
      select sum(s.capacity - s.held - s.sold) as free from private.class_pools q join private.stock_shards s on s.pool_id = q.pool_id where q.class_id = c.id group by q.pool_id
    ) p
  ) f
  cross join lateral (
    select w.* from public.waiting_list_entries w where w.class_id = c.id and w.status = 'waiting' and w.quantity <= f.free order by w.number limit 1
  ) w
  where c.has_waiting_list and (private.sale_window(e, k, c)).state = 'on_sale' and w.created_at < now() - interval '15 minutes'
$$;
insert into private.invariants (name, severity, what_is_wrong, what_to_do) values
  ('offer_not_held', 'critical', 'An offer of a waiting list does not hold the tickets that it offers, or a place holds tickets that it does not offer.',
    'A defect in a command, or somebody changed rows by SQL. Close the kind of ticket (update_ticket_class, is_closed) and keep the rows of private.ticket_holds of this id for the report.'),
  ('waiting_list_stuck', 'warning', 'Tickets are free that somebody waits for since a quarter of an hour.',
    'Look whether the job journey_waiting_lists runs. select private.offer_tickets(event_id) offers them.');

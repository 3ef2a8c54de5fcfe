-- Waiting rooms: the notifications, and the job that tidies up.
-- Rule kept here: anybody who is admitted, lost an admission, or waited in vain is told in the transaction that did it.
-- Left out on purpose: anything that depends on the job. It catches what nobody looks at: it empties closed rooms, and passes over silent places
-- before their turn so that positions are right.

insert into public.notification_templates (code, locale, category, title, body) values
  ('queue_admitted', 'en', 'tickets', 'It is your turn', 'You can buy tickets for {{event}} now. Begin your order within {{minutes}} minutes.'),
  ('queue_admitted', 'vi', 'tickets', 'Đã đến lượt bạn', 'Bạn có thể mua vé {{event}} ngay bây giờ. Vui lòng bắt đầu đặt vé trong vòng {{minutes}} phút.'),
  ('queue_lapsed', 'en', 'tickets', 'Your turn is over', 'You did not begin an order for {{event}} in time. Join the queue again if you still want tickets.'),
  ('queue_lapsed', 'vi', 'tickets', 'Lượt mua của bạn đã hết', 'Bạn chưa đặt vé {{event}} kịp thời gian. Hãy vào lại hàng chờ nếu bạn vẫn muốn mua vé.'),
  ('queue_sold_out', 'en', 'tickets', 'Sold out', '{{event}} is sold out. Thank you for waiting.'),
  ('queue_sold_out', 'vi', 'tickets', 'Đã bán hết vé', 'Vé {{event}} đã bán hết. Cảm ơn bạn đã chờ.');

create function private.addressees(p_entry public.queue_entries)
returns private.addressee[]
language plpgsql stable set search_path = ''
as $$
begin
  return array[('waiting_person', p_entry.user_id)]::private.addressee[];
end
$$;
create function private.notification_data(p_entry public.queue_entries)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return jsonb_build_object('event_id', p_entry.event_id, 'event', (select e.title from public.events e where e.id = p_entry.event_id),
    'minutes', private.setting('admission_minutes'), 'end_reason', p_entry.end_reason, 'is_missed', p_entry.end_reason in ('late', 'silent') and p_entry.order_id is null);
end
$$;
insert into private.notification_audiences (machine, audience) values ('queue_entry', 'waiting_person');
insert into private.notification_rules (machine, event, audience, template, channels, only_if) values
  ('queue_entry', 'admit', 'waiting_person', 'queue_admitted', '{in_app}', '{}'),
  ('queue_entry', 'lapse', 'waiting_person', 'queue_lapsed', '{in_app}', '{"is_missed": true}'),
  ('queue_entry', 'lapse', 'waiting_person', 'queue_sold_out', '{in_app}', '{"end_reason": "sold_out"}'),
  ('queue_entry', 'expire', 'waiting_person', 'queue_sold_out', '{in_app}', '{"end_reason": "sold_out"}');

create function private.tidy_queues()
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_room public.waiting_rooms;
  v_silent uuid[];
  v_gone bigint[];
begin
  for v_room in
    select r.* from public.waiting_rooms r where r.status in ('open', 'paused') order by r.event_id
  loop
    perform private.run_queue(v_room.event_id, false);
    select * into v_room from public.waiting_rooms r where r.id = v_room.id and r.status in ('open', 'paused') for no key update skip locked;
    continue when not found;
    -- of the first ones, so that a huge queue costs no more
    with silent as (
      update public.queue_entries e set status = 'expired', ended_at = clock_timestamp(), end_reason = 'silent'
      where e.id in (
        select w.id from (
          select s.id, s.seen_at from public.queue_entries s
          where s.event_id = v_room.event_id and s.status = 'waiting' and s.number is not null
          order by s.number limit 20000
        ) w
        where w.seen_at <= clock_timestamp() - private.setting('queue_grace_seconds')::int * interval '1 second'
        limit 2000
      ) and e.seen_at <= clock_timestamp() - private.setting('queue_grace_seconds')::int * interval '1 second'
      returning e.id, e.number
    )
    select array_agg(s.id), array_agg(s.number) into v_silent, v_gone from silent s;
    if v_silent is not null then
      v_room := private.count_gone(v_room, v_gone);
      update public.waiting_rooms r
      set gone = v_room.gone, gone_width = v_room.gone_width, gone_count = v_room.gone_count,
          expired_waiting_count = r.expired_waiting_count + cardinality(v_gone)
      where r.id = v_room.id;
    end if;
  end loop;
  for v_room in
    select r.* from public.waiting_rooms r
    where r.status in ('off', 'closed') and exists (select from public.queue_entries e where e.event_id = r.event_id and e.status = 'waiting')
    order by r.event_id
  loop
    perform private.empty_room(v_room.event_id, case v_room.status when 'off' then 'closed' else 'sold_out' end, 2000);
  end loop;
end
$$;
select private.schedule_job('journey_queues', 'Admits whom nobody else has admitted, passes over silent places and empties closed waiting rooms.',
  '* * * * *', '10 minutes', 'select private.tidy_queues()');

-- Vehicles: when external calendars are read, and what came of it.
-- Rule kept here: what was read before stays until a calendar is read again, so that a server that fails frees nothing.
-- Left out on purpose: calendars of listings that nobody can book.

select private.register_topic('calendar_import', 'calendar_id');

create function private.queue_calendar(p_calendar public.external_calendars)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  -- a calendar that fails is asked less and less often, once a day at least
  update public.external_calendars
  set next_at = now() + least(make_interval(mins => (private.setting('external_calendars') ->> 'minutes')::int) * 2 ^ least(p_calendar.failures, 6), interval '1 day')
  where id = p_calendar.id;
  perform private.enqueue('calendar_import', jsonb_build_object('calendar_id', p_calendar.id), p_calendar.id || ':' || p_calendar.next_at);
end
$$;

create function private.queue_calendars(p_limit int default 500)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_calendar public.external_calendars;
begin
  for v_calendar in
    select c.* from public.external_calendars c
    join public.vehicles v on v.id = c.vehicle_id and v.status in ('published', 'pending_review', 'suspended')
    where c.next_at <= now()
    order by c.next_at, c.id
    limit p_limit
    for update of c skip locked
  loop
    perform private.queue_calendar(v_calendar);
  end loop;
end
$$;
select private.schedule_job('journey_external_calendars', 'Has external calendars read that are due.',
  '* * * * *', '15 minutes', 'select private.queue_calendars()');

create function private.calendar_to_read(p_calendar_id uuid)
returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object('url', c.url, 'etag', c.etag, 'last_modified', c.last_modified, 'time_zone', v.time_zone,
    'from', now() - interval '1 day', 'to', now() + interval '800 days')
  from public.external_calendars c
  join public.vehicles v on v.id = c.vehicle_id and v.status <> 'archived'
  where c.id = p_calendar_id
$$;
create function public.calendar_to_read(calendar_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$ select private.calendar_to_read(calendar_id) $$;
comment on function public.calendar_to_read is 'Answers where an external calendar is read and how: {url, etag, last_modified, time_zone, from, to}. null: it is read no more. Service only.';
select private.expose('calendar_to_read(uuid)', 'service_role');

create function private.store_calendar(p_calendar_id uuid, p_outcome jsonb)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_calendar public.external_calendars;
begin
  select * into v_calendar from public.external_calendars where id = p_calendar_id;
  if not found then
    return;
  end if;
  perform private.lock_vehicle(v_calendar.vehicle_id);
  case p_outcome ->> 'kind'
    when 'busy' then
      update public.external_calendars
      set busy = (
            select coalesce(range_agg(tstzrange((p ->> 'starts_at')::timestamptz, (p ->> 'ends_at')::timestamptz)), '{}')
            from jsonb_array_elements(p_outcome -> 'periods') p where (p ->> 'starts_at')::timestamptz < (p ->> 'ends_at')::timestamptz),
          -- what no server should send is not sent back
          etag = case when private.is_tidy(p_outcome ->> 'etag') and char_length(p_outcome ->> 'etag') <= 300 then p_outcome ->> 'etag' end,
          last_modified = case when private.is_tidy(p_outcome ->> 'last_modified') and char_length(p_outcome ->> 'last_modified') <= 100 then p_outcome ->> 'last_modified' end, read_at = now(), failures = 0, problem = null
      where id = p_calendar_id;
      perform private.sync_external_calendar(p_calendar_id);
    when 'unchanged' then
      update public.external_calendars set read_at = now(), failures = 0, problem = null where id = p_calendar_id;
      perform private.sync_external_calendar(p_calendar_id);
    when 'failed' then
      update public.external_calendars set failures = failures + 1, problem = coalesce(private.tidy_text(left(p_outcome ->> 'problem', 200)), '?')
      where id = p_calendar_id
      returning * into v_calendar;
      if v_calendar.failures = 3 then
        perform private.notify(v_calendar.host_id, 'calendar_unreadable', (
          select jsonb_build_object('vehicle_id', v.id, 'title', v.title, 'calendar', v_calendar.name) from public.vehicles v where v.id = v_calendar.vehicle_id
        ), p_calendar_id || ' ' || now());
      end if;
    else
      perform private.fail_input('outcome', 'must be of kind busy, unchanged or failed');
  end case;
exception
  when data_exception then
    perform private.fail_input('outcome', 'must hold periods of {starts_at, ends_at}');
end
$$;
create function public.store_calendar(calendar_id uuid, outcome jsonb)
returns void
language sql volatile set search_path = ''
as $$ select private.store_calendar(calendar_id, outcome) $$;
comment on function public.store_calendar is 'Stores what came of reading an external calendar: {kind: busy, periods: [{starts_at, ends_at}], etag, last_modified}, {kind: unchanged} or {kind: failed, problem}. Service only. Errors: invalid_input.';
select private.expose('store_calendar(uuid, jsonb)', 'service_role');

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('calendar_conflict', 'en', 'listing', 'Your vehicle is booked twice', '{{title}} is taken in your calendar {{calendar}} ({{period}}) and booked here at the same time. The booking here stands. Please settle it with one of the two.', '{{title}} is booked twice',
    E'{{title}} is taken in your calendar {{calendar}} ({{period}}) and booked here at the same time.\n\nThe booking here stands. Please settle it with one of the two.'),
  ('calendar_conflict', 'vi', 'listing', 'Xe của bạn bị trùng lịch', 'Xe {{title}} đã kín trong lịch {{calendar}} ({{period}}) và cũng đang được đặt tại đây. Đơn đặt tại đây vẫn có hiệu lực. Vui lòng thỏa thuận lại với một trong hai bên.', 'Xe {{title}} bị trùng lịch',
    E'Xe {{title}} đã kín trong lịch {{calendar}} ({{period}}) và cũng đang được đặt tại đây.\n\nĐơn đặt tại đây vẫn có hiệu lực. Vui lòng thỏa thuận lại với một trong hai bên.'),
  ('calendar_unreadable', 'en', 'listing', 'A calendar cannot be read', 'We could not read your calendar {{calendar}} for {{title}} several times. What it said before still holds. Check its address in the app.', null, null),
  ('calendar_unreadable', 'vi', 'listing', 'Không đọc được lịch', 'Nhiều lần không đọc được lịch {{calendar}} của xe {{title}}. Các khoảng thời gian đã đọc trước đó vẫn giữ nguyên. Vui lòng kiểm tra lại địa chỉ lịch trong ứng dụng.', null, null);

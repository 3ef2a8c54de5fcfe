-- Notifications: a mail that sums up what a person has not read, as often as they choose.
-- Rule kept here: a summary leaves at the local hour of its person, once, and tells what is unread when it is sent.
-- Left out on purpose: texts of messages, which are read in the app.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body, push) values
  ('digest', 'en', 'digest', 'What you have not read', 'Unread notifications: {{count}}.', 'What you have not read: {{count}}', E'You have not read these notifications yet:\n\n{{items}}\n\nOpen the app to read them. You choose in its settings how often you get this mail.', false),
  ('digest', 'vi', 'digest', 'Thông báo bạn chưa đọc', 'Số thông báo chưa đọc: {{count}}.', 'Thông báo bạn chưa đọc: {{count}}', E'Bạn chưa đọc những thông báo sau:\n\n{{items}}\n\nHãy mở ứng dụng để đọc. Bạn có thể chọn tần suất nhận email này trong phần cài đặt.', false);

-- The latest moment at which a summary was due for a person.
create function private.digest_due(p_schedule private.notification_schedules, p_time_zone text, p_now timestamptz)
returns timestamptz
language sql stable set search_path = ''
as $$
  select max(due.at)
  from (
    select ((p_now at time zone p_time_zone)::date - n + make_time(p_schedule.digest_hour, 0, 0)) at time zone p_time_zone as at,
           extract(isodow from (p_now at time zone p_time_zone)::date - n) as weekday
    from generate_series(0, 7) n
  ) due
  where due.at <= p_now and (p_schedule.digest = 'daily' or due.weekday = p_schedule.digest_weekday)
$$;

create function private.unread_since(p_user_id uuid, p_since timestamptz)
returns setof public.notifications
language sql stable set search_path = ''
as $$
  select * from public.notifications
  where user_id = p_user_id and read_at is null and deleted_at is null and created_at > p_since
  order by seq desc
$$;

-- Since when a summary tells: a day or a week before it was queued, and an hour for the nights in which clocks change.
create function private.digest_since(p_delivery public.deliveries)
returns timestamptz
language sql stable set search_path = ''
as $$
  select p_delivery.created_at - interval '1 hour' - case s.digest when 'weekly' then interval '7 days' else interval '1 day' end
  from private.notification_schedules s where s.user_id = p_delivery.user_id
$$;

create function private.delivery_void_digest(p_delivery public.deliveries)
returns text
language sql stable set search_path = ''
as $$
  select case
    when coalesce((select s.digest from private.notification_schedules s where s.user_id = p_delivery.user_id), 'off') = 'off' then 'switched_off'
    when not exists (select from private.unread_since(p_delivery.user_id, private.digest_since(p_delivery))) then 'nothing_left'
  end
$$;

create function private.delivery_message_digest(p_delivery public.deliveries)
returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_locale text := (select locale from public.profiles where id = p_delivery.user_id);
  v_template public.notification_templates;
  v_data jsonb;
  v_text text;
begin
  select jsonb_build_object('count', count(*), 'items', string_agg('• ' || u.title || ': ' || u.body, E'\n' order by u.seq desc) filter (where u.n <= 20))
  into v_data
  from (select n.*, row_number() over (order by n.seq desc) as n from private.unread_since(p_delivery.user_id, private.digest_since(p_delivery)) n) u;
  if v_data ->> 'items' is null then
    return null;
  end if;
  select * into strict v_template from public.notification_templates where code = 'digest' and locale = v_locale order by version desc limit 1;
  v_text := private.render(v_template.email_body, v_data, v_locale);
  return jsonb_build_object('locale', v_locale, 'template', 'digest', 'subject', private.render(v_template.email_subject, v_data, v_locale),
    'text', v_text, 'html', private.html_from(v_text));
end
$$;
insert into private.delivery_sources (name, name_en, name_vi) values ('digest', 'summary', 'bản tổng hợp');

create function private.queue_digests(p_limit int default 1000)
returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_person record;
  v_count int := 0;
begin
  for v_person in
    select s.user_id
    from private.notification_schedules s
    join public.profiles p on p.id = s.user_id and p.deleted_at is null
    where s.digest <> 'off' and private.digest_due(s, p.time_zone, now()) > s.digest_sent_at
    order by s.digest_sent_at, s.user_id
    limit p_limit
    for update of s skip locked
  loop
    with queued as (
      insert into public.deliveries (user_id, source, subject_id, category, channel)
      values (v_person.user_id, 'digest', v_person.user_id, 'digest', 'email')
      on conflict do nothing
      returning id
    )
    insert into private.outbox (topic, payload, dedupe_key) select 'email', jsonb_build_object('delivery_id', id), id::text from queued;
    update private.notification_schedules set digest_sent_at = now() where user_id = v_person.user_id;
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
select private.schedule_job('journey_digests', 'Queues the summaries of unread notifications that are due at the local hour of their person.',
  '*/10 * * * *', '1 hour', 'select private.queue_digests()');

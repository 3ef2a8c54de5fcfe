-- Notifications: telling people, in the transaction that caused it.
-- Rule kept here: nobody is told of what did not happen, and nothing that happened goes untold.
-- Left out on purpose: performing the mail, which is function `outbox`.

create function private.render(p_text text, p_data jsonb)
returns text
language plpgsql immutable set search_path = ''
as $$
declare
  -- text, name, text, name, …: one pass, so that a value is never read as a template
  v_parts text[] := regexp_split_to_array(p_text, '\{\{|\}\}');
  v_out text := '';
begin
  for i in 1 .. cardinality(v_parts) loop
    if i % 2 = 0 and p_data ->> v_parts[i] is null then
      raise exception 'template variable % has no value', v_parts[i];
    end if;
    v_out := v_out || case when i % 2 = 0 then p_data ->> v_parts[i] else v_parts[i] end;
  end loop;
  return v_out;
end
$$;

create function private.html_from(p_text text)
returns text
language plpgsql immutable set search_path = ''
as $$
begin
  return '<p>' || replace(replace(replace(replace(replace(replace(p_text, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), E'\n\n', '</p><p>'), E'\n', '<br>') || '</p>';
end
$$;

create function private.format_money(p_amount bigint, p_currency text)
returns text
language plpgsql immutable set search_path = ''
as $$
begin
  return replace(to_char(p_amount, 'FM999,999,999,999,990'), ',', '.') || ' ' || p_currency;
end
$$;

create function private.format_time(p_at timestamptz, p_time_zone text)
returns text
language plpgsql stable set search_path = ''
as $$
begin
  return to_char(p_at at time zone p_time_zone, 'HH24:MI DD/MM/YYYY');
end
$$;

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

-- Tells one person. The same cause a second time says nothing.
create function private.notify(p_user_id uuid, p_template text, p_data jsonb, p_dedupe_key text)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_template public.notification_templates;
  v_notification_id uuid;
begin
  select t.* into strict v_template
  from public.notification_templates t
  join public.profiles p on p.id = p_user_id and p.locale = t.locale
  where t.code = p_template
  order by t.version desc
  limit 1;
  insert into public.notifications (user_id, category, template, template_version, title, body, data, dedupe_key)
  values (
    p_user_id, v_template.category, p_template, v_template.version,
    private.render(v_template.title, p_data), private.render(v_template.body, p_data), p_data, p_dedupe_key
  )
  on conflict (user_id, dedupe_key) do nothing
  returning id into v_notification_id;
  if not found then
    return;
  end if;
  if v_template.email_subject is not null then
    perform private.enqueue('email', jsonb_build_object(
      'user_id', p_user_id, 'template', p_template,
      'subject', private.render(v_template.email_subject, p_data),
      'text', private.render(v_template.email_body, p_data),
      'html', private.html_from(private.render(v_template.email_body, p_data))
    ), v_notification_id::text);
  end if;
end
$$;

-- Numbers and sends what this transaction wrote, as its last act: the inboxes of several people are
-- locked for a moment only, in one order, after every other lock. Nobody else sees an unnumbered row.
create function private.number_notifications()
returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_user_id uuid;
  v_seq bigint;
  v_notification public.notifications;
begin
  for v_user_id in select distinct user_id from public.notifications where seq is null order by user_id loop
    select last_seq into strict v_seq from private.inboxes where user_id = v_user_id for update;
    for v_notification in
      select * from public.notifications where user_id = v_user_id and seq is null order by created_at, id
    loop
      v_seq := v_seq + 1;
      update public.notifications set seq = v_seq where id = v_notification.id returning * into v_notification;
      perform private.broadcast('user:' || v_user_id, 'notification',
        to_jsonb(v_notification) - 'dedupe_key' - 'deleted_at' || jsonb_build_object('unread', private.unread_count(v_user_id)));
    end loop;
    update private.inboxes set last_seq = v_seq where user_id = v_user_id;
  end loop;
  return null;
end
$$;
create constraint trigger number_at_commit
  after insert on public.notifications
  deferrable initially deferred
  for each row execute function private.number_notifications();

create function private.booking_data(p_booking public.bookings)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'booking_id', p_booking.id, 'code', p_booking.code, 'vehicle_id', p_booking.vehicle_id, 'vehicle', v.title,
      'starts', private.format_time(p_booking.starts_at, v.time_zone), 'ends', private.format_time(p_booking.ends_at, v.time_zone),
      'total', private.format_money(p_booking.total_amount, p_booking.currency)
    )
    from public.vehicles v where v.id = p_booking.vehicle_id
  );
end
$$;

create function private.notify_renter(p_booking_id uuid, p_event text, p_data jsonb default '{}', p_once text default '')
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.notify(b.renter_id, p_event || '_renter', private.booking_data(b) || p_data, p_event || ':' || b.id || p_once)
  from public.bookings b where b.id = p_booking_id;
end
$$;

create function private.notify_host(p_booking_id uuid, p_event text, p_data jsonb default '{}', p_once text default '')
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.notify(b.host_id, p_event || '_host', private.booking_data(b) || p_data, p_event || ':' || b.id || p_once)
  from public.bookings b where b.id = p_booking_id;
end
$$;

create function private.notify_booking(p_booking_id uuid, p_event text, p_data jsonb default '{}')
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.notify_renter(p_booking_id, p_event, p_data);
  perform private.notify_host(p_booking_id, p_event, p_data);
end
$$;

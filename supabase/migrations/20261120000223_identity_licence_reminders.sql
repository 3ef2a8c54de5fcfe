-- Identity: people are reminded before a licence ends.
-- Rule kept here: 30, 7 and 1 days before, and on the last day, once each. After a pause of the job the nearest reminder is
-- sent and those that it overtook are not. A licence without an end, or one that another has replaced, has none.
-- Left out on purpose: bookings that a lost licence no longer covers, which bookings tells people of.

insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body) values
  ('licence_expiring', 'en', 'account', 'Your licence ends soon', 'Your driver licence of class {{classes}} is valid until {{ends_on}}. Submit the renewed one in the app to go on booking.', 'Your driver licence ends on {{ends_on}}', E'Your driver licence of class {{classes}} is valid until {{ends_on}}.\n\nSubmit the renewed one in the app to go on booking.'),
  ('licence_expiring', 'vi', 'account', 'Giấy phép lái xe sắp hết hạn', 'Giấy phép lái xe hạng {{classes}} của bạn có giá trị đến hết ngày {{ends_on}}. Hãy gửi giấy phép mới trong ứng dụng để tiếp tục đặt xe.', 'Giấy phép lái xe của bạn hết hạn ngày {{ends_on}}', E'Giấy phép lái xe hạng {{classes}} của bạn có giá trị đến hết ngày {{ends_on}}.\n\nHãy gửi giấy phép mới trong ứng dụng để tiếp tục đặt xe.'),
  ('licence_ended', 'en', 'account', 'Last day of your licence', 'The last day of your driver licence of class {{classes}} is {{ends_on}}. After that day you need a renewed licence to book such vehicles. Submit it in the app.', 'The last day of your driver licence is {{ends_on}}', E'The last day of your driver licence of class {{classes}} is {{ends_on}}.\n\nAfter that day you need a renewed licence to book such vehicles. Submit it in the app.'),
  ('licence_ended', 'vi', 'account', 'Giấy phép lái xe hết hạn', 'Ngày cuối cùng giấy phép lái xe hạng {{classes}} của bạn có giá trị là {{ends_on}}. Sau ngày này, bạn cần có giấy phép mới để đặt loại xe tương ứng. Hãy gửi giấy phép mới trong ứng dụng.', 'Giấy phép lái xe của bạn hết hạn ngày {{ends_on}}', E'Ngày cuối cùng giấy phép lái xe hạng {{classes}} của bạn có giá trị là {{ends_on}}.\n\nSau ngày này, bạn cần có giấy phép mới để đặt loại xe tương ứng. Hãy gửi giấy phép mới trong ứng dụng.');

create table private.licence_reminders (
  licence_id uuid not null references public.driver_licences on delete cascade,
  valid_until date not null,
  days_before int not null,
  is_sent boolean not null,
  created_at timestamptz not null default now(),
  primary key (licence_id, valid_until, days_before),
  constraint licence_reminders_days_known check (days_before in (30, 7, 1, 0))
);
comment on table private.licence_reminders is 'Which reminders of the end of a licence are done. One that a later one overtook is not sent.';
comment on column private.licence_reminders.days_before is '30, 7 or 1 days before the last day, or 0 on it.';
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.licence_reminders', 'r.licence_id in (select l.id from public.driver_licences l where l.user_id = $1)', 'erase',
    '{valid_until,days_before,is_sent,created_at}', 'Goes with its licence.');
alter table private.licence_reminders enable row level security;
create index driver_licences_ending_idx on public.driver_licences (valid_until) where status in ('verified', 'expired');

-- Whether other licences of the person open, for longer, all that the ending classes of this one open here.
create function private.is_replaced(p_licence public.driver_licences)
returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return not exists (
    select from private.licence_rules mine
    where mine.scheme = p_licence.scheme and mine.class = any (private.ending_classes(p_licence))
      and not exists (
        select from public.driver_licences o
        join private.licence_rules r on r.scheme = o.scheme and r.class = any (o.classes)
        join private.licence_classes c on c.scheme = r.scheme and c.class = r.class
        where o.user_id = p_licence.user_id and o.id <> p_licence.id and o.status = 'verified'
          and (not c.has_end or o.valid_until > p_licence.valid_until)
          and (p_licence.automatic_only or not (o.automatic_only and c.may_be_automatic_only))
          and r.kind = mine.kind and r.engine_cc @> mine.engine_cc and r.power_kw @> mine.power_kw
          and r.top_speed_kmh @> mine.top_speed_kmh and r.passenger_seats @> mine.passenger_seats
          and r.gross_mass_kg @> mine.gross_mass_kg
      )
  );
end
$$;

create function private.remind_of_licences()
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_today date := private.licence_day();
  v_licence public.driver_licences;
  v_days int;
  v_is_new boolean;
begin
  for v_licence in
    select l.*
    from public.driver_licences l
    join public.profiles p on p.id = l.user_id and p.deleted_at is null
    -- one that ended while the job did not run is still told
    where l.status in ('verified', 'expired') and l.valid_until between v_today - 30 and v_today + 30
      and not private.is_replaced(l)
    order by l.user_id, l.id
  loop
    v_days := (select min(d) from unnest(array[30, 7, 1, 0]) d where v_licence.valid_until - v_today <= d);
    with made as (
      insert into private.licence_reminders (licence_id, valid_until, days_before, is_sent)
      select v_licence.id, v_licence.valid_until, d, d = v_days
      from unnest(array[30, 7, 1, 0]) d
      where d >= v_days
      on conflict do nothing
      returning is_sent
    )
    select coalesce(bool_or(is_sent), false) into v_is_new from made;
    if v_is_new then
      perform private.notify(v_licence.user_id, case v_days when 0 then 'licence_ended' else 'licence_expiring' end,
        jsonb_build_object('licence_id', v_licence.id, 'classes', array_to_string(private.ending_classes(v_licence), ', '),
          'ends_on', private.day_value(v_licence.valid_until)),
        v_licence.id || ' ' || v_licence.valid_until || ' ' || v_days);
    end if;
  end loop;
end
$$;
-- nine in the morning in Vietnam
select private.schedule_job('journey_licence_reminders', 'Reminds people 30, 7 and 1 days before a licence ends, and on its last day.',
  '0 2 * * *', '26 hours', 'select private.remind_of_licences()');

-- Vehicles: hosts are reminded before papers end, and told what a review decided.
-- Rule kept here: 30, 7 and 1 days before, on the last day, and when they are over, once each. After a pause of the job the
-- nearest reminder is sent and those that it overtook are not. Papers that others of the kind outlast have none.
-- Left out on purpose: the end itself. Nobody can book a trip beyond it, whether or not anybody was told.

-- One text for each kind of papers, because a text is in one language and a word in it would not be.
insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body)
select replace(t.code, '#', k.kind), t.locale, 'listing', t.title, replace(t.body, '#', k.name), t.email_subject, replace(t.email_body, '#', k.name)
from (values
  ('vehicle_#_verified', 'en', 'Papers verified', 'The # of {{title}} was verified. It is good until {{ends_on}}.', null, null),
  ('vehicle_#_verified', 'vi', 'Giấy tờ đã được xác minh', '# của xe {{title}} đã được xác minh, có giá trị đến hết ngày {{ends_on}}.', null, null),
  ('vehicle_#_rejected', 'en', 'Papers need another look', 'The # of {{title}} was not accepted. Please submit it again. Reason: {{reason}}', null, null),
  ('vehicle_#_rejected', 'vi', 'Giấy tờ cần gửi lại', '# của xe {{title}} chưa được chấp nhận. Vui lòng gửi lại. Lý do: {{reason}}', null, null),
  ('vehicle_#_ending', 'en', 'Papers end soon', 'The # of {{title}} is good until {{ends_on}}. After that day the vehicle cannot be booked. Submit the new papers in the app.', 'Papers of {{title}} end on {{ends_on}}',
    E'The # of {{title}} is good until {{ends_on}}.\n\nAfter that day the vehicle cannot be booked. Submit the new papers in the app.'),
  ('vehicle_#_ending', 'vi', 'Giấy tờ xe sắp hết hạn', '# của xe {{title}} có giá trị đến hết ngày {{ends_on}}. Sau ngày này, xe không thể nhận đặt. Hãy gửi giấy tờ mới trong ứng dụng.', 'Giấy tờ của xe {{title}} hết hạn ngày {{ends_on}}',
    E'# của xe {{title}} có giá trị đến hết ngày {{ends_on}}.\n\nSau ngày này, xe không thể nhận đặt. Hãy gửi giấy tờ mới trong ứng dụng.'),
  ('vehicle_#_ended', 'en', 'Vehicle cannot be booked', 'The # of {{title}} ended on {{ends_on}}, so the vehicle cannot be booked now. Submit the new papers in the app.', '{{title}} cannot be booked',
    E'The # of {{title}} ended on {{ends_on}}, so the vehicle cannot be booked now.\n\nSubmit the new papers in the app.'),
  ('vehicle_#_ended', 'vi', 'Xe tạm thời không nhận đặt', '# của xe {{title}} đã hết hạn ngày {{ends_on}} nên xe tạm thời không nhận đặt. Hãy gửi giấy tờ mới trong ứng dụng.', 'Xe {{title}} tạm thời không nhận đặt',
    E'# của xe {{title}} đã hết hạn ngày {{ends_on}} nên xe tạm thời không nhận đặt.\n\nHãy gửi giấy tờ mới trong ứng dụng.')
) t (code, locale, title, body, email_subject, email_body)
join (values ('inspection', 'en', 'inspection'), ('inspection', 'vi', 'Đăng kiểm'), ('insurance', 'en', 'insurance'), ('insurance', 'vi', 'Bảo hiểm')) k (kind, locale, name) using (locale);

create function private.notification_data(p_document public.vehicle_documents)
returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return jsonb_build_object('vehicle_id', p_document.vehicle_id, 'document_id', p_document.id, 'kind', p_document.kind,
    'title', (select v.title from public.vehicles v where v.id = p_document.vehicle_id),
    'ends_on', private.day_value(p_document.valid_until), 'reason', coalesce(p_document.reject_reason, '—'));
end
$$;
create function private.addressees(p_document public.vehicle_documents)
returns private.addressee[]
language plpgsql stable set search_path = ''
as $$
begin
  return array[('host', p_document.host_id)]::private.addressee[];
end
$$;
insert into private.notification_audiences (machine, audience) values ('vehicle_document', 'host');
insert into private.notification_rules (machine, event, audience, template, channels, only_if) values
  ('vehicle_document', 'verify', 'host', 'vehicle_inspection_verified', '{in_app}', '{"kind": "inspection"}'),
  ('vehicle_document', 'verify', 'host', 'vehicle_insurance_verified', '{in_app}', '{"kind": "insurance"}'),
  ('vehicle_document', 'reject', 'host', 'vehicle_inspection_rejected', '{in_app}', '{"kind": "inspection"}'),
  ('vehicle_document', 'reject', 'host', 'vehicle_insurance_rejected', '{in_app}', '{"kind": "insurance"}');

create table private.document_reminders (
  document_id uuid not null references public.vehicle_documents on delete cascade,
  days_before int not null,
  is_sent boolean not null,
  created_at timestamptz not null default now(),
  primary key (document_id, days_before),
  constraint document_reminders_days_known check (days_before in (30, 7, 1, 0, -1))
);
comment on table private.document_reminders is 'Which reminders of the end of papers are done. One that a later one overtook is not sent.';
comment on column private.document_reminders.days_before is '30, 7 or 1 days before the last day, 0 on it, -1 when it is over.';
alter table private.document_reminders enable row level security;
insert into private.personal_tables (relation, whose, treatment, export_columns, why) values
  ('private.document_reminders', 'r.document_id in (select d.id from public.vehicle_documents d where d.host_id = $1)', 'erase',
    '{days_before,is_sent,created_at}', 'Nobody needs them without the host.');

create function private.remind_of_documents()
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_document public.vehicle_documents;
  v_left int;
  v_days int;
  v_is_new boolean;
begin
  for v_document in
    select d.*
    from public.vehicle_documents d
    join public.vehicles v on v.id = d.vehicle_id and v.status in ('published', 'pending_review', 'suspended')
    join public.profiles p on p.id = d.host_id and p.deleted_at is null
    where d.status = 'verified' and d.valid_until between current_date - 31 and current_date + 31
      and not exists (
        select from public.vehicle_documents o
        where o.vehicle_id = d.vehicle_id and o.kind = d.kind and o.status = 'verified' and (o.valid_until, o.id) > (d.valid_until, d.id)
      )
    order by d.host_id, d.id
  loop
    v_left := v_document.valid_until - (select (now() at time zone v.time_zone)::date from public.vehicles v where v.id = v_document.vehicle_id);
    v_days := case when v_left < 0 then -1 else (select min(d) from unnest(array[30, 7, 1, 0]) d where v_left <= d) end;
    continue when v_days is null;
    with made as (
      insert into private.document_reminders (document_id, days_before, is_sent)
      select v_document.id, d, d = v_days
      from unnest(array[30, 7, 1, 0, -1]) d
      where d >= v_days
      on conflict do nothing
      returning is_sent
    )
    select coalesce(bool_or(is_sent), false) into v_is_new from made;
    if v_is_new then
      perform private.notify(v_document.host_id, format('vehicle_%s_%s', v_document.kind, case v_days when -1 then 'ended' else 'ending' end),
        private.notification_data(v_document), v_document.id || ' ' || v_days);
    end if;
  end loop;
end
$$;
-- nine in the morning in Vietnam
select private.schedule_job('journey_document_reminders', 'Reminds hosts 30, 7 and 1 days before inspection or insurance ends, on the last day, and when it is over.',
  '5 2 * * *', '26 hours', 'select private.remind_of_documents()');

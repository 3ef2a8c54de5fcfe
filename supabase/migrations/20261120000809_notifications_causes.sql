-- Notifications: what is not told any more, because its cause is void.
-- Rule kept here: a text says when its cause is void, by a function of its module, which is asked when it is sent.
-- Left out on purpose: taking back what was sent.

create table private.notification_causes (
  template text primary key,
  function_name text not null
);
comment on table private.notification_causes is 'Texts whose cause may be void when they are sent: private.<function_name>(notification) answers the code of a reason of delivery_reasons, or null while the cause stands.';
create function private.check_notification_cause()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.require_function(new.function_name, 'public.notifications', 'text');
  if not exists (select from public.notification_templates where code = new.template) then
    raise exception 'text % does not exist', new.template using errcode = '23503';
  end if;
  return new;
end
$$;
create trigger makes_sense before insert or update on private.notification_causes
  for each row execute function private.check_notification_cause();
select private.hold_no_persons('private.notification_causes');

insert into private.delivery_reasons (code, status, message_en, message_vi) values
  ('already_read', 'void', 'You had read it in the app before it was sent.', 'Bạn đã đọc thông báo này trong ứng dụng trước khi được gửi.'),
  ('taken_off', 'void', 'You had taken it off your list before it was sent.', 'Bạn đã xóa thông báo này trước khi được gửi.'),
  ('cause_over', 'void', 'What it speaks of had changed before it was sent.', 'Nội dung thông báo không còn đúng trước khi được gửi.'),
  ('nothing_left', 'void', 'There was nothing left to tell.', 'Không còn nội dung để thông báo.');

-- A mail is a document that people look for later, so it is sent although the app has shown the same.
create function private.delivery_void_notification(p_delivery public.deliveries)
returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_note public.notifications;
  v_function text;
  v_reason text;
begin
  select * into strict v_note from public.notifications where id = p_delivery.notification_id;
  if p_delivery.channel <> 'email' and v_note.deleted_at is not null then
    return 'taken_off';
  elsif p_delivery.channel <> 'email' and v_note.read_at is not null then
    return 'already_read';
  end if;
  select function_name into v_function from private.notification_causes where template = v_note.template;
  if found then
    execute format('select private.%I($1)', v_function) into v_reason using v_note;
  end if;
  return v_reason;
end
$$;

-- What a delivery can tell. private.delivery_message_<name>(delivery) renders it, or answers null when there is nothing to tell;
-- private.delivery_void_<name>(delivery) answers the code of a reason when its cause is void.
create table private.delivery_sources (
  name text primary key,
  name_en text not null,
  name_vi text not null
);
comment on table private.delivery_sources is 'What deliveries tell: notification is a row of the inbox; every other source is told outside of it.';
comment on column private.delivery_sources.name_en is 'What it is called in an explanation.';
create function private.check_delivery_source()
returns trigger
language plpgsql volatile set search_path = ''
as $$
begin
  perform private.require_function('delivery_message_' || new.name, 'public.deliveries', 'jsonb');
  perform private.require_function('delivery_void_' || new.name, 'public.deliveries', 'text');
  return new;
end
$$;
create trigger functions_exist before insert or update on private.delivery_sources
  for each row execute function private.check_delivery_source();
select private.hold_no_persons('private.delivery_sources');
insert into private.delivery_sources (name, name_en, name_vi) values ('notification', 'notification', 'thông báo');
alter table public.deliveries add constraint deliveries_source_known foreign key (source) references private.delivery_sources;

create function private.delivery_stop_void(p_delivery public.deliveries)
returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_reason text;
begin
  execute format('select private.%I($1)', 'delivery_void_' || p_delivery.source) into v_reason using p_delivery;
  return v_reason;
end
$$;
insert into private.delivery_checks (name, rank) values ('void', 100);

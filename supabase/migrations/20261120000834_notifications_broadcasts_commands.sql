-- Notifications: the commands of a broadcast.
-- Rule kept here: an admin names conditions and gives values, and no SQL. Nothing is filled into the texts.
-- Left out on purpose: changing a draft; cancel it and write another.

-- The people of a segment after one person, in the order of their ids, and why one of them is not told. The conditions are
-- those of private.broadcast_conditions; what a client sent are values.
create type private.broadcast_person as (user_id uuid, skip text);
create function private.broadcast_people(p_broadcast public.notification_broadcasts, p_limit int)
returns setof private.broadcast_person
language plpgsql stable set search_path = ''
as $$
begin
  return query execute format($query$
      select p.id, case
        when $2 = 'marketing' and not p.allows_marketing then 'no_consent'
        when $2 = 'marketing' and private.is_suspended(p.id) then 'suspended' end
      from public.profiles p
      where p.deleted_at is null and p.created_at <= $3 and ($4::uuid is null or p.id > $4) %s
      order by p.id
      limit $5 $query$,
    (select string_agg(format('and (%s)', replace(c.condition, '{value}', format('($1 -> %L)', c.name))), ' ')
     from private.broadcast_conditions c where p_broadcast.segment ? c.name))
  using p_broadcast.segment, p_broadcast.category, coalesce(p_broadcast.started_at, now()), p_broadcast.last_user_id, p_limit;
end
$$;

create function private.check_segment(p_segment jsonb)
returns void
language plpgsql stable set search_path = ''
as $$
declare
  v_name text;
  v_value jsonb;
  v_takes text;
begin
  if p_segment is null or jsonb_typeof(p_segment) <> 'object' then
    perform private.fail_input('segment', 'must be an object of conditions');
  end if;
  for v_name, v_value in select * from jsonb_each(p_segment) loop
    v_takes := (select c.takes from private.broadcast_conditions c where c.name = v_name);
    if v_takes is null then
      perform private.fail_input('segment', format('must use the conditions %s', (select string_agg(c.name, ', ' order by c.name) from private.broadcast_conditions c)));
    elsif v_takes = 'true' and v_value <> 'true' then
      perform private.fail_input('segment.' || v_name, 'must be true, or left out');
    elsif v_takes = 'days' and not private.is_whole(v_value, 1, 3650) then
      perform private.fail_input('segment.' || v_name, 'must be a whole number of days from 1 to 3650');
    elsif v_takes = 'texts' and not coalesce(jsonb_typeof(v_value) = 'array' and jsonb_array_length(v_value) between 1 and 50
      and not exists (select from jsonb_array_elements(case jsonb_typeof(v_value) when 'array' then v_value else '[]' end) e
        where jsonb_typeof(e) <> 'string' or char_length(e #>> '{}') not between 1 and 100), false) then
      perform private.fail_input('segment.' || v_name, 'must be 1 to 50 texts of 1 to 100 characters');
    end if;
  end loop;
end
$$;

-- One text of a broadcast as it is stored, or null where it may be absent and is.
create function private.broadcast_text(p_texts jsonb, p_locale text, p_field text, p_at_most int, p_needed boolean, p_one_line boolean)
returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_value jsonb := nullif(p_texts -> p_locale -> p_field, 'null');
  v_text text;
begin
  if v_value is null and not p_needed then
    return null;
  end if;
  v_text := case when jsonb_typeof(v_value) = 'string' then case when p_one_line then private.tidy_text(v_value #>> '{}') else private.tidy_lines(v_value #>> '{}') end end;
  if not private.says_something(v_text, 1, p_at_most) then
    perform private.fail_input(format('texts.%s.%s', p_locale, p_field), format('must have 1 to %s characters', p_at_most));
  elsif v_text ~ '[{][{]|[}][}]' then
    perform private.fail_input(format('texts.%s.%s', p_locale, p_field), 'must not have {{ or }}: nothing is filled in');
  end if;
  return v_text;
end
$$;

create function private.create_broadcast(p_category text, p_segment jsonb, p_texts jsonb, p_idempotency_key uuid)
returns public.notification_broadcasts
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_stored jsonb;
  v_broadcast public.notification_broadcasts;
  v_id uuid := gen_random_uuid();
  v_locale text;
begin
  perform private.require_admin();
  v_stored := private.begin_command('create_broadcast', p_idempotency_key,
    jsonb_build_object('category', p_category, 'segment', p_segment, 'texts', p_texts));
  if v_stored is not null then
    select * into v_broadcast from public.notification_broadcasts where id = (v_stored ->> 'id')::uuid;
    return v_broadcast;
  end if;
  if p_category is null or p_category not in ('service', 'marketing') then
    perform private.fail_input('category', 'must be service or marketing');
  end if;
  perform private.check_segment(p_segment);
  foreach v_locale in array '{vi,en}'::text[] loop
    insert into public.notification_templates (code, locale, category, title, body, email_subject, email_body)
    values (
      'broadcast_' || v_id, v_locale, p_category,
      private.broadcast_text(p_texts, v_locale, 'title', 100, true, true), private.broadcast_text(p_texts, v_locale, 'body', 500, true, false),
      private.broadcast_text(p_texts, v_locale, 'email_subject', 150, false, true), private.broadcast_text(p_texts, v_locale, 'email_body', 10000, false, false));
  end loop;
  if (select count(distinct t.email_subject is null) from public.notification_templates t where t.code = 'broadcast_' || v_id) > 1 then
    perform private.fail_input('texts', 'must have a mail in both languages or in none');
  end if;
  insert into public.notification_broadcasts (id, template, category, segment)
  values (v_id, 'broadcast_' || v_id, p_category, p_segment)
  returning * into v_broadcast;
  perform private.finish_command(p_idempotency_key, jsonb_build_object('id', v_id));
  return v_broadcast;
exception
  when check_violation then
    perform private.fail_input('texts', 'must have subject and body of a mail, or neither');
    return null;
end
$$;

create function private.lock_broadcast(p_broadcast_id uuid)
returns public.notification_broadcasts
language plpgsql volatile set search_path = ''
as $$
declare
  v_broadcast public.notification_broadcasts;
begin
  perform private.require_admin();
  select * into v_broadcast from public.notification_broadcasts where id = p_broadcast_id for update;
  if not found then
    perform private.fail('broadcast_not_found');
  end if;
  return v_broadcast;
end
$$;

create function private.preview_broadcast(p_broadcast_id uuid)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_broadcast public.notification_broadcasts;
begin
  perform private.require_admin();
  select * into v_broadcast from public.notification_broadcasts where id = p_broadcast_id;
  if not found then
    perform private.fail('broadcast_not_found');
  end if;
  v_broadcast.last_user_id := null;
  return (
    select jsonb_build_object('total', coalesce(sum(c.people), 0), 'skipped', coalesce(jsonb_object_agg(c.skip, c.people) filter (where c.skip is not null), '{}'))
    from (select w.skip, count(*) as people from private.broadcast_people(v_broadcast, null) w group by w.skip) c
  ) || jsonb_build_object('texts', (
    select jsonb_object_agg(t.locale, jsonb_build_object('title', t.title, 'body', t.body, 'email_subject', t.email_subject, 'email_body', t.email_body))
    from public.notification_templates t where t.code = v_broadcast.template));
end
$$;

create function private.send_test_broadcast(p_broadcast_id uuid)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_broadcast public.notification_broadcasts := private.lock_broadcast(p_broadcast_id);
begin
  perform private.notify(auth.uid(), v_broadcast.template, '{}', 'test ' || gen_random_uuid());
end
$$;

create function private.start_broadcast(p_broadcast_id uuid)
returns public.notification_broadcasts
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_broadcast public.notification_broadcasts := private.lock_broadcast(p_broadcast_id);
begin
  if v_broadcast.status = 'running' then
    return v_broadcast;
  elsif v_broadcast.status not in ('draft', 'paused') then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'broadcast', 'from', v_broadcast.status, 'to', 'running'));
  end if;
  update public.notification_broadcasts b
  set status = 'running', runs = b.runs + 1, started_at = coalesce(b.started_at, now()),
      total = coalesce(b.total, (select count(*)::int from private.broadcast_people(v_broadcast, null)))
  where b.id = p_broadcast_id
  returning * into v_broadcast;
  perform private.enqueue('broadcast', jsonb_build_object('broadcast_id', p_broadcast_id), p_broadcast_id || ':' || v_broadcast.runs);
  return v_broadcast;
end
$$;

create function private.pause_broadcast(p_broadcast_id uuid)
returns public.notification_broadcasts
language plpgsql volatile security definer set search_path = ''
as $$
declare
  -- waits for the chunk that is being written
  v_broadcast public.notification_broadcasts := private.lock_broadcast(p_broadcast_id);
begin
  if v_broadcast.status not in ('running', 'paused') then
    perform private.fail('illegal_transition', jsonb_build_object('machine', 'broadcast', 'from', v_broadcast.status, 'to', 'paused'));
  elsif v_broadcast.status = 'running' then
    update public.notification_broadcasts set status = 'paused' where id = p_broadcast_id returning * into v_broadcast;
  end if;
  return v_broadcast;
end
$$;

create function private.cancel_broadcast(p_broadcast_id uuid)
returns public.notification_broadcasts
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_broadcast public.notification_broadcasts := private.lock_broadcast(p_broadcast_id);
begin
  if v_broadcast.status <> 'cancelled' then
    update public.notification_broadcasts set status = 'cancelled', ended_at = now() where id = p_broadcast_id returning * into v_broadcast;
  end if;
  return v_broadcast;
end
$$;

create function private.list_broadcasts(p_after jsonb, p_page_size int)
returns setof public.notification_broadcasts
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_start private.page_start := private.read_page(p_after, 'created_at', p_page_size);
begin
  perform private.require_admin();
  return query
    select * from public.notification_broadcasts b
    where v_start.id is null or (b.created_at, b.id) < (v_start.at, v_start.id)
    order by b.created_at desc, b.id desc
    limit p_page_size;
end
$$;

create function public.create_broadcast(category text, segment jsonb, texts jsonb, idempotency_key uuid)
returns public.notification_broadcasts
language sql volatile set search_path = ''
as $$ select private.create_broadcast(category, segment, texts, idempotency_key) $$;
comment on function public.create_broadcast is 'Admin: stores a text for a segment of people, as a draft. `category` is service or marketing; marketing goes to those who allowed it. `segment` names conditions with their values, all of which hold for a person: locales, roles, provinces, hosts_in, rented_in (texts), joined_within_days, active_within_days, inactive_for_days (days), hosts, renters (true); {} is everybody. `texts` is {vi, en} of {title (100 characters), body (500), email_subject (150), email_body (10000)}; the mail may be left out, in both languages. Nothing is filled into the texts. Errors: forbidden, invalid_input.';
create function public.preview_broadcast(broadcast_id uuid)
returns jsonb
language sql stable set search_path = ''
as $$ select private.preview_broadcast(broadcast_id) $$;
comment on function public.preview_broadcast is 'Admin: answers {total, skipped, texts}: how many people the segment has, how many of them would not be told by reason (no_consent, suspended), and the texts {vi, en}. Errors: forbidden, broadcast_not_found.';
create function public.send_test_broadcast(broadcast_id uuid)
returns void
language sql volatile set search_path = ''
as $$ select private.send_test_broadcast(broadcast_id) $$;
comment on function public.send_test_broadcast is 'Admin: sends a broadcast to the caller alone, in the language of the caller. Errors: forbidden, broadcast_not_found.';
create function public.start_broadcast(broadcast_id uuid)
returns public.notification_broadcasts
language sql volatile set search_path = ''
as $$ select private.start_broadcast(broadcast_id) $$;
comment on function public.start_broadcast is 'Admin: starts a broadcast, or goes on with one that was paused. It goes to those of the segment who have an account now, each once. Repeatable. Errors: forbidden, broadcast_not_found, illegal_transition.';
create function public.pause_broadcast(broadcast_id uuid)
returns public.notification_broadcasts
language sql volatile set search_path = ''
as $$ select private.pause_broadcast(broadcast_id) $$;
comment on function public.pause_broadcast is 'Admin: stops a broadcast after the chunk that is being written; start_broadcast goes on there. Repeatable. Errors: forbidden, broadcast_not_found, illegal_transition.';
create function public.cancel_broadcast(broadcast_id uuid)
returns public.notification_broadcasts
language sql volatile set search_path = ''
as $$ select private.cancel_broadcast(broadcast_id) $$;
comment on function public.cancel_broadcast is 'Admin: ends a broadcast for good. Who was told keeps the notification. Repeatable. Errors: forbidden, broadcast_not_found, illegal_transition.';
create function public.list_broadcasts(after jsonb default null, page_size int default 20)
returns setof public.notification_broadcasts
language sql stable set search_path = ''
as $$ select * from private.list_broadcasts(after, page_size) $$;
comment on function public.list_broadcasts is 'Admin: lists broadcasts with their progress, newest first: `written` people were told and `skipped` were not, by reason, of `total`. `after` takes {created_at, id} of the last row. Errors: forbidden, invalid_input.';
select private.expose('create_broadcast(text, jsonb, jsonb, uuid)', 'authenticated');
select private.expose('preview_broadcast(uuid)', 'authenticated');
select private.expose('send_test_broadcast(uuid)', 'authenticated');
select private.expose('start_broadcast(uuid)', 'authenticated');
select private.expose('pause_broadcast(uuid)', 'authenticated');
select private.expose('cancel_broadcast(uuid)', 'authenticated');
select private.expose('list_broadcasts(jsonb, int)', 'authenticated');

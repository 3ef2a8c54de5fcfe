-- Notifications: who is told what, once, in order, and nobody else.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_user('host') as host, tests.make_renter('renter') as renter, tests.make_user('stranger') as stranger \gset
select tests.make_vehicle(:'host', '{"title": "Car {{total}} <b>"}') as vehicle \gset
-- making them told them of a licence and a listing
delete from private.outbox;
delete from public.notifications where seq is null;
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(30), tests.hours(40)) as booking \gset
select tests.settle();

select tests.as_visitor();
select is(tests.outcome('select * from public.notifications'), '42501', 'a visitor cannot read notifications');
select is(tests.outcome('select public.unread_count()'), '42501', 'a visitor cannot ask for the unread count');
select tests.as_user(:'stranger');
select is((select count(*)::int from public.notifications), 0, 'a stranger sees no notification of others');
select is(public.unread_count(), 0, 'a stranger has nothing unread');
select is(tests.outcome($$ update public.notifications set read_at = now() $$), '42501', 'a person cannot write notifications by hand');

select tests.as_user(:'renter');
select id as note, title, body from public.list_notifications() limit 1 \gset
select is((select array_agg(seq order by seq) from public.notifications), array[1::bigint], 'the renter is told once');
select is(public.unread_count(), 1, 'a new notification is unread');
select ok(:'body' like '%{{total}}%' or :'title' like '%{{total}}%' or (select data ->> 'vehicle' from public.notifications) = 'Car {{total}} <b>', 'what a host writes is text, not a template');
select tests.as_user(:'stranger');
select is(tests.outcome(format('select public.mark_notification_read(%L)', :'note')), 'not_found', 'a stranger cannot mark a notification of others as read');
select is(tests.outcome(format('select public.delete_notification(%L)', :'note')), 'not_found', 'a stranger cannot delete a notification of others');
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.mark_notification_read(%L)', :'note')), 'ok', 'the owner can mark a notification as read');
select is(tests.outcome(format('select public.mark_notification_read(%L)', :'note')), 'ok', 'marking a notification as read is safe to repeat');
select is(public.unread_count(), 0, 'a notification that was read no longer counts as unread');
select is(tests.outcome(format('select public.delete_notification(%L)', :'note')), 'ok', 'the owner can delete a notification');
select is((select count(*)::int from public.list_notifications()), 0, 'a deleted notification is not in the list');
select is((select count(*)::int from public.notifications_since(0)), 0, 'a deleted notification is not in the repair of gaps');
select tests.as_owner();
select is((select last_seq from private.inboxes where user_id = :'renter'), 1::bigint, 'the number of a deleted notification stays taken');
select is(tests.broken_promises(), null, 'no invariant is violated after a deletion');

-- order and repair
select private.notify(:'renter', 'licence_verified', '{}', 'cause ' || n) from generate_series(1, 5) n;
select private.notify(:'renter', 'licence_verified', '{}', 'cause 1');
-- as rows that went where there was room: their order in the table is not that of their telling
update public.notifications set created_at = created_at - make_interval(secs => right(dedupe_key, 1)::int) where seq is null;
select tests.settle();
select tests.as_user(:'renter');
select is((select array_agg(seq) from public.notifications_since(3)), array[4, 5, 6]::bigint[], 'the repair of gaps gives what came after a number, oldest first');
select is((select array_agg(seq) from public.list_notifications(5, 2)), array[4, 3]::bigint[], 'the list gives what came before a number, newest first');
select is((select count(*)::int from public.list_notifications(null, 100)), 5, 'one cause makes one notification');
select is(tests.outcome('select * from public.list_notifications(null, 101)'), 'invalid_input', 'a page size above a hundred is refused');
select public.mark_all_notifications_read();
select is(public.unread_count(), 0, 'all notifications can be marked as read at once');
select is((select array_agg(payload ->> 'seq' order by cmin::text::int) from realtime.messages where topic = 'user:' || :'renter' and event = 'notification'),
  array['1', '2', '3', '4', '5', '6'], 'each notification is broadcast on the own topic, in the order of the numbers');
select tests.as_owner();

-- mail
select is((select array_agg(n.template order by n.template) from tests.mails() m join public.notifications n on n.id = m.notification_id), array['booking_confirmed_host', 'booking_confirmed_renter'], 'templates with a mail are in the outbox');
select is((select count(*)::int from tests.mails() where html like '%<b>%'), 0, 'what a host writes is no HTML in a mail');
select is((select count(*)::int from tests.mails() where concat(subject, text, html) ~ '{{' and text !~ 'Car {{total}}'), 0, 'no variable is left unfilled');
select d.id as mail, (select email from auth.users where id = d.user_id) as address from public.deliveries d where d.user_id = :'renter' and d.channel = 'email' \gset
select tests.as_service();
select is(public.delivery_to_send(:'mail') #>> '{target,email}', :'address', 'the address is asked for when the mail is sent');
select is(public.delivery_to_send(gen_random_uuid()), null, 'a delivery that is gone is not sent');
select tests.as_owner();
update public.profiles set locale = case locale when 'vi' then 'en' else 'vi' end where id = :'renter';
insert into public.notification_templates (code, locale, version, category, title, body, email_subject, email_body)
select code, locale, 2, category, title, body, 'New {{reason}}', email_body from public.notification_templates where code = 'booking_confirmed_renter';
select is(public.delivery_to_send(:'mail') #>> '{message,subject}', 'Booking ' || (select code from public.bookings where id = :'booking') || ' confirmed', 'a mail is written with the template of its time');
select is(tests.outcome($$ update public.notification_templates set email_body = '' $$), '42501', 'a template cannot be changed');
select is(tests.outcome($$ delete from public.notification_templates $$), '42501', 'a template cannot be deleted');
select is(tests.outcome(format($$ select private.notify(%L, 'no_such_text', '{}', 'x') $$, :'renter')), '23502', 'a notification without a template cannot be written');
select is(tests.outcome($$ select private.notify(gen_random_uuid(), 'licence_verified', '{}', 'x') $$), '23502', 'a notification for nobody cannot be written');

-- templates
create temporary table filled_variables (name text, sample jsonb not null default '"text"');
-- what each module fills
\set variables `cat *_variables.psql`
:variables
select is((select string_agg(code, ', ') from (select code from public.notification_templates group by code having array_agg(distinct locale order by locale) <> array['en', 'vi']) t), null, 'every text exists in both languages');
select is((select string_agg(distinct t.code || ' ' || m[1], ', ') from public.notification_templates t,
    regexp_matches(concat_ws(' ', title, body, email_subject, email_body), '\{\{([^}]*)\}\}', 'g') m
  where m[1] not in (select name from filled_variables)), null, 'every template uses only variables that somebody fills');
-- every text, filled from the samples of its variables, with what people typed as bad as it can be
create function tests.rendering_problems() returns setof text language plpgsql as $$
declare
  v record;
  v_data jsonb := (
    select jsonb_object_agg(name, case sample when '"text"' then to_jsonb('Đà Lạt <script>{{code}}</script> & "x"'::text) else sample end) from filled_variables
  );
  v_text text;
begin
  for v in
    select t.code || ' ' || t.locale || ' ' || x.channel || ' ' || x.part as what, t.locale, x.*
    from public.notification_templates t
    cross join lateral (values ('in_app', 'title', t.title, 200), ('in_app', 'body', t.body, 2000), ('push', 'title', case when t.push then t.title end, 200),
      ('push', 'body', case when t.push then t.body end, 1000), ('email', 'subject', t.email_subject, 200), ('email', 'text', t.email_body, 8000), ('sms', 'text', t.sms_body, 480)) x (channel, part, source, longest)
    where x.source is not null
  loop
    begin
      v_text := private.render(v.source, v_data, v.locale);
      if v_text ~ '^\s*$' then return next v.what || ' is empty'; end if;
      if char_length(v_text) > v.longest then return next v.what || ' is too long'; end if;
      if v.part in ('title', 'subject') and v_text ~ '[\n\r]' then return next v.what || ' is more than one line'; end if;
      if v.channel = 'email' and v.part = 'text' and private.html_from(v_text) ~ '<(?!/?p>|br>)' then return next v.what || ' lets what people typed become HTML'; end if;
    exception when raise_exception then
      return next v.what || ': ' || sqlerrm;
    end;
  end loop;
end $$;
select is((select array_agg(p) from tests.rendering_problems() p), null, 'every text is rendered on every channel in every language from data of its kind');
select is((select string_agg(e.code, ', ') from public.notification_templates e join public.notification_templates v using (code, version)
  where e.locale = 'en' and v.locale = 'vi' and (e.email_subject is null) <> (v.email_subject is null)), null, 'a template with a mail in one language has it in the other');
select is(tests.outcome(format($$ select private.notify(%L, 'licence_rejected', '{}', 'x') $$, :'renter')), 'P0001', 'a missing variable of a template raises an error');
select is(private.render('{{a}} and {{b}}', '{"a": "{{b}}", "b": "2"}', 'en'), '{{b}} and 2', 'a value that looks like a template is not filled in');

select * from finish();
rollback;

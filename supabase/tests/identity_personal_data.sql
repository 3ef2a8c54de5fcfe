-- Identity: everything that the database knows about a person is classified, erased with the account, and nothing of it is
-- found afterwards. A new table or column fails here until somebody has said what becomes of it.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

-- the registry ---------------------------------------------------------------------------------------------------
select is_empty('select * from private.unclassified_columns()', 'every table says whose its rows are, and every column that may name a person what becomes of it');
select is_empty($$ select relation from private.personal_tables where to_regclass(relation) is null $$, 'no table is classified that does not exist');
select is_empty(
  $$ select d.relation, d.column_name from private.personal_data d
     where not exists (select from pg_attribute a where a.attrelid = d.relation::regclass and a.attname = d.column_name and not a.attisdropped) $$,
  'no column is classified that does not exist');
create table public.diaries (id uuid primary key, writer_id uuid references public.profiles, reader uuid, kind text check (kind in ('long', 'short')), entry text, place inet);
create function tests.unclassified() returns text language sql as $$
  select string_agg(coalesce(column_name, 'the table'), ', ' order by column_name) from private.unclassified_columns() where relation = 'public.diaries' $$;
select is(tests.unclassified(), 'the table', 'a new table that nobody classified is found');
savepoint diaries;
select private.hold_no_persons('public.diaries');
select is(tests.unclassified(), 'writer_id', 'a table that holds nothing about persons must not point to one');
rollback to diaries;
insert into private.personal_tables (relation, whose, treatment, why) values ('public.diaries', 'r.writer_id = $1', 'retain', 'Diaries are kept.');
select is(tests.unclassified(), 'entry, place, reader', 'ids that may be those of persons, texts and addresses must be classified one by one');
select private.retain_columns('public.diaries', 'Diaries are kept.', 'entry', 'place', 'reader');
select is(tests.unclassified(), null, 'a table is classified when each of its columns is');
select is(tests.outcome($$ insert into private.personal_tables (relation, whose, treatment, why) values ('public.vehicle_features', 'r.no_such = $1', 'erase', 'Nonsense.') $$), '42703', 'a condition that is nonsense is refused');
select is(tests.outcome($$ insert into private.personal_data (relation, column_name, treatment, becomes, why) values ('public.profiles', 'rating_count', 'anonymise', '''many''', 'Nonsense.') $$), '22P02', 'a value that does not fit its column is refused');
select is(tests.outcome($$ insert into private.personal_data (relation, column_name, treatment, becomes, why) values ('public.diaries', 'kind', 'anonymise', '''x''', 'Nonsense.') $$), '23514', 'a column is not changed in a table whose rows stay as they are');
rollback to diaries;
drop table public.diaries;

-- a person with something in every table -------------------------------------------------------------------------
update private.rate_limits set capacity = 1000, per_minute = 1000;
select tests.make_renter('Zerlina Quockbao') as person, tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_admin('admin') as admin \gset
select lower(email) as email from auth.users where id = :'person' \gset
update public.profiles set bio = 'Call Quockbao at home', phone = '+84977123123', phone_verified_at = now(), email_verified_at = now() where id = :'person';
update public.profiles set links = '[{"kind": "website", "url": "https://quockbao.example"}]' where id = :'person';
select private.record_mail_event('evt-person', 'email.bounced', 'mail-1', email, now(), true, 'No such user ' || email) from auth.users where id = :'person';
select private.apply_mail_event('evt-person');
insert into public.notification_broadcasts (template, category, segment, last_user_id) values ('broadcast_person', 'service', '{}', :'person');
insert into public.discounts (code, title, scope, percent_bps, created_by) values ('QUOCK', 'A code', 'rental', 100, :'person');
insert into public.discount_redemptions (id, discount_id, scope, user_id, status, amount, held_until, first_only, is_counted)
select gen_random_uuid(), id, scope, created_by, 'reserved', 1000, now() + interval '1 hour', false, false from public.discounts where code = 'QUOCK';
insert into public.billing_details (user_id, legal_name, address) values (:'person', 'Zerlina Quockbao', '77 Phố Quockbao');
insert into private.response_times (subject_id, user_id, seconds, answered_at) values (gen_random_uuid(), :'person', 60, now());
update public.driver_licences set full_name = 'Zerlina Quockbao' where user_id = :'person';
insert into private.licence_reminders (licence_id, valid_until, days_before, is_sent) select id, valid_until, 30, true from public.driver_licences where user_id = :'person';
select tests.make_media(:'person', 'avatar') as avatar \gset
update public.profiles set avatar_media_id = :'avatar' where id = :'person';
-- as a host: a trip that is over, and a payout of it
select tests.make_vehicle(:'person', '{"address": "77 Phố Quockbao", "description": "Owner Zerlina Quockbao"}') as own \gset
select tests.make_paid_booking(:'renter', :'own', tests.hours(30), tests.hours(31)) as hosted \gset
select tests.drive(:'hosted', -3);
update public.bookings set claim_until = now() - interval '1 second' where id = :'hosted';
select tests.step_up(:'person');
select tests.as_user(:'person');
select public.block_period(:'own', tests.hours(300), tests.hours(310));
select public.write_review(:'hosted', 5, 'A careful renter', '{}') is not null;
select public.set_bank_account('970436', '0123456789', 'ZERLINA QUOCKBAO', gen_random_uuid());
select tests.as_owner();
insert into public.vehicle_documents (vehicle_id, host_id, kind, valid_until, media_id)
select :'own', :'person', 'insurance', current_date + 100, tests.make_media(:'person', 'vehicle_document');
insert into private.document_reminders (document_id, days_before, is_sent) select id, 30, true from public.vehicle_documents where host_id = :'person';
insert into public.external_calendars (vehicle_id, host_id, name, url, etag, problem) values (:'own', :'person', 'Quockbao elsewhere', 'https://quockbao.example/1.ics', 'Quockbao', 'Quockbao');
insert into public.favourites (user_id, vehicle_id) values (:'person', :'own');
insert into public.saved_searches (user_id, name, criteria, alerts, period, reach)
values (:'person', 'Quockbao on holiday', '{}', true, tstzrange(now(), now() + interval '1 day'), extensions.st_makeenvelope(105, 21, 106, 22, 4326));
insert into private.search_alerts (search_id, vehicle_id) select id, :'own' from public.saved_searches where user_id = :'person';
update public.calendar_entries set note = 'Quockbao needs it' where vehicle_id = :'own' and kind = 'host_block';
update public.bank_accounts set created_at = now() - interval '3 days', usable_from = now() - interval '2 days' where user_id = :'person';
select private.schedule_payouts() as batch \gset
select tests.as_user(:'admin');
select public.approve_payout_batch(:'batch');
select tests.as_owner();
select id as payout from public.payouts where user_id = :'person' \gset
update public.payouts set provider = 'manual' where id = :'payout';
select tests.as_user(:'admin');
select public.record_manual_payout(:'payout', 'FT123');
select tests.as_owner();
-- as a renter: a trip that is over, one that is cancelled, money that came twice, a freeze
select tests.make_vehicle(:'host') as vehicle \gset
select tests.make_paid_booking(:'person', :'vehicle', tests.hours(30), tests.hours(31)) as rented, tests.make_paid_booking(:'person', :'vehicle', tests.hours(50), tests.hours(51)) as cancelled,
  tests.make_booking(:'person', :'vehicle', tests.hours(70), tests.hours(71)) as held \gset
insert into public.booking_no_shows (booking_id, absent, status, note, reporter_id, counts_at) values (:'rented', 'host', 'reported', 'I waited', :'person', now() + interval '1 day');
update public.booking_no_shows set status = 'withdrawn' where booking_id = :'rented';
insert into public.booking_drivers (booking_id, user_id, place) values (:'rented', :'person', 1);
select tests.pay(tests.request_extension(:'rented', 1));
select tests.drive(:'rented', -3);
select tests.as_user(:'person');
select tests.cancel_booking(:'cancelled');
select tests.as_owner();
select tests.provider_says(a.reference, 'succeeded', p_transaction_id => 'twice')
from public.payment_attempts a join public.payments p on p.id = a.payment_id where p.payable_id = :'rented';
select private.freeze_money(:'rented', 'under review'), private.issue_receipt('receipt', p.id) from public.payments p where p.payable_id = :'rented';
select private.accept_charge(private.store_charge(b, k, 1000, 'Scratches', array[tests.make_media(:'person', 'charge')]), 1000) is not null
from public.bookings b, private.charge_kinds k where b.id = :'hosted' and k.kind = 'other';
-- in a dispute about it
select tests.make_media(:'person', 'evidence_image') as scratch \gset
select tests.as_user(:'person');
select private.open_complaint(:'rented', 'unclean', 'The vehicle was not clean', 'refund', gen_random_uuid(), null, array[:'scratch']::uuid[]) is not null;
select tests.as_owner();
-- who reported somebody, was reported, and had something taken down
select tests.as_user(:'person');
select private.create_report('person', :'host', 'harassment', 'Shouts at people', null) is not null;
select id as support from private.open_support_conversation() \gset
select private.send_message(:'support', 'Good morning', gen_random_uuid()) is not null;
select tests.as_user(:'admin');
select private.join_support_conversation(:'support') is not null;
select private.create_report('message', :'support', 'spam', '', (select last_seq from public.conversations where id = :'support')) is not null;
select tests.as_owner();
select private.hide_message(:'support', last_seq) from public.conversations where id = :'support';
select private.record_moderation('message', :'support', last_seq, 'hide', '{}') from public.conversations where id = :'support';
-- money that was taken back, and who gave it
select tests.step_up(:'admin');
select set_config('request.jwt.claims', tests.claims(:'admin'), true);
select private.record_payment_reversal(p.id, 'portal_refund', 2, 'taken-' || p.id, 'Taken in the portal', gen_random_uuid()) ->> 'id' as taken
from public.payments p where p.payable_id = :'rented' \gset
select private.cover_reversal(r, 'earner', 1, null, :'person', 'Given back'), private.cover_reversal(r, 'provider', 1, null, null, 'The rest is back')
from private.payment_reversals r where r.id = :'taken';
select tests.as_owner();
-- as staff, and what comes of using an account
insert into public.user_roles (user_id, role) values (:'person', 'admin');
insert into public.user_suspensions (user_id, reason, created_at, ended_at, phone_hash) values (:'person', 'abuse', now() - interval '2 days', now() - interval '1 day', private.keyed_hash('phone:+84977123123'));
insert into private.review_claims (kind, subject_id, claimed_by, expires_at) values ('licence', gen_random_uuid(), :'person', now() + interval '1 minute');
insert into public.media_derivatives (media_id, size, format, bucket, path, width, height, byte_size)
select id, 'large', 'jpeg', bucket, path, 1, 1, 1 from public.media where owner_id = :'person';
insert into storage.objects (bucket_id, name) select 'originals', path from public.media where owner_id = :'person';
insert into private.media_originals (media_id, path) select id, path from public.media where owner_id = :'person';
insert into private.media_facts (media_id, captured_at) select id, now() from public.media where owner_id = :'person' and purpose = 'inspection';
insert into public.user_blocks (user_id, blocked_id) values (:'person', :'host');
insert into public.addresses (user_id, recipient, phone, line1, province) values (:'person', 'Zerlina Quockbao', '+84977123123', '77 Phố Quockbao', 'Hà Nội');
insert into private.devices (user_id, platform, token) values (:'person', 'ios', 'ExponentPushToken[Quockbao00000000]');
select tests.make_api_key(:'person', '{vehicles:read}');
insert into private.webhook_endpoints (owner, owner_id, created_by, name, url, event_types) values ('user', :'person', :'person', 'Quockbao''s fleet', 'https://quockbao.example/hooks', '{*}');
select private.write_webhook(e, 'test', e.owner_id, '{}') is not null from private.webhook_endpoints e where e.owner_id = :'person';
insert into private.payout_returns (payout_id, note, recorded_by) select id, 'The account is closed', :'admin' from public.payouts where user_id = :'person' limit 1;
insert into private.manual_claims (subject_id, claimed_by) values (gen_random_uuid(), :'person');
insert into public.payout_batches (payouts, total, currency, approved_at, approved_by) values (1, 1, 'VND', now(), :'person');
select tests.as_user(:'person');
select id as talk from private.open_support_conversation() \gset
select tests.as_owner();
select tests.make_media(:'person', 'chat_image') as paper \gset
select tests.as_user(:'person');
select private.send_message(:'talk', 'My papers', gen_random_uuid(), p_attachments => jsonb_build_array(jsonb_build_object('media_id', :'paper', 'file_name', 'Quockbao.jpeg')));
select private.send_message(:'talk', 'Is anybody there?', gen_random_uuid()), private.edit_message(:'talk', 2, 'Hello?'), private.react(:'talk', 2, '👍', true), private.sync_chat(null);
select tests.as_owner();
select public.start_otp('step_up', 'email', null, :'person', null, null, '123456', true, '198.51.100.7');
select public.queue_auth_message('auth_magiclink', 'email', :'email', 'en', null, '{"code": "1", "link": "x"}');
select private.delivery_sent(d.id, 'resend', 're_1'), private.delivery_reported('resend', 're_1', 'delivered', now(), null)
from (select id from public.deliveries where user_id = :'person' and channel = 'email' and status = 'queued' limit 1) d;
insert into private.notification_preferences (user_id, category, channel, is_on) values (:'person', 'booking', 'email', false);
insert into private.notification_schedules (user_id, quiet_from, quiet_until) values (:'person', '22:00', '07:00');
-- as an organizer, and as a buyer
select tests.make_event(:'person') as event \gset
insert into public.organizer_invitations (organizer_id, email, role, invited_by)
select e.organizer_id, lower(:'email'), 'viewer', :'host' from public.events e where e.id = :'event';
select tests.make_event(:'host') as other_event \gset
insert into public.organizer_members (organizer_id, user_id, role) select e.organizer_id, :'person', 'scanner' from public.events e where e.id = :'other_event';
select tests.as_user(:'person');
select (private.add_ticket_class(:'event', '{"name": "Stalls", "price": 500000, "has_seats": true}', gen_random_uuid())).id as stalls \gset
select public.add_seat_row(:'stalls', 'Stalls', 'A', 1, '[{"number": "1"}, {"number": "2"}]') ->> 'id' as seat_row \gset
select tests.as_owner();
select tests.make_paid_order(:'person', :'event', 1, 'Stalls') as ticket_order;
-- holding a ticket, offering it, and at the door
select id as ticket, event_id as ticket_event from public.tickets where holder_id = :'person' limit 1 \gset
insert into public.ticket_transfers (ticket_id, from_id, to_id, expires_at) values (:'ticket', :'person', :'host', now() + interval '1 hour');
update public.ticket_transfers set status = 'withdrawn', answered_at = now() where ticket_id = :'ticket';
insert into public.ticket_scans (list_id, event_id, ticket_id, custody, scanner_id, client_scan_id, is_offline, is_admitted, result, scanned_at)
select l.id, l.event_id, :'ticket', 1, :'person', gen_random_uuid(), false, false, 'cancelled', now() from public.check_in_lists l where l.event_id = :'ticket_event';
update public.tickets set holder_id = :'host' where id = :'ticket';
update public.tickets set holder_id = :'person' where id = :'ticket';
insert into private.event_reminders (event_id, starts_at, user_id) values (:'ticket_event', now(), :'person');
insert into private.event_cancellations (event_id, reason, cancelled_by, actor_id) values (:'ticket_event', 'A storm', 'organizer', :'person');
insert into private.cancelled_event_orders (order_id, event_id, error, retry_at) select t.order_id, t.event_id, 'money_frozen', now() from public.tickets t where t.id = :'ticket';
insert into private.event_notices (event_id, template, data, last_user_id) values (:'ticket_event', 'event_postponed', '{}', :'person');
insert into public.waiting_list_entries (event_id, class_id, user_id, quantity) select c.event_id, c.id, :'person', 1 from public.ticket_classes c where c.event_id = :'ticket_event' limit 1;
update public.waiting_list_entries set status = 'left', ended_at = now();
insert into public.event_favourites (user_id, event_id) values (:'person', :'ticket_event');
insert into private.event_interests (event_id, user_id, reason, weight) values (:'ticket_event', :'person', 'likes', 1) on conflict do nothing;
select tests.make_paid_order(:'renter', :'event', 2) as earned_order \gset
select private.earn_order(o) from public.orders o where o.id = :'earned_order';
select private.cancel_valid_tickets(o, array(select t.id from public.tickets t where t.order_id = o.id and t.number = 1), 'admin', null) from public.orders o where o.id = :'earned_order';
-- in a waiting room, and let in
select private.set_waiting_room(:'event', 1, null, null), private.open_waiting_room(:'event'), private.join_queue(:'event')
from set_config('request.jwt.claims', tests.claims(:'person'), true);
select tests.as_owner();
select private.enqueue('delete_auth_user', jsonb_build_object('user_id', :'person'), 'an earlier one');
select tests.settle();
update public.notifications set read_at = now() where user_id = :'person';

create function tests.rows_about(p_relation text, p_person uuid) returns bigint language plpgsql as $$
declare v_count bigint;
begin
  execute format('select count(*) from %s r where %s', p_relation, (select whose from private.personal_tables where relation = p_relation)) into v_count using p_person;
  return v_count;
end $$;
-- every cell of the database in which one of these words stands
create function tests.cells_with(variadic p_words text[]) returns table (relation text, column_name text) language plpgsql as $$
declare v_table text;
begin
  for v_table in
    select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('public', 'private') and c.relkind in ('r', 'p')
  loop
    return query execute format(
      'select distinct %L, f.key from %s r, jsonb_each_text(to_jsonb(r)) f where exists (select from unnest($1) w where position(lower(w) in lower(f.value)) > 0)', v_table, v_table)
    using p_words;
  end loop;
end $$;

select tests.step_up(:'person');
select tests.as_user(:'person');
select tests.as_owner();
select is_empty(format($$ select relation from private.personal_tables where treatment <> 'none' and tests.rows_about(relation, %L) = 0 $$, :'person'),
  'the person of this test has a row in every table that may hold something about persons');
create temporary table found_before as select * from tests.cells_with('Quockbao', '+84977123123', :'email', '0123456789');
select ok(count(*) >= 8, 'the search finds name, phone, mail and address of a person who is here') from found_before;
create temporary table kept_before as
  select t.relation, tests.rows_about(t.relation, :'person') as rows from private.personal_tables t where treatment in ('retain', 'anonymise');

-- gone -----------------------------------------------------------------------------------------------------------
-- with nothing in the way
delete from private.account_blockers;
select lives_ok(format('select private.delete_person(%L, %L)', :'person', 'test'), 'an account with something in every table can be deleted');
select tests.settle();
select is_empty(format($$ select relation from private.personal_tables where treatment = 'erase' and tests.rows_about(relation, %L) > 0 $$, :'person'),
  'nothing is left in a table whose rows are erased');
select is_empty(format($$ select k.relation, k.rows from kept_before k where k.relation not in ('private.outbox', 'private.domain_events') and k.rows <> tests.rows_about(k.relation, %L) $$, :'person'),
  'trips, payments, receipts and the books keep every row');
select is_empty(
  format($$ select f.relation, f.column_name from tests.cells_with('Quockbao', '+84977123123', %L, '0123456789') f
     left join private.personal_data d on d.relation = f.relation and d.column_name = f.column_name and d.treatment = 'retain'
     -- the mail about the deletion, until its sender has it
     where d.relation is null and (f.relation, f.column_name) <> ('private.auth_messages', 'address') $$, :'email'),
  'name, mail address, phone, street and account number are in no cell that is not retained');
update private.auth_messages set created_at = now() - interval '25 hours';
select private.tidy_auth_messages();
select is_empty(format($$ select * from tests.cells_with(%L, '+84977123123') $$, :'email'), 'a day later mail address and phone are nowhere, retained columns included');
select is(
  (select array_agg(distinct f.relation || '.' || f.column_name order by f.relation || '.' || f.column_name) from tests.cells_with('Quockbao') f),
  array['public.bank_accounts.holder_name', 'public.receipts.content'],
  'the name stays where money was sent to it, and on receipts');
select is(tests.broken_promises(), null, 'no invariant is violated when an account is deleted');
select is((select count(*) from public.notifications where user_id = :'person'), 0::bigint, 'somebody whose account is deleted is told nothing');
select lives_ok(format('select private.erase_person(%L)', :'person'), 'erasing can be repeated');

select * from finish();
rollback;

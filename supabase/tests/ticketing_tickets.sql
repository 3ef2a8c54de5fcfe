-- Ticketing: who holds a ticket, what its codes are worth, and what happens at the door.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

update private.rate_limits set capacity = 1000, per_minute = 1000;
select tests.make_user('owner') as owner, tests.make_user('viewer') as viewer, tests.make_user('gate') as gate, tests.make_user('other gate') as gate2,
  tests.make_user('buyer') as buyer, tests.make_user('friend') as friend, tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
select tests.as_user(:'owner');
select (private.create_organizer('{"name": "Sao Mai"}', gen_random_uuid())).id as organizer \gset
select tests.as_owner();
insert into public.organizer_members (organizer_id, user_id, role) values (:'organizer', :'viewer', 'viewer'), (:'organizer', :'gate', 'scanner'), (:'organizer', :'gate2', 'scanner');
create function tests.draft_event(p_organizer uuid, p_owner uuid)
returns uuid
language plpgsql volatile
as $$
declare
  v_id uuid;
begin
  perform tests.as_user(p_owner);
  v_id := (private.create_event(p_organizer, jsonb_build_object('title', 'Đêm nhạc', 'category', 'music', 'venue', 'Nhà hát Lớn', 'address', '1 Tràng Tiền',
    'city', 'Hà Nội', 'starts_at', tests.hours(240), 'ends_at', tests.hours(243)), gen_random_uuid())).id;
  perform tests.as_owner();
  return v_id;
end
$$;
create function tests.sell(p_event uuid, p_class uuid, p_buyer uuid, p_count int)
returns setof public.tickets
language plpgsql volatile
as $$
declare
  v_order uuid := gen_random_uuid();
  v_item uuid := gen_random_uuid();
begin
  insert into public.orders (id, event_id, buyer_id, status, currency, total_amount, tax_amount, quantity, completed_at)
  values (v_order, p_event, p_buyer, 'completed', 'VND', 0, 0, p_count, now());
  insert into public.order_items (id, order_id, event_id, class_id, quantity, unit_price, amount, tax_amount)
  values (v_item, v_order, p_event, p_class, p_count, 0, 0, 0);
  return query insert into public.tickets (order_id, order_item_id, event_id, class_id, holder_id, number, paid_amount, tax_amount)
    select v_order, v_item, p_event, p_class, p_buyer, n, 0, 0 from generate_series(1, p_count) n returning *;
end
$$;
-- what the function signs, with a signature that the platform does not look at
create function tests.code(p_ticket uuid)
returns text
language sql stable security definer
as $$
  select 'e30.' || private.base64url_from(replace(encode(convert_to(jsonb_build_object('t', t.id, 'e', t.event_id, 'n', t.custody, 's', t.secret, 'exp', 1)::text, 'UTF8'), 'base64'), E'\n', '')) || '.c2ln'
  from public.tickets t where t.id = p_ticket
$$;
select tests.draft_event(:'organizer', :'owner') as event, tests.draft_event(:'organizer', :'owner') as other_event \gset
select tests.as_user(:'owner');
select (private.add_ticket_class(:'event', '{"name": "Standard", "price": 0, "total": 100}', gen_random_uuid())).id as standard,
  (private.add_ticket_class(:'event', '{"name": "VIP", "price": 0, "total": 100}', gen_random_uuid())).id as vip,
  (private.add_ticket_class(:'other_event', '{"name": "Standard", "price": 0, "total": 100}', gen_random_uuid())).id as elsewhere \gset
select tests.as_owner();
update public.events set status = 'configured' where id in (:'event', :'other_event');
update public.events set status = 'approved' where id in (:'event', :'other_event');
update public.events set status = 'published', published_at = now() where id in (:'event', :'other_event');
select array_agg(id order by number) as tickets from tests.sell(:'event', :'standard', :'buyer', 7) \gset
select (:'tickets'::uuid[])[1] as one, (:'tickets'::uuid[])[2] as two, (:'tickets'::uuid[])[3] as three, (:'tickets'::uuid[])[4] as four, (:'tickets'::uuid[])[5] as five, (:'tickets'::uuid[])[6] as six \gset
select id as vip_ticket from tests.sell(:'event', :'vip', :'buyer', 1) \gset
select id as elsewhere_ticket from tests.sell(:'other_event', :'elsewhere', :'buyer', 1) \gset
select id as door from public.check_in_lists where event_id = :'event' \gset

-- the holder --------------------------------------------------------------------------------------------------------
select tests.as_user(:'buyer');
select is((select count(distinct number)::int from public.my_tickets() where event_id = :'event' and class_name = 'Standard'), 7, 'seven tickets of one buyer are seven tickets');
select is(tests.outcome('select secret from public.tickets'), '42501', 'nobody reads the secret of a ticket, not even its holder');
select is(tests.outcome('select * from private.ticket_custody'), '42501', 'nobody reads earlier holders');
select is(tests.outcome(format('update public.tickets set holder_id = %L', :'friend')), '42501', 'nobody gives a ticket away past the commands');
select is((public.rename_ticket(:'one', '  Nguyễn   An ')).holder_name, 'Nguyễn An', 'a holder names who will come');
select is(tests.outcome(format('select public.rename_ticket(%L, %L)', :'one', '   ')), 'invalid_input', 'a name that shows nothing is refused');
select is((public.ticket_to_print(:'one')) ->> 'class_name', 'Standard', 'a holder prints the ticket');
select is(tests.outcome(format('select public.ticket_to_sign(%L, %L)', :'one', :'buyer')), '42501', 'what is signed is for the service alone');
select tests.as_user(:'stranger');
select is(tests.outcome(format('select public.rename_ticket(%L, %L)', :'one', 'Me')), 'ticket_not_found', 'a stranger renames no ticket');
select is(tests.outcome(format('select public.ticket_to_print(%L)', :'one')), 'ticket_not_found', 'a stranger prints no ticket');
select is_empty('select from public.tickets', 'a stranger sees no ticket');
select is(tests.outcome(format('select public.event_attendees(%L)', :'event')), 'event_not_found', 'a stranger reads no attendees');
select tests.as_service();
select is((public.ticket_to_sign(:'one', :'buyer')) ->> 'custody', '1', 'the service signs for the holder');
select is(tests.outcome(format('select public.ticket_to_sign(%L, %L)', :'one', :'stranger')), 'ticket_not_found', 'the service signs for nobody else');

-- giving a ticket away ----------------------------------------------------------------------------------------------
select tests.as_user(:'buyer');
select is(tests.outcome(format('select private.offer_ticket(%L, %L)', :'one', :'buyer')), 'invalid_input', 'a ticket is offered to somebody else');
select private.offer_ticket(:'one', :'friend') ->> 'id' as offer \gset
select is((select offered from public.my_tickets() where id = :'one'), true, 'a ticket that is offered says so');
select tests.code(:'one') as old_code \gset
select tests.as_user(:'stranger');
select is(tests.outcome(format('select private.accept_ticket(%L, null)', :'offer')), 'transfer_not_found', 'a stranger accepts no ticket');
select is(tests.outcome(format('select public.decline_ticket(%L)', :'offer')), 'transfer_not_found', 'a stranger declines no ticket');
select tests.as_user(:'friend');
select is((select from_name || ' ' || event_title from public.my_ticket_offers()), 'buyer Đêm nhạc', 'the other person sees the offer');
select is((select count(*)::int from public.notifications where template = 'ticket_offered_recipient'), 1, 'the other person is told');
select is((private.accept_ticket(:'offer', null)).holder_id, :'friend'::uuid, 'the other person accepts');
select is((private.accept_ticket(:'offer', null)).custody, 2, 'accepting twice changes nothing');
select is((select holder_name from public.tickets where id = :'one'), null, 'the name of before is off the ticket');
select tests.as_user(:'buyer');
select is(tests.outcome(format('select private.offer_ticket(%L, null)', :'one')), 'ticket_not_found', 'who gave a ticket away has it no more');
select is(tests.outcome(format('select public.withdraw_ticket_offer(%L)', :'offer')), 'transfer_over', 'what was accepted is not taken back');
select is((select count(*)::int from public.notifications where template = 'ticket_accepted_giver'), 1, 'the giver is told');
select tests.as_service();
select is(tests.outcome(format('select public.ticket_to_sign(%L, %L)', :'one', :'buyer')), 'ticket_not_found', 'the giver gets no fresh code');
-- by a code
select tests.as_user(:'buyer');
select o ->> 'id' as linked, o ->> 'code' as link_code from private.offer_ticket(:'two', null) o \gset
select tests.as_user(:'friend');
select is(tests.outcome(format('select private.accept_ticket(%L, null)', :'linked')), 'transfer_not_found', 'an offer by code needs the code');
select is(tests.outcome(format('select private.accept_ticket(%L, %L)', :'linked', 'guess')), 'transfer_not_found', 'a wrong code is refused');
select is((private.accept_ticket(:'linked', :'link_code')).holder_id, :'friend'::uuid, 'who has the code accepts');
select tests.as_user(:'stranger');
select is(tests.outcome(format('select private.accept_ticket(%L, %L)', :'linked', :'link_code')), 'transfer_not_found', 'a code is good once');
-- taken back, declined, over
select tests.as_user(:'buyer');
select private.offer_ticket(:'three', :'friend') ->> 'id' as first_offer \gset
select private.offer_ticket(:'three', :'friend') ->> 'id' as second_offer \gset
select is((select status from public.ticket_transfers where id = :'first_offer'), 'withdrawn', 'a second offer takes the place of the first');
select tests.as_user(:'friend');
select public.decline_ticket(:'second_offer');
select public.decline_ticket(:'second_offer');
select is(tests.outcome(format('select private.accept_ticket(%L, null)', :'second_offer')), 'transfer_over', 'what was declined is not accepted');
select tests.as_user(:'buyer');
select private.offer_ticket(:'three', :'friend') ->> 'id' as late_offer \gset
select tests.as_owner();
update public.ticket_transfers set expires_at = now() where id = :'late_offer';
select tests.as_user(:'friend');
select is(tests.outcome(format('select private.accept_ticket(%L, null)', :'late_offer')), 'transfer_over', 'an offer is over at its time, before any job has run');
select is_empty('select from public.my_ticket_offers()', 'an offer that is over is not listed');
-- what the organizer and blocks forbid
select tests.as_user(:'friend');
select public.block_user(:'stranger');
select is(tests.outcome(format('select private.offer_ticket(%L, %L)', :'two', :'stranger')), 'not_found', 'a ticket is not offered across a block');
select tests.as_owner();
update public.event_configs set transfers_allowed = false where event_id = :'event';
select tests.as_user(:'friend');
select is(tests.outcome(format('select private.offer_ticket(%L, null)', :'two')), 'transfers_forbidden', 'an organizer can forbid transfers');
select tests.as_owner();
update public.event_configs set transfers_allowed = true, changes_until_hours = 240 where event_id = :'event';
select tests.as_user(:'friend');
select is(tests.outcome(format('select private.offer_ticket(%L, null)', :'two')), 'ticket_fixed', 'a ticket changes hands until the time that the organizer sets');
select is(tests.outcome(format('select public.rename_ticket(%L, %L)', :'two', 'Bình')), 'ticket_fixed', 'a name is written until the same time');
select tests.as_owner();
update public.event_configs set changes_until_hours = 0 where event_id = :'event';
-- by any path
update public.tickets set holder_id = :'stranger' where id = :'two';
select is((select custody from public.tickets where id = :'two'), 3, 'an edit of the holder makes a new code too');
select is(tests.outcome(format('update public.tickets set custody = 1 where id = %L', :'two')), '42501', 'no path sets the count of holders back');
select is(tests.outcome('delete from private.ticket_custody'), '42501', 'earlier holders are never forgotten');

-- the door ----------------------------------------------------------------------------------------------------------
select tests.as_user(:'stranger');
select is(tests.outcome(format('select private.scan_ticket(%L, %L, gen_random_uuid(), null)', :'door', tests.code(:'two'))), 'check_in_list_not_found', 'a stranger scans nothing');
select is_empty('select from public.check_in_lists', 'a stranger sees no list');
select tests.as_user(:'viewer');
select is(tests.outcome(format('select private.scan_ticket(%L, %L, gen_random_uuid(), null)', :'door', tests.code(:'two'))), 'check_in_list_not_found', 'a viewer scans nothing');
select tests.as_user(:'gate');
select is((select count(*)::int from public.check_in_lists), 2, 'a scanner sees the lists of the organizer');
select is_empty('select from public.tickets', 'a scanner sees no tickets');
select is_empty('select from public.orders', 'a scanner sees no orders');
select is(tests.outcome(format('select public.event_attendees(%L)', :'event')), 'event_not_found', 'a scanner reads no attendees');
select is(tests.outcome(format('select public.event_sales(%L)', :'event')), 'event_not_found', 'a scanner reads no sales');
select gen_random_uuid() as scan \gset
select s ->> 'result' || ' ' || (s ->> 'is_admitted') as said from private.scan_ticket(:'door', tests.code(:'one'), :'scan', 'North') s \gset
select is(:'said'::text, 'ok true', 'a good code opens the door');
select s ->> 'result' || ' ' || (s ->> 'is_admitted') as said from private.scan_ticket(:'door', tests.code(:'one'), :'scan', 'North') s \gset
select is(:'said'::text, 'ok true', 'the same scan sent again is one scan');
select tests.as_user(:'gate2');
select s ->> 'result' || ' ' || (s ->> 'is_admitted') || ' ' || (s -> 'first' ->> 'gate') || ' ' || (s -> 'first' ->> 'scanner') as said from private.scan_ticket(:'door', tests.code(:'one'), gen_random_uuid(), 'South') s \gset
select is(:'said'::text, 'already_admitted false North gate', 'a second scan shows where and by whom the first was');
select s ->> 'result' as said from private.scan_ticket(:'door', :'old_code', gen_random_uuid(), 'South') s \gset
select is(:'said'::text, 'old_code', 'the code of the giver no longer opens the door');
select s ->> 'result' as said from private.scan_ticket(:'door', tests.code(:'elsewhere_ticket'), gen_random_uuid(), null) s \gset
select is(:'said'::text, 'other_event', 'a ticket of another event does not open the door');
select s ->> 'result' || (s ? 'ticket')::text as said from private.scan_ticket(:'door', replace(tests.code(:'three'), 'e', 'f'), gen_random_uuid(), null) s \gset
select is(:'said'::text, 'unknownfalse', 'a code that nobody made says nothing');
select s ->> 'result' as said from private.scan_ticket(:'door', 'https://example.com', gen_random_uuid(), null) s \gset
select is(:'said'::text, 'unknown', 'nonsense is no code');
select is(tests.outcome(format('select private.scan_ticket(%L, %L, null, null)', :'door', 'x')), 'invalid_input', 'a scan needs its id');
-- lists of some classes
select tests.as_user(:'owner');
select (public.save_check_in_list(:'event', 'Lounge', array[:'vip']::uuid[])).id as lounge \gset
select is(tests.outcome(format('select public.save_check_in_list(%L, %L)', :'event', 'Lounge')), 'invalid_input', 'two lists of an event have two names');
select is(tests.outcome(format('select public.save_check_in_list(%L, %L, array[%L]::uuid[])', :'event', 'Other', :'elsewhere')), 'ticket_class_not_found', 'a list admits tickets of its event');
select tests.as_user(:'viewer');
select is(tests.outcome(format('select public.save_check_in_list(%L, %L)', :'event', 'Mine')), 'forbidden', 'a viewer makes no list');
select tests.as_user(:'gate');
select s ->> 'result' as said from private.scan_ticket(:'lounge', tests.code(:'three'), gen_random_uuid(), null) s \gset
select is(:'said'::text, 'other_list', 'a list admits its kinds of tickets only');
select s ->> 'result' as said from private.scan_ticket(:'door', tests.code(:'vip_ticket'), gen_random_uuid(), null) s \gset
select s ->> 'result' as said from private.scan_ticket(:'lounge', tests.code(:'vip_ticket'), gen_random_uuid(), null) s \gset
select is(:'said'::text, 'ok', 'a ticket is admitted once on each list');
-- used, so nothing more
select tests.as_user(:'friend');
select is(tests.outcome(format('select private.offer_ticket(%L, null)', :'one')), 'ticket_used', 'a ticket that was used is not given away');

-- without a connection ----------------------------------------------------------------------------------------------
select tests.as_user(:'gate');
select d ->> 'as_of' as as_of, jsonb_array_length(d -> 'tickets') as known from public.door_tickets(:'door') d \gset
select is(:'known'::int, 8, 'a device gets the tickets of its event');
select is(jsonb_array_length(public.door_tickets(:'door', page_size => 3) -> 'tickets'), 3, 'a device gets them a page at a time');
select tests.code(:'four') as four_code, tests.code(:'five') as five_code, tests.code(:'six') as six_code, clock_timestamp() - interval '1 minute' as earlier \gset
-- meanwhile: five is cancelled, six is used at another gate
select tests.as_owner();
update public.tickets set status = 'cancelled', cancelled_at = now() where id = :'five';
select tests.as_user(:'gate2');
select private.scan_ticket(:'door', :'six_code', gen_random_uuid(), 'South') is not null;
select tests.as_user(:'gate');
create temporary table reported as
select s ->> 'result' as result, (s ->> 'is_admitted')::boolean as is_admitted, s -> 'ticket' ->> 'ticket_id' as ticket_id
from jsonb_array_elements(private.sync_scans(:'door', jsonb_build_array(
  jsonb_build_object('client_scan_id', gen_random_uuid(), 'code', :'four_code', 'scanned_at', :'earlier', 'is_admitted', true, 'gate', 'North'),
  jsonb_build_object('client_scan_id', gen_random_uuid(), 'code', :'five_code', 'scanned_at', :'earlier', 'is_admitted', true),
  jsonb_build_object('client_scan_id', gen_random_uuid(), 'code', :'six_code', 'scanned_at', :'earlier', 'is_admitted', true)))) s;
select is((select result || ' ' || is_admitted from reported where ticket_id = :'four'), 'ok true', 'an offline scan of a good ticket counts');
select is((select result || ' ' || is_admitted from reported where ticket_id = :'five'), 'cancelled true', 'a ticket that was cancelled before its offline scan came is recorded as admitted though cancelled');
select is((select result || ' ' || is_admitted from reported where ticket_id = :'six'), 'already_admitted true', 'a ticket that two gates admitted is recorded as such');
select is(tests.outcome(format('select private.sync_scans(%L, %L)', :'door', '[]')), 'invalid_input', 'an empty report is refused');
select is(tests.outcome(format('select private.sync_scans(%L, %L)', :'door', '[{"code": "x"}]')), 'invalid_input', 'a report without its parts is refused whole');
select ok(public.door_tickets(:'door', :'as_of') -> 'tickets' @> jsonb_build_array(jsonb_build_object('ticket_id', :'five', 'status', 'cancelled')), 'a device hears what was cancelled since its list');
select tests.as_user(:'viewer');
select is((select array_agg(result order by result) from public.scan_conflicts(:'event')), '{already_admitted,cancelled}', 'the team sees the conflicts and nothing else');
select is((select first_gate from public.scan_conflicts(:'event') where result = 'already_admitted'), 'South', 'a conflict names the other gate');
select is((select count(*)::int from public.event_attendees(:'event')), 8, 'the team reads the attendees');
select is((select (s ->> 'admitted')::int from jsonb_array_elements(public.event_sales(:'event') -> 'scans') s where s ->> 'list_id' = :'door'), 4, 'the team reads how many are in');
select is((select (c ->> 'cancelled')::int from jsonb_array_elements(public.event_sales(:'event') -> 'classes') c where c ->> 'class_id' = :'standard'), 1, 'the team reads how many tickets were cancelled');

-- cancelled -----------------------------------------------------------------------------------------------------------
select tests.as_service();
select is(tests.outcome(format('select public.ticket_to_sign(%L, %L)', :'five', :'buyer')), 'ticket_cancelled', 'a cancelled ticket has no fresh code');
select tests.as_user(:'buyer');
select is(tests.outcome(format('select private.offer_ticket(%L, null)', :'five')), 'ticket_cancelled', 'a cancelled ticket is not given away');
select private.offer_ticket(:'three', null) ->> 'id' as open_offer \gset
select tests.as_owner();
update public.tickets set status = 'cancelled', cancelled_at = now() where id = :'three';
select is((select status from public.ticket_transfers where id = :'open_offer'), 'withdrawn', 'an offer ends with its ticket');

select is_empty(format('select from private.account_blocker_valid_ticket(%L) b where b not in (select id from public.tickets where holder_id = %L and status = %L)', :'buyer', :'buyer', 'valid'), 'only valid tickets keep an account');
select ok((select array_agg(b) from private.account_blocker_valid_ticket(:'buyer') b) @> array[:'four'::uuid], 'who has a ticket to an event that is not over keeps the account');
select is((select array_agg(b) from private.account_blocker_live_event(:'owner') b) @> array[:'event'::uuid], true, 'who owns the organizer of an event that is not over keeps the account');
-- what cannot be stored -------------------------------------------------------------------------------------------------
select is(tests.outcome(format('insert into public.ticket_scans (list_id, event_id, ticket_id, custody, scanner_id, client_scan_id, is_offline, is_admitted, result, scanned_at) values (%L, %L, %L, 2, %L, gen_random_uuid(), false, true, %L, now())', :'door', :'event', :'one', :'gate', 'ok')), '23505', 'a ticket is admitted once on a list by whatever path');
select is(tests.outcome(format('insert into public.ticket_scans (list_id, event_id, ticket_id, custody, scanner_id, client_scan_id, is_offline, is_admitted, result, scanned_at) values (%L, %L, %L, 2, %L, gen_random_uuid(), false, true, %L, now())', :'door', :'event', :'one', :'gate', 'cancelled')), '23514', 'with a connection nobody is let in whose ticket is not good');
select is(tests.outcome('update public.ticket_scans set is_admitted = false'), '42501', 'a scan is never changed');
select is(tests.outcome(format('insert into public.ticket_transfers (ticket_id, from_id, to_id, expires_at) values (%L, %L, %L, now() + interval %L), (%L, %L, %L, now() + interval %L)', :'one', :'friend', :'buyer', '1 hour', :'one', :'friend', :'stranger', '1 hour')), '23505', 'a ticket has one open offer');

-- the reminder ----------------------------------------------------------------------------------------------------------
select is(private.remind_ticket_holders(), 0, 'nobody is reminded ten days before');
update public.events set starts_at = now() + interval '20 hours', ends_at = now() + interval '23 hours' where id = :'event';
select is(private.remind_ticket_holders(), 3, 'each holder of a valid ticket is reminded a day before');
select is(private.remind_ticket_holders(), 0, 'nobody is reminded twice');
update public.events set starts_at = now() + interval '21 hours' where id = :'event';
select is(private.remind_ticket_holders(), 3, 'a new date is a new reminder');

select is_empty($$ select * from private.invariant_custody_broken() union all select * from private.invariant_offer_of_dead_ticket() union all select * from private.invariant_admission_disagrees() $$, 'every promise about tickets is kept');
select * from finish();
rollback;

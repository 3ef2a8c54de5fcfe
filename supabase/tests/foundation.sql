-- Foundation: errors, transitions, repeats, the outbox, limits, topics.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
select tests.make_vehicle(:'host') as vehicle \gset

-- visitor --------------------------------------------------------------------------------------------------
select tests.as_visitor();
select is(tests.outcome($$ select * from private.error_codes $$), '42501', 'a visitor cannot read the registry''s table');
select is(tests.outcome($$ select * from private.settings $$), '42501', 'a visitor cannot read the settings');
select tests.as_owner();
select is(tests.outcome(format('update private.settings set value = %L where key = %L', v, k)), '23514', 'a setting of ' || k || ' that cannot work is refused: ' || v)
from (values ('hold_minutes', '0'), ('hold_minutes', '"15"'), ('hold_minutes', '1.5'), ('quote_minutes', 'null'), ('claim_window_hours', '-1'), ('booking_horizon_days', '100000'),
  ('rates', '{"commission_bps": 9999}'), ('rates', '[]'), ('cancellation_policies', '{}'), ('cancellation_policies', '{"flexible": [], "moderate": [], "strict": []}'),
  ('cancellation_policies', '{"flexible": [{"hours_before": 1, "refund_bps": 10001}], "moderate": [], "strict": []}'), ('fuzz_metres', '{"min": 400, "max": 150}'),
  ('bank_account_wait_hours', '0'), ('unverified_events_per_hour', '-1'), ('unverified_events_per_hour', '10001'), ('unverified_events_per_hour', 'null'), ('payout_minimum', '0'), ('payout_provider', '"paypal"'), ('seller', '{"name": " "}'), ('seller', '{}'), ('seller', '{"name": "Journey"}'), ('seller', '{"name": "…", "address": "…", "tax_code": "…"}')) s (k, v);
select is(tests.outcome($$ delete from private.settings where key = 'rates' $$), '42501', 'a setting that commands read is not deleted');
select is(tests.outcome($$ update private.settings set key = 'rate' where key = 'rates' $$), '42501', 'the key of a setting cannot be changed');
select tests.as_visitor();
select is(tests.outcome($$ select * from private.secrets $$), '42501', 'a visitor cannot read the pepper');
select is(tests.outcome($$ select private.keyed_hash('x') $$), '42501', 'a visitor cannot hash with the pepper');
select is(tests.outcome($$ select private.setting('rates') $$), '42501', 'a visitor cannot ask for a setting');
select is(tests.outcome($$ select public.lease_outbox() $$), '42501', 'a visitor cannot lease the outbox');
select is(tests.outcome($$ select public.create_booking(gen_random_uuid(), gen_random_uuid()) $$), '42501', 'a visitor cannot book');
select is(tests.outcome($$ insert into realtime.messages (topic, extension, event, payload, private) values ('user:x', 'broadcast', 'e', '{}', true) $$), '42501', 'a visitor cannot speak on a topic');
select ok((select count(*) > 40 from public.error_catalog()), 'a visitor reads the catalog of errors');
select ok((select bool_and(message_en <> '' and message_vi <> '' and status between 400 and 599) from public.error_catalog()), 'every error has a status and a text in both languages');
select ok((select count(*) > 40 from public.transition_catalog()), 'a visitor reads the catalog of moves');

-- user -----------------------------------------------------------------------------------------------------
select tests.as_user(:'stranger');
select is(tests.outcome($$ select public.lease_outbox() $$), '42501', 'a user cannot lease the outbox');
select is(tests.outcome($$ select private.begin_command('x', gen_random_uuid(), '{}') $$), '42501', 'a user cannot write idempotency keys');
select is(tests.outcome($$ select private.notify(auth.uid(), 'x', '{}', 'x') $$), '42501', 'a user cannot notify anybody');
select is(tests.outcome($$ select private.broadcast('user:x', 'e', '{}') $$), '42501', 'a user cannot broadcast as the database');
select is(tests.outcome($$ select private.broadcast_to_users('e', '{}', array[auth.uid()]) $$), '42501', 'a user cannot broadcast to others as the database');
select is(tests.outcome($$ select private.expose('create_booking(uuid, uuid)', 'anon') $$), '42501', 'a user cannot hand out functions');
select is(tests.outcome($$ insert into realtime.messages (topic, extension, event, payload, private) values ('user:' || auth.uid(), 'broadcast', 'e', '{}', true) $$), '42501', 'a user cannot speak even on the own topic');
select is(tests.outcome($$ select private.fail('not_found') $$), 'not_found', 'reads that run as the caller can refuse with a registry code');
select is(tests.outcome($$ select private.fail('no_such_code') $$), 'P0001', 'a code outside the registry is a bug, and shows as one');

select tests.as_owner();
select lives_ok($$ select realtime.send('{}', 'notification', 'user:' || (select id from public.profiles where display_name = 'renter' order by created_at desc limit 1), true) $$, 'the database speaks on a topic');
select tests.as_user(:'renter');
select is((select count(*)::int from realtime.messages where topic = 'user:' || :'renter'), 1, 'the owner hears the own topic');
select is((select count(*)::int from realtime.messages where topic <> 'user:' || :'renter'), 0, 'a person hears no topic of others');
select tests.as_user(:'stranger');
select is((select count(*)::int from realtime.messages where topic = 'user:' || :'renter'), 0, 'a stranger hears nothing of the topic of others');
select tests.as_owner();
select private.broadcast_to_users('news', '{"n": 1}', array[:'renter', :'stranger']::uuid[]);
select is(
  (select array_agg(topic order by topic) from realtime.messages where event = 'news' and private and payload = jsonb_build_object('n', 1, 'id', id)),
  (select array_agg('user:' || u order by u) from unnest(array[:'renter', :'stranger']) u), 'an event for several people is one on the topic of each');
-- whose rows the policies refuse
grant create on schema private to authenticated;
alter function private.broadcast_to_users(text, jsonb, uuid[]) owner to authenticated;
select lives_ok(format($$ select private.broadcast_to_users('news', '{"n": 2}', array[%L]::uuid[]) $$, :'renter'), 'a broadcast that cannot be stored costs no write');
select is((select count(*)::int from realtime.messages where event = 'news' and payload ->> 'n' = '2'), 0, 'that broadcast was not stored');
alter function private.broadcast_to_users(text, jsonb, uuid[]) owner to postgres;

-- service --------------------------------------------------------------------------------------------------
select tests.as_service();
select is(tests.outcome($$ select * from private.outbox $$), '42501', 'the service reaches the outbox by commands only');
select is(tests.outcome(format($$ update public.bookings set status = 'confirmed' $$)), '42501', 'the service cannot move a booking by hand');
select is(tests.outcome(format($$ insert into public.user_roles values (%L, 'admin') $$, :'stranger')), '42501', 'the service cannot make an admin');

-- plpgsql -------------------------------------------------------------------------------------------------
select tests.as_owner();
select is(
  (
    select string_agg(p.oid::regprocedure || ' ' || name, ', ' order by 1)
    from pg_proc p
    join pg_language l on l.oid = p.prolang and l.lanname = 'plpgsql'
    cross join unnest(p.proargnames) as name
    where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
      and name ~ '^(found|new|old|sqlstate|sqlerrm|tg_.*)$'
  ),
  null,
  'no argument and no column of a function in plpgsql has the name of a variable that plpgsql sets itself'
);

-- error details --------------------------------------------------------------------------------------------
select tests.as_owner();
select throws_ok($$ select private.fail('rate_limited', '{"retry_after": 3}') $$, 'PT429', 'You have tried too often. Wait a moment and try again; details.retry_after has the seconds.', 'a refusal carries the HTTP status in its SQLSTATE');
select is(tests.outcome_details($$ select private.fail('rate_limited', '{"retry_after": 3}') $$), '{"code": "rate_limited", "retry_after": 3}'::jsonb, 'a refusal carries its code and details as JSON');
select is(tests.outcome($$ insert into private.error_codes values ('Bad Code', 400, false, 'x', 'x') $$), '23514', 'a code has the form of a code');
select is(tests.outcome($$ insert into private.error_codes values ('fine', 200, false, 'x', 'x') $$), '23514', 'an error has an error''s status');

-- transitions ----------------------------------------------------------------------------------------------
select tests.make_booking(:'renter', :'vehicle', tests.hours(30), tests.hours(40)) as booking \gset
select is(tests.outcome(format($$ update public.bookings set status = 'no_show', no_show_by = 'host', refund_bps = 10000 where id = %L $$, :'booking')), 'illegal_transition', 'an illegal move is refused to the owner of the table too');
select is(
  tests.outcome_details(format($$ update public.bookings set status = 'completed', checked_in_at = now(), checked_out_at = now(), claim_until = ends_at where id = %L $$, :'booking')),
  '{"code": "illegal_transition", "machine": "booking", "from": "pending_payment", "to": "completed"}'::jsonb,
  'an illegal move is refused with the move in its details'
);
select is(tests.outcome(format($$ update public.bookings set status = 'no_such_state' where id = %L $$, :'booking')), 'illegal_transition', 'an unknown state is refused');
select is(tests.outcome(format($$ update public.payments set status = 'refunded', refunded_amount = amount, succeeded_at = now(), settlement = 'kept' where payable_id = %L $$, :'booking')), 'illegal_transition', 'a payment cannot jump');
select is(tests.outcome(format($$ update public.vehicles set status = 'draft' where id = %L $$, :'vehicle')), 'illegal_transition', 'a published listing cannot become a draft');
select is(tests.outcome($$ update public.driver_licences set status = 'pending', reviewed_at = null where status = 'verified' $$), 'illegal_transition', 'a verified licence cannot be pending again');
select is(tests.outcome($$ insert into private.domain_events (type, subject_id, machine, from_state, event, to_state) values ('x', gen_random_uuid(), 'booking', 'completed', 'undo', 'confirmed') $$), '23503', 'the log takes no move that is not in the machine');
select is(tests.outcome($$ insert into private.domain_events (type, subject_id, machine) values ('x', gen_random_uuid(), 'booking') $$), '23503', 'the log takes no move without its states');
select is(
  (select array_agg(event order by id) from private.domain_events where subject_id = :'booking' and machine = 'booking'),
  array['hold'], 'a creation leaves one row in the log'
);
select tests.pay(:'booking');
select is(
  (select array_agg(event || ' by ' || coalesce(cause, '?') order by id) from private.domain_events where subject_id = :'booking' and machine = 'booking'),
  array['hold by ?', 'confirm by provider:vnpay'], 'a move leaves one row, with its cause'
);
select is(
  (select count(*)::int from private.transitions t
   where t.from_state <> 'initial' and not exists (
     select from private.transitions p where p.machine = t.machine and p.to_state = t.from_state)),
  0, 'every state of every machine can be reached'
);

set constraints all immediate;

-- append-only ----------------------------------------------------------------------------------------------
select is(tests.outcome(format('update %s set %s = %2$s', t, c)), '42501', t || ' cannot be changed')
from (values ('private.domain_events', 'type'), ('private.ledger_entries', 'amount'), ('private.ledger_transactions', 'event')) v (t, c);
select is(tests.outcome('delete from ' || t), '42501', t || ' cannot be deleted from')
from unnest(array['private.domain_events', 'private.ledger_entries', 'private.ledger_transactions']) t;
select is(tests.outcome('truncate ' || t || ' cascade'), '42501', t || ' cannot be emptied')
from unnest(array['private.domain_events', 'private.ledger_entries', 'private.ledger_transactions']) t;
select is(tests.outcome($$ update public.quotes set total_amount = 1 $$), '42501', 'quotes cannot be changed');
select is(tests.outcome($$ update public.inspection_photos set angle = 'front' $$), '42501', 'evidence cannot be changed');
select is(tests.outcome($$ delete from public.inspection_photos $$), '42501', 'evidence cannot be deleted');

-- repeats --------------------------------------------------------------------------------------------------
select tests.as_user(:'host');
select id as listed from private.create_vehicle(tests.listing(), '11111111-1111-4111-8111-111111111111') \gset
select is((select id from private.create_vehicle(tests.listing(), '11111111-1111-4111-8111-111111111111')), :'listed'::uuid, 'repeating a key with the same payload gives the same answer');
select is(tests.outcome($$ select public.create_vehicle(tests.listing('{"year": 2021}'), '11111111-1111-4111-8111-111111111111') $$), 'idempotency_conflict', 'the same key with another payload is a conflict');
select is(tests.outcome(format($$ select public.create_booking(%L, '11111111-1111-4111-8111-111111111111') $$, gen_random_uuid())), 'idempotency_conflict', 'the same key for another command is a conflict');
select is(tests.outcome($$ select public.create_vehicle(tests.listing(), null) $$), 'invalid_input', 'a command needs a key');
select is(tests.outcome($$ select public.create_vehicle(tests.listing('{"year": 1}'), '22222222-2222-4222-8222-222222222222') $$), 'invalid_input', 'a command with wrong input is refused');
select is(tests.outcome($$ select public.create_vehicle(tests.listing(), '22222222-2222-4222-8222-222222222222') $$), 'ok', 'a refused command leaves its key free');
select tests.as_user(:'stranger');
select isnt((select id from private.create_vehicle(tests.listing(), '11111111-1111-4111-8111-111111111111')), :'listed'::uuid, 'keys of two people are two keys');
select tests.as_owner();

-- limits ---------------------------------------------------------------------------------------------------
update private.rate_limits set capacity = 3, per_minute = 1 where action = 'quote';
select lives_ok($$ select private.take_token('quote', 'somebody') from generate_series(1, 3) $$, 'a bucket gives what it holds');
select is(tests.outcome($$ select private.take_token('quote', 'somebody') $$), 'rate_limited', 'an empty bucket refuses');
select is(tests.outcome_details($$ select private.take_token('quote', 'somebody') $$) ->> 'retry_after', '60', 'a refusal of the rate limit says when to come back');
select is(tests.outcome($$ select private.take_token('quote', 'somebody else') $$), 'ok', 'another subject has another bucket');
update private.rate_buckets set refilled_at = now() - interval '61 seconds' where subject = 'somebody';
select is(tests.outcome($$ select private.take_token('quote', 'somebody') $$), 'ok', 'a bucket fills with time');
select is(tests.outcome($$ select private.take_token('quote', 'somebody') $$), 'rate_limited', 'a bucket holds only what the time has filled in');
update private.rate_buckets set refilled_at = now() + interval '1 hour', tokens = 0 where subject = 'somebody';
select is(tests.outcome($$ select private.take_token('quote', 'somebody') $$), 'rate_limited', 'a clock that went back gives nothing');
select is((select count(*)::int from private.rate_buckets where subject = 'somebody' and tokens < 0), 0, 'a refusal of the rate limit takes nothing');
update private.rate_limits set capacity = 1000, per_minute = 1000;
select is((
  select string_agg(w.proname, ', ')
  from pg_proc w
  where w.pronamespace = 'private'::regnamespace and w.prosrc like '%private.take_token(''%'
    -- refuse() itself takes a token of the limit that has the name of the error
    and not exists (select from private.error_codes c where w.prosrc like '%take_token(''' || c.code || ''',%') and not exists (
    select from pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.prosrc like '%private.' || w.proname || '(%'
      and w.prosrc like '%take_token(''' || substring(p.prosrc from 'private\.refuse\(''(\w+)''') || ''',%'
  )
), null, 'every command that takes a token takes one for its refusals too');
-- as over HTTP
delete from private.rate_buckets where subject = :'stranger';
select tests.as_user(:'stranger');
select is(tests.outcome($$ select public.create_vehicle('{"year": 1}', gen_random_uuid()) $$), 'invalid_input', 'a refusal outside of a request is an error');
select set_config('request.method', 'POST', true);
select public.create_vehicle('{"wheels": 3}', '33333333-3333-4333-8333-333333333333') as refusal \gset
select is((:'refusal'::jsonb ->> 'details')::jsonb, '{"code": "unknown_field", "field": "wheels"}', 'a refusal in a request is an answer');
select is(current_setting('response.status'), '400', 'a refusal that is an answer sets the status');
select set_config('request.method', '', true), set_config('response.status', '', true);
select tests.as_owner();
select is((select count(*)::int from private.idempotency_keys where key = '33333333-3333-4333-8333-333333333333'), 0, 'a refusal that is an answer leaves its key free');
select is((select 1000 - tokens from private.rate_buckets where action = 'create_vehicle' and subject = :'stranger'), 1.0, 'a refusal that is an answer costs one token');

-- outbox ---------------------------------------------------------------------------------------------------
delete from private.outbox;
select is(tests.outcome($$ select private.enqueue('test', '{"n": 1}', 'one') $$), '23514', 'a topic that no module registered cannot be stored');
select private.register_topic('test'), private.register_topic('letter', 'street', 'town');
select is(tests.outcome($$ select private.enqueue('letter', '{"street": "x"}', 'one') $$), '23514', 'a payload that lacks a key of its topic cannot be stored');
select is(tests.outcome($$ select private.enqueue('letter', '{"street": "x", "town": null}', 'one') $$), 'ok', 'a payload with every key of its topic is stored');
delete from private.outbox;
select private.enqueue('test', '{"n": 1}', 'one');
select private.enqueue('test', '{"n": 2}', 'one');
select private.enqueue('test', '{"n": 3}', 'later', now() + interval '1 hour');
select is((select array_agg(payload ->> 'n' order by id) from private.outbox), array['1', '3'], 'one dedupe key is one row');
select ok(private.outbox_due(), 'the bell rings for what is due');
select tests.as_service();
select id as row, lease_token as token, attempts from public.lease_outbox(10, 60) \gset
select is(:'attempts'::text, '1', 'a lease counts as an attempt');
select is((select count(*)::int from public.lease_outbox(10, 60)), 0, 'a leased row, and one whose time has not come, are not leased');
select is(tests.outcome(format($$ select public.complete_outbox(%s, gen_random_uuid()) $$, :row)), 'outbox_lease_lost', 'another worker''s token completes nothing');
select is(tests.outcome(format($$ select public.fail_outbox(%s, gen_random_uuid(), 'x') $$, :row)), 'outbox_lease_lost', 'the token of another worker fails nothing');
select is(tests.outcome(format($$ select public.fail_outbox(%s, %L, 'the provider is down') $$, :row, :'token')), 'ok', 'a worker can report a transient failure');
select tests.as_owner();
select is((select status from private.outbox where id = :row), 'pending', 'a transient failure puts the row back');
select ok((select available_at between now() + interval '4 seconds' and now() + interval '6 seconds' from private.outbox where id = :row), 'a row that failed is due a few seconds later');
select ok(not private.outbox_due(), 'a row that failed is not due at once');
update private.outbox set available_at = now() where id = :row;
select lease_token as token from public.lease_outbox(10, 60) \gset
update private.outbox set leased_until = now() - interval '1 second' where id = :row;
select ok(private.outbox_due(), 'a lease that ran out rings the bell');
select lease_token as token2, attempts from public.lease_outbox(10, 60) \gset
select is(:'attempts'::text, '3', 'the row of a dead worker is leased again');
select is(tests.outcome(format($$ select public.complete_outbox(%s, %L) $$, :row, :'token')), 'outbox_lease_lost', 'the dead worker comes too late');
select is(tests.outcome(format($$ select public.complete_outbox(%s, %L, 'id-1', '{}') $$, :row, :'token2')), 'ok', 'the worker that holds the lease completes the row');
select is((select status || ' ' || provider_id from private.outbox where id = :row), 'done id-1', 'a completed row is done and has the id of the provider');
select is(tests.outcome(format($$ select public.complete_outbox(%s, %L) $$, :row, :'token2')), 'outbox_lease_lost', 'a row cannot be completed twice');
select private.enqueue('test', '{}', 'slow');
select id as row, lease_token as token from public.lease_outbox(10, 60) \gset
select is(tests.outcome(format($$ select public.defer_outbox(%s, gen_random_uuid(), 60, 'waiting', 'x') $$, :row)), 'outbox_lease_lost', 'only who holds the lease puts a row off');
select is(tests.outcome(format($$ select public.defer_outbox(%s, %L, 60, 'perhaps', 'x') $$, :row, :'token')), 'invalid_input', 'a row is put off for a reason that is known');
select public.defer_outbox(:row, :'token', 60, 'waiting', 'the banks take their time');
select is((select status || ' ' || attempts || ' ' || (available_at - now())::text from private.outbox where id = :row), 'pending 0 00:01:00', 'what went well and is not over waits, and no attempt is counted');
create function tests.put_off(p_reason text) returns text language sql volatile
as $$
  update private.outbox set available_at = now() where topic = 'test' and dedupe_key = 'slow';
  select public.defer_outbox(id, lease_token, 60, p_reason, 'x') from public.lease_outbox(10, 60);
  select deferred_reason || case deferred_since when now() then ' since now' when now() - interval '1 day' then ' since yesterday' else '' end
  from private.outbox where topic = 'test' and dedupe_key = 'slow';
$$;
select tests.as_owner();
select is((select deferred_reason || coalesce(' ' || deferred_since, '') from private.outbox where id = :row), 'waiting', 'a row that waits for an answer has been performed');
select is(tests.put_off('rate_limited'), 'rate_limited since now', 'a row that could not be performed says since when');
update private.outbox set deferred_since = now() - interval '1 day' where id = :row;
select is(tests.put_off('no_turn'), 'no_turn since yesterday', 'another reason not to perform it does not begin anew');
select is(tests.put_off('waiting'), 'waiting', 'a row that was performed begins anew');
delete from private.outbox where id = :row;
select private.enqueue('test', '{}', 'hopeless');
select id as row, lease_token as token from public.lease_outbox(10, 60) \gset
select public.fail_outbox(:row, :'token', 'no such address', true);
select is((select status from private.outbox where id = :row), 'dead', 'a permanent failure ends as dead');
select private.enqueue('test', '{}', 'stubborn');
update private.outbox set attempts = max_attempts - 1 where dedupe_key = 'stubborn';
select id as row, lease_token as token from public.lease_outbox(10, 60) \gset
select public.fail_outbox(:row, :'token', 'again', false);
select is((select status from private.outbox where id = :row), 'dead', 'the last failed attempt ends as dead');
select private.enqueue('test', '{}', 'poison');
update private.outbox set attempts = max_attempts, status = 'leased', lease_token = gen_random_uuid(), leased_until = now() - interval '1 second' where dedupe_key = 'poison';
select is((select count(*)::int from public.lease_outbox(10, 60) where dedupe_key = 'poison'), 0, 'a row that killed every worker is not leased for ever');
select is((select status from private.outbox where dedupe_key = 'poison'), 'dead', 'a row that killed every worker ends as dead');
select private.enqueue('test', '{}', n::text) from generate_series(1, 250) n;
select is((select count(*)::int from public.lease_outbox(7, 60)), 7, 'a batch is as large as asked');
analyze private.outbox;
select is((select count(*)::int from public.lease_outbox(7, 60)), 7, 'a batch is as large as asked with fresh statistics');
set local enable_hashjoin = off;
set local enable_mergejoin = off;
select is((select count(*)::int from public.lease_outbox(7, 60)), 7, 'a batch is as large as asked with a plan of nested loops');
reset enable_hashjoin;
reset enable_mergejoin;
select is((select count(*)::int from public.lease_outbox(1000, 60)), 100, 'a batch holds at most 100 rows');
select is((select count(*)::int from public.lease_outbox(null, null)), 1, 'asking for nothing in particular leases one');
select is(tests.outcome($$ insert into private.outbox (topic, payload, dedupe_key, status) values ('test', '{}', 'y', 'leased') $$), '23514', 'a lease without token and deadline cannot be stored');
-- texts
select tests.as_owner();
select is(private.says_something(t, n), e, 'whether ' || l || ' is a reason of at least ' || n || ' characters depends on what it shows')
from (values
  (null, 1, false, 'nothing'), ('', 1, false, 'an empty text'), (E' \t\r\n', 1, false, 'a text of blanks and line breaks'), (U&'\200B\00A0\3164', 1, false, 'a text of invisible characters'),
  ('x', 1, true, 'one letter'), (U&'\200Bx\200B', 3, false, 'one letter among invisible characters'), (E'a\nb', 3, true, 'a text of two lines'),
  (repeat('x', 500), 1, true, 'a text of 500 letters'), (repeat('x', 501), 1, false, 'a text of 501 letters'), ('x' || repeat(' ', 500), 1, false, 'a letter and 500 blanks')
) v (t, n, e, l);
select is(private.tidy_text(U&'a\061C\202Eb\180E\034F'), 'ab', 'no control of text direction and no invisible character stays in a name');
select is(private.tidy_text(t), e, l)
from (values
  (E'  Ng\u0075\u0079e\u0302\u0303n \t\r\n An ', 'Nguyễn An', 'a name is composed, on one line and without blanks at its ends'),
  (U&'a\200B\0301', 'á', 'a mark is composed with the letter that an invisible character kept it from'),
  (U&'Ng\200Duy\FE0Fen\+0E0041', 'Nguyen', 'a joiner, a variation selector and a tag leave a name of Latin letters'),
  (U&'\+01F468\200D\+01F469\200D\+01F467 \2764\FE0F', U&'\+01F468\200D\+01F469\200D\+01F467 \2764\FE0F', 'an emoji keeps its joiners and its form'),
  (U&'\06CC\200C\06A9', U&'\06CC\200C\06A9', 'a joiner stays between letters of a script that is shaped by it'),
  (U&'a\2066b\2069\202Ec', 'abc', 'no control of text direction stays'),
  (U&'a\2028b\0085c\0007d', 'a b c d', 'a line separator and a control are blanks in a name')
) v (t, e, l);
select is(private.tidy_lines(t), e, l)
from (values
  (E' one \r\n\n\n\n two\u202e\t x \r', E'one\n\ntwo x', 'a longer text keeps its lines, with at most one empty line between them'),
  (E'\u3164\n\u200b', '', 'a longer text of nothing is empty')
) v (t, e, l);
select is(private.shows_something(t), e, l)
from (values
  (U&'\3164\3164', false, 'Hangul fillers show nothing'), (U&'\2800', false, 'a blank of Braille shows nothing'), (U&'\200D', false, 'a joiner shows nothing'),
  (U&'\00AD', false, 'a soft hyphen shows nothing'), (U&'\FE0F', false, 'a variation selector shows nothing'), (U&'\+0E0041\+0E007F', false, 'tags show nothing'),
  (U&'\0301\0301', false, 'accents without a letter show nothing'), (U&'\E000', false, 'a character of private use shows nothing that is known'), (U&'\3000\1680', false, 'blanks of any width show nothing'),
  ('', false, 'an empty text shows nothing'), (null, false, 'a text that is missing shows nothing'),
  ('.', true, 'a dot shows something'), (U&'\+01F600', true, 'an emoji shows something'), (U&'\D55C', true, 'a letter of any script shows something'), ('Đ', true, 'a Vietnamese letter shows something')
) v (t, e, l);
-- every block of Unicode: what is stored is stored again as it is
select is_empty(
  $$ select to_hex(c) from generate_series(1, 131071) c cross join lateral (select private.tidy_text('a' || chr(c) || 'b') as one, private.tidy_lines(U&'\0928' || chr(c) || U&'\200D\0915') as two) t
     where not (c between 55296 and 57343) and (private.tidy_text(t.one) <> t.one or private.tidy_lines(t.two) <> t.two) $$,
  'a text that was made tidy is tidy, whatever character it had'
);

select * from finish();
rollback;

-- Operations: every invariant is checked (each planted breach is seen), the jobs, the health facts.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_admin('admin') as admin, tests.make_user('stranger') as stranger \gset
select tests.make_vehicle(:'host') as vehicle \gset
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(30), tests.hours(40)) as paid \gset
select tests.make_booking(:'renter', :'vehicle', tests.hours(50), tests.hours(60)) as held \gset
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(70), tests.hours(80)) as cancelled \gset
select tests.as_user(:'renter');
select public.cancel_booking(:'cancelled', null, gen_random_uuid());
select tests.as_owner();
-- a trip that is over, of another host; money that came twice and goes back; money an admin found a payment for
select tests.make_user('earner') as earner \gset
select tests.make_paid_booking(:'renter', tests.make_vehicle(:'earner'), tests.hours(100), tests.hours(110)) as done \gset
select tests.move_trip(:'done', -1);
select tests.inspect('check_in', :'renter', :'done', 10), tests.inspect('check_out', :'renter', :'done', 20);
select a.reference as paid_ref from public.payment_attempts a join public.payments p on p.id = a.payment_id where p.booking_id = :'paid' \gset
select tests.provider_says(:'paid_ref', 'succeeded', p_transaction_id => 'twice');
select tests.make_booking(:'renter', :'vehicle', tests.hours(90), tests.hours(95)) as found \gset
select id as found_payment, amount as found_amount from public.payments where booking_id = :'found' \gset
select tests.provider_says('J00000000000009', 'succeeded', :found_amount, p_transaction_id => 'lost');
select id as twice from private.unmatched_money where transaction_id = 'twice' \gset
select id as lost from private.unmatched_money where transaction_id = 'lost' \gset
select tests.as_user(:'admin');
select public.settle_unmatched_money(:'twice', 'refund', gen_random_uuid()), public.settle_unmatched_money(:'lost', 'apply', gen_random_uuid(), :'found_payment');
select tests.as_user(:'earner');
select public.set_bank_account('970436', '0123456789', 'EARNER', gen_random_uuid());
select tests.as_owner();
select tests.settle();

-- who may look -------------------------------------------------------------------------------------------------
select tests.as_visitor();
select is(tests.outcome('select * from public.check_invariants()'), '42501', 'a visitor does not look behind the scenes');
select is(tests.outcome('select public.health_facts()'), '42501', 'nor at the health');
select tests.as_user(:'renter');
select is(tests.outcome('select * from public.check_invariants()'), 'forbidden', 'a user neither');
select is(tests.outcome('select public.health_facts()'), '42501', 'nor at the health');
select tests.as_user(:'admin');
select is(tests.outcome('select * from public.check_invariants()'), 'ok', 'an admin does');
select tests.as_service();
select ok(public.health_facts() ?& array['outbox_due', 'outbox_dead', 'unmatched_open', 'refunds_open'], 'the service asks for the health');
select tests.as_owner();
select is(tests.broken_promises(), null, 'to begin with, no promise is broken');

-- planted breaches -----------------------------------------------------------------------------------------------
-- Runs the breach with triggers and constraints out of the way, hears what is found, and undoes it all.
create function tests.found_after(p_breach text)
returns text[]
language plpgsql volatile
as $$
declare
  v_table text;
  v_found text[];
begin
  begin
    for v_table in
      select distinct t.tgrelid::regclass::text
      from pg_trigger t join pg_class c on c.oid = t.tgrelid
      where not t.tgisinternal and c.relnamespace in ('public'::regnamespace, 'private'::regnamespace)
    loop
      execute format('alter table %s disable trigger user', v_table);
    end loop;
    execute p_breach;
    v_found := array(select distinct invariant from private.check_invariants() order by 1);
    raise exception 'undo' using errcode = 'JJ000';
  exception
    when sqlstate 'JJ000' then
      return v_found;
  end;
end
$$;
-- A payout that carries one entry of the booking's host, behind all commands.
create function tests.plant_payout(p_booking_id uuid)
returns void
language plpgsql volatile
as $$
declare
  v_booking public.bookings;
  v_account public.bank_accounts;
  v_batch_id uuid;
  v_payout_id uuid;
  v_ledger_id bigint;
  v_entry_id bigint;
begin
  select * into v_booking from public.bookings where id = p_booking_id;
  insert into public.bank_accounts (user_id, bank_bin, account_last4, holder_name, usable_from, created_at)
  values (v_booking.host_id, '970436', '0001', 'HOST', now() - interval '1 hour', now() - interval '2 days') returning * into v_account;
  insert into public.payout_batches (payouts, total, currency) values (1, 5, 'VND') returning id into v_batch_id;
  insert into public.payouts (user_id, batch_id, bank_account_id, bank_account_usable_from, amount, currency)
  values (v_booking.host_id, v_batch_id, v_account.id, v_account.usable_from, 5, 'VND') returning id into v_payout_id;
  insert into private.ledger_accounts (kind, owner, currency) values ('host_payable', v_booking.host_id::text, 'VND')
  on conflict do nothing;
  select id into v_ledger_id from private.ledger_accounts where kind = 'host_payable' and owner = v_booking.host_id::text;
  insert into private.ledger_transactions (event, reference, currency, booking_id) values ('test', 'planted', 'VND', p_booking_id);
  insert into private.ledger_entries (transaction_id, account_id, currency, amount)
  select id, v_ledger_id, currency, -7 from private.ledger_transactions where reference = 'planted' returning id into v_entry_id;
  insert into private.payout_items (entry_id, payout_id) values (v_entry_id, v_payout_id);
end
$$;
-- That money went on its way some time ago.
create function tests.plant_move(p_machine text, p_from text, p_event text, p_ago interval, p_id uuid)
returns void
language sql volatile
as $$
  insert into private.domain_events (type, subject_id, machine, from_state, event, to_state, occurred_at)
  values (p_machine || '.' || p_event, p_id, p_machine, p_from, p_event, 'processing', now() - p_ago)
$$;

-- A job that pg_cron does not know, long after the server and the database were new.
create function tests.plant_job()
returns void
language plpgsql volatile
as $$
begin
  create or replace function private.server_started() returns timestamptz language sql stable as 'select now() - interval ''1 day''';
  update private.domain_events set occurred_at = now() - interval '30 days' where id = (select min(id) from private.domain_events);
  insert into private.jobs (name, description, schedule, command, longest) values ('tests_never', 'Does nothing.', '* * * * *', 'select 1', '15 minutes');
end
$$;

select private.register_topic('test');
create temporary table breaches (invariant text, what text, breach text);
insert into breaches values
  ('calendar_overlap', 'two entries overlap', format($$ alter table public.calendar_entries drop constraint calendar_entries_no_overlap;
    insert into public.calendar_entries (vehicle_id, kind, blocked) values (%L, 'host_block', tstzrange(tests.hours(31), tests.hours(32))) $$, :'vehicle')),
  ('booking_without_slot', 'a paid booking lost its slot', format($$ delete from public.calendar_entries where booking_id = %L $$, :'paid')),
  ('slot_not_released', 'a cancelled booking still blocks', format($$ insert into public.calendar_entries (vehicle_id, kind, blocked, booking_id) values (%L, 'booking', tstzrange(tests.hours(70), tests.hours(80)), %L) $$, :'vehicle', :'cancelled')),
  ('slot_not_released', 'a hold outlived its payment', format($$ update public.calendar_entries set kind = 'hold', expires_at = now() where booking_id = %L $$, :'paid')),
  ('deadline_not_tidied', 'a hold is long overdue', format($$ update public.bookings set hold_expires_at = now() - interval '1 day' where id = %L $$, :'held')),
  ('payment_state_disagrees', 'a confirmed booking is not paid', format($$ update public.payments set status = 'pending', succeeded_at = null where booking_id = %L $$, :'paid')),
  ('payment_state_disagrees', 'a held booking has no payment', format($$ delete from public.payments where booking_id = %L $$, :'held')),
  ('payment_state_disagrees', 'a cancelled booking can still be paid', format($$ update public.payments set status = 'pending', succeeded_at = null where booking_id = %L $$, :'cancelled')),
  ('ledger_unbalanced', 'a leg was added', $$ insert into private.ledger_entries (transaction_id, account_id, currency, amount) select max(transaction_id), max(account_id), 'VND', 7 from private.ledger_entries $$),
  ('ledger_floor', 'more left escrow than came', format($$ insert into private.ledger_entries (transaction_id, account_id, currency, amount)
    select (select max(transaction_id) from private.ledger_entries), id, currency, 99000000 from private.ledger_accounts where kind = 'escrow' and owner = %L $$, :'paid')),
  ('payment_not_in_ledger', 'a payment without its posting', format($$ update private.ledger_transactions set reference = 'x' where reference = (select id::text from public.payments where booking_id = %L) $$, :'paid')),
  ('held_money_disagrees', 'the deposit was given out on paper only', format($$ update public.bookings set deposit_status = 'returned' where id = %L $$, :'paid')),
  ('held_money_disagrees', 'a refund is owed that nobody ordered', format($$ delete from public.refunds where booking_id = %L $$, :'cancelled')),
  ('payment_disagrees', 'a payment over another sum than its booking', format($$ update public.payments set amount = amount + 1 where booking_id = %L $$, :'held')),
  ('refund_disagrees', 'more goes back than came', format($$ update public.refunds set amount = 4814406 where booking_id = %L $$, :'cancelled')),
  ('refund_disagrees', 'a refund for somebody else', format($$ update public.refunds set payer_id = %L where booking_id = %L $$, :'host', :'cancelled')),
  ('payment_event_not_applied', 'a message was stored and left', $$ insert into private.payment_events (provider, provider_event_id, verified, raw, received_at) values ('vnpay', 'left', true, '', now() - interval '1 hour') $$),
  ('refund_not_on_its_way', 'a refund left the outbox unsent', $$ update private.outbox set status = 'done' where topic = 'refund' $$),
  ('payout_not_on_its_way', 'a payout left the outbox unsent', format($$ select tests.plant_payout(%L); update public.payouts set status = 'approved', provider = 'payos' $$, :'paid')),
  ('feed_not_read', 'nobody answers for the bank feed', $$ update private.payment_providers set feed_read_at = now() - interval '25 hours' where has_feed $$),
  ('refund_long_under_way', 'a provider never says how a refund ended', format($$ update public.refunds set status = 'processing' where booking_id = %L;
    select tests.plant_move('refund', 'pending', 'accept', interval '15 days', id) from public.refunds $$, :'cancelled')),
  ('payout_long_under_way', 'a bank never says how a payout ended', format($$ select tests.plant_payout(%L); update public.payouts set status = 'processing', provider = 'payos';
    select tests.plant_move('payout', 'approved', 'send', interval '4 days', id) from public.payouts $$, :'paid')),
  ('refund_to_removed_account', 'a refund goes where nobody is', format($$ with gone as (insert into public.bank_accounts (user_id, bank_bin, account_last4, holder_name, usable_from, created_at, removed_at)
    values (%L, '970436', '0001', 'RENTER', now() - interval '1 hour', now() - interval '2 days', now()) returning id)
    update public.refunds set bank_account_id = gone.id, method = 'bank_transfer' from gone where booking_id = %L $$, :'renter', :'cancelled')),
  ('refunded_amount_drift', 'a payment says it was refunded', format($$ update public.payments set refunded_amount = 1, status = 'partially_refunded' where booking_id = %L $$, :'paid')),
  ('notification_gap', 'a notification was deleted', format($$ delete from public.notifications where user_id = %L and seq = 1 $$, :'renter')),
  ('notification_gap', 'an inbox ran ahead', format($$ update private.inboxes set last_seq = last_seq + 1 where user_id = %L $$, :'host')),
  ('outbox_stuck', 'nobody takes a row', $$ insert into private.outbox (topic, payload, dedupe_key, available_at) values ('test', '{}', 'x', now() - interval '1 hour') $$),
  ('outbox_stuck', 'nobody finishes a row', $$ insert into private.outbox (topic, payload, dedupe_key, available_at, status, lease_token, leased_until) values ('test', '{}', 'x', now() - interval '1 hour', 'leased', gen_random_uuid(), now() - interval '1 hour') $$),
  ('outbox_stuck', 'a provider refuses a question for days', $$ insert into private.outbox (topic, payload, dedupe_key, available_at, deferred_reason, deferred_since) values ('test', '{}', 'x', now() + interval '1 minute', 'rate_limited', now() - interval '25 hours') $$),
  ('outbox_stuck', 'a rail has no settings for a day', $$ insert into private.outbox (topic, payload, dedupe_key, available_at, deferred_reason, deferred_since) values ('test', '{}', 'x', now() + interval '1 minute', 'not_configured', now() - interval '25 hours') $$),
  ('outbox_dead', 'a row was given up', $$ insert into private.outbox (topic, payload, dedupe_key, status) values ('test', '{}', 'x', 'dead') $$),
  ('mail_without_value', 'a word of a mail was never told', format($$ insert into public.notification_templates (code, locale, version, category, title, body, email_subject, email_body)
    select code, locale, 2, category, title, body, 'x', 'Dear {{nobody}}' from public.notification_templates where code = 'licence_verified';
    select private.notify(%L, 'licence_verified', '{}', 'x') $$, :'host')),
  ('media_without_object', 'a ready upload has no file', format($$ update public.media set path = owner_id || '/elsewhere' where owner_id = %L and purpose = 'licence' and id = (select min(id::text)::uuid from public.media where owner_id = %1$L and purpose = 'licence') $$, :'renter')),
  ('attempt_without_end', 'a try was never asked about', format($$ update public.payment_attempts set status = 'pending', expires_at = now() - interval '5 days' where payment_id = (select id from public.payments where booking_id = %L) $$, :'paid')),
  ('ledger_disagrees', 'money came that no row explains', $$ insert into private.ledger_entries (transaction_id, account_id, currency, amount)
    select (select max(transaction_id) from private.ledger_entries), id, currency, 7 from private.ledger_accounts where kind = 'clearing' limit 1 $$),
  ('ledger_disagrees', 'a payment lost the try that paid it', format($$ update public.payment_attempts set status = 'failed' where payment_id = (select id from public.payments where booking_id = %L) $$, :'paid')),
  ('ledger_disagrees', 'a host has what another earned', format($$ insert into private.ledger_accounts (kind, owner, currency) values ('host_payable', %L, 'VND');
    update private.ledger_entries e set account_id = (select id from private.ledger_accounts where kind = 'host_payable' and owner = %1$L)
    from private.ledger_transactions t where t.id = e.transaction_id and t.event = 'booking_completed' and e.amount = -(select host_amount from public.bookings where id = %L) $$, :'stranger', :'done')),
  ('ledger_disagrees', 'a host was given more than was agreed', format($$ update private.ledger_entries e set amount = e.amount + case a.kind when 'host_payable' then -100 else 100 end
    from private.ledger_transactions t, private.ledger_accounts a
    where t.id = e.transaction_id and t.event = 'booking_completed' and t.reference = %L and a.id = e.account_id and a.kind in ('host_payable', 'platform_revenue') $$, :'done')),
  ('ledger_disagrees', 'a host was given something by nobody', format($$ select private.post_ledger('booking_completed', gen_random_uuid()::text, 'VND', null, array[
    ('platform_revenue', '', 100), ('host_payable', %L, -100)]::private.ledger_line[]) $$, :'earner')),
  ('ledger_disagrees', 'what was earned belongs to no booking, and can be claimed by none', $$ update private.ledger_transactions set booking_id = null where event = 'booking_completed' $$),
  ('ledger_disagrees', 'a booking was completed without its movement', format($$ delete from private.ledger_entries e using private.ledger_transactions t
    where t.id = e.transaction_id and t.event = 'booking_completed' and t.reference = %L $$, :'done')),
  ('paid_by_another_transaction', 'a refund would go by it', format($$ update public.payment_attempts set provider_transaction_id = 'another' where reference = %L $$, :'paid_ref')),
  ('paid_by_another_transaction', 'nobody says what paid', $$ delete from private.domain_events where machine = 'payment_attempt' and to_state = 'succeeded' $$),
  ('paid_by_another_transaction', 'the log was changed, too', format($$ update public.payment_attempts set provider_transaction_id = 'another' where payment_id = %L and status = 'succeeded';
    update private.domain_events set data = data || '{"provider_transaction_id": "another"}' where machine = 'payment_attempt' and to_state = 'succeeded' and data ->> 'provider_transaction_id' = 'lost' $$, :'found_payment')),
  ('unmatched_refund_disagrees', 'it goes to somebody else', format($$ update public.refunds set payer_id = %L where unmatched_id = %L $$, :'host', :'twice')),
  ('unmatched_refund_disagrees', 'nobody gives it back', format($$ delete from public.refunds where unmatched_id = %L $$, :'twice')),
  ('bank_account_unreadable', 'the key is not the one of these numbers', $$ update private.secrets set value = extensions.gen_random_bytes(32) where name = 'bank_accounts' $$),
  ('bank_account_unreadable', 'the number is of another account', $$ update public.bank_accounts set account_last4 = '9999' $$),
  ('job_not_run', 'pg_cron does not run one', 'select tests.plant_job()'),
  ('payout_items_disagree', 'a payout is made of nothing', format('select tests.plant_payout(%L)', :'paid')),
  ('payout_ledger_disagrees', 'nothing was set aside for a payout', format('select tests.plant_payout(%L)', :'paid')),
  ('host_balance_disagrees', 'a payout took what it is not made of', format('select tests.plant_payout(%L); update private.ledger_transactions set event = %L where reference = %L', :'paid', 'payout_reserved', 'planted')),
  ('payout_despite_hold', 'held money is on its way', format('select tests.plant_payout(%L); insert into private.booking_holds (booking_id, reason) values (%1$L, %L)', :'paid', 'complaint')),
  ('payout_to_removed_account', 'a payout goes where nobody is', format('select tests.plant_payout(%L); update public.bank_accounts set removed_at = now()', :'paid')),
  ('receipt_gap', 'a number was lost', $$ insert into private.receipt_series (series, last_seq, last_issued_at) values ('LOST', 5, now()) $$),
  ('receipt_missing', 'nobody issues a receipt', $$ delete from private.outbox where topic = 'receipt' $$),
  ('credit_note_missing', 'money went back without a note', format($$ update public.refunds set status = 'succeeded', completed_at = now() where booking_id = %L $$, :'cancelled')),
  ('state_without_history', 'a status was changed behind the log', format($$ update public.vehicles set status = 'draft' where id = %L $$, :'vehicle'));
select ok(b.invariant = any (tests.found_after(b.breach)),
  b.invariant || ' is seen: ' || b.what)
from breaches b;
select ok('refund_long_under_way' <> all (tests.found_after(format($$ update public.refunds set status = 'processing' where booking_id = %L;
  update private.outbox set created_at = now() - interval '60 days' where topic = 'refund';
  select tests.plant_move('refund', 'pending', 'accept', interval '1 hour', id) from public.refunds $$, :'cancelled'))),
  'a refund that waited two months for an account is not long under way');
select is(tests.broken_promises(), null, 'and all is as before');
select is(
  (select array_agg(name order by name) from private.invariants),
  (select array_agg(distinct invariant order by invariant) from breaches), 'every invariant has a breach here that it sees'
);

-- the registry of invariants -------------------------------------------------------------------------------------
create function tests.register(p_name text)
returns text
language sql volatile
as $$
  select tests.outcome(format(
    'insert into private.invariants (name, severity, what_is_wrong, what_to_do) values (%L, %L, %L, %L)',
    p_name, 'warning', 'A lamp is broken.', 'Change the lamp.'
  ))
$$;
select is(tests.register('lamp_broken'), '42883', 'an invariant without a function is refused');
create function private.invariant_lamp_broken() returns table (lamp text) language sql stable as $$ select 'a'::text $$;
select is(tests.register('lamp_broken'), '42P13', 'an invariant whose function answers other columns is refused');
drop function private.invariant_lamp_broken();
create function private.invariant_lamp_broken() returns table (subject_id text, detail text) language sql stable as $$ select 'lamp 7', 'burnt out' $$;
select is(tests.register('lamp_broken'), 'ok', 'an invariant with its function is registered');
select results_eq(
  'select * from private.check_invariants()', $$ values ('lamp_broken', 'warning', 'lamp 7', 'burnt out') $$,
  'an invariant that only this test registered is checked and listed'
);
create function private.invariant_bulb_lost() returns table (subject_id text, detail text) language plpgsql stable as $$ begin return query select 'bulb', (1 / 0)::text; end $$;
select is(tests.register('bulb_lost'), 'ok', 'an invariant that will fail is registered');
select results_eq(
  'select * from private.check_invariants()',
  $$ values ('bulb_lost', 'warning', null, 'could not be checked: division by zero'), ('lamp_broken', 'warning', 'lamp 7', 'burnt out') $$,
  'an invariant that fails has a row that says so, and hides no other'
);
drop function private.invariant_bulb_lost();
select is(
  (select detail from private.check_invariants() where invariant = 'bulb_lost'),
  'could not be checked: function private.invariant_bulb_lost() does not exist', 'an invariant that lost its function has a row that says so'
);
delete from private.invariants where name in ('lamp_broken', 'bulb_lost');

-- the jobs -------------------------------------------------------------------------------------------------------
select tests.run_out(:'held');
select is(private.expire_overdue_bookings(), 1, 'the job expires what is overdue');
update public.payment_attempts set created_at = now() - interval '3 minutes' where status = 'pending';
select tests.make_booking(:'renter', :'vehicle', tests.hours(150), tests.hours(160)) as silent \gset
select tests.start_payment(:'silent') as silent_ref \gset
select is(private.enqueue_reconciliations(), 0, 'a try is given two minutes');
update public.payment_attempts set created_at = now() - interval '3 minutes' where reference = :'silent_ref';
select private.enqueue_reconciliations(), private.enqueue_reconciliations();
select id as attempt from public.payment_attempts where reference = :'silent_ref' \gset
create function tests.questions(p_attempt_id uuid)
returns text[]
language sql stable
as $$
  select coalesce(array_agg(status order by id), '{}') from private.outbox
  where topic = 'reconcile' and payload ->> 'attempt_id' = p_attempt_id::text
$$;
select is(tests.questions(:'attempt'), '{pending}', 'then the provider is asked, once');
-- as if it had been written before midnight, and the provider had refused it since
update private.outbox
set created_at = now() - interval '1 day', available_at = now() + interval '5 minutes',
    dedupe_key = replace(dedupe_key, current_date::text, (current_date - 1)::text)
where topic = 'reconcile' and payload ->> 'attempt_id' = :'attempt';
select is(private.enqueue_reconciliations(), 0, 'a question that waits over midnight is not asked twice');
select is(tests.questions(:'attempt'), '{pending}', 'it is still one');
select is(tests.outcome(format($$ select public.note_reconciliation(%L, 'perhaps') $$, :'attempt')), 'invalid_input', 'an answer is one of four');
select is(tests.outcome($$ select public.note_reconciliation(gen_random_uuid(), 'final') $$), 'payment_not_found', 'of a try that exists');
select is((public.note_reconciliation(:'attempt', 'not_found')).status, 'pending', 'not found there is not final while the payer may still come');
update public.payment_attempts set expires_at = now(), checked_at = now() - interval '1 hour' where id = :'attempt';
select is(private.enqueue_reconciliations(), 0, 'nor is one that was noted by a worker that died before it was done');
update private.outbox set status = 'done', attempts = 3, finished_at = now() where topic = 'reconcile' and dedupe_key = :'attempt';
update public.payment_attempts set checked_at = now() where id = :'attempt';
select is(private.enqueue_reconciliations(), 0, 'one that was answered is not asked again at once');
update public.payment_attempts set checked_at = now() - interval '1 hour' where id = :'attempt';
select is(private.enqueue_reconciliations(), 1, 'but later');
select is(tests.questions(:'attempt'), '{pending}', 'and the new question takes the place of the old');
select is((select attempts from private.outbox where topic = 'reconcile' and dedupe_key = :'attempt'), 0, 'with all its tries before it');
select is((public.note_reconciliation(:'attempt', 'not_found')).status, 'expired', 'when its time is over, not found is final');
delete from private.outbox where topic = 'reconcile' and dedupe_key = :'attempt';
update public.payment_attempts set recheck_at = now() - interval '3 minutes', checks = 3, checked_at = now() - interval '15 minutes' where id = :'attempt';
select is(private.enqueue_reconciliations(), 0, 'one that is to be asked about once more is asked ever more slowly, too');
update public.payment_attempts set checked_at = now() - interval '17 minutes' where id = :'attempt';
select is(private.enqueue_reconciliations(), 1, 'until its provider speaks');
select is((public.note_reconciliation(:'attempt', 'final')).recheck_at, null, 'which ends it');

select tests.make_licence(:'host', '{B}', current_date) as ending \gset
update public.driver_licences set valid_until = current_date - 1 where id = :'ending';
insert into private.idempotency_keys (actor_id, key, command, request_hash, created_at) values (:'host', gen_random_uuid(), 'x', '', now() - interval '31 days');
insert into public.media (owner_id, purpose, bucket, path, mime_type, byte_size, sha256, expires_at) values (:'host', 'avatar', 'avatars', :'host' || '/never', 'image/png', 1, repeat('a', 64), now() - interval '2 days');
alter table public.quotes disable trigger immutable;
select tests.make_quote(:'renter', :'vehicle', tests.hours(500), tests.hours(510)) as old_quote \gset
update public.quotes set expires_at = now() - interval '8 days';
alter table public.quotes enable trigger immutable;
select lives_ok(command, 'the job ' || name || ' runs') from private.jobs where name like 'journey\_tidy\_%' order by name;
select is((select status from public.driver_licences where id = :'ending'), 'expired', 'a licence whose day has passed expires');
select is((select status from public.media where path = :'host' || '/never'), 'deleted', 'a ticket nobody used is withdrawn');
select is((select count(*)::int from public.quotes where id = :'old_quote'), 0, 'an old quote without booking goes');
select is((select count(*)::int from public.quotes q join public.bookings b on b.quote_id = q.id where b.id = :'paid'), 1, 'one with a booking stays');
select is((select count(*)::int from private.idempotency_keys where created_at < now() - interval '30 days'), 0, 'old keys go');

-- the bank feed
create function pg_temp.feeds() returns text language sql as $$ select string_agg((payload ->> 'provider') || ' ' || coalesce(payload ->> 'cursor', 'first') || ' ' || status, ', ') from private.outbox where topic = 'feed' $$;
select private.enqueue_feeds();
select is(pg_temp.feeds(), null, 'a rail nobody used has none to read');
insert into public.payment_attempts (payment_id, provider, amount, currency, expires_at) select payment_id, 'vietqr', amount, currency, expires_at from public.payment_attempts limit 1;
select private.enqueue_feeds(), private.enqueue_feeds();
select is(pg_temp.feeds(), 'vietqr first pending', 'one look at a time');
update private.outbox set status = 'done' where topic = 'feed';
select tests.as_service();
select public.save_feed_cursor('vietqr', '49682');
select is(tests.outcome($$ select public.save_feed_cursor('vnpay', '1') $$), 'not_found', 'only a rail with a feed has one');
select is(tests.outcome($$ select public.save_feed_cursor('vietqr', null) $$), 'invalid_input', 'a look ends somewhere');
select tests.as_owner();
select private.enqueue_feeds();
select is(pg_temp.feeds(), 'vietqr 49682 pending', 'the next begins where the last ended');
update private.outbox set status = 'dead', finished_at = now() where topic = 'feed';
select private.enqueue_feeds();
select is(pg_temp.feeds(), 'vietqr 49682 pending', 'and one that was given up is ordered anew');
delete from private.outbox where topic = 'feed';
select lives_ok('select private.ring_outbox()', 'without pg_net the bell is silent');
select tests.settle();
select is(tests.broken_promises(), null, 'no promise is broken');

select private.schedule_job('journey_added_later', 'Does nothing.', '* * * * *', '15 minutes', 'select 1');
select is((select schedule || ' ' || command from cron.job where jobname = 'journey_added_later'), '* * * * * select 1', 'a job that a later migration registers has its clock');
select is(
  (select array_agg(concat_ws(' ', c.jobname, c.schedule, c.command) order by c.jobid) from cron.job c where c.jobname like 'journey_%'),
  (select array_agg(concat_ws(' ', j.name, private.schedule_for(j, e.extversion), j.command) order by c.jobid)
   from private.jobs j left join cron.job c on c.jobname = j.name, pg_extension e where e.extname = 'pg_cron'),
  'every job has its clock, with the schedule that the installed pg_cron can read'
);
select cron.unschedule('journey_added_later');
delete from private.jobs where name = 'journey_added_later';
select is(
  (select private.schedule_for(j, v) from private.jobs j where j.name = 'journey_outbox'), expected,
  'with pg_cron ' || coalesce(v, 'of an unknown version') || ' the outbox is looked at: ' || expected
)
from (values ('1.3', '* * * * *'), ('1.4', '* * * * *'), ('1.4-1', '* * * * *'), ('1.5', '10 seconds'), ('1.6', '10 seconds'), ('1.6.4', '10 seconds'), ('1.10', '10 seconds'),
  ('2.0', '10 seconds'), ('2', '10 seconds'), (null, '* * * * *')) s (v, expected);
select is((select private.schedule_for(j, '1.6') from private.jobs j where j.name = 'journey_payouts'), '7 1 * * *', 'a job without a finer schedule keeps its own with any pg_cron');

-- jobs that do not run ---------------------------------------------------------------------------------------------
alter table private.domain_events disable trigger append_only;
create function tests.late_jobs(p_server_age interval)
returns text
language sql stable
as $$ select string_agg(job || coalesce(' ' || extract(epoch from now() - last_success)::int, ''), ', ' order by job) from private.jobs_not_run(now() - p_server_age) where job like 'tests\_%' $$;
create function tests.log_run(p_job text, p_status text, p_ago interval)
returns void
language sql volatile
as $$
  insert into cron.job_run_details (jobid, runid, database, username, status, start_time, end_time)
  select jobid, (select least(min(runid), 0) - 1 from cron.job_run_details), current_database(), current_user, p_status, now() - p_ago, now() - p_ago from cron.job where jobname = p_job
$$;
insert into private.jobs (name, description, schedule, command, longest) values
  ('tests_minute', 'x', '* * * * *', 'select 1', '15 minutes'), ('tests_hour', 'x', '5 * * * *', 'select 1', '3 hours'), ('tests_lost', 'x', '* * * * *', 'select 1', '15 minutes');
select cron.schedule('tests_minute', '0 0 1 1 *', 'select 1'), cron.schedule('tests_hour', '0 0 1 1 *', 'select 1');
select is(tests.late_jobs('1 year'), null, 'in a database that is new, none is late');
update private.domain_events set occurred_at = now() - interval '30 days' where id = (select min(id) from private.domain_events);
select is(tests.late_jobs('14 minutes'), null, 'nor on a server that is');
select is(tests.late_jobs('16 minutes'), 'tests_lost, tests_minute', 'then each has its time: one a minute');
select is(tests.late_jobs('4 hours'), 'tests_hour, tests_lost, tests_minute', 'one an hour more of it');
select tests.log_run('tests_minute', 'succeeded', '14 minutes'), tests.log_run('tests_hour', 'succeeded', '4 hours'), tests.log_run('tests_hour', 'failed', '1 minute');
select is(tests.late_jobs('4 hours'), 'tests_hour 14400, tests_lost', 'a success counts, a failure does not');
select cron.unschedule('tests_minute');
select is(tests.late_jobs('4 hours'), 'tests_hour 14400, tests_lost, tests_minute', 'one that was taken off the clock will not run again');

-- what waits for a person --------------------------------------------------------------------------------------------
create function tests.fact(p_name text) returns text language sql stable as $$ select private.health_facts() ->> p_name $$;
select is(tests.fact('payout_provider'), 'payos', 'who sends transfers');
select is((select jsonb_agg(provider order by provider) from private.payment_providers), private.health_facts() -> 'rails', 'every rail is on');
update private.payment_providers set enabled = false;
select is(private.health_facts() -> 'rails', (select jsonb_agg(r.provider order by r.provider) from (
  select provider from public.payment_attempts where status in ('created', 'pending')
  union select provider from public.refunds where method = 'provider' and status in ('pending', 'processing')) r), 'of those switched off, the ones with money under way');
select ok(private.health_facts() -> 'rails' ? 'vnpay' and not private.health_facts() -> 'rails' ? 'momo', 'which is the one this test paid by');
update private.payment_providers set enabled = true;
select is(concat_ws(' ', tests.fact('refunds_to_send'), tests.fact('batches_proposed'), tests.fact('payouts_to_send'), tests.fact('payouts_held')), '0 0 0 0', 'nothing waits for a hand');
insert into public.bank_accounts (user_id, bank_bin, account_last4, holder_name, usable_from, created_at)
values (:'renter', '970436', '0001', 'RENTER', now() - interval '1 hour', now() - interval '2 days') returning id as account \gset
update public.refunds set status = 'failed' where booking_id = :'cancelled';
update public.refunds set status = 'awaiting_account', method = 'bank_transfer', provider = 'manual' where booking_id = :'cancelled';
update public.refunds set status = 'pending', bank_account_id = :'account' where booking_id = :'cancelled';
select is(tests.fact('refunds_to_send'), '1', 'a transfer by hand');
update public.bank_accounts set usable_from = now() + interval '1 hour', created_at = now() where id = :'account';
select is(tests.fact('refunds_to_send'), '0', 'not in the first day of its account');
alter table private.ledger_entries disable trigger user;
select tests.plant_payout(:'paid');
select is(tests.fact('batches_proposed'), '1', 'a batch to approve');
update public.payouts set status = 'held', hold_reason = 'x';
select is(tests.fact('batches_proposed') || ' ' || tests.fact('payouts_held'), '0 1', 'held, there is nothing in it to approve');
update public.payouts set status = 'scheduled', hold_reason = null;
update public.payouts set status = 'approved', provider = 'manual';
select is(tests.fact('payouts_to_send') || ' ' || tests.fact('payouts_held'), '1 0', 'approved, it waits for whoever makes the transfer');

select * from finish();
rollback;

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
select tests.cancel_booking(:'cancelled');
select tests.as_owner();
-- a trip that is over, of another host; money that came twice and goes back; money an admin found a payment for
select tests.make_user('earner') as earner \gset
select tests.make_paid_booking(:'renter', tests.make_vehicle(:'earner'), tests.hours(100), tests.hours(110)) as done \gset
select tests.move_trip(:'done', -1);
select tests.inspect('check_in', :'renter', :'done', 10), tests.inspect('check_out', :'renter', :'done', 20);
select a.reference as paid_ref from public.payment_attempts a join public.payments p on p.id = a.payment_id where p.payable_id = :'paid' \gset
select tests.provider_says(:'paid_ref', 'succeeded', p_transaction_id => 'twice');
select tests.make_booking(:'renter', :'vehicle', tests.hours(90), tests.hours(95)) as found \gset
select id as found_payment, amount as found_amount from public.payments where payable_id = :'found' \gset
select tests.provider_says('J00000000000009', 'succeeded', :found_amount, p_transaction_id => 'lost');
select id as twice from private.unmatched_money where transaction_id = 'twice' \gset
select id as lost from private.unmatched_money where transaction_id = 'lost' \gset
select tests.as_user(:'admin');
select public.settle_unmatched_money(:'twice', 'refund', gen_random_uuid()), public.settle_unmatched_money(:'lost', 'apply', gen_random_uuid(), :'found_payment');
select tests.as_user(:'earner');
select tests.step_up(:'earner');
select public.set_bank_account('970436', '0123456789', 'EARNER', gen_random_uuid());
select tests.as_owner();
select tests.settle();

-- who may look -------------------------------------------------------------------------------------------------
select tests.as_visitor();
select is(tests.outcome('select * from public.check_invariants()'), '42501', 'a visitor cannot ask for violations of invariants');
select is(tests.outcome('select public.health_facts()'), '42501', 'a visitor cannot ask for the health');
select tests.as_user(:'renter');
select is(tests.outcome('select * from public.check_invariants()'), 'forbidden', 'a person cannot ask for violations of invariants');
select is(tests.outcome('select public.health_facts()'), '42501', 'a person cannot ask for the health');
select tests.as_user(:'admin');
select is(tests.outcome('select * from public.check_invariants()'), 'ok', 'an admin can ask for violations of invariants');
select tests.as_service();
select ok(public.health_facts() ?& array['outbox_due', 'outbox_dead', 'unmatched_open', 'refunds_open'], 'the service can ask for the health');
select tests.as_owner();
select is(tests.broken_promises(), null, 'no invariant is violated at the beginning');

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
-- That money went on its way some time ago.
create function tests.plant_move(p_machine text, p_from text, p_event text, p_ago interval, p_id uuid)
returns void
language sql volatile
as $$
  insert into private.domain_events (type, subject_id, machine, from_state, event, to_state, occurred_at)
  values (p_machine || '.' || p_event, p_id, p_machine, p_from, p_event, 'processing', now() - p_ago)
$$;


select private.register_topic('test');
create temporary table breaches (invariant text, what text, breach text);
-- what each module plants
\set planted `cat *_breaches.psql`
:planted
select ok(b.invariant = any (tests.found_after(b.breach)),
  b.invariant || ' is seen: ' || b.what)
from breaches b;
select ok('refund_long_under_way' <> all (tests.found_after(format($$ update public.refunds set status = 'processing' where payable_id = %L;
  update private.outbox set created_at = now() - interval '60 days' where topic = 'refund';
  select tests.plant_move('refund', 'pending', 'accept', interval '1 hour', id) from public.refunds $$, :'cancelled'))),
  'a refund that waited two months for an account is not long under way');
select is(tests.broken_promises(), null, 'no invariant is violated after the planted breaches');
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
select is(private.expire_overdue_payments(), 1, 'the job expires what is overdue');
update public.payment_attempts set created_at = now() - interval '3 minutes' where status = 'pending';
select tests.make_booking(:'renter', :'vehicle', tests.hours(150), tests.hours(160)) as silent \gset
select tests.start_payment(:'silent') as silent_ref \gset
select is(private.enqueue_reconciliations(), 0, 'a try is not asked about in its first two minutes');
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
select is(tests.questions(:'attempt'), '{pending}', 'the provider is asked about a silent try once');
-- as if it had been written before midnight, and the provider had refused it since
update private.outbox
set created_at = now() - interval '1 day', available_at = now() + interval '5 minutes',
    dedupe_key = replace(dedupe_key, current_date::text, (current_date - 1)::text)
where topic = 'reconcile' and payload ->> 'attempt_id' = :'attempt';
select is(private.enqueue_reconciliations(), 0, 'a question that waits over midnight is not asked twice');
select is(tests.questions(:'attempt'), '{pending}', 'a question that waits stays one question');
select is(tests.outcome(format($$ select public.note_reconciliation(%L, 'perhaps') $$, :'attempt')), 'invalid_input', 'an unknown answer to a question is refused');
select is(tests.outcome($$ select public.note_reconciliation(gen_random_uuid(), 'final') $$), 'payment_not_found', 'an answer about a try that does not exist is refused');
select is((public.note_reconciliation(:'attempt', 'not_found')).status, 'pending', 'an answer of not found is not final while the payer may still come');
update public.payment_attempts set expires_at = now(), checked_at = now() - interval '1 hour' where id = :'attempt';
select is(private.enqueue_reconciliations(), 0, 'a question whose worker died is not asked twice');
update private.outbox set status = 'done', attempts = 3, finished_at = now() where topic = 'reconcile' and dedupe_key = :'attempt';
update public.payment_attempts set checked_at = now() where id = :'attempt';
select is(private.enqueue_reconciliations(), 0, 'a try that was answered for is not asked about again at once');
update public.payment_attempts set checked_at = now() - interval '1 hour' where id = :'attempt';
select is(private.enqueue_reconciliations(), 1, 'a try that was answered for is asked about again later');
select is(tests.questions(:'attempt'), '{pending}', 'a new question takes the place of the old one');
select is((select attempts from private.outbox where topic = 'reconcile' and dedupe_key = :'attempt'), 0, 'a new question begins with no tries');
select is((public.note_reconciliation(:'attempt', 'not_found')).status, 'expired', 'an answer of not found is final when the time of the try is over');
delete from private.outbox where topic = 'reconcile' and dedupe_key = :'attempt';
update public.payment_attempts set recheck_at = now() - interval '3 minutes', checks = 3, checked_at = now() - interval '15 minutes' where id = :'attempt';
select is(private.enqueue_reconciliations(), 0, 'a try that is to be asked about once more is asked ever more slowly');
update public.payment_attempts set checked_at = now() - interval '17 minutes' where id = :'attempt';
select is(private.enqueue_reconciliations(), 1, 'a try without an answer is asked about again');
select is((public.note_reconciliation(:'attempt', 'final')).recheck_at, null, 'a final answer ends the questions');

select tests.make_licence(:'host', '{B}', current_date) as ending \gset
update public.driver_licences set valid_until = current_date - 1 where id = :'ending';
insert into private.idempotency_keys (actor_id, key, command, request_hash, created_at) values (:'host', gen_random_uuid(), 'x', '', now() - interval '31 days');
insert into public.media (owner_id, purpose, bucket, path, mime_type, byte_size, sha256, expires_at) values (:'host', 'avatar', 'avatars', :'host' || '/never', 'image/png', 1, repeat('a', 64), now() - interval '2 days');
alter table public.quotes disable trigger immutable;
select tests.make_quote(:'renter', :'vehicle', tests.hours(500), tests.hours(510)) as old_quote \gset
update public.quotes set expires_at = now() - interval '8 days';
alter table public.quotes enable trigger immutable;
select lives_ok(command, 'the job ' || name || ' runs') from private.jobs where name like 'journey\_tidy\_%' order by name;
select is((select status from public.driver_licences where id = :'ending'), 'expired', 'the daily job expires a licence whose day has passed');
select is((select status from public.media where path = :'host' || '/never'), 'deleted', 'the daily job withdraws a ticket that nobody used');
select is((select count(*)::int from public.quotes where id = :'old_quote'), 0, 'the daily job deletes an old quote without a booking');
select is((select count(*)::int from public.quotes q join public.bookings b on b.quote_id = q.id where b.id = :'paid'), 1, 'the daily job keeps an old quote with a booking');
select is((select count(*)::int from private.idempotency_keys where created_at < now() - interval '30 days'), 0, 'the daily job deletes old idempotency keys');

-- the bank feed
create function pg_temp.feeds() returns text language sql as $$ select string_agg((payload ->> 'provider') || ' ' || coalesce(payload ->> 'cursor', 'first') || ' ' || status, ', ') from private.outbox where topic = 'feed' $$;
select private.enqueue_feeds();
select is(pg_temp.feeds(), null, 'the feed of a rail that nobody used is not read');
insert into public.payment_attempts (payment_id, provider, amount, currency, expires_at) select payment_id, 'vietqr', amount, currency, expires_at from public.payment_attempts limit 1;
select private.enqueue_feeds(), private.enqueue_feeds();
select is(pg_temp.feeds(), 'vietqr first pending', 'one feed is read by one row at a time');
update private.outbox set status = 'done' where topic = 'feed';
select tests.as_service();
select public.save_feed_cursor('vietqr', '49682');
select is(tests.outcome($$ select public.save_feed_cursor('vnpay', '1') $$), 'not_found', 'the cursor of a rail without a feed cannot be saved');
select is(tests.outcome($$ select public.save_feed_cursor('vietqr', null) $$), 'invalid_input', 'an empty cursor cannot be saved');
select tests.as_owner();
select private.enqueue_feeds();
select is(pg_temp.feeds(), 'vietqr 49682 pending', 'the next reading begins where the last one ended');
update private.outbox set status = 'dead', finished_at = now() where topic = 'feed';
select private.enqueue_feeds();
select is(pg_temp.feeds(), 'vietqr 49682 pending', 'a reading that was given up is ordered anew');
delete from private.outbox where topic = 'feed';
select lives_ok('select private.ring_outbox()', 'ringing without pg_net raises no error');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after the jobs');

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
select is(tests.late_jobs('1 year'), null, 'no job is late in a new database');
update private.domain_events set occurred_at = now() - interval '30 days' where id = (select min(id) from private.domain_events);
select is(tests.late_jobs('14 minutes'), null, 'no job is late on a server that was just started');
select is(tests.late_jobs('16 minutes'), 'tests_lost, tests_minute', 'a job of every minute is late after a quarter of an hour');
select is(tests.late_jobs('4 hours'), 'tests_hour, tests_lost, tests_minute', 'a job of every hour is late after three hours');
select tests.log_run('tests_minute', 'succeeded', '14 minutes'), tests.log_run('tests_hour', 'succeeded', '4 hours'), tests.log_run('tests_hour', 'failed', '1 minute');
select is(tests.late_jobs('4 hours'), 'tests_hour 14400, tests_lost', 'a job is late by its last success, whatever failed since');
select cron.unschedule('tests_minute');
select is(tests.late_jobs('4 hours'), 'tests_hour 14400, tests_lost, tests_minute', 'a job that was unscheduled is late');

-- what waits for a person --------------------------------------------------------------------------------------------
create function tests.fact(p_name text) returns text language sql stable as $$ select private.health_facts() ->> p_name $$;
select is(tests.fact('payout_provider'), 'payos', 'the health names who sends transfers');
select is((select array_agg(name) from private.health_counts c where private.health_facts() -> c.name is null), null, 'the health shows every count that a module registered');
select is(tests.outcome($$insert into private.health_counts (name, description) values ('nothing_there', 'Nothing.')$$), '42883', 'a count without a function cannot be registered');
select is((select jsonb_agg(provider order by provider) from private.payment_providers), private.health_facts() -> 'rails', 'the health lists every rail that is switched on');
update private.payment_providers set enabled = false;
select is(private.health_facts() -> 'rails', (select jsonb_agg(r.provider order by r.provider) from (
  select provider from public.payment_attempts where status in ('created', 'pending')
  union select provider from public.refunds where method = 'provider' and status in ('pending', 'processing')) r), 'the health lists a rail that is switched off while its money is under way');
select ok(private.health_facts() -> 'rails' ? 'vnpay' and not private.health_facts() -> 'rails' ? 'momo', 'the health lists the rail that this test paid by');
update private.payment_providers set enabled = true;
select is(concat_ws(' ', tests.fact('refunds_to_send'), tests.fact('batches_proposed'), tests.fact('payouts_to_send'), tests.fact('payouts_frozen')), '0 0 0 0', 'nothing waits for an admin at the beginning');
insert into public.bank_accounts (user_id, bank_bin, account_last4, holder_name, usable_from, created_at)
values (:'renter', '970436', '0001', 'RENTER', now() - interval '1 hour', now() - interval '2 days') returning id as account \gset
update public.refunds set status = 'failed' where payable_id = :'cancelled';
update public.refunds set status = 'awaiting_account', method = 'bank_transfer', provider = 'manual' where payable_id = :'cancelled';
update public.refunds set status = 'pending', bank_account_id = :'account' where payable_id = :'cancelled';
select is(tests.fact('refunds_to_send'), '1', 'a refund to be made by hand waits for an admin');
update public.bank_accounts set usable_from = now() + interval '1 hour', created_at = now() where id = :'account';
select is(tests.fact('refunds_to_send'), '0', 'a refund does not wait for an admin in the first day of its account');
alter table private.ledger_entries disable trigger user;
select tests.plant_payout(:'paid');
select is(tests.fact('batches_proposed'), '1', 'a proposed batch waits for an admin');
update public.payouts set status = 'frozen', freeze_reason = 'x';
select is(tests.fact('batches_proposed') || ' ' || tests.fact('payouts_frozen'), '0 1', 'a batch of held payouts waits for no approval');
update public.payouts set status = 'scheduled', freeze_reason = null;
update public.payouts set status = 'approved', provider = 'manual';
select is(tests.fact('payouts_to_send') || ' ' || tests.fact('payouts_frozen'), '1 0', 'an approved payout by hand waits for its transfer');

select * from finish();
rollback;

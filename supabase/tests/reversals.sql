-- Reversals: money that a payer took back, what it does to the books, and who covers it.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_admin('admin') as admin \gset
select tests.make_vehicle(:'host') as vehicle \gset
create function tests.paid_by(p_provider text, p_from numeric)
returns uuid
language plpgsql volatile
as $$
declare
  v_booking uuid := tests.make_booking((select id from public.profiles where display_name = 'renter'), (select id from public.vehicles order by created_at desc limit 1), tests.hours(p_from), tests.hours(p_from + 5));
begin
  perform tests.provider_says(tests.start_payment(v_booking, p_provider), p_transaction_id => gen_random_uuid()::text);
  return v_booking;
end
$$;
create function tests.record(p_booking uuid, p_kind text, p_amount bigint, p_reference text, p_key uuid default gen_random_uuid())
returns jsonb
language sql volatile
as $$ select public.record_payment_reversal((select id from public.payments where payable_id = p_booking), p_kind, p_amount, p_reference, 'Seen in the portal', p_key) $$;
create function tests.refund_state(p_booking uuid)
returns text
language sql stable security definer
as $$ select status || ' ' || provider from public.refunds where payable_id = p_booking order by created_at desc, id desc limit 1 $$;
create function tests.held(p_kind text, p_owner text)
returns bigint
language sql stable security definer
as $$ select private.balance(p_kind, p_owner) $$;

create function tests.frozen(p_payable uuid)
returns boolean
language sql stable security definer
as $$ select private.is_frozen(p_payable) $$;

create function tests.cover(p_reversal uuid, p_by text, p_amount bigint, p_earner uuid default null, p_key uuid default gen_random_uuid())
returns jsonb
language sql volatile
as $$ select public.cover_payment_reversal(p_reversal, p_by, p_amount, 'The bank decided', p_key, p_earner) $$;

-- a chargeback ------------------------------------------------------------------------------------------------------
select tests.paid_by('stripe', 30) as charged \gset
select id as charged_payment, amount as amount from public.payments where payable_id = :'charged' \gset
select tests.held('clearing', 'stripe') as clearing \gset
select tests.as_user(:'renter');
select is(tests.outcome(format($$ select tests.record(%L, 'chargeback', 1, 'dp_1') $$, :'charged')), 'forbidden', 'a person records no reversal');
select tests.as_owner();
delete from private.step_ups where user_id = :'admin';
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select tests.record(%L, 'chargeback', 1, 'dp_1') $$, :'charged')), 'step_up_required', 'an admin confirms the session first');
select tests.as_owner();
select tests.step_up(:'admin');
select tests.as_user(:'admin');
select set_config('request.jwt.claims', tests.claims(:'admin'), true);
select is(tests.outcome(format($$ select tests.record(%L, 'loss', 1, 'dp_1') $$, :'charged')), 'invalid_input', 'a kind that is not known is refused');
select is(tests.outcome(format($$ select tests.record(%L, 'chargeback', %s, 'dp_1') $$, :'charged', :amount + 1)), 'reversal_exceeded', 'no more is taken back than was paid');
select gen_random_uuid() as key \gset
select tests.record(:'charged', 'chargeback', :amount, 'dp_1', :'key') as reversal \gset
select is((:'reversal'::jsonb ->> 'amount')::bigint, :amount::bigint, 'an admin records a chargeback');
select is(tests.record(:'charged', 'chargeback', :amount, 'dp_1', :'key') ->> 'id', :'reversal'::jsonb ->> 'id', 'the same key records it once');
select is(tests.outcome(format($$ select tests.record(%L, 'chargeback', 1, 'dp_1') $$, :'charged')), 'reversal_exceeded', 'nothing is left to take back');
select is(tests.held('clearing', 'stripe'), (:clearing + :amount)::bigint, 'the books say what the provider holds');
select is(tests.held('reversal', :'charged_payment'), (-:amount)::bigint, 'a reversal stands in the books until it is covered');
select ok(tests.frozen(:'charged'), 'a chargeback freezes the money');
select is((select count(*) from public.list_payment_reversals(true)), 1::bigint, 'an admin sees what is not covered');
select tests.as_owner();
select tests.settle();
select is(tests.broken_promises(), null, 'ledger and rows agree with a reversal');
select is((private.counts_of_health() ->> 'reversals_open')::int, 1, 'the health counts it');

-- the trip is called off: what is owed to the renter was taken already
select tests.as_user(:'admin');
select set_config('request.jwt.claims', tests.claims(:'admin'), true);
select public.unfreeze_payable(:'charged', 'chargeback');
select tests.as_user(:'host');
select tests.cancel_booking(:'charged');
select tests.as_owner();
set constraints all immediate;
select is(tests.refund_state(:'charged'), 'succeeded reversal', 'a refund that is ordered later is paid by the reversal');
select is(tests.held('reversal', :'charged_payment'), 0::bigint, 'a reversal that paid a refund is covered');
select is(tests.held('clearing', 'stripe'), (:clearing + :amount)::bigint, 'no money leaves the provider a second time');
select is((select status from public.payments where id = :'charged_payment'), 'refunded', 'the payment is refunded');
select is((select count(*) from public.notifications n where n.user_id = :'renter' and n.template = 'refund_paid'), 0::bigint, 'the payer, who has the money, is not told of a refund');
set constraints all deferred;
select tests.settle();
select is(tests.broken_promises(), null, 'ledger and rows agree when a refund was paid by a reversal');

-- a refund in the portal --------------------------------------------------------------------------------------------
select tests.paid_by('momo', 50) as portal \gset
select amount as portal_amount from public.payments where payable_id = :'portal' \gset
select tests.as_user(:'host');
select tests.cancel_booking(:'portal');
select tests.as_owner();
select is(tests.refund_state(:'portal'), 'pending momo', 'a refund waits for its provider');
update private.outbox set status = 'leased', lease_token = gen_random_uuid(), leased_until = now() + interval '1 minute' where topic = 'refund' and status = 'pending';
select tests.as_user(:'admin');
select set_config('request.jwt.claims', tests.claims(:'admin'), true);
select tests.record(:'portal', 'portal_refund', 1000, 'm_1');
select is(tests.refund_state(:'portal'), 'pending momo', 'a reversal of less than a refund does not pay it');
select tests.record(:'portal', 'portal_refund', :portal_amount - 1000, 'm_2');
select is(tests.refund_state(:'portal'), 'pending momo', 'what a worker is sending now is left alone');
select tests.as_owner();
update private.outbox set status = 'pending', lease_token = null, leased_until = null where topic = 'refund' and status = 'leased';
-- one that is being sent while the reversal is recorded, fails, and is retried
select tests.paid_by('momo', 55) as third \gset
select amount as third_amount from public.payments where payable_id = :'third' \gset
select tests.as_user(:'host');
select tests.cancel_booking(:'third');
select tests.as_owner();
select id as sent from public.refunds where payable_id = :'third' \gset
update private.outbox set status = 'leased', lease_token = gen_random_uuid(), leased_until = now() + interval '1 minute' where topic = 'refund' and payload ->> 'refund_id' = :'sent';
select tests.as_user(:'admin');
select set_config('request.jwt.claims', tests.claims(:'admin'), true);
select tests.record(:'third', 'portal_refund', :third_amount, 'm_4');
select tests.as_owner();
select is((public.record_refund_result(:'sent', 'failed', null, 'REFUSED')).status, 'failed', 'a refund that was being sent can fail');
set constraints all immediate;
set constraints all deferred;
update private.outbox set status = 'done', lease_token = null, leased_until = null, finished_at = now() where topic = 'refund' and payload ->> 'refund_id' = :'sent';
select tests.as_user(:'admin');
select set_config('request.jwt.claims', tests.claims(:'admin'), true);
select public.retry_refund(:'sent');
select tests.as_owner();
set constraints all immediate;
set constraints all deferred;
select is(tests.refund_state(:'third'), 'succeeded reversal', 'a refund that failed and is retried is paid by the reversal, and not sent again');
select tests.paid_by('momo', 60) as second \gset
select amount as second_amount from public.payments where payable_id = :'second' \gset
select tests.as_user(:'host');
select tests.cancel_booking(:'second');
select tests.as_user(:'admin');
select set_config('request.jwt.claims', tests.claims(:'admin'), true);
select tests.record(:'second', 'portal_refund', :second_amount, 'm_3');
select is(tests.refund_state(:'second'), 'succeeded reversal', 'a refund that was made in the portal is paid');
select is(tests.outcome(format($$ select tests.record(%L, 'portal_refund', 1, 'm_3') $$, :'second')), 'reversal_exceeded', 'nothing is left of a reversal that paid a refund');
select is(tests.outcome(format($$ select tests.record(%L, 'portal_refund', 1, 'm_3') $$, gen_random_uuid())), 'payment_not_found', 'a payment that is not there has no reversal');
select ok(not tests.frozen(:'second'), 'a refund in the portal freezes nothing');

-- who bears it --------------------------------------------------------------------------------------------------------
select tests.as_owner();
select tests.paid_by('stripe', 70) as driven \gset
select id as driven_payment, amount as driven_amount from public.payments where payable_id = :'driven' \gset
select tests.drive(:'driven', -30);
select tests.held('host_payable', :'host') as earned, tests.held('platform_revenue', '') as revenue \gset
select ok(:earned > 0, 'the host has earned something');
select tests.as_user(:'admin');
select set_config('request.jwt.claims', tests.claims(:'admin'), true);
select tests.record(:'driven', 'chargeback', :driven_amount, 'dp_2') ->> 'id' as lost \gset
select is(tests.outcome(format($$ select tests.cover(%L, 'earner', 1) $$, :'lost')), 'invalid_input', 'an earner who covers is named');
select is(tests.outcome(format($$ select tests.cover(%L, 'earner', %s, %L) $$, :'lost', :earned + 1, :'host')), 'reversal_exceeded', 'an earner gives back no more than was earned');
select is(tests.outcome(format($$ select tests.cover(%L, 'earner', 1, %L) $$, :'lost', :'renter')), 'reversal_exceeded', 'who earned nothing gives nothing back');
select is(tests.outcome($$ select tests.cover(gen_random_uuid(), 'platform', 1) $$), 'reversal_not_found', 'a reversal that is not there is not covered');
select gen_random_uuid() as cover_key \gset
select is((tests.cover(:'lost', 'earner', :earned, :'host', :'cover_key') ->> 'covered_amount')::bigint, :earned::bigint, 'a host gives back what was earned');
select is((tests.cover(:'lost', 'earner', :earned, :'host', :'cover_key') ->> 'covered_amount')::bigint, :earned::bigint, 'the same key covers once');
select is(tests.held('host_payable', :'host'), 0::bigint, 'it leaves the earnings');
select is(tests.outcome(format($$ select tests.cover(%L, 'earner', 1, %L) $$, :'lost', :'host')), 'reversal_exceeded', 'an earner who gave all back has nothing left to give');
select tests.cover(:'lost', 'provider', 1000);
select tests.cover(:'lost', 'platform', :driven_amount - :earned - 1000);
select is(tests.held('platform_revenue', ''), (:revenue - (:driven_amount - :earned - 1000))::bigint, 'the platform bears the rest');
select is(tests.held('reversal', :'driven_payment'), 0::bigint, 'a reversal is covered when its parts are');
select is(tests.outcome(format($$ select tests.cover(%L, 'platform', 1) $$, :'lost')), 'reversal_exceeded', 'nothing is covered twice');
select is((select jsonb_array_length(r -> 'covers') from public.list_payment_reversals() r where r ->> 'id' = :'lost'), 3, 'a reversal shows who covered it');
select is((select count(*) from public.list_payment_reversals(true) r where r ->> 'id' = :'lost'), 0::bigint, 'a reversal that is covered is not open any more');
select tests.as_owner();
select is((select count(*) from public.notifications n where n.user_id = :'host' and n.template = 'earnings_taken_back'), 1::bigint, 'the host is told once');
select tests.settle();
select is(tests.broken_promises(), null, 'ledger and rows agree when all is covered');
-- by SQL
select is(tests.outcome(format($$ insert into private.reversal_covers (reversal_id, covered_by, amount, note, decided_by) values (%L, 'platform', 1, 'By hand', %L) $$, :'lost', :'admin')), '23514', 'no more can be stored than was taken back');
select is(tests.outcome($$ update private.reversal_covers set amount = 1 $$), '42501', 'a cover is never changed');
select is(tests.outcome($$ update private.payment_reversals set amount = amount + 1 $$), '42501', 'what was taken back is never changed');

select * from finish();
rollback;

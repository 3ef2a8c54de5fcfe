-- Payments: refunds and money that go wrong, what of it cannot be stored, and what somebody must look at.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
select tests.make_vehicle(:'host') as vehicle, tests.make_admin('second') as second \gset

create function tests.new_booking(p_from numeric)
returns uuid
language sql volatile
as $$ select tests.make_booking((select id from public.profiles where display_name = 'renter'), (select id from public.vehicles order by created_at desc limit 1), tests.hours(p_from), tests.hours(p_from + 5)) $$;
create function tests.payment_of(p_booking_id uuid)
returns uuid
language sql stable
as $$ select id from public.payments where booking_id = p_booking_id $$;
create function tests.refund_of(p_booking_id uuid)
returns uuid
language sql stable
as $$ select id from public.refunds where booking_id = p_booking_id order by created_at desc, id limit 1 $$;
create function tests.cancel(p_user_id uuid, p_booking_id uuid)
returns text
language plpgsql volatile
as $$
declare
  v_status text;
begin
  perform set_config('request.jwt.claims', json_build_object('sub', p_user_id, 'role', 'authenticated')::text, true);
  v_status := (public.cancel_booking(p_booking_id, null, gen_random_uuid())).status;
  perform set_config('request.jwt.claims', '', true);
  return v_status;
end
$$;
-- A booking paid by this rail and called off: its refund.
create function tests.make_refund(p_user_id uuid, p_from numeric, p_provider text)
returns uuid
language plpgsql volatile
as $$
declare
  v_booking_id uuid := tests.new_booking(p_from);
begin
  perform tests.provider_says(tests.start_payment(v_booking_id, p_provider));
  perform tests.cancel(p_user_id, v_booking_id);
  return tests.refund_of(v_booking_id);
end
$$;
create function tests.needs_review()
returns text
language sql stable
as $$ select string_agg(provider || ' ' || reference || ': ' || note, '; ' order by id) from private.payment_events where outcome = 'needs_review' and acknowledged_at is null $$;

-- how money put together by an admin goes back ---------------------------------------------------------------------
select tests.new_booking(200) as b1 \gset
select tests.start_payment(:'b1', 'momo') as r1 \gset
select is(tests.provider_says(:'r1', 'succeeded', 4000000, p_transaction_id => 'm1'), 'amount_mismatch', 'a wrong sum by one rail');
select is(tests.provider_says('J00000000000001', 'succeeded', 6000000, p_transaction_id => 'v1'), 'unknown_reference', 'and one for nobody by another');
select tests.as_user(:'admin');
select public.settle_unmatched_money((select id from public.unmatched_money() where transaction_id = 'v1'), 'apply', gen_random_uuid(), tests.payment_of(:'b1')) ->> 'result' as result \gset
select is(:'result'::text, 'applied', 'pay a booking together');
select tests.as_owner();
select is(tests.cancel(:'renter', :'b1'), 'cancelled', 'which is then called off');
select is((select method || ' ' || status from public.refunds where id = tests.refund_of(:'b1')), 'bank_transfer awaiting_account', 'no rail is asked to reverse what it did not carry');
select id as over from private.unmatched_money where reason = 'overpaid' \gset
select tests.as_user(:'admin');
select (public.settle_unmatched_money(:'over', 'refund', gen_random_uuid(), null, 'he is a friend of the boss') ->> 'refund_id') as refund \gset
select tests.as_owner();
select is((select method from public.refunds where id = :'refund'), 'bank_transfer', 'nor a part of what it carried');
select is((select reason from public.refunds where id = :'refund'), null, 'and what admins note is not the payer''s to read');
select is((select note from private.unmatched_money where id = :'over'), 'he is a friend of the boss', 'it stays with the row');

select tests.new_booking(210) as b2 \gset
select tests.start_payment(:'b2') as r2 \gset
select tests.provider_says(:'r2', 'succeeded');
select is(tests.provider_says(:'r2', 'succeeded', 900000, p_transaction_id => 'again'), 'unmatched', 'a second payment of one try');
select tests.as_user(:'admin');
select (public.settle_unmatched_money((select id from public.unmatched_money() where transaction_id = 'again'), 'refund', gen_random_uuid()) ->> 'refund_id') as refund \gset
select tests.as_owner();
select is((select (f ->> 'provider_transaction_id') || ' of ' || (f ->> 'paid_amount') from (select public.refund_to_send(:'refund') -> 'refund') s (f)), 'again of 900000', 'is reversed in full, by its own number');

-- by hand ------------------------------------------------------------------------------------------------------------
select tests.make_refund(:'renter', 220, 'payos') as one, tests.make_refund(:'renter', 230, 'payos') as two \gset
select tests.as_user(:'admin');
select is((public.record_manual_refund(:'one', 'FT26325900')).status, 'succeeded', 'one transfer by hand');
select is((public.record_manual_refund(:'one', ' FT26325900 ')).status, 'succeeded', 'said twice is one');
select is(tests.outcome(format($$ select public.record_manual_refund(%L, 'FT26325900') $$, :'two')), 'invalid_input', 'and pays no other refund');
select tests.as_service();
select is((public.record_refund_result(:'one', 'processing', 'batch-7')).status, 'succeeded', 'a provider that works on it as well');
select is((public.record_refund_result(:'one', 'succeeded', 'batch-7')).status, 'succeeded', 'or has paid it');
select tests.as_owner();
select is(tests.needs_review(), format('payos batch-7: refund %s was paid already, by manual FT26325900', :'one'), 'is heard');
update private.payment_events set acknowledged_at = now() where outcome = 'needs_review';
select tests.as_user(:'second');
select is(
  tests.outcome_details(format($$ select public.record_manual_refund(%L, 'FT26325901') $$, :'one')) - 'paid_at',
  jsonb_build_object('code', 'already_paid', 'provider', 'manual', 'reference', 'FT26325900', 'recorded_by', :'admin', 'recorded_by_name', 'admin'),
  'who transfers once more hears by which transfer it was paid, and whom to ask');
select is(tests.outcome_details(format('select public.claim_manual_refund(%L)', :'one')) ->> 'paid_at', to_jsonb(completed_at) #>> '{}', 'and when, also before going to the bank')
from public.list_refunds('succeeded') where id = :'one';

-- claimed ------------------------------------------------------------------------------------------------------------
select tests.as_owner();
create function tests.sending_of(p_refund_id uuid) returns text language sql stable
as $$ select string_agg(status || ' ' || extract(epoch from available_at - now()) / 3600, ', ' order by id) from private.outbox where topic = 'refund' and payload ->> 'refund_id' = p_refund_id::text $$;
create function tests.give_account(p_user_id uuid) returns uuid language plpgsql volatile
as $$
declare
  v_id uuid;
begin
  perform set_config('request.jwt.claims', json_build_object('sub', p_user_id, 'role', 'authenticated')::text, true);
  v_id := (public.set_bank_account('970436', '0011223344', 'NGUYEN VAN A', gen_random_uuid())).id;
  perform set_config('request.jwt.claims', '', true);
  return v_id;
end
$$;
select tests.as_user(:'stranger');
select is(tests.outcome(format('select public.claim_manual_refund(%L)', :'two')) || ' ' || tests.outcome(format('select public.release_manual_refund(%L)', :'two')), 'forbidden forbidden', 'only an admin transfers by hand');
select tests.as_user(:'admin');
select is(tests.outcome('select public.claim_manual_refund(gen_random_uuid())') || ' ' || tests.outcome('select public.release_manual_refund(gen_random_uuid())'), 'refund_not_found refund_not_found', 'what there is');
select is(tests.outcome(format('select public.claim_manual_refund(%L)', id)), 'illegal_transition', 'not what a provider is to give back')
from public.list_refunds() where method = 'provider';
select public.claim_manual_refund(:'two') as claim \gset
select is(:'claim'::jsonb, jsonb_build_object('claimed_by', :'admin', 'claimed_by_name', 'admin', 'claimed_at', now(), 'expires_at', now() + interval '1 day'), 'an admin goes to the bank, and says so');
select is(public.claim_manual_refund(:'two'), :'claim'::jsonb, 'saying it again is the same');
select tests.as_user(:'second');
select is(tests.outcome_details(format('select public.claim_manual_refund(%L)', :'two')), :'claim'::jsonb || '{"code": "transfer_claimed"}', 'another admin hears of it');
select is(tests.outcome(format($$ select public.record_manual_refund(%L, 'FT26325902') $$, :'two')), 'transfer_claimed', 'records nothing meanwhile');
select is(tests.outcome(format('select public.release_manual_refund(%L)', :'two')), 'transfer_claimed', 'and does not end it');
select is((select claimed_by || ' ' || (claimed_at = now()) from public.list_refunds() where id = :'two'), :'admin' || ' true', 'the list says whose it is');
select tests.as_user(:'renter');
select is(tests.outcome('select * from private.manual_claims'), '42501', 'payers do not read who claims');
select tests.as_owner();
savepoint claimed;
select tests.give_account(:'renter') as account \gset
select is(tests.sending_of(:'two'), 'pending 24.0000000000000000', 'an account that is named meanwhile');
update private.manual_claims set expires_at = expires_at + interval '6 hours' where subject_id = :'two';
select tests.give_account(:'renter') as account \gset
select is((select max(available_at) from private.outbox where topic = 'refund' and payload ->> 'refund_id' = :'two'), now() + interval '30 hours', 'has it sent when the claim is over, and not before');
update public.bank_accounts set created_at = now() - interval '3 days', usable_from = now() - interval '2 days' where id = :'account';
select ordered_at as ordered from public.refunds where id = :'two' \gset
select tests.as_service();
select is(tests.outcome(format('select public.claim_refund(%L, %L)', :'two', :'ordered')), 'transfer_claimed', 'whatever woke the sender');
select tests.as_owner();
select is((select status from public.refunds where id = :'two'), 'pending', 'leaves it for later');
select tests.as_user(:'second');
select is(tests.outcome(format('select public.retry_refund(%L)', :'two')), 'transfer_claimed', 'nor does an admin send it another way');
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.release_manual_refund(%L)', :'two')), 'ok', 'one that was not transferred after all');
select is(tests.outcome(format('select public.release_manual_refund(%L)', :'two')), 'ok', 'is released, once or twice');
select tests.as_owner();
select is((select min(available_at) from private.outbox where topic = 'refund' and payload ->> 'refund_id' = :'two'), now(), 'and sent at once');
update private.outbox set status = 'leased', lease_token = gen_random_uuid(), leased_until = now() + interval '1 minute' where topic = 'refund' and payload ->> 'refund_id' = :'two' and available_at = now();
select tests.as_user(:'second');
select is(tests.outcome_details(format('select public.claim_manual_refund(%L)', :'two')) ->> 'sending', 'true', 'what is being sent right now is nobody''s to claim');
select tests.as_owner();
update private.outbox set leased_until = now() where status = 'leased' and topic = 'refund';
select tests.as_user(:'second');
select is((public.claim_manual_refund(:'two')) ->> 'claimed_by', :'second', 'unless the sender has died of it');
select tests.as_owner();
select is((select min(available_at) from private.outbox where topic = 'refund' and payload ->> 'refund_id' = :'two'), now() + interval '1 day', 'the next sender waits');
rollback to savepoint claimed;
update private.manual_claims set claimed_at = now() - interval '25 hours', expires_at = now() - interval '1 hour' where subject_id = :'two';
select tests.as_user(:'second');
select is((select claimed_by from public.list_refunds() where id = :'two'), null, 'after a day it is over');
select is((public.claim_manual_refund(:'two')) ->> 'claimed_by_name', 'second', 'and another admin goes');
select is((public.record_manual_refund(:'two', 'FT26325903')).status, 'succeeded', 'pays and records it');
select is((select claimed_by from public.list_refunds('succeeded') where id = :'two'), null, 'which ends the claim');
select tests.as_owner();
select is((select count(*)::int from private.manual_claims), 0, 'for good');
select is((select array_agg(type || ' ' || (select display_name from public.profiles where id = actor_id) order by id) from private.domain_events where subject_id = :'two' and type like '%claim%'), array['refund.claimed_by_hand admin', 'refund.claimed_by_hand second'], 'and all of it is on record');

-- given up on its way --------------------------------------------------------------------------------------------------
select tests.make_refund(:'renter', 240, 'vnpay') as gone \gset
update private.outbox set status = 'dead', attempts = 12, finished_at = now() where topic = 'refund' and payload ->> 'refund_id' = :'gone';
select tests.as_user(:'stranger');
select is(tests.outcome(format('select public.retry_refund(%L)', :'gone')), 'forbidden', 'not everybody sends it again');
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.retry_refund(%L, %L)', :'gone', 'bank_transfer')), 'illegal_transition', 'nor another way, as it may have been sent');
select is((public.retry_refund(:'gone')).status, 'pending', 'an admin lets it go on');
select is(tests.outcome(format('select public.retry_refund(%L)', :'gone')), 'illegal_transition', 'once');
select tests.as_owner();
select is((select status || ' ' || attempts from private.outbox where topic = 'refund' and payload ->> 'refund_id' = :'gone'), 'pending 1', 'as one that was tried before, so that the provider is asked first');
select is((select count(*)::int from private.outbox where topic = 'refund' and payload ->> 'refund_id' = :'gone'), 1, 'under the same key');

-- its rail is gone ---------------------------------------------------------------------------------------------------------
select tests.make_refund(:'renter', 241, 'vnpay') as lost, tests.make_refund(:'renter', 242, 'vnpay') as asked, tests.make_refund(:'renter', 243, 'payos') as by_bank \gset
create function tests.settle_as_failed(p_refund_id uuid) returns text language sql volatile
as $$ select tests.outcome(format('select public.settle_refund(%L, %L, null, %L)', p_refund_id, 'failed', 'the portal does not know it')) $$;
select tests.as_user(:'admin');
select is(tests.settle_as_failed(:'lost'), 'illegal_transition', 'what is about to be sent is not settled by hand');
select tests.as_owner();
update private.outbox set deferred_reason = 'not_configured', last_error = 'refund for vnpay', available_at = now() + interval '1 minute'
where topic = 'refund' and payload ->> 'refund_id' in (:'lost', :'asked', :'by_bank');
update private.outbox set status = 'leased', lease_token = gen_random_uuid(), leased_until = now() + interval '1 minute', attempts = 1
where topic = 'refund' and payload ->> 'refund_id' = :'asked';
select tests.as_user(:'admin');
select is(tests.settle_as_failed(:'asked'), 'illegal_transition', 'nor what somebody is sending right now');
select is((select needs from public.list_refunds(needs => 'question') where id = :'lost'), 'question', 'an admin finds the one that nobody can send');
select is((public.settle_refund(:'lost', 'failed', null, 'the portal does not know it')).status, 'failed', 'and says so');
select is((public.retry_refund(:'lost', 'bank_transfer')).status, 'awaiting_account', 'it goes another way');
select is((public.retry_refund(:'lost', 'provider')).status, 'pending', 'and back again, as nobody has sent it');
select is((select provider || ' ' || method from public.list_refunds() where id = :'lost'), 'vnpay provider', 'by the rail it came by');
select is(tests.outcome(format('select public.retry_refund(%L, %L)', :'by_bank', 'provider')), 'invalid_input', 'where that gives back at all');
select is(tests.settle_as_failed(:'by_bank'), 'illegal_transition', 'a transfer that waits for an account is recorded, not settled');
select tests.as_owner();
select is((select count(*)::int from private.reconcile_ledger()), 0, 'the books agree');

-- under way for ever -----------------------------------------------------------------------------------------------------
select tests.make_refund(:'renter', 245, 'vnpay') as mute, tests.make_refund(:'renter', 247, 'vnpay') as deaf \gset
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.settle_refund(%L, 'succeeded', 'V1', 'the portal says so') $$, :'mute')), 'illegal_transition', 'one that was not taken yet is not settled by hand');
select tests.as_service();
select public.record_refund_result(:'mute', 'processing', null), public.record_refund_result(:'deaf', 'processing', null);
select tests.as_user(:'renter');
select is(tests.outcome(format($$ select public.settle_refund(%L, 'succeeded', 'V1', 'the portal says so') $$, :'mute')), 'forbidden', 'its payer does not say how it ended');
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.settle_refund(%L, 'perhaps', 'V1', 'the portal says so') $$, :'mute')), 'invalid_input', 'it ended well or not');
select is(tests.outcome(format($$ select public.settle_refund(%L, 'succeeded', ' ', 'the portal says so') $$, :'mute')), 'invalid_input', 'under a number');
select is(tests.outcome(format($$ select public.settle_refund(%L, 'failed', null, '') $$, :'mute')), 'invalid_input', 'known from somewhere');
select tests.as_owner();
savepoint sending;
update private.outbox set status = 'leased', lease_token = gen_random_uuid(), leased_until = now() + interval '1 minute' where topic = 'refund' and payload ->> 'refund_id' = :'mute';
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.settle_refund(%L, 'failed', null, 'the portal says so') $$, :'mute')), 'illegal_transition', 'not while somebody is sending it, or asking');
rollback to sending;
select tests.as_user(:'admin');
select is((public.settle_refund(:'mute', 'succeeded', 'V1', 'the portal says so')).status, 'succeeded', 'an admin says that it was paid');
select is(tests.outcome(format($$ select public.settle_refund(%L, 'succeeded', 'V1', 'the portal says so') $$, :'deaf')), 'invalid_input', 'one number is one refund');
select is((public.settle_refund(:'deaf', 'failed', null, 'refused by the bank, says the portal')).failure_code, 'settled_by_admin', 'or that it was not');
select ordered_at as before from public.list_refunds() where id = :'deaf' \gset
select is((public.retry_refund(:'deaf', 'bank_transfer')).method, 'bank_transfer', 'which can then go another way');
select tests.as_service();
select is((public.record_refund_result(:'deaf', 'succeeded', 'V2', null, :'before')).status, 'awaiting_account', 'what the order before it answers says nothing of it');
select tests.as_owner();
select is(tests.needs_review(), format('payos V2: refund %s was paid by an order that was given up, as V2', :'deaf'), 'and an admin hears that it was paid');
update private.payment_events set acknowledged_at = now() where outcome = 'needs_review';
select tests.as_owner();
select is((select array_agg(data ->> 'outcome' order by id) from private.domain_events where type = 'refund.settled_by_admin' and actor_id = :'admin'), array['failed', 'succeeded', 'failed'], 'and it is on record who said so');
select is((select count(*)::int from private.reconcile_ledger()), 0, 'the books agree');

-- one after the other --------------------------------------------------------------------------------------------------------
create function tests.order_of(p_refund_id uuid) returns text language sql stable
as $$ select (f ->> 'waits') || ' ' || (f ->> 'other_refund_ids') from public.refund_to_send(p_refund_id) f $$;
select tests.new_booking(250) as b3 \gset
select tests.start_payment(:'b3') as r3 \gset
select tests.provider_says(:'r3', 'succeeded'), tests.provider_says(:'r3', 'succeeded', 900000, p_transaction_id => 'once more');
select tests.as_user(:'admin');
select (public.settle_unmatched_money((select id from public.unmatched_money() where transaction_id = 'once more'), 'refund', gen_random_uuid()) ->> 'refund_id') as first \gset
select tests.as_owner();
select tests.cancel(:'renter', :'b3');
select tests.refund_of(:'b3') as second \gset
-- in one transaction both have one time
update public.refunds set ordered_at = ordered_at - interval '1 second' where id = :'first';
select is(tests.order_of(:'first') || ', ' || tests.order_of(:'second'), 'false [], true []', 'a refund waits for an earlier one of its payment');
select public.record_refund_result(:'first', 'processing', 'V7');
select is(tests.order_of(:'second'), 'true ["V7"]', 'also while it is at the bank');
select public.record_refund_result(:'first', 'succeeded', 'V7');
select is(tests.order_of(:'second'), 'false ["V7"]', 'and knows its number');

-- what comes back, and what comes twice -----------------------------------------------------------------------------------
create function tests.refund_news(p_event text, p_id text, p_outcome text, p_amount bigint, p_transaction text)
returns text
language sql volatile
as $$ select public.apply_refund_event((public.record_payment_event('stripe', p_event, true, null, 'raw') ->> 'event_id')::bigint, p_id, p_transaction, p_outcome, p_amount, 'VND') $$;
select tests.new_booking(250) as b3 \gset
select tests.start_payment(:'b3', 'stripe') as r3 \gset
select tests.provider_says(:'r3', 'succeeded', p_transaction_id => 'pi_3');
select tests.cancel(:'renter', :'b3');
select tests.refund_of(:'b3') as f3 \gset
select is(tests.refund_news('n1', 're_1', 'failed', 4814405, 'pi_3'), 'recorded', 'a refund fails');
select tests.as_user(:'admin');
select is((public.retry_refund(:'f3')).status, 'pending', 'and is ordered again');
select tests.as_owner();
select is(tests.refund_news('n2', 're_1', 'succeeded', 4814405, 'pi_3'), 'recorded', 'the first one comes true after all');
select is(public.refund_to_send(:'f3') -> 'refund' ->> 'status', 'succeeded', 'so the second is not sent');
select is((public.record_refund_result(:'f3', 'succeeded', 're_2')).provider_refund_id, 're_1', 'if it was');
select is(tests.needs_review(), format('stripe re_2: refund %s was paid already, by stripe re_1', :'f3'), 'somebody is told');
select is((public.record_refund_result(:'f3', 'succeeded', 're_1')).status, 'succeeded', 'the same success again');
select is(tests.refund_news('n3', 're_1', 'failed', 4814405, 'pi_3'), 'needs_review', 'a success that is taken back');
select is((select note from private.payment_events where provider_event_id = 'n3'), format('refund %s was paid, and has come back', :'f3'), 'is for somebody to look at');
-- news of a refund of the second payment finds that one, though the first paid the booking
select is(tests.provider_says(:'r3', 'succeeded', 4814405, p_transaction_id => 'pi_4'), 'unmatched', 'paid twice by card');
select tests.as_user(:'admin');
select (public.settle_unmatched_money((select id from public.unmatched_money() where transaction_id = 'pi_4'), 'refund', gen_random_uuid()) ->> 'refund_id') as f4 \gset
select tests.as_owner();
select is(tests.refund_news('n4', 're_9', 'succeeded', 4814405, 'pi_3'), 'needs_review', 'news of another transaction is not taken for it');
select is(tests.refund_news('n5', 're_4', 'succeeded', 4814405, 'pi_4'), 'recorded', 'news of its own is');
select is((select status from public.refunds where id = :'f4'), 'succeeded', 'so it is paid');

-- parts of what was called off ------------------------------------------------------------------------------------------------
select tests.new_booking(260) as b5 \gset
select tests.start_payment(:'b5', 'vietqr') as r5 \gset
select tests.cancel(:'renter', :'b5');
select is(tests.provider_says(:'r5', 'succeeded', 1000000, p_transaction_id => 'late part'), 'part_received', 'a part of what was called off');
select is((select count(*)::int from public.notifications where template = 'payment_part_received_renter' and data ->> 'booking_id' = :'b5'), 0, 'nobody is asked for the rest');
select is((select count(*)::int from public.notifications where template = 'payment_unmatched' and body like '%1.000.000 VND%'), 1, 'but told that it came');
select is(tests.provider_says(:'r5', 'succeeded', 0, p_transaction_id => 'nothing'), 'amount_mismatch', 'nothing is nothing');
select is((select count(*)::int from private.unmatched_money where transaction_id = 'nothing'), 0, 'and no row');
select is(tests.provider_says(:'r5', 'succeeded', 3814405, p_transaction_id => 'late rest'), 'refunded_late', 'with the rest all of it goes back');

-- a link made too late ----------------------------------------------------------------------------------------------------------
select tests.new_booking(270) as b6 \gset
select tests.as_user(:'renter');
select id as slow, provider_data as shown from public.start_payment(tests.payment_of(:'b6'), 'payos', 'eeeeeeee-0000-4000-8000-000000000006') \gset
select tests.as_owner();
select is(tests.provider_says(tests.start_payment(:'b6', 'vnpay')), 'applied', 'paid by another try while the link is made');
select is((public.attach_checkout(:'slow', 'https://pay.example.com', 'qr', '{}', '{"secret": 1}')).status, 'pending', 'the link comes');
select is((select count(*)::int from private.outbox where topic = 'cancel_attempt' and payload ->> 'attempt_id' = :'slow'), 1, 'and is ended at once');
select tests.as_user(:'renter');
select is((public.start_payment(tests.payment_of(:'b6'), 'payos', 'eeeeeeee-0000-4000-8000-000000000006')).provider_data, '{}', 'what is between us and the provider is not shown');
select tests.as_owner();

-- asking about what was booked elsewhere ---------------------------------------------------------------------------------------
select is((public.note_reconciliation(:'slow', 'final')).status, 'pending', 'a try whose money was booked elsewhere stays open while it can be paid');
update public.payment_attempts set expires_at = now() where id = :'slow';
select is((public.note_reconciliation(:'slow', 'final')).status, 'expired', 'and ends with its time');
select tests.new_booking(280) as b7 \gset
select tests.start_payment(:'b7') as r7 \gset
update public.payment_attempts set created_at = now() - interval '3 minutes' where reference = :'r7';
select is(private.enqueue_reconciliations(), 1, 'a silent try is asked about');
select is(private.enqueue_reconciliations(), 0, 'one that waits for it takes no place of others');
update private.outbox set status = 'dead', finished_at = now() - interval '23 hours' where topic = 'reconcile';
select is(private.enqueue_reconciliations(), 0, 'one that was given up is left to whoever mends it');
update private.outbox set finished_at = now() - interval '25 hours' where topic = 'reconcile';
select is(private.enqueue_reconciliations(), 1, 'and is asked about again a day later');
delete from private.outbox where topic = 'reconcile';

-- what cannot be stored, by any path ---------------------------------------------------------------------------------------------
select tests.settle();
select is(tests.broken_promises(), null, 'no promise is broken');
select is(tests.outcome(replace(statement, '$1', quote_literal(:'b7'))), '42501', what) from (values
  ('another amount of a payment', 'update public.payments set amount = amount + 1 where booking_id = $1'),
  ('another payer', 'update public.payments set payer_id = (select host_id from public.bookings where id = $1) where booking_id = $1'),
  ('a payment deleted', 'delete from public.payments where booking_id = $1'),
  ('another reference', $$ update public.payment_attempts set reference = 'J' where payment_id = tests.payment_of($1) $$),
  ('a try of another payment', 'update public.payment_attempts set payment_id = (select id from public.payments where booking_id <> $1 limit 1) where payment_id = tests.payment_of($1)'),
  ('a try deleted', 'delete from public.payment_attempts where payment_id = tests.payment_of($1)'),
  ('another transaction of what was paid', $$ update public.payment_attempts set provider_transaction_id = 'x' where status = 'succeeded' $$),
  ('a larger refund', 'update public.refunds set amount = amount + 1'),
  ('a refund for somebody else', 'update public.refunds set payer_id = (select host_id from public.bookings where id = $1)'),
  ('a refund deleted', 'delete from public.refunds'),
  ('more unmatched money', $$ update private.unmatched_money set amount = amount + 1 where status = 'settled' $$),
  ('settled money opened again', $$ update private.unmatched_money set status = 'open', settlement = null, settled_at = null, payment_id = null where status = 'settled' $$),
  ('unmatched money deleted', 'delete from private.unmatched_money'),
  ('a message rewritten', $$ update private.payment_events set raw = 'x' $$),
  ('a message believed after all', 'update private.payment_events set verified = not verified'),
  ('a message deleted', 'delete from private.payment_events where verified'),
  ('all messages deleted', 'truncate private.payment_events cascade'),
  ('an account of the ledger for somebody else', $$ update private.ledger_accounts set owner = 'x' where kind = 'escrow' $$)
) v (what, statement);
select tests.as_user(:'stranger');
select (public.set_bank_account('970436', '0011223344', 'STRANGER', gen_random_uuid())).id as thief \gset
select tests.as_owner();
select is(tests.outcome(format($$ update public.refunds set bank_account_id = %L where id = tests.refund_of(%L) $$, :'thief', :'b1')), '23503', 'a refund to an account that is not the payer''s');

select * from finish();
rollback;

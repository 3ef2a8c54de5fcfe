-- Refunds: from order to result, what goes wrong, what of it cannot be stored, and what somebody must look at.
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
as $$ select id from public.payments where payable_id = p_booking_id $$;
create function tests.refund_of(p_booking_id uuid)
returns uuid
language sql stable
as $$ select id from public.refunds where payable_id = p_booking_id order by created_at desc, id limit 1 $$;
create function tests.cancel(p_user_id uuid, p_booking_id uuid)
returns text
language plpgsql volatile
as $$
declare
  v_status text;
begin
  perform set_config('request.jwt.claims', json_build_object('sub', p_user_id, 'role', 'authenticated')::text, true);
  v_status := (tests.cancel_booking(p_booking_id)).status;
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
select is(tests.provider_says(:'r1', 'succeeded', 4000000, p_transaction_id => 'm1'), 'amount_mismatch', 'a wrong sum by one rail does not pay');
select is(tests.provider_says('J00000000000001', 'succeeded', 6000000, p_transaction_id => 'v1'), 'unknown_reference', 'a sum for nobody by another rail is kept');
select tests.as_user(:'admin');
select public.settle_unmatched_money((select id from public.unmatched_money() where transaction_id = 'v1'), 'apply', gen_random_uuid(), tests.payment_of(:'b1')) ->> 'result' as result \gset
select is(:'result'::text, 'applied', 'two sums by two rails pay a booking together');
select tests.as_owner();
select is(tests.cancel(:'renter', :'b1'), 'cancelled', 'a booking paid by two rails can be cancelled');
select is((select method || ' ' || status from public.refunds where id = tests.refund_of(:'b1')), 'bank_transfer awaiting_account', 'no rail is asked to reverse what it did not carry');
select id as over from private.unmatched_money where reason = 'overpaid' \gset
select tests.as_user(:'admin');
select (public.settle_unmatched_money(:'over', 'refund', gen_random_uuid(), null, 'he is a friend of the boss') ->> 'refund_id') as refund \gset
select tests.as_owner();
select is((select method from public.refunds where id = :'refund'), 'bank_transfer', 'no rail is asked to reverse part of what it carried');
select is((select reason from public.refunds where id = :'refund'), null, 'the payer does not see the note of an admin');
select is((select note from private.unmatched_money where id = :'over'), 'he is a friend of the boss', 'the note of an admin stays with the unmatched money');

select tests.new_booking(210) as b2 \gset
select tests.start_payment(:'b2') as r2 \gset
select tests.provider_says(:'r2', 'succeeded');
select is(tests.provider_says(:'r2', 'succeeded', 900000, p_transaction_id => 'again'), 'unmatched', 'a second payment of one try is kept apart');
select tests.as_user(:'admin');
select (public.settle_unmatched_money((select id from public.unmatched_money() where transaction_id = 'again'), 'refund', gen_random_uuid()) ->> 'refund_id') as refund \gset
select tests.as_owner();
select is((select (f ->> 'provider_transaction_id') || ' of ' || (f ->> 'paid_amount') from (select public.refund_to_send(:'refund') -> 'refund') s (f)), 'again of 900000', 'a second payment is reversed in full, by its own number');

-- by hand ------------------------------------------------------------------------------------------------------------
select tests.make_refund(:'renter', 220, 'payos') as one, tests.make_refund(:'renter', 230, 'payos') as two \gset
select tests.as_user(:'admin');
select is((public.record_manual_refund(:'one', 'FT26325900')).status, 'succeeded', 'an admin can record a transfer by hand');
select is((public.record_manual_refund(:'one', ' FT26325900 ')).status, 'succeeded', 'the same record of a transfer is the same');
select is(tests.outcome(format($$ select public.record_manual_refund(%L, 'FT26325900') $$, :'two')), 'invalid_input', 'one transfer by hand cannot pay two refunds');
select tests.as_service();
select is((public.record_refund_result(:'one', 'processing', 'batch-7')).status, 'succeeded', 'a provider that works on a paid refund changes nothing');
select is((public.record_refund_result(:'one', 'succeeded', 'batch-7')).status, 'succeeded', 'a provider that has paid a paid refund changes nothing');
select tests.as_owner();
select is(tests.needs_review(), format('payos batch-7: refund %s was paid already, by manual FT26325900', :'one'), 'a refund that was paid twice needs review');
update private.payment_events set acknowledged_at = now() where outcome = 'needs_review';
select tests.as_user(:'second');
select is(
  tests.outcome_details(format($$ select public.record_manual_refund(%L, 'FT26325901') $$, :'one')) - 'paid_at',
  jsonb_build_object('code', 'already_paid', 'provider', 'manual', 'reference', 'FT26325900', 'recorded_by', :'admin', 'recorded_by_name', 'admin'),
  'an admin who records a second transfer hears by which it was paid, and whom to ask');
select is(tests.outcome_details(format('select public.claim_manual_refund(%L)', :'one')) ->> 'paid_at', to_jsonb(completed_at) #>> '{}', 'an admin who claims a paid refund hears when it was paid')
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
  perform tests.step_up(p_user_id);
  perform set_config('request.jwt.claims', tests.claims(p_user_id), true);
  v_id := (private.set_bank_account('970436', '0011223344', 'NGUYEN VAN A', gen_random_uuid())).id;
  perform set_config('request.jwt.claims', '', true);
  return v_id;
end
$$;
select tests.as_user(:'stranger');
select is(tests.outcome(format('select public.claim_manual_refund(%L)', :'two')) || ' ' || tests.outcome(format('select public.release_manual_refund(%L)', :'two')), 'forbidden forbidden', 'a stranger can neither claim nor release a transfer');
select tests.as_user(:'admin');
select is(tests.outcome('select public.claim_manual_refund(gen_random_uuid())') || ' ' || tests.outcome('select public.release_manual_refund(gen_random_uuid())'), 'refund_not_found refund_not_found', 'a refund that does not exist can neither be claimed nor released');
select is(tests.outcome(format('select public.claim_manual_refund(%L)', id)), 'illegal_transition', 'a refund that a provider gives back cannot be claimed')
from public.list_refunds() where method = 'provider';
select public.claim_manual_refund(:'two') as claim \gset
select is(:'claim'::jsonb, jsonb_build_object('claimed_by', :'admin', 'claimed_by_name', 'admin', 'claimed_at', now(), 'expires_at', now() + interval '1 day'), 'an admin can claim a transfer for a day');
select is(public.claim_manual_refund(:'two'), :'claim'::jsonb, 'claiming again gives the same claim');
select tests.as_user(:'second');
select is(tests.outcome_details(format('select public.claim_manual_refund(%L)', :'two')), :'claim'::jsonb || '{"code": "transfer_claimed"}', 'another admin who claims hears of the claim');
select is(tests.outcome(format($$ select public.record_manual_refund(%L, 'FT26325902') $$, :'two')), 'transfer_claimed', 'another admin cannot record a transfer that is claimed');
select is(tests.outcome(format('select public.release_manual_refund(%L)', :'two')), 'transfer_claimed', 'another admin cannot release the claim');
select is((select claimed_by || ' ' || (claimed_at = now()) from public.list_refunds() where id = :'two'), :'admin' || ' true', 'the list says who claims a transfer');
select tests.as_user(:'renter');
select is(tests.outcome('select * from private.manual_claims'), '42501', 'a payer cannot read who claims');
select tests.as_owner();
savepoint claimed;
select tests.give_account(:'renter') as account \gset
select is(tests.sending_of(:'two'), 'pending 24.0000000000000000', 'an account that is named while a claim runs makes the refund pending');
update private.manual_claims set expires_at = expires_at + interval '6 hours' where subject_id = :'two';
select tests.give_account(:'renter') as account \gset
select is((select max(available_at) from private.outbox where topic = 'refund' and payload ->> 'refund_id' = :'two'), now() + interval '30 hours', 'a claimed refund is sent when the claim is over, and not before');
update public.bank_accounts set created_at = now() - interval '3 days', usable_from = now() - interval '2 days' where id = :'account';
select ordered_at as ordered from public.refunds where id = :'two' \gset
select tests.as_service();
select is(tests.outcome(format('select public.claim_refund(%L, %L)', :'two', :'ordered')), 'transfer_claimed', 'a worker cannot send a claimed refund');
select tests.as_owner();
select is((select status from public.refunds where id = :'two'), 'pending', 'a worker leaves a claimed refund pending');
select tests.as_user(:'second');
select is(tests.outcome(format('select public.retry_refund(%L)', :'two')), 'transfer_claimed', 'another admin cannot send a claimed refund again');
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.release_manual_refund(%L)', :'two')), 'ok', 'the admin who claimed can release the claim');
select is(tests.outcome(format('select public.release_manual_refund(%L)', :'two')), 'ok', 'releasing a claim is safe to repeat');
select tests.as_owner();
select is((select min(available_at) from private.outbox where topic = 'refund' and payload ->> 'refund_id' = :'two'), now(), 'a released refund is sent at once');
update private.outbox set status = 'leased', lease_token = gen_random_uuid(), leased_until = now() + interval '1 minute' where topic = 'refund' and payload ->> 'refund_id' = :'two' and available_at = now();
select tests.as_user(:'second');
select is(tests.outcome_details(format('select public.claim_manual_refund(%L)', :'two')) ->> 'sending', 'true', 'a refund that is being sent cannot be claimed');
select tests.as_owner();
update private.outbox set leased_until = now() where status = 'leased' and topic = 'refund';
select tests.as_user(:'second');
select is((public.claim_manual_refund(:'two')) ->> 'claimed_by', :'second', 'a refund whose worker has died can be claimed');
select tests.as_owner();
select is((select min(available_at) from private.outbox where topic = 'refund' and payload ->> 'refund_id' = :'two'), now() + interval '1 day', 'the next worker waits until the claim is over');
rollback to savepoint claimed;
update private.manual_claims set claimed_at = now() - interval '25 hours', expires_at = now() - interval '1 hour' where subject_id = :'two';
select tests.as_user(:'second');
select is((select claimed_by from public.list_refunds() where id = :'two'), null, 'a claim is over after a day');
select is((public.claim_manual_refund(:'two')) ->> 'claimed_by_name', 'second', 'another admin can claim a transfer after that');
select is((public.record_manual_refund(:'two', 'FT26325903')).status, 'succeeded', 'the admin who claimed can record the transfer');
select is((select claimed_by from public.list_refunds('succeeded') where id = :'two'), null, 'recording the transfer ends the claim');
select tests.as_owner();
select is((select count(*)::int from private.manual_claims), 0, 'no claim is left after the transfer was recorded');
select is((select array_agg(type || ' ' || (select display_name from public.profiles where id = actor_id) order by id) from private.domain_events where subject_id = :'two' and type like '%claim%'), array['refund.claimed_by_hand admin', 'refund.claimed_by_hand second'], 'each claim and release is on record');

-- given up on its way --------------------------------------------------------------------------------------------------
select tests.make_refund(:'renter', 240, 'vnpay') as gone \gset
update private.outbox set status = 'dead', attempts = 12, finished_at = now() where topic = 'refund' and payload ->> 'refund_id' = :'gone';
select tests.as_user(:'stranger');
select is(tests.outcome(format('select public.retry_refund(%L)', :'gone')), 'forbidden', 'a stranger cannot send a refund again');
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.retry_refund(%L, %L)', :'gone', 'bank_transfer')), 'illegal_transition', 'a refund that may have been sent cannot be turned into a transfer');
select is((public.retry_refund(:'gone')).status, 'pending', 'an admin can let a refund go on that was given up');
select is(tests.outcome(format('select public.retry_refund(%L)', :'gone')), 'illegal_transition', 'a refund that goes on cannot be let go on again');
select tests.as_owner();
select is((select status || ' ' || attempts from private.outbox where topic = 'refund' and payload ->> 'refund_id' = :'gone'), 'pending 1', 'a refund that goes on counts as tried, so that the provider is asked first');
select is((select count(*)::int from private.outbox where topic = 'refund' and payload ->> 'refund_id' = :'gone'), 1, 'a refund that goes on keeps its row in the outbox');

-- its rail is gone ---------------------------------------------------------------------------------------------------------
select tests.make_refund(:'renter', 241, 'vnpay') as lost, tests.make_refund(:'renter', 242, 'vnpay') as asked, tests.make_refund(:'renter', 243, 'payos') as by_bank \gset
create function tests.settle_as_failed(p_refund_id uuid) returns text language sql volatile
as $$ select tests.outcome(format('select public.settle_refund(%L, %L, null, %L)', p_refund_id, 'failed', 'the portal does not know it')) $$;
select tests.as_user(:'admin');
select is(tests.settle_as_failed(:'lost'), 'illegal_transition', 'a refund that is about to be sent cannot be settled by hand');
select tests.as_owner();
update private.outbox set deferred_reason = 'not_configured', last_error = 'refund for vnpay', available_at = now() + interval '1 minute'
where topic = 'refund' and payload ->> 'refund_id' in (:'lost', :'asked', :'by_bank');
update private.outbox set status = 'leased', lease_token = gen_random_uuid(), leased_until = now() + interval '1 minute', attempts = 1
where topic = 'refund' and payload ->> 'refund_id' = :'asked';
select tests.as_user(:'admin');
select is(tests.settle_as_failed(:'asked'), 'illegal_transition', 'a refund that is being sent cannot be settled by hand');
select is((select needs from public.list_refunds(needs => 'question') where id = :'lost'), 'question', 'an admin finds a refund that nobody can send');
select is((public.settle_refund(:'lost', 'failed', null, 'the portal does not know it')).status, 'failed', 'an admin can settle a refund as failed');
select is((public.retry_refund(:'lost', 'bank_transfer')).status, 'awaiting_account', 'a refund that was settled as failed can become a transfer');
select is((public.retry_refund(:'lost', 'provider')).status, 'pending', 'a transfer that nobody has sent can go back to its rail');
select is((select provider || ' ' || method from public.list_refunds() where id = :'lost'), 'vnpay provider', 'a refund that went back to its rail goes by the rail of its payment');
select is(tests.outcome(format('select public.retry_refund(%L, %L)', :'by_bank', 'provider')), 'invalid_input', 'a refund cannot go back to a rail that cannot refund');
select is(tests.settle_as_failed(:'by_bank'), 'illegal_transition', 'a transfer that waits for an account cannot be settled');
select tests.as_owner();
select is((select count(*)::int from private.reconcile_ledger()), 0, 'the ledger agrees with the rows after that');

-- under way for ever -----------------------------------------------------------------------------------------------------
select tests.make_refund(:'renter', 245, 'vnpay') as mute, tests.make_refund(:'renter', 247, 'vnpay') as deaf \gset
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.settle_refund(%L, 'succeeded', 'V1', 'the portal says so') $$, :'mute')), 'illegal_transition', 'a refund that no worker has taken yet cannot be settled by hand');
select tests.as_service();
select public.record_refund_result(:'mute', 'processing', null), public.record_refund_result(:'deaf', 'processing', null);
select tests.as_user(:'renter');
select is(tests.outcome(format($$ select public.settle_refund(%L, 'succeeded', 'V1', 'the portal says so') $$, :'mute')), 'forbidden', 'a payer cannot settle the own refund');
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.settle_refund(%L, 'perhaps', 'V1', 'the portal says so') $$, :'mute')), 'invalid_input', 'a settlement other than succeeded or failed is refused');
select is(tests.outcome(format($$ select public.settle_refund(%L, 'succeeded', ' ', 'the portal says so') $$, :'mute')), 'invalid_input', 'a settlement as succeeded needs the number of the provider');
select is(tests.outcome(format($$ select public.settle_refund(%L, 'failed', null, '') $$, :'mute')), 'invalid_input', 'a settlement needs a note');
select tests.as_owner();
savepoint sending;
update private.outbox set status = 'leased', lease_token = gen_random_uuid(), leased_until = now() + interval '1 minute' where topic = 'refund' and payload ->> 'refund_id' = :'mute';
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.settle_refund(%L, 'failed', null, 'the portal says so') $$, :'mute')), 'illegal_transition', 'a refund that a worker asks about cannot be settled');
rollback to sending;
select tests.as_user(:'admin');
select is((public.settle_refund(:'mute', 'succeeded', 'V1', 'the portal says so')).status, 'succeeded', 'an admin can settle a refund as succeeded');
select is(tests.outcome(format($$ select public.settle_refund(%L, 'succeeded', 'V1', 'the portal says so') $$, :'deaf')), 'invalid_input', 'one number of the provider cannot settle two refunds');
select is((public.settle_refund(:'deaf', 'failed', null, 'refused by the bank, says the portal')).failure_code, 'settled_by_admin', 'an admin can settle another refund as failed');
select ordered_at as before from public.list_refunds() where id = :'deaf' \gset
select is((public.retry_refund(:'deaf', 'bank_transfer')).method, 'bank_transfer', 'a refund that was settled as failed can go another way');
select tests.as_service();
select is((public.record_refund_result(:'deaf', 'succeeded', 'V2', null, :'before')).status, 'awaiting_account', 'an answer to a former order does not change the refund');
select tests.as_owner();
select is(tests.needs_review(), format('payos V2: refund %s was paid by an order that was given up, as V2', :'deaf'), 'an answer of success to a former order needs review');
update private.payment_events set acknowledged_at = now() where outcome = 'needs_review';
select tests.as_owner();
select is((select array_agg(data ->> 'outcome' order by id) from private.domain_events where type = 'refund.settled_by_admin' and actor_id = :'admin'), array['failed', 'succeeded', 'failed'], 'each settlement is on record with its admin');
select is((select count(*)::int from private.reconcile_ledger()), 0, 'the ledger agrees with the rows after the settlements');

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
select is(tests.order_of(:'second'), 'true ["V7"]', 'a refund is first in line once the earlier one is at the bank');
select public.record_refund_result(:'first', 'succeeded', 'V7');
select is(tests.order_of(:'second'), 'false ["V7"]', 'a refund knows the number of the earlier one');

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
select is(tests.refund_news('n1', 're_1', 'failed', 4814405, 'pi_3'), 'recorded', 'a refund can fail by a report');
select tests.as_user(:'admin');
select is((public.retry_refund(:'f3')).status, 'pending', 'a failed refund can be ordered again');
select tests.as_owner();
select is(tests.refund_news('n2', 're_1', 'succeeded', 4814405, 'pi_3'), 'recorded', 'a report of success of the first order is recorded');
select is(public.refund_to_send(:'f3') -> 'refund' ->> 'status', 'succeeded', 'the second order is not sent once the first came true');
select is((public.record_refund_result(:'f3', 'succeeded', 're_2')).provider_refund_id, 're_1', 'the number of the first order stays when the second was sent too');
select is(tests.needs_review(), format('stripe re_2: refund %s was paid already, by stripe re_1', :'f3'), 'a refund that was paid by both orders needs review');
select is((public.record_refund_result(:'f3', 'succeeded', 're_1')).status, 'succeeded', 'the same success again changes nothing');
select is(tests.refund_news('n3', 're_1', 'failed', 4814405, 'pi_3'), 'needs_review', 'a report that takes a success back needs review');
select is((select note from private.payment_events where provider_event_id = 'n3'), format('refund %s was paid, and has come back', :'f3'), 'the review says that the refund has come back');
-- news of a refund of the second payment finds that one, though the first paid the booking
select is(tests.provider_says(:'r3', 'succeeded', 4814405, p_transaction_id => 'pi_4'), 'unmatched', 'a second payment by card is kept apart');
select tests.as_user(:'admin');
select (public.settle_unmatched_money((select id from public.unmatched_money() where transaction_id = 'pi_4'), 'refund', gen_random_uuid()) ->> 'refund_id') as f4 \gset
select tests.as_owner();
select is(tests.refund_news('n4', 're_9', 'succeeded', 4814405, 'pi_3'), 'needs_review', 'a report about another transaction is not taken for this refund');
select is(tests.refund_news('n5', 're_4', 'succeeded', 4814405, 'pi_4'), 'recorded', 'a report about its own transaction is recorded');
select is((select status from public.refunds where id = :'f4'), 'succeeded', 'a report about its own transaction pays the refund');

-- news of an order that comes before its answer is found by the key of the order
create function tests.refund_news_of(p_order text, p_event text, p_id text, p_outcome text, p_amount bigint default 4814405)
returns text
language sql volatile
as $$
  select public.apply_refund_event((public.record_payment_event('stripe', p_event, true, null, 'raw') ->> 'event_id')::bigint, p_id, 'pi_6', p_outcome, p_amount, 'VND',
    request_key => p_order)
$$;
create function tests.order_key(p_refund_id uuid)
returns text
language sql stable
as $$ select (r.refund ->> 'id') || ':' || (r.refund ->> 'ordered_at') from (select public.refund_to_send(p_refund_id) -> 'refund' as refund) r $$;
select tests.new_booking(270) as b6 \gset
select tests.provider_says(tests.start_payment(:'b6', 'stripe'), 'succeeded', p_transaction_id => 'pi_6');
select tests.cancel(:'renter', :'b6');
select tests.refund_of(:'b6') as f6 \gset
select tests.order_key(:'f6') as order1 \gset
select is(tests.refund_news_of('of-nobody', 'k0', 're_60', 'processing', 5000), 'needs_review', 'news with a key of nobody is of no refund of ours');
select is(tests.refund_news_of(:'order1', 'k1', 're_61', 'processing', 5000), 'needs_review', 'news of another sum is not taken for the refund that its key names');
select is(tests.refund_news_of(:'order1', 'k2', 're_61', 'failed'), 'recorded', 'news of a failed order is recorded');
select tests.as_user(:'admin');
select is((public.retry_refund(:'f6')).status, 'pending', 'a failed order is repeated by an admin');
select tests.as_owner();
select tests.order_key(:'f6') as order2 \gset
select is(tests.refund_news_of(:'order2', 'k3', 're_62', 'processing'), 'recorded', 'news that is faster than the answer finds its refund by the key');
select is((public.record_refund_result(:'f6', 'processing', 're_62')).provider_refund_id, 're_62', 'the answer that comes after its news says the same');
select is(tests.refund_news_of(:'order1', 'k4', 're_61', 'failed'), 'duplicate', 'late news of an earlier order that failed changes nothing');
select is((select status from public.refunds where id = :'f6'), 'processing', 'the order of now is still under way');
select is(tests.refund_news_of(:'order2', 'k5', 're_62', 'succeeded'), 'recorded', 'news of success ends the refund that its key names');
select is((select count(*)::int from private.payment_events where note = 'a refund we did not order' and provider_event_id in ('k2', 'k3', 'k4', 'k5')), 0, 'no news of our own orders needs review');

-- parts of what was called off ------------------------------------------------------------------------------------------------
select tests.new_booking(260) as b5 \gset
select tests.start_payment(:'b5', 'vietqr') as r5 \gset
select tests.cancel(:'renter', :'b5');
select is(tests.provider_says(:'r5', 'succeeded', 1000000, p_transaction_id => 'late part'), 'part_received', 'a part for a cancelled booking is received');
select is((select count(*)::int from public.notifications where template = 'payment_part_received' and data ->> 'booking_id' = :'b5'), 0, 'the payer of a cancelled booking is not asked for the rest');
select is((select count(*)::int from public.notifications where template = 'payment_part_returned' and body like '%₫1,000,000%'), 1, 'the payer of a cancelled booking is told that the part goes back');
select is(tests.provider_says(:'r5', 'succeeded', 0, p_transaction_id => 'nothing'), 'amount_mismatch', 'a sum of zero does not pay');
select is((select count(*)::int from private.unmatched_money where transaction_id = 'nothing'), 0, 'a sum of zero makes no row');
select is(tests.provider_says(:'r5', 'succeeded', 3814405, p_transaction_id => 'late rest'), 'part_received', 'the rest for a cancelled booking is a part as well');
select is((select string_agg(amount || ' ' || status, ', ' order by amount) from public.refunds where kind = 'part'), '1000000 awaiting_account, 3814405 awaiting_account', 'each part of a cancelled booking goes back when it comes');

-- a link made too late ----------------------------------------------------------------------------------------------------------
select tests.new_booking(270) as b6 \gset
select tests.as_user(:'renter');
select id as slow, provider_data as shown from private.start_payment(tests.payment_of(:'b6'), 'payos', 'eeeeeeee-0000-4000-8000-000000000006') \gset
select tests.as_owner();
select is(tests.provider_says(tests.start_payment(:'b6', 'vnpay')), 'applied', 'a booking can be paid by another try while a link is made');
select is((public.attach_checkout(:'slow', 'https://pay.example.com', 'qr', '{}', '{"secret": 1}')).status, 'pending', 'a link that comes late is stored');
select is((select count(*)::int from private.outbox where topic = 'cancel_attempt' and payload ->> 'attempt_id' = :'slow'), 1, 'a link that comes late is ended at once');
select tests.as_user(:'renter');
select is((private.start_payment(tests.payment_of(:'b6'), 'payos', 'eeeeeeee-0000-4000-8000-000000000006')).provider_data, '{}', 'the payer does not see what is between us and the provider');
select tests.as_owner();

-- asking about what was booked elsewhere ---------------------------------------------------------------------------------------
select is((public.note_reconciliation(:'slow', 'final')).status, 'pending', 'a try whose money was booked elsewhere stays open while it can be paid');
update public.payment_attempts set expires_at = now() where id = :'slow';
select is((public.note_reconciliation(:'slow', 'final')).status, 'expired', 'a try whose money was booked elsewhere ends with its time');
select tests.new_booking(280) as b7 \gset
select tests.start_payment(:'b7') as r7 \gset
update public.payment_attempts set created_at = now() - interval '3 minutes' where reference = :'r7';
select is(private.enqueue_reconciliations(), 1, 'a silent try is asked about');
select is(private.enqueue_reconciliations(), 0, 'a try that waits for its answer is not asked about again');
update private.outbox set status = 'dead', finished_at = now() - interval '23 hours' where topic = 'reconcile';
select is(private.enqueue_reconciliations(), 0, 'a try whose question was given up is not asked about at once');
update private.outbox set finished_at = now() - interval '25 hours' where topic = 'reconcile';
select is(private.enqueue_reconciliations(), 1, 'a try whose question was given up is asked about again a day later');
delete from private.outbox where topic = 'reconcile';

-- what cannot be stored, by any path ---------------------------------------------------------------------------------------------
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after all refunds');
select is(tests.outcome(replace(statement, '$1', quote_literal(:'b7'))), '42501', what) from (values
  ('another amount of a payment', 'update public.payments set amount = amount + 1 where payable_id = $1'),
  ('another payer', 'update public.payments set payer_id = (select host_id from public.bookings where id = $1) where payable_id = $1'),
  ('a payment deleted', 'delete from public.payments where payable_id = $1'),
  ('another reference', $$ update public.payment_attempts set reference = 'J' where payment_id = tests.payment_of($1) $$),
  ('a try of another payment', 'update public.payment_attempts set payment_id = (select id from public.payments where payable_id <> $1 limit 1) where payment_id = tests.payment_of($1)'),
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
select tests.step_up(:'stranger');
select (private.set_bank_account('970436', '0011223344', 'STRANGER', gen_random_uuid())).id as thief \gset
select tests.as_owner();
select is(tests.outcome(format($$ update public.refunds set bank_account_id = %L where id = tests.refund_of(%L) $$, :'thief', :'b1')), '23503', 'a refund to an account that is not the payer''s cannot be stored');

-- a refund, from order to result -------------------------------------------------------------------------------------
select tests.make_vehicle(:'host') as v2 \gset
select tests.make_paid_booking(:'renter', :'v2', tests.hours(400), tests.hours(410)) as b2 \gset
select tests.as_user(:'renter');
select tests.cancel_booking(:'b2');
select id as refund from public.refunds where payable_id = :'b2' \gset
select tests.as_user(:'stranger');
select is(tests.outcome($$ select public.retry_refund(gen_random_uuid()) $$), 'forbidden', 'a person cannot order a refund again');
select is((select count(*)::int from public.refunds), 0, 'a stranger sees no refund of others');
select tests.as_user(:'host');
select is((select count(*)::int from public.refunds), 0, 'a host reads no row of a refund');
select is((select array_agg((r ->> 'kind') || ' ' || (r ->> 'amount')) from jsonb_array_elements(public.booking_detail(:'b2') -> 'refunds') r), array['cancellation 4814405'], 'a host sees how much goes back, and why');
select is(tests.outcome('select bank_account_id from public.refunds'), '42501', 'a host does not see to which account a refund goes');
select tests.as_service();
select is(tests.outcome($$ select public.record_refund_result(gen_random_uuid(), 'succeeded') $$), 'refund_not_found', 'an invented refund is not found');
select is(tests.outcome(format($$ select public.record_refund_result(%L, 'maybe') $$, :'refund')), 'invalid_input', 'a result other than processing, succeeded or failed is refused');
select is(public.refund_to_send(:'refund') -> 'attempt' ->> 'status', 'succeeded', 'a refund knows the try it reverses');
select is((public.record_refund_result(:'refund', 'processing', 'p1')).status, 'processing', 'a refund can be reported as under way');
select is((public.record_refund_result(:'refund', 'processing', 'p1')).status, 'processing', 'a refund can be reported as under way again');
select is((public.record_refund_result(:'refund', 'failed', null, 'closed account')).status, 'failed', 'a refund can be reported as refused');
select is((public.record_refund_result(:'refund', 'failed', null, 'closed account')).status, 'failed', 'the same report of a refund says the same');
select is((public.record_refund_result(:'refund', 'processing')).status, 'failed', 'a failed refund does not go on by itself');
select tests.as_user(:'admin');
select is((public.retry_refund(:'refund', 'bank_transfer')).status, 'awaiting_account', 'an admin can turn a failed refund into a bank transfer');
select is(tests.outcome(format('select public.retry_refund(%L)', :'refund')), 'illegal_transition', 'a refund that waits for an account cannot be turned again');
select tests.as_owner();
-- as if it had not been
update public.refunds set status = 'pending', method = 'provider', provider = 'vnpay' where id = :'refund';
update public.refunds set status = 'failed' where id = :'refund';
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.record_manual_refund(%L, %L); select private.fail(%L)', :'refund', 'FT0001', 'forbidden')), 'forbidden', 'an admin can pay a failed refund by hand');
select is((public.retry_refund(:'refund')).status, 'pending', 'an admin can send a failed refund again');
select is(tests.outcome(format('select public.retry_refund(%L)', :'refund')), 'illegal_transition', 'a refund that is on its way cannot be sent again');
select tests.as_service();
select is((public.record_refund_result(:'refund', 'failed', null, 'again')).status, 'failed', 'a refund that was sent again can fail again');
select is((public.record_refund_result(:'refund', 'succeeded', 'p2')).provider_refund_id, 'p2', 'a success that is reported late overrides a failure');
select is((public.record_refund_result(:'refund', 'failed')).status, 'succeeded', 'a failure after success changes nothing');
select tests.as_owner();
select is((select status || ' ' || refunded_amount from public.payments where payable_id = :'b2'), 'refunded 4814405', 'the payment is refunded once');
select is(private.balance('refund_payable', :'b2'), 0::bigint, 'nothing is owed after the refund');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after the refund');

select * from finish();
rollback;

-- Unmatched money: rails that take money in parts, money that fits nowhere, and what an admin makes of it.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
select tests.make_vehicle(:'host') as vehicle \gset

create function tests.new_booking(p_from numeric)
returns uuid
language sql volatile
as $$ select tests.make_booking((select id from public.profiles where display_name = 'renter'), (select id from public.vehicles order by created_at desc limit 1), tests.hours(p_from), tests.hours(p_from + 5)) $$;
create function tests.state_of(p_booking_id uuid)
returns text
language sql stable
as $$ select b.status || ', ' || p.status from public.bookings b join public.payments p on p.payable_id = b.id where b.id = p_booking_id $$;
create function tests.open_money()
returns text
language sql stable
as $$ select string_agg(reason || ' ' || amount, ', ' order by amount) from private.unmatched_money where status = 'open' $$;

-- what a rail can carry -----------------------------------------------------------------------------------------
select tests.new_booking(30) as b1 \gset
select tests.as_user(:'renter');
select is((select count(*)::int from public.payment_methods()), 6, 'there are six ways to pay');
select tests.as_owner();
update private.payment_providers set max_amount = 1000000 where provider = 'momo';
update private.payment_providers set enabled = false where provider = 'stripe';
select is(tests.outcome(format('select tests.start_payment(%L, %L)', :'b1', 'momo')), 'payment_amount_unsupported', 'a sum beyond a rail is refused before the provider hears of it');
select tests.as_owner();
select is(tests.outcome(format('select tests.start_payment(%L, %L)', :'b1', 'stripe')), 'provider_not_configured', 'a rail that is switched off is refused');
select tests.as_visitor();
select is((select array_agg(provider) from public.payment_methods()), array['momo', 'payos', 'vietqr', 'vnpay', 'zalopay'], 'a rail that is switched off is not offered');
select tests.as_owner();

-- in parts ------------------------------------------------------------------------------------------------------
select tests.start_payment(:'b1', 'vietqr') as r1 \gset
select is(tests.provider_says(:'r1', 'succeeded', 1000000, p_transaction_id => 'p1'), 'part_received', 'a part of the sum is received');
select is(tests.provider_says(:'r1', 'succeeded', 1000000, p_transaction_id => 'p1'), 'part_received', 'the same part is received once');
select is(tests.provider_says(:'r1', 'succeeded', 1000000, p_transaction_id => 'p1', p_event_id => 'under another id'), 'duplicate', 'the same part under another event id is a duplicate');
select is(tests.provider_says(:'r1', 'succeeded', 3000000, p_transaction_id => 'p2'), 'part_received', 'a second part is received');
select is(tests.open_money() || '; ' || tests.state_of(:'b1'), 'underpaid 1000000, underpaid 3000000; pending_payment, processing', 'both parts wait, and so does the booking');
select is((select count(*)::int from public.notifications where template = 'payment_part_received' and user_id = :'renter'), 2, 'the payer is told what is missing after each part');
select is(tests.provider_says(:'r1', 'succeeded', 1000000, p_transaction_id => 'p3'), 'applied', 'the part that completes the sum pays');
select is(tests.open_money() || '; ' || tests.state_of(:'b1'), 'overpaid 185595; confirmed, succeeded', 'what is over the sum is kept apart');
select is(tests.provider_says(:'r1', 'succeeded', 700000, p_transaction_id => 'p4'), 'unmatched', 'more money for what is paid is kept apart');
select is(private.balance('escrow', :'b1') + private.balance('deposit', :'b1'), 4814405::bigint, 'escrow and deposit hold what was due');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after payment in parts');
select is((select count(*)::int from private.reconcile_ledger()), 0, 'the ledger agrees with the rows after payment in parts');

select tests.new_booking(40) as b2 \gset
select tests.start_payment(:'b2', 'payos') as r2 \gset
select is(tests.provider_says(:'r2', 'succeeded', 9000000, p_transaction_id => 'q1'), 'applied', 'too much at once pays the booking');
select is((select amount from private.unmatched_money where reason = 'overpaid' and provider = 'payos'), 4185595::bigint, 'what is over is left as unmatched money');

-- a provider that contradicts itself ------------------------------------------------------------------------------
select tests.new_booking(60) as b4 \gset
select tests.start_payment(:'b4') as r4 \gset
select is(tests.provider_says(:'r4', 'succeeded', 4814000, p_transaction_id => 'v1'), 'amount_mismatch', 'another sum than asked does not pay');
select is(tests.provider_says(:'r4', 'succeeded', 4814405, p_transaction_id => 'v1'), 'applied', 'the right sum of the same transaction pays');
select is((select settlement from private.unmatched_money where transaction_id = 'v1'), 'void', 'the right sum takes the place of the wrong one');
select is(tests.provider_says(:'r4', 'succeeded', 4814001, p_transaction_id => 'v1'), 'amount_mismatch', 'a third sum of the same transaction does not pay');
select is((select count(*)::int from private.unmatched_money where transaction_id = 'v1' and status = 'open'), 0, 'a third sum of the same transaction moves no money');
select is((select count(*)::int from private.payment_events where outcome = 'needs_review'), 1, 'a third sum of the same transaction needs review');
select tests.settle();
select is((select count(*)::int from private.reconcile_ledger()), 0, 'the ledger agrees with the rows after a third sum');
select tests.as_user(:'stranger');
select is(tests.outcome('select * from public.payment_events_needing_review()'), 'forbidden', 'a stranger cannot list what needs review');
select tests.as_user(:'admin');
select is((select count(*)::int from public.payment_events_needing_review()), 1, 'an admin sees what needs review');
select id as event from public.payment_events_needing_review() \gset
select is(tests.outcome(format($$ select public.acknowledge_payment_event(%s, ' ') $$, :event)), 'invalid_input', 'a review without a note is refused');
select public.acknowledge_payment_event(:event, 'asked the provider');
select is((select count(*)::int from public.payment_events_needing_review()), 0, 'a reviewed event is no longer in the list');
select is(tests.outcome(format($$ select public.acknowledge_payment_event(%s, 'again') $$, :event)), 'not_found', 'an event cannot be reviewed twice');

-- settling ----------------------------------------------------------------------------------------------------------
select tests.as_owner();
select is(tests.provider_says('J00000000000009', 'succeeded', 4000000, p_transaction_id => 'lost'), 'unknown_reference', 'money under an unknown reference is kept');
select id as lost from private.unmatched_money where transaction_id = 'lost' \gset
select tests.new_booking(70) as b5 \gset
select id as p5 from public.payments where payable_id = :'b5' \gset
select tests.as_user(:'stranger');
select is(tests.outcome(format($$ select public.settle_unmatched_money(%L, 'keep', gen_random_uuid(), null, 'mine') $$, :'lost')), 'forbidden', 'a stranger cannot settle unmatched money');
select is(tests.outcome('select * from public.unmatched_money()'), 'forbidden', 'a stranger cannot list unmatched money');
select is(tests.outcome('select * from private.unmatched_money'), '42501', 'a stranger cannot read the table of unmatched money');
select tests.as_user(:'admin');
select is((select reason from public.unmatched_money() where id = :'lost'), 'unknown_reference', 'an admin sees unmatched money');
select is(tests.outcome($$ select * from public.unmatched_money('all') $$), 'invalid_input', 'unmatched money of an unknown state cannot be listed');
select is(tests.outcome($$ select * from public.unmatched_money('open', '{"id": 1}') $$), 'invalid_input', 'unmatched money cannot be listed from a wrong cursor');
select is(tests.outcome(format($$ select public.settle_unmatched_money(%L, 'steal', gen_random_uuid()) $$, :'lost')), 'invalid_input', 'an unknown way to settle is refused');
select is(tests.outcome(format($$ select public.settle_unmatched_money(%L, 'keep', gen_random_uuid()) $$, :'lost')), 'invalid_input', 'keeping money without a note is refused');
select is(tests.outcome(format($$ select public.settle_unmatched_money(%L, 'apply', gen_random_uuid()) $$, :'lost')), 'invalid_input', 'applying money to no payment is refused');
select is(tests.outcome(format($$ select public.settle_unmatched_money(%L, 'apply', gen_random_uuid(), gen_random_uuid()) $$, :'lost')), 'payment_not_found', 'applying money to a payment that does not exist is refused');
select is(tests.outcome(format($$ select public.settle_unmatched_money(gen_random_uuid(), 'refund', gen_random_uuid()) $$)), 'unmatched_not_found', 'money that does not exist cannot be settled');
select is(tests.outcome_details(format($$ select public.settle_unmatched_money(%L, 'apply', gen_random_uuid(), %L) $$, :'lost', :'p5')) ->> 'needed', '4814405', 'money that is not enough cannot be applied');
select tests.as_owner();
select tests.start_payment(:'b5', 'vnpay') as r5 \gset
select is(tests.provider_says(:'r5', 'succeeded', 900000, p_transaction_id => 'v5'), 'amount_mismatch', 'a wrong sum for the same payment is kept');
select tests.as_user(:'admin');
select is(public.settle_unmatched_money(:'lost', 'apply', 'eeeeeeee-0000-4000-8000-000000000001', :'p5', 'the bank lost the reference') ->> 'result', 'applied', 'two sums that are enough together pay');
select is((select note from public.unmatched_money('settled') where id = :'lost'), 'the bank lost the reference', 'the note of a settlement is kept');
select is(public.settle_unmatched_money(:'lost', 'apply', 'eeeeeeee-0000-4000-8000-000000000001', :'p5', 'the bank lost the reference') ->> 'result', 'applied', 'the same settlement with the same key is the same');
select is(tests.outcome(format($$ select public.settle_unmatched_money(%L, 'refund', gen_random_uuid()) $$, :'lost')), 'unmatched_not_found', 'settled money cannot be settled again');
select tests.as_owner();
select is(tests.state_of(:'b5'), 'confirmed, succeeded', 'money that an admin applies confirms the booking');
select is((select string_agg(reason || ' ' || amount, ', ') from private.unmatched_money where status = 'open' and provider = 'vnpay'), 'overpaid 85595', 'what is over after applying stays as unmatched money');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after applying money');

select id as rest from private.unmatched_money where status = 'open' and provider = 'vnpay' \gset
select tests.as_user(:'admin');
select public.settle_unmatched_money(:'rest', 'keep', gen_random_uuid(), null, 'agreed with the payer') ->> 'result' as kept \gset
select is(:'kept'::text, 'keep', 'an admin can keep unmatched money');
select tests.as_owner();
select is(private.balance('unmatched', :'rest'), 0::bigint, 'money that was kept is revenue');
select id as over from private.unmatched_money where amount = 185595 \gset
select id as twice from private.unmatched_money where amount = 700000 \gset
select tests.as_user(:'admin');
select (public.settle_unmatched_money(:'twice', 'refund', gen_random_uuid()) ->> 'refund_id') as refund \gset
select tests.as_owner();
select is((select status || ' ' || method from public.refunds where id = :'refund'), 'awaiting_account bank_transfer', 'a bank transfer goes back by bank transfer, once there is an account');
select is((select count(*)::int from public.notifications where template = 'refund_needs_account' and user_id = :'renter'), 1, 'the payer is asked for an account');
select is((select count(*)::int from private.outbox where topic = 'refund' and payload ->> 'refund_id' = :'refund'), 0, 'nothing is sent before there is an account');
select tests.as_user(:'renter');
select is((select count(*)::int from public.refunds where id = :'refund'), 1, 'the payer sees the refund');
select is((select status || ' ' || kind from public.my_refunds()), 'awaiting_account unmatched', 'the payer finds the refund in the own list, waiting for an account');
select ok((select payment_id is null and payable_id is null from public.my_refunds()), 'a refund of unmatched money belongs to no payment and no booking');
select tests.step_up(:'renter');
select public.set_bank_account('970436', '0011223344', 'NGUYEN VAN A', gen_random_uuid());
select tests.as_owner();
select is((select status from public.refunds where id = :'refund'), 'pending', 'an account that is named sets the refund going');
select ok((select available_at >= now() + interval '23 hours' from private.outbox where topic = 'refund' and payload ->> 'refund_id' = :'refund' and status = 'pending'), 'the account is used after its first day');
select is(public.refund_to_send(:'refund') -> 'refund' ->> 'status', 'awaiting_account', 'the account is not used before its first day');
update public.refunds set bank_account_id = null, status = 'awaiting_account' where id = :'refund';
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.record_manual_refund(%L, 'x') $$, :'refund')), 'invalid_input', 'a refund by hand needs the reference of the bank');
select is((public.record_manual_refund(:'refund', 'FT26325001')).status, 'succeeded', 'an admin can record a refund by hand');
select is((public.record_manual_refund(:'refund', 'FT26325001')).status, 'succeeded', 'the same record of a refund is the same');
select is(tests.outcome(format($$ select public.record_manual_refund(%L, 'FT26325002') $$, :'refund')), 'already_paid', 'another transfer for a paid refund is refused');
select tests.as_owner();
select is(private.balance('refund_payable', :'twice'), 0::bigint, 'nothing is owed after the refund by hand');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after the refund by hand');

-- of another payer -------------------------------------------------------------------------------------------------------
select tests.make_renter('neighbour') as neighbour \gset
select tests.make_booking(:'neighbour', :'vehicle', tests.hours(120), tests.hours(125)) as theirs \gset
select id as their_payment from public.payments where payable_id = :'theirs' \gset
select tests.new_booking(130) as b8 \gset
select tests.start_payment(:'b8', 'vnpay') as r8 \gset
select is(tests.provider_says(:'r8', 'succeeded', p_transaction_id => 'w1'), 'applied', 'a person pays the own booking');
select is(tests.provider_says(:'r8', 'succeeded', 5000000, p_transaction_id => 'w2'), 'unmatched', 'a person who pays again has unmatched money');
select id as strayed from private.unmatched_money where transaction_id = 'w2' \gset
select tests.new_booking(140) as b9 \gset
select id as own_payment from public.payments where payable_id = :'b9' \gset
create function tests.apply_to(p_unmatched_id uuid, p_payment_id uuid, p_note text default null) returns text language sql volatile
as $$ select tests.outcome(format('select public.settle_unmatched_money(%L, %L, gen_random_uuid(), %L, %L)', p_unmatched_id, 'apply', p_payment_id, p_note)) $$;
select tests.as_user(:'admin');
select is(
  tests.outcome_details(format($$ select public.settle_unmatched_money(%L, 'apply', gen_random_uuid(), %L) $$, :'strayed', :'their_payment')) ->> 'field',
  'note', 'money of one payer cannot pay for another without a note');
select is(tests.apply_to(:'strayed', :'their_payment', ' x '), 'invalid_input', 'money of one payer cannot pay for another with an empty note');
select tests.as_owner();
savepoint applied;
select tests.as_user(:'admin');
select is(tests.apply_to(:'strayed', :'own_payment'), 'ok', 'their own payment needs no note');
select tests.as_owner();
rollback to savepoint applied;
select tests.as_user(:'admin');
select is(tests.apply_to(:'strayed', :'their_payment', 'paid for a friend, wrote to us'), 'ok', 'money of one payer can pay for another with a note');
select tests.as_owner();
select is(tests.state_of(:'theirs') || '; ' || (select note from private.unmatched_money where id = :'strayed'), 'confirmed, succeeded; paid for a friend, wrote to us', 'the note is kept with the money');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after paying for another');

-- goodwill -------------------------------------------------------------------------------------------------------------
select tests.as_user(:'stranger');
select is(tests.outcome(format($$ select public.refund_payment(%L, 1000, 'sorry', gen_random_uuid()) $$, :'p5')), 'forbidden', 'a stranger cannot give goodwill');
select tests.as_user(:'admin');
select is(tests.outcome_details(format($$ select public.refund_payment(%L, 1000, 'sorry', gen_random_uuid()) $$, :'p5')) ->> 'refundable', '0', 'goodwill cannot be given before the booking is over');
select tests.as_owner();
select tests.move_trip(:'b5', -1);
select tests.inspect('check_in', :'renter', :'b5', 10), tests.inspect('check_out', :'renter', :'b5', 20);
delete from private.step_ups where user_id = :'admin';
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.refund_payment(%L, 1000, 'sorry', gen_random_uuid()) $$, :'p5')), 'step_up_required', 'an admin''s session without a step-up cannot give goodwill');
select tests.step_up(:'admin');
select is(tests.outcome_details(format($$ select public.refund_payment(%L, 1814406, 'sorry', gen_random_uuid()) $$, :'p5')) ->> 'refundable', '1814405', 'goodwill cannot be more than is left beside the deposit');
select is((public.refund_payment(:'p5', 50000, 'sorry', 'eeeeeeee-0000-4000-8000-000000000002')).kind, 'goodwill', 'an admin can give part of what is left');
select is((public.refund_payment(:'p5', 50000, 'sorry', 'eeeeeeee-0000-4000-8000-000000000002')).amount, 50000::bigint, 'the same goodwill with the same key is the same');
select is(
  tests.outcome_details(format($$ select public.refund_payment(%L, 50000, ' sorry ', gen_random_uuid()) $$, :'p5')) - 'created_at',
  jsonb_build_object('code', 'refund_repeated', 'refund_id', (select id from public.refunds where payable_id = :'b5' and kind = 'goodwill')),
  'goodwill of the same sum and reason with another key is refused, with the first in the details');
select is((public.refund_payment(:'p5', 60000, 'still sorry', gen_random_uuid())).amount, 60000::bigint, 'goodwill of another sum can be given too');
select tests.as_owner();
savepoint again;
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.refund_payment(%L, 50000, 'sorry for the car too', gen_random_uuid()) $$, :'p5')), 'ok', 'goodwill of the same sum for another reason can be given');
select tests.as_owner();
update public.refunds set created_at = now() - interval '11 minutes' where payment_id = :'p5' and amount = 50000 and reason = 'sorry';
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.refund_payment(%L, 50000, 'sorry', gen_random_uuid()) $$, :'p5')), 'ok', 'the same goodwill for the same reason can be given later');
select tests.as_owner();
rollback to savepoint again;
select tests.as_owner();
select is((select count(*)::int from public.refunds where payable_id = :'b5' and kind = 'goodwill'), 2, 'two gifts of goodwill remain in all');
select is(private.balance('refund_payable', :'b5'), 110000::bigint, 'goodwill is owed to the payer');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after goodwill');

-- news of refunds ---------------------------------------------------------------------------------------------------------
update private.payment_providers set enabled = true where provider = 'stripe';
select tests.new_booking(90) as b6 \gset
select tests.start_payment(:'b6', 'stripe') as r6 \gset
select is(tests.provider_says(:'r6', 'succeeded', p_transaction_id => 'pi_1'), 'applied', 'a booking can be paid by card');
select tests.as_user(:'renter');
select tests.cancel_booking(:'b6');
select tests.as_owner();
create function tests.refund_news(p_event text, p_id text, p_outcome text, p_amount bigint)
returns text
language sql volatile
as $$ select public.apply_refund_event((public.record_payment_event('stripe', p_event, true, null, 'raw') ->> 'event_id')::bigint, p_id, 'pi_1', p_outcome, p_amount, 'VND') $$;
select is(tests.refund_news('e1', 're_1', 'processing', 4814405), 'recorded', 'a report that is faster than the answer finds its refund');
select is((select status || ' ' || provider_refund_id from public.refunds where payable_id = :'b6'), 'processing re_1', 'a report that is faster than the answer gives the refund its id');
select is(tests.refund_news('e2', 're_1', 'succeeded', 4814405), 'recorded', 'a report of success ends the refund');
select is(tests.refund_news('e2', 're_1', 'succeeded', 4814405), 'duplicate', 'the same report of success is a duplicate');
select is(tests.refund_news('e3', 're_1', 'failed', 4814405), 'needs_review', 'a refund that comes back after its success needs review');
select is(tests.refund_news('e4', 're_2', 'succeeded', 5000), 'needs_review', 'a refund that was made elsewhere needs review');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after the reports');

-- the refunds of a payer ---------------------------------------------------------------------------------------------------
-- one transaction has one time; the two of goodwill keep it in common, so that their ids decide
update public.refunds set created_at = created_at - case kind when 'unmatched' then interval '2 hours' when 'goodwill' then interval '1 hour' else '0' end
where payer_id = :'renter';
select array_agg(id order by created_at desc, id desc)::text as mine, count(*) as many from public.refunds where payer_id = :'renter' \gset
create function tests.refund_pages(p_size int)
returns uuid[]
language plpgsql stable
as $$
declare
  v_seen uuid[] := '{}';
  v_page jsonb;
  v_after jsonb;
begin
  loop
    select jsonb_agg(to_jsonb(r)) into v_page from public.my_refunds(v_after, p_size) r;
    exit when v_page is null;
    v_seen := v_seen || array(select (x.one ->> 'id')::uuid from jsonb_array_elements(v_page) with ordinality x (one, place) order by x.place);
    v_after := v_page -> -1;
  end loop;
  return v_seen;
end
$$;
select tests.as_visitor();
select is(tests.outcome('select * from public.my_refunds()'), '42501', 'a visitor cannot list refunds');
select tests.as_user(:'stranger');
select is((select count(*)::int from public.my_refunds()), 0, 'a stranger has an empty list of refunds');
select tests.as_user(:'host');
select is((select count(*)::int from public.refunds), 0, 'a host reads no refund');
select ok((select jsonb_array_length(public.booking_detail(id) -> 'refunds') > 0 from public.bookings where status = 'cancelled' limit 1), 'a host sees what goes back of the own bookings');
select is((select count(*)::int from public.my_refunds()), 0, 'a host has no refunds in the own list');
select tests.as_user(:'admin');
select is((select count(*)::int from public.my_refunds()), 0, 'an admin has no refunds in the own list');
select tests.as_user(:'renter');
select is(array(select kind from public.my_refunds()), array['cancellation', 'goodwill', 'goodwill', 'unmatched'], 'the payer lists all own refunds, newest first');
select is(tests.refund_pages(1), :'mine'::uuid[], 'pages of one list each refund once, also where two are of one moment');
select is(tests.refund_pages(3), :'mine'::uuid[], 'pages of three list each refund once');
select is((select count(*)::int from public.my_refunds() r where to_jsonb(r) = private.refund_view(r.id)), :many, 'a refund in the list is the same as inside its payment');
select is(tests.outcome($$ select public.my_refunds('{"created_at": "x"}') $$), 'invalid_input', 'refunds cannot be listed from a wrong cursor');
select is(tests.outcome('select public.my_refunds(null, 101)'), 'invalid_input', 'more than a hundred refunds cannot be listed at once');
select tests.as_owner();

-- asked once more ------------------------------------------------------------------------------------------------------
create function tests.asked_again(p_reference text)
returns boolean
language plpgsql volatile
as $$
begin
  delete from private.outbox where topic = 'reconcile';
  perform private.enqueue_reconciliations('0 seconds');
  return exists (select from private.outbox o join public.payment_attempts a on a.id::text = o.payload ->> 'attempt_id' where o.topic = 'reconcile' and a.reference = p_reference);
end
$$;
select tests.new_booking(110) as b7 \gset
select tests.start_payment(:'b7', 'vietqr') as r7 \gset
select tests.start_payment(:'b7', 'vnpay') as r8 \gset
select is(tests.provider_says(:'r8', 'failed', 0, p_transaction_id => 'none'), 'applied', 'a card payment fails');
select is(tests.provider_says(:'r7', 'succeeded', p_transaction_id => 's1'), 'applied', 'a bank transfer pays');
select ok(not tests.asked_again(:'r7'), 'what is paid is not asked about at once');
select ok(not tests.asked_again(:'r8'), 'what has failed is not asked about at once');
update public.payment_attempts set recheck_at = now() - interval '1 minute', checked_at = now() - interval '1 hour' where reference in (:'r7', :'r8');
select ok(tests.asked_again(:'r7'), 'a paid try is asked about again once its time is over, as a second transfer may have followed');
select ok(tests.asked_again(:'r8'), 'a failed try is asked about again once its time is over, as another card may have followed');
select id as a7 from public.payment_attempts where reference = :'r7' \gset
select is((public.note_reconciliation(:'a7', 'no_answer')).recheck_at is not null, true, 'a try that got no answer is asked about again');
select is((public.note_reconciliation(:'a7', 'final')).recheck_at is null, true, 'a try that got a final answer is done');
select ok(not tests.asked_again(:'r7'), 'a try that is done is not asked about again');
select is((select recheck_at from public.payment_attempts a join public.payments p on p.id = a.payment_id where p.payable_id = :'b6'), null, 'a rail that takes no parts is not asked again');

-- the proof ---------------------------------------------------------------------------------------------------------------
select private.post_ledger('test', 'slip', 'VND', null, array[('clearing', 'vnpay', 5), ('platform_revenue', '', -5)]::private.ledger_line[]);
select tests.settle();
select results_eq('select problem, provider, subject, expected_amount, found_amount from private.reconcile_ledger()', $$ values ('test', 'vnpay', 'slip', null::bigint, 5::bigint) $$, 'the proof names an entry that no row explains');
select tests.as_user(:'admin');
select is((select count(*)::int from public.reconcile_ledger()), 1, 'an admin can read the proof of the ledger');
select tests.as_user(:'stranger');
select is(tests.outcome('select * from public.reconcile_ledger()'), 'forbidden', 'a stranger cannot read the proof of the ledger');

select * from finish();
rollback;

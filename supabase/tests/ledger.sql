-- The ledger: who reads it, what cannot be posted, and how a wrong movement is put right.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('earner') as earner \gset
select tests.make_paid_booking(:'renter', tests.make_vehicle(:'earner'), tests.hours(30), tests.hours(40)) as booking,
  tests.make_paid_booking(:'renter', tests.make_vehicle(:'earner'), tests.hours(100), tests.hours(110)) as b3 \gset
select tests.drive(:'b3', -12);
select tests.as_user(:'earner');
select public.release_deposit(:'b3', gen_random_uuid());

-- who reads it -----------------------------------------------------------------------------------------------------
select is(tests.outcome($$ select * from private.ledger_entries $$), '42501', 'a person cannot read the ledger');
select is(tests.outcome($$ select private.balance('escrow', 'x') $$), '42501', 'a person cannot ask for the balance of an account');

-- what cannot be posted -----------------------------------------------------------------------------------------------
select tests.as_owner();
select tests.settle();
select is(tests.outcome($$ select private.post_ledger('test', 'one leg', 'VND', null, array[('clearing', 'vnpay', 5)::private.ledger_line]); set constraints all immediate $$), '23514', 'a movement of one leg cannot be stored');
set constraints all deferred;
select is(tests.outcome($$ select private.post_ledger('test', 'uneven', 'VND', null, array[('clearing', 'vnpay', 5), ('unmatched', '', -4)]::private.ledger_line[]); set constraints all immediate $$), '23514', 'a movement of uneven legs cannot be stored');
select is(tests.outcome($$ select private.post_ledger('test', 'nothing', 'VND', null, array[('clearing', 'vnpay', null), ('unmatched', '', null)]::private.ledger_line[]) $$), '23502', 'a movement without amounts cannot be stored');
set constraints all deferred;
select is(tests.outcome(format($$ select private.post_ledger('test', 'too much', 'VND', null, array[('escrow', %L, 9000000), ('clearing', 'vnpay', -9000000)]::private.ledger_line[]); set constraints all immediate $$, :'booking')), '23514', 'more than is in escrow cannot be taken out');
set constraints all deferred;
select is(tests.outcome($$ select private.post_ledger('test', 'fine', 'VND', null, array[('clearing', 'vnpay', 5), ('unmatched', '', -5)]::private.ledger_line[]); set constraints all immediate $$), 'ok', 'a movement of even legs can be stored');
set constraints all deferred;
select is(tests.outcome($$ select private.post_ledger('test', 'fine', 'VND', null, array[('clearing', 'vnpay', 5), ('unmatched', '', -5)]::private.ledger_line[]) $$), '23505', 'the same movement cannot be stored twice');
select is(tests.outcome($$ insert into private.ledger_entries (transaction_id, account_id, currency, amount) select min(t.id), min(a.id), 'VND', 0 from private.ledger_transactions t, private.ledger_accounts a $$), '23514', 'a leg of zero cannot be stored');
-- an even pair of legs, of which the second is of another account
create function tests.two_legs(p_transaction text, p_account text, p_leg text)
returns text
language sql volatile
as $$
  insert into private.ledger_accounts (kind, owner, currency)
  select 'clearing', 'vnpay', c from unnest(array['VND', 'USD']) c on conflict do nothing;
  with posted as (
    insert into private.ledger_transactions (event, reference, currency) values ('test', gen_random_uuid()::text, p_transaction) returning id
  )
  select tests.outcome(format('insert into private.ledger_entries (transaction_id, account_id, currency, amount) values (%1$s, %2$s, %4$L, 5), (%1$s, %3$s, %4$L, -5)',
    posted.id, vnd.id, other.id, p_leg))
  from posted, private.ledger_accounts vnd, private.ledger_accounts other
  where (vnd.kind, vnd.owner, vnd.currency) = ('clearing', 'vnpay', p_leg) and (other.kind, other.owner, other.currency) = ('clearing', 'vnpay', p_account)
$$;
select is(tests.two_legs('VND', 'VND', 'VND'), 'ok', 'legs of one currency can be stored');
select is(tests.two_legs('VND', 'USD', 'VND'), '23503', 'dong on an account of dollars cannot be stored, even by the owner of the table');
select is(tests.two_legs('USD', 'VND', 'VND'), '23503', 'dong in a transaction of dollars cannot be stored');
select is((select sum(amount) from private.ledger_entries), 0::numeric, 'all entries of the ledger add up to zero');

-- putting right what was posted wrongly ----------------------------------------------------------------------------------
-- What the proof says of a movement.
create function tests.proof(p_reference text)
returns text
language sql stable
as $$
  select string_agg(concat_ws(' ', r.problem, case when r.provider in ('', 'vnpay') then r.provider else 'of somebody' end, coalesce(r.expected_amount::text, '-'), coalesce(r.found_amount::text, '-')), ', ' order by r.problem)
  from private.reconcile_ledger() r where r.subject = p_reference
$$;
create function tests.movement(p_event text, p_reference text)
returns bigint
language sql stable
as $$ select id from private.ledger_transactions where event = p_event and reference = p_reference $$;
select private.post_ledger('bonus', 'slip', 'VND', null, array[('platform_revenue', '', 100), ('host_payable', :'earner', -100)]::private.ledger_line[]);
select is(tests.proof('slip'), 'bonus on host_payable of somebody - -100, bonus on platform_revenue  - 100', 'the proof finds a movement that no command posts');
select tests.movement('bonus', 'slip') as slip \gset
select is(tests.outcome($$ select private.reverse_movement(-1, 'INC-7') $$), '22023', 'a movement that does not exist cannot be taken back');
select is(tests.outcome(format('select private.reverse_movement(%s, %L)', :slip, ' ')), '22023', 'a movement cannot be taken back without a reason');
select is(tests.outcome($$ select private.post_ledger('correction', 'INC-7', 'VND', null, array[('platform_revenue', '', -100), ('unmatched', 'x', 100)]::private.ledger_line[]) $$), '23514', 'a correction must name what it corrects');
select private.correct_movement(:slip, 'INC-7: by mistake', array[('platform_revenue', '', -60), ('host_payable', :'earner', 60)]::private.ledger_line[]) as half \gset
select is(tests.proof('slip'), 'bonus on host_payable of somebody - -40, bonus on platform_revenue  - 40', 'a correction of half a movement leaves the other half in the proof');
savepoint wrong;
select private.correct_movement(:slip, 'INC-7: wrongly', array[('platform_revenue', '', 7), ('host_payable', :'earner', -7)]::private.ledger_line[]) as wrong \gset
select private.reverse_movement(:wrong, 'INC-7: that was wrong');
select is(tests.proof('slip'), 'bonus on host_payable of somebody - -40, bonus on platform_revenue  - 40', 'a wrong correction can be taken back alone');
rollback to wrong;
select private.reverse_movement(:slip, 'INC-7: by mistake') as rest \gset
select is(tests.proof('slip'), null, 'a movement and its corrections can be taken back as one');
select is(tests.outcome(format('select private.reverse_movement(%s, %L)', :slip, 'INC-7')), '22023', 'a movement that was taken back cannot be taken back again');
select is((select array_agg(reference order by id) from private.ledger_transactions where corrects = :slip), array[:slip || '.1', :slip || '.2'], 'each correction is a movement of its own');
select is((select array_agg(data ->> 'reference' order by id) from private.domain_events where type = 'ledger.correction' and reason = 'INC-7: by mistake'), array[:slip || '.1', :slip || '.2'], 'each correction is in the log with its reason');
select is(private.balance('host_payable', :'earner'), 1360001::bigint, 'corrections leave the host what was earned');
select tests.movement('booking_completed', :'b3') as right_one \gset
select private.reverse_movement(:right_one, 'taken for a mistake');
select is(tests.proof(:'b3'), 'booking_completed on escrow of somebody 1814405 -, booking_completed on host_payable of somebody -1360001 -, booking_completed on platform_revenue  -320003 -, booking_completed on tax_payable  -134401 -', 'the proof finds a right movement that was taken back');
select private.correct_movement(:right_one, 'was right after all', array_agg((a.kind, a.owner, e.amount)::private.ledger_line))
from private.ledger_entries e join private.ledger_accounts a on a.id = e.account_id where e.transaction_id = :right_one;
select is(tests.proof(:'b3'), null, 'the proof is quiet once the ledger is as the booking says');
select private.post_ledger('payout_reserved', 'nobody', 'VND', null, array[('host_payable', :'earner', 5), ('payout_payable', 'nobody', -5)]::private.ledger_line[]);
select private.reverse_movement(tests.movement('payout_reserved', 'nobody'), 'no such payout');
select tests.as_user(:'earner');
select results_eq('select available, pending from public.my_balance()', 'values (1360001::bigint, 0::bigint)', 'a correction of a payout does not count as earned');
select tests.as_owner();
select tests.settle();
select is((select count(*)::int from private.check_invariants() where invariant = 'host_balance_disagrees'), 0, 'a correction of a payout leaves the balance of the host as it was');
select private.post_ledger('bonus', 'XTS', 'XTS', null, array[('platform_revenue', '', 100), ('host_payable', :'earner', -100)]::private.ledger_line[]);
select is(tests.proof('XTS'), null, 'the currency of tests is not proven');

select * from finish();
rollback;

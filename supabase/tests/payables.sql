-- Payables: a second kind, which exists in this test only, is paid by the same code: passes to a room, one per day.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_user('payer') as payer, tests.make_user('other') as other, tests.make_user('owner') as owner, tests.make_admin('admin') as admin \gset

-- the module that owns the kind --------------------------------------------------------------------------------------
create table tests.passes (
  id uuid primary key,
  day int not null,
  price bigint not null,
  status text not null default 'open',
  locked int not null default 0,
  refunds uuid[] not null default '{}'
);
create unique index passes_one_per_day on tests.passes (day) where status in ('sold', 'used');
create function private.lock_pass(p_id uuid) returns void language sql volatile
as $$ update tests.passes set locked = locked + 1 where id = p_id $$;
create function private.settle_pass(p_id uuid) returns boolean language plpgsql volatile
as $$
begin
  update tests.passes p set status = 'sold'
  where id = p_id and status in ('open', 'expired')
    and not exists (select from tests.passes o where o.day = p.day and o.status in ('sold', 'used'));
  return found;
end
$$;
create function private.expire_pass(p_id uuid) returns void language sql volatile
as $$ update tests.passes set status = 'expired' where id = p_id and status = 'open' $$;
create function private.cancel_pass(p_id uuid, p_reason text) returns void language plpgsql volatile
as $$
declare
  v_price bigint;
begin
  update tests.passes set status = 'cancelled' where id = p_id and status = 'sold' returning price into v_price;
  if not found then
    perform private.fail('payment_not_refundable');
  end if;
  perform private.post_ledger('pass_cancelled', p_id::text, 'VND', p_id, array[
    ('escrow', p_id::text, v_price), ('refund_payable', p_id::text, -v_price)]::private.ledger_line[]);
  perform private.order_refund(p_id, 'pass_cancelled', v_price, v_price, v_price / 10);
end
$$;
create function private.pass_lines(p_id uuid) returns jsonb language sql stable
as $$ select jsonb_build_array(jsonb_build_object('code', 'pass', 'amount', price)) from tests.passes where id = p_id $$;
create function private.note_pass_refund(p_id uuid, p_refund_id uuid) returns void language sql volatile
as $$ update tests.passes set refunds = refunds || p_refund_id where id = p_id $$;
create function private.passes_expected_lines() returns setof private.expected_line language sql stable
as $$
  select l.movement, p.id::text, p.id, 'VND', l.kind, l.owner, l.amount
  from tests.passes p
  cross join lateral (
    values
      ('pass_cancelled', p.status = 'cancelled', 'escrow', p.id::text, p.price),
      ('pass_cancelled', p.status = 'cancelled', 'refund_payable', p.id::text, -p.price),
      ('pass_used', p.status = 'used', 'escrow', p.id::text, p.price),
      ('pass_used', p.status = 'used', 'host_payable', (select id::text from public.profiles where display_name = 'owner'), -p.price)
  ) l (movement, happened, kind, owner, amount)
  where l.happened
$$;

-- what is registered exists ---------------------------------------------------------------------------------------
select is(tests.outcome($$ insert into private.payable_kinds values ('pass', 'lock_pass', 'settle_nothing', 'expire_pass', 'cancel_pass', 'pass_lines', null) $$), '42883', 'a kind whose function does not exist is refused');
select is(tests.outcome($$ insert into private.payable_kinds values ('pass', 'lock_pass', 'lock_pass', 'expire_pass', 'cancel_pass', 'pass_lines', null) $$), '42883', 'a kind whose function answers something else is refused');
select is(tests.outcome($$ insert into private.ledger_proofs values ('no_such_lines', 'expected_line') $$), '42883', 'a proof that does not exist is refused');
select is(tests.outcome(format($$ insert into public.payables (id, kind, payer_id, code, title, amount, currency, split, sold_amount, tax_amount)
  values (gen_random_uuid(), 'pass', %L, 'P', 'Pass', 1, 'VND', '{}', 0, 0) $$, :'payer')), '23514', 'a payable whose parts do not add up is refused');
select is(tests.outcome(format($$ insert into public.payables (id, kind, payer_id, code, title, amount, currency, split, sold_amount, tax_amount)
  values (gen_random_uuid(), 'pass', %L, 'P', 'Pass', 1, 'VND', array[('escrow', 'x', -1)]::private.ledger_line[], 1, 0) $$, :'payer')), '23503', 'a payable of an unknown kind is refused');
insert into private.payable_kinds (kind, lock_function, settle_function, expire_function, cancel_function, lines_function, refunded_function)
values ('pass', 'lock_pass', 'settle_pass', 'expire_pass', 'cancel_pass', 'pass_lines', 'note_pass_refund');
insert into private.ledger_proofs values ('passes_expected_lines', 'expected_line');
insert into private.refund_kinds values ('pass_cancelled', 'The price of a pass');
insert into private.receipt_labels values ('pass', 'en', 'Pass for a day'), ('pass', 'vi', 'Vé ngày');

create function tests.make_pass(p_payer_id uuid, p_day int, p_code text, p_price bigint default 100000)
returns uuid
language plpgsql volatile
as $$
declare
  v_id uuid := gen_random_uuid();
begin
  insert into tests.passes (id, day, price) values (v_id, p_day, p_price);
  perform private.open_payment(v_id, 'pass', p_payer_id, p_code, 'Room, day ' || p_day, null, null, p_price, 'VND',
    array[('escrow', v_id::text, -p_price)]::private.ledger_line[], p_price, p_price / 10, now() + interval '15 minutes');
  return v_id;
end
$$;
create function tests.pass_is(p_id uuid)
returns text
language sql stable
as $$
  select concat_ws(', ', s.status, p.status, p.settlement, private.balance('escrow', s.id::text), private.balance('refund_payable', s.id::text))
  from tests.passes s join public.payments p on p.payable_id = s.id where s.id = p_id
$$;

-- paid ---------------------------------------------------------------------------------------------------------------
select tests.make_pass(:'payer', 1, 'PASS-1') as paid \gset
select id as payment from public.payments where payable_id = :'paid' \gset
select tests.as_user(:'payer');
select is(public.payment_status(:'payment') -> 'payable' ->> 'title', 'Room, day 1', 'the payer reads what the payment is for');
select is((select code from public.payables), 'PASS-1', 'the payer reads the payable');
select is(tests.outcome('select split from public.payables'), '42501', 'the payer does not read how it is split');
select tests.as_user(:'other');
select is((select count(*)::int from public.payables), 0, 'a stranger reads no payable');
select tests.as_owner();
select is(tests.pay(:'paid'), 'applied', 'a payment in time is applied');
select is(tests.pass_is(:'paid'), 'sold, succeeded, kept, 100000, 0', 'it is sold, and its money is where the split says');
select ok((select locked > 0 from tests.passes where id = :'paid'), 'its own locks are taken');
select is(tests.outcome(format('update public.payables set amount = amount + 1 where id = %L', :'paid')), '42501', 'what was agreed cannot be changed');
select is(tests.outcome(format(
  $$ insert into public.payments (payable_id, payer_id, amount, currency, expires_at)
     select id, payer_id, amount, currency, now() from public.payables where id = %L $$, :'paid')), '23505', 'a payable has one payment');

-- twice --------------------------------------------------------------------------------------------------------------
select is(tests.provider_says((select reference from public.payment_attempts where payment_id = :'payment'), p_transaction_id => 'second'), 'unmatched', 'a second payment of it is kept apart');
select is((select reason || ' ' || amount from private.unmatched_money where transaction_id = 'second'), 'paid_twice 100000', 'a second payment has a reason of its own');

-- late ---------------------------------------------------------------------------------------------------------------
select tests.make_pass(:'other', 2, 'PASS-2') as late \gset
select tests.start_payment(:'late') as late_reference \gset
update public.payments set expires_at = now() - interval '1 second' where payable_id = :'late';
select is(private.expire_overdue_payments(), 1, 'the job ends what is overdue');
select is(tests.pass_is(:'late'), 'expired, expired, 0, 0', 'the owner of what is overdue ends it too');
select is(tests.outcome(format('select tests.start_payment(%L)', :'late')), 'payment_not_payable', 'what is over cannot be paid');
select is(tests.provider_says(:'late_reference'), 'applied', 'money that comes late pays it when it is still free');
select is(tests.pass_is(:'late'), 'sold, succeeded, kept, 100000, 0', 'it is taken again');
select tests.make_pass(:'payer', 2, 'PASS-3') as gone \gset
select is(tests.pay(:'gone'), 'refunded_late', 'money for what is gone goes back');
select is(tests.pass_is(:'gone'), 'open, succeeded, gone, 0, 100000', 'all of it is owed');
select is((select kind || ' ' || amount || ' ' || status from public.refunds where payable_id = :'gone'), 'late_payment 100000 pending', 'its refund is ordered');
select is((select data ->> 'pass_id' from public.notifications where template = 'payment_late_refunded' and user_id = :'payer'), :'gone', 'the payer is told, and led to it');
select is((public.record_refund_result(id, 'succeeded', 'back-1')).status, 'succeeded', 'it is paid back') from public.refunds where payable_id = :'gone';
select is((select refunds from tests.passes where id = :'gone'), (select array_agg(id) from public.refunds where payable_id = :'gone'), 'the owner hears that a refund was paid');
update tests.passes set status = 'expired' where id = :'gone';

-- receipts -----------------------------------------------------------------------------------------------------------
select is((select count(*)::int from private.outbox where topic = 'receipt' and dedupe_key = 'receipt:' || :'payment'), 1, 'a receipt is ordered');
select is((public.issue_receipt('receipt', :'payment')).total, 100000::bigint, 'it is issued over what was sold');
select is((select content -> 'lines' from public.receipts where payable_id = :'paid'), '[{"label": "Pass for a day", "amount": 100000}]', 'a receipt has the lines of the owner');
select is((select content ->> 'tax' from public.receipts where payable_id = :'paid'), '10000', 'a receipt says the tax in it');
select is(tests.outcome(format($$ select public.issue_receipt('receipt', (select id from public.payments where payable_id = %L)) $$, :'gone')), 'receipt_not_found', 'what was gone has no receipt');

-- frozen and called off ----------------------------------------------------------------------------------------------
select tests.as_user(:'payer');
select is(tests.outcome(format($$ select public.cancel_payable(%L, 'why', gen_random_uuid()) $$, :'paid')), 'forbidden', 'a payer does not call off by the command of admins');
select tests.as_user(:'admin');
select is(tests.outcome($$ select public.cancel_payable(gen_random_uuid(), 'why', gen_random_uuid()) $$), 'payable_not_found', 'what is not there is not called off');
select is(tests.outcome(format($$ select public.cancel_payable(%L, ' ', gen_random_uuid()) $$, :'paid')), 'invalid_input', 'a reason is needed');
select is(public.cancel_payable(:'paid', 'the room is flooded', 'cccccccc-0000-4000-8000-000000000001') ->> 'code', 'PASS-1', 'an admin calls it off');
select is(public.cancel_payable(:'paid', 'the room is flooded', 'cccccccc-0000-4000-8000-000000000001') ->> 'code', 'PASS-1', 'the same call again is the same');
select is(tests.outcome(format($$ select public.cancel_payable(%L, 'again', gen_random_uuid()) $$, :'paid')), 'payment_not_refundable', 'its owner refuses what is too late');
select tests.as_owner();
select is(tests.pass_is(:'paid'), 'cancelled, succeeded, kept, 0, 100000', 'its money is owed back');
select (public.record_refund_result(id, 'succeeded', 'back-2')).id as refund from public.refunds where payable_id = :'paid' \gset
select is(tests.pass_is(:'paid'), 'cancelled, refunded, kept, 0, 0', 'it is given back');
select is((public.issue_receipt('credit_note', :'refund')).total, 100000::bigint, 'a credit note says what was sold');

-- used: earned, waiting, frozen, paid out ------------------------------------------------------------------------------
update tests.passes set status = 'used' where id = :'late';
update public.payables set earnings_wait_until = now() + interval '1 day' where id = :'late';
select private.post_ledger('pass_used', :'late', 'VND', :'late', array[('escrow', :'late', 100000), ('host_payable', :'owner', -100000)]::private.ledger_line[]);
select tests.as_user(:'owner');
select is((select available || ' ' || pending from public.my_balance()), '0 100000', 'what is earned waits as long as the payable says');
select tests.as_owner();
update public.payables set earnings_wait_until = now() where id = :'late';
select tests.as_user(:'admin');
select is(public.freeze_payable(:'late', 'a complaint') ->> 'frozen', 'true', 'an admin freezes its money');
select tests.as_user(:'owner');
select is((select available || ' ' || pending from public.my_balance()), '0 100000', 'frozen, it waits on');
select tests.as_user(:'admin');
select is(public.unfreeze_payable(:'late') ->> 'frozen', 'false', 'an admin unfreezes it');
select tests.as_user(:'owner');
select is((select available || ' ' || pending from public.my_balance()), '100000 0', 'what is unfrozen can be paid out');
select tests.as_user(:'admin');
select id as late_payment from public.payments where payable_id = :'late' \gset
select is((public.refund_payment(:'late_payment', 40000, 'a broken chair', gen_random_uuid())).credit_amount, 40000::bigint, 'part of what is over is given back out of goodwill');
select is(tests.outcome(format($$ select public.refund_payment(%L, 60001, 'too much', gen_random_uuid()) $$, :'late_payment')), 'payment_not_refundable', 'never more than was paid');

-- and all of it is proven ----------------------------------------------------------------------------------------------
select tests.as_owner();
select tests.settle();
select is((select count(*)::int from private.reconcile_ledger()), 0, 'the ledger is what the rows say');
select is(tests.broken_promises(), null, 'no invariant is violated');
update tests.passes set price = price + 1 where id = :'late';
select ok((select count(*) > 0 from private.reconcile_ledger() where subject = :'late'), 'a row that says otherwise is named');

select * from finish();
rollback;

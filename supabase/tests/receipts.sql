-- Receipts: what was paid for, on paper, numbered without a hole.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
select tests.make_vehicle(:'host') as vehicle \gset
delete from private.outbox;
update private.settings set value = '{"name": "Journey JSC", "address": "1 Tràng Tiền, Hà Nội", "tax_code": "0101234567"}' where key = 'seller';
select 'R' || to_char(now() at time zone 'Asia/Ho_Chi_Minh', 'YYYY') as series, 'C' || to_char(now() at time zone 'Asia/Ho_Chi_Minh', 'YYYY') as credits \gset

-- ordered in the transaction that earns it --------------------------------------------------------------------------
select tests.make_booking(:'renter', :'vehicle', tests.hours(100), tests.hours(110)) as booking \gset
select id as payment from public.payments where payable_id = :'booking' \gset
select is((select count(*)::int from private.outbox where topic = 'receipt'), 0, 'no receipt is ordered for what is not paid');
select tests.as_service();
select is(tests.outcome(format($$ select public.issue_receipt('receipt', %L) $$, :'payment')), 'receipt_not_found', 'no receipt can be issued for what is not paid');
select tests.as_owner();
select tests.pay(:'booking');
select is((select array_agg(payload) from private.outbox where topic = 'receipt'), array[jsonb_build_object('kind', 'receipt', 'subject_id', :'payment')], 'a confirmed booking orders a receipt');
select is((select count(*)::int from public.receipts), 0, 'ordering a receipt takes no number');

-- who may -----------------------------------------------------------------------------------------------------------
select tests.as_visitor();
select is(tests.outcome('select * from public.receipts'), '42501', 'a visitor cannot read receipts');
select tests.as_user(:'renter');
select is(tests.outcome(format($$ select public.issue_receipt('receipt', %L) $$, :'payment')), '42501', 'a payer cannot issue the own receipt');
select is(tests.outcome($$ insert into public.receipts (series, seq, kind) values ('R', 1, 'receipt') $$), '42501', 'a payer cannot write a receipt');

-- issuing -----------------------------------------------------------------------------------------------------------
select tests.as_service();
select is(tests.outcome(format($$ select public.issue_receipt('invoice', %L) $$, :'payment')), 'invalid_input', 'a receipt of an unknown kind is refused');
select is(tests.outcome($$ select public.issue_receipt('receipt', gen_random_uuid()) $$), 'receipt_not_found', 'a receipt for something that does not exist is refused');
select id as receipt, number, total from public.issue_receipt('receipt', :'payment') \gset
select is(:'number' || ' ' || :'total', :'series' || '-000001 1814405', 'the first receipt of a year has number one and all but the deposit');
select is((public.issue_receipt('receipt', :'payment')).number, :'number', 'issuing a receipt again gives the same one');
select tests.as_owner();
select is((select count(*)::int from public.receipts), 1, 'issuing a receipt again makes no second one');
select is(content - 'issued_at' - 'payable', jsonb_build_object(
  'number', :'number', 'kind', 'receipt', 'locale', 'en', 'currency', 'VND', 'total', 1814405, 'tax', 134401,
  'seller', '{"name": "Journey JSC", "address": "1 Tràng Tiền, Hà Nội", "tax_code": "0101234567"}'::jsonb, 'buyer', '{"name": "renter", "address": "", "tax_code": ""}'::jsonb,
  'lines', '[{"label": "Rental, hours", "amount": 1600001}, {"label": "Service fee", "amount": 80003}, {"label": "VAT", "amount": 134401}]'::jsonb,
  'payment', (select jsonb_build_object('provider', 'vnpay', 'transaction_id', a.provider_transaction_id, 'paid_at', p.succeeded_at)
    from public.payments p join public.payment_attempts a on a.payment_id = p.id where p.id = :'payment')), 'a receipt says who paid what, how much and how')
from public.receipts where id = :'receipt';
select is(content -> 'payable', (select jsonb_build_object('id', id, 'kind', 'booking', 'code', code, 'title', 'Toyota Vios Hà Nội', 'starts_at', starts_at, 'ends_at', ends_at, 'amount', total_amount, 'currency', currency) from public.bookings where id = :'booking'), 'a receipt says which trip it is for')
from public.receipts where id = :'receipt';
select is((content ->> 'issued_at')::timestamptz, issued_at, 'a receipt says when it was issued') from public.receipts where id = :'receipt';
select is((select array_agg(title) from public.notifications where template = 'receipt_issued'), array['Receipt ' || :'number'], 'the payer is told of the receipt once');
select is((select count(*)::int from tests.mails() where subject like 'Receipt %' and text like '%VAT: ₫134,401%Total: ₫1,814,405%'), 1, 'the payer gets the lines of the receipt by mail');

-- what was issued stays ------------------------------------------------------------------------------------------------
select is(tests.outcome('update public.receipts set total = 1'), '42501', 'an issued receipt cannot be changed');
select is(tests.outcome('delete from public.receipts'), '42501', 'an issued receipt cannot be deleted');
update public.profiles set display_name = 'Another', locale = 'vi' where id = :'renter';
update private.settings set value = '{"name": "Other", "address": "", "tax_code": ""}' where key = 'seller';
select is((public.issue_receipt('receipt', :'payment')).content -> 'seller' ->> 'name', 'Journey JSC', 'an issued receipt does not follow later changes of the seller');
create function tests.store_receipt(p_seq int, p_total bigint, p_lines text, p_content_number text default null)
returns text
language sql
as $$
  select format('insert into public.receipts (series, seq, kind, user_id, payment_id, refund_id, payable_id, corrects_id, issued_at, currency, total, content)
    select series, %s, kind, user_id, gen_random_uuid(), refund_id, payable_id, corrects_id, now(), currency, %s, jsonb_build_object(''number'', %L, ''lines'', %L::jsonb) from public.receipts limit 1; set constraints all immediate',
    p_seq, p_total, coalesce(p_content_number, (select private.receipt_number(series, p_seq) from public.receipts limit 1)), p_lines)
$$;
select is(tests.outcome(tests.store_receipt(1, 5, '[{"amount": 5}]')), '23505', 'two receipts of one number cannot be stored');
select is(tests.outcome(tests.store_receipt(7, 5, '[{"amount": 4}]')), '23514', 'a receipt whose total is not the sum of its lines cannot be stored');
select is(tests.outcome(tests.store_receipt(7, 5, '[{"amount": 5}]', 'R1-1')), '23514', 'a receipt with another number in its content cannot be stored');
select is(tests.outcome(tests.store_receipt(7, 5, '[{"amount": 5}]')), '23503', 'a receipt of no payment cannot be stored');
select is(private.receipt_number('R2026', 1234567), 'R2026-1234567', 'a number above a million has seven digits');

-- reading ---------------------------------------------------------------------------------------------------------------
select tests.as_user(:'renter');
select is((select count(*)::int from public.my_receipts()), 1, 'the payer finds the receipt in the own list');
select is((select count(*)::int from public.my_receipts((select jsonb_build_object('issued_at', issued_at, 'id', id) from public.receipts))), 0, 'the payer lists receipts page by page');
select is(tests.outcome($$ select public.my_receipts('{"id": 5}') $$), 'invalid_input', 'receipts cannot be listed from a wrong cursor');
select is((public.receipt(:'receipt')).number, :'number', 'the payer can read the receipt');
select is(tests.outcome('select public.receipt(gen_random_uuid())'), 'receipt_not_found', 'a receipt that does not exist is not found');
select tests.as_user(:'stranger');
select is(tests.outcome(format('select public.receipt(%L)', :'receipt')), 'receipt_not_found', 'a stranger cannot read the receipt of others');
select is((select count(*)::int from public.my_receipts()), 0, 'a stranger has an empty list of receipts');
select tests.as_user(:'host');
select is((select count(*)::int from public.receipts), 0, 'a host sees no receipt of the renter');
select tests.as_user(:'admin');
select is((public.receipt(:'receipt')).number, :'number', 'an admin can read the receipts of others');

-- to whom it is made out ------------------------------------------------------------------------------------------------
select tests.as_owner();
savepoint before;
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(900), tests.hours(910)) as firm \gset
select tests.as_user(:'renter');
select public.set_billing_details('Công ty TNHH Ánh Dương', '2 Tràng Tiền, Hà Nội', '0100109106') is not null;
select tests.as_owner();
select is((select content -> 'buyer' from public.receipts where id = :'receipt'), '{"name": "renter", "address": "", "tax_code": ""}', 'a receipt that is issued keeps its buyer when billing details are set');
select (public.issue_receipt('receipt', id)).id as named from public.payments where payable_id = :'firm' \gset
select is((select content -> 'buyer' from public.receipts where id = :'named'), '{"name": "Công ty TNHH Ánh Dương", "address": "2 Tràng Tiền, Hà Nội", "tax_code": "0100109106"}', 'a receipt is made out to the billing details of its payer');
select is((select n.text ~ 'Khách hàng: Công ty TNHH Ánh Dương, MST 0100109106, 2 Tràng Tiền, Hà Nội' from tests.mails() n where n.subject ~ (select number from public.receipts where id = :'named')), true, 'the mail of a receipt says to whom it is made out');
select tests.as_user(:'renter');
select public.remove_billing_details();
select tests.cancel_booking(:'firm') is not null;
select tests.as_owner();
select (public.record_refund_result(id, 'succeeded', 'back-firm')).id as firm_back from public.refunds where payable_id = :'firm' \gset
select is(((public.issue_receipt('credit_note', :'firm_back')).content -> 'buyer' ->> 'tax_code'), '0100109106', 'a credit note is made out to the buyer of the receipt it corrects, whatever was set since');
select is(private.buyer_text('{"name": "A", "address": "", "tax_code": "0100109106"}', 'en'), 'A, tax code 0100109106', 'a buyer without an address is named without one');
rollback to before;

-- a number that is rolled back is given again -----------------------------------------------------------------------------
select tests.as_owner();
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(200), tests.hours(210)) as b2 \gset
select id as p2 from public.payments where payable_id = :'b2' \gset
savepoint before;
select is((public.issue_receipt('receipt', :'p2')).seq, 2::bigint, 'the second receipt has number two');
rollback to before;
select is((select last_seq from private.receipt_series where series = :'series'), 1::bigint, 'a number that was rolled back is given back');
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(300), tests.hours(310)) as b3 \gset
select is((public.issue_receipt('receipt', id)).seq, 2::bigint, 'a number that was given back goes to the next receipt') from public.payments where payable_id = :'b3';
select is((select content -> 'lines' -> 0 ->> 'label' from public.receipts where payable_id = :'b3'), 'Tiền thuê theo giờ', 'a receipt is written in the language of its payer');

-- credit notes --------------------------------------------------------------------------------------------------------------
delete from private.outbox;
select tests.as_user(:'renter');
select tests.cancel_booking(:'b2');
select tests.as_service();
select is(tests.outcome(format($$ select public.issue_receipt('credit_note', %L) $$, (select id from public.refunds where payable_id = :'b2'))), 'receipt_not_found', 'no credit note is issued for what was not given back');
select tests.as_owner();
select is((select count(*)::int from private.outbox where topic = 'receipt'), 0, 'no credit note is ordered for what was not given back');
select (public.record_refund_result(id, 'succeeded', 'back-1')).id as refund from public.refunds where payable_id = :'b2' \gset
select is((select array_agg(payload) from private.outbox where topic = 'receipt'), array[jsonb_build_object('kind', 'credit_note', 'subject_id', :'refund')], 'a refund that arrived orders a credit note');
select tests.as_service();
select number as credit, total as credited, corrects_id is not null as corrects from public.issue_receipt('credit_note', :'refund') \gset
select is(concat_ws(' ', :'credit', :'credited', :'corrects'), :'credits' || '-000001 1814405 t', 'a credit note has a series of its own and leaves out the deposit');
select is((public.issue_receipt('credit_note', :'refund')).number, :'credit', 'issuing a credit note again gives the same one');
select tests.as_owner();
select is((select number from public.receipts where payment_id = :'p2' and kind = 'receipt'), :'series' || '-000003', 'the receipt that a credit note corrects is issued first');
select is(content -> 'lines', jsonb_build_array(jsonb_build_object('label', 'Hoàn tiền, điều chỉnh biên nhận ' || :'series' || '-000003', 'amount', 1814405)), 'a credit note names the receipt it corrects')
from public.receipts where refund_id = :'refund';
select is(concat_ws(' ', content ->> 'tax', content -> 'payment' ->> 'provider', content -> 'payment' ->> 'transaction_id'), '134401 vnpay back-1', 'a credit note has its tax and the way the money went back')
from public.receipts where refund_id = :'refund';

select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(30), tests.hours(40)) as b4 \gset
select tests.as_user(:'renter');
select (public.cancel_booking_preview(:'b4')) ->> 'kept_amount' as kept \gset
select tests.cancel_booking(:'b4');
select tests.as_owner();
select (public.record_refund_result(id, 'succeeded', 'back-2')).id as part from public.refunds where payable_id = :'b4' \gset
select ok(:'kept'::bigint > 0, 'a late cancellation keeps something');
select is((public.issue_receipt('credit_note', :'part')).total, 1814405 - :'kept'::bigint, 'a late cancellation credits what is not kept');
select is((content ->> 'tax')::bigint, 134401 - (select tax_keeps from public.bookings b, private.cancellation_amounts(b, b.refund_bps) where b.id = :'b4'), 'a part that is credited has its part of the tax')
from public.receipts where refund_id = :'part';

delete from private.outbox;
select tests.move_trip(:'booking', -1);
select tests.inspect('check_in', :'renter', :'booking', 10), tests.inspect('check_out', :'renter', :'booking', 20);
select tests.as_user(:'host');
select public.release_deposit(:'booking', gen_random_uuid());
select tests.as_owner();
select (public.record_refund_result(id, 'succeeded', 'back-3')).id as deposit from public.refunds where payable_id = :'booking' \gset
select is((select count(*)::int from private.outbox where topic = 'receipt'), 0, 'a deposit that returns orders no credit note');
select is(tests.outcome(format($$ select public.issue_receipt('credit_note', %L) $$, :'deposit')), 'receipt_not_found', 'no credit note is issued for a deposit');
select tests.as_user(:'admin');
select id as goodwill from public.refund_payment(:'payment', 50000, 'sorry for the smell', gen_random_uuid()) \gset
select tests.as_owner();
select public.record_refund_result(:'goodwill', 'succeeded', 'back-4');
select is((public.issue_receipt('credit_note', :'goodwill')).total, 50000::bigint, 'goodwill has a credit note');

-- money that came too late was no sale ------------------------------------------------------------------------------------
delete from private.outbox;
select tests.make_booking(:'renter', :'vehicle', tests.hours(400), tests.hours(410)) as late \gset
select tests.start_payment(:'late') as late_ref \gset
select tests.as_user(:'renter');
select tests.cancel_booking(:'late');
select tests.as_owner();
select is(tests.provider_says(:'late_ref'), 'refunded_late', 'money that comes after the cancellation goes back');
select public.record_refund_result(id, 'succeeded', 'back-5') from public.refunds where payable_id = :'late';
select is((select count(*)::int from private.outbox where topic = 'receipt'), 0, 'money that goes back at once orders neither receipt nor credit note');

select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after all receipts');
select is((select array_agg(seq order by seq) from public.receipts where series = :'series'), array(select generate_series(1, (select last_seq from private.receipt_series where series = :'series'))), 'no number of a receipt is missing');
select ok((select bool_and(issued_at >= before) from (select issued_at, lag(issued_at, 1, '-infinity') over (partition by series order by seq) as before from public.receipts) r), 'the numbers of receipts follow time');

-- a database that was restored does not give out again what the lost one gave out --------------------------------------------
select last_seq as issued from private.receipt_series where series = :'series' \gset
select is(tests.outcome(format($$ select private.skip_receipts(%L, %s, 'restored') $$, :'series', :'issued')), 'invalid_input', 'numbers of receipts cannot be skipped backwards');
select is(tests.outcome($$ select private.skip_receipts('X2026', 9, 'restored') $$), 'invalid_input', 'numbers of an unknown series cannot be skipped');
select is(tests.outcome(format($$ select private.skip_receipts(%L, %s, ' ') $$, :'series', :'issued'::int + 7)), '23514', 'numbers cannot be skipped without a reason');
select private.skip_receipts(:'series', :'issued'::int + 7, 'given out after the backup');
select private.skip_receipts('C2019', 3, 'given out after the backup');
select is((select seq from private.take_receipt_number('receipt')), :'issued'::bigint + 8, 'the next receipt comes after the skipped numbers');
update private.receipt_series set last_seq = last_seq - 1 where series = :'series';
select is((select string_agg(subject_id || ' ' || detail, ', ') from private.check_invariants() where invariant = 'receipt_gap'), null, 'skipped numbers are no violation');
select is(tests.outcome('delete from private.skipped_receipts'), '42501', 'skipped numbers cannot be deleted');

select * from finish();
rollback;

-- Bookings: extensions, from the quote to the money of a longer trip.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_renter('rival') as rival, tests.make_user('host') as host,
  tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
update private.rate_limits set capacity = 1000, per_minute = 1000;
select tests.make_vehicle(:'host', '{"buffer_minutes": 60, "max_days": 10}') as car, tests.make_vehicle(:'host', '{"instant_book": false}') as asking \gset

create function tests.slot(p_booking_id uuid)
returns timestamptz language sql stable
as $$ select upper(blocked) from public.calendar_entries where booking_id = p_booking_id $$;
create function tests.change_status(p_id uuid)
returns text language sql stable
as $$ select status from public.booking_changes where id = p_id $$;
create function tests.ends_in(p_booking_id uuid)
returns numeric language sql stable
as $$ select round(extract(epoch from ends_at - date_trunc('second', now())) / 3600, 2) from public.bookings where id = p_booking_id $$;

-- the quote -----------------------------------------------------------------------------------------------------------
select tests.make_paid_booking(:'renter', :'car', tests.hours(10), tests.hours(20)) as trip \gset
select is(tests.outcome(format('select public.extension_facts(%L, %L, tests.hours(30))', :'rival', :'trip')), 'booking_not_found', 'nobody prices an extension of somebody else''s trip');
select is(tests.outcome(format('select tests.quote_extension(%L, -1)', :'trip')), 'period_invalid', 'an extension ends later than the trip');
select is(tests.outcome(format('select tests.quote_extension(%L, 24 * 10)', :'trip')), 'period_too_long', 'a trip is not extended beyond the longest rental');
select is(tests.outcome(format('select tests.quote_extension(%L, 10, -5)', :'trip')), '23514', 'the price of an extension cannot be below zero');
select is(public.extension_facts(:'renter', :'trip', tests.hours(30)) #> '{agreed,price_per_day}', (select facts -> 'price_per_day' from public.quotes q join public.bookings b on b.quote_id = q.id where b.id = :'trip'), 'an extension is priced by the rates of the booking');
update public.vehicles set price_per_day = 900000 where id = :'car';
select is(public.extension_facts(:'renter', :'trip', tests.hours(30)) #>> '{extended,price_per_day}', '800000', 'a later change of the listing does not change the price of an extension');
select tests.quote_extension(:'trip', 10) as quoted \gset
select is((select trip_terms from public.quotes where id = :'quoted'), (select q.trip_terms from public.quotes q join public.bookings b on b.quote_id = q.id where b.id = :'trip'), 'the quote of an extension keeps the terms of its trip, whatever the listing says since');
select is(tests.outcome(format('select tests.book(%L, %L)', :'renter', :'quoted')), 'quote_not_found', 'the quote of an extension makes no booking');
select tests.as_user(:'renter');
select is((select starts_at from public.quotes where id = :'quoted'), tests.hours(20), 'the quote of an extension says the time that is added');
select is(tests.outcome(format('select public.request_extension(%L, gen_random_uuid())', (select quote_id from public.bookings where id = :'trip'))), 'quote_not_found', 'the quote of a trip extends nothing');
select tests.as_owner();

-- instant: held, then paid --------------------------------------------------------------------------------------------
select tests.request_extension(:'trip', 10) as change \gset
select is(tests.change_status(:'change'), 'pending_payment', 'with instant booking an extension is held at once');
select is(tests.ends_in(:'trip'), 20.00, 'an extension that is not paid does not move the end of the trip');
select is((select blocked from public.calendar_entries where change_id = :'change'), tstzrange(tests.hours(21), tests.hours(31)), 'the time that is added is held, with the buffer after it');
select is(tests.outcome(format('select tests.make_booking(%L, %L, tests.hours(25), tests.hours(35))', :'rival', :'car')), 'vehicle_unavailable', 'nobody books the time that an extension holds');
select is(tests.outcome(format('insert into public.calendar_entries (vehicle_id, kind, blocked) values (%L, %L, tstzrange(tests.hours(25), tests.hours(26)))', :'car', 'host_block')), '23P01', 'the database itself keeps the time that an extension holds');
select is(tests.outcome(format('select tests.request_extension(%L, 12)', :'trip')), 'vehicle_unavailable', 'the time of an extension is held against a second one, too');
select is(tests.outcome(format('insert into public.booking_changes (booking_id, quote_id, status, previous_ends_at, ends_at, currency, total_amount, tax_amount, hold_expires_at) select booking_id, %L, status, previous_ends_at, ends_at, currency, total_amount, tax_amount, hold_expires_at from public.booking_changes where id = %L', :'quoted', :'change')), '23505', 'the database itself keeps a booking with one live extension');
select is((select kind from public.payables where id = :'change'), 'extension', 'an extension has a payable of its own');
select is(tests.pay(:'change'), 'applied', 'an extension can be paid');
select is(tests.change_status(:'change'), 'confirmed', 'a paid extension is confirmed');
select is(tests.ends_in(:'trip'), 30.00, 'a paid extension moves the end of the trip');
select is(tests.slot(:'trip'), tests.hours(31), 'a paid extension moves the slot, with its buffer');
select is((select count(*)::int from public.calendar_entries where change_id = :'change'), 0, 'a paid extension holds nothing beside the slot');
select is(private.balance('escrow', :'change'), 1000001::bigint, 'the money of an extension is held for itself');
select is((select total_amount from public.bookings where id = :'trip'), (select amount from public.payables where id = :'trip'), 'what was agreed first stays what it was');
select tests.as_user(:'renter');
select is(public.booking_detail(:'trip') #>> '{changes,0,status}', 'confirmed', 'the renter sees the extension in the trip');
select is(public.booking_detail(:'trip') #> '{changes,0,lines,0,amount}', '1000001', 'the renter sees the lines of an extension');
select is(public.booking_detail(:'trip') #> '{changes,0,host_amount}', 'null', 'the renter does not see what the host earns by it');
select is((public.cancel_booking_preview(:'trip') ->> 'refund_bps')::int, 0, 'a longer trip is cancelled by the policy of its start');
select tests.as_user(:'host');
select is((public.booking_detail(:'trip') ->> 'host_amount')::bigint, (1360001 + 700001)::bigint, 'the host reads what the longer trip earns');
select is((public.booking_detail(:'trip') #>> '{changes,0,payment}'), null, 'the host does not see how it was paid');
select tests.as_user(:'stranger');
select is((select count(*)::int from public.booking_changes), 0, 'a stranger sees no extension');
select is(tests.outcome(format('select public.answer_extension(%L, true, gen_random_uuid())', :'change')), 'change_not_found', 'a stranger answers no extension');
select is(tests.outcome(format('select public.cancel_extension(%L, gen_random_uuid())', :'change')), 'change_not_found', 'a stranger cancels no extension');
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.cancel_extension(%L, gen_random_uuid())', :'change')), 'illegal_transition', 'a paid extension cannot be withdrawn alone');
select is(tests.outcome(format('select public.request_extension(%L, gen_random_uuid())', :'quoted')), 'quote_expired', 'a quote from before the end has moved extends nothing');
select tests.as_owner();
select set_eq(format($$ select template from public.notifications where data ->> 'change_id' = %L $$, :'change'), '{extension_confirmed_renter,extension_confirmed_host}'::text[], 'both sides are told of a paid extension');
select public.issue_receipt('receipt', id) from public.payments where payable_id = :'change';
select is((select total from public.receipts where payable_id = :'change'), 1000001::bigint, 'a paid extension has a receipt');

-- cancelling a longer trip ----------------------------------------------------------------------------------------------
select tests.as_user(:'host');
select (public.cancel_booking_preview(:'trip') ->> 'refund_amount')::bigint as shown \gset
select is(:shown::bigint, (4814405 + 1000001)::bigint, 'the preview names the money of the extension, too');
select tests.cancel_booking(:'trip');
select tests.as_owner();
select is((select sum(amount)::bigint from public.refunds where payable_id in (:'trip', :'change')), :shown::bigint, 'a cancellation gives back what the preview said, extension included');
select is(private.balance('escrow', :'change'), 0::bigint, 'nothing of the extension is held after that');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after a longer trip was cancelled');
-- by half
select tests.make_paid_booking(:'renter', :'car', tests.hours(30), tests.hours(40)) as half \gset
select tests.request_extension(:'half', 5) as half_change \gset
select tests.pay(:'half_change');
select tests.as_user(:'renter');
select (public.cancel_booking_preview(:'half') ->> 'refund_bps')::int as bps, (public.cancel_booking_preview(:'half') ->> 'refund_amount')::bigint as shown \gset
select is(:bps, 5000, 'between a day and three before the start half goes back');
select tests.cancel_booking(:'half');
select tests.as_owner();
select is((select amount from public.refunds where payable_id = :'half_change'), (1000001 - 350000 - 100000 - 50000)::bigint, 'half of the extension goes back, rounded in favour of the renter');
select is((select sum(amount)::bigint from public.refunds where payable_id in (:'half', :'half_change')), :shown::bigint, 'the parts add up to what was shown');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after half of a longer trip went back');

-- a running trip, then the return -----------------------------------------------------------------------------------------
select tests.make_paid_booking(:'renter', :'car', tests.hours(100), tests.hours(110)) as ride \gset
select tests.move_trip(:'ride', -5);
update public.bookings set period = tstzrange(starts_at, ends_at) where id = :'ride';
select is(tests.outcome(format('select tests.inspect(%L, %L, %L, 10)', 'check_in', :'renter', :'ride')), 'ok', 'the trip is under way');
select tests.request_extension(:'ride', 8) as longer \gset
select is((select hold_expires_at from public.booking_changes where id = :'longer') <= (select ends_at from public.bookings where id = :'ride'), true, 'an extension is never held beyond the booked end');
select is(tests.pay(:'longer'), 'applied', 'a running trip can be extended');
select is(tests.ends_in(:'ride'), 13.00, 'a running trip ends later');
select tests.record_inspection('check_out', :'renter', :'ride', 50);
select is((select counts_at > ends_at from public.booking_inspections i join public.bookings b on b.id = i.booking_id where b.id = :'ride' and i.kind = 'check_out'), true, 'the time to answer the return follows the new end');
select is(tests.outcome(format('select tests.quote_extension(%L, 1)', :'ride')), 'booking_not_extendable', 'a trip whose return was recorded is not extended');
select is(tests.acknowledge('check_out', :'ride'), 'completed', 'an extended trip can be returned');
select is((select claim_until > ends_at from public.bookings where id = :'ride'), true, 'the claim window begins at the new end');
select is((select sum(-e.amount)::bigint from private.ledger_entries e join private.ledger_accounts a on a.id = e.account_id join private.ledger_transactions t on t.id = e.transaction_id where t.payable_id = :'ride' and a.kind = 'host_payable'), (1360001 + 700001)::bigint, 'the host earns the trip and its extension');
select is((select count(*)::int from private.unpaid_entries(:'host', 'VND') where not waits and amount = 700001), 0, 'what an extension earns waits for the claim window of the trip');
select tests.settle();
select is(private.balance('escrow', :'longer'), 0::bigint, 'nothing of the extension is held after the trip');
select is(tests.broken_promises(), null, 'no invariant is violated after an extended trip');
select is(tests.outcome(format('select tests.quote_extension(%L, 1)', :'ride')), 'booking_not_extendable', 'a completed trip is not extended');
select tests.settle();

-- the host is asked -----------------------------------------------------------------------------------------------------
select tests.make_booking(:'renter', :'asking', tests.hours(100), tests.hours(110)) as asked \gset
select tests.as_user(:'host');
select public.answer_booking(:'asked', true, gen_random_uuid());
select tests.as_owner();
select tests.pay(:'asked');
select tests.request_extension(:'asked', 10) as wish \gset
select is(tests.change_status(:'wish'), 'requested', 'where the listing says so, the host is asked first');
select is((select count(*)::int from public.calendar_entries where change_id = :'wish'), 0, 'an extension that is not accepted holds nothing');
select is(tests.outcome(format('select tests.request_extension(%L, 12)', :'asked')), 'extension_open', 'a booking has one extension at a time');
select is((select count(*)::int from public.notifications where user_id = :'host' and template = 'extension_requested_host' and data ->> 'change_id' = :'wish'), 1, 'the host is told of the request');
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.answer_extension(%L, true, gen_random_uuid())', :'wish')), 'change_not_found', 'a renter cannot answer the own request');
select tests.as_user(:'host');
select is(tests.outcome(format('select public.answer_extension(%L, true, gen_random_uuid(), %L)', :'wish', ' ')), 'invalid_input', 'a reason of blanks is refused');
select is((public.answer_extension(:'wish', true, gen_random_uuid())).status, 'pending_payment', 'the host can accept it');
select tests.as_owner();
select is((select data -> 'pay_by' ->> 'at' from public.notifications where user_id = :'renter' and template = 'extension_accepted_renter' and data ->> 'change_id' = :'wish') is not null, true, 'the renter reads until when it can be paid');
-- unpaid: free at once, and late money
select tests.start_payment(:'wish') as late_ref \gset
select tests.extension_runs_out(:'wish');
select is(tests.outcome(format('select tests.make_booking(%L, %L, tests.hours(111), tests.hours(115))', :'rival', :'asking')), 'ok', 'the time of an unpaid extension can be asked for at its deadline, before any job has run');
select tests.as_user(:'renter');
select is(public.booking_detail(:'asked') #>> '{changes,0,status}', 'expired', 'an extension whose time is over reads as expired before any job has run');
select tests.as_owner();
select is(tests.provider_says(:'late_ref'), 'applied', 'late money is taken when the time is still free');
select is(tests.change_status(:'wish'), 'confirmed', 'late money confirms the extension');
select is(tests.ends_in(:'asked'), 120.00, 'late money moves the end');
select is((select count(*)::int from public.bookings where vehicle_id = :'asking' and renter_id = :'rival' and status = 'requested'), 0, 'a request that overlaps the longer trip is declined');
-- the same with the time gone
select tests.request_extension(:'asked', 10) as wish2 \gset
select tests.as_user(:'host');
select public.answer_extension(:'wish2', true, gen_random_uuid());
select tests.as_owner();
select tests.start_payment(:'wish2') as late_ref2 \gset
select tests.extension_runs_out(:'wish2');
insert into public.calendar_entries (vehicle_id, kind, blocked) values (:'asking', 'external', tstzrange(tests.hours(200), tests.hours(201)));
select private.release_expired_holds(:'asking', tstzrange(tests.hours(120), tests.hours(130)));
insert into public.calendar_entries (vehicle_id, kind, blocked) values (:'asking', 'external', tstzrange(tests.hours(125), tests.hours(126)));
select is(tests.change_status(:'wish2'), 'expired', 'a hold that is over ends when its time is wanted');
select is(tests.provider_says(:'late_ref2'), 'refunded_late', 'late money goes back when the time is gone');
select is(tests.ends_in(:'asked'), 120.00, 'the end stays where it was');
select is((select amount from public.refunds where payable_id = :'wish2'), 1000001::bigint, 'all of the late money goes back');
delete from public.calendar_entries where vehicle_id = :'asking' and kind = 'external';
-- declined, unanswered, withdrawn
select tests.request_extension(:'asked', 10) as wish3 \gset
select tests.as_user(:'host');
select is((public.answer_extension(:'wish3', false, gen_random_uuid(), 'The car is needed')).status, 'declined', 'the host can decline it');
select is(tests.outcome(format('select public.answer_extension(%L, true, gen_random_uuid())', :'wish3')), 'illegal_transition', 'a declined extension stays declined');
select tests.as_owner();
select tests.request_extension(:'asked', 10) as wish4 \gset
select tests.extension_runs_out(:'wish4');
select tests.as_user(:'host');
select is(tests.outcome(format('select public.answer_extension(%L, true, gen_random_uuid())', :'wish4')), 'hold_expired', 'an answer that comes too late is refused');
select tests.as_owner();
select is(private.expire_overdue_changes(), 1, 'a job ends a request that nobody answered');
select is(tests.change_status(:'wish4'), 'expired', 'an unanswered extension expires');
select tests.request_extension(:'asked', 10) as wish5 \gset
select tests.as_user(:'host');
select public.answer_extension(:'wish5', true, gen_random_uuid());
select tests.as_user(:'renter');
select is((public.cancel_extension(:'wish5', gen_random_uuid())).status, 'cancelled', 'the renter can withdraw one that is not paid');
select tests.as_owner();
select is((select status from public.payments where payable_id = :'wish5'), 'cancelled', 'what was withdrawn cannot be paid');
select is((select count(*)::int from public.calendar_entries where change_id = :'wish5'), 0, 'what was withdrawn holds nothing');
-- one that costs nothing
select tests.request_extension(:'asked', 1, 0) as free \gset
select tests.as_user(:'host');
select is((public.answer_extension(:'free', true, gen_random_uuid())).status, 'confirmed', 'an extension that costs nothing is confirmed when the host accepts it');
select tests.as_owner();
select is(tests.ends_in(:'asked'), 121.00, 'an extension that costs nothing moves the end');
-- what is in the way
select tests.request_extension(:'asked', 10) as wish6 \gset
update public.vehicles set status = 'suspended' where id = :'asking';
select tests.as_user(:'host');
select is(tests.outcome(format('select public.answer_extension(%L, true, gen_random_uuid())', :'wish6')), 'vehicle_not_published', 'a trip with a suspended vehicle is not extended');
select tests.as_owner();
update public.vehicles set status = 'published' where id = :'asking';
update public.driver_licences set status = 'rejected', reason = 'not readable' where user_id = :'renter';
select tests.as_user(:'host');
select is(tests.outcome(format('select public.answer_extension(%L, true, gen_random_uuid())', :'wish6')), 'renter_licence_invalid', 'a trip of a renter without a licence is not extended');
select tests.as_owner();
select is(tests.outcome(format('select tests.quote_extension(%L, 20)', :'asked')), 'licence_required', 'a renter without a licence gets no price for an extension');
select tests.make_licence(:'renter');
-- the booking goes, and the live extension with it
select tests.as_user(:'renter');
select tests.cancel_booking(:'asked');
select tests.as_owner();
select is(tests.change_status(:'wish6'), 'cancelled', 'a cancelled booking takes its open extension with it');
-- a freeze of the extension's money is one of the trip's
select tests.make_paid_booking(:'renter', :'car', tests.hours(200), tests.hours(210)) as kept \gset
select tests.request_extension(:'kept', 5) as kept_change \gset
select tests.pay(:'kept_change');
select tests.as_user(:'admin');
select public.freeze_payable(:'kept_change', 'We look at it');
select is(tests.outcome(format('select public.cancel_booking_preview(%L)', :'kept')), 'money_frozen', 'who freezes the money of an extension freezes that of the trip');
select public.unfreeze_payable(:'kept_change');
select is(tests.outcome(format('select public.cancel_booking_preview(%L)', :'kept')), 'ok', 'the trip is free again when the extension is');
select is(tests.outcome(format('select public.cancel_payable(%L, %L, gen_random_uuid())', :'kept_change', 'No')), 'booking_not_cancellable', 'a paid extension is not called off without its trip');
select tests.as_owner();
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated at the end');
select finish();
rollback;

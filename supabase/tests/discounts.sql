-- Discounts: who may make a code, who may use it, and how often.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_admin('admin') as admin, tests.make_user('host') as host, tests.make_renter('renter') as renter, tests.make_renter('other') as other, tests.make_user('stranger') as stranger \gset
select tests.make_vehicle(:'host', '{"min_hours": 2, "max_days": 10, "security_deposit": 0}') as vehicle, tests.make_vehicle(:'host', '{"security_deposit": 0, "instant_book": false}') as asked \gset
-- codes of tests are tried more often than a person may guess
update private.rate_limits set capacity = 1000, per_minute = 1000;

create function tests.make_code(p_details jsonb) returns uuid language plpgsql as $$
declare v_id uuid;
begin
  perform tests.as_user((select user_id from public.user_roles where role = 'admin' limit 1));
  v_id := (public.create_discount('{"title": "A code", "scope": "rental", "percent_bps": 1000}'::jsonb || p_details, gen_random_uuid()) ->> 'id')::uuid;
  perform tests.as_owner();
  return v_id;
end $$;
-- a quote of 100,000 before a code: rental 80,000, insurance 20,000, tax 8 %
create function tests.quote_with(p_renter uuid, p_vehicle uuid, p_from numeric, p_code text) returns uuid language plpgsql as $$
declare
  v_facts jsonb := public.quote_facts(p_renter, p_vehicle, tests.hours(p_from), tests.hours(p_from + 10), '{}', p_code);
  v_off bigint := private.discount_amount(d, 100000) from public.discounts d where d.id = (v_facts -> 'discount' ->> 'id')::uuid;
  v_tax bigint := (100000 - v_off) * 8 / 100;
begin
  return (public.store_quote(p_renter, p_vehicle, tests.hours(p_from), tests.hours(p_from + 10), jsonb_build_object(
    'lines', jsonb_build_array(
      jsonb_build_object('code', 'rental_hours', 'quantity', 1, 'unit_amount', 80000, 'amount', 80000),
      jsonb_build_object('code', 'insurance', 'quantity', 1, 'unit_amount', 20000, 'amount', 20000),
      jsonb_build_object('code', 'discount', 'quantity', 1, 'unit_amount', -v_off, 'amount', -v_off),
      jsonb_build_object('code', 'vat', 'quantity', 1, 'unit_amount', v_tax, 'amount', v_tax)),
    'total_amount', 100000 - v_off + v_tax, 'deposit_amount', 0, 'host_amount', 68000, 'platform_amount', 32000 - v_off, 'tax_amount', v_tax,
    'discount_amount', v_off, 'version', 'test'), v_facts) ->> 'id')::uuid;
end $$;
create function tests.book_with(p_renter uuid, p_vehicle uuid, p_from numeric, p_code text) returns uuid language sql as $$
  select tests.book(p_renter, tests.quote_with(p_renter, p_vehicle, p_from, p_code)) $$;
create function tests.redemption(p_booking uuid) returns text language sql as $$ select status from public.discount_redemptions where id = p_booking $$;

-- who makes codes ------------------------------------------------------------------------------------------------
select tests.as_user(:'stranger');
select is(tests.outcome($$ select public.create_discount('{"code": "MINE", "title": "Mine", "scope": "rental", "percent_bps": 10000}', gen_random_uuid()) $$), 'forbidden', 'a person makes no code');
select is(tests.outcome($$ select public.list_discounts() $$), 'forbidden', 'a person does not list all codes');
select is((select count(*)::int from public.discounts), 0, 'a person reads no code');
select is(tests.outcome($$ insert into public.discount_redemptions (id) values (gen_random_uuid()) $$), '42501', 'a person writes no redemption');
select tests.as_user(:'admin');
select is(tests.outcome(format($$ select public.create_discount('{"code": "GOOD-1", "title": "Good", "scope": "rental", "percent_bps": 1000}'::jsonb || %L, gen_random_uuid()) $$, d)), e, l)
from (values
  ('{"code": "abc"}', 'invalid_input', 'a code of three letters is refused'),
  ('{"code": "GIẢM"}', 'invalid_input', 'a code with other letters is refused'),
  ('{"scope": "tickets"}', 'invalid_input', 'a code of the platform is for rentals'),
  ('{"scope": "rides"}', 'invalid_input', 'a code for nothing that is sold is refused'),
  ('{"percent_bps": 10001}', 'invalid_input', 'a share above all is refused'),
  ('{"percent_bps": 0}', 'invalid_input', 'a share of nothing is refused'),
  ('{"fixed_amount": 5000}', 'invalid_input', 'a share and an amount together are refused'),
  ('{"percent_bps": null}', 'invalid_input', 'a code that takes nothing off is refused'),
  ('{"percent_bps": null, "fixed_amount": 5000, "max_amount": 100}', 'invalid_input', 'a fixed amount has no cap'),
  ('{"valid_from": "2030-01-02T00:00:00Z", "valid_until": "2030-01-01T00:00:00Z"}', 'invalid_input', 'a time that runs backwards is refused'),
  ('{"total_limit": 0}', 'invalid_input', 'a limit of nothing is refused'),
  ('{"uses": -5}', 'unknown_field', 'nobody sets how often a code was used'),
  ('{"event_id": "00000000-0000-4000-8000-000000000001"}', 'invalid_input', 'a code of the platform is for no single event')
) t (d, e, l);
select tests.as_owner();
select tests.make_code('{"code": "  welcome10 "}') as welcome \gset
select is((select code from public.discounts where id = :'welcome'), 'WELCOME10', 'a code is kept in capital letters');
select is(tests.outcome($$ select tests.make_code('{"code": "Welcome10"}') $$), 'discount_code_taken', 'the same code in another case is taken');
select tests.as_owner();
select is(tests.outcome(format('update public.discounts set code = %L where id = %L', 'OTHER', :'welcome')), '42501', 'no path changes what a code is called');

-- who uses them --------------------------------------------------------------------------------------------------
select tests.make_code('{"code": "PAUSED"}') as paused, tests.make_code('{"code": "LATER", "valid_from": "2100-01-01T00:00:00Z"}') as later \gset
select tests.as_user(:'admin');
select is(public.update_discount(:'paused', '{"is_paused": true}') ->> 'status', 'paused', 'an admin pauses a code');
select tests.as_owner();
select is(tests.outcome(format('select tests.quote_with(%L, %L, 30, %L)', :'renter', :'vehicle', c)), 'discount_not_found', l)
from (values ('UNKNOWN', 'an unknown code is not found'), ('PAUSED', 'nor is one that is paused'), ('LATER', 'nor is one whose time has not come')) t (c, l);
select tests.book_with(:'renter', :'vehicle', 30, ' welcome10') as booked \gset
select is((select (discount_id, amount, status, user_number, is_counted)::text from public.discount_redemptions where id = :'booked'),
  format('(%s,10000,reserved,1,f)', :'welcome'), 'a booking takes a use of the code, however it is typed');
select is((select total_amount from public.bookings where id = :'booked'), 97200::bigint, 'a booking with a code costs less, and so does its tax');
select is(tests.outcome(format('select tests.quote_with(%L, %L, 60, %L)', :'renter', :'vehicle', 'WELCOME10')), 'discount_already_used', 'one person uses it once');
select is(tests.outcome(format('select tests.quote_with(%L, %L, 60, %L)', :'other', :'vehicle', 'WELCOME10')), 'ok', 'another person uses it too');
select is((select facts #>> '{discount,percent_bps}' from public.quotes where discount_id = :'welcome' limit 1), '1000', 'a quote keeps what the code promised');
select tests.as_user(:'admin');
select is((public.update_discount(:'welcome', '{"percent_bps": 5000, "title": "Half"}') ->> 'percent_bps')::int, 5000, 'an admin changes a code for what comes after');
select tests.as_owner();
select is((select (q.discount_amount, q.total_amount, q.facts #>> '{discount,percent_bps}')::text from public.quotes q join public.bookings b on b.quote_id = q.id where b.id = :'booked'),
  '(10000,97200,1000)', 'a booking keeps what was agreed when its code is changed');
select is(tests.outcome(format($$ insert into public.quotes (renter_id, vehicle_id, period, currency, lines, total_amount, deposit_amount, host_amount, platform_amount, tax_amount, commission_bps, discount_id, discount_amount, cancellation_policy, facts, pricing_version, expires_at)
  select renter_id, vehicle_id, period, currency, lines, total_amount, deposit_amount, host_amount, platform_amount, tax_amount, commission_bps, discount_id, 5, cancellation_policy, facts, pricing_version, expires_at from public.quotes where discount_id = %L limit 1 $$, :'welcome')),
  '23514', 'a discount that is not its line cannot be stored');

-- what gives it back ---------------------------------------------------------------------------------------------
select tests.as_user(:'renter');
select public.cancel_booking(:'booked', 0, 'Not needed', gen_random_uuid()) is not null;
select tests.as_owner();
select is(tests.redemption(:'booked'), 'released', 'cancelling gives the use back');
select tests.book_with(:'renter', :'vehicle', 30, 'WELCOME10') as again \gset
update public.bookings set hold_expires_at = now() - interval '1 second' where id = :'again';
update public.payments set expires_at = now() - interval '1 second' where payable_id = :'again';
select is(tests.outcome(format('select tests.quote_with(%L, %L, 60, %L)', :'renter', :'vehicle', 'WELCOME10')), 'ok', 'a hold that is over keeps no use, before a job has run');
select private.expire_overdue_payments();
select is(tests.redemption(:'again'), 'released', 'a hold that expires gives the use back');
select tests.book_with(:'renter', :'asked', 30, 'WELCOME10') as request \gset
select is((select held_until from public.discount_redemptions where id = :'request'), (select answer_by from public.bookings where id = :'request'), 'a request keeps the use until the host must answer');
select tests.as_user(:'host');
select public.answer_booking(:'request', false, gen_random_uuid(), 'Not then') is not null;
select tests.as_owner();
select is(tests.redemption(:'request'), 'released', 'declining gives the use back');
select tests.book_with(:'renter', :'asked', 110, 'WELCOME10') as accepted \gset
select tests.as_user(:'host');
select public.answer_booking(:'accepted', true, gen_random_uuid()) is not null;
select tests.as_owner();
select is((select held_until from public.discount_redemptions where id = :'accepted'), (select hold_expires_at from public.bookings where id = :'accepted'), 'an accepted request keeps it until it must be paid');
select tests.pay(:'accepted');
select is(tests.redemption(:'accepted'), 'redeemed', 'the money redeems it');
select tests.as_user(:'renter');
select (public.cancel_booking_preview(:'accepted') ->> 'refund_amount')::bigint as back \gset
select is(:back::bigint, 54000::bigint, 'a cancellation gives back what was paid, never the list price');
select public.cancel_booking(:'accepted', :back, 'Ill', gen_random_uuid()) is not null;
select tests.as_owner();
select is(tests.redemption(:'accepted'), 'released', 'cancelling a paid booking gives the use back');

-- limits ---------------------------------------------------------------------------------------------------------
select tests.make_code('{"code": "TWICE", "total_limit": 2, "per_user_limit": 2}') as twice \gset
select tests.book_with(:'renter', :'vehicle', 100, 'TWICE') as one, tests.book_with(:'renter', :'vehicle', 130, 'TWICE') as two \gset
select is((select uses from public.discounts where id = :'twice'), 2, 'a code with a limit counts its uses');
select is(tests.outcome(format('select tests.quote_with(%L, %L, 160, %L)', :'other', :'vehicle', 'TWICE')), 'discount_used_up', 'a code is used up at its limit');
select is(tests.outcome(format('update public.discounts set uses = 3 where id = %L', :'twice')), '23514', 'no path uses a code more often than it may be');
select tests.as_user(:'admin');
select is(tests.outcome_details(format('select public.update_discount(%L, %L)', :'twice', '{"total_limit": 1}')) ->> 'field', 'total_limit', 'a limit is never below what is used');
select is(tests.outcome(format('select public.update_discount(%L, %L)', :'twice', '{"total_limit": null}')), 'invalid_input', 'a code with a limit keeps one');
select tests.as_user(:'renter');
select public.cancel_booking(:'one', 0, null, gen_random_uuid()) is not null;
select tests.as_owner();
select is(tests.outcome(format('select tests.book_with(%L, %L, 160, %L)', :'other', :'vehicle', 'TWICE')), 'ok', 'a use that was given back is used again');
select is((select uses from public.discounts where id = :'twice'), 2, 'a use that is used again is counted once');
-- late money
select tests.start_payment(:'two', 'vietqr') as attempt \gset
update public.bookings set hold_expires_at = now() - interval '1 second' where id = :'two';
update public.payments set expires_at = now() - interval '1 second' where payable_id = :'two';
update public.discount_redemptions set held_until = now() - interval '1 second' where id = :'two';
savepoint late;
select tests.provider_says(:'attempt', 'succeeded', null, 'VND', 'tx-late', 'late');
select is((select status from public.bookings where id = :'two'), 'confirmed', 'late money has the use that nobody took');
select is(tests.redemption(:'two'), 'redeemed', 'late money redeems the use');
rollback to late;
select tests.book_with(:'other', :'vehicle', 200, 'TWICE') as third \gset
select is(tests.redemption(:'two'), 'released', 'who needs a use takes one that is over');
select tests.provider_says(:'attempt', 'succeeded', null, 'VND', 'tx-late', 'late');
select is((select status from public.bookings where id = :'two'), 'expired', 'late money whose use was taken goes back');
select is((select count(*)::int from public.calendar_entries where booking_id = :'two'), 0, 'money that goes back leaves no slot');
select is((select kind from public.refunds where payable_id = :'two'), 'late_payment', 'money that came too late for its code is refunded');
select is((select uses from public.discounts where id = :'twice'), 2, 'no refusal leaves a count behind');

select tests.make_code('{"code": "FIRST", "first_only": true, "percent_bps": null, "fixed_amount": 30000}') as first \gset
select tests.make_renter('new') as new \gset
select is(tests.outcome(format('select tests.quote_with(%L, %L, 300, %L)', :'other', :'vehicle', 'FIRST')), 'discount_first_only', 'who has a booking has no first one');
select tests.book_with(:'new', :'vehicle', 300, 'FIRST') as first_booking \gset
select is(tests.outcome(format('select tests.quote_with(%L, %L, 330, %L)', :'new', :'vehicle', 'FIRST')), 'discount_already_used', 'nobody has two first bookings');

-- a discount that covers everything ------------------------------------------------------------------------------
select tests.make_code('{"code": "FREE", "percent_bps": 10000, "per_user_limit": null}') as free \gset
select tests.settle();
-- as in a transaction of its own, which no other command has given a cause
select private.set_audit_context(null);
select tests.book_with(:'renter', :'vehicle', 400, 'FREE') as nothing \gset
select is(tests.outcome('select tests.settle()'), 'ok', 'with nothing to pay the confirmation is whole at its commit');
select is((select (status, total_amount)::text from public.bookings where id = :'nothing'), '(confirmed,0)', 'with nothing to pay it is confirmed at once');
select is((select count(*)::int from public.payments where payable_id = :'nothing'), 0, 'nothing to pay makes no payment');
select is((select kind from public.calendar_entries where booking_id = :'nothing'), 'booking', 'nothing to pay takes the slot');
select is(tests.redemption(:'nothing'), 'redeemed', 'nothing to pay redeems the use');
select tests.book_with(:'renter', :'asked', 400, 'FREE') as nothing_asked \gset
select tests.as_user(:'host');
select is((public.answer_booking(:'nothing_asked', true, gen_random_uuid())).status, 'confirmed', 'an accepted request with nothing to pay is confirmed');
select tests.as_owner();
select is((select count(*)::int from public.notifications where user_id = :'renter' and data ->> 'booking_id' = :'nothing_asked' and template = 'booking_accepted_renter'), 0, 'an accepted request with nothing to pay asks for no money');
select private.balance('platform_revenue', '') as revenue, private.balance('host_payable', :'host') as earned \gset
select tests.drive(:'nothing', -3);
select is(private.balance('host_payable', :'host') - :earned, 68000::bigint, 'the host earns what the trip is worth without the code');
select is(private.balance('platform_revenue', '') - :revenue, -68000::bigint, 'the platform pays what a code took off');
select tests.as_user(:'renter');
select is((public.cancel_booking_preview(:'nothing_asked') ->> 'refund_amount')::bigint, 0::bigint, 'cancelling what cost nothing gives nothing back');
select public.cancel_booking(:'nothing_asked', 0, null, gen_random_uuid()) is not null;
select tests.as_owner();
select is((select count(*)::int from public.refunds where payable_id = :'nothing_asked'), 0, 'nothing that was paid orders no refund');

-- shown codes ----------------------------------------------------------------------------------------------------
select tests.make_code('{"code": "SHOWN", "is_listed": true}') as shown, tests.make_code('{"code": "SHOWN-FULL", "is_listed": true, "total_limit": 1}') as shown_full,
  tests.make_code('{"code": "SHOWN-FIRST", "is_listed": true, "first_only": true}') as shown_first \gset
select tests.book_with(:'other', :'vehicle', 500, 'SHOWN-FULL') as full_booking \gset
select tests.as_user(:'renter');
select is((select array_agg(d ->> 'code') from public.available_discounts('rental') d), array['SHOWN'], 'a person sees the codes that are shown and can be used, and no others');
select tests.as_user(:'stranger');
select is((select array_agg(d ->> 'code' order by d ->> 'code') from public.available_discounts() d), array['SHOWN', 'SHOWN-FIRST'], 'one who never booked sees those for a first booking');
select is((select count(*)::int from public.discount_redemptions), 0, 'a stranger sees no use of others');
select tests.as_user(:'admin');
select is((select d ->> 'reserved' from public.list_discounts('rental') d where d ->> 'code' = 'SHOWN-FULL'), '1', 'an admin sees how often a code is used');
select tests.as_owner();

-- guessing -------------------------------------------------------------------------------------------------------
update private.rate_limits set capacity = 3, per_minute = 0.0001 where action = 'discount_not_found';
delete from private.rate_buckets where action = 'discount_not_found';
select tests.make_user('guesser') as guesser \gset
select set_config('request.method', 'POST', true);
select tests.as_service();
create temporary table guesses as select public.quote_facts(:'other', :'vehicle', tests.hours(600), tests.hours(610), '{}', c) ->> 'message' is not null as refused, c
from unnest(array['SHOWN', 'GUESS-1', 'SHOWN', 'GUESS-2', 'GUESS-3']) c;
select is((select array_agg(c order by c) from guesses where refused), array['GUESS-1', 'GUESS-2', 'GUESS-3'], 'a right code costs no token of guessing');
select is(public.quote_facts(:'other', :'vehicle', tests.hours(600), tests.hours(610), '{}', 'SHOWN') ->> 'code', 'PT429', 'who has guessed too often is refused the right code too');
select tests.as_owner();
select set_config('request.method', '', true);

select is_empty('select * from private.check_invariants() where invariant <> ''trust_score_stale''', 'no invariant is violated');
select is_empty('select * from private.reconcile_ledger()', 'the books prove every discount');
select * from finish();
rollback;

-- Complaints about bookings whose money is in several places: extensions, charges, captures, discounts, no-shows.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

update private.rate_limits set capacity = 1000, per_minute = 1000;
select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_admin('admin') as admin \gset
select tests.make_vehicle(:'host') as vehicle, tests.make_vehicle(:'host') as second \gset
select tests.step_up(:'host'), set_config('tests.admin', :'admin', true);
create function tests.complain(p_who uuid, p_payable uuid, p_category text default 'other')
returns uuid
language plpgsql volatile
as $$
declare
  v_id uuid;
begin
  perform tests.as_user(p_who);
  v_id := (private.open_complaint(p_payable, p_category, 'It was not as agreed', 'refund', gen_random_uuid(), null, '{}')).id;
  perform tests.as_owner();
  update public.complaints set statement_until = now() where id = v_id;
  return v_id;
end
$$;
-- As the admin who decides, for what the preview shows.
create function tests.resolve(p_complaint uuid, p_refund bigint default 0, p_deposit bigint default 0)
returns text
language plpgsql volatile
as $$
declare
  v_preview jsonb;
  v_said text;
begin
  perform tests.as_owner();
  perform tests.as_user(current_setting('tests.admin')::uuid);
  perform public.assign_complaint(p_complaint);
  v_preview := public.preview_resolution(p_complaint, p_refund, p_deposit);
  v_said := tests.outcome(format('select public.resolve_complaint(%L, %L, %L, gen_random_uuid(), %L, %L)', p_complaint, 'As the photos show', v_preview ->> 'host_change', p_refund, p_deposit));
  perform tests.as_owner();
  return v_said;
end
$$;
create function tests.preview(p_complaint uuid)
returns jsonb
language plpgsql volatile
as $$
declare
  v_preview jsonb;
begin
  perform tests.as_owner();
  perform tests.as_user(current_setting('tests.admin')::uuid);
  v_preview := public.preview_resolution(p_complaint);
  perform tests.as_owner();
  return v_preview;
end
$$;
-- A charge that the renter has accepted.
create function tests.charge(p_trip uuid, p_kind text, p_amount bigint)
returns uuid
language plpgsql volatile
as $$
declare
  v_booking public.bookings;
  v_photo uuid;
  v_id uuid;
begin
  select * into v_booking from public.bookings where id = p_trip;
  v_photo := tests.make_media(v_booking.host_id, 'charge');
  perform tests.as_user(v_booking.host_id);
  v_id := (public.propose_charge(p_trip, p_kind, gen_random_uuid(), p_amount, 'as seen', array[v_photo])).id;
  perform tests.as_user(v_booking.renter_id);
  perform public.answer_charge(v_id, true);
  perform tests.as_owner();
  return v_id;
end
$$;
create function tests.waiting(p_host uuid)
returns bigint
language sql stable
as $$ select coalesce(sum(amount), 0)::bigint from private.unpaid_entries(p_host, 'VND') where waits $$;

-- a trip that was extended and charged -------------------------------------------------------------------------------
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(100), tests.hours(110)) as trip \gset
select tests.request_extension(:'trip', 5) as change \gset
select tests.pay(:'change');
select tests.drive(:'trip', -20);
select tests.charge(:'trip', 'damage', 3500000) as damage \gset
select tests.pay(:'damage');
update public.bookings set claim_until = greatest(ends_at, now() - interval '1 second') where id = :'trip';
select is(tests.waiting(:'host'), 0::bigint, 'when the claim window is over nothing of a trip waits');
select tests.complain(:'renter', :'trip') as complaint \gset
select is((select array_agg(y.kind || ' ' || private.is_frozen(y.id) order by y.kind) from public.payables y where :'trip' in (y.id, y.part_of)), array['booking true', 'charge true', 'extension true'],
  'a complaint about a booking freezes its extension and its charge too');
select is(tests.waiting(:'host'), (select private.balance('host_payable', :'host')), 'nothing of a trip in dispute can be paid out: not the rent, the extension, the charge or what was captured');
select is(private.schedule_payouts(1), null::uuid, 'no payout is made of it');
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.unfreeze_payable(%L)', :'damage')), 'ok', 'ending the freezes of a charge alone is answered');
select tests.as_owner();
select is(private.is_frozen(:'damage'), true, 'a charge stays frozen for what its booking is frozen for');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated during the complaint');

-- what the decision knows
select is((select array_agg((p ->> 'kind') || ' ' || (p ->> 'amount') order by p ->> 'kind') from jsonb_array_elements(tests.preview(:'complaint') -> 'parts') p), array['charge 500000', 'extension 1000001'], 'the preview lists the payments of extension and charge');
select is((tests.preview(:'complaint') ->> 'refundable_amount')::bigint, 1814405::bigint, 'what a decision gives back comes out of the payment of the booking');
select is((select (record::jsonb #>> '{booking,charges,0,status}') || ' ' || (record::jsonb #>> '{booking,captures,0,amount}') || ' ' || (record::jsonb #>> '{booking,extensions,0,total_amount}') from public.complaint_records where complaint_id = :'complaint'),
  'settled 3000000 1000001', 'the record has extensions, charges and captures');
select is((select record::jsonb #>> '{booking,inspections_sha256}' from public.complaint_records where complaint_id = :'complaint'), private.inspections_sha256(:'trip'), 'the record has the hash of the chain of inspections');
select is(tests.outcome(format('select tests.resolve(%L, 1000000, 1)', :'complaint')), 'complaint_amount_too_high', 'nothing is taken of a deposit of which all was captured');
select is(tests.resolve(:'complaint', 1814405), 'ok', 'all of the price can go back while charge and extension stay');
select is((select array_agg(distinct private.is_frozen(y.id)) from public.payables y where :'trip' in (y.id, y.part_of)), array[false], 'the decision ends the freeze of everything');
select tests.settle();
select is_empty('select * from private.reconcile_ledger()', 'the books prove a decision about a trip with charges');
select tests.as_user(:'admin');
select is((public.refund_payment((select id from public.payments where payable_id = :'damage'), 500000, 'the dent was ours', gen_random_uuid())).amount, 500000::bigint, 'the payment of a charge is given back beside the decision');
select tests.as_owner();

-- a charge that comes during the complaint, and a payout that was made before ----------------------------------------
select tests.make_paid_booking(:'renter', :'second', tests.hours(100), tests.hours(110)) as other \gset
select tests.drive(:'other', -20);
select tests.charge(:'other', 'damage', 3500000) as early \gset
select tests.pay(:'early');
update public.bookings set claim_until = greatest(ends_at, now() - interval '1 second') where id = :'other';
select tests.as_user(:'host');
select public.set_bank_account('970436', '0123456789', 'HOST', gen_random_uuid());
select tests.as_owner();
update public.bank_accounts set created_at = now() - interval '3 days', usable_from = now() - interval '2 days' where user_id = :'host';
select isnt(private.schedule_payouts(1), null, 'what nobody disputes is scheduled for payout');
select tests.complain(:'renter', :'other') as late_complaint \gset
select is((select array_agg(distinct status) from public.payouts), '{frozen}', 'a complaint freezes the payout that holds the money of trip and charge');
update public.bookings set claim_until = now() + interval '1 hour' where id = :'other';
select tests.charge(:'other', 'other', 700000) as new_charge \gset
select is(private.is_frozen(:'new_charge'), true, 'a charge that counts during a complaint is frozen from its first moment');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated with a charge that came during a complaint');
select tests.as_user(:'renter');
select public.withdraw_complaint(:'late_complaint') is not null;
select tests.as_owner();
select is((select array_agg(distinct private.is_frozen(y.id)) from public.payables y where :'other' in (y.id, y.part_of)), array[false], 'withdrawing a complaint frees all parts, also those that came later');
select is((select array_agg(distinct status) from public.payouts), '{scheduled}', 'the payout goes on when the complaint is withdrawn');

-- a no-show ------------------------------------------------------------------------------------------------------------
select tests.make_paid_booking(:'renter', tests.make_vehicle(:'host'), tests.hours(100), tests.hours(110)) as missed \gset
select tests.move_trip(:'missed', -3);
select tests.as_user(:'host');
select (private.report_no_show(:'missed', 'I waited at the place', gen_random_uuid())).id as report \gset
select tests.as_user(:'renter');
select public.answer_no_show(:'report', true) is not null;
select tests.as_owner();
select private.balance('host_payable', :'host') as kept \gset
select tests.complain(:'renter', :'missed') as sad \gset
select (tests.preview(:'sad') ->> 'refundable_amount')::bigint as left_of_it \gset
select is(:left_of_it::bigint, 4814405 - (select sum(amount) from public.refunds where payable_id = :'missed')::bigint, 'after a no-show what was kept can go back');
select is((tests.preview(:'sad') ->> 'deposit_left')::bigint, 0::bigint, 'after a no-show the deposit is on its way back');
select is(tests.resolve(:'sad', :left_of_it), 'ok', 'a decision gives back what a no-show kept');
select is((select sum(amount)::bigint from public.refunds where payable_id = :'missed'), 4814405::bigint, 'with the decision all of a missed trip is back');
select is(private.balance('host_payable', :'host') - :kept, -(select host_gives from public.complaints where id = :'sad'), 'the host gives what the no-show had left');

-- a discount --------------------------------------------------------------------------------------------------------
-- the platform pays for the code: the host earns more than the renter paid
select tests.make_user('new host') as generous \gset
select tests.make_vehicle(:'generous', '{"security_deposit": 0}') as cheap \gset
select tests.as_user(:'admin');
select public.create_discount('{"code": "HALF50", "title": "Half", "scope": "rental", "percent_bps": 5000}', gen_random_uuid()) is not null;
select tests.as_owner();
select (public.store_quote(:'renter', :'cheap', tests.hours(100), tests.hours(110), '{
  "lines": [{"code": "rental_hours", "quantity": 1, "unit_amount": 100000, "amount": 100000}, {"code": "discount", "quantity": 1, "unit_amount": -50000, "amount": -50000},
    {"code": "vat", "quantity": 1, "unit_amount": 4000, "amount": 4000}],
  "total_amount": 54000, "deposit_amount": 0, "host_amount": 80000, "platform_amount": -30000, "tax_amount": 4000, "discount_amount": 50000, "version": "test"}'::jsonb,
  public.quote_facts(:'renter', :'cheap', tests.hours(100), tests.hours(110), '{}', 'HALF50')) ->> 'id') as cheap_quote \gset
select tests.book(:'renter', :'cheap_quote') as bargain \gset
select tests.pay(:'bargain');
select tests.drive(:'bargain', -20);
select tests.complain(:'renter', :'bargain') as cheap_complaint \gset
select is((tests.preview(:'cheap_complaint') ->> 'refundable_amount')::bigint, 54000::bigint, 'of a discounted trip no more goes back than was paid');
select is(tests.resolve(:'cheap_complaint', 54000), 'ok', 'all that was paid for a discounted trip can go back');
select is((select host_gives + platform_gives + tax_gives from public.complaints where id = :'cheap_complaint'), 54000::bigint, 'what goes back of a discounted trip is given by those who earned it');

select tests.settle();
select is_empty('select * from private.reconcile_ledger()', 'the books prove every decision');
select is(tests.broken_promises(), null, 'no invariant is violated at the end');

select * from finish();
rollback;

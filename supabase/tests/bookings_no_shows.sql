-- Bookings: no-shows, from the report to the money.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_user('stranger') as stranger, tests.make_admin('admin') as admin \gset
update private.rate_limits set capacity = 1000, per_minute = 1000;

-- A paid trip of ten hours, on a vehicle of its own, that began so many hours ago.
create function tests.begun(p_renter uuid, p_host uuid, p_hours_ago numeric)
returns uuid
language plpgsql volatile
as $$
declare
  v_id uuid := tests.make_paid_booking(p_renter, tests.make_vehicle(p_host), tests.hours(300), tests.hours(310));
begin
  perform tests.move_trip(v_id, -p_hours_ago);
  return v_id;
end
$$;
create function tests.report(p_user uuid, p_booking uuid)
returns uuid
language plpgsql volatile
as $$
declare
  v_id uuid;
begin
  perform set_config('request.jwt.claims', tests.claims(p_user), true);
  v_id := (private.report_no_show(p_booking, 'I waited at the place', gen_random_uuid())).id;
  perform set_config('request.jwt.claims', '', true);
  return v_id;
end
$$;
create function tests.status_of(p_booking uuid)
returns text language sql stable
as $$ select status from public.bookings where id = p_booking $$;
create function tests.given_back(p_booking uuid)
returns bigint language sql stable
as $$ select coalesce(sum(amount), 0)::bigint from public.refunds where payable_id = p_booking $$;

-- the renter did not come -----------------------------------------------------------------------------------------------
select tests.begun(:'renter', :'host', 0.5) as trip \gset
select is(tests.outcome(format('select tests.report(%L, %L)', :'host', :'trip')), 'too_early', 'nobody is reported before the stated wait is over');
select is(tests.outcome(format('select tests.report(%L, %L)', :'stranger', :'trip')), 'booking_not_found', 'a stranger reports nothing');
select tests.move_trip(:'trip', -2);
select tests.as_user(:'host');
select is(tests.outcome(format('select public.report_no_show(%L, %L, gen_random_uuid())', :'trip', ' ')), 'invalid_input', 'a report says what happened');
select tests.as_owner();
select tests.report(:'host', :'trip') as report \gset
select is((select absent from public.booking_no_shows where id = :'report'), 'renter', 'the host reports that the renter did not come');
select is(private.is_frozen(:'trip'), true, 'a report freezes the money');
select is(tests.status_of(:'trip'), 'confirmed', 'a report alone ends nothing');
select is((select count(*)::int from public.notifications where user_id = :'renter' and template = 'no_show_reported_other' and data ->> 'no_show_id' = :'report'), 1, 'the other side hears of the report');
select is(tests.outcome(format('select tests.report(%L, %L)', :'renter', :'trip')), 'no_show_open', 'a booking has one open report');
select is(tests.outcome(format('insert into public.booking_no_shows (booking_id, absent, note, reporter_id, counts_at) values (%L, %L, %L, %L, now() + interval %L)', :'trip', 'host', 'x', :'renter', '1 hour')), '23505', 'the database itself keeps a booking with one open report');
select is(tests.outcome(format('select tests.record_inspection(%L, %L, %L, 10)', 'check_in', :'host', :'trip')), 'no_show_open', 'no vehicle is handed over while a report is open');
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.cancel_booking_preview(%L)', :'trip')), 'money_frozen', 'nobody cancels while a report is open');
select is(public.booking_detail(:'trip') #>> '{no_show,status}', 'reported', 'both sides see the report in the trip');
select is(tests.outcome(format('select public.withdraw_no_show(%L)', :'report')), 'no_show_not_found', 'only who reported takes a report back');
select tests.as_user(:'host');
select is(tests.outcome(format('select public.answer_no_show(%L, true)', :'report')), 'no_show_not_found', 'nobody answers the own report');
select tests.as_user(:'stranger');
select is((select count(*)::int from public.booking_no_shows), 0, 'a stranger sees no report');
select tests.as_owner();
-- the time passes
update public.booking_no_shows set counts_at = now() - interval '1 second', reported_at = now() - interval '1 hour' where id = :'report';
select tests.as_user(:'renter');
select is(public.booking_detail(:'trip') #>> '{booking,status}', 'no_show', 'a report counts at its time, before any job has run');
select is(tests.outcome(format('select public.answer_no_show(%L, false, %L)', :'report', 'I was there')), 'illegal_transition', 'an objection that comes too late is refused');
select tests.as_owner();
select is(private.count_due_no_shows(), 1, 'a job writes it down');
select is(tests.status_of(:'trip'), 'no_show', 'the booking has ended');
select is((select refund_bps from public.bookings where id = :'trip'), 0, 'a renter who did not come gets what the policy gives after the start');
select is(tests.given_back(:'trip'), 3000000::bigint, 'the deposit goes back to a renter who did not come');
select is(private.is_frozen(:'trip'), false, 'the money is free again');
select is((select count(*)::int from public.calendar_entries where booking_id = :'trip'), 0, 'the time is free again');
select tests.settle();
select is((select sum(-e.amount)::bigint from private.ledger_entries e join private.ledger_accounts a on a.id = e.account_id join private.ledger_transactions t on t.id = e.transaction_id where t.payable_id = :'trip' and a.kind = 'host_payable'), 1360001::bigint, 'the host earns the rent of a renter who did not come');
select is((select array_agg(kind order by id) from private.trust_events where source_id = :'trip'), '{no_show}', 'a renter who did not come loses trust, and the host none');
select set_eq(format($$ select template from public.notifications where data ->> 'booking_id' = %L and template like 'booking_renter_absent%%' $$, :'trip'), '{booking_renter_absent_renter,booking_renter_absent_host}'::text[], 'both sides are told how it ended');
select is(tests.broken_promises(), null, 'no invariant is violated after a renter did not come');

-- the host did not come ---------------------------------------------------------------------------------------------------
select tests.make_paid_booking(:'renter', tests.make_vehicle(:'host'), tests.hours(300), tests.hours(310)) as missed \gset
select tests.request_extension(:'missed', 5) as missed_change \gset
select tests.pay(:'missed_change');
select tests.move_trip(:'missed', -3);
update public.booking_changes set status = status where false;
select tests.report(:'renter', :'missed') as missed_report \gset
select tests.as_user(:'host');
select is((public.answer_no_show(:'missed_report', true)).status, 'accepted', 'the other side can accept a report');
select tests.as_owner();
select is(tests.status_of(:'missed'), 'no_show', 'an accepted report counts at once');
select is(tests.given_back(:'missed'), 4814405::bigint, 'everything goes back when the host did not come');
select is(tests.given_back(:'missed_change'), 1000001::bigint, 'a paid extension goes back as well');
select tests.settle();
select is((select array_agg(kind order by id) from private.trust_events where source_id = :'missed'), '{host_no_show}', 'a host who did not come loses trust, and the renter none');
select is((select array_agg(distinct invariant) from private.check_invariants()), null, 'no invariant is violated after a host did not come');

-- an objection -------------------------------------------------------------------------------------------------------------
select tests.begun(:'renter', :'host', 2) as disputed \gset
select tests.report(:'host', :'disputed') as disputed_report \gset
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.answer_no_show(%L, false)', :'disputed_report')), 'invalid_input', 'an objection has words');
select is((public.answer_no_show(:'disputed_report', false, 'I was there at nine')).status, 'contested', 'the other side can object');
select tests.as_owner();
update public.booking_no_shows set counts_at = now() - interval '1 second', reported_at = now() - interval '1 hour' where id = :'disputed_report';
select is(private.count_due_no_shows(), 0, 'what is contested never counts by time');
select tests.move_trip(:'disputed', -80);
select is(private.settle_unattended_trips(), 0, 'a trip with an open report is not completed as driven');
select tests.as_user(:'host');
select is(tests.outcome(format('select public.decide_no_show(%L, true, %L)', :'disputed_report', 'x')), 'forbidden', 'the sides do not decide');
select tests.as_user(:'admin');
select is(tests.outcome(format('select public.unfreeze_payable(%L)', :'disputed')), 'no_show_open', 'an admin cannot end the freeze of an open report by ending all freezes');
select is((public.decide_no_show(:'disputed_report', true, 'The photos show it')).status, 'upheld', 'an admin can uphold a report');
select is(tests.outcome(format('select public.decide_no_show(%L, false, %L)', :'disputed_report', 'x')), 'illegal_transition', 'a decision is not made twice');
select tests.as_owner();
select is(tests.status_of(:'disputed'), 'no_show', 'an upheld report counts');
select tests.begun(:'renter', :'host', 2) as late \gset
select tests.report(:'host', :'late') as late_report \gset
select tests.as_user(:'renter');
select public.answer_no_show(:'late_report', false, 'Traffic; I am here now') is not null;
select tests.as_user(:'admin');
select is((public.decide_no_show(:'late_report', false, 'The renter came')).status, 'rejected', 'an admin can reject a report');
select tests.as_owner();
select is(private.is_frozen(:'late'), false, 'a rejected report frees the money');
select is(tests.record_inspection('check_in', :'host', :'late', 10), 'confirmed', 'after a rejected report the vehicle can be handed over');
select is(tests.outcome(format('select tests.report(%L, %L)', :'renter', :'late')), 'inspection_open', 'nobody is reported after a hand-over was recorded');
-- withdrawn
select tests.begun(:'renter', :'host', 2) as back \gset
select tests.report(:'renter', :'back') as back_report \gset
select tests.as_user(:'renter');
select is((public.withdraw_no_show(:'back_report')).status, 'withdrawn', 'who reported can take it back');
select tests.as_owner();
select is(private.is_frozen(:'back'), false, 'a report that is taken back frees the money');
select is(tests.inspect('check_in', :'host', :'back', 10), 'in_progress', 'after that the vehicle can be handed over');
select is(tests.outcome(format('select tests.report(%L, %L)', :'host', :'back')), 'illegal_transition', 'nobody is reported during a trip');
-- a host without a vehicle to hand over
select tests.begun(:'renter', :'host', 2) as stuck \gset
update public.vehicles set status = 'suspended' where id = (select vehicle_id from public.bookings where id = :'stuck');
select is(tests.outcome(format('select tests.report(%L, %L)', :'host', :'stuck')), 'vehicle_suspended', 'the host of a suspended vehicle does not report the renter');
select is(tests.outcome(format('select tests.report(%L, %L)', :'renter', :'stuck')), 'ok', 'the renter of a suspended vehicle reports the host');
-- an edit
select is(tests.outcome(format('update public.bookings set status = %L, no_show_by = %L where id = %L', 'no_show', 'renter', :'stuck')), '23514', 'a no-show without its share cannot be stored');
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated at the end');
select finish();
rollback;

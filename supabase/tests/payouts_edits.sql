-- Payouts: what an admin sets in a table editor moves the money, or is refused.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_admin('admin') as admin \gset
select tests.make_paid_booking(:'renter', tests.make_vehicle(:'host'), tests.hours(30), tests.hours(31)) as booking \gset
select tests.drive(:'booking', -3);
select tests.as_user(:'host');
select tests.step_up(:'host');
select public.set_bank_account('970436', '0123456789', 'HOST', gen_random_uuid());
select tests.as_owner();
update public.bank_accounts set created_at = now() - interval '2 days', usable_from = now() - interval '1 day' where user_id = :'host';
update public.bookings set claim_until = now() - interval '1 second' where id = :'booking';
select tests.as_user(:'admin');
select public.propose_payouts();
select tests.as_owner();
set constraints all immediate;
set constraints all deferred;
select id as payout, batch_id as batch from public.payouts where user_id = :'host' \gset

-- What an edit and the end of its transaction come to.
create function tests.edit(p_payout uuid, p_set text) returns text language plpgsql volatile as $$
begin
  perform set_config('journey.cause', '', true);
  execute format('update public.payouts set %s where id = %L', p_set, p_payout);
  set constraints all immediate;
  set constraints all deferred;
  return 'ok';
exception
  when check_violation then
    return 'refused';
end
$$;

select is((select status from public.payouts where id = :'payout'), 'scheduled', 'the payout waits for approval');
select is(tests.edit(:'payout', $$status = 'approved'$$), 'refused', 'an edit cannot approve a payout without naming who sends it');
select is(tests.edit(:'payout', $$status = 'approved', provider = 'payos'$$), 'refused', 'an edit cannot approve a payout that nothing would send');
select is(tests.edit(:'payout', $$status = 'cancelled'$$), 'refused', 'an edit cannot cancel a payout whose money stays set aside');
select is(tests.edit(:'payout', $$status = 'approved', provider = 'manual'$$), 'ok', 'an edit can approve a payout that an admin sends by hand');
select is(tests.edit(:'payout', $$status = 'paid', paid_at = now(), bank_reference = 'FT1'$$), 'refused', 'an edit cannot call a payout paid whose money did not move');
select tests.as_user(:'admin');
select is((public.record_manual_payout(:'payout', 'FT12345')).status, 'paid', 'the command records it');
select tests.as_owner();
set constraints all immediate;
select is(tests.broken_promises(), null, 'no invariant is violated afterwards');

select * from finish();
rollback;

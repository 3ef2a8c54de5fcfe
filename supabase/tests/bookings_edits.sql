-- Bookings: what an admin sets in a table editor is complete, or refused.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('host') as host \gset
select tests.make_vehicle(:'host') as vehicle, tests.make_vehicle(:'host', '{"instant_book": false}') as asking \gset
select tests.make_booking(:'renter', :'vehicle', tests.hours(30), tests.hours(40)) as unpaid \gset
select tests.make_booking(:'renter', :'vehicle', tests.hours(60), tests.hours(70)) as paid \gset
select tests.make_booking(:'renter', :'asking', tests.hours(30), tests.hours(40)) as asked \gset
select tests.make_booking(:'renter', :'asking', tests.hours(60), tests.hours(70)) as asked_too \gset
select tests.pay(:'paid');
select tests.as_owner();
set constraints all immediate;
set constraints all deferred;

-- What an edit and the end of its transaction come to.
create function tests.edit(p_booking uuid, p_set text) returns text language plpgsql volatile as $$
begin
  perform set_config('journey.cause', '', true);
  execute format('update public.bookings set %s where id = %L', p_set, p_booking);
  set constraints all immediate;
  set constraints all deferred;
  return 'ok';
exception
  when check_violation then
    return regexp_replace(sqlerrm, '.*: it ', '');
end
$$;

select is(tests.edit(:'unpaid', $$status = 'confirmed'$$), 'is not paid', 'an edit cannot confirm what is not paid');
select is(tests.edit(:'unpaid', $$status = 'confirmed', confirmed_at = now(), hold_expires_at = null$$), 'is not paid', 'an edit cannot confirm what is not paid, with its dates either');
select is(tests.edit(:'unpaid', $$status = 'expired'$$), 'still has its slot', 'an edit cannot expire a booking that holds its slot');
select is(tests.edit(:'unpaid', $$status = 'cancelled', cancelled_at = now(), cancelled_by = 'admin', refund_bps = 10000$$), 'still has its slot', 'an edit cannot cancel an unpaid booking that holds its slot');
select is(tests.edit(:'paid', $$status = 'cancelled', cancelled_at = now(), cancelled_by = 'admin', refund_bps = 10000$$), 'has money that was not moved', 'an edit cannot cancel a paid booking without its refund');
select is(tests.edit(:'paid', $$status = 'in_progress', checked_in_at = now()$$), 'has no check-in', 'an edit cannot begin a trip without a check-in');
select is(tests.edit(:'asked', $$status = 'pending_payment', hold_expires_at = now() + interval '1 hour'$$), 'has no payment or no hold', 'an edit cannot accept a request');
select is(tests.edit(:'asked', $$status = 'declined'$$), 'ok', 'an edit can decline a request, because nothing else is to be done');
select is(tests.edit(:'asked_too', $$status = 'expired'$$), 'ok', 'an edit can end a request that nobody answered');
select is((select string_agg(distinct status, ' ' order by status) from public.bookings where renter_id = :'renter'), 'confirmed declined expired pending_payment', 'what was refused changed nothing');
select is(tests.broken_promises(), null, 'no invariant is violated after the edits');

-- commands are not in the way of themselves
select tests.as_user(:'renter');
select is((tests.cancel_booking(:'paid')).status, 'cancelled', 'a command can cancel what an edit cannot');
select is((tests.cancel_booking(:'unpaid')).status, 'cancelled', 'a command can cancel an unpaid booking');
select tests.as_owner();
set constraints all immediate;

select * from finish();
rollback;

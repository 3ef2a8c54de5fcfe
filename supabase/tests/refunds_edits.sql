-- Refunds: what an admin sets in a table editor moves the money, or is refused.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('host') as host \gset
select tests.make_vehicle(:'host') as vehicle \gset
select tests.make_booking(:'renter', :'vehicle', tests.hours(230), tests.hours(240)) as booking \gset
select tests.pay(:'booking');
select tests.as_user(:'renter');
select (tests.cancel_booking(:'booking')).status as cancelled \gset
select tests.as_owner();
set constraints all immediate;
set constraints all deferred;
select id as refund from public.refunds where payable_id = :'booking' \gset

-- What an edit and the end of its transaction come to.
create function tests.edit(p_set text) returns text language plpgsql volatile as $$
begin
  perform set_config('journey.cause', '', true);
  execute 'update public.refunds set ' || p_set;
  set constraints all immediate;
  set constraints all deferred;
  return 'ok';
exception
  when check_violation then
    return 'refused';
end
$$;

select is((select status from public.refunds), 'pending', 'the refund waits to be sent');
select is(tests.edit($$status = 'succeeded'$$), 'refused', 'an edit cannot call a refund done without its date');
select is(tests.edit($$status = 'succeeded', completed_at = now()$$), 'refused', 'an edit cannot call a refund done whose money did not move');
select is(tests.edit($$status = 'failed'$$), 'ok', 'an edit can call a refund failed');
update private.outbox set status = 'done', finished_at = now() where topic = 'refund';
select is(tests.edit($$status = 'pending'$$), 'refused', 'an edit cannot order a refund that nothing would send');
select is(tests.broken_promises(), null, 'no invariant is violated after the edits');
select tests.as_user(tests.make_admin('admin'));
select is((public.retry_refund(:'refund')).status, 'pending', 'the command orders it');
select tests.as_owner();
set constraints all immediate;
select is(tests.broken_promises(), null, 'no invariant is violated after the command');

select * from finish();
rollback;

-- Identity: blocks. Who sees them, and what they refuse to both sides.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

update private.rate_limits set capacity = 1000, per_minute = 1000;
select tests.make_renter('renter') as renter, tests.make_renter('other') as other, tests.make_user('host') as host, tests.make_admin('admin') as admin \gset
select tests.make_vehicle(:'host') as vehicle, tests.make_vehicle(:'host', '{"instant_book": false}') as asked \gset

-- The listings that a person finds near the test listings.
create function tests.found_hosts()
returns uuid[]
language sql stable
as $$
  select coalesce(array_agg(distinct v.host_id), '{}')
  from public.search_vehicles(21.03, 105.85, starts_at => tests.hours(30), ends_at => tests.hours(40), page_size => 50) s
  join public.vehicles v on v.id = (s ->> 'vehicle_id')::uuid
$$;

-- visitor, service ---------------------------------------------------------------------------------------------
select tests.as_visitor();
select is(tests.outcome(format('select public.block_user(%L)', :'renter')), '42501', 'a visitor cannot block anybody');
select is(tests.outcome('select * from public.user_blocks'), '42501', 'a visitor cannot read blocks');
select ok(:'host'::uuid = any (tests.found_hosts()), 'a visitor finds every listing');
select tests.as_service();
select is(tests.outcome('select * from public.user_blocks'), '42501', 'the service cannot read who has blocked whom');

-- what exists before -------------------------------------------------------------------------------------------
select tests.as_owner();
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(100), tests.hours(110)) as live,
       tests.make_booking(:'renter', :'asked', tests.hours(100), tests.hours(110)) as request,
       tests.make_quote(:'renter', :'vehicle', tests.hours(200), tests.hours(210)) as quote \gset

-- who blocks ---------------------------------------------------------------------------------------------------
select tests.as_user(:'renter');
select is(tests.outcome('select public.block_user(null)'), 'invalid_input', 'nobody cannot be blocked');
select is(tests.outcome(format('select public.block_user(%L)', :'renter')), 'invalid_input', 'a person cannot block themselves');
select is(tests.outcome('select public.block_user(gen_random_uuid())'), 'not_found', 'a person who does not exist cannot be blocked');
select is(tests.outcome(format('insert into public.user_blocks (user_id, blocked_id) values (%L, %L)', :'host', :'renter')), '42501', 'a person cannot write a block in the name of another');
select is((public.block_user(:'host')) ->> 'blocked_id', :'host', 'a person can block another');
select is(tests.outcome(format('select public.block_user(%L)', :'host')), 'ok', 'blocking is safe to repeat');
select is((select array_agg(blocked_id) from public.user_blocks), array[:'host'::uuid], 'a repeated block is stored once');
select results_eq('select user_id, display_name from public.my_blocks()', format('select %L::uuid, ''host''', :'host'), 'a person lists whom they have blocked, with the public name');
select ok(not :'host'::uuid = any (tests.found_hosts()), 'a person who has blocked a host does not find the host''s vehicles');

-- who is blocked -----------------------------------------------------------------------------------------------
select tests.as_user(:'host');
select is((select count(*)::int from public.user_blocks), 0, 'a blocked person does not see the block');
select is_empty('select * from public.my_blocks()', 'a blocked person does not list who has blocked them');
select is(tests.outcome(format('select private.is_blocked(%L, %L)', :'host', :'renter')), '42501', 'a person cannot ask whether somebody has blocked them');
select is(tests.outcome(format('select private.blocked_with(%L)', :'host')), '42501', 'a person cannot ask who has blocked them');
select is(tests.outcome(format('select public.unblock_user(%L)', :'renter')), 'ok', 'ending a block that is not there changes nothing');
select tests.as_user(:'other');
select is((select count(*)::int from public.user_blocks), 0, 'a third person does not see the block');
select ok(:'host'::uuid = any (tests.found_hosts()), 'a third person still finds the host''s vehicles');
select tests.as_user(:'admin');
select is((select count(*)::int from public.user_blocks), 1, 'an admin sees the block');
select tests.as_owner();
select is((select count(*)::int from public.notifications where user_id = :'host' and template like '%block%'), 0, 'a blocked person is not told');

-- both directions ----------------------------------------------------------------------------------------------
select ok(private.is_blocked(:'renter', :'host') and private.is_blocked(:'host', :'renter'), 'a block counts in both directions');
select ok(not private.is_blocked(:'other', :'host') and not private.is_blocked(null, :'host') and not private.is_blocked(:'host', null), 'people without a block, and nobody, are not blocked');
select is(tests.outcome(format('select public.quote_facts(%L, %L, tests.hours(300), tests.hours(310))', :'renter', :'vehicle')), 'booking_not_possible', 'a person gets no price from a host whom they have blocked');
select is(tests.outcome(format('select tests.book(%L, %L)', :'renter', :'quote')), 'booking_not_possible', 'a quote from before the block makes no booking');
select is(tests.outcome_details(format('select public.quote_facts(%L, %L, tests.hours(300), tests.hours(310))', :'renter', :'vehicle')), '{"code": "booking_not_possible"}'::jsonb, 'the refusal does not say who has blocked whom');
select is(tests.outcome(format('select public.quote_facts(%L, %L, tests.hours(300), tests.hours(310))', :'other', :'vehicle')), 'ok', 'a third person gets a price');
select tests.as_user(:'renter');
select public.unblock_user(:'host');
select ok(:'host'::uuid = any (tests.found_hosts()), 'after the block has ended the host''s vehicles are found again');
select tests.as_user(:'host');
select public.block_user(:'renter');
select tests.as_user(:'renter');
select ok(not :'host'::uuid = any (tests.found_hosts()), 'a person whom a host has blocked does not find the host''s vehicles');
select is(tests.outcome(format('select public.unblock_user(%L)', :'host')), 'ok', 'a person whom another has blocked may end blocks of their own');
select tests.as_owner();
select is(tests.outcome_details(format('select public.quote_facts(%L, %L, tests.hours(300), tests.hours(310))', :'renter', :'vehicle')), '{"code": "booking_not_possible"}'::jsonb, 'the refusal is the same whoever has blocked');
select is(tests.outcome(format('select tests.make_booking(%L, %L, tests.hours(300), tests.hours(310))', :'renter', :'asked')), 'booking_not_possible', 'a person whom a host has blocked cannot send a request');

-- what was agreed before ---------------------------------------------------------------------------------------
select is((select status from public.bookings where id = :'request'), 'requested', 'a request from before the block stays');
select is((select status from public.bookings where id = :'live'), 'confirmed', 'a booking from before the block stays');
select tests.drive(:'live', -20);
select is((select status from public.bookings where id = :'live'), 'completed', 'a booking from before the block can be completed');
select ok(exists (select from public.notifications where user_id = :'host' and template = 'booking_completed_host'), 'the two are still told about their booking');

-- storing ------------------------------------------------------------------------------------------------------
select is(tests.outcome(format('insert into public.user_blocks (user_id, blocked_id) values (%L, %L)', :'host', :'host')), '23514', 'a block of oneself cannot be stored');
insert into public.user_blocks (user_id, blocked_id, created_at) select :'admin', u, now() - n * interval '1 hour' from unnest(array[:'renter', :'other', :'host']::uuid[]) with ordinality x (u, n);
select tests.as_user(:'admin');
select is((select array_agg(user_id) from public.my_blocks()), array[:'renter', :'other', :'host']::uuid[], 'an admin lists the own blocks only, the last one first');
select is((select array_agg(user_id) from public.my_blocks(page_size => 2)), array[:'renter', :'other']::uuid[], 'the list of blocks has pages');
select is((select array_agg(n.user_id) from public.my_blocks(page_size => 2) b, public.my_blocks(jsonb_build_object('created_at', b.created_at, 'id', b.user_id)) n where b.user_id = :'other'), array[:'host'::uuid], 'the next page of blocks begins after the last row');
select tests.as_owner();
update public.profiles set deleted_at = now() where id = :'other';
select tests.as_user(:'admin');
select is((select array_agg(display_name) from public.my_blocks()), array['renter', null, 'host'], 'a blocked account that was deleted has no name in the list');
select is(tests.outcome(format('select public.block_user(%L)', :'other')), 'not_found', 'an account that was deleted cannot be blocked');
select tests.as_owner();
update private.rate_limits set capacity = 1, per_minute = 0.001 where action = 'block_user';
delete from private.rate_buckets;
select tests.as_user(:'renter');
select is(tests.outcome(format('select public.block_user(%L)', :'host')), 'ok', 'a block within the limit is accepted');
select is(tests.outcome(format('select public.block_user(%L)', :'admin')), 'rate_limited', 'a block above the limit is refused');

select * from finish();
rollback;

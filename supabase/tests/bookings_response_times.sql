-- Bookings, response times: what counts as an answer of a host, and that it can be computed again from the log.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_renter('renter') as renter, tests.make_user('host') as host \gset
update private.rate_limits set capacity = 1000 where action = 'request_to_host';
select tests.make_vehicle(:'host', '{"instant_book": false}') as vehicle \gset
-- a request that was made so many seconds ago
create function tests.request(p_renter_id uuid, p_vehicle_id uuid, p_from numeric, p_seconds int)
returns uuid
language plpgsql volatile
as $$
declare
  v_id uuid := tests.make_booking(p_renter_id, p_vehicle_id, tests.hours(p_from), tests.hours(p_from + 10));
begin
  alter table private.domain_events disable trigger append_only;
  update private.domain_events set occurred_at = now() - make_interval(secs => p_seconds) where subject_id = v_id;
  alter table private.domain_events enable trigger append_only;
  return v_id;
end
$$;
create function tests.seconds(p_booking_id uuid)
returns int
language sql stable
as $$ select seconds from private.response_times where subject_id = p_booking_id $$;

select tests.request(:'renter', :'vehicle', 100, 90) as declined, tests.request(:'renter', :'vehicle', 200, 600) as accepted, tests.request(:'renter', :'vehicle', 300, 7200) as expired \gset
select is((select count(*)::int from private.response_times), 0, 'a request that waits has no response time');
select tests.as_user(:'host');
select public.answer_booking(:'declined', false, gen_random_uuid()) is not null, public.answer_booking(:'accepted', true, gen_random_uuid()) is not null;
select tests.as_owner();
select is(tests.seconds(:'declined'), 90, 'a no counts from the request to the answer');
select is(tests.seconds(:'accepted'), 600, 'a yes counts from the request to the answer');
select is((select response_minutes from public.public_profile(:'host')), 6, 'the profile of a host shows the middle of the answers in minutes');
update public.bookings set answer_by = now() - interval '1 second' where id = :'expired';
select private.expire_overdue_requests();
select is(tests.seconds(:'expired'), 7200, 'a request that ran out counts until then');
select is((select response_minutes from public.public_profile(:'host')), 10, 'a request that ran out changes the response time');
-- what is no answer
select tests.pay(:'accepted');
select tests.request(:'renter', :'vehicle', 400, 5) as wanted, tests.request(:'renter', :'vehicle', 403, 50) as overlapping, tests.request(:'renter', :'vehicle', 500, 50) as withdrawn \gset
select tests.as_user(:'host');
select public.answer_booking(:'wanted', true, gen_random_uuid()) is not null;
select tests.as_owner();
select tests.pay(:'wanted');
select is((select status || ' ' || coalesce(tests.seconds(id)::text, '-') from public.bookings where id = :'overlapping'), 'declined -', 'a request that another booking declined is no answer');
select tests.as_user(:'renter');
select tests.cancel_booking(:'withdrawn') is not null;
select tests.as_owner();
select is((select status || ' ' || coalesce(tests.seconds(id)::text, '-') from public.bookings where id = :'withdrawn'), 'cancelled -', 'a request that the renter withdrew is no answer');
select is((select count(*)::int from private.invariant_response_time_disagrees()), 0, 'what is kept agrees with the log');
-- computed again
insert into private.response_times (subject_id, user_id, seconds, answered_at) values (gen_random_uuid(), :'renter', 5, now());
select array_agg(t order by subject_id)::text as kept from private.response_times t \gset
update private.response_times set seconds = 1 where subject_id = :'declined';
delete from private.response_times where subject_id = :'accepted';
select is((select array_agg(detail order by detail) from private.invariant_response_time_disagrees()), '{"1 seconds, should be 90 seconds","nothing, should be 600 seconds"}', 'what differs from the log is found');
select private.rebuild_response_times();
select is((select array_agg(t order by subject_id)::text from private.response_times t), :'kept', 'response times are computed again from the log, and those of other modules stay');

delete from private.response_times;
update public.profiles set deleted_at = now() where id = :'host';
select is((select count(*)::int from private.invariant_response_time_disagrees()), 0, 'nothing is kept of a host who is gone');

select * from finish();
rollback;

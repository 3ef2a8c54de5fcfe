-- Bookings: the deadlines that follow the time left before the start.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select is(private.answer_deadline(now() + interval '100 hours') - now(), interval '8 hours', 'a host has eight hours to answer when the start is far away');
select is(private.answer_deadline(now() + interval '16 hours') - now(), interval '8 hours', 'a host has eight hours to answer up to sixteen before the start');
select is(private.answer_deadline(now() + interval '6 hours') - now(), interval '3 hours', 'a host has half of the time that is left when the start is nearer');
select is(private.answer_deadline(now() + interval '20 minutes') - now(), interval '15 minutes', 'a host has a quarter of an hour at least');
select is(
  (select array_agg(private.pay_deadline(now() + l) - now() order by l) from unnest(array[interval '1 hour', '6 hours', '24 hours', '72 hours', '168 hours']) l),
  array[interval '15 minutes', '1 hour', '4 hours', '12 hours', '24 hours'], 'the time to pay grows with the time before the start');
select is(private.pay_deadline(now() + interval '5 minutes') - now(), interval '5 minutes', 'nobody pays after the start');
select is(
  (select jsonb_object_agg(p, (select jsonb_agg(private.policy_bps(jsonb_populate_record(null::public.bookings, jsonb_build_object(
      'starts_at', now(), 'cancellation_policy', jsonb_build_object('tiers', private.setting('cancellation_policies') -> p))), now() - h * interval '1 hour')) from unnest(array[200, 100, 30, 1]) h))
    from unnest(array['flexible', 'moderate', 'strict']) p),
  '{"flexible": [10000, 10000, 10000, 5000], "moderate": [10000, 10000, 5000, 0], "strict": [10000, 5000, 0, 0]}',
  'each policy gives back less the nearer the start is');
select finish();
rollback;

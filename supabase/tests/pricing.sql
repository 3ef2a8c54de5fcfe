-- Pricing: what a quote needs, what can be stored as one, and who sees it.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_user('host') as host, tests.make_renter('renter') as renter, tests.make_user('stranger') as stranger \gset
select tests.make_vehicle(:'host', '{"min_hours": 2, "max_days": 10, "notice_hours": 3}') as vehicle, tests.make_draft(:'host') as draft \gset
select tests.make_quote(:'renter', :'vehicle', tests.hours(30), tests.hours(40)) as quote \gset

select tests.as_visitor();
select is(tests.outcome('select * from public.quotes'), '42501', 'a visitor cannot read quotes');
select tests.as_user(:'stranger');
select is((select count(*)::int from public.quotes), 0, 'a stranger sees no quote of others');
select is(tests.outcome(format('select public.quote_facts(auth.uid(), %L, tests.hours(30), tests.hours(40))', :'vehicle')), '42501', 'a person cannot ask for the facts of a price');
select is(tests.outcome(format('select public.store_quote(auth.uid(), %L, tests.hours(30), tests.hours(40), tests.priced(), %L)', :'vehicle', '{}')), '42501', 'a person cannot store a quote with an own price');
select is(tests.outcome('insert into public.quotes (renter_id) values (auth.uid())'), '42501', 'a person cannot insert a quote');
select tests.as_user(:'host');
select is((select count(*)::int from public.quotes), 0, 'a host does not see the quotes for the own vehicle');
select tests.as_user(:'renter');
select is((select array_agg(id) from public.quotes), array[:'quote'::uuid], 'a renter sees the own quote');
select is(tests.outcome('select host_amount, platform_amount, commission_bps from public.quotes'), '42501', 'a renter does not see what is between host and platform');
select is((select facts -> 'rates' ? 'commission_bps' from public.quotes), false, 'the facts of a quote do not tell the commission');
select is(tests.outcome('update public.quotes set total_amount = 1'), '42501', 'a renter cannot change a quote');

select tests.as_service();
select is(tests.outcome(format('select public.quote_facts(%L, %L, %s, %s)', who, vehicle, a, b)), e, l)
from (values
  (:'renter', :'vehicle', 'tests.hours(40)', 'tests.hours(40)', 'period_invalid', 'a period of no length is refused'),
  (:'renter', :'vehicle', 'tests.hours(40)', 'tests.hours(39)', 'period_invalid', 'a period that runs backwards is refused'),
  (:'renter', :'vehicle', 'tests.hours(-1)', 'tests.hours(39)', 'period_in_past', 'a period that begins in the past is refused'),
  (:'renter', :'vehicle', 'null', 'tests.hours(39)', 'invalid_input', 'a period without a beginning is refused'),
  (:'renter', :'vehicle', 'tests.hours(1)', $$'infinity'$$, 'invalid_input', 'a period without an end is refused'),
  (:'renter', :'vehicle', 'tests.hours(30)', 'tests.hours(31)', 'period_too_short', 'a period below the shortest rental is refused'),
  (:'renter', :'vehicle', 'tests.hours(30)', 'tests.hours(32)', 'ok', 'a period of exactly the shortest rental is accepted'),
  (:'renter', :'vehicle', 'tests.hours(50)', 'tests.hours(50 + 240)', 'ok', 'a period of exactly the longest rental is accepted'),
  (:'renter', :'vehicle', 'tests.hours(50)', $$tests.hours(50 + 240) + interval '1 second'$$, 'period_too_long', 'a period a second above the longest rental is refused'),
  (:'renter', :'vehicle', 'tests.hours(50)', 'tests.hours(87600)', 'period_too_long', 'a period of ten years is refused'),
  (:'renter', :'vehicle', 'tests.hours(24 * 366)', 'tests.hours(24 * 367)', 'period_too_long', 'a period that begins in more than a year is refused'),
  (:'renter', :'vehicle', 'tests.hours(2)', 'tests.hours(9)', 'notice_too_short', 'a period that begins before the notice of the host is refused'),
  (:'host', :'vehicle', 'tests.hours(30)', 'tests.hours(40)', 'own_vehicle', 'a host cannot get a quote for the own vehicle'),
  (:'stranger', :'vehicle', 'tests.hours(30)', 'tests.hours(40)', 'licence_required', 'a person without a licence gets no quote'),
  (:'renter', :'draft', 'tests.hours(30)', 'tests.hours(40)', 'vehicle_not_found', 'a draft has no quote'),
  (:'renter', :'host', 'tests.hours(30)', 'tests.hours(40)', 'vehicle_not_found', 'a vehicle that does not exist has no quote')
) t (who, vehicle, a, b, e, l);
select public.quote_facts(:'renter', :'vehicle', tests.hours(30), tests.hours(40), '{"insurance": "basic"}') as facts \gset
select is((select array_agg(k order by k) from jsonb_object_keys(:'facts'::jsonb) k),
  array['cancellation_policy', 'currency', 'delivery_fee', 'discount', 'ends_at', 'long_stay_days', 'long_stay_discount_bps', 'options', 'price_per_day', 'price_per_hour',
    'quote_minutes', 'rates', 'security_deposit', 'starts_at', 'time_zone', 'weekend_bps'], 'the facts are all that pricing needs');

-- what cannot be stored
select is(tests.outcome(format('select public.store_quote(%L, %L, tests.hours(30), tests.hours(40), tests.priced() || %L, %L)', :'renter', :'vehicle', p, :'facts')), e, l)
from (values
  ('{}', 'ok', 'a price that adds up can be stored'),
  ('{"total_amount": 4814404}', '23514', 'a total that is not the sum of its lines cannot be stored'),
  ('{"host_amount": 1360000}', '23514', 'a split that loses a dong cannot be stored'),
  ('{"host_amount": -1, "platform_amount": 1680005}', '23514', 'a negative share cannot be stored'),
  ('{"lines": []}', '23514', 'a price without lines cannot be stored')
) t (p, e, l);

select tests.as_owner();
select is((select expires_at from public.quotes where id = :'quote'), now() + interval '10 minutes', 'a quote is valid for ten minutes');
update private.settings set value = value || '{"commission_bps": 9999}' where key = 'rates';
select is((select commission_bps from public.quotes where id = :'quote'), 1500, 'a quote keeps the rates that it was made with');
update private.rate_limits set capacity = 1 where action = 'quote';
delete from private.rate_buckets;
select tests.as_service();
select is((select array_agg(tests.outcome(format('select public.quote_facts(%L, %L, tests.hours(30), tests.hours(40))', :'renter', :'vehicle')) order by n) from generate_series(1, 2) n), array['ok', 'rate_limited'], 'quotes above the rate limit are refused');

select * from finish();
rollback;

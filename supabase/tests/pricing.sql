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
  array['cancellation_policy', 'currency', 'day_prices', 'delivery_fee', 'discount', 'ends_at', 'long_stay_days', 'long_stay_discount_bps', 'options', 'price_per_day', 'price_per_hour',
    'quote_minutes', 'rates', 'security_deposit', 'starts_at', 'time_zone', 'weekday_prices', 'weekend_bps'], 'the facts are all that pricing needs');

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

-- prices of days ------------------------------------------------------------------------------------------------
select tests.as_owner();
update private.rate_limits set capacity = 1000 where action = 'quote';
delete from private.rate_buckets where action = 'quote';
select tests.as_user(:'host');
select (tests.hours(30) at time zone 'Asia/Ho_Chi_Minh')::date as day \gset
select is(public.set_day_prices(:'vehicle', :'day', :'day'::date + 2, 1500000), 3, 'a host sets the price of each of some days');
select public.set_weekday_price(:'vehicle', extract(isodow from :'day'::date)::int, 900000);
select is(tests.outcome(format('select public.set_day_prices(%L, %L, %L, 1)', :'vehicle', :'day', :'day')), 'invalid_input', 'a price that no listing may have is refused');
select is(tests.outcome(format('select public.set_day_prices(%L, %L, %L, 1500000)', :'vehicle', :'day', :'day'::date - 1)), 'invalid_input', 'days that run backwards have no price');
select is(tests.outcome(format('select public.set_weekday_price(%L, 8, 900000)', :'vehicle')), 'invalid_input', 'a week has seven days');
select tests.as_user(:'stranger');
select is(tests.outcome(format('select public.set_day_prices(%L, %L, %L, 1500000)', :'vehicle', :'day', :'day')), 'vehicle_not_found', 'a stranger sets no price');
select is((select array_agg(reason order by day) from public.price_calendar(:'vehicle', :'day'::date, :'day'::date + 2)), array['day', 'day', 'day'], 'everybody reads what days cost');
select is((select (price_per_day, reason)::text from public.price_calendar(:'vehicle', :'day'::date + 7, :'day'::date + 7)), '(900000,weekday)', 'a day of the week has its price where no single day has one');
select tests.as_service();
select is(public.quote_facts(:'renter', :'vehicle', tests.hours(50), tests.hours(60)) #>> '{weekday_prices,0,price_per_day}', '900000', 'a quote has the prices of days of the week');
select is((select d ->> 'price_per_day' from jsonb_array_elements(public.quote_facts(:'renter', :'vehicle', tests.hours(50), tests.hours(60)) -> 'day_prices') d limit 1), '1500000', 'a quote has the prices of its days');
select tests.as_user(:'host');
select is(public.set_day_prices(:'vehicle', :'day', :'day'::date + 300), 3, 'a host takes the prices of days back');
select tests.as_owner();
select is((select count(*)::int from private.day_prices), 0, 'days without a price of their own have no row');

select * from finish();
rollback;

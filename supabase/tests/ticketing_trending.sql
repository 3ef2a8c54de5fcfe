-- Ticketing: which events are wanted at this time, and favourites. The race of those who count is in tests/ticketing.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

update private.rate_limits set capacity = 1000, per_minute = 1000;
select tests.make_user('owner') as owner, tests.make_user('an') as an, tests.make_user('binh') as binh, tests.make_user('chi') as chi, tests.make_user('dung') as dung \gset
update public.profiles set email_verified_at = now() where id in (:'an', :'binh', :'chi', :'owner');
update public.profiles set email_verified_at = null where id = :'dung';
select tests.make_event(:'owner') as rock, tests.make_event(:'owner') as jazz, tests.make_event(:'owner') as opera, tests.make_event(:'owner') as quiet, tests.make_event(:'owner', '{"price": 0}') as free \gset
update public.events set city = 'Huế', category = 'theatre' where id = :'opera';
create function pg_temp.trending(p_city text default null, p_category text default null) returns uuid[] language sql as $$
  select array_agg((h ->> 'id')::uuid) from public.trending_events(p_city, p_category) h $$;
grant execute on function pg_temp.trending to public;
create function pg_temp.worth(p_event uuid) returns timestamptz language sql as $$
  select private.count_interests(); select sum_at from private.event_trends where event_id = p_event $$;
create function pg_temp.ages(p_event uuid, p_time interval) returns void language sql as $$
  update private.event_interests set at = at - p_time where event_id = p_event $$;

-- what counts
select tests.make_paid_order(:'an', :'jazz') as order_of_an \gset
select tests.make_paid_order(:'an', :'rock', 4) \gset
select tests.make_paid_order(:'an', :'rock', 5) \gset
select tests.make_order(:'binh', :'rock') \gset
select is(pg_temp.worth(:'rock'), pg_temp.worth(:'jazz'), 'many tickets of one person count once');
select tests.make_paid_order(:'binh', :'rock') \gset
select tests.make_paid_order(:'dung', :'opera') \gset
select tests.as_visitor();
select is((pg_temp.trending())[1], :'rock'::uuid, 'what two people bought goes before what one bought');
select is(cardinality(pg_temp.trending()), 3, 'what nobody wants is not in the list');
select is(pg_temp.trending('hue'), array[:'opera']::uuid[], 'a city has a list of its own, with or without diacritics');
select is(pg_temp.trending(null, 'theatre'), array[:'opera']::uuid[], 'a category has a list of its own');
select tests.as_owner();
select round(extract(epoch from pg_temp.worth(:'rock') - pg_temp.worth(:'jazz'))) as double_worth \gset
select is(:double_worth::int, 172800, 'twice as many people are worth two days');

-- time
select tests.make_paid_order(:'chi', :'opera') \gset
select pg_temp.ages(:'opera', interval '7 days');
select tests.as_visitor();
select is((pg_temp.trending())[1], :'rock'::uuid, 'what was sold today goes before as much of last week');
select tests.as_owner();

-- what is taken back
update public.orders set status = 'cancelled', cancelled_at = now(), cancelled_by = 'buyer' where id = :'order_of_an';
select tests.as_visitor();
select ok(:'jazz' <> all (pg_temp.trending()), 'a cancelled order counts no more');
select tests.as_owner();
select is((select count(*)::int from private.event_trends where event_id = :'jazz'), 0, 'what nobody wants any more has no trend');
select tests.make_paid_order(:'an', :'jazz') \gset
select tests.as_visitor();
select ok(:'jazz' = any (pg_temp.trending()), 'who buys again counts again');

-- who does not count
select tests.as_owner();
select tests.make_order(:'dung', :'free') \gset
select tests.make_order(:'owner', :'free') \gset
select is(pg_temp.worth(:'free'), null, 'a free ticket of an account that nobody has verified, or of the organizer, counts nothing');
select tests.make_order(:'chi', :'free') \gset
select ok(pg_temp.worth(:'free') is not null, 'a free ticket of somebody verified counts');

-- favourites
select tests.as_visitor();
select is(tests.outcome(format('select public.set_event_favourite(%L, true)', :'quiet')), '42501', 'a visitor has no favourites');
select tests.as_user(:'an');
select public.set_event_favourite(:'quiet', true) \gset
select public.set_event_favourite(:'quiet', true) \gset
select public.set_event_favourite(:'rock', true) \gset
select is((select array_agg(h ->> 'id' order by h ->> 'id') from public.my_event_favourites() h), (select array_agg(i order by i) from unnest(array[:'quiet', :'rock']) i), 'a person lists the own favourites');
select is((select h ->> 'status' from public.my_event_favourites() h limit 1), 'published', 'a favourite says its state of now');
select is(tests.outcome(format('select public.set_event_favourite(%L, true)', gen_random_uuid())), 'event_not_found', 'an event that does not exist is nobody''s favourite');
select is(tests.outcome(format('select public.set_event_favourite(%L, null)', :'rock')), 'invalid_input', 'a favourite is one or is none');
select tests.as_user(:'binh');
select is((select count(*)::int from public.event_favourites), 0, 'nobody sees the favourites of another');
select tests.as_visitor();
select ok(:'quiet' = any (pg_temp.trending()), 'an event that somebody likes is wanted');
select tests.as_user(:'an');
select public.set_event_favourite(:'quiet', false) \gset
select ok(:'quiet' <> all (pg_temp.trending()), 'an event that nobody likes any more is not');
select tests.as_owner();
update private.settings set value = '1' where key = 'max_event_favourites';
select tests.as_user(:'an');
select is(tests.outcome(format('select public.set_event_favourite(%L, true)', :'quiet')), 'too_many_event_favourites', 'a person has so many favourites at most');

-- pages
select tests.as_owner();
create function pg_temp.walk() returns uuid[] language plpgsql as $$
declare
  v_after jsonb;
  v_row jsonb;
  v_ids uuid[] := '{}';
begin
  loop
    select h into v_row from public.trending_events(null, null, v_after, 1) h;
    exit when v_row is null;
    v_ids := v_ids || (v_row ->> 'id')::uuid;
    v_after := jsonb_build_object('trend_at', v_row -> 'trend_at', 'id', v_row -> 'id');
  end loop;
  return v_ids;
end $$;
grant execute on function pg_temp.walk to public;
select tests.as_visitor();
select pg_temp.trending() as listed \gset
select is(pg_temp.walk(), :'listed'::uuid[], 'a page goes on where the last one ended');
select is(tests.outcome($$ select public.trending_events(after => '{"id": 1}') $$), 'invalid_input', 'a page needs both keys of the last row');

-- what is over
select tests.as_owner();
update public.event_configs set visibility = 'unlisted' where event_id = :'rock';
select tests.as_visitor();
select ok(:'rock' <> all (pg_temp.trending()), 'an unlisted event is in no list');
select tests.as_user(:'owner');
select private.cancel_event(:'jazz', 'The singer is ill') \gset
select tests.as_visitor();
select ok(:'jazz' <> all (pg_temp.trending()), 'a cancelled event is in no list');
select tests.as_owner();
select private.tidy_trends() \gset
select is((select count(*)::int from private.event_interests where event_id = :'jazz'), 0, 'who wanted what is over is forgotten');

-- sums
select is(private.add_trends('2026-01-01 00:00Z', '2026-01-01 00:00Z'), '2026-01-03 00:00Z'::timestamptz, 'two equal sums are one that is worth two days more');
select is(private.add_trends('2026-01-01 00:00Z', '1990-01-01 00:00Z'), '2026-01-01 00:00Z'::timestamptz, 'what faded long ago adds nothing, and is no error');
select ok(abs(extract(epoch from private.trend_of(array['2026-01-01 00:00Z', '2026-01-02 00:00Z', '2025-12-28 00:00Z']::timestamptz[], '{1,1,1}')
  - private.add_trends(private.add_trends('2025-12-28 00:00Z', '2026-01-02 00:00Z'), '2026-01-01 00:00Z'))) < 0.001, 'a sum of many is what adding them one by one gives');
select is(private.trend_of(array['2026-01-01 00:00Z']::timestamptz[], '{4}'), '2026-01-05 00:00Z'::timestamptz, 'a weight of four is worth four days');
select is(private.trend_of('{}', '{}'), null, 'a sum of nothing is none');

-- what cannot be stored
select is(tests.outcome(format($$ insert into private.event_interests (event_id, user_id, reason, weight) values (%L, %L, 'bought', 1000) $$, :'quiet', :'an')), '23514', 'nobody counts a thousand times');

select * from finish();
rollback;

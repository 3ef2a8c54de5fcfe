-- Nonsense: every function of the API called with nulls and absurd values, as a signed-in person.
-- Whatever comes is a plain answer or a refusal from the registry; an SQL error that escapes is a bug.
-- Functions are found in the catalog, so that a new one is called here the day it exists.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

update private.rate_limits set capacity = 1000000, per_minute = 1000000;
select tests.make_renter('renter') as renter, tests.make_user('host') as host, tests.make_admin('admin') as admin \gset
select tests.make_vehicle(:'host') as vehicle \gset
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(30), tests.hours(40)) as booking \gset

-- Values per type, as SQL text. `real` ones exist in the database, so that checks behind the lookup are met too.
create temporary table absurd (type text, value text);
insert into absurd values
  ('uuid', $$'00000000-0000-0000-0000-000000000000'$$), ('uuid', $$'ffffffff-ffff-ffff-ffff-ffffffffffff'$$),
  ('text', $$''$$), ('text', $$' '$$), ('text', $$repeat('x', 200000)$$), ('text', $$E'\u0001\u200b\n%_\\''"'$$), ('text', $$'{{total}}'$$), ('text', $$'NaN'$$),
  ('int4', '0'), ('int4', '-1'), ('int4', '2147483647'), ('int4', '-2147483648'),
  ('int8', '0'), ('int8', '-1'), ('int8', '9223372036854775807'), ('int8', '-9223372036854775808'),
  ('float8', $$'NaN'$$), ('float8', $$'Infinity'$$), ('float8', $$'-Infinity'$$), ('float8', '1e308'), ('float8', '-90'),
  ('numeric', $$'NaN'$$), ('numeric', '-1'), ('numeric', '1e100'),
  ('bool', 'true'), ('bool', 'false'),
  ('date', $$'infinity'$$), ('date', $$'-infinity'$$), ('date', $$'5874897-12-31'$$), ('date', $$'4713-01-01 BC'$$),
  ('timestamptz', $$'infinity'$$), ('timestamptz', $$'-infinity'$$), ('timestamptz', $$'294276-12-31'$$), ('timestamptz', $$'4713-01-01 BC'$$),
  ('timestamptz', $$'epoch'$$), ('timestamptz', $$now() + interval '20 days'$$), ('timestamptz', $$now() + interval '10 years'$$),
  ('jsonb', $$'null'$$), ('jsonb', $$'{}'$$), ('jsonb', $$'[]'$$), ('jsonb', $$'"x"'$$), ('jsonb', $$'5'$$), ('jsonb', $$'true'$$), ('jsonb', $$'[null]'$$),
  ('jsonb', $$'[[]]'$$), ('jsonb', $$'[1, "x", {}]'$$), ('jsonb', $$'{"no_such_field": 1}'$$), ('jsonb', $$'[{"angle": null, "media_id": null}]'$$),
  ('jsonb', $$'[{"angle": "front", "media_id": "x"}]'$$),
  ('jsonb', $$'{"sort": "distance", "key": "x", "id": 5}'$$), ('jsonb', $$'{"sort": "price", "key": 1.5, "id": "00000000-0000-0000-0000-000000000000"}'$$),
  ('jsonb', $$'{"sort": "distance", "key": 1e300, "id": "------------------------------------"}'$$),
  ('jsonb', $$'{"sort": "distance", "key": 1e999, "id": "00000000-0000-0000-0000-000000000000"}'$$),
  ('jsonb', $$'{"sort": "rating", "key": 1e999, "id": "00000000-0000-0000-0000-000000000000"}'$$),
  ('jsonb', $$'{"sort": "price", "key": 1e30, "id": "00000000-0000-0000-0000-000000000000"}'$$),
  ('jsonb', $$'{"created_at": "2026-99-99T99:99:99", "id": "00000000-0000-0000-0000-000000000000"}'$$),
  ('jsonb', $$'{"created_at": "2026-01-01T00:00:00", "id": "------------------------------------"}'$$),
  ('_text', $$'{}'$$), ('_text', $$'{null}'$$), ('_text', $$'{{a,b},{c,d}}'$$), ('_text', $$array_fill('x'::text, array[5000])$$), ('_text', $$'{gps,gps}'$$);
-- Ids that exist, and values that make sense, by the name of the argument.
create temporary table known (argument text primary key, value text);
-- functions that an admin calls with nonsense too
create temporary table asked_as_admin (name text primary key);
-- functions that a renter calls with the values of known, and that must answer
create temporary table sensible (name text primary key);
-- what each module knows; a file may add to absurd what is absurd in its module alone
\set nonsense `cat *_nonsense.psql`
:nonsense

-- One call per argument and absurd value, the other arguments sensible; one with nulls everywhere.
create function tests.calls(p_caller text)
returns table (function_name text, argument text, absurdity text, statement text)
language sql volatile
as $$
  with functions as (
    select p.oid, p.proname::text as name, a.name as argument, t.typname::text as type, a.i,
           format('cast(%s as %s)', coalesce((select k.value from known k where k.argument = a.name
             -- a name that means two things
             and not (a.name = 'kind' and p.proname in ('search_vehicles', 'vehicle_facets')) and not (a.name = 'event_id' and t.typname <> 'uuid') limit 1), 'null'), format_type(t.oid, null)) as sensible
    from pg_proc p
    cross join lateral unnest(p.proargtypes::oid[], p.proargnames[1:p.pronargs]) with ordinality a (type, name, i)
    join pg_type t on t.oid = a.type
    where p.pronamespace = 'public'::regnamespace and has_function_privilege(p_caller, p.oid, 'execute')
  ),
  calls as (
    select f.name, f.argument, v.value as absurdity,
      (select string_agg(quote_ident(o.argument) || ' => ' || case when o.i = f.i then format('cast(%s as %s)', v.value, format_type(t.oid, null)) else o.sensible end, ', ' order by o.i)
       from functions o join pg_type t on t.typname = o.type and t.typnamespace = 'pg_catalog'::regnamespace where o.oid = f.oid) as arguments
    from functions f
    join (select type, value from absurd union all select distinct type, 'null' from absurd) v on v.type = f.type
    union all
    select f.name, '*', 'all null', string_agg(quote_ident(f.argument) || ' => null', ', ' order by f.i)
    from functions f group by f.oid, f.name
    union all
    select f.name, '*', 'sensible', string_agg(quote_ident(f.argument) || ' => ' || f.sensible, ', ' order by f.i)
    from functions f group by f.oid, f.name
  )
  select name, argument, absurdity, format('select * from public.%I(%s)', name, arguments) from calls
$$;

-- Runs a statement and undoes it. Answers what it is refused with, and the field that the refusal names.
create function tests.outcome_undone(p_sql text, out outcome text, out field text)
language plpgsql volatile
as $$
declare
  v_detail text;
begin
  begin
    execute p_sql;
    raise exception 'undo' using errcode = 'JJ000';
  exception
    when sqlstate 'JJ000' then
      outcome := 'ok';
    when others then
      get stacked diagnostics v_detail = pg_exception_detail;
      outcome := sqlstate;
      if sqlstate like 'PT%' then
        outcome := v_detail::jsonb ->> 'code';
        field := v_detail::jsonb ->> 'field';
      end if;
  end;
end
$$;

create temporary table heard (caller text, function_name text, argument text, absurdity text, outcome text, field text);
create temporary table calls as select 'authenticated' as caller, c.* from tests.calls('authenticated') c union all select 'anon', c.* from tests.calls('anon') c;
grant select on calls, asked_as_admin to public;
grant select, insert on heard to public;
select cmp_ok(count(*), '>', 1000::bigint, 'more than a thousand absurd calls are made') from calls;

-- thousands of calls in one statement, on a machine that may be busy
set local statement_timeout = '20min';
select tests.as_user(:'renter');
insert into heard select 'renter', function_name, argument, left(absurdity, 100), r.* from calls cross join lateral tests.outcome_undone(statement) r where caller = 'authenticated';
select tests.as_user(:'host');
insert into heard select 'host', function_name, argument, left(absurdity, 100), r.* from calls cross join lateral tests.outcome_undone(statement) r where caller = 'authenticated';
select tests.as_user(:'admin');
insert into heard select 'admin', function_name, argument, left(absurdity, 100), r.* from calls cross join lateral tests.outcome_undone(statement) r where caller = 'authenticated' and function_name in (select name from asked_as_admin);
select tests.as_visitor();
insert into heard select 'visitor', function_name, argument, left(absurdity, 100), r.* from calls cross join lateral tests.outcome_undone(statement) r where caller = 'anon';
select tests.as_owner();

select is(
  (select string_agg(format('%s %s(%s = %s): %s', caller, function_name, argument, absurdity, outcome), E'\n') from (
    select distinct on (function_name, argument, outcome) * from heard
    where outcome <> 'ok' and outcome not in (select code from public.error_catalog()) limit 60) h),
  null, 'no absurd call ends in an SQL error'
);
select is(
  (select string_agg(distinct function_name, ', ') from heard where outcome in ('internal', '42501')),
  null, 'no absurd call is answered as an internal error or a missing grant'
);
-- An app shows the problem at the field, so the name must be one that the app gave. `details` and `criteria` have fields of their own.
select is(
  (select string_agg(distinct format('%s: %s', h.function_name, h.field), ', ') from heard h
   where not exists (select from pg_proc p
     where p.pronamespace = 'public'::regnamespace and p.proname = h.function_name
       and (h.field = any (p.proargnames[1:p.pronargs]) or p.proargnames[1:p.pronargs] && '{details,criteria}'))
     and h.field is not null),
  null, 'a refusal names an argument of the function that was called'
);
select cmp_ok((select count(distinct (function_name, field)) from heard where field is not null), '>', 30::bigint, 'many arguments are refused by name');
select is(
  (select string_agg(distinct h.function_name, ', ') from heard h
   where h.absurdity = 'sensible' and h.caller = 'renter' and h.outcome <> 'ok'
     and h.function_name in (select name from sensible)),
  null, 'the same calls with sensible values succeed'
);

select * from finish();
rollback;

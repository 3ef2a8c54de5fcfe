-- Texts that people type: each column that is checked refuses what hides something, on the table itself.
-- foundation_access.sql finds a column that is not checked.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_user('renter') as renter, tests.make_user('host') as host \gset
select tests.make_vehicle(:'host') as vehicle \gset

create temporary table checked as
select c.oid::regclass as relation, a.attname as name, pg_get_expr(k.conbin, k.conrelid) as rule, k.convalidated, pg_get_constraintdef(k.oid) ~ 'is_tidy\(' as is_one_line
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_attribute a on a.attrelid = c.oid and k.conkey = array[a.attnum]
where k.contype = 'c' and c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and pg_get_constraintdef(k.oid) ~ format('private\.is_tidy(_lines)?\(%s\)', a.attname);
select cmp_ok(count(*), '>=', 19::bigint, 'many columns are checked') from checked;
select is(bool_and(convalidated), true, 'every row that is there passed its check') from checked;

-- What the check of a column says to a text.
create function tests.store(p_column name, p_rule text, p_text text)
returns text
language plpgsql volatile
as $$
declare
  v_passes boolean;
begin
  execute format('select %s from (select %L::text as %I) t', p_rule, p_text, p_column) into v_passes;
  return case when v_passes then 'stored' else 'refused' end;
end
$$;

select is(tests.store(c.name, c.rule, t), 'refused', c.relation || '.' || c.name || ' ' || l)
from checked c
cross join (values
  ('A name ' || U&'\202E' || 'turned', 'refuses a control of text direction'),
  ('A name ' || U&'\0007' || 'with a bell', 'refuses a control character'),
  ('A nam' || U&'e\0301' || ' in parts', 'refuses letters and marks that are not composed'),
  ('A name' || U&'\200B' || ' with a gap', 'refuses a character that shows nothing'),
  (' A name in the middle ', 'refuses blanks at the ends')
) v (t, l)
order by 1;
select is(tests.store(c.name, c.rule, t), 'refused', c.relation || '.' || c.name || ' ' || l)
from checked c
cross join (values
  (U&'\0301\0301\0301\0301\0301\0301', 'refuses accents without a letter'),
  ('A name' || E'\n' || 'on two lines', 'refuses a line break')
) v (t, l)
where c.is_one_line
order by 1;
select is(tests.store(c.name, c.rule, t), 'stored', c.relation || '.' || c.name || ' takes ' || l)
from checked c
cross join (values ('Nguyễn Thị Ánh', 'a Vietnamese name'), ('Đoàn 王小明', 'a name of two scripts')) v (t, l)
order by 1;

-- A sign that is removed and shows nothing makes a text take the long way, which must give what the short way gives.
select setseed(0.42);
create temporary table random_texts as
select array_to_string(array(select signs[1 + floor(random() * cardinality(signs))::int] from generate_series(1, 1 + n % 12)), '') as body
from generate_series(1, 3000) n,
  lateral (select array['a', 'Z', '~', '!', ' ', ' ', E'\n', E'\n', E'\t', chr(13), chr(127), chr(133), chr(160), chr(173), chr(191), chr(767), 'ơ', 'ặ', 'ỹ', chr(7835), chr(769), '–', '👍', chr(8205)] as signs) s;
select is_empty(
  $$ select body from random_texts
     where private.visible_text(body) <> private.visible_text(body || chr(8206)) or private.tidy_text(body) <> private.tidy_text(body || chr(8206))
       or private.tidy_lines(body) <> private.tidy_lines(body || chr(8206)) $$,
  'a text that is tidy at first sight is stored as the long way would store it');
select is_empty(
  $$ select body from random_texts where private.shows_something(body) <> (private.tidy_text(body || chr(8206)) ~ '[^ \u0300-\u036f\u200c\u200d]') $$,
  'a text shows something at first sight when it does after the long way');

-- what the person is told ----------------------------------------------------------------------------------------------
create temporary table nothing as
select chr(c) as sign, l from (values (12644, 'a Hangul filler'), (10240, 'a blank of Braille'), (8205, 'a joiner'), (173, 'a soft hyphen'), (65039, 'a variation selector'), (917569, 'a tag')) v (c, l);
grant select on nothing to public;
select tests.as_user(:'renter');
select is(tests.outcome_details(format('update public.profiles set display_name = %L', repeat(n.sign, 6))) ->> 'field', 'display_name', 'a display name of ' || n.l || ' is refused by the name of its field') from nothing n;
select tests.as_owner();
select is(tests.outcome_details(format('insert into public.driver_licences (user_id, full_name) values (%L, %L)', :'renter', repeat(n.sign, 6))) ->> 'field', 'full_name', 'a name on a licence of ' || n.l || ' is refused by the name of its field') from nothing n;
select tests.as_user(:'renter');
select is(tests.outcome_details(format('select public.set_billing_details(%L, %L)', repeat(n.sign, 6), '1 Tràng Tiền')) ->> 'field', 'legal_name', 'a legal name of ' || n.l || ' is refused by the name of its field') from nothing n;
select is(tests.outcome_details(format('select public.set_billing_details(%L, %L)', 'Somebody', repeat(n.sign, 6))) ->> 'field', 'address', 'an address of ' || n.l || ' is refused by the name of its field') from nothing n;
select tests.as_user(:'host');
select is(tests.outcome_details(format('select public.update_vehicle(%L, %L)', :'vehicle', jsonb_build_object(f, repeat(n.sign, 6)))) ->> 'field', f, f || ' of ' || n.l || ' is refused by the name of its field')
from nothing n cross join unnest('{brand,model,title,city}'::text[]) f;
select is(tests.outcome_details(format('select public.update_vehicle(%L, %L)', :'vehicle', jsonb_build_object('address', repeat(n.sign, 6), 'lat', 21, 'lng', 105, 'plate', '30A-123.99'))) ->> 'field', 'address', 'the address of a vehicle of ' || n.l || ' is refused by the name of its field') from nothing n;

-- what is stored instead ---------------------------------------------------------------------------------------------
select tests.as_user(:'renter');
update public.profiles set display_name = E'  Ánh\u202e \u200b\n Nguyen\u0303 ', bio = E' Hi\u202e!\r\n\r\n\r\n\r\nI drive. ';
select is((select array[display_name, bio] from public.profiles), array['Ánh Nguyeñ', E'Hi!\n\nI drive.'], 'a name and a bio are stored without what they hid');
select tests.as_owner();
select tests.make_user(U&'\3164\3164') as filler \gset
select is((select display_name from public.profiles where id = :'filler'), 'New member', 'somebody who signs up with a name of fillers is called a new member');
select private.set_audit_context('admin', E' Broken\u202e \r\n mirror ');
select is(private.audit_reason(), E'Broken\nmirror', 'a reason is kept without what it hid');

select * from finish();
rollback;

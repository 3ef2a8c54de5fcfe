-- Notifications: how texts write amounts, times and days, and every text filled with values of the kind that it gets.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

-- money; ~ stands for the no-break space
create function tests.money(p_amount bigint, p_currency text)
returns text[]
language sql stable
as $$ select array_agg(replace(private.format_money(p_amount, p_currency, l), U&'\00A0', '~') order by l) from unnest('{en,vi}'::text[]) l $$;
select is(tests.money(1250000, 'VND'), '{"₫1,250,000","1.250.000~₫"}', 'money is written as the reader''s language writes it');
select is(tests.money(0, 'VND'), '{₫0,0~₫}', 'nothing is written as zero');
select is(tests.money(-999, 'VND'), '{-₫999,-999~₫}', 'the sign stands before everything');
select is(tests.money(123456, 'USD'), '{"US$1,234.56","1.234,56~US$"}', 'cents are written with the separator of the language');
select is(tests.money(5, 'EUR'), '{€0.05,"0,05~€"}', 'less than one unit is written with its zeros');
select is(tests.money(-123, 'KWD'), '{-KWD~0.123,"-0,123~KWD"}', 'a currency with three decimals is written with three, by its code when it has no sign');
select is(tests.money(1500, 'JPY'), '{"JPY~1,500",1.500~JPY}', 'a currency without a minor unit is written without decimals');
select is(tests.money(-9223372036854775808, 'VND'), '{"-₫9,223,372,036,854,775,808","-9.223.372.036.854.775.808~₫"}', 'the greatest amounts are written in full');

-- times
create function tests.time(p_at timestamptz, p_zone text)
returns text[]
language sql stable
as $$ select array_agg(private.format_time(p_at, p_zone, l) order by l) from unnest('{en,vi}'::text[]) l $$;
select is(tests.time('2026-11-30 07:30Z', 'Asia/Ho_Chi_Minh'),
  array['Mon 30 Nov 2026, 14:30 (Vietnam time, GMT+7)', '14:30, thứ Hai 30 tháng 11, 2026 (giờ Việt Nam, GMT+7)'], 'a time names its day in words and its zone');
select is(tests.time('2026-12-05 17:05Z', 'Asia/Ho_Chi_Minh'),
  array['Sun 6 Dec 2026, 00:05 (Vietnam time, GMT+7)', '00:05, Chủ Nhật 6 tháng 12, 2026 (giờ Việt Nam, GMT+7)'], 'the day is that of the zone');
select is(tests.time('2026-11-30 07:30Z', 'UTC'), array['Mon 30 Nov 2026, 07:30 (UTC)', '07:30, thứ Hai 30 tháng 11, 2026 (UTC)'], 'UTC is called by its name alone');
select is(tests.time('2027-01-15 12:00Z', 'Europe/London'),
  array['Fri 15 Jan 2027, 12:00 (London time, GMT)', '12:00, thứ Sáu 15 tháng 1, 2027 (giờ London, GMT)'], 'a zone without a name is called by its city');
select is(tests.time('2027-07-15 12:00Z', 'Europe/London'),
  array['Thu 15 Jul 2027, 13:00 (London time, GMT+1)', '13:00, thứ Năm 15 tháng 7, 2027 (giờ London, GMT+1)'], 'in summer the zone has its summer offset');
select is((tests.time('2027-03-14 06:59:59Z', 'America/New_York'))[1] || ' / ' || (tests.time('2027-03-14 07:00Z', 'America/New_York'))[1],
  'Sun 14 Mar 2027, 01:59 (New York time, GMT-5) / Sun 14 Mar 2027, 03:00 (New York time, GMT-4)', 'the hour that is skipped in spring is not written');
select is((tests.time('2027-11-07 05:30Z', 'America/New_York'))[1] || ' / ' || (tests.time('2027-11-07 06:30Z', 'America/New_York'))[1],
  'Sun 7 Nov 2027, 01:30 (New York time, GMT-4) / Sun 7 Nov 2027, 01:30 (New York time, GMT-5)', 'the hour that comes twice in autumn is told apart by its offset');
select is((tests.time('2027-01-15 12:00Z', 'America/St_Johns'))[1] || ' / ' || (tests.time('2027-01-15 12:00Z', 'Asia/Kathmandu'))[2],
  'Fri 15 Jan 2027, 08:30 (St Johns time, GMT-3:30) / 17:45, thứ Sáu 15 tháng 1, 2027 (giờ Kathmandu, GMT+5:45)', 'an offset of half an hour or less is written in full');
select is((select array_agg(private.format_day(d::date, 'vi')) from generate_series(date '2026-11-29', '2026-12-05', '1 day') d),
  array['Chủ Nhật 29 tháng 11, 2026', 'thứ Hai 30 tháng 11, 2026', 'thứ Ba 1 tháng 12, 2026', 'thứ Tư 2 tháng 12, 2026', 'thứ Năm 3 tháng 12, 2026', 'thứ Sáu 4 tháng 12, 2026', 'thứ Bảy 5 tháng 12, 2026'],
  'each day of the week has its Vietnamese name');
select is(private.format_day('2026-11-30', 'en'), 'Mon 30 Nov 2026', 'a day without a time has no zone');
select is(private.format_period('2026-11-30 07:30Z', '2026-12-02 02:00Z', 'Asia/Ho_Chi_Minh', 'en'),
  'Mon 30 Nov 2026, 14:30 to Wed 2 Dec 2026, 09:00 (Vietnam time, GMT+7)', 'a period names its zone once');
select is(private.format_period('2026-11-30 07:30Z', '2026-12-02 02:00Z', 'Asia/Ho_Chi_Minh', 'vi'),
  '14:30, thứ Hai 30 tháng 11, 2026 đến 09:00, thứ Tư 2 tháng 12, 2026 (giờ Việt Nam, GMT+7)', 'a period is written in the reader''s language');
select is(private.format_period('2027-03-13 12:00Z', '2027-03-15 12:00Z', 'America/New_York', 'en'),
  'Sat 13 Mar 2027, 07:00 (New York time, GMT-5) to Mon 15 Mar 2027, 08:00 (New York time, GMT-4)', 'a period over a change of the clocks names both offsets');
set local timezone = 'America/Los_Angeles';
set local datestyle = 'German';
select is(private.render('{{a}}|{{d}}', jsonb_build_object('a', private.time_value('2026-11-30 07:30Z', 'Asia/Ho_Chi_Minh'), 'd', private.day_value('2026-11-30')), 'en'),
  'Mon 30 Nov 2026, 14:30 (Vietnam time, GMT+7)|Mon 30 Nov 2026', 'the settings of a session change no text');
reset timezone;
reset datestyle;

-- one set of data, read by two people
select tests.make_user('host') as host, tests.make_renter('renter') as renter \gset
select tests.make_vehicle(:'host') as vehicle \gset
update public.profiles set locale = 'vi' where id = :'host';
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(30), tests.hours(40)) as booking \gset
select is((select n.body from public.notifications n where n.user_id = :'host' and n.template = 'booking_confirmed_host'),
  (select format('%s đã được đặt từ %s.', v.title, private.format_period(b.starts_at, b.ends_at, 'Asia/Ho_Chi_Minh', 'vi'))
   from public.bookings b join public.vehicles v on v.id = b.vehicle_id where b.id = :'booking'),
  'the host reads the booking in Vietnamese');
select is((select n.body from public.notifications n where n.user_id = :'renter' and n.template = 'booking_confirmed_renter'),
  (select format('%s is booked for you from %s.', v.title, private.format_period(b.starts_at, b.ends_at, 'Asia/Ho_Chi_Minh', 'en'))
   from public.bookings b join public.vehicles v on v.id = b.vehicle_id where b.id = :'booking'),
  'the renter reads the same booking in English');
select is((select array_agg(distinct n.data -> 'total') from public.notifications n where n.data ->> 'booking_id' = :'booking' and n.template like 'booking_confirmed%'),
  (select array[jsonb_build_object('amount', total_amount, 'currency', currency)] from public.bookings where id = :'booking'),
  'the data of a notification holds the amount itself, for the app');
select is(tests.outcome($$ select private.render('{{a}}', '{"a": {"b": 1}}', 'en') $$), 'P0001', 'an object of no known kind is no value');
select is(tests.outcome($$ select private.render('{{a}}', '{"a": null}', 'en') $$), 'P0001', 'a null is no value');

-- every text, in every language, for every channel
create temporary table filled_variables (name text, sample jsonb not null default '"text"');
\set variables `cat *_variables.psql`
:variables
select is((select string_agg(name, ', ') from (select name from filled_variables group by name having count(distinct sample) > 1) v), null, 'a variable holds the same kind of value in every module');
create temporary view rendered as
select t.code, t.locale, t.version, c.channel, private.render(c.text, (select jsonb_object_agg(name, sample) from filled_variables), t.locale) as text
from public.notification_templates t
cross join lateral (values
  ('inbox title', t.title), ('inbox body', t.body), ('push', t.title || E'\n' || t.body), ('sms', t.body),
  ('mail subject', t.email_subject), ('mail text', t.email_body)
) c (channel, text)
where c.text is not null;
select cmp_ok((select count(*)::int from rendered), '>', 500, 'every text is filled for every channel, in every language');
select is((select array_agg(concat_ws(' ', code, locale, channel)) from rendered where text ~ '[{}]'), null, 'no variable is left, and no value is shown as it is stored');
select is((select array_agg(concat_ws(' ', code, locale, channel)) from rendered where channel in ('inbox title', 'mail subject') and text ~ '\n|^\s*$'), null, 'a title and a subject are one line');
select is((select array_agg(concat_ws(' ', code, locale, channel)) from rendered where text is distinct from private.tidy_lines(replace(text, U&'\00A0', '_')) and replace(text, U&'\00A0', '_') is distinct from private.tidy_lines(replace(text, U&'\00A0', '_'))),
  null, 'a text has no stray blanks or invisible characters');
select is((select array_agg(concat_ws(' ', code, locale, channel)) from rendered where text ~ '\d VND|\d\d/\d\d/\d{4}'), null, 'no text writes amounts or days in a form of its own');
select is((select array_agg(distinct concat_ws(' ', t.code, t.locale, v.name)) from public.notification_templates t
    join filled_variables v on v.sample ? 'at' and concat(t.title, t.body, t.email_body) like '%{{' || v.name || '}}%'
    join rendered r using (code, locale, version)
  where r.channel in ('inbox body', 'mail text') and case r.channel when 'mail text' then t.email_body else t.body end like '%{{' || v.name || '}}%' and r.text !~ case t.locale when 'vi' then 'giờ Việt Nam, GMT\+7' else 'Vietnam time, GMT\+7' end), null, 'a text with a time names the zone');

select * from finish();
rollback;

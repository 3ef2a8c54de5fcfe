-- Identity, profiles: what others see, who is found, links, preferences, and to whom receipts are made out.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_user('Nguyễn Thị Ánh') as anh, tests.make_user('Nguyễn Văn Đức') as duc, tests.make_user('NGUYEN Van An') as an,
  tests.make_user('Trần Đình Nguyên') as nguyen, tests.make_user('Jean-Luc O’Brien') as jean, tests.make_user('Zed 100%_') as zed,
  tests.make_user('seeker') as seeker, tests.make_admin('admin') as admin \gset
update private.rate_limits set capacity = 1000, per_minute = 1000 where action in ('search_users', 'set_billing_details');

-- who is found: the names of those that a search answers, in its order
create function tests.found(p_q text, p_after jsonb default null, p_size int default 20)
returns text
language sql volatile
as $$ select coalesce(string_agg(u ->> 'display_name', ', ' order by i), '') from jsonb_array_elements(public.search_users(p_q, p_after, p_size)) with ordinality e (u, i) $$;
create function tests.after(p_q text, p_size int)
returns jsonb
language sql volatile
as $$ select public.search_users(p_q, null, p_size) -> -1 $$;

-- visitor --------------------------------------------------------------------------------------------------------------
select tests.as_visitor();
select is(tests.outcome($$ select public.search_users('nguyen') $$), '42501', 'a visitor cannot search for people');
select is(tests.outcome('select * from public.billing_details'), '42501', 'a visitor cannot read billing details');
select is((select array_agg(display_name) from public.get_users(array[:'duc', :'anh']::uuid[])), '{Nguyễn Văn Đức,Nguyễn Thị Ánh}', 'a visitor can read what is public of several people, in the order asked for');

-- several at once --------------------------------------------------------------------------------------------------
select tests.as_user(:'seeker');
select is((select array_agg(display_name) from public.get_users(array[:'zed', gen_random_uuid()::text, :'zed', null, :'an']::uuid[])), '{Zed 100%_,NGUYEN Van An}', 'somebody who does not exist has no row, and somebody who is named twice has one');
select is((select count(*)::int from public.get_users('{}')), 0, 'no ids have no rows');
select is(tests.outcome_details($$ select * from public.get_users(array(select gen_random_uuid() from generate_series(1, 101))) $$) ->> 'field', 'ids', 'more than 100 ids are refused');
select is(tests.outcome_details($$ select * from public.get_users(null) $$) ->> 'field', 'ids', 'a list of ids that is missing is refused');
select is((select to_jsonb(g) from public.get_users(array[:'anh']::uuid[]) g), (select to_jsonb(p) from public.public_profile(:'anh') p), 'one person reads the same alone and among others');

-- search -----------------------------------------------------------------------------------------------------------------
select is(tests.found(q), e, l)
from (values
  ('nguyen', 'Nguyễn Thị Ánh, NGUYEN Van An, Nguyễn Văn Đức, Trần Đình Nguyên', 'a search without diacritics finds names with them, in the order of the names'),
  ('Nguyễn', 'Nguyễn Thị Ánh, NGUYEN Van An, Nguyễn Văn Đức, Trần Đình Nguyên', 'a search with diacritics finds names without them'),
  (U&'Nguye\0302\0303n a\0301nh', 'Nguyễn Thị Ánh', 'a search that is typed in parts finds composed names'),
  ('duc', 'Nguyễn Văn Đức', 'd finds Đ'), ('ĐỨC', 'Nguyễn Văn Đức', 'Đ finds Đ'), ('đình tran', 'Trần Đình Nguyên', 'words are found in any order'),
  ('ng an', 'Nguyễn Thị Ánh, NGUYEN Van An', 'every word must begin a word of the name'),
  ('yen', '', 'the middle of a word finds nothing'), ('luc', 'Jean-Luc O’Brien', 'a hyphen begins a word'), ('jean luc obrien', '', 'an apostrophe parts words'), ('brien', 'Jean-Luc O’Brien', 'an apostrophe begins a word'),
  ('%%', '', 'a sign of patterns stands for itself'), ('100%_', 'Zed 100%_', 'a sign of patterns can be searched for'),
  ('z_d', '', 'an underscore is no joker'),
  ('seeker', '', 'somebody who searches does not find themselves'), ('nobody here', '', 'a name that nobody has finds nothing')
) v (q, e, l);
select is((select array_agg(k order by k) from jsonb_object_keys(public.search_users('brien') -> 0) k),
  array['avatar_path', 'display_name', 'is_email_verified', 'is_licence_verified', 'is_phone_verified', 'member_since', 'rating_average', 'rating_count', 'response_minutes', 'user_id'],
  'a search answers what is public and nothing else');
select is(tests.found('nguyen', tests.after('nguyen', 2), 2), 'Nguyễn Văn Đức, Trần Đình Nguyên', 'a page of people begins after the last row of the page before');
select is(tests.found('nguyen', tests.after('nguyen', 4)), '', 'after the last page there is nothing');
select is(tests.outcome_details(format('select public.search_users(%L, %L, %L)', q, a, s)) ->> 'field', f, l)
from (values
  ('a', null, 20, 'q', 'one letter is too little to search for'), (U&'\3164\3164', null, 20, 'q', 'fillers are nothing to search for'), (null, null, 20, 'q', 'nothing is too little to search for'),
  ('_._', null, 20, 'q', 'signs between words are nothing to search for'), (repeat('ab', 41), null, 20, 'q', 'more than 80 characters are too much to search for'), ('a b c d e f g h i j', null, 20, 'q', 'more than 8 words are too much to search for'),
  ('ab', '{"display_name": "x"}', 20, 'after', 'a cursor without an id is refused'), ('ab', '[]', 20, 'after', 'a cursor that is a list is refused'), ('ab', null, 0, 'page_size', 'a page of nothing is refused'), ('ab', null, 101, 'page_size', 'a page of more than 100 is refused')
) v (q, a, s, f, l);
-- two people of one name are both found, on pages of one
select tests.as_owner();
select tests.make_user('Twin Name') as twin1, tests.make_user('Twin Name') as twin2 \gset
select tests.as_user(:'seeker');
select is((select count(distinct u) from (values (public.search_users('twin', null, 1) -> 0 ->> 'user_id'), (public.search_users('twin', tests.after('twin', 1), 1) -> 0 ->> 'user_id')) v (u)), 2::bigint, 'people of one name are on the page of one and on the next');
-- who is not found
select tests.as_user(:'twin1');
update public.profiles set is_findable = false;
select tests.as_owner();
update public.profiles set deleted_at = now() where id = :'duc';
update auth.users set banned_until = now() + interval '1 day' where id = :'anh';
update auth.users set banned_until = now() - interval '1 day' where id = :'nguyen';
select tests.as_user(:'seeker');
select is(tests.found('twin'), 'Twin Name', 'somebody who does not want to be found is not');
select is(tests.found('nguyen'), 'NGUYEN Van An, Trần Đình Nguyên', 'neither somebody who is gone nor somebody who may not sign in is found, and somebody who may sign in again is');
select is((select array_agg(display_name) from public.get_users(array[:'duc', :'anh', :'twin1']::uuid[])), '{Nguyễn Thị Ánh,Twin Name}', 'who knows an id reads what is public, except of somebody who is gone');
select tests.as_owner();
select tests.as_user(:'seeker');
select public.block_user(:'nguyen');
select is(tests.found('nguyen'), 'NGUYEN Van An', 'somebody whom the caller has blocked is not found');
select tests.as_user(:'nguyen');
select is(tests.found('seeker'), '', 'somebody who has blocked the caller is not found');
select tests.as_owner();
select tests.as_user(:'admin');
select public.suspend_user(:'an', 'Fraud') is not null;
select tests.as_user(:'seeker');
select is(tests.found('nguyen'), '', 'somebody who is suspended is not found');
select tests.as_owner();
-- many people: a rare and a frequent name are found by an index
insert into auth.users (id, email, raw_user_meta_data)
select gen_random_uuid(), 'many-' || n || '@example.com', jsonb_build_object('display_name', 'Nguyễn ' || md5(n::text)) from generate_series(1, 3000) n;
select gin_clean_pending_list('public.profiles_words_idx');
analyze public.profiles;
create function tests.plan(p_word text)
returns text
language plpgsql volatile
as $$
declare
  v_plan json;
begin
  execute format($q$ explain (format json) select p.id from public.profiles p
    where p.deleted_at is null and p.is_findable and private.name_words(p.display_name) like %L
    order by private.name_words(p.display_name) collate "C", p.id limit 20 $q$, '% ' || p_word || '%') into v_plan;
  return substring(v_plan::text from '"Index Name": "(\w+)"');
end
$$;
select isnt(tests.plan('brien'), null, 'a rare name is found by an index');
select is(tests.plan('nguyen'), 'profiles_names_idx', 'the first of many are found by the index of their order');
update private.rate_limits set capacity = 2, per_minute = 0.001 where action = 'search_users';
delete from private.rate_buckets;
select tests.as_user(:'seeker');
select is(array[tests.outcome($$ select public.search_users('ab') $$), tests.outcome($$ select public.search_users('ab') $$), tests.outcome($$ select public.search_users('ab') $$)], '{ok,ok,rate_limited}', 'a search takes a token');

-- verified marks and response time -----------------------------------------------------------------------------------
select tests.as_owner();
select is((select array[is_phone_verified, is_email_verified, is_licence_verified] from public.public_profile(:'an')), '{f,f,f}', 'nothing of a new person is verified');
update public.profiles set phone = '+84912345678', phone_verified_at = now(), email_verified_at = now() where id = :'an';
select tests.make_licence(:'an', p_valid_until => current_date) as licence \gset
select is((select array[is_phone_verified, is_email_verified, is_licence_verified] from public.public_profile(:'an')), '{t,t,t}', 'a verified phone, address and licence are marked');
update public.driver_licences set valid_until = current_date - 1 where id = :'licence';
select is((select is_licence_verified from public.public_profile(:'an')), false, 'a licence that has run out is no mark');
select tests.as_user(:'an');
select is((select phone || (phone_verified_at is not null)::text || (email_verified_at is not null)::text from public.profiles), '+84912345678truetrue', 'a person reads the own phone and when it and the address were verified');
select tests.as_owner();
select is((select response_minutes from public.public_profile(:'an')), null, 'somebody who was never asked has no response time');
insert into private.response_times (subject_id, user_id, seconds, answered_at) select gen_random_uuid(), :'an', s, now() - make_interval(mins => i::int) from unnest('{61,30,36000}'::int[]) with ordinality u (s, i);
select is((select response_minutes from public.public_profile(:'an')), 2, 'the response time is the middle one, in minutes that have begun');
insert into private.response_times (subject_id, user_id, seconds, answered_at) select gen_random_uuid(), :'an', 600, now() + make_interval(mins => n) from generate_series(1, 20) n;
select is((select response_minutes from public.public_profile(:'an')), 10, 'only the last 20 answers count');

-- links and preferences ----------------------------------------------------------------------------------------------
select tests.as_user(:'jean');
select is(tests.outcome(format('update public.profiles set links = %L', v)), o, l)
from (values
  ('[]', 'ok', 'no links can be stored'),
  ('[{"kind": "facebook", "url": "https://www.facebook.com/jean.luc"}, {"kind": "zalo", "url": "https://zalo.me/0912345678"}, {"kind": "website", "url": "https://jean.example.com"}]', 'ok', 'links to places of their kind can be stored'),
  ('[{"kind": "linkedin", "url": "https://vn.linkedin.com/in/jean-luc/?x=1&y=%20"}]', 'ok', 'a link may be of a country and have a query'),
  ('[{"kind": "facebook", "url": "https://facebook.com/a"}, {"kind": "facebook", "url": "https://facebook.com/b"}]', '23514', 'two links of one kind are refused'),
  ('[{"kind": "facebook", "url": "https://evil.example/facebook.com/"}]', '23514', 'a link to another place than its kind is refused'),
  ('[{"kind": "facebook", "url": "https://facebook.com.evil.example/a"}]', '23514', 'a host that only begins like the right one is refused'),
  ('[{"kind": "facebook", "url": "https://facebook.com@evil.example/a"}]', '23514', 'a name before the host is refused'),
  ('[{"kind": "facebook", "url": "http://facebook.com/a"}]', '23514', 'a link without TLS is refused'),
  ('[{"kind": "facebook", "url": "https://facebook.com/"}]', '23514', 'a link to no page is refused'),
  ('[{"kind": "website", "url": "javascript:alert(1)"}]', '23514', 'a link that runs something is refused'),
  ('[{"kind": "website", "url": "https://localhost/"}]', '23514', 'a host without a dot is refused'),
  ('[{"kind": "website", "url": "https://127.0.0.1/"}]', '23514', 'an address of numbers is refused'),
  ('[{"kind": "website", "url": "https://a.example/\"onmouseover=\""}]', '23514', 'quotes in a link are refused'),
  ('[{"kind": "website", "url": "https://a.example/\nx"}]', '23514', 'a line break in a link is refused'),
  ('[{"kind": "website", "url": "https://а.example/"}]', '23514', 'letters that look like others in a host are refused'),
  ('[{"kind": "myspace", "url": "https://myspace.com/a"}]', '23514', 'an unknown kind is refused'),
  ('[{"kind": "website"}]', '23514', 'a link without an address is refused'),
  ('[{"kind": "website", "url": "https://a.example", "title": "x"}]', '23514', 'a link with another field is refused'),
  ('[{"kind": "website", "url": 1}]', '23514', 'an address that is a number is refused'),
  ('["https://a.example"]', '23514', 'a link that is a text is refused'), ('{}', '23514', 'links that are no list are refused'), ('null', '23514', 'links that are null are refused'),
  (format('[{"kind": "website", "url": "https://a.example/%s"}]', repeat('x', 200)), '23514', 'a link of more than 200 characters is refused')
) t (v, o, l);
select is((select array[shows_presence, shares_read_marks, allows_marketing, is_findable] from public.profiles), '{t,t,f,t}', 'a new person shows what others expect, and has not agreed to advertising');
update public.profiles set shows_presence = false, shares_read_marks = false, allows_marketing = true;
update public.profiles set allows_marketing = true, bio = 'x';
update public.profiles set allows_marketing = false;
select is((select array[shows_presence, shares_read_marks, allows_marketing] from public.profiles), '{f,f,f}', 'a person sets the own preferences');
select is(tests.outcome('update public.profiles set allows_marketing = null'), '23502', 'a preference is yes or no');
select tests.as_owner();
select is((select array_agg(type order by id) from private.domain_events where subject_id = :'jean' and type like 'profile.marketing%'), '{profile.marketing_allowed,profile.marketing_withdrawn}', 'the log keeps when a person agreed to advertising and took it back, each once');

-- billing details --------------------------------------------------------------------------------------------------------
select is(private.is_tax_code(c), e, l)
from (values
  ('0100109106', true, 'a tax code whose last digit fits is one'), ('0100684378', true, 'another tax code whose last digit fits is one'), ('0100109107', false, 'a tax code with a wrong digit is none'), ('0100190106', false, 'a tax code with two digits changed round is none'),
  ('0100109106-001', true, 'a branch has three digits more'), ('0100109106-000', false, 'there is no branch of zeros'), ('0100109106001', false, 'a branch is stored with its hyphen'),
  ('001087123456', true, 'the number of an identity card is a tax code'), ('901087123456', false, 'no identity card begins with 9'),
  ('0000000000', false, 'zeros are no tax code'), ('010010910', false, 'nine digits are no tax code'), ('', false, 'nothing is no tax code'), ('x100109106', false, 'a letter is in no tax code')
) v (c, e, l);
select tests.as_user(:'jean');
select is(tests.outcome($$ insert into public.billing_details (user_id, legal_name, address) values (auth.uid(), 'Jean', '1 Tràng Tiền') $$), '42501', 'a person sets billing details by the command only');
select is(public.set_billing_details(E' Công ty\u202e  TNHH Ánh\n Dương ', '1 Tràng Tiền, Hà Nội', ' 0100 109.106-001 ') - 'updated_at',
  jsonb_build_object('user_id', :'jean', 'legal_name', 'Công ty TNHH Ánh Dương', 'address', '1 Tràng Tiền, Hà Nội', 'tax_code', '0100109106-001'), 'billing details are stored tidy, however the tax code is written');
select is(public.set_billing_details('Jean', '2 Tràng Tiền', '') ->> 'tax_code', null, 'a person without a tax code can set billing details');
select is((select count(*)::int from public.billing_details), 1, 'setting billing details again replaces them');
select is(tests.outcome_details(format('select public.set_billing_details(%L, %L, %L)', n, a, t)) ->> 'field', f, l)
from (values
  ('x', '1 Tràng Tiền', null, 'legal_name', 'a legal name of one letter is refused'), (null, '1 Tràng Tiền', null, 'legal_name', 'a legal name that is missing is refused'), ('Jean', 'x', null, 'address', 'an address of one letter is refused'),
  ('Jean', '1 Tràng Tiền', '0100109107', 'tax_code', 'a tax code with a wrong digit is refused by the name of its field')
) v (n, a, t, f, l);
select tests.as_user(:'seeker');
select is((select count(*)::int from public.billing_details), 0, 'others do not read billing details');
select tests.as_user(:'admin');
select is((select count(*)::int from public.billing_details where user_id = :'jean'), 1, 'an admin reads billing details');
select tests.as_owner();
select is(private.buyer_of(:'jean'), '{"name": "Jean", "address": "2 Tràng Tiền", "tax_code": ""}', 'a receipt is made out to the legal name');
select is(tests.outcome(format($$ update public.billing_details set tax_code = '0100109107' where user_id = %L $$, :'jean')), '23514', 'a wrong tax code cannot be stored');
select tests.as_user(:'jean');
select public.remove_billing_details();
select is(tests.outcome('select public.remove_billing_details()'), 'ok', 'removing billing details again changes nothing');
select tests.as_owner();
select is(private.buyer_of(:'jean'), '{"name": "Jean-Luc O’Brien", "address": "", "tax_code": ""}', 'without billing details a receipt is made out to the name on the profile');

select * from finish();
rollback;

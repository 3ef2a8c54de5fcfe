-- Identity: addresses. Whose they are, what they may hold, and which one is the default.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

update private.rate_limits set capacity = 1000, per_minute = 1000;
select tests.make_user('person') as person, tests.make_user('other') as other, tests.make_admin('admin') as admin \gset

create function tests.details(p_more jsonb default '{}')
returns jsonb
language sql immutable
as $$ select '{"recipient": "Nguyễn Văn A", "line1": "1 Tràng Tiền", "ward": "Phường Hoàn Kiếm", "province": "Hà Nội"}'::jsonb || p_more $$;
create function tests.add(p_more jsonb default '{}', p_key uuid default gen_random_uuid())
returns text
language sql volatile
as $$ select format('select public.add_address(%L, %L)', tests.details(p_more), p_key) $$;
-- The field that a refusal of added details names.
create function tests.refused(p_more jsonb)
returns text
language sql volatile
as $$ select concat_ws(' ', d ->> 'code', d ->> 'field') from tests.outcome_details(tests.add(p_more)) d $$;
-- Labels of a person's addresses, the one added first before; the default has a star.
create function tests.labels(p_user_id uuid)
returns text
language sql stable security definer
as $$ select string_agg(label || case when is_default then '*' else '' end, ' ' order by created_at, id) from public.addresses where user_id = p_user_id $$;

-- visitor, service ---------------------------------------------------------------------------------------------
select tests.as_visitor();
select is(tests.outcome(tests.add()), '42501', 'a visitor cannot add an address');
select is(tests.outcome('select id from public.addresses'), '42501', 'a visitor cannot read addresses');
select tests.as_service();
select is(tests.outcome('select id from public.addresses'), '42501', 'the service cannot read addresses');

-- what an address holds ----------------------------------------------------------------------------------------
select tests.as_user(:'person');
select is(tests.refused('{"recipient": null}'), 'invalid_input recipient', 'an address without a recipient is refused');
select is(tests.refused(jsonb_build_object('line1', U&'\200B \00A0')), 'invalid_input line1', 'a street that shows nothing is refused');
select is(tests.refused(jsonb_build_object('line1', repeat('x', 201))), 'invalid_input line1', 'a street of more than 200 characters is refused');
select is(tests.refused(jsonb_build_object('label', repeat('x', 41))), 'invalid_input label', 'a label of more than 40 characters is refused');
select is(tests.refused('{"province": null}'), 'invalid_input province', 'an address in Vietnam without a province is refused');
select is(tests.refused('{"country": "XX"}'), 'invalid_input country', 'a country that does not exist is refused');
select is(tests.refused('{"country": null}'), 'invalid_input country', 'an address without a country is refused');
select is(tests.refused('{"phone": "12"}'), 'invalid_input phone', 'a phone number that is none is refused');
select is(tests.refused('{"line1": {"a": 1}}'), 'invalid_input line1', 'an object in place of a text is refused');
select is(tests.refused('{"lat": 21.03}'), 'invalid_input lng', 'a latitude without a longitude is refused');
select is(tests.refused('{"lat": 91, "lng": 105}'), 'invalid_input lat', 'a point that is not on the earth is refused');
select is(tests.refused('{"lat": 1e400, "lng": 105}'), 'invalid_input lat', 'a number beyond all numbers is refused');
select is(tests.refused('{"is_default": true}'), 'unknown_field is_default', 'a field that is not written in this way is refused');
select is(tests.outcome($$ select public.add_address('[]', gen_random_uuid()) $$), 'invalid_input', 'details that are no object are refused');
select is(tests.outcome(tests.add(p_key => null)), 'invalid_input', 'an address cannot be added without an idempotency key');
select is((select count(*)::int from public.addresses), 0, 'a refused address is not stored');

-- one default --------------------------------------------------------------------------------------------------
select is(tests.outcome(tests.add('{"label": "one", "district": "", "phone": "0912 345-678", "lat": 21.0285, "lng": 105.8542}', '00000000-0000-4000-8000-000000000001')), 'ok', 'a person can add an address without a district');
select results_eq('select label, recipient, phone, line1, line2, ward, district, province, country, lat, lng, is_default from public.addresses',
  $$ values ('one', 'Nguyễn Văn A', '+84912345678', '1 Tràng Tiền', null, 'Phường Hoàn Kiếm', null, 'Hà Nội', 'VN', 21.0285::float8, 105.8542::float8, true) $$,
  'the first address is the default, its phone in international form and its empty fields null');
select is(tests.outcome(tests.add('{"label": "one", "district": "", "phone": "0912 345-678", "lat": 21.0285, "lng": 105.8542}', '00000000-0000-4000-8000-000000000001')), 'ok', 'adding an address is safe to repeat with the same key');
select is(tests.outcome(tests.add('{"label": "other"}', '00000000-0000-4000-8000-000000000001')), 'idempotency_conflict', 'the same key with another address is refused');
select is((select label from private.add_address(tests.details(jsonb_build_object('label', E'two\u0323\n \u202e ')), gen_random_uuid())), U&'tw\1ECD', 'a text is stored composed, in one line and without what cannot be seen');
select private.add_address(tests.details('{"label": "three", "country": "sg", "province": null, "ward": null}'), gen_random_uuid()) \g /dev/null
select is((select country || ' ' || coalesce(province, 'none') from public.addresses where label = 'three'), 'SG none', 'an address outside of Vietnam needs no province');
select is(tests.labels(:'person'), 'one* twọ three', 'further addresses are not the default');
select id as one from public.addresses where label = 'one' \gset
select id as two from public.addresses where label = 'twọ' \gset
select id as three from public.addresses where label = 'three' \gset
select is((public.set_default_address(:'two')).is_default, true, 'a person can make another address the default');
select is(tests.outcome(format('select public.set_default_address(%L)', :'two')), 'ok', 'making an address the default is safe to repeat');
select is(tests.labels(:'person'), 'one twọ* three', 'there is one default after it was changed');
select is(tests.outcome(format('select public.delete_address(%L)', :'two')), 'ok', 'a person can delete the default');
select is(tests.labels(:'person'), 'one three*', 'the address added last takes the place of a deleted default');
select is(tests.outcome(format('select public.delete_address(%L)', :'two')), 'ok', 'deleting an address is safe to repeat');
select is((public.add_address(tests.details('{"label": "four"}'), gen_random_uuid())) ->> 'is_default', 'false', 'an address that is added later does not become the default');
select public.delete_address(:'one');
select is(tests.labels(:'person'), 'three* four', 'deleting another address leaves the default where it is');

-- change -------------------------------------------------------------------------------------------------------
select is((public.update_address(:'three', '{"line1": "10 Anson Rd", "label": null, "lat": 1.27, "lng": 103.84}')) ->> 'line1', '10 Anson Rd', 'a person can change an address');
select results_eq(format('select label, recipient, country, lat from public.addresses where id = %L', :'three'), $$ values (null, 'Nguyễn Văn A', 'SG', 1.27::float8) $$, 'a field that is not named stays, and null empties one');
select is(tests.outcome_details(format($$ select public.update_address(%L, '{"country": "VN"}') $$, :'three')) ->> 'field', 'province', 'a change that leaves an address in Vietnam without a province is refused');
select is(tests.outcome(format($$ select public.update_address(%L, '{"recipient": " "}') $$, :'three')), 'invalid_input', 'a change that leaves no recipient is refused');
select is((public.update_address(:'three', '{"lat": null, "lng": null}')) ->> 'lat', null, 'a point can be taken away');
select is(tests.outcome('select location from public.addresses'), '42501', 'clients read lat and lng in place of the point');
select is(tests.outcome('update public.addresses set is_default = true'), '42501', 'a person changes addresses by commands only');
select is(tests.outcome('delete from public.addresses'), '42501', 'a person deletes addresses by commands only');

-- others -------------------------------------------------------------------------------------------------------
select tests.as_user(:'other');
select is((select count(*)::int from public.addresses), 0, 'others do not see an address');
select is(tests.outcome(format($$ select public.update_address(%L, '{"line1": "x"}') $$, :'three')), 'address_not_found', 'others cannot change an address');
select is(tests.outcome(format('select public.set_default_address(%L)', :'three')), 'address_not_found', 'others cannot make an address the default');
select is(tests.outcome(format('select public.delete_address(%L)', :'three')), 'ok', 'deleting an address of others is answered like one that is not there');
select is((select count(*)::int from public.public_profile(:'person') p, jsonb_object_keys(to_jsonb(p)) k where k ~ 'address|ward|city|province'), 0, 'nothing of an address is public');
select tests.as_user(:'admin');
select is((select count(*)::int from public.addresses where user_id = :'person'), 2, 'an admin sees the addresses of a person, and nothing was deleted by others');

-- storing ------------------------------------------------------------------------------------------------------
select tests.as_owner();
select is(tests.outcome(format('update public.addresses set is_default = true where user_id = %L', :'person')), '23505', 'two defaults of one person cannot be stored');
select is(tests.outcome(format($$ insert into public.addresses (user_id, recipient, line1) values (%L, 'A', 'B') $$, :'person')), '23514', 'an address in Vietnam without a province cannot be stored');
select is(tests.outcome(format($$ insert into public.addresses (user_id, recipient, line1, province) values (%L, 'A', E'B\n', 'C') $$, :'person')), '23514', 'a street with a line break cannot be stored');
select is(tests.outcome(format($$ insert into public.addresses (user_id, recipient, line1, country) values (%L, 'A', 'B', 'XX') $$, :'person')), '23503', 'a country that does not exist cannot be stored');
insert into public.addresses (user_id, recipient, line1, province, label) values (:'other', 'A', 'B', 'C', 'x'), (:'other', 'A', 'B', 'C', 'y');
select is(tests.labels(:'other') ~ '\*', true, 'addresses added by SQL have a default too');
delete from public.addresses where user_id = :'other';
select is(tests.labels(:'other'), null, 'all addresses of a person can be deleted at once');

-- how many -----------------------------------------------------------------------------------------------------
update private.settings set value = '3' where key = 'max_addresses';
select tests.as_user(:'person');
select is(tests.outcome(tests.add('{"label": "five"}', '00000000-0000-4000-8000-000000000005')), 'ok', 'a person can add as many addresses as the setting says');
select is(tests.outcome_details(tests.add()), '{"code": "too_many_addresses", "limit": 3}'::jsonb, 'one address more is refused, with the limit');
select public.delete_address((select id from public.addresses where label = 'five'));
select is(tests.outcome(tests.add('{"label": "five"}', '00000000-0000-4000-8000-000000000005')), 'address_not_found', 'a repeat of an address that was deleted since adds it no second time');
select is(tests.outcome(tests.add()), 'ok', 'after one was deleted there is place for another');
select tests.as_owner();
update private.rate_limits set capacity = 1, per_minute = 0.001 where action = 'save_address';
delete from private.rate_buckets;
select tests.as_user(:'person');
select is(tests.outcome(format($$ select public.update_address(%L, '{}') $$, :'three')), 'ok', 'a change within the limit is accepted');
select is(tests.outcome(format($$ select public.update_address(%L, '{}') $$, :'three')), 'rate_limited', 'a change above the limit is refused');
select tests.as_owner();
select is_empty('select * from private.invariant_address_default()', 'every person with addresses has one default after all that');

select * from finish();
rollback;

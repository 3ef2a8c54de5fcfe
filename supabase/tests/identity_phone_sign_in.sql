-- Identity: the number that Auth signs in with is the one that a code proved.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_user('lan') as lan, tests.make_user('minh') as minh \gset
create function tests.prove(p_user_id uuid, p_phone text)
returns text
language sql volatile
as $$ select tests.outcome(format('update public.profiles set phone = %L, phone_verified_at = case when %L is not null then now() end where id = %L', p_phone, p_phone, p_user_id)) $$;
create function tests.opens(p_digits text)
returns uuid
language sql stable
as $$ select id from auth.users where phone = p_digits and phone_confirmed_at is not null $$;

select is(tests.prove(:'lan', '+84912000001'), 'ok', 'a person proves a phone number');
select is(tests.opens('84912000001'), :'lan'::uuid, 'Auth signs in with the number that was proved');
select is(tests.prove(:'lan', '+84912000002'), 'ok', 'a person proves another number');
select is(tests.opens('84912000001'), null, 'the former number opens nothing');
select is(tests.opens('84912000002'), :'lan'::uuid, 'the new number opens the account');
select is(tests.prove(:'minh', '+84912000002'), '23505', 'one number does not open two accounts');
select is(tests.outcome(format($$ update auth.users set phone = '84912000009', phone_confirmed_at = now() where id = %L $$, :'lan')), '42501', 'no other number is added past our codes to an account with an address');
select is(tests.outcome(format($$ update auth.users set phone = '84912000009' where id = %L $$, :'minh')), '42501', 'a number that nobody proved is not added to an account with an address');
select is(tests.prove(:'lan', null), 'ok', 'a number can be taken away');
select is(tests.opens('84912000002'), null, 'a number that was taken away opens nothing');

-- somebody who begins with a number
insert into auth.users (id, aud, role, phone, raw_user_meta_data) values ('00000000-0000-4000-8000-0000000000d1', 'authenticated', 'authenticated', '84912000003', '{"display_name": "Hoa"}');
select is((select phone from public.profiles where id = '00000000-0000-4000-8000-0000000000d1'), null, 'a number that is only claimed is not in the profile');
select is(tests.prove(:'minh', '+84912000003'), 'ok', 'a person proves a number that another account only claimed');
select is(tests.opens('84912000003'), :'minh'::uuid, 'the number opens the account of who proved it');
select is((select phone from auth.users where id = '00000000-0000-4000-8000-0000000000d1'), null, 'a claim ends when somebody else proves the number');
insert into auth.users (id, aud, role, phone, raw_user_meta_data) values ('00000000-0000-4000-8000-0000000000d2', 'authenticated', 'authenticated', '84912000004', '{"display_name": "Hoa"}');
update auth.users set phone_confirmed_at = now() where id = '00000000-0000-4000-8000-0000000000d2';
select results_eq($$ select display_name, phone, phone_verified_at is not null from public.profiles where id = '00000000-0000-4000-8000-0000000000d2' $$,
  $$ values ('Hoa', '+84912000004', true) $$, 'an account that began with a code to a phone has the number in its profile');
select is(tests.outcome($$ update auth.users set phone = '84912000005', phone_confirmed_at = now() where id = '00000000-0000-4000-8000-0000000000d2' $$), '42501', 'its number is not replaced past our codes');
select is(tests.prove('00000000-0000-4000-8000-0000000000d2', '+84912000005'), 'ok', 'its number is replaced by one of our codes');
select is(tests.opens('84912000005'), '00000000-0000-4000-8000-0000000000d2'::uuid, 'the number that replaced it opens the account');
select is(tests.outcome($$ update auth.users set phone = 'a-hash-of-it', email = 'a-hash', deleted_at = now() where id = '00000000-0000-4000-8000-0000000000d2' $$), 'ok', 'Auth can erase the number of a deleted account');
insert into auth.users (id, aud, role, phone, phone_confirmed_at) values ('00000000-0000-4000-8000-0000000000d3', 'authenticated', 'authenticated', '84912000006', now());
select is((select phone from public.profiles where id = '00000000-0000-4000-8000-0000000000d3'), '+84912000006', 'an account that an admin makes with a proved number has it in its profile');

select * from finish();
rollback;

-- Identity, API keys: who creates them, what is kept of them, and what a call with one may do.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_user('host') as host, tests.make_user('other') as other, tests.make_renter('renter') as renter, tests.make_admin('admin') as admin \gset
select tests.make_vehicle(:'host', '{"instant_book": false}') as vehicle, tests.make_vehicle(:'other') as foreign_vehicle \gset
update private.rate_limits set capacity = 1000, per_minute = 1000 where action in ('create_api_key', 'api_call', 'api_key_refused');

-- A session of a person; stepped up when a code was entered in it.
create function tests.in_session(p_user_id uuid, p_is_stepped_up boolean)
returns void
language plpgsql volatile
as $$
begin
  perform tests.as_owner();
  if p_is_stepped_up then
    perform tests.step_up(p_user_id);
  end if;
  perform tests.as_user(p_user_id);
end
$$;

create function tests.creation(
  p_name text default 'Fleet software', p_scopes text[] default '{vehicles:read,calendar:read}', p_expires_at timestamptz default now() + interval '30 days',
  p_key uuid default gen_random_uuid()
)
returns text
language sql volatile
as $$ select format('select private.create_api_key(%L, %L, %L, %L)', p_name, p_scopes, p_expires_at, p_key) $$;

-- A call over HTTP with a key as text, as the function partner makes it.
create function tests.call_with(p_api_key text, p_operation text, p_arguments jsonb default '{}', p_idempotency_key uuid default null, p_ip text default '192.0.2.1')
returns jsonb
language plpgsql volatile
as $$
declare
  v_parts text[] := string_to_array(p_api_key, '_');
  v_answer jsonb;
begin
  perform set_config('response.status', '', true);
  perform set_config('response.headers', '', true);
  perform set_config('request.method', 'POST', true);
  perform tests.as_service();
  v_answer := public.call_with_api_key(v_parts[3], encode(sha256(convert_to(v_parts[4], 'utf8')), 'hex'), p_operation, p_arguments, p_idempotency_key, p_ip);
  perform set_config('request.method', '', true);
  perform tests.as_owner();
  return v_answer;
end
$$;

-- plpgsql: it looks at the status after its argument has been worked out
create function tests.refused_as(p_answer jsonb)
returns text
language plpgsql volatile
as $$
begin
  return current_setting('response.status') || ' ' || coalesce((p_answer ->> 'details')::jsonb ->> 'code', 'ok');
end
$$;

-- creating -----------------------------------------------------------------------------------------------------
select tests.as_visitor();
select is(tests.outcome('select public.api_scopes()'), '42501', 'a visitor does not see the scopes');
select is(tests.outcome($$ select public.create_api_key('x', '{vehicles:read}', now() + interval '1 day', gen_random_uuid()) $$), '42501', 'a visitor cannot create a key');
select tests.in_session(:'host', false);
select is(tests.outcome(tests.creation()), 'step_up_required', 'a key cannot be created in a session without a step-up code');
select tests.in_session(:'host', true);
select set_eq('select scope from public.api_scopes()', '{vehicles:read,calendar:read,calendar:write,bookings:read,bookings:write}'::text[], 'a person reads which scopes there are');
select is(tests.outcome(tests.creation(p_name => '  ')), 'invalid_input', 'a key without a name is refused');
select is(tests.outcome(tests.creation(p_name => repeat('x', 61))), 'invalid_input', 'a name of 61 characters is refused');
select is(tests.outcome(tests.creation(p_scopes => '{}')), 'invalid_input', 'a key without a scope is refused');
select is(tests.outcome(tests.creation(p_scopes => null)), 'invalid_input', 'a key with null for scopes is refused');
select is(tests.outcome(tests.creation(p_scopes => '{vehicles:read,NULL}')), 'invalid_input', 'a scope that is null is refused');
select is(tests.outcome(tests.creation(p_scopes => '{everything:write}')), 'invalid_input', 'a scope that does not exist is refused');
select is(tests.outcome(tests.creation(p_expires_at => now())), 'invalid_input', 'a key that has expired already is refused');
select is(tests.outcome(tests.creation(p_expires_at => now() + interval '367 days')), 'invalid_input', 'a key for more than 366 days is refused');
select is(tests.outcome(tests.creation(p_expires_at => 'infinity')), 'invalid_input', 'a key without an end is refused');
select is(tests.outcome(tests.creation(p_key => null)), 'invalid_input', 'a key cannot be created without an idempotency key');

select private.create_api_key('  Fleet   software ', '{vehicles:read,calendar:read,vehicles:read}', now() + interval '30 days', '00000000-0000-4000-8000-000000000001') as made \gset
select :'made'::jsonb ->> 'api_key' as reader, :'made'::jsonb ->> 'id' as reader_id, :'made'::jsonb ->> 'prefix' as reader_prefix \gset
select matches(:'reader'::text, '^jk_live_[0-9a-f]{12}_[0-9a-f]{64}_[0-9a-f]{8}$', 'a key names its kind, prefix, secret of 256 bits and checksum');
select is(split_part(:'reader', '_', 5), left(encode(sha256(convert_to(left(:'reader', -9), 'utf8')), 'hex'), 8), 'the checksum of a key is of all before it');
select is(split_part(:'reader', '_', 3), :'reader_prefix'::text, 'the prefix of a key is the one that is shown later');
select results_eq('select name, scopes, last_used_at, revoked_at from public.api_keys',
  $$ values ('Fleet software', '{calendar:read,vehicles:read}'::text[], null::timestamptz, null::timestamptz) $$,
  'a key is listed with its tidy name and each scope once');
select is(private.create_api_key('  Fleet   software ', '{vehicles:read,calendar:read,vehicles:read}', now() + interval '30 days', '00000000-0000-4000-8000-000000000001'),
  :'made'::jsonb || '{"api_key": null}', 'a repeat answers the same key without its secret');
select is((select count(*)::int from public.api_keys), 1, 'a repeat creates no second key');
select is(tests.outcome(tests.creation(p_name => 'Another', p_key => '00000000-0000-4000-8000-000000000001')), 'idempotency_conflict', 'the same idempotency key with another name is refused');
select is(tests.outcome('select secret_hash from public.api_keys'), '42501', 'the owner cannot read the hash');
select is(tests.outcome($$ update public.api_keys set expires_at = now() + interval '300 days' $$), '42501', 'the owner cannot give a key more time');
select is(tests.outcome($$ delete from public.api_keys $$), '42501', 'the owner cannot delete a key');
select is(tests.outcome(format($$ insert into public.api_keys (user_id, name, prefix, secret_hash, scopes, expires_at) values (%L, 'x', '0123456789ab', sha256('x'), '{vehicles:read}', now() + interval '1 day') $$, :'host')), '42501', 'the owner cannot write a key of an own making');
select tests.as_user(:'other');
select is((select count(*)::int from public.api_keys), 0, 'others do not see the key');
select is(tests.outcome(format('select private.revoke_api_key(%L)', :'reader_id')), 'not_found', 'others cannot revoke the key');
select is(tests.outcome(format('select public.call_with_api_key(%L, %L, %L, %L, null, %L)', 'x', 'x', 'my_vehicles', '{}', 'x')), '42501', 'a person cannot call with a key past the function');

-- at rest ------------------------------------------------------------------------------------------------------
select tests.as_owner();
select split_part(:'reader', '_', 4) as secret \gset
select is((select secret_hash from public.api_keys), sha256(convert_to(:'secret', 'utf8')), 'a key is stored as the SHA-256 of its secret');
select is((select count(*)::int from private.idempotency_keys where response::text like '%' || :'secret' || '%'), 0, 'no stored answer of a command holds the secret');
select is((select count(*)::int from private.domain_events where data::text like '%' || :'secret' || '%'), 0, 'no event of the log holds the secret');
select is((select count(*)::int from public.notifications where data::text || body like '%' || :'secret' || '%'), 0, 'no notification holds the secret');
select is((select count(*)::int from private.outbox where payload::text like '%' || :'secret' || '%'), 0, 'no message in the outbox holds the secret');
select results_eq(format($$ select type, actor_id from private.domain_events where subject_id = %L $$, :'reader_id'), format($$ values ('api_key.created', %L::uuid) $$, :'host'), 'the log says who created the key');
select ok(exists (select from tests.mails() where user_id = :'host' and subject = 'An API key was created' and text like '%' || :'reader_prefix' || '%'), 'the owner is told of the new key by mail');
select is(tests.outcome(format($$ update public.api_keys set scopes = '{bookings:write}' where id = %L $$, :'reader_id')), '42501', 'nobody gives a key another scope');
select is(tests.outcome(format($$ update public.api_keys set user_id = %L where id = %L $$, :'other', :'reader_id')), '42501', 'nobody gives a key another owner');

-- calling ------------------------------------------------------------------------------------------------------
select is((select array_agg(v ->> 'id') from jsonb_array_elements(tests.call_with(:'reader', 'my_vehicles')) v), array[:'vehicle'], 'a key lists the vehicles of its owner, and no other');
select is(tests.call_with(:'reader', 'my_calendar', jsonb_build_object('vehicle_id', :'vehicle', 'from_at', now(), 'to_at', now() + interval '9 days')), '[]'::jsonb, 'a key reads the calendar of its owner''s vehicle');
select is(tests.refused_as(tests.call_with(:'reader', 'my_calendar', jsonb_build_object('vehicle_id', :'foreign_vehicle', 'from_at', now(), 'to_at', now() + interval '9 days'))), '404 vehicle_not_found', 'a key does not read the calendar of somebody else''s vehicle');
select is(tests.refused_as(tests.call_with(:'reader', 'my_calendar', '{"vehicle_id": "x", "from_at": "2030-01-01", "to_at": "2030-01-02"}')), '400 invalid_input', 'a value of a wrong type is refused');
select is(tests.refused_as(tests.call_with(:'reader', 'my_vehicles', '{"host_id": 1}')), '400 unknown_field', 'an argument that does not exist is refused');
select is(tests.call_with(:'reader', 'block_period', jsonb_build_object('vehicle_id', :'vehicle', 'starts_at', tests.hours(1), 'ends_at', tests.hours(2))) ->> 'details',
  '{"code": "scope_missing", "scope": "calendar:write"}', 'a key without the scope is refused, and told which scope it needs');
select is((select count(*)::int from public.calendar_entries where vehicle_id = :'vehicle'), 0, 'a refused key has blocked nothing');
select is(tests.refused_as(tests.call_with(:'reader', 'create_booking', jsonb_build_object('quote_id', gen_random_uuid()))), '400 invalid_input', 'a command that no scope names cannot be reached');
select is(tests.refused_as(tests.call_with(:'reader', 'api_scopes')), '400 invalid_input', 'a read that no scope names cannot be reached');
select is_empty($$ select operation from private.api_operations where operation in (
  select p.proname from pg_proc p where p.prosrc ~ 'require_step_up|require_admin|is_admin') $$, 'no scope names a command for admins or one that needs a step-up');
select is((select last_used_at from public.api_keys where id = :'reader_id'), now(), 'the last use of a key is written');
update public.api_keys set last_used_at = now() - interval '59 seconds' where id = :'reader_id';
select tests.call_with(:'reader', 'my_vehicles');
select is((select last_used_at from public.api_keys where id = :'reader_id'), now() - interval '59 seconds', 'the last use is written once a minute at most');
select is(current_setting('request.jwt.claims'), '', 'a call leaves no claims behind');

select tests.in_session(:'host', true);
select private.create_api_key('Writer', '{calendar:read,calendar:write,bookings:read,bookings:write}', now() + interval '30 days', gen_random_uuid()) ->> 'api_key' as writer \gset
select id as writer_id from public.api_keys where name = 'Writer' \gset
select tests.as_owner();
select format('{"vehicle_id": "%s", "starts_at": "%s", "ends_at": "%s"}', :'vehicle', tests.hours(1), tests.hours(2)) as when \gset
select tests.call_with(:'writer', 'block_period', :'when', '00000000-0000-4000-8000-000000000011') as block \gset
select is(:'block'::jsonb ->> 'kind', 'host_block'::text, 'a key with the scope blocks a time');
select is(tests.call_with(:'writer', 'block_period', :'when', '00000000-0000-4000-8000-000000000011'), :'block'::jsonb, 'a block that is repeated with its idempotency key answers the first block');
select is((select count(*)::int from public.calendar_entries where vehicle_id = :'vehicle'), 1, 'a block that is repeated blocks once');
select is(tests.refused_as(tests.call_with(:'writer', 'block_period', :'when', gen_random_uuid())), '409 vehicle_unavailable', 'a block without the key of the first is refused as for the owner');
select is(tests.refused_as(tests.call_with(:'writer', 'unblock_period', jsonb_build_object('entry_id', :'block'::jsonb ->> 'id'), '00000000-0000-4000-8000-000000000011')), '409 idempotency_conflict', 'an idempotency key of another command is refused');
select is(tests.call_with(:'writer', 'unblock_period', jsonb_build_object('entry_id', :'block'::jsonb ->> 'id'), '00000000-0000-4000-8000-000000000012'), '{}'::jsonb, 'a key with the scope opens a blocked time again');
select is(tests.call_with(:'writer', 'unblock_period', jsonb_build_object('entry_id', :'block'::jsonb ->> 'id'), '00000000-0000-4000-8000-000000000012'), '{}'::jsonb, 'opening a time again is safe to repeat');
select results_eq(format($$ select actor_id, data ->> 'operation' from private.domain_events where subject_id = %L and type = 'api_key.called' order by id $$, :'writer_id'),
  format($$ values (%L::uuid, 'block_period'), (%L::uuid, 'unblock_period') $$, :'host', :'host'), 'the log says which commands a key has done');

select tests.make_booking(:'renter', :'vehicle', tests.hours(30), tests.hours(40)) as booking \gset
select is((select array_agg(b ->> 'id') from jsonb_array_elements(tests.call_with(:'writer', 'my_bookings', '{"role": "host"}')) b), array[:'booking'], 'a key lists the bookings of its owner as host');
select is(tests.refused_as(tests.call_with(:'writer', 'answer_booking', jsonb_build_object('booking_id', :'booking', 'accept', true))), '400 invalid_input', 'an answer to a request needs an idempotency key');
select is(tests.call_with(:'writer', 'answer_booking', jsonb_build_object('booking_id', :'booking', 'accept', true), '00000000-0000-4000-8000-000000000013') ->> 'status', 'pending_payment', 'a key with the scope accepts a request');
select is((select actor_id from private.domain_events where subject_id = :'booking' and event = 'accept'), :'host', 'the log says that the owner of the key accepted');
select tests.call_with(:'writer', 'answer_booking', jsonb_build_object('booking_id', :'booking', 'accept', true), '00000000-0000-4000-8000-000000000013');
select is(tests.refused_as('{}'), ' ok', 'an answer that is repeated with its idempotency key is no second answer');

-- a claim of a key opens nothing that needs a session
select tests.as_user(:'host');
select set_config('request.jwt.claims', json_build_object('sub', :'host', 'role', 'authenticated', 'api_key_id', :'writer_id')::text, true);
select is(tests.outcome(tests.creation()), 'step_up_required', 'a key cannot create a key');

-- refusals -----------------------------------------------------------------------------------------------------
select tests.as_owner();
select 'jk_live_' || :'reader_prefix' || '_' || repeat('0', 64) || '_00000000' as wrong_secret, 'jk_live_000000000000_' || :'secret' || '_00000000' as unknown_prefix \gset
create temporary table refused (reason text, answer jsonb);
insert into refused values ('wrong secret', tests.call_with(:'wrong_secret', 'my_vehicles')), ('unknown prefix', tests.call_with(:'unknown_prefix', 'my_vehicles'));
select tests.in_session(:'host', true);
select private.create_api_key('Short', '{vehicles:read}', now() + interval '1 hour', gen_random_uuid()) ->> 'api_key' as short, private.create_api_key('Lost', '{vehicles:read}', now() + interval '1 hour', gen_random_uuid()) ->> 'api_key' as lost \gset
select is(private.revoke_api_key((select id from public.api_keys where name = 'Lost')) ->> 'revoked_at' is not null, true, 'the owner revokes a key');
select is(private.revoke_api_key((select id from public.api_keys where name = 'Lost')) ->> 'name', 'Lost', 'revoking a key is repeatable');
select tests.as_owner();
insert into refused values ('revoked', tests.call_with(:'lost', 'my_vehicles'));
select is((select count(*)::int from private.domain_events where type = 'api_key.revoked'), 1, 'the log says once that a key was revoked');
select is(tests.outcome($$ update public.api_keys set revoked_at = null where name = 'Lost' $$), '42501', 'nobody brings a revoked key back');
alter table public.api_keys disable trigger immutable;
update public.api_keys set created_at = now() - interval '2 days', expires_at = now() where name = 'Short';
alter table public.api_keys enable trigger immutable;
insert into refused values ('expired', tests.call_with(:'short', 'my_vehicles'));
update auth.users set banned_until = now() + interval '1 hour' where id = :'host';
insert into refused values ('banned owner', tests.call_with(:'reader', 'my_vehicles'));
update auth.users set banned_until = null where id = :'host';
update public.profiles set deleted_at = now() where id = :'host';
insert into refused values ('deleted owner', tests.call_with(:'reader', 'my_vehicles'));
update public.profiles set deleted_at = null where id = :'host';
select is((select count(distinct answer)::int from refused), 1, 'a key that is unknown, wrong, expired, revoked or of a closed account is refused with one and the same answer');
select is((select distinct answer ->> 'code' || ' ' || (answer ->> 'details') from refused), 'PT401 {"code": "api_key_invalid"}', 'the answer to a bad key says no more than that it is not valid');
select is(jsonb_typeof(tests.call_with(:'reader', 'my_vehicles')), 'array', 'another key of the same owner goes on working');

-- limits -------------------------------------------------------------------------------------------------------
update private.rate_limits set capacity = 3, per_minute = 1 where action = 'api_call';
delete from private.rate_buckets where action in ('api_call', 'api_key_refused');
select is(array_agg(tests.refused_as(tests.call_with(:'reader', 'unblock_period'))), array_fill('403 scope_missing'::text, '{3}'), 'a refused call costs a token of the key') from generate_series(1, 3);
select is(tests.refused_as(tests.call_with(:'reader', 'my_vehicles')), '429 rate_limited', 'a key without tokens is refused');
select is(current_setting('response.headers')::jsonb, '[{"Retry-After": "60"}]', 'the refusal says after how many seconds to try again');
select is(jsonb_typeof(tests.call_with(:'writer', 'my_bookings', '{"role": "host"}')), 'array', 'each key has tokens of its own');
update private.rate_limits set capacity = 2, per_minute = 1 where action = 'api_key_refused';
select is(array_agg(tests.refused_as(tests.call_with(:'unknown_prefix', 'my_vehicles', p_ip => '192.0.2.9'))), '{401 api_key_invalid,401 api_key_invalid,429 rate_limited}'::text[], 'a network that tries keys is refused after a few') from generate_series(1, 3);
select is(tests.refused_as(tests.call_with(:'unknown_prefix', 'my_vehicles', p_ip => '192.0.2.10')), '401 api_key_invalid', 'another network is not');

update private.settings set value = '3' where key = 'api_keys_per_person';
select tests.in_session(:'host', true);
select is(tests.outcome(tests.creation()), 'ok', 'expired and revoked keys do not count');
select is(tests.outcome(tests.creation()), 'too_many_api_keys', 'an account has a limited number of keys');
select tests.as_user(:'admin');
select is((select count(*)::int from public.api_keys where user_id = :'host'), 5, 'an admin sees the keys of people');
select tests.as_owner();
select tests.settle();
select is(tests.broken_promises(), null, 'no invariant is violated after calls with keys');

select * from finish();
rollback;

-- Webhooks: who has endpoints, which events they get, and what becomes of an event that is not accepted.
begin;
set local client_min_messages = warning;
\ir helpers.psql
select no_plan();

select tests.make_user('host') as host, tests.make_user('other') as other, tests.make_renter('renter') as renter, tests.make_admin('admin') as admin,
  tests.make_user('organizer') as organizer \gset
select tests.make_vehicle(:'host') as vehicle, tests.make_vehicle(:'other') as foreign_vehicle \gset
update private.rate_limits set capacity = 1000, per_minute = 1000 where action in ('create_webhook_endpoint', 'send_test_webhook', 'resend_webhooks');

create function tests.in_session(p_user_id uuid)
returns void
language plpgsql volatile
as $$
begin
  perform tests.as_owner();
  perform tests.step_up(p_user_id);
  perform tests.as_user(p_user_id);
end
$$;

create function tests.creation(
  p_url text default 'https://fleet.example.com/hooks', p_types text[] default '{booking.confirm,booking.cancel}', p_name text default 'Fleet software',
  p_owner text default 'user', p_owner_id uuid default null, p_key uuid default gen_random_uuid()
)
returns text
language sql volatile
as $$ select format('select private.create_webhook_endpoint(%L, %L, %L, %L, %L, %L)', p_name, p_url, p_types, p_owner, p_owner_id, p_key) $$;

create function tests.create_endpoint(p_url text, p_types text[], p_owner text default 'user', p_owner_id uuid default null)
returns jsonb
language sql volatile
as $$ select private.create_webhook_endpoint('Fleet software', p_url, p_types, p_owner, p_owner_id, gen_random_uuid()) $$;

-- One try of an event, as the worker reports it. Time goes on so far that nothing is left alone any more.
create function tests.try_webhook(p_delivery uuid, p_status int, p_kind text default 'failed')
returns void
language plpgsql volatile
as $$
begin
  perform private.store_webhook_try(p_delivery, jsonb_build_object('kind', p_kind, 'http_status', p_status, 'problem', 'its server answered ' || p_status));
  update private.webhook_endpoints set retry_at = now() - interval '1 second' where failures > 0;
end
$$;

create function tests.events_of(p_endpoint text)
returns setof text
language sql stable
as $$ select type from private.webhook_deliveries where endpoint_id = p_endpoint::uuid order by created_at $$;

-- creating -----------------------------------------------------------------------------------------------------
select tests.as_visitor();
select is(tests.outcome('select public.webhook_event_types()'), '42501', 'a visitor does not see the types');
select tests.as_user(:'host');
select is(tests.outcome(tests.creation()), 'step_up_required', 'an endpoint cannot be created in a session without a step-up code');
select tests.in_session(:'host');
select ok(exists (select from public.webhook_event_types() where type = 'booking.confirm' and status = 'confirmed'), 'a host reads which events of trips there are, and the status after each');
select is_empty($$ select type from public.webhook_event_types() where type like 'order.%' or type like 'payment.%' $$, 'a host has no events of orders and payments');
select isnt_empty($$ select type from public.webhook_event_types('organizer') where type = 'order.complete' $$, 'an organizer has events of orders');
select isnt_empty($$ select type from public.webhook_event_types('platform') where type = 'payment.succeed' $$, 'the platform has events of payments');
select is_empty($$ select type from public.webhook_event_types('nobody') $$, 'an owner that does not exist has no events');
select is(tests.outcome(tests.creation(p_url => 'http://fleet.example.com/hooks')), 'invalid_input', 'an address without https is refused');
select is(tests.outcome(tests.creation(p_url => 'https://fleet.example.com:8443/hooks')), 'invalid_input', 'an address with a port is refused');
select is(tests.outcome(tests.creation(p_url => 'https://me:secret@fleet.example.com/hooks')), 'invalid_input', 'an address with a user is refused');
select is(tests.outcome(tests.creation(p_url => 'https://fleet.example.com/a b')), 'invalid_input', 'an address with a space is refused');
select is(tests.outcome(tests.creation(p_url => null)), 'invalid_input', 'an endpoint without an address is refused');
select is(tests.outcome_details(tests.creation(p_name => '')) ->> 'field', 'name', 'an endpoint without a name is refused');
select is(tests.outcome(tests.creation(p_types => '{}')), 'invalid_input', 'an endpoint for no events is refused');
select is(tests.outcome(tests.creation(p_types => '{payment.succeed}')), 'invalid_input', 'a host cannot ask for events of the platform');
select is(tests.outcome(tests.creation(p_types => '{booking.explode}')), 'invalid_input', 'a type that does not exist is refused');
select is(tests.outcome(tests.creation(p_owner => 'everybody')), 'invalid_input', 'an owner that does not exist is refused');
select is(tests.outcome(tests.creation(p_owner => 'platform', p_types => '{*}')), 'forbidden', 'a person who is no admin cannot listen to the platform');
select is(tests.outcome(tests.creation(p_owner_id => :'other')), 'forbidden', 'nobody listens to the trips of somebody else');
select is(tests.outcome(tests.creation(p_key => null)), 'invalid_input', 'an endpoint cannot be created without an idempotency key');

select private.create_webhook_endpoint('  Fleet  software ', 'https://fleet.example.com/hooks', '{booking.confirm,booking.cancel,booking.confirm}', 'user', null, '00000000-0000-4000-8000-000000000001') as made \gset
select :'made'::jsonb ->> 'id' as endpoint, :'made'::jsonb ->> 'secret' as secret \gset
select matches(:'secret'::text, '^whsec_[A-Za-z0-9+/]{43}=$', 'a secret has 256 bits, in the form of Standard Webhooks');
select is(private.create_webhook_endpoint('  Fleet  software ', 'https://fleet.example.com/hooks', '{booking.confirm,booking.cancel,booking.confirm}', 'user', null, '00000000-0000-4000-8000-000000000001'),
  :'made'::jsonb || '{"secret": null}', 'a repeat answers the same endpoint without its secret');
select results_eq('select name, url, event_types, owner_id, disabled_at from public.list_webhook_endpoints()',
  format($$ values ('Fleet software', 'https://fleet.example.com/hooks', '{booking.cancel,booking.confirm}'::text[], %L::uuid, null::timestamptz) $$, :'host'), 'an endpoint is listed with its tidy name and each type once');
select is(tests.outcome(tests.creation()), 'invalid_input', 'one address has one endpoint');
select tests.as_owner();
select is((select count(*)::int from private.idempotency_keys where response::text like '%' || :'secret' || '%'), 0, 'no stored answer of a command holds the secret');
select is((select count(*)::int from private.domain_events where data::text like '%' || :'secret' || '%'), 0, 'no event of the log holds the secret');
select is((select count(*)::int from private.webhook_secrets where encode(encrypted, 'escape') like '%' || :'secret' || '%'), 0, 'the secret is not stored in clear');
update private.settings set value = '1' where key = 'webhook_endpoints';
select tests.as_user(:'host');
select is(tests.outcome_details(tests.creation(p_url => 'https://fleet.example.com/2')) ->> 'code', 'too_many_webhook_endpoints', 'a person has as many endpoints as the setting says');
select tests.as_owner();
update private.settings set value = '5' where key = 'webhook_endpoints';

-- others -------------------------------------------------------------------------------------------------------
select tests.in_session(:'other');
select is_empty('select * from public.list_webhook_endpoints()', 'others do not see the endpoint');
select is(tests.outcome(format('select private.%s(%L%s)', c.name, :'endpoint', c.more)), 'webhook_endpoint_not_found', format('others are refused as if there were no endpoint: %s', c.name))
from (values ('list_webhook_deliveries', ', null, null, 20'), ('update_webhook_endpoint', ', ''{"enabled": false}'''), ('rotate_webhook_secret', ', gen_random_uuid()'),
  ('delete_webhook_endpoint', ''), ('send_test_webhook', ''), ('resend_webhooks', ', now()')) c (name, more);
select is(tests.outcome(format('select public.webhook_to_send(%L)', gen_random_uuid())), '42501', 'a person cannot ask for what is sent');

-- events -------------------------------------------------------------------------------------------------------
select tests.as_owner();
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(30), tests.hours(40)) as booking, tests.make_paid_booking(:'renter', :'foreign_vehicle', tests.hours(50), tests.hours(60)) as foreign_booking \gset
select results_eq(format('select tests.events_of(%L)', :'endpoint'), array['booking.confirm'], 'a confirmed trip is one event for its host, and other moves and other hosts are none');
select id as delivery from private.webhook_deliveries where endpoint_id = :'endpoint' \gset
select is((select data ->> 'id' from private.webhook_deliveries where id = :'delivery'), :'booking', 'an event names its row');
select is((select data ->> 'status' from private.webhook_deliveries where id = :'delivery'), 'confirmed', 'an event has the status of its row');
select is_empty($$ select k from private.webhook_machines m, unnest(m.columns) k where k ~ '(name|phone|email|plate|note|description|address|secret|comment|reason)' $$, 'no event has a name, an address or a text of a person');
select is((select count(*)::int from private.outbox where topic = 'webhook' and payload ->> 'delivery_id' = :'delivery'), 1, 'an event waits in the outbox once');
select is(tests.outcome(format($$ update public.bookings set status = 'expired' where id = %L $$, :'booking')), 'illegal_transition', 'an illegal move is refused before it is an event');
select is((select count(*)::int from private.webhook_deliveries), 1, 'a move that is undone leaves no event');
update public.bookings set status = 'cancelled', cancelled_at = now(), cancelled_by = 'admin', refund_bps = 10000 where id = :'booking';
select results_eq(format('select tests.events_of(%L)', :'endpoint'), array['booking.confirm', 'booking.cancel'], 'a move made in a table editor is an event too');

-- sending ------------------------------------------------------------------------------------------------------
select tests.as_service();
select public.webhook_to_send(:'delivery') as sent \gset
select is(:'sent'::jsonb ->> 'url', 'https://fleet.example.com/hooks', 'the worker reads where an event goes');
select is(:'sent'::jsonb -> 'secrets', jsonb_build_array(:'secret'), 'the worker reads what it signs with');
select is((:'sent'::jsonb ->> 'body')::jsonb - 'timestamp' - 'data', jsonb_build_object('id', :'delivery', 'type', 'booking.confirm'), 'a body says which event it is');
select tests.as_owner();
select tests.try_webhook(:'delivery', 200, 'delivered');
select results_eq(format('select status, attempts, http_status, problem, next_at from private.webhook_deliveries where id = %L', :'delivery'),
  $$ values ('delivered', 1, 200, null::text, null::timestamptz) $$, 'an event that was accepted is delivered');
select is(private.webhook_to_send(:'delivery'), null, 'a delivered event is not sent again');
select tests.try_webhook(:'delivery', 500);
select is((select status from private.webhook_deliveries where id = :'delivery'), 'delivered', 'a report that comes late changes nothing');

select id as second from private.webhook_deliveries where endpoint_id = :'endpoint' and type = 'booking.cancel' \gset
select tests.as_user(:'host');
select public.send_test_webhook(:'endpoint') ->> 0 as waiting \gset
select tests.as_owner();
select private.store_webhook_try(:'second', '{"kind": "failed", "http_status": 500, "problem": "its server answered 500"}');
select results_eq(format('select status, attempts, http_status, problem, next_at from private.webhook_deliveries where id = %L', :'second'),
  $$ values ('pending', 1, 500, 'its server answered 500', now() + interval '5 seconds') $$, 'a failed try is followed by another after the first of the seconds');
select is(private.webhook_to_send(:'second') ->> 'kind', 'wait', 'an endpoint that failed is left alone');
select is((select o.available_at from private.outbox o where o.payload ->> 'delivery_id' = :'waiting'), now() + interval '5 seconds', 'what waits for an endpoint that failed is not looked at before its pause is over');
delete from private.webhook_deliveries where id = :'waiting';
select is((private.webhook_to_send(:'second') ->> 'seconds')::int, 5, 'an endpoint that failed once is left alone for 5 seconds');
update private.webhook_endpoints set failures = 30, retry_at = now() where id = :'endpoint';
select private.store_webhook_try(:'second', '{"kind": "failed", "http_status": null, "problem": "its server could not be reached"}');
select is((private.webhook_to_send(:'second') ->> 'seconds')::int, 300, 'an endpoint that fails for long is asked every 5 minutes at least');
update private.webhook_endpoints set retry_at = now() - interval '1 second' where id = :'endpoint';
select tests.try_webhook(:'second', 500) from generate_series(3, 8);
select results_eq(format('select status, attempts, next_at from private.webhook_deliveries where id = %L', :'second'), $$ values ('failed', 8, null::timestamptz) $$, 'an event is given up after the last of the seconds');
select is((select count(*)::int from private.outbox where topic = 'webhook' and payload ->> 'delivery_id' = :'second'), 8, 'each try is an effect of its own');
select is((select disabled_at from private.webhook_endpoints where id = :'endpoint'), null, 'an endpoint that fails for less than the days stays on');
select is_empty($$ select * from private.check_invariants() where invariant like 'webhook%' $$, 'every event that waits is with the outbox');

-- switched off -------------------------------------------------------------------------------------------------
select tests.as_user(:'host');
select public.send_test_webhook(:'endpoint') ->> 0 as test \gset
select tests.as_owner();
update private.webhook_endpoints set failing_since = now() - interval '6 days' where id = :'endpoint';
select tests.try_webhook(:'test', 500) from generate_series(1, 8);
select results_eq(format('select disabled_at, disabled_reason from private.webhook_endpoints where id = %L', :'endpoint'), $$ values (now(), 'failing') $$, 'an endpoint that accepted nothing for days is switched off');
select ok(exists (select from tests.mails() where user_id = :'host' and subject = 'A webhook endpoint was switched off' and text like '%Fleet software%'), 'its owner is told by mail');
select tests.make_paid_booking(:'renter', :'vehicle', tests.hours(70), tests.hours(80)) as missed \gset
select results_eq(format($$ select status from private.webhook_deliveries where endpoint_id = %L and subject_id = %L $$, :'endpoint', :'missed'), array['held'], 'an event of an endpoint that is off is held');
select tests.as_user(:'host');
select is(tests.outcome(format('select private.send_test_webhook(%L)', :'endpoint')), 'webhook_endpoint_disabled', 'nothing is sent to an endpoint that is off');
select is(tests.outcome(format('select private.resend_webhook(%L)', :'second')), 'webhook_endpoint_disabled', 'nothing is sent again to an endpoint that is off');
select is(tests.outcome(format($$ select private.update_webhook_endpoint(%L, '{"url": "https://elsewhere.example"}') $$, :'endpoint')), 'unknown_field', 'an endpoint keeps its address');
select is(tests.outcome(format($$ select private.update_webhook_endpoint(%L, '{"event_types": ["payment.succeed"]}') $$, :'endpoint')), 'invalid_input', 'a change cannot bring types of the platform');
select public.update_webhook_endpoint(:'endpoint', '{"enabled": true, "event_types": ["*"], "name": "Fleet"}') as changed \gset
select is(:'changed'::jsonb -> 'disabled_at', 'null', 'its owner switches it on again');
select is(:'changed'::jsonb -> 'failing_since', 'null', 'what is switched on again begins anew');
select is(public.resend_webhooks(:'endpoint', now() - interval '1 day'), '{"queued": 3, "more": false}', 'what failed or was held is sent when its owner asks for it');
select is(public.resend_webhooks(:'endpoint', now() - interval '1 day'), '{"queued": 0, "more": false}', 'what is on its way is not queued twice');
select set_eq(format('select status from public.list_webhook_deliveries(%L)', :'endpoint'), '{delivered,pending}'::text[], 'an owner reads what became of the events');
select results_eq(format($$ select id from public.list_webhook_deliveries(%L, '{delivered}') $$, :'endpoint'), array[:'delivery'::uuid], 'an owner reads those of a status');
select public.resend_webhook(:'delivery');
select is((select status from public.list_webhook_deliveries(:'endpoint') where id = :'delivery'), 'pending', 'a delivered event is sent once more when its owner asks for it');
select tests.as_owner();
select is((select array_agg(dedupe_key order by id) from private.outbox where payload ->> 'delivery_id' = :'delivery'), array[:'delivery' || ':1', :'delivery' || ':2'], 'an event keeps its id when it is sent once more');
select is((select count(*)::int from private.outbox where topic = 'webhook' and payload ->> 'delivery_id' = :'second'), 9, 'an event that was given up begins anew');
select tests.as_user(:'host');
select public.update_webhook_endpoint(:'endpoint', '{"enabled": false}') ->> 'disabled_reason' as reason \gset
select is(:'reason'::text, 'owner', 'its owner switches it off');
select is((select count(*)::int from public.list_webhook_deliveries(:'endpoint') where status = 'pending'), 0, 'what waits for an endpoint that is switched off is held');
select public.update_webhook_endpoint(:'endpoint', '{"enabled": true}') is not null;
select public.send_test_webhook(:'endpoint') ->> 0 as test \gset
select tests.as_owner();
select tests.try_webhook(:'test', 410);
select is((select disabled_reason from private.webhook_endpoints where id = :'endpoint'), 'gone', 'a server that answers 410 is sent nothing more at once');
update private.webhook_endpoints set disabled_at = null, disabled_reason = null, failures = 0, failing_since = null, retry_at = null where id = :'endpoint';

-- secrets ------------------------------------------------------------------------------------------------------
select tests.in_session(:'host');
select public.rotate_webhook_secret(:'endpoint', gen_random_uuid()) ->> 'secret' as newer \gset
select public.send_test_webhook(:'endpoint') ->> 0 as test \gset
select tests.as_owner();
select is(private.webhook_to_send(:'test') -> 'secrets', jsonb_build_array(:'newer', :'secret'), 'for a day events are signed with both secrets');
update private.webhook_secrets set expires_at = now() - interval '1 second' where expires_at is not null;
select is(private.webhook_to_send(:'test') -> 'secrets', jsonb_build_array(:'newer'), 'after the day only the new secret signs');
select private.tidy_webhooks();
select is((select count(*)::int from private.webhook_secrets where endpoint_id = :'endpoint'), 1, 'a secret that signs no more is removed');

-- organizers and the platform ----------------------------------------------------------------------------------
select tests.make_event(:'organizer') as event \gset
select organizer_id as team from public.events where id = :'event' \gset
select tests.in_session(:'organizer');
select tests.create_endpoint('https://box.example.com/hooks', '{order.complete,ticket.cancel}', 'organizer', :'team') ->> 'id' as box \gset
select tests.in_session(:'host');
select is(tests.outcome(tests.creation(p_owner => 'organizer', p_owner_id => :'team', p_types => '{order.complete}')), 'forbidden', 'others cannot listen to an organizer');
select is(tests.outcome(format('select * from public.list_webhook_endpoints(''organizer'', %L)', :'team')), 'forbidden', 'others do not see the endpoints of an organizer');
select tests.in_session(:'admin');
select tests.create_endpoint('https://relay.example.com/in', '{*}', 'platform') ->> 'id' as relay \gset
select is((select owner_id from public.list_webhook_endpoints('platform')), null, 'an endpoint of the platform has no owner');
select tests.as_owner();
select tests.make_paid_order(:'renter', :'event', 2) as bought \gset
select results_eq(format('select tests.events_of(%L)', :'box'), array['order.complete'], 'an organizer hears of a paid order');
select bag_has(format('select tests.events_of(%L)', :'relay'), $$ values ('order.hold'), ('payment.create'), ('payment.succeed'), ('order.complete'), ('ticket.issue') $$, 'the platform hears of everything');
insert into public.organizer_members (organizer_id, user_id, role) values (:'team', :'other', 'editor');
select tests.in_session(:'other');
select is(tests.outcome(format('select * from public.list_webhook_endpoints(''organizer'', %L)', :'team')), 'forbidden', 'a member who is no admin does not manage endpoints');
select is(tests.outcome(format('select private.delete_webhook_endpoint(%L)', :'box')), 'webhook_endpoint_not_found', 'a member who is no admin cannot delete an endpoint');
select tests.as_user(:'organizer');
select public.delete_webhook_endpoint(:'box');
select is_empty(format('select * from public.list_webhook_endpoints(''organizer'', %L)', :'team'), 'an endpoint is deleted');
select tests.as_owner();
select is((select count(*)::int from private.webhook_deliveries where endpoint_id = :'box'), 0, 'the events of a deleted endpoint go with it');

-- what cannot be stored ----------------------------------------------------------------------------------------
select is(tests.outcome(format($$ insert into private.webhook_secrets (endpoint_id, encrypted) values (%L, 'x') $$, :'endpoint')), '23505', 'an endpoint has one current secret');
select is(tests.outcome(format($$ insert into private.webhook_endpoints (owner, owner_id, created_by, name, url, event_types) values ('platform', %1$L, %1$L, 'x', 'https://x.example', '{*}') $$, :'admin')), '23514', 'the platform is nobody in particular');
select is(tests.outcome(format($$ insert into private.webhook_endpoints (owner, owner_id, created_by, name, url, event_types) values ('organizer', %1$L, %1$L, 'x', 'https://x.example', '{*}') $$, :'admin')), '23503', 'an organizer that does not exist has no endpoint');
select is(tests.outcome($$ update private.webhook_deliveries set status = 'pending' where status = 'delivered' or status = 'held' $$), '23514', 'an event that waits has a time');
select is(tests.outcome($$ update private.settings set value = '[5, 0]' where key = 'webhook_retry_seconds' $$), '23514', 'a try at once after a failed one is refused');

-- the end of things --------------------------------------------------------------------------------------------
update private.webhook_deliveries set created_at = now() - interval '31 days' where id = :'second';
select private.tidy_webhooks();
select is((select count(*)::int from private.webhook_deliveries where id = :'second'), 0, 'an event is removed after the days that the setting says');

select * from finish();
rollback;

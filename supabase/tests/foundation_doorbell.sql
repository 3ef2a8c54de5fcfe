-- The doorbell of the outbox, with stand-ins for the two extensions of the platform that Debian lacks:
-- what is proven is when we call, and with what, not that pg_net delivers.
begin;
set local client_min_messages = error;
select plan(5);

create schema net;
create table net.calls (url text, headers jsonb, at timestamptz default clock_timestamp());
create function net.http_post(url text, headers jsonb, body jsonb, timeout_milliseconds int)
returns bigint language sql as $$ insert into net.calls (url, headers) values (url, headers) returning 1::bigint $$;
create schema vault;
create table vault.decrypted_secrets (name text, decrypted_secret text);

select lives_ok(
  $$ select private.enqueue('email', '{}', 'bell-1') $$,
  'a row can be written before the secrets are there'
);
select is((select count(*)::int from net.calls), 0, 'and nobody is called');

insert into vault.decrypted_secrets values ('project_url', 'https://project.example'), ('secret_key', 'sb_secret_x');
update private.doorbell set rung_at = '-infinity' where id;
select private.enqueue('email', '{}', 'bell-2');
select private.enqueue('email', '{}', 'bell-3');
select results_eq(
  $$ select url, headers ->> 'apikey' from net.calls $$,
  $$ values ('https://project.example/functions/v1/outbox', 'sb_secret_x') $$,
  'the first row of a second rings once, with the key'
);
update private.doorbell set rung_at = clock_timestamp() - interval '2 seconds' where id;
select private.enqueue('email', '{}', 'bell-4');
select is((select count(*)::int from net.calls), 2, 'a second later it rings again');

update private.outbox set available_at = now() + interval '1 hour' where status = 'pending';
select private.ring_outbox();
select is((select count(*)::int from net.calls), 2, 'the minute''s round calls nobody when nothing is due');

select * from finish();
rollback;

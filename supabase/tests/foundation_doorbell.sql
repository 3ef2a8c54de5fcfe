-- The doorbell of the outbox, by pg_net and Vault where they are installed, and else by stand-ins of the same form.
-- What is proven is when we call, and with what, not that pg_net delivers: the transaction that queues is rolled back.
begin;
set local client_min_messages = error;
select plan(5);

do $do$
begin
  if to_regnamespace('net') is null then
    create schema net;
    create table net.http_request_queue (
      id bigint generated always as identity, method text, url text, headers jsonb, body bytea, timeout_milliseconds int
    );
    create function net.http_post(
      url text, body jsonb default '{}', params jsonb default '{}',
      headers jsonb default '{"Content-Type": "application/json"}', timeout_milliseconds int default 1000
    )
    returns bigint
    language sql volatile
    as $$
      insert into net.http_request_queue (method, url, headers, body, timeout_milliseconds)
      values ('POST', url, headers, convert_to(body::text, 'UTF8'), timeout_milliseconds)
      returning id
    $$;
  end if;
  if to_regnamespace('vault') is null then
    create schema vault;
    create table vault.secrets (name text unique, secret text);
    create view vault.decrypted_secrets as select name, secret as decrypted_secret from vault.secrets;
    create function vault.create_secret(new_secret text, new_name text, new_description text default '')
    returns void
    language sql volatile
    as $$ insert into vault.secrets (secret, name) values (new_secret, new_name) $$;
  end if;
end
$do$;
delete from vault.secrets where name in ('project_url', 'secret_key');
create function pg_temp.calls() returns int language sql as $$
  select count(*)::int from net.http_request_queue where url = 'https://project.example/functions/v1/outbox'
$$;

select lives_ok(
  $$ select private.enqueue('email', '{"delivery_id": null}', 'bell-1') $$,
  'a row can be written before the secrets are there'
);
select is(pg_temp.calls(), 0, 'nobody is called before the secrets are there');

select vault.create_secret('https://project.example', 'project_url'), vault.create_secret('sb_secret_x', 'secret_key');
update private.doorbell set rung_at = '-infinity' where id;
select private.enqueue('email', '{"delivery_id": null}', 'bell-2');
select private.enqueue('email', '{"delivery_id": null}', 'bell-3');
select results_eq(
  $$ select url, headers ->> 'apikey' from net.http_request_queue where url like 'https://project.example/%' $$,
  $$ values ('https://project.example/functions/v1/outbox', 'sb_secret_x') $$,
  'the first row of a second rings once, with the key'
);
update private.doorbell set rung_at = clock_timestamp() - interval '2 seconds' where id;
select private.enqueue('email', '{"delivery_id": null}', 'bell-4');
select is(pg_temp.calls(), 2, 'a row written a second later rings again');

update private.outbox set available_at = now() + interval '1 hour' where status = 'pending';
select private.ring_outbox();
select is(pg_temp.calls(), 2, 'the minute''s round calls nobody when nothing is due');

select * from finish();
rollback;

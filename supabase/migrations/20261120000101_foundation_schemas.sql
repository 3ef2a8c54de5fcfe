-- Foundation: the two schemas and the extensions.
-- Rule kept here: `public` is the API, `private` is the work behind it and is never exposed;
-- nothing is executable or readable unless a later file grants it by name.
-- Left out on purpose: pg_cron and pg_net, which only `operations` uses, behind a check.
-- One habit to know: helpers on the way of a command are plpgsql even where one statement would do, because
-- plpgsql keeps its plan and an SQL function with a SET clause is planned anew at each call before PostgreSQL 18.

create extension if not exists postgis with schema extensions;
create extension if not exists btree_gist with schema extensions;
create extension if not exists pgcrypto with schema extensions;
create extension if not exists pg_trgm with schema extensions;
create extension if not exists unaccent with schema extensions;

create schema private;
comment on schema private is 'The work behind the API: never exposed through PostgREST. The schema name alone tells whether a client can reach a thing.';

-- A command in public is SECURITY INVOKER and calls its twin in private, so clients need USAGE here;
-- what they may execute is still granted function by function.
grant usage on schema private to anon, authenticated, service_role;

-- The built-in EXECUTE for PUBLIC falls only to the form without IN SCHEMA.
alter default privileges for role postgres revoke execute on functions from public;
-- Projects made before October 2026 are born open; both kinds must end alike.
alter default privileges for role postgres in schema public revoke all on functions from anon, authenticated, service_role;
alter default privileges for role postgres in schema public revoke all on tables from anon, authenticated, service_role;
alter default privileges for role postgres in schema public revoke all on sequences from anon, authenticated, service_role;

-- DO NOT turn JIT on for those who call the API: PostgreSQL cannot interrupt the compilation, so a request with many
-- embedded resources would run for minutes past its statement timeout.
alter role anon set jit = off;
alter role authenticated set jit = off;
alter role service_role set jit = off;

-- Grants one function to the roles that need it: the command in public and its twin in private.
-- p_signature as in pg_proc, e.g. 'create_booking(uuid, uuid)'.
create function private.expose(p_signature text, variadic p_roles text[])
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_schema text;
  v_function text;
  v_grantees text := (select string_agg(quote_ident(r), ', ') from unnest(p_roles) as r);
begin
  foreach v_schema in array array['public', 'private'] loop
    v_function := to_regprocedure(v_schema || '.' || p_signature)::text;
    continue when v_function is null and v_schema = 'private';
    if v_function is null then
      raise exception 'no function public.%', p_signature;
    end if;
    execute format('revoke all on function %s from public, anon, authenticated, service_role', v_function);
    execute format('grant execute on function %s to %s', v_function, v_grantees);
  end loop;
end
$$;
comment on function private.expose is 'Used by migrations only: revokes a function from everybody and grants it to the named roles, in public and in private.';

-- The roles of the platform, with their attributes, settings and memberships.
-- Rule kept here: `postgres`, who runs migrations, is no superuser (but passes row security, as hosted),
-- so that a migration which would fail on the hosted platform fails here first.
-- Left out on purpose: supautils, safeupdate and pgsodium settings; the libraries are not packaged.

create role anon nologin inherit;
create role authenticated nologin inherit;
create role service_role nologin inherit bypassrls;
create role authenticator login noinherit password 'postgres';
create role postgres nosuperuser login createdb createrole replication bypassrls password 'postgres';
create role supabase_auth_admin login noinherit password 'postgres';
create role supabase_storage_admin login noinherit createrole password 'postgres';
create role supabase_realtime_admin login noinherit createrole replication password 'postgres';
create role supabase_replication_admin login replication password 'postgres';
create role supabase_read_only_user login bypassrls password 'postgres';
create role dashboard_user nologin createdb createrole replication;
create role supabase_privileged_role nologin;

grant anon, authenticated, service_role to authenticator;
grant authenticator to supabase_storage_admin;
grant anon, authenticated, service_role to supabase_realtime_admin;
grant anon, authenticated, service_role to supabase_storage_admin;
grant pg_read_all_data to supabase_read_only_user;
grant pg_monitor, pg_read_all_data, pg_signal_backend, supabase_privileged_role to postgres;

-- From version 16 on CREATEROLE alone no longer lets postgres hand these roles on, so the newer
-- image gives them with ADMIN; the older one does not.
do $$
begin
  if current_setting('server_version_num')::int >= 160000 then
    grant anon, authenticated, service_role, authenticator to postgres with admin option;
    grant pg_create_subscription to postgres;
  else
    grant anon, authenticated, service_role to postgres;
  end if;
end
$$;

alter role supabase_admin set search_path to "$user", public, auth, extensions;
alter role postgres set search_path to "$user", public, extensions;
alter role anon set statement_timeout to '3s';
alter role authenticated set statement_timeout to '8s';
alter role authenticator set statement_timeout to '8s';
alter role authenticator set lock_timeout to '8s';
alter role supabase_auth_admin set search_path to auth;
alter role supabase_auth_admin set idle_in_transaction_session_timeout to 60000;
alter role supabase_storage_admin set search_path to storage;
alter role supabase_realtime_admin set search_path to public, extensions, realtime;
alter role supabase_read_only_user set default_transaction_read_only to on;

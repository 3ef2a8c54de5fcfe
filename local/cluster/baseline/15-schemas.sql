-- The platform's schemas, who owns them and who may look inside.
-- Rule kept here: new objects carry only the grants a migration gives them. No default privileges are
-- set for anon, authenticated or service_role, which is the platform's state since October 2026.

do $$
begin
  execute format('alter database %I owner to postgres', current_database());
end
$$;

alter schema public owner to pg_database_owner;
revoke create on schema public from public;
grant usage on schema public to postgres, anon, authenticated, service_role;

create schema extensions authorization postgres;
grant usage on schema extensions to anon, authenticated, service_role, dashboard_user;

create schema auth authorization supabase_admin;
grant all on schema auth to supabase_auth_admin;
grant usage on schema auth to postgres, anon, authenticated, service_role;

create schema storage authorization supabase_admin;
grant all on schema storage to supabase_storage_admin;
grant usage on schema storage to postgres with grant option;
grant usage on schema storage to anon, authenticated, service_role;

create schema realtime authorization supabase_admin;
grant all on schema realtime to supabase_realtime_admin;
grant usage on schema realtime to postgres with grant option;
grant usage on schema realtime to anon, authenticated, service_role;

create publication supabase_realtime;
alter publication supabase_realtime owner to postgres;

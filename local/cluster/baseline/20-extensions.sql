-- Extensions a migration may ask for with `create extension if not exists … with schema extensions`.
-- On the platform `postgres` may create them through supautils; here a superuser has done so before,
-- and the migration's statement is a no-op with a notice.

create extension if not exists postgis with schema extensions;
create extension if not exists pgcrypto with schema extensions;
create extension if not exists "uuid-ossp" with schema extensions;
create extension if not exists btree_gist with schema extensions;
create extension if not exists unaccent with schema extensions;
create extension if not exists pg_trgm with schema extensions;
create extension if not exists citext with schema extensions;
create extension if not exists pgtap with schema extensions;
-- `supabase db lint` calls it unqualified, so it must be on the search path of postgres.
create extension if not exists plpgsql_check with schema extensions;
create extension if not exists pg_cron with schema pg_catalog;

do $$
begin
  if current_setting('shared_preload_libraries') ~ 'pg_stat_statements' then
    create extension if not exists pg_stat_statements with schema extensions;
  end if;
end
$$;

grant usage on schema cron to postgres with grant option;
grant execute on all functions in schema cron to postgres with grant option;
grant all on all tables in schema cron to postgres with grant option;
revoke all on cron.job from postgres;
grant select on cron.job to postgres with grant option;

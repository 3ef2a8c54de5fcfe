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
create extension if not exists pg_cron with schema pg_catalog;

-- Only tests and checks use these two, and they see to it that the system has them.
-- `supabase db lint` calls plpgsql_check unqualified, so it must be on the search path of postgres.
do $$
declare
  v_name text;
begin
  for v_name in
    select name from pg_available_extensions where name in ('pgtap', 'plpgsql_check')
  loop
    execute format('create extension if not exists %I with schema extensions', v_name);
  end loop;
end
$$;

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

import type { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../local/config.ts';
import { createDataAndAuth } from '../../local/gateway/data-and-auth.ts';
import { asPostgres, stack, visitor } from './harness.ts';

async function privileges(db: Client): Promise<Map<string, string>> {
  const { rows } = await db.query<{ object: string; acl: string }>(`
    select 'class ' || oid as object, coalesce(relacl::text, 'null') as acl from pg_class
    union all select 'schema ' || oid, coalesce(nspacl::text, 'null') from pg_namespace
    union all select 'function ' || oid, coalesce(proacl::text, 'null') from pg_proc
    union all select 'default ' || oid, defaclacl::text from pg_default_acl
  `);
  return new Map(rows.map((row) => [row.object, row.acl]));
}

describe('grants', () => {
  it('are the same before and after the first requests of a new Data API', async () => {
    const config = loadConfig('test');
    await asPostgres(async (db) => {
      const before = await privileges(db);
      const fresh = await createDataAndAuth(config);
      try {
        const headers = { apikey: stack.PUBLISHABLE_KEY };
        for (const path of ['/rest/v1/', '/rest/v1/profiles?select=*&limit=1', '/rest/v1/nothing']) {
          await (await fresh.rest(new Request(`${stack.API_URL}${path}`, { headers }))).text();
        }
        await (await fresh.auth(new Request(`${stack.API_URL}/auth/v1/settings`, { headers }))).text();
      } finally {
        await fresh.close();
      }
      const after = await privileges(db);
      // Other tests come and go meanwhile; what was there all along must not have changed.
      const changed = [...before].filter(([object, acl]) => after.has(object) && after.get(object) !== acl);
      expect(changed).toEqual([]);
      const newDefaults = [...after.keys()].filter(
        (object) => object.startsWith('default ') && !before.has(object),
      );
      expect(newDefaults).toEqual([]);
    });
  });

  it('are not given to new tables and functions by default', async () => {
    await asPostgres(async (db) => {
      await db.query('begin');
      await db.query('create table public.stack_new_table (id int primary key)');
      const { rows } = await db.query(`
        select role, privilege
        from unnest(array['anon', 'authenticated', 'service_role']) as role
        cross join unnest(array['select', 'insert', 'update', 'delete', 'truncate']) as privilege
        where has_table_privilege(role, 'public.stack_new_table', privilege)
      `);
      await db.query('rollback');
      expect(rows).toEqual([]);
    });
  });

  it('keep service_role out of auth.users', async () => {
    await asPostgres(async (db) => {
      const { rows } = await db.query(
        `select has_table_privilege('service_role', 'auth.users', 'select') as may`,
      );
      expect(rows[0]).toEqual({ may: false });
    });
  });
});

describe('the role that migrations run as', () => {
  const refused = async (sql: string) => {
    await asPostgres(async (db) => {
      await db.query('begin');
      await expect(db.query(sql), sql).rejects.toMatchObject({ code: '42501' });
      await db.query('rollback');
    });
  };

  it('is not a superuser, but bypasses row security', async () => {
    await asPostgres(async (db) => {
      const { rows } = await db.query(
        'select rolsuper, rolbypassrls from pg_roles where rolname = current_user',
      );
      expect(rows[0]).toEqual({ rolsuper: false, rolbypassrls: true });
    });
  });

  it('cannot change what the platform manages once the migrations are done', async () => {
    await refused('alter table auth.users add column mine text');
    await refused('create table auth.mine (id int)');
    await refused('create policy mine on storage.objects for select to anon using (true)');
    await refused('create policy mine on realtime.messages for select to anon using (true)');
    await refused('set role supabase_auth_admin');
  });

  it('may reference auth.users and put a trigger on it', async () => {
    await asPostgres(async (db) => {
      await db.query('begin');
      await db.query('create table public.stack_ref (id uuid primary key references auth.users (id))');
      await db.query(`
        create function public.stack_noop() returns trigger language plpgsql as $$ begin return new; end $$;
        create trigger stack_noop after insert on auth.users for each row execute function public.stack_noop();
      `);
      await db.query('rollback');
    });
  });

  it('schedules jobs with pg_cron, and does not write its table', async () => {
    await asPostgres(async (db) => {
      await db.query('begin');
      await db.query(`select cron.schedule('stack test', '0 0 1 1 *', 'select 1')`);
      await expect(db.query('delete from cron.job')).rejects.toMatchObject({ code: '42501' });
      await db.query('rollback');
    });
  });
});

describe('the exposed schemas', () => {
  it('contain only public', async () => {
    for (const schema of ['private', 'auth', 'storage', 'extensions', 'cron']) {
      const { error } = await visitor().schema(schema).from('users').select();
      expect(error?.code, schema).toBe('PGRST106');
    }
  });
});

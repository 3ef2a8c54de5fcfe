import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface SqlFile {
  name: string;
  sql: string;
}

function sqlFiles(folder: string): SqlFile[] {
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({ name, sql: readFileSync(join(root, folder, name), 'utf8') }));
}

export function baselineFiles(): SqlFile[] {
  return sqlFiles('local/cluster/baseline');
}

export function migrationFiles(): SqlFile[] {
  return sqlFiles('supabase/migrations');
}

/** Statements of the baseline that speak of extensions a test database does not have. */
const aboutMissingExtensions = /^[^\n]*(?:extension[^\n]*pg_cron|\bcron\b)[^\n]*;\n/gm;

export function withoutMissingExtensions(sql: string): string {
  return sql.replaceAll(aboutMissingExtensions, '');
}

/**
 * One row per thing in public and private: what it is, how it is defined, and who may use it. Names of
 * constraint triggers carry oids and are left out; everything else must be equal in equal databases.
 */
export const schemaSql = `
  with schemas as (select oid, nspname from pg_namespace where nspname in ('public', 'private')),
  things as (
    select 'relation ' || c.oid::regclass as thing,
           concat_ws(' ', c.relkind, c.relrowsecurity, c.reloptions) as definition,
           coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's'::"char" else 'r'::"char" end, c.relowner)) as acl,
           obj_description(c.oid, 'pg_class') as comment
    from pg_class c join schemas s on s.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'S')
    union all
    select 'column ' || c.oid::regclass || '.' || a.attname,
           concat_ws(' ', a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid)),
           a.attacl, null
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'v', 'm')
    join schemas s on s.oid = c.relnamespace
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attnum > 0 and not a.attisdropped
    union all
    select 'constraint ' || k.conrelid::regclass || ' ' || k.conname, pg_get_constraintdef(k.oid), null, null
    from pg_constraint k join schemas s on s.oid = k.connamespace where k.conrelid <> 0
    union all
    select 'index ' || i.indexrelid::regclass, pg_get_indexdef(i.indexrelid), null, null
    from pg_index i join pg_class c on c.oid = i.indexrelid join schemas s on s.oid = c.relnamespace
    union all
    select 'trigger ' || t.tgrelid::regclass || ' ' || t.tgname, pg_get_triggerdef(t.oid), null, null
    from pg_trigger t join pg_class c on c.oid = t.tgrelid
    where not t.tgisinternal and t.tgfoid in (select p.oid from pg_proc p join schemas s on s.oid = p.pronamespace)
    union all
    select 'policy ' || p.polrelid::regclass || ' ' || p.polname,
           concat_ws(' ', p.polcmd, (select array_agg(r::regrole::text order by r::regrole::text) from unnest(p.polroles) r),
             pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)), null, null
    from pg_policy p
    union all
    select 'function ' || p.oid::regprocedure, pg_get_functiondef(p.oid), coalesce(p.proacl, acldefault('f', p.proowner)), obj_description(p.oid, 'pg_proc')
    from pg_proc p join schemas s on s.oid = p.pronamespace
  )
  select thing, definition, comment,
    (select string_agg(coalesce(nullif(x.grantee, 0)::regrole::text, 'PUBLIC') || ':' || x.privilege_type, ' ' order by coalesce(nullif(x.grantee, 0)::regrole::text, 'PUBLIC'), x.privilege_type)
     from aclexplode(acl) x) as acl
  from things
  order by thing`;

export interface Thing {
  thing: string;
  definition: string;
  comment: string | null;
  acl: string | null;
}

export function fingerprint(things: Thing[]): string {
  return createHash('sha256').update(JSON.stringify(things)).digest('hex');
}

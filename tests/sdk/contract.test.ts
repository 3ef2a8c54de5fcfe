import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ErrorCodeRow,
  renderErrors,
  renderStates,
  type TransitionRow,
} from '../../sdk/scripts/render.ts';
import { rpcCatalog } from '../../sdk/src/core/rpc-catalog.ts';

const url = process.env.ADMIN_DB_URL ?? process.env.DB_URL;
const source = fileURLToPath(new URL('../../sdk/src/', import.meta.url));
const read = (name: string): string => readFileSync(`${source}${name}`, 'utf8');

interface Signature {
  args: string[];
  required: string[];
  roles: string[];
}

describe.skipIf(!url)('the package and the database', () => {
  const client = new pg.Client({ connectionString: url });
  const functions = new Map<string, Signature[]>();

  beforeAll(async () => {
    await client.connect();
    const { rows } = await client.query<{ name: string } & Signature>(`
      select p.proname as name,
             coalesce(p.proargnames[1:p.pronargs], '{}') as args,
             coalesce(p.proargnames[1:p.pronargs - p.pronargdefaults], '{}') as required,
             array(select r from unnest(array['anon', 'authenticated']) r where has_function_privilege(r, p.oid, 'execute')) as roles
      from pg_catalog.pg_proc p
      where p.pronamespace = 'public'::regnamespace and p.prokind = 'f'
        and not exists (select from pg_catalog.pg_depend d where d.objid = p.oid and d.deptype = 'e')`);
    for (const { name, ...signature } of rows)
      functions.set(name, [...(functions.get(name) ?? []), signature]);
  });
  afterAll(() => client.end());

  it.each(Object.entries(rpcCatalog))('agree on %s', (name, { kind, args }) => {
    const found = functions.get(name) ?? [];
    expect(found, `public.${name} must exist once, or PostgREST can't choose`).toHaveLength(1);
    const [signature] = found;
    expect([...args].sort()).toEqual([...(signature?.args ?? [])].sort());
    expect(args).toEqual(expect.arrayContaining(signature?.required ?? []));
    expect((signature?.args ?? []).includes('idempotency_key')).toBe(kind === 'keyed');
    expect(signature?.roles).toContain('authenticated');
  });

  it('leave no command of a signed-in user without a method', () => {
    // called by functions on behalf of a user, or read at build time
    const elsewhere = new Set(['start_payment', 'check_payment', 'error_catalog', 'transition_catalog']);
    const open = [...functions]
      .filter(([, [signature]]) => signature?.roles.includes('authenticated'))
      .map(([name]) => name);
    const missing = open.filter((name) => !(name in rpcCatalog) && !elsewhere.has(name));
    expect(missing).toEqual([]);
  });

  it('agree on the columns that are read from tables, and that their reader may read them', async () => {
    let checked = 0;
    for (const file of readdirSync(source).filter((name) => name.endsWith('.ts'))) {
      const text = read(file);
      const list = /const \w*[cC]olumns =\s*((?:'[^']*'\s*\+?\s*)+);/.exec(text)?.[1] ?? '';
      const columns = list
        .replace(/['+\s]/g, '')
        .split(',')
        .filter(Boolean);
      for (const [, table = ''] of text.matchAll(/\.from\('(\w+)'\)/g)) {
        const { rows } = await client.query<{ name: string; readable: boolean }>(
          `select a.attname as name, has_column_privilege('authenticated', a.attrelid, a.attname, 'select') as readable
           from pg_catalog.pg_attribute a
           where a.attrelid = to_regclass('public.' || $1) and a.attnum > 0 and not a.attisdropped`,
          [table],
        );
        expect(rows, `table ${table} named in ${file}`).not.toHaveLength(0);
        const readable = rows.filter((row) => row.readable).map((row) => row.name);
        expect(readable, `columns of ${table} named in ${file}`).toEqual(expect.arrayContaining(columns));
        checked += 1;
      }
    }
    expect(checked).toBeGreaterThanOrEqual(4);
  });

  it('have the same error codes and states (else run npm run types)', async () => {
    const errors = await client.query<ErrorCodeRow>('select * from private.error_codes');
    const transitions = await client.query<TransitionRow>('select * from private.transitions');
    expect(read('generated/errors.ts')).toBe(renderErrors(errors.rows));
    expect(read('generated/states.ts')).toBe(renderStates(transitions.rows));
  });
});

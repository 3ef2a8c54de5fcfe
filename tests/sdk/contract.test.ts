import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callKinds } from '../../sdk/src/generated/calls.ts';

const url = process.env.ADMIN_DB_URL ?? process.env.DB_URL;
const source = fileURLToPath(new URL('../../sdk/src/', import.meta.url));
const read = (name: string): string => readFileSync(`${source}${name}`, 'utf8');

/** The functions of the database that a file calls. */
const calledIn = (text: string): string[] =>
  [...text.matchAll(/\.rpc<[^(]*>\(\s*'(\w+)'/g)].map(([, name = '']) => name);

describe.skipIf(!url)('the package and the database', () => {
  const client = new pg.Client({ connectionString: url });
  beforeAll(() => client.connect());
  afterAll(() => client.end());

  it('agree on how each call can be repeated', () => {
    expect(callKinds).toMatchObject({
      search_vehicles: 'read',
      create_booking: 'keyed',
      update_vehicle: 'repeatable',
      submit_vehicle: 'once',
    });
    expect(Object.keys(callKinds)).not.toContain('lease_outbox');
  });

  it('leave no command of a signed-in user without a method', () => {
    // called by functions on behalf of a user, or read at build time
    const elsewhere = ['start_payment', 'check_payment', 'error_catalog', 'transition_catalog'];
    const called = readdirSync(source)
      .filter((name) => name.endsWith('.ts'))
      .flatMap((name) => calledIn(read(name)));
    expect([...new Set([...called, ...elsewhere])].sort()).toEqual(Object.keys(callKinds).sort());
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
});

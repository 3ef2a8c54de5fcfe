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
  [...text.matchAll(/\.rpc\(\s*'(\w+)'/g)].map(([, name = '']) => name);

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

  it('have a method for every command of a signed-in user', () => {
    // called by functions on behalf of a user, or read at build time
    const elsewhere = [
      'start_payment',
      'check_payment',
      'error_catalog',
      'transition_catalog',
      'ticket_to_print',
    ];
    const called = readdirSync(source)
      .filter((name) => name.endsWith('.ts'))
      .flatMap((name) => calledIn(read(name)));
    expect([...new Set([...called, ...elsewhere])].sort()).toEqual(Object.keys(callKinds).sort());
  });

  it('agree on the columns that are read from tables, and that their reader may read them', async () => {
    let checked = 0;
    for (const file of readdirSync(source).filter((name) => name.endsWith('.ts'))) {
      const reads = /\.from\('(\w+)'\)\s*\.select\((?:'\*'|readableColumns\.(\w+))?\)/g;
      for (const [, table = '', listed] of read(file).matchAll(reads)) {
        const { rows } = await client.query<{ readable: boolean }>(
          "select has_table_privilege('authenticated', 'public.' || $1, 'select') as readable",
          [table],
        );
        // all columns, or those that the generated list names
        expect(listed, `${table} in ${file}`).toBe(rows[0]?.readable ? undefined : table);
        checked += 1;
      }
    }
    expect(checked).toBeGreaterThanOrEqual(5);
  });
});

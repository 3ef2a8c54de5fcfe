import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';

/** A table of the API, and the verbs that each role of the database may use on it, as `select update(columns)`. */
export interface ExpectedAccess {
  relation: string;
  anon: string;
  authenticated: string;
  service_role: string;
}

/** Which rows somebody sees: a condition, in which `me` is the id of the reader. */
export interface ExpectedRows {
  relation: string;
  reader: string;
  rows: string;
}

/** What the files `<module>_access.psql` say. */
export interface Expectations {
  access: ExpectedAccess[];
  rows: ExpectedRows[];
  changes: Omit<ExpectedRows, 'reader'>[];
  written: { relation: string; written: string[] }[];
  callers: { name: string; callers: string }[];
  staffCommands: { name: string; roles: string[] }[];
  samples: { relation: string; statement: string }[];
}

/** Reads the expectations of all modules. They are SQL, so a database reads them: any one will do. */
export async function readExpectations(client: pg.Client, root: string): Promise<Expectations> {
  const folder = join(root, 'supabase', 'tests');
  const files = readdirSync(folder).filter((name) => name.endsWith('_access.psql'));
  const text = (name: string): string => readFileSync(join(folder, name), 'utf8');
  await client.query('begin');
  try {
    await client.query([text('access_expectations.psql'), ...files.sort().map(text)].join('\n'));
    const all = async <Row>(table: string): Promise<Row[]> =>
      (await client.query(`select * from ${table} order by 1, 2`)).rows as Row[];
    return {
      access: await all('expected_access'),
      rows: await all('expected_rows'),
      changes: await all('expected_changes'),
      written: await all('columns_written'),
      callers: await all('expected_callers'),
      staffCommands: await all('staff_commands'),
      samples: await all('sample_rows'),
    };
  } finally {
    await client.query('rollback');
  }
}

import { readFileSync } from 'node:fs';
import { Client } from 'pg';
import { databaseUrl } from '../local/config.ts';
import { StackError } from '../local/errors.ts';
import { type BenchDatabase, sqlFile } from './database.ts';
import { loadFamilies } from './invariants.ts';
import { type Measurement, measurement } from './report.ts';
import { type Select, selects } from './rls-selects.ts';
import type { Effort } from './run.ts';

type Reader = Record<'renter' | 'host' | 'booking' | 'vehicle' | 'media', string>;
type Role = 'authenticated' | 'bench_reader';

// As PostgREST begins the transaction of a request (scripts/prelude.sql), and as it asks for the answer.
const prelude = `select set_config('search_path', 'public, extensions', true), set_config('role', $1, true),
  set_config('request.jwt.claims', $2, true), set_config('request.method', 'GET', true),
  set_config('request.path', '/rest', true), set_config('request.headers', '{"x-client-info":"bench"}', true),
  set_config('request.cookies', '{}', true), set_config('statement_timeout', '8s', true)`;

/** One request: a transaction with the prelude and the select. Both statements are prepared once per connection. */
async function ask(client: Client, { name, by, text }: Select, role: Role, reader: Reader): Promise<string> {
  const used: (keyof Reader)[] = [];
  const numbered = text.replace(/(?<!:):([a-z]+)/g, (_, word: keyof Reader) => {
    if (!used.includes(word)) used.push(word);
    return `$${used.indexOf(word) + 1}`;
  });
  const claims = JSON.stringify({
    sub: reader[by],
    role: 'authenticated',
    aud: 'authenticated',
    exp: 4102444800,
  });
  await client.query('begin');
  await client.query({ name: 'prelude', text: prelude, values: [role, claims] });
  const { rows } = await client.query<{ answer: string }>({
    name: `${role} ${name}`,
    text: `select coalesce(json_agg(t), '[]')::text as answer from (${numbered}) t`,
    values: used.map((word) => reader[word]),
  });
  await client.query('commit');
  return rows[0]?.answer ?? '';
}

/** Processor time of a process so far, in seconds. */
const cpuSeconds = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e9;

/** Fails when the two roles do not see the same rows, or none: then something else than policies would be measured. */
async function requireSameRows(client: Client, one: Select, readers: Reader[]): Promise<void> {
  let seen = 0;
  for (const reader of readers.slice(0, 20)) {
    const person = await ask(client, one, 'authenticated', reader);
    if (person !== (await ask(client, one, 'bench_reader', reader))) {
      throw new StackError(`"${one.name}" gives other rows under policies.`, 'Mend bench/rls-selects.ts.');
    }
    if (person !== '[]') seen += 1;
  }
  if (seen === 0) throw new StackError(`"${one.name}" gives no rows.`, 'Mend bench/rls-selects.ts.');
}

/**
 * The price of row policies: each select by a signed-in person, and by a role with the same privileges for which no policy
 * holds. Measured is the processor time of the one backend that does both in turns, the least of all blocks of each: what
 * else the machine does is not in it.
 */
export async function benchRls(
  database: BenchDatabase,
  effort: Effort,
  say: (text: string) => void,
): Promise<Measurement[]> {
  await database.admin.query('create database rls template pristine');
  const config = { ...database.config, database: 'rls' };
  const owner = new Client({ connectionString: databaseUrl(config, 'supabase_admin') });
  // As the Data API of the platform connects.
  const client = new Client({ connectionString: databaseUrl(config, 'authenticator') });
  try {
    await owner.connect();
    await loadFamilies(owner, effort.promised);
    await owner.query(sqlFile('rls.sql'));
    const { rows: readers } = await owner.query<Reader>('select * from bench.readers order by n');
    say(`  ${readers.length.toLocaleString('en')} renters and hosts`);
    await client.connect();
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const pid = rows[0]?.pid ?? 0;
    const measurements: Measurement[] = [];
    for (const one of selects) {
      await requireSameRows(client, one, readers);
      const least = { authenticated: Number.POSITIVE_INFINITY, bench_reader: Number.POSITIVE_INFINITY };
      for (let round = 0; round <= effort.rounds; round += 1) {
        for (const role of ['authenticated', 'bench_reader'] as const) {
          const before = cpuSeconds(pid);
          for (let n = 0; n < effort.rlsRequests; n += 1) {
            const reader = readers[(round * effort.rlsRequests + n * 7) % readers.length];
            if (reader) await ask(client, one, role, reader);
          }
          least[role] = Math.min(least[role], (cpuSeconds(pid) - before) / effort.rlsRequests);
        }
      }
      const [person, plain] = [1 / least.authenticated, 1 / least.bench_reader];
      say(
        `  ${one.name}: ${(least.authenticated * 1e6).toFixed(0)} against ${(least.bench_reader * 1e6).toFixed(0)} µs of CPU`,
      );
      measurements.push(
        measurement(`policies: ${one.name}`, 'per s of CPU', person, plain, { atLeast: 0.7 }),
      );
    }
    return measurements;
  } finally {
    await Promise.allSettled([client.end(), owner.end()]);
    await database.admin.query('drop database rls with (force)');
    await database.admin.query('drop role if exists bench_reader');
  }
}

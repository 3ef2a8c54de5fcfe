import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { databaseUrl, projectRoot } from '../local/config.ts';
import { StackError } from '../local/errors.ts';
import { type BenchDatabase, sqlFile } from './database.ts';
import { type Measurement, measurement, median } from './report.ts';
import type { Effort } from './run.ts';

/** Families lived through by command, and the bookings of each (bench/sql/invariants.sql). */
const families = 10;
const bookingsOfFamily = 12;

/** Processor time of a process so far, in seconds. */
function cpuSeconds(pid: number): number {
  const [nanoseconds] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
  return Number(nanoseconds) / 1e9;
}

/** Fills an empty copy of the database with bookings that were lived through, and copies of them. */
export async function loadFamilies(client: Client, bookings: number): Promise<void> {
  await client.query(sqlFile('invariants.sql'));
  await client.query(readFileSync(join(projectRoot, 'supabase', 'tests', 'helpers.psql'), 'utf8'));
  const made = await client.query<{ id: string }>("select tests.make_admin('admin') as id");
  for (let i = 0; i < families; i++) await client.query('select bench.live($1)', [made.rows[0]?.id]);
  await client.query('select bench.copy_all($1)', [Math.ceil(bookings / (families * bookingsOfFamily)) - 1]);
  await client.query('vacuum (analyze)');
}

/** check_invariants() over bookings with everything they have: the processor time of its one backend. */
export async function benchInvariants(
  database: BenchDatabase,
  effort: Effort,
  say: (text: string) => void,
): Promise<Measurement[]> {
  await database.admin.query('create database invariants template pristine');
  const url = new URL(databaseUrl(database.config, 'supabase_admin'));
  url.pathname = '/invariants';
  const client = new Client({ connectionString: url.href });
  await client.connect();
  try {
    await loadFamilies(client, effort.promised);
    const counted = await client.query<{ bookings: number; pid: number }>(
      'select count(*)::int as bookings, pg_backend_pid() as pid from public.bookings',
    );
    const { bookings, pid } = counted.rows[0] ?? { bookings: 0, pid: 0 };
    // What other processes do would not be counted.
    await client.query('set max_parallel_workers_per_gather = 0');
    const samples: number[] = [];
    for (let round = 0; round <= effort.rounds; round++) {
      const before = cpuSeconds(pid);
      const { rows } = await client.query<{ invariant: string; detail: string }>(
        'select * from private.check_invariants()',
      );
      // The first one fills the caches.
      if (round > 0) samples.push(cpuSeconds(pid) - before);
      if (rows.length > 0) {
        throw new StackError(
          `The loaded bookings break ${rows.length} promises: ${rows[0]?.invariant}, ${rows[0]?.detail}.`,
          'bench/sql/invariants.sql copies something that it should change, or the commands have a fault.',
        );
      }
    }
    say(`  ${bookings.toLocaleString('en')} bookings`);
    return [measurement('check_invariants', 's of CPU', median(samples), 1, { below: 2 })];
  } finally {
    await client.end();
    await database.admin.query('drop database invariants');
  }
}

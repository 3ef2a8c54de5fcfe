import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterOwner } from '../local/cluster/owner.ts';
import type { BenchDatabase } from './database.ts';

/** A command whose rows are written again: `bench.call_<name>(n)` in bench/sql calls it. */
export interface Replayed {
  name: string;
  /** For each of its transactions the table whose row it answers, or null. */
  answers: (string | null)[];
}

/**
 * Calls a command `count` times, keeps what it wrote, and undoes the calls. Then `bench.replay_<name>_<transaction>(n)`
 * writes the rows of call n. Nothing else may write to the database before these rows are written: they have the numbers
 * that come next.
 */
export async function capture(
  database: BenchDatabase,
  replayed: Replayed,
  first: number,
  count: number,
): Promise<void> {
  const { admin } = database;
  const folder = mkdtempSync(join(tmpdir(), 'journey-replay-'));
  const owner = await clusterOwner();
  if (owner.uid !== undefined && owner.gid !== undefined) chownSync(folder, owner.uid, owner.gid);
  const file = join(folder, 'rows');
  const columns = 'call, phase, relation, key, op, old, new';
  try {
    await admin.query('truncate bench.captured');
    await admin.query('begin');
    try {
      await admin.query('select bench.capture_calls($1, $2, $3)', [replayed.name, first, count]);
      // A file of the server outlives the rollback.
      await admin.query(
        `copy (select ${columns} from bench.captured order by ord) to '${file}' with (format binary)`,
      );
    } finally {
      await admin.query('rollback');
    }
    await admin.query(`copy bench.captured (${columns}) from '${file}' with (format binary)`);
    for (const [i, answers] of replayed.answers.entries()) {
      await admin.query('select bench.make_replay($1, $2, $3)', [replayed.name, i + 1, answers]);
    }
    // What was undone has left its dead behind, which the rows that come would have to step over.
    const touched = await admin.query<{ name: string }>(
      'select distinct relation as name from bench.captured order by 1',
    );
    await admin.query('truncate bench.captured, bench.slot_rows');
    await admin.query(`vacuum ${touched.rows.map(({ name }) => name).join(', ')}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

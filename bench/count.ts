import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterOwner, runAsOwner } from '../local/cluster/owner.ts';
import { StackError } from '../local/errors.ts';
import type { Log } from '../local/log.ts';
import { delay, isAlive, run } from '../local/process.ts';
import { openChat, sendSides } from './chat.ts';
import { type BenchDatabase, reconnect } from './database.ts';
import type { Effort } from './run.ts';
import { bookingSides, type Comparison, prepare, runSide, webhookSides } from './sides.ts';

/** Transactions of a side before its count begins, and in it. */
const warmUp = 40;
const calls = 160;
/** Calls that came before: what is planned for empty tables reads each from end to end. */
const earlier = 4000;

/** What a transaction of one side costs. */
export interface InstructionCount {
  name: string;
  instructions: number;
}

/** Each with the database that it needs besides the loaded one. */
const countable: Record<
  string,
  { sides: Comparison; open?: (database: BenchDatabase, effort: Effort) => Promise<BenchDatabase> }
> = {
  booking: { sides: bookingSides },
  webhook: { sides: webhookSides },
  chat: { sides: sendSides(16), open: openChat },
};

export const countableNames = Object.keys(countable);

async function requireValgrind(): Promise<void> {
  const found = await run('valgrind', ['--version']);
  if (found.status !== 0) {
    throw new StackError(
      'Instructions are counted by valgrind, which is not installed.',
      'Install it, for example with: apt-get install valgrind',
    );
  }
}

/** The instructions between the two marks of each backend that met them, in order of time. */
function readCounts(folder: string): number[] {
  return readdirSync(folder)
    .filter((name) => /^out\.\d+\.2$/.test(name))
    .map((name) => join(folder, name))
    .sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs)
    .map((file) => Number(/^(?:totals|summary): (\d+)/m.exec(readFileSync(file, 'utf8'))?.[1]));
}

/** Runs the server of a stopped database under callgrind while `work` runs. */
async function underCallgrind(
  database: BenchDatabase,
  folder: string,
  work: (database: BenchDatabase) => Promise<void>,
): Promise<void> {
  await database.stop();
  const owner = await clusterOwner();
  if (owner.uid !== undefined && owner.gid !== undefined) chownSync(folder, owner.uid, owner.gid);
  let ended = false;
  const server = runAsOwner(owner, 'valgrind', [
    ...['--tool=callgrind', `--callgrind-out-file=${folder}/out.%p`, '--dump-before=pg_backend_pid'],
    ...[
      join(database.install.bin, 'postgres'),
      '-D',
      database.dataDir,
      '-p',
      String(database.config.ports.db),
    ],
    // Its work would fall into one count and not into another.
    ...['-c', 'autovacuum=off', '-c', 'checkpoint_timeout=1d', '-c', 'max_wal_size=8GB'],
  ]).finally(() => {
    ended = true;
  });
  let slow: BenchDatabase | undefined;
  for (let tries = 1; slow === undefined; tries++) {
    await delay(500);
    slow = await reconnect(database).catch(() => undefined);
    if (ended || tries > 400) {
      throw new StackError('The server did not start under valgrind.', (await server).stderr.slice(-2000));
    }
  }
  try {
    await work(slow);
  } finally {
    await slow.admin.end();
    const pid = Number(readFileSync(join(database.dataDir, 'postmaster.pid'), 'utf8').split('\n')[0]);
    if (isAlive(pid)) process.kill(pid, 'SIGINT');
    await server;
  }
}

/**
 * Counts the instructions of one backend per transaction, for each side of a workload. The number is the same on a
 * busy machine, within about two percent.
 */
export async function countInstructions(
  workload: string,
  loaded: BenchDatabase,
  effort: Effort,
  log: Log,
): Promise<InstructionCount[]> {
  const found = countable[workload];
  if (!found) {
    throw new StackError(
      `Instructions of "${workload}" cannot be counted.`,
      `Choose ${countableNames.join(' or ')}.`,
    );
  }
  await requireValgrind();
  const { sides, open } = found;
  const database = (await open?.(loaded, effort)) ?? loaded;
  await log.step('fill the tables', async () => {
    const clients = 8;
    const first = await prepare(database, sides, sides.command, earlier);
    await runSide(database, sides.command, { clients, share: earlier / clients, first });
  });
  // An application is another program, and what it costs is not in the server alone.
  // The replayed rows come first: they have the numbers that the command would give.
  const others = sides.baselines.filter((one) => one.writes !== 'replayed' && Array.isArray(one.does));
  const replayed = sides.baselines.filter((one) => one.writes === 'replayed');
  const counted = [...replayed, sides.command, ...others];
  const share = warmUp + calls + 1;
  const firsts: number[] = [];
  for (const side of counted.toReversed()) firsts.unshift(await prepare(database, sides, side, share));
  await database.admin.query('vacuum (analyze)');
  await database.admin.query('checkpoint');

  const folder = mkdtempSync(join(tmpdir(), 'journey-count-'));
  try {
    await log.step(`count ${workload} under valgrind`, () =>
      underCallgrind(database, folder, async (slow) => {
        for (const [i, side] of counted.entries()) {
          const marked = { ...side, does: ['count-mark', ...(side.does as string[])] };
          await runSide(slow, marked, { clients: 1, share, first: firsts[i] ?? 0 });
        }
      }),
    );
    const counts = readCounts(folder);
    return counted.map(({ name }, i) => ({ name, instructions: (counts[i] ?? Number.NaN) / calls }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

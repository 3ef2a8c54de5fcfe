import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { socketFolder } from '../local/cluster/settings.ts';
import { projectRoot } from '../local/config.ts';
import { StackError } from '../local/errors.ts';
import { run } from '../local/process.ts';
import type { BenchDatabase } from './database.ts';

/** One load: scripts of `bench/scripts`, joined in this order into one transaction script. */
export interface Load {
  scripts: string[];
  clients: number;
  /** Either a time or a number of transactions for each connection. */
  seconds?: number;
  transactions?: number;
  variables?: Record<string, number>;
  seed?: number;
  /** Also keep every transaction's latency. */
  latencies?: boolean;
}

/** One finished call. */
export interface Finished {
  milliseconds: number;
  /** When it ended, in seconds. */
  at: number;
}

export interface LoadResult {
  perSecond: number;
  /** With `latencies`: for each connection its transactions in order. */
  finished: Finished[][];
}

function readLog(folder: string, clients: number): Finished[][] {
  const found = Array.from({ length: clients }, (): (Finished & { order: number })[] => []);
  for (const name of readdirSync(folder).filter((one) => one.startsWith('log.'))) {
    for (const line of readFileSync(join(folder, name), 'utf8').trim().split('\n')) {
      // client, transaction, latency, script, end in seconds, end in microseconds
      const [client = 0, order = 0, latency = 0, , seconds = 0, microseconds = 0] = line
        .split(' ')
        .map(Number);
      found[client]?.push({ order, milliseconds: latency / 1000, at: seconds + microseconds / 1e6 });
    }
  }
  return found.map((one) => one.sort((a, b) => a.order - b.order));
}

/**
 * The throughput while every connection was warm and at work: from when the last one had done `warmUp`
 * transactions until the first one had done them all. New connections compile and plan; pooled ones have.
 */
export function steadyPerSecond(finished: Finished[][], warmUp: number): number {
  const from = Math.max(...finished.map((one) => one[warmUp - 1]?.at ?? Number.NaN));
  const until = Math.min(...finished.map((one) => one.at(-1)?.at ?? Number.NaN));
  const count = finished.flat().filter((one) => one.at > from && one.at <= until).length;
  if (!(until > from) || count === 0) {
    throw new StackError(
      'The connections were never all at work at once.',
      'The machine is too busy to measure on; try again when it is quiet.',
    );
  }
  return count / (until - from);
}

/** Runs pgbench once. A connection that met an error makes the whole load fail: its numbers would lie. */
export async function runLoad(database: BenchDatabase, load: Load): Promise<LoadResult> {
  const folder = mkdtempSync(join(tmpdir(), 'journey-bench-'));
  try {
    const script = join(folder, 'script.sql');
    const parts = load.scripts.map((name) =>
      readFileSync(join(projectRoot, 'bench', 'scripts', `${name}.sql`), 'utf8'),
    );
    writeFileSync(script, parts.join(''));
    const variables: Record<string, number> = { ...database.scale, clients: load.clients, ...load.variables };
    const result = await run(
      join(database.install.bin, 'pgbench'),
      [
        ...['-n', '-M', 'prepared', '-f', script],
        ...['-c', String(load.clients), '-j', String(Math.min(load.clients, availableParallelism()))],
        ...(load.seconds === undefined ? ['-t', String(load.transactions)] : ['-T', String(load.seconds)]),
        ...Object.entries(variables).flatMap(([name, value]) => ['-D', `${name}=${value}`]),
        ...(load.seed === undefined ? [] : [`--random-seed=${load.seed}`]),
        ...(load.latencies === true ? ['-l', `--log-prefix=${join(folder, 'log')}`] : []),
        // As the Data API of the platform connects.
        ...['-h', socketFolder, '-p', String(database.config.ports.db), '-U', 'authenticator', database.name],
      ],
      { env: { ...process.env, PGPASSWORD: 'postgres' } },
    );
    const perSecond = Number(/^tps = ([0-9.]+)/m.exec(result.stdout)?.[1]);
    if (result.status !== 0 || !Number.isFinite(perSecond)) {
      throw new StackError(
        `pgbench failed on ${load.scripts.join(' + ')}.`,
        result.stderr.trim().slice(0, 2000),
      );
    }
    return { perSecond, finished: load.latencies === true ? readLog(folder, load.clients) : [] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

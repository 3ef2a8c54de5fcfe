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
  /** Milliseconds that a statement of a warm connection may take. Default `statementTimeout`. */
  statementTimeout?: number;
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

/** Milliseconds that a statement may take, as the platform lets it, for the scripts that begin as a request does. */
export const statementTimeout = 8000;

/** Calls that make a connection warm: with the sixth, the server decides which plans it keeps. */
const warmUp = 6;

/**
 * What it may take in the first calls of a connection. Each of pgbench's connections is new and compiles every function, all at
 * once: 64 of them on 2 cores need longer than the platform would let a warm one, and those who hold a lock meanwhile make the
 * others wait.
 */
const coldStatementTimeout = 120_000;

/** What every script ends with: the connection has become warmer. */
const afterCall = `
\\set calls :calls + 1
\\set statement_timeout case when :calls < ${warmUp} then ${coldStatementTimeout} else :warm_statement_timeout end
`;

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
    writeFileSync(script, parts.join('') + afterCall);
    const variables: Record<string, number> = {
      ...{ ...database.scale, clients: load.clients, calls: 0 },
      ...{
        statement_timeout: coldStatementTimeout,
        warm_statement_timeout: load.statementTimeout ?? statementTimeout,
      },
      ...load.variables,
    };
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
      // How long a statement may wait is said by its own timeout; the role's limit for locks would end a cold one.
      { env: { ...process.env, PGPASSWORD: 'postgres', PGOPTIONS: '-c lock_timeout=0' } },
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

/**
 * A load whose rate is counted for `seconds` once the connections are warm: when there have been calls enough for each of them.
 * Not when the last one has made its own: of those who wait for one lock, some are passed over for long. How long this
 * takes is seen in the run before; so the first call of what this returns counts nothing.
 */
export function steadyLoad(
  database: BenchDatabase,
  load: Load & { seconds: number },
): (round: number) => Promise<number> {
  const { seconds, ...rest } = load;
  const run = async (length: Pick<Load, 'seconds' | 'transactions'>, round: number) => {
    const { finished } = await runLoad(database, { ...rest, ...length, seed: round + 1, latencies: true });
    const calls = finished.flat();
    const began = calls.reduce((first, one) => Math.min(first, one.at - one.milliseconds / 1000), Infinity);
    // seconds after the beginning at which each call ended
    return calls.map(({ at }) => at - began).sort((a, b) => a - b);
  };
  let warming: number | undefined;
  return async (round) => {
    if (warming === undefined) {
      const ends = await run({ transactions: warmUp }, round);
      // other work on the machine makes it longer
      warming = Math.ceil(1.5 * (ends.at(-1) ?? 1));
      return Number.NaN;
    }
    for (let tries = 1; tries <= 4; tries++) {
      const until = warming + seconds;
      const ends = await run({ seconds: until }, round);
      const from = ends[warmUp * load.clients - 1] ?? until;
      if (until - from >= seconds / 2)
        return ends.filter((at) => at > from && at <= until).length / (until - from);
      warming *= 2;
    }
    throw new StackError(
      `The connections did not become warm in ${warming / 2 + seconds} seconds.`,
      'The machine is too busy to measure on; try again when it is quiet.',
    );
  };
}

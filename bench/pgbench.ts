import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
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

export interface LoadResult {
  perSecond: number;
  /** With `latencies`: for each connection its transactions in order, in milliseconds. */
  latencies: number[][];
}

function readLatencies(folder: string, clients: number): number[][] {
  const found = Array.from({ length: clients }, (): [order: number, milliseconds: number][] => []);
  for (const name of readdirSync(folder).filter((one) => one.startsWith('log.'))) {
    for (const line of readFileSync(join(folder, name), 'utf8').trim().split('\n')) {
      const [client = '', order = '', microseconds = ''] = line.split(' ');
      found[Number(client)]?.push([Number(order), Number(microseconds) / 1000]);
    }
  }
  return found.map((one) => one.sort((a, b) => a[0] - b[0]).map(([, milliseconds]) => milliseconds));
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
    const url = new URL(database.callerUrl);
    const variables = { renters: database.scale.renters, clients: load.clients, ...load.variables };
    const result = await run(
      join(database.bin, 'pgbench'),
      [
        ...['-n', '-M', 'prepared', '-f', script],
        ...['-c', String(load.clients), '-j', String(Math.min(load.clients, availableParallelism()))],
        ...(load.seconds === undefined ? ['-t', String(load.transactions)] : ['-T', String(load.seconds)]),
        ...Object.entries(variables).flatMap(([name, value]) => ['-D', `${name}=${value}`]),
        ...(load.seed === undefined ? [] : [`--random-seed=${load.seed}`]),
        ...(load.latencies === true ? ['-l', `--log-prefix=${join(folder, 'log')}`] : []),
        ...['-h', url.hostname, '-p', url.port, '-U', url.username, url.pathname.slice(1)],
      ],
      { env: { ...process.env, PGPASSWORD: url.password } },
    );
    const perSecond = Number(/^tps = ([0-9.]+)/m.exec(result.stdout)?.[1]);
    if (result.status !== 0 || !Number.isFinite(perSecond)) {
      throw new StackError(
        `pgbench failed on ${load.scripts.join(' + ')}.`,
        `${result.stdout}\n${result.stderr}`.trim().slice(-2000),
      );
    }
    const latencies = load.latencies === true ? readLatencies(folder, load.clients) : [];
    return { perSecond, latencies };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

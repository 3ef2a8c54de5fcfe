import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { databaseUrl, loadConfig, portsOf, type StackConfig } from '../config.ts';
import { StackError } from '../errors.ts';
import type { Log } from '../log.ts';
import { removeCluster, startCluster, stopCluster } from './cluster.ts';
import { applyMigrations, applySeed } from './migrate.ts';
import { ensurePostgres, type PostgresUse } from './packages.ts';

export interface ScratchOptions {
  name: string;
  port?: number;
  fresh?: boolean;
  seed?: boolean;
  /** What PostgreSQL must have. Default: what a stack needs to run. */
  use?: PostgresUse;
}

function scratchConfig(name: string, port?: number): StackConfig {
  if (['dev', 'test', 'bench'].includes(name)) {
    throw new StackError(`"${name}" is the name of a stack.`, 'Give a scratch database another name.');
  }
  const config = loadConfig(name, { unsafeFast: true });
  const remembered = join(config.dir, 'port');
  const db =
    port ??
    (existsSync(remembered)
      ? Number(readFileSync(remembered, 'utf8'))
      : portsOf(name === 'check' ? 'check' : 'scratch').db);
  writeFileSync(remembered, `${db}\n`);
  return { ...config, ports: { ...portsOf('dev'), db } };
}

/** Only the database of a stack, to try migrations. It runs until {@link stopScratch}. */
export async function startScratch(options: ScratchOptions, log: Log): Promise<string> {
  const config = scratchConfig(options.name, options.port);
  const install = await ensurePostgres(log, options.use);
  if (options.fresh) await removeCluster(install, config);
  const cluster = await startCluster(install, config, log);
  await applyMigrations(cluster, log);
  if (options.seed) await applySeed(cluster, log);
  return databaseUrl(config);
}

/** Stops a scratch database; `remove` deletes its data too. */
export async function stopScratch(name: string, remove: boolean, log: Log): Promise<void> {
  const config = scratchConfig(name);
  const install = await ensurePostgres(log);
  await stopCluster(install, config);
  if (!remove) return;
  await removeCluster(install, config);
  rmSync(config.dir, { recursive: true, force: true });
}

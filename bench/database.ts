import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { removeCluster, startCluster, stopCluster } from '../local/cluster/cluster.ts';
import { applyMigrations } from '../local/cluster/migrate.ts';
import { ensurePostgres, type PostgresInstall } from '../local/cluster/packages.ts';
import { databaseUrl, loadConfig, projectRoot, type StackConfig } from '../local/config.ts';
import type { Log } from '../local/log.ts';

/** How much data there is. */
export interface Scale {
  vehicles: number;
  renters: number;
  /** Of the database for chat. */
  conversations?: number;
}

/** The database being measured. */
export interface BenchDatabase {
  /** A connection of the superuser, for preparing and for looking at results. */
  admin: Client;
  config: StackConfig;
  install: PostgresInstall;
  dataDir: string;
  scale: Scale;
  /** Which database of the cluster. */
  name: string;
  /** Ends the server and keeps its data. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

export function sqlFile(name: string): string {
  return readFileSync(join(projectRoot, 'bench', 'sql', name), 'utf8');
}

/** Changes with the migrations, the generator and the sizes: what a kept database must match. */
function fingerprint(scale: Scale): string {
  // Periods count from the day the data was made.
  const today = new Date().toISOString().slice(0, 10);
  const hash = createHash('sha256').update(`${JSON.stringify(scale)} ${today}`);
  const migrations = join(projectRoot, 'supabase', 'migrations');
  for (const name of readdirSync(migrations).sort()) hash.update(readFileSync(join(migrations, name)));
  for (const name of ['schema.sql', 'load.sql']) hash.update(sqlFile(name));
  return hash.digest('hex');
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return client;
}

/** The same database with a new connection, after its server was started again. */
export async function reconnect(database: BenchDatabase): Promise<BenchDatabase> {
  const url = new URL(databaseUrl(database.config, 'supabase_admin'));
  url.pathname = `/${database.name}`;
  return { ...database, admin: await connect(url.href) };
}

async function keptFingerprint(admin: Client): Promise<string | null> {
  const there = await admin.query<{ there: boolean }>(
    "select to_regclass('bench.loaded') is not null as there",
  );
  if (!there.rows[0]?.there) return null;
  const found = await admin.query<{ fingerprint: string }>('select fingerprint from bench.loaded');
  return found.rows[0]?.fingerprint ?? null;
}

async function load(admin: Client, scale: Scale): Promise<void> {
  await admin.query(sqlFile('schema.sql'));
  await admin.query(
    "select set_config('bench.vehicles', $1, false), set_config('bench.renters', $2, false)",
    [String(scale.vehicles), String(scale.renters)],
  );
  await admin.query(sqlFile('load.sql'));
  // Its minute's round would fall into one measurement and not into another.
  await admin.query('update cron.job set active = false');
  await admin.query('vacuum (analyze)');
  await admin.query('reset all');
}

/**
 * Starts the stack's own database `bench`, with the durability of production, and fills it. When it
 * returns, everything is analyzed and checkpointed. With `keep`, data of an earlier run is used again.
 */
export async function startDatabase(scale: Scale, keep: boolean, log: Log): Promise<BenchDatabase> {
  const config = loadConfig('bench', { unsafeFast: false });
  const install = await ensurePostgres(log);
  const wanted = fingerprint(scale);
  let cluster = await startCluster(install, config, log);
  let admin = await connect(cluster.adminUrl);
  try {
    if ((await keptFingerprint(admin)) !== wanted) {
      await admin.end();
      await removeCluster(install, config);
      cluster = await startCluster(install, config, log);
      await applyMigrations(cluster, log);
      admin = await connect(databaseUrl(config, 'supabase_admin').replace(/postgres$/, 'template1'));
      // The migrations and nothing else, for what is loaded otherwise. pg_cron sits in the database to be copied.
      await admin.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'postgres'");
      await admin.query('create database pristine template postgres');
      await admin.end();
      admin = await connect(cluster.adminUrl);
      await log.step(`load ${scale.vehicles.toLocaleString('en')} vehicles and their calendars`, () =>
        load(admin, scale),
      );
      await admin.query('create table bench.loaded as select $1::text as fingerprint', [wanted]);
    }
    await admin.query(sqlFile('plain-search.sql'));
    await admin.query(sqlFile('webhook.sql'));
    await admin.query(sqlFile('replay.sql'));
    await admin.query('checkpoint');
  } catch (error) {
    await admin.end().catch(() => {});
    await stopCluster(install, config);
    throw error;
  }
  return {
    admin,
    config,
    install,
    dataDir: cluster.dataDir,
    scale,
    name: 'postgres',
    async stop() {
      await admin.end();
      await stopCluster(install, config);
    },
    async close() {
      await admin.end();
      await (keep ? stopCluster(install, config) : removeCluster(install, config));
    },
  };
}

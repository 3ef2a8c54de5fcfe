import { makeTemplate } from './cluster/clone.ts';
import { type Cluster, startCluster } from './cluster/cluster.ts';
import { applyMigrations, applySeed } from './cluster/migrate.ts';
import { ensurePostgres, type PostgresUse } from './cluster/packages.ts';
import { superviseCluster } from './cluster/supervise.ts';
import { apiUrl, type StackConfig } from './config.ts';
import { writeEnvironment } from './environment.ts';
import { StackError } from './errors.ts';
import { mailWebhookSecret } from './functions/environment.ts';
import { startFunctions } from './functions/host.ts';
import { type Health, startGateway } from './gateway/server.ts';
import { takeLock } from './lock.ts';
import type { Log } from './log.ts';
import { startMail } from './mail/server.ts';
import { requireFreePorts } from './ports.ts';
import { startRunner } from './runner.ts';
import { sandboxMerchants } from './sandbox/merchants.ts';
import { type SandboxOptions, startSandbox } from './sandbox/server.ts';
import { startMediaWorker } from './worker.ts';

/** A running stack. */
export interface Stack {
  config: StackConfig;
  health(): Promise<Health>;
  /** The process of the edge functions, for tests that kill it. */
  functionsPid(): number | undefined;
  /** The process of the media worker, for tests that kill it. */
  workerPid(): number | undefined;
  /** The process of the database, for tests that kill it. */
  databasePid(): number | undefined;
  /** Stops every part, the database last. Safe to call twice. */
  stop(): Promise<void>;
}

export interface StackOptions {
  log: Log;
  /** Fills in `supabase/seed.sql`. Default: true. */
  seed?: boolean;
  /** Keeps a copy of the seeded database, for tests to clone. */
  template?: boolean;
  /** What PostgreSQL must have. Default: what a stack needs to run. */
  use?: PostgresUse;
  /** Starts the edge functions again when their files change. */
  watch?: boolean;
  /** The times of the payment sandbox. A `stateDir` of undefined keeps its data in memory. */
  sandbox?: Partial<Omit<SandboxOptions, 'port' | 'webhookUrl' | 'merchants'>>;
  /** Checked between two steps, so that an early stop need not wait for all of them. */
  signal?: AbortSignal;
}

interface Part {
  close(): Promise<void>;
}

async function isDatabaseUp(cluster: Cluster): Promise<boolean> {
  const { Client } = await import('pg');
  const client = new Client({ connectionString: cluster.url, connectionTimeoutMillis: 2000 });
  // A broken connection reports to its query, and once more here.
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Refuses a second start of the same stack, and says what the person probably wanted. */
export function alreadyRunning(config: StackConfig, pid: number, api: number): StackError {
  return new StackError(
    `This stack (${config.name}) is already running: http://${config.host}:${api} (process ${pid}).`,
    'Use it, or stop it first:  npm run down',
  );
}

/**
 * Starts a whole stack: installs what is missing, then starts every part. On failure, stops what was started.
 */
export async function startStack(config: StackConfig, options: StackOptions): Promise<Stack> {
  const { log } = options;
  const lock = takeLock(config);
  if ('holder' in lock) throw alreadyRunning(config, lock.holder.pid, lock.holder.api);
  const started: [name: string, part: Part][] = [];
  let stopping: Promise<void> | undefined;
  const stopAll = async () => {
    for (const [name, part] of started.reverse()) {
      await part
        .close()
        .catch((error: unknown) => console.error(`${name} did not stop well: ${String(error)}`));
    }
    lock.release();
  };
  const stop = () => {
    stopping ??= stopAll();
    return stopping;
  };
  try {
    // The database and the functions check their own ports, because a killed start may have left them running.
    await requireFreePorts(config, log, [config.ports.db, config.ports.functions]);
    const proceed = () => options.signal?.throwIfAborted();
    const install = await ensurePostgres(log, options.use);
    proceed();
    const cluster = await startCluster(install, config, log);
    started.push(['the database', cluster]);
    proceed();
    await applyMigrations(cluster, log);
    if (options.seed !== false) await applySeed(cluster, log);
    if (options.template) await makeTemplate(cluster);
    proceed();
    return await log.step('start the API, functions, mail and payment sandbox', async () => {
      started.push([
        'mail',
        await startMail({
          ...config,
          port: config.ports.mail,
          dir: `${config.dir}/mail`,
          webhook: { url: `${apiUrl(config)}/functions/v1/mail-webhooks/resend`, secret: mailWebhookSecret },
        }),
      ]);
      const sandbox = await startSandbox({
        port: config.ports.sandbox,
        webhookUrl: (provider) => `${apiUrl(config)}/functions/v1/payment-webhooks/${provider}`,
        merchants: sandboxMerchants,
        stateDir: `${config.dir}/sandbox`,
        ...options.sandbox,
      });
      started.push(['the sandbox', sandbox]);
      const functions = await startFunctions({ config, log, watch: options.watch ?? false });
      started.push(['the functions', functions]);
      const runner = startRunner(config, log);
      const worker = startMediaWorker(config, log);
      const health = async (): Promise<Health> => {
        const [database, router] = await Promise.all([isDatabaseUp(cluster), functions.isUp()]);
        const state = (up: boolean) => (up ? 'up' : 'down');
        return {
          api: 'up',
          database: state(database),
          functions: state(router),
          outbox_runner: state(runner.isUp()),
          media_worker: state(worker.pid() !== undefined),
        };
      };
      started.push(['the gateway', await startGateway({ config, log, health })]);
      // Stopped before the gateway, because it calls through it.
      started.push(['the runner', runner]);
      started.push(['the media worker', worker]);
      // Stopped before all others: afterwards a database that ends is not started again.
      started.push(['the supervision of the database', superviseCluster(cluster, log)]);
      writeEnvironment(config);
      return {
        config,
        health,
        functionsPid: functions.pid,
        workerPid: worker.pid,
        databasePid: cluster.pid,
        stop,
      };
    });
  } catch (error) {
    await stop();
    throw error;
  }
}

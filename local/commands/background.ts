import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { clusterPid, removeCluster, stopCluster } from '../cluster/cluster.ts';
import { ensurePostgres, findPostgres } from '../cluster/packages.ts';
import { apiUrl, loadConfig, portsOf, type StackConfig } from '../config.ts';
import { StackError } from '../errors.ts';
import { lockHolder } from '../lock.ts';
import { createLog } from '../log.ts';
import { isAlive, waitUntil } from '../process.ts';
import { alreadyRunning } from '../stack.ts';
import { describe, startOrStop, stopSignal } from './start.ts';

const log = createLog();

/** The process behind `npm run up`: a stack that runs until it gets a signal. */
export async function supervise(): Promise<number> {
  const stopped = stopSignal();
  const config = loadConfig('dev');
  const stack = await startOrStop(config, stopped, { log, watch: true });
  if (!stack) return 130;
  log.info('ready');
  await stopped;
  await stack.stop();
  return 0;
}

async function isHealthy(config: StackConfig): Promise<boolean> {
  try {
    const answer = await fetch(`${apiUrl(config)}/health`, { signal: AbortSignal.timeout(3000) });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}

/** `npm run up`: the same as start, in the background; returns when every part is healthy. */
export async function up(): Promise<number> {
  const config = loadConfig('dev');
  const holder = lockHolder(config);
  if (holder) throw alreadyRunning(config, holder.pid, holder.api);
  // Here, so that the person who waits sees an installation.
  await ensurePostgres(log);
  mkdirSync(config.dir, { recursive: true });
  const logFile = join(config.dir, 'stack.log');
  const output = openSync(logFile, 'w');
  const child = spawn(process.execPath, [join(config.root, 'local', 'cli.ts'), 'supervise'], {
    cwd: config.root,
    detached: true,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  let ended = false;
  child.on('exit', () => {
    ended = true;
  });
  await log.step(`start the stack in the background (log: ${logFile})`, async () => {
    const well = await waitUntil(async () => ended || (await isHealthy(config)), 300_000);
    if (well && !ended) return;
    if (!ended) child.kill('SIGTERM');
    throw new StackError(
      'The stack did not start.',
      readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-25).join('\n'),
    );
  });
  child.unref();
  log.info(describe(config));
  log.info('These are in .local/env as well. Stop with: npm run down');
  return 0;
}

/** Stops a stack however it was started, and removes what a killed one left. True when anything ran. */
export async function stopEverything(config: StackConfig): Promise<boolean> {
  const holder = lockHolder(config);
  if (holder) {
    process.kill(holder.pid, 'SIGTERM');
    if (!(await waitUntil(() => !isAlive(holder.pid), 30_000))) process.kill(holder.pid, 'SIGKILL');
    await waitUntil(() => !isAlive(holder.pid), 5000);
  }
  const install = await findPostgres();
  const left = install ? await stopCluster(install, config) : false;
  return holder !== null || left;
}

/** `npm run down`. */
export async function down(): Promise<number> {
  const was = await stopEverything(loadConfig('dev'));
  log.info(was ? 'Stopped. The data stays; npm start goes on with it.' : 'Nothing was running.');
  return 0;
}

/** Removes the data of a stopped stack. Its keys stay, so that configured apps still work. */
export async function removeData(config: StackConfig): Promise<void> {
  const install = await findPostgres();
  if (install) await removeCluster(install, config);
  for (const name of ['storage', 'mail', 'sandbox', 'tour-seen', 'env']) {
    rmSync(join(config.dir, name), { recursive: true, force: true });
  }
}

/** `npm run reset`: stops, deletes the data, and starts again if it was running. */
export async function reset(): Promise<number> {
  const config = loadConfig('dev');
  const was = await stopEverything(config);
  await log.step('remove the data of the stack', () => removeData(config));
  if (was) return up();
  log.info('npm start begins with new data.');
  return 0;
}

/** `npm run status`. The addresses are those of the running stack, whatever `JOURNEY_PORT_BASE` says here. */
export async function status(): Promise<number> {
  const dev = loadConfig('dev');
  const holder = lockHolder(dev);
  if (!holder) {
    const left = clusterPid(dev);
    log.info(
      left === undefined
        ? 'Nothing is running. Start with: npm start'
        : `Only the database runs (process ${left}), left by a start that was killed. npm start goes on with it, npm run down stops it.`,
    );
    return 1;
  }
  const config = loadConfig('dev', { ports: portsOf('dev', { JOURNEY_PORT_BASE: String(holder.api) }) });
  const answer = await fetch(`${apiUrl(config)}/health`).catch(() => null);
  const health = answer ? ((await answer.json()) as { parts: Record<string, string> }) : null;
  if (!health) {
    log.info(`Process ${holder.pid} is starting, or does not answer.`);
    return 1;
  }
  for (const [part, state] of Object.entries(health.parts)) log.info(`  ${part.padEnd(16)} ${state}`);
  if (existsSync(join(config.dir, 'env'))) log.info(describe(config));
  return answer?.ok ? 0 : 1;
}

import {
  chownSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { databaseUrl, type StackConfig } from '../config.ts';
import { StackError } from '../errors.ts';
import type { Log } from '../log.ts';
import { portTaken, requireFreePort } from '../ports.ts';
import { delay, isAlive } from '../process.ts';
import { applyBaseline, baselineHash } from './baseline.ts';
import { type ClusterOwner, clusterOwner, dataFolder, dataPlace, runAsOwner } from './owner.ts';
import type { PostgresInstall } from './packages.ts';
import { lastComplaint, serverLog, serverLogTail } from './server-log.ts';
import { serverSettings } from './settings.ts';

/** A running private cluster. */
export interface Cluster {
  /** Connection string of the superuser: for the stack's own work. DO NOT use it for migrations. */
  adminUrl: string;
  /** Connection string of `postgres`, as a project on the platform has it. */
  url: string;
  dataDir: string;
  /** What its server prints. */
  logFile: string;
  /**
   * The process of its server, from the lock file in its data; undefined after it has ended. It changes with
   * each start.
   */
  pid(): number | undefined;
  /** Starts a server that has ended, with the same data. Gives up early on the signal. */
  start(signal?: AbortSignal): Promise<void>;
  /** Why its server ended or did not start, if the log says so. */
  complaint(): string | undefined;
  close(): Promise<void>;
}

interface Ready {
  major: number;
  baseline: string;
}

const readyFile = 'journey-ready.json';

/** What the lock file says of a server that may be running on a data folder. */
function runningServer(dataDir: string): { pid: number; port: number } | null {
  let lines: string[];
  try {
    lines = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return null;
  }
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return null;
  // After a reboot or in a new container, another process may have the number.
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    if (!command.includes(dataDir)) return null;
  } catch {
    // Without /proc on this system, trust the lock file.
  }
  return { pid, port: Number(lines[3]) };
}

/** Kills the processes of a server that was killed itself. Finds none where there is no /proc. */
function killOrphans(dataDir: string): void {
  if (runningServer(dataDir)) return;
  const isOrphan = (pid: number): boolean => {
    try {
      return (
        readlinkSync(`/proc/${pid}/cwd`) === realpathSync(dataDir) &&
        readlinkSync(`/proc/${pid}/exe`).endsWith('/postgres')
      );
    } catch {
      return false;
    }
  };
  try {
    for (const name of readdirSync('/proc'))
      if (isOrphan(Number(name))) process.kill(Number(name), 'SIGKILL');
  } catch {
    // There is no /proc, or an orphan ended by itself.
  }
}

function readReady(dataDir: string): Ready | null {
  try {
    return JSON.parse(readFileSync(join(dataDir, readyFile), 'utf8')) as Ready;
  } catch {
    return null;
  }
}

async function initialise(
  install: PostgresInstall,
  config: StackConfig,
  owner: ClusterOwner,
  dataDir: string,
) {
  rmSync(dataDir, { recursive: true, force: true });
  await dataFolder(config, owner);
  const passwordFile = join(dataDir, '..', `pw-${config.name}-${process.pid}`);
  writeFileSync(passwordFile, 'postgres\n', { mode: 0o600 });
  if (owner.uid !== undefined && owner.gid !== undefined) chownSync(passwordFile, owner.uid, owner.gid);
  try {
    const args = [
      '-D',
      dataDir,
      '-U',
      'supabase_admin',
      '-A',
      'scram-sha-256',
      '--pwfile',
      passwordFile,
      '-E',
      'UTF8',
    ];
    const quick = config.unsafeFast ? ['--no-sync'] : [];
    let made = await runAsOwner(owner, join(install.bin, 'initdb'), [
      ...args,
      ...quick,
      '--locale',
      'C.UTF-8',
    ]);
    if (made.status !== 0 && /invalid locale/.test(made.stderr)) {
      made = await runAsOwner(owner, join(install.bin, 'initdb'), [...args, ...quick, '--locale', 'C']);
    }
    if (made.status !== 0) {
      throw new StackError(
        `The database could not be created in ${dataDir}.`,
        `Check the permissions and the free space of the disk. initdb said:\n${made.stderr.trim()}`,
      );
    }
  } finally {
    rmSync(passwordFile, { force: true });
  }
  const conf = join(dataDir, 'postgresql.conf');
  writeFileSync(conf, `${readFileSync(conf, 'utf8')}\ninclude = 'journey.conf'\n`);
}

async function launch(
  install: PostgresInstall,
  config: StackConfig,
  owner: ClusterOwner,
  dataDir: string,
  signal?: AbortSignal,
) {
  const settings = join(dataDir, 'journey.conf');
  writeFileSync(settings, serverSettings(config));
  if (owner.uid !== undefined && owner.gid !== undefined) chownSync(settings, owner.uid, owner.gid);
  const log = serverLog(dataDir);
  rmSync(log, { force: true });
  if (!runningServer(dataDir)) rmSync(join(dataDir, 'postmaster.pid'), { force: true });
  for (let attempt = 1; ; attempt++) {
    const started = await runAsOwner(owner, join(install.bin, 'pg_ctl'), [
      ...['-D', dataDir, '-l', log, '-w', '-t', '60', '-s'],
      ...['-o', `-p ${config.ports.db}`, 'start'],
    ]);
    if (started.status === 0) return;
    const said = serverLogTail(dataDir, 12);
    // Children of a killed server keep its memory. Idle ones end by themselves at once, busy ones much later.
    const passing = /pre-existing shared memory block|lock file "postmaster.pid" already exists/.test(said);
    if (passing && attempt < 20 && !signal?.aborted) {
      if (attempt > 5) killOrphans(dataDir);
      await delay(300);
      continue;
    }
    if (/Address already in use|could not bind/.test(said)) throw portTaken(config.ports.db, 'database');
    const reason = lastComplaint(dataDir) ?? (said.split('\n').at(-1) || started.stderr.split('\n')[0]);
    throw new StackError(
      `The database did not start: ${reason?.replace(/\.$/, '')}.`,
      `Its log (${log}) ends with:\n${said}\nIf its files are damaged, npm run reset makes new ones.`,
    );
  }
}

async function halt(install: PostgresInstall, owner: ClusterOwner, dataDir: string): Promise<void> {
  if (!runningServer(dataDir)) return;
  const stopped = await runAsOwner(owner, join(install.bin, 'pg_ctl'), [
    ...['-D', dataDir, '-m', 'fast', '-w', '-t', '20', '-s', 'stop'],
  ]);
  if (stopped.status === 0 || !runningServer(dataDir)) return;
  await runAsOwner(owner, join(install.bin, 'pg_ctl'), [
    '-D',
    dataDir,
    '-m',
    'immediate',
    '-w',
    '-t',
    '20',
    '-s',
    'stop',
  ]);
}

/**
 * Starts the private cluster of a stack. Creates it when there is none, or when an earlier attempt was
 * interrupted. Takes over a server that a killed run left behind.
 */
export async function startCluster(
  install: PostgresInstall,
  config: StackConfig,
  log: Log,
): Promise<Cluster> {
  const owner = await clusterOwner();
  const dataDir = await dataFolder(config, owner);
  if (relative(config.dir, dataDir).startsWith('..')) {
    log.info(
      `! The system user postgres, who runs the database for root, cannot enter ${config.dir}, so its data are in ${dataDir}. ` +
        'They outlive this folder; npm run reset removes them.',
    );
  }
  const cluster: Cluster = {
    adminUrl: databaseUrl(config, 'supabase_admin'),
    url: databaseUrl(config),
    dataDir,
    logFile: serverLog(dataDir),
    pid: () => runningServer(dataDir)?.pid,
    start: (signal) => launch(install, config, owner, dataDir, signal),
    complaint: () => lastComplaint(dataDir),
    close: () => halt(install, owner, dataDir),
  };
  const ready = readReady(dataDir);
  if (ready && ready.major !== install.major) {
    throw new StackError(
      `The data of this stack was made by PostgreSQL ${ready.major}, and PostgreSQL ${install.major} was found.`,
      `Install version ${ready.major} again, or start over with new data:\n  npm run reset`,
    );
  }
  const running = runningServer(dataDir);
  if (running && ready && running.port === config.ports.db) return cluster;
  if (running) await halt(install, owner, dataDir);
  await requireFreePort(config.ports.db, 'database', { tell: log.info });
  if (ready) {
    if (ready.baseline !== baselineHash()) {
      log.info(
        '! The files in local/cluster/baseline have changed since this data was made; npm run reset applies them.',
      );
    }
    await log.step('start the database', () => launch(install, config, owner, dataDir));
    return cluster;
  }
  await log.step(`create a private PostgreSQL ${install.major} cluster`, async () => {
    await initialise(install, config, owner, dataDir);
    await launch(install, config, owner, dataDir);
  });
  try {
    await log.step('prepare roles, schemas and extensions as the platform has them', () =>
      applyBaseline(cluster.adminUrl),
    );
  } catch (error) {
    await cluster.close();
    throw error;
  }
  const made: Ready = { major: install.major, baseline: baselineHash() };
  // Written last: when it is missing, the next start knows that the set-up was interrupted.
  writeFileSync(join(dataDir, readyFile), JSON.stringify(made));
  return cluster;
}

/** The process of the server of a stack, whatever process started it; undefined when it does not run. */
export function clusterPid(config: StackConfig): number | undefined {
  return runningServer(dataPlace(config))?.pid;
}

/** Stops the cluster of a stack, whatever process started it. True when it ran. */
export async function stopCluster(install: PostgresInstall, config: StackConfig): Promise<boolean> {
  const ran = clusterPid(config) !== undefined;
  const owner = await clusterOwner();
  await halt(install, owner, await dataFolder(config, owner));
  return ran;
}

/** Removes the data of a stopped cluster, wherever they are. */
export async function removeCluster(install: PostgresInstall, config: StackConfig): Promise<void> {
  const owner = await clusterOwner();
  const dataDir = await dataFolder(config, owner);
  await halt(install, owner, dataDir);
  rmSync(dataDir, { recursive: true, force: true });
}

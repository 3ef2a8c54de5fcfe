import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { StackError } from '../errors.ts';
import type { Log } from '../log.ts';
import { run, runVisible } from '../process.ts';

/** A PostgreSQL installation of this machine that has what the stack needs. */
export interface PostgresInstall {
  major: number;
  bin: string;
}

interface Candidate extends PostgresInstall {
  missing: string[];
}

const oldestMajor = 15;
/** Extension → the Debian package that contains it. */
const neededExtensions = new Map([
  ['postgis', (major: number) => `postgresql-${major}-postgis-3`],
  ['pg_cron', (major: number) => `postgresql-${major}-cron`],
  ['pgtap', (major: number) => `postgresql-${major}-pgtap`],
  ['plpgsql_check', (major: number) => `postgresql-${major}-plpgsql-check`],
  ['btree_gist', (major: number) => `postgresql-${major}`],
]);

async function inspect(bin: string): Promise<Candidate | null> {
  if (!existsSync(join(bin, 'initdb')) || !existsSync(join(bin, 'postgres'))) return null;
  const version = await run(join(bin, 'postgres'), ['--version']);
  const major = Number(/(\d+)/.exec(version.stdout)?.[1] ?? 0);
  if (major < oldestMajor) return null;
  const share = (await run(join(bin, 'pg_config'), ['--sharedir'])).stdout.trim();
  const folders = [share, `/usr/share/postgresql/${major}`].filter((folder) => folder !== '');
  const missing = [...neededExtensions.keys()].filter(
    (name) => !folders.some((folder) => existsSync(join(folder, 'extension', `${name}.control`))),
  );
  return { major, bin, missing };
}

async function findCandidates(): Promise<Candidate[]> {
  const bins = new Set<string>();
  const debian = '/usr/lib/postgresql';
  if (existsSync(debian)) for (const version of readdirSync(debian)) bins.add(join(debian, version, 'bin'));
  const config = await run('pg_config', ['--bindir']);
  if (config.status === 0) bins.add(config.stdout.trim());
  const found = await Promise.all([...bins].map(inspect));
  return found
    .filter((one) => one !== null)
    .sort((a, b) => a.missing.length - b.missing.length || b.major - a.major);
}

/** The PostgreSQL to use, or null when none on this machine has all the extensions. */
export async function findPostgres(): Promise<PostgresInstall | null> {
  const best = (await findCandidates())[0];
  return best && best.missing.length === 0 ? best : null;
}

function packagesFor(major: number): string[] {
  const names = new Set([...neededExtensions.values()].map((name) => name(major)));
  return [...names, `postgresql-client-${major}`];
}

async function otherWays(): Promise<string> {
  const docker = await run('docker', ['version', '--format', '{{.Server.Version}}']);
  if (docker.status === 0) return 'Docker is running here, so this works as well:  npx supabase start';
  return [
    'Without them, two other ways:',
    '  with Docker:                       npx supabase start',
    '  official native builds (download): SUPABASE_EXPERIMENTAL_STACK=1 npx supabase stack start --runtime native',
  ].join('\n');
}

/** How to call apt here: directly as root, with sudo when it needs no password, or not at all. */
async function aptPrefix(): Promise<string[] | null> {
  if ((await run('apt-get', ['--version'])).status !== 0) return null;
  if (process.getuid?.() === 0) return [];
  return (await run('sudo', ['-n', 'true'])).status === 0 ? ['sudo', '-n'] : null;
}

async function newestPackagedMajor(): Promise<number | null> {
  const listed = await run('apt-cache', ['search', '--names-only', '^postgresql-[0-9]+-postgis-3$']);
  const majors = [...listed.stdout.matchAll(/^postgresql-(\d+)-postgis-3\b/gm)].map((match) =>
    Number(match[1]),
  );
  return majors.filter((major) => major >= oldestMajor).sort((a, b) => b - a)[0] ?? null;
}

/**
 * When the server package arrives, Debian creates and starts a cluster of its own. The stack does not use it,
 * and what it starts should not outlive the stack, so this is switched off during the installation.
 */
async function installQuietly(prefix: string[], names: string[]): Promise<number> {
  const folder = '/etc/postgresql-common/createcluster.d';
  const file = `${folder}/journey-no-main-cluster.conf`;
  const shell = (script: string) => {
    const [command = 'sh', ...rest] = [...prefix, 'sh', '-c', script];
    return run(command, rest);
  };
  await shell(`mkdir -p ${folder} && echo "create_main_cluster = false" > ${file}`);
  try {
    // The settings file has an effect only once postgresql-common is installed.
    const install = ['install', '-y', '-qq', '--no-install-recommends'];
    await apt(prefix, [...install, '-o', 'Dpkg::Options::=--force-confdef', 'postgresql-common']);
    return await apt(prefix, [...install, ...names]);
  } finally {
    await shell(`rm -f ${file}`);
  }
}

async function apt(prefix: string[], args: string[]): Promise<number> {
  const [command = 'apt-get', ...rest] = [...prefix, 'apt-get', ...args];
  return runVisible(command, rest, { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
}

/** Finds a suitable PostgreSQL, or installs one where that is allowed. Otherwise says exactly what to do. */
export async function ensurePostgres(log: Log): Promise<PostgresInstall> {
  const candidates = await findCandidates();
  const best = candidates[0];
  if (best && best.missing.length === 0) return best;
  const missing = best
    ? `PostgreSQL ${best.major} is installed, but without ${best.missing.join(', ')}.`
    : `PostgreSQL ${oldestMajor} or newer (with PostGIS, pg_cron, pgTAP and plpgsql_check) is not installed.`;
  const prefix = await aptPrefix();
  if (!prefix) {
    const major = best?.major ?? (await newestPackagedMajor()) ?? oldestMajor;
    throw new StackError(
      missing,
      `On Debian or Ubuntu, run:\n  sudo apt-get install -y ${packagesFor(major).join(' ')}\nthen start again.\n${await otherWays()}`,
    );
  }
  log.info(missing);
  await log.step('refresh the list of system packages (apt-get update)', () => apt(prefix, ['update', '-q']));
  const major = best?.major ?? (await newestPackagedMajor());
  if (!major) {
    throw new StackError(
      missing,
      `The package sources of this system do not offer it.\n${await otherWays()}`,
    );
  }
  const names = packagesFor(major);
  const status = await log.step(`install ${names.join(' ')}`, () => installQuietly(prefix, names));
  const found = await findPostgres();
  if (status !== 0 || !found) {
    throw new StackError(
      'The system packages could not be installed.',
      `See the output of apt-get above, then run:\n  sudo apt-get install -y ${names.join(' ')}\n${await otherWays()}`,
    );
  }
  return found;
}

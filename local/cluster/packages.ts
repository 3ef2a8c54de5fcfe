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

/** Who asks for a PostgreSQL: a stack that runs, or tests and checks, which need more. */
export type PostgresUse = 'run' | 'tests';

interface Candidate extends PostgresInstall {
  /** Extensions it does not have. */
  missing: string[];
}

const debian = '/usr/lib/postgresql';
const oldestMajor = 15;

interface Extension {
  name: string;
  /** The Debian package that contains it. */
  package(major: number): string;
  /** Only tests and checks ask for it. */
  testsOnly?: true;
}

const extensions: Extension[] = [
  { name: 'postgis', package: (major) => `postgresql-${major}-postgis-3` },
  { name: 'pg_cron', package: (major) => `postgresql-${major}-cron` },
  { name: 'btree_gist', package: (major) => `postgresql-${major}` },
  { name: 'pgtap', package: (major) => `postgresql-${major}-pgtap`, testsOnly: true },
  { name: 'plpgsql_check', package: (major) => `postgresql-${major}-plpgsql-check`, testsOnly: true },
];

const neededFor = (use: PostgresUse): Extension[] =>
  extensions.filter(({ testsOnly }) => use === 'tests' || !testsOnly);

/** What a PostgreSQL lacks for a use. */
function lacks(candidate: Candidate, use: PostgresUse): string[] {
  return neededFor(use)
    .map(({ name }) => name)
    .filter((name) => candidate.missing.includes(name));
}

async function inspect(bin: string): Promise<Candidate | null> {
  if (!existsSync(join(bin, 'initdb')) || !existsSync(join(bin, 'postgres'))) return null;
  const version = await run(join(bin, 'postgres'), ['--version']);
  const major = Number(/(\d+)/.exec(version.stdout)?.[1] ?? 0);
  if (major < oldestMajor) return null;
  const share = (await run(join(bin, 'pg_config'), ['--sharedir'])).stdout.trim();
  // Debian's: /usr/lib/postgresql/15/bin and /usr/share/postgresql/15
  const beside = join(bin, '../../../../share/postgresql', String(major));
  const folders = [share, beside].filter((folder) => folder !== '');
  const missing = extensions
    .map(({ name }) => name)
    .filter((name) => !folders.some((folder) => existsSync(join(folder, 'extension', `${name}.control`))));
  return { major, bin, missing };
}

async function findCandidates(folder: string): Promise<Candidate[]> {
  const bins = new Set<string>();
  if (existsSync(folder)) for (const version of readdirSync(folder)) bins.add(join(folder, version, 'bin'));
  const config = folder === debian ? await run('pg_config', ['--bindir']) : null;
  if (config?.status === 0) bins.add(config.stdout.trim());
  const found = await Promise.all([...bins].map(inspect));
  // The same one for every use, whenever one has everything: data of one version cannot be read by another.
  return found
    .filter((one) => one !== null)
    .sort(
      (a, b) =>
        lacks(a, 'run').length - lacks(b, 'run').length ||
        a.missing.length - b.missing.length ||
        b.major - a.major,
    );
}

/** The PostgreSQL to use, or null when none on this machine has all the extensions that the use needs. */
export async function findPostgres(
  use: PostgresUse = 'run',
  folder = debian,
): Promise<PostgresInstall | null> {
  const best = (await findCandidates(folder))[0];
  return best && lacks(best, use).length === 0 ? best : null;
}

function packagesFor(major: number, use: PostgresUse): string[] {
  const names = new Set(neededFor(use).map((extension) => extension.package(major)));
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

/**
 * Finds a PostgreSQL that has what the use needs, or installs it where that is allowed. Otherwise says exactly what
 * to do.
 */
export async function ensurePostgres(log: Log, use: PostgresUse = 'run'): Promise<PostgresInstall> {
  const best = (await findCandidates(debian))[0];
  const lacking = best ? lacks(best, use) : [];
  if (best && lacking.length === 0) return best;
  const all = neededFor(use).map(({ name }) => name);
  const missing = best
    ? `PostgreSQL ${best.major} is installed, but without ${lacking.join(', ')}.`
    : `PostgreSQL ${oldestMajor} or newer, with ${all.join(', ')}, is not installed.`;
  const prefix = await aptPrefix();
  if (!prefix) {
    const major = best?.major ?? (await newestPackagedMajor()) ?? oldestMajor;
    throw new StackError(
      missing,
      `On Debian or Ubuntu, run:\n  sudo apt-get install -y ${packagesFor(major, use).join(' ')}\nthen start again.\n${await otherWays()}`,
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
  const names = packagesFor(major, use);
  const status = await log.step(`install ${names.join(' ')}`, () => installQuietly(prefix, names));
  const found = await findPostgres(use);
  if (status !== 0 || !found) {
    throw new StackError(
      'The system packages could not be installed.',
      `See the output of apt-get above, then run:\n  sudo apt-get install -y ${names.join(' ')}\n${await otherWays()}`,
    );
  }
  return found;
}

import { createHash } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StackConfig } from '../config.ts';
import { StackError } from '../errors.ts';
import { type CommandResult, run } from '../process.ts';

/** The system user that runs PostgreSQL, which refuses to run as root. */
export interface ClusterOwner {
  uid?: number;
  gid?: number;
}

/** You, or the system user `postgres` when you are root. */
export async function clusterOwner(): Promise<ClusterOwner> {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])]);
  if (uid.status !== 0 || gid.status !== 0) {
    throw new StackError(
      'You are root, PostgreSQL refuses to run as root, and there is no system user "postgres" to run it.',
      'Install the Debian packages of PostgreSQL, which create that user, or run as an ordinary user.',
    );
  }
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

/** Runs a program of the cluster as its owner, in a folder that the owner can enter. */
export function runAsOwner(owner: ClusterOwner, command: string, args: string[]): Promise<CommandResult> {
  return run(command, args, { ...owner, cwd: '/', env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' } });
}

/** Creates a folder for the owner of the cluster; false when that is impossible there. */
async function claimFolder(owner: ClusterOwner, folder: string): Promise<boolean> {
  try {
    mkdirSync(folder, { recursive: true });
    if (owner.uid !== undefined && owner.gid !== undefined) chownSync(folder, owner.uid, owner.gid);
  } catch {
    return false;
  }
  const reachable = await runAsOwner(owner, 'sh', ['-c', 'cd "$1" && test -w .', 'sh', folder]);
  return reachable.status === 0;
}

const noteOf = (config: StackConfig): string => join(config.dir, 'pg-location');

/** Where the data of a stack's database are, or will be unless that place is closed to their owner. */
export function dataPlace(config: StackConfig): string {
  const note = noteOf(config);
  const remembered = existsSync(note) ? readFileSync(note, 'utf8').trim() : '';
  return remembered === '' ? join(config.dir, 'pg') : remembered;
}

/**
 * The data folder of a stack: `.local/<name>/pg`. When root runs from a place that the user `postgres` cannot
 * enter (a clone in a private home), it is in that user's own home, and the place is remembered.
 */
export async function dataFolder(config: StackConfig, owner: ClusterOwner): Promise<string> {
  const place = dataPlace(config);
  if (await claimFolder(owner, place)) return place;
  const usual = join(config.dir, 'pg');
  if (place !== usual && (await claimFolder(owner, usual))) return usual;
  const hash = createHash('sha256').update(config.dir).digest('hex').slice(0, 10);
  const elsewhere = join('/var/lib/postgresql', `journey-${config.name}-${hash}`);
  if (owner.uid !== undefined && (await claimFolder(owner, elsewhere))) {
    writeFileSync(noteOf(config), `${elsewhere}\n`);
    return elsewhere;
  }
  throw new StackError(
    `The folder for the database, ${usual}, cannot be created or entered.`,
    'Check the permissions and the free space of the disk, or move the project to a folder you can write to.',
  );
}

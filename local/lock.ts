import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StackConfig } from './config.ts';
import { StackError } from './errors.ts';
import { isAlive, processFields } from './process.ts';

/** The holder of a stack. */
export interface LockHolder {
  pid: number;
  /**
   * The kernel's start time of the process, so that another process with the same number is not mistaken for
   * it.
   */
  started: string;
  /** The first port, for people. */
  api: number;
}

const startTime = (pid: number) => processFields(pid)[19] ?? '';

const lockFile = (config: StackConfig) => join(config.dir, 'lock');

function readHolder(file: string): LockHolder | null {
  try {
    const holder = JSON.parse(readFileSync(file, 'utf8')) as LockHolder;
    return isAlive(holder.pid) && startTime(holder.pid) === holder.started ? holder : null;
  } catch {
    return null;
  }
}

/** The living holder of a stack, or null. A lock of a process that has ended does not count. */
export function lockHolder(config: StackConfig): LockHolder | null {
  return readHolder(lockFile(config));
}

/** Removes the lock of a process that has ended, unless somebody has just taken it again. */
function clearStale(config: StackConfig): void {
  const file = lockFile(config);
  const aside = `${file}.${process.pid}.old`;
  try {
    renameSync(file, aside);
    if (readHolder(aside)) linkSync(aside, file);
  } catch {
    // Another process removed it first.
  }
  rmSync(aside, { force: true });
}

/** Takes a stack for this process. Answers the release, or the holder that was first. */
export function takeLock(config: StackConfig): { release(): void } | { holder: LockHolder } {
  mkdirSync(config.dir, { recursive: true });
  const file = lockFile(config);
  const draft = `${file}.${process.pid}.new`;
  const mine: LockHolder = { pid: process.pid, started: startTime(process.pid), api: config.ports.api };
  writeFileSync(draft, JSON.stringify(mine));
  try {
    for (let attempt = 0; attempt < 5; attempt++) {
      try {
        // A link is made whole or not at all. Of two that start at once, one gets it, and nobody reads a
        // half-written file.
        linkSync(draft, file);
        return { release: () => rmSync(file, { force: true }) };
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      }
      const holder = lockHolder(config);
      if (holder) return { holder };
      clearStale(config);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  throw new StackError(`${file} can neither be taken nor removed.`, 'Remove it by hand and start again.');
}

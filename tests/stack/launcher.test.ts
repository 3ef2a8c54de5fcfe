import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { portsOf } from '../../local/config.ts';
import { isAlive, run } from '../../local/process.ts';

// `npm start` in a clone of its own, so that it is not the stack that somebody works with.
const root = fileURLToPath(new URL('../../', import.meta.url));
const clone = mkdtempSync(join(tmpdir(), 'journey-launcher-'));
const bin = join(clone, 'bin');
const env = {
  ...process.env,
  JOURNEY_PORT_BASE: String(portsOf('launcher').api),
  PATH: `${bin}${delimiter}${process.env.PATH ?? ''}`,
};

beforeAll(() => {
  chmodSync(clone, 0o755);
  // Without migrations: what is tested is how the parts start and stop.
  for (const path of ['local', 'sdk', 'supabase/functions', 'worker', 'package.json', 'package-lock.json']) {
    cpSync(join(root, path), join(clone, path), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'));
  // The packages are those of the project: nothing may install into them from here.
  mkdirSync(bin);
  writeFileSync(join(bin, 'npm'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
});

const command = (name: string) => run(process.execPath, ['local/bootstrap.mjs', name], { cwd: clone, env });

let launched: ChildProcess | undefined;
afterEach(() => end('SIGKILL'));
afterAll(async () => {
  await command('down');
  rmSync(clone, { recursive: true, force: true });
});

/** Sends a signal to the launcher and all that it runs in its terminal, as a terminal does. */
function end(signal: NodeJS.Signals): void {
  const { pid, exitCode, signalCode } = launched ?? {};
  if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, signal);
}

/** Starts the stack as a terminal does, and waits until it runs. Answers the process of its database. */
async function start(): Promise<{ launcher: ChildProcess; database: number }> {
  const launcher = spawn(process.execPath, ['local/bootstrap.mjs', 'start', '--no-tour'], {
    cwd: clone,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  launched = launcher;
  let said = '';
  await new Promise<void>((resolve) => {
    launcher.once('exit', () => resolve());
    for (const stream of [launcher.stdout, launcher.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('The stack runs.')) resolve();
      });
    }
  });
  expect(said).toContain('The stack runs.');
  const database = Number(readFileSync(join(clone, '.local/dev/pg/postmaster.pid'), 'utf8').split('\n')[0]);
  expect(isAlive(database)).toBe(true);
  return { launcher, database };
}

describe('the launcher', () => {
  it.each([
    ['Ctrl-C, when the program that read its output has ended first', 'SIGINT'],
    ['a closed terminal', 'SIGHUP'],
  ] as const)('stops the database at %s', async (_what, signal) => {
    const { launcher, database } = await start();
    launcher.stdout?.destroy();
    launcher.stderr?.destroy();
    end(signal);
    if (launcher.exitCode === null && launcher.signalCode === null) await once(launcher, 'exit');
    expect(launcher.exitCode).toBe(0);
    expect(isAlive(database)).toBe(false);
    expect(existsSync(join(clone, '.local/dev/lock'))).toBe(false);
  });

  it('leaves a database when it is killed, which status tells and down stops', async () => {
    const { launcher, database } = await start();
    end('SIGKILL');
    if (launcher.signalCode === null) await once(launcher, 'exit');
    expect((await command('status')).stdout).toContain(`Only the database runs (process ${database})`);
    expect((await command('down')).stdout).toContain('Stopped.');
    await expect.poll(() => isAlive(database)).toBe(false);
    expect((await command('status')).stdout).toContain('Nothing is running.');
  });
});

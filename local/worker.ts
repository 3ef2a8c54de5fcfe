import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { apiUrl, type StackConfig } from './config.ts';
import type { Log } from './log.ts';
import { delay } from './process.ts';

/** The program `worker`, which makes the pictures that are shown. */
export interface MediaWorker {
  /** Its process; it changes with each start. Undefined while it does not run. */
  pid(): number | undefined;
  close(): Promise<void>;
}

/** The output of the worker. It is in a file, because it would hide the messages of the stack. */
export function workerLog(config: StackConfig): string {
  return join(config.dir, 'worker.log');
}

function launch(config: StackConfig): ChildProcess {
  const output = openSync(workerLog(config), 'a');
  const child = spawn(process.execPath, [join(config.root, 'worker', 'main.ts')], {
    cwd: config.root,
    // A process group of its own: Ctrl-C at the terminal reaches the stack, and the stack stops this process.
    detached: true,
    // It ends when the channel does, so also when the stack is killed.
    stdio: ['ignore', output, output, 'ipc'],
    env: {
      PATH: process.env.PATH,
      SUPABASE_URL: apiUrl(config),
      SUPABASE_SECRET_KEY: config.secretKey,
      MEDIA_POLL_MS: '300',
    },
  });
  closeSync(output);
  return child;
}

/** Runs the media worker and keeps it running. */
export function startMediaWorker(config: StackConfig, log: Log): MediaWorker {
  let closing = false;
  let child: ChildProcess;
  let ended: Promise<void>;
  const runs = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  const begin = () => {
    child = launch(config);
    const mine = child;
    ended = new Promise((resolve) => {
      mine.once('exit', () => resolve());
      mine.once('error', () => resolve());
    });
    void ended.then(async () => {
      if (closing) return;
      log.info('! The media worker stopped; it starts again in a second.');
      await delay(1000);
      if (!closing) begin();
    });
  };
  begin();
  return {
    pid: () => (runs() ? child.pid : undefined),
    async close() {
      closing = true;
      if (!runs()) return;
      child.kill('SIGTERM');
      const gone = await Promise.race([ended.then(() => true), delay(3000).then(() => false)]);
      if (!gone) child.kill('SIGKILL');
      await ended;
    },
  };
}

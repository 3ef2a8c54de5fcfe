import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Order, Outcome } from './order.ts';

/** What one picture may take. */
export interface Limits {
  seconds: number;
  /** Resident memory of the process, in MB (1 MB = 1,000,000 bytes). Watched on Linux only. */
  megabytes: number;
}

/** The process ended before it answered: it took too long or too much, or it crashed. Another try may succeed. */
export class StudioFailure extends Error {}

const pageBytes = 4096;
const watchMs = 50;

/** Resident memory of a process in bytes; 0 where the system does not say. */
function residentBytes(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageBytes;
  } catch {
    return 0;
  }
}

const isAlive = (child: ChildProcess): boolean =>
  child.connected && child.exitCode === null && child.signalCode === null;

/**
 * A process of its own in which one picture at a time is read. Bytes that crash a decoder, or keep it busy for ever, end
 * that process and not the worker. The next picture gets a new one.
 */
export class Studio {
  readonly #limits: Limits;
  #child: ChildProcess | null = null;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** The process, for tests that kill it. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Throws `StudioFailure` when the process ended before it answered. */
  async make(order: Order): Promise<Outcome> {
    if (this.#child && !isAlive(this.#child)) this.#child = null;
    const child = this.#child ?? (await this.#start());
    const { seconds, megabytes } = this.#limits;
    let watch: NodeJS.Timeout | undefined;
    let timer: NodeJS.Timeout | undefined;
    let why = 'it crashed';
    const kill = (reason: string) => {
      why = reason;
      child.kill('SIGKILL');
    };
    try {
      return await new Promise<Outcome>((resolve, reject) => {
        child.once('message', (outcome) => resolve(outcome as Outcome));
        child.once('exit', () => reject(new StudioFailure(why)));
        child.send(order, (error) => error && reject(new StudioFailure('it could not be reached')));
        timer = setTimeout(() => kill(`it took more than ${seconds} s`), seconds * 1000);
        watch = setInterval(() => {
          if (residentBytes(child.pid) > megabytes * 1_000_000) kill(`it took more than ${megabytes} MB`);
        }, watchMs);
      });
    } finally {
      clearTimeout(timer);
      clearInterval(watch);
      child.removeAllListeners('message').removeAllListeners('exit');
      if (!isAlive(child)) this.#child = null;
    }
  }

  close(): void {
    this.#child?.kill('SIGKILL');
    this.#child = null;
  }

  async #start(): Promise<ChildProcess> {
    const child = fork(fileURLToPath(new URL('./child.ts', import.meta.url)), {
      // DO NOT hand on the environment: the key of the service is in it
      env: { PATH: process.env.PATH },
      execArgv: ['--max-old-space-size=256'],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve());
      child.once('exit', (code) => reject(new StudioFailure(`it did not start (${code})`)));
      child.once('error', reject);
    });
    child.removeAllListeners();
    // without a listener, an error of the channel would end the worker
    child.on('error', () => {});
    this.#child = child;
    return child;
  }
}

import type { Log } from '../log.ts';
import { delay } from '../process.ts';
import type { Cluster } from './cluster.ts';

/** Keeps the server of a stack running. */
export interface Supervision {
  /**
   * Ends the supervision: a server that stops afterwards stays stopped, and a start that is running is stopped.
   */
  close(): Promise<void>;
}

/** The times of the supervision, in milliseconds. */
export interface Patience {
  /** Between two checks. The server must be gone at both. */
  lookMs: number;
  /** Before the second attempt; twice as long before each further one. */
  firstPauseMs: number;
  mostPauseMs: number;
  /** A server that ran for this long has recovered; its next end is a new outage. */
  steadyMs: number;
}

const usual: Patience = { lookMs: 500, firstPauseMs: 1000, mostPauseMs: 60_000, steadyMs: 60_000 };

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
  });
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Starts the server again when it is gone, with the same data, one start at a time. It checks instead of
 * waiting for a child process, because the server may not be our child: a start that was killed may have left
 * it.
 */
export function superviseCluster(cluster: Cluster, log: Log, patience: Patience = usual): Supervision {
  const stop = new AbortController();
  const { signal } = stop;
  // starts in a row that failed, or whose server ended soon
  let vain = 0;
  let toldReason: string | undefined;

  const isGone = async () => {
    if (cluster.pid() !== undefined) return false;
    // In the time between the two checks, somebody's own `pg_ctl restart` finishes.
    await pause(patience.lookMs, signal);
    return !signal.aborted && cluster.pid() === undefined;
  };
  /** Report each reason once per outage, however many attempts there are. */
  const tell = (reason: string) => {
    if (reason === toldReason) return;
    toldReason = reason;
    log.info(`! ${reason} It is tried again, less and less often; its log: ${cluster.logFile}`);
  };
  const tellIsBack = () => {
    if (toldReason !== undefined) log.info('The database runs again.');
  };
  const revive = async (): Promise<boolean> => {
    try {
      await cluster.start(signal);
      tellIsBack();
      return true;
    } catch (error) {
      if (!signal.aborted) tell(describe(error));
      return false;
    }
  };
  const watch = async () => {
    let started = true;
    let steadyAt = 0;
    for (;;) {
      await pause(patience.lookMs, signal);
      if (signal.aborted) return;
      if (!(await isGone())) {
        // Its recovery took longer than the start waited, or somebody else has started it.
        if (!started) tellIsBack();
        started = true;
        if (Date.now() < steadyAt) continue;
        vain = 0;
        toldReason = undefined;
        continue;
      }
      if (vain === 0) {
        log.info('! The database stopped; it starts again with the same data.');
      } else {
        if (started) tell(`The database stopped again: ${cluster.complaint() ?? 'it does not say why'}.`);
        await pause(Math.min(patience.firstPauseMs * 2 ** (vain - 1), patience.mostPauseMs), signal);
        // Somebody may have started it in the meantime.
        if (!(await isGone())) continue;
      }
      vain += 1;
      started = await revive();
      steadyAt = Date.now() + patience.steadyMs;
    }
  };
  const watching = watch();
  return {
    async close() {
      stop.abort();
      const ended = watching.then(() => true);
      const soon = () => delay(100).then(() => false);
      // Only a running start keeps it. Its recovery may be long, so stop its server instead of waiting.
      while (!(await Promise.race([ended, soon()]))) await cluster.close();
    },
  };
}

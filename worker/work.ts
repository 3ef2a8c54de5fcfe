import { z } from 'zod';
import { type Backend, Refused } from './backend.ts';
import { type Job, type JobResult, job, perform } from './jobs.ts';
import { Studio } from './pictures/studio.ts';
import type { Settings } from './settings.ts';

export interface Worker {
  /** Takes no more jobs, and resolves when those under way have ended. */
  stop(): Promise<void>;
}

export type Log = (line: Record<string, unknown>) => void;

/** More than reading, making and storing one picture may take. */
const leaseSeconds = 180;
const mostPauseMs = 30_000;

/** Takes jobs of the outbox that are a media worker's, as many at a time as there are processes. */
export function startWorker(backend: Backend, settings: Settings, log: Log): Worker {
  let stopping = false;
  let wake = (): void => {};

  const settle = async (row: Job, result: JobResult): Promise<void> => {
    const lease = { id: row.id, lease_token: row.lease_token };
    const call = (name: string, args: Record<string, unknown>) =>
      backend.call(name, { ...lease, ...args }, z.unknown());
    switch (result.kind) {
      case 'done':
        return void (await call('complete_outbox', { result: result.result }));
      case 'defer':
        return void (await call('defer_outbox', {
          seconds: result.seconds,
          reason: 'no_turn',
          detail: result.detail,
        }));
      default:
        return void (await call('fail_outbox', {
          error: result.error.slice(0, 2000),
          permanent: result.kind === 'dead_letter',
        }));
    }
  };

  const run = async (row: Job, studio: Studio): Promise<void> => {
    const startedAt = Date.now();
    const result = await perform(row, { backend, make: (order) => studio.make(order) });
    const { kind, ...what } = result;
    log({
      level: kind === 'retry' ? 'warn' : kind === 'dead_letter' ? 'error' : 'info',
      worker: 'media',
      topic: row.topic,
      outbox_id: row.id,
      attempts: row.attempts,
      outcome: kind,
      ...what,
      ms: Date.now() - startedAt,
      correlation_id: row.correlation_id,
    });
    try {
      await settle(row, result);
    } catch (error) {
      // another worker has the row now, or its lease ends: either way it is performed again
      const code = error instanceof Refused ? error.code : String(error);
      log({ level: 'error', worker: 'media', topic: row.topic, outbox_id: row.id, code });
    }
  };

  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const loop = async (studio: Studio): Promise<void> => {
    let pause = settings.pollMs;
    while (!stopping) {
      try {
        const args = { batch: 1, lease_seconds: leaseSeconds, worker: 'media' };
        const [row] = await backend.call('lease_outbox', args, z.array(job));
        pause = settings.pollMs;
        if (row) await run(row, studio);
        else await sleep(pause);
      } catch (error) {
        if (pause === settings.pollMs)
          log({
            level: 'warn',
            worker: 'media',
            message: 'the backend does not answer',
            error: String(error),
          });
        pause = Math.min(pause * 2, mostPauseMs);
        await sleep(pause);
      }
    }
    studio.close();
  };

  const studios = Array.from({ length: settings.processes }, () => new Studio(settings.limits));
  const running = Promise.all(studios.map(loop));
  return {
    async stop() {
      stopping = true;
      wake();
      await running;
    },
  };
}

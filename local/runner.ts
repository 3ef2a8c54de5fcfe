import { Client } from 'pg';
import { apiUrl, databaseUrl, type StackConfig } from './config.ts';
import type { Log } from './log.ts';

/** The doorbell of the outbox. On the platform, pg_net rings it. */
export interface Runner {
  isUp(): boolean;
  close(): Promise<void>;
}

const pollMs = 1000;
const callTimeoutMs = 60_000;

interface Outcome {
  more?: boolean;
}

/** One call of the outbox function. True when it says that there is more to do. */
async function ring(config: StackConfig, signal: AbortSignal): Promise<boolean> {
  const answer = await fetch(`${apiUrl(config)}/functions/v1/outbox`, {
    method: 'POST',
    headers: { apikey: config.secretKey, 'content-type': 'application/json' },
    body: '{}',
    signal: AbortSignal.any([signal, AbortSignal.timeout(callTimeoutMs)]),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`the outbox function answered ${answer.status}: ${text.slice(0, 200)}`);
  return (JSON.parse(text) as Outcome).more === true;
}

/** Whether anything is due, or null when the project has no outbox (yet). */
async function isDue(client: Client): Promise<boolean | null> {
  const found = await client.query<{ there: boolean }>(
    "select to_regprocedure('private.outbox_due()') is not null as there",
  );
  if (!found.rows[0]?.there) return null;
  const due = await client.query<{ due: boolean }>('select private.outbox_due() as due');
  return due.rows[0]?.due === true;
}

/**
 * Asks once a second whether the outbox has something due. If so, calls the outbox function until it says that
 * nothing is left. Calls never overlap. A failure delays the next call. It is reported once, when the next try
 * has failed too: a restarted part explains a single failure.
 */
export function startRunner(config: StackConfig, log: Log): Runner {
  const abort = new AbortController();
  let client: Client | undefined;
  let healthy = true;
  let reported = '';
  let failures = 0;

  const connect = async () => {
    const fresh = new Client({ connectionString: databaseUrl(config), application_name: 'journey runner' });
    fresh.on('error', () => {
      if (client === fresh) client = undefined;
    });
    await fresh.connect();
    client = fresh;
    return fresh;
  };
  const tick = async () => {
    const connection = client ?? (await connect());
    if ((await isDue(connection)) !== true) return;
    while (!abort.signal.aborted && (await ring(config, abort.signal)));
  };
  const sleep = (milliseconds: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      abort.signal.addEventListener(
        'abort',
        () => {
          clearTimeout(timer);
          resolve();
        },
        { once: true },
      );
    });
  const loop = async () => {
    let pause = pollMs;
    while (!abort.signal.aborted) {
      try {
        await tick();
        healthy = true;
        reported = '';
        failures = 0;
        pause = pollMs;
      } catch (error) {
        if (abort.signal.aborted) break;
        healthy = false;
        pause = Math.min(pause * 2, 10_000);
        const text = error instanceof Error ? error.message : String(error);
        failures += 1;
        if (failures > 1 && text !== reported) {
          log.info(`! The outbox is waiting: ${text}`);
          reported = text;
        }
      }
      await sleep(pause);
    }
  };
  const running = loop();
  return {
    isUp: () => healthy,
    async close() {
      abort.abort();
      await running;
      await client?.end().catch(() => {});
    },
  };
}

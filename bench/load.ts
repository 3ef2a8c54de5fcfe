import { randomBytes } from 'node:crypto';
import { requireGapless, withChat } from './chat.ts';
import type { BenchDatabase } from './database.ts';
import { Helper } from './helper.ts';
import type { LoadOrder, LoadResult } from './load-clients.ts';
import { runLoad, steadyPerSecond } from './pgbench.ts';
import { format, type Measurement, measurement, median, quantile } from './report.ts';
import type { Effort } from './run.ts';

const clients = 64;
/** What the requirements report of their own system: requests a second that insert a message, without containers. */
const reported = 6000;

/**
 * Sixty-four people write messages as fast as they are answered: by SQL, over the Data API and by the SDK. Beside it the insert
 * that the requirements measured, into a table as theirs, and the rate that they report.
 */
export async function benchLoad(
  database: BenchDatabase,
  effort: Effort,
  say: (text: string) => void,
): Promise<Measurement[]> {
  return withChat(database, effort, async (chat) => {
    const [publishableKey = '', secretKey = '', jwtSecret = ''] = [1, 2, 3].map(() =>
      randomBytes(24).toString('hex'),
    );
    const config = { ...chat.config, database: chat.name, publishableKey, secretKey, jwtSecret };
    const server = new Helper('load-server.ts');
    const writer = new Helper('load-clients.ts');
    try {
      const port = await server.answer<number>('port', config);
      const order = {
        ...{ url: `http://127.0.0.1:${port}`, publishableKey, jwtSecret, clients },
        ...{ people: chat.scale.renters, conversations: effort.conversations, seconds: effort.searchSeconds },
      };
      const bySql = async (scripts: string[]): Promise<LoadResult> => {
        // A number and no time: a busy machine may need longer to connect them all.
        const load = { scripts, clients, transactions: effort.bookings, latencies: true };
        const { finished } = await runLoad(chat, load);
        const perSecond = steadyPerSecond(finished, Math.min(effort.bookingWarmUp, effort.bookings / 2));
        const all = finished.flat().map((one) => one.milliseconds);
        const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => quantile(all, share));
        return { perSecond, p50: p50 ?? 0, p95: p95 ?? 0, p99: p99 ?? 0 };
      };
      const over = (by: LoadOrder['by']) => () =>
        writer.answer<LoadResult>('result', { ...order, by } satisfies LoadOrder);
      const ways: [name: string, run: () => Promise<LoadResult>][] = [
        ['their insert, SQL', () => bySql(['load-pick', 'load-insert'])],
        ['send_message, SQL', () => bySql(['load-pick', 'prelude', 'chat-send'])],
        ['send_message, Data API', over('http')],
        ['send_message, SDK', over('sdk')],
      ];
      const found = new Map(ways.map(([name]) => [name, [] as LoadResult[]]));
      for (let round = 1; round <= effort.rounds; round++) {
        for (const [name, run] of ways) found.get(name)?.push(await run());
        const last = ways.map(([name]) => `${name} ${format(found.get(name)?.at(-1)?.perSecond ?? 0)}`);
        say(`  round ${round}: ${last.join(', ')} a second`);
      }
      await requireGapless(chat);
      const middle = (name: string, of: keyof LoadResult) =>
        median((found.get(name) ?? []).map((one) => one[of]));
      return [
        ...ways.map(([name]) =>
          measurement(`load: ${name}`, 'requests a second', middle(name, 'perSecond'), reported, {
            atLeast: 0,
          }),
        ),
        ...ways.flatMap(([name]) =>
          (['p50', 'p95', 'p99'] as const).map((share) =>
            measurement(
              `load: ${name}, ${share}`,
              'ms',
              middle(name, share),
              middle('their insert, SQL', share),
              {
                atLeast: 0,
              },
            ),
          ),
        ),
      ];
    } finally {
      server.end();
      writer.end();
    }
  });
}

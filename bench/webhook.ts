import { StackError } from '../local/errors.ts';
import type { BenchDatabase } from './database.ts';
import { runLoad, steadyPerSecond } from './pgbench.ts';
import { inTurns, type Measurement, measurement } from './report.ts';
import type { Effort } from './run.ts';
import { type Side, webhookSides } from './sides.ts';

const clients = 16;

const left = `
select count(*)::int as left
from generate_series($1::bigint, $2::bigint) n
join public.bookings b on b.id = bench.id('booking', n)
where b.status <> 'confirmed'`;

/**
 * What a verified webhook costs the database: the two transactions of function payment-webhooks, which store the
 * message and apply it, against two transactions that insert one row each. 16 connections, each with attempts of
 * its own.
 */
export async function benchWebhook(
  database: BenchDatabase,
  effort: Effort,
  say: (text: string) => void,
): Promise<Measurement[]> {
  const share = effort.bookings;
  const rate = (side: Side) => async () => {
    const from = await side.prepare(database, share * clients);
    const { finished } = await runLoad(database, {
      scripts: side.scripts,
      clients,
      transactions: share,
      variables: { done: 0, share, first: from },
      latencies: true,
    });
    if (side === webhookSides.command) {
      const found = await database.admin.query<{ left: number }>(left, [from, from + share * clients - 1]);
      if (found.rows[0]?.left !== 0) {
        throw new StackError(
          `${found.rows[0]?.left} of ${share * clients} bookings were not confirmed by their webhook.`,
          'The measured calls did something else than they should; private.payment_events.outcome says what.',
        );
      }
    }
    return steadyPerSecond(finished, effort.bookingWarmUp);
  };
  const webhooks = rate(webhookSides.command);
  // Tables in use, and known to the planner: what it plans for empty ones reads each from end to end.
  say('fill the tables');
  await webhooks();
  await database.admin.query('vacuum (analyze)');
  const [candidate, baseline] = await inTurns(effort.rounds, webhooks, rate(webhookSides.bare), say);
  return [measurement('webhook', 'per second', candidate, baseline, { atLeast: 0.2 })];
}

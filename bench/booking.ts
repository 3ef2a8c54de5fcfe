import type { BenchDatabase } from './database.ts';
import { runLoad, steadyPerSecond } from './pgbench.ts';
import { inTurns, type Measurement, measurement } from './report.ts';
import type { Effort } from './run.ts';
import { bookingSides, type Side } from './sides.ts';

const clients = 16;

/** create_booking against one row in a plain table: 16 connections, each booking a vehicle of its own. */
export async function benchBooking(
  database: BenchDatabase,
  effort: Effort,
  say: (text: string) => void,
): Promise<Measurement[]> {
  const share = effort.bookings;
  const rate = (side: Side) => async () => {
    const first = await side.prepare(database, share * clients);
    const { finished } = await runLoad(database, {
      scripts: side.scripts,
      clients,
      transactions: share,
      variables: { done: 0, share, first },
      latencies: true,
    });
    return steadyPerSecond(finished, effort.bookingWarmUp);
  };
  const [candidate, baseline] = await inTurns(
    effort.rounds,
    rate(bookingSides.command),
    rate(bookingSides.bare),
    say,
  );
  return [measurement('create_booking', 'per second', candidate, baseline, { atLeast: 0.2 })];
}

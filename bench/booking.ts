import type { BenchDatabase } from './database.ts';
import { runLoad, steadyPerSecond } from './pgbench.ts';
import { inTurns, type Measurement, measurement } from './report.ts';
import type { Effort } from './run.ts';

const clients = 16;

/** create_booking against one row in a plain table: 16 connections, each booking a vehicle of its own. */
export async function benchBooking(
  database: BenchDatabase,
  effort: Effort,
  say: (text: string) => void,
): Promise<Measurement[]> {
  const side = (script: string) => async () => {
    const share = effort.bookings;
    const made = await database.admin.query<{ first: string }>('select bench.make_quotes($1) as first', [
      share * clients,
    ]);
    const { finished } = await runLoad(database, {
      scripts: ['booking-pick', 'prelude', script],
      clients,
      transactions: share,
      variables: { done: 0, share, first: Number(made.rows[0]?.first) },
      latencies: true,
    });
    return steadyPerSecond(finished, effort.bookingWarmUp);
  };
  const [candidate, baseline] = await inTurns(effort.rounds, side('booking'), side('booking-plain'), say);
  return [measurement('create_booking', 'per second', candidate, baseline, { atLeast: 0.2 })];
}

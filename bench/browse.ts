import type { BenchDatabase } from './database.ts';
import { runLoad } from './pgbench.ts';
import { inTurns, type Measurement, measurement } from './report.ts';
import type { Effort } from './run.ts';

/**
 * A page by the total of the period, and counts of all filters, beside the plain search of one page; and a year of one calendar
 * beside a bare read of its index.
 */
export async function benchBrowse(
  database: BenchDatabase,
  effort: Effort,
  say: (text: string) => void,
): Promise<Measurement[]> {
  const side =
    (...scripts: string[]) =>
    async (round: number) => {
      const load = { scripts, clients: 4, seconds: effort.searchSeconds, seed: round };
      return (await runLoad(database, load)).perSecond;
    };
  const totals = side('search-pick', 'prelude', 'search-total');
  const facets = side('search-pick', 'prelude', 'facets');
  const search = side('search-pick', 'prelude', 'search-plain');
  const calendar = side('calendar-pick', 'prelude', 'calendar');
  const entries = side('calendar-pick', 'prelude', 'calendar-plain');
  // connections compile and plan what they ask first
  for (const one of [totals, facets, search, calendar, entries]) await one(0);
  const [priced, plain] = await inTurns(effort.rounds, totals, search, say);
  const [counted, listed] = await inTurns(effort.rounds, facets, search, say);
  const [year, read] = await inTurns(effort.rounds, calendar, entries, say);
  return [
    // not more than five times as long
    measurement('search_vehicles by total / plain search', 'per second', priced, plain, { atLeast: 0.2 }),
    // not more than three times as long
    measurement('vehicle_facets / plain search', 'per second', counted, listed, { atLeast: 0.33 }),
    measurement('vehicle_calendar, a year', 'per second', year, read, { atLeast: 0.5 }),
  ];
}

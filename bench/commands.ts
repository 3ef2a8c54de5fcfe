import { StackError } from '../local/errors.ts';
import type { BenchDatabase } from './database.ts';
import { steadyPerSecond } from './pgbench.ts';
import { format, type Measurement, measurement, median } from './report.ts';
import { requireSameRows, writesOf } from './rows.ts';
import type { Effort } from './run.ts';
import {
  type Baseline,
  bookingSides,
  type Comparison,
  prepare,
  runSide,
  type Side,
  webhookSides,
} from './sides.ts';

const unconfirmed = `
select count(*)::int as left
from generate_series($1::bigint, $2::bigint) n
join public.bookings b on b.id = bench.id('booking', n)
where b.status <> 'confirmed'`;

async function requireConfirmed(database: BenchDatabase, first: number, count: number): Promise<void> {
  const found = await database.admin.query<{ left: number }>(unconfirmed, [first, first + count - 1]);
  const left = found.rows[0]?.left;
  if (left === 0) return;
  throw new StackError(
    `${left} of ${count} bookings were not confirmed by their webhook.`,
    'The measured calls did something else than they should; private.payment_events.outcome says what.',
  );
}

/**
 * One command next to its baselines, in turns, so that all meet the same noise. First a round that is not counted fills
 * the tables and compares what the sides write.
 */
export async function compare(
  database: BenchDatabase,
  effort: Effort,
  say: (text: string) => void,
  comparison: Comparison,
): Promise<Measurement[]> {
  const { command, baselines, clients } = comparison;
  const round = async (side: Side | Baseline, share: number) => {
    const first = await prepare(database, comparison, side, share * clients);
    const finished = await runSide(database, side, { clients, share, first });
    if (!('writes' in side) || side.writes !== 'others') {
      await comparison.check?.(database, first, share * clients);
    }
    return finished;
  };

  // of more connections each has fewer
  // enough that the first connection to end does not end before the last one is warm
  const calls = Math.max(Math.ceil((effort.bookings * 16) / clients), Math.ceil(effort.bookings / 2));
  const share = Math.ceil(calls / 4);
  const writes = async (side: Side | Baseline) => {
    const first = await prepare(database, comparison, side, share * clients);
    const load = { clients, share, first };
    return writesOf(database, share * clients, async () => void (await runSide(database, side, load)));
  };
  const written = await writes(command);
  for (const baseline of baselines) {
    if (baseline.writes !== 'others') requireSameRows(written, baseline.name, await writes(baseline));
  }
  const added = [...written].flatMap(([table, one]) =>
    one.added > 0.05 ? [`${format(one.added)} of ${table.replace(/^(public|private)\./, '')}`] : [],
  );
  say(`  each side adds: ${added.join(', ')}`);
  // Tables in use, and known to the planner: what it plans for empty ones reads each from end to end.
  await database.admin.query('vacuum (analyze)');

  const sides = [command, ...baselines];
  const rates = new Map(sides.map((side) => [side, [] as number[]]));
  for (let number = 1; number <= effort.rounds; number++) {
    for (const side of sides) {
      const finished = await round(side, calls);
      const warmUp = Math.min(effort.bookingWarmUp, calls / 2);
      rates.get(side)?.push(steadyPerSecond(finished, warmUp));
    }
    const last = sides.map((side) => `${side.name} ${format(rates.get(side)?.at(-1) ?? Number.NaN)}`);
    say(`  round ${number}: ${last.join(', ')} a second`);
  }
  const rate = (side: Side) => median(rates.get(side) ?? []);
  return baselines.map((baseline) =>
    measurement(`${command.name} / ${baseline.name}`, 'per second', rate(command), rate(baseline), {
      atLeast: baseline.atLeast,
    }),
  );
}

type Workload = (
  database: BenchDatabase,
  effort: Effort,
  say: (text: string) => void,
) => Promise<Measurement[]>;

export const benchBooking: Workload = (database, effort, say) => compare(database, effort, say, bookingSides);

export const benchWebhook: Workload = (database, effort, say) =>
  compare(database, effort, say, { ...webhookSides, check: requireConfirmed });

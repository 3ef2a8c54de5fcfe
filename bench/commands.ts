import { StackError } from '../local/errors.ts';
import type { BenchDatabase } from './database.ts';
import { steadyPerSecond } from './pgbench.ts';
import { format, type Measurement, measurement, median } from './report.ts';
import { requireSameRows, type Writes, writesOf } from './rows.ts';
import type { Effort } from './run.ts';
import { bookingSides, prepare, runSide, type Side, type Sides, webhookSides } from './sides.ts';

const clients = 16;

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
 * One command next to the same rows by plain statements, the same rules by an application, and bare rows; in turns, so
 * that all meet the same noise. First a round that is not counted fills the tables and compares what the sides write.
 */
async function compare(
  database: BenchDatabase,
  effort: Effort,
  say: (text: string) => void,
  sides: Sides,
  check?: typeof requireConfirmed,
): Promise<Record<'command' | 'rows' | 'application' | 'bare', number>> {
  const rate = async (side: Side, share: number) => {
    const first = await prepare(database, sides, share * clients);
    const finished = await runSide(database, side, { clients, share, first });
    if (side !== sides.bare) await check?.(database, first, share * clients);
    return steadyPerSecond(finished, Math.min(effort.bookingWarmUp, share / 2));
  };
  const written: Writes[] = [];
  for (const side of [sides.command, sides.rows, sides.application]) {
    const share = effort.bookings / 4;
    const first = await prepare(database, sides, share * clients);
    const load = { clients, share, first };
    written.push(
      await writesOf(database, share * clients, async () => void (await runSide(database, side, load))),
    );
  }
  const [command, plain, application] = written as [Writes, Writes, Writes];
  requireSameRows(command, sides.rows.name, plain);
  requireSameRows(command, sides.application.name, application);
  const added = [...command].flatMap(([table, one]) =>
    one.added > 0.05 ? [`${format(one.added)} of ${table.split('.')[1]}`] : [],
  );
  say(`  each side adds: ${added.join(', ')}`);
  // Tables in use, and known to the planner: what it plans for empty ones reads each from end to end.
  await database.admin.query('vacuum (analyze)');

  const found = {
    command: [] as number[],
    rows: [] as number[],
    application: [] as number[],
    bare: [] as number[],
  };
  for (let round = 1; round <= effort.rounds; round++) {
    for (const name of ['command', 'rows', 'application', 'bare'] as const) {
      found[name].push(await rate(sides[name], effort.bookings));
    }
    const last = Object.values(found).map((rates) => format(rates.at(-1) ?? Number.NaN));
    say(
      `  round ${round}: ${last[0]}; the same rows ${last[1]}, an application ${last[2]}, bare ${last[3]} a second`,
    );
  }
  return {
    command: median(found.command),
    rows: median(found.rows),
    application: median(found.application),
    bare: median(found.bare),
  };
}

function judged(
  name: string,
  rates: Awaited<ReturnType<typeof compare>>,
  goals: { rows: number; application: number },
): Measurement[] {
  const beside = (what: string, baseline: number, atLeast: number) =>
    measurement(`${name} / ${what}`, 'per second', rates.command, baseline, { atLeast });
  return [
    beside('the same rows', rates.rows, goals.rows),
    beside('an application', rates.application, goals.application),
    beside('bare rows', rates.bare, 0),
  ];
}

type Workload = (
  database: BenchDatabase,
  effort: Effort,
  say: (text: string) => void,
) => Promise<Measurement[]>;

/** create_booking: 16 connections, each booking a vehicle of its own. */
export const benchBooking: Workload = async (database, effort, say) =>
  judged('create_booking', await compare(database, effort, say, bookingSides), {
    rows: 0.75,
    application: 2,
  });

/**
 * What a verified webhook costs the database: the two transactions of function payment-webhooks, which store the
 * message and apply it. 16 connections, each with attempts of its own.
 */
export const benchWebhook: Workload = async (database, effort, say) =>
  judged('webhook', await compare(database, effort, say, webhookSides, requireConfirmed), {
    rows: 0.7,
    application: 2,
  });

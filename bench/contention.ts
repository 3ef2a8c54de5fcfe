import type { Client } from 'pg';
import { delay } from '../local/process.ts';
import type { BenchDatabase } from './database.ts';
import { runLoad } from './pgbench.ts';
import { type Measurement, measurement, quantile } from './report.ts';
import type { Effort } from './run.ts';

const clients = 64;
const gate = 72001;

/** Opens one gate after another, each when every connection waits at it. Ends when `over` does. */
async function openGates(gatekeeper: Client, rounds: number, isOver: () => boolean): Promise<void> {
  for (let round = 1; round <= rounds; round++) {
    if (round < rounds) await gatekeeper.query('select pg_advisory_lock($1, $2)', [gate, round + 1]);
    for (;;) {
      const found = await gatekeeper.query<{ waiting: number }>(
        "select count(*)::int as waiting from pg_locks where locktype = 'advisory' and classid = $1 and objid = $2 and not granted",
        [gate, round],
      );
      if (found.rows[0]?.waiting === clients || isOver()) break;
      await delay(10);
    }
    await gatekeeper.query('select pg_advisory_unlock($1, $2)', [gate, round]);
  }
}

/**
 * 64 connections ask for one vehicle and period at once, and in every other round each for its own. Warm
 * connections, one load, the two kinds of rounds in turns.
 */
export async function benchContention(
  database: BenchDatabase,
  effort: Effort,
  say: (text: string) => void,
): Promise<Measurement[]> {
  const warmUp = 4;
  const rounds = warmUp + 2 * effort.rushes;
  const made = await database.admin.query<{ first: string }>('select bench.make_quotes($1, $2) as first', [
    clients * rounds,
    clients,
  ]);
  const first = Number(made.rows[0]?.first);
  await database.admin.query('checkpoint');

  const gatekeeper = database.admin;
  await gatekeeper.query('select pg_advisory_lock($1, 1)', [gate]);
  let over = false;
  const load = runLoad(database, {
    scripts: ['contention-gate', 'prelude', 'contention'],
    clients,
    transactions: 2 * rounds,
    variables: { step: 0, round: 0, first },
    latencies: true,
  }).finally(() => {
    over = true;
  });
  const [{ finished }] = await Promise.all([load, openGates(gatekeeper, rounds, () => over)]);

  const booked = await database.admin.query<{ n: string }>(
    "select n from generate_series($1::bigint, $2::bigint) n join public.bookings b on b.quote_id = bench.id('quote', n)",
    [first, first + clients * rounds - 1],
  );
  const winners = new Set(booked.rows.map((row) => Number(row.n) - first));
  const refusals: number[] = [];
  const uncontended: number[] = [];
  let soleWinners = 0;
  for (let round = warmUp; round < rounds; round++) {
    const contended = round % 2 === 0;
    let won = 0;
    for (let client = 0; client < clients; client++) {
      // Each round is two transactions of a connection: the gate and the call.
      const milliseconds = finished[client]?.[2 * round + 1]?.milliseconds ?? Number.NaN;
      const isWinner = winners.has(round * clients + client);
      if (isWinner) won += 1;
      if (!contended) uncontended.push(isWinner ? milliseconds : Number.NaN);
      else if (!isWinner) refusals.push(milliseconds);
    }
    if (contended && won === 1) soleWinners += 1;
  }
  say(`  ${refusals.length} refusals in ${effort.rushes} rushes, ${uncontended.length} uncontended calls`);
  const below = { below: 3 };
  return [
    measurement('contention: rushes with one winner', 'rushes', soleWinners, effort.rushes, { atLeast: 1 }),
    ...([0.5, 0.95] as const).map((share) =>
      measurement(
        `contention: refusal, ${share === 0.5 ? 'median' : 'p95'}`,
        'ms',
        quantile(refusals, share),
        quantile(uncontended, share),
        below,
      ),
    ),
  ];
}

import { type Call, runApplication } from './application.ts';
import { createBooking } from './application-booking.ts';
import { applyWebhook } from './application-webhook.ts';
import type { BenchDatabase } from './database.ts';
import { type Finished, runLoad } from './pgbench.ts';
import { setTriggers } from './rows.ts';

/** One side of a comparison: one way to do what a command does, from many connections at once. */
export interface Side {
  name: string;
  /** Files of `bench/scripts`, joined in this order into one script of pgbench; or an application. */
  does: string[] | Call;
  /** Triggers are off: it writes by itself what they would. */
  plain: boolean;
}

/** The ways to do what one command does. */
export interface Sides {
  command: Side;
  /** The same rows, without a rule. */
  rows: Side;
  /** The same rules by an application. */
  application: Side;
  /** As many rows as there are transactions, in a table with nothing. */
  bare: Side;
  /** The function that makes what `count` calls use up, and answers the number of the first. */
  make: string;
}

const booking = (script: string) => ['booking-pick', 'prelude', script];
const webhook = (record: string, apply: string) => [
  ...['booking-pick', 'prelude-service', record, 'prelude-service', apply],
];

export const bookingSides: Sides = {
  command: { name: 'create_booking', does: booking('booking'), plain: false },
  rows: { name: 'the same rows', does: booking('booking-rows'), plain: true },
  application: { name: 'an application', does: createBooking, plain: true },
  bare: { name: 'one bare row', does: booking('booking-plain'), plain: false },
  make: 'make_quotes',
};

export const webhookSides: Sides = {
  command: { name: 'webhook', does: webhook('webhook-record', 'webhook-apply'), plain: false },
  rows: { name: 'the same rows', does: webhook('webhook-record-rows', 'webhook-apply-rows'), plain: true },
  application: { name: 'an application', does: applyWebhook, plain: true },
  bare: { name: 'two bare rows', does: webhook('booking-plain', 'booking-plain'), plain: false },
  make: 'make_attempts',
};

/** Makes what `count` calls use up, and answers the number of the first. */
export async function prepare(database: BenchDatabase, sides: Sides, count: number): Promise<number> {
  const made = await database.admin.query<{ first: string }>(`select bench.${sides.make}($1) as first`, [
    count,
  ]);
  return Number(made.rows[0]?.first);
}

export interface SideLoad {
  clients: number;
  /** Calls of each connection. */
  share: number;
  /** The number of the first call. */
  first: number;
}

/** Runs one side and gives every call of each connection, in order. */
export async function runSide(database: BenchDatabase, side: Side, load: SideLoad): Promise<Finished[][]> {
  if (side.plain) await setTriggers(database, false);
  try {
    if (!Array.isArray(side.does)) return await runApplication(database, side.does, load);
    const { finished } = await runLoad(database, {
      scripts: side.does,
      clients: load.clients,
      transactions: load.share,
      variables: { done: 0, share: load.share, first: load.first },
      latencies: true,
    });
    return finished;
  } finally {
    if (side.plain) await setTriggers(database, true);
  }
}

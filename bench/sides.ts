import { type Call, runApplication } from './application.ts';
import { createBooking } from './application-booking.ts';
import { applyWebhook } from './application-webhook.ts';
import type { BenchDatabase } from './database.ts';
import { type Finished, runLoad } from './pgbench.ts';
import { capture, type Replayed } from './replay.ts';
import { setTriggers } from './rows.ts';

/** One side of a comparison: one way to do what a command does, from many connections at once. */
export interface Side {
  name: string;
  /** Files of `bench/scripts`, joined in this order into one script of pgbench; or an application. */
  does: string[] | Call;
}

/** What a command is compared with. */
export interface Baseline extends Side {
  /**
   * Which rows it writes: those that the command was seen to write, with nothing else done; those of the command, by
   * rules of its own; or others.
   */
  writes: 'replayed' | 'same' | 'others';
  /** Triggers are off: it writes by itself what they would. */
  plain: boolean;
  /** What the command's rate has to be of its rate. */
  atLeast: number;
}

/** One command, and other ways to do what it does. */
export interface Comparison {
  command: Side;
  baselines: Baseline[];
  clients: number;
  /** The function that makes what `count` calls use up, and answers the number of the first. */
  make: string;
  replayed: Replayed;
  /** What must hold of a round's calls, of whatever side writes the command's rows. */
  check?: (database: BenchDatabase, first: number, count: number) => Promise<void>;
}

const booking = (script: string) => ['booking-pick', 'prelude', script];
const webhook = (record: string, apply: string) => [
  ...['booking-pick', 'prelude-service', record, 'prelude-service', apply],
];

/** create_booking: 16 connections, each booking a vehicle of its own. */
export const bookingSides: Comparison = {
  command: { name: 'create_booking', does: booking('booking') },
  baselines: [
    {
      ...{ name: 'the same rows', does: booking('booking-rows') },
      ...{ writes: 'replayed', plain: true, atLeast: 0.75 },
    },
    { name: 'an application', does: createBooking, writes: 'same', plain: true, atLeast: 2 },
    { name: 'a bare row', does: booking('booking-plain'), writes: 'others', plain: false, atLeast: 0 },
  ],
  clients: 16,
  make: 'make_quotes',
  replayed: { name: 'booking', answers: ['public.bookings'] },
};

/**
 * What a verified webhook costs the database: the two transactions of function payment-webhooks, which store the
 * message and apply it. 16 connections, each with attempts of its own.
 */
export const webhookSides: Comparison = {
  command: { name: 'webhook', does: webhook('webhook-record', 'webhook-apply') },
  baselines: [
    {
      ...{ name: 'the same rows', does: webhook('webhook-record-rows', 'webhook-apply-rows') },
      ...{ writes: 'replayed', plain: true, atLeast: 0.7 },
    },
    { name: 'an application', does: applyWebhook, writes: 'same', plain: true, atLeast: 2 },
    {
      ...{ name: 'two bare rows', does: webhook('booking-plain', 'booking-plain') },
      ...{ writes: 'others', plain: false, atLeast: 0 },
    },
  ],
  clients: 16,
  make: 'make_attempts',
  replayed: { name: 'webhook', answers: [null, null] },
};

const isBaseline = (side: Side | Baseline): side is Baseline => 'writes' in side;

/** Makes what `count` calls of one side use up, and answers the number of the first. */
export async function prepare(
  database: BenchDatabase,
  comparison: Comparison,
  side: Side | Baseline,
  count: number,
): Promise<number> {
  const made = await database.admin.query<{ first: string }>(`select bench.${comparison.make}($1) as first`, [
    count,
  ]);
  const first = Number(made.rows[0]?.first);
  if (isBaseline(side) && side.writes === 'replayed') {
    await capture(database, comparison.replayed, first, count);
  }
  return first;
}

export interface SideLoad {
  clients: number;
  /** Calls of each connection. */
  share: number;
  /** The number of the first call. */
  first: number;
}

/** Runs one side and gives every call of each connection, in order. */
export async function runSide(
  database: BenchDatabase,
  side: Side | Baseline,
  load: SideLoad,
): Promise<Finished[][]> {
  const plain = isBaseline(side) && side.plain;
  if (plain) await setTriggers(database, false);
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
    if (plain) await setTriggers(database, true);
  }
}

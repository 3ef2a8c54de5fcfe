import type { BenchDatabase } from './database.ts';

/** One side of a comparison: a transaction script of pgbench, and what it needs in the tables. */
export interface Side {
  name: string;
  /** Files of `bench/scripts`, joined in this order. */
  scripts: string[];
  /** Makes what `count` transactions use up, and returns the number of the first. */
  prepare(database: BenchDatabase, count: number): Promise<number>;
}

async function firstOf(database: BenchDatabase, make: string, count: number): Promise<number> {
  const made = await database.admin.query<{ first: string }>(`select bench.${make}($1) as first`, [count]);
  return Number(made.rows[0]?.first);
}

const quotes = (database: BenchDatabase, count: number) => firstOf(database, 'make_quotes', count);
// Made for both sides, so that both find the same caches and the same distance from the last checkpoint.
const attempts = (database: BenchDatabase, count: number) => firstOf(database, 'make_attempts', count);

export const bookingSides = {
  command: { name: 'create_booking', scripts: ['booking-pick', 'prelude', 'booking'], prepare: quotes },
  bare: { name: 'one bare row', scripts: ['booking-pick', 'prelude', 'booking-plain'], prepare: quotes },
} satisfies Record<string, Side>;

export const webhookSides = {
  command: {
    name: 'webhook',
    scripts: ['booking-pick', 'prelude-service', 'webhook-record', 'prelude-service', 'webhook-apply'],
    prepare: attempts,
  },
  bare: {
    name: 'two bare rows',
    scripts: ['booking-pick', 'prelude-service', 'booking-plain', 'prelude-service', 'booking-plain'],
    prepare: attempts,
  },
} satisfies Record<string, Side>;

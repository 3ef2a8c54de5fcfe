import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, DatabaseError } from 'pg';
import { socketFolder } from '../local/cluster/settings.ts';
import { databaseUrl, projectRoot } from '../local/config.ts';
import { StackError } from '../local/errors.ts';
import { type BenchDatabase, sqlFile } from './database.ts';
import { type Load, runLoad, statementTimeout, steadyLoad, steadyPerSecond } from './pgbench.ts';
import { format, type Measurement, measurement, median } from './report.ts';
import type { Effort } from './run.ts';

/** How large the database of tickets is. */
interface Size {
  people: number;
  seatRows: number;
  ticketRows: number;
  waiting: [few: number, many: number];
  rooms: number;
  seconds: number;
  rounds: number;
  joins: number;
}

// each round has many transactions, and a design more in each
const mostRounds = 3;

const sizeOf = ({ room, rounds }: Effort): Size => {
  const fewer = Math.min(rounds, mostRounds);
  return { ...(room >= 1000 ? sizes.full : sizes.quick), rounds: fewer, rooms: fewer + 1 };
};
const sizes = {
  full: {
    ...{ people: 20_000, seatRows: 200, ticketRows: 400_000, seconds: 5, joins: 400 },
    waiting: [1000, 1_000_000] as [number, number],
  },
  quick: {
    ...{ people: 20_000, seatRows: 64, ticketRows: 100_000, seconds: 2, joins: 100 },
    waiting: [1000, 50_000] as [number, number],
  },
};

/** Makes a database with the migrations, the events of `sql/tickets.sql` and nothing else, and drops it afterwards. */
async function withTickets<T>(
  database: BenchDatabase,
  size: Size,
  work: (tickets: BenchDatabase) => Promise<T>,
): Promise<T> {
  await database.admin.query('drop database if exists tickets with (force)');
  await database.admin.query('create database tickets template pristine');
  const url = new URL(databaseUrl(database.config, 'supabase_admin'));
  url.pathname = '/tickets';
  const settings = {
    people: size.people,
    seat_rows: size.seatRows,
    ticket_rows: size.ticketRows,
    few: size.waiting[0],
    many: size.waiting[1],
    rooms: size.rooms,
  };
  const options = Object.entries(settings)
    .map(([name, value]) => `-c bench.${name}=${value}`)
    .join(' ');
  const admin = new Client({ connectionString: url.href, options });
  await admin.connect();
  try {
    await admin.query(sqlFile('schema.sql'));
    await admin.query(readFileSync(join(projectRoot, 'supabase', 'tests', 'helpers.psql'), 'utf8'));
    await admin.query(sqlFile('tickets.sql'));
    await admin.query('vacuum (analyze)');
    await admin.query('checkpoint');
    const scale = { vehicles: 1, renters: size.people };
    return await work({ ...database, admin, scale, name: 'tickets' });
  } finally {
    await admin.end();
    await database.admin.query('drop database if exists tickets with (force)');
  }
}

interface Side {
  name: string;
  run(round: number): Promise<number>;
  goal?: number;
}

/** The first side next to the others, in turns; a ratio is the median of the ratios of each round. */
async function beside(
  rounds: number,
  one: Side,
  others: Side[],
  say: (text: string) => void,
): Promise<Measurement[]> {
  const sides = [one, ...others];
  const rates = sides.map(() => [] as number[]);
  // new connections compile and plan, and tables fill
  for (const side of sides) await side.run(0);
  for (let round = 1; round <= rounds; round++) {
    for (const [i, side] of sides.entries()) rates[i]?.push(await side.run(round));
    const last = sides.map((side, i) => `${side.name} ${format(rates[i]?.at(-1) ?? Number.NaN)}`);
    say(`  round ${round}: ${last.join(', ')} a second`);
  }
  const mine = rates[0] ?? [];
  return others.map(({ name, goal = 0 }, i) => {
    const theirs = rates[i + 1] ?? [];
    const ratio = median(mine.map((rate, round) => rate / (theirs[round] ?? Number.NaN)));
    const found = measurement(`${one.name} / ${name}`, 'per second', median(mine), median(theirs), {
      atLeast: goal,
    });
    return { ...found, ratio, ok: ratio >= goal };
  });
}

const perSecond = (
  tickets: BenchDatabase,
  size: Size,
  scripts: string[],
  clients: number,
  more: Partial<Load> = {},
) => steadyLoad(tickets, { scripts, clients, seconds: size.seconds, ...more });

/** One hot kind of ticket, ordered by everybody at once. */
async function benchHotClass(
  tickets: BenchDatabase,
  size: Size,
  say: (text: string) => void,
): Promise<Measurement[]> {
  const measured: Measurement[] = [];
  for (const clients of [16, 64]) {
    const order = (script: string) =>
      // of 64 who wait for one lock, some wait longer than the platform lets them; here the rate is asked for
      perSecond(tickets, size, ['ticket-pick', 'prelude', script], clients, { statementTimeout: 120_000 });
    const side = (name: string, script: string, goal: number): Side => ({ name, run: order(script), goal });
    measured.push(
      ...(await beside(
        size.rounds,
        side(`create_order, ${clients} connections`, 'ticket-order', 0),
        [
          side('a counter, locked first', 'ticket-order-counter-first', 4),
          side('a counter, locked last', 'ticket-order-counter-last', 4),
          side('a row per ticket', 'ticket-order-ticket-rows', 4),
          side('a bare row', 'ticket-order-plain', 0.3),
        ],
        say,
      )),
      ...(await beside(
        size.rounds,
        side(`shards alone, ${clients} connections`, 'ticket-stock-shards', 0),
        [
          side('a counter alone', 'ticket-stock-counter', 0),
          side('a row per ticket alone', 'ticket-stock-rows', 0),
        ],
        say,
      )),
    );
  }
  const { rows } = await tickets.admin.query<{ miscounted: number }>(`
    select (select count(*) from private.invariant_stock_does_not_add_up())::int
      + (select count(*) from public.order_items i join bench.events e on e.n = 0 and e.class_id = i.class_id
         where not exists (select from private.ticket_holds h where h.order_id = i.order_id)
           and not exists (select from bench.counted_holds h where h.order_id = i.order_id)
           and not exists (select from bench.ticket_rows t where t.order_id = i.order_id))::int as miscounted`);
  if (rows[0]?.miscounted !== 0)
    throw new StackError(
      `${rows[0]?.miscounted} orders have no stock.`,
      'A design of bench/sql/tickets.sql is wrong.',
    );
  return measured;
}

interface SeatCall {
  at: number;
  served: boolean;
}

interface Hall {
  event_id: string;
  class_id: string;
}

/** Orders a pair side by side as a request does, and answers why it was refused, or null. */
async function orderPair(client: Client, { event_id, class_id }: Hall, user: string): Promise<string | null> {
  const claims = JSON.stringify({ sub: user, role: 'authenticated', session_id: user });
  try {
    await client.query('begin');
    await client.query(
      // over HTTP a refusal is an answer
      "select set_config('role', 'authenticated', true), set_config('request.method', 'POST', true), set_config('request.jwt.claims', $1, true)",
      [claims],
    );
    const { rows } = await client.query<{ answer: { id?: string } }>({
      name: 'order',
      text: 'select to_jsonb(public.create_order($1, $2, gen_random_uuid())) as answer',
      values: [event_id, JSON.stringify([{ class_id, quantity: 2 }])],
    });
    await client.query('commit');
    const answer = rows[0]?.answer ?? {};
    return typeof answer.id === 'string' ? null : JSON.stringify(answer);
  } catch (error) {
    await client.query('rollback');
    // a call that takes longer than the platform lets it is refused as well; everything else is a fault
    if (error instanceof DatabaseError && error.code === '57014') return error.message;
    throw error;
  }
}

/** Pairs side by side, until a hall is sold: which share is served while pairs are there. */
async function benchSeats(
  tickets: BenchDatabase,
  size: Size,
  say: (text: string) => void,
): Promise<Measurement[]> {
  const { rows: halls } = await tickets.admin.query<Hall>(
    'select event_id, class_id from bench.events where n in (1, 4) order by n',
  );
  const { rows: people } = await tickets.admin.query<{ id: string }>(
    "select bench.id('renter', n) as id from generate_series(0, $1::int - 1) n",
    [size.people],
  );
  const [hall, warmHall] = halls;
  if (!hall || !warmHall) throw new Error('there is no hall');
  const clients: Client[] = [];
  const calls: SeatCall[] = [];
  const refusals = new Map<string, number>();
  let next = 0;
  let refused = 0;
  const order = (client: Client, where: Hall) =>
    orderPair(client, where, people[next++ % people.length]?.id ?? '');
  let began = 0;
  try {
    for (let i = 0; i < 64; i++) {
      const client = new Client({
        ...{ host: socketFolder, port: tickets.config.ports.db, database: 'tickets' },
        ...{ user: 'authenticator', password: 'postgres' },
      });
      clients.push(client);
      await client.connect();
      await client.query(`set statement_timeout = ${statementTimeout}`);
      // one after the other, in a hall of its own: compiling and planning is no part of this
      for (let call = 0; call < 6; call++) await order(client, warmHall);
    }
    began = performance.now();
    await Promise.all(
      clients.map(async (client) => {
        // the hall is sold when a whole round of everybody is refused
        while (refused < clients.length) {
          const refusal = await order(client, hall);
          calls.push({ at: performance.now(), served: refusal === null });
          refused = refusal === null ? 0 : refused + 1;
          if (refusal === null) continue;
          const why = /"code\W+([a-z_]+)/.exec(refusal)?.[1] ?? refusal;
          refusals.set(why, (refusals.get(why) ?? 0) + 1);
        }
      }),
    );
  } finally {
    for (const client of clients) await client.end();
  }
  const last = Math.max(...calls.filter(({ served }) => served).map(({ at }) => at));
  const before = calls.filter(({ at }) => at <= last);
  const served = before.filter((call) => call.served).length;
  const { rows: found } = await tickets.admin.query<{ taken: number; apart: number }>(`
    select count(*)::int as taken, count(*) filter (where s.apart <> 1)::int as apart
    from (select a.order_id, max(p.position) - min(p.position) as apart from public.seat_allocations a join public.seats p on p.id = a.seat_id
          where a.is_live and a.class_id = (select class_id from bench.events where n = 1) group by 1) s`);
  if (found[0]?.apart !== 0 || found[0]?.taken !== served)
    throw new StackError(
      `${found[0]?.apart} pairs are not side by side, and ${found[0]?.taken} have seats of ${served}.`,
      'private.take_best_seats is wrong.',
    );
  const seats = size.seatRows * 100;
  say(
    `  ${served} pairs in a hall of ${seats} in ${((last - began) / 1000).toFixed(1)} s, ${seats - 2 * served} seats left; refused: ${[...refusals].map(([why, n]) => `${n} × ${why}`).join(', ') || 'nobody'}`,
  );
  const name = `pairs side by side in a hall of ${seats.toLocaleString('en')}, 64 connections`;
  return [
    measurement(`${name}: served while there are seats`, 'calls', served, before.length, { atLeast: 0.95 }),
    measurement(`${name}: seats sold`, 'seats', 2 * served, seats, { atLeast: 0.95 }),
  ];
}

/** Joining a queue at once, and asking for one's place in a small queue and in a huge one. */
async function benchQueue(
  tickets: BenchDatabase,
  size: Size,
  say: (text: string) => void,
): Promise<Measurement[]> {
  const clients = 16;
  const joining = (script: string) => async (round: number) => {
    const { finished } = await runLoad(tickets, {
      scripts: ['ticket-join-pick', 'prelude', script],
      ...{ clients, transactions: size.joins, latencies: true },
      variables: { done: 0, share: size.joins, room: 10 + round },
    });
    return steadyPerSecond(finished, Math.ceil(size.joins / 8));
  };
  const joins = await beside(
    size.rounds,
    { name: 'join_queue', run: joining('ticket-join') },
    [{ name: 'a bare row', run: joining('ticket-join-plain'), goal: 0.5 }],
    say,
  );
  const status = (prelude: string, script: string, many: 0 | 1) =>
    perSecond(tickets, size, ['ticket-waiting-pick', prelude, script], clients, {
      variables: { waiting: size.waiting[many], room: 2 + many },
    });
  const [few, many] = size.waiting.map((count) => count.toLocaleString('en'));
  const polls = await beside(
    size.rounds,
    { name: `queue_status, ${many} waiting`, run: status('prelude', 'ticket-status', 1) },
    [
      { name: 'a row by its key', run: status('prelude-service', 'ticket-status-plain', 1), goal: 0.7 },
      // a fifth is within what rounds differ by
      { name: `${few} waiting`, run: status('prelude', 'ticket-status', 0), goal: 0.8 },
    ],
    say,
  );
  // everybody's last sign of life is a minute old: asking writes one
  await tickets.admin.query(
    "update public.queue_entries set seen_at = now() - interval '1 minute' where event_id = (select event_id from bench.events where n = 3)",
  );
  const kept = await beside(
    Math.min(size.rounds, 3),
    { name: 'queue_status that keeps the place', run: status('prelude', 'ticket-status', 1) },
    [{ name: 'a row by its key', run: status('prelude-service', 'ticket-status-plain', 1) }],
    say,
  );
  return [...joins, ...polls, ...kept];
}

/** Ticketing and the waiting room. */
export async function benchTickets(
  database: BenchDatabase,
  effort: Effort,
  say: (text: string) => void,
): Promise<Measurement[]> {
  const size = sizeOf(effort);
  return withTickets(database, size, async (tickets) => [
    ...(await benchQueue(tickets, size, say)),
    ...(await benchSeats(tickets, size, say)),
    ...(await benchHotClass(tickets, size, say)),
  ]);
}

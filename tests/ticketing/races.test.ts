import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { providerSays } from '../support/acts.ts';
import {
  type Act,
  allAtOnce,
  invariantViolations,
  openWorld,
  surprises,
  tally,
  type World,
} from '../support/sql.ts';

let world: World;
let owner: string;
let people: string[];

beforeAll(async () => {
  world = await openWorld();
  await world.sql.query('update private.rate_limits set capacity = 10000, per_minute = 10000');
  owner = await world.make('make_user', 'owner');
  const { rows } = await world.sql.query<{ id: string }>(
    "select tests.make_user('buyer') as id from generate_series(1, 64)",
  );
  people = rows.map(({ id }) => id);
});

afterAll(() => world?.close());

const event = (kind: object, config: object = {}): Promise<string> =>
  world.make('make_event', owner, JSON.stringify(kind), JSON.stringify(config));
const classOf = (of: string, name = 'Standard'): Promise<string> => world.make('class_of', of, name);
const addClass = (of: string, kind: object): Promise<string> =>
  as(owner, '(private.add_ticket_class($1, $2, gen_random_uuid())).id', of, JSON.stringify(kind));

/** One command by one person, which must succeed. */
async function as<T = string>(user: string, text: string, ...args: unknown[]): Promise<T> {
  const [outcome] = await allAtOnce([{ user, text, args }]);
  expect(outcome?.error, text).toBeNull();
  return outcome?.value as T;
}

/** An order of so many tickets of each class, in this order. */
const order = (user: string, of: string, items: Record<string, number>, more: object = {}): Act => ({
  user,
  text: '(private.create_order($1, $2, $3, null, null, null)).id',
  args: [
    of,
    JSON.stringify(Object.entries(items).map(([class_id, quantity]) => ({ class_id, quantity, ...more }))),
    randomUUID(),
  ],
});
const setTotal = (kind: string, total: number): Act => ({
  user: owner,
  text: '(private.set_ticket_total($1, $2)).total',
  args: [kind, total],
});

/** What a class has: capacity, and what is held and sold of it. */
async function stock(kind: string): Promise<{ capacity: number; held: number; sold: number }> {
  const { rows } = await world.sql.query(
    'select sum(capacity)::int as capacity, sum(held)::int as held, sum(sold)::int as sold from private.stock_shards where pool_id = $1',
    [kind],
  );
  return rows[0];
}

describe('the stock of tickets', () => {
  it('is sold to the last ticket and not once more when 64 people want it at once', async () => {
    for (const each of [1, 2, 3]) {
      const show = await event({ total: 40 });
      const kind = await classOf(show);
      const outcomes = await allAtOnce(people.map((user) => order(user, show, { [kind]: each })));
      const fit = Math.floor(40 / each);
      expect(tally(outcomes)).toEqual({ ok: fit, sold_out: 64 - fit });
      expect(await stock(kind)).toEqual({ capacity: 40, held: fit * each, sold: 0 });
    }
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('is never below what is held while it is raised and lowered during the rush', async () => {
    const show = await event({ total: 100 });
    const kind = await classOf(show);
    const changes = [60, 140, 30, 90, 20, 120, 50, 70].map((total) => setTotal(kind, total));
    const orders = people.slice(0, 50).map((user) => order(user, show, { [kind]: 2 }));
    const outcomes = await allAtOnce([...orders, ...changes]);
    expect(surprises(outcomes, 'sold_out', 'capacity_below_sold')).toEqual([]);
    const { capacity, held } = await stock(kind);
    expect(held).toBe(2 * (tally(outcomes.slice(0, 50)).ok ?? 0));
    expect(held).toBeLessThanOrEqual(capacity);
    expect(await world.value('select total from public.ticket_classes where id = $1', kind)).toBe(capacity);
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('is taken in several pools by orders that name them in any order, without a deadlock', async () => {
    const show = await event({ total: 100 });
    const [one, two] = [
      await classOf(show),
      await addClass(show, { name: 'Student', price: 100000, total: 100 }),
    ];
    await as(owner, 'private.set_capacity_pool($1, $2, 60, $3::uuid[])', show, 'Hall', `{${one},${two}}`);
    const outcomes = await allAtOnce(
      people.map((user, i) => order(user, show, i % 2 ? { [one]: 1, [two]: 1 } : { [two]: 1, [one]: 1 })),
    );
    expect(tally(outcomes)).toEqual({ ok: 30, sold_out: 34 });
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('gives what is over to one of those who want it while late money wants it back and a job runs', async () => {
    const show = await event({ total: 20 });
    const kind = await classOf(show);
    const first = await allAtOnce(people.slice(0, 20).map((user) => order(user, show, { [kind]: 1 })));
    const held = first.map(({ value }) => String(value));
    const references: string[] = [];
    for (const id of held) references.push(await world.make('start_payment', id));
    for (const id of held.slice(0, 14)) await world.make('order_runs_out', id);
    // 14 holds are over, 6 are in time
    const money = references.map((reference) => providerSays(reference));
    const buyers = people.slice(20, 50).map((user) => order(user, show, { [kind]: 1 }));
    const jobs: Act[] = [
      { text: 'private.release_stock()' },
      { text: 'private.expire_overdue_payments()' },
      { text: 'private.release_stock()' },
    ];
    const outcomes = await allAtOnce([...money, ...buyers, ...jobs]);
    expect(surprises(outcomes, 'sold_out')).toEqual([]);
    // money in time is never refused
    expect(outcomes.slice(14, 20).map(({ value }) => value)).toEqual(Array(6).fill('applied'));
    const late = outcomes.slice(0, 14).filter(({ value }) => value === 'applied').length;
    const bought = tally(outcomes.slice(20, 50)).ok ?? 0;
    expect(await stock(kind)).toEqual({ capacity: 20, held: bought, sold: 6 + late });
    expect(late + bought).toBe(14);
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('keeps the limit of one person who orders on many devices at once', async () => {
    const show = await event({ total: 100 }, { max_per_user: 3, max_per_order: 3 });
    const kind = await classOf(show);
    const user = people[0] ?? '';
    const outcomes = await allAtOnce(Array.from({ length: 8 }, () => order(user, show, { [kind]: 1 })));
    expect(tally(outcomes).ok).toBe(3);
    expect((await stock(kind)).held).toBe(3);
  });

  it('is right after orders are cancelled while others buy', async () => {
    const show = await event({ total: 30, price: 0, name: 'Free' }, { returns_hours: 1 });
    const kind = await classOf(show, 'Free');
    const first = await allAtOnce(people.slice(0, 15).map((user) => order(user, show, { [kind]: 2 })));
    expect(tally(first)).toEqual({ ok: 15 });
    const cancels: Act[] = first.map(({ value }, i) => ({
      user: people[i] ?? '',
      text: 'private.cancel_order($1, 0, gen_random_uuid(), null, null)',
      args: [value],
    }));
    const outcomes = await allAtOnce([
      ...cancels,
      ...people.slice(15, 60).map((user) => order(user, show, { [kind]: 1 })),
    ]);
    expect(surprises(outcomes, 'sold_out')).toEqual([]);
    const again = await allAtOnce(people.slice(15, 60).map((user) => order(user, show, { [kind]: 1 })));
    expect(surprises(again, 'sold_out')).toEqual([]);
    expect(await stock(kind)).toEqual({ capacity: 30, held: 0, sold: 30 });
    expect(await invariantViolations(world)).toEqual([]);
  });
});

describe('seats', () => {
  async function hall(rows: number, width: number): Promise<{ show: string; stalls: string }> {
    const show = await event({ total: 1 });
    const stalls = await addClass(show, { name: 'Stalls', price: 100000, has_seats: true });
    const seats = JSON.stringify(Array.from({ length: width }, (_, i) => ({ number: String(i + 1) })));
    for (let row = 1; row <= rows; row += 1)
      await as(owner, 'private.add_seat_row($1, $2, $3, $4, $5)', stalls, 'Stalls', String(row), row, seats);
    return { show, stalls };
  }

  it('are given in pairs side by side to 64 people at once, each seat once', async () => {
    const { show, stalls } = await hall(8, 20);
    const outcomes = await allAtOnce(people.map((user) => order(user, show, { [stalls]: 2 })));
    expect(tally(outcomes)).toEqual({ ok: 64 });
    const { rows } = await world.sql.query(
      `select a.order_id, max(s.position) - min(s.position) as apart, count(distinct s.row_id)::int as rows
       from public.seat_allocations a join public.seats s on s.id = a.seat_id where a.class_id = $1 and a.is_live group by 1`,
      [stalls],
    );
    expect(rows).toHaveLength(64);
    expect(rows.every(({ apart, rows: n }) => apart === 1 && n === 1)).toBe(true);
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('are sold to the last pair when more people come than there are pairs', async () => {
    const { show, stalls } = await hall(4, 10);
    const outcomes = await allAtOnce(people.slice(0, 40).map((user) => order(user, show, { [stalls]: 2 })));
    expect(surprises(outcomes, 'sold_out', 'seats_not_together')).toEqual([]);
    expect(tally(outcomes).ok).toBe(20);
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('are given once when many people choose the same ones', async () => {
    // Two seats that nobody chooses: a late person is told that the seats are taken, never that all is sold.
    const { show, stalls } = await hall(1, 6);
    const { rows } = await world.sql.query<{ id: string }>(
      'select id from public.seats where class_id = $1 order by position',
      [stalls],
    );
    const ids = rows.map(({ id }) => id);
    const outcomes = await allAtOnce(
      people.slice(0, 16).map((user, i) => ({
        user,
        text: "(private.create_order($1, '[]', gen_random_uuid(), $2::uuid[], null, null)).id",
        args: [show, `{${(i % 2 ? ids.slice(0, 2) : ids.slice(2, 4)).join(',')}}`],
      })),
    );
    expect(tally(outcomes)).toEqual({ ok: 2, seat_taken: 14 });
    expect(await invariantViolations(world)).toEqual([]);
  });
});

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
    "select tests.make_user('buyer') as id from generate_series(1, 60)",
  );
  people = rows.map(({ id }) => id);
});

afterAll(() => world?.close());

const order = (user: string, show: string, kind: string, quantity = 1): Act => ({
  user,
  text: '(private.create_order($1, $2, $3, null, null, null)).id',
  args: [show, JSON.stringify([{ class_id: kind, quantity }]), randomUUID()],
});
const join = (user: string, kind: string, quantity = 1): Act => ({
  user,
  text: "private.join_waiting_list($1, $2, null) ->> 'status'",
  args: [kind, quantity],
});
const leave = (user: string, kind: string): Act => ({
  user,
  text: "private.leave_waiting_list($1) ->> 'status'",
  args: [kind],
});
const cancel = (user: string, bought: string): Act => ({
  user,
  text: "private.cancel_order($1, 0, gen_random_uuid(), null, null) ->> 'status'",
  args: [bought],
});

async function soldOut(
  total: number,
  each: number,
): Promise<{ show: string; kind: string; bought: string[] }> {
  const show = await world.make(
    'make_event',
    owner,
    JSON.stringify({ total, price: 0 }),
    '{"returns_hours": 1, "max_per_order": 4}',
  );
  const kind = await world.make('class_of', show);
  const bought = [];
  for (let i = 0; i < total / each; i += 1)
    bought.push(await world.make<string>('make_order', people[i] ?? '', show, each));
  return { show, kind, bought };
}

const stock = async (kind: string) =>
  (
    await world.sql.query(
      'select sum(capacity)::int as capacity, sum(held)::int as held, sum(sold)::int as sold from private.stock_shards where pool_id = $1',
      [kind],
    )
  ).rows[0];
const places = async (kind: string): Promise<Record<string, number>> =>
  Object.fromEntries(
    (
      await world.sql.query<{ status: string; n: number }>(
        'select status, count(*)::int as n from public.waiting_list_entries where class_id = $1 group by 1',
        [kind],
      )
    ).rows.map(({ status, n }) => [status, n]),
  );
/** Places that ask for no more than is free, and wait: there must be none. */
const forgotten = (kind: string): Promise<number> =>
  world.value(
    `select count(*)::int from public.waiting_list_entries w where w.class_id = $1 and w.status = 'waiting'
       and w.quantity <= (select sum(s.capacity - s.held - s.sold) from private.stock_shards s where s.pool_id = w.class_id)`,
    kind,
  );

describe('a waiting list', () => {
  it('gets all that comes back while others try to buy it, in order, and no ticket is lost or sold twice', async () => {
    const { show, kind, bought } = await soldOut(20, 2);
    for (const user of people.slice(10, 25)) await allAtOnce([join(user, kind)]);
    const outcomes = await allAtOnce([
      ...bought.map((id, i) => cancel(people[i] ?? '', id)),
      ...people.slice(30, 55).map((user) => order(user, show, kind)),
    ]);
    expect(surprises(outcomes.slice(0, 10))).toEqual([]);
    // 20 came back for 15 who wait; the last 5 are for anybody
    expect(surprises(outcomes.slice(10), 'sold_out')).toEqual([]);
    expect(tally(outcomes.slice(10)).ok ?? 0).toBeLessThanOrEqual(5);
    expect(await places(kind)).toEqual({ offered: 15 });
    const { held, sold, capacity } = await stock(kind);
    expect(held).toBe(15);
    expect(held + sold).toBeLessThanOrEqual(capacity);
    expect(await invariantViolations(world)).toEqual([]);

    // each takes what was offered, while a crowd wants it too
    const taking = await allAtOnce([
      ...people.slice(10, 25).map((user) => order(user, show, kind)),
      ...people.slice(30, 55).map((user) => order(user, show, kind)),
    ]);
    expect(tally(taking.slice(0, 15))).toEqual({ ok: 15 });
    expect(surprises(taking, 'sold_out')).toEqual([]);
    expect(await places(kind)).toEqual({ accepted: 15 });
    expect(await stock(kind)).toEqual({ capacity: 20, held: 0, sold: 20 });
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('forgets nobody who joins at the moment when tickets come back', async () => {
    for (let round = 0; round < 4; round += 1) {
      const { show, kind, bought } = await soldOut(8, 2);
      // the first places of the kind and the returns at once: each order of events must end well
      const outcomes = await allAtOnce([
        ...bought.map((id, i) => cancel(people[i] ?? '', id)),
        ...people.slice(20, 32).map((user, i) => join(user, kind, 1 + (i % 2))),
        ...people.slice(40, 46).map((user) => order(user, show, kind)),
      ]);
      expect(surprises(outcomes, 'sold_out', 'not_sold_out')).toEqual([]);
      expect(await forgotten(kind)).toBe(0);
      expect(await invariantViolations(world)).toEqual([]);
    }
  });

  it('passes on what is declined, left over and run out, until it is taken or nobody waits', async () => {
    const { show, kind, bought } = await soldOut(12, 2);
    for (const user of people.slice(10, 40)) await allAtOnce([join(user, kind)]);
    await allAtOnce(bought.map((id, i) => cancel(people[i] ?? '', id)));
    expect(await places(kind)).toEqual({ offered: 12, waiting: 18 });
    await world.sql.query(
      `with late as (
         select id from public.waiting_list_entries where class_id = $1 and status = 'offered' order by number limit 4
       ), holds as (
         update private.ticket_holds h set held_until = now() - interval '1 second' from late where h.order_id = late.id and h.held > 0
       )
       update public.waiting_list_entries w set offer_expires_at = now() - interval '1 second' from late where w.id = late.id`,
      [kind],
    );
    const outcomes = await allAtOnce([
      // late: 10 to 13
      ...people.slice(10, 14).map((user) => order(user, show, kind)),
      ...people.slice(14, 18).map((user) => leave(user, kind)),
      ...people.slice(18, 22).map((user) => order(user, show, kind)),
      ...people.slice(36, 40).map((user) => leave(user, kind)),
      { text: 'private.release_stock()' },
      { text: 'private.tidy_waiting_lists()' },
      { text: 'private.release_stock()' },
      { user: people[30] ?? '', text: '(select count(*)::int from private.my_waiting_places())' },
    ]);
    expect(surprises(outcomes.slice(0, 4), 'sold_out')).toEqual([]);
    expect(surprises(outcomes.slice(4))).toEqual([]);
    await world.value('private.tidy_waiting_lists()');
    expect(await forgotten(kind)).toBe(0);
    const { held, sold } = await stock(kind);
    expect(held + sold).toBe(12);
    expect(sold).toBe(4);
    expect(await places(kind)).toEqual({
      accepted: 4,
      lapsed: 4,
      declined: 4,
      offered: 8,
      left: 4,
      waiting: 6,
    });
    expect(await invariantViolations(world)).toEqual([]);
  });
});

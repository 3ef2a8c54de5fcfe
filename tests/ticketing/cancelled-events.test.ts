import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { providerSays } from '../support/acts.ts';
import {
  type Act,
  allAtOnce,
  connect,
  invariantViolations,
  openWorld,
  surprises,
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
    "select tests.make_user('buyer') as id from generate_series(1, 40)",
  );
  people = rows.map(({ id }) => id);
});

afterAll(() => world?.close());

const work: Act = { text: 'private.work_cancelled_events()' };
const setChunk = (orders: number) =>
  world.sql.query("update private.settings set value = $1 where key = 'event_cancellation_chunk'", [
    String(orders),
  ]);

/** A run whose process dies after it has done its part and before it could commit. */
async function killedRun(): Promise<void> {
  const client = await connect();
  await client.query('begin');
  const { rows: runs } = await client.query('select private.work_cancelled_events() as done');
  expect(runs[0].done).toBeGreaterThan(0);
  const { rows } = await client.query('select pg_backend_pid() as pid');
  client.on('error', () => undefined);
  const gone = new Promise((resolve) => client.once('end', resolve));
  await world.sql.query('select pg_terminate_backend($1)', [rows[0].pid]);
  await gone;
}

describe('an event that is cancelled', () => {
  it('ends each order once while money comes, people order and return, and runs are killed and repeated', async () => {
    const show = await world.make(
      'make_event',
      owner,
      '{"total": 80}',
      '{"returns_hours": 1, "max_per_order": 4}',
    );
    const kind = await world.make('class_of', show);
    const paid: string[] = [];
    for (const buyer of people.slice(0, 16)) paid.push(await world.make('make_paid_order', buyer, show, 2));
    const unpaid: string[] = [];
    const references: string[] = [];
    for (const buyer of people.slice(16, 26)) {
      const order = await world.make('make_order', buyer, show, 2);
      unpaid.push(order);
      references.push(await world.make('start_payment', order));
    }
    await setChunk(2);
    const ordering: Act[] = people.slice(26, 36).map((user) => ({
      user,
      text: '(private.create_order($1, $2, $3, null, null, null)).id',
      args: [show, JSON.stringify([{ class_id: kind, quantity: 1 }]), randomUUID()],
    }));
    const returning: Act[] = paid.slice(0, 4).map((order, i) => ({
      user: people[i] ?? '',
      text: "private.cancel_order($1, 1000000, gen_random_uuid(), null, null) ->> 'status'",
      args: [order],
    }));
    const outcomes = await allAtOnce([
      { user: owner, text: "private.cancel_event($1, 'A storm') ->> 'event_id'", args: [show] },
      ...references.map((reference) => providerSays(reference)),
      ...ordering,
      ...returning,
      work,
      work,
    ]);
    expect(surprises(outcomes, 'event_not_on_sale', 'order_not_cancellable')).toEqual([]);

    await killedRun();
    await setChunk(3);
    await allAtOnce([work, work, work]);
    await killedRun();
    for (let runs = 0; runs < 30 && (await world.value<number>(work.text)) > 0; runs += 1);

    const live =
      "select count(*)::int from public.orders where event_id = $1 and status in ('pending_payment', 'completed')";
    expect(await world.value<number>(live, show)).toBe(0);
    // what came was given back to the last đồng, each ticket once
    const { rows } = await world.sql.query(
      `select o.id, coalesce((select sum(e.amount) from public.payment_attempts e join public.payments p on p.id = e.payment_id where p.payable_id = o.id and e.status = 'succeeded'), 0)::int as came,
         coalesce((select sum(r.amount) from public.refunds r where r.payable_id = o.id), 0)::int as given_back,
         (select count(*) from public.refunds r where r.payable_id = o.id)::int as refunds
       from public.orders o where o.event_id = $1`,
      [show],
    );
    expect(rows.filter(({ came, given_back, refunds }) => came !== given_back || refunds > 1)).toEqual([]);
    expect(rows.filter(({ came }) => came > 0).length).toBeGreaterThanOrEqual(16);
    expect(
      await world.value('select sum(held + sold)::int from private.stock_shards where pool_id = $1', kind),
    ).toBe(0);
    const report = await world.value<{ orders: { waiting: number } }>(
      'private.cancellation_report($1)',
      show,
    );
    expect(report).toMatchObject({ orders: { waiting: 0, held_back: 0 }, money: { waiting: 0 } });
    expect(await invariantViolations(world)).toEqual([]);
  });
});

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTrip, moneyCame } from '../support/acts.ts';
import {
  type Act,
  addAccounts,
  allAtOnce,
  invariantViolations,
  openWorld,
  said,
  type World,
} from '../support/sql.ts';

let world: World;
let admin: string;

beforeAll(async () => {
  world = await openWorld();
  await addAccounts(world);
  admin = await world.make('make_admin', 'admin');
});

afterAll(() => world?.close());

const asAdmin = (text: string, ...args: unknown[]): Act => ({ user: admin, text, args });
const settle = (row: string, action: string, payment: string | null = null): Act =>
  asAdmin(
    "public.settle_unmatched_money($1, $2, $3, $4, 'a note') ->> 'result'",
    row,
    action,
    randomUUID(),
    payment,
  );
const unmatched = (transaction: string) =>
  world.value<string>('select id from private.unmatched_money where transaction_id = $1', transaction);

describe('money that waits for an admin', () => {
  it('is given back or kept once, or pays with the rest that comes meanwhile', async () => {
    for (let round = 0; round < 8; round += 1) {
      const { reference } = await makeTrip(world, 'payos');
      await allAtOnce([moneyCame('payos', reference, `p-${reference}`, 4_000_000)]);
      const row = await unmatched(`p-${reference}`);
      const outcomes = await allAtOnce([
        settle(row, 'refund'),
        moneyCame('payos', reference, `q-${reference}`, 814_405),
        settle(row, 'keep'),
      ]);
      const [refund, rest, keep] = said(outcomes);
      const settled = [refund, keep].filter((answer) => answer !== 'unmatched_not_found').length;
      expect([settled, rest]).toEqual(settled === 1 ? [1, 'part_received'] : [0, 'applied']);
    }
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('pays one of two payments, even when two admins apply two sums crosswise', async () => {
    for (let round = 0; round < 6; round += 1) {
      const trips = [await makeTrip(world, 'vnpay'), await makeTrip(world, 'vnpay')] as const;
      const rows: string[] = [];
      for (const { reference } of trips) {
        await allAtOnce([moneyCame('vnpay', reference, `m-${reference}`, 5_000_000)]);
        rows.push(await unmatched(`m-${reference}`));
      }
      const [first, second] = rows as [string, string];
      const outcomes = await allAtOnce([
        settle(first, 'apply', trips[1].payment),
        settle(second, 'apply', trips[0].payment),
        settle(first, 'apply', trips[1].payment),
        settle(second, 'apply', trips[0].payment),
      ]);
      // each takes both rows: its own, and the one meant for that payment already
      expect(said(outcomes).filter((answer) => answer === 'applied')).toHaveLength(1);
      expect(said(outcomes).filter((answer) => answer.includes(' '))).toEqual([]);
    }
    expect(await invariantViolations(world)).toEqual([]);
  });
});

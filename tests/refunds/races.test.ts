import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cancel, hours, makeListing, makePeople, makeTrip, moneyCame, tripPrice } from '../support/acts.ts';
import {
  type Act,
  addAccounts,
  allAtOnce,
  invariantViolations,
  openWorld,
  said,
  tally,
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

describe('money on its way back', () => {
  it('goes once, whether a worker, a provider or an admin is first, and nobody waits for another in a circle', async () => {
    for (let round = 0; round < 10; round += 1) {
      const trip = await makeTrip(world, 'payos');
      await world.make('set_account', trip.renter);
      await allAtOnce([moneyCame('payos', trip.reference, `x-${trip.reference}`, tripPrice)]);
      await allAtOnce([cancel(trip.renter, trip.booking)]);
      const { id, ordered_at } = await world.value<{ id: string; ordered_at: string }>(
        'select to_jsonb(r) from public.refunds r where payable_id = $1',
        trip.booking,
      );
      const failed = round % 2 === 1;
      if (failed) await world.value("(public.record_refund_result($1, 'failed', null, 'no')).status", id);
      const outcomes = await allAtOnce([
        asAdmin('(public.record_manual_refund($1, $2)).status', id, `FT${trip.reference}`),
        { text: 'public.claim_refund($1, $2)', args: [id, ordered_at] },
        { text: "(public.record_refund_result($1, 'processing', $2)).status", args: [id, `b-${id}`] },
        asAdmin('(public.retry_refund($1)).status', id),
        asAdmin('(public.record_manual_refund($1, $2)).status', id, `FT${trip.reference}`),
        { text: "(public.record_refund_result($1, 'succeeded', $2)).status", args: [id, `b-${id}`] },
      ]);
      expect(said(outcomes).filter((answer) => answer.includes(' '))).toEqual([]);
      expect(
        await world.value('select refunded_amount from public.payments where id = $1', trip.payment),
      ).toBe(String(tripPrice));
    }
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('never goes to the account that its owner is replacing right now', async () => {
    for (let round = 0; round < 10; round += 1) {
      const trip = await makeTrip(world, 'payos');
      await world.make('set_account', trip.renter);
      await allAtOnce([moneyCame('payos', trip.reference, `y-${trip.reference}`, tripPrice)]);
      const replace: Act = {
        user: trip.renter,
        text: "(private.set_bank_account('970436', '99887766', 'TRAN B', $1)).id",
        args: [randomUUID()],
      };
      expect(tally(await allAtOnce([cancel(trip.renter, trip.booking), replace]))).toEqual({ ok: 2 });
      expect(
        await world.value<string>(
          `select r.status || ' ' || a.account_last4 from public.refunds r join public.bank_accounts a on a.id = r.bank_account_id
           where r.payable_id = $1`,
          trip.booking,
        ),
      ).toBe('pending 7766');
    }
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('is never more than was paid, however many admins are generous at once', async () => {
    const trip = await makeTrip(world, 'vnpay');
    await allAtOnce([moneyCame('vnpay', trip.reference, `z-${trip.reference}`, tripPrice)]);
    await world.make('move_trip', trip.booking, -1);
    await world.make('inspect', 'check_in', trip.renter, trip.booking, 10);
    await world.make('inspect', 'check_out', trip.renter, trip.booking, 20);
    const outcomes = await allAtOnce(
      Array.from({ length: 12 }, (_, i) =>
        asAdmin(
          '(public.refund_payment($1, 500000, $2, $3)).status',
          trip.payment,
          `sorry, ${i}`,
          randomUUID(),
        ),
      ),
    );
    // 1,814,405 beside the deposit
    expect(tally(outcomes)).toEqual({ ok: 3, payment_not_refundable: 9 });
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('gives a refund once, however many workers report it', async () => {
    const { vehicle } = await makeListing(world);
    const [renter] = (await makePeople(world, 1)) as [string];
    const booking = await world.make(
      'make_paid_booking',
      renter,
      vehicle,
      await hours(world, 480),
      await hours(world, 500),
    );
    await allAtOnce([cancel(renter, booking)]);
    const refund = await world.value('select id from public.refunds where payable_id = $1', booking);
    const report: Act = {
      text: "(public.record_refund_result($1, 'succeeded', 'r-1')).status",
      args: [refund],
    };
    expect(tally(await allAtOnce(Array.from({ length: 12 }, () => report)))).toEqual({ ok: 12 });
    expect(
      await world.value('select refunded_amount from public.payments where payable_id = $1', booking),
    ).toBe('4814405');
    expect(await invariantViolations(world)).toEqual([]);
  });
});

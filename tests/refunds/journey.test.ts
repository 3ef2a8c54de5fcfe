import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Booking, Refund, Vehicle } from '../../sdk/src/index.ts';
import {
  admin,
  bankAccount,
  book,
  cancelBooking,
  closeSql,
  eventually,
  hurryRefunds,
  listing,
  ok,
  type Person,
  paidBooking,
  payAtSandbox,
  period,
  person,
  refusal,
  renter,
  startPayment,
  unmatchedOf,
} from '../support/world.ts';

let staff: Person;
let guest: Person;
let host: Person;
let vehicle: Vehicle;
let days = 60;

beforeAll(async () => {
  staff = await admin();
  guest = await renter(staff);
  host = await person('host');
  vehicle = await listing(host, staff);
});
afterAll(closeSql);

function soon(): ReturnType<typeof period> {
  days += 2;
  return period(24 * days, 24);
}

function refundOf(booking: Booking, status: Refund['status']): Promise<Refund> {
  return eventually(async () => {
    const { refunds } = await ok(guest.journey.bookings.get(booking.id));
    return refunds.find((refund) => refund.status === status) ?? null;
  });
}

describe('a refund', () => {
  it.each(['vnpay', 'momo', 'zalopay', 'stripe'] as const)('goes back by %s', async (provider) => {
    const booking = await paidBooking(guest, vehicle, soon(), provider);
    await cancelBooking(guest, booking);
    const refund = await refundOf(booking, 'succeeded');
    expect(refund).toMatchObject({ kind: 'cancellation', method: 'provider', provider });
    expect(refund.provider_refund_id).not.toBeNull();
    const { refunds } = await ok(host.journey.bookings.get(booking.id));
    expect(refunds.map(({ id, status }) => [id, status])).toEqual([[refund.id, 'succeeded']]);
  });

  it.each(['payos', 'vietqr'] as const)(
    'of %s goes to the payer’s bank account when there is one',
    async (provider) => {
      const payer = await renter(staff);
      const booking = await paidBooking(payer, vehicle, soon(), provider);
      await cancelBooking(payer, booking);
      const refunds = async () => (await ok(payer.journey.bookings.get(booking.id))).refunds;
      expect((await refunds())[0]).toMatchObject({ status: 'awaiting_account', method: 'bank_transfer' });
      await bankAccount(payer);
      await hurryRefunds(payer);
      const paid = await eventually(
        async () => (await refunds()).find((one) => one.status === 'succeeded') ?? null,
      );
      expect(paid).toMatchObject({ provider: 'payos' });
      expect(await ok(staff.journey.admin.ledger.reconcile())).toEqual([]);
    },
  );

  it('of unmatched money is in its payer’s list, and is sent', async () => {
    const payer = await renter(staff);
    const start = await startPayment(payer, await book(payer, vehicle, soon()), 'vietqr');
    await payAtSandbox(start);
    await payAtSandbox(start, { amount: 654_000 });
    const twice = await unmatchedOf(start.attempt, staff);
    expect(twice).toMatchObject({ reason: 'paid_twice', amount: 654_000 });
    const settled = await ok(
      staff.journey.admin.unmatched.settle({ unmatchedId: twice?.id ?? '', action: 'refund' }),
    );
    const listed = async () => (await ok(payer.journey.refunds.list())).rows;
    const nowhere = { id: settled.refund_id, kind: 'unmatched', payment_id: null, payable_id: null };
    expect(await listed()).toEqual([
      expect.objectContaining({ ...nowhere, amount: 654_000, status: 'awaiting_account' }),
    ]);
    await bankAccount(payer);
    await hurryRefunds(payer);
    await eventually(async () => (await listed()).find((one) => one.status === 'succeeded') ?? null);
    expect((await ok(host.journey.refunds.list())).rows).toEqual([]);
    expect((await ok(staff.journey.refunds.list())).rows).toEqual([]);
  });

  it('has failed when the account refuses it, and is paid by hand', async () => {
    const payer = await renter(staff);
    const booking = await paidBooking(payer, vehicle, soon(), 'vietqr');
    await bankAccount(payer, '1234560000');
    await cancelBooking(payer, booking);
    await hurryRefunds(payer);
    const failed = await eventually(async () => {
      const { refunds } = await ok(payer.journey.bookings.get(booking.id));
      return refunds.find((one) => one.status === 'failed') ?? null;
    });
    const order = { refundId: failed.id, bankReference: 'FT26325009' };
    expect(await refusal(payer.journey.admin.refunds.list())).toBe('forbidden');
    const listed = async () =>
      (await ok(staff.journey.admin.refunds.list({ needs: 'retry' }))).rows.find(
        ({ id }) => id === failed.id,
      );
    expect(await listed()).toMatchObject({ ...failed, payer_id: payer.id, reason: null, needs: 'retry' });
    expect(await refusal(payer.journey.admin.refunds.recordManual(order))).toBe('forbidden');
    expect(await ok(staff.journey.admin.refunds.recordManual(order))).toMatchObject({
      status: 'succeeded',
      provider: 'manual',
    });
    expect(await listed()).toBeUndefined();
    expect(await ok(staff.journey.admin.ledger.reconcile())).toEqual([]);
  });
});

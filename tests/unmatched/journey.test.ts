import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Booking, PaymentProvider, PaymentStart, Vehicle } from '../../sdk/src/index.ts';
import {
  admin,
  askSandbox,
  book,
  cancelBooking,
  closeSql,
  eventually,
  listing,
  ok,
  type Person,
  payAtSandbox,
  period,
  person,
  refusal,
  renter,
  sql,
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

async function begin(provider: PaymentProvider): Promise<{ booking: Booking; start: PaymentStart }> {
  const booking = await book(guest, vehicle, soon());
  return { booking, start: await startPayment(guest, booking, provider) };
}

const statusOf = async (booking: Booking) =>
  (await ok(guest.journey.bookings.get(booking.id))).booking.status;

describe('money in parts', () => {
  it('pays when the rest comes, and a surplus is kept for its owner', async () => {
    const { booking, start } = await begin('vietqr');
    const { amount } = start.attempt;
    await payAtSandbox(start, { amount: 1_000_000 });
    expect(await statusOf(booking)).toBe('pending_payment');
    await payAtSandbox(start, { amount: amount - 900_000 });
    expect(await statusOf(booking)).toBe('confirmed');
    const over = await unmatchedOf(start.attempt, staff);
    expect(over).toMatchObject({ reason: 'overpaid', amount: 100_000, payer_id: guest.id, status: 'open' });
    const settled = await ok(
      staff.journey.admin.unmatched.settle({
        unmatchedId: over?.id ?? '',
        action: 'keep',
        note: 'a tip',
      }),
    );
    expect(settled).toMatchObject({ result: 'keep', unmatched: { settlement: 'kept' } });
    expect(await ok(staff.journey.admin.ledger.reconcile())).toEqual([]);
  });

  it('pays by two tries and two rails, and the next try asks for what is missing', async () => {
    const { booking, start } = await begin('vietqr');
    const paymentId = start.attempt.payment_id;
    const { amount } = start.attempt;
    await payAtSandbox(start, { amount: 600_000 });
    expect(await ok(guest.journey.payments.status(paymentId))).toMatchObject({
      received_amount: 600_000,
      missing_amount: amount - 600_000,
    });
    const rest = await startPayment(guest, booking, 'payos');
    expect(rest.attempt.amount).toBe(amount - 600_000);
    expect(rest.details).toMatchObject({ transfer: { amount: amount - 600_000 } });
    await payAtSandbox(rest);
    expect(await statusOf(booking)).toBe('confirmed');
    expect(await ok(guest.journey.payments.status(paymentId))).toMatchObject({
      received_amount: amount,
      missing_amount: 0,
      refunds: [],
    });
    expect(await ok(staff.journey.admin.ledger.reconcile())).toEqual([]);
  });

  it('goes back as the preview says when the booking is cancelled', async () => {
    const { booking, start } = await begin('vietqr');
    await payAtSandbox(start, { amount: 600_000 });
    const preview = await ok(guest.journey.bookings.previewCancel(booking.id));
    expect(preview).toMatchObject({ refund_amount: 600_000, deposit_refund: 0, kept_amount: 0 });
    await cancelBooking(guest, booking);
    const { refunds, missing_amount } = await ok(guest.journey.payments.status(start.attempt.payment_id));
    expect(missing_amount).toBe(0);
    expect(refunds).toMatchObject([{ kind: 'part', amount: 600_000, method: 'bank_transfer' }]);
  });

  it('is found even when the notification of a second transfer was lost', async () => {
    const { booking, start } = await begin('vietqr');
    await payAtSandbox(start);
    expect(await statusOf(booking)).toBe('confirmed');
    await payAtSandbox(start, { amount: 777_000, notify: { never: true } });
    await sql(
      `update public.payment_attempts set recheck_at = now() - interval '1 hour', checked_at = now() - interval '1 hour' where id = $1`,
      [start.attempt.id],
    );
    await sql('select private.enqueue_reconciliations()');
    const found = await eventually(() => unmatchedOf(start.attempt, staff));
    expect(found).toMatchObject({ reason: 'paid_twice', amount: 777_000, payer_id: guest.id });
  });

  it('is found in the bank feed once when it names no booking and its notification was lost', async () => {
    const { start } = await begin('vietqr');
    const { reference } = start.attempt;
    const readFeed = async () => {
      // nothing is ordered while the last look is not quite over
      await eventually(async () => {
        const open = await sql(
          `select from private.outbox where topic = 'feed' and status in ('pending', 'leased')`,
        );
        return open.length === 0 ? true : null;
      });
      const [before] = await sql<{ at: Date }>('select clock_timestamp() as at');
      await sql('select private.enqueue_feeds()');
      await eventually(async () => {
        const [rail] = await sql<{ read: boolean }>(
          `select feed_read_at > $1 as read from private.payment_providers where provider = 'vietqr'`,
          [before?.at],
        );
        return rail?.read === true ? true : null;
      });
    };
    const kept = async () => {
      const { rows } = await ok(staff.journey.admin.unmatched.list({ pageSize: 100 }));
      return rows.filter(({ amount }) => amount === 777_123).map(({ reason }) => reason);
    };
    await readFeed();
    await payAtSandbox(start, { message: 'tien xe', amount: 777_123, notify: { never: true } });
    expect(await kept()).toEqual([]);
    await readFeed();
    expect(await kept()).toEqual(['unknown_reference']);
    // a second read, and a notification that comes late, bring the same event
    await sql(`update private.payment_providers set feed_cursor = '1' where provider = 'vietqr'`);
    await readFeed();
    await askSandbox('vietqr/api/notify', { reference });
    expect(await kept()).toEqual(['unknown_reference']);
    expect(await ok(staff.journey.admin.ledger.reconcile())).toEqual([]);
  });

  it('is applied by an admin, and by nobody else, when it names no booking', async () => {
    const { booking, start } = await begin('vietqr');
    await payAtSandbox(start, { message: 'tien xe' });
    expect(await statusOf(booking)).toBe('pending_payment');
    const { rows } = await ok(staff.journey.admin.unmatched.list({ pageSize: 100 }));
    const lost = rows.find((row) => row.provider === 'vietqr' && row.amount === start.attempt.amount);
    expect(lost).toMatchObject({ reason: 'unknown_reference' });
    const order = {
      unmatchedId: lost?.id ?? '',
      action: 'apply',
      paymentId: start.attempt.payment_id,
    } as const;
    expect(await refusal(guest.journey.admin.unmatched.settle(order))).toBe('forbidden');
    expect((await ok(staff.journey.admin.unmatched.settle(order))).result).toBe('applied');
    expect(await statusOf(booking)).toBe('confirmed');
  });
});

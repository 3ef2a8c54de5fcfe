import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Refund, Vehicle } from '../../sdk/src/index.ts';
import { setting } from '../support/setting.ts';
import {
  admin,
  cancelBooking,
  closeSql,
  eventually,
  invariantViolations,
  listing,
  ok,
  type Person,
  paidBooking,
  paymentOf,
  period,
  person,
  renter,
  sql,
} from '../support/world.ts';

let staff: Person;
let guest: Person;
let vehicle: Vehicle;
let days = 40;

beforeAll(async () => {
  staff = await admin();
  guest = await renter(staff);
  vehicle = await listing(await person('host'), staff);
});
afterAll(closeSql);

interface SandboxTransaction {
  txnRef: string;
  refunds: { amount: number; requestId: string }[];
}

async function atSandbox(reference: string): Promise<SandboxTransaction> {
  const answer = await fetch(`${setting('SANDBOX_URL')}/vnpay/api/transactions`);
  const found = ((await answer.json()) as SandboxTransaction[]).find((one) => one.txnRef === reference);
  if (!found) throw new Error(`the sandbox does not know ${reference}`);
  return found;
}

async function decide(reference: string, verdict: 'pay' | 'reject'): Promise<void> {
  const body = JSON.stringify({ reference, verdict });
  await fetch(`${setting('SANDBOX_URL')}/vnpay/api/refund-verdict`, { method: 'POST', body });
}

/** A paid booking, far enough ahead that cancelling returns all of it. */
async function paid() {
  days += 2;
  const booking = await paidBooking(guest, vehicle, period(24 * days, 24));
  const payment = await paymentOf(guest, booking);
  const { attempts } = await ok(guest.journey.payments.status(payment.id));
  const reference = attempts.find((attempt) => attempt.status === 'succeeded')?.reference ?? '';
  return { booking, payment, reference };
}

function refundOf(bookingId: string, status: Refund['status']): Promise<Refund> {
  return eventually(async () => {
    const { refunds } = await ok(guest.journey.bookings.get(bookingId));
    return refunds.find((refund) => refund.status === status) ?? null;
  });
}

async function ringAtOnce(times: number): Promise<void> {
  const ring = async () => {
    const headers = { apikey: setting('SECRET_KEY') };
    const answer = await fetch(`${setting('FUNCTIONS_URL')}/outbox`, { method: 'POST', headers });
    expect(answer.status).toBe(200);
  };
  await Promise.all(Array.from({ length: times }, ring));
}

describe('a refund', () => {
  it('is paid once, however many workers come for it', async () => {
    const { booking, reference } = await paid();
    await cancelBooking(guest, booking);
    await ringAtOnce(6);
    const refund = await refundOf(booking.id, 'succeeded');
    await ringAtOnce(3);
    const { refunds } = await atSandbox(reference);
    expect(refunds.map((one) => one.amount)).toEqual([refund.amount * 100]);
    expect(refund.amount).toBe(booking.total_amount);
    const { payment } = await ok(guest.journey.bookings.get(booking.id));
    expect(payment).toMatchObject({ status: 'refunded', refunded_amount: booking.total_amount });
    expect(await invariantViolations(booking.id, refund.id)).toEqual([]);
  });

  it('has failed when the bank rejects it, is distinct from one on its way, and can be ordered again', async () => {
    const { booking, payment, reference } = await paid();
    await decide(reference, 'reject');
    await cancelBooking(guest, booking);
    const failed = await refundOf(booking.id, 'failed');
    const [owed] = await sql<{ balance: string }>(
      `select private.balance('refund_payable', $1)::text as balance`,
      [booking.id],
    );
    expect(Number(owed?.balance)).toBe(failed.amount);
    await decide(reference, 'pay');
    await ok(staff.journey.admin.refunds.retry({ refundId: failed.id }));
    const succeeded = await refundOf(booking.id, 'succeeded');
    expect(succeeded.id).toBe(failed.id);
    const { refunds } = await atSandbox(reference);
    expect(refunds).toHaveLength(2);
    expect(new Set(refunds.map((one) => one.requestId)).size).toBe(2);
    expect(await invariantViolations(booking.id, succeeded.id, payment.id)).toEqual([]);
  });
});

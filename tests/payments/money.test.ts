import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Booking, PaymentProvider, PaymentStart, Vehicle } from '../../sdk/src/index.ts';
import {
  admin,
  book,
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
} from '../support/world.ts';

const rails: PaymentProvider[] = ['vnpay', 'momo', 'zalopay', 'payos', 'stripe', 'vietqr'];
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

// A renter may have a few unpaid bookings only. What a test leaves unpaid, the renter gives up.
afterEach(async () => {
  for await (const listed of guest.journey.bookings.list({ role: 'renter', statuses: ['pending_payment'] })) {
    if (listed.error) throw listed.error;
    const bookingId = listed.data.id;
    const { refund_amount: expectedRefundAmount } = await ok(guest.journey.bookings.previewCancel(bookingId));
    await ok(guest.journey.bookings.cancel({ bookingId, expectedRefundAmount, reason: 'Not needed' }));
  }
});

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

describe('the ways to pay', () => {
  it('are listed with what they can carry', async () => {
    const methods = await ok(guest.journey.payments.methods());
    expect(methods.map((method) => method.provider).sort()).toEqual([...rails].sort());
    expect(methods.find((method) => method.provider === 'momo')).toMatchObject({
      min_amount: 1_000,
      max_amount: 50_000_000,
    });
  });

  it.each(rails)(
    '%s confirms a booking once when its notification comes 200 times at once, and the books agree',
    async (provider) => {
      const { booking, start } = await begin(provider);
      expect(start.attempt).toMatchObject({ provider, status: 'pending' });
      expect(start.qr.svg).toMatch(/^<svg/);
      expect(start.redirect_url === null).toBe(provider === 'vietqr');
      await payAtSandbox(start, { notify: { times: 200 } });
      const { payment, attempts } = await ok(guest.journey.payments.waitUntilFinal(start.attempt.payment_id));
      expect(payment.status).toBe('succeeded');
      expect(attempts.map((attempt) => attempt.status)).toEqual(['succeeded']);
      expect(await statusOf(booking)).toBe('confirmed');
      const moves = await sql(
        `select event, count(*)::int as times from private.domain_events
       where subject_id = any ($1) and machine in ('payment', 'booking') and event in ('succeed', 'confirm') group by event order by event`,
        [[payment.id, booking.id]],
      );
      expect(moves).toEqual([
        { event: 'confirm', times: 1 },
        { event: 'succeed', times: 1 },
      ]);
      expect(await ok(staff.journey.admin.ledger.reconcile())).toEqual([]);
    },
  );

  it.each(rails)(
    '%s has one link for one key, however many requests come for it at once',
    async (provider) => {
      const booking = await book(guest, vehicle, soon());
      const { payment } = await ok(guest.journey.bookings.get(booking.id));
      const call = { paymentId: payment?.id ?? '', provider };
      const idempotencyKey = crypto.randomUUID();
      const starts = await Promise.all(
        Array.from({ length: 8 }, () => guest.journey.payments.start(call, { idempotencyKey })),
      );
      expect(starts.map(({ error }) => error?.code ?? 'ok')).toEqual(Array(8).fill('ok'));
      for (const { data } of starts) expect(data).toEqual(starts[0]?.data);
    },
  );

  it('leave a few open tries of one payment, however often the app begins anew', async () => {
    // the tests before have taken some of the tokens of a minute
    await sql("delete from private.rate_buckets where action = 'start_payment' and subject = $1", [guest.id]);
    const booking = await book(guest, vehicle, soon());
    const { payment } = await ok(guest.journey.bookings.get(booking.id));
    const call = { paymentId: payment?.id ?? '', provider: 'momo' as const };
    const open = () =>
      sql<{ id: string }>(
        "select id from public.payment_attempts where payment_id = $1 and status in ('created', 'pending')",
        [call.paymentId],
      );
    const starts = await Promise.all(Array.from({ length: 12 }, () => guest.journey.payments.start(call)));
    const codes = new Set(starts.map(({ error }) => error?.code ?? 'ok'));
    expect([...codes].filter((code) => code !== 'ok' && code !== 'payment_attempts_open')).toEqual([]);
    expect(codes).toContain('ok');
    const few = await open();
    expect(few).toHaveLength(4);
    const again = await ok(guest.journey.payments.start(call));
    expect(few.map(({ id }) => id)).toContain(again.attempt.id);
    const idempotencyKey = crypto.randomUUID();
    const [one, two] = [
      await ok(guest.journey.payments.start(call, { idempotencyKey })),
      await ok(guest.journey.payments.start(call, { idempotencyKey })),
    ];
    expect(two).toEqual(one);
    // another way to pay is open to a payer whom this one does not serve
    const other = await startPayment(guest, booking, 'vnpay');
    expect(await open()).toHaveLength(5);
    await payAtSandbox(other);
    expect((await ok(guest.journey.payments.waitUntilFinal(call.paymentId))).payment.status).toBe(
      'succeeded',
    );
  });

  it.each(rails)('%s tells what happened when the app comes back and no webhook did', async (provider) => {
    const { booking, start } = await begin(provider);
    await payAtSandbox(start, { notify: { never: true } });
    expect(await statusOf(booking)).toBe('pending_payment');
    const state = await eventually(async () => {
      const found = await ok(guest.journey.payments.check(start.attempt.payment_id));
      return found.payment.status === 'succeeded' ? found : null;
    });
    expect(state.attempts[0]?.status).toBe('succeeded');
    expect(await statusOf(booking)).toBe('confirmed');
  });

  it.each(rails.filter((rail) => rail !== 'vietqr'))(
    '%s that is not paid leaves the booking open for another way',
    async (provider) => {
      const { booking, start } = await begin(provider);
      await payAtSandbox(start, { outcome: 'cancel' });
      expect(await statusOf(booking)).toBe('pending_payment');
      const other = await startPayment(guest, booking, provider === 'momo' ? 'vnpay' : 'momo');
      await payAtSandbox(other);
      expect((await ok(guest.journey.payments.waitUntilFinal(start.attempt.payment_id))).payment.status).toBe(
        'succeeded',
      );
    },
  );

  it('show to admins what VNPay keeps under suspicion, until it has decided', async () => {
    const { booking, start } = await begin('vnpay');
    await payAtSandbox(start, { outcome: 'suspicious' });
    const { payments } = staff.journey.admin;
    const kept = async () =>
      (await ok(payments.attemptsNeedingReview())).rows.find(({ id }) => id === start.attempt.id);
    const shown = await eventually(kept);
    expect(shown).toMatchObject({ payable_id: booking.id, payer_id: guest.id, acknowledged_at: null });
    expect(shown.note).toContain('suspects fraud');
    const events = (await ok(payments.eventsNeedingReview({ pageSize: 100 }))).rows;
    expect(events.map(({ id }) => id)).toContain(shown.event_id);
    await ok(payments.acknowledgeEvent({ eventId: shown.event_id, note: 'called VNPay' }));
    expect((await kept())?.acknowledged_at).not.toBeNull();
    expect(await refusal(guest.journey.admin.payments.attemptsNeedingReview())).toBe('forbidden');
    await payAtSandbox(start, { outcome: 'success', again: true });
    expect(await statusOf(booking)).toBe('confirmed');
    expect(await kept()).toBeUndefined();
  });

  it('are not for everybody: a stranger neither starts nor asks', async () => {
    const { start } = await begin('momo');
    const stranger = await person('stranger');
    const paymentId = start.attempt.payment_id;
    expect(await refusal(stranger.journey.payments.start({ paymentId, provider: 'momo' }))).toBe(
      'payment_not_found',
    );
    expect(await refusal(stranger.journey.payments.check(paymentId))).toBe('payment_not_found');
  });
});

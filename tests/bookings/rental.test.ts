import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Narrator } from '../../local/tour/narrator.ts';
import { runTour } from '../../local/tour/run.ts';
import type { Notification, Vehicle } from '../../sdk/src/index.ts';
import { setting } from '../support/setting.ts';
import {
  acknowledge,
  admin,
  book,
  closeSql,
  eventually,
  inspectionPhotos,
  invariantViolations,
  listing,
  mailsTo,
  moveTrip,
  ok,
  type Person,
  paidBooking,
  payAtSandbox,
  paymentOf,
  period,
  person,
  quote,
  refusal,
  renter,
  sql,
  startPayment,
} from '../support/world.ts';

let staff: Person;
let host: Person;
let guest: Person;
let other: Person;
let vehicle: Vehicle;
let asking: Vehicle;

beforeAll(async () => {
  staff = await admin();
  [host, guest, other] = await Promise.all([person('host'), renter(staff), renter(staff)]);
  vehicle = await listing(host, staff, { buffer_minutes: 60 });
  asking = await listing(host, staff, { instant_book: false });
});

afterAll(closeSql);

/** Moves the hold of a booking into the past, as if its time had run out. */
async function letHoldPass(bookingId: string): Promise<void> {
  await sql(`update public.bookings set hold_expires_at = now() - interval '1 second' where id = $1`, [
    bookingId,
  ]);
  await sql(
    `update public.calendar_entries set expires_at = now() - interval '1 second' where booking_id = $1`,
    [bookingId],
  );
  await sql(`update public.payments set expires_at = now() - interval '1 second' where payable_id = $1`, [
    bookingId,
  ]);
}

async function statusOf(one: Person, bookingId: string): Promise<string> {
  return (await ok(one.journey.bookings.get(bookingId))).booking.status;
}

describe('the guided tour', () => {
  it('comes to its end', async () => {
    const lines: string[] = [];
    const environment = {
      API_URL: setting('API_URL'),
      FUNCTIONS_URL: setting('FUNCTIONS_URL'),
      DB_URL: setting('DB_URL'),
      ADMIN_DB_URL: setting('ADMIN_DB_URL'),
      MAIL_URL: setting('MAIL_URL'),
      SANDBOX_URL: setting('SANDBOX_URL'),
      PUBLISHABLE_KEY: setting('PUBLISHABLE_KEY'),
      SECRET_KEY: setting('SECRET_KEY'),
      JWT_SECRET: setting('JWT_SECRET'),
    };
    const well = await runTour(environment, new Narrator((text) => lines.push(text)));
    expect(well, lines.join('')).toBe(true);
  });
});

describe('the way to a confirmed booking', () => {
  it('tells both sides by row, live message and mail, and posts the money', async () => {
    const heard: Notification[] = [];
    const subscription = await ok(
      guest.journey.notifications.subscribe({ onNotification: (notification) => heard.push(notification) }),
    );
    const booking = await paidBooking(guest, vehicle, period(24, 24));
    await eventually(async () =>
      heard.find((n) => n.template === 'booking_confirmed_renter' && n.data.booking_id === booking.id),
    );
    subscription.unsubscribe();
    const rows = await sql<{ user_id: string }>(
      `select user_id from public.notifications where data ->> 'booking_id' = $1 and template like 'booking_confirmed_%'`,
      [booking.id],
    );
    expect(rows.map((row) => row.user_id).sort()).toEqual([guest.id, host.id].sort());
    for (const { email } of [guest, host]) {
      await eventually(async () =>
        (await mailsTo(email)).find((mail) => mail.subject.includes(booking.code)),
      );
    }
    const held = await sql<{ escrow: string; deposit: string }>(
      `select private.balance('escrow', $1) as escrow, private.balance('deposit', $1) as deposit`,
      [booking.id],
    );
    expect(held).toEqual([
      {
        escrow: String(booking.total_amount - booking.deposit_amount),
        deposit: String(booking.deposit_amount),
      },
    ]);
    expect(await invariantViolations(booking.id)).toEqual([]);
  });

  it('gives the same booking for the same key, and refuses the key for another quote', async () => {
    const one = await quote(guest, vehicle, period(72, 24));
    const two = await quote(guest, vehicle, period(120, 24));
    const idempotencyKey = crypto.randomUUID();
    const [a, b] = await Promise.all([
      ok(guest.journey.bookings.create({ quoteId: one.id }, { idempotencyKey })),
      ok(guest.journey.bookings.create({ quoteId: one.id }, { idempotencyKey })),
    ]);
    expect(a.id).toBe(b.id);
    expect(await refusal(guest.journey.bookings.create({ quoteId: two.id }, { idempotencyKey }))).toBe(
      'idempotency_conflict',
    );
    expect(await refusal(guest.journey.bookings.create({ quoteId: one.id }))).toBe('quote_used');
  });

  it('refuses a second booking that overlaps by one minute, buffer included', async () => {
    const first = period(200, 24);
    const early = {
      startsAt: new Date(first.endsAt.getTime() + 59 * 60_000),
      endsAt: new Date(first.endsAt.getTime() + 240 * 60_000),
    };
    const later = { startsAt: new Date(first.endsAt.getTime() + 60 * 60_000), endsAt: early.endsAt };
    const overlapping = await quote(other, vehicle, early);
    await book(guest, vehicle, first);
    expect(await refusal(other.journey.bookings.create({ quoteId: overlapping.id }))).toBe(
      'vehicle_unavailable',
    );
    expect((await book(other, vehicle, later)).status).toBe('pending_payment');
  });

  it('asks the host first where the listing says so, and paying one declines the other', async () => {
    const when = period(48, 10);
    const mine = await book(guest, asking, when);
    const theirs = await book(other, asking, when);
    expect([mine.status, theirs.status]).toEqual(['requested', 'requested']);
    expect(await refusal(guest.journey.bookings.answer({ bookingId: mine.id, accept: true }))).toBe(
      'booking_not_found',
    );
    const accepted = await ok(host.journey.bookings.answer({ bookingId: mine.id, accept: true }));
    expect(accepted.status).toBe('pending_payment');
    expect(await statusOf(other, theirs.id)).toBe('requested');
    expect(await refusal(host.journey.bookings.answer({ bookingId: theirs.id, accept: true }))).toBe(
      'vehicle_unavailable',
    );
    await payAtSandbox(await startPayment(guest, mine));
    await eventually(async () => ((await statusOf(guest, mine.id)) === 'confirmed' ? true : null));
    expect(await statusOf(other, theirs.id)).toBe('declined');
  });
});

describe('a period the host keeps free', () => {
  it('is hidden from search, refused in quotes, explained, and open again once unblocked', async () => {
    const owner = await person('owner');
    const car = await listing(owner, staff, { lat: 20.9, lng: 106.9 });
    const when = period(30, 10);
    const entry = await ok(owner.journey.vehicles.block({ vehicleId: car.id, ...period(35, 2) }));
    const found = async () => {
      const { rows } = await ok(
        guest.journey.vehicles.search({ lat: 20.9, lng: 106.9, radiusM: 5000, ...when }),
      );
      return rows.some((row) => row.vehicle_id === car.id);
    };
    const reasons = async () => ok(guest.journey.vehicles.eligibility({ vehicleId: car.id, ...when }));
    expect(await found()).toBe(false);
    expect(await reasons()).toMatchObject([{ code: 'vehicle_unavailable', details: { kinds: ['blocked'] } }]);
    expect(await refusal(guest.journey.quotes.create({ vehicleId: car.id, ...when }))).toBe(
      'vehicle_unavailable',
    );
    await ok(owner.journey.vehicles.unblock(entry.id));
    expect(await found()).toBe(true);
    expect(await reasons()).toEqual([]);
    expect((await book(guest, car, when)).status).toBe('pending_payment');
    expect(await refusal(owner.journey.vehicles.block({ vehicleId: car.id, ...when }))).toBe(
      'vehicle_unavailable',
    );
  });
});

describe('the side roads', () => {
  it('expires an unpaid hold for everybody at once, before any job has run', async () => {
    const when = period(300, 12);
    const booking = await book(guest, vehicle, when);
    expect(await refusal(other.journey.quotes.create({ vehicleId: vehicle.id, ...when }))).toBe(
      'vehicle_unavailable',
    );
    await letHoldPass(booking.id);
    expect(await statusOf(guest, booking.id)).toBe('expired');
    const payment = await paymentOf(guest, booking);
    expect(['payment_expired', 'payment_not_payable']).toContain(
      await refusal(guest.journey.payments.start({ paymentId: payment.id, provider: 'vnpay' })),
    );
    const found = await ok(
      other.journey.vehicles.search({ lat: 20.5, lng: 106.5, radiusM: 5000, ...when, pageSize: 50 }),
    );
    expect(found.rows.map((row) => row.vehicle_id)).toContain(vehicle.id);
    expect((await book(other, vehicle, when)).status).toBe('pending_payment');
    expect(await invariantViolations(booking.id)).toEqual([]);
  });

  it('takes the slot again for a payment that comes after the hold, when it is still free', async () => {
    const booking = await book(guest, vehicle, period(340, 12));
    const start = await startPayment(guest, booking);
    await letHoldPass(booking.id);
    await sql(
      'select private.expire_overdue_payments(), private.return_due_deposits(), private.enqueue_reconciliations()',
    );
    const [tidied] = await sql<{ status: string }>('select status from public.bookings where id = $1', [
      booking.id,
    ]);
    expect(tidied?.status).toBe('expired');
    await payAtSandbox(start);
    await eventually(async () => ((await statusOf(guest, booking.id)) === 'confirmed' ? true : null));
    expect(await invariantViolations(booking.id)).toEqual([]);
  });

  it('returns a payment that comes after the hold in full, when somebody else has the slot', async () => {
    const when = period(380, 12);
    const booking = await book(guest, vehicle, when);
    const start = await startPayment(guest, booking);
    await letHoldPass(booking.id);
    await paidBooking(other, vehicle, when);
    await payAtSandbox(start);
    const state = await eventually(async () => {
      const now = await ok(guest.journey.payments.status(start.attempt.payment_id));
      return now.payment.status === 'refunded' ? now : null;
    });
    expect(state.refunds.map((refund) => [refund.kind, refund.amount])).toEqual([
      ['late_payment', booking.total_amount],
    ]);
    expect(await statusOf(guest, booking.id)).toBe('expired');
    expect(await invariantViolations(booking.id)).toEqual([]);
  });

  it('gives back on cancelling exactly what the preview said', async () => {
    const booking = await paidBooking(guest, vehicle, period(430, 24));
    const preview = await ok(guest.journey.bookings.previewCancel(booking.id));
    const shown = {
      bookingId: booking.id,
      expectedRefundAmount: preview.refund_amount,
      reason: 'plans changed',
    };
    expect(await refusal(other.journey.bookings.cancel(shown))).toBe('booking_not_found');
    const { error } = await guest.journey.bookings.cancel({ ...shown, expectedRefundAmount: 1 });
    expect(error).toMatchObject({ code: 'refund_changed', details: { preview } });
    const cancelled = await ok(guest.journey.bookings.cancel(shown));
    expect(cancelled.status).toBe('cancelled');
    const payment = await paymentOf(guest, booking);
    const state = await eventually(async () => {
      const now = await ok(guest.journey.payments.status(payment.id));
      return now.refunds.some((refund) => refund.status === 'succeeded') ? now : null;
    });
    expect(state.refunds.map((refund) => refund.amount)).toEqual([preview.refund_amount]);
    expect(state.payment.refunded_amount).toBe(preview.refund_amount);
    expect(await invariantViolations(booking.id)).toEqual([]);
  });

  it('lets the other try when one is cancelled at the provider', async () => {
    const booking = await book(guest, vehicle, period(500, 12));
    const first = await startPayment(guest, booking);
    await payAtSandbox(first, { outcome: 'cancel' });
    await eventually(async () => {
      const { attempts } = await ok(guest.journey.payments.status(first.attempt.payment_id));
      return attempts.find((attempt) => attempt.id === first.attempt.id && attempt.status === 'failed');
    });
    expect(await statusOf(guest, booking.id)).toBe('pending_payment');
    await payAtSandbox(await startPayment(guest, booking));
    await eventually(async () => ((await statusOf(guest, booking.id)) === 'confirmed' ? true : null));
  });
});

describe('the trip', () => {
  it('earns the host the rent and returns the deposit', async () => {
    const owner = await person('owner');
    const car = await listing(owner, staff);
    const booked = await paidBooking(guest, car, period(0.5, 26));
    const { host_amount } = await ok(owner.journey.bookings.get(booked.id));
    const booking = { ...booked, host_amount };
    const photos = await inspectionPhotos(guest);
    expect(
      await refusal(
        guest.journey.bookings.checkIn({
          bookingId: booking.id,
          odometerKm: 1000,
          fuelPercent: 80,
          photos: photos.slice(1),
        }),
      ),
    ).toBe('inspection_incomplete');
    await ok(
      guest.journey.bookings.checkIn({ bookingId: booking.id, odometerKm: 1000, fuelPercent: 80, photos }),
    );
    await acknowledge(owner, booking.id, 'check_in');
    await ok(
      guest.journey.bookings.checkOut({
        bookingId: booking.id,
        odometerKm: 1100,
        fuelPercent: 70,
        photos: await inspectionPhotos(guest),
      }),
    );
    expect(await statusOf(owner, booking.id)).toBe('in_progress');
    await acknowledge(owner, booking.id, 'check_out');
    expect(await statusOf(guest, booking.id)).toBe('completed');
    const [waiting] = await ok(owner.journey.payouts.balance());
    expect(waiting).toMatchObject({
      currency: 'VND',
      available: 0,
      pending: booking.host_amount,
      on_the_way: 0,
    });
    // the claim window closes, a day after the booked end
    await moveTrip(booking.id, -51);
    const [earned] = await ok(owner.journey.payouts.balance());
    expect(earned).toMatchObject({
      currency: 'VND',
      available: booking.host_amount,
      pending: 0,
      on_the_way: 0,
    });
    await sql(
      'select private.expire_overdue_payments(), private.return_due_deposits(), private.enqueue_reconciliations()',
    );
    const payment = await paymentOf(guest, booking);
    await eventually(async () => {
      const { refunds } = await ok(guest.journey.payments.status(payment.id));
      return refunds.find((refund) => refund.kind === 'deposit' && refund.status === 'succeeded');
    });
    expect(await invariantViolations(booking.id)).toEqual([]);
  });
});

describe('what others may see', () => {
  it('shows the place of a vehicle to its renter, and to nobody else', async () => {
    const owner = await person('owner');
    const car = await listing(owner, staff);
    const see = async (one: Person) =>
      (await one.journey.supabase.from('vehicle_locations').select('address').eq('vehicle_id', car.id)).data;
    expect(await see(guest)).toEqual([]);
    await paidBooking(guest, car, period(24, 12));
    expect(await see(guest)).toEqual([{ address: '1 Test Street, Hà Nội' }]);
    expect(await see(other)).toEqual([]);
  });

  it('hides a booking, its payment and its photos from strangers', async () => {
    const booking = await paidBooking(guest, vehicle, period(560, 6));
    expect(await refusal(other.journey.bookings.get(booking.id))).toBe('booking_not_found');
    const { data } = await other.journey.supabase.from('payments').select('id').eq('payable_id', booking.id);
    expect(data).toEqual([]);
  });
});

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { book, expireOverdue, hours, makeListing, makePeople, providerSays } from '../support/acts.ts';
import { allAtOnce, invariantViolations, openWorld, surprises, tally, type World } from '../support/sql.ts';
import * as api from '../support/world.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(async () => {
  await world?.close();
  await api.closeSql();
});

const statusOf = (change: string): Promise<string> =>
  world.value('select status from public.booking_changes where id = $1', change);

async function paidTrip(renter: string, vehicle: string): Promise<string> {
  return world.make('make_paid_booking', renter, vehicle, await hours(world, 300), await hours(world, 310));
}

describe('the time of an extension', () => {
  it('goes to the extension or to another booking when both want it at one moment', async () => {
    for (let round = 0; round < 6; round += 1) {
      const { vehicle } = await makeListing(world);
      const [renter, rival] = (await makePeople(world, 2)) as [string, string];
      const trip = await paidTrip(renter, vehicle);
      const change = await world.make<string>('request_extension', trip, 10);
      const reference = await world.make<string>('start_payment', change);
      // in even rounds its time to pay is over, so that the late money and the rival want the same hours
      const late = round % 2 === 0;
      if (late) await world.make('extension_runs_out', change);
      const wanted = late
        ? await world.make<string>(
            'make_quote',
            rival,
            vehicle,
            await hours(world, 312),
            await hours(world, 318),
          )
        : randomUUID();
      const outcomes = await allAtOnce([
        providerSays(reference),
        book(rival, wanted),
        expireOverdue,
        providerSays(reference, 'again'),
      ]);
      expect(surprises(outcomes, 'vehicle_unavailable', 'quote_not_found')).toEqual([]);
      const booked = await world.value<number>(
        'select count(*)::int from public.bookings where renter_id = $1',
        rival,
      );
      const status = await statusOf(change);
      if (late) expect([status, booked]).toEqual(booked ? ['expired', 1] : ['confirmed', 0]);
      else expect(status).toBe('confirmed');
      expect(await invariantViolations(world)).toEqual([]);
    }
  });

  it('is held for one of many that ask at one moment', async () => {
    const { vehicle } = await makeListing(world);
    const [renter] = (await makePeople(world, 1)) as [string];
    const trip = await paidTrip(renter, vehicle);
    const quotes = await Promise.all(
      [2, 4, 6, 8].map((more) => world.make<string>('quote_extension', trip, more)),
    );
    const outcomes = await allAtOnce(
      quotes.map((quote) => ({
        user: renter,
        text: '(private.request_extension($1, $2)).status',
        args: [quote, randomUUID()],
      })),
    );
    expect(tally(outcomes)).toEqual({ ok: 1, extension_open: 3 });
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('is paid with the trip or goes back with it when the trip is cancelled at one moment', async () => {
    for (let round = 0; round < 4; round += 1) {
      const { host, vehicle } = await makeListing(world);
      const [renter] = (await makePeople(world, 1)) as [string];
      const trip = await paidTrip(renter, vehicle);
      const change = await world.make<string>('request_extension', trip, 10);
      const reference = await world.make<string>('start_payment', change);
      const outcomes = await allAtOnce([
        providerSays(reference),
        { user: host, text: '(tests.cancel_booking($1)).status', args: [trip] },
      ]);
      expect(surprises(outcomes, 'refund_changed', 'booking_not_cancellable')).toEqual([]);
      expect(['confirmed', 'cancelled']).toContain(await statusOf(change));
      expect(await invariantViolations(world)).toEqual([]);
    }
  });
});

describe('a longer trip, through the SDK', () => {
  it('is priced, asked for, accepted, paid and seen by both sides', async () => {
    const staff = await api.admin();
    const [host, guest] = await Promise.all([api.person('host'), api.renter(staff)]);
    const vehicle = await api.listing(host, staff, { instant_book: false });
    const when = api.period(240, 24);
    const asked = await api.book(guest, vehicle, when);
    await api.ok(host.journey.bookings.answer({ bookingId: asked.id, accept: true }));
    await api.payAtSandbox(await api.startPayment(guest, asked));
    const wish = await api.eventually(async () => {
      const { booking } = await api.ok(guest.journey.bookings.get(asked.id));
      return booking.status === 'confirmed' ? booking : null;
    });

    const endsAt = new Date(when.endsAt.getTime() + 24 * 3_600_000);
    const quote = await api.ok(guest.journey.quotes.createExtension({ bookingId: wish.id, endsAt }));
    expect(quote.deposit_amount).toBe(0);
    expect(quote.lines.map(({ code }) => code)).toContain('rental_days');
    expect(await api.refusal(host.journey.quotes.createExtension({ bookingId: wish.id, endsAt }))).toBe(
      'booking_not_found',
    );
    const change = await api.ok(guest.journey.bookings.requestExtension({ quoteId: quote.id }));
    expect(change.status).toBe('requested');
    await api.ok(host.journey.bookings.answerExtension({ changeId: change.id, accept: true }));
    const waiting = (await api.ok(guest.journey.bookings.get(wish.id))).changes[0];
    expect(waiting).toMatchObject({ status: 'pending_payment', total_amount: quote.total_amount });
    const paymentId = waiting?.payment?.id ?? '';
    await api.payAtSandbox(await api.ok(guest.journey.payments.start({ paymentId, provider: 'vnpay' })));
    const detail = await api.eventually(async () => {
      const seen = await api.ok(host.journey.bookings.get(wish.id));
      return seen.changes[0]?.status === 'confirmed' ? seen : undefined;
    });
    expect(new Date(detail.booking.ends_at).getTime()).toBe(endsAt.getTime());
    expect(detail.changes[0]?.host_amount).toBeGreaterThan(0);
    expect(await api.refusal(guest.journey.bookings.cancelExtension(change.id))).toBe('illegal_transition');
    const preview = await api.ok(guest.journey.bookings.previewCancel(wish.id));
    expect(preview.refund_amount + preview.kept_amount).toBe(wish.total_amount + change.total_amount);
    expect(await api.invariantViolations(wish.id)).toEqual([]);
  });
});

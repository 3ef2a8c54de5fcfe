import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Booking, Vehicle } from '../../sdk/src/index.ts';
import {
  admin,
  closeSql,
  listing,
  ok,
  type Person,
  paidBooking,
  paymentOf,
  period,
  person,
  quote,
  renter,
  sql,
} from '../support/world.ts';

let host: Person;
let guest: Person;
let vehicle: Vehicle;
let booking: Booking;

beforeAll(async () => {
  const staff = await admin();
  [host, guest] = await Promise.all([person('host'), renter(staff)]);
  vehicle = await listing(host, staff);
  booking = await paidBooking(guest, vehicle, period(24, 24));
});
afterAll(closeSql);

/** Every name in a value, however deep. */
function namesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [name, ...namesIn(inner)]);
}

describe('the money of a booking', () => {
  it('comes with the booking: the payment for the renter, in a list and alone', async () => {
    const payment = await paymentOf(guest, booking);
    expect(payment).toMatchObject({ status: 'succeeded', amount: booking.total_amount });
    const { rows } = await ok(guest.journey.bookings.list({ role: 'renter' }));
    const listed = rows.find(({ id }) => id === booking.id);
    expect(listed).toMatchObject({ code: booking.code, status: 'confirmed', payment, host_amount: null });
    expect(await ok(guest.journey.bookings.get(booking.id))).toMatchObject({ payment, host_amount: null });
  });

  it('is what the trip earns for the host, who sees no payment', async () => {
    const [stored] = await sql<{ host_amount: string }>(
      'select q.host_amount from public.quotes q where q.id = $1',
      [booking.quote_id],
    );
    const host_amount = Number(stored?.host_amount);
    expect(host_amount).toBeGreaterThan(0);
    const { rows } = await ok(host.journey.bookings.list({ role: 'host' }));
    expect(rows.find(({ id }) => id === booking.id)).toMatchObject({ host_amount, payment: null });
    expect(await ok(host.journey.bookings.get(booking.id))).toMatchObject({ host_amount, payment: null });
  });

  it('tells no renter what is between host and platform, by whatever way', async () => {
    const offer = await quote(guest, vehicle, period(300, 12));
    const held = await ok(guest.journey.bookings.create({ quoteId: offer.id }));
    const preview = await ok(guest.journey.bookings.previewCancel(held.id));
    const { bookings, quotes, receipts, payments } = guest.journey;
    const seen = [
      offer,
      held,
      preview,
      await ok(quotes.get(offer.id)),
      await ok(bookings.get(booking.id)),
      await ok(bookings.list({ role: 'renter' })),
      await ok(receipts.list()),
      await ok(payments.list()),
    ];
    const told = namesIn(seen).filter((name) =>
      /commission|platform_amount|host_keeps|platform_keeps/.test(name),
    );
    expect(told).toEqual([]);
    const amounts = new Set(JSON.stringify(seen).match(/"host_amount":[^,}]+/g));
    expect([...amounts]).toEqual(['"host_amount":null']);

    const { supabase } = guest.journey;
    for (const column of ['host_amount', 'platform_amount', 'commission_bps']) {
      const { error } = await supabase.from('quotes').select(column).eq('id', offer.id);
      expect(error?.code, column).toBe('42501');
    }
    expect((await supabase.from('quotes').select('*').eq('id', offer.id)).error?.code).toBe('42501');
    expect((await supabase.from('bookings').select('host_amount')).error?.code).toBe('42703');
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256Hex } from '../../sdk/src/core/sha256.ts';
import {
  type CheckedInspectionChain,
  type InspectionLinkRecord,
  verifyInspectionChain,
} from '../../sdk/src/index.ts';
import {
  acknowledge,
  admin,
  closeSql,
  inspectionPhotos,
  invariantViolations,
  listing,
  moveTrip,
  ok,
  type Person,
  paidBooking,
  period,
  person,
  refusal,
  renter,
  sql,
} from '../support/world.ts';

let host: Person;
let guest: Person;
let bookingId: string;
let chain: CheckedInspectionChain;

beforeAll(async () => {
  const staff = await admin();
  [host, guest] = await Promise.all([person('host'), renter(staff)]);
  const vehicle = await listing(host, staff);
  ({ id: bookingId } = await paidBooking(guest, vehicle, period(240, 24)));
  await moveTrip(bookingId, 0);
  const report = { bookingId, odometerKm: 1000, fuelPercent: 80, photos: await inspectionPhotos(guest) };
  await ok(guest.journey.bookings.checkIn(report));
  await acknowledge(host, bookingId, 'check_in');
  chain = await ok(host.journey.bookings.inspectionChain(bookingId));
});
afterAll(closeSql);

const hashOf = (text: string) => sha256Hex(new TextEncoder().encode(text));

describe('the chain over the inspections of a trip', () => {
  it('is computed again by either side, with the hashes of the bytes that were uploaded', async () => {
    expect(chain).toMatchObject({ is_verified: true, is_intact: true, problems: [] });
    expect(await ok(guest.journey.bookings.inspectionChain(bookingId))).toEqual(chain);
    const records = chain.links.map(({ record }) => JSON.parse(record) as InspectionLinkRecord);
    expect(records.map(({ inspection }) => inspection.status)).toEqual(['recorded', 'acknowledged']);
    const uploads = await sql<{ sha256: string }>(
      `select m.sha256 from public.media m join public.inspection_photos f on f.media_id = m.id
       join public.booking_inspections i on i.id = f.inspection_id where i.booking_id = $1 order by f.angle`,
      [bookingId],
    );
    expect(records[0]?.inspection.photos.map(({ sha256 }) => sha256)).toEqual(
      uploads.map(({ sha256 }) => sha256),
    );
    expect(await invariantViolations()).toEqual([]);
  });

  it('has the hash that the detail of the booking showed, and not one that was never there', async () => {
    const { inspections_sha256 } = await ok(guest.journey.bookings.get(bookingId));
    expect(inspections_sha256).toBe(chain.links[1]?.sha256);
    const seen = inspections_sha256 ?? '';
    expect(await ok(host.journey.bookings.inspectionChain(bookingId, { seen }))).toMatchObject({
      is_verified: true,
    });
    const other = await ok(host.journey.bookings.inspectionChain(bookingId, { seen: 'f'.repeat(64) }));
    expect(other).toMatchObject({ is_verified: false, is_intact: true });
  });

  it('is no more whole when a text, an order or a booking was changed', async () => {
    const { links } = chain;
    const [first, second] = links;
    if (!first || !second) throw new Error('the chain is too short');
    const forged = first.record.replace('"odometer_km":1000', '"odometer_km":999');
    expect(forged).not.toBe(first.record);
    const kept = await verifyInspectionChain({ bookingId, links: [{ ...first, record: forged }, second] });
    expect(kept).toEqual({ valid: false, broken: 1 });
    // with the hash that fits it, the next link does not follow
    const hashed = await verifyInspectionChain({
      bookingId,
      links: [{ ...first, record: forged, sha256: await hashOf(forged) }, second],
    });
    expect(hashed).toEqual({ valid: false, broken: 2 });
    expect(await verifyInspectionChain({ bookingId, links: [second] })).toEqual({ valid: false, broken: 1 });
    expect(await verifyInspectionChain({ bookingId: host.id, links })).toEqual({ valid: false, broken: 1 });
    expect(await verifyInspectionChain({ bookingId, links: [] })).toEqual({ valid: true, broken: null });
  });

  it('is not for strangers', async () => {
    const stranger = await person('stranger');
    expect(await refusal(stranger.journey.bookings.inspectionChain(bookingId))).toBe('booking_not_found');
  });
});

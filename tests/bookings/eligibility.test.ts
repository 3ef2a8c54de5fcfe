import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EligibilityReason, Vehicle } from '../../sdk/src/index.ts';
import {
  admin,
  book,
  client,
  closeSql,
  listing,
  ok,
  type Person,
  period,
  person,
  refusal,
  renter,
  sql,
} from '../support/world.ts';

let staff: Person;
let host: Person;
let driver: Person;
let walker: Person;
let vehicle: Vehicle;

beforeAll(async () => {
  staff = await admin();
  [host, driver, walker] = await Promise.all([person('host'), renter(staff), person('walker')]);
  vehicle = await listing(host, staff, { lat: 19.3, lng: 105.3, min_hours: 4, notice_hours: 3 });
});

afterAll(closeSql);

describe('what stands in the way of a booking', () => {
  it('is answered all at once, each with its facts and with what to do', async () => {
    const when = period(1, 2);
    const reasons = await ok(walker.journey.vehicles.eligibility({ vehicleId: vehicle.id, ...when }));
    expect(reasons).toMatchObject([
      { code: 'period_too_short', details: { min_hours: 4 } },
      { code: 'notice_too_short', details: { notice_hours: 3 } },
      { code: 'licence_required', details: {} },
    ]);
    for (const { message_en, message_vi } of reasons) {
      expect(message_en).toMatch(/\w/);
      expect(message_vi).not.toBe(message_en);
    }
    expect(await refusal(walker.journey.quotes.create({ vehicleId: vehicle.id, ...when }))).toBe(
      reasons[0]?.code,
    );
  });

  it('is nothing for a renter with a licence, until somebody holds the time', async () => {
    const when = { vehicleId: vehicle.id, ...period(30, 10) };
    expect(await ok(driver.journey.vehicles.eligibility(when))).toEqual([]);
    const booking = await book(driver, vehicle, when);
    expect(await ok(driver.journey.vehicles.eligibility(when))).toMatchObject([
      { code: 'already_held', details: { booking_id: booking.id } },
    ]);
    expect(await ok(walker.journey.vehicles.eligibility(when))).toMatchObject([
      { code: 'licence_required' },
      { code: 'vehicle_unavailable', details: { kinds: ['booked'] } },
    ]);
    expect(await ok(client().vehicles.eligibility(when))).toMatchObject([
      { code: 'unauthenticated' },
      { code: 'vehicle_unavailable' },
    ]);
  });

  it('is marked on the hits of a search that asks for it', async () => {
    const search = { lat: 19.3, lng: 105.3, radiusM: 1000, ...period(60, 10) };
    const hit = async (one: Person, withReasons?: boolean) => {
      const { rows } = await ok(one.journey.vehicles.search({ ...search, withReasons }));
      return rows.find((row) => row.vehicle_id === vehicle.id);
    };
    expect((await hit(walker, true))?.reasons).toEqual(['licence_required']);
    expect((await hit(driver, true))?.reasons).toEqual([]);
    expect(await hit(driver)).not.toHaveProperty('reasons');
  });

  it('has a type for each code that the database can answer', async () => {
    const typed: Record<EligibilityReason['code'], true> = {
      unauthenticated: true,
      account_suspended: true,
      score_too_low: true,
      own_vehicle: true,
      email_unverified: true,
      phone_unverified: true,
      vehicle_not_published: true,
      booking_not_possible: true,
      period_invalid: true,
      period_in_past: true,
      notice_too_short: true,
      vehicle_papers_end: true,
      vehicle_closed: true,
      period_too_short: true,
      period_too_long: true,
      licence_required: true,
      licence_class_mismatch: true,
      licence_expires_early: true,
      licence_holder_too_young: true,
      vehicle_unavailable: true,
      already_held: true,
      too_many_open_bookings: true,
      too_many_days_held: true,
    };
    const found = await sql<{ code: string }>(
      `select distinct e.code
       from pg_proc p, regexp_matches(p.prosrc, '''(\\w+)''', 'g') word
       join private.error_codes e on e.code = word[1]
       where p.pronamespace = 'private'::regnamespace
         and (p.prorettype = any (array['private.eligibility_reason', 'private.eligibility_reason[]']::regtype[]) or p.proname = 'licence_problem')
       order by 1`,
    );
    expect(found.map(({ code }) => code)).toEqual(Object.keys(typed).sort());
  });
});

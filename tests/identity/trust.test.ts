import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  admin,
  client,
  closeSql,
  listing,
  ok,
  type Person,
  period,
  person,
  refusal,
  renter,
} from '../support/world.ts';

let boss: Person;
let driver: Person;

beforeAll(async () => {
  boss = await admin();
  driver = await renter(boss);
});

afterAll(closeSql);

describe('the own credit score', () => {
  it('is read with its reasons in two languages, and by nobody else', async () => {
    const { rows } = await ok(driver.journey.trust.history());
    expect(rows).toMatchObject([
      { kind: 'licence_verified', points: 50, score: 550, voids: null, source: 'driver_licence' },
    ]);
    expect(rows[0]?.reason_vi).not.toBe(rows[0]?.reason_en);
    expect(await ok(driver.journey.profiles.me())).toMatchObject({ credit_score: 550 });
    const stranger = await person('stranger');
    expect((await ok(stranger.journey.trust.history())).rows).toEqual([]);
    expect(await ok(stranger.journey.profiles.get(driver.id))).not.toHaveProperty('credit_score');
    expect(await refusal(client().trust.history())).toBe('unauthenticated');
  });
});

describe('a suspended person', () => {
  it('reads why, books and lists nothing, and is back when an admin says so', async () => {
    const [host, rogue] = [await person('host'), await renter(boss)];
    const vehicle = await listing(host, boss, { lat: 9.1, lng: 105.1 });
    const asked = { vehicleId: vehicle.id, ...period(30, 8) };
    const quote = await ok(rogue.journey.quotes.create(asked));
    expect(await refusal(rogue.journey.admin.people.suspend({ userId: host.id, reason: 'x' }))).toBe(
      'forbidden',
    );
    await ok(boss.journey.admin.people.suspend({ userId: rogue.id, reason: 'forged papers' }));
    expect(await ok(rogue.journey.trust.suspension())).toMatchObject({
      reason: 'forged papers',
      until: null,
    });
    expect(await ok(host.journey.trust.suspension())).toBeNull();
    expect(await refusal(rogue.journey.bookings.create({ quoteId: quote.id }))).toBe('account_suspended');
    expect(await refusal(rogue.journey.quotes.create(asked))).toBe('account_suspended');
    expect(await ok(rogue.journey.vehicles.eligibility(asked))).toMatchObject([
      { code: 'account_suspended' },
    ]);
    await ok(boss.journey.admin.people.reinstate({ userId: rogue.id, reason: 'appeal granted' }));
    expect(await ok(rogue.journey.trust.suspension())).toBeNull();
    expect((await ok(rogue.journey.bookings.create({ quoteId: quote.id }))).status).toBe('pending_payment');
  });

  it('offers nothing as a host until the suspension is over', async () => {
    const host = await person('host');
    const vehicle = await listing(host, boss, { lat: 9.2, lng: 105.2 });
    const search = { lat: 9.2, lng: 105.2, radiusM: 1000, ...period(30, 8) };
    const found = async () => {
      const { rows } = await ok(driver.journey.vehicles.search(search));
      return rows.some((row) => row.vehicle_id === vehicle.id);
    };
    expect(await found()).toBe(true);
    await ok(boss.journey.admin.people.suspend({ userId: host.id, reason: 'fraud' }));
    expect(await found()).toBe(false);
    expect(await refusal(driver.journey.quotes.create({ vehicleId: vehicle.id, ...period(30, 8) }))).toBe(
      'vehicle_not_published',
    );
    await ok(boss.journey.admin.people.reinstate({ userId: host.id, reason: 'cleared' }));
    expect(await found()).toBe(true);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Vehicle } from '../../sdk/src/index.ts';
import { setting } from '../support/setting.ts';
import {
  aCar,
  admin,
  anyPlate,
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

let staff: Person;
let host: Person;
let someone: Person;
let car: Vehicle;

// where no other test has a listing
const place = { lat: -12.5, lng: 44.5 };

beforeAll(async () => {
  staff = await admin();
  [host, someone] = await Promise.all([person('host'), person('someone')]);
  car = await listing(host, staff, place);
});
afterAll(closeSql);

describe('a person who looks for a vehicle', () => {
  it('sees what the period costs, and the quote says the same', async () => {
    const when = period(100, 50);
    const { rows } = await ok(client().vehicles.search({ ...place, ...when, sort: 'total' }));
    expect(rows.map(({ vehicle_id }) => vehicle_id)).toEqual([car.id]);
    const guest = await renter(staff);
    const quote = await ok(guest.journey.quotes.create({ vehicleId: car.id, ...when }));
    expect(rows[0]?.total_amount).toBe(quote.total_amount);
    expect(rows[0]?.deposit_amount).toBe(car.security_deposit);
  });

  it('keeps favourites, which nobody else has', async () => {
    const { vehicles } = someone.journey;
    await ok(vehicles.setFavourite(car.id, true));
    await ok(vehicles.setFavourite(car.id, true));
    expect((await ok(vehicles.favourites())).rows).toMatchObject([
      { id: car.id, title: car.title, price_per_day: car.price_per_day, is_offered: true },
    ]);
    expect((await ok(host.journey.vehicles.favourites())).rows).toEqual([]);
    await ok(vehicles.setFavourite(car.id, false));
    expect((await ok(vehicles.favourites())).rows).toEqual([]);
    const draft = await ok(host.journey.vehicles.create({ ...aCar, plate: anyPlate() }));
    expect(await refusal(vehicles.setFavourite(draft.id, true))).toBe('vehicle_not_found');
  });

  it('saves a search, runs it again, and deletes it', async () => {
    const { savedSearches } = someone.journey;
    const search = { ...place, ...period(100, 50), minSeats: 5 };
    const { id } = await ok(savedSearches.save({ name: 'Five seats', search }));
    const [saved] = (await ok(savedSearches.list())).rows;
    expect(saved).toMatchObject({ id, name: 'Five seats', alerts: true, is_over: false });
    if (!saved) throw new Error('the search is not there');
    const found = await ok(savedSearches.run(saved));
    expect(found.rows.map(({ vehicle_id }) => vehicle_id)).toEqual([car.id]);
    await ok(savedSearches.setAlerts(id, false));
    expect((await ok(savedSearches.list())).rows).toMatchObject([{ id, alerts: false }]);
    expect(await refusal(host.journey.savedSearches.setAlerts(id, true))).toBe('saved_search_not_found');
    await ok(savedSearches.delete(id));
    expect((await ok(savedSearches.list())).rows).toEqual([]);
  });
});

describe('a host', () => {
  it('alone reads plate and address of a listing, where it is edited', async () => {
    const own = await ok(host.journey.vehicles.get(car.id));
    expect(own.place).toMatchObject({
      ...place,
      address: aCar.address,
      plate: expect.stringMatching(/^30A-/),
    });
    expect((await ok(someone.journey.vehicles.get(car.id))).place).toBeNull();
    expect((await ok(client().vehicles.get(car.id))).place).toBeNull();
  });

  it('gives a calendar elsewhere an address at which to read, and ends it', async () => {
    const { vehicles } = host.journey;
    const blocked = await ok(vehicles.block({ vehicleId: car.id, ...period(500, 10) }));
    const { path } = await ok(vehicles.createCalendarLink(car.id));
    const url = new URL(path, setting('API_URL'));
    const answer = await fetch(url);
    expect(answer.headers.get('content-type')).toContain('text/calendar');
    expect((await answer.text()).match(/BEGIN:VEVENT/g)).toHaveLength(1);
    await ok(vehicles.deleteCalendarLink(car.id));
    expect((await fetch(url)).status).toBe(404);
    await ok(vehicles.unblock(blocked.id));
  });

  it('lets a calendar elsewhere block a vehicle, and removes it', async () => {
    const { vehicles } = host.journey;
    const elsewhere = { vehicleId: car.id, name: 'Elsewhere', url: 'https://calendars.example/vehicle.ics' };
    const { id } = await ok(vehicles.addExternalCalendar(elsewhere));
    expect(await ok(vehicles.externalCalendars(car.id))).toMatchObject([
      { id, name: 'Elsewhere', url: elsewhere.url, conflicts: [] },
    ]);
    expect(await ok(someone.journey.vehicles.externalCalendars(car.id))).toEqual([]);
    expect(await refusal(someone.journey.vehicles.removeExternalCalendar(id))).toBe(
      'external_calendar_not_found',
    );
    expect(await refusal(vehicles.addExternalCalendar({ ...elsewhere, url: 'http://127.0.0.1/' }))).toBe(
      'invalid_input',
    );
    await ok(vehicles.removeExternalCalendar(id));
    expect(await ok(vehicles.externalCalendars(car.id))).toEqual([]);
  });
});

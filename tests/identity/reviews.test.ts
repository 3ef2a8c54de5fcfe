import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StoredFile } from '../../sdk/src/index.ts';
import {
  aCar,
  admin,
  anyPlate,
  closeSql,
  ok,
  type Person,
  person,
  refusal,
  sql,
  upload,
} from '../support/world.ts';

let staff: Person;
let host: Person;
let rider: Person;

beforeAll(async () => {
  [staff, host, rider] = await Promise.all([admin(), person('host'), person('rider')]);
});

afterAll(closeSql);

async function submitLicence(one: Person, number: string): Promise<string> {
  const licence = await ok(
    one.journey.licences.submit({
      number,
      fullName: 'Somebody',
      classes: ['B'],
      validUntil: '2045-12-31',
      dateOfBirth: '1990-05-20',
      issuedOn: '2025-03-01',
      frontMediaId: await upload(one, 'licence', 'front'),
      backMediaId: await upload(one, 'licence', 'back'),
    }),
  );
  return licence.id;
}

async function submitVehicle(plate: string): Promise<string> {
  const { id } = await ok(host.journey.vehicles.create({ ...aCar, plate }));
  await ok(
    host.journey.vehicles.addImage({
      vehicleId: id,
      mediaId: await upload(host, 'vehicle_image'),
      position: 0,
    }),
  );
  await ok(host.journey.vehicles.submit(id));
  return id;
}

/** Walks a list with pages of two rows, up to these rows. */
async function walk<Row extends { id: string }>(
  list: AsyncIterable<{ data: Row | null; error: unknown }>,
  ids: string[],
): Promise<Row[]> {
  const found: Row[] = [];
  for await (const { data, error } of list) {
    if (error) throw error;
    if (data && ids.includes(data.id)) found.push(data);
    if (found.length === ids.length) break;
  }
  return found;
}

async function statusOf(urls: (string | null)[]): Promise<number[]> {
  return Promise.all(urls.map(async (url) => (url ? (await fetch(url)).status : 0)));
}

/** How each photo opens, once the worker has made what is shown of it. */
async function opened(photos: readonly StoredFile[]): Promise<number[]> {
  const files = photos.map(({ bucket, path }) => ({ bucket, path }));
  return statusOf(await ok(staff.journey.media.signedUrls(files)));
}

describe('what waits for a review', () => {
  it('lists licences with their photos and with who else has the number, the longest waiting first', async () => {
    const number = `N${crypto.randomUUID().replaceAll('-', '').slice(0, 15)}`;
    const first = await submitLicence(rider, number);
    const second = await submitLicence(host, number.toLowerCase());
    const rows = await walk(staff.journey.admin.licencesToReview({ pageSize: 2 }), [first, second]);
    expect(rows.map(({ id }) => id)).toEqual([first, second]);
    expect(rows[0]?.same_number).toEqual([
      { licence_id: second, user_id: host.id, display_name: 'host', status: 'pending' },
    ]);
    const photos = rows.flatMap(({ front, back }) => [front, back]);
    await expect.poll(() => opened(photos)).toEqual([200, 200, 200, 200]);
    await ok(staff.journey.admin.reviewLicence({ licenceId: first, decision: 'verify' }));
    const refused = await staff.journey.admin.reviewLicence({ licenceId: second, decision: 'verify' });
    expect(refused.error).toMatchObject({ code: 'licence_taken', details: { licence_id: first } });
  });

  it('lists vehicles with their photos and with who else has the plate, the longest waiting first', async () => {
    const plate = anyPlate();
    const first = await submitVehicle(plate);
    const second = await submitVehicle(plate.replace('-', ' '));
    const rows = await walk(staff.journey.admin.vehiclesToReview({ pageSize: 2 }), [first, second]);
    expect(rows.map(({ id }) => id)).toEqual([first, second]);
    expect(rows[0]).toMatchObject({
      plate,
      host_name: 'host',
      published_at: null,
      power_kw: null,
      gross_mass_kg: null,
    });
    expect(rows[0]?.same_plate).toMatchObject([{ vehicle_id: second, status: 'pending_review' }]);
    const photos = rows.flatMap(({ images }) => images);
    await expect.poll(() => opened(photos)).toEqual([200, 200]);
    for (const { id, revision } of rows.slice(0, 1))
      await ok(staff.journey.admin.reviewVehicle({ vehicleId: id, decision: 'publish', revision }));
    const [other] = rows.slice(1);
    const refused = await staff.journey.admin.reviewVehicle({
      vehicleId: second,
      decision: 'publish',
      revision: other?.revision,
    });
    expect(refused.error).toMatchObject({ code: 'plate_taken', details: { vehicle_id: first } });
  });

  it('is shown to admins only', async () => {
    expect(await refusal(host.journey.admin.licencesToReview())).toBe('forbidden');
    expect(await refusal(host.journey.admin.vehiclesToReview())).toBe('forbidden');
  });

  it('is counted in the health, with the hours of the oldest', async () => {
    const [row] = await sql<{ facts: Record<string, number> }>('select private.health_facts() as facts');
    expect(row?.facts).toMatchObject({
      licences_to_review: expect.any(Number),
      licences_to_review_hours: expect.any(Number),
      vehicles_to_review: expect.any(Number),
      vehicles_to_review_hours: expect.any(Number),
    });
    expect(row?.facts.licences_to_review).toBeGreaterThan(0);
    expect(row?.facts.vehicles_to_review).toBeGreaterThan(0);
  });
});

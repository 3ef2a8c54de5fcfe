import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LicenceSubmission } from '../../sdk/src/index.ts';
import { admin, closeSql, ok, type Person, person, refusal, sql, upload } from '../support/world.ts';

let staff: Person;
let rider: Person;

beforeAll(async () => {
  [staff, rider] = await Promise.all([admin(), person('rider')]);
});

afterAll(closeSql);

async function cardOf(one: Person, card: Partial<LicenceSubmission>): Promise<LicenceSubmission> {
  return {
    number: `N${crypto.randomUUID().replaceAll('-', '').slice(0, 15)}`,
    fullName: 'Nguyễn Thị Lan',
    dateOfBirth: '1990-05-20',
    classes: ['A1', 'B'],
    issuedOn: '2025-03-01',
    validUntil: '2035-03-01',
    frontMediaId: await upload(one, 'licence', 'front'),
    backMediaId: await upload(one, 'licence', 'back'),
    ...card,
  };
}

describe('a driver licence', () => {
  it('has the classes of its day of issue, which anybody can list', async () => {
    const classes = await ok(rider.journey.licences.classes());
    const ofScheme = (scheme: string) => classes.filter((one) => one.scheme === scheme);
    expect(ofScheme('before_2025')).toHaveLength(13);
    expect(ofScheme('from_2025')).toHaveLength(15);
    const old = await cardOf(rider, { classes: ['B2'] });
    expect(await refusal(rider.journey.licences.submit(old))).toBe('invalid_input');
  });

  it('of motorbikes alone has no last day', async () => {
    const endless = await person('endless');
    const { validUntil: _none, ...card } = await cardOf(endless, { classes: ['A1'] });
    const licence = await ok(endless.journey.licences.submit(card));
    expect(licence).toMatchObject({ valid_until: null, scheme: 'from_2025', automatic_only: false });
  });

  it('corrects what the photos show otherwise, and tells the person', async () => {
    const entered = await cardOf(rider, { classes: ['B'], issuedOn: '2025-03-01' });
    const { id } = await ok(rider.journey.licences.submit(entered));
    const corrections = { classes: ['A1', 'B1'], issued_on: '2024-03-01', automatic_only: true };
    await ok(staff.journey.admin.reviewLicence({ licenceId: id, decision: 'verify', corrections }));
    const [licence] = (await ok(rider.journey.licences.list())).rows;
    expect(licence).toMatchObject({
      id,
      status: 'verified',
      scheme: 'before_2025',
      ...corrections,
      corrected_fields: ['classes', 'automatic_only', 'issued_on'],
    });
    const told = (await ok(rider.journey.notifications.list())).rows.map(({ body }) => body);
    expect(told.find((body) => body.includes('A1, B1'))).toBeDefined();
  });

  it('is read by a reviewer through addresses that end soon', async () => {
    const waiting = await person('waiting');
    const card = await cardOf(waiting, {});
    const { id } = await ok(waiting.journey.licences.submit(card));
    for (const photo of [card.frontMediaId, card.backMediaId])
      await ok(waiting.journey.media.whenReady(photo));
    for await (const { data, error } of staff.journey.admin.licencesToReview()) {
      if (error) throw error;
      if (data?.id !== id) continue;
      const urls = await ok(staff.journey.media.signedUrls([data.front, data.back], { expiresIn: 1 }));
      const statuses = () => Promise.all(urls.map(async (url) => (await fetch(url ?? '')).status));
      expect(await statuses()).toEqual([200, 200]);
      await new Promise((resolve) => setTimeout(resolve, 2100));
      expect(await statuses()).toEqual([400, 400]);
      return;
    }
    throw new Error('the licence does not wait');
  });
});

describe('a reminder', () => {
  it('is sent once when two runs of the job meet', async () => {
    const ending = await person('ending');
    const { id } = await ok(ending.journey.licences.submit(await cardOf(ending, { classes: ['B'] })));
    await ok(staff.journey.admin.reviewLicence({ licenceId: id, decision: 'verify' }));
    await sql('update public.driver_licences set valid_until = private.licence_day() + 7 where id = $1', [
      id,
    ]);
    await Promise.all(Array.from({ length: 4 }, () => sql('select private.remind_of_licences()')));
    const told = (await ok(ending.journey.notifications.list())).rows;
    expect(told.filter(({ template }) => template === 'licence_expiring')).toHaveLength(1);
  });
});

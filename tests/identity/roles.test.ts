import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setting } from '../support/setting.ts';
import {
  aCar,
  admin,
  anyPlate,
  closeSql,
  ok,
  type Person,
  person,
  refusal,
  upload,
} from '../support/world.ts';

let boss: Person;

beforeAll(async () => {
  boss = await admin();
});

afterAll(closeSql);

async function waitingVehicle(): Promise<string> {
  const host = await person('host');
  const { id: vehicleId } = await ok(host.journey.vehicles.create({ ...aCar, plate: anyPlate() }));
  const mediaId = await upload(host, 'vehicle_image');
  await ok(host.journey.vehicles.addImage({ vehicleId, mediaId, position: 0 }));
  await ok(host.journey.vehicles.submit(vehicleId));
  return vehicleId;
}

describe('a role', () => {
  it('is given and taken by an admin, and works and ends at once in the same session', async () => {
    const helper = await person('helper');
    expect(await refusal(helper.journey.admin.licencesToReview())).toBe('forbidden');
    const change = { userId: helper.id, role: 'support', reason: 'joins the team' } as const;
    expect(await ok(boss.journey.admin.roles.grant(change))).toMatchObject({
      user_id: helper.id,
      role: 'support',
    });
    await ok(helper.journey.admin.licencesToReview());
    expect(await refusal(helper.journey.admin.refunds.list())).toBe('forbidden');
    expect(await refusal(helper.journey.admin.roles.grant({ ...change, role: 'admin' }))).toBe('forbidden');
    const roles = [];
    for await (const { data, error } of boss.journey.admin.roles.list({ pageSize: 1 })) {
      if (error) throw error;
      roles.push(`${data.user_id} ${data.role}`);
    }
    expect(roles).toEqual(expect.arrayContaining([`${boss.id} admin`, `${helper.id} support`]));
    expect(new Set(roles).size).toBe(roles.length);
    await ok(boss.journey.admin.roles.revoke(change));
    expect(await refusal(helper.journey.admin.licencesToReview())).toBe('forbidden');
  });

  it('is not given to oneself, and nobody reaches make_first_admin through the API', async () => {
    const self = { userId: boss.id, role: 'support', reason: 'more' } as const;
    expect(await refusal(boss.journey.admin.roles.grant(self))).toBe('invalid_input');
    for (const key of [setting('PUBLISHABLE_KEY'), setting('SECRET_KEY')]) {
      const answer = await fetch(`${setting('API_URL')}/rest/v1/rpc/make_first_admin`, {
        method: 'POST',
        headers: { apikey: key, 'content-type': 'application/json', 'content-profile': 'private' },
        body: JSON.stringify({ p_email: boss.email }),
      });
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
    }
  });
});

describe('a case that waits for a review', () => {
  it('goes to one of many reviewers who want it at once', async () => {
    const team = await Promise.all([admin(), admin(), admin(), admin()]);
    const id = await waitingVehicle();
    const claims = await Promise.all(
      team.map((one) => one.journey.admin.claimReview({ kind: 'vehicle', subjectId: id })),
    );
    const winner = claims.findIndex(({ error }) => error === null);
    expect(claims.filter(({ error }) => error?.code === 'review_claimed')).toHaveLength(3);
    const mine = team[winner] as Person;
    const other = team[(winner + 1) % 4] as Person;
    const decide = (one: Person) =>
      one.journey.admin.reviewVehicle({ vehicleId: id, decision: 'reject', reason: 'blurred' });
    expect(await refusal(decide(other))).toBe('review_claimed');
    await ok(mine.journey.admin.releaseReview({ kind: 'vehicle', subjectId: id }));
    expect(await ok(other.journey.admin.claimReview({ kind: 'vehicle', subjectId: id }))).toMatchObject({
      claimed_by: other.id,
    });
    expect((await ok(decide(other))).status).toBe('draft');
  });
});

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allAtOnce, openWorld, tally, type World } from '../support/sql.ts';
import { client, closeSql, ok, person, sql } from '../support/world.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});
afterAll(async () => {
  await world?.close();
  await closeSql();
});

const anyToken = () => `ExponentPushToken[${randomUUID()}]`;
const subscription = {
  platform: 'web',
  token: `https://fcm.googleapis.com/fcm/send/${randomUUID()}`,
  p256dh: `B${'a'.repeat(86)}`,
  authSecret: 'b'.repeat(22),
} as const;

describe('a device', () => {
  it('is listed without its token, and ends when it is unregistered', async () => {
    const { journey } = await person('one');
    const phone = await ok(
      journey.devices.register({ platform: 'ios', token: anyToken(), appVersion: '1.4.0', locale: 'vi-VN' }),
    );
    const browser = await ok(journey.devices.register(subscription));
    const listed = await ok(journey.devices.list());
    expect(listed.map(({ id }) => id)).toEqual([browser, phone]);
    expect(listed[1]).toEqual({
      id: phone,
      platform: 'ios',
      app_version: '1.4.0',
      locale: 'vi-VN',
      is_current: true,
      created_at: expect.any(String),
      last_seen_at: expect.any(String),
    });
    await ok(journey.devices.unregister(browser));
    expect((await ok(journey.devices.list())).map(({ id }) => id)).toEqual([phone]);
    const { error } = await journey.devices.register({ ...subscription, authSecret: 'x' });
    expect(error).toMatchObject({ code: 'invalid_input', details: { field: 'authSecret' } });
  });

  it('ends with the sign-out of its session, and the devices of other sessions stay', async () => {
    const one = await person('one');
    const here = await ok(one.journey.devices.register({ platform: 'ios', token: anyToken() }));
    const elsewhere = client();
    await ok(elsewhere.auth.signIn({ email: one.email, password: 'correct horse battery' }));
    await ok(elsewhere.devices.register({ platform: 'android', token: anyToken() }));
    expect((await ok(one.journey.devices.list())).map((row) => row.is_current)).toEqual([false, true]);
    await ok(elsewhere.auth.signOut());
    expect((await ok(one.journey.devices.list())).map(({ id }) => id)).toEqual([here]);
    await ok(one.journey.auth.signOut());
    expect(await sql('select id from private.devices where user_id = $1', [one.id])).toEqual([]);
  });

  it('belongs to one of the people who register it at once', async () => {
    const users: string[] = [];
    for (const name of ['a', 'b', 'c', 'd']) users.push(await world.make('make_user', name));
    const token = anyToken();
    const acts = users.flatMap((user) =>
      [1, 2].map(() => ({
        user,
        text: "private.register_device('ios', $1, null, null, null, null)",
        args: [token],
      })),
    );
    expect(tally(await allAtOnce(acts))).toEqual({ ok: 8 });
    expect(
      await world.value<number>('select count(*)::int from private.devices where token = $1', token),
    ).toBe(1);
  });
});

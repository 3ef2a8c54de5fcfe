import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeVapidPair } from '../../local/push/vapid-keys.ts';
import {
  anyExpoToken,
  pushesTo,
  type Subscribed,
  setSubscription,
  setToken,
  subscribe,
} from '../support/pushes.ts';
import {
  admin,
  client,
  closeSql,
  eventually,
  ok,
  type Person,
  person,
  renter,
  sql,
} from '../support/world.ts';

let key: string;

beforeAll(async () => {
  key = await ok(client().devices.webPushKey());
});
afterAll(closeSql);

interface Delivery {
  id: string;
  device_id: string | null;
  status: string;
  reason: string | null;
  detail: string | null;
  provider: string | null;
  attempts: number;
}

const pushDeliveries = ({ id }: Person): Promise<(Delivery & Record<string, unknown>)[]> =>
  sql('select * from public.deliveries where user_id = $1 and channel = $2 order by created_at, id', [
    id,
    'push',
  ]);

const deviceIds = async ({ id }: Person): Promise<string[]> =>
  (await sql<{ id: string }>('select id from private.devices where user_id = $1', [id])).map((row) => row.id);

/** Tells somebody something that is pushed. */
async function tell({ id }: Person): Promise<void> {
  await sql(`select private.notify($1, 'licence_verified', '{}', $2)`, [id, crypto.randomUUID()]);
}

/** Has what waits for another try done at once. */
async function hurry({ id }: Person): Promise<void> {
  await sql(
    `update private.outbox o set available_at = now() from public.deliveries d
     where o.topic = 'push' and o.status = 'pending' and o.dedupe_key = d.id::text and d.user_id = $1`,
    [id],
  );
}

/** The deliveries of somebody, once each is decided and the worker is done with them. */
const settled = (one: Person): Promise<Delivery[]> =>
  eventually(async () => {
    const rows = await pushDeliveries(one);
    const open = await sql(
      `select 1 from private.outbox o join public.deliveries d on o.dedupe_key = d.id::text
       where o.topic = 'push' and o.status in ('pending', 'leased') and d.user_id = $1`,
      [one.id],
    );
    const isSettled = open.length === 0 && rows.every(({ status }) => status !== 'queued');
    return rows.length > 0 && isSettled ? rows : null;
  });

/** Once sending was tried so many times, and the row waits for the next try. */
const tried = (one: Person, times: number): Promise<Delivery[]> =>
  eventually(async () => {
    const rows = await pushDeliveries(one);
    const waiting = await sql(
      `select 1 from private.outbox o join public.deliveries d on o.dedupe_key = d.id::text
       where o.topic = 'push' and o.status = 'pending' and d.user_id = $1`,
      [one.id],
    );
    return waiting.length > 0 && rows.some(({ attempts }) => attempts >= times) ? rows : null;
  });

async function browserOf(
  one: Person,
  applicationServerKey = key,
): Promise<Subscribed & { deviceId: string }> {
  const browser = await subscribe(applicationServerKey);
  const { endpoint: token, keys } = browser;
  const device = { platform: 'web', token, p256dh: keys.p256dh, authSecret: keys.auth } as const;
  return { ...browser, deviceId: await ok(one.journey.devices.register(device)) };
}

async function phoneOf(one: Person, token = anyExpoToken()): Promise<{ token: string; deviceId: string }> {
  return { token, deviceId: await ok(one.journey.devices.register({ platform: 'android', token })) };
}

describe('a notification', () => {
  it('is pushed to the browser and the phone of its person, with the badge and what opens it', async () => {
    const one = await renter(await admin());
    // what came before the devices is in the inbox alone
    const [browser, phone] = [await browserOf(one), await phoneOf(one)];
    await ok(one.journey.notifications.markAllRead());
    await tell(one);
    const [pushed] = await eventually(async () => {
      const got = await pushesTo(browser.endpoint);
      return got.length > 0 ? got : null;
    });
    const [note] = (await ok(one.journey.notifications.list())).rows;
    expect(pushed).toMatchObject({
      urgency: 'high',
      topic: note?.id.replaceAll('-', ''),
      payload: {
        title: note?.title,
        body: note?.body,
        badge: 1,
        lang: 'en',
        data: { notification_id: note?.id, category: note?.category, template: 'licence_verified' },
      },
    });
    const onPhone = await eventually(async () => (await pushesTo(phone.token))[0]);
    expect(onPhone.payload).toMatchObject({ title: note?.title, badge: 1, channelId: note?.category });
    await settled(one);
    expect(await pushesTo(browser.endpoint)).toHaveLength(1);
    const sent = (await pushDeliveries(one)).filter(({ device_id }) => device_id !== null);
    expect(sent.map(({ status, provider }) => `${status} ${provider}`).sort()).toEqual([
      'sent expo',
      'sent web_push',
    ]);
  });

  it('is pushed once, however often the push service fails first', async () => {
    const one = await person('one');
    const browser = await browserOf(one);
    await setSubscription(browser, { planned: [{ status: 503 }, { status: 500 }] });
    await tell(one);
    for (const times of [1, 2]) {
      await tried(one, times);
      await hurry(one);
    }
    expect(await settled(one)).toMatchObject([{ status: 'sent', attempts: 3, device_id: browser.deviceId }]);
    expect(await pushesTo(browser.endpoint)).toHaveLength(1);
  });

  it('waits as long as the push service asks, and no try is counted', async () => {
    const one = await person('one');
    const browser = await browserOf(one);
    await setSubscription(browser, { planned: [{ status: 429, retryAfter: 600 }] });
    await tell(one);
    await tried(one, 1);
    const [row] = await eventually(async () => {
      const rows = await sql<{ waits: number }>(
        `select o.attempts, o.deferred_reason, extract(epoch from o.available_at - now())::int as waits
         from private.outbox o join public.deliveries d on o.dedupe_key = d.id::text
         where o.topic = 'push' and o.status = 'pending' and o.deferred_reason is not null and d.user_id = $1`,
        [one.id],
      );
      return rows.length > 0 ? rows : null;
    });
    expect(row).toMatchObject({ attempts: 0, deferred_reason: 'rate_limited' });
    expect(row?.waits).toBeGreaterThan(60);
    await hurry(one);
    expect(await settled(one)).toMatchObject([{ status: 'sent' }]);
  });
});

describe('a device', () => {
  it('ends when its push service says that it is gone, and the other devices get the push', async () => {
    const one = await person('one');
    const [gone, uninstalled, phone] = [await browserOf(one), await phoneOf(one), await phoneOf(one)];
    await setSubscription(gone, { isGone: true });
    await setToken(uninstalled.token, { ticketError: 'DeviceNotRegistered' });
    await tell(one);
    const rows = await settled(one);
    expect(rows.map(({ device_id, status }) => [device_id, status]).sort()).toEqual(
      [
        [gone.deviceId, 'failed'],
        [uninstalled.deviceId, 'failed'],
        [phone.deviceId, 'sent'],
      ].sort(),
    );
    expect(await deviceIds(one)).toEqual([phone.deviceId]);
    expect(await pushesTo(phone.token)).toHaveLength(1);
    // nobody need look at it
    const dead = await sql(
      `select 1 from private.outbox o join public.deliveries d on o.dedupe_key = d.id::text where o.status = 'dead' and d.user_id = $1`,
      [one.id],
    );
    expect(dead).toEqual([]);
  });

  it('stays when the push service refuses the key of the sender, and the row says so', async () => {
    const one = await person('one');
    const [foreign, phone] = [await browserOf(one, makeVapidPair().publicKey), await phoneOf(one)];
    await tell(one);
    const rows = await settled(one);
    expect(rows.find(({ device_id }) => device_id === foreign.deviceId)).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('another key'),
    });
    expect(rows.find(({ device_id }) => device_id === phone.deviceId)).toMatchObject({ status: 'sent' });
    expect((await deviceIds(one)).sort()).toEqual([foreign.deviceId, phone.deviceId].sort());
    expect(await pushesTo(foreign.endpoint)).toEqual([]);
  });

  it('gets nothing after the sign-out, also of what was waiting for it', async () => {
    const one = await person('one');
    const browser = await browserOf(one);
    await setSubscription(browser, { planned: [{ status: 503 }] });
    await tell(one);
    await tried(one, 1);
    await ok(one.journey.auth.signOut());
    await hurry(one);
    expect(await settled(one)).toMatchObject([{ status: 'suppressed', reason: 'device_gone' }]);
    await tell(one);
    expect((await settled(one)).at(-1)).toMatchObject({ status: 'suppressed', reason: 'no_device' });
    expect(await pushesTo(browser.endpoint)).toEqual([]);
  });

  it('that somebody else has now gets nothing that was meant for the person before', async () => {
    const [before, now] = [await person('before'), await person('now')];
    const { token } = await phoneOf(before);
    await setToken(token, { planned: [{ status: 502 }] });
    await tell(before);
    await tried(before, 1);
    await phoneOf(now, token);
    await hurry(before);
    expect(await settled(before)).toMatchObject([{ status: 'suppressed', reason: 'device_gone' }]);
    expect(await pushesTo(token)).toEqual([]);
    await tell(now);
    expect(await settled(now)).toMatchObject([{ status: 'sent' }]);
    expect(await pushesTo(token)).toHaveLength(1);
  });
});

describe('the receipts of Expo', () => {
  /** As if the pushes of somebody had been sent long enough ago to ask about them. */
  const askAbout = async (one: Person): Promise<void> => {
    await sql(
      `update public.deliveries set sent_at = sent_at - interval '20 minutes', decided_at = decided_at - interval '20 minutes'
       where user_id = $1 and status = 'sent'`,
      [one.id],
    );
    await sql('select private.queue_push_receipts()');
  };

  it('say what arrived, and end a device that is no longer registered', async () => {
    const one = await person('one');
    const [works, gone] = [await phoneOf(one), await phoneOf(one)];
    await sql(
      `update private.devices set last_seen_at = last_seen_at - interval '1 hour' where user_id = $1`,
      [one.id],
    );
    await setToken(gone.token, { receiptError: 'DeviceNotRegistered' });
    await tell(one);
    await settled(one);
    expect((await deviceIds(one)).sort()).toEqual([works.deviceId, gone.deviceId].sort());
    await askAbout(one);
    const rows = await eventually(async () => {
      const now = await pushDeliveries(one);
      return now.every(({ status }) => status !== 'sent') ? now : null;
    });
    expect(rows.find(({ device_id }) => device_id === works.deviceId)).toMatchObject({ status: 'delivered' });
    expect(rows.find(({ device_id }) => device_id === gone.deviceId)).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('DeviceNotRegistered'),
    });
    expect(await deviceIds(one)).toEqual([works.deviceId]);
  });

  it('leave a device that was registered again after the push', async () => {
    const one = await person('one');
    const phone = await phoneOf(one);
    await setToken(phone.token, { receiptError: 'DeviceNotRegistered' });
    await tell(one);
    await settled(one);
    await phoneOf(one, phone.token);
    await askAbout(one);
    await eventually(async () => ((await pushDeliveries(one))[0]?.status === 'failed' ? true : null));
    expect(await deviceIds(one)).toEqual([phone.deviceId]);
  });

  it('have a push sent again that Expo could not pass on', async () => {
    const one = await person('one');
    const phone = await phoneOf(one);
    await setToken(phone.token, { receiptError: 'MessageRateExceeded' });
    await tell(one);
    await settled(one);
    await setToken(phone.token, { receiptError: null });
    await askAbout(one);
    await eventually(async () => ((await pushDeliveries(one))[0]?.status === 'queued' ? true : null));
    expect(await pushesTo(phone.token)).toEqual([]);
    await hurry(one);
    expect(await settled(one)).toMatchObject([{ status: 'sent', attempts: 2 }]);
    expect(await pushesTo(phone.token)).toHaveLength(1);
  });
});

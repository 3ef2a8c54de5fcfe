import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { encryptNotification, vapidHeaders } from '@block65/webcrypto-web-push';
import { describe, expect, it, onTestFinished } from 'vitest';
import { decryptPush, NotDecryptable } from '../../local/push/decrypt.ts';
import { vapidProblem } from '../../local/push/vapid.ts';
import { makeVapidPair } from '../../local/push/vapid-keys.ts';
import { pushOrigin } from '../../local/push/web.ts';
import type { PushMessage, PushTarget } from '../../supabase/functions/_shared/push/message.ts';
import {
  createPushSender,
  localPushHost,
  locateEndpoint,
} from '../../supabase/functions/_shared/push/sender.ts';
import {
  anyExpoToken,
  localPushEnv,
  pushesTo,
  type Subscribed,
  setSubscription,
  setToken,
  subscribe,
} from '../support/pushes.ts';
import { setting } from '../support/setting.ts';

const message: PushMessage = {
  title: 'Chuyến đi đã xác nhận',
  body: 'Xe chờ bạn lúc 09:30 – "Vios" <30A>',
  data: { notification_id: '6f1c2d3e-0000-4000-8000-000000000001', category: 'booking' },
  badge: 3,
  collapseId: '6f1c2d3e00004000800000000000abcd',
  category: 'booking',
  locale: 'vi',
  urgency: 'high',
  ttlSeconds: 86_400,
};
const pair = makeVapidPair();
const sender = (keys = pair, changes: Record<string, unknown> = {}) =>
  createPushSender(
    { ...localPushEnv(), VAPID_PUBLIC_KEY: keys.publicKey, VAPID_PRIVATE_KEY: keys.privateKey, ...changes },
    Date.now,
  );
const toBrowser = ({ endpoint, keys }: Subscribed): PushTarget => ({
  ...{ kind: 'web', endpoint, p256dh: keys.p256dh, authSecret: keys.auth },
});
const toPhone = (token: string): PushTarget => ({ kind: 'expo', token });
const bytes = (text: string): Buffer => Buffer.from(text, 'base64url');

describe('the browser of the local push service', () => {
  // RFC 8291, appendix A
  const example = {
    privateKey: bytes('q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94'),
    authSecret: bytes('BTBZMqHH6r4Tts7J_aSIgg'),
    body: bytes(
      'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
    ),
  };

  it('decrypts the example of RFC 8291', () => {
    expect(decryptPush(example.body, example).toString()).toBe('When I grow up, I want to be a watermelon');
  });

  it('refuses what was changed on the way, and what was encrypted for somebody else', () => {
    for (const at of [0, 30, example.body.length - 1]) {
      const changed = Buffer.from(example.body);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => decryptPush(changed, example), `byte ${at}`).toThrow(NotDecryptable);
    }
    expect(() => decryptPush(example.body, { ...example, authSecret: Buffer.alloc(16) })).toThrow('another');
    expect(() => decryptPush(example.body.subarray(0, 20), example)).toThrow('header');
    expect(() => decryptPush(example.body.subarray(0, 95), example)).toThrow(NotDecryptable);
  });

  it('decrypts what the library of the sender encrypts for the key of that example, padded to one size', async () => {
    const subscription = {
      endpoint: `${pushOrigin}/x`,
      expirationTime: null,
      keys: {
        p256dh: 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
        auth: 'BTBZMqHH6r4Tts7J_aSIgg',
      },
    };
    const sizes = await Promise.all(
      ['', 'à', 'x'.repeat(3993)].map(async (text) => {
        const body = Buffer.from(await encryptNotification(subscription, new TextEncoder().encode(text)));
        expect(decryptPush(body, example).toString()).toBe(text);
        return body.length;
      }),
    );
    expect(sizes).toEqual([4096, 4096, 4096]);
  });
});

describe('the signature of a sender', () => {
  const vapid = { ...pair, subject: 'mailto:operator@journey.example' };
  const problem = async (changes: Record<string, unknown> = {}, header?: string) => {
    const subscription = {
      endpoint: `${pushOrigin}/x`,
      expirationTime: null,
      keys: { p256dh: '', auth: '' },
    };
    const { headers } = await vapidHeaders(subscription, vapid);
    const asked = { audience: pushOrigin, subscribedWith: pair.publicKey, now: Date.now() };
    return vapidProblem(header ?? headers.authorization, { ...asked, ...changes });
  };

  it('is accepted for its audience and its key, until it expires', async () => {
    expect(await problem()).toBeNull();
    expect(await problem({ audience: 'https://fcm.googleapis.com' })).toContain('audience');
    expect(await problem({ subscribedWith: makeVapidPair().publicKey })).toContain('another key');
    expect(await problem({ now: Date.now() + 13 * 3600_000 })).toContain('expired');
    expect(await problem({ now: Date.now() - 13 * 3600_000 })).toContain('more than a day');
  });

  it('is refused when it is missing, of another key, or changed', async () => {
    expect(await problem({}, 'Bearer x')).toContain('not signed');
    const other = makeVapidPair();
    const forged = await vapidHeaders(
      { endpoint: `${pushOrigin}/x`, expirationTime: null, keys: { p256dh: '', auth: '' } },
      { ...vapid, ...other },
    );
    const token = /t=([^,]+)/.exec(forged.headers.authorization)?.[1] ?? '';
    expect(await problem({}, `vapid t=${token}, k=${pair.publicKey}`)).toContain('signature');
    const [head, , signature] = token.split('.');
    const claims = Buffer.from(JSON.stringify({ aud: pushOrigin, exp: Date.now() / 1000 + 60 })).toString(
      'base64url',
    );
    expect(await problem({}, `vapid t=${head}.${claims}.${signature}, k=${pair.publicKey}`)).toContain(
      'signature',
    );
  });
});

describe('a web push', () => {
  it('arrives decrypted, with its urgency, lifetime and topic', async () => {
    const browser = await subscribe(pair.publicKey);
    const result = await sender().send(message, toBrowser(browser));
    expect(result).toEqual({ kind: 'sent', id: expect.stringContaining(`${pushOrigin}/m/`) });
    expect(await pushesTo(browser.endpoint)).toEqual([
      {
        id: expect.any(String),
        created_at: expect.any(String),
        service: 'web',
        to: browser.endpoint,
        ttl: 86_400,
        urgency: 'high',
        topic: message.collapseId,
        payload: {
          title: message.title,
          body: message.body,
          data: message.data,
          badge: 3,
          tag: message.collapseId,
          category: 'booking',
          lang: 'vi',
        },
      },
    ]);
  });

  it('is refused by the push service when another key signs it', async () => {
    const browser = await subscribe(pair.publicKey);
    const refused = await sender(makeVapidPair()).send(message, toBrowser(browser));
    expect(refused).toEqual({ kind: 'refused', reason: expect.stringContaining('403') });
    const mixed = { publicKey: pair.publicKey, privateKey: makeVapidPair().privateKey };
    const forged = await sender(mixed).send(message, toBrowser(browser));
    expect(forged.kind).toBe('refused');
    expect(await pushesTo(browser.endpoint)).toEqual([]);
  });

  it('is told apart by what the push service answers', async () => {
    const browser = await subscribe(pair.publicKey);
    const answered = async (status: number, retryAfter?: number) => {
      await setSubscription(browser, { planned: [{ status, retryAfter }] });
      return sender().send(message, toBrowser(browser));
    };
    expect((await answered(404)).kind).toBe('gone');
    expect((await answered(410)).kind).toBe('gone');
    expect((await answered(413)).kind).toBe('refused');
    expect((await answered(400)).kind).toBe('refused');
    expect((await answered(500)).kind).toBe('retry');
    expect((await answered(503)).kind).toBe('retry');
    expect(await answered(503, 7)).toMatchObject({ kind: 'wait', seconds: 7 });
    expect(await answered(429, 120)).toMatchObject({ kind: 'wait', seconds: 120 });
    expect(await answered(429)).toMatchObject({ kind: 'wait', seconds: 60 });
    expect(await pushesTo(browser.endpoint)).toEqual([]);
    await setSubscription(browser, { isGone: true });
    expect((await sender().send(message, toBrowser(browser))).kind).toBe('gone');
  });

  it('follows no redirect, which would lead to a host that nobody has checked', async () => {
    const [browser, elsewhere] = await Promise.all([subscribe(pair.publicKey), subscribe(pair.publicKey)]);
    const location = `${setting('MAIL_URL')}/web-push/${elsewhere.id}`;
    for (const status of [301, 307, 308]) {
      await setSubscription(browser, { planned: [{ status, location }] });
      expect((await sender().send(message, toBrowser(browser))).kind, String(status)).toBe('refused');
    }
    expect(await pushesTo(elsewhere.endpoint)).toEqual([]);
  });

  it('is refused when the keys of the subscription are no keys', async () => {
    const browser = await subscribe(pair.publicKey);
    const target = { ...toBrowser(browser), p256dh: `B${'a'.repeat(86)}` } as PushTarget;
    expect(await sender().send(message, target)).toMatchObject({ kind: 'refused' });
  });

  it('is tried again when the push service cannot be reached', async () => {
    const browser = await subscribe(pair.publicKey);
    const away = sender(pair, { WEB_PUSH_LOCAL_URL: 'http://127.0.0.1:9' });
    expect((await away.send(message, toBrowser(browser))).kind).toBe('retry');
  });

  it('waits for an operator without keys, and the problem names the variable', async () => {
    const browser = await subscribe(pair.publicKey);
    const none = createPushSender({ ...localPushEnv(), VAPID_SUBJECT: undefined }, Date.now);
    expect(await none.send(message, toBrowser(browser))).toMatchObject({ kind: 'not_configured' });
    expect([none.problems, none.webPushKey]).toEqual([[], null]);
    const half = createPushSender(localPushEnv(), Date.now);
    expect(half.problems).toEqual([expect.stringContaining('VAPID_PUBLIC_KEY')]);
    expect(sender(pair, { VAPID_SUBJECT: 'me' }).problems).toEqual([
      expect.stringContaining('VAPID_SUBJECT'),
    ]);
    expect(sender().webPushKey).toBe(pair.publicKey);
  });

  it('with long texts is shortened to what every push service takes, between two characters', async () => {
    const browser = await subscribe(pair.publicKey);
    const phone = anyExpoToken();
    const long = { ...message, title: '👩‍👩‍👧'.repeat(200), body: 'ệ'.repeat(5000) };
    for (const target of [toBrowser(browser), toPhone(phone)]) {
      expect((await sender().send(long, target)).kind).toBe('sent');
    }
    for (const to of [browser.endpoint, phone]) {
      const [push] = await pushesTo(to);
      expect(push?.payload.title).toMatch(/^(👩‍👩‍👧)+…$/u);
      expect(push?.payload.body).toMatch(/^ệ+…$/u);
      expect(String(push?.payload.body).length).toBeGreaterThan(500);
    }
  });
});

describe('the address of the local push service', () => {
  it('is used for the one host that exists nowhere else, and by no stack but a local one', () => {
    const local = locateEndpoint({ JOURNEY_ENV: 'local', WEB_PUSH_LOCAL_URL: 'http://127.0.0.1:1' });
    expect(local(`https://${localPushHost}/a`)).toBe('http://127.0.0.1:1/web-push/a');
    expect(pushOrigin).toBe(`https://${localPushHost}`);
    for (const endpoint of ['https://fcm.googleapis.com/fcm/send/a', `https://x.${localPushHost}/a`]) {
      expect(local(endpoint)).toBe(endpoint);
    }
    for (const JOURNEY_ENV of ['staging', 'production'] as const) {
      expect(() => locateEndpoint({ JOURNEY_ENV, WEB_PUSH_LOCAL_URL: 'http://127.0.0.1:1' })).toThrow(
        'local only',
      );
      expect(locateEndpoint({ JOURNEY_ENV })(`https://${localPushHost}/a`)).toBe(
        `https://${localPushHost}/a`,
      );
    }
  });
});

describe('a push by Expo', () => {
  it('arrives with badge, channel and collapse id, and its receipt says so', async () => {
    const phone = anyExpoToken();
    const result = await sender().send(message, toPhone(phone));
    expect(result).toEqual({ kind: 'sent', id: expect.any(String) });
    const [push] = await pushesTo(phone);
    expect(push).toMatchObject({
      ...{ service: 'expo', ttl: 86_400, urgency: 'high', topic: message.collapseId },
      payload: {
        ...{ title: message.title, body: message.body, data: message.data, badge: 3 },
        ...{
          channelId: 'booking',
          collapseId: message.collapseId,
          tag: message.collapseId,
          sound: 'default',
        },
      },
    });
    const ticket = result.kind === 'sent' ? (result.id ?? '') : '';
    const receipts = await sender().receipts([ticket, 'unknown-ticket']);
    expect([...receipts]).toEqual([[ticket, { kind: 'delivered' }]]);
  });

  it('is told apart by the error of its ticket, each phone for itself', async () => {
    const phones = { ok: anyExpoToken(), gone: anyExpoToken(), often: anyExpoToken(), keys: anyExpoToken() };
    await setToken(phones.gone, { ticketError: 'DeviceNotRegistered' });
    await setToken(phones.often, { ticketError: 'MessageRateExceeded' });
    await setToken(phones.keys, { ticketError: 'InvalidCredentials' });
    const push = sender();
    const kinds = await Promise.all(
      Object.values(phones).map(async (phone) => (await push.send(message, toPhone(phone))).kind),
    );
    expect(kinds).toEqual(['sent', 'gone', 'retry', 'refused']);
    // a log must not hold a token
    const { reason } = (await push.send(message, toPhone(phones.gone))) as { reason: string };
    expect(reason).toContain('DeviceNotRegistered');
    expect(reason).not.toContain(phones.gone);
  });

  it('is told apart by the error of its receipt', async () => {
    const errors = ['DeviceNotRegistered', 'MessageTooBig', 'MessageRateExceeded', 'InvalidCredentials'];
    const push = sender();
    const tickets = await Promise.all(
      errors.map(async (receiptError) => {
        const phone = anyExpoToken();
        await setToken(phone, { receiptError });
        const sent = await push.send(message, toPhone(phone));
        return sent.kind === 'sent' ? (sent.id ?? '') : '';
      }),
    );
    const receipts = await push.receipts(tickets);
    expect(tickets.map((ticket) => receipts.get(ticket)?.kind)).toEqual([
      'gone',
      'refused',
      'retry',
      'refused',
    ]);
  });

  it('goes in batches of at most a hundred', async () => {
    const sizes: number[] = [];
    const expo = createServer((request, response) => {
      let text = '';
      request.on('data', (part: Buffer) => {
        text += part;
      });
      request.on('end', () => {
        const { length } = JSON.parse(text) as unknown[];
        sizes.push(length);
        response.end(JSON.stringify({ data: Array(length).fill({ status: 'ok', id: 'ticket' }) }));
      });
    });
    onTestFinished(() => void expo.close());
    await new Promise<void>((resolve) => expo.listen(0, '127.0.0.1', resolve));
    const { port } = expo.address() as AddressInfo;
    const push = sender(pair, { EXPO_API_URL: `http://127.0.0.1:${port}` });
    const phones = Array.from({ length: 250 }, anyExpoToken);
    const results = await Promise.all(phones.map((phone) => push.send(message, toPhone(phone))));
    expect(results.filter(({ kind }) => kind === 'sent')).toHaveLength(250);
    expect(sizes.sort((a, b) => b - a)).toEqual([100, 100, 50]);
  });

  it('whose token Expo does not take spoils no other push of its batch', async () => {
    const phones = Array.from({ length: 9 }, anyExpoToken);
    const push = sender();
    const results = await Promise.all(
      ['NoToken[x]', ...phones].map((phone) => push.send(message, toPhone(phone))),
    );
    expect(results.map(({ kind }) => kind)).toEqual(['refused', ...Array(9).fill('sent')]);
    for (const phone of phones) expect(await pushesTo(phone)).toHaveLength(1);
  });

  it('waits as long as Expo asks, and is tried again after a fault of Expo', async () => {
    const phone = anyExpoToken();
    await setToken(phone, { planned: [{ status: 429, retryAfter: 30 }, { status: 502 }] });
    expect(await sender().send(message, toPhone(phone))).toMatchObject({ kind: 'wait', seconds: 30 });
    expect((await sender().send(message, toPhone(phone))).kind).toBe('retry');
    expect(await pushesTo(phone)).toEqual([]);
    expect((await sender().send(message, toPhone(phone))).kind).toBe('sent');
    const away = sender(pair, { EXPO_API_URL: 'http://127.0.0.1:9' });
    expect((await away.send(message, toPhone(phone))).kind).toBe('retry');
  });

  it('waits for an operator when Expo refuses the access token', async () => {
    const wrong = sender(pair, { EXPO_ACCESS_TOKEN: 'wrong' });
    expect(await wrong.send(message, toPhone(anyExpoToken()))).toMatchObject({
      kind: 'not_configured',
      reason: expect.stringContaining('EXPO_ACCESS_TOKEN'),
    });
    await expect(wrong.receipts(['x'])).rejects.toThrow('401');
  });
});

it('the page of caught pushes shows them as text, and links to the mails', async () => {
  const phone = anyExpoToken();
  await sender().send({ ...message, title: '<b>Paid</b>' }, toPhone(phone));
  const page = await (await fetch(`${setting('MAIL_URL')}/push`)).text();
  expect(page).toContain('&lt;b&gt;Paid&lt;/b&gt;');
  expect(page).toContain(phone);
  expect(page).toContain('<a href="/">');
  expect(await (await fetch(setting('MAIL_URL'))).text()).toContain('<a href="/push">');
});

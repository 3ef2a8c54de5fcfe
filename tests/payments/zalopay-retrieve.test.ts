import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxMerchants } from '../../local/sandbox/merchants.ts';
import { createZalopay } from '../../supabase/functions/_shared/payments/zalopay/index.ts';
import { construct, type Rig, rateLimited, startRig } from './sandbox.ts';

const { appId, key1, key2 } = sandboxMerchants.zalopay;
let rig: Rig;

beforeAll(async () => {
  rig = await startRig('zalopay');
});
afterAll(() => rig.close());

type Made = { reference: string; providerData: Record<string, unknown> };
const retrieve = ({ reference, providerData }: Made, provider = rig.provider) =>
  provider.retrieve({ reference, providerData, amount: 1_500_000, currency: 'VND' });

/** The wrapper at another time, or with answers of our own. */
function wrapper(changes: {
  answer?: string;
  status?: number;
  now?: number;
  key1?: string;
  apiUrl?: string;
}) {
  const { answer, status = 200, now } = changes;
  const config = {
    appId,
    key1: changes.key1 ?? key1,
    key2,
    apiUrl: changes.apiUrl ?? `${rig.url}/zalopay`,
  };
  const scripted: typeof fetch = async () => new Response(answer, { status });
  return createZalopay(config, {
    fetch: answer === undefined ? fetch : scripted,
    now: () => now ?? Date.now(),
  });
}

const made: Made = { reference: 'J26112100000042', providerData: { app_time: Date.now() } };
const pending = {
  kind: 'reports',
  reports: [expect.objectContaining({ outcome: 'pending', failureCode: null })],
};
const failed = (failureCode: string) => ({
  kind: 'reports',
  reports: [
    expect.objectContaining({ outcome: 'failed', failureCode, transactionId: null, amount: 1_500_000 }),
  ],
});

describe('asking about a payment', () => {
  it('brings the same report, under the same event id, as the notification that never came', async () => {
    const checkout = await rig.checkout();
    await rig.pay({ redirectUrl: checkout.redirectUrl, outcome: 'success', notify: { never: true } });
    const found = await retrieve(checkout);
    await rig.post('/zalopay/api/notify', { reference: checkout.reference });
    const constructed = await construct(rig, rig.received.at(-1));
    expect(found).toMatchObject({ kind: 'reports', reports: [{ outcome: 'succeeded', amount: 1_500_000 }] });
    const report = found.kind === 'reports' ? found.reports[0] : null;
    expect(constructed).toEqual({ verified: true, event: { kind: 'payment', report } });
  });

  it('says pending while nobody has paid, also when the payer has gone back, and failed after it is over', async () => {
    const checkout = await rig.checkout();
    expect(await retrieve(checkout)).toEqual(pending);
    await rig.pay({ redirectUrl: checkout.redirectUrl, outcome: 'cancel' });
    expect(await retrieve(checkout)).toEqual(pending);
    await rig.pay({ redirectUrl: checkout.redirectUrl, outcome: 'expire' });
    expect(await retrieve(checkout)).toEqual(failed('-54'));
  });

  it('says failed when the payer had too little money, and succeeded when it was paid after all', async () => {
    const { redirectUrl, ...checkout } = await rig.checkout();
    await rig.pay({ redirectUrl, outcome: 'insufficient_funds' });
    expect(await retrieve(checkout)).toEqual(failed('-63'));
    await rig.pay({ reference: checkout.reference, outcome: 'success', again: true });
    expect(await retrieve(checkout)).toMatchObject({ reports: [{ outcome: 'succeeded' }] });
  });

  it.each([
    ['success', 'succeeded'],
    ['insufficient_funds', 'failed'],
  ])('says pending until the bank has decided, then %s', async (outcome, expected) => {
    const { redirectUrl, ...checkout } = await rig.checkout();
    await rig.pay({ redirectUrl, outcome: 'pending' });
    expect(await retrieve(checkout)).toEqual(pending);
    expect((await rig.pay({ reference: checkout.reference, outcome })).status).toBe(400);
    await rig.pay({ reference: checkout.reference, outcome, again: true });
    expect(await retrieve(checkout)).toMatchObject({ reports: [{ outcome: expected }] });
  });

  it('finds money that came after the order had ended', async () => {
    const { redirectUrl, ...checkout } = await rig.checkout();
    await rig.pay({ redirectUrl, outcome: 'expire' });
    const late = { reference: checkout.reference, outcome: 'success', again: true, notify: { never: true } };
    await rig.pay(late);
    expect(await retrieve(checkout)).toMatchObject({ reports: [{ outcome: 'succeeded' }] });
  });

  it('does not call a refused payer failed while an order that outlives our hold can still be paid', async () => {
    const createdAt = Date.now();
    const { redirectUrl, ...checkout } = await rig.checkout({ createdAt, expiresAt: createdAt + 20_000 });
    await rig.pay({ redirectUrl, outcome: 'insufficient_funds' });
    expect(await retrieve(checkout)).toEqual(pending);
    const afterwards = wrapper({ now: createdAt + 300_000 });
    expect(await retrieve(checkout, afterwards)).toEqual(failed('-63'));
    await rig.pay({ reference: checkout.reference, outcome: 'expire', again: true });
    expect(await retrieve(checkout)).toEqual(failed('-54'));
  });

  it('says not found, which nothing proves, for an order that was never made', async () => {
    expect(await retrieve(made)).toEqual({ kind: 'not_found', signed: false });
  });

  it('learns nothing after 48 hours, when ZaloPay has forgotten, except of money', async () => {
    const { redirectUrl, ...checkout } = await rig.checkout();
    const later = wrapper({ now: Date.now() + 48 * 3_600_000 + 1_000 });
    const tooOld = { kind: 'no_information', reason: 'too_old' };
    expect(await retrieve(checkout, later)).toEqual(tooOld);
    await rig.pay({ redirectUrl, outcome: 'expire' });
    expect(await retrieve(checkout, later)).toEqual(tooOld);
    const unknown = { ...made, providerData: checkout.providerData };
    expect(await retrieve(unknown, later)).toEqual(tooOld);
    await rig.pay({ reference: checkout.reference, outcome: 'success', again: true });
    expect(await retrieve(checkout, later)).toMatchObject({ reports: [{ outcome: 'succeeded' }] });
  });

  it('gets the time to wait when VNPay limits it', async () => {
    await rig.post('/zalopay/api/settings', { throttleMs: 60_000 });
    try {
      const checkout = await rig.checkout();
      expect(await retrieve(checkout)).toEqual(pending);
      await expect(retrieve(checkout)).rejects.toThrow(rateLimited('zalopay'));
    } finally {
      await rig.post('/zalopay/api/settings', { throttleMs: 0 });
    }
  });

  it('learns nothing with foreign keys', async () => {
    const denied = { kind: 'no_information', reason: '-402' };
    expect(await retrieve(made, wrapper({ key1: 'another' }))).toEqual(denied);
  });
});

describe('an answer', () => {
  const paid = { return_code: 1, sub_return_code: 1, amount: 1_500_000, zp_trans_id: 261_121_000_000_389 };
  const retrieveFrom = (answer: unknown, status = 200) =>
    retrieve(made, wrapper({ answer: typeof answer === 'string' ? answer : JSON.stringify(answer), status }));

  it('about money keeps every digit of its id', async () => {
    const json = JSON.stringify(paid).replace('261121000000389', '9223372036854775807');
    expect(await retrieveFrom(json)).toMatchObject({
      reports: [
        { transactionId: '9223372036854775807', eventId: expect.stringContaining(':9223372036854775807:') },
      ],
    });
  });

  it.each([{ amount: 0 }, { amount: 1.5 }, { amount: null }, { zp_trans_id: 0 }, { zp_trans_id: 'x' }])(
    'about money with %j is none',
    async (changes) => {
      expect(await retrieveFrom({ ...paid, ...changes })).toEqual({
        kind: 'no_information',
        reason: 'malformed',
      });
    },
  );

  it.each([-401, -402, -403, -500, -503, -999, -92])(
    '%i is no information, wherever ZaloPay writes it',
    async (code) => {
      const nothing = { kind: 'no_information', reason: String(code) };
      expect(await retrieveFrom({ return_code: 2, sub_return_code: code })).toEqual(nothing);
      if (code !== -92) expect(await retrieveFrom({ return_code: code })).toEqual(nothing);
    },
  );

  it('of an order that is still in process is pending, although it failed so far', async () => {
    expect(await retrieveFrom({ return_code: 2, sub_return_code: -217, is_processing: true })).toEqual(
      pending,
    );
    expect(await retrieveFrom({ return_code: 3, sub_return_code: -49 })).toEqual(pending);
  });

  it('that the order is unknown is not found, in both of its codes', async () => {
    for (const sub_return_code of [-101, -49]) {
      expect(await retrieveFrom({ return_code: 2, sub_return_code })).toEqual({
        kind: 'not_found',
        signed: false,
      });
    }
  });

  it.each([{}, { return_code: 0 }, { return_code: 7 }, { return_code: null }, { return_code: [1] }])(
    'of %j is no information',
    async (answer) => {
      expect(await retrieveFrom(answer)).toMatchObject({ kind: 'no_information' });
    },
  );

  it.each(['', '<html>', 'null', '{'])('of %j does not count, and ZaloPay is unavailable', async (answer) => {
    await expect(retrieveFrom(answer, 502)).rejects.toThrow(
      expect.objectContaining({ code: 'provider_unavailable' }),
    );
  });

  it('that does not come makes ZaloPay unavailable', async () => {
    const down = wrapper({ apiUrl: 'http://127.0.0.1:9' });
    await expect(retrieve(made, down)).rejects.toThrow(
      expect.objectContaining({ code: 'provider_unavailable' }),
    );
  });
});

describe('cancelling', () => {
  it('is not possible, because an order ends by itself', async () => {
    expect(await rig.provider.cancel({ ...made, amount: 1_500_000, currency: 'VND' })).toBe('unsupported');
  });
});

import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxMerchants } from '../../local/sandbox/merchants.ts';
import { createZalopay } from '../../supabase/functions/_shared/payments/zalopay/index.ts';
import { nextReference, type Rig, startRig } from './sandbox.ts';

const { appId, key1, key2 } = sandboxMerchants.zalopay;
let rig: Rig;

beforeAll(async () => {
  rig = await startRig('zalopay');
});
afterAll(() => rig.close());

const attempt = {
  amount: 50_000,
  currency: 'VND',
  createdAt: Date.now(),
  expiresAt: Date.now() + 900_000,
  description: 'x',
  locale: 'vi',
  clientIp: '127.0.0.1',
  returnUrl: 'http://127.0.0.1:9/r',
  webhookUrl: 'http://127.0.0.1:9/n',
} as const;

/** An order as the wrapper would send it, with changes made after or before it is signed. */
async function order(changes: Record<string, unknown> = {}, later: Record<string, unknown> = {}) {
  const reference = nextReference();
  const message: Record<string, unknown> = {
    app_id: Number(appId),
    app_trans_id: `${reference.slice(1, 7)}_${reference}`,
    app_user: 'journey',
    amount: 50_000,
    app_time: Date.now(),
    embed_data: '{}',
    item: '[]',
    description: 'Thanh toán',
    ...changes,
  };
  const names = ['app_id', 'app_trans_id', 'app_user', 'amount', 'app_time', 'embed_data', 'item'];
  const mac = createHmac('sha256', key1)
    .update(names.map((name) => message[name]).join('|'))
    .digest('hex');
  const { body } = await rig.post('/zalopay/v2/create', { ...message, mac, ...later });
  return body;
}

describe('an order', () => {
  it('has a page to pay on, a QR code and what later calls need', async () => {
    const { redirectUrl, qrPayload, details, providerData, reference } = await rig.checkout();
    const page = await (await fetch(String(redirectUrl))).text();
    expect(page).toContain('Pay 1.500.000 VND');
    expect(page).toContain('Thanh toán đơn (JB7K2M9Q)!');
    expect(qrPayload).toMatch(/^00020101021226.*vn\.zalopay.*54071500000.*6304[0-9A-F]{4}$/);
    expect(details).toEqual({});
    const { app_time } = providerData;
    expect(providerData).toEqual({ app_trans_id: `${reference.slice(1, 7)}_${reference}`, app_time });
  });

  it('ends with our hold, and never sooner than five minutes or later than 30 days from now', async () => {
    const createdAt = Date.now();
    const lives = async (ms: number) => {
      const { reference, providerData } = await rig.checkout({ createdAt, expiresAt: createdAt + ms });
      const all = await (await fetch(`${rig.url}/zalopay/api/transactions`)).json();
      const made = (all as { reference: string; expiresAt: number }[]).find(
        (one) => one.reference === reference,
      );
      return { seconds: (Number(made?.expiresAt) - createdAt) / 1000, openUntil: providerData.open_until };
    };
    expect(await lives(900_999)).toEqual({ seconds: 900, openUntil: undefined });
    expect(await lives(20_000)).toEqual({ seconds: 300, openUntil: createdAt + 300_000 });
    expect(await lives(-1)).toEqual({ seconds: 300, openUntil: createdAt + 300_000 });
    expect(await lives(90 * 86_400_000)).toEqual({ seconds: 2_592_000, openUntil: undefined });
  });

  it('keeps a long description to 256 characters, cutting none in two', async () => {
    const { reference } = await rig.checkout({ description: '🚗'.repeat(300) });
    const all = await (await fetch(`${rig.url}/zalopay/api/transactions`)).json();
    const made = (all as { reference: string; description: string }[]).find(
      (one) => one.reference === reference,
    );
    expect(made?.description).toBe('🚗'.repeat(256));
  });

  it.each([
    { amount: 999 },
    { amount: 1_000_000_000 },
    { amount: 1_500.5 },
    { amount: Number.NaN },
    { currency: 'USD' },
  ])('is not created for %j', async (changes) => {
    await expect(rig.checkout(changes)).rejects.toThrow(
      expect.objectContaining({
        code: 'payment_amount_unsupported',
        details: { provider: 'zalopay', min_amount: 1_000, max_amount: 999_999_999, currency: 'VND' },
      }),
    );
  });

  it('can be of the smallest and the largest sum', async () => {
    for (const amount of [1_000, 999_999_999])
      expect((await rig.checkout({ amount })).redirectUrl).toMatch(/^http/);
  });

  it('cannot be made twice, because ZaloPay refuses the repeat and the payer starts again', async () => {
    const { reference } = await rig.checkout();
    const again = expect.objectContaining({ code: 'payment_start_again' });
    await expect(rig.checkout({ reference })).rejects.toThrow(again);
    await expect(rig.checkout({ reference, amount: 2_000 })).rejects.toThrow(again);
  });

  it('cannot be made of an attempt that is 15 minutes old, or of another day', async () => {
    const again = expect.objectContaining({ code: 'payment_start_again' });
    await expect(rig.checkout({ createdAt: Date.now() - 16 * 60_000 })).rejects.toThrow(again);
    await expect(rig.checkout({ reference: 'J20010100000001' })).rejects.toThrow(again);
  });

  it('fails as unavailable with wrong keys, or while ZaloPay is down', async () => {
    const unavailable = expect.objectContaining({ code: 'provider_unavailable' });
    const input = { ...attempt, reference: nextReference() };
    const api = `${rig.url}/zalopay`;
    const stranger = createZalopay({ appId, key1: 'another', key2, apiUrl: api });
    await expect(stranger.create(input)).rejects.toThrow(unavailable);
    const nobody = createZalopay({ appId: '7', key1, key2, apiUrl: api });
    await expect(nobody.create(input)).rejects.toThrow(unavailable);
    const down = createZalopay({ appId, key1, key2, apiUrl: 'http://127.0.0.1:9' });
    await expect(down.create(input)).rejects.toThrow(unavailable);
    for (const answer of [
      '<html>',
      '[]',
      '{"return_code":1}',
      '{"return_code":1,"order_url":"javascript:1"}',
    ]) {
      const odd = createZalopay(
        { appId, key1, key2, apiUrl: api },
        { fetch: async () => new Response(answer), now: Date.now },
      );
      await expect(odd.create(input)).rejects.toThrow(unavailable);
    }
  });
});

describe('the sandbox refuses an order', () => {
  it('only when something is wrong with it', async () => {
    expect(await order()).toMatchObject({ return_code: 1, sub_return_code: 1 });
    expect(await order({ app_id: appId, amount: '50000' })).toMatchObject({ return_code: 1 });
  });

  it.each([
    ['of another app', { app_id: 7 }, {}, -402],
    ['changed after signing', {}, { amount: 40_000 }, -402],
    ['without a mac', {}, { mac: '' }, -402],
    ['of another day', { app_trans_id: '200101_J20010100000001' }, {}, -92],
    ['whose id is too long', { app_trans_id: 'a'.repeat(41) }, {}, -401],
    ['made 16 minutes ago', { app_time: Date.now() - 960_000 }, {}, -54],
    ['from the future', { app_time: Date.now() + 960_000 }, {}, -54],
    ['of too little', { amount: 999 }, {}, -401],
    ['of too much', { amount: 1_000_000_000 }, {}, -401],
    ['of part of a đồng', { amount: 1000.5 }, {}, -401],
    ['of nobody', { app_user: '' }, {}, -401],
    ['without a description', {}, { description: '' }, -401],
    ['whose items are no list', { item: '{}' }, {}, -401],
    ['whose embed_data is no object', { embed_data: '[]' }, {}, -401],
    ['with too long a life', {}, { expire_duration_seconds: 2_592_001 }, -401],
    ['with too short a life', {}, { expire_duration_seconds: 299 }, -401],
  ])('%s', async (_what, before, after, code) => {
    expect(await order(before, after)).toMatchObject({ return_code: 2, sub_return_code: code });
  });

  it('is checked when it comes as a form too', async () => {
    const form = new URLSearchParams({ app_id: appId, mac: 'x' });
    const answer = await fetch(`${rig.url}/zalopay/v2/create`, { method: 'POST', body: form });
    expect(await answer.json()).toMatchObject({ return_code: 2, sub_return_code: -402 });
  });
});

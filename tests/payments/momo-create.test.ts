import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxMerchants } from '../../local/sandbox/merchants.ts';
import { createText, hmac } from '../../local/sandbox/momo/sign.ts';
import { createMomo } from '../../supabase/functions/_shared/payments/momo/index.ts';
import type { CheckoutInput } from '../../supabase/functions/_shared/payments/provider.ts';
import { nextReference, type Rig, startRig } from './sandbox.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig('momo');
});
afterAll(() => rig.close());

const keys = sandboxMerchants.momo;

/** For calls of the wrapper itself. */
function anOrder(): CheckoutInput {
  return {
    reference: nextReference(),
    amount: 50_000,
    currency: 'VND',
    createdAt: Date.now(),
    expiresAt: Date.now() + 900_000,
    description: 'Đơn & <quà> = "1"',
    locale: 'en',
    clientIp: '127.0.0.1',
    returnUrl: 'http://127.0.0.1:9/back?to=journey%3A%2F%2Fpaid',
    webhookUrl: 'http://127.0.0.1:9/ipn',
  };
}

/** Sends a create request by hand, signed unless it says otherwise. */
async function create(changes: Record<string, unknown> = {}, secretKey = keys.secretKey) {
  const reference = nextReference();
  const message: Record<string, unknown> = {
    partnerCode: keys.partnerCode,
    requestId: reference,
    orderId: reference,
    amount: 50_000,
    orderInfo: 'An order',
    redirectUrl: 'https://shop.example/back',
    ipnUrl: 'https://shop.example/ipn',
    requestType: 'captureWallet',
    extraData: '',
    autoCapture: true,
    lang: 'en',
    ...changes,
  };
  const signature = hmac(secretKey, createText(keys, message));
  const answer = await fetch(`${rig.url}/momo/v2/gateway/api/create`, {
    method: 'POST',
    body: JSON.stringify({ ...message, signature }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown>, message };
}

describe('an order at MoMo', () => {
  it('comes with a page, the content of a QR code and a deep link', async () => {
    const checkout = await rig.checkout();
    expect(checkout.redirectUrl).toMatch(/\/momo\/v2\/gateway\/pay\?t=[\w-]+&s=[0-9a-f]{64}$/);
    expect(checkout.qrPayload).toContain('/momo/v2/gateway/app?isScanQr=true&t=');
    expect(checkout.details.deeplink).toMatch(/^momo:\/\/app\?action=payWithApp&/);
    expect(checkout.providerData).toEqual({});
    for (const url of [checkout.redirectUrl ?? '', checkout.qrPayload]) {
      const answer = await fetch(url);
      const body = await answer.text();
      expect(answer.status).toBe(200);
      expect(body).toContain('Pay 1.500.000 VND');
      expect(body).toContain(checkout.reference);
      expect(body).toContain('Thanh toan don JB7K2M9Q');
    }
  });

  it('is requested with plain, signed fields and a timeout of half a minute', async () => {
    const sent: { url: string; body: Record<string, unknown>; signal: AbortSignal }[] = [];
    const config = { ...keys, apiUrl: `${rig.url}/momo` };
    const spying: typeof fetch = async (url, init) => {
      sent.push({
        url: String(url),
        body: JSON.parse(String(init?.body)),
        signal: init?.signal ?? AbortSignal.abort(),
      });
      return fetch(url, init);
    };
    const input = anOrder();
    await createMomo(config, { fetch: spying, now: Date.now }).create(input);
    expect(sent).toHaveLength(1);
    const { url, body, signal } = sent[0] ?? { url: '', body: {}, signal: AbortSignal.abort() };
    expect(url).toBe(`${rig.url}/momo/v2/gateway/api/create`);
    expect(signal.aborted).toBe(false);
    const { signature, ...message } = body;
    expect(message).toEqual({
      partnerCode: keys.partnerCode,
      requestId: input.reference,
      orderId: input.reference,
      amount: 50_000,
      orderInfo: 'Don  qua  1',
      redirectUrl: input.returnUrl,
      ipnUrl: input.webhookUrl,
      requestType: 'captureWallet',
      extraData: '',
      autoCapture: true,
      lang: 'en',
    });
    expect(signature).toBe(hmac(keys.secretKey, createText(keys, message)));
  });

  it('is not made for amounts or currencies that MoMo cannot carry', async () => {
    const refusal = expect.objectContaining({
      code: 'payment_amount_unsupported',
      details: { provider: 'momo', min_amount: 1_000, max_amount: 50_000_000, currency: 'VND' },
    });
    for (const amount of [999, 50_000_001, 1_500.5, Number.NaN, -1]) {
      await expect(rig.checkout({ amount })).rejects.toThrow(refusal);
    }
    await expect(rig.checkout({ currency: 'USD' })).rejects.toThrow(refusal);
    for (const amount of [1_000, 50_000_000]) {
      expect((await rig.checkout({ amount })).redirectUrl).toContain('/momo/');
    }
  });

  it('is the same for repeats of one attempt', async () => {
    const input = { reference: nextReference() };
    expect(await rig.checkout(input)).toEqual(await rig.checkout(input));
  });

  it('is returned again after a lost answer', async () => {
    const reference = nextReference();
    await rig.post('/momo/api/fault', { call: 'create', fault: 'lost' });
    await expect(rig.checkout({ reference })).rejects.toThrow(
      expect.objectContaining({ code: 'provider_unavailable' }),
    );
    expect((await rig.checkout({ reference })).redirectUrl).toContain('/momo/');
  });

  it('must be started again when MoMo does not repeat its answer', async () => {
    const startAgain = expect.objectContaining({ code: 'payment_start_again' });
    await rig.post('/momo/api/settings', { replay: 'refuse' });
    try {
      const reference = nextReference();
      await rig.checkout({ reference });
      await expect(rig.checkout({ reference })).rejects.toThrow(startAgain);
    } finally {
      await rig.post('/momo/api/settings', { replay: 'answer' });
    }
    const other = nextReference();
    await rig.checkout({ reference: other });
    // another sum under the same request id is no repeat
    await expect(rig.checkout({ reference: other, amount: 2_000_000 })).rejects.toThrow(startAgain);
    for (const fault of [40, 41, 7000]) {
      await rig.post('/momo/api/fault', { call: 'create', fault });
      await expect(rig.checkout()).rejects.toThrow(startAgain);
    }
  });

  it.each([
    [10, 'provider_unavailable'],
    [98, 'provider_unavailable'],
    [99, 'provider_unavailable'],
    [20, 'provider_unavailable'],
    [11, 'provider_not_configured'],
    [12, 'provider_not_configured'],
    [13, 'provider_not_configured'],
  ])('is refused by result %i as %s', async (fault, code) => {
    await rig.post('/momo/api/fault', { call: 'create', fault });
    await expect(rig.checkout()).rejects.toThrow(expect.objectContaining({ code }));
  });

  it.each([
    ['another order', { orderId: 'J00000000000000' }],
    ['another merchant', { partnerCode: 'OTHER' }],
    ['another sum', { amount: 1 }],
    ['another request', { requestId: undefined }],
    ['no page', { payUrl: '' }],
    ['a page that is none', { payUrl: 'javascript:alert(1)' }],
    ['no result', { resultCode: undefined }],
  ])('is refused when the answer names %s', async (_what, changes) => {
    const lying: typeof fetch = async (url, init) => {
      const answer = (await (await fetch(url, init)).json()) as object;
      return Response.json({ ...answer, ...changes });
    };
    const momo = createMomo({ ...keys, apiUrl: `${rig.url}/momo` }, { fetch: lying, now: Date.now });
    await expect(momo.create(anOrder())).rejects.toThrow(
      expect.objectContaining({ code: 'provider_unavailable' }),
    );
  });

  it('uses the page as QR code when MoMo gives no code', async () => {
    const plain: typeof fetch = async (url, init) => {
      const {
        qrCodeUrl: _,
        deeplink: __,
        ...answer
      } = (await (await fetch(url, init)).json()) as Record<string, unknown>;
      return Response.json(answer);
    };
    const momo = createMomo({ ...keys, apiUrl: `${rig.url}/momo` }, { fetch: plain, now: Date.now });
    const made = await momo.create(anOrder());
    expect(made.qrPayload).toBe(made.redirectUrl);
    expect(made.details).toEqual({});
  });
});

describe('the sandbox, checking an order as MoMo does,', () => {
  it.each([
    ['a wrong merchant', { partnerCode: 'OTHER' }, 13],
    ['a sum too small', { amount: 999 }, 22],
    ['a sum too large', { amount: 50_000_001 }, 22],
    ['a sum in parts', { amount: 1000.5 }, 20],
    ['an odd order id', { orderId: '-J1' }, 20],
    ['a long request id', { requestId: 'r'.repeat(51) }, 20],
    ['an unknown kind', { requestType: 'payWithShells' }, 20],
    ['a notification address with a query', { ipnUrl: 'https://shop.example/ipn?a=1' }, 20],
    ['no extra data', { extraData: undefined }, 20],
    ['an unknown language', { lang: 'fr' }, 20],
  ])('refuses %s', async (_what, changes, resultCode) => {
    expect(await create(changes)).toMatchObject({ status: 400, body: { resultCode } });
  });

  it('refuses a wrong signature, and a used order id or request id', async () => {
    expect((await create({}, 'another secret')).body.resultCode).toBe(13);
    const { message } = await create();
    expect((await create({ requestId: 'another', orderId: message.orderId })).body.resultCode).toBe(41);
    expect((await create({ requestId: message.requestId })).body.resultCode).toBe(40);
  });

  it('gives no QR code for the page of all methods', async () => {
    const { body } = await create({ requestType: 'payWithMethod' });
    expect(body).toMatchObject({ resultCode: 0, payUrl: expect.any(String) });
    expect(body).not.toHaveProperty('qrCodeUrl');
  });
});

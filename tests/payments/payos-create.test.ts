import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { payosConfig } from '../../supabase/functions/_shared/payments/payos/config.ts';
import { createPayos } from '../../supabase/functions/_shared/payments/payos/index.ts';
import type { CheckoutInput } from '../../supabase/functions/_shared/payments/provider.ts';
import { nextReference, type Rig, startRig } from './sandbox.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig('payos');
});
afterAll(() => rig.close());

const refused = (code: string) => expect.objectContaining({ code });

function input(changes: Partial<CheckoutInput> = {}): CheckoutInput {
  return {
    reference: nextReference(),
    amount: 1_500_000,
    currency: 'VND',
    createdAt: Date.now(),
    expiresAt: Date.now() + 900_000,
    description: 'Thanh toán đơn JB7K2M9Q',
    locale: 'vi',
    clientIp: '127.0.0.1',
    returnUrl: 'http://127.0.0.1:9/payments/return/payos?to=journey%3A%2F%2Fpaid',
    webhookUrl: 'http://127.0.0.1:9/',
    ...changes,
  };
}

/** The wrapper over a connection that a test bends. */
function over(fetcher: typeof fetch, changes: { linksUrl?: string | null; checksumKey?: string } = {}) {
  const config = payosConfig(rig.env);
  if (config === null) throw new Error('PayOS is not set up');
  return createPayos({ ...config, ...changes }, { fetch: fetcher, now: Date.now });
}

/** What the sandbox answers, changed before it is read. */
function changing(change: (body: Record<string, unknown>) => unknown): typeof fetch {
  return async (url, init) => {
    const body = (await (await fetch(url, init)).json()) as Record<string, unknown>;
    return Response.json(change(body));
  };
}

describe('a link', () => {
  it('carries the order as the digits of the reference, and nine characters for the bank', async () => {
    const sent: Record<string, unknown>[] = [];
    const order = input({ reference: 'J26112100000042', expiresAt: Date.now() + 900_999 });
    const spying: typeof fetch = (url, init) => {
      sent.push(JSON.parse(String(init?.body)));
      return fetch(url, init);
    };
    await over(spying).create(order);
    expect(sent).toEqual([
      {
        orderCode: 26112100000042,
        amount: 1_500_000,
        description: 'J00000042',
        cancelUrl: order.returnUrl,
        returnUrl: order.returnUrl,
        expiredAt: Math.floor(order.expiresAt / 1000),
        signature: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    ]);
  });

  it('comes with a QR code and the transfer to make, with the message as the bank wants it', async () => {
    const { reference, redirectUrl, qrPayload, details, providerData } = await rig.checkout();
    const message = details.transfer?.message ?? '';
    expect(message).toMatch(new RegExp(`^\\S+ J${reference.slice(-8)}$`));
    expect(details.transfer).toEqual({
      bank_bin: '970422',
      account_number: expect.stringMatching(/^VQRQ\d+$/),
      account_name: 'CONG TY JOURNEY SANDBOX',
      amount: 1_500_000,
      message,
    });
    expect(qrPayload).toMatch(/^000201010212.*54071500000.*6304[0-9A-F]{4}$/);
    expect(qrPayload).toContain(message);
    expect(redirectUrl).toBe(`${rig.url}/payos/web/${providerData.payment_link_id}`);
    expect(providerData.order_code).toBe(Number(reference.slice(1)));
  });

  it('leads to a page with the sum, the account and the buttons', async () => {
    const { redirectUrl, details } = await rig.checkout();
    const body = await (await fetch(redirectUrl ?? '')).text();
    expect(body).toContain('Pay 1.500.000 VND');
    expect(body).toContain(details.transfer?.account_number);
    for (const outcome of ['success', 'pending', 'insufficient_funds', 'cancel', 'expire']) {
      expect(body).toContain(`value="${outcome}"`);
    }
  });

  it('is not made for amounts or currencies that PayOS cannot carry', async () => {
    for (const changes of [
      { amount: 1_999 },
      { amount: 10_000_000_000 },
      { amount: 2_000.5 },
      { currency: 'USD' },
    ]) {
      await expect(rig.checkout(changes)).rejects.toThrow(
        expect.objectContaining({
          code: 'payment_amount_unsupported',
          details: { provider: 'payos', min_amount: 2_000, max_amount: 9_999_999_999, currency: 'VND' },
        }),
      );
    }
    expect((await rig.checkout({ amount: 2_000 })).details.transfer?.amount).toBe(2_000);
    expect((await rig.checkout({ amount: 9_999_999_999 })).details.transfer?.amount).toBe(9_999_999_999);
  });

  it('is refused by PayOS when its time has passed or its signature is wrong', async () => {
    const late = await rig.provider.create(input({ expiresAt: Date.now() - 1_000 })).catch((error) => error);
    expect(late).toMatchObject({
      code: 'provider_unavailable',
      cause: { message: expect.stringContaining('(20)') },
    });
    const wrong = over(fetch, { checksumKey: 'another' });
    const unsigned = await wrong.create(input()).catch((error) => error);
    expect(unsigned.cause.message).toContain('(201)');
  });

  it('is refused when its answer is unsigned, changed, about another order or incomplete', async () => {
    const other = await rig.checkout();
    const answers: ((body: Record<string, unknown>) => unknown)[] = [
      ({ signature: _, ...body }) => body,
      (body) => ({ ...body, data: { ...(body.data as object), accountNumber: '999' } }),
      (body) => ({ ...body, data: { ...(body.data as object), qrCode: '' } }),
      (body) => ({ ...body, data: null }),
      () => ({ code: '00' }),
      () => [],
      () => 'text',
    ];
    for (const change of answers) {
      await expect(over(changing(change)).create(input())).rejects.toThrow(refused('provider_unavailable'));
    }
    const swapped: typeof fetch = (url) =>
      fetch(`${url}/${Number(other.reference.slice(1))}`, { headers: headers() });
    await expect(over(swapped).create(input())).rejects.toThrow(refused('provider_unavailable'));
    const down: typeof fetch = async () => new Response('down', { status: 502 });
    await expect(over(down).create(input())).rejects.toThrow(refused('provider_unavailable'));
  });
});

function headers(): Record<string, string> {
  const { PAYOS_CLIENT_ID = '', PAYOS_API_KEY = '' } = rig.env;
  return { 'x-client-id': PAYOS_CLIENT_ID, 'x-api-key': PAYOS_API_KEY };
}

describe('a repeat of a link whose answer was lost', () => {
  it('leads to the same page', async () => {
    const order = input();
    const losing: typeof fetch = async (url, init) => {
      await fetch(url, init);
      throw new TypeError('connection reset');
    };
    await expect(over(losing).create(order)).rejects.toThrow(refused('provider_unavailable'));
    const [again, andAgain] = [await rig.provider.create(order), await rig.provider.create(order)];
    expect(again).toEqual(andAgain);
    expect((await fetch(again.redirectUrl ?? '')).status).toBe(200);
    await rig.pay({ reference: order.reference, outcome: 'success' });
    expect(await rig.provider.create(order)).toEqual(again);
  });

  it('is the address that PayOS gave the first time', async () => {
    const order = input();
    const first = await rig.provider.create(order);
    const second = await rig.provider.create(order);
    expect(second.redirectUrl).toBe(first.redirectUrl);
    expect(second.providerData).toEqual(first.providerData);
    expect(second).toMatchObject({ qrPayload: first.redirectUrl, details: {} });
  });

  it('must be started again when it has another amount, has ended, or its address is unknown', async () => {
    const again = refused('payment_start_again');
    const order = input();
    await rig.provider.create(order);
    await expect(rig.provider.create({ ...order, amount: 2_000 })).rejects.toThrow(again);
    await expect(over(fetch, { linksUrl: null }).create(order)).rejects.toThrow(again);
    const cancelled = input();
    await rig.provider.create(cancelled);
    await rig.pay({ reference: cancelled.reference, outcome: 'cancel' });
    await expect(rig.provider.create(cancelled)).rejects.toThrow(again);
  });

  it("proves nothing when PayOS's answer is not signed", async () => {
    const order = input();
    await rig.provider.create(order);
    const unsigned = over(changing((body) => (body.code === '00' ? { ...body, signature: 'ff' } : body)));
    await expect(unsigned.create(order)).rejects.toThrow(refused('provider_unavailable'));
  });
});

describe('cancelling a link', () => {
  const attempt = (order: CheckoutInput) => ({ ...order, providerData: {} });

  it('ends it, and may be repeated', async () => {
    const order = input();
    await rig.provider.create(order);
    expect(await rig.provider.cancel(attempt(order))).toBe('cancelled');
    expect(await rig.provider.cancel(attempt(order))).toBe('cancelled');
    const paid = await rig.pay({ reference: order.reference, outcome: 'success' });
    expect(paid).toMatchObject({ status: 400, body: { code: '104' } });
  });

  it('succeeds when there is no link, or it was paid or has expired', async () => {
    expect(await rig.provider.cancel(attempt(input()))).toBe('cancelled');
    for (const outcome of ['success', 'expire']) {
      const order = input();
      await rig.provider.create(order);
      await rig.pay({ reference: order.reference, outcome });
      expect(await rig.provider.cancel(attempt(order))).toBe('cancelled');
    }
  });

  it('fails when PayOS refuses it or its answer is unsigned', async () => {
    const order = input();
    await rig.provider.create(order);
    const refusing: typeof fetch = (url, init) =>
      String(url).endsWith('/cancel')
        ? Promise.resolve(Response.json({ code: '99', desc: 'no' }))
        : fetch(url, init);
    await expect(over(refusing).cancel(attempt(order))).rejects.toThrow(refused('provider_unavailable'));
    const unsigned = over(changing(({ signature: _, ...body }) => body));
    await expect(unsigned.cancel(attempt(order))).rejects.toThrow(refused('provider_unavailable'));
  });
});

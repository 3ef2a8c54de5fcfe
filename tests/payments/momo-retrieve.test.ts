import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sandboxMerchants } from '../../local/sandbox/merchants.ts';
import { createMomo } from '../../supabase/functions/_shared/payments/momo/index.ts';
import { construct, nextReference, type Rig, startRig } from './sandbox.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig('momo');
});
afterAll(() => rig.close());
beforeEach(() => {
  rig.received.length = 0;
});

const keys = sandboxMerchants.momo;
const attempt = (reference: string) => ({ reference, amount: 1_500_000, currency: 'VND', providerData: {} });
const asked = (reference: string) => rig.provider.retrieve(attempt(reference));

/** MoMo with answers changed on their way. */
function lying(change: (answer: Record<string, unknown>) => Record<string, unknown>) {
  const fetcher: typeof fetch = async (url, init) => {
    const answer = (await (await fetch(url, init)).json()) as Record<string, unknown>;
    return Response.json(change(answer));
  };
  return createMomo({ ...keys, apiUrl: `${rig.url}/momo` }, { fetch: fetcher, now: Date.now });
}

describe('asking about a payment', () => {
  it.each(['success', 'authorized', 'pending', 'cancel', 'insufficient_funds', 'expire'])(
    'of %s brings the same report, under the same event id, as the notification that never came',
    async (outcome) => {
      const { redirectUrl, reference } = await rig.checkout();
      await rig.pay({ redirectUrl, outcome, notify: { never: true } });
      const found = await asked(reference);
      await rig.post('/momo/api/notify', { reference });
      expect(rig.received).toHaveLength(1);
      const constructed = await construct(rig, rig.received[0]);
      expect(found).toMatchObject({ kind: 'reports', reports: [{ reference, amount: 1_500_000 }] });
      const report = found.kind === 'reports' ? found.reports[0] : null;
      expect(constructed).toEqual({ verified: true, event: { kind: 'payment', report } });
    },
  );

  it('says pending while the page is open, also after the payer left, and failed after it expired', async () => {
    const { redirectUrl, reference } = await rig.checkout();
    await rig.pay({ redirectUrl, outcome: 'leave' });
    expect(await asked(reference)).toMatchObject({ reports: [{ outcome: 'pending' }] });
    await rig.post('/momo/api/settings', { lifeMs: 0 });
    try {
      expect(await asked(reference)).toMatchObject({ reports: [{ outcome: 'failed', failureCode: '1005' }] });
    } finally {
      await rig.post('/momo/api/settings', { lifeMs: 900_000 });
    }
  });

  it('says not found, unsigned, for an order that was never made', async () => {
    expect(await asked(nextReference())).toEqual({ kind: 'not_found', signed: false });
  });

  it.each([
    [10, { kind: 'try_later', reason: '10' }],
    [11, { kind: 'try_later', reason: '11' }],
    [13, { kind: 'try_later', reason: '13' }],
    [20, { kind: 'no_information', reason: '20' }],
    [40, { kind: 'no_information', reason: '40' }],
    [98, { kind: 'no_information', reason: '98' }],
    [99, { kind: 'no_information', reason: '99' }],
  ])('does not take result %i for a failure of the payment', async (fault, answer) => {
    const { reference } = await rig.checkout();
    await rig.post('/momo/api/fault', { call: 'query', fault });
    expect(await asked(reference)).toEqual(answer);
  });

  it.each([
    ['another merchant', { partnerCode: 'OTHER' }, 'other_order'],
    ['another order', { orderId: 'J00000000000000' }, 'other_order'],
    ['no order', { orderId: undefined }, 'other_order'],
    ['no result', { resultCode: undefined }, 'malformed'],
    ['a result in words', { resultCode: 'ok' }, 'malformed'],
    ['a broken sum', { amount: 1.5 }, 'malformed'],
    ['a success without a number', { transId: 0 }, 'malformed'],
  ])('learns nothing from an answer with %s', async (_what, changes, reason) => {
    const { redirectUrl, reference } = await rig.checkout();
    await rig.pay({ redirectUrl, outcome: 'success', notify: { never: true } });
    const momo = lying((answer) => ({ ...answer, ...changes }));
    expect(await momo.retrieve(attempt(reference))).toEqual({ kind: 'no_information', reason });
  });

  it('reports a payment of another amount, and distrusts an unpaid one of another amount', async () => {
    const { redirectUrl, reference } = await rig.checkout();
    const momo = lying((answer) => ({ ...answer, amount: 1_499_000 }));
    expect(await momo.retrieve(attempt(reference))).toEqual({
      kind: 'no_information',
      reason: 'other_amount',
    });
    await rig.pay({ redirectUrl, outcome: 'success', notify: { never: true } });
    expect(await momo.retrieve(attempt(reference))).toMatchObject({
      reports: [{ outcome: 'succeeded', amount: 1_499_000 }],
    });
  });

  it('learns nothing with a wrong secret or without an answer', async () => {
    const { reference } = await rig.checkout();
    const stranger = createMomo({ ...keys, secretKey: 'another', apiUrl: `${rig.url}/momo` });
    expect(await stranger.retrieve(attempt(reference))).toEqual({ kind: 'try_later', reason: '13' });
    await rig.post('/momo/api/fault', { call: 'query', fault: 'lost' });
    await expect(asked(reference)).rejects.toThrow(expect.objectContaining({ code: 'provider_unavailable' }));
    const down = createMomo({ ...keys, apiUrl: 'http://127.0.0.1:9' });
    await expect(down.retrieve(attempt(reference))).rejects.toThrow(
      expect.objectContaining({ code: 'provider_unavailable' }),
    );
  });

  it('cannot end an order early', async () => {
    const { reference } = await rig.checkout();
    expect(await rig.provider.cancel(attempt(reference))).toBe('unsupported');
  });
});

import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { sandboxMerchants } from '../../local/sandbox/merchants.ts';
import type { RefundInput } from '../../supabase/functions/_shared/payments/provider.ts';
import { createZalopay } from '../../supabase/functions/_shared/payments/zalopay/index.ts';
import { construct, type Rig, rateLimited, startRig } from './sandbox.ts';

const { appId, key1, key2 } = sandboxMerchants.zalopay;
const oneDay = 86_400_000;
let rig: Rig;

beforeAll(async () => {
  rig = await startRig('zalopay');
});
afterAll(() => rig.close());
afterEach(() => rig.post('/zalopay/api/settings', { stepMs: 0 }));

/** A paid order, and orders to refund it. */
async function paid() {
  const { redirectUrl, reference, providerData } = await rig.checkout();
  await rig.pay({ redirectUrl, outcome: 'success' });
  const constructed = await construct(rig, rig.received.at(-1));
  const transactionId =
    constructed.verified && constructed.event.kind === 'payment'
      ? constructed.event.report.transactionId
      : null;
  const base = { reference, providerData, transactionId, amount: 1_500_000, currency: 'VND', refundId: null };
  return (refundAmount: number, requestKey: string, orderedAt = Date.now()): RefundInput => ({
    ...base,
    refundAmount,
    requestKey: `${reference}:${requestKey}`,
    orderedAt,
  });
}

async function refundsOf(reference: string): Promise<{ id: string; amount: number }[]> {
  const all = await (await fetch(`${rig.url}/zalopay/api/transactions`)).json();
  const found = (all as { reference: string; refunds: { id: string; amount: number }[] }[]).find(
    (one) => one.reference === reference,
  );
  return found?.refunds ?? [];
}

/** The wrapper with answers of our own, by call. */
function scripted(answers: Partial<Record<'refund' | 'query_refund', unknown>>) {
  const calls: string[] = [];
  const config = { appId, key1, key2, apiUrl: `${rig.url}/zalopay` };
  const provider = createZalopay(config, {
    now: Date.now,
    fetch: async (url, init) => {
      const path = String(url).endsWith('/query_refund') ? 'query_refund' : 'refund';
      calls.push(path);
      const answer = answers[path];
      return answer === undefined ? fetch(url, init) : Response.json(answer);
    },
  });
  return { provider, calls };
}

const invented: RefundInput = {
  reference: 'J26112100000042',
  amount: 1_500_000,
  currency: 'VND',
  providerData: {},
  transactionId: '261121000000389',
  refundAmount: 1_000,
  requestKey: 'invented',
  orderedAt: Date.now(),
  refundId: null,
};

describe('a refund', () => {
  it('in full is accepted, then paid back', async () => {
    await rig.post('/zalopay/api/settings', { stepMs: 600_000 });
    const order = await paid();
    const input = order(1_500_000, 'full');
    const accepted = await rig.provider.refund(input);
    expect(accepted).toMatchObject({ known: true, status: 'processing', code: '3' });
    const refundId = accepted.known ? accepted.refundId : null;
    const day = new Date(input.orderedAt + 7 * 3_600_000).toISOString().slice(2, 10).replaceAll('-', '');
    expect(refundId).toMatch(new RegExp(`^${day}_${appId}_\\d{25}$`));
    expect(await rig.provider.retrieveRefund(input)).toMatchObject({ status: 'processing' });
    await rig.post('/zalopay/api/settings', { stepMs: 0 });
    expect(await rig.provider.retrieveRefund({ ...input, refundId })).toEqual({
      known: true,
      status: 'succeeded',
      refundId,
      code: '1',
    });
  });

  it('can be accepted and rejected later, and then ordered anew', async () => {
    const order = await paid();
    const input = order(500_000, 'first', Date.now() - 1_000);
    await rig.post('/zalopay/api/settings', { stepMs: 60_000 });
    await rig.post('/zalopay/api/refund-verdict', { reference: input.reference, verdict: 'reject' });
    const accepted = await rig.provider.refund(input);
    expect(accepted).toMatchObject({ status: 'processing' });
    await rig.post('/zalopay/api/settings', { stepMs: 0 });
    expect(await rig.provider.retrieveRefund(input)).toMatchObject({
      known: true,
      status: 'failed',
      code: '2',
    });
    await rig.post('/zalopay/api/refund-verdict', { reference: input.reference, verdict: 'pay' });
    // the row still has the id of the refund that was rejected
    const newOrder = { ...order(500_000, 'second'), refundId: accepted.known ? accepted.refundId : null };
    expect(await rig.provider.retrieveRefund(newOrder)).toEqual({
      known: false,
      status: 'no_information',
      reason: '-101',
    });
    expect(await rig.provider.refund(newOrder)).toMatchObject({ status: 'processing' });
    expect(await rig.provider.retrieveRefund(newOrder)).toMatchObject({ status: 'succeeded' });
    expect(await refundsOf(input.reference)).toHaveLength(2);
  });

  it('is not paid twice when the order to pay it is repeated', async () => {
    const order = await paid();
    const input = order(500_000, 'once');
    const results = await Promise.all(Array.from({ length: 5 }, () => rig.provider.refund(input)));
    for (const result of results) expect(result).toMatchObject({ known: true });
    expect(await rig.provider.refund(input)).toMatchObject({ known: true, status: 'succeeded' });
    expect(await refundsOf(input.reference)).toHaveLength(1);
    await rig.provider.refund(order(500_000, 'another'));
    expect(await refundsOf(input.reference)).toHaveLength(2);
  });

  it('is not paid twice when it is repeated on the next day', async () => {
    const order = await paid();
    const input = order(500_000, 'over midnight');
    expect(await rig.provider.refund(input)).toMatchObject({ status: 'processing' });
    vi.useFakeTimers({ now: Date.now() + oneDay, toFake: ['Date'] });
    try {
      expect(await rig.provider.refund(input)).toMatchObject({ known: true, status: 'succeeded' });
      expect(await rig.provider.retrieveRefund(input)).toMatchObject({ known: true, status: 'succeeded' });
    } finally {
      vi.useRealTimers();
    }
    expect(await refundsOf(input.reference)).toHaveLength(1);
  });

  it('ordered before midnight and first sent after it has failed, and is safe to order anew', async () => {
    const order = await paid();
    const input = order(500_000, 'yesterday', Date.now() - oneDay);
    expect(await rig.provider.refund(input)).toEqual({
      known: true,
      status: 'failed',
      refundId: null,
      code: '-25',
    });
    expect(await refundsOf(input.reference)).toHaveLength(0);
    expect(await rig.provider.refund(order(500_000, 'today'))).toMatchObject({ status: 'processing' });
  });

  it('keeps an id stored for this very order, whatever the app and the day are now', async () => {
    const order = await paid();
    const input = order(500_000, 'stored');
    const accepted = await rig.provider.refund(input);
    const refundId = accepted.known ? accepted.refundId : null;
    const later = { ...input, refundId, orderedAt: Date.now() + 3 * oneDay };
    expect(await rig.provider.retrieveRefund(later)).toMatchObject({ status: 'succeeded', refundId });
  });

  it('is refused above what is left, and for a payment ZaloPay does not know', async () => {
    const order = await paid();
    await rig.provider.refund(order(1_000_000, 'part'));
    const failed = (code: string) => ({ known: true, status: 'failed', refundId: null, code });
    expect(await rig.provider.refund(order(600_000, 'more'))).toEqual(failed('-14'));
    expect(await rig.provider.refund(order(1_500_000, 'all'))).toEqual(failed('-14'));
    expect(await rig.provider.refund(order(500_000, 'rest'))).toMatchObject({ status: 'processing' });
    expect(await rig.provider.refund(invented)).toEqual(failed('-101'));
    expect(await rig.provider.refund({ ...invented, transactionId: null })).toEqual(failed('no_transaction'));
  });

  it('of unmatched money needs only its transaction', async () => {
    const order = await paid();
    const input = { ...order(500_000, 'unmatched'), reference: '', providerData: {} };
    expect(await rig.provider.refund(input)).toMatchObject({ status: 'processing' });
    expect(await rig.provider.retrieveRefund(input)).toMatchObject({ status: 'succeeded' });
  });
});

describe('what ZaloPay says of a refund', () => {
  it('is only an acceptance, also when it says done at once', async () => {
    const { provider, calls } = scripted({ refund: { return_code: 1, refund_id: 5 } });
    expect(await provider.refund(invented)).toMatchObject({ status: 'processing', code: '1' });
    expect(calls).toEqual(['refund']);
  });

  it('as -429 is a rate limit', async () => {
    for (const answer of [{ return_code: 2, sub_return_code: -429 }, { return_code: -429 }]) {
      const { provider } = scripted({ refund: answer, query_refund: answer });
      await expect(provider.refund(invented)).rejects.toThrow(rateLimited('zalopay'));
      await expect(provider.retrieveRefund(invented)).rejects.toThrow(rateLimited('zalopay'));
    }
  });

  it.each([-500, -503, -999])('as %i means asking later', async (code) => {
    const later = { known: false, status: 'try_later', reason: String(code) };
    for (const answer of [{ return_code: 2, sub_return_code: code }, { return_code: code }]) {
      const { provider } = scripted({ refund: answer, query_refund: answer });
      expect(await provider.refund(invented)).toEqual(later);
      expect(await provider.retrieveRefund(invented)).toEqual(later);
    }
  });

  it.each([-401, -402])('as %i proves nothing', async (code) => {
    const nothing = { known: false, status: 'no_information', reason: String(code) };
    const answer = { return_code: code };
    const { provider } = scripted({ refund: answer, query_refund: answer });
    expect(await provider.refund(invented)).toEqual(nothing);
    expect(await provider.retrieveRefund(invented)).toEqual(nothing);
  });

  it.each([-13, -14, -23, -25, 0])(
    'as a refusal with %i does not count while the refund exists',
    async (code) => {
      const refund = { return_code: 2, sub_return_code: code };
      const { provider, calls } = scripted({ refund, query_refund: { return_code: 3 } });
      expect(await provider.refund(invented)).toMatchObject({ known: true, status: 'processing' });
      expect(calls).toEqual(['refund', 'query_refund']);
      const unsure = scripted({ refund, query_refund: { return_code: -500 } });
      expect(await unsure.provider.refund(invented)).toMatchObject({ known: false, status: 'try_later' });
    },
  );

  it('as a duplicate of a missing refund will change', async () => {
    const { provider } = scripted({ refund: { return_code: 2, sub_return_code: -23 } });
    expect(await provider.refund(invented)).toEqual({ known: false, status: 'try_later', reason: '-23' });
  });

  it.each([
    [
      { return_code: 1, sub_return_code: 1 },
      { known: true, status: 'succeeded', code: '1' },
    ],
    [
      { return_code: 3, sub_return_code: -1 },
      { known: true, status: 'processing', code: '-1' },
    ],
    [
      { return_code: 2, sub_return_code: 0 },
      { known: true, status: 'failed', code: '2' },
    ],
    [
      { return_code: 2, sub_return_code: -32 },
      { known: true, status: 'failed', code: '-32' },
    ],
    [
      { return_code: 2, sub_return_code: -101 },
      { known: false, status: 'no_information', reason: '-101' },
    ],
    [{ return_code: 7 }, { known: false, status: 'try_later' }],
    [{}, { known: false, status: 'try_later' }],
  ])('when asked, as %j, is understood', async (answer, expected) => {
    const { provider } = scripted({ query_refund: answer });
    expect(await provider.retrieveRefund(invented)).toMatchObject(expected);
  });
});

describe('the sandbox refuses a refund', () => {
  const day = new Date(Date.now() + 7 * 3_600_000).toISOString().slice(2, 10).replaceAll('-', '');
  it.each([
    ['of another app', { app_id: 7 }, -402],
    ['changed after signing', { mac: 'x' }, -402],
    ['of yesterday', { timestamp: Date.now() - oneDay }, -13],
    ['without a reason', { description: '' }, -401],
    ['whose id has no form', { m_refund_id: 'x' }, -24],
    ['whose id is of another day', { m_refund_id: `200101_${appId}_1` }, -25],
    ['whose id is of another app', { m_refund_id: `${day}_7_1` }, -26],
    ['of an unknown payment', { m_refund_id: `${day}_${appId}_1` }, -101],
  ])('%s', async (_what, changes, code) => {
    const message: Record<string, unknown> = {
      app_id: Number(appId),
      m_refund_id: `${day}_${appId}_1`,
      zp_trans_id: '1',
      amount: 1_000,
      timestamp: Date.now(),
      description: 'x',
      ...changes,
    };
    const names = ['app_id', 'zp_trans_id', 'amount', 'description', 'timestamp'];
    const mac = createHmac('sha256', key1)
      .update(names.map((name) => message[name]).join('|'))
      .digest('hex');
    const { body } = await rig.post('/zalopay/v2/refund', { mac, ...message });
    expect(body).toMatchObject({ return_code: 2, sub_return_code: code });
  });
});

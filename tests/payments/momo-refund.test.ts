import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxMerchants } from '../../local/sandbox/merchants.ts';
import { createMomo } from '../../supabase/functions/_shared/payments/momo/index.ts';
import type { RefundInput } from '../../supabase/functions/_shared/payments/provider.ts';
import { type Rig, startRig } from './sandbox.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig('momo');
});
afterAll(() => rig.close());

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

describe('a refund', () => {
  async function paid(): Promise<(refundAmount: number, requestKey: string) => RefundInput> {
    const { redirectUrl, reference } = await rig.checkout();
    await rig.pay({ redirectUrl, outcome: 'success' });
    const found = await asked(reference);
    const transactionId = found.kind === 'reports' ? (found.reports[0]?.transactionId ?? null) : null;
    const base = { ...attempt(reference), transactionId, refundId: null, orderedAt: Date.now() };
    return (refundAmount, requestKey) => ({ ...base, refundAmount, requestKey });
  }

  it('in full is paid at once, as MoMo does, under a number of its own', async () => {
    const input = (await paid())(1_500_000, 'full');
    const done = await rig.provider.refund(input);
    expect(done).toMatchObject({ known: true, status: 'succeeded', code: '0' });
    const refundId = done.known ? done.refundId : null;
    expect(refundId).toMatch(/^\d+$/);
    expect(refundId).not.toBe(input.transactionId);
    expect(await rig.provider.retrieveRefund(input)).toEqual(done);
    // and the payment stays paid
    expect(await asked(input.reference)).toMatchObject({ reports: [{ outcome: 'succeeded' }] });
  });

  it.each([
    ['pay', { known: true, status: 'succeeded', code: '0' }],
    ['reject', { known: true, status: 'failed', code: '1080' }],
  ])('can be accepted first and end later by %s', async (verdict, end) => {
    await rig.post('/momo/api/settings', { stepMs: 600_000 });
    try {
      const input = (await paid())(500_000, `later-${verdict}`);
      const accepted = await rig.provider.refund(input);
      expect(accepted).toMatchObject({ known: true, status: 'processing', code: '7002' });
      await rig.post('/momo/api/refund-verdict', { reference: input.reference, verdict });
      const refundId = accepted.known ? accepted.refundId : null;
      await rig.post('/momo/api/settings', { stepMs: 0 });
      expect(await rig.provider.retrieveRefund({ ...input, refundId })).toMatchObject({ ...end, refundId });
    } finally {
      await rig.post('/momo/api/settings', { stepMs: 0 });
    }
  });

  it('can be rejected at once, and then ordered anew', async () => {
    const order = await paid();
    const input = order(500_000, 'first');
    await rig.post('/momo/api/refund-verdict', { reference: input.reference, verdict: 'reject' });
    expect(await rig.provider.refund(input)).toMatchObject({ known: true, status: 'failed', code: '1080' });
    await rig.post('/momo/api/refund-verdict', { reference: input.reference, verdict: 'pay' });
    // the same order gets the same answer
    expect(await rig.provider.refund(input)).toMatchObject({ known: true, status: 'failed', code: '1080' });
    expect(await rig.provider.refund(order(500_000, 'second'))).toMatchObject({ status: 'succeeded' });
    expect(await rig.provider.retrieveRefund(input)).toMatchObject({ status: 'failed', code: '1080' });
  });

  it('is paid once however often it is ordered', async () => {
    const order = await paid();
    const input = order(500_000, 'once');
    const first = await rig.provider.refund(input);
    expect(await rig.provider.refund(input)).toEqual(first);
    await rig.post('/momo/api/settings', { replay: 'refuse' });
    try {
      expect(await rig.provider.refund(input)).toEqual({ known: false, status: 'try_later', reason: '40' });
    } finally {
      await rig.post('/momo/api/settings', { replay: 'answer' });
    }
    expect(await rig.provider.retrieveRefund(input)).toEqual(first);
    const others = [order(500_000, 'another'), order(500_000, 'a third'), order(500_000, 'a fourth')];
    const results = [];
    for (const other of others) results.push(await rig.provider.refund(other));
    expect(results).toMatchObject([
      { status: 'succeeded' },
      { status: 'succeeded' },
      { known: true, status: 'failed', code: '1081' },
    ]);
  });

  it('is found by a query after its answer was lost', async () => {
    const input = (await paid())(500_000, 'lost');
    expect(await rig.provider.retrieveRefund(input)).toEqual({
      known: false,
      status: 'no_information',
      reason: 'not_listed',
    });
    await rig.post('/momo/api/fault', { call: 'refund', fault: 'lost' });
    await expect(rig.provider.refund(input)).rejects.toThrow(
      expect.objectContaining({ code: 'provider_unavailable' }),
    );
    expect(await rig.provider.retrieveRefund(input)).toMatchObject({ known: true, status: 'succeeded' });
  });

  it.each([
    [10, { known: false, status: 'try_later', reason: '10' }],
    [13, { known: false, status: 'try_later', reason: '13' }],
    [43, { known: false, status: 'try_later', reason: '43' }],
    [40, { known: false, status: 'try_later', reason: '40' }],
    [41, { known: false, status: 'try_later', reason: '41' }],
    [99, { known: false, status: 'no_information', reason: '99' }],
    [20, { known: true, status: 'failed', refundId: null, code: '20' }],
    [42, { known: true, status: 'failed', refundId: null, code: '42' }],
  ])('answered with %i is understood', async (fault, result) => {
    const input = (await paid())(500_000, `fault-${fault}`);
    await rig.post('/momo/api/fault', { call: 'refund', fault });
    expect(await rig.provider.refund(input)).toEqual(result);
  });

  it.each([1081, 1088])('refused with %i has failed', async (fault) => {
    const refused = lying((answer) => ({ ...answer, resultCode: fault, transId: 0 }));
    expect(await refused.refund((await paid())(500_000, 'x'))).toMatchObject({
      known: true,
      status: 'failed',
      code: String(fault),
    });
  });

  it('is refused for a payment without money, for too little, and without the payment’s number', async () => {
    const { reference } = await rig.checkout();
    const order = { refundAmount: 1_500_000, requestKey: 'x', refundId: null, orderedAt: Date.now() };
    const input = { ...attempt(reference), ...order };
    const failed = { known: true, status: 'failed', refundId: null };
    expect(await rig.provider.refund({ ...input, transactionId: '1' })).toEqual({ ...failed, code: '42' });
    expect(await rig.provider.refund({ ...input, transactionId: null })).toEqual({
      ...failed,
      code: 'no_transaction_id',
    });
    expect(await rig.provider.refund((await paid())(999, 'small'))).toEqual({ ...failed, code: '22' });
  });

  it.each([
    ['another merchant', { partnerCode: 'OTHER' }],
    ['another order', { orderId: 'J1-R1' }],
    ['another sum', { amount: 1 }],
    ['no order', { orderId: undefined }],
  ])('is refused when the answer names %s', async (_what, changes) => {
    const momo = lying((answer) => ({ ...answer, ...changes }));
    expect(await momo.refund((await paid())(500_000, 'doubt'))).toEqual({
      known: false,
      status: 'no_information',
      reason: 'other_order',
    });
  });

  it('does not fail because another refund was refused', async () => {
    const momo = lying((answer) => ({ ...answer, resultCode: 42, orderId: 'J1-R1' }));
    expect(await momo.refund((await paid())(500_000, 'other'))).toMatchObject({
      known: false,
      reason: 'other_order',
    });
  });

  it('is identified among others by its order id and its amount', async () => {
    const order = await paid();
    const input = order(500_000, 'mine');
    await rig.provider.refund(order(400_000, 'other'));
    expect(await rig.provider.retrieveRefund(input)).toMatchObject({ known: false, reason: 'not_listed' });
    await rig.provider.refund(input);
    expect(await rig.provider.retrieveRefund({ ...input, refundAmount: 1_000 })).toMatchObject({
      known: false,
      reason: 'other_amount',
    });
    const odd = lying((answer) => ({ ...answer, refundTrans: [null, 7, 'x', {}, { orderId: 'J1' }] }));
    expect(await odd.retrieveRefund(input)).toMatchObject({ known: false, reason: 'not_listed' });
    const none = lying((answer) => ({ ...answer, refundTrans: null }));
    expect(await none.retrieveRefund(input)).toMatchObject({ known: false, reason: 'not_listed' });
  });

  it.each([
    ['none', ''],
    ['a long one', `x${'-._9'.repeat(40)}`],
  ])(
    'has an id that MoMo accepts when the payment has a reference that is not ours: %s',
    async (_what, reference) => {
      const input = { ...(await paid())(500_000, 'odd'), reference };
      expect(await rig.provider.refund(input)).toMatchObject({ known: true, status: 'succeeded' });
      const asked = await rig.provider.retrieveRefund(input);
      expect(asked).toMatchObject({ known: false, reason: reference === '' ? 'no_reference' : '42' });
    },
  );

  it('uses its order id as number when MoMo repeats the number of the payment', async () => {
    const input = (await paid())(500_000, 'echo');
    const momo = lying((answer) => ({ ...answer, transId: Number(input.transactionId) }));
    expect(await momo.refund(input)).toMatchObject({
      status: 'succeeded',
      refundId: expect.stringMatching(new RegExp(`^${input.reference}-R[0-9a-f]{24}$`)),
    });
  });
});

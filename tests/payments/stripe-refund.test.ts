import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sandboxMerchants } from '../../local/sandbox/merchants.ts';
import { createStripe } from '../../supabase/functions/_shared/payments/stripe/index.ts';
import { construct, type Rig, rateLimited, startRig } from './sandbox.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig('stripe');
});
afterAll(() => rig.close());
beforeEach(async () => {
  await rig.post('/stripe/api/settings', { stepMs: 0 });
  rig.received.length = 0;
});

const config = () => ({ ...sandboxMerchants.stripe, apiUrl: `${rig.url}/stripe`, live: false });
const answering = (answer: () => Response) =>
  createStripe(config(), { fetch: async () => answer(), now: Date.now });
const refusal = (status: number, error: Record<string, unknown>) => () =>
  Response.json({ error }, { status });

type Made = { reference: string; providerData: Record<string, unknown> };
const inputOf = (checkout: Made) => ({ ...checkout, amount: 1_500_000, currency: 'VND' });
const retrieve = (checkout: Made) => rig.provider.retrieve(inputOf(checkout));

async function reportOf(checkout: Made) {
  const found = await retrieve(checkout);
  return found.kind === 'reports' ? found.reports[0] : undefined;
}

/** A paid attempt, and a maker of orders to refund it. */
async function paid() {
  const checkout = await rig.checkout();
  await rig.pay({ redirectUrl: checkout.redirectUrl, outcome: 'success' });
  const transactionId = (await reportOf(checkout))?.transactionId ?? null;
  const base = { ...inputOf(checkout), transactionId, refundId: null, orderedAt: Date.now() };
  const order = (refundAmount: number, requestKey: string) => ({
    ...base,
    refundAmount,
    requestKey: `${checkout.reference}-${requestKey}`,
  });
  return { checkout, order };
}

/** What the refund events that have come report, one report for each event. */
async function refundReports() {
  const events = await Promise.all(rig.received.map((one) => construct(rig, one)));
  return events.flatMap((one) => (one.verified && one.event.kind === 'refund' ? [one.event.report] : []));
}

describe('a refund', () => {
  it('is pending, then paid back, and events report it', async () => {
    await rig.post('/stripe/api/settings', { stepMs: 600_000 });
    const { order } = await paid();
    rig.received.length = 0;
    const input = order(1_500_000, 'full');
    const accepted = await rig.provider.refund(input);
    expect(accepted).toEqual({
      known: true,
      status: 'processing',
      refundId: expect.stringMatching(/^re_\w+$/),
      code: 'pending',
    });
    const refundId = accepted.known ? accepted.refundId : null;
    expect(await rig.provider.retrieveRefund({ ...input, refundId })).toEqual(accepted);
    await rig.post('/stripe/api/settings', { stepMs: 0 });
    const done = { known: true, status: 'succeeded', refundId, code: 'succeeded' };
    expect(await rig.provider.retrieveRefund({ ...input, refundId })).toEqual(done);
    await expect.poll(() => refundReports()).toHaveLength(3);
    const [created, ...later] = await refundReports();
    const { transactionId } = input;
    const about = { refundId, transactionId, amount: 1_500_000, currency: 'VND', failureCode: null };
    expect(created).toMatchObject({ ...about, outcome: 'processing' });
    for (const report of later) expect(report).toMatchObject({ ...about, outcome: 'succeeded' });
    expect(new Set(later.map(({ eventId }) => eventId)).size).toBe(1);
  });

  it('to a card is paid back at once', async () => {
    const { order } = await paid();
    expect(await rig.provider.refund(order(500_000, 'card'))).toMatchObject({ status: 'succeeded' });
  });

  it('can be accepted and rejected later, and ordered anew under another key', async () => {
    await rig.post('/stripe/api/settings', { stepMs: 60_000 });
    const { checkout, order } = await paid();
    rig.received.length = 0;
    const input = order(1_500_000, 'first');
    await rig.post('/stripe/api/refund-verdict', { reference: checkout.reference, verdict: 'reject' });
    const accepted = await rig.provider.refund(input);
    expect(accepted).toMatchObject({ status: 'processing' });
    await rig.post('/stripe/api/settings', { stepMs: 0 });
    const refundId = accepted.known ? accepted.refundId : null;
    expect(await rig.provider.retrieveRefund({ ...input, refundId })).toEqual({
      known: true,
      status: 'failed',
      refundId,
      code: 'expired_or_canceled_card',
    });
    await expect.poll(() => refundReports()).toHaveLength(4);
    expect((await refundReports()).at(-1)).toMatchObject({
      outcome: 'failed',
      failureCode: 'expired_or_canceled_card',
    });
    await rig.post('/stripe/api/refund-verdict', { reference: checkout.reference, verdict: 'pay' });
    const newOrder = { ...order(1_500_000, 'second'), refundId };
    // of the new order nothing is known, whatever became of the old one
    expect(await rig.provider.retrieveRefund(newOrder)).toEqual({
      known: false,
      status: 'no_information',
      reason: 'not_found',
    });
    expect(await rig.provider.refund(newOrder)).toMatchObject({ status: 'succeeded' });
  });

  it('is not paid twice when the same order is repeated, also at once, and is found without its id', async () => {
    const { order } = await paid();
    const input = order(500_000, 'once');
    const made = await Promise.all([rig.provider.refund(input), rig.provider.refund(input)]);
    expect(made[0]).toMatchObject({ known: true, status: 'succeeded' });
    expect(made[1]).toEqual(made[0]);
    expect(await rig.provider.retrieveRefund(input)).toEqual(made[0]);
    expect(await rig.provider.retrieveRefund(order(500_000, 'never sent'))).toMatchObject({
      known: false,
      reason: 'not_found',
    });
    expect(await rig.provider.refund({ ...input, refundAmount: 400_000 })).toEqual({
      known: false,
      status: 'no_information',
      reason: 'idempotency_error',
    });
  });

  it('is found through the session when no event named the payment', async () => {
    const { order } = await paid();
    const input = { ...order(500_000, 'by session'), transactionId: null };
    const made = await rig.provider.refund(input);
    expect(made).toMatchObject({ status: 'succeeded' });
    expect(await rig.provider.retrieveRefund(input)).toEqual(made);
    expect(await rig.provider.refund({ ...input, providerData: {} })).toMatchObject({ reason: 'no_payment' });
  });

  it('is found among more than one page of them', async () => {
    const { order } = await paid();
    const first = order(1_000, 'number 0');
    const made = await rig.provider.refund(first);
    for (let count = 1; count <= 101; count += 1) await rig.provider.refund(order(1_000, `number ${count}`));
    expect(await rig.provider.retrieveRefund(first)).toEqual(made);
  });

  it('is refused above what is left, after all is given back, and when it is disputed', async () => {
    const { order } = await paid();
    await rig.provider.refund(order(1_000_000, 'part'));
    const failed = { known: true, status: 'failed', refundId: null };
    expect(await rig.provider.refund(order(500_001, 'more'))).toEqual({
      ...failed,
      code: 'invalid_request_error',
    });
    await rig.provider.refund(order(500_000, 'rest'));
    expect(await rig.provider.refund(order(1, 'one more'))).toEqual({
      ...failed,
      code: 'charge_already_refunded',
    });
    const disputed = await paid();
    await rig.pay({ reference: disputed.checkout.reference, outcome: 'dispute' });
    expect(await rig.provider.refund(disputed.order(1, 'x'))).toEqual({ ...failed, code: 'charge_disputed' });
  });

  it('is refused for a payment that was not made', async () => {
    const checkout = await rig.checkout();
    const input = { ...inputOf(checkout), refundAmount: 1, requestKey: checkout.reference, refundId: null };
    const order = (transactionId: string | null) => ({ ...input, transactionId, orderedAt: Date.now() });
    expect(await rig.provider.refund(order(null))).toMatchObject({ known: false, reason: 'no_payment' });
    expect(await rig.provider.refund(order('pi_none'))).toMatchObject({
      status: 'failed',
      code: 'resource_missing',
    });
  });

  it('says whether to ask later or that nothing is known', async () => {
    const { order } = await paid();
    const input = order(1, 'x');
    const busy = answering(refusal(429, { code: 'lock_timeout' }));
    const later = { known: false, status: 'try_later', reason: 'lock_timeout' };
    expect(await busy.refund(input)).toEqual(later);
    expect(await busy.retrieveRefund(input)).toEqual(later);
    const limited = answering(refusal(429, { code: 'rate_limit' }));
    await expect(limited.refund(input)).rejects.toThrow(rateLimited('stripe'));
    await expect(limited.retrieveRefund(input)).rejects.toThrow(rateLimited('stripe'));
    const down = answering(refusal(500, {}));
    await expect(down.refund(input)).rejects.toMatchObject({ code: 'provider_unavailable' });
    await expect(down.retrieveRefund(input)).rejects.toMatchObject({ code: 'provider_unavailable' });
    const other = { id: 're_1', object: 'refund', amount: 2, currency: 'vnd', status: 'succeeded' };
    const wrong = answering(() => Response.json(other));
    expect(await wrong.refund(input)).toMatchObject({ known: false, status: 'no_information' });
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sandboxMerchants } from '../../local/sandbox/merchants.ts';
import { createStripe } from '../../supabase/functions/_shared/payments/stripe/index.ts';
import { construct, type Rig, rateLimited, startRig } from './sandbox.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig('stripe');
});
afterAll(() => rig.close());
beforeEach(() => {
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

describe('asking about a payment', () => {
  it.each(['success', 'pending', 'expire'])(
    'brings the same report, under the same event id, as the event of %s that never came',
    async (outcome) => {
      const checkout = await rig.checkout();
      await rig.pay({ redirectUrl: checkout.redirectUrl, outcome, notify: { never: true } });
      const found = await reportOf(checkout);
      await rig.post('/stripe/api/notify', { reference: checkout.reference });
      expect(found).toBeDefined();
      const event = { kind: 'payment', report: found };
      expect(await construct(rig, rig.received.at(-1))).toEqual({ verified: true, event });
    },
  );

  it('does so too when a slow method has failed', async () => {
    const checkout = await rig.checkout();
    await rig.pay({ redirectUrl: checkout.redirectUrl, outcome: 'pending' });
    await rig.pay({ reference: checkout.reference, outcome: 'insufficient_funds', again: true });
    const report = await reportOf(checkout);
    expect(report).toMatchObject({ outcome: 'failed', failureCode: 'async_payment_failed' });
    expect(await construct(rig, rig.received.at(-1))).toMatchObject({ event: { report } });
  });

  it.each([null, 'cancel', 'insufficient_funds'])(
    'says pending while the page can be paid (%s)',
    async (outcome) => {
      const checkout = await rig.checkout();
      if (outcome) await rig.pay({ redirectUrl: checkout.redirectUrl, outcome });
      expect(await reportOf(checkout)).toMatchObject({ outcome: 'pending', reference: checkout.reference });
    },
  );

  it('says not found, which is proven, for a session that Stripe does not have', async () => {
    const checkout = { ...(await rig.checkout()), providerData: { session_id: 'cs_test_gone' } };
    expect(await retrieve(checkout)).toEqual({ kind: 'not_found', signed: true });
  });

  it('learns nothing of other sessions, of the other mode, or without a session', async () => {
    const checkout = await rig.checkout();
    const other = await rig.checkout();
    expect(await retrieve({ ...checkout, providerData: other.providerData })).toEqual({
      kind: 'no_information',
      reason: 'other_reference',
    });
    const live = { ...checkout, providerData: { session_id: 'cs_live_1' } };
    expect(await retrieve(live)).toEqual({ kind: 'no_information', reason: 'other_mode' });
    await expect(retrieve({ ...checkout, providerData: { session_id: '../refunds' } })).rejects.toThrow(
      'no session_id',
    );
  });

  it('learns nothing from malformed answers', async () => {
    const input = inputOf(await rig.checkout());
    const unavailable = expect.objectContaining({ code: 'provider_unavailable' });
    const asking = (answer: () => Response) => answering(answer).retrieve(input);
    await expect(asking(refusal(500, {}))).rejects.toThrow(unavailable);
    await expect(asking(refusal(401, {}))).rejects.toThrow(unavailable);
    await expect(asking(() => new Response('<html>'))).rejects.toThrow(unavailable);
    expect(await asking(() => Response.json({}))).toEqual({ kind: 'no_information', reason: 'malformed' });
    expect(await asking(refusal(429, { code: 'lock_timeout' }))).toEqual({
      kind: 'try_later',
      reason: 'lock_timeout',
    });
    expect(await asking(refusal(400, { code: 'testmode' }))).toEqual({
      kind: 'no_information',
      reason: 'testmode',
    });
  });

  it('waits for as long as Stripe says when it is rate limited', async () => {
    const input = inputOf(await rig.checkout());
    await expect(answering(refusal(429, { code: 'rate_limit' })).retrieve(input)).rejects.toThrow(
      rateLimited('stripe'),
    );
    const headers = { 'retry-after': '30' };
    const body = { error: { code: 'rate_limit' } };
    const timed = answering(() => Response.json(body, { status: 429, headers }));
    await expect(timed.retrieve(input)).rejects.toThrow(rateLimited('stripe', 30));
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { WebhookOutcome } from '../../supabase/functions/_shared/payments/provider.ts';
import { construct, type Rig, silence, startRig } from './sandbox.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig('stripe');
});
afterAll(() => rig.close());
beforeEach(() => {
  rig.received.length = 0;
  rig.reply.with = async () => rig.provider.respond('applied');
});

const last = () => construct(rig, rig.received.at(-1));
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function paid(notify: Record<string, unknown> = {}, outcome = 'success') {
  const checkout = await rig.checkout();
  const answer = await rig.pay({ redirectUrl: checkout.redirectUrl, outcome, notify });
  expect(answer.status).toBe(200);
  return checkout;
}

describe('an event', () => {
  it.each([
    ['success', 'succeeded', null, true],
    ['pending', 'pending', null, true],
    ['expire', 'failed', 'expired', false],
  ])('of %s is verified and read as %s', async (outcome, expected, failureCode, hasPayment) => {
    const { reference } = await paid({}, outcome);
    expect(rig.received).toHaveLength(1);
    expect(rig.received[0]).toMatchObject({ method: 'POST', path: '/payment-webhooks/stripe' });
    const transactionId = hasPayment ? expect.stringMatching(/^pi_\w+$/) : null;
    expect(await last()).toEqual({
      verified: true,
      event: {
        kind: 'payment',
        report: {
          outcome: expected,
          reference,
          amount: 1_500_000,
          currency: 'VND',
          transactionId,
          failureCode,
          eventId: expect.stringMatching(new RegExp(`^${reference}:(pi_\\w+|0):${expected}:1500000$`)),
        },
      },
    });
  });

  it.each(['cancel', 'insufficient_funds'])(
    'does not come after %s, because the payer may still pay',
    async (outcome) => {
      const { reference } = await paid({}, outcome);
      expect(rig.received).toHaveLength(0);
      await rig.pay({ reference, outcome: 'success' });
      expect(await last()).toMatchObject({ event: { report: { outcome: 'succeeded', reference } } });
    },
  );

  it.each([
    ['success', 'succeeded', null],
    ['insufficient_funds', 'failed', 'async_payment_failed'],
  ])('of a slow method is pending, then ends with %s', async (outcome, expected, failureCode) => {
    const { reference } = await paid({}, 'pending');
    const first = await last();
    expect(await rig.pay({ reference, outcome })).toMatchObject({ status: 400 });
    await rig.pay({ reference, outcome, again: true });
    expect(await last()).toMatchObject({
      event: { report: { outcome: expected, failureCode, reference, transactionId: expect.any(String) } },
    });
    expect(await last()).not.toEqual(first);
  });

  it.each([
    ['a tampered amount', { tamper: true }, 'bad_signature'],
    ['a wrong secret', { wrongSecret: true }, 'bad_signature'],
    ['a body formatted anew', { reindented: true }, 'bad_signature'],
    ['an old recording', { stale: true }, 'bad_signature'],
    ['a connected account', { foreignMerchant: true }, 'foreign_merchant'],
    ['the other mode', { otherMode: true }, 'foreign_merchant'],
  ])('with %s is not verified', async (_what, notify, reason) => {
    await paid(notify);
    expect(await last()).toEqual({ verified: false, reason });
  });

  it('signed with an old secret and the new one is verified', async () => {
    await paid({ twoSignatures: true });
    expect(rig.received[0]?.headers.get('stripe-signature')).toMatch(/^t=\d+,v1=\w+,v1=\w+,v0=\w+$/);
    expect(await last()).toMatchObject({ verified: true });
  });

  it('with another amount, correctly signed, is verified and says that amount', async () => {
    await paid({ wrongAmount: true });
    expect(await last()).toMatchObject({ event: { report: { amount: 1_499_000, outcome: 'succeeded' } } });
  });

  it('can come late, several times, out of order, or never', async () => {
    await paid({ delayMs: 1_000 });
    expect(rig.received).toHaveLength(0);
    await expect.poll(() => rig.received).toHaveLength(1);
    await paid({ times: 5 });
    expect(rig.received).toHaveLength(6);
    const ids = await Promise.all(rig.received.slice(1).map((one) => construct(rig, one)));
    expect(new Set(ids.map((one) => JSON.stringify(one))).size).toBe(1);
    await paid({ never: true });
    await pause(60);
    expect(rig.received).toHaveLength(6);
    rig.received.length = 0;
    const { reference } = await paid({ delayMs: 1_000 }, 'pending');
    await rig.pay({ reference, outcome: 'success', again: true });
    await expect.poll(() => rig.received).toHaveLength(2);
    const [first, second] = await Promise.all(rig.received.map((one) => construct(rig, one)));
    expect(first).toMatchObject({ event: { report: { outcome: 'succeeded' } } });
    expect(second).toMatchObject({ event: { report: { outcome: 'pending' } } });
  });

  it('of a dispute needs review', async () => {
    const { reference } = await paid();
    await rig.pay({ reference, outcome: 'dispute' });
    expect(await last()).toMatchObject({
      verified: true,
      event: { kind: 'needs_review', eventId: expect.stringMatching(/^evt_/), reference: null },
    });
    const constructed = await last();
    const reason =
      constructed.verified && constructed.event.kind === 'needs_review' ? constructed.event.reason : '';
    expect(reason).toMatch(/^charge\.dispute\.created: 1500000 VND of pi_\w+, fraudulent, needs_response/);
  });

  it.each(['payment_intent.succeeded', 'charge.refunded', 'customer.created'])(
    'of type %s is ignored',
    async (type) => {
      const { reference } = await paid();
      await rig.post('/stripe/api/notify', { reference, type });
      expect(await last()).toMatchObject({ verified: true, event: { kind: 'ignored', reason: type } });
    },
  );
});

describe('the answer', () => {
  const accepted: WebhookOutcome[] = [
    ...([
      'applied',
      'duplicate',
      'unknown_reference',
      'amount_mismatch',
      'unmatched',
      'refunded_late',
    ] as const),
    ...(['part_received', 'recorded', 'needs_review', 'ignored'] as const),
  ];

  it.each(accepted)('to what was %s is 200', async (outcome) => {
    const answer = rig.provider.respond(outcome);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ received: true });
  });

  it.each([
    ['bad_signature', 400],
    ['malformed', 400],
    ['foreign_merchant', 400],
    ['unreadable', 500],
    ['error', 500],
  ] as const)('to %s is %i', (outcome, status) => {
    expect(rig.provider.respond(outcome).status).toBe(status);
  });

  it('decides whether the event comes again, with growing pauses and new signatures, until 2xx', async () => {
    const patient = rig;
    rig = await startRig('stripe', { notifyTimeoutMs: 1_000 });
    onTestFinished(async () => {
      await rig.close();
      rig = patient;
    });
    const at: number[] = [];
    rig.reply.with = async (_received, call) => {
      at.push(Date.now());
      if (call === 1) return silence();
      if (call === 2) return rig.provider.respond('error');
      if (call === 3) return rig.provider.respond('bad_signature');
      if (call === 4) return new Response(null, { status: 302, headers: { location: '/' } });
      return new Response('any words', { status: 202 });
    };
    await paid();
    await expect.poll(() => rig.received).toHaveLength(5);
    await pause(500);
    expect(rig.received).toHaveLength(5);
    expect(new Set(rig.received.map((one) => one.body)).size).toBe(1);
    const pauses = at.slice(1).map((time, i) => time - (at[i] ?? 0));
    expect(pauses.at(-1)).toBeGreaterThan(150);
    const verified = await Promise.all(rig.received.map((one) => construct(rig, one)));
    expect(verified.every((one) => one.verified)).toBe(true);
  });
});

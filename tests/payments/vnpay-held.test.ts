import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { construct, type Rig, startRig } from './sandbox.ts';

// Code 07: the payer's money is taken, and VNPay has not decided whether we get it.

let rig: Rig;

beforeAll(async () => {
  rig = await startRig('vnpay');
});
afterAll(() => rig.close());

const link = () => rig.checkout();

async function lastReport() {
  const event = await construct(rig, rig.received.at(-1));
  if (!event.verified || event.news.kind !== 'payment') throw new Error('the notification is of no payment');
  return event.news.report;
}

describe('a notification', () => {
  it('of money that VNPay keeps under suspicion is for somebody to look at, and no other', async () => {
    const held = await link();
    await rig.pay({ redirectUrl: held.redirectUrl, outcome: 'suspicious' });
    expect((await lastReport()).needsReview).toContain('suspects fraud');
    const asked = await rig.provider.retrieve({ ...held, amount: 1_500_000, currency: 'VND' });
    expect(asked).toMatchObject({ reports: [{ outcome: 'pending', needsReview: expect.any(String) }] });
    for (const outcome of ['success', 'cancel']) {
      await rig.pay({ redirectUrl: (await link()).redirectUrl, outcome });
      expect(await lastReport()).not.toHaveProperty('needs_review');
    }
  });

  it.each([
    ['success', 'succeeded'],
    ['cancel', 'failed'],
  ])('of such money is followed by one of %s, once VNPay has decided', async (outcome, expected) => {
    const { redirectUrl, reference } = await link();
    await rig.pay({ redirectUrl, outcome: 'suspicious' });
    const held = await lastReport();
    await rig.pay({ reference, outcome, again: true });
    const decided = await lastReport();
    expect([held.outcome, decided.outcome]).toEqual(['pending', expected]);
    if (expected === 'succeeded') expect(decided.transactionId).toBe(held.transactionId);
    expect((await rig.pay({ reference, outcome: 'success' })).status).toBe(400);
  });
});

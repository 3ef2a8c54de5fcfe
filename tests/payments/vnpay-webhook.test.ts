import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { construct, type Rig, silence, startRig } from './sandbox.ts';
import { lastReport, vnpayLink } from './vnpay.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig('vnpay');
});
afterAll(() => rig.close());
beforeEach(() => {
  rig.received.length = 0;
  rig.reply.with = async () => Response.json({ RspCode: '00', Message: 'Confirm Success' });
});

function verify(query: string) {
  return rig.provider.constructEvent({ method: 'GET', query, body: '', headers: new Headers() });
}

describe('a notification', () => {
  it.each([
    ['success', 'succeeded', null],
    ['cancel', 'failed', '24'],
    ['insufficient_funds', 'failed', '51'],
    ['expire', 'failed', '11'],
    ['suspicious', 'pending', '07'],
  ])('of %s is verified and read as %s', async (outcome, expected, failureCode) => {
    const { redirectUrl, reference } = await vnpayLink(rig);
    const paid = await rig.pay({ redirectUrl, outcome });
    expect(paid.status).toBe(200);
    expect(rig.received).toHaveLength(1);
    expect(rig.received[0]).toMatchObject({ method: 'GET', path: '/payment-webhooks/vnpay' });
    expect(await construct(rig, rig.received.at(-1))).toMatchObject({
      verified: true,
      event: {
        kind: 'payment',
        report: { outcome: expected, reference, amount: 1_500_000, currency: 'VND', failureCode },
      },
    });
  });

  it('comes from the buttons of the page, and sends the browser back with a verifiable result', async () => {
    const { redirectUrl, reference } = await vnpayLink(rig);
    await fetch(redirectUrl);
    const form = new URLSearchParams({ txnRef: reference, outcome: 'success' });
    const answer = await fetch(`${rig.url}/vnpay/pay`, { method: 'POST', body: form, redirect: 'manual' });
    expect(answer.status).toBe(303);
    const back = new URL(answer.headers.get('location') ?? '');
    expect(back.pathname).toBe('/payments/return/vnpay');
    expect(back.searchParams.get('to')).toBe('journey://paid');
    expect(await verify(back.search.slice(1))).toMatchObject({
      verified: true,
      event: { report: { reference } },
    });
    expect(rig.received).toHaveLength(1);
  });

  it('survives a proxy that writes + as %20, and an upper-case hash', async () => {
    const { redirectUrl } = await vnpayLink(rig);
    await rig.pay({ redirectUrl, outcome: 'success' });
    const query = rig.received[0]?.query ?? '';
    expect(query).toContain('+');
    expect(await verify(query.replaceAll('+', '%20'))).toMatchObject({ verified: true });
    const shouted = query.replace(/(vnp_SecureHash=)(.*)$/, (_all, name, hash) => name + hash.toUpperCase());
    expect(await verify(shouted)).toMatchObject({ verified: true });
    expect(await verify(`${query}&to=elsewhere`)).toMatchObject({ verified: true });
  });

  it.each([
    ['a tampered amount', { tamper: true }, 'bad_signature'],
    ['a wrong secret', { wrongSecret: true }, 'bad_signature'],
    ['a foreign merchant', { foreignMerchant: true }, 'foreign_merchant'],
  ])('with %s is not verified', async (_what, notify, reason) => {
    const { redirectUrl } = await vnpayLink(rig);
    await rig.pay({ redirectUrl, outcome: 'success', notify });
    expect(await construct(rig, rig.received.at(-1))).toEqual({ verified: false, reason });
  });

  it('with another amount, correctly signed, is verified and says that amount', async () => {
    const { redirectUrl } = await vnpayLink(rig);
    await rig.pay({ redirectUrl, outcome: 'success', notify: { wrongAmount: true } });
    expect(await construct(rig, rig.received.at(-1))).toMatchObject({
      verified: true,
      event: { report: { amount: 1_499_000, outcome: 'succeeded' } },
    });
  });

  it('with a repeated parameter, or without any, is not verified', async () => {
    const { redirectUrl } = await vnpayLink(rig);
    await rig.pay({ redirectUrl, outcome: 'success' });
    expect(await verify(`${rig.received[0]?.query}&vnp_Amount=1`)).toEqual({
      verified: false,
      reason: 'malformed',
    });
    expect(await verify('')).toEqual({ verified: false, reason: 'bad_signature' });
  });

  it.each([
    ['01', 10],
    ['04', 10],
    ['97', 10],
    ['99', 10],
    ['00', 1],
    ['02', 1],
  ])('answered with %s is sent %i times', async (code, calls) => {
    rig.reply.with = async () => Response.json({ RspCode: code, Message: '' });
    const { redirectUrl } = await vnpayLink(rig);
    await rig.pay({ redirectUrl, outcome: 'success' });
    await expect.poll(() => rig.received).toHaveLength(calls);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(rig.received).toHaveLength(calls);
    expect(new Set(rig.received.map((one) => one.query)).size).toBe(1);
  });

  it('is sent again after no answer, errors and nonsense, until it is confirmed', async () => {
    const rig = await startRig('vnpay', { notifyTimeoutMs: 1_000 });
    onTestFinished(() => rig.close());
    rig.reply.with = async (_received, call) => {
      if (call === 1) return silence();
      if (call === 2) return new Response('down', { status: 502 });
      if (call === 3) return new Response('<html>');
      return Response.json({ RspCode: '00', Message: 'Confirm Success' });
    };
    const { redirectUrl } = await vnpayLink(rig);
    await rig.pay({ redirectUrl, outcome: 'success' });
    await expect.poll(() => rig.received).toHaveLength(4);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(rig.received).toHaveLength(4);
  });

  it('can come late, several times, or never', async () => {
    const late = await vnpayLink(rig);
    await rig.pay({ redirectUrl: late.redirectUrl, outcome: 'success', notify: { delayMs: 1_000 } });
    expect(rig.received).toHaveLength(0);
    await expect.poll(() => rig.received).toHaveLength(1);
    const many = await vnpayLink(rig);
    await rig.pay({ redirectUrl: many.redirectUrl, outcome: 'success', notify: { times: 5 } });
    expect(rig.received).toHaveLength(6);
    const silent = await vnpayLink(rig);
    await rig.pay({ redirectUrl: silent.redirectUrl, outcome: 'success', notify: { never: true } });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(rig.received).toHaveLength(6);
  });

  it('of a failure can be followed by one of success', async () => {
    const { redirectUrl, reference } = await vnpayLink(rig);
    await rig.pay({ redirectUrl, outcome: 'insufficient_funds' });
    const failed = await lastReport(rig);
    expect((await rig.pay({ reference, outcome: 'success' })).status).toBe(400);
    await rig.pay({ reference, outcome: 'success', again: true });
    const succeeded = await lastReport(rig);
    expect([failed.outcome, succeeded.outcome]).toEqual(['failed', 'succeeded']);
    expect(failed.eventId).not.toBe(succeeded.eventId);
  });
});

// Code 07: the payer's money is taken, and VNPay has not decided whether we get it.
describe('a notification of money under suspicion', () => {
  it('needs review when VNPay suspects fraud, and only then', async () => {
    const held = await vnpayLink(rig);
    await rig.pay({ redirectUrl: held.redirectUrl, outcome: 'suspicious' });
    expect((await lastReport(rig)).needsReview).toContain('suspects fraud');
    const asked = await rig.provider.retrieve({ ...held, amount: 1_500_000, currency: 'VND' });
    expect(asked).toMatchObject({ reports: [{ outcome: 'pending', needsReview: expect.any(String) }] });
    for (const outcome of ['success', 'cancel']) {
      await rig.pay({ redirectUrl: (await vnpayLink(rig)).redirectUrl, outcome });
      expect(await lastReport(rig)).not.toHaveProperty('needs_review');
    }
  });

  it.each([
    ['success', 'succeeded'],
    ['cancel', 'failed'],
  ])('is followed by one of %s after VNPay has decided', async (outcome, expected) => {
    const { redirectUrl, reference } = await vnpayLink(rig);
    await rig.pay({ redirectUrl, outcome: 'suspicious' });
    const held = await lastReport(rig);
    await rig.pay({ reference, outcome, again: true });
    const decided = await lastReport(rig);
    expect([held.outcome, decided.outcome]).toEqual(['pending', expected]);
    if (expected === 'succeeded') expect(decided.transactionId).toBe(held.transactionId);
    expect((await rig.pay({ reference, outcome: 'success' })).status).toBe(400);
  });
});

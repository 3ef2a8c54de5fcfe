import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { signedQuery } from '../../local/sandbox/vnpay/sign.ts';
import type { CheckoutInput } from '../../supabase/functions/_shared/payments/provider.ts';
import { createVnpay } from '../../supabase/functions/_shared/payments/vnpay/index.ts';
import { type Rig, rateLimited, startRig, terminal } from './sandbox.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig('vnpay');
});
afterAll(() => rig.close());
beforeEach(() => {
  rig.received.length = 0;
  rig.reply.with = async () => Response.json({ RspCode: '00', Message: 'Confirm Success' });
});

/** A checkout whose link is there, as VNPay's always is. */
async function link(changes?: Partial<CheckoutInput>) {
  const made = await rig.checkout(changes);
  if (made.redirectUrl === null) throw new Error('VNPay made no link');
  return { ...made, redirectUrl: made.redirectUrl };
}

function verify(query: string) {
  return rig.provider.constructEvent({ method: 'GET', query, body: '', headers: new Headers() });
}

async function lastEvent() {
  return verify(rig.received.at(-1)?.query ?? '');
}

/** What the last notification says of a payment. */
async function lastReport() {
  const event = await lastEvent();
  if (!event.verified || event.news.kind !== 'payment') throw new Error('the notification is of no payment');
  return event.news.report;
}

describe('a pay link', () => {
  it('opens the pay page, escaped, with amount and reference', async () => {
    const { redirectUrl, reference } = await link();
    const answer = await fetch(redirectUrl);
    const body = await answer.text();
    expect(answer.status).toBe(200);
    expect(body).toContain('Pay 1,500,000 VND');
    expect(body).toContain(reference);
    expect(body).toContain('Thanh toan don JB7K2M9Q');
  });

  it.each([
    ['a changed amount', (url: string) => url.replace('vnp_Amount=150000000', 'vnp_Amount=100000000'), '70'],
    ['another terminal', (url: string) => url.replace('vnp_TmnCode=JOURNEY1', 'vnp_TmnCode=JOURNEY2'), '02'],
    ['a missing field', (url: string) => url.replace(/&vnp_Locale=vn/, ''), '03'],
  ])('is refused with %s', async (_what, change, code) => {
    const { redirectUrl } = await link();
    expect(change(redirectUrl)).not.toBe(redirectUrl);
    const answer = await fetch(change(redirectUrl));
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain(`Code ${code}`);
  });

  it('is refused after its time, and when its reference was used by another link', async () => {
    const old = await link({ createdAt: Date.now() - 120_000, expiresAt: Date.now() - 60_000 });
    expect(await (await fetch(old.redirectUrl)).text()).toContain('Code 15');
    const first = await link();
    await fetch(first.redirectUrl);
    expect((await fetch(first.redirectUrl)).status).toBe(200);
    const second = await link({ reference: first.reference, amount: 2_000_000 });
    expect(await (await fetch(second.redirectUrl)).text()).toContain('Code 01');
  });

  it('is not made for sums or currencies VNPay cannot carry', async () => {
    const refusal = expect.objectContaining({ code: 'payment_amount_unsupported', status: 400 });
    for (const amount of [0, 4_999, 5_000.5, 1_000_000_000]) {
      await expect(link({ amount }), String(amount)).rejects.toThrow(refusal);
    }
    await expect(link({ currency: 'USD' })).rejects.toThrow(refusal);
    for (const amount of [5_000, 999_999_999]) {
      const { redirectUrl } = await link({ amount });
      expect(redirectUrl).toContain(`vnp_Amount=${amount}00&`);
      expect((await fetch(redirectUrl)).status).toBe(200);
    }
  });

  it('for less or more than VNPay carries is refused by its page', async () => {
    for (const amount of [499_900, 100_000_000_000]) {
      const { redirectUrl } = await link();
      const url = new URL(redirectUrl);
      url.searchParams.set('vnp_Amount', String(amount));
      url.searchParams.delete('vnp_SecureHash');
      const query = signedQuery(Object.fromEntries(url.searchParams), terminal.hashSecret);
      expect(await (await fetch(`${url.origin}${url.pathname}?${query}`)).text()).toContain('Code 32');
    }
  });

  it('is the same for repeats of one attempt', async () => {
    const input = { reference: 'SAME1', createdAt: Date.now(), expiresAt: Date.now() + 60_000 };
    expect(await link(input)).toEqual(await link(input));
  });
});

describe('a notification', () => {
  it.each([
    ['success', 'succeeded', null],
    ['cancel', 'failed', '24'],
    ['insufficient_funds', 'failed', '51'],
    ['expire', 'failed', '11'],
    ['suspicious', 'pending', '07'],
  ])('of %s is verified and read as %s', async (outcome, expected, failureCode) => {
    const { redirectUrl, reference } = await link();
    const paid = await rig.pay({ redirectUrl, outcome });
    expect(paid.status).toBe(200);
    expect(rig.received).toHaveLength(1);
    expect(rig.received[0]).toMatchObject({ method: 'GET', path: '/payment-webhooks/vnpay' });
    expect(await lastEvent()).toMatchObject({
      verified: true,
      news: {
        kind: 'payment',
        report: { outcome: expected, reference, amount: 1_500_000, currency: 'VND', failureCode },
      },
    });
  });

  it('comes from the buttons of the page, and sends the browser back with a verifiable result', async () => {
    const { redirectUrl, reference } = await link();
    await fetch(redirectUrl);
    const form = new URLSearchParams({ txnRef: reference, outcome: 'success' });
    const answer = await fetch(`${rig.url}/vnpay/pay`, { method: 'POST', body: form, redirect: 'manual' });
    expect(answer.status).toBe(303);
    const back = new URL(answer.headers.get('location') ?? '');
    expect(back.pathname).toBe('/payments/return/vnpay');
    expect(back.searchParams.get('to')).toBe('journey://paid');
    expect(await verify(back.search.slice(1))).toMatchObject({
      verified: true,
      news: { report: { reference } },
    });
    expect(rig.received).toHaveLength(1);
  });

  it('survives a proxy that writes + as %20, and an upper-case hash', async () => {
    const { redirectUrl } = await link();
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
    const { redirectUrl } = await link();
    await rig.pay({ redirectUrl, outcome: 'success', notify });
    expect(await lastEvent()).toEqual({ verified: false, reason });
  });

  it('with another amount, correctly signed, is verified and says that amount', async () => {
    const { redirectUrl } = await link();
    await rig.pay({ redirectUrl, outcome: 'success', notify: { wrongAmount: true } });
    expect(await lastEvent()).toMatchObject({
      verified: true,
      news: { report: { amount: 1_499_000, outcome: 'succeeded' } },
    });
  });

  it('with a repeated parameter, or without any, is not verified', async () => {
    const { redirectUrl } = await link();
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
    const { redirectUrl } = await link();
    await rig.pay({ redirectUrl, outcome: 'success' });
    await vi.waitFor(() => expect(rig.received).toHaveLength(calls), { timeout: 3_000 });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(rig.received).toHaveLength(calls);
    expect(new Set(rig.received.map((one) => one.query)).size).toBe(1);
  });

  it('is sent again after silence, errors and nonsense, until it is confirmed', async () => {
    rig.reply.with = async (_received, call) => {
      if (call === 1) await new Promise((resolve) => setTimeout(resolve, 400));
      if (call === 2) return new Response('down', { status: 502 });
      if (call === 3) return new Response('<html>');
      return Response.json({ RspCode: '00', Message: 'Confirm Success' });
    };
    const { redirectUrl } = await link();
    await rig.pay({ redirectUrl, outcome: 'success' });
    await vi.waitFor(() => expect(rig.received).toHaveLength(4), { timeout: 3_000 });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(rig.received).toHaveLength(4);
  });

  it('can be late, manifold, or never come', async () => {
    const late = await link();
    await rig.pay({ redirectUrl: late.redirectUrl, outcome: 'success', notify: { delayMs: 100 } });
    expect(rig.received).toHaveLength(0);
    await vi.waitFor(() => expect(rig.received).toHaveLength(1));
    const many = await link();
    await rig.pay({ redirectUrl: many.redirectUrl, outcome: 'success', notify: { times: 5 } });
    expect(rig.received).toHaveLength(6);
    const silent = await link();
    await rig.pay({ redirectUrl: silent.redirectUrl, outcome: 'success', notify: { never: true } });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(rig.received).toHaveLength(6);
  });

  it('of a failure can be followed by one of success', async () => {
    const { redirectUrl, reference } = await link();
    await rig.pay({ redirectUrl, outcome: 'insufficient_funds' });
    const failed = await lastReport();
    expect((await rig.pay({ reference, outcome: 'success' })).status).toBe(400);
    await rig.pay({ reference, outcome: 'success', again: true });
    const succeeded = await lastReport();
    expect([failed.outcome, succeeded.outcome]).toEqual(['failed', 'succeeded']);
    expect(failed.eventId).not.toBe(succeeded.eventId);
  });
});

describe('asking about a payment', () => {
  const asked = (checkout: { reference: string; providerData: Record<string, unknown> }) =>
    rig.provider.retrieve({ ...checkout, amount: 1_500_000, currency: 'VND' });

  it('brings the same news, under the same id, as the notification that never came', async () => {
    const checkout = await link();
    await rig.pay({ redirectUrl: checkout.redirectUrl, outcome: 'success', notify: { never: true } });
    const found = await asked(checkout);
    await rig.post('/vnpay/api/notify', { reference: checkout.reference });
    const told = await lastReport();
    expect(told).toMatchObject({ outcome: 'succeeded', amount: 1_500_000 });
    expect(found).toEqual({ kind: 'reports', reports: [told] });
  });

  it('says pending while the page is open and failed after a cancel', async () => {
    const checkout = await link();
    await fetch(checkout.redirectUrl);
    expect(await asked(checkout)).toMatchObject({ kind: 'reports', reports: [{ outcome: 'pending' }] });
    await rig.pay({ reference: checkout.reference, outcome: 'cancel' });
    expect(await asked(checkout)).toMatchObject({ kind: 'reports', reports: [{ outcome: 'failed' }] });
  });

  it('says not found, unsigned, for a link nobody opened or another date', async () => {
    const checkout = await link();
    expect(await asked(checkout)).toEqual({ kind: 'not_found', signed: false });
    await fetch(checkout.redirectUrl);
    const other = { ...checkout, providerData: { create_date: '20260101000000' } };
    expect(await asked(other)).toEqual({ kind: 'not_found', signed: false });
  });

  it('learns nothing from answers that are not provably of VNPay', async () => {
    const checkout = await link();
    await rig.pay({ redirectUrl: checkout.redirectUrl, outcome: 'success', notify: { never: true } });
    const config = {
      ...terminal,
      payUrl: rig.url,
      apiUrl: `${rig.url}/vnpay/merchant_webapi/api/transaction`,
    };
    const input = { ...checkout, amount: 1_500_000, currency: 'VND' };
    const forging: typeof fetch = async (url, init) => {
      const answer = await (await fetch(url, init)).json();
      return Response.json({ ...(answer as object), vnp_Amount: '1' });
    };
    const forged = createVnpay(config, { fetch: forging, now: Date.now });
    expect(await forged.retrieve(input)).toEqual({ kind: 'no_information', reason: 'unsigned_00' });
    const stranger = createVnpay({ ...config, hashSecret: 'another' });
    expect(await stranger.retrieve(input)).toEqual({ kind: 'no_information', reason: 'unsigned_97' });
    const down = createVnpay({ ...config, apiUrl: 'http://127.0.0.1:9/' });
    await expect(down.retrieve(input)).rejects.toThrow(
      expect.objectContaining({ code: 'provider_unavailable' }),
    );
  });

  it('is told to wait when it asks too often', async () => {
    await rig.post('/vnpay/api/settings', { throttleMs: 60_000 });
    try {
      const checkout = await link();
      await fetch(checkout.redirectUrl);
      const twice = async () => {
        await asked(checkout);
        await asked(checkout);
      };
      await expect(twice()).rejects.toThrow(rateLimited('vnpay'));
    } finally {
      await rig.post('/vnpay/api/settings', { throttleMs: 0 });
    }
  });
});

describe('a refund', () => {
  async function paid() {
    const checkout = await link();
    await rig.pay({ redirectUrl: checkout.redirectUrl, outcome: 'success' });
    const { transactionId } = await lastReport();
    const { reference, providerData } = checkout;
    const base = {
      reference,
      providerData,
      transactionId,
      amount: 1_500_000,
      currency: 'VND',
      refundId: null,
      orderedAt: Date.now(),
    };
    return (refundAmount: number, requestKey: string) => ({ ...base, refundAmount, requestKey });
  }

  it('in full is accepted, then paid back', async () => {
    await rig.post('/vnpay/api/settings', { stepMs: 80 });
    try {
      const order = await paid();
      const input = order(1_500_000, 'full');
      const accepted = await rig.provider.refund(input);
      expect(accepted).toMatchObject({ known: true, status: 'processing', code: '05' });
      const refundId = accepted.known ? accepted.refundId : null;
      expect(refundId).toMatch(/^\d+$/);
      await vi.waitFor(async () => {
        const later = await rig.provider.retrieveRefund({ ...input, refundId });
        expect(later).toEqual({ known: true, status: 'succeeded', refundId, code: '00' });
      });
    } finally {
      await rig.post('/vnpay/api/settings', { stepMs: 0 });
    }
  });

  it('can be accepted and rejected later', async () => {
    const order = await paid();
    const input = order(500_000, 'rejected');
    await rig.post('/vnpay/api/settings', { stepMs: 50 });
    await rig.post('/vnpay/api/refund-verdict', { reference: input.reference, verdict: 'reject' });
    expect(await rig.provider.refund(input)).toMatchObject({ status: 'processing', code: '05' });
    await rig.post('/vnpay/api/settings', { stepMs: 0 });
    expect(await rig.provider.retrieveRefund(input)).toMatchObject({
      known: true,
      status: 'failed',
      code: 'status_09',
    });
  });

  it('is not paid twice when the same order is repeated', async () => {
    const order = await paid();
    expect(await rig.provider.refund(order(500_000, 'once'))).toMatchObject({ known: true });
    expect(await rig.provider.refund(order(500_000, 'once'))).toEqual({
      known: false,
      status: 'try_later',
      reason: '94',
    });
    expect(await rig.provider.refund(order(500_000, 'another'))).toMatchObject({ known: true });
  });

  it('is refused above what is left', async () => {
    const order = await paid();
    await rig.provider.refund(order(1_000_000, 'part'));
    expect(await rig.provider.refund(order(600_000, 'more'))).toMatchObject({
      known: true,
      status: 'failed',
      code: '02',
    });
    expect(await rig.provider.refund(order(1_500_000, 'all'))).toMatchObject({
      known: true,
      status: 'failed',
      code: '04',
    });
  });

  it('is refused for a payment that did not succeed', async () => {
    const checkout = await link();
    await rig.pay({ redirectUrl: checkout.redirectUrl, outcome: 'cancel' });
    const input = { ...checkout, amount: 1_500_000, currency: 'VND', refundAmount: 1_500_000 };
    const answer = await rig.provider.refund({
      ...input,
      requestKey: 'x',
      orderedAt: Date.now(),
      transactionId: null,
      refundId: null,
    });
    expect(answer).toMatchObject({ known: true, status: 'failed', code: '95' });
  });

  it('is never read as a payment, nor a payment as a refund', async () => {
    const order = await paid();
    const input = order(500_000, 'rows');
    expect(await rig.provider.retrieveRefund(input)).toEqual({
      known: false,
      status: 'no_information',
      reason: 'other_movement',
    });
    await rig.provider.refund(input);
    expect(await rig.provider.retrieve(input)).toEqual({ kind: 'no_information', reason: 'refund_row' });
  });

  it('is not taken for an earlier one of the same sum', async () => {
    const order = await paid();
    const first = await rig.provider.refund(order(500_000, 'first'));
    const otherRefundIds = first.known && first.refundId !== null ? [first.refundId] : [];
    expect(otherRefundIds).toHaveLength(1);
    // its own order was lost on the way
    const second = order(500_000, 'second');
    expect(await rig.provider.retrieveRefund(second)).toMatchObject({ known: true });
    expect(await rig.provider.retrieveRefund({ ...second, otherRefundIds })).toEqual({
      known: false,
      status: 'no_information',
      reason: 'other_movement',
    });
  });
});

describe('the sandbox', () => {
  it('lists what was paid, sent and answered', async () => {
    const { redirectUrl, reference } = await link();
    await rig.pay({ redirectUrl, outcome: 'success' });
    const body = await (await fetch(`${rig.url}/vnpay`)).text();
    expect(body).toContain(reference);
    expect(body).toContain('200 {&quot;RspCode&quot;:&quot;00&quot;');
  });

  it('remembers over a restart', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'sandbox-'));
    try {
      const before = await startRig('vnpay', { stateDir });
      const checkout = await before.checkout();
      await before.pay({ redirectUrl: checkout.redirectUrl, outcome: 'success' });
      await before.close();
      const after = await startRig('vnpay', { stateDir });
      const found = await after.provider.retrieve({ ...checkout, amount: 1_500_000, currency: 'VND' });
      await after.close();
      expect(found).toMatchObject({ kind: 'reports', reports: [{ outcome: 'succeeded' }] });
    } finally {
      rmSync(stateDir, { recursive: true });
    }
  });

  it('says what is wrong with a call', async () => {
    expect(await rig.pay({ reference: 'nothing', outcome: 'success' })).toMatchObject({
      status: 400,
      body: { code: '91' },
    });
    expect(await rig.pay({ reference: 'nothing', outcome: 'maybe' })).toMatchObject({
      status: 400,
      body: { code: '03' },
    });
    expect((await fetch(`${rig.url}/nowhere`)).status).toBe(404);
  });
});

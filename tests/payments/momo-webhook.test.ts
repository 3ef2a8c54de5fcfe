import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { WebhookOutcome } from '../../supabase/functions/_shared/payments/provider.ts';
import { construct, type Rig, silence, startRig } from './sandbox.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig('momo');
});
afterAll(() => rig.close());
beforeEach(() => {
  rig.received.length = 0;
  rig.reply.with = async () => rig.provider.respond('applied');
});

const lastEvent = () => construct(rig, rig.received.at(-1));
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('a notification', () => {
  it.each([
    ['success', 'succeeded', null],
    ['authorized', 'succeeded', null],
    ['pending', 'pending', null],
    ['cancel', 'failed', '1006'],
    ['insufficient_funds', 'failed', '1001'],
    ['expire', 'failed', '1005'],
  ])('of %s is verified and read as %s', async (outcome, expected, failureCode) => {
    const { redirectUrl, reference } = await rig.checkout();
    const paid = await rig.pay({ redirectUrl, outcome });
    expect(paid.status).toBe(200);
    expect(rig.received).toHaveLength(1);
    expect(rig.received[0]).toMatchObject({ method: 'POST', path: '/payment-webhooks/momo', query: '' });
    expect(rig.received[0]?.headers.get('content-type')).toBe('application/json');
    expect(await lastEvent()).toMatchObject({
      verified: true,
      event: {
        kind: 'payment',
        report: { outcome: expected, reference, amount: 1_500_000, currency: 'VND', failureCode },
      },
    });
    const back = new URL(String(paid.body.redirectUrl));
    expect(back.searchParams.get('to')).toBe('journey://paid');
    expect(await rig.provider.readReturn(back.search.slice(1))).toEqual({ status: expected, reference });
  });

  it('comes from the buttons of the page, and sends the browser back', async () => {
    const { redirectUrl, reference } = await rig.checkout();
    const form = new URLSearchParams({ orderId: reference, outcome: 'success' });
    const init = { method: 'POST', body: form, redirect: 'manual' } as const;
    const answer = await fetch(`${rig.url}/momo/pay`, init);
    expect(answer.status).toBe(303);
    const back = new URL(answer.headers.get('location') ?? '');
    expect(back.pathname).toBe('/payments/return/momo');
    expect(await rig.provider.readReturn(back.search.slice(1))).toEqual({ status: 'succeeded', reference });
    expect(rig.received).toHaveLength(1);
    const after = await (await fetch(`${redirectUrl}`)).text();
    expect(after).toContain('has ended: success (0)');
    expect((await fetch(`${rig.url}/momo/pay`, init)).status).toBe(200);
    expect(rig.received).toHaveLength(1);
  });

  it('does not come when the payer just leaves, because the payer may come back', async () => {
    const { redirectUrl, reference } = await rig.checkout();
    const left = await rig.pay({ redirectUrl, outcome: 'leave' });
    const back = new URL(String(left.body.redirectUrl));
    expect(await rig.provider.readReturn(back.search.slice(1))).toEqual({ status: 'failed', reference });
    expect(rig.received).toHaveLength(0);
    await rig.pay({ redirectUrl, outcome: 'success' });
    expect(await lastEvent()).toMatchObject({ event: { report: { outcome: 'succeeded' } } });
  });

  it.each([
    ['a tampered amount', { tamper: true }, 'bad_signature'],
    ['a wrong secret', { wrongSecret: true }, 'bad_signature'],
    ['a foreign merchant', { foreignMerchant: true }, 'foreign_merchant'],
  ])('with %s is not verified', async (_what, notify, reason) => {
    const { redirectUrl } = await rig.checkout();
    await rig.pay({ redirectUrl, outcome: 'success', notify });
    expect(await lastEvent()).toEqual({ verified: false, reason });
  });

  it('with another amount, correctly signed, is verified and says that amount', async () => {
    const { redirectUrl } = await rig.checkout();
    await rig.pay({ redirectUrl, outcome: 'success', notify: { wrongAmount: true } });
    expect(await lastEvent()).toMatchObject({
      verified: true,
      event: { report: { amount: 1_499_000, outcome: 'succeeded' } },
    });
  });

  it('can come late, several times, after the browser, or never', async () => {
    const late = await rig.checkout();
    await rig.pay({ redirectUrl: late.redirectUrl, outcome: 'success', notify: { delayMs: 1_000 } });
    expect(rig.received).toHaveLength(0);
    await expect.poll(() => rig.received).toHaveLength(1);
    const many = await rig.checkout();
    await rig.pay({ redirectUrl: many.redirectUrl, outcome: 'success', notify: { times: 5 } });
    expect(rig.received).toHaveLength(6);
    expect(new Set(rig.received.slice(1).map((one) => one.body)).size).toBe(1);
    const silent = await rig.checkout();
    await rig.pay({ redirectUrl: silent.redirectUrl, outcome: 'success', notify: { never: true } });
    await pause(60);
    expect(rig.received).toHaveLength(6);
    await rig.post('/momo/api/notify', { reference: silent.reference });
    expect(rig.received).toHaveLength(7);
  });

  it('of a failure can be followed by one of success, and overtaken by it', async () => {
    const { redirectUrl, reference } = await rig.checkout();
    await rig.pay({ redirectUrl, outcome: 'insufficient_funds', notify: { delayMs: 1_500 } });
    expect((await rig.pay({ reference, outcome: 'success' })).status).toBe(400);
    await rig.pay({ reference, outcome: 'success', again: true });
    await expect.poll(() => rig.received).toHaveLength(2);
    const [first, second] = await Promise.all(rig.received.map((one) => construct(rig, one)));
    expect(first).toMatchObject({ event: { report: { outcome: 'succeeded' } } });
    expect(second).toMatchObject({ event: { report: { outcome: 'failed', failureCode: '1001' } } });
  });

  it('of something under way is followed by the end of it', async () => {
    const { redirectUrl, reference } = await rig.checkout();
    await rig.pay({ redirectUrl, outcome: 'pending' });
    expect(await lastEvent()).toMatchObject({ event: { report: { outcome: 'pending' } } });
    expect(await (await fetch(`${redirectUrl}`)).text()).toContain('In process at the bank');
    await rig.pay({ reference, outcome: 'success', again: true });
    expect(await lastEvent()).toMatchObject({ event: { report: { outcome: 'succeeded' } } });
    expect((await rig.pay({ reference, outcome: 'cancel', again: true })).status).toBe(400);
  });

  it('of success can come after the page expired', async () => {
    const { redirectUrl, reference } = await rig.checkout();
    await rig.post('/momo/api/settings', { lifeMs: 0 });
    try {
      expect(await (await fetch(`${redirectUrl}`)).text()).toContain('has ended: expire (1005)');
      expect(await rig.pay({ reference, outcome: 'success' })).toMatchObject({
        status: 400,
        body: { code: '1005' },
      });
      await rig.pay({ reference, outcome: 'success', again: true });
      expect(await lastEvent()).toMatchObject({ event: { report: { outcome: 'succeeded', reference } } });
    } finally {
      await rig.post('/momo/api/settings', { lifeMs: 900_000 });
    }
  });
});

describe('the answer to a notification', () => {
  const answers: [WebhookOutcome, number][] = [
    ['applied', 204],
    ['duplicate', 204],
    ['unknown_reference', 204],
    ['amount_mismatch', 204],
    ['unmatched', 204],
    ['refunded_late', 204],
    ['part_received', 204],
    ['recorded', 204],
    ['needs_review', 204],
    ['ignored', 204],
    ['bad_signature', 400],
    ['foreign_merchant', 400],
    ['malformed', 400],
    ['unreadable', 500],
    ['error', 500],
  ];

  it.each(answers)(
    'to %s is %i without a body, and MoMo calls again unless it is 204',
    async (outcome, status) => {
      const answer = rig.provider.respond(outcome);
      expect([answer.status, await answer.text()]).toEqual([status, '']);
      rig.reply.with = async () => rig.provider.respond(outcome);
      const { redirectUrl } = await rig.checkout();
      await rig.pay({ redirectUrl, outcome: 'success' });
      const calls = status === 204 ? 1 : 5;
      await expect.poll(() => rig.received).toHaveLength(calls);
      await pause(60);
      expect(rig.received).toHaveLength(calls);
      expect(new Set(rig.received.map((one) => one.body)).size).toBe(1);
    },
  );

  it('must be 204: after 200 or silence MoMo calls again', async () => {
    const rig = await startRig('momo', { notifyTimeoutMs: 1_000 });
    onTestFinished(() => rig.close());
    rig.reply.with = async (_received, call) => {
      if (call === 1) return silence();
      if (call === 2) return new Response('ok');
      return rig.provider.respond('applied');
    };
    const { redirectUrl } = await rig.checkout();
    await rig.pay({ redirectUrl, outcome: 'success' });
    await expect.poll(() => rig.received).toHaveLength(3);
    await pause(60);
    expect(rig.received).toHaveLength(3);
  });
});

describe('the sandbox', () => {
  it('lists what was paid, sent and answered', async () => {
    const { redirectUrl, reference } = await rig.checkout();
    await rig.pay({ redirectUrl, outcome: 'success' });
    const body = await (await fetch(`${rig.url}/momo`)).text();
    expect(body).toContain(reference);
    expect(body).toContain('<code>204</code>');
    const listed = (await (await fetch(`${rig.url}/momo/api/transactions`)).json()) as { orderId: string }[];
    expect(listed.map((one) => one.orderId)).toContain(reference);
  });

  it('remembers orders and request ids over a restart', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'sandbox-'));
    try {
      const before = await startRig('momo', { stateDir });
      const { reference, redirectUrl } = await before.checkout();
      await before.pay({ redirectUrl, outcome: 'success' });
      await before.close();
      const after = await startRig('momo', { stateDir });
      const input = { reference, amount: 1_500_000, currency: 'VND', providerData: {} };
      const found = await after.provider.retrieve(input);
      const taken = after.checkout({ reference, amount: 2_000_000 });
      await expect(taken).rejects.toThrow(expect.objectContaining({ code: 'payment_start_again' }));
      await after.close();
      expect(found).toMatchObject({ kind: 'reports', reports: [{ outcome: 'succeeded' }] });
    } finally {
      rmSync(stateDir, { recursive: true });
    }
  });

  it('names what is wrong with a call', async () => {
    expect(await rig.pay({ reference: 'nothing', outcome: 'success' })).toMatchObject({
      status: 400,
      body: { code: '42' },
    });
    const { redirectUrl, reference } = await rig.checkout();
    expect(await rig.pay({ redirectUrl, outcome: 'maybe' })).toMatchObject({
      status: 400,
      body: { code: '03' },
    });
    expect((await rig.post('/momo/api/notify', { reference })).body.code).toBe('1000');
    expect((await fetch(`${redirectUrl}`.replace(/s=.{8}/, 's=00000000'))).status).toBe(400);
    expect((await fetch(`${rig.url}/momo/v2/gateway/api/confirm`, { method: 'POST' })).status).toBe(404);
  });
});

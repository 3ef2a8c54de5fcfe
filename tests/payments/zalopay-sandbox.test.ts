import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { WebhookOutcome } from '../../supabase/functions/_shared/payments/provider.ts';
import { construct, type Rig, silence, startRig } from './sandbox.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig('zalopay');
});
afterAll(() => rig.close());
beforeEach(() => {
  rig.received.length = 0;
  rig.reply.with = async () => rig.provider.respond('applied');
});

const lastEvent = () => construct(rig, rig.received.at(-1));
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('a notification', () => {
  it('reports money that came, and the browser brings back a verifiable result', async () => {
    const { redirectUrl, reference } = await rig.checkout();
    const paid = await rig.pay({ redirectUrl, outcome: 'success' });
    expect(rig.received).toHaveLength(1);
    expect(rig.received[0]).toMatchObject({ method: 'POST', path: '/payment-webhooks/zalopay' });
    expect(await lastEvent()).toMatchObject({
      verified: true,
      event: { report: { outcome: 'succeeded', reference, amount: 1_500_000, currency: 'VND' } },
    });
    const back = new URL(String(paid.body.redirectUrl));
    expect(back.pathname).toBe('/payments/return/zalopay');
    expect(back.searchParams.get('to')).toBe('journey://paid');
    expect(await rig.provider.readReturn(back.search.slice(1))).toEqual({ status: 'succeeded', reference });
  });

  it.each([
    ['cancel', 'failed'],
    ['insufficient_funds', 'failed'],
    ['expire', 'failed'],
    ['pending', 'pending'],
  ])('does not come after %s; the browser says %s', async (outcome, status) => {
    const { redirectUrl, reference } = await rig.checkout();
    const { body } = await rig.pay({ redirectUrl, outcome });
    const back = new URL(String(body.redirectUrl));
    expect(await rig.provider.readReturn(back.search.slice(1))).toEqual({ status, reference });
    expect((await rig.post('/zalopay/api/notify', { reference })).status).toBe(400);
    await pause(60);
    expect(rig.received).toHaveLength(0);
  });

  it('comes from the buttons of the page, also after a first try that failed', async () => {
    const { redirectUrl, reference } = await rig.checkout();
    const press = async (outcome: string) => {
      const page = await (await fetch(String(redirectUrl))).text();
      const token = /name="token" value="([^"]+)"/.exec(page)?.[1] ?? '';
      const form = new URLSearchParams({ token, outcome });
      return fetch(`${rig.url}/zalopay/pay`, { method: 'POST', body: form, redirect: 'manual' });
    };
    expect((await press('insufficient_funds')).status).toBe(303);
    const answer = await press('success');
    expect(answer.status).toBe(303);
    const back = new URL(answer.headers.get('location') ?? '');
    expect(await rig.provider.readReturn(back.search.slice(1))).toEqual({ status: 'succeeded', reference });
    expect(rig.received).toHaveLength(1);
    expect(await (await fetch(String(redirectUrl))).text()).toContain('This order has ended: paid');
    expect((await press('success')).status).toBe(404);
    expect(rig.received).toHaveLength(1);
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

  it('comes late when money that was on its way arrives after the order has ended', async () => {
    const { redirectUrl, reference } = await rig.checkout();
    await rig.pay({ redirectUrl, outcome: 'expire' });
    expect((await rig.pay({ reference, outcome: 'success' })).status).toBe(400);
    expect((await rig.pay({ reference, outcome: 'success', again: true })).status).toBe(200);
    expect(await lastEvent()).toMatchObject({ event: { report: { outcome: 'succeeded', reference } } });
    expect((await rig.pay({ reference, outcome: 'success', again: true })).status).toBe(400);
  });

  const calls: [WebhookOutcome, number][] = [
    ['error', 4],
    ['applied', 1],
    ['duplicate', 1],
    ['unmatched', 1],
    ['refunded_late', 1],
    ['bad_signature', 1],
    ['unknown_reference', 1],
    ['amount_mismatch', 1],
  ];
  it.each(calls)('answered as %s is sent %i times', async (outcome, count) => {
    rig.reply.with = async () => rig.provider.respond(outcome);
    const { redirectUrl } = await rig.checkout();
    await rig.pay({ redirectUrl, outcome: 'success' });
    await expect.poll(() => rig.received).toHaveLength(count);
    await pause(60);
    expect(rig.received).toHaveLength(count);
    expect(new Set(rig.received.map((one) => one.body)).size).toBe(1);
  });

  it('is sent again after no answer, errors and nonsense, until it is confirmed', async () => {
    const rig = await startRig('zalopay', { notifyTimeoutMs: 1_000 });
    onTestFinished(() => rig.close());
    rig.reply.with = async (_received, call) => {
      if (call === 1) return silence();
      if (call === 2) return new Response('{"return_code":1}', { status: 502 });
      if (call === 3) return new Response('<html>');
      return rig.provider.respond('applied');
    };
    const { redirectUrl } = await rig.checkout();
    await rig.pay({ redirectUrl, outcome: 'success' });
    await expect.poll(() => rig.received).toHaveLength(4);
  });

  it('can come late, several times, or never, before or after the browser', async () => {
    const late = await rig.checkout();
    await rig.pay({ redirectUrl: late.redirectUrl, outcome: 'success', notify: { delayMs: 1_000 } });
    expect(rig.received).toHaveLength(0);
    await expect.poll(() => rig.received).toHaveLength(1);
    const many = await rig.checkout();
    await rig.pay({ redirectUrl: many.redirectUrl, outcome: 'success', notify: { times: 5 } });
    expect(rig.received).toHaveLength(6);
    const events = await Promise.all(rig.received.slice(1).map((one) => construct(rig, one)));
    expect(new Set(events.map((event) => JSON.stringify(event))).size).toBe(1);
    const silent = await rig.checkout();
    await rig.pay({ redirectUrl: silent.redirectUrl, outcome: 'success', notify: { never: true } });
    await pause(60);
    expect(rig.received).toHaveLength(6);
    await rig.post('/zalopay/api/notify', { reference: silent.reference });
    expect(await lastEvent()).toMatchObject({ event: { report: { reference: silent.reference } } });
  });
});

describe('the sandbox', () => {
  it('lists what was ordered, sent and answered', async () => {
    const { redirectUrl, reference } = await rig.checkout();
    await rig.pay({ redirectUrl, outcome: 'success' });
    const page = await (await fetch(`${rig.url}/zalopay`)).text();
    expect(page).toContain(reference);
    expect(page).toContain('200 {&quot;return_code&quot;:1');
  });

  it('keeps its state over a restart, and goes on numbering', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'sandbox-'));
    try {
      const before = await startRig('zalopay', { stateDir });
      const first = await before.checkout();
      await before.pay({ redirectUrl: first.redirectUrl, outcome: 'success' });
      await before.close();
      const after = await startRig('zalopay', { stateDir });
      const asked = async (reference: string) => {
        const found = await after.provider.retrieve({
          reference,
          providerData: {},
          amount: 1,
          currency: 'VND',
        });
        return found.kind === 'reports' ? found.reports[0] : undefined;
      };
      const second = await after.checkout();
      await after.pay({ redirectUrl: second.redirectUrl, outcome: 'success' });
      const reports = [await asked(first.reference), await asked(second.reference)];
      await after.close();
      expect(reports.map((report) => report?.outcome)).toEqual(['succeeded', 'succeeded']);
      expect(new Set(reports.map((report) => report?.transactionId)).size).toBe(2);
    } finally {
      rmSync(stateDir, { recursive: true });
    }
  });

  it('names what is wrong with a call', async () => {
    const wrong = async (path: string, body: Record<string, unknown>) =>
      (await rig.post(path, body)).body.code;
    expect(await wrong('/zalopay/api/pay', { reference: 'nothing', outcome: 'success' })).toBe('-101');
    expect(await wrong('/zalopay/api/pay', { redirectUrl: `${rig.url}/?order=x`, outcome: 'success' })).toBe(
      '-101',
    );
    expect(await wrong('/zalopay/api/pay', { reference: 'nothing', outcome: 'maybe' })).toBe('03');
    expect(await wrong('/zalopay/api/refund-verdict', { reference: 'nothing', verdict: 'pay' })).toBe('-101');
    expect((await fetch(`${rig.url}/zalopay/openinapp?order=x`)).status).toBe(404);
    expect((await fetch(`${rig.url}/zalopay/nowhere`)).status).toBe(404);
  });
});

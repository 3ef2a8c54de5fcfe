import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sandboxMerchants } from '../../local/sandbox/merchants.ts';
import { construct, nextReference, type Rig, rateLimited, startRig } from './sandbox.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig('stripe');
});
afterAll(() => rig.close());

const asked = (checkout: { reference: string; providerData: Record<string, unknown> }) => ({
  ...checkout,
  amount: 1_500_000,
  currency: 'VND',
});

describe('the sandbox', () => {
  const call = (path: string, body: string, headers: Record<string, string> = {}) =>
    fetch(`${rig.url}/stripe/v1${path}`, {
      method: 'POST',
      body,
      headers: {
        authorization: `Bearer ${sandboxMerchants.stripe.secretKey}`,
        'content-type': 'application/x-www-form-urlencoded',
        ...headers,
      },
    });
  const errorOf = async (answer: Response) => ((await answer.json()) as { error: unknown }).error;

  afterEach(() => rig.post('/stripe/api/settings', { throttleMs: 0 }));

  it('answers only a caller with the key, in Stripe’s words', async () => {
    const wrong = await call('/checkout/sessions', '', { authorization: 'Bearer sk_test_other' });
    expect(wrong.status).toBe(401);
    expect(wrong.headers.get('request-id')).toMatch(/^req_/);
    expect(await errorOf(wrong)).toMatchObject({ type: 'invalid_request_error' });
    const json = await call('/checkout/sessions', '{}', { 'content-type': 'application/json' });
    expect(json.status).toBe(400);
    expect((await call('/charges', '')).status).toBe(404);
  });

  it('refuses parameters that are unknown, missing or out of range, and keeps no answer to them', async () => {
    const key = { 'idempotency-key': nextReference() };
    expect(await errorOf(await call('/checkout/sessions', 'mode=payment&mod=x', key))).toMatchObject({
      code: 'parameter_unknown',
      param: 'mod',
    });
    expect(await errorOf(await call('/checkout/sessions', 'mode=payment', key))).toMatchObject({
      code: 'parameter_missing',
    });
  });

  it('limits reads when it is set to, and the provider then cools down', async () => {
    const checkout = await rig.checkout();
    await rig.post('/stripe/api/settings', { throttleMs: 60_000 });
    const twice = async () => {
      await rig.provider.retrieve(asked(checkout));
      await rig.provider.retrieve(asked(checkout));
    };
    await expect(twice()).rejects.toThrow(rateLimited('stripe'));
  });

  it('says what is wrong with a call of its own', async () => {
    expect(await rig.pay({ reference: 'nothing', outcome: 'success' })).toMatchObject({
      status: 400,
      body: { code: 'resource_missing' },
    });
    expect(await rig.pay({ reference: 'nothing', outcome: 'maybe' })).toMatchObject({ status: 400 });
    expect((await fetch(`${rig.url}/stripe/c/pay/cs_test_none`)).status).toBe(404);
    expect((await fetch(`${rig.url}/stripe/nowhere`)).status).toBe(404);
  });

  it('keeps its state over a restart, and ends what has expired meanwhile', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'sandbox-'));
    try {
      const before = await startRig('stripe', { stateDir, stepMs: 60_000 });
      const kept = await before.checkout();
      const open = await before.checkout();
      await before.pay({ redirectUrl: kept.redirectUrl, outcome: 'success' });
      const refund = { ...asked(kept), refundAmount: 1_000, requestKey: 'kept', refundId: null };
      const order = { ...refund, transactionId: null, orderedAt: Date.now() };
      const ordered = await before.provider.refund(order);
      await before.close();
      const file = join(stateDir, 'stripe.json');
      const past = Math.floor(Date.now() / 1000) - 1;
      writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/"expiresAt":\d+/g, `"expiresAt":${past}`));
      const after = await startRig('stripe', { stateDir, stepMs: 60_000 });
      await expect.poll(() => after.received).toHaveLength(1);
      expect(await construct(after, after.received[0])).toMatchObject({
        event: { report: { outcome: 'failed', failureCode: 'expired', reference: open.reference } },
      });
      expect(await after.provider.retrieve(asked(kept))).toMatchObject({
        reports: [{ outcome: 'succeeded' }],
      });
      expect(await after.provider.refund(order)).toEqual(ordered);
      await after.close();
    } finally {
      rmSync(stateDir, { recursive: true });
    }
  });

  it('lists what was paid, sent and answered', async () => {
    const checkout = await rig.checkout();
    await rig.pay({ redirectUrl: checkout.redirectUrl, outcome: 'success' });
    const page = await (await fetch(`${rig.url}/stripe`)).text();
    expect(page).toContain(checkout.reference);
    expect(page).toContain('200 {&quot;received&quot;:true}');
    expect(page).toContain('complete, paid');
  });
});

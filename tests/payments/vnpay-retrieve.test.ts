import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createVnpay } from '../../supabase/functions/_shared/payments/vnpay/index.ts';
import { type Rig, rateLimited, startRig, terminal } from './sandbox.ts';
import { lastReport, vnpayLink } from './vnpay.ts';
import { answering, input, paid } from './vnpay-answers.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig('vnpay');
});
afterAll(() => rig.close());
beforeEach(() => {
  rig.received.length = 0;
  rig.reply.with = async () => Response.json({ RspCode: '00', Message: 'Confirm Success' });
});

describe('asking about a payment', () => {
  const asked = (checkout: { reference: string; providerData: Record<string, unknown> }) =>
    rig.provider.retrieve({ ...checkout, amount: 1_500_000, currency: 'VND' });

  it('brings the same report, under the same event id, as the notification that never came', async () => {
    const checkout = await vnpayLink(rig);
    await rig.pay({ redirectUrl: checkout.redirectUrl, outcome: 'success', notify: { never: true } });
    const found = await asked(checkout);
    await rig.post('/vnpay/api/notify', { reference: checkout.reference });
    const notified = await lastReport(rig);
    expect(notified).toMatchObject({ outcome: 'succeeded', amount: 1_500_000 });
    expect(found).toEqual({ kind: 'reports', reports: [notified] });
  });

  it('says pending while the page is open and failed after a cancel', async () => {
    const checkout = await vnpayLink(rig);
    await fetch(checkout.redirectUrl);
    expect(await asked(checkout)).toMatchObject({ kind: 'reports', reports: [{ outcome: 'pending' }] });
    await rig.pay({ reference: checkout.reference, outcome: 'cancel' });
    expect(await asked(checkout)).toMatchObject({ kind: 'reports', reports: [{ outcome: 'failed' }] });
  });

  it('says not found, unsigned, for a link nobody opened or another date', async () => {
    const checkout = await vnpayLink(rig);
    expect(await asked(checkout)).toEqual({ kind: 'not_found', signed: false });
    await fetch(checkout.redirectUrl);
    const other = { ...checkout, providerData: { create_date: '20260101000000' } };
    expect(await asked(other)).toEqual({ kind: 'not_found', signed: false });
  });

  it('learns nothing from answers without a valid signature of VNPay', async () => {
    const checkout = await vnpayLink(rig);
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

  it('gets the time to wait when VNPay limits it', async () => {
    await rig.post('/vnpay/api/settings', { throttleMs: 60_000 });
    try {
      const checkout = await vnpayLink(rig);
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

describe('what VNPay answers about a payment', () => {
  it.each([
    ['00', 'succeeded', false],
    ['01', 'pending', false],
    ['02', 'failed', false],
    ['04', 'pending', true],
    ['07', 'pending', true],
    // it was paid, or nothing was refused
    ['05', 'pending', false],
    ['06', 'pending', false],
    ['09', 'pending', false],
    ['', 'pending', false],
    ['99', 'pending', false],
  ])('with status %j is %s', async (TransactionStatus, outcome, forSomebody) => {
    const found = await answering({ ...paid, TransactionType: '01', TransactionStatus }).retrieve(input);
    expect(found).toMatchObject({ kind: 'reports', reports: [{ outcome }] });
    const [report] = found.kind === 'reports' ? found.reports : [];
    expect(report?.needsReview !== undefined).toBe(forSomebody);
  });
});

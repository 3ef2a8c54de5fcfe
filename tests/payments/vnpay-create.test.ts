import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { signedQuery } from '../../local/sandbox/vnpay/sign.ts';
import { type Rig, startRig, terminal } from './sandbox.ts';
import { vnpayLink } from './vnpay.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig('vnpay');
});
afterAll(() => rig.close());
beforeEach(() => {
  rig.received.length = 0;
  rig.reply.with = async () => Response.json({ RspCode: '00', Message: 'Confirm Success' });
});

describe('a pay link', () => {
  it('opens the pay page, escaped, with amount and reference', async () => {
    const { redirectUrl, reference } = await vnpayLink(rig);
    const answer = await fetch(redirectUrl);
    const body = await answer.text();
    expect(answer.status).toBe(200);
    expect(body).toContain('Pay 1.500.000 VND');
    expect(body).toContain(reference);
    expect(body).toContain('Thanh toan don JB7K2M9Q');
  });

  it.each([
    ['a changed amount', (url: string) => url.replace('vnp_Amount=150000000', 'vnp_Amount=100000000'), '70'],
    ['another terminal', (url: string) => url.replace('vnp_TmnCode=JOURNEY1', 'vnp_TmnCode=JOURNEY2'), '02'],
    ['a missing field', (url: string) => url.replace(/&vnp_Locale=vn/, ''), '03'],
  ])('is refused with %s', async (_what, change, code) => {
    const { redirectUrl } = await vnpayLink(rig);
    expect(change(redirectUrl)).not.toBe(redirectUrl);
    const answer = await fetch(change(redirectUrl));
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain(`Code ${code}`);
  });

  it('is refused after its time, and when its reference was used by another link', async () => {
    const old = await vnpayLink(rig, { createdAt: Date.now() - 120_000, expiresAt: Date.now() - 60_000 });
    expect(await (await fetch(old.redirectUrl)).text()).toContain('Code 15');
    const first = await vnpayLink(rig);
    await fetch(first.redirectUrl);
    expect((await fetch(first.redirectUrl)).status).toBe(200);
    const second = await vnpayLink(rig, { reference: first.reference, amount: 2_000_000 });
    expect(await (await fetch(second.redirectUrl)).text()).toContain('Code 01');
  });

  it('is not made for amounts or currencies that VNPay cannot carry', async () => {
    const refusal = expect.objectContaining({ code: 'payment_amount_unsupported', status: 400 });
    for (const amount of [0, 4_999, 5_000.5, 1_000_000_000]) {
      await expect(vnpayLink(rig, { amount }), String(amount)).rejects.toThrow(refusal);
    }
    await expect(vnpayLink(rig, { currency: 'USD' })).rejects.toThrow(refusal);
    for (const amount of [5_000, 999_999_999]) {
      const { redirectUrl } = await vnpayLink(rig, { amount });
      expect(redirectUrl).toContain(`vnp_Amount=${amount}00&`);
      expect((await fetch(redirectUrl)).status).toBe(200);
    }
  });

  it("is refused by VNPay's page for amounts below or above its limits", async () => {
    for (const amount of [499_900, 100_000_000_000]) {
      const { redirectUrl } = await vnpayLink(rig);
      const url = new URL(redirectUrl);
      url.searchParams.set('vnp_Amount', String(amount));
      url.searchParams.delete('vnp_SecureHash');
      const query = signedQuery(Object.fromEntries(url.searchParams), terminal.hashSecret);
      expect(await (await fetch(`${url.origin}${url.pathname}?${query}`)).text()).toContain('Code 32');
    }
  });

  it('is the same for repeats of one attempt', async () => {
    const input = { reference: 'SAME1', createdAt: Date.now(), expiresAt: Date.now() + 60_000 };
    expect(await vnpayLink(rig, input)).toEqual(await vnpayLink(rig, input));
  });
});

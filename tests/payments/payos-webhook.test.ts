import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { WebhookOutcome } from '../../supabase/functions/_shared/payments/provider.ts';
import { construct, type Rig, silence, startRig } from './sandbox.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig('payos');
});
afterAll(() => rig.close());
beforeEach(() => {
  rig.received.length = 0;
  rig.reply.with = async () => rig.provider.respond('applied');
});

const lastEvent = () => construct(rig, rig.received.at(-1));

describe('a notification', () => {
  it('of a payment is verified and names the money by its bank reference', async () => {
    const { reference } = await rig.checkout();
    const { status, body } = await rig.pay({ reference, outcome: 'success' });
    expect(status).toBe(200);
    expect(rig.received).toHaveLength(1);
    expect(rig.received[0]).toMatchObject({ method: 'POST', path: '/payment-webhooks/payos' });
    const event = await lastEvent();
    expect(event).toMatchObject({
      verified: true,
      event: {
        kind: 'payment',
        report: { outcome: 'succeeded', reference, amount: 1_500_000, currency: 'VND' },
      },
    });
    const back = new URL(String(body.redirectUrl));
    expect(Object.fromEntries(back.searchParams)).toMatchObject({
      to: 'journey://paid',
      status: 'PAID',
      code: '00',
    });
  });

  it.each([['cancel'], ['insufficient_funds'], ['expire'], ['pending']])(
    'does not come after %s, because PayOS notifies of money only',
    async (outcome) => {
      const { reference } = await rig.checkout();
      expect((await rig.pay({ reference, outcome })).status).toBe(200);
      expect(rig.received).toHaveLength(0);
    },
  );

  it('comes from the button of the page, and the browser is sent back', async () => {
    const { redirectUrl } = await rig.checkout();
    const id = redirectUrl?.split('/').at(-1) ?? '';
    const form = new URLSearchParams({ id, outcome: 'success' });
    const answer = await fetch(`${rig.url}/payos/pay`, { method: 'POST', body: form, redirect: 'manual' });
    expect(answer.status).toBe(303);
    expect(answer.headers.get('location')).toContain('/payments/return/payos?');
    expect(rig.received).toHaveLength(1);
  });

  it.each([
    ['a tampered amount', { tamper: true }],
    ['a wrong secret', { wrongSecret: true }],
    ['a foreign merchant, whose key is another', { foreignMerchant: true }],
  ])('with %s is not verified', async (_what, notify) => {
    const { reference } = await rig.checkout();
    await rig.pay({ reference, outcome: 'success', notify });
    expect(await lastEvent()).toEqual({ verified: false, reason: 'bad_signature' });
  });

  it('with another amount, correctly signed, says that amount', async () => {
    const { reference } = await rig.checkout();
    await rig.pay({ reference, outcome: 'success', notify: { wrongAmount: true } });
    expect(await lastEvent()).toMatchObject({ verified: true, event: { report: { amount: 1_499_000 } } });
  });

  it('goes out in copies, later, before the browser returns, or never', async () => {
    const send = async (notify: object) => {
      const { reference } = await rig.checkout();
      rig.received.length = 0;
      await rig.pay({ reference, outcome: 'success', notify });
      return rig.received.length;
    };
    expect(await send({ times: 3 })).toBe(3);
    expect(new Set(rig.received.map(({ body }) => body)).size).toBe(1);
    expect(await send({ never: true })).toBe(0);
    expect(await send({ delayMs: 1_500 })).toBe(0);
    await expect.poll(() => rig.received).toHaveLength(1);
    await send({ beforeReturn: false });
    await expect.poll(() => rig.received).toHaveLength(1);
  });
});

describe('an answer', () => {
  const kept: WebhookOutcome[] = [
    ...(['applied', 'duplicate', 'unknown_reference', 'amount_mismatch', 'unmatched'] as const),
    ...(['refunded_late', 'part_received', 'recorded', 'needs_review', 'ignored'] as const),
  ];

  it.each(kept)('is 2xx for %s, and PayOS stops calling', async (outcome) => {
    rig.reply.with = async () => rig.provider.respond(outcome);
    const { reference } = await rig.checkout();
    await rig.pay({ reference, outcome: 'success' });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(rig.received).toHaveLength(1);
    expect(await rig.provider.respond(outcome).json()).toEqual({ success: true });
  });

  it.each([
    ['bad_signature', 401],
    ['foreign_merchant', 401],
    ['malformed', 400],
    ['unreadable', 500],
    ['error', 500],
  ] as const)('is for %s HTTP %i, and PayOS calls again', async (outcome, status) => {
    expect(rig.provider.respond(outcome).status).toBe(status);
    rig.reply.with = async (_received, call) => rig.provider.respond(call < 3 ? outcome : 'applied');
    const { reference } = await rig.checkout();
    await rig.pay({ reference, outcome: 'success' });
    await expect.poll(() => rig.received).toHaveLength(3);
    expect(new Set(rig.received.map(({ body }) => body)).size).toBe(1);
  });

  it('that is never right ends the calls after five, whatever is wrong', async () => {
    const rig = await startRig('payos', { notifyTimeoutMs: 1_000 });
    onTestFinished(() => rig.close());
    rig.reply.with = async (_received, call) => {
      if (call === 1) return silence();
      return new Response('no', { status: 404 });
    };
    const { reference } = await rig.checkout();
    await rig.pay({ reference, outcome: 'success' });
    await expect.poll(() => rig.received).toHaveLength(5);
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(rig.received).toHaveLength(5);
  });
});

describe('the sample that PayOS sends to an address it is given', () => {
  const confirm = async (webhookUrl: string, key = rig.env.PAYOS_API_KEY ?? '') => {
    const headers = { 'x-client-id': rig.env.PAYOS_CLIENT_ID ?? '', 'x-api-key': key };
    const body = JSON.stringify({ webhookUrl });
    const answer = await fetch(`${rig.url}/payos/confirm-webhook`, { method: 'POST', headers, body });
    return (await answer.json()) as Record<string, unknown>;
  };

  it('is genuine, about no payment, and must be answered with 2xx', async () => {
    const { reference } = await rig.checkout();
    const { body } = await rig.pay({ reference, outcome: 'success' });
    const { notifications } = body.transaction as { notifications: { sent: string }[] };
    const webhookUrl = notifications[0]?.sent.split('\n')[0] ?? '';
    rig.reply.with = async () => rig.provider.respond('ignored');
    expect(await confirm(webhookUrl)).toMatchObject({ code: '00', data: { webhookUrl } });
    expect(await lastEvent()).toMatchObject({ verified: true, event: { kind: 'ignored', reason: 'sample' } });
    rig.reply.with = async () => new Response('no such order', { status: 404 });
    expect(await confirm(webhookUrl)).toMatchObject({ code: '20' });
    expect(await confirm('nowhere')).toMatchObject({ code: '20' });
    expect(await confirm(webhookUrl, 'another key')).toMatchObject({ code: '214' });
  });
});

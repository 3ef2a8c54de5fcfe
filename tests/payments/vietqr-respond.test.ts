import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { WebhookOutcome } from '../../supabase/functions/_shared/payments/provider.ts';
import { construct, type Rig, silence, startRig } from './sandbox.ts';

// SePay calls eight times, after 1, 1, 2, 3, 5, 8 and 13 minutes, until it hears 200 or 201 with success in the
// body (developer.sepay.vn: webhooks, error handling; test mode compared with live).

let rig: Rig;

beforeAll(async () => {
  rig = await startRig('vietqr');
});
afterAll(() => rig.close());
beforeEach(() => {
  rig.received.length = 0;
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function callsAfter(reply: () => Response, expected: number): Promise<void> {
  rig.reply.with = async () => reply();
  const { qrPayload } = await rig.checkout();
  await rig.pay({ qr: qrPayload });
  await expect.poll(() => rig.received).toHaveLength(expected);
  await pause(80);
  expect(rig.received).toHaveLength(expected);
}

describe('a notification', () => {
  it.each<[WebhookOutcome, number]>([
    ['applied', 1],
    ['duplicate', 1],
    ['unknown_reference', 1],
    ['part_received', 1],
    ['unmatched', 1],
    ['ignored', 1],
    ['needs_review', 1],
    ['bad_signature', 8],
    ['foreign_merchant', 8],
    ['malformed', 8],
    ['unreadable', 8],
    ['error', 8],
  ])('answered with %s is sent %i times', async (outcome, calls) => {
    await callsAfter(() => rig.provider.respond(outcome), calls);
  });

  it.each([
    ['success without a word', () => new Response('')],
    ['success in other words', () => new Response('OK')],
    ['a refusal with HTTP 200', () => Response.json({ success: false })],
    ['success as text', () => Response.json({ success: 'true' })],
    ['success with HTTP 202', () => Response.json({ success: true }, { status: 202 })],
    ['success with HTTP 500', () => Response.json({ success: true }, { status: 500 })],
  ])('answered with %s is sent again to the end', async (_what, reply) => {
    await callsAfter(reply, 8);
  });

  it('ends with HTTP 201', async () => {
    await callsAfter(() => Response.json({ success: true }, { status: 201 }), 1);
  });

  it('is sent again after no answer and errors until it is accepted, with a new signature and the same content', async () => {
    const rig = await startRig('vietqr', { notifyTimeoutMs: 1_000 });
    onTestFinished(() => rig.close());
    rig.reply.with = async (_received, call) => {
      if (call === 1) return silence();
      if (call === 2) return new Response('down', { status: 502 });
      return rig.provider.respond(call === 3 ? 'error' : 'applied');
    };
    const { qrPayload } = await rig.checkout();
    await rig.pay({ qr: qrPayload });
    await expect.poll(() => rig.received).toHaveLength(4);
    await pause(80);
    expect(rig.received).toHaveLength(4);
    expect(new Set(rig.received.map(({ body }) => body)).size).toBe(1);
    const events = await Promise.all(rig.received.map((one) => construct(rig, one)));
    expect(events.every((event) => event.verified)).toBe(true);
  });

  it('is signed with the time of each call, so that the last is as fresh as the first', async () => {
    await rig.post('/vietqr/api/settings', { retryMs: 1_100 });
    try {
      rig.reply.with = async (_received, call) => rig.provider.respond(call === 1 ? 'error' : 'applied');
      const { qrPayload } = await rig.checkout();
      await rig.pay({ qr: qrPayload });
      await expect.poll(() => rig.received).toHaveLength(2);
      const [first, second] = rig.received.map(({ headers }) => Number(headers.get('x-sepay-timestamp')));
      expect(second).toBeGreaterThan(first ?? Number.POSITIVE_INFINITY);
    } finally {
      await rig.post('/vietqr/api/settings', { retryMs: 20 });
    }
  });

  it('sent in copies is repeated as one', async () => {
    rig.reply.with = async () => rig.provider.respond('error');
    const { qrPayload } = await rig.checkout();
    await rig.pay({ qr: qrPayload, notify: { times: 3 } });
    await expect.poll(() => rig.received).toHaveLength(10);
    await pause(80);
    expect(rig.received).toHaveLength(10);
  });

  it.each([1, 3])('of %i copies waits as long as SePay does by default', async (times) => {
    const real = await startRig('vietqr', { retryMs: undefined });
    const wait = globalThis.setTimeout;
    const waited: number[] = [];
    const hurried = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((callback: () => void, ms = 0) => {
      if (ms < 60_000) return wait(callback, ms);
      waited.push(ms / 60_000);
      return wait(callback, 1);
    }) as typeof setTimeout);
    try {
      real.reply.with = async () => real.provider.respond('error');
      const { qrPayload } = await real.checkout();
      await real.pay({ qr: qrPayload, notify: { times } });
      await expect.poll(() => real.received).toHaveLength(7 + times);
      await pause(80);
      expect(real.received).toHaveLength(7 + times);
      expect(waited).toEqual([1, 1, 2, 3, 5, 8, 13]);
    } finally {
      hurried.mockRestore();
      await real.close();
    }
  });

  it('waits as long as it is set to, from the next call on', async () => {
    const real = await startRig('vietqr', { retryMs: undefined });
    try {
      real.reply.with = async () => real.provider.respond('error');
      expect(await real.post('/vietqr/api/settings', {})).toMatchObject({ body: { retryMs: null } });
      expect(await real.post('/vietqr/api/settings', { retryMs: 5 })).toMatchObject({ body: { retryMs: 5 } });
      const { qrPayload } = await real.checkout();
      await real.pay({ qr: qrPayload });
      await expect.poll(() => real.received).toHaveLength(8);
    } finally {
      await real.close();
    }
  });
});

describe('the answer', () => {
  const stored: WebhookOutcome[] = [
    ...(['applied', 'duplicate', 'unknown_reference', 'amount_mismatch', 'unmatched'] as const),
    ...(['refunded_late', 'part_received', 'recorded', 'needs_review', 'ignored'] as const),
  ];

  it.each(stored)('to %s is success', async (outcome) => {
    const answer = rig.provider.respond(outcome);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ success: true });
  });

  it.each([
    ['bad_signature', 401],
    ['foreign_merchant', 401],
    ['malformed', 400],
    ['unreadable', 500],
    ['error', 500],
  ] as const)('to %s is HTTP %i', async (outcome, status) => {
    const answer = rig.provider.respond(outcome);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toEqual({ success: false });
  });
});

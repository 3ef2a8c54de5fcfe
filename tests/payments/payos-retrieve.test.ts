import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { payosConfig } from '../../supabase/functions/_shared/payments/payos/config.ts';
import { createPayos } from '../../supabase/functions/_shared/payments/payos/index.ts';
import type { PaymentReport, RetrieveResult } from '../../supabase/functions/_shared/payments/provider.ts';
import { construct, nextReference, type Rig, rateLimited, startRig } from './sandbox.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig('payos');
});
afterAll(() => rig.close());
beforeEach(() => {
  rig.received.length = 0;
});

const attempt = (reference: string) => ({ reference, amount: 1_500_000, currency: 'VND', providerData: {} });
const retrieve = (reference: string) => rig.provider.retrieve(attempt(reference));

function reportsOf(found: RetrieveResult): PaymentReport[] {
  if (found.kind !== 'reports') throw new Error(`nothing reported: ${JSON.stringify(found)}`);
  return found.reports;
}

/** What notifications reported, in the order in which they arrived. */
async function notified(): Promise<PaymentReport[]> {
  const events = await Promise.all(rig.received.map((one) => construct(rig, one)));
  return events.flatMap((constructed) =>
    constructed.verified && constructed.event.kind === 'payment' ? [constructed.event.report] : [],
  );
}

describe('asking about a payment', () => {
  it('brings the same report, under the same event id, as the notification that never came', async () => {
    const { reference } = await rig.checkout();
    await rig.pay({ reference, outcome: 'success', notify: { never: true } });
    const found = reportsOf(await retrieve(reference));
    expect(found).toHaveLength(1);
    await rig.post('/payos/api/notify', { reference });
    expect(await notified()).toEqual(found);
  });

  it.each([
    ['nothing yet', null, 'pending', null],
    ['a transfer on its way', 'pending', 'pending', null],
    ['a transfer the bank refused', 'insufficient_funds', 'pending', null],
    ['a cancel', 'cancel', 'failed', 'CANCELLED'],
    ['its end', 'expire', 'failed', 'EXPIRED'],
  ])('answers the state after %s', async (_what, outcome, expected, failureCode) => {
    const { reference } = await rig.checkout();
    if (outcome) await rig.pay({ reference, outcome });
    expect(await retrieve(reference)).toEqual({
      kind: 'reports',
      reports: [
        {
          ...{
            outcome: expected,
            reference,
            amount: 1_500_000,
            currency: 'VND',
            transactionId: null,
            failureCode,
          },
          eventId: `${reference}:0:${expected}:1500000`,
        },
      ],
    });
  });

  it('says that it expired, of which PayOS does not notify', async () => {
    const { reference } = await rig.checkout({ expiresAt: Date.now() + 2_000 });
    await expect
      .poll(() => retrieve(reference))
      .toMatchObject({
        reports: [{ outcome: 'failed', failureCode: 'EXPIRED' }],
      });
    expect(rig.received).toHaveLength(0);
  });

  it('answers how a pending one ended', async () => {
    const { reference } = await rig.checkout();
    await rig.pay({ reference, outcome: 'pending' });
    await rig.pay({ reference, outcome: 'success', again: true });
    expect(reportsOf(await retrieve(reference))).toEqual(await notified());
  });

  it('says not found, which proves nothing, for an order that was never made', async () => {
    expect(await retrieve(nextReference())).toEqual({ kind: 'not_found', signed: false });
  });
});

describe('money in parts', () => {
  it('is one report for each transfer, whether PayOS sends it or we ask', async () => {
    const { reference } = await rig.checkout();
    await rig.pay({ reference, outcome: 'success', amount: 500_000 });
    const first = reportsOf(await retrieve(reference));
    expect(first).toMatchObject([{ outcome: 'succeeded', amount: 500_000 }]);
    await rig.pay({ reference, outcome: 'success' });
    const both = reportsOf(await retrieve(reference));
    expect(both.map(({ amount }) => amount)).toEqual([500_000, 1_000_000]);
    expect(new Set(both.map(({ eventId }) => eventId)).size).toBe(2);
    expect(both[0]).toEqual(first[0]);
    expect(await notified()).toEqual(both);
  });

  it('keeps parts of equal amounts apart', async () => {
    const { reference } = await rig.checkout();
    await rig.pay({ reference, outcome: 'success', amount: 750_000 });
    await rig.pay({ reference, outcome: 'success', amount: 750_000 });
    expect(new Set((await notified()).map(({ eventId }) => eventId)).size).toBe(2);
  });

  it('may be too much at once, or a second time', async () => {
    const { reference } = await rig.checkout();
    await rig.pay({ reference, outcome: 'success', amount: 1_700_000 });
    expect(await rig.pay({ reference, outcome: 'success' })).toMatchObject({
      status: 400,
      body: { code: '104' },
    });
    await rig.pay({ reference, outcome: 'success', again: true });
    expect((await notified()).map(({ amount }) => amount)).toEqual([1_700_000, 1_500_000]);
    expect(reportsOf(await retrieve(reference))).toEqual(await notified());
  });

  it('may arrive out of order, and be notified twice', async () => {
    const { reference } = await rig.checkout();
    await rig.pay({ reference, outcome: 'success', amount: 500_000, notify: { never: true } });
    await rig.pay({ reference, outcome: 'success', notify: { times: 2 } });
    const [first, second] = reportsOf(await retrieve(reference));
    await rig.post('/payos/api/notify', { reference, transaction: first?.transactionId });
    expect(await notified()).toEqual([second, second, first]);
  });

  it.each(['expire', 'cancel'])(
    'may come after the %s of a link, whose code can still be scanned',
    async (end) => {
      const { reference } = await rig.checkout();
      await rig.pay({ reference, outcome: end });
      expect((await rig.pay({ reference, outcome: 'success' })).status).toBe(400);
      await rig.pay({ reference, outcome: 'success', again: true, amount: 600_000 });
      expect(reportsOf(await retrieve(reference))).toMatchObject([{ outcome: 'succeeded', amount: 600_000 }]);
      expect(await notified()).toEqual(reportsOf(await retrieve(reference)));
    },
  );
});

describe('an answer that proves nothing', () => {
  async function asWith(reference: string, change: (body: Record<string, unknown>) => Response) {
    const config = payosConfig(rig.env);
    if (config === null) throw new Error('PayOS is not set up');
    const bent: typeof fetch = async (url, init) =>
      change((await (await fetch(url, init)).json()) as Record<string, unknown>);
    return createPayos(config, { fetch: bent, now: Date.now }).retrieve(attempt(reference));
  }
  const none = (reason: string) => ({ kind: 'no_information', reason });

  it('is an answer that is not signed, or was changed on its way', async () => {
    const { reference } = await rig.checkout();
    await rig.pay({ reference, outcome: 'success' });
    expect(await asWith(reference, ({ signature: _, ...body }) => Response.json(body))).toEqual(
      none('unsigned'),
    );
    const raised = ({ data, ...body }: Record<string, unknown>) =>
      Response.json({ ...body, data: { ...(data as object), amount: 1 } });
    expect(await asWith(reference, raised)).toEqual(none('unsigned'));
  });

  it('is an answer about another order', async () => {
    const [mine, other] = [await rig.checkout(), await rig.checkout()];
    const config = payosConfig(rig.env);
    if (config === null) throw new Error('PayOS is not set up');
    const swapping: typeof fetch = (url, init) =>
      fetch(String(url).replace(mine.reference.slice(1), other.reference.slice(1)), init);
    const swapped = createPayos(config, { fetch: swapping, now: Date.now });
    expect(await swapped.retrieve(attempt(mine.reference))).toEqual(none('other_reference'));
  });

  it.each([
    [503, { error: 'down' }, { kind: 'try_later', reason: '503' }],
    [200, { code: '214', desc: 'no such gateway' }, none('214')],
    [403, {}, none('http_403')],
    [200, { code: 0 }, none('http_200')],
  ])('is HTTP %i with %j', async (status, body, expected) => {
    const { reference } = await rig.checkout();
    expect(await asWith(reference, () => Response.json(body, { status }))).toEqual(expected);
  });

  it('is a rate limit', async () => {
    const { reference } = await rig.checkout();
    const refused = asWith(reference, () => Response.json({ code: '429' }, { status: 429 }));
    await expect(refused).rejects.toThrow(rateLimited('payos'));
  });

  it('is a missing answer', async () => {
    const { reference } = await rig.checkout();
    const page = asWith(reference, () => new Response('<html>'));
    await expect(page).rejects.toThrow(expect.objectContaining({ code: 'provider_unavailable' }));
  });
});

describe('a refund', () => {
  it('cannot be made here: the money goes back by a transfer', async () => {
    const order = {
      ...attempt(nextReference()),
      requestKey: 'k',
      orderedAt: Date.now(),
      refundAmount: 1,
      transactionId: 'FT1',
      refundId: null,
    };
    const unsupported = { known: true, status: 'failed', refundId: null, code: 'unsupported' };
    expect(await rig.provider.refund(order)).toEqual(unsupported);
    expect(await rig.provider.retrieveRefund(order)).toEqual(unsupported);
  });
});

describe('the sandbox', () => {
  it('lists what was made, sent and answered', async () => {
    const { reference } = await rig.checkout();
    await rig.pay({ reference, outcome: 'success' });
    const page = await (await fetch(`${rig.url}/payos`)).text();
    expect(page).toContain(reference.slice(1));
    expect(page).toContain('200 {&quot;success&quot;:true}');
    const listed = (await (await fetch(`${rig.url}/payos/api/transactions`)).json()) as object[];
    expect(listed.at(-1)).toMatchObject({ orderCode: Number(reference.slice(1)), status: 'PAID' });
  });

  it('keeps its state over a restart', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'sandbox-'));
    try {
      const before = await startRig('payos', { stateDir });
      const { reference } = await before.checkout();
      await before.pay({ reference, outcome: 'success', amount: 400_000 });
      const found = await before.provider.retrieve(attempt(reference));
      await before.close();
      const after = await startRig('payos', { stateDir });
      expect(await after.provider.retrieve(attempt(reference))).toEqual(found);
      await after.close();
    } finally {
      rmSync(stateDir, { recursive: true });
    }
  });

  it('names what is wrong with a call', async () => {
    const { reference } = await rig.checkout();
    expect(await rig.pay({ reference: 'J1', outcome: 'success' })).toMatchObject({
      status: 400,
      body: { code: '101' },
    });
    expect(await rig.pay({ reference, outcome: 'maybe' })).toMatchObject({
      status: 400,
      body: { code: '03' },
    });
    expect(await rig.pay({ reference, outcome: 'success', amount: 0.5 })).toMatchObject({
      body: { code: '20' },
    });
    expect(await rig.post('/payos/api/notify', { reference })).toMatchObject({
      status: 400,
      body: { code: '101' },
    });
    expect((await fetch(`${rig.url}/payos/web/nobody`)).status).toBe(404);
    expect((await fetch(`${rig.url}/payos/nowhere`)).status).toBe(404);
  });
});

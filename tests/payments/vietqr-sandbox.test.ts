import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { construct, type Rig, startRig } from './sandbox.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig('vietqr');
});
afterAll(() => rig.close());
beforeEach(() => {
  rig.received.length = 0;
  rig.reply.with = async () => rig.provider.respond('applied');
});

const lastEvent = () => construct(rig, rig.received.at(-1));
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('a notification', () => {
  it('of a transfer is verified and says what it carried', async () => {
    const { qrPayload, reference } = await rig.checkout();
    const paid = await rig.pay({ qr: qrPayload, outcome: 'success' });
    expect(paid).toMatchObject({ status: 200, body: { redirectUrl: null, transaction: { reference } } });
    expect(rig.received).toHaveLength(1);
    expect(rig.received[0]).toMatchObject({ method: 'POST', path: '/payment-webhooks/vietqr', query: '' });
    expect(await lastEvent()).toMatchObject({
      verified: true,
      event: {
        kind: 'payment',
        report: { outcome: 'succeeded', reference, amount: 1_500_000, currency: 'VND', failureCode: null },
      },
    });
  });

  it('reports each part and each surplus as it came, with its own number', async () => {
    const { qrPayload, reference } = await rig.checkout();
    const link = `${rig.url}/vietqr/scan?${new URLSearchParams({ qr: qrPayload })}`;
    await rig.pay({ qr: qrPayload, amount: 1_000_000 });
    await rig.pay({ reference, amount: 400_000 });
    await rig.pay({ redirectUrl: link, amount: 200_000 });
    const events = await Promise.all(rig.received.map((one) => construct(rig, one)));
    const reports = events.flatMap((constructed) =>
      constructed.verified && constructed.event.kind === 'payment' ? [constructed.event.report] : [],
    );
    expect(reports.map(({ amount }) => amount)).toEqual([1_000_000, 400_000, 200_000]);
    expect(new Set(reports.map((report) => report.reference))).toEqual(new Set([reference]));
    expect(new Set(reports.map(({ transactionId }) => transactionId)).size).toBe(3);
    expect(new Set(reports.map(({ eventId }) => eventId)).size).toBe(3);
  });

  it.each(['prefix', 'plain', 'no_spaces', 'lower_case', 'broken', 'dotted', 'doubled'])(
    'is recognised after what banks do: %s',
    async (messageChange) => {
      const { qrPayload, reference } = await rig.checkout();
      await rig.pay({ qr: qrPayload, messageChange });
      expect(await lastEvent()).toMatchObject({ event: { report: { reference, amount: 1_500_000 } } });
    },
  );

  it.each([
    ['a message that was cut', { messageChange: 'cut' }],
    ['a message that was lost', { messageChange: 'lost' }],
    ['a message of the payer’s own', { message: 'tra tien xe' }],
    ['two references', { message: 'J26112100000042 J26112100000043' }],
  ])('with %s is money without a reference', async (_what, how) => {
    const { qrPayload } = await rig.checkout();
    await rig.pay({ qr: qrPayload, ...how });
    expect(await lastEvent()).toMatchObject({
      verified: true,
      event: { kind: 'payment', report: { outcome: 'succeeded', reference: null, amount: 1_500_000 } },
    });
  });

  it('of money that leaves the account is ignored', async () => {
    const { reference } = await rig.checkout();
    await rig.pay({ reference, amount: 5_000, outcome: 'out' });
    expect(await lastEvent()).toMatchObject({ verified: true, event: { kind: 'ignored' } });
  });

  it.each(['cancel', 'insufficient_funds', 'expire'])('does not exist for %s', async (outcome) => {
    const { qrPayload } = await rig.checkout();
    expect(await rig.pay({ qr: qrPayload, outcome })).toMatchObject({
      status: 200,
      body: { transaction: null },
    });
    expect(rig.received).toHaveLength(0);
  });

  it('of a pending transfer comes when it arrives, and never when it fails', async () => {
    const { qrPayload, reference } = await rig.checkout();
    await rig.pay({ qr: qrPayload, outcome: 'pending' });
    expect(rig.received).toHaveLength(0);
    await rig.pay({ reference, outcome: 'success', again: true });
    expect(await lastEvent()).toMatchObject({ event: { report: { reference } } });
    expect(await rig.pay({ reference, outcome: 'success', again: true })).toMatchObject({ status: 400 });
    await rig.pay({ qr: qrPayload, outcome: 'pending' });
    await rig.pay({ qr: qrPayload, outcome: 'cancel', again: true });
    expect(rig.received).toHaveLength(1);
  });

  it('comes even after the end of the attempt', async () => {
    const { qrPayload, reference } = await rig.checkout({ expiresAt: Date.now() - 60_000 });
    await rig.pay({ qr: qrPayload });
    expect(await lastEvent()).toMatchObject({ event: { report: { reference, outcome: 'succeeded' } } });
  });

  it.each([
    ['a tampered amount', { tamper: true }, 'bad_signature'],
    ['a wrong secret', { wrongSecret: true }, 'bad_signature'],
    ['a signature of six minutes ago', { staleMs: 360_000 }, 'bad_signature'],
    ['a signature of six minutes ahead', { staleMs: -360_000 }, 'bad_signature'],
    ['another account', { foreignMerchant: true }, 'foreign_merchant'],
  ])('with %s is not verified', async (_what, plan, reason) => {
    const { qrPayload } = await rig.checkout();
    await rig.pay({ qr: qrPayload, notify: plan });
    expect(await lastEvent()).toEqual({ verified: false, reason });
  });

  it('with another amount, correctly signed, is verified and says that amount', async () => {
    const { qrPayload } = await rig.checkout();
    await rig.pay({ qr: qrPayload, notify: { wrongAmount: true } });
    expect(await lastEvent()).toMatchObject({ verified: true, event: { report: { amount: 1_499_000 } } });
  });

  it('can come late, several times, again, or never', async () => {
    const { qrPayload, reference } = await rig.checkout();
    await rig.pay({ qr: qrPayload, notify: { delayMs: 1_000 } });
    expect(rig.received).toHaveLength(0);
    await expect.poll(() => rig.received).toHaveLength(1);
    await rig.post('/vietqr/api/notify', { reference, notify: { times: 5 } });
    expect(rig.received).toHaveLength(6);
    const events = await Promise.all(rig.received.map((one) => construct(rig, one)));
    expect(new Set(events.map((event) => JSON.stringify(event))).size).toBe(1);
    await rig.pay({ qr: qrPayload, notify: { never: true } });
    await pause(60);
    expect(rig.received).toHaveLength(6);
    expect(await rig.post('/vietqr/api/notify', { reference: 'J1' })).toMatchObject({ status: 400 });
  });

  it('can come in another order than the money', async () => {
    const { qrPayload } = await rig.checkout();
    await rig.pay({ qr: qrPayload, amount: 1, notify: { delayMs: 1_500 } });
    await rig.pay({ qr: qrPayload, amount: 2 });
    await expect.poll(() => rig.received).toHaveLength(2);
    const amounts = rig.received.map(({ body }) => JSON.parse(body).transferAmount);
    expect(amounts).toEqual([2, 1]);
  });
});

describe('the state', () => {
  it('survives a restart', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'vietqr-'));
    try {
      const first = await startRig('vietqr', { stateDir });
      const { qrPayload, reference } = await first.checkout();
      const paid = await first.pay({ qr: qrPayload });
      await first.pay({ qr: qrPayload, amount: 7_000, outcome: 'pending' });
      await first.close();
      const second = await startRig('vietqr', { stateDir });
      const attempt = { reference, amount: 1_500_000, currency: 'VND', providerData: {} };
      expect(await second.provider.retrieve(attempt)).toMatchObject({ reports: [{ amount: 1_500_000 }] });
      const arrived = await second.pay({ reference, again: true });
      const all = await (await fetch(`${second.url}/vietqr/api/transactions`)).json();
      expect(all).toMatchObject([paid.body.transaction, { amount: 7_000, accumulated: 1_507_000 }]);
      expect(arrived.body.transaction).toMatchObject({ state: 'done' });
      await second.close();
    } finally {
      rmSync(stateDir, { recursive: true });
    }
  });
});

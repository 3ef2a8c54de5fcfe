import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Rig, startRig } from './sandbox.ts';
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

describe('the sandbox', () => {
  it('lists what was paid, sent and answered', async () => {
    const { redirectUrl, reference } = await vnpayLink(rig);
    await rig.pay({ redirectUrl, outcome: 'success' });
    const body = await (await fetch(`${rig.url}/vnpay`)).text();
    expect(body).toContain(reference);
    expect(body).toContain('200 {&quot;RspCode&quot;:&quot;00&quot;');
  });

  it('keeps its state over a restart', async () => {
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

  it('names what is wrong with a call', async () => {
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

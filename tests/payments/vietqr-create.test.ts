import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseTransferQr } from '../../supabase/functions/_shared/payments/vietqr/emv.ts';
import { construct, type Rig, startRig } from './sandbox.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig('vietqr');
});
afterAll(() => rig.close());
beforeEach(() => {
  rig.received.length = 0;
});

const lastEvent = () => construct(rig, rig.received.at(-1));

describe('a transfer', () => {
  it('is offered as a QR code and in words, without a call', async () => {
    const { reference, ...checkout } = await rig.checkout();
    expect(checkout).toMatchObject({
      redirectUrl: null,
      details: {
        transfer: {
          bank_bin: '970436',
          account_number: '0123456789',
          account_name: 'JOURNEY SANDBOX',
          amount: 1_500_000,
          message: reference,
        },
      },
    });
    expect(parseTransferQr(checkout.qrPayload)).toEqual({
      bankBin: '970436',
      number: '0123456789',
      toCard: false,
      amount: 1_500_000,
      billNumber: null,
      purpose: reference,
    });
  });

  it('is the same for repeats of one attempt', async () => {
    const input = { reference: 'J26112100000042', createdAt: 1, expiresAt: 2 };
    expect(await rig.checkout(input)).toEqual(await rig.checkout(input));
  });

  it('is not offered for amounts or currencies that it cannot carry', async () => {
    const refusal = expect.objectContaining({
      code: 'payment_amount_unsupported',
      details: { provider: 'vietqr', min_amount: 1_000, max_amount: 9_999_999_999, currency: 'VND' },
    });
    for (const amount of [0, -1, 999, 10_000_000_000, 1_000.5, Number.NaN]) {
      await expect(rig.checkout({ amount })).rejects.toThrow(refusal);
    }
    await expect(rig.checkout({ currency: 'USD' })).rejects.toThrow(refusal);
    expect((await rig.checkout({ amount: 1_000 })).details.transfer?.amount).toBe(1_000);
    expect((await rig.checkout({ amount: 9_999_999_999 })).qrPayload).toContain('54109999999999');
  });

  it('is not offered under a reference that could not be found in a transfer', async () => {
    await expect(rig.checkout({ reference: 'SAME1' })).rejects.toThrow('no reference');
  });
});

describe('the app of the bank', () => {
  it('shows what it scanned, pays at the press of a button, and shows the account', async () => {
    const { qrPayload, reference } = await rig.checkout();
    const query = new URLSearchParams({ qr: qrPayload });
    const shown = await (await fetch(`${rig.url}/vietqr/scan?${query}`)).text();
    expect(shown).toContain('Transfer 1.500.000 VND');
    expect(shown).toContain(`value="${reference}"`);
    const body = new URLSearchParams({
      qr: qrPayload,
      amount: '1500000',
      message: reference,
      messageChange: 'lower_case',
    });
    const done = await fetch(`${rig.url}/vietqr/pay`, { method: 'POST', body });
    expect(await done.text()).toContain('Transferred: 1.500.000 VND');
    expect(await lastEvent()).toMatchObject({ event: { report: { reference, amount: 1_500_000 } } });
    const listed = await (await fetch(`${rig.url}/vietqr`)).text();
    expect(listed).toContain(reference.toLowerCase());
    expect(await (await fetch(rig.url)).text()).toContain('href="/vietqr"');
  });

  it('escapes what a message says', async () => {
    const { qrPayload } = await rig.checkout();
    await rig.pay({ qr: qrPayload, message: '<b>bold</b>', messageChange: 'plain' });
    const listed = await (await fetch(`${rig.url}/vietqr`)).text();
    expect(listed).toContain('&lt;b&gt;bold');
    expect(listed).not.toContain('<b>bold');
  });

  it.each([
    ['a changed sum', (qr: string) => qr.replace('54071500000', '54071000000'), 'checksum'],
    ['a piece missing', (qr: string) => qr.slice(0, 60), 'malformed'],
    ['nothing of a QR code', () => 'hello', 'malformed'],
    ['nothing at all', () => '', 'not a payment'],
  ])('refuses a code with %s', async (_what, change, word) => {
    const qr = change((await rig.checkout()).qrPayload);
    const refused = await rig.pay({ qr });
    expect(refused).toMatchObject({ status: 400, body: { code: 'qr' } });
    const shown = await fetch(`${rig.url}/vietqr/scan?${new URLSearchParams({ qr })}`);
    expect(shown.status).toBe(400);
    expect(await shown.text()).toContain(word);
    expect(rig.received).toHaveLength(0);
  });

  it('refuses an account that the bank does not have, and impossible amounts', async () => {
    const { qrPayload } = await rig.checkout();
    // the printed example of NAPAS, 6.1.3
    const foreign =
      '00020101021238570010A00000072701270006970403011300110123456780208QRIBFTTA530370454061800005802VN62340107NPS68690819thanh toan don hang63042E2E';
    expect(await rig.pay({ qr: foreign })).toMatchObject({ status: 400, body: { code: 'account' } });
    for (const amount of [0, -5, 0.5, 'x']) {
      expect(await rig.pay({ qr: qrPayload, amount })).toMatchObject({
        status: 400,
        body: { code: 'amount' },
      });
    }
    expect(await rig.pay({ reference: 'J26112100000042' })).toMatchObject({ status: 400 });
    expect(await rig.pay({ qr: qrPayload, outcome: 'refund' })).toMatchObject({ status: 400 });
    expect(await rig.post('/vietqr/api/refund-verdict', { verdict: 'pay' })).toMatchObject({ status: 400 });
    expect(rig.received).toHaveLength(0);
  });
});

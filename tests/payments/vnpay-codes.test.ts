import { describe, expect, it } from 'vitest';
import * as sandbox from '../../local/sandbox/vnpay/sign.ts';
import type { RefundInput } from '../../supabase/functions/_shared/payments/provider.ts';
import { createVnpay } from '../../supabase/functions/_shared/payments/vnpay/index.ts';
import { terminal } from './sandbox.ts';

// What VNPay's codes mean, by answers signed as VNPay signs them (querydr & refund, pay.html).

const answerFields =
  'ResponseId Command ResponseCode Message TmnCode TxnRef Amount BankCode PayDate TransactionNo TransactionType TransactionStatus OrderInfo';
const promotion = ' PromotionCode PromotionAmount';

/** VNPay's wrapper, against a VNPay that answers every call with these fields. */
function answering(fields: Record<string, string>) {
  const fetcher: typeof fetch = async (_url, init) => {
    const { vnp_Command: command } = JSON.parse(String(init?.body)) as Record<string, string>;
    const said: Record<string, string> = { ...fields, Command: command ?? '', TmnCode: terminal.tmnCode };
    const signed = answerFields + (command === 'querydr' ? promotion : '');
    const text = signed
      .split(' ')
      .map((name) => said[name] ?? '')
      .join('|');
    const message = Object.entries({ ...said, SecureHash: sandbox.hmac(terminal.hashSecret, text) });
    return Response.json(Object.fromEntries(message.map(([name, value]) => [`vnp_${name}`, value])));
  };
  const config = { ...terminal, payUrl: 'http://127.0.0.1:9/', apiUrl: 'http://127.0.0.1:9/' };
  return createVnpay(config, { fetch: fetcher, now: Date.now });
}

const paid = {
  ResponseCode: '00',
  TxnRef: 'J26112100000042',
  Amount: '150000000',
  TransactionNo: '14422574',
};
const input: RefundInput = {
  reference: paid.TxnRef,
  amount: 1_500_000,
  currency: 'VND',
  providerData: { create_date: '20261121100000' },
  requestKey: 'order-1',
  refundAmount: 1_500_000,
  transactionId: paid.TransactionNo,
  refundId: null,
  orderedAt: Date.now(),
};

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

describe('what VNPay answers about a refund', () => {
  const refunded = { ...paid, TransactionType: '02', TransactionNo: '14422599' };

  it.each([
    ['00', 'succeeded', '00'],
    ['01', 'processing', '01'],
    ['05', 'processing', '05'],
    ['06', 'processing', '06'],
    ['07', 'processing', '07'],
    ['02', 'failed', 'status_02'],
    ['09', 'failed', 'status_09'],
  ])('with status %s is %s, ordered or asked for', async (TransactionStatus, status, code) => {
    const vnpay = answering({ ...refunded, TransactionStatus });
    const expected = { known: true, status, refundId: '14422599', code };
    expect(await vnpay.refund(input)).toEqual(expected);
    expect(await vnpay.retrieveRefund(input)).toEqual(expected);
  });

  it.each(['', '04', '99'])(
    'with status %j was taken and not refused, lest it be paid twice',
    async (status) => {
      const vnpay = answering({ ...refunded, TransactionStatus: status });
      const code = `status_${status}`;
      expect(await vnpay.refund(input)).toEqual({ known: true, status: 'processing', refundId: null, code });
      const nothing = { known: false, status: 'no_information', reason: code };
      expect(await vnpay.retrieveRefund(input)).toEqual(nothing);
    },
  );

  it.each(['', '0', paid.TransactionNo])('has no number of its own in %j', async (TransactionNo) => {
    const vnpay = answering({ ...refunded, TransactionNo, TransactionStatus: '05' });
    expect(await vnpay.refund(input)).toMatchObject({ known: true, status: 'processing', refundId: null });
  });
});

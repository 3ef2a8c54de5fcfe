import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Rig, startRig } from './sandbox.ts';
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

describe('a refund', () => {
  async function paid() {
    const checkout = await vnpayLink(rig);
    await rig.pay({ redirectUrl: checkout.redirectUrl, outcome: 'success' });
    const { transactionId } = await lastReport(rig);
    const { reference, providerData } = checkout;
    const base = {
      reference,
      providerData,
      transactionId,
      amount: 1_500_000,
      currency: 'VND',
      refundId: null,
      orderedAt: Date.now(),
    };
    return (refundAmount: number, requestKey: string) => ({ ...base, refundAmount, requestKey });
  }

  it('in full is accepted, then paid back', async () => {
    await rig.post('/vnpay/api/settings', { stepMs: 600_000 });
    try {
      const order = await paid();
      const input = order(1_500_000, 'full');
      const accepted = await rig.provider.refund(input);
      expect(accepted).toMatchObject({ known: true, status: 'processing', code: '05' });
      const refundId = accepted.known ? accepted.refundId : null;
      expect(refundId).toMatch(/^\d+$/);
      await rig.post('/vnpay/api/settings', { stepMs: 0 });
      const later = await rig.provider.retrieveRefund({ ...input, refundId });
      expect(later).toEqual({ known: true, status: 'succeeded', refundId, code: '00' });
    } finally {
      await rig.post('/vnpay/api/settings', { stepMs: 0 });
    }
  });

  it('can be accepted and rejected later', async () => {
    const order = await paid();
    const input = order(500_000, 'rejected');
    await rig.post('/vnpay/api/settings', { stepMs: 600_000 });
    await rig.post('/vnpay/api/refund-verdict', { reference: input.reference, verdict: 'reject' });
    expect(await rig.provider.refund(input)).toMatchObject({ status: 'processing', code: '05' });
    await rig.post('/vnpay/api/settings', { stepMs: 0 });
    expect(await rig.provider.retrieveRefund(input)).toMatchObject({
      known: true,
      status: 'failed',
      code: 'status_09',
    });
  });

  it('is not paid twice when the same order is repeated', async () => {
    const order = await paid();
    expect(await rig.provider.refund(order(500_000, 'once'))).toMatchObject({ known: true });
    expect(await rig.provider.refund(order(500_000, 'once'))).toEqual({
      known: false,
      status: 'try_later',
      reason: '94',
    });
    expect(await rig.provider.refund(order(500_000, 'another'))).toMatchObject({ known: true });
  });

  it('is refused above the amount that is left', async () => {
    const order = await paid();
    await rig.provider.refund(order(1_000_000, 'part'));
    expect(await rig.provider.refund(order(600_000, 'more'))).toMatchObject({
      known: true,
      status: 'failed',
      code: '02',
    });
    expect(await rig.provider.refund(order(1_500_000, 'all'))).toMatchObject({
      known: true,
      status: 'failed',
      code: '04',
    });
  });

  it('is refused for a payment that did not succeed', async () => {
    const checkout = await vnpayLink(rig);
    await rig.pay({ redirectUrl: checkout.redirectUrl, outcome: 'cancel' });
    const input = { ...checkout, amount: 1_500_000, currency: 'VND', refundAmount: 1_500_000 };
    const answer = await rig.provider.refund({
      ...input,
      requestKey: 'x',
      orderedAt: Date.now(),
      transactionId: null,
      refundId: null,
    });
    expect(answer).toMatchObject({ known: true, status: 'failed', code: '95' });
  });

  it('is never read as a payment, nor a payment as a refund', async () => {
    const order = await paid();
    const input = order(500_000, 'rows');
    expect(await rig.provider.retrieveRefund(input)).toEqual({
      known: false,
      status: 'no_information',
      reason: 'other_movement',
    });
    await rig.provider.refund(input);
    expect(await rig.provider.retrieve(input)).toEqual({ kind: 'no_information', reason: 'refund_row' });
  });

  it('is not taken for an earlier one of the same sum', async () => {
    const order = await paid();
    const first = await rig.provider.refund(order(500_000, 'first'));
    const otherRefundIds = first.known && first.refundId !== null ? [first.refundId] : [];
    expect(otherRefundIds).toHaveLength(1);
    // its own order was lost on the way
    const second = order(500_000, 'second');
    expect(await rig.provider.retrieveRefund(second)).toMatchObject({ known: true });
    expect(await rig.provider.retrieveRefund({ ...second, otherRefundIds })).toEqual({
      known: false,
      status: 'no_information',
      reason: 'other_movement',
    });
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
    'with status %j counts as accepted, so that it is not paid twice',
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

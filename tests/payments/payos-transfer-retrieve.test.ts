import { describe, expect, it } from 'vitest';
import { hmac, payoutText } from '../../local/sandbox/payos/sign.ts';
import { createPayosTransfers } from '../../supabase/functions/_shared/payments/payos/transfers.ts';
import { rateLimited } from './sandbox.ts';

// What PayOS may say of a payout, without the sandbox, which has only the ways it goes most often.

const checksumKey = 'a payout checksum key of nobody';
const input = {
  requestKey: 'k',
  reference: 'P1',
  amount: 2_000,
  currency: 'VND',
  bankBin: '970422',
  accountNumber: '0123456789',
  accountName: 'NGUYEN VAN A',
  message: 'payout',
  transferId: 'batch_1',
};
const transfer = {
  id: 'txn_1',
  amount: 2_000,
  toBin: '970422',
  toAccountNumber: '0123456789',
  errorCode: null,
};

function answering(body: Record<string, unknown>, signature?: string, status = 200) {
  const config = {
    name: 'payos' as const,
    clientId: 'a',
    apiKey: 'b',
    checksumKey,
    apiUrl: 'http://127.0.0.1:9',
  };
  const data = typeof body.data === 'object' && body.data !== null ? body.data : {};
  const headers = { 'x-signature': signature ?? hmac(checksumKey, payoutText(data)) };
  const answer: typeof fetch = async () => Response.json(body, { status, headers });
  return createPayosTransfers(config, { fetch: answer, now: Date.now });
}

function payout(state: string, approvalState: string, changes: object = {}): Record<string, unknown> {
  const transactions = [{ ...transfer, state, ...changes }];
  return {
    code: '00',
    desc: 'success',
    data: { id: 'batch_1', referenceId: 'P1', approvalState, transactions },
  };
}

describe('the state of a payout', () => {
  it.each([
    ['RECEIVED', 'SUBMITTED', 'processing', 'RECEIVED'],
    ['RECEIVED', 'PROCESSING', 'processing', 'RECEIVED'],
    ['PROCESSING', 'PROCESSING', 'processing', 'PROCESSING'],
    // whatever the order says, the bank may still pay it
    ['PROCESSING', 'FAILED', 'processing', 'PROCESSING'],
    ['ON_HOLD', 'CANCELLED', 'processing', 'ON_HOLD'],
    ['SUCCEEDED', 'COMPLETED', 'succeeded', 'SUCCEEDED'],
    ['SUCCEEDED', 'PARTIAL_COMPLETED', 'succeeded', 'SUCCEEDED'],
    ['RECEIVED', 'REJECTED', 'failed', 'REJECTED'],
    ['RECEIVED', 'CANCELLED', 'failed', 'CANCELLED'],
    ['CANCELLED', 'CANCELLED', 'failed', 'CANCELLED'],
    ['REVERSED', 'COMPLETED', 'failed', 'REVERSED'],
    ['FAILED', 'FAILED', 'failed', 'FAILED'],
  ])('%s in an order that is %s means %s', async (state, approvalState, status, code) => {
    const found = await answering(payout(state, approvalState)).retrieve(input);
    expect(found).toEqual({ known: true, status, refundId: 'batch_1', code });
  });

  it('carries the error of the bank', async () => {
    const failed = payout('FAILED', 'FAILED', { errorCode: 'ACCOUNT_CLOSED' });
    expect(await answering(failed).retrieve(input)).toMatchObject({
      status: 'failed',
      code: 'ACCOUNT_CLOSED',
    });
  });

  it.each(['PAID', 'succeeded', 'toString', ''])('%s proves nothing', async (state) => {
    const found = await answering(payout(state, 'COMPLETED')).retrieve(input);
    expect(found).toMatchObject({ known: false, status: 'no_information' });
  });
});

describe('an answer about a payout', () => {
  const nothing = (reason: string) => ({ known: false, status: 'no_information', reason });

  it.each([
    ['of another sum', { amount: 2_001 }],
    ['of a sum in text', { amount: '2000' }],
    ['to another bank', { toBin: '970436' }],
    ['to another account', { toAccountNumber: '1' }],
    ['without a state', { state: null }],
  ])('%s proves nothing', async (_what, changes) => {
    const found = await answering(payout('SUCCEEDED', 'COMPLETED', changes)).retrieve(input);
    expect(found).toEqual(nothing('other_transfer'));
  });

  it('about another order, or several transfers, proves nothing', async () => {
    const { data } = payout('SUCCEEDED', 'COMPLETED') as { data: { transactions: object[] } };
    const bodies = [
      { ...data, referenceId: 'P2' },
      { ...data, id: '' },
      { ...data, transactions: [] },
      { ...data, transactions: 'SUCCEEDED' },
      { ...data, transactions: [...data.transactions, ...data.transactions] },
    ];
    for (const body of bodies) {
      expect(await answering({ code: '00', data: body }).retrieve(input)).toEqual(nothing('other_transfer'));
    }
  });

  it('unsigned, or signed by another, proves nothing', async () => {
    const paid = payout('SUCCEEDED', 'COMPLETED');
    expect(await answering(paid, '').retrieve(input)).toEqual(nothing('unsigned'));
    expect(await answering(paid, 'ab'.repeat(32)).retrieve(input)).toEqual(nothing('unsigned'));
  });

  it('that is busy wants to be asked later, or to be left alone', async () => {
    const busy = answering({ code: 'TOO_MANY' }, '', 429);
    await expect(busy.retrieve(input)).rejects.toThrow(rateLimited('payos'));
    const down = answering({}, '', 500);
    expect(await down.send({ ...input, transferId: null })).toMatchObject({
      known: false,
      status: 'try_later',
    });
  });

  it('with a list that is none proves nothing, and nothing is sent', async () => {
    const list = answering({ code: '00', data: { payouts: null } });
    expect(await list.send({ ...input, transferId: null })).toEqual(nothing('malformed'));
  });
});

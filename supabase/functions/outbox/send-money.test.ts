import { describe, expect, it } from 'vitest';
import { attempt, refund, refund_id, row, vnpayAnswers, work } from '../../../tests/support/outbox.ts';
import { createPayosTransfers } from '../_shared/payments/payos/transfers.ts';

// Money that was accepted is never sent again, so a provider that is away takes nothing from its tries. The wrappers
// are the real ones; only the network is not there.

const toRefund = { refund_id, provider: 'vnpay' };
const payout_id = 'ab1c2d3e-0000-4000-8000-000000000077';
const toPayOut = { payout_id, provider: 'payos' };

const refunds = (changes: object) => ({
  refund_to_send: () => ({ refund: { ...refund, ...changes }, attempt, payment: {}, account: null }),
  record_refund_result: () => ({ status: 'x' }),
});
const payouts = (transferId: string | null) => ({
  payout_to_send: () => ({
    payout: {
      id: payout_id,
      amount: 2_500_000,
      currency: 'VND',
      status: 'processing',
      provider_payout_id: transferId,
      scheduled_at: '2026-11-20T04:50:00+00:00',
      sending: 1,
    },
    request_key: `${payout_id}:1`,
    account: { bank_bin: '970436', account_number: '0011223344', account_name: 'TRAN THI B' },
  }),
  record_payout_result: () => ({ status: 'x' }),
});
const unreachable: typeof fetch = async () => {
  throw new Error('connection reset');
};
const timedOut: typeof fetch = async () => {
  throw new DOMException('The operation timed out', 'TimeoutError');
};
const tooMany: typeof fetch = async () => new Response('', { status: 429, headers: { 'retry-after': '40' } });
const transfersBy = (fetch: typeof globalThis.fetch) =>
  createPayosTransfers(
    { name: 'payos', clientId: 'a', apiKey: 'b', checksumKey: 'c', apiUrl: 'http://127.0.0.1:9' },
    { fetch, now: Date.now },
  );

const underWay = refunds({ status: 'processing', provider_refund_id: '14000009' });
const refundBy = (vnpayFetch: typeof fetch, database = underWay, attempts = 12) =>
  work({ rows: [row('refund', toRefund, { attempts })], database, options: { vnpayFetch } });
const payoutBy = (fetch: typeof globalThis.fetch, transferId: string | null = 'batch-9') =>
  work({
    rows: [row('payout', toPayOut, { attempts: 12 })],
    database: payouts(transferId),
    options: { transfers: transfersBy(fetch) },
  });

describe('money that was accepted, while its provider is away', () => {
  it('waits as after an answer without a result, and no try counts', async () => {
    const said = await refundBy(vnpayAnswers({ querydr: { vnp_ResponseCode: '99' } }).vnpayFetch);
    expect(said.named('defer_outbox')).toMatchObject([{ seconds: 150 }]);
    for (const away of [unreachable, timedOut]) {
      const { named } = await refundBy(away);
      expect(named('defer_outbox')).toMatchObject([{ seconds: 150 }]);
      expect(named('fail_outbox')).toEqual([]);
      expect(named('record_refund_result')).toEqual([]);
    }
  });

  it('names the reason for which it waits', async () => {
    const { named } = await refundBy(unreachable);
    expect(named('defer_outbox')[0]).toMatchObject({
      reason: 'waiting',
      detail: 'vnpay gave no answer about the refund: Error: connection reset',
    });
  });

  it('waits whichever provider sends it', async () => {
    const { named } = await payoutBy(unreachable);
    expect(named('defer_outbox')).toMatchObject([
      {
        seconds: 150,
        reason: 'waiting',
        detail: 'payos gave no answer about the payout: Error: connection reset',
      },
    ]);
    expect(named('fail_outbox')).toEqual([]);
  });

  it('still cools down its queue when the provider is rate limited', async () => {
    const refusals = [tooMany, vnpayAnswers({ querydr: { vnp_ResponseCode: '94' } }).vnpayFetch];
    for (const vnpayFetch of refusals) {
      const rows = [row('refund', toRefund), row('refund', toRefund)];
      const { named } = await work({ rows, database: underWay, options: { vnpayFetch } });
      expect(named('defer_outbox')).toMatchObject([
        {
          id: rows[0]?.id,
          reason: 'rate_limited',
          detail: expect.stringContaining('vnpay is rate limited'),
        },
        {
          id: rows[1]?.id,
          reason: 'rate_limited',
          detail: expect.stringMatching(/its queue, (queries to )?vnpay, is cooling down/),
        },
      ]);
      expect(named('fail_outbox')).toEqual([]);
    }
    const payout = await payoutBy(tooMany);
    expect(payout.named('defer_outbox')).toMatchObject([
      { seconds: 41, reason: 'rate_limited', detail: expect.stringContaining('payos') },
    ]);
  });

  it('counts a try when the error is ours', async () => {
    const database = {
      ...underWay,
      record_refund_result: () => {
        throw new Error('the database is away');
      },
    };
    const taken = { vnp_TransactionType: '03', vnp_Amount: '40000000', vnp_TransactionNo: '14000009' };
    const { vnpayFetch } = vnpayAnswers({ querydr: { ...taken, vnp_TransactionStatus: '00' } });
    const { named } = await refundBy(vnpayFetch, database);
    expect(named('fail_outbox')).toMatchObject([{ permanent: false }]);
    expect(named('defer_outbox')).toEqual([]);
  });
});

describe('money that nobody has accepted, while its provider is away', () => {
  it('counts each try, so that it becomes a dead letter in the end', async () => {
    const pending = refunds({ status: 'pending' });
    for (const attempts of [1, 2]) {
      const { named } = await refundBy(unreachable, pending, attempts);
      expect(named('fail_outbox')).toMatchObject([
        { permanent: false, error: expect.stringContaining('connection reset') },
      ]);
      expect(named('defer_outbox')).toEqual([]);
    }
    const payout = await payoutBy(unreachable, null);
    expect(payout.named('fail_outbox')).toMatchObject([{ permanent: false }]);
  });
});

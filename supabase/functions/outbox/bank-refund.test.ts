import { describe, expect, it } from 'vitest';
import { fakeProvider } from '../../../tests/support/fakes.ts';
import { attempt, refund, refund_id, row, work } from '../../../tests/support/outbox.ts';
import { fakeTransfers } from '../../../tests/support/transfers.ts';
import type { RefundInput } from '../_shared/payments/provider.ts';

const payload = { refund_id, provider: 'payos' };
const orderKey = `${refund_id}:${refund.ordered_at}`;
const account = { bank_bin: '970436', account_number: '0011223344', account_name: 'NGUYEN VAN A' };
const accepted = { known: true, status: 'processing', refundId: 'batch-1', code: 'PROCESSING' } as const;
const paid = { known: true, status: 'succeeded', refundId: 'batch-1', code: 'SUCCEEDED' } as const;
const notThere = { known: false, status: 'no_information', reason: 'not_found' } as const;

/** The database, with a refund that moves as the real one would. */
function database(changes: object = {}, givenAccount: object | null = account) {
  const state = { ...refund, method: 'bank_transfer', provider: 'payos', ...changes } as Record<
    string,
    unknown
  >;
  return {
    refund_to_send: () => ({
      refund: { ...state },
      attempt: { ...attempt, provider: 'payos', reference: 'J26112100000042' },
      payment: {},
      account: givenAccount,
    }),
    claim_refund: (args: Record<string, unknown>) => {
      if (state.status !== 'pending' || args.ordered_at !== state.ordered_at) return false;
      state.status = 'processing';
      return true;
    },
    record_refund_result: (args: Record<string, unknown>) => {
      if (state.status !== 'succeeded') state.status = args.outcome;
      return state;
    },
  };
}

describe('a refund by bank transfer', () => {
  it('is reserved, sent to the account and recorded, in that order', async () => {
    const { transfers, calls } = fakeTransfers({ send: accepted });
    const { named } = await work({
      rows: [row('refund', payload)],
      database: database(),
      options: { transfers },
    });
    expect(calls).toEqual([
      {
        call: 'send',
        input: {
          requestKey: orderKey,
          reference: expect.stringMatching(/^6f1c2d3e000040008000[0-9a-f]{10}$/),
          amount: 400_000,
          currency: 'VND',
          bankBin: '970436',
          accountNumber: '0011223344',
          accountName: 'NGUYEN VAN A',
          message: 'Hoan tien J26112100000042',
          transferId: null,
        },
      },
    ]);
    expect(named('claim_refund')).toEqual([{ refund_id, ordered_at: refund.ordered_at }]);
    expect(named('record_refund_result')).toEqual([
      {
        ...{ refund_id, outcome: 'processing', provider_refund_id: 'batch-1', failure_code: null },
        ordered_at: refund.ordered_at,
      },
    ]);
    expect(named('defer_outbox')).toHaveLength(1);
  });

  it('keeps its reference over repeats and has another one when ordered anew', async () => {
    const { transfers, calls } = fakeTransfers({ send: accepted });
    const later = '2026-11-20T04:59:00+00:00';
    for (const ordered_at of [refund.ordered_at, refund.ordered_at, later]) {
      await work({
        rows: [row('refund', payload)],
        database: database({ ordered_at }),
        options: { transfers },
      });
    }
    const [one, two, three] = calls.map((call) => call.input.reference);
    expect(two).toBe(one);
    expect(three).not.toBe(one);
    expect(three).toMatch(/^[0-9a-zA-Z]{1,30}$/);
  });

  it('is not sent when an admin has claimed it first', async () => {
    const { transfers, calls } = fakeTransfers({ send: accepted });
    const { report } = await work({
      rows: [row('refund', payload)],
      database: { ...database(), claim_refund: () => false },
      options: { transfers },
    });
    expect(calls).toEqual([]);
    expect(report).toMatchObject({ done: 1 });
  });

  it('is queried after a lost answer, and sent again only if the channel does not have it', async () => {
    const again = row('refund', payload, { attempts: 2 });
    const there = fakeTransfers({ retrieve: paid });
    const first = await work({
      rows: [again],
      database: database({ status: 'processing' }),
      options: { transfers: there.transfers },
    });
    expect(there.calls.map((one) => one.call)).toEqual(['retrieve']);
    expect(first.named('complete_outbox')[0]).toMatchObject({ provider_id: 'batch-1' });
    const lost = fakeTransfers({ retrieve: notThere, send: accepted });
    await work({
      rows: [again],
      database: database({ status: 'processing' }),
      options: { transfers: lost.transfers },
    });
    expect(lost.calls.map((one) => one.call)).toEqual(['retrieve', 'send']);
  });

  it('is never sent again once it was accepted', async () => {
    const { transfers, calls } = fakeTransfers({ retrieve: notThere });
    const { named } = await work({
      rows: [row('refund', payload)],
      database: database({ status: 'processing', provider_refund_id: 'batch-1' }),
      options: { transfers },
    });
    expect(calls.map((one) => one.call)).toEqual(['retrieve']);
    // ten minutes old, yet banks take minutes: it is looked at again soon
    expect(named('defer_outbox')[0]).toMatchObject({ seconds: 150 });
  });

  it('waits without being reserved when the channel has no settings', async () => {
    const { named } = await work({ rows: [row('refund', payload)], database: database() });
    expect(named('claim_refund')).toEqual([]);
    expect(named('defer_outbox')[0]).toMatchObject({
      reason: 'not_configured',
      detail: expect.stringMatching(/^refund/),
    });
  });

  it('waits until the payer names an account, and fails when there is none', async () => {
    const { transfers, calls } = fakeTransfers({});
    const options = { transfers };
    const unnamed = await work({
      rows: [row('refund', payload)],
      database: database({ status: 'awaiting_account' }),
      options,
    });
    expect(unnamed.named('defer_outbox')[0]).toMatchObject({ seconds: 3600 });
    const gone = await work({ rows: [row('refund', payload)], database: database({}, null), options });
    expect(gone.named('record_refund_result')[0]).toMatchObject({
      outcome: 'failed',
      failure_code: 'no_account',
    });
    expect(calls).toEqual([]);
  });
});

describe('a refund of money that paid no attempt', () => {
  const inputs: RefundInput[] = [];
  const momo = fakeProvider('momo', {
    refund: async (input) => {
      inputs.push(input);
      return { ...paid, refundId: 'r-1' };
    },
  });
  const give = (given: { refund: object; attempt: object | null }) => {
    inputs.length = 0;
    return work({
      rows: [row('refund', { refund_id, provider: 'momo' })],
      database: {
        refund_to_send: () => ({
          ...given,
          refund: { ...refund, provider: 'momo', ...given.refund },
          payment: null,
          account: null,
        }),
        record_refund_result: () => ({ status: 'x' }),
      },
      options: { providers: [momo] },
    });
  };

  it('reverses the movement that the refund names', async () => {
    const movement = { provider_transaction_id: '777', reference: 'UNKNOWN1', paid_amount: 400_000 };
    await give({ refund: movement, attempt: null });
    expect(inputs).toEqual([
      {
        reference: 'UNKNOWN1',
        amount: 400_000,
        currency: 'VND',
        providerData: {},
        requestKey: orderKey,
        orderedAt: Date.UTC(2026, 10, 20, 4, 50),
        refundAmount: 400_000,
        transactionId: '777',
        refundId: null,
        otherRefundIds: [],
      },
    ]);
  });

  it('reverses the second payment of an attempt, not the first', async () => {
    const second = { provider_transaction_id: '888', reference: 'J1', paid_amount: 900_000 };
    await give({ refund: second, attempt: { ...attempt, provider: 'momo' } });
    expect(inputs[0]).toMatchObject({
      transactionId: '888',
      amount: 900_000,
      providerData: attempt.provider_data,
    });
  });

  it('fails when nothing says which payment to reverse', async () => {
    const { named } = await give({ refund: {}, attempt: null });
    expect(inputs).toEqual([]);
    expect(named('record_refund_result')[0]).toMatchObject({
      outcome: 'failed',
      failure_code: 'no_transaction',
    });
  });
});

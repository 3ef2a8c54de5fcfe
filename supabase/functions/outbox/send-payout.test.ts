import { describe, expect, it } from 'vitest';
import { row, work } from '../../../tests/support/outbox.ts';
import { fakeTransfers } from '../../../tests/support/transfers.ts';

const payout_id = 'ab1c2d3e-0000-4000-8000-000000000077';
const payload = { payout_id, provider: 'payos' };
const payout = {
  id: payout_id,
  amount: 2_500_000,
  currency: 'VND',
  status: 'processing',
  provider_payout_id: null,
  scheduled_at: '2026-11-19T05:00:00+00:00',
  sending: 1,
};
const account = { bank_bin: '970436', account_number: '0011223344', account_name: 'TRAN THI B' };
const accepted = { known: true, status: 'processing', refundId: 'batch-9', code: 'PROCESSING' } as const;
const notThere = { known: false, status: 'no_information', reason: 'not_found' } as const;

const database = (changes: object = {}, given: object = {}) => ({
  payout_to_send: () => ({
    payout: { ...payout, ...changes },
    request_key: `${payout_id}:1`,
    account,
    ...given,
  }),
  record_payout_result: () => ({ status: 'x' }),
});

describe('topic payout', () => {
  it('is sent after it was reserved, and queried until the bank has paid it', async () => {
    const { transfers, calls } = fakeTransfers({ send: accepted });
    const { named } = await work({
      rows: [row('payout', payload)],
      database: database(),
      options: { transfers },
    });
    expect(calls).toMatchObject([
      {
        call: 'send',
        input: {
          requestKey: `${payout_id}:1`,
          reference: expect.stringMatching(/^ab1c2d3e000040008000[0-9a-f]{10}$/),
          amount: 2_500_000,
          accountNumber: '0011223344',
          message: 'Journey chi tra ab1c2d3e',
          transferId: null,
        },
      },
    ]);
    expect(named('record_payout_result')).toEqual([
      {
        payout_id,
        outcome: 'processing',
        provider_payout_id: 'batch-9',
        failure_code: null,
        failed_by_us: false,
        sending: 1,
      },
    ]);
    // scheduled a day ago, but between banks it takes minutes
    expect(named('defer_outbox')[0]).toMatchObject({ seconds: 900 });
  });

  it('is queried after it was accepted, and never sent again', async () => {
    const under = { provider_payout_id: 'batch-9' };
    const done = fakeTransfers({ retrieve: { ...accepted, status: 'succeeded', code: 'SUCCEEDED' } });
    const paid = await work({
      rows: [row('payout', payload)],
      database: database(under),
      options: { transfers: done.transfers },
    });
    expect(paid.named('record_payout_result')[0]).toMatchObject({ outcome: 'succeeded' });
    expect(paid.named('complete_outbox')[0]).toMatchObject({ provider_id: 'batch-9' });
    const silent = fakeTransfers({ retrieve: notThere });
    const waiting = await work({
      rows: [row('payout', payload, { attempts: 7 })],
      database: database(under),
      options: { transfers: silent.transfers },
    });
    expect(silent.calls.map((one) => one.call)).toEqual(['retrieve']);
    expect(waiting.named('record_payout_result')).toEqual([]);
    expect(waiting.named('defer_outbox')).toHaveLength(1);
  });

  it('is queried before it is sent again after a lost answer', async () => {
    const lost = fakeTransfers({ retrieve: notThere, send: accepted });
    await work({
      rows: [row('payout', payload, { attempts: 2 })],
      database: database(),
      options: { transfers: lost.transfers },
    });
    expect(lost.calls.map((one) => one.call)).toEqual(['retrieve', 'send']);
    const away = fakeTransfers({});
    const failed = await work({
      rows: [row('payout', payload, { attempts: 2 })],
      database: database(),
      options: { transfers: away.transfers },
    });
    expect(away.calls.map((one) => one.call)).toEqual(['retrieve']);
    expect(failed.named('fail_outbox')[0]).toMatchObject({ permanent: false });
  });

  it('has failed when the bank refuses it', async () => {
    const { transfers } = fakeTransfers({
      send: { known: true, status: 'failed', refundId: 'batch-9', code: 'INVALID_ACCOUNT' },
    });
    const { named } = await work({
      rows: [row('payout', payload)],
      database: database(),
      options: { transfers },
    });
    expect(named('record_payout_result')).toEqual([
      {
        payout_id,
        outcome: 'failed',
        provider_payout_id: 'batch-9',
        failure_code: 'INVALID_ACCOUNT',
        failed_by_us: false,
        sending: 1,
      },
    ]);
    expect(named('complete_outbox')[0]).toMatchObject({ result: { failed: 'INVALID_ACCOUNT' } });
  });

  it('records a failure on our side as such, so that its owner need not act', async () => {
    const { transfers } = fakeTransfers({
      send: { known: true, status: 'failed', refundId: null, code: 'BALANCE_NOT_ENOUGH', byUs: true },
    });
    const rows = [row('payout', payload)];
    const { named } = await work({ rows, database: database(), options: { transfers } });
    expect(named('record_payout_result')).toMatchObject([{ outcome: 'failed', failed_by_us: true }]);
  });

  it('does not stay reserved when it cannot be sent', async () => {
    const { transfers, calls } = fakeTransfers({ send: accepted });
    const code = async (setting: Parameters<typeof work>[0]) =>
      (await work(setting))
        .named('record_payout_result')
        .map((recorded) => [recorded.failure_code, recorded.failed_by_us]);
    const rows = [row('payout', payload)];
    expect(await code({ rows, database: database() })).toEqual([['provider_not_configured', true]]);
    expect(await code({ rows, database: database({}, { account: null }), options: { transfers } })).toEqual([
      ['no_account', false],
    ]);
    expect(calls).toEqual([]);
  });

  it('waits for the channel when it may have been sent, so that nobody pays it by hand as well', async () => {
    const known = { provider_payout_id: 'batch-1', status: 'processing' };
    for (const [rows, changes] of [
      [[row('payout', payload)], known],
      [[row('payout', payload, { attempts: 2 })], {}],
    ] as const) {
      const { named } = await work({ rows: [...rows], database: database(changes) });
      expect(named('record_payout_result')).toEqual([]);
      expect(named('defer_outbox')).toMatchObject([
        { reason: 'not_configured', detail: expect.stringContaining('payout') },
      ]);
    }
  });

  it('is done when there is nothing left to send', async () => {
    const { transfers, calls } = fakeTransfers({ send: accepted });
    const { report } = await work({
      rows: [row('payout', payload)],
      database: { payout_to_send: () => null },
      options: { transfers },
    });
    expect(report).toMatchObject({ done: 1 });
    expect(calls).toEqual([]);
  });

  it('keeps the account out of logs and dead letters', async () => {
    const away = fakeTransfers({});
    const { outside } = await work({
      rows: [row('payout', payload)],
      database: database(),
      options: { transfers: away.transfers },
    });
    const written = JSON.stringify([outside.logs, outside.calls.map((call) => call.args)]);
    expect(written).toContain('connection reset');
    expect(written).not.toContain(account.account_number);
  });
});

import { describe, expect, it } from 'vitest';
import { fakeProvider } from '../../../tests/support/fakes.ts';
import { attempt, attempt_id, refund, refund_id, row, work } from '../../../tests/support/outbox.ts';
import { appError } from '../_shared/errors.ts';
import type {
  FeedResult,
  PaymentReport,
  RefundInput,
  RefundResult,
  RetrieveResult,
} from '../_shared/payments/provider.ts';

const open = { ...attempt, status: 'pending', provider_transaction_id: null };
const noted = { note_reconciliation: () => ({ id: attempt_id }) };

describe('the queues of the outbox', () => {
  it('call one provider one row after the other, and different providers side by side', async () => {
    const running = new Map<string, number>();
    const most = { perProvider: 0, providers: 0 };
    const asking = (name: 'momo' | 'zalopay') =>
      fakeProvider(name, {
        retrieve: async () => {
          running.set(name, (running.get(name) ?? 0) + 1);
          most.perProvider = Math.max(most.perProvider, running.get(name) ?? 0);
          most.providers = Math.max(
            most.providers,
            [...running.values()].filter((count) => count > 0).length,
          );
          await new Promise((resolve) => setTimeout(resolve, 10));
          running.set(name, (running.get(name) ?? 0) - 1);
          return { kind: 'no_information', reason: 'x' };
        },
      });
    const names: Record<string, string> = {};
    const rows = ['momo', 'zalopay', 'momo', 'zalopay', 'momo'].map((provider, i) => {
      const id = `6f1c2d3e-0000-4000-8000-0000000001${String(i).padStart(2, '0')}`;
      names[id] = provider;
      return row('reconcile', { attempt_id: id, provider });
    });
    const { report } = await work({
      rows,
      database: {
        ...noted,
        attempt_to_reconcile: ({ attempt_id: id }) => ({ ...open, id, provider: names[String(id)] }),
      },
      options: { providers: [asking('momo'), asking('zalopay')] },
    });
    expect(report).toMatchObject({ leased: 5, done: 5 });
    expect(most).toEqual({ perProvider: 1, providers: 2 });
  });

  it('send to one webhook endpoint one event after the other, while another goes on beside it', async () => {
    const queues = ['a', 'b', 'a', 'b', 'a'];
    const running: string[] = [];
    const seen: string[] = [];
    const ids = queues.map((_, i) => `6f1c2d3e-0000-4000-8000-0000000002${String(i).padStart(2, '0')}`);
    const { report } = await work({
      rows: queues.map((queue, i) => row('webhook', { delivery_id: ids[i], queue })),
      database: {
        webhook_to_send: ({ delivery_id: id }) => ({
          ...{ kind: 'send', id, body: '{}', secrets: ['whsec_x'] },
          url: queues[ids.indexOf(String(id))],
        }),
        store_webhook_try: () => null,
      },
      options: {
        webhooks: async ({ url }) => {
          running.push(url);
          seen.push([...running].sort().join(''));
          await new Promise((resolve) => setTimeout(resolve, 10));
          running.splice(running.indexOf(url), 1);
          return { kind: 'delivered', http_status: 200 };
        },
      },
    });
    expect(report).toMatchObject({ leased: 5, done: 5 });
    expect(seen).toContain('ab');
    expect(seen.filter((one) => /aa|bb/.test(one))).toEqual([]);
  });
});

describe('topic reconcile, where money comes in parts', () => {
  const report = (amount: number, transactionId: string): PaymentReport => ({
    outcome: 'succeeded',
    reference: 'J1',
    amount,
    currency: 'VND',
    transactionId,
    failureCode: null,
    eventId: `J1:${transactionId}`,
  });
  const ask = async (found: RetrieveResult, results: string[]) => {
    const left = [...results];
    const { named } = await work({
      rows: [row('reconcile', { attempt_id, provider: 'payos' })],
      database: {
        ...noted,
        attempt_to_reconcile: () => ({ ...open, provider: 'payos' }),
        record_payment_event: () => ({ event_id: 1, is_new: true, outcome: null }),
        apply_payment_event: () => left.shift(),
      },
      options: { providers: [fakeProvider('payos', { retrieve: async () => found })] },
    });
    return {
      noted: named('note_reconciliation')[0]?.outcome,
      applied: named('apply_payment_event').map(({ amount }) => amount),
    };
  };
  const parts: RetrieveResult = { kind: 'reports', reports: [report(400_000, 'a'), report(600_000, 'b')] };

  it('applies every part, and is final when the parts are enough', async () => {
    expect(await ask(parts, ['part_received', 'applied'])).toEqual({
      noted: 'final',
      applied: [400_000, 600_000],
    });
  });

  it('queries again while the rest is missing, in whatever order parts are listed', async () => {
    expect((await ask(parts, ['part_received', 'part_received'])).noted).toBe('pending');
    expect((await ask(parts, ['duplicate', 'part_received'])).noted).toBe('final');
  });
});

describe('topic cancel_attempt', () => {
  const cancel = async (answer: () => Promise<'cancelled' | 'unsupported'>, changes: object | null = {}) => {
    const inputs: unknown[] = [];
    const stripe = fakeProvider('stripe', {
      cancel: (input) => {
        inputs.push(input);
        return answer();
      },
    });
    const { named } = await work({
      rows: [row('cancel_attempt', { attempt_id, provider: 'stripe' })],
      database: {
        attempt_to_reconcile: () => (changes === null ? null : { ...open, provider: 'stripe', ...changes }),
      },
      options: { providers: [stripe] },
    });
    return { inputs, completed: named('complete_outbox')[0], failed: named('fail_outbox')[0] };
  };

  it.each(['cancelled', 'unsupported'] as const)('is done when the answer is %s', async (result) => {
    const { inputs, completed } = await cancel(async () => result);
    expect(inputs).toEqual([
      { reference: 'J1', amount: 1_000_000, currency: 'VND', providerData: attempt.provider_data },
    ]);
    expect(completed).toMatchObject({ result: { result } });
  });

  it('is retried when the provider is away', async () => {
    const { failed } = await cancel(async () => {
      throw appError('provider_unavailable', { provider: 'stripe' });
    });
    expect(failed).toMatchObject({ permanent: false });
  });

  it.each(['succeeded', 'created'])('leaves an attempt that is %s alone', async (status) => {
    const { inputs, completed } = await cancel(async () => 'cancelled', { status });
    expect(inputs).toEqual([]);
    expect(completed).toMatchObject({ result: { status } });
  });

  it('makes a dead letter of an attempt that does not exist', async () => {
    expect((await cancel(async () => 'cancelled', null)).failed).toMatchObject({ permanent: true });
  });
});

describe('topic receipt', () => {
  const subject_id = '6f1c2d3e-0000-4000-8000-000000000055';

  it('lets the database issue the receipt', async () => {
    const { named } = await work({
      rows: [row('receipt', { kind: 'credit_note', subject_id })],
      database: { issue_receipt: () => ({ id: subject_id, number: 'C2026-000007' }) },
    });
    expect(named('issue_receipt')).toEqual([{ kind: 'credit_note', subject_id }]);
    expect(named('complete_outbox')[0]).toMatchObject({ result: { number: 'C2026-000007' } });
  });

  it('is a dead letter when its kind is unknown', async () => {
    const { named } = await work({ rows: [row('receipt', { kind: 'invoice', subject_id })] });
    expect(named('fail_outbox')[0]).toMatchObject({ permanent: true });
  });
});

describe('topic refund', () => {
  const send = (found: Record<string, unknown>, status = 'pending') => {
    const asked: RefundInput[] = [];
    const take = async (input: RefundInput): Promise<RefundResult> => {
      asked.push(input);
      return { known: true, status: 'succeeded', refundId: 'r2', code: '00' };
    };
    const sending = work({
      rows: [row('refund', { refund_id, provider: 'momo' })],
      database: {
        refund_to_send: () => ({
          refund: { ...refund, status, provider: 'momo' },
          attempt,
          account: null,
          ...found,
        }),
        record_refund_result: () => ({ status: 'succeeded' }),
      },
      options: { providers: [fakeProvider('momo', { refund: take, retrieveRefund: take })] },
    });
    return sending.then((done) => ({ ...done, asked }));
  };

  it('waits, and counts no try, while an earlier refund of the payment is with its provider', async () => {
    const { asked, named } = await send({ waits: true, other_refund_ids: ['r1'] });
    expect(asked).toEqual([]);
    expect(named('defer_outbox')).toMatchObject([
      { reason: 'waiting', detail: expect.stringContaining('an earlier refund') },
    ]);
  });

  it('is queried when it is under way itself', async () => {
    const { asked } = await send({ waits: true, other_refund_ids: ['r1'] }, 'processing');
    expect(asked).toMatchObject([{ otherRefundIds: ['r1'] }]);
  });

  it('passes the ids of the other refunds to the provider', async () => {
    const { asked, named } = await send({ waits: false, other_refund_ids: ['r1'] });
    expect(asked).toMatchObject([{ otherRefundIds: ['r1'] }]);
    expect(named('complete_outbox')).toMatchObject([{ provider_id: 'r2' }]);
  });
});

describe('topic feed', () => {
  const movement = (transactionId: string): PaymentReport => ({
    outcome: 'succeeded',
    reference: null,
    amount: 50_000,
    currency: 'VND',
    transactionId,
    failureCode: null,
    eventId: `:${transactionId}:succeeded:50000`,
  });
  const asked: (string | null)[] = [];
  const look = async (feed: FeedResult, apply: () => unknown = () => 'unknown_reference') => {
    asked.length = 0;
    const readFeed = async (cursor: string | null) => {
      asked.push(cursor);
      return feed;
    };
    return work({
      rows: [row('feed', { provider: 'vietqr', cursor: '7' })],
      database: {
        record_payment_event: () => ({ event_id: 1, is_new: true, outcome: null }),
        apply_payment_event: apply,
        save_feed_cursor: () => null,
      },
      options: { providers: [fakeProvider('vietqr', { readFeed })] },
    });
  };

  it('applies each movement as a notification, and stores how far it got', async () => {
    const reports = [movement('8'), movement('9')];
    const { named, report } = await look({ kind: 'reports', reports, cursor: '9' });
    expect(report).toMatchObject({ done: 1 });
    expect(asked).toEqual(['7']);
    expect(named('record_payment_event')).toMatchObject(
      reports.map(({ eventId }) => ({ provider: 'vietqr', provider_event_id: eventId, verified: true })),
    );
    expect(named('apply_payment_event')).toMatchObject([{ transaction_id: '8' }, { transaction_id: '9' }]);
    expect(named('save_feed_cursor')).toEqual([{ provider: 'vietqr', cursor: '9' }]);
  });

  it('moves the cursor only after everything was applied', async () => {
    const failing = await look({ kind: 'reports', reports: [movement('8')], cursor: '8' }, () => {
      throw appError('internal');
    });
    const silent = await look({ kind: 'no_information', reason: 'list_full' });
    for (const { named, report } of [failing, silent]) {
      expect(report).toMatchObject({ done: 0, failed: 1 });
      expect(named('save_feed_cursor')).toEqual([]);
    }
    expect(silent.named('fail_outbox')).toMatchObject([{ error: 'list_full', permanent: false }]);
  });

  it('is a dead letter when the rail has no feed', async () => {
    const rows = [row('feed', { provider: 'momo', cursor: null })];
    const { named } = await work({ rows, options: { providers: [fakeProvider('momo', {})] } });
    expect(named('fail_outbox')).toMatchObject([{ permanent: true }]);
  });
});

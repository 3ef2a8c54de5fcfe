import { describe, expect, it } from 'vitest';
import { fakeOutside, fakeProvider, secretKey } from '../../../tests/support/fakes.ts';
import {
  attempt,
  lease_token,
  mail,
  type Row,
  refund,
  row,
  vnpayAnswers,
  work,
} from '../../../tests/support/outbox.ts';
import { rateLimited } from '../_shared/payments/call.ts';
import type { ProviderName, RetrieveResult } from '../_shared/payments/provider.ts';
import { handle } from './handler.ts';

const idOf = (number: number) => `6f1c2d3e-0000-4000-8000-${String(number).padStart(12, '0')}`;
const mailRow = () => row('email', { delivery_id: idOf(9) });
const attemptIds: Partial<Record<ProviderName, string>> = { vnpay: idOf(1), momo: idOf(2), stripe: idOf(3) };
const about = (provider: ProviderName) => ({ attempt_id: attemptIds[provider], provider });
const query = (provider: ProviderName) => row('reconcile', about(provider));
const refundRow = () => row('refund', { refund_id: refund.id, provider: 'vnpay' });
const database = {
  attempt_to_reconcile: ({ attempt_id: id }: Record<string, unknown>) => {
    const provider = Object.entries(attemptIds).find(([, known]) => known === id)?.[0] ?? 'vnpay';
    return { ...attempt, id, provider, status: 'pending', provider_transaction_id: null };
  },
  note_reconciliation: () => ({ id: idOf(1) }),
  refund_to_send: () => ({ refund, attempt, payment: {}, account: null }),
  record_refund_result: () => ({ status: 'x' }),
};
const ids = (rows: readonly { id?: unknown }[]) => rows.map(({ id }) => Number(id)).sort((a, b) => a - b);
const limited = 'vnpay is rate limited';
const reason = 'rate_limited';
const waits = 'its queue, vnpay, is cooling down';
const queriesWait = 'its queue, queries to vnpay, is cooling down';

describe('a provider that is rate limited', () => {
  it('is called no more: the refused row and those behind it are deferred, and no attempt counts', async () => {
    const { asked, vnpayFetch } = vnpayAnswers({ querydr: { vnp_ResponseCode: '94' } });
    const rows = [query('vnpay'), query('vnpay'), query('vnpay')];
    const { named, report } = await work({ rows, database, options: { vnpayFetch } });
    expect(asked.map(({ command }) => command)).toEqual(['querydr']);
    expect(named('defer_outbox')).toEqual([
      { id: rows[0]?.id, lease_token, seconds: 3, reason, detail: `${limited} (94)` },
      { id: rows[1]?.id, lease_token, seconds: 2, reason, detail: queriesWait },
      { id: rows[2]?.id, lease_token, seconds: 2, reason, detail: queriesWait },
    ]);
    expect(named('fail_outbox')).toEqual([]);
    // a refused query counts as not made
    expect(named('note_reconciliation')).toEqual([]);
    expect(report).toEqual({ leased: 3, done: 0, failed: 0, more: false });
  });

  it('still gets orders when it limits only queries: refunds are sent while queries wait', async () => {
    const { asked, vnpayFetch } = vnpayAnswers({
      querydr: { vnp_ResponseCode: '94' },
      refund: { vnp_TransactionStatus: '05' },
    });
    const again = row('refund', { refund_id: refund.id, provider: 'vnpay' }, { attempts: 2 });
    const rows = [query('vnpay'), refundRow(), again, query('vnpay')];
    const { named } = await work({ rows, database, options: { vnpayFetch } });
    // one that may have been sent is queried first
    expect(asked.map(({ command }) => command)).toEqual(['querydr', 'refund']);
    expect(named('record_refund_result')).toMatchObject([{ outcome: 'processing' }]);
    expect(named('defer_outbox')).toMatchObject([
      { id: rows[0]?.id, reason, detail: `${limited} (94)` },
      {
        id: rows[1]?.id,
        reason: 'waiting',
        detail: expect.stringContaining('vnpay has accepted the refund'),
      },
      { id: again.id, reason, detail: queriesWait },
      { id: rows[3]?.id, reason, detail: queriesWait },
    ]);
    expect(named('fail_outbox')).toEqual([]);
  });

  it('delays neither other providers nor mails', async () => {
    const { vnpayFetch } = vnpayAnswers({ querydr: { vnp_ResponseCode: '94' } });
    const momo = fakeProvider('momo', { retrieve: async () => ({ kind: 'no_information', reason: 'x' }) });
    const rows = [query('vnpay'), query('vnpay'), query('momo'), mailRow(), query('momo')];
    const { named, outside } = await work({ rows, database, options: { vnpayFetch, providers: [momo] } });
    expect(ids(named('defer_outbox'))).toEqual(ids(rows.slice(0, 2)));
    expect(ids(named('complete_outbox'))).toEqual(ids(rows.slice(2)));
    expect(outside.mails).toHaveLength(1);
  });

  it('may also answer HTTP 429 with the time to wait, to any call', async () => {
    const headers = { 'retry-after': '40' };
    const vnpayFetch = async () => new Response('<html>', { status: 429, headers });
    const refused = await work({ rows: [refundRow(), query('vnpay')], database, options: { vnpayFetch } });
    expect(refused.named('record_refund_result')).toEqual([]);
    expect(refused.named('defer_outbox')).toMatchObject([
      { seconds: 41, reason, detail: `${limited} (429)` },
      { seconds: 40, reason, detail: waits },
    ]);
    const stripe = fakeProvider('stripe', {
      cancel: async () => {
        throw rateLimited('stripe', 'rate_limit', { seconds: 5 });
      },
    });
    const ending = await work({
      rows: [row('cancel_attempt', about('stripe'))],
      database,
      options: { providers: [stripe] },
    });
    expect(ending.named('defer_outbox')).toMatchObject([{ seconds: 6 }]);
    expect([...refused.named('fail_outbox'), ...ending.named('fail_outbox')]).toEqual([]);
  });

  it('is another case than a provider that still works on a refund: only that refund is retried, and the try counts', async () => {
    const { asked, vnpayFetch } = vnpayAnswers({
      refund: { vnp_ResponseCode: '94' },
      querydr: { vnp_ResponseCode: '91' },
    });
    const rows = [refundRow(), query('vnpay')];
    const { named } = await work({ rows, database, options: { vnpayFetch } });
    expect(asked.map(({ command }) => command)).toEqual(['refund', 'querydr']);
    expect(named('fail_outbox')).toMatchObject([{ id: rows[0]?.id, permanent: false }]);
    expect(named('complete_outbox')).toMatchObject([{ id: rows[1]?.id }]);
  });
});

describe('what has no good settings', () => {
  it('defers its own rows without counting a try, and no other rows', async () => {
    const momo = fakeProvider('momo', { retrieve: async () => ({ kind: 'no_information', reason: 'x' }) });
    const rows = [query('vnpay'), refundRow(), query('momo'), mailRow()];
    const { named } = await work({ rows, database, options: { noVnpay: true, providers: [momo] } });
    expect(named('defer_outbox')).toMatchObject([
      { id: rows[0]?.id, reason: 'not_configured', detail: 'reconcile for vnpay' },
      { id: rows[1]?.id, reason: 'not_configured', detail: 'refund for vnpay' },
    ]);
    expect(named('fail_outbox')).toEqual([]);
    expect(ids(named('complete_outbox'))).toEqual(ids(rows.slice(2)));
  });

  it('is checked once for all rows that need it, and each row gets a turn', async () => {
    const rows = Array.from({ length: 4 }, refundRow);
    const { named } = await work({ rows, database, options: { noVnpay: true } });
    expect(named('refund_to_send')).toHaveLength(1);
    const put = named('defer_outbox');
    expect(put.map(({ seconds }) => seconds)).toEqual([61, 60, 60, 60]);
    for (const { reason } of put) expect(reason).toBe('not_configured');
  });

  it('defers mails too, and they are not rendered in vain', async () => {
    const problem = 'RESEND_API_KEY and MAIL_FROM are needed.';
    const { named, outside } = await work({ rows: [mailRow()], database, options: { mailProblem: problem } });
    expect(named('delivery_to_send')).toEqual([]);
    expect(named('defer_outbox')).toMatchObject([{ reason: 'not_configured', detail: problem }]);
    expect(outside.mails).toEqual([]);
  });
});

/** An outbox that keeps time as the real one does, and workers that are rung once a second while rows are due. */
function backlog(rows: Row[], retrieve: (reference: string, now: number) => RetrieveResult, workers = 1) {
  const kept = rows.map((one) => ({ ...one, attempts: 0, dueAt: 0, state: 'pending', doneAt: 0 }));
  const find = (id: unknown) => kept.filter((one) => one.id === id);
  let clock = { now: 0 };
  const outbox = {
    ...database,
    attempt_to_reconcile: (args: Record<string, unknown>) => ({
      ...database.attempt_to_reconcile(args),
      reference: String(args.attempt_id),
      provider: 'vnpay',
    }),
    lease_outbox: ({ batch }: Record<string, unknown>) => {
      const due = kept.filter(({ state, dueAt }) => state === 'pending' && dueAt <= clock.now);
      const leased = due.sort((a, b) => a.dueAt - b.dueAt || a.id - b.id).slice(0, Number(batch));
      for (const one of leased) Object.assign(one, { state: 'leased', attempts: one.attempts + 1 });
      return leased.map((one) => ({ ...one }));
    },
    complete_outbox: ({ id }: Record<string, unknown>) => {
      for (const one of find(id)) Object.assign(one, { state: 'done', doneAt: clock.now });
    },
    defer_outbox: ({ id, seconds }: Record<string, unknown>) => {
      const dueAt = clock.now + Number(seconds) * 1000;
      for (const one of find(id)) Object.assign(one, { state: 'pending', attempts: one.attempts - 1, dueAt });
      clock.now += 5;
    },
    delivery_to_send: () => mail,
    delivery_sent: () => null,
    refund_to_send: () => ({ ...database.refund_to_send(), refund: { ...refund, status: 'processing' } }),
  };
  let asked = 0;
  const vnpay = fakeProvider('vnpay', {
    retrieve: async ({ reference }) => {
      asked += 1;
      return retrieve(reference, clock.now);
    },
    retrieveRefund: async ({ reference }) => {
      retrieve(reference, clock.now);
      return { known: true, status: 'succeeded', refundId: '14000009', code: '00' };
    },
  });
  const outside = fakeOutside(outbox, { providers: [vnpay] });
  clock = outside.clock;
  const startedAt = clock.now;
  const functions = Array.from({ length: workers }, () => handle(outside.deps));
  const ring = async (): Promise<void> => {
    const headers = { apikey: secretKey };
    await Promise.all(
      functions.map((run) => run(new Request('http://x/outbox', { method: 'POST', headers }))),
    );
  };
  return {
    kept,
    asked: () => asked,
    seconds: ({ doneAt }: { doneAt: number }) => (doneAt - startedAt) / 1000,
    comeLater(row: { dueAt: number }, seconds: number): void {
      row.dueAt = startedAt + seconds * 1000;
    },
    async run(seconds: number): Promise<void> {
      for (let second = 0; second < seconds; second += 1) {
        clock.now = Math.max(clock.now, startedAt + second * 1000);
        await ring();
      }
    },
  };
}

/** VNPay as it was seen: one query in some seconds, whichever payment it is about. */
function oneIn(seconds: number, alwaysRefused = '') {
  let last = Number.NEGATIVE_INFINITY;
  return (reference: string, now: number): RetrieveResult => {
    if (reference === alwaysRefused || now - last < seconds * 1000)
      throw rateLimited('vnpay', '94', { queriesOnly: true });
    last = now;
    return { kind: 'not_found', signed: true };
  };
}

describe('a backlog of queries to a provider that answers one at a time', () => {
  const queries = (count: number) =>
    Array.from({ length: count }, (_, i) =>
      row('reconcile', { attempt_id: idOf(100 + i), provider: 'vnpay' }),
    );

  it('is worked off as fast as the provider allows, while mails that came later leave at once', async () => {
    const waiting = queries(35);
    const { kept, asked, seconds, run } = backlog([...waiting, mailRow(), mailRow()], oneIn(5));
    await run(175);
    expect(kept.map(({ state, attempts }) => [state, attempts])).toEqual(kept.map(() => ['done', 1]));
    expect(Math.max(...kept.slice(waiting.length).map(seconds))).toBeLessThan(1);
    // one refusal for each answer shows where the limit is
    expect(asked()).toBeLessThanOrEqual(2 * waiting.length);
  });

  it('gives a refund that must be queried its turn, though new queries come all the time', async () => {
    const asking = row('refund', { refund_id: refund.id, provider: 'vnpay' });
    const { kept, seconds, comeLater, run } = backlog([asking, ...queries(60)], oneIn(5));
    const [asked, ...others] = kept;
    for (const [i, one] of others.entries()) comeLater(one, Math.max(0, i - 4) * 6);
    if (asked) comeLater(asked, 2);
    await run(120);
    expect(asked?.state).toBe('done');
    expect(seconds(asked ?? { doneAt: Number.NaN })).toBeLessThan(60);
  });

  it('delays a mail at most once, however long the backlog is', async () => {
    const { kept, seconds, comeLater, run } = backlog([...queries(1000), mailRow(), mailRow()], oneIn(5));
    const mails = kept.slice(1000);
    for (const [i, one] of mails.entries()) comeLater(one, 20 + i * 5);
    await run(40);
    // all of them put off again at each refusal would keep it for five seconds
    for (const [i, one] of mails.entries()) {
      expect(one.state).toBe('done');
      expect(seconds(one) - 20 - i * 5).toBeLessThan(1.5);
    }
  });

  it('is worked off although one query is always refused, and that query waits without failing', async () => {
    const { kept, asked, seconds, run } = backlog(queries(12), oneIn(0, idOf(100)));
    await run(120);
    const [refused, ...others] = kept;
    expect(refused).toMatchObject({ state: 'pending', attempts: 0 });
    expect(others.map(({ state }) => state)).toEqual(others.map(() => 'done'));
    expect(Math.max(...others.map(seconds))).toBeLessThan(5);
    // ever more slowly: seven times in two minutes, and a queue that is answered in between waits for none of it
    expect(asked() - others.length).toBeLessThanOrEqual(7);
  });

  it('is worked off by several instances, and each learns the limit for itself', async () => {
    const { kept, run } = backlog(queries(35), oneIn(5), 3);
    await run(900);
    expect(kept.map(({ state, attempts }) => [state, attempts])).toEqual(kept.map(() => ['done', 1]));
  });
});

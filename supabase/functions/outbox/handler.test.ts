import { describe, expect, it } from 'vitest';
import { fakeOutside, secretKey } from '../../../tests/support/fakes.ts';
import {
  attempt,
  attempt_id,
  lease_token,
  mail,
  refund,
  refund_id,
  row,
  type Setting,
  vnpayAnswers,
  work,
} from '../../../tests/support/outbox.ts';
import { appError } from '../_shared/errors.ts';
import { handle } from './handler.ts';

const email = { delivery_id: '6f1c2d3e-0000-4000-8000-000000000009' };
const toRefund = { refund_id, provider: 'vnpay' };

describe('POST /outbox', () => {
  it('refuses every caller but the service', async () => {
    const { deps } = fakeOutside({});
    expect((await handle(deps)(new Request('http://x/outbox', { method: 'POST' }))).status).toBe(401);
  });

  it('performs what it leased and reports it', async () => {
    const confirmed = row('email', email);
    const { report, outside, named } = await work({ rows: [confirmed] });
    expect(report).toEqual({ leased: 1, done: 1, failed: 0, more: false });
    expect(outside.mails).toEqual([
      {
        to: 'renter@example.com',
        subject: 'Hello',
        text: 'text',
        html: '<p>text</p>',
        unsubscribe: { token: 'person.booking.signature', locale: 'en' },
        idempotencyKey: `email:${email.delivery_id}`,
      },
    ]);
    expect(named('complete_outbox')).toEqual([
      { id: confirmed.id, lease_token, provider_id: 'mail-1', result: {} },
    ]);
    expect(outside.calls.find((call) => call.name === 'complete_outbox')?.correlationId).toBe('cause-1');
  });

  it('leases batches until one is not full', async () => {
    const batches = [10, 10, 3].map((size) => Array.from({ length: size }, () => row('email', email)));
    const { report } = await work({ rows: [], database: { lease_outbox: () => batches.shift() ?? [] } });
    expect(report).toEqual({ leased: 23, done: 23, failed: 0, more: false });
  });

  it('has events for others in a lane of their own, which is worked beside the first', async () => {
    const events = [1, 2].map((n) =>
      row('webhook', { delivery_id: `6f1c2d3e-0000-4000-8000-00000000030${n}`, queue: 'webhooks of x' }),
    );
    const order: string[] = [];
    const { report, named } = await work({
      rows: [row('email', email)],
      database: {
        lease_webhooks: () => events.splice(0),
        webhook_to_send: ({ delivery_id: id }) => ({
          kind: 'send',
          url: 'x',
          id,
          body: '{}',
          secrets: ['s'],
        }),
        store_webhook_try: () => null,
        delivery_sent: () => {
          order.push('mail');
          return null;
        },
      },
      options: {
        webhooks: async () => {
          await new Promise((resolve) => setTimeout(resolve, 20));
          order.push('event');
          return { kind: 'failed', http_status: 500, problem: 'its server answered 500' };
        },
      },
    });
    expect(report).toEqual({ leased: 3, done: 3, failed: 0, more: false });
    expect(order).toEqual(['mail', 'event', 'event']);
    expect(named('store_webhook_try')).toHaveLength(2);
  });

  it('begins nothing after its time, defers what it holds, and says that there is more', async () => {
    const rows = Array.from({ length: 10 }, () => row('email', email));
    const clockwork: { advance?: () => void } = {};
    const outside = fakeOutside(
      {
        lease_outbox: () => rows,
        complete_outbox: () => null,
        defer_outbox: () => null,
        delivery_to_send: () => mail,
        delivery_sent: () => null,
      },
      {
        mail: () => {
          clockwork.advance?.();
          return { sent: true, id: 'm' };
        },
      },
    );
    clockwork.advance = () => {
      outside.clock.now += 6_000;
    };
    const request = new Request('http://x/outbox', { method: 'POST', headers: { apikey: secretKey } });
    const report = (await (await handle(outside.deps)(request)).json()) as { done: number };
    expect(report).toMatchObject({ leased: 10, failed: 0, more: true });
    expect(report.done).toBeLessThanOrEqual(5);
    // what was not begun has not failed: no attempt of it is counted
    const given = outside.calls.filter((call) => call.name === 'defer_outbox');
    expect(given).toHaveLength(10 - report.done);
    for (const { args } of given) {
      expect(args).toMatchObject({
        seconds: 1,
        reason: 'no_turn',
        detail: expect.stringContaining('ran out of time'),
      });
    }
  });

  it('makes a dead letter of what can never work, and of nothing else', async () => {
    const fails = async (setting: Setting) => (await work(setting)).named('fail_outbox')[0];
    expect(await fails({ rows: [row('carrier_pigeon', {})] })).toMatchObject({ permanent: true });
    expect(await fails({ rows: [row('email', { delivery_id: 'x' })] })).toMatchObject({
      permanent: true,
    });
    const refusing = (permanent: boolean) => ({
      mail: () => ({ sent: false as const, permanent, reason: 'because' }),
    });
    expect(await fails({ rows: [row('email', email)], options: refusing(true) })).toMatchObject({
      permanent: true,
      error: 'because',
    });
    expect(await fails({ rows: [row('email', email)], options: refusing(false) })).toMatchObject({
      permanent: false,
    });
    const away = {
      delivery_to_send: () => {
        throw appError('internal', {}, new Error('the database is away'));
      },
    };
    expect(await fails({ rows: [row('email', email)], database: away })).toMatchObject({
      permanent: false,
      error: expect.stringContaining('the database is away'),
    });
  });

  it('sends no mail to a person who has left', async () => {
    const { outside, named } = await work({
      rows: [row('email', email)],
      database: { delivery_to_send: () => null },
    });
    expect(outside.mails).toEqual([]);
    expect(named('complete_outbox')[0]).toMatchObject({ result: { skipped: 'the person is gone' } });
  });

  it('sends nothing that the database decides against, and says why in the row', async () => {
    const { outside, named } = await work({
      rows: [row('email', email)],
      database: { delivery_to_send: () => ({ action: 'drop', status: 'suppressed', reason: 'no_email' }) },
    });
    expect(outside.mails).toEqual([]);
    expect(named('complete_outbox')[0]).toMatchObject({ result: { skipped: 'no_email' } });
  });

  it('puts off what is to wait, and counts no attempt', async () => {
    const { outside, named } = await work({
      rows: [row('email', email)],
      database: {
        delivery_to_send: () => ({
          action: 'wait',
          until: new Date(Date.now() + 3_600_000).toISOString(),
          reason: 'quiet hours',
        }),
      },
    });
    expect(outside.mails).toEqual([]);
    expect(named('fail_outbox')).toEqual([]);
    expect(named('defer_outbox')[0]).toMatchObject({ reason: 'waiting', detail: 'quiet hours' });
  });

  it('reports who took a delivery and under which id', async () => {
    const { named } = await work({ rows: [row('email', email)] });
    expect(named('delivery_sent')).toEqual([
      { delivery_id: email.delivery_id, provider: 'resend', provider_id: 'mail-1' },
    ]);
  });

  it('sends an SMS to the phone of the person', async () => {
    const { outside, named } = await work({
      rows: [row('sms', email)],
      database: {
        delivery_to_send: () => ({
          action: 'send',
          delivery_id: email.delivery_id,
          target: { phone: '+84912345678' },
          message: { text: 'Hello' },
        }),
      },
    });
    expect(outside.messages).toMatchObject([
      { to: '+84912345678', text: 'Hello', idempotencyKey: `sms:${email.delivery_id}` },
    ]);
    expect(named('delivery_sent')[0]).toMatchObject({ provider: 'esms', provider_id: 'sms-1' });
  });

  it('leaves a row alone when another worker has taken its lease', async () => {
    const lost = {
      complete_outbox: () => {
        throw appError('outbox_lease_lost');
      },
    };
    const { status, outside } = await work({
      rows: [row('email', email), row('email', email)],
      database: lost,
    });
    expect(status).toBe(200);
    expect(outside.mails).toHaveLength(2);
  });
});

describe('topic refund', () => {
  const found = (changes: object = {}) => ({
    refund_to_send: () => ({ refund: { ...refund, ...changes }, attempt, payment: {}, account: null }),
    record_refund_result: () => ({ status: 'x' }),
  });
  const accepted = { vnp_TransactionType: '03', vnp_Amount: '40000000', vnp_TransactionNo: '14000009' };

  it('is sent at once the first time, and waits while the bank works on it', async () => {
    const { asked, vnpayFetch } = vnpayAnswers({ refund: { ...accepted, vnp_TransactionStatus: '05' } });
    const { named } = await work({
      rows: [row('refund', toRefund)],
      database: found(),
      options: { vnpayFetch },
    });
    expect(asked.map((one) => one.command)).toEqual(['refund']);
    expect(named('record_refund_result')).toEqual([
      {
        ...{ refund_id, outcome: 'processing', provider_refund_id: '14000009', failure_code: null },
        ordered_at: refund.ordered_at,
      },
    ]);
    // ordered ten minutes ago: looked at again after a quarter of that, and no attempt is counted
    expect(named('defer_outbox')[0]).toMatchObject({
      seconds: 150,
      reason: 'waiting',
      detail: expect.stringContaining('vnpay has accepted the refund'),
    });
    expect(named('fail_outbox')).toEqual([]);
  });

  it('is queried and not sent while the provider has it', async () => {
    const { asked, vnpayFetch } = vnpayAnswers({ querydr: { ...accepted, vnp_TransactionStatus: '00' } });
    const { named } = await work({
      rows: [row('refund', toRefund, { attempts: 2 })],
      database: found({ status: 'processing', provider_refund_id: '14000009' }),
      options: { vnpayFetch },
    });
    expect(asked.map((one) => one.command)).toEqual(['querydr']);
    expect(named('record_refund_result')[0]).toMatchObject({ outcome: 'succeeded' });
    expect(named('complete_outbox')[0]).toMatchObject({ provider_id: '14000009' });
  });

  it('is never sent again while the provider has it and gives no answer', async () => {
    const { asked, vnpayFetch } = vnpayAnswers({
      querydr: { vnp_TransactionType: '01', vnp_TransactionStatus: '00' },
    });
    const { named } = await work({
      rows: [row('refund', toRefund, { attempts: 5 })],
      database: found({ status: 'processing' }),
      options: { vnpayFetch },
    });
    expect(asked.map((one) => one.command)).toEqual(['querydr']);
    expect(named('record_refund_result')).toEqual([]);
    expect(named('defer_outbox')).toHaveLength(1);
    expect(named('fail_outbox')).toEqual([]);
  });

  it('is queried before it is sent again after a lost answer', async () => {
    const taken = vnpayAnswers({ querydr: { ...accepted, vnp_TransactionStatus: '06' } });
    const again = row('refund', toRefund, { attempts: 2 });
    const first = await work({ rows: [again], database: found(), options: { vnpayFetch: taken.vnpayFetch } });
    expect(taken.asked.map((one) => one.command)).toEqual(['querydr']);
    expect(first.named('record_refund_result')[0]).toMatchObject({ outcome: 'processing' });
    const untaken = vnpayAnswers({
      querydr: { vnp_TransactionType: '01', vnp_TransactionStatus: '00', vnp_Amount: '100000000' },
      refund: { ...accepted, vnp_TransactionStatus: '00' },
    });
    const second = await work({
      rows: [again],
      database: found(),
      options: { vnpayFetch: untaken.vnpayFetch },
    });
    expect(untaken.asked.map((one) => one.command)).toEqual(['querydr', 'refund']);
    expect(second.named('complete_outbox')).toHaveLength(1);
  });

  it('keeps its request id over repeats and changes it for a new order', async () => {
    const { asked, vnpayFetch } = vnpayAnswers({ querydr: { vnp_ResponseCode: '99' } });
    const send = (ordered_at: string) =>
      work({ rows: [row('refund', toRefund)], database: found({ ordered_at }), options: { vnpayFetch } });
    await send('2026-11-20T04:50:00.1+00:00');
    await send('2026-11-20T04:50:00.1+00:00');
    await send('2026-11-20T04:55:00.1+00:00');
    const [one, two, three] = asked.map((call) => call.requestId);
    expect(one).toMatch(/^[0-9a-f]{32}$/);
    expect(two).toBe(one);
    expect(three).not.toBe(one);
  });

  it('has failed when the provider refuses it, and is not tried again', async () => {
    const { vnpayFetch } = vnpayAnswers({ refund: { vnp_ResponseCode: '02' } });
    const { named } = await work({
      rows: [row('refund', toRefund)],
      database: found(),
      options: { vnpayFetch },
    });
    expect(named('record_refund_result')[0]).toMatchObject({ outcome: 'failed', failure_code: '02' });
    expect(named('complete_outbox')[0]).toMatchObject({ result: { failed: '02' } });
  });

  it('is retried while the provider is away, and is done after it was sent', async () => {
    const { vnpayFetch } = vnpayAnswers({});
    const away = await work({
      rows: [row('refund', toRefund)],
      database: found(),
      options: { vnpayFetch },
    });
    expect(away.named('fail_outbox')[0]).toMatchObject({ permanent: false });
    expect(away.named('record_refund_result')).toEqual([]);
    const settled = await work({
      rows: [row('refund', toRefund)],
      database: found({ status: 'succeeded' }),
    });
    expect(settled.report).toMatchObject({ done: 1 });
  });
});

describe('topic reconcile', () => {
  const open = { ...attempt, status: 'pending', provider_transaction_id: null };
  const database = (changes: object = {}) => ({
    attempt_to_reconcile: () => ({ ...open, ...changes }),
    record_payment_event: () => ({ event_id: 3, is_new: true, outcome: null }),
    apply_payment_event: () => 'applied',
    note_reconciliation: () => ({ id: attempt_id }),
  });
  const ask = async (answers: Parameters<typeof vnpayAnswers>[0], changes: object = {}) => {
    const { vnpayFetch, asked } = vnpayAnswers(answers);
    const { named, report } = await work({
      rows: [row('reconcile', { attempt_id, provider: 'vnpay' })],
      database: database(changes),
      options: { vnpayFetch },
    });
    return {
      asked,
      report,
      noted: named('note_reconciliation')[0]?.outcome,
      events: named('record_payment_event'),
      named,
    };
  };
  const payment = { vnp_TransactionType: '01', vnp_Amount: '100000000', vnp_TransactionNo: '14000001' };

  it('applies a payment whose notification never came', async () => {
    const { noted, events, named } = await ask({ querydr: { ...payment, vnp_TransactionStatus: '00' } });
    expect(noted).toBe('final');
    expect(events[0]).toMatchObject({ provider_event_id: 'J1:14000001:succeeded:1000000', verified: true });
    expect(named('apply_payment_event')[0]).toMatchObject({
      event_id: 3,
      outcome: 'succeeded',
      amount: 1_000_000,
    });
  });

  it('queries again while the payer may still pay, or when the answer said nothing', async () => {
    expect((await ask({ querydr: { ...payment, vnp_TransactionStatus: '01' } })).noted).toBe('pending');
    expect((await ask({ querydr: { vnp_ResponseCode: '99' } })).noted).toBe('no_answer');
    const away = await ask({});
    expect(away.noted).toBe('no_answer');
    expect(away.events).toEqual([]);
    expect(away.report).toMatchObject({ done: 1 });
  });

  it('trusts an unsigned "not found" only long after the link ended', async () => {
    const unsigned = { querydr: { vnp_ResponseCode: '91', vnp_TmnCode: '' } };
    expect((await ask(unsigned, { expires_at: '2026-11-20T04:30:00+00:00' })).noted).toBe('no_answer');
    expect((await ask(unsigned, { expires_at: '2026-11-20T03:30:00+00:00' })).noted).toBe('not_found');
    const signed = { querydr: { vnp_ResponseCode: '91' } };
    expect((await ask(signed, { expires_at: '2026-11-20T04:59:00+00:00' })).noted).toBe('not_found');
  });

  it('makes no query about an attempt that was never offered or is settled', async () => {
    const unoffered = await ask({}, { status: 'created', provider_data: {} });
    expect([unoffered.noted, unoffered.asked]).toEqual(['not_found', []]);
    const settled = await ask({}, { status: 'succeeded' });
    expect([settled.noted, settled.asked]).toEqual(['final', []]);
  });

  it('queries a settled attempt once more when a second transfer may have followed', async () => {
    const changes = { status: 'succeeded', recheck_at: '2026-11-20T04:30:00+00:00' };
    const { noted, asked } = await ask({ querydr: { ...payment, vnp_TransactionStatus: '00' } }, changes);
    expect(noted).toBe('final');
    expect(asked).toHaveLength(1);
  });
});

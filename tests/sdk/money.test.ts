import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from 'vitest';
import type { PaymentStart, TransferDetails } from '../../sdk/src/index.ts';
import { type FakeApi, startFakeApi } from './fake-api.ts';

let api: FakeApi;
beforeEach(async () => {
  api = await startFakeApi({ retries: 2 });
});
afterEach(() => api.close());

describe('payments.readReturn', () => {
  it.each([
    [
      'journey://paid/42?payment_status=succeeded&payment_reference=J26112100000042',
      'succeeded',
      'J26112100000042',
    ],
    ['https://app.example.com/paid?x=1&payment_status=unverified#top', 'unverified', null],
    ['journey://paid?payment_status=failed', 'failed', null],
    ['journey://paid?payment_status=pending', 'pending', null],
  ])('reads the result in %s', (url, status, reference) => {
    expect(api.journey.payments.readReturn(url)).toEqual({ status, reference });
  });

  it.each(['journey://paid', 'journey://paid?payment_status=paid', '', 'nonsense', '?payment_status='])(
    'knows that %j is none of ours',
    (url) => {
      expect(api.journey.payments.readReturn(url)).toBeNull();
    },
  );
});

describe('payments', () => {
  it('know by their type what each provider answers', () => {
    expectTypeOf<PaymentStart<'vietqr'>['redirect_url']>().toEqualTypeOf<null>();
    expectTypeOf<PaymentStart<'momo'>['redirect_url']>().toEqualTypeOf<string>();
    expectTypeOf<PaymentStart<'vietqr'>['details']['transfer']>().toEqualTypeOf<TransferDetails>();
    expectTypeOf<PaymentStart<'momo'>['details']['deeplink']>().toEqualTypeOf<string | undefined>();
  });

  it('start under one key however often an answer is lost', async () => {
    api.answer('drop', { status: 200, body: { redirect_url: 'https://pay.example.com' } });
    const { data } = await api.journey.payments.start({ paymentId: 'p', provider: 'stripe' });
    expect(data?.redirect_url).toBe('https://pay.example.com');
    const keys = api.seen.map(({ body }) => body.idempotency_key);
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
    expect(api.seen[0]?.body).toMatchObject({ payment_id: 'p', provider: 'stripe' });
  });

  it('are checked by their id alone, also by an app that was killed meanwhile', async () => {
    api.answer({ status: 200, body: { payment: { status: 'succeeded' }, attempts: [], refunds: [] } });
    const { data } = await api.journey.payments.check('p');
    expect(data?.payment.status).toBe('succeeded');
    expect(api.seen[0]).toMatchObject({
      path: '/functions/v1/payments/check',
      method: 'POST',
      body: { payment_id: 'p' },
    });
  });
});

describe('an admin', () => {
  it('settles unmatched money once, with what the decision needs', async () => {
    api.answer({ status: 200, body: { result: 'applied', refund_id: null } });
    const order = { unmatchedId: 'u', action: 'apply', paymentId: 'p', note: 'found it' } as const;
    const { data } = await api.journey.admin.unmatched.settle(order, {
      idempotencyKey: crypto.randomUUID(),
    });
    expect(data?.result).toBe('applied');
    expect(api.seen[0]?.path).toBe('/rest/v1/rpc/settle_unmatched_money');
    expect(api.seen[0]?.body).toEqual({
      unmatched_id: 'u',
      action: 'apply',
      payment_id: 'p',
      note: 'found it',
      idempotency_key: expect.any(String),
    });
  });

  it('asks for the refunds, batches and payouts that were named, and otherwise for open refunds', async () => {
    api.answer({ status: 200, body: [] });
    const { refunds, payments, payouts } = api.journey.admin;
    const after = { created_at: '2026-11-21T00:00:00+00:00', id: 'r' };
    const next = JSON.stringify(after);
    await refunds.list();
    await refunds.list({ status: null, needs: 'any', after: next, pageSize: 5 });
    await payments.attemptsNeedingReview({ after: next });
    await payouts.batches({ status: 'proposed' });
    await payouts.list({ batchId: 'b', status: 'frozen', hostId: 'h', after: next });
    expect(api.seen.map(({ path, body }) => [path.split('/').at(-1), body])).toEqual([
      ['list_refunds', { page_size: 20 }],
      ['list_refunds', { status: null, needs: 'any', after, page_size: 5 }],
      ['payment_attempts_needing_review', { after, page_size: 20 }],
      ['list_payout_batches', { status: 'proposed', page_size: 20 }],
      ['list_payouts', { batch_id: 'b', status: 'frozen', host_id: 'h', after, page_size: 20 }],
    ]);
  });

  it('claims a transfer by hand again when the answer was lost, and reads which admin has claimed it', async () => {
    const theirs = {
      claimed_by: 'a',
      claimed_by_name: 'Lan',
      claimed_at: '2026-11-21T00:00:00+00:00',
      expires_at: '2026-11-22T00:00:00+00:00',
    };
    const refused = {
      code: 'PT409',
      message:
        'An admin is making this transfer by hand. Wait until it is recorded or the claim ends; details name the admin.',
      details: JSON.stringify({ code: 'transfer_claimed', ...theirs }),
      hint: null,
    };
    api.answer('drop', { status: 200, body: theirs }, { status: 409, body: refused }, { status: 204 });
    const { refunds, payouts } = api.journey.admin;
    expect((await refunds.claimManual('r')).data).toEqual(theirs);
    const { error } = await payouts.claimManual('o');
    expect(error).toMatchObject({ code: 'transfer_claimed', details: theirs, retryable: false });
    expect((await payouts.releaseManual('o')).error).toBeNull();
    expect(api.seen.map(({ path, body }) => [path.split('/').at(-1), body])).toEqual([
      ['claim_manual_refund', { refund_id: 'r' }],
      ['claim_manual_refund', { refund_id: 'r' }],
      ['claim_manual_payout', { payout_id: 'o' }],
      ['release_manual_payout', { payout_id: 'o' }],
    ]);
  });

  it('never has a refund made by hand recorded twice by a repeat', async () => {
    api.answer('drop', { status: 200, body: {} });
    const { error } = await api.journey.admin.refunds.recordManual({
      refundId: 'r',
      bankReference: 'FT1',
    });
    expect(error?.outcome).toBe('unknown');
    expect(api.seen).toHaveLength(1);
  });
});

describe('payouts and receipts', () => {
  it('come page by page', async () => {
    const row = (id: string) => ({
      id,
      created_at: `2026-11-2${id}T00:00:00+00:00`,
      issued_at: `2026-11-2${id}T00:00:00+00:00`,
    });
    api.answer({ status: 200, body: [row('3'), row('2')] });
    const first = await api.journey.payouts.list({ pageSize: 2 });
    expect(JSON.parse(first.data?.next ?? '')).toEqual({ created_at: '2026-11-22T00:00:00+00:00', id: '2' });
    const receipts = await api.journey.receipts.list({ pageSize: 5 });
    expect(receipts.data?.rows).toHaveLength(2);
    expect(receipts.data?.next).toBeNull();
    expect(api.seen.map(({ body }) => body.page_size)).toEqual([2, 5]);
  });

  it('give a receipt as a page to print, and its refusal as an error', async () => {
    const known = crypto.randomUUID();
    api.route(({ path }) =>
      path.endsWith(`/receipts/${known}`)
        ? { status: 200, body: undefined, headers: { 'content-type': 'text/plain' } }
        : {
            status: 404,
            body: {
              error: {
                code: 'receipt_not_found',
                status: 404,
                message: 'none',
                retryable: false,
                details: {},
              },
            },
          },
    );
    expect((await api.journey.receipts.page(known)).error).toBeNull();
    expect(api.seen[0]?.method).toBe('GET');
    expect((await api.journey.receipts.page(crypto.randomUUID())).error?.code).toBe('receipt_not_found');
  });
});

import { describe, expect, it } from 'vitest';
import { signedQuery } from '../../../local/sandbox/vnpay/sign.ts';
import { errorOf, fakeOutside, terminal } from '../../../tests/support/fakes.ts';
import { handle } from './handler.ts';

const paid = {
  vnp_TmnCode: terminal.tmnCode,
  vnp_Amount: '435000000',
  vnp_BankCode: 'NCB',
  vnp_OrderInfo: 'Thanh toan J26112000000042',
  vnp_ResponseCode: '00',
  vnp_TransactionStatus: '00',
  vnp_TransactionNo: '14000002',
  vnp_TxnRef: 'J26112000000042',
};
const recorded = () => ({ event_id: 7, is_new: true, outcome: null });

async function deliver(query: string, database: Parameters<typeof fakeOutside>[0], init: RequestInit = {}) {
  const outside = fakeOutside(database);
  const response = await handle(outside.deps)(new Request(`http://x/payment-webhooks/vnpay?${query}`, init));
  return { outside, response, answer: (await response.json()) as { RspCode: string; Message: string } };
}

describe('a notification of VNPay', () => {
  it('is stored before it is applied, and then confirmed', async () => {
    const query = signedQuery(paid, terminal.hashSecret);
    const headers = { 'user-agent': 'VNPAY', authorization: 'Bearer secret', cookie: 'a=b' };
    const { outside, response, answer } = await deliver(
      query,
      { record_payment_event: recorded, apply_payment_event: () => 'applied' },
      { headers },
    );
    expect(response.status).toBe(200);
    expect(answer).toEqual({ RspCode: '00', Message: 'Confirm Success' });
    expect(outside.calls.map((call) => call.name)).toEqual(['record_payment_event', 'apply_payment_event']);
    expect(outside.calls[0]?.args).toEqual({
      provider: 'vnpay',
      provider_event_id: 'J26112000000042:14000002:succeeded:4350000',
      verified: true,
      reference: 'J26112000000042',
      raw: query,
      headers: { 'user-agent': 'VNPAY' },
    });
    expect(outside.calls[1]?.args).toEqual({
      event_id: 7,
      reference: 'J26112000000042',
      outcome: 'succeeded',
      amount: 4_350_000,
      currency: 'VND',
      transaction_id: '14000002',
      failure_code: null,
    });
  });

  it.each([
    ['applied', '00'],
    ['refunded_late', '00'],
    ['unmatched', '00'],
    ['ignored', '00'],
    ['duplicate', '02'],
    ['unknown_reference', '01'],
    ['amount_mismatch', '04'],
  ])('that ends as %s is answered %s', async (outcome, code) => {
    const database = { record_payment_event: recorded, apply_payment_event: () => outcome };
    expect((await deliver(signedQuery(paid, terminal.hashSecret), database)).answer.RspCode).toBe(code);
  });

  it('is delivered when it reports a failed payment', async () => {
    const failed = { ...paid, vnp_ResponseCode: '24', vnp_TransactionStatus: '02', vnp_TransactionNo: '0' };
    const database = { record_payment_event: recorded, apply_payment_event: () => 'applied' };
    const { outside, answer } = await deliver(signedQuery(failed, terminal.hashSecret), database);
    expect(answer.RspCode).toBe('00');
    expect(outside.calls[1]?.args).toMatchObject({
      outcome: 'failed',
      failure_code: '24',
      transaction_id: null,
    });
  });

  it.each([
    ['code 00 with status 02', { vnp_TransactionStatus: '02' }, 'failed'],
    ['status 00 with code 51', { vnp_ResponseCode: '51' }, 'failed'],
    ['code 07', { vnp_ResponseCode: '07' }, 'pending'],
    ['status 01', { vnp_TransactionStatus: '01' }, 'pending'],
  ])('is paid only when both codes say so: %s', async (_what, changes, outcome) => {
    const database = {
      record_payment_event: recorded,
      settle_payment_event: () => 'needs_review',
      apply_payment_event: () => 'applied',
    };
    const { outside } = await deliver(signedQuery({ ...paid, ...changes }, terminal.hashSecret), database);
    const applied = outside.calls.find(({ name }) => name === 'apply_payment_event');
    expect(applied?.args.outcome).toBe(outcome);
  });

  it('that is not verified is kept under an id of its own and goes no further', async () => {
    const query = signedQuery(paid, 'guess');
    const { outside, answer } = await deliver(query, { record_payment_event: recorded });
    expect(answer).toEqual({ RspCode: '97', Message: 'Invalid signature' });
    expect(outside.calls).toHaveLength(1);
    expect(outside.calls[0]?.args).toMatchObject({ verified: false, reference: null, raw: query });
    expect(outside.calls[0]?.args.provider_event_id).toMatch(/^unverified:[0-9a-f]{64}$/);
  });

  it('that is not verified is answered the same when it is only counted', async () => {
    const counted = () => ({ event_id: null, is_new: false, outcome: null });
    const query = signedQuery(paid, 'guess');
    const { outside, response, answer } = await deliver(query, { record_payment_event: counted });
    expect(response.status).toBe(200);
    expect(answer).toEqual({ RspCode: '97', Message: 'Invalid signature' });
    expect(outside.calls).toHaveLength(1);
  });

  it('that is not verified does not fill the disk', async () => {
    const { outside } = await deliver(`vnp_OrderInfo=${'a'.repeat(60_000)}`, {
      record_payment_event: recorded,
    });
    expect(String(outside.calls[0]?.args.raw)).toHaveLength(4_096);
  });

  it.each([
    ...['150000050', '0x10', '1e9', '', '-100', '000'].map((vnp_Amount) => ({ vnp_Amount })),
    { vnp_TransactionNo: '0' },
    { vnp_TmnCode: '' },
  ])('that is signed with %j is kept for an admin, and VNPay is asked to send it again', async (changes) => {
    const query = signedQuery({ ...paid, ...changes }, terminal.hashSecret);
    const database = { record_payment_event: recorded, settle_payment_event: () => 'needs_review' };
    const { outside, answer } = await deliver(query, database);
    expect(answer.RspCode).toBe('99');
    expect(outside.calls.map(({ name }) => name)).toEqual(['record_payment_event', 'settle_payment_event']);
    expect(outside.calls[0]?.args).toMatchObject({
      verified: true,
      provider_event_id: expect.stringMatching(/^unreadable:[0-9a-f]{64}$/),
      reference: paid.vnp_TxnRef,
      raw: query,
    });
  });

  it.each(['record_payment_event', 'apply_payment_event'])('comes again when %s fails', async (broken) => {
    const database = {
      record_payment_event: recorded,
      apply_payment_event: () => 'applied',
      [broken]: () => {
        throw new Error('the database is away');
      },
    };
    const { response, answer, outside } = await deliver(signedQuery(paid, terminal.hashSecret), database);
    expect(response.status).toBe(200);
    expect(answer.RspCode).toBe('99');
    expect(JSON.stringify(answer)).not.toContain('database');
    expect(outside.logs[0]).toMatchObject({ outcome: 'error' });
  });

  const bytes = (...parts: (string | number[])[]) =>
    Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));
  it.each([
    ['a query above 64 KB', 413, `vnp_OrderInfo=${'a'.repeat(70_000)}`, {}],
    ['a body above 64 KB', 413, 'a=1', { method: 'POST', body: 'a'.repeat(70_000) }],
    ['both above 64 KB', 413, 'a'.repeat(40_000), { method: 'POST', body: 'b'.repeat(40_000) }],
    ['a NUL', 400, '', { method: 'POST', body: '{"a":"\0"}' }],
    ['bytes that are no UTF-8', 400, '', { method: 'POST', body: bytes('{"a":"', [0xff, 0xc3, 0x28], '"}') }],
    ['half a surrogate pair', 400, '', { method: 'POST', body: bytes('{"a":"', [0xed, 0xa0, 0x80], '"}') }],
    ['half a character at its end', 400, '', { method: 'POST', body: bytes('{}', [0xc3]) }],
  ])('with %s is refused with %i and counted like any bad message', async (_what, status, query, init) => {
    const outside = fakeOutside({ record_payment_event: recorded });
    const request = new Request(`http://x/payment-webhooks/vnpay?${query}`, init);
    const response = await handle(outside.deps)(request);
    expect(response.status).toBe(status);
    expect((await errorOf(response)).code).toBe(status === 413 ? 'payload_too_large' : 'invalid_input');
    expect(outside.calls.map(({ name }) => name)).toEqual(['record_payment_event']);
    const { verified, provider_event_id, raw } = outside.calls[0]?.args ?? {};
    expect([verified, provider_event_id]).toEqual([
      false,
      expect.stringMatching(/^unverified:[0-9a-f]{64}$/),
    ]);
    expect(raw).not.toContain('\0');
    expect(String(raw).length).toBeLessThanOrEqual(4_096);
  });

  it('that is not verified is stored although the limit cuts a character in two', async () => {
    const outside = fakeOutside({ record_payment_event: recorded });
    const body = `${'a'.repeat(4_095)}😀`;
    const init = { method: 'POST', body };
    const response = await handle(outside.deps)(new Request('http://x/payment-webhooks/vnpay', init));
    expect(response.status).toBe(200);
    expect(String(outside.calls[0]?.args.raw).isWellFormed()).toBe(true);
  });

  it('of a provider that is unknown or not set up is refused', async () => {
    const outside = fakeOutside({}, { noVnpay: true });
    const call = (name: string) => handle(outside.deps)(new Request(`http://x/payment-webhooks/${name}?a=1`));
    expect((await errorOf(await call('paypal'))).code).toBe('not_found');
    expect((await errorOf(await call('vnpay'))).code).toBe('provider_not_configured');
    expect((await call('constructor')).status).toBe(404);
  });
});

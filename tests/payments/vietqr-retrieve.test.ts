import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { vietqrConfig } from '../../supabase/functions/_shared/payments/vietqr/config.ts';
import { createVietqr } from '../../supabase/functions/_shared/payments/vietqr/index.ts';
import { construct, nextReference, type Rig, rateLimited, startRig } from './sandbox.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig('vietqr');
});
afterAll(() => rig.close());
beforeEach(() => {
  rig.received.length = 0;
});

const attempt = (reference: string) => ({ reference, amount: 1_500_000, currency: 'VND', providerData: {} });
const retrieve = (reference: string) => rig.provider.retrieve(attempt(reference));

/** The wrapper, with another feed than the sandbox's. */
function withFeed(feed: typeof fetch) {
  const config = vietqrConfig(rig.env);
  if (config === null) throw new Error('the rig has no settings');
  return createVietqr(config, { fetch: feed, now: Date.now });
}

describe('asking the bank feed', () => {
  it('brings the same reports, under the same event ids, as the notifications that never came', async () => {
    const { qrPayload, reference } = await rig.checkout();
    await rig.pay({ qr: qrPayload, amount: 1_000_000, messageChange: 'broken', notify: { never: true } });
    await rig.pay({ qr: qrPayload, amount: 500_000, messageChange: 'lower_case', notify: { never: true } });
    const found = await retrieve(reference);
    await rig.post('/vietqr/api/notify', { reference });
    const events = await Promise.all(rig.received.map((one) => construct(rig, one)));
    const reports = events.map((constructed) =>
      constructed.verified && constructed.event.kind === 'payment' ? constructed.event.report : null,
    );
    expect(reports).toHaveLength(2);
    expect(found).toEqual({ kind: 'reports', reports: expect.arrayContaining(reports) });
    expect(found).toMatchObject({ reports: { length: 2 } });
  });

  it('finds nothing before the money came, and while it is on its way', async () => {
    const { qrPayload, reference } = await rig.checkout();
    const nothing = { kind: 'not_found', signed: true };
    expect(await retrieve(reference)).toEqual(nothing);
    await rig.pay({ qr: qrPayload, outcome: 'cancel' });
    await rig.pay({ qr: qrPayload, outcome: 'pending' });
    expect(await retrieve(reference)).toEqual(nothing);
    await rig.pay({ reference, again: true, notify: { never: true } });
    expect(await retrieve(reference)).toMatchObject({ kind: 'reports' });
  });

  it('finds less and more than was asked for', async () => {
    const { qrPayload, reference } = await rig.checkout();
    await rig.pay({ qr: qrPayload, amount: 1, notify: { never: true } });
    await rig.pay({ qr: qrPayload, amount: 99_000_000, notify: { never: true } });
    const found = await retrieve(reference);
    const amounts = found.kind === 'reports' ? found.reports.map(({ amount }) => amount) : [];
    expect(amounts.toSorted((a, b) => a - b)).toEqual([1, 99_000_000]);
  });

  it('finds neither other money, nor money with two references, nor money that left', async () => {
    const { reference } = await rig.checkout();
    const other = nextReference();
    const silent = { amount: 1_500_000, notify: { never: true } };
    await rig.pay({ ...silent, reference: other });
    await rig.pay({ ...silent, reference, message: `${reference} ${other}` });
    await rig.pay({ ...silent, reference, messageChange: 'lost' });
    await rig.pay({ ...silent, reference, outcome: 'out' });
    expect(await retrieve(reference)).toEqual({ kind: 'not_found', signed: true });
  });

  it('gets the time to wait at its fourth call in a second', async () => {
    await rig.post('/vietqr/api/settings', { throttleMs: 60_000 });
    try {
      const reference = nextReference();
      const answers = [];
      for (let i = 0; i < 3; i += 1) answers.push(await retrieve(reference));
      expect(answers).toEqual(Array(3).fill({ kind: 'not_found', signed: true }));
      // as SePay says in a header of its own
      await expect(retrieve(reference)).rejects.toThrow(rateLimited('vietqr', 1));
    } finally {
      await rig.post('/vietqr/api/settings', { throttleMs: 0 });
    }
  });

  it('learns nothing with a wrong token, to which API v1 answers an empty list', async () => {
    const config = vietqrConfig(rig.env);
    expect(config).not.toBeNull();
    if (config === null) return;
    const stranger = createVietqr({ ...config, apiToken: 'another' });
    const silence = expect.objectContaining({ code: 'provider_unavailable' });
    await expect(stranger.retrieve(attempt(nextReference()))).rejects.toThrow(silence);
    const down = createVietqr({ ...config, apiUrl: 'http://127.0.0.1:9' });
    await expect(down.retrieve(attempt(nextReference()))).rejects.toThrow(silence);
  });

  it('asks for our account, from the hour before the day of the attempt, whatever the amount', async () => {
    const urls: URL[] = [];
    let authorization: string | null = null;
    const provider = withFeed(async (url, init) => {
      urls.push(new URL(String(url)));
      authorization = new Headers(init?.headers).get('authorization');
      return Response.json({ status: 200, transactions: [] });
    });
    await provider.retrieve(attempt('J26030100000042'));
    expect(urls[0]?.pathname).toBe('/vietqr/userapi/transactions/list');
    expect(Object.fromEntries(urls[0]?.searchParams ?? [])).toEqual({
      account_number: '0123456789',
      transaction_date_min: '2026-02-28 23:00:00',
      limit: '5000',
    });
    expect(authorization).toBe('Bearer LOCALSANDBOXSEPAYTOKENLOCALSANDB');
  });
});

describe('the list', () => {
  const reference = 'J26112100000042';
  // The example of SePay's guide, https://developer.sepay.vn/en/sepay-api/api-giao-dich, to our account
  const row = {
    id: '49682',
    bank_brand_name: 'Vietcombank',
    account_number: '0123456789',
    transaction_date: '2023-05-05 19:59:48',
    amount_out: '0.00',
    amount_in: '18067000.00',
    accumulated: '1200541768.00',
    transaction_content: `DUONG THUY ANH chuyen tien ${reference}`,
    reference_number: '677760.050523.080001',
    code: null,
    sub_account: 'VCB0011ABC004',
    bank_account_id: '19',
  };
  const list = (transactions: unknown, changes: Record<string, unknown> = {}, status = 200) =>
    withFeed(async () =>
      Response.json(
        { status: 200, error: null, messages: { success: true }, transactions, ...changes },
        { status },
      ),
    ).retrieve(attempt(reference));
  const report = { transactionId: '49682', amount: 18_067_000, reference };

  it('is read as the guide prints it', async () => {
    expect(await list([row])).toMatchObject({
      kind: 'reports',
      reports: [{ ...report, outcome: 'succeeded', eventId: `${reference}:49682:succeeded:18067000` }],
    });
  });

  it('may write numbers as numbers, and name the reference in the code alone', async () => {
    expect(await list([{ ...row, id: 49682, amount_in: 18067000 }])).toMatchObject({ reports: [report] });
    expect(await list([{ ...row, transaction_content: null, code: reference }])).toMatchObject({
      reports: [report],
    });
  });

  it('may list a transfer twice, which counts once', async () => {
    expect(await list([row, row])).toMatchObject({ reports: { length: 1 } });
  });

  it.each([
    ['another account', { account_number: '9999999999' }],
    ['another reference', { transaction_content: 'J26112100000043' }],
    ['no message', { transaction_content: null }],
    ['money that left', { amount_in: '0.00', amount_out: '18067000.00' }],
  ])('with %s has no money for this attempt', async (_what, changes) => {
    expect(await list([{ ...row, ...changes }, null, 'x'])).toEqual({ kind: 'not_found', signed: true });
  });

  it.each([
    ['a sum with a fraction', { amount_in: '18067000.50' }],
    ['a negative sum', { amount_in: '-18067000.00' }],
    ['no sum', { amount_in: null }],
    ['a sum with separators', { amount_in: '18,067,000.00' }],
    ['no number', { id: null }],
    ['a number of API v2', { id: '07ad3dc9-0000-4000-8000-0afffe87053b' }],
  ])('with %s in a transfer of ours proves nothing', async (_what, changes) => {
    const malformed = { kind: 'no_information', reason: 'malformed' };
    expect(await list([row, { ...row, ...changes }])).toEqual(malformed);
    // in a transfer of others it is none of our business
    const others = { ...row, ...changes, transaction_content: 'mua iphone' };
    expect(await list([row, others])).toMatchObject({ kind: 'reports', reports: [report] });
  });

  it('that is full proves nothing about transfers that are missing from it', async () => {
    const others = Array.from({ length: 5_000 }, (_, i) => ({
      ...row,
      id: String(i + 1),
      transaction_content: '',
    }));
    expect(await list(others)).toEqual({ kind: 'no_information', reason: 'list_full' });
    expect(await list([...others.slice(1), row])).toMatchObject({ reports: [report] });
    expect(await list(others.slice(1))).toEqual({ kind: 'not_found', signed: true });
  });

  it.each([
    ['no list', () => list(undefined), { kind: 'no_information', reason: 'malformed' }],
    ['a list that is none', () => list({ 0: row }), { kind: 'no_information', reason: 'malformed' }],
    ['another status', () => list([row], { status: 500 }), { kind: 'no_information', reason: 'malformed' }],
    ['HTTP 401', () => list([row], {}, 401), { kind: 'no_information', reason: 'http_401' }],
    ['HTTP 404', () => list([], {}, 404), { kind: 'no_information', reason: 'http_404' }],
    ['HTTP 503', () => list([], {}, 503), { kind: 'try_later', reason: '503' }],
  ])('that comes as %s proves nothing', async (_what, ask, expected) => {
    expect(await ask()).toEqual(expected);
  });

  it('that comes as HTTP 429 is a rate limit of SePay', async () => {
    await expect(list([], {}, 429)).rejects.toThrow(rateLimited('vietqr'));
  });
});

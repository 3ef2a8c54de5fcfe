import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hmac, resultText } from '../../local/sandbox/momo/sign.ts';
import { createMomo } from '../../supabase/functions/_shared/payments/momo/index.ts';

const config = {
  partnerCode: 'MOMOX',
  accessKey: 'ACCESS',
  secretKey: 'a secret',
  apiUrl: 'https://x.example',
};
const momo = createMomo(config);

const genuine: Record<string, unknown> = {
  partnerCode: 'MOMOX',
  orderId: 'J26112000000001',
  requestId: 'J26112000000001',
  amount: 1_500_000,
  orderInfo: 'Thanh toan J26112000000001',
  orderType: 'momo_wallet',
  transId: 4_100_000_002,
  resultCode: 0,
  message: 'Giao dịch thành công.',
  payType: 'qr',
  responseTime: 1_795_000_000_000,
  extraData: '',
};

const sign = (facts: Record<string, unknown>) => ({
  ...facts,
  signature: hmac(config.secretKey, resultText(config, facts)),
});
const constructFrom = (body: string) =>
  momo.constructEvent({ method: 'POST', query: '', body, headers: new Headers() });
const constructSigned = (changes: Record<string, unknown>) =>
  constructFrom(JSON.stringify(sign({ ...genuine, ...changes })));

// null is signed as the empty text, and a number as its digits
const sameText = (value: unknown, signed: unknown): boolean =>
  (value === null || typeof value !== 'object') && String(value ?? '') === String(signed);

describe('a notification of any form', () => {
  it('is not verified and makes nothing throw', async () => {
    const forms = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc
        .dictionary(fc.constantFrom(...Object.keys(genuine), 'signature'), fc.jsonValue())
        .map((any) => JSON.stringify(any)),
      // a genuine one with one value replaced and the signature kept
      fc
        .tuple(fc.constantFrom(...Object.keys(genuine)), fc.jsonValue())
        .filter(([name, value]) => !sameText(value, genuine[name]))
        .map(([name, value]) => JSON.stringify({ ...sign(genuine), [name]: value })),
    );
    await fc.assert(
      fc.asyncProperty(forms, async (body) => {
        expect((await constructFrom(body)).verified).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('that is signed, with any values, is read or refused and never throws', async () => {
    const value = fc.oneof(fc.string(), fc.double(), fc.maxSafeInteger(), fc.constant(0), fc.nat());
    const changes = fc.dictionary(fc.constantFrom('amount', 'transId', 'resultCode', 'orderId'), value);
    await fc.assert(
      fc.asyncProperty(changes, async (any) => {
        const constructed = await constructSigned(any);
        if (!constructed.verified || constructed.event.kind !== 'payment') return;
        const { amount, outcome, transactionId, reference } = constructed.event.report;
        expect(Number.isSafeInteger(amount) && amount > 0).toBe(true);
        expect(outcome === 'succeeded').toBe(transactionId !== null);
        expect(reference).toMatch(/^[0-9A-Za-z][0-9A-Za-z._-]*$/);
      }),
      { numRuns: 500 },
    );
  });

  it('of any query string makes nothing throw', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (query) => {
        expect(await momo.readReturn(query)).toEqual({ status: 'unverified', reference: null });
      }),
    );
  });

  it.each(['', 'null', '[]', '"text"', '7', '{', '<html>'])('as %j is malformed', async (body) => {
    expect(await constructFrom(body)).toEqual({ verified: false, reason: 'malformed' });
  });

  it.each([
    ['{}', {}],
    ['no signature', genuine],
    ['an empty signature', { ...genuine, signature: '' }],
    ['a number for a signature', { ...genuine, signature: 7 }],
    ['a list for a signature', { ...genuine, signature: [sign(genuine).signature] }],
    ['half a signature', { ...genuine, signature: sign(genuine).signature.slice(0, 32) }],
  ])('with %s is not signed', async (_what, facts) => {
    expect(await constructFrom(JSON.stringify(facts))).toEqual({ verified: false, reason: 'bad_signature' });
  });

  it('is verified with an upper-case signature, and whatever unsigned fields stand beside', async () => {
    const facts = sign(genuine);
    const upperCase = { ...facts, signature: facts.signature.toUpperCase(), userFee: 0, promotionInfo: [{}] };
    expect(await constructFrom(JSON.stringify(upperCase))).toMatchObject({ verified: true });
  });
});

describe('a signed notification', () => {
  it('is read strictly', async () => {
    expect(await constructSigned({})).toEqual({
      verified: true,
      event: {
        kind: 'payment',
        report: {
          outcome: 'succeeded',
          reference: 'J26112000000001',
          amount: 1_500_000,
          currency: 'VND',
          transactionId: '4100000002',
          failureCode: null,
          eventId: 'J26112000000001:4100000002:succeeded:1500000',
        },
      },
    });
  });

  it.each([
    ['a broken amount', { amount: 1500.5 }],
    ['no amount', { amount: 0 }],
    ['a negative amount', { amount: -1000 }],
    ['an amount with zeros in front', { amount: '01500000' }],
    ['an amount in words', { amount: '1,500,000' }],
    ['an amount beyond counting', { amount: '99999999999999999999' }],
    ['a success without a number', { transId: 0 }],
    ['a success with an odd number', { transId: 'x' }],
    ['no result', { resultCode: '' }],
    ['an odd result', { resultCode: '0x0' }],
    ['a negative result', { resultCode: -1 }],
    ['no order', { orderId: '' }],
    ['a number for an order', { orderId: 26112000000001 }],
    ['an order of odd characters', { orderId: 'J1&partnerCode=X' }],
    ['no merchant', { partnerCode: '' }],
  ])('with %s is genuine and unreadable', async (_what, changes) => {
    expect(await constructSigned(changes)).toMatchObject({ verified: true, event: { kind: 'unreadable' } });
  });

  it('that is unreadable names its attempt where it can, and is one message however often it comes', async () => {
    const [once, again] = [await constructSigned({ transId: 0 }), await constructSigned({ transId: 0 })];
    expect(once).toMatchObject({ event: { reference: 'J26112000000001' } });
    expect(again).toEqual(once);
    expect(await constructSigned({ transId: 'x' })).not.toEqual(once);
    expect(await constructSigned({ orderId: 'J1&partnerCode=X' })).toMatchObject({
      event: { reference: null },
    });
  });

  it('about another merchant is foreign, whatever else it says', async () => {
    expect(await constructSigned({ partnerCode: 'MOMOY', amount: -1 })).toEqual({
      verified: false,
      reason: 'foreign_merchant',
    });
  });

  it.each([
    [0, 'succeeded'],
    [9000, 'succeeded'],
    [1000, 'pending'],
    [7000, 'pending'],
    [7002, 'pending'],
    [99, 'failed'],
    [1001, 'failed'],
    [1002, 'failed'],
    [1003, 'failed'],
    [1004, 'failed'],
    [1005, 'failed'],
    [1006, 'failed'],
    [1007, 'failed'],
    [1017, 'failed'],
    [1026, 'failed'],
    [4001, 'failed'],
    [4100, 'failed'],
  ])('with result %i says that the payment has %s', async (resultCode, outcome) => {
    expect(await constructSigned({ resultCode })).toMatchObject({
      verified: true,
      event: { report: { outcome, failureCode: outcome === 'failed' ? String(resultCode) : null } },
    });
  });

  it('about a refund is never money that came in', async () => {
    const orderId = `J26112000000001-R${'0a'.repeat(12)}`;
    expect(await constructSigned({ orderId })).toMatchObject({ verified: true, event: { kind: 'ignored' } });
  });

  it('in a return address with a repeated parameter is not verified', async () => {
    const pairs = Object.entries(sign(genuine)).map(([name, value]) => [name, String(value)]);
    const query = new URLSearchParams(pairs).toString();
    expect(await momo.readReturn(`to=journey%3A%2F%2Fpaid&${query}`)).toMatchObject({ status: 'succeeded' });
    expect(await momo.readReturn(`${query}&amount=1`)).toMatchObject({ status: 'unverified' });
    expect(await momo.readReturn(`${query}&signature=`)).toMatchObject({ status: 'unverified' });
  });
});

describe('an answer of any form', () => {
  const input = { reference: 'J26112000000001', amount: 1_500_000, currency: 'VND', providerData: {} };
  const refund = { refundAmount: 1_000, requestKey: 'x', transactionId: '7', refundId: null, orderedAt: 0 };
  const known = {
    partnerCode: 'MOMOX',
    orderId: input.reference,
    amount: input.amount,
    resultCode: 0,
    transId: 7,
  };

  it('gives no result that MoMo did not send, and fails only with an error that the caller knows', async () => {
    const names = fc.constantFrom(...Object.keys(known), 'payUrl', 'message', 'refundTrans', 'requestId');
    const body = fc.dictionary(names, fc.jsonValue()).map((any) => ({ ...known, ...any }));
    await fc.assert(
      fc.asyncProperty(body, async (any) => {
        const outside = { fetch: async () => Response.json(any), now: Date.now };
        const asked = createMomo(config, outside);
        const found = await asked.retrieve(input);
        if (found.kind === 'reports') expect(found.reports[0]?.reference).toBe(input.reference);
        for (const call of [asked.refund, asked.retrieveRefund]) {
          const result = await call({ ...input, ...refund });
          expect(result.known && result.status === 'succeeded').toBe(false);
        }
        const order = {
          ...input,
          createdAt: 0,
          expiresAt: 0,
          description: 'x',
          locale: 'vi',
          clientIp: '',
        } as const;
        const made = asked.create({
          ...order,
          returnUrl: 'https://x.example/r',
          webhookUrl: 'https://x.example/n',
        });
        await expect(made).rejects.toThrow(
          expect.objectContaining({
            code: expect.stringMatching(
              /^(provider_unavailable|provider_not_configured|payment_start_again)$/,
            ),
          }),
        );
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sandboxMerchants } from '../../local/sandbox/merchants.ts';
import { dataText, hmac } from '../../local/sandbox/payos/sign.ts';
import { createPayos } from '../../supabase/functions/_shared/payments/payos/index.ts';
import type { ConstructedEvent } from '../../supabase/functions/_shared/payments/provider.ts';

const provider = createPayos({
  ...sandboxMerchants.payos,
  apiUrl: 'http://127.0.0.1:9',
  linksUrl: null,
});

/** The wrapper's reading of any body. */
function read(body: string): Promise<ConstructedEvent> {
  return provider.constructEvent({ method: 'POST', query: '', body, headers: new Headers() });
}

/** A message as PayOS would sign it, whatever is in it. */
function signed(data: object, envelope: object = { code: '00', desc: 'success', success: true }): string {
  const signature = hmac(sandboxMerchants.payos.checksumKey, dataText(data));
  return JSON.stringify({ ...envelope, data, signature });
}

const data = {
  orderCode: 26112100000042,
  amount: 1_500_000,
  description: 'CS7K2 J00000042',
  accountNumber: 'VQRQ000000001',
  reference: 'FT23040002',
  transactionDateTime: '2026-11-21 09:00:00',
  currency: 'VND',
  paymentLinkId: 'abc',
  code: '00',
  desc: 'success',
};
const paid = {
  kind: 'payment',
  report: {
    outcome: 'succeeded',
    reference: 'J26112100000042',
    amount: 1_500_000,
    currency: 'VND',
    transactionId: 'FT23040002',
    failureCode: null,
    eventId: 'J26112100000042:FT23040002:succeeded:1500000',
  },
};

describe('what counts', () => {
  it('is the signed code inside, and not the unsigned one around it', async () => {
    expect(await read(signed(data, { code: '99', success: false }))).toEqual({ verified: true, event: paid });
    expect(await read(signed({ ...data, code: '01' }, { code: '00', success: true }))).toEqual({
      verified: true,
      event: {
        kind: 'payment',
        report: {
          ...paid.report,
          outcome: 'failed',
          failureCode: '01',
          eventId: 'J26112100000042:FT23040002:failed:1500000',
        },
      },
    });
  });

  it('includes money of orders that cannot be ours, without a reference', async () => {
    for (const orderCode of [7, 123, 9_007_199_254_740_991]) {
      expect(await read(signed({ ...data, orderCode }))).toMatchObject({
        verified: true,
        event: {
          kind: 'payment',
          report: { reference: null, eventId: `${orderCode}:FT23040002:succeeded:1500000` },
        },
      });
    }
  });

  it('accepts an upper-case signature, and unknown fields, which are signed too', async () => {
    const loud = JSON.parse(signed(data));
    const shouted = JSON.stringify({ ...loud, signature: loud.signature.toUpperCase() });
    expect(await read(shouted)).toEqual({ verified: true, event: paid });
    const grown = {
      ...data,
      traceId: 'x=1&y',
      fees: [{ b: null, a: 0 }],
      inner: { a: 1 },
      virtualAccountName: null,
    };
    expect(await read(signed(grown))).toEqual({ verified: true, event: paid });
    const changed = JSON.stringify({ ...JSON.parse(signed(grown)), data: { ...grown, traceId: 'y' } });
    expect(await read(changed)).toEqual({ verified: false, reason: 'bad_signature' });
  });
});

describe('a transfer to the account that the bank feed reads too', () => {
  const feed = '1029384756';
  const shared = createPayos({
    ...sandboxMerchants.payos,
    apiUrl: 'http://127.0.0.1:9',
    linksUrl: null,
    feedAccount: feed,
  });
  const readShared = (changes: object) =>
    shared.constructEvent({
      method: 'POST',
      query: '',
      body: signed({ ...data, ...changes }),
      headers: new Headers(),
    });

  it('pays, and an admin is shown once a day that its money is booked twice', async () => {
    const first = await readShared({ accountNumber: feed });
    expect(first).toMatchObject({
      verified: true,
      event: { report: { ...paid.report, needsReview: /booked twice/, reviewId: 'one_account:2026-11-21' } },
    });
    const other = await readShared({ accountNumber: feed, reference: 'FT23040003' });
    expect(other).toMatchObject({ event: { report: { reviewId: 'one_account:2026-11-21' } } });
  });

  it('is nothing to look at when the accounts differ, or when there is no feed', async () => {
    expect(await readShared({})).toEqual({ verified: true, event: paid });
    expect(await read(signed({ ...data, accountNumber: feed }))).toEqual({ verified: true, event: paid });
  });
});

describe('a message that is not whole', () => {
  const broken: [string, object][] = [
    ['an order that is text', { orderCode: '26112100000042' }],
    ['an order that is no whole number', { orderCode: 1.5 }],
    ['an order too large to be exact', { orderCode: 2 ** 53 }],
    ['an amount that is text', { amount: '1500000' }],
    ['an amount with a fraction', { amount: 1500000.5 }],
    ['a negative amount', { amount: -1 }],
    ['a success of nothing', { amount: 0 }],
    ['no bank reference', { reference: '' }],
    ['a bank reference that is an object', { reference: { toString: 1 } }],
    [
      'a sample with an object for a reference',
      { orderCode: 123, amount: 3000, reference: { a: 1 }, code: 0 },
    ],
    ['no code', { code: null }],
    ['a code that is a number', { code: 0 }],
    ['no currency', { currency: '' }],
    ['a currency in words', { currency: 'đồng' }],
  ];

  it.each(broken)('with %s is genuine and unreadable, signed as it is', async (_what, changes) => {
    expect(await read(signed({ ...data, ...changes }))).toMatchObject({
      verified: true,
      event: { kind: 'unreadable' },
    });
  });

  it.each([
    ['', 'malformed'],
    ['{', 'malformed'],
    ['null', 'malformed'],
    ['[]', 'malformed'],
    ['"text"', 'malformed'],
    ['{"data":null,"signature":"ff"}', 'malformed'],
    ['{"data":[],"signature":"ff"}', 'malformed'],
    ['{"data":{}}', 'bad_signature'],
    ['{"data":{},"signature":""}', 'bad_signature'],
    ['{"data":{},"signature":17}', 'bad_signature'],
    ['{"data":{"a":{"toString":null}},"signature":"ff"}', 'bad_signature'],
    [`{"data":{"a":${'['.repeat(60_000)}${']'.repeat(60_000)}},"signature":"ff"}`, undefined],
  ])('such as %.40s is refused without a throw', async (body, reason) => {
    const constructed = await read(body);
    expect(constructed.verified).toBe(false);
    if (reason) expect(constructed).toEqual({ verified: false, reason });
  });

  it('is never verified and never throws, whatever a stranger sends', async () => {
    const json = fc.json({ maxDepth: 4 });
    const shaped = fc
      .record({
        code: fc.anything(),
        data: fc.dictionary(fc.string(), fc.jsonValue()),
        signature: fc.jsonValue(),
      })
      .map((message) =>
        JSON.stringify(message, (_key, value) => (typeof value === 'bigint' ? `${value}` : value)),
      );
    const flipped = fc.nat({ max: signed(data).length - 1 }).map((at) => {
      const text = signed(data);
      return `${text.slice(0, at)}${String.fromCharCode(text.charCodeAt(at) ^ 1)}${text.slice(at + 1)}`;
    });
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), json, shaped), async (body) => {
        expect((await read(body)).verified).toBe(false);
      }),
    );
    await fc.assert(
      fc.asyncProperty(flipped, async (body) => {
        const constructed = await read(body);
        // what is outside the signature may change without harm; then the event is the same
        if (constructed.verified) expect(constructed.event).toEqual(paid);
      }),
    );
  });

  it('says nothing in the return address either, because nobody signs it', async () => {
    const query = 'code=00&id=abc&cancel=false&status=PAID&orderCode=26112100000042';
    expect(await provider.readReturn(query)).toEqual({ status: 'unverified', reference: null });
  });
});

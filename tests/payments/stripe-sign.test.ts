import fc from 'fast-check';
import Stripe from 'stripe';
import { describe, expect, it } from 'vitest';
import { hmac, signatureHeader } from '../../local/sandbox/stripe/sign.ts';
import { createStripe } from '../../supabase/functions/_shared/payments/stripe/index.ts';

const secret = 'whsec_of_nobody_at_all';
const now = Date.UTC(2026, 10, 21, 3, 0, 0);
const timestamp = now / 1000;
const config = { secretKey: 'sk_test_x', webhookSecret: secret, apiUrl: 'http://127.0.0.1:9', live: false };
const provider = createStripe(config, { fetch, now: () => now });

const event = {
  id: 'evt_1',
  object: 'event',
  type: 'customer.created',
  livemode: false,
  data: { object: { id: 'cus_1', object: 'customer' } },
};
const body = JSON.stringify(event);

function construct(text: string, header?: string) {
  const headers = new Headers(header === undefined ? {} : { 'stripe-signature': header });
  return provider.constructEvent({ method: 'POST', query: '', body: text, headers });
}

describe('HMAC-SHA256', () => {
  // test/crypto/helpers.ts of stripe-node, whose secret is test_secret
  it.each([
    ['', 'f7f9bd47fb987337b5796fdc1fdb9ba221d0d5396814bfcaf9521f43fd8927fd'],
    ['{"obj1":"hello","obj2":"world"}', 'bebb1a643997f419b315ddba19e6f5411e1ce7f810ba6d3617ce72823092f363'],
    ['\u{1F600}', '837da296d05c4fe31f61d5d7ead035099d9585a5bcde87de952012a78f0b0c43'],
  ])(
    'of Stripe’s own test vector %j is the same in the sandbox and in the package',
    async (text, expected) => {
      expect(hmac('test_secret', text)).toBe(expected);
      const webCrypto = Stripe.createSubtleCryptoProvider();
      expect(await webCrypto.computeHMACSignatureAsync(text, 'test_secret')).toBe(expected);
    },
  );

  it('is the same on both sides for any text and any secret', async () => {
    const webhookSecret = fc.stringMatching(/^whsec_[A-Za-z0-9]{1,40}$/);
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme' }), webhookSecret, async (text, anySecret) => {
        const some = JSON.stringify({ ...event, data: { object: { text } } });
        const stripes = createStripe({ ...config, webhookSecret: anySecret }, { fetch, now: () => now });
        const header = signatureHeader(some, { secret: anySecret, timestamp });
        const request = { method: 'POST', query: '', body: some };
        const found = await stripes.constructEvent({
          ...request,
          headers: new Headers({ 'stripe-signature': header }),
        });
        expect(found).toMatchObject({ verified: true });
        const theirs = await Stripe.webhooks.generateTestHeaderStringAsync({
          payload: some,
          secret: anySecret,
          timestamp,
          cryptoProvider: Stripe.createSubtleCryptoProvider(),
        });
        expect(header).toContain(theirs);
      }),
      { numRuns: 100 },
    );
  });
});

describe('a signature', () => {
  const good = hmac(secret, `${timestamp}.${body}`);
  const old = hmac('whsec_old', `${timestamp}.${body}`);

  it('is one of those in the header, in any place, whatever v0 says', async () => {
    for (const header of [
      `t=${timestamp},v1=${good}`,
      `t=${timestamp},v1=${old},v1=${good}`,
      `v1=${good},t=${timestamp},v0=${old}`,
      `t=${timestamp},v2=x,v1=${good}`,
    ]) {
      expect(await construct(body, header)).toMatchObject({ verified: true });
    }
  });

  it.each([
    ['none', undefined],
    ['an empty one', ''],
    ['one without a time', `v1=${good}`],
    ['another time', `t=${timestamp + 1},v1=${good}`],
    ['no v1', `t=${timestamp},v0=${good}`],
    ['one of another secret only', `t=${timestamp},v1=${old}`],
    ['a shortened one', `t=${timestamp},v1=${good.slice(0, 62)}`],
    ['a longer one', `t=${timestamp},v1=${good}00`],
    ['a spaced one', `t=${timestamp}, v1=${good}`],
  ])('is refused with %s', async (_what, header) => {
    expect(await construct(body, header)).toEqual({ verified: false, reason: 'bad_signature' });
  });

  it('may be five minutes old and no older', async () => {
    const signedAt = (at: number) => construct(body, signatureHeader(body, { secret, timestamp: at }));
    expect(await signedAt(timestamp - 300)).toMatchObject({ verified: true });
    expect(await signedAt(timestamp - 301)).toEqual({ verified: false, reason: 'bad_signature' });
  });

  it('is over the bytes as they came', async () => {
    const header = signatureHeader(body, { secret, timestamp });
    for (const other of [JSON.stringify(event, null, 2), `${body}\n`, body.replace('cus_1', 'cus_2'), '']) {
      expect(await construct(other, header)).toEqual({ verified: false, reason: 'bad_signature' });
    }
  });
});

describe('what a sender writes', () => {
  const signed = (text: string) => construct(text, signatureHeader(text, { secret, timestamp }));

  it('never throws, and is never verified without a signature', async () => {
    const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.json());
    const header = fc.oneof(
      fc.stringMatching(/^[ -~]{0,60}$/),
      fc.stringMatching(/^(t=[0-9a-z]{0,12},?|v1=?[0-9a-f]{0,64},?|v0=?x?,?|,|=){0,6}$/),
    );
    await fc.assert(
      fc.asyncProperty(anything, header, async (text, sent) => {
        expect((await construct(text, sent)).verified).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it('never throws when it is signed, and is an event or unreadable', async () => {
    const types = fc.constantFrom(
      'checkout.session.completed',
      'refund.updated',
      'charge.dispute.created',
      'customer.created',
    );
    const almost = fc.record({ type: types, data: fc.record({ object: fc.object() }) });
    const text = fc.oneof(
      fc.json(),
      fc.constantFrom('', 'null', '[]', '{', '"x"', '1e999', '{"object":"v2.core.event"}'),
      almost.map((part) => JSON.stringify({ ...event, ...part })),
    );
    await fc.assert(
      fc.asyncProperty(text, async (sent) => {
        const found = await signed(sent);
        if (!found.verified) expect([sent, found.reason]).toEqual(['', 'bad_signature']);
        else if (found.event.kind === 'ignored') expect(found.event.eventId).toBe('evt_1');
        else expect(found.event.kind).toBe('unreadable');
      }),
      { numRuns: 300 },
    );
  });
});

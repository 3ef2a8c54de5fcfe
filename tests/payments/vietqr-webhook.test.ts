import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signedHeaders } from '../../local/sandbox/vietqr/sign.ts';
import { createSigner } from '../../supabase/functions/_shared/payments/hmac.ts';
import { createVietqr } from '../../supabase/functions/_shared/payments/vietqr/index.ts';

const secret = 'a secret of nobody';
const now = 1_700_000_000_000;
const ours = 'J26112100000042';
const provider = createVietqr(
  {
    bankBin: '970436',
    accountNumber: '0123499999',
    accountName: 'CONG TY JOURNEY',
    webhookSecret: secret,
    apiToken: 'a token of nobody',
    apiUrl: 'http://127.0.0.1:9',
  },
  { fetch, now: () => now },
);

// The example of SePay's guide, https://docs.sepay.vn/tich-hop-webhooks.html, as public repositories quote it
const example = {
  id: 92704,
  gateway: 'Vietcombank',
  transactionDate: '2023-03-25 14:02:37',
  accountNumber: '0123499999',
  code: null,
  content: 'chuyen tien mua iphone',
  transferType: 'in',
  transferAmount: 2277000,
  accumulated: 19077000,
  subAccount: null,
  referenceCode: 'MBVCB.3278907687',
  description: '',
};

function read(body: string, headers: Record<string, string>) {
  return provider.constructEvent({ method: 'POST', query: '', body, headers: new Headers(headers) });
}

/** Signed by the sandbox, which shares no code with the wrapper. */
function constructFrom(body: unknown, signedAt = now) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return read(text, signedHeaders(text, secret, signedAt));
}

describe('the signature', () => {
  it('is HMAC-SHA256 of timestamp, dot and body, as openssl computes it', async () => {
    const body = '{"id":92704}';
    const hex = 'e01281ee39eb4c44f51750bddc3df70b084b1d81fceef2447b969b7c63085be5';
    expect(signedHeaders(body, secret, now)).toMatchObject({
      'x-sepay-timestamp': '1700000000',
      'x-sepay-signature': `sha256=${hex}`,
    });
    expect(await createSigner(secret, 'SHA-256').sign(`1700000000.${body}`)).toBe(hex);
  });

  it('of the sandbox is the one the wrapper expects, for any text', async () => {
    const text = fc.string({ unit: 'grapheme' });
    await fc.assert(
      fc.asyncProperty(text, text, async (content, description) => {
        const body = JSON.stringify({ ...example, content, description });
        expect(await constructFrom(body)).toMatchObject({ verified: true });
      }),
    );
  });

  it('may be in upper-case hex', async () => {
    const body = JSON.stringify(example);
    const headers = signedHeaders(body, secret, now);
    const [, hex = ''] = headers['x-sepay-signature']?.split('=') ?? [];
    expect(
      await read(body, { ...headers, 'x-sepay-signature': `sha256=${hex.toUpperCase()}` }),
    ).toMatchObject({ verified: true });
  });

  it('is refused in any other form, over other bytes, and without its headers', async () => {
    const body = JSON.stringify(example);
    const headers = signedHeaders(body, secret, now);
    const signature = headers['x-sepay-signature'] ?? '';
    const refused = { verified: false, reason: 'bad_signature' };
    for (const wrong of [
      '',
      'sha256=',
      signature.slice('sha256='.length),
      signature.slice(0, -2),
      `${signature}00`,
      signature.replace('sha256=', 'sha512='),
      signature.replace(/.$/, (char) => (char === '0' ? '1' : '0')),
      `sha256=${'g'.repeat(64)}`,
    ]) {
      expect(await read(body, { ...headers, 'x-sepay-signature': wrong })).toEqual(refused);
    }
    // the same JSON, indented
    expect(await read(JSON.stringify(example, null, 2), headers)).toEqual(refused);
    expect(await read(`${body} `, headers)).toEqual(refused);
    expect(await read(body, { ...headers, 'x-sepay-timestamp': '1700000001' })).toEqual(refused);
    expect(await read(body, { 'x-sepay-signature': signature })).toEqual(refused);
    expect(await read(body, {})).toEqual(refused);
    // the key of SePay's other way to vouch for itself
    expect(await read(body, { authorization: `Apikey ${secret}` })).toEqual(refused);
    const other = signedHeaders(body, `${secret}X`, now);
    expect(await read(body, other)).toEqual(refused);
  });

  it('is good for five minutes, of clocks that are ahead too', async () => {
    const refused = { verified: false, reason: 'bad_signature' };
    expect(await constructFrom(example, now - 300_000)).toMatchObject({ verified: true });
    expect(await constructFrom(example, now + 300_000)).toMatchObject({ verified: true });
    expect(await constructFrom(example, now - 301_000)).toEqual(refused);
    expect(await constructFrom(example, now + 301_000)).toEqual(refused);
  });

  it.each(['', 'NaN', '-1700000000', '1700000000.0', '1.7e9', '0x6553f100', '17000000000000'])(
    'is refused with the timestamp %j, though it covers it',
    async (timestamp) => {
      const body = JSON.stringify(example);
      const hex = await createSigner(secret, 'SHA-256').sign(`${timestamp}.${body}`);
      const headers = { 'x-sepay-timestamp': timestamp, 'x-sepay-signature': `sha256=${hex}` };
      expect(await read(body, headers)).toEqual({ verified: false, reason: 'bad_signature' });
    },
  );
});

describe('a notification', () => {
  it('without a reference, such as the example of the guide, is money that names no attempt', async () => {
    expect(await constructFrom(example)).toEqual({
      verified: true,
      event: {
        kind: 'payment',
        report: {
          outcome: 'succeeded',
          reference: null,
          amount: 2_277_000,
          currency: 'VND',
          transactionId: '92704',
          failureCode: null,
          eventId: ':92704:succeeded:2277000',
        },
      },
    });
  });

  it.each([
    ['the message', { content: `MBVCB.3278907687.${ours}.CT tu 0071000888888` }],
    ['the code SePay found', { content: 'chuyen tien', code: ours }],
    ['both', { content: `thanh toan ${ours.toLowerCase()}`, code: ours }],
    ['the code alone, without a message', { content: null, code: ours }],
  ])('names our reference by %s', async (_what, changes) => {
    expect(await constructFrom({ ...example, ...changes })).toMatchObject({
      verified: true,
      event: { report: { reference: ours, eventId: `${ours}:92704:succeeded:2277000` } },
    });
  });

  it('with two references is money that names no attempt, for an admin to decide', async () => {
    const content = `${ours} J26112100000043`;
    expect(await constructFrom({ ...example, content })).toMatchObject({
      event: { report: { reference: null } },
    });
    expect(await constructFrom({ ...example, content: ours, code: 'J26112100000043' })).toMatchObject({
      event: { report: { reference: null } },
    });
  });

  it('of outgoing money is ignored', async () => {
    const event = { kind: 'ignored', eventId: 'out:92704', reason: 'outgoing' };
    const content = `hoan tien ${ours}`;
    expect(await constructFrom({ ...example, transferType: 'out', content })).toEqual({
      verified: true,
      event,
    });
  });

  it.each(['0123499998', '123499999', ' 0123499999', 123499999])(
    'about the account %j is not ours',
    async (accountNumber) => {
      const foreign = { verified: false, reason: 'foreign_merchant' };
      expect(await constructFrom({ ...example, accountNumber })).toEqual(foreign);
      expect(await constructFrom({ ...example, accountNumber, transferType: 'out' })).toEqual(foreign);
    },
  );

  it('from the button that sends a test is shown to an admin and books nothing', async () => {
    const content = 'Giao dich thu nghiem tu SePay';
    expect(await constructFrom({ ...example, content })).toMatchObject({
      verified: true,
      event: { kind: 'needs_review', reference: null },
    });
    // a message that names a booking pays for it, whatever else it says
    expect(await constructFrom({ ...example, content: `${content} ${ours}` })).toMatchObject({
      event: { kind: 'payment', report: { reference: ours } },
    });
  });

  it.each([
    ['no id', { id: undefined }],
    ['an id of null', { id: null }],
    ['an id of zero', { id: 0 }],
    ['a negative id', { id: -92704 }],
    ['a broken id', { id: 92704.5 }],
    ['an id beyond safe integers', { id: 2 ** 53 }],
    ['an id that is no number', { id: '92704:x' }],
    ['an id padded with zeros', { id: '092704' }],
    ['no amount', { transferAmount: undefined }],
    ['an amount of zero', { transferAmount: 0 }],
    ['a negative amount', { transferAmount: -1_000 }],
    ['a broken amount', { transferAmount: 1_000.5 }],
    ['an amount beyond safe integers', { transferAmount: 1e21 }],
    ['an amount as text', { transferAmount: '2277000' }],
    ['no direction', { transferType: undefined }],
    ['another direction', { transferType: 'IN' }],
    ['both directions', { transferType: ['in', 'out'] }],
    ['money that left without an id', { transferType: 'out', id: null }],
    ['no account', { accountNumber: undefined }],
  ])('with %s is genuine and unreadable', async (_what, changes) => {
    expect(await constructFrom({ ...example, ...changes })).toMatchObject({
      verified: true,
      event: { kind: 'unreadable' },
    });
  });

  it.each(['', 'null', '[]', '"text"', '7', '{', '<html>', '['.repeat(20_000)])(
    'whose body begins %.8j is genuine and unreadable',
    async (body) => {
      expect(await constructFrom(body)).toMatchObject({ verified: true, event: { kind: 'unreadable' } });
    },
  );

  it('with a message that is no text is still money', async () => {
    for (const content of [7, {}, ['J26112100000042'], true]) {
      expect(await constructFrom({ ...example, content })).toMatchObject({
        event: { report: { reference: null } },
      });
    }
  });

  it('of any kind, signed or not, never throws, and verifies only when it is signed', async () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary-ascii' }),
      fc.json(),
      fc
        .record(Object.fromEntries(Object.keys(example).map((key) => [key, fc.anything({ maxDepth: 1 })])), {
          requiredKeys: [],
        })
        .map((value) => JSON.stringify(value, (_key, one) => (typeof one === 'bigint' ? `${one}` : one))),
    );
    const header = fc.string({ unit: fc.constantFrom(...'sha256=0123456789abcdef.-'), maxLength: 80 });
    await fc.assert(
      fc.asyncProperty(anything, header, header, async (body, timestamp, signature) => {
        const headers = { 'x-sepay-timestamp': timestamp, 'x-sepay-signature': signature };
        expect(await read(body, headers)).toEqual({ verified: false, reason: 'bad_signature' });
        const found = await constructFrom(body);
        if (found.verified) expect(found.event.kind).toBe('unreadable');
        else expect(found.reason).toBe('foreign_merchant');
      }),
    );
  });
});

import { PayOS } from '@payos/node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as sandbox from '../../local/sandbox/payos/sign.ts';
import { createSigner } from '../../supabase/functions/_shared/payments/hmac.ts';
import { dataText, linkText, payoutText } from '../../supabase/functions/_shared/payments/payos/sign.ts';
import { constructEvent } from '../../supabase/functions/_shared/payments/payos/webhook.ts';

// From https://payos.vn/docs/tich-hop-webhook/kiem-tra-du-lieu-voi-signature/
const published = {
  key: '1a54716c8f0efb2744fb28b6e38b25da7f67a925d98bc1c18bd8faaecadd7675',
  data: {
    orderCode: 123,
    amount: 3000,
    description: 'VQRIO123',
    accountNumber: '12345678',
    reference: 'TF230204212323',
    transactionDateTime: '2023-02-04 18:25:00',
    currency: 'VND',
    paymentLinkId: '124c33293c43417ab7879e14c8d9eb18',
    code: '00',
    desc: 'Thành công',
    counterAccountBankId: '',
    counterAccountBankName: '',
    counterAccountName: '',
    counterAccountNumber: '',
    virtualAccountName: '',
    virtualAccountNumber: '',
  },
  signature: '412e915d2871504ed31be63c8f62a149a4410d34c4c42affc9006ef9917eaa03',
};

const key = 'a checksum key of nobody';
const signer = createSigner(key, 'SHA-256');
const library = new PayOS({ clientId: 'a', apiKey: 'b', checksumKey: key, logLevel: 'off' });
const transfer = {
  virtualAccountName: null,
  reference: 'FT25346',
  amount: 2000,
  description: 'CS7K2 J00000042',
  transactionDateTime: '2025-12-12T09:00:00+07:00',
};
const order = { id: 'x', orderCode: 26112100000042, amount: 2000, status: 'PAID', canceledAt: null };

// names of fields, and texts and numbers of every kind in them
const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,11}$/);
const leaf = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('null', 'undefined', '', 'a=b&c', '%20 +'),
  fc.maxSafeInteger(),
  fc.boolean(),
  fc.constant(null),
);
const flat = fc.dictionary(name, leaf, { noNullPrototype: true });
const data = fc.dictionary(name, fc.oneof(leaf, fc.array(flat)), { noNullPrototype: true });
const deep = fc.dictionary(
  name,
  fc.oneof(leaf, flat, fc.array(flat), fc.array(fc.string()), fc.array(fc.record({ inner: fc.array(flat) }))),
  { noNullPrototype: true },
);

describe('the signed text of notifications', () => {
  it("verifies the sample of PayOS's guide, which is no payment", async () => {
    const body = JSON.stringify({ code: '00', desc: 'success', success: true, ...published });
    const event = await constructEvent({ body }, createSigner(published.key, 'SHA-256'));
    expect(event).toEqual({
      verified: true,
      event: { kind: 'ignored', eventId: '123:TF230204212323:sample:3000', reason: 'sample' },
    });
  });

  it('is every field by name, nulls empty, objects of a list sorted', () => {
    expect(dataText({ b: null, a: 1, d: [{ z: 1, y: null }], c: 'x & y', e: { f: 1 }, g: 'null' })).toBe(
      'a=1&b=&c=x & y&d=[{"y":null,"z":1}]&e=[object Object]&g=',
    );
  });

  it("agrees with PayOS's own library and with the sandbox for any data", async () => {
    await fc.assert(
      fc.asyncProperty(data, async (fields) => {
        const signature = await signer.sign(dataText(fields));
        expect(signature).toBe(await library.crypto.createSignatureFromObj(fields, key));
        expect(signature).toBe(sandbox.hmac(key, sandbox.dataText(fields)));
      }),
    );
  });

  it('does not ask an object that a stranger wrote how to print it', () => {
    const body: Record<string, unknown> = JSON.parse(
      '{"a":{"toString":1},"__proto__":{"b":[{"__proto__":2}]}}',
    );
    expect(dataText(body)).toBe('__proto__=[object Object]&a=[object Object]');
  });
});

// From tests/crypto/testCases.json of github.com/payOSHQ/payos-lib-node, whose key is this.
describe('the examples of payOS for its own libraries', () => {
  const example = createSigner('test_checksum_key', 'SHA-256');
  const nothing = { canceledAt: null, cancellationReason: null };
  const link = { id: 'payment-link-id', orderCode: 0, amount: 2000, createdAt: '2025-12-12T09:00:00+07:00' };
  const incoming = {
    ...{ accountNumber: '0123456789', amount: 2000, counterAccountBankId: '01202001' },
    ...{ counterAccountBankName: null, counterAccountName: 'NGUYEN VAN A' },
    ...{ counterAccountNumber: '9876543210', description: 'TRANSACTION DESCRIPTION' },
    ...{ reference: 'FT-REFERENCE', transactionDateTime: '2025-12-12T09:00:00+07:00' },
    ...{ virtualAccountName: null, virtualAccountNumber: null },
  };
  const paid = { amountPaid: 2000, amountRemaining: 0, status: 'PAID', transactions: [incoming] };
  const pending = { amountPaid: 0, amountRemaining: 2000, status: 'PENDING', transactions: [] };
  const money = { referenceId: 'referenceId', amount: 2000, toBin: '970422', toAccountNumber: '0123456789' };
  const failed = {
    ...{ ...money, id: 'batchTxnId', description: 'batch payout', toAccountName: 'NGUYEN VAN A' },
    ...{ reference: null, transactionDatetime: null, errorMessage: 'error message' },
    ...{ errorCode: 'error code', state: 'FAILED' },
  };
  const batch = { id: 'batchId', referenceId: 'referenceId', transactions: [failed], category: null };
  const address = { cancelUrl: 'http://localhost', returnUrl: 'http://localhost' };

  it.each([
    [
      'a new link',
      linkText({ amount: 2000, description: 'Thanh toán đơn hàng', orderCode: 0, ...address }),
      'd8b7b0e5d19edfe7b1f53dedeb8d1c7c2b62fabd7eb320dbc514c58f13e9e2c5',
    ],
    [
      'a paid link',
      dataText({ ...link, ...paid, ...nothing }),
      '6af5e2c9a28256c140169ed624114b43295915d7b6e2fa6278b17a7c43aadefd',
    ],
    [
      'a pending link',
      dataText({ ...link, ...pending, ...nothing }),
      '33093364158b143baa9ecd2e705d9a2a5a5d391a3cab7cb0a371588b3731368f',
    ],
    [
      'a new payout',
      payoutText({ ...money, description: 'payout', category: ['salary', 'hoa'] }),
      '1bb7686b766bb5d164227a7d4d2e4d4ad241e4a7a91f61c75674c0af9cf90fca',
    ],
    [
      'a failed payout',
      payoutText({ ...batch, approvalState: 'FAILED', createdAt: '2025-12-12T09:00:00+07:00' }),
      '55ae218e7ad03a3a70067111cbe82e561be8994df037a990e56d20cca88c252e',
    ],
  ])('are valid for %s', async (_what, text, signature) => {
    expect(await example.sign(text)).toBe(signature);
  });
});

describe('the signed text of answers', () => {
  it('covers the transfers of an order', async () => {
    const fields = { ...order, transactions: [transfer, { ...transfer, reference: 'FT25347' }] };
    const expected = await library.crypto.createSignatureFromObj(fields, key);
    expect(await signer.sign(dataText(fields))).toBe(expected);
    const changed = { ...fields, transactions: [transfer] };
    expect(await signer.verify(dataText(changed), expected ?? '')).toBe(false);
  });
});

describe('the signed text of a new link', () => {
  it("is five raw fields, as PayOS's own library and the sandbox have it", async () => {
    const text = fc.string({ unit: 'grapheme' });
    const link = fc.record({
      amount: fc.nat(),
      cancelUrl: text,
      description: text,
      orderCode: fc.maxSafeInteger(),
      returnUrl: text,
    });
    await fc.assert(
      fc.asyncProperty(link, async (request) => {
        const signature = await signer.sign(linkText(request));
        expect(signature).toBe(await library.crypto.createSignatureOfPaymentRequest(request, key));
        expect(signature).toBe(sandbox.hmac(key, sandbox.linkText({ ...request, buyerName: 'unsigned' })));
      }),
    );
  });
});

describe('the signed text of payouts', () => {
  const payout = {
    referenceId: 'P1',
    amount: 2000,
    description: 'Tra tien (J1)',
    toBin: '970422',
    toAccountNumber: '0123456789',
  };

  it('is sorted and url-encoded, which is another rule than that of notifications', () => {
    expect(payoutText(payout)).toBe(
      'amount=2000&description=Tra%20tien%20(J1)&referenceId=P1&toAccountNumber=0123456789&toBin=970422',
    );
    expect(payoutText({ b: [{ d: 1, c: [{ f: null, e: 2 }] }], a: null })).toBe(
      `a=&b=${encodeURIComponent('[{"c":[{"e":2,"f":null}],"d":1}]')}`,
    );
  });

  it("agrees with PayOS's own library and with the sandbox for any message", async () => {
    await fc.assert(
      fc.asyncProperty(deep, async (message) => {
        const signature = await signer.sign(payoutText(message));
        expect(signature).toBe(await library.crypto.createSignature(key, message));
        expect(signature).toBe(sandbox.hmac(key, sandbox.payoutText(message)));
      }),
    );
  });

  it('does not throw on half of a surrogate pair', () => {
    expect(payoutText({ a: '\ud800' })).toBe('a=%EF%BF%BD');
  });
});

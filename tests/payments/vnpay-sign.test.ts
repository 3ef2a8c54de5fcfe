import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as sandbox from '../../local/sandbox/vnpay/sign.ts';
import { createSigner } from '../../supabase/functions/_shared/payments/hmac.ts';
import { vietnamTime } from '../../supabase/functions/_shared/payments/vietnam-time.ts';
import { canonicalQuery, pipeText } from '../../supabase/functions/_shared/payments/vnpay/sign.ts';

const secret = 'a secret of nobody';
const signer = createSigner(secret, 'SHA-512');

describe('the signed text of links and notifications', () => {
  it('is sorted, form-encoded, without empty values, without the hash and without what is not of VNPay', () => {
    const text = canonicalQuery([
      ['vnp_TxnRef', 'J26112000000001'],
      ['vnp_Amount', '150000000'],
      ['vnp_OrderInfo', 'Thanh toan don: J1 & J2'],
      ['vnp_BankTranNo', ''],
      ['vnp_SecureHash', 'ff'],
      ['vnp_SecureHashType', 'SHA512'],
      ['to', 'journey://paid'],
      ['vnp_ReturnUrl', 'http://127.0.0.1:54321/a?to=b%3A'],
    ]);
    expect(text).toBe(
      'vnp_Amount=150000000&vnp_OrderInfo=Thanh+toan+don%3A+J1+%26+J2&vnp_ReturnUrl=http%3A%2F%2F127.0.0.1%3A54321%2Fa%3Fto%3Db%253A&vnp_TxnRef=J26112000000001',
    );
  });

  it('sorts by bytes, where capitals come before small letters', () => {
    expect(
      canonicalQuery([
        ['vnp_b', '1'],
        ['vnp_B', '2'],
        ['vnp_A1', '3'],
        ['vnp_A', '4'],
      ]),
    ).toBe('vnp_A=4&vnp_A1=3&vnp_B=2&vnp_b=1');
  });

  it('is the same as the sandbox computes, for any text an order can carry', () => {
    const key = fc.stringMatching(/^vnp_[A-Za-z]{1,12}$/);
    // encoders disagree on these, which is why order texts never carry them
    const value = fc.string({ unit: 'grapheme' }).map((text) => text.replace(/[!'()*~]/g, ''));
    fc.assert(
      fc.property(fc.dictionary(key, value), (params) => {
        expect(canonicalQuery(Object.entries(params))).toBe(sandbox.queryText(params));
      }),
    );
  });
});

describe('signatures', () => {
  it('are HMAC-SHA512 in lower-case hex', async () => {
    const text = 'vnp_Amount=1000000&vnp_OrderInfo=a+b';
    const expected = createHmac('sha512', secret).update(text).digest('hex');
    expect(await signer.sign(text)).toBe(expected);
    expect(expected).toMatch(/^[0-9a-f]{128}$/);
  });

  it('verify in either case, and in no other form', async () => {
    const hash = createHmac('sha512', secret).update('text').digest('hex');
    expect(await signer.verify('text', hash)).toBe(true);
    expect(await signer.verify('text', hash.toUpperCase())).toBe(true);
    for (const wrong of [
      '',
      hash.slice(2),
      `${hash}00`,
      `0${hash}`,
      'g'.repeat(128),
      hash.replace(/^./, (c) => (c === '0' ? '1' : '0')),
    ]) {
      expect(await signer.verify('text', wrong)).toBe(false);
    }
    expect(await signer.verify('other', hash)).toBe(false);
    expect(await createSigner('another', 'SHA-512').verify('text', hash)).toBe(false);
  });

  it('cannot be made with an empty secret', () => {
    expect(() => createSigner('', 'SHA-512')).toThrow('is empty');
  });
});

describe('the signed text of calls between servers', () => {
  it('joins raw values and leaves absent and null ones empty', () => {
    const message = { vnp_RequestId: 'r 1', vnp_Amount: 1000, vnp_BankCode: null };
    expect(pipeText(['RequestId', 'Amount', 'BankCode', 'PayDate'], message)).toBe('r 1|1000||');
  });
});

describe('times', () => {
  it('are wall clock of GMT+7, whatever the zone of the machine', () => {
    expect(vietnamTime(Date.UTC(2026, 10, 20, 17, 4, 5))).toBe('20261121000405');
    expect(vietnamTime(Date.UTC(2026, 11, 31, 16, 59, 59))).toBe('20261231235959');
  });
});

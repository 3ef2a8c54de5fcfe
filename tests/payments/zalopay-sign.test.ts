import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as sandbox from '../../local/sandbox/zalopay/sign.ts';
import { createSigner } from '../../supabase/functions/_shared/payments/hmac.ts';
import { createZalopay } from '../../supabase/functions/_shared/payments/zalopay/index.ts';
import { quoteNumbers, readKeepingDigits } from '../../supabase/functions/_shared/payments/zalopay/json.ts';
import { appTransId, referenceOf } from '../../supabase/functions/_shared/payments/zalopay/order-id.ts';
import { callText, returnText } from '../../supabase/functions/_shared/payments/zalopay/sign.ts';

// The demo apps of ZaloPay's guides and samples; everybody knows their keys.
const demo: Record<string, { key1: string; key2: string }> = {
  '553': { key1: '9phuAOYhan4urywHTh0ndEXiV3pKHr5Q', key2: 'Iyz2habzyr7AG8SgvoBCbKwKi3UzlLi3' },
  '554': { key1: '8NdU5pG5R2spGHGhyO99HN1OhD8IQJBn', key2: 'uUfsWgfLkRLzq6W2uNXTCxrfxs51auny' },
  '2553': { key1: 'PcY4iZIKFCIdgZvA6ueMcMHHUbRLYjPL', key2: 'kLtgPl8HHhfvMuDHPwKfgfsY4Ydm9eIz' },
  '2554': { key1: 'sdngKKJmqEMzvh5QQcdD2A9XBSKUNaYn', key2: 'trMrHtvjo6myautxDUiAcYsVtaeQ8nhf' },
};
const as = (appId: string) =>
  createZalopay({ appId, key1: 'a', key2: 'b', ...demo[appId], apiUrl: 'http://127.0.0.1:9' });

// docs.zalopay.vn/docs/specs/callback-api, "Data sample", escaped as it is printed there
const publishedCallback = String.raw`{"data":"{\"app_id\":2553,\"app_trans_id\":\"200904_2553_1598435687208\",\"app_time\":1599189392817,\"app_user\":\"demo\",\"amount\":10000,\"embed_data\":\"{\\\"merchantinfo\\\":\\\"embeddata123\\\",\\\"promotioninfo\\\":\\\"\\\"}\",\"item\":\"[{\\\"itemid\\\":\\\"knb\\\",\\\"itemname\\\":\\\"kim nguyen bao\\\",\\\"itemprice\\\":198400,\\\"itemquantity\\\":1}]\",\"zp_trans_id\":200904000000389,\"server_time\":1599189413498,\"channel\":38,\"merchant_user_id\":\"7ZMSl3nEg5sOUJzOLSoUFT8xKNQVaLOLXHB--8Eytqc\",\"user_fee_amount\":0,\"discount_amount\":0}","mac":"d8d33baf449b31d7f9b94fa50d7c942c08cd4d83f28fa185557da21acb104f67","type":1}`;

describe('what ZaloPay has published', () => {
  const call = (body: string) => ({ method: 'POST', query: '', body, headers: new Headers() });

  it('verifies: the notification of its specification', async () => {
    expect(await as('2553').constructEvent(call(publishedCallback))).toEqual({
      verified: true,
      event: {
        kind: 'payment',
        report: {
          outcome: 'succeeded',
          // the id was not made by us
          reference: null,
          amount: 10_000,
          currency: 'VND',
          transactionId: '200904000000389',
          failureCode: null,
          eventId: '200904_2553_1598435687208:200904000000389:succeeded:10000',
        },
      },
    });
    const changed = publishedCallback.replace('amount\\":10000', 'amount\\":10001');
    expect(await as('2553').constructEvent(call(changed))).toEqual({
      verified: false,
      reason: 'bad_signature',
    });
  });

  it('verifies: the order of its guide to QR codes', async () => {
    // docs.zalopay.vn/docs/qrcode/api.html, where the names are still those of v1
    const order = {
      app_id: 553,
      app_trans_id: '200904_000234',
      app_user: 'user123',
      amount: 10_000,
      app_time: 1_599_202_366_026,
      embed_data: '{}',
      item: '[]',
    };
    const key1 = demo['553']?.key1 ?? '';
    const mac = await createSigner(key1, 'SHA-256').sign(callText('create', order, key1));
    expect(mac).toBe('7e95836a9feace32458f23416feea423172ef0a098f27a668a1e10788b5a6838');
    expect(sandbox.isSigned(key1, sandbox.orderText(order), mac)).toBe(true);
  });

  // Addresses ZaloPay's test system sent payers back by, as people have pasted them into public code.
  it.each([
    [
      'amount=50000&appid=2553&apptransid=241128_64687&bankcode=&checksum=6434e2f3d5f971c9024a97a0e34344ad64a9d759966a8508b46a5e396d642e03&discountamount=0&pmcid=0&status=-49',
      'failed',
    ],
    [
      'amount=323123&discountamount=0&appid=2553&checksum=bb1ee529210b36f63221938bb50a4e1a9fa5566ef294ca4aa70731cd963de033&apptransid=220713_695232&pmcid=38&bankcode=&status=1',
      'succeeded',
    ],
    [
      'amount=200000&appid=2554&apptransid=240602_216290&bankcode=CC&checksum=b379b9e8d39559d9dfca37566e48ab7a4fd47b70b2e4ea0a4e3173ecb08de038&discountamount=0&pmcid=36&status=1',
      'succeeded',
    ],
    [
      'amount=50000&discountamount=0&appid=554&checksum=ec359685cb75b330a8596f818e803b1786820a2a5e6b31d7a57bafa0085429aa&apptransid=211022_beb80b6f-2d09-4b61-94d9-af95be844eca&pmcid=38&bankcode=&status=-59',
      'failed',
    ],
  ])('verifies: the return %s', async (query, status) => {
    const appId = new URLSearchParams(query).get('appid') ?? '';
    expect(await as(appId).readReturn(query)).toEqual({ status, reference: null });
    const changed = query.replace(/(amount=)\d/, '$19');
    expect((await as(appId).readReturn(changed)).status).toBe('unverified');
  });
});

describe('what is signed', () => {
  const value = fc.oneof(fc.string({ unit: 'grapheme' }), fc.nat(), fc.constantFrom('{"a":"b|c"}', '|', ''));
  const fields = ['app_id', 'app_trans_id', 'app_user', 'amount', 'app_time', 'embed_data', 'item'];
  const more = ['zp_trans_id', 'description', 'timestamp', 'm_refund_id'];
  const message = fc.record(Object.fromEntries([...fields, ...more].map((name) => [name, value])));

  it('is the same as the sandbox computes, for any text', async () => {
    await fc.assert(
      fc.asyncProperty(message, fc.string({ minLength: 1 }), async (m, key) => {
        expect(callText('create', m, key)).toBe(sandbox.orderText(m));
        expect(callText('query', m, key)).toBe(sandbox.queryText(m, key));
        expect(callText('refund', m, key)).toBe(sandbox.refundText(m));
        expect(callText('query_refund', m, key)).toBe(sandbox.refundQueryText(m));
        const text = sandbox.orderText(m);
        const mac = await createSigner(key, 'SHA-256').sign(text);
        expect(mac).toBe(sandbox.hmac(key, text));
        expect(mac).toBe(createHmac('sha256', key).update(text).digest('hex'));
      }),
    );
  });

  it('is the same in returns, whatever order the parameters come in', () => {
    const names = ['appid', 'apptransid', 'pmcid', 'bankcode', 'amount', 'discountamount', 'status'];
    const params = fc.record(
      Object.fromEntries(names.map((name) => [name, fc.string({ unit: 'grapheme' })])),
    );
    fc.assert(
      fc.property(params, fc.shuffledSubarray(names, { minLength: names.length }), (p, order) => {
        const query = new URLSearchParams(order.map((name) => [name, p[name] ?? '']));
        // as it arrives, since half a surrogate pair cannot be sent
        const arrived = Object.fromEntries(new URLSearchParams(query.toString()));
        expect(returnText(new URLSearchParams(query.toString()))).toBe(sandbox.returnText(arrived));
      }),
    );
  });

  it('contains the key itself in a query about an order', () => {
    expect(callText('query', { app_id: 2553, app_trans_id: '1_2' }, 'secret')).toBe('2553|1_2|secret');
  });
});

describe('numbers in JSON', () => {
  it('keep all of their digits', () => {
    const json =
      '{"a":9007199254740993,"b":[-1.50e3,0],"c":"2 and \\"3\\" \\\\","d":{"4":5},"e":true,"f":null}';
    expect(quoteNumbers(json)).toBe(
      '{"a":"9007199254740993","b":["-1.50e3","0"],"c":"2 and \\"3\\" \\\\","d":{"4":"5"},"e":true,"f":null}',
    );
  });

  it('become texts and change nothing else, in any JSON', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        const expected: unknown = JSON.parse(json, (_key, value) =>
          typeof value === 'number' ? JSON.stringify(value) : value,
        );
        expect(JSON.parse(quoteNumbers(JSON.stringify(JSON.parse(json))))).toEqual(expected);
      }),
    );
  });

  it.each(['', '{', '01', '{"a":01}', '[1,]', '"a', 'null', '[1]', '7'])('are not read from %j', (json) => {
    expect(readKeepingDigits(json)).toBeNull();
  });
});

describe('the name of an order', () => {
  it('is our reference after its own date, and gives it back', () => {
    expect(appTransId('J26112100000042')).toBe('261121_J26112100000042');
    expect(referenceOf('261121_J26112100000042')).toBe('J26112100000042');
  });

  it.each(['SAME1', '', 'J2611210000004', 'J261121000000421', 'j26112100000042', 'J26112100000042 '])(
    'is not created for %j',
    (reference) => {
      expect(() => appTransId(reference)).toThrow('no reference');
    },
  );

  it.each([
    '261122_J26112100000042',
    'J26112100000042',
    '261121_J26112100000042x',
    '261121_26112100000042',
    '',
  ])('is not read from %j', (id) => {
    expect(referenceOf(id)).toBeNull();
  });
});

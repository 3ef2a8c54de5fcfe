import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as sandbox from '../../local/sandbox/momo/sign.ts';
import { createMomo } from '../../supabase/functions/_shared/payments/momo/index.ts';
import { signedText } from '../../supabase/functions/_shared/payments/momo/sign.ts';

// The demo merchants of MoMo's own samples (github.com/momo-wallet/payment and its developer pages).
const demo = {
  MOMO: { accessKey: 'F8BBA842ECF85', secretKey: 'K951B6PE1waDMi640xX08PD3vg6EkVlz' },
  MOMOBKUN20180529: { accessKey: 'klm05TvNBzhg7h7j', secretKey: 'at67qH6mk8w5Y1nAyMoYKMWACiEi2bsa' },
  MOMOLRJZ20181206: { accessKey: 'mTCKt9W3eU1m39TW', secretKey: 'SetA5RDnLHvt51AULf51DyauxUo3kDU6' },
};
type DemoPartner = keyof typeof demo;

// Return addresses MoMo's test gateway signed for those merchants, as people pasted them into public code:
// encoded and raw, in both languages, paid and refused, with parameters of the shop's own in front.
const signedByMomo: [string, DemoPartner, string, string][] = [
  [
    'paid, encoded Vietnamese',
    'MOMO',
    'succeeded',
    'partnerCode=MOMO&orderId=595f5241-2c47-47d9-af2f-a6b586a2aa29&requestId=2159428c-037d-4c92-8d9e-d4c77b369418&amount=60000&orderInfo=pay+with+MoMo&orderType=momo_wallet&transId=2644569745&resultCode=0&message=Giao+d%E1%BB%8Bch+th%C3%A0nh+c%C3%B4ng.&payType=qr&responseTime=1645076866338&extraData=&signature=92b4c1e15e093ea457955d7533347cc64ea28f8a0c0f9e11dcf89b9051177d9e',
  ],
  [
    'paid, raw Vietnamese',
    'MOMO',
    'succeeded',
    'partnerCode=MOMO&orderId=ORD-251111-B98B&requestId=ORD-251111-B98B&amount=17942000&orderInfo=Đơn+hàng+ORD-251111-B98B&orderType=momo_wallet&transId=4610849895&resultCode=0&message=Thành+công.&payType=qr&responseTime=1762884809397&extraData=&signature=f03a51ba4d0c85471920036aa6e3ef0ec9993ef01ca23f46ee5405241c8a51d6',
  ],
  [
    'paid by card',
    'MOMO',
    'succeeded',
    'partnerCode=MOMO&orderId=1667983950744&requestId=1667983950744&amount=6800000&orderInfo=Tour+Bái+Đính+-+10+Adult%2C+4+Children&orderType=momo_wallet&transId=2787130271&resultCode=0&message=Giao+dịch+thành+công.&payType=credit&responseTime=1667984079748&extraData=&signature=2e5204a9a17619a1ec242264e1320048210ef35fa38959b20bed1bec38ca6838',
  ],
  [
    'refused, after four parameters of the shop',
    'MOMO',
    'failed',
    'tourId=1&isDeposit=true&bookingId=-1&isUpdate=false&partnerCode=MOMO&orderId=1668445407338&requestId=1668445407338&amount=500000&orderInfo=Test+tour+custom+-+1+Người+lớn%2C+0+Trẻ+em&orderType=momo_wallet&transId=1668445414067&resultCode=1006&message=Giao+dịch+bị+từ+chối+bởi+người+dùng.&payType=&responseTime=1668445414091&extraData=&signature=049586ed30f6807ed6aa3fb728f174e336be546aca2312089c5ce584e375d72f',
  ],
  [
    'paid at a bank, after a parameter of the shop',
    'MOMOBKUN20180529',
    'succeeded',
    'payment=momo&partnerCode=MOMOBKUN20180529&orderId=fa839a45-a04b-4760-b523-9a2270c20c36&requestId=09733aba-b767-49f8-8145-6114daeff192&amount=10000000&orderInfo=Thanh+to%C3%A1n+%C4%91%C6%A1n+h%C3%A0ng+fa839a45-a04b-4760-b523-9a2270c20c36&orderType=momo_wallet&transId=4415707100&resultCode=0&message=Successful.&payType=napas&responseTime=1746525771203&extraData=&signature=359b082bca62171a1901aa8c1ba7ee25a90599ff010c0e06568887821504448b',
  ],
  [
    'refused',
    'MOMOBKUN20180529',
    'failed',
    'partnerCode=MOMOBKUN20180529&orderId=1726217371&requestId=1726217371&amount=17500&orderInfo=Thanh+to%C3%A1n+qua+MoMo&orderType=momo_wallet&transId=1726217383317&resultCode=1006&message=Giao+d%E1%BB%8Bch+b%E1%BB%8B+t%E1%BB%AB+ch%E1%BB%91i+b%E1%BB%9Fi+ng%C6%B0%E1%BB%9Di+d%C3%B9ng.&payType=&responseTime=1726217383323&extraData=&signature=f5888c527a12f217eb1d0b06f4e8a58949ab5f08cfc36f6b9b2384117463e32d',
  ],
  [
    'refused, of a third merchant',
    'MOMOLRJZ20181206',
    'failed',
    'partnerCode=MOMOLRJZ20181206&orderId=17e1530d-3387-4edb-95e7-3d7c36fd9b5b&requestId=394c6fbb-a28c-4e4a-b16a-69db8ce680ed&amount=235000&orderInfo=Mua+tivi&orderType=momo_wallet&transId=1679649685462&resultCode=1006&message=Giao+dịch+bị+từ+chối+bởi+người+dùng.&payType=&responseTime=1679649685558&extraData=&signature=7cbe81ab010074511fd07e7632a47a3ab983c9112343cdeed1f3d2eeec5749a7',
  ],
];

function merchant(partnerCode: DemoPartner) {
  return createMomo({ partnerCode, ...demo[partnerCode], apiUrl: 'https://test-payment.momo.vn' });
}

function verify(partnerCode: DemoPartner, body: string) {
  return merchant(partnerCode).constructEvent({ method: 'POST', query: '', body, headers: new Headers() });
}

const numbers = new Set(['amount', 'transId', 'resultCode', 'responseTime']);

/** The notification with the same facts and hence the same signature. */
function asNotification(query: string): Record<string, unknown> {
  const pairs = [...new URLSearchParams(query)];
  return Object.fromEntries(pairs.map(([key, value]) => [key, numbers.has(key) ? Number(value) : value]));
}

describe('what MoMo signed', () => {
  it.each(signedByMomo)('is verified as a return address: %s', async (_what, partner, outcome, query) => {
    const reference = new URLSearchParams(query).get('orderId');
    expect(await merchant(partner).readReturn(query)).toEqual({ status: outcome, reference });
  });

  it.each(signedByMomo)('is verified as a notification: %s', async (_what, partner, outcome, query) => {
    const facts = asNotification(query);
    const escaped = JSON.stringify(facts).replace(
      /[^\x20-\x7e]/g,
      (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
    for (const body of [JSON.stringify(facts), escaped, JSON.stringify(facts, null, 2)]) {
      expect(await verify(partner, body)).toMatchObject({
        verified: true,
        event: {
          kind: 'payment',
          report: {
            outcome,
            reference: facts.orderId,
            amount: facts.amount,
            currency: 'VND',
            // the number of a failure is a time stamp, not a movement
            transactionId: outcome === 'succeeded' ? String(facts.transId) : null,
            failureCode: outcome === 'succeeded' ? null : '1006',
          },
        },
      });
    }
  });

  it.each(signedByMomo)(
    'is not verified once any signed field differs: %s',
    async (_what, partner, _o, query) => {
      const facts = asNotification(query);
      for (const [name, value] of Object.entries(facts)) {
        if (!signedText('result', { [name]: 'MARK' }, '').includes('MARK')) continue;
        const changed = { ...facts, [name]: typeof value === 'number' ? value + 1 : `${value}x` };
        expect(await verify(partner, JSON.stringify(changed)), name).toEqual({
          verified: false,
          reason: 'bad_signature',
        });
      }
    },
  );

  it('is not verified with the keys of another merchant', async () => {
    const [, , , query] = signedByMomo[0] ?? ['', '', '', ''];
    expect(await verify('MOMOBKUN20180529', JSON.stringify(asNotification(query)))).toEqual({
      verified: false,
      reason: 'bad_signature',
    });
    expect(await merchant('MOMOLRJZ20181206').readReturn(query)).toEqual({
      status: 'unverified',
      reference: null,
    });
  });
});

describe('the signed texts', () => {
  const config = { accessKey: 'ACCESS', secretKey: 'a secret of nobody' };
  const names = {
    create: 'amount extraData ipnUrl orderId orderInfo partnerCode redirectUrl requestId requestType',
    query: 'orderId partnerCode requestId',
    refund: 'amount description orderId partnerCode requestId transId',
    result:
      'amount extraData message orderId orderInfo orderType partnerCode payType requestId responseTime resultCode transId',
  };
  const texts = {
    create: sandbox.createText,
    query: sandbox.queryText,
    refund: sandbox.refundText,
    result: sandbox.resultText,
  };

  it('are raw values in the order of MoMo’s documentation', () => {
    const message = {
      partnerCode: 'P',
      orderId: 'O',
      requestId: 'R',
      amount: 1000,
      description: '',
      transId: 7,
    };
    expect(signedText('query', message, 'A')).toBe('accessKey=A&orderId=O&partnerCode=P&requestId=R');
    expect(signedText('refund', message, 'A')).toBe(
      'accessKey=A&amount=1000&description=&orderId=O&partnerCode=P&requestId=R&transId=7',
    );
    const order = {
      ...message,
      ipnUrl: 'https://a.example/ipn',
      redirectUrl: 'https://a.example/r?to=b%3A',
      orderInfo: 'Đơn hàng & quà',
      extraData: '',
      requestType: 'captureWallet',
    };
    expect(signedText('create', order, 'A')).toBe(
      'accessKey=A&amount=1000&extraData=&ipnUrl=https://a.example/ipn&orderId=O&orderInfo=Đơn hàng & quà&partnerCode=P&redirectUrl=https://a.example/r?to=b%3A&requestId=R&requestType=captureWallet',
    );
  });

  it.each(['create', 'query', 'refund', 'result'] as const)(
    'of %s are the same as the sandbox computes, for any text',
    (kind) => {
      const value = fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'grapheme' }),
        fc.maxSafeInteger(),
      );
      const message = fc.record(Object.fromEntries(names[kind].split(' ').map((name) => [name, value])));
      fc.assert(
        fc.property(message, (any) => {
          expect(signedText(kind, any, config.accessKey)).toBe(texts[kind](config, any));
        }),
      );
    },
  );

  it('never take an object for an empty value', () => {
    const empty = signedText('query', { orderId: '', partnerCode: 'P', requestId: 'R' }, 'A');
    for (const orderId of [[], {}, [[]], false]) {
      expect(signedText('query', { orderId, partnerCode: 'P', requestId: 'R' }, 'A')).not.toBe(empty);
    }
  });

  it('are signed with HMAC-SHA256 in lower-case hex', () => {
    const signature = sandbox.hmac('key', 'text');
    expect(signature).toBe(createHmac('sha256', 'key').update('text').digest('hex'));
    expect(sandbox.isSigned(signature.toUpperCase(), 'text', 'key')).toBe(true);
    expect(sandbox.isSigned(undefined, 'text', 'key')).toBe(false);
  });
});

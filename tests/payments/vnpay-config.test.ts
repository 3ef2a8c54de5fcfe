import { describe, expect, it } from 'vitest';
import { inProduction, platform, setUpOf } from './settings.ts';

const live = inProduction({
  VNPAY_TMN_CODE: 'JOURNEY9',
  VNPAY_HASH_SECRET: 'V7QJ2M4XK8W1PZ5RT3NB6CH9DF0GSLAE',
  VNPAY_PAY_URL: 'https://pay.vnpay.example/paymentv2/vpcpay.html',
  VNPAY_API_URL: 'https://merchant.vnpay.example/merchant_webapi/api/transaction',
});
const setUp = setUpOf('vnpay');

describe('VNPay settings', () => {
  it('work when they are complete', () => {
    expect(setUp(live).name).toBe('vnpay');
  });

  it('may all be absent, and then the rail is not set up', () => {
    expect(() => setUp(platform)).toThrow(
      expect.objectContaining({ code: 'provider_not_configured', status: 503 }),
    );
  });

  it.each(['VNPAY_HASH_SECRET', 'VNPAY_TMN_CODE', 'VNPAY_PAY_URL', 'VNPAY_API_URL'])(
    'refuse an empty %s',
    (name) => {
      expect(() => setUp({ ...live, [name]: '' })).toThrow(`${name} is empty`);
      expect(() => setUp({ ...live, [name]: ' ' })).toThrow(`${name} is empty`);
    },
  );

  it('refuse publicly known values in production', () => {
    expect(() => setUp({ ...live, VNPAY_HASH_SECRET: 'LOCALSANDBOXSECRETLOCALSANDBOXSE' })).toThrow(
      'demo secret',
    );
    expect(() => setUp({ ...live, VNPAY_HASH_SECRET: 'short' })).toThrow('demo secret');
    const sandboxUrl = 'https://sandbox.vnpayment.vn/paymentv2/vpcpay.html';
    expect(() => setUp({ ...live, VNPAY_PAY_URL: sandboxUrl })).toThrow('not for real money');
    expect(() => setUp({ ...live, VNPAY_API_URL: 'http://127.0.0.1:1/' })).toThrow('not for real money');
  });

  it('count as production when the environment is not named', () => {
    const { JOURNEY_ENV: _, ...unsaid } = live;
    expect(() => setUp({ ...unsaid, VNPAY_HASH_SECRET: 'LOCALSANDBOXSECRETLOCALSANDBOXSE' })).toThrow(
      'demo secret',
    );
    expect(setUp({ ...unsaid, JOURNEY_ENV: 'local', VNPAY_PAY_URL: 'http://127.0.0.1:1/' }).name).toBe(
      'vnpay',
    );
  });
});

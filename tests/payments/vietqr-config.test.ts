import { describe, expect, it } from 'vitest';
import { sandboxMerchants } from '../../local/sandbox/merchants.ts';
import { readEnv } from '../../supabase/functions/_shared/env.ts';
import { vietqrConfig } from '../../supabase/functions/_shared/payments/vietqr/config.ts';
import { createVietqr } from '../../supabase/functions/_shared/payments/vietqr/index.ts';
import { inProduction, platform, setUpOf } from './settings.ts';

const own = {
  VIETQR_BANK_BIN: '970436',
  VIETQR_ACCOUNT_NUMBER: '1029384756',
  VIETQR_ACCOUNT_NAME: 'CONG TY JOURNEY',
  SEPAY_WEBHOOK_SECRET: 'V7QJ2M4XK8W1PZ5RT3NB6CH9DF0GSLAE',
  SEPAY_API_TOKEN: 'R3NB6CH9DF0GSLAEV7QJ2M4XK8W1PZ5T',
  SEPAY_API_URL: 'https://my.sepay.vn',
};
const live = inProduction(own);
const setUp = setUpOf('vietqr');

describe('VietQR settings', () => {
  it('work when they are complete', () => {
    expect(setUp(live).name).toBe('vietqr');
    expect(vietqrConfig(readEnv({ ...live, SEPAY_API_URL: 'https://my.sepay.vn//' }))).toMatchObject({
      apiUrl: 'https://my.sepay.vn',
    });
  });

  it('may all be absent, and then the rail is not set up', () => {
    expect(() => setUp(platform)).toThrow(
      expect.objectContaining({ code: 'provider_not_configured', status: 503 }),
    );
  });

  it.each(Object.keys(own))('refuse an empty %s', (name) => {
    expect(() => setUp({ ...live, [name]: '' })).toThrow(`${name} is empty`);
    expect(() => setUp({ ...live, [name]: ' ' })).toThrow(`${name} is empty`);
  });

  it.each([
    ['VIETQR_BANK_BIN', '97043'],
    ['VIETQR_BANK_BIN', 'VCB'],
    ['VIETQR_ACCOUNT_NUMBER', '0071 000 888'],
    ['VIETQR_ACCOUNT_NUMBER', '12345678901234567890'],
    ['SEPAY_API_URL', 'my.sepay.vn'],
    ['SEPAY_API_URL', 'https://userapi.sepay.vn/v2'],
  ])('refuse %s = %s anywhere', (name, value) => {
    for (const JOURNEY_ENV of ['production', 'local']) {
      expect(() => setUp({ ...live, JOURNEY_ENV, [name]: value })).toThrow(name);
    }
  });

  it('refuse publicly known values in production', () => {
    const { webhookSecret, apiToken } = sandboxMerchants.vietqr;
    expect(() => setUp({ ...live, SEPAY_WEBHOOK_SECRET: webhookSecret })).toThrow('demo secret');
    expect(() => setUp({ ...live, SEPAY_API_TOKEN: apiToken })).toThrow('demo secret');
    expect(() => setUp({ ...live, SEPAY_WEBHOOK_SECRET: 'short' })).toThrow('demo secret');
    expect(() => setUp({ ...live, SEPAY_API_TOKEN: 'REPLACE_BEARER_TOKEN' })).toThrow('demo secret');
    for (const url of ['https://my.dev.sepay.vn', 'http://my.sepay.vn', 'http://127.0.0.1:1/vietqr']) {
      expect(() => setUp({ ...live, SEPAY_API_URL: url })).toThrow('not for real money');
    }
  });

  it('refuse the sandbox’s account in production, because it may belong to somebody', () => {
    const played = { ...live, VIETQR_ACCOUNT_NUMBER: sandboxMerchants.vietqr.accountNumber };
    expect(() => setUp(played)).toThrow('VIETQR_ACCOUNT_NUMBER');
    expect(setUp({ ...played, JOURNEY_ENV: 'staging' }).name).toBe('vietqr');
  });

  it('count as production when the environment is not named', () => {
    const { JOURNEY_ENV: _, ...unsaid } = live;
    const url = 'http://127.0.0.1:1/vietqr';
    expect(() => setUp({ ...unsaid, SEPAY_API_URL: url })).toThrow('not for real money');
    expect(setUp({ ...unsaid, JOURNEY_ENV: 'local', SEPAY_API_URL: url }).name).toBe('vietqr');
  });
});

describe('the wrapper', () => {
  const config = vietqrConfig(readEnv(live));

  it('cannot be made with an empty secret', () => {
    expect(config).not.toBeNull();
    if (config) expect(() => createVietqr({ ...config, webhookSecret: '' })).toThrow('empty');
  });

  it('neither refunds nor cancels, and trusts no return address', async () => {
    const provider = setUp(live);
    const attempt = { reference: 'J26112100000042', amount: 5_000, currency: 'VND', providerData: {} };
    const ids = { transactionId: '1', refundId: null, orderedAt: 0 };
    const refund = { ...attempt, ...ids, requestKey: 'k', refundAmount: 5_000 };
    const refused = { known: true, status: 'failed', refundId: null, code: 'unsupported' };
    expect(await provider.refund(refund)).toEqual(refused);
    expect(await provider.retrieveRefund(refund)).toEqual(refused);
    expect(await provider.cancel(attempt)).toBe('unsupported');
    expect(await provider.readReturn('status=success')).toEqual({ status: 'unverified', reference: null });
  });
});

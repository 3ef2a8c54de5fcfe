import { describe, expect, it } from 'vitest';
import { sandboxMerchants, sandboxSettings } from '../../local/sandbox/merchants.ts';
import { readEnv } from '../../supabase/functions/_shared/env.ts';
import { zalopayConfig } from '../../supabase/functions/_shared/payments/zalopay/config.ts';
import { createZalopay } from '../../supabase/functions/_shared/payments/zalopay/index.ts';
import { inProduction, platform, setUpOf } from './settings.ts';

const live = inProduction({
  ZALOPAY_APP_ID: '4711',
  ZALOPAY_KEY1: 'V7QJ2M4XK8W1PZ5RT3NB6CH9DF0GSLAE',
  ZALOPAY_KEY2: 'EALSG0FD9HC6BN3TR5ZP1W8KX4M2JQ7V',
  ZALOPAY_API_URL: 'https://openapi.zalopay.example',
});
const setUp = setUpOf('zalopay');

describe('ZaloPay settings', () => {
  it('work when they are complete', () => {
    expect(setUp(live).name).toBe('zalopay');
  });

  it('take the address without a slash at its end', () => {
    const config = zalopayConfig(readEnv({ ...live, ZALOPAY_API_URL: 'https://openapi.zalopay.example//' }));
    expect(config?.apiUrl).toBe('https://openapi.zalopay.example');
  });

  it('may all be absent, and then the rail is not set up', () => {
    expect(() => setUp(platform)).toThrow(
      expect.objectContaining({ code: 'provider_not_configured', status: 503 }),
    );
  });

  it.each(['ZALOPAY_APP_ID', 'ZALOPAY_KEY1', 'ZALOPAY_KEY2', 'ZALOPAY_API_URL'])(
    'refuse an empty %s',
    (name) => {
      expect(() => setUp({ ...live, [name]: '' })).toThrow(`${name} is empty`);
      expect(() => setUp({ ...live, [name]: ' ' })).toThrow(`${name} is empty`);
    },
  );

  it.each(['x', '0', '-1', '1.5', '1e3', '00001', '12345678901'])('refuse the app id %s', (appId) => {
    expect(() => setUp({ ...live, ZALOPAY_APP_ID: appId })).toThrow('ZALOPAY_APP_ID must be a whole number');
  });

  it('refuse one key given twice', () => {
    expect(() => setUp({ ...live, ZALOPAY_KEY2: live.ZALOPAY_KEY1 })).toThrow('are the same');
  });

  it.each(['ZALOPAY_KEY1', 'ZALOPAY_KEY2'])('refuse a publicly known %s in production', (name) => {
    // of the demo app 2553, printed in ZaloPay's guides
    expect(() => setUp({ ...live, [name]: 'PcY4iZIKFCIdgZvA6ueMcMHHUbRLYjPL' })).toThrow('demo secret');
    expect(() => setUp({ ...live, [name]: 'kLtgPl8HHhfvMuDHPwKfgfsY4Ydm9eIz' })).toThrow('demo secret');
    expect(() => setUp({ ...live, [name]: 'short' })).toThrow('demo secret');
    const { key1, key2 } = sandboxMerchants.zalopay;
    for (const key of [key1, key2]) expect(() => setUp({ ...live, [name]: key })).toThrow('demo secret');
  });

  it.each(['https://sb-openapi.zalopay.vn', 'http://openapi.zalopay.vn', 'http://127.0.0.1:54325/zalopay'])(
    'refuse in production the address %s',
    (url) => {
      expect(() => setUp({ ...live, ZALOPAY_API_URL: url })).toThrow('not for real money');
      expect(setUp({ ...live, JOURNEY_ENV: 'staging', ZALOPAY_API_URL: url }).name).toBe('zalopay');
    },
  );

  it('refuse a value that is no address', () => {
    expect(() => setUp({ ...live, ZALOPAY_API_URL: 'openapi' })).toThrow('is not an address');
  });

  it('count as production when the environment is not named', () => {
    const sandbox = { ...platform, ...sandboxSettings('http://127.0.0.1:1') };
    expect(() => setUp(sandbox)).toThrow('demo');
    expect(setUp({ ...sandbox, JOURNEY_ENV: 'local' }).name).toBe('zalopay');
  });

  it('do not work with empty keys', () => {
    const config = { appId: '1', key1: 'a', key2: 'b', apiUrl: 'http://127.0.0.1:1' };
    expect(() => createZalopay({ ...config, key1: '' })).toThrow('empty');
    expect(() => createZalopay({ ...config, key2: '' })).toThrow('empty');
  });
});

import { describe, expect, it } from 'vitest';
import { createMomo } from '../../supabase/functions/_shared/payments/momo/index.ts';
import { inProduction, platform, setUpOf } from './settings.ts';

const live = inProduction({
  MOMO_PARTNER_CODE: 'MOMOABCD20261120',
  MOMO_ACCESS_KEY: 'q7JtX2mP9sLw4KzB',
  MOMO_SECRET_KEY: 'V7qJ2m4Xk8W1pZ5rT3nB6cH9dF0gSlAe',
  MOMO_API_URL: 'https://payment.momo.example',
});
const setUp = setUpOf('momo');

describe('MoMo settings', () => {
  it('work when they are complete', () => {
    expect(setUp(live).name).toBe('momo');
  });

  it('may all be absent, and then the rail is not set up', () => {
    expect(() => setUp(platform)).toThrow(
      expect.objectContaining({ code: 'provider_not_configured', status: 503 }),
    );
  });

  it.each(['MOMO_PARTNER_CODE', 'MOMO_ACCESS_KEY', 'MOMO_SECRET_KEY', 'MOMO_API_URL'])(
    'refuse an empty or missing %s',
    (name) => {
      expect(() => setUp({ ...live, [name]: '' })).toThrow(`${name} is empty`);
      expect(() => setUp({ ...live, [name]: ' ' })).toThrow(`${name} is empty`);
      const { [name as keyof typeof live]: _, ...rest } = live;
      expect(() => setUp(rest)).toThrow(`${name} is empty`);
    },
  );

  it('refuse an impossible partner code, and a value that is no address', () => {
    expect(() => setUp({ ...live, MOMO_PARTNER_CODE: 'MOMO&x=1' })).toThrow('MOMO_PARTNER_CODE');
    expect(() => setUp({ ...live, MOMO_API_URL: 'payment.momo.example' })).toThrow('not an address');
  });

  it.each([
    'LOCALSANDBOXSECRETMOMOLOCALSANDB',
    'K951B6PE1waDMi640xX08PD3vg6EkVlz',
    'at67qH6mk8w5Y1nAyMoYKMWACiEi2bsa',
    'SetA5RDnLHvt51AULf51DyauxUo3kDU6',
    'short',
  ])('refuse the secret %s in production', (secret) => {
    expect(() => setUp({ ...live, MOMO_SECRET_KEY: secret })).toThrow('demo secret');
    expect(setUp({ ...live, JOURNEY_ENV: 'local', MOMO_SECRET_KEY: secret }).name).toBe('momo');
  });

  it.each(['https://test-payment.momo.vn', 'http://payment.momo.example', 'http://127.0.0.1:1/momo'])(
    'refuse the host %s in production',
    (url) => {
      expect(() => setUp({ ...live, MOMO_API_URL: url })).toThrow('not for real money');
      expect(setUp({ ...live, JOURNEY_ENV: 'local', MOMO_API_URL: url }).name).toBe('momo');
    },
  );

  it('count as production when the environment is not named', () => {
    const { JOURNEY_ENV: _, ...unsaid } = live;
    expect(() => setUp({ ...unsaid, MOMO_SECRET_KEY: 'K951B6PE1waDMi640xX08PD3vg6EkVlz' })).toThrow(
      'demo secret',
    );
  });

  it('never sign with an empty secret', () => {
    const config = { partnerCode: 'P', accessKey: 'A', secretKey: '', apiUrl: 'https://x.example' };
    expect(() => createMomo(config)).toThrow('is empty');
  });
});

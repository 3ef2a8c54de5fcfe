import { describe, expect, it } from 'vitest';
import { sandboxSettings } from '../../local/sandbox/merchants.ts';
import { readEnv } from '../../supabase/functions/_shared/env.ts';
import { createTransfers } from '../../supabase/functions/_shared/payments/index.ts';
import { payosConfig } from '../../supabase/functions/_shared/payments/payos/config.ts';
import { inProduction, setUpOf } from './settings.ts';

const production = inProduction({});
const payments = {
  PAYOS_CLIENT_ID: '0f6d2a3e-51c7-4b0f-9a55-6a1c2f7f0b11',
  PAYOS_API_KEY: '7b0d6c5e-2f0e-4f0a-8d39-14d6f0a1c3e5',
  PAYOS_CHECKSUM_KEY: 'c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4',
  PAYOS_API_URL: 'https://api-merchant.payos.vn',
};
const payouts = {
  PAYOS_PAYOUT_CLIENT_ID: '4a0b9c1d-7d53-4f6e-8b3d-90be0c6f2a77',
  PAYOS_PAYOUT_API_KEY: '5c1d0e2f-8e64-4a7f-9c4e-a1cf1d7a3b88',
  PAYOS_PAYOUT_CHECKSUM_KEY: 'a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796',
  PAYOS_PAYOUT_API_URL: 'https://api-merchant.payos.vn',
};
const sandbox = sandboxSettings('http://127.0.0.1:54325');
const setUp = setUpOf('payos');
const setUpPayouts = (env: Record<string, string>) => {
  const transfers = createTransfers(readEnv(env));
  if (transfers?.problem !== undefined) throw new Error(transfers.problem);
  return transfers;
};

describe('PayOS settings', () => {
  it('work when they are complete, each channel without the other', () => {
    expect(setUp({ ...production, ...payments }).name).toBe('payos');
    expect(setUpPayouts({ ...production, ...payments })).toBeNull();
    expect(setUpPayouts({ ...production, ...payouts })?.name).toBe('payos');
  });

  it('may all be absent, and then the rail is not set up', () => {
    expect(() => setUp(production)).toThrow(expect.objectContaining({ code: 'provider_not_configured' }));
    expect(setUpPayouts(production)).toBeNull();
  });

  it.each(Object.keys(payments))('refuse an empty %s', (name) => {
    expect(() => setUp({ ...production, ...payments, [name]: ' ' })).toThrow(`${name} is empty`);
  });

  it.each(Object.keys(payouts))('refuse an empty %s', (name) => {
    expect(() => setUpPayouts({ ...production, ...payouts, [name]: '' })).toThrow(`${name} is empty`);
  });

  it.each([
    ['PAYOS_API_KEY', sandbox.PAYOS_API_KEY],
    ['PAYOS_CHECKSUM_KEY', sandbox.PAYOS_CHECKSUM_KEY],
    ['PAYOS_CHECKSUM_KEY', 'short'],
    // printed in payOS's guide to signatures
    ['PAYOS_CHECKSUM_KEY', '1a54716c8f0efb2744fb28b6e38b25da7f67a925d98bc1c18bd8faaecadd7675'],
    ['PAYOS_PAYOUT_API_KEY', sandbox.PAYOS_PAYOUT_API_KEY],
    ['PAYOS_PAYOUT_CHECKSUM_KEY', sandbox.PAYOS_PAYOUT_CHECKSUM_KEY],
  ])('refuse a publicly known %s in production', (name, value = '') => {
    const env = { ...production, ...payments, ...payouts, [name]: value };
    const start = () => [setUp(env), setUpPayouts(env)];
    expect(start).toThrow(`${name} is a demo secret`);
    expect(() => setUp({ ...env, JOURNEY_ENV: 'staging' })).not.toThrow();
  });

  it.each(['PAYOS_API_URL', 'PAYOS_PAYOUT_API_URL'])('refuse a test host as %s in production', (name) => {
    for (const url of [
      'http://127.0.0.1:54325/payos',
      'https://api-test.payos.vn',
      'http://api-merchant.payos.vn',
    ]) {
      const env = { ...production, ...payments, ...payouts, [name]: url };
      expect(() => [setUp(env), setUpPayouts(env)]).toThrow('not for real money');
    }
    const env = { ...production, ...payments, ...payouts, [name]: 'payos' };
    expect(() => [setUp(env), setUpPayouts(env)]).toThrow(`${name} is not an address`);
  });

  it('know where links live at the live host and the sandbox, and nowhere else', () => {
    const linksUrl = (env: Record<string, string>) => payosConfig(readEnv(env))?.linksUrl;
    expect(linksUrl({ ...production, ...payments })).toBe('https://pay.payos.vn/web');
    const local = { ...production, ...sandbox, JOURNEY_ENV: 'local' };
    expect(linksUrl(local)).toBe('http://127.0.0.1:54325/payos/web');
    expect(linksUrl({ ...local, PAYOS_API_URL: 'http://127.0.0.1:54325/payos//' })).toBe(
      'http://127.0.0.1:54325/payos/web',
    );
    expect(linksUrl({ ...production, ...payments, PAYOS_API_URL: 'https://proxy.example' })).toBeNull();
  });
});

import { describe, expect, it } from 'vitest';
import { createStripe } from '../../supabase/functions/_shared/payments/stripe/index.ts';
import { inProduction, platform, setUpOf } from './settings.ts';

const made = (prefix: string) => `${prefix}_${'a1B2'.repeat(8)}`;
const live = inProduction({
  STRIPE_SECRET_KEY: made('sk_live'),
  STRIPE_WEBHOOK_SECRET: made('whsec'),
});
const setUp = setUpOf('stripe');

describe('Stripe settings', () => {
  it('work when they are complete, with or without the address of the API', () => {
    expect(setUp(live).name).toBe('stripe');
    expect(setUp({ ...live, STRIPE_SECRET_KEY: made('rk_live') }).name).toBe('stripe');
    expect(setUp({ ...live, STRIPE_API_URL: 'https://api.stripe.com/' }).name).toBe('stripe');
  });

  it('may all be absent, and then the rail is not set up', () => {
    const refusal = expect.objectContaining({ code: 'provider_not_configured', status: 503 });
    expect(() => setUp(platform)).toThrow(refusal);
    expect(() => setUp({ ...platform, STRIPE_API_URL: 'http://127.0.0.1:1' })).toThrow(refusal);
  });

  it.each(['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET'])('refuse an empty %s', (name) => {
    expect(() => setUp({ ...live, [name]: ' ' })).toThrow(`${name} is empty`);
  });

  it('refuse a secret of another kind, in every environment', () => {
    for (const JOURNEY_ENV of ['local', 'staging', 'production']) {
      const env = { ...live, JOURNEY_ENV };
      expect(() => setUp({ ...env, STRIPE_SECRET_KEY: made('pk_live') })).toThrow('secret or restricted key');
      expect(() => setUp({ ...env, STRIPE_SECRET_KEY: made('whsec') })).toThrow('secret or restricted key');
      expect(() => setUp({ ...env, STRIPE_WEBHOOK_SECRET: made('sk_live') })).toThrow('signing secret');
      expect(() => setUp({ ...env, STRIPE_WEBHOOK_SECRET: 'whsec_a b'.padEnd(40, 'c') })).toThrow(
        'signing secret',
      );
    }
  });

  it('refuse test keys, short secrets and those of the sandbox in production', () => {
    expect(() => setUp({ ...live, STRIPE_SECRET_KEY: made('sk_test') })).toThrow('test key');
    expect(() => setUp({ ...live, STRIPE_SECRET_KEY: made('rk_test') })).toThrow('test key');
    expect(() => setUp({ ...live, STRIPE_SECRET_KEY: 'sk_live_short' })).toThrow('demo secret');
    expect(() => setUp({ ...live, STRIPE_WEBHOOK_SECRET: 'whsec_LOCALSANDBOXLOCALSANDBOX' })).toThrow(
      'demo secret',
    );
    expect(() => setUp({ ...live, STRIPE_WEBHOOK_SECRET: 'whsec_test_secret' })).toThrow('too short');
  });

  it('refuse in production every API but that of Stripe', () => {
    expect(() => setUp({ ...live, STRIPE_API_URL: 'http://api.stripe.com' })).toThrow('not for real money');
    for (const url of [
      'https://api.stripe.com.evil.example',
      'https://api.stripe.com/v2',
      'https://u@api.stripe.com',
    ]) {
      expect(() => setUp({ ...live, STRIPE_API_URL: url })).toThrow('must be https://api.stripe.com');
    }
    expect(() => setUp({ ...live, STRIPE_API_URL: 'nowhere' })).toThrow('not an address');
  });

  it('never let a live key go elsewhere, while test keys may go to a sandbox', () => {
    const local = { ...live, JOURNEY_ENV: 'local', STRIPE_API_URL: 'http://127.0.0.1:1/stripe' };
    expect(() => setUp(local)).toThrow('where a live key is used');
    expect(setUp({ ...local, STRIPE_SECRET_KEY: made('sk_test') }).name).toBe('stripe');
  });

  it('count as production when the environment is not named', () => {
    const { JOURNEY_ENV: _, ...unsaid } = live;
    expect(() => setUp({ ...unsaid, STRIPE_SECRET_KEY: made('sk_test') })).toThrow('test key');
  });

  it('make no provider with an empty secret', () => {
    const config = {
      secretKey: made('sk_test'),
      webhookSecret: '',
      apiUrl: 'http://127.0.0.1:1',
      live: false,
    };
    expect(() => createStripe(config)).toThrow('empty');
  });
});

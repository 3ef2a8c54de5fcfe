import type { Env } from '../../env.ts';
import { checkSecret, checkUrl, readSettings } from '../settings.ts';

export interface StripeConfig {
  secretKey: string;
  webhookSecret: string;
  /** `https://api.stripe.com`, or the sandbox. */
  apiUrl: string;
  /** Whether the key is for real money. */
  live: boolean;
}

const liveUrl = 'https://api.stripe.com';

// Stripe's endpoints have 32 characters after `whsec_`; samples and placeholders are shorter
const shortestWebhookSecret = 'whsec_'.length + 24;

/**
 * Stripe's settings, or null when none is set. Throws when only some are set, when production would use test
 * keys, and when a live key would be sent anywhere but to Stripe.
 */
export function stripeConfig(env: Env): StripeConfig | null {
  const settings = readSettings(env, ['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET']);
  if (settings === null) return null;
  const { STRIPE_SECRET_KEY: secretKey, STRIPE_WEBHOOK_SECRET: webhookSecret } = settings;
  const mode = /^(?:sk|rk)_(live|test)_[A-Za-z0-9_]+$/.exec(secretKey)?.[1];
  if (mode === undefined) {
    throw new Error('STRIPE_SECRET_KEY must be a secret or restricted key: sk_live_… or rk_live_….');
  }
  // a publishable or secret key in its place would verify nothing, and look like a setting
  if (!webhookSecret.startsWith('whsec_') || /\s/.test(webhookSecret)) {
    throw new Error('STRIPE_WEBHOOK_SECRET must be the signing secret of the webhook endpoint: whsec_….');
  }
  const production = env.JOURNEY_ENV === 'production';
  checkSecret(env, 'STRIPE_SECRET_KEY', secretKey, []);
  checkSecret(env, 'STRIPE_WEBHOOK_SECRET', webhookSecret, []);
  if (production && mode === 'test') {
    throw new Error('STRIPE_SECRET_KEY is a test key. Production needs the live one.');
  }
  if (production && webhookSecret.length < shortestWebhookSecret) {
    throw new Error('STRIPE_WEBHOOK_SECRET is too short to be one of a live endpoint.');
  }
  const apiUrl = env.STRIPE_API_URL?.trim() || liveUrl;
  checkUrl(env, 'STRIPE_API_URL', apiUrl, []);
  const stripes = new URL(apiUrl).href === new URL(liveUrl).href;
  if ((production || mode === 'live') && !stripes) {
    throw new Error(`STRIPE_API_URL must be ${liveUrl}, or unset, where a live key is used.`);
  }
  return { secretKey, webhookSecret, apiUrl, live: mode === 'live' };
}

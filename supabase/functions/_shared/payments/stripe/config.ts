import type { Env } from '../../env.ts';

export interface StripeConfig {
  name: 'stripe';
}

export function stripeConfig(_env: Env): StripeConfig | null {
  return null;
}

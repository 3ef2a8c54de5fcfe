import { readEnv } from '../../supabase/functions/_shared/env.ts';
import { createProviders } from '../../supabase/functions/_shared/payments/index.ts';
import type { PaymentProvider, ProviderName } from '../../supabase/functions/_shared/payments/provider.ts';

/** What the platform sets for every function; where it runs is not said. */
export const platform = {
  SUPABASE_URL: 'http://127.0.0.1:54321',
  SUPABASE_PUBLISHABLE_KEYS: '{"default":"sb_publishable_x"}',
  SUPABASE_SECRET_KEYS: '{"default":"sb_secret_x"}',
};

/** The environment of production, with settings of its own. */
export function inProduction<Own extends Record<string, string>>(own: Own) {
  return { ...platform, JOURNEY_ENV: 'production', ...own };
}

/** Sets up one provider from an environment, as a function does when it first needs it. */
export function setUpOf(name: ProviderName): (env: Record<string, string>) => PaymentProvider {
  return (env) => createProviders(readEnv(env)).get(name);
}

import { readEnv } from '../../supabase/functions/_shared/env.ts';
import { AppError } from '../../supabase/functions/_shared/errors.ts';
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

/** What is wrong with settings that are refused, where that is why it failed. */
export function reasonOf(error: unknown): unknown {
  return error instanceof AppError && error.cause instanceof Error ? error.cause : error;
}

/** Sets up one provider from an environment, as a function does when it first needs it. Throws what is wrong with it. */
export function setUpOf(name: ProviderName): (env: Record<string, string>) => PaymentProvider {
  return (env) => {
    try {
      return createProviders(readEnv(env)).get(name);
    } catch (error) {
      throw reasonOf(error);
    }
  };
}

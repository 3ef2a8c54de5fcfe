import type { Env } from '../env.ts';
import { appError } from '../errors.ts';
import type { PaymentProvider } from './provider.ts';
import { vnpayConfig } from './vnpay/config.ts';
import { createVnpay } from './vnpay/index.ts';

/** The payment providers of this project, by name. */
export interface Providers {
  /** Whether the name is one we can speak, set up or not. */
  knows(name: string): boolean;
  /** Throws `provider_not_configured` for one that is not set up, `not_found` for one we cannot speak. */
  get(name: string): PaymentProvider;
}

/** Sets up every provider whose settings are in the environment. Throws on settings that are unsafe. */
export function createProviders(env: Env): Providers {
  const vnpay = vnpayConfig(env);
  const configured: Record<string, PaymentProvider | null> = { vnpay: vnpay && createVnpay(vnpay) };
  return providersFrom(configured);
}

/** Providers by name; null stands for one that is known and not set up. */
export function providersFrom(configured: Record<string, PaymentProvider | null>): Providers {
  const knows = (name: string): boolean => Object.hasOwn(configured, name);
  return {
    knows,
    get(name) {
      if (!knows(name)) throw appError('not_found', { provider: name });
      const provider = configured[name];
      if (!provider) throw appError('provider_not_configured', { provider: name });
      return provider;
    },
  };
}

import type { Env } from '../env.ts';
import { appError } from '../errors.ts';
import { momoConfig } from './momo/config.ts';
import { createMomo } from './momo/index.ts';
import { payosConfig } from './payos/config.ts';
import { createPayos } from './payos/index.ts';
import { createPayosTransfers, payosTransfersConfig } from './payos/transfers.ts';
import type { PaymentProvider, ProviderName } from './provider.ts';
import { stripeConfig } from './stripe/config.ts';
import { createStripe } from './stripe/index.ts';
import type { TransferProvider } from './transfers.ts';
import { vietqrConfig } from './vietqr/config.ts';
import { createVietqr } from './vietqr/index.ts';
import { vnpayConfig } from './vnpay/config.ts';
import { createVnpay } from './vnpay/index.ts';
import { zalopayConfig } from './zalopay/config.ts';
import { createZalopay } from './zalopay/index.ts';

/** The payment providers of this project, by name. */
export interface Providers {
  /** Whether the name is one we can speak, set up or not. */
  knows(name: string): boolean;
  /** Throws `provider_not_configured` for one that is not set up, `not_found` for one we cannot speak. */
  get(name: string): PaymentProvider;
}

function made<Config, Made>(config: Config | null, make: (config: Config) => Made): Made | null {
  return config === null ? null : make(config);
}

/** Sets up every provider whose settings are in the environment. Throws on settings that are unsafe. */
export function createProviders(env: Env): Providers {
  const configured: Record<ProviderName, PaymentProvider | null> = {
    vnpay: made(vnpayConfig(env), (config) => createVnpay(config)),
    momo: made(momoConfig(env), (config) => createMomo(config)),
    zalopay: made(zalopayConfig(env), (config) => createZalopay(config)),
    payos: made(payosConfig(env), (config) => createPayos(config)),
    stripe: made(stripeConfig(env), (config) => createStripe(config)),
    vietqr: made(vietqrConfig(env), (config) => createVietqr(config)),
  };
  return providersFrom(configured);
}

/** Whoever sends bank transfers for us, or null: then an admin sends them and records that. */
export function createTransfers(env: Env): TransferProvider | null {
  return made(payosTransfersConfig(env), (config) => createPayosTransfers(config));
}

/** Providers by name; null stands for one that is known and not set up. */
export function providersFrom(configured: Partial<Record<ProviderName, PaymentProvider | null>>): Providers {
  const found = new Map<string, PaymentProvider | null>(Object.entries(configured));
  return {
    knows: (name) => found.has(name),
    get(name) {
      const provider = found.get(name);
      if (provider === undefined) throw appError('not_found', { provider: name });
      if (provider === null) throw appError('provider_not_configured', { provider: name });
      return provider;
    },
  };
}

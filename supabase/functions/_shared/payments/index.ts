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
  /**
   * Throws `provider_not_configured` for one that is not set up, with the reason as its cause where its settings are
   * refused; `not_found` for one we cannot speak.
   */
  get(name: string): PaymentProvider;
  /** What is wrong: settings that are refused, naming the variable, and settings that `needed` providers lack. */
  problems(needed: readonly string[]): string[];
}

/** Set up, not set up (null), or refused, with what is wrong with its settings. */
type SetUp<Made> = Made | null | Error;

// One with bad settings is off, and the others go on: money must not stand still for a key of somebody else.
function setUp<Config, Made>(
  env: Env,
  read: (env: Env) => Config | null,
  make: (config: Config) => Made,
): SetUp<Made> {
  try {
    const config = read(env);
    return config === null ? null : make(config);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Sets up every provider whose settings are in the environment; those with unsafe settings are refused. */
export function createProviders(env: Env): Providers {
  const all: Record<ProviderName, SetUp<PaymentProvider>> = {
    vnpay: setUp(env, vnpayConfig, (config) => createVnpay(config)),
    momo: setUp(env, momoConfig, (config) => createMomo(config)),
    zalopay: setUp(env, zalopayConfig, (config) => createZalopay(config)),
    payos: setUp(env, payosConfig, (config) => createPayos(config)),
    stripe: setUp(env, stripeConfig, (config) => createStripe(config)),
    vietqr: setUp(env, vietqrConfig, (config) => createVietqr(config)),
  };
  return providersFrom(all);
}

/**
 * Whoever sends bank transfers for us, or null: then an admin sends them and records that. One with refused settings
 * is not null, lest a transfer it may have sent be made once more by hand; it throws `provider_not_configured`.
 */
export function createTransfers(env: Env): TransferProvider | null {
  const made = setUp(env, payosTransfersConfig, (config) => createPayosTransfers(config));
  if (!(made instanceof Error)) return made;
  const refuse = async (): Promise<never> => {
    throw appError('provider_not_configured', { provider: 'payos' }, made);
  };
  return { name: 'payos', send: refuse, retrieve: refuse, problem: made.message };
}

/** Providers by name. */
export function providersFrom(all: Partial<Record<ProviderName, SetUp<PaymentProvider>>>): Providers {
  const found = new Map<string, SetUp<PaymentProvider>>(Object.entries(all));
  return {
    knows: (name) => found.has(name),
    get(name) {
      const provider = found.get(name);
      if (provider === undefined) throw appError('not_found', { provider: name });
      if (provider === null) throw appError('provider_not_configured', { provider: name });
      if (provider instanceof Error) throw appError('provider_not_configured', { provider: name }, provider);
      return provider;
    },
    problems: (needed) =>
      [...found].flatMap(([name, provider]) => {
        if (provider instanceof Error) return [provider.message];
        return provider === null && needed.includes(name) ? [`${name} is switched on without settings.`] : [];
      }),
  };
}

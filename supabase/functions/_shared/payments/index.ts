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
  /** Whether we support the provider of this name, set up or not. */
  knows(name: string): boolean;
  /**
   * Throws `not_found` for a name that we do not support, and `provider_not_configured` for a provider that is
   * not set up. When its settings are refused, the cause of the error says why.
   */
  get(name: string): PaymentProvider;
  /**
   * What is wrong: settings that are refused, by the name of the variable, and settings that `needed` providers
   * lack.
   */
  problems(needed: readonly string[]): string[];
}

/** Set up, not set up (null), or refused with the reason. */
type SetUp<Made> = Made | null | Error;

// A provider with bad settings is off and the others work, so that one bad key does not stop all payments.
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

/** Sets up every provider whose settings are in the environment. Refuses those with unsafe settings. */
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
 * The provider that sends our bank transfers, or null: then an admin sends and records them. When the settings
 * are refused it is not null but throws `provider_not_configured`: otherwise an admin could send by hand a
 * transfer that the provider has already sent.
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

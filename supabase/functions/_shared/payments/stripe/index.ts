import type { Outside } from '../call.ts';
import type { PaymentProvider } from '../provider.ts';
import type { StripeConfig } from './config.ts';

export function createStripe(config: StripeConfig, _outside?: Outside): PaymentProvider {
  throw new Error(`${config.name} is not built yet`);
}

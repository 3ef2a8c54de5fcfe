import type { Outside } from '../call.ts';
import type { PaymentProvider } from '../provider.ts';
import type { PayosConfig } from './config.ts';

export function createPayos(config: PayosConfig, _outside?: Outside): PaymentProvider {
  throw new Error(`${config.name} is not built yet`);
}

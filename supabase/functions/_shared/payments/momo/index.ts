import type { Outside } from '../call.ts';
import type { PaymentProvider } from '../provider.ts';
import type { MomoConfig } from './config.ts';

export function createMomo(config: MomoConfig, _outside?: Outside): PaymentProvider {
  throw new Error(`${config.name} is not built yet`);
}

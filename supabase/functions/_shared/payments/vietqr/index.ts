import type { Outside } from '../call.ts';
import type { PaymentProvider } from '../provider.ts';
import type { VietqrConfig } from './config.ts';

export function createVietqr(config: VietqrConfig, _outside?: Outside): PaymentProvider {
  throw new Error(`${config.name} is not built yet`);
}

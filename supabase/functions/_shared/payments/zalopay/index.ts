import type { Outside } from '../call.ts';
import type { PaymentProvider } from '../provider.ts';
import type { ZalopayConfig } from './config.ts';

export function createZalopay(config: ZalopayConfig, _outside?: Outside): PaymentProvider {
  throw new Error(`${config.name} is not built yet`);
}

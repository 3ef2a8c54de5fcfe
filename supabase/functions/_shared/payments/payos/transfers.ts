import type { Env } from '../../env.ts';
import type { Outside } from '../call.ts';
import type { TransferProvider } from '../transfers.ts';

export interface PayosTransfersConfig {
  name: 'payos';
}

export function payosTransfersConfig(_env: Env): PayosTransfersConfig | null {
  return null;
}

export function createPayosTransfers(config: PayosTransfersConfig, _outside?: Outside): TransferProvider {
  throw new Error(`${config.name} transfers are not built yet`);
}

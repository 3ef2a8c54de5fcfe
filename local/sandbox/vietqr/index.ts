import type { SandboxMerchants } from '../merchants.ts';
import type { SandboxCommon, SandboxProvider } from '../provider.ts';

export function createVietqrSandbox(
  _merchant: SandboxMerchants['vietqr'],
  _common: SandboxCommon,
): SandboxProvider {
  return { name: 'vietqr', title: 'Bank transfer (VietQR)', answer: async () => null, close: () => {} };
}

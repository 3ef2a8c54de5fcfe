import type { SandboxMerchants } from '../merchants.ts';
import type { SandboxCommon, SandboxProvider } from '../provider.ts';

export function createMomoSandbox(
  _merchant: SandboxMerchants['momo'],
  _common: SandboxCommon,
): SandboxProvider {
  return { name: 'momo', title: 'MoMo', answer: async () => null, close: () => {} };
}

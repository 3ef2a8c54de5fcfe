import type { SandboxMerchants } from '../merchants.ts';
import type { SandboxCommon, SandboxProvider } from '../provider.ts';

export function createPayosSandbox(
  _merchant: SandboxMerchants['payos'],
  _payout: SandboxMerchants['payosPayout'],
  _common: SandboxCommon,
): SandboxProvider {
  return { name: 'payos', title: 'PayOS', answer: async () => null, close: () => {} };
}

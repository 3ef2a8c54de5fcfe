import type { SandboxMerchants } from '../merchants.ts';
import type { SandboxCommon, SandboxProvider } from '../provider.ts';

export function createStripeSandbox(
  _merchant: SandboxMerchants['stripe'],
  _common: SandboxCommon,
): SandboxProvider {
  return { name: 'stripe', title: 'Stripe', answer: async () => null, close: () => {} };
}

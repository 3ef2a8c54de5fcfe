import type { SandboxMerchants } from '../merchants.ts';
import type { SandboxCommon, SandboxProvider } from '../provider.ts';

export function createZalopaySandbox(
  _merchant: SandboxMerchants['zalopay'],
  _common: SandboxCommon,
): SandboxProvider {
  return { name: 'zalopay', title: 'ZaloPay', answer: async () => null, close: () => {} };
}

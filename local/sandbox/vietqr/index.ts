import type { SandboxMerchants } from '../merchants.ts';
import type { SandboxCommon, SandboxProvider } from '../provider.ts';
import type { VietqrContext } from './context.ts';
import { vietqrRoutes } from './routes.ts';
import { BankStore } from './store.ts';

/** A bank with one account, and SePay's feed of that account. */
export function createVietqrSandbox(
  merchant: SandboxMerchants['vietqr'],
  common: SandboxCommon,
): SandboxProvider {
  const context: VietqrContext = {
    merchant,
    store: new BankStore(common.stateDir),
    webhookUrl: () => common.webhookUrl('vietqr'),
    retryMs: common.retryMs,
    notifyTimeoutMs: common.notifyTimeoutMs,
    throttleMs: common.throttleMs,
    askedAt: [],
    couriers: new Set(),
  };
  return {
    name: 'vietqr',
    title: 'Bank transfer (VietQR)',
    answer: (request) => vietqrRoutes(request, context),
    close: () => {
      for (const courier of context.couriers) courier.close();
    },
  };
}

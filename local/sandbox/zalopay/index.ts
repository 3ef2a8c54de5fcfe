import { Courier } from '../delivery.ts';
import type { SandboxMerchants } from '../merchants.ts';
import type { SandboxCommon, SandboxProvider } from '../provider.ts';
import type { ZalopayContext } from './context.ts';
import { zalopayRoutes } from './routes.ts';
import { ZalopayStore } from './store.ts';

/** ZaloPay: calls up to three times more, until it gets a return_code other than 0. */
export function createZalopaySandbox(
  merchant: SandboxMerchants['zalopay'],
  common: SandboxCommon,
): SandboxProvider {
  const context: ZalopayContext = {
    ...merchant,
    store: new ZalopayStore(common.stateDir),
    courier: new Courier({
      // ZaloPay does not publish this wait
      retryMs: common.retryMs ?? 60_000,
      maxCalls: 4,
      timeoutMs: common.notifyTimeoutMs,
    }),
    baseUrl: () => common.baseUrl(),
    defaultCallbackUrl: () => common.webhookUrl('zalopay'),
    throttleMs: common.throttleMs,
    stepMs: common.stepMs,
    lastQueryAt: new Map(),
  };
  return {
    name: 'zalopay',
    title: 'ZaloPay',
    answer: (request) => zalopayRoutes(request, context),
    close: () => context.courier.close(),
  };
}

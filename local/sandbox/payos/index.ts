import { Courier } from '../delivery.ts';
import type { SandboxMerchants } from '../merchants.ts';
import type { SandboxCommon, SandboxProvider } from '../provider.ts';
import type { PayosContext } from './context.ts';
import { payosRoutes } from './routes.ts';
import { PayosStore } from './store.ts';

/**
 * PayOS: accepts any 2xx. PayOS does not publish how often it calls again; here it is five times, a minute
 * apart.
 */
export function createPayosSandbox(
  merchant: SandboxMerchants['payos'],
  payout: SandboxMerchants['payosPayout'],
  common: SandboxCommon,
): SandboxProvider {
  const context: PayosContext = {
    merchant,
    payout,
    store: new PayosStore(common.stateDir),
    courier: new Courier({
      retryMs: common.retryMs ?? 60_000,
      maxCalls: 5,
      timeoutMs: common.notifyTimeoutMs,
    }),
    baseUrl: common.baseUrl,
    webhookUrl: () => common.webhookUrl('payos'),
    registeredUrl: null,
    stepMs: common.stepMs,
  };
  return {
    name: 'payos',
    title: 'PayOS',
    answer: (request) => payosRoutes(request, context),
    close: () => context.courier.close(),
  };
}

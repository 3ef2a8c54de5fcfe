import { Courier } from '../delivery.ts';
import type { SandboxCommon, SandboxProvider } from '../provider.ts';
import type { VnpayContext } from './context.ts';
import { vnpayRoutes } from './routes.ts';
import { VnpayStore } from './store.ts';

/** VNPay: calls up to ten times, five minutes apart, until it gets RspCode 00 or 02. */
export function createVnpaySandbox(
  merchant: { tmnCode: string; hashSecret: string },
  common: SandboxCommon,
): SandboxProvider {
  const context: VnpayContext = {
    ...merchant,
    store: new VnpayStore(common.stateDir),
    courier: new Courier({
      retryMs: common.retryMs ?? 300_000,
      maxCalls: 10,
      timeoutMs: common.notifyTimeoutMs,
    }),
    ipnUrl: () => common.webhookUrl('vnpay'),
    throttleMs: common.throttleMs,
    stepMs: common.stepMs,
    lastQueryAt: 0,
  };
  return {
    name: 'vnpay',
    title: 'VNPay',
    answer: (request) => vnpayRoutes(request, context),
    close: () => context.courier.close(),
  };
}

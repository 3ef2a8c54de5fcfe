import { Courier } from '../delivery.ts';
import type { SandboxMerchants } from '../merchants.ts';
import type { SandboxCommon, SandboxProvider } from '../provider.ts';
import type { MomoContext } from './context.ts';
import { momoRoutes } from './routes.ts';
import { MomoStore } from './store.ts';

/** MoMo: calls until it gets 204. MoMo does not publish how often; here it is five times, a minute apart. */
export function createMomoSandbox(
  merchant: SandboxMerchants['momo'],
  common: SandboxCommon,
): SandboxProvider {
  const context: MomoContext = {
    merchant,
    store: new MomoStore(common.stateDir),
    courier: new Courier({
      retryMs: common.retryMs ?? 60_000,
      maxCalls: 5,
      timeoutMs: common.notifyTimeoutMs,
    }),
    baseUrl: common.baseUrl,
    lifeMs: 15 * 60_000,
    stepMs: common.stepMs,
    replay: 'answer',
    faults: new Map(),
  };
  return {
    name: 'momo',
    title: 'MoMo',
    answer: (request) => momoRoutes(request, context),
    close: () => context.courier.close(),
  };
}

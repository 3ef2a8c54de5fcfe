import type { SandboxMerchants } from '../merchants.ts';
import type { SandboxCommon, SandboxProvider } from '../provider.ts';
import type { StripeContext } from './context.ts';
import { stripeRoutes, tick } from './routes.ts';
import { StripeStore } from './store.ts';

/** Stripe in test mode: sends an event until it gets 2xx, with growing waits, for three days. */
export function createStripeSandbox(
  merchant: SandboxMerchants['stripe'],
  common: SandboxCommon,
): SandboxProvider {
  const context: StripeContext = {
    ...merchant,
    store: new StripeStore(common.stateDir),
    baseUrl: common.baseUrl,
    webhookUrl: () => common.webhookUrl('stripe'),
    retryMs: common.retryMs ?? 60_000,
    notifyTimeoutMs: common.notifyTimeoutMs,
    couriers: new Set(),
    throttleMs: 0,
    lastReadAt: 0,
    stepMs: common.stepMs,
  };
  const clock = setInterval(() => tick(context), 100);
  clock.unref();
  return {
    name: 'stripe',
    title: 'Stripe',
    answer: (request) => stripeRoutes(request, context),
    close: () => {
      clearInterval(clock);
      for (const courier of context.couriers) courier.close();
    },
  };
}

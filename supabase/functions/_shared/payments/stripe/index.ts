import type { Outside } from '../call.ts';
import type { PaymentProvider } from '../provider.ts';
import { createClient, type StripeTools } from './api.ts';
import { cancel } from './cancel.ts';
import type { StripeConfig } from './config.ts';
import { create } from './create.ts';
import { refund, retrieveRefund } from './refund.ts';
import { retrieve } from './retrieve.ts';
import { constructEvent, respond } from './webhook.ts';

/** Stripe Checkout, through Stripe's own package. Throws on an empty secret. */
export function createStripe(
  config: StripeConfig,
  outside: Outside = { fetch, now: Date.now },
): PaymentProvider {
  if (config.secretKey === '' || config.webhookSecret === '') throw new Error('A secret of Stripe is empty.');
  const tools: StripeTools = { config, client: createClient(config, outside), ...outside };
  return {
    name: 'stripe',
    create: (input) => create(input, tools),
    constructEvent: (request) => constructEvent(request, tools),
    // Stripe does not sign the address it sends the payer back to
    readReturn: async () => ({ status: 'unverified', reference: null }),
    respond,
    retrieve: (input) => retrieve(input, tools),
    refund: (input) => refund(input, tools),
    retrieveRefund: (input) => retrieveRefund(input, tools),
    cancel: (input) => cancel(input, tools),
  };
}

import type { Outside } from '../call.ts';
import type { PaymentProvider } from '../provider.ts';
import { stripeAnswer } from './answers.ts';
import { createClient, type StripeTools } from './client.ts';
import type { StripeConfig } from './config.ts';
import { createSession } from './create.ts';
import { refundStripe, retrieveStripeRefund } from './refund.ts';
import { cancelSession, retrievePayment } from './retrieve.ts';
import { constructStripeEvent } from './webhook.ts';

/** Stripe Checkout, through Stripe's own package. Throws on an empty secret. */
export function createStripe(
  config: StripeConfig,
  outside: Outside = { fetch, now: Date.now },
): PaymentProvider {
  if (config.secretKey === '' || config.webhookSecret === '') throw new Error('A secret of Stripe is empty.');
  const tools: StripeTools = { config, client: createClient(config, outside), ...outside };
  return {
    name: 'stripe',
    create: (input) => createSession(input, tools),
    constructEvent: (request) => constructStripeEvent(request, tools),
    // Stripe does not sign the address it sends the payer back to
    readReturn: async () => ({ status: 'unverified', reference: null }),
    answer: stripeAnswer,
    retrieve: (input) => retrievePayment(input, tools),
    refund: (input) => refundStripe(input, tools),
    retrieveRefund: (input) => retrieveStripeRefund(input, tools),
    cancel: (input) => cancelSession(input, tools),
  };
}

import type { Outside } from '../call.ts';
import { createSigner } from '../hmac.ts';
import type { PaymentProvider } from '../provider.ts';
import type { MomoTools } from './api.ts';
import type { MomoConfig } from './config.ts';
import { create } from './create.ts';
import { refund, retrieveRefund } from './refund.ts';
import { retrieve } from './retrieve.ts';
import { constructEvent, readReturn, respond } from './webhook.ts';

/** MoMo's payment gateway, version 2. Throws on an empty secret. */
export function createMomo(config: MomoConfig, outside: Outside = { fetch, now: Date.now }): PaymentProvider {
  const signer = createSigner(config.secretKey, 'SHA-256');
  const tools: MomoTools = { config, signer, ...outside };
  return {
    name: 'momo',
    create: (input) => create(input, tools),
    constructEvent: (request) => constructEvent(request, config, signer),
    readReturn: (query) => readReturn(query, config, signer),
    respond,
    retrieve: (input) => retrieve(input, tools),
    refund: (input) => refund(input, tools),
    retrieveRefund: (input) => retrieveRefund(input, tools),
    // MoMo cancels only authorised payments; an unpaid page lives as long as MoMo set for the merchant
    cancel: async () => 'unsupported',
  };
}

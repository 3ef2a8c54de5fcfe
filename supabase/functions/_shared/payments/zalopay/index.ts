import type { Outside } from '../call.ts';
import { createSigner } from '../hmac.ts';
import type { PaymentProvider } from '../provider.ts';
import type { ZalopayTools } from './api.ts';
import type { ZalopayConfig } from './config.ts';
import { create } from './create.ts';
import { refund, retrieveRefund } from './refund.ts';
import { retrieve } from './retrieve.ts';
import { constructEvent, readReturn, respond } from './webhook.ts';

/** ZaloPay v2. Throws on empty keys. */
export function createZalopay(
  config: ZalopayConfig,
  outside: Outside = { fetch, now: Date.now },
): PaymentProvider {
  const key2 = createSigner(config.key2, 'SHA-256');
  const tools: ZalopayTools = { config, signer: createSigner(config.key1, 'SHA-256'), ...outside };
  return {
    name: 'zalopay',
    create: (input) => create(input, tools),
    constructEvent: (request) => constructEvent(request, config, key2),
    readReturn: (query) => readReturn(query, config, key2),
    respond,
    retrieve: (input) => retrieve(input, tools),
    refund: (input) => refund(input, tools),
    retrieveRefund: (input) => retrieveRefund(input, tools),
    // ZaloPay does not publish the answers of its cancel call; an order expires by expire_duration_seconds
    cancel: async () => 'unsupported',
  };
}

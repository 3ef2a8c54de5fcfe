import type { Outside } from '../call.ts';
import { createSigner } from '../hmac.ts';
import type { PaymentProvider } from '../provider.ts';
import { zalopayAnswer } from './answers.ts';
import type { ZalopayTools } from './api.ts';
import type { ZalopayConfig } from './config.ts';
import { createOrder } from './create.ts';
import { refundOrder, retrieveZalopayRefund } from './refund.ts';
import { retrieveOrder } from './retrieve.ts';
import { constructZalopayEvent, readZalopayReturn } from './webhook.ts';

/** ZaloPay v2. Throws on empty keys. */
export function createZalopay(
  config: ZalopayConfig,
  outside: Outside = { fetch, now: Date.now },
): PaymentProvider {
  const key2 = createSigner(config.key2, 'SHA-256');
  const tools: ZalopayTools = { config, signer: createSigner(config.key1, 'SHA-256'), ...outside };
  return {
    name: 'zalopay',
    create: (input) => createOrder(input, tools),
    constructEvent: (request) => constructZalopayEvent(request, config, key2),
    readReturn: (query) => readZalopayReturn(query, config, key2),
    answer: zalopayAnswer,
    retrieve: (input) => retrieveOrder(input, tools),
    refund: (input) => refundOrder(input, tools),
    retrieveRefund: (input) => retrieveZalopayRefund(input, tools),
    // the answers of its call for it are not published; an order ends by expire_duration_seconds
    cancel: async () => 'unsupported',
  };
}

import type { Outside } from '../call.ts';
import { createSigner } from '../hmac.ts';
import type { PaymentProvider } from '../provider.ts';
import type { VnpayConfig } from './config.ts';
import { create } from './create.ts';
import { refund, retrieveRefund } from './refund.ts';
import { retrieve, type VnpayTools } from './retrieve.ts';
import { constructEvent, readReturn, respond } from './webhook.ts';

/** VNPay 2.1.0. Throws on an empty secret. */
export function createVnpay(
  config: VnpayConfig,
  outside: Outside = { fetch, now: Date.now },
): PaymentProvider {
  const signer = createSigner(config.hashSecret, 'SHA-512');
  const tools: VnpayTools = { config, signer, ...outside };
  return {
    name: 'vnpay',
    create: (input) => create(input, config, signer),
    constructEvent: (request) => constructEvent(request, config, signer),
    readReturn: (query) => readReturn(query, config, signer),
    respond,
    retrieve: (input) => retrieve(input, tools),
    refund: (input) => refund(input, tools),
    retrieveRefund: (input) => retrieveRefund(input, tools),
    // VNPay has no call for it; the link expires at vnp_ExpireDate, when our own hold ends
    cancel: async () => 'unsupported',
  };
}

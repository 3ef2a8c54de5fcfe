import type { Outside } from '../call.ts';
import { createSigner } from '../hmac.ts';
import type { PaymentProvider } from '../provider.ts';
import { vnpayAnswer } from './answers.ts';
import type { VnpayConfig } from './config.ts';
import { createPayUrl } from './pay-url.ts';
import { refundVnpay } from './refund.ts';
import { retrievePayment, retrieveVnpayRefund, type VnpayTools } from './retrieve.ts';
import { constructVnpayEvent, readVnpayReturn } from './webhook.ts';

/** VNPay 2.1.0. Throws on an empty secret. */
export function createVnpay(
  config: VnpayConfig,
  outside: Outside = { fetch, now: Date.now },
): PaymentProvider {
  const signer = createSigner(config.hashSecret, 'SHA-512');
  const tools: VnpayTools = { config, signer, ...outside };
  return {
    name: 'vnpay',
    create: (input) => createPayUrl(input, config, signer),
    constructEvent: (request) => constructVnpayEvent(request, config, signer),
    readReturn: (query) => readVnpayReturn(query, config, signer),
    answer: vnpayAnswer,
    retrieve: (input) => retrievePayment(input, tools),
    refund: (input) => refundVnpay(input, tools),
    retrieveRefund: (input) => retrieveVnpayRefund(input, tools),
    // VNPay has no call for it; the link ends at vnp_ExpireDate, which is the end of our own hold
    cancel: async () => 'unsupported',
  };
}

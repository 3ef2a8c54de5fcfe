import type { Outside } from '../call.ts';
import { createSigner } from '../hmac.ts';
import type { PaymentProvider } from '../provider.ts';
import { momoAnswer } from './answers.ts';
import type { MomoTools } from './api.ts';
import type { MomoConfig } from './config.ts';
import { createMomoOrder } from './create.ts';
import { refundMomo } from './refund.ts';
import { retrieveMomoPayment, retrieveMomoRefund } from './retrieve.ts';
import { constructMomoEvent, readMomoReturn } from './webhook.ts';

/** MoMo's payment gateway, version 2. Throws on an empty secret. */
export function createMomo(config: MomoConfig, outside: Outside = { fetch, now: Date.now }): PaymentProvider {
  const signer = createSigner(config.secretKey, 'SHA-256');
  const tools: MomoTools = { config, signer, ...outside };
  return {
    name: 'momo',
    create: (input) => createMomoOrder(input, tools),
    constructEvent: (request) => constructMomoEvent(request, config, signer),
    readReturn: (query) => readMomoReturn(query, config, signer),
    answer: momoAnswer,
    retrieve: (input) => retrieveMomoPayment(input, tools),
    refund: (input) => refundMomo(input, tools),
    retrieveRefund: (input) => retrieveMomoRefund(input, tools),
    // MoMo ends authorised payments only; a page nobody paid on lives as long as it set for the merchant
    cancel: async () => 'unsupported',
  };
}

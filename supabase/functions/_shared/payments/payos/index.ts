import type { Outside } from '../call.ts';
import { createSigner } from '../hmac.ts';
import type { PaymentProvider, RefundResult } from '../provider.ts';
import type { PayosTools } from './api.ts';
import { createPayosLink } from './checkout.ts';
import type { PayosConfig } from './config.ts';
import { cancelPayos, retrievePayos } from './retrieve.ts';
import { constructPayosEvent, payosAnswer } from './webhook.ts';

// money goes back by a bank transfer of our own, see transfers.ts
const cannotRefund: RefundResult = { known: true, status: 'failed', refundId: null, code: 'unsupported' };

/** PayOS: bank transfers by QR code, recognised by it. Throws on an empty checksum key. */
export function createPayos(
  config: PayosConfig,
  outside: Outside = { fetch, now: Date.now },
): PaymentProvider {
  const signer = createSigner(config.checksumKey, 'SHA-256');
  const tools: PayosTools = { config, signer, ...outside };
  return {
    name: 'payos',
    create: (input) => createPayosLink(input, tools),
    constructEvent: (request) => constructPayosEvent(request, signer),
    // the return address is signed by nobody
    readReturn: async () => ({ status: 'unverified', reference: null }),
    answer: payosAnswer,
    retrieve: (input) => retrievePayos(input, tools),
    refund: async () => cannotRefund,
    retrieveRefund: async () => cannotRefund,
    cancel: (input) => cancelPayos(input, tools),
  };
}

import type { Outside } from '../call.ts';
import { createSigner } from '../hmac.ts';
import type { PaymentProvider, RefundResult } from '../provider.ts';
import type { PayosTools } from './api.ts';
import { cancel } from './cancel.ts';
import type { PayosConfig } from './config.ts';
import { create } from './create.ts';
import { retrieve } from './retrieve.ts';
import { constructEvent, respond } from './webhook.ts';

// refunds go by a bank transfer of our own, see transfers.ts
const cannotRefund: RefundResult = { known: true, status: 'failed', refundId: null, code: 'unsupported' };

/** PayOS: bank transfers by QR code, which PayOS recognises. Throws on an empty checksum key. */
export function createPayos(
  config: PayosConfig,
  outside: Outside = { fetch, now: Date.now },
): PaymentProvider {
  const signer = createSigner(config.checksumKey, 'SHA-256');
  const tools: PayosTools = { config, signer, ...outside };
  return {
    name: 'payos',
    create: (input) => create(input, tools),
    constructEvent: (request) => constructEvent(request, signer, config.feedAccount),
    // nobody signs the return address
    readReturn: async () => ({ status: 'unverified', reference: null }),
    respond,
    retrieve: (input) => retrieve(input, tools),
    refund: async () => cannotRefund,
    retrieveRefund: async () => cannotRefund,
    cancel: (input) => cancel(input, tools),
  };
}

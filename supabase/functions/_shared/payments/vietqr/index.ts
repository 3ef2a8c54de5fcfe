import type { Outside } from '../call.ts';
import { createSigner } from '../hmac.ts';
import type { PaymentProvider, RefundResult } from '../provider.ts';
import type { VietqrConfig } from './config.ts';
import { create } from './create.ts';
import { readFeed } from './feed.ts';
import { retrieve } from './retrieve.ts';
import { constructEvent, respond } from './webhook.ts';

// refunds go by a bank transfer of our own, see transfers.ts
const cannotRefund: RefundResult = { known: true, status: 'failed', refundId: null, code: 'unsupported' };

/**
 * Transfers to our own bank account: a VietQR code to pay by, and SePay's feed that reports the money. Throws
 * on an empty webhook secret.
 */
export function createVietqr(
  config: VietqrConfig,
  outside: Outside = { fetch, now: Date.now },
): PaymentProvider {
  const signer = createSigner(config.webhookSecret, 'SHA-256');
  const tools = { signer, accountNumber: config.accountNumber, now: outside.now };
  return {
    name: 'vietqr',
    create: (input) => create(input, config),
    constructEvent: (request) => constructEvent(request, tools),
    // a transfer is made in the bank's app, which returns to no address
    readReturn: async () => ({ status: 'unverified', reference: null }),
    respond,
    retrieve: (input) => retrieve(input, { config, ...outside }),
    readFeed: (cursor) => readFeed(cursor, { config, ...outside }),
    refund: async () => cannotRefund,
    retrieveRefund: async () => cannotRefund,
    // a bank account accepts every transfer
    cancel: async () => 'unsupported',
  };
}

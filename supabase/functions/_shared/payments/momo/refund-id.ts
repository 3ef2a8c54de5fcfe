import { sha256Hex } from '../../secrets.ts';
import type { RefundInput } from '../provider.ts';

// request ids have at most 50 characters, and unmatched money may name an order that we did not create
const longestReference = 24;

/**
 * The order id and request id of a refund. People can read it in MoMo's portal. It is equal for repeats of one
 * order.
 */
export async function refundOrderOf({
  reference,
  requestKey,
}: Pick<RefundInput, 'reference' | 'requestKey'>): Promise<string> {
  const own = `R${(await sha256Hex(requestKey)).slice(0, 24)}`;
  return reference === '' ? own : `${reference.slice(0, longestReference)}-${own}`;
}

export function isRefundOrder(orderId: unknown): boolean {
  return typeof orderId === 'string' && /(^|-)R[0-9a-f]{24}$/.test(orderId);
}

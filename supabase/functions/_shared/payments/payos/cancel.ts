import { appError } from '../../errors.ts';
import type { AttemptInput } from '../provider.ts';
import { callPayos, type PayosAnswer, type PayosTools, unknownOrder } from './api.ts';
import { orderCodeOf } from './order-code.ts';
import { fetchOrder } from './retrieve.ts';

const ended = ['CANCELLED', 'EXPIRED', 'FAILED', 'PAID'];

/**
 * Cancels a link. A link that has ended, or was never made, needs nothing more. Money that came through it
 * arrives by notification and `retrieve` as usual.
 */
export async function cancel(input: AttemptInput, tools: PayosTools): Promise<'cancelled'> {
  const orderCode = orderCodeOf(input.reference);
  const reason = { cancellationReason: 'Closed by the merchant' };
  const answer = await callPayos('POST', `/v2/payment-requests/${orderCode}/cancel`, reason, tools);
  if (answer.code === unknownOrder) return 'cancelled';
  const isOver = ({ code, signed, data }: PayosAnswer): boolean =>
    code === '00' && signed && data.orderCode === orderCode && ended.includes(String(data.status));
  if (isOver(answer) || isOver(await fetchOrder(orderCode, tools))) return 'cancelled';
  const cause = new Error(`PayOS did not cancel ${input.reference} (${answer.code})`);
  throw appError('provider_unavailable', { provider: 'payos' }, cause);
}

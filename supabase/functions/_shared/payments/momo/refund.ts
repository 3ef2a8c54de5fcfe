import type { RefundInput, RefundResult } from '../provider.ts';
import { callMomo, type MomoTools } from './api.ts';
import { refundOrderOf } from './refund-order.ts';
import { wholeNumber } from './report.ts';
import { apiTimeoutMs, refundIdOf, refundStatus } from './retrieve.ts';

// bad format, amount, amount out of range, no such payment: nothing was done, and a repeat would not help
const refusals = new Set([20, 21, 22, 42]);
// this very order was given before; what became of it is asked for before the next try
const givenBefore = new Set([40, 41]);

/** Orders a refund. Order and request id follow from `requestKey`, so MoMo does not pay a repeat twice. */
export async function refundMomo(input: RefundInput, tools: MomoTools): Promise<RefundResult> {
  const transId = wholeNumber(input.transactionId);
  if (transId === null) return { known: true, status: 'failed', refundId: null, code: 'no_transaction_id' };
  const orderId = await refundOrderOf(input);
  const ours = { partnerCode: tools.config.partnerCode, orderId, amount: input.refundAmount };
  const message = {
    ...ours,
    requestId: orderId,
    transId,
    lang: 'en',
    description: `Hoan tien ${input.reference}`,
  };
  const answer = await callMomo('refund', message, apiTimeoutMs, tools);
  const { code } = answer;
  if (!answer.agrees(ours)) return { known: false, status: 'no_information', reason: 'other_order' };
  if (givenBefore.has(code)) return { known: false, status: 'try_later', reason: String(code) };
  if (refusals.has(code)) return { known: true, status: 'failed', refundId: null, code: String(code) };
  const result = refundStatus(code, refundIdOf(answer.body.transId, orderId, input));
  if (result.known && !answer.confirms(ours)) {
    return { known: false, status: 'no_information', reason: 'other_order' };
  }
  return result;
}

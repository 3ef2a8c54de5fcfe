import type { RefundInput, RefundResult } from '../provider.ts';
import { callMomo, type MomoTools } from './api.ts';
import { refundOrderOf } from './refund-id.ts';
import { movementId, underWay, wholeNumber } from './report.ts';
import { apiTimeoutMs, query, temporary, unsettled } from './retrieve.ts';

// bad format, amount, amount out of range, no such payment: MoMo did nothing, and a repeat would not help
const refusals = new Set([20, 21, 22, 42]);
// MoMo has this very order already; the next try first asks what became of it
const givenBefore = new Set([40, 41]);

/** Orders a refund. Order id and request id follow from `requestKey`, so MoMo does not pay a repeat twice. */
export async function refund(input: RefundInput, tools: MomoTools): Promise<RefundResult> {
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

/**
 * What a result code means for a refund, in the answer to its order or in the list of a payment's refunds.
 * 1080: failed on its way, a new order may succeed. 1081: more than what is left. 1088: not allowed. All are
 * final for this order, because MoMo gives the same answer to its repeats.
 */
function refundStatus(code: number, refundId: string): RefundResult {
  if (code === 0) return { known: true, status: 'succeeded', refundId, code: '0' };
  if (underWay.has(code) || code === 9000) {
    return { known: true, status: 'processing', refundId, code: String(code) };
  }
  if (code >= 1000) return { known: true, status: 'failed', refundId, code: String(code) };
  // 43: MoMo is working on another refund of this payment
  if (temporary.has(code) || code === 43) return { known: false, status: 'try_later', reason: String(code) };
  return { known: false, status: 'no_information', reason: code === -1 ? 'malformed' : String(code) };
}

/** MoMo's own number of the refund, or else the order id that MoMo knows it by. */
function refundIdOf(transId: unknown, orderId: string, input: RefundInput): string {
  const id = movementId(transId);
  return id === null || id === input.transactionId ? orderId : id;
}

interface RefundRow {
  orderId?: unknown;
  amount?: unknown;
  resultCode?: unknown;
  transId?: unknown;
}

/** Asks MoMo for the result of a refund. The answer about a payment lists its refunds, by our order ids. */
export async function retrieveRefund(input: RefundInput, tools: MomoTools): Promise<RefundResult> {
  // the list belongs to the payment's order, and unmatched money may name no order
  if (input.reference === '') return { known: false, status: 'no_information', reason: 'no_reference' };
  const answer = await query(input, tools);
  const problem = unsettled(answer, input, tools);
  if (problem) return { known: false, status: problem.kind, reason: problem.reason };
  const listed = answer.body.refundTrans;
  const rows: RefundRow[] = Array.isArray(listed)
    ? listed.filter((row) => typeof row === 'object' && row !== null)
    : [];
  const orderId = await refundOrderOf(input);
  const ours = rows.filter((row) => row.orderId === orderId);
  if (ours.some((row) => wholeNumber(row.amount) !== input.refundAmount)) {
    return { known: false, status: 'no_information', reason: 'other_amount' };
  }
  // one order can be listed more than once: a row that moved money counts before the others
  const results = ours.map((row) =>
    refundStatus(wholeNumber(row.resultCode) ?? -1, refundIdOf(row.transId, orderId, input)),
  );
  return (
    results.find(({ status }) => status === 'succeeded') ??
    results.find(({ status }) => status === 'processing') ??
    results[0] ?? { known: false, status: 'no_information', reason: 'not_listed' }
  );
}

import type { AttemptInput, RefundInput, RefundResult, Retrieved } from '../provider.ts';
import { callMomo, type MomoAnswer, type MomoTools } from './api.ts';
import { refundOrderOf } from './refund-order.ts';
import { movementId, readReport, underWay, wholeNumber } from './report.ts';

/** MoMo asks for 30 s; whoever asks from the outbox has 20 in all, and asks again. */
export const apiTimeoutMs = 15_000;

// maintenance, access denied, API version, merchant authentication: over once MoMo or our settings are mended
const passing = new Set([10, 11, 12, 13]);

async function query(input: AttemptInput, tools: MomoTools): Promise<MomoAnswer> {
  const { partnerCode } = tools.config;
  // an answer is remembered by its request id, so every question has a new one
  const requestId = crypto.randomUUID();
  const message = { partnerCode, requestId, orderId: input.reference, lang: 'en' };
  return callMomo('query', message, apiTimeoutMs, tools);
}

type Unsettled = { kind: 'try_later' | 'no_information'; reason: string };

// Codes below 1000, but 0, are about the question and say nothing of the payment.
function unsettled(answer: MomoAnswer, input: AttemptInput, tools: MomoTools): Unsettled | null {
  const { code } = answer;
  if (code === -1) return { kind: 'no_information', reason: 'malformed' };
  if (code !== 0 && code < 1000) {
    return { kind: passing.has(code) ? 'try_later' : 'no_information', reason: String(code) };
  }
  const ours = { partnerCode: tools.config.partnerCode, orderId: input.reference };
  return answer.confirms(ours) ? null : { kind: 'no_information', reason: 'other_order' };
}

/** Asks MoMo what became of a payment. */
export async function retrieveMomoPayment(input: AttemptInput, tools: MomoTools): Promise<Retrieved> {
  const answer = await query(input, tools);
  // answers carry no signature, so an hour must pass before this one is believed
  if (answer.code === 42) return { kind: 'not_found', signed: false };
  const problem = unsettled(answer, input, tools);
  if (problem) return problem;
  const report = readReport(answer.body);
  if (report === null) return { kind: 'no_information', reason: 'malformed' };
  // another sum that was paid is news; one of which nothing was paid is only a doubtful answer
  if (report.outcome !== 'succeeded' && report.amount !== input.amount) {
    return { kind: 'no_information', reason: 'other_amount' };
  }
  return { kind: 'reports', reports: [report] };
}

/**
 * What a result code means for a refund, in the answer to its order or in the list of a payment's refunds.
 * 1080 failed on its way and may be ordered anew, 1081 exceeds what is left, 1088 is not allowed: all final
 * for this order, as MoMo gives the same answer to its repeats.
 */
export function refundStatus(code: number, refundId: string): RefundResult {
  if (code === 0) return { known: true, status: 'succeeded', refundId, code: '0' };
  if (underWay.has(code) || code === 9000) {
    return { known: true, status: 'processing', refundId, code: String(code) };
  }
  if (code >= 1000) return { known: true, status: 'failed', refundId, code: String(code) };
  // 43: another refund of this payment is at work
  if (passing.has(code) || code === 43) return { known: false, status: 'try_later', reason: String(code) };
  return { known: false, status: 'no_information', reason: code === -1 ? 'malformed' : String(code) };
}

/** MoMo's number of the refund where it has one of its own, or else the order id it knows it by. */
export function refundIdOf(transId: unknown, orderId: string, input: RefundInput): string {
  const id = movementId(transId);
  return id === null || id === input.transactionId ? orderId : id;
}

interface RefundRow {
  orderId?: unknown;
  amount?: unknown;
  resultCode?: unknown;
  transId?: unknown;
}

/** Asks MoMo what became of a refund: the answer about a payment lists its refunds, by our order ids. */
export async function retrieveMomoRefund(input: RefundInput, tools: MomoTools): Promise<RefundResult> {
  // the list hangs on the payment's order, which money nobody expected need not name
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
  // one order can be listed more than once: money that moved counts before what is said of it elsewhere
  const results = ours.map((row) =>
    refundStatus(wholeNumber(row.resultCode) ?? -1, refundIdOf(row.transId, orderId, input)),
  );
  return (
    results.find(({ status }) => status === 'succeeded') ??
    results.find(({ status }) => status === 'processing') ??
    results[0] ?? { known: false, status: 'no_information', reason: 'not_listed' }
  );
}

import { sha256Hex } from '../../secrets.ts';
import type { RefundInput, RefundResult } from '../provider.ts';
import { vietnamTime } from '../vietnam-time.ts';
import { callVnpay, type VnpayAnswer } from './api.ts';
import { createDateOf, doubt, query, type VnpayTools } from './retrieve.ts';

/**
 * Orders a refund. The request id follows from `requestKey`, so VNPay refuses a repeat instead of paying twice.
 */
export async function refund(input: RefundInput, tools: VnpayTools): Promise<RefundResult> {
  const { config, signer, fetch } = tools;
  const message = {
    vnp_RequestId: (await sha256Hex(input.requestKey)).slice(0, 32),
    vnp_Version: '2.1.0',
    vnp_Command: 'refund',
    vnp_TmnCode: config.tmnCode,
    vnp_TransactionType: input.refundAmount === input.amount ? '02' : '03',
    vnp_TxnRef: input.reference,
    vnp_Amount: String(input.refundAmount * 100),
    vnp_TransactionNo: input.transactionId ?? '0',
    vnp_TransactionDate: createDateOf(input),
    vnp_CreateBy: 'journey',
    vnp_CreateDate: vietnamTime(tools.now()),
    vnp_IpAddr: '127.0.0.1',
    vnp_OrderInfo: `Hoan tien ${input.reference}`,
  };
  const answer = await callVnpay('refund', message, config, signer, fetch);
  const code = answer.field('ResponseCode');
  // 94: this request, or another about the payment, came within the last five minutes. Unlike the 94 of a
  // query, it is about this refund alone, and VNPay may have accepted it. It counts as a try, so that the next
  // try asks first.
  if (code === '94') return { known: false, status: 'try_later', reason: '94' };
  if (!answer.signed) return { known: false, status: 'no_information', reason: `unsigned_${code}` };
  if (code === '00') {
    const result = refundStatus(answer, input);
    // VNPay accepted the order, whatever its status says: from now on ask about it, and never send it again
    return result.known ? result : { known: true, status: 'processing', refundId: null, code: result.reason };
  }
  // 99 is VNPay's "other error", which may pass; the other codes are refusals
  if (code === '99' || code === '98') return { known: false, status: 'try_later', reason: code };
  return { known: true, status: 'failed', refundId: null, code };
}

const refundStates: Record<string, 'succeeded' | 'processing' | 'failed'> = {
  '00': 'succeeded',
  '01': 'processing',
  '05': 'processing',
  '06': 'processing',
  // under suspicion: VNPay holds the money and has not refused
  '07': 'processing',
  '02': 'failed',
  '09': 'failed',
};

/**
 * What a transaction status means for a refund: 05 in process, 06 sent to the bank, 02 and 09 refused. A
 * missing status, or one that refunds do not have, proves nothing. If it counted as a failure, the money would
 * be sent once more.
 */
function refundStatus(answer: VnpayAnswer, { transactionId }: RefundInput): RefundResult {
  const code = answer.field('TransactionStatus');
  const status = Object.hasOwn(refundStates, code) ? refundStates[code] : undefined;
  if (status === undefined) return { known: false, status: 'no_information', reason: `status_${code}` };
  // its own number, or none: the number of the payment would be equal for each of its refunds
  const number = answer.field('TransactionNo');
  const refundId = /^0*$/.test(number) || number === transactionId ? null : number;
  return { known: true, status, refundId, code: status === 'failed' ? `status_${code}` : code };
}

/** Asks VNPay for the result of a refund. VNPay answers only about the latest movement of the payment. */
export async function retrieveRefund(input: RefundInput, tools: VnpayTools): Promise<RefundResult> {
  const answer = await query(input, tools);
  const reason = doubt(answer);
  if (reason !== null) return { known: false, status: 'no_information', reason };
  const type = answer.field('TransactionType');
  const ours =
    answer.field('TxnRef') === input.reference &&
    (type === '02' || type === '03') &&
    answer.field('Amount') === String(input.refundAmount * 100) &&
    (input.refundId === null || answer.field('TransactionNo') === input.refundId) &&
    input.otherRefundIds?.includes(answer.field('TransactionNo')) !== true;
  return ours
    ? refundStatus(answer, input)
    : { known: false, status: 'no_information', reason: 'other_movement' };
}

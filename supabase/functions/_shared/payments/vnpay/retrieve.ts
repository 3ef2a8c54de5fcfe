import { type Outside, rateLimited } from '../call.ts';
import type { Signer } from '../hmac.ts';
import type { AttemptInput, RefundInput, RefundResult, Retrieved } from '../provider.ts';
import { vietnamTime } from '../vietnam-time.ts';
import { callVnpay, type VnpayAnswer } from './api.ts';
import type { VnpayConfig } from './config.ts';
import { readReport } from './report.ts';

/** What calls to VNPay need besides the attempt. */
export interface VnpayTools extends Outside {
  config: VnpayConfig;
  signer: Signer;
}

/** The date of the pay link, by which VNPay finds a payment. */
export function createDateOf(input: AttemptInput): string {
  const date = input.providerData.create_date;
  if (typeof date === 'string' && /^\d{14}$/.test(date)) return date;
  throw new Error(`attempt ${input.reference} has no create_date, so VNPay cannot be asked about it`);
}

// 94 is VNPay asking for patience: one query per terminal in about five minutes, whichever payment it is about. A
// refund is an order, and not counted with them.
async function query(input: AttemptInput, tools: VnpayTools): Promise<VnpayAnswer> {
  const message = {
    vnp_RequestId: crypto.randomUUID().replaceAll('-', ''),
    vnp_Version: '2.1.0',
    vnp_Command: 'querydr',
    vnp_TmnCode: tools.config.tmnCode,
    vnp_TxnRef: input.reference,
    vnp_TransactionDate: createDateOf(input),
    vnp_CreateDate: vietnamTime(tools.now()),
    vnp_IpAddr: '127.0.0.1',
    vnp_OrderInfo: `Truy van ${input.reference}`,
  };
  const answer = await callVnpay('querydr', message, tools.config, tools.signer, tools.fetch);
  if (answer.field('ResponseCode') === '94') throw rateLimited('vnpay', '94', { questionsOnly: true });
  return answer;
}

/** Why an answer proves nothing; null when it does. */
function doubt(answer: VnpayAnswer): string | null {
  const code = answer.field('ResponseCode');
  if (!answer.signed) return `unsigned_${code}`;
  return code === '00' ? null : code;
}

/** Asks VNPay what became of a payment. */
export async function retrievePayment(input: AttemptInput, tools: VnpayTools): Promise<Retrieved> {
  const answer = await query(input, tools);
  if (answer.field('ResponseCode') === '91') return { kind: 'not_found', signed: answer.signed };
  const reason = doubt(answer);
  if (reason !== null) return { kind: 'no_information', reason };
  if (answer.field('TxnRef') !== input.reference)
    return { kind: 'no_information', reason: 'other_reference' };
  // 02 and 03 are refunds of this payment and say nothing about whether it was paid
  if (answer.field('TransactionType') !== '01') return { kind: 'no_information', reason: 'refund_row' };
  const report = readReport({
    reference: input.reference,
    amount: answer.field('Amount'),
    responseCode: '00',
    transactionStatus: answer.field('TransactionStatus'),
    transactionNo: answer.field('TransactionNo'),
  });
  return report ? { kind: 'reports', reports: [report] } : { kind: 'no_information', reason: 'malformed' };
}

const refundStates: Record<string, 'succeeded' | 'processing' | 'failed'> = {
  '00': 'succeeded',
  '01': 'processing',
  '05': 'processing',
  '06': 'processing',
  // under suspicion: held back, and not refused
  '07': 'processing',
  '02': 'failed',
  '09': 'failed',
};

/**
 * What a transaction status means for a refund: 05 in process, 06 sent to the bank, 02 and 09 refused. None, or one
 * that is not of refunds, proves nothing: taken for a failure, the money would be sent once more.
 */
export function refundStatus(answer: VnpayAnswer, { transactionId }: RefundInput): RefundResult {
  const code = answer.field('TransactionStatus');
  const status = Object.hasOwn(refundStates, code) ? refundStates[code] : undefined;
  if (status === undefined) return { known: false, status: 'no_information', reason: `status_${code}` };
  // a number of its own, or none: that of the payment would be the same for each of its refunds
  const number = answer.field('TransactionNo');
  const refundId = /^0*$/.test(number) || number === transactionId ? null : number;
  return { known: true, status, refundId, code: status === 'failed' ? `status_${code}` : code };
}

/** Asks VNPay what became of a refund. It answers about the latest movement of the payment only. */
export async function retrieveVnpayRefund(input: RefundInput, tools: VnpayTools): Promise<RefundResult> {
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

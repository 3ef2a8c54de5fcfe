import { type Outside, rateLimited } from '../call.ts';
import type { Signer } from '../hmac.ts';
import type { AttemptInput, RetrieveResult } from '../provider.ts';
import { vietnamTime } from '../vietnam-time.ts';
import { callVnpay, type VnpayAnswer } from './api.ts';
import type { VnpayConfig } from './config.ts';
import { readReport } from './report.ts';

/** What a call to VNPay needs besides the attempt. */
export interface VnpayTools extends Outside {
  config: VnpayConfig;
  signer: Signer;
}

/** The date of the pay link. VNPay finds a payment by it. */
export function createDateOf(input: AttemptInput): string {
  const date = input.providerData.create_date;
  if (typeof date === 'string' && /^\d{14}$/.test(date)) return date;
  throw new Error(`attempt ${input.reference} has no create_date, so VNPay cannot be asked about it`);
}

// 94 is VNPay's rate limit: one query per terminal in about five minutes, whichever payment it is about.
// Refunds are orders, so they do not count.
export async function query(input: AttemptInput, tools: VnpayTools): Promise<VnpayAnswer> {
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
  if (answer.field('ResponseCode') === '94') throw rateLimited('vnpay', '94', { queriesOnly: true });
  return answer;
}

/** Why an answer proves nothing; null when it does. */
export function doubt(answer: VnpayAnswer): string | null {
  const code = answer.field('ResponseCode');
  if (!answer.signed) return `unsigned_${code}`;
  return code === '00' ? null : code;
}

/** Asks VNPay for the result of a payment. */
export async function retrieve(input: AttemptInput, tools: VnpayTools): Promise<RetrieveResult> {
  const answer = await query(input, tools);
  if (answer.field('ResponseCode') === '91') return { kind: 'not_found', signed: answer.signed };
  const reason = doubt(answer);
  if (reason !== null) return { kind: 'no_information', reason };
  if (answer.field('TxnRef') !== input.reference)
    return { kind: 'no_information', reason: 'other_reference' };
  // 02 and 03 are refunds of this payment and do not say whether it was paid
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

import { callApi } from '../call.ts';
import type { Signer } from '../hmac.ts';
import type { VnpayConfig } from './config.ts';
import { pipeText } from './sign.ts';

const queryFields = 'RequestId|Version|Command|TmnCode|TxnRef|TransactionDate|CreateDate|IpAddr|OrderInfo';
const refundFields =
  'RequestId|Version|Command|TmnCode|TransactionType|TxnRef|Amount|TransactionNo|TransactionDate|CreateBy|CreateDate|IpAddr|OrderInfo';
const answerFields =
  'ResponseId|Command|ResponseCode|Message|TmnCode|TxnRef|Amount|BankCode|PayDate|TransactionNo|TransactionType|TransactionStatus|OrderInfo';

const signedFields = {
  querydr: {
    request: queryFields.split('|'),
    answer: `${answerFields}|PromotionCode|PromotionAmount`.split('|'),
  },
  refund: { request: refundFields.split('|'), answer: answerFields.split('|') },
};

/** An answer of VNPay's merchant API. */
export interface VnpayAnswer {
  /** Whether the signature proves that it comes from VNPay and is about our terminal. */
  signed: boolean;
  /** A field without its prefix. Absent fields are empty. */
  field(name: string): string;
}

/** Calls VNPay's merchant API. Throws `provider_unavailable` when no readable answer comes in six seconds. */
export async function callVnpay(
  command: 'querydr' | 'refund',
  message: Record<string, string>,
  config: VnpayConfig,
  signer: Signer,
  fetcher: typeof fetch,
): Promise<VnpayAnswer> {
  const fields = signedFields[command];
  const request = { ...message, vnp_SecureHash: await signer.sign(pipeText(fields.request, message)) };
  const { body: answer } = await callApi('vnpay', config.apiUrl, { method: 'POST', body: request }, fetcher);
  const field = (name: string): string => String(answer[`vnp_${name}`] ?? '');
  const signed = await signer.verify(pipeText(fields.answer, answer), field('SecureHash'));
  return { signed: signed && field('TmnCode') === config.tmnCode, field };
}

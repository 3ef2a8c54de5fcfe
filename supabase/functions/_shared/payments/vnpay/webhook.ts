import type { Signer } from '../hmac.ts';
import type { ConstructedEvent, PaymentReturn, WebhookOutcome, WebhookRequest } from '../provider.ts';
import { unreadable } from '../unreadable.ts';
import type { VnpayConfig } from './config.ts';
import { readReport } from './report.ts';
import { canonicalQuery } from './sign.ts';

/**
 * Verifies and reads a notification or a return. Both have the same signed parameters. Our own parameters have
 * no `vnp_` prefix and are not part of the signature.
 */
export async function constructEvent(
  request: Pick<WebhookRequest, 'query'>,
  config: VnpayConfig,
  signer: Signer,
): Promise<ConstructedEvent> {
  const params = new URLSearchParams(request.query);
  const value = (name: string): string => params.get(`vnp_${name}`) ?? '';
  const names = [...params.keys()].filter((key) => key.startsWith('vnp_'));
  // a repeated parameter could be read one way and signed another
  if (new Set(names).size !== names.length) return { verified: false, reason: 'malformed' };
  // decode and encode again, because a proxy may have changed + to %20
  const signed = canonicalQuery(params);
  if (!(await signer.verify(signed, value('SecureHash')))) {
    return { verified: false, reason: 'bad_signature' };
  }
  const merchant = value('TmnCode');
  if (merchant !== '' && merchant !== config.tmnCode) return { verified: false, reason: 'foreign_merchant' };
  const report = readReport({
    reference: value('TxnRef'),
    amount: value('Amount'),
    responseCode: value('ResponseCode'),
    transactionStatus: value('TransactionStatus'),
    transactionNo: value('TransactionNo'),
  });
  if (report === null || merchant === '') return unreadable(signed, value('TxnRef'));
  return { verified: true, event: { kind: 'payment', report } };
}

/** Reads a return address. It is signed like a notification. */
export async function readReturn(query: string, config: VnpayConfig, signer: Signer): Promise<PaymentReturn> {
  const constructed = await constructEvent({ query }, config, signer);
  if (!constructed.verified || constructed.event.kind !== 'payment')
    return { status: 'unverified', reference: null };
  const { outcome, reference } = constructed.event.report;
  return { status: outcome, reference };
}

// VNPay stops on 00 and 02. On everything else it calls again, up to ten times.
const answers: Record<WebhookOutcome, readonly [code: string, message: string]> = {
  applied: ['00', 'Confirm Success'],
  // kept for an admin, or nothing to settle yet: another call would not help
  unmatched: ['00', 'Confirm Success'],
  refunded_late: ['00', 'Confirm Success'],
  part_received: ['00', 'Confirm Success'],
  recorded: ['00', 'Confirm Success'],
  needs_review: ['00', 'Confirm Success'],
  ignored: ['00', 'Confirm Success'],
  unknown_reference: ['01', 'Order not found'],
  duplicate: ['02', 'Order already confirmed'],
  amount_mismatch: ['04', 'Invalid amount'],
  bad_signature: ['97', 'Invalid signature'],
  foreign_merchant: ['97', 'Invalid signature'],
  malformed: ['99', 'Input data required'],
  unreadable: ['99', 'Unknown error'],
  error: ['99', 'Unknown error'],
};

/** VNPay reads the result from the body. The status is always 200. */
export function respond(outcome: WebhookOutcome): Response {
  const [RspCode, Message] = answers[outcome];
  return Response.json({ RspCode, Message });
}

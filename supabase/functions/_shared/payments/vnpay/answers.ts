import type { WebhookOutcome } from '../provider.ts';

// VNPay stops on 00 and 02 and calls again, up to ten times, on everything else.
const answers: Record<WebhookOutcome, readonly [code: string, message: string]> = {
  applied: ['00', 'Confirm Success'],
  // kept for somebody to settle, or nothing to settle yet: calling again would not help
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
  error: ['99', 'Unknown error'],
};

/** VNPay reads the verdict from the body; the status is always 200. */
export function vnpayAnswer(outcome: WebhookOutcome): Response {
  const [RspCode, Message] = answers[outcome];
  return Response.json({ RspCode, Message });
}

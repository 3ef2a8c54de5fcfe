import type { WebhookOutcome } from '../provider.ts';

// ZaloPay's documents disagree about 2 and -1; all agree that 1 ends it, and that 0 is called again.
const done = [1, 'success'] as const;
const answers: Record<WebhookOutcome, readonly [code: number, message: string]> = {
  applied: done,
  duplicate: done,
  // kept for somebody to settle, or nothing to settle: calling again would not help
  unmatched: done,
  refunded_late: done,
  part_received: done,
  recorded: done,
  needs_review: done,
  ignored: done,
  unknown_reference: [2, 'order not found'],
  amount_mismatch: [2, 'invalid amount'],
  bad_signature: [2, 'mac not equal'],
  foreign_merchant: [2, 'invalid app_id'],
  malformed: [2, 'invalid data'],
  error: [0, 'try again'],
};

/** ZaloPay reads the verdict from the body; the status is always 200. */
export function zalopayAnswer(outcome: WebhookOutcome): Response {
  const [return_code, return_message] = answers[outcome];
  return Response.json({ return_code, return_message });
}

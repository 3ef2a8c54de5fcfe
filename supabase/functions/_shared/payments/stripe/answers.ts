import type { WebhookOutcome } from '../provider.ts';

const refusals: Partial<Record<WebhookOutcome, 400 | 500>> = {
  bad_signature: 400,
  malformed: 400,
  foreign_merchant: 400,
  error: 500,
};

/** Stripe reads the status alone: 2xx ends it, everything else brings the event again, for up to three days. */
export function stripeAnswer(outcome: WebhookOutcome): Response {
  const status = refusals[outcome] ?? 200;
  return Response.json(status === 200 ? { received: true } : { error: outcome }, { status });
}

import type { WebhookOutcome } from '../provider.ts';

const refused = new Map<WebhookOutcome, number>([
  ['bad_signature', 400],
  ['foreign_merchant', 400],
  ['malformed', 400],
  ['error', 500],
]);

/**
 * MoMo wants 204 without a body for what was received, and neither gives money back nor takes it for what we
 * answer. So everything genuine is received, also what nobody can use; only a failure of ours asks for more.
 */
export function momoAnswer(outcome: WebhookOutcome): Response {
  return new Response(null, { status: refused.get(outcome) ?? 204 });
}

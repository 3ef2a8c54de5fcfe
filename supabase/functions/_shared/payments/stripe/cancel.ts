import { appError } from '../../errors.ts';
import type { AttemptInput } from '../provider.ts';
import { callStripe, type StripeTools } from './api.ts';
import { readSession } from './messages.ts';
import { fetchSession, sessionIdOf } from './retrieve.ts';

/**
 * Expires a session early. Its page then takes no payment. A session that the payer has finished cannot be
 * expired: `unsupported`, and an event will report the money.
 */
export async function cancel(input: AttemptInput, tools: StripeTools): Promise<'cancelled' | 'unsupported'> {
  const id = sessionIdOf(input);
  if (id === null) return 'unsupported';
  const ended = await callStripe(() => tools.client.checkout.sessions.expire(id));
  if (ended.kind === 'done') return 'cancelled';
  const refusal = ended.kind === 'busy' ? ended.reason : ended.code;
  if (refusal === 'resource_missing') return 'unsupported';
  // Stripe refuses for every state but open, without a code that says which
  const found = ended.kind === 'refused' ? await fetchSession(id, tools) : null;
  const session = found?.kind === 'done' ? readSession(found.value) : null;
  if (session?.status === 'expired') return 'cancelled';
  if (session?.status === 'complete') return 'unsupported';
  throw appError('provider_unavailable', { provider: 'stripe' }, new Error(`not ended: ${refusal}`));
}

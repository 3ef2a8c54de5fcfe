import { z } from 'zod';
import { appError } from '../../errors.ts';
import type { AttemptInput, Retrieved } from '../provider.ts';
import { type Answered, ask, type StripeTools } from './client.ts';
import { readSession, type Session } from './messages.ts';
import { readReport } from './report.ts';

// A payment that is back at these, on a page that the payer has finished, will not be made.
const gaveUp = z.looseObject({
  payment_intent: z.looseObject({ status: z.enum(['requires_payment_method', 'canceled']) }),
});

/** Of the session that was opened for an attempt; null when none was stored. */
export function sessionIdOf({ providerData }: AttemptInput): string | null {
  const id = providerData.session_id;
  return typeof id === 'string' && /^cs_(?:test|live)_\w+$/.test(id) ? id : null;
}

/** Asks for a session, with its payment. */
export async function fetchSession(id: string, { client }: StripeTools): Promise<Answered<unknown>> {
  return ask(() => client.checkout.sessions.retrieve(id, { expand: ['payment_intent'] }));
}

function isOurs(session: Session, input: AttemptInput, { config }: StripeTools): boolean {
  return session.client_reference_id === input.reference && session.livemode === config.live;
}

/** Asks Stripe what became of a payment. */
export async function retrievePayment(input: AttemptInput, tools: StripeTools): Promise<Retrieved> {
  const id = sessionIdOf(input);
  if (id === null) {
    throw new Error(`attempt ${input.reference} has no session_id, so Stripe cannot be asked about it`);
  }
  // with a key of the other mode every session is unknown
  if (id.startsWith('cs_live_') !== tools.config.live)
    return { kind: 'no_information', reason: 'other_mode' };
  const answer = await fetchSession(id, tools);
  if (answer.kind === 'busy') return { kind: 'try_later', reason: answer.reason };
  if (answer.kind === 'refused') {
    // whom we asked is known by TLS and our key, which stands for a signature
    if (answer.code === 'resource_missing') return { kind: 'not_found', signed: true };
    return { kind: 'no_information', reason: answer.code };
  }
  const session = readSession(answer.value);
  if (!session) return { kind: 'no_information', reason: 'malformed' };
  if (!isOurs(session, input, tools)) return { kind: 'no_information', reason: 'other_reference' };
  const finished = session.status === 'complete' && session.payment_status === 'unpaid';
  const report = readReport(session, finished && gaveUp.safeParse(answer.value).success);
  return report ? { kind: 'reports', reports: [report] } : { kind: 'no_information', reason: 'malformed' };
}

/**
 * Ends a session early, after which its page takes no payment. One that the payer has finished cannot be ended:
 * `unsupported`, and what became of the money is told by its own news.
 */
export async function cancelSession(
  input: AttemptInput,
  tools: StripeTools,
): Promise<'cancelled' | 'unsupported'> {
  const id = sessionIdOf(input);
  if (id === null) return 'unsupported';
  const ended = await ask(() => tools.client.checkout.sessions.expire(id));
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

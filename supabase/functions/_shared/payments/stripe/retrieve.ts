import { z } from 'zod';
import type { AttemptInput, RetrieveResult } from '../provider.ts';
import { type Answered, callStripe, type StripeTools } from './api.ts';
import { readSession, type Session } from './messages.ts';
import { readReport } from './report.ts';

// A payment that is in one of these states again, on a page that the payer has finished, will not be made.
const gaveUp = z.looseObject({
  payment_intent: z.looseObject({ status: z.enum(['requires_payment_method', 'canceled']) }),
});

/** The id of the session that was opened for an attempt; null when none was stored. */
export function sessionIdOf({ providerData }: AttemptInput): string | null {
  const id = providerData.session_id;
  return typeof id === 'string' && /^cs_(?:test|live)_\w+$/.test(id) ? id : null;
}

/** Retrieves a session with its payment. */
export async function fetchSession(id: string, { client }: StripeTools): Promise<Answered<unknown>> {
  return callStripe(() => client.checkout.sessions.retrieve(id, { expand: ['payment_intent'] }));
}

function isOurs(session: Session, input: AttemptInput, { config }: StripeTools): boolean {
  return session.client_reference_id === input.reference && session.livemode === config.live;
}

/** Asks Stripe for the result of a payment. */
export async function retrieve(input: AttemptInput, tools: StripeTools): Promise<RetrieveResult> {
  const id = sessionIdOf(input);
  if (id === null) {
    throw new Error(`attempt ${input.reference} has no session_id, so Stripe cannot be asked about it`);
  }
  // a key of the other mode does not know any session
  if (id.startsWith('cs_live_') !== tools.config.live)
    return { kind: 'no_information', reason: 'other_mode' };
  const answer = await fetchSession(id, tools);
  if (answer.kind === 'busy') return { kind: 'try_later', reason: answer.reason };
  if (answer.kind === 'refused') {
    // TLS and our key prove that Stripe answers, which is as good as a signature
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

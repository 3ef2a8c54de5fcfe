import { SandboxError } from '../answers.ts';
import { expire } from './checkout.ts';
import type { StripeContext } from './context.ts';
import { emit, type StripePlan } from './events.ts';
import { disputeObject, sessionObject } from './objects.ts';
import { type Intent, newId, type Outcome, type Session } from './store.ts';

/** The address that the payer's browser goes to after the page. */
export function returnAddress(session: Session, context: StripeContext): string {
  if (session.status === 'complete')
    return session.successUrl.replaceAll('{CHECKOUT_SESSION_ID}', session.id);
  return session.cancelUrl ?? pageAddress(session, context);
}

export function pageAddress(session: Session, context: StripeContext): string {
  return `${context.baseUrl()}/stripe/c/pay/${session.id}`;
}

function setIntent(session: Session, status: Intent['status']): void {
  session.intent ??= { id: newId('pi'), charge: newId('ch'), status };
  session.intent.status = status;
}

function tell(session: Session, type: string, plan: StripePlan, context: StripeContext): Promise<void> {
  return emit(session, type, sessionObject(session, context.baseUrl()), plan, context);
}

/** On the page: a declined card and a click on "back" leave the session open, and no event is sent. */
async function payOpen(
  session: Session,
  outcome: Outcome,
  plan: StripePlan,
  context: StripeContext,
): Promise<string> {
  if (outcome === 'dispute') throw new SandboxError('not_paid', `${session.id} has not been paid`);
  session.outcome = outcome;
  if (outcome === 'insufficient_funds') setIntent(session, 'requires_payment_method');
  if (outcome === 'cancel' || outcome === 'insufficient_funds') {
    context.store.save();
    return outcome === 'cancel' ? returnAddress(session, context) : pageAddress(session, context);
  }
  if (outcome === 'expire') {
    await expire(session, plan, context);
    return returnAddress(session, context);
  }
  session.status = 'complete';
  session.paymentStatus = outcome === 'success' ? 'paid' : 'unpaid';
  setIntent(session, outcome === 'success' ? 'succeeded' : 'processing');
  await tell(session, 'checkout.session.completed', plan, context);
  return returnAddress(session, context);
}

/** After the page, with a slow method: the bank pays or does not. */
async function endPending(
  session: Session,
  outcome: Outcome,
  plan: StripePlan,
  context: StripeContext,
): Promise<string> {
  if (outcome !== 'success' && outcome !== 'insufficient_funds') {
    throw new SandboxError('pending', `${session.id} ends with success or insufficient_funds`);
  }
  session.outcome = outcome;
  const paid = outcome === 'success';
  if (paid) session.paymentStatus = 'paid';
  setIntent(session, paid ? 'succeeded' : 'requires_payment_method');
  const type = paid ? 'async_payment_succeeded' : 'async_payment_failed';
  await tell(session, `checkout.session.${type}`, plan, context);
  return returnAddress(session, context);
}

/**
 * Does what the payer or a bank chose, sends the events, and answers the address that the payer's browser goes
 * to. `again` is needed to end a pending payment.
 */
export async function pay(
  session: Session,
  outcome: Outcome,
  plan: StripePlan,
  again: boolean,
  context: StripeContext,
): Promise<string> {
  if (session.status === 'open') return payOpen(session, outcome, plan, context);
  if (session.status === 'complete' && session.intent?.status === 'processing' && again) {
    return endPending(session, outcome, plan, context);
  }
  if (session.paymentStatus === 'paid' && outcome === 'dispute' && !session.disputed) {
    session.disputed = true;
    await emit(session, 'charge.dispute.created', disputeObject(session, newId('du')), plan, context);
    return returnAddress(session, context);
  }
  throw new SandboxError(session.status, `${session.id} is ${session.status}, ${session.paymentStatus}`);
}

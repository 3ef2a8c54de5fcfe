import type { StripeContext } from './context.ts';
import { emit } from './events.ts';
import { Form } from './form.ts';
import { refundObject } from './objects.ts';
import { invalid, missing, StripeRefusal } from './refusal.ts';
import { newId, type Refund, type Session } from './store.ts';

const known = [/^(payment_intent|amount|reason)$/, /^metadata\[[\w-]+\]$/];
const reasons = ['duplicate', 'fraudulent', 'requested_by_customer'];

/** The amount that is neither refunded nor being refunded. */
function remaining(session: Session): number {
  return session.refunds
    .filter((refund) => refund.status !== 'failed')
    .reduce((left, refund) => left - refund.amount, session.amount);
}

function checkRefundable(session: Session, intent: string): void {
  const { paymentStatus, disputed } = session;
  const refuse = (message: string, code?: string) => new StripeRefusal({ message, code, kept: true });
  const charge = session.intent?.charge;
  if (paymentStatus !== 'paid') {
    throw refuse(`This PaymentIntent (${intent}) does not have a successful charge to refund.`);
  }
  if (disputed) throw refuse(`Charge ${charge} has been charged back.`, 'charge_disputed');
  if (remaining(session) === 0) {
    throw refuse(`Charge ${charge} has already been refunded.`, 'charge_already_refunded');
  }
}

/** POST /v1/refunds. */
export function createRefund(body: string, context: StripeContext): Record<string, unknown> {
  const form = new Form(body, known);
  const intent = form.required('payment_intent');
  const session = context.store.paidWith(intent);
  if (!session) throw missing('payment_intent', intent);
  checkRefundable(session, intent);
  const left = remaining(session);
  const amount = form.text('amount') === null ? left : form.integer('amount');
  if (amount < 1) throw invalid('amount', 'Invalid positive integer', 'parameter_invalid_integer');
  if (amount > left) {
    throw new StripeRefusal({
      param: 'amount',
      message: `Refund amount (₫${amount}) is greater than unrefunded amount on charge (₫${left})`,
      kept: true,
    });
  }
  const refund: Refund = {
    id: newId('re'),
    amount,
    status: 'pending',
    verdict: session.refundVerdict,
    reason: form.text('reason') === null ? null : form.choice('reason', reasons),
    metadata: form.record('metadata'),
    orderedAt: Date.now(),
  };
  session.refunds.push(refund);
  if (context.stepMs === 0) decide(refund);
  void emit(session, 'refund.created', refundObject(session, refund), {}, context);
  return refundObject(session, refund);
}

function decide(refund: Refund): void {
  refund.status = refund.verdict === 'pay' ? 'succeeded' : 'failed';
}

/** Lets the bank decide on refunds that have waited long enough, and sends the events. */
export function settleRefunds(session: Session, context: StripeContext): void {
  for (const refund of session.refunds) {
    if (refund.status !== 'pending' || Date.now() - refund.orderedAt < context.stepMs) continue;
    decide(refund);
    const object = refundObject(session, refund);
    const types = ['refund.updated', 'charge.refund.updated'];
    if (refund.verdict === 'reject') types.push('refund.failed');
    for (const type of types) void emit(session, type, object, {}, context);
  }
}

/** GET /v1/refunds/:id. */
export function retrieveRefund(id: string, query: string, context: StripeContext): Record<string, unknown> {
  new Form(query, []);
  for (const session of context.store.sessions.values()) {
    const refund = session.refunds.find((one) => one.id === id);
    if (refund) return refundObject(session, refund);
  }
  throw missing('refund', id);
}

/** GET /v1/refunds: of one payment, the latest first. */
export function listRefunds(query: string, context: StripeContext): Record<string, unknown> {
  const form = new Form(query, [/^(payment_intent|limit|starting_after)$/]);
  const session = context.store.paidWith(form.required('payment_intent'));
  const all = [...(session?.refunds ?? [])].reverse();
  const after = form.text('starting_after');
  const from = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1;
  const limit = form.text('limit') === null ? 10 : form.integer('limit');
  if (limit < 1 || limit > 100) throw invalid('limit', 'limit must be between 1 and 100');
  const data = session ? all.slice(from, from + limit).map((refund) => refundObject(session, refund)) : [];
  return { object: 'list', url: '/v1/refunds', has_more: from + limit < all.length, data };
}

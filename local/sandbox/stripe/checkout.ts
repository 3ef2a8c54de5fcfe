import { type StripeContext, seconds } from './context.ts';
import { emit, type StripePlan } from './events.ts';
import { Form } from './form.ts';
import { sessionObject } from './objects.ts';
import { invalid, missing, StripeRefusal } from './refusal.ts';
import { newId, type Session } from './store.ts';

// The parameters that this sandbox accepts; Stripe accepts more. Any other name is a mistake in our code.
const known = [
  /^(mode|client_reference_id|success_url|cancel_url|locale|expires_at)$/,
  /^(payment_intent_data\[)?metadata\]?\[[\w-]+\]$/,
  /^payment_intent_data\[description\]$/,
  /^line_items\[0\]\[(quantity|price_data\]\[(currency|unit_amount|product_data\]\[name))\]$/,
  /^adaptive_pricing\[enabled\]$/,
];

function readAmount(form: Form): number {
  const unit = form.integer('line_items[0][price_data][unit_amount]');
  const amount = unit * form.integer('line_items[0][quantity]');
  const param = 'line_items[0][price_data][unit_amount]';
  if (amount < 13_000)
    throw invalid(param, 'The total must convert to at least 50 cents.', 'amount_too_small');
  if (amount > 99_999_999) {
    throw invalid(param, 'The total must be no more than ₫99,999,999.', 'amount_too_large');
  }
  return amount;
}

function readExpiry(form: Form, now: number): number {
  const expiresAt = form.text('expires_at') === null ? now + 86_400 : form.integer('expires_at');
  if (expiresAt < now + 1_800) {
    throw invalid('expires_at', 'The `expires_at` timestamp must be at least 30 minutes in the future.');
  }
  if (expiresAt > now + 86_400) {
    throw invalid('expires_at', 'The `expires_at` timestamp must be less than 24 hours in the future.');
  }
  return expiresAt;
}

/** POST /v1/checkout/sessions. */
export function createSession(body: string, context: StripeContext): Record<string, unknown> {
  const form = new Form(body, known);
  const now = seconds();
  form.choice('mode', ['payment']);
  const reference = form.text('client_reference_id');
  if (reference !== null && !/^[\w-]{1,200}$/.test(reference)) {
    throw invalid('client_reference_id', 'Invalid client_reference_id.');
  }
  const session: Session = {
    id: newId('cs_test'),
    reference,
    amount: readAmount(form),
    currency: form.choice('line_items[0][price_data][currency]', ['vnd']),
    product: form.required('line_items[0][price_data][product_data][name]'),
    metadata: form.record('metadata'),
    intentMetadata: form.record('payment_intent_data[metadata]'),
    successUrl: form.url('success_url'),
    cancelUrl: form.text('cancel_url') === null ? null : form.url('cancel_url'),
    locale: form.text('locale') === null ? null : form.choice('locale', ['auto', 'en', 'vi']),
    created: now,
    expiresAt: readExpiry(form, now),
    status: 'open',
    paymentStatus: 'unpaid',
    intent: null,
    disputed: false,
    outcome: null,
    events: [],
    notifications: [],
    refunds: [],
    refundVerdict: 'pay',
  };
  context.store.sessions.set(session.id, session);
  return sessionObject(session, context.baseUrl());
}

export function findSession(id: string, context: StripeContext): Session {
  const session = context.store.sessions.get(id);
  if (!session) throw missing('checkout.session', id);
  return session;
}

/** GET /v1/checkout/sessions/:id. */
export function retrieveSession(id: string, query: string, context: StripeContext): Record<string, unknown> {
  const expand = new Form(query, [/^expand\[\d*\]$/]);
  const wanted = expand.text('expand[0]') ?? expand.text('expand[]');
  if (wanted !== null && wanted !== 'payment_intent') {
    throw invalid('expand', `This property cannot be expanded (${wanted}).`);
  }
  return sessionObject(findSession(id, context), context.baseUrl(), wanted !== null);
}

/** Expires an open session. A payment that was tried and not made is cancelled with it. */
export function expire(session: Session, plan: StripePlan, context: StripeContext): Promise<void> {
  session.status = 'expired';
  if (session.intent) session.intent.status = 'canceled';
  return emit(session, 'checkout.session.expired', sessionObject(session, context.baseUrl()), plan, context);
}

/** POST /v1/checkout/sessions/:id/expire. Its event follows by itself. */
export function expireByCall(id: string, body: string, context: StripeContext): Record<string, unknown> {
  new Form(body, []);
  const session = findSession(id, context);
  if (session.status !== 'open') {
    throw new StripeRefusal({
      message: `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of \`${session.status}\`.`,
      kept: true,
    });
  }
  void expire(session, {}, context);
  return sessionObject(session, context.baseUrl());
}

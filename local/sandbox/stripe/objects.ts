import type { Intent, Refund, Session } from './store.ts';

// Stripe's objects as JSON, with the fields that an integration like ours could read.

/** Of a session's payment. */
export function intentObject(session: Session, intent: Intent): Record<string, unknown> {
  const { amount, currency, intentMetadata } = session;
  const failed = intent.status === 'requires_payment_method';
  return {
    id: intent.id,
    object: 'payment_intent',
    amount,
    amount_received: intent.status === 'succeeded' ? amount : 0,
    currency,
    last_payment_error: failed ? { code: 'card_declined', decline_code: 'insufficient_funds' } : null,
    latest_charge: intent.charge,
    livemode: false,
    metadata: intentMetadata,
    status: intent.status,
  };
}

/** It has an address while it can be paid. `expand`: with the payment itself in place of its id. */
export function sessionObject(session: Session, baseUrl: string, expand = false): Record<string, unknown> {
  const { intent } = session;
  return {
    id: session.id,
    object: 'checkout.session',
    adaptive_pricing: { enabled: false },
    amount_subtotal: session.amount,
    amount_total: session.amount,
    cancel_url: session.cancelUrl,
    client_reference_id: session.reference,
    created: session.created,
    currency: session.currency,
    expires_at: session.expiresAt,
    livemode: false,
    locale: session.locale,
    metadata: session.metadata,
    mode: 'payment',
    payment_intent: intent && expand ? intentObject(session, intent) : (intent?.id ?? null),
    payment_method_types: ['card'],
    payment_status: session.paymentStatus,
    status: session.status,
    success_url: session.successUrl,
    ui_mode: 'hosted_page',
    url: session.status === 'open' ? `${baseUrl}/stripe/c/pay/${session.id}` : null,
  };
}

export function refundObject(session: Session, refund: Refund): Record<string, unknown> {
  return {
    id: refund.id,
    object: 'refund',
    amount: refund.amount,
    charge: session.intent?.charge ?? null,
    created: Math.floor(refund.orderedAt / 1000),
    currency: session.currency,
    ...(refund.status === 'failed' ? { failure_reason: 'expired_or_canceled_card' } : {}),
    metadata: refund.metadata,
    payment_intent: session.intent?.id ?? null,
    ...(refund.status === 'pending' ? { pending_reason: 'processing' } : {}),
    reason: refund.reason,
    status: refund.status,
  };
}

export function disputeObject(session: Session, id: string): Record<string, unknown> {
  return {
    id,
    object: 'dispute',
    amount: session.amount,
    charge: session.intent?.charge ?? null,
    currency: session.currency,
    livemode: false,
    metadata: {},
    payment_intent: session.intent?.id ?? null,
    reason: 'fraudulent',
    status: 'needs_response',
  };
}

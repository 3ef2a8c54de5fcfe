import Stripe from 'stripe';
import type { ConstructedEvent, ProviderEvent, WebhookOutcome, WebhookRequest } from '../provider.ts';
import { unreadable } from '../unreadable.ts';
import type { StripeTools } from './api.ts';
import { type Event, readDispute, readEvent, readRefund, readSession } from './messages.ts';
import { readRefundReport, readReport } from './report.ts';

// Signatures older than this are refused, so that a recorded call cannot be replayed.
const toleranceSeconds = 300;

const sessionEvents = new Set([
  'checkout.session.completed',
  'checkout.session.async_payment_succeeded',
  'checkout.session.async_payment_failed',
  'checkout.session.expired',
]);
// charge.refund.updated is an older name; the same event comes again under it
const refundEvents = new Set(['refund.created', 'refund.updated', 'refund.failed', 'charge.refund.updated']);

function sessionEvent({ id, type, data }: Event): ProviderEvent | null {
  const { mode, payment_status } = data.object;
  // ignore subscriptions and saved cards, if the account has any
  if (mode !== 'payment') return { kind: 'ignored', eventId: id, reason: `${type} of another mode` };
  if (payment_status === 'no_payment_required') {
    return { kind: 'ignored', eventId: id, reason: 'no_payment_required' };
  }
  const session = readSession(data.object);
  const report = session && readReport(session, type === 'checkout.session.async_payment_failed');
  return report && { kind: 'payment', report };
}

function refundEvent({ data }: Event): ProviderEvent | null {
  const refund = readRefund(data.object);
  return refund && { kind: 'refund', report: readRefundReport(refund) };
}

/** A payer's bank wants the money back. The dispute names the payment but none of our references. */
function disputeEvent({ id, type, data }: Event): ProviderEvent | null {
  const dispute = readDispute(data.object);
  if (!dispute) return null;
  const { status, reason, amount, currency, payment_intent } = dispute;
  const what = `${amount} ${currency.toUpperCase()} of ${payment_intent ?? 'an unnamed payment'}`;
  return {
    kind: 'needs_review',
    eventId: id,
    reference: null,
    reason: `${type}: ${what}, ${reason}, ${status} (${dispute.id})`,
  };
}

function providerEvent(event: Event): ProviderEvent | null {
  if (sessionEvents.has(event.type)) return sessionEvent(event);
  if (refundEvents.has(event.type)) return refundEvent(event);
  if (event.type.startsWith('charge.dispute.')) return disputeEvent(event);
  return { kind: 'ignored', eventId: event.id, reason: event.type };
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

/** Verifies and reads a notification. The signature covers the body exactly as it came. */
export async function constructEvent(
  { body, headers }: WebhookRequest,
  { client, config, now }: StripeTools,
): Promise<ConstructedEvent> {
  const signature = headers.get('stripe-signature') ?? '';
  const { signature: checker } = client.webhooks;
  if (checker === null) throw new Error('the package stripe came without its check of signatures');
  try {
    await checker.verifyHeaderAsync(
      body,
      signature,
      config.webhookSecret,
      toleranceSeconds,
      Stripe.createSubtleCryptoProvider(),
      now(),
    );
  } catch (error) {
    // any other error means an unreadable header
    const wrong = error instanceof Stripe.errors.StripeSignatureVerificationError;
    return { verified: false, reason: wrong ? 'bad_signature' : 'malformed' };
  }
  const stripeEvent = readEvent(parse(body));
  if (!stripeEvent) return unreadable(body, null);
  if (stripeEvent.livemode !== config.live || (stripeEvent.account ?? null) !== null) {
    return { verified: false, reason: 'foreign_merchant' };
  }
  const event = providerEvent(stripeEvent);
  return event
    ? { verified: true, event }
    : unreadable(body, stripeEvent.data.object.client_reference_id ?? null);
}

const refusals: Partial<Record<WebhookOutcome, 400 | 500>> = {
  bad_signature: 400,
  malformed: 400,
  foreign_merchant: 400,
  unreadable: 500,
  error: 500,
};

/** Stripe reads only the status. 2xx ends the event. Otherwise it comes again, for up to three days. */
export function respond(outcome: WebhookOutcome): Response {
  const status = refusals[outcome] ?? 200;
  return Response.json(status === 200 ? { received: true } : { error: outcome }, { status });
}

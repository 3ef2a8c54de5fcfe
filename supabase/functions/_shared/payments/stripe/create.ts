import type Stripe from 'stripe';
import { appError } from '../../errors.ts';
import type { Checkout, CheckoutInput } from '../provider.ts';
import { callStripe, type StripeTools } from './api.ts';
import { readSession } from './messages.ts';

/**
 * In VND, which has no smaller unit at Stripe. The minimum is about half a US dollar, the maximum eight digits.
 */
const limits = { min_amount: 15_000, max_amount: 99_999_999, currency: 'VND' };

// Stripe refuses sessions that end in less than 30 minutes or after a day; one minute more is for clocks that
// differ
const shortestLifeMs = 31 * 60_000;
const longestLifeMs = 24 * 3_600_000;

function unsupported(cause?: unknown): Error {
  return appError('payment_amount_unsupported', { provider: 'stripe', ...limits }, cause);
}

/** Everything follows from the input and nothing from the clock, so that a repeat is the same request. */
function sessionOf(input: CheckoutInput): Stripe.Checkout.SessionCreateParams {
  const { reference, amount, description, returnUrl, locale } = input;
  const metadata = { reference };
  // counted from the end of our hold, so it is far enough ahead at any moment of the hold
  const endsAt = Math.min(input.expiresAt + shortestLifeMs, input.createdAt + longestLifeMs);
  const product = description.slice(0, 200).toWellFormed().trim() || reference;
  return {
    mode: 'payment',
    client_reference_id: reference,
    metadata,
    payment_intent_data: { metadata, description: reference },
    line_items: [
      { quantity: 1, price_data: { currency: 'vnd', unit_amount: amount, product_data: { name: product } } },
    ],
    expires_at: Math.floor(endsAt / 1000),
    // Stripe fills in this literal; encoded, it would stay as it is
    success_url: `${returnUrl}${returnUrl.includes('?') ? '&' : '?'}session_id={CHECKOUT_SESSION_ID}`,
    cancel_url: returnUrl,
    locale,
    // otherwise a payer abroad could pay in another currency than agreed
    adaptive_pricing: { enabled: false },
  };
}

/** Opens a Checkout Session. Stripe answers a repeat with the same one, for a day. */
export async function create(input: CheckoutInput, { client, config }: StripeTools): Promise<Checkout> {
  const { reference, amount, currency } = input;
  const fits = Number.isInteger(amount) && amount >= limits.min_amount && amount <= limits.max_amount;
  if (currency !== 'VND' || !fits) throw unsupported();
  const options = { idempotencyKey: `checkout-${reference}` };
  const answer = await callStripe(() => client.checkout.sessions.create(sessionOf(input), options));
  if (answer.kind === 'busy') {
    throw appError('provider_unavailable', { provider: 'stripe' }, new Error(answer.reason));
  }
  if (answer.kind === 'refused') {
    const refusal = new Error(`stripe refused the session: ${answer.code} ${answer.param}`.trim());
    if (answer.code === 'amount_too_small' || answer.code === 'amount_too_large') throw unsupported(refusal);
    // it was opened before with another locale or return address, or it is too late for this attempt
    const past = answer.code === 'idempotency_error' || answer.param === 'expires_at';
    if (past) throw appError('payment_start_again', { provider: 'stripe' }, refusal);
    throw refusal;
  }
  const session = readSession(answer.value);
  const { url } = answer.value;
  const ours =
    session?.client_reference_id === reference &&
    session.amount_total === amount &&
    session.currency === 'vnd' &&
    session.livemode === config.live;
  if (!session || !ours || typeof url !== 'string') {
    throw appError('provider_unavailable', { provider: 'stripe' }, new Error('another session came back'));
  }
  return { redirectUrl: url, qrPayload: url, details: {}, providerData: { session_id: session.id } };
}

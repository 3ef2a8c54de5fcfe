import type { RefundInput, RefundResult } from '../provider.ts';
import { type Answered, callStripe, type StripeTools } from './api.ts';
import { type Refund, readRefund, readSession } from './messages.ts';
import { refundResult } from './report.ts';
import { fetchSession, sessionIdOf } from './retrieve.ts';

type Unknown = Extract<RefundResult, { known: false }>;

const noInformation = (reason: string): Unknown => ({ known: false, status: 'no_information', reason });

function unanswered(answer: Exclude<Answered<unknown>, { kind: 'done' }>): Unknown {
  if (answer.kind === 'busy') return { known: false, status: 'try_later', reason: answer.reason };
  return noInformation(answer.code);
}

/** The payment to refund: an event has named it, or the session does. */
async function paymentOf(input: RefundInput, tools: StripeTools): Promise<string | Unknown> {
  if (input.transactionId !== null) return input.transactionId;
  const id = sessionIdOf(input);
  if (id === null) return noInformation('no_payment');
  const answer = await fetchSession(id, tools);
  if (answer.kind !== 'done') return unanswered(answer);
  const session = readSession(answer.value);
  if (session?.client_reference_id !== input.reference) return noInformation('other_reference');
  return session.payment_intent ?? noInformation('no_payment');
}

function isOurs(refund: Refund, payment: string, { refundAmount, currency }: RefundInput): boolean {
  const { amount, payment_intent } = refund;
  return payment_intent === payment && amount === refundAmount && refund.currency.toUpperCase() === currency;
}

/**
 * Orders a refund. With the idempotency key Stripe repeats its answer for a day. After that, `retrieveRefund`
 * finds the refund by its metadata, so ask it before a repeat.
 */
export async function refund(input: RefundInput, tools: StripeTools): Promise<RefundResult> {
  const payment = await paymentOf(input, tools);
  if (typeof payment !== 'string') return payment;
  const params = {
    payment_intent: payment,
    amount: input.refundAmount,
    metadata: { request_key: input.requestKey },
  };
  // a single call, so that a refusal is about all that was sent; the outbox repeats it, and asks first
  const options = { idempotencyKey: `refund-${input.requestKey}`, maxNetworkRetries: 0 };
  const answer = await callStripe(() => tools.client.refunds.create(params, options));
  if (answer.kind === 'refused' && answer.code !== 'idempotency_error') {
    return { known: true, status: 'failed', refundId: null, code: answer.code };
  }
  // another order has used this key: ours did not arrive, and the other says nothing about it
  if (answer.kind !== 'done') return unanswered(answer);
  const refund = readRefund(answer.value);
  return refund && isOurs(refund, payment, input) ? refundResult(refund) : noInformation('malformed');
}

/**
 * Asks for the result of an ordered refund: the one with the key of the order, whose answer may have been lost.
 * `refundId` is not enough, because it may belong to an earlier order that failed.
 */
export async function retrieveRefund(input: RefundInput, tools: StripeTools): Promise<RefundResult> {
  const payment = await paymentOf(input, tools);
  if (typeof payment !== 'string') return payment;
  const answer = await callStripe(async () => {
    for await (const value of tools.client.refunds.list({ payment_intent: payment, limit: 100 })) {
      const refund = readRefund(value);
      if (refund?.metadata?.request_key === input.requestKey) return refund;
    }
    return null;
  });
  if (answer.kind !== 'done') return unanswered(answer);
  const refund = answer.value;
  if (!refund) return noInformation('not_found');
  return isOurs(refund, payment, input) ? refundResult(refund) : noInformation('other_refund');
}

import type { PaymentReport, RefundReport, RefundResult } from '../provider.ts';
import type { Refund, Session } from './messages.ts';

/**
 * Our reference, which both fields have. A payer can put a `client_reference_id` into the address of a payment
 * link of the same account, but cannot write its metadata.
 */
function referenceOf({ client_reference_id: reference, metadata }: Session): string | null {
  const ours = typeof reference === 'string' && /^[A-Za-z0-9]{1,30}$/.test(reference);
  return ours && metadata?.reference === reference ? reference : null;
}

function outcomeOf(session: Session, gaveUp: boolean): [PaymentReport['outcome'], string | null] {
  if (session.payment_status === 'paid') return ['succeeded', null];
  if (session.status === 'expired') return ['failed', 'expired'];
  if (gaveUp) return ['failed', 'async_payment_failed'];
  return ['pending', null];
}

/**
 * Reads what a session reports of its payment. Null when it says that it was paid but names no payment or no money.
 * `gaveUp`: the payer has finished the page with a slow method, such as a bank debit, and no money will come.
 */
export function readReport(session: Session, gaveUp: boolean): PaymentReport | null {
  const [outcome, failureCode] = outcomeOf(session, gaveUp);
  const transactionId = session.payment_intent ?? null;
  const amount = session.amount_total;
  if (outcome === 'succeeded' && (transactionId === null || amount === 0)) return null;
  const reference = referenceOf(session);
  return {
    outcome,
    reference,
    amount,
    currency: session.currency.toUpperCase(),
    transactionId,
    failureCode,
    // an event that names none of our references is identified by the session's own id
    eventId: [reference ?? session.id, transactionId ?? '0', outcome, amount].join(':'),
  };
}

const refundOutcomes: Record<string, RefundReport['outcome']> = {
  succeeded: 'succeeded',
  failed: 'failed',
  canceled: 'failed',
};

function refundState(refund: Refund): { outcome: RefundReport['outcome']; code: string } {
  const status = refund.status ?? 'unknown';
  // pending, requires_action and unknown statuses are not final
  const outcome = refundOutcomes[status] ?? 'processing';
  return { outcome, code: outcome === 'failed' ? (refund.failure_reason ?? status) : status };
}

/** What a refund reports of itself. */
export function readRefundReport(refund: Refund): RefundReport {
  const { outcome, code } = refundState(refund);
  const transactionId = refund.payment_intent ?? null;
  return {
    outcome,
    refundId: refund.id,
    transactionId,
    amount: refund.amount,
    currency: refund.currency.toUpperCase(),
    failureCode: outcome === 'failed' ? code : null,
    requestKey: refund.metadata?.request_key ?? null,
    eventId: [refund.id, transactionId ?? '0', outcome, refund.amount].join(':'),
  };
}

/** The same, as the result of a call. */
export function refundResult(refund: Refund): RefundResult {
  const { outcome, code } = refundState(refund);
  return { known: true, status: outcome, refundId: refund.id, code };
}

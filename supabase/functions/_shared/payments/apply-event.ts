import { type ApplyResult, applyResult, recordedEvent } from '../contracts/payments.ts';
import type { Rpc } from '../db.ts';
import type { PaymentReport, ProviderEvent, ProviderName } from './provider.ts';

/** A verified event and the message it was read from. */
export interface VerifiedEvent {
  provider: ProviderName;
  event: ProviderEvent;
  /** As received. */
  raw: string;
  headers: Record<string, string>;
}

function eventOf(event: ProviderEvent): { id: string; reference: string | null } {
  switch (event.kind) {
    case 'payment':
      return { id: event.report.eventId, reference: event.report.reference };
    case 'refund':
      return { id: event.report.eventId, reference: null };
    default:
      return { id: event.eventId, reference: event.kind === 'ignored' ? null : event.reference };
  }
}

/**
 * Shows an admin a payment that somebody must also look at. It is shown once, however often the event comes.
 */
async function flagForReview(
  { provider, raw, headers }: Omit<VerifiedEvent, 'event'>,
  { eventId, reference, needsReview, reviewId }: PaymentReport,
  service: Rpc,
): Promise<void> {
  if (needsReview === undefined) return;
  const { event_id } = await service.call(
    'record_payment_event',
    {
      provider,
      provider_event_id: reviewId ?? `${eventId}:needs_review`,
      verified: true,
      reference,
      raw,
      headers,
    },
    recordedEvent,
  );
  await service.call(
    'settle_payment_event',
    { event_id, outcome: 'needs_review', reason: needsReview },
    applyResult,
  );
}

/**
 * Stores an event, then applies it. It takes effect once, however often it comes, whether the provider sent it
 * or we asked.
 */
export async function applyEvent(
  { provider, event, raw, headers }: VerifiedEvent,
  service: Rpc,
): Promise<ApplyResult | 'unreadable'> {
  const { id, reference } = eventOf(event);
  const { event_id } = await service.call(
    'record_payment_event',
    { provider, provider_event_id: id, verified: true, reference, raw, headers },
    recordedEvent,
  );
  switch (event.kind) {
    case 'payment': {
      const { outcome, amount, currency, transactionId, failureCode } = event.report;
      await flagForReview({ provider, raw, headers }, event.report, service);
      return service.call(
        'apply_payment_event',
        {
          ...{ event_id, reference, outcome, amount, currency },
          ...{ transaction_id: transactionId, failure_code: failureCode },
        },
        applyResult,
      );
    }
    case 'refund': {
      const { outcome, amount, currency, refundId, transactionId, failureCode, requestKey } = event.report;
      const about = {
        event_id,
        provider_refund_id: refundId,
        transaction_id: transactionId,
        request_key: requestKey,
      };
      return service.call(
        'apply_refund_event',
        { ...about, outcome, amount, currency, failure_code: failureCode },
        applyResult,
      );
    }
    case 'unreadable':
      await service.call(
        'settle_payment_event',
        { event_id, outcome: 'needs_review', reason: 'signed by the provider, but we cannot read it' },
        applyResult,
      );
      return 'unreadable';
    default:
      return service.call(
        'settle_payment_event',
        { event_id, outcome: event.kind, reason: event.reason },
        applyResult,
      );
  }
}

import { type ApplyResult, applyResult, recordedEvent } from '../contracts/payments.ts';
import type { Rpc } from '../db.ts';
import type { PaymentReport, ProviderEvent, ProviderName } from './provider.ts';

/** Verified news and what it was read from. */
export interface VerifiedNews {
  provider: ProviderName;
  news: ProviderEvent;
  /** As received. */
  raw: string;
  headers: Record<string, string>;
}

function eventOf(news: ProviderEvent): { id: string; reference: string | null } {
  switch (news.kind) {
    case 'payment':
      return { id: news.report.eventId, reference: news.report.reference };
    case 'refund':
      return { id: news.report.eventId, reference: null };
    default:
      return { id: news.eventId, reference: news.kind === 'needs_review' ? news.reference : null };
  }
}

/** Shows to an admin what takes effect in another way, or in none; once, however often it is told. */
async function flagForReview(
  { provider, raw, headers }: Omit<VerifiedNews, 'news'>,
  { eventId, reference, needsReview }: PaymentReport,
  service: Rpc,
): Promise<void> {
  if (needsReview === undefined) return;
  const { event_id } = await service.call(
    'record_payment_event',
    { provider, provider_event_id: `${eventId}:needs_review`, verified: true, reference, raw, headers },
    recordedEvent,
  );
  await service.call(
    'settle_payment_event',
    { event_id, outcome: 'needs_review', reason: needsReview },
    applyResult,
  );
}

/** Stores what a provider said, then lets it take effect: once, however often and by whichever way it came. */
export async function applyEvent(
  { provider, news, raw, headers }: VerifiedNews,
  service: Rpc,
): Promise<ApplyResult> {
  const { id, reference } = eventOf(news);
  const { event_id } = await service.call(
    'record_payment_event',
    { provider, provider_event_id: id, verified: true, reference, raw, headers },
    recordedEvent,
  );
  switch (news.kind) {
    case 'payment': {
      const { outcome, amount, currency, transactionId, failureCode } = news.report;
      const told = { event_id, reference, outcome, amount, currency };
      await flagForReview({ provider, raw, headers }, news.report, service);
      return service.call(
        'apply_payment_event',
        { ...told, transaction_id: transactionId, failure_code: failureCode },
        applyResult,
      );
    }
    case 'refund': {
      const { outcome, amount, currency, refundId, transactionId, failureCode } = news.report;
      const about = { event_id, provider_refund_id: refundId, transaction_id: transactionId };
      return service.call(
        'apply_refund_event',
        { ...about, outcome, amount, currency, failure_code: failureCode },
        applyResult,
      );
    }
    default: {
      const outcome = news.kind === 'needs_review' ? 'needs_review' : 'ignored';
      return service.call('settle_payment_event', { event_id, outcome, reason: news.reason }, applyResult);
    }
  }
}

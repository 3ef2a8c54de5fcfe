import { type ApplyResult, applyResult, recordedEvent } from '../contracts/payments.ts';
import type { Rpc } from '../db.ts';
import type { PaymentReport } from './provider.ts';

/** A verified report and what it was read from. */
export interface VerifiedReport {
  provider: string;
  report: PaymentReport;
  /** As received. */
  raw: string;
  headers: Record<string, string>;
}

/** Stores what a provider said, then lets it take effect: once, however often and by whichever way it came. */
export async function applyReport(
  { provider, report, raw, headers }: VerifiedReport,
  service: Rpc,
): Promise<ApplyResult> {
  const { eventId, reference, outcome, amount, currency, transactionId, failureCode } = report;
  const event = await service.call(
    'record_payment_event',
    { provider, provider_event_id: eventId, verified: true, reference, raw, headers },
    recordedEvent,
  );
  const told = { reference, outcome, amount, currency };
  return service.call(
    'apply_payment_event',
    { event_id: event.event_id, ...told, transaction_id: transactionId, failure_code: failureCode },
    applyResult,
  );
}

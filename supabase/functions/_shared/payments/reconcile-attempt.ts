import { addHours, isBefore } from 'date-fns';
import type { PaymentAttempt } from '../contracts/payments.ts';
import type { Rpc } from '../db.ts';
import type { Deps } from '../deps.ts';
import { AppError } from '../errors.ts';
import { applyEvent } from './apply-event.ts';
import { attemptInput } from './attempt-input.ts';
import { type CooldownRequest, cooldownRequested } from './call.ts';
import type { PaymentReport, ProviderName, RetrieveResult } from './provider.ts';

/** The result of a query, in the words of `note_reconciliation`. */
export interface Verdict {
  outcome: 'final' | 'pending' | 'no_answer' | 'not_found';
  reason: string;
  /** The provider refused the query because it is rate limited. */
  cooldown?: CooldownRequest;
}

export interface ReconcileTools extends Pick<Deps, 'providers' | 'now'> {
  service: Rpc;
}

/**
 * Applies each report as a notification is applied. The outcome is final as soon as one report says how the
 * attempt ended.
 */
async function applyReports(
  provider: ProviderName,
  reports: readonly PaymentReport[],
  service: Rpc,
): Promise<Verdict> {
  const results: string[] = [];
  let outcome: Verdict['outcome'] = 'pending';
  for (const report of reports) {
    const event = { kind: 'payment', report } as const;
    const result = await applyEvent({ provider, event, raw: JSON.stringify(report), headers: {} }, service);
    results.push(result);
    // money in part leaves the attempt open for the rest
    const open = report.outcome === 'pending' || result === 'ignored' || result === 'part_received';
    if (!open) outcome = 'final';
  }
  return { outcome, reason: results.join(', ') };
}

/**
 * Asks the provider for the result of an attempt and applies it. A provider that does not answer is a verdict
 * like the others; every other failure is thrown.
 */
export async function reconcileAttempt(
  attempt: PaymentAttempt,
  { service, providers, now }: ReconcileTools,
): Promise<Verdict> {
  // a paid attempt is queried only when a second transfer may have followed
  if (attempt.status === 'succeeded' && attempt.recheck_at === null)
    return { outcome: 'final', reason: 'already settled' };
  // its link was never stored, so the payer never reached the provider with it
  if (attempt.status === 'created') return { outcome: 'not_found', reason: 'never offered' };

  const provider = providers.get(attempt.provider);
  let found: RetrieveResult;
  try {
    found = await provider.retrieve(attemptInput(attempt));
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'provider_unavailable') throw error;
    const cooldown = cooldownRequested(error);
    return { outcome: 'no_answer', reason: error.code, ...(cooldown ? { cooldown } : {}) };
  }
  switch (found.kind) {
    case 'reports':
      return applyReports(provider.name, found.reports, service);
    case 'not_found': {
      // trust an unsigned "unknown" only when nobody can use the link any more
      const longOver = isBefore(addHours(attempt.expires_at, 1), now());
      return { outcome: found.signed || longOver ? 'not_found' : 'no_answer', reason: 'not_found' };
    }
    default:
      return { outcome: 'no_answer', reason: found.reason };
  }
}

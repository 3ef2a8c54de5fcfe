import { addHours, isBefore } from 'date-fns';
import { z } from 'zod';
import { reconcilePayload } from '../_shared/contracts/outbox.ts';
import { paymentAttempt } from '../_shared/contracts/payments.ts';
import { AppError } from '../_shared/errors.ts';
import { applyNews } from '../_shared/payments/apply-news.ts';
import type { Retrieved } from '../_shared/payments/provider.ts';
import { never, performed, withPayload } from './effect.ts';

const row = z.looseObject({ id: z.uuid() });

/**
 * Topic `reconcile`: asks the provider about an attempt that stayed silent. What it says goes the way a
 * notification goes. Every asking is noted, which is what makes the database ask again later; hence a row is
 * done even when nothing was learnt.
 */
export const reconcile = withPayload(reconcilePayload, async ({ attempt_id }, _item, tools) => {
  const { service, providers, now } = tools;
  const attempt = await service.call('attempt_to_reconcile', { attempt_id }, paymentAttempt.nullable());
  if (!attempt?.id) return never('there is no such attempt');
  const note = async (outcome: 'final' | 'pending' | 'no_answer' | 'not_found', reason: string) => {
    await service.call('note_reconciliation', { attempt_id, outcome }, row);
    return performed(null, { outcome, reason });
  };
  if (attempt.status === 'succeeded') return note('final', 'already settled');
  // its link was never stored, so nobody was sent to the provider with it
  if (attempt.status === 'created') return note('not_found', 'never offered');

  const provider = providers.get(attempt.provider);
  let found: Retrieved;
  try {
    found = await provider.retrieve({
      reference: attempt.reference,
      amount: attempt.amount,
      currency: attempt.currency,
      providerData: attempt.provider_data,
    });
  } catch (error) {
    if (error instanceof AppError && error.code === 'provider_unavailable')
      return note('no_answer', error.code);
    throw error;
  }
  if (found.kind === 'reports') {
    let result = '';
    for (const report of found.reports) {
      const news = { kind: 'payment', report } as const;
      const raw = JSON.stringify(report);
      result = await applyNews({ provider: provider.name, news, raw, headers: {} }, service);
    }
    // money in part leaves the attempt open for the rest
    const open = result === 'ignored' || result === 'part_received';
    return note(open ? 'pending' : 'final', result);
  }
  if (found.kind === 'not_found') {
    // "unknown" without a signature is believed only when nobody can use the link any more
    const longOver = isBefore(addHours(attempt.expires_at, 1), now());
    return note(found.signed || longOver ? 'not_found' : 'no_answer', 'not_found');
  }
  return note('no_answer', found.reason);
});

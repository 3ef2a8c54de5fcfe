import { z } from 'zod';
import { type PaymentAttempt, paymentAttempt, paymentState } from '../_shared/contracts/payments.ts';
import type { Deps } from '../_shared/deps.ts';
import { appError } from '../_shared/errors.ts';
import type { Context } from '../_shared/http.ts';
import { reconcileAttempt } from '../_shared/payments/reconcile-attempt.ts';
import { runInQueues } from '../_shared/queues.ts';

const attemptIds = z.array(z.uuid());

// Somebody is waiting at a screen. After this time no further attempt is queried; the outbox does it later.
const budgetMs = 10_000;

/**
 * Asks the providers about every open attempt of a payment, applies what they say, and answers the state of the
 * payment. A provider that fails changes nothing. A rate-limited provider is not asked again in this call.
 * These queries are not recorded, so impatient payers do not slow down the schedule of the outbox.
 */
export async function checkPayment(
  paymentId: string,
  { user, trace, note }: Pick<Context, 'user' | 'trace' | 'note'>,
  { http, db, providers, now }: Pick<Deps, 'http' | 'db' | 'providers' | 'now'>,
): Promise<z.infer<typeof paymentState>> {
  const asUser = db.asUser(user, trace);
  const service = db.service(trace);
  // this command also checks that the payment belongs to the caller
  const ids = await asUser.call('check_payment', { payment_id: paymentId }, attemptIds);
  const attempts = await Promise.all(
    ids.map((attempt_id) => service.call('attempt_to_reconcile', { attempt_id }, paymentAttempt)),
  );

  const deadline = now() + budgetMs;
  const outcomes: string[] = [];
  // a rate-limited provider is not asked again here, because the outbox needs its turn too
  const coolingDown = new Set<string>();
  const ask = async (attempt: PaymentAttempt): Promise<void> => {
    if (now() > deadline || coolingDown.has(attempt.provider)) return;
    try {
      const { outcome, cooldown } = await reconcileAttempt(attempt, { service, providers, now });
      if (cooldown) coolingDown.add(attempt.provider);
      outcomes.push(outcome);
    } catch (error) {
      outcomes.push('error');
      const about = { attempt_id: attempt.id, provider: attempt.provider };
      const correlation_id = trace.correlationId;
      http.log({ level: 'error', function: 'payments', ...about, error: String(error), correlation_id });
    }
  };
  await runInQueues(attempts, (attempt) => attempt.provider, ask);
  note({ payment_id: paymentId, outcomes });

  const state = await asUser.call('payment_status', { payment_id: paymentId }, paymentState);
  if (!state) throw appError('payment_not_found');
  return state;
}

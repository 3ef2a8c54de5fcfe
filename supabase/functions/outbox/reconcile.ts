import { z } from 'zod';
import { attemptPayload } from '../_shared/contracts/outbox.ts';
import { paymentAttempt } from '../_shared/contracts/payments.ts';
import { reconcileAttempt } from '../_shared/payments/reconcile-attempt.ts';
import { coolDown, effectOf, never, performed } from './effect.ts';

const row = z.looseObject({ id: z.uuid() });

/**
 * Topic `reconcile`: asks the provider about an attempt that stayed silent. What it says goes the way a
 * notification goes. Every asking is noted, which is what makes the database ask again later; hence a row is
 * done even when nothing was learnt. A question that was refused has not been asked: it is not noted, and its row
 * waits for another turn.
 */
export const reconcile = effectOf(
  'reconcile',
  'questions',
  attemptPayload,
  async ({ attempt_id }, _item, tools) => {
    const { service } = tools;
    const attempt = await service.call('attempt_to_reconcile', { attempt_id }, paymentAttempt.nullable());
    if (!attempt) return never('there is no such attempt');
    const { outcome, reason, cooldown } = await reconcileAttempt(attempt, tools);
    if (cooldown) return coolDown(cooldown);
    await service.call('note_reconciliation', { attempt_id, outcome }, row);
    return performed(null, { outcome, reason });
  },
);

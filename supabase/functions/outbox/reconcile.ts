import { z } from 'zod';
import { attemptPayload } from '../_shared/contracts/outbox.ts';
import { paymentAttempt } from '../_shared/contracts/payments.ts';
import { reconcileAttempt } from '../_shared/payments/reconcile-attempt.ts';
import { coolDown, deadLetter, done, effectOf } from './effect.ts';

const row = z.looseObject({ id: z.uuid() });

/**
 * Topic `reconcile`: asks the provider about an attempt that it has not reported on, and applies the answer as
 * notifications are applied. Every query is recorded, because the record makes the database ask again later. So
 * a row is done even when the query brought nothing. A refused query does not count: it is not recorded, and
 * its row waits for another turn.
 */
export const reconcile = effectOf(
  'reconcile',
  'queries',
  attemptPayload,
  async ({ attempt_id }, _item, tools) => {
    const { service } = tools;
    const attempt = await service.call('attempt_to_reconcile', { attempt_id }, paymentAttempt.nullable());
    if (!attempt) return deadLetter('there is no such attempt');
    const { outcome, reason, cooldown } = await reconcileAttempt(attempt, tools);
    if (cooldown) return coolDown(cooldown);
    await service.call('note_reconciliation', { attempt_id, outcome }, row);
    return done(null, { outcome, reason });
  },
);

import { attemptPayload } from '../_shared/contracts/outbox.ts';
import { paymentAttempt } from '../_shared/contracts/payments.ts';
import { attemptInput } from '../_shared/payments/attempt-input.ts';
import { deadLetter, done, effectOf } from './effect.ts';

/**
 * Topic `cancel_attempt`: cancels an attempt at the provider that has ended here, so that nobody pays it. It
 * settles nothing. Only the provider knows how the attempt ended, and `reconcile` asks it.
 */
export const cancelAttempt = effectOf(
  'cancel_attempt',
  'provider',
  attemptPayload,
  async ({ attempt_id }, _item, { service, providers }) => {
    const attempt = await service.call('attempt_to_reconcile', { attempt_id }, paymentAttempt.nullable());
    if (!attempt) return deadLetter('there is no such attempt');
    // it was paid in the meantime, or never shown to the payer
    if (attempt.status === 'succeeded' || attempt.status === 'created')
      return done(null, { status: attempt.status });
    const result = await providers.get(attempt.provider).cancel(attemptInput(attempt));
    return done(null, { result });
  },
);

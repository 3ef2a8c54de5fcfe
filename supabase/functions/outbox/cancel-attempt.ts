import { attemptPayload } from '../_shared/contracts/outbox.ts';
import { paymentAttempt } from '../_shared/contracts/payments.ts';
import { attemptInput } from '../_shared/payments/attempt-input.ts';
import { effectOf, never, performed } from './effect.ts';

/**
 * Topic `cancel_attempt`: ends at the provider what has ended here, so that nobody pays it any more. It settles
 * nothing: how the attempt ended only the provider knows, and it is asked by `reconcile`.
 */
export const cancelAttempt = effectOf(
  'cancel_attempt',
  'provider',
  attemptPayload,
  async ({ attempt_id }, _item, { service, providers }) => {
    const attempt = await service.call('attempt_to_reconcile', { attempt_id }, paymentAttempt.nullable());
    if (!attempt) return never('there is no such attempt');
    // paid in the meantime, or never shown to anybody
    if (attempt.status === 'succeeded' || attempt.status === 'created')
      return performed(null, { status: attempt.status });
    const result = await providers.get(attempt.provider).cancel(attemptInput(attempt));
    return performed(null, { result });
  },
);

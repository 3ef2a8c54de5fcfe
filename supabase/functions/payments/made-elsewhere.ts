import { type PaymentAttempt, paymentAttempt } from '../_shared/contracts/payments.ts';
import type { Rpc } from '../_shared/db.ts';
import type { Deps } from '../_shared/deps.ts';

// longer than a provider mostly takes for a link, and short enough for somebody who waits at a screen
const looks = 20;
const betweenMs = 250;

/**
 * The attempt with the link that another request made. Of several requests with one idempotency key, some
 * providers serve one and refuse the others. Null when no link came in five seconds: then its answer was lost.
 */
export async function madeElsewhere(
  attemptId: string,
  service: Rpc,
  pause: Deps['pause'],
): Promise<PaymentAttempt | null> {
  for (let look = 0; look < looks; look += 1) {
    await pause(betweenMs);
    const attempt = await service.call('attempt_to_reconcile', { attempt_id: attemptId }, paymentAttempt);
    if (attempt.status !== 'created') return attempt;
  }
  return null;
}

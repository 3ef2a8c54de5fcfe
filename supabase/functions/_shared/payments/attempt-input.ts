import type { PaymentAttempt } from '../contracts/payments.ts';
import type { AttemptInput } from './provider.ts';

/** An attempt, as a provider needs it. */
export function attemptInput(attempt: PaymentAttempt): AttemptInput {
  return {
    reference: attempt.reference,
    amount: attempt.amount,
    currency: attempt.currency,
    providerData: attempt.provider_data,
  };
}

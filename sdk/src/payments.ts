import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import { localError, requireUserId } from './core/rows.ts';
import { wait } from './core/wait.ts';
import { JourneyError } from './error.ts';
import type { UserInbox } from './realtime/user-inbox.ts';
import { fail, type Result, succeed } from './result.ts';
import type { PaymentProvider, PaymentStart, PaymentState, Uuid } from './types.ts';

/** How to wait for a payment. */
export interface WaitForPayment {
  /** Also ends when this attempt failed or expired, so that the person can try again. */
  attemptId?: Uuid;
  /** Each time something was read. */
  onUpdate?(state: PaymentState): void;
}

const openPayment: ReadonlySet<string> = new Set(['pending', 'processing']);
const endedAttempt: ReadonlySet<string> = new Set(['succeeded', 'failed', 'expired']);
const firstPollMs = 1000;
const longestPollMs = 15_000;
/** Longer than a hold lives (15 minutes) and its tidying takes. */
const waitMs = 20 * 60_000;

/** Payments: starting one, and learning how it ended. */
export class Payments {
  readonly #calls: Calls;
  readonly #inbox: UserInbox;

  constructor(calls: Calls, inbox: UserInbox) {
    this.#calls = calls;
    this.#inbox = inbox;
  }

  /**
   * Opens a try at paying: send the person to `redirect_url`, or show the QR on another screen.
   * `returnUrl` is where the browser ends up afterwards; it says nothing about success.
   * Errors: `payment_not_found`, `payment_not_payable`, `hold_expired`, `payment_amount_unsupported`,
   * `provider_not_configured`, `provider_unavailable`, `rate_limited`.
   *
   * @example
   * ```ts
   * const { data: start, error } = await journey.payments.start({ paymentId, provider: 'vnpay' });
   * if (start) await openBrowser(start.redirect_url);
   * ```
   */
  start(
    input: { paymentId: Uuid; provider: PaymentProvider; returnUrl?: string },
    options?: CommandOptions,
  ): Promise<Result<PaymentStart>> {
    return this.#calls.invoke<PaymentStart>(
      'keyed',
      'payments/start',
      {
        payment_id: input.paymentId,
        provider: input.provider,
        ...(input.returnUrl ? { return_url: input.returnUrl } : {}),
      },
      options,
    );
  }

  /** How a payment stands now. Errors: `payment_not_found`. */
  async status(paymentId: Uuid, options?: CallOptions): Promise<Result<PaymentState>> {
    const result = await this.#calls.rpc<PaymentState | null>(
      'payment_status',
      { payment_id: paymentId },
      options,
    );
    if (result.error) return result;
    return result.data === null ? fail(localError('payment_not_found', {}, options)) : succeed(result.data);
  }

  /**
   * Waits until the backend knows how a payment ended: asks again and again, and at once when a message arrives.
   * It needs the payment's id only, so an app that was killed in the browser's place can go on with it.
   * `data.payment.status` is then neither `pending` nor `processing` (unless `attemptId` ended first).
   * `timeoutMs` is the whole wait here, default 20 minutes. Errors: `payment_not_found`, `timeout`, `aborted`.
   *
   * @example
   * ```ts
   * const { data, error } = await journey.payments.waitUntilFinal(paymentId);
   * if (data?.payment.status === 'succeeded') showBooking();
   * ```
   */
  async waitUntilFinal(
    paymentId: Uuid,
    options: CallOptions & WaitForPayment = {},
  ): Promise<Result<PaymentState>> {
    const { signal, attemptId, onUpdate, correlationId } = options;
    const until = Date.now() + (options.timeoutMs ?? waitMs);
    const bell = new Bell();
    const stopListening = await this.#listen(bell);
    let last: Result<PaymentState> | undefined;
    try {
      for (let delay = firstPollMs; ; delay = Math.min(longestPollMs, delay * 1.4)) {
        const left = until - Date.now();
        const rang = bell.count;
        const result = await this.status(paymentId, {
          signal,
          correlationId,
          retries: options.retries,
          timeoutMs: Math.max(1000, Math.min(left, 15_000)),
        });
        last = result;
        if (result.error) {
          if (!result.error.retryable) return result;
        } else {
          onUpdate?.(result.data);
          if (isOver(result.data, attemptId)) return result;
        }
        if (signal?.aborted) return fail(waitError('aborted', last));
        if (Date.now() >= until) return fail(waitError('timeout', last));
        // A message that came while asking may be newer than the answer.
        if (bell.count === rang)
          await bell.ring(Math.min(delay * (0.8 + Math.random() * 0.4), until - Date.now()), signal);
      }
    } finally {
      stopListening();
    }
  }

  async #listen(bell: Bell): Promise<() => void> {
    const user = await requireUserId(this.#calls);
    if (user.error) return () => {};
    return this.#inbox.listen(user.data, { onMessage: () => bell.hit(), onStatus: () => {} });
  }
}

function isOver(state: PaymentState, attemptId: Uuid | undefined): boolean {
  if (!openPayment.has(state.payment.status)) return true;
  return state.attempts.some((attempt) => attempt.id === attemptId && endedAttempt.has(attempt.status));
}

function waitError(code: 'timeout' | 'aborted', last: Result<PaymentState>): JourneyError {
  return new JourneyError({
    code,
    status: 0,
    message:
      code === 'timeout'
        ? 'The payment was not decided in time. Ask again with its id.'
        : 'The wait was cancelled.',
    retryable: code === 'timeout',
    details: last.error ? { last_error: last.error.code } : { payment_status: last.data.payment.status },
    correlationId: last.error?.correlationId ?? '',
    outcome: 'not_applied',
    idempotencyKey: null,
    tries: 0,
  });
}

/** Something that can be waited for, for a limited time. */
class Bell {
  count = 0;
  #wake: AbortController | null = null;

  hit(): void {
    this.count += 1;
    this.#wake?.abort();
  }

  async ring(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const wake = new AbortController();
    this.#wake = wake;
    const onAbort = (): void => wake.abort();
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted) wake.abort();
    await wait(ms, wake.signal);
    signal?.removeEventListener('abort', onAbort);
  }
}

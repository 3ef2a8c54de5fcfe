import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import {
  byCreation,
  type CreatedPlace,
  type List,
  newestFirst,
  type PageOptions,
  readList,
} from './core/pages.ts';
import { localError, requireUserId } from './core/rows.ts';
import { wait } from './core/wait.ts';
import { JourneyError } from './error.ts';
import type {
  AttemptNeedingReview,
  Payment,
  PaymentEvent,
  PaymentMethod,
  PaymentProvider,
  PaymentReturn,
  PaymentStart,
  PaymentState,
} from './payments-rows.ts';
import type { UserInbox } from './realtime/user-inbox.ts';
import { fail, type Result, succeed } from './result.ts';
import type { Uuid } from './values.ts';

/** How to wait for a payment. */
export interface WaitForPayment {
  /** Also ends when this attempt failed or expired, so that the person can try again. */
  attemptId?: Uuid;
  /** Each time something was read. */
  onUpdate?(state: PaymentState): void;
}

const returnStatuses = ['succeeded', 'failed', 'pending', 'unverified'] as const;
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

  /** The ways to pay that are switched on, with what each can carry. */
  methods(options?: CallOptions): Promise<Result<PaymentMethod[]>> {
    return this.#calls.rpc('payment_methods', {}, options);
  }

  /**
   * Opens a try at paying: send the person to `redirect_url`, or show the QR on another screen; what else the
   * provider offers is in `details`. It asks for what is missing (`attempt.amount`): the amount less the parts
   * that came. `returnUrl` is where the browser ends up afterwards; it says nothing about success. After
   * `payment_start_again` call it anew, with a new idempotency key. When a payment has many open tries, the
   * newest with this provider is answered again, with the `returnUrl` that it was begun with.
   * What is paid may refuse with errors of its own: a booking with `vehicle_suspended` or a licence code.
   * Errors: `payment_not_found`, `payment_not_payable`, `payment_expired`, `payment_amount_unsupported`,
   * `payment_attempts_open`, `provider_not_configured`, `invalid_input`, `rate_limited`,
   * `payment_start_again`, `provider_unavailable`.
   *
   * @example
   * ```ts
   * const { data: start, error } = await journey.payments.start({ paymentId, provider: 'momo' });
   * if (start) await openBrowser(start.details.deeplink ?? start.redirect_url);
   * ```
   */
  start<P extends PaymentProvider>(
    input: { paymentId: Uuid; provider: P; returnUrl?: string },
    options?: CommandOptions,
  ): Promise<Result<PaymentStart<P>>> {
    return this.#calls.invoke<PaymentStart<P>>(
      'keyed',
      'payments/start',
      {
        payment_id: input.paymentId,
        provider: input.provider,
        ...(input.returnUrl ? { return_url: input.returnUrl } : {}),
      },
      // some providers take half a minute to answer
      { timeoutMs: 40_000, ...options },
    );
  }

  /**
   * Asks the providers now for the results of the open attempts, and answers the state of the payment. Call
   * it when an app comes back to the front: the payer may have paid in the meantime, and the provider's
   * notification may be late.
   * Errors: `payment_not_found`, `rate_limited`, `invalid_input`.
   */
  check(paymentId: Uuid, options?: CallOptions): Promise<Result<PaymentState>> {
    return this.#calls.invoke<PaymentState>(
      'repeatable',
      'payments/check',
      { payment_id: paymentId },
      { timeoutMs: 40_000, ...options },
    );
  }

  /**
   * Reads the deep link by which a browser came back to the app, or null when it is none of ours. It is for
   * display; then call `check` or `waitUntilFinal`.
   */
  readReturn(url: string): PaymentReturn | null {
    const query = new URLSearchParams(url.split('#')[0]?.split('?').slice(1).join('?') ?? '');
    const status = returnStatuses.find((known) => known === query.get('payment_status'));
    return status ? { status, reference: query.get('payment_reference') } : null;
  }

  /**
   * The payments of the signed-in person, newest first.
   * Errors: `invalid_input`.
   */
  list(page: PageOptions = {}, options?: CallOptions): List<Payment> {
    const read = async (size: number, after?: CreatedPlace): Promise<Result<Payment[]>> => {
      const user = await requireUserId(this.#calls, options);
      if (user.error) return user;
      return this.#calls.table<Payment[]>(
        'read',
        (client) => newestFirst(client.from('payments').select().eq('payer_id', user.data), size, after),
        options,
      );
    };
    return readList({ by: byCreation, read }, page, options);
  }

  /**
   * How a payment stands now.
   * Errors: `payment_not_found`.
   */
  async status(paymentId: Uuid, options?: CallOptions): Promise<Result<PaymentState>> {
    const result = await this.#calls.rpc('payment_status', { payment_id: paymentId }, options);
    if (result.error) return result;
    return result.data === null ? fail(localError('payment_not_found', {}, options)) : succeed(result.data);
  }

  /**
   * Waits until the backend knows how a payment ended: asks again and again, and at once when a message arrives.
   * It needs the payment's id only, so an app that was killed in the browser's place can go on with it.
   * `data.payment.status` is then neither `pending` nor `processing` (unless `attemptId` ended first).
   * `timeoutMs` is the whole wait here, default 20 minutes; then the error is `timeout`.
   * Errors: `payment_not_found`.
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
    const moved = new Signal();
    const stopListening = await this.#listen(moved);
    let last: Result<PaymentState> | undefined;
    try {
      for (let delay = firstPollMs; ; delay = Math.min(longestPollMs, delay * 1.4)) {
        const left = until - Date.now();
        const seen = moved.count;
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
        if (moved.count === seen)
          await moved.wait(Math.min(delay * (0.8 + Math.random() * 0.4), until - Date.now()), signal);
      }
    } finally {
      stopListening();
    }
  }

  async #listen(signal: Signal): Promise<() => void> {
    const user = await requireUserId(this.#calls);
    if (user.error) return () => {};
    return this.#inbox.listen(user.data, {
      onMessage: () => signal.notify(),
      // closed or signed out: the next question says so
      onStatus: (status) => status === 'ended' && signal.notify(),
    });
  }
}

/** What providers said of payments and people with the role `admin` must look at. */
export class AdminPayments {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Tries at paying that are still open and of which a message that needs review speaks, newest first: such as money that
   * VNPay took and keeps under suspicion. Acknowledging the message leaves the try here until the provider has
   * decided.
   * Errors: `forbidden`, `invalid_input`.
   */
  attemptsNeedingReview(page: PageOptions = {}, options?: CallOptions): List<AttemptNeedingReview> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('payment_attempts_needing_review', { after, page_size }, options);
    return readList({ by: byCreation, read }, page, options);
  }

  /**
   * Provider messages that need review, oldest first.
   * Errors: `forbidden`, `invalid_input`.
   */
  eventsNeedingReview(page: PageOptions = {}, options?: CallOptions): List<PaymentEvent> {
    const read = (page_size: number, after?: { id: number }) =>
      this.#calls.rpc('payment_events_needing_review', { after_id: after?.id, page_size }, options);
    return readList({ by: ['id'], read }, page, options);
  }

  /**
   * Marks such a message as dealt with.
   * Errors: `forbidden`, `not_found`, `invalid_input`.
   */
  acknowledgeEvent(input: { eventId: number; note: string }, options?: CallOptions): Promise<Result<null>> {
    const args = { event_id: input.eventId, note: input.note };
    return this.#calls.rpc('acknowledge_payment_event', args, options);
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
class Signal {
  count = 0;
  #wake: AbortController | null = null;

  notify(): void {
    this.count += 1;
    this.#wake?.abort();
  }

  async wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const wake = new AbortController();
    this.#wake = wake;
    const onAbort = (): void => wake.abort();
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted) wake.abort();
    await wait(ms, wake.signal);
    signal?.removeEventListener('abort', onAbort);
  }
}

import type {
  AdminRefund,
  AttemptNeedingReview,
  LedgerProblem,
  PaymentEvent,
  RefundNeed,
  TransferClaim,
  UnmatchedMoney,
  UnmatchedSettlement,
} from './admin-rows.ts';
import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import { type CreatedCursor, createdCursor, type Page, readPage } from './core/pages.ts';
import type { Refund, RefundStatus } from './payments-rows.ts';
import type { Result } from './result.ts';
import type { Minor, Uuid } from './values.ts';

/** Money, for people with the role `admin`: unmatched money, refunds, and the proof of the books. */
export class AdminMoney {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Money that fits no open payment, newest first: what waits to be settled, or what was. `pageSize` is 1 to 100,
   * default 20.
   * Errors: `forbidden`, `invalid_input`.
   */
  unmatched(
    input: { status?: 'open' | 'settled'; after?: CreatedCursor; pageSize?: number } = {},
    options?: CallOptions,
  ): Promise<Result<Page<UnmatchedMoney, CreatedCursor>>> {
    const { status, after, pageSize } = input;
    const read = (size: number) =>
      this.#calls.rpc('unmatched_money', { status, after, page_size: size }, options);
    return readPage({ pageSize, read, cursorOf: createdCursor }, options);
  }

  /**
   * Decides where unmatched money goes: `apply` pays a payment (together with what is already meant for it; what
   * is over stays as a new row), `refund` returns it to the payer, `keep` makes it revenue and needs a note. So does
   * `apply` when the money is known to be of another payer than the payment, as there is no way back. The note, of 3 to
   * 500 characters, is kept with the row.
   * Errors: `forbidden`, `unmatched_not_found`, `unmatched_not_enough`, `payment_not_found`,
   * `payment_not_payable`, `invalid_input`.
   */
  settleUnmatched(
    input: { unmatchedId: Uuid; note?: string } & (
      | { action: 'apply'; paymentId: Uuid }
      | { action: 'refund' | 'keep' }
    ),
    options?: CommandOptions,
  ): Promise<Result<UnmatchedSettlement>> {
    const { unmatchedId, action, note } = input;
    const paymentId = input.action === 'apply' ? input.paymentId : undefined;
    const args = { unmatched_id: unmatchedId, action, payment_id: paymentId, note };
    return this.#calls.rpc('settle_unmatched_money', args, options);
  }

  /**
   * Refunds, newest first: by default all that are not paid yet (`open`); `null` is those of every state. Each says
   * what it `needs` of an admin, and `needs` gives only those (`any`: whatever it is). `pageSize` is 1 to 100,
   * default 20.
   * Errors: `forbidden`, `invalid_input`.
   *
   * @example
   * ```ts
   * const { data } = await journey.admin.money.refunds({ needs: 'any' });
   * for (const refund of data?.rows ?? []) show(refund.needs, refund.failure_code);
   * ```
   */
  refunds(
    input: {
      status?: 'open' | RefundStatus | null;
      needs?: RefundNeed | 'any';
      after?: CreatedCursor;
      pageSize?: number;
    } = {},
    options?: CallOptions,
  ): Promise<Result<Page<AdminRefund, CreatedCursor>>> {
    const { status, needs, after, pageSize } = input;
    const read = (size: number) =>
      this.#calls.rpc('list_refunds', { status, needs, after, page_size: size }, options);
    return readPage({ pageSize, read, cursorOf: createdCursor }, options);
  }

  /**
   * Tries at paying that are still open and of which a message that needs review speaks, newest first: such as money that
   * VNPay took and keeps under suspicion. Acknowledging the message leaves the try here until the provider has
   * decided. `pageSize` is 1 to 100, default 20.
   * Errors: `forbidden`, `invalid_input`.
   */
  attemptsNeedingReview(
    input: { after?: CreatedCursor; pageSize?: number } = {},
    options?: CallOptions,
  ): Promise<Result<Page<AttemptNeedingReview, CreatedCursor>>> {
    const { after, pageSize } = input;
    const read = (size: number) =>
      this.#calls.rpc('payment_attempts_needing_review', { after, page_size: size }, options);
    return readPage({ pageSize, read, cursorOf: createdCursor }, options);
  }

  /**
   * Provider messages that need review, oldest first, at most 200.
   * Errors: `forbidden`.
   */
  eventsNeedingReview(options?: CallOptions): Promise<Result<PaymentEvent[]>> {
    return this.#calls.rpc('payment_events_needing_review', {}, options);
  }

  /**
   * Marks such a message as dealt with.
   * Errors: `forbidden`, `not_found`, `invalid_input`.
   */
  acknowledgeEvent(input: { eventId: number; note: string }, options?: CallOptions): Promise<Result<null>> {
    const args = { event_id: input.eventId, note: input.note };
    return this.#calls.rpc('acknowledge_payment_event', args, options);
  }

  /**
   * Refunds part of a payment out of the platform's revenue, after its booking is over; before that, cancel
   * the booking. The same amount for the same reason is refused for 10 minutes as `refund_repeated`, with the
   * `refund_id` of the first one in `details`, so a double click refunds once. If you mean a second refund,
   * give another reason.
   * Errors: `forbidden`, `payment_not_found`, `payment_not_refundable`, `refund_repeated`, `invalid_input`.
   */
  refundPayment(
    input: { paymentId: Uuid; amount: Minor; reason: string },
    options?: CommandOptions,
  ): Promise<Result<Refund>> {
    const args = { payment_id: input.paymentId, amount: input.amount, reason: input.reason };
    return this.#calls.rpc('refund_payment', args, options);
  }

  /**
   * Sends a failed refund again, as before or another way: by a transfer to the payer's bank account, or by the rail the
   * money came by, which also ends waiting for an account. Refused while an admin has claimed it.
   * Errors: `forbidden`, `refund_not_found`, `transfer_claimed`, `illegal_transition`, `invalid_input`.
   */
  retryRefund(
    input: { refundId: Uuid; method?: Refund['method'] },
    options?: CallOptions,
  ): Promise<Result<Refund>> {
    const args = { refund_id: input.refundId, method: input.method };
    return this.#calls.rpc('retry_refund', args, options);
  }

  /**
   * Claims a refund that you are about to transfer by hand. For a day no provider sends it, and no other
   * admin claims or records it. Claiming it again answers the same claim. When another admin was first,
   * `transfer_claimed` has a `TransferClaim` in `details`; when it was paid, `already_paid` has a
   * `PaidTransfer`; `illegal_transition` is what a provider works on.
   * Errors: `forbidden`, `refund_not_found`, `already_paid`, `transfer_claimed`, `illegal_transition`.
   *
   * @example
   * ```ts
   * const { error } = await journey.admin.money.claimManualRefund(refundId);
   * if (error) return show(error.code, error.details); // do not go to the bank
   * // ... the transfer is made ...
   * await journey.admin.money.recordManualRefund({ refundId, bankReference: 'FT26325001' });
   * ```
   */
  claimManualRefund(refundId: Uuid, options?: CallOptions): Promise<Result<TransferClaim>> {
    return this.#calls.rpc('claim_manual_refund', { refund_id: refundId }, options);
  }

  /**
   * Ends your claim of a refund that you did not transfer after all; it goes on as before.
   * Errors: `forbidden`, `refund_not_found`, `transfer_claimed`.
   */
  releaseManualRefund(refundId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('release_manual_refund', { refund_id: refundId }, options);
  }

  /**
   * Records that you paid a refund by a transfer, which ends its claim. Refused while a provider works on it
   * or another admin has claimed it; when it was paid already, `details` is a `PaidTransfer`. Claim it with
   * `claimManualRefund` before you make the transfer.
   * Errors: `forbidden`, `refund_not_found`, `already_paid`, `transfer_claimed`, `illegal_transition`,
   * `invalid_input`.
   */
  recordManualRefund(
    input: { refundId: Uuid; bankReference: string },
    options?: CallOptions,
  ): Promise<Result<Refund>> {
    const args = { refund_id: input.refundId, bank_reference: input.bankReference };
    return this.#calls.rpc('record_manual_refund', args, options);
  }

  /**
   * Records how a refund ended, from what the provider's own pages show: one that is `processing` and that
   * its provider does not report, or one that waits (`pending`) for a rail that refuses it or is no longer
   * set up. A refund that failed can be retried, also by transfer.
   * Errors: `forbidden`, `refund_not_found`, `illegal_transition`, `invalid_input`.
   */
  settleRefund(
    input: { refundId: Uuid; note: string } & (
      | { outcome: 'succeeded'; providerRefundId: string }
      | { outcome: 'failed' }
    ),
    options?: CallOptions,
  ): Promise<Result<Refund>> {
    const args = {
      refund_id: input.refundId,
      outcome: input.outcome,
      provider_refund_id: input.outcome === 'succeeded' ? input.providerRefundId : null,
      note: input.note,
    };
    return this.#calls.rpc('settle_refund', args, options);
  }

  /**
   * One row for each movement on which ledger and rows disagree; none means proven.
   * Errors: `forbidden`.
   */
  reconcileLedger(options?: CallOptions): Promise<Result<LedgerProblem[]>> {
    return this.#calls.rpc('reconcile_ledger', {}, options);
  }
}

import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import { byCreation, type List, type PageOptions, readList } from './core/pages.ts';
import type { AdminRefund, Refund, RefundNeed, RefundStatus } from './refunds-rows.ts';
import type { Result } from './result.ts';
import type { TransferClaim } from './transfers-rows.ts';
import type { Minor, Uuid } from './values.ts';

/** What comes back to payers. */
export class Refunds {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * What comes back to the signed-in person, newest first: the refunds of all their payments, and of money that
   * fitted none (`payment_id` is null then). One that is `awaiting_account` goes on after `payouts.setBankAccount`.
   * Errors: `invalid_input`.
   *
   * @example
   * ```ts
   * const { data } = await journey.refunds.list();
   * if (data?.rows.some(({ status }) => status === 'awaiting_account')) askForBankAccount();
   * ```
   */
  list(page: PageOptions = {}, options?: CallOptions): List<Refund> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('my_refunds', { after, page_size }, options);
    return readList({ by: byCreation, read }, page, options);
  }
}

/** Refunds as people with the role `admin` see them: given, sent again, paid by hand, settled. */
export class AdminRefunds {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Refunds, newest first: by default all that are not paid yet (`open`); `null` is those of every state. Each says
   * what it `needs` of an admin, and `needs` gives only those (`any`: whatever it is).
   * Errors: `forbidden`, `invalid_input`.
   *
   * @example
   * ```ts
   * const { data } = await journey.admin.refunds.list({ needs: 'any' });
   * for (const refund of data?.rows ?? []) show(refund.needs, refund.failure_code);
   * ```
   */
  list(
    input: { status?: 'open' | RefundStatus | null; needs?: RefundNeed | 'any' } & PageOptions = {},
    options?: CallOptions,
  ): List<AdminRefund> {
    const { status, needs, ...page } = input;
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('list_refunds', { status, needs, after, page_size }, options);
    return readList({ by: byCreation, read }, page, options);
  }

  /**
   * Refunds part of a payment out of the platform's revenue, after its booking is over; before that, cancel
   * the booking. The same amount for the same reason is refused for 10 minutes as `refund_repeated`, with the
   * `refund_id` of the first one in `details`, so a double click refunds once. If you mean a second refund,
   * give another reason. It needs a passed step-up.
   * Errors: `forbidden`, `payment_not_found`, `step_up_required`, `payment_not_refundable`,
   * `refund_repeated`, `invalid_input`.
   */
  create(
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
  retry(
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
   * const { error } = await journey.admin.refunds.claimManual(refundId);
   * if (error) return show(error.code, error.details); // do not go to the bank
   * // ... the transfer is made ...
   * await journey.admin.refunds.recordManual({ refundId, bankReference: 'FT26325001' });
   * ```
   */
  claimManual(refundId: Uuid, options?: CallOptions): Promise<Result<TransferClaim>> {
    return this.#calls.rpc('claim_manual_refund', { refund_id: refundId }, options);
  }

  /**
   * Ends your claim of a refund that you did not transfer after all; it goes on as before.
   * Errors: `forbidden`, `refund_not_found`, `transfer_claimed`.
   */
  releaseManual(refundId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('release_manual_refund', { refund_id: refundId }, options);
  }

  /**
   * Records that you paid a refund by a transfer, which ends its claim. Refused while a provider works on it
   * or another admin has claimed it; when it was paid already, `details` is a `PaidTransfer`. Claim it with
   * `claimManual` before you make the transfer.
   * Errors: `forbidden`, `refund_not_found`, `already_paid`, `transfer_claimed`, `illegal_transition`,
   * `invalid_input`.
   */
  recordManual(
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
  settle(
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
}

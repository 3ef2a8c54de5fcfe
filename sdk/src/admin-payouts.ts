import type { CallOptions, Calls } from './core/calls.ts';
import type { Result } from './result.ts';
import type { Payout, PayoutBatch, Uuid } from './types.ts';

/** Payouts as people with the role `admin` run them: proposed in batches, approved, held, sent again. */
export class AdminPayouts {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Proposes payouts of everything that is due; it also happens daily by itself. Errors: `forbidden`. */
  propose(options?: CallOptions): Promise<Result<PayoutBatch[]>> {
    return this.#calls.rpc<PayoutBatch[]>('propose_payouts', {}, options);
  }

  /** Sends a batch on its way; held payouts stay. Errors: `forbidden`, `payout_batch_not_found`. */
  approve(batchId: Uuid, options?: CallOptions): Promise<Result<PayoutBatch>> {
    return this.#calls.rpc<PayoutBatch>('approve_payout_batch', { batch_id: batchId }, options);
  }

  /** Stops a payout that has not left. Errors: `forbidden`, `payout_not_found`, `illegal_transition`, `invalid_input`. */
  hold(input: { payoutId: Uuid; reason: string }, options?: CallOptions): Promise<Result<Payout>> {
    const args = { payout_id: input.payoutId, reason: input.reason };
    return this.#calls.rpc<Payout>('hold_payout', args, options);
  }

  /** Ends a hold. Errors: `forbidden`, `payout_not_found`, `illegal_transition`, `booking_money_held`. */
  release(payoutId: Uuid, options?: CallOptions): Promise<Result<Payout>> {
    return this.#calls.rpc<Payout>('release_payout', { payout_id: payoutId }, options);
  }

  /** Sends a failed payout again. Errors: `forbidden`, `payout_not_found`, `illegal_transition`. */
  retry(payoutId: Uuid, options?: CallOptions): Promise<Result<Payout>> {
    return this.#calls.rpc<Payout>('retry_payout', { payout_id: payoutId }, options);
  }

  /** Gives the money back to the host's balance. Errors: `forbidden`, `payout_not_found`, `illegal_transition`. */
  cancel(payoutId: Uuid, options?: CallOptions): Promise<Result<Payout>> {
    return this.#calls.rpc<Payout>('cancel_payout', { payout_id: payoutId }, options);
  }

  /** Says that a payout was made by hand. Errors: `forbidden`, `payout_not_found`, `illegal_transition`, `invalid_input`. */
  recordManual(
    input: { payoutId: Uuid; bankReference: string },
    options?: CallOptions,
  ): Promise<Result<Payout>> {
    const args = { payout_id: input.payoutId, bank_reference: input.bankReference };
    return this.#calls.rpc<Payout>('record_manual_payout', args, options);
  }

  /** Keeps a booking's deposit and the host's share of it where they are. Errors: `forbidden`, `booking_not_found`, `invalid_input`. */
  holdBookingMoney(
    input: { bookingId: Uuid; reason: string },
    options?: CallOptions,
  ): Promise<Result<unknown>> {
    const args = { booking_id: input.bookingId, reason: input.reason };
    return this.#calls.rpc<unknown>('hold_booking_money', args, options);
  }

  /** Ends that. Errors: `forbidden`, `booking_not_found`. */
  releaseBookingMoney(
    input: { bookingId: Uuid; reason?: string },
    options?: CallOptions,
  ): Promise<Result<unknown>> {
    const args = { booking_id: input.bookingId, reason: input.reason };
    return this.#calls.rpc<unknown>('release_booking_money', args, options);
  }
}

import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import type { Payable, PayableFreezes } from './payables-rows.ts';
import type { Result } from './result.ts';
import type { Uuid } from './values.ts';

/** What payments pay, as people with the role `admin` see it: freezing its money, and calling it off. */
export class AdminPayables {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Freezes the money of a payable: what is held of it is not given back, and what was earned by it is not paid out.
   * Errors: `forbidden`, `payable_not_found`, `invalid_input`.
   */
  freeze(input: { payableId: Uuid; reason: string }, options?: CallOptions): Promise<Result<PayableFreezes>> {
    const args = { payable_id: input.payableId, reason: input.reason };
    return this.#calls.rpc('freeze_payable', args, options);
  }

  /**
   * Ends the freeze of this reason, or every freeze when no reason is given.
   * Errors: `forbidden`, `payable_not_found`.
   */
  unfreeze(
    input: { payableId: Uuid; reason?: string },
    options?: CallOptions,
  ): Promise<Result<PayableFreezes>> {
    const args = { payable_id: input.payableId, reason: input.reason };
    return this.#calls.rpc('unfreeze_payable', args, options);
  }

  /**
   * Calls off what a payment pays, by the rules of its kind, which may refuse it with errors of its own (for a booking,
   * those of `bookings.cancel`). The reason has 1 to 500 characters.
   * Errors: `forbidden`, `payable_not_found`, `invalid_input`.
   */
  cancel(input: { payableId: Uuid; reason: string }, options?: CommandOptions): Promise<Result<Payable>> {
    const args = { payable_id: input.payableId, reason: input.reason };
    return this.#calls.rpc('cancel_payable', args, options);
  }
}

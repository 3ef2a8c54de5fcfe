import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import { byCreation, type List, type PageOptions, readList } from './core/pages.ts';
import type { Result } from './result.ts';
import type { UnmatchedMoney, UnmatchedSettlement } from './unmatched-rows.ts';
import type { Uuid } from './values.ts';

/** Money that fits no open payment, and what people with the role `admin` decide about it. */
export class AdminUnmatched {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Money that fits no open payment, newest first: what waits to be settled, or what was.
   * Errors: `forbidden`, `invalid_input`.
   */
  list(
    { status, ...page }: { status?: 'open' | 'settled' } & PageOptions = {},
    options?: CallOptions,
  ): List<UnmatchedMoney> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('unmatched_money', { status, after, page_size }, options);
    return readList({ by: byCreation, read }, page, options);
  }

  /**
   * Decides where unmatched money goes: `apply` pays a payment (together with what is already meant for it; what
   * is over stays as a new row), `refund` returns it to the payer, `keep` makes it revenue and needs a note. So does
   * `apply` when the money is known to be of another payer than the payment, as there is no way back. The note, of 3 to
   * 500 characters, is kept with the row.
   * Errors: `forbidden`, `unmatched_not_found`, `unmatched_not_enough`, `payment_not_found`,
   * `payment_not_payable`, `invalid_input`.
   */
  settle(
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
}

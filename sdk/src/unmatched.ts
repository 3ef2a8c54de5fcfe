import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import { type CreatedCursor, createdCursor, type Page, readPage } from './core/pages.ts';
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
   * Money that fits no open payment, newest first: what waits to be settled, or what was. `pageSize` is 1 to 100,
   * default 20.
   * Errors: `forbidden`, `invalid_input`.
   */
  list(
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

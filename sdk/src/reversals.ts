import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import { byCreation, type List, type PageOptions, readList } from './core/pages.ts';
import type { Result } from './result.ts';
import type { PaymentReversal } from './reversals-rows.ts';
import type { Minor, Uuid } from './values.ts';

/** Chargebacks, and refunds that somebody made in a provider's portal, for people with the role `admin`. */
export class AdminReversals {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Reversals, newest first; with `open` those that nobody has covered yet.
   * Errors: `forbidden`, `invalid_input`.
   */
  list(
    { open, ...page }: { open?: boolean } & PageOptions = {},
    options?: CallOptions,
  ): List<PaymentReversal> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('list_payment_reversals', { open, after, page_size }, options);
    return readList({ by: byCreation, read }, page, options);
  }

  /**
   * Records that money of a payment left its provider without a refund of ours. A chargeback also freezes the money of what was
   * paid. Refunds that are owed for the payment, now or later, are paid by it. The session needs a passed step-up.
   * Errors: `forbidden`, `payment_not_found`, `step_up_required`, `reversal_exceeded` (details.most),
   * `invalid_input`.
   *
   * @example
   * ```ts
   * await journey.admin.reversals.record({ paymentId, kind: 'chargeback', amount: 1_250_000, providerReference: 'dp_1Q…', note: 'Lost' });
   * ```
   */
  record(
    input: {
      paymentId: Uuid;
      kind: PaymentReversal['kind'];
      amount: Minor;
      providerReference: string;
      note: string;
    },
    options?: CommandOptions,
  ): Promise<Result<PaymentReversal>> {
    const { paymentId, kind, amount, providerReference, note } = input;
    const args = { payment_id: paymentId, kind, amount, provider_reference: providerReference, note };
    return this.#calls.rpc('record_payment_reversal', args, options);
  }

  /**
   * Says who bears a reversal, or a part of it: the `platform`; an `earner`, who gives back at most what was earned with it and is
   * told the note; or the `provider`, when a chargeback was won. The session needs a passed step-up.
   * Errors: `forbidden`, `reversal_not_found`, `step_up_required`, `reversal_exceeded` (details.most),
   * `invalid_input`.
   */
  cover(
    input: { reversalId: Uuid; amount: Minor; note: string } & (
      | { coveredBy: 'platform' | 'provider' }
      | { coveredBy: 'earner'; earnerId: Uuid }
    ),
    options?: CommandOptions,
  ): Promise<Result<PaymentReversal>> {
    const { reversalId, coveredBy, amount, note } = input;
    const earnerId = input.coveredBy === 'earner' ? input.earnerId : undefined;
    const args = { reversal_id: reversalId, covered_by: coveredBy, amount, note, earner_id: earnerId };
    return this.#calls.rpc('cover_payment_reversal', args, options);
  }
}

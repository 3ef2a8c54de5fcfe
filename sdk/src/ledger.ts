import type { CallOptions, Calls } from './core/calls.ts';
import type { LedgerProblem } from './ledger-rows.ts';
import type { Result } from './result.ts';

/** The proof of the books, for people with the role `admin`. */
export class AdminLedger {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * One row for each movement on which ledger and rows disagree; none means proven.
   * Errors: `forbidden`.
   */
  reconcile(options?: CallOptions): Promise<Result<LedgerProblem[]>> {
    return this.#calls.rpc('reconcile_ledger', {}, options);
  }
}

import type { Rows } from './generated/database.ts';
import type { Minor } from './values.ts';

/**
 * A line of a movement on which the ledger and the rows disagree. `problem` is the movement; where the
 * account is not a provider's, ` on <kind of account>` follows. `provider` is the owner of the account: a
 * provider, or a host, payable or payout by id. `subject` is the row that should explain it, mostly by id.
 */
export interface LedgerProblem extends Omit<Rows['reconcile_ledger'], 'expected_amount' | 'found_amount'> {
  /** What the rows say. */
  expected_amount: Minor | null;
  /** What the ledger says. */
  found_amount: Minor | null;
}

declare module './core/shapes.ts' {
  interface Shapes {
    reconcile_ledger: LedgerProblem;
  }
}

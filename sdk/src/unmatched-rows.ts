import type { Nullable } from './core/shapes.ts';
import type { Rows } from './generated/database.ts';
import type { PaymentProvider } from './payments-rows.ts';
import type { Uuid } from './values.ts';

/** Money that reached us and fits no open payment. */
export interface UnmatchedMoney
  extends Omit<
    Nullable<
      Rows['unmatched_money'],
      | 'reference'
      | 'transaction_id'
      | 'attempt_id'
      | 'payer_id'
      | 'payment_id'
      | 'settled_by'
      | 'settled_at'
      | 'note'
    >,
    'provider' | 'currency' | 'reason' | 'status' | 'settlement'
  > {
  provider: PaymentProvider;
  /** As the provider said it: it may be one that we do not take. */
  currency: string;
  reason:
    | 'unknown_reference'
    | 'amount_mismatch'
    | 'currency_mismatch'
    | 'paid_twice'
    | 'underpaid'
    | 'overpaid';
  status: 'open' | 'settled';
  settlement: 'applied' | 'refunded' | 'kept' | 'returned' | 'void' | null;
}

/** What became of unmatched money. */
export interface UnmatchedSettlement {
  result: 'applied' | 'refunded_late' | 'refund' | 'keep';
  refund_id: Uuid | null;
  unmatched: UnmatchedMoney;
}

declare module './core/shapes.ts' {
  interface Shapes {
    unmatched_money: UnmatchedMoney;
    settle_unmatched_money: UnmatchedSettlement;
  }
}

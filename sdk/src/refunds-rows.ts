import type { Like, Nullable } from './core/shapes.ts';
import type { RefundsRow, Rows } from './generated/database.ts';
import type { PaymentProvider } from './payments-rows.ts';
import type { ClaimedTransfer, TransferClaim } from './transfers-rows.ts';

/** Money on its way back to the payer. */
export interface Refund extends RefundsRow {
  /** The rail it leaves by; `manual` is a transfer made by hand, `reversal` means that the payer has taken the money back already. */
  provider: PaymentProvider | 'manual' | 'reversal';
}
export type RefundStatus = Refund['status'];

/**
 * What an admin must do about a refund. `account`: its payer is unknown, or has named no bank account for
 * three days. Write to them, or transfer by hand. `transfer`: only you send it. Use
 * `admin.refunds.claimManual`, then `recordManual`. `retry`: it failed, or its outbox row is a dead
 * letter. Use `admin.refunds.retry`. `question`: a provider has had it for a week, or a transfer is a day
 * old. Ask the provider, and end one that is `processing` with `admin.refunds.settle`.
 */
export type RefundNeed = 'account' | 'transfer' | 'retry' | 'question';

/**
 * A refund as admins see it. `attempt_id` is the try its money came by, `unmatched_id` of a refund of unmatched money;
 * `payer_id` is null for money of nobody we know.
 */
export interface AdminRefund
  extends Omit<
      Nullable<Like<Rows['list_refunds'], Refund>, 'payer_id' | 'attempt_id' | 'unmatched_id' | 'reason'>,
      'needs' | keyof ClaimedTransfer
    >,
    ClaimedTransfer {
  /** Null when it goes on by itself. */
  needs: RefundNeed | null;
}

declare module './core/shapes.ts' {
  interface Shapes {
    refunds: Refund;
    my_refunds: Refund;
    list_refunds: AdminRefund;
    claim_manual_refund: TransferClaim;
  }
}

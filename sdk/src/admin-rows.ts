import type { Like, Nullable } from './core/shapes.ts';
import type { Rows, Tables } from './generated/database.ts';
import type { PaymentProvider, Refund } from './payments-rows.ts';
import type { Payout } from './payouts-rows.ts';
import type { Minor, Timestamp, Uuid } from './values.ts';

/**
 * What must hold and does not, found by the backend's own check; none means healthy. `invariant` is a name of
 * docs/invariants.md, which says what to do; `subject_id` is the row it is about, null when it could not be checked.
 */
export interface InvariantViolation
  extends Omit<Nullable<Rows['check_invariants'], 'subject_id'>, 'severity'> {
  /** critical: rows contradict each other; warning: work is late, or waits for a person. */
  severity: 'critical' | 'warning';
}

/**
 * What an admin must do about a refund. `account`: its payer is unknown, or has named no bank account for
 * three days. Write to them, or transfer by hand. `transfer`: only you send it. Use
 * `admin.money.claimManualRefund`, then `recordManualRefund`. `retry`: it failed, or its outbox row is a dead
 * letter. Use `admin.money.retryRefund`. `question`: a provider has had it for a week, or a transfer is a day
 * old. Ask the provider, and end one that is `processing` with `admin.money.settleRefund`.
 */
export type RefundNeed = 'account' | 'transfer' | 'retry' | 'question';

/** Who is making a transfer by hand, in a list. Both are null when nobody has claimed it. */
export interface ClaimedTransfer {
  /** The admin who makes the transfer. Nobody else may record it in the meantime. */
  claimed_by: Uuid | null;
  claimed_at: Timestamp | null;
}

/**
 * Who is making a transfer by hand, and until when nobody else may. The answer to a claim, and the `details`
 * of `transfer_claimed`.
 */
export interface TransferClaim {
  claimed_by: Uuid;
  claimed_by_name: string;
  claimed_at: Timestamp;
  /** A day later. */
  expires_at: Timestamp;
}

/** By which transfer a refund or payout was paid: the `details` of `already_paid`. */
export interface PaidTransfer {
  /** `manual` is a transfer an admin made. */
  provider: string;
  /** The bank's reference of a transfer made by hand, or the provider's number. */
  reference: string | null;
  paid_at: Timestamp;
  /** The admin who said so; null when the provider did. */
  recorded_by: Uuid | null;
  recorded_by_name: string | null;
}

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

/** A payout as admins see it. */
export interface AdminPayout
  extends Omit<Like<Rows['list_payouts'], Payout>, keyof ClaimedTransfer>,
    ClaimedTransfer {}

/** Payouts proposed together, for an admin to approve. */
export interface PayoutBatch extends Omit<Tables['payout_batches'], 'status'> {
  status: 'proposed' | 'approved';
}

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
  settlement: 'applied' | 'refunded' | 'kept' | 'void' | null;
}

/** What became of unmatched money. */
export interface UnmatchedSettlement {
  result: 'applied' | 'refunded_late' | 'refund' | 'keep';
  refund_id: Uuid | null;
  unmatched: UnmatchedMoney;
}

/** A provider message that needs review. `raw` is the message as received. */
export interface PaymentEvent
  extends Omit<Nullable<Rows['payment_events_needing_review'], 'reference' | 'note'>, 'provider'> {
  provider: PaymentProvider;
}

/**
 * A try that is still open and of which a message that needs review speaks, with the latest one: `event_id` is for
 * `acknowledgeEvent`. `acknowledged_at` is when an admin dealt with the message; the try stays open until the provider
 * has decided.
 */
export interface AttemptNeedingReview
  extends Nullable<
    Like<Rows['payment_attempts_needing_review'], Tables['payment_attempts']>,
    'note' | 'acknowledged_at'
  > {}

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
    check_invariants: InvariantViolation;
    list_refunds: AdminRefund;
    list_payouts: AdminPayout;
    payout_batches: PayoutBatch;
    unmatched_money: UnmatchedMoney;
    settle_unmatched_money: UnmatchedSettlement;
    payment_events_needing_review: PaymentEvent;
    payment_attempts_needing_review: AttemptNeedingReview;
    reconcile_ledger: LedgerProblem;
    claim_manual_refund: TransferClaim;
    claim_manual_payout: TransferClaim;
  }
}

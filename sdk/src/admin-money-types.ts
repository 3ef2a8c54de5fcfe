// Rows and answers about money that only admins see.
import type { PaymentAttemptStatus, PaymentProvider, Refund } from './money-types.ts';
import type { Minor, Timestamp, Uuid } from './types.ts';

/**
 * What an admin must do about a refund. `account`: its payer is unknown, or has named no bank account for three days:
 * write to them, or transfer by hand. `transfer`: nobody but you sends it; then `admin.money.recordManualRefund`.
 * `retry`: it failed, or was given up on its way; `admin.money.retryRefund`. `question`: a provider has had it for a
 * week, or a transfer is a day old: ask there; one that is `processing` is ended by `admin.money.settleRefund`.
 */
export type RefundNeed = 'account' | 'transfer' | 'retry' | 'question';

/** A refund as admins see it. */
export interface AdminRefund extends Refund {
  /** Null for money of nobody we know. */
  payer_id: Uuid | null;
  /** What it gives back came by this attempt. */
  attempt_id: Uuid | null;
  /** Of a refund of unmatched money. */
  unmatched_id: Uuid | null;
  /** Why an admin gave it; not the payer's to read. */
  reason: string | null;
  /** When it was ordered last. */
  ordered_at: Timestamp;
  /** Null when it goes on by itself. */
  needs: RefundNeed | null;
}

/** Payouts proposed together, for an admin to approve. */
export interface PayoutBatch {
  id: Uuid;
  number: number;
  status: 'proposed' | 'approved';
  payouts: number;
  total: Minor;
  currency: 'VND';
  created_at: Timestamp;
  approved_at: Timestamp | null;
  approved_by: Uuid | null;
}

/** Money that reached us and fits no open payment. */
export interface UnmatchedMoney {
  id: Uuid;
  event_id: number;
  provider: PaymentProvider;
  reference: string | null;
  transaction_id: string | null;
  amount: Minor;
  currency: string;
  reason:
    | 'unknown_reference'
    | 'amount_mismatch'
    | 'currency_mismatch'
    | 'paid_twice'
    | 'underpaid'
    | 'overpaid';
  attempt_id: Uuid | null;
  payer_id: Uuid | null;
  status: 'open' | 'settled';
  settlement: 'applied' | 'refunded' | 'kept' | 'void' | null;
  payment_id: Uuid | null;
  settled_by: Uuid | null;
  settled_at: Timestamp | null;
  note: string | null;
  created_at: Timestamp;
}

/** What became of unmatched money. */
export interface UnmatchedSettlement {
  result: 'applied' | 'refunded_late' | 'refund' | 'keep';
  refund_id: Uuid | null;
  unmatched: UnmatchedMoney;
}

/** A message of a provider that somebody must look at. */
export interface PaymentEvent {
  id: number;
  provider: PaymentProvider;
  reference: string | null;
  note: string | null;
  /** As received. */
  raw: string;
  received_at: Timestamp;
}

/** A try that is still open and of which a message for attention speaks, with the latest one. */
export interface AttemptForAttention {
  id: Uuid;
  payment_id: Uuid;
  booking_id: Uuid;
  payer_id: Uuid;
  provider: PaymentProvider;
  /** Our reference at the provider. */
  reference: string;
  amount: Minor;
  currency: 'VND';
  status: PaymentAttemptStatus;
  expires_at: Timestamp;
  created_at: Timestamp;
  /** The message: for `acknowledgeEvent`. */
  event_id: number;
  note: string | null;
  received_at: Timestamp;
  /** When an admin dealt with the message; the try stays open until the provider has decided. */
  acknowledged_at: Timestamp | null;
}

/** A movement on which the ledger and the rows disagree. */
export interface LedgerProblem {
  problem: string;
  provider: string;
  subject: string;
  /** What the rows say. */
  expected: Minor | null;
  /** What the ledger says. */
  found: Minor | null;
}

// Rows and answers about money that only admins see.
import type { PaymentAttemptStatus, PaymentProvider, Payout, Refund } from './money-types.ts';
import type { Minor, Timestamp, Uuid } from './types.ts';

/**
 * What an admin must do about a refund. `account`: its payer is unknown, or has named no bank account for three days:
 * write to them, or transfer by hand. `transfer`: nobody but you sends it; `admin.money.claimManualRefund`, then
 * `recordManualRefund`.
 * `retry`: it failed, or was given up on its way; `admin.money.retryRefund`. `question`: a provider has had it for a
 * week, or a transfer is a day old: ask there; one that is `processing` is ended by `admin.money.settleRefund`.
 */
export type RefundNeed = 'account' | 'transfer' | 'retry' | 'question';

/** Who is making a transfer by hand, in a list; both null when nobody says so. */
export interface ClaimedTransfer {
  /** The admin who is at the bank with it; nobody else may record it meanwhile. */
  claimed_by: Uuid | null;
  claimed_at: Timestamp | null;
}

/**
 * Who is making a transfer by hand, and until when nobody else does: the answer to a claim, and the `details` of
 * `transfer_claimed`.
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

/** A refund as admins see it. */
export interface AdminRefund extends Refund, ClaimedTransfer {
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

/** A payout as admins see it. */
export interface AdminPayout extends Payout, ClaimedTransfer {}

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

/** A try that is still open and of which a message that needs review speaks, with the latest one. */
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

/** A line of a movement on which the ledger and the rows disagree. */
export interface LedgerProblem {
  /** The movement; where the account is not a provider's, ` on <kind of account>` follows. */
  problem: string;
  /** The owner of the account: a provider, or a host, booking or payout by id. */
  provider: string;
  /** The row it should be told by, mostly by id. */
  subject: string;
  /** What the rows say. */
  expected: Minor | null;
  /** What the ledger says. */
  found: Minor | null;
}

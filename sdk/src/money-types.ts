// Rows and answers about money; see the head of types.ts for the forms of amounts and instants.
import type { StateOf } from './generated/states.ts';
import type { Minor, Timestamp, Uuid } from './types.ts';

export type PaymentStatus = StateOf<'payment'>;
export type PaymentAttemptStatus = StateOf<'payment_attempt'>;
export type RefundStatus = StateOf<'refund'>;

export type PaymentProvider = 'vnpay' | 'momo' | 'zalopay' | 'payos' | 'stripe' | 'vietqr';

/** A way to pay that is switched on, and what it can carry. */
export interface PaymentMethod {
  provider: PaymentProvider;
  currency: 'VND';
  min_amount: Minor;
  max_amount: Minor;
}

export interface Payment {
  id: Uuid;
  booking_id: Uuid;
  payer_id: Uuid;
  amount: Minor;
  currency: 'VND';
  status: PaymentStatus;
  refunded_amount: Minor;
  expires_at: Timestamp;
  succeeded_at: Timestamp | null;
  created_at: Timestamp;
  updated_at: Timestamp;
}

/** A bank transfer that pays. */
export interface TransferDetails {
  /** Six digits, as NAPAS numbers banks. */
  bank_bin: string;
  account_number: string;
  account_name: string;
  amount: Minor;
  /** Must be sent with the transfer: the money is recognised by it. */
  message: string;
}

/** What an app may use beside link and QR code, by provider. */
export interface CheckoutDetails {
  vnpay: Record<string, never>;
  momo: { deeplink?: string };
  zalopay: { deeplink?: string };
  payos: { transfer: TransferDetails };
  stripe: Record<string, never>;
  vietqr: { transfer: TransferDetails };
}

/** One try to pay at a provider. */
export interface PaymentAttempt<P extends PaymentProvider = PaymentProvider> {
  id: Uuid;
  payment_id: Uuid;
  provider: P;
  /** Our reference at the provider. */
  reference: string;
  amount: Minor;
  currency: 'VND';
  status: PaymentAttemptStatus;
  redirect_url: string | null;
  qr_payload: string | null;
  details: CheckoutDetails[P];
  provider_transaction_id: string | null;
  failure_code: string | null;
  expires_at: Timestamp;
  created_at: Timestamp;
}

/** Money on its way back to the payer. */
export interface Refund {
  id: Uuid;
  /** Null for money that fitted no payment. */
  payment_id: Uuid | null;
  booking_id: Uuid | null;
  kind: 'cancellation' | 'host_cancellation' | 'deposit' | 'late_payment' | 'goodwill' | 'unmatched';
  amount: Minor;
  currency: 'VND';
  /** `awaiting_account`: the payer must name a bank account, `payouts.setBankAccount`. */
  status: RefundStatus;
  method: 'provider' | 'bank_transfer';
  /** The rail it leaves by; `manual` is a transfer made by hand. */
  provider: PaymentProvider | 'manual';
  provider_refund_id: string | null;
  failure_code: string | null;
  reason: string | null;
  created_at: Timestamp;
  completed_at: Timestamp | null;
}

/** How a payment stands, with every try so far. */
export interface PaymentState {
  payment: Payment;
  attempts: Omit<PaymentAttempt, 'payment_id' | 'provider_transaction_id'>[];
  refunds: Refund[];
}

/** What is needed to let a person pay. */
export interface PaymentStart<P extends PaymentProvider = PaymentProvider> {
  attempt: PaymentAttempt<P>;
  /**
   * Open it in a browser; null for a bank transfer by QR, which has no page. It only displays: what counts is
   * `payments.waitUntilFinal`.
   */
  redirect_url: P extends 'vietqr' ? null : string;
  /** For another device, or for a bank's app. */
  qr: { payload: string; svg: string };
  details: CheckoutDetails[P];
}

/** Where a payer's browser came back to, read by `payments.readReturn`. */
export interface PaymentReturn {
  /** What the page said; it decides nothing. */
  status: 'succeeded' | 'failed' | 'pending' | 'unverified';
  /** Of the attempt, when the provider named it. */
  reference: string | null;
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

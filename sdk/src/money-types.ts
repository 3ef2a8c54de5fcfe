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
  zalopay: Record<string, never>;
  /** Absent when a lost answer had to be made up for. */
  payos: { transfer?: TransferDetails };
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

/** Money of the signed-in host in one currency. */
export interface Balance {
  currency: 'VND';
  /** What the next payout takes; negative when more was given back than earned. */
  available: Minor;
  /** Earned, and waiting for a claim window to close or a hold to be released. */
  pending: Minor;
  /** In payouts that are not paid yet. */
  on_the_way: Minor;
}

/** Where payouts, and refunds by bank transfer, go. The whole number is never shown again. */
export interface BankAccount {
  id: Uuid;
  user_id: Uuid;
  /** Six digits, as NAPAS numbers banks. */
  bank_bin: string;
  account_last4: string;
  /** As the bank writes it: capitals, no diacritics. */
  holder_name: string;
  /** Nothing is sent to it before this. */
  usable_from: Timestamp;
  created_at: Timestamp;
  removed_at: Timestamp | null;
}

export type PayoutStatus = StateOf<'payout'>;

/** Money on its way to a host. */
export interface Payout {
  id: Uuid;
  user_id: Uuid;
  batch_id: Uuid;
  bank_account_id: Uuid;
  bank_account_usable_from: Timestamp;
  amount: Minor;
  currency: 'VND';
  status: PayoutStatus;
  scheduled_at: Timestamp;
  provider: string | null;
  provider_payout_id: string | null;
  bank_reference: string | null;
  failure_code: string | null;
  hold_reason: string | null;
  created_at: Timestamp;
  paid_at: Timestamp | null;
}

/** What a payout is made of; the lines add up to its amount. */
export interface PayoutStatement {
  payout: Payout;
  account: Pick<BankAccount, 'bank_bin' | 'account_last4' | 'holder_name'>;
  lines: { posted_at: Timestamp; event: string; booking_code: string | null; amount: Minor }[];
}

/** Proof of a payment, or of a refund of one. Numbers are without gaps per kind and year. */
export interface Receipt {
  id: Uuid;
  series: string;
  /** Without gaps within its series. */
  seq: number;
  /** Both together, for people. */
  number: string;
  kind: 'receipt' | 'credit_note';
  user_id: Uuid;
  payment_id: Uuid;
  refund_id: Uuid | null;
  booking_id: Uuid;
  /** Of a credit note: the receipt it corrects. */
  corrects_id: Uuid | null;
  issued_at: Timestamp;
  currency: 'VND';
  /** Without the security deposit, which is held and not sold. */
  total: Minor;
  content: ReceiptContent;
}

/** What is printed on it, as it was when it was issued. */
export interface ReceiptContent {
  number: string;
  kind: 'receipt' | 'credit_note';
  issued_at: Timestamp;
  locale: 'vi' | 'en';
  currency: 'VND';
  total: Minor;
  /** Contained in `total`. */
  tax: Minor;
  seller: { name: string; address: string; tax_code: string };
  buyer: { name: string };
  booking: { code: string; vehicle: string; starts_at: Timestamp; ends_at: Timestamp } | null;
  lines: { label: string; amount: Minor }[];
  payment: { provider: string; transaction_id: string; paid_at: Timestamp } | null;
}

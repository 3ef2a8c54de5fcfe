import type { Like, Nullable } from './core/shapes.ts';
import type { PaymentAttemptsRow, Rows, Tables } from './generated/database.ts';
import type { Payable } from './payables-rows.ts';
import type { Refund } from './refunds-rows.ts';
import type { Minor } from './values.ts';

export type Payment = Tables['payments'];
export type PaymentStatus = Payment['status'];

export type PaymentProvider = Tables['payment_attempts']['provider'];
export type PaymentAttemptStatus = Tables['payment_attempts']['status'];

/** A way to pay that is switched on, and what it can carry. */
export interface PaymentMethod extends Omit<Rows['payment_methods'], 'provider'> {
  provider: PaymentProvider;
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
export interface PaymentAttempt<P extends PaymentProvider = PaymentProvider> extends PaymentAttemptsRow {
  provider: P;
  details: CheckoutDetails[P];
}

/** How a payment stands, with every try so far. */
export interface PaymentState {
  payment: Payment;
  /** What has come of `payment.amount`: all of it, or the parts so far. */
  received_amount: Minor;
  /** What is still to be paid; the next try asks for it. 0 when the payment has ended. */
  missing_amount: Minor;
  payable: Payable;
  attempts: Omit<PaymentAttempt, 'payment_id' | 'provider_transaction_id'>[];
  /** Of the payment, and of parts that it did not need (kind `part`). */
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

declare module './core/shapes.ts' {
  interface Shapes {
    payment_methods: PaymentMethod;
    payment_status: PaymentState | null;
    payment_events_needing_review: PaymentEvent;
    payment_attempts_needing_review: AttemptNeedingReview;
  }
}

// What every payment provider is to the rest of the functions, shaped like Stripe's: create, constructEvent,
// retrieve, refund, cancel. Amounts are minor units of the currency; a provider's own unit (VNPay's × 100)
// exists inside its wrapper only. What a rail can carry, whether it takes money in parts and whether it can
// give money back is said in one place, the table private.payment_providers.

export type ProviderName = 'vnpay' | 'momo' | 'zalopay' | 'payos' | 'stripe' | 'vietqr';

/** One attempt at paying, as the database knows it. */
export interface CheckoutInput {
  /** Our reference, never used before. */
  reference: string;
  amount: number;
  currency: string;
  /** When the attempt was made, in milliseconds; repeats of one attempt give the same link. */
  createdAt: number;
  /** When it must be paid by, in milliseconds. */
  expiresAt: number;
  /** Shown to the payer. */
  description: string;
  locale: 'vi' | 'en';
  /** Of the payer. */
  clientIp: string;
  /** Where the provider sends the payer's browser afterwards; it only displays. */
  returnUrl: string;
  /** Where notifications go, for providers that want to be told with each payment. */
  notifyUrl: string;
}

/** A bank transfer that pays an attempt, for apps that show it beside the QR code. */
export interface TransferDetails {
  /** Six digits, as NAPAS numbers banks. */
  bank_bin: string;
  account_number: string;
  account_name: string;
  amount: number;
  /** Must be sent with the transfer: the money is recognised by it. */
  message: string;
}

export interface Checkout {
  /** Where the payer goes; null for a rail without a page of its own. */
  redirectUrl: string | null;
  /** What a QR code shows. */
  qrPayload: string;
  /** What else the payer's app may use; stored with the attempt and shown to its payer. */
  details: {
    /** Opens the provider's app. */
    deeplink?: string;
    transfer?: TransferDetails;
  };
  /** What later calls about this attempt need; stored with it. */
  providerData: Record<string, unknown>;
}

/** A notification as received. */
export interface WebhookRequest {
  method: string;
  /** The query string without `?`, exactly as received. */
  query: string;
  /** The body, exactly as received. */
  body: string;
  headers: Headers;
}

/** What a provider says of a payment. */
export interface PaymentReport {
  outcome: 'succeeded' | 'failed' | 'pending';
  /** Ours, as given to `create`; null when the message names none we could have made. */
  reference: string | null;
  /** What this transaction carried, which on rails that take parts may be less than the attempt. */
  amount: number;
  currency: string;
  /** The provider's own id of the movement; null while it has none. */
  transactionId: string | null;
  /** The provider's code of a failure. */
  failureCode: string | null;
  /** Equal for equal reports, whether the provider sent them or we asked. */
  eventId: string;
  /** Why somebody must look at it as well: the payer's money is taken and held back, and no one is told again. */
  needsReview?: string;
}

/** What a provider says of a refund. */
export interface RefundReport {
  outcome: 'succeeded' | 'processing' | 'failed';
  /** The provider's id of the refund. */
  refundId: string;
  /** The provider's id of the payment it gives back. */
  transactionId: string | null;
  amount: number;
  currency: string;
  failureCode: string | null;
  eventId: string;
}

/** What a genuine notification is about. */
export type ProviderEvent =
  | { kind: 'payment'; report: PaymentReport }
  | { kind: 'refund'; report: RefundReport }
  /** Somebody must look at it, such as a chargeback. */
  | { kind: 'needs_review'; eventId: string; reference: string | null; reason: string }
  /** A test call, or about something we do not follow. */
  | { kind: 'ignored'; eventId: string; reason: string };

export type RefusalReason = 'bad_signature' | 'foreign_merchant' | 'malformed';

/** A verified notification, or why it is none. Nothing of an unverified one may be believed. */
export type ConstructedEvent =
  | { verified: true; event: ProviderEvent }
  | { verified: false; reason: RefusalReason };

/** What the payer's browser brought back; for display only. */
export interface PaymentReturn {
  /** `unverified`: the address is not signed, or wrongly. */
  status: 'succeeded' | 'failed' | 'pending' | 'unverified';
  /** Of the attempt, when a signature vouches for it. */
  reference: string | null;
}

/** What became of a notification; the provider hears it in its own words. */
export type WebhookOutcome =
  | 'applied'
  | 'duplicate'
  | 'unknown_reference'
  | 'amount_mismatch'
  | 'unmatched'
  | 'refunded_late'
  /** Less than the attempt, on a rail where the rest may follow. */
  | 'part_received'
  /** About a refund. */
  | 'recorded'
  /** Kept for somebody to look at. */
  | 'needs_review'
  | 'ignored'
  | RefusalReason
  | 'error';

/** An attempt already offered to the payer. */
export interface AttemptInput {
  reference: string;
  amount: number;
  currency: string;
  providerData: Record<string, unknown>;
}

export type RetrieveResult =
  /** One for each movement of money, or one that says how it stands. Never empty. */
  | { kind: 'reports'; reports: PaymentReport[] }
  /** Unknown there. `signed` says whether the answer can be proven to be the provider's. */
  | { kind: 'not_found'; signed: boolean }
  /** The provider wants to be asked about this one later. */
  | { kind: 'try_later'; reason: string }
  /** An answer that proves nothing. */
  | { kind: 'no_information'; reason: string };

/** The payments since the last read of a feed, also those that name no attempt of ours. */
export type FeedResult =
  /** `cursor`: where to look on from. */
  | { kind: 'reports'; reports: PaymentReport[]; cursor: string }
  /** As for `RetrieveResult`. */
  | { kind: 'try_later' | 'no_information'; reason: string };

export interface RefundInput extends AttemptInput {
  /** Equal for repeats of one order to refund, so that the provider can refuse to pay twice. */
  requestKey: string;
  /** To give back; `amount` is what was paid. */
  refundAmount: number;
  /** The provider's id of the payment. */
  transactionId: string | null;
  /** The provider's id of this refund, once it gave one. */
  refundId: string | null;
  /** Its ids of other refunds of the same payment: an answer that names one of them is not about this. */
  otherRefundIds?: readonly string[];
  /** When this order was written, in milliseconds; equal for its repeats, later where an admin orders anew. */
  orderedAt: number;
}

/** What became of money sent, be it a refund or a bank transfer. */
export type RefundResult =
  | {
      known: true;
      status: 'succeeded' | 'processing' | 'failed';
      refundId: string | null;
      code: string;
      /** It failed by what is ours, such as too little money on our account; its receiver can mend nothing. */
      byUs?: true;
    }
  /** `try_later`: the provider wants to be asked about this one later. Otherwise its answer proves nothing. */
  | { known: false; status: 'try_later' | 'no_information'; reason: string };

/**
 * One payment provider. Calls throw `provider_unavailable` when it does not answer, with `details.retry_after` when
 * it refuses because it is rate limited: then it is to be left alone altogether for that many seconds.
 */
export interface PaymentProvider {
  readonly name: ProviderName;
  /**
   * Makes the link for an attempt. Repeatable as far as the provider allows; throws `payment_start_again` where
   * an answer was lost and the provider does not repeat it, and `payment_amount_unsupported` for sums it
   * cannot carry.
   */
  create(input: CheckoutInput): Promise<Checkout>;
  /** Verifies and reads a notification. Never throws for what the sender wrote. */
  constructEvent(request: WebhookRequest): Promise<ConstructedEvent>;
  /** Reads the query string of the return address, without `?`. */
  readReturn(query: string): Promise<PaymentReturn>;
  /** The response to a notification, in the provider's words. */
  respond(outcome: WebhookOutcome): Response;
  /** Asks what became of an attempt. */
  retrieve(input: AttemptInput): Promise<RetrieveResult>;
  /**
   * Reads all that came in, where money can come that names no attempt (`payment_providers.has_feed`). Null stands
   * for the first look, which brings a cursor and no reports.
   */
  readFeed?(cursor: string | null): Promise<FeedResult>;
  /** Orders money back. Never called for rails that cannot (`payment_providers.refunds_by`). */
  refund(input: RefundInput): Promise<RefundResult>;
  /** Asks what became of an ordered refund. */
  retrieveRefund(input: RefundInput): Promise<RefundResult>;
  /** Ends an attempt early at the provider, repeatable. `unsupported`: the link lives until its own expiry. */
  cancel(input: AttemptInput): Promise<'cancelled' | 'unsupported'>;
}

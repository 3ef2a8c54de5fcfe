// The interface of every payment provider, shaped like Stripe's: create, constructEvent, retrieve, refund,
// cancel. Each provider's folder has the same files, named by these verbs. Amounts are minor units of the
// currency; only a provider's own folder knows its unit (VNPay's × 100). The table private.payment_providers
// says what a rail can carry, whether it takes money in parts, and whether it can refund.

export type ProviderName = 'vnpay' | 'momo' | 'zalopay' | 'payos' | 'stripe' | 'vietqr';

/** One attempt to pay, as the database knows it. */
export interface CheckoutInput {
  /** Our reference. It was never used before. */
  reference: string;
  amount: number;
  currency: string;
  /** When the attempt was made, in milliseconds. Repeats of one attempt give the same link. */
  createdAt: number;
  /** When the attempt expires, in milliseconds. */
  expiresAt: number;
  /** The payer sees it. */
  description: string;
  locale: 'vi' | 'en';
  /** The payer's address. */
  clientIp: string;
  /** Where the provider sends the payer's browser afterwards. The page only displays. */
  returnUrl: string;
  /** Where notifications go, for providers that take the address with each payment. */
  webhookUrl: string;
}

/** A bank transfer that pays an attempt, for apps that show it beside the QR code. */
export interface TransferDetails {
  /** NAPAS's six digits of the bank. */
  bank_bin: string;
  account_number: string;
  account_name: string;
  amount: number;
  /** Must be the message of the transfer: we recognise the money by it. */
  message: string;
}

export interface Checkout {
  /** Where the payer goes; null for a rail without a page of its own. */
  redirectUrl: string | null;
  /** The content of the QR code. */
  qrPayload: string;
  /** What else the payer's app may use. It is stored with the attempt and shown to the payer. */
  details: {
    /** Opens the provider's app. */
    deeplink?: string;
    transfer?: TransferDetails;
  };
  /** What later calls about this attempt need. It is stored with the attempt. */
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

/** What a provider reports of a payment. */
export interface PaymentReport {
  outcome: 'succeeded' | 'failed' | 'pending';
  /** Ours, as given to `create`; null when the message has no reference that we could have made. */
  reference: string | null;
  /** The amount of this transaction. On rails that take parts, it may be less than the attempt. */
  amount: number;
  currency: string;
  /** The provider's own id of the movement, or null while there is none. */
  transactionId: string | null;
  /** The provider's code of a failure. */
  failureCode: string | null;
  /** Equal for equal reports, whether the provider sent them or we asked. */
  eventId: string;
  /**
   * Why an admin must look at it as well: the provider has taken the payer's money and holds it, and sends no
   * further notification, or our settings make it book money twice.
   */
  needsReview?: string;
  /** Equal for reports that need one look together. Without it, each report is shown. */
  reviewId?: string;
}

/** What a provider reports of a refund. */
export interface RefundReport {
  outcome: 'succeeded' | 'processing' | 'failed';
  /** The provider's id of the refund. */
  refundId: string;
  /** The provider's id of the payment that is refunded. */
  transactionId: string | null;
  amount: number;
  currency: string;
  failureCode: string | null;
  /** The `requestKey` of our order, when the provider repeats it; null for a refund that we did not order. */
  requestKey: string | null;
  eventId: string;
}

/** The content of a genuine notification. */
export type ProviderEvent =
  | { kind: 'payment'; report: PaymentReport }
  | { kind: 'refund'; report: RefundReport }
  /** An admin must look at it, for example at a chargeback. */
  | { kind: 'needs_review'; eventId: string; reference: string | null; reason: string }
  /** We cannot read it. An admin must look at it, and it should come again. */
  | { kind: 'unreadable'; eventId: string; reference: string | null }
  /** A test call, or something that we do not follow. */
  | { kind: 'ignored'; eventId: string; reason: string };

export type RefusalReason = 'bad_signature' | 'foreign_merchant' | 'malformed';

/**
 * A verified event, or why the notification is none. DO NOT trust anything in an unverified one. A message with a
 * right signature is never `malformed` but `unreadable`: those that are not verified are thrown away one day.
 */
export type ConstructedEvent =
  | { verified: true; event: ProviderEvent }
  | { verified: false; reason: RefusalReason };

/** What the payer's browser brought back, for display only. */
export interface PaymentReturn {
  /** `unverified`: the address has no signature, or a wrong one. */
  status: 'succeeded' | 'failed' | 'pending' | 'unverified';
  /** The reference of the attempt, when a signature proves it. */
  reference: string | null;
}

/** What became of a notification. `respond` translates it for the provider. */
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
  /** Kept for an admin to look at. */
  | 'needs_review'
  /** Kept for an admin to look at. It should come again, because we may read it then. */
  | 'unreadable'
  | 'ignored'
  | RefusalReason
  | 'error';

/** An attempt that was offered to the payer. */
export interface AttemptInput {
  reference: string;
  amount: number;
  currency: string;
  providerData: Record<string, unknown>;
}

export type RetrieveResult =
  /** One for each movement of money, or one that says how the attempt stands. Never empty. */
  | { kind: 'reports'; reports: PaymentReport[] }
  /**
   * The provider does not know it. `signed` says whether we can prove that the answer comes from the provider.
   */
  | { kind: 'not_found'; signed: boolean }
  /** The provider wants to be asked about this one later. */
  | { kind: 'try_later'; reason: string }
  /** The answer proves nothing. */
  | { kind: 'no_information'; reason: string };

/** The payments since the last read of a feed, also those that name no attempt of ours. */
export type FeedResult =
  /** `cursor`: where the next read begins. */
  | { kind: 'reports'; reports: PaymentReport[]; cursor: string }
  /** As in `RetrieveResult`. */
  | { kind: 'try_later' | 'no_information'; reason: string };

export interface RefundInput extends AttemptInput {
  /** Equal for repeats of one order, so that the provider can refuse to pay twice. */
  requestKey: string;
  /** The amount to refund; `amount` is what was paid. */
  refundAmount: number;
  /** The provider's id of the payment. */
  transactionId: string | null;
  /** The provider's id of this refund, once we know it. */
  refundId: string | null;
  /**
   * The provider's ids of other refunds of the same payment. An answer with one of them is not about this
   * refund.
   */
  otherRefundIds?: readonly string[];
  /**
   * When the refund was ordered, in milliseconds. Equal for repeats of one order; later when an admin orders it
   * again.
   */
  orderedAt: number;
}

/** The result of sending money, as a refund or as a bank transfer. */
export type RefundResult =
  | {
      known: true;
      status: 'succeeded' | 'processing' | 'failed';
      refundId: string | null;
      code: string;
      /**
       * It failed for a reason on our side, such as too little money on our account. The receiver cannot fix
       * it.
       */
      byUs?: true;
    }
  /** `try_later`: the provider wants to be asked about this one later. Otherwise its answer proves nothing. */
  | { known: false; status: 'try_later' | 'no_information'; reason: string };

/**
 * One payment provider. Every call throws `provider_unavailable` when the provider does not answer. When the
 * provider is rate limited, `details.retry_after` says for how many seconds to make no call at all.
 */
export interface PaymentProvider {
  readonly name: ProviderName;
  /**
   * Creates the link for an attempt. It can be repeated as far as the provider allows. Throws
   * `payment_start_again` when an answer was lost and the provider does not repeat it, and
   * `payment_amount_unsupported` for amounts that the provider cannot carry.
   */
  create(input: CheckoutInput): Promise<Checkout>;
  /** Verifies and reads a notification. Never throws, whatever the sender wrote. */
  constructEvent(request: WebhookRequest): Promise<ConstructedEvent>;
  /** Reads the query string of the return address, without `?`. */
  readReturn(query: string): Promise<PaymentReturn>;
  /** The response to a notification, in the provider's words. */
  respond(outcome: WebhookOutcome): Response;
  /** Asks for the result of an attempt. */
  retrieve(input: AttemptInput): Promise<RetrieveResult>;
  /**
   * Reads all incoming money of a rail on which money can come without naming an attempt
   * (`payment_providers.has_feed`). Null is for the first read, which answers a cursor and no reports.
   */
  readFeed?(cursor: string | null): Promise<FeedResult>;
  /** Orders a refund. Never called for rails that cannot refund (`payment_providers.refunds_by`). */
  refund(input: RefundInput): Promise<RefundResult>;
  /** Asks for the result of an ordered refund. */
  retrieveRefund(input: RefundInput): Promise<RefundResult>;
  /**
   * Ends an attempt early at the provider. It can be repeated. `unsupported`: the link lives until it expires.
   */
  cancel(input: AttemptInput): Promise<'cancelled' | 'unsupported'>;
}

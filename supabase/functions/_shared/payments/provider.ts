// What every payment provider is to the rest of the functions, shaped like Stripe's: create, constructEvent,
// retrieve, refund, cancel. Amounts are minor units of the currency; a provider's own unit (VNPay's × 100)
// exists inside its wrapper only.

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
}

export interface Checkout {
  /** Where the payer goes. */
  redirectUrl: string;
  /** What a QR code shows. */
  qrPayload: string;
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
  reference: string;
  amount: number;
  currency: string;
  /** The provider's own id; null while it has none. */
  transactionId: string | null;
  /** The provider's code of a failure. */
  failureCode: string | null;
  /** Equal for equal news, whether pushed or asked for. */
  eventId: string;
}

export type RefusalReason = 'bad_signature' | 'foreign_merchant' | 'malformed';

/** A verified notification, or why it is none. Nothing of an unverified one may be believed. */
export type ConstructedEvent =
  | { verified: true; report: PaymentReport }
  | { verified: false; reason: RefusalReason };

/** What became of a notification; the provider hears it in its own words. */
export type WebhookOutcome =
  | 'applied'
  | 'duplicate'
  | 'unknown_reference'
  | 'amount_mismatch'
  | 'unmatched'
  | 'refunded_late'
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

export type Retrieved =
  | { kind: 'report'; report: PaymentReport }
  /** Unknown there. `signed` says whether the answer can be proven to be the provider's. */
  | { kind: 'not_found'; signed: boolean }
  /** The provider wants to be asked later. */
  | { kind: 'try_later'; reason: string }
  /** An answer that proves nothing. */
  | { kind: 'no_information'; reason: string };

export interface RefundInput extends AttemptInput {
  /** Equal for repeats of one order to refund, so that the provider can refuse to pay twice. */
  requestKey: string;
  /** To give back; `amount` is what was paid. */
  refundAmount: number;
  /** The provider's id of the payment. */
  transactionId: string | null;
  /** The provider's id of this refund, once it gave one. */
  refundId: string | null;
}

export type RefundResult =
  | { known: true; status: 'succeeded' | 'processing' | 'failed'; refundId: string | null; code: string }
  /** `try_later`: the provider wants to be asked later. Otherwise its answer proves nothing. */
  | { known: false; status: 'try_later' | 'no_information'; reason: string };

/** One payment provider. Calls throw `provider_unavailable` when it does not answer. */
export interface PaymentProvider {
  readonly name: string;
  /** Makes the link for an attempt. Throws `payment_amount_unsupported` for sums it cannot carry. */
  create(input: CheckoutInput): Promise<Checkout>;
  /** Verifies and reads a notification. Never throws for what the sender wrote. */
  constructEvent(request: WebhookRequest): Promise<ConstructedEvent>;
  /** The answer to a notification, in the provider's words. */
  answer(outcome: WebhookOutcome): Response;
  /** Asks what became of an attempt. */
  retrieve(input: AttemptInput): Promise<Retrieved>;
  /** Orders money back. */
  refund(input: RefundInput): Promise<RefundResult>;
  /** Asks what became of an ordered refund. */
  retrieveRefund(input: RefundInput): Promise<RefundResult>;
  /** Ends an attempt early. `unsupported`: the link lives until its own expiry. */
  cancel(input: AttemptInput): Promise<'cancelled' | 'unsupported'>;
}
